"""Pictures of densities, autoencoders and generators: of each kind of study what is drawn, a tuple of name, caption,
alternative text, function and its arguments after results and study.

Raises NothingToDraw, or returns nothing, for a study of another kind.
"""

from bnnbench.evaluation.results import Results


def of_densities(results: Results, study: str) -> list[tuple]:
    """Of a study of known densities what is drawn."""
    from bnnbench.plots import attempt, density
    from bnnbench.words.names import data_name

    best, found = "each method with its best model by validation NLL", []
    for name in attempt(density.densities_of, results, study, 2) or []:
        found.append((
            f"density-{name}", f"{data_name(name)}: the true density and the mean density of draws, and how far "
            "draws differ "
            f"about its logarithm, {best}.",
            f"Maps of densities of {data_name(name)} over the plane, the true one first.", density.density_maps, name,
        ))  # fmt: skip
    for name in attempt(density.densities_of, results, study, 1) or []:
        found.append((
            f"density-{name}", f"{data_name(name)}: the true density (dashed) and that of each method with the "
            "spread of its "
            f"draws, {best}.",
            f"Curves of densities of {data_name(name)}, a panel a method.", density.density_curves, name,
        ))  # fmt: skip
    return found


def of_novelty(results: Results, study: str) -> list[tuple]:
    """Of a study in which densities are to tell novel images what is drawn."""
    from bnnbench.plots import attempt, density_novelty
    from bnnbench.words.names import data_name

    return [
        (
            f"novelty-{name}", f"{data_name(name)}: log densities of known test images and of kinds that were never "
            "trained on, above some of the images. Where a novel kind lies to the right it is taken for more probable "
            "than what the model knows.",
            "Histograms of log densities, a panel a method, above images of each kind.",
            density_novelty.density_histograms, name,
        )
        for name in attempt(density_novelty.sets_with_novel, results, study) or []
    ]  # fmt: skip


def of_codes(results: Results, study: str) -> list[tuple]:
    """Of a study of autoencoders what is drawn."""
    from bnnbench.plots import autoencoders

    if not any(options["kind"] == "vae" for options in results.plan.study_configs[study].networks.values()):
        return []
    return [
        (
            "samples", "Images decoded from codes that are drawn from the prior, a row a length of the code, below "
            "test "
            "images.", "Rows of decoded images, a row a length of the code.", autoencoders.decoded_samples,
        ),
        (
            "manifold", "Images along the plane of codes, at even steps of the prior's quantiles, so that each "
            "stands for as "
            "much of the prior.", "A grid of decoded images over the plane of codes.", autoencoders.manifold,
        ),
        (
            "planes", "Codes of test images by their digit, with the nearest neighbour's accuracy and the distance "
            "of the "
            "codes from the prior; the circle holds 95% of the prior.",
            "Scatter plots of codes coloured by digit, a panel a network and objective.", autoencoders.code_planes,
        ),
        (
            "bounds", "NLL by importance sampling and negative ELBO against the length of the code, by the bound's two "
            "estimators.", "Curves of NLL and negative ELBO against the length of the code.",
            autoencoders.bounds_by_code,
        ),
    ]  # fmt: skip


def of_samples(results: Results, study: str) -> list[tuple]:
    """Of a study of generators what is drawn."""
    from bnnbench.plots import attempt, generation
    from bnnbench.words.names import data_name

    generation.generation_sets(results, study)
    found = []
    for name in attempt(generation.generation_sets, results, study, False) or []:
        title = data_name(name)
        found += [
            (
                f"samples-{name}", f"{title}: samples of each generator at the lowest seed, over real points in grey; "
                "circles reach to three sds from the modes' centres.",
                f"Scatter plots of samples of {title}, a panel a generator.", generation.sample_clouds, name,
            ),
            (
                f"training-{name}", f"{title}: samples over training, a row a generator.",
                f"Scatter plots of samples of {title} at steps of training.", generation.clouds_over_training, name,
            ),
        ]  # fmt: skip
    for name in attempt(generation.generation_sets, results, study, True) or []:
        title = data_name(name)
        found += [
            (
                f"samples-{name}", f"{title}: samples of each generator at the lowest seed, below real images.",
                f"Rows of generated images of {title}, a row a generator.", generation.sample_images, name,
            ),
            (
                f"codes-{name}", f"{title}: samples of each category of InfoGAN's code, a column a category.",
                f"A grid of generated images of {title} by category.", generation.code_traversals, name,
            ),
        ]  # fmt: skip
    return found
