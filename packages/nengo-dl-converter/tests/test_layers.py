import keras
import numpy as np
import pytest
from keras import layers

from keras_oracle import assert_native, predict, randomize
from nengo_dl_converter import ConversionError, Converter

FORMATS = ["channels_last", "channels_first"]


def with_config(layer, **config):
    """Make a layer anew, in float64."""
    return type(layer).from_config(layer.get_config() | {"dtype": "float64"} | config)


def on_input(layer, *shapes):
    """Make a model of a layer; of a new one, since parameters precede the tests."""
    inputs = [keras.Input(shape) for shape in shapes]
    inputs = inputs if len(inputs) > 1 else inputs[0]
    return randomize(keras.Model(inputs, with_config(layer)(inputs)))


def assert_native_in(data_format, layer, shape):
    """Check a layer in a data format, given the input shape with channels last.

    TensorFlow computes on CPU with channels last alone, so that is the oracle.
    """
    model = on_input(with_config(layer, data_format="channels_last"), shape)
    if data_format == "channels_last":
        assert_native(model)
        return

    def oracle(inputs):
        moved = [np.moveaxis(x, 1, -1) for x in inputs]
        return [
            np.moveaxis(y, -1, 1) if y.ndim > 2 else y for y in predict(model, moved)
        ]

    shape = (shape[-1], *shape[:-1])
    first = on_input(with_config(layer, data_format="channels_first"), shape)
    first.set_weights(model.get_weights())
    assert_native(first, oracle=oracle)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    ("kind", "shape", "kwargs"),
    [
        (layers.Conv1D, (9, 4), {"kernel_size": 3}),
        (layers.Conv1D, (9, 4), {"kernel_size": 3, "strides": 2, "groups": 2}),
        (layers.Conv1D, (9, 4), {"kernel_size": 2, "dilation_rate": 3}),
        (layers.Conv2D, (6, 7, 4), {"kernel_size": (3, 2)}),
        (layers.Conv2D, (6, 7, 4), {"kernel_size": 3, "strides": 2}),
        (layers.Conv2D, (6, 7, 4), {"kernel_size": (2, 4), "strides": (3, 1)}),
        (layers.Conv2D, (6, 7, 4), {"kernel_size": 3, "groups": 4}),
        (layers.Conv2D, (6, 7, 4), {"kernel_size": 3, "dilation_rate": (2, 1)}),
        (
            layers.Conv2D,
            (6, 7, 4),
            {"kernel_size": 3, "dilation_rate": 2, "groups": 2, "use_bias": False},
        ),
        (layers.Conv3D, (3, 4, 5, 2), {"kernel_size": (2, 3, 3)}),
        (layers.Conv3D, (3, 4, 5, 2), {"kernel_size": 2, "strides": (1, 2, 3)}),
        (layers.SeparableConv1D, (9, 4), {"kernel_size": 3, "depth_multiplier": 2}),
        (layers.SeparableConv2D, (6, 7, 4), {"kernel_size": 3, "strides": 2}),
        (layers.SeparableConv2D, (6, 7, 4), {"kernel_size": 2, "dilation_rate": 2}),
        (layers.Conv1DTranspose, (5, 2), {"kernel_size": 3, "strides": 2}),
        (layers.Conv1DTranspose, (5, 2), {"kernel_size": 2, "strides": 3}),
        (layers.Conv1DTranspose, (5, 2), {"kernel_size": 3, "dilation_rate": 2}),
        (layers.Conv2DTranspose, (4, 5, 3), {"kernel_size": 3}),
        (layers.Conv2DTranspose, (4, 5, 3), {"kernel_size": 4, "strides": (2, 3)}),
        (
            layers.Conv2DTranspose,
            (4, 5, 3),
            {"kernel_size": 3, "strides": 2, "output_padding": 1},
        ),
        (layers.Conv3DTranspose, (2, 3, 2, 2), {"kernel_size": 2, "strides": 2}),
    ],
)
def test_convolutions(kind, shape, kwargs, padding, data_format):
    layer = kind(4, padding=padding, activation="relu", **kwargs)
    assert_native_in(data_format, layer, shape)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    ("kind", "shape", "kwargs"),
    [
        (layers.DepthwiseConv1D, (9, 3), {"kernel_size": 3, "depth_multiplier": 2}),
        (layers.DepthwiseConv2D, (6, 7, 3), {"kernel_size": 3}),
        (layers.DepthwiseConv2D, (6, 7, 3), {"kernel_size": 3, "strides": 2}),
        (layers.DepthwiseConv2D, (6, 7, 3), {"kernel_size": 2, "dilation_rate": 2}),
    ],
)
def test_depthwise_convolutions(kind, shape, kwargs, padding, data_format):
    assert_native_in(data_format, kind(padding=padding, **kwargs), shape)


@pytest.mark.parametrize("kwargs", [{}, {"dilation_rate": 2}, {"strides": 2}])
def test_causal_convolution(kwargs):
    assert_native(on_input(layers.Conv1D(4, 3, padding="causal", **kwargs), (9, 2)))


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    ("kind", "shape", "size", "strides"),
    [
        (layers.AveragePooling1D, (7, 2), 2, None),
        (layers.AveragePooling1D, (7, 2), 3, 1),
        (layers.AveragePooling2D, (6, 7, 2), 2, None),
        (layers.AveragePooling2D, (6, 7, 2), (3, 2), (2, 1)),
        (layers.AveragePooling3D, (4, 5, 3, 2), 2, None),
    ],
)
def test_average_pooling(kind, shape, size, strides, padding, data_format):
    layer = kind(size, strides=strides, padding=padding)
    assert_native_in(data_format, layer, shape)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        (layers.GlobalAveragePooling1D, (7, 2)),
        (layers.GlobalAveragePooling2D, (6, 7, 2)),
        (layers.GlobalAveragePooling3D, (4, 5, 3, 2)),
    ],
)
def test_global_average_pooling(kind, shape, keepdims, data_format):
    assert_native_in(data_format, kind(keepdims=keepdims), shape)


@pytest.mark.parametrize(
    ("max_pool", "average_pool", "shape"),
    [
        (layers.MaxPooling1D(2), layers.AveragePooling1D(2), (6, 2)),
        (layers.MaxPooling2D(2), layers.AveragePooling2D(2), (6, 7, 2)),
        (layers.MaxPooling3D(2), layers.AveragePooling3D(2), (4, 5, 3, 2)),
        (layers.GlobalMaxPooling1D(), layers.GlobalAveragePooling1D(), (6, 2)),
        (layers.GlobalMaxPooling2D(), layers.GlobalAveragePooling2D(), (6, 7, 2)),
        (layers.GlobalMaxPooling3D(), layers.GlobalAveragePooling3D(), (4, 5, 3, 2)),
    ],
)
def test_max_pooling_is_average_pooling_on_request(max_pool, average_pool, shape):
    model = on_input(max_pool, shape)
    average = on_input(average_pool, shape)
    assert_native(
        model, max_to_avg_pool=True, oracle=lambda inputs: predict(average, inputs)
    )


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.Flatten(), (2, 3)),
        (layers.Flatten(data_format="channels_first"), (2, 3, 4)),
        (layers.Reshape((3, -1)), (2, 3, 2)),
        (layers.Permute((2, 3, 1)), (2, 3, 4)),
        (layers.RepeatVector(3), (4,)),
        (layers.ZeroPadding1D((1, 2)), (4, 2)),
        (layers.ZeroPadding2D(((1, 2), (0, 3))), (3, 4, 2)),
        (layers.ZeroPadding2D(1, data_format="channels_first"), (3, 4, 2)),
        (layers.ZeroPadding3D(1), (2, 3, 2, 2)),
        (layers.ZeroPadding3D(1, data_format="channels_first"), (2, 3, 2, 2)),
        (layers.Cropping1D((1, 2)), (6, 2)),
        (layers.Cropping2D(((1, 2), (0, 3))), (5, 6, 2)),
        (layers.Cropping2D(1, data_format="channels_first"), (2, 4, 5)),
        (layers.Cropping3D(1), (4, 5, 3, 2)),
        (layers.Cropping3D(1, data_format="channels_first"), (2, 3, 4, 5)),
        (layers.UpSampling1D(2), (3, 2)),
        (layers.UpSampling2D((2, 3)), (3, 2, 2)),
        (layers.UpSampling2D(2, data_format="channels_first"), (2, 3, 2)),
        (layers.UpSampling3D(2), (2, 3, 2, 2)),
        (layers.UpSampling3D((1, 2, 3), data_format="channels_first"), (2, 3, 2, 2)),
        (layers.Identity(), (2, 3)),
    ],
    ids=lambda value: value.name if isinstance(value, layers.Layer) else "",
)
def test_layers_that_move_elements(layer, shape):
    assert_native(on_input(layer, shape))


@pytest.mark.parametrize(
    ("kind", "n_inputs"),
    [
        (layers.Add, 3),
        (layers.Average, 3),
        (layers.Subtract, 2),
        (layers.Maximum, 3),
        (layers.Minimum, 3),
    ],
)
@pytest.mark.parametrize("shapes", [((2, 3),) * 3, ((2, 3), (1, 3), (2, 1))])
def test_merging_layers(kind, n_inputs, shapes):
    assert_native(on_input(kind(), *shapes[:n_inputs]))


@pytest.mark.parametrize("axis", [1, 2, -1])
def test_concatenate(axis):
    shape = (2, 3, 4)
    other = list(shape)
    other[axis - 1 if axis > 0 else axis] = 5
    assert_native(on_input(layers.Concatenate(axis=axis), shape, tuple(other), shape))


def test_merging_an_input_with_itself():
    x = keras.Input((3,))
    assert_native(keras.Model(x, layers.Add()([x, x])))
    assert_native(keras.Model(x, layers.Concatenate()([x, x])))


def test_products_are_native_in_inference_without_fallback():
    model = on_input(layers.Multiply(), (2, 3), (1, 3), (2, 1))
    assert_native(model, inference_only=True)
    with pytest.raises(ConversionError, match="inference_only without fallback"):
        Converter(model, allow_fallback=False)


@pytest.mark.parametrize("axis", [-1, 1])
@pytest.mark.parametrize("kwargs", [{}, {"scale": False}, {"center": False}])
def test_batch_normalization(axis, kwargs):
    model = on_input(layers.BatchNormalization(axis=axis, **kwargs), (2, 3, 4))
    assert_native(model, inference_only=True)
    with pytest.raises(ConversionError, match="statistics of the batch"):
        Converter(model, allow_fallback=False)
    model.layers[-1].trainable = False
    assert_native(model)


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("axis", [-1, None, (1, 2)])
def test_normalization(axis, invert):
    layer = layers.Normalization(axis=axis, invert=invert)
    layer.adapt(keras.random.normal((20, 2, 3), 2.0, 3.0))
    assert_native(keras.Model(x := keras.Input((2, 3)), layer(x)))


def test_rescaling():
    assert_native(on_input(layers.Rescaling(2.5, offset=-1), (2, 3)))
    assert_native(on_input(layers.Rescaling([1.0, 2.0, 3.0], [0.0, 1.0, 2.0]), (2, 3)))


@pytest.mark.parametrize(
    "layer",
    [
        layers.Dropout(0.5),
        layers.SpatialDropout1D(0.5),
        layers.GaussianDropout(0.5),
        layers.GaussianNoise(0.5),
        layers.AlphaDropout(0.5),
        layers.ActivityRegularization(0.5),
    ],
)
def test_training_only_layers(layer):
    assert_in_inference_only(on_input(layer, (2, 3)))


@pytest.mark.parametrize(
    "layer",
    [
        layers.RandomBrightness(0.5),
        layers.RandomContrast(0.5),
        layers.RandomFlip(),
        layers.RandomRotation(0.5),
        layers.RandomTranslation(0.5, 0.5),
        layers.RandomZoom(0.5),
    ],
)
def test_augmentation(layer):
    assert_in_inference_only(on_input(layer, (4, 5, 3)))


def assert_in_inference_only(model):
    assert_native(model, inference_only=True)
    with pytest.raises(ConversionError, match="in training"):
        Converter(model, allow_fallback=False)


@pytest.mark.parametrize(
    "layer", [layers.ReLU(6.0), layers.ReLU(0.5, negative_slope=0.1)]
)
@pytest.mark.parametrize("scale", [1, 5])
def test_clipped_relu(layer, scale):
    model = on_input(layer, (20,))
    converter = assert_native(model, scale_firing_rates=scale)
    assert len(converter.net.all_ensembles) == (3 if layer.negative_slope else 2)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.Dense(4), (5,)),
        (layers.Dense(4), (3, 5)),
        (layers.Conv1DTranspose(4, 3, strides=2), (5, 2)),
        (layers.DepthwiseConv2D(3), (6, 7, 3)),
        (layers.SeparableConv2D(4, 3), (6, 7, 3)),
    ],
)
def test_layers_without_biases(layer, shape):
    assert_native(on_input(with_config(layer, use_bias=False), shape))


def test_relu6_activation():
    assert_native(on_input(layers.Dense(20, activation="relu6"), (5,)))


@pytest.mark.parametrize(
    "layer", [layers.ReLU(negative_slope=0.25), layers.LeakyReLU(0.5)]
)
def test_leaky_relu(layer):
    assert_native(on_input(layer, (5,)), scale_firing_rates=4)


def test_relu_with_a_threshold_jumps():
    with pytest.raises(ConversionError, match="threshold=1 is not supported"):
        Converter(on_input(layers.ReLU(threshold=1), (5,)), allow_fallback=False)


def test_rescaling_of_channels_that_are_first():
    keras.config.set_image_data_format("channels_first")
    try:
        layer = layers.Rescaling([0.5, 2.0, -1.0], offset=0.5)
        assert_native(on_input(layer, (3, 4, 2)))
    finally:
        keras.config.set_image_data_format("channels_last")
