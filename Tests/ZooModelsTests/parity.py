"""Reads with `transformers` what PolicyZoo wrote and computes it again: `make parity`.

Usage: ZOO_PARITY=DIR swift test --filter writesForParity, then python parity.py DIR.
Pinned: torch==2.13.0 transformers==4.57.6 safetensors==0.8.0.
"""

import pathlib
import sys

import torch
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
)

KINDS = {
    "languageModel": AutoModelForCausalLM,
    "value": AutoModelForTokenClassification,
    "score": AutoModelForSequenceClassification,
}


def theirs(head, model, row):
    """What the network gives for one sequence of which every step but the first is masked."""
    logits = model(row[None]).logits[0]
    if head == "languageModel":
        return torch.log_softmax(logits[:-1], -1).gather(1, row[1:, None])[:, 0]
    return logits[:-1, 0] if head == "value" else logits


def main(root):
    failed = False
    for head, kind in KINDS.items():
        model, loading = kind.from_pretrained(root / head, output_loading_info=True)
        problems = {key: value for key, value in loading.items() if value}
        ours = load_file(root / head / "ours.safetensors")
        bounds = ours["offsets"].tolist()
        with torch.no_grad():
            rows = [ours["tokens"][a:b].long() for a, b in zip(bounds, bounds[1:])]
            expected = torch.cat([theirs(head, model.eval(), row) for row in rows])
        worst = (expected - ours["output"]).abs().max().item()
        good = worst < 1e-4 and not problems
        failed |= not good
        print(f"{head}: largest difference {worst:.1e} {problems or ''} {'ok' if good else 'FAILED'}")
    return failed


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
