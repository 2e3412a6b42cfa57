"""Tiny Llama models saved by `transformers`, with what PyTorch computes for them: python make.py

Pinned: torch==2.13.0 transformers==4.57.6 safetensors==0.8.0 numpy==2.4.6. Run in this folder; overwrites the fixtures.
"""

import json
import pathlib

import torch
from safetensors.torch import save_file
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    LlamaForTokenClassification,
)

HERE = pathlib.Path(__file__).parent
# Odd sizes, so that the ends of rows that do not fill a vector register are computed too.
SHAPES = {
    "tied": dict(hidden_size=16, intermediate_size=42, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                 tie_word_embeddings=True),
    "untied": dict(hidden_size=20, intermediate_size=23, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
                   head_dim=12, rope_theta=500.0, rms_norm_eps=1e-5, tie_word_embeddings=False),
}
LENGTHS = [5, 9, 9, 3, 7]


def build(kind, shape, seed, **more):
    torch.manual_seed(seed)
    config = LlamaConfig(vocab_size=37, max_position_embeddings=64, initializer_range=0.3, bos_token_id=1, eos_token_id=2,
                         pad_token_id=0, attn_implementation="eager", **shape, **more)
    model = kind(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 1:  # norms and biases, so that none is invisible at 1 or 0
                parameter += 0.2 * torch.randn_like(parameter)
    return model.eval()


def batch(seed):
    generator = torch.Generator().manual_seed(seed)
    tokens = [torch.randint(3, 37, (length,), generator=generator) for length in LENGTHS]
    mask = [torch.rand(length, generator=generator) < 0.6 for length in LENGTHS]
    for row in mask:
        row[0] = False
    temperature = torch.tensor([1.0, 0.7, 1.5, 1.0, 0.9])
    return tokens, mask, temperature


def finish(name, model, expected):
    expected |= {f"grad.{key}": p.grad for key, p in model.named_parameters() if p.grad is not None}
    folder = HERE / name
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    save_file({key: value.detach().contiguous() for key, value in expected.items()}, folder / "expected.safetensors")


def inputs(tokens, mask, temperature):
    return dict(tokens=torch.cat(tokens), mask=torch.cat(mask).to(torch.uint8), temperature=temperature,
                lengths=torch.tensor(LENGTHS))


def language_model(name, shape, seed):
    model = build(LlamaForCausalLM, shape, seed)
    tokens, mask, temperature = batch(seed)
    logits, logp, entropy = [], [], []
    for row, chosen, t in zip(tokens, mask, temperature):
        out = model(row[None]).logits[0]
        logits.append(out)
        distribution = torch.log_softmax(out[:-1] / t, -1)
        logp.append(distribution.gather(1, row[1:, None])[:, 0][chosen[1:]])
        entropy.append(-(distribution.exp() * distribution).sum(-1)[chosen[1:]])
    logp, entropy = torch.cat(logp), torch.cat(entropy)
    # Weights of the loss whose gradient is compared: every output gets one of its own.
    a, b = torch.linspace(-1, 1, len(logp)), torch.linspace(0.5, -0.3, len(logp))
    ((a * logp).sum() + (b * entropy).sum()).backward()
    greedy = [model.generate(row[None], do_sample=False, max_new_tokens=8, min_new_tokens=8)[0, len(row):] for row in tokens]
    finish(name, model, inputs(tokens, mask, temperature) | dict(
        logits=torch.cat(logits), logp=logp, entropy=entropy, logp_weight=a, entropy_weight=b, greedy=torch.stack(greedy)))


def value_model(name, shape, seed):
    model = build(LlamaForTokenClassification, shape, seed, num_labels=1)
    tokens, mask, temperature = batch(seed)
    value = torch.cat([model(row[None]).logits[0, :-1, 0][chosen[1:]] for row, chosen in zip(tokens, mask)])
    weight = torch.linspace(-1, 1, len(value))
    (weight * value).sum().backward()
    finish(name, model, inputs(tokens, mask, temperature) | dict(value=value, value_weight=weight))


def reward_model(name, shape, seed):
    model = build(LlamaForSequenceClassification, shape, seed, num_labels=1)
    tokens, mask, temperature = batch(seed)
    score = torch.cat([model(row[None]).logits[0] for row in tokens])
    weight = torch.linspace(-1, 1, len(score))
    (weight * score).sum().backward()
    finish(name, model, inputs(tokens, mask, temperature) | dict(score=score, score_weight=weight))


def adamw():
    """Six steps of torch.optim.AdamW after gradient clipping, on gradients that are written down too."""
    torch.manual_seed(5)
    parameters = [torch.nn.Parameter(torch.randn(3, 5)), torch.nn.Parameter(torch.randn(7))]
    optimizer = torch.optim.AdamW(parameters, lr=0.05, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1)
    expected = {f"start.{i}": p.detach().clone() for i, p in enumerate(parameters)}
    for step in range(6):
        for i, p in enumerate(parameters):
            p.grad = torch.randn_like(p)
            expected[f"grad.{step}.{i}"] = p.grad.clone()
        expected[f"norm.{step}"] = torch.nn.utils.clip_grad_norm_(parameters, 2.0)
        optimizer.step()
    expected |= {f"end.{i}": p.detach() for i, p in enumerate(parameters)}
    folder = HERE.parent.parent / "ZooTensorTests" / "Fixtures"
    folder.mkdir(parents=True, exist_ok=True)
    save_file(expected, folder / "adamw.safetensors")


if __name__ == "__main__":
    language_model("tied", SHAPES["tied"], 1)
    language_model("untied", SHAPES["untied"], 2)
    value_model("value", SHAPES["tied"], 3)
    reward_model("score", SHAPES["untied"], 4)
    adamw()
    total = sum(path.stat().st_size for path in HERE.rglob("*") if path.is_file())
    print(json.dumps({"bytes": total}))
