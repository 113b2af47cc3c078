"""Why are a surrogate gradient, the gradient of an expected output and a smoothed derivative one and the same?

For a single stochastic unit they are, draw by draw or on average; this experiment puts them side by side over the
membrane potential. `single_unit` is pure and jitted; every number in its setting is traced, so that changing one never
recompiles, and `jax.vmap` over a setting sweeps it.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory import statistics
from sgtheory._arrays import Array, Float, Key, Scalar
from sgtheory._checks import finite, instance
from sgtheory.escape import AbstractEscape
from sgtheory.gradients import (
    AbstractGradientEstimator,
    ExactGradient,
    ScoreFunction,
    SmoothedDerivative,
    SurrogateGradient,
    expectation,
    optimal_baseline,
)
from sgtheory.networks import SingleUnit
from sgtheory.neurons import Perceptron, PerceptronParameters
from sgtheory.rules import Sample, SmoothedAffine, SmoothedLeft, SmoothedRight, SpikeRule, Threshold
from sgtheory.surrogates import AbstractSurrogate

LOWEST_POTENTIAL, HIGHEST_POTENTIAL, POTENTIALS = -3.0, 3.0, 121
"""The membrane potentials at which everything is shown."""

_DIFFERENCE_STEP = 1e-3
"""Step of the numerical derivative; its error is of the order of step², far below a pixel."""


class SingleUnitSetting(eqx.Module):
    r"""One unit, one input, and the methods to be compared on it.

    `escape`, its noise; `surrogate`, the surrogate derivative, or None for the matched one; `threshold`, `weight`,
    `input`, numbers in units of the membrane potential (the input has none); `baseline` $b$ of the score function, or
    None for the one of least variance, $1-p$ at each potential;
    `hidden`, the noise that the trials are really drawn with when it is not `escape` (for guessing games).

    **Raises** `TypeError` for a member of another family, `ValueError` for a number that is not finite.
    """

    escape: AbstractEscape
    surrogate: AbstractSurrogate | None
    threshold: Scalar = eqx.field(converter=finite("threshold"))
    weight: Scalar = eqx.field(converter=finite("weight"))
    input: Scalar = eqx.field(converter=finite("input"))
    baseline: Scalar | None = eqx.field(converter=lambda b: None if b is None else finite("baseline")(b))
    hidden: AbstractEscape | None = None

    def __check_init__(self):
        instance("escape", self.escape, AbstractEscape, "Take one of `sgtheory.escape`.")


class Curves(eqx.Module):
    r"""What is shown at each membrane potential; derivatives are with respect to the weight.

    `trials` (trials × potentials): the spikes; `deterministic`: $\Theta(u)$; `probability`: $p(u)$; `trial_mean` and its
    `trial_error`; `surrogate_gradient` of the noiseless unit; `expected_gradient`, analytic, and `numerical_gradient`, by
    central differences of $E[y]$; `left_draw`, `right_draw`: smoothed derivatives in the first trial; `affine_draw`: their
    affine combination there; `score_mean`, `score_error`, `score_variance` over trials; `variance`: the closed form
    $x^2p'^2(1-p-b)^2/(p(1-p))$; `left_variance`, `right_variance`: the same at $b=0$ and $b=1$.
    """

    trials: Float[Array, "..."]
    deterministic: Float[Array, "..."]
    probability: Float[Array, "..."]
    trial_mean: Float[Array, "..."]
    trial_error: Float[Array, "..."]
    surrogate_gradient: Float[Array, "..."]
    expected_gradient: Float[Array, "..."]
    numerical_gradient: Float[Array, "..."]
    left_draw: Float[Array, "..."]
    right_draw: Float[Array, "..."]
    affine_draw: Float[Array, "..."]
    score_mean: Float[Array, "..."]
    score_error: Float[Array, "..."]
    score_variance: Float[Array, "..."]
    variance: Float[Array, "..."]
    left_variance: Float[Array, "..."]
    right_variance: Float[Array, "..."]


class SingleUnitPicture(eqx.Module):
    """`curves` over the membrane potentials, and the same at the `operating_point` weight · input, for read-outs.

    `log_likelihood`: mean, over all trials and potentials, of the logarithm of the probability that `escape` gives to
    what was drawn; the nearer to 0 the better `escape` explains the trials.
    """

    curves: Curves
    operating_potential: Scalar
    operating_point: Curves
    log_likelihood: Scalar


@eqx.filter_jit
def draw_uniforms(key: Key, trials: int, potentials: int = POTENTIALS) -> Float[Array, "trials potentials_and_one"]:
    """Uniforms for `trials` runs at every potential and, in the last column, at the operating point.

    Trial number k has the same uniforms however many trials there are.
    """
    keys = jax.vmap(lambda trial: jax.random.fold_in(key, trial))(jnp.arange(trials))
    return jax.vmap(lambda trial_key: jax.random.uniform(trial_key, (potentials + 1,)))(keys)


def membrane_potentials() -> Float[Array, " potentials"]:
    """The axis of all curves."""
    return jnp.linspace(LOWEST_POTENTIAL, HIGHEST_POTENTIAL, POTENTIALS)


@eqx.filter_jit
def single_unit(setting: SingleUnitSetting, uniforms: Float[Array, "trials potentials_and_one"]) -> SingleUnitPicture:
    """Everything that page 01 shows, for one setting and one set of uniforms (`draw_uniforms`).

    >>> import jax
    >>> from sgtheory.escape import Sigmoid
    >>> setting = SingleUnitSetting(Sigmoid(2.0), None, threshold=0.3, weight=0.8, input=1.0, baseline=0.0)
    >>> picture = single_unit(setting, draw_uniforms(jax.random.key(0), trials=10))
    >>> print(round(float(picture.operating_point.expected_gradient[0]), 4))
    0.3932
    """
    operating = setting.weight * setting.input
    potentials = jnp.append(membrane_potentials(), operating)
    run = jax.vmap(lambda v, u: _at_potential(setting, v, u), in_axes=(0, 1), out_axes=-1)
    curves, log_likelihoods = run(potentials, uniforms)
    return SingleUnitPicture(
        jax.tree.map(lambda leaf: leaf[..., :-1], curves),
        operating,
        jax.tree.map(lambda leaf: leaf[..., -1:], curves),
        jnp.mean(log_likelihoods[:-1]),
    )


def _at_potential(setting: SingleUnitSetting, potential, uniforms) -> tuple[Curves, Scalar]:
    """All methods on the unit whose bias brings it to this membrane potential, and the likelihood of its trials."""
    network = _unit(setting.escape, setting.threshold)
    parameters = PerceptronParameters([0.0])
    parameters = eqx.tree_at(
        lambda p: (p.weights, p.bias),
        parameters,
        (jnp.atleast_1d(setting.weight), potential - setting.weight * setting.input),
    )
    inputs = jnp.atleast_1d(setting.input)

    def output(p, uniform, forward, network=network):
        return network(p, inputs, uniform, SpikeRule(forward)).output

    def gradient(estimator: AbstractGradientEstimator, uniform):
        return estimator.evaluate(_spike, network, parameters, inputs, uniform).weights[0]

    drawn = network if setting.hidden is None else _unit(setting.hidden, setting.threshold)
    trials = jax.vmap(lambda uniform: output(parameters, uniform, Sample(), drawn))(uniforms)
    score_function = ScoreFunction(optimal_baseline)
    if setting.baseline is not None:
        score_function = eqx.tree_at(lambda s: s.baseline, ScoreFunction(), setting.baseline)
    scores = jax.vmap(lambda uniform: gradient(score_function, uniform))(uniforms)
    surrogate = SurrogateGradient(setting.surrogate, Threshold())
    distance = jnp.broadcast_to(network.unit.distance(parameters, inputs), trials.shape)
    curves = Curves(
        trials=trials,
        deterministic=output(parameters, uniforms[0], Threshold()),
        probability=expectation(_spike, network, parameters, inputs),
        trial_mean=jnp.mean(trials),
        trial_error=statistics.standard_error(trials),
        surrogate_gradient=gradient(surrogate, uniforms[0]),
        expected_gradient=gradient(ExactGradient(), ()),
        numerical_gradient=_numerical_gradient(network, parameters, inputs),
        left_draw=gradient(SmoothedDerivative(SmoothedLeft()), uniforms[0]),
        right_draw=gradient(SmoothedDerivative(SmoothedRight()), uniforms[0]),
        affine_draw=gradient(SmoothedDerivative(SmoothedAffine()), uniforms[0]),
        score_mean=jnp.mean(scores),
        score_error=statistics.standard_error(scores),
        score_variance=statistics.variance(scores),
        variance=_score_variance(network, parameters, inputs, setting.baseline),
        left_variance=_score_variance(network, parameters, inputs, 0.0),
        right_variance=_score_variance(network, parameters, inputs, 1.0),
    )
    return curves, jnp.mean(setting.escape.log_likelihood(distance, trials))


def _unit(escape, threshold) -> SingleUnit:
    """The unit, its numbers put in place: they were checked in the setting, and a compiled program need not do it again."""
    return eqx.tree_at(lambda network: network.unit.threshold, SingleUnit(Perceptron(escape)), threshold)


def _spike(output):
    return output


def _numerical_gradient(network, parameters, inputs):
    def expected(shift):
        moved = eqx.tree_at(lambda p: p.weights, parameters, parameters.weights + shift)
        return expectation(_spike, network, moved, inputs)

    return (expected(0.5 * _DIFFERENCE_STEP) - expected(-0.5 * _DIFFERENCE_STEP)) / _DIFFERENCE_STEP


def _score_variance(network, parameters, inputs, baseline):
    r"""Closed form $x^2 p'^2 (1-p-b)^2/(p(1-p))$, as $x^2\,(p'/p)\,(p'/(1-p))\,(1-p-b)^2$, which never divides by 0."""
    escape = network.unit.escape
    distance = network.unit.distance(parameters, inputs)
    information = escape.slope_over_probability(distance) * escape.slope_over_silence(distance)
    silence = jnp.exp(escape.log_silence(distance))
    # Where one outcome is certain the other is never drawn, and nothing varies.
    certain = (silence == 0) | (escape.probability(distance) == 0)
    information = jnp.where(certain, 0.0, information)
    difference = jnp.zeros_like(silence) if baseline is None else silence - baseline
    return inputs[0] ** 2 * information * difference**2
