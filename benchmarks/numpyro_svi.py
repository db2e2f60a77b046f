"""Worker: NumPyro's SVI of the same models under vmap and scan. It runs in an environment of its own."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax import lax
from numpyro.infer import SVI, Trace_ELBO
from numpyro.infer.autoguide import AutoNormal
from serve import serve

WIDTHS = (2, 5, 5, 2)
FAMILIES = {"normal": dist.Normal, "laplace": dist.Laplace, "cauchy": dist.Cauchy}
HYPERPRIORS = {"half_normal": dist.HalfNormal, "half_cauchy": dist.HalfCauchy}
prepared = {}


def _model(name: str):
    family, scale = name.split("-")

    def weight(label, shape):
        if scale not in HYPERPRIORS:
            prior = FAMILIES[family](0.0, float(scale)).expand(shape)
            return numpyro.sample(label, prior.to_event(len(shape)))
        s = numpyro.sample(f"{label}.scale", HYPERPRIORS[scale](1.0))
        return s * numpyro.sample(f"{label}.unit", FAMILIES[family](0.0, 1.0).expand(shape).to_event(len(shape)))

    def model(x, y):
        h = x
        for i in range(3):
            if i:
                h = jnp.tanh(h)
            h = h @ weight(f"weight{i}", WIDTHS[i : i + 2]) + weight(f"bias{i}", WIDTHS[i + 1 : i + 2])
        numpyro.sample("y", dist.Categorical(logits=h).to_event(1), obs=y)

    return model


def prepare(model: str, sets: str) -> dict:
    """Initialise all models at once, each on its own training set."""
    data = np.load(sets)
    x, y = jnp.asarray(data["x"]), jnp.asarray(data["y"].astype("int32"))
    described = _model(model)
    svi = SVI(described, AutoNormal(described, init_scale=0.05), numpyro.optim.Adam(0.02), Trace_ELBO())
    svi.init(jax.random.key(0), x[0], y[0])  # sets up the guide
    states = jax.jit(jax.vmap(svi.init))(jax.random.split(jax.random.key(1), len(x)), x, y)

    def run(state, x, y, length):
        return lax.scan(lambda s, _: svi.update(s, x, y), state, None, length=length)

    runs = {}

    def timed(length):
        if length not in runs:
            runs[length] = jax.jit(jax.vmap(lambda s, x, y: run(s, x, y, length)))
            jax.block_until_ready(runs[length](states, x, y))  # compiles
        started = time.perf_counter()
        jax.block_until_ready(runs[length](states, x, y))
        return time.perf_counter() - started

    prepared[model] = timed, len(x)
    return {"versions": f"numpyro {numpyro.__version__}, jax {jax.__version__}"}


def step(model: str, n: int) -> dict:
    """Seconds a step and model: the time of 2n steps less that of n."""
    timed, n_models = prepared[model]
    short, long = timed(n), timed(2 * n)
    return {"seconds": (long - short) / n / n_models}


if __name__ == "__main__":
    serve(prepare, step)
