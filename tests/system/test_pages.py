"""Pages and pictures that the commands make, as a reader has them in Chromium: wide and narrow, light and dark."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import tensorflow as tf

from nlp_pipeline.cli.main import main
from nlp_pipeline.documents.document import Document, HeatMap, Item, Section, Steps, paragraph
from nlp_pipeline.documents.page import page_of
from nlp_pipeline.evaluation.calibration import calibration_of
from nlp_pipeline.evaluation.calibration_picture import calibration_pixels
from nlp_pipeline.evaluation.confusion import confusion_matrix_of
from nlp_pipeline.evaluation.confusion_picture import confusion_pixels
from nlp_pipeline.evaluation.fonts import label
from nlp_pipeline.evaluation.gradient_picture import gradient_pixels
from nlp_pipeline.evaluation.heatmap import AlignedTranslation
from nlp_pipeline.evaluation.tagged_example import TaggedExample
from nlp_pipeline.serving.html_form import PAGE_RECORDS
from nlp_pipeline.serving.translator_bundle import TranslatorBundle
from nlp_pipeline.text.sentence import Sentence
from tests.browser import WIDTHS, look_at
from tests.chromium import Browser, find_browser
from tests.conftest import TINY_CORPUS

pytestmark = pytest.mark.skipif(find_browser() is None, reason="no Chromium on the path")

HOSTILE = (
    "<script>window.ran = 1; alert('ran')</script><img src=x onerror=\"window.ran = 1\"> Ana left New York &amp; #"
)
TEXT = "\n".join(
    (
        HOSTILE,
        "Ana Reis lives in Oslo. Rui left New York for Lima.",
        "שלום Ana, זה Oslo. السلام عليكم Rui Lund",
        "安娜 Ana 住在 Oslo 。",
        "Ana " + "x" * 5000 + " Oslo",
        "a\x1b[31mc \u202eLima\u202c",
        "Oslo " * 60,
    )
)

Maker = Callable[[Path, Path, Path], Path | list[Path]]
"""Makes pages or pictures in a folder, given the folders of a tagger's bundle and of a translator's run."""


def _tagged(folder: Path, tagger: Path, translator: Path) -> Path:
    (folder / "letter.txt").write_bytes(TEXT.encode())
    main(["tag", str(tagger), str(folder / "letter.txt"), "--output", str(folder / "letter.html"), "--quiet"])
    return folder / "letter.html"


def _further_pages(folder: Path, tagger: Path, translator: Path) -> list[Path]:
    # As many records as a page has, and one more.
    (folder / "lines.txt").write_text("\n".join(["Oslo"] * PAGE_RECORDS + [HOSTILE]), encoding="utf-8")
    main(["tag", str(tagger), str(folder / "lines.txt"), "--output", str(folder / "lines.html"), "--quiet"])
    return [folder / "lines.html.pages" / "2.html", folder / "lines.html"]


def _attention(name: str, *options: str) -> Maker:
    def make(folder: Path, tagger: Path, translator: Path) -> Path:
        sentence = "the red dog sleeps . the black cat eats . <script>alert(1)</script> the white lion sleeps ."
        bundle = str(translator / "run" / "bundle")
        main(["attention", bundle, sentence, "--output", str(folder / name), *options])
        return folder / name

    return make


def _hostile_attention(folder: Path, tagger: Path, translator: Path) -> Path:
    source = (HOSTILE, "שלום", "العربية", "車です", "a\x00b", "\u202eabc", "x" * 3000, "</table></body>")
    target = ("<b onclick=alert(1)>", "नमस्ते", "", " ", "y" * 300)
    weights = np.random.default_rng(2).dirichlet(np.full(len(source), 0.3), size=len(target)).astype(np.float32)
    AlignedTranslation(source, target, weights).write_html(folder / "hostile.html")
    return folder / "hostile.html"


def _scored(folder: Path, tagger: Path, translator: Path) -> Path:
    words = f"{HOSTILE} שלום 安娜 a\x1b[31mc \u202eLima {'x' * 5000}".split(" ")
    tags = ["B-PER", "I-PER", "O", "B-LOC", *["O"] * (len(words) - 4)]
    sentences = ["\n".join(map("\t".join, zip(words, tags, strict=True))), TINY_CORPUS.replace(" ", "\t")]
    sentences.append("\n".join(f"{word}\tO" for word in ("Oslo " * 400).split()))
    (folder / "gold.conll").write_text("\n\n".join(sentences) + "\n", encoding="utf-8")
    gold, report = str(folder / "gold.conll"), folder / "report"
    main(["evaluate", str(tagger), "--data", gold, "--report", str(report)])
    return report / "report.html"


def _translated(folder: Path, tagger: Path, translator: Path) -> Path:
    lines = [
        "the red dog sleeps .",
        HOSTILE,
        "the lion eats " * 40,
        "שלום . العربية",
        "車 です",
        "the white lion eats .",
    ]
    sides = []
    for name in ("en", "fr"):
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        sides.append(str(folder / name))
    bundle, report = str(translator / "run" / "bundle"), folder / "report"
    main(["evaluate", bundle, "--source", sides[0], "--target", sides[1], "--beam-size", "3", "--report", str(report)])
    return report / "report.html"


def _compared(folder: Path, tagger: Path, translator: Path) -> Path:
    gold = f"Ana\tB-PER\n{HOSTILE.split(maxsplit=1)[0]}\tO\nשלום\tB-LOC\n\nOslo\tB-LOC\n安娜\tO\n"
    for name, text in (
        ("gold", gold),
        ("first", gold.replace("B-PER", "B-LOC")),
        ("second", gold.replace("B-LOC", "O")),
    ):
        (folder / name).write_text(text, encoding="utf-8")
    files = [str(folder / name) for name in ("first", "second", "gold")]
    main(["compare", *files[:2], "--gold", files[2], "--report", str(folder / "report")])
    return folder / "report" / "report.html"


def _translators_compared(folder: Path, tagger: Path, translator: Path) -> Path:
    bundle = TranslatorBundle.read(translator / "run" / "bundle")
    bias = bundle.network.output_bias
    bias.assign(bias - 9.0 * tf.one_hot(bundle.inputs.target_tokenizer.encode(["dort"])[0][0], bias.shape[0]))
    bundle.write(folder / "other")
    for name, lines in (("en", ["the red dog sleeps .", HOSTILE]), ("fr", ["le chien rouge dort .", "שלום"])):
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    sides = ("--source", str(folder / "en"), "--target", str(folder / "fr"))
    bundles = (str(translator / "run"), str(folder / "other"))
    main(["compare", *bundles, *sides, "--report", str(folder / "report")])
    return folder / "report" / "report.html"


def _studied(folder: Path, tagger: Path, translator: Path) -> list[Path]:
    small = ("--networks", "rnn,attention", "--distances", "3", "--seeds", "1", "--steps", "50", "--units", "8")
    main(["study", "memory", *small, "--quiet", "--output", str(folder / "study")])
    return [folder / "study" / "memory.html", folder / "study" / "memory.png"]


def _pictures(folder: Path, tagger: Path, translator: Path) -> list[Path]:
    """Write the pictures that a training gives to TensorBoard, of names that no corpus should have."""
    drawn = np.random.default_rng(3)
    words = (HOSTILE, "$x$", "W" * 300, "العربية", "שלום")
    tags = tuple(f"B-{name.replace(' ', '_')}" for name in words)
    sentence = Sentence(words, tags)
    examples = [TaggedExample(sentence, ("O", *tags[:-1])), *[TaggedExample(sentence, tags)] * 1200]
    many = [TaggedExample(Sentence(("word",), (f"B-{name}",)), ("O",)) for name in range(100)]
    sure = drawn.random(2000)
    names = ["encoder/layer_0", "encoder/layer_1"]
    weights = drawn.dirichlet(np.full(len(words), 0.3), size=2).astype(np.float32)
    title = f"gradient of the loss of subword 2 of 2 ({label('W' * 300)}): states of the encoder"
    pictures = {
        "confusion": confusion_pixels(confusion_matrix_of(examples), "entities of the dev corpus"),
        "confusion_of_many": confusion_pixels(confusion_matrix_of(many), "entities of the dev corpus"),
        "calibration": calibration_pixels(
            calibration_of(sure, drawn.random(2000) < sure), "subwords of the references"
        ),
        "calibration_of_none": calibration_pixels(calibration_of([], []), "entities"),
        "gradient": gradient_pixels(
            words, {name: (drawn.random(5) ** 9).astype(np.float32) for name in names}, None, title
        ),
        "gradient_of_two": gradient_pixels(
            words[2:4], {"decoder/layer_0": np.array([1e-9, 1.0], np.float32)}, 1, title
        ),
        "alignment": AlignedTranslation(words, words[:2], weights).figure_array(),
    }
    for name, pixels in pictures.items():
        matplotlib.image.imsave(folder / f"{name}.png", pixels)
    return [folder / f"{name}.png" for name in pictures]


# An entry: what makes pages or pictures, and what a reader is to find in the first of them.
PAGES: dict[str, tuple[Maker, tuple[str, ...]]] = {
    "tag": (_tagged, (HOSTILE, "New York", "السلام عليكم", "安娜", "x" * 5000)),
    "tag, further pages": (_further_pages, (HOSTILE,)),
    "attention, a page": (_attention("attention.html"), ("lion",)),
    "attention, words": (_attention("words.html", "--words"), ("lion",)),
    "attention, hostile": (_hostile_attention, (HOSTILE, "<b onclick=alert(1)>", "</table></body>", "العربية")),
    "attention, a picture": (_attention("attention.png"), ()),
    "evaluate, a tagger": (_scored, ("<script>window.ran", "שלום", "Calibration", "worst sentences")),
    "evaluate, a translator": (_translated, (HOSTILE, "العربية", "1 of ", "Where it looks")),
    "compare": (_compared, ("<script>window.ran", "שלום", "安娜", "Mended: 1", "Broken: 1")),
    "compare, translators": (_translators_compared, ("TER (less is better)", "le chien rouge dort .", "Broken: 1")),
    "study memory": (_studied, ("How far recurrent networks remember", "Accuracy")),
    "TensorBoard's pictures": (_pictures, ()),
    "attention, JSON": (_attention("attention.json"), ("weights",)),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as found:
        yield found


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_and_legible(
    name: str, browser: Browser, tmp_path: Path, tiny_bundle: Path, translator_folder: Path
) -> None:
    make, expected = PAGES[name]
    made = make(tmp_path, tiny_bundle, translator_folder)
    for number, path in enumerate([made] if isinstance(made, Path) else made):
        for width in WIDTHS:
            for dark in (False, True):
                look = look_at(browser, path, width, dark)
                assert not look.findings, f"{path.name}, {width} pixels{', dark' if dark else ''}"
                for text in () if number else expected:
                    assert text in look.text


def test_alignments_are_gone_through_by_buttons_and_by_keyboard(
    browser: Browser, tmp_path: Path, tiny_bundle: Path, translator_folder: Path
) -> None:
    path = _translated(tmp_path, tiny_bundle, translator_folder)
    shown = "[...document.querySelectorAll('.step')].map(one => one.checkVisibility())"
    for width in WIDTHS:
        with browser.page(path, width) as page:
            steps = len(page.evaluate(shown))
            assert steps > 2

            def at(place: int, count: int = steps) -> list[bool]:
                return [place == number for number in range(count)]

            assert page.evaluate(shown) == at(0)
            page.tap(".steps button:nth-of-type(3)")
            assert page.evaluate(shown) == at(1)
            page.evaluate("document.querySelector('.steps button').focus()")
            page.press("ArrowRight", 39)
            assert page.evaluate(shown) == at(2)
            assert page.evaluate("document.querySelector('[role=status]').textContent") == f"3 of {steps}"
            page.press("ArrowLeft", 37)
            page.press("End", 35)
            assert page.evaluate(shown) == at(steps - 1)
            page.press("ArrowRight", 39)  # there is no further one
            page.press("Home", 36)
            page.press("ArrowLeft", 37)
            assert page.evaluate(shown) == at(0)
            # On paper all of them stand.
            page.ask("Emulation.setEmulatedMedia", media="print")
            assert page.evaluate(shown) == [True] * steps
            assert page.told(path.resolve().as_uri()) == []


def test_the_keys_go_through_pictures_from_wherever_the_reader_is_likely_to_be(
    browser: Browser, tmp_path: Path
) -> None:
    far = tuple(paragraph("words " * 40) for _ in range(40))
    narrow = HeatMap("narrow", ("a",), ("b",), ((0.5,),), (("0.50",),))
    steps = Steps("pictures", tuple(Item((f"picture {number}",), (narrow,)) for number in range(3)))
    wide = HeatMap("wide", ("a",), tuple(map(str, range(60))), ((0.5,) * 60,), (("0.50",) * 60,))
    document = Document("t", (Section("Scores", (wide, *far)), Section("Pictures", (steps,)), Section("End", far)))
    (tmp_path / "steps.html").write_text(page_of(document), encoding="utf-8")
    with browser.page(tmp_path / "steps.html", 1280) as page:

        def pressed(key: str, code: int) -> str:
            page.press(key, code)
            return str(page.evaluate("document.querySelector('[role=status]').textContent"))

        # Who has just opened the page is taken there.
        assert pressed("ArrowRight", 39) == "2 of 3"
        assert page.evaluate("document.querySelector('.steps').getBoundingClientRect().top") < 800
        page.tap(".step:not([hidden]) td")
        assert page.evaluate("document.activeElement.className") == "wide"
        assert pressed("ArrowRight", 39) == "3 of 3"
        # Elsewhere than at the buttons, this goes to the top of the page.
        assert pressed("Home", 36) == "3 of 3"
        assert pressed("ArrowLeft", 37) == "2 of 3"
        # What scrolls has the keys to itself, and so has what is written in.
        page.evaluate("document.querySelector('.wide').focus()")
        assert page.evaluate("document.activeElement.scrollWidth > document.activeElement.clientWidth")
        assert pressed("ArrowRight", 39) == "2 of 3"
        page.evaluate("document.querySelector('.step').parentElement.append(document.createElement('input'))")
        page.evaluate("document.querySelector('.steps input').focus()")
        assert pressed("ArrowRight", 39) == "2 of 3"
        assert page.told((tmp_path / "steps.html").as_uri()) == []
    # And by a finger.
    with browser.page(tmp_path / "steps.html", 390) as page:
        page.tap(".steps button:nth-of-type(3)")
        assert page.evaluate("document.querySelector('[role=status]').textContent") == "2 of 3"


# What is looked for is found.

GOOD = (
    '<!DOCTYPE html><html lang="en"><head><meta name="viewport" content="width=device-width"><title>t</title></head>'
    "<body><p>text</p>%s</body></html>"
)


@pytest.mark.parametrize(
    ("bad", "finding"),
    [
        ("<script>console.warn('odd')</script>", r"console: warning: \['odd'\]"),
        ("<script>throw new Error('odd')</script>", r"exception: Error: odd"),
        ("<script>alert('ran')</script>", r"a script ran: alert 'ran'"),
        ('<img alt="" src="http://host.invalid/a.png">', r"request: http://host\.invalid/a\.png"),
        ("<script>setTimeout(() => fetch('http://host.invalid/'))</script>", r"request: http://host\.invalid/"),
        ('<p style="width:500px">wide</p>', r"<p> \"wide\": from 8 to 508 pixels of 390"),
        ('<p style="white-space:nowrap">' + "word " * 50, r"wide where the window has 390"),
        ('<p style="width:4em;overflow:hidden;white-space:nowrap">cut off at its end</p>', r"pixels are shown"),
        ('<p style="position:absolute;left:-9px">left</p>', r"<p> \"left\": from -9"),
        ('<svg width="50" height="20"><text x="9" y="15">beyond it</text></svg>', r"outside of its drawing"),
        ('<p style="color:#999">pale</p>', r"text \"pale\": a contrast of 2\.85, expected 4\.5"),
        ('<p style="font-size:6px">tiny</p>', r"text \"tiny\": 6\.0 pixels high"),
        (f'<pre style="overflow:auto">{"word " * 50}</pre>', r"<pre> .*: scrolls, and no key reaches it"),
        ('<button tabindex="2">b</button>', r"tabindex 2 jumps the queue"),
        ("<button></button>", r"<button> , reached by the keyboard: no name"),
        ('<button style="outline:none">b</button>', r"<button> b, reached by the keyboard: nothing marks it"),
        ('<button inert>a</button><a href="#">a</a>', r"the tabulator reaches 1 of 2 elements"),
        ('<a href="#">a</a><style>a:focus { margin-left: 500px }</style>', r"from 508 .* \(at <a> a\)"),
    ],
)
def test_what_is_wrong_is_found(bad: str, finding: str, browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(GOOD % bad, encoding="utf-8")
    assert any(re.search(finding, one) for one in look_at(browser, tmp_path / "page.html", 390).findings)


def test_a_page_for_old_browsers_and_wide_windows_is_found(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>old</p>", encoding="utf-8")
    assert look_at(browser, tmp_path / "page.html", 390).findings == [
        "no <!DOCTYPE html>: an old browser's layout",
        "no title",
        "<html> without a language",
        "laid out for 980 pixels, expected 390: no <meta name=viewport>?",
    ]


def test_a_picture_that_is_cut_off_is_found(browser: Browser, tmp_path: Path) -> None:
    pixels = np.full((20, 30, 3), 255, np.uint8)
    matplotlib.image.imsave(tmp_path / "white.png", pixels)
    assert not look_at(browser, tmp_path / "white.png", 390).findings
    pixels[5, -1] = 0
    matplotlib.image.imsave(tmp_path / "cut.png", pixels)
    assert look_at(browser, tmp_path / "cut.png", 390).findings == ["something goes on over its right"]
    (tmp_path / "broken.png").write_bytes((tmp_path / "white.png").read_bytes()[:40])
    with pytest.raises(Exception, match=r"image|PNG|truncated"):
        look_at(browser, tmp_path / "broken.png", 390)
