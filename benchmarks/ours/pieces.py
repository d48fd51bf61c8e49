"""What the peers of a translator are given: the subwords of its bundle, batches of numbers, and its weights.

    python benchmarks/ours/pieces.py BUNDLE CORPUS FOLDER PAIRS COUNT

FOLDER gets `vocabulary.txt`, the subwords but for the special ones in the order of their ids; `train.source`,
`train.target`, `test.source` and `test.target`, the corpus in pieces; COUNT batches of PAIRS pairs drawn at random,
`batches.json` with the numbers of the pairs and `batches.npz` with the arrays; `initial.safetensors` and
`trained.safetensors`, the weights of a new network and the bundle's; and `counts.json`.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

SIDES = {"source": "en", "target": "de"}


def main(bundle_folder: Path, corpus: Path, folder: Path, pairs_of_batch: int, count: int) -> None:
    """Write them."""
    import keras
    import numpy as np
    from safetensors.numpy import save_file

    from nlp_pipeline.models.translator import Translator
    from nlp_pipeline.serving.translator_bundle import TranslatorBundle
    from nlp_pipeline.text.pair import SentencePair

    bundle = TranslatorBundle.read(bundle_folder)
    inputs, tokenizer = bundle.inputs, bundle.inputs.target_tokenizer
    folder.mkdir(parents=True, exist_ok=True)
    subwords = [tokenizer.subword(number) for number in range(4, len(tokenizer))]
    (folder / "vocabulary.txt").write_text("\n".join(subwords) + "\n", encoding="utf-8")
    counts: dict[str, Any] = {}
    for split in ("train", "test"):
        lines = [(corpus / f"{split}.{end}").read_text(encoding="utf-8").splitlines() for end in SIDES.values()]
        pairs = [SentencePair(source, target) for source, target in zip(*lines, strict=True)]
        encoded = inputs.encode(pairs)
        ids: dict[str, list[list[int]]] = {
            "source": [list(one.source.ids)[:-1] for one in encoded],
            "target": [list(one.target_ids) for one in encoded],
        }
        for side, of_side in ids.items():
            cut = (" ".join(tokenizer.subword(number) for number in one) for one in of_side)
            (folder / f"{split}.{side}").write_text("\n".join(cut) + "\n", encoding="utf-8")
        # With the end that each sentence has.
        own = {side: sum(len(one) + 1 for one in of_side) for side, of_side in ids.items()}
        counts[split] = own | {"sentences": len(pairs)}
        if split == "train":
            chance = random.Random(1)
            order = [chance.sample(range(len(pairs)), pairs_of_batch) for _ in range(count)]
            (folder / "batches.json").write_text(json.dumps(order), encoding="utf-8")
            arrays: dict[str, Any] = {}
            for number, indices in enumerate(order):
                batch = inputs.batch([encoded[index] for index in indices])
                for key in ("source_ids", "decoder_inputs", "target_ids"):
                    arrays[f"{key}_{number}"] = batch[key]
            np.savez(folder / "batches.npz", **arrays)
    (folder / "counts.json").write_text(json.dumps(counts), encoding="utf-8")
    save_file(bundle.network.named_weights(), folder / "trained.safetensors")
    keras.utils.set_random_seed(1)
    save_file(Translator.for_inputs(inputs, None).named_weights(), folder / "initial.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
