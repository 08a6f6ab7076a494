"""The base of all layer converters."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, TypeAlias, TypeVar

import nengo
import numpy as np
from nengo.base import NengoObject

from .conversion import Conversion
from .keras_graph import Call
from .populations import set_trainable

Unsupported: TypeAlias = Sequence[str | tuple[str, Any]]
Item = TypeVar("Item")


def regularized(*weights: str) -> Unsupported:
    """Name the attributes that regularize and constrain a layer's weights in training.

    Parameters
    ----------
    *weights : str
        Names of the weights, such as "kernel".
    """
    kinds = ("regularizer", "constraint")
    return (
        "activity_regularizer",
        *(f"{weight}_{kind}" for weight in weights for kind in kinds),
    )


def one_or_list(items: list[Item]) -> Item | list[Item]:
    """Return the only item of a list, or a list of several as it is."""
    return items[0] if len(items) == 1 else items


class LayerConverter(ABC):
    """Maps one type of Keras layer to Nengo objects.

    Subclass it, implement `convert`, and register the class with `Converter.register`
    to convert layers of your own.

    Parameters
    ----------
    layer : keras.Layer
        The layer being converted.
    converter : Converter
        The conversion that this is a part of.

    Attributes
    ----------
    unsupported_args : list of str or (str, object)
        Attributes of the layer that must be None, or the given value, for the layer to
        have a native form.
    unsupported_training_args : list of str or (str, object)
        The same, for attributes that matter in training alone; they are no obstacle
        with ``inference_only=True``.
    has_weights : bool
        Whether the layer has weights. Nengo cannot share them between several calls of
        the layer.
    spans_time : bool
        Whether the layer works along the first axis after the batch, as ``Flatten``
        does. In a temporal model that axis is time, and the layer is refused, unless
        `obstacle_in_time` says otherwise.
    needs_time : bool
        Whether the layer works step by step along that axis, as ``TimeDistributed``
        does, so that it is converted by this class in temporal models alone.
    has_memory : bool
        Whether the output depends on earlier steps of a temporal model. Such a layer
        cannot become a TensorNode as a whole there.

    Examples
    --------
    >>> import keras, nengo
    >>> from nengo_dl_converter import Converter, LayerConverter
    >>> class Double(keras.layers.Layer):
    ...     def call(self, x):
    ...         return 2 * x
    >>> @Converter.register(Double)
    ... class ConvertDouble(LayerConverter):
    ...     def convert(self, node_id):
    ...         output = self.add_nengo_obj(node_id)
    ...         self.add_connection(node_id, output, transform=2)
    ...         return output
    """

    unsupported_args: ClassVar[Unsupported] = ()
    unsupported_training_args: ClassVar[Unsupported] = regularized()
    has_weights: ClassVar[bool] = False
    spans_time: ClassVar[bool] = False
    needs_time: ClassVar[bool] = False
    has_memory: ClassVar[bool] = False

    def __init__(self, layer: Any, converter: Conversion) -> None:
        self.layer = layer
        self.converter = converter
        self.calls: list[Call] = []
        self.outputs: list[NengoObject | list[NengoObject]] = []

    @abstractmethod
    def convert(self, node_id: int) -> NengoObject | list[NengoObject]:
        """Convert one call of the layer.

        Parameters
        ----------
        node_id : int
            Which of the calls of the layer in the model, counted from 0.

        Returns
        -------
        output : NengoObject or list of NengoObject
            The object, one for each output of the layer, whose output is the flattened
            output of that call.
        """

    @classmethod
    def obstacle(cls, layer: Any, converter: Conversion) -> str | None:
        """Say why the layer has no native form, or return None if it has one.

        Parameters
        ----------
        layer : keras.Layer
            The layer to convert.
        converter : Converter
            The conversion that this is a part of.

        Returns
        -------
        obstacle : str or None
            The reason, to follow "Layer 'x' has no form as native Nengo objects: ".
        """
        unsupported = list(cls.unsupported_args)
        if not converter.inference_only:
            unsupported += cls.unsupported_training_args
        for entry in unsupported:
            name, default = (entry, None) if isinstance(entry, str) else entry
            value = getattr(layer, name, default)
            if value != default:
                only = "" if entry in cls.unsupported_args else " unless inference_only"
                return f"{name}={value!r} is not supported{only}"
        return None

    @classmethod
    def obstacle_in_time(cls, call: Call) -> str | None:
        """Say why a call along time is not computed step by step, or return None.

        Parameters
        ----------
        call : Call
            A call in a temporal model, where the first axis after the batch is time.

        Returns
        -------
        obstacle : str or None
            The reason, to follow "Layer 'x' ".
        """
        if cls.spans_time:
            return "works across the steps"
        return None

    @classmethod
    def convertible(cls, layer: Any, converter: Conversion) -> bool:
        """Tell whether the layer has a form as native Nengo objects.

        Parameters
        ----------
        layer : keras.Layer
            The layer to convert.
        converter : Converter
            The conversion that this is a part of.

        Returns
        -------
        convertible : bool
            True if it has one.
        """
        return cls.obstacle(layer, converter) is None

    def add_nengo_obj(
        self, node_id: int, biases: np.ndarray | None = None, activation: Any = None
    ) -> NengoObject:
        """Add the object that makes the output of a call.

        Parameters
        ----------
        node_id : int
            Which call of the layer.
        biases : numpy.ndarray, optional
            Trainable biases, one for each element of the output. With fewer they are
            broadcast to the shape of the output, and stay equal in training unless
            ``inference_only``.
        activation : callable or nengo.neurons.NeuronType, optional
            Activation function; None is linear.

        Returns
        -------
        obj : nengo.Node or nengo.ensemble.Neurons or nengo_dl.TensorNode
            Its output is the output of the call, its input what the activation function
            is applied to.
        """
        shape = self.output_shape(node_id)
        obj = self.add_population(shape, activation)
        if biases is not None:
            biases = np.asarray(biases)
            if biases.size == math.prod(shape):
                biases = biases.reshape(shape)
            self.converter.populations.add_biases(
                obj,
                biases,
                shape,
                trainable=self.layer.trainable,
                tied=not self.converter.inference_only,
            )
        return obj

    def add_population(
        self, shape: tuple[int, ...], activation: Any = None
    ) -> NengoObject:
        """Add an object for a part of the layer.

        Parameters
        ----------
        shape : tuple of int
            Shape of its input and output, without batch and time.
        activation : callable or nengo.neurons.NeuronType, optional
            Activation function; None is linear.

        Returns
        -------
        obj : nengo.Node or nengo.ensemble.Neurons or nengo_dl.TensorNode
            Its output is the activation function of its input.
        """
        return self.converter.populations.add(
            shape,
            activation=self.converter.activations[activation],
            scale=self.converter.scale_of(self.layer),
            label=self.layer.name,
        )

    def add_connection(
        self,
        node_id: int,
        obj: NengoObject,
        input_idx: int = 0,
        trainable: bool = False,
        **kwargs: Any,
    ) -> nengo.Connection:
        """Connect an input of a call to an object.

        Parameters
        ----------
        node_id : int
            Which call of the layer.
        obj : NengoObject
            What to connect to; usually from `add_nengo_obj`.
        input_idx : int
            Which input of the call.
        trainable : bool
            Whether the weights of the connection are trained. Those of a layer that is
            not trainable never are.
        **kwargs
            Passed on to `nengo.Connection`.

        Returns
        -------
        conn : nengo.Connection
            The connection.
        """
        return self.converter.populations.connect(
            self.get_input_obj(node_id, tensor_idx=input_idx),
            obj,
            trainable=trainable and self.layer.trainable,
            **kwargs,
        )

    def get_input_obj(self, node_id: int, tensor_idx: int = 0) -> NengoObject:
        """Return the object that an input of a call comes from.

        Parameters
        ----------
        node_id : int
            Which call of the layer.
        tensor_idx : int
            Which input of the call.

        Returns
        -------
        obj : nengo.Node or nengo.ensemble.Neurons or nengo_dl.TensorNode
            Its output is that input, flattened.
        """
        return self.converter.layers[self.calls[node_id].inputs[tensor_idx]]

    def input_shape(self, node_id: int, full_shape: bool = False) -> Any:
        """Return the shape of the input of a call.

        Parameters
        ----------
        node_id : int
            Which call of the layer.
        full_shape : bool
            Include the axes of batch and, in a temporal model, time.

        Returns
        -------
        shape : tuple of int or list of tuple of int
            A list if the call has several inputs.
        """
        call = self.calls[node_id]
        start = 0 if full_shape else call.batch_axes
        return one_or_list([tuple(tensor.shape)[start:] for tensor in call.inputs])

    def output_shape(self, node_id: int, full_shape: bool = False) -> Any:
        """Return the shape of the output of a call.

        Parameters
        ----------
        node_id : int
            Which call of the layer.
        full_shape : bool
            Include the axes of batch and, in a temporal model, time.

        Returns
        -------
        shape : tuple of int or list of tuple of int
            A list if the call has several outputs.
        """
        call = self.calls[node_id]
        start = 0 if full_shape else call.batch_axes
        return one_or_list([tuple(tensor.shape)[start:] for tensor in call.outputs])

    set_trainable = staticmethod(set_trainable)
