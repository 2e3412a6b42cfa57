"""Compares our tokenizer with Hugging Face tokenizers on a million random strings, and times both.

`make parity-tokenizers` runs: parity.py make DIR; the Swift test that encodes what lies there; parity.py check DIR.
make   writes DIR/<kind>/tokenizer.json for each kind of make_fixtures.py (larger vocabularies than the fixtures have),
       DIR/texts.bin (seeded random strings and a long text) and DIR/<kind>/random.bin (random ids to decode).
check  encodes and decodes the same with the library, prints the first strings that differ, and the times. Exits with 1 where
       anything differs.
"""

import argparse
import array
import json
import os
import random
import statistics
import struct
import sys
import time
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"
sys.path.insert(0, str(Path(__file__).parent / "Fixtures"))
import make_fixtures as fixtures  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

KINDS = fixtures.BYTE_LEVEL + fixtures.CHARACTERS
VOCABULARY_SIZE = 3000
ROUNDS = 5
SPACES = ["\t", "\n", "\v", "\f", "\r", " ", "\x85", "\xa0", "\u1680", *map(chr, range(0x2000, 0x200b)), "\u2028", "\u2029",
          "\u202f", "\u205f", "\u3000", "\x1c", "\u180e", "\u200b", "\ufeff"]
DIGITS = [chr(start + digit) for start in (0x30, 0x660, 0x966, 0xE50, 0xFF10, 0x1D7CE, 0x1FBF0, 0x11DE0) for digit in range(10)] + list("²½Ⅷ四㊿𐄐")
TAILS = ["s", "t", "re", "ve", "m", "ll", "d", "S", "T", "RE", "Ve", "M", "lL", "D", "\u017f", "x", "l", "r"]
EDGES = ["\0", "\x7f", "\ud7ff", "\ue000", "\ufffd", "\ufffe", "\uffff", "\U00010000", "\U0001ffff", "\U000e0001", "\U0010ffff"]
EMOJI = ["👍🏽", "👩\u200d👩\u200d👧", "🇩🇪", "❤\ufe0f", "🏴\U000e0067\U000e0062\U000e007f", "\u200d", "\ufe0f", "🏻"]
MARKED = ["\u2581", "\u2581\u2581", "Ġ", "<0x41>", "<unk>", "<s>", "</s>", "<|end|>", "<word>", "<strip>", "<long>", "<long><longer>",
          "<\u1eb9>", "<e\u0323>", "\n\n", "\n\n\n\n"]


def random_strings(count):
    """Strings of 1 to 12 parts; each part is of one kind, so that every kind meets every other."""
    generator = random.Random(20250707)
    # Letters that compose, marks of every class, Hangul: what the normal forms move and join.
    marks = [chr(point) for start, end in [(0x300, 0x370), (0x483, 0x488), (0x591, 0x5C8), (0x64B, 0x660), (0x898, 0x8A0), (0x93C, 0x94E),
                                           (0xE31, 0xE4F), (0xF71, 0xF88), (0x1AB0, 0x1AF0), (0x20D0, 0x20F1), (0x3099, 0x309B),
                                           (0x1D165, 0x1D16A), (0x1E000, 0x1E02B), (0x11930, 0x11940)] for point in range(start, end)]
    bases = list("aeioucnsAEO\u03b1\u03b9\u0391\u0438\u0418\u05d0\u0627\u0928\u304b\u30cf\u212b\u2126\uf900\u1e9b") + [
        *map(chr, range(0x1100, 0x1113)), *map(chr, range(0x1161, 0x1176)), *map(chr, range(0x11A7, 0x11C3)),
        *map(chr, range(0xAC00, 0xAC00 + 60)), *map(chr, range(0x958, 0x960)), *map(chr, range(0x1F00, 0x1FFF))]
    words = " ".join(fixtures.CORPUS).split(" ")

    def anywhere():
        point = generator.randrange(0x110000 - 0x800)
        return chr(point if point < 0xD800 else point + 0x800)

    def lettered():
        return chr(generator.choice((generator.randrange(0x20, 0x250), generator.randrange(0x370, 0x1100), generator.randrange(0x1100, 0xD7A4),
                                     generator.randrange(0x10000, 0x12000), generator.randrange(0x16000, 0x1F000))))

    def some(choices, most):
        return "".join(generator.choices(choices, k=generator.randint(1, most)))

    ascii_letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    parts = [
        lambda: anywhere(), lambda: lettered(), lambda: lettered() + lettered(), lambda: generator.choice(words),
        lambda: " " + generator.choice(words), lambda: " " + generator.choice(words), lambda: some(SPACES, 4), lambda: " " * generator.randint(1, 5),
        lambda: generator.choice(["\r\n", "\n", "\r", "\n\r\n", "\t\n"]), lambda: some(DIGITS, 5), lambda: some("0123456789", 7),
        lambda: generator.choice("'\u2019") + generator.choice(TAILS), lambda: generator.choice(bases) + some(marks, 3), lambda: some(bases, 3),
        lambda: some(EMOJI, 2), lambda: generator.choice(EDGES), lambda: generator.choice(MARKED), lambda: some(".,!?-_=/\\\"#@()[]{}<>|~", 3),
        lambda: some(ascii_letters, 8)]
    for _ in range(count):
        yield "".join(generator.choice(parts)() for _ in range(generator.randint(1, 12)))


def long_text(characters):
    """Prose of the corpus' scripts, code and numbers, in random order."""
    generator = random.Random(7)
    words = [word for line in fixtures.CORPUS for word in line.split(" ")]
    lines, size = [], 0
    while size < characters:
        # Mostly one script a line, as text has it, and mostly the first lines, which are English.
        own = generator.choice(fixtures.CORPUS[:4] * 3 + fixtures.CORPUS).split(" ")
        line = " ".join(generator.choice(own if generator.random() < 0.9 else words) for _ in range(generator.randint(5, 40)))
        lines.append(line)
        size += len(line) + 1
    return "\n".join(lines)


def write(path, items, encode):
    with open(path, "wb") as file:
        file.write(struct.pack("<I", len(items)))
        for item in items:
            data = encode(item)
            file.write(struct.pack("<I", len(data)))
            file.write(data)


def read(path):
    data = memoryview(Path(path).read_bytes())
    place = 4
    for _ in range(struct.unpack_from("<I", data)[0]):
        length = struct.unpack_from("<I", data, place)[0]
        yield data[place + 4:place + 4 + length]
        place += 4 + length


def name_of(kind):
    return kind.__name__.replace("_", "-")


def make(folder, count):
    fixtures.VOCABULARY_SIZE = VOCABULARY_SIZE
    # No longer: the library's Replace takes time in the square of the length.
    text = long_text(200_000)
    corpus = fixtures.CORPUS
    fixtures.CORPUS = corpus + text.split("\n")
    generator = random.Random(1)
    for kind in KINDS:
        name = name_of(kind)
        (folder / name).mkdir(parents=True, exist_ok=True)
        tokenizer = kind()
        tokenizer.save(str(folder / name / "tokenizer.json"))
        ids = range(tokenizer.get_vocab_size())
        rows = [array.array("H", generator.choices(ids, k=generator.randint(0, 30))) for _ in range(20_000)]
        write(folder / name / "random.bin", rows, lambda row: row.tobytes())
    fixtures.CORPUS = corpus
    texts = [text] + fixtures.TEXTS + list(random_strings(count))
    write(folder / "texts.bin", texts, lambda text: text.encode())


def timed(body):
    start = time.process_time()
    body()
    return time.process_time() - start


def library_times(file, long, short):
    """Medians in seconds of processor time, one thread: `encode_batch_fast`, the library's quickest way, which makes no offsets."""
    result = {}
    for name, texts in [("long", [long]), ("short", short)]:
        cold, warm = [], []
        for _ in range(ROUNDS):
            tokenizer = Tokenizer.from_file(file)
            cold.append(timed(lambda: tokenizer.encode_batch_fast(texts, add_special_tokens=False)))
            warm.append(timed(lambda: tokenizer.encode_batch_fast(texts, add_special_tokens=False)))
        ids = [encoding.ids for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
        decode = [timed(lambda: tokenizer.decode_batch(ids, skip_special_tokens=True)) for _ in range(ROUNDS)]
        result |= {f"encode {name}, cold": statistics.median(cold), f"encode {name}, warm": statistics.median(warm), f"decode {name}": statistics.median(decode)}
    return result


def check(folder, kinds, times):
    texts = [bytes(text).decode() for text in read(folder / "texts.bin")]
    failed = False
    ratios = {}
    for name in kinds:
        file = str(folder / name / "tokenizer.json")
        tokenizer = Tokenizer.from_file(file)
        wrong, compared = [], 0
        ours = read(folder / name / "ids.bin")
        for start in range(0, len(texts), 5000):
            for text, encoding in zip(texts[start:start + 5000], tokenizer.encode_batch_fast(texts[start:start + 5000], add_special_tokens=False)):
                found = list(array.array("H", bytes(next(ours))))
                compared += 1
                if found != encoding.ids:
                    wrong.append((text, encoding.ids, found))
        for text, expected, found in wrong[:3]:
            print(f"  {name}: {text[:200]!r} ({' '.join(f'{ord(c):04X}' for c in text[:40])})\n    expected {expected[:60]}\n    found    {found[:60]}")
        rows = [list(array.array("H", bytes(row))) for row in read(folder / name / "random.bin")]
        broken = []
        for row, found in zip(rows, read(folder / name / "decoded.bin"), strict=True):
            expected = tokenizer.decode(row, skip_special_tokens=True)
            if bytes(found).decode() != expected:
                broken.append((row, expected, bytes(found).decode()))
        for row, expected, found in broken[:3]:
            print(f"  {name}: decoding {row}\n    expected {expected!r}\n    found    {found!r}")
        print(f"{name}: {compared - len(wrong)} of {compared} texts have the same ids, {len(rows) - len(broken)} of {len(rows)} rows of ids the same text",
              flush=True)
        failed = failed or bool(wrong or broken)
        (folder / name / "ids.bin").unlink()
        if not times:
            continue
        own = json.loads((folder / name / "times.json").read_text())
        theirs = library_times(file, texts[0], texts[0].split("\n"))
        ratios[name] = {key: (theirs[key], own[key]) for key in theirs}
    if failed or not times:
        sys.exit(1 if failed else 0)
    columns = list(next(iter(ratios.values())))
    print("\nmedian processor seconds of tokenizers / ours = how many times as fast, one thread, no offsets")
    print(f"{'':26}" + "".join(f"{column:>28}" for column in columns))
    for name, row in ratios.items():
        print(f"{name:26}" + "".join(f"{f'{a:.4f} / {b:.4f} = {a / b:.1f}':>28}" for a, b in row.values()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["make", "check"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--kinds", nargs="+", default=[name_of(kind) for kind in KINDS])
    parser.add_argument("--no-times", dest="times", action="store_false")
    arguments = parser.parse_args()
    if arguments.command == "make":
        make(arguments.folder, arguments.count)
    else:
        check(arguments.folder, arguments.kinds, arguments.times)
