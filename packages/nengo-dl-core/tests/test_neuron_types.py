"""SoftLIFRate, LeakyReLU and SpikingLeakyReLU, in Nengo alone."""

import pickle

import nengo
import numpy as np
import pytest
from nengo.exceptions import ValidationError

from nengo_dl_core.neurons import LeakyReLU, SoftLIFRate, SpikingLeakyReLU

TYPES = [
    SoftLIFRate(sigma=0.02, tau_rc=0.03, tau_ref=0.001, amplitude=0.5),
    LeakyReLU(negative_slope=0.1, amplitude=0.5),
    SpikingLeakyReLU(
        negative_slope=0.1,
        amplitude=0.5,
        initial_state={"voltage": nengo.dists.Choice([0.5])},
    ),
]


def step(neuron_type, J, **state):
    output = np.zeros_like(J)
    neuron_type.step(0.001, J, output, **state)
    return output


@pytest.mark.parametrize("neuron_type", TYPES)
def test_is_a_nengo_neuron_type(neuron_type):
    assert neuron_type != type(neuron_type)()
    assert pickle.loads(pickle.dumps(neuron_type)) == neuron_type
    with nengo.Network(seed=0) as net:
        ens = nengo.Ensemble(100, 1, neuron_type=neuron_type)
        nengo.Connection(nengo.Node(0.5), ens, synapse=None)
        decoded = nengo.Probe(ens, synapse=0.05)
    with nengo.Simulator(net, progress_bar=False) as sim:
        sim.run(0.5)
    np.testing.assert_allclose(sim.data[decoded][-1], 0.5, atol=0.05)


@pytest.mark.parametrize("neuron_type", TYPES)
def test_rates_are_the_mean_output(neuron_type):
    x = np.linspace(-1, 1, 11)
    gain, bias = np.array([150.0]), np.array([10.0])
    total = np.zeros_like(x)
    state = {name: np.zeros_like(x) for name in getattr(neuron_type, "state", {})}
    for _ in range(2000):
        total += step(neuron_type, gain * x + bias, **state)
    rates = neuron_type.rates(x, gain, bias).ravel()
    np.testing.assert_allclose(total / 2000, rates, atol=0.5 * neuron_type.amplitude)


def test_soft_lif_approaches_lif():
    J = np.array([-5, 0, 0.99, 1.01, 1.5, 10, 1000])
    hard = step(nengo.LIFRate(), J)
    np.testing.assert_allclose(step(SoftLIFRate(sigma=1e-4), J), hard, atol=1)
    np.testing.assert_allclose(step(SoftLIFRate(sigma=0.1), J)[-2:], hard[-2:])
    assert (np.diff([step(SoftLIFRate(s), J)[2] for s in (0.02, 0.1, 1)]) > 0).all()


def test_soft_lif_is_continuous_and_finite():
    sigma = 0.02
    switch = 1 - 36 * sigma  # where the formula changes
    J = switch + np.array([-1e-9, 0, 1e-9])
    expected = 1 / (0.002 + 0.02 * (36 - np.log(sigma)))
    np.testing.assert_allclose(step(SoftLIFRate(sigma), J), expected, rtol=1e-6)
    for dtype in (np.float32, np.float64):
        output = step(SoftLIFRate(sigma), np.array([-1e30, -1e3, 0, 1, 1e30], dtype))
        assert np.isfinite(output).all()
        assert (output >= 0).all()


def test_leaky_relu():
    output = step(LeakyReLU(0.1, amplitude=2), np.array([-10.0, 0.0, 10.0]))
    np.testing.assert_allclose(output, [-2, 0, 20])
    assert LeakyReLU().negative_slope == 0.3
    assert LeakyReLU().negative


def test_spiking_leaky_relu_is_a_regular_spiking_leaky_relu():
    ours = SpikingLeakyReLU(0.1, amplitude=2)
    nengos = nengo.RegularSpiking(LeakyReLU(0.1), amplitude=2)
    J = np.random.RandomState(0).uniform(-2000, 500, size=(100, 20))
    voltages = np.full((2, 20), 0.5)
    spikes = []
    for current in J:
        output = step(ours, current, voltage=voltages[0])
        rates = step(nengos.base_type, current)
        expected = step(nengos, rates, voltage=voltages[1])
        np.testing.assert_array_equal(output, expected)
        spikes.append(output)
    assert {-2000, 0, 2000} == set(np.unique(spikes)) & {-2000, 0, 2000}


@pytest.mark.parametrize("sigma", [0, -1])
def test_smoothing_must_be_positive(sigma):
    with pytest.raises(ValidationError, match="sigma"):
        SoftLIFRate(sigma=sigma)
