"""The rewards of recipes/own.yaml, with the signature of TRL's reward_funcs: a number for each completion.

`completions` are lists of messages where the rows' prompts are, else texts; any column of the rows comes by its name.
"""
import re


def text(completion):
    return completion if isinstance(completion, str) else completion[-1]["content"]


def right(completions, answer, **columns):
    """1 where the last number of the completion is the row's answer."""
    numbers = [re.findall(r"-?\d+", text(completion)) for completion in completions]
    return [float(bool(found) and found[-1] == own) for found, own in zip(numbers, answer)]


def brief(completions, **columns):
    """1 where the completion is a number and nothing else."""
    return [float(bool(re.fullmatch(r"\s*-?\d+\.?\s*", text(completion)))) for completion in completions]
