"""The cases of the benchmark: models of random weights, texts whose lengths in tokens are known, and what one step does."""

import dataclasses
import json
import pathlib
import random

THREADS = 2


@dataclasses.dataclass(frozen=True)
class Case:
    """One step of training, or a batch of samples."""

    name: str
    model: str  # tiny, small, smollm2
    task: str  # dpo, grpo, ppo, sft, generate
    rows: int  # pairs, prompts or examples
    samples: int = 1
    prompt: int = 16  # tokens
    new: int = 64  # tokens of each answer
    aim: float = 1.0  # of the ratio
    threads: int = THREADS


CASES = [
    Case("tiny-dpo", "tiny", "dpo", 32, aim=2.2),
    Case("tiny-sft", "tiny", "sft", 32, aim=2.2),
    Case("tiny-grpo", "tiny", "grpo", 8, 8, aim=3),
    Case("tiny-grpo-1", "tiny", "grpo", 1, 64, aim=3),
    Case("tiny-ppo", "tiny", "ppo", 64, aim=2.2),
    Case("small-dpo", "small", "dpo", 8, aim=1.5),
    Case("small-grpo", "small", "grpo", 4, 8, aim=2),
    Case("smollm2-grpo", "smollm2", "grpo", 4, 8, aim=3),
    Case("smollm2-dpo", "smollm2", "dpo", 8, aim=2.2),
    Case("smollm2-generate-1", "smollm2", "generate", 1, aim=2),
    Case("smollm2-generate-8", "smollm2", "generate", 8, aim=2.5),
    Case("smollm2-generate-64", "smollm2", "generate", 64, aim=4),
]

# Llamas: vocabulary, width, inner width, layers, heads.
SHAPES = {"tiny": (2048, 128, 344, 4, 4), "small": (8192, 512, 1376, 8, 8)}
for _width in (128, 256, 512, 1024):
    SHAPES[f"width-{_width}"] = (2048, _width, _width * 43 // 16, 4, _width // 32)
for _size in (2048, 8192, 32768, 131072):
    SHAPES[f"vocabulary-{_size}"] = (_size, 128, 344, 4, 4)


def tokenizer_of(size):
    """A byte-level BPE of exactly `size` tokens, trained on made-up words."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    letters = random.Random(0)
    words = ["".join(letters.choices("abcdefghijklmnopqrstuvwxyz", k=letters.randint(3, 6))) for _ in range(size)]
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(
        [" " + word for word in words] * 2, vocab_size=size - 3, special_tokens=["<bos>", "<eos>", "<pad>"], show_progress=False
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe._tokenizer, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>"
    )
    missing = size - len(tokenizer)
    tokenizer.add_tokens([f"<unused{i}>" for i in range(missing)])
    return tokenizer


def make_models(folder, names):
    """Folders of the models, and of a reward model of the same shape for PPO."""
    from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification, set_seed
    from transformers.utils import logging

    logging.disable_progress_bar()
    for name in names:
        if (folder / name / "config.json").exists():
            continue
        vocabulary, width, inner, layers, heads = SHAPES[name]
        # A model may have more rows than its tokenizer has tokens.
        tokenizer = tokenizer_of(min(vocabulary, SHAPES["small"][0]))
        common = dict(
            vocab_size=vocabulary, hidden_size=width, intermediate_size=inner, num_hidden_layers=layers,
            num_attention_heads=heads, num_key_value_heads=heads, max_position_embeddings=2304, tie_word_embeddings=False,
            bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
        )  # fmt: skip
        for kind, place in ((LlamaForCausalLM, name), (LlamaForSequenceClassification, f"{name}-reward")):
            set_seed(0)
            config = LlamaConfig(**common, **({"num_labels": 1} if place != name else {}))
            kind(config).save_pretrained(folder / place)
            tokenizer.save_pretrained(folder / place)


class Words:
    """Texts of a given number of tokens."""

    def __init__(self, tokenizer):
        self.random = random.Random(1)
        vocabulary = tokenizer.get_vocab()
        plain = sorted(word for word in vocabulary if word.startswith("Ġ") and word[1:].isascii() and word[1:].isalpha() and len(word) > 3)
        self.words = [" " + word[1:] for word in plain if tokenizer.encode(" " + word[1:], add_special_tokens=False) == [vocabulary[word]]]

    def text(self, tokens):
        return "".join(self.random.choices(self.words, k=tokens))


def make_rows(folder, model, case, count):
    """The rows of a case: as TRL's datasets have them."""
    from transformers import AutoTokenizer

    words = Words(AutoTokenizer.from_pretrained(model))
    rows = []
    for _ in range(count):
        prompt = words.text(case.prompt)
        if case.task == "dpo":
            rows.append({"prompt": prompt, "chosen": words.text(case.new), "rejected": words.text(case.new)})
        elif case.task == "sft":
            rows.append({"text": prompt + words.text(case.new)})
        else:
            rows.append({"prompt": prompt})
    place = folder / f"{case.name}-{count}.jsonl"
    place.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return place


def reward(completions, **_):
    """The reward of both sides, which differs between samples: a group without a difference has no gradient, and no backward pass."""
    return [len(set(text)) / 40 for text in completions]


def read_rows(place):
    return [json.loads(line) for line in pathlib.Path(place).read_text().splitlines()]


def case_named(name):
    return next(case for case in CASES if case.name == name)
