"""A convolutional network of TensorFlow layers: almost nothing in it is Nengo's."""

from __future__ import annotations

import nengo
import numpy as np


def mnist(use_tensor_layer: bool = True) -> nengo.Network:
    """Build a network of the kind that classifies MNIST, out of TensorFlow layers.

    Parameters
    ----------
    use_tensor_layer : bool
        Make each layer a TensorNode of its own, with `nengo_dl.Layer`; otherwise one
        TensorNode holds them all.

    Returns
    -------
    net : nengo.Network
        Network with one input node of 28 by 28 pixels, ``net.inp``, and one probe of
        ten dimensions, ``net.p``.

    Examples
    --------
    >>> mnist(use_tensor_layer=False).probes[0].size_in
    10
    """
    import keras

    from nengo_dl_core import Layer, TensorNode

    shape: tuple[int, ...] = (28, 28, 1)
    layers = [
        keras.layers.Conv2D(32, 3, activation="relu"),
        keras.layers.Conv2D(64, 3, strides=2, activation="relu"),
        keras.layers.Conv2D(128, 3, strides=2, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(10),
    ]
    with nengo.Network(seed=0) as net:
        images = np.random.default_rng(0).uniform(size=(10, np.prod(shape)))
        present = nengo.processes.PresentInput(images, presentation_time=0.001)
        net.inp = output = nengo.Node(present, label="image")
        if use_tensor_layer:
            for layer in layers:
                output = Layer(layer)(output, shape_in=shape, label=layer.name)
                shape = output.shape_out
        else:
            model = keras.Sequential([keras.Input(shape), *layers])
            node = TensorNode(model, shape_in=shape, pass_time=False, label="model")
            nengo.Connection(output, node, synapse=None)
            output = node
        net.p = nengo.Probe(output)
    return net
