"""Writes hand_golden.json: cases in plain Python, with none of a source's names, keys or order.

Each formula stands here once more, in float64; gradients are central differences. Nothing is imported but the standard library.
"""

import json
import math
import pathlib
import random

HERE = pathlib.Path(__file__).parent
random.seed(11)
cases = []


def case(name, inputs, **outputs):
    cases.append({"name": name, "source": "plain Python", "note": "", "inputs": inputs, "outputs": outputs})


def mean(values):
    return sum(values) / len(values)


def deviation(values):
    if len(values) < 2:
        return 0.0
    center = mean(values)
    return math.sqrt(sum((value - center) ** 2 for value in values) / (len(values) - 1))


def members(groups):
    return [[i for i, other in enumerate(groups) if other == group] for group in dict.fromkeys(groups)]


# Advantages -----------------------------------------------------------------------------------------------------------------------


def relative(rewards, groups, scale, epsilon=1e-4):
    """Against the mean of the scored ones of a group; what is not scored, or scored alone, has no advantage."""
    scored = [reward for reward in rewards if reward is not None]
    result = [0.0] * len(rewards)
    for group in members(groups):
        own = [i for i in group if rewards[i] is not None]
        values = [rewards[i] for i in own]
        for i in own:
            spread = {"group": deviation(values), "batch": deviation(scored), "none": None}[scale]
            result[i] = (rewards[i] - mean(values)) / (1 if spread is None else spread + epsilon)
    return result


def dead(rewards, groups):
    """The share of groups whose scored rewards are all one."""
    return mean([len({rewards[i] for i in group if rewards[i] is not None}) < 2 for group in members(groups)])


def against_others(rewards, size):
    result = []
    for i, reward in enumerate(rewards):
        first = i // size * size
        result.append(reward - mean([rewards[j] for j in range(first, first + size) if j != i]))
    return result


holed = [1.0, None, 0.25, -0.5, 2.0, 0.5, 0.0, 0.0, None, 3.0, 3.0, 3.0]
by_four = [i // 4 for i in range(12)]
for scale in ["group", "batch", "none"]:
    more = {} if scale == "batch" else {"frac_reward_zero_std": dead(holed, by_four)}
    case(
        f"a group with a row that nobody scores, scaled by {scale}",
        {"rewards": holed, "num_generations": 4, "scale_rewards": scale},
        advantages=relative(holed, by_four, scale), **more)

parts = [[1.0, 0.5], [None, 0.25], [0.0, None], [None, None], [0.5, 0.5], [0.25, None], [None, 1.0], [0.0, 0.0]]
sums = []
for row in parts:
    known = [weight * value for weight, value in zip([2.0, -1.0], row) if value is not None]
    sums.append(sum(known) if known else None)
case(
    "components that score some rows each",
    {"rewards_per_func": parts, "reward_weights": [2.0, -1.0], "group_size": 4, "scale_rewards": True},
    advantages=relative(sums, [i // 4 for i in range(8)], "group"))

rows = [[1.0, 0.0, 0.5], [0.25, 0.75, -1.0]]
flat = [value for row in rows for value in row]
spread_out = relative(flat, [0, 0, 0, 1, 1, 1], "group")
case("groups as rows", {"rewards": rows, "scale_rewards": "group"}, advantages=[spread_out[:3], spread_out[3:]])

mixed = [0, 1, 0, 1, 1, 0]
case(
    "groups by their names, one between the other", {"rewards": flat, "uid": mixed, "scale_rewards": "none"},
    advantages=relative(flat, mixed, "none"))

pairs = [1.0, 0.25, 0.5, 0.5, -1.0, 2.0]
case("two samples, the other is all", {"rewards": pairs, "G": 2, "leave_one_out_baseline": True}, advantages=against_others(pairs, 2))
baseline = [pairs[i ^ 1] for i in range(6)]
case(
    "two samples, told by their baseline", {"rewards": pairs, "G": 2}, baseline=baseline, std=[0.0] * 6,
    advantages=against_others(pairs, 2))
case("two samples, not scaled", {"rewards": pairs, "k": 2, "normalize": False}, advantages=against_others(pairs, 2))
case("two samples, shaped as in rloo", {"rewards": pairs, "n_samples_per_prompt": 2}, shaped=against_others(pairs, 2))
three = against_others(flat, 3)
case(
    "three samples, scaled over the batch", {"rewards": flat, "k": 3, "normalize_advantages": True},
    advantages=[(value - mean(three)) / (deviation(three) + 1e-4) for value in three])


# Losses of a policy ---------------------------------------------------------------------------------------------------------------

LENGTHS, WIDTH = [4, 2, 3, 1], 4
mask = [[1 if t < length else 0 for t in range(WIDTH)] for length in LENGTHS]
old = [[-random.uniform(0.2, 2) for _ in range(WIDTH)] for _ in LENGTHS]
logp = [[value + random.choice([-0.6, -0.15, 0.05, 0.24, 0.31, 0.7]) for value in row] for row in old]
ref = [[value + random.uniform(-0.4, 0.4) for value in row] for row in logp]
advantages = [1.25, -0.75, 0.5, -1.5]


def loss_of(logp, advantages, low=0.2, high=0.2, dual=None, beta=0.0, corrected=False, means="token"):
    """−min(r·A, clip(r)·A), with the dual clip where A < 0, plus β·k3, which a correction multiplies by r."""
    rows = []
    for s, length in enumerate(LENGTHS):
        row = []
        for t in range(length):
            a = advantages[s][t] if isinstance(advantages[s], list) else advantages[s]
            r = math.exp(logp[s][t] - old[s][t])
            value = max(-r * a, -min(max(r, 1 - low), 1 + high) * a)
            if dual is not None and a < 0:
                value = min(value, -dual * a)
            d = ref[s][t] - logp[s][t]
            row.append(value + beta * (math.exp(d) - d - 1) * (r if corrected else 1))
        rows.append(row)
    tokens = [value for row in rows for value in row]
    return {
        "token": lambda: mean(tokens), "sequence": lambda: mean([mean(row) for row in rows]),
        "sum": lambda: mean([sum(row) for row in rows]),
    }[means]()


def with_gradient(advantages=advantages, **options):
    def moved(s, t, by):
        rows = [list(row) for row in logp]
        rows[s][t] += by
        return loss_of(rows, advantages, **options)

    step = 1e-6
    gradient = [[(moved(s, t, step) - moved(s, t, -step)) / (2 * step) for t in range(WIDTH)] for s in range(len(LENGTHS))]
    return {"loss": loss_of(logp, advantages, **options), "d_logp": gradient}


plain = {"logp": logp, "old_logp": old, "ref_logp": ref, "advantages": advantages, "mask": mask}
verl_names = {"log_prob": logp, "old_log_prob": old, "advantages": [[a] * WIDTH for a in advantages], "response_mask": mask}
case(
    "a KL times the ratio", plain | {"loss_type": "grpo", "beta": 0.1, "use_bias_correction_kl": True},
    **with_gradient(beta=0.1, corrected=True, means="sequence"))
case(
    "a KL times the ratio, under a higher ceiling",
    plain | {"loss_type": "dapo", "beta": 0.2, "bias_correction": True, "epsilon_low": 0.2, "epsilon_high": 0.28},
    **with_gradient(beta=0.2, corrected=True, high=0.28))
case("a higher ceiling", plain | {"loss_type": "dapo", "eps": 0.2, "hi": 0.28}, **with_gradient(high=0.28))
case(
    "a higher ceiling and sums of tokens",
    verl_names | {"clip_ratio_low": 0.2, "clip_ratio_high": 0.28, "clip_ratio_c": 3.0, "loss_agg_mode": "seq-mean-token-sum"},
    **with_gradient(high=0.28, dual=3, means="sum"))
case(
    "means of sequences, without a policy's own gradient",
    verl_names | {"clip_ratio": 0.1, "loss_agg_mode": "seq-mean-token-mean"},
    loss=loss_of(logp, advantages, low=0.1, high=0.1, dual=3, means="sequence"))
case(
    "means of sequences under other limits",
    plain | {"clip_eps_low": 0.1, "clip_eps_high": 0.25, "token_level_loss": False},
    **with_gradient(low=0.1, high=0.25, means="sequence"))
by_step = [[random.uniform(-1, 1) for _ in range(WIDTH)] for _ in LENGTHS]
case(
    "an advantage for each step", plain | {"advantages": by_step, "clip_eps_low": 0.2, "clip_eps_high": 0.2},
    **with_gradient(advantages=by_step))


# The rest -------------------------------------------------------------------------------------------------------------------------

estimates = [[(math.exp(r - p) - (r - p) - 1) * m for p, r, m in zip(*rows)] for rows in zip(logp, ref, mask)]
case("an estimator by its own key", {"logp": logp, "ref_logp": ref, "mask": mask, "kl_penalty": "low_var_kl"}, kl=estimates)

chosen, rejected, ref_chosen, ref_rejected = [-3.0, -2.5], [-3.5, -1.0], [-3.25, -2.0], [-3.0, -1.5]
margins = [0.3 * ((c - rc) - (r - rr)) for c, r, rc, rr in zip(chosen, rejected, ref_chosen, ref_rejected)]
sigma = [1 / (1 + math.exp(-margin)) for margin in margins]
case(
    "a smoothed preference",
    {"policy_chosen": chosen, "policy_rejected": rejected, "ref_chosen": ref_chosen, "ref_rejected": ref_rejected, "beta": 0.3,
     "label_smoothing": 0.2},
    loss=mean([-0.8 * math.log(s) - 0.2 * math.log(1 - s) for s in sigma]))

kl_policy, kl_ref = [-4.0, -3.0, -2.0], [-4.5, -3.25, -2.0]
z0 = max(0, mean([p - r for p, r in zip(kl_policy, kl_ref)]))
ratios = [(c - r, 1) for c, r in zip(chosen, ref_chosen)] + [(-0.25, -1)]
case(
    "answers without a pair",
    {"policy_chosen": chosen, "ref_chosen": ref_chosen, "policy_rejected": [-1.25], "ref_rejected": [-1.0], "beta": 0.2,
     "policy_KL": kl_policy, "ref_KL": kl_ref},
    loss=mean([1 - 1 / (1 + math.exp(-sign * 0.2 * (ratio - z0))) for ratio, sign in ratios]), kl=z0)

coefficient, values = 0.1, []
for kl in [3.0, 12.0, 6.5]:
    coefficient *= 1 + min(max(kl / 8 - 1, -0.2), 0.2) * 64 / 1000
    values.append(coefficient)
case("another pace", {"init": 0.1, "target": 8, "horizon": 1000, "n_steps": 64, "kls": [3.0, 12.0, 6.5]}, values=values)

if __name__ == "__main__":
    text = json.dumps({"about": "made by make_hand_golden.py", "cases": cases}, indent=1)
    (HERE / "hand_golden.json").write_text(text + "\n")
    print(len(cases), "cases")
