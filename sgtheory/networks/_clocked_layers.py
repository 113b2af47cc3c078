import abc
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory._arrays import Array, Float, Scalar, Spikes
from sgtheory._checks import finite, instance, positive, shorten, whole
from sgtheory.neurons import AbstractClocked, TimeConstants, check_time_constants


class LayerParameters(eqx.Module):
    """What is learnt in one layer: `weights` from below, `recurrent` weights of the layer to itself, `time_constants`.

    The last two are None where there are none, or where they are not learnt.
    **Raises** `ValueError` for numbers that are not finite.

    >>> print(LayerParameters([[0.5, -1.0]]).weights.shape)
    (1, 2)
    """

    weights: Float[Array, "..."] = eqx.field(converter=finite("weights"))
    recurrent: Float[Array, "..."] | None = eqx.field(converter=finite("recurrent", optional=True), default=None)
    time_constants: TimeConstants | None = None


class AbstractClockedLayer(eqx.Module):
    """Neurons of one kind, and how spikes reach them: `drive` from below, `mix` from the layer itself."""

    if TYPE_CHECKING:  # checkers would take an abstract variable for an argument of every constructor

        @property
        def neuron(self) -> AbstractClocked:
            """The neuron of which the layer is made."""
            ...
    else:
        neuron: eqx.AbstractVar[AbstractClocked]

    @abc.abstractmethod
    def units(self, below: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the layer above inputs of the shape `below`. **Raises** `ValueError` where they do not fit."""

    @abc.abstractmethod
    def shapes(self, below: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
        """The shapes of the weights from below and, where the layer is recurrent, of those to itself."""

    @abc.abstractmethod
    def drive(self, weights: Float[Array, "..."], below: Float[Array, "steps ..."]) -> Float[Array, "steps ..."]:
        """What the spikes `below` add to the currents, all time steps at once."""

    @abc.abstractmethod
    def mix(self, recurrent: Float[Array, "..."], spikes: Spikes) -> Float[Array, "*units"]:
        """What the spikes of the layer add to its own currents, at one step."""

    @abc.abstractmethod
    def inputs_of_a_unit(self, below: tuple[int, ...]) -> tuple[int, int]:
        """From how many inputs a unit is driven: from below, and from its own layer."""

    @property
    @abc.abstractmethod
    def is_recurrent(self) -> bool:
        """Whether the layer drives itself."""


class Dense(AbstractClockedLayer):
    """A layer whose units see all units below, and all of their own where it is `recurrent`.

    **Arguments:** `size`, number of units; `neuron`, one of `sgtheory.neurons`; `recurrent`.
    **Raises** `ValueError` for fewer than one unit, `TypeError` for a neuron of another family.

    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.neurons import LIF
    >>> print(Dense(3, LIF(Sigmoid(10.0))).shapes((5,)))
    ((3, 5), None)
    """

    size: int = eqx.field(static=True)
    neuron: AbstractClocked  # pyright: ignore
    recurrent: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        whole("size", self.size)
        instance("neuron", self.neuron, AbstractClocked, "Take `LIF(Sigmoid(10.0))`, say.")

    @property
    def is_recurrent(self) -> bool:
        return self.recurrent

    def units(self, below: tuple[int, ...]) -> tuple[int, ...]:
        del below
        return (self.size,)

    def shapes(self, below: tuple[int, ...]):
        inputs, _ = self.inputs_of_a_unit(below)
        return (self.size, inputs), (self.size, self.size) if self.recurrent else None

    def drive(self, weights, below):
        return below.reshape(below.shape[0], -1) @ weights.T

    def mix(self, recurrent, spikes):
        return recurrent @ spikes

    def inputs_of_a_unit(self, below: tuple[int, ...]) -> tuple[int, int]:
        count = 1
        for side in below:
            count *= side
        return count, self.size if self.recurrent else 0


class Convolution(AbstractClockedLayer):
    r"""A layer of channels along one axis: each unit sees a window of all channels below.

    Of $n$ positions below it makes $\lfloor(n+2\,\text{padding}-\text{width})/\text{stride}\rfloor+1$; inputs have the
    shape channels × positions, or positions alone. With a `recurrent_width`, an odd number, each unit also
    sees a window of its own layer, which is filled up with zeros at its ends.

    **Arguments:** `channels`; `width` of the window; `neuron`; `stride`; `padding` at both ends; `recurrent_width` or None.
    **Raises** `ValueError` for numbers below 1 (a padding below 0), an even `recurrent_width`, and inputs that are narrower
    than the window; `TypeError` for a neuron of another family.
    **Source:** Gygax & Zenke (2025), section 4.5: 700 inputs give 16 × 68, 32 × 21 and 64 × 5 units.

    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.neurons import LIF
    >>> layer = Convolution(16, 21, LIF(Sigmoid(10.0)), stride=10, recurrent_width=5)
    >>> print(layer.units((1, 700)), *layer.shapes((1, 700)))
    (16, 68) (16, 1, 21) (16, 16, 5)
    """

    channels: int = eqx.field(static=True)
    width: int = eqx.field(static=True)
    neuron: AbstractClocked  # pyright: ignore
    stride: int = eqx.field(static=True, default=1)
    padding: int = eqx.field(static=True, default=0)
    recurrent_width: int | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        for name in ("channels", "width", "stride"):
            whole(name, getattr(self, name))
        whole("padding", self.padding, least=0)
        if self.recurrent_width is not None:
            whole("recurrent_width", self.recurrent_width)
            if self.recurrent_width % 2 == 0:
                raise ValueError(
                    f"`recurrent_width` must be odd, so that a unit lies in the middle of its window, got "
                    f"{self.recurrent_width}. Take one more or one less."
                )
        instance("neuron", self.neuron, AbstractClocked, "Take `LIF(Sigmoid(10.0))`, say.")

    @property
    def is_recurrent(self) -> bool:
        return self.recurrent_width is not None

    def units(self, below: tuple[int, ...]) -> tuple[int, ...]:
        _, positions = _channels_and_positions(below)
        if positions + 2 * self.padding < self.width:
            raise ValueError(
                f"`width` must not exceed the positions below with their padding, {positions + 2 * self.padding}, got "
                f"{self.width}. Take a narrower window or fewer layers."
            )
        return self.channels, (positions + 2 * self.padding - self.width) // self.stride + 1

    def shapes(self, below: tuple[int, ...]):
        channels, _ = _channels_and_positions(below)
        within = None if self.recurrent_width is None else (self.channels, self.channels, self.recurrent_width)
        return (self.channels, channels, self.width), within

    def drive(self, weights, below):
        below = below.reshape(below.shape[0], weights.shape[1], -1)
        return _convolved(below, weights, self.stride, self.padding)

    def mix(self, recurrent, spikes):
        return _convolved(spikes[None], recurrent, 1, recurrent.shape[-1] // 2)[0]

    def inputs_of_a_unit(self, below: tuple[int, ...]) -> tuple[int, int]:
        channels, _ = _channels_and_positions(below)
        return channels * self.width, 0 if self.recurrent_width is None else self.channels * self.recurrent_width


class LeakyReadout(eqx.Module):
    r"""Units that neither spike nor reset: $I[n+1]=\lambda_sI[n]+Wx[n]$, $U[n+1]=\lambda_mU[n]+(1-\lambda_m)I[n]$.

    **Arguments:** `size`, number of units; `membrane_time_constant`, `synaptic_time_constant` in ms.
    **Raises** `ValueError` for fewer than one unit and for time constants that are not positive.
    **Source:** Gygax & Zenke (2025), section 4.5.

    >>> print(LeakyReadout(20).size)
    20
    """

    size: int = eqx.field(static=True)
    membrane_time_constant: Float[Array, "..."] = eqx.field(converter=positive("membrane_time_constant"), default=10.0)
    synaptic_time_constant: Float[Array, "..."] = eqx.field(converter=positive("synaptic_time_constant"), default=5.0)
    time_step: Scalar = eqx.field(converter=positive("time_step", single=True), default=1.0)

    def __check_init__(self):
        whole("size", self.size)
        check_time_constants(self)

    def rest(self, dtype: Any) -> tuple[Array, Array]:
        """Current and potential before anything has happened."""
        return jnp.zeros(self.size, dtype), jnp.zeros(self.size, dtype)

    def potentials(
        self, weights: Float[Array, "size inputs"], below: Float[Array, "steps ..."], state: tuple[Array, Array]
    ) -> tuple[Float[Array, "steps size"], tuple[Array, Array]]:
        """The potentials at each step, and the state after the last one."""
        drive = below.reshape(below.shape[0], -1) @ weights.T
        keep, keep_current = (
            jnp.exp(-self.time_step / each).astype(drive.dtype)
            for each in (self.membrane_time_constant, self.synaptic_time_constant)
        )

        def step(state, x):
            current, potential = state
            return (keep_current * current + x, keep * potential + (1 - keep) * current), potential

        end, potentials = jax.lax.scan(step, state, drive)
        return potentials, end


def _convolved(
    inputs: Float[Array, "many channels positions"],
    weights: Float[Array, "units channels width"],
    stride: int,
    padding: int,
) -> Float[Array, "many units places"]:
    """All windows side by side, and one product: inside a loop a CPU has more of that than of a convolution."""
    width = weights.shape[-1]
    padded = jnp.pad(inputs, [(0, 0), (0, 0), (padding, padding)])
    places = (padded.shape[-1] - width) // stride + 1
    reach = stride * (places - 1) + 1
    windows = jnp.stack([padded[:, :, first : first + reach : stride] for first in range(width)], axis=2)
    return jnp.einsum("ncwp,ucw->nup", windows, weights)


def _channels_and_positions(below: tuple[int, ...]) -> tuple[int, int]:
    if len(below) == 1:
        return 1, below[0]
    if len(below) != 2:
        raise ValueError(
            f"`input_shape` of a convolution must be channels and positions, or positions alone, got {shorten(below)}."
        )
    return below
