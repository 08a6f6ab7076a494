"""Scales of firing rates, chosen from data.

A spiking neuron tells the activation of a rate neuron by how often it spikes. At low
rates a spike more or less is a large error; at high rates spikes cost energy, and above
one spike in each step there is little left to gain. So the scale of a layer is chosen
such that its largest activations, over sample inputs, become a target rate.

The largest of all activations would be a poor yardstick: it belongs to an outlier, and
leaves all others at low rates. Rueckauer et al. (2017) take a high percentile instead
("robust" normalization), and accept that neurons above it saturate. Here they need not:
inputs and outputs of neurons are scaled, not weights, and a neuron may spike at more
than the target rate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from .activation_functions import activation_of
from .keras_graph import functional_form, input_arrays, layer_values


def firing_rate_scales(
    model: keras.Model,
    inputs: Sequence[Any],
    target_rate: float = 200.0,
    percentile: float = 99.9,
) -> dict[keras.Layer, float]:
    """Choose the scale of the firing rates in each layer from sample inputs.

    Parameters
    ----------
    model : keras.Model
        The model to be converted.
    inputs : list of array_like
        Samples for each of its inputs, ``(n_samples, ...)``; or one array, if it has
        one input.
    target_rate : float
        Firing rate of strongly driven neurons, in Hz.
    percentile : float
        The percentile of a layer's activations, over all samples and neurons, that
        becomes the target rate.

    Returns
    -------
    scales : dict of {keras.Layer: float}
        The ``scale_firing_rates`` of a `Converter`. Layers without an activation
        function, and those whose percentile is zero, are left out.

    Raises
    ------
    ValueError
        If the rate or the percentile is not possible, or the number of inputs is not
        that of the model.
    ConversionError
        If the model is no graph of layers, as a `Converter` needs it.

    References
    ----------
    B. Rueckauer, I.-A. Lungu, Y. Hu, M. Pfeiffer, S.-C. Liu (2017): Conversion of
    continuous-valued deep networks to efficient event-driven networks for image
    classification. Frontiers in Neuroscience 11:682.

    Examples
    --------
    >>> import keras, numpy as np
    >>> from nengo_dl_converter import firing_rate_scales
    >>> x = keras.Input((1,))
    >>> relu = keras.layers.ReLU()
    >>> model = keras.Model(x, relu(x))
    >>> samples = np.linspace(0, 5, 101)[:, None]
    >>> scales = firing_rate_scales(model, [samples], target_rate=100, percentile=80)
    >>> round(scales[relu], 3)
    25.0
    """
    if not target_rate > 0:
        raise ValueError(f"target_rate must be positive, not {target_rate}")
    if not 0 < percentile <= 100:
        raise ValueError(f"percentile must be above 0 and up to 100, not {percentile}")
    activations: dict[Any, list[np.ndarray]] = defaultdict(list)
    functional = functional_form(model)
    for call in layer_values(functional, input_arrays(functional, inputs)):
        if activation_of(call.layer) not in (None, keras.activations.linear):
            activations[call.layer] += [np.abs(x.numpy()).ravel() for x in call.outputs]
    peaks = {
        layer: np.percentile(np.concatenate(values), percentile)
        for layer, values in activations.items()
    }
    return {layer: float(target_rate / x) for layer, x in peaks.items() if x > 0}
