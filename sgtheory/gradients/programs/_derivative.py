from collections.abc import Callable
from typing import Any

from sgtheory._arrays import Key, Parameters
from sgtheory._checks import instance
from sgtheory.gradients.programs._perturbed import Perturbed

Program = Callable[[Perturbed, Key], Perturbed]
"""From the state at the start and a key to the state at the end."""


def stochastic_derivative(program: Program, parameter: Parameters, key: Key, direction: Any = None) -> Any:
    r"""One draw of an unbiased estimate of $\partial_p E[\text{program}(p)]$, shaped like the result of the program.

    **Arguments:** `parameter`, a number or a pytree of arrays; `direction`, a pytree like it, along which the derivative
    is taken; 1 for a single number.
    **Raises** `TypeError` when the program does not end with a `Perturbed`, and whatever `Perturbed.start`,
    `Perturbed.then` and `Perturbed.draw` raise.
    **Source:** Arya et al. (2022).

    >>> import jax, jax.numpy as jnp
    >>> from sgtheory.gradients.programs import nested_binomial
    >>> keys = jax.random.split(jax.random.key(1), 1000)
    >>> draws = jax.jit(jax.vmap(lambda key: stochastic_derivative(nested_binomial, 0.5, key)))(keys)
    >>> error = jnp.std(draws) / jnp.sqrt(1000.0)
    >>> print(bool(jnp.abs(jnp.mean(draws) - 20 * 0.5) < 4.5 * error))
    True
    """
    end = program(Perturbed.start(parameter, direction), key)
    instance("program(perturbed, key)", end, Perturbed, "Let the program return its last state.")
    return end.derivative()
