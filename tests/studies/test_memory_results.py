"""What is concluded from trainings is computed from them: drawn trainings, for and against what was to be shown."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from html.parser import HTMLParser

import numpy as np
import pytest

from nlp_pipeline.documents.markdown import markdown_of
from nlp_pipeline.documents.page import page_of
from nlp_pipeline.errors import UsageError
from nlp_pipeline.studies.memory_document import document_of
from nlp_pipeline.studies.memory_picture import PANELS, pixels_of, png_of, svg_of
from nlp_pipeline.studies.memory_results import LEARNT, MemoryStudy
from nlp_pipeline.studies.memory_settings import MemorySettings
from nlp_pipeline.studies.memory_trial import GradientShares, Trial
from nlp_pipeline.studies.networks import FORMS

REACHES = {"rnn": 10, "gru": 20, "lstm": 30, "two-way": 20, "deep": 30, "attention": 99}


def study_of(accuracy: Callable[[str, int, int], float]) -> MemoryStudy:
    """Return a study whose trainings have the accuracies that a function of network, distance and seed gives."""
    asked = MemorySettings(distances=(5, 10, 20, 30))
    trials = []
    for distance in asked.distances:
        for name in asked.networks:
            for clipped in (True, False):
                for seed in range(1, asked.seeds + 1):
                    shares = None
                    if distance == asked.gradient_at:
                        factor = np.float32(0.9 if name == "attention" else 0.1)
                        states = factor ** np.arange(distance + 1, dtype=np.float32) * np.float32(seed)
                        shares = GradientShares(states, None if name in ("rnn", "gru") else states)
                    value = accuracy(name, distance, seed)
                    norm = float("inf") if name == "rnn" and not clipped and distance == 30 else 2.0 * seed
                    trial = Trial(name, distance, seed, clipped, value, 50, value > 0.9, norm < 9e9, norm, 0.5)
                    trials.append(trial._replace(before=shares, after=shares))
    return MemoryStudy(asked, trials)


def as_expected(name: str, distance: int, seed: int) -> float:
    return 1.0 - 0.01 * seed if distance <= REACHES[name] else 0.25


def test_reaches_and_findings() -> None:
    study = study_of(as_expected)
    assert {name: study.reach(name, True) for name in FORMS} == {**REACHES, "attention": 30}
    findings = study.findings()
    assert [finding.holds for finding in findings] == [True, True, True]
    assert (
        "up to distance 10, the GRU up to 20; taken by itself, the same is true of 3 of 3 seeds" in findings[0].numbers
    )
    assert "accuracy 0.980 at distance 5, 0.980 at 30; the worst of all its trainings 0.970" in findings[2].numbers


def test_what_did_not_come_out_is_said() -> None:
    study = study_of(lambda name, distance, _seed: 1.0 if (name != "attention" and distance < 20) else 0.25)
    findings = study.findings()
    assert [finding.holds for finding in findings] == [False, False, False]
    assert "0 of 3 seeds" in findings[0].numbers
    markdown = markdown_of(document_of(study, {}, "memory.png"))
    assert markdown.count("| no |") == 3
    assert "| yes |" not in markdown


def test_a_distance_counts_only_when_all_before_it_were_learnt() -> None:
    gap = study_of(lambda _name, distance, _seed: 0.3 if distance == 10 else 1.0)
    assert gap.reach("gru", True) == 5
    assert study_of(lambda *_: LEARNT - 0.01).reach("gru", True) == 0
    assert study_of(lambda *_: LEARNT).reach("gru", True) == 30
    of_one = study_of(lambda _name, _distance, seed: 1.0 if seed == 2 else 0.25)
    assert [of_one.reach("gru", True, seed) for seed in (1, 2, 3)] == [0, 30, 0]


def test_tables_hold_every_training() -> None:
    study = study_of(as_expected)
    rows = list(csv.DictReader(io.StringIO(study.accuracy_csv())))
    assert len(rows) == 6 * 4 * 2 * 3
    found = next(row for row in rows if (row["network"], row["distance"], row["seed"]) == ("gru", "20", "2"))
    assert (found["accuracy"], found["clipped"], found["steps"]) == ("0.980000", "1", "50")
    gradients = list(csv.DictReader(io.StringIO(study.gradient_csv())))
    assert len(gradients) == 6 * 2 * 3 * 2 * 21
    assert {row["distance"] for row in gradients} == {"20"}
    assert all((row["memory"] == "") == (row["network"] in ("rnn", "gru")) for row in gradients)
    assert study.accuracy_rows(True)[0] == [
        "vanilla RNN",
        "0.98 ± 0.01",
        "0.98 ± 0.01",
        "0.25 ± 0.00",
        "0.25 ± 0.00",
        "10",
    ]


class _Page(HTMLParser):
    """Collects what a page fetches or runs, and which of its elements are not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.foreign: list[str] = []
        self.svgs = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.svgs += tag == "svg"
        values = [value or "" for name, value in attrs if not name.startswith("xmlns")]
        # The icon of a page is an empty one, which keeps a browser from asking for another.
        if (
            tag in ("script", "img", "iframe")
            or (tag == "link" and "data:," not in values)
            or any("//" in value for value in values)
        ):
            self.foreign.append(tag)
        if tag not in ("link", "meta", "path", "use"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("path", "use"):
            assert self.open.pop() == tag


def test_the_page_is_whole_and_fetches_nothing() -> None:
    study = study_of(as_expected)
    text = page_of(document_of(study, {"machine": "<one & only>"}, "memory.png"))
    page = _Page()
    page.feed(text)
    assert (page.open, page.foreign, page.svgs) == ([], [], len(PANELS))
    assert "&lt;one &amp; only&gt;" in text
    assert text == page_of(document_of(study, {"machine": "<one & only>"}, "memory.png"))
    assert "![" in markdown_of(document_of(study, {}, "memory.png"))


def test_pictures() -> None:
    study = study_of(as_expected)
    png = png_of(study)
    assert png.startswith(b"\x89PNG")
    assert png == png_of(study)
    pixels = pixels_of(study)
    assert pixels.shape[2] == 3
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50
    drawn = svg_of(PANELS[0], study)
    assert "vanilla RNN" in drawn
    assert "currentColor" in drawn


def test_one_seed_and_one_distance_can_be_drawn() -> None:
    settings = MemorySettings(networks=("rnn",), distances=(3,), seeds=1, gradient_at=3)
    shares = GradientShares(np.array([1.0, 0.1, 0.0, np.nan], np.float32), None)
    trials = [
        Trial("rnn", 3, 1, clipped, 0.5, 50, False, False, float("nan"), 0.0, shares, shares)
        for clipped in (True, False)
    ]
    study = MemoryStudy(settings, trials)
    assert png_of(study).startswith(b"\x89PNG")
    assert study.findings() == []
    assert "too few to compare" in page_of(document_of(study, {}, "memory.png"))


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"networks": ("rnn", "transformer")}, "networks: expected some of rnn, .*, received 'transformer'"),
        ({"networks": ("rnn", "rnn")}, "networks: expected each once, received rnn,rnn"),
        ({"networks": ()}, "networks: expected each once, received none"),
        ({"distances": (5, 20, 10)}, "distances: expected distances that increase, received 5,20,10"),
        ({"distances": ()}, "distances: expected distances that increase, received none"),
        ({"distances": (0, 20)}, "distances: expected distances from 1, received 0,20"),
        ({"gradient_at": 7}, "gradient-at: expected one of the distances 5,10,.*, received 7"),
        ({"seeds": 0}, "seeds: expected at least 1, received 0"),
        ({"steps": 60}, "steps: expected a multiple of 50, received 60"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, object], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        MemorySettings(**settings)  # type: ignore[arg-type]
