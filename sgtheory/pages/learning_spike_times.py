"""Page 11: spike times that are learnt by exact gradients, of one neuron, of a recurrent and of a silent network."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sgtheory.pages._kit import Choice, Film, Panel, Progress, Readout, Slider, in_64_bits
from sgtheory.pages._kit.marks import Dots, Interval, Level, Line, Lines, Marker, Shown
from sgtheory.pages._training import FOLDER, MOMENT, MOMENTS, Run, TrainingPage, course, folder_control, stored_run
from sgtheory.pages.learning_spike_times_tour import TOUR

TASKS = TWO, RECURRENT, SILENT, ANSWERS = "two spike times", "recurrent network", "silent network", "three answers"
WITH, WITHOUT = "with", "without"
WEIGHTS = (
    *(f"input {sender} → hidden {unit}" for unit in (1, 2) for sender in (1, 2, 3)),
    *(f"hidden {sender} → output" for sender in (1, 2)),
)
"""Of the network of the three answers, as its experiment names them; a test compares."""
TRIALS, FRAMES, EVERY = 3000, 120, 5
"""Of the course of the two spike times: how long it is, in how many steps it is played, and which part of it is drawn."""
SILENT_STEPS, RECURRENT_TRIALS = 300, 10_000
DRAWN = 24
"""Trials of the recurrent network that are drawn from one moment to the next."""
AWAY = -100.0
"""Beyond all axes: the place of what is not there."""
_END, _TRIAL_END = 10.0, 2.0
_TARGETS, _RATE = (2.5, 7.5), 0.1
_AT = Marker("now.trial", legend="the chosen trial")
_ROWS = tuple((10 - unit, f"{unit + 1}") for unit in range(10))
_COLOURS = ("blue", "orange")
_METHODS = "exact", "event_prop", "surrogate", "unclocked"


def _over_trials(name: str, title: str, y_label: str, marks: tuple[Any, ...], text: str, **more: Any) -> Panel:
    return Panel(
        name, title, x=("trials", "course.trial"), x_range=(0.0, float(TRIALS)), y_label=y_label, shown_for=("task", TWO),
        marks=(_AT, *marks), text=text, **more,
    )  # fmt: skip


def _answer(name: str, title: str, y_label: str, marks: tuple[Any, ...], text: str, **more: Any) -> Panel:
    return Panel(
        name, title, x=("the varied weight w / w₀", "answers.weight"), x_range=(0.0, 1.2), y_label=y_label,
        shown_for=("task", ANSWERS), marks=(Marker("setting.place", legend="chosen"), *marks), text=text, **more,
    )  # fmt: skip


def _of_recurrent(name: str, title: str, y_label: str, marks: tuple[Any, ...], text: str, **more: Any) -> Panel:
    return Panel(
        name, title, x=("trials + 1", "learnt.trial"), x_powers_of=10, y_label=y_label, shown_for=("task", RECURRENT),
        marks=(Marker("at.trial", legend="the chosen moment"), *marks), text=text, **more,
    )  # fmt: skip


def _of_silent(name: str, title: str, marks: tuple[Any, ...], text: str, **more: Any) -> Panel:
    return Panel(
        name, title, x=("steps of training", "run.step"), shown_for=("task", SILENT),
        marks=(Marker("moment.step", legend="the chosen moment"), *marks), text=text, **more,
    )  # fmt: skip


class LearningSpikeTimes(TrainingPage):
    """Teach a neuron when to spike; wake a network that is silent; compare three gradients of one network."""

    name = "learning_spike_times"
    title = "Learning spike times: can a gradient teach a silent neuron when to spike?"
    play = "trial"
    shows = (MOMENT, FOLDER, "task", "trial", "stage", "first", "second", "rate", "place", "varied")
    specification = (
        Choice("task", "task", TWO, TASKS, "Which of the four experiments is shown"),
        Film("trial", "frame", 0, 0, FRAMES, 1, "A moment of the 3000 trials", rate=20, reads="trials", shown_for=("task", TWO)),
        Slider("first", "target 1", _TARGETS[0], 1.0, 9.5, 0.5, "When the first spike shall come; computed when let go", "τ",
               sizes=True, tabled=False, shown_for=("task", TWO)),
        Slider("second", "target 2", _TARGETS[1], 1.0, 9.5, 0.5, "When the second spike shall come; computed when let go", "τ",
               sizes=True, tabled=False, shown_for=("task", TWO)),
        Slider("rate", "learning rate", _RATE, 0.02, 0.2, 0.02, "How large a step is; computed when let go", sizes=True,
               tabled=False, shown_for=("task", TWO)),
        Film("stage", "moment", MOMENTS - 1, 0, MOMENTS - 1, 1, "A moment of learning, from before the first trial to the last",
             rate=4, reads="recurrent_trials", shown_for=("task", RECURRENT)),
        Slider("trials", "trials", RECURRENT_TRIALS, 500, 20_000, 500, "How many trials Start learns", tabled=False,
               shown_for=("task", RECURRENT)),
        Slider("draw", "targets' seed", 0, 0, 99, 1, "Another number, other inputs and other target times", tabled=False,
               shown_for=("task", RECURRENT)),
        Film(MOMENT, "moment", MOMENTS - 1, 0, MOMENTS - 1, 1, "A moment of the training, from before the first step to the last",
             rate=4, reads="steps", shown_for=("task", SILENT)),
        Slider("steps", "training steps", SILENT_STEPS, 50, 1000, 50, "How many steps Start trains", tabled=False,
               shown_for=("task", SILENT)),
        Choice("pseudospikes", "pseudospikes", WITH, (WITH, WITHOUT), "Whether Start trains a network with pseudospikes"),
        Slider("seed", "seed", 0, 0, 99, 1, "Another seed gives other first weights, another order", tabled=False,
               shown_for=("task", SILENT)),
        folder_control(),
        Slider("place", "weight w", 0.9, 0.0, 1.2, 0.0125, "The varied weight, in units of the least one that makes a neuron "
               "spike", "w₀", shown_for=("task", ANSWERS)),
        Choice("varied", "vary", WEIGHTS[0], WEIGHTS, "Which weight of the network of the three answers is varied"),
    )  # fmt: skip
    readouts = (
        Readout("trials", "trials", of="now.trial"),
        Readout("spike_1", "spike 1, τ", of="now.spike_1"),
        Readout("spike_2", "spike 2, τ", of="now.spike_2"),
        Readout("loss", "loss", of="now.loss"),
        Readout("entry_1", "spike 1 in the trial from", of="path.entry_1", jumps=True),
        Readout("entry_2", "spike 2 in the trial from", of="path.entry_2", jumps=True),
        Readout("jump", "largest step of a spike", of="path.largest_step"),
        Readout("length", "path / straight line", of="path.ratio"),
        Readout("recurrent_trials", "trials, recurrent", of="at.trials"),
        Readout("recurrent_loss", "loss, recurrent", of="at.loss"),
        Readout("recurrent_error", "largest error, recurrent", of="at.error"),
        Readout("steps", "steps of training", of="moment.step"),
        Readout("accuracy", "accuracy, silent at first", of="moment.accuracy"),
        Readout("control", "… without pseudospikes", of="whole.control_end"),
        Readout("spoken", "answered by a spike", of="moment.spoken"),
        Readout("still_silent", "silent units, layer 2", of="moment.silent_2"),
        Readout("exact_slope", "slope, exact", of="answer.exact_slope", jumps=True),
        Readout("prop_slope", "slope, EventProp", of="answer.event_prop_slope", jumps=True),
        Readout("surrogate_slope", "slope, surrogate", of="answer.surrogate_slope", jumps=True),
        Readout("true_slope", "… the true one", of="answer.unclocked_slope", jumps=True),
        Readout("cosine", "cosine of these two", of="answer.cosine", jumps=True),
        Readout("exact_events", "events a trial, exact", of="costs.exact"),
        Readout("prop_events", "events a trial, EventProp", of="costs.event_prop"),
        Readout("surrogate_steps", "time steps, surrogate", of="costs.surrogate"),
    )
    tour = TOUR
    panels = (
        Panel(
            "neuron", "Inputs and spikes in the chosen trial", x=("time, τ", "inputs.time"), x_range=(0.0, 13.0),
            y_label="weight", y_range=(-2.0, 7.5), wide=True, height=236, shown_for=("task", TWO),
            marks=(
                Level(0.0), Marker(_END, "soft", "end of the trial", dash="dashed"),
                Marker("goal.first", "blue", "target 1"), Marker("goal.second", "orange", "target 2"),
                Interval("inputs.half", "inputs.half_size", "soft", "fixed inputs", x="inputs.time", width=2.0),
                Interval("learning.half", "learning.half_size", "green", "inputs that learn", x="learning.time", width=4.0),
                Dots("goal.height", "ink", "spikes", x="now.ordinary", size=11, marker="inverted_triangle", scales=False),
                Dots("goal.pseudo_height", "ink", "pseudospikes", x="now.pseudo", size=11, marker="inverted_triangle", hollow=True,
                     scales=False),
            ),
            text="The 22 inputs in the chosen trial, each as high as its weight, two of which learn weight and time; and the first "
            "two spikes of the neuron, at {spike_1} and {spike_2}. Behind the end of the trial, at 10, they are pseudospikes.",
        ),
        _over_trials(
            "spikes", "Both spike times", "time, τ",
            (
                *(
                    Line(f"ends.{name}", role, legend, x="ends.trial", width=1.0, dash=dash)
                    for name, role, legend, dash in (
                        ("end", "soft", "end of the trial", "dashed"), ("first", "blue", None, "dotted"),
                        ("second", "orange", None, "dotted"),
                    )
                ),
                *(Line(f"course.spike_{k}", role, dash="dashed", width=1.5) for k, role in zip((1, 2), _COLOURS, strict=True)),
                *(
                    Lines(f"inside_{k}.trial", f"inside_{k}.time", f"inside_{k}.begin", role, f"spike {k}", width=3.5, jumps=True)
                    for k, role in zip((1, 2), _COLOURS, strict=True)
                ),
                Dots("now.spike_1", "blue", x="now.trial", size=8, hollow=True),
                Dots("now.spike_2", "orange", x="now.trial", size=8, hollow=True),
            ),
            "Times of the first two spikes over the trials: dashed where they are pseudospikes, solid where ordinary. They "
            "come in at trials {entry_1} and {entry_2}, and never move by more than {jump} from one trial to the next.",
            y_range=(0.0, 13.0),
        ),
        Panel(
            "path", "The path of both spike times", x=("spike 1, τ", "course.spike_1"), x_range=(0.0, 13.0), y_label="spike 2, τ",
            y_range=(0.0, 13.0), shown_for=("task", TWO),
            marks=(
                Marker(_END, "soft", dash="dashed"), Level(_END, "soft", "end of the trial", dash="dashed"),
                Line("straight.spike_2", "soft", "straight line", x="straight.spike_1", width=1.5, dash="dotted"),
                Line("course.spike_2", "purple", "path", width=2.5),
                Dots("goal.second", "green", "target", x="goal.first", size=12, hollow=True),
                Dots("now.spike_2", "ink", "now", x="now.spike_1", size=8),
            ),
            text="The path of the two spike times while the neuron learns, in a plane, and the straight line from its begin to its "
            "end. It is {length} times as long as this line.",
        ),
        _over_trials(
            "loss", "Loss", "loss", (Line("course.loss", "purple", width=2),),
            "The mean squared distance of both spikes from their targets over the trials, on a logarithmic axis; at the chosen "
            "trial {loss}.",
            y_powers_of=10, y_range=(-31.0, 3.0),
        ),
        _over_trials(
            "weights", "What is learnt: two weights", "weight",
            tuple(Line(f"course.weight_{k}", role, f"input {k}", width=2) for k, role in ((1, "green"), (2, "purple"))),
            "The weights of the two inputs that learn, over the trials; both begin at 0.",
        ),
        _over_trials(
            "times", "What is learnt: two input times", "time, τ",
            tuple(Line(f"course.time_{k}", role, f"input {k}", width=2) for k, role in ((1, "green"), (2, "purple"))),
            "The times of the two inputs that learn, over the trials; they begin at 1 and 9.",
            y_range=(0.0, 10.0),
        ),
        Panel(
            "raster", "Spikes of ten neurons", x=("time, τ", "raster.time"), x_range=(0.0, 16.0), y_label="neuron",
            y_range=(0.2, 10.8), ticks=_ROWS, wide=True, height=260, shown_for=("task", RECURRENT),
            marks=(
                Marker(_END, "soft", "end of the trial", dash="dashed"),
                Dots("raster.row", "ink", "spikes", x="raster.time", size=6, jumps=True, scales=False),
                Dots("asked.row", "blue", "spikes that are asked for", x="asked.time", size=8, jumps=True, scales=False),
                Dots("wanted.row", "orange", "targets", x="wanted.time", size=15, hollow=True, scales=False),
            ),
            text="Spikes of ten neurons after {recurrent_trials} trials. Of the first two some are asked to come at nine target "
            "times, which are ringed; behind the end of the trial they are pseudospikes.",
        ),
        _of_recurrent(
            "trajectories", "Nine spike times", "time, τ",
            (
                Level(_END, "soft", "end of the trial", dash="dashed"),
                Lines("ways_1.trial", "ways_1.time", "ways_1.begin", "blue", "of neuron 1", width=1.8, jumps=True),
                Lines("ways_2.trial", "ways_2.time", "ways_2.begin", "green", "of neuron 2", width=1.8, jumps=True),
                Dots("wanted.time", "orange", "targets", x="wanted.trial", size=9, hollow=True, scales=False),
            ),
            "The nine spike times that have targets, over the trials; the largest error at the chosen moment is {recurrent_error}.",
            y_range=(0.0, 17.0),
        ),
        _of_recurrent(
            "recurrent_loss", "Loss", "loss", (Line("learnt.loss", "purple", width=2),),
            "The mean squared relative error of the spike times over the trials; {recurrent_loss} at the chosen moment.",
            y_powers_of=10,
        ),
        _of_silent(
            "accuracy", "Digits that are told apart",
            (
                Level(0.1, "soft", "chance", dash="dashed"),
                *course("run.accuracy", "blue", "the run shown"),
                *(
                    Line("control.accuracy", "orange", "without pseudospikes", x="control.step", width=2),
                    Dots("control.accuracy", "orange", x="control.step", size=5),
                ),
            ),
            "The part of new digits for which the right output spikes first, over the steps of training: {accuracy} at the chosen "
            "moment. Without pseudospikes it stays at {control}.",
            y_label="accuracy", y_range=(0.0, 1.02),
        ),
        _of_silent(
            "silence", "Who is silent, and who answers",
            (
                *course("run.silent_1", "green", "silent, layer 1"),
                *course("run.silent_2", "purple", "silent, layer 2"),
                *course("run.spoken", "blue", "answers that are spikes"),
            ),
            "The part of hidden units that spike for no digit, of each hidden layer, over the steps of training, and the part of "
            "digits for which an output spikes within the trial: {spoken} at the chosen moment.",
            y_label="part", y_range=(-0.02, 1.02),
        ),
        Panel(
            "outputs", "When the ten outputs spike, for ten digits", x=("time, t", "outputs.other"), x_range=(0.0, 8.0),
            y_label="the digit shown", y_range=(-0.7, 9.7), ticks=tuple((k, str(k)) for k in range(10)), height=280,
            shown_for=("task", SILENT),
            marks=(
                Marker(_TRIAL_END, "soft", "end of the trial", dash="dashed"),
                Dots("outputs.row", "soft", "other outputs", x="outputs.other", size=5, scales=False),
                Dots("outputs.right_row", "blue", "the right output", x="outputs.right", size=10, scales=False),
            ),
            text="For one sample of each digit the times at which the ten outputs first spike, the right one marked; behind the "
            "end of the trial, at 2, they are pseudospikes. Whoever is first on the left is the answer.",
        ),
        _answer(
            "answer_times", "When the output first spikes", "time, τ",
            (
                Level(4.0, "soft", "end of the trial", dash="dashed"), Level(0.9, "green", "target", dash="dotted"),
                Line("answers.exact_time", "blue", "QIF: pseudospikes behind the end", width=2.5),
                Lines("lif.weight", "lif.time", "lif.begin", "orange", "LIF: gone or there", width=2.5, jumps=True),
            ),
            "Time of the first spike of the output over the varied weight, of a network of QIF neurons, with pseudospikes behind "
            "the end of the trial, and of a network of LIF neurons, where it may be gone.",
            y_range=(0.0, 5.0),
        ),
        _answer(
            "answer_slopes", "Two exact slopes", "dL / dw",
            (
                Level(0.0), Line("answers.exact_slope", "blue", "QIF, exact", width=2.5, jumps=True),
                Line("answers.event_prop_slope", "orange", "LIF, EventProp", width=2, jumps=True),
            ),
            "Derivative of half the squared error of the spike time with respect to the varied weight: {exact_slope} for QIF "
            "neurons, {prop_slope} for LIF neurons by EventProp.",
            y_range=(-15.0, 3.0),
        ),
        _answer(
            "answer_surrogate", "A surrogate slope, and the true one", "dL / dw",
            (
                Level(0.0), Line("answers.surrogate_slope", "purple", "LIF, surrogate", width=2, jumps=True),
                Line("answers.unclocked_slope", "orange", "LIF, exact (EventProp)", width=2.5, jumps=True),
            ),
            "Derivative of the distance of van Rossum with respect to the varied weight in a network of LIF neurons: the surrogate "
            "gradient says {surrogate_slope}, the exact one {true_slope}. The cosine of both gradients is {cosine}.",
            y_range=(-5.0, 3.0),
        ),
        Panel(
            "wakes", "Learning from silence, all weights 0.3", x=("trials", "descents.trial"), y_label="output spike, τ",
            y_range=(0.0, 5.4), shown_for=("task", ANSWERS),
            marks=(
                Level(4.0, "soft", "end of the trial", dash="dashed"), Level(0.9, "green", "target", dash="dotted"),
                Line("descents.exact", "blue", "QIF, exact", width=2.5),
                Line("descents.event_prop", "orange", "LIF, EventProp (5: no spike)", width=6, jumps=True),
                Dots("descents.surrogate", "purple", "LIF, surrogate (5: no spike)", size=3, jumps=True),
            ),
            text="The first spike of the output over 300 trials of learning with each of the three gradients, from a network where "
            "nothing spikes; where there is no spike it is drawn at 5.",
        ),
    )  # fmt: skip

    # ---- the runs ----

    def __init__(self) -> None:
        self.runs = {RECURRENT: stored_run(f"{self.name}_recurrent") or self._untrained(task=RECURRENT)}
        self._working_at = SILENT
        super().__init__()
        self.runs[SILENT] = self.run

    def start(self) -> None:
        """Begins to train the network of the chosen task; what the other two show is computed at once."""
        task = self.settings()["task"]
        if task in (TWO, ANSWERS):
            self.say("There is nothing to be trained here: move a control. Start is for the two networks.")
            return
        if not self.job.running:
            self._working_at = task
        super().start()

    def progressed(self) -> None:
        if self.job.checkpoint is not None and self.job.checkpoint[0] is not self.runs[self._working_at]:
            self.runs[self._working_at] = self.job.checkpoint[0]
            self.run = self.runs[SILENT]
            self.loop.renew()

    def work(self, settings: Mapping[str, Any], checkpoint: Any) -> Iterator[Progress]:
        steps = settings["trials" if settings["task"] == RECURRENT else "steps"]
        return super().work({**settings, "steps": steps}, checkpoint)

    def _own(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        names = ("trials", "draw") if settings["task"] == RECURRENT else ("steps", "pseudospikes", "seed")
        return {name: settings[name] for name in names}

    def _untrained(self, **changed: Any) -> Run:
        return super()._untrained(**{"task": SILENT, **changed})

    def as_html(self, links: Mapping[str, str] | None = None) -> str:
        chosen = self.settings()
        if chosen["task"] in (RECURRENT, SILENT):
            self.move({**chosen, **self.runs[chosen["task"]].settings})
        return super(TrainingPage, self).as_html(links)

    def told_about(self, settings: Mapping[str, Any]) -> str:
        """What the status line says of what is shown."""
        task = settings["task"]
        if task in (TWO, ANSWERS) or self._own(settings) == dict(self.runs[task].settings):
            return "Ready."
        trained = self.job.checkpoint and self._working_at == task
        shown = "the last run" if trained else "a run that comes with this page"
        return f"Shown is {shown}. Start trains a network with these controls."

    def begun(self, settings: Mapping[str, Any]) -> Run:
        if "draw" not in settings:
            return Run(settings, {}, {})
        task = self._task(settings["draw"])
        return Run(settings, {}, {f"target_{unit}": np.asarray(each) for unit, each in enumerate(task.targets)})

    def training(
        self, settings: Mapping[str, Any], states: Any
    ) -> Iterator[tuple[int, str, Any, Mapping[str, Any] | None]]:
        return (self._recurrent if settings["task"] == RECURRENT else self._silent)(settings, states)

    def _task(self, draw: int) -> Any:
        import jax

        from sgtheory.experiments.recurrent_spike_times import draw_task

        with in_64_bits():
            return draw_task(jax.random.key(draw))

    def _recurrent(self, settings: Mapping[str, Any], states: Any) -> Iterator[Any]:
        from sgtheory.experiments.recurrent_spike_times import train_recurrent

        task, since = self._task(settings["draw"]), []
        with in_64_bits():
            found = train_recurrent(task, settings["trials"], every=100, state=states)
        reached = states
        while True:
            with in_64_bits():
                each = next(found, None)
            if each is None:
                return
            since += [each.trials] if each.trials is not None else []
            if each.look is None:
                # The trials since the last moment belong to the next one: from there it goes on after a stop.
                yield each.done, f"loss {float(each.trials.loss[-1]):.3g}", reached, None
                continue
            reached, columns = each.state, _recurrent_columns(each, since)
            since = []
            yield each.done, f"loss {float(each.look.loss):.3g}", reached, columns

    def _silent(self, settings: Mapping[str, Any], states: Any) -> Iterator[Any]:
        import jax

        from sgtheory.data import latency_digits
        from sgtheory.experiments.silent_digits import SilentSetting, train_silent

        digits = latency_digits(jax.random.key(0))
        labels = np.asarray(digits[1].labels)
        chosen = np.array([np.argmax(labels == digit) for digit in range(10)])
        setting = SilentSetting(pseudospikes=settings["pseudospikes"] == WITH, seed=settings["seed"])
        for each in train_silent(setting, digits, settings["steps"], every=10, state=states):
            text = f"accuracy {float(each.accuracy):.3g}, {float(each.spoken):.3g} of the answers are spikes"
            yield each.steps, text, each.state, _silent_columns(each, chosen)

    def shipped_runs(self) -> dict[str, Run]:
        """The runs that are stored with the page: both networks, and beside them the start of what is computed at once."""
        start = {control.name: control.value for control in self.specification}
        runs = {}
        for task in (SILENT, RECURRENT):
            self.move({**start, "task": task})
            self.start()
            self.job.wait(3600)
            runs[task] = self.runs[task]
        control = Run({}, {}, {})
        for *_, moment in self._silent({**start, "pseudospikes": WITHOUT}, None):
            control = control.longer(moment)
        whole = {f"control_{name}": control.moments[name] for name in ("step", "accuracy", "silent_1", "silent_2")}
        for part, setting in (("course", (*_TARGETS, _RATE)), ("answers", (0,)), ("descents", ())):
            whole |= {f"{part}_{name}": values for name, values in self._computed(part, *setting).items()}
        silent = runs[SILENT]._replace(whole=whole)
        return {self.name: silent, f"{self.name}_recurrent": runs[RECURRENT]}

    # ---- numbers ----

    def _kept(self, part: str) -> dict[str, np.ndarray]:
        """What is stored with the page of a part that would be computed otherwise; nothing before that."""
        whole = self.shipped.whole if self.shipped else {}
        return {name.removeprefix(f"{part}_"): values for name, values in whole.items() if name.startswith(f"{part}_")}

    def _computed(self, part: str, *setting: Any) -> dict[str, np.ndarray]:
        """A function of the experiment, which remembers what it was asked for, in 64 bits."""
        with in_64_bits():
            return getattr(self.experiment(), part)(*setting)

    def views(self, shown: Shown, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        views = dict(super().views(shown, settings))
        rows = len(shown("setting.trial"))

        def in_rows(part: Mapping[str, Any]) -> dict[str, np.ndarray]:
            return {name: np.broadcast_to(values, (rows, *np.shape(values))) for name, values in part.items()}

        control = self._kept("control") or {name: np.zeros(1) for name in ("step", "accuracy")}
        descents = self._kept("descents") or self._computed("descents")
        answers, told = self._answered(settings, shown("setting.place"))
        return {
            **views, **{name: in_rows(part) for name, part in answers.items()}, "answer": told,
            **{name: in_rows(part) for name, part in self._two(settings).items()},
            **self._at_trial(settings, np.rint(shown("setting.trial")).astype(int)),
            **{name: in_rows(part) for name, part in self._whole_recurrent().items()},
            **self._at_stage(np.rint(shown("setting.stage")).astype(int)),
            "control": in_rows(control), "descents": in_rows(descents), "outputs": _outputs(views["moment"]),
            "whole": in_rows({"control_end": control["accuracy"][-1]}),
            "costs": in_rows({name: descents[f"cost_{name}"] for name in ("exact", "event_prop", "surrogate")}),
        }  # fmt: skip

    # ---- two spike times ----

    def _learnt(self, settings: Mapping[str, Any]) -> dict[str, np.ndarray]:
        chosen = settings["first"], settings["second"], settings["rate"]
        kept = self._kept("course") if chosen == (*_TARGETS, _RATE) else {}
        return kept or self._computed("course", *chosen)

    def _two(self, settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        learnt = self._learnt(settings)
        from_to = {f"spike_{k}": learnt[f"spike_{k}"][[0, -1]] for k in (1, 2)}
        goal = {
            "first": settings["first"],
            "second": settings["second"],
            "height": np.full(2, 6.6),
            "pseudo_height": np.full(2, 6.6),
        }
        names = ("trial", "loss", *(f"{what}_{k}" for what in ("spike", "weight", "time") for k in (1, 2)))
        ends = {
            "trial": np.array([0.0, TRIALS]),
            "end": np.full(2, _END),
        }  # longer than the lines that go across any axis
        ends |= {name: np.full(2, settings[name]) for name in ("first", "second")}
        path = {name: learnt[name] for name in ("entry_1", "entry_2", "largest_step", "ratio")}
        inputs = {name: learnt[f"fixed_{name}"] for name in ("time", "half", "half_size")}
        return {
            "course": {name: learnt[name] for name in names}, "straight": from_to, "goal": goal, "ends": ends,
            "path": path, "inputs": inputs,
            **{f"inside_{k}": _inside(learnt["trial"], learnt[f"spike_{k}"]) for k in (1, 2)},
        }  # fmt: skip

    def _at_trial(self, settings: Mapping[str, Any], frames: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
        learnt = self._learnt(settings)
        at = np.minimum(frames * (TRIALS // FRAMES // EVERY), len(learnt["trial"]) - 1)
        spikes, weights, times = (
            np.stack([learnt[f"{what}_{k}"][at] for k in (1, 2)], axis=1) for what in ("spike", "weight", "time")
        )
        now = {
            "trial": learnt["trial"][at], "loss": 10 ** learnt["loss"][at], "spike_1": spikes[:, 0], "spike_2": spikes[:, 1],
            "ordinary": np.where(spikes <= _END, spikes, AWAY), "pseudo": np.where(spikes > _END, spikes, AWAY),
        }  # fmt: skip
        return {"now": now, "learning": {"time": times, "half": weights / 2, "half_size": abs(weights) / 2}}

    # ---- the recurrent network ----

    def _whole_recurrent(self) -> dict[str, dict[str, Any]]:
        run = self.runs[RECURRENT]
        trial = np.log10(1 + run.moments["trial"].ravel())
        spikes = run.moments["spikes"].reshape(-1, run.moments["spikes"].shape[-1])
        targets = [run.whole["target_0"], run.whole["target_1"]]
        wanted = {
            "time": np.concatenate(targets), "row": np.repeat([10.0, 9.0], [each.size for each in targets]),
            "trial": np.full(sum(each.size for each in targets), trial[-1]),
        }  # fmt: skip
        first = targets[0].size + 1  # the spike behind them is asked to stay away
        ways = spikes[:, : first - 1], spikes[:, first:-1]
        return {
            "learnt": {"trial": trial, "loss": run.moments["losses"].ravel()}, "wanted": wanted,
            **{f"ways_{k}": _many(trial, np.minimum(each, 50.0)) for k, each in zip((1, 2), ways, strict=True)},
        }  # fmt: skip

    def _at_stage(self, stages: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
        run = self.runs[RECURRENT]
        at = np.minimum(stages, len(run.moments["step"]) - 1)
        raster = run.moments["raster"][at].astype(float)
        rows = np.broadcast_to(10.0 - np.arange(10)[:, None], raster.shape[1:])
        targets = [run.whole["target_0"], run.whole["target_1"]]
        kept = np.arange(sum(each.size for each in targets)) + np.repeat([0, 1], [each.size for each in targets])
        spikes = run.moments["asked"][at].astype(float)[:, kept]  # without those that are asked to stay away
        which = np.repeat([10.0, 9.0], [each.size for each in targets])
        return {
            "raster": {"time": raster.reshape(len(at), -1), "row": np.broadcast_to(rows.ravel(), (len(at), rows.size))},
            "asked": {"time": np.minimum(spikes, 50.0), "row": np.broadcast_to(which, spikes.shape)},
            "at": {
                "trials": run.moments["step"][at], "trial": np.log10(1 + run.moments["step"][at]), "loss": run.moments["value"][at],
                "error": np.max(abs(spikes - np.concatenate(targets)), axis=1),
            },
        }  # fmt: skip

    # ---- three answers ----

    def _answered(
        self, settings: Mapping[str, Any], places: np.ndarray
    ) -> tuple[dict[str, dict[str, Any]], dict[str, np.ndarray]]:
        """All answers over the varied weight, and those at the places that are chosen."""
        varied = WEIGHTS.index(settings["varied"])
        found = (self._kept("answers") if varied == 0 else {}) or self._computed("answers", varied)
        at = np.rint(places / 1.2 * (found["weight"].size - 1)).astype(int)
        names = ("weight", "exact_time", "exact_slope", "event_prop_slope", "surrogate_slope", "unclocked_slope")
        lif = _inside(
            found["weight"], np.where(found["event_prop_time"] == AWAY, 50.0, found["event_prop_time"]), most=4.0
        )
        told = {name: found[name][at] for name in (*(f"{method}_slope" for method in _METHODS), "cosine")}
        return {"answers": {name: found[name] for name in names}, "lif": {**lif, "weight": lif["trial"]}}, told


def _inside(trial: np.ndarray, spike: np.ndarray, most: float = _END) -> dict[str, np.ndarray]:
    """The pieces of a curve in which a spike is an ordinary one, one behind the other."""
    inside = np.concatenate([[False], spike <= most, [False]])
    turns = np.flatnonzero(inside[1:] != inside[:-1])
    if not turns.size:
        return {"trial": np.full(2, AWAY), "time": np.full(2, AWAY), "begin": np.array([0, 2])}
    pieces = [np.arange(*each) for each in turns.reshape(-1, 2)]
    kept = np.concatenate(pieces)
    begin = np.concatenate([[0], np.cumsum([each.size for each in pieces])])
    return {"trial": trial[kept], "time": spike[kept], "begin": begin}


def _many(trial: np.ndarray, curves: np.ndarray) -> dict[str, np.ndarray]:
    """Columns as curves, one behind the other."""
    number = curves.shape[1]
    return {
        "trial": np.tile(trial, number), "time": curves.T.ravel().astype(float),
        "begin": len(trial) * np.arange(number + 1),
    }  # fmt: skip


def _outputs(moment: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    digits = np.arange(10.0)
    rows = len(moment["right"])
    return {
        "right": moment["right"], "right_row": np.broadcast_to(digits, (rows, 10)),
        "other": moment["other"].reshape(rows, -1), "row": np.broadcast_to(np.repeat(digits, 9), (rows, 90)),
    }  # fmt: skip


def _recurrent_columns(found: Any, since: list[Any]) -> dict[str, Any]:
    """The numbers of a moment: what the network does, and some of the trials since the last moment."""
    look = found.look
    loss = np.concatenate([each.loss for each in since] or [np.asarray(look.loss)[None]])
    spikes = np.concatenate([each.spikes for each in since] or [np.asarray(look.spikes)[None]])
    begin = found.done - len(loss) if since else 0
    kept = np.rint(np.linspace(0, len(loss) - 1, DRAWN)).astype(int)
    times = np.asarray(found.look.times)
    return {
        "step": float(found.done), "value": float(found.look.loss), "trial": (begin + kept).astype("f4"),
        "losses": np.log10(loss[kept]).astype("f4"), "spikes": np.minimum(spikes[kept], 100.0).astype("f4"),
        "asked": np.asarray(found.look.spikes, "f4"), "raster": np.where(np.isfinite(times), times, AWAY).astype("f4"),
    }  # fmt: skip


def _silent_columns(found: Any, chosen: np.ndarray) -> dict[str, Any]:
    """The numbers of a moment, and of one sample of each digit the first spikes of all outputs."""
    times = np.where(np.isfinite(found.times[chosen]), found.times[chosen], AWAY)
    digits = np.arange(10)
    return {
        "step": float(found.steps), "accuracy": float(found.accuracy), "known": float(found.known), "spoken": float(found.spoken),
        "silent_1": float(found.silent[0]), "silent_2": float(found.silent[1]),
        "right": times[digits, digits].astype("f4"), "other": times[digits[:, None] != digits].reshape(10, 9).astype("f4"),
    }  # fmt: skip
