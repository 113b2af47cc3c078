"""How much do the derivatives of a small random program scatter, and which of them are right?

Programs that draw discrete random numbers and are not networks: a random walk whose steps depend on its position, and a
toy program with discrete and continuous randomness. Four estimators of the derivative beside the exact one.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from sgtheory._arrays import Array, Float, Key, Scalar
from sgtheory.gradients.programs import (
    Bernoulli,
    Perturbed,
    exact_walk,
    random_walk,
    stochastic_derivative,
    toy_program,
)

STEPS = 100
"""Steps of the walk."""
WALK_SQUARE, WALK, TOY = "random walk, X²", "random walk, X", "toy program"
PROGRAMS = (WALK_SQUARE, WALK, TOY)
LOWEST = {WALK_SQUARE: 40.0, WALK: 40.0, TOY: 0.05}
HIGHEST = {WALK_SQUARE: 360.0, WALK: 360.0, TOY: 0.95}
"""The derivative is shown between these parameters."""
POINTS = 46
"""At so many of them."""
COUNTS = 40
"""Numbers of draws at which the running mean is shown, at most."""
SMALLEST = 1e-4
"""A smaller number is shown as this one, where its logarithm is."""


class ProgramDraws(eqx.Module):
    """Draws of each estimator of the derivative."""

    score: Float[Array, " draws"]
    """The score function."""
    baseline: Float[Array, " draws"]
    """The score function with the exact mean as control variate."""
    triple: Float[Array, " draws"]
    """A stochastic triple."""
    smoothed: Float[Array, " draws"]
    """The smoothed derivative: each random step with the slope of its probability."""


class MethodPicture(eqx.Module):
    """What page 03 shows of one estimator; "relative" means divided by the exact derivative."""

    mean: Scalar
    """Mean of the draws."""
    error: Scalar
    """Its standard error."""
    spread: Scalar
    """Standard deviation of one draw."""
    running: Float[Array, " counts"]
    """Relative mean of the first draws, at the numbers of draws `counts`."""
    running_error: Float[Array, " counts"]
    """Its relative standard error."""
    relative_spread: Scalar
    """Logarithm of the relative spread, to the base 10, at least that of `SMALLEST`."""
    relative_distance: Scalar
    """The same of the distance of the mean from the exact derivative."""
    place: Scalar
    """Height of its row, from 0 to 1."""
    beside: Scalar
    """The parameter, moved a little so that the estimates of all methods can be seen side by side."""


class ProgramPicture(eqx.Module):
    """What the second tab of page 03 shows."""

    exact: Scalar
    """The exact derivative."""
    score: MethodPicture
    """The score function."""
    baseline: MethodPicture
    """The score function with the exact mean as control variate."""
    triple: MethodPicture
    """A stochastic triple."""
    smoothed: MethodPicture
    """The smoothed derivative."""
    counts: Float[Array, " counts"]
    """Logarithms of the numbers of draws of the running means, to the base 10."""
    axis: Float[Array, " points"]
    """Parameters at which the exact derivative is shown."""
    derivative: Float[Array, " points"]
    """The exact derivative there."""
    walk: Float[Array, " positions"]
    """Positions of a walk, beginning at 0."""
    alternative: Float[Array, " positions"]
    """The same in the world in which one of its steps went the other way."""


class WalkPair(eqx.Module):
    """A random walk, and the alternative to it that a stochastic triple carries along."""

    walk: Float[Array, " steps"]
    """Position after each step."""
    alternative: Float[Array, " steps"]
    """Position after each step in the world in which one step went the other way; the walk itself where there is none."""
    weight: Float[Array, " steps"]
    """Weight of that world; 0 where there is none."""


def expected(program: str, parameter: Scalar) -> Scalar:
    """The exact mean of the result of a program; it can be differentiated.

    >>> import jax, jax.numpy as jnp
    >>> print([round(float(jax.grad(lambda p: expected(*each, p))(value)), 3)
    ...        for *each, value in ((WALK_SQUARE, 200.0), (WALK, 200.0), (TOY, 0.6))])
    [15.135, 0.114, 47.76]
    """
    if program == TOY:
        return 20 * parameter**2 * (1 - parameter) ** 2 + 230 * parameter**3 * (1 - parameter)
    positions = jnp.arange(STEPS + 1, dtype=jnp.result_type(parameter))
    return jnp.dot(exact_walk(parameter, STEPS), positions**2 if program == WALK_SQUARE else positions)


@eqx.filter_jit
def exact_derivative(program: str, parameters: Float[Array, " points"]) -> Float[Array, " points"]:
    """The derivative of the mean, at several parameters."""
    return jax.vmap(jax.grad(lambda p: expected(program, p)))(parameters)


def parameter_axis(program: str) -> Float[Array, " points"]:
    """Parameters at which the exact derivative is shown."""
    return jnp.linspace(LOWEST[program], HIGHEST[program], POINTS)


@eqx.filter_jit
def program_draws(program: str, parameter: Scalar, key: Key, draws: int) -> ProgramDraws:
    r"""Draws of four estimators of the derivative of a program.

    The smoothed one passes each random step on with the tangent $dp$ of its mean: a surrogate gradient with the matched
    derivative, biased as soon as later steps depend on earlier ones in any way that is not affine.

    **Arguments:** `program`, one of `PROGRAMS`; `parameter` $p$ of it; `draws`, how many of each estimator.
    **Source:** Arya et al. (2022). For their walk with $n=100$, $p=200$ the standard deviations are 94.4 (score
    function), 21.4 (with control variate) and 6.5 (triple); the smoothed one has 2.0.

    >>> import jax, jax.numpy as jnp
    >>> found = program_draws(WALK_SQUARE, jnp.asarray(200.0), jax.random.key(0), 4000)
    >>> print([bool(jnp.abs(jnp.std(each) / spread - 1) < 0.1) for each, spread in
    ...        ((found.baseline, 21.4), (found.triple, 6.5), (found.smoothed, 2.0))])
    [True, True, True]
    """
    keys = jax.random.split(key, draws)
    by_hand = _toy_by_hand if program == TOY else _walk_by_hand
    value, score, direct, smoothed = jax.vmap(lambda each: by_hand(program, parameter, each))(keys)
    triple = jax.vmap(lambda each: stochastic_derivative(_perturbed(program), parameter, each))(keys)
    return ProgramDraws(
        score=direct + value * score,
        baseline=direct + (value - expected(program, parameter)) * score,
        triple=triple,
        smoothed=smoothed,
    )


def _perturbed(program: str):
    if program == WALK_SQUARE:
        return lambda start, key: random_walk(start, key, STEPS).then(jnp.square)
    return toy_program if program == TOY else lambda start, key: random_walk(start, key, STEPS)


def _walk_by_hand(program: str, p: Scalar, key: Key) -> tuple[Scalar, Scalar, Scalar, Scalar]:
    """The result of a walk, its score, the derivative of the program with all outcomes held fixed, and the smoothed
    derivative."""

    def step(state, uniform):
        x, score, tangent = state
        up = jnp.exp(-x / p)
        slope = up * x / p**2
        rises = uniform < up
        # At 0 the walk always goes up, whatever the parameter.
        term = jnp.where(rises, slope / up, -slope / jnp.where(x > 0, 1 - up, 1.0))
        return (x + jnp.where(rises, 1.0, -1.0), score + term, tangent + 2 * (slope - up / p * tangent)), None

    zero = jnp.zeros_like(p)
    uniforms = jax.random.uniform(key, (STEPS,), p.dtype)
    (x, score, tangent), _ = jax.lax.scan(step, (zero, zero, zero), uniforms)
    value, smoothed = (x**2, 2 * x * tangent) if program == WALK_SQUARE else (x, tangent)
    return value, score, zero, smoothed


def _toy_by_hand(program: str, p: Scalar, key: Key) -> tuple[Scalar, Scalar, Scalar, Scalar]:
    """The same four numbers for the toy program."""
    del program
    trials, trial, normal = jax.random.split(key, 3)
    b = jnp.sum(jax.random.uniform(trials, (10,), p.dtype) < p, dtype=p.dtype)
    e = (jax.random.uniform(trial, (), p.dtype) < p).astype(p.dtype)
    noise = jax.random.normal(normal, (), p.dtype)

    def end(p, b, e):
        a = p * (1 - p)
        return a * (2 * b + 3 * e) * (b + a * noise)

    value, slopes = jax.value_and_grad(end, argnums=(0, 1, 2))(p, b, e)
    score = (b + e - 11 * p) / (p * (1 - p))
    return value, score, slopes[0], slopes[0] + 10 * slopes[1] + slopes[2]


@eqx.filter_jit
def walk_pair(parameter: Scalar, key: Key) -> WalkPair:
    """One walk beside the world in which one of its steps went the other way.

    >>> import jax, jax.numpy as jnp
    >>> pair = walk_pair(jnp.asarray(200.0), jax.random.key(1))
    >>> print(pair.walk.shape, bool(jnp.all(jnp.abs(pair.alternative - pair.walk) % 2 == 0)))
    (100,) True
    """

    def step(state, key):
        state = state.draw(key, Bernoulli(), lambda s: jnp.exp(-s[1] / s[0]), lambda s, o: (s[0], s[1] + 2 * o - 1))
        return state, (state.value[1], state.alternative[1], state.weight)

    start = Perturbed.start(parameter).then(lambda p: (p, jnp.zeros_like(p)))
    return WalkPair(*jax.lax.scan(step, start, jax.random.split(key, STEPS))[1])


def walk_steps() -> Float[Array, " positions"]:
    """Numbers of the steps after which a walk is shown."""
    return jnp.arange(STEPS + 1.0)


@eqx.filter_jit
def program_picture(program: str, parameter: Scalar, walk_parameter: Scalar, key: Key, draws: int) -> ProgramPicture:
    """Everything that the second tab of page 03 shows: the estimators at this `parameter` of the program, and one walk.

    >>> import jax, jax.numpy as jnp
    >>> picture = program_picture(WALK, jnp.asarray(200.0), jnp.asarray(200.0), jax.random.key(0), 1000)
    >>> print(bool(jnp.abs(picture.triple.mean - picture.exact) < 4.5 * picture.triple.error))
    True
    """
    axis = parameter_axis(program)
    exact = exact_derivative(program, parameter[None])[0]
    last = np.unique(np.geomspace(10, draws, COUNTS).astype(int)) - 1
    counts = jnp.asarray(last + 1.0)
    found = vars(program_draws(program, parameter, key, draws))
    pair = walk_pair(walk_parameter, key)
    start = jnp.zeros(1, pair.walk.dtype)

    def logarithm(value):
        return jnp.log10(jnp.maximum(jnp.abs(value / exact), SMALLEST))

    def shown(place, values):
        mean, spread = jnp.mean(values), jnp.std(values, ddof=1)
        squares = jnp.cumsum((values - mean) ** 2)[last] / (counts - 1)
        return MethodPicture(
            mean=mean,
            error=spread / draws**0.5,
            spread=spread,
            running=jnp.cumsum(values)[last] / counts / exact,
            running_error=jnp.sqrt(squares / counts) / jnp.abs(exact),
            relative_spread=logarithm(spread),
            relative_distance=logarithm(mean - exact),
            place=jnp.asarray(1 - place / len(found) - 0.17),
            beside=parameter + 0.012 * (axis[-1] - axis[0]) * (place - 1.5),
        )

    return ProgramPicture(
        exact=exact,
        **{name: shown(place, values) for place, (name, values) in enumerate(found.items())},
        counts=jnp.log10(counts),
        axis=axis,
        derivative=exact_derivative(program, axis),
        walk=jnp.concatenate([start, pair.walk]),
        alternative=jnp.concatenate([start, pair.alternative]),
    )
