from collections.abc import Iterator

import keras
import nengo
import pytest


@pytest.fixture(autouse=True)
def float64() -> Iterator[None]:
    """Have Keras compute as precisely as the reference simulator does."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    keras.backend.clear_session()


@pytest.fixture(autouse=True)
def no_decoder_cache() -> Iterator[None]:
    """Stay independent of other processes, which lock the cache that they share."""
    enabled = nengo.rc.get("decoder_cache", "enabled")
    nengo.rc.set("decoder_cache", "enabled", "False")
    yield
    nengo.rc.set("decoder_cache", "enabled", enabled)
