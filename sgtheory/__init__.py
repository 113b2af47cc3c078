"""How gradients pass through spikes.

Families, from the bottom up: `escape` (probability of a spike), `surrogates` (surrogate derivatives), `rules` (what a
decision does forward and backward), `neurons`, `networks`, `gradients` (estimators, one draw at a time), `statistics`,
`experiments` (a question as a function), `pages` (the interactive pages). Sub-packages load when first used, so that
`import sgtheory` costs nothing and a page can show its first picture before JAX is loaded.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sgtheory import escape, experiments, gradients, networks, neurons, pages, rules, statistics, surrogates

__version__ = "0.1.0"

__all__ = [
    "escape",
    "experiments",
    "gradients",
    "networks",
    "neurons",
    "pages",
    "rules",
    "statistics",
    "surrogates",
]


def __getattr__(name: str):
    if name in __all__:
        return importlib.import_module(f"sgtheory.{name}")
    raise AttributeError(f"module 'sgtheory' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
