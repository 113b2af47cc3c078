"""Can exact gradients teach a neuron when to spike, even one that never spikes, or a whole network of them?

What there is to see of three experiments that are computed at once: two spike times of one neuron, and three gradients of one
network, over a weight and while they learn. The numbers are columns of NumPy arrays, such as can be stored.
`recurrent_spike_times` and `silent_digits` train the two networks. All is computed in 64 bits where these are switched on.
"""

import functools

import jax.numpy as jnp
import numpy as np

from sgtheory.experiments import three_gradients as gradients, two_spike_times as spikes
from sgtheory.networks import EventPropNetwork, InputSpikes, RecurrentEventNetwork

Columns = dict[str, np.ndarray]

EVERY = 5
"""Which part of the trials of one neuron is shown."""
AWAY = -100.0
"""The time of a spike that does not come: beyond all axes."""
NONE = 5.0
"""And where it is drawn over the trials of learning: behind the end of the trial."""
SILENT = 0.3
"""All weights at the start of learning from silence, in units of the least one that makes a neuron spike."""
FIELDS = {"exact": "exact", "event_prop": "EventProp", "surrogate": "surrogate", "unclocked": "EventProp, unclocked"}
"""Fields of `ThreeGradients`, and the methods that they are of."""


@functools.lru_cache(maxsize=8)
def course(first: float, second: float, rate: float) -> Columns:
    """What one neuron learns with these targets and this learning rate, every few trials, and the numbers of its whole path.

    `loss` is its logarithm to the base 10, and at least −30.

    >>> found = course(2.5, 7.5, 0.1)
    >>> print(int(found["entry_1"]), int(found["entry_2"]))
    316 1768
    """
    learnt = spikes.learn(spikes.TwoSpikeSetting(targets=np.array([first, second]), rate=rate))
    path = spikes.path_of(learnt)
    trial = np.append(np.arange(0, spikes.TRIALS, EVERY), spikes.TRIALS - 1)
    columns = {"trial": trial.astype(float), "loss": np.log10(np.maximum(np.asarray(learnt.loss)[trial], 1e-30))}
    for name, values in (("spike", learnt.spikes), ("weight", learnt.weights), ("time", learnt.times)):
        columns |= {f"{name}_{k + 1}": np.asarray(values)[trial, k] for k in (0, 1)}
    columns |= {f"entry_{k + 1}": np.asarray(path.entries[k], float) for k in (0, 1)}
    weights = np.array(spikes.FIXED_WEIGHTS)
    return columns | {
        "largest_step": np.asarray(path.largest_step), "ratio": np.asarray(path.length / path.straight),
        "fixed_time": np.array(spikes.FIXED_TIMES), "fixed_half": weights / 2, "fixed_half_size": abs(weights) / 2,
    }  # fmt: skip


@functools.lru_cache(maxsize=8)
def answers(varied: int) -> Columns:
    """Times and slopes of all methods over one weight of the network of `three_gradients`, with its number.

    >>> found = answers(0)
    >>> print(bool(np.all(found["exact_slope"] < 0)), float(found["event_prop_slope"][0]))
    True 0.0
    """
    found = gradients.three_gradients(gradients.ThreeGradientsSetting(swept=np.asarray(varied)))
    columns = {"weight": np.asarray(found.weight), "cosine": np.asarray(found.cosine)}
    for name in FIELDS:
        answer = getattr(found, name)
        times = np.asarray(answer.time)
        columns[f"{name}_slope"] = np.asarray(answer.slope)
        columns[f"{name}_time"] = np.where(np.isfinite(times), times, AWAY)
    return columns


@functools.cache
def descents() -> Columns:
    """Learning from silence with three methods, the first spike of the output at `NONE` where there is none; and their costs.

    What a trial costs is told in events or, of the surrogate gradient, in time steps.

    >>> found = descents()
    >>> print(bool(found["exact"][-1] < 4), float(found["event_prop"][-1]), float(found["cost_surrogate"]))
    True 5.0 400.0
    """
    start = gradients.ThreeGradientsSetting(weights=np.full(gradients.WEIGHTS, SILENT))
    columns: Columns = {}
    for name in ("exact", "event_prop", "surrogate"):
        times = np.asarray(gradients.descend(FIELDS[name], start).time)
        columns[name] = np.where(np.isfinite(times), times, NONE)
    setting = gradients.ThreeGradientsSetting()
    inputs = InputSpikes(setting.times, jnp.arange(gradients.INPUTS))
    for name, kind, network in (("exact", "QIF", RecurrentEventNetwork), ("event_prop", "LIF", EventPropNetwork)):
        solved = network(duration=gradients.DURATION, events=gradients.EVENTS)
        log = solved.run(gradients.parameters_of(setting.weights, kind), inputs, ()).output
        columns[f"cost_{name}"] = np.asarray(log.count, float)
    columns["cost_surrogate"] = np.asarray(float(gradients.STEPS))
    return {"trial": np.arange(float(columns["exact"].size)), **columns}
