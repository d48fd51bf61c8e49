"""The folder of a run: its recipe, corpora, logs, checkpoints and bundle, and what they were made from."""

from __future__ import annotations

import enum
import fcntl
import hashlib
import importlib.metadata
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import nlp_pipeline
from nlp_pipeline.errors import BundleError, OutputError, Problem, UsageError
from nlp_pipeline.jobs.prepare import PreparedCorpus
from nlp_pipeline.outputs import file_digest, new_file, parents_of, refuse_foreign, told
from nlp_pipeline.recipe.section import BaseRecipe
from nlp_pipeline.serving.manifest import MANIFEST, read_manifest
from nlp_pipeline.training.checkpoints import Checkpoints

RECIPE = "recipe.yaml"
MARKER = "done.json"
HEADER = "# What a run of nlp_pipeline did: the recipe, with what was typed beside it, and all defaults.\n"

# Of the recipe's `training`: not one bit of what comes out depends on them. With what the first runs were noted with.
CHANGES_NOTHING = {"steps_per_execution": 1, "checkpoint_steps": 1000, "keep_checkpoints": 2}
# A run goes on though these keys of the recipe's `training` have changed, or what its `dashboard` says: they are about
# where, how far and how fast it is trained, and what is shown, not about what a checkpoint's numbers mean.
MAY_CHANGE = frozenset(
    (
        *("epochs", "patience", "steps", "learning_rate", "encoder_learning_rate", "layer_decay", "warmup", "decay"),
        *("weight_decay", "clip_norm", "not_finite", "keep_vectors"),
        *("strategy", "xla", "accumulate", *CHANGES_NOTHING),
    )
)


class Start(enum.Enum):
    """What a training does with what an earlier one, into the same folder, left unfinished.

    NEW: refuses to begin. RESUME: goes on; begins where there is nothing. FORCE: begins anew. GO_ON: goes on if it can,
    and begins anew otherwise.
    """

    NEW = "new"
    RESUME = "resume"
    FORCE = "force"
    GO_ON = "go on"


class Differences(NamedTuple):
    """What has changed since a checkpoint, each as text: what it cannot bear, and what it can. Empty for nothing."""

    hard: str
    soft: str


class RunFolder:
    """A run's folder.

    Args:
        path: where it is.
        keep_checkpoints: how many checkpoints are kept.
    """

    def __init__(self, path: Path, keep_checkpoints: int = 2) -> None:
        self.path = path
        self.corpus = path / "corpus"
        self.logs = path / "logs"
        self.bundle = path / "bundle"
        self.checkpoints = Checkpoints(path / "checkpoints", keep_checkpoints)
        self.marker = path / MARKER

    def refuse_other(self) -> None:
        """Refuse a folder that is a bundle, or that holds a recipe or a bundle's folder which no run has written.

        Raises:
            OutputError: where it is such a one.
        """
        if (self.path / MANIFEST).exists():
            raise OutputError([Problem(str(self.path), "expected a folder for the run, received a bundle")])
        refuse_foreign(self.bundle, MANIFEST)
        try:
            with (self.path / RECIPE).open(encoding="utf-8") as file:
                own = file.readline() == HEADER
        except (FileNotFoundError, NotADirectoryError):
            return  # a file in the folder's place is told when the first folder is made
        except (OSError, UnicodeDecodeError):
            own = False
        if not own:
            message = f"expected a folder for the run, received one with a {RECIPE} that would be replaced"
            raise OutputError([Problem(str(self.path), message)])

    def refuse_unfinished(self) -> None:
        """Refuse a folder that holds the checkpoints of a training.

        Raises:
            UsageError: where it does.
        """
        if files := self.unfinished():
            message = (
                f"holds a training that was not finished ({files[0].name}): "
                "--resume goes on with it, --force begins anew"
            )
            raise UsageError([Problem(str(self.path), message)])

    def unfinished(self) -> list[Path]:
        """Return the checkpoints of a training that was not finished, the newest first.

        Those that a run left which was killed after it had noted its bundle, and before they were removed, are none.
        """
        files = self.checkpoints.files()
        if files and self.done() is not None:
            finished = self.marker.stat().st_mtime_ns
            files = [path for path in files if path.stat().st_mtime_ns > finished]
        return files

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for this process: no other one can train into it. The lock ends with the process.

        Raises:
            UsageError: where another process holds it.
            OutputError: where it cannot be made.
        """
        # The corpus is the first thing that is written into it.
        with told(self.path), parents_of(self.corpus):
            handle = os.open(self.path, os.O_RDONLY)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                message = "expected a folder of its own for each run, received one that another process trains into"
                raise UsageError([Problem(str(self.path), message)]) from None
            except OSError:
                pass  # a file system without locks
            yield
        finally:
            os.close(handle)
            with suppress(OSError):
                self.path.rmdir()  # a run that came to nothing leaves nothing

    def open(self, recipe: BaseRecipe, anew: bool) -> None:
        """Write the resolved recipe. For a training that begins anew, remove the checkpoints of the one before.

        Raises:
            OutputError: where it cannot be written to.
        """
        with new_file(self.path / RECIPE) as file:
            file.write_text(HEADER + recipe.to_yaml(), encoding="utf-8")
        if anew:
            self.checkpoints.remove()
        else:
            self.checkpoints.tidy()

    def about(self, recipe: BaseRecipe, prepared: PreparedCorpus[Any]) -> dict[str, Any]:
        """Return what a training is made from, as JSON has it."""
        return {
            "package": nlp_pipeline.__version__,
            "recipe": recipe.model_dump(mode="json"),
            "corpus": prepared.summary["fingerprint"],
        }

    def differences(self, about: Mapping[str, Any], recipe: BaseRecipe, prepared: PreparedCorpus[Any]) -> Differences:
        """Return what has changed since a checkpoint was written, of which `about` is what `about` gave."""
        now = self.about(recipe, prepared)
        hard: list[str] = []
        soft: list[str] = []
        if about["package"] != now["package"]:
            hard.append(f"version {about['package']} of nlp_pipeline, now {now['package']}")
        for key, before, after in _changes(about["recipe"], now["recipe"]):
            section, _, name = key.partition(".")
            free = key == "name" or section == "dashboard" or (section == "training" and name in MAY_CHANGE)
            listed = soft if free else hard
            listed.append(f"{key}={json.dumps(before)}, now {json.dumps(after)}")
        for name, version in versions().items():
            if (before := about.get("versions", {}).get(name, version)) != version:
                soft.append(f"version {before} of {name}, now {version}")
        if not hard and about["corpus"] != now["corpus"]:
            hard.append("the corpora, or the encoder, are others")
        return Differences("; ".join(hard), "; ".join(soft))

    def refuse_another_recipe(
        self, about: Mapping[str, Any], recipe: BaseRecipe, prepared: PreparedCorpus[Any]
    ) -> None:
        """Refuse to train together with a chief that trains something else, of which `about` is what `about` gave.

        Raises:
            UsageError: where a key differs, but for the name.
        """
        differences = self.differences(about, recipe.model_copy(update={"name": about["recipe"]["name"]}), prepared)
        if found := "; ".join(filter(None, differences)):
            raise UsageError(f"expected the recipe and the corpora of the first worker, received others: {found}")

    def finish(self, recipe: BaseRecipe, prepared: PreparedCorpus[Any]) -> None:
        """Note that the bundle is there, and what it was made from, and remove the checkpoints.

        Raises:
            OutputError: where it cannot be written to.
        """
        self.mark({"fingerprint": self.fingerprint(recipe, prepared), "bundle": file_digest(self.bundle / MANIFEST)})
        self.checkpoints.remove()

    def fingerprint(self, recipe: BaseRecipe, prepared: PreparedCorpus[Any]) -> str:
        """Return what changes whenever a training's result would.

        What a recipe's `dashboard` says changes nothing, nor do `CHANGES_NOTHING`; its name is the bundle's, too.
        """
        about = self.about(recipe, prepared)
        kept = {key: value for key, value in about["recipe"].items() if key != "dashboard"}
        about["recipe"] = {**kept, "training": {**kept["training"], **CHANGES_NOTHING}}
        return hashlib.sha256(json.dumps(list(about.values()), sort_keys=True).encode()).hexdigest()

    def mark(self, done: Mapping[str, str]) -> None:
        """Note what is done."""
        with new_file(self.marker) as file:
            file.write_text(json.dumps(done), encoding="utf-8")

    def done(self) -> dict[str, str] | None:
        """Return what is done, or None where there is no whole bundle that it was noted of."""
        try:
            done = json.loads(self.marker.read_text(encoding="utf-8"))
            if done["bundle"] != file_digest(self.bundle / MANIFEST):
                return None
            read_manifest(self.bundle)
            return {str(key): str(value) for key, value in done.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, BundleError):
            return None


def versions() -> dict[str, str]:
    """Return the versions of what computes."""
    return {name: importlib.metadata.version(name) for name in ("tensorflow", "keras")}


def _changes(before: Any, after: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the keys of nested mappings whose values differ, with both values."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys([*before, *after]):
            yield from _changes(before.get(name), after.get(name), f"{key}.{name}" if key else str(name))
    elif before != after:
        yield key, before, after
