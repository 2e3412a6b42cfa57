"""Writes companions.json: what transformers makes of files beside a tokenizer.json.

Run in this folder: python -m pip install transformers==4.57.6 && python make_companions.py
Each case is one of the tokenizers here, the files beside it, and texts with their ids (without what a post-processor adds) and
the marks. transformers 5.24 gives the same where a case is not marked otherwise.
"""

import json
import shutil
import tempfile
from pathlib import Path

from transformers import AutoTokenizer

TEXTS = ["The film <|user|> hi <|assistant|> yo<|end|>", "<|user|>a<|assistant|>", "x <|tool|> y <pad> z", "<|im_start|>user\nhi<|im_end|>\n", "<s>a</s> [PAD]", "a<long>b <\u00e9><e\u0301>"]
CONFIG = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|end|>"}

MARKED = {"__type": "AddedToken"}


def token(content, **flags):
    return {"content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False} | flags


CASES = {
    "a decoder redefines what is there": ("plain", {"tokenizer_config.json": CONFIG | {"added_tokens_decoder": {
        "0": token("<|end|>", lstrip=True, special=True)}}}),
    "a decoder adds tokens, in the order of its ids": ("plain", {"tokenizer_config.json": CONFIG | {"added_tokens_decoder": {
        "601": token("<|assistant|>", rstrip=True, special=True), "600": token("<|user|>", rstrip=True),
        "0": token("<|end|>", special=True)}}}),
    "ids of a decoder that leave a gap are not kept": ("plain", {"tokenizer_config.json": CONFIG | {"added_tokens_decoder": {
        "900": token("<|user|>", special=True)}}}),
    "a decoder's token that the vocabulary has keeps its id": ("plain", {"tokenizer_config.json": CONFIG | {"added_tokens_decoder": {
        "600": token("an", special=True)}}}),
    "additional special tokens": ("plain", {"tokenizer_config.json": CONFIG | {"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]}}),
    "extra special tokens by name": ("plain", {"tokenizer_config.json": CONFIG | {"extra_special_tokens": {"image_token": "<|tool|>"}}}),
    "additional special tokens of the map": ("plain", {"tokenizer_config.json": CONFIG, "special_tokens_map.json": {
        "additional_special_tokens": ["<|im_end|>", "<|im_start|>"]}}),
    "the map overrules the config": ("llama2", {"tokenizer_config.json": CONFIG | {"bos_token": "<unk>"}, "special_tokens_map.json": {
        "bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": False}}}),
    "a decoder leaves the map unread": ("llama2", {"tokenizer_config.json": CONFIG | {"added_tokens_decoder": {"1": token("<s>", special=True)}},
                                                  "special_tokens_map.json": {"bos_token": "<s>", "eos_token": "</s>"}}),
    "added_tokens.json": ("plain", {"tokenizer_config.json": CONFIG | {"additional_special_tokens": ["<|tool|>"]}, "added_tokens.json": {
        "<|tool|>": 601, "<|user|>": 600}}),
    "added_tokens.json does not change what is there": ("llama2", {"tokenizer_config.json": CONFIG, "added_tokens.json": {"</s>": 2, "<|user|>": 754}}),
    "a padding token that is new": ("plain", {"tokenizer_config.json": CONFIG | {"pad_token": "[PAD]"}}),
    "marks as objects": ("plain", {"tokenizer_config.json": CONFIG | {
        "pad_token": MARKED | token("<pad>", lstrip=True, rstrip=True), "bos_token": MARKED | token("<|end|>")}}),
    "normalized, in a text that gets a prefix": ("llama2", {"tokenizer_config.json": CONFIG | {"added_tokens_decoder": {
        "754": token("<|user|>", normalized=True), "755": token("<|assistant|>", single_word=True)}}}),
    "a null of the map overrules": ("plain", {"tokenizer_config.json": CONFIG, "special_tokens_map.json": {"eos_token": None}}),
    "a mark that was no special token becomes one": ("added", {"tokenizer_config.json": CONFIG | {"eos_token": "<long>"}}),
    "but not beside a decoder": ("added", {"tokenizer_config.json": CONFIG | {"eos_token": "<long>", "added_tokens_decoder": {}}}),
    "composed and decomposed are two": ("plain", {"tokenizer_config.json": CONFIG | {"additional_special_tokens": ["<\u00e9>", "<e\u0301>"]}}),
}


def main():
    result = []
    for name, (kind, files) in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            shutil.copy(f"{kind}.tokenizer.json", folder / "tokenizer.json")
            for file, contents in files.items():
                (folder / file).write_text(json.dumps(contents))
            tokenizer = AutoTokenizer.from_pretrained(folder)
            ids = [tokenizer.encode(text, add_special_tokens=False) for text in TEXTS]
            result.append({
                "name": name, "tokenizer": kind, "files": {file: json.dumps(contents) for file, contents in files.items()}, "ids": ids,
                "decoded": [tokenizer.decode(row, skip_special_tokens=True, clean_up_tokenization_spaces=False) for row in ids],
                "marks": [tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token], "count": len(tokenizer)})
    with open("companions.json", "w", encoding="utf-8") as file:
        json.dump({"texts": TEXTS, "cases": result}, file, indent=1, ensure_ascii=False)


if __name__ == "__main__":
    main()
