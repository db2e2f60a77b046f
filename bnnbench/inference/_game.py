"""Losses of the two players, a number a cell each, and the codes that a generator is given.

l(x) is the discriminator's logit, D(x) = sigmoid(l(x)), G(z) a sample. Everything is a mean over a batch.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F

from bnnbench.networks._games import Pair
from bnnbench.networks._play import discriminate, generate

Recipe = Literal["minimax", "non_saturating", "wasserstein", "info"]
RECIPES = get_args(Recipe)


@dataclass(frozen=True)
class Codes:
    """What a generator is given, made of standard normals (cells, points, n_latent).

    The category is the place of the largest of as many normals, so that all are equally frequent; a continuous code is
    a normal's probability, stretched to -1 ... 1, and so uniform.
    """

    network: Pair
    normals: torch.Tensor

    @property
    def category(self) -> torch.Tensor:
        """(cells, points), of networks that have categories."""
        start = self.network.n_noise
        return self.normals[..., start : start + self.network.categories].argmax(-1)

    @property
    def continuous(self) -> torch.Tensor:
        """(cells, continuous, points)."""
        last = self.normals[..., self.network.n_noise + self.network.categories :]
        return torch.erf(last / math.sqrt(2)).transpose(1, 2)

    @property
    def inputs(self) -> torch.Tensor:
        """What the generator takes, (cells, n_latent, points)."""
        parts = [self.normals[..., : self.network.n_noise].transpose(1, 2)]
        if self.network.categories:
            parts.append(F.one_hot(self.category, self.network.categories).to(self.normals).transpose(1, 2))
        if self.network.continuous:
            parts.append(self.continuous)
        return torch.cat(parts, 1)

    def log_proba(self, outputs: torch.Tensor) -> torch.Tensor:
        """log Q(codes | sample) of each sample, (cells, points), of a discriminator's outputs on the samples.

        Q is a softmax of the category, and a normal of sd 1 about each continuous code.
        """
        k = self.network.categories
        found = outputs.new_zeros(outputs.shape[0], outputs.shape[2])
        if k:
            logits = outputs[:, 1 : 1 + k].log_softmax(1)
            found = found + logits.gather(1, self.category.unsqueeze(1)).squeeze(1)
        if self.network.continuous:
            miss = self.continuous - outputs[:, 1 + k :]
            found = found - 0.5 * (miss.square() + math.log(2 * math.pi)).sum(1)
        return found


def code_entropy(network: Pair) -> float:
    """H(codes), nats: log K of the category, log 2 of each number that is uniform on -1 ... 1."""
    return math.log(max(network.categories, 1)) + network.continuous * math.log(2)


def information_bound(network: Pair, codes: Codes, outputs: torch.Tensor) -> torch.Tensor:
    """Lower bound of the mutual information of codes and samples, E[log Q(c | G(z, c))] + H(c), nats, (cells,) (Chen et
    al. 2016, eq. 4-5)."""
    return codes.log_proba(outputs).mean(1) + code_entropy(network)


def value(recipe: str, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """The value of the game, (cells,), of logits (cells, points) of real inputs and of samples: what the discriminator
    raises.

    E log D(x) + E log(1 - D(G(z))) (Goodfellow et al. 2014, eq. 1); of `wasserstein` E l(x) - E l(G(z)) (Arjovsky et
    al. 2017, eq. 2), without the penalty.
    """
    if recipe == "wasserstein":
        return real.mean(1) - fake.mean(1)
    return -F.softplus(-real).mean(1) - F.softplus(fake).mean(1)


def gradient_penalty(network: Pair, weights: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Mean over points x (cells, features, points) of (|dl/dx| - 1)², (cells,) (Gulrajani et al. 2017, eq. 3)."""
    x = x.detach().requires_grad_()
    logits = discriminate(network, weights, x)[:, 0]
    (slope,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    # The root of a sum of zeros has no gradient.
    norm = (slope.square().sum(1) + 1e-12).sqrt()
    return (norm - 1).square().mean(1)


def between(real: torch.Tensor, fake: torch.Tensor, normals: torch.Tensor) -> torch.Tensor:
    """Points on the lines between real ones and samples, at a uniform place, that of standard normals (cells,
    points)."""
    place = (0.5 * (1 + torch.erf(normals / math.sqrt(2)))).unsqueeze(1)
    return place * real + (1 - place) * fake


def generator_loss(recipe: str, network: Pair, weights: torch.Tensor, codes: Codes, information: float) -> torch.Tensor:
    """What the generator lowers, (cells,), less `information` times the bound of the mutual information in `info`.

    `minimax`: E log(1 - D(G)); `non_saturating` and `info`: -E log D(G), which has a gradient where the discriminator
    is sure (Goodfellow et al. 2014, section 3); `wasserstein`: -E l(G).
    """
    outputs = discriminate(network, weights, generate(network, weights, codes.inputs))
    fake = outputs[:, 0]
    if recipe == "wasserstein":
        return -fake.mean(1)
    if recipe == "minimax":
        return -F.softplus(fake).mean(1)
    loss = F.softplus(-fake).mean(1)
    return loss - information * information_bound(network, codes, outputs) if recipe == "info" else loss


def discriminator_loss(
    recipe: str,
    network: Pair,
    weights: torch.Tensor,
    x: torch.Tensor,
    codes: Codes,
    places: torch.Tensor,
    information: float,
    penalty: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """What the discriminator lowers, and the value of the game, (cells,) each; x (cells, features, points).

    In `info` it learns to read the codes too, since Q is its own layers.
    """
    with torch.no_grad():
        fake = generate(network, weights, codes.inputs)
    outputs = discriminate(network, weights, fake)
    game = value(recipe, discriminate(network, weights, x)[:, 0], outputs[:, 0])
    loss = -game
    if recipe == "wasserstein" and penalty:
        loss = loss + penalty * gradient_penalty(network, weights, between(x, fake, places))
    if recipe == "info":
        loss = loss - information * information_bound(network, codes, outputs)
    return loss, game.detach()
