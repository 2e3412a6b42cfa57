"""Images of the latents that PolicyZoo writes, by the VAE of a FLUX folder: python decode.py FLUX.1-dev samples.safetensors images

Each tensor of the file, such as `before` and `after`, becomes NAME-0.png, NAME-1.png, ...
"""

import pathlib
import sys

import torch
from diffusers import AutoencoderKL
from diffusers.image_processor import VaeImageProcessor
from safetensors.torch import load_file


def main(model, file, output):
    vae = AutoencoderKL.from_pretrained(model, subfolder="vae")
    output = pathlib.Path(output)
    output.mkdir(parents=True, exist_ok=True)
    for name, latents in load_file(file).items():
        for index, latent in enumerate(latents):
            with torch.no_grad():
                pixels = vae.decode(latent[None] / vae.config.scaling_factor + vae.config.shift_factor).sample
            VaeImageProcessor().postprocess(pixels)[0].save(output / f"{name}-{index}.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
