"""Pages that train networks: what the reader sees is a run, moment by moment; Start makes another one."""

import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np

from sgtheory.pages._kit import DeclaredPage, Film, Progress, Sources, Text
from sgtheory.pages._kit.marks import Dots, Line, Mark, Marker, Shown

RUNS = pathlib.Path(__file__).parent / "_runs"
"""The runs that are shipped: what a page shows until the reader trains."""
MOMENT, FOLDER = "moment", "folder"
"""Names of two controls that every such page has: which moment of the run is shown, and where checkpoints are kept."""
MOMENTS = 16
"""How many moments of a run are shown, as the experiments take them; a test compares."""
STEPS = ("steps of training", "run.step")
"""The x-axis of what is drawn over the training."""
NOW = Marker("moment.step", legend="the chosen moment")
"""Where on it the chosen moment lies."""


class Run(NamedTuple):
    """A run as far as it has come: the `settings` of its start, and numbers `of` it.

    `moments`: name → array with a leading axis over moments. `whole`: name → array of the run as a whole.
    """

    settings: Mapping[str, Any]
    moments: Mapping[str, np.ndarray]
    whole: Mapping[str, np.ndarray]

    def longer(self, moment: Mapping[str, Any]) -> "Run":
        """The run with one more moment."""
        new = {name: np.asarray(values)[None] for name, values in moment.items()}
        if self.moments:
            new = {name: np.concatenate([values, new[name]]) for name, values in self.moments.items()}
        return self._replace(moments=new)

    def columns(self) -> dict[str, np.ndarray]:
        """All arrays under one name each, as a file holds them."""
        settings = np.frombuffer(json.dumps(dict(self.settings)).encode(), dtype="u1")
        parts = {"moments": self.moments, "whole": self.whole}
        return {"settings": settings} | {
            f"{part}/{name}": v for part, each in parts.items() for name, v in each.items()
        }

    @classmethod
    def of(cls, columns: Mapping[str, np.ndarray]) -> "Run":
        """The run that such arrays describe."""

        def part(name):
            return {key.partition("/")[2]: columns[key] for key in columns if key.startswith(f"{name}/")}

        return cls(json.loads(np.asarray(columns["settings"], dtype="u1").tobytes()), part("moments"), part("whole"))


class TrainingPage(DeclaredPage):
    """A page whose numbers are those of a run: the shipped one at first, then what Start makes with the controls.

    A page says which numbers there are at a moment (`training`); its marks have the addresses `moment.name` for those of the
    chosen one, `run.name` for those of all moments, and `whole.name` for what belongs to the run as a whole.
    """

    job_name = "training"
    shows: ClassVar[tuple[str, ...]] = (MOMENT, FOLDER)
    """The controls that do not belong to a run: another value of all others waits for the next Start."""

    def __init__(self) -> None:
        self.shipped = stored_run(self.name)
        self.run = self.shipped or self._untrained()
        super().__init__()

    # ---- what a page defines ----

    def begun(self, settings: Mapping[str, Any]) -> Run:
        """A run before its first moment."""
        raise NotImplementedError

    def training(
        self, settings: Mapping[str, Any], states: Any
    ) -> Iterator[tuple[int, str, Any, Mapping[str, Any] | None]]:
        """The run itself, step by step, from `states` on, unless that is None.

        Each step gives how many steps are done, a few words, the states to go on from, and the numbers of a moment or None.
        """
        raise NotImplementedError

    def comparisons(self) -> Mapping[str, np.ndarray]:
        """Numbers of other runs that are shipped with this page's, under names of their own in `whole`."""
        return {}

    def shipped_runs(self) -> Mapping[str, Run]:
        """The runs that are stored with the page, trained anew: name of a file → run."""
        self.start()
        self.job.wait(3600)
        return {self.name: self.run._replace(whole={**self.run.whole, **self.comparisons()})}

    # ---- the work ----

    def work(self, settings: Mapping[str, Any], checkpoint: Any) -> Iterator[Progress]:
        steps, folder = settings["steps"], settings[FOLDER].strip()
        run, states = checkpoint or (self.begun(self._own(settings)), None)
        if checkpoint is None:
            yield Progress(0, steps, "Compiling …")
        kept, like = None, None
        if folder:
            from sgtheory.training import Checkpoints

            like = states or next(iter(self.training(settings, None)))[2]
            kept = Checkpoints(folder, like)
        try:
            if kept is not None and states is None:
                run, states = self._found(kept.latest(like), run, settings)
            for done, text, reached, moment in self.training(settings, states):
                run = run if moment is None else run.longer(moment)
                if kept is not None and moment is not None:
                    kept.save(done, reached, run.columns())
                yield Progress(done, steps, text, checkpoint=(run, reached))
        finally:
            if kept is not None:
                kept.close()

    def _found(self, found: Any, run: Run, settings: Mapping[str, Any]) -> tuple[Run, Any]:
        """From where to go on: what was found in the folder of checkpoints, if it is of a run with these settings."""
        if found is None:
            return run, None
        states, columns = found
        earlier = Run.of(columns)
        for name, value in self._own(settings).items():
            if earlier.settings.get(name) != value:
                raise ValueError(
                    f"The folder holds a run with another {name}, {earlier.settings.get(name)} and not {value}. Name another "
                    "folder, or set the control as it was."
                )
        return earlier, states

    def _untrained(self, **changed: Any) -> Run:
        """A run that has not gone beyond its first moment: what there is to see before one was ever stored."""
        settings = {control.name: control.value for control in self.specification} | changed
        moment = next(moment for *_, moment in self.training(settings, None) if moment is not None)
        return self.begun(self._own(settings)).longer(moment)

    def progressed(self) -> None:
        if self.job.checkpoint is not None and self.job.checkpoint[0] is not self.run:
            self.run = self.job.checkpoint[0]
            self.loop.renew()

    def _own(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings that belong to a run."""
        return {name: value for name, value in settings.items() if name not in self.shows}

    # ---- numbers ----

    def compute(self, settings: Mapping[str, Any]) -> Sources:
        told = self.told_about(settings)
        if told != (self._said or "Ready."):
            self.say(told)
        return super().compute(settings)

    def as_html(self, links: Mapping[str, str] | None = None) -> str:
        """The text of a file with the run that is shown: the controls go where they stood when it began."""
        self.move({**self.settings(), **self.run.settings})
        return super().as_html(links)

    def told_about(self, settings: Mapping[str, Any]) -> str:
        """What the status line says of the run that is shown."""
        if self._own(settings) == dict(self.run.settings):
            return "Ready."
        shown = "the last run" if self.job.checkpoint else "a run that comes with this page"
        return f"Shown is {shown}. Start trains networks with these controls."

    @classmethod
    def _programs(cls) -> dict[str, tuple[str, ...]]:
        return {}

    def views(self, shown: Shown, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        chosen = np.rint(shown(f"setting.{MOMENT}")).astype(int)
        last = len(next(iter(self.run.moments.values()))) - 1
        numbers = np.minimum(chosen, last)

        def everywhere(values):
            return np.broadcast_to(np.asarray(values)[None], (len(numbers), *np.shape(values)))

        return {
            "moment": {name: _real(values[numbers]) for name, values in self.run.moments.items()},
            "run": {name: everywhere(values) for name, values in self.run.moments.items() if values.ndim == 1},
            "whole": {name: everywhere(values) for name, values in self.run.whole.items()},
        }


def _real(values: np.ndarray) -> np.ndarray:
    """Counts, which a file holds in a byte each, as numbers that can be drawn; spikes stay what they are."""
    return values if values.dtype == bool else values.astype(float)


def moment_control() -> Film:
    """The control with which a reader goes through a run."""
    last = MOMENTS - 1
    told = "A moment of the training, from before the first step to after the last"
    return Film(MOMENT, "moment", last, 0, last, 1, told, rate=4, reads="step")


def course(address: str, role: str, legend: str) -> tuple[Mark, ...]:
    """A number over the training: a line, with a dot at each moment."""
    return Line(address, role, legend, width=2), Dots(address, role, size=5)


def folder_control() -> Text:
    """The control that names a folder for checkpoints."""
    return Text(FOLDER, "keep in", "", "A folder for checkpoints, so that a killed kernel loses nothing; none if empty")


def stored_run(name: str) -> Run | None:
    """The run that is shipped with the page of this name, if there is one."""
    path = RUNS / f"{name}.npz"
    if not path.exists():
        return None
    with np.load(path) as arrays:
        return Run.of(arrays)


def write_run(name: str, run: Run) -> pathlib.Path:
    """Ships a run with the page of this name."""
    RUNS.mkdir(exist_ok=True)
    np.savez_compressed(RUNS / f"{name}.npz", **run.columns())
    return RUNS / f"{name}.npz"
