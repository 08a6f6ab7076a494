"""Networks that are calibrated from samples, for few steps."""

import keras
import nengo
import numpy as np
import pytest
from keras import layers

import nengo_dl_core
from keras_oracle import example_inputs, randomize
from nengo_dl_converter import (
    ConversionError,
    Converter,
    QuantizedReLU,
    SpikingQuantizedReLU,
)
from nengo_dl_converter.keras_graph import evaluate


def mean_outputs(converter, inputs, n_steps):
    """Means of the outputs over all steps, for each output of the model."""
    data = {
        converter.inputs[x]: np.repeat(value.reshape(len(value), 1, -1), n_steps, 1)
        for x, value in zip(converter.model.inputs, inputs, strict=True)
    }
    with nengo_dl_core.Simulator(
        converter.net, minibatch_size=len(inputs[0]), progress_bar=False
    ) as sim:
        sim.run_steps(n_steps, data=data)
        return [
            sim.data[converter.outputs[x]].mean(axis=1) for x in converter.model.outputs
        ]


def error(actual, expected):
    """Root mean square difference of lists of arrays, as a fraction."""
    pairs = [(x, np.reshape(y, x.shape)) for x, y in zip(actual, expected, strict=True)]
    squares = sum(np.square(x - y).sum() for x, y in pairs)
    return np.sqrt(squares / sum(np.square(y).sum() for _, y in pairs))


def convolutional():
    x = keras.Input((8, 8, 2))
    y = layers.Conv2D(4, 3, activation="relu")(x)
    y = layers.MaxPooling2D(2)(y)
    y = layers.Conv2D(5, 2)(layers.Dropout(0.5)(y))
    y = keras.ops.relu(y)
    z = layers.Activation("relu6")(layers.Dense(3)(layers.Flatten()(y)))
    return keras.Model(x, layers.Dense(4)(z))


def branched():
    x, y = keras.Input((6,)), keras.Input((5,))
    shared = layers.Dense(5, "relu")
    inner = keras.Sequential([keras.Input((5,)), layers.Dense(7), layers.ReLU()])
    left, right = inner(shared(x)), inner(layers.Maximum()([y, layers.ReLU()(y)]))
    joined = layers.Add()([left, right]) + 1.0
    outputs = [layers.Dense(3)(joined), layers.Dense(2, "relu")(right)]
    return keras.Model([x, y], outputs)


def with_levels():
    x = keras.Input((10, 2))
    y = layers.Conv1D(3, 3, activation="relu")(x)
    y = QuantizedReLU(threshold=2.0)(layers.BatchNormalization()(y))
    return keras.Model(x, layers.Dense(4)(layers.Flatten()(y)))


@pytest.mark.parametrize(
    ("make", "n_populations"),
    [(convolutional, 3), (branched, 5), (with_levels, 2)],
)
def test_the_network_is_what_was_calibrated(make, n_populations):
    model = randomize(make())
    for layer in model.layers:
        if isinstance(layer, QuantizedReLU):
            layer.threshold.assign(2.0)
    samples = example_inputs(model, 12)
    before = model.get_weights()
    converter = Converter(
        model,
        inference_only=True,
        split_shared_weights=True,
        calibrate=samples,
        n_steps=5,
    )
    for have, want in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(have, want)
    judging = [x[1::2] for x in samples]
    expected = keras.tree.flatten(model(judging if len(judging) > 1 else judging[0]))
    found = mean_outputs(converter, judging, 5)
    kept = [stage for stage in converter.calibration.stages if stage.kept]
    assert kept[-1].error == pytest.approx(error(found, expected), rel=1e-9)
    errors = [stage.error for stage in kept]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] > 0
    assert len(converter.calibration.layers) == n_populations


def test_the_reference_simulator_computes_the_same():
    model = randomize(convolutional())
    (samples,) = example_inputs(model, 6)
    kwargs = {"inference_only": True, "allow_fallback": False}
    converter = Converter(model, calibrate=samples, n_steps=4, **kwargs)
    (expected,) = mean_outputs(converter, [samples[:1]], 4)
    converter.inputs[model.inputs[0]].output = samples[0].ravel()
    with nengo.Simulator(converter.net, progress_bar=False) as sim:
        sim.run_steps(4)
    found = sim.data[converter.outputs[model.outputs[0]]].mean(axis=0)
    np.testing.assert_allclose(found, expected[0], rtol=1e-9)


def one_layer(scales):
    x = keras.Input((len(scales),))
    model = keras.Model(x, layers.Dense(len(scales), "relu")(x))
    model.layers[-1].set_weights([np.diag(scales), np.zeros(len(scales))])
    samples = np.random.default_rng(0).uniform(size=(400, len(scales)))
    return model, samples


def test_channels_have_thresholds_of_their_own_scale():
    model, samples = one_layer([1.0, 100.0])
    calibrated = Converter(model, calibrate=samples, n_steps=4).calibration
    (layer,) = calibrated.layers
    # The best maximum of four levels for numbers up to one is a bit below it.
    assert 0.85 < layer.lowest_threshold <= 1
    assert 85 < layer.highest_threshold <= 100
    by_stage = {stage.name: stage for stage in calibrated.stages}
    assert by_stage["thresholds by channel"].kept


def test_trained_thresholds_are_not_chosen_again():
    x = keras.Input((6,))
    model = randomize(keras.Model(x, QuantizedReLU(4)(layers.Dense(5)(x))))
    converter = Converter(model, calibrate=example_inputs(model, 8), n_steps=4)
    names = [stage.name for stage in converter.calibration.stages]
    assert names == [
        "trained thresholds",
        "biases",
        "initial voltages",
        "signed spikes",
    ]
    (layer,) = converter.calibration.layers
    threshold = float(model.layers[-1].threshold)
    assert (layer.lowest_threshold, layer.highest_threshold) == (threshold,) * 2


def test_channels_that_never_fire_have_a_threshold_too():
    model, samples = one_layer([1.0, -1.0])
    converter = Converter(model, calibrate=samples, n_steps=4)
    (found,) = mean_outputs(converter, [samples[:8]], 4)
    assert (found[:, 1] == 0).all()
    assert found[:, 0].any()


def deep(seed):
    """The calibration of a deep network, in which spikes come unevenly."""
    x = y = keras.Input((20,))
    for _ in range(6):
        y = layers.Dense(40, "relu")(y)
    model = keras.Model(x, layers.Dense(3)(y))
    rng = np.random.default_rng(seed)
    for layer in model.layers[1:]:
        shape = layer.kernel.shape
        weights = rng.normal(size=shape) * (2 / shape[0]) ** 0.5
        layer.set_weights([weights, np.zeros(layer.units)])
    samples = rng.normal(size=(200, 20))
    return Converter(model, calibrate=samples, n_steps=6).calibration


def test_biases_and_voltages_make_up_for_a_common_error():
    *thresholds, biases, voltages, _ = deep(seed=0).stages
    assert biases.kept
    assert voltages.kept
    assert voltages.error < 0.97 * min(stage.error for stage in thresholds)


def test_signed_spikes_are_for_layers_that_need_them():
    calibration = deep(seed=2)
    # What arrives at the first layer is the same in all steps.
    assert not calibration.layers[0].signed
    assert any(layer.signed for layer in calibration.layers)
    *before, signed = (stage for stage in calibration.stages if stage.kept)
    assert signed.name == "signed spikes"
    assert signed.error < 0.97 * before[-1].error


def test_a_calibrated_classifier_needs_few_steps():
    datasets = pytest.importorskip("sklearn.datasets")
    images, labels = datasets.load_digits(return_X_y=True)
    images = images / 16
    x = keras.Input((64,))
    hidden = layers.Dense(48, "relu")(layers.Dense(64, "relu")(x))
    model = keras.Model(x, layers.Dense(10)(hidden))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.003), loss)
    model.fit(images[:-400], labels[:-400], epochs=12, verbose=0)

    def accuracy(scores):
        return np.mean(np.argmax(scores, axis=-1) == labels[-400:])

    in_keras = accuracy(model(images[-400:]))
    spiking = {keras.activations.relu: nengo.SpikingRectifiedLinear()}
    scaled = Converter(model, swap_activations=spiking, scale_firing_rates=250)
    scaled.net.seed = 0
    calibrated = Converter(model, calibrate=images[:200], n_steps=4)
    found = [
        accuracy(mean_outputs(converter, [images[-400:]], 4)[0])
        for converter in (scaled, calibrated)
    ]
    assert in_keras > 0.85
    assert found[1] > in_keras - 0.03
    assert found[1] > found[0]
    agreement = calibrated.calibration.stages[0].agreement
    assert 0.5 < agreement <= 1


def test_results_are_printed_and_plotted():
    pytest.importorskip("matplotlib")
    model, samples = one_layer([1.0, 100.0])
    calibration = Converter(model, calibrate=samples, n_steps=4).calibration
    text = str(calibration)
    for stage in calibration.stages:
        assert f"{stage.error:.4f}" in text
    assert ("not kept" in text) == any(not stage.kept for stage in calibration.stages)
    assert f"{model.layers[-1].name}  " in text
    bars = [len(axes.patches) for axes in calibration.plot().axes]
    assert bars == [len(calibration.stages)] * 2


@pytest.mark.parametrize(
    ("kwargs", "kind", "match"),
    [
        ({"n_steps": None}, ValueError, "calibrate and n_steps are given together"),
        ({"calibrate": None}, ValueError, "calibrate and n_steps are given together"),
        ({"n_steps": 0}, ValueError, "n_steps must be a whole number above 0, not 0"),
        ({"n_steps": 2.5}, ValueError, "n_steps must be a whole number"),
        ({"synapse": 0.01}, ValueError, "cannot be combined with synapse=0.01"),
        ({"max_to_avg_pool": True}, ValueError, "combined with max_to_avg_pool=True"),
        (
            {"swap_activations": {keras.ops.relu: nengo.LIF()}},
            ValueError,
            r"swap_activations names \[.*relu.*\], for which calibrate puts its own",
        ),
        ({"calibrate": np.ones((0, 3))}, ValueError, "was given none"),
        ({"calibrate": [np.ones((2, 3))] * 2}, ValueError, "2 arrays were given"),
    ],
)
def test_mistakes(kwargs, kind, match):
    x = keras.Input((3,))
    model = keras.Model(x, layers.Dense(2, "relu")(x))
    with pytest.raises(kind, match=match):
        Converter(model, **{"calibrate": np.ones((4, 3)), "n_steps": 4, **kwargs})


def test_temporal_models_are_not_calibrated():
    x = keras.Input((5, 3))
    model = keras.Model(x, layers.Dense(2, "relu")(x))
    with pytest.raises(ValueError, match="combined with temporal_model=True"):
        Converter(model, temporal_model=True, calibrate=np.ones((4, 5, 3)), n_steps=4)


def test_models_without_relu_are_not_calibrated():
    x = keras.Input((3,))
    model = keras.Model(x, layers.Dense(2, "tanh")(x))
    with pytest.raises(ConversionError, match="calibrate finds no layer"):
        Converter(model, calibrate=np.ones((4, 3)), n_steps=4)


def test_other_neurons_than_relu_stay_what_they_are():
    x = keras.Input((3,))
    hidden = layers.Dense(4, "tanh")(layers.Dense(5, "relu")(x))
    model = keras.Model(x, layers.Dense(2)(hidden))
    converter = Converter(model, calibrate=np.ones((4, 3)), n_steps=4)
    kinds = [type(ens.neuron_type) for ens in converter.net.all_ensembles]
    assert kinds == [SpikingQuantizedReLU, nengo.Tanh]


def test_values_are_kept_while_they_are_needed():
    given = keras.Input((4,))
    first = layers.Dense(4)(given)
    second = layers.Dense(4)(first)
    third = layers.Add()([first, second])
    model = keras.Model(given, [layers.Dense(4)(third), second])
    kept = []

    def compute(call, values):
        kept.append({*values})
        return call.outputs

    assert evaluate(model, model.inputs, compute) == tuple(model.outputs)
    assert kept == [{given}, {first}, {first, second}, {second, third}]
