"""A Keras model as a Nengo network: convert it, check it, run it in any simulator.

The model, which reads handwritten digits, becomes Nengo ensembles and connections that
compute the same. Then its activation functions are swapped for spiking neurons.

Run it with ``python from_keras.py``; beside nengo-dl-converter it needs scikit-learn.
It prints how many digits are read right: by the model, by the network in NengoDL and in
Nengo's own simulator, and in spikes.
"""

import argparse

import keras
import nengo
import numpy as np
from sklearn.datasets import load_digits

import nengo_dl
from nengo_dl_converter import Converter, firing_rate_scales


def trained_model(images, labels, epochs):
    """Train a model of one hidden layer."""
    keras.utils.set_random_seed(0)
    image = keras.Input((64,))
    hidden = keras.layers.Dense(64, activation="relu")(image)
    model = keras.Model(image, keras.layers.Dense(10)(hidden))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.003), loss=loss)
    model.fit(images, labels, epochs=epochs, verbose=0)
    return model


def scores(converter, images, n_steps):
    """Mean output over some steps, for all images in one minibatch."""
    (image,), (digit,) = converter.inputs.values(), converter.outputs.values()
    shown = np.repeat(images[:, None], n_steps, axis=1)
    with nengo_dl.Simulator(
        converter.net, minibatch_size=len(images), progress_bar=False
    ) as sim:
        sim.run_steps(n_steps, data={image: shown})
        return sim.data[digit].mean(axis=1)


def scores_in_nengo(converter, images):
    """Output of the same network in Nengo's simulator, an image in each step."""
    (image,), (digit,) = converter.inputs.values(), converter.outputs.values()
    image.output = nengo.processes.PresentInput(images, presentation_time=0.001)
    with nengo.Simulator(converter.net, progress_bar=False) as sim:
        sim.run_steps(len(images))
        return sim.data[digit]


def main(n_images=200, epochs=20, n_steps=50):
    """Convert and compare; return the shares of digits that are read right."""
    images, labels = load_digits(return_X_y=True)
    images = images / 16
    model = trained_model(images[:-n_images], labels[:-n_images], epochs)
    shown = images[-n_images:]

    network = Converter(model, allow_fallback=False)
    network.verify()
    spiking = Converter(
        model,
        swap_activations={keras.activations.relu: nengo.SpikingRectifiedLinear()},
        scale_firing_rates=firing_rate_scales(model, [images[:100]], target_rate=250),
    )
    results = {
        "the Keras model": model.predict(shown, verbose=0),
        "the network in NengoDL": scores(network, shown, n_steps=1),
        "the network in Nengo": scores_in_nengo(network, shown),
        f"{n_steps} ms of spikes": scores(spiking, shown, n_steps),
    }
    right = {}
    for name, values in results.items():
        right[name] = np.mean(values.argmax(axis=-1) == labels[-n_images:])
        print(f"{name:24}{right[name]:.1%} right")
    return right


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--images", type=int, default=200, help="number of images to test with"
    )
    parser.add_argument(
        "--epochs", type=int, default=20, help="number of training epochs"
    )
    parser.add_argument(
        "--steps", type=int, default=50, help="number of steps of 1 ms, in spikes"
    )
    arguments = parser.parse_args()
    main(arguments.images, arguments.epochs, arguments.steps)
