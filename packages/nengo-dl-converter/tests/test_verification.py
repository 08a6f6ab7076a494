import re

import keras
import nengo
import numpy as np
import pytest
from keras import layers

from keras_oracle import example_inputs, randomize
from nengo_dl_converter import Converter, Report, VerificationError

SPIKING = {keras.activations.relu: nengo.SpikingRectifiedLinear()}


@pytest.fixture
def model():
    x = keras.Input((5,))
    hidden = layers.Dense(12, "relu", name="hidden")(x)
    return randomize(keras.Model(x, layers.Dense(3, name="output")(hidden)))


def test_a_faithful_network(model):
    assert Converter(model).verify() is True
    assert Converter(model).verify(inputs=example_inputs(model, 3), rtol=0, atol=1e-9)


def test_an_unfaithful_network_is_reported_by_layers(model):
    lif = {keras.activations.relu: nengo.LIF()}
    with pytest.warns(UserWarning, match="scaling firing rates"):
        converter = Converter(model, swap_activations=lif, scale_firing_rates=10)
    with pytest.raises(VerificationError, match=r"differs by .*\n(?s:.*)hidden.*Hz"):
        converter.verify()


def test_verifying_changes_nothing(model):
    converter = Converter(model)
    weights, probes = model.get_weights(), list(converter.net.probes)
    converter.verify()
    converter.compare()
    assert converter.net.probes == probes
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_report_of_a_rate_network(model):
    report = Converter(model).compare(example_inputs(model, 2))
    assert [layer.name for layer in report.layers] == ["hidden", "output"]
    assert [layer.size for layer in report.layers] == [12, 3]
    assert all(layer.difference < 1e-9 for layer in report.layers)
    assert all(layer.mean_rate is None for layer in report.layers)
    assert report.departure(1e-6) is None


def test_report_of_a_spiking_network(model):
    inputs = example_inputs(model, 2)
    few, many = (
        Converter(model, swap_activations=SPIKING, scale_firing_rates=scale).compare(
            inputs, n_steps=100
        )
        for scale in (1, 200)
    )
    assert few.layers[0].difference > 5 * many.layers[0].difference
    assert few.departure(0.2).name == "hidden"
    assert many.layers[0].max_rate > many.layers[0].mean_rate > 50
    assert many.layers[1].mean_rate is None


def test_report_prints_and_plots(model, tmp_path):
    report = Converter(model, swap_activations=SPIKING).compare(n_steps=10)
    header, *rows, departure = str(report).splitlines()
    assert header.split()[:4] == ["layer", "size", "peak", "difference"]
    assert [row.split()[0] for row in rows] == ["hidden", "output"]
    assert re.match("The first to differ .* of its peak: hidden", departure)
    report.plot().savefig(tmp_path / "report.png")
    assert (tmp_path / "report.png").stat().st_size > 0


def test_report_after_training(model):
    converter = Converter(model)
    inputs = example_inputs(model, 3)
    faithful = converter.compare(inputs, training=True)
    assert faithful.departure(1e-9) is None
    assert [layer.name for layer in faithful.layers] == ["hidden", "output"]
    assert faithful.layers[1].peak != converter.compare(inputs).layers[1].peak

    hidden = converter.layers[model.layers[1]]
    converter.net.config[hidden].trainable = False  # its biases
    departure = converter.compare(inputs, training=True).departure(1e-9)
    assert departure.name == "hidden"


def test_report_names_calls_within_models():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4, "relu", name="in")])
    inner.name = "inner"
    x = keras.Input((4,))
    model = randomize(keras.Model(x, inner(inner(x))))
    report = Converter(model, inference_only=True).compare()
    assert isinstance(report, Report)
    assert [layer.name for layer in report.layers] == ["in", "inner", "in", "inner"]
    assert report.departure(1e-9) is None
