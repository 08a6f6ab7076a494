"""Thresholds hold for CPUs alone."""

import nengo
import numpy as np
import pytest

from nengo_dl_core import configure_settings, tuning
from nengo_dl_core.program.program import Program
from reference import assert_same, reference_data, simulated_data

OF_CPUS = (
    *("HALVED_SIZES", "LEFT_SIZE", "LEFT_SIZE_STACKED", "MAX_LEFT_ITEMS"),
    *("MAX_TRANSPOSED_ITEMS", "MIN_TRANSPOSED_ROWS"),
    *("LANES", "MAX_PARTS", "MAX_FILL", "MAX_ORDER_WRITTEN_OUT"),
    *("MAX_SUMMED_CHANNELS", "MAX_SUMMED_ELEMENTS", "STEPS_AT_ONCE"),
)


@pytest.fixture
def net():
    """Computes in all the ways that thresholds choose between."""
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64")
        stimulus = nengo.Node(lambda t: np.sin(20 * t))
        sources = [nengo.Ensemble(50, 2) for _ in range(2)]
        for n, source in enumerate(sources):
            nengo.Connection(stimulus, source, transform=[[1], [-1]])
            nengo.Probe(source, synapse=nengo.Alpha(0.01))
            for function in (np.prod, np.sum)[: n + 1]:
                target = nengo.Node(size_in=1)
                nengo.Connection(source, target, function=function)
                nengo.Probe(target)
        image = nengo.Node(size_in=16)
        nengo.Connection(stimulus, image, transform=np.ones((16, 1)), synapse=None)
        kinds = [
            nengo.Sparse((3, 16), indices=[(0, 1), (0, 5), (2, 7)], init=[1, 2, 3]),
            nengo.Convolution(2, (4, 4, 1), kernel_size=(2, 2)),
        ]
        for transform in kinds:
            target = nengo.Node(size_in=transform.size_out)
            nengo.Connection(image, target, transform=transform, synapse=0.01)
            nengo.Probe(target)
    return net


@pytest.mark.parametrize("minibatch_size", [None, 2])
def test_other_devices_compute_in_the_way_of_tensorflow(
    net, minibatch_size, monkeypatch
):
    monkeypatch.setattr(Program, "cpu_only", False)
    for name in OF_CPUS:
        monkeypatch.delattr(tuning, name)
    expected = reference_data(net, [100])
    actual = simulated_data(net, [100], minibatch_size=minibatch_size)
    for item in range(minibatch_size or 1):
        one = {p: x[item] if minibatch_size else x for p, x in actual.items()}
        assert_same(one, expected)
