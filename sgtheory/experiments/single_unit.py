"""Why are a surrogate gradient, the gradient of an expected output and a smoothed derivative one and the same?

For a single stochastic unit they are, draw by draw or on average; this experiment puts them side by side at every
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
    FiniteDifference,
    ScoreFunction,
    SmoothedDerivative,
    SurrogateGradient,
    expectation,
    expected_gradient,
    optimal_baseline,
)
from sgtheory.losses import Total
from sgtheory.networks import SingleUnit
from sgtheory.neurons import Perceptron, PerceptronParameters
from sgtheory.rules import Sample, SmoothedAffine, SmoothedLeft, SmoothedRight, SpikeRule, Threshold
from sgtheory.surrogates import AbstractSurrogate

LOWEST_POTENTIAL, HIGHEST_POTENTIAL, POTENTIALS = -3.0, 3.0, 121
"""The range and the number of the membrane potentials at which everything is shown."""

_ROUNDING = 1e-14
"""More than the rounding of a potential, and far below a pixel: by so much a unit at its threshold is silent."""

_DIFFERENCE_STEP = 1e-3
"""Step of the numerical derivative, whose error, of the order of the step squared, is far below a pixel."""


class SingleUnitSetting(eqx.Module):
    r"""One unit, one input, and the methods to be compared on it.

    **Raises** `TypeError` for a member of another family, `ValueError` for a number that is not finite.
    """

    escape: AbstractEscape
    """Its escape noise."""
    surrogate: AbstractSurrogate | None
    """The surrogate derivative, or None for the one that matches the noise."""
    threshold: Scalar = eqx.field(converter=finite("threshold", single=True))
    r"""The threshold $\vartheta$, in units of the membrane potential."""
    weight: Scalar = eqx.field(converter=finite("weight", single=True))
    """The weight $w$ of its only input, in units of the membrane potential."""
    input: Scalar = eqx.field(converter=finite("input", single=True))
    """The input $x$, which has no unit."""
    baseline: Scalar | None = eqx.field(converter=finite("baseline", single=True, optional=True))
    """The baseline $b$ of the score function, or None for the one of least variance, $1-p$ at each potential."""
    hidden: AbstractEscape | None = None
    """The noise that the trials are really drawn with, where it is not `escape`: in a guessing game."""

    def __check_init__(self):
        instance("escape", self.escape, AbstractEscape, "Take one of `sgtheory.escape`.")
        if self.surrogate is not None:
            instance("surrogate", self.surrogate, AbstractSurrogate, "Take one of `sgtheory.surrogates`, or None.")
        if self.hidden is not None:
            instance("hidden", self.hidden, AbstractEscape, "Take one of `sgtheory.escape`, or None.")


class Curves(eqx.Module):
    """What is shown at each membrane potential; all derivatives are with respect to the weight."""

    trials: Float[Array, "trials potentials"]
    """The spikes, 0 or 1."""
    deterministic: Float[Array, " potentials"]
    r"""Spikes of the noiseless unit, $\Theta(u)$."""
    probability: Float[Array, " potentials"]
    """The firing probability, $p(u)$."""
    trial_mean: Float[Array, " potentials"]
    """The fraction of trials with a spike."""
    trial_error: Float[Array, " potentials"]
    """The standard error of that fraction."""
    surrogate_gradient: Float[Array, " potentials"]
    """The surrogate gradient of the noiseless unit."""
    expected_gradient: Float[Array, " potentials"]
    """The derivative of the expected output $E[y]$, analytically."""
    numerical_gradient: Float[Array, " potentials"]
    """The same derivative, by central differences."""
    left_draw: Float[Array, " potentials"]
    """The smoothed left derivative in the first trial."""
    right_draw: Float[Array, " potentials"]
    """The smoothed right derivative in the first trial."""
    affine_draw: Float[Array, " potentials"]
    """The affine combination of the two in the first trial."""
    score_mean: Float[Array, " potentials"]
    """The mean of the score-function estimates of all trials."""
    score_error: Float[Array, " potentials"]
    """The standard error of that mean."""
    score_variance: Float[Array, " potentials"]
    """The variance of the score-function estimates, over the trials."""
    baseline: Float[Array, " potentials"]
    """The baseline of the score function."""
    variance: Float[Array, " potentials"]
    """The same variance in closed form, $x^2p'^2(1-p-b)^2/(p(1-p))$."""
    left_variance: Float[Array, " potentials"]
    """The closed form at $b=0$: the variance of the smoothed left derivative."""
    right_variance: Float[Array, " potentials"]
    """The closed form at $b=1$: the variance of the smoothed right derivative."""


class SingleUnitPicture(eqx.Module):
    """What page 01 shows."""

    curves: Curves
    """At the potentials of `membrane_potentials()`."""
    operating_potential: Scalar
    """The operating point, weight · input, in units of the membrane potential."""
    operating_point: Curves
    """The same as `curves` at this one potential, with the uniforms of the nearest potential of the curves."""
    log_likelihood: Scalar
    """The mean, over all trials and potentials, of the logarithm of the probability that `escape` gives to what was
    drawn; the nearer to 0, the better `escape` explains the trials."""


@eqx.filter_jit
def draw_uniforms(key: Key, trials: int, potentials: int = POTENTIALS) -> Float[Array, "trials potentials"]:
    """Uniforms for `trials` runs at every potential.

    Trial number k has the same uniforms however many trials there are.
    """
    keys = jax.vmap(lambda trial: jax.random.fold_in(key, trial))(jnp.arange(trials))
    return jax.vmap(lambda trial_key: jax.random.uniform(trial_key, (potentials,)))(keys)


def membrane_potentials() -> Float[Array, " potentials"]:
    """The membrane potentials of all curves."""
    return jnp.linspace(LOWEST_POTENTIAL, HIGHEST_POTENTIAL, POTENTIALS)


@eqx.filter_jit
def single_unit(setting: SingleUnitSetting, uniforms: Float[Array, "trials potentials"]) -> SingleUnitPicture:
    """Everything that page 01 shows, for one setting and one set of uniforms (`draw_uniforms`).

    >>> import jax
    >>> from sgtheory.escape import Sigmoid
    >>> setting = SingleUnitSetting(Sigmoid(2.0), None, threshold=0.3, weight=0.8, input=1.0, baseline=0.0)
    >>> picture = single_unit(setting, draw_uniforms(jax.random.key(0), trials=10))
    >>> print(round(float(picture.operating_point.expected_gradient[0]), 4))
    0.3932
    """
    operating = setting.weight * setting.input
    potentials = membrane_potentials()
    # At a potential of the curves the operating point has their very trials: a read-out says what is seen at its line.
    nearest = jnp.argmin(jnp.abs(potentials - operating))
    uniforms = jnp.concatenate([uniforms, uniforms[:, nearest, None]], axis=1)
    potentials = jnp.append(potentials, operating)
    run = jax.vmap(lambda potential, each: _at_potential(setting, potential, each), in_axes=(0, 1), out_axes=-1)
    shown, log_likelihoods = run(potentials, uniforms)
    curves, point = (
        Curves(**{name: values[..., part] for name, values in shown.items()}) for part in (slice(-1), slice(-1, None))
    )
    return SingleUnitPicture(curves, operating, point, jnp.mean(log_likelihoods[:-1]))


def _at_potential(
    setting: SingleUnitSetting, potential: Scalar, uniforms: Float[Array, " trials"]
) -> tuple[dict[str, Array], Scalar]:
    """The `Curves` at one membrane potential, to which the bias brings the unit, and the log-likelihood of its trials."""
    network = SingleUnit(Perceptron(setting.escape, setting.threshold))
    drawn = network if setting.hidden is None else SingleUnit(Perceptron(setting.hidden, setting.threshold))
    bias = potential - setting.weight * setting.input - _ROUNDING  # Θ(0) = 0, whatever the last digits are
    parameters = PerceptronParameters([setting.weight], bias)
    inputs = setting.input[None]
    problem = Total(), network, parameters, inputs
    first = (uniforms[0],)

    def gradient(estimator: AbstractGradientEstimator, noise):
        return estimator.evaluate(*problem, noise).weights[0]

    score_function = ScoreFunction(optimal_baseline if setting.baseline is None else setting.baseline)
    scores = jax.vmap(lambda uniform: gradient(score_function, (uniform,)))(uniforms)
    trials = jax.vmap(lambda uniform: drawn(parameters, inputs, (uniform,), SpikeRule(Sample())).output)(uniforms)
    distance = network.unit.distance(parameters, inputs)
    silence = jnp.exp(setting.escape.log_silence(distance))
    curves = {
        "trials": trials,
        "deterministic": network(parameters, inputs, first, SpikeRule(Threshold())).output,
        "probability": expectation(*problem),
        "trial_mean": jnp.mean(trials),
        "trial_error": statistics.standard_error(trials),
        "surrogate_gradient": gradient(SurrogateGradient(setting.surrogate, Threshold()), first),
        "expected_gradient": gradient(ExactGradient(), ()),
        "numerical_gradient": expected_gradient(FiniteDifference(_DIFFERENCE_STEP), *problem).weights[0],
        "left_draw": gradient(SmoothedDerivative(SmoothedLeft()), first),
        "right_draw": gradient(SmoothedDerivative(SmoothedRight()), first),
        "affine_draw": gradient(SmoothedDerivative(SmoothedAffine()), first),
        "score_mean": jnp.mean(scores),
        "score_error": statistics.standard_error(scores),
        "score_variance": statistics.variance(scores),
        "baseline": silence if setting.baseline is None else jnp.asarray(setting.baseline),
        "variance": _score_variance(setting.escape, distance, setting.input, setting.baseline),
        "left_variance": _score_variance(setting.escape, distance, setting.input, 0.0),
        "right_variance": _score_variance(setting.escape, distance, setting.input, 1.0),
    }
    distances = jnp.broadcast_to(distance, trials.shape)
    return curves, jnp.mean(setting.escape.log_likelihood(distances, trials))


def _score_variance(
    escape: AbstractEscape, distance: Scalar, stimulus: Scalar, baseline: Scalar | float | None
) -> Scalar:
    r"""Closed form $x^2 p'^2 (1-p-b)^2/(p(1-p))$, as $x^2\,(p'/p)\,(p'/(1-p))\,(1-p-b)^2$, which never divides by 0."""
    information = escape.slope_over_probability(distance) * escape.slope_over_silence(distance)
    silence = jnp.exp(escape.log_silence(distance))
    # Where one outcome is certain the other is never drawn, and nothing varies.
    certain = (silence == 0) | (escape.probability(distance) == 0)
    information = jnp.where(certain, 0.0, information)
    difference = jnp.zeros_like(silence) if baseline is None else silence - baseline
    return stimulus**2 * information * difference**2
