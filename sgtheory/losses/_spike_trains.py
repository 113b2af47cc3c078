"""Losses of spike trains: time is the first axis, units are the second."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import PyTree

from sgtheory._arrays import Array, Float, Scalar
from sgtheory._checks import finite, positive, require, shorten
from sgtheory.losses._base import AbstractLoss, difference, real_output
from sgtheory.networks import SpikeTrains


class SpikeCount(AbstractLoss):
    r"""The number of spikes of the last layer, $L=\sum_{i,n}S_i[n]$: affine in its spikes.

    >>> import jax.numpy as jnp
    >>> print(SpikeCount()(jnp.array([[1.0, 0.0], [1.0, 1.0]])))
    3.0
    """

    def __call__(self, output: PyTree) -> Scalar:
        return jnp.sum(trains(output))


class SpikeTrainDistance(AbstractLoss):
    r"""Squared distance of the last layer's spikes from a target, $L_2=\frac1M\sum_i\frac12\sum_n(\hat S_i[n]-S_i[n])^2$.

    **Arguments:** `target` $\hat S$, steps × units.
    **Raises** `ValueError` for a target that is not finite, and for spikes of another shape.
    **Source:** Gygax & Zenke (2025), Eq. 24.

    >>> import jax.numpy as jnp
    >>> print(SpikeTrainDistance([[1.0, 0.0], [0.0, 1.0]])(jnp.array([[1.0, 1.0], [0.0, 0.0]])))
    0.5
    """

    target: Float[Array, "steps units"] = eqx.field(converter=finite("target"))

    def __call__(self, output: PyTree) -> Scalar:
        return _half_mean_square(_difference(output, self.target))


class VanRossumDistance(AbstractLoss):
    r"""The same after both trains were convolved with a kernel, $\epsilon(t)=\epsilon_0(e^{-t/\tau_1}-e^{-t/\tau_2})$.

    A spike that comes a little late costs little. The kernel is taken at whole steps; its sum is $0.9983$ for the values of
    the paper at $\Delta t=1$ ms.

    **Arguments:** `target` $\hat S$, steps × units; `decay` $\tau_1$ and `rise` $\tau_2$ in ms, the second the shorter one;
    `scale` $\epsilon_0$; `time_step` $\Delta t$ in ms.
    **Raises** `ValueError` for a target that is not finite, time constants that are not positive or where the rise is not
    the shorter one, and for spikes of another shape.
    **Source:** van Rossum (2001); Gygax & Zenke (2025), Eq. 25.

    >>> import jax.numpy as jnp
    >>> target = jnp.zeros((50, 1)).at[10].set(1.0)
    >>> late = [VanRossumDistance(target)(jnp.roll(target, shift)) for shift in (0, 1, 5)]
    >>> print(*(round(float(each), 4) for each in late))
    0.0 0.0003 0.0052
    """

    target: Float[Array, "steps units"] = eqx.field(converter=finite("target"))
    decay: Scalar = eqx.field(converter=positive("decay", single=True), default=10.0)
    rise: Scalar = eqx.field(converter=positive("rise", single=True), default=5.0)
    scale: Scalar = eqx.field(converter=positive("scale", single=True), default=0.2)
    time_step: Scalar = eqx.field(converter=positive("time_step", single=True), default=1.0)

    def __check_init__(self):
        if isinstance(self.decay, Tracer) or isinstance(self.rise, Tracer):
            return
        require(self.rise, lambda rise: rise < self.decay, "rise", f"shorter than the decay, {shorten(self.decay)} ms")

    def __call__(self, output: PyTree) -> Scalar:
        return _half_mean_square(self.filtered(_difference(output, self.target)))

    def filtered(self, train: Float[Array, "steps units"]) -> Float[Array, "steps units"]:
        """A train convolved with the kernel."""
        slow, fast = (jnp.exp(-self.time_step / each).astype(train.dtype) for each in (self.decay, self.rise))

        def step(state, x):
            state = slow * state[0] + x, fast * state[1] + x
            return state, state[0] - state[1]

        zero = jnp.zeros_like(train[0])
        return self.scale.astype(train.dtype) * jax.lax.scan(step, (zero, zero), train)[1]


def trains(output: PyTree) -> Float[Array, "steps units"]:
    """The spike trains of the last layer, steps × units; the channels of a convolution one after another."""
    spikes = output.last if isinstance(output, SpikeTrains) else real_output(output)
    if spikes.ndim < 2:
        raise ValueError(
            f"`output` must be spike trains, steps × units, got the shape {shorten(spikes.shape)}. Time is the first axis."
        )
    return spikes.reshape(spikes.shape[0], -1)


def _half_mean_square(differences: Float[Array, "steps units"]) -> Scalar:
    return 0.5 * jnp.sum(differences**2) / differences.shape[1]


def _difference(output: PyTree, target: Float[Array, "steps units"]) -> Float[Array, "steps units"]:
    """The spikes minus the target, in the dtype of the spikes."""
    return difference(trains(output), target)
