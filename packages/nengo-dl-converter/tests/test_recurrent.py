"""Recurrent layers and causal convolutions, step by step in temporal models."""

import keras
import nengo
import numpy as np
import pytest
from keras import layers

import nengo_dl_core
from keras_oracle import predict, randomize
from nengo_dl_converter import ConversionError, Converter

N_STEPS = 7
CELL = "ignore:The cell of layer .* becomes a TensorNode"


def temporal(layer, shape=(4,), n_steps=N_STEPS):
    x = keras.Input((n_steps, *shape))
    return randomize(keras.Model(x, layer(x)))


def example(model, n_examples=2):
    shape = (n_examples, N_STEPS, *model.inputs[0].shape[2:])
    return np.random.default_rng(0).normal(size=shape)


def assert_steps(layer, shape=(4,), **kwargs):
    model = temporal(layer, shape)
    converter = Converter(model, temporal_model=True, **kwargs)
    assert converter.verify(inputs=example(model), rtol=1e-9)
    return converter


def in_nengo(model, **kwargs):
    """The outputs of the reference simulator for one example, and those of Keras."""
    converter = Converter(model, temporal_model=True, allow_fallback=False, **kwargs)
    (values,) = inputs = example(model, 1)
    (node,), (probe,) = converter.inputs.values(), converter.outputs.values()
    node.output = nengo.processes.PresentInput(values, presentation_time=0.001)
    with nengo.Simulator(converter.net, progress_bar=False) as sim:
        sim.run_steps(N_STEPS)
    return sim.data[probe], predict(model, [inputs])[0][0]


@pytest.mark.parametrize("activation", ["tanh", "relu", "linear", "sigmoid"])
@pytest.mark.parametrize("use_bias", [True, False])
def test_simple_rnn_is_native(activation, use_bias):
    layer = layers.SimpleRNN(3, activation, use_bias, return_sequences=True)
    have, want = in_nengo(temporal(layer))
    np.testing.assert_allclose(have, want, rtol=0, atol=1e-9)


def test_scaled_firing_rates_of_a_recurrent_layer():
    layer = layers.SimpleRNN(3, "relu", return_sequences=True)
    have, want = in_nengo(temporal(layer), scale_firing_rates=50)
    np.testing.assert_allclose(have, want, rtol=0, atol=1e-9)


@pytest.mark.filterwarnings(CELL)
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (lambda: layers.SimpleRNN(3, "elu", return_sequences=True), (4,)),
        (lambda: layers.GRU(3, return_sequences=True), (4,)),
        (lambda: layers.GRU(3, reset_after=False, return_sequences=True), (4,)),
        (lambda: layers.LSTM(3, return_sequences=True), (4,)),
        (lambda: layers.LSTM(3, use_bias=False, return_sequences=True), (4,)),
        (
            lambda: layers.RNN(
                [layers.LSTMCell(3), layers.GRUCell(2)], return_sequences=True
            ),
            (4,),
        ),
        (lambda: layers.ConvLSTM1D(2, 2, return_sequences=True), (5, 3)),
        (lambda: layers.ConvLSTM2D(2, 2, return_sequences=True), (5, 4, 3)),
    ],
)
def test_cells_with_their_state(layer, shape):
    assert_steps(layer(), shape)


@pytest.mark.filterwarnings(CELL)
@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.SimpleRNN(3, return_sequences=True),
        lambda: layers.GRU(3, return_sequences=True),
        lambda: layers.LSTM(3, return_sequences=True),
        lambda: layers.Conv1D(3, 2, padding="causal", dilation_rate=2),
    ],
)
def test_training_goes_back_through_time(layer):
    model = temporal(lambda x: layers.Dense(2)(layer()(x)))
    converter = Converter(model, temporal_model=True)
    assert converter.verify(training=True, inputs=example(model), rtol=1e-8)


@pytest.mark.filterwarnings(CELL)
def test_state_goes_on_from_run_to_run():
    model = temporal(layers.GRU(3, return_sequences=True), n_steps=None)
    converter = Converter(model, temporal_model=True)
    (node,), (probe,) = converter.inputs.values(), converter.outputs.values()
    inputs = example(model)
    with nengo_dl_core.Simulator(
        converter.net, minibatch_size=2, progress_bar=False
    ) as sim:
        for part in np.split(inputs, [1, 4], axis=1):
            sim.run_steps(part.shape[1], data={node: part})
        whole = sim.data[probe]
        sim.reset()
        sim.run_steps(N_STEPS, data={node: inputs})
        again = sim.data[probe]
    (want,) = predict(model, [inputs])
    np.testing.assert_allclose(whole, want, rtol=0, atol=1e-9)
    np.testing.assert_allclose(again, want, rtol=0, atol=1e-9)


def test_cells_are_named_when_they_become_tensor_nodes():
    model = temporal(layers.LSTM(3, return_sequences=True, name="memory"))
    with pytest.warns(UserWarning, match="The cell of layer 'memory' becomes a Tensor"):
        Converter(model, temporal_model=True)
    with pytest.raises(ConversionError, match=r"'memory'.*its cell has to be a Tensor"):
        Converter(model, temporal_model=True, allow_fallback=False)


@pytest.mark.filterwarnings(CELL)
@pytest.mark.parametrize("rate", ["dropout", "recurrent_dropout"])
def test_dropout_is_for_training(rate):
    layer = layers.LSTM(3, return_sequences=True, **{rate: 0.5})
    with pytest.raises(ConversionError, match=f"{rate}=0.5 is not supported unless"):
        assert_steps(layer)
    assert_steps(layer, inference_only=True)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (lambda: layers.LSTM(3), "returns the last .* of all the steps"),
        (
            lambda: layers.LSTM(3, return_sequences=True, go_backwards=True),
            "go_backwards=True is not supported",
        ),
        (
            lambda: layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
            "works across the steps",
        ),
        (
            lambda: lambda x: layers.GRU(3, return_sequences=True)(layers.Masking()(x)),
            "an initial state or a mask",
        ),
        (
            lambda: lambda x: layers.MultiHeadAttention(2, 3)(x, x),
            "works across the steps",
        ),
        (lambda: layers.LayerNormalization(axis=1), "works across the steps"),
        (lambda: layers.Conv1D(2, 3), "works across the steps"),
        (lambda: layers.Conv1D(2, 3, padding="same"), "works across the steps"),
        (
            lambda: layers.Conv1D(2, 3, padding="causal", strides=2),
            "works across the steps",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:.*becomes a TensorNode")
def test_what_needs_other_steps_than_those_before_is_refused(layer, message):
    with pytest.raises(ConversionError, match=message):
        assert_steps(layer())


def test_state_that_does_not_start_from_zero_is_refused():
    class Counter(layers.Layer):
        state_size = output_size = 4

        def get_initial_state(self, batch_size=None):
            return keras.ops.ones((batch_size, 4))

        def call(self, x, states):
            return x + states[0], [states[0] + 1]

    with pytest.raises(ConversionError, match="its state does not start from zero"):
        assert_steps(layers.RNN(Counter(), return_sequences=True))


@pytest.mark.filterwarnings("ignore:Layer .* becomes a TensorNode")
def test_sequences_within_each_step():
    layer = layers.TimeDistributed(layers.LSTM(3, return_sequences=True))
    assert_steps(layer, (5, 2))


@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"kernel_size": 1},
        {"dilation_rate": 2},
        {"dilation_rate": 5},
        {"groups": 2},
        {"use_bias": False},
        {"activation": "relu"},
    ],
)
def test_causal_convolution_is_native(kwargs):
    kwargs = {"filters": 4, "kernel_size": 3, "padding": "causal"} | kwargs
    have, want = in_nengo(temporal(layers.Conv1D(**kwargs)))
    np.testing.assert_allclose(have, want, rtol=0, atol=1e-9)


def test_stacked_causal_convolutions():
    def stack(x):
        for dilation in 1, 2, 4:
            layer = layers.Conv1D(
                4, 2, padding="causal", dilation_rate=dilation, activation="relu"
            )
            x = layers.Add()([x, layer(x)])
        return layers.Dense(2)(x)

    have, want = in_nengo(temporal(stack), scale_firing_rates=10)
    np.testing.assert_allclose(have, want, rtol=0, atol=1e-9)


def test_convolutions_of_single_steps():
    assert_steps(layers.Conv1D(3, 1), allow_fallback=False)
