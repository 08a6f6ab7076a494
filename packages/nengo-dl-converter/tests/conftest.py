from collections.abc import Iterator
from importlib.util import find_spec

import keras
import pytest

# What only the extra `nir` brings.
collect_ignore_glob = [] if find_spec("nir") else ["*nir_*.py"]


@pytest.fixture(autouse=True)
def float64() -> Iterator[None]:
    """Have Keras compute as precisely as the reference simulator."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    keras.backend.clear_session()
