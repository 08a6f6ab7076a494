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


ELEMENTWISE = [
    "celu",
    "elu",
    "exponential",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "squareplus",
    "tanh",
    "tanh_shrink",
]


def rectified_by(hidden, swaps):
    """The types of neurons in a model with a layer or function in its middle."""
    x = keras.Input((5,))
    model = keras.Model(x, layers.Dense(3)(hidden(layers.Dense(6)(x))))
    net = Converter(model, allow_fallback=False, swap_activations=swaps).net
    return [ensemble.neuron_type for ensemble in net.all_ensembles]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_function_is_reached_however_the_model_has_it(name):
    swaps = {getattr(keras.activations, name): SPIKING}
    forms = [layers.Activation(name)]
    if hasattr(keras.ops, name):
        operation = getattr(keras.ops, name)
        forms += [operation, layers.Activation(operation)]
    if hasattr(tf.nn, name):
        forms.append(layers.Activation(getattr(tf.nn, name)))
    if name == "exponential":
        forms.append(keras.activations.exponential)
    if name == "relu6":  # made of ReLUs, which are reached by their own name too
        forms.append(layers.ReLU(6.0))
    for form in forms:
        assert rectified_by(form, swaps) == [SPIKING]


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("library", [keras.ops, tf.nn])
def test_functions_of_one_name_compute_the_same(name, library):
    if not hasattr(library, name):
        assert name in {"exponential"} | (set(ELEMENTWISE) - set(dir(tf.nn)))
        return
    x = np.linspace(-4, 9, 101)
    have, want = getattr(library, name)(x), getattr(keras.activations, name)(x)
    np.testing.assert_allclose(have, want, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "function"),
    [
        (lambda: layers.ELU(), "elu"),
        (lambda: layers.ELU(0.5), "elu"),
        (lambda: layers.LeakyReLU(), "leaky_relu"),
        (lambda: layers.ReLU(), "relu"),
        (lambda: layers.ReLU(negative_slope=0.1), "leaky_relu"),
        (lambda: layers.ReLU(6.0), "relu6"),
        (lambda: layers.Softmax(), "softmax"),
        (lambda: layers.Dense(4, activation=layers.ELU(0.5)), "elu"),
        (lambda: keras.ops.gelu, "gelu"),
        (lambda: keras.activations.gelu, "gelu"),
        (lambda: lambda x: keras.ops.elu(x, alpha=0.5), "elu"),
        (lambda: lambda x: keras.ops.threshold(x, 0.0, 0.0), "threshold"),
        (lambda: layers.Activation(keras.ops.gelu), "gelu"),
    ],
)
def test_layers_and_operations_are_reached_by_their_function(layer, function):
    swaps = {getattr(keras.activations, function): SPIKING}
    assert rectified_by(layer(), swaps) == [SPIKING]


def test_a_maximum_stays_when_relu_is_swapped():
    for form in (layers.ReLU(0.5), lambda x: keras.activations.relu(x, max_value=0.5)):
        relus = rectified_by(form, {keras.activations.relu: SPIKING})
        assert relus == [SPIKING, SPIKING]


def test_ops_relu_is_relu_without_a_swap():
    for form in (keras.ops.relu, layers.Activation(keras.ops.relu)):
        assert rectified_by(form, {}) == [nengo.RectifiedLinear()]


@pytest.mark.filterwarnings("ignore:.*becomes a TensorNode")
@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.ELU(0.5),
        lambda: layers.Softmax(),
        lambda: layers.Softmax(axis=1),
        lambda: layers.Dense(4, activation=layers.ELU(0.5)),
        lambda: lambda x: keras.ops.elu(x, alpha=0.5),
        lambda: lambda x: keras.ops.softmax(x, axis=1),
        lambda: lambda x: keras.activations.relu(x, threshold=0.5),
        lambda: keras.ops.gelu,
        lambda: keras.activations.gelu,
    ],
)
def test_activations_without_neurons_compute_what_keras_does(layer):
    x = keras.Input((3, 4))
    converter = Converter(randomize(keras.Model(x, layer()(x))))
    inputs = np.random.default_rng(0).normal(size=(2, 3, 4))
    assert converter.verify(inputs=inputs, rtol=1e-9)


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
    (weights,) = [
        conn.transform.init
        for conn in converter.net.all_connections
        if converter.net.config[conn].trainable
    ]
    (ensemble,) = converter.net.all_ensembles
    kernel, bias = model.get_weights()
    np.testing.assert_array_equal(weights, kernel.T)
    np.testing.assert_allclose(ensemble.bias / ensemble.gain, bias, rtol=1e-12)


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
