r"""What goes on behind the end of a trial, and is it smooth where a spike crosses the end?

Two small networks of QIF neurons, and the two kinds of pseudospikes. In the first one neuron drives another; behind the end a
constant drive lets both spike on (`ConstantDrive`, as published). In the second two hidden neurons drive an output; behind the end
of each layer the phases go on by a law of their own (`ContinuedPhase`, reconstructed). Spike times and their derivatives are exact,
by the adjoint of `RecurrentEventNetwork`; `driven_pair`, `continued_layers` and `at_weight` are pure and jitted, and every
number is traced.

Times are in membrane time constants; pictures say that one is 10 ms.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory._arrays import Array, Float, Scalar
from sgtheory._checks import finite, positive
from sgtheory.networks import EndState, EventLog, EventParameters, InputSpikes, RecurrentEventNetwork
from sgtheory.neurons import QIF, EventState
from sgtheory.pseudospikes import ConstantDrive, ContinuedPhase, first_spikes

COMES = 0.5
"""When the only input spike of the pair comes."""
LOWEST, HIGHEST, WEIGHTS = 1.0, 5.0, 241
"""The weights over which the spike times are shown: both ends, and how many."""
SPIKES, EVENTS = 3, 16
"""Spikes of each neuron that are shown; room in the log of events, of which there are never more than ten."""

LAYER_END = 8.0
"""$T_1$, until which the hidden neurons run ordinarily."""
HIDDEN_TIMES = (0.5, 1.0)
"""When the two input spikes of the hidden neurons come."""
INHIBITION = -1.2064
"""The weight of the first of them to the second hidden neuron; that of the second input spike is moved."""
TO_OUTPUT = (2.3904, 2.4941)
"""Weights from the hidden neurons to the output. The source leaves them open: with these the slopes of the output's spike jump
by 510 % and 94 % if the exponent is 1, as it reports."""
CLOSE, PLACES = 0.005, 41
"""How far around a transition its slopes are shown, and at how many weights on either side."""

_NEARBY = 1e-10  # from a transition: the sides of it
_STEP = 3e-4  # of the one-sided differences that give a curvature
_FORWARD = (-25 / 12, 4.0, -3.0, 4 / 3, -1 / 4)  # the coefficients of such a difference


class PairSetting(eqx.Module):
    r"""The pair: neuron 1 has an input of the moved weight $w$ at the time `COMES`, and drives neuron 2.

    **Raises** `ValueError` for numbers that are not finite, and for a duration and a softness that are not positive.
    """

    coupling: Scalar = eqx.field(converter=finite("coupling", single=True), default=2.0)
    """The weight $w_{21}$ from neuron 1 to neuron 2."""
    duration: Scalar = eqx.field(converter=positive("duration", single=True), default=4.0)
    """The end $T$ of the trial, after `COMES`."""
    softness: Scalar = eqx.field(converter=positive("softness", single=True), default=10.0)
    r"""The softness $\alpha$ of the drive behind the end."""


class Ordinary(eqx.Module):
    """The part of the curve of a first spike in which it is an ordinary one; elsewhere its points lie at an end of that part."""

    weights: Float[Array, " weights"]
    times: Float[Array, " weights"]
    slopes: Float[Array, " weights"]


class PairCurves(eqx.Module):
    """Spike times over the weight; derivatives are with respect to it."""

    weights: Float[Array, " weights"]
    """Weights in rising order, the two sides of the crossing among them."""
    first: Float[Array, "weights spikes"]
    """The first spikes of neuron 1, pseudospikes behind the end."""
    second: Float[Array, "weights spikes"]
    """And of neuron 2."""
    first_slopes: Float[Array, "weights spikes"]
    """The derivatives of both."""
    second_slopes: Float[Array, "weights spikes"]
    first_ordinary: Ordinary
    second_ordinary: Ordinary
    crossing: Scalar
    """The weight at which the first spike of neuron 1 crosses the end."""
    time: Float[Array, " sides"]
    """The time of that spike there, just below and just above it."""
    slope: Float[Array, " sides"]
    """The derivative of that time, $dt/dw$."""
    curvature: Float[Array, " sides"]
    """Its second derivative."""
    next_slope: Float[Array, " sides"]
    """The derivative of the time of the first spike of neuron 2."""
    span: Float[Array, "2"]
    """Ends of an axis that holds all times."""
    slope_span: Float[Array, "2"]
    """Of one that holds the derivatives of neuron 1."""
    next_slope_span: Float[Array, "2"]
    """Of one that holds those of neuron 2."""


class LayerCurves(eqx.Module):
    """First spikes of two hidden neurons and an output over the weight, and close to the two transitions."""

    transitions: Float[Array, " transitions"]
    """The weights at which a spike of the first, and of the second hidden neuron crosses the end of its layer."""
    ends: Float[Array, " layers"]
    """The ends of both layers, $T_1$ and $T_2$."""
    times: Float[Array, "weights units"]
    """The first spikes of the hidden neurons and of the output, over `weights()`."""
    near: Float[Array, "places spikes"]
    """Over `places()` around the first transition, times behind $T_1$: the first two spikes of hidden neuron 1, and the first of
    the output."""
    ends_behind: Float[Array, " layers"]
    """The ends of both layers, behind $T_1$: 0 and $1/d$."""
    near_slopes: Float[Array, " places"]
    """The derivative of the last of them with respect to the weight."""
    far_slopes: Float[Array, " places"]
    """The same around the second transition."""
    slope: Float[Array, "transitions sides"]
    """The derivative of the output's spike just below and just above each transition."""
    jump: Float[Array, " transitions"]
    """By how many per cent its size changes there."""
    span: Float[Array, "2"]
    """Ends of an axis that holds these times."""
    slope_span: Float[Array, "2"]
    """Of one that holds the slopes close to both."""


class Turns(eqx.Module):
    """The phase of a neuron over time, with the spikes so far: a whole number at each spike."""

    times: Float[Array, " moments"]
    turns: Float[Array, " moments"]


class AtWeight(eqx.Module):
    """What happens at one weight of the pair, and at one place around the first transition of the layers."""

    first: Turns
    """Neuron 1 of the pair, through the end and behind it."""
    second: Turns
    """And neuron 2."""
    first_spikes: Float[Array, " spikes"]
    """The times of their first spikes."""
    second_spikes: Float[Array, " spikes"]
    first_ordinals: Float[Array, " spikes"]
    """1, 2, …"""
    second_ordinals: Float[Array, " spikes"]
    """The same: each neuron has its own, so that a picture can leave one of them out."""
    hidden: Turns
    """Hidden neuron 1, until the end of the next layer; times behind $T_1$."""
    output: Turns
    """The output, until the end of the layer that would follow; times behind $T_1$."""
    layer_span: Float[Array, "2"]
    """From when until when the layers are shown."""


def weights() -> Float[Array, " weights"]:
    """The weights over which spike times of the layers are shown."""
    return jnp.linspace(LOWEST, HIGHEST, WEIGHTS)


def places() -> Float[Array, " places"]:
    """Weights around a transition, less its own, in thousandths: the two sides of it stand in the middle."""
    above = jnp.linspace(0.0, CLOSE, PLACES)[1:]
    return 1e3 * jnp.concatenate([-above[::-1], jnp.array([-_NEARBY, _NEARBY]), above])


def entering_weight(duration: Scalar) -> Scalar:
    r"""The weight at which the first spike of neuron 1 comes at $T$: $[\frac\pi2/(1-e^{-(T-t_{in})/\tau})]^2$.

    >>> import jax.numpy as jnp
    >>> print(f"{entering_weight(jnp.asarray(4.0)):.4f}")
    2.6235
    """
    return (jnp.pi / 2 / -jnp.expm1(-(duration - COMES))) ** 2


def transitions() -> Float[Array, " transitions"]:
    """The weights at which a spike of each hidden neuron comes at `LAYER_END`, by bisection of the exact spike time.

    >>> print(*(f"{weight:.2f}" for weight in transitions()))
    2.47 3.43
    """
    neuron = QIF()
    inhibited = neuron.receive(neuron.start(jnp.zeros(2), jnp.zeros(2)), jnp.array([0.0, INHIBITION]))
    state = neuron.flow(inhibited, jnp.asarray(HIDDEN_TIMES[1] - HIDDEN_TIMES[0]))

    def halved(_, ends):
        low, high = ends
        middle = (low + high) / 2
        late = neuron.time_to_spike(neuron.receive(state, middle)) > LAYER_END - HIDDEN_TIMES[1]
        return jnp.where(late, middle, low), jnp.where(late, high, middle)

    return jax.lax.fori_loop(0, 60, halved, (jnp.full(2, LOWEST), jnp.full(2, HIGHEST)))[1]


# ---- the pair --------------------------------------------------------------------------------------------------------


def _pair_log(setting: PairSetting, weight: Scalar, until: Scalar) -> EventLog:
    one, none = jnp.ones_like(weight), jnp.zeros_like(weight)
    parameters = EventParameters(
        jnp.stack([weight, none])[:, None], setting.coupling * jnp.array([[none, none], [one, none]])
    )
    return _run(parameters, jnp.full(1, COMES), jnp.zeros(1, int), until)


def _run(parameters: EventParameters, times: jax.Array, channels: jax.Array, until: Scalar) -> EventLog:
    """A run until some moment: input spikes that come later are left out.

    Nothing is left to be refused, and an error would keep the compiled program from being stored.
    """
    arrived = jnp.where(times <= until, times, jnp.inf)
    return (
        RecurrentEventNetwork(duration=until, events=EVENTS, throw=False)
        .run(parameters, InputSpikes(arrived, channels), ())
        .output
    )


def _pair_pseudospikes(setting: PairSetting, end: EndState, most: int) -> Float[Array, "2 most"]:
    law = ConstantDrive(setting.softness)
    arriving = jnp.stack([jnp.zeros_like(setting.coupling), setting.coupling * law.readiness(end)[0]])
    return law.times(end, setting.duration, most, arriving)


def pair_times(setting: PairSetting, weight: Scalar) -> Float[Array, "2 spikes"]:
    """The first spikes of both neurons with this weight, ordinary ones and then pseudospikes.

    >>> import jax.numpy as jnp
    >>> for times in pair_times(PairSetting(), jnp.asarray(3.0)):
    ...     print(*(f"{time:.3f}" for time in times))
    2.874 4.732 5.925
    4.556 5.708 6.860
    """
    log = _pair_log(setting, weight, setting.duration)
    times = _pair_pseudospikes(setting, log.end, SPIKES)
    return jnp.stack([first_spikes(log, unit, times) for unit in range(2)])


def _with_slopes(function, at: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The values of a function of one number, an array, and their derivatives."""
    values, back = jax.vjp(function, at)
    basis = jnp.eye(values.size, dtype=values.dtype).reshape(values.size, *values.shape)
    (slopes,) = jax.vmap(back)(basis)
    return values, slopes.reshape(values.shape)


def _span(values: jax.Array) -> Float[Array, "2"]:
    """The ends of an axis that holds these numbers and 0, with some room; never empty."""
    low, high = jnp.minimum(jnp.min(values), 0.0), jnp.maximum(jnp.max(values), 0.0)
    room = 0.1 * jnp.maximum(high - low, 0.1)
    return jnp.stack([low - room, high + room])


def _ordinary(at: jax.Array, times: jax.Array, slopes: jax.Array, duration: Scalar) -> Ordinary:
    inside = times <= duration
    last = jax.lax.cummax(jnp.where(inside, jnp.arange(at.size), -1))
    which = jnp.where(last < 0, jnp.where(jnp.any(inside), jnp.argmax(inside), at.size - 1), last)
    return Ordinary(at[which], jnp.where(jnp.any(inside), times[which], duration), slopes[which])


@eqx.filter_jit
def driven_pair(setting: PairSetting) -> PairCurves:
    r"""Spike times of the pair over the weight, and what they are on both sides of the crossing.

    **Source:** Klos & Memmesheimer (2025), supplement, Fig. S1; the derivatives are derived.

    >>> with jax.enable_x64(True):  # with 32 bits both sides are the same weight
    ...     curves = driven_pair(PairSetting())
    >>> print(f"{curves.crossing:.4f}", *(f"{slope:.3f}" for slope in curves.slope))
    2.6235 -6.121 -6.121
    >>> print(*(f"{slope:.3f}" for slope in curves.next_slope))  # of the neuron that it drives: a kink
    -0.240 -1.155
    """
    crossing = entering_weight(setting.duration)
    signs, steps = jnp.array([-1.0, 1.0]), jnp.arange(len(_FORWARD))
    sides = crossing + signs * _NEARBY
    differences = (sides[:, None] + _STEP * signs[:, None] * steps.astype(sides.dtype)[None]).ravel()
    at = jnp.concatenate([weights(), differences])
    times, slopes = jax.vmap(lambda weight: _with_slopes(lambda each: pair_times(setting, each), weight))(at)
    beside = slopes[WEIGHTS:].reshape(2, steps.size, 2, SPIKES)
    kept = jnp.concatenate([jnp.arange(WEIGHTS), WEIGHTS + jnp.array([0, steps.size])])
    order = kept[jnp.argsort(at[kept])]
    at, times, slopes, ends = at[order], times[order], slopes[order], times[WEIGHTS :: steps.size]
    ordinary = [_ordinary(at, times[:, unit, 0], slopes[:, unit, 0], setting.duration) for unit in range(2)]
    return PairCurves(
        weights=at,
        first=times[:, 0],
        second=times[:, 1],
        first_slopes=slopes[:, 0],
        second_slopes=slopes[:, 1],
        first_ordinary=ordinary[0],
        second_ordinary=ordinary[1],
        crossing=crossing,
        time=ends[:, 0, 0],
        slope=beside[:, 0, 0, 0],
        curvature=signs * (beside[:, :, 0, 0] @ jnp.array(_FORWARD)) / _STEP,
        next_slope=beside[:, 0, 1, 0],
        span=jnp.stack([jnp.zeros_like(crossing), 1.05 * jnp.max(times)]),
        slope_span=_span(slopes[:, 0]),
        next_slope_span=_span(slopes[:, 1]),
    )


# ---- the layers ------------------------------------------------------------------------------------------------------


def _hidden_log(weight: Scalar, until: Scalar) -> EventLog:
    moved, fixed = jnp.array([[0.0, 1.0], [0.0, 1.0]]), jnp.array([[0.0, 0.0], [INHIBITION, 0.0]])
    return _run(EventParameters(weight * moved + fixed), jnp.asarray(HIDDEN_TIMES), jnp.arange(2), until)


def _arriving(law: ContinuedPhase, log: EventLog) -> Float[Array, "2 2"]:
    """What the output receives of each hidden neuron: its ordinary spike, if there is one, and its active pseudospike."""
    ordinary = jnp.stack([log.spike_times(unit, 1) for unit in range(2)])
    return jnp.concatenate([ordinary, law.active(log.end, LAYER_END)[:, None]], axis=1)


def _output_log(arriving: Float[Array, "2 2"], until: Scalar) -> EventLog:
    return _run(EventParameters(jnp.array([TO_OUTPUT])), arriving.ravel(), jnp.repeat(jnp.arange(2), 2), until)


def layer_times(exponent: Scalar, weight: Scalar) -> Float[Array, "units spikes"]:
    """The first two spikes of the hidden neurons and of the output, layer by layer.

    >>> import jax.numpy as jnp
    >>> for times in layer_times(jnp.asarray(2.0), jnp.asarray(3.0)):
    ...     print(*(f"{time:.3f}" for time in times))
    3.374 8.375
    8.374 8.624
    8.832 9.088
    """
    law = ContinuedPhase(exponent)
    log = _hidden_log(weight, jnp.asarray(LAYER_END))
    hidden = [first_spikes(log, unit, law.times(log.end, LAYER_END, 2)) for unit in range(2)]
    until = law.next_duration(LAYER_END)
    after = _output_log(_arriving(law, log), until)
    return jnp.stack([*hidden, first_spikes(after, 0, law.times(after.end, until, 2))])


@eqx.filter_jit
def continued_layers(exponent: Scalar) -> LayerCurves:
    r"""First spikes of the layers over the weight, and their slopes on both sides of the two transitions.

    **Source:** Klos & Memmesheimer (2025), supplement, Fig. S2; the law of the pseudospikes is reconstructed, the weights to the
    output are chosen.

    >>> with jax.enable_x64(True):
    ...     slopes = [continued_layers(jnp.asarray(exponent)).slope[0] for exponent in (1.0, 2.0)]
    >>> for below, above in slopes:
    ...     print(f"{below:.2f} {above:.2f}")
    -7.47 -45.56
    -8.31 -8.31
    """
    exponent = jnp.asarray(exponent, float)
    around = transitions()
    close = around[:, None] + 1e-3 * places()[None]

    def slopes_of(weight):
        times, back = jax.vjp(lambda each: layer_times(exponent, each), weight)
        return times, back(jnp.zeros_like(times).at[2, 0].set(1.0))[0]

    times, slopes = jax.vmap(slopes_of)(jnp.concatenate([weights(), close.ravel()]))
    near, slopes = times[WEIGHTS:].reshape(2, -1, 3, 2) - LAYER_END, slopes[WEIGHTS:].reshape(2, -1)
    behind = jnp.stack([jnp.zeros_like(exponent), 1 / exponent])
    sides = slopes[:, PLACES - 1 : PLACES + 1]
    return LayerCurves(
        transitions=around,
        ends=LAYER_END + behind,
        ends_behind=behind,
        times=times[:WEIGHTS, :, 0],
        near=jnp.stack([near[0, :, 0, 0], near[0, :, 0, 1], near[0, :, 2, 0]], axis=1),
        near_slopes=slopes[0],
        far_slopes=slopes[1],
        slope=sides,
        jump=100 * jnp.abs(sides[:, 1] - sides[:, 0]) / jnp.abs(sides[:, 0]),
        span=jnp.stack([-jnp.ones_like(exponent), 0.2 + 2 / exponent]),
        slope_span=_span(slopes),
    )


# ---- at one weight ---------------------------------------------------------------------------------------------------

_BEFORE, _BEHIND, _LONG = 121, 81, 4.0  # moments of the pair before and behind the end, and how long is shown of that
_LAYER_BEGIN, _MOMENTS = 7.0, 61  # from when the layers are shown, and how many moments of each part


def _turns(logs: EventLog, units: int) -> Float[Array, "moments units"]:
    """The turns of the neurons at the ends of these runs."""
    return jax.vmap(lambda log: _spiked(log, units))(logs) + logs.end.phase


def _spiked(log: EventLog, units: int) -> Float[Array, " units"]:
    return log.spike_count(units).astype(log.times.dtype)


def _last(logs: EventLog) -> EventLog:
    return jax.tree.map(lambda each: each[-1], logs)


def _pair_turns(setting: PairSetting, weight: Scalar) -> tuple[Turns, Turns, Float[Array, "2 spikes"]]:
    end = setting.duration
    before = jnp.linspace(1e-6, 1.0, _BEFORE) * end
    logs = jax.vmap(lambda until: _pair_log(setting, weight, until))(before)
    ran, log = _turns(logs, 2), _last(logs)
    pseudospikes = _pair_pseudospikes(setting, log.end, SPIKES)
    behind = end + jnp.linspace(0.0, _LONG, _BEHIND)[1:]
    # Behind the end V = ½ − ϱ cot(angle), where the angle grows by π in each period and passes a multiple of it at a spike.
    period = pseudospikes[:, 1] - pseudospikes[:, 0]
    passed = 1 + (behind[:, None] - pseudospikes[None, :, 0]) / period[None]
    whole = jnp.floor(passed)
    sine, cosine = jnp.sin(jnp.pi * (passed - whole)), jnp.cos(jnp.pi * (passed - whole))
    phase = EventState(sine / 2 - jnp.pi / period[None] * cosine, sine, jnp.zeros_like(sine)).phase
    turns = jnp.concatenate([ran, whole + phase + _spiked(log, 2)[None]])
    moments = jnp.concatenate([before, behind])
    times = jnp.stack([first_spikes(log, unit, pseudospikes) for unit in range(2)])
    return Turns(moments, turns[:, 0]), Turns(moments, turns[:, 1]), times


def _layer(
    run: Callable[[jax.Array], EventLog], law: ContinuedPhase, end: Scalar, units: int
) -> tuple[Turns, EventLog]:
    r"""The turns of the first neuron of a layer: until its end, and behind it by $\tau\dot\varphi=\varphi^{1-d}$."""
    moments = _LAYER_BEGIN + jnp.linspace(0.0, 1.0, _MOMENTS) * (end - _LAYER_BEGIN)
    logs = jax.vmap(run)(moments)
    log, grown = _last(logs), jnp.linspace(0.0, 1.0, _MOMENTS)[1:]
    power = log.end.phase[0] ** law.exponent + grown
    whole = jnp.floor(power)
    continued = _spiked(log, 1)[0] + whole + (power - whole) ** (1 / law.exponent)
    times = jnp.concatenate([moments, end + grown / law.exponent]) - LAYER_END
    return Turns(times, jnp.concatenate([_turns(logs, units)[:, 0], continued])), log


@eqx.filter_jit
def at_weight(setting: PairSetting, exponent: Scalar, weight: Scalar, offset: Scalar) -> AtWeight:
    r"""How the phases turn at one weight of the pair, and at `offset` thousandths from the first transition of the layers.

    >>> import jax.numpy as jnp
    >>> seen = at_weight(PairSetting(), jnp.asarray(2.0), jnp.asarray(3.0), jnp.asarray(0.0))
    >>> print(*(f"{time:.3f}" for time in seen.first_spikes))
    2.874 4.732 5.925
    """
    first, second, times = _pair_turns(setting, weight)
    near, law, end = transitions()[0] + 1e-3 * offset, ContinuedPhase(exponent), jnp.asarray(LAYER_END)
    hidden, log = _layer(lambda until: _hidden_log(near, until), law, end, 2)
    arriving = _arriving(law, log)
    output, _ = _layer(lambda until: _output_log(arriving, until), law, law.next_duration(end), 1)
    return AtWeight(
        first=first,
        second=second,
        first_spikes=times[0],
        second_spikes=times[1],
        first_ordinals=jnp.arange(1.0, SPIKES + 1),
        second_ordinals=jnp.arange(1.0, SPIKES + 1),
        hidden=hidden,
        output=output,
        layer_span=jnp.stack([jnp.full_like(end, _LAYER_BEGIN - LAYER_END), 2 / exponent]),
    )
