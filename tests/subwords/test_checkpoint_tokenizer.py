from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_pipeline.errors import EncoderError
from nlp_pipeline.subwords import checkpoint_tokenizer
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer
from tests.tiny_checkpoint import tiny_vocabulary, tokenizer_content, write_json, write_tokenizer

SPECIAL_TEXTS = ["[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]", "a[SEP]b", "[MASK][MASK]"]
AWKWARD = [
    "the",
    "Maria",
    "naïve",
    "ΑΒΣ",
    "İstanbul",
    "ß",
    "…",
    "º",
    "中国",
    "a\u0301\u0327",
    "e\u0327\u0301",
    "한국",
    "New York",
    "a\u00a0b",
    "a\u200bb",
    "\U0001f600",
    "don't",
    "http://a.b/c?d=e",
    "##s",
    "x" * 100,
    "x" * 101,
    "é" * 100,
    *SPECIAL_TEXTS,
]
NOTHING = ["", " ", "\ufe0f", "\x00", "\x1f\x7f", "\u200b", "\u0301", "\ufffd"]

long_words = st.lists(
    st.tuples(st.sampled_from([*"aZ!. 中é한\u0301\u0327\ufe0f\x00\u1d165\u302eß…"]), st.integers(1, 130)), max_size=12
).map(lambda runs: "".join(character * count for character, count in runs))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One tokenizer folder for each combination of casing and files."""
    made = {}
    for cased in (False, True):
        for tokenizer_file in (False, True):
            name = f"{'cased' if cased else 'uncased'} {'tokenizer.json' if tokenizer_file else 'vocab.txt'}"
            made[name] = tmp_path_factory.mktemp("tokenizer")
            write_tokenizer(made[name], tiny_vocabulary(cased=cased), cased=cased, tokenizer_file=tokenizer_file)
    return made


@pytest.fixture(scope="module", params=["uncased tokenizer.json", "uncased vocab.txt", "cased tokenizer.json"])
def folder(folders: dict[str, Path], request: pytest.FixtureRequest) -> Path:
    return folders[request.param]


@pytest.fixture(scope="module")
def uncased(folders: dict[str, Path]) -> CheckpointTokenizer:
    return CheckpointTokenizer(folders["uncased tokenizer.json"])


def spelled(folder: Path, ids: Sequence[int]) -> list[str]:
    vocabulary = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
    return [vocabulary[number] for number in ids]


def reference(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, local_files_only=True, split_special_tokens=True)


def test_words_become_subwords(folders: dict[str, Path]) -> None:
    folder = folders["uncased tokenizer.json"]
    words = ["Maria", "played", "in", "Café!", "[SEP]", "\ufe0f"]
    received = [spelled(folder, ids) for ids in CheckpointTokenizer(folder).subwords_of(words)]
    assert received == [
        ["maria"],
        ["play", "##ed"],
        ["in"],
        ["c", "##a", "##f", "##e", "!"],
        ["[", "s", "##e", "##p", "]"],
        ["[UNK]"],
    ]


def test_a_cased_checkpoint_keeps_capitals_and_accents(folders: dict[str, Path]) -> None:
    for folder in (folders["cased tokenizer.json"], folders["cased vocab.txt"]):
        received = CheckpointTokenizer(folder).subwords_of(["Maria", "maria", "é"])
        assert [spelled(folder, ids) for ids in received] == [["Maria"], ["m", "##a", "##r", "##i", "##a"], ["é"]]


def test_properties(folders: dict[str, Path]) -> None:
    for name, folder in folders.items():
        tokenizer = CheckpointTokenizer(folder)
        special = [tokenizer.start_id, tokenizer.end_id, tokenizer.padding_id, tokenizer.unknown_id]
        assert spelled(folder, special) == ["[CLS]", "[SEP]", "[PAD]", "[UNK]"]
        assert tokenizer.lowercases == name.startswith("uncased")
        assert tokenizer.vocabulary_size == len(tiny_vocabulary(cased=name.startswith("cased")))


def test_agrees_with_transformers(folder: Path) -> None:
    expected = reference(folder)(AWKWARD, add_special_tokens=False)["input_ids"]
    received = CheckpointTokenizer(folder, max_subwords_of_word=1_000).subwords_of(AWKWARD)
    assert [list(ids) for ids in received] == expected


@pytest.fixture(scope="module")
def pairs(folders: dict[str, Path]) -> list[tuple[CheckpointTokenizer, Any]]:
    names = ("uncased tokenizer.json", "cased vocab.txt")
    return [(CheckpointTokenizer(folders[name]), reference(folders[name])) for name in names]


@settings(max_examples=300, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_agrees_with_transformers_on_any_text(pairs: list[tuple[CheckpointTokenizer, Any]], text: str) -> None:
    for own, other in pairs:
        expected = other(text, add_special_tokens=False)["input_ids"][:64]
        assert own.subwords_of([text]) == [tuple(expected) or (own.unknown_id,)]


@pytest.mark.parametrize("text", SPECIAL_TEXTS)
def test_text_that_spells_a_special_token_is_ordinary(uncased: CheckpointTokenizer, text: str) -> None:
    special = {uncased.start_id, uncased.end_id, uncased.padding_id, uncased.unknown_id}
    assert not special & set(uncased.subwords_of([text])[0])


def test_a_special_token_that_its_file_does_not_mark_is_still_one(tmp_path: Path) -> None:
    content = tokenizer_content(tiny_vocabulary(cased=False), cased=False)
    for token in content["added_tokens"]:
        token["special"] = False
    write_json(tmp_path / "tokenizer.json", content)
    tokenizer = CheckpointTokenizer(tmp_path)
    assert [len(ids) for ids in tokenizer.subwords_of(["[SEP]", "[MASK]"])] == [5, 6]


@pytest.mark.parametrize("word", NOTHING)
def test_a_word_of_which_nothing_is_left_is_unknown(uncased: CheckpointTokenizer, word: str) -> None:
    assert uncased.subwords_of([word, "the", word * 2_000]) == [
        (uncased.unknown_id,),
        uncased.subwords_of(["the"])[0],
        (uncased.unknown_id,),
    ]


def test_a_lone_surrogate_is_a_replacement_character(uncased: CheckpointTokenizer) -> None:
    assert uncased.subwords_of(["\ud800", "a\udfffb"]) == uncased.subwords_of(["\ufffd", "a\ufffdb"])


def test_a_word_of_many_subwords_is_cut(folders: dict[str, Path]) -> None:
    tokenizer = CheckpointTokenizer(folders["uncased tokenizer.json"], max_subwords_of_word=3)
    assert [len(ids) for ids in tokenizer.subwords_of(["!!", "!!!", "!!!!", "!" * 5_000])] == [2, 3, 3, 3]
    with pytest.raises(ValueError, match="received 0"):
        CheckpointTokenizer(folders["uncased tokenizer.json"], max_subwords_of_word=0)


@settings(max_examples=300, deadline=None)
@given(word=long_words, chunk=st.integers(1, 300))
def test_a_long_word_gives_the_same_subwords_as_if_it_were_short(
    folders: dict[str, Path], word: str, chunk: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("uncased tokenizer.json", "cased tokenizer.json"):
            whole, pieces = (CheckpointTokenizer(folders[name]) for _ in range(2))
            patch.setattr(checkpoint_tokenizer, "_LONG", 10**9)
            expected = whole.subwords_of([word])
            patch.setattr(checkpoint_tokenizer, "_LONG", 0)
            patch.setattr(checkpoint_tokenizer, "_CHUNK", chunk)
            assert pieces.subwords_of([word]) == expected


def test_words_of_300_000_characters_take_little_time_and_memory(folders: dict[str, Path]) -> None:
    program = """
import resource, sys, time
from pathlib import Path
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer
tokenizer = CheckpointTokenizer(Path(sys.argv[1]))
tokenizer.subwords_of(["the"])
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
words = [part * (300_000 // len(part)) for part in ("a", "!", "é", "中", "ab!", "a ", "\\ufe0f")]
counts = [len(ids) for ids in tokenizer.subwords_of(words)]
seconds = time.perf_counter() - start
print(counts, seconds < len(words), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000)
"""
    command = [sys.executable, "-c", program, str(folders["uncased tokenizer.json"])]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    # Nothing on the other stream either: transformers would say, on its import, that PyTorch is missing.
    assert (answer.stdout, answer.stderr) == ("[1, 64, 1, 64, 64, 64, 1] True True\n", "")


def test_what_is_remembered_is_bounded_and_changes_nothing(folders: dict[str, Path]) -> None:
    words = [f"word{number}" for number in range(50)] + ["!" * 2_000]
    expected = CheckpointTokenizer(folders["uncased tokenizer.json"]).subwords_of(words)
    tokenizer = CheckpointTokenizer(folders["uncased tokenizer.json"], remembered=20)
    for start in (0, 5, 30, 0):
        assert tokenizer.subwords_of(words[start:]) == expected[start:]
        assert len(tokenizer._known) <= 20
    assert tokenizer.subwords_of([]) == []


def test_saved_and_loaded_it_is_the_same(folder: Path, tmp_path: Path) -> None:
    tokenizer = CheckpointTokenizer(folder)
    folders = [tmp_path / "first", tmp_path / "second"]
    for target in folders:
        target.mkdir()
    tokenizer.save(folders[0])
    loaded = CheckpointTokenizer(folders[0])
    loaded.save(folders[1])
    names = sorted(path.name for path in folders[0].iterdir())
    assert names == ["tokenizer.json", "tokenizer_config.json"]
    for name in names:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()
    expected = tokenizer.subwords_of(AWKWARD)
    assert loaded.subwords_of(AWKWARD) == expected
    other = reference(folders[0])(AWKWARD, add_special_tokens=False)["input_ids"]
    assert [tuple(ids[:64]) for ids in other] == expected


def test_settings_beside_a_tokenizer_file_count(folders: dict[str, Path], tmp_path: Path) -> None:
    content = json.loads((folders["cased tokenizer.json"] / "tokenizer.json").read_text(encoding="utf-8"))
    write_json(tmp_path / "tokenizer.json", content)
    assert not CheckpointTokenizer(tmp_path).lowercases
    stated = {"do_lower_case": True, "strip_accents": None, "tokenizer_class": "BertTokenizer"}
    write_json(tmp_path / "tokenizer_config.json", stated)
    assert CheckpointTokenizer(tmp_path).lowercases
    received = CheckpointTokenizer(tmp_path).subwords_of(["Maria"])
    assert list(map(list, received)) == [reference(tmp_path)("Maria", add_special_tokens=False)["input_ids"]]
    write_json(tmp_path / "tokenizer_config.json", stated | {"tokenizer_class": "PreTrainedTokenizerFast"})
    assert not CheckpointTokenizer(tmp_path).lowercases


def test_other_names_of_special_tokens(tmp_path: Path) -> None:
    vocabulary = ["<s>", "</s>", "<pad>", "<unk>", "a"]
    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    names = {"cls_token": {"content": "<s>"}, "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    write_json(tmp_path / "special_tokens_map.json", names)
    tokenizer = CheckpointTokenizer(tmp_path)
    assert [tokenizer.start_id, tokenizer.end_id, tokenizer.padding_id, tokenizer.unknown_id] == [0, 1, 2, 3]
    assert tokenizer.subwords_of(["a", "b"]) == [(4,), (3,)]
    tokenizer.save(tmp_path)
    assert CheckpointTokenizer(tmp_path).subwords_of(["a", "b"]) == [(4,), (3,)]


def broken_folders(root: Path) -> Iterator[tuple[Path, str]]:
    vocabulary = tiny_vocabulary(cased=False)

    def folder(**files: object) -> Path:
        made = root / str(len(list(root.iterdir())))
        made.mkdir()
        for name, content in files.items():
            path = made / name.replace("__", ".")
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                write_json(path, content)
        return made

    yield folder(), ": expected tokenizer.json or vocab.txt, received neither"
    yield folder(tokenizer__json=b"{"), "/tokenizer.json: expected a tokenizer file, received .*"
    yield folder(tokenizer__json={"model": 1}), "/tokenizer.json: expected a tokenizer file, received .*"
    content = tokenizer_content(vocabulary, cased=False)
    content["model"] = {"type": "WordLevel", "vocab": content["model"]["vocab"], "unk_token": "[UNK]"}
    yield folder(tokenizer__json=content), "/tokenizer.json: expected the model WordPiece, received WordLevel"
    content = tokenizer_content(vocabulary, cased=False) | {"pre_tokenizer": {"type": "WhitespaceSplit"}}
    message = "/tokenizer.json: expected the pre_tokenizer BertPreTokenizer, received WhitespaceSplit"
    yield folder(tokenizer__json=content), message
    message = r"/vocab.txt: expected the subword \[CLS\] \(`cls_token`\), received none of that name"
    yield folder(vocab__txt=b"[PAD]\n[UNK]\n[SEP]\na\n"), message
    yield folder(vocab__txt=b"\xff"), "/vocab.txt: expected UTF-8 with a subword a line, received .*"
    yield (
        folder(vocab__txt=b"a", tokenizer_config__json={"tokenizer_class": "BertJapaneseTokenizer"}),
        ": expected tokenizer.json, or the tokenizer class BertTokenizer, received BertJapaneseTokenizer",
    )
    broken = folder(vocab__txt=b"a", tokenizer_config__json=b"{")
    yield broken, "/tokenizer_config.json: expected a JSON file, received .*"
    broken = folder(vocab__txt=b"a", tokenizer_config__json=[1])
    yield broken, r"/tokenizer_config.json: expected a JSON object, received \[1\]"


def test_broken_files_are_told_in_one_line(tmp_path: Path) -> None:
    for folder, message in broken_folders(tmp_path):
        with pytest.raises(EncoderError) as caught:
            CheckpointTokenizer(folder)
        assert re.fullmatch(re.escape(str(folder)) + message, str(caught.value)), str(caught.value)
