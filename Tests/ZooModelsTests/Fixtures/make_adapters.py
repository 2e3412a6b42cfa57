"""Adapters that `peft` saved over the models of make.py, with what PyTorch computes for them: python make_adapters.py [FOLDER SEED]

Pinned: torch==2.13.0 transformers==4.57.6 peft==0.21.2 safetensors==0.8.0. FOLDER and SEED are those of make.py.
"""

import json
import pathlib

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from make import HERE, SEED, batch, inputs

# The standard targets with the other scale, every projection with the usual one, and families that name or keep them otherwise.
ADAPTERS = {
    "lora-standard": ("tied", 11, dict(r=3, lora_alpha=5, use_rslora=True)),
    "lora-all-linear": ("untied", 12, dict(r=4, lora_alpha=8, target_modules="all-linear", lora_dropout=0.1)),
    "lora-gpt2": ("gpt2", 13, dict(r=2, lora_alpha=4, target_modules="all-linear")),
    "lora-qwen2": ("qwen2", 14, dict(r=3, lora_alpha=6)),
    # A pattern for the layers, with others for what is left out, for ranks and for scales; the head among them.
    "lora-patterns": ("untied", 15, dict(
        r=4, lora_alpha=6, target_modules=r"(?:.*?\blayers\.\d{1,}\.(?:self_attn|mlp)\.(?:q_proj|k_proj|down_proj))|lm_head",
        exclude_modules=r".*layers\.0\.mlp.*", rank_pattern={r"^model.layers.1.self_attn.q_proj": 5, "down_proj": 2, "lm_head": 3},
        alpha_pattern={r"layers\.1\..*": 2, "q_proj": 9})),  # in the order of a file, where the first that fits counts
    # Layers by their number, the others by list.
    "lora-layers": ("qwen2", 16, dict(
        r=2, lora_alpha=5, use_rslora=True, target_modules=["q_proj", "v_proj", "up_proj", "c_attn"], layers_to_transform=[1],
        layers_pattern=["layers"], exclude_modules=["v_proj"], rank_pattern={"up_proj": 3})),
    # The embedding and the head of a model that ties them: low-rank, and whole.
    "lora-ends": ("tied", 17, dict(r=3, lora_alpha=4, target_modules=["q_proj", "embed_tokens", "lm_head"])),
    "lora-saved": ("tied", 18, dict(r=2, lora_alpha=4, target_modules=["v_proj"], modules_to_save=["embed_tokens", "lm_head"])),
    "lora-gpt2-saved": ("gpt2", 19, dict(r=2, lora_alpha=4, target_modules=["attn.c_proj"], modules_to_save=["wte"])),
}

# A reward model's adapter, whose head PEFT saves whole.
REWARD = ("lora-score", "untied", 20, dict(r=2, lora_alpha=6, target_modules="all-linear"))


def main(name, base, seed, settings):
    model = AutoModelForCausalLM.from_pretrained(HERE / base, attn_implementation="eager", dtype=torch.float32)
    model.generation_config.eos_token_id = 2
    torch.manual_seed(SEED + seed)
    model = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **settings)).eval()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if "lora_B" in key or "lora_embedding_A" in key:  # 0 would hide everything
                parameter.normal_(std=0.3)
            elif "modules_to_save" in key:
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
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
    expected |= {f"grad.{key.replace('.modules_to_save', '').replace('.default', '')}": p.grad for key, p in model.named_parameters() if p.grad is not None}
    save(model, name, base, expected)


def reward(name, base, seed, settings):
    model = AutoModelForSequenceClassification.from_pretrained(
        HERE / base, attn_implementation="eager", dtype=torch.float32, num_labels=1, pad_token_id=0)
    torch.manual_seed(SEED + seed)
    model = get_peft_model(model, LoraConfig(task_type="SEQ_CLS", **settings)).eval()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if "lora_B" in key or "modules_to_save" in key:
                parameter.normal_(std=0.3)
        tokens, mask, temperature = batch(seed)
        score = torch.cat([model(row[None]).logits[0] for row in tokens])
    save(model, name, base, inputs(tokens, mask, temperature) | dict(score=score))


def save(model, name, base, expected):
    folder = HERE / name
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    file = folder / "adapter_config.json"
    config = json.loads(file.read_text())
    config["base_model_name_or_path"] = f"../{base}"  # wherever this folder lies
    for key in ["target_modules", "exclude_modules"]:
        if isinstance(config[key], list):
            config[key] = sorted(config[key])
    file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    save_file({key: value.detach().contiguous() for key, value in expected.items()}, folder / "expected.safetensors")


if __name__ == "__main__":
    for name, (base, seed, settings) in ADAPTERS.items():
        main(name, base, seed, settings)
    reward(*REWARD)
