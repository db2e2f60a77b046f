"""The loop in which two players take turns, every cell on its own though in one stack."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from bnnbench.base.progress import Progress
from bnnbench.inference._trace import Trace

TRACES = ("objective", "discriminator_loss", "generator_loss")
STAGE = "play"


@dataclass
class Player:
    """One player's part of the latents, (cells, n), a leaf tensor, with its optimiser (Adam, Kingma & Ba 2015)."""

    latents: torch.Tensor
    learning_rate: float
    betas: tuple[float, float]

    def __post_init__(self):
        self.latents = self.latents.clone().requires_grad_()
        self.optimiser = torch.optim.Adam([self.latents], lr=self.learning_rate, betas=self.betas)

    def step(self, losses: torch.Tensor, share: float) -> None:
        """One step down losses (cells,), at that share of the learning rate."""
        # No gradient of one cell's loss reaches another cell's latents, so that their sum serves all.
        (self.latents.grad,) = torch.autograd.grad(losses.sum(), [self.latents])
        self.optimiser.param_groups[0]["lr"] = share * self.learning_rate
        self.optimiser.step()

    @property
    def state(self) -> dict:
        """What a checkpoint keeps of it."""
        return {"latents": self.latents.detach(), "optimiser": self.optimiser.state_dict()}

    def restore(self, state: dict) -> None:
        """Go on from a `state`."""
        self.optimiser.load_state_dict(state["optimiser"])
        with torch.no_grad():
            self.latents.copy_(state["latents"])


def play(
    discriminator: Player,
    generator: Player,
    losses: tuple[Callable, Callable],
    *,
    critic_steps: int,
    steps: int,
    schedule: str,
    snapshots: int,
    progress: Progress,
    posterior: Callable[[], object],
) -> tuple[np.ndarray, dict[str, np.ndarray], torch.Tensor]:
    """Alternate `critic_steps` steps of the discriminator with one of the generator, `steps` times.

    `losses` are functions of the step's number giving the discriminator's loss with the value of the game, and the
    generator's loss, (cells,) each; the discriminator's steps are counted through. Returns the steps at which stretches
    end, the means over these of what `TRACES` name, (cells, stretches) each, and the generator's latents at
    `snapshots` steps (`snapshot_steps`), (cells, snapshots, n).
    """
    of_discriminator, of_generator = losses
    players, due = (discriminator, generator), snapshot_steps(steps, snapshots)
    trace, first, kept = Trace(steps), 0, []
    if state := progress.restored(STAGE):
        first, kept = state["step"], state["kept"]
        trace.restore(state["trace"])
        for player, stored in zip(players, state["players"], strict=True):
            player.restore(stored)
    for step in range(first, steps):
        share = 0.5 * (1 + math.cos(math.pi * step / steps)) if schedule == "cosine" else 1.0
        for turn in range(critic_steps):
            loss, game = of_discriminator(step * critic_steps + turn)
            discriminator.step(loss, share)
        of_samples = of_generator(step)
        generator.step(of_samples, share)
        if step + 1 in due:
            kept.append(generator.latents.detach().clone())
        if trace.add(step + 1, torch.stack([game, loss.detach(), of_samples.detach()])):
            progress(step + 1, steps)
            with torch.no_grad():
                progress.watch(step + 1, steps, posterior)
            state = {"step": step + 1, "trace": trace.state, "kept": kept}
            progress.keep(STAGE, lambda state=state: state | {"players": [player.state for player in players]})
    found = dict(zip(TRACES, trace.means.cpu().numpy(), strict=True))
    return trace.steps, found, torch.stack(kept, 1) if kept else None


def snapshot_steps(steps: int, snapshots: int) -> list[int]:
    """Steps after which a generator is kept, so many at even distances, the last step apart: it is the result."""
    return sorted({max(1, steps * k // (snapshots + 1)) for k in range(1, snapshots + 1)} - {steps})
