"""Logs runs of PolicyZoo to MLflow. Needs the package mlflow, or mlflow-skinny.

    log_to: [{command: [python3, -m, zoo_log_mlflow]}]

Without MLFLOW_TRACKING_URI it writes to the database RUNS/mlflow.db (SQLite), beside the run's folder, or with mlflow-skinny to the
folder RUNS/mlruns; nothing needs a server. Look at it with `mlflow ui --backend-store-uri sqlite:///RUNS/mlflow.db`. The experiment
is MLFLOW_EXPERIMENT_NAME, or else the recipe's name.
"""

import importlib.util
import json
import os
import sys


def main():
    import mlflow
    from mlflow.entities import Metric, Param
    from mlflow.tracking import MlflowClient

    client, run = None, None
    for line in sys.stdin:
        event = json.loads(line)
        kind = event["type"]
        if kind == "start":
            if "MLFLOW_TRACKING_URI" not in os.environ:
                mlflow.set_tracking_uri(store(os.path.dirname(event["folder"])))
            client = MlflowClient()
            name = os.environ.get("MLFLOW_EXPERIMENT_NAME", event["recipe"])
            found = client.get_experiment_by_name(name)
            experiment = found.experiment_id if found else client.create_experiment(name, place(event["folder"]))
            run = resumed(client, experiment, event["id"])
            if run is None:
                tags = {"zoo.id": event["id"], "zoo.folder": event["folder"], "mlflow.runName": event["run"]}
                run = client.create_run(experiment, run_name=event["run"], tags=tags).info.run_id
                config = dict(flat(event["config"]), algorithm=event["algorithm"], seed=event["seed"])
                params = [Param(key, str(value)[:6000]) for key, value in config.items()]
                for first in range(0, len(params), 100):
                    client.log_batch(run, params=params[first : first + 100])
        elif kind == "metrics":
            log(client, run, Metric, event["values"], event["step"])
        elif kind == "evaluation":
            log(client, run, Metric, event["metrics"], event["step"], "evaluation/")
            log(client, run, Metric, event["reference"], event["step"], "evaluation/before/")
        elif kind == "samples":
            client.log_dict(run, event["samples"], "samples.json")
        elif kind == "images":
            client.log_artifact(run, event["file"])
        elif kind == "end":
            if event["reason"]:
                client.set_tag(run, "zoo.reason", event["reason"])
            status = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}[event["status"]]
            return client.set_terminated(run, status)
    if run is not None:
        # The input ended before the run did: zoo was killed.
        client.set_terminated(run, "KILLED")


def store(folder):
    """Where runs go without a server: a database, where the package can write one."""
    if importlib.util.find_spec("sqlalchemy"):
        return "sqlite:///" + os.path.join(folder, "mlflow.db")
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    return "file://" + os.path.join(folder, "mlruns")


def place(folder):
    """Where artifacts go: nowhere by default where a server decides."""
    return None if "MLFLOW_TRACKING_URI" in os.environ else "file://" + os.path.join(os.path.dirname(folder), "mlartifacts")


def resumed(client, experiment, id):
    """The run that this one goes on with."""
    found = client.search_runs([experiment], f"tags.`zoo.id` = '{id}'")
    return found[0].info.run_id if found else None


def log(client, run, Metric, values, step, prefix=""):
    """Metrics by names that MLflow takes, which has no '@'; one that is not finite is null, and left out."""
    import time

    now = int(time.time() * 1000)
    metrics = [
        Metric((prefix + name).replace("@", "_at_"), value, now, step) for name, value in values.items() if value is not None
    ]
    for first in range(0, len(metrics), 1000):
        client.log_batch(run, metrics=metrics[first : first + 1000])


def flat(value, path=""):
    """A tree as {"stages.0.algorithm": "grpo"}."""
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        return {path: value}
    return {key: leaf for name, part in items for key, leaf in flat(part, f"{path}.{name}" if path else str(name)).items()}


if __name__ == "__main__":
    main()
