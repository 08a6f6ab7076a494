"""Comparison of our simulator with the reference simulator."""

import nengo
import numpy as np

from nengo_dl_core import Simulator


def reference_data(net, pieces, seed=None):
    """Run the reference simulator and return what each probe recorded.

    Its optimizer orders processes, and with them their seeds, differently from run to
    run.
    """
    with nengo.Simulator(net, seed=seed, progress_bar=False, optimize=False) as sim:
        for n_steps in pieces:
            sim.run_steps(n_steps)
    return {probe: np.array(sim.data[probe]) for probe in net.all_probes}


def simulated_data(net, pieces, seed=None, **options):
    """Run our simulator and return what each probe recorded."""
    with Simulator(net, seed=seed, progress_bar=False, **options) as sim:
        for n_steps in pieces:
            sim.run_steps(n_steps)
    return {probe: np.array(sim.data[probe]) for probe in net.all_probes}


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
