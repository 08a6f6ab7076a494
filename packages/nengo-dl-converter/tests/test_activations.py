import keras
import nengo
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_oracle import assert_native, randomize
from nengo_dl_converter import ConversionError, Converter

SPIKING = nengo.SpikingRectifiedLinear()


def dense(activation):
    x = keras.Input((4,))
    return randomize(keras.Model(x, layers.Dense(8, activation=activation)(x)))


def neuron_type(model, **kwargs):
    (ensemble,) = Converter(model, **kwargs).net.all_ensembles
    return ensemble.neuron_type


@pytest.mark.parametrize(
    "activation",
    [
        "linear",
        "relu",
        "relu6",
        "sigmoid",
        "tanh",
        tf.nn.relu,
        tf.nn.relu6,
        tf.nn.sigmoid,
        tf.nn.tanh,
    ],
)
def test_native_activations(activation):
    assert_native(dense(activation))


@pytest.mark.parametrize("activation", ["leaky_relu", tf.nn.leaky_relu])
def test_leaky_relu(activation):
    # TensorFlow rounds the slope of 0.2 to single precision
    assert_native(dense(activation), atol=1e-7)


def test_activation_layers():
    x = keras.Input((2, 3))
    assert_native(keras.Model(x, [layers.Activation("tanh")(x), layers.ReLU()(x)]))


@pytest.mark.parametrize(
    ("model_has", "swapped"),
    [
        ("relu", {keras.activations.relu: SPIKING}),
        ("relu", {tf.nn.relu: SPIKING}),
        (tf.nn.relu, {keras.activations.relu: SPIKING}),
        ("relu", {nengo.RectifiedLinear(): SPIKING}),
        ("elu", {keras.activations.elu: SPIKING}),
        (
            "elu",
            {
                keras.activations.elu: keras.activations.relu,
                nengo.RectifiedLinear(): SPIKING,
            },
        ),
        (
            "relu",
            {
                keras.activations.relu: keras.activations.tanh,
                nengo.Tanh(tau_ref=1): SPIKING,
            },
        ),
    ],
)
def test_swaps_reach_activations_however_they_are_named(model_has, swapped):
    assert neuron_type(dense(model_has), swap_activations=swapped) == SPIKING


def test_two_activations_change_places():
    relu, tanh = keras.activations.relu, keras.activations.tanh
    swaps = {relu: tanh, tanh: relu}
    assert neuron_type(dense("relu"), swap_activations=swaps) == nengo.Tanh(tau_ref=1)
    assert neuron_type(dense("tanh"), swap_activations=swaps) == nengo.RectifiedLinear()


def test_activation_without_neuron_type_is_an_error_without_fallback():
    with pytest.raises(ConversionError, match=r"softmax.*swap_activations"):
        Converter(dense("softmax"), allow_fallback=False)


@pytest.mark.parametrize("scale", [2, 0.5])
def test_scaled_rate_neurons_compute_the_same(scale):
    model = dense("relu")
    converter = assert_native(model, scale_firing_rates=scale)
    (ensemble,) = converter.net.all_ensembles
    assert ensemble.neuron_type == nengo.RectifiedLinear(amplitude=1 / scale)


def test_scales_for_each_layer():
    x = keras.Input((4,))
    first, second = layers.Dense(3, "relu"), layers.Dense(2, "relu")
    model = randomize(keras.Model(x, second(first(x))))
    converter = assert_native(model, scale_firing_rates={second: 4})
    amplitudes = [e.neuron_type.amplitude for e in converter.net.all_ensembles]
    assert amplitudes == [1, 0.25]


def test_scaling_leaves_the_weights_of_the_model():
    model = dense("relu")
    converter = Converter(model, scale_firing_rates=10)
    weights = [
        conn.transform.init
        for conn in converter.net.all_connections
        if converter.net.config[conn].trainable
    ]
    kernel, bias = model.get_weights()
    np.testing.assert_array_equal(weights[0][:, 0], bias)
    np.testing.assert_array_equal(weights[1], kernel.T)


def test_scaling_keeps_the_other_parameters_of_a_neuron_type():
    lif = nengo.LIF(tau_rc=0.05, min_voltage=-1, amplitude=0.5)
    with pytest.warns(UserWarning, match="scaling firing rates by 10 changes"):
        scaled = neuron_type(
            dense("relu"),
            swap_activations={keras.activations.relu: lif},
            scale_firing_rates=10,
        )
    assert scaled == nengo.LIF(tau_rc=0.05, min_voltage=-1, amplitude=0.05)
    assert repr(scaled) == repr(nengo.LIF(tau_rc=0.05, min_voltage=-1, amplitude=0.05))


def test_neurons_without_amplitude_are_not_scaled():
    with pytest.warns(UserWarning, match="has no amplitude"):
        assert_native(dense("tanh"), scale_firing_rates=10)


def test_scaling_wrapped_rate_neurons_is_exact():
    poisson = nengo.PoissonSpiking(nengo.RectifiedLinear())
    scaled = neuron_type(
        dense("relu"),
        swap_activations={keras.activations.relu: poisson},
        scale_firing_rates=10,
    )
    assert scaled.amplitude == 0.1


@pytest.mark.parametrize("scale", [0, -1, float("nan")])
def test_scales_must_be_positive(scale):
    with pytest.raises(ValueError, match="must be positive"):
        Converter(dense("relu"), scale_firing_rates=scale)


def test_scales_must_name_layers_of_the_model():
    with pytest.raises(ValueError, match="is no layer of"):
        Converter(dense("relu"), scale_firing_rates={layers.Dense(2): 2})


def test_synapse_is_on_the_output_of_neurons_alone():
    x = keras.Input((4,))
    hidden = layers.Dense(3, "relu")(x)
    model = keras.Model(x, [layers.Dense(2)(hidden), hidden])
    converter = Converter(model, synapse=0.1, scale_firing_rates=2)
    lowpass = nengo.Lowpass(0.1)
    for conn in converter.net.all_connections:
        from_neurons = isinstance(conn.pre_obj, nengo.ensemble.Neurons)
        assert conn.synapse == (lowpass if from_neurons else None)
    linear, neurons = converter.outputs[model.output]
    assert linear.synapse is None
    assert neurons.synapse == lowpass
