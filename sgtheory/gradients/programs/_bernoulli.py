import jax.numpy as jnp

from sgtheory.gradients.programs._distribution import PROBABILITY, AbstractDistribution, enforced, ratio


class Bernoulli(AbstractDistribution):
    r"""1 with the probability $p$, otherwise 0: $x = 1[\omega < p]$.

    For $dp>0$ an outcome of 0 jumps to 1 with the weight $dp/(1-p)$; for $dp<0$ one of 1 to 0 with $-dp/p$. A tangent
    that leads out of [0, 1] has no jump.

    **Parameters:** $p$, from 0 to 1.
    **Source:** Arya et al. (2022).

    >>> import jax.numpy as jnp
    >>> print(Bernoulli().sample(jnp.array(0.25), jnp.array(0.2)))
    1.0
    >>> print(*Bernoulli().jump(jnp.array(0.25), jnp.array(1.5), jnp.array(0.0), jnp.array(0.5)))
    1.0 2.0
    """

    def checked(self, parameters):
        return enforced(PROBABILITY, parameters)

    def sample(self, parameters, uniform):
        return (uniform < parameters).astype(uniform.dtype)

    def jump(self, parameters, tangents, outcome, uniform):
        del uniform
        rising = ratio(jnp.maximum(tangents, 0.0), 1 - parameters)
        falling = ratio(jnp.maximum(-tangents, 0.0), parameters)
        return 1 - outcome, jnp.where(outcome > 0, falling, rising)
