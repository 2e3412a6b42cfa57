"""What runs beside the benchmark, and what it ran on."""

import os
import platform
import resource
import subprocess
import sys
import time


def busy():
    """Seconds of processor time that the machine has spent so far, what a host took from it included; None where it does not say."""
    try:
        with open("/proc/stat") as file:
            fields = [int(field) for field in file.readline().split()[1:9]]
    except OSError:
        return None
    user, nice, system, _, _, irq, softirq, steal = fields
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(command, log, environment):
    """Runs a program; returns how many cores other programs took meanwhile."""
    start, before, own = time.time(), busy(), children()
    with open(log, "w") as file:
        status = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, env=environment).returncode
    if status != 0:
        with open(log) as file:
            sys.exit(f"peer.py: {' '.join(map(str, command))} ended with {status}; its last words:\n{file.read()[-2000:]}")
    if before is None:
        return 0.0
    return max(0.0, (busy() - before - (children() - own)) / (time.time() - start))


def description(zoo):
    """Enough to tell one table from another."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as file:
            model = next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    return {
        "date": time.strftime("%Y-%m-%d"), "processor": model, "cores": os.cpu_count(), "system": platform.platform(),
        "python": platform.python_version(), "commit": commit, "program": subprocess.run([zoo, "--version"], capture_output=True, text=True).stdout.strip(),
    }  # fmt: skip
