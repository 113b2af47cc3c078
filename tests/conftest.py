"""Strict mode: 64-bit numbers, no silent change of rank or type, annotations checked, warnings are errors."""

import functools
import gc
import pathlib
import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import config, install_import_hook
from xdist.scheduler import LoadScopeScheduling

PAGES = {path.stem for path in pathlib.Path(__file__).parents[1].glob("sgtheory/pages/[a-z]*.py")}

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

# From here on every module of the package checks its annotations at each call.
install_import_hook("sgtheory", "beartype.beartype").__enter__()


class TogetherScheduling(LoadScopeScheduling):
    """Spreads the tests over processes; those of a module, and those of a page, share fixtures and compiled programs."""

    def _split_scope(self, nodeid):
        module, _, test = nodeid.partition("::")
        if "tests/pages/" not in module:
            return module
        words = [*re.split(r"\W", test.partition("[")[2]), pathlib.Path(module).stem.removeprefix("test_")]
        return next((word for word in words if word in PAGES), "single_unit")


MAPS, MANY = pathlib.Path("/proc/self/maps"), 20_000


@pytest.fixture(autouse=True, scope="module")
def few_programs():
    """Each compiled program takes a few memory maps, of which Linux gives a process 65 530: beyond that XLA ends it."""
    yield
    if MAPS.exists() and MAPS.read_bytes().count(b"\n") > MANY:
        jax.clear_caches()
        gc.collect()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return TogetherScheduling(config, log)


@pytest.fixture
def annotations_off():
    """As in a user's session: a wrong argument meets the refusal in words, not the check of its annotation."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


@pytest.fixture(scope="module")
def quick_compilation():
    """For tests whose time would go into optimising many programs that run for some milliseconds each."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(scope="session")
def quick_jit():
    """`equinox.filter_jit` for programs that run for some milliseconds: it compiles three times as fast.

    XLA's newer way of making kernels is switched off, in those of its versions that know both ways.
    """
    options = {"xla_cpu_use_fusion_emitters": False}
    try:
        jax.jit(jnp.negative, compiler_options=options)(1.0)
    except jax.errors.JaxRuntimeError:
        options = None
    return functools.partial(eqx.filter_jit, compiler_options=options)


@pytest.fixture(scope="session")
def written():
    """A function: writes a small file of the published layout of spoken digits, by itself ragged, with an empty sample."""
    import h5py

    def write(path, times=None, units=None, labels=None, speakers=None, without=()):
        times = [[0.0, 0.1, 0.5], [], [0.7]] if times is None else times
        units = [[0, 699, 5], [], [3]] if units is None else units
        labels = [3, 0, 19] if labels is None else labels
        speakers = [1, 2, 2] if speakers is None else speakers
        with h5py.File(path, "w") as file:
            for name, values, kind in (("times", times, "f2"), ("units", units, "u2")):
                if f"spikes/{name}" in without:
                    continue
                kind = np.asarray(values[0]).dtype if isinstance(values[0], np.ndarray) else np.dtype(kind)
                data = file.create_dataset(f"spikes/{name}", (len(values),), dtype=h5py.vlen_dtype(kind))
                for k, each in enumerate(values):
                    data[k] = np.asarray(each, dtype=kind)
            if "labels" not in without:
                file["labels"] = np.asarray(labels)
            file["extra/speaker"] = np.asarray(speakers)
        return path

    return write
