"""Settings for all tests."""

from collections.abc import Iterator

import nengo
import pytest
from hypothesis import settings

# TensorFlow takes its time when it does something for the first time.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(autouse=True, scope="session")
def _no_decoder_cache() -> Iterator[None]:
    """Keep several test runs from waiting for each other's decoders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(nengo.rc["decoder_cache"], "enabled", "False")
        yield
