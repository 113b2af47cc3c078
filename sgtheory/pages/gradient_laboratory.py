"""Page 03: any estimator on any small network, beside the exact gradient."""

from collections.abc import Mapping
from typing import Any

from sgtheory.pages._kit import (
    BEHIND,
    PALE,
    Choice,
    Drawing,
    Figure,
    Page,
    Readout,
    ReadoutTable,
    Several,
    Slider,
    Sources,
    Text,
    drawn_panels,
    panel,
    range_names,
    sent_range,
)
from sgtheory.pages._laboratory import DASHES, DIRECTIONS, MENU, NETWORKS, OWN, chosen_widths, picture, slug

_TITLES = {
    "components": ("Components of the gradient", "∂ E[L] / ∂θ"),
    "cost": ("Variance against cost", "variance of a draw"),
    "biases": ("How far off: bias", ""),
    "directions": ("Which direction: cosine", ""),
    "steepness": ("Bias against steepness", "relative bias"),
    "width": ("Bias against width", "relative bias"),
}
_X_LABELS = {
    "components": "component", "biases": "relative bias", "directions": "cosine, or share of right signs",
    "cost": "runs of the network per draw", "steepness": "steepness β", "width": "units in each hidden layer",
}  # fmt: skip
_X_RANGES = {"directions": DIRECTIONS, "cost": (-0.15, 2.6), "steepness": (-1.1, 3.1), "width": (0.8, 5.2)}
# The data along these axes are logarithms.
_X_POWERS = {"biases": 10, "cost": 10, "steepness": 2}
_Y_POWERS = {"cost": 10, "steepness": 10, "width": 10}
_Y_RANGES = {"biases": (0.0, 1.0), "directions": (0.0, 1.0)}
_SENT, _SENT_ACROSS = ("components", "cost", "steepness", "width"), ("components", "biases")


class GradientLaboratory(Page):
    """Choose a network, a loss and some methods; see how far off each is, how much it scatters, and what it costs."""

    name = "gradient_laboratory"
    title = "The gradient laboratory: bias, variance, cost"
    version = 2
    play = "steepness"
    specification = (
        Choice("network", "network", "2-3-2-1", (*NETWORKS, OWN), "Number of inputs, then of units in each layer"),
        Text("widths", "widths", "4-4-2", "3 to 5 whole numbers such as 5-5-5-1, inputs first", ("network", OWN)),
        Choice("loss", "loss", "output", ("output", "squared error"), "The sum of the outputs, or of (output − target)²"),
        Several(
            "methods", "methods", "surrogate; surrogate, SuperSpike; score, mean baseline; stochastic triple",
            tuple(MENU), "Up to six methods, side by side", tuple(method.mark for method in MENU.values()), 6,
        ),
        Slider("steepness", "steepness β", 2.0, 0.5, 8.0, 0.25, "Steepness of the escape noise", base=2),
        Slider("surrogate", "surrogate β_SG", 8.0, 0.5, 32.0, 0.25, "Steepness of the SuperSpike surrogate", tabled=False, base=2),
        Slider("spread", "weights ×", 1.0, 0.1, 4.0, 0.1, "All weights are multiplied by this number", tabled=False),
        Slider("step", "step ε", 0.5, 1 / 128, 4.0, 0.25, "Step of the finite differences", tabled=False, base=2),
        Slider(
            "temperature", "temperature τ", 0.5, 1 / 128, 8.0, 0.25, "Temperature of the Concrete relaxation", tabled=False, base=2,
        ),
        Slider("target", "target", 1.0, -1.0, 2.0, 0.1, "Target of the squared error", tabled=False),
        Slider("along", "components", 0, 0, 100, 1, "Which twelve components are shown, from first to last", "%", tabled=False),
        Slider("draws", "draws", 300, 50, 2000, 50, "Number of estimates by each method", sizes=True, tabled=False),
        Slider("weights", "weights no.", 0, 0, 99, 1, "Another number, other random weights (not for the chain)", tabled=False),
        Slider("seed", "seed", 0, 0, 99, 1, "Another seed gives other random numbers", tabled=False),
    )  # fmt: skip
    readouts = (Readout("exact", "|∇E[L]|, exact"),)
    table = ReadoutTable(
        "The ticked methods in numbers",
        tuple((slug(name), name, *method.mark) for name, method in MENU.items()),
        (
            ("bias", "relative bias"), ("noise", "part that may be noise"), ("variance", "variance of a draw"),
            ("runs", "runs per draw"), ("cosine", "cosine"), ("signs", "share of right signs"),
        ),
    )  # fmt: skip
    panels = tuple(_TITLES)
    discrete = range_names(_SENT, _SENT_ACROSS)

    # ---- numbers ----

    def refusals(self, settings: Mapping[str, Any]) -> dict[str, str]:
        if settings["network"] != OWN:
            return {}
        try:
            chosen_widths(settings)
        except ValueError as error:
            return {"widths": str(error)}
        return {}

    def compute(self, settings: Mapping[str, Any]) -> Sources:
        return picture(settings)

    # ---- figures ----

    def figures(self, sources: Sources) -> list[Figure]:
        return drawn_panels(_Drawing, self.panels, sources)


class _Drawing(Drawing):
    """One figure; its methods say what is drawn, from which source, in which role."""

    def __init__(self, data, name, ranges):
        from bokeh.models import Range1d

        title, y_label = _TITLES[name]
        y_range = _Y_RANGES.get(name) or sent_range(ranges, name)
        x_range = Range1d(*(_X_RANGES.get(name) or sent_range(ranges, name, ("left", "right"))))
        plot = panel(
            title, x_range=x_range, y_range=y_range, x_label=_X_LABELS[name], y_label=y_label,
            x_powers_of=_X_POWERS.get(name), y_powers_of=_Y_POWERS.get(name),
        )  # fmt: skip
        super().__init__(name, data, plot)
        if name in _Y_RANGES:
            self.without_scale()

    def _each(self):
        for name, method in MENU.items():
            yield method, slug(name), *method.mark

    def components(self):
        self.line("level", "y", "soft", width=1, level=BEHIND)
        self.intervals("exact", "blue", "exact", width=26, alpha=PALE)
        for method, source, role, marker in self._each():
            self.intervals(source, role)
            self.dots(source, "mean", role, method.short, size=6, marker=marker)
        return self.finished(
            "Components of the gradient: wide bars are the exact values, dots with intervals the estimates and their "
            "standard errors. The exact gradient has the length {exact}; the first ticked method is off by {bias} of that."
        )

    def _rows(self, filled, hollow, names, description):
        for method, source, role, marker in self._each():
            row = f"{source}_row"
            self.name_tag(f"{source}_{self.name}", role, method.short)
            for x, is_hollow, what in zip((filled, hollow), (False, True), names, strict=True):
                self.dots(row, "y", role, size=8, marker=marker, x=x, hollow=is_hollow, name=f"{method.short}: {what}")
        for is_hollow, what in enumerate(names):
            self.key(what, hollow=bool(is_hollow))
        return self.finished(description)

    def biases(self):
        return self._rows(
            "bias", "noise", ("bias", "part that may be noise"),
            "Relative bias of each method, on a logarithmic axis, and the part that may be noise: {bias} and {noise} for the "
            "first ticked method. Anything below a thousandth is drawn at a thousandth.",
        )  # fmt: skip

    def directions(self):
        self.line("upright", "y", "soft", width=1, level=BEHIND)
        return self._rows(
            "cosine", "signs", ("cosine", "share of right signs"),
            "Cosine between each mean estimate and the exact gradient, and share of the components with the right sign: "
            "{cosine} and {signs} for the first ticked method.",
        )  # fmt: skip

    def cost(self):
        self.line("equal", "y", "soft", "variance × runs the same", width=1, alpha=PALE, level=BEHIND)
        for method, source, role, marker in self._each():
            self.dots(f"{source}_row", "variance", role, method.short, size=9, marker=marker, x="runs")
        return self.finished(
            "Variance of one draw against its cost, both axes logarithmic: {variance} at {runs} runs for the first ticked method. "
            "Methods that do not vary lie at the lower edge."
        )

    def _curves(self, suffix, description):
        for method, source, role, marker in self._each():
            curve = f"{source}_{suffix}"
            if not method.closed_form:
                self.band(curve, role)
            self.line(curve, "y", role, method.short, dash=DASHES[marker], width=2)
        return self.finished(description)

    def steepness(self):
        self.line("marker", "y", "soft", dash="dotted")
        return self._curves(
            "steepness",
            "Relative bias of each method against the steepness of the escape noise, without sampling noise except for the "
            "Concrete relaxation, which has a band. The lowest line means no bias at all. The exact gradient of the chosen "
            "network has the length {exact}.",
        )

    def width(self):
        return self._curves(
            "width",
            "Relative bias of each method against the width of random networks with as many layers, medians of eight. The "
            "lowest line means no bias at all. For the chosen network and the first ticked method it is {bias}.",
        )
