from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sgtheory._arrays import Array, Float, Int, Key
from sgtheory._checks import shorten
from sgtheory.data._needed import needed

BRIGHTEST = 16
"""The pictures have whole numbers from 0 to this one."""


class LatencyDigits(NamedTuple):
    """Handwritten digits as spike times: `times`, samples × pixels, as parts of the trial, and their `labels`.

    A time is infinite where the unit of that pixel never spikes. `spikes_at(times, steps)` makes spike trains of them.
    """

    times: Float[Array, "samples pixels"]
    labels: Int[Array, " samples"]


def latency_digits(key: Key, *, dark: float = 0.1, held_out: float = 0.25) -> tuple[LatencyDigits, LatencyDigits]:
    r"""The 1797 handwritten digits of scikit-learn, 8 × 8 pixels each, as a latency code: bright pixels spike first.

    A pixel of brightness $b\in[0,1]$ spikes once, at $t=(1-b)/(1-b_0)$ as part of the trial, and never where $b\le b_0$.
    Returns what is to be learnt from, and what is held out for the test; which is which, and their order, follow from the
    `key`.

    **Arguments:** `dark` $b_0$; `held_out`, the part of the samples that is held out.
    **Raises** `ValueError` unless `dark` lies from 0 to below 1, and `held_out` between 0 and 1; `ImportError` where
    scikit-learn is not installed.
    **Source:** Alpaydin & Kaynak (1998), the test part of whose digits these are.

    >>> import jax
    >>> from sgtheory.data import spikes_at
    >>> train, test = latency_digits(jax.random.key(0))
    >>> print(train.times.shape, test.times.shape, sorted(set(test.labels.tolist())))
    (1348, 64) (449, 64) [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    >>> print(spikes_at(train.times[:5], steps=20).shape)
    (5, 20, 64)
    """
    if not 0 <= dark < 1:
        raise ValueError(f"`dark` must lie from 0 to below 1, got {shorten(dark)}. Take 0.1, say.")
    if not 0 < held_out < 1:
        raise ValueError(f"`held_out` must lie between 0 and 1, got {shorten(held_out)}. Take 0.25, say.")
    with needed("scikit-learn", "Latency digits come"):
        from sklearn.datasets import load_digits
    pixels, labels = (np.asarray(each) for each in load_digits(return_X_y=True))
    brightness = pixels / BRIGHTEST
    times = np.where(brightness > dark, (1 - brightness) / (1 - dark), np.inf)
    order = np.asarray(jax.random.permutation(key, len(labels)))
    first_held_out = len(labels) - round(held_out * len(labels))
    train, test = (
        LatencyDigits(jnp.asarray(times[part], dtype=float), jnp.asarray(labels[part], dtype=int))
        for part in (order[:first_held_out], order[first_held_out:])
    )
    return train, test
