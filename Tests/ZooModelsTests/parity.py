"""Reads with `transformers` what PolicyZoo wrote and computes it again: `make parity`.

Usage: ZOO_PARITY=DIR swift test --filter writesForParity, then python parity.py DIR.
Pinned: torch==2.13.0 transformers==4.57.6 safetensors==0.8.0.
"""

import pathlib
import sys
import types

import torch
from safetensors.torch import load_file
from transformers import (
    AutoConfig,
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


class Trunk(torch.nn.Module):
    """A family's trunk under a linear head, for the families that `transformers` has no classifier of."""

    def __init__(self, folder):
        super().__init__()
        tensors = load_file(folder / "model.safetensors")
        self.head = {part: tensors.pop(f"score.{part}") for part in ("weight", "bias") if f"score.{part}" in tensors}
        self.whole = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder), attn_implementation="eager")
        missing, unexpected = self.whole.load_state_dict(tensors, strict=False)
        missing = [name for name in missing if name != "lm_head.weight"]
        self.problems = {key: value for key, value in dict(missing=missing, unexpected=unexpected).items() if value}

    def forward(self, tokens):
        return types.SimpleNamespace(logits=torch.nn.functional.linear(self.whole.model(tokens).last_hidden_state, **self.head))


def read(head, folder):
    try:
        # Only this one bounds scores where a family does.
        model, loading = KINDS[head].from_pretrained(folder, output_loading_info=True, attn_implementation="eager")
    except ValueError as error:
        if head == "languageModel" or "Unrecognized configuration class" not in str(error):
            raise
        model = Trunk(folder)
        return model, model.problems
    return model, {key: value for key, value in loading.items() if value}


def theirs(head, model, row):
    """What the network gives for one sequence of which every step but the first is masked."""
    logits = model(row[None]).logits[0]
    if head == "score" and isinstance(model, Trunk):
        logits = logits[(row != 0).nonzero()[-1, 0]]
    if head == "languageModel":
        return torch.log_softmax(logits[:-1], -1).gather(1, row[1:, None])[:, 0]
    if head == "mean":
        return logits[:, 0].mean()[None]
    return logits[:-1, 0] if head == "value" else logits


def main(root):
    failed = False
    for folder in sorted(root.iterdir()):
        head = folder.name.split("-")[1]
        model, problems = read(head, folder)
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
