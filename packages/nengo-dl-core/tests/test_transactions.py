"""Every call moves the simulation by what it says, or leaves it as it was."""

import pickle
import time

import keras
import nengo
import numpy as np
import pytest
import tensorflow as tf

from nengo_dl_core import Simulator, TensorNode, configure_settings
from nengo_dl_core.engine.numpy_loop import NumPyLoop
from nengo_dl_core.engine.tensorflow_loop import TensorFlowLoop


def simulator(net, **options):
    return Simulator(net, progress_bar=False, **options)


def noisy(**settings):
    """Noise outside of the loop and within it, and neurons that spike at random."""
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64", **settings)
        noise = nengo.Node(nengo.processes.WhiteNoise(scale=False), label="noise")
        within = nengo.Node(nengo.processes.FilteredNoise(), size_out=1)
        ens = nengo.Ensemble(
            10, 1, neuron_type=nengo.PoissonSpiking(nengo.RectifiedLinear())
        )
        nengo.Connection(noise, ens)
        nengo.Connection(within, ens, synapse=0.01)
        net.probe = nengo.Probe(ens.neurons)
        net.noise = nengo.Probe(noise)
    return net


def recorded(sim, probe, n_steps):
    """What a probe records in some steps."""
    before = len(sim.probe_data[probe].values)
    sim.run_steps(n_steps)
    return np.array(sim.data[probe])[before:]


class Arm:
    """A world that a Node moves and another one reads."""

    def __init__(self):
        self.angle = 0.0

    def move(self, t, force):
        self.angle += 0.001 * (1 - self.angle) * force[0]
        return self.angle

    def sense(self, t):
        return self.angle


def closed_loop(tensor_node=False):
    arm = Arm()
    with nengo.Network(seed=0) as net:
        configure_settings(dtype="float64")
        sense = nengo.Node(arm.sense)
        drive = nengo.Node([50.0])
        move = nengo.Node(arm.move, size_in=1, size_out=1)
        nengo.Connection(drive, move, synapse=None)
        nengo.Connection(sense, move, transform=-2)
        if tensor_node:
            node = TensorNode(lambda t, x: 2 * x, shape_in=(1,), shape_out=(1,))
            nengo.Connection(sense, node, synapse=None)
            nengo.Probe(node)
        net.probes_of_world = nengo.Probe(sense), nengo.Probe(move)
    return net


class TestClosedLoops:
    @pytest.mark.parametrize("piece", [1, 7, 60])
    @pytest.mark.parametrize("tensor_node", [False, True])
    def test_nodes_read_what_others_have_changed(self, piece, tensor_node):
        net = closed_loop()
        with nengo.Simulator(net, progress_bar=False) as reference:
            reference.run_steps(60)
        expected = [reference.data[probe] for probe in net.probes_of_world]
        net = closed_loop(tensor_node)
        with simulator(net) as sim:
            for start in range(0, 60, piece):
                sim.run_steps(min(piece, 60 - start))
            kind = TensorFlowLoop if tensor_node else NumPyLoop
            assert isinstance(sim._runner.executor, kind)
            for probe, values in zip(net.probes_of_world, expected, strict=True):
                np.testing.assert_allclose(sim.data[probe], values, atol=1e-12)

    def test_predictions_see_changes_too(self):
        net = closed_loop()
        with nengo.Simulator(net, progress_bar=False) as reference:
            reference.run_steps(30)
        expected = reference.data[net.probes_of_world[0]]
        net = closed_loop()
        with simulator(net) as sim:
            values = sim.predict(n_steps=30)[net.probes_of_world[0]]
        np.testing.assert_allclose(values[0], expected, atol=1e-12)


class TestBorrowedState:
    @pytest.mark.parametrize("size", [None, 2])
    def test_predictions_leave_noise_as_it_is(self, size):
        net = noisy()
        with simulator(net, minibatch_size=size, seed=1) as sim:
            expected = recorded(sim, net.probe, 20)
        with simulator(net, minibatch_size=size, seed=1) as sim:
            first, second = (sim.predict(n_steps=20)[net.noise] for _ in range(2))
            np.testing.assert_array_equal(first, second)
            np.testing.assert_array_equal(recorded(sim, net.probe, 20), expected)

    def test_minibatches_begin_in_the_present_state(self):
        with nengo.Network(seed=0) as net:
            node = nengo.Node([1.0])
            probe = nengo.Probe(node, synapse=0.1)
        with simulator(net, minibatch_size=2) as sim:
            sim.run_steps(10)
            values = sim.predict(np.ones((4, 5, 1)))[probe]
            np.testing.assert_array_equal(values[:2], values[2:])
            sim.run_steps(5)
            np.testing.assert_allclose(sim.data[probe][:, 10:], values[:2])

    def test_stateful_predictions_move_it(self):
        net = noisy()
        with simulator(net, seed=1) as sim:
            expected = recorded(sim, net.probe, 20)
        with simulator(net, seed=1) as sim:
            values = [sim.predict(n_steps=n, stateful=True) for n in (5, 15)]
            assert sim.n_steps == 20
        actual = np.concatenate([value[net.probe][0] for value in values])
        np.testing.assert_array_equal(actual, expected)

    def test_the_public_model_never_moves_it(self):
        with nengo.Network(seed=0) as net:
            node = nengo.Node([1.0], label="a")
            probe = nengo.Probe(node, synapse=0.1)
        data = {"a": np.ones((1, 5, 1)), "n_steps": np.full((1, 1), 5)}
        with simulator(net) as sim:
            sim.predict(n_steps=3, stateful=True)
            state = sim.state()
            sim.keras_model.predict(data, verbose=0)
            sim.keras_model.predict_on_batch(data)
            sim.keras_model({name: tf.constant(x) for name, x in data.items()})
            assert sim.state() == state
            sim.run_steps(4)
            assert sim.n_steps == 7
            assert len(sim.data[probe]) == 4

    def test_validation_leaves_the_state_that_training_goes_on_from(self):
        with nengo.Network(seed=0) as net:
            node = nengo.Node([0.0])
            ens = nengo.Ensemble(10, 1, neuron_type=nengo.RectifiedLinear())
            nengo.Connection(node, ens, synapse=None)
            probe = nengo.Probe(ens, synapse=0.1)
        x, y = np.ones((4, 5, 1)), np.zeros((4, 5, 1))

        def losses(**options):
            with simulator(net, minibatch_size=4) as sim:
                sim.compile(keras.optimizers.SGD(0.0), loss={probe: "mse"})
                history = sim.fit(x, y, stateful=True, epochs=3, verbose=0, **options)
                return history.history["loss"], sim.n_steps

        alone, n_alone = losses()
        beside, n_beside = losses(validation_data=(100 * x, y))
        np.testing.assert_allclose(beside, alone, rtol=1e-6)
        assert n_alone == n_beside == 15


class TestErrors:
    @pytest.mark.parametrize("size", [None, 2])
    @pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
    def test_going_on_gives_what_an_undisturbed_run_gives(self, size, error):
        def values(fails):
            failed = []

            def relay(t, x):
                if fails and not failed and t > 0.02:
                    failed.append(t)
                    raise error("once")
                return x

            net = noisy()
            with net:
                node = nengo.Node(relay, size_in=1)
                nengo.Connection(net.nodes[0], node, synapse=None)
                probe = nengo.Probe(node)
            with simulator(net, minibatch_size=size, seed=2) as sim:
                sim.run_steps(10)
                if fails:
                    before = sim.state(), sim.data[probe]
                    with pytest.raises(error, match="once"):
                        sim.run_steps(30)
                    assert sim.state() == before[0]
                    np.testing.assert_array_equal(sim.data[probe], before[1])
                sim.run_steps(30)
                return sim.data[probe], sim.data[net.probe]

        for actual, expected in zip(values(True), values(False), strict=True):
            np.testing.assert_array_equal(actual, expected)

    def test_an_error_that_was_dealt_with_is_not_raised_again(self):
        error = [None]

        def relay(t, x):
            if error[0] is not None:
                raise error[0]
            return x

        with nengo.Network(seed=0) as net:
            source = nengo.Node([0.0], label="x")
            node = nengo.Node(relay, size_in=1)
            nengo.Connection(source, node, synapse=None)
            nengo.Probe(node)
        data = {"x": np.zeros((2, 3, 1)), "n_steps": np.full((2, 1), 3)}
        with simulator(net, minibatch_size=2) as sim:
            for method, old in (
                (lambda: sim.keras_model.predict(data, verbose=0), "the old error"),
                (lambda: sim.run_steps(3), "the new error"),
            ):
                error[0] = ValueError(old)
                with pytest.raises(ValueError, match=old):
                    method()
                error[0] = None
                sim.run_steps(3)

    @pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
    def test_nothing_is_evaluated_ahead_of_an_error(self):
        """Or it would go on beside what puts the state back."""
        times, n_evaluated = [], []

        def watched(t):
            times.append(t)
            return t

        def remember(batch, logs):
            time.sleep(0.1)  # for what another thread would do
            n_evaluated.append(len(times))

        with nengo.Network(seed=0) as net:
            source, node = nengo.Node([0.0]), nengo.Node(size_in=1)
            nengo.Connection(source, node, synapse=None)
            nengo.Connection(nengo.Node(watched), node, synapse=None)
            probe = nengo.Probe(node)
        with simulator(net, minibatch_size=1) as sim:
            sim.compile("sgd", loss="mse")
            callback = keras.callbacks.LambdaCallback(on_train_batch_end=remember)
            x, options = np.zeros((3, 2, 1)), {"callbacks": [callback], "verbose": 0}
            sim.fit({source: x}, {probe: x}, stateful=True, **options)
        assert np.diff(n_evaluated).tolist() == [2, 2]


@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
class TestNoiseInTraining:
    @pytest.mark.parametrize("stateful", [False, True])
    def test_every_minibatch_has_its_own(self, stateful):
        with nengo.Network(seed=0) as net:
            noise = nengo.Node(nengo.processes.WhiteNoise(scale=False))
            source, node = nengo.Node([0.0]), nengo.Node(size_in=1)
            nengo.Connection(noise, node, synapse=None)
            nengo.Connection(source, node, synapse=None)
            probe = nengo.Probe(node)
        zeros, seen = np.zeros((4, 1, 1)), []
        remember = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: seen.append(logs["loss"])
        )
        with simulator(net, minibatch_size=2) as sim:
            expected = sim.state()
            sim.compile(
                keras.optimizers.SGD(0.0),
                loss={probe: lambda y_true, y_pred: y_pred + 0 * y_true},
            )
            for _ in range(2):
                sim.fit(
                    {source: zeros},
                    {probe: zeros},
                    epochs=2,
                    stateful=stateful,
                    shuffle=False,
                    verbose=0,
                    callbacks=[remember],
                )
            assert (sim.state() == expected) is not stateful
            assert sim.n_steps == 8 * stateful
        assert len(set(seen)) == 8


class TestStateAsAValue:
    @pytest.mark.parametrize("python", [False, True])
    def test_can_be_restored_any_number_of_times(self, python):
        net = noisy()
        if python:
            with net:
                node = nengo.Node(lambda t, x: x, size_in=1)
                nengo.Connection(net.nodes[0], node)
                nengo.Probe(node)
        with simulator(net, seed=3) as sim:
            sim.run_steps(10)
            state = pickle.loads(pickle.dumps(sim.state()))
            assert state == sim.state()
            expected = recorded(sim, net.probe, 20)
            assert state != sim.state()
            for _ in range(2):
                sim.restore(state)
                assert sim.state() == state
                assert sim.n_steps == 10
                np.testing.assert_array_equal(recorded(sim, net.probe, 20), expected)
        with simulator(net, seed=4) as other:  # begins with other noise
            other.restore(state)
            np.testing.assert_array_equal(recorded(other, net.probe, 20), expected)

    def test_noise_is_saved_with_it(self, tmp_path):
        net = noisy()
        with simulator(net, seed=3) as sim:
            expected = recorded(sim, net.probe, 30)[10:]
        with simulator(net, seed=3) as sim:
            sim.run_steps(10)
            sim.save_params(tmp_path / "state", include_state=True)
        with simulator(net, seed=4) as sim:
            sim.load_params(tmp_path / "state", include_state=True)
            assert sim.n_steps == 10
            np.testing.assert_array_equal(recorded(sim, net.probe, 20), expected)

    def test_statistics_of_layers_are_part_of_it(self):
        with nengo.Network(seed=0) as net:
            configure_settings(learning_phase=True)
            source = nengo.Node([1.0])
            node = TensorNode(
                keras.layers.BatchNormalization(), shape_in=(1,), pass_time=False
            )
            nengo.Connection(source, node, synapse=None)
            probe = nengo.Probe(node)
        with simulator(net, minibatch_size=4) as sim:
            state = sim.state()
            x = np.arange(12.0).reshape((4, 3, 1))
            first, second = (sim.predict(x)[probe] for _ in range(2))
            np.testing.assert_array_equal(first, second)
            assert sim.state() == state
            sim.predict(x, stateful=True)
            assert sim.state() != state
