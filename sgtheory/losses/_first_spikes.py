import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from sgtheory._arrays import Array, Int, Scalar
from sgtheory._checks import Numbers, positive
from sgtheory.losses._base import AbstractLoss, Index, entry
from sgtheory.pseudospikes import FirstSpikes

_EARLINESS = Numbers("earliness", "from 0 on and finite", lambda each: (each >= 0) & (each < np.inf), single=True)
_TARGET = Index("target", "the number of a class, an integer from 0", lambda value: value >= 0)


class FirstSpikeLoss(AbstractLoss):
    r"""Cross entropy of the first spikes, one unit a class, $L=-\log\operatorname{softmax}(-t)_c+\gamma(e^{t_c/T}-1)$.

    The class is that of the unit that spikes first. The second term calls its spike into the trial.

    **Arguments:** `target` $c$, the number of the class; `earliness` $\gamma$; `duration` $T$.
    **Raises** `TypeError` for a target that is no integer, and an output that is no `FirstSpikes`; `ValueError` for a class that
    there is not, a negative `earliness`, and a duration that is not positive.
    **Source:** Klos & Memmesheimer (2025), after Göltz et al. (2021).

    >>> import jax.numpy as jnp
    >>> from sgtheory.networks import EventLayer, InputSpikes, LayeredEventNetwork
    >>> from sgtheory.neurons import Theta
    >>> from sgtheory.pseudospikes import FreeRun, PseudospikeNetwork
    >>> network = PseudospikeNetwork(LayeredEventNetwork(Theta(), duration=2.0), FreeRun(Theta()))
    >>> output = network.run((EventLayer([[0.5], [0.2]]),), InputSpikes([0.1], [0]), ()).output
    >>> print(round(float(FirstSpikeLoss(0)(output)), 3), round(float(FirstSpikeLoss(1)(output)), 3))
    0.567 0.868
    """

    target: Int[Array, "..."] = eqx.field(converter=_TARGET)
    earliness: Scalar = eqx.field(converter=_EARLINESS, default=0.01)
    duration: Scalar = eqx.field(converter=positive("duration", single=True), default=2.0)

    def __call__(self, output: PyTree) -> Scalar:
        if not isinstance(output, FirstSpikes):
            raise TypeError(
                f"`output` must be `FirstSpikes`, got {type(output).__name__}. Take a `PseudospikeNetwork`."
            )
        times = output.times[:, 0]
        chosen = entry(times, self.target, "target", "classes")
        early = self.earliness.astype(times.dtype) * jnp.expm1(chosen / self.duration.astype(times.dtype))
        return early - entry(jax.nn.log_softmax(-times), self.target, "target", "classes")
