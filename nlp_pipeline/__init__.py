"""BERT embeddings feed recurrent taggers and translators, in TensorFlow.

Importing this package loads no TensorFlow: the names below are loaded when they are first used.
"""

__version__ = "0.1.0"

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from os import PathLike

    from nlp_pipeline.serving.tagger import LoadedTagger
    from nlp_pipeline.serving.translator import LoadedTranslator

__all__ = ["LoadedTagger", "LoadedTranslator", "__version__", "load"]


def load(bundle: "str | PathLike[str]") -> "Any":
    """Load a bundle, of either kind: a `LoadedTagger` or a `LoadedTranslator`.

        load("runs/ner-demo/bundle").tag_text("A text.")
        load("runs/translate-demo/bundle").translate("A sentence.")

    Raises:
        BundleError: where it is missing, incomplete, altered or of another kind.
    """
    from pathlib import Path

    from nlp_pipeline.serving.manifest import read_task

    loaded: Any = __getattr__("LoadedTranslator" if read_task(Path(bundle)) == "translation" else "LoadedTagger")
    return loaded.load(bundle)


def __getattr__(name: str) -> Any:
    if name == "LoadedTagger":
        from nlp_pipeline.serving.tagger import LoadedTagger

        return LoadedTagger
    if name == "LoadedTranslator":
        from nlp_pipeline.serving.translator import LoadedTranslator

        return LoadedTranslator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
