"""What page 03 shows where there is nothing to show."""

import numpy as np

from sgtheory.pages._laboratory import STILL


def test_a_method_that_does_not_vary_is_drawn_where_rounding_begins_also_when_it_is_alone(ready_pages):
    page = ready_pages["gradient_laboratory"]
    sources = page.compute(page.settings() | {"methods": "mean field"})
    drawn = sources["mean_field_row"]["variance"][0]
    assert sources["readouts"]["variance"][0] < STILL
    assert drawn < np.log10(STILL)
    assert sources["ranges"]["cost.start"][0] < drawn < sources["ranges"]["cost.end"][0]


def test_the_table_holds_each_ticked_method_and_no_other(ready_pages):
    page = ready_pages["gradient_laboratory"]
    settings = page.settings() | {"methods": "mean field; stochastic triple"}
    numbers = page.compute(settings)["readouts"]
    assert {key for key in numbers if key.endswith("_cosine")} == {"mean_field_cosine", "stochastic_triple_cosine"}
    alone = page.compute(settings | {"methods": "stochastic triple"})["readouts"]
    for column, _ in page.table.columns:
        assert numbers[f"stochastic_triple_{column}"] == alone[column]  # of the first ticked
