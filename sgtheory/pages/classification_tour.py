"""The tour of page 08: networks that tell patterns apart, and what matters in their training, one question at a time."""

from sgtheory.pages._kit import Choose, Number, Step


def _only(panels: tuple[str, ...], *arms: str) -> tuple[str, ...]:
    """The marks of these panels that show other ways to train than `arms`."""
    every = ("noise_matched", "noise_superspike", "no_noise", "through_the_reset", "unscaled", "unscaled_through")
    others = [arm for arm in every if arm not in arms]
    return tuple(
        f"{panel}/{address.format(arm)}" for panel in panels for arm in others for address in _ADDRESSES[panel]
    )


_ADDRESSES = {"accuracy": ("{}.own",), "loss": ("{}.losses",), "tests": ("tests.{}_with", "tests.{}_without")}
_BOTH = ("accuracy", "loss")

TOUR = (
    Step(
        "Patterns that differ only in spike times",
        """Each of 48 inputs spikes once, at its own time: the top of the plot is one such *sample*. Samples come from ten
        classes. Within a class a hidden coordinate moves all 48 times smoothly: the samples lie on a curve, a *random
        manifold*. Every input spikes once in each sample, so counts tell nothing: only times do.

        In two layers, each leaky integrate-and-fire (LIF) neuron gets spikes from neighbouring inputs and from neighbours
        in its own layer, a *recurrent convolution*. Ten units that do not spike sum the last layer's spikes; the one with
        the highest potential is the answer.""",
        panels=("spikes",),
        ask=Choose(
            "What share of answers would be right by guessing?",
            ("one in two", "one in ten", "none"),
            1,
            ("There are ten classes.", "", "Whoever guesses is right sometimes."),
            "One in ten. A network that has learnt nothing is there: 0.105 of new samples are right before the first step.",
        ),
    ),
    Step(
        "It learns, with noise",
        """The network has *escape noise* in every layer, and learns by surrogate gradients; its surrogate derivative is
        *SuperSpike*, $1/(1 + β|u|)^2$, at a distance $u$ from threshold. The plot shows the share of 400 new samples that
        it classifies correctly.""",
        panels=("accuracy",),
        controls=("moment",),
        without=_only(("accuracy",), "noise_superspike"),
        set={"moment": 0},
        try_="[Play the film](play:moment) of the training, or go to its [end](moment=15). It has 16 *moments*: the dotted line is "
        "at the one that is chosen, after {step} steps of training.",
    ),
    Step(
        "And without noise?",
        """A second network begins with the same weights and learns without noise: a neuron fires whenever its potential exceeds
        the threshold.""",
        panels=("accuracy", "loss"),
        controls=("moment",),
        without=_only(_BOTH, "noise_superspike", "no_noise"),
        ask=Choose(
            "Tested as it was trained, the network without noise is in the end …",
            ("much better", "about as good", "much worse"),
            1,
            (
                "Its loss is a little lower, but what of new samples?",
                "",
                "Surrogate gradients were invented for such networks.",
            ),
            """About as good: 0.90 of the samples each. On the samples that it learns from, the network without noise has the lower
            [loss](light:loss/no_noise.losses), 0.17 against 0.29 with noise; on new samples it gains nothing by that.""",
            reveals=("accuracy", "loss"),
        ),
    ),
    Step(
        "Change the rules for the test",
        """Now each network is tested in both ways, with noise and without. The bars are shares of right answers.""",
        panels=("tests",),
        controls=("moment",),
        without=_only(("tests",), "noise_superspike", "no_noise"),
        ask=Choose(
            "Which network gets clearly worse by a test for which it was not trained?",
            ("the noisy one, tested without noise", "the one without noise, tested with it", "both"),
            1,
            (
                "A network that has learnt to bear noise: what does it lose when there is none?",
                "",
                "A network that has learnt to bear noise: what does it lose when there is none?",
            ),
            """The one without noise: 0.90 becomes 0.83 with noise. The noisy one has 0.90 and 0.90: a network
            trained with noise does not need it; the reverse does not hold. On spoken digits, and with three layers, Gygax
            and Zenke (2025) saw the same, and a much larger drop.""",
            reveals=("tests",),
        ),
    ),
    Step(
        "Which classes are confused?",
        """The classes have the numbers 0 to 9. Rows are classes of samples, columns are answers. A right answer lies on the
        diagonal.""",
        panels=("confusion",),
        controls=("moment",),
        in_words=("network",),
        set={"network": "no noise"},
        try_="In a notebook, look at the network [without noise](network=no noise), at the one [with noise](network=noise, "
        "SuperSpike), and at an [early moment](moment=4).",
    ),
    Step(
        "The same sample, ten times",
        """With noise no two trials are the same. The plot has ten trials of one sample. A curve is the *lead* of the right class:
        its highest potential so far, less the highest so far of all other classes. The answer is the class whose potential
        comes highest in the whole trial, so a curve that ends above zero is a right answer.

        The *Fano factor*, variance over mean of spike counts in ten milliseconds, says how much trials differ.""",
        panels=("trials", "fano"),
        controls=("moment",),
        set={"network": "noise, SuperSpike"},
        ask=Choose(
            "While the network learns, the Fano factor of its last layer …",
            ("falls to nearly 0", "hardly changes", "rises above 1"),
            1,
            (
                "Does the network need equal trials for equal answers?",
                "",
                "Independent rare spikes would have 1, and these are neither.",
            ),
            """From 0.61 it comes to {fano} in the end. Spikes stay a matter of chance; what they add up to hardly does:
            all ten curves end above zero.""",
            reveals=("fano",),
        ),
    ),
    Step(
        "The missing control",
        """Page 1 said that a surrogate is exact if it *matches* the noise: if it is the slope of the escape probability. The
        network of this page, as in the paper, has noise with a sigmoid and SuperSpike as its surrogate: no match. Here is
        a third network, with the matched slope.""",
        panels=("accuracy", "loss"),
        controls=("moment",),
        without=_only(_BOTH, "noise_superspike", "no_noise", "noise_matched"),
        ask=Choose(
            "With the matched surrogate, this network learns …",
            ("better", "about as well", "worse"),
            2,
            (
                "Exact holds for one unit. And how far from threshold does each slope reach?",
                "Exact holds for one unit. And how far from threshold does each slope reach?",
                "",
            ),
            """Worse: 0.45 of the samples, and 0.90 with SuperSpike. In a deep network neither is exact (page 2). But the matched
            slope vanishes exponentially away from threshold, where most potentials are; SuperSpike has wide tails, and
            still tells a silent neuron what to do. Matched is not best.""",
            reveals=("accuracy", "loss"),
        ),
    ),
    Step(
        "The scale, and the reset",
        """After a spike the potential is reset; so far the gradient ignored that (*detached*). Three more networks with noise: one
        passes it [through the reset](light:accuracy/through_the_reset.own). SuperSpike is 1 at threshold; in another
        network it is [unscaled](light:accuracy/unscaled.own), $β$ = 10 there. The last has
        [both](light:accuracy/unscaled_through.own).""",
        panels=("accuracy", "tests"),
        controls=("moment",),
        ask=Number(
            "A gradient passes from the answer through two layers, with a slope at each. Unscaled, by which factor is what "
            "reaches the first layer's weights larger, at least?",
            100.0,
            1.0,
            "Too small. Each of the two layers multiplies by a slope that is β = 10 times as large.",
            "Too large. Each of the two layers multiplies by a slope that is β = 10 times as large.",
            """By $10^2$ = 100, and by more along the recurrent connections. Adam, the optimiser, divides a gradient by its
            usual size, but rare large ones remain: unscaled it comes to 0.38, 0.52 through the reset. Scaled, the reset
            hardly matters: 0.89 through it, 0.90 detached.""",
        ),
    ),
    Step(
        "Only one path",
        """A network without noise takes one path through its spikes: the most likely decisions. With noise each trial takes
        another one, and gradients are averaged. Is the one path typical?

        We average the gradient over many trials with noise, at the same weights. The plot shows the *cosine* with this
        mean, 1 for the same direction, of [one such trial](light:paths/look.one_paths), and of the [path without
        noise](light:paths/look.noiseless_paths), for the network trained without noise; vertical lines are one standard error
        up and down, over samples and noise.""",
        panels=("paths",),
        controls=("moment",),
        set={"network": "no noise"},
        ask=Choose(
            "For the network that was trained without noise, the path without noise points in the end …",
            ("more along the mean than a sampled path", "less than a sampled path", "against it"),
            1,
            (
                "Each sampled path is a fair draw from what the mean is over. Is this path?",
                "",
                "They share most of their spikes.",
            ),
            """Less: 0.50 ± 0.19, and 0.73 ± 0.06 for a sampled path. From 50 samples a single moment is not sure, but the path
            without noise is below at every moment after the first 10 steps. It is no random sample: it takes the
            likelier decision at each step. This *selection bias* is small
            at first and grows where the network has learnt to rely on its one path.""",
            reveals=("paths",),
        ),
    ),
    Step(
        "Three sentences, and a question",
        """**1.** Surrogate gradients train deep networks with noise as well as without.

        **2.** Networks trained with noise can do without it; those trained without it get worse when it comes.

        **3.** The width of the surrogate and its scale matter more than whether it matches the noise.

        All these gradients were wrong, more or less, and they served. **Is there a spiking neuron with a gradient that is
        exact?** There is one: the quadratic integrate-and-fire neuron, solved from spike to spike.""",
        panels=("tests", "accuracy"),
        controls=("moment",),
        try_="[Go through it once more](step:1), or explore freely: in a notebook, choose ways to train, and press Start.",
    ),
)
