"""Tags or translates text with an exported model, by TensorFlow alone: nothing of nlp_pipeline is imported.

    nlp-pipeline export runs/ner-demo/bundle serving/ner/1
    python examples/serving_client.py serving/ner/1 "Ana Reis left Lisbon."

A text is an argument; without any, each line of standard input is one.
"""

from __future__ import annotations

import sys

import tensorflow as tf


def print_entities(model: tf.Module, texts: list[str]) -> None:
    """Print the entities of texts: start and end in bytes, type, lowest score of a word, surface."""
    found = model.signatures["tag_text"](text=tf.constant(texts))
    tags, starts, ends, scores, sentences = (
        found[name].numpy() for name in ("tags", "starts", "ends", "scores", "sentences")
    )
    for row, text in enumerate(texts):
        raw = text.encode()
        entities: list[tuple[int, int, str, float]] = []
        before = (-1, "O")
        for place, tag in enumerate(tag.decode() for tag in tags[row] if tag):
            prefix, _, entity_type = tag.partition("-")
            start, end, score = int(starts[row, place]), int(ends[row, place]), float(scores[row, place])
            if prefix == "I" and before == (sentences[row, place], entity_type):
                entities[-1] = (entities[-1][0], end, entity_type, min(entities[-1][3], score))
            elif prefix != "O":
                entities.append((start, end, entity_type, score))
            before = (sentences[row, place], entity_type)
        for start, end, entity_type, score in entities:
            print(f"{start}\t{end}\t{entity_type}\t{score:.2f}\t{raw[start:end].decode()}")
        print()


def print_translations(model: tf.Module, texts: list[str], beam_size: int = 5) -> None:
    """Print the translation of each text, and of each of its subwords the place that the decoder looked at most."""
    translate = model.signatures["translate_text"]
    found = translate(text=tf.constant(texts), beam_size=tf.constant(beam_size), length_penalty=tf.constant(1.0))
    for row, text in enumerate(found["text"].numpy()):
        print(text.decode())
        if "alignment" in found:
            sources = [subword.decode() for subword in found["source_subwords"][row].numpy()]
            targets = [subword.decode() for subword in found["target_subwords"][row].numpy() if subword]
            # Weights are over the part of the source that a subword is of, and tell where that begins.
            alignment, starts = (found[name][row].numpy() for name in ("alignment", "alignment_starts"))
            for target, weights, start in zip(targets, alignment, starts, strict=False):
                print(f"    {target}\t<- {sources[start + weights.argmax()]} {weights.max():.2f}")


def main(folder: str, *texts: str) -> None:
    """Load a model and show what it makes of texts."""
    # What is no UTF-8 is shown as U+FFFD.
    given = list(texts) or [line.decode("utf-8", "replace").rstrip("\r\n") for line in sys.stdin.buffer]
    model = tf.saved_model.load(folder)
    if "tag_text" in model.signatures:
        print_entities(model, given)
    elif "translate_text" in model.signatures:
        print_translations(model, given)
    else:
        sys.exit(f"{folder}: expected a model that takes text, received one with {', '.join(model.signatures)}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:])
