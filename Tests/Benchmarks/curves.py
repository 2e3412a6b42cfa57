"""How the cost of a step grows with each size of the work: `make bench-curves`.

Usage: python curves.py ZOO FOLDER [--axes batch,group,...] [--steps N]
For each point: seconds a step (the median), operations that the step makes, at what rate, and the process's peak memory beyond the
smallest point's. `time ~ work^p`: where p is 1, twice the operations take twice the time; below 1 the small ones are slowed by what
each step costs anyway, above 1 something grows faster than the work.
"""

import argparse
import dataclasses
import json
import math
import os
import pathlib
import statistics

import machine
from work import Case, make_models, make_rows
from zoo_runs import zoo

HERE = pathlib.Path(__file__).resolve().parent
WARMUP = 1  # steps of each run that are left out
DPO = Case("curve", "tiny", "dpo", 32)
GRPO = Case("curve", "tiny", "grpo", 4, 16)

# The size, and the case for each of its values.
AXES = {
    "batch": [(n, dataclasses.replace(DPO, rows=n)) for n in (8, 16, 32, 64, 128)],
    "group": [(n, dataclasses.replace(GRPO, samples=n)) for n in (4, 8, 16, 32, 64)],
    "completion": [(n, dataclasses.replace(GRPO, rows=1, samples=8, new=n)) for n in (64, 128, 256, 512, 1024, 2048)],
    "prompt": [(n, dataclasses.replace(GRPO, rows=1, samples=64, prompt=n)) for n in (64, 125, 250, 500, 1000)],
    "vocabulary": [(n, dataclasses.replace(GRPO, model=f"vocabulary-{n}")) for n in (2048, 8192, 32768, 131072)],
    "width": [(n, dataclasses.replace(GRPO, model=f"width-{n}")) for n in (128, 256, 512, 1024)],
    "threads": [(n, dataclasses.replace(GRPO, threads=n)) for n in (1, 2)],
}


def slope(points):
    """Of a straight line through the logarithms, by least squares."""
    xs, ys = zip(*((math.log(x), math.log(y)) for x, y in points))
    x, y = statistics.mean(xs), statistics.mean(ys)
    spread = sum((one - x) ** 2 for one in xs)
    return sum((one - x) * (other - y) for one, other in zip(xs, ys)) / spread if spread > 0 else float("nan")


class Curves:
    def __init__(self, options):
        self.options = options
        self.folder = options.folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)

    def measure(self, case):
        def run(command, log):
            environment = dict(os.environ, OMP_NUM_THREADS=str(case.threads), PYTHONPATH=str(HERE))
            return machine.run([str(part) for part in command], log, environment)

        model, steps = self.folder / case.model, self.options.steps
        rows = make_rows(self.folder, model, case, max(case.rows * steps, 8))
        found = zoo(run, str(self.options.zoo), self.folder, case, model, rows, steps, 1e-5)
        return {
            "seconds": statistics.median(found["seconds"][WARMUP:]), "flops": found["flops"], "peak": found["peak"],
            "parts": found["parts"], "others": found["others"],
        }  # fmt: skip

    def axis(self, name):
        make_models(self.folder, {case.model for _, case in AXES[name]})
        points = []
        for size, case in AXES[name]:
            found = self.measure(case)
            points.append({"size": size} | found)
            parts = sorted(found["parts"].items(), key=lambda part: -part[1])[:4]
            total = sum(found["parts"].values())
            print(
                f"{name:12}{size:8}{found['seconds']:10.3f}{found['flops'] / 1e9:10.1f}"
                f"{found['flops'] / found['seconds'] / 1e9:9.0f}{(found['peak'] - points[0]['peak']) / 2**20:9.0f}  "
                + ", ".join(f"{part} {seconds / total:.0%}" for part, seconds in parts)
                + (f"; not final: other programs took {found['others']:.1f} cores" if found["others"] > 0.1 else ""),
                flush=True,
            )
        if name != "threads":
            print(f"{'':12}time ~ work^{slope([(point['flops'], point['seconds']) for point in points]):.2f}\n")
        return points


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("zoo", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--axes", default=",".join(AXES))
    parser.add_argument("--steps", type=int, default=4)
    options = parser.parse_args()
    options.zoo = options.zoo.resolve()
    names = options.axes.split(",")
    if unknown := [name for name in names if name not in AXES]:
        parser.error(f"no axis {', '.join(unknown)}; there are {', '.join(AXES)}")
    if options.steps <= WARMUP:
        parser.error(f"--steps: expected more than {WARMUP}, which is left out")
    curves = Curves(options)
    print("float32, 2 threads; MiB: the process's peak beyond that of the first line\n")
    print(f"{'':20}{'s/step':>10}{'GFLOP':>10}{'GFLOP/s':>9}{'MiB':>9}")
    results = {name: curves.axis(name) for name in names}
    found = {"environment": machine.description(str(options.zoo)), "results": results}
    (curves.folder / "curves.json").write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
