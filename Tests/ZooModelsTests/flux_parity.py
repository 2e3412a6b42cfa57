"""Reads with `diffusers` what PolicyZoo wrote and computes it again: `make parity`.

Usage: ZOO_PARITY=DIR swift test --filter writesFluxForParity, then python flux_parity.py DIR.
Pinned: torch==2.13.0 diffusers==0.35.2 safetensors==0.8.0.
"""

import pathlib
import sys

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, FluxTransformer2DModel
from safetensors.torch import load_file


def places(rows, columns, first):
    grid = torch.stack(torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij"), -1).reshape(-1, 2)
    return torch.cat([torch.full((rows * columns, 1), first), grid], 1).float()


def main(root):
    failed = False
    for name in ("flux", "flux-guidance"):
        folder = root / name
        model, loading = FluxTransformer2DModel.from_pretrained(folder / "transformer", output_loading_info=True)
        problems = {key: value for key, value in loading.items() if value}
        ours = load_file(folder / "ours.safetensors")
        with torch.no_grad():
            expected = model.eval()(
                hidden_states=ours["image"], encoder_hidden_states=ours["prompt"], pooled_projections=ours["pooled"],
                timestep=ours["time"], img_ids=torch.cat([places(6, 6, 0), places(4, 4, 1)]), txt_ids=torch.zeros(3, 3),
                guidance=ours["guidance"] if name == "flux-guidance" else None).sample[:, :36]
        scheduler = FlowMatchEulerDiscreteScheduler.from_pretrained(folder / "scheduler")
        scheduler.set_timesteps(sigmas=torch.linspace(1, 1 / 7, 7).tolist())
        worst = (expected - ours["velocity"]).abs().max().item()
        apart = (scheduler.sigmas - ours["sigmas"]).abs().max().item()
        good = worst < 1e-4 and apart < 1e-6 and not problems
        failed |= not good
        print(f"{name}: largest difference {worst:.1e}, of sigmas {apart:.1e} {problems or ''} {'ok' if good else 'FAILED'}")
    return failed


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
