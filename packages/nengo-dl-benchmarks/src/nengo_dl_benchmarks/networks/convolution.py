"""A spiking convolutional network, of the kind that classifies images."""

import nengo
import numpy as np
from nengo.neurons import NeuronType


def convolution(
    image_size: int, n_filters: int, neuron_type: NeuronType
) -> nengo.Network:
    """Build a network of two convolutional layers and a dense readout.

    Parameters
    ----------
    image_size : int
        Height and width of the image, in pixels.
    n_filters : int
        Number of filters of the first layer; the second has twice as many, at half the
        resolution.
    neuron_type : nengo.neurons.NeuronType
        Neuron type of the layers.

    Returns
    -------
    net : nengo.Network
        Network with one input node, ``net.inp``, and one probe of ten dimensions,
        ``net.p``.

    Examples
    --------
    >>> convolution(image_size=8, n_filters=2, neuron_type=nengo.LIF()).n_neurons
    88
    """
    rng = np.random.default_rng(0)
    with nengo.Network(seed=0) as net:
        net.config[nengo.Ensemble].neuron_type = neuron_type
        net.config[nengo.Ensemble].gain = nengo.dists.Choice([1])
        net.config[nengo.Ensemble].bias = nengo.dists.Choice([1])
        net.config[nengo.Connection].synapse = None
        images = rng.uniform(size=(10, image_size**2))
        net.inp = nengo.Node(
            nengo.processes.PresentInput(images, presentation_time=0.1)
        )
        layer, shape = net.inp, (image_size, image_size, 1)
        for filters, strides in ((n_filters, (1, 1)), (2 * n_filters, (2, 2))):
            transform = nengo.Convolution(filters, shape, strides=strides)
            neurons = nengo.Ensemble(transform.output_shape.size, 1).neurons
            nengo.Connection(layer, neurons, transform=transform)
            layer, shape = neurons, transform.output_shape.shape
        readout = nengo.Node(size_in=10)
        weights = rng.normal(size=(10, layer.size_out)) / layer.size_out
        nengo.Connection(layer, readout, transform=weights)
        net.p = nengo.Probe(readout, synapse=0.01)
    return net
