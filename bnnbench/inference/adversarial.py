"""Adversarial training: a generator against a discriminator, by alternating steps (Goodfellow et al. 2014).

There is no likelihood, and so no posterior. What a prior means is each player's penalty on its own weights: a step goes
down the player's loss less log p(w) / N, with N training inputs. A normal prior is weight decay; the result is then the
mode of the conditional posteriors of the Bayesian GAN (Saatchi & Wilson 2017), and under the flat prior the plain GAN.
Scales cannot be learned, for the mode of a scale's density with its weights is at zero.

Recipes: `minimax`, `non_saturating`, `wasserstein` (with the penalty of Gulrajani et al. 2017 on the gradient) and
`info` (InfoGAN, Chen et al. 2016, on the non-saturating loss): see `_game.py`. Cells have losses of their own.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from bnnbench.base.progress import SILENT
from bnnbench.base.settings import Count, NonNegative, Positive, Share, WholeNumber
from bnnbench.inference._alternate import Player, play
from bnnbench.inference._base import Fit, Method, PointPosterior
from bnnbench.inference._game import Codes, Recipe, discriminator_loss, generator_loss
from bnnbench.inference._optimise import Schedule, initial_latents
from bnnbench.networks._play import discriminate, generate

MOST_NUMBERS, AT_ONCE = 2**20, 500
"""Numbers that the stored samples of a split may hold, and points that are computed together."""
COLLAPSED = 0.01
"""Share of the training inputs' variance below which samples are all but one point."""


class GeneratorPosterior(PointPosterior):
    """A generator and its discriminator: `loc` (cells, latents), `critic` (cells,), 1 where the discriminator's output
    is no log-odds, and `snapshots` (cells, snapshots, generator's weights) from the middle of training."""

    @property
    def has_samples(self):
        return True

    @torch.no_grad()
    def samples(self, x, which, streams, purpose):
        """As many samples as there are points x, at most `MOST_NUMBERS` numbers; what the discriminator says of both.

        `samples` (cells, n, features), `logits` (cells, n) and `real_logits` (cells, points), `real` the points
        themselves; of networks with categories `code` (cells, n), the category given, `code_log_proba` (cells, n), log
        Q of all codes, and `real_code` (cells, points), the category read off each point.
        """
        network, weights = self.prior.network, self.prior.weights(self.arrays["loc"])
        size = math.prod(network.input_shape)
        n = max(1, min(x.shape[1], MOST_NUMBERS // size))
        normals = streams.normals(f"samples-{purpose}", (n, network.n_latent)).step(0).to(weights)
        # Cell by cell, so that a cell has the same bits in any stack.
        found = [self._of_cell(weights[c : c + 1], normals[c : c + 1], x[w].flatten(1)) for c, w in enumerate(which)]
        arrays = {name: np.concatenate([one[name] for one in found]) for name in found[0]}
        return arrays | {"critic": self.arrays["critic"].cpu().numpy()}

    def _of_cell(self, weights, normals, real) -> dict[str, np.ndarray]:
        network = self.prior.network
        k, parts = network.categories, []
        for start in range(0, normals.shape[1], AT_ONCE):
            codes = Codes(network, normals[:, start : start + AT_ONCE])
            points = generate(network, weights, codes.inputs)
            outputs = discriminate(network, weights, points)
            part = {"samples": points.transpose(1, 2), "logits": outputs[:, 0]}
            if k:
                part |= {"code": codes.category, "code_log_proba": codes.log_proba(outputs)}
            parts.append(part)
        chunks = real.T.unsqueeze(0).split(AT_ONCE, dim=2)
        of_real = torch.cat([discriminate(network, weights, chunk.contiguous()) for chunk in chunks], 2)
        found = {name: torch.cat([part[name] for part in parts], 1) for name in parts[0]}
        found |= {"real_logits": of_real[:, 0], "real": real.unsqueeze(0)}
        if k:
            found["real_code"] = of_real[:, 1 : 1 + k].argmax(1)
        return {name: values.cpu().numpy() for name, values in found.items()}


@dataclass(frozen=True)
class Adversarial(Method):
    """Adam for either player. `batch_size` real inputs and as many samples a step.

    `steps` are the generator's; before each the discriminator takes `critic_steps`. `learning_rate` is the
    discriminator's too, the generator's is `generator_ratio` times it, and 0 leaves it as it begins. `penalty` is the
    weight of `wasserstein`'s penalty on the gradient, `information` that of `info`'s bound. `snapshots` generators are
    kept from the middle of training.
    """

    steps: Count = 2000
    learning_rate: Positive = 0.001
    generator_ratio: NonNegative = 1.0
    schedule: Schedule = "constant"
    batch_size: Count | None = 64
    recipe: Recipe = "non_saturating"
    critic_steps: Count = 1
    penalty: NonNegative = 10.0
    information: NonNegative = 1.0
    beta1: Share = 0.5
    beta2: Share = 0.999
    snapshots: WholeNumber = 4

    posterior_class = GeneratorPosterior
    has_curve = True
    reaches = "other"
    is_played = True

    def __post_init__(self):
        super().__post_init__()
        if max(self.beta1, self.beta2) == 1:
            raise ValueError("beta1 and beta2 must be below 1, or nothing is ever forgotten")

    def unsuited(self, network, model, likelihood):
        if not likelihood.is_game:
            return (
                f"likelihood '{likelihood.name}' is no density of samples and this method looks for none: it trains "
                "generators against discriminators, as the networks gan and dcgan are"
            )
        return self.skip(network, model, likelihood)

    def skip(self, network, model, likelihood):
        if model.hyperprior is not None:
            return "a game has no density from which the scale of a prior could be learned: fix the scale"
        if self.recipe == "info" and not network.has_codes:
            return "recipe info reads codes back, and this network has none: give it categories or continuous codes"
        return None

    def fit(self, joint, streams, progress=SILENT):
        latents = initial_latents(joint, streams, "fan_in", 1.0)
        game = _Game(self, joint, streams, latents)
        steps, traces, kept = play(
            game.discriminator,
            game.generator,
            (game.discriminator_loss, game.generator_loss),
            critic_steps=self.critic_steps,
            steps=self.steps,
            schedule=self.schedule,
            snapshots=self.snapshots,
            progress=progress,
            posterior=game.posterior,
        )
        posterior = game.posterior()
        if kept is not None:
            posterior.arrays["snapshots"] = kept
        ratio = _variance_ratio(posterior, joint, streams)
        diagnostics = {f"final_{name}": values[:, -1] for name, values in traces.items() if name != "objective"}
        return Fit(
            posterior,
            self.steps,
            steps,
            traces.pop("objective"),
            diagnostics=diagnostics,
            traces=traces,
            remarks=tuple(map(_remark, ratio)),
        )


class _Game:
    """The two players of a stack and their losses by step."""

    def __init__(self, settings: Adversarial, joint, streams, latents):
        self.settings, self.joint, self.network = settings, joint, joint.network
        n, betas = self.network.n_generator, (settings.beta1, settings.beta2)
        self.generator = Player(latents[:, :n], settings.learning_rate * settings.generator_ratio, betas)
        self.discriminator = Player(latents[:, n : self.network.n_weights], settings.learning_rate, betas)
        self._rest = latents[:, self.network.n_weights :]
        self._size = min(settings.batch_size or joint.n_points, joint.n_points)
        self._batches = streams.batches(joint.n_points, settings.batch_size)
        shape = (self._size, self.network.n_latent)
        self._noise = [streams.normals(f"noise-of-{player}", shape) for player in ("discriminator", "generator")]
        self._places = streams.normals("places", (self._size,)) if settings.recipe == "wasserstein" else None

    def posterior(self) -> GeneratorPosterior:
        """Of the players as they are."""
        loc = torch.cat([self.generator.latents, self.discriminator.latents, self._rest], 1).detach()
        critic = loc.new_full((len(loc),), float(self.settings.recipe == "wasserstein"))
        return GeneratorPosterior(self.joint.prior, {"loc": loc, "critic": critic})

    def discriminator_loss(self, step: int):
        """Its loss and the value of the game, (cells,) each, at the discriminator's own step."""
        s = self.settings
        latents = torch.cat([self.generator.latents.detach(), self.discriminator.latents, self._rest], 1)
        weights, noise, x = self.joint.prior.weights(latents), self._noise[0].step(step), self._real(step)
        places = noise if self._places is None else self._places.step(step)

        def loss(cells: slice):
            codes = Codes(self.network, noise[cells])
            given = s.recipe, self.network, weights[cells], x[cells], codes, places[cells]
            return discriminator_loss(*given, s.information, s.penalty)

        losses, values = zip(*map(loss, self._blocks()), strict=True)
        return torch.cat(losses) + self._penalty(latents), torch.cat(values)

    def generator_loss(self, step: int):
        """Its loss, (cells,), at the generator's step."""
        s = self.settings
        latents = torch.cat([self.generator.latents, self.discriminator.latents.detach(), self._rest], 1)
        weights, noise = self.joint.prior.weights(latents), self._noise[1].step(step)

        def loss(cells: slice):
            return generator_loss(
                s.recipe, self.network, weights[cells], Codes(self.network, noise[cells]), s.information
            )

        return torch.cat([loss(cells) for cells in self._blocks()]) + self._penalty(latents)

    def _blocks(self) -> list[slice]:
        """Cells that are computed together: always so many, so that a cell's rounding does not depend on the others."""
        return [slice(start, start + self.joint.block) for start in range(0, self.joint.n_cells, self.joint.block)]

    def _real(self, step: int) -> torch.Tensor:
        """A batch of training inputs (cells, features, points)."""
        index, which = self._batches(step), self.joint.which
        x = self.joint.x[which] if index is None else self.joint.x[which.unsqueeze(1), index]
        return x.flatten(2).transpose(1, 2)

    def _penalty(self, latents: torch.Tensor) -> torch.Tensor:
        """-log p(w) / N, (cells,)."""
        return -self.joint.prior.log_density(latents) / self.joint.n_points


@torch.no_grad()
def _variance_ratio(posterior: GeneratorPosterior, joint, streams) -> np.ndarray:
    """Total variance of samples over that of the training inputs, (cells,)."""
    network, weights = joint.network, joint.prior.weights(posterior.arrays["loc"])
    codes = Codes(network, streams.normals("collapse", (AT_ONCE, network.n_latent)).step(0).to(weights))
    spread = generate(network, weights, codes.inputs).var(2).sum(1)
    return (spread / joint.x.flatten(2).var(1).sum(1)[joint.which]).cpu().numpy()


def _remark(ratio: float) -> str:
    """What is wrong with a generator whose samples have so much of the inputs' variance; "" where nothing is."""
    if ratio >= COLLAPSED or not np.isfinite(ratio):  # what is not finite is failed elsewhere
        return ""
    return f"collapsed: the samples have {100 * ratio:.2g}% of the variance of the training inputs"


METHOD = Adversarial
