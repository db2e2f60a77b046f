"""Metrics of samples of a generator, beside real points that nothing was trained on."""

from .._registry import define_inputs

define_inputs(
    "generation",
    {
        "samples": "`Samples`: n generated points, and what the discriminator says",
        "real": "`Real`: m real points of the split, and the features in which images are compared",
        "mixture": "centres (k, D) and the sd of the Gaussians that the points are of; of generated data only",
        "log_odds": "the discriminator's log-odds of the real points (m,) and of the samples (n,); not of critics",
        "criticism": "the same of a critic, whose numbers are no log-odds",
        "code_log_proba": "log Q of the codes of each sample, (n,); of networks with categories",
        "real_code": "the category read off each real point, (m,); of networks with categories",
        "classes": "the class of each real point, (m,)",
    },
    compared="samples",
)
