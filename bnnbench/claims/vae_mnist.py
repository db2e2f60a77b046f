"""The claims on variational autoencoders, on MNIST: sentences and margins are those of the small digits."""

from dataclasses import replace

from bnnbench.claims.vae import CLAIMS as OF_DIGITS

CLAIMS = tuple(replace(claim, id=f"{claim.id}M", statement=f"{claim.statement} (MNIST)") for claim in OF_DIGITS)
