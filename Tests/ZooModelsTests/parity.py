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
    "mean": AutoModelForTokenClassification,
}


def theirs(head, model, row):
    """What the network gives for one sequence of which every step but the first is masked."""
    logits = model(row[None]).logits[0]
    if head == "languageModel":
        return torch.log_softmax(logits[:-1], -1).gather(1, row[1:, None])[:, 0]
    if head == "mean":
        return logits[:, 0].mean()[None]
    return logits[:-1, 0] if head == "value" else logits


def main(root):
    failed = False
    for folder in sorted(root.iterdir()):
        head = folder.name.split("-")[1]
        model, loading = KINDS[head].from_pretrained(folder, output_loading_info=True)
        problems = {key: value for key, value in loading.items() if value}
        ours = load_file(folder / "ours.safetensors")
        bounds = ours["offsets"].tolist()
        rows = [ours["tokens"][a:b].long() for a, b in zip(bounds, bounds[1:])]
        with torch.no_grad():
            expected = torch.cat([theirs(head, model.eval(), row) for row in rows])
        worst = (expected - ours["output"]).abs().max().item()
        if head == "languageModel":
            # Without a mask of its own it would take every token 0 for padding.
            greedy = [model.generate(row[None], attention_mask=torch.ones_like(row[None]), do_sample=False, eos_token_id=None,
                                     max_new_tokens=12)[0, len(row):] for row in rows]
            if not torch.equal(torch.stack(greedy), ours["greedy"].long()):
                problems["greedy"] = [row.tolist() for row in greedy]
        good = worst < 1e-4 and not problems
        failed |= not good
        print(f"{folder.name}: largest difference {worst:.1e} {problems or ''} {'ok' if good else 'FAILED'}")
    return failed


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
