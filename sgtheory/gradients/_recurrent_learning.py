from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory._checks import instance
from sgtheory.gradients._base import AbstractGradientEstimator, flatten_parameters, scalar_loss
from sgtheory.gradients._claim import Claim
from sgtheory.gradients._surrogate import SurrogateGradient
from sgtheory.networks import AbstractNetwork, ClockedNetwork


class RealTimeRecurrentLearning(AbstractGradientEstimator):
    r"""A surrogate gradient of a network in discrete time, forward in time: nothing of the past is kept.

    Approximates, with and requires: what `SurrogateGradient` does, to rounding, by the recursion
    $\frac{d s[n+1]}{d\theta}=\frac{\partial s[n+1]}{\partial s[n]}\frac{d s[n]}{d\theta}+\frac{\partial s[n+1]}{\partial\theta}$
    of the state $s$, currents and potentials. It costs a run of a step for each parameter, and memory for the state times
    the number of parameters, whatever the number of steps.

    **Arguments:** `method`, the surrogate gradient that it computes.
    **Raises** `TypeError` for a method that is none; where a gradient is taken, for a network that is no `ClockedNetwork`.
    **Source:** Williams & Zipser (1989); for one LIF neuron Gygax & Zenke (2025), Eq. 15–17.

    >>> import jax, jax.numpy as jnp, sgtheory as sg
    >>> network = sg.ClockedNetwork((1,), (sg.Dense(1, sg.LIF(sg.Sigmoid(10.0))),))
    >>> parameters = sg.ClockedParameters((sg.LayerParameters(jnp.array([[4.0]])),))
    >>> problem = sg.Problem(sg.SpikeCount(), network, parameters, jnp.ones((20, 1)))
    >>> forward = RealTimeRecurrentLearning().estimate(*problem, key=jax.random.key(0))
    >>> backward = sg.SurrogateGradient().estimate(*problem, key=jax.random.key(0))
    >>> print(bool(jnp.allclose(forward.layers[0].weights, backward.layers[0].weights)))
    True
    """

    takes: ClassVar[type[AbstractNetwork]] = ClockedNetwork
    method: SurrogateGradient = eqx.field(default_factory=SurrogateGradient)

    def __check_init__(self):
        instance("method", self.method, SurrogateGradient, "Take `SurrogateGradient()`.")

    @property
    def claim(self) -> Claim:
        return self.method.claim

    def evaluate(self, loss, network: Any, parameters, inputs, noise):
        vector, as_parameters, as_gradient = flatten_parameters(parameters)
        rule = self.method.rule

        # What each output is worth; a loss sees all of time at once.
        path = network(parameters, inputs, noise, rule)
        worth = jax.grad(lambda output: scalar_loss(loss, eqx.tree_at(lambda p: p.output, path, output)))(path.output)

        def step(state, vector, given):
            return network.one_step(as_parameters(vector), state, given, rule)

        def advance(carry, each):
            state, slopes, total = carry
            given, worth_now = each

            def along(slope, direction):
                _, (slope, out) = jax.jvp(lambda s, v: step(s, v, given), (state, vector), (slope, direction))
                products = jax.tree.map(lambda w, o: jnp.vdot(w, o), worth_now, out)
                return slope, jax.tree.reduce(jnp.add, products)

            slopes, gained = jax.vmap(along)(slopes, jnp.eye(vector.size, dtype=vector.dtype))
            return (step(state, vector, given)[0], slopes, total + gained), None

        start = network.rest(parameters)
        slopes = jax.tree.map(lambda leaf: jnp.zeros((vector.size, *leaf.shape), leaf.dtype), start)
        inputs = network.as_inputs(inputs).astype(vector.dtype)
        (_, _, total), _ = jax.lax.scan(advance, (start, slopes, jnp.zeros_like(vector)), ((inputs, noise), worth))
        return as_gradient(total)
