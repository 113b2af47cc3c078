"""The tour of page 06: what a reset does to a gradient, one question at a time."""

from sgtheory.pages._kit import Choose, Number, Step

_NO_MOMENT = tuple(f"{panel}/times.{{time}}" for panel in ("potential", "spikes", "probability", "slopes"))
_NO_NOISE_YET = ("potential/stochastic.potential",)
_COUNT_ALONE = ("counts/exact_tangent", "counts/detached_tangent", "counts/through_tangent")
_EXACT_ALONE = ("counts/detached_tangent", "counts/through_tangent")
_DETACHED_ALONE = ("slopes/stochastic.potential_slope",)
_NOT_THROUGH = ("counts/through_tangent",)

TOUR = (
    Step(
        "A neuron that leaks and resets",
        """Input spikes, $x[n]$ = 0 or 1, arrive at a synapse. Each adds its *weight* $w$ to a *current* $I$, which decays:

        $$10: I[n+1] = λ_s I[n] + w x[n]$$

        The current charges the *membrane potential* $U$, which leaks. Where $U$ exceeds the *threshold* 1 the neuron spikes,
        $S[n] = 1$, and the potential is *reset* to 0:

        $$11: U[n+1] = (λ_m U[n] + (1 − λ_m) I[n]) (1 − S[n])$$

        A step $n$ is a millisecond. $λ$ is what is left after one. The plot shows [the
        potential](light:potential/deterministic.potential), without noise so far.""",
        panels=("potential",),
        controls=("weight",),
        without=(*_NO_NOISE_YET, _NO_MOMENT[0]),
        try_="Make the weight [small](weight=1), and spikes become rare; [large](weight=8), and the neuron fires every few "
        "milliseconds. [Back](weight=4) to 4.",
    ),
    Step(
        "The same input, many trials",
        """With *escape noise* a spike is a draw: it comes with a probability that rises with the potential,

        $$13: p[n] = σ_β(U[n] − 1)$$

        where $σ_β$ is the sigmoid of steepness $β$. The upper plot has the input, the neuron without noise, and below one row for
        each trial.""",
        panels=("spikes", "probability"),
        controls=("steepness",),
        without=_NO_MOMENT[1:3],
        ask=Choose(
            "The steepness β grows. The trials become …",
            ("more alike", "more different from one another", "neither"),
            0,
            (
                "",
                "A steep probability leaves little to chance: it is 0 or 1 almost everywhere.",
                "A steep probability leaves little to chance: it is 0 or 1 almost everywhere.",
            ),
            """With a large $β$ each trial repeats the neuron without noise. With a small one spikes come anywhere. The [wide
            curve](light:probability/firing_probability) is the exact probability of a spike in each millisecond, over all trials;
            the [dots](light:probability/trial_mean) are the share of these trials.""",
        ),
        try_="[Make it steep](steepness=40), [make it shallow](steepness=2), and [go back](steepness=10).",
    ),
    Step(
        "What we want: a slope of the count",
        """Say we want more spikes, or fewer. How many come is chance, but how many are *expected* is not: $E[N]$ = {expected} for
        $N$ spikes in 60 ms. Its derivative with respect to $w$ says which way to go.

        For this neuron both are known exactly, without a trial: the current does not depend on the spikes, and a spike wipes out
        the potential. All that counts is when the last one was.""",
        panels=("counts",),
        controls=("weight",),
        without=_EXACT_ALONE,
        ask=Choose(
            "Twice the weight: from 2 to 4. The expected number of spikes …",
            ("doubles", "grows, but less than twofold", "grows more than twofold"),
            1,
            (
                "Read the wide curve at 2 and at 4.",
                "",
                "Read the wide curve at 2 and at 4.",
            ),
            """It grows from 10.4 to 17.0. Every spike takes the potential away, which had been built up; and after it the neuron
            begins at 0 again. This is what a gradient has to know. The [line](light:counts/exact_tangent) is the exact slope,
            {gradient} spikes per unit of weight.""",
        ),
        try_="[Let the weight move](play:weight) and watch the slope fall.",
    ),
    Step(
        "What is carried through time",
        """Backpropagation follows the weight through time. Every spike shows a *surrogate derivative*, here the *matched* one, the
        slope of the escape noise:

        $$16: \\frac{dS[n]}{dw} = σ'_β(U[n] − 1) \\frac{dU[n]}{dw}$$

        and $dU/dw$ grows with the potential. At a spike both begin at 0 again. Most people stop here: they treat the spike that
        resets as a number. This is called to *detach the reset*.

        The [curve](light:slopes/stochastic.potential_slope_detached) is $dU/dw$ in the first trial. Added up over all
        milliseconds, $dS/dw$ is the surrogate gradient.""",
        panels=("slopes", "potential"),
        controls=("weight",),
        without=(*_DETACHED_ALONE, _NO_MOMENT[0], _NO_MOMENT[3]),
        try_="Change the [weight](weight=2): each spike cuts the curve off. [Back](weight=4) to 4.",
    ),
    Step(
        "Detached: too much or too little?",
        """Now hold the detached surrogate gradient, a mean over {setting.trials} trials, against the exact slope of $E[N]$.""",
        panels=("counts",),
        controls=("weight",),
        without=_NOT_THROUGH,
        ask=Choose(
            "With the reset detached, the surrogate gradient is …",
            ("too small", "about right", "too large"),
            2,
            (
                "A larger weight makes a spike come earlier. What does the earlier reset take away, which nobody counted?",
                "A larger weight makes a spike come earlier. What does the earlier reset take away, which nobody counted?",
                "",
            ),
            """It is {detached}, and the exact slope {gradient}: about three times too large. The reason is what was cut off. A
            larger weight brings a spike, but that spike resets the potential and so delays the next one. Detached, the gradient
            counts the first and not the second.""",
            reveals=("counts",),
        ),
        try_="At [a small weight](weight=1) resets are rare, but it is too large there, too. [Back](weight=4) to 4.",
    ),
    Step(
        "Through the reset",
        """Let the gradient pass. The reset multiplies by $1 − S$, so its derivative has a further term:

        $$15: \\frac{dU[n+1]}{dw} = (1 − S) (…) − (λ_m U + (1 − λ_m) I) \\frac{dS[n]}{dw}$$

        The dots stand for what was there before. What is thrown away at a spike now counts, with a minus sign. The
        [other curve](light:slopes/stochastic.potential_slope) in the plot has it.""",
        panels=("slopes", "draws"),
        controls=("seed",),
        without=_NO_MOMENT[3:],
        ask=Choose(
            "From trial to trial this surrogate gradient varies … than the detached one",
            ("much less", "about as much", "much more"),
            2,
            (
                "Look at the two curves: which of them swings?",
                "Look at the two curves: which of them swings?",
                "",
            ),
            """Its mean, {through}, is nearer to the exact {gradient} than the detached {detached}. But a single trial is off by
            {through_deviation}, its *standard deviation*, against {detached_deviation}. Every spike passes the derivative on
            through the next reset, multiplied by a slope: along a chain of them it grows or dies out.""",
            reveals=("draws",),
        ),
        try_="Take other trials: [seed 1](seed=1), [seed 2](seed=2), [seed 0](seed=0).",
    ),
    Step(
        "How steep may it be?",
        """The slopes of the chain are those of the escape noise, as high as $β/4$ at threshold. So the steepness decides whether
        derivatives that pass through resets grow.""",
        panels=("draws", "counts"),
        controls=("steepness",),
        ask=Choose(
            "With shallow noise, β = 2, the gradient through the reset is …",
            ("nearly exact, in every trial", "exact on average, but as wild as before", "as wrong as the detached one"),
            0,
            (
                "",
                "How large are the factors of the chain when the slope is at most 2/4?",
                "It still counts what a reset takes away. How large are the factors of the chain?",
            ),
            """At $β = 2$ its mean is 1.60, where 1.65 is exact, and it hardly varies: 0.15. Detached it is 3.4. At $β = 40$ the
            same method gives 15 ± 4, where 3.9 is exact: useless.""",
            reveals=("draws", "counts"),
        ),
        try_="[β = 2](steepness=2), [β = 40](steepness=40), and [β = 10](steepness=10) again. Or [let β move](play:steepness).",
    ),
    Step(
        "Another surrogate, and its scale",
        """In practice the surrogate is *SuperSpike*, $1/(1 + β|u|)^2$, which is at most 1. Some multiply it by $β$: it is then
        *unscaled*. Now it is {setting.surrogate}. With the reset detached each term has one such factor.""",
        panels=("draws",),
        controls=("seed",),
        in_words=("surrogate",),
        set={"surrogate": "SuperSpike"},
        ask=Number(
            "The reset detached, β = 10: by which factor does the gradient grow if SuperSpike is unscaled?",
            10.0,
            0.5,
            "Too small. Each term of the sum has this factor once.",
            "Too large. Each term of the sum has this factor once.",
            """Exactly by $β = 10$. But through the reset a term has the factor once for each reset on its way, and grows
            beyond all bounds. This is why back-propagating through the reset does harm with an unscaled surrogate, and little with
            a scaled one.""",
        ),
        try_="Choose it [unscaled](surrogate=SuperSpike, unscaled), and look at the numbers along the axis. Then [scaled]"
        "(surrogate=SuperSpike) again.",
    ),
    Step(
        "Three sentences, and a question",
        """**1.** A spike brings one spike more, and by its reset takes others away. The exact derivative knows both.

        **2.** With the reset detached a surrogate gradient knows the first only: it is too large, and steady. Through the reset it
        knows both, and is nearly exact where slopes are shallow.

        **3.** Where they are steep, products along chains of resets grow, and a single trial tells nothing.

        A network learns from many neurons and many samples. **Does a steady error in length matter there, or the noise?**""",
        panels=("counts", "draws"),
        controls=("weight", "steepness"),
        try_="[Go through it once more](step:1), or explore freely: all plots, all controls.",
    ),
)
