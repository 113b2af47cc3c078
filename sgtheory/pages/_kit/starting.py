"""How JAX starts behind the first picture: what makes the first programs ready sooner, and nothing else different."""

import contextlib
import gc
import importlib.metadata
import os
from collections.abc import Iterator

_FLAG = "--xla_cpu_use_fusion_emitters=false"
_KNOWN_TO = ("0.10.",)
"""Versions of jaxlib that know the flag; any other would end the process. Later ones have one way to make kernels."""


@contextlib.contextmanager
def starting() -> Iterator[None]:
    """The first programs, compiled in two thirds of the time.

    XLA's older way of making kernels for the CPU compiles faster and runs as fast; it is chosen unless JAX has computed
    before or the reader has chosen. While JAX traces, it makes hundreds of thousands of small objects that live on: Python
    does not look through them for garbage meanwhile.
    """
    chosen, collects = os.environ.get("XLA_FLAGS"), gc.isenabled()
    gc.disable()
    adds = importlib.metadata.version("jaxlib").startswith(_KNOWN_TO) and "fusion_emitters" not in (chosen or "")
    if adds:
        os.environ["XLA_FLAGS"] = f"{chosen or ''} {_FLAG}".strip()
    try:
        yield
    finally:
        if collects:
            gc.enable()
        # A process that this one starts may have another jaxlib. Another page may have begun meanwhile: it added nothing.
        if adds and chosen:
            os.environ["XLA_FLAGS"] = chosen
        elif adds:
            os.environ.pop("XLA_FLAGS", None)
