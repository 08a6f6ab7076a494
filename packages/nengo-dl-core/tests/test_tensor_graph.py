"""The simulation as an object: its signals, and its names of NengoDL 0.x."""

import keras
import nengo
import numpy as np
import pytest
import tensorflow as tf
from nengo.exceptions import SignalError, ValidationError

import nengo_dl.tensor_graph
from nengo_dl_core import Simulator, configure_settings
from nengo_dl_core.network.build import NengoModel


@pytest.fixture
def net():
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64")
        net.node = nengo.Node(np.sin)
        net.ens = nengo.Ensemble(10, 2)
        net.conn = nengo.Connection(net.node, net.ens[0])
        net.probe = nengo.Probe(net.ens, synapse=0.01)
    return net


@pytest.fixture
def sim(net):
    with nengo_dl.Simulator(net, minibatch_size=3, progress_bar=False) as sim:
        yield sim


@pytest.fixture
def reference(net):
    with nengo.Simulator(net, seed=net.seed + 1, progress_bar=False) as reference:
        yield reference


def built(net, **options):
    model = NengoModel(dt=0.001)
    model.build(net)
    return nengo_dl.tensor_graph.TensorGraph(model, 0.001, **options)


class TestSignals:
    def test_parameters_are_marked(self, sim, net):
        marks = sim.tensor_graph.mark_signals()
        sig = sim.tensor_graph.model.sig
        assert sig[net.ens]["encoders"].trainable is True
        assert sig[net.ens.neurons]["voltage"].trainable is None
        assert marks[sig[net.ens]["encoders"]] is True
        assert marks[sig[net.ens.neurons]["bias"]] is True
        assert sig[net.ens.neurons]["voltage"] not in marks

    def test_a_signal_is_created_once(self, net):
        graph = built(net)
        sig = graph.program.model.sig[net.ens]["in"]
        before = graph.program.memory.tensor_signal(sig)
        graph.create_signals([sig])
        assert graph.program.memory.tensor_signal(sig) is before

    def test_views_are_rows_of_their_base(self, net):
        graph = built(net)
        base = graph.program.model.sig[net.ens]["in"]
        memory = graph.program.memory
        whole, part = memory.tensor_signal(base), memory.tensor_signal(base[1:])
        assert part.key == whole.key
        assert part.slices == ((whole.slices[0][0] + 1, whole.slices[0][1]),)

    def test_signals_of_another_model_cannot_be_created(self, net):
        with pytest.raises(SignalError, match="not used by any operator"):
            built(net).create_signals([nengo.builder.Signal(shape=(1,), name="other")])

    def test_value_of_a_parameter(self, sim, net):
        sig = sim.model.sig[net.ens]["encoders"]
        value = sim.tensor_graph.get_tensor(sig).numpy()
        np.testing.assert_array_equal(value, sig.initial_value)

    def test_value_of_state_has_a_minibatch_axis(self, sim, net, reference):
        sim.run_steps(5)
        reference.run_steps(5)
        sig = sim.model.sig[net.ens.neurons]["voltage"]
        voltage = reference.signals[reference.model.sig[net.ens.neurons]["voltage"]]
        value = sim.tensor_graph.get_tensor(sig).numpy()
        assert value.shape == (3, 10)
        np.testing.assert_allclose(value, [voltage] * 3, rtol=0, atol=1e-12)

    def test_value_of_a_signal_that_nothing_uses(self, sim):
        other = nengo.builder.Signal(np.array([2.0, 3.0]))
        np.testing.assert_array_equal(sim.tensor_graph.get_tensor(other), [2, 3])


def test_model_without_probes():
    with nengo.Network() as net:
        nengo.Ensemble(5, 1)
    with Simulator(net, progress_bar=False) as sim:
        with pytest.raises(ValidationError, match="add a Probe to the network"):
            sim.keras_model  # noqa: B018
        assert sim.predict(n_steps=3) == {}
        assert sim.n_steps == 0
        assert sim.predict(n_steps=3, stateful=True) == {}
        sim.run_steps(3)
        assert sim.n_steps == 6


class TestFormerNames:
    def test_step_blocks(self, net):
        with pytest.warns(DeprecationWarning, match="step_blocks is deprecated"):
            sim = nengo_dl.Simulator(net, step_blocks=10, progress_bar=False)
        with sim:
            assert sim.unroll_simulation == 1
            sim.run_steps(7)
            assert sim.n_steps == 7

    @pytest.mark.filterwarnings("ignore:step_blocks is deprecated:DeprecationWarning")
    @pytest.mark.parametrize(("unrolled", "n_steps"), [(True, 4), (False, 1)])
    def test_boolean_unroll_simulation(self, net, unrolled, n_steps):
        with pytest.warns(DeprecationWarning, match="number of steps to unroll"):
            sim = nengo_dl.Simulator(
                net, step_blocks=4, unroll_simulation=unrolled, progress_bar=False
            )
        with sim:
            assert sim.unroll_simulation == n_steps

    def test_mark_signals(self, sim):
        with pytest.warns(DeprecationWarning, match=r"TensorGraph\.mark_signals"):
            marks = nengo_dl.tensor_graph.mark_signals(sim.model)
        assert marks == sim.tensor_graph.mark_signals()

    def test_building_a_step_and_a_loop(self, net, reference):
        with nengo_dl.Simulator(
            net, minibatch_size=2, unroll_simulation=5, progress_bar=False
        ) as sim:
            graph = sim.tensor_graph
            with pytest.warns(DeprecationWarning, match="build_step is deprecated"):
                (step,), side_effects = graph.build_step()
            with pytest.warns(DeprecationWarning, match="build_loop is deprecated"):
                (loop,) = graph.build_loop()
            assert side_effects == []
            assert sim.n_steps == 0
        reference.run_steps(5)
        expected = reference.data[net.probe]
        np.testing.assert_allclose(step, [expected[0]] * 2, rtol=0, atol=1e-12)
        np.testing.assert_allclose(loop, [expected] * 2, rtol=0, atol=1e-12)

    @pytest.mark.parametrize(
        "objective", ["mse", lambda output, target: tf.reduce_mean(output)]
    )
    def test_building_an_optimizer(self, sim, net, objective):
        graph = sim.tensor_graph
        optimizer = keras.optimizers.SGD(0.0)
        with pytest.warns(DeprecationWarning, match="build_optimizer is deprecated"):
            arguments = graph.build_optimizer(optimizer, (net.probe,), objective)
        sim.compile(**arguments)
        with pytest.warns(DeprecationWarning, match="build_loss is deprecated"):
            sim.compile(loss=graph.build_loss(objective, (net.probe,)))
        x, y = np.ones((3, 4, 1)), np.zeros((3, 4, 2))
        output = sim.predict(x)[net.probe]
        expected = np.mean(output**2 if objective == "mse" else output)
        loss = sim.evaluate(x, y, verbose=0)["loss"]
        np.testing.assert_allclose(loss, expected, rtol=1e-6)  # Keras sums in float32
