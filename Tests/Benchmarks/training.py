"""Trains the same model with TRL's GRPO and with PolicyZoo's, over seeds, and compares what they learned: `make parity-training`.

Usage: python training.py ZOO MODEL FOLDER [--seeds N] [--updates N] [--threads N]
The task is recipes/arithmetic.yaml's: its prompts, rewards, rate, lengths. Both sides are measured alike: two samples at temperature 1
of each held-out prompt, in transformers, right if the last number is the answer.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parents[2] / "recipes"
PROMPTS, SAMPLES, NEW_TOKENS, RATE, BETA = 4, 8, 48, 1e-5, 0.02
# Student's t for 95%, by degrees of freedom.
T = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36}


def rows(name):
    return [json.loads(line) for line in (HERE / "arithmetic" / f"{name}.jsonl").read_text().splitlines()]


def train(model, folder, seed, updates):
    """TRL's run, in a process of its own."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    sys.path.insert(0, str(HERE))
    from own_rewards import brief, right

    config = GRPOConfig(
        output_dir=str(folder / "state"), max_steps=updates, seed=seed, use_cpu=True, bf16=False, gradient_checkpointing=False,
        report_to="none", save_strategy="no", logging_steps=1, disable_tqdm=True,
        per_device_train_batch_size=PROMPTS * SAMPLES, num_generations=SAMPLES, max_completion_length=NEW_TOKENS,
        learning_rate=RATE, lr_scheduler_type="constant", beta=BETA, loss_type="grpo", scale_rewards="group", temperature=1.0,
        reward_weights=[1.0, 0.5],
    )  # fmt: skip
    trainer = GRPOTrainer(model=model, reward_funcs=[right, brief], args=config, train_dataset=Dataset.from_list(rows("train")))
    trainer.train()
    trainer.save_model(str(folder / "model"))


def measure(model):
    """The share of right answers."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
    network = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).eval()
    held_out = rows("eval")
    torch.manual_seed(0)
    texts = [tokenizer.apply_chat_template(row["prompt"], tokenize=False, add_generation_prompt=True) for row in held_out]
    batch = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
    with torch.no_grad():
        out = network.generate(
            **batch, do_sample=True, temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=NEW_TOKENS, num_return_sequences=2
        )
    found = tokenizer.batch_decode(out[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)
    answers = [row["answer"] for row in held_out for _ in range(2)]
    numbers = [re.findall(r"-?\d+", text) for text in found]
    return statistics.mean(float(bool(number) and number[-1] == answer) for number, answer in zip(numbers, answers))


def run(command, log, threads):
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads), TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1")
    with open(log, "w") as file:
        status = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, env=environment).returncode
    if status != 0:
        sys.exit(f"training.py: {' '.join(command)} ended with {status}; its last words:\n{log.read_text()[-2000:]}")


def interval(values):
    if len(values) < 2:
        return f"{values[0]:.3f}"
    half = T.get(len(values) - 1, 2.0) * statistics.stdev(values) / len(values) ** 0.5
    return f"{statistics.mean(values):.3f} ±{half:.3f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("zoo")
    parser.add_argument("model")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--updates", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--trl", type=int, metavar="SEED", help="only TRL's run of a seed")
    options = parser.parse_args()
    if options.trl is not None:
        return train(options.model, options.folder, options.trl, options.updates)
    print(f"base: {measure(options.model):.3f} of the held-out sums are right")
    results = {"TRL": [], "PolicyZoo": []}
    for seed in range(options.seeds):
        theirs, own = options.folder / f"trl-{seed}", options.folder / f"zoo-{seed}"
        theirs.mkdir(parents=True, exist_ok=True)
        again = [sys.executable, __file__, options.zoo, options.model, str(theirs), "--updates", str(options.updates)]
        run(again + ["--trl", str(seed)], theirs / "log.txt", options.threads)
        results["TRL"].append(measure(str(theirs / "model")))
        changes = {
            "threads": options.threads, "policy": f"{{folder: {options.model}}}", "budget": f"{{updates: {options.updates}}}",
            "parameters.prompts": PROMPTS, "parameters.samples": SAMPLES, "parameters.beta": BETA,
            "optimizer.learning_rate": RATE, "rollout.max_new_tokens": NEW_TOKENS,
        }  # fmt: skip
        command = [options.zoo, "train", str(HERE / "arithmetic.yaml"), "--algorithm", "grpo", "--seed", str(seed), "--quiet"]
        command += ["--new", "--run-dir", str(own)] + [part for key, value in changes.items() for part in ("--set", f"{key}={value}")]
        run(command, options.folder / f"zoo-{seed}.log", options.threads)
        results["PolicyZoo"].append(measure(str(own / "model")))
        print(f"seed {seed}: " + ", ".join(f"{side} {values[-1]:.3f}" for side, values in results.items()), flush=True)
    for side, values in results.items():
        print(f"{side}: {interval(values)}")
    differences = [own - theirs for own, theirs in zip(results["PolicyZoo"], results["TRL"])]
    print(f"difference, paired by seed: {interval(differences)}")


if __name__ == "__main__":
    main()
