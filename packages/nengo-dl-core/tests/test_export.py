"""What Keras can do with the model around a simulation: save, load, export."""

import subprocess
import sys

import keras
import nengo
import numpy as np
import pytest
from nengo.exceptions import ValidationError

from nengo_dl_core import Layer, Simulator, configure_settings


@pytest.fixture
def net():
    with nengo.Network(seed=0) as net:
        net.node = nengo.Node([0.0], label="stimulus")
        net.ens = nengo.Ensemble(10, 1)
        nengo.Connection(net.node, net.ens)
        x = Layer(keras.layers.Dense(2))(net.ens)
        net.probe = nengo.Probe(x, label="out")
    return net


def simulator(net):
    return Simulator(net, minibatch_size=2, progress_bar=False)


X = np.linspace(-1, 1, 8).reshape(2, 4, 1).astype(np.float32)


def test_exported_model_runs_without_nengo(net, tmp_path):
    with simulator(net) as sim:
        sim.keras_model.export(tmp_path / "model", verbose=False)
        expected = sim.predict(X)[net.probe]
    np.save(tmp_path / "x.npy", X)
    code = f"""
import sys
import numpy as np, tensorflow as tf
model = tf.saved_model.load({str(tmp_path / "model")!r})
x = np.load({str(tmp_path / "x.npy")!r})
out = model.serve({{"stimulus": x, "n_steps": np.full((2, 1), 4, np.int32)}})["out"]
np.save({str(tmp_path / "out.npy")!r}, out)
assert not {{"nengo", "nengo_dl_core"}} & {{*sys.modules}}
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), expected, atol=1e-6)


def test_a_word_of_python_cannot_be_an_argument(tmp_path):
    with nengo.Network() as net:
        nengo.Probe(nengo.Node([0.0], label="in"))
    with simulator(net) as sim:
        assert sim.predict({"in": X})
        with pytest.raises(ValidationError, match="the label 'in' of a Node"):
            sim.keras_model.export(tmp_path / "model")


@pytest.mark.parametrize("label", ["_x", "my node", "é"])
def test_any_label_can_be_exported(label, tmp_path):
    with nengo.Network() as net:
        node = nengo.Node([0.0], label=label)
        probe = nengo.Probe(node, label=f"{label} probed")
    with simulator(net) as sim:
        sim.keras_model.export(tmp_path / "model", verbose=False)
        np.testing.assert_array_equal(sim.predict({label: X})[probe], X)
        assert (tmp_path / "model" / "saved_model.pb").exists()


def test_python_cannot_be_exported(net, tmp_path):
    with net:
        func = nengo.Node(lambda t, x: x, size_in=1, label="square")
        nengo.Connection(net.ens, func)
        nengo.Probe(func)
    with simulator(net) as sim:
        with pytest.raises(ValidationError, match=r"Python computes .*square"):
            sim.keras_model.export(tmp_path / "model")


def test_whole_model_files_are_refused(net, tmp_path):
    with simulator(net) as sim:
        sim.compile("sgd", loss="mse")
        with pytest.raises(ValidationError, match="save_params, or save_weights"):
            sim.keras_model.save(tmp_path / "model.keras")
        save = keras.callbacks.ModelCheckpoint(tmp_path / "model.keras")
        with pytest.raises(ValidationError, match="save_weights_only=True"):
            sim.fit(X, np.zeros((2, 4, 2)), callbacks=[save], verbose=0)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_weights(net, tmp_path):
    path = tmp_path / "model.weights.h5"
    with simulator(net) as sim:
        sim.compile("sgd", loss="mse")
        sim.fit(X, np.zeros((2, 4, 2)), verbose=0)
        sim.keras_model.save_weights(path)
        expected = sim.predict(X)[net.probe]
    with simulator(net) as sim:
        assert not np.allclose(sim.predict(X)[net.probe], expected)
        sim.keras_model.load_weights(path)
        np.testing.assert_allclose(sim.predict(X)[net.probe], expected)


def test_probes_that_keep_the_last_step(net):
    with net:
        configure_settings(keep_history=False)
        both = nengo.Probe(net.ens)
    net.config[both].keep_history = True
    with simulator(net) as sim:
        values = sim.predict(X)
        assert values[both].shape == (2, 4, 1)
        assert values[net.probe].shape == (2, 1, 2)
        sim.compile("sgd", loss={net.probe: "mse"})
        sim.fit(X, {net.probe: np.zeros((2, 1, 2))}, verbose=0)
        with pytest.raises(ValidationError, match="but the probe gives only 1"):
            sim.fit(X, {net.probe: np.zeros((2, 4, 2))})
