#!/usr/bin/env python3
"""Checks what can be known of `device: cuda` only on a machine with a GPU; see recipes/cuda.md.

cuda_check.py ZOO FOLDER [--device cuda]

Each check prints a line. Exit status 1 if one failed. With `--device cpu` the script checks itself: what it says then is of no GPU.
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys

parser = argparse.ArgumentParser()
parser.add_argument("zoo")
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--device", default="cuda")
given = parser.parse_args()
RECIPE = pathlib.Path(__file__).with_name("cuda.yaml")
CLOSE, CLOSE_HALF = 1e-4, 2e-2
failed = []


def train(name, device, *changes, algorithm="sft"):
    """Trains; gives the run's folder and the process."""
    run = given.folder / name
    command = [given.zoo, "train", str(RECIPE), "--run-dir", str(run), "--quiet", "--algorithm", algorithm]
    for change in (f"device={device}",) + changes:
        command += ["--set", change]
    return run, subprocess.run(command, capture_output=True, text=True, check=False)


def must(name, device, *changes, algorithm="sft"):
    run, ended = train(name, device, *changes, algorithm=algorithm)
    if ended.returncode != 0:
        print(ended.stderr, file=sys.stderr)
        sys.exit(f"{name}: zoo train ended with status {ended.returncode}")
    return run


def metrics(run):
    """The metrics of each iteration, without times."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if "seconds" not in key} for line in lines]


def ledger(run):
    return json.loads((run / "ledger.json").read_text())


def check(what, passed, detail):
    print(f"{'ok    ' if passed else 'FAILED'} {what}: {detail}")
    if not passed:
        failed.append(what)


def off(one, other):
    """The metric that is furthest off, in parts of its size or of 1."""
    return max((abs(one[key] - other[key]) / max(1, abs(other[key])), key) for key in one)


def seconds(run):
    return {role: sum(account["seconds"].values()) for role, account in ledger(run)["roles"].items()}


shutil.rmtree(given.folder, ignore_errors=True)
given.folder.mkdir(parents=True)
device = given.device

cpu, first = must("cpu", "cpu"), must("device", device)
pairs = list(zip(metrics(first), metrics(cpu)))
worst, key = off(*pairs[0])
check("step 1 is the CPU's in float32", worst <= CLOSE, f"{key} off by {worst:.1e}, at most {CLOSE:.0e} expected")
print("       the steps after it: " + ", ".join(f"{off(*pair)[0]:.1e} ({off(*pair)[1]})" for pair in pairs[1:]))

again = must("again", device)
weights = "model/model.safetensors"
same = metrics(again) == metrics(first) and (again / weights).read_bytes() == (first / weights).read_bytes()
check("the same run gives the same bits", same, "metrics and weights of two runs")

half = must("half", device, "memory.trained=bfloat16")
worst, key = off(metrics(half)[0], metrics(cpu)[0])
check("step 1 in bfloat16 is near float32", worst <= CLOSE_HALF, f"{key} off by {worst:.1e}, at most {CLOSE_HALF:.0e} expected")

policy = f"policy={{folder: {(cpu / 'model').resolve()}}}"
drawn = [must(f"grpo-{index}", device, policy, algorithm="grpo") for index in range(2)]
check("sampling and training twice gives the same bits", metrics(drawn[0]) == metrics(drawn[1]), "metrics of two runs of GRPO")
fast = must("grpo-fast", device, policy, "deterministic=false", algorithm="grpo")
print(f"       seconds by role: {seconds(drawn[1])}; with deterministic: false {seconds(fast)}")

account = ledger(drawn[1])
booked = sum(seconds(drawn[1]).values())
check("roles are charged no more than there was", booked <= account["seconds"], f"{booked:.2f} of {account['seconds']:.2f} s")
if device != "cpu":
    memory = account["device"]
    held = sum(role["weightBytes"] + role["gradientBytes"] + role["optimizerBytes"] for role in account["roles"].values())
    largest = max(role["transientBytes"] for role in account["roles"].values())
    whole = held > 0 and largest > 0 and held + largest <= memory["peakBytes"] <= memory["totalBytes"]
    check("the device's bytes are accounted for", whole, f"held {held}, largest pass {largest}, of {memory}")

if device == "cpu":
    print("       what does not fit: not tried on a CPU, whose memory others need; a test has it")
else:
    # Some ten million tokens in one pass: terabytes of activations.
    _, ended = train(
        "large", device, "parameters.sft.examples=200000", "microbatch_tokens=100000000", "memory.activations=20 TiB")
    says = "not enough memory for a forward pass of role 'policy'" in ended.stderr
    check("what does not fit ends a run with a sentence", ended.returncode == 70 and says, ended.stderr.strip()[-300:])

sys.exit(1 if failed else 0)
