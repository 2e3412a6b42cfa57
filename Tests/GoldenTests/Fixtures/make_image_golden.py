"""Makes image_golden.json: what the losses of five image trainers give on small inputs.

Run in this folder: python -m pip install torch==2.13.0 && python make_image_golden.py

Each formula is written from the named file of the source, in float64, with PyTorch's own derivatives. Nothing here is taken from
PolicyZoo. The sources:

  SalesforceAIResearch/DiffusionDPO@5233e75  train.py, launchers/sd15.sh
  yifan123/flow_grpo@ac4c86e                 scripts/train_sd3.py, scripts/train_sd3_dpo.py, flow_grpo/stat_tracking.py,
                                             flow_grpo/diffusers_patch/sd3_sde_with_logprob.py, config/{base,grpo,dpo}.py
  XueZeyue/DanceGRPO@15cc71d                 fastvideo/train_grpo_flux.py, scripts/finetune/finetune_flux_grpo.sh
  kvablack/ddpo-pytorch@1958463              scripts/train.py, ddpo_pytorch/stat_tracking.py, config/{base,dgx}.py
  Shin et al. 2025, arXiv 2506.03621v2       equation 3
"""

import json
import math
import random

import torch

torch.set_default_dtype(torch.float64)
DIMENSIONS = 12


def normal(generator, *shape, scale=1.0):
    count = math.prod(shape)
    return torch.tensor([generator.gauss(0, 1) for _ in range(count)]).reshape(shape) * scale


def case(name, source, inputs, outputs, note=None):
    def plain(value):
        return value.tolist() if isinstance(value, torch.Tensor) else value

    made = {"name": name, "source": source}
    if note:
        made["note"] = note
    made["inputs"] = {key: plain(value) for key, value in inputs.items()}
    made["outputs"] = {key: plain(value) for key, value in outputs.items()}
    return made


# MARK: losses on pairs


def errors(generator, pairs=6):
    """Mean squared errors of a policy near its reference: noise and time are the same for both answers and both networks."""
    target = normal(generator, 2 * pairs, DIMENSIONS)
    reference = target + normal(generator, 2 * pairs, DIMENSIONS, scale=0.4)
    policy = reference + normal(generator, 2 * pairs, DIMENSIONS, scale=0.003)
    return ((policy - target) ** 2).mean(1), ((reference - target) ** 2).mean(1)


def pair_case(name, source, seed, beta, half):
    policy, reference = errors(random.Random(seed))
    w, l = (part.clone().requires_grad_() for part in policy.chunk(2))
    ref_w, ref_l = reference.chunk(2)
    model_diff, ref_diff = w - l, ref_w - ref_l
    inside = -(0.5 if half else 1.0) * beta * (model_diff - ref_diff)
    loss = -torch.nn.functional.logsigmoid(inside).mean()
    d_w, d_l = torch.autograd.grad(loss, [w, l])
    return case(
        name, source,
        {"error_w": w.detach(), "error_l": l.detach(), "ref_error_w": ref_w, "ref_error_l": ref_l, "beta": beta},
        {"loss": loss.item(), "d_error_w": d_w, "d_error_l": d_l, "accuracy": (inside > 0).double().mean().item()})


# MARK: clipped losses on steps


def clipped(logp, old, advantages, clip, limit):
    """Per sample and step: −min(r·A, clip(r, 1 ± ε)·A), with A cut to ± limit."""
    advantages = advantages.clamp(-limit, limit)[:, None]
    ratio = torch.exp(logp - old)
    return torch.maximum(-advantages * ratio, -advantages * ratio.clamp(1 - clip, 1 + clip))


def gaussian_logp(x, mean, deviation):
    """The mean over the dimensions of one step."""
    value = -((x - mean) ** 2) / (2 * deviation**2) - torch.log(deviation) - math.log(math.sqrt(2 * math.pi))
    return value.mean(-1)


def flow_steps(generator, samples, steps, level=0.7):
    """Trajectories of a stochastic flow sampler on an even schedule: means of policy, old policy and reference, and deviations."""
    sigmas = torch.linspace(1, 0, steps + 1)
    sigma, dt = sigmas[:-1], sigmas[1:] - sigmas[:-1]
    std = torch.sqrt(sigma / (1 - torch.where(sigma == 1, sigmas[1], sigma))) * level
    x = normal(generator, samples, steps, DIMENSIONS)
    velocity = normal(generator, samples, steps, DIMENSIONS)
    s, t, d = std[:, None], sigma[:, None], dt[:, None]

    def mean(v):
        return x * (1 + s**2 / (2 * t) * d) + v * (1 + s**2 * (1 - t) / (2 * t)) * d

    old = mean(velocity)
    now = mean(velocity + normal(generator, samples, steps, DIMENSIONS, scale=0.003))
    reference = mean(velocity + normal(generator, samples, steps, DIMENSIONS, scale=0.2))
    sample = old + s * torch.sqrt(-d) * normal(generator, samples, steps, DIMENSIONS)
    return sample, now, old, reference, s, -d


def step_inputs(logp, old, advantages, mask, **more):
    return {"logp": logp.detach(), "old_logp": old, "advantages": advantages, "mask": mask, **more}


def flow_grpo_losses():
    source = "yifan123/flow_grpo@ac4c86e scripts/train_sd3.py, config/grpo.py:general_ocr_sd3"
    clip, limit, beta = 1e-4, 5.0, 0.04
    samples, steps = 4, 5
    trained = int(steps * 0.99)
    sample, now, old_mean, reference, std, dt = flow_steps(random.Random(5), samples, steps)
    scale = std * torch.sqrt(dt)
    logp, old = gaussian_logp(sample, now, scale), gaussian_logp(sample, old_mean, scale)
    advantages = torch.tensor([0.8, -1.3, 6.7, -0.2])
    mask = torch.zeros(samples, steps)
    mask[:, :trained] = 1
    # The code's term, and the KL of the two Gaussians: their variance is std²·|dt|.
    code_kl = (((now - reference) ** 2).mean(-1, keepdim=True) / (2 * std**2)).squeeze(-1)
    exact_kl = torch.distributions.kl_divergence(
        torch.distributions.Normal(now, scale.expand_as(now)), torch.distributions.Normal(reference, scale.expand_as(now))
    ).mean(-1)
    cases = []
    for name, kl, factor in [("code_kl", code_kl, torch.ones(())), ("exact_kl", exact_kl, dt.flatten()[0])]:
        logp, kl = logp.detach().requires_grad_(), kl.detach().requires_grad_()
        # The term as the code has it, written in the KL that the case gives.
        term = kl * factor
        loss = 0
        for j in range(trained):
            policy_loss = clipped(logp, old, advantages, clip, limit)[:, j].mean()
            loss = loss + (policy_loss + beta * term[:, j].mean()) / trained
        d_logp, d_kl = torch.autograd.grad(loss, [logp, kl])
        cases.append(case(
            f"flow_grpo_loss/{name}", source,
            step_inputs(
                logp, old, advantages, mask, kl=kl.detach(), clip_range=clip, adv_clip_max=limit, beta=beta,
                kl_factor=factor.item()),
            {"loss": loss.item(), "d_logp": d_logp, "d_kl": d_kl, "kl_mean": kl[:, :trained].mean().item()}))
    return cases


def dance_grpo_loss():
    clip, limit, eta = 1e-4, 5.0, 0.3
    samples, steps, accumulation = 4, 5, 4
    generator = random.Random(6)
    trained = int(steps * 0.6)
    mean = normal(generator, samples, steps, DIMENSIONS)
    deviation = torch.tensor(eta * math.sqrt(1 / 16))
    sample = mean + deviation * normal(generator, samples, steps, DIMENSIONS)
    now = mean + normal(generator, samples, steps, DIMENSIONS, scale=2e-5)
    logp, old = gaussian_logp(sample, now, deviation).requires_grad_(), gaussian_logp(sample, mean, deviation)
    advantages = torch.tensor([1.1, -0.6, -5.5, 0.4])
    mask = torch.zeros(samples, steps)
    loss = 0
    for i in range(samples):
        for j in generator.sample(range(steps), trained):
            mask[i, j] = 1
            loss = loss + clipped(logp, old, advantages, clip, limit)[i, j] / (accumulation * trained)
    (d_logp,) = torch.autograd.grad(loss, [logp])
    return case(
        "dance_grpo_loss/step_fraction", "XueZeyue/DanceGRPO@15cc71d fastvideo/train_grpo_flux.py:train_one_step",
        step_inputs(logp, old, advantages, mask, clip_range=clip, adv_clip_max=limit),
        {"loss": loss.item(), "d_logp": d_logp})


def ddpo_loss():
    clip, limit = 1e-4, 5.0
    samples, steps = 4, 5
    generator = random.Random(7)
    mean = normal(generator, samples, steps, DIMENSIONS)
    deviation = torch.tensor([0.3, 0.25, 0.2, 0.12, 0.05])[:, None]
    sample = mean + deviation * normal(generator, samples, steps, DIMENSIONS)
    now = mean + deviation * normal(generator, samples, steps, DIMENSIONS, scale=2e-4)
    logp, old = gaussian_logp(sample, now, deviation).requires_grad_(), gaussian_logp(sample, mean, deviation)
    advantages = torch.tensor([0.9, -5.8, 7.2, -0.3])
    loss = torch.stack([clipped(logp, old, advantages, clip, limit)[:, j].mean() for j in range(steps)]).mean()
    (d_logp,) = torch.autograd.grad(loss, [logp])
    return case(
        "ddpo_loss/clipped_advantages", "kvablack/ddpo-pytorch@1958463 scripts/train.py",
        step_inputs(logp, old, advantages, torch.ones(samples, steps), clip_range=clip, adv_clip_max=limit),
        {"loss": loss.item(), "d_logp": d_logp})


# MARK: advantages


def flow_grpo_advantages():
    """Means of groups, the deviation of the batch, and the cut that the loss makes. One of 48 samples succeeds by much."""
    size = 24
    generator = random.Random(8)
    rewards = normal(generator, 2 * size, scale=0.05)
    rewards[7] = 3.0
    deviation = rewards.std(unbiased=False) + 1e-4
    groups = rewards.reshape(-1, size)
    advantages = ((groups - groups.mean(1, keepdim=True)) / deviation).flatten()
    assert advantages.max() > 5
    return case(
        "flow_grpo_adv/outlier", "yifan123/flow_grpo@ac4c86e flow_grpo/stat_tracking.py:PerPromptStatTracker, global_std",
        {"rewards": rewards, "G": size}, {"advantages": advantages.clamp(-5, 5)})


def dance_grpo_advantages():
    size = 12
    rewards = normal(random.Random(9), 3 * size, scale=0.02) + 0.3
    groups = rewards.reshape(-1, size)
    advantages = (groups - groups.mean(1, keepdim=True)) / (groups.std(1, keepdim=True) + 1e-8)
    return case(
        "dance_grpo_adv/group", "XueZeyue/DanceGRPO@15cc71d fastvideo/train_grpo_flux.py:train_one_step, use_group",
        {"rewards": rewards, "G": size}, {"advantages": advantages.flatten().clamp(-5, 5)})


def ddpo_advantages():
    """Rewards are minus sizes in kB. A prompt's buffer holds its last 16 rewards; until it does, the batch's statistics count."""
    source = "kvablack/ddpo-pytorch@1958463 ddpo_pytorch/stat_tracking.py:PerPromptStatTracker"
    generator = random.Random(10)
    one = normal(generator, 16, scale=20) - 90
    full = (one - one.mean()) / (one.std(unbiased=False) + 1e-6)
    batch = normal(generator, 40, scale=12) - 90
    batch[3] = 60
    young = (batch - batch.mean()) / (batch.std(unbiased=False) + 1e-6)
    assert young.max() > 5
    return [
        case("ddpo_adv/full_buffer", source, {"rewards": one, "G": 16}, {"advantages": full.clamp(-5, 5)}),
        case("ddpo_adv/young_buffer", source, {"rewards": batch, "G": 1}, {"advantages": young.clamp(-5, 5)}),
    ]


def main():
    cases = [
        pair_case("diffusion_dpo/beta5000", "SalesforceAIResearch/DiffusionDPO@5233e75 train.py", 1, 5000, half=True),
        pair_case("sfo/beta1000", "Shin et al. 2025, arXiv 2506.03621v2, eq. 3", 2, 1000, half=False),
        pair_case("flow_dpo/beta100", "yifan123/flow_grpo@ac4c86e scripts/train_sd3_dpo.py", 3, 100, half=True),
        flow_grpo_advantages(),
        *flow_grpo_losses(),
        dance_grpo_advantages(),
        dance_grpo_loss(),
        *ddpo_advantages(),
        ddpo_loss(),
    ]
    about = "float64. Made by make_image_golden.py from the formulas of the named files. Outputs starting with d_ are gradients of loss."
    with open("image_golden.json", "w") as file:
        json.dump({"about": about, "cases": cases}, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
