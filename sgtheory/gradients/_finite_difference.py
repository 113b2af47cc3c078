import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory._arrays import Scalar
from sgtheory._checks import positive
from sgtheory.gradients._base import AbstractGradientEstimator, flatten_parameters, scalar_loss
from sgtheory.gradients._claim import Claim, Losses


class FiniteDifference(AbstractGradientEstimator):
    r"""Central differences of runs, one pair of runs a parameter, on any network.

    Approximates: the gradient of $E[L]$ up to $O(\epsilon^2)$. With:
    $[L(\theta+\tfrac\epsilon2 e_i) - L(\theta-\tfrac\epsilon2 e_i)]/\epsilon$. Requires: nothing of the loss. Its mean
    is the same difference of the exact $E[L]$. Uncoupled, with fresh noise for either run, its variance is
    $[q(1-q)+q'(1-q')]/\epsilon^2$ for one unit that spikes with the probabilities $q$ and $q'$; coupled, with everything
    random shared, it grows as $1/\epsilon$ only.

    **Arguments:** `step` $\epsilon$, positive, in the units of the parameters; `coupled`, whether the two runs share
    what is random.
    **Raises** `ValueError` for a step that is not positive and finite.
    **Source:** Gygax & Zenke (2025), Fig. 3; Glasserman (2003), §7.1, for the laws of the variance.

    >>> import jax, jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.networks import SingleUnit
    >>> from sgtheory.neurons import Perceptron, PerceptronParameters
    >>> network = SingleUnit(Perceptron(Sigmoid(steepness=2.0), threshold=0.3))
    >>> arguments = (lambda y: y, network, PerceptronParameters([0.8]), jnp.array([1.0]))
    >>> noise = (jnp.array(0.75),), (jnp.array(0.75),)
    >>> print(FiniteDifference(step=0.5).evaluate(*arguments, noise).weights)
    [2.]
    """

    step: Scalar = eqx.field(converter=positive("step", "Without a distance there is no difference.", single=True))
    coupled: bool = eqx.field(default=True, static=True)

    @property
    def claim(self) -> Claim:
        return Claim(Losses.NONE)

    def draw(self, network, inputs, *, key):
        above, below = jax.random.split(key)
        first = network.draw(inputs, key=above)
        return first, first if self.coupled else network.draw(inputs, key=below)

    def evaluate(self, loss, network, parameters, inputs, noise):
        vector, as_parameters, as_gradient = flatten_parameters(parameters)

        def run(vector, noise):
            return scalar_loss(loss, network.run(as_parameters(vector), inputs, noise))

        def component(direction):
            shift = 0.5 * self.step * direction
            return (run(vector + shift, noise[0]) - run(vector - shift, noise[1])) / self.step

        return as_gradient(jax.vmap(component)(jnp.eye(vector.size, dtype=vector.dtype)))

    def runs(self, network, parameters, inputs):
        del network, inputs
        return 2 * flatten_parameters(parameters)[0].size
