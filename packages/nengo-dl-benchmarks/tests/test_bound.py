"""The least that a run can take."""

import nengo
import numpy as np
import pytest
from nengo.builder import Operator

from nengo_dl_benchmarks import bound, pes, ring
from nengo_dl_benchmarks.bound import lower_bound, n_operations_of, signal_sizes


def operators(net):
    with nengo.Simulator(net, progress_bar=False, optimize=False) as sim:
        return sim.model.operators


def test_weights_and_state_of_a_ring_are_counted():
    weights, state = signal_sizes(operators(ring(2, 10, nengo.LIF())))
    # For each ensemble encoders, bias and decoders, and the decoders of the probe.
    # The transforms of the stimulus and of the two connections are scalars, as is time.
    assert 70 <= weights <= 80
    # Voltage and refractory time of each neuron, and synapses of one dimension.
    assert 40 <= state <= 50


def test_learned_weights_are_state():
    def state(dimensions):
        return signal_sizes(operators(pes(dimensions, 20, nengo.LIF())))[1]

    decoders = 4 * 40 - 2 * 20
    assert state(4) - state(2) >= decoders


@pytest.mark.parametrize(
    ("transform", "n_operations"),
    [
        (nengo.Dense((3, 16), init=np.ones((3, 16))), 2 * 3 * 16),
        (nengo.Sparse((3, 16), indices=[(0, 0), (2, 5)]), 2 * 2),
        (nengo.Convolution(2, (4, 4, 1), kernel_size=(3, 3)), 2 * 9 * 2 * 4),
        (nengo.ConvolutionTranspose(2, (4, 4, 1), kernel_size=(3, 3)), 2 * 9 * 2 * 16),
    ],
)
def test_products_are_counted_in_full(transform, n_operations):
    with nengo.Network() as net:
        a, b = nengo.Node(np.ones(16)), nengo.Node(size_in=transform.size_out)
        nengo.Connection(a, b, transform=transform, synapse=None)
    counts = [
        n_operations_of(op) for op in operators(net) if type(op) in bound.PRODUCTS
    ]
    assert counts == [n_operations]


def test_bound_grows_with_the_steps_and_is_unknown_for_unknown_operators(monkeypatch):
    monkeypatch.setattr(bound, "copy_speed", lambda n_bytes: 1e9)
    monkeypatch.setattr(bound, "arithmetic_speed", lambda: 1e9)
    known = operators(ring(1, 10, nengo.LIF()))
    one, ten = (lower_bound(known, 1, n_steps) for n_steps in (1, 10))
    assert ten == pytest.approx(10 * one)

    class Unknown(Operator):
        pass

    assert lower_bound([*known, Unknown()], 1, 1) is None


def test_speeds_are_measured():
    assert 1e7 < bound.copy_speed(2**20) < 1e13
    assert 1e6 < bound.arithmetic_speed(64) < 1e15
