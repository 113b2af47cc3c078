"""The survey of page 03: the methods on many random networks, for as long as the reader cares to wait."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from sgtheory.methods import METHODS
from sgtheory.pages._kit import (
    Action,
    Choice,
    Drawing,
    Figure,
    Page,
    Progress,
    Readout,
    Several,
    Slider,
    Sources,
    Text,
    data_sources,
    in_64_bits,
    nice_range,
    panel,
    range_columns,
    sent_range,
)
from sgtheory.pages._laboratory import DASHES, parse_widths, slug

BATCH = 8  # networks surveyed before the stop button is looked at again
QUANTITIES = ("cosine", "sign_agreement")
_TITLES = {
    "cosine": ("Cosine: median, quartiles", "cosine with the exact gradient"),
    "sign_agreement": ("Signs: median, quartiles", "share of components with the right sign"),
    "so_far": ("Is it enough? The median while the survey runs", "median cosine"),
}
_X_RANGES = {"cosine": (-1.05, 1.05), "sign_agreement": (-0.025, 1.025)}


class NetworkSurvey(Page):
    """Many random networks, one after another: how well does each method point along the exact gradient?

    `found` holds the results by quantity, each an array of networks × methods.
    """

    name = "network_survey"
    title = "A survey of random networks"
    version = 2
    play = "shown"
    specification = (
        Text("widths", "widths", "3-3-1", "Whole numbers such as 5-5-5-1: inputs, then units in each layer"),
        Several(
            "methods", "methods", "; ".join(label for label, method in METHODS.items() if method.surveyed),
            tuple(METHODS), "Up to eight methods", tuple(method.mark for method in METHODS.values()), 8,
        ),
        Choice("loss", "loss", "readout", ("readout", "squared error"), "A random read-out, or the distance from a random pattern"),
        Slider("steepness", "steepness β", 2.0, 0.5, 16.0, 0.25, "Steepness of the escape noise", tabled=False, base=2),
        Slider(
            "surrogate", "surrogate β_SG", 4.0, 0.5, 32.0, 0.25, "Steepness of the surrogates that have one", tabled=False, base=2,
        ),
        Slider("spread", "spread", 2.0, 0.25, 6.0, 0.25, "Standard deviation of weights, times √inputs", tabled=False),
        Slider("networks", "networks", 96, 8, 400, 8, "Number of random networks", tabled=False),
        Slider("draws", "draws", 200, 50, 2000, 50, "Number of estimates by each method in each network", tabled=False),
        Slider("seed", "seed", 0, 0, 99, 1, "Another seed gives other networks", tabled=False),
        Slider("shown", "shown", 100, 1, 100, 1, "How many of the networks surveyed so far are shown, counted from the first", "%"),
        Text("file", "file", "", "A file that `python -m sgtheory.survey` wrote"),
    )  # fmt: skip
    readouts = (Readout("networks", "networks shown"), Readout("found", "networks surveyed"))
    panels = tuple(_TITLES)
    wide = frozenset({"so_far"})
    job_name = "survey"
    histories: ClassVar = {slug(label): ("networks", "median") for label in METHODS}
    actions = (
        Action("open_file", "Open file", "Show a survey that the command `python -m sgtheory.survey` wrote"),
        Action("save_all", "CSV, every network", "Save all results, network by network"),
    )

    def __init__(self) -> None:
        self.found: dict[str, np.ndarray] = {name: np.zeros((0, 0)) for name in QUANTITIES}
        self.methods: tuple[str, ...] = ()
        super().__init__()

    # ---- the survey ----

    def work(self, settings: Mapping[str, Any], checkpoint: Any) -> Iterator[Progress]:
        wanted, methods = settings["networks"], tuple(settings["methods"].split("; "))
        found = checkpoint or {name: np.zeros((0, len(methods))) for name in QUANTITIES}
        if checkpoint is None:
            yield Progress(0, wanted, "Compiling …", checkpoint=found)
        for first in range(len(found["cosine"]), wanted, BATCH):
            batch = _surveyed(settings, first)
            found = {name: np.concatenate([found[name], np.asarray(getattr(batch, name))]) for name in QUANTITIES}
            done = len(found["cosine"])
            medians = np.median(found["cosine"], axis=0)
            points = {
                slug(label): {"networks": done, "median": each} for label, each in zip(methods, medians, strict=True)
            }
            text = f"{done} of {wanted} networks, {settings['widths']}, β = {settings['steepness']:g}"
            yield Progress(done, wanted, text, points=points, checkpoint=found)

    def progressed(self) -> None:
        self._take(self.job.checkpoint, tuple(self.job.settings["methods"].split("; ")))

    def growing(self, drawn: Mapping[str, Mapping[str, np.ndarray]]) -> Sources:
        """Each method's median so far, over the number of networks; the axes contain them all."""
        grown = {f"{name}_so_far": {"x": each["networks"], "y": each["median"]} for name, each in drawn.items()}
        networks, medians = (
            np.concatenate([[0.0], *(columns[axis] for columns in grown.values())]) for axis in ("x", "y")
        )
        ranges = range_columns(
            {"so_far": nice_range([medians], parts=4)},
            {"so_far": (np.zeros(1), np.array([max(networks.max(), BATCH)]) * 1.02)},
        )
        return {**grown, "ranges": ranges}

    def _take(self, found: dict[str, np.ndarray], methods: tuple[str, ...]) -> None:
        """Shows these numbers from now on."""
        self.found, self.methods = found, methods
        self.loop.renew()

    # ---- files ----

    def open_file(self) -> None:
        """Shows the survey in the named file, at the steepnesses nearest to those of the sliders."""
        settings = self.settings()
        try:
            found, methods, text = _from_file(settings)
        except (ValueError, ModuleNotFoundError) as error:
            self.board.complain("file", str(error))
            return
        self.board.complain("file", "")
        self._take(found, methods)
        self.say(text)

    def save_all(self) -> None:
        """Saves all results as CSV, one line per network and method."""
        message = {"kind": "download", "name": f"{self.name}_networks.csv", "mime": "text/csv"}
        self.stage.send(message, [self.as_csv().encode()])

    def as_csv(self) -> str:
        """The text of the CSV file."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["network", "method", *QUANTITIES])
        for network in range(len(self.found["cosine"])):
            for k, method in enumerate(self.methods):
                writer.writerow([network, method, *(float(self.found[name][network, k]) for name in QUANTITIES)])
        return text.getvalue()

    # ---- numbers ----

    def refusals(self, settings: Mapping[str, Any]) -> dict[str, str]:
        try:
            parse_widths(settings["widths"])
        except ValueError as error:
            return {"widths": str(error)}
        return {}

    def compute(self, settings: Mapping[str, Any]) -> Sources:
        return _arrange(self.found, self.methods, settings["shown"])

    # ---- figures ----

    def figures(self, sources: Sources) -> list[Figure]:
        data = data_sources(sources)
        return [*(_Rows(data, name).drawn() for name in _X_RANGES), self._so_far(data, sources["ranges"])]

    def _so_far(self, data: dict[str, Any], ranges: dict[str, np.ndarray]) -> Figure:
        from bokeh.models import Range1d

        title, label = _TITLES["so_far"]
        drawing = Drawing(
            "so_far", data,
            panel(
                title, x_range=Range1d(*sent_range(ranges, "so_far", ("left", "right"))), y_range=sent_range(ranges, "so_far"),
                x_label="networks surveyed", y_label=label,
            ),
        )  # fmt: skip
        for name, method in METHODS.items():
            role, marker = method.mark
            drawing.line(f"{slug(name)}_so_far", "y", role, width=2, dash=DASHES[marker])
        return drawing.finished(
            "Median cosine of each method over the networks surveyed so far: how much the result still changes."
        )


class _Rows(Drawing):
    """A quantity, with one row per method."""

    def __init__(self, data, name):
        from bokeh.models import Range1d

        title, label = _TITLES[name]
        x_range = Range1d(*_X_RANGES[name])
        super().__init__(
            name, data, panel(title, x_range=x_range, y_range=(0.0, 1.0), x_label=label, y_label="", height=320)
        )
        self.without_scale()

    def drawn(self):
        for label, method in METHODS.items():
            source, (role, sign) = f"{slug(label)}_{self.name}", method.mark
            self.line(source, "y", role, width=3)
            self.dots(f"{source}_median", "y", role, size=9, marker=sign)
            self.name_tag(f"{source}_name", role, label)
        return self.finished(
            f"{_TITLES[self.name][0]}, one row per method, for the {{networks}} networks shown of {{found}} surveyed."
        )


# ---- from settings to the survey, and from what it found to columns -------------------------------------------------------


def _surveyed(settings: Mapping[str, Any], first: int):
    """One batch of networks."""
    import jax
    import jax.numpy as jnp

    from sgtheory.experiments.random_networks import SurveySetting, network_keys, survey_networks

    with in_64_bits():
        numbers = settings["steepness"], settings["surrogate"], settings["spread"], 0.0
        setting = SurveySetting(*(jnp.asarray(number, dtype=float) for number in numbers))
        keys = network_keys(jax.random.key(settings["seed"]), jnp.arange(first, first + BATCH))
        return survey_networks(
            keys, setting, widths=parse_widths(settings["widths"]), methods=tuple(settings["methods"].split("; ")),
            draws=settings["draws"], loss=settings["loss"],
        )  # fmt: skip


def _from_file(settings: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], tuple[str, ...], str]:
    from sgtheory.survey import open_survey

    if not settings["file"].strip():
        raise ValueError("`file` must be the path of a survey's file, got none. Type one, such as survey.nc.")
    dataset = open_survey(settings["file"].strip())
    known = [str(name) for name in dataset.estimator.values if str(name) in METHODS]
    widths = settings["widths"] if settings["widths"] in dataset.widths.values else str(dataset.widths.values[0])
    cell = dataset.sel(widths=widths, estimator=known).sel(
        steepness=settings["steepness"], surrogate_steepness=settings["surrogate"], method="nearest"
    )
    found = {name: np.asarray(cell[name].transpose("network", "estimator").values) for name in QUANTITIES}
    text = (
        f"From the file: {widths}, β = {float(cell.steepness):g}, β_SG = {float(cell.surrogate_steepness):g}, "
        f"{cell.sizes['network']} networks of {dataset.attrs['draws']} draws."
    )
    return found, tuple(known), text


def _arrange(found: Mapping[str, np.ndarray], methods: tuple[str, ...], share: int) -> Sources:
    """Quartiles of each method over the first networks; empty columns for methods that were not surveyed."""
    count = len(found["cosine"])
    shown = max(1, round(count * share / 100)) if count else 0
    sources = {}
    for name, (left, _) in _X_RANGES.items():
        for method in METHODS:
            source = f"{slug(method)}_{name}"
            sources |= {source + part: dict.fromkeys(("x", "y"), np.zeros(0)) for part in ("", "_median", "_name")}
        for place, method in enumerate(methods if shown else ()):
            top, height = 1 - place / len(methods), 1 / len(methods)
            quartiles = np.quantile(found[name][:shown, place], [0.25, 0.5, 0.75])
            y = np.array([top - 0.72 * height])
            source = f"{slug(method)}_{name}"
            sources[source] = {"x": quartiles, "y": np.repeat(y, 3)}
            sources[f"{source}_median"] = {"x": quartiles[1:2], "y": y}
            sources[f"{source}_name"] = {"x": np.array([left]), "y": np.array([top - 0.28 * height])}
    readouts = {"networks": np.array([float(shown)]), "found": np.array([float(count)])}
    return {**sources, "readouts": readouts}
