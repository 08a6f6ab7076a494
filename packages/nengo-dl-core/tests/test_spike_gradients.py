"""Training in spikes, with the gradient of rates or with surrogates."""

import keras
import nengo
import numpy as np
import pytest
import tensorflow as tf
from nengo.exceptions import ValidationError

from nengo_dl_core import Simulator, SpikingLeakyReLU, configure_settings
from nengo_dl_core.surrogates import SURROGATES

N_STEPS = 12
DERIVATIVES = {
    "fast_sigmoid": lambda x: 1 / (1 + 10 * abs(x)) ** 2,
    "arctan": lambda x: 1 / (1 + (np.pi * x) ** 2),
    "triangle": lambda x: 0.3 * np.maximum(0, 1 - abs(x)),
}
AT_REST = {"initial_state": {"voltage": np.zeros(5)}}
SPIKING = [
    nengo.LIF(),
    nengo.AdaptiveLIF(tau_n=0.01, inc_n=0.1),
    nengo.SpikingRectifiedLinear(),
    SpikingLeakyReLU(negative_slope=0.5),
    nengo.RegularSpiking(nengo.LIFRate()),
    nengo.StochasticSpiking(nengo.LIFRate()),
    nengo.PoissonSpiking(nengo.LIFRate()),
]


def network(neuron_type, spike_gradient):
    """Neurons with biases, and nothing else."""
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64", spike_gradient=spike_gradient)
        rates = np.array([30.0, 120.0, 260.0, 420.0, 580.0])
        bias = 1 + rates / 60 if "LIF" in str(neuron_type) else rates
        net.ens = nengo.Ensemble(
            5, 1, neuron_type=neuron_type, gain=np.ones(5), bias=bias
        )
        net.probe = nengo.Probe(net.ens.neurons)
    return net


def trained(net):
    """Outputs in training, and the sums of their gradients by the biases."""
    with Simulator(net, progress_bar=False) as sim:
        graph = sim.program
        (bias,) = graph.trainable_variables
        inputs = {"n_steps": tf.fill((1, 1), N_STEPS)}
        with tf.GradientTape(persistent=True) as tape:
            (values,) = graph.call(inputs, training=True).values()
            steps = [tf.reduce_sum(value) for value in tf.unstack(values[0])]
        gradients = [tape.gradient(step, bias) for step in steps]
        zeros = tf.zeros_like(bias)
        gradients = [(zeros if x is None else x).numpy()[:5] for x in gradients]
        sim.run_steps(N_STEPS)
    return values[0].numpy(), np.array(gradients), sim.data[net.probe]


@pytest.mark.parametrize("spike_gradient", ["rates", "arctan"])
@pytest.mark.parametrize("neuron_type", SPIKING, ids=str)
def test_the_output_is_that_of_a_simulation(neuron_type, spike_gradient):
    values, gradients, expected = trained(network(neuron_type, spike_gradient))
    np.testing.assert_array_equal(values, expected)
    assert np.isfinite(gradients).all()
    assert (gradients != 0).any()


@pytest.mark.parametrize("neuron_type", SPIKING, ids=str)
def test_gradient_of_rates(neuron_type):
    _, expected, _ = trained(network(neuron_type, None))
    _, actual, _ = trained(network(neuron_type, "rates"))
    if isinstance(neuron_type, nengo.AdaptiveLIF):  # it adapts, which rates do not
        actual, expected = actual[:1], expected[:1]
    np.testing.assert_allclose(actual, expected)


@pytest.mark.parametrize("name", SURROGATES)
def test_surrogates_are_antiderivatives(name):
    x = tf.constant(np.linspace(-3, 3, 101))
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = SURROGATES[name](x)
    np.testing.assert_allclose(
        tape.gradient(value, x), DERIVATIVES[name](x.numpy()), atol=1e-12
    )


@pytest.mark.parametrize("name", SURROGATES)
def test_surrogate_through_time(name):
    """The potential after some steps is their number times the current, less spikes."""
    net = network(nengo.SpikingRectifiedLinear(**AT_REST), name)
    _, gradients, _ = trained(net)
    steps = np.arange(1, N_STEPS + 1)[:, None]
    voltage = np.mod((steps - 1) * net.ens.bias * 1e-3, 1) + net.ens.bias * 1e-3
    distance = voltage - np.maximum(np.round(voltage), 1)
    np.testing.assert_allclose(gradients, steps * DERIVATIVES[name](distance))


@pytest.mark.parametrize("name", SURROGATES)
def test_surrogate_of_the_first_step_of_lif(name):
    net = network(nengo.LIF(**AT_REST), name)
    _, gradients, _ = trained(net)
    rise = -np.expm1(-1e-3 / 0.02)
    derivative = DERIVATIVES[name](net.ens.bias * rise - 1) * rise / 1e-3
    np.testing.assert_allclose(gradients[0], derivative)


@pytest.mark.parametrize("spike_gradient", ["rates", *SURROGATES])
def test_training_in_spikes(spike_gradient):
    """A layer of LIF neurons learns to fire half as often."""
    with nengo.Network(seed=0) as net:
        configure_settings(spike_gradient=spike_gradient, trainable=None)
        ens = nengo.Ensemble(30, 1, max_rates=nengo.dists.Uniform(100, 200))
        output = nengo.Node(size_in=1)
        mean = np.full((1, 30), 1 / 30)
        conn = nengo.Connection(ens.neurons, output, transform=mean, synapse=0.02)
        net.config[conn].trainable = False
        probe = nengo.Probe(output)
    with Simulator(net, minibatch_size=1, progress_bar=False) as sim:
        before = sim.predict(n_steps=50)[probe]
        target = before / 2
        sim.compile(keras.optimizers.Adam(0.05), loss="mse")
        sim.fit(y=target, n_steps=50, epochs=30, verbose=0)
        after = sim.predict(n_steps=50)[probe]
    assert np.mean((after - target) ** 2) < 0.3 * np.mean((before - target) ** 2)


def test_unknown_gradient():
    with nengo.Network(), pytest.raises(ValidationError, match='"fast_sigmoid"'):
        configure_settings(spike_gradient="sigmoid")
