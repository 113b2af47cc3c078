"""The tour of page 10: a spike is pushed over the end of its trial, one question at a time."""

from sgtheory.pages._kit import Choose, Number, Sketch, Step


def _pseudospikes(panel: str, field: str, *neurons: str) -> tuple[str, ...]:
    return tuple(f"{panel}/driven.{neuron}{field}.{spike}" for neuron in neurons for spike in range(3))


_ONE_SPIKE = (*_pseudospikes("times", "", "first", "second"), "times/driven.second_ordinary.times")
_NEURON_1 = (*_pseudospikes("times", "", "second"), "times/driven.second_ordinary.times")
_TURNS_1 = ("turns/second.turns", "turns/second_ordinals")

TOUR = (
    Step(
        "A spike that slips over the end",
        """A *trial* ends at the time $T$. Our neuron is a *quadratic integrate-and-fire* neuron (QIF), with the *membrane
        potential* $V$ and the current $I$:

        $$τ \\frac{dV}{dt} = V(V − 1) + I \\text{,} \\quad \\frac{τ}{2} \\frac{dI}{dt} = −I$$

        Where $V$ reaches $+∞$ it spikes, and goes on from $−∞$. Times are in units of $τ$, say 10 ms. One input of the weight
        $w$ comes at 0.5. The plot shows [when the neuron spikes](light:times/driven.first_ordinary.times), for every $w$.""",
        panels=("times",),
        controls=("weight",),
        without=_ONE_SPIKE,
        ask=Choose(
            "At the chosen w = 2.4 there is no spike before T. What does its time tell learning there, as a gradient?",
            ("Nothing: the spike is lost", "That w should grow", "That w should shrink"),
            0,
            (
                "",
                "That would help. But what is the derivative of a time that there is not?",
                "What is the derivative of a time that there is not?",
            ),
            """There is no time, so no derivative. Once a spike has slipped over the end, a gradient of ordinary spikes never
            brings it back. A network that is silent at the start learns nothing.""",
        ),
        try_="[Let w move](play:weight): the curve ends at T, and not at a threshold. A spike goes no other way than over the end.",
    ),
    Step(
        "A clock instead of a potential",
        """$V$ runs from $−∞$ to $+∞$. Bend this line into a circle, and it becomes the *phase*:

        $$φ = \\frac{1}{π} \\text{arctan} \\frac{V}{π} + \\frac{1}{2}$$

        It is 0 just after a spike and 1 at the next one. At rest, $V = 0$, it is ½. With the spikes so far added, it is a
        [curve without a break](light:turns/first.turns): a dot where it passes a whole number, a spike. Where $V$ is large the
        current no longer matters: at a spike $dφ/dt = 1/τ$, always.

        To the right of $T$ the curve goes on, and its dots are not spikes. We come to that.""",
        panels=("turns",),
        controls=("weight",),
        without=_TURNS_1,
        try_="Take [a strong input](weight=4), [a weak one](weight=2), and one [just too weak](weight=2.6). Where is the curve as "
        "the trial ends? [Back](weight=2.4) to 2.4.",
    ),
    Step(
        "Behind the end: a drive for everyone",
        """The idea of Klos & Memmesheimer (2025): behind $T$ every neuron gets a constant drive, strong enough to make it spike
        on and on. These are *pseudospikes*. They act on no potential, but learning may use their times.

        $$τ \\frac{dV}{dt} = V(V − 1) + I_c$$

        $$I_c = \\frac{1}{4} + α \\text{ log}(1 + e^{I_p/α})$$

        $I_p$ is the current that was left at $T$, and $α$ the *softness*, here 10. This is *type 1*, as published. The drive is
        another one than that before the end.""",
        panels=("times",),
        controls=("weight",),
        without=_NEURON_1,
        ask=Choose(
            "w grows, and the first pseudospike comes down to T and becomes a spike. There its curve …",
            ("jumps", "has a kink", "goes on smoothly"),
            2,
            (
                "At the end the phase does not jump, and a phase just below 1 is a spike just behind T.",
                "How fast does the phase go near 1, before the end and behind it?",
                "",
            ),
            """Dashed behind the end, solid before it: one smooth curve, which crosses the end at $w$ = {crossing}. At
            $w$ = {setting.weight} its time is {spike}, and it has a slope that says: a larger $w$ brings it in.""",
            reveals=("times",),
        ),
        try_="[Let w move](play:weight), or move it by hand over the crossing.",
    ),
    Step(
        "How smooth is smooth?",
        """Now the derivative $dt/dw$ of the first spike's time. It is negative: a larger weight, an earlier spike.

        You have seen the time itself: flat for a small $w$, steep at the crossing, flat again for a large one.""",
        panels=("slopes", "times"),
        controls=("weight",),
        without=_NEURON_1,
        ask=Sketch(
            "Sketch the derivative of the first spike's time over w, from 1 to 5.",
            "slopes",
            """A valley, about 6 deep, and no jump. On the two sides of the crossing the derivative is {below} and {above}; and
            even its own slope, the second derivative, is {bend_below} and {bend_above}. (These are exact: computed on either
            side, not read off the curve.)""",
        ),
        try_="The other dashed curves are the second and the third pseudospike. Before the crossing they nearly coincide: for each "
        "of them one more period has to pass.",
    ),
    Step(
        "Why the other drive does not matter",
        """Two dynamics meet at $T$, with different currents. Why is there no kink?

        Because the last moments before a spike hardly depend on the current. An input of weight $w$ that comes a time $δ$
        before the spike makes it earlier by

        $$\\frac{w δ^3}{3 τ^2}$$

        only. A spike that crosses the end at a distance $δ$ feels the new drive just as long. Its time changes with $δ^3$, so
        value, slope and curvature stay.""",
        panels=("turns",),
        controls=("weight",),
        without=_TURNS_1,
        set={"weight": 2.6},
        ask=Number(
            "An input of weight 6 comes 0.1 τ before a spike. By how much, in τ, does the spike come earlier?",
            0.002,
            0.0001,
            "Too small. Put the numbers into the formula: the third power of 0.1 is 0.001.",
            "Too large. Put the numbers into the formula, and divide by 3.",
            """By 0.002 $τ$: 20 μs. It has no time left to act. In a *leaky integrate-and-fire* neuron it is the other
            way around: near its threshold the potential may creep, and a tiny input decides over a spike.""",
            typed="Type a number, such as 0.02.",
        ),
        try_="[Let w move](play:weight): whatever the weight, the curve goes through whole numbers at the same slope.",
    ),
    Step(
        "A neuron behind the neuron",
        """Neuron 1 drives neuron 2, with the weight $w₂₁$ = {setting.coupling}. If its spike comes behind the end, it has not
        arrived. Yet it should not be lost: so neuron 2 gets a share of it, according to how near the spike is,

        $$I_p = I_2(T) + w₂₁ r_1 \\text{,} \\quad r_1 = \\frac{Φ_1}{Θ_1}$$

        where $Θ_1$ is the period of neuron 1 behind the end and $Φ_1$ the time since its last spike. As the spike crosses the
        end $r_1$ goes from 1 to 0, and $w₂₁$ really arrives instead.""",
        panels=("times", "next_slopes"),
        controls=("weight",),
        ask=Choose(
            "Where the spike of neuron 1 crosses the end, the pseudospikes of neuron 2 …",
            ("jump in time", "have a kink: their slope jumps", "are as smooth as those of neuron 1"),
            1,
            (
                "Just before, the share is the whole weight. Just after, the weight has arrived. Is that a difference?",
                "",
                "Compare: a share acts on the drive alone. What has arrived also moves the potential, and decays.",
            ),
            """Their times do not jump, because the share was whole. But what has arrived also moves $V_2$, and decays. The
            slope of the first one jumps from {next_below} to {next_above}, the two rings. So the time has a kink, and the
            gradient jumps there. Learning can live with that.""",
            reveals=("times", "next_slopes"),
        ),
        try_="[Let w move](play:weight) over the crossing: neuron 2 hardly moves in time, but bends.",
    ),
    Step(
        "A strong neuron and a soft drive",
        """A neuron without any current left, $I_p = 0$, is driven with $I_c − \\frac{1}{4} = α \\text{ log }2$. Behind the end
        it spikes with the period

        $$Θ = \\frac{π τ}{ρ} \\text{,} \\quad ρ^2 = I_c − \\frac{1}{4}$$

        For $α$ = 10, $ρ^2$ = 6.93 and $ρ$ = 2.63.""",
        panels=("times", "next_slopes"),
        controls=("softness", "coupling"),
        ask=Number(
            "How long is the period for α = 10, in τ? Compute it, or read it off: how far apart are two pseudospikes at w = 1?",
            1.193,
            0.03,
            "Too small. Divide π by 2.63.",
            "Too large. Divide π by 2.63.",
            """π/2.63 = 1.19. A larger $α$ is a stronger drive, and pseudospikes follow each other faster. The crossing itself
            does not care: the slope of neuron 1 there is {below} for every $α$.""",
            typed="Type a number, such as 0.8.",
        ),
        try_="Take [α = 2](softness=2) and [α = 20](softness=20): the crossing stays, the kinks of neuron 2 do not. With [no "
        "weight](coupling=0) between the neurons there are none. [Back](coupling=2) to 2.",
    ),
    Step(
        "Layers with ends of their own",
        """*Type 2* is for layers: phases may have kinks, but no spike time. **Its formula was not at hand; this one is
        reconstructed:** it has every property that Klos and Memmesheimer state.

        A layer runs until $T_1$, here 8. Then its phases go on by

        $$τ \\frac{dφ}{dt} = φ^{1−d}$$

        for $τ/d$: exactly once around. So each neuron spikes once more, and this *active* pseudospike acts on the next layer
        like any spike. When it is over, at $T_2$, that layer ends too. Here two hidden neurons drive an output; near the weight
        $w_1$ a spike of neuron 1 crosses $T_1$, the *transition*.""",
        panels=("layer_turns",),
        controls=("offset",),
        ask=Number(
            "d = 2. How long after T₁, in τ, does the layer of the output end?",
            0.5,
            0.01,
            "Too early. Its phases go on for τ/d.",
            "Too late. Its phases go on for τ/d.",
            """After τ/2. For so long the blue phase goes its own way, and then it is one turn further. The orange one runs
            ordinarily until there, and only then once around.""",
            reveals=("layer_turns",),
            typed="Type a number, such as 0.2.",
        ),
        try_="[Move w](play:offset) over the transition: the blue curve passes 1 before $T_1$ or behind it.",
    ),
    Step(
        "Out at one end, in at the other",
        """An active pseudospike comes at

        $$t = T_1 + \\frac{τ}{d} (1 − φ^d)$$

        with the phase $φ$ at $T_1$. A hidden spike that is pushed in over $T_1$ leaves $φ$ = 0 behind. So the [next
        pseudospike](light:close/layers.near.1) becomes the active one, at $T_2$: the next layer just begins to feel it. As $w$
        grows on, so does $φ$.""",
        panels=("close", "tangent", "layers"),
        controls=("exponent",),
        ask=Choose(
            "Close to T₂, how does this next spike come in, if d = 2?",
            ("At once, in proportion to φ", "With the square of φ, so slowly at first", "In one jump"),
            1,
            (
                "That would be $φ^d$ with $d = 1$.",
                "",
                "At $φ = 0$ it stands exactly at $T_2$. From there it moves, without a jump.",
            ),
            """By $τφ^d/d$, so by $φ^2/2$. [The next spike](light:tangent/following) crosses $T_2$ with a horizontal tangent,
            and the next layer feels nothing of it at first. The first plot has both transitions, $w_1$ ≈ 2.47 and $w_2$ ≈
            3.43, where a spike of hidden neuron 2 crosses $T_1$: it is inhibited first.""",
            reveals=("close", "tangent"),
        ),
        try_="Compare with [d = 1](exponent=1): the dashed curve goes through $T_2$ straight. With [d = 3](exponent=3) it is "
        "flatter still. [Back](exponent=2) to 2.",
    ),
    Step(
        "The control: d = 1",
        """With $d$ = 1 the phases go on at a constant speed, and the next spike comes in in proportion to $φ$. The spike times
        of the hidden neurons are still as smooth as before.

        The plot shows the derivative of [the output's spike](light:output_slopes/layers.near_slopes), close to both
        transitions.""",
        panels=("output_slopes", "close"),
        controls=("exponent",),
        set={"exponent": 1.0},
        ask=Choose(
            "With d = 1, the derivative of the output's spike …",
            ("jumps at both transitions", "is smooth at both", "jumps at the first one alone"),
            0,
            (
                "",
                "A spike moves in at $T_2$ at full speed, from one side of the transition on. Does the output feel it?",
                "At both transitions a spike of a hidden neuron crosses the end of its layer.",
            ),
            """Its size jumps by 510 % at the first one, and by 94 % at the second one. The time itself does not jump. With $d$ = 2
            no slope jumps: −8.31 on both sides.""",
            reveals=("output_slopes", "close"),
        ),
        symbols="""The weights to the output are chosen, 2.3904 and 2.4941: with them the jumps for $d = 1$ are those that are
        reported, 510 % and 94 %. All else is as published.""",
        try_="Now the slope at $w_1$ goes from {near_below} to {near_above}. Take [d = 2](exponent=2), [d = 3](exponent=3), and "
        "[1.5](exponent=1.5): between 1 and 2 nothing jumps either, but at the transition the slope changes at an infinite rate. "
        "[Back](exponent=1) to 1.",
    ),
    Step(
        "Three sentences, and a question",
        """**1.** QIF spikes come and go at the end of a trial alone. Behind it pseudospikes go on, and no spike is lost to
        learning.

        **2.** The spike that crosses is smooth, because the last moments before a spike do not depend on the drive. What
        depends on it is not: with type 1 (published) a neuron that it drives has a kink.

        **3.** Type 2 (reconstructed) lets a new spike come in so slowly that the next layer does not notice: for $d$ = 2 slopes
        are continuous everywhere.

        **If no spike is ever lost, can a network learn that does not spike at all in the beginning?**""",
        panels=("times", "output_slopes"),
        controls=("weight", "exponent"),
        try_="[Go through it once more](step:1), or explore freely: all plots, all controls.",
    ),
)
