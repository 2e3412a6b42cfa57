"""Writes Sources/ZooModels/Tokenizer/CharacterTable.swift: what Hugging Face tokenizers takes each character for.

Run in this folder: python -m pip install tokenizers==0.22.2 && python make_character_table.py
The library holds three versions of Unicode (its regular expressions, its standard library, its normal forms), and Swift and
Foundation hold others, so each property is read off the library itself, one character at a time (two minutes).
"""

import base64
import unicodedata

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

TARGET = "../../../Sources/ZooModels/Tokenizer/CharacterTable.swift"
POINTS = [point for point in range(0x110000) if not 0xD800 <= point <= 0xDFFF]
BLOCKS = [POINTS[start:start + 4096] for start in range(0, len(POINTS), 4096)]
NFC, NFD = normalizers.NFC().normalize_str, normalizers.NFD().normalize_str
LETTER, NUMBER, SPACE, NUMERIC, WORD, MARK, SECOND, FIRST = 1, 2, 3, 4, 8, 16, 32, 64


def matches(pattern):
    split = pre_tokenizers.Split(Regex(pattern), "removed")
    result = set()
    for block in BLOCKS:
        kept = set("".join(piece for piece, _ in split.pre_tokenize_str("".join(map(chr, block)))))
        result |= {point for point in block if chr(point) not in kept}
    return result


def numeric():
    digits = pre_tokenizers.Digits(individual_digits=False)
    return {point for point in POINTS if len(digits.pre_tokenize_str("a" + chr(point))) == 2}


def word():
    """Characters beside which a token with single_word is not found."""
    tokenizer = Tokenizer(models.BPE(vocab={"a": 0}, merges=[]))
    tokenizer.add_tokens([AddedToken("<w>", normalized=False, single_word=True)])
    result = set()
    for block in BLOCKS:
        encodings = tokenizer.encode_batch(["<w>" + chr(point) for point in block])
        result |= {point for point, encoding in zip(block, encodings) if 1 not in encoding.ids}
    return result


def moves(point):
    """Whether the normal forms sort the mark among others, that is, its combining class is not 0."""
    if unicodedata.combining(chr(point)) == 0:
        return False
    mark = NFD(chr(point))
    return any(NFD("a" + a + b) != "a" + NFD(a) + NFD(b) for a, b in [(mark, "\u0334"), ("\u0301", mark)])


def composing():
    """Characters that end and that begin a composition."""
    first, second = set(), set()
    for point in POINTS:
        parts = NFD(chr(point))
        if parts == chr(point):
            continue
        if NFC(parts) != chr(point):  # never the result of a composition: NFC itself changes it
            second.add(point)
            continue
        second |= set(map(ord, parts[1:]))
        first |= {ord(parts[0])} | {ord(prefix) for prefix in [NFC(parts[:-1])] if len(prefix) == 1}
    return first, second


def main():
    flags = [0] * 0x110000
    first, second = composing()
    marks = {point for point in POINTS if moves(point)}
    for points, flag in [(matches(r"\p{L}"), LETTER), (matches(r"\p{N}"), NUMBER), (matches(r"\s"), SPACE), (numeric(), NUMERIC),
                         (word(), WORD), (marks, MARK), (second, SECOND), (first, FIRST)]:
        for point in points:
            flags[point] |= flag
    runs = bytearray()
    start = 0
    while start < len(flags):
        end = start
        while end < len(flags) and flags[end] == flags[start]:
            end += 1
        length = end - start
        while True:
            runs.append(length & 0x7F | (0x80 if length > 0x7F else 0))
            length >>= 7
            if not length:
                break
        runs.append(flags[start])
        start = end
    text = base64.b64encode(runs).decode()
    lines = "\n".join("        " + text[place:place + 112] + "\\" for place in range(0, len(text), 112))
    with open(TARGET, "w", encoding="utf-8") as file:
        file.write(f'''// Made by Tests/TokenizerTests/Fixtures/make_character_table.py with tokenizers {tokenizers.__version__}; not edited by hand.

extension CharacterFlags {{
    /// The flags of all code points: for each run its length, seven bits a byte and the lowest first, and its flags; in base 64.
    static let runs = """
{lines[:-1]}
        """
}}
''')


if __name__ == "__main__":
    main()
