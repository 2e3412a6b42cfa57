"""Logs runs of PolicyZoo to Weights & Biases. Needs the package wandb.

    log_to: [{command: [python3, -m, zoo_log_wandb]}]

Offline unless WANDB_MODE says otherwise: the run is written to RUN/wandb (or WANDB_DIR), and `wandb sync` uploads it later.
WANDB_PROJECT, WANDB_ENTITY and wandb's other variables hold; without WANDB_PROJECT the project is the recipe's name.
"""

import json
import os
import sys


def main():
    os.environ.setdefault("WANDB_MODE", "offline")
    import wandb

    run = None
    for line in sys.stdin:
        event = json.loads(line)
        kind = event["type"]
        if kind == "start":
            run = wandb.init(
                project=os.environ.get("WANDB_PROJECT", event["recipe"]),
                name=event["run"],
                group=event["group"],
                # The same run goes on where it was stopped.
                id=event["id"],
                resume="allow",
                tags=[event["algorithm"]],
                config=dict(event["config"], algorithm=event["algorithm"], seed=event["seed"], folder=event["folder"]),
                dir=os.environ.get("WANDB_DIR", event["folder"]),
            )
        elif kind == "metrics":
            run.log(numbers(event["values"]), step=event["step"])
        elif kind == "evaluation":
            run.log(numbers(event["metrics"], "evaluation/"), step=event["step"])
            run.summary.update(numbers(event["metrics"], "evaluation/"))
            run.summary.update(numbers(event["reference"], "evaluation/before/"))
        elif kind == "samples":
            columns = ["prompt", "before", "after", "gold_before", "gold_after"]
            rows = [[sample.get(column) for column in columns] for sample in event["samples"]]
            run.log({"samples": wandb.Table(columns=columns, data=rows)}, step=event["step"])
        elif kind == "images":
            run.log({"samples": wandb.Image(event["file"])}, step=event["step"])
        elif kind == "end":
            run.summary["status"] = event["status"]
            if event["reason"]:
                run.summary["reason"] = event["reason"]
            return run.finish(exit_code=0 if event["status"] == "finished" else 1)
    # The input ended before the run did: zoo was killed.
    if run is not None:
        run.finish(exit_code=1)


def numbers(values, prefix=""):
    """The values that are numbers: a metric that is not finite is null."""
    return {prefix + name: value for name, value in values.items() if value is not None}


if __name__ == "__main__":
    main()
