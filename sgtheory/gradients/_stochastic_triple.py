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

        def log_probabilities(vector):
            value, decisions = run(vector, uniform)
            return (value, decisions.log_probability.ravel()), decisions.spike.ravel()

        (primal, outcomes), back, spikes = jax.vjp(log_probabilities, flat, has_aux=True)
        nothing, one = jnp.zeros_like(outcomes), jnp.ones_like(primal)
        smooth = back((one, nothing))[0]  # of the loss itself, where it depends on the parameters

        def alternative(site):
            # A uniform of 1 forces silence and one of 0 a spike; the sites before keep their outcomes.
            flipped = uniform.ravel().at[site].set(spikes[site]).reshape(uniform.shape)
            return run(flat, flipped)[0]

        # One more run a decision serves all parameters, of which there are more in any network but the smallest.
        differences = jax.vmap(alternative)(jnp.arange(spikes.size)) - primal
        if not network.shares_parameters:
            # Each parameter has one decision to flip: its slope alone, and its slope times what the flip changes.
            slope, changed = (
                back((jnp.zeros_like(primal), each))[0] for each in (jnp.ones_like(outcomes), differences)
            )
            return unravel(smooth - jnp.where(slope < 0, changed, 0.0))
        slopes = jax.vmap(lambda row: back((jnp.zeros_like(primal), row))[0])(
            jnp.eye(spikes.size, dtype=outcomes.dtype)
        )
        cumulated = jnp.cumsum(jnp.maximum(0.0, -slopes), axis=0)
        total = cumulated[-1]
        # A site of weight 0 is never passed by the sum, and so never chosen.
        site = jnp.sum(cumulated <= (selector * total)[None], axis=0)
        difference = jnp.where(total > 0, jnp.take(differences, site, mode="clip"), 0.0)
        return unravel(smooth + total * difference)

    def runs(self, network, parameters, inputs):
        del parameters
        return 1 + math.prod(network.sites(inputs))
