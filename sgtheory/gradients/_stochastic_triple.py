import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from sgtheory.gradients._base import AbstractGradientEstimator, Claim, Depth, Losses, scalar_loss, uniforms
from sgtheory.rules import SpikeRule


class StochasticTriple(AbstractGradientEstimator):
    r"""The unsmoothed stochastic derivative: one decision is flipped, and what follows is run again.

    The second run has the same uniforms as the first.
    Approximates: the gradient of $E[L]$, for every loss and depth. With, for each parameter,
    $\delta + W\,[L(\text{flipped run}) - L(\text{run})]$: site $i$ may flip with the weight
    $w_i = \max(0, -\partial\log P(\text{outcome}_i))$, which is $dp/(1-p)$ at a silent site whose probability rises and
    $-dp/p$ at a spiking one whose probability falls; $W=\sum w_i$, and one site is chosen with probability $w_i/W$.
    Requires: two runs a parameter. This is forward mode; there is no back-propagation of unsmoothed triples.

    **Source:** Arya et al. (2022); Gygax & Zenke (2025), Eq. 1 and Eq. 6.

    >>> import jax, jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.networks import SingleUnit
    >>> from sgtheory.neurons import Perceptron, PerceptronParameters
    >>> network = SingleUnit(Perceptron(Sigmoid(steepness=2.0), threshold=0.3))
    >>> arguments = (lambda y: y**2, network, PerceptronParameters([0.8]), jnp.array([1.0]))
    >>> silent = StochasticTriple().evaluate(*arguments, (jnp.array(0.9), jnp.array(0.5)))
    >>> print(round(float(silent.weights[0]), 4))
    1.4621
    """

    @property
    def claim(self) -> Claim:
        return Claim(Losses.ANY, Depth.ANY)

    def draw(self, network, inputs, *, key):
        decisions, sites = jax.random.split(key)
        # The parameters are not known here: one uniform chooses the site for all of them, each with its own weights.
        return uniforms(network, inputs, decisions), jax.random.uniform(sites, dtype=jnp.result_type(inputs))

    def evaluate(self, loss, network, parameters, inputs, noise):
        uniform, selector = noise
        flat, unravel = ravel_pytree(parameters)

        def run(vector, noise):
            path = network(unravel(vector), inputs, noise, SpikeRule())
            return scalar_loss(loss, path), path.decisions

        def log_probabilities(vector):
            value, decisions = run(vector, uniform)
            return value, decisions.log_probability.ravel()

        primal, decisions = run(flat, uniform)
        spikes = decisions.spike.ravel()

        def component(direction):
            (_, _), (smooth, slopes) = jax.jvp(log_probabilities, (flat,), (direction,))
            weights = jnp.maximum(0.0, -slopes)
            cumulated = jnp.cumsum(weights)
            site = jnp.searchsorted(cumulated, selector * cumulated[-1], side="right")
            # A uniform of 1 forces silence and one of 0 a spike; the sites before keep their outcomes.
            flipped = uniform.ravel().at[site].set(spikes[site], mode="drop").reshape(uniform.shape)
            alternative, _ = run(flat, flipped)
            return smooth + cumulated[-1] * (alternative - primal)

        return unravel(jax.vmap(component)(jnp.eye(flat.size, dtype=flat.dtype)))
