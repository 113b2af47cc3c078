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

        Two of the inputs may learn, each its weight and its time. Both weights are 0 now, so nothing of them is to be seen.""",
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
            """A small change of a weight still makes no spike, so this loss does not change. Its gradient is 0, and gradient
            descent stays here for ever.""",
        ),
    ),
    Step(
        "Behind the end",
        """Behind the end of the trial the neuron is driven on, and would spike there: the hollow triangles. These
        [pseudospikes](page:pseudospikes) move smoothly with every weight and every time, also where they come into the
        trial. So take the first two spikes $t_k$, ordinary or not, and the loss

        $$L = \\frac{1}{2} ∑_k (t_k − t̂_k)^2$$

        with targets $t̂_k$. Its gradient is *exact*: it goes from spike to spike through closed formulas, without time
        steps and without a surrogate.""",
        panels=("neuron",),
        ask=Number(
            "The pseudospikes lie at 10.69 and 11.89, the targets at 2.5 and 7.5. How large is the loss?",
            "loss",
            0.3,
            "More. Add the squares of both differences, and take half of the sum.",
            "Less. Add the squares of both differences, and take half of the sum.",
            """It is {loss}. Half of it, and more, is due to the first spike.""",
        ),
    ),
    Step(
        "Watch it learn",
        """Each trial moves both weights and both times a little against the gradient: 0.1 times each of its components, of
        which none counts more than 0.02. This is done 3000 times (Klos and Memmesheimer 2025, Fig. 2).""",
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
        "A target out of reach",
        """Now the second spike shall come at 5 instead of 7.5. Only two inputs can learn, all others stay as they are.""",
        panels=("spikes", "path"),
        controls=("first", "second", "rate"),
        set={"trial": 120, "second": 5.0},
        ask=Choose(
            "After 3000 trials, which spikes are on their targets?",
            ("both", "only the first", "neither, exactly"),
            2,
            (
                "Between its spikes the neuron must recover.",
                "Both share one loss: a gain at one may cost at the other.",
                "",
            ),
            """They end at {spike_1} and {spike_2}. Where the loss is least near by, there gradient descent ends; an exact
            gradient says which way is down, not that there is a way to zero.""",
            reveals=("spikes", "path"),
        ),
        try_="[7.5](second=7.5) and [9](second=9) can be reached, [4](second=4) cannot. A smaller [learning rate](rate=0.04) "
        "needs more trials; the second spike may then stay behind the end.",
    ),
    Step(
        "Ten neurons",
        """Ten QIF neurons drive each other, and each has inputs of its own at random but fixed times. Five target times of
        neuron 1 and four of neuron 2 are ringed, and the next spike of each shall stay away. What is learnt: 90 weights
        among the neurons, and how each begins. The weights are 0 at first (Klos and Memmesheimer 2025, Fig. 3; inputs and
        targets are drawn anew here).""",
        panels=("raster", "trajectories"),
        controls=("stage",),
        set={**_RECURRENT, "stage": 0},
        ask=Number(
            "How many of the nine spikes that are asked for, in blue, are pseudospikes now?",
            6.0,
            0.1,
            "More. Count the blue dots to the right of the dashed line.",
            "Fewer. Count the blue dots to the right of the dashed line.",
            """Six; only three come within the trial. In the end all nine do, with a largest error of 0.24 τ.""",
            reveals=("trajectories",),
        ),
        try_="[Play the film](play:stage): shown is trial {recurrent_trials}, with a loss of {recurrent_loss} and a largest error "
        "of {recurrent_error}.",
    ),
    Step(
        "Wake the silent network",
        """64 pixels, two layers of 100 theta neurons, ten outputs. It shall tell handwritten digits apart: bright pixels spike
        early, and the output that spikes first is the answer. The weights begin so small that no neuron spikes for any
        digit, as if all had died.

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
            """One in ten, which is chance: {control}. Its gradient is exactly 0 in every step. With pseudospikes it is
            {accuracy}. Digits, code and size are ours; Fig. 4 of Klos and Memmesheimer (2025) does this with MNIST.""",
            reveals=("accuracy",),
        ),
        try_="[Play the film](play:moment): {steps} steps. In a notebook, explore freely and press Start to train another one.",
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
            """For {spoken}. All other answers are the first pseudospike: right, but not yet said. The loss also presses spikes
            to be early; with more steps more answers come in. Of the second hidden layer {still_silent} is still silent.""",
            reveals=("silence",),
        ),
        try_="[Play the film](play:moment): at first the outputs cannot be told apart, then the right one moves ahead, then it "
        "comes in.",
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
            """{prop_slope}: there is no event through which it could pass. For QIF neurons the slope is {exact_slope}: more weight
            brings the pseudospike nearer. Both are exact derivatives of what they differentiate.""",
            reveals=("answer_slopes",),
        ),
        try_="[0.3](place=0.3), [0.6](place=0.6), [0.9](place=0.9); or [play](play:place).",
    ),
    Step(
        "The third answer",
        """A *surrogate gradient* works in discrete time and replaces the derivative of each spike by a bump. Its loss is the
        distance of van Rossum of the output from one spike at the target. EventProp gives the exact derivative of the same
        distance, and so can judge it.""",
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
            """It says {surrogate_slope} where the derivative is {true_slope}; the cosine of the two gradients is {cosine}. But
            without a spike, left of the jump, it is not 0 although the derivative is: that is its use.""",
            reveals=("answer_surrogate",),
        ),
        try_="[0.3](place=0.3), [0.6](place=0.6), [0.9](place=0.9).",
    ),
    Step(
        "Learning from silence, and the cost",
        """All eight weights begin at 0.3, where no neuron of any of the networks spikes within the trial. Each gradient then
        learns for 300 trials.

        What a trial costs: {exact_events} events for QIF neurons and {prop_events} for LIF neurons, spikes of inputs among them,
        against {surrogate_steps} time steps for the surrogate gradient.""",
        panels=("wakes",),
        set=_ANSWERS,
        ask=Choose(
            "Which of the three has the output on its way to 0.9, and spiking, after 300 trials?",
            ("all", "the exact one alone", "the exact one and EventProp"),
            1,
            (
                "Which of them is 0 in silence?",
                "",
                "EventProp is 0 in silence.",
            ),
            """The exact one, now at 1.38. EventProp never begins. The surrogate gradient does wake the network, but here every
            step with a spike takes the spike away again. Elsewhere it works: see [page 7](page:spike_train_matching).""",
            reveals=("wakes",),
        ),
    ),
    Step(
        "Four sentences",
        """**1.** With pseudospikes the times of spikes are smooth in all weights, so their exact gradient brings spikes into a
        trial without a jump.

        **2.** It works for one neuron, for ten in a loop, and wakes a network in which nothing spikes.

        **3.** EventProp is as exact, where there are spikes; where there are none it is 0. A surrogate gradient is not, but
        may point the wrong way.

        **4.** Exact does not mean that every target can be reached, nor that answers are spikes.""",
        panels=("neuron", "spikes"),
        controls=("trial",),
        set={**_TWO, "trial": 120},
        try_="[Go through it once more](step:1), or explore freely: the menu *task* has all four experiments.",
    ),
)
