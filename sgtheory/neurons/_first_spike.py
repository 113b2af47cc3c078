"""The first spike of a LIF neuron at rest as a formula, where one is known: at two ratios of its time constants."""

import functools
import math

import jax
import jax.numpy as jnp

from sgtheory._arrays import Array, Float, Scalar
from sgtheory._checks import finite, positive, require, shorten
from sgtheory.neurons._event_lif import decay_to_crossing

_BRANCH = -math.exp(-1)
_HALLEY_STEPS = 4


@jax.custom_jvp
def lambert_w(z: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""The principal branch $W_0$ of Lambert's function on the real line: $We^W=z$ and $W\geq-1$.

    Below $-1/e$, where it is not real, it is NaN; at $-1/e$ itself its derivative is infinite. Four steps of Halley from a
    guess that is good to a few per cent reach the last digits.

    **Source:** Corless et al. (1996), section 4. JAX has no such function, and that of SciPy cannot be compiled.

    >>> import jax, jax.numpy as jnp
    >>> print(jnp.round(lambert_w(jnp.array([-0.2, 0.0, 1.0])), 4), jnp.round(jax.grad(lambert_w)(jnp.array(1.0)), 4))
    [-0.2592  0.      0.5671] 0.3619
    """
    near = z < 0.25  # a series in p around the branch point serves there, and beyond it one logarithm of another
    inside = jnp.where(near & (z > _BRANCH), z, 0.0)
    p = jnp.where(z > _BRANCH, jnp.sqrt(2 * jnp.maximum(math.e * inside + 1, 0.0)), 0.0)
    series = p * (1 - p * (1 / 3 - p * (11 / 72 - p * (43 / 540)))) - 1
    log = jnp.log1p(jnp.where(near, 1.0, z))
    w = jnp.where(near, series, log * (1 - jnp.log1p(log) / (2 + log)))
    for _ in range(_HALLEY_STEPS):
        power = jnp.exp(w)
        miss = w * power - z
        above = jnp.where(w > -1, w + 1, 1.0)
        step = miss / (power * above - (w + 2) * miss / (2 * above))
        w = jnp.where((w > -1) & jnp.isfinite(step), jnp.maximum(w - step, -1.0), w)
    w = jnp.where(z == jnp.inf, jnp.inf, w)
    return jnp.where(z >= jnp.asarray(_BRANCH, z.dtype), w, jnp.nan)


@lambert_w.defjvp
def _(primals, tangents):
    w = lambert_w(jnp.asarray(primals[0]))
    return w, tangents[0] * jnp.exp(-w) / (1 + w)


def first_spike_time(
    weights: Float[Array, " inputs"],
    times: Float[Array, " inputs"],
    *,
    ratio: int = 2,
    threshold: Scalar | float = 1.0,
    time_constant: Scalar | float = 1.0,
) -> Scalar:
    r"""When a LIF neuron spikes that was at rest before its inputs came; infinite if it does not.

    $\tau\dot V=-V+I$, $\tau_s\dot I=-I$ with $\tau_s=\tau/\text{ratio}$, and an input raises $I$ by its weight. Over the causal
    inputs, those before the spike, with times counted from the last of them, let $a_n=\sum_iw_ie^{t_i/(n\tau_s)}$ and
    $b=\sum_iw_i\frac{t_i}{\tau_s}e^{t_i/\tau_s}$. Then, for $\tau=\tau_s$ and for $\tau=2\tau_s$,

    $$t=\tau_s\Big\{\frac b{a_1}-W_0\Big[-\frac\vartheta{a_1}e^{b/a_1}\Big]\Big\},\qquad
      t=2\tau_s\ln\frac{2a_1}{a_2+\sqrt{a_2^2-4a_1\vartheta}}.$$

    Which inputs are causal is not known beforehand: each set of the earliest ones is tried, and the spike is the first that
    lies between the last input of its set and the next one. Its derivative is that of the threshold condition,
    $dt=-dV/\dot V$, and grows beyond all bounds where the potential only grazes the threshold. Without a spike it is 0, and
    so it is for inputs that come later.

    **Arguments:** `weights` and `times` of the inputs, in any order; a time may be infinite. `ratio` $\tau/\tau_s$, 1 or 2;
    `threshold` $\vartheta$; `time_constant` $\tau$ of the membrane, in the unit of all times.
    **Raises** `ValueError` for weights that are not finite, times that are NaN or $-\infty$, shapes that differ, numbers that
    are not positive, and another ratio.
    **Source:** Göltz et al. (2021), in units of the potential, which make their $g_l$ 1.

    >>> import jax, jax.numpy as jnp
    >>> weights, times = jnp.array([3.0, 3.0, -5.0]), jnp.array([0.0, 0.5, 2.0])
    >>> print(*(f"{first_spike_time(weights, times, ratio=ratio):.4f}" for ratio in (1, 2)))
    0.5237 0.5995
    >>> print(jnp.round(jax.grad(first_spike_time)(weights, times), 4))
    [-0.1048 -0.0363  0.    ]
    """
    weights, times = finite("weights")(weights), jnp.asarray(times)
    if weights.ndim != 1 or times.shape != weights.shape:
        raise ValueError(
            f"`times` must be one time a weight, got the shapes {shorten(times.shape)} and {shorten(weights.shape)}. "
            "Take `jax.vmap` over neurons or trials."
        )
    require(times, lambda each: each > -math.inf, "times", "numbers", "A spike that never comes has the time infinity.")
    if ratio not in (1, 2):
        raise ValueError(
            f"`ratio` must be 1 or 2, got {shorten(ratio)}. No formula is known for other ratios of the time constants."
        )
    dtype = weights.dtype
    threshold, time_constant = (
        positive(name, single=True)(each).astype(dtype)
        for name, each in (("threshold", threshold), ("time_constant", time_constant))
    )
    return _first_spike_time(ratio, weights, times.astype(dtype), threshold, time_constant)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _first_spike_time(ratio, weights, times, threshold, time_constant):
    order = jnp.argsort(times)
    weights, times = weights[order], times[order]
    comes = times < jnp.inf
    last = jnp.where(comes, times, 0.0)
    # Row n: potential and current just after input n, from all that came up to it.
    potential, current = _response(ratio, weights[None], times[None], time_constant, last[:, None])
    upto = jnp.tril(jnp.ones((times.size, times.size), bool))
    potential, current = (jnp.sum(jnp.where(upto, each, 0.0), axis=1) for each in (potential, current))
    potential = jnp.minimum(potential, threshold)  # it lies above only after a crossing, which is the answer then
    until = time_constant * (_until_equal if ratio == 1 else _until_double)(potential, current, threshold)
    spike = last + until
    following = jnp.append(times[1:], jnp.inf)
    holds = comes & (until < jnp.inf) & (spike <= following)
    return jnp.min(jnp.where(holds, spike, jnp.inf), initial=jnp.inf)


def _until_equal(potential, current, threshold):
    """For equal time constants, in their unit: the time until the crossing, infinite where there is none."""
    rises = (current > 0) & (potential <= current)
    ratio = jnp.where(rises, potential / jnp.where(rises, current, 1.0), 0.0)
    exponent = jnp.log(threshold) - jnp.log(jnp.where(rises, current, 1.0)) - ratio
    rises = rises & (exponent <= -1)  # the maximum, to which the potential rises, reaches the threshold
    argument = jnp.where(rises, jnp.maximum(-jnp.exp(jnp.minimum(exponent, -1.0)), _BRANCH), 0.0)
    return jnp.where(rises, jnp.maximum(-ratio - lambert_w(argument), 0.0), jnp.inf)


def _until_double(potential, current, threshold):
    """The same where the membrane is twice as slow as the synapse, in time constants of the membrane."""
    left = decay_to_crossing(potential, current, threshold)
    rises = left > 0
    return jnp.where(rises, -jnp.log(jnp.where(rises, left, 1.0)), jnp.inf)


def _response(ratio, weights, times, time_constant, now):
    """What each input adds to potential and current at the time `now`, which is finite: 0 before it came."""
    came = times <= now
    since = jnp.where(came, now - jnp.where(came, times, 0.0), 0.0) / time_constant
    left = jnp.exp(-since)
    shape = since * left if ratio == 1 else left - left**2
    return tuple(jnp.where(came, weights * each, 0.0) for each in (shape, left**ratio))


@_first_spike_time.defjvp
def _(ratio, primals, tangents):
    spike = _first_spike_time(ratio, *primals)
    fires = spike < jnp.inf
    now = jnp.where(fires, spike, 0.0)

    def above(weights, times, threshold, time_constant):
        potential, current = _response(ratio, weights, times, time_constant, now)
        return jnp.sum(potential) - threshold, jnp.sum(current)

    (_, current), (moved, _) = jax.jvp(above, primals, tangents)
    _, _, threshold, time_constant = primals
    speed = (current - threshold) / time_constant
    rises = fires & (speed > 0)
    return spike, jnp.where(rises, -moved / jnp.where(rises, speed, 1.0), 0.0)
