"""BERT embeddings feed recurrent taggers and translators, in TensorFlow.

Importing this package loads no TensorFlow: the names below are loaded when they are first used.
"""

__version__ = "0.1.0"

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from os import PathLike

    from nlp_pipeline.serving.tagger import LoadedTagger

__all__ = ["LoadedTagger", "__version__", "load"]


def load(bundle: "str | PathLike[str]") -> "LoadedTagger":
    """Load a bundle: `load("runs/ner-demo/bundle").tag_text("A text.")`.

    Raises:
        BundleError: where it is missing, incomplete, altered or of another kind.
    """
    from nlp_pipeline.serving.tagger import LoadedTagger

    return LoadedTagger.load(bundle)


def __getattr__(name: str) -> Any:
    if name == "LoadedTagger":
        from nlp_pipeline.serving.tagger import LoadedTagger

        return LoadedTagger
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
