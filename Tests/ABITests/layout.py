"""Reads the contract's headers.

    layout.py freeze HEADERS    prints a header that pins every field, type and constant of HEADERS, for a released minor version
    layout.py grow HEADERS OUT  writes HEADERS to OUT with one more field at the end of every struct, as a later version may have
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

STRUCT = re.compile(r"typedef struct (zoo_\w+) \{(.*?)\n\} \1;", re.S)
FROZEN = {"zoo_str"}  # travels by value

INTRODUCTION = """\
// Made by `layout.py freeze`. Every field of every struct stands where it stood in this version and has its type; what is newer
// stands behind. Names count, so two functions of one type that change places are seen. Constants have their values.
#include "zoo/zoo.h"

#define PIN(record, field, offset, ...) \\
    _Static_assert(offsetof(record, field) == (offset), #record "." #field " moved"); \\
    _Static_assert(__builtin_types_compatible_p(__typeof__(((record *)0)->field), __VA_ARGS__), #record "." #field " has another type")
#define PIN_SIZE(record, least) _Static_assert(sizeof(record) >= (least), #record " is shorter")
#define PIN_NUMBER(name, value) _Static_assert(name == (value), #name " has another value")
#define PIN_TEXT(name, value) _Static_assert(__builtin_strcmp(name, value) == 0, #name " has another value")
"""


def fields(body):
    """(name, type) of every field, in order."""
    for declaration in re.sub(r"///?[^\n]*|/\*.*?\*/", "", body, flags=re.S).split(";"):
        declaration = " ".join(declaration.split())
        function = re.search(r"\(\*(\w+)\)", declaration)
        if function:
            yield function[1], declaration.replace(f"(*{function[1]})", "(*)", 1)
        elif declaration:
            first, *others = declaration.split(",")
            name = re.search(r"(\w+)((?:\[\d+\])*)$", first.strip())
            kind = first.strip()[: name.start()].strip()
            yield name[1], kind + name[2]
            for other in others:
                yield other.strip(), kind


def contract(headers):
    """The headers that are frozen; easy.h is compiled into a plugin and travels nowhere."""
    return [header for header in sorted(Path(headers, "zoo").glob("*.h")) if header.name != "easy.h"]


def structs(headers):
    for header in contract(headers):
        for match in STRUCT.finditer(header.read_text()):
            yield match[1], list(fields(match[2]))


def functions(headers):
    """(name, type) of every function type and exported function."""
    for header in contract(headers):
        text = " ".join(re.sub(r"//[^\n]*", "", header.read_text()).split())
        for match in re.finditer(r"typedef (\w+) \(\*(zoo_\w+)\)(\([^;]*\));", text):
            yield match[2], f"{match[1]} (*){match[3]}"
        for match in re.finditer(r"ZOO_EXPORT ([\w ]+\*)(zoo_\w+)(\([^;]*\));", text):
            yield f"__typeof__(&{match[2]})", f"{match[1]}(*){match[3]}"


def constants(headers):
    for header in contract(headers):
        for line in header.read_text().splitlines():
            match = re.match(r'#define (ZOO_\w+) (-?\d+u?|"[^"]*"|\(UINT64_C\(1\) << \d+\))(?: |$)', line)
            if match and match[1] not in ("ZOO_ABI_MINOR",):
                yield match[1], match[2]


def freeze(headers):
    found = list(structs(headers))
    lines = ["#include <stdio.h>", '#include "zoo/zoo.h"', "int main(void) {"]
    for record, members in found:
        lines += [f'printf("%zu ", offsetof({record}, {field}));' for field, _ in members]
        lines.append(f'printf("%zu ", sizeof({record}));')
    lines.append("return 0; }")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "layout.c")
        source.write_text("\n".join(lines))
        subprocess.run(["cc", "-I", headers, str(source), "-o", f"{folder}/layout"], check=True)
        numbers = iter(subprocess.run([f"{folder}/layout"], check=True, capture_output=True, text=True).stdout.split())
    print(INTRODUCTION)
    for record, members in found:
        for field, kind in members:
            print(f"PIN({record}, {field}, {next(numbers)}, {kind});")
        size = next(numbers)
        print(f'_Static_assert(sizeof({record}) == {size}, "frozen");\n' if record in FROZEN else f"PIN_SIZE({record}, {size});\n")
    for name, kind in functions(headers):
        print(f'_Static_assert(__builtin_types_compatible_p({name}, {kind}), "a function has another type");')
    print()
    for name, value in constants(headers):
        print(f'PIN_{"TEXT" if value.startswith(chr(34)) else "NUMBER"}({name}, {value});')


def grow(headers, out):
    def longer(match):
        return match[0] if match[1] in FROZEN else f"typedef struct {match[1]} {{{match[2]}\n    uint64_t later;\n}} {match[1]};"

    for header in Path(headers, "zoo").glob("*.h"):
        path = Path(out, "zoo", header.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = STRUCT.sub(longer, header.read_text())
        path.write_text(re.sub(r"#define ZOO_ABI_MINOR (\d+)", lambda minor: f"#define ZOO_ABI_MINOR {int(minor[1]) + 1}", text))


if __name__ == "__main__":
    {"freeze": freeze, "grow": grow}[sys.argv[1]](*sys.argv[2:])
