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

        The plot shows [the output](light:probability/curves.deterministic) at every potential. The dotted line marks our
        unit, at $w x$ = {potential}. (Equations have the numbers of the paper behind this page, Gygax & Zenke, 2025.)""",
        panels=("probability",),
        controls=("threshold", "weight"),
        without=_NO_NOISE_YET,
        try_="Move the threshold [up to 1](threshold=1), [down to −1](threshold=-1), and [back to 0](threshold=0). Then move the "
        "weight: the dotted line goes with it.",
    ),
    Step(
        "The slope of a step",
        """To learn, the unit changes its weight a little. Which way? The *gradient* tells us: it is how much the output changes
        per tiny change of the weight.

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

            Yet such neurons are trained with gradients every day, with a smooth *surrogate* in place of the slope. Is the
            result the gradient of anything? To find out, we first add some noise.""",
        ),
        try_="[Let the weight move](play:weight): the output changes only where the dotted line crosses the threshold.",
    ),
    Step(
        "Noise turns the step into a probability",
        """Real neurons are noisy: near threshold our unit may fire or not. It fires with a *probability* $p$ that rises with
        the potential. This is called *escape noise*:

        $$4: p = σ_β(u) \\text{,} \\quad y = 1 \\text{ with probability } p$$

        Otherwise $y = 0$. $σ_β$ is the *sigmoid* $1/(1+e^{−βu})$, a smooth step with *steepness* $β$.

        The horizontal axis is the potential, not time. In each [row](light:trials/curves.trials) every potential was tried
        once: blue is a spike, white is silence. The [bar at the top](light:trials/curves.deterministic) is the unit without
        noise.""",
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
            line, and the [fraction of the trials](light:probability/curves.trial_mean) that fired, {trial_mean} there.""",
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
            rises fastest, and nearly 0 where the outcome is nearly certain. At the dotted line it is {expected}. The
            [rings](light:derivatives/curves.numerical_gradient) check it: they come from small steps of the weight.""",
        ),
        try_="Make the noise [steep](steepness=10): the hump becomes higher and narrower. With a [negative input](input=-1), "
        "$x = −1$, it is turned over: a larger weight then lowers the potential. [Go back](input=1) to $x = 1$.",
    ),
    Step(
        "The surrogate gradient",
        """Back to the unit without noise, whose slope is useless. Training takes two passes. The *forward pass* computes the
        output, with the step. The *backward pass*, or backpropagation, computes derivatives; there one puts a smooth function
        in place of the slope of the step. This is the *surrogate derivative*, and what comes out is the *surrogate gradient*.

        We choose the slope of the sigmoid, on purpose:

        $$3: \\frac{\\tilde{∂}y}{∂w} = σ'_β(u) x$$

        The tilde is a reminder that this is not the derivative of $y$.""",
        panels=("derivatives",),
        controls=("steepness",),
        in_words=("escape",),
        without=_NO_RINGS,
        ask=Choose(
            "Compare it with the last step: the derivative of the noisy unit's expected output. The two curves are …",
            ("the same at every potential", "the same only at threshold", "different everywhere"),
            0,
            (
                "",
                "The other one was Eq. 5, $\\frac{∂E[y]}{∂w} = σ'_β(u) x$. Where do the right-hand sides differ?",
                "The other one was Eq. 5, $\\frac{∂E[y]}{∂w} = σ'_β(u) x$. Where do the right-hand sides differ?",
            ),
            """They are the same: we chose it so. At the dotted line [the surrogate
            gradient](light:derivatives/curves.surrogate_gradient) is {surrogate}, and [the
            derivative](light:derivatives/curves.expected_gradient) of the expected output {expected}. The point is this: a trick
            for a unit **without** noise gives the exact gradient of the expected output of a unit **with** noise.""",
            reveals=("derivatives",),
        ),
        try_="""This surrogate is *matched*: it is the slope of the escape noise. With other noise, put its slope $p'(u)$ in place
        of $σ'_β(u)$ in both equations, and the curves still coincide. Choose [arctan](escape=arctan), with longer tails; the
        [exponential hazard](escape=exponential hazard), $p = 1 − e^{−e^{βu}}$, which is not symmetric; or the
        [sigmoid](escape=sigmoid) again. The noise is now: {setting.escape}.""",
    ),
    Step(
        "A surrogate that does not match",
        """In practice the surrogate is seldom chosen to match some noise. A popular one, *SuperSpike*, has long tails:

        $$h_β(u) = \\frac{1}{(1 + β|u|)^2}$$

        The noise is the sigmoid again. The dotted line now stands at threshold; there the surrogate gradient is {surrogate}
        (surrogate: {setting.surrogate}), and the true derivative, that of the expected output, is {expected}.""",
        panels=("derivatives",),
        controls=("steepness",),
        in_words=("surrogate",),
        without=_NO_RINGS,
        set={"surrogate": "SuperSpike", "steepness": 10.0, "weight": 0.0},
        ask=Number(
            "At which steepness β do the two agree at threshold? Move the slider, or think.",
            4.0,
            0.2,
            "Too small: there the true derivative, β/4, is still below SuperSpike's 1.",
            "Too large: there the true derivative, β/4, is above SuperSpike's 1.",
            """SuperSpike is 1 at threshold for every $β$, and the sigmoid's slope there is $β/4$: they agree at $β = 4$.
            The shapes of the two curves still differ.

            Is SuperSpike the slope of some **other** noise? Only up to a factor. A probability rises from 0 to 1, so the area
            under its slope is 1; the area under SuperSpike is $2/β$.""",
        ),
        try_="Go to [β = 4](steepness=4): SuperSpike is lower near threshold and higher in the tails. Then choose the "
        "[matched](surrogate=matched) surrogate, and [SuperSpike](surrogate=SuperSpike) again.",
    ),
    Step(
        "What one trial says about the slope",
        """An expectation takes many trials. Does a single one say anything about the slope?

        Let $p$ grow by a small $dp$, with the same random numbers. Then a further fraction $dp$ of all trials fires: some
        silent trials turn into spikes, and no spike is lost.""",
        panels=("trials",),
        controls=("threshold", "seed"),
        ask=Choose(
            "Look at the silent trials only: they are a fraction $1−p$ of all. Which fraction of **them** turns into spikes?",
            ("$dp$", "$dp/(1−p)$", "$dp/p$"),
            1,
            (
                "That is the fraction of all trials. But only silent ones can turn into spikes, and they are fewer.",
                "",
                "That would be a fraction of the trials that fired. What is dp as a fraction of the silent ones?",
            ),
            """So, per unit of $p$, the output of a silent trial grows by $1/(1−p)$ on average, and that of a trial that fired by
            0. This is the *right derivative* with respect to $p$.

            If $p$ shrinks by $dp$ instead, a fraction $dp/p$ of the spikes is lost. So the *left derivative* with respect to $p$
            is $1/p$ after a spike, and 0 after silence. Averaged over all trials, each is 1: the slope of $E[y] = p$.""",
        ),
        symbols="""A *stochastic derivative* of an outcome $X$ with respect to $p$ says how fast it moves, $δ$, and at which rate
        $r$, per unit of $p$, it jumps to another outcome $Y$ (the paper writes $w$ for this rate). Averaged over the jump it is
        *smoothed*:

        $$1: \\tilde{δ} = E[δ + r (Y − X) | X]$$

        An outcome of 0 or 1 only jumps: $δ = 0$. The right derivative has $r = 1/(1−p)$ and $Y = 1$ after silence, $X = 0$;
        the left one $r = −1/p$ and $Y = 0$ after a spike, $X = 1$. Otherwise $r = 0$.""",
        try_="Let $p$ grow: [lower the threshold](threshold=-0.2) a little, and white turns to blue, nowhere blue to white. Let it "
        "shrink: [raise the threshold](threshold=0.2), and spikes are lost. [Back](threshold=0) to 0.",
    ),
    Step(
        "Rare outcomes weigh most",
        """Now with respect to the weight. By the chain rule, both derivatives are multiplied by $p' x$, where $p'$ is the slope of
        $p$. [The right one](light:draws/curves.right_draw) becomes $p' x/(1−p)$ after silence, and stays 0 after a spike. [The
        left one](light:draws/curves.left_draw) becomes $p' x/p$ after a spike, and stays 0 after silence.""",
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
            """For the sigmoid $p' = βp(1−p)$, so $p' x/p = β(1−p)x$: nearly $βx$, which is 4 here. With [seed
            12](seed=12) there is a rare spike at −1, and a rare silence at 1.

            Averaged over many trials each of the two is correct: it is [the true
            derivative](light:draws/curves.expected_gradient). From trial to trial each of them jumps.""",
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
        """Take both derivatives of the same trial with respect to $p$, and add them up: the right one with the weight $1−p$, the
        left one with the weight $p$. A sum whose weights add up to 1 is an *affine combination*:

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
            """Silence gives $(1−p)/(1−p)$, a spike gives $p/p$: 1 in either case. With respect to the weight
            [it](light:draws/curves.affine_draw) is therefore $p' x$, always: the surrogate gradient of Eq. 3, {surrogate} at
            the dotted line.

            No draw is needed: the outcome has dropped out. That is why a surrogate gradient needs no sampling.""",
            reveals=("draws",),
        ),
        try_="Take another [seed](seed=7), and [another](seed=8): the triangles change, the line does not.",
    ),
    Step(
        "The score function",
        """There is an older way, which needs only the probability of each outcome, $P(1) = p$ and $P(0) = 1−p$. The slope of its
        logarithm, for the outcome that was drawn, is the *score function*. Multiply it by the output, from which any number
        $b$, the *baseline*, may first be subtracted:

        $$(y − b) \\frac{∂ \\text{log }P(y)}{∂w}$$

        On average this is $∂E[y]/∂w$, for every $b$: probabilities sum to 1, so the average score is 0, and subtracting $b$
        costs nothing.""",
        panels=("score",),
        controls=("baseline", "seed"),
        ask=Choose(
            "With b = 0 you have met this estimate before. It is …",
            ("the left derivative", "the right derivative", "their affine combination"),
            0,
            (
                "",
                "With b = 0 a silent trial gives 0, because $y = 0$. Which of the two is 0 after silence?",
                "The combination is never 0, but with b = 0 a silent trial gives 0, because $y = 0$.",
            ),
            """A spike gives the slope of $\\text{log }p$, which is $p' x/p$; silence gives 0. That is the left derivative with
            respect to $w$. In the same way $b = 1$ gives the right one, and any $b$ the mixture $(1−b)$ left + $b$ right.

            At the dotted line [the mean of the trials](light:score/curves.score_mean) is {score}, with a standard error of
            {score_error}; [the exact derivative](light:score/curves.expected_gradient) is {expected}.""",
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
            "Too small: the estimate after a spike is still larger than that after silence.",
            "Too large: the estimate after silence is now larger than that after a spike.",
            """It is $b = 1−p$, the probability of silence. Then $1−b = p$ and $b = 1−p$ are just the weights of left and right in
            the affine combination. With its best baseline the score function **is** the matched surrogate gradient, in every
            single draw.""",
            also=("1−p", "1−p(u)"),
            typed="Type a number, such as 0.5, or an expression in p.",
        ),
        try_="Take [b = 1 − p](rule=1 − p) at each potential: [the variance](light:variance/curves.variance) is 0 everywhere, and "
        "[the score function](light:score/curves.score_mean) lies on the derivative. Then go back to [one b](rule=the slider's b) "
        "for all.",
    ),
    Step(
        "Without noise",
        """So far there was noise. Now take it away: with a *hard threshold* the unit always fires above threshold, and never
        below. As the surrogate we take SuperSpike once more.""",
        panels=("probability", "derivatives"),
        controls=("steepness",),
        in_words=("escape",),
        without=_NO_RINGS,
        set={"escape": NO_NOISE, "surrogate": "SuperSpike"},
        ask=Choose(
            "What is left of the derivative of the expected output?",
            ("A narrower hump", "0 everywhere, except at threshold", "The same hump as SuperSpike's"),
            1,
            (
                "The hump was the slope of the probability. What does the probability look like without noise?",
                "",
                "That would be the derivative of a noisy unit. What does the probability look like without noise?",
            ),
            """With a hard threshold [the true derivative](light:derivatives/curves.expected_gradient) is 0, or infinite: there is
            nothing to learn from. [SuperSpike](light:derivatives/curves.surrogate_gradient) does not ask about noise. It is not
            the gradient of the unit with a hard threshold; it is $2/β$ times that of a unit with another noise, the *fast
            sigmoid*.

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
        mixture of left and right derivative, with the weights $p$ and $1−p$, and so is the score function with its best
        baseline.

        **3.** If it is not matched, it is at best the gradient of a unit with other noise, up to a factor.

        [Page 2](page:path_tree) puts one unit behind another. The first one then acts on the output only through its spikes, and
        a spike is a whole step, not a tiny change. **Is the surrogate gradient of such a hidden unit still exact?**""",
        panels=("derivatives", "draws"),
        controls=("steepness", "surrogate"),
        without=_NO_RINGS,
        try_="[Go through it once more](step:1), or explore freely: six plots, all controls.",
    ),
)
