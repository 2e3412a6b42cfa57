"""Logs runs of PolicyZoo to Trackio. Needs the package trackio.

    log_to: [{command: [python3, -m, zoo_log_trackio]}]

Trackio writes to a database on this machine (TRACKIO_DIR, or its folder in Hugging Face's cache), and `trackio show` opens it. With
TRACKIO_SPACE_ID it logs to a Space. The project is TRACKIO_PROJECT, or else the recipe's name.
"""

import json
import os
import sys


def main():
    os.environ.setdefault("HF_HUB_OFFLINE", "0" if "TRACKIO_SPACE_ID" in os.environ else "1")
    import trackio

    run = None
    for line in sys.stdin:
        event = json.loads(line)
        kind = event["type"]
        if kind == "start":
            run = trackio.init(
                project=os.environ.get("TRACKIO_PROJECT", event["recipe"]),
                name=event["run"],
                group=event["group"],
                space_id=os.environ.get("TRACKIO_SPACE_ID"),
                config=dict(event["config"], algorithm=event["algorithm"], seed=event["seed"], folder=event["folder"]),
                # The same run goes on where it was stopped.
                resume="allow",
                embed=False,
            )
        elif kind == "metrics":
            run.log(numbers(event["values"]), step=event["step"])
        elif kind == "evaluation":
            before = numbers(event["reference"], "evaluation/before/")
            run.log(dict(numbers(event["metrics"], "evaluation/"), **before), step=event["step"])
        elif kind == "samples":
            import pandas

            run.log({"samples": trackio.Table(dataframe=pandas.DataFrame(event["samples"]))}, step=event["step"])
        elif kind == "images":
            run.log({"samples": trackio.Image(event["file"])}, step=event["step"])
        elif kind == "end":
            run.log({"finished": int(event["status"] == "finished")})
            break
    # Without an end, the input ended before the run did: zoo was killed.
    if run is not None:
        run.finish()


def numbers(values, prefix=""):
    """The values that are numbers: a metric that is not finite is null."""
    return {prefix + name: value for name, value in values.items() if value is not None}


if __name__ == "__main__":
    main()
