"""Mutants of the numerics that survived once, each now noticed by a test, and those that make no difference."""

KNOWN = [
    # (module, text that is there once, text in its place, tests that notice it)
    ("evaluation/select.py", 'study, "nll", "validation", **where)', 'study, "nll", "test", **where)',
     ["tests/plots/test_plots.py"]),
    ("prediction/predict.py", "if 2 * (s + 1) == passes and", "if 2 * s == passes and",
     ["tests/prediction/test_predict.py"]),
    ("inference/full_rank.py", "weight = self.temperature * warmed_up(", "weight = warmed_up(",
     ["tests/inference/test_tempering.py"]),
    ("inference/sgld.py", "math.sqrt(2 * temperature * step)", "math.sqrt(2 * bool(temperature) * step)",
     ["tests/inference/test_tempering.py"]),
    ("inference/sghmc.py", "math.sqrt(2 * temperature * self.friction * step)", "math.sqrt(2 * self.friction * step)",
     ["tests/inference/test_tempering.py"]),
    ("inference/_langevin.py", "settings.temperature if samples else 0.0", "settings.temperature",
     ["tests/inference/test_tempering.py"]),
    ("inference/_hamiltonian.py", "DIVERGENT = 1000.0", "DIVERGENT = 1e7", ["tests/inference/test_samplers.py"]),
    ("inference/_hamiltonian.py", "(n * pooled + 5e-3) / (n + 5)", "(n * pooled / 10 + 5e-3) / (n + 5)",
     ["tests/inference/test_samplers.py"]),
    ("inference/swag.py", "(moved - self.total / self.n).to", "moved.to", ["tests/inference/test_swag.py"]),
    ("base/statistics.py", "stats.norm.cdf(-t * np.sqrt(n / (n - 1)))", "stats.norm.cdf(-t)",
     ["tests/base/test_statistics.py"]),
    ("base/statistics.py", "BOOTSTRAP_FROM = 10", "BOOTSTRAP_FROM = 6", ["tests/base/test_statistics.py"]),
    ("evaluation/evaluate.py", "x_train, y_train, *_ = data.split(seed)", "x_train, _, _, y_train = data.split(seed)",
     ["tests/evaluation/test_evaluate.py"]),
    ("evaluation/evaluate.py", "x, y = labels(data, split, seed)\n        ideal",
     "x, y = labels(data, split, data.seeds[0])\n        ideal", ["tests/evaluation/test_evaluate.py"]),
    ("inference/_rounds.py", 'chains.target_acceptance = stored["target_acceptance"]', "pass",
     ["tests/inference/test_samplers.py"]),
    ("claims/mnist.py", "np.quantile(upright, 0.95)", "np.quantile(upright, 0.5)",
     ["tests/claims/test_mnist_claims.py"]),
    ("training/records.py", '"q025": 0.025', '"q025": 0.05', ["tests/evaluation/test_evaluate.py"]),
    ("base/standardise.py", "moved.std(0)", "moved.var(0)", ["tests/base/test_standardise.py"]),
    ("training/inputs.py", "CURVE_DRAWS = 5", "CURVE_DRAWS = 1", ["tests/training/test_train.py"]),
    ("inference/_optimise.py", "(1 if p.is_bias else gain)", "gain", ["tests/inference/test_initial_values.py"]),
    ("inference/_optimise.py", "math.sqrt(p.fan_in)", "p.fan_in", ["tests/inference/test_initial_values.py"]),
]  # fmt: skip

EQUIVALENT: dict[tuple[str, str], str] = {}
"""(module, what was changed) of mutants that make no difference, with the reason."""
