from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from sgtheory._checks import positive


class Smorms3State(NamedTuple):
    """Running means of the gradient and of its square, and for how long they look back; pytrees like the parameters."""

    mean: Any
    square: Any
    memory: Any


def smorms3(learning_rate: float, tiny: float = 1e-16) -> optax.GradientTransformation:
    r"""The optimiser SMORMS3: a rate that falls where the gradient is noisy, and a memory that grows there.

    With $r=1/(m+1)$: $g\leftarrow(1-r)g+r\partial$, $g_2\leftarrow(1-r)g_2+r\partial^2$, $x=g^2/(g_2+\varepsilon)$,
    $m\leftarrow1+m(1-x)$, $\Delta\theta=-\min(\eta,x)\,\partial/(\sqrt{g_2}+\varepsilon)$.

    **Arguments:** `learning_rate` $\eta$; `tiny` $\varepsilon$.
    **Raises** `ValueError` for numbers that are not positive and finite.
    **Source:** Funk (2015); used by Gygax & Zenke (2025), section 4.5.

    >>> import jax.numpy as jnp, optax
    >>> optimiser, parameter = smorms3(0.01), jnp.array(1.0)
    >>> updates, state = optimiser.update(jnp.array(0.5), optimiser.init(parameter))
    >>> print(round(float(optax.apply_updates(parameter, updates)), 6))
    0.985858
    """
    rate, small = positive("learning_rate", single=True)(learning_rate), positive("tiny", single=True)(tiny)

    def init(params: Any) -> Smorms3State:
        zero = jax.tree.map(jnp.zeros_like, params)
        return Smorms3State(zero, zero, jax.tree.map(jnp.ones_like, params))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Smorms3State]:
        del params

        def one(gradient, mean, square, memory):
            eta, epsilon = rate.astype(gradient.dtype), small.astype(gradient.dtype)
            part = 1 / (memory + 1)
            mean = (1 - part) * mean + part * gradient
            square = (1 - part) * square + part * gradient**2
            agreement = mean**2 / (square + epsilon)
            step = -jnp.minimum(eta, agreement) * gradient / (jnp.sqrt(square) + epsilon)
            return step, mean, square, 1 + memory * (1 - agreement)

        found = jax.tree.map(one, updates, *state)
        steps, *after = jax.tree.transpose(jax.tree.structure(updates), jax.tree.structure((0,) * 4), found)
        return steps, Smorms3State(*after)

    return optax.GradientTransformation(init, update)
