"""TRL's side of a case, in a process of its own: `python trl_runs.py CASE MODEL ROWS STEPS RATE OUT`."""

import json
import resource
import statistics
import sys
import time

from work import THREADS, case_named, read_rows, reward


def clock():
    """A callback that times steps, from the end of one to the end of the next where a trainer does not say when one begins."""
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        def __init__(self):
            self.seconds, self.start = [], time.perf_counter()

        def on_step_begin(self, *_, **__):
            self.start = time.perf_counter()

        def on_step_end(self, *_, **__):
            now = time.perf_counter()
            self.seconds.append(now - self.start)
            self.start = now

    return Clock()


def trained(case, model, rows, steps, rate, out):
    from datasets import Dataset

    timer = clock()
    data = Dataset.from_list(rows)
    common = dict(
        output_dir=out + ".state", learning_rate=rate, lr_scheduler_type="constant", use_cpu=True, bf16=False,
        report_to="none", save_strategy="no", logging_steps=1, disable_tqdm=True, seed=0,
    )  # fmt: skip
    if case.task == "ppo":
        trainer = ppo(case, model, data, steps, common, timer)
    else:
        common.update(max_steps=steps, gradient_checkpointing=False, model_init_kwargs={"dtype": "float32"})
        trainer = {"grpo": grpo, "dpo": dpo, "sft": sft}[case.task](case, model, data, common, timer)
    trainer.train()
    logs = trainer.state.log_history
    lengths = [log["completions/mean_length"] for log in logs if "completions/mean_length" in log]
    return {"seconds": timer.seconds, "losses": [log["loss"] for log in logs if "loss" in log], "lengths": lengths}


def grpo(case, model, data, common, timer):
    from trl import GRPOConfig, GRPOTrainer

    config = GRPOConfig(
        per_device_train_batch_size=case.rows * case.samples, num_generations=case.samples, max_completion_length=case.new,
        beta=0.04, loss_type="grpo", scale_rewards="group", temperature=1.0, **common,
    )  # fmt: skip
    return GRPOTrainer(model=model, reward_funcs=reward, args=config, train_dataset=data, callbacks=[timer])


def dpo(case, model, data, common, timer):
    from trl import DPOConfig, DPOTrainer

    config = DPOConfig(per_device_train_batch_size=case.rows, beta=0.1, max_length=512, **common)
    return DPOTrainer(model=model, args=config, train_dataset=data, callbacks=[timer])


def sft(case, model, data, common, timer):
    from trl import SFTConfig, SFTTrainer

    config = SFTConfig(per_device_train_batch_size=case.rows, max_length=512, packing=False, **common)
    return SFTTrainer(model=model, args=config, train_dataset=data, callbacks=[timer])


def ppo(case, model, data, steps, common, timer):
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer
    from trl.experimental.ppo import PPOConfig, PPOTrainer

    tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
    config = PPOConfig(
        per_device_train_batch_size=case.rows, num_ppo_epochs=4, num_mini_batches=1, response_length=case.new,
        local_rollout_forward_batch_size=case.rows, total_episodes=case.rows * steps, num_sample_generations=0,
        temperature=1.0, gradient_checkpointing=False, eval_strategy="no", **common,
    )  # fmt: skip
    scorers = [
        AutoModelForSequenceClassification.from_pretrained(model + "-reward", num_labels=1, dtype=torch.float32) for _ in range(2)
    ]
    policies = [AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32) for _ in range(2)]
    data = data.map(lambda row: {"input_ids": tokenizer(row["prompt"])["input_ids"]}, remove_columns=["prompt"])
    trainer = PPOTrainer(
        args=config, processing_class=tokenizer, model=policies[0], ref_model=policies[1], reward_model=scorers[0],
        value_model=scorers[1], train_dataset=data, eval_dataset=data.select(range(2)), callbacks=[timer],
    )  # fmt: skip
    return trainer


def generated(case, model, rows, steps):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
    network = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).eval()
    seconds, lengths = [], []
    for step in range(steps):
        prompts = [row["prompt"] for row in rows[step * case.rows : (step + 1) * case.rows]]
        batch = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
        start = time.perf_counter()
        with torch.no_grad():
            out = network.generate(**batch, do_sample=True, temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=case.new)
        seconds.append(time.perf_counter() - start)
        new = out[:, batch["input_ids"].shape[1] :]
        ends = (new == network.generation_config.eos_token_id).cumsum(1)
        lengths.append(((ends == 0).sum() + (ends[:, -1] > 0).sum()).item() / case.rows)
    return {"seconds": seconds, "losses": [], "lengths": lengths}


def floor(case, model):
    """Seconds that the products alone take: of each weight with the rows of a pass, and of one token of all sequences."""
    import torch
    from transformers import AutoModelForCausalLM

    network = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    weights = [weight.detach() for name, weight in network.named_parameters() if weight.dim() == 2 and "embed" not in name]
    if network.config.tie_word_embeddings:
        weights.append(network.get_input_embeddings().weight.detach())

    def timed(rows):
        inputs = {weight.shape[1]: torch.randn(rows, weight.shape[1]) for weight in weights}
        times = []
        for _ in range(5):
            start = time.perf_counter()
            for weight in weights:
                torch.mm(inputs[weight.shape[1]], weight.t())
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    sequences = case.rows * (2 if case.task == "dpo" else case.samples)
    rows = min(sequences * (case.prompt + case.new), 4096)
    numbers = sum(weight.numel() for weight in weights)
    return {"flops": 2 * numbers * rows / timed(rows), "token": timed(sequences), "bytes": 4 * numbers}


def main():
    name, model, rows, steps, rate, out = sys.argv[1:]
    import torch

    torch.set_num_threads(THREADS)
    case, rows, steps = case_named(name), read_rows(rows), int(steps)
    if steps == 0:
        found = floor(case, model)
    elif case.task == "generate":
        found = generated(case, model, rows, steps)
    else:
        found = trained(case, model, rows, steps, float(rate), out)
    found["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    with open(out, "w") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main()
