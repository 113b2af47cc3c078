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
from sgtheory.pages.single_unit import SingleUnit

TOLERANCE = 0.02
"""Relative tolerance: two per cent, about what can be read off a page."""


@dataclass(frozen=True)
class Exercise:
    """`answer` computes the right number; `hints` are tried in turn, each a test of the reader's number and a text."""

    answer: Callable[[], float]
    hints: tuple[tuple[Callable[[float], bool], str], ...]
    last_hint: str


def check(name: str, value: Any) -> None:
    """Prints whether `value` is the answer to exercise `name`, and a hint if it is not; for `...`, what to do.

    **Raises** `ValueError` for an exercise that does not exist, `TypeError` for an answer that is not a finite number.
    """
    if not isinstance(name, str) or name not in ALL_EXERCISES:
        raise ValueError(f"`name` must be one of {', '.join(ALL_EXERCISES)}, got {brief(name)}. See the page.")
    if value is ...:
        print("Type your prediction in place of the dots, then run this cell.")
        return
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    # Compared, because `math.isfinite` fails for a whole number of 400 digits; NaN does not pass either.
    if not number or not abs(value) <= sys.float_info.max:
        raise TypeError(f"`value` must be a finite number, got {brief(value)}. Give your prediction, such as 0.25.")
    value, exercise = float(value), ALL_EXERCISES[name]
    if near(value, exercise.answer()):
        print("Yes.")
        return
    hint = next((text for applies, text in exercise.hints if applies(value)), exercise.last_hint)
    print(f"Not yet. {hint}")


def near(value: float, target: float) -> bool:
    """Whether two numbers agree within the tolerance."""
    return abs(value - target) <= TOLERANCE * max(abs(target), 1e-3)


def _unit(surrogate: str = "matched", **numbers: float) -> Any:
    """The operating point of one unit, from the program that has been compiled for the page."""
    start = {control.name: control.value for control in SingleUnit.specification}
    choices = {name: start[name] for name in ("escape", "rule", "trials")}
    choices |= {"surrogate": surrogate, "expression": "", "hidden": None}
    return SingleUnit.computed(start | numbers, choices).operating_point


def _halved_weight() -> float:
    return float(_unit(steepness=4.0, threshold=0.0, weight=0.4, input=2.0).expected_gradient[0])


def _silent() -> float:
    return 1.0 - float(_unit(steepness=2.0, threshold=0.3, weight=0.8, input=1.0).probability[0])


def _super_spike_ratio() -> float:
    point = _unit("SuperSpike", steepness=10.0, threshold=0.0, weight=0.0, input=1.0)
    return float(point.surrogate_gradient[0]) / float(point.expected_gradient[0])


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
    return float(_chain().parting[0])


_HIDDEN_WEIGHT = 1.7
"""The weight v that gives the gradient in the text of exercise 2.4; a test compares."""


def _runs_ratio() -> float:
    """Runs of finite differences divided by those of a stochastic triple, for the widths 5-5-5-1."""
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
    """How much larger the variance of uncoupled differences on the chain is with a step of 1/64 than with 1/8."""

    def variance(step):
        return sum(q * (1 - q) for sides in _chain_outputs(step) for q in sides) / step**2

    return float(variance(1 / 64) / variance(1 / 8))


def _chain_outputs(step: float) -> np.ndarray:
    """The firing probability of the chain's output, each parameter moved to either side."""
    import jax
    import jax.numpy as jnp

    from sgtheory.escape import Sigmoid
    from sgtheory.experiments.gradient_laboratory import CHAIN, draw_parameters
    from sgtheory.gradients import expectation, flatten_parameters
    from sgtheory.losses import Total
    from sgtheory.networks import MultilayerPerceptron

    with in_64_bits():
        flat, as_parameters, _ = flatten_parameters(draw_parameters(CHAIN, jax.random.key(0)))
        network = MultilayerPerceptron(CHAIN, Sigmoid(2.0))
        moved = flat[None, None] + 0.5 * step * np.stack([np.eye(flat.size), -np.eye(flat.size)], axis=1)
        of_output = jax.vmap(jax.vmap(lambda each: expectation(Total(), network, as_parameters(each), jnp.ones(1))))
        return np.asarray(of_output(moved))


def _mean_field_bias(spread: float) -> float:
    """The relative bias of the mean field on the chain, from the same function that the page shows."""
    import jax

    from sgtheory.experiments.gradient_laboratory import (
        CHAIN,
        LaboratorySetting,
        draw_noise,
        draw_parameters,
        exact_components,
        measure,
    )

    with in_64_bits():
        setting = LaboratorySetting(2.0, 8.0, spread, step=0.5, temperature=0.5, target=1.0)
        problem = setting, draw_parameters(CHAIN, jax.random.key(0)), "output"
        noise = draw_noise("mean field", CHAIN, jax.random.key(1), 2)  # the mean field does not use it
        return float(measure("mean field", *problem, exact_components(*problem), noise).bias)


_HIDDEN_SPREAD = 2.3
"""The factor that gives the bias in the text of exercise 3.3; a test compares."""


def _brackets(steepnesses: np.ndarray) -> np.ndarray:
    """The surrogate's bracket of Eq. 9 at Table 1, from the same function that the page shows."""
    import jax
    import jax.numpy as jnp

    from sgtheory.experiments.sign_flip import TABLE_1, SignFlipSetting, bracket

    with in_64_bits():
        numbers = {name: jnp.asarray(number) for name, number in TABLE_1.items()}
        setting = SignFlipSetting(**numbers)
        return np.asarray(jax.vmap(lambda steepness: bracket(setting, setting.w, steepness).total)(steepnesses))


@functools.cache
def _balance() -> float:
    """The steepness at which the bracket changes sign; on so fine a grid it is a straight line between two points."""
    steepnesses = np.linspace(30.0, 60.0, 30_001)
    return float(np.interp(0.0, _brackets(steepnesses), steepnesses))


_HIDDEN_SURROGATE = 62.0
"""The steepness that gives the bracket in the text of exercise 4.2; a test compares."""


def _loop(surrogate: float) -> float:
    """The loop of the paper's Fig. 5, from the same function that the page shows."""
    import jax.numpy as jnp

    from sgtheory.experiments._five_weights import WEIGHTS, weight_field
    from sgtheory.experiments.loop_integral import POINTS, PUBLISHED_DIRECTIONS
    from sgtheory.gradients.fields import Plane, loop_integral

    with in_64_bits():
        plane = Plane(jnp.zeros(WEIGHTS), *jnp.asarray(PUBLISHED_DIRECTIONS))
        field = weight_field(jnp.asarray(1e4), jnp.asarray(surrogate))
        return float(loop_integral(field, plane.circle(1.8), POINTS).value)


def _twice_backwards() -> float:
    return -2.0 * _loop(20.0)


_HIDDEN_STEEPNESS = 7.0
"""The steepness that gives the integral in the text of exercise 5.3; a test compares."""

ALL_EXERCISES: dict[str, Exercise] = {
    "01.1": Exercise(
        _halved_weight,
        (
            (lambda v: near(v, 0.5 * _halved_weight()), "The operating point is the same, but one factor of Eq. 5 is not."),
            (lambda v: near(v, 0.25 * _halved_weight()), "The weight itself is not a factor of the derivative with respect to it."),
            (lambda v: v < 0, "The input is positive: more weight can only bring more spikes."),
        ),
        "Write down Eq. 5 for one input: which of its factors does each slider change?",
    ),
    "01.2": Exercise(
        _silent,
        (
            (lambda v: near(v, 1.0 - _silent()), "That is the probability of a spike. The variance vanishes at the "
             "probability of the other outcome."),
            (lambda v: v in (0, 1), "At b = 0 you have the left derivative, at b = 1 the right one: both vary."),
            (lambda v: not 0 <= v <= 1, "It is a probability."),
        ),
        "Ask which value of b makes both outcomes, 0 and 1, give the same estimate.",
    ),
    "01.3": Exercise(
        _super_spike_ratio,
        (
            (lambda v: near(v, 1.0 / _super_spike_ratio()), "Invert the fraction: surrogate divided by true derivative."),
            (lambda v: near(v, 1.0), "They agree only by accident, at one steepness. Read off both heights at threshold."),
        ),
        "The height of SuperSpike at threshold is 1; that of the sigmoid's slope is β/4.",
    ),
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
    "03.1": Exercise(
        _runs_ratio,
        (
            (lambda v: near(v, 0.5 * _runs_ratio()), "A central difference runs the network on both sides of each parameter."),
            (lambda v: near(v, 1.0 / _runs_ratio()), "Invert the fraction: differences divided by triple."),
        ),
        "Count the parameters, weights and biases; then count the decisions, one per unit. A triple takes one run, and one "
        "more for each decision.",
    ),
    "03.2": Exercise(
        _uncoupled_ratio,
        (
            (lambda v: 0 < v < 1, "The loss of each run is as noisy as before, and it is divided by a smaller number."),
            (lambda v: near(v, 8.0), "That is what happens with common random numbers. Here nothing cancels."),
            (lambda v: v <= 0, "The ratio of two variances is positive."),
        ),
        "Write down the variance of the difference of two independent numbers, divided by ε.",
    ),
    "03.3": Exercise(
        lambda: _HIDDEN_SPREAD,
        (
            (lambda v: v <= 0, "The slider has only positive numbers."),
            (lambda v: v > 4, "The slider does not go that far."),
        ),
        "Tick only the mean field, so that the displayed bias is free of noise, and move the slider until it agrees.",
    ),
    "04.1": Exercise(
        _balance,
        (
            (lambda v: v <= 0, "A steepness is positive."),
            (lambda v: v > 100, "The slider does not go that far."),
            (lambda v: v < 0.5 * _balance(), "There the second term still outweighs the first: the sign is wrong."),
        ),
        "Move w to 0 and watch the sum of the two terms in the surrogate's bracket: where does it cross zero?",
    ),
    "04.2": Exercise(
        lambda: _HIDDEN_SURROGATE,
        (
            (lambda v: 0 < v < _balance(), "With such a surrogate the bracket is negative, and the sign is wrong."),
            (lambda v: v <= 0, "A steepness is positive."),
        ),
        "Compare the displayed bracket of the surrogate with the one in the exercise, and keep moving the slider until they "
        "agree.",
    ),
    "05.1": Exercise(
        _twice_backwards,
        (
            (lambda v: near(v, 0.5 * _twice_backwards()), "That is once around. What is the integral along a path walked twice?"),
            (lambda v: v == 0, "It would be zero for the gradient of a function. The page shows what it is here."),
            (lambda v: v < 0, "Backwards, each step has the opposite sign, and the surrogate gradient at each point is the same."),
        ),
        "An integral along a path is a sum over its steps: reverse each step, and take each of them twice.",
    ),
    "05.3": Exercise(
        lambda: _HIDDEN_STEEPNESS,
        (
            (lambda v: v <= 0, "A steepness is positive."),
            (lambda v: v > 32, "The slider does not go that far."),
        ),
        "Compare the displayed loop integral with the one in the exercise, and keep moving the slider until they agree.",
    ),
}  # fmt: skip
"""All exercises, by the number of the page and of the exercise."""
