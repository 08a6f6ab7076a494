"""What Keras and its callbacks find: optimizers, single minibatches, checkpoints."""

from typing import ClassVar

import keras
import nengo
import numpy as np
import pytest
from nengo.exceptions import SimulationError, ValidationError

from nengo_dl_core import Layer, Simulator, configure_settings

pytestmark = pytest.mark.filterwarnings(  # when Keras reads its own variables
    "ignore:__array__ implementation:DeprecationWarning"
)

X = np.linspace(-1, 1, 12).reshape((12, 1, 1))


def network(**settings):
    """A spiking ensemble, whose spikes and rates differ."""
    with nengo.Network(seed=0) as net:
        configure_settings(jit_compile=False, **settings)
        node = nengo.Node([0.0], label="x")
        net.ens = nengo.Ensemble(20, 1, neuron_type=nengo.LIF())
        nengo.Connection(node, net.ens, synapse=None)
        net.probe = nengo.Probe(net.ens, label="y")
    return net


def simulator(net, minibatch_size=4):
    return Simulator(net, minibatch_size=minibatch_size, progress_bar=False)


def compiled(net, optimizer=None):
    sim = simulator(net)
    optimizer = keras.optimizers.Adam(0.01) if optimizer is None else optimizer
    sim.compile(optimizer, loss={net.probe: "mse"}, metrics={net.probe: "mae"})
    return sim


def weights(sim):
    return {x.path: x.numpy() for x in sim.tensor_graph.trainable_variables}


def assert_equal(first, second):
    assert first.keys() == second.keys()
    for path, value in first.items():
        np.testing.assert_array_equal(value, second[path], err_msg=path)


class TestOptimizer:
    @pytest.mark.parametrize("model_first", [False, True])
    def test_is_that_of_the_keras_model(self, model_first):
        net, optimizer = network(), keras.optimizers.SGD(0.5)
        with simulator(net) as sim:
            if model_first:
                assert sim.keras_model.optimizer is None
            for optimizer in (keras.optimizers.Adam(), keras.optimizers.SGD(0.5)):
                sim.compile(optimizer, loss="mse")
                assert sim.keras_model.optimizer is optimizer
            before = weights(sim)
            sim.keras_model.optimizer.learning_rate = 0.0
            sim.fit(X, X, verbose=0)
            assert_equal(weights(sim), before)
            sim.keras_model.optimizer.learning_rate = 0.5
            sim.fit(X, X, verbose=0)
            changed = weights(sim)
            assert all(np.any(changed[path] != x) for path, x in before.items())


class TestSingleMinibatches:
    def test_train_on_batch_is_a_step_of_fit(self):
        net = network()
        with compiled(net) as sim:
            history = sim.fit(X, X**2, shuffle=False, verbose=0).history
            expected = weights(sim)
        with compiled(net) as sim:
            losses = [
                sim.train_on_batch(X[i : i + 4], {net.probe: X[i : i + 4] ** 2})
                for i in (0, 4, 8)
            ]
            assert_equal(weights(sim), expected)
        assert all(x.keys() == history.keys() for x in losses)
        for name, (mean,) in history.items():
            assert np.mean([x[name] for x in losses]) == pytest.approx(mean, rel=1e-5)

    @pytest.mark.parametrize("n_samples", [3, 4])
    @pytest.mark.parametrize("spiking", [False, True])
    def test_test_on_batch_is_an_evaluation(self, n_samples, spiking):
        with compiled(network()) as sim:
            x, weight = X[:n_samples], np.arange(1.0, n_samples + 1)
            options = {"sample_weight": weight, "spiking": spiking}
            expected = sim.evaluate(x, x**2, **options)
            before = weights(sim)
            for _ in range(2):  # losses do not add up
                results = sim.test_on_batch(x, x**2, **options)
                assert results == pytest.approx(expected, rel=1e-5)
            assert_equal(weights(sim), before)

    def test_state(self):
        with compiled(network()) as sim:
            for method in (sim.train_on_batch, sim.test_on_batch):
                before = sim.n_steps
                method(X[:4], X[:4])
                assert sim.n_steps == before
                method(X[:4], X[:4], stateful=True)
                assert sim.n_steps == before + 1

    def test_noise(self):
        """It is another one for each minibatch of a training, or goes on with it."""
        with nengo.Network(seed=0) as net:
            noise = nengo.processes.WhiteNoise(nengo.dists.Gaussian(0, 1), scale=False)
            configure_settings(trainable=True)
            node = nengo.Node(noise, size_out=1)
            same = nengo.Node(size_in=1)
            nengo.Connection(node, same, transform=[[1.0]], synapse=None)
            nengo.Probe(same)
        y = np.zeros((2, 3, 1))
        with simulator(net, minibatch_size=2) as sim:
            sim.compile(keras.optimizers.SGD(0.0), loss="mse")
            expected = sim.predict(n_steps=9, stateful=False)[net.all_probes[0]]
            trained, tested, going_on = (
                [method(n_steps=3, y=y, **options)["loss"] for _ in range(3)]
                for method, options in (
                    (sim.train_on_batch, {}),
                    (sim.test_on_batch, {}),
                    (sim.test_on_batch, {"stateful": True}),
                )
            )
        assert len(set(trained)) == 3
        assert len(set(tested)) == 1
        losses = np.mean(np.reshape(expected**2, (2, 3, 3)), axis=(0, 2))
        np.testing.assert_allclose(going_on, losses, rtol=1e-5)

    def test_errors(self):
        with simulator(network(inference_only=True)) as sim:
            for method in (sim.train_on_batch, sim.test_on_batch):
                with pytest.raises(ValidationError, match="compile before"):
                    method(X[:4], X[:4])
            sim.compile("sgd", loss="mse")
            for method in (sim.test_on_batch, sim.predict_on_batch):
                with pytest.raises(ValidationError, match="minibatch_size"):
                    method(X, *[X] * (method == sim.test_on_batch))
            with pytest.raises(SimulationError, match="inference_only"):
                sim.train_on_batch(X[:4], X[:4])


class TestLosses:
    """That of training and that of validation, of the same samples."""

    def losses(self, sim, **options):
        sim.compile(keras.optimizers.SGD(0.0), loss="mse")
        history = sim.fit(X, X**2, validation_data=(X, X**2), verbose=0, **options)
        return history.history["loss"][0], history.history["val_loss"][0]

    def test_can_be_compared(self):
        with simulator(network()) as sim:
            trained, validated = self.losses(sim)
            assert validated == pytest.approx(trained, rel=1e-5)
            as_trained = sim.evaluate(X, X**2, spiking=False)["loss"]
            assert as_trained == pytest.approx(trained, rel=1e-5)

    def test_are_in_spikes_where_it_is_asked_for(self):
        net = network()
        with simulator(net) as sim:
            trained, validated = self.losses(sim, spiking=True)
            error = np.mean((sim.predict(X)[net.probe] - X**2) ** 2)
            assert validated == pytest.approx(error, rel=1e-5)
            assert sim.evaluate(X, X**2)["loss"] == pytest.approx(error, rel=1e-5)
            assert abs(trained - error) > 0.1 * error

    @pytest.mark.parametrize("phase", [False, True])
    def test_learning_phase_is_for_all(self, phase):
        net = network(learning_phase=phase)
        with simulator(net) as sim:
            losses = [*self.losses(sim), sim.evaluate(X, X**2)["loss"]]
            error = np.mean((sim.predict(X)[net.probe] - X**2) ** 2)
        assert losses == pytest.approx([error] * 3, rel=1e-5)

    def test_layers_are_not_trained_in_validation(self):
        with nengo.Network() as net:
            configure_settings(jit_compile=False)
            node, out = nengo.Node(np.ones(50)), nengo.Node(size_in=50)
            nengo.Connection(node, out, synapse=None, transform=np.eye(50))
            nengo.Probe(Layer(keras.layers.Dropout(0.5))(out))
        x = np.ones((4, 1, 50))
        with simulator(net) as sim:
            sim.compile(keras.optimizers.SGD(0.0), loss="mse")
            history = sim.fit(x, x, validation_data=(x, x), verbose=0).history
            assert history["val_loss"] == [0]
            assert history["loss"][0] > 0.5


class TestNoProbes:
    @pytest.mark.parametrize("stateful", [False, True])
    @pytest.mark.parametrize("method", ["predict", "predict_on_batch"])
    def test_steps_are_run(self, method, stateful):
        seen = []
        with nengo.Network() as net:
            node = nengo.Node([0.5])
            show = nengo.Node(lambda t, x: seen.append((round(t, 3), *x)), size_in=1)
            nengo.Connection(node, show, synapse=None)
        with simulator(net, minibatch_size=2) as sim:
            run = getattr(sim, method)
            seen.clear()
            assert run(n_steps=3, stateful=stateful) == {}
            assert sim.n_steps == 3 * stateful
            assert len(seen) == 3 * 2
            seen.clear()
            n_samples = 3 if method == "predict" else 2
            values = np.arange(n_samples)[:, None, None] * np.ones((1, 2, 1))
            assert run({node: values}, stateful=stateful) == {}
            assert {x for _, x in seen} == set(range(n_samples))
            n_runs = -(-n_samples // 2) if stateful else 0
            assert sim.n_steps == stateful * 3 + 2 * n_runs
            with pytest.raises(ValidationError, match="how many steps"):
                run()


def test_probes_give_all_steps_in_predictions():
    with nengo.Network() as net:
        probe = nengo.Probe(nengo.Node(lambda t: t), sample_every=0.005)
    with simulator(net, minibatch_size=1) as sim:
        for method in (sim.predict, sim.predict_on_batch):
            np.testing.assert_allclose(
                method(n_steps=20)[probe][0, :, 0], 0.001 * np.arange(1, 21), rtol=1e-6
            )
        sim.run_steps(20)
        assert sim.data[probe].shape == (1, 4, 1)


class Killed(Exception):
    """What ends the training."""


class TestCheckpoints:
    options: ClassVar = {"shuffle": False, "verbose": 0}

    @pytest.mark.filterwarnings("error::UserWarning")
    def test_whole_weights(self, tmp_path):
        """They hold the optimizer's state, so that training goes on from them."""
        path = str(tmp_path / "epoch{epoch}.weights.h5")
        save = keras.callbacks.ModelCheckpoint(path, save_weights_only=True)
        net = network()
        with compiled(net) as sim:
            sim.fit(X, X**2, epochs=3, callbacks=[save], **self.options)
            expected, predicted = weights(sim), sim.predict(X)[net.probe]
        with compiled(net) as sim:
            sim.keras_model.load_weights(path.format(epoch=1))
            assert int(sim.keras_model.optimizer.iterations) == 3
            sim.fit(X, X**2, epochs=2, **self.options)
            assert_equal(weights(sim), expected)
        with simulator(net) as sim:  # is not compiled
            sim.keras_model.load_weights(path.format(epoch=3))
            np.testing.assert_array_equal(sim.predict(X)[net.probe], predicted)

    @pytest.mark.parametrize("epoch", [0, 1, 2])
    def test_killed_training_goes_on(self, tmp_path, epoch):
        net = network()
        with compiled(net) as sim:
            history = sim.fit(X, X**2, epochs=4, **self.options).history
            expected = weights(sim)

        def kill(current, _):
            if current == epoch:
                raise Killed

        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
        killing = keras.callbacks.LambdaCallback(on_epoch_end=kill)
        with compiled(net) as sim:
            with pytest.raises(Killed):
                sim.fit(X, X**2, epochs=4, callbacks=[backup, killing], **self.options)
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
        with compiled(net) as sim:
            rest = sim.fit(X, X**2, epochs=4, callbacks=[backup], **self.options)
            assert_equal(weights(sim), expected)
        for name, values in rest.history.items():
            assert values == history[name][epoch + 1 :]
