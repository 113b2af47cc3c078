import dataclasses
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

from sgtheory._checks import shorten
from sgtheory.experiments.random_networks import LOSSES
from sgtheory.methods import METHODS
from sgtheory.survey._refused import Refused


@dataclasses.dataclass(frozen=True)
class Batch:
    """Some networks of one cell of a plan, which are computed and kept together."""

    cell: tuple[int, ...]
    """Its place among the widths, the steepnesses and the surrogate steepnesses."""
    networks: range
    """The numbers of the networks."""


@dataclasses.dataclass(frozen=True)
class SurveyPlan:
    """Everything that determines a survey's numbers.

    **Raises** `Refused` for an entry that is not allowed.
    """

    widths: tuple[tuple[int, ...], ...]
    """One or more kinds of network: the number of inputs and then of units in each layer."""
    steepness: tuple[float, ...]
    """One or more steepnesses of the escape noise, per unit of membrane potential."""
    surrogate_steepness: tuple[float, ...]
    """One or more steepnesses of surrogate derivatives; each is combined with each of the escape noise."""
    methods: tuple[str, ...] = tuple(label for label, method in METHODS.items() if method.surveyed)
    """Labels out of `sgtheory.methods.METHODS`."""
    networks: int = 100
    """Number of random networks for each combination."""
    draws: int = 1000
    """Number of draws by each method in each network."""
    seed: int = 0
    """Seed of all random numbers."""
    loss: str = "readout"
    """A name out of `sgtheory.experiments.random_networks.LOSSES`."""
    spread: float = 1.0
    """Standard deviation of the weights, times the square root of the number of inputs of the unit."""
    bias_spread: float = 0.0
    """Standard deviation of the biases."""
    precision: str = "float64"
    """float64 or float32."""
    batch: int = 50
    """Number of networks between two checkpoints."""

    def __post_init__(self):
        _several("widths", self.widths)
        for widths in self.widths:
            if len(widths) < 2 or min(widths) < 1:
                raise Refused(
                    "`widths` must be the number of inputs and then of units in each layer, all at least 1, "
                    f"got {named(widths)}. Give widths such as 5-5-1."
                )
        for name in ("steepness", "surrogate_steepness"):
            _several(name, getattr(self, name))
            for number in getattr(self, name):
                _hold(math.isfinite(number) and number > 0, name, "positive and finite", number)
        _several("methods", self.methods)
        for method in self.methods:
            _hold(method in METHODS, "methods", f"among {', '.join(map(repr, METHODS))}", method)
        for name, least in (("networks", 1), ("draws", 2), ("batch", 1)):
            _hold(getattr(self, name) >= least, name, f"at least {least}", getattr(self, name))
        _hold(0 <= self.seed < 2**31, "seed", "between 0 and 2147483647", self.seed)
        _hold(self.loss in LOSSES, "loss", f"one of {', '.join(map(repr, LOSSES))}", self.loss)
        _hold(math.isfinite(self.spread) and self.spread > 0, "spread", "positive and finite", self.spread)
        _hold(math.isfinite(self.bias_spread) and self.bias_spread >= 0, "bias_spread", "0 or more", self.bias_spread)
        _hold(self.precision in ("float64", "float32"), "precision", "'float64' or 'float32'", self.precision)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the grid of cells: widths, steepnesses, surrogate steepnesses."""
        return len(self.widths), len(self.steepness), len(self.surrogate_steepness)

    @property
    def total(self) -> int:
        """Number of networks in all cells together."""
        return math.prod(self.shape) * self.networks

    def batches(self) -> Iterator[Batch]:
        """All batches in the order in which they are computed, one kind of network after another."""
        firsts = range(0, self.networks, self.batch)
        for *cell, first in itertools.product(*map(range, self.shape), firsts):
            yield Batch(tuple(cell), range(first, min(first + self.batch, self.networks)))

    def describe(self) -> dict[str, Any]:
        """The plan in a form that JSON can hold."""
        return {name: _as_list(value) for name, value in dataclasses.asdict(self).items()}


def named(widths: Sequence[int]) -> str:
    """Widths as users write them.

    >>> named((5, 5, 1))
    '5-5-1'
    """
    return "-".join(map(str, widths))


def _as_list(value: Any) -> Any:
    return [_as_list(each) for each in value] if isinstance(value, tuple) else value


def _hold(holds: bool, name: str, rule: str, value: Any) -> None:
    if not holds:
        raise Refused(f"`{name}` must be {rule}, got {shorten(value)}.")


def _several(name: str, values: tuple[Any, ...]) -> None:
    if not values or len(set(values)) < len(values):
        raise Refused(f"`{name}` must be at least one, each named once, got {shorten(list(values))}.")
