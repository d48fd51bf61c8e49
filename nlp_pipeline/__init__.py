"""BERT embeddings feed recurrent taggers and translators, in TensorFlow.

Importing this package loads no TensorFlow: the names below are loaded when they are first used.
"""

__version__ = "0.1.0"
