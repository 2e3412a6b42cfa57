"""Rewards of decoded images, for a policy of latents: see ../flux.md."""

import functools
import os

import numpy
import torch
from diffusers import AutoencoderKL


@functools.cache
def vae():
    """The VAE of the folder in FLUX, by default FLUX.1-dev beside this file."""
    folder = os.environ.get("FLUX", os.path.join(os.path.dirname(__file__), "FLUX.1-dev"))
    return AutoencoderKL.from_pretrained(folder, subfolder="vae").eval()


@torch.no_grad()
def decoded(latents):
    """Images [n, 3, height, width] from -1 to 1."""
    own = torch.from_numpy(numpy.stack([numpy.asarray(latent) for latent in latents]))
    return vae().decode(own / vae().config.scaling_factor + vae().config.shift_factor).sample.clamp(-1, 1)


def colourful(latents, **columns):
    """The mean distance of a pixel's channels from grey. Put a preference model, a classifier or an OCR in its place."""
    images = decoded(latents)
    return (images - images.mean(1, keepdim=True)).abs().mean((1, 2, 3)).tolist()
