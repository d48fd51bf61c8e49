"""Kept vectors: the encoder's own, computed once, found again, made anew where the file is not what it should be."""

from __future__ import annotations

import io
import zipfile
from collections import namedtuple
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

from nlp_pipeline.errors import OutputError
from nlp_pipeline.inputs.tagging import Batch, EncodedSentence, TaggingInputs
from nlp_pipeline.inputs.vectors import KeptVectors, keep_vectors, key_of
from nlp_pipeline.recipe import TaggingRecipe
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer
from nlp_pipeline.text.sentence import Sentence
from nlp_pipeline.text.tagset import TagSet
from tests.tiny_checkpoint import write_tiny_checkpoint

BFLOAT16 = ml_dtypes.bfloat16
SETTINGS: dict[str, Any] = {"layers": "last4", "pooling": "mean", "window": 16, "overlap": 4}
SENTENCES = [Sentence(("the", "houses", "of", "paying") * count) for count in (1, 7, 2)] + [Sentence(("Berlin",))]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> TaggingInputs:
    encoder = {"window": 16, "overlap": 4, "max_subwords_of_word": 8}
    recipe = TaggingRecipe.model_validate(
        {"task": "tagging", "name": "test", "data": {"train": "train", "dev": "dev"}, "encoder": encoder}
    )
    folder = write_tiny_checkpoint(tmp_path_factory.mktemp("encoder"))
    return TaggingInputs(
        recipe.model_copy(update={"characters": None}), TagSet(["PER"]), {}, CheckpointTokenizer(folder)
    )


@pytest.fixture(scope="module")
def encoded(inputs: TaggingInputs) -> list[EncodedSentence]:
    return inputs.encode(SENTENCES)


def _encode_words(batch: Batch) -> NDArray[np.float32]:
    """Stand in for the encoder: of each word [N=2, E=3] numbers that its subwords decide."""
    mask = batch["padding_mask"].ravel()
    sums = np.bincount(batch["word_of_subword"].ravel(), batch["subword_ids"].ravel(), mask.size + 1)[1:][mask]
    parts = [sums / scale for scale in (1, 2, 3, 5, 7, 11)]
    return np.stack(parts, -1).reshape(-1, 2, 3).astype(np.float32)


def _refuse(batch: Batch) -> NDArray[np.float32]:
    raise AssertionError("the encoder ran")


def _keep(
    folder: Path,
    inputs: TaggingInputs,
    encoded: list[EncodedSentence],
    encode_words: Callable[[Batch], NDArray[np.float32]],
    *more: Any,
) -> KeptVectors:
    lengths, costs = [len(one.words) for one in encoded], [one.cost for one in encoded]

    def encode(batches: Sequence[Sequence[int]]) -> Iterator[NDArray[np.float32]]:
        return (encode_words(inputs.batch([encoded[index] for index in indices])) for indices in batches)

    return keep_vectors(folder, "key", lengths, costs, encode, *more)


@pytest.fixture
def keep(
    tmp_path: Path, inputs: TaggingInputs, encoded: list[EncodedSentence], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., KeptVectors]:
    """Return a function that keeps the vectors of the corpus in `kept`."""

    def run(encode_words: Callable[[Batch], NDArray[np.float32]] = _encode_words, size: int = 40) -> KeptVectors:
        monkeypatch.setattr("nlp_pipeline.inputs.vectors.BATCH_SUBWORDS", size)
        return _keep(tmp_path / "kept", inputs, encoded, encode_words)

    return run


Keep = Callable[..., KeptVectors]


@pytest.mark.parametrize("size", [1, 40, 10_000])
@pytest.mark.parametrize(("computed", "stored"), [(np.float32, np.float16), (BFLOAT16, BFLOAT16)])
def test_every_word_has_its_vectors_whatever_the_batches(
    tmp_path: Path,
    keep: Keep,
    inputs: TaggingInputs,
    encoded: list[EncodedSentence],
    size: int,
    computed: Any,
    stored: Any,
) -> None:
    kept = keep(lambda batch: _encode_words(batch).astype(computed), size)
    assert isinstance(kept.array, np.memmap)
    assert kept.array.dtype == stored
    assert kept.array.shape == (4 + 28 + 8 + 1, 2, 3)
    assert [len(one) for one in kept] == [4, 28, 8, 1]
    for number, sentence in enumerate(encoded):
        alone = _encode_words(inputs.batch([sentence])).astype(stored)
        np.testing.assert_array_equal(kept.of(number), alone)
    found = keep(_refuse, size)
    assert found.array.dtype == stored
    np.testing.assert_array_equal(found.array, kept.array)
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["key.npy"]


def test_progress_is_told_in_words(
    tmp_path: Path, inputs: TaggingInputs, encoded: list[EncodedSentence], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    monkeypatch.setattr("nlp_pipeline.inputs.vectors.BATCH_SUBWORDS", 40)
    _keep(tmp_path, inputs, encoded, _encode_words, told.append)
    assert sum(told) == 41
    assert len(told) > 1


def test_what_an_earlier_run_left_is_found(keep: Keep) -> None:
    first = [np.array(one) for one in keep()]
    for one, other in zip(keep(_refuse), first, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_key_is_the_encoders_the_settings_and_the_corpus(inputs: TaggingInputs) -> None:
    def key(*sentences: tuple[str, ...], digest: str = "abc", **settings: Any) -> str:
        encoded = inputs.encode([Sentence(words) for words in sentences])
        return key_of(digest, SETTINGS | settings, (one.subwords for one in encoded))

    corpus = (("the", "house"), ("of", "paying"))
    same = key(*corpus)
    assert same == key(*corpus)
    # An uncased encoder does not see how a word is written; the vectors are the same.
    assert same == key(("THE", "House"), ("of", "paying"))
    others = [
        key(*corpus, digest="abd"),
        *(key(*corpus, **{name: "other"}) for name in SETTINGS),
        key(*corpus, precision="bfloat16"),
        key(("the", "house", "of"), ("paying",)),
        key(("the", "house", "of", "paying")),
        key(("of", "paying"), ("the", "house")),
        key(("the", "house")),
        key(("thehouse",), ("of", "paying")),
        # The same subwords, dealt to words otherwise.
        key(("the", "!", "!"), ("of", "paying")),
        key(("the", "!!"), ("of", "paying")),
        key(("the!", "!"), ("of", "paying")),
    ]
    assert len({same, *others}) == len(others) + 1


def _array(content: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, content)
    return stream.getvalue()


def _zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("array.npy", _array(np.zeros((41, 2, 3), np.float16)))
    return stream.getvalue()


WHOLE = _array(np.zeros((41, 2, 3), np.float16))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        WHOLE[:100],
        WHOLE[:-1],
        b"PK\x03\x04",
        _zip(),
        b"no array at all" * 20,
        WHOLE.replace(b"'shape'", b"'shade'"),
        WHOLE.replace(b"'<f2'", b"'|O' "),
        _array(np.zeros((40, 2, 3), np.float16)),
        _array(np.zeros((41, 2, 3), np.float32)),
        _array(np.zeros((41, 6), np.float16)),
    ],
    ids=[
        "empty",
        "magic alone",
        "header cut",
        "one byte short",
        "archive cut",
        "archive",
        "no array",
        "header altered",
        "objects",
        "a word short",
        "float32",
        "flat",
    ],
)
def test_a_file_that_is_torn_or_of_another_kind_is_made_anew(tmp_path: Path, keep: Keep, content: bytes) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "key.npy").write_bytes(content)
    kept = keep()
    assert kept.array.shape == (41, 2, 3)
    assert kept.array.all()
    keep(_refuse)
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["key.npy"]


@pytest.mark.parametrize("batches", [0, 2])
def test_a_run_that_breaks_off_leaves_nothing(tmp_path: Path, keep: Keep, batches: int) -> None:
    done = 0

    def encode_words(batch: Batch) -> NDArray[np.float32]:
        nonlocal done
        if done == batches:
            raise KeyboardInterrupt
        done += 1
        return _encode_words(batch)

    with pytest.raises(KeyboardInterrupt):
        keep(encode_words)
    assert not (tmp_path / "kept").exists()
    assert keep().array.all()


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path, keep: Keep) -> None:
    folder = tmp_path / "kept"
    folder.write_text("a file", encoding="utf-8")
    with pytest.raises(OutputError) as caught:
        keep(_refuse)
    assert (
        str(caught.value) == f"{folder / 'key.npy'}: expected a place in a folder, received one below the file {folder}"
    )
    assert folder.read_text(encoding="utf-8") == "a file"


def test_a_folder_in_the_files_place_is_told(tmp_path: Path, keep: Keep) -> None:
    folder = tmp_path / "kept"
    (folder / "key.npy").mkdir(parents=True)
    with pytest.raises(OutputError) as caught:
        keep()
    assert str(caught.value) == f"{folder / 'key.npy'}: cannot be written: Is a directory"
    assert [path.name for path in folder.iterdir()] == ["key.npy"]


def test_a_disk_without_room_is_told_before_it_is_full(
    tmp_path: Path, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", ["total", "used", "free"])
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: usage(1000, 900, 100))
    with pytest.raises(OutputError, match=r"set training\.keep_vectors=false") as caught:
        keep()
    assert str(caught.value).startswith(f"{tmp_path / 'kept'}: expected 0.0 GB of free disk")
    assert not (tmp_path / "kept").exists()
