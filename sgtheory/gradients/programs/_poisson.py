import jax.numpy as jnp

from sgtheory._checks import positive
from sgtheory.gradients.programs._distribution import AbstractDistribution, enforced, neighbour, ratio
from sgtheory.gradients.programs._inversion import inverted


class Poisson(AbstractDistribution):
    r"""Events at the rate $\lambda$: $P(x) = \lambda^x e^{-\lambda}/x!$.

    For $d\lambda>0$ the outcome $x$ jumps to $x+1$ with the weight $d\lambda$; for $d\lambda<0$ to $x-1$ with
    $-d\lambda\,x/\lambda$. Time and rounding errors grow with $\lambda$: beyond a few thousand take 64-bit numbers.

    **Parameters:** $\lambda$, positive.
    **Source:** Arya et al. (2022).

    >>> import jax.numpy as jnp
    >>> print([float(Poisson().sample(jnp.array(2.0), jnp.array(uniform))) for uniform in (0.1, 0.5, 0.9)])
    [0.0, 2.0, 4.0]
    >>> print(*Poisson().jump(jnp.array(2.0), jnp.array(-1.0), jnp.array(3.0), jnp.array(0.5)))
    2.0 1.5
    """

    def checked(self, parameters):
        return enforced(positive("rate", single=True), parameters)

    def sample(self, parameters, uniform):
        log_rate = jnp.log(parameters)
        return inverted(uniform, -parameters, lambda k: log_rate - jnp.log(k), parameters, jnp.inf)

    def jump(self, parameters, tangents, outcome, uniform):
        del uniform
        down = ratio(-tangents * outcome, parameters)
        return neighbour(outcome, tangents), jnp.where(tangents > 0, tangents, down)
