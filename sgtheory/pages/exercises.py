"""Self-checks for the exercises on the pages: they give hints, not answers.

>>> from sgtheory.pages.exercises import check
>>> check("01.2", 0.73)
Not yet. That is the probability of a spike. The variance vanishes at the probability of the other outcome.
"""

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sgtheory.pages._kit.controls import brief
from sgtheory.pages._kit.numbers import in_64_bits

TOLERANCE = 0.02
"""Relative: two per cent, about what can be read off a page."""


@dataclass(frozen=True)
class Exercise:
    """`answer` computes the right number; `hints` are tried in turn: a test of the reader's number, and what it says."""

    answer: Callable[[], float]
    hints: tuple[tuple[Callable[[float], bool], str], ...]
    last_hint: str


def check(name: str, value: Any) -> None:
    """Prints whether `value` answers exercise `name`, and a hint where it does not.

    **Raises** `ValueError` for an exercise that does not exist, `TypeError` for an answer that is no finite number.
    """
    if not isinstance(name, str) or name not in ALL_EXERCISES:
        raise ValueError(f"`name` must be one of {', '.join(ALL_EXERCISES)}, got {brief(name)}. See the page.")
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    # Compared, for `math.isfinite` fails at a whole number of 400 digits; no NaN passes either.
    if not number or not abs(value) <= sys.float_info.max:
        raise TypeError(f"`value` must be a finite number, got {brief(value)}. Give your prediction, 0.25 say.")
    value, exercise = float(value), ALL_EXERCISES[name]
    if near(value, exercise.answer()):
        print("Yes. Now move the sliders and see it happen.")
        return
    hint = next((text for applies, text in exercise.hints if applies(value)), exercise.last_hint)
    print(f"Not yet. {hint}")


def near(value: float, target: float) -> bool:
    """Whether two numbers agree to within the tolerance of a reading."""
    return abs(value - target) <= TOLERANCE * max(abs(target), 1e-3)


def _unit(steepness: float, threshold: float, weight: float, stimulus: float, surrogate: Any = None):
    """The operating point of one unit, from the same experiment that the page shows."""
    import jax

    from sgtheory.escape import Sigmoid
    from sgtheory.experiments.single_unit import SingleUnitSetting, draw_uniforms, single_unit

    # In the page's precision and with its number of trials: the program that the page has compiled answers at once.
    with in_64_bits():
        setting = SingleUnitSetting(
            Sigmoid(steepness), surrogate, threshold=threshold, weight=weight, input=stimulus, baseline=0.0
        )
        return single_unit(setting, draw_uniforms(jax.random.key(0), trials=50)).operating_point


def _halved_weight() -> float:
    return float(_unit(4.0, 0.0, 0.4, 2.0).expected_gradient[0])


def _silent() -> float:
    return 1.0 - float(_unit(2.0, 0.3, 0.8, 1.0).probability[0])


def _super_spike_ratio() -> float:
    from sgtheory.surrogates import SuperSpike

    point = _unit(10.0, 0.0, 0.0, 1.0, SuperSpike(10.0))
    return float(point.surrogate_gradient[0]) / float(point.expected_gradient[0])


@functools.cache
def _chain(v: float = 1.2, step: float = 0.5):
    """The chain of page 02, from the same experiment that the page shows."""
    import jax
    import jax.numpy as jnp

    from sgtheory.experiments.path_tree import WIDTHS, PathTreeSetting, draw_uniforms, layer_patterns, path_tree

    with in_64_bits():
        key, chain = jax.random.key(0), WIDTHS[0]
        numbers = {"w": 0.8, "v": v, "u": -0.9, "steepness": 2.0, "input": 1.0, "step": step}
        setting = {name: jnp.asarray(number) for name, number in numbers.items()}
        picture = path_tree(PathTreeSetting(**setting, patterns=layer_patterns(key, chain)), draw_uniforms(key, chain))
        return jax.tree.map(np.asarray, picture)


def _both_fire() -> float:
    """The probability of the hidden path (1, 1), whatever the output."""
    return float(_chain().probability[-2:].sum())


def _lonely_ratio() -> float:
    picture = _chain()
    return float(picture.deterministic[2] / picture.exact[2])


def _parting() -> float:
    return float(_chain().parting[0])


_HIDDEN_WEIGHT = 1.7
"""Of the gradient that the text of exercise 2.4 tells; a test computes it."""


def _runs_ratio() -> float:
    """Runs of finite differences over those of a stochastic triple, for the widths 5-5-5-1."""
    import jax
    import jax.numpy as jnp

    from sgtheory.escape import Sigmoid
    from sgtheory.experiments.gradient_laboratory import draw_parameters
    from sgtheory.gradients import FiniteDifference, StochasticTriple
    from sgtheory.networks import MultilayerPerceptron

    with in_64_bits():
        widths = (5, 5, 5, 1)
        problem = MultilayerPerceptron(widths, Sigmoid(1.0)), draw_parameters(widths, jax.random.key(0)), jnp.ones(5)
        return FiniteDifference(0.5).runs(*problem) / StochasticTriple().runs(*problem)


@functools.cache
def _uncoupled_ratio() -> float:
    """Of the variance of uncoupled differences on the chain, from a step of 0.1 to one of 0.01."""

    def variance(step):
        return sum(q * (1 - q) for sides in _chain_outputs(step) for q in sides) / step**2

    return float(variance(0.01) / variance(0.1))


def _chain_outputs(step: float) -> np.ndarray:
    """The firing probability of the chain's output, each parameter moved to either side."""
    import jax
    import jax.numpy as jnp
    from jax.flatten_util import ravel_pytree

    from sgtheory.escape import Sigmoid
    from sgtheory.experiments.gradient_laboratory import CHAIN, draw_parameters, total
    from sgtheory.gradients import expectation
    from sgtheory.networks import MultilayerPerceptron

    with in_64_bits():
        flat, unravel = ravel_pytree(draw_parameters(CHAIN, jax.random.key(0)))
        network = MultilayerPerceptron(CHAIN, Sigmoid(2.0))
        moved = flat[None, None] + 0.5 * step * np.stack([np.eye(flat.size), -np.eye(flat.size)], axis=1)
        of_output = jax.vmap(jax.vmap(lambda each: expectation(total, network, unravel(each), jnp.ones(1))))
        return np.asarray(of_output(moved))


def _mean_field_bias(spread: float) -> float:
    """The relative bias of the mean field on the chain, from the same function that the page shows."""
    import jax
    import jax.numpy as jnp

    from sgtheory.experiments.gradient_laboratory import (
        CHAIN,
        LaboratorySetting,
        draw_parameters,
        exact_components,
        measure,
    )

    with in_64_bits():
        setting = LaboratorySetting(2.0, 8.0, spread, step=0.5, temperature=0.5, target=1.0)
        problem = setting, draw_parameters(CHAIN, jax.random.key(0)), "output"
        noise = jnp.full((2, 3), 0.5)  # which it does not look at
        return float(measure("mean field", *problem, exact_components(*problem), noise).bias)


_HIDDEN_SPREAD = 2.3
"""Of the chain whose bias the text of exercise 3.3 tells; a test computes it."""


def _brackets(steepnesses: np.ndarray) -> np.ndarray:
    """The surrogate's bracket of Eq. 9 at Table 1, from the same function that the page shows."""
    import jax
    import jax.numpy as jnp

    from sgtheory.experiments.sign_flip import TABLE_1, SignFlipSetting, bracket

    with in_64_bits():
        numbers = {name: jnp.asarray(number) for name, number in TABLE_1.items()}
        setting = SignFlipSetting(**numbers, map_surrogate=jnp.asarray(4.0))
        return np.asarray(jax.vmap(lambda steepness: bracket(setting, setting.w, steepness).total)(steepnesses))


@functools.cache
def _balance() -> float:
    """Where it changes its sign; between two points of so fine a grid it is a straight line."""
    steepnesses = np.linspace(30.0, 60.0, 30_001)
    return float(np.interp(0.0, _brackets(steepnesses), steepnesses))


_HIDDEN_SURROGATE = 62.0
"""Of the bracket that the text of exercise 4.2 tells; a test computes it."""


def _loop(surrogate: float) -> float:
    """The loop of the paper's Fig. 5, from the same function that the page shows."""
    import jax.numpy as jnp

    from sgtheory.experiments.loop_integral import POINTS, PUBLISHED_DIRECTIONS, WEIGHTS, weight_field
    from sgtheory.gradients.fields import Plane, loop_integral

    with in_64_bits():
        plane = Plane(jnp.zeros(WEIGHTS), *jnp.asarray(PUBLISHED_DIRECTIONS))
        field = weight_field(jnp.asarray(1e4), jnp.asarray(surrogate))
        return float(loop_integral(field, plane.circle(1.8), POINTS).value)


def _twice_backwards() -> float:
    return -2.0 * _loop(20.0)


_HIDDEN_STEEPNESS = 7.0
"""Of the loop whose integral the text of exercise 5.3 tells; a test computes it."""

ALL_EXERCISES: dict[str, Exercise] = {
    "01.1": Exercise(
        _halved_weight,
        (
            (lambda v: near(v, 0.5 * _halved_weight()), "The operating point is the same, but one factor of Eq. 5 is not."),
            (lambda v: near(v, 0.25 * _halved_weight()), "The weight itself is no factor of the derivative by the weight."),
            (lambda v: v < 0, "The input is positive: more weight can only bring more spikes."),
        ),
        "Write down Eq. 5 for one input: which of its factors does each slider change?",
    ),
    "01.2": Exercise(
        _silent,
        (
            (lambda v: near(v, 1.0 - _silent()), "That is the probability of a spike. The variance vanishes at the "
             "probability of the other outcome."),
            (lambda v: v in (0, 1), "At 0 you have the left derivative and at 1 the right one: both vary."),
            (lambda v: not 0 <= v <= 1, "It is a probability."),
        ),
        "Ask which value of b makes both outcomes, 0 and 1, give the same estimate.",
    ),
    "01.3": Exercise(
        _super_spike_ratio,
        (
            (lambda v: near(v, 1.0 / _super_spike_ratio()), "Turn the fraction over: surrogate divided by true derivative."),
            (lambda v: near(v, 1.0), "Only by accident, at one steepness. Read both heights at threshold."),
        ),
        "SuperSpike's height at threshold is 1; that of the sigmoid's slope is β/4.",
    ),
    "02.1": Exercise(
        _both_fire,
        (
            (lambda v: not 0 <= v <= 1, "It is a probability."),
            (lambda v: near(v, 0.731), "That is the first unit alone. The second one must fire as well."),
            (lambda v: near(v, 0.602), "The second unit has a threshold, too, and it is not that of the first."),
        ),
        "Along a path probabilities multiply: one factor a unit, the second given that the first has fired.",
    ),
    "02.2": Exercise(
        _lonely_ratio,
        (
            (lambda v: near(v, 1.0), "Its second unit always fires. Does it in the stochastic network?"),
            (lambda v: near(v, 1 / _lonely_ratio()), "Turn the fraction over: deterministic divided by exact."),
            (lambda v: v < 0, "Both gradients point the same way."),
        ),
        "The derivative by u is h² times a slope, the same on all paths with h² = 1. How probable are they together?",
    ),
    "02.3": Exercise(
        _parting,
        (
            (lambda v: not 0 <= v <= 1, "It is a share."),
            (lambda v: near(v, 0.5), "A coin for each pair? They share their dice, and their probabilities are close."),
            (lambda v: v == 0, "The first unit's probability is not the same in both runs."),
        ),
        "They part where the first unit's uniform lies between its two probabilities, at w + ε/2 and at w − ε/2.",
    ),
    "02.4": Exercise(
        lambda: _HIDDEN_WEIGHT,
        (
            (lambda v: abs(v) > 3, "The slider does not go so far."),
            (lambda v: v <= 0.5, "With so small a v the exact gradient by w is smaller, or has the other sign."),
        ),
        "Compare the read-out of the exact gradient with the number that was found, and move on.",
    ),
    "03.1": Exercise(
        _runs_ratio,
        (
            (lambda v: near(v, 0.5 * _runs_ratio()), "A central difference runs the network on both sides of each parameter."),
            (lambda v: near(v, 1.0 / _runs_ratio()), "Turn the fraction over: differences divided by triple."),
        ),
        "Count the parameters, weights and biases; and the decisions, one a unit. A triple takes one run and another for "
        "each decision.",
    ),
    "03.2": Exercise(
        _uncoupled_ratio,
        (
            (lambda v: 0 < v < 1, "The loss of either run is as noisy as before, and it is divided by less."),
            (lambda v: near(v, 10.0), "That is the law with common random numbers. Here nothing cancels."),
            (lambda v: v <= 0, "A variance is not negative."),
        ),
        "Write down the variance of the difference of two independent numbers, divided by ε.",
    ),
    "03.3": Exercise(
        lambda: _HIDDEN_SPREAD,
        (
            (lambda v: v <= 0, "The slider holds positive numbers."),
            (lambda v: v > 4, "The slider does not go so far."),
        ),
        "Tick the mean field alone, so that the read-out of the bias is free of noise, and move the slider until it agrees.",
    ),
    "04.1": Exercise(
        _balance,
        (
            (lambda v: v <= 0, "A steepness is positive."),
            (lambda v: v > 100, "The slider does not go so far."),
            (lambda v: v < 0.5 * _balance(), "Here the second term still outweighs the first: the sign is wrong."),
        ),
        "Move w to 0 and watch the sum of the two terms in the surrogate's bracket: where does it cross zero?",
    ),
    "04.2": Exercise(
        lambda: _HIDDEN_SURROGATE,
        (
            (lambda v: 0 < v < _balance(), "With such a surrogate the bracket is negative, and the sign wrong."),
            (lambda v: v <= 0, "A steepness is positive."),
        ),
        "Compare the read-out of the surrogate's bracket with the number that was found, and move on.",
    ),
    "05.1": Exercise(
        _twice_backwards,
        (
            (lambda v: near(v, 0.5 * _twice_backwards()), "That is once. What is the integral along a path walked two times?"),
            (lambda v: v == 0, "Zero it would be for the gradient of a function. The page says what it is here."),
            (lambda v: v < 0, "Backwards, each step has the other sign, and the surrogate gradient at each point the same."),
        ),
        "An integral along a path is a sum over its steps: turn each step round, and take all of them two times.",
    ),
    "05.3": Exercise(
        lambda: _HIDDEN_STEEPNESS,
        (
            (lambda v: v <= 0, "A steepness is positive."),
            (lambda v: v > 32, "The slider does not go so far."),
        ),
        "Compare the read-out of the loop integral with the number that was found, and move on in the right direction.",
    ),
}  # fmt: skip
"""All exercises by number: page, then exercise."""
