from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer

from sgtheory._arrays import Array, Bool, Key, Scalar
from sgtheory._checks import as_real, finite, instance, shorten
from sgtheory.gradients.programs._distribution import AbstractDistribution, enforced

State = Any
"""What a program works on: a pytree of arrays of floating-point numbers, of one dtype."""


class Perturbed(eqx.Module):
    r"""One run of a program, with the derivative of its state and one alternative to it.

    It may be the carry of `jax.lax.scan`, under `jax.jit` and `jax.vmap`. Everything that depends on the parameter must
    be part of the state: what a function takes from elsewhere counts as a constant.

    **Source:** Arya et al. (2022).

    >>> import jax, jax.numpy as jnp
    >>> from sgtheory.gradients.programs import Bernoulli
    >>> state = Perturbed.start(0.5)
    >>> state = state.draw(jax.random.key(7), Bernoulli(), lambda p: p, lambda p, outcome: outcome)
    >>> print(state.value, state.alternative, state.weight)
    0.0 1.0 2.0
    >>> print(state.then(lambda x: 3 * x).derivative())
    6.0
    """

    value: State
    """The state $x$ of the run, any pytree of floating-point arrays."""
    tangent: State
    r"""Its almost sure derivative $\delta$, which does not see that outcomes jump; a pytree like the state."""
    alternative: State
    """The state $y$ in the world in which one outcome jumped; a pytree like the state."""
    weight: Scalar
    r"""The rate $w\ge0$ at which the run changes over to that world; 0 where there is none."""

    @classmethod
    def start(cls, parameter: Any, direction: Any = None) -> "Perturbed":
        """The state at the start of a program: the parameter, and the direction of the derivative.

        **Arguments:** `parameter`, a number or a pytree of arrays; `direction`, a pytree like it. None: 1, for a single
        number.
        **Raises** `ValueError` for entries that are not finite (inside a compiled program:
        `equinox.EquinoxRuntimeError`), for several parameters without a direction, and for a direction of another
        structure or other shapes.
        """
        value = jax.tree.map(lambda leaf: strong(enforced(finite("parameter"), leaf)), parameter)
        leaves, structure = jax.tree.flatten(value)
        if direction is None:
            if len(leaves) != 1 or leaves[0].shape != ():
                raise ValueError(
                    f"`direction` must be given for several parameters, got {shorten(parameter)} without one. "
                    "Give a pytree like the parameters."
                )
            direction = jax.tree.map(jnp.ones_like, value)
        tangent = jax.tree.map(lambda leaf: enforced(finite("direction"), leaf), direction)
        shapes = [leaf.shape for leaf in leaves]
        if jax.tree.structure(tangent) != structure or [t.shape for t in jax.tree.leaves(tangent)] != shapes:
            raise ValueError(
                f"`direction` must have the structure and the shapes of the parameter, got {shorten(direction)}. "
                "Give one number for each parameter."
            )
        tangent = jax.tree.map(lambda t, leaf: t.astype(leaf.dtype), tangent, value)
        return cls(value, tangent, value, jnp.zeros((), jnp.result_type(*leaves)))

    def then(self, function: Callable[[State], State]) -> "Perturbed":
        r"""A deterministic map: $f(x)$, $Df(x)\,\delta$, $f(y)$, and the weight as it was.

        Continuous random numbers enter by their reparametrisation: `lambda x: x + scale * noise`.

        **Where it is wrong:** $f$ may jump where discrete outcomes decide, but not where a *continuous* random number
        decides. There it is flat on both sides of the jump, so that the estimate is 0 or misses a term, without a
        warning: a program cannot tell noise from a constant. A Boolean result is refused for that reason, but
        `jnp.floor`, `jnp.where` and `.astype` pass. Draw the decision instead, with its probability; a number that is
        needed later is then drawn given the decision.

        **Raises** `TypeError` for a Boolean result.

        >>> import jax, jax.numpy as jnp
        >>> from jax.scipy.stats import norm
        >>> from sgtheory.gradients.programs import Bernoulli
        >>> def lost(key):  # the derivative of P(p + normal > 0), which is 0.399 at p = 0
        ...     moved = Perturbed.start(0.0).then(lambda p: p + jax.random.normal(key))
        ...     return moved.then(lambda v: (v > 0).astype(float)).derivative()
        >>> def found(key):
        ...     return Perturbed.start(0.0).draw(key, Bernoulli(), norm.cdf, lambda p, fires: fires).derivative()
        >>> keys = jax.random.split(jax.random.key(0), 10_000)
        >>> print([round(float(jnp.mean(jax.vmap(each)(keys))), 2) for each in (lost, found)])
        [0.0, 0.4]
        """
        values, tangents = self._pushed(function, self._worlds(), self._tangents(2))
        return _settled(_world(values, 0), _world(tangents, 0), [(_world(values, 1), self.weight)], None)

    def draw(
        self,
        key: Key,
        distribution: AbstractDistribution,
        parameters: Callable[[State], Any],
        into: Callable[[State, Scalar], State],
    ) -> "Perturbed":
        r"""A random step, in both worlds with the same uniform, each with its own parameters.

        A perturbation arises from the tangent of the parameters. There are then two alternatives: the previous one with
        the weight $w$, and the new one with $W$. One of the two is kept, with a probability in proportion to its weight,
        and gets the weight $w + W$. An alternative that agrees with the run in everything has merged back, and is
        dropped before that.

        **Arguments:** `parameters`, from the state to what the distribution takes; `into`, from the state and the
        outcome to the next state.
        **Raises** `ValueError` for parameters of no distribution, in either world (inside a compiled program:
        `equinox.EquinoxRuntimeError`); `TypeError` for a `distribution` of another family, and for Boolean results.
        """
        instance("distribution", distribution, AbstractDistribution, "Bernoulli(), say.")
        uniform, side, selector = jax.random.uniform(key, (3,), dtype=self.weight.dtype)
        worlds = self._worlds()
        given, slopes = self._pushed(parameters, worlds, self._tangents(2))
        given = _checked(distribution, given)
        outcomes = jax.vmap(distribution.sample, in_axes=(0, None))(given, uniform)
        other, weight = distribution.jump(_world(given, 0), _world(slopes, 0), outcomes[0], side)
        # Three worlds go on: the run, its alternative, and the run with the other outcome.
        states = jax.tree.map(lambda leaf: leaf[jnp.array([0, 1, 0])], worlds)
        values, tangents = self._pushed(into, states, self._tangents(3), jnp.append(outcomes, other))
        alternatives = [(_world(values, 1), self.weight), (_world(values, 2), weight)]
        return _settled(_world(values, 0), _world(tangents, 0), alternatives, selector)

    def derivative(self) -> State:
        r"""$\delta + w\,(y - x)$: one draw of an unbiased estimate of the derivative of $E[x]$; a pytree like the state."""

        def estimate(value, tangent, alternative):
            # Where there is no alternative nothing is added, even if the state is infinite.
            return tangent + jnp.where(self.weight > 0, self.weight * (alternative - value), 0.0)

        return jax.tree.map(estimate, self.value, self.tangent, self.alternative)

    def _worlds(self) -> State:
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), self.value, self.alternative)

    def _tangents(self, worlds: int) -> State:
        """The tangent of the run; the other worlds have none, because theirs would only matter to second order."""
        return jax.tree.map(lambda t: jnp.stack([t, *[jnp.zeros_like(t)] * (worlds - 1)]), self.tangent)

    def _pushed(
        self, function: Callable[..., Any], states: State, tangents: State, *constants: Array
    ) -> tuple[State, State]:
        """A function of the state, and its tangent, in several worlds at once, so that all are rounded in the same way."""

        def real(state, *constants):
            return jax.tree.map(lambda leaf: _real(leaf).astype(self.weight.dtype), function(state, *constants))

        def push(state, tangent, *constants):
            return jax.jvp(lambda s: real(s, *constants), (state,), (tangent,))

        return jax.vmap(push)(states, tangents, *constants)


def strong(array: Array) -> Array:
    """`array` with a dtype of its own, not a weak one: the carry of a scan must not change its dtype."""
    return array.astype(array.dtype)


def _real(leaf: Any) -> Array:
    """Whole numbers, and numbers of Python, become real; a Boolean is refused, because it stands for a decision."""
    if isinstance(leaf, bool) or getattr(leaf, "dtype", None) == jnp.bool_:
        raise TypeError(
            "`state` must be made of real numbers, got a Boolean: a decision of a continuous random number has no almost "
            "sure derivative. Draw it by `draw(key, Bernoulli(), probability, into)`; where discrete outcomes alone "
            "decide, take `.astype(float)`."
        )
    return as_real("state", leaf)


def _world(worlds: State, number: int) -> State:
    return jax.tree.map(lambda leaf: leaf[number], worlds)


def _checked(distribution: AbstractDistribution, worlds: Any) -> Any:
    """Parameters that the distribution has accepted in both worlds."""
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(worlds)):
        return jax.vmap(distribution.checked)(worlds)
    # One world after the other, so that a refusal shows the number that it is about.
    accepted = [distribution.checked(_world(worlds, number)) for number in range(2)]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *accepted)


def _merged(value: State, alternative: State) -> Bool[Array, ""]:
    same = jax.tree.map(lambda a, b: jnp.all(a == b), value, alternative)
    return jnp.all(jnp.stack(jax.tree.leaves(same)))


def _settled(
    value: State, tangent: State, alternatives: list[tuple[State, Scalar]], selector: Scalar | None
) -> Perturbed:
    """The run with one of the alternatives: those that have merged back are dropped, then the selector decides."""
    weights = jnp.stack([jnp.where(_merged(value, other), 0.0, weight) for other, weight in alternatives])
    cumulated = jnp.cumsum(weights)
    total = cumulated[-1]
    # An alternative of weight 0 adds nothing to the sum, and so is never chosen.
    chosen = 0 if selector is None else jnp.minimum(jnp.sum(cumulated <= selector * total), len(alternatives) - 1)
    # Where none is left the run takes its place, so that the distributions accept its parameters.
    kept = jax.tree.map(
        lambda leaf, *others: jnp.where(total > 0, jnp.stack(others)[chosen], leaf),
        value,
        *[other for other, _ in alternatives],
    )
    return Perturbed(value, tangent, kept, total)
