"""Tiny models of every family saved by `transformers`, with what PyTorch computes for them: python make.py [FOLDER SEED]

Pinned: torch==2.13.0 transformers==4.57.6 safetensors==0.8.0 numpy==2.4.6. Alone it overwrites the committed fixtures; `make
parity` has it write others, from another seed, into a folder of its own.
"""

import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file
from transformers import (
    Gemma2Config,
    Gemma3TextConfig,
    GemmaConfig,
    GPT2Config,
    GraniteConfig,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    LlamaForTokenClassification,
    MistralConfig,
    Olmo2Config,
    Phi3Config,
    Qwen2Config,
    Qwen3Config,
    SmolLM3Config,
)
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

HERE = pathlib.Path(sys.argv[1] if len(sys.argv) > 2 else __file__ + "/..").resolve()
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 0
# Odd sizes, so that the ends of rows that do not fill a vector register are computed too.
SHAPES = {
    "tied": dict(hidden_size=16, intermediate_size=42, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                 tie_word_embeddings=True),
    "untied": dict(hidden_size=20, intermediate_size=23, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
                   head_dim=12, rope_theta=500.0, rms_norm_eps=1e-5, tie_word_embeddings=False),
}
# By folder: the configuration, and the element type on disk. Windows and scalings are small enough to show in 17 steps.
FAMILIES = {
    "llama3": (LlamaConfig, dict(SHAPES["untied"], rope_theta=10_000.0, attention_bias=True, mlp_bias=True, rope_scaling=dict(
        rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64)),
        torch.float32),
    "qwen2": (Qwen2Config, dict(SHAPES["untied"], use_sliding_window=True, sliding_window=3, max_window_layers=1),
              torch.bfloat16),
    "qwen3": (Qwen3Config, dict(SHAPES["tied"], head_dim=6, rope_scaling=dict(rope_type="linear", factor=2.5)),
              torch.float32),
    "mistral": (MistralConfig, dict(SHAPES["untied"], sliding_window=4), torch.float16),
    "gemma": (GemmaConfig, dict(SHAPES["tied"], head_dim=6), torch.float32),
    "gpt2": (GPT2Config, dict(n_embd=16, n_inner=42, n_layer=2, n_head=4, n_positions=64, attn_pdrop=0.0, embd_pdrop=0.0,
                              resid_pdrop=0.0), torch.float32),
    "smollm3": (SmolLM3Config, dict(SHAPES["tied"], no_rope_layer_interval=2, use_sliding_window=True, sliding_window=4,
                                    rope_theta=500.0, rope_scaling=dict(rope_type="yarn", factor=4.0, mscale=0.7,
                                                                        mscale_all_dim=0.3, beta_fast=4.0,
                                                                        original_max_position_embeddings=16)), torch.float32),
    "gemma2": (Gemma2Config, dict(SHAPES["tied"], head_dim=6, query_pre_attn_scalar=5, sliding_window=3,
                                  attn_logit_softcapping=0.8, final_logit_softcapping=2.0), torch.float32),
    "gemma3": (Gemma3TextConfig, dict(SHAPES["tied"], head_dim=6, query_pre_attn_scalar=5, sliding_window=3,
                                      sliding_window_pattern=2, rope_local_base_freq=100.0, rope_theta=5000.0,
                                      rope_scaling=dict(rope_type="linear", factor=2.5)), torch.float32),
    "olmo2": (Olmo2Config, SHAPES["untied"], torch.float32),
    "granite": (GraniteConfig, dict(SHAPES["tied"], embedding_multiplier=3.0, attention_multiplier=0.7,
                                    residual_multiplier=0.4, logits_scaling=1.5), torch.float32),
    # Heads of 10, of which 6 turn.
    "phi3": (Phi3Config, dict(hidden_size=20, intermediate_size=23, num_hidden_layers=2, num_attention_heads=2,
                              num_key_value_heads=1, tie_word_embeddings=False, sliding_window=4, partial_rotary_factor=0.6,
                              original_max_position_embeddings=32, rope_scaling=dict(
                                  type="longrope", short_factor=[1.0, 1.5, 2.5], long_factor=[1.0, 3.0, 6.0])), torch.float32),
}
# Scalings of positions by what `rope_scaling` says, for heads of 16 at base 10000 and 4096 positions.
SCALINGS = [
    dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=1024),
    dict(rope_type="yarn", factor=4.0),
    dict(rope_type="yarn", factor=40.0, original_max_position_embeddings=1024, mscale=0.707, mscale_all_dim=1.0),
    dict(rope_type="yarn", factor=32.0, original_max_position_embeddings=1024, beta_fast=24.0, beta_slow=2.0, truncate=False),
    dict(rope_type="yarn", factor=2.0, attention_factor=1.25, beta_fast=1.0, beta_slow=1.0),
    dict(rope_type="yarn", factor=0.5),
    dict(rope_type="longrope", short_factor=[1.0 + 0.3 * i for i in range(8)], long_factor=[2.0] * 8, factor=4.0),
    dict(rope_type="longrope", short_factor=[1.5] * 8, long_factor=[2.0] * 8, factor=4.0, attention_factor=1.1),
    dict(rope_type="dynamic", factor=3.0),
]
LENGTHS = [5, 9, 9, 3, 7]


def build(kind, shape, seed, configuration=LlamaConfig, **more):
    torch.manual_seed(SEED + seed)
    config = configuration(vocab_size=37, max_position_embeddings=64, initializer_range=0.3, bos_token_id=1, eos_token_id=2,
                           pad_token_id=0, attn_implementation="eager", **shape, **more)
    model = kind(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 1:  # norms and biases, so that none is invisible at 1 or 0
                parameter += 0.2 * torch.randn_like(parameter)
    return model.eval()


def batch(seed):
    generator = torch.Generator().manual_seed(SEED + seed)
    tokens = [torch.randint(3, 37, (length,), generator=generator) for length in LENGTHS]
    mask = [torch.rand(length, generator=generator) < 0.6 for length in LENGTHS]
    for row in mask:
        row[0] = False
    temperature = torch.tensor([1.0, 0.7, 1.5, 1.0, 0.9])
    return tokens, mask, temperature


def finish(name, model, expected, dtype=torch.float32):
    expected |= {f"grad.{key}": p.grad.clone() for key, p in model.named_parameters() if p.grad is not None}
    folder = HERE / name
    # Half the size of the others, and in several files.
    model.to(dtype).save_pretrained(folder, max_shard_size="8KB" if dtype == torch.bfloat16 else "5GB")
    if "ended" not in expected:
        (folder / "generation_config.json").unlink(missing_ok=True)
    save_file({key: value.detach().contiguous() for key, value in expected.items()}, folder / "expected.safetensors")


def inputs(tokens, mask, temperature):
    return dict(tokens=torch.cat(tokens), mask=torch.cat(mask).to(torch.uint8), temperature=temperature,
                lengths=torch.tensor(LENGTHS))


def language_model(name, shape, seed, configuration=LlamaConfig, dtype=torch.float32):
    kind = transformers.MODEL_FOR_CAUSAL_LM_MAPPING[configuration]
    model = build(kind, shape, seed, configuration)
    for parameter in model.parameters():  # rounded to the type on disk, computed in single precision
        parameter.data = parameter.data.to(dtype).float()
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
    expected = dict(
        logits=torch.cat(logits), logp=logp, entropy=entropy, logp_weight=a, entropy_weight=b, greedy=torch.stack(greedy))
    if name == "qwen2":  # Two tokens end a text, of which generation_config.json alone knows.
        model.generation_config.eos_token_id = [2, greedy[0][3].item()]
        ended = [model.generate(row[None], do_sample=False, max_new_tokens=8)[0, len(row):] for row in tokens]
        expected |= dict(ended=torch.cat(ended), ended_lengths=torch.tensor([len(row) for row in ended]))
    finish(name, model, inputs(tokens, mask, temperature) | expected, dtype)


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


def rotations():
    """What `transformers` makes of each of SCALINGS for sequences that are no longer than the model's positions."""
    cases = []
    for scaling in SCALINGS:
        config = LlamaConfig(hidden_size=32, num_attention_heads=2, max_position_embeddings=4096, rope_scaling=scaling)
        frequencies, amplitude = ROPE_INIT_FUNCTIONS[scaling["rope_type"]](config, torch.device("cpu"), seq_len=17)
        cases.append(dict(rope_scaling=scaling, frequencies=frequencies.tolist(), amplitude=amplitude))
    (HERE / "rotations.json").write_text(json.dumps(cases, indent=1) + "\n")


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
    for seed, (name, (configuration, shape, dtype)) in enumerate(FAMILIES.items(), 10):
        language_model(name, shape, seed, configuration, dtype)
    rotations()
    if HERE == pathlib.Path(__file__).parent.resolve():
        adamw()
    total = sum(path.stat().st_size for path in HERE.rglob("*") if path.is_file())
    print(json.dumps({"bytes": total}))
