"""Settings for all tests."""

from collections.abc import Iterator

import nengo
import pytest


@pytest.fixture(autouse=True, scope="session")
def _no_decoder_cache() -> Iterator[None]:
    """Keep several test runs from waiting for each other's decoders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(nengo.rc["decoder_cache"], "enabled", "False")
        yield
