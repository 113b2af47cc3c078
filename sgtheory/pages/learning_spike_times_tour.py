"""The tour of page 11: what exact gradients of spike times can learn, one question at a time."""

from sgtheory.pages._kit import Choose, Number, Step

_TWO = {"task": "two spike times"}
_RECURRENT = {"task": "recurrent network"}
_SILENT = {"task": "silent network"}
_ANSWERS = {"task": "three answers"}

TOUR = (
    Step(
        "A neuron that says nothing",
        """A quadratic integrate-and-fire (QIF) neuron gets 22 input spikes in a trial of 10 membrane time constants τ. Each is
        drawn as high as its weight; those below zero inhibit. The neuron shall spike twice, at 2.5 and at 7.5, the dotted
        lines. It does not spike at all.

        Two of the inputs may learn, each its weight and its time. Both weights are 0 now, so you cannot see them.""",
        panels=("neuron",),
        without=("neuron/goal.pseudo_height",),
        ask=Choose(
            "A loss that knows only the spikes within the trial: what is its gradient with respect to a weight?",
            ("zero", "infinite", "it points to larger weights"),
            0,
            (
                "",
                "Change a weight very little. Does a spike appear?",
                "Change a weight very little. Does a spike appear?",
            ),
            """A spike that is not there has no time, and no derivative. But a small change of a weight still makes no spike, so a
            loss that leaves it out does not change: its gradient is 0, and gradient descent stays here for ever.""",
        ),
    ),
    Step(
        "Behind the end",
        """Behind the end of the trial the neuron is driven on, and would spike there: the hollow triangles. These
        [pseudospikes](page:pseudospikes) move smoothly with every weight and every time, also where they come into the
        trial. So take the first two spikes $t_k$, ordinary or not, and the loss

        $$L = \\frac{1}{2} ∑_k (t_k − t̂_k)^2$$

        with targets $t̂_k$. Its gradient is *exact*: it goes from spike to spike through closed formulas, without time
        steps and without the [surrogates](page:single_unit) of page 1.""",
        panels=("neuron",),
        ask=Number(
            "The pseudospikes lie at 10.69 and 11.89, the targets at 2.5 and 7.5. How large is the loss?",
            "loss",
            0.3,
            "More. Add the squares of both differences, and take half of the sum.",
            "Less. Add the squares of both differences, and take half of the sum.",
            """It is {loss}. More than three quarters of it is due to the first spike.""",
        ),
    ),
    Step(
        "Watch it learn",
        """Each trial moves both weights and both times a little against the gradient: by 0.1 times its components, each
        clipped to ±0.02. This is done 3000 times (Klos and Memmesheimer 2025, Fig. 2).""",
        panels=("neuron", "spikes"),
        controls=("trial",),
        ask=Choose(
            "How will the first spike come into the trial?",
            ("it jumps to its target", "it glides in across the end", "both spikes come in together"),
            1,
            (
                "Its time is a smooth function of the weights.",
                "",
                "Spikes of one neuron follow one another.",
            ),
            """It glides in at trial {entry_1}, the second at trial {entry_2}. Dashed is a pseudospike, solid an ordinary spike.
            No spike ever moves by more than {jump} from one trial to the next.""",
            reveals=("spikes",),
        ),
        try_="[Play](play:trial) the film. The green inputs are those that learn. Shown is trial {trials}.",
    ),
    Step(
        "No jump",
        """Here are the two spike times in a plane. Learning draws a path from the upper right corner, where both are
        pseudospikes, across both dashed lines, to the target.""",
        panels=("path",),
        controls=("trial",),
        ask=Choose(
            "How long is this path, compared with the straight line?",
            ("about as long", "three times as long", "ten times as long"),
            0,
            (
                "",
                "Each step goes down a smooth loss. Does it have a reason for a long way round?",
                "Each step goes down a smooth loss. Does it have a reason for a long way round?",
            ),
            """{length} times as long. A path with jumps would be longer, or have gaps; the largest step of a spike is {jump}. With
            a learning rate of half the size it would be half of that: this is what *no jump* means.""",
            reveals=("path",),
        ),
        try_="[Play](play:trial) it: the dot is trial {trials}, with spikes at {spike_1} and {spike_2}.",
    ),
    Step(
        "How near?",
        """Nothing here is random, and the gradient is exact. The loss has a logarithmic axis.""",
        panels=("loss", "weights"),
        controls=("trial",),
        set={"trial": 120},
        ask=Choose(
            "How small is the loss after 3000 trials?",
            ("about 0.01", "about one in a million", "below 10⁻²⁰"),
            2,
            (
                "No noise sets a limit.",
                "No noise sets a limit.",
                "",
            ),
            """Below 10⁻²⁰: the spikes lie on their targets to ten digits. For 2000 trials it hardly seems to fall, because a
            weight can grow by 0.002 a trial only. At the end it falls by the same factor in every trial, as it must near
            the bottom of a smooth valley.""",
            reveals=("loss",),
        ),
    ),
    Step(
        "Not there yet",
        """Now the second spike shall come at 5 instead of 7.5. As before, two inputs learn, in 3000 trials.""",
        panels=("spikes", "path"),
        controls=("first", "second", "rate"),
        set={"trial": 120, "second": 5.0},
        ask=Choose(
            "After 3000 trials, which spikes are on their targets?",
            ("both", "only the first", "neither, exactly"),
            2,
            (
                "Between its spikes the neuron must recover. Does that take larger weights?",
                "Both share one loss. While one spike is far from its target, where does the other go?",
                "",
            ),
            """They are at 2.298 and 6.803, and still on their way. Two spikes so close need weights near 7; but each grows by at
            most 0.002 a trial, so after 3000 trials they are near 6. An exact gradient says which way is down,
            not how far it is.""",
            reveals=("spikes", "path"),
        ),
        try_="In a notebook: with a [learning rate of 0.2](rate=0.2) both spikes arrive after 1900 trials. [4](second=4) takes "
        "longer, and at [3](second=3) the weights grow and grow. [Back](second=5) to 5.",
    ),
    Step(
        "Ten neurons",
        """Ten QIF neurons drive each other, and each has inputs of its own at random but fixed times. Five target times of
        neuron 1 and four of neuron 2 are ringed; the spike after them shall stay behind the end. What is learnt: 90 weights
        among the neurons, and the potential and current with which each begins. The weights are 0 at first (Klos and
        Memmesheimer 2025, Fig. 3; inputs and targets are drawn anew here).""",
        panels=("raster", "trajectories"),
        controls=("stage",),
        set={**_RECURRENT, "stage": 0},
        ask=Number(
            "How many of the nine spikes that are asked for, in blue, are pseudospikes now?",
            6.0,
            0.1,
            "More. Count the blue dots to the right of the dashed line.",
            "Fewer. Count the blue dots to the right of the dashed line.",
            """Six; only three come within the trial. In the end all nine do, with a largest error of 0.24 τ. Curves fall steeply,
            because this optimiser's first steps are large, and trials are drawn on a logarithmic axis.""",
            reveals=("trajectories",),
        ),
        try_="[Play the film](play:stage): shown is trial {recurrent_trials}, with a loss of {recurrent_loss} and a largest error "
        "of {recurrent_error}.",
    ),
    Step(
        "Wake the silent network",
        """64 pixels, two layers of 100 *theta neurons* (QIF neurons whose potential an input moves at once, and which, left alone,
        spike behind the end of the trial), ten outputs. It shall tell handwritten digits apart: bright pixels spike
        early, and the output that spikes first is the answer. The weights begin so small that no neuron spikes for any digit.

        One network learns with pseudospikes, those of each layer reaching the next. A second one has none: an output
        without a spike has the time of the end of the trial.""",
        panels=("accuracy",),
        controls=("moment",),
        set={**_SILENT, "moment": 15},
        ask=Choose(
            "After 300 steps, how many new digits does the network without pseudospikes get right?",
            ("one in ten", "one in two", "nearly all"),
            0,
            (
                "",
                "Which of its weights has a gradient?",
                "Which of its weights has a gradient?",
            ),
            """One in ten, which is chance. Its gradient is exactly 0 in every step. With pseudospikes it is 96 %. Digits, code
            and size are ours; Fig. 4 of Klos and Memmesheimer (2025) does this with MNIST.""",
            reveals=("accuracy",),
        ),
        try_="[Play the film](play:moment): after {steps} steps the accuracy is {accuracy}, without pseudospikes {control} at the "
        "end. In a notebook, explore freely and press Start to train another one.",
    ),
    Step(
        "Who answers?",
        """For one sample of each digit you see when the ten outputs first spike. Leftmost wins; blue is the output that
        should. The trial ends at 2.""",
        panels=("outputs", "silence"),
        controls=("moment",),
        set={**_SILENT, "moment": 15},
        ask=Choose(
            "For what part of new digits does an output spike within the trial?",
            ("for all", "for about one in four", "for none"),
            1,
            (
                "Look where most blue dots lie.",
                "",
                "Look for blue dots to the left of the dashed line.",
            ),
            """For 25 %. All other answers are the first pseudospike: mostly right, but not yet said. The loss also presses spikes
            to be early; with more steps more answers come in. Of the second hidden layer 6 % is still silent.""",
            reveals=("silence",),
        ),
        try_="[Play the film](play:moment): at first the outputs cannot be told apart, then the right one moves ahead, then it "
        "comes in. Now {spoken} of the answers are spikes.",
    ),
    Step(
        "Three answers",
        """Three inputs, two hidden neurons, one output, whose first spike shall come at 0.9. One weight is varied. The same
        network is made of QIF neurons, and of leaky (LIF) ones, whose spike vanishes where the orange line ends.
        *EventProp* is the exact gradient of LIF networks, from event to event (Wunderlich and Pehle 2021).""",
        panels=("answer_times", "answer_slopes"),
        controls=("place",),
        set={**_ANSWERS, "place": 0.3},
        ask=Choose(
            "Where the LIF output has no spike, what does EventProp say?",
            ("more weight", "less weight", "zero"),
            2,
            (
                "It collects from spike to spike. Here is none.",
                "It collects from spike to spike. Here is none.",
                "",
            ),
            """Zero: there is no event through which it could pass. For QIF neurons the slope is below 0 everywhere: more weight
            brings the pseudospike nearer. Both are exact derivatives of what they differentiate. (At 0.56 a hidden spike
            enters the trial: a kink, as on [page 10](page:pseudospikes).)""",
            reveals=("answer_slopes",),
        ),
        try_="[0.3](place=0.3), [0.6](place=0.6), [0.9](place=0.9); or [play](play:place). The slopes are {exact_slope} and "
        "{prop_slope}.",
    ),
    Step(
        "The third answer",
        """A *surrogate gradient* works in discrete time and replaces the derivative of each spike by a bump. Its loss $L$ is the
        van Rossum distance of the output from one spike at the target: that of both spike trains, each smoothed. EventProp
        gives the exact derivative of the same distance, and so can judge it.""",
        panels=("answer_surrogate", "answer_times"),
        controls=("place",),
        set={**_ANSWERS, "place": 0.6},
        ask=Choose(
            "At 0.6 the LIF output spikes a little late. Does the surrogate gradient have the sign of the exact one?",
            ("yes", "no, the other sign", "it is 0"),
            1,
            (
                "It is not the derivative of any loss, so nothing holds it to one.",
                "",
                "It is 0 only where the bump does not reach.",
            ),
            """It says +0.12 where the derivative is −0.005; with respect to all eight weights the cosine of the two gradients is
            −0.98. But without a spike, left of the jump, it is not 0 although the derivative is: that is its use.""",
            reveals=("answer_surrogate",),
        ),
        try_="[0.3](place=0.3), [0.6](place=0.6), [0.9](place=0.9): {surrogate_slope} for {true_slope}, cosine {cosine}.",
    ),
    Step(
        "Learning from silence, and the cost",
        """All eight weights begin at 0.3, where no neuron of any of the networks spikes within the trial. Each gradient then
        learns for 300 trials.

        What a trial costs where all three spike, at the weights of the last two steps: {exact_events} events for QIF neurons and
        {prop_events} for LIF neurons, three of inputs among them, against {surrogate_steps} time steps for the surrogate
        gradient.""",
        panels=("wakes",),
        set=_ANSWERS,
        ask=Choose(
            "With which gradient does the output spike, and keeps its spike, after 300 trials?",
            ("all three", "the exact one alone", "the exact one and the surrogate", "the exact one and EventProp"),
            1,
            (
                "Which of them is 0 in silence?",
                "",
                "It is not 0 in silence. But where there is a spike, which sign did it have on the last step?",
                "EventProp is 0 in silence.",
            ),
            """With the exact one: its spike is at 1.38, and moves on. EventProp never begins. The surrogate gradient does wake the
            network, with a spike at 1.11; but the next trial takes it away again, so its dots are in two rows. Elsewhere it
            works: see [page 7](page:spike_train_matching).""",
            reveals=("wakes",),
        ),
    ),
    Step(
        "Four sentences",
        """**1.** With pseudospikes the times of spikes are continuous in all weights, and smooth but for kinks of driven neurons.
        So their exact gradient brings spikes into a trial without a jump.

        **2.** It works for one neuron, for ten in a loop, and wakes a network in which nothing spikes.

        **3.** EventProp is as exact, where there are spikes; where there are none it is 0. A surrogate gradient is not, but
        may point the wrong way.

        **4.** Exact does not mean fast: how long the steps are is a choice. Nor does it mean that answers are spikes.""",
        panels=("neuron", "spikes"),
        controls=("trial",),
        set={**_TWO, "trial": 120},
        try_="[Go through it once more](step:1), or explore freely: the menu *task* has all four experiments.",
    ),
)
