r"""Derivatives of small programs that draw discrete random numbers, beyond networks of spikes.

A program here is any function that takes a `Perturbed` state through deterministic maps (`Perturbed.then`) and random
steps (`Perturbed.draw`), `jax.lax.scan` included. One run gives one unbiased estimate of the derivative of what the
program gives on average. Beside the run goes *one* alternative world, in which one outcome was another one and all
uniforms were the same. It is carried along and not run again: the number of steps need not be known, and nothing is
stored.

This is forward mode. A step costs the work of three worlds, the run, the alternative that is kept and the one that
arises, for *one* direction in the space of the parameters; a gradient over $n$ parameters takes $n$ directions. There is
no back-propagation of it.

**Source:** Arya, Schauer, Schäfer & Rackauckas (2022), "Automatic differentiation of programs with discrete randomness".
"""

import abc
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer

from sgtheory._arrays import Array, Float, Key, Parameters, Scalar
from sgtheory._checks import as_real, finite, instance, positive, require, shorten

State = Any
"""What a program works on: a pytree of arrays of floating-point numbers, of one dtype."""


# Distributions


class AbstractDistribution(eqx.Module):
    r"""A distribution over whole numbers: how its outcome follows from a uniform, and where it jumps when it is perturbed.

    A jump belongs to an outcome $x$ and to the tangent of the parameters. Its weight $w$ is the rate at which
    probability leaves $x$: with the other outcome $x'$, $E[w\,(f(x') - f(x))]$ is the derivative of $E[f]$, for every
    $f$. Weights are never negative. Outcomes are floating-point numbers.
    """

    @abc.abstractmethod
    def checked(self, parameters: Any) -> Any:
        """The parameters again, as arrays, or an error when they are those of no distribution.

        **Raises** `ValueError`; inside a compiled program `equinox.EquinoxRuntimeError`.
        """

    @abc.abstractmethod
    def sample(self, parameters: Any, uniform: Scalar) -> Scalar:
        """The outcome that belongs to a `uniform` in [0, 1), by inversion. The parameters are not checked."""

    @abc.abstractmethod
    def jump(self, parameters: Any, tangents: Any, outcome: Scalar, uniform: Scalar) -> tuple[Scalar, Scalar]:
        """Another outcome, and its weight, which is 0 where there is none.

        **Arguments:** `tangents`, like the parameters; `uniform`, which selects among several other outcomes, where the
        distribution has them.
        """


class Bernoulli(AbstractDistribution):
    r"""1 with the probability $p$, else 0: $x = 1[\omega < p]$.

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
        return _probability(parameters)

    def sample(self, parameters, uniform):
        return (uniform < parameters).astype(uniform.dtype)

    def jump(self, parameters, tangents, outcome, uniform):
        del uniform
        rising = _ratio(jnp.maximum(tangents, 0.0), 1 - parameters)
        falling = _ratio(jnp.maximum(-tangents, 0.0), parameters)
        return 1 - outcome, jnp.where(outcome > 0, falling, rising)


class Binomial(AbstractDistribution):
    r"""Successes in $n$ trials of the probability $p$; $n$ may itself be an outcome.

    For $dp>0$ the outcome $x$ jumps to $x+1$ with the weight $dp\,(n-x)/(1-p)$; for $dp<0$ to $x-1$ with $-dp\,x/p$.
    A tangent of $n$ has no meaning and is passed over: where $n$ is perturbed, it jumps. Time and
    rounding grow with $n$: beyond some thousand trials take 64-bit numbers.

    **Parameters:** the pair $(n, p)$, a whole number that is not negative and one from 0 to 1.
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
        remedy = "Give a whole number, 0 or more."
        trials = require(
            _single("trials", parameters[0], remedy),
            lambda n: jnp.isfinite(n) & (n >= 0) & (n == jnp.floor(n)),
            "trials",
            "a whole number that is not negative",
            remedy,
        )
        return trials, _probability(parameters[1])

    def sample(self, parameters, uniform):
        trials, probability = parameters
        # Away from the edges, where the logarithms are finite; the edges themselves have one outcome only.
        tiny, ulp = jnp.finfo(uniform.dtype).tiny, jnp.finfo(uniform.dtype).eps
        inner = jnp.clip(probability, tiny, 1 - ulp / 2)
        log_odds = jnp.log(inner) - jnp.log1p(-inner)
        outcome = _inverted(
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
        up = _ratio(tangent * (trials - outcome), 1 - probability)
        down = _ratio(-tangent * outcome, probability)
        return _step(outcome, tangent), jnp.where(tangent > 0, up, down)


class Geometric(AbstractDistribution):
    r"""Failures before the first success, with the probability $p$ of a success: $P(x) = p\,(1-p)^x$.

    For $dp>0$ the outcome $x$ jumps to $x-1$ with the weight $dp\,x/(p(1-p))$; for $dp<0$ to $x+1$ with $-dp\,(x+1)/p$.

    **Parameters:** $p$, above 0 and up to 1.
    **Source:** Arya et al. (2022).

    >>> import jax.numpy as jnp
    >>> print([float(Geometric().sample(jnp.array(0.5), jnp.array(uniform))) for uniform in (0.1, 0.6, 0.8)])
    [0.0, 1.0, 2.0]
    >>> print(*Geometric().jump(jnp.array(0.5), jnp.array(-1.0), jnp.array(2.0), jnp.array(0.5)))
    3.0 6.0
    """

    def checked(self, parameters):
        remedy = "Without a chance of success there is no outcome."
        value = _single("probability", parameters, remedy)
        return require(value, lambda p: (p > 0) & (p <= 1), "probability", "above 0 and at most 1", remedy)

    def sample(self, parameters, uniform):
        # At p = 1 the divisor is minus infinity, and the outcome 0.
        return jnp.abs(jnp.floor(jnp.log1p(-uniform) / jnp.log1p(-parameters)))

    def jump(self, parameters, tangents, outcome, uniform):
        del uniform
        down = _ratio(tangents * outcome, parameters * (1 - parameters))
        up = _ratio(-tangents * (outcome + 1), parameters)
        return _step(outcome, -tangents), jnp.where(tangents > 0, down, up)


class Poisson(AbstractDistribution):
    r"""Events at the rate $\lambda$: $P(x) = \lambda^x e^{-\lambda}/x!$.

    For $d\lambda>0$ the outcome $x$ jumps to $x+1$ with the weight $d\lambda$; for $d\lambda<0$ to $x-1$ with
    $-d\lambda\,x/\lambda$. Time and rounding grow with $\lambda$: beyond some thousand take 64-bit numbers.

    **Parameters:** $\lambda$, positive.
    **Source:** Arya et al. (2022).

    >>> import jax.numpy as jnp
    >>> print([float(Poisson().sample(jnp.array(2.0), jnp.array(uniform))) for uniform in (0.1, 0.5, 0.9)])
    [0.0, 2.0, 4.0]
    >>> print(*Poisson().jump(jnp.array(2.0), jnp.array(-1.0), jnp.array(3.0), jnp.array(0.5)))
    2.0 1.5
    """

    def checked(self, parameters):
        return positive("rate")(_single("rate", parameters))

    def sample(self, parameters, uniform):
        log_rate = jnp.log(parameters)
        return _inverted(uniform, -parameters, lambda k: log_rate - jnp.log(k), parameters, jnp.inf)

    def jump(self, parameters, tangents, outcome, uniform):
        del uniform
        down = _ratio(-tangents * outcome, parameters)
        return _step(outcome, tangents), jnp.where(tangents > 0, tangents, down)


class Categorical(AbstractDistribution):
    r"""The number $x$ of an entry, from 0, with the probability $p_x$.

    Inversion lays the entries side by side on [0, 1), with the borders $C_x = \sum_{k\le x}p_k$. When the parameters
    move, the borders move by $dC_x = \sum_{k\le x}dp_k$, and what a border passes over changes its entry: $x$ jumps up
    with the weight $\max(0, -dC_x)/p_x$ and down with $\max(0, dC_{x-1})/p_x$, to the next entry. Entries of probability
    0 have no width yet, and what flows towards them fills them first, as fast as their probabilities rise. For two
    entries it is the rule of the Bernoulli distribution.

    **Parameters:** $p$, a vector of at least one probability, their sum 1; its tangent has the sum 0.
    **Source:** derived here, from the borders of the inversion; for two entries it is that of Arya et al. (2022).

    >>> import jax.numpy as jnp
    >>> probabilities = jnp.array([0.5, 0.25, 0.25])
    >>> print([float(Categorical().sample(probabilities, jnp.array(uniform))) for uniform in (0.4, 0.6, 0.8)])
    [0.0, 1.0, 2.0]
    >>> tangents = jnp.array([-1.0, 0.0, 1.0])
    >>> print(*Categorical().jump(probabilities, tangents, jnp.array(1.0), jnp.array(0.5)))
    2.0 4.0
    """

    def checked(self, parameters):
        remedy = "Divide a vector of numbers that are not negative by their sum."
        vector = as_real("probabilities", parameters, remedy)
        if vector.ndim != 1 or not vector.size:
            raise ValueError(f"`probabilities` must be a vector, got the shape {shorten(vector.shape)}. {remedy}")
        tolerance = 16 * vector.size * float(jnp.finfo(vector.dtype).eps)
        return require(
            vector,
            lambda p: jnp.all(p >= 0) & (jnp.abs(jnp.sum(p) - 1) <= tolerance),
            "probabilities",
            "0 or more with the sum 1",
            remedy,
        )

    def sample(self, parameters, uniform):
        borders = jnp.cumsum(parameters)
        # Of the rounded sum and not of 1, so that an entry of probability 0 at the end is never taken.
        outcome = jnp.sum(borders <= uniform * borders[-1])
        return jnp.minimum(outcome, parameters.size - 1).astype(uniform.dtype)

    def jump(self, parameters, tangents, outcome, uniform):
        entries, x = jnp.arange(parameters.size), outcome.astype(int)
        above = jnp.cumsum(tangents)
        below = above - tangents
        up = jnp.where(x == parameters.size - 1, 0.0, jnp.maximum(-above[x], 0.0))
        down = jnp.where(x == 0, 0.0, jnp.maximum(below[x], 0.0))
        # A place on what flows out: at first upwards, then downwards.
        place = uniform * (up + down)
        wide = parameters > 0
        higher = jnp.min(jnp.where((entries > x) & (wide | (above > -place)), entries, parameters.size - 1))
        lower = jnp.max(jnp.where((entries < x) & (wide | (below < place - up)), entries, 0))
        other = jnp.where(place < up, higher, lower).astype(outcome.dtype)
        return other, _ratio(up + down, parameters[x])


def _single(name: str, value: Any, remedy: str = "Give one number to one step.") -> Scalar:
    array = as_real(name, value, remedy)
    if array.shape != ():
        raise ValueError(f"`{name}` must be one number, got the shape {shorten(array.shape)}. {remedy}")
    return array


def _probability(value: Any) -> Scalar:
    remedy = "Check the map from the state to it."
    array = _single("probability", value, remedy)
    return require(array, lambda p: (p >= 0) & (p <= 1), "probability", "from 0 to 1", remedy)


def _ratio(numerator: Array, divisor: Array) -> Array:
    """A quotient that is not negative, and 0 where the divisor is 0: an outcome without probability has no jump."""
    usable = divisor > 0
    return jnp.where(usable, jnp.maximum(numerator, 0.0) / jnp.where(usable, divisor, 1.0), 0.0)


def _step(outcome: Scalar, tangent: Scalar) -> Scalar:
    # Never below 0: there the weight of a step down is 0.
    return jnp.maximum(outcome + jnp.where(tangent > 0, 1.0, -1.0), 0.0)


def _inverted(
    uniform: Scalar, first: Scalar, log_ratio: Callable[[Scalar], Scalar], mean: Scalar, last: Scalar | float
) -> Scalar:
    r"""The smallest $k$ with $F(k) > \omega$, by adding up probabilities from `first`, the logarithm of that of 0.

    Logarithms, for the probability of 0 is often too small to be a number. `log_ratio` leads from $k-1$ to $k$.
    """

    def goes_on(state):
        k, log_probability, cumulated = state
        # Past the mean it ends where nothing is added any more: the rounded sum may never pass a uniform close to 1.
        adds = (k <= mean) | (cumulated + jnp.exp(log_probability) > cumulated)
        return (cumulated <= uniform) & (k < last) & adds

    def advance(state):
        k, log_probability, cumulated = state
        log_probability = log_probability + log_ratio(k + 1)
        return k + 1, log_probability, cumulated + jnp.exp(log_probability)

    first = jnp.asarray(first, uniform.dtype)
    return jax.lax.while_loop(goes_on, advance, (jnp.zeros_like(uniform), first, jnp.exp(first)))[0]


# The state of a run


class Perturbed(eqx.Module):
    r"""One run of a program, with the derivative of its state and one alternative to it.

    `value`, the state, any pytree of floating-point arrays; `tangent`, its almost sure derivative $\delta$, which does
    not see that outcomes jump; `alternative`, the state in the world in which one outcome jumped; `weight` $w\ge0$, the
    rate at which the run changes over to that world, 0 where there is none. It may be the carry of `jax.lax.scan`, under
    `jax.jit` and `jax.vmap`. All that depends on the parameter must be part of the state: what a function takes from
    elsewhere counts as a constant.

    **Source:** Arya et al. (2022).

    >>> import jax, jax.numpy as jnp
    >>> state = Perturbed.start(0.5)
    >>> state = state.draw(jax.random.key(7), Bernoulli(), lambda p: p, lambda p, outcome: outcome)
    >>> print(state.value, state.alternative, state.weight)
    0.0 1.0 2.0
    >>> print(state.then(lambda x: 3 * x).derivative())
    6.0
    """

    value: State
    tangent: State
    alternative: State
    weight: Scalar

    @classmethod
    def start(cls, parameter: Any, direction: Any = None) -> "Perturbed":
        """The state at the start of a program: the parameter, and the direction of the derivative.

        **Arguments:** `parameter`, a number or a pytree of arrays; `direction`, like it. None: 1, for a single number.
        **Raises** `ValueError` for entries that are not finite, for several parameters without a direction, and for a
        direction of another structure or other shapes.
        """
        value = jax.tree.map(lambda leaf: _strong(finite("parameter")(leaf)), parameter)
        leaves, structure = jax.tree.flatten(value)
        if direction is None:
            if len(leaves) != 1 or leaves[0].shape != ():
                raise ValueError(
                    f"`direction` must be given for several parameters, got {shorten(parameter)} without one. "
                    "Give a pytree like the parameters."
                )
            direction = jax.tree.map(jnp.ones_like, value)
        tangent = jax.tree.map(finite("direction"), direction)
        shapes = [leaf.shape for leaf in leaves]
        if jax.tree.structure(tangent) != structure or [t.shape for t in jax.tree.leaves(tangent)] != shapes:
            raise ValueError(
                f"`direction` must have the structure and the shapes of the parameter, got {shorten(direction)}. "
                "Give one number a parameter."
            )
        tangent = jax.tree.map(lambda t, leaf: t.astype(leaf.dtype), tangent, value)
        return cls(value, tangent, value, jnp.zeros((), jnp.result_type(*leaves)))

    def then(self, function: Callable[[State], State]) -> "Perturbed":
        r"""A deterministic map: $f(x)$, $Df(x)\,\delta$, $f(y)$, and the weight as it was.

        Continuous random numbers enter so, by their reparametrisation: `lambda x: x + scale * noise`.
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

        A perturbation arises from the tangent of the parameters. Of the alternatives, the one that was there with the
        weight $w$ and the new one with $W$, one is kept, with a probability in proportion to its weight, and has the
        weight $w + W$. One that agrees with the run in everything has merged back, and is dropped before that.

        **Arguments:** `parameters`, from the state to what the distribution takes; `into`, from the state and the
        outcome to the next state.
        **Raises** `ValueError` for parameters of no distribution, in either world (inside a compiled program:
        `equinox.EquinoxRuntimeError`).
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
            # Where there is no alternative, nothing is added, were the state infinite.
            return tangent + jnp.where(self.weight > 0, self.weight * (alternative - value), 0.0)

        return jax.tree.map(estimate, self.value, self.tangent, self.alternative)

    def _worlds(self) -> State:
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), self.value, self.alternative)

    def _tangents(self, worlds: int) -> State:
        """The tangent of the run; the others have none, for what they add to a derivative is of second order."""
        return jax.tree.map(lambda t: jnp.stack([t, *[jnp.zeros_like(t)] * (worlds - 1)]), self.tangent)

    def _pushed(
        self, function: Callable[..., Any], states: State, tangents: State, *constants: Array
    ) -> tuple[State, State]:
        """A function of the state, and its tangent, in several worlds at once: all are rounded in the same way."""

        def real(state, *constants):
            # Whole numbers and numbers of Python too become what the state is made of.
            return jax.tree.map(
                lambda leaf: as_real("state", leaf).astype(self.weight.dtype), function(state, *constants)
            )

        def push(state, tangent, *constants):
            return jax.jvp(lambda s: real(s, *constants), (state,), (tangent,))

        return jax.vmap(push)(states, tangents, *constants)


def _world(worlds: State, number: int) -> State:
    return jax.tree.map(lambda leaf: leaf[number], worlds)


def _strong(array: Array) -> Array:
    """Of one dtype for good: the carry of a scan must not change it."""
    return array.astype(array.dtype)


def _checked(distribution: AbstractDistribution, worlds: Any) -> Any:
    """Parameters that the distribution has accepted in both worlds."""
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(worlds)):
        return jax.vmap(distribution.checked)(worlds)
    # One world after the other, so that a refusal shows the number it is about.
    accepted = [distribution.checked(_world(worlds, number)) for number in range(2)]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *accepted)


def _merged(value: State, alternative: State) -> Array:
    same = jax.tree.map(lambda a, b: jnp.all(a == b), value, alternative)
    return jnp.all(jnp.stack(jax.tree.leaves(same)))


def _settled(
    value: State, tangent: State, alternatives: list[tuple[State, Scalar]], selector: Scalar | None
) -> Perturbed:
    """Of the alternatives the one that is kept: those that have merged back dropped first, then by the selector."""
    weights = jnp.stack([jnp.where(_merged(value, other), 0.0, weight) for other, weight in alternatives])
    cumulated = jnp.cumsum(weights)
    total = cumulated[-1]
    # An alternative of weight 0 is never passed by the sum, and so never chosen.
    chosen = 0 if selector is None else jnp.minimum(jnp.sum(cumulated <= selector * total), len(alternatives) - 1)
    # Where none is left the run takes its place, so that its parameters can always be had.
    kept = jax.tree.map(
        lambda leaf, *others: jnp.where(total > 0, jnp.stack(others)[chosen], leaf),
        value,
        *[other for other, _ in alternatives],
    )
    return Perturbed(value, tangent, kept, total)


Program = Callable[[Perturbed, Key], Perturbed]
"""From the state at the start and a key to the state at the end."""


def stochastic_derivative(program: Program, parameter: Parameters, key: Key, direction: Any = None) -> Any:
    r"""One draw of an unbiased estimate of $\partial_p E[\text{program}(p)]$; like what the program gives.

    **Arguments:** `parameter`, a number or a pytree of arrays; `direction`, like it, along which the derivative is
    taken; 1 for a single number.
    **Raises** `TypeError` when the program does not end with a `Perturbed`, and what `Perturbed.start` and
    `Perturbed.draw` raise.
    **Source:** Arya et al. (2022).

    >>> import jax, jax.numpy as jnp
    >>> keys = jax.random.split(jax.random.key(1), 1000)
    >>> draws = jax.jit(jax.vmap(lambda key: stochastic_derivative(nested_binomial, 0.5, key)))(keys)
    >>> error = jnp.std(draws) / jnp.sqrt(1000.0)
    >>> print(bool(jnp.abs(jnp.mean(draws) - 20 * 0.5) < 4.5 * error))
    True
    """
    end = program(Perturbed.start(parameter, direction), key)
    instance("program(perturbed, key)", end, Perturbed, "Let the program give its last state.")
    return end.derivative()


# Reference programs


def random_walk(perturbed: Perturbed, key: Key, steps: int = 100) -> Perturbed:
    r"""An inhomogeneous random walk from $X_0=0$: one up with the probability $e^{-X/p}$, else one down.

    Gives the last position $X_n$; for the mean square go on with `.then(jnp.square)`.

    **Arguments:** `perturbed`, the start of one positive parameter $p$; `steps` $n$, at least 1.
    **Raises** `ValueError` for fewer than one step.
    **Source:** Arya et al. (2022), the inhomogeneous random walk.

    >>> import jax
    >>> walk = random_walk(Perturbed.start(200.0), jax.random.key(0), steps=3)
    >>> print(walk.value)
    3.0
    """
    _at_least_one(steps)

    def step(state, key):
        # One up or one down: by 2 x outcome - 1.
        state = state.draw(key, Bernoulli(), lambda s: jnp.exp(-s[1] / s[0]), lambda s, o: (s[0], s[1] + 2 * o - 1))
        return state, None

    start = perturbed.then(lambda p: (p, jnp.zeros_like(p)))
    end, _ = jax.lax.scan(step, start, jax.random.split(key, steps))
    return end.then(lambda s: s[1])


def exact_walk(parameter: Any, steps: int = 100) -> Float[Array, " positions"]:
    r"""Probabilities of the positions 0 to $n$ after $n$ steps of `random_walk`, position by position.

    They can be differentiated: the exact answer for every function of the last position.

    **Arguments:** `parameter` $p$, positive; `steps` $n$, at least 1.
    **Raises** `ValueError` for a parameter that is not positive and finite, and fewer than one step.

    >>> import jax, jax.numpy as jnp
    >>> square = lambda p: jnp.dot(exact_walk(p), jnp.arange(101.0) ** 2)
    >>> print(round(float(jax.grad(square)(200.0)), 3))
    15.135
    """
    _at_least_one(steps)
    p = _strong(positive("parameter")(_single("parameter", parameter)))
    positions = jnp.arange(steps + 1, dtype=p.dtype)
    up = jnp.exp(-positions / p)

    def step(probabilities, _):
        # The walk never leaves the positions: at 0 it goes up, and at n it ends.
        rises, falls = probabilities * up, probabilities * (1 - up)
        zero = jnp.zeros(1, p.dtype)
        return jnp.concatenate([zero, rises[:-1]]) + jnp.concatenate([falls[1:], zero]), None

    return jax.lax.scan(step, jnp.zeros_like(positions).at[0].set(1.0), length=steps)[0]


def toy_program(perturbed: Perturbed, key: Key) -> Perturbed:
    r"""$a\,c\,N(b,a)$ with $a=p(1-p)$, $b\sim\mathrm{Bin}(10,p)$ and $c=2b+3\,\mathrm{Ber}(p)$; $a$ is a standard deviation.

    Discrete and continuous randomness in one program. Its mean is $20p^2(1-p)^2+230p^3(1-p)$, whatever the spread of the
    normal variable.

    **Arguments:** `perturbed`, the start of one parameter $p$ from 0 to 1.
    **Source:** Arya et al. (2022), the example of the package StochasticAD.jl.
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


def nested_binomial(perturbed: Perturbed, key: Key) -> Perturbed:
    r"""$\mathrm{Bin}(\mathrm{Bin}(10,p),p)$, of the mean $10p^2$: the number of trials is itself random.

    **Arguments:** `perturbed`, the start of one parameter $p$ from 0 to 1.
    **Source:** Arya et al. (2022).
    """
    outer, inner = jax.random.split(key)
    state = perturbed.draw(outer, Binomial(), lambda p: (10, p), lambda p, outcome: (p, outcome))
    return state.draw(inner, Binomial(), lambda s: (s[1], s[0]), lambda s, outcome: outcome)


def _at_least_one(steps: int) -> None:
    if steps < 1:
        raise ValueError(f"`steps` must be at least 1, got {shorten(steps)}. Take 100, say.")
