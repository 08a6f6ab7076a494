"""
From Keras to spikes, in eight steps
====================================

A converted network computes what its Keras model does. When its neurons spike, it does
so only on average, and averages take time: the more steps of a millisecond an image is
shown for, the better the answer. This goes from a network that knows nothing after
thirty steps to one that is as good as its Keras model after eight, one remedy after the
other.
"""

import keras
import matplotlib.pyplot as plt
import nengo
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import nengo_dl
from nengo_dl_converter import Converter, QuantizedReLU, firing_rate_scales

N_STEPS = 30

pixels, digits = load_digits(return_X_y=True)
train_x, test_x, train_y, test_y = train_test_split(
    pixels.reshape(-1, 8, 8, 1) / 16, digits, test_size=400, random_state=0
)


def trained(activation):
    """A convolutional model, trained."""
    keras.utils.set_random_seed(0)
    image = x = keras.Input((8, 8, 1))
    for filters in (16, 32):
        x = keras.layers.Conv2D(filters, 3)(x)
        x = activation()(x)
    x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(x))
    model = keras.Model(image, keras.layers.Dense(10)(x))
    model.compile(
        keras.optimizers.Adam(0.003),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(train_x, train_y, batch_size=64, epochs=15, verbose=0)
    return model


def accuracy_in_keras(model):
    """The share of test images that the model itself tells right."""
    return model.evaluate(test_x, test_y, verbose=0)[1]


model = trained(keras.layers.ReLU)
in_keras = accuracy_in_keras(model)
print(f"Keras model: {in_keras:.1%}")

# %%
# Spikes
# ------
# ``swap_activations`` says which neurons take the place of an activation function. The
# answer is the mean of all outputs so far, so that there is one after each step.
# ``inference_only`` is for layers that do something in training alone: Dropout.


def accuracy(converter):
    """The share of test images that are told right, after each step."""
    converter.net.seed = 0
    shown = np.repeat(test_x.reshape(-1, 1, 64), N_STEPS, axis=1)
    with nengo_dl.Simulator(
        converter.net, minibatch_size=100, progress_bar=False
    ) as sim:
        (outputs,) = sim.predict(shown, verbose=0).values()
    answers = outputs.cumsum(axis=1).argmax(axis=-1)
    return (answers == test_y[:, None]).mean(axis=0)


curves = {}


def report(name, converter):
    """Keep the accuracies of a network, and print some of them."""
    curves[name] = accuracy(converter)
    some = "".join(f"{curves[name][n - 1]:8.1%}" for n in (4, 8, 15, 30))
    print(f"after 4, 8, 15 and 30 steps: {some}  {name}")


spikes = {keras.activations.relu: nengo.SpikingRectifiedLinear()}
report("as it is", Converter(model, swap_activations=spikes, inference_only=True))

# %%
# An activation of one has become a rate of one spike in a second. Hardly any neuron
# spikes in 30 milliseconds.
#
# Higher rates
# ------------
# If neurons spike a hundred times as often, and each spike counts for a hundredth, the
# network computes the same, and more often says something.

converter = Converter(
    model, swap_activations=spikes, inference_only=True, scale_firing_rates=100
)
report("scaled by 100", converter)

# %%
# Which scale is the right one depends on the activations of each layer.
# ``firing_rate_scales`` looks at them: here the strongest ones of each layer are to
# spike 500 times a second, in every other step.

samples = train_x[:300]
scales = firing_rate_scales(model, [samples], target_rate=500)
converter = Converter(
    model, swap_activations=spikes, inference_only=True, scale_firing_rates=scales
)
report("scaled from data", converter)

# %%
# Where is the rest lost? ``compare`` tells, layer by layer, how far the spiking network
# is from the model.

print(converter.compare([samples[:50]], n_steps=8))

# %%
# Calibrated
# ----------
# ``calibrate`` chooses thresholds, biases and initial voltages from samples, for a
# number of steps. The neurons are others too: they count negative input as well, and
# start with half of a threshold, so that their spike counts are rounded activations,
# not cut off ones. Nothing is trained.

converter = Converter(model, inference_only=True, calibrate=samples, n_steps=8)
report("calibrated for 8 steps", converter)
print(converter.calibration)
calibrated = converter

# %%
# Trained with levels
# -------------------
# In eight steps a neuron can spike 0 to 8 times. A model that is trained with
# ``QuantizedReLU`` in place of ReLU knows that: its activations have as many levels.

with_levels = trained(lambda: QuantizedReLU(levels=8))
print(f"Keras model with 8 levels: {accuracy_in_keras(with_levels):.1%}")
converter = Converter(with_levels, inference_only=True)
report("trained with 8 levels", converter)

figure, axes = plt.subplots(layout="constrained")
for name, values in curves.items():
    axes.plot(np.arange(1, N_STEPS + 1), values, label=name)
axes.axhline(in_keras, color="black", linewidth=1, label="Keras model")
axes.axvline(8, color="gray", linestyle=":")
axes.set(xlabel="steps", ylabel="accuracy", ylim=(0, 1.02))
axes.legend()

# %%
# What it costs
# -------------
# Spikes are what a neuromorphic chip spends energy on. ``cost`` counts the operations
# that they cause in a number of steps.

for name, network in [("calibrated", calibrated), ("trained with levels", converter)]:
    cost = network.cost([test_x[:50]], n_steps=8)
    print(f"{name:20}{cost.synaptic_operations:8.0f} operations for an image")

# %%
# The same study with MNIST, and networks that answer in four steps, is
# ``few_steps.py``, one of the :doc:`examples </examples>`.

plt.show()
