"""Neurons, their biases and connections, with firing rates scaled as asked for."""

from __future__ import annotations

import math
import warnings
from typing import Any

import nengo
import numpy as np
from nengo.base import NengoObject, ObjView
from nengo.ensemble import Neurons
from nengo.neurons import NeuronType

import nengo_dl_core

from .activation_functions import Activation, ClippedReLU
from .errors import ConversionError
from .indices import as_slice, broadcast_indices

# Neuron types with straight lines from zero on either side: they alone compute the same
# when their input is scaled up and their output down.
_LINEAR = (
    nengo.RectifiedLinear,
    nengo.SpikingRectifiedLinear,
    nengo_dl_core.LeakyReLU,
    nengo_dl_core.SpikingLeakyReLU,
)


def set_trainable(obj: NengoObject, trainable: bool) -> None:
    """Say whether the parameters of an object are trained.

    Parameters
    ----------
    obj : NengoObject
        An object of the network that is being defined.
    trainable : bool
        Whether its parameters (weights of a connection, biases of neurons) are trained.
    """
    nengo.Network.context[0].config[obj].trainable = trainable


def changed(neuron_type: NeuronType, **attributes: Any) -> NeuronType:
    """Copy a neuron type with other attributes, such as ``amplitude``."""
    state = neuron_type.__getstate__() | attributes
    state.pop("_FrozenObject__argreprs", None)
    copy = object.__new__(type(neuron_type))
    copy.__setstate__(state)
    return copy


def _name(activation: Activation) -> str:
    return getattr(activation, "__name__", repr(activation))


class Populations:
    """Adds the objects of a converted network, in the context of that network.

    Where firing rates are scaled, the scale is the gain of the neurons, and biases that
    are trained come by a connection. So weights and biases stay those of the Keras
    model, for training and for whoever reads them.

    Parameters
    ----------
    synapse : float or nengo.synapses.Synapse or None
        Filters the output of all neurons.
    allow_fallback : bool
        Whether activation functions that no neuron type computes may become
        TensorNodes.
    """

    def __init__(self, synapse: Any, allow_fallback: bool) -> None:
        self.synapse = synapse
        self.allow_fallback = allow_fallback
        # The Node that gets the input of an object which has none of its own.
        self._inputs: dict[NengoObject, nengo.Node] = {}
        #: The neurons that an object from `add` consists of.
        self.neurons: dict[NengoObject, list[Neurons]] = {}
        self._one: nengo.Node | None = None

    def add(
        self,
        shape: tuple[int, ...],
        activation: Activation = None,
        scale: float = 1.0,
        label: str | None = None,
    ) -> NengoObject:
        """Add what computes an activation function, element by element.

        Parameters
        ----------
        shape : tuple of int
            Shape of input and output, without batch and time.
        activation : NeuronType or callable, optional
            The function; None is linear.
        scale : float
            Scale of the firing rates: neurons get their input times ``scale``, and
            their output is divided by it.
        label : str, optional
            Label of the object.

        Returns
        -------
        obj : nengo.Node or nengo.ensemble.Neurons or nengo_dl.TensorNode
            Neurons for a neuron type, a passthrough Node for None, else a TensorNode.

        Raises
        ------
        ConversionError
            If the function needs a TensorNode and ``allow_fallback`` is False.
        """
        if activation is None:
            return nengo.Node(size_in=math.prod(shape), label=label)
        if isinstance(activation, NeuronType):
            return self._add_neurons(math.prod(shape), activation, scale, label)
        if isinstance(activation, ClippedReLU):
            return self._add_clipped(shape, activation, scale, label)
        if not self.allow_fallback:
            raise ConversionError(
                f"Layer {label!r}: no neuron type computes the activation function "
                f"{_name(activation)}; name one in swap_activations, or set "
                "allow_fallback=True"
            )
        warnings.warn(
            f"Layer {label!r}: the activation function {_name(activation)} becomes a "
            "TensorNode, since no neuron type computes it (see swap_activations)",
            stacklevel=2,
        )
        return nengo_dl_core.TensorNode(
            activation, shape_in=shape, shape_out=shape, pass_time=False, label=label
        )

    def _add_neurons(
        self, size: int, neuron_type: NeuronType, scale: float, label: str | None
    ) -> Neurons:
        if scale != 1:
            scale = self._check_scale(neuron_type, scale, label)
        if scale != 1:
            neuron_type = changed(neuron_type, amplitude=neuron_type.amplitude / scale)
        neurons = nengo.Ensemble(
            size,
            1,
            neuron_type=neuron_type,
            gain=np.full(size, float(scale)),
            bias=np.zeros(size),
            label=label,
        ).neurons
        set_trainable(neurons.ensemble, False)
        set_trainable(neurons, False)
        self.neurons[neurons] = [neurons]
        return neurons

    def _add_clipped(
        self,
        shape: tuple[int, ...],
        activation: ClippedReLU,
        scale: float,
        label: str | None,
    ) -> nengo.Node:
        whole = self.add(shape, label=label and f"{label}.input")
        output = self.add(shape, label=label)
        parts = [(1.0, 0.0, 1.0), (1.0, -activation.max_value, -1.0)]
        if activation.negative_slope:
            parts.append((-1.0, 0.0, -activation.negative_slope))
        lines = []
        for sign, shift, weight in parts:
            line = self.add(shape, activation.rectifier, scale, label)
            self.connect(whole, line, transform=sign)
            if shift:
                self.add_biases(line, np.array(shift), shape, trainable=False)
            self.connect(line, output, transform=weight)
            lines += self.neurons.get(line, [])
        self._inputs[output] = whole
        self.neurons[output] = lines
        return output

    def _check_scale(
        self, neuron_type: NeuronType, scale: float, label: str | None
    ) -> float:
        """Return the scale to use, and warn where it changes what is computed."""
        if not hasattr(neuron_type, "amplitude"):
            warnings.warn(
                f"Layer {label!r}: firing rates are not scaled by {scale}, because "
                f"{neuron_type} has no amplitude to scale its output down with",
                stacklevel=2,
            )
            return 1.0
        function = getattr(neuron_type, "base_type", neuron_type)
        if not isinstance(function, _LINEAR):
            warnings.warn(
                f"Layer {label!r}: scaling firing rates by {scale} changes the output, "
                f"because {neuron_type} is not linear",
                stacklevel=2,
            )
        return scale

    def add_biases(
        self,
        obj: NengoObject,
        biases: np.ndarray,
        shape: tuple[int, ...],
        trainable: bool = True,
        tied: bool = True,
    ) -> None:
        """Add constants to the input of an object.

        Parameters
        ----------
        obj : nengo.Node or nengo.ensemble.Neurons or nengo_dl.TensorNode
            An object from `add`.
        biases : numpy.ndarray
            The constants; broadcast to ``shape``.
        shape : tuple of int
            Shape of the input of ``obj``.
        trainable : bool
            Whether they are trained.
        tied : bool
            Whether biases that are broadcast stay equal in training.
        """
        if not (trainable and tied):
            biases = np.broadcast_to(biases, shape)
        if biases.shape == shape and isinstance(obj, Neurons):
            gain = obj.ensemble.gain
            if not trainable or (gain == 1).all():
                obj.ensemble.bias = gain * biases.ravel()
                set_trainable(obj, trainable)
                return

        if self._one is None:
            self._one = nengo.Node(1.0, label="one")
        values = nengo.Node(size_in=biases.size, label="biases")
        self.connect(self._one, values, trainable, transform=biases.reshape(-1, 1))
        self.gather(values, broadcast_indices(biases.shape, shape), obj)

    def connect(
        self,
        pre: NengoObject,
        post: NengoObject,
        trainable: bool = False,
        **kwargs: Any,
    ) -> nengo.Connection:
        """Connect two objects: without synapse, except for the output of neurons.

        Parameters
        ----------
        pre, post : NengoObject or ObjView
            Objects from `add`, or slices of them.
        trainable : bool
            Whether the weights are trained.
        **kwargs
            Passed on to `nengo.Connection`.

        Returns
        -------
        conn : nengo.Connection
            The connection.
        """
        kwargs.setdefault("synapse", self.output_synapse(pre))
        whole = post.obj if isinstance(post, ObjView) else post
        if whole in self._inputs:
            target = self._inputs[whole]
            post = target[post.slice] if isinstance(post, ObjView) else target
        connection = nengo.Connection(pre, post, **kwargs)
        set_trainable(connection, trainable)
        return connection

    def gather(
        self, pre: NengoObject, indices: np.ndarray, post: NengoObject, **kwargs: Any
    ) -> nengo.Connection | None:
        """Connect chosen elements of an object to all elements of another.

        Parameters
        ----------
        pre, post : NengoObject
            Objects from `add`.
        indices : numpy.ndarray
            For each element of ``post``, in any shape, the index of an element of
            ``pre``, or -1 for none.
        **kwargs
            Passed on to `nengo.Connection`.

        Returns
        -------
        conn : nengo.Connection or None
            The connection, unless there is nothing to connect.
        """
        indices = np.ravel(indices)
        (targets,) = np.nonzero(indices >= 0)
        if not targets.size:
            return None
        sources = indices[targets]
        if not np.array_equal(sources, np.arange(pre.size_out)):
            pre = pre[as_slice(sources)]
        if targets.size < indices.size:
            post = post[as_slice(targets)]
        return self.connect(pre, post, **kwargs)

    @property
    def spiking(self) -> bool:
        """Whether any of the neurons added so far spike."""
        return any(
            part.ensemble.neuron_type.spiking
            for parts in self.neurons.values()
            for part in parts
        )

    def output_synapse(self, obj: NengoObject) -> Any:
        """Return the filter on the output of an object."""
        whole = obj.obj if isinstance(obj, ObjView) else obj
        return self.synapse if isinstance(whole, Neurons) else None
