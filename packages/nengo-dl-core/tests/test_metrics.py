"""What is counted of a network is what its values say, step by step."""

import json

import keras
import nengo
import numpy as np
import pytest
from nengo.exceptions import SimulatorClosed, ValidationError

import nengo_dl_core
from nengo_dl_core import (
    DEVICES,
    Delay,
    Device,
    Quantization,
    Simulator,
    TensorNode,
    configure_settings,
    measure,
    tuning,
)

RNG = np.random.default_rng(0)


def some_zeros(*shape):
    """Positive weights, a third of them zero."""
    return RNG.uniform(1, 2, shape) * (RNG.uniform(size=shape) < 2 / 3)


def convolution(shape, n_filters=4, size=(3, 2), **kwargs):
    groups = kwargs.get("groups", 1)
    n_channels = shape[-1] if kwargs.get("channels_last", True) else shape[0]
    size = size[: len(shape) - 1]
    init = some_zeros(*size, n_channels // groups, n_filters)
    return nengo.Convolution(n_filters, shape, kernel_size=size, init=init, **kwargs)


def transposed(shape, **kwargs):
    return nengo.transforms.ConvolutionTranspose(
        4, shape, kernel_size=(3, 2), init=some_zeros(3, 2, shape[-1], 4), **kwargs
    )


def with_ones(transform):
    """The same transform, all of whose weights are 1."""
    if isinstance(transform, (nengo.Dense, nengo.Sparse)):
        return nengo.Dense(transform.shape, init=np.ones(transform.shape))
    names = ["kernel_size", "strides", "padding", "channels_last"]
    names += ["groups"] * isinstance(transform, nengo.Convolution)
    options = {name: getattr(transform, name) for name in names}
    init = np.ones_like(transform.init)
    shape = transform.input_shape.shape
    return type(transform)(transform.n_filters, shape, init=init, **options)


def n_products(transform):
    """For each element of the input, how many outputs it has an effect on."""
    with nengo.Network() as net:
        one_by_one = np.eye(transform.size_in)
        source = nengo.Node(lambda t: one_by_one[round(t / 0.001) - 1])
        target = nengo.Node(size_in=transform.size_out)
        nengo.Connection(source, target, transform=transform, synapse=None)
        probe = nengo.Probe(target)
    with nengo.Simulator(net, progress_bar=False) as sim:
        sim.run_steps(transform.size_in)
    return np.count_nonzero(sim.data[probe], axis=1)


TRANSFORMS = {
    "dense": nengo.Dense((6, 8), init=some_zeros(6, 8)),
    "sparse": nengo.Sparse(
        (6, 8), indices=[(0, 1), (2, 3), (5, 3), (2, 3)], init=[1.0, 2.0, 0.0, 3.0]
    ),
    "convolution": convolution((5, 4, 2)),
    "strides": convolution((7, 5, 2), strides=(2, 3)),
    "same": convolution((5, 4, 2), padding="same"),
    "same, strides": convolution((7, 6, 2), padding="same", strides=(3, 2)),
    "channels first": convolution((2, 5, 4), channels_last=False, strides=(2, 1)),
    "groups": convolution((5, 4, 4), groups=2),
    "one axis": convolution((9, 2), padding="same", strides=(2,)),
    "transposed": transposed((4, 3, 2), strides=(2, 3)),
    "transposed, same": transposed((4, 3, 2), padding="same", strides=(2, 2)),
    "transposed, same, overlapping": transposed((4, 3, 2), padding="same"),
}


@pytest.mark.parametrize("spikes", [True, False], ids=["spikes", "values"])
@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_operations_are_products_of_what_is_not_zero(transform, spikes):
    with nengo.Network() as net:
        source = nengo.Node(np.zeros(transform.size_in))
        target = nengo.Node(size_in=transform.size_out)
        nengo.Connection(source, target, transform=transform)
    data = RNG.uniform(size=(3, 7, transform.size_in))
    data *= data > 0.5
    if spikes:
        data = np.sign(data) * 2.5
    with Simulator(net, minibatch_size=2, progress_bar=False) as sim:
        metrics = measure(sim, data)
    (found,) = metrics.connections
    effective = (data != 0).sum(axis=(0, 1)) @ n_products(transform)
    assert found.effective_acs == (effective if spikes else 0)
    assert found.effective_macs == (0 if spikes else effective)
    assert found.dense_operations == n_products(with_ones(transform)).sum() * 3 * 7
    assert metrics.dense_operations == found.dense_operations / 3


@pytest.mark.parametrize("name", ["dense", "convolution", "sparse"])
def test_weights_that_are_zero(name):
    transform = TRANSFORMS[name]
    with nengo.Network() as net:
        source = nengo.Node(np.zeros(transform.size_in))
        target = nengo.Node(size_in=transform.size_out)
        nengo.Connection(source, target, transform=transform)
    with Simulator(net, progress_bar=False) as sim:
        metrics = measure(sim, np.ones((1, 1, transform.size_in)))
    if name == "sparse":
        n_weights, n_zeros = 6 * 8, 6 * 8 - 2
    else:
        n_weights, n_zeros = transform.init.size, np.sum(transform.init == 0)
    assert metrics.connections[0].n_weights == n_weights
    assert metrics.connections[0].n_zeros == n_zeros
    assert metrics.connection_sparsity == n_zeros / n_weights


def decoded_network():
    """Ensembles with decoders and encoders, and a function in Python."""
    with nengo.Network(seed=0) as net:
        nengo_dl_core.configure_settings(dtype="float64")
        source = nengo.Node(lambda t: np.sin(20 * t), label="source")
        a = nengo.Ensemble(30, 2, label="a")
        b = nengo.Ensemble(20, 1, neuron_type=nengo.LIFRate(), label="b")
        square = nengo.Node(lambda t, x: x**2, size_in=1, label="square")
        nengo.Connection(source, a[0])
        nengo.Connection(a, b, function=lambda x: x[0] * x[1])
        nengo.Connection(b, square)
        nengo.Connection(square, a[1])
        net.probe = nengo.Probe(b, label="out")
    return net


def test_neurons_and_decoders_do_what_they_do_in_the_reference():
    net = decoded_network()
    a, b = net.ensembles
    with Simulator(net, progress_bar=False) as sim:
        metrics = measure(sim, n_steps=200)
    with net:
        spikes, rates = nengo.Probe(a.neurons), nengo.Probe(b.neurons)
        voltage = nengo.Probe(a.neurons, "voltage")
        inputs = nengo.Probe(a, "input"), nengo.Probe(b, "input")
    with nengo.Simulator(net, progress_bar=False) as reference:
        reference.run_steps(200)
    n_spikes, n_rates = (np.count_nonzero(reference.data[x]) for x in (spikes, rates))
    of_a, of_b = metrics.neurons
    assert (of_a.n_active, of_b.n_active) == (n_spikes, n_rates)
    assert (of_a.n_activations, of_b.n_activations) == (200 * 30, 200 * 20)
    assert metrics.activation_sparsity == (10000 - n_spikes - n_rates) / 10000
    changed = np.count_nonzero(np.diff(reference.data[voltage], axis=0))
    assert 30 < changed < 199 * 30
    assert (of_a.membrane_updates, of_b.membrane_updates) == (30 + changed, 0)

    encoders_a, encoders_b, decoders, feedback, readout = metrics.connections
    n_inputs = [np.count_nonzero(reference.data[x]) for x in inputs]
    assert encoders_a.name == "a (encoders)"
    assert encoders_a.effective_macs == n_inputs[0] * 30
    assert encoders_b.effective_macs == n_inputs[1] * 20
    assert (decoders.name, decoders.effective_acs) == ("a → b", n_spikes)
    assert (feedback.name, feedback.effective_macs) == ("b → square", n_rates)
    assert (readout.name, readout.effective_macs) == ("b → out", n_rates)
    assert metrics.not_counted == ("square: a function",)


def test_nothing_depends_on_minibatches_and_pieces(monkeypatch):
    data = RNG.uniform(-1, 1, (5, 20, 1))
    found = []
    for minibatch_size in (None, 2, 5):
        net = decoded_network()
        with Simulator(net, minibatch_size=minibatch_size, progress_bar=False) as sim:
            found.append(measure(sim, data))
            monkeypatch.setattr(tuning, "MAX_BUFFER_LENGTH", 7)
            found.append(measure(sim, {net.nodes[0]: data}))
            monkeypatch.undo()
    assert found == [found[0]] * 6
    assert found[0].effective_acs > 0


@pytest.mark.parametrize(
    ("settings", "unroll"),
    [
        ({"keep_history": False}, 1),
        ({"stateful": False}, 1),
        ({"use_loop": False}, 20),
        ({}, 3),
    ],
)
def test_nothing_depends_on_settings(settings, unroll, monkeypatch):
    monkeypatch.setattr(tuning, "MAX_BUFFER_LENGTH", 7)
    found = []
    for options, unrolled in (({}, 1), (settings, unroll)):
        with nengo.Network(seed=0) as net:
            source = nengo.Node(np.zeros(1))
            ens = nengo.Ensemble(20, 1)
            nengo.Connection(source, ens)
            nengo.Probe(ens)
            nengo_dl_core.configure_settings(**options)
        with Simulator(
            net, minibatch_size=2, unroll_simulation=unrolled, progress_bar=False
        ) as sim:
            data = np.random.default_rng(0).uniform(-1, 1, (5, 20, 1))
            found.append(measure(sim, data))
    assert found[0] == found[1]
    assert found[0].effective_acs > 20


def test_simulator_stays_as_it_is():
    net = decoded_network()
    with Simulator(net, progress_bar=False) as sim:
        sim.run_steps(10)
        state, recorded = sim.state(), np.array(sim.data[net.probe])
        first = measure(sim, n_steps=20)
        assert sim.state() == state
        np.testing.assert_array_equal(sim.data[net.probe], recorded)
        assert measure(sim, n_steps=20) == first
        sim.reset()
        assert measure(sim, n_steps=20) == first


def test_weights_are_those_that_the_simulator_has():
    with nengo.Network() as net:
        source = nengo.Node(np.zeros(3))
        target = nengo.Node(size_in=2)
        nengo.Connection(source, target, transform=np.zeros((2, 3)), synapse=None)
        nengo.Probe(target)
    data = np.ones((4, 1, 3))
    with Simulator(net, minibatch_size=4, progress_bar=False) as sim:
        before = measure(sim, data)
        sim.compile(keras.optimizers.SGD(0.1), loss="mse")
        sim.fit(data, np.ones((4, 1, 2)), verbose=0)
        after = measure(sim, data)
    assert (before.connection_sparsity, after.connection_sparsity) == (1, 0)
    assert (before.effective_acs, after.effective_acs) == (0, 6)


def test_weights_of_layers_are_those_that_the_simulator_has():
    with nengo.Network() as net:
        source = nengo.Node(np.zeros(3))
        dense = keras.layers.Dense(2, kernel_initializer="zeros")
        layer = nengo_dl_core.Layer(dense)(source)
        target = nengo.Node(size_in=2)
        nengo.Connection(layer, target, transform=np.ones((2, 2)), synapse=None)
        nengo.Probe(target)
    data = np.ones((4, 1, 3))
    with Simulator(net, minibatch_size=4, progress_bar=False) as sim:
        before = measure(sim, data)
        sim.compile(keras.optimizers.SGD(0.1), loss="mse")
        sim.fit(data, np.ones((4, 1, 2)), verbose=0)
        after = measure(sim, data)
    assert (before.effective_acs, after.effective_acs) == (0, 4)


def test_learned_weights_are_counted_and_rules_are_named():
    with nengo.Network(seed=0) as net:
        source = nengo.Node(np.sin)
        ens = nengo.Ensemble(20, 1, label="ens")
        target = nengo.Node(size_in=1, label="target")
        nengo.Connection(source, ens)
        conn = nengo.Connection(
            ens, target, function=lambda x: 0, learning_rule_type=nengo.PES()
        )
        nengo.Connection(source, conn.learning_rule)
    with Simulator(net, minibatch_size=2, progress_bar=False) as sim:
        metrics = measure(sim, n_steps=100)
    _, decoders = metrics.connections
    assert (decoders.name, decoders.learned) == ("ens → target", True)
    assert decoders.n_zeros == decoders.n_weights == 20
    assert decoders.effective_acs == metrics.neurons[0].n_active > 0
    assert metrics.not_counted == ("ens → target: PES",)


def test_what_is_not_counted_is_named():
    with nengo.Network() as net:
        source = nengo.Node(np.sin, label="source")
        layer = TensorNode(
            keras.layers.Dense(3), shape_in=(1,), pass_time=False, label="layer"
        )
        direct = nengo.Ensemble(1, 1, neuron_type=nengo.Direct(), label="direct")
        target = nengo.Node(size_in=1, label="target")
        nengo.Connection(source, layer)
        nengo.Connection(source, direct)
        nengo.Connection(direct, target, function=np.square)
    with Simulator(net, progress_bar=False) as sim:
        metrics = measure(sim, n_steps=3)
    assert metrics.connections == metrics.neurons == ()
    assert set(metrics.not_counted) == {
        "direct: Direct, without neurons",
        "layer: TensorNode",
        "direct: a function",
    }
    assert metrics.parameter_bytes == 4 * (3 + 3)  # the layer's


def test_objects_are_named_by_label_and_place():
    with nengo.Network() as net:
        for _ in range(2):
            with nengo.Network(label="memory"):
                store = nengo.Ensemble(5, 1, label="store")
        source = nengo.Node(np.sin)
        for _ in range(2):
            nengo.Connection(source, store.neurons, transform=np.ones((5, 1)))
        nengo.Connection(source, store.neurons, transform=np.ones((5, 1)), label="last")
        nengo.Probe(store)
    with Simulator(net, progress_bar=False) as sim:
        metrics = measure(sim, n_steps=1)
    assert [x.name for x in metrics.neurons] == ["memory.store", "memory.store_1"]
    assert [x.name for x in metrics.connections] == [
        "nodes[0] → memory.store_1",
        "nodes[0] → memory.store_1_1",
        "last",
        "memory.store_1 → probes[0]",
    ]


def test_products_with_a_constant_are_biases():
    with nengo.Network() as net:
        constant = nengo.Node(np.full(3, 0.5))
        target = nengo.Node(size_in=2)
        nengo.Connection(constant, target, transform=np.ones((2, 3)))
    with Simulator(net, progress_bar=False) as sim:
        assert measure(sim, n_steps=5).dense_operations == 0
        assert measure(sim, np.ones((1, 5, 3))).dense_operations == 5 * 2 * 3


def test_what_nothing_is_connected_to_takes_no_operations():
    with nengo.Network() as net:
        source = nengo.Node(np.zeros(2))
        padded = nengo.Node(size_in=5)
        target = nengo.Node(size_in=3)
        neurons = nengo.Ensemble(4, 2).neurons
        nengo.Connection(source, padded[[3, 1]], synapse=None)
        nengo.Connection(padded, target, transform=np.ones((3, 5)))
        nengo.Connection(source, neurons, transform=np.ones((4, 2)))
    with Simulator(net, progress_bar=False) as sim:
        first, second = measure(sim, np.ones((1, 7, 2))).connections
    assert first.dense_operations == first.effective_acs == 7 * 3 * 2
    assert second.dense_operations == 7 * 4 * 2  # but no encoders


def test_memory_is_that_of_parameters_and_state():
    with nengo.Network(seed=0) as net:
        source = nengo.Node([0.0])
        ens = nengo.Ensemble(10, 1, bias=np.ones(10), gain=np.ones(10))
        target = nengo.Node(size_in=2)
        nengo.Connection(source, ens, synapse=0.1)
        nengo.Connection(
            ens.neurons,
            target,
            transform=nengo.Sparse((2, 10), indices=[(0, 3), (1, 2), (1, 5)]),
            synapse=nengo.Alpha(0.1),
        )
    with Simulator(net, progress_bar=False) as sim:
        metrics = measure(sim, np.zeros((1, 1, 1)))
    assert metrics.parameter_bytes == 4 * (10 + 10 + 3)  # encoders, biases, entries
    # voltages and refractory times, what a Lowpass keeps, and an Alpha for two values
    assert metrics.state_bytes == 4 * (2 * 10 + 1 + 2 * 2)
    assert metrics.footprint == metrics.parameter_bytes + metrics.state_bytes


@pytest.mark.parametrize("bits", [4, 8])
def test_memory_of_quantized_networks_is_that_of_few_bits(bits):
    with nengo.Network() as net:
        configure_settings(quantization=Quantization(bits, 12, 8))
        source = nengo.Node([0.0])
        ens = nengo.Ensemble(
            6,
            1,
            neuron_type=nengo.LIF(tau_ref=0),
            bias=np.ones(6),
            gain=np.full(6, 2.0),
        )
        other = nengo.Ensemble(3, 1, bias=np.ones(3), gain=np.ones(3))
        net.config[other].quantization = False
        target = nengo.Node(size_in=2)
        steps = Delay([0, 1, 2, 3, 4, 5])
        ones = np.ones((6, 1))
        nengo.Connection(source, ens.neurons, transform=ones, synapse=steps)
        nengo.Connection(ens.neurons, ens.neurons, transform=np.ones((6, 6)), synapse=0)
        nengo.Connection(ens.neurons, target, transform=np.ones((2, 6)), synapse=None)
        nengo.Probe(target, synapse=0.1)
    with Simulator(net, progress_bar=False) as sim:
        metrics = measure(sim, np.zeros((1, 1, 1)))
    weights = 6 + 6 * 6 + 2 * 6
    # Biases are currents of 32 bits, gains shifts of 8, of each connection.
    few = bits * weights + 32 * 6 + 8 * 2 * 6
    assert metrics.parameter_bytes == few / 8 + 8 * 3  # with other biases, in float64
    # voltages, delayed inputs, recurrent currents
    few = 12 * 6 + 32 * 5 * 6 + 32 * 6
    # voltages and refractory times of the others, the filter of the Probe
    assert metrics.state_bytes == few / 8 + 8 * (2 * 3 + 2)


def test_energy_is_that_of_the_operations_that_a_device_computes():
    net = decoded_network()
    with Simulator(net, progress_bar=False) as sim:
        metrics = measure(sim, RNG.uniform(-1, 1, (2, 10, 1)))
    updates = 2.0 * 50 * 10
    assert metrics.neuron_updates == 50 * 10
    assert metrics.energy(Device(3.0, 2.0, False, "")) == (
        3 * metrics.dense_operations + updates / 2 * 2
    )
    assert metrics.energy(Device(3.0, 2.0, True, "")) == (
        3 * (metrics.effective_macs + metrics.effective_acs) + updates / 2 * 2
    )
    assert metrics.energy(Device(3.0, 2.0, True, "", per_accumulation=1.0)) == (
        3 * metrics.effective_macs + metrics.effective_acs + updates / 2 * 2
    )
    assert all(device.source for device in DEVICES.values())


def test_metrics_are_shown_written_and_drawn():
    with Simulator(decoded_network(), progress_bar=False) as sim:
        metrics = measure(sim, n_steps=10)
    shown = str(metrics)
    for words in ("a (encoders)", "b → out", "square: a function", *DEVICES):
        assert words in shown
    figures = json.loads(metrics.to_json())
    assert figures["effective_acs"] == metrics.effective_acs
    assert figures["connections"][2]["effective_acs"] == metrics.effective_acs
    assert figures["energy"]["Loihi"] == metrics.energy(DEVICES["Loihi"])
    pytest.importorskip("matplotlib")
    operations, activations = metrics.plot().axes
    dense, effective = operations.containers
    assert [bar.get_width() for bar in effective] == [
        x.effective_operations for x in metrics.connections
    ]
    assert len(dense) == 5
    assert len(activations.patches) == 2


def test_progress_is_shown():
    class Bar(nengo.utils.progress.ProgressBar):
        seen = 0

        def update(self, progress):
            self.seen = max(self.seen, progress.n_steps)

    bar = Bar()
    with Simulator(decoded_network(), minibatch_size=2, progress_bar=False) as sim:
        measure(sim, np.zeros((5, 7, 1)), progress_bar=bar)
    assert bar.seen == 3 * 7


def test_mistakes():
    net = decoded_network()
    with Simulator(net, progress_bar=False) as sim:
        with pytest.raises(ValidationError, match="say how many steps"):
            measure(sim)
        with pytest.raises(ValidationError, match="expected"):
            measure(sim, np.zeros((2, 3, 2)))
    with pytest.raises(SimulatorClosed):
        measure(sim, n_steps=1)
    with Simulator(None, model=nengo.builder.Model(), progress_bar=False) as sim:
        with pytest.raises(ValidationError, match="no network"):
            measure(sim, n_steps=1)
