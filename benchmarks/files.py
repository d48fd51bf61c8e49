"""Files of any size: memory, speed, kills and bad lines, by the command that anyone would type.

    python benchmarks/files.py --data ../shared/data -- small large endless kills ray mixed mixed-json

`small` and `large` tag 2 MB and 50 MB with the default encoder, `endless` does so for ten minutes with 4 GiB and is
then asked to end; `kills` kills -9 a run over 200,000 lines at ten random moments and resumes it each time, `ray` kills
one of two workers; `mixed` and `mixed-json` are 10,000 bad and good lines. The results go to
`benchmarks/results/files.json` and `files.md`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from measured import ROOT, find

sys.path.insert(0, str(ROOT))
from tests.corpora.mixed_lines import mixed_objects, mixed_texts

RUNS = ROOT / "runs" / "benchmarks"
COMMAND = [sys.executable, "-m", "nlp_pipeline"]
SEED = 4


def bundle(light: bool) -> Path:
    """Return the bundle of a tagger with the default encoder, or none; trained where it is not there."""
    folder = RUNS / ("files-light" if light else "files-encoder")
    if not (folder / "bundle" / "bundle.json").is_file():
        settings = ["--set", "encoder=null"] if light else []
        call = [*COMMAND, "train", "pipelines/ner-demo.yaml", "--output", str(folder), *settings]
        subprocess.run(call, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return folder / "bundle"


def _sentences(data: Path) -> Iterator[bytes]:
    """Yield lines of English for ever."""
    files = [path for path in (data / "tatoeba_en_fr/train.en", data / "multi30k_en_de/train.en") if path.is_file()]
    assert files, f"expected tatoeba_en_fr/train.en or multi30k_en_de/train.en in {data}"
    while True:
        for path in files:
            with path.open("rb") as lines:
                yield from lines


def text_of(data: Path, size: int, folder: Path) -> Path:
    """Return a file of so many bytes, in whole lines."""
    path = folder / f"{size}.txt"
    if not path.is_file():
        part = b"".join(_until(_sentences(data), min(size, 50_000_000)))
        with path.with_suffix(".new").open("wb") as file:
            while file.tell() < size:
                file.write(part)
        path.with_suffix(".new").rename(path)
    return path


def _until(lines: Iterator[bytes], size: int) -> Iterator[bytes]:
    held = 0
    for line in lines:
        yield line
        held += len(line)
        if held >= size:
            return


def _resident(process: int) -> float:
    """Return the resident memory of a process in MiB."""
    for line in Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def watched(data: Path, size: int, folder: Path, longest: float | None = None) -> dict[str, Any]:
    """Tag a file, and look at the process's memory each second.

    Args:
        data: the corpora.
        size: of the file, in bytes.
        folder: where files are written.
        longest: seconds after which the run is asked to end; None waits for its end.
    """
    source = text_of(data, size, folder)
    output = folder / f"{size}.jsonl"
    call = [*COMMAND, "tag", str(bundle(light=False)), str(source), "--output", str(output), "--json-progress"]
    errors = folder / f"{size}.log"
    started = time.monotonic()
    memory: list[tuple[float, float]] = []
    with errors.open("w", encoding="utf-8") as log, subprocess.Popen(call, cwd=ROOT, stderr=log) as process:
        while process.poll() is None:
            memory.append((time.monotonic() - started, _resident(process.pid)))
            if longest is not None and memory[-1][0] > longest:
                process.send_signal(signal.SIGTERM)
                longest = None
            time.sleep(1.0)
    told = [json.loads(line) for line in errors.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
    first = next(at for at, held in memory if held > 0.9 * max(held for _, held in memory))
    minutes = {f"MiB after {int(at / 60)} min": round(held) for at, held in memory if int(at) % 120 == 60}
    return {
        "bytes": source.stat().st_size,
        "exit code": process.returncode,
        "peak MiB": round(max(held for _, held in memory)),
        "median MiB of the last half": round(sorted(held for _, held in memory[len(memory) // 2 :])[len(memory) // 4]),
        "seconds until 90 % of the peak": round(first),
        "words": told[-1]["words"],
        "words/s": round(told[-1]["words_per_second"]),
        "seconds": round(time.monotonic() - started),
        "minutes": minutes if len(minutes) < 12 else {},
    }


def killed(data: Path, folder: Path, ray: bool = False) -> dict[str, Any]:
    """Kill a run over 200,000 lines again and again, or one of its workers once; compare with an undisturbed one."""
    lines = list(_until(_sentences(data), 12_000_000))[:200_000]
    source = folder / "lines.txt"
    source.write_bytes(b"".join(lines))
    call = [*COMMAND, "tag", str(bundle(light=True)), str(source), "--json-progress", "--output"]
    whole, disturbed = folder / "whole.jsonl", folder / ("ray.jsonl" if ray else "disturbed.jsonl")
    started = time.monotonic()
    subprocess.run([*call, str(whole)], cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
    seconds = time.monotonic() - started
    moments: list[float] = []
    if ray:
        kills = _kill_a_worker([*call, str(disturbed), "--engine", "ray", "--workers", "2"])
    else:
        source_of_chance = random.Random(SEED)
        kills = 0
        while kills < 10:
            with subprocess.Popen([*call, str(disturbed), "--resume"], cwd=ROOT, stderr=subprocess.PIPE) as process:
                assert process.stderr is not None
                process.stderr.readline()
                moments.append(round(source_of_chance.random() * 0.15 * seconds, 2))
                time.sleep(moments[-1])
                process.kill()
                process.wait()
                assert process.returncode == -signal.SIGKILL, "it was done before it could be killed"
            kills += 1
        subprocess.run([*call, str(disturbed), "--resume"], cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
    return {
        "lines": len(lines),
        "undisturbed, seconds": round(seconds),
        "kills": kills,
        "seconds after the first word of each run": moments,
        "bytes": disturbed.stat().st_size,
        "differing bytes": _differing(whole, disturbed),
        "left beside it": sorted(path.name for path in folder.iterdir() if path.name.startswith(f".{disturbed.name}")),
    }


def _kill_a_worker(call: list[str]) -> int:
    with subprocess.Popen(call, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("{") and json.loads(line)["records"] > 20_000:
                break
        workers = subprocess.run(["pgrep", "-f", "SliceWorker"], capture_output=True, text=True, check=False).stdout
        os.kill(int(workers.split()[0]), signal.SIGKILL)
        process.stderr.read()
        assert process.wait() == 0, process.returncode
    return 1


def _differing(one: Path, other: Path) -> int:
    """Return in how many bytes two files differ."""
    first, second = one.read_bytes(), other.read_bytes()
    if hashlib.sha256(first).digest() == hashlib.sha256(second).digest():
        return 0
    return abs(len(first) - len(second)) + sum(a != b for a, b in zip(first, second, strict=False))


def mixed(folder: Path, objects: bool = False) -> dict[str, Any]:
    """Tag 10,000 good and bad lines, of text or of JSON, and look for each of them."""
    made = mixed_objects(10_000) if objects else mixed_texts(10_000)
    source, output = folder / ("mixed.jsonl" if objects else "mixed.txt"), folder / "tagged.jsonl"
    source.write_bytes(b"".join(line + b"\n" for line, _ in made))
    call = [*COMMAND, "tag", str(bundle(light=True)), str(source), "--output", str(output), "--quiet"]
    ended = subprocess.run(call, cwd=ROOT, check=False, capture_output=True, text=True)
    tagged = [json.loads(line)["text"] for line in output.read_text(encoding="utf-8").split("\n")[:-1]]
    rejected = Path(f"{output}.rejected.jsonl").read_text(encoding="utf-8").splitlines()
    # An empty line is a record of text, and between two objects nothing.
    good = [text for _, text in made if text is not None and not (objects and text == "")]
    bad = [number for number, (_, text) in enumerate(made, start=1) if text is None]
    return {
        "lines": len(made),
        "bytes": source.stat().st_size,
        "exit code": ended.returncode,
        "told": ended.stderr.strip().replace(f"{folder}/", ""),
        "tagged": len(tagged),
        "tagged are the good lines in order": tagged == good,
        "rejected": len(rejected),
        "rejected are the bad lines in order": [json.loads(line)["line"] for line in rejected] == bad,
    }


def main() -> None:
    """Run the rows that were asked for, all of them where none was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*")
    parser.add_argument("--data", type=Path, required=True, help="folder with tatoeba_en_fr or multi30k_en_de")
    parser.add_argument("--work", type=Path, default=RUNS / "files", help="folder for files, 10 GB with `endless`")
    arguments = parser.parse_args()
    folder = arguments.work.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    data = arguments.data.absolute()
    rows: dict[str, Callable[[], dict[str, Any]]] = {
        "small": lambda: watched(data, 2_000_000, folder),
        "large": lambda: watched(data, 50_000_000, folder),
        "endless": lambda: watched(data, 4 * 2**30, folder, longest=600.0),
        "kills": lambda: killed(data, folder),
        "ray": lambda: killed(data, folder, ray=True),
        "mixed": lambda: mixed(folder),
        "mixed-json": lambda: mixed(folder, objects=True),
    }
    find("files", "Files of any size", rows, arguments.rows)


if __name__ == "__main__":
    main()
