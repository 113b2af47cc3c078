"""The tour of page 01: from the step to the surrogate gradient, one question at a time."""

from sgtheory.pages._kit import Choose, Number, Sketch, Step
from sgtheory.pages._menus import NO_NOISE

_NO_NOISE_YET = ("probability/curves.probability", "probability/curves.trial_mean")

TOUR = (
    Step(
        "A spike is a step",
        """A neuron adds up its input and decides: fire, or stay silent. Our unit has one input $x$ with a weight $w$; their
        product is its *membrane potential*. It fires when the potential exceeds a *threshold* $ϑ$:

        $$2: y = Θ(u) \\text{,} \\quad u = w x − ϑ$$

        $u$ is the distance to threshold, and $Θ$ the *step function*: 1 where $u$ is positive, 0 elsewhere.

        The plot shows [the output](light:probability/curves.deterministic) at every potential: 0, nothing, on the left; 1, a
        spike, on the right. The dotted line is where our unit stands, at $w x$ = {potential}.""",
        panels=("probability",),
        controls=("threshold", "weight"),
        without=_NO_NOISE_YET,
        try_="Move the threshold [up to 1](threshold=1), [down to −1](threshold=-1), and [back to 0](threshold=0). Then move the "
        "weight: the dotted line goes with it.",
    ),
    Step(
        "The slope of a step",
        """To learn is to change the weight a little, so that the output becomes better. Which way? The *gradient* tells: the
        change of the output for a tiny change of the weight.

        Here is the output $y$ at each potential, [the step](light:probability/curves.deterministic).""",
        panels=("probability",),
        controls=("weight",),
        without=_NO_NOISE_YET,
        ask=Choose(
            "The weight grows by a hair. What does the output do, at the dotted line?",
            ("It grows by a hair", "It stays what it was", "It jumps"),
            1,
            (
                "Read the plot: is the step rising at the dotted line?",
                "",
                "It jumps only if the dotted line crosses the threshold. A hair is not enough.",
            ),
            """The slope of a step is 0 everywhere, except at threshold, where it is infinite. Neither says which way to go.

            Yet such neurons are trained with gradients every day, with a smooth *surrogate* in place of the slope. Is the
            result the gradient of anything? To see that, we first give the unit some noise.""",
        ),
    ),
    Step(
        "Noise turns the step into a probability",
        """Real neurons are noisy. Near threshold our unit may fire or not, with a probability $p$ that rises with the
        potential. This is *escape noise*:

        $$4: p = σ_β(u) \\text{,} \\quad y = 1 \\text{ with probability } p$$

        $σ_β$ is a smooth step, the sigmoid $1/(1+e^{−βu})$; $β$ is its steepness. Each [blue row](light:trials/curves.trials)
        is one trial at every potential; the [bar at the top](light:trials/curves.deterministic) is the unit without noise.""",
        panels=("trials", "probability"),
        controls=("steepness", "seed"),
        ask=Choose(
            "The steepness β grows. What happens to the blue scatter around threshold?",
            ("It becomes wider", "It becomes narrower", "It moves to the right"),
            1,
            (
                "A steep probability rises quickly: how far from threshold is it still undecided?",
                "",
                "The threshold does not depend on β, and at threshold p is one half.",
            ),
            """The width of the scatter is about $1/β$; if $β$ is very large, the step is back. Below is the
            [probability](light:probability/curves.probability) itself: {probability} at the dotted line, where a fraction
            {trial_mean} of the trials fired.""",
            reveals=("probability",),
        ),
        try_="[Make it steep](steepness=16), [make it shallow](steepness=1), or [watch β move](play:steepness). "
        "Another [seed](seed=5) gives other trials, but the same probability.",
    ),
    Step(
        "The expected output has a slope",
        """One trial is still 0 or 1. But its expectation over many trials, $E[y]$, is the probability $p$, which is smooth. So
        it has a slope: by the chain rule,

        $$5: \\frac{∂E[y]}{∂w} = σ'_β(u) x$$

        where $σ'_β$ is the slope of the sigmoid.""",
        panels=("probability", "derivatives"),
        controls=("steepness", "input"),
        without=("derivatives/curves.surrogate_gradient",),
        ask=Sketch(
            "Draw this derivative into the empty plot, for each potential: where is it large, where is it 0? The upper plot helps.",
            "derivatives",
            """It is a hump around threshold: [the derivative](light:derivatives/curves.expected_gradient) is large where the
            probability rises fastest, and 0 where the outcome is certain. At the dotted line it is {expected}. The
            [rings](light:derivatives/curves.numerical_gradient) were computed in another way, from small steps of the weight.""",
        ),
        try_="Make the noise [steep](steepness=10): the hump becomes higher and narrower. What does a "
        "[negative input](input=-1) do?",
    ),
    Step(
        "The surrogate gradient",
        """Back to the unit without noise, Eq. 2, whose slope is useless. In training one calculates with the step on the way
        forward; on the way back one replaces its slope by a smooth function. That function is the *surrogate derivative*, and
        what comes out is the *surrogate gradient*. For instance:

        $$3: \\frac{\\tilde{∂}y}{∂w} = σ'_β(u) x$$

        The tilde is a reminder that this is not the derivative of $y$.""",
        panels=("derivatives",),
        controls=("steepness", "escape"),
        ask=Choose(
            "Compare it with the derivative of the expected output of the noisy unit. Are the two curves …",
            ("… the same at every potential?", "… the same only at threshold?", "… different everywhere?"),
            0,
            (
                "",
                "Put Eq. 3 beside Eq. 5, of the last step: where do they differ?",
                "Put Eq. 3 beside Eq. 5, of the last step: where do they differ?",
            ),
            """[The surrogate gradient](light:derivatives/curves.surrogate_gradient) of the unit without noise and [the
            derivative](light:derivatives/curves.expected_gradient) of the noisy unit's expected output coincide: {surrogate}
            and {expected} at the dotted line. So a surrogate gradient can be a true gradient, of a noisy unit.""",
            reveals=("derivatives",),
        ),
        try_="The surrogate is *matched* here: it is the slope of the escape noise. Choose another noise, such as the "
        "[arctan](escape=arctan) or the [exponential hazard](escape=exponential hazard): the surrogate follows, and the curves "
        "still coincide.",
    ),
    Step(
        "A surrogate that does not match",
        """In practice nobody asks which noise the surrogate belongs to. A popular one, *SuperSpike*, has long tails:

        $$h_β(u) = \\frac{1}{(1 + β|u|)^2}$$

        Now the noise is still the sigmoid, but the surrogate is SuperSpike, and the curves no longer coincide. The dotted line
        stands at threshold, where the surrogate gradient is {surrogate} and the true derivative {expected}.""",
        panels=("derivatives",),
        controls=("steepness", "surrogate"),
        set={"surrogate": "SuperSpike", "steepness": 10.0, "weight": 0.0},
        ask=Number(
            "At which steepness β do the two agree at threshold? Move the slider, or think.",
            4.0,
            0.2,
            "Too small: there the true derivative, β/4, is still below SuperSpike's.",
            "Too large: there the true derivative, β/4, is above SuperSpike's.",
            """SuperSpike is 1 at threshold for every $β$, and the sigmoid's slope there is $β/4$: they agree at $β = 4$, and
            even then only at threshold. A surrogate gradient is the true gradient for *some* noise; whether for *this* one is
            up to you.""",
        ),
        try_="Go to [β = 4](steepness=4) and look at the tails. Then choose the [matched](surrogate=matched) surrogate again.",
    ),
    Step(
        "What a single draw tells",
        """An expectation needs many trials. Can one trial give a derivative? Suppose the unit was silent. If $p$ grows a
        little, it may just fire: the outcome flips, at the rate $1/(1−p)$. This is the *right derivative*; it is 0 if the unit
        fired. The *left derivative* looks at smaller $p$: if the unit fired, it may just fail to, at the rate $1/p$. Both are
        *smoothed*: averaged over whether the flip happens. With rate $r$, from the outcome $X$ to $Y$:

        $$1: \\tilde{δ} = E[δ + r (Y − X) | X]$$

        The chain rule then carries it to the weight:

        $$6: \\frac{∂y}{∂w} = \\frac{∂\\text{Ber}(p)}{∂p} \\frac{∂p}{∂u} \\frac{∂u}{∂w}$$

        For the left one $r$ is negative, since $p$ shrinks. Here $δ$ is 0, because an outcome itself never
        moves a little; $\\text{Ber}(p)$ is the draw.""",
        panels=("draws",),
        controls=("seed", "steepness"),
        without=("draws/curves.affine_draw",),
        set={"seed": 12},
        ask=Choose(
            "Far below threshold a spike is rare. When one comes, its left derivative, p′x/p, is …",
            ("… nearly 0, because p′ is", "… large, about βx"),
            1,
            ("p′ is nearly 0 there, but so is p. Their ratio is β(1 − p), for the sigmoid.", ""),
            """Rare outcomes speak loudly. [The left derivative](light:draws/curves.left_draw) is 0 where the unit was silent,
            [the right one](light:draws/curves.right_draw) where it fired. This trial has a rare spike at −1, and a rare
            silence at 1. Each derivative is right on average, and each jumps.""",
            reveals=("draws",),
        ),
        try_="Other trials: [seed 1](seed=1), [seed 2](seed=2), [seed 19](seed=19). Watch single triangles jump.",
    ),
    Step(
        "A combination that never varies",
        """Take both derivatives of the same trial, with weights that add up to 1: the right one times $1−p$, the left one
        times $p$. Such a sum is an *affine combination*:

        $$(1−p) \\tilde{δ}_{\\text{right}} + p \\tilde{δ}_{\\text{left}}$$""",
        panels=("draws",),
        controls=("seed", "steepness"),
        ask=Choose(
            "From trial to trial, this combination …",
            ("… jumps, as its parts do", "… is the same number, whatever the outcome", "… is 0 if the unit was silent"),
            1,
            (
                "Try both outcomes: silent gives (1 − p) · 1/(1 − p). And a spike?",
                "",
                "If it was silent, the right derivative is 1/(1 − p), not 0.",
            ),
            """Silence gives $(1−p)/(1−p)$, a spike gives $p/p$: 1 in either case, times $σ'_β(u) x$. [The
            combination](light:draws/curves.affine_draw) is {expected} at the dotted line, and {surrogate} is the surrogate
            gradient. One draw is enough.""",
            reveals=("draws",),
        ),
        try_="Another [seed](seed=7), and [another](seed=8): the triangles change, the line does not.",
    ),
    Step(
        "The score function",
        """There is an older way, which never looks inside the unit. Reward outcomes: multiply the output by the slope of the
        log-probability of what was drawn, the *score function*. One may first subtract any number $b$, the *baseline*:

        $$(y − b) \\frac{∂ \\text{log} P(y)}{∂w}$$

        On average this is $∂E[y]/∂w$, for every $b$.""",
        panels=("score",),
        controls=("baseline", "seed"),
        ask=Choose(
            "With b = 0 you have met this estimate before. It is …",
            ("… the left derivative", "… the right derivative", "… their affine combination"),
            0,
            (
                "",
                "With b = 0 a silent trial gives y · … = 0. Which of the two is 0 if the unit was silent?",
                "The combination is never 0, but with b = 0 a silent trial gives y · … = 0.",
            ),
            """$b = 0$ gives the left derivative, $b = 1$ the right one, anything between a mixture: $(1−b)$ left $+ b$ right.
            The [mean of the trials](light:score/curves.score_mean) scatters around [the
            derivative](light:score/curves.expected_gradient): at the dotted line it is {score}, with a standard error of
            {score_error}; {expected} is exact.""",
            reveals=("score",),
        ),
        try_="Play the [baseline](play:baseline): at each potential there is one at which the scatter vanishes.",
    ),
    Step(
        "The best baseline",
        """How much does one draw vary? Its *variance* depends on the baseline. At the dotted line the unit fires with
        probability {probability}, and at $b$ = {setting.baseline} the variance is {variance}.""",
        panels=("variance", "score"),
        controls=("baseline", "rule"),
        set={"weight": 0.5},
        ask=Number(
            "Which baseline makes the variance at the dotted line vanish? Move b, or think of the last two steps.",
            0.119,
            0.006,
            "Too small: a spike still counts for more than silence does.",
            "Too large: silence now counts for more than a spike does.",
            """It is $b = 1−p$, the probability of silence. Then $(1−b)$ and $b$ are the weights $p$ and $1−p$ of the affine
            combination. The best score function *is* the surrogate gradient.""",
        ),
        try_="Take [b = 1 − p everywhere](rule=1 − p): [the variance](light:variance/curves.variance) is 0 at every potential, "
        "and the [score function](light:score/curves.score_mean) lies on the derivative.",
    ),
    Step(
        "Without noise",
        """Everything so far lived on noise. Now take it away: a hard threshold, which always does the same thing. As the
        surrogate we keep SuperSpike.""",
        panels=("probability", "derivatives"),
        controls=("escape", "steepness"),
        set={"escape": NO_NOISE, "surrogate": "SuperSpike"},
        ask=Choose(
            "What is left of the derivative of the expected output?",
            ("A narrower hump", "0 at every potential", "The same hump as SuperSpike's"),
            1,
            (
                "The hump was the slope of the probability. What is the slope of the curve in the upper plot?",
                "",
                "That would be the derivative of a noisy unit. What is the slope of the curve in the upper plot?",
            ),
            """[The true derivative](light:derivatives/curves.expected_gradient) is {expected}: there is nothing left to learn
            from. [The surrogate gradient](light:derivatives/curves.surrogate_gradient) is still {surrogate} at the dotted
            line. It is not the gradient of this unit; it is, up to a factor, that of one with other noise.""",
            reveals=("probability", "derivatives"),
        ),
        try_="Give that unit its noise back: the [fast sigmoid](escape=fast sigmoid) is what SuperSpike belongs to. The curves "
        "then have the same shape, and at [β = 2](steepness=2) the same height.",
    ),
    Step(
        "Three sentences, and a question",
        """**1.** The derivative of a spike is useless, but the expected output of a noisy unit has a useful one.

        **2.** If the surrogate is matched to the noise, the surrogate gradient is exactly that derivative; so is the right
        mixture of left and right derivative, and the score function with its best baseline.

        **3.** If it is not matched, it is at best the gradient of another unit.

        Page 2 puts one unit behind another. The derivative of the last one is then weighted with what happened before. **Is
        the surrogate gradient of a hidden unit still exact?**""",
        panels=("derivatives", "draws"),
        controls=("steepness", "surrogate"),
        try_="Go through it once more, or explore freely: six plots, all controls.",
    ),
)
