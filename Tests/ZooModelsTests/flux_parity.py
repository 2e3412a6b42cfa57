"""Reads with `diffusers` what PolicyZoo wrote and computes it again: `make parity`.

Usage: ZOO_PARITY=DIR swift test --filter writesFluxForParity, then python flux_parity.py DIR.
Pinned: torch==2.13.0 diffusers==0.35.2 peft==0.21.2 safetensors==0.8.0.
"""

import pathlib
import sys

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, FluxKontextPipeline, FluxTransformer2DModel
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file


def places(rows, columns, first):
    grid = torch.stack(torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij"), -1).reshape(-1, 2)
    return torch.cat([torch.full((rows * columns, 1), first), grid], 1).float()


def velocity(model, ours, guidance=None):
    with torch.no_grad():
        return model.eval()(
            hidden_states=ours["image"], encoder_hidden_states=ours["prompt"], pooled_projections=ours["pooled"],
            timestep=ours["time"], img_ids=torch.cat([places(6, 6, 0), places(4, 4, 1)]), txt_ids=torch.zeros(3, 3),
            guidance=guidance).sample[:, :36]


def model(folder, name):
    model, loading = FluxTransformer2DModel.from_pretrained(folder / "transformer", output_loading_info=True)
    problems = {key: value for key, value in loading.items() if value}
    ours = load_file(folder / "ours.safetensors")
    expected = velocity(model, ours, ours["guidance"] if name == "flux-guidance" else None)
    scheduler = FlowMatchEulerDiscreteScheduler.from_pretrained(folder / "scheduler")
    scheduler.set_timesteps(sigmas=torch.linspace(1, 1 / 7, 7).tolist())
    worst = (expected - ours["velocity"]).abs().max().item()
    apart = (scheduler.sigmas - ours["sigmas"]).abs().max().item()
    good = worst < 1e-4 and apart < 1e-6 and not problems
    print(f"{name}: largest difference {worst:.1e}, of sigmas {apart:.1e} {problems or ''} {'ok' if good else 'FAILED'}")
    return good


def adapter(folder, name):
    ours = load_file(folder / "ours.safetensors")
    base, merged = (FluxTransformer2DModel.from_pretrained(folder / kind / "transformer") for kind in ("base", "merged"))
    away = (velocity(base, ours) - ours["velocity"]).abs().max().item()
    scheduler = FlowMatchEulerDiscreteScheduler.from_pretrained(folder / "base" / "scheduler")
    pipeline = FluxKontextPipeline(
        scheduler=scheduler, vae=None, text_encoder=None, tokenizer=None, text_encoder_2=None, tokenizer_2=None,
        transformer=base)
    pipeline.load_lora_weights(folder / "ours")
    written, read = load_file(folder / "ours" / "pytorch_lora_weights.safetensors"), get_peft_model_state_dict(
        base, adapter_name="default_0")
    same = written.keys() == {f"transformer.{key}" for key in read} and all(
        torch.equal(written[f"transformer.{key}"], value) for key, value in read.items())
    worst = max((velocity(model, ours) - ours["velocity"]).abs().max().item() for model in (base, merged))
    good = worst < 1e-4 and same and away > 1e-2
    print(f"{name}: largest difference {worst:.1e}, from the base {away:.1e}, read alike {same} {'ok' if good else 'FAILED'}")
    return good


def main(root):
    results = [model(root / name, name) for name in ("flux", "flux-guidance")]
    results += [adapter(root / name, name) for name in ("flux-lora", "flux-lora-all")]
    return not all(results)


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
