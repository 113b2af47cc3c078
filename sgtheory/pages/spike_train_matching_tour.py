"""The tour of page 07: what a network with noise can learn to do precisely, one question at a time."""

from sgtheory.pages._kit import Choose, Number, Step

_NOT_YET = tuple(f"rossum/run.rossum_{arm}" for arm in ("stochastic", "deterministic"))
_NOISY_ALONE = ("rossum/run.rossum_deterministic",)

TOUR = (
    Step(
        "A picture made of spikes",
        """Each row is a neuron, each column a millisecond, each dot a spike: 200 neurons, 198 ms, and about 55 spikes of each
        neuron. Together they are a portrait. It was *dithered*: brightness became dots, as in an old newspaper.

        This raster is a *target*. A spiking network is to produce it, spike for spike. Its neurons have *escape noise*: each
        spike is a draw. Is noise in the way of precision?""",
        panels=("target",),
    ),
    Step(
        "A network that knows nothing",
        """200 inputs send spikes at random times, *frozen*: the same in every trial. They drive 200 hidden neurons, and those
        drive the 200 outputs, all of them LIF neurons, 80000 weights in between. The weights are random, so large that
        potentials often come near threshold.

        This is what the outputs do before the first step of training.""",
        panels=("stochastic", "hidden"),
        set={"moment": 0},
        ask=Choose(
            "In the first six milliseconds the outputs are silent, in whichever trial. Why?",
            ("they are in their refractory period", "their weights are too small", "nothing has reached them yet"),
            2,
            (
                "They have not fired, so nothing holds them back.",
                "Later they do fire, with the same weights.",
                "",
            ),
            """A spike adds to a current, the current charges a potential, and that twice over. So the left margin of the
            picture cannot be drawn, by any weights.""",
        ),
    ),
    Step(
        "How far off?",
        """A number has to say how far two rasters are apart. The *distance of van Rossum* blurs both along time with a kernel,

        $$25: ε(t) = ε_0 (e^{−t/10 ms} − e^{−t/5 ms})$$

        and takes the mean square of the difference. A spike that comes a little late costs little. The lines show two
        rasters without any learning: [silence](light:rossum/whole.rossum_silent), and [random
        spikes](light:rossum/whole.rossum_random), each neuron at its right rate.""",
        panels=("rossum",),
        without=_NOT_YET,
        set={"moment": 0},
        ask=Choose(
            "Which of the two is nearer to the target?",
            ("silence", "random spikes", "both are as far"),
            1,
            (
                "Blurred, random spikes of the right rate are about as grey as the target.",
                "",
                "The axis is logarithmic: each line is a factor of ten.",
            ),
            """Random spikes: {random}, and silence {silent}. Blurred they are about as grey as the target, where silence is
            white. A network that has only learnt how often each neuron fires would come as far as this.""",
        ),
    ),
    Step(
        "Watch it learn",
        """The network with noise learns by *back-propagation through time*: surrogate derivatives in place of the slopes of
        spikes, averaged over ten trials a step. Play the film, from before the first step to the last.""",
        panels=("stochastic", "rossum"),
        controls=("moment",),
        without=_NOISY_ALONE,
        set={"moment": 0},
        ask=Choose(
            "1000 steps of training. When is the distance below that of random spikes?",
            ("within the first 100", "about half-way", "only near the end"),
            0,
            (
                "",
                "Such curves fall steeply at first.",
                "Such curves fall steeply at first.",
            ),
            """Between 40 and 70 steps. Most is learnt early; what follows is fine work. In the end the distance is 66 times
            below that of silence.""",
            reveals=("rossum",),
        ),
        try_="[Play the film](play:moment), or choose the [first](moment=0), a [middle](moment=7) and the [last](moment=15) "
        "moment.",
    ),
    Step(
        "With noise and without",
        """A second network began with the same weights and learnt the same, without noise: its neurons fire whenever the
        potential exceeds the threshold.""",
        panels=("stochastic", "deterministic", "rossum"),
        controls=("moment",),
        ask=Choose(
            "In the end, which network is nearer to the target?",
            ("the one with noise, by far", "the one without, but both are near", "the one without, by far"),
            1,
            (
                "Noise cannot be in the right place in every trial.",
                "",
                "Look at the axis: each line is a factor of ten.",
            ),
            """Without noise it is {deterministic}, with noise {stochastic}; silence is at {silent}. Noise leaves a rest that
            training cannot remove. But it does not keep the network from learning.""",
            reveals=("rossum",),
        ),
        try_="Compare the two rasters at the [last moment](moment=15). Which strokes are sharper?",
    ),
    Step(
        "What trials have in common",
        """Here are ten trials of the network with noise, one upon the other: the darker, the more of them had a spike. The
        inputs are the same in each.""",
        panels=("mean", "stochastic"),
        controls=("moment",),
        ask=Choose(
            "If every trial had the same spikes, the plot would be …",
            ("evenly grey", "white and the darkest blue only", "white"),
            1,
            (
                "Each place would have either none or all ten of the trials.",
                "",
                "The network does spike.",
            ),
            """Most of it is in between: a single spike is left to chance, the picture is not. What the network has learnt is
            how likely each spike is.""",
        ),
    ),
    Step(
        "How much is left to chance?",
        """The *Fano factor* compares trials: the variance of a count over its mean,

        $$F = \\frac{Var(N)}{E(N)}$$

        for the count $N$ of a neuron in one millisecond, averaged over neurons and milliseconds. It is 0 where all trials are
        the same. For spikes that come independently with probability $p$ it is $1 − p$: near 1 where they are rare.""",
        panels=("fano",),
        controls=("moment",),
        set={"moment": 15},
        ask=Number(
            "A neuron fires in a quarter of all trials, independently. What is its Fano factor in this millisecond?",
            0.75,
            0.01,
            "Too small. The variance of a draw with probability p is p (1 − p), its mean p.",
            "Too large. The variance of a draw with probability p is p (1 − p), its mean p.",
            """It is $1 − p$ = 0.75. The outputs have {fano_output}: as if their spikes were independent draws, although the
            picture is drawn. The authors found the same: variability stays high in a network that has learnt a precise task.""",
            reveals=("fano",),
        ),
    ),
    Step(
        "A distance that does not forgive",
        """Take another distance, without the blur: the mean square of the difference of the rasters themselves,

        $$24: L_2 = \\frac{1}{M} ∑_i \\frac{1}{2} ∑_n (Ŝ_i[n] − S_i[n])^2$$

        for $M$ outputs. A spike that is missing costs $1/2$. A spike one millisecond late costs 1: it is missing in one place,
        and too many in another.""",
        panels=("squares", "stochastic"),
        controls=("moment",),
        ask=Choose(
            "In this distance, who is nearer to the target: the trained network or silence?",
            ("the trained network", "silence", "both are as far"),
            1,
            (
                "Many of its spikes are late or early by a step or two. What does each of them cost?",
                "",
                "Many of its spikes are late or early by a step or two. What does each of them cost?",
            ),
            """Silence: {squares_silent}, where the trained network has {squares}. To do nothing costs less than to be a
            millisecond late. Who trains with this distance teaches the network to fall silent.""",
            reveals=("squares",),
        ),
    ),
    Step(
        "The slope that the outputs show",
        """The outputs' noise is steep, $β = 100$. Its *matched* slope would be nearly 0 for almost every potential. So the
        outputs show *SuperSpike* here, which is wide.

        Trained with the matched slope, in as many steps, the network with noise gets no further than 0.72. And the authors'
        own *eligibility rule*, which asks for no slope of the outputs, reaches 0.096. It is no gradient of anything.""",
        panels=("rossum", "stochastic"),
        controls=("moment",),
        try_="Explore freely, choose *matched* as the output slope, or the eligibility rule, and press Start: half a minute.",
    ),
    Step(
        "Three sentences, and a question",
        """**1.** A network with noise learns to draw a picture with its spikes, by surrogate gradients.

        **2.** A trial is left to chance, what trials have in common is not: the Fano factor stays near that of independent
        spikes.

        **3.** What is learnt depends on the distance: one that does not forgive a millisecond favours silence.

        This network drew one picture. **Can noisy networks tell patterns apart that they have never seen, and do they need
        their noise for that?** [The next page](page:classification) asks.""",
        panels=("target", "mean"),
        controls=("moment",),
        try_="[Go through it once more](step:1), or explore freely, with a picture of your own.",
    ),
)
