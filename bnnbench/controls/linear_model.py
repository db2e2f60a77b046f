"""Ridge regression, or logistic regression with an L2 penalty (scikit-learn), the penalty chosen.

Of numbers by leave-one-out error on training rows, with Gaussian noise whose sd is the error on validation rows; of
classes by NLL on validation rows.
"""

import numpy as np

from bnnbench.controls._base import Control, Given, OfClasses, OfNumbers, about, nll, of_all_classes, only_class

PENALTIES = np.geomspace(1e-3, 1e4, 15)
"""Of squared weights of scaled inputs."""
INVERSE_PENALTIES = np.geomspace(1e-3, 1e2, 6)


class LinearModel(Control):
    """Linear in the scaled inputs."""

    def regression(self, given: Given) -> OfNumbers:
        from sklearn.linear_model import RidgeCV

        return about(RidgeCV(alphas=PENALTIES).fit(given.x, given.y).predict, given)

    def classification(self, given: Given) -> OfClasses:
        from sklearn.linear_model import LogisticRegression

        if alone := only_class(given):
            return alone
        fits = [LogisticRegression(C=c, max_iter=500).fit(given.x, given.y) for c in INVERSE_PENALTIES]
        predictors = [_predictor(fit, given.n_classes) for fit in fits]
        return min(predictors, key=lambda predict: nll(predict(given.x_validation), given.y_validation))


def _predictor(fit, n_classes: int) -> OfClasses:
    return lambda x: of_all_classes(fit.predict_proba(x), fit.classes_, n_classes)


CONTROL = LinearModel()
