"""Times a training step (forward, backward) of the tiny image model in diffusers and in PolicyZoo, turn by turn: `make bench-images`.

Usage, in the project's folder after `swift build -c release --build-tests`: python flux_bench.py [COMMAND...]
COMMAND runs PolicyZoo's half and defaults to `swift test`. Batch 48, canvas 12 × 12, reference 8 × 8, three conditions, two threads.
Pinned: torch==2.13.0 diffusers==0.35.2.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

THREADS, TURNS, ROUNDS, WARMUP = 2, 3, 20, 3
COMMAND = sys.argv[1:] or ["swift", "test", "-c", "release", "--skip-build", "--filter", "timesTrainingStep"]
os.environ |= {"OMP_NUM_THREADS": str(THREADS), "OMP_WAIT_POLICY": "passive"}

import torch  # noqa: E402  the settings above must come first
from diffusers import FluxTransformer2DModel  # noqa: E402


def places(rows, columns, first):
    grid = torch.stack(torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij"), -1).reshape(-1, 2)
    return torch.cat([torch.full((rows * columns, 1), first), grid], 1).float()


def theirs():
    torch.manual_seed(0)
    model = FluxTransformer2DModel(in_channels=4, num_layers=2, num_single_layers=2, attention_head_dim=16, num_attention_heads=4,
                                   joint_attention_dim=32, pooled_projection_dim=32, axes_dims_rope=(4, 6, 6))
    ids = torch.cat([places(6, 6, 0), places(4, 4, 1)])
    image, target = torch.randn(48, 52, 4), torch.randn(48, 36, 4)
    prompt, pooled = torch.randn(48, 3, 32, requires_grad=True), torch.randn(48, 32, requires_grad=True)
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        velocity = model(hidden_states=image, encoder_hidden_states=prompt, pooled_projections=pooled,
                         timestep=torch.sigmoid(torch.randn(48)), img_ids=ids, txt_ids=torch.zeros(3, 3)).sample[:, :36]
        ((velocity - target) ** 2).mean().backward()
        times.append(time.perf_counter() - start)
        model.zero_grad()
    return times[WARMUP:]


def ours(folder):
    file = pathlib.Path(folder) / "times"
    subprocess.run(COMMAND, check=True, stdout=subprocess.DEVNULL,
                   env=os.environ | {"ZOO_BENCH": str(file), "ZOO_BENCH_ROUNDS": str(ROUNDS)})
    return [float(line) for line in file.read_text().split()][WARMUP:]


if __name__ == "__main__":
    torch.set_num_threads(THREADS)
    mine, yours = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(TURNS):
            mine += ours(folder)
            yours += theirs()
    a, b = statistics.median(mine) * 1e3, statistics.median(yours) * 1e3
    print(f"median of a training step: diffusers {b:.0f} ms, PolicyZoo {a:.0f} ms, ratio {a / b:.2f}"
          f" (fastest {min(yours) * 1e3:.0f} and {min(mine) * 1e3:.0f} ms)")
