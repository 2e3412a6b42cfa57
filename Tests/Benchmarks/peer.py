"""Times the same work in TRL and in PolicyZoo, side by side: `make bench`.

Usage: python peer.py ZOO FOLDER [--cases tiny,small,NAME] [--steps N] [--rounds N] [--smollm2 FOLDER] [--ppo-path FOLDER]
NOTES.md says what is compared, and what is not.
"""

import argparse
import json
import os
import pathlib
import statistics
import sys

import machine
from work import CASES, THREADS, make_models, make_rows
from zoo_runs import zoo

HERE = pathlib.Path(__file__).resolve().parent
WARMUP = 2  # steps of each run that are left out
LOSSES, CLOSE = 10, 1e-4  # how many losses are compared, and how near they have to be
QUIET = 0.1  # cores that other programs may take for a figure to be final


class Bench:
    def __init__(self, options):
        self.options = options
        self.folder = options.folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)

    def run(self, command, log, paths=()):
        """With as many threads on both sides, and the same reward."""
        environment = dict(os.environ, OMP_NUM_THREADS=str(THREADS), TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1")
        environment["PYTHONPATH"] = os.pathsep.join(map(str, [*paths, HERE]))
        return machine.run([str(part) for part in command], log, environment)

    def model(self, case):
        return self.options.smollm2.resolve() if case.model == "smollm2" else self.folder / case.model

    def trl(self, case, rows, steps, rate):
        out = self.folder / "trl.json"
        paths = [self.options.ppo_path] if case.task == "ppo" else []
        command = [sys.executable, HERE / "trl_runs.py", case.name, self.model(case), rows, steps, rate, out]
        others = self.run(command, self.folder / "trl.log", paths)
        return json.loads(out.read_text()) | {"others": others}

    def zoo(self, case, rows, steps, rate):
        return zoo(self.run, str(self.options.zoo), self.folder, case, self.model(case), rows, steps, rate)

    def measure(self, case):
        """Both sides in turn, so that what else the machine does meets both."""
        steps = self.options.steps
        rows = make_rows(self.folder, self.model(case), case, max(case.rows * steps, 8))
        found = {"TRL": [], "PolicyZoo": []}
        floors = []
        for _ in range(self.options.rounds):
            floors.append(self.trl(case, rows, 0, 0))
            found["TRL"].append(self.trl(case, rows, steps, 1e-5))
            found["PolicyZoo"].append(self.zoo(case, rows, steps, 1e-5))
        result = {side: self.summary(runs) for side, runs in found.items()}
        own, theirs = result["PolicyZoo"], result["TRL"]
        result |= {"case": case.name, "task": case.task, "aim": case.aim, "ratio": theirs["seconds"] / own["seconds"]}
        if case.task == "generate":
            # Samples may end early, on either side at another place.
            result["ratio"] = own["length"] / own["seconds"] * theirs["seconds"] / theirs["length"]
        result["others"] = max(run["others"] for runs in found.values() for run in runs)
        floor = {name: statistics.median(one[name] for one in floors) for name in ("flops", "token")}
        runs = found["PolicyZoo"]
        parts = runs[0]["parts"]
        result["parts"] = {name: statistics.median(run["parts"].get(name, 0) for run in runs) for name in parts}
        flops = 0 if case.task == "generate" else statistics.median(run["flops"] for run in runs)
        sampled = own.get("length", 0) if case.task in ("grpo", "ppo", "generate") else 0
        result["floor"] = flops / floor["flops"] + sampled * floor["token"]
        result["gemm"] = floor["flops"] / 1e9
        if case.task in ("dpo", "sft"):
            result["losses"] = self.losses(case)
        return result

    def summary(self, runs):
        """The smaller of the runs' medians, and the largest of their peaks."""
        found = {"seconds": min(statistics.median(run["seconds"][WARMUP:]) for run in runs), "peak": max(run["peak"] for run in runs)}
        lengths = [value for run in runs for value in run["lengths"][WARMUP:]]
        return found | ({"length": statistics.mean(lengths)} if any(lengths) else {})

    def losses(self, case):
        """The largest difference of the first losses, of one batch over and over: neither side's order of rows matters then."""
        rows = make_rows(self.folder, self.model(case), case, case.rows)
        rate = 1e-5 if case.model == "smollm2" else 1e-3
        theirs, own = (side(case, rows, LOSSES, rate)["losses"] for side in (self.trl, self.zoo))
        if len(theirs) != LOSSES or len(own) != LOSSES:
            sys.exit(f"peer.py: {case.name}: {len(theirs)} and {len(own)} losses, expected {LOSSES} of each side")
        return max(abs(one - other) for one, other in zip(theirs, own))


def show(result):
    """A line of the table, and where our time goes."""
    own, theirs = result["PolicyZoo"], result["TRL"]
    marks = [] if result["ratio"] >= result["aim"] else ["below its aim"]
    if result["others"] > QUIET:
        marks.append(f"not final: other programs took {result['others']:.1f} cores")
    if result.get("losses", 0) > CLOSE:
        marks.append(f"losses differ by {result['losses']:.1e}")
    line = f"{result['case']:19}{theirs['seconds']:9.3f}{own['seconds']:9.3f}{result['ratio']:7.2f}{result['aim']:6.1f}"
    # Our samples are drawn within a run that trains: its memory is no sampler's, nor where its other time goes.
    if result["task"] == "generate":
        print(f"{line}{result['floor'] / own['seconds']:7.0%}{'':21}  {'; '.join(marks)}", flush=True)
        return
    print(
        f"{line}{result['floor'] / own['seconds']:7.0%}{theirs['peak'] / 2**20:8.0f}{own['peak'] / 2**20:7.0f}"
        f"{own['peak'] / theirs['peak']:6.2f}  {'; '.join(marks)}",
        flush=True,
    )
    total = sum(result["parts"].values())
    print("    " + ", ".join(f"{name} {value / total:.0%}" for name, value in result["parts"].items()), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("zoo", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--cases", default="tiny,small", help="names of cases, or of models for all of theirs")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--smollm2", type=pathlib.Path, help="the folder of SmolLM2-135M-Instruct")
    parser.add_argument("--ppo-path", type=pathlib.Path, help="where the last TRL that has PPO is")
    options = parser.parse_args()
    options.zoo = options.zoo.resolve()
    wanted = options.cases.split(",")
    cases = [case for case in CASES if case.name in wanted or case.model in wanted]
    unknown = set(wanted) - {case.name for case in CASES} - {case.model for case in CASES}
    if unknown or not cases:
        parser.error(f"no case {', '.join(sorted(unknown))}; there are {', '.join(case.name for case in CASES)}")
    if any(case.model == "smollm2" for case in cases) and not options.smollm2:
        parser.error("a case of smollm2 needs --smollm2 FOLDER; `make smollm2` gets it")
    if options.steps <= WARMUP:
        parser.error(f"--steps: expected more than {WARMUP}, which are left out")
    bench = Bench(options)
    make_models(bench.folder, {case.model for case in cases} - {"smollm2"})
    print(f"float32, {THREADS} threads; {options.rounds} rounds of {options.steps} steps a side, the first {WARMUP} left out;")
    print("seconds: the smaller of the rounds' medians; floor: what the matrix products alone would take; MiB: the process's peak\n")
    print(f"{'':19}{'s/step':>9}{'':9}{'':7}{'':6}{'floor':>7}{'MiB':>8}")
    print(f"{'':19}{'TRL':>9}{'ours':>9}{'ratio':>7}{'aim':>6}{'/ours':>7}{'TRL':>8}{'ours':>7}{'/TRL':>6}")
    results = []
    for case in cases:
        results.append(bench.measure(case))
        show(results[-1])
        found = {"environment": machine.description(str(options.zoo)), "results": results}
        (bench.folder / "results.json").write_text(json.dumps(found, indent=2) + "\n")
    print(f"\nratio: TRL's over ours (of generation: ours over TRL's, in tokens a second). All numbers: {bench.folder}/results.json")


if __name__ == "__main__":
    main()
