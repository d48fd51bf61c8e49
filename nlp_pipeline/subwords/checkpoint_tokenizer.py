"""The tokenizer that a BERT checkpoint was trained with, applied to one word at a time."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from nlp_pipeline.errors import EncoderError
from nlp_pipeline.subwords.checkpoint_files import (
    SPECIAL_TOKENS_FILE,
    TOKENIZER_FILE,
    TOKENIZER_SETTINGS_FILE,
    VOCABULARY_FILE,
    encoder_error,
    one_line,
    read_json,
)
from nlp_pipeline.subwords.one_by_one import Kind, kinds_of_each, texts_of_each

SPECIAL_TOKENS = {
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
}
"""What BERT calls the special tokens that are needed here, unless a checkpoint says otherwise."""

_NORMALISER_SETTINGS = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}
_BERT_CLASSES = ("BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", "ElectraTokenizer")
_LONG = 1_000  # code points; a longer word is cut before it is tokenized, and not remembered
_CHUNK = 4_096  # code points of a long word that are looked at together
_BATCH = 8_192  # words that are tokenized together
_SURROGATES = re.compile("[\ud800-\udfff]")


class TokenizerParts(NamedTuple):
    """A tokenizer taken to pieces, for an engine that has no library of tokenizers.

    Attributes:
        normalised: what becomes of each of some characters; those of a text are normalised each by itself.
        kinds: what each of some normalised characters is: part of a piece, between pieces, or a piece alone.
        vocabulary: the subwords in the order of their ids.
        prefix: of subwords that do not begin a piece.
        unknown: the subword that stands for a piece that cannot be cut, or is longer than `longest` code points.
        longest: see `unknown`.
    """

    normalised: Callable[[Sequence[str]], list[str]]
    kinds: Callable[[Sequence[str]], list[Kind]]
    vocabulary: tuple[str, ...]
    prefix: str
    unknown: str
    longest: int


class CheckpointTokenizer:
    """Turns words into the subword ids of a checkpoint.

    Every word is tokenized on its own by the checkpoint's normaliser, pre-tokenizer and WordPiece vocabulary (Wu et
    al., 2016), without special tokens around it. A word always has at least one subword: where the checkpoint leaves
    nothing of it (U+FE0F, control characters), that is the unknown one. Text that spells a special token, such as
    `[SEP]`, is ordinary text. A lone surrogate, which no UTF-8 file can hold, counts as U+FFFD.

    Args:
        folder: where `tokenizer.json`, or else `vocab.txt`, is; `tokenizer_config.json` is honoured beside either.
        max_subwords_of_word: how many subwords of a word are given; the others are left out.
        remembered: how many distinct words are kept with their subwords; when they are too many, all are forgotten.

    Raises:
        EncoderError: files are missing or broken, or the tokenizer is not BERT's.
    """

    def __init__(self, folder: Path, *, max_subwords_of_word: int = 64, remembered: int = 200_000) -> None:
        if max_subwords_of_word < 1:
            raise ValueError(f"expected max_subwords_of_word of at least 1, received {max_subwords_of_word}")
        self.max_subwords_of_word = max_subwords_of_word
        self.remembered = remembered
        self.folder = Path(folder)
        self._special_tokens, self._tokenizer = _load(self.folder)
        self._known: dict[str, tuple[int, ...]] = {}
        special_ids = {role: self._tokenizer.token_to_id(token) for role, token in self._special_tokens.items()}
        self.start_id: int = special_ids["cls_token"]
        self.end_id: int = special_ids["sep_token"]
        self.padding_id: int = special_ids["pad_token"]
        self.unknown_id: int = special_ids["unk_token"]
        self.mask_id: int = special_ids["mask_token"]

    @property
    def lowercases(self) -> bool:
        """Whether capitals are lost."""
        normaliser = self._tokenizer.normalizer
        return normaliser is not None and bool(normaliser.normalize_str("A") == "a")

    @property
    def vocabulary_size(self) -> int:
        """Number of rows an embedding table needs: the largest id, and one."""
        return 1 + max(int(number) for number in self._tokenizer.get_vocab(with_added_tokens=True).values())

    def shown(self, subword_ids: Sequence[int]) -> str:
        """Return subwords of one word as a person reads them: pieces of a word without their `##`."""
        pieces = [str(self._tokenizer.id_to_token(number)) for number in subword_ids]
        return pieces[0] + "".join(piece.removeprefix("##") for piece in pieces[1:])

    def subwords_of(self, words: Sequence[str]) -> list[tuple[int, ...]]:
        """Return the subword ids of each word, at least 1 and at most `max_subwords_of_word` of them.

        >>> tokenizer.subwords_of(["hello", "worlds!", "[SEP]"])
        [(7592,), (8484, 999), (1031, 19802, 1033)]
        """
        known = self._known
        answers = {word: known.get(word) for word in words}
        missing = [word for word, ids in answers.items() if ids is None]
        if len(known) + len(missing) > self.remembered:
            known = self._known = {}
        for start in range(0, len(missing), _BATCH):
            batch = missing[start : start + _BATCH]
            for word, ids in zip(batch, self._tokenize(batch), strict=True):
                answers[word] = ids
                if len(word) <= _LONG and len(known) < self.remembered:
                    known[word] = ids
        return [answers[word] or () for word in words]

    def words_without_subword(self, words: Sequence[str]) -> list[str]:
        """Return those of the words of which the checkpoint leaves nothing."""
        suspects = [w for w, ids in zip(words, self.subwords_of(words), strict=True) if ids == (self.unknown_id,)]
        encodings = self._tokenizer.encode_batch_fast(
            [_SURROGATES.sub("\ufffd", word) for word in suspects], add_special_tokens=False
        )
        return [word for word, encoding in zip(suspects, encodings, strict=True) if not encoding.ids]

    def parts(self) -> TokenizerParts:
        """Return what the tokenizer is made of.

        Raises:
            EncoderError: where it does more than that: another normaliser than BERT's, added tokens that are found in
                the text, or ids that leave gaps.
        """
        normaliser, splitter, model = self._tokenizer.normalizer, self._tokenizer.pre_tokenizer, self._tokenizer.model

        def refusal(expected: str, received: str) -> EncoderError:
            return encoder_error(
                self.folder, f"expected {expected}, received {received}: a graph cannot do the same; it can take ids"
            )

        if normaliser is not None and type(normaliser).__name__ != "BertNormalizer":
            raise refusal("the normaliser BertNormalizer, or none", type(normaliser).__name__)
        for token in self._tokenizer.get_added_tokens_decoder().values():
            if not token.special:
                raise refusal("no added tokens but special ones", f"'{token.content}'")
        numbers = self._tokenizer.get_vocab(with_added_tokens=False)
        if sorted(numbers.values()) != list(range(len(numbers))):
            raise refusal("a vocabulary with an id for each number", "one with gaps")

        return TokenizerParts(
            list if normaliser is None else partial(texts_of_each, normaliser.normalize_str),
            partial(kinds_of_each, splitter.pre_tokenize_str),
            tuple(sorted(numbers, key=numbers.__getitem__)),
            model.continuing_subword_prefix,
            model.unk_token,
            model.max_input_chars_per_word,
        )

    def save(self, folder: Path) -> None:
        """Write `tokenizer.json` and `tokenizer_config.json`, from which the very same tokenizer can be loaded."""
        settings = {**self._special_tokens, "tokenizer_class": "PreTrainedTokenizerFast"}
        (folder / TOKENIZER_FILE).write_text(self._tokenizer.to_str(pretty=False), encoding="utf-8")
        (folder / TOKENIZER_SETTINGS_FILE).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")

    def _tokenize(self, words: Sequence[str]) -> Iterator[tuple[int, ...]]:
        words = [_SURROGATES.sub("\ufffd", word) for word in words]
        short = iter(
            self._tokenizer.encode_batch_fast([word for word in words if len(word) <= _LONG], add_special_tokens=False)
        )
        for word in words:
            ids = self._ids_of_long_word(word) if len(word) > _LONG else next(short).ids
            yield tuple(ids[: self.max_subwords_of_word]) or (self.unknown_id,)

    def _ids_of_long_word(self, word: str) -> list[int]:
        """Return the first ids of a word, making no more subwords than are wanted.

        A normalised word falls into pieces (runs between punctuation, spaces and Chinese characters), each of which
        gives subwords on its own, one at least. A piece above `max_input_chars_per_word` is [UNK] as a whole; so how
        far it goes on beyond that makes no difference, and it can be cut right behind. (Added tokens that are not
        special, which a few checkpoints have, are not looked for in a long word.)
        """
        normaliser, splitter, model = self._tokenizer.normalizer, self._tokenizer.pre_tokenizer, self._tokenizer.model
        text = word if normaliser is None else normaliser.normalize_str(word)
        longest = model.max_input_chars_per_word + 1
        ids: list[int] = []
        unfinished = ""  # the piece that the end of a chunk has cut
        for start in range(0, len(text), _CHUNK):
            chunk = unfinished + text[start : start + _CHUNK]
            pieces = splitter.pre_tokenize_str(chunk)
            unfinished = ""
            if pieces and start + _CHUNK < len(text) and pieces[-1][1][1] == len(chunk):
                unfinished = pieces.pop()[0][:longest]
            for piece, _ in pieces:
                ids += [token.id for token in model.tokenize(piece)]
                if len(ids) >= self.max_subwords_of_word:
                    return ids
        return ids


def _load(folder: Path) -> tuple[dict[str, str], Any]:
    """Return the special tokens by their role, and the backend (a `tokenizers.Tokenizer`)."""
    settings: dict[str, Any] = {}
    for name in (SPECIAL_TOKENS_FILE, TOKENIZER_SETTINGS_FILE):
        if (folder / name).exists():
            settings.update(read_json(folder / name))
    special_tokens = {role: _content(settings.get(role)) or token for role, token in SPECIAL_TOKENS.items()}
    kind = settings.get("tokenizer_class") or _BERT_CLASSES[0]
    stated = {key: settings[key] for key in _NORMALISER_SETTINGS if isinstance(settings.get(key), bool)}
    if (folder / TOKENIZER_FILE).is_file():
        path = folder / TOKENIZER_FILE
        # Where the two files differ, transformers follows tokenizer_config.json, if it names a class of BERT's.
        tokenizer = _from_tokenizer_file(path, stated if kind in _BERT_CLASSES else {})
    elif (folder / VOCABULARY_FILE).is_file():
        path = folder / VOCABULARY_FILE
        if kind not in _BERT_CLASSES:
            raise encoder_error(
                folder, f"expected {TOKENIZER_FILE}, or the tokenizer class BertTokenizer, received {kind}"
            )
        tokenizer = _from_vocabulary(path, special_tokens, stated)
    else:
        raise encoder_error(folder, f"expected {TOKENIZER_FILE} or {VOCABULARY_FILE}, received neither")

    for part, expected in (("model", "WordPiece"), ("pre_tokenizer", "BertPreTokenizer")):
        received = type(getattr(tokenizer, part)).__name__
        if received != expected:
            raise encoder_error(path, f"expected the {part} {expected}, received {received}")
    # What is not in a vocab.txt was added by the class, beyond the rows of the checkpoint's table.
    vocabulary = tokenizer.get_vocab(with_added_tokens=path.name == TOKENIZER_FILE)
    for role, token in special_tokens.items():
        if token not in vocabulary:
            raise encoder_error(path, f"expected the subword {token} (`{role}`), received none of that name")
    # Some files do not mark them as special, and only what is marked can be taken for ordinary text.
    mask_token = _content(settings.get("mask_token")) or "[MASK]"
    special_tokens["mask_token"] = mask_token if mask_token in vocabulary else special_tokens["unk_token"]
    tokenizer.add_special_tokens(list(dict.fromkeys(special_tokens.values())))
    tokenizer.encode_special_tokens = True
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return special_tokens, tokenizer


def _from_tokenizer_file(path: Path, stated: dict[str, bool]) -> Any:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # what the Rust side cannot parse arrives as a bare Exception
        raise encoder_error(path, f"expected a tokenizer file, received {one_line(error)}") from None
    normaliser = tokenizer.normalizer
    if type(normaliser).__name__ == "BertNormalizer":
        for key, value in stated.items():
            setattr(normaliser, _NORMALISER_SETTINGS[key], value)
        tokenizer.normalizer = normaliser
    return tokenizer


def _from_vocabulary(path: Path, special_tokens: dict[str, str], stated: dict[str, bool]) -> Any:
    try:
        with path.open(encoding="utf-8", newline="\n") as lines:
            vocabulary = {line.rstrip("\r\n"): number for number, line in enumerate(lines)}
    except (OSError, ValueError) as error:
        raise encoder_error(path, f"expected UTF-8 with a subword a line, received {one_line(error)}") from None
    with _quiet():
        from transformers import BertTokenizerFast
    return BertTokenizerFast(vocab=vocabulary, **special_tokens, **stated).backend_tokenizer


def _content(token: object) -> str | None:
    """Return the text of a token that is written as a string, or as an object with its `content`."""
    if isinstance(token, dict):
        token = token.get("content")
    return token if isinstance(token, str) else None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers from saying, on its import, that PyTorch is missing: nothing here needs it."""
    logger = logging.getLogger("transformers")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
