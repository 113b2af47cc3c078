"""What holds for every network that is solved from event to event."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import sgtheory as sg


def many_at_once_are_each_by_itself(network, weights, inputs, some_loss, factors, tolerance):
    """Over two axes, one of the weights and one of the input times, with runs of different lengths."""
    factors, earlier = jnp.array(factors), jnp.array([0.6, 1.0])

    def gradient(factor, sooner):
        moved = sg.InputSpikes(sooner * inputs.times, inputs.channels)
        scaled = eqx.tree_at(lambda each: each.inputs, weights, factor * weights.inputs)
        return jax.value_and_grad(lambda each: some_loss(network, each, moved))(scaled)

    alone = jax.jit(gradient)
    together = jax.jit(jax.vmap(jax.vmap(gradient, (None, 0)), (0, None)))(factors, earlier)
    for k, factor in enumerate(factors):
        for m, sooner in enumerate(earlier):
            several, known = jax.tree.leaves(together), jax.tree.leaves(alone(factor, sooner))
            for found, expected in zip(several, known, strict=True):
                np.testing.assert_allclose(found[k, m], expected, rtol=tolerance, atol=tolerance)
