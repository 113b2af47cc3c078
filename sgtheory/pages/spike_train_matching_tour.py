"""The tour of page 07: what a network with noise can learn to do precisely, one question at a time."""

from sgtheory.pages._kit import Choose, Number, Step

_NOT_YET = tuple(f"rossum/run.rossum_{arm}" for arm in ("stochastic", "deterministic"))
_NOISY_ALONE = ("rossum/run.rossum_deterministic",)

TOUR = (
    Step(
        "A picture made of spikes",
        """Each row is a neuron, each column a millisecond, each dot a spike: 200 neurons, 198 ms, and about 55 spikes per
        neuron. Together they are a portrait. It was *dithered*: brightness became dots, as in an old newspaper.

        This raster is a *target*. A spiking network is to produce it, spike for spike. Its neurons have *escape noise*:
        whether one fires is random, with a probability that rises with its potential. Does noise stand in the way of
        precision?""",
        panels=("target",),
    ),
    Step(
        "A network that knows nothing",
        """200 inputs send spikes at random times, *frozen*: the same in every trial. They drive 200 hidden neurons, and those
        drive the 200 outputs. All are leaky integrate-and-fire (LIF) neurons, with 80000 weights in between. The weights
        are random, and scaled so that potentials often come near threshold.

        This is what the outputs do before the first step of training.""",
        panels=("stochastic", "hidden"),
        set={"moment": 0},
        ask=Choose(
            "In the first six milliseconds the outputs are silent in every trial. Why?",
            ("they have just fired and must recover", "their weights are too small", "nothing has reached them yet"),
            2,
            (
                "They have not fired yet, so there is nothing to recover from.",
                "Later they do fire, with the same weights.",
                "",
            ),
            """A spike adds to a current, and the current charges a potential. This happens twice, in the hidden and in the
            output neurons, and costs six milliseconds, whatever the weights: the left margin cannot be drawn.""",
        ),
    ),
    Step(
        "How far off?",
        """A number has to say how far two rasters are apart. The *distance of van Rossum* blurs both along time with a kernel,

        $$25: ε(t) = ε_0 (e^{−t/10 ms} − e^{−t/5 ms})$$

        and takes half the squared difference, summed over time and averaged over neurons. A spike that comes a little
        late costs little. The lines show two rasters without any learning: [silence](light:rossum/whole.rossum_silent),
        and [random spikes](light:rossum/whole.rossum_random), each neuron at its right rate.""",
        panels=("rossum",),
        without=_NOT_YET,
        set={"moment": 0},
        ask=Choose(
            "Which of the two is nearer to the target?",
            ("silence", "random spikes", "both are equally far"),
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
        spikes, averaged over ten trials a step. First a prediction; then the film.""",
        panels=("target", "stochastic", "rossum"),
        controls=("moment",),
        without=_NOISY_ALONE,
        beside=True,
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
            """Between 20 and 40 steps. Most is learnt early; what follows is fine work. In the end the distance is 66 times
            below that of silence.""",
            reveals=("rossum",),
        ),
        try_="[Play the film](play:moment), or choose the [first](moment=0), a [middle](moment=7) and the [last](moment=15) "
        "moment: shown is the network after {step} steps of training.",
    ),
    Step(
        "With noise and without",
        """A second network began with the same weights and learnt the same, without noise: its neurons fire whenever the
        potential exceeds the threshold.""",
        panels=("target", "stochastic", "deterministic", "rossum"),
        controls=("moment",),
        beside=True,
        ask=Choose(
            "In the end, which network is nearer to the target?",
            ("the one with noise, by far", "the one without, but both are near", "the one without, by far"),
            1,
            (
                "Noise cannot be in the right place in every trial.",
                "",
                "Look at the axis: each line is a factor of ten.",
            ),
            """Without noise it is {deterministic}, with noise {stochastic}; silence is at {silent}. Noise leaves an
            error that training cannot remove. But it does not keep the network from learning.""",
            reveals=("rossum",),
        ),
        try_="Compare the two rasters with the target at the [last moment](moment=15) and at an [early one](moment=4); shown are "
        "{step} steps of training. The dense columns after 6 ms have no part in the target: the networks catch up on the silent "
        "margin.",
    ),
    Step(
        "What trials have in common",
        """Here are ten trials of the network with noise, superimposed: the darker, the more of the ten had a spike. The inputs
        are the same in each.""",
        panels=("mean", "stochastic"),
        controls=("moment",),
        beside=True,
        ask=Choose(
            "If every trial had the same spikes, the plot would be …",
            ("evenly pale blue", "white and the darkest blue only", "white"),
            1,
            (
                "Each place would have either none or all ten of the trials.",
                "",
                "The network does spike.",
            ),
            """Most places have a shade in between: a single spike is left to chance, the picture is not. What the network
            has learnt is how likely each spike is.""",
        ),
    ),
    Step(
        "How much is left to chance?",
        """The *Fano factor* compares trials: the variance of a count over its mean,

        $$F = \\frac{Var(N)}{E(N)}$$

        for the count $N$ of a neuron in one millisecond, averaged over neurons and milliseconds. It is 0 where all trials
        are the same. For spikes that come independently with probability $p$ it is $1 − p$: near 1 where they are
        rare.""",
        panels=("fano",),
        controls=("moment",),
        set={"moment": 15},
        ask=Number(
            "A neuron fires in a quarter of all trials, independently. What is its Fano factor in this millisecond?",
            0.75,
            0.01,
            "Too small. The variance of a draw with probability p is p (1 − p), its mean p.",
            "Too large. The variance of a draw with probability p is p (1 − p), its mean p.",
            """It is $1 − p$ = 0.75. The target has a spike in 28 % of its places, so independent spikes would have 0.72; the
            outputs have {fano_output}. Their spikes are as variable as independent draws, although together they make the
            picture. Gygax and Zenke (2025), whose task this is, found the same.""",
            reveals=("fano",),
        ),
    ),
    Step(
        "A distance that does not forgive",
        """Take another distance, without the blur, of the rasters themselves: the target $Ŝ$ and the output $S$,

        $$24: L_2 = \\frac{1}{M} ∑_i \\frac{1}{2} ∑_n (Ŝ_i[n] − S_i[n])^2$$

        for $M$ outputs $i$ and milliseconds $n$. A spike that is missing costs $1/2$. A spike one millisecond late costs
        1: it is missing in one place, and too many in another.""",
        panels=("squares", "stochastic"),
        controls=("moment",),
        ask=Choose(
            "By this distance, which is nearer to the target: the trained network or silence?",
            ("the trained network", "silence", "both are equally far"),
            1,
            (
                "Many of its spikes are late or early by a step or two. What does each of them cost?",
                "",
                "Many of its spikes are late or early by a step or two. What does each of them cost?",
            ),
            """Silence: {squares_silent}, where the trained network has {squares}. To do nothing costs less than to be a
            millisecond late: training with this distance would push the network towards silence. Precise to some ten
            milliseconds, yes; to a single one, no.""",
            reveals=("squares",),
        ),
    ),
    Step(
        "Which slope for the outputs?",
        """Backward, each output needs a slope in place of its spike. Its noise is steep, $β = 100$. The *matched* slope, that
        of its firing probability, is then a needle: 0 for almost every potential. So the outputs use *SuperSpike* here, a
        surrogate with wide tails.

        The plot has three runs of 1000 steps. [SuperSpike](light:slopes/compared.superspike) brings the distance to 0.117,
        the [matched slope](light:slopes/compared.matched) only to {matched}. The [eligibility
        rule](light:slopes/compared.eligibility) of the paper uses no slope of the outputs at all, and comes to {eligibility};
        it is not the gradient of any loss.""",
        panels=("slopes",),
        try_="In a notebook: explore freely, choose *matched* as the output slope, or the eligibility rule, and press Start. It "
        "takes half a minute.",
    ),
    Step(
        "Three sentences, and a question",
        """**1.** A network with noise learns to draw a picture with its spikes, by surrogate gradients.

        **2.** Single trials stay random, their average does not: the Fano factor remains near that of independent spikes.

        **3.** What is learnt depends on the distance: one that does not forgive a millisecond favours silence.

        This network drew one picture. **Can noisy networks tell patterns apart that they have never seen, and do they need
        their noise for that?** [The next page](page:classification) asks.""",
        panels=("target", "mean"),
        controls=("moment",),
        try_="[Go through it once more](step:1), or explore freely; in a notebook, with a picture of your own.",
    ),
)
