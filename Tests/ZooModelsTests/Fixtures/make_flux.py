"""A tiny FLUX pipeline saved by `diffusers`, with what PyTorch computes for it: python make_flux.py [FOLDER [SEED]]

Pinned: torch==2.13.0 diffusers==0.35.2 safetensors==0.8.0. Overwrites `flux/` and `flux-guidance/` of the folder (by default
this one), and the adapters of make_flux_adapters.py; SEED is added to every seed.
"""

import json
import math
import pathlib
import shutil
import sys

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, FluxTransformer2DModel
from safetensors.torch import save_file

HERE = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 0
# Odd widths, so that the ends of rows that do not fill a vector register are computed too.
SHAPE = dict(in_channels=4, num_layers=1, num_single_layers=1, attention_head_dim=6, num_attention_heads=2,
             joint_attention_dim=7, pooled_projection_dim=5, axes_dims_rope=(2, 2, 2))
CANVAS, REFERENCE, TEXT, BATCH = (2, 3), (2, 1), 2, 3
KINDS = [("class", 4), ("place", 3)]


def build(seed, **more):
    torch.manual_seed(SEED + seed)
    model = FluxTransformer2DModel(**SHAPE, **more)
    with torch.no_grad():
        for parameter in model.parameters():  # norms and biases, so that none is invisible at 1 or 0
            parameter += 0.15 * torch.randn_like(parameter)
    return model.eval()


def places(rows, columns, first):
    ids = torch.zeros(rows, columns, 3)
    ids[..., 0] = first
    ids[..., 1] = torch.arange(rows)[:, None]
    ids[..., 2] = torch.arange(columns)[None]
    return ids.reshape(-1, 3)


def run(model, image, prompt, pooled, time, guidance, reference=True):
    """Velocities of the canvas tokens; those of the reference are dropped."""
    ids = torch.cat([places(*CANVAS, 0)] + ([places(*REFERENCE, 1)] if reference else []))
    out = model(hidden_states=image, encoder_hidden_states=prompt, pooled_projections=pooled, timestep=time, img_ids=ids,
                txt_ids=torch.zeros(prompt.shape[1], 3), guidance=guidance).sample
    return out[:, : CANVAS[0] * CANVAS[1]]


def save(tensors, file):
    save_file({key: value.detach().clone().contiguous() for key, value in tensors.items()}, file)


def transformer(name, model, guidance, reference, gradients):
    """The transformer alone on random tokens."""
    torch.manual_seed(SEED + 7)
    tokens = CANVAS[0] * CANVAS[1] + (REFERENCE[0] * REFERENCE[1] if reference else 0)
    inputs = dict(image=torch.randn(BATCH, tokens, 4), prompt=torch.randn(BATCH, TEXT, 7), pooled=torch.randn(BATCH, 5))
    for tensor in inputs.values():
        tensor.requires_grad_()
    time = torch.tensor([0.03, 0.5, 1.0])
    scale = torch.tensor([1.0, 3.5, 2.0]) if guidance else None
    velocity = run(model, *inputs.values(), time, scale, reference)
    weight = torch.linspace(-1, 1, velocity.numel()).reshape(velocity.shape).sin()
    (weight * velocity).sum().backward()
    expected = inputs | dict(time=time, velocity=velocity, weight=weight)
    if guidance:
        expected["guidance"] = scale
    if gradients:
        expected |= {f"grad.{key}": value.grad for key, value in inputs.items()}
        expected |= {f"grad.{key}": p.grad for key, p in model.named_parameters()}
    save(expected, HERE / name / "expected.safetensors")


def pack(x):
    """[n, c, h, w] as tokens, elements by channel, row, column of a patch."""
    return torch.nn.functional.pixel_unshuffle(x, 2).flatten(2).transpose(1, 2)


def unpack(x):
    return torch.nn.functional.pixel_shuffle(x.transpose(1, 2).unflatten(2, CANVAS), 2)


def sde_step(x, v, sigma, sigma_prev, sigma_max, level, noise):
    """Mean and deviation of a step as Flow-GRPO's and DanceGRPO's code computes them, in double precision."""
    dt = sigma_prev - sigma
    if noise == "flowGRPO":
        std = math.sqrt(sigma / (1 - (sigma_max if sigma == 1 else sigma))) * level
        mean = x * (1 + std**2 / (2 * sigma) * dt) + v * (1 + std**2 * (1 - sigma) / (2 * sigma)) * dt
        return mean, std * math.sqrt(-dt)
    clean = x - sigma * v
    score = -(x - clean * (1 - sigma)) / sigma**2
    return x + dt * v - 0.5 * level**2 * score * dt, level * math.sqrt(-dt)


def policy():
    """Log-probabilities and scores of stored trajectories through the condition table."""
    torch.manual_seed(SEED + 11)
    model = build(3)
    folder = HERE / "flux"
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder / "transformer")
    FlowMatchEulerDiscreteScheduler(shift=3.0).save_pretrained(folder / "scheduler")
    (folder / "model_index.json").write_text(json.dumps({
        "_class_name": "FluxKontextPipeline", "_diffusers_version": "0.35.2",
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"], "transformer": ["diffusers", "FluxTransformer2DModel"],
        "condition_table": ["policyzoo", "ConditionTable"]}, indent=2) + "\n")
    table = {f"condition_table.{name}.{part}": torch.randn(count + 1, width)
             for name, count in KINDS for part, width in (("prompt", 7), ("pooled", 5))}
    (folder / "condition_table").mkdir()
    (folder / "condition_table" / "config.json").write_text(json.dumps(
        {"_class_name": "ConditionTable", "kinds": [{"name": n, "count": c} for n, c in KINDS]}, indent=2) + "\n")
    save(table, folder / "condition_table" / "diffusion_pytorch_model.safetensors")
    transformer("flux", model, guidance=False, reference=True, gradients=True)
    model.zero_grad()
    for tensor in table.values():
        tensor.requires_grad_()

    height, width = 2 * CANVAS[0], 2 * CANVAS[1]
    size = height * width
    sigmas = torch.tensor([1.0, 0.8, 0.45, 0.0])
    conditions = torch.tensor([[1, 2], [-1, 0]])
    scales = [1.0, 2.5]
    states = torch.randn(2, 4, 1, height, width)  # three states and the image of each sequence
    reference = torch.randn(2, 1, 2 * REFERENCE[0], 2 * REFERENCE[1])

    def velocity(sequence, x, sigma, ids):
        rows = [int(i) if i >= 0 else count for i, (_, count) in zip(ids, KINDS)]
        prompt = torch.stack([table[f"condition_table.{n}.prompt"][r] for r, (n, _) in zip(rows, KINDS)])[None]
        pooled = sum(table[f"condition_table.{n}.pooled"][r] for r, (n, _) in zip(rows, KINDS))[None]
        tokens = torch.cat([pack(x[None]), pack(reference[sequence][None])], 1)
        return unpack(run(model, tokens, prompt, pooled, torch.tensor([float(sigma)]), None))[0]

    def guided(sequence, x, sigma):
        conditional = velocity(sequence, x, sigma, conditions[sequence])
        if scales[sequence] == 1:
            return conditional
        without = velocity(sequence, x, sigma, [-1, -1])
        return without + scales[sequence] * (conditional - without)

    expected = {}
    for noise, level in (("flowGRPO", 0.7), ("constant", 0.3)):
        logp, weight = [], torch.linspace(-1, 1, 6)
        for sequence in range(2):
            for step in range(3):
                sigma, after = float(sigmas[step]), float(sigmas[step + 1])
                v = guided(sequence, states[sequence, step], sigma).double()
                mean, std = sde_step(states[sequence, step].double(), v, sigma, after, float(sigmas[1]), level, noise)
                gap = states[sequence, step + 1].double() - mean
                logp.append((-gap**2 / (2 * std**2) - math.log(std) - math.log(math.sqrt(2 * math.pi))).mean())
        expected[f"logp.{noise}"] = torch.stack(logp).float()
        if noise == "flowGRPO":
            (weight * torch.stack(logp)).sum().float().backward()
            named = dict(model.named_parameters()) | table
            keep = ["x_embedder.weight", "proj_out.bias", "transformer_blocks.0.attn.norm_added_k.weight", *table]
            expected |= {f"grad.{key}": named[key].grad.clone() for key in keep}
            expected["logp_weight"] = weight

    seeds = [5, 77]
    errors = []
    for sequence, seed in enumerate(seeds):
        generator = torch.Generator().manual_seed(seed)
        times = torch.sigmoid(-0.3 + 1.2 * torch.randn(3, generator=generator).double())
        noise = torch.randn(3, size, generator=generator).reshape(3, 1, height, width)
        image = states[sequence, 3]
        total = 0
        for t, eps in zip(times, noise):
            mixed = (1 - t.float()) * image + t.float() * eps
            total += ((velocity(sequence, mixed, t, conditions[sequence]) - (eps - image)) ** 2).mean()
        errors.append(total / 3)
    expected["error"] = torch.stack(errors)
    save(expected | dict(
        states=states, sigmas=sigmas, reference=reference, conditions=conditions.int(), guidance=torch.tensor(scales),
        seeds=torch.tensor(seeds)), folder / "policy.safetensors")


def schedule():
    """The noise levels of diffusers' scheduler as its Flux pipelines set them."""
    expected = {}
    for shift in (1.0, 3.0):
        for steps in (1, 4, 10, 28):
            scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
            scheduler.set_timesteps(sigmas=torch.linspace(1, 1 / steps, steps).tolist())
            expected[f"sigmas.{shift:g}.{steps}"] = scheduler.sigmas
    save(expected, HERE / "flux" / "sigmas.safetensors")


def with_guidance():
    """A distilled model in bfloat16, cut into files."""
    shutil.rmtree(HERE / "flux-guidance", ignore_errors=True)
    model = build(9, guidance_embeds=True).to(torch.bfloat16).float()
    model.to(torch.bfloat16).save_pretrained(HERE / "flux-guidance" / "transformer", max_shard_size="12KB")
    transformer("flux-guidance", model.float(), guidance=True, reference=False, gradients=False)


if __name__ == "__main__":
    policy()
    schedule()
    with_guidance()
    for name in ("flux", "flux-guidance"):
        print(name, sum(path.stat().st_size for path in (HERE / name).rglob("*") if path.is_file()))
    import make_flux_adapters  # reads what is written above

    make_flux_adapters.main()
