"""How does a gradient pass through the spikes of one neuron over time, and through its own resets?

One LIF neuron with escape noise is driven by input spikes. Its expected spike count and the derivative of that with respect
to the weight are exact, because a spike wipes out what was before: all that counts is when the last one was. Beside them are
surrogate gradients with and without the reset in the backward pass. `lif_neuron` is pure and jitted; every number in its
setting is traced, so that changing one never recompiles, and `jax.vmap` over a setting sweeps it.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory import statistics
from sgtheory._arrays import Array, Float, Key, Scalar
from sgtheory._checks import finite, instance
from sgtheory.experiments import single_unit
from sgtheory.gradients import SurrogateGradient
from sgtheory.losses import SpikeCount
from sgtheory.networks import ClockedNetwork, ClockedParameters, Dense, LayerParameters
from sgtheory.neurons import LIF
from sgtheory.rules import Sample, SpikeRule, Surrogate, Threshold
from sgtheory.surrogates import AbstractSurrogate

STEPS = 60
"""Number of time steps of a trial."""

HIGHEST_WEIGHT, WEIGHTS = 8.0, 65
"""The range of weights over which the expected spike count is shown begins at 0; its end, and the number of weights."""


class LIFNeuronSetting(eqx.Module):
    r"""One neuron, its input spikes, and the slope that its decisions show.

    **Raises** `TypeError` for a member of another family, `ValueError` for a number that is not finite or positive.
    """

    neuron: LIF
    """The neuron, with a reset to zero."""
    surrogate: AbstractSurrogate | None
    """The surrogate derivative, or None for the one that matches the noise."""
    weight: Scalar = eqx.field(converter=finite("weight", single=True))
    """The weight $w$ of its only input, in units of the potential."""

    def __check_init__(self):
        instance("neuron", self.neuron, LIF, "Take `LIF(Sigmoid(10.0))`, say.")
        if self.neuron.reset != "zero" or self.neuron.refractory_steps:
            raise ValueError(
                "`neuron` must be reset to zero, without a refractory period: only then is its past forgotten, and the "
                f"answer exact. Got a reset {self.neuron.reset} and {self.neuron.refractory_steps} refractory steps."
            )
        if self.surrogate is not None:
            instance("surrogate", self.surrogate, AbstractSurrogate, "Take one of `sgtheory.surrogates`, or None.")


class Trial(eqx.Module):
    """One trial, step by step; derivatives are with respect to the weight."""

    current: Float[Array, " steps"]
    """The synaptic current."""
    potential: Float[Array, " steps"]
    """The membrane potential."""
    spikes: Float[Array, " steps"]
    """The spikes, 0 or 1."""
    probability: Float[Array, " steps"]
    """The probability of a spike, given what has happened so far."""
    potential_slope: Float[Array, " steps"]
    """The derivative of the potential as it is back-propagated with the reset."""
    spike_slope: Float[Array, " steps"]
    """The derivative that each spike shows, with the reset."""
    potential_slope_detached: Float[Array, " steps"]
    """The derivative of the potential without the reset."""
    spike_slope_detached: Float[Array, " steps"]
    """The derivative that each spike shows, without the reset."""


class Estimates(eqx.Module):
    """Surrogate gradients of the spike count, over many trials."""

    draws: Float[Array, " trials"]
    """One a trial."""
    ordered: Float[Array, " trials"]
    """The same, from the smallest to the largest."""
    mean: Scalar
    """Their mean."""
    error: Scalar
    """The standard error of the mean."""
    deviation: Scalar
    """The standard deviation of one draw."""


class LIFNeuronPicture(eqx.Module):
    """What page 06 shows."""

    times: Float[Array, " steps"]
    """The steps, as `times()`."""
    arriving: Float[Array, " steps"]
    """The input spikes, 0 or 1."""
    stochastic: Trial
    """The first trial."""
    deterministic: Trial
    """The neuron without noise."""
    trials: Float[Array, "trials steps"]
    """The spikes of all trials."""
    ranks: Float[Array, " trials"]
    """Where each of the trials lies in an order, between 0 and 1."""
    firing_probability: Float[Array, " steps"]
    """The exact probability of a spike at each step."""
    trial_mean: Float[Array, " steps"]
    """The fraction of trials with a spike at each step."""
    expected_count: Scalar
    """The exact expected spike count, $E[N]$."""
    gradient: Scalar
    """Its exact derivative, $dE[N]/dw$."""
    mean_count: Scalar
    """The mean spike count of the trials."""
    through_reset: Estimates
    """Surrogate gradients that also pass through the reset."""
    detached: Estimates
    """Surrogate gradients that do not."""
    counts: Float[Array, " weights"]
    """The exact expected spike count at each of `weights()`."""
    deterministic_counts: Float[Array, " weights"]
    """The spike count without noise at each weight."""
    weight: Scalar
    """The weight of the setting."""
    exact_tangent: Float[Array, " weights"]
    """The line through the expected count at the weight, with the exact slope."""
    through_tangent: Float[Array, " weights"]
    """The line with the mean surrogate gradient through the reset as its slope."""
    detached_tangent: Float[Array, " weights"]
    """The line with the mean surrogate gradient without the reset."""


def draw_uniforms(key: Key, trials: int, steps: int = STEPS) -> Float[Array, "trials steps"]:
    """Uniforms for so many trials; trial number k has the same ones however many trials there are."""
    return single_unit.draw_uniforms(key, trials, steps)


def input_spikes(key: Key, rate: Scalar | float, steps: int = STEPS) -> Float[Array, " steps"]:
    """A Poisson train: at each step a spike with the probability `rate`. A higher rate only adds spikes."""
    return (jax.random.uniform(key, (steps,)) < rate).astype(jnp.result_type(float))


def weights() -> Float[Array, " weights"]:
    """The weights at which the expected spike count is shown."""
    return jnp.linspace(0.0, HIGHEST_WEIGHT, WEIGHTS)


def times() -> Float[Array, " steps"]:
    """The time of each step, ms at a time step of 1 ms."""
    return jnp.arange(STEPS, dtype=float)


def firing_probabilities(neuron: LIF, drive: Float[Array, " steps"]) -> Float[Array, " steps"]:
    r"""The exact probability $q[n]$ of a spike at each step, for a neuron that is reset to zero.

    $q[n]=\sum_{m<n}q[m]\,\prod_{m<k<n}\big(1-p(U_m[k]-\vartheta)\big)\,p(U_m[n]-\vartheta)$, where $U_m$ is the potential of a
    neuron whose last spike was at $m$: the current does not depend on the spikes, and a spike wipes out the potential.
    It costs $n^2$ steps of a neuron for $n$ steps.

    **Arguments:** `drive`, what arrives at the synapse at each step, weight times input spikes.

    >>> import jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> print(firing_probabilities(LIF(Sigmoid(2.0)), jnp.zeros(2)).round(4))
    [0.1192 0.1192]
    """
    steps = drive.shape[0]
    # Row k: a neuron whose last spike was at step k − 1; row 0: one without any.
    rows = jnp.arange(steps + 1)

    def step(carry, each):
        state, alive = carry
        x, number = each
        probability = neuron.escape.probability(neuron.distance(state))
        fires = jnp.sum(alive * probability)
        born = rows == number + 1
        alive = jnp.where(born, fires, alive * (1 - probability))
        return (neuron.step(state, born.astype(drive.dtype), x), alive), fires

    start = neuron.rest(rows.shape, drive.dtype), (rows == 0).astype(drive.dtype)
    return jax.lax.scan(step, start, (drive, rows[:-1]))[1]


@eqx.filter_jit
def lif_neuron(
    setting: LIFNeuronSetting, spikes: Float[Array, " steps"], uniforms: Float[Array, "trials steps"]
) -> LIFNeuronPicture:
    """Everything that page 06 shows, for one setting, one input train and one set of uniforms.

    >>> import jax
    >>> from sgtheory.escape import Sigmoid
    >>> setting = LIFNeuronSetting(LIF(Sigmoid(10.0)), None, weight=4.0)
    >>> arriving = input_spikes(jax.random.key(1), 0.3)
    >>> picture = lif_neuron(setting, arriving, draw_uniforms(jax.random.key(0), trials=50))
    >>> print(abs(float(picture.mean_count - picture.expected_count)) < 1.0)
    True
    """
    network = ClockedNetwork((1,), (Dense(1, setting.neuron),))
    inputs = spikes[:, None]
    methods = [SurrogateGradient(setting.surrogate, through_reset=passes) for passes in (True, False)]

    def parameters(weight):
        return ClockedParameters((LayerParameters(jnp.reshape(weight, (1, 1))),))

    def count(weight):
        return jnp.sum(firing_probabilities(setting.neuron, weight * spikes))

    def draws(method):
        def one(uniform):
            given = SpikeCount(), network, parameters(setting.weight), inputs, (uniform[:, None],)
            return method.evaluate(*given).layers[0].weights[0, 0]

        found = jax.vmap(one)(uniforms)
        return Estimates(
            found,
            jnp.sort(found),
            jnp.mean(found),
            statistics.standard_error(found),
            jnp.sqrt(statistics.variance(found)),
        )

    def deterministic_count(weight):
        noise = (jnp.zeros_like(inputs),)
        return jnp.sum(network(parameters(weight), inputs, noise, SpikeRule(Threshold())).output.last)

    trials = jax.vmap(
        lambda uniform: network.run(parameters(setting.weight), inputs, (uniform[:, None],)).output.last[:, 0]
    )(uniforms)
    expected, gradient = jax.value_and_grad(count)(setting.weight)
    stochastic, deterministic = (_trial(setting, spikes, each) for each in (uniforms[0], None))
    through, detached = (draws(method) for method in methods)

    def tangent(slope):
        return expected + slope * (weights() - setting.weight)

    return LIFNeuronPicture(
        times=times(),
        arriving=spikes,
        stochastic=stochastic,
        deterministic=deterministic,
        trials=trials,
        ranks=(jnp.arange(trials.shape[0], dtype=spikes.dtype) + 0.5) / trials.shape[0],
        firing_probability=firing_probabilities(setting.neuron, setting.weight * spikes),
        trial_mean=jnp.mean(trials, axis=0),
        expected_count=expected,
        gradient=gradient,
        mean_count=jnp.mean(jnp.sum(trials, axis=1)),
        through_reset=through,
        detached=detached,
        counts=jax.vmap(count)(weights()),
        deterministic_counts=jax.vmap(deterministic_count)(weights()),
        weight=jnp.asarray(setting.weight),
        exact_tangent=tangent(gradient),
        through_tangent=tangent(through.mean),
        detached_tangent=tangent(detached.mean),
    )


def _trial(setting: LIFNeuronSetting, spikes: Float[Array, " steps"], uniforms: Float[Array, " steps"] | None) -> Trial:
    """One trial with its derivatives, forward in time (Eq. 15–17); without uniforms, of the neuron without noise."""
    neuron = setting.neuron
    forward = Threshold() if uniforms is None else Sample()
    rules = [SpikeRule(forward, Surrogate(setting.surrogate), through_reset=passes) for passes in (True, False)]

    def advance(rule, state, weight, x, uniform):
        spike = rule(neuron.escape, neuron.distance(state), uniform)
        return neuron.step(state, rule.for_reset(spike), weight * x), spike

    def step(carry, each):
        state, slopes = carry

        def along(rule, slope):
            weight = setting.weight, jnp.ones_like(setting.weight)
            return jax.jvp(lambda s, w: advance(rule, s, w, *each), (state, weight[0]), (slope, weight[1]))

        ((after, spike), (slope, shown)), (_, (slope_detached, shown_detached)) = map(along, rules, slopes)
        probability = neuron.escape.probability(neuron.distance(state))
        told = (slopes[0].potential, shown, slopes[1].potential, shown_detached)
        return (after, (slope, slope_detached)), (state.current, state.potential, spike, probability, *told)

    rest = neuron.rest((), spikes.dtype)
    given = spikes, jnp.zeros_like(spikes) if uniforms is None else uniforms
    return Trial(*jax.lax.scan(step, (rest, (rest, rest)), given)[1])
