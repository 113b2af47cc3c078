from typing import Any

import jax
import jax.numpy as jnp

from sgtheory._arrays import Array, Float, Key
from sgtheory._checks import positive, shorten
from sgtheory.gradients.programs._bernoulli import Bernoulli
from sgtheory.gradients.programs._distribution import enforced
from sgtheory.gradients.programs._perturbed import Perturbed, strong


def random_walk(perturbed: Perturbed, key: Key, steps: int = 100) -> Perturbed:
    r"""An inhomogeneous random walk from $X_0=0$: one up with the probability $e^{-X/p}$, otherwise one down.

    It ends with the last position $X_n$; for the mean square continue with `.then(jnp.square)`.

    **Arguments:** `perturbed`, the start with one positive parameter $p$; `steps` $n$, at least 1.
    **Raises** `ValueError` for fewer than one step.
    **Source:** Arya et al. (2022), the inhomogeneous random walk.

    >>> import jax
    >>> walk = random_walk(Perturbed.start(200.0), jax.random.key(0), steps=3)
    >>> print(walk.value)
    3.0
    """
    _at_least_one(steps)

    def step(state, key):
        # An outcome of 1 is a step up, one of 0 a step down.
        state = state.draw(key, Bernoulli(), lambda s: jnp.exp(-s[1] / s[0]), lambda s, o: (s[0], s[1] + 2 * o - 1))
        return state, None

    start = perturbed.then(lambda p: (p, jnp.zeros_like(p)))
    end, _ = jax.lax.scan(step, start, jax.random.split(key, steps))
    return end.then(lambda s: s[1])


def exact_walk(parameter: Any, steps: int = 100) -> Float[Array, " positions"]:
    r"""Probabilities of the positions 0 to $n$ after $n$ steps of `random_walk`.

    They can be differentiated, and so give the exact answer for every function of the last position.

    **Arguments:** `parameter` $p$, positive; `steps` $n$, at least 1.
    **Raises** `ValueError` for a parameter that is not positive and finite (inside a compiled program:
    `equinox.EquinoxRuntimeError`), and fewer than one step.

    >>> import jax, jax.numpy as jnp
    >>> square = lambda p: jnp.dot(exact_walk(p), jnp.arange(101.0) ** 2)
    >>> print(round(float(jax.grad(square)(200.0)), 3))
    15.135
    """
    _at_least_one(steps)
    p = strong(enforced(positive("parameter", single=True), parameter))
    positions = jnp.arange(steps + 1, dtype=p.dtype)
    up = jnp.exp(-positions / p)

    def step(probabilities, _):
        # The walk never leaves the positions: at 0 it goes up, and at n it ends.
        rises, falls = probabilities * up, probabilities * (1 - up)
        zero = jnp.zeros(1, p.dtype)
        return jnp.concatenate([zero, rises[:-1]]) + jnp.concatenate([falls[1:], zero]), None

    return jax.lax.scan(step, jnp.zeros_like(positions).at[0].set(1.0), length=steps)[0]


def _at_least_one(steps: int) -> None:
    if steps < 1:
        raise ValueError(f"`steps` must be at least 1, got {shorten(steps)}. Take 100, say.")
