import jax

from sgtheory._arrays import Key
from sgtheory.gradients.programs._binomial import Binomial
from sgtheory.gradients.programs._perturbed import Perturbed


def nested_binomial(perturbed: Perturbed, key: Key) -> Perturbed:
    r"""$\mathrm{Bin}(\mathrm{Bin}(10,p),p)$, of the mean $10p^2$: the number of trials is itself random.

    **Arguments:** `perturbed`, the start with one parameter $p$ from 0 to 1.
    **Source:** Arya et al. (2022).

    >>> import jax
    >>> print(nested_binomial(Perturbed.start(1.0), jax.random.key(0)).value)
    10.0
    """
    outer, inner = jax.random.split(key)
    state = perturbed.draw(outer, Binomial(), lambda p: (10, p), lambda p, outcome: (p, outcome))
    return state.draw(inner, Binomial(), lambda s: (s[1], s[0]), lambda s, outcome: outcome)
