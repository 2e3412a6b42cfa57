"""What PolicyZoo reads of prompts and images, computed by the text encoders and the VAE of a FLUX folder with `diffusers`.

    pip install diffusers transformers sentencepiece protobuf safetensors pillow torch
    python prepare.py FLUX.1-dev data train.jsonl pairs.jsonl prompts.jsonl --size 512

Rows are JSON lines with `prompt` and, by what they are for, `image`, or `chosen` and `rejected`: paths of image files, beside the rows.
`reference` is the image that FLUX Kontext edits. `degraded_prompt` and `degraded_reference` are the worse ones of SFO. Other columns stay
as they are, for rewards to read. Writes to `data`:

    prompts.safetensors      prompt_embeds [rows, tokens, 4096], pooled_prompt_embeds [rows, 768], and those of an empty prompt, null_...
    latents.safetensors      latents [rows, 16, size / 8, size / 8], of images
    references.safetensors   image_latents, the same of references
    train.jsonl, ...         the rows with the numbers of theirs in place of paths
"""

import argparse
import json
import pathlib

import numpy
import torch
from diffusers import DiffusionPipeline
from PIL import Image
from safetensors.torch import save_file


class Table:
    """Tensors by number: each key once."""

    def __init__(self, compute):
        self.compute, self.numbers, self.rows = compute, {}, []

    def number(self, key):
        if key not in self.numbers:
            self.numbers[key] = len(self.rows)
            self.rows.append(self.compute(key))
        return self.numbers[key]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("rows", type=pathlib.Path, nargs="+")
    parser.add_argument("--size", type=int, default=512, help="pixels of a side; images are scaled and cropped to a square")
    parser.add_argument("--tokens", type=int, default=512, help="of a prompt, as max_sequence_length of the pipeline")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", default="bfloat16", help="float32 for a check to the last digit")
    given = parser.parse_args()
    dtype = getattr(torch, given.dtype)
    # Everything but the transformer, which PolicyZoo runs.
    pipeline = DiffusionPipeline.from_pretrained(given.model, transformer=None, torch_dtype=dtype).to(given.device)
    config = pipeline.vae.config

    @torch.no_grad()
    def prompt(text):
        tokens, pooled, _ = pipeline.encode_prompt(text, None, max_sequence_length=given.tokens, device=given.device)
        return tokens[0].cpu(), pooled[0].cpu()

    @torch.no_grad()
    def latent(file):
        image = Image.open(file).convert("RGB")
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side)).resize((given.size, given.size), Image.LANCZOS)
        pixels = torch.from_numpy(numpy.array(image)).to(given.device, dtype).permute(2, 0, 1)[None] / 127.5 - 1
        # The mode of the posterior, scaled as the transformer knows it; not packed.
        found = pipeline.vae.encode(pixels).latent_dist.mode()
        return ((found - config.shift_factor) * config.scaling_factor)[0].cpu()

    prompts, latents, references = Table(prompt), Table(latent), Table(latent)
    given.output.mkdir(parents=True, exist_ok=True)
    for source in given.rows:
        lines = []
        for line in source.read_text(encoding="utf-8").splitlines():
            if not line.strip():
                continue
            row = json.loads(line)
            row["prompt_embeds"] = prompts.number(row["prompt"])
            if "degraded_prompt" in row:
                row["degraded_prompt_embeds"] = prompts.number(row.pop("degraded_prompt"))
            for column, table, name in [
                ("image", latents, "latents"), ("chosen", latents, "chosen"), ("rejected", latents, "rejected"),
                ("reference", references, "image_latents"), ("degraded_reference", references, "degraded_image_latents"),
            ]:
                if column in row:
                    row[name] = table.number(source.parent / row.pop(column))
            lines.append(json.dumps(row, ensure_ascii=False) + "\n")
        (given.output / source.name).write_text("".join(lines), encoding="utf-8")
    nothing = prompt("")
    save_file({
        "prompt_embeds": torch.stack([tokens for tokens, _ in prompts.rows]),
        "pooled_prompt_embeds": torch.stack([pooled for _, pooled in prompts.rows]),
        "null_prompt_embeds": nothing[0][None].contiguous(), "null_pooled_prompt_embeds": nothing[1][None].contiguous(),
    }, given.output / "prompts.safetensors")
    for table, name, file in [(latents, "latents", "latents"), (references, "image_latents", "references")]:
        if table.rows:
            save_file({name: torch.stack(table.rows)}, given.output / f"{file}.safetensors")


if __name__ == "__main__":
    main()
