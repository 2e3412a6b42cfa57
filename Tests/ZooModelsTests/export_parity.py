"""Checks what `zoo export` writes of a real model: against transformers, against gguf's own arithmetic, and in llama.cpp.

usage: export_parity.py ZOO MODEL OUT [ORIGINAL.gguf]

ZOO is the program, MODEL a Llama's folder with a chat template (that of `make smollm2`), OUT a folder to fill, ORIGINAL a GGUF file of the
same model by llama.cpp's converter, whose keys are compared. llama.cpp comes with xllamacpp.
"""
import json
import pathlib
import subprocess
import sys

import gguf
import numpy
import torch
import transformers
import xllamacpp
from safetensors.torch import load_file

TOKENS = 32
PROMPTS = [
    "The capital of France is", "Once upon a time", "def fibonacci(n):\n    ", "In 1969, 3 people flew 384400 km",
    "Ein kurzer Satz auf Deutsch:", "I love pizza 🍕🎉 and", "  leading spaces\n\n\ttab", "naïve café: ∑ x² ≈",
]
CHATS = ["What is 12 + 30?", "Name three colours. 🌈", "Write a haiku about the sea."]


def check(name, count, faults):
    """Prints a line, and the first faults."""
    print(f"{'ok   ' if not faults else 'WRONG'} {name}: {count - len(faults)} of {count}", flush=True)
    for fault in faults[:3]:
        print(f"      {fault}")
    return not faults


def greedy(folder, prompts, dtype=torch.float32):
    """transformers' most likely continuations, as ids without the prompt."""
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    result = []
    for prompt in prompts:
        ids = tokenizer(prompt, return_tensors="pt")
        with torch.no_grad():
            out = model.generate(**ids, max_new_tokens=TOKENS, do_sample=False)
        result.append(out[0, ids["input_ids"].shape[1]:].tolist())
    return tokenizer, result


def sampled(zoo, folder, prompts):
    """The most likely continuations of `zoo sample`, as texts."""
    texts = []
    for prompt in prompts:
        run = subprocess.run(
            [zoo, "sample", folder, "--prompt", prompt, "--temperature", "0", "--max-new-tokens", str(TOKENS)],
            check=True, capture_output=True, text=True)
        texts.append(run.stdout.removeprefix(prompt).removesuffix("\n"))
    return texts


def llama_cpp(file, prompts):
    """llama.cpp's most likely continuations, as texts; of a dict's messages by the file's own template."""
    params = xllamacpp.CommonParams()
    params.model.path, params.n_ctx, params.n_parallel, params.warmup = str(file), 1024, 1, False
    server = xllamacpp.Server(params)
    settings = {"max_tokens": TOKENS, "temperature": 0, "top_k": 1, "cache_prompt": False}
    texts = []
    for prompt in prompts:
        if isinstance(prompt, dict):
            answer = server.handle_chat_completions({**prompt, **settings})
        else:
            answer = server.handle_completions({"prompt": prompt, **settings})
        answer = answer if isinstance(answer, dict) else json.loads(answer)
        if "choices" not in answer:
            sys.exit(f"llama.cpp: {answer}")
        choice = answer["choices"][0]
        texts.append(choice["message"]["content"] if isinstance(prompt, dict) else choice["text"])
    return texts


def halves_beside(weight, heads):
    """llama.cpp's order of a query's or key's rows."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(weight.shape)


def compare_tensors(file, weights, config, kind):
    """Every tensor of a GGUF file against the model's, encoded by the package gguf."""
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    reader = gguf.GGUFReader(file)
    found = {tensor.name: tensor for tensor in reader.tensors}
    faults = [f"{name} is not expected" for name in found]
    for name, weight in weights.items():
        own = names.get_name(name, try_suffixes=(".weight", ".bias"))
        faults = [fault for fault in faults if fault != f"{own} is not expected"]
        weight = weight.float().numpy()
        if ".q_proj." in name or ".k_proj." in name:
            weight = halves_beside(weight, config["num_attention_heads" if ".q_proj." in name else "num_key_value_heads"])
        kind_here = kind if weight.ndim > 1 else gguf.GGMLQuantizationType.F32
        tensor = found.get(own)
        if tensor is None or tensor.tensor_type != kind_here:
            faults.append(f"{own} is {tensor and tensor.tensor_type.name}, expected {kind_here.name}")
        elif gguf.quantize(weight, kind_here).tobytes() != tensor.data.tobytes():
            faults.append(f"{own}: other bytes than gguf's")
    return check(f"{file.name}: tensors as gguf encodes them", len(weights), faults)


def compare_keys(file, original):
    """The keys of a GGUF file against those that llama.cpp's converter wrote of the same model."""
    ours, theirs = ({name: field.contents() for name, field in gguf.GGUFReader(path).fields.items()} for path in (file, original))
    wanted = {name: value for name, value in theirs.items() if name.split(".")[0] not in ("GGUF", "general")}
    faults = [f"{name}: {str(ours.get(name))[:60]}, expected {str(value)[:60]}" for name, value in wanted.items() if ours.get(name) != value]
    return check(f"{file.name}: keys as in {original.name}", len(wanted), faults)


def small_models():
    """Random models of every family and scaling that GGUF takes, by name."""
    shape = dict(
        vocab_size=49152, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=256, initializer_range=0.2, bos_token_id=1, eos_token_id=2, pad_token_id=2, tie_word_embeddings=False)
    linear = dict(rope_type="linear", factor=4.0)
    llama3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32)
    configs = {
        "llama3": transformers.LlamaConfig(**shape, attention_bias=True, mlp_bias=True, rope_theta=5e5, rope_scaling=llama3),
        "llama-linear": transformers.LlamaConfig(**shape, head_dim=32, rope_scaling=linear),
        "mistral": transformers.MistralConfig(**shape, sliding_window=None),
        "qwen2": transformers.Qwen2Config(**shape),
        "qwen3": transformers.Qwen3Config(**shape, head_dim=32),
        "qwen3-linear": transformers.Qwen3Config(**shape, head_dim=32, rope_scaling=linear),
    }
    for name, config in configs.items():
        torch.manual_seed(1)
        model = transformers.AutoModelForCausalLM.from_config(config).float()
        for parameter in model.parameters():
            # Norms start at 1 and biases at 0, where a mistake in either would not show.
            if parameter.ndim == 1:
                parameter.data += 0.2 * torch.randn_like(parameter)
        yield name, model


def compare_families(zoo, folder, out):
    """llama.cpp's texts of small models against transformers'."""
    fine = True
    for name, model in small_models():
        model.save_pretrained(out / name)
        for file in ("tokenizer.json", "tokenizer_config.json"):
            (out / name / file).write_bytes((pathlib.Path(folder) / file).read_bytes())
        subprocess.run([zoo, "export", out / name, "--to", "gguf", "--dtype", "float32", "--out", out / f"{name}-gguf"], check=True, capture_output=True)
        tokenizer, theirs = greedy(out / name, PROMPTS[:4])
        [file] = (out / f"{name}-gguf").glob("*.gguf")
        texts = [tokenizer.decode(ids, skip_special_tokens=True) for ids in theirs]
        # Random models write parts of characters, at which texts may be cut in other places.
        faults = [(own, text) for own, text in zip(llama_cpp(file, PROMPTS[:4]), texts) if own.strip()[:40] != text.strip()[:40]]
        fine &= check(f"{file.name}: llama.cpp's texts as transformers'", len(texts), faults)
    return fine


def main():
    zoo, folder, out = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    fine = True
    for to, dtype in [("hf", "float32"), ("hf", "bfloat16"), ("gguf", "float16"), ("gguf", "q8_0"), ("gguf", "bfloat16"), ("gguf", "float32")]:
        subprocess.run([zoo, "export", folder, "--to", to, "--dtype", dtype, "--out", out / f"{to}-{dtype}"], check=True, capture_output=True)
    config = json.loads((pathlib.Path(folder) / "config.json").read_text())
    weights = load_file(pathlib.Path(folder) / "model.safetensors")
    for dtype in ("float32", "bfloat16"):
        written = load_file(out / f"hf-{dtype}" / "model.safetensors")
        faults = [name for name in weights if not torch.equal(written[name], weights[name].to(getattr(torch, dtype)))]
        fine &= check(f"hf-{dtype}: weights as torch rounds them", len(weights), faults)

    fine &= compare_families(zoo, folder, out)
    tokenizer, theirs = greedy(folder, PROMPTS)
    chats = [{"messages": [{"role": "user", "content": text}]} for text in CHATS]
    asked = [tokenizer.apply_chat_template(chat["messages"], tokenize=False, add_generation_prompt=True) for chat in chats]
    theirs += greedy(folder, asked)[1]
    again = greedy(out / "hf-float32", PROMPTS + asked)[1]
    fine &= check("hf-float32: transformers' ids as before", len(theirs), [a for a, b in zip(PROMPTS + asked, zip(theirs, again)) if b[0] != b[1]])
    # A prompt that is printed with its marks begins what zoo prints.
    texts = [tokenizer.decode(ids, skip_special_tokens=True) for ids in theirs]
    ours = sampled(zoo, folder, PROMPTS + asked)
    faults = [f"{prompt!r}: {own!r}, expected {text!r}" for prompt, own, text in zip(PROMPTS + asked, ours, texts) if own != text]
    fine &= check("zoo sample: texts of transformers", len(texts), faults)

    kinds = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "q8_0": "Q8_0"}
    for dtype, kind in kinds.items():
        [file] = (out / f"gguf-{dtype}").glob("*.gguf")
        fine &= compare_tensors(file, weights, config, gguf.GGMLQuantizationType[kind])
        if len(sys.argv) > 4:
            fine &= compare_keys(file, pathlib.Path(sys.argv[4]))
        answers = llama_cpp(file, PROMPTS + chats)
        # llama.cpp holds back a character whose last bytes have not come.
        faults = [
            f"{prompt!r}: {own!r}, expected {text!r}" for prompt, own, text in zip(PROMPTS + CHATS, answers, texts)
            if own.strip() != text.strip().rstrip("\ufffd")]
        # Rounded weights and states may choose another word where two are close; the exact ones may not.
        good = check(f"{file.name}: llama.cpp's texts as transformers'", len(texts), faults)
        fine &= good or dtype != "float32"
    sys.exit(0 if fine else 1)


main()
