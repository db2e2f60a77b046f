"""Autoencoders as data: an encoder to a latent code, and a decoder back (Kingma & Welling 2014). Torch waits for use.

All weights, of encoder and decoder, lie in the flat vector of weights, so that priors, scales and methods apply to
them. Inputs are (cells, features, points), after whose features the noise stands, code by code, as many as there are
samples of a point. Outputs are (cells, 2 D + 3, points * samples), samples of a point being neighbours: what the
decoder gives for each of D features, the features themselves, log p(z), log q(z | x) and KL(q(z | x) || p(z)), with
p(z) = N(0, I).
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

from bnnbench.networks._layers import Network, OwnLayer, Parameter

LOG_SD = 10.0
"""The log sds of codes are cut off at plus and minus this."""
NEAR_PRIOR = 0.1
"""What initial values of the encoder's last layer are multiplied by: at 0 codes are draws from the prior. Log sds of
larger values begin with codes that are far away, and gradients so large that Adam's steps stay small for long."""
TERMS = 3
"""Outputs after the decoder's and the inputs: log prior and log density of the code, and their divergence."""


@dataclass(frozen=True)
class PutAside(OwnLayer):
    """The first `n_inputs` features go on; they are put aside, and so is the noise behind them."""

    n_inputs: int

    def apply(self, h, kept):
        x, noise = h[:, : self.n_inputs], h[:, self.n_inputs :]
        kept += [x, noise]
        return x


@dataclass(frozen=True)
class DrawCode(OwnLayer):
    """Codes z = mean + sd noise (reparameterisation; Kingma & Welling 2014, section 2.4), with their terms put aside.

    Where the encoder is not `sampled` it gives the mean alone. Without noise the code is the mean and all terms are 0;
    noise stands for draws from the prior then, which is the only law of codes that such an encoder has.
    """

    size: int
    sampled: bool

    def apply(self, h, kept):
        import torch

        noise = kept.pop()
        n_samples = noise.shape[1] // self.size
        if not n_samples:
            code = h[:, : self.size]
            kept.append(torch.zeros_like(code[:, :1]).expand(-1, TERMS, -1))
            return code
        noise = neighbours(noise, self.size)
        log_prior = of_normal(noise)
        if not self.sampled:
            kept.append(torch.stack([log_prior, log_prior, torch.zeros_like(log_prior)], 1))
            return noise
        mean, log_sd = moments(h, self.size)
        divergence = normal_kl(mean, log_sd).repeat_interleave(n_samples, 1)
        mean, log_sd = (t.repeat_interleave(n_samples, 2) for t in (mean, log_sd))
        code = mean + log_sd.exp() * noise
        kept.append(torch.stack([of_normal(code), log_prior - log_sd.sum(1), divergence], 1))
        return code


@dataclass(frozen=True)
class GiveTerms(OwnLayer):
    """What the decoder gives, the inputs and the terms of the codes, below each other."""

    def apply(self, h, kept):
        import torch

        terms, x = kept.pop(), kept.pop()
        return torch.cat([h, x.repeat_interleave(h.shape[2] // x.shape[2], 2), terms], 1)


def neighbours(noise, size: int):
    """Noise (cells, samples * size, points) as (cells, size, points * samples)."""
    return noise.unflatten(1, (-1, size)).permute(0, 2, 3, 1).flatten(2)


def moments(h, size: int):
    """Mean and log sd of codes, (cells, size, points) each, of what a sampled encoder gives."""
    return h[:, :size], h[:, size:].clamp(-LOG_SD, LOG_SD)


def of_normal(z):
    """log N(z; 0, I), (cells, points)."""
    return -0.5 * z.square().sum(1) - 0.5 * z.shape[1] * math.log(2 * math.pi)


def normal_kl(mean, log_sd):
    """KL(N(mean, sd²) || N(0, I)), (cells, points) (Kingma & Welling 2014, appendix B)."""
    return 0.5 * (mean.square() + (2 * log_sd).exp() - 2 * log_sd - 1).sum(1)


@dataclass(frozen=True)
class Autoencoder(Network):
    """Layers from inputs to outputs by way of codes of `code` numbers, drawn where the encoder is `sampled`.

    `n_encoder` of the dense layers are the encoder's; `samples` codes of a point are drawn in a step of training.
    """

    code: int = 2
    n_encoder: int = 1
    sampled: bool = True
    samples: int = 1

    gives: ClassVar[str] = "a reconstruction with the terms of its code"
    compiles: ClassVar[bool] = False  # its time goes into products of large matrices, which the compiler does not fuse

    @property
    def noise(self):
        return self.code * self.samples if self.sampled else 0

    @property
    def code_size(self):
        return self.code

    @property
    def has_units(self):
        return self.samples == 1  # else a decoder's layer has more points than an encoder's

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """Those of encoder1, ..., decoder1, ...; dropout drops neither raw inputs nor codes."""
        found, given = [], super().parameters
        for i, p in enumerate(given):
            layer, suffix = i // 2, p.name.partition(".")[2]
            in_decoder = layer >= self.n_encoder
            name = f"decoder{layer - self.n_encoder + 1}" if in_decoder else f"encoder{layer + 1}"
            drops = p.drops and layer not in (0, self.n_encoder)
            gain = NEAR_PRIOR if layer == self.n_encoder - 1 else p.gain
            found.append(replace(p, name=f"{name}.{suffix}", drops=drops, gain=gain))
        return tuple(found)

    @property
    def n_features(self) -> int:
        return self.input_shape[0]

    @property
    def encoder_layers(self) -> tuple:
        """Layers that turn features into what codes are drawn from, without the first, which puts noise aside."""
        return self.layers[1 : self._place_of_code]

    @property
    def decoder_layers(self) -> tuple:
        """Layers that turn codes into what the likelihood reads of each feature."""
        return self.layers[self._place_of_code + 1 : -1]

    @property
    def _place_of_code(self) -> int:
        return next(i for i, layer in enumerate(self.layers) if isinstance(layer, DrawCode))

    @property
    def encoder(self) -> Network:
        """The encoder as a network of its own, whose flat weights are the first of this one's."""
        return Network(self.encoder_layers, self.input_shape, (1 + self.sampled) * self.code)

    @property
    def decoder(self) -> Network:
        """The decoder likewise, whose weights are the last."""
        return Network(self.decoder_layers, (self.code,), self.decoder_layers[-1].n_out)
