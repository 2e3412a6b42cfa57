"""Reads with `peft` the adapters that PolicyZoo wrote, and with `transformers` their merged models: `make parity`.

Usage: ZOO_PARITY=DIR swift test --filter adapterWritesForPEFT, then python parity_adapters.py DIR.
Pinned: torch==2.13.0 transformers==4.57.6 peft==0.21.2 safetensors==0.8.0.
"""

import pathlib
import sys

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM


def logps(model, rows):
    with torch.no_grad():
        return torch.cat([
            torch.log_softmax(model(row[None]).logits[0][:-1], -1).gather(1, row[1:, None])[:, 0] for row in rows])


def main(root):
    failed = False
    for name in sorted(path.name for path in root.glob("adapter*")):
        folder = root / name
        ours = load_file(folder / "ours.safetensors")
        bounds = ours["offsets"].tolist()
        rows = [ours["tokens"][a:b].long() for a, b in zip(bounds, bounds[1:])]
        base = AutoModelForCausalLM.from_pretrained(folder / "base").eval()
        away = (logps(base, rows) - ours["output"]).abs().max().item()
        adapted = PeftModel.from_pretrained(base, folder / "ours").eval()
        # What peft reads and saves again is what we wrote.
        adapted.save_pretrained(folder / "theirs")
        written, again = (load_file(folder / kind / "adapter_model.safetensors") for kind in ["ours", "theirs"])
        again = {key: tensor for key, tensor in again.items() if "base_layer" not in key}  # the base's own, which peft adds
        same = written.keys() == again.keys() and all(torch.equal(written[key], again[key]) for key in written)
        merged = AutoModelForCausalLM.from_pretrained(folder / "merged").eval()
        worst = max((logps(model, rows) - ours["output"]).abs().max().item() for model in [adapted, merged])
        good = worst < 1e-4 and same and away > 1e-2
        failed |= not good
        print(f"{name}: largest difference {worst:.1e}, from the base {away:.1e}, saved alike {same} {'ok' if good else 'FAILED'}")
    return failed


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
