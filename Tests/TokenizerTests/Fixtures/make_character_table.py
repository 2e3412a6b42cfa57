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
LETTER, NUMBER, SPACE, NUMERIC, WORD, MARK, SECOND, FIRST, PUNCTUATION = 1, 2, 3, 4, 8, 16, 32, 64, 128
CATEGORIES = ("Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co Cs Cn").split()


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


def punctuation():
    split = pre_tokenizers.Punctuation("removed")
    return {point for point in POINTS if not split.pre_tokenize_str(chr(point))}


def categories():
    """The general category of each code point, by its number in CATEGORIES."""
    result = [CATEGORIES.index("Cs")] * 0x110000
    for point in POINTS:
        result[point] = -1
    for number, name in enumerate(CATEGORIES):
        if name == "Cs":
            continue
        for point in matches(rf"\p{{{name}}}"):
            assert result[point] == -1, (hex(point), name)
            result[point] = number
    assert -1 not in result
    return result


def encoded(values):
    """Runs in base 64, as lines of Swift's source."""
    runs = bytearray()
    start = 0
    while start < len(values):
        end = start
        while end < len(values) and values[end] == values[start]:
            end += 1
        length = end - start
        while True:
            runs.append(length & 0x7F | (0x80 if length > 0x7F else 0))
            length >>= 7
            if not length:
                break
        runs.append(values[start])
        start = end
    text = base64.b64encode(runs).decode()
    return "\n".join("        " + text[place:place + 112] + "\\" for place in range(0, len(text), 112))[:-1]


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
    """Characters that end a composition; and that begin one, or are one that a mark after them may change."""
    first, second = set(), set()
    for point in POINTS:
        parts = NFD(chr(point))
        if parts == chr(point):
            continue
        if NFC(parts) != chr(point):  # never the result of a composition: NFC itself changes it
            second.add(point)
            continue
        second |= set(map(ord, parts[1:]))
        first |= {point, ord(parts[0])} | {ord(prefix) for prefix in [NFC(parts[:-1])] if len(prefix) == 1}
    return first, second


def main():
    flags = [0] * 0x110000
    first, second = composing()
    marks = {point for point in POINTS if moves(point)}
    for points, flag in [(matches(r"\p{L}"), LETTER), (matches(r"\p{N}"), NUMBER), (matches(r"\s"), SPACE), (numeric(), NUMERIC),
                         (word(), WORD), (marks, MARK), (second, SECOND), (first, FIRST), (punctuation(), PUNCTUATION)]:
        for point in points:
            flags[point] |= flag
    with open(TARGET, "w", encoding="utf-8") as file:
        file.write(f'''// Made by Tests/TokenizerTests/Fixtures/make_character_table.py with tokenizers {tokenizers.__version__}; not edited by hand.

extension CharacterFlags {{
    /// The flags of all code points: for each run its length, seven bits a byte and the lowest first, and its flags; in base 64.
    static let runs = """
{encoded(flags)}
        """
}}

extension GeneralCategory {{
    /// The number of each code point's category in `names`, in the same form.
    static let runs = """
{encoded(categories())}
        """
}}
''')


if __name__ == "__main__":
    main()
