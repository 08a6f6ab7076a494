"""Random generators tell where they are, and go where they are sent."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nengo_dl_core.network.generators import (
    WatchedGenerator,
    generator_position,
    set_generator,
)

DRAWS = st.sampled_from(["normal", "uniform", "randint"])


@given(st.lists(DRAWS | st.integers(0, 100), max_size=20))
def test_watched_generators_are_where_plain_ones_are(calls):
    """A number goes back to an earlier position, of which normal numbers have two."""
    watched, plain = WatchedGenerator(3), np.random.RandomState(3)
    positions = [generator_position(plain)]
    for call in calls:
        if isinstance(call, int):
            watched.move(positions[call % len(positions)])
            set_generator(plain, positions[call % len(positions)])
        elif call == "randint":
            assert watched.rng.randint(2**31) == plain.randint(2**31)
        else:
            assert getattr(watched.rng, call)() == getattr(plain, call)()
        positions.append(generator_position(plain))
        np.testing.assert_array_equal(watched.position(), positions[-1])
