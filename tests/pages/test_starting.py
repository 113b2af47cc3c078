"""What is different while JAX starts, and that nothing of it is left afterwards."""

import gc
import importlib.metadata
import os
import subprocess
import sys

import pytest

from sgtheory.pages._kit.starting import starting

FLAG = "--xla_cpu_use_fusion_emitters=false"


@pytest.mark.parametrize("chosen", [None, "--xla_cpu_max_isa=AVX2"])
def test_what_the_reader_chose_is_there_during_and_after_the_start(chosen, monkeypatch):
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    if chosen is not None:
        monkeypatch.setenv("XLA_FLAGS", chosen)
    with starting():
        assert not gc.isenabled()
        assert (chosen or "") in os.environ.get("XLA_FLAGS", "")
    assert gc.isenabled()
    assert os.environ.get("XLA_FLAGS") == chosen


def test_two_pages_that_start_one_after_the_other_leave_nothing(monkeypatch):
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    first, second = starting(), starting()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    assert gc.isenabled()
    assert "XLA_FLAGS" not in os.environ


def test_a_way_to_make_kernels_that_was_chosen_stays(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=true")
    with starting():
        assert os.environ["XLA_FLAGS"] == "--xla_cpu_use_fusion_emitters=true"


@pytest.mark.parametrize(
    ("version", "told"), [("0.10.2", True), ("0.1.0", False), ("0.12.0.1", False), ("1.0.10.1", False)]
)
def test_only_versions_that_know_the_flag_are_given_it(version, told, monkeypatch):
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    monkeypatch.setattr(importlib.metadata, "version", {"jaxlib": version}.__getitem__)
    with starting():
        assert (os.environ.get("XLA_FLAGS") == FLAG) == told


def test_jax_starts_with_what_it_is_given():
    """Were the flag not known, JAX would end the process."""
    program = (
        "from sgtheory.pages._kit.starting import starting\nwith starting():\n import jax\n print(jax.jit(abs)(-3))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["3"]
