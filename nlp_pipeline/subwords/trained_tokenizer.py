"""Subwords trained on a corpus: byte-pair encoding, a unigram language model, or whole words."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any, Literal, NamedTuple

from nlp_pipeline.errors import BundleError, Problem
from nlp_pipeline.subwords.one_by_one import Kind as CharacterKind
from nlp_pipeline.subwords.one_by_one import kinds_of_each, texts_of_each
from nlp_pipeline.subwords.pieces import (
    LONGEST_PIECE,
    SPACE,
    SURROGATE,
    SWAP,
    common_characters,
    count_pieces,
    cut_to,
    lowercased,
    marked,
    splitter,
)
from nlp_pipeline.subwords.unigram import train_unigram
from nlp_pipeline.text.spans import Span
from nlp_pipeline.text.special import END_ID, PADDING_ID, START_ID, UNKNOWN_ID

Kind = Literal["bpe", "unigram", "words"]
KINDS: tuple[Kind, ...] = ("bpe", "unigram", "words")
SPECIAL_SUBWORDS = ("[PAD]", "[UNK]", "[START]", "[END]")
"""In the order of their ids. No text gives one: brackets always stand alone."""
_UNKNOWN_PENALTY = 10.0  # by which the tokenizers library puts an unknown character below the unlikeliest subword


class SubwordsOfText(NamedTuple):
    """A text cut into subwords. All four have the same length.

    Attributes:
        ids: the subwords' ids.
        subwords: how they are shown, with `▁` for the space before; an unknown one as the text spells it.
        words: of which word of `text.split(" ")` each is a part.
        spans: where each stands in the text, in code points, without the space before. A lone `▁` has the place of the
            subword that it stands before. Lower-casing may make two characters of one, which two subwords then share.
    """

    ids: list[int]
    subwords: list[str]
    words: list[int]
    spans: list[Span]


class TokenizerParts(NamedTuple):
    """A tokenizer taken to pieces, for an engine that has no library of tokenizers.

    Attributes:
        kind: of the model.
        kinds: what each of some characters is: part of a piece, or a piece alone; none of them is the mark.
        longest: how many code points a piece has at most, without the mark.
        lower: what becomes of each of some characters where letters are made small; None where they are not.
        subwords: as the model sees them, in the order of their ids; special ones are the empty string.
        merges: of byte-pair encoding, the ids of each pair and of what they become, the first one first.
        scores: of a unigram model, the log probability of each subword.
        unknown_score: of a unigram model, that of an unknown character.
    """

    kind: Kind
    kinds: Callable[[Sequence[str]], list[CharacterKind]]
    longest: int
    lower: Callable[[Sequence[str]], list[str]] | None
    subwords: tuple[str, ...]
    merges: tuple[tuple[int, int, int], ...]
    scores: tuple[float, ...]
    unknown_score: float


class TrainedTokenizer:
    """Cuts text into subwords and puts it together again.

    A text is cut before every space, and around each digit and each mark of punctuation or symbol; what lies between is
    cut by the model, never across. The space stays with what follows it, as `▁`. So `decode(ids)` is the very text, as
    long as all its characters are known (and it has no capitals where `lowercase` is set). A `▁` that the text itself
    holds is a character like others, and so is text that spells a special subword, such as `[PAD]`.

    Ids: 0 padding, 1 unknown, 2 start, 3 end, then the vocabulary. A run of unknown characters within a piece is one
    unknown subword; of whole words, the word is, with the space before it.

    Use `train`, `load` or `from_json`.
    """

    def __init__(self, kind: Kind, lowercase: bool, backend: Any) -> None:
        self.kind = kind
        self.lowercase = lowercase
        self._backend = backend
        vocabulary = backend.get_vocab(with_added_tokens=False)
        self._subwords: list[str] = sorted(vocabulary, key=lambda subword: int(vocabulary[subword]))
        if kind not in KINDS:
            raise ValueError(f"expected a kind of {', '.join(KINDS)}. Received: {kind!r}")
        numbers = sorted(vocabulary.values())
        if tuple(self._subwords[:4]) != SPECIAL_SUBWORDS or numbers != list(range(len(numbers))):
            raise ValueError(
                f"expected the subwords {', '.join(SPECIAL_SUBWORDS)} first. Received: {self._subwords[:4]}"
            )
        self._known = {character for subword in self._subwords[4:] for character in subword}

    @classmethod
    def train(
        cls, texts: Iterable[str], kind: Kind, size: int, lowercase: bool = False, minimum: int = 2
    ) -> TrainedTokenizer:
        """Learn a vocabulary. The same texts give the same one, in whatever process.

        Every character of the texts gets a subword of its own (but for whole words), so that none of them is unknown
        later. Where `size` has no room for all, the commonest are kept (equals in the order of their code points), the
        others are unknown, and nothing is left for longer subwords: `unknown_characters` tells. A vocabulary may be
        smaller than `size`, where the texts hold no more.

        Args:
            texts: normalised. For a joint vocabulary, those of both sides.
            kind: `bpe` merges the commonest pair of neighbours again and again (Sennrich et al. 2016, section 3.2);
                `unigram` drops what a unigram language model misses least (Kudo 2018, section 3.2); `words` takes the
                commonest pieces as they are.
            size: how many ids at most, at least 6, the four special ones among them.
            lowercase: whether capitals are given up.
            minimum: how often a pair that is merged, a subword of several characters or a word occurs at least.

        Raises:
            ValueError: for a smaller size, texts without any character, or a lone surrogate.
        """
        if kind not in KINDS:
            raise ValueError(f"expected a kind of {', '.join(KINDS)}. Received: {kind!r}")
        if size < len(SPECIAL_SUBWORDS) + 2 or minimum < 1:
            raise ValueError(f"expected a size of 6 or more and a minimum of 1 or more. Received: {size} and {minimum}")
        pieces = count_pieces(texts, lowercase)
        if not pieces:
            raise ValueError("expected texts to learn subwords from. Received: none that holds a character")
        room = size - len(SPECIAL_SUBWORDS)
        if kind == "words":
            common = (piece for piece in pieces if pieces[piece] >= minimum)
            model = _words_model(sorted(common, key=lambda piece: (-pieces[piece], piece))[:room])
        else:
            alphabet = common_characters(pieces, room)
            train = _bpe_model if kind == "bpe" else _unigram_model
            model = train(cut_to(pieces, alphabet), sorted(alphabet), size, minimum)
        return cls(kind, lowercase, _backend(model, lowercase))

    def __len__(self) -> int:
        return len(self._subwords)

    def subword(self, subword_id: int) -> str:
        """Return how a subword is shown, with `▁` for the space before it."""
        if not 0 <= subword_id < len(self._subwords):
            raise ValueError(f"expected an id from 0 to {len(self) - 1}. Received: {subword_id}")
        return self._subwords[subword_id].replace(" ", SPACE)

    def knows_any(self, ids: Sequence[int]) -> bool:
        """Return whether any id stands for text; special ones do not, nor does a lone space before what is unknown."""
        special = (PADDING_ID, UNKNOWN_ID, START_ID, END_ID)
        return any(one not in special and self._subwords[one].translate(SWAP).strip() for one in ids)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text, without start and end; none for an empty text.

        Raises:
            ValueError: for a lone surrogate, which no UTF-8 file can hold.
        """
        shown = [marked(text) for text in texts]
        return [encoding.ids for encoding in self._backend.encode_batch_fast(shown, add_special_tokens=False)]

    def encode_with_words(self, text: str) -> SubwordsOfText:
        """Return the subwords of a text, with the word and the place of each.

        Raises:
            ValueError: for a lone surrogate.
        """
        shown = marked(text)
        encoding = self._backend.encode(shown, add_special_tokens=False)
        subwords, words, spans = [], [], []
        word = -1
        for subword_id, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
            # A place of the marked text is one further than that of the text.
            has_space = shown[start] == SPACE
            word += has_space
            words.append(word)
            first, behind = (start, end - 1) if has_space else (start - 1, end - 1)
            known = subword_id != UNKNOWN_ID
            surface = SPACE * has_space + text[first:behind]
            subwords.append(self.subword(subword_id) if known else surface)
            spans.append((first, behind))
        return SubwordsOfText(list(encoding.ids), subwords, words, _never_empty(spans, words, len(text)))

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids; special ones, also the unknown one, are passed over."""
        return self.decode_with(ids, {})

    def decode_with(self, ids: Sequence[int], replacements: Mapping[int, str]) -> str:
        """Return the text of ids, in which other text stands for unknown subwords.

        Args:
            ids: of a text.
            replacements: by the place in `ids`, what stands there, as `encode_with_words` shows a subword: a `▁` before
                it is a space. Those for places that are not unknown have no effect. Two whole words never run together.
        """
        parts: list[str] = []
        for place, subword_id in enumerate(ids):
            if subword_id not in (PADDING_ID, UNKNOWN_ID, START_ID, END_ID):
                parts.append(self._subwords[subword_id].translate(SWAP))
            elif subword_id == UNKNOWN_ID and (other := replacements.get(place)):
                if other.startswith(SPACE):
                    other = " " + other[1:]
                elif self.kind == "words" and parts and parts[-1][-1:].isalnum() and other[0].isalnum():
                    other = " " + other
                parts.append(other)
        return "".join(parts).removeprefix(" ")

    def unknown_characters(self, texts: Iterable[str]) -> Counter[str]:
        """Return how often each character occurs that is in no subword, and so is unknown wherever it stands."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(text)
        lower = lowercased if self.lowercase else str
        for character in list(counts):
            if not SURROGATE.match(character) and self._known.issuperset(lower(character).translate(SWAP)):
                del counts[character]
        return counts

    def parts(self) -> TokenizerParts:
        """Return what the tokenizer is made of."""
        model = json.loads(self._backend.to_str())["model"]
        number_of = {subword: number for number, subword in enumerate(self._subwords)}
        merges: list[tuple[int, int, int]] = []
        if self.kind == "bpe":
            merges = [(number_of[one], number_of[two], number_of[one + two]) for one, two in model["merges"]]
        scores = [float(score) for _, score in model["vocab"]] if self.kind == "unigram" else []
        return TokenizerParts(
            self.kind,
            partial(kinds_of_each, splitter().pre_tokenize_str),
            LONGEST_PIECE,
            partial(texts_of_each, lowercased) if self.lowercase else None,
            ("",) * len(SPECIAL_SUBWORDS) + tuple(self._subwords[len(SPECIAL_SUBWORDS) :]),
            tuple(merges),
            tuple(scores),
            min(scores, default=0.0) - _UNKNOWN_PENALTY,
        )

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` takes; `tokenizer` is in the format of the tokenizers library."""
        return {"kind": self.kind, "lowercase": self.lowercase, "tokenizer": json.loads(self._backend.to_str())}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> TrainedTokenizer:
        """Return the tokenizer that `to_json` described.

        Raises:
            ValueError: for anything else.
        """
        from tokenizers import Tokenizer

        try:
            kind, lowercase, backend = content["kind"], content["lowercase"], json.dumps(content["tokenizer"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"expected a kind, lowercase and a tokenizer. Received: no {error}") from None
        try:
            loaded = Tokenizer.from_str(backend)
        except Exception as error:  # what the Rust side cannot parse arrives as a bare Exception
            raise ValueError(f"expected a tokenizer. Received: {' '.join(str(error).split())}") from None
        return cls(kind, bool(lowercase), loaded)

    def save(self, folder: Path, name: str) -> None:
        """Write `name`.json into a folder."""
        (folder / f"{name}.json").write_text(json.dumps(self.to_json(), ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, name: str) -> TrainedTokenizer:
        """Return the tokenizer that `save` wrote.

        Raises:
            BundleError: where the file is missing or holds something else.
        """
        path = folder / f"{name}.json"
        try:
            return cls.from_json(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise BundleError([Problem(str(path), "expected a trained tokenizer, received no such file")]) from None
        except (OSError, ValueError, RecursionError) as error:
            reason = " ".join(str(error).split())[:200]
            raise BundleError([Problem(str(path), f"expected a trained tokenizer, received: {reason}")]) from None


def _bpe_model(pieces: Mapping[str, int], alphabet: Sequence[str], size: int, minimum: int) -> Any:
    from tokenizers import Tokenizer, models, trainers

    backend = Tokenizer(models.BPE(unk_token=SPECIAL_SUBWORDS[UNKNOWN_ID], fuse_unk=True))
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=minimum,
        special_tokens=list(SPECIAL_SUBWORDS),
        initial_alphabet=list(alphabet),
        show_progress=False,
    )
    # Without a pre-tokenizer each text is one piece.
    backend.train_from_iterator((list(repeat(piece, count)) for piece, count in sorted(pieces.items())), trainer)
    return backend.model


def _unigram_model(pieces: Mapping[str, int], alphabet: Sequence[str], size: int, minimum: int) -> Any:
    from tokenizers import models

    scores = train_unigram(pieces, alphabet, size - len(SPECIAL_SUBWORDS), minimum)
    # Of longer numbers, the library would not read the last digit back as it wrote it.
    rounded = [(subword, round(score, 6)) for subword, score in scores]
    return models.Unigram([*((special, 0.0) for special in SPECIAL_SUBWORDS), *rounded], UNKNOWN_ID)


def _words_model(words: Sequence[str]) -> Any:
    from tokenizers import models

    vocabulary = {word: number for number, word in enumerate([*SPECIAL_SUBWORDS, *words])}
    return models.WordLevel(vocabulary, unk_token=SPECIAL_SUBWORDS[UNKNOWN_ID])


def _backend(model: Any, lowercase: bool) -> Any:
    """Return a tokenizer without added tokens, so that no text is taken for one."""
    from tokenizers import Tokenizer, normalizers

    backend = Tokenizer(model)
    if lowercase:
        backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = splitter()
    return backend


def _never_empty(spans: Sequence[tuple[int, int]], words: Sequence[int], length: int) -> list[Span]:
    """Return the spans; an empty one gets the place of what follows it in its word, or else of a space beside it."""
    filled: list[Span] = []
    for index in range(len(spans) - 1, -1, -1):
        start, end = spans[index]
        if start < end:
            filled.append(Span(start, end))
        elif filled and words[index + 1] == words[index]:
            filled.append(filled[-1])
        else:
            space = min(max(start - 1, 0), length - 1)
            filled.append(Span(space, space + 1))
    return filled[::-1]
