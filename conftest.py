"""Settings for all tests."""

from collections.abc import Iterator
from importlib.util import find_spec
from math import inf

import nengo
import numpy as np
import pytest
from hypothesis import settings

# TensorFlow takes its time when it does something for the first time.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


# What follows the name of that which `--first` runs one test of.
ENDS = {"function": "[", "file": "::"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add an option; see `pytest_collection_modifyitems`."""
    text = "run the first test alone of each test function, or of each file"
    parser.addoption("--first", choices=ENDS, help=text)


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Leave out all tests of a function or file but the first, if asked for."""
    if not (of := config.getoption("first")):
        return
    first: dict[str, pytest.Item] = {}
    others = [
        item
        for item in items
        if first.setdefault(item.nodeid.partition(ENDS[of])[0], item) is not item
    ]
    config.hook.pytest_deselected(items=others)
    items[:] = first.values()


@pytest.fixture(autouse=True, scope="session")
def _no_decoder_cache() -> Iterator[None]:
    """Keep several test runs from waiting for each other's decoders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(nengo.rc["decoder_cache"], "enabled", "False")
        yield


@pytest.fixture(autouse=True)
def _same_seed() -> None:
    """Draw the same weights and networks in every run, where a test gives no seed."""
    if find_spec("keras"):
        import keras

        keras.utils.set_random_seed(0)
    else:
        np.random.seed(0)  # noqa: NPY002 (the generator that is used by default)


@pytest.fixture(autouse=True, scope="module")
def _compiled_at_once(request: pytest.FixtureRequest) -> Iterator[None]:
    """Compile as if that took no time: most tests are about what is compiled.

    The examples of the guide run as a reader runs them.
    """
    with pytest.MonkeyPatch.context() as patch:
        if find_spec("nengo_dl_core") and request.path.suffix != ".md":
            patch.setattr("nengo_dl_core.tuning.LOOP_SECONDS", 0)
            patch.setattr("nengo_dl_core.tuning.GROUP_SECONDS", 0)
        yield


@pytest.fixture(params=["tensorflow", "numpy"])
def executor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let TensorFlow run a simulation from its first step on, or NumPy all of it."""
    seconds = {"tensorflow": 0.0, "numpy": inf}[request.param]
    monkeypatch.setattr("nengo_dl_core.tuning.LOOP_SECONDS", seconds)
    return str(request.param)
