from typing import Any, ClassVar

import equinox as eqx

from sgtheory._arrays import Array, Float, Noise
from sgtheory._checks import instance
from sgtheory.escape import AbstractEscape
from sgtheory.networks._base import AbstractEscapeNoiseNetwork, Path, Rule, as_vector, check_noise, decide, rule_of
from sgtheory.neurons import Perceptron, PerceptronParameters


class SingleUnit(AbstractEscapeNoiseNetwork):
    r"""The smallest network: one Perceptron, one decision; its output is its spike.

    **Arguments:** `unit`, the Perceptron.
    **Raises** `TypeError` for a `unit` that is none.
    **Source:** Gygax & Zenke (2025), Eq. 2–6.

    >>> import jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.neurons import Perceptron, PerceptronParameters
    >>> network = SingleUnit(Perceptron(Sigmoid(steepness=2.0), threshold=0.3))
    >>> path = network.run(PerceptronParameters([0.8]), jnp.array([1.0]), (jnp.array(0.7),))
    >>> print(path.output, round(float(path.decisions[0].distance), 4))
    1.0 0.5
    """

    shares_parameters: ClassVar[bool] = False
    unit: Perceptron = eqx.field()

    def __check_init__(self):
        instance("unit", self.unit, Perceptron, "Take `Perceptron(Sigmoid(2.0))`, say.")

    @property
    def chained(self) -> bool:
        return False

    def as_inputs(self, inputs: Any) -> Float[Array, " inputs"]:
        return as_vector(inputs)

    def check(self, parameters: PerceptronParameters, inputs: Float[Array, " inputs"]) -> None:
        """**Raises** `ValueError` unless there is one input a weight."""
        self.unit.distance(parameters, inputs)

    def sites(self, inputs: Float[Array, " inputs"]) -> tuple[tuple[int, ...], ...]:
        del inputs
        return ((),)

    def escape_of(self, layer: int) -> AbstractEscape:
        del layer
        return self.unit.escape

    def __call__(
        self, parameters: PerceptronParameters, inputs: Float[Array, " inputs"], noise: tuple[Noise, ...], rule: Rule
    ) -> Path:
        inputs = self.as_inputs(inputs)
        check_noise(noise, self.sites(inputs))
        distance = self.unit.distance(parameters, inputs)
        decision = decide(rule_of(rule, 0, 1), self.unit.escape, distance, noise[0])
        return Path(decision.spike, (decision,))
