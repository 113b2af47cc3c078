"""The tour of page 09: how spikes come and go, in a LIF neuron and in a QIF neuron, one question at a time."""

from sgtheory.pages._kit import Choose, Number, Step

_ONE_SPIKE = tuple(f"qif_times/qif.curves.times.{k}" for k in (1, 2, 3))
_ONE_LIF_SPIKE = tuple(f"lif_times/lif.curves.times.{k}" for k in (1, 2, 3))
_ONE_SLOPE = tuple(f"qif_slopes/qif.curves.slopes.{k}" for k in (1, 2, 3))
_ONE_LIF_SLOPE = tuple(f"lif_slopes/lif.curves.slopes.{k}" for k in (1, 2, 3))
_NO_TIME = ("lif_trace/setting.time",)

TOUR = (
    Step(
        "A spike at a threshold",
        """A *LIF* neuron leaks and integrates: its *potential* $V$ follows a *current* $I$, which decays twice as fast.

        $$τ \\frac{dV}{dt} = −V + I \\text{,} \\quad \\frac{τ}{2} \\frac{dI}{dt} = −I$$

        An input raises $I$ by its *weight* $w$. At the *threshold* $V = 1$ the neuron spikes, and $V$ goes to 0. All times are in
        units of $τ$, say 10 ms.

        One input comes at 0.5. If it is too weak, $V$ turns back below threshold. The weight that just suffices is called
        $w_0$; here it is 4. The sliders count weights in units of it: $w$ is now {setting.weight} $w_0$.""",
        panels=("lif_trace",),
        controls=("weight",),
        try_="[0.95](weight=0.95) is too weak, [1.15](weight=1.15) is enough, [1.5](weight=1.5) brings an earlier spike. "
        "[Back](weight=1.15) to 1.15.",
    ),
    Step(
        "Where does the spike go?",
        """Take a little weight away, again and again. The spike of the LIF neuron comes later and later. Below $w_0$ there is
        none; the *trial* ends at $T = 3$.""",
        panels=("lif_times", "lif_trace"),
        controls=("weight",),
        without=_ONE_LIF_SPIKE,
        ask=Choose(
            "Just before it is lost, when does the spike come?",
            ("At the end of the trial", "In the middle of the trial, and then it is gone", "Ever later, without bound"),
            1,
            (
                "The input decays. When is the potential at its highest?",
                "",
                "The input decays. When is the potential at its highest?",
            ),
            """The potential is highest $\\text{ln} 2$ after the input, at 1.193. A weaker input lets it turn back there, however
            little is lacking. So the [spike time](light:lif_times/lif.curves.times.0) ends in mid-air. Whatever the spike did
            further on in a network, it does no longer: the network's output jumps.""",
            reveals=("lif_times",),
        ),
        try_="[Let the weight move](play:weight), or step from [1.05](weight=1.05) to [0.95](weight=0.95).",
    ),
    Step(
        "The slope at the edge",
        """Learning needs the *slope* $dt/dw$: how much earlier the spike comes per unit of weight. At the chosen weight it is
        {lif_slope}. It counts $w$ itself, of which $w_0$ is 4 units. So the plot above, over $w/w_0$, looks four times as steep.
        Read the curve from right to left: $w$ falls to $w_0$.""",
        panels=("lif_slopes", "lif_times"),
        controls=("weight",),
        without=(*_ONE_LIF_SPIKE, *_ONE_LIF_SLOPE),
        ask=Choose(
            "As the spike is about to be lost, its slope goes to",
            ("0", "a finite number below 0", "minus infinity"),
            2,
            (
                "How flat is the potential where it just touches the threshold?",
                "How flat is the potential where it just touches the threshold?",
                "",
            ),
            """The slope is proportional to 1 over $dV/dt$ at threshold, and there the potential is flat. A hundred times closer
            to $w_0$ it is ten times larger. Below $w_0$ there is no spike, so no slope; a loss that leaves out missing spikes
            has the gradient 0. A gradient that explodes, then vanishes, and says nothing of the jump between.""",
            reveals=("lif_slopes",),
        ),
        try_="Compare the slope at [1.5](weight=1.5), [1.15](weight=1.15) and [1.05](weight=1.05).",
    ),
    Step(
        "A neuron that makes its own spike",
        """A *quadratic integrate-and-fire neuron*, QIF, has no threshold that somebody has set:

        $$1: τ \\frac{dV}{dt} = V (V − 1) + I$$

        with the same current. Without input it rests at 0. Beyond the [unstable rest](light:qif_trace/ends.qif_level) at 1 the
        square takes over: $V$ runs to infinity by itself, in finite time. This is the spike. Then $V$ starts again from minus
        infinity.

        Its $w_0$ is $π^2/4$; now $w$ is {setting.weight} $w_0$, and the spike comes at {qif_first}.""",
        panels=("qif_trace",),
        controls=("weight",),
        try_="[1.5](weight=1.5): at 2.196. [1.15](weight=1.15): at 3.196. [0.95](weight=0.95): none. The weaker the input, the "
        "longer the neuron lingers at the unstable rest.",
    ),
    Step(
        "Infinity is only a point",
        """Nothing happens to the neuron at infinity. Bend the line of all potentials into a circle: plus and minus infinity
        become one point. A place on the circle is the *phase*

        $$φ = \\frac{1}{π} \\text{arctan} \\frac{V}{π} + \\frac{1}{2}$$

        from 0 just after a spike to 1 at the next one.""",
        panels=("qif_trace",),
        controls=("weight",),
        set={"show": "phase φ"},
        ask=Choose(
            "How fast does the phase reach 1, where the potential is infinite?",
            ("Infinitely fast", "Ever more slowly", "At the same finite rate for every input"),
            2,
            (
                "Put $V = −π / \\text{tan}(πφ)$ into Eq. 1. For large $V$ only $V^2$ is left.",
                "Put $V = −π / \\text{tan}(πφ)$ into Eq. 1. For large $V$ only $V^2$ is left.",
                "",
            ),
            """At the spike $dφ/dt = 1/τ$, whatever the current. That is why nothing is divided by zero: a QIF neuron never grazes
            its threshold. On the circle the reset is no event at all, and from one input to the next the neuron is
            multiplied by a matrix with two rows (derived; Eq. 5 of Klos and Memmesheimer 2025 is the same in one piece).""",
            reveals=("qif_trace",),
        ),
        try_="Compare how steeply the phase comes to 1 for [1.1](weight=1.1), [1.5](weight=1.5) and [3](weight=3). "
        "[Back](weight=1.15) to 1.15.",
    ),
    Step(
        "Where does this spike go?",
        """Again less and less weight, now for the QIF neuron. Its trial ends at $T = 4$. In a trial without end, $w_0$ would
        just be enough.""",
        panels=("qif_times",),
        controls=("weight",),
        without=_ONE_SPIKE,
        ask=Choose(
            "In this trial, the spike is lost",
            ("just at $w_0$", "already above $w_0$", "only below $w_0$"),
            1,
            (
                "At $w_0$ the neuron lingers at the unstable rest for ever. Is the trial long enough?",
                "",
                "Below $w_0$ the potential returns to rest, however long we wait.",
            ),
            """The spike [slips over the end of the trial](light:qif_times/qif.curves.times.0) at $w$ = 1.063 $w_0$, or 2.623.
            It goes where nothing can come after it: no other neuron, no output notices. So nothing jumps: the largest jump of this
            curve is {qif_jump}, that of the LIF neuron {lif_jump}.""",
            reveals=("qif_times",),
        ),
        try_="[Let the weight move](play:weight). Then back to [1.15](weight=1.15).",
    ),
    Step(
        "A spike time in closed form",
        """From rest, a time $t$ after its only input, the spike obeys

        $$1 − e^{−t/τ} = \\frac{π}{2 w^{1/2}}$$

        so that $dt/dw$ is finite wherever there is a spike: at most 6.12 in size, at the end of the trial. Again $w$ itself
        counts, of which $w_0 = π^2/4$ is 2.47 units.""",
        panels=("qif_slopes", "qif_times"),
        controls=("weight",),
        without=(*_ONE_SPIKE, *_ONE_SLOPE),
        ask=Number(
            "With $w$ = 2.25 $w_0$, how long after the input does the spike come? Compute it.",
            1.0986,
            0.02,
            "Too soon. With $w_0 = π^2/4$ the right-hand side is the square root of $w_0/w$. What is left for $e^{−t}$?",
            "Too late. With $w_0 = π^2/4$ the right-hand side is the square root of $w_0/w$. And time counts from the input.",
            """The right-hand side is $1/1.5 = 2/3$, so $e^{−t}$ is 1/3 and $t = \\text{ln} 3$ = 1.099.

            The slope follows: $−\\frac{π τ}{4} w^{−3/2} e^{t/τ}$ (derived). It grows with the time that passes, but time is
            bounded by the trial. At 1.15 $w_0$ it is −2.43, at 1.5 only −0.60.""",
        ),
        try_="Read time and slope at [1.15](weight=1.15), [1.5](weight=1.5) and [2.25](weight=2.25): now {qif_first} and "
        "{qif_slope}. The input comes at 0.5.",
    ),
    Step(
        "Inhibition, just before the spike",
        """The second way to lose a spike. Now a fixed excitatory input of 1.5 $w_0$ comes at 0.5, and the varied one is
        inhibitory: −1 $w_0$. We vary its *time*. Without inhibition the LIF neuron spikes at 0.737.""",
        panels=("lif_times",),
        controls=("time",),
        without=_ONE_LIF_SPIKE,
        set={"scene": "excitation", "against": "its time", "weight": -1.0, "time": 1.0},
        ask=Choose(
            "Inhibition comes a moment before the spike of the LIF neuron. What becomes of the spike?",
            ("It comes a moment later", "It is deleted", "It comes as before"),
            1,
            (
                "Inhibition turns the current negative. Does the potential still rise?",
                "",
                "Inhibition turns the current negative. Does the potential still rise?",
            ),
            """Until 0.737 inhibition [deletes the spike](light:lif_times/lif.curves.times.0), and from then on it does nothing. The
            slope is 0 on either side of the jump. A gradient with respect to the time does not know that the jump is there.""",
            reveals=("lif_times",),
        ),
        try_="Move the time from [0.7](time=0.7) to [0.8](time=0.8), and back to [1](time=1).",
    ),
    Step(
        "The same for the QIF neuron",
        """Here the spike comes at 2.196 without inhibition. Let inhibition come a short time $d$ before it, so late that $V$ is
        already large.""",
        panels=("qif_times", "qif_slopes"),
        controls=("time",),
        without=(*_ONE_SPIKE, *_ONE_SLOPE),
        set={"scene": "excitation", "against": "its time", "weight": -1.0, "time": 1.0},
        ask=Choose(
            "By how much is the spike delayed if $d$ is small?",
            ("In proportion to $d$", "In proportion to $d^3$", "Not at all"),
            1,
            (
                "At a time $s$ before its spike $V$ is about $1/s$: a change of $V$ moves the spike by $s^2$ times as much. Add up "
                "over the time $d$ what the current changes.",
                "",
                "It must be delayed a little: the current has less time to act, and acts on a fast neuron, but it acts.",
            ),
            """By $|w| d^3 / 3$ (derived): an input that comes ever closer has less and less to say, and after the spike exactly
            nothing. So time and [slope](light:qif_slopes/qif.curves.slopes.0) pass smoothly. Earlier
            inhibition delays the spike more; before 1.317 it goes over the end of the trial.""",
            reveals=("qif_times", "qif_slopes"),
        ),
        try_="[1.4](time=1.4): at 3.011. [2](time=2): only just delayed. [2.5](time=2.5): not at all. "
        "[Back](time=1) to 1.",
    ),
    Step(
        "Three spikes from one input",
        """Fig. S3 of Klos and Memmesheimer (2025): a neuron starts beyond the unstable rest, at $V = π$. Its only input comes at
        0, and the trial is $T = 10$ long. A very strong input can make it spike three times. Here the weight is $w$ itself, not
        in units of $w_0$.""",
        panels=("several_times", "several_trace"),
        controls=("strong",),
        ask=Choose(
            "The weight grows from −8.5 to 60. Where does the second spike appear?",
            ("Beside the first one", "At the end of the trial", "Where the current is strongest"),
            1,
            (
                "After a spike the neuron is at minus infinity: it needs time to come round again.",
                "",
                "After a spike the neuron is at minus infinity: it needs time to come round again.",
            ),
            """Each spike comes in at the end of the trial and then moves to earlier times: the second at $w$ = 16.43, the third at
            55.58. The first is lost only below −9.79, because the neuron starts beyond its unstable rest.""",
            reveals=("several_times",),
        ),
        try_="[−5](strong=-5): one spike. [16.3](strong=16.3): one. [16.7](strong=16.7): a second, already at 4.93. "
        "[57](strong=57): three. [Back](strong=-8.5) to −8.5.",
    ),
    Step(
        "An input passes others, and spikes",
        """As in Fig. S4: [the ringed input](light:inputs/setting.weight), of weight 1 $w_0$, comes among four others, and we
        vary its time. It passes other inputs, and spikes of the neuron itself. (The inputs are ours.)""",
        panels=("inputs", "qif_times", "lif_times"),
        controls=("time", "weight"),
        set={"scene": "several", "against": "its time", "weight": 1.0, "time": 1.0},
        ask=Number(
            "The QIF neuron's first spike comes at 2.923 if the input is later. What is then the slope of its time with respect to "
            "that of the input?",
            0.0,
            0.001,
            "Can an input act backwards in time?",
            "Can an input act backwards in time?",
            """Exactly 0. No curve of the QIF neuron has a jump: {qif_jump}. The LIF neuron gets the same inputs, each in units of
            its own $w_0$. Its curves break, by up to {lif_jump}: where a spike is lost, all later ones take over its number
            and its colour.""",
            reveals=("qif_times", "lif_times"),
        ),
        try_="Drag the ringed input along the time axis, or up and down. With [inhibition](weight=-1) a spike goes over the end of "
        "the trial and comes back. [Back](weight=1) to 1.",
    ),
    Step(
        "Its weight",
        """As in Fig. S5: the same inputs, and now the curves are over the weight of the ringed one, which comes at 1. Move
        it by its sliders, or drag it: its height is its weight.

        Below a weight of −0.330 the QIF neuron spikes once, above it twice: there its second spike passes the end of the trial.
        The LIF neuron's spikes come and go anywhere.""",
        panels=("inputs", "qif_times", "lif_times"),
        controls=("weight", "time"),
        set={"scene": "several", "against": "its weight", "weight": 1.0, "time": 1.0},
        try_="[Let the weight move](play:weight), [take 3](weight=3), [take −3](weight=-3). The largest jump is now {qif_jump} in "
        "the one, {lif_jump} in the other.",
    ),
    Step(
        "Two sentences, and a question",
        """**1.** A LIF neuron's spike is lost in the middle of the trial: with a slope that diverges, where the potential grazes
        the threshold; or without any sign, where inhibition comes just before it.

        **2.** A QIF neuron's spike is lost over the end of the trial. Until then its time is a smooth function of every weight
        and every time.

        *Published* (Klos & Memmesheimer, 2025, arXiv 2309.14523): the model, Fig. 1, S3 to S5. *Derived* here and checked
        numerically: the circle and its matrices, the slopes, the law of $d^3$; and the LIF neuron beside Fig. S4 and S5.

        A spike beyond the end has no slope any more. **Can it be called back?** This is what pseudospikes are for.""",
        panels=("qif_times", "lif_times"),
        controls=("weight",),
        try_="[Go through it once more](step:1), or explore freely: all plots, all controls.",
    ),
)
