"""A Keras model beside the network that it was converted to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import nengo
from nengo.base import NengoObject
from nengo.ensemble import Neurons

from .tensor_dict import KerasTensorDict


@dataclass(frozen=True)
class ConvertedModel:
    """What verification and the estimate of the cost need to know of a conversion.

    Parameters
    ----------
    model : keras.Model
        The model, as a functional model.
    net : nengo.Network
        The network.
    inputs, outputs : KerasTensorDict
        From the inputs of the model to Nodes, from its outputs to Probes.
    temporal : bool
        Whether the first axis after the batch is time.
    calls : mapping of {keras.Layer: sequence}
        For each call of a layer, in their order, the object of its output, or a list
        with one for each output.
    neurons : mapping of {NengoObject: list of Neurons}
        The neurons that an object consists of, for those that have any.
    """

    model: keras.Model
    net: nengo.Network
    inputs: KerasTensorDict
    outputs: KerasTensorDict
    temporal: bool
    calls: Mapping[Any, Sequence[NengoObject | list[NengoObject]]]
    neurons: Mapping[NengoObject, list[Neurons]]
