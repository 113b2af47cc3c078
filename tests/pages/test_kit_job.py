"""Long work in a thread of its own: it reports, stops, resumes and fails in words, and its history is drawn in few points."""

import threading

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from sgtheory.pages._kit.growth import gained
from sgtheory.pages._kit.job import EVERY, History, Job, Progress

LOSS = {"loss": ("step", "value")}


class Worker:
    """Counts to ten, waiting for leave at each step."""

    def __init__(self, fails_at=None):
        self.leave, self.fails_at, self.began = threading.Semaphore(0), fails_at, []
        self.reports = []
        self.job = Job(self.work, LOSS, stepped=lambda: None, hear=lambda: self.reports.append(self.job.report()))

    def work(self, settings, checkpoint):
        self.began.append((dict(settings), checkpoint))
        for step in range((checkpoint or 0) + 1, 11):
            assert self.leave.acquire(timeout=60)
            if step == self.fails_at:
                raise ArithmeticError("the loss is not finite")
            yield Progress(
                step, 10, f"step {step}", points={"loss": {"step": step, "value": 1 / step}}, checkpoint=step
            )

    def lets(self, steps):
        for _ in range(steps):
            self.leave.release()


def test_work_runs_to_its_end_and_leaves_its_history():
    worker = Worker()
    worker.lets(10)
    worker.job.start({"rate": 0.5})
    worker.job.wait(60)
    assert worker.began == [({"rate": 0.5}, None)]
    assert worker.job.histories["loss"].columns["value"].tolist() == [1 / k for k in range(1, 11)]
    last = worker.reports[-1]
    assert (last["state"], last["done"], last["text"], last["resumable"], last["left"]) == (
        "finished",
        10,
        "step 10",
        False,
        None,
    )
    assert worker.reports[0]["state"] == "running"


def test_work_that_is_stopped_goes_on_where_it_was():
    worker = Worker()
    worker.job.start({"rate": 0.5})
    assert worker.job.running
    worker.job.start({"rate": 9.0})  # it is at work already
    worker.job.resume()
    worker.job.stop()
    worker.lets(1)
    worker.job.wait(60)
    assert (worker.job.state, worker.job.progress.done, worker.job.resumable) == ("stopped", 1, True)
    worker.lets(9)
    worker.job.resume()
    worker.job.wait(60)
    assert worker.began == [({"rate": 0.5}, None), ({"rate": 0.5}, 1)]
    assert worker.job.histories["loss"].columns["step"].tolist() == list(range(1, 11))
    worker.lets(10)
    worker.job.start({"rate": 1.0})
    worker.job.wait(60)
    assert worker.job.histories["loss"].columns["step"].tolist() == list(range(1, 11))


def test_an_error_is_told_and_the_last_checkpoint_stays():
    worker = Worker(fails_at=3)
    worker.lets(3)
    worker.job.start({})
    worker.job.wait(60)
    report = worker.job.report()
    assert (report["state"], report["done"], report["resumable"]) == ("failed", 2, True)
    assert report["text"] == "It ended with an error: the loss is not finite"
    worker.fails_at = None
    worker.lets(8)
    worker.job.resume()
    worker.job.wait(60)
    assert worker.job.state == "finished"


def test_reports_are_few_however_many_steps():
    job, heard = None, []

    def work(_settings, _checkpoint):
        for step in range(20_000):
            yield Progress(step + 1, 20_000)

    job = Job(work, {}, stepped=lambda: None, hear=lambda: heard.append(job.report()["done"]))
    job.start({})
    job.wait(60)
    assert heard[-1] == 20_000
    assert len(heard) < 200


def test_what_is_not_said_at_once_is_said_soon_after():
    worker = Worker()
    worker.job.start({})
    worker.lets(2)
    enough = threading.Event()
    for _ in range(100):
        if worker.reports and worker.reports[-1]["done"] == 2:
            break
        enough.wait(EVERY)
    assert worker.reports[-1]["done"] == 2  # though the third step never comes
    worker.job.stop()
    worker.lets(1)
    worker.job.wait(60)


@pytest.mark.parametrize(
    ("points", "sentence"),
    [
        ({"step": 1}, "columns step, value"),
        ({"step": [1, 2], "value": [1.0]}, "of one length"),
        ({"step": 1, "value": np.nan}, "`value` of a history must be finite"),
    ],
)
def test_points_that_cannot_be_drawn_are_refused(points, sentence):
    with pytest.raises(ValueError, match=sentence):
        History(("step", "value")).append(points)


@hypothesis.settings(deadline=None, derandomize=True, max_examples=40)
@hypothesis.given(st.integers(0, 20_000), st.integers(0, 2**31 - 1))
def test_few_points_of_a_long_history_keep_every_peak(count, seed):
    history = History(("step", "train", "test"))
    values = np.random.default_rng(seed).standard_normal((2, count))
    history.append({"step": np.arange(count), "train": values[0], "test": values[1]})
    drawn = history.drawn(200)
    assert len(drawn["step"]) == min(count, len(drawn["step"])) <= 200
    np.testing.assert_array_equal(drawn["train"], values[0][drawn["step"].astype(int)])
    if count:
        for name, row in zip(("train", "test"), values, strict=True):
            assert drawn[name].max() == row.max()
            assert drawn[name].min() == row.min()
        assert drawn["step"][-1] == count - 1


def test_a_growing_history_is_sent_piece_by_piece():
    history, sent, seen = History(("x", "y")), {}, np.zeros(0)
    sizes, dice = [], np.random.default_rng(0)
    for _ in range(300):
        history.append({"x": np.arange(10) + len(history.columns["x"]), "y": dice.standard_normal(10)})
        kept, new = gained(sent, {"loss": history.drawn(400)})
        seen = np.concatenate([seen[: kept["loss"]], new["loss"]["y"]])
        sent = {"loss": history.drawn(400)}
        np.testing.assert_array_equal(seen, sent["loss"]["y"])
        sizes.append(len(new["loss"]["y"]))
    assert np.median(sizes) < 40
    assert gained(sent, sent) == ({}, {})
