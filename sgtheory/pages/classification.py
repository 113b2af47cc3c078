"""Page 08: deep spiking networks tell classes apart, trained with noise and without, tested with it and without."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from sgtheory.pages._kit import Choice, Panel, Readout, ReadoutTable, Several, Slider
from sgtheory.pages._kit.marks import Bars, HeatMap, Interval, Level, Line, Mark, Raster, Shown
from sgtheory.pages._laboratory import DASHES, slug
from sgtheory.pages._training import (
    FOLDER,
    MOMENT,
    NOW,
    STEPS,
    Run,
    TrainingPage,
    course,
    folder_control,
    moment_control,
)
from sgtheory.pages.classification_tour import TOUR

ARMS = {
    "noise, matched": ("blue", "circle"),
    "noise, SuperSpike": ("green", "circle"),
    "no noise": ("orange", "circle"),
    "through the reset": ("green", "triangle"),
    "unscaled": ("purple", "circle"),
    "unscaled, through": ("purple", "triangle"),
}
"""Ways to train, those of the experiment, and how each is drawn: colour and marker."""
MANIFOLDS, SPOKEN = "random manifolds", "spoken digits"
TRIALS = 10
_NUMBERED = tuple((k, str(k)) for k in range(20))  # of the data with most classes
_COSINES = ("one_path", "noiseless_path", "one_path_error", "noiseless_path_error")
_TOLD = (
    ("with", "right, tested with noise"), ("without", "tested without"), ("loss", "loss"), ("first", "Fano factor, layer 1"),
    ("last", "last layer"),
)  # fmt: skip


def _each(curve: Callable[[str, str, str, str], tuple[Mark, ...]]) -> tuple[Mark, ...]:
    return tuple(mark for arm, (role, marker) in ARMS.items() for mark in curve(arm, slug(arm), role, marker))


def _curves(field: str) -> tuple[Mark, ...]:
    """A curve for each way to train."""
    return _each(
        lambda arm, source, role, marker: (
            Line(f"{source}.{field}", role, arm, x=f"{source}.step", dash=DASHES[marker], width=2),
        )
    )


class Classification(TrainingPage):
    """Train deep spiking networks in up to six ways, side by side; test them with noise and without."""

    name = "classification"
    title = "Telling classes apart: trained with noise, tested without"
    play = "moment"
    specification = (
        moment_control(),
        Choice("network", "look at", "noise, SuperSpike", tuple(ARMS), "The network whose answers and spikes are shown"),
        Several(
            "arms", "train", "; ".join(ARMS), tuple(ARMS), "Ways to train, side by side from the same weights: fewer are faster",
            tuple(ARMS.values()), len(ARMS),
        ),
        Slider("steps", "training steps", 600, 50, 3000, 50, "How many steps Start trains", tabled=False),
        Choice("data", "data", MANIFOLDS, (MANIFOLDS, SPOKEN), "What is told apart; spoken digits if they are on this computer"),
        Slider("smoothness", "smoothness", 1.0, 0.6, 3.0, 0.1, "Of the random manifolds: smoother ones are easier", tabled=False),
        Slider("steepness", "steepness β", 10.0, 2.0, 40.0, 1.0, "Steepness of the escape noise", tabled=False),
        Slider("rate", "learning rate", 1e-2, 1e-4, 1e-1, 0.1, "Of the optimiser Adam", tabled=False, base=10),
        Slider("seed", "seed", 0, 0, 99, 1, "Another seed gives other first weights and other noise", tabled=False),
        folder_control(),
    )  # fmt: skip
    shows: ClassVar = (MOMENT, FOLDER, "network")
    readouts = (
        Readout("step", "steps of training", of="moment.step"),
        Readout("with", "right, tested with noise", of="look.with"),
        Readout("without", "right, tested without", of="look.without"),
        Readout("fano", "Fano factor, last layer", of="look.fano"),
        Readout("one_path", "cosine of one path", of="look.one_path"),
        Readout("one_path_error", "… its standard error", of="look.one_path_error"),
        Readout("noiseless_path", "cosine of the noiseless path", of="look.noiseless_path"),
        Readout("noiseless_path_error", "… its standard error", of="look.noiseless_path_error"),
    )
    table = ReadoutTable(
        "The trained networks at this moment", tuple((slug(arm), arm, *mark) for arm, mark in ARMS.items()), _TOLD
    )
    tour = TOUR
    panels = (
        Panel(
            "accuracy", "Right answers, tested as trained", x=STEPS, y_label="share right", y_range=(0.0, 1.02),
            marks=(NOW, Level("look.chance", "ink", "by chance", width=1.5, dash="dashed"), *_curves("own")),
            text="Share of new samples that each network gets right, tested as it was trained, over the steps of training. The one "
            "that is looked at has {with} with noise and {without} without.",
        ),
        Panel(
            "loss", "Loss", x=STEPS, y_label="cross entropy", y_range="look.loss_ends", marks=(NOW, *_curves("losses")),
            text="Loss of the last steps before each moment, for each network, over the steps of training.",
        ),
        Panel(
            "tests", "Trained in one way, tested in another", x=("network", "places()"), y_label="share right",
            x_range=(0.4, 6.6), y_range=(0.0, 1.02), wide=True,
            x_ticks=tuple((k, arm.replace(" ", "\n", 1)) for k, arm in enumerate(ARMS, 1)),  # in two lines, for narrow windows
            marks=(
                *(
                    Bars(f"tests.{slug(arm)}_{name}", role, f"tested {name}{noise}", aside=place + aside, width=0.3)
                    for place, arm in enumerate(ARMS)
                    for name, noise, role, aside in (("with", " noise", "blue", -0.16), ("without", "", "orange", 0.16))
                ),
            ),
            text="Share of new samples that each network gets right after {step} steps of training, tested with escape noise and "
            "without. Of the network that is looked at: {with} and {without}.",
        ),
        Panel(
            "confusion", "Which class is taken for which", x=("class that is answered", "classes()"),
            y_label="class of the sample", y_range="look.classes", x_range="look.classes", ticks=_NUMBERED, x_ticks=_NUMBERED,
            equal=True,
            marks=(HeatMap("look.confusion", "classes()", "blue 33", low=0.0),),
            text="For each class of samples, a row, the share of each answer by the network that is looked at. Right answers lie "
            "on the diagonal.",
        ),
        Panel(
            "spikes", "One sample: its spikes, and those of the layers", x=("time, share of the trial", "shares()"),
            x_range=(0.0, 1.0), y_range=(0.0, 1.0), ticks=((0.15, "last layer"), (0.5, "layer 1"), (0.85, "sample")), height=300,
            marks=(
                Raster("look.last", "blue", 0.0, 0.31), Raster("look.first", "green", 0.345, 0.655),
                Raster("whole.sample", "ink", 0.69, 1.0),
            ),
            text="Spikes of one sample, at the top, and in one trial those of the first and of the last layer of the network that "
            "is looked at, tested as it was trained.",
        ),
        Panel(
            "trials", "The same sample, ten trials with noise", x=("time, share of the trial", "shares()"), x_range=(0.0, 1.0),
            y_label="lead of the right class",
            marks=(
                Level(0.0),
                *(
                    Line(f"look.trial_{k}", "blue", None if k else "one trial", x="look.time", width=1, alpha=0.7, jumps=True)
                    for k in range(TRIALS)
                ),
            ),
            text="The highest potential so far of the right class less the highest so far of all others, in ten trials with noise "
            "of the same sample. The answer is the class with the highest potential of the whole trial: a curve that ends above "
            "zero is a right answer.",
        ),
        Panel(
            "fano", "Fano factor over ten trials", x=STEPS, y_label="variance / mean", y_range="look.fano_ends",
            marks=(
                NOW, *course("look.fano_first", "green", "layer 1"), *course("look.fano_last", "blue", "last layer"),
            ),
            text="Fano factor over ten trials of one sample, of the spikes in a sliding window of ten steps, in the first and in "
            "the last layer of the network that is looked at.",
        ),
        Panel(
            "paths", "One path for all: cosine with the mean gradient", x=STEPS, y_label="cosine", y_range=(-1.05, 1.05),
            marks=(
                NOW, Level(0.0),
                *(
                    Interval(f"look.{name}s", f"look.{name}_errors", role, x=STEPS[1])
                    for name, role in (("one_path", "blue"), ("noiseless_path", "orange"))
                ),
                *course("look.one_paths", "blue", "along one sampled path"),
                *course("look.noiseless_paths", "orange", "along the path without noise"),
            ),
            text="Cosine with the mean gradient over many sampled paths, at the same weights: {one_path} ± {one_path_error} of the "
            "gradient along one sampled path, {noiseless_path} ± {noiseless_path_error} of that along the only path that a network "
            "without noise takes. Vertical lines are one standard error up and down, over the samples and the noise of the batch.",
        ),
    )  # fmt: skip

    def refusals(self, settings: Mapping[str, Any]) -> dict[str, str]:
        if settings["data"] != SPOKEN:
            return {}
        from sgtheory.data import DataError, spoken_digits_file

        try:  # only whether they are there: to read them takes long, and is part of the training
            for part in ("train", "test"):
                spoken_digits_file(part=part)
        except DataError as error:
            return {"data": str(error)}
        return {}

    # ---- training ----

    def begun(self, settings: Mapping[str, Any]) -> Run:
        sample = self.experiment().first_sample(settings["data"], settings["smoothness"])
        return Run(settings, {}, {"sample": sample[::-1]})

    def training(
        self, settings: Mapping[str, Any], states: Any
    ) -> Iterator[tuple[int, str, Any, Mapping[str, Any] | None]]:
        experiment, text, recent = self.experiment(), "Compiling …", {}
        arms = tuple(settings["arms"].split("; "))
        setting = experiment.ClassificationSetting(
            arms=arms, data=settings["data"], smoothness=settings["smoothness"], steepness=settings["steepness"],
            learning_rate=settings["rate"], seed=settings["seed"],
        )  # fmt: skip
        for found in experiment.train_classifiers(setting, settings["steps"], states=states):
            for arm, values in found.loss.items():
                recent[arm] = np.concatenate([recent.get(arm, values[:0]), values])[-10:]
            if found.looks is not None:
                right = {arm: each.accuracy[_own(arm)] for arm, each in found.looks.items()}
                text = "right: " + ", ".join(f"{100 * share:.0f} % {arm}" for arm, share in right.items())
            yield found.done, text, found.states, found.looks and _columns(found.done, found.looks, recent)

    # ---- numbers ----

    def views(self, shown: Shown, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        views = dict(super().views(shown, settings))
        moment, rows = views["moment"], len(shown(f"setting.{MOMENT}"))
        trained = self.run.settings["arms"].split("; ")
        looked = settings["network"] if settings["network"] in trained else trained[0]

        def curve(arm, field):
            values = np.asarray(self.run.moments[f"{slug(arm)}/{field}"], dtype=float)
            return np.broadcast_to(values[None], (rows, len(values)))

        def of(arm):
            if arm not in trained:  # neither drawn nor told
                return dict.fromkeys(("step", "own", "losses", *(field for field, _ in _TOLD)), np.zeros((rows, 0)))
            told = {field: moment[f"{slug(arm)}/{field}"] for field, _ in _TOLD}
            return {"step": views["run"]["step"], "own": curve(arm, _own(arm)), "losses": curve(arm, "loss"), **told}

        leads = moment[f"{slug(looked)}/leads"]
        time = (np.arange(leads.shape[-1]) + 0.5) / leads.shape[-1]
        nothing = np.zeros((rows, 1))
        confusion = moment[f"{slug(looked)}/confusion"]
        classes = confusion.shape[-1]
        room = len(_NUMBERED) - classes  # beyond the ends of the axes
        highest = max(1.05, *(np.max(curve(looked, layer)) for layer in ("first", "last")))

        def ends(low, high):
            return np.broadcast_to([low, high], (rows, 2))

        return views | {slug(arm): of(arm) for arm in ARMS} | {
            "look": {
                **{name.partition("/")[2]: values for name, values in moment.items() if name.startswith(f"{slug(looked)}/")},
                **{f"{name}s": curve(looked, name) for name in _COSINES},
                "confusion": np.pad(confusion, ((0, 0), (0, room), (0, room))),
                "classes": ends(-0.5, classes - 0.5), "chance": np.full(rows, 1 / classes),
                "loss_ends": ends(0.0, 1.13 * np.log(classes)), "fano_ends": ends(0.0, 1.05 * highest),
                "fano": moment[f"{slug(looked)}/last"], "fano_first": curve(looked, "first"), "fano_last": curve(looked, "last"),
                "first": moment[f"{slug(looked)}/spikes_first"], "last": moment[f"{slug(looked)}/spikes_last"],
                "time": np.broadcast_to(time, (rows, time.size)),
                **{f"trial_{k}": leads[:, k] for k in range(TRIALS)},
            },
            "tests": {
                f"{slug(arm)}_{name}": moment[f"{slug(arm)}/{name}"][:, None] if arm in trained else nothing
                for arm in ARMS for name in ("with", "without")
            },
        }  # fmt: skip

    def told_about(self, settings: Mapping[str, Any]) -> str:
        trained = self.run.settings["arms"].split("; ")
        if settings["network"] in trained:
            return super().told_about(settings)
        return f"“{settings['network']}” is not in this run: shown is “{trained[0]}”. Tick it, and press Start."


def _own(arm: str) -> str:
    """Which test is the one as it was trained."""
    return "without" if arm == "no noise" else "with"


def _columns(step: int, looks: Mapping[str, Any], losses: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The numbers of a moment, all networks side by side."""
    columns: dict[str, Any] = {"step": float(step)}
    for arm, look in looks.items():
        told = {
            **look.accuracy, "loss": np.mean(losses.get(arm, np.log(len(look.confusion)))), "confusion": look.confusion,
            "first": look.fano[0], "last": look.fano[-1], "leads": look.leads.astype("f4"),
            "one_path": look.one_path, "noiseless_path": look.noiseless_path,
            "one_path_error": look.one_path_error, "noiseless_path_error": look.noiseless_path_error,
            "spikes_first": look.spikes[0], "spikes_last": look.spikes[-1],
        }  # fmt: skip
        columns |= {f"{slug(arm)}/{name}": values for name, values in told.items()}
    return columns
