"""The course: each notebook with its title, its question and its pages. README, index and web site say the same."""

from typing import NamedTuple


class Lesson(NamedTuple):
    """One notebook of the course. `pages` are the names of its interactive pages, the one with the question first."""

    notebook: str
    title: str
    question: str
    pages: tuple[str, ...]

    @property
    def number(self) -> str:
        """With which its file and its exercises begin, such as 01."""
        return self.notebook.partition("_")[0]


COURSE = (
    Lesson(
        "01_single_unit.ipynb",
        "1 · One stochastic unit",
        "Why is the surrogate gradient of one unit both the gradient of its expected output and a smoothed stochastic "
        "derivative?",
        ("single_unit", "hidden_unit"),
    ),
    Lesson(
        "02_path_tree.ipynb",
        "2 · The tree of paths",
        "Does back-propagation along sampled paths give, on average, the gradient of the average? Not beyond the last "
        "layer.",
        ("path_tree",),
    ),
    Lesson(
        "03_gradient_laboratory.ipynb",
        "3 · The gradient laboratory",
        "On one small network, beside the exact gradient: how far off is each method, how noisy is it, and what does it "
        "cost?",
        ("gradient_laboratory", "program_laboratory"),
    ),
    Lesson(
        "04_sign_flip.ipynb",
        "4 · The wrong sign",
        "Does a surrogate gradient at least point in the right direction? Not in this network of four units.",
        ("sign_flip",),
    ),
    Lesson(
        "05_loop_integral.ipynb",
        "5 · Once around",
        "Is a surrogate gradient the gradient of anything? Its integral around a closed loop says no.",
        ("loop_integral",),
    ),
    Lesson(
        "06_lif_neuron.ipynb",
        "6 · One LIF neuron",
        "A neuron resets itself whenever it fires. Should the gradient pass through the reset? The exact answer is at hand.",
        ("lif_neuron",),
    ),
    Lesson(
        "07_spike_train_matching.ipynb",
        "7 · Drawing with spikes",
        "Two networks learn to draw a picture with their spikes, one of them with noise. Is noise in the way of precision?",
        ("spike_train_matching",),
    ),
    Lesson(
        "08_classification.ipynb",
        "8 · Telling classes apart",
        "Does a network that was trained with noise work without it, and the reverse? And what in the training matters?",
        ("classification",),
    ),
    Lesson(
        "09_exact_qif.ipynb",
        "9 · One QIF neuron",
        "An input changes a little: why does the spike of a LIF neuron jump out of existence, and that of a QIF neuron slip over "
        "the end of the trial?",
        ("exact_qif",),
    ),
    Lesson(
        "10_pseudospikes.ipynb",
        "10 · Pseudospikes",
        "A spike that slips over the end of the trial would be lost to learning. What goes on behind the end, and is it smooth "
        "where a spike crosses?",
        ("pseudospikes",),
    ),
    Lesson(
        "11_learning_spike_times.ipynb",
        "11 · Learning spike times",
        "Can exact gradients teach a neuron when to spike, even one that never spikes, or a whole network of them?",
        ("learning_spike_times",),
    ),
)
PAGE_NAMES = tuple(name for lesson in COURSE for name in lesson.pages)
