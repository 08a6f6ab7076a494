"""Random networks give the reference simulator's output, in float64.

A test run simulates 140 networks that are not compiled, 60 that are, and 70 in NumPy,
in batches, each with its own seed. More are simulated by giving a range of batches,
which can be continued from any batch; this is another thousand and some::

    NENGO_DL_BATCHES=4:20 pytest packages/nengo-dl-core/tests/test_random_networks.py
"""

import os
from math import inf

import nengo
import numpy as np
import pytest
from hypothesis import given, reject
from nengo.exceptions import BuildError, SimulationError
from scipy import stats

from nengo_dl_core import Simulator, configure_settings, tuning
from network_strategies import cases, many, stochastic_networks, tried
from reference import assert_same, recorded

TOLERANCE = 1e-8
BATCHES = {False: range(4), True: range(2), "auto": range(2)}  # by jit_compile
SIZES = {False: 35, True: 30, "auto": 35}
NAMES = {False: "plain", True: "compiled", "auto": "numpy"}
if "NENGO_DL_BATCHES" in os.environ:
    chosen = range(*map(int, os.environ["NENGO_DL_BATCHES"].split(":")))
    BATCHES = dict.fromkeys(BATCHES, chosen)


def assert_equals_reference(case):
    """Every item of the minibatch equals a run of the reference with its seed."""
    with case.net:
        configure_settings(**case.settings)
    options = {"dt": case.dt, "progress_bar": False}
    n_items = case.options["minibatch_size"]
    try:
        with np.errstate(over="raise"):
            expected = [
                recorded(
                    # its optimizer may order processes, and their seeds, differently
                    nengo.Simulator(
                        case.net, seed=case.seed + item, optimize=False, **options
                    ),
                    sum(case.pieces),
                )
                for item in range(n_items or 1)
            ]
    except (BuildError, FloatingPointError, SimulationError):
        reject()  # no decoders, or diverging activity
    sim = Simulator(case.net, seed=case.seed, **options, **case.options)
    actual = recorded(sim, *case.pieces)
    for item, values in enumerate(expected):
        peaks = {probe: np.abs(x).max(initial=0) for probe, x in values.items()}
        rounding = 1e-13 * max(peaks.values())  # where larger values cancel
        for probe, value in values.items():
            np.testing.assert_allclose(
                actual[probe] if n_items is None else actual[probe][item],
                value,
                rtol=0,
                atol=TOLERANCE * peaks[probe] + rounding,
                err_msg=f"{probe}, item {item}",
            )


@pytest.mark.filterwarnings("ignore::RuntimeWarning:nengo\\.")  # its own NaNs
@pytest.mark.parametrize(
    ("jit_compile", "batch"),
    [
        pytest.param(jit, batch, id=f"{NAMES[jit]}-{batch}")
        for jit, batches in BATCHES.items()
        for batch in batches
    ],
)
def test_equals_reference(jit_compile, batch, monkeypatch):
    if batch % 2:  # what large matrices are worth is done with small ones
        monkeypatch.setattr(tuning, "MIN_DEFERRED_SIZE", 1)
        monkeypatch.setattr(tuning, "MIN_DEFERRED_ROWS", 0)
    monkeypatch.setattr(tuning, "LOOP_SECONDS", inf)  # nobody waits for that

    @many(SIZES[jit_compile], batch)
    @given(cases(jit_compile))
    def check(case):
        assert_equals_reference(case)

    check()


def test_an_input_that_no_probe_depends_on():
    with nengo.Network() as net:
        configure_settings(dtype="float64", jit_compile=False)
        used, unused = nengo.Node(np.sin), nengo.Node([1.0, 2.0])
        nengo.Connection(unused, nengo.Node(size_in=2))
        nengo.Probe(used)
    reference = nengo.Simulator(net, progress_bar=False, optimize=False)
    expected = recorded(reference, 10)
    assert_same(recorded(Simulator(net, progress_bar=False), 5, 5), expected)


def test_neurons_that_spike_at_random_equal_the_reference_in_distribution():
    """Two-sample Kolmogorov-Smirnov tests, together at a significance of 0.001.

    The reference gives its samples one after the other, we as items of a minibatch.
    """
    p_values = []

    @many(8)
    @given(stochastic_networks())
    def check(net):
        options = {"seed": 0, "progress_bar": False, "optimize": False}
        expected = recorded(nengo.Simulator(net, **options), 20 * 500)
        sim = Simulator(net, minibatch_size=500, **options)
        for probe, values in recorded(sim, 40).items():
            # from the second sample on: the first ones still hold the initial state
            pairs = zip(values[:, 1].T, expected[probe][1:].T, strict=True)
            p_values.extend(stats.ks_2samp(*pair).pvalue for pair in pairs)

    check()
    assert len(p_values) >= tried(8)
    assert min(p_values) > 0.001 / len(p_values)  # Bonferroni
