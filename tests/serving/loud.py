"""A job without a network: records come out in capital letters. Also a program, which can be killed.

python -m tests.serving.loud INPUT OUTPUT [--resume]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nlp_pipeline.corpora.records import InputRecord, ReadOptions, Rejected
from nlp_pipeline.corpora.sources import Source, format_of, stem_of
from nlp_pipeline.errors import PipelineError
from nlp_pipeline.serving.files import process_files
from nlp_pipeline.serving.forms import Form
from nlp_pipeline.serving.windows import Limits
from nlp_pipeline.serving.work import Begun, Job, Processed

LIMITS = Limits(size=1_000, records=50)


@dataclass
class Loud:
    """Makes capitals of letters.

    Attributes:
        pause: seconds for each window.
        seen: how many windows there have been.
    """

    pause: float = 0.0
    seen: int = 0

    def begin(self, records: Sequence[InputRecord], name: str) -> Begun:
        """Do it when it is asked for."""
        return Begun(lambda: self.process(records, name))

    def process(self, records: Sequence[InputRecord], name: str) -> Processed:
        """Return each record's line and its text in capitals; a note for each that asks for one."""
        time.sleep(self.pause)
        self.seen += 1
        texts = [record.text or " ".join(record.words or ()) for record in records]
        notes = [f"{name}:{record.line}" for record in records if (record.text or "").startswith("note")]
        results = [(record.line, text.upper()) for record, text in zip(records, texts, strict=True)]
        return Processed(results, {"words": sum(len(text.split()) for text in texts)}, notes)


class LoudForm(Form):
    """Two files: the texts, and the numbers of their lines."""

    name = "loud"
    suffixes = (".loud", ".lines")

    def encode(self, entries: Sequence[tuple[int, str] | Rejected]) -> tuple[bytes, ...]:
        """Return a line for each result, and a question mark for what was rejected."""
        told = [(entry.line, "?") if isinstance(entry, Rejected) else entry for entry in entries]
        return tuple("".join(f"{pair[at]}\n" for pair in told).encode("utf-8") for at in (1, 0))


def loud_job(inputs: Sequence[Path], output: Path, form: Form | None = None) -> Job:
    """Return the job that makes `output`, a folder where there are several inputs."""
    form = form or LoudForm()
    sources = [Source(str(path), format_of(path.name), stem_of(path)) for path in inputs]
    stems = [output] if len(inputs) == 1 else [output / stem_of(path).name for path in inputs]
    targets = [[f"{stem}{suffix}" for suffix in form.suffixes] for stem in stems]
    return Job(sources, targets, str(output), f"{output}.rejected", ReadOptions(), LIMITS, form, {"who": "loud"})


def main() -> None:
    """Run the job that the command line asks for, with a pause in each window."""
    import nlp_pipeline.serving.files as engine

    engine.NOTED_EVERY = 0.0
    *names, output = [Path(name) for name in sys.argv[1:] if name != "--resume"]
    try:
        done = process_files(loud_job(names, output), Loud(pause=0.01), "--resume" in sys.argv, say=print)
    except PipelineError as error:
        sys.stdout.write(f"{error}\n")
        sys.exit(error.exit_code)
    sys.stdout.write(f"{dict(done.counts)}\n")


if __name__ == "__main__":
    main()
