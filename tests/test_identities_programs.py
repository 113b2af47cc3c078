"""Stochastic derivatives of small programs: published numbers, exact sums for every distribution, coupling, edges."""

from functools import cache, partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import gammaln
from jax.scipy.stats import norm

from sgtheory.gradients import programs
from sgtheory.gradients.programs import (
    AbstractDistribution,
    Bernoulli,
    Binomial,
    Categorical,
    Geometric,
    Perturbed,
    Poisson,
    exact_walk,
    nested_binomial,
    random_walk,
    stochastic_derivative,
    toy_program,
)

pytestmark = pytest.mark.usefixtures("quick_compilation")
DRAWS = 20_000
MIDPOINTS = (jnp.arange(float(DRAWS)) + 0.5) / DRAWS
HALF = jnp.array(0.5)


@cache
def sampler(program):
    """Compiled once for all parameters and directions."""

    @jax.jit
    def sample(p, direction, keys):
        return jax.vmap(lambda key: stochastic_derivative(program, p, key, direction))(keys)

    return sample


@cache
def draws_of(program, parameter, direction=1.0):
    keys = jax.random.split(jax.random.key(0), DRAWS)
    draws = sampler(program)(jnp.array(parameter), jnp.array(direction), keys)
    return jax.tree.map(np.asarray, draws)


def standard_errors_off(draws, exact):
    return float((np.mean(draws) - exact) / (np.std(draws, ddof=1) / np.sqrt(len(draws))))


def walk(perturbed, key):
    """The last position and its square."""
    return random_walk(perturbed, key).then(lambda x: (x, x**2))


# Published numbers


def test_the_exact_walk():
    slopes = jax.jacfwd(exact_walk)(jnp.array(200.0))
    for power, expected in ((1, 0.113821961342), (2, 15.134901441824)):
        np.testing.assert_allclose(jnp.dot(slopes, jnp.arange(101.0) ** power), expected, rtol=0, atol=1e-9)


def test_the_exact_walk_by_enumeration():
    p, found = 3.0, {}
    for code in range(2**6):
        position, probability = 0, 1.0
        for step in range(6):
            up = np.exp(-position / p)
            rises = code >> step & 1
            probability, position = probability * (up if rises else 1 - up), position + (1 if rises else -1)
        if probability > 0:
            found[position] = found.get(position, 0.0) + probability
    expected = [found.get(position, 0.0) for position in range(7)]
    np.testing.assert_allclose(exact_walk(p, 6), expected, atol=1e-14)


def test_the_walk_is_unbiased():
    for draws, expected in zip(draws_of(walk, 200.0), (0.113821961342, 15.134901441824), strict=True):
        assert abs(standard_errors_off(draws, expected)) < 4.5


def test_the_spread_of_the_walk_beside_that_of_the_score_function():
    np.testing.assert_allclose(np.std(draws_of(walk, 200.0)[1]), 6.49, rtol=0.1)

    def step(state, uniform):
        x, score, p = state
        up = jnp.exp(-x / p)
        slope = up * x / p**2
        # At 0 the walk goes up for certain, whatever the parameter.
        term = jnp.where(uniform < up, slope / up, -slope / jnp.where(x > 0, 1 - up, 1.0))
        return (x + jnp.where(uniform < up, 1.0, -1.0), score + term, p), None

    @jax.jit
    @jax.vmap
    def run(key):
        start = (jnp.array(0.0), jnp.array(0.0), jnp.array(200.0))
        return jax.lax.scan(step, start, jax.random.uniform(key, (100,)))[0][:2]

    x, score = (np.asarray(each) for each in run(jax.random.split(jax.random.key(2), DRAWS)))
    mean = float(jnp.dot(exact_walk(200.0), jnp.arange(101.0) ** 2))
    for baseline, expected in ((0.0, 94.4), (mean, 21.4)):
        draws = (x**2 - baseline) * score
        assert abs(standard_errors_off(draws, 15.134901441824)) < 4.5
        np.testing.assert_allclose(np.std(draws), expected, rtol=0.1)


def test_the_toy_program():
    assert abs(standard_errors_off(draws_of(toy_program, 0.6), 47.76)) < 4.5


@pytest.mark.parametrize("p", [0.3, 0.8])
def test_the_nested_binomial(p):
    assert abs(standard_errors_off(draws_of(nested_binomial, p), 20 * p)) < 4.5


# Each distribution by itself


def binomial(trials, p):
    x = jnp.arange(trials + 1.0)
    ways = gammaln(trials + 1.0) - gammaln(x + 1) - gammaln(trials - x + 1)
    return jnp.exp(ways + x * jnp.log(p) + (trials - x) * jnp.log1p(-p))


# Of a number p: what the distribution takes, and the probabilities of its outcomes.
SOFT = jnp.array([0.0, 1.0, -1.0, 2.0])
CASES = {
    "Bernoulli": (Bernoulli(), lambda p: p, lambda p: jnp.stack([1 - p, p])),
    "Binomial": (Binomial(), lambda p: (6, p), lambda p: binomial(6, p)),
    "Geometric": (Geometric(), lambda p: p, lambda p: p * (1 - p) ** jnp.arange(400.0)),
    "Poisson": (
        Poisson(),
        lambda p: 5 * p,
        lambda p: jnp.exp(jnp.arange(80.0) * jnp.log(5 * p) - 5 * p - gammaln(jnp.arange(80.0) + 1)),
    ),
    "Categorical": (Categorical(), lambda p: jax.nn.softmax(SOFT * p), lambda p: jax.nn.softmax(SOFT * p)),
}
EVERY = pytest.mark.parametrize(("distribution", "parameters", "probabilities"), CASES.values(), ids=CASES.keys())
BOTH = pytest.mark.parametrize("direction", [1.0, -1.0], ids=["right", "left"])


def curved(x):
    return jnp.sin(1.3 * x) + 0.1 * x**2


def real(tree):
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, float), tree)


@partial(jax.jit, static_argnums=0)
def outcomes_of(distribution, parameters, uniforms):
    return jax.vmap(distribution.sample, (None, 0))(parameters, uniforms)


@EVERY
@pytest.mark.parametrize("p", [0.15, 0.7])
def test_outcomes_have_their_frequencies(distribution, parameters, probabilities, p):
    p = jnp.array(p)
    outcomes = np.asarray(outcomes_of(distribution, real(parameters(p)), MIDPOINTS))
    exact = jax.jit(probabilities)(p)
    counts = np.bincount(outcomes.astype(int), minlength=exact.size)
    # Even uniforms: each interval of the inversion holds as many as its length says, up to one.
    np.testing.assert_allclose(counts / DRAWS, exact, rtol=0, atol=1.001 / DRAWS)
    direction = -1 if isinstance(distribution, Bernoulli) else 1
    assert np.all(direction * np.diff(outcomes) >= 0)


@pytest.mark.parametrize(
    ("distribution", "parameters", "mean", "variance"),
    [
        (Binomial(), (1000.0, 0.97), 970.0, 29.1),
        (Binomial(), (1000.0, 0.001), 1.0, 0.999),
        (Poisson(), 900.0, 900.0, 900.0),
        (Geometric(), 1e-3, 999.0, 999_000.0),
    ],
)
def test_outcomes_where_the_probability_of_0_is_no_number(distribution, parameters, mean, variance):
    outcomes = np.asarray(outcomes_of(distribution, real(parameters), MIDPOINTS[5::10]))
    np.testing.assert_allclose(np.mean(outcomes), mean, rtol=1e-3)
    np.testing.assert_allclose(np.var(outcomes), variance, rtol=2e-2)


def test_a_uniform_close_to_1_has_an_outcome():
    last = jnp.nextafter(jnp.array(1.0), 0.0)
    assert float(Binomial().sample(real((20.0, 0.5)), last)) == 20
    assert 20 < float(Poisson().sample(jnp.array(3.0), last)) < 40
    assert float(Categorical().sample(jnp.array([0.3, 0.7, 0.0]), last)) == 1


@partial(jax.jit, static_argnums=0)
def flow(distribution, parameters, tangents, exact):
    """The exact mean of weight times difference, over outcomes and what selects among the jumps."""
    outcomes, selectors = jnp.arange(float(exact.size)), (jnp.arange(1000.0) + 0.5) / 1000

    def change(outcome, selector):
        other, weight = distribution.jump(parameters, tangents, outcome, selector)
        return jnp.stack([weight * (curved(other) - curved(outcome)), weight])

    changes = jax.vmap(lambda x: jnp.mean(jax.vmap(lambda u: change(x, u))(selectors), axis=0))(outcomes)
    return jnp.dot(exact, changes[:, 0]), jnp.min(changes[:, 1])


@cache
def flow_and_derivative(distribution, parameters, probabilities):
    """Compiled once for all numbers and directions."""

    @jax.jit
    def both(p, direction):
        exact, slopes = jax.jvp(probabilities, (p,), (direction,))
        given, tangents = jax.jvp(lambda q: real(parameters(q)), (p,), (direction,))
        return flow(distribution, given, tangents, exact), jnp.dot(slopes, curved(jnp.arange(float(exact.size))))

    return both


@EVERY
@BOTH
@pytest.mark.parametrize("p", [0.15, 0.7])
def test_jumps_carry_the_derivative_exactly(distribution, parameters, probabilities, p, direction):
    both = flow_and_derivative(distribution, parameters, probabilities)
    (found, least), expected = both(jnp.array(p), jnp.array(direction))
    # An entry between two others may jump either way, and the selectors are a grid of 1000.
    np.testing.assert_allclose(found, expected, rtol=2e-3 if distribution == Categorical() else 1e-10)
    assert least >= 0


@pytest.mark.parametrize(
    ("probabilities", "tangents"),
    [
        ([0.5, 0.0, 0.5], [-1.0, 0.0, 1.0]),
        ([0.5, 0.0, 0.5], [-1.0, 0.25, 0.75]),
        ([0.5, 0.0, 0.0, 0.5], [0.5, 0.25, 0.25, -1.0]),
        ([0.25, 0.0, 0.5, 0.0, 0.25], [0.5, 0.25, -2.0, 0.75, 0.5]),
        ([1.0, 0.0, 0.0], [-1.0, 0.25, 0.75]),
        ([0.0, 0.0, 1.0], [0.5, 0.5, -1.0]),
        ([0.0, 1.0, 0.0], [0.25, -1.0, 0.75]),
        ([0.25, 0.25, 0.25, 0.25], [1.0, -1.0, -1.0, 1.0]),
    ],
)
def test_entries_without_probability_are_filled_or_passed_over(probabilities, tangents):
    # All filled up to 5 entries: those at the end are passed over as well.
    probabilities, tangents = (jnp.array(each + [0.0] * (5 - len(each))) for each in (probabilities, tangents))
    found, _ = flow(Categorical(), probabilities, tangents, probabilities)
    expected = jnp.dot(tangents, curved(jnp.arange(float(probabilities.size))))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_two_entries_are_a_bernoulli_variable():
    for p in (0.2, 0.9):
        for tangent in (1.5, -0.5):
            for outcome in (0.0, 1.0):
                one = Bernoulli().jump(*real((p, tangent, outcome)), HALF)
                two = Categorical().jump(
                    jnp.array([1 - p, p]), jnp.array([-tangent, tangent]), jnp.array(outcome), HALF
                )
                assert float(one[1]) == pytest.approx(float(two[1]))
                if one[1] > 0:
                    assert float(one[0]) == float(two[0])


@EVERY
def test_programs_are_unbiased_in_both_directions(distribution, parameters, probabilities):
    """Two steps, of which the second depends on the first, and a curved function of both and of the parameter."""

    def chance(p, x):
        return jax.nn.sigmoid(p + 0.3 * x - 1)

    def loss(p, x, y):
        return p * curved(x + 2 * y) + x * y

    def program(perturbed, key):
        first, second = jax.random.split(key)
        state = perturbed.draw(first, distribution, parameters, lambda p, outcome: (p, outcome))
        state = state.draw(second, Bernoulli(), lambda s: chance(*s), lambda s, outcome: (*s, outcome))
        return state.then(lambda s: loss(*s))

    def mean(p):
        exact = probabilities(p)
        x = jnp.arange(float(exact.size))
        one = chance(p, x)
        return jnp.dot(exact, one * loss(p, x, 1.0) + (1 - one) * loss(p, x, 0.0))

    slope = float(jax.jit(jax.grad(mean))(jnp.array(0.4)))
    right, left = draws_of(program, 0.4), draws_of(program, 0.4, -1.0)
    assert abs(standard_errors_off(right, slope)) < 4.5
    assert abs(standard_errors_off(left, -slope)) < 4.5
    assert abs(standard_errors_off(right, 0.0)) > 10
    # The two directions are other estimates, and not one with a sign.
    assert np.max(np.abs(right + left)) > 1e-3


# Negative controls


def test_a_wrong_weight_is_noticed():
    class Halved(Bernoulli):
        def jump(self, parameters, tangents, outcome, uniform):
            other, weight = super().jump(parameters, tangents, outcome, uniform)
            return other, 0.5 * weight

    def program(distribution):
        return lambda perturbed, key: perturbed.draw(key, distribution, lambda p: p, lambda p, x: p + 3 * x**2)

    assert abs(standard_errors_off(draws_of(program(Bernoulli()), 0.4), 4.0)) < 4.5
    assert abs(standard_errors_off(draws_of(program(Halved()), 0.4), 4.0)) > 20


def test_alternatives_that_merged_back_must_be_dropped(monkeypatch):
    spread = np.std(draws_of(walk, 200.0)[1])
    monkeypatch.setattr(programs._perturbed, "_merged", lambda value, alternative: jnp.array(False))
    kept = draws_of(lambda perturbed, key: walk(perturbed, key), 200.0)[1]
    assert abs(standard_errors_off(kept, 15.134901441824)) < 4.5
    assert np.std(kept) > 1.2 * spread


# Where a continuous random number decides


def noisy(perturbed, key):
    return perturbed.then(lambda p: p + jax.random.normal(key))


def counted(decision):
    """1 where the noisy parameter is positive, so that the mean is the normal distribution function of the parameter."""
    return lambda perturbed, key: noisy(perturbed, key).then(decision)


@pytest.mark.parametrize("decision", [lambda v: (v > 0).astype(float), lambda v: jnp.where(v > 0, 1.0, 0.0), jnp.sign])
def test_a_decision_of_a_continuous_random_number_is_lost(decision):
    np.testing.assert_array_equal(draws_of(counted(decision), 0.3), 0.0)


def test_such_a_decision_is_right_when_it_is_drawn_with_its_probability():
    def program(perturbed, key):
        return perturbed.draw(key, Bernoulli(), norm.cdf, lambda p, outcome: outcome)

    slope = float(norm.pdf(0.3))
    assert abs(standard_errors_off(draws_of(program, 0.3), slope)) < 4.5
    assert abs(standard_errors_off(draws_of(program, 0.3), 0.0)) > 10  # what the comparison gives


def test_a_number_that_is_needed_later_is_drawn_given_the_decision():
    """Of max(v, 0) + 1[v > 0]: at first the sign of v, then v from the half of the normal distribution on that side."""

    def program(perturbed, key):
        first, second = jax.random.split(key)
        uniform = jax.random.uniform(second)
        state = perturbed.draw(first, Bernoulli(), norm.cdf, lambda p, positive: (p, positive))

        def end(s):
            p, positive = s
            # By inversion: the share of the distribution that lies above v.
            above = jnp.where(positive > 0, uniform * norm.cdf(p), norm.cdf(p) + uniform * norm.cdf(-p))
            return jnp.maximum(p - norm.ppf(above), 0.0) + positive

        return state.then(end)

    def naive(perturbed, key):
        return noisy(perturbed, key).then(lambda v: jnp.maximum(v, 0.0) + (v > 0).astype(float))

    slope = float(norm.cdf(0.3) + norm.pdf(0.3))
    assert abs(standard_errors_off(draws_of(program, 0.3), slope)) < 4.5
    assert standard_errors_off(draws_of(naive, 0.3), slope) < -10


def test_a_boolean_state_is_refused_and_a_decision_of_outcomes_may_be_converted():
    for decision in (lambda v: v > 0, lambda v: (v, True)):
        with pytest.raises(
            TypeError, match=r"`state` must be made of real numbers, got a Boolean: .* Draw it by `draw"
        ):
            stochastic_derivative(counted(decision), 0.3, jax.random.key(0))

    def at_least_three(perturbed, key):
        outcome = perturbed.draw(key, Binomial(), lambda p: (4, p), lambda p, x: x)
        return outcome.then(lambda x: (x >= 3).astype(float))

    # P(x >= 3) = 4 p^3 (1 - p) + p^4.
    assert abs(standard_errors_off(draws_of(at_least_three, 0.4), 12 * 0.4**2 * 0.6)) < 4.5


# Coupling, pruning, merging


@EVERY
def test_worlds_with_the_same_parameters_have_the_same_outcome(distribution, parameters, probabilities):
    def outcomes(key):
        state = Perturbed(jnp.zeros(2), jnp.zeros(2), jnp.array([0.0, 1.0]), jnp.array(2.0))
        # The worlds differ in the second number; the first takes the outcome.
        end = state.draw(key, distribution, lambda s: parameters(HALF), lambda s, outcome: s.at[0].set(outcome))
        return end.value, end.alternative, end.weight

    value, alternative, weight = jax.jit(jax.vmap(outcomes))(jax.random.split(jax.random.key(0), 1000))
    np.testing.assert_array_equal(value[:, 0], alternative[:, 0])
    np.testing.assert_array_equal(weight, 2.0)
    assert len(np.unique(value[:, 0])) > 1


def test_worlds_with_other_parameters_share_the_uniform():
    def outcomes(key):
        state = Perturbed(jnp.array(0.3), jnp.array(0.0), jnp.array(0.6), jnp.array(1.0))
        end = state.draw(key, Bernoulli(), lambda p: p, lambda p, outcome: jnp.stack([p, outcome]))
        return end.value[1], end.alternative[1]

    value, alternative = jax.jit(jax.vmap(outcomes))(jax.random.split(jax.random.key(0), DRAWS))
    # An outcome of 1 in the world of 0.3 is one in that of 0.6 too, which has them in 3 of 10 runs more.
    assert not np.any((value == 1) & (alternative == 0))
    assert abs(np.mean(alternative - value) - 0.3) < 4.5 * np.sqrt(0.21 / DRAWS)


def test_of_two_alternatives_one_is_kept_in_proportion_to_its_weight():
    def outcome(key):
        state = Perturbed(jnp.array([0.25, 0.0]), jnp.array([0.75, 0.0]), jnp.array([0.25, 7.0]), jnp.array(3.0))
        end = state.draw(key, Bernoulli(), lambda s: s[0], lambda s, o: jnp.append(s, o))
        return end.value[2], end.alternative, end.weight

    value, alternative, weight = map(np.asarray, jax.jit(jax.vmap(outcome))(jax.random.split(jax.random.key(0), DRAWS)))
    silent = value == 0
    # Where the outcome is 0, a weight of 0.75/(1 - 0.25) = 1 joins the 3; where it is 1, none.
    np.testing.assert_array_equal(weight, np.where(silent, 4.0, 3.0))
    assert np.all(alternative[~silent][:, 1] == 7)
    new = np.mean(alternative[silent][:, 1] == 0)
    assert abs(new - 0.25) < 4.5 * np.sqrt(0.1875 / np.sum(silent))


def test_an_alternative_that_merges_back_is_dropped_and_the_run_takes_its_place():
    state = Perturbed(jnp.array(2.0), jnp.array(1.0), jnp.array(-2.0), jnp.array(3.0))
    kept, merged = state.then(lambda x: x + 1), state.then(jnp.abs)
    assert (float(kept.value), float(kept.alternative), float(kept.weight)) == (3.0, -1.0, 3.0)
    assert (float(merged.value), float(merged.alternative), float(merged.weight)) == (2.0, 2.0, 0.0)
    assert float(kept.derivative()) == 1 + 3 * (-1 - 3)
    assert float(merged.derivative()) == 1


def test_a_jump_that_changes_nothing_has_no_weight():
    def weight(key):
        return Perturbed.start(0.5).draw(key, Bernoulli(), lambda p: p, lambda p, outcome: p).weight

    assert not np.any(jax.jit(jax.vmap(weight))(jax.random.split(jax.random.key(0), 100)))


# Transformations


def test_a_scan_is_the_loop_written_out():
    @jax.jit
    def step(state, key):
        return state.draw(
            key,
            Bernoulli(),
            lambda s: jnp.exp(-s["x"] / s["p"]),
            lambda s, outcome: {"p": s["p"], "x": s["x"] + 2 * outcome - 1},
        )

    key, start = jax.random.key(5), Perturbed.start(2.0)
    state = start.then(lambda p: {"p": p, "x": jnp.zeros_like(p)})
    for each in jax.random.split(key, 8):
        state = step(state, each)
    end = random_walk(start, key, steps=8)
    for found, expected in (
        (end.value, state.value["x"]),
        (end.alternative, state.alternative["x"]),
        (end.weight, state.weight),
        (end.derivative(), state.derivative()["x"]),
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-14)
    assert float(end.weight) > 0


def test_one_at_a_time_compiled_and_all_at_once_agree():
    def one(key):
        return Perturbed.start(0.6).draw(key, Bernoulli(), lambda p: p, lambda p, outcome: p + outcome).derivative()

    keys = jax.random.split(jax.random.key(0), 6)
    plain = [one(key) for key in keys]
    np.testing.assert_allclose(plain, [jax.jit(one)(key) for key in keys], rtol=1e-12)
    np.testing.assert_allclose(plain, jax.jit(jax.vmap(one))(keys), rtol=1e-12)
    assert len(np.unique(plain)) > 1


def test_a_direction_in_several_parameters():
    def program(perturbed, key):
        first, second = jax.random.split(key)
        state = perturbed.draw(first, Bernoulli(), lambda s: s["p"], lambda s, outcome: (s, outcome))
        return state.draw(second, Poisson(), lambda s: s[0]["rate"] * (1 + s[1]), lambda s, o: s[1] + o**2)

    def mean(s):
        low, high = s["rate"], 2 * s["rate"]
        return (1 - s["p"]) * (low + low**2) + s["p"] * (1 + high + high**2)

    parameters = {"p": jnp.array(0.3), "rate": jnp.array(1.5)}
    direction = {"p": jnp.array(-0.5), "rate": jnp.array(2.0)}
    expected = float(jax.jvp(mean, (parameters,), (direction,))[1])
    keys = jax.random.split(jax.random.key(0), DRAWS)
    draws = jax.jit(jax.vmap(lambda key: stochastic_derivative(program, parameters, key, direction)))(keys)
    assert abs(standard_errors_off(np.asarray(draws), expected)) < 4.5


def test_without_randomness_it_is_the_derivative():
    state = Perturbed.start(0.7).then(lambda p: (jnp.sin(p), p**2))
    np.testing.assert_allclose(state.derivative(), (np.cos(0.7), 1.4), rtol=1e-14)
    assert float(state.weight) == 0


def test_single_precision_is_kept():
    for program in (random_walk, toy_program, nested_binomial):
        start = Perturbed.start(jnp.array(0.5, jnp.float32))
        end = jax.eval_shape(program, start, jax.random.key(0))
        assert {leaf.dtype for leaf in jax.tree.leaves(end)} == {jnp.dtype("float32")}


# Edges


@pytest.mark.parametrize(("p", "inward"), [(0.0, 1.0), (1.0, -1.0)])
def test_at_the_edges_the_derivative_inward_is_exact_and_nothing_jumps_outward(p, inward):
    for trials in (1, 4):
        distribution = Bernoulli() if trials == 1 else Binomial()
        given = jnp.array(p) if trials == 1 else real((trials, p))
        outcome = distribution.sample(given, jnp.array(0.3))
        assert float(outcome) == trials * p
        for tangent in (inward, -inward):
            tangents = jnp.array(tangent) if trials == 1 else real((0, tangent))
            other, weight = distribution.jump(given, tangents, outcome, HALF)
            assert float(weight) == (trials if tangent == inward else 0)
            assert np.isfinite(other)
            if tangent == inward:
                assert float(other - outcome) == inward


def test_certain_successes_and_no_trials_at_all():
    one = jnp.array(1.0)
    assert float(Geometric().sample(one, jnp.array(0.999))) == 0
    for tangent, expected in ((1.0, (0.0, 0.0)), (-1.0, (1.0, 1.0))):
        found = Geometric().jump(one, jnp.array(tangent), jnp.array(0.0), HALF)
        assert tuple(float(each) for each in found) == expected
    for p in (0.0, 0.4, 1.0):
        assert float(Binomial().sample(real((0, p)), HALF)) == 0
        for tangent in (1.0, -1.0):
            other, weight = Binomial().jump(real((0, p)), real((0, tangent)), jnp.array(0.0), HALF)
            assert float(weight) == 0
            assert np.isfinite(other)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_programs_have_numbers_at_the_edges(p):
    for program in (nested_binomial, toy_program):
        for direction in (1.0, -1.0):
            assert np.all(np.isfinite(draws_of(program, p, direction)))
    # Inward, with the outcome fixed, every draw of the nested binomial is the derivative.
    np.testing.assert_allclose(draws_of(nested_binomial, p, 1 - 2 * p), -20 * p, atol=1e-12)


def test_a_state_without_an_alternative_may_be_infinite():
    assert float(Perturbed.start(2.0).then(lambda p: (p, p + jnp.inf)).derivative()[1]) == 1


# Refusals


@pytest.mark.parametrize(
    ("distribution", "given", "message"),
    [
        (Bernoulli(), 1.25, r"`probability` must be from 0 to 1, got 1\.25\. Check the map from the state to it\."),
        (Bernoulli(), -0.5, r"`probability` must be from 0 to 1, got -0\.5"),
        (Bernoulli(), np.nan, "`probability` must be from 0 to 1, got nan"),
        (Binomial(), (3, 1.5), r"`probability` must be from 0 to 1, got 1\.5"),
        (Binomial(), (2.5, 0.5), r"`trials` must be a whole number that is not negative, got 2\.5\. Give a whole"),
        (Binomial(), (-1, 0.5), r"`trials` must be a whole number that is not negative, got -1\."),
        (Binomial(), (np.inf, 0.5), "`trials` must be a whole number that is not negative, got inf"),
        (Geometric(), 0.0, r"`probability` must be above 0 and at most 1, got 0\. Without a chance"),
        (Geometric(), np.nan, "`probability` must be above 0 and at most 1, got nan"),
        (Poisson(), 0.0, r"`rate` must be positive and finite, got 0\."),
        (Poisson(), np.nan, "`rate` must be positive and finite, got nan"),
        (Categorical(), [0.5, 0.6], r"`probabilities` must be 0 or more with the sum 1, got \[0\.5 0\.6\]\. Divide"),
        (Categorical(), [1.5, -0.5], r"`probabilities` must be 0 or more with the sum 1, got \[ 1\.5 -0\.5\]"),
        (Categorical(), [np.nan, 1.0], r"`probabilities` must be 0 or more with the sum 1, got \[nan 1\.\]"),
        (Categorical(), 0.5, r"`probabilities` must be a vector, got the shape \(\)"),
        (Bernoulli(), [0.5, 0.5], r"`probability` must be one number, got \[0\.5 0\.5\]\."),
    ],
)
def test_parameters_of_no_distribution_are_refused(distribution, given, message):
    with pytest.raises(ValueError, match=message):
        distribution.checked(jnp.array(given) if isinstance(given, list) else given)


def test_a_binomial_without_its_pair_is_refused():
    with pytest.raises(
        TypeError, match=r"must be the pair of the number of trials and the probability, got 0\.5\. Give"
    ):
        Binomial().checked(0.5)


def test_a_step_refuses_them_in_either_world():
    def step(alternative):
        state = Perturbed(jnp.array(0.5), jnp.array(1.0), jnp.array(alternative), jnp.array(1.0))
        return state.draw(jax.random.key(0), Bernoulli(), lambda p: p, lambda p, outcome: outcome)

    step(0.75)
    with pytest.raises(ValueError, match=r"`probability` must be from 0 to 1, got 1\.5"):
        step(1.5)
    with pytest.raises(eqx.EquinoxRuntimeError, match="`probability` must be from 0 to 1"):
        jax.block_until_ready(eqx.filter_jit(step)(jnp.array(1.5)))


@pytest.mark.usefixtures("annotations_off")
def test_states_and_programs_that_are_none_are_refused():
    with pytest.raises(ValueError, match=r"`parameter` must be finite, got nan"):
        Perturbed.start(np.nan)
    with pytest.raises(ValueError, match=r"`direction` must be finite, got inf"):
        Perturbed.start(0.5, np.inf)
    with pytest.raises(
        ValueError, match=r"`direction` must be given for several parameters, got \(0\.5, 1\.0\) without"
    ):
        Perturbed.start((0.5, 1.0))
    with pytest.raises(
        ValueError, match=r"`direction` must have the structure and the shapes of the parameter, got 1\.0"
    ):
        Perturbed.start((0.5, 1.0), 1.0)
    with pytest.raises(TypeError, match="must be of the family Perturbed, got"):
        stochastic_derivative(lambda perturbed, key: perturbed.value, 0.5, jax.random.key(0))
    with pytest.raises(TypeError, match="`distribution` must be of the family AbstractDistribution, got"):
        Perturbed.start(0.5).draw(jax.random.key(0), "Bernoulli", lambda p: p, lambda p, outcome: outcome)
    with pytest.raises(TypeError, match="`state` must be a number"):
        Perturbed.start(0.5).then(lambda p: "high")


@pytest.mark.parametrize("steps", [0, -3])
def test_walks_without_a_step_are_refused(steps):
    with pytest.raises(ValueError, match=f"`steps` must be at least 1, got {steps}"):
        random_walk(Perturbed.start(200.0), jax.random.key(0), steps)
    with pytest.raises(ValueError, match=f"`steps` must be at least 1, got {steps}"):
        exact_walk(200.0, steps)


def test_every_distribution_is_tested():
    public = {kind for kind in vars(programs).values() if isinstance(kind, type)}
    concrete = {kind for kind in public if issubclass(kind, AbstractDistribution)} - {AbstractDistribution}
    assert concrete == {type(case[0]) for case in CASES.values()}
