"""Times the same work in TRL and in PolicyZoo, side by side: `make bench`.

Usage: python peer.py ZOO FOLDER [--tasks grpo,dpo,sft] [--steps N] [--rounds N]
Pinned: torch==2.13.0 transformers==4.57.6 trl==0.29.1. NOTES.md says what is compared, and what is not.
"""

import argparse
import json
import os
import pathlib
import random
import resource
import statistics
import subprocess
import sys
import time

THREADS = 2
WARMUP = 3  # steps of each run that are left out
PROMPTS, SAMPLES, NEW_TOKENS = 8, 8, 32  # of a step of GRPO
PAIRS, EXAMPLES = 16, 32  # of a step of DPO, of SFT
SUBJECTS = "film plot actor scene music script ending camera story joke".split()
WORDS = "is was not very quite so good bad dull fine long short warm cold strange plain".split()


def sentence(words):
    return " ".join(random.choices(WORDS, k=words))


def make_work(folder):
    """The model and the data of both sides. The tokenizer is trained on the data, the weights are drawn."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

    random.seed(0)
    set_seed(0)
    prompts = [f"The {random.choice(SUBJECTS)} {sentence(4)}" for _ in range(256)]
    rows = {
        "prompts": [{"prompt": prompt} for prompt in prompts],
        "pairs": [
            {"prompt": prompt, "chosen": f" {sentence(24)}", "rejected": f" {sentence(24)}"} for prompt in prompts
        ],
        "examples": [{"text": f"{prompt} {sentence(24)}"} for prompt in prompts],
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in rows.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    bpe = ByteLevelBPETokenizer()
    texts = [row["text"] for row in rows["examples"]]
    bpe.train_from_iterator(texts, vocab_size=512, special_tokens=["<bos>", "<eos>", "<pad>"], show_progress=False)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe._tokenizer, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>"
    )
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=256,
        intermediate_size=688,
        num_hidden_layers=4,
        num_attention_heads=8,
        num_key_value_heads=4,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    model.save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    def tokens(row):
        sequences = (row["prompt"] + row["chosen"], row["prompt"] + row["rejected"]) if "chosen" in row else row.values()
        return sum(len(tokenizer(text)["input_ids"]) for text in sequences)

    lengths = {name: [tokens(row) for row in rows[name]] for name in rows}
    return model.num_parameters(), {name: statistics.mean(values) for name, values in lengths.items()}


# --- TRL, in a process of its own


def run_trl(task, folder, steps):
    """Trains and writes the seconds, the sampled tokens of each step, and the peak of the resident memory."""
    import torch
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

    torch.set_num_threads(THREADS)
    seconds = []

    class Clock(TrainerCallback):
        def on_step_begin(self, *_, **__):
            self.start = time.perf_counter()

        def on_step_end(self, *_, **__):
            seconds.append(time.perf_counter() - self.start)

    def data(name):
        return Dataset.from_list([json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()])

    common = dict(
        output_dir=str(folder / "trl"),
        max_steps=steps,
        learning_rate=1e-5,
        lr_scheduler_type="constant",
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        report_to="none",
        save_strategy="no",
        logging_steps=1,
        disable_tqdm=True,
        seed=0,
    )
    model = str(folder / "model")
    if task == "grpo":
        config = GRPOConfig(
            per_device_train_batch_size=PROMPTS * SAMPLES,
            num_generations=SAMPLES,
            max_completion_length=NEW_TOKENS,
            beta=0.04,
            loss_type="grpo",
            scale_rewards="group",
            temperature=1.0,
            **common,
        )
        reward = lambda completions, **_: [-abs(len(text) - 100) / 100 for text in completions]
        trainer = GRPOTrainer(model=model, reward_funcs=reward, args=config, train_dataset=data("prompts"), callbacks=[Clock()])
    elif task == "dpo":
        config = DPOConfig(per_device_train_batch_size=PAIRS, beta=0.1, max_length=128, **common)
        trainer = DPOTrainer(model=model, args=config, train_dataset=data("pairs"), callbacks=[Clock()])
    else:
        config = SFTConfig(per_device_train_batch_size=EXAMPLES, max_length=128, packing=False, **common)
        trainer = SFTTrainer(model=model, args=config, train_dataset=data("examples"), callbacks=[Clock()])
    trainer.train()
    lengths = [log["completions/mean_length"] for log in trainer.state.log_history if "completions/mean_length" in log]
    return {
        "seconds": seconds,
        "tokens": [length * PROMPTS * SAMPLES for length in lengths],
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def trl(task, folder, steps):
    out = folder / "trl.json"
    run([sys.executable, __file__, "--trl", task, str(folder), "--steps", str(steps), "--out", str(out)], folder / "trl.log")
    return json.loads(out.read_text())


# --- PolicyZoo


def zoo(command, task, folder, steps):
    parameters = {
        "grpo": f"{{prompts: {PROMPTS}, samples: {SAMPLES}, beta: 0.04, loss_type: grpo, scale_rewards: group}}",
        "dpo": f"{{pairs: {PAIRS}, beta: 0.1}}",
        "sft": f"{{examples: {EXAMPLES}}}",
    }[task]
    recipe = folder / f"{task}.yaml"
    recipe.write_text(
        f"""\
name: bench-{task}
threads: {THREADS}
stages:
  - name: only
    algorithm: {task}
    policy: {{folder: model}}
    rewards: [{{function: length, parameters: {{target: 25}}}}]
    data: {{prompts: prompts.jsonl, pairs: pairs.jsonl, examples: examples.jsonl, max_length: 128}}
    rollout: {{max_new_tokens: {NEW_TOKENS}}}
    parameters: {{{task}: {parameters}}}
    budget: {{iterations: {steps}}}
    checkpoint_every: 0
"""
    )
    place = folder / f"zoo-{task}-{time.time_ns()}"
    run([command, "train", str(recipe), "--run-dir", str(place), "--quiet"], folder / "zoo.log")
    lines = [json.loads(line) for line in (place / "metrics.jsonl").read_text().splitlines()]
    ledger = json.loads((place / "ledger.json").read_text())

    def steps_of(name):
        values = [0] + [line[name] for line in lines]
        return [after - before for before, after in zip(values, values[1:])]

    return {
        "seconds": steps_of("budget/seconds"),
        "tokens": steps_of("budget/sampled_steps") if task == "grpo" else [],
        "peak": ledger["processPeakBytes"],
    }


# --- Both


def run(command, log):
    environment = dict(os.environ, OMP_NUM_THREADS=str(THREADS), TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1")
    with open(log, "w") as file:
        status = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, env=environment).returncode
    if status != 0:
        sys.exit(f"peer.py: {' '.join(command)} ended with {status}; its last words:\n{log.read_text()[-2000:]}")


def measure(command, task, folder, steps, rounds, mean_length):
    """Both sides in turn, so that what else the machine does meets both."""
    results = {"TRL": [], "PolicyZoo": []}
    for _ in range(rounds):
        results["TRL"].append(trl(task, folder, steps))
        results["PolicyZoo"].append(zoo(command, task, folder, steps))
    figures = {}
    for side, runs in results.items():
        seconds = statistics.median(value for one in runs for value in one["seconds"][WARMUP:])
        sampled = [value for one in runs for value in one["tokens"][WARMUP:]]
        figures[side] = (
            seconds,
            (statistics.mean(sampled) if sampled else mean_length) / seconds,
            max(one["peak"] for one in runs) / 2**20,
        )
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("zoo", nargs="?")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--tasks", default="grpo,dpo,sft")
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--trl", choices=["grpo", "dpo", "sft"], help="only this side's run of a task")
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    if options.trl:
        options.out.write_text(json.dumps(run_trl(options.trl, options.folder, options.steps)))
        return
    folder = options.folder.resolve()
    parameters, lengths = make_work(folder)
    trained = {"grpo": 0, "dpo": PAIRS * lengths["pairs"], "sft": EXAMPLES * lengths["examples"]}
    print(f"{parameters / 1e6:.1f} million parameters, float32, {THREADS} threads; medians of {options.rounds} runs of")
    print(f"{options.steps} steps each without the first {WARMUP}; load of the machine {os.getloadavg()[0]:.1f}\n")
    print(f"{'':6}{'s/step TRL':>12}{'ours':>9}{'ratio':>8}{'tokens/s TRL':>14}{'ours':>9}{'MiB TRL':>9}{'ours':>7}{'ratio':>8}")
    for task in options.tasks.split(","):
        figures = measure(options.zoo, task, folder, options.steps, options.rounds, trained[task])
        (theirs, their_rate, their_peak), (own, own_rate, own_peak) = figures["TRL"], figures["PolicyZoo"]
        print(
            f"{task:6}{theirs:12.3f}{own:9.3f}{theirs / own:8.2f}{their_rate:14.0f}{own_rate:9.0f}"
            f"{their_peak:9.0f}{own_peak:7.0f}{their_peak / own_peak:8.2f}",
            flush=True,
        )
    print("\nratio: TRL's over ours; above 1 ours takes less.")


if __name__ == "__main__":
    main()
