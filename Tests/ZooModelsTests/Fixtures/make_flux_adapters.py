"""Adapters that `diffusers` and `peft` saved over the model of make_flux.py, with what PyTorch computes; make_flux.py runs it.

Pinned: torch==2.13.0 diffusers==0.35.2 peft==0.21.2 safetensors==0.8.0. Overwrites `flux-lora/` and `flux-lora-all/`.
"""

import shutil

import torch
from diffusers import FluxKontextPipeline, FluxTransformer2DModel
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict

from make_flux import BATCH, CANVAS, HERE, REFERENCE, SEED, TEXT, run, save

# diffusers' targets with the other scale, and every linear layer with the usual one.
ADAPTERS = {
    "flux-lora": dict(r=3, lora_alpha=5, use_rslora=True, target_modules=["to_q", "to_k", "to_v", "to_out.0"]),
    "flux-lora-all": dict(r=2, lora_alpha=3, target_modules="all-linear", init_lora_weights="gaussian"),
}


def main():
    for name, settings in ADAPTERS.items():
        torch.manual_seed(SEED + 21)
        model = FluxTransformer2DModel.from_pretrained(HERE / "flux" / "transformer")
        model.add_adapter(LoraConfig(**settings))
        model.eval()
        for key, parameter in model.named_parameters():
            if "lora_B" in key:  # 0 would hide everything
                torch.nn.init.normal_(parameter, std=0.3)
        tokens = CANVAS[0] * CANVAS[1] + REFERENCE[0] * REFERENCE[1]
        inputs = dict(image=torch.randn(BATCH, tokens, 4), prompt=torch.randn(BATCH, TEXT, 7), pooled=torch.randn(BATCH, 5))
        for tensor in inputs.values():
            tensor.requires_grad_()
        time = torch.tensor([0.03, 0.5, 1.0])
        velocity = run(model, *inputs.values(), time, None)
        weight = torch.linspace(-1, 1, velocity.numel()).reshape(velocity.shape).sin()
        (weight * velocity).sum().backward()
        expected = inputs | dict(time=time, velocity=velocity, weight=weight)
        expected |= {f"grad.{key}": value.grad for key, value in inputs.items()}
        expected |= {f"grad.transformer.{key.replace('.default', '')}": p.grad
                     for key, p in model.named_parameters() if p.grad is not None}
        shutil.rmtree(HERE / name, ignore_errors=True)
        config = model.peft_config["default"].to_dict()
        config["target_modules"] = sorted(config["target_modules"])
        config["base_model_name_or_path"] = "../flux"  # wherever this folder lies
        FluxKontextPipeline.save_lora_weights(
            HERE / name, transformer_lora_layers=get_peft_model_state_dict(model), transformer_lora_adapter_metadata=config)
        save(expected, HERE / name / "expected.safetensors")
        print(name, sum(path.stat().st_size for path in (HERE / name).rglob("*")))


if __name__ == "__main__":
    main()
