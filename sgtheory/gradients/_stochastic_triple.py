import math

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
    Requires: two runs a parameter, or, as here, one run and another for each decision, which all parameters share. This
    is forward mode; there is no back-propagation of unsmoothed triples.

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

        primal, decisions = run(flat, uniform)
        spikes = decisions.spike.ravel()
        # Of the loss itself, where it depends on the parameters, and of every outcome's log-probability.
        smooth, slopes = jax.jacrev(lambda v: (run(v, uniform)[0], run(v, uniform)[1].log_probability.ravel()))(flat)
        weights = jnp.maximum(0.0, -slopes)
        cumulated = jnp.cumsum(weights, axis=0)
        total = cumulated[-1]
        # A site of weight 0 is never passed by the sum, and so never chosen.
        site = jnp.sum(cumulated <= (selector * total)[None], axis=0)

        def alternative(site):
            # A uniform of 1 forces silence and one of 0 a spike; the sites before keep their outcomes.
            flipped = uniform.ravel().at[site].set(spikes[site]).reshape(uniform.shape)
            return run(flat, flipped)[0]

        # One more run a decision serves all parameters, of which there are more in any network but the smallest.
        alternatives = jax.vmap(alternative)(jnp.arange(spikes.size))
        difference = jnp.where(total > 0, jnp.take(alternatives, site, mode="clip") - primal, 0.0)
        return unravel(smooth + total * difference)

    def runs(self, network, parameters, inputs):
        del parameters
        return 1 + math.prod(network.sites(inputs))
