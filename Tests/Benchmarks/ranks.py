"""What several ranks gain: measured on this machine, and computed for others. `make bench-ranks`

Usage: python ranks.py ZOO FOLDER RECIPE [--updates N]
1. A run of RECIPE by GRPO as one process of one and of two threads, and as two ranks of one thread each: seconds an iteration (the
   median), and what communication took of it.
2. Latency and bandwidth between two processes of this machine, of the same engine (c10d's Gloo): a gather of 128 bytes, and sums.
3. Computed from those alone: how much faster N processes of one thread are, on machines that are joined like two processes here. All
   have as much to do as one another there, which real passes have not: compare with what two ranks gained.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import machine

LAUNCHER = [sys.executable, "-m", "torch.distributed.run", "--no-python", "--nproc-per-node"]
BUCKET = 16 << 20  # bytes that are summed at a time
CALLS = 16  # gathers in an iteration of GRPO, besides those of its passes
PASS = 4096  # tokens, `microbatch_tokens`


def probe(out):
    """A rank's part of the second measurement; rank 0 writes it."""
    import torch
    import torch.distributed as dist

    torch.set_num_threads(1)
    dist.init_process_group("gloo")

    def median(call, repeats):
        times = []
        for _ in range(repeats):
            dist.barrier()
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    small, size = torch.zeros(128, dtype=torch.uint8), dist.get_world_size()
    parts = [torch.zeros_like(small) for _ in range(size)]
    large = torch.zeros(BUCKET // 4)
    found = {
        "gather": median(lambda: dist.all_gather(parts, small), 200),
        "sum": median(lambda: dist.all_reduce(large), 20),
    }
    if dist.get_rank() == 0:
        pathlib.Path(out).write_text(json.dumps(found))
    dist.destroy_process_group()


def run(options, name, command, threads):
    place = options.folder / f"{name}-{time.time_ns()}"
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    changes = [f"threads={threads}", f"budget.updates={options.updates}"]
    command = [*command, options.zoo, "train", options.recipe, "--algorithm", "grpo", "--run-dir", place, "--quiet"]
    command += [word for change in changes for word in ("--set", change)]
    others = machine.run([str(word) for word in command], options.folder / f"{name}.log", environment)
    lines = [json.loads(line) for line in (place / "metrics.jsonl").read_text().splitlines()]
    seconds = [0] + [line["budget/seconds"] for line in lines]
    ledger = json.loads((place / "ledger.json").read_text())
    iteration = statistics.median(after - before for before, after in zip(seconds[1:], seconds[2:]))
    passes = sum(sum(account["seconds"].values()) for account in ledger["roles"].values())
    talk = ledger.get("communicationSeconds", 0)
    return {
        "seconds": iteration, "communication": talk / len(lines), "others": others,
        "rate": sum(sum(account["flops"].values()) for account in ledger["roles"].values()) / passes,
        "alone": (ledger["seconds"] - passes - talk - ledger["rewardSeconds"]) / len(lines),
    }  # fmt: skip


def speedup(machines, numbers, tokens, rate, alone, latency, bandwidth):
    """Of an iteration: 10 operations a number and token (sampling, the reference's pass, forward and backward), one update.

    A ring passes a gather on N-1 times, and a sum 2(N-1)/N of its bytes. What every rank does itself stays: the plugin, the loop. Each
    round of passes tells its outputs, three columns of 8 bytes.
    """
    work = 10 * numbers * tokens / rate
    ring = 2 * (machines - 1) / machines * 4 * numbers / bandwidth
    calls = CALLS + 2 * -(-tokens // (PASS * machines))
    gathers = calls * (machines - 1) * latency + 8 * tokens * 3 * (machines - 1) / machines / bandwidth
    together = work / machines + alone + (ring + gathers if machines > 1 else 0)
    return (work + alone) / together


def main():
    if sys.argv[1:2] == ["probe"]:
        return probe(sys.argv[2])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("zoo", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("recipe", type=pathlib.Path)
    parser.add_argument("--updates", type=int, default=12)
    options = parser.parse_args()
    options.folder = options.folder.resolve()
    options.folder.mkdir(parents=True, exist_ok=True)
    options.zoo = options.zoo.resolve()
    single, one, two = run(options, "thread", [], 1), run(options, "process", [], 2), run(options, "ranks", [*LAUNCHER, "2"], 1)
    print(f"{options.recipe}, GRPO, {options.updates} updates, on two cores:")
    print(f"  one process, one thread    {single['seconds']:.3f} s an iteration")
    print(f"  one process, two threads   {one['seconds']:.3f} s")
    print(f"  two ranks of one thread    {two['seconds']:.3f} s, of which {two['communication']:.3f} s communication")
    found = options.folder / "probe.json"
    command = [*LAUNCHER, "2", sys.executable, __file__, "probe", str(found)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=dict(os.environ, OMP_NUM_THREADS="1"))
    measured = json.loads(found.read_text())
    latency, bandwidth = measured["gather"], BUCKET / measured["sum"]
    print(f"\nbetween two processes: {latency * 1e6:.0f} microseconds a gather of 128 bytes, {bandwidth / 1e9:.2f} GB/s of sums")
    rate, alone = single["rate"], max(0.0, single["alone"])
    print(f"passes of one thread: {rate / 1e9:.0f} GFLOP/s; what every rank does itself: {alone * 1e3:.0f} ms an iteration")
    print("\nComputed, not measured: speed-up of N ranks of one thread, joined at that latency and bandwidth")
    counts = (2, 4, 8, 16, 32, 64, 128)
    print(f"{'':34}" + "".join(f"{count:7}" for count in counts))
    table = {}
    for title, numbers, tokens in (
        ("0.7 M weights, 2,048 tokens", 0.7e6, 2048), ("135 M, 4,096 tokens", 135e6, 4096), ("135 M, 65,536 tokens", 135e6, 65536),
        ("7 B, 65,536 tokens", 7e9, 65536), ("7 B, 1,048,576 tokens", 7e9, 1 << 20),
    ):  # fmt: skip
        table[title] = [speedup(count, numbers, tokens, rate, alone, latency, bandwidth) for count in counts]
        print(f"{title:34}" + "".join(f"{value:7.1f}" for value in table[title]))
    others = max(found["others"] for found in (single, one, two))
    if others > 0.1:
        print(f"not final: other programs took {others:.1f} cores")
    result = {
        "environment": machine.description(str(options.zoo)), "thread": single, "process": one, "ranks": two, "between": measured, "machines": counts,
        "computed": table,
    }  # fmt: skip
    (options.folder / "ranks.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
