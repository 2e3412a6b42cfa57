"""Reward functions and environments in Python, for PolicyZoo. Needs nothing but Python 3.8.

A recipe starts it; modules are found in the recipe's folder:

    rewards: [{function: command, command: [python3, -m, zoo_reward, "my_rewards:f", "my_rewards:g=0.5"]}]
    environment: {command: [python3, -m, zoo_reward, --environment, "my_game:Game"]}

A reward function has the signature of TRL's `reward_funcs`, and may be async:

    def f(prompts, completions, **columns):     # also: completion_ids, trainer_state, log_metric, log_extra
        return [float(...) or None for completion in completions]

Of a policy of images there are `images` [channels, height, width], from -1 to 1, or `latents` that a VAE would decode, and `references`
where prompts have reference images: memoryviews of float32 that numpy.asarray takes as they are and whose tolist() gives lists.

Prompts and completions are texts, or lists of messages where the row's prompt is a conversation. None: the completion cannot be
scored. A list of numbers, one for each of the completion's tokens, is a reward for each step. An environment is a class with
`reset` and `step`, see `Environment`. What they print goes to the run's log.

`--serve PORT` answers the same by HTTP on this machine, for `function: http`.
"""

import asyncio
import base64
import importlib
import inspect
import json
import math
import os
import sys
import traceback
from types import SimpleNamespace

REWARD = "zoo-reward/1"
ENVIRONMENT = "zoo-environment/1"


class Environment:
    """What an environment has to have. One object is made for each episode; deriving from this class is not needed."""

    def reset(self, prompt, **columns):
        """Begins an episode: the prompt, a text or a list of messages, and the columns of its row, `seed` among them.

        Returns a text to put after the prompt, or None.
        """

    def step(self, text):
        """What follows a turn of the policy: (observation, reward, done).

        The observation is the text that the policy reads next; it is not read where done is true. The reward is a number, or None
        for none. A parameter `finished` gets whether the turn ended by itself rather than at the length limit.
        """
        raise NotImplementedError


def load(name):
    """The object that `module:name` names."""
    module, _, path = name.partition(":")
    if not module or not path:
        raise ValueError(f"'{name}' names no function: expected MODULE:FUNCTION, such as my_rewards:f")
    found = importlib.import_module(module)
    for part in path.split("."):
        if not hasattr(found, part):
            raise AttributeError(f"'{name}': {getattr(found, '__file__', module)} has no '{part}'")
        found = getattr(found, part)
    return found


def call(function, arguments):
    """Calls a function with those of the arguments that it takes by name."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # one that does not say, such as one written in C
        return function(**arguments)
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return function(**arguments)
    names = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    return function(**{key: value for key, value in arguments.items() if key in names})


def awaited(results):
    """The results, of which some may be coroutines; these run side by side."""
    waiting = [index for index, result in enumerate(results) if inspect.isawaitable(result)]
    if not waiting:
        return results

    async def gather():
        return await asyncio.gather(*(results[index] for index in waiting))

    results = list(results)
    for index, result in zip(waiting, asyncio.run(gather())):
        results[index] = result
    return results


def number(value, what):
    """A finite number; None stays None, and NaN becomes it."""
    if value is None:
        return None
    try:
        value = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{what} is {value!r}; expected a number or None") from None
    if math.isinf(value):
        raise ValueError(f"{what} is {value}; expected a finite number")
    return None if math.isnan(value) else value


def image(value):
    """The float32 numbers of an image, [channels, height, width]."""
    return memoryview(bytearray(base64.b64decode(value["float32"]))).cast("f", value["shape"])


class Rewards:
    """Answers requests for rewards: the weighted sum of some functions."""

    protocol = REWARD

    def __init__(self, words):
        self.functions = []
        for word in words:
            name, separator, weight = word.rpartition("=")
            name, weight = (name, float(weight)) if separator else (word, 1.0)
            self.functions.append((name, load(name), weight))
        short = [name.partition(":")[2] for name, _, _ in self.functions]
        self.names = [
            own if short.count(own) == 1 else name.replace(":", ".") for own, (name, _, _) in zip(short, self.functions)
        ]

    def answer(self, request):
        count = len(request["prompts"])
        arguments = dict(request.get("columns") or {})
        for name in ("prompt", "completion"):
            arguments.pop(name, None)
        messages = request.get("messages") or [None] * count
        arguments["prompts"] = [own or text for own, text in zip(messages, request["prompts"])]
        arguments["completions"] = [
            [{"role": "assistant", "content": text}] if own else text
            for own, text in zip(messages, request["completions"])
        ]
        if request.get("completion_ids") is not None:
            arguments["completion_ids"] = request["completion_ids"]
        for name in ("images", "latents", "references"):
            if request.get(name) is not None:
                arguments[name] = [image(value) for value in request[name]]
        arguments["trainer_state"] = SimpleNamespace(global_step=request.get("iteration", 0))
        arguments["log_metric"] = lambda name, value: print(f"{name}: {value}")
        arguments["log_extra"] = lambda name, values: None
        found = awaited([call(function, arguments) for _, function, _ in self.functions])
        columns = [self.column(name, values, request, count) for (name, _, _), values in zip(self.functions, found)]
        answer = {"rewards": self.total([totals for totals, _ in columns], count)}
        if len(columns) > 1:
            answer["components"] = {name: totals for name, (totals, _) in zip(self.names, columns)}
        if any(steps for _, steps in columns):
            answer["step_rewards"] = [
                self.steps([steps[index] for _, steps in columns if index in steps], index, columns) for index in range(count)
            ]
        return answer

    @staticmethod
    def column(name, values, request, count):
        """The totals of a function, [count], and its rewards of each step by sequence."""
        values = values.tolist() if hasattr(values, "tolist") else values
        if not isinstance(values, (list, tuple)):
            raise TypeError(f"{name} returned {type(values).__name__}; expected a list of {count} numbers")
        if len(values) != count:
            raise ValueError(f"{name} returned {len(values)} rewards; expected {count}, one for each completion")
        totals, steps = [], {}
        for index, value in enumerate(values):
            what = f"reward {index} of {name}"
            if isinstance(value, (list, tuple)):
                own = [number(step, what) for step in value]
                ids = request.get("completion_ids")
                if ids is not None and len(own) != len(ids[index]):
                    raise ValueError(f"{what} is a list of {len(own)}; expected {len(ids[index])}, one for each token")
                steps[index] = [step or 0.0 for step in own]
                value = sum(steps[index])
            totals.append(number(value, what))
        return totals, steps

    def total(self, columns, count):
        sums = []
        for index in range(count):
            scored = [w * c[index] for (_, _, w), c in zip(self.functions, columns) if c[index] is not None]
            sums.append(sum(scored) if scored else None)
        return sums

    def steps(self, own, index, columns):
        """The weighted rewards of the steps of a sequence; None where no function gives any."""
        if not own:
            return None
        sums = [0.0] * len(own[0])
        for (_, _, weight), (_, steps) in zip(self.functions, columns):
            for place, value in enumerate(steps.get(index, [])):
                sums[place] += weight * value
        return sums


class Episodes:
    """Answers for an environment: an object for each episode. A reset ends all those before it."""

    protocol = ENVIRONMENT

    def __init__(self, words):
        if len(words) != 1:
            raise ValueError(f"expected one environment, MODULE:CLASS; found {len(words)}")
        self.make = load(words[0])
        self.episodes = {}

    def answer(self, request):
        if "reset" in request:
            return self.reset(request["reset"])
        return self.step(request["step"])

    def reset(self, request):
        self.episodes = {}
        results = []
        columns = request.get("columns") or {}
        for index, episode in enumerate(request["episodes"]):
            environment = self.episodes[episode] = self.make()
            messages = (request.get("messages") or {})
            arguments = {name: values[index] for name, values in columns.items()}
            arguments["prompt"] = (messages[index] if messages else None) or request["prompts"][index]
            arguments["seed"] = request["seeds"][index]
            results.append(call(environment.reset, arguments))
        return {"observations": [self.text(result, "reset") for result in awaited(results)]}

    def step(self, request):
        results = []
        for index, episode in enumerate(request["episodes"]):
            function = self.episodes[episode].step
            arguments = {"finished": request["finished"][index]}
            takes = any(p.name == "finished" for p in inspect.signature(function).parameters.values())
            results.append(function(request["texts"][index], **(arguments if takes else {})))
        answer = {"observations": [], "rewards": [], "done": []}
        for episode, result in zip(request["episodes"], awaited(results)):
            if not isinstance(result, (list, tuple)) or len(result) != 3:
                raise TypeError(f"step returned {result!r}; expected (observation, reward, done)")
            observation, reward, done = result
            answer["observations"].append(self.text(observation, "step"))
            answer["rewards"].append(number(reward, "the reward of step"))
            answer["done"].append(bool(done))
            if done:
                del self.episodes[episode]
        return answer

    @staticmethod
    def text(value, what):
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{what} gave the observation {value!r}; expected a text or None")
        return value


def respond(server, line):
    """The answer to a line, as a line."""
    answer = {}
    try:
        request = json.loads(line)
        answer["id"] = request.get("id")
        if request.get("protocol") != server.protocol:
            raise ValueError(f"the request's protocol is {request.get('protocol')!r}; expected {server.protocol!r}")
        # The first line asks for nothing but the protocol.
        answer.update(server.answer(request) if "id" in request else {"protocol": server.protocol})
    except Exception as error:  # whatever a function of the user's raises
        traceback.print_exc()
        answer = {"id": answer.get("id"), "error": f"{type(error).__name__}: {error}"}
    return json.dumps(answer)


def serve_http(server, port):
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            text = respond(server, self.rfile.read(int(self.headers.get("Content-Length", 0))))
            body = text.encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    http = HTTPServer(("127.0.0.1", port), Handler)
    print(f"serving on http://127.0.0.1:{http.server_address[1]}/", flush=True)
    http.serve_forever()


def main(words):
    if not words or words[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if words else 2
    sys.path.insert(0, os.getcwd())
    port = None
    if "--serve" in words:
        place = words.index("--serve")
        port = int(words[place + 1])
        words = words[:place] + words[place + 2 :]
    # Requests and answers keep streams of their own: nothing that a function prints or reads gets between them.
    requests, answers = os.fdopen(os.dup(0), "r", encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    if port is None:
        os.dup2(2, 1)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdout = sys.stderr

    def say(line):
        answers.write(line + "\n")
        answers.flush()

    try:
        server = Episodes(words[1:]) if words[0] == "--environment" else Rewards(words)
    except Exception as error:  # whatever a module of the user's raises
        traceback.print_exc()
        if port is None:
            say(json.dumps({"error": f"{type(error).__name__}: {error}"}))
        return 1
    if port is not None:
        serve_http(server, port)
    try:
        for line in requests:
            say(respond(server, line))
    except (BrokenPipeError, KeyboardInterrupt):
        pass
    # The run has ended: nothing is waited for.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
