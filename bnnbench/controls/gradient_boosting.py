"""Gradient-boosted trees (scikit-learn's histogram-based ones with their default rates), stopped early.

Of numbers where a tenth of the training rows says so, with Gaussian noise whose sd is the error on validation rows,
which take no part; of classes where validation rows say so.
"""

from itertools import islice

import numpy as np

from bnnbench.controls._base import Control, Given, OfClasses, OfNumbers, about, nll, of_all_classes, only_class

MOST_TREES, STRETCH = 500, 20
FEWEST_ROWS = 50
"""Below which a tenth of them could not say when to stop: then there are as many trees as scikit-learn's default."""


class GradientBoosting(Control):
    """Trees of 31 leaves at a rate of .1."""

    def regression(self, given: Given) -> OfNumbers:
        from sklearn.ensemble import HistGradientBoostingRegressor

        stops = len(given.y) >= FEWEST_ROWS
        options = {"early_stopping": True, "max_iter": MOST_TREES} if stops else {"early_stopping": False}
        model = HistGradientBoostingRegressor(random_state=given.seed, **options)
        return about(model.fit(given.x, given.y).predict, given)

    def classification(self, given: Given) -> OfClasses:
        from sklearn.ensemble import HistGradientBoostingClassifier

        if alone := only_class(given):
            return alone
        model = HistGradientBoostingClassifier(
            early_stopping=False, warm_start=True, max_iter=0, random_state=given.seed
        )
        errors: list[float] = []
        while len(errors) < MOST_TREES and np.argmin([*errors, np.inf]) >= len(errors) - STRETCH:
            model.set_params(max_iter=len(errors) + STRETCH).fit(given.x, given.y)
            stages = islice(model.staged_predict_proba(given.x_validation), len(errors), None)
            errors += [nll(of_all_classes(p, model.classes_, given.n_classes), given.y_validation) for p in stages]
        best = int(np.argmin(errors))

        def predict(x: np.ndarray) -> np.ndarray:
            found = next(islice(model.staged_predict_proba(x), best, None))
            return of_all_classes(found, model.classes_, given.n_classes)

        return predict


CONTROL = GradientBoosting()
