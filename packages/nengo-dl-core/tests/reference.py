"""Comparison of our simulator with the reference simulator."""

import nengo
import numpy as np

from nengo_dl_core import Simulator


def recorded(sim, *pieces):
    """Run a simulator, close it, and return what each probe recorded."""
    with sim:
        for n_steps in pieces:
            sim.run_steps(n_steps)
    return {probe: np.array(sim.data[probe]) for probe in sim.model.probes}


def reference_data(net, pieces, seed=None):
    """Run the reference simulator and return what each probe recorded.

    Its optimizer orders processes, and with them their seeds, differently from run to
    run.
    """
    sim = nengo.Simulator(net, seed=seed, progress_bar=False, optimize=False)
    return recorded(sim, *pieces)


def simulated_data(net, pieces, seed=None, **options):
    """Run our simulator and return what each probe recorded."""
    sim = Simulator(net, seed=seed, progress_bar=False, **options)
    return recorded(sim, *pieces)


def assert_same(actual, expected):
    """Compare recorded data: they differ by 1e-9 of each probe's peak at most."""
    assert actual.keys() == expected.keys()
    for probe, values in expected.items():
        peak = np.abs(values).max()
        assert peak > 0, f"{probe} recorded only zeros, which shows nothing"
        np.testing.assert_allclose(
            actual[probe], values, rtol=0, atol=1e-9 * peak, err_msg=str(probe)
        )


def assert_matches_reference(net, n_steps=1000, seed=None, **options):
    """Our simulator gives the reference's output, whole and in pieces."""
    expected = reference_data(net, [n_steps], seed)
    assert_same(simulated_data(net, [n_steps], seed, **options), expected)
    return expected
