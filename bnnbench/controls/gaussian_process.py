"""A Gaussian process (scikit-learn) with a squared-exponential kernel, where at most 1,000 points are trained on.

Of numbers with a lengthscale for each input where memory allows, and white noise, all by maximum marginal likelihood;
it predicts by its own variance. Of classes one against the rest, by Laplace's approximation (Rasmussen & Williams
2006, section 3.4), with one lengthscale.
"""

import numpy as np
from scipy.optimize import minimize

from bnnbench.controls._base import Control, Given, OfClasses, OfNumbers, of_all_classes, only_class

MOST_POINTS = 1000
MOST_BINARY_POINTS = 2000
"""Points times classes that are told from the rest: each has a process of its own."""
MOST_NUMBERS = 10_000_000
"""In the array of derivatives by every lengthscale; beyond, all inputs share one."""
STEPS = 60


class GaussianProcess(Control):
    """Exact inference costs the third power of the number of points."""

    def most_points(self, input_shape, n_classes):
        processes = n_classes if n_classes > 2 else 1
        return min(MOST_POINTS, MOST_BINARY_POINTS // processes) if len(input_shape) == 1 else 0

    def regression(self, given: Given) -> OfNumbers:
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

        n, d = given.x.shape
        scales = np.full(d, np.sqrt(d)) if n * n * d <= MOST_NUMBERS else np.sqrt(d)
        kernel = ConstantKernel(1.0, (1e-2, 1e3)) * RBF(scales, (1e-2, 1e4)) + WhiteKernel(0.1, (1e-6, 2.0))
        model = GaussianProcessRegressor(kernel, alpha=1e-8, optimizer=_optimise)
        model.fit(given.x, given.y.astype(np.float64))
        return lambda x: model.predict(x, return_std=True)

    def classification(self, given: Given) -> OfClasses:
        from sklearn.gaussian_process import GaussianProcessClassifier
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel

        if alone := only_class(given):
            return alone
        kernel = ConstantKernel(1.0, (1e-2, 1e4)) * RBF(np.sqrt(given.x.shape[1]), (1e-2, 1e4))
        model = GaussianProcessClassifier(kernel, optimizer=_optimise).fit(given.x, given.y)
        return lambda x: of_all_classes(model.predict_proba(x), model.classes_, given.n_classes)


def _optimise(objective, start: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, float]:
    """L-BFGS-B from the kernel's own values, of so many steps at most: each costs the third power of the points."""
    found = minimize(objective, start, method="L-BFGS-B", jac=True, bounds=bounds, options={"maxiter": STEPS})
    return found.x, found.fun


CONTROL = GaussianProcess()
