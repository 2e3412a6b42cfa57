"""PolicyZoo's side of a case."""

import json
import sys
import time

PARAMETERS = {
    "grpo": "{{prompts: {rows}, samples: {samples}, beta: 0.04, loss_type: grpo, scale_rewards: group}}",
    "ppo": "{{prompts: {rows}, epochs: 4, minibatches: 1}}",
    "dpo": "{{pairs: {rows}, beta: 0.1}}",
    "sft": "{{examples: {rows}}}",
    "reinforce": "{{prompts: {rows}, samples: 1}}",
}


def recipe(case, model, rows, steps, rate):
    """The same work in our words. Samples alone are drawn by the simplest algorithm, and timed by its ledger."""
    algorithm = "reinforce" if case.task == "generate" else case.task
    reward = json.dumps({"function": "command", "command": [sys.executable, "-m", "zoo_reward", "work:reward"]})
    critic = ""
    if case.task == "ppo":
        reward = f"{{function: model, folder: {model}-reward}}"
        critic = f"    critic: {{folder: {model}-reward}}\n"
    parameters = PARAMETERS[algorithm].format(rows=case.rows, samples=case.samples)
    longest = max(512, case.prompt + case.new)
    limits = f"max_length: {longest}, max_prompt_length: {longest}"
    kind = {"dpo": "pairs", "sft": "examples"}.get(case.task, "prompts")
    return (
        f"name: bench-{case.name}\nthreads: {case.threads}\nstages:\n  - name: only\n    algorithm: {algorithm}\n"
        f"    policy: {{folder: {model}}}\n{critic}    rewards: [{reward}]\n    data: {{{kind}: {rows}, {limits}}}\n"
        f"    rollout: {{max_new_tokens: {case.new}}}\n    parameters: {{{algorithm}: {parameters}}}\n"
        f"    optimizer: {{learning_rate: {rate}}}\n    budget: {{iterations: {steps}}}\n    checkpoints: {{every: 0}}\n"
    )


def zoo(run, program, folder, case, model, rows, steps, rate):
    """Seconds, losses and mean lengths by step, where the time of the whole run went, its operations, and its peak of memory."""
    written = folder / f"{case.name}.yaml"
    written.write_text(recipe(case, model, rows, steps, rate))
    place = folder / f"zoo-{case.name}-{time.time_ns()}"
    others = run([program, "train", str(written), "--run-dir", str(place), "--quiet"], folder / "zoo.log")
    lines = [json.loads(line) for line in (place / "metrics.jsonl").read_text().splitlines()]
    ledger = json.loads((place / "ledger.json").read_text())
    still = [line["step"] for line in lines if case.task != "generate" and line.get("grad_norm", 1) == 0]
    if still:
        sys.exit(f"{case.name}: no gradient in steps {still}: their backward pass was left out, which the other side makes")

    def by_step(name):
        values = [0] + [line[name] for line in lines]
        return [after - before for before, after in zip(values, values[1:])]

    parts, flops = {}, 0.0
    for role, account in ledger["roles"].items():
        for activity, seconds in account["seconds"].items():
            name = activity if role == "policy" else f"{activity} {role}"
            parts[name] = parts.get(name, 0) + seconds / len(lines)
        flops += sum(account["flops"].get(kind, 0) for kind in ("forward", "backward")) / len(lines)
    parts["rewards"] = ledger["rewardSeconds"] / len(lines)
    parts["rest"] = max(0.0, ledger["seconds"] / len(lines) - sum(parts.values()))
    found = {
        "seconds": by_step("budget/seconds"), "losses": [line["loss"] for line in lines if "loss" in line],
        "lengths": [value / case.rows / case.samples for value in by_step("budget/sampled_steps")],
        "peak": ledger["processPeakBytes"], "parts": {name: value for name, value in parts.items() if value > 0},
        "flops": flops, "others": others,
    }  # fmt: skip
    if case.task == "generate":
        found["seconds"] = [parts["prefill"] + parts["generate"]] * len(lines)
    return found
