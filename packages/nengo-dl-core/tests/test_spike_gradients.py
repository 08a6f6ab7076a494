"""Training in spikes, with the gradient of rates or with surrogates."""

import itertools
import math

import keras
import nengo
import numpy as np
import pytest
import tensorflow as tf
from nengo.exceptions import BuildError, ValidationError

from nengo_dl_core import (
    SimNeuronsBuilder,
    Simulator,
    SpikingLeakyReLU,
    configure_settings,
)
from nengo_dl_core.network import config
from nengo_dl_core.surrogates import (
    SURROGATES,
    ArcTan,
    FastSigmoid,
    Gaussian,
    MultiGaussian,
    Sigmoid,
    StraightThrough,
    Triangle,
)
from nengo_dl_optimizer import OperatorGraph, layered_planner

N_STEPS = 12


def density(x, sigma):
    return np.exp(-((x / sigma) ** 2) / 2) / (sigma * np.sqrt(2 * np.pi))


def cumulative(x, sigma):
    return np.vectorize(math.erf)(x / (sigma * np.sqrt(2))) / 2


def multi_gaussian(x):
    around = density(x - 0.5, 3) + density(x + 0.5, 3)
    return 0.5 * (1.15 * density(x, 0.5) - 0.15 * around)


DERIVATIVES = {
    "fast_sigmoid": lambda x: 1 / (1 + 10 * abs(x)) ** 2,
    "sigmoid": lambda x: 1 / np.cosh(2 * x) ** 2,
    "arctan": lambda x: 1 / (1 + (np.pi * x) ** 2),
    "triangle": lambda x: 0.3 * np.maximum(0, 1 - abs(x)),
    "gaussian": lambda x: density(x, 0.5),
    "multi_gaussian": multi_gaussian,
    "straight_through": np.ones_like,
}
# What the spikes are replaced by, and is differentiated
SOFT_STEPS = [
    (FastSigmoid(3), lambda x: x / (1 + 3 * abs(x))),
    (Sigmoid(3), lambda x: 1 / (1 + np.exp(-3 * x))),
    (ArcTan(3), lambda x: np.arctan(1.5 * np.pi * x) / np.pi),
    (Triangle(0.5, 4), lambda x: 0.5 * (x - x * abs(x) / 8)),
    (Gaussian(0.3), lambda x: cumulative(x, 0.3)),
    (
        MultiGaussian(0.4, 0.2, 5, 0.7),
        lambda x: (
            0.7
            * (
                1.2 * cumulative(x, 0.4)
                - 0.2 * (cumulative(x - 0.4, 2) + cumulative(x + 0.4, 2))
            )
        ),
    ),
    (StraightThrough(0.5), lambda x: np.clip(x, -0.5, 0.5)),
]
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
        graph = sim.tensor_graph
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


def test_names_are_settings():
    assert set(config.SPIKE_GRADIENTS) == {"rates", *SURROGATES}


@pytest.mark.parametrize("name", SURROGATES)
def test_default_formulas(name):
    x = np.linspace(-3, 3, 101)
    actual = SURROGATES[name](tf.constant(x))
    np.testing.assert_allclose(actual, DERIVATIVES[name](x), rtol=1e-12)


@pytest.mark.parametrize(("surrogate", "soft_step"), SOFT_STEPS)
def test_surrogates_are_derivatives(surrogate, soft_step):
    x, d = np.linspace(-3, 3, 101) + 1e-3, 1e-5
    difference = (soft_step(x + d) - soft_step(x - d)) / (2 * d)
    np.testing.assert_allclose(surrogate(tf.constant(x)), difference, atol=1e-8)


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


def bump(x):
    """A function as users write them."""
    return tf.exp(-tf.abs(x)) * 0.7


class Subclass(nengo.SpikingRectifiedLinear):
    """A neuron type that is the same."""


SimNeuronsBuilder.register(Subclass)(
    SimNeuronsBuilder.TF_NEURON_IMPL[nengo.SpikingRectifiedLinear]
)
RELU, LIF = nengo.SpikingRectifiedLinear(**AT_REST), nengo.LIF(**AT_REST)


class ManyGradients:
    """Ensembles with different gradients, which would be computed together."""

    def __init__(self):
        self.ensembles = {}
        with nengo.Network(seed=0) as self.net:
            configure_settings(
                dtype="float64",
                spike_gradient={
                    nengo.LIF: "gaussian",
                    nengo.SpikingRectifiedLinear: Triangle(0.5),
                },
            )
            self.add("of the type", LIF, "gaussian")
            self.add("own", LIF, bump, bump)
            self.add("of another type", RELU, Triangle(0.5))
            self.add("of a base type", Subclass(**AT_REST), Triangle(0.5))
            self.add("of no type", nengo.RegularSpiking(nengo.LIFRate()), None)
            with nengo.Network():
                configure_settings(spike_gradient="rates")
                self.add("inner", LIF, "rates")
                self.add("inner, another type", RELU, "rates")
                self.add("inner, own", LIF, "multi_gaussian", "multi_gaussian")
            with nengo.Network():
                configure_settings(spike_gradient=False)
                self.add("inner, none", LIF, None)
            with nengo.Network():
                configure_settings(spike_gradient={nengo.LIF: "sigmoid"})
                self.add("inner, of the type", LIF, "sigmoid")
                self.add("inner, of no type", RELU, Triangle(0.5))

    def add(self, label, neuron_type, expected, own=None):
        """Add neurons with inputs; what is expected is the gradient they have."""
        bias = np.array([1.05, 5, 30, 55, 0.5])
        if "Rectified" in str(neuron_type):
            bias = bias * 10
        gain = np.ones(5)
        ens = nengo.Ensemble(5, 1, neuron_type=neuron_type, gain=gain, bias=bias)
        node = nengo.Node(np.zeros(5), label=label)
        nengo.Connection(node, ens.neurons, synapse=None)
        nengo.Probe(ens.neurons)
        if own is not None:
            nengo.Network.context[-1].config[ens].spike_gradient = own
        self.ensembles[label] = (neuron_type, expected)

    def expected(self):
        """The gradients in networks of one setting."""
        found = {}
        for gradient in dict.fromkeys(x for _, x in self.ensembles.values()):
            labels = [k for k, x in self.ensembles.items() if x[1] == gradient]
            alone = ManyGradients.__new__(ManyGradients)
            alone.ensembles = {}
            with nengo.Network(seed=0) as alone.net:
                configure_settings(dtype="float64", spike_gradient=gradient)
                for label in labels:
                    alone.add(label, *self.ensembles[label])
            found |= alone.gradients()
        return found

    def gradients(self, compiled=False, **options):
        """The gradients by the inputs, of a function of the outputs of all steps."""
        with Simulator(self.net, progress_bar=False, **options) as sim:
            layer = sim.tensor_graph
            names = {node.label: x for node, x in layer.program.input_names.items()}
            shape = (sim.minibatch_size or 1, N_STEPS, 5)
            inputs = {label: tf.zeros(shape, tf.float64) for label in names}
            weights = tf.range(1.0, N_STEPS + 1)[:, None] ** 2
            weights = tf.cast(weights, tf.float64)

            def compute():
                with tf.GradientTape() as tape:
                    tape.watch(inputs)
                    given = {names[label]: x for label, x in inputs.items()}
                    given["n_steps"] = tf.fill((shape[0], 1), N_STEPS)
                    outputs = layer.call(given, training=True).values()
                    loss = sum(tf.reduce_sum((x + 300) ** 2 * weights) for x in outputs)
                return tape.gradient(loss, inputs)

            if compiled:
                compute = tf.function(compute, autograph=False)
            return {label: x.numpy()[-1] for label, x in compute().items()}


@pytest.fixture(scope="module")
def many_gradients():
    many = ManyGradients()
    many.values = many.expected()
    return many


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_the_innermost_setting_counts(many_gradients, compiled):
    actual = many_gradients.gradients(compiled, minibatch_size=1 + compiled)
    assert actual.keys() == many_gradients.values.keys()
    for label, expected in many_gradients.values.items():
        assert np.abs(expected).max() > 0, label
        np.testing.assert_allclose(
            actual[label], expected, rtol=1e-9, atol=1e-9, err_msg=label
        )
    different = ["of the type", "own", "inner", "inner, own", "inner, none"]
    for a, b in itertools.combinations(different, 2):
        assert not np.allclose(many_gradients.values[a], many_gradients.values[b])


def test_planner_that_merges_all():
    many = ManyGradients()
    with many.net:
        configure_settings(
            planner=lambda graph: layered_planner(OperatorGraph(graph, graph.facts))
        )
    with pytest.raises(BuildError, match="let it ask"):
        many.gradients()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("sigmoidal", '"fast_sigmoid"'),
        (True, "a function of the distance"),
        (Sigmoid, "not <class"),
        ({nengo.LIF: "sigmoidal"}, "must be .* by neuron types"),
        ({nengo.LIF(): "sigmoid"}, "must be .* by neuron types"),
        ({"LIF": "sigmoid"}, "must be .* by neuron types"),
        (lambda x: np.float32(1), r"returned float32 of shape \(\) .* shape \(2, 3\)"),
        (lambda x: x > 0, "returned bool"),
        (lambda x, y: x, "could not be called with a tensor.*missing"),
    ],
)
def test_impossible_gradients(value, message):
    with nengo.Network() as net:
        with pytest.raises(ValidationError, match=message):
            configure_settings(spike_gradient=value)
        configure_settings(spike_gradient=None)
        ens = nengo.Ensemble(1, 1)
    with pytest.raises(ValidationError, match=message):
        net.config[ens].spike_gradient = value


@pytest.mark.parametrize("slope", [0, -1, "steep"])
def test_impossible_parameters(slope):
    with pytest.raises(ValidationError, match=r"Sigmoid\.slope: must be a positive"):
        Sigmoid(slope)
