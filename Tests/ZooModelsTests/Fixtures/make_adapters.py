"""Adapters that `peft` saved over the models of make.py, with what PyTorch computes for them: python make_adapters.py [FOLDER SEED]

Pinned: torch==2.13.0 transformers==4.57.6 peft==0.21.2 safetensors==0.8.0. FOLDER and SEED are those of make.py.
"""

import json
import pathlib

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from make import HERE, SEED, batch, inputs

# The standard targets with the other scale, every projection with the usual one, and families that name or keep them otherwise.
ADAPTERS = {
    "lora-standard": ("tied", 11, dict(r=3, lora_alpha=5, use_rslora=True)),
    "lora-all-linear": ("untied", 12, dict(r=4, lora_alpha=8, target_modules="all-linear", lora_dropout=0.1)),
    "lora-gpt2": ("gpt2", 13, dict(r=2, lora_alpha=4, target_modules="all-linear")),
    "lora-qwen2": ("qwen2", 14, dict(r=3, lora_alpha=6)),
}


def main(name, base, seed, settings):
    model = AutoModelForCausalLM.from_pretrained(HERE / base, attn_implementation="eager", dtype=torch.float32)
    model.generation_config.eos_token_id = 2
    torch.manual_seed(SEED + seed)
    model = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **settings)).eval()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if "lora_B" in key:  # 0 would hide everything
                parameter.normal_(std=0.3)
    tokens, mask, temperature = batch(seed)
    logp, entropy = [], []
    for row, chosen, t in zip(tokens, mask, temperature):
        distribution = torch.log_softmax(model(row[None]).logits[0][:-1] / t, -1)
        logp.append(distribution.gather(1, row[1:, None])[:, 0][chosen[1:]])
        entropy.append(-(distribution.exp() * distribution).sum(-1)[chosen[1:]])
    logp, entropy = torch.cat(logp), torch.cat(entropy)
    a, b = torch.linspace(-1, 1, len(logp)), torch.linspace(0.5, -0.3, len(logp))
    ((a * logp).sum() + (b * entropy).sum()).backward()
    greedy = [model.generate(input_ids=row[None], do_sample=False, max_new_tokens=8, min_new_tokens=8)[0, len(row):]
              for row in tokens]
    expected = inputs(tokens, mask, temperature) | dict(
        logp=logp, entropy=entropy, logp_weight=a, entropy_weight=b, greedy=torch.stack(greedy))
    expected |= {f"grad.{key.replace('.default', '')}": p.grad for key, p in model.named_parameters() if p.grad is not None}
    folder = HERE / name
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    file = folder / "adapter_config.json"
    config = json.loads(file.read_text())
    config["base_model_name_or_path"] = f"../{base}"  # wherever this folder lies
    config["target_modules"] = sorted(config["target_modules"])
    file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    save_file({key: value.detach().contiguous() for key, value in expected.items()}, folder / "expected.safetensors")


if __name__ == "__main__":
    for name, (base, seed, settings) in ADAPTERS.items():
        main(name, base, seed, settings)
