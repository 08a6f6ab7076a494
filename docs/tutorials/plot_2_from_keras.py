"""
From Keras
==========

You have a Keras model. Here is how it becomes a network of spiking neurons, and how
accurate that is.

The model reads handwritten digits, the small ones that come with scikit-learn.
"""

import keras
import matplotlib.pyplot as plt
import nengo
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import nengo_dl
from nengo_dl_converter import Converter, firing_rate_scales

keras.utils.set_random_seed(0)
digits = load_digits()
train_x, test_x, train_y, test_y = train_test_split(
    digits.images / 16, digits.target, test_size=300, random_state=0
)

image = keras.Input((8, 8), name="image")
hidden = keras.layers.Reshape((8, 8, 1))(image)
hidden = keras.layers.Conv2D(16, 3, activation="relu")(hidden)
hidden = keras.layers.Flatten()(hidden)
hidden = keras.layers.Dense(64, activation="relu", name="hidden")(hidden)
digit = keras.layers.Dense(10, name="digit")(hidden)
model = keras.Model(image, digit)
model.compile(
    optimizer="adam",
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
model.fit(train_x, train_y, epochs=15, verbose=0)
_, accuracy = model.evaluate(test_x, test_y, verbose=0)
print(f"Keras model: {accuracy:.1%}")

# %%
# Convert it
# ----------
# The converted network computes what the model computes, and ``verify`` checks it.

converter = Converter(model)
assert converter.verify()
print(converter.net.n_neurons, "neurons")

# %%
# Make it spike
# -------------
# The activation functions are swapped for spiking neurons, and the firing rates scaled:
# a neuron that spikes ten times a second says little within thirty steps of a
# millisecond. Here the scales are chosen from samples, layer by layer. The output is
# read as the mean over the presentation of a digit.


def spiking_accuracy(n_steps, **options):
    """Accuracy of the network in spikes, each digit shown for some steps."""
    spiking = Converter(
        model,
        swap_activations={keras.activations.relu: nengo.SpikingRectifiedLinear()},
        **options,
    )
    inputs = np.repeat(test_x.reshape((-1, 1, 64)), n_steps, axis=1)
    with nengo_dl.Simulator(spiking.net, minibatch_size=100, progress_bar=False) as sim:
        outputs = sim.predict({spiking.inputs[image]: inputs}, verbose=0)
    means = outputs[spiking.outputs[digit]].mean(axis=1)
    return np.mean(np.argmax(means, axis=1) == test_y)


scales = firing_rate_scales(model, [train_x[:100]], target_rate=250)
lengths = [5, 10, 20, 40, 80]
figure, axes = plt.subplots(layout="constrained")
for label, options in [
    ("rates as they are", {}),
    ("scaled by 20", {"scale_firing_rates": 20}),
    ("scaled by samples", {"scale_firing_rates": scales}),
]:
    accuracies = [spiking_accuracy(n_steps, **options) for n_steps in lengths]
    print(f"{label:18}", *(f"{value:7.1%}" for value in accuracies))
    axes.plot(lengths, accuracies, "o-", label=label)
axes.axhline(accuracy, color="black", linewidth=1, label="Keras model")
axes.set(xlabel="steps", ylabel="accuracy", ylim=(0, 1.02))
figure.legend(loc="outside upper center", ncols=2)

plt.show()
