"""Figures S1 and S2 of Klos & Memmesheimer (2025) as numbers: spikes that cross the end of a trial, with two kinds of pseudospikes.

Each is computed from `pseudospikes`, as page 10 shows it.
"""

import jax
import jax.numpy as jnp

from sgtheory.experiments import pseudospikes as crossings
from sgtheory.experiments._figure_rows import Row, points

EXPONENTS = (1.0, 2.0, 3.0)
"""Of the continued phases; the first one is the control, whose slopes jump."""


def figure_s1() -> tuple[list[Row], list[Row]]:
    """Type 1: three spikes of a neuron and of the one that it drives, and their slopes; and both sides of the crossing.

    **Source:** Klos & Memmesheimer (2025), Fig. S1.

    >>> rows, table = figure_s1()
    >>> for row in table:
    ...     print(row["spikes of"], row["slope below"], row["slope above"])
    neuron 1 -6.12084 -6.12084
    neuron 2 -0.23987 -1.15466
    """
    with jax.enable_x64(True):
        found = crossings.driven_pair(crossings.PairSetting())
    rows: list[Row] = []
    for quantity, columns in (
        ("time", (found.first, found.second)), ("slope", (found.first_slopes, found.second_slopes)),
    ):  # fmt: skip
        for neuron, values in enumerate(columns, 1):
            for spike in range(crossings.SPIKES):
                rows += points(
                    f"type 1, {quantity} against weight", f"neuron {neuron}", found.weights, values[:, spike], spike
                )
    table: list[Row] = [
        {
            "spikes of": f"neuron {neuron}", "neuron 1 crosses the end at weight": f"{float(found.crossing):.6f}",
            "slope below": f"{float(sides[0]):.5f}", "slope above": f"{float(sides[1]):.5f}",
        }
        for neuron, sides in enumerate((found.slope, found.next_slope), 1)
    ]  # fmt: skip
    return rows, table


def figure_s2() -> tuple[list[Row], list[Row]]:
    """Type 2, reconstructed: two hidden neurons and an output, whose slope jumps at both transitions for an exponent of 1 alone.

    The weights to the output are chosen (`pseudospikes.TO_OUTPUT`).

    **Source:** Klos & Memmesheimer (2025), Fig. S2.

    >>> for row in figure_s2()[1][:4]:
    ...     print(row["exponent"], row["transition at weight"], row["the slope of the output jumps by"])
    1 2.4719 510 %
    1 3.4300 94 %
    2 2.4719 0 %
    2 3.4300 0 %
    """
    rows: list[Row] = []
    table: list[Row] = []
    with jax.enable_x64(True):
        every = {exponent: crossings.continued_layers(jnp.asarray(exponent)) for exponent in EXPONENTS}
        weights, places = crossings.weights(), crossings.places()
    for unit, name in enumerate(("hidden neuron 1", "hidden neuron 2", "output")):
        rows += points("d = 2, time against weight", name, weights, every[2.0].times[:, unit])
    for transition in (0, 1):
        for exponent, found in every.items():
            slopes = found.near_slopes if transition == 0 else found.far_slopes
            panel = f"output, slope against weight less w{transition + 1}, in thousandths"
            rows += points(panel, f"d = {exponent:g}", places, slopes)
    for exponent, found in every.items():
        for weight, sides, jump in zip(found.transitions, found.slope, found.jump, strict=True):
            table.append({
                "exponent": f"{exponent:g}", "transition at weight": f"{float(weight):.4f}",
                "slope below": f"{float(sides[0]):.4f}", "slope above": f"{float(sides[1]):.4f}",
                "the slope of the output jumps by": f"{float(jump):.0f} %",
            })  # fmt: skip
    return rows, table
