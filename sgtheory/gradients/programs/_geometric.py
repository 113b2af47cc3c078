import jax.numpy as jnp

from sgtheory._checks import Numbers
from sgtheory.gradients.programs._distribution import AbstractDistribution, enforced, neighbour, ratio

CHANCE = Numbers(
    "probability", "above 0 and at most 1", lambda p: (p > 0) & (p <= 1),
    "Without a chance of success there is no outcome.", single=True,
)  # fmt: skip
"""The rule for the probability of a success that must come."""


class Geometric(AbstractDistribution):
    r"""Failures before the first success, with the probability $p$ of a success: $P(x) = p\,(1-p)^x$.

    For $dp>0$ the outcome $x$ jumps to $x-1$ with the weight $dp\,x/(p(1-p))$; for $dp<0$ to $x+1$ with $-dp\,(x+1)/p$.

    **Parameters:** $p$, above 0 and up to 1.
    **Source:** Arya et al. (2022).

    >>> import jax.numpy as jnp
    >>> print([float(Geometric().sample(jnp.array(0.5), jnp.array(uniform))) for uniform in (0.1, 0.6, 0.8)])
    [0.0, 1.0, 2.0]
    >>> print(*Geometric().jump(jnp.array(0.5), jnp.array(-1.0), jnp.array(2.0), jnp.array(0.5)))
    3.0 6.0
    """

    def checked(self, parameters):
        return enforced(CHANCE, parameters)

    def sample(self, parameters, uniform):
        # At p = 1 the divisor is minus infinity, and the outcome 0.
        return jnp.abs(jnp.floor(jnp.log1p(-uniform) / jnp.log1p(-parameters)))

    def jump(self, parameters, tangents, outcome, uniform):
        del uniform
        down = ratio(tangents * outcome, parameters * (1 - parameters))
        up = ratio(-tangents * (outcome + 1), parameters)
        return neighbour(outcome, -tangents), jnp.where(tangents > 0, down, up)
