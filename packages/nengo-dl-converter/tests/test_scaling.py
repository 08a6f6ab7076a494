import keras
import nengo
import numpy as np
import pytest
from keras import layers

from keras_oracle import example_inputs, randomize
from nengo_dl_converter import ConversionError, Converter, firing_rate_scales

SPIKING = {keras.activations.relu: nengo.SpikingRectifiedLinear()}


@pytest.fixture
def model():
    return randomize(
        keras.Sequential(
            [
                keras.Input((6,)),
                layers.Dense(20, "relu"),
                keras.Sequential([keras.Input((20,)), layers.Dense(15), layers.ReLU()]),
                layers.Dense(3),
            ]
        )
    )


def test_the_percentile_of_activations_gets_the_target_rate(model):
    inputs = example_inputs(model, 50)
    scales = firing_rate_scales(model, inputs, target_rate=120, percentile=95)
    assert list(scales) == [model.layers[0], model.layers[1].layers[1]]
    hidden = model.layers[0](inputs[0]).numpy()
    assert scales[model.layers[0]] * np.percentile(hidden, 95) == pytest.approx(120)


def test_scales_give_the_target_rate_in_spikes(model):
    inputs = example_inputs(model, 4)
    scales = firing_rate_scales(model, inputs, target_rate=150, percentile=100)
    converter = Converter(model, swap_activations=SPIKING, scale_firing_rates=scales)
    report = converter.compare(inputs, n_steps=400, settle=100)
    rates = [layer.max_rate for layer in report.layers if layer.max_rate is not None]
    np.testing.assert_allclose(rates, 150, rtol=0.1)


def test_layers_that_are_never_active_have_no_scale():
    x = keras.Input((3,))
    model = keras.Model(x, layers.ReLU()(x))
    assert firing_rate_scales(model, [-np.ones((2, 3))]) == {}


def test_every_form_of_an_activation_has_a_scale():
    x = keras.Input((6,))
    y = keras.ops.relu(layers.Dense(5)(x))
    y = layers.ELU()(layers.Dense(4)(y))
    model = randomize(keras.Model(x, layers.Dense(3)(y)))
    scales = firing_rate_scales(model, example_inputs(model, 20))
    assert [layer.name.split("_")[0] for layer in scales] == ["relu", "elu"]
    swaps = {keras.activations.elu: nengo.RectifiedLinear()}
    net = Converter(model, scale_firing_rates=scales, swap_activations=swaps).net
    gains = [ensemble.gain[0] for ensemble in net.all_ensembles]
    assert gains == pytest.approx(list(scales.values()))


@pytest.mark.parametrize(
    "kwargs", [{"target_rate": 0}, {"percentile": 0}, {"percentile": 101}]
)
def test_impossible_arguments(model, kwargs):
    with pytest.raises(ValueError, match=f"{next(iter(kwargs))} must be"):
        firing_rate_scales(model, example_inputs(model), **kwargs)


def test_a_model_that_is_no_graph():
    with pytest.raises(ConversionError, match="no model that can be converted"):
        firing_rate_scales(keras.Sequential([layers.Dense(2)]), [])
