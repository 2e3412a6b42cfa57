"""Writes correction_golden.json: losses of samples that another policy drew, with importance weights.

Cases of TRL are what its own GRPOTrainer._compute_loss returns (needs trl 1.16 and torch); the weights that it is given stand here
once more, for it computes them among other things. The others are in plain Python; gradients are central differences.
"""

import json
import math
import pathlib
import random
import types

import torch
from trl.trainer.grpo_trainer import GRPOTrainer

HERE = pathlib.Path(__file__).parent
random.seed(29)
LENGTHS, WIDTH = [4, 2, 3, 1], 4
mask = [[1.0 if t < length else 0.0 for t in range(WIDTH)] for length in LENGTHS]
sampler = [[-random.uniform(0.3, 2.5) for _ in range(WIDTH)] for _ in LENGTHS]
# The first sequence's product of ratios is above 3, the second's above 2 and below 3, the others' below 1.
shift = [[0.9, 0.2, -0.1, 0.4], [0.75, 0.15, 0, 0], [-0.3, -0.8, 0.2, 0], [-1.2, 0, 0, 0]]
old = [[p + d for p, d in zip(*rows)] for rows in zip(sampler, shift)]
logp = [[p + random.choice([-0.5, -0.1, 0.02, 0.15, 0.4]) for p in row] for row in old]
ref = [[p + random.uniform(-0.4, 0.4) for p in row] for row in logp]
# They add up to 0, so that leave-one-out can give them.
advantages = [1.25, -0.75, 1.0, -1.5]
cases = []


def weights(mode, cap):
    """[B, T]"""
    rows = []
    for s, length in enumerate(LENGTHS):
        change = [old[s][t] - sampler[s][t] if t < length else 0.0 for t in range(WIDTH)]
        if mode == "token_truncate":
            rows.append([min(math.exp(c), cap) for c in change])
        else:
            whole = math.exp(sum(change))
            rows.append([whole if whole <= cap else 0.0] * WIDTH)
    return rows


def whitened(rewards):
    """By mean and variance (n − 1) over actions, each with its sequence's reward."""
    spread = [rewards[s] for s, n in enumerate(LENGTHS) for _ in range(n)]
    center = sum(spread) / len(spread)
    variance = sum((r - center) ** 2 for r in spread) / (len(spread) - 1)
    return [(r - center) / math.sqrt(variance + 1e-8) for r in rewards]


def inputs(mode, cap, **more):
    return {
        "logp": logp, "old_logp": old, "sampling_logp": sampler, "ref_logp": ref, "advantages": advantages, "mask": mask,
        "correction": mode, "cap": cap} | more


def trl(name, mode, cap, loss_type, beta=0.0, level="token", epsilon_high=0.2):
    ratio = torch.tensor(weights(mode, cap), dtype=torch.float64)
    policy = torch.tensor(logp, dtype=torch.float64, requires_grad=True)
    own = lambda x: x
    self = types.SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *a, **k: (policy, torch.zeros_like(policy), None), aux_loss_enabled=False,
        top_entropy_quantile=1.0, off_policy_mask_threshold=None, importance_sampling_level=level, beta=beta, loss_type=loss_type,
        epsilon_low=0.2, epsilon_high=epsilon_high, use_vllm=True, vllm_importance_sampling_correction=True,
        current_gradient_accumulation_steps=1, max_completion_length=8, _entropy_bonus_enabled=False,
        model=types.SimpleNamespace(training=True), get_gamma_weights=GRPOTrainer.get_gamma_weights,
        _metrics={"train": __import__("collections").defaultdict(list)},
        accelerator=types.SimpleNamespace(gather=own, reduce=lambda x, reduction: x, num_processes=1),
        args=types.SimpleNamespace(
            use_bias_correction_kl=False, delta=None, sapo_temperature_pos=1.0, sapo_temperature_neg=1.05, vespo_k_pos=2.0,
            vespo_lambda_pos=3.0, vespo_k_neg=3.0, vespo_lambda_neg=2.0, steps_per_generation=1))
    ones = torch.ones(len(LENGTHS), WIDTH, dtype=torch.long)
    mask_tensor = torch.tensor(mask, dtype=torch.float64)
    loss = GRPOTrainer._compute_loss(self, None, {
        "prompt_ids": ones, "prompt_mask": ones, "completion_ids": ones, "completion_mask": mask_tensor,
        "advantages": torch.tensor(advantages, dtype=torch.float64), "old_per_token_logps": torch.tensor(old, dtype=torch.float64),
        "ref_per_token_logps": torch.tensor(ref, dtype=torch.float64), "importance_sampling_ratio": ratio,
        "num_items_in_batch": mask_tensor.sum()})
    loss.backward()
    cases.append({
        "name": name, "source": "huggingface/trl 1.16.0 trl/trainer/grpo_trainer.py:_compute_loss", "note": "",
        "inputs": inputs(
            mode, cap, loss_type=loss_type, beta=beta, importance_sampling_level=level, epsilon=0.2, epsilon_high=epsilon_high),
        "outputs": {"loss": loss.item(), "d_logp": policy.grad.tolist()}})


def plain(name, mode, cap, source, level, dual=None, means="token", advantages=advantages, **more):
    """−w·min(r·A, clip(r)·A) with the ratio of an action or of a whole sequence; verl's mean over tokens, or RLOO's over sequences."""
    w = weights(mode, cap)

    def loss_of(rows):
        terms = []
        for s, length in enumerate(LENGTHS):
            change = [rows[s][t] - old[s][t] for t in range(length)]
            units = [sum(change)] if level == "sequence" else change
            for t, unit in enumerate(units):
                r, a = math.exp(unit), advantages[s]
                value = max(-r * a, -min(max(r, 0.8), 1.2) * a)
                if dual is not None and a < 0:
                    value = min(value, -dual * a)
                terms.append(w[s][t] * value)
        return sum(terms) / (sum(LENGTHS) if means == "token" else len(LENGTHS))

    def moved(s, t, by):
        rows = [list(row) for row in logp]
        rows[s][t] += by
        return loss_of(rows)

    step = 1e-6
    gradient = [[(moved(s, t, step) - moved(s, t, -step)) / (2 * step) for t in range(WIDTH)] for s in range(len(LENGTHS))]
    ratios = [w[s][t] for s, n in enumerate(LENGTHS) for t in range(1 if mode == "sequence_mask" else n)]
    differences = [abs(shift[s][t]) for s, n in enumerate(LENGTHS) for t in range(n)]
    cases.append({
        "name": name, "source": source, "note": "", "inputs": inputs(
            mode, cap, advantages=advantages, level=level, dual_clip=dual, loss_agg_mode=means, **more),
        "outputs": {
            "loss": loss_of(logp), "d_logp": gradient, "ratio_min": min(ratios), "ratio_mean": sum(ratios) / len(ratios),
            "ratio_max": max(ratios), "difference_mean": sum(differences) / len(differences),
            "difference_max": max(differences)}})


trl("trl_correction/dapo_token_truncate", "token_truncate", 2.0, "dapo")
trl("trl_correction/grpo_token_truncate_beta", "token_truncate", 2.0, "grpo", beta=0.04)
trl("trl_correction/cispo_token_truncate", "token_truncate", 1.5, "cispo", epsilon_high=1.3)
trl("trl_correction/vespo_token_truncate", "token_truncate", 2.0, "vespo")
trl("trl_correction/dapo_sequence_mask", "sequence_mask", 3.0, "dapo")
trl("trl_correction/gspo_sequence_mask", "sequence_mask", 3.0, "grpo", level="sequence")
trl("trl_correction/gspo_token_truncate", "token_truncate", 2.0, "grpo", level="sequence")
plain("verl_correction/token", "token_truncate", 2.0, "plain Python after verl's rollout_is: token", "token", dual=3)
plain("correction of sequences, by token", "sequence_mask", 2.0, "plain Python", "token")
plain("correction of whole completions", "sequence_mask", 3.0, "plain Python", "sequence", means="sequence")
rewards = [1.0, 0.0, 0.5, -1.0]
plain(
    "correction of returns over the batch", "token_truncate", 1.5, "plain Python", "token", advantages=whitened(rewards),
    rewards=rewards)

if __name__ == "__main__":
    text = json.dumps({"about": "made by make_correction_golden.py", "cases": cases}, indent=1)
    (HERE / "correction_golden.json").write_text(text + "\n")
    print(len(cases), "cases")
