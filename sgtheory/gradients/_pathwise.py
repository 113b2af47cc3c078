from sgtheory.gradients._base import AbstractDifferentiable, scalar_loss
from sgtheory.gradients._claim import Claim, Losses


class PathwiseGradient(AbstractDifferentiable):
    r"""The derivative of one run with everything random held fixed, also called reparametrisation.

    Approximates: the gradient of $E[L]$. With: $\nabla_\theta L\big(\text{run}(\theta, \omega)\big)$ for a draw $\omega$.
    Requires: a differentiable loss, and a network whose output is continuous in the parameters at fixed $\omega$, such
    as the times of spikes that vanish smoothly, or a stochastic differential equation without jumps. On spikes it gives
    0, for they jump. Where nothing is random it is the exact gradient.

    **Source:** Kingma & Welling (2014); Glasserman (2003), §7.2, for when it is unbiased.

    >>> import jax, jax.numpy as jnp
    >>> from sgtheory.networks import AbstractNetwork, Path
    >>> class SpikeTime(AbstractNetwork):  # a QIF neuron, from minus infinity: it spikes at the time π/√(wx)
    ...     continuous = True
    ...     def draw(self, inputs, *, key):
    ...         return ()
    ...     def run(self, parameters, inputs, noise):
    ...         return Path(jnp.pi / jnp.sqrt(parameters * inputs))
    >>> problem = lambda time: time, SpikeTime(), jnp.array(2.0), jnp.array(2.0)
    >>> print(round(float(PathwiseGradient().estimate(*problem, key=jax.random.key(0))), 4))
    -0.3927
    """

    @property
    def claim(self) -> Claim:
        return Claim(Losses.ANY, chained=True, continuous=True)

    def objective(self, loss, network, parameters, inputs, noise):
        path = network.run(parameters, inputs, noise)
        return scalar_loss(loss, path), path
