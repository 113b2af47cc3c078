"""What page 03 shows where there is nothing to show."""

import numpy as np

from sgtheory.pages._laboratory import STILL


def test_a_method_that_does_not_vary_is_drawn_where_rounding_begins_also_when_it_is_alone(ready_pages):
    page = ready_pages["gradient_laboratory"]
    sources = page.compute(page.settings() | {"methods": "mean field"})
    drawn = sources["mean_field.runs_exponent"]["mean_field.variance_exponent"][0]
    assert sources["readouts"]["variance"][0] < STILL
    assert drawn < np.log10(STILL)
    assert sources["ranges"]["cost.start"][0] < drawn < sources["ranges"]["cost.end"][0]


def test_methods_that_are_not_ticked_have_no_numbers(ready_pages):
    page = ready_pages["gradient_laboratory"]
    sources = page.compute(page.settings() | {"methods": "mean field"})
    drawn = {source.partition(".")[0] for source, columns in sources.items() if "." in source and columns["x"].size}
    assert drawn == {"equal", "mean_field", "name mean_field"}


def test_a_table_is_row_by_row_what_the_settings_show_whatever_else_is_moved(ready_pages, tools):
    page = ready_pages["gradient_laboratory"]
    settings = page.settings() | {"network": "chain 1-1-1-1", "seed": 3, "along": 40, "weights": 2, "spread": 1.5}
    values = page.by_name["steepness"].numbers(3)
    table = page.sweep(settings, "steepness", values)
    for index, value in enumerate(values):
        picture = tools.columns_of(page.compute(settings | {"steepness": float(value)}))
        row = tools.columns_of(tools.row(table, index))
        assert row.keys() == picture.keys()
        for name, column in row.items():
            np.testing.assert_allclose(column, picture[name], rtol=1e-12, atol=1e-12, err_msg=name)


def test_the_table_holds_each_ticked_method_and_no_other(ready_pages):
    page = ready_pages["gradient_laboratory"]
    settings = page.settings() | {"methods": "mean field; stochastic triple"}
    numbers = page.compute(settings)["readouts"]
    assert {key for key in numbers if key.endswith("_cosine")} == {"mean_field_cosine", "stochastic_triple_cosine"}
    alone = page.compute(settings | {"methods": "stochastic triple"})["readouts"]
    for column, _ in page.table.columns:
        assert numbers[f"stochastic_triple_{column}"] == alone[column]  # of the first ticked
