import jax.numpy as jnp

from sgtheory._checks import Numbers, is_finite, shorten
from sgtheory.gradients.programs._distribution import PROBABILITY, AbstractDistribution, enforced, neighbour, ratio
from sgtheory.gradients.programs._inversion import inverted

TRIALS = Numbers(
    "trials", "a whole number that is not negative", lambda n: is_finite(n) & (n >= 0) & (n == jnp.floor(n)),
    "Give a whole number, 0 or more.", single=True,
)  # fmt: skip
"""The rule for the number of trials."""


class Binomial(AbstractDistribution):
    r"""Successes in $n$ trials of the probability $p$; $n$ may itself be an outcome.

    For $dp>0$ the outcome $x$ jumps to $x+1$ with the weight $dp\,(n-x)/(1-p)$; for $dp<0$ to $x-1$ with $-dp\,x/p$.
    A tangent of $n$ has no meaning and is ignored: a perturbed $n$ jumps. Time and rounding errors grow with $n$: beyond
    a few thousand trials take 64-bit numbers.

    **Parameters:** the pair $(n, p)$: a whole number that is not negative, and a number from 0 to 1.
    **Source:** Arya et al. (2022).

    >>> import jax.numpy as jnp
    >>> parameters = jnp.array(4.0), jnp.array(0.5)
    >>> print([float(Binomial().sample(parameters, jnp.array(uniform))) for uniform in (0.0, 0.1, 0.5, 0.99)])
    [0.0, 1.0, 2.0, 4.0]
    >>> print(*Binomial().jump(parameters, (jnp.array(0.0), jnp.array(1.0)), jnp.array(1.0), jnp.array(0.5)))
    2.0 6.0
    """

    def checked(self, parameters):
        if not (isinstance(parameters, (tuple, list)) and len(parameters) == 2):
            raise TypeError(
                "`parameters` of a Binomial must be the pair of the number of trials and the probability, "
                f"got {shorten(parameters)}. Give `(n, p)`."
            )
        return enforced(TRIALS, parameters[0]), enforced(PROBABILITY, parameters[1])

    def sample(self, parameters, uniform):
        trials, probability = parameters
        # Away from 0 and 1, where the logarithms are finite; at 0 and 1 there is only one outcome.
        tiny, ulp = jnp.finfo(uniform.dtype).tiny, jnp.finfo(uniform.dtype).eps
        inner = jnp.clip(probability, tiny, 1 - ulp / 2)
        log_odds = jnp.log(inner) - jnp.log1p(-inner)
        outcome = inverted(
            uniform,
            trials * jnp.log1p(-inner),
            lambda k: jnp.log((trials - k + 1) / k) + log_odds,
            trials * inner,
            trials,
        )
        return jnp.where(probability == 0, 0.0, jnp.where(probability == 1, trials, outcome))

    def jump(self, parameters, tangents, outcome, uniform):
        del uniform
        (trials, probability), tangent = parameters, tangents[1]
        up = ratio(tangent * (trials - outcome), 1 - probability)
        down = ratio(-tangent * outcome, probability)
        return neighbour(outcome, tangent), jnp.where(tangent > 0, up, down)
