import math
from typing import Any, ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from sgtheory._arrays import Array, Float
from sgtheory._checks import shorten
from sgtheory.gradients._base import AbstractGradientEstimator, flatten_parameters, scalar_loss
from sgtheory.gradients._claim import Claim, Losses
from sgtheory.networks import AbstractEscapeNoiseNetwork, AbstractNetwork

Side = Literal["right", "left", "two-sided"]


class StochasticTriple(AbstractGradientEstimator):
    r"""The unsmoothed stochastic derivative: one decision is flipped, and what follows is run again.

    The second run has the same uniforms as the first.
    Approximates: the gradient of $E[L]$, for every loss, chained decisions or not. With, for each parameter,
    $\delta + W\,[L(\text{flipped run}) - L(\text{run})]$: site $i$ may flip with the weight
    $w_i = \max(0, -\partial\log P(\text{outcome}_i))$, which is $dp/(1-p)$ at a silent site whose probability rises and
    $-dp/p$ at a spiking one whose probability falls; $W=\sum w_i$, and one site is chosen with probability $w_i/W$. That
    is the right derivative. The left one flips where an outcome becomes more likely, $w_i = \max(0, \partial\log
    P(\text{outcome}_i))$, and takes the difference with the other sign; the two-sided one is half of each. A flip that
    changes nothing in the end has merged with the run; it is dropped before one is chosen, which leaves the mean as it is
    and lessens the variance.
    Requires: two runs a parameter, or, as here, one run and another for each decision, which all parameters share. This
    is forward mode; there is no back-propagation of unsmoothed triples.

    **Arguments:** `side`, "right", "left" or "two-sided".
    **Raises** `ValueError` for another side.
    **Source:** Arya et al. (2022); Gygax & Zenke (2025), Eq. 1 and Eq. 6.

    >>> import jax, jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.networks import SingleUnit
    >>> from sgtheory.neurons import Perceptron, PerceptronParameters
    >>> network = SingleUnit(Perceptron(Sigmoid(steepness=2.0), threshold=0.3))
    >>> arguments = (lambda y: y**2, network, PerceptronParameters([0.8]), jnp.array([1.0]))
    >>> silent = ((jnp.array(0.9),), jnp.array(0.5))
    >>> right, left = [StochasticTriple(side).evaluate(*arguments, silent) for side in ("right", "left")]
    >>> print(round(float(right.weights[0]), 4), left.weights[0])
    1.4621 0.0
    """

    takes: ClassVar[type[AbstractNetwork]] = AbstractEscapeNoiseNetwork
    side: Side = eqx.field(default="right", static=True)

    def __check_init__(self):
        if self.side not in ("right", "left", "two-sided"):
            raise ValueError(f"`side` must be 'right', 'left' or 'two-sided', got {shorten(self.side)}. Take 'right'.")

    @property
    def claim(self) -> Claim:
        return Claim(Losses.ANY, chained=True)

    def draw(self, network, inputs, *, key):
        decisions, sites = jax.random.split(key)
        noise = network.draw(inputs, key=decisions)
        # The parameters are not known here: one uniform chooses the site for all of them, each with its own weights.
        return noise, jax.random.uniform(sites, dtype=jnp.result_type(*noise))

    def evaluate(self, loss, network: Any, parameters, inputs, noise):
        uniforms, selector = noise
        vector, as_parameters, as_gradient = flatten_parameters(parameters)
        uniform, in_layers = ravel_pytree(uniforms)

        def run(vector, uniforms):
            path = network.run(as_parameters(vector), inputs, uniforms)
            return scalar_loss(loss, path), path

        def log_probabilities(vector):
            value, path = run(vector, uniforms)
            logarithms, spikes = network.log_probabilities(path), [each.spike for each in path.decisions]
            return (value, ravel_pytree(logarithms)[0]), ravel_pytree(spikes)[0]

        (primal, logarithms), back, spikes = jax.vjp(log_probabilities, vector, has_aux=True)

        def pulled(towards):
            return back((jnp.zeros_like(primal), towards))[0]

        # Of the loss itself, where it depends on the parameters in other ways.
        smooth = back((jnp.ones_like(primal), jnp.zeros_like(logarithms)))[0]

        def alternative(site):
            # A uniform of 1 forces silence and one of 0 a spike; the sites before keep their outcomes.
            return run(vector, in_layers(uniform.at[site].set(spikes[site].astype(uniform.dtype))))[0]

        # One more run a decision serves all parameters, of which there are more in any network but the smallest.
        differences = jax.vmap(alternative)(jnp.arange(spikes.size)) - primal
        if not network.shares_parameters:
            # Each parameter has one decision to flip: its slope alone, and its slope times what the flip changes.
            slope, changed = pulled(jnp.ones_like(logarithms)), pulled(differences.astype(logarithms.dtype))
            return as_gradient(smooth + self._signed(slope, changed))
        slopes = jax.vmap(pulled)(jnp.eye(spikes.size, dtype=logarithms.dtype))
        signed = self._signed(slopes, slopes) * (differences != 0).astype(slopes.dtype)[:, None]
        return as_gradient(smooth + _one_of(signed, differences.astype(slopes.dtype), selector.astype(slopes.dtype)))

    def _signed(self, slope: Array, factor: Array) -> Array:
        """Where a flip is allowed at this slope of the logarithm, minus the factor; 0 elsewhere; half on two sides."""
        if self.side == "two-sided":
            return -0.5 * factor
        return -jnp.where(slope < 0 if self.side == "right" else slope > 0, factor, 0.0)

    def runs(self, network: Any, parameters, inputs):
        del parameters
        return 1 + sum(math.prod(shape) for shape in network.sites(inputs))


def _one_of(
    signed: Float[Array, "sites parameters"], differences: Float[Array, " sites"], selector: Array
) -> Float[Array, " parameters"]:
    """For each parameter one site, chosen in proportion to its weight, and what its flip changes times all weights."""
    cumulated = jnp.cumsum(jnp.abs(signed), axis=0)
    total = cumulated[-1]
    # A site of weight 0 is never passed by the sum, and so never chosen.
    site = jnp.sum(cumulated <= (selector * total)[None], axis=0)
    chosen = jnp.take_along_axis(signed, jnp.minimum(site, len(signed) - 1)[None], axis=0)[0]
    difference = jnp.where(total > 0, jnp.take(differences, site, mode="clip"), 0.0)
    return jnp.sign(chosen) * total * difference
