"""Callbacks: what they write is read back."""

import keras
import nengo
import numpy as np
import pytest
from nengo.exceptions import ValidationError

from nengo_dl_core import Simulator, callbacks, configure_settings

pytestmark = pytest.mark.filterwarnings(  # when Keras reads its own variables
    "ignore:__array__ implementation:DeprecationWarning"
)


@pytest.fixture
def net():
    with nengo.Network(seed=0) as net:
        configure_settings(jit_compile=False)
        net.node = nengo.Node([0.5], label="in")
        net.ens = nengo.Ensemble(10, 1, label="ens")
        net.conn = nengo.Connection(net.node, net.ens, transform=1)
        net.recurrent = nengo.Connection(net.ens, net.ens, synapse=0.1)
        net.probe = nengo.Probe(net.ens, synapse=0.1)
    return net


@pytest.fixture
def sim(net):
    with Simulator(net, minibatch_size=2, progress_bar=False) as sim:
        sim.compile("sgd", loss="mse")
        yield sim


X = np.linspace(-1, 1, 6)[:, None, None] * np.ones((6, 5, 1))


@pytest.fixture
def tensorboard():
    """It is an extra, and may not be installed."""
    return pytest.importorskip("tensorboard")


def events(folder):
    """Read what TensorBoard would show."""
    from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(folder))
    return multiplexer.Reload()


def histograms(folder, tag):
    """Give steps, lowest and highest values of a histogram."""
    from tensorboard.util import tensor_util

    buckets = [
        (event.step, tensor_util.make_ndarray(event.tensor_proto))
        for event in events(folder).Tensors(".", tag)
    ]
    return [(step, table[:, 2].sum(), table[0, 0]) for step, table in buckets]


@pytest.mark.usefixtures("tensorboard")
class TestNengoSummaries:
    def test_parameters_are_logged(self, net, sim, tmp_path):
        objects = [net.ens, net.ens.neurons, net.conn, net.recurrent]
        callback = callbacks.NengoSummaries(tmp_path, sim, objects)
        first = sim.data[net.ens].bias.min()
        sim.fit(X, X, epochs=2, callbacks=[callback], verbose=0)
        tags = events(tmp_path).Runs()["."]["tensors"]
        assert {*tags} == {
            "Ensemble_ens_encoders",
            "Neurons_ens_bias",
            "Connection_weights",
            "Connection_weights_1",
        }
        rows = histograms(tmp_path, "Neurons_ens_bias")
        assert [step for step, *_ in rows] == [0, 1, 2]
        assert [count for _, count, _ in rows] == [10, 10, 10]
        assert rows[0][2] == pytest.approx(first, rel=1e-6)
        assert rows[2][2] == pytest.approx(sim.data[net.ens].bias.min(), rel=1e-6)

    def test_what_has_no_parameters(self, net, sim, tmp_path):
        with pytest.raises(ValidationError, match="have parameters, not"):
            callbacks.NengoSummaries(tmp_path, sim, [net.node])

    def test_a_connection_without_weights(self, net, tmp_path):
        with net:
            conn = nengo.Connection(net.node, nengo.Node(size_in=1), transform=None)
        with Simulator(net, progress_bar=False) as sim:
            with pytest.raises(ValidationError, match="has no weights"):
                callbacks.NengoSummaries(tmp_path, sim, [conn])


@pytest.mark.usefixtures("tensorboard")
class TestTensorBoard:
    def test_training(self, sim, tmp_path):
        callback = callbacks.TensorBoard(tmp_path)
        history = sim.fit(
            X, X, epochs=2, validation_split=0.5, callbacks=[callback], verbose=0
        ).history
        from tensorboard.util import tensor_util

        for run, key in (("train", "loss"), ("validation", "val_loss")):
            values = [
                float(tensor_util.make_ndarray(event.tensor_proto))
                for event in events(tmp_path).Tensors(run, "epoch_loss")
            ]
            assert values == pytest.approx(history[key], rel=1e-6)

    @pytest.mark.parametrize("method", ["fit", "predict"])
    def test_profile(self, sim, method, tmp_path):
        callback = callbacks.TensorBoard(tmp_path, profile_batch=2)
        args = {"fit": (X, X), "predict": (X,)}[method]
        getattr(sim, method)(*args, callbacks=[callback], verbose=0)
        (profile,) = (tmp_path / "train" / "plugins" / "profile").rglob("*.xplane.pb")
        assert profile.stat().st_size > 0


@pytest.mark.parametrize("kind", [callbacks.NengoSummaries, callbacks.TensorBoard])
def test_without_tensorboard(kind, monkeypatch, tmp_path):
    monkeypatch.setattr(callbacks, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"nengo-dl-core\[tensorboard\]"):
        kind(tmp_path, None, [])


class TestIsolateState:
    def test_every_batch_begins_in_the_same_state(self, net, sim):
        sim.run_steps(7)
        x = np.ones((6, 20, 1))
        isolated = [callbacks.IsolateState(sim)]
        together = sim.predict(x, stateful=True, callbacks=isolated)[net.probe]
        assert sim.n_steps == 7
        np.testing.assert_array_equal(together[:2], together[4:])
        alone = sim.predict(x, stateful=True)[net.probe]
        np.testing.assert_array_equal(alone[:2], together[:2])
        assert not np.allclose(alone[2:4], alone[:2])
        assert sim.n_steps == 67

    def test_training_and_evaluation_leave_the_state(self, sim):
        sim.run_steps(7)
        before = sim.tensor_graph.states[0].numpy()
        options = {"stateful": True, "callbacks": [callbacks.IsolateState(sim)]}
        sim.fit(X, X, validation_split=0.5, verbose=0, **options)
        sim.evaluate(X, X, **options)
        np.testing.assert_array_equal(sim.tensor_graph.states[0].numpy(), before)
        assert sim.n_steps == 7


def test_callbacks_of_keras(sim, tmp_path):
    path = tmp_path / "best.weights.h5"
    stop = keras.callbacks.EarlyStopping(monitor="loss", min_delta=1e9, patience=1)
    save = keras.callbacks.ModelCheckpoint(path, save_weights_only=True)
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    sim.fit(X, X, epochs=9, verbose=0, callbacks=[stop, save, log])
    weights = sim.keras_model.get_weights()
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 3
    sim.reset()
    sim.keras_model.load_weights(path)
    for actual, expected in zip(sim.keras_model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(actual, expected)
