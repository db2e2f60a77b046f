"""Variational autoencoder of dense layers, and the plain autoencoder (Kingma & Welling 2014, appendix C)."""

import itertools

from bnnbench.base.settings import Count
from bnnbench.networks._autoencoder import TERMS, Autoencoder, DrawCode, GiveTerms, PutAside
from bnnbench.networks._layers import Activation, Dense, Function, Widths


def build(
    input_shape: tuple[int, ...],
    n_outputs: int,
    encoder: Widths = (500,),
    decoder: Widths = (500,),
    latent: Count = 20,
    activation: Function = "tanh",
    sampled: bool = True,
    samples: Count = 1,
):
    """Hidden widths of encoder and decoder, `latent` numbers in a code, `samples` codes of a point in each step.

    `sampled` False: a plain autoencoder, whose code is a function of the input. `n_outputs` is what the likelihood
    reads for each feature. Raises ValueError for inputs that are no vectors, and for a code longer than the input.
    """
    if len(input_shape) != 1:
        raise ValueError(f"it takes vectors, and inputs have shape {input_shape}: use a data set of the task density")
    n = input_shape[0]
    if latent > n:
        raise ValueError(
            f"latent is {latent}, and an input has {n} numbers: give a code that is no longer than the input"
        )
    to_code = [n, *encoder, (1 + sampled) * latent]
    from_code = [latent, *decoder, n * n_outputs]
    layers = [PutAside(n), *_dense(to_code, activation), DrawCode(latent, sampled), *_dense(from_code, activation)]
    return Autoencoder(
        (*layers, GiveTerms()),
        input_shape,
        n * (n_outputs + 1) + TERMS,
        code=latent,
        n_encoder=len(to_code) - 1,
        sampled=sampled,
        samples=samples if sampled else 1,
    )


def _dense(widths: list[int], activation: Function) -> list:
    """Dense layers of these widths with the activation between them."""
    layers = []
    for n_in, n_out in itertools.pairwise(widths):
        layers += [Dense(n_in, n_out), Activation(activation)]
    return layers[:-1]
