from typing import ClassVar

import equinox as eqx

from sgtheory._arrays import Array, Float, Noise
from sgtheory.networks._base import AbstractNetwork, Path, decide
from sgtheory.neurons import Perceptron, PerceptronParameters
from sgtheory.rules import AbstractSpikeRule


class SingleUnit(AbstractNetwork):
    r"""The smallest network: one Perceptron, one decision; its output is its spike.

    **Source:** Gygax & Zenke (2025), Eq. 2–6.

    >>> import jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.neurons import Perceptron, PerceptronParameters
    >>> from sgtheory.rules import SpikeRule
    >>> network = SingleUnit(Perceptron(Sigmoid(steepness=2.0), threshold=0.3))
    >>> path = network(PerceptronParameters([0.8]), jnp.array([1.0]), jnp.array(0.7), SpikeRule())
    >>> print(path.output, round(float(path.decisions.distance), 4))
    1.0 0.5
    """

    shares_parameters: ClassVar[bool] = False
    unit: Perceptron = eqx.field()

    def sites(self, inputs: Float[Array, " inputs"]) -> tuple[int, ...]:
        del inputs
        return ()

    def __call__(
        self, parameters: PerceptronParameters, inputs: Float[Array, " inputs"], noise: Noise, rule: AbstractSpikeRule
    ) -> Path:
        decision = decide(rule, self.unit.escape, self.unit.distance(parameters, inputs), noise)
        return Path(decision.spike, decision)
