"""The exercises of page 02: what computes their answers, and their hints."""

import functools

import numpy as np

from sgtheory.pages._kit import in_64_bits
from sgtheory.pages.exercises import Exercise, near


@functools.cache
def _chain(v: float = 1.2, step: float = 0.5):
    """The chain of page 02, from the same experiment that the page shows."""
    import jax

    from sgtheory.experiments.path_tree import WIDTHS, PathTreeSetting, draw_uniforms, layer_patterns, path_tree

    with in_64_bits():
        key, chain = jax.random.key(0), WIDTHS[0]
        patterns = layer_patterns(key, chain)
        setting = PathTreeSetting(w=0.8, v=v, u=-0.9, steepness=2.0, input=1.0, step=step, patterns=patterns)
        picture = path_tree(setting, draw_uniforms(key, chain))
        return jax.tree.map(np.asarray, picture)


def _both_fire() -> float:
    """The probability of the hidden path (1, 1), whatever the output."""
    return float(_chain().probability[-2:].sum())


def _lonely_ratio() -> float:
    picture = _chain()
    return float(picture.deterministic[2] / picture.exact[2])


def _parting() -> float:
    return float(_chain().pairs.parting[0, 0])


_HIDDEN_WEIGHT = 1.7
"""The weight v that gives the gradient in the text of exercise 2.4; a test compares."""

EXERCISES = {
    "02.1": Exercise(
        _both_fire,
        (
            (lambda v: not 0 <= v <= 1, "It is a probability."),
            (lambda v: near(v, 0.731), "That is the first unit alone. The second one has to fire as well."),
            (lambda v: near(v, 0.602), "The second unit has a threshold of its own, not that of the first."),
        ),
        "Along a path probabilities multiply: one factor per unit, the second given that the first has fired.",
    ),
    "02.2": Exercise(
        _lonely_ratio,
        (
            (lambda v: near(v, 1.0), "On the deterministic path the second unit always fires. Does it in the stochastic network?"),
            (lambda v: near(v, 1 / _lonely_ratio()), "Invert the fraction: deterministic divided by exact."),
            (lambda v: v < 0, "Both gradients have the same sign."),
        ),
        "The derivative with respect to u is h² times a slope, which is the same on all paths with h² = 1. How probable are "
        "these paths together?",
    ),
    "02.3": Exercise(
        _parting,
        (
            (lambda v: not 0 <= v <= 1, "It is a share."),
            (lambda v: near(v, 0.5), "That would be a coin toss. The runs share their random numbers, and their "
             "probabilities are close."),
            (lambda v: v == 0, "The first unit's probability is not the same in both runs."),
        ),
        "The runs separate where the first unit's random number lies between its two probabilities, at w + ε/2 and at "
        "w − ε/2.",
    ),
    "02.4": Exercise(
        lambda: _HIDDEN_WEIGHT,
        (
            (lambda v: abs(v) > 3, "The slider does not go that far."),
            (lambda v: v <= 0.5, "With so small a v the exact gradient with respect to w is smaller, or has the other sign."),
        ),
        "Compare the displayed exact gradient with the one in the exercise, and keep moving the slider until they agree.",
    ),
}  # fmt: skip
