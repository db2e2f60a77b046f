"""Figures and sentences about results: each function takes a `Results` and names, and returns one figure or one text.

`show` displays either in a notebook, and says why where there is nothing to show.
"""

from bnnbench.evaluation.select import NothingToDraw, best_cell, best_models, datasets_of, main_method, noisiest
from bnnbench.plots.autoencoders import (
    autoencoders_in_words,
    bounds_by_code,
    code_planes,
    decoded_samples,
    importance_curves,
    manifold,
)
from bnnbench.plots.curves import bands_by_noise, curves_of, predictive_bands, uncertainties_along
from bnnbench.plots.density import (
    densities_of,
    density_curves,
    density_maps,
    divergences_in_words,
    spread_against_error,
)
from bnnbench.plots.density_novelty import density_histograms, density_novelty_in_words, sets_with_novel
from bnnbench.plots.display import attempt, show
from bnnbench.plots.evidence import (
    divergence_against_distance,
    divergence_by_method,
    divergences_table,
    evidence_against_nll,
    evidence_of_models,
)
from bnnbench.plots.fidelity import cost_against_fidelity, excess_by_method
from bnnbench.plots.generation import (
    clouds_over_training,
    code_traversals,
    collapses_in_words,
    generation_sets,
    images_over_training,
    sample_clouds,
    sample_images,
    samples_in_words,
    value_against_quality,
)
from bnnbench.plots.images import (
    certain_errors,
    class_variance,
    confusion_matrix,
    disputed_images,
    error_rate_histogram,
    most_disputed,
    reliability_diagram,
    vote_chi_square,
    wrong_and_unanimous,
)
from bnnbench.plots.novelty import draws_for_two_images, novel_cells, novelty_scores
from bnnbench.plots.priors import fixed_against_hyperpriors, heat_table, leaderboard, prior_heat_map
from bnnbench.plots.probes import probed_networks, rotation_curves, shift_curves, turned_digit
from bnnbench.plots.pruning import pruning_curves, signal_to_noise, weight_histograms
from bnnbench.plots.published import against_published
from bnnbench.plots.quantiles import pit_histograms, quantile_calibration
from bnnbench.plots.segmentation import class_variances, mapped, pixels_kept, scenes
from bnnbench.plots.sentences import (
    best_by_validation,
    boundary_in_words,
    elbos_in_words,
    hyperpriors_in_words,
    image_in_words,
    run_in_words,
    sparsity_in_words,
    spread_in_words,
    study_in_words,
)
from bnnbench.plots.sequences import bits_along_pieces, generated_in_words, recurrent_scores, symbol_sets
from bnnbench.plots.style import encode
from bnnbench.plots.toy import plane_maps
from bnnbench.plots.training import learning_curves, traces
from bnnbench.plots.transfer import gains, metric_by_images, pairs_of_transfer, pretraining_in_words
from bnnbench.plots.uncertainty import (
    correlation_by_size,
    tasks_of,
    uncertainties_at_sizes,
    uncertainties_by_noise,
    uncertainties_by_size,
)
from bnnbench.plots.uncertainty_words import checks_in_words, small_network_in_words
from bnnbench.plots.weights import last_layer_densities, layer_scales

__all__ = [
    "NothingToDraw",
    "against_published",
    "attempt",
    "autoencoders_in_words",
    "bands_by_noise",
    "best_by_validation",
    "best_cell",
    "best_models",
    "bits_along_pieces",
    "boundary_in_words",
    "bounds_by_code",
    "certain_errors",
    "checks_in_words",
    "class_variance",
    "class_variances",
    "clouds_over_training",
    "code_planes",
    "code_traversals",
    "collapses_in_words",
    "confusion_matrix",
    "correlation_by_size",
    "cost_against_fidelity",
    "curves_of",
    "datasets_of",
    "decoded_samples",
    "densities_of",
    "density_curves",
    "density_histograms",
    "density_maps",
    "density_novelty_in_words",
    "disputed_images",
    "divergence_against_distance",
    "divergence_by_method",
    "divergences_in_words",
    "divergences_table",
    "draws_for_two_images",
    "elbos_in_words",
    "encode",
    "error_rate_histogram",
    "evidence_against_nll",
    "evidence_of_models",
    "excess_by_method",
    "fixed_against_hyperpriors",
    "gains",
    "generated_in_words",
    "generation_sets",
    "heat_table",
    "hyperpriors_in_words",
    "image_in_words",
    "images_over_training",
    "importance_curves",
    "last_layer_densities",
    "layer_scales",
    "leaderboard",
    "learning_curves",
    "main_method",
    "manifold",
    "mapped",
    "metric_by_images",
    "most_disputed",
    "noisiest",
    "novel_cells",
    "novelty_scores",
    "pairs_of_transfer",
    "pit_histograms",
    "pixels_kept",
    "plane_maps",
    "predictive_bands",
    "pretraining_in_words",
    "prior_heat_map",
    "probed_networks",
    "pruning_curves",
    "quantile_calibration",
    "recurrent_scores",
    "reliability_diagram",
    "rotation_curves",
    "run_in_words",
    "sample_clouds",
    "sample_images",
    "samples_in_words",
    "scenes",
    "sets_with_novel",
    "shift_curves",
    "show",
    "signal_to_noise",
    "small_network_in_words",
    "sparsity_in_words",
    "spread_against_error",
    "spread_in_words",
    "study_in_words",
    "symbol_sets",
    "tasks_of",
    "traces",
    "turned_digit",
    "uncertainties_along",
    "uncertainties_at_sizes",
    "uncertainties_by_noise",
    "uncertainties_by_size",
    "value_against_quality",
    "vote_chi_square",
    "weight_histograms",
    "wrong_and_unanimous",
]
