"""Weights and state of few bits, compared with a plain executor of integers."""

import math

import keras
import nengo
import numpy as np
import pytest
from nengo.exceptions import BuildError, ConfigError, ValidationError

from nengo_dl_core import Delay, Quantization, Simulator, configure_settings
from nengo_dl_core.network.fixed_point import FIXED_POINT

N_STEPS = 24
DT = 0.001
SPIKE = 1000  # what a neuron puts out in a step in which it spikes
FINE = 32  # sums are counted in units of two to the power of minus this


def network(quantization=8, **settings):
    """Dense and convolutional weights, a loop, a delay, both types, a readout."""
    settings.setdefault("jit_compile", False)
    with nengo.Network(seed=1) as net:
        configure_settings(quantization=quantization, **settings)
        net.image = nengo.Node(np.zeros(36))
        leaky = nengo.LIF(tau_rc=0.02, tau_ref=0, min_voltage=-1)
        image = nengo.transforms.ChannelShape((6, 6, 1))
        kernel = nengo.Convolution(
            3, image, strides=(2, 2), init=nengo.dists.Gaussian(0.5, 2)
        )
        net.leaky = ensemble(12, leaky)
        net.rectified = ensemble(10, nengo.SpikingRectifiedLinear())
        net.output = nengo.Node(size_in=4)
        a, b = net.leaky.neurons, net.rectified.neurons
        net.first = nengo.Connection(net.image, a, transform=kernel, synapse=None)
        net.delayed = connect(a, b, 0.5, synapse=Delay(2))
        net.skip = connect(net.image, b, 100)
        net.loop = connect(b, b, 0.3, synapse=0)
        net.last = connect(b, net.output, 1)
        net.seen = [nengo.Probe(x) for x in (a, b, net.output)]
        net.seen += [nengo.Probe(x, "voltage") for x in (a, b)]
    return net


def ensemble(n_neurons, neuron_type):
    rng = np.random.default_rng(n_neurons)
    bias = rng.uniform(0.6, 1.5, n_neurons)
    gain = 2.0 ** rng.integers(-1, 2, n_neurons)
    return nengo.Ensemble(n_neurons, 1, neuron_type=neuron_type, gain=gain, bias=bias)


def connect(pre, post, scale, synapse=None):
    init = nengo.dists.Gaussian(0.1 * scale, scale)
    transform = nengo.Dense((post.size_in, pre.size_out), init=init)
    return nengo.Connection(pre, post, transform=transform, synapse=synapse)


def stimulus(n_items=1):
    return np.random.default_rng(0).uniform(-1.1, 1.1, (n_items, N_STEPS, 36))


def simulator(net, **options):
    return Simulator(net, progress_bar=False, **options)


def integers(weights, bits):
    """Integer weights, a row for each channel, and the exponents of their units."""
    exponents = [
        max(math.frexp(row)[1] + 1 - bits, -24) for row in np.abs(weights).max(1)
    ]
    scaled = np.floor(weights / np.ldexp(1.0, exponents)[:, None] + 0.5)
    top = 2 ** (bits - 1) - 1
    return np.clip(scaled, -top, top).astype(np.int64), np.array(exponents)


def shifted(integers, by):
    """Shift to the left, or to the right with rounding."""
    by = np.broadcast_to(by, np.shape(integers))
    half = np.where(by < 0, 1 << np.maximum(-by - 1, 0), 0)
    left, right = np.maximum(by, 0), np.maximum(-by, 0)
    return ((integers + half) >> right) << left


def factor(value):
    shift = 16 - math.frexp(value)[1]
    return math.floor(value * 2**shift + 0.5), shift


class Executor:
    """Computes the steps of `network` for one item, in integers alone."""

    def __init__(self, sim, net, bits, item=0):
        kernel = np.asarray(sim.data[net.first].weights)
        self.kernel, self.kernel_exponents = integers(
            np.moveaxis(kernel, -1, 0).reshape((3, -1)), bits
        )
        self.weights = {
            conn: integers(np.asarray(sim.data[conn].weights), bits)
            for conn in (net.delayed, net.skip, net.loop, net.last)
        }
        self.net, self.bias, self.gain, self.v = net, {}, {}, {}
        for ens in (net.leaky, net.rectified):
            bias = np.asarray(sim.data[ens].bias)
            self.bias[ens] = np.floor(bias * 2**12 + 0.5).astype(np.int64)
            self.gain[ens] = np.log2(ens.gain).astype(int)
            start = sim.model.sig[ens.neurons]["voltage"].initial_value
            self.v[ens] = np.floor(start * 2**12 + 0.5).astype(np.int64)
        self.past = [np.zeros(12, np.int64)] * 3
        self.fed_back = np.zeros(10, np.int64)

    def product(self, conn, x, fraction=0):
        weights, exponents = self.weights[conn]
        return shifted(weights @ x, FINE + exponents - fraction)

    def convolved(self, x):
        rows = [
            self.kernel @ x.reshape((6, 6))[i : i + 3, j : j + 3].ravel()
            for i in (0, 2)
            for j in (0, 2)
        ]
        return shifted(np.array(rows), FINE + self.kernel_exponents - 7).ravel()

    def currents(self, ens, total):
        total = shifted(total << 1, self.gain[ens]) + (self.bias[ens] << FINE - 11)
        return shifted(total, 11 - FINE)

    def step(self, image):
        x = np.clip(np.floor(image * 2**7 + 0.5), -128, 127).astype(np.int64)
        a, b = self.net.leaky, self.net.rectified
        m, s = factor(-math.expm1(-DT / 0.02))
        v, J = self.v[a], self.currents(a, self.convolved(x))
        v = np.clip(v + shifted(m * (J - v), -s), -(2**15), 2**15 - 1)
        spikes = (v > 2**12).astype(np.int64)
        self.v[a] = np.where(spikes, 0, np.maximum(v, -(2**12)))

        total = self.product(self.net.skip, x, 7)
        total += self.delayed_current() + self.product(self.net.loop, self.fed_back)
        m, s = factor(DT)
        charge = shifted(m * np.maximum(self.currents(b, total), 0), -s)
        v = np.minimum(self.v[b] + charge, 2**15 - 1)
        counts = v >> 12
        self.v[b] = v - (counts << 12)

        self.past = [SPIKE * spikes, *self.past[:-1]]
        self.fed_back = SPIKE * counts
        output = self.product(self.net.last, SPIKE * counts)
        return [
            SPIKE * spikes,
            SPIKE * counts,
            output / 2**FINE,
            self.v[a] / 2**12,
            self.v[b] / 2**12,
        ]

    def delayed_current(self):
        return self.product(self.net.delayed, self.past[2])


def assert_equals_integers(sim, net, bits, found, data):
    for item, images in enumerate(data):
        executor = Executor(sim, net, bits)
        steps = [executor.step(image) for image in images]
        for probe, expected in zip(net.seen, zip(*steps, strict=True), strict=True):
            assert np.any(expected)
            np.testing.assert_array_equal(found[probe][item], expected, str(probe))


@pytest.mark.parametrize(("bits", "jit_compile"), [(4, False), (8, True)])
def test_equals_integers(bits, jit_compile):
    net, data = network(bits, jit_compile=jit_compile), stimulus(2)
    with simulator(net, minibatch_size=2) as sim:
        sim.run_steps(9, data={net.image: data[:, :9]})
        sim.run_steps(N_STEPS - 9, data={net.image: data[:, 9:]})
        found = {probe: sim.data[probe] for probe in net.seen}
        assert_equals_integers(sim, net, bits, found, data)


def test_equals_integers_after_training():
    """What is trained is rounded anew, and training sees the same spikes."""
    net = network(4, spike_gradient="fast_sigmoid")
    data = stimulus(2)
    with simulator(net, minibatch_size=2) as sim:
        sim.compile(keras.optimizers.Adam(0.05), {net.seen[2]: "mse"})
        before = np.array(sim.data[net.skip].weights)
        targets = np.full((2, N_STEPS, 4), 1000.0)
        sim.fit({net.image: data}, {net.seen[2]: targets}, epochs=2, verbose=0)
        assert (before != sim.data[net.skip].weights).all()
        found = sim.predict({net.image: data})
        assert_equals_integers(sim, net, 4, found, data)
        error = np.mean((found[net.seen[2]] - targets) ** 2)
        seen = sim.train_on_batch({net.image: data}, {net.seen[2]: targets})
        assert next(iter(seen.values())) == pytest.approx(error, rel=1e-6)


def test_numpy_steps_equal_integers():
    """What neurons are in NumPy: the definition of what TensorFlow computes."""
    rng, quantization = np.random.default_rng(0), Quantization()
    lif = nengo.LIF(tau_rc=0.03, tau_ref=0, min_voltage=-2)
    leaky = FIXED_POINT[nengo.LIF].like(lif, quantization)
    rectified = FIXED_POINT[nengo.SpikingRectifiedLinear].like(
        nengo.SpikingRectifiedLinear(), quantization
    )
    currents = rng.integers(-(2**15), 2**16, (50, 20))
    v, w = rng.integers(0, 2**12, (2, 20))
    outputs = np.zeros((2, 20))
    voltages = np.array([v, w]) / 2**12
    (m, s), (n, t) = factor(-math.expm1(-DT / 0.03)), factor(DT)
    for J in currents:
        leaky.step(DT, J / 2**12, outputs[0], voltages[0], np.zeros(20))
        rectified.step(DT, 300 * J / 2**12, outputs[1], voltages[1])
        v = v + shifted(m * (J - v), -s)
        w = w + shifted(n * np.maximum(300 * J, 0), -t)
        np.testing.assert_array_equal(outputs, SPIKE * np.array([v > 2**12, w >> 12]))
        v, w = np.where(v > 2**12, 0, np.maximum(v, -(2**13))), w % 2**12
        np.testing.assert_array_equal(voltages, np.array([v, w]) / 2**12)


def line(weights, quantization=4, **settings):
    weights = np.asarray(weights, np.float64)
    with nengo.Network() as net:
        configure_settings(quantization=quantization, jit_compile=False, **settings)
        net.input = nengo.Node(np.zeros(weights.shape[1]))
        net.output = nengo.Node(size_in=len(weights))
        net.conn = nengo.Connection(
            net.input, net.output, transform=weights, synapse=None
        )
        net.probe = nengo.Probe(net.output)
    return net


def test_gradients_pass_roundings():
    """Weights and inputs are rounded, and the gradient is that of rounded weights."""
    weights = np.array([[0.9, -0.33], [0.04, 0.011]])
    rounded = np.array([[7, -3], [5, 1]]) * [[1 / 8], [1 / 128]]
    net, x = line(weights), np.array([[[0.5, -0.26]]])
    with simulator(net) as sim:
        output = sim.predict({net.input: x})[net.probe]
        seen = np.array([0.5, -33 / 128])
        np.testing.assert_array_equal(output[0, 0], rounded @ seen)
        sim.compile(keras.optimizers.SGD(0.125), "mse")
        sim.train_on_batch({net.input: x}, {net.probe: np.zeros((1, 1, 2))})
        step = weights - np.asarray(sim.data[net.conn].weights)
        np.testing.assert_allclose(
            step, 0.125 * np.outer(rounded @ seen, seen), rtol=1e-12
        )


def test_units():
    """Rows have units of their own, unless they share one; zeros stay zeros."""
    weights = [[1, 0.3], [0.01, 0], [0, 0]]
    x = np.array([[[0.5, 0.25]]])
    for per_channel, second in ((True, 5 / 512), (False, 0)):
        net = line(weights, Quantization(4, per_channel=per_channel))
        with simulator(net) as sim:
            output = sim.predict({net.input: x})[net.probe][0, 0]
        np.testing.assert_array_equal(output, [0.5 + 0.0625, 0.5 * second, 0])


def test_settings_of_objects():
    """The innermost setting counts, and False leaves an object out."""
    weights, x = np.full((1, 1), 0.3), np.full((1, 1, 1), 0.5)
    for setting, expected in ((4, 0.3125), (8, 0.30078125), (False, 0.3)):
        net = line(weights, 8)
        net.config[net.conn].quantization = setting
        with simulator(net) as sim:
            output = sim.predict({net.input: x})[net.probe]
        np.testing.assert_allclose(output.ravel(), 0.5 * expected, rtol=1e-7)


def test_files_and_frozen_networks(tmp_path):
    """Both keep what is trained, from which the same weights follow."""
    weights, x = [[0.9, -0.33], [0.04, 0.011]], np.array([[[0.5, -0.26]]])
    net = line(np.ones((2, 2)))
    with simulator(line(weights)) as sim:
        sim.save_params(tmp_path / "net")
        expected = sim.predict({sim.model.toplevel.input: x})
    with simulator(net) as sim:
        sim.load_params(tmp_path / "net")
        np.testing.assert_array_equal(sim.data[net.conn].weights, weights)
        loaded = sim.predict({net.input: x})[net.probe]
        sim.freeze_params(net)
    np.testing.assert_array_equal(net.conn.transform.init, weights)
    with simulator(net) as sim:
        frozen = sim.predict({net.input: x})[net.probe]
    for values in (loaded, frozen):
        np.testing.assert_array_equal(values, *expected.values())


@pytest.mark.parametrize(
    ("words", "neurons", "options"),
    [
        (
            "Izhikevich.* has no fixed-point form",
            {"neuron_type": nengo.Izhikevich()},
            {},
        ),
        ("tau_ref of 0.002 s", {"neuron_type": nengo.LIF()}, {}),
        ("noise", {"noise": nengo.processes.WhiteNoise()}, {}),
        ("gains of .* must be powers of two", {"gain": np.full(3, 3.0)}, {}),
        ("learning rules", {}, {"learning_rule_type": nengo.Oja()}),
        ("Lowpass.* has no fixed-point form", {}, {"synapse": 0.01}),
        ("has no fixed-point form; Dense", {}, {"transform": None}),
    ],
)
def test_what_cannot_be_quantized(words, neurons, options):
    arguments = {
        "neuron_type": nengo.SpikingRectifiedLinear(),
        "gain": np.ones(3),
        "bias": np.full(3, 1.5),
        **neurons,
    }
    with nengo.Network() as net:
        configure_settings(quantization=8)
        ens = nengo.Ensemble(3, 1, label="ens", **arguments)
        options = {"transform": np.ones((3, 3)), "synapse": None, **options}
        pre = nengo.Node(np.zeros(3))
        if "learning_rule_type" in options:
            pre, options["synapse"] = ens.neurons, 0
        nengo.Connection(pre, ens.neurons, label="conn", **options)
    with pytest.raises(BuildError, match=f"(ens|conn).* cannot be quantized.*{words}"):
        Simulator(net, progress_bar=False)


def test_decoded_connections_cannot_be_quantized():
    with nengo.Network() as net:
        configure_settings(quantization=8)
        ens = nengo.Ensemble(3, 1, neuron_type=nengo.SpikingRectifiedLinear())
        conn = nengo.Connection(nengo.Node([0]), ens)
    with pytest.raises(BuildError, match="decoders and encoders"):
        Simulator(net, progress_bar=False)
    net.config[conn].quantization = False
    with simulator(net) as sim:
        sim.run_steps(3)


def test_other_types_are_refused():
    with pytest.raises(ConfigError, match=r"quantized, which needs .* float64"):
        Simulator(network(dtype="float32"), progress_bar=False)


@pytest.mark.parametrize("value", [1, 17, True, "8"])
def test_settings_are_checked(value):
    with nengo.Network(), pytest.raises(ValidationError, match="number of bits"):
        configure_settings(quantization=value)


def test_bits_are_checked():
    with pytest.raises(ValidationError, match=r"state_fraction.* from 0 to 6"):
        Quantization(state_bits=8, state_fraction=7)
