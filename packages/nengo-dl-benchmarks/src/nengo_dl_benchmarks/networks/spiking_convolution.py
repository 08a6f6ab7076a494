"""A small spiking convolutional network, trained in spikes."""

from __future__ import annotations

from typing import Any

import nengo
import numpy as np

from nengo_dl_benchmarks.networks.spiking_layer import add_neurons, begin


def spiking_convolution(image_size: int, n_filters: int) -> nengo.Network:
    """Build two convolutional layers of LIF neurons, and a dense readout.

    The neurons are those of `spiking_layer`.

    Parameters
    ----------
    image_size : int
        Height and width of the image, in pixels; a pixel is a spike or none.
    n_filters : int
        Number of filters of the first layer; the second has twice as many, at half the
        resolution.

    Returns
    -------
    net : nengo.Network
        Network with one input node, ``net.inp``, and one probe of ten dimensions,
        ``net.p``. Inputs are to be spikes (``net.spiking_inputs``).

    Examples
    --------
    >>> spiking_convolution(image_size=8, n_filters=2).n_neurons
    88
    """
    import nengo_dl_core

    net = begin()
    with net:
        net.inp = nengo.Node(np.zeros(image_size**2))
        layer: Any = net.inp
        shape: Any = (image_size, image_size, 1)
        for filters, strides in ((n_filters, (1, 1)), (2 * n_filters, (2, 2))):
            transform = nengo.Convolution(
                filters, shape, strides=strides, init=nengo_dl_core.dists.Glorot()
            )
            neurons = add_neurons(net, transform.output_shape.size)
            nengo.Connection(layer, neurons, transform=transform)
            layer, shape = neurons, transform.output_shape.shape
        readout = nengo.Node(size_in=10)
        nengo.Connection(layer, readout, transform=nengo_dl_core.dists.Glorot())
        net.p = nengo.Probe(readout)
    return net
