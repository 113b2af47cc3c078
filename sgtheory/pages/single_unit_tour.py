"""The tour of page 01: from the step to the surrogate gradient, one question at a time."""

from sgtheory.pages._kit import Choose, Number, Sketch, Step
from sgtheory.pages._menus import NO_NOISE

_NO_NOISE_YET = ("probability/curves.probability", "probability/curves.trial_mean")
_NO_RINGS = ("derivatives/curves.numerical_gradient",)
_NO_COMBINATION = ("draws/curves.affine_draw",)

TOUR = (
    Step(
        "A spike is a step",
        """A neuron adds up its input and decides: fire, or stay silent. Our unit has one input, $x = 1$, with a weight $w$;
        their product is its *membrane potential*. It fires where the potential exceeds a *threshold* $ϑ$:

        $$2: y = Θ(u) \\text{,} \\quad u = w x − ϑ$$

        The *output* $y$ is 1 for a spike, 0 for silence. $u$ is the distance to threshold, and $Θ$ the *step function*: 1 where
        $u$ is positive, 0 elsewhere.

        The plot shows [the output](light:probability/curves.deterministic) at every potential. The dotted line marks the
        *operating point*: our unit, at $w x$ = {potential}. This page takes three ways to a useful slope, and finds that
        they agree. (Equations have the numbers of the paper behind it, Gygax & Zenke, 2025.)""",
        panels=("probability",),
        controls=("threshold", "weight"),
        without=_NO_NOISE_YET,
        try_="Move the threshold [up to 1](threshold=1), [down to −1](threshold=-1), and [back to 0](threshold=0). Then move the "
        "weight: the dotted line goes with it.",
    ),
    Step(
        "The slope of a step",
        """To learn, the unit changes its weight a little. Which way? The *gradient* tells us: it is how much the output changes
        per tiny change of the weight. (An error's gradient contains it, by the chain rule.)

        Here is [the output](light:probability/curves.deterministic) again, and our unit at the potential 0.8.""",
        panels=("probability",),
        controls=("weight",),
        without=_NO_NOISE_YET,
        ask=Choose(
            "At the potential 0.8, the weight grows by a hair. What does the output do?",
            ("It grows by a hair", "It stays the same", "It jumps"),
            1,
            (
                "Read the plot: does the step rise at the dotted line?",
                "",
                "It jumps only where the dotted line crosses the threshold. From 0.8, a hair does not take it there.",
            ),
            """The slope of a step is 0 everywhere, except at threshold, where it is infinite. Neither says which way to go.

            Yet such neurons are trained every day, with a smooth *surrogate* in place of the slope. Is the
            result the gradient of anything? To find out, we first add noise.""",
        ),
        try_="[Let the weight move](play:weight): the output changes only where the dotted line crosses the threshold.",
    ),
    Step(
        "Noise turns the step into a probability",
        """Real neurons are noisy: near threshold our unit may fire or not. It fires with a *probability* $p$ that rises with
        the potential. This is called *escape noise*:

        $$4: p = σ_β(u) \\text{,} \\quad y = 1 \\text{ with probability } p$$

        Otherwise $y = 0$: a trial fires if a random number between 0 and 1 falls below $p$. $σ_β$ is the *sigmoid*
        $1/(1+e^{−βu})$, a smooth step with *steepness* $β$.

        The axis is the potential, not time. In each [row](light:trials/curves.trials) every potential was tried once: blue is a
        spike, white silence. The [bar at the top](light:trials/curves.deterministic) is the unit without noise.""",
        panels=("trials", "probability"),
        controls=("steepness", "seed"),
        ask=Choose(
            "The steepness β grows. What happens to the scatter of blue and white around threshold?",
            ("It becomes wider", "It becomes narrower", "It moves to the right"),
            1,
            (
                "A steep probability rises quickly: how far from threshold is the outcome still undecided?",
                "",
                "The threshold does not depend on β, and at threshold p is one half.",
            ),
            """The width of the scatter is proportional to $1/β$: double $β$, and it halves. With a very large $β$ the step is
            back. The lower plot shows [the probability](light:probability/curves.probability), {probability} at the dotted
            line, and the [fraction of 50 trials](light:probability/curves.trial_mean) that fired, {trial_mean} there. It is off by
            about its *standard error* (s.e.), the length of the thin lines.""",
            reveals=("probability",),
        ),
        try_="[Make it steep](steepness=16), [make it shallow](steepness=1), or [let β move](play:steepness). Another "
        "[seed](seed=5) of the random numbers gives other trials, but the same probability.",
    ),
    Step(
        "The expected output has a slope",
        """One trial gives 0 or 1. The *expectation* $E[y]$, the average over very many trials, is the probability $p$. It is
        smooth, so it has a slope. By the chain rule,

        $$5: \\frac{∂E[y]}{∂w} = σ'_β(u) x$$

        where $σ'_β$ is the slope of the sigmoid.""",
        panels=("probability", "derivatives"),
        controls=("steepness",),
        in_words=("input",),
        without=("derivatives/curves.surrogate_gradient",),
        ask=Sketch(
            "Draw this derivative into the empty plot, for each potential: where is it large, where is it 0? The upper plot helps.",
            "derivatives",
            """[The derivative](light:derivatives/curves.expected_gradient) is farthest from 0 at threshold, where the probability
            rises fastest, and nearly 0 where the outcome is nearly certain. At threshold it is $β/4$, here 1: is yours? The
            [rings](light:derivatives/curves.numerical_gradient), from small steps of the weight, check it.""",
        ),
        try_="Make the noise [steep](steepness=10): the hump becomes higher and narrower. With a [negative input](input=-1) "
        "it is turned over. [Go back](input=1).",
    ),
    Step(
        "The surrogate gradient",
        """Back to the unit without noise, whose slope is useless. In training, the *forward pass* computes the output, with the
        step. The *backward pass*, or backpropagation, computes derivatives; there a smooth function takes the place of the
        slope. This is the *surrogate derivative*, and what comes out is the *surrogate gradient*.

        We choose the slope of the sigmoid, on purpose:

        $$3: \\frac{\\tilde{∂}y}{∂w} = σ'_β(u) x$$

        The tilde is a reminder that this is not the derivative of $y$.""",
        panels=("derivatives",),
        controls=("steepness",),
        in_words=("escape",),
        without=_NO_RINGS,
        ask=Choose(
            "Compare it with step 4, the derivative of the noisy unit's expected output. The two curves are …",
            ("the same at every potential", "the same only at threshold", "different everywhere"),
            0,
            (
                "",
                "The other one was Eq. 5, $\\frac{∂E[y]}{∂w} = σ'_β(u) x$. Where do the right-hand sides differ?",
                "The other one was Eq. 5, $\\frac{∂E[y]}{∂w} = σ'_β(u) x$. Where do the right-hand sides differ?",
            ),
            """They are the same: we chose it so. At the dotted line [the surrogate
            gradient](light:derivatives/curves.surrogate_gradient) is {surrogate}, and [the
            derivative](light:derivatives/curves.expected_gradient) of the expected output {expected}.

            **A trick for a unit without noise gives the exact gradient of the average output of a unit with noise.**""",
            reveals=("derivatives",),
        ),
        try_="""This surrogate is *matched*: it is the slope of the noisy unit's probability. With the slope $p'(u)$ of other
        noise in both equations the curves coincide, too: try [arctan](escape=arctan), with longer tails; the [exponential
        hazard](escape=exponential hazard), $p = 1 − e^{−e^{βu}}$, which is not symmetric; or the [sigmoid](escape=sigmoid)
        again. The noise is now: {setting.escape}.""",
    ),
    Step(
        "A surrogate that does not match",
        """In practice the surrogate is seldom chosen to match some noise. A popular one, *SuperSpike*, falls off more
        slowly:

        $$h_β(u) = \\frac{1}{(1 + β|u|)^2}$$

        The noise is the sigmoid again. The dotted line now stands at threshold; there the surrogate gradient is {surrogate}
        (surrogate: {setting.surrogate}), and the true derivative is {expected}.""",
        panels=("derivatives",),
        controls=("steepness",),
        in_words=("surrogate",),
        without=_NO_RINGS,
        set={"surrogate": "SuperSpike", "steepness": 10.0, "weight": 0.0},
        ask=Number(
            "At which steepness β do the two agree at threshold? Move the slider, which is that of both, or think.",
            4.0,
            0.2,
            "Too small: there the true derivative, β/4, is still below SuperSpike's 1.",
            "Too large: there the true derivative, β/4, is above SuperSpike's 1.",
            """SuperSpike is 1 at threshold for every $β$, and the sigmoid's slope there is $β/4$: they agree at $β = 4$.

            Is SuperSpike the slope of some **other** noise? Up to a factor. A probability rises from 0 to 1, so the area
            under its slope is 1; the area under SuperSpike is $2/β$. Times $β/2$ it is such a slope, that of the *fast
            sigmoid*.""",
        ),
        symbols="The fast sigmoid is $p = \\frac{1}{2} + \\frac{βu}{2(1 + β|u|)}$. Its slope is $\\frac{β}{2} h_β(u)$.",
        try_="Go to [β = 4](steepness=4): SuperSpike is lower near threshold and higher in the tails. Then choose the "
        "[matched](surrogate=matched) surrogate, and [SuperSpike](surrogate=SuperSpike) again.",
    ),
    Step(
        "What one trial says about the slope",
        """An expectation takes many trials. Does a single one say anything about the slope?

        Let $p$ grow by a small $dp$, with the same random numbers. Those that were below $p$ still are: no spike is lost. But a
        further fraction $dp$ of all trials fires: some silent trials turn into spikes.""",
        panels=("trials",),
        controls=("threshold", "seed"),
        ask=Choose(
            "At one potential, look at the silent trials, a fraction $1−p$ of all. Which fraction of **them** turns into spikes?",
            ("$dp$", "$dp/(1−p)$", "$dp/p$"),
            1,
            (
                "That is the fraction of all trials. But only silent ones can turn into spikes, and they are fewer.",
                "",
                "That would be a fraction of the trials that fired. What is dp as a fraction of the silent ones?",
            ),
            """Of 100 trials with $p = 0.2$, 80 are silent. Let $p$ become 0.21, and one of the 80 fires: $1/80$ for a change
            of 0.01, or $1/(1−p)$ = 1.25 per unit of $p$. This is the *right derivative* with respect to $p$, towards a larger
            one: $1/(1−p)$ after silence, 0 after a spike.

            If $p$ shrinks, a fraction $dp/p$ of the spikes is lost: the *left derivative* is $1/p$ after a spike, and 0 after
            silence. Each is an average over what might have happened, and is called *smoothed*. Averaged over all trials, each
            is 1: the slope of $E[y] = p$.""",
        ),
        symbols="""In general an outcome $X$ may move a little, by $δ$ per unit of $p$, as a temperature does, or jump, as a spike
        does: with a probability of $r$ per unit of $p$ (the paper writes $w$) it becomes another outcome $Y$. Such a *stochastic
        derivative* is smoothed by averaging over the jump:

        $$1: \\tilde{δ} = E[δ + r (Y − X) | X]$$

        An outcome of 0 or 1 only jumps: $δ = 0$. The right derivative has $r = 1/(1−p)$ and $Y = 1$ after silence, $X = 0$;
        the left one $r = −1/p$ and $Y = 0$ after a spike, $X = 1$. Otherwise $r = 0$.""",
        try_="Let $p$ grow: [lower the threshold](threshold=-0.2) a little, and white turns to blue, nowhere blue to white. Let it "
        "shrink: [raise the threshold](threshold=0.2), and spikes are lost. [Back](threshold=0) to 0.",
    ),
    Step(
        "Rare outcomes weigh most",
        """Now with respect to the weight. By the chain rule, both derivatives are multiplied by $p' x$, where $p'$ is the slope of
        $p$; for the sigmoid it is $βp(1−p)$. [The right derivative](light:draws/curves.right_draw) becomes $p' x/(1−p)$ after
        silence, and stays 0 after a spike. [The left derivative](light:draws/curves.left_draw) becomes $p' x/p$ after a spike,
        and stays 0 after silence.

        The plot has one trial at each potential: a triangle of each kind.""",
        panels=("draws",),
        controls=("seed",),
        without=_NO_COMBINATION,
        set={"seed": 12},
        ask=Choose(
            "Far below threshold a spike is rare. When one comes, the left derivative with respect to w, $p' x/p$, is …",
            ("nearly 0, because $p'$ is", "about 1", "large, about $βx$"),
            2,
            (
                "$p'$ is nearly 0 there, but so is $p$. For the sigmoid, $p' = βp(1−p)$: what is left after dividing by $p$?",
                "For the sigmoid, $p' = βp(1−p)$. What is left after dividing by $p$, where $p$ is nearly 0?",
                "",
            ),
            """For the sigmoid $p' x/p = β(1−p)x$: nearly $βx$, which is 4 here. With [seed
            12](seed=12) there is a rare spike at −1, and a rare silence at 1.

            On average each of the two is [the true derivative](light:draws/curves.expected_gradient); from trial
            to trial it jumps.""",
            reveals=("draws",),
        ),
        symbols="""With $\\text{Ber}(p)$ for a draw, 1 with probability $p$ and otherwise 0, the chain rule reads

        $$6: \\frac{∂y}{∂w} = \\frac{∂\\text{Ber}(p)}{∂p} \\frac{∂p}{∂u} \\frac{∂u}{∂w}$$

        The first factor is the left or the right derivative with respect to $p$, the others are $p'$ and $x$. So $∂y/∂w$ is not
        the useless slope of a step here: $y$ is a draw, and this is a stochastic derivative.""",
        try_="Look at other trials, [seed 1](seed=1), [seed 2](seed=2) or [seed 19](seed=19): single triangles jump.",
    ),
    Step(
        "Both derivatives together",
        """Take both derivatives of the same trial with respect to $p$, $\\tilde{δ}_{\\text{right}}$ and
        $\\tilde{δ}_{\\text{left}}$, and mix them, a share of $1−p$ of the first and of $p$ of the second. With shares that add
        up to 1 this is an *affine combination*:

        $$(1−p) \\tilde{δ}_{\\text{right}} + p \\tilde{δ}_{\\text{left}}$$""",
        panels=("draws",),
        controls=("seed", "steepness"),
        ask=Choose(
            "From trial to trial, this combination …",
            ("jumps, as its parts do", "is the same number, whatever the outcome", "is 0 if the unit was silent"),
            1,
            (
                "Try both outcomes. Silence gives $(1−p) · 1/(1−p)$. And a spike?",
                "",
                "If the unit was silent, the right derivative is $1/(1−p)$, not 0.",
            ),
            """Silence gives $(1−p)/(1−p)$, a spike gives $p/p$: 1 in either case. With respect to the weight [the
            combination](light:draws/curves.affine_draw) is therefore $p' x$, always: the surrogate gradient of Eq. 3,
            {surrogate} at the dotted line.

            The outcome has dropped out. So the surrogate gradient is exact for a noisy unit, and yet needs no draw.""",
            reveals=("draws",),
        ),
        try_="Take another [seed](seed=7), and [another](seed=8): the triangles change, the line does not.",
    ),
    Step(
        "The score function",
        """An older way needs only the probability of each outcome, $P(1) = p$ and $P(0) = 1−p$. The slope of its
        logarithm, for the outcome that was drawn, is the *score*: $p' x/p$ after a spike, $−p' x/(1−p)$ after silence. The
        *score function* estimate multiplies it by the output, from which any number $b$, the *baseline*, may first be
        subtracted:

        $$(y − b) \\frac{∂ \\text{log }P(y)}{∂w}$$

        On average this is $∂E[y]/∂w$, for every $b$. With $b = 0$ a fraction $p$ of the trials gives $p' x/p$, the others 0: on
        average $p' x$. And the average score is $p' x − p' x = 0$, so subtracting $b$ costs nothing.""",
        panels=("score",),
        controls=("baseline", "seed"),
        ask=Choose(
            "With b = 0 you have met this estimate before. It is …",
            ("the left derivative", "the right derivative", "their affine combination"),
            0,
            (
                "",
                "With b = 0 a silent trial gives 0, because $y = 0$. Which of the two is 0 after silence?",
                "The combination is the same for both outcomes, but with b = 0 a silent trial gives 0, because $y = 0$.",
            ),
            """A spike gives $p' x/p$, silence 0: the left derivative with respect to $w$. In the same way $b = 1$ gives the
            right one, and any $b$ the mixture $(1−b)$ left + $b$ right.

            At the dotted line [the mean of the trials](light:score/curves.score_mean) is {score} ± {score_error} (s.e.); [the
            exact derivative](light:score/curves.expected_gradient) is {expected}.""",
            reveals=("score",),
        ),
        try_="[Animate the baseline](play:baseline): at each potential there is one at which the scatter vanishes.",
    ),
    Step(
        "The best baseline",
        """How much one draw varies is measured by its *variance*, and that depends on the baseline. At the dotted line the unit
        fires with probability {probability}; with the baseline $b$ = {baseline} the variance there is {variance}.""",
        panels=("variance", "score"),
        controls=("baseline",),
        in_words=("rule",),
        set={"weight": -0.3},
        ask=Number(
            "Which baseline makes the variance at the dotted line vanish? Move b, or think of the last two steps.",
            0.769,
            0.02,
            "Too small. In the last step b was the share of the right derivative; which share left no scatter, in step 9?",
            "Too large. In the last step b was the share of the right derivative; which share left no scatter, in step 9?",
            """It is $b = 1−p$, the probability of silence, about [0.77](baseline=0.77) here. Then $1−b = p$ and $b = 1−p$ are
            just the shares of left and right in the affine combination. With its best baseline the score function estimate
            **is** the matched surrogate gradient, in every single draw.""",
            also=("1−p", "1−p(u)"),
            typed="Type a number, such as 0.5, or an expression in p.",
        ),
        try_="Take [b = 1 − p](rule=1 − p) at each potential: [the variance](light:variance/curves.variance) is 0 everywhere, and "
        "[the score function](light:score/curves.score_mean) lies on the derivative. Then go back to [one b](rule=the slider's b) "
        "for all.",
    ),
    Step(
        "Without noise",
        """Now take the noise away: with a *hard threshold* the unit always fires above threshold, and never below. The
        surrogate is SuperSpike.""",
        panels=("probability", "derivatives"),
        controls=("steepness",),
        in_words=("escape",),
        without=_NO_RINGS,
        set={"escape": NO_NOISE, "surrogate": "SuperSpike"},
        ask=Choose(
            "What remains of the derivative of the expected output?",
            ("A narrower hump", "0 everywhere, except at threshold", "The same hump as SuperSpike's"),
            1,
            (
                "The hump was the slope of the probability. What does the probability look like without noise?",
                "",
                "That would be the derivative of a noisy unit. What does the probability look like without noise?",
            ),
            """With a hard threshold [the true derivative](light:derivatives/curves.expected_gradient) is 0, or infinite: there is
            nothing to learn from. [SuperSpike](light:derivatives/curves.surrogate_gradient) is what it was before. It is not
            the gradient of the unit with a hard threshold; it is $2/β$ times that of a unit with another noise, the fast
            sigmoid of step 6.

            The noise is now: {setting.escape}. At the dotted line the true derivative is {expected}, and the surrogate gradient
            {surrogate}.""",
            reveals=("probability", "derivatives"),
        ),
        try_="Give the unit that noise, the [fast sigmoid](escape=fast sigmoid): both curves then have the same shape, and at "
        "[β = 2](steepness=2) the same height. Then take it [away](escape=hard threshold) again.",
    ),
    Step(
        "Three sentences, and a question",
        """**1.** The derivative of a spike is useless, but the expected output of a noisy unit has a useful one.

        **2.** If the surrogate is matched to the noise, the surrogate gradient is exactly that derivative. So is a suitable
        mixture of left and right derivative, with the shares $p$ and $1−p$, and so is the score function estimate with
        its best baseline.

        **3.** If it is not matched, it is at best the gradient of a unit with other noise, up to a factor.

        [Page 2](page:path_tree) puts one unit behind another. The first one acts on the output only through its
        spikes: whole steps, not tiny changes. **Is the surrogate gradient of such a hidden unit still exact?**""",
        panels=("derivatives", "draws"),
        controls=("steepness", "surrogate"),
        without=_NO_RINGS,
        try_="[Go through it once more](step:1), or explore freely: six plots, all controls.",
    ),
)
