"""Heat maps: no weight is lost or moved, in a picture, a page, JSON or links, whatever the tokens are."""

from __future__ import annotations

import html.parser
import io
import json
import subprocess
import sys
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from nlp_pipeline.evaluation.heatmap import AlignedTranslation
from nlp_pipeline.evaluation.heatmap_picture import figure_of

ROOT = Path(__file__).parents[2]
WEIGHTS = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.3, 0.6, 0.1], [0.25, 0.5, 0.25]], dtype=np.float32)
ALIGNED = AlignedTranslation(("a", "red", "car"), ("une", "voiture", "rou", "ge"), WEIGHTS)


def _one_link(rows: int, columns: int, row: int, column: int) -> AlignedTranslation:
    weights = np.zeros((rows, columns))
    weights[row, column] = 1.0
    return AlignedTranslation(
        tuple(f"s{i}" for i in range(columns)), tuple(f"t{i}" for i in range(rows)), weights.astype(np.float32)
    )


def test_weights_are_kept_and_cannot_be_written_to() -> None:
    given = WEIGHTS.copy()
    aligned = AlignedTranslation(("a", "red", "car"), ("une", "voiture", "rou", "ge"), given)
    given[:] = 0
    assert (aligned.weights == WEIGHTS).all()
    assert aligned.weights.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        aligned.weights[0, 0] = 1.0


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (WEIGHTS.T, r"shape \(4, 3\) \(target, source\). Received: \(3, 4\)"),
        (WEIGHTS[0], r"Received: \(3,\)"),
        (-WEIGHTS, "from 0 to 1. Received: -0.8"),
        (3 * WEIGHTS, "from 0 to 1"),
        (WEIGHTS * np.float32("nan"), "from 0 to 1"),
    ],
)
def test_what_is_no_alignment_is_refused(weights: NDArray[np.float32], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AlignedTranslation(("a", "red", "car"), ("une", "voiture", "rou", "ge"), weights)


# Words


def test_words_by_hand() -> None:
    words = ALIGNED.by_words([0, 1, 1], [0, 1, 2, 2])
    assert words.source_tokens == ("a", "redcar")
    assert words.target_tokens == ("une", "voiture", "rouge")
    expected = [[0.7, 0.3], [0.1, 0.9], [(0.3 + 0.25) / 2, (0.7 + 0.75) / 2]]
    np.testing.assert_allclose(words.weights, expected, atol=1e-6)


def test_rows_go_on_summing_to_one() -> None:
    random = np.random.default_rng(5)
    weights = random.dirichlet(np.ones(30), size=20).astype(np.float32)
    tokens = AlignedTranslation(tuple(map(str, range(30))), tuple(map(str, range(20))), weights)
    source_ids, target_ids = (np.sort(random.integers(0, 8, size)).tolist() for size in (30, 20))
    target_ids = np.unique(target_ids, return_inverse=True)[1].tolist()
    np.testing.assert_allclose(tokens.by_words(source_ids, target_ids).weights.sum(axis=1), 1.0, atol=1e-5)


def test_texts_of_words_may_be_given_and_a_word_may_have_no_subword() -> None:
    words = ALIGNED.by_words([0, 2, 2], [0, 1, 2, 2], ["A", "gone", "red car"], ["une", "voiture", "rouge", "gone"])
    assert words.source_tokens == ("A", "gone", "red car")
    assert (words.weights[:, 1] == 0).all()
    assert (words.weights[3] == 0).all()


def test_one_subword_a_word_changes_nothing() -> None:
    same = ALIGNED.by_words(range(3), range(4))
    assert (same.source_tokens, same.target_tokens) == (ALIGNED.source_tokens, ALIGNED.target_tokens)
    assert (same.weights == ALIGNED.weights).all()


@pytest.mark.parametrize(
    ("ids", "words", "message"),
    [
        ([0, 1], None, "Received: 2 for 3 tokens"),
        ([0, 1, 0], None, r"in their order. Received: \[0, 1, 0\]"),
        ([0, 1, 2], ["a", "b"], "from 0 to 1. Received: 0 to 2"),
        ([-1, 0, 0], None, "from 0 to 0. Received: -1 to 0"),
    ],
)
def test_words_that_do_not_fit_are_refused(ids: list[int], words: list[str] | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ALIGNED.by_words(ids, range(4), words)


# Links


def test_links_by_hand() -> None:
    assert ALIGNED.pharaoh() == "0-0 2-1 1-2 1-3"
    assert ALIGNED.pharaoh(threshold=0.55) == "0-0 2-1 1-2"
    assert ALIGNED.pharaoh(threshold=0.9) == ""
    assert AlignedTranslation(("a", "b"), ("c",), np.array([[0.5, 0.5]], np.float32)).pharaoh() == "0-0"


@pytest.mark.parametrize(("source", "target"), [((), ()), (("a",), ()), ((), ("b",))])
def test_nothing_has_no_links_and_can_be_written(source: tuple[str, ...], target: tuple[str, ...]) -> None:
    nothing = AlignedTranslation(source, target, np.zeros((len(target), len(source)), np.float32))
    assert nothing.pharaoh() == ""
    for write in (nothing.write_png, nothing.write_html, nothing.write_json):
        stream = io.BytesIO()
        write(stream)
        assert stream.getvalue()
    assert AlignedTranslation.from_json(nothing.to_json()).weights.shape == nothing.weights.shape
    assert nothing.by_words(range(len(source)), range(len(target))).target_tokens == target


# JSON


def test_json_there_and_back(tmp_path: Path) -> None:
    random = np.random.default_rng(3).dirichlet(np.ones(3), size=4).astype(np.float32)
    aligned = AlignedTranslation(("漢", '"', "\ud800"), ("a\nb", "", "</s>", "…"), random)
    aligned.write_json(tmp_path / "a.json")
    raw = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert raw.count("\n") == 1
    back = AlignedTranslation.from_json(json.loads(raw))
    assert (back.source_tokens, back.target_tokens) == (aligned.source_tokens, aligned.target_tokens)
    assert (back.weights == aligned.weights).all()
    assert ALIGNED.to_json()["weights"][0] == [0.7, 0.2, 0.1]  # and not 0.699999988079071


# The page


class _Table(html.parser.HTMLParser):
    """What a reader of the page gets: headers, and the cells' texts and titles."""

    def __init__(self) -> None:
        super().__init__()
        self.scopes: list[str | None] = []
        self.headers: list[str] = []
        self.cells: list[str] = []
        self.titles: list[str | None] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self._into: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        told = dict(attrs)
        self.links += [name for name in told if name in ("src", "href") or name.startswith("on")]
        if tag == "th":
            self.scopes.append(told["scope"])
            self.headers.append("")
            self._into = self.headers
        elif tag == "td" and "title" in told:
            self.titles.append(told["title"])
            self.cells.append("")
            self._into = self.cells

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td"):
            self._into = None

    def handle_data(self, data: str) -> None:
        if self._into is not None:
            self._into[-1] += data


def _table(aligned: AlignedTranslation) -> tuple[_Table, str]:
    stream = io.BytesIO()
    aligned.write_html(stream)
    page = stream.getvalue().decode("utf-8")
    table = _Table()
    table.feed(page)
    return table, page


def test_the_page_is_a_table_with_headers_and_numbers() -> None:
    table, page = _table(ALIGNED)
    assert table.headers == ["a", "red", "car", "une", "voiture", "rou", "ge"]
    assert table.scopes == ["col"] * 3 + ["row"] * 4
    assert table.cells == [f"{weight:.2f}" for weight in WEIGHTS.ravel()]
    assert table.titles[5] == "car → voiture: 0.8000"
    assert page.count("<strong>") == 4
    assert "<strong>0.80</strong>" in page


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing() -> None:
    table, page = _table(ALIGNED)
    assert not table.tags & {"script", "link", "iframe", "img", "object"}
    assert table.links == []
    assert "url(" not in page
    assert "@import" not in page


def test_tokens_cannot_become_markup() -> None:
    nasty = ("<script>alert(1)</script>", '" onmouseover="x', "a & b\x00'</style>")
    table, page = _table(AlignedTranslation(nasty, nasty, np.eye(3, dtype=np.float32)))
    assert "script" not in table.tags
    assert table.links == []
    assert "<script" not in page
    assert "\x00" not in page
    assert table.headers == [*nasty[:2], r"a & b\u0000'</style>"] * 2
    assert table.titles[0] == f"{nasty[0]} → {nasty[0]}: 1.0000"


def test_letters_stand_out_from_their_cell() -> None:
    weights = np.linspace(0, 1, 101, dtype=np.float32)[None]
    _, page = _table(AlignedTranslation(("s",) * 101, ("t",), weights))

    def light(colour: list[int]) -> float:
        """Relative luminance, as WCAG 2 defines it."""
        parts = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    styles = [part.split('"')[0] for part in page.split('<td style="')[1:]]
    assert len(styles) == 101
    for style in styles:
        ground = light([int(part) for part in style.split("(")[1].split(")")[0].split(",")])
        ink = 1.0 if style.endswith("#fff") else 0.0
        assert (max(ground, ink) + 0.05) / (min(ground, ink) + 0.05) >= 4.5


# The picture


def _where_it_is_brightest(pixels: NDArray[np.uint8], rows: int, columns: int) -> tuple[int, int]:
    """Return the cell in which the colour of 1 fills the most, in the area that the colour of 0 spans."""
    dark, bright = (
        np.all(abs(pixels[..., :3].astype(int) - colour) <= 2, axis=2) for colour in ((68, 1, 84), (253, 231, 37))
    )
    # The scale at the right holds a few pixels of both: only columns and rows with many count.
    filled = dark | bright
    down = np.flatnonzero(filled.sum(axis=1) > filled.sum(axis=1).max() / 2)
    across = np.flatnonzero(filled.sum(axis=0) > filled.sum(axis=0).max() / 2)
    grid = bright[down[0] : down[-1] + 1, across[0] : across[-1] + 1]
    height, width = grid.shape[0] / rows, grid.shape[1] / columns
    places = np.argwhere(grid)
    row, column = places.mean(axis=0)
    cell = int(row / height), int(column / width)
    assert grid[int((cell[0] + 0.5) * height), int((cell[1] + 0.5) * width)]  # the middle of the cell
    assert len(places) == pytest.approx(height * width, rel=0.25)  # and no more than the cell
    return cell


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 4), (3, 1), (5, 4), (5, 0)])
def test_the_brightest_cell_is_where_the_weight_is(row: int, column: int) -> None:
    pixels = _one_link(6, 5, row, column).figure_array()
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 3
    assert _where_it_is_brightest(pixels, 6, 5) == (row, column)


def test_the_file_is_a_png_and_shows_the_same(tmp_path: Path) -> None:
    from PIL import Image

    _one_link(4, 7, 2, 6).write_png(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "PNG"
        pixels = np.array(image.convert("RGB"))
    assert _where_it_is_brightest(pixels, 4, 7) == (2, 6)


def test_the_picture_grows_with_the_sentence() -> None:
    small, large = (_one_link(size, size, 0, 0).figure_array().shape for size in (10, 40))
    assert large[0] - small[0] == pytest.approx(30 * 0.28 * 96, rel=0.02)  # a cell keeps its 0.28 inches
    assert large[1] - small[1] == pytest.approx(30 * 0.28 * 96, rel=0.02)


def test_a_very_long_sentence_has_a_picture_of_a_bearable_size() -> None:
    pixels = _one_link(2, 600, 1, 599).figure_array()
    assert pixels.shape[1] < 4500


def test_a_long_sentence_is_cut_into_panels_that_hold_every_weight() -> None:
    weights = np.random.default_rng(1).dirichlet(np.ones(95), size=6).astype(np.float32)
    sources, targets = [f"s{at}" for at in range(95)], [f"t{at}" for at in range(6)]
    *panels, _ = figure_of(sources, targets, weights, dpi=96).axes
    assert len(panels) == 3
    across = [label.get_text() for panel in panels for label in panel.get_xticklabels()]
    assert across == sources
    for panel in panels:
        assert [label.get_text() for label in panel.get_yticklabels()] == targets
    shown = np.concatenate([np.asarray(panel.collections[0].get_array()).reshape(6, -1) for panel in panels], axis=1)
    np.testing.assert_array_equal(shown, weights)
    # None stands on another: each with its labels ends above the next one.
    boxes = [panel.get_tightbbox() for panel in panels]
    for upper, lower in pairwise(boxes):
        assert upper is not None
        assert lower is not None
        assert upper.y0 >= lower.y1


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (10, 41), (60, 60), (130, 130), (300, 300), (2, 1000)])
def test_nothing_is_drawn_beyond_the_border(rows: int, columns: int) -> None:
    pixels = _one_link(rows, columns, 0, 0).figure_array()
    assert max(pixels.shape) <= 102 * 96
    for line in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert (line == 255).all()


def test_the_source_is_across_and_the_target_down() -> None:
    axes = figure_of(ALIGNED.source_tokens, ALIGNED.target_tokens, ALIGNED.weights, dpi=96).axes[0]
    across, down = axes.get_xticklabels(), axes.get_yticklabels()
    assert [(label.get_position()[0], label.get_text()) for label in across] == [(0, "a"), (1, "red"), (2, "car")]
    assert [label.get_text() for label in down] == ["une", "voiture", "rou", "ge"]
    assert [label.get_position()[1] for label in down] == [0, 1, 2, 3]
    assert axes.yaxis_inverted()
    assert not any(label.get_parse_math() for label in (*across, *down))  # $x$ is no formula


def test_labels_may_be_in_any_script_and_of_any_length() -> None:
    tokens = ("$x^2$", "$", "\\frac", "مرحبا", "שלום", "Ελλάδα", "a\tb", "x" * 100_000, "")
    aligned = AlignedTranslation(tokens, ("a",), np.full((1, 9), 0.1, np.float32))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pixels = aligned.figure_array()
    assert max(pixels.shape) < 1000


def test_nothing_global_is_drawn_with() -> None:
    program = (
        "import sys; from nlp_pipeline.evaluation.heatmap import AlignedTranslation as A;"
        "assert A(('a',), ('b',), [[1.0]]).figure_array().any(); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)
