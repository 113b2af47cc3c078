"""Rules whose outcome is a smooth function of the distance, so that their derivative is a true one."""

import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory._arrays import Distance, Noise, Scalar, Spikes
from sgtheory._checks import positive
from sgtheory.escape import AbstractEscape, HardThreshold
from sgtheory.rules._backward import check_derivative
from sgtheory.rules._base import AbstractSpikeRule, with_slope
from sgtheory.surrogates import AbstractSurrogate


class MeanField(AbstractSpikeRule):
    """The firing probability in place of the spike: a smooth network, deterministic and exactly differentiable.

    With a `derivative` the way back takes that instead of the true slope, so that a surrogate can be held against the
    gradient of one and the same differentiable network.

    **Arguments:** `derivative`, one of `sgtheory.surrogates`, or None for the true slope.
    **Raises** `TypeError` for a derivative of another family.
    **Source:** Gygax & Zenke (2025), Eq. 7 and, for the surrogate on the way back, Eq. 8.

    >>> import jax, jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.surrogates import SuperSpike
    >>> for rule in (MeanField(), MeanField(SuperSpike(2.0))):
    ...     spike, slope = jax.value_and_grad(lambda u: rule(Sigmoid(2.0), u, jnp.array(0.0)))(0.5)
    ...     print(round(float(spike), 4), round(float(slope), 4))
    0.7311 0.3932
    0.7311 0.25
    """

    derivative: AbstractSurrogate | None = None

    def __check_init__(self):
        check_derivative(self.derivative)

    def __call__(self, escape: AbstractEscape, distance: Distance, noise: Noise) -> Spikes:
        del noise
        probability = escape.probability(distance)
        return (
            probability
            if self.derivative is None
            else with_slope(jax.lax.stop_gradient(probability), self.derivative.derivative(distance), distance)
        )


class Concrete(AbstractSpikeRule):
    r"""The Concrete relaxation, $h = \sigma\big((\operatorname{logit}p-\operatorname{logit}\omega)/\tau\big)$.

    Also called Gumbel-sigmoid. As $\tau\to0$ it becomes the draw of `Sample` with the same uniform $\omega$ (hence the
    minus sign; in distribution it does not matter); its gradient is biased at every $\tau>0$, and its variance grows
    without bound as $\tau\to0$. Every decision that is taken by this rule is relaxed, those of the output layer too: the
    loss then sees numbers between 0 and 1. To keep the output binary, give the network one rule a layer.

    **Arguments:** `temperature` $\tau$, positive.
    **Raises** `ValueError` for a temperature that is not positive and finite, and when the noise is the hard threshold.
    **Source:** Maddison et al. (2017); Jang et al. (2017).

    >>> import jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> print(round(float(Concrete(temperature=0.5)(Sigmoid(2.0), jnp.array(0.5), jnp.array(0.5))), 4))
    0.8808
    """

    temperature: Scalar = eqx.field(
        converter=positive("temperature", "For the draw itself use `SpikeRule(Sample())`.", single=True)
    )

    def __call__(self, escape: AbstractEscape, distance: Distance, noise: Noise) -> Spikes:
        if isinstance(escape, HardThreshold):
            raise ValueError(
                "`Concrete` needs escape noise with probabilities between 0 and 1, got HardThreshold(). "
                "Take `Sigmoid(steepness)` with a large steepness."
            )
        logit = escape.log_probability(distance) - escape.log_silence(distance)
        noise_logit = (jnp.log(noise) - jnp.log1p(-noise)).astype(distance.dtype)
        # An impossible spike stays impossible, also where the uniform is exactly 0 and two infinities would meet.
        impossible = jnp.isneginf(logit)
        logit = jnp.where(impossible, jnp.zeros_like(logit), logit)
        relaxed = jax.nn.sigmoid((logit - noise_logit) / self.temperature)
        return jnp.where(impossible, jnp.zeros_like(relaxed), relaxed)
