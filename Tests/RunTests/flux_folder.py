"""A FLUX folder of `diffusers` at reduced size, through PolicyZoo and back: `make parity-images`.

Usage: python flux_folder.py ZOO FOLDER. Saves a FluxPipeline with a random transformer, VAE, text encoders and tokenizers; computes
embeddings and latents by recipes/flux/prepare.py; trains an adapter by recipes/flux/flux.yaml with each algorithm; and reads each back
by `load_lora_weights`: from the same noise, the pipeline has to draw the latents that `zoo sample` draws.
Pinned: torch==2.13.0 diffusers==0.35.2 transformers==4.57.6 tokenizers==0.22.2 peft==0.21.2 safetensors==0.8.0.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy
import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel
from diffusers.utils import logging
from PIL import Image
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer, T5Config, T5EncoderModel, T5TokenizerFast

RECIPES = pathlib.Path(__file__).parents[2] / "recipes" / "flux"
SIZE, STEPS, GUIDANCE, SEED = 64, 4, 3.5, 7
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def tokenizers(folder):
    """One of CLIP's kind and one of T5's, a token for each letter."""
    folder.mkdir()
    words = [*LETTERS, *(letter + "</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: index for index, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    clip = CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77)
    pieces = ["<pad>", "</s>", "<unk>", "▁", *LETTERS]
    own = Tokenizer(models.Unigram([(piece, -1.0 * (index > 2)) for index, piece in enumerate(pieces)], unk_id=2))
    own.pre_tokenizer = pre_tokenizers.Metaspace()
    own.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    t5 = T5TokenizerFast(tokenizer_object=own, extra_ids=0, eos_token="</s>", unk_token="<unk>", pad_token="<pad>")
    return clip, t5


def pipeline(folder):
    torch.manual_seed(SEED)
    clip, t5 = tokenizers(folder.parent / "words")
    FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(
            shift=3.0, use_dynamic_shifting=True, base_shift=0.5, max_shift=1.15, base_image_seq_len=256, max_image_seq_len=4096),
        vae=AutoencoderKL(
            block_out_channels=(8, 8, 8, 8), down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
            latent_channels=4, norm_num_groups=2, use_quant_conv=False, use_post_quant_conv=False, shift_factor=0.1159,
            scaling_factor=0.3611),
        text_encoder=CLIPTextModel(CLIPTextConfig(
            vocab_size=len(clip), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
            projection_dim=32, bos_token_id=clip.bos_token_id, eos_token_id=clip.eos_token_id)),
        tokenizer=clip,
        text_encoder_2=T5EncoderModel(T5Config(vocab_size=len(t5), d_model=48, d_kv=8, d_ff=64, num_layers=2, num_heads=4)),
        tokenizer_2=t5,
        transformer=FluxTransformer2DModel(
            in_channels=16, num_layers=2, num_single_layers=2, attention_head_dim=16, num_attention_heads=4,
            joint_attention_dim=48, pooled_projection_dim=32, guidance_embeds=True, axes_dims_rope=(4, 6, 6)),
    ).save_pretrained(folder)


def rows(folder):
    """Pictures of noise, and rows as a user has them."""
    generator = numpy.random.default_rng(SEED)
    for index in range(8):
        Image.fromarray(generator.integers(0, 256, (80, 72, 3), dtype=numpy.uint8)).save(folder / f"{index}.png")
    prompts = [f"a {colour} {thing}" for colour in ("red", "blue") for thing in ("fox", "house", "boat", "tree")]

    def write(name, make):
        lines = [json.dumps({"prompt": prompt} | make(index)) + "\n" for index, prompt in enumerate(prompts)]
        (folder / f"{name}.jsonl").write_text("".join(lines))

    write("train", lambda i: {"image": f"{i}.png"})
    write("pairs", lambda i: {"chosen": f"{i}.png", "rejected": f"{(i + 1) % 8}.png"})
    write("prompts", lambda i: {"image": f"{i}.png", "degraded_prompt": "a thing"})
    write("held-out", lambda i: {"image": f"{(i + 3) % 8}.png"})


def drawn(folder, model, adapter):
    """What diffusers draws for the held-out prompts, beginning at the noise that `zoo sample` begins at."""
    data = load_file(folder / "data" / "prompts.safetensors")
    lines = [json.loads(line) for line in (folder / "data" / "held-out.jsonl").read_text().splitlines()]
    places = torch.tensor([line["prompt_embeds"] for line in lines])
    pipe = FluxPipeline.from_pretrained(model)
    if adapter:
        pipe.load_lora_weights(adapter)
    pipe.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(SEED)
    for _ in lines:
        torch.randint(2**31 - 1, (1,), generator=generator)  # a seed for each prompt's scores
    side = SIZE // 8
    noise = torch.randn(len(lines), 4 * side * side, generator=generator).reshape(len(lines), 4, side, side)
    latents = pipe(
        prompt_embeds=data["prompt_embeds"][places], pooled_prompt_embeds=data["pooled_prompt_embeds"][places], height=SIZE,
        width=SIZE, latents=pipe._pack_latents(noise, len(lines), 4, side, side), num_inference_steps=STEPS,
        guidance_scale=GUIDANCE, output_type="latent").images
    return pipe._unpack_latents(latents, SIZE, SIZE, pipe.vae_scale_factor)


def main(zoo, folder):
    logging.set_verbosity_error()
    zoo, folder = str(pathlib.Path(zoo).resolve()), pathlib.Path(folder).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model = folder / "FLUX.1-dev"
    pipeline(model)
    rows(folder)
    for name in ("flux.yaml", "flux_rewards.py"):
        shutil.copy(RECIPES / name, folder / name)
    files = [f"{name}.jsonl" for name in ("train", "pairs", "prompts", "held-out")]
    more = ["--size", str(SIZE), "--tokens", "16", "--device", "cpu", "--dtype", "float32"]

    def run(*words):
        environment = os.environ | {"PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"}
        ended = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
        if ended.returncode != 0:
            sys.exit(f"{' '.join(map(str, words))}:\n{ended.stdout}{ended.stderr}")

    run(sys.executable, RECIPES / "prepare.py", "FLUX.1-dev", "data", *files, *more)
    base, good = drawn(folder, model, None), True
    pairs = "data.pairs={build: {prompts: 8, images: {chosen: target, rejected: degraded, words: generic}}}"
    for name, algorithm, *changes in [
        ("sft", "sft"), ("dpo", "dpo"), ("grpo", "grpo", "parameters.clip_range=1e-2"), ("sfo", "dpo@sfo", pairs, "parameters.pairs=4"),
    ]:
        settings = [
            *changes, "policy.lora.r=4", "policy.lora.lora_alpha=8", "budget.updates=8", "optimizer.learning_rate=1e-2",
            "rollout.denoising.steps=4", "rollout.denoising.evaluation_steps=4",
        ]
        run(zoo, "train", "flux.yaml", "--algorithm", algorithm, "--run-dir", name, *(w for s in settings for w in ("--set", s)))
        run(zoo, "sample", name, "--steps", str(STEPS), "--guidance", str(GUIDANCE), "--seed", str(SEED), "--output", f"{name}.png")
        ours, theirs = load_file(folder / f"{name}.safetensors")["latents"], drawn(folder, model, folder / name / "model")
        worst, away = (ours - theirs).abs().max().item(), (ours - base).abs().max().item()
        fine = worst < 1e-4 and away > 1e-2
        good &= fine
        print(f"{name}: largest difference {worst:.1e}, from the base {away:.1e} {'ok' if fine else 'FAILED'}", flush=True)
    run(sys.executable, RECIPES / "decode.py", "FLUX.1-dev", folder / "sft" / "samples.safetensors", "images")
    images = {path.name for path in (folder / "images").iterdir()}
    fine = {"before-0.png", "after-7.png", "target-0.png"} <= images
    print(f"decoded: {len(images)} images {'ok' if fine else 'FAILED'}")
    return not (good and fine)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
