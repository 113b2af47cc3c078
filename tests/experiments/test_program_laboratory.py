"""The programs of page 03: four estimators beside the exact derivative, with the spreads that are published."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sgtheory.experiments.program_laboratory import (
    HIGHEST,
    LOWEST,
    PROGRAMS,
    TOY,
    WALK_SQUARE,
    exact_derivative,
    parameter_axis,
    program_draws,
    walk_pair,
)

START = {program: jnp.asarray(0.6 if program == TOY else 200.0) for program in PROGRAMS}
DRAWS = 20_000


@pytest.fixture(scope="module")
def found():
    return {program: program_draws(program, START[program], jax.random.key(0), DRAWS) for program in PROGRAMS}


def standard_errors_off(draws, exact):
    return float((np.mean(draws) - exact) / (np.std(draws, ddof=1) / np.sqrt(len(draws))))


@pytest.mark.parametrize("program", PROGRAMS)
def test_three_of_the_four_are_unbiased(program, found):
    exact = exact_derivative(program, START[program][None])[0]
    for name in ("score", "baseline", "triple"):
        assert abs(standard_errors_off(getattr(found[program], name), exact)) < 4.5


def test_the_smoothed_derivative_is_biased(found):
    assert standard_errors_off(found[TOY].smoothed, 47.76) > 10
    many = program_draws(WALK_SQUARE, START[WALK_SQUARE], jax.random.key(1), 120_000).smoothed
    assert standard_errors_off(many, 15.134901441824) > 7
    np.testing.assert_allclose(np.mean(many) / 15.134901441824, 1.005, atol=2e-3)


def test_the_published_spreads(found):
    walk = found[WALK_SQUARE]
    for draws, spread in ((walk.score, 94.4), (walk.baseline, 21.4), (walk.triple, 6.49), (walk.smoothed, 2.0)):
        np.testing.assert_allclose(np.std(draws), spread, rtol=0.05)


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_exact_derivative_is_that_of_the_mean(program):
    axis = parameter_axis(program)
    assert (float(axis[0]), float(axis[-1])) == (LOWEST[program], HIGHEST[program])
    known = {PROGRAMS[0]: 15.134901441824, PROGRAMS[1]: 0.113821961342, TOY: 47.76}[program]
    np.testing.assert_allclose(exact_derivative(program, START[program][None])[0], known, rtol=1e-11)


def test_the_two_walks_part_by_one_step_and_never_by_an_odd_number():
    pairs = jax.vmap(lambda key: walk_pair(jnp.asarray(200.0), key))(jax.random.split(jax.random.key(0), 50))
    apart = np.abs(pairs.walk - pairs.alternative)
    assert np.all(apart % 2 == 0)
    assert np.all(np.abs(np.diff(pairs.walk, axis=1)) == 1)
    assert np.max(apart) == 2
    assert np.all((np.asarray(pairs.weight) > 0) | (apart == 0))
