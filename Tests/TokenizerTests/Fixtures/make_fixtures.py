"""Makes the tokenizer fixtures with Hugging Face tokenizers.

Run in this folder: python -m pip install tokenizers==0.22.2 && python make_fixtures.py
Writes one <name>.tokenizer.json per kind of tokenizer, encodings.json (texts, and what each tokenizer makes of them), and
corpus.json, on which they were trained.
"""

import functools
import json
import random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CORPUS = [
    "The film was slow, but the ending wasn't: it's worth the wait, they'd say, and we'll see what you've got.",
    "I'm sure she'll like it; he'd seen it twice, and they're going again in 2024, or 2025 at the latest.",
    "A tokenizer splits text into words, words into bytes, and joins the bytes that often stand together.",
    "banana bandana bananas, aaaa aaaaaa aa a, abababab, mississippi mississippi",
    "Der Fluß fließt über die Brücke; das Mädchen grüßt schön. L'été dernier, ça allait très bien. ¿Dónde está el niño?",
    "Съешь же ещё этих мягких французских булок, да выпей чаю. Ξεσκεπάζω την ψυχοφθόρα βδελυγμία.",
    "いろはにほへと ちりぬるを。我能吞下玻璃而不伤身体。나는 유리를 먹을 수 있어요.",
    "أنا قادر على أكل الزجاج و هذا لا يؤلمني. אני יכול לאכול זכוכית וזה לא מזיק לי. मैं काँच खा सकता हूँ।",
    "def add(a, b):\n    return a + b  # 1 + 1 == 2\n\n\nprint(add(40, 2))\t# 42\r\n",
    "👍🏽 👩‍👩‍👧‍👦 🇩🇪 ❤️ naïve café résumé — “quoted” … 3.14159, 1,000,000 and 10²",
]

SPECIAL = "<|end|>"
VOCABULARY_SIZE = 600

TEXTS = [
    "", " ", "  ", "a", " a", "  a", "a ", "a  ", "a \n b", "\n", "\n\n\n", "\t\tx", "x\r\ny\r\n", " \u00a0 \u3000x", "\u0085\u2028\u200b\ufeff",
    "The film was slow, but the ending wasn't.", "I'm you're he's we've they'll she'd don't", "I'M YOU'RE HE'S WE'VE THEY'LL SHE'D DON'T",
    "'s't're've'm'll'd 'x ' s ''s'' it''s 'ſ", "1 12 123 1234 12345 1234567 3.14 1,000 ½ ² Ⅷ ٣٤ 一二", "a1b22c333 4d", "hello!!! ... ?!?! --- === <tag/> @user #1 $5 100%",
    "Der Fluß fließt über die Brücke; L'été, ¿dónde está el niño?", "Съешь же ещё этих мягких булок", "Ξεσκεπάζω την ψυχοφθόρα", "いろはにほへと 我能吞下玻璃。나는 유리를",
    "أنا قادر على أكل الزجاج", "אני יכול לאכול", "मैं काँच खा सकता हूँ।", "ฉันกินกระจกได้", "ᚠᛇᚻ᛫ᛒᛦᚦ 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈 𠮷野家",
    "👍🏽 👩‍👩‍👧‍👦 🇩🇪 ❤️ 🏴󠁧󠁢󠁳󠁣󠁴󠁿", "e\u0301 é n\u0303 ñ \u1e9b\u0323 각 \u1100\u1161\u11a8 Å \u212b", "\u0301start z\u0301\u0302 x", "a\u0301\u0897\u0334 a\u0301\u1ae4\u0327 a\u0301\u0327\u0334", "\u0f40\u20e9\u0f73 \u033c\u0f81\u0f75",
    "\uac00\u11a8 \uc218\u11aa\u0301 \u1f91\u0340 \u1fbc\u0341 \u1e69\u0331",
    "before<|end|>after", " <|end|> ", "<|end|><|end|>", "<|end", "<|end|", "a <word> b", "a<word>b <word>", "x   <strip>   y", "<strip>", "<long><longer>", "é<\u1eb9>é<e\u0323>",
    "def add(a, b):\n    return a + b  # 1 + 1 == 2\n\n\nprint(add(40, 2))\t# 42\r\n", "\x00\x01\x7f", "a" * 300, "=" * 200, "ab" * 100 + " " * 50 + "\n" * 20,
    "mississippi bananas in pyjamas, aaaaaaa", "It's 5 o'clock somewhere - isn't it? \"Yes,\" he said.", "\ufffd \U0010ffff", "thexx thexx",
]


def random_texts(count):
    """Random mixtures, so that rules meet in ways that nobody thought of."""
    generator = random.Random(20240607)
    alphabet = list(" \t\n\r'.,-!?_019aAsStTlLdDeErRvVmM\u00a0\u3000éßжλ字가\u0301²½👍") + ["'s", "'LL", "  ", "\r\n", SPECIAL, " the"]
    return ["".join(generator.choices(alphabet, k=generator.randint(1, 40))) for _ in range(count)]


def trained(special=(SPECIAL,)):
    return Tokenizer.from_str(learned_bytes(special))


@functools.cache
def learned_bytes(special):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE, special_tokens=list(special), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer.to_str()


@functools.cache
def learned_characters():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    # Few characters, so that others are missing.
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE, limit_alphabet=VOCABULARY_SIZE // 6, show_progress=False))
    return json.loads(tokenizer.to_str())["model"]


def plain():
    return trained()


def prefix_space():
    tokenizer = trained()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    return tokenizer


def added():
    tokenizer = trained()
    tokenizer.add_tokens([
        AddedToken("<word>", single_word=True, normalized=False), AddedToken("<strip>", lstrip=True, rstrip=True, normalized=False),
        AddedToken("<long>", normalized=False), AddedToken("<long><longer>", normalized=False)])
    return tokenizer


def nfc_template():
    tokenizer = trained(special=("<s>", SPECIAL))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.add_tokens([AddedToken("<\u1eb9>", normalized=True)])
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(
            single=f"<s> $A {SPECIAL}", pair=f"<s> $A {SPECIAL} $B", special_tokens=[("<s>", 0), (SPECIAL, 1)])])
    return tokenizer


def digits():
    tokenizer = trained()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    return tokenizer


def contiguous_digits_prefix():
    tokenizer = trained()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=False), pre_tokenizers.ByteLevel(add_prefix_space=True)])
    return tokenizer


def split(number):
    return cut(isolated(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|" + number
                        + r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"))


def cut(*steps, use_regex=False):
    tokenizer = trained()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [*steps, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)])
    return tokenizer


def isolated(pattern):
    return pre_tokenizers.Split(Regex(pattern), behavior="isolated")


def tekken():
    """Mistral-Nemo's."""
    return cut(isolated(
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
        r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
        r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"))


def o200k():
    """That of Phi-4-mini and gpt-oss."""
    contractions = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    return cut(isolated(
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+" + contractions
        + r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*" + contractions
        + r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"))


def deepseek_coder():
    return cut(
        isolated(r"[\r\n]"), isolated(r"\s?\p{L}+"), isolated(r"\s?\p{P}+"), isolated("[一-龥ࠀ-一가-퟿]+"),
        pre_tokenizers.Digits(individual_digits=True))


def deepseek_v3():
    return cut(
        isolated(r"\p{N}{1,3}"), isolated("[一-龥぀-ゟ゠-ヿ]+"),
        isolated(r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
                 r"""| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""))


def bloom():
    """A class within a class, cut by the other rules besides."""
    return cut(isolated(" ?[^(\\s|[.,!?…。，、।۔،])]+"))


def behaviors():
    """Every way to treat what separates, and the regular expressions' rarer forms."""
    return cut(
        pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.Split("e", "merged_with_previous"),
        pre_tokenizers.Split(Regex(r"[^a-m\P{L}]{2,5}|\d++|(?=the)|^x$|(?:an){1,2}"), "merged_with_next"),
        pre_tokenizers.Split(Regex(r"[\x{400}-\u04FF]|(?i:fl.|S)|\P{Lu}$"), "contiguous", invert=True), use_regex=True)


def llama3():
    tokenizer = split(r"\p{N}{1,3}")
    # Llama 3 takes a word that is a token as it is, whatever the merges give.
    contents = json.loads(tokenizer.to_str())
    contents["model"]["ignore_merges"] = True
    contents["model"]["vocab"]["Ġthexx"] = tokenizer.get_vocab_size()
    return Tokenizer.from_str(json.dumps(contents))


def qwen2():
    return split(r"\p{N}")


def incomplete():
    """Lacks bytes, and so gives the unknown token for them."""
    vocabulary = {token: i for i, token in enumerate(["<unk>", "a", "b", "Ġ", "ab", "Ġab"])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[("a", "b"), ("Ġ", "ab")], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def characters(normalizer=None, pre_tokenizer=None, decoder=None, byte_fallback=True, unknown="<unk>", added=(), **model):
    """A vocabulary of characters, as SentencePiece makes it: learned on words that begin with U+2581, then dressed anew."""
    learned = learned_characters()
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256) if byte_fallback] + list(learned["vocab"])
    tokenizer = Tokenizer(models.BPE(
        vocab={token: i for i, token in enumerate(tokens)}, merges=[tuple(merge) for merge in learned["merges"]],
        unk_token=unknown, byte_fallback=byte_fallback, **model))
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    if decoder:
        tokenizer.decoder = decoder
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in ["<unk>", "<s>", "</s>", SPECIAL]])
    tokenizer.add_tokens(list(added))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    return tokenizer


def llama2():
    return characters(
        normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]), fuse_unk=True,
        decoder=decoders.Sequence([
            decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]),
        added=[AddedToken("<word>", single_word=True, normalized=True), AddedToken("<strip>", lstrip=True, rstrip=True)])


def mistral():
    return characters(
        pre_tokenizer=pre_tokenizers.Metaspace(prepend_scheme="first", split=False), fuse_unk=True,
        decoder=decoders.Sequence([
            decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]))


def gemma():
    return characters(
        normalizers.Replace(" ", "\u2581"), pre_tokenizers.Split(" ", "merged_with_previous"), fuse_unk=True,
        decoder=decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]),
        added=[AddedToken("\n" * n, normalized=False) for n in range(2, 8)]
        + [AddedToken("\u2581" * n, normalized=False) for n in range(2, 8)])


def words():
    return characters(pre_tokenizer=pre_tokenizers.Metaspace(prepend_scheme="always", split=True), decoder=decoders.Metaspace())


def fused_unknown():
    return characters(
        pre_tokenizer=pre_tokenizers.Metaspace(prepend_scheme="never", split=False), byte_fallback=False, fuse_unk=True,
        decoder=decoders.Metaspace(prepend_scheme="never"), ignore_merges=True)


def dropped():
    """Has no unknown token, and so leaves missing characters out; has no decoder either."""
    return characters(normalizers.Sequence([normalizers.NFC(), normalizers.Replace(" ", "\u2581")]), byte_fallback=False, unknown=None)


BYTE_LEVEL = [plain, prefix_space, added, nfc_template, digits, contiguous_digits_prefix, llama3, qwen2, incomplete, tekken, o200k, deepseek_coder,
              deepseek_v3, bloom, behaviors]
CHARACTERS = [llama2, mistral, gemma, words, fused_unknown, dropped]
DECODED = [plain, nfc_template, incomplete] + CHARACTERS


PROMPTS = ["The film is", "The film is\n", "The film is ", "I was", "", " ", "Q:\t", "été", f"user{SPECIAL}", "a<strip>", "a <word>", "我能", "x  "]
COMPLETIONS = [" good", "good", " ", "\n", " \n", "  two", "", f"yes{SPECIAL}", f"{SPECIAL} no", "吞下", "1 2", "'s", "<word>"]


def continuations(tokenizer):
    """Completions whose tokens, after those of the prompt, are those of the whole text; and what they decode to there."""
    for prompt in PROMPTS:
        before = tokenizer.encode(prompt, add_special_tokens=False).ids
        for completion in COMPLETIONS:
            encoding = tokenizer.encode(prompt + completion, add_special_tokens=False)
            whole, words = encoding.ids, encoding.word_ids
            within = 0 < len(before) < len(words) and words[len(before) - 1] == words[len(before)] is not None
            # Unknown characters on both sides are one token there, and whether <word> is one depends on what stands before.
            if completion == "<word>" or before[-1:] == [0]:
                continue
            # Where a word spans both, only a vocabulary of characters has it begin and end with their tokens.
            if whole[:len(before)] != before or within and "ByteLevel" in str(tokenizer.pre_tokenizer):
                continue
            text, start = (tokenizer.decode(ids, skip_special_tokens=False) for ids in (whole, before))
            yield [prompt, completion, whole[len(before):], text[len(start):] if text.startswith(start) else None]


def main():
    texts = TEXTS + random_texts(100)
    encodings = {"texts": texts, "ids": {}, "with_special": {}, "decoded": {}, "continuations": {}}
    for make in BYTE_LEVEL + CHARACTERS:
        tokenizer = make()
        name = make.__name__.replace("_", "-")
        tokenizer.save(f"{name}.tokenizer.json", pretty=False)
        ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
        encodings["ids"][name] = ids
        if make in (nfc_template, llama2):
            encodings["with_special"][name] = [tokenizer.encode(text).ids for text in texts]
        if make in (plain, prefix_space, added, digits) or make in CHARACTERS:
            encodings["continuations"][name] = list(continuations(tokenizer))
        if make in DECODED:
            encodings["decoded"][name] = [tokenizer.decode(row, skip_special_tokens=True) for row in ids]
    with open("encodings.json", "w", encoding="utf-8") as file:
        json.dump(encodings, file, separators=(",", ":"))
    with open("corpus.json", "w", encoding="utf-8") as file:
        json.dump(CORPUS, file, indent=1)


if __name__ == "__main__":
    main()
