"""How a member of a registry is built when all that is known of it is its class."""

import dataclasses
import inspect

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

from sgtheory.escape import Sigmoid


def logistic(steepness, distance):
    return jax.nn.sigmoid(steepness * distance)


def build_member(kind, steepness=2.0):
    """A member of any family, with this steepness where it has one: looked up in its fields, never by its name."""
    fields = {field.name for field in dataclasses.fields(kind)}
    if "steepness" in fields:
        return kind(steepness=steepness)
    if "function" in fields:
        return kind(jax.tree_util.Partial(logistic, jnp.asarray(steepness)))
    if "escape" in fields:
        return kind(Sigmoid(steepness))
    return kind()


@pytest.fixture(scope="session")
def build():
    return build_member


@pytest.fixture(scope="session")
def exported_members():
    """The classes that a package exports of a family, without the abstract ones."""

    def members(package, base):
        classes = [value for value in vars(package).values() if isinstance(value, type) and issubclass(value, base)]
        return {kind for kind in classes if not (inspect.isabstract(kind) or kind.__abstractvars__)}

    return members


@pytest.fixture(scope="session")
def traces():
    """How often a method is traced that is called on several members, one after the other."""

    def count(method, members, *arguments):
        traced = 0

        @eqx.filter_jit
        def call(member, *arguments):
            nonlocal traced
            traced += 1
            return getattr(member, method)(*arguments)

        for member in members:
            call(member, *arguments)
        return traced

    return count
