"""The thread that does what is slow: the most urgent first, of each kind only the latest, and the hearing thread is free."""

import threading

import pytest

from sgtheory.pages._kit.conductor import Conductor

PATIENCE = 20.0


class Recorder:
    """A conductor of two kinds of tasks that writes down what is done; `held` keeps it busy until `let_go`."""

    def __init__(self):
        self.done, self.begun, self.may_go = [], threading.Event(), threading.Event()
        self.conductor = Conductor({"held": self._hold, "urgent": self._note("urgent"), "late": self._note("late")})

    def _note(self, kind):
        return lambda *about: self.done.append((kind, *about))

    def _hold(self):
        self.begun.set()
        assert self.may_go.wait(PATIENCE)

    def hold(self):
        self.conductor.ask("held")
        assert self.begun.wait(PATIENCE)

    def let_go(self):
        self.may_go.set()
        assert self.conductor.rest(PATIENCE)


@pytest.fixture
def recorder():
    made = Recorder()
    yield made
    made.let_go()


def test_of_many_questions_of_a_kind_the_latest_is_answered_and_the_most_urgent_first(recorder):
    recorder.hold()
    for number in range(100):
        recorder.conductor.ask("late", number)
        recorder.conductor.ask("urgent", number)
    assert recorder.done == []  # asking waits for nothing
    assert recorder.conductor.asked("late")
    recorder.let_go()
    assert recorder.done == [("urgent", 99), ("late", 99)]
    assert not recorder.conductor.asked("late", "urgent")


def test_a_question_that_has_been_begun_is_not_replaced(recorder):
    recorder.hold()
    assert not recorder.conductor.asked("held")
    recorder.conductor.ask("held")  # the second one waits, and is done too
    assert recorder.conductor.asked("held")


def test_no_thread_is_left_when_nothing_is_left_to_do(recorder):
    before = threading.active_count()
    recorder.conductor.ask("late", 1)
    assert recorder.conductor.rest(PATIENCE)
    recorder.conductor.ask("late", 2)
    assert recorder.conductor.rest(PATIENCE)
    assert recorder.done == [("late", 1), ("late", 2)]
    for thread in threading.enumerate():
        if thread.name == "sgtheory page":
            thread.join(PATIENCE)
    assert threading.active_count() <= before


def test_waiting_for_rest_has_an_end(recorder):
    recorder.hold()
    assert not recorder.conductor.rest(0.01)


def test_an_answer_that_waits_for_rest_does_not_wait_for_itself():
    answers = []
    conductor = Conductor({"ask": lambda: answers.append(conductor.rest(PATIENCE))})
    conductor.ask("ask")
    assert conductor.rest(PATIENCE)
    assert answers == [False]


def test_a_task_that_fails_is_told_and_stops_no_other():
    done, told = [], []

    def fail():
        raise RuntimeError("no such device")

    conductor = Conductor({"fail": fail, "late": lambda: done.append("late")}, told.append)
    for _ in range(2):
        conductor.ask("fail")
        conductor.ask("late")
        assert conductor.rest(PATIENCE)
    assert done == ["late", "late"]
    assert [str(error) for error in told] == ["no such device"] * 2
