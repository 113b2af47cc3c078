import equinox as eqx
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from sgtheory._arrays import Array, Float, Parameters, Scalar


class Summary(eqx.Module):
    """Statistics of draws against an exact gradient; all but `cosine` are pytrees like the gradient.

    `mean`; `bias`, mean minus exact; `variance` of one draw (divided by n − 1); `standard_error` of the mean;
    `cosine`, of the angle between mean and exact gradient.
    """

    mean: Parameters
    bias: Parameters
    variance: Parameters
    standard_error: Parameters
    cosine: Scalar


def summarise(draws: Parameters, exact: Parameters) -> Summary:
    """All statistics of `draws` against `exact`.

    **Raises** `ValueError` for fewer than two draws.

    >>> import jax.numpy as jnp
    >>> summary = summarise(jnp.array([[1.0, 0.0], [3.0, 0.0]]), jnp.array([1.5, 0.0]))
    >>> print(summary.bias, summary.variance, summary.standard_error, summary.cosine)
    [0.5 0. ] [2. 0.] [1. 0.] 1.0
    """
    mean = jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), draws)
    return Summary(mean, bias(draws, exact), variance(draws), standard_error(draws), cosine(mean, exact))


def bias(draws: Parameters, exact: Parameters) -> Parameters:
    """Mean of the draws minus the exact value.

    >>> import jax.numpy as jnp
    >>> print(bias(jnp.array([1.0, 3.0]), jnp.array(1.5)))
    0.5
    """
    return jax.tree.map(lambda leaf, truth: jnp.mean(leaf, axis=0) - truth, draws, exact)


def variance(draws: Parameters) -> Parameters:
    r"""Unbiased variance of one draw, $\frac{1}{n-1}\sum(g_i-\bar g)^2$.

    **Raises** `ValueError` for fewer than two draws.

    >>> import jax.numpy as jnp
    >>> print(variance(jnp.array([1.0, 3.0])))
    2.0
    """
    return jax.tree.map(lambda leaf: jnp.var(_at_least_two(leaf), axis=0, ddof=1), draws)


def standard_error(draws: Parameters) -> Parameters:
    r"""Standard error of the mean, $\sqrt{\text{variance}/n}$.

    **Raises** `ValueError` for fewer than two draws.

    >>> import jax.numpy as jnp
    >>> print(standard_error(jnp.array([1.0, 3.0])))
    1.0
    """
    return jax.tree.map(lambda leaf: jnp.sqrt(jnp.var(_at_least_two(leaf), axis=0, ddof=1) / leaf.shape[0]), draws)


def cosine(first: Parameters, second: Parameters) -> Scalar:
    r"""$\langle a, b\rangle/(|a|\,|b|)$ over all entries of two pytrees.

    0 where one of them is 0, for it has no direction.

    >>> import jax.numpy as jnp
    >>> print(round(float(cosine(jnp.array([1.0, 0.0]), jnp.array([1.0, 1.0]))), 4))
    0.7071
    """
    a, b = ravel_pytree(first)[0], ravel_pytree(second)[0]
    norm = jnp.linalg.norm(a) * jnp.linalg.norm(b)
    return jnp.where(norm > 0, jnp.dot(a, b) / jnp.where(norm > 0, norm, 1.0), 0.0)


def sign_agreement(first: Parameters, second: Parameters) -> Scalar:
    """The share of entries of two pytrees that have one sign; a zero agrees with a zero alone.

    >>> import jax.numpy as jnp
    >>> print(sign_agreement(jnp.array([1.0, -2.0, 0.0, 3.0]), jnp.array([2.0, 2.0, 0.0, 1.0])))
    0.75
    """
    a, b = ravel_pytree(first)[0], ravel_pytree(second)[0]
    return jnp.mean(jnp.sign(a) == jnp.sign(b), dtype=a.dtype)


def _at_least_two(leaf: Float[Array, "draws ..."]) -> Float[Array, "draws ..."]:
    if leaf.shape[0] < 2:
        raise ValueError(f"`draws` must be at least 2 for a variance, got {leaf.shape[0]}. Draw more.")
    return leaf
