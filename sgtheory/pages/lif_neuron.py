"""Page 06: one LIF neuron over time, and the gradient through its reset."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from sgtheory.pages._kit import PALE, Choice, DeclaredPage, Film, Panel, Readout, Slider, Text, in_64_bits
from sgtheory.pages._kit.controls import brief
from sgtheory.pages._kit.marks import Dots, Level, Line, Marker, Raster, Steps
from sgtheory.pages._menus import MATCHED, SURROGATES, surrogate_of
from sgtheory.pages.lif_neuron_tour import TOUR

NEXT, SAME = "next step", "same step"
RANDOM, OWN = "random", "your own"
STEPS = 60
_TIME = ("time, ms", "times")
_NOW = Marker("times.{time}", legend="the chosen moment")


def parse_times(text: str) -> list[int]:
    """The milliseconds in a text such as 2 4 17. **Raises** `ValueError`, one sentence, for any other text."""
    times = []
    for part in text.replace(";", " ").replace(",", " ").split():
        if not (part.isascii() and part.isdigit() and len(part) < 3 and int(part) < STEPS):
            raise ValueError(
                f"Input spikes must be whole numbers from 0 to {STEPS - 1}, in ms, got {brief(part)}. Click on the raster."
            )
        times.append(int(part))
    return times


class LIFNeuron(DeclaredPage):
    """Drive one neuron with spikes; see what a gradient makes of its resets, beside the exact answer."""

    name = "lif_neuron"
    version = 2
    title = "One LIF neuron: does a gradient pass through the reset?"
    play = "weight"
    specification = (
        Slider("weight", "weight w", 4.0, 0.0, 8.0, 0.125, "Weight of the only input, in units of the threshold"),
        Slider("steepness", "steepness β", 10.0, 1.0, 40.0, 0.5, "How steeply the probability rises at threshold"),
        Slider("membrane", "membrane τ", 10.0, 2.0, 40.0, 1.0, "Time constant of the membrane", "ms"),
        Slider("synapse", "synapse τ", 5.0, 1.0, 20.0, 1.0, "Time constant of the synaptic current", "ms"),
        Choice("drive", "input spikes", RANDOM, (RANDOM, OWN), "Random spikes, or your own: click on the raster"),
        Slider("rate", "input", 0.3, 0.0, 1.0, 0.05, "Probability of an input spike in each millisecond",
               shown_for=("drive", RANDOM)),
        Text("own", "at, ms", "2 4 5 8 12 13 20 30 31 32 33 50", "Whole numbers from 0 to 59; a click on the raster adds one",
             shown_for=("drive", OWN)),
        Film("time", "moment", 20, 0, 59, 1, "The moment at which everything is read, ms"),
        Choice("reset", "reset in the", NEXT, (NEXT, SAME), "Whether the reset acts in the next time step or in the same one"),
        Choice("surrogate", "surrogate", MATCHED, SURROGATES, "The derivative that each decision shows in the backward pass"),
        Slider("trials", "trials", 100, 20, 400, 20, "How many times the neuron is run", sizes=True, tabled=False),
        Slider("train", "input train", 0, 0, 99, 1, "Another number, other input spikes", tabled=False,
               shown_for=("drive", RANDOM)),
        Slider("seed", "seed", 0, 0, 99, 1, "Another seed gives other spikes of the neuron", tabled=False),
    )  # fmt: skip
    parts: ClassVar = {
        "bundle": ("weight", "steepness", "membrane", "synapse", "rate", "train", "seed")
    }  # at one moment as at another
    readouts = (
        Readout("expected", "expected spikes, exact", of="expected_count"),
        Readout("count", "mean of the trials", of="mean_count", jumps=True),
        Readout("gradient", "dE[N]/dw, exact", of="gradient"),
        Readout("through", "surrogate, through the reset", of="through_reset.mean", jumps=True),
        Readout("through_error", "… its standard error", of="through_reset.error", jumps=True),
        Readout("through_deviation", "… of one draw: sd", of="through_reset.deviation", jumps=True),
        Readout("detached", "surrogate, reset detached", of="detached.mean", jumps=True),
        Readout("detached_error", "… its standard error", of="detached.error", jumps=True),
        Readout("detached_deviation", "… of one draw: sd", of="detached.deviation", jumps=True),
        Readout("potential", "potential at the moment", of="stochastic.potential.{time}", jumps=True),
        Readout("probability", "escape probability there", of="stochastic.probability.{time}", jumps=True),
        Readout("slope", "dU/dw there, through", of="stochastic.potential_slope.{time}", jumps=True),
        Readout("slope_detached", "dU/dw there, detached", of="stochastic.potential_slope_detached.{time}", jumps=True),
    )
    tour = TOUR
    panels = (
        Panel(
            "spikes", "Spikes", x=_TIME, x_range=(-0.5, 59.5), y_range=(0.0, 1.0), wide=True, map=(),
            ticks=((0.36, "trials"), (0.8, "no noise"), (0.94, "input")),
            marks=(
                _NOW,
                Raster("trials", "blue", 0.0, 0.72), Raster("deterministic.spikes", "ink", 0.76, 0.84),
                Raster("arriving", "green", 0.9, 0.98),
            ),
            text="Raster of spikes over 60 ms: the input at the top, the neuron without noise below, then one row for each trial. "
            "{count} spikes in a trial on average; {expected} are expected.",
        ),
        Panel(
            "potential", "Membrane potential", x=_TIME, x_range=(-0.5, 59.5), y_label="U, in thresholds",
            marks=(
                _NOW,
                Level(1.0, legend="threshold"),
                Line("deterministic.potential", "ink", "without noise", width=1, jumps=True),
                Line("stochastic.potential", "blue", "first trial", width=2, jumps=True),
            ),
            text="Membrane potential over time, without noise and in the first trial; at the chosen moment it is {potential} "
            "there. A spike takes it back to zero.",
        ),
        Panel(
            "probability", "Probability of a spike", x=_TIME, x_range=(-0.5, 59.5), y_label="probability", y_range=(-0.04, 1.04),
            marks=(
                _NOW,
                Line("firing_probability", "blue", "over all trials, exact", width=5, alpha=PALE),
                Dots("trial_mean", "blue", "share of the trials", size=4, jumps=True),
                Line("stochastic.probability", "orange", "in the first trial: p", width=1.5, jumps=True),
            ),
            text="Probability of a spike at each moment: over all trials, exact, and in the first trial, given what happened "
            "before, {probability} at the chosen moment.",
        ),
        Panel(
            "slopes", "What is back-propagated: dU/dw", x=_TIME, x_range=(-0.5, 59.5), y_label="dU / dw",
            marks=(
                _NOW,
                Level(0.0),
                Line("stochastic.potential_slope_detached", "green", "reset detached", width=2, jumps=True),
                Line("stochastic.potential_slope", "orange", "through the reset", width=2, jumps=True),
            ),
            text="Derivative of the potential with respect to the weight, in the first trial, as it is back-propagated: {slope} "
            "through the reset at the chosen moment, {slope_detached} with the reset detached.",
        ),
        Panel(
            "counts", "Expected spikes, and its slopes", x=("weight w", "weights()"), y_label="spikes in 60 ms",
            y_range=(-1.0, 31.0),
            marks=(
                Marker("weight", legend="chosen w"),
                Line("counts", "blue", "expected, exact", width=5, alpha=PALE),
                Steps("deterministic_counts", "ink", "without noise", jumps=True),
                Line("exact_tangent", "blue", "exact slope", width=1.5),
                Line("detached_tangent", "green", "reset detached", dash="dashed", width=2, jumps=True),
                Line("through_tangent", "orange", "through the reset", dash="dashed", width=2, jumps=True),
            ),
            text="Expected number of spikes against the weight, exact, and without noise. The lines through the chosen weight have "
            "the slope of the exact derivative, {gradient}, of the surrogate gradient through the reset, {through}, and with the "
            "reset detached, {detached}.",
        ),
        Panel(
            "draws", "Surrogate gradients of single trials, in order", x=("share of the trials", "ranks"), x_range=(0.0, 1.0),
            y_label="∂ / ∂w",
            marks=(
                Level("gradient", "blue", "exact dE[N]/dw", width=5, alpha=PALE),
                Dots("detached.ordered", "green", "reset detached", size=4, jumps=True),
                Dots("through_reset.ordered", "orange", "through the reset", size=4, jumps=True),
            ),
            text="Surrogate gradients of single trials, from the smallest to the largest, beside the exact derivative {gradient}. "
            "Their standard deviation is {through_deviation} through the reset, and {detached_deviation} with the reset detached.",
        ),
    )  # fmt: skip

    # ---- input spikes of the reader's own ----

    def pointed(self, figure: str, x: float, y: float) -> None:
        """Adds an input spike at the millisecond that was clicked, or removes the one that is there."""
        settings = self.settings()
        if not 0 <= round(x) < STEPS or self.refusals(settings):
            return
        chosen = {*self._arriving(settings)} ^ {round(x)}
        self.move({**settings, "drive": OWN, "own": " ".join(map(str, sorted(chosen)))})

    def _arriving(self, settings: Mapping[str, Any]) -> list[int]:
        if settings["drive"] == OWN:
            return parse_times(settings["own"])
        import jax

        with in_64_bits():
            spikes = self.experiment().input_spikes(jax.random.key(settings["train"]), settings["rate"])
        return np.flatnonzero(spikes).tolist()

    def refusals(self, settings: Mapping[str, Any]) -> dict[str, str]:
        try:
            parse_times(settings["own"] if settings["drive"] == OWN else "")
        except ValueError as error:
            return {"own": str(error)}
        return {}

    # ---- numbers ----

    def choices(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The reader's own spikes as an array: one program for all of them."""
        spikes = np.zeros(STEPS)
        spikes[parse_times(settings["own"]) if settings["drive"] == OWN else []] = 1.0
        own = {"own": spikes, "drive": np.asarray(settings["drive"] == OWN)}
        return super().choices(settings) | own

    @classmethod
    def bundle(cls, numbers: Mapping[str, Any], choices: Mapping[str, Any]) -> Any:
        import jax
        import jax.numpy as jnp

        from sgtheory.escape import Sigmoid
        from sgtheory.neurons import LIF

        experiment = cls.experiment()
        train, seed = (jax.random.key(jnp.rint(numbers[name]).astype(int)) for name in ("train", "seed"))
        neuron = LIF(
            Sigmoid(numbers["steepness"]), numbers["membrane"], numbers["synapse"],
            reset_step="same" if choices["reset"] == SAME else "next",
        )  # fmt: skip
        setting = experiment.LIFNeuronSetting(
            neuron, surrogate_of(choices["surrogate"], numbers["steepness"]), numbers["weight"]
        )
        random = experiment.input_spikes(train, numbers["rate"])
        spikes = jnp.where(choices["drive"], choices["own"], random)
        return experiment.lif_neuron(setting, spikes, experiment.draw_uniforms(seed, choices["trials"]))
