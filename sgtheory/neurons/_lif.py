import abc
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer

from sgtheory._arrays import Array, Distance, Float, Scalar, Spikes
from sgtheory._checks import finite, instance, positive, require, shorten, whole
from sgtheory.escape import AbstractEscape


class ClockedState(eqx.Module):
    """What a neuron carries from one time step to the next: its synaptic `current`, its membrane `potential`, and for how
    many more steps it is `refractory` (None where it has no refractory period).

    Current and potential are in units of the potential; all arrays have the shape of the layer.
    """

    current: Float[Array, "*units"]
    potential: Float[Array, "*units"]
    refractory: Float[Array, "*units"] | None = None


class AbstractClocked(eqx.Module):
    """A neuron in discrete time: a state, a distance to threshold at each step, and what one step does to the state."""

    escape: eqx.AbstractVar[AbstractEscape]

    @abc.abstractmethod
    def rest(self, shape: tuple[int, ...], dtype: Any) -> ClockedState:
        """The state of a layer of neurons before anything has happened."""

    @abc.abstractmethod
    def distance(self, state: ClockedState) -> Distance:
        """Distance to threshold."""

    @abc.abstractmethod
    def fires(self, state: ClockedState, spike: Spikes) -> Spikes:
        """What is emitted, and resets the neuron, where the decision was `spike`: nothing while it is refractory."""

    @abc.abstractmethod
    def step(self, state: ClockedState, spike: Spikes, drive: Float[Array, "*units"]) -> ClockedState:
        """The state one step later, given the spikes as they reset the neuron, and what arrives at the synapses."""


class TimeConstants(eqx.Module):
    """Logarithms of time constants in ms, to be learnt: a time constant that is learnt stays positive.

    **Arguments:** `log_membrane`, `log_synaptic`: one number each, or one a unit.
    **Raises** `ValueError` for logarithms that are not finite.

    >>> import math
    >>> constants = TimeConstants(math.log(10.0), math.log(5.0))
    >>> print(round(float(constants.membrane), 6), round(float(constants.synaptic), 6))
    10.0 5.0
    """

    log_membrane: Float[Array, "..."] = eqx.field(converter=finite("log_membrane"))
    log_synaptic: Float[Array, "..."] = eqx.field(converter=finite("log_synaptic"))

    @property
    def membrane(self) -> Float[Array, "..."]:
        """Membrane time constants, ms."""
        return jnp.exp(self.log_membrane)

    @property
    def synaptic(self) -> Float[Array, "..."]:
        """Synaptic time constants, ms."""
        return jnp.exp(self.log_synaptic)


class LIF(AbstractClocked):
    r"""A leaky integrate-and-fire neuron with an exponential current-based synapse, in discrete time.

    $I[n+1]=\lambda_s I[n]+x[n]$ and $U[n+1]=\big(\lambda_m U[n]+(1-\lambda_m)I[n]\big)(1-S[n])$, with
    $\lambda=e^{-\Delta t/\tau}$; it spikes with the probability $p(U[n]-\vartheta)$. That is the reset to zero in the next
    step. In the same step it is $\lambda_m U[n](1-S[n])+(1-\lambda_m)I[n]$, and two spikes may follow one another. A
    subtractive reset takes $\vartheta$ away where the other one leaves nothing. For `refractory_steps` after the reset the
    potential stays at 0, and nothing is emitted; the current flows on.

    **Arguments:** `escape`, the escape noise; `membrane_time_constant`, `synaptic_time_constant` $\tau$ in ms, one number
    or one a unit; `threshold` $\vartheta$, the unit of the potential is yours; `time_step` $\Delta t$ in ms; `reset`, "zero"
    or "subtractive"; `reset_step`, "next" or "same"; `refractory_steps`, a whole number from 0.
    **Raises** `ValueError` for time constants that are not positive or below the time step, a threshold or a time step that
    is not positive, and another reset; `TypeError` for an `escape` of another family.
    **Source:** Gygax & Zenke (2025), Eq. 10–14 and, for the reset in the same step, Eq. 23.

    >>> import jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> neuron = LIF(Sigmoid(10.0), membrane_time_constant=10.0, synaptic_time_constant=5.0)
    >>> state = neuron.rest((1,), jnp.float32)
    >>> for drive in (4.0, 0.0, 0.0):
    ...     state = neuron.step(state, jnp.zeros(1), jnp.array([drive]))
    >>> print(round(float(neuron.distance(state)[0]), 4))
    -0.3439
    """

    escape: AbstractEscape  # pyright: ignore
    membrane_time_constant: Float[Array, "..."] = eqx.field(converter=positive("membrane_time_constant"), default=10.0)
    synaptic_time_constant: Float[Array, "..."] = eqx.field(converter=positive("synaptic_time_constant"), default=5.0)
    threshold: Float[Array, "..."] = eqx.field(converter=positive("threshold"), default=1.0)
    time_step: Scalar = eqx.field(converter=positive("time_step", single=True), default=1.0)
    reset: Literal["zero", "subtractive"] = eqx.field(static=True, default="zero")
    reset_step: Literal["next", "same"] = eqx.field(static=True, default="next")
    refractory_steps: int = eqx.field(static=True, default=0)

    def __check_init__(self):
        instance("escape", self.escape, AbstractEscape, "Take one of `sgtheory.escape`.")
        _one_of("reset", self.reset, ("zero", "subtractive"))
        _one_of("reset_step", self.reset_step, ("next", "same"))
        whole("refractory_steps", self.refractory_steps, least=0, remedy="Count time steps.")
        check_time_constants(self)

    @property
    def keeps_potential(self) -> Float[Array, "..."]:
        r"""$\lambda_m=e^{-\Delta t/\tau_m}$, the part of the potential that is left after a step."""
        return jnp.exp(-self.time_step / self.membrane_time_constant)

    @property
    def keeps_current(self) -> Float[Array, "..."]:
        r"""$\lambda_s=e^{-\Delta t/\tau_s}$, the part of the current that is left after a step."""
        return jnp.exp(-self.time_step / self.synaptic_time_constant)

    def with_time_constants(self, constants: TimeConstants) -> "LIF":
        """The same neuron with learnt time constants."""
        return eqx.tree_at(
            lambda neuron: (neuron.membrane_time_constant, neuron.synaptic_time_constant),
            self,
            (constants.membrane, constants.synaptic),
        )

    def rest(self, shape: tuple[int, ...], dtype: Any) -> ClockedState:
        zero = jnp.zeros(shape, dtype)
        return ClockedState(zero, zero, zero if self.refractory_steps else None)

    def distance(self, state: ClockedState) -> Distance:
        return state.potential - self.threshold.astype(state.potential.dtype)

    def fires(self, state: ClockedState, spike: Spikes) -> Spikes:
        return spike if state.refractory is None else jnp.where(state.refractory < 0.5, spike, jnp.zeros_like(spike))

    def step(self, state: ClockedState, spike: Spikes, drive: Float[Array, "*units"]) -> ClockedState:
        dtype = state.potential.dtype
        keep, keep_current = self.keeps_potential.astype(dtype), self.keeps_current.astype(dtype)
        kept, arriving = keep * state.potential, (1 - keep) * state.current
        thrown = kept if self.reset_step == "same" else kept + arriving
        if self.reset == "subtractive":
            lost = self.threshold.astype(dtype) * (keep if self.reset_step == "same" else 1.0) * spike
        else:
            lost = thrown * spike
        potential = kept + arriving - lost
        refractory = state.refractory
        if refractory is not None:
            refractory = jnp.where(spike > 0.5, float(self.refractory_steps), jnp.maximum(refractory - 1.0, 0.0))
            refractory = jax.lax.stop_gradient(refractory).astype(dtype)
            potential = jnp.where(refractory < 0.5, potential, jnp.zeros_like(potential))
        return ClockedState(keep_current * state.current + drive, potential, refractory)


def check_time_constants(module: Any) -> None:
    """**Raises** `ValueError` for time constants below the time step, as far as they are known."""
    for name in ("membrane_time_constant", "synaptic_time_constant"):
        if isinstance(module.time_step, Tracer):
            return
        require(
            getattr(module, name), lambda value: value >= module.time_step, name,
            f"at least the time step of {shorten(module.time_step)} ms", "Take a smaller `time_step`.",
        )  # fmt: skip


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        names = " or ".join(f'"{each}"' for each in allowed)
        raise ValueError(f"`{name}` must be {names}, got {shorten(value)}.")
