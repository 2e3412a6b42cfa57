"""Renders conversations with `transformers` for the tests of chat templates.

Usage: python chat_cases.py fixtures                 writes Fixtures/chat/expected.json from the templates beside it
       python chat_cases.py parity OUT.json FOLDER   the same for real templates: *.jinja and chat_templates.py below FOLDER
Pinned: transformers==4.57.6 jinja2==3.1.6; for parity trl==1.16.0 and unsloth==2025.3.19, whose wheels carry the templates.
"""

import ast
import json
import pathlib
import random
import sys

from transformers.utils.chat_template_utils import render_jinja_template

HERE = pathlib.Path(__file__).parent / "Fixtures" / "chat"
VALUES = {"bos_token": "<s>", "eos_token": "</s>", "date_string": "26 Jul 2024"}
ODD = [
    "Hi", "", " ", "\n", "  both ends  ", "two\nlines\n\n", "tab\tand\r\nreturn", "😀👩‍👩‍👧 e\u0301 é 日本語 \u00a0nbsp\u2028sep", '{"a": [1, {}]} {{ x }} {% if %}',
    "quotes ' and \" and \\ back\\nslash", "<b>HTML &amp; </b><!-- -->", "<|im_start|>user\nfake<|im_end|>", "[INST] x [/INST] </s>",
    "<think>\nhm, 1 < 2\n</think>\n\nanswer", "<tool_response>\n3\n</tool_response>", "null", "0", "\u0007\u001f\u007f", "ǅ ß İ ﬁ ΑΣ", "a" * 300,
]
TOOLS = [
    {"type": "function", "function": {"name": "weather", "description": "It's \"weather\" <at> é😀", "parameters": {
        "type": "object", "properties": {"city": {"type": "string", "description": "where"}, "days": {"type": "integer", "enum": [1, 2]}},
        "required": ["city"]}, "return": {"type": "string"}}},
    {"type": "function", "function": {"name": "now", "description": "time", "parameters": {"type": "object", "properties": {}}}},
]


def turn(role, content, **more):
    return {"role": role, "content": content, **more}


def call(name="weather", arguments=None):
    arguments = {"city": "Zürich\n\"x\"", "days": 2, "exact": 0.1, "deep": {"z": None, "a": [True, 1e20, "<"]}} if arguments is None else arguments
    return {"type": "function", "function": {"name": name, "arguments": arguments}, "id": "abcdef123"}


def conversations(count):
    """Conversations that templates see, and some that they must refuse."""
    yield from ([turn("system", a), turn("user", b), turn("assistant", c)] for a, b, c in zip(ODD[::3], ODD[1::3], ODD[2::3]))
    if count > 9:
        yield from ([turn("user", text)] for text in ODD)
        yield from ([turn("user", "q"), turn("assistant", text)] for text in ODD)
        yield from ([turn("system", text), turn("user", "q"), turn("assistant", "a")] for text in ODD)
    yield [turn("assistant", "first")]
    yield [turn("user", "a"), turn("user", "b")]
    yield [turn("system", "only")]
    yield [turn("user", "a"), turn("system", "late"), turn("assistant", "b")]
    yield [turn("user", "q"), turn("assistant", "", tool_calls=[call()]), turn("tool", "18°", name="weather", tool_call_id="abcdef123"), turn("assistant", "warm")]
    yield [turn("system", "s"), turn("user", "q"), turn("assistant", "let me see", tool_calls=[call(), call("now", {})]), turn("tool", "1"), turn("tool", "2"), turn("assistant", "x"), turn("user", "more")]
    yield [turn("user", "q"), turn("assistant", "a", reasoning_content="thus"), turn("user", "q"), turn("assistant", "b", reasoning_content="so\n")]
    yield [turn("user", "q"), turn("assistant", None, tool_calls=[call()])]
    generator = random.Random(0)
    for _ in range(count):
        messages = [turn("system", generator.choice(ODD))] if generator.random() < 0.5 else []
        for _ in range(generator.randint(1, 6)):
            messages += [turn("user", generator.choice(ODD)), turn("assistant", generator.choice(ODD))]
        yield messages[: len(messages) - generator.randint(0, 1)]


def cases(name, source, count, variables):
    for number, messages in enumerate(conversations(count)):
        for generation in [False, True]:
            tools = TOOLS if number % 7 == 3 or any("tool_calls" in message for message in messages) else None
            values = VALUES | (variables[number % len(variables)])
            case = {"template": name, "conversation": number, "tools": tools is not None, "generation": generation, "values": values}
            case |= {"text": None, "spans": []}
            try:
                texts, spans = render_jinja_template(
                    conversations=[messages], tools=tools, chat_template=source, add_generation_prompt=generation,
                    return_assistant_tokens_mask=True, **values)
                case["text"], case["spans"] = texts[0], [list(span) for span in spans[0]]
            except Exception as error:  # what transformers refuses is to be refused
                case["error"] = str(error)[:200]
            yield case


def real(folder):
    """Templates in files, and those of unsloth's module, which are string constants or sums of them."""
    for path in sorted(folder.rglob("*.jinja")):
        yield path.name, path.read_text()
    for path in folder.rglob("chat_templates.py"):
        known = {}
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                try:
                    known[node.targets[0].id] = eval(compile(ast.Expression(node.value), str(path), "eval"), {"__builtins__": {}}, dict(known))
                except Exception:
                    continue
        for name, value in known.items():
            if name.endswith("_template") and isinstance(value, str) and "{%" in value:
                yield f"unsloth {name}", value


def main(arguments):
    if arguments[0] == "fixtures":
        templates = {path.name: path.read_text() for path in sorted(HERE.glob("*.jinja"))}
        out, count = HERE / "expected.json", 3
    else:
        templates = dict(real(pathlib.Path(arguments[2])))
        out, count = pathlib.Path(arguments[1]), 60
    variables = [{}, {"enable_thinking": False}, {"enable_thinking": True}]
    found = [case for name, source in templates.items() for case in cases(name, source, count, variables)]
    body = {"tools": TOOLS, "conversations": list(conversations(count)), "cases": found}
    if arguments[0] == "parity":
        body["templates"] = templates
    out.write_text(json.dumps(body, ensure_ascii=False) + "\n")
    print(f"{len(templates)} templates, {len(found)} conversations, {sum(case['text'] is None for case in found)} refused")


if __name__ == "__main__":
    main(sys.argv[1:])
