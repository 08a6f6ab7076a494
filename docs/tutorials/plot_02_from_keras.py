"""
From Keras
==========

You have a Keras model. Here is how it gets into a Nengo network: as it is, layer by
layer, or converted to neurons and connections, which any Nengo simulator can run and
which can spike.

The model reads handwritten digits, the small ones that come with scikit-learn.
"""

import keras
import matplotlib.pyplot as plt
import nengo
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import nengo_dl
from nengo_dl_converter import Converter

keras.utils.set_random_seed(0)
pixels, digits = load_digits(return_X_y=True)
train_x, test_x, train_y, test_y = train_test_split(
    pixels / 16, digits, test_size=297, random_state=0
)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

image = keras.Input((64,), name="image")
hidden = keras.layers.Dense(64, activation="relu", name="hidden")(image)
digit = keras.layers.Dense(10, name="digit")(hidden)
model = keras.Model(image, digit)
model.compile(keras.optimizers.Adam(0.003), loss=loss, metrics=["accuracy"])
model.fit(train_x, train_y, epochs=15, verbose=0)
_, accuracy = model.evaluate(test_x, test_y, verbose=0)
print(f"Keras model: {accuracy:.1%}")

# %%
# The whole model in a network
# ----------------------------
# ``nengo_dl.Layer`` puts a model, a layer or a function of TensorFlow into a network.
# What is before and after it may be anything that Nengo has. A
# :doc:`closed loop </auto_tutorials/plot_07_closed_loop>` is an example.
#
# Nengo's data has an axis for time: it is of shape (examples, steps, size). Here each
# digit is shown for one step.

with nengo.Network(seed=0) as net:
    node = nengo.Node(np.zeros(64))
    scores = nengo.Probe(nengo_dl.Layer(model)(node))

with nengo_dl.Simulator(net, minibatch_size=100, progress_bar=False) as sim:
    values = sim.predict(test_x[:, None], verbose=0)[scores]
print(f"model in a network: {np.mean(values[:, 0].argmax(axis=-1) == test_y):.1%}")

# %%
# Layers and neurons
# ------------------
# The same is done layer by layer, here with Nengo's neurons between two layers of
# Keras. ``compile`` and ``fit`` train the network as they train a Keras model; targets
# have an axis for time too.

with nengo.Network(seed=0) as net:
    net.config[nengo.Ensemble].gain = nengo.dists.Choice([1])
    net.config[nengo.Ensemble].bias = nengo.dists.Choice([0])
    node = nengo.Node(np.zeros(64))
    x = nengo_dl.Layer(keras.layers.Dense(64))(node)
    x = nengo_dl.Layer(nengo.RectifiedLinear())(x)
    x = nengo_dl.Layer(keras.layers.Dense(10))(x)
    scores = nengo.Probe(x)

with nengo_dl.Simulator(net, minibatch_size=50, seed=0, progress_bar=False) as sim:
    sim.compile(keras.optimizers.Adam(0.003), loss=loss)
    sim.fit(train_x[:, None], train_y[:, None, None], epochs=15, verbose=0)
    values = sim.predict(test_x[:, None], verbose=0)[scores]
print(f"layers and neurons: {np.mean(values[:, 0].argmax(axis=-1) == test_y):.1%}")

# %%
# Converted
# ---------
# The converter makes a network of Nengo's own ensembles and connections, with the
# model's weights. ``verify`` checks that it computes what the model computes. With
# ``allow_fallback=False`` nothing in it needs TensorFlow: Nengo's simulator runs it,
# too, here with another image in each step.

converter = Converter(model, allow_fallback=False)
assert converter.verify()
print(converter.net.n_neurons, "neurons")

node, scores = converter.inputs[image], converter.outputs[digit]
node.output = nengo.processes.PresentInput(test_x, presentation_time=0.001)
with nengo.Simulator(converter.net, progress_bar=False) as sim:
    sim.run_steps(len(test_x))
right = np.mean(sim.data[scores].argmax(axis=-1) == test_y)
print(f"in nengo.Simulator: {right:.1%}")

# %%
# In spikes
# ---------
# ``swap_activations`` puts spiking neurons in the place of the activation functions.
# Their firing rates are scaled: a neuron that spikes ten times a second says little
# within the 50 steps of a millisecond that a digit is shown for. The answer is the mean
# of the outputs so far.

spiking = Converter(
    model,
    swap_activations={keras.activations.relu: nengo.SpikingRectifiedLinear()},
    scale_firing_rates=50,
)
with spiking.net:
    spikes = nengo.Probe(spiking.layers[model.get_layer("hidden")])
shown = np.repeat(test_x[:, None], 50, axis=1)
with nengo_dl.Simulator(spiking.net, minibatch_size=100, progress_bar=False) as sim:
    values = sim.predict({spiking.inputs[image]: shown}, verbose=0)
so_far = values[spiking.outputs[digit]].cumsum(axis=1)
right = (so_far.argmax(axis=-1) == test_y[:, None]).mean(axis=0)
print(f"50 steps of spikes: {right[-1]:.1%}")

figure, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
axes[0].imshow(test_x[0].reshape(8, 8), cmap="gray_r")
axes[0].set(title="a digit", xticks=[], yticks=[])
axes[1].eventplot([np.flatnonzero(neuron) for neuron in values[spikes][0].T])
axes[1].set(title="spikes", xlabel="step", ylabel="neuron")
axes[2].axhline(accuracy, color="black", linewidth=1, label="Keras model")
axes[2].plot(np.arange(1, 51), right, label="spikes")
axes[2].set(title="accuracy", xlabel="step", ylim=(0, 1.02))
axes[2].legend()

# %%
# The :doc:`next tutorial </auto_tutorials/plot_03_keras_to_spiking>` makes a model
# accurate in fewer steps.

plt.show()
