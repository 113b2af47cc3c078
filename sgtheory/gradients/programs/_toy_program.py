import jax

from sgtheory._arrays import Key
from sgtheory.gradients.programs._bernoulli import Bernoulli
from sgtheory.gradients.programs._binomial import Binomial
from sgtheory.gradients.programs._perturbed import Perturbed


def toy_program(perturbed: Perturbed, key: Key) -> Perturbed:
    r"""$a\,c\,N(b,a)$ with $a=p(1-p)$, $b\sim\mathrm{Bin}(10,p)$ and $c=2b+3\,\mathrm{Ber}(p)$; $a$ is a standard deviation.

    Discrete and continuous randomness in one program. Its mean is $20p^2(1-p)^2+230p^3(1-p)$, whatever the spread of the
    normal variable.

    **Arguments:** `perturbed`, the start with one parameter $p$ from 0 to 1.
    **Source:** Arya et al. (2022), the example of the package StochasticAD.jl.

    >>> import jax
    >>> print(toy_program(Perturbed.start(1.0), jax.random.key(0)).value)
    0.0
    """
    trials, trial, normal = jax.random.split(key, 3)
    state = perturbed.draw(trials, Binomial(), lambda p: (10, p), lambda p, outcome: (p, outcome))
    state = state.draw(trial, Bernoulli(), lambda s: s[0], lambda s, outcome: (*s, 2 * s[1] + 3 * outcome))
    noise = jax.random.normal(normal, dtype=perturbed.weight.dtype)

    def end(s):
        p, b, c = s
        a = p * (1 - p)
        return a * c * (b + a * noise)

    return state.then(end)
