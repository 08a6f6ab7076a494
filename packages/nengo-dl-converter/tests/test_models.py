import keras
import nengo
import numpy as np
import pytest
from keras import layers

from keras_oracle import assert_native, example_inputs, predict, randomize, run_in_nengo
from nengo_dl_converter import ConversionError, Converter


def mlp(*sizes):
    return randomize(
        keras.Sequential([keras.Input((4,)), *(layers.Dense(n, "relu") for n in sizes)])
    )


def test_sequential_model():
    model = mlp(8, 3)
    converter = assert_native(model)
    assert isinstance(converter.layers[model.layers[0]], nengo.ensemble.Neurons)
    assert converter.inputs[model.inputs] == [converter.layers[model.inputs[0]]]
    assert converter.outputs[model.outputs[0]] in converter.net.probes


def test_functional_model_with_several_inputs_and_outputs():
    a, b = keras.Input((3,)), keras.Input((4,))
    x, y = layers.Dense(5)(a), layers.Dense(6, activation="relu")(b)
    model = randomize(keras.Model([a, b], [layers.Dense(2)(y), x, y]))
    converter = assert_native(model)
    assert converter.inputs[model.input] == [converter.inputs[a], converter.inputs[b]]
    assert len(converter.outputs[model.output]) == 3


def test_named_inputs_and_outputs():
    a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    outputs = {"x": layers.Dense(2)(b), "y": layers.Concatenate()([a, b])}
    model = randomize(keras.Model({"b": b, "a": a}, outputs))
    converter = Converter(model, allow_fallback=False)
    assert converter.verify(inputs=example_inputs(model), rtol=1e-9)
    assert converter.inputs[model.input]["a"] is converter.inputs[a]
    assert set(converter.outputs[model.output]) == {"x", "y"}
    outer = keras.Model([a, b], model({"a": a, "b": b})["y"])
    assert_native(outer)


def test_models_within_models_also_when_called_twice():
    inner = mlp(4, 4)
    x = keras.Input((4,))
    model = keras.Model(x, [inner(x), inner(inner(x))])
    converter = assert_native(model, split_shared_weights=True)
    assert len(converter.layers[inner]) == 3


def test_inner_model_on_a_tensor_of_the_outer_one():
    x = keras.Input((4,))
    hidden = layers.Dense(4)(x)
    encoder = keras.Model(x, hidden)
    scaled = layers.Dense(4)(x)
    model = randomize(keras.Model(x, [encoder(scaled), layers.Dense(2)(x)]))
    assert_native(model)


def test_subclass_of_a_functional_model():
    class Trained(keras.Model):
        def train_step(self, data):
            return {}

    x = keras.Input((4,))
    assert_native(randomize(Trained(x, layers.Dense(3)(x))))


def test_dense_along_the_last_axis():
    x = keras.Input((2, 3, 4))
    assert_native(randomize(keras.Model(x, layers.Dense(5, activation="relu")(x))))


def test_input_that_is_an_output():
    x = keras.Input((4,))
    assert_native(keras.Model(x, [x, layers.Flatten()(x)]))


def test_the_keras_model_stays_as_it_is():
    model = mlp(8, 3)
    config, weights = model.get_config(), model.get_weights()
    Converter(model)
    assert model.get_config() == config
    assert len(model.layers[0]._inbound_nodes) == 1
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_unbuilt_and_subclassed_models_are_refused():
    class Custom(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ConversionError, match="known input shape"):
        Converter(keras.Sequential([layers.Dense(2)]))
    with pytest.raises(ConversionError, match="functional"):
        Converter(Custom())


def test_layers_without_native_form_are_named():
    class Cube(layers.Layer):
        def call(self, x):
            return x**3

    x = keras.Input((3,))
    model = keras.Model(x, Cube(name="my_cube")(x))
    with pytest.raises(ConversionError, match=r"'my_cube'.*no converter for Cube"):
        Converter(model, allow_fallback=False)


def test_subclass_of_a_layer_is_not_taken_for_the_layer():
    class Doubled(layers.Dense):
        def call(self, x):
            return 2 * super().call(x)

    x = keras.Input((3,))
    with pytest.raises(ConversionError, match="no converter for Doubled"):
        Converter(keras.Model(x, Doubled(2)(x)), allow_fallback=False)


def test_shared_weights_are_split_on_request_only():
    dense = layers.Dense(4)
    x = keras.Input((4,))
    model = randomize(keras.Model(x, dense(dense(x))))
    with pytest.raises(ConversionError, match="shared by 2 calls"):
        Converter(model, allow_fallback=False)
    assert_native(model, split_shared_weights=True)
    assert_native(model, inference_only=True)
    dense.trainable = False
    assert_native(model)


def test_trainable_follows_keras():
    model = mlp(8, 3)
    model.layers[1].trainable = False
    net = Converter(model).net
    trained = [net.config[conn].trainable for conn in net.all_connections]
    assert trained == [True, False]
    assert [net.config[ens.neurons].trainable for ens in net.all_ensembles] == [
        True,
        False,
    ]


def test_spikes_of_a_constant_input():
    model = mlp(8, 3)
    spiking = nengo.SpikingRectifiedLinear(
        initial_state={"voltage": nengo.dists.Choice([0.5])}
    )
    converter = Converter(
        model,
        swap_activations={nengo.RectifiedLinear(): spiking},
        synapse=0.1,
        scale_firing_rates=200,
    )
    inputs = example_inputs(model)
    (output,) = run_in_nengo(converter, inputs, n_steps=600)
    np.testing.assert_allclose(output, predict(model, inputs)[0][0], atol=0.1)
