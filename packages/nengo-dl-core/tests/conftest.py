"""Settings for all tests of the core."""

import nengo
import pytest
from hypothesis import settings

# TensorFlow takes its time when it does something for the first time.
settings.register_profile("core", deadline=None)
settings.load_profile("core")


@pytest.fixture(autouse=True, scope="session")
def _no_decoder_cache():
    """Keep several test runs from waiting for each other's decoders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(nengo.rc["decoder_cache"], "enabled", "False")
        yield
