"""Datasets: Parquet of every kind, what is missing in one, and the Arrow that is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nlp_pipeline.corpora.hub import (
    read_arrow,
    read_dataset,
    read_dataset_pairs,
    read_pairs,
    write_arrow,
    write_pairs,
)
from nlp_pipeline.errors import CorpusError, Problems
from nlp_pipeline.text.pair import SentencePair
from nlp_pipeline.text.schemes import Scheme
from nlp_pipeline.text.sentence import Sentence
from tests.corpora.drawn_sentences import bare

WORDS = [["Ana", "left"], ["Oslo"]]
NAMES = ["O", "B-PER", "B-LOC"]


def write_parquet(path: Path, tokens: list[Any], tags: list[Any], names: list[str] | None = None) -> Path:
    """Write a file with the columns `tokens` and `ner_tags`, the latter of a ClassLabel where names are given."""
    import datasets

    path.parent.mkdir(parents=True, exist_ok=True)
    features = None
    if names is not None:
        word, tag = datasets.Value("string"), datasets.ClassLabel(names=names)
        features = datasets.Features({"tokens": datasets.Sequence(word), "ner_tags": datasets.Sequence(tag)})
    table = datasets.Dataset.from_dict({"tokens": tokens, "ner_tags": tags}, features=features).data.table
    import pyarrow.parquet

    pyarrow.parquet.write_table(table, path)
    return path


def read(source: Path | str, **options: Any) -> tuple[list[Sentence], list[str]]:
    problems = Problems()
    sentences = list(read_dataset(str(source), problems, **{"split": "train", **options}))
    return sentences, [str(problem) for problem in problems.listed]


@pytest.mark.parametrize(
    ("tags", "names"),
    [([["B-PER", "O"], ["B-LOC"]], None), ([[1, 0], [2]], NAMES), ([["I-PER", "O"], ["I-LOC"]], None)],
)
def test_strings_and_class_labels(tmp_path: Path, tags: list[Any], names: list[str] | None) -> None:
    path = write_parquet(tmp_path / "a.parquet", WORDS, tags, names)
    sentences, problems = read(path)
    assert problems == []
    assert bare(sentences) == [(("Ana", "left"), ("B-PER", "O")), (("Oslo",), ("B-LOC",))]
    assert [one.place for one in sentences] == [f"{path}:train:0", f"{path}:train:1"]


@pytest.mark.parametrize(
    "name", ["train.parquet", "train-00000-of-00001.parquet", "data/train.parquet", "train/0.parquet"]
)
def test_a_folder_by_the_name_of_its_files(tmp_path: Path, name: str) -> None:
    write_parquet(tmp_path / name, [["right"]], [["O"]])
    for other in ("validation", "test"):
        write_parquet(tmp_path / name.replace("train", other), [[other]], [["O"]])
    assert bare(read(tmp_path)[0]) == [(("right",), ("O",))]
    assert bare(read(tmp_path, split="validation")[0]) == [(("validation",), ("O",))]


def test_a_split_in_several_files_and_under_another_name(tmp_path: Path) -> None:
    for number in (1, 0):
        write_parquet(tmp_path / f"dev-{number}.parquet", [[f"w{number}"]], [["O"]])
    for split in ("dev", "validation"):
        assert [one.words for one in read(tmp_path, split=split)[0]] == [("w0",), ("w1",)]


@pytest.mark.parametrize(
    ("names", "split", "found"),
    [
        (["train-v1/train", "train-v1/validation"], "train", ["train-v1/train"]),
        (["train-v1/train", "train-v1/validation"], "validation", ["train-v1/validation"]),
        (["train-0", "train_extra_unlabelled", "train-1"], "train", ["train-0", "train-1"]),
        (["val", "value_dev"], "validation", ["val"]),
        (["dev", "validation"], "validation", ["validation"]),
        (["train_0", "train.1", "train2", "trainer"], "train", ["train.1", "train_0"]),
        (["train-00000-of-00001-0123456789abcdef", "train-old-0"], "train", ["train-00000-of-00001-0123456789abcdef"]),
        (["train/0000", "train/extra", "train/test", "test/0000"], "train", ["train/0000", "train/extra"]),
        (["train/part/0", "test/train/0", "train/test/0"], "train", ["test/train/0", "train/part/0"]),
        (["train-0", "train"], "train-0", ["train-0"]),
        (["silver/0", "silver_1", "train"], "silver", ["silver/0", "silver_1"]),
    ],
)
def test_the_files_of_a_split_are_those_that_its_name_says_exactly(
    tmp_path: Path, names: list[str], split: str, found: list[str]
) -> None:
    folder = tmp_path / "train"  # what the folder itself is called says nothing
    for name in names:
        write_parquet(folder / f"{name}.parquet", [[name]], [["O"]])
    assert [one.words for one in read(folder, split=split)[0]] == [(name,) for name in found]


def test_files_that_only_begin_like_a_split_are_none_of_it(tmp_path: Path) -> None:
    write_parquet(tmp_path / "train-v1" / "training.parquet", [["a"]], [["O"]])
    with pytest.raises(CorpusError) as caught:
        read(tmp_path)
    expected = f"{tmp_path}: expected Parquet files of the split 'train', received train-v1/training.parquet"
    assert str(caught.value) == expected


@pytest.mark.parametrize("name", ["{}/train-0.parquet", "data/{}/train.parquet", "{}/train/0000.parquet"])
def test_a_configuration_of_a_folder_is_its_sub_folder(tmp_path: Path, name: str) -> None:
    for config in ("en", "de"):
        write_parquet(tmp_path / name.format(config), [[config]], [["O"]])
    assert [one.words for one in read(tmp_path, config="de")[0]] == [("de",)]
    assert [one.words for one in read(tmp_path)[0]] == [("de",), ("en",)]
    with pytest.raises(CorpusError, match=r"expected a folder 'fr' \(data.config\), received .*\bde, "):
        read(tmp_path, config="fr")
    path = write_parquet(tmp_path / "flat" / "train.parquet", [["a"]], [["O"]])
    with pytest.raises(CorpusError) as caught:
        read(path.parent, config="en")
    expected = f"{path.parent}: expected a folder 'en' (data.config), received no folder with Parquet files"
    assert str(caught.value) == expected


def test_other_columns_and_a_given_scheme(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", [["a", "b"]], [["B-X", "E-X"]])
    assert bare(read(path, scheme=Scheme.IOBES)[0]) == [(("a", "b"), ("B-X", "I-X"))]
    with pytest.raises(CorpusError) as caught:
        read(path, tags="labels")
    assert str(caught.value) == f"{path}: expected a column 'labels' (data.tags), received 'tokens', 'ner_tags'"


@pytest.mark.parametrize(
    ("tokens", "tags", "names", "expected"),
    [
        ([["a", ""]], [["O", "O"]], None, "expected words that are strings, none of them empty, received others"),
        ([["a", None]], [["O", "O"]], None, "expected words that are strings, none of them empty, received others"),
        ([[1]], [["O"]], None, "expected words that are strings, none of them empty, received others"),
        ([["a", "b"]], [["O"]], None, "expected 2 tags, one a word, received 1"),
        ([["a"]], [None], NAMES, "expected 1 tags, one a word, received 0"),
        ([["a", "b"]], [["O", None]], None, "expected 2 tags, received null as number 1"),
        ([["a", "b"]], [[0, None]], NAMES, "expected 2 tags, received null as number 1"),
        ([["a"]], [[-1]], NAMES, "expected tags from 0 to 2, received others"),
        ([["a", "b"]], [["O", "X-PER"]], None, "word 1 'b': expected a tag of the scheme IOB2, received 'X-PER'"),
        (
            [["a", "b"]],
            [[0, 1]],
            ["O", "B-PERSON NAME"],
            "word 1 'b': expected an entity type without white space or NUL, received 'PERSON NAME'",
        ),
    ],
)
def test_a_row_that_is_wrong(
    tmp_path: Path, tokens: list[Any], tags: list[Any], names: list[str] | None, expected: str
) -> None:
    path = write_parquet(tmp_path / "a.parquet", tokens, tags, names)
    assert read(path) == ([], [f"{path}:train:0: {expected}"])


def test_integers_without_names_are_refused_with_advice(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", WORDS, [[1, 0], [2]])
    with pytest.raises(CorpusError) as caught:
        read(path)
    assert str(caught.value) == (
        f"{path}: expected 'ner_tags' to be lists of strings or of a ClassLabel, received List(Value('int64')); "
        "write the tags' names into the Parquet's metadata, or tags as strings"
    )


def test_a_row_without_words_is_told_and_left_out(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", [None, ["a"]], [["O"], ["O"]])
    sentences, problems = read(path)
    assert bare(sentences) == [(("a",), ("O",))]
    assert problems == [f"{path}:train:0: expected words that are strings, none of them empty, received others"]


@pytest.mark.parametrize(("tokens", "received"), [(["ab"], "Value('string')"), ([None], "Value('null')")])
def test_a_column_of_texts_in_place_of_words_is_refused(tmp_path: Path, tokens: list[Any], received: str) -> None:
    path = write_parquet(tmp_path / "a.parquet", tokens, [["O", "O"]])
    with pytest.raises(CorpusError) as caught:
        read(path)
    assert str(caught.value) == f"{path}: expected 'tokens' to be lists of strings, received {received}"


def test_what_is_no_dataset(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def problem_of(source: Path) -> str:
        with pytest.raises(CorpusError) as caught:
            read(source)
        return str(caught.value)

    missing = tmp_path / "none.parquet"
    assert problem_of(missing) == f"{missing}: expected a folder or file of Parquet, received nothing"
    nothing = f"{tmp_path}: expected Parquet files of the split 'train', received"
    assert problem_of(tmp_path) == f"{nothing} no Parquet file at all"
    broken = tmp_path / "other.parquet"
    broken.write_bytes(b"PAR1 and then nothing of the kind")
    assert problem_of(tmp_path) == f"{nothing} other.parquet"
    assert problem_of(broken).startswith(f"{broken}: expected a dataset with a split 'train', received: Parquet magic")
    assert len(problem_of(broken).splitlines()) == 1
    assert capfd.readouterr() == ("", "")


def test_a_hub_out_of_reach_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    asked = []

    def load_dataset(name: str, config: str | None, *, split: str) -> None:
        asked.append((name, config, split))
        raise ConnectionError("Couldn't reach\n  the hub")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(CorpusError) as caught:
        read("hub:owner/name", config="en", split="dev")
    assert asked == [("owner/name", "en", "dev")]
    expected = "hub:owner/name: expected a dataset with a split 'dev', received: Couldn't reach the hub"
    assert str(caught.value) == expected


def test_no_cache_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    home = tmp_path / "home"
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", home)
    path = write_parquet(tmp_path / "a.parquet", [["a"]], [["O"]])
    before = path.read_bytes()
    read(path)
    assert not home.exists()
    assert (sorted(tmp_path.iterdir()), path.read_bytes()) == ([path], before)


def test_arrow_there_and_back(tmp_path: Path) -> None:
    corpus = [
        Sentence(("Ana", "\u2028", "漢\0"), ("B-PER", "O", "O"), document=0, place="train.conll:1"),
        Sentence(("b",), ("O",), document=7, place="train.conll:5"),
    ]
    write_arrow(tmp_path / "train", corpus)
    assert read_arrow(tmp_path / "train") == corpus


def test_a_folder_that_is_no_prepared_corpus(tmp_path: Path) -> None:
    write_arrow(tmp_path / "train", [Sentence(("a",), ("O",))])
    (tmp_path / "train" / "state.json").write_text("{", encoding="utf-8")
    for folder in (tmp_path, tmp_path / "none", tmp_path / "train"):
        with pytest.raises(CorpusError) as caught:
            read_arrow(folder)
        assert str(caught.value).startswith(f"{folder}: expected a prepared corpus, received: ")
        assert len(str(caught.value).splitlines()) == 1


def write_table(path: Path, columns: dict[str, list[Any]], languages: list[str] | None = None) -> Path:
    """Write a file of any columns; `translation` is of datasets' own feature where languages are given."""
    import datasets
    import pyarrow.parquet

    features = None
    if languages is not None:
        features = datasets.Features({"translation": datasets.Translation(languages)})
    pyarrow.parquet.write_table(datasets.Dataset.from_dict(columns, features=features).data.table, path)
    return path


def read_rows(source: Path | str, fields: str = "source target", **options: Any) -> tuple[list[Any], list[str]]:
    problems = Problems()
    source_field, target_field = fields.split()
    options = {"split": "train", "source_field": source_field, "target_field": target_field, **options}
    pairs = list(read_dataset_pairs(str(source), problems, **options))
    return [(pair.source, pair.target, pair.place) for pair in pairs], [str(problem) for problem in problems.listed]


@pytest.mark.parametrize("languages", [None, ["en", "fr"]])
def test_pairs_of_a_column_of_translations(tmp_path: Path, languages: list[str] | None) -> None:
    rows = [{"en": "Go.", "fr": "Va !"}, {"en": "", "fr": "Salut."}]
    path = write_table(tmp_path / "a.parquet", {"translation": rows}, languages)
    found = [("Go.", "Va !", f"{path}:train:0"), ("", "Salut.", f"{path}:train:1")]
    assert read_rows(path, "translation.en translation.fr") == (found, [])
    for field, received in (("translation.de", "'en', 'fr'"), ("text.en", "'translation'")):
        with pytest.raises(CorpusError) as caught:
            read_rows(path, f"{field} translation.fr")
        assert str(caught.value) == f"{path}: expected a column '{field}' (data.source_field), received {received}"


def test_pairs_of_two_columns(tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {"en": ["Go.", None, "Hi."], "fr.x": ["Va !", "Salut.", None], "n": [1, 2, 3]}
    path = write_table(tmp_path / "a.parquet", columns)
    found, problems = read_rows(path, "en fr.x")
    assert found == [("Go.", "Va !", f"{path}:train:0")]
    assert problems == [
        f"{path}:train:1: expected 'en' to be a string, received null",
        f"{path}:train:2: expected 'fr.x' to be a string, received null",
    ]
    with pytest.raises(CorpusError) as caught:
        read_rows(path, "en n")
    assert str(caught.value) == f"{path}: expected 'n' to be strings, received Value('int64')"


def test_a_translation_that_is_null(tmp_path: Path) -> None:
    path = write_table(tmp_path / "a.parquet", {"translation": [None, {"en": "Go.", "fr": "Va !"}]})
    found, problems = read_rows(path, "translation.en translation.fr")
    assert [pair[:2] for pair in found] == [("Go.", "Va !")]
    assert problems == [f"{path}:train:0: expected 'translation.en' to be a string, received null"]


def test_pairs_there_and_back(tmp_path: Path) -> None:
    corpus = [SentencePair("Go.", "Va\u202f!\0", "train.en:1"), SentencePair("", "\u2028", "")]
    write_pairs(tmp_path / "train", corpus)
    assert read_pairs(tmp_path / "train") == corpus
    for wrong in (read_arrow, read_pairs):
        with pytest.raises(CorpusError) as caught:
            wrong(tmp_path / "train" if wrong is read_arrow else tmp_path / "no such")
        assert "expected a prepared corpus, received: " in str(caught.value)
