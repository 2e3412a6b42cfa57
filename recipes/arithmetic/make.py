"""Writes train.jsonl and eval.jsonl: sums and differences of numbers from 1 to 9, as conversations. A sum is held out in both orders."""
import json
import random

random.seed(0)
sums = [[f"{a} + {b}", f"{b} + {a}"] if a != b else [f"{a} + {b}"] for a in range(1, 10) for b in range(a, 10)]
differences = [[f"{a} - {b}"] for a in range(1, 10) for b in range(1, a)]
for groups in (sums, differences):
    random.shuffle(groups)
held_out, trained = sums[:12] + differences[:10], sums[12:] + differences[10:]
for name, groups in (("train", trained), ("eval", held_out)):
    terms = [term for group in groups for term in group]
    random.shuffle(terms)
    with open(f"{name}.jsonl", "w") as file:
        for term in terms:
            prompt = [{"role": "user", "content": f"What is {term}? Answer with only the number."}]
            file.write(json.dumps({"prompt": prompt, "answer": str(eval(term))}) + "\n")
