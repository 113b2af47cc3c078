r"""Derivatives of small programs that draw discrete random numbers, beyond networks of spikes.

A program here is any function that takes a `Perturbed` state through deterministic maps (`Perturbed.then`) and random
steps (`Perturbed.draw`), `jax.lax.scan` included. One run gives one unbiased estimate of the derivative of the program's
mean. It carries *one* alternative world along, in which one outcome was a different one and all uniforms were the same.
Nothing is run again and nothing is stored, so the number of steps need not be known.

This is forward mode. A step costs the work of three worlds (the run, the alternative that is kept, and the one that
arises) for *one* direction in the space of the parameters; a gradient with respect to $n$ parameters takes $n$
directions. It cannot be back-propagated.

**What it cannot see:** a decision that is made by comparing a *continuous* random number. In `state.then(lambda p:
p + normal).then(lambda v: (v > 0).astype(float))` almost every run has the derivative 0, and so has the estimate, though
the probability of $v > 0$ rises with $p$. Let the decision itself be the random step, with its probability:
`state.draw(key, Bernoulli(), jax.scipy.stats.norm.cdf, into)`. See `Perturbed.then`.

**Source:** Arya, Schauer, Schäfer & Rackauckas (2022), "Automatic differentiation of programs with discrete randomness".
"""

from sgtheory.gradients.programs._bernoulli import Bernoulli as Bernoulli
from sgtheory.gradients.programs._binomial import Binomial as Binomial
from sgtheory.gradients.programs._categorical import Categorical as Categorical
from sgtheory.gradients.programs._derivative import Program as Program, stochastic_derivative as stochastic_derivative
from sgtheory.gradients.programs._distribution import AbstractDistribution as AbstractDistribution
from sgtheory.gradients.programs._geometric import Geometric as Geometric
from sgtheory.gradients.programs._nested_binomial import nested_binomial as nested_binomial
from sgtheory.gradients.programs._perturbed import Perturbed as Perturbed, State as State
from sgtheory.gradients.programs._poisson import Poisson as Poisson
from sgtheory.gradients.programs._random_walk import exact_walk as exact_walk, random_walk as random_walk
from sgtheory.gradients.programs._toy_program import toy_program as toy_program
