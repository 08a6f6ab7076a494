"""What makes parts of a network as Keras makes layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import nengo
import numpy as np
import numpy.typing as npt
from nengo.exceptions import ValidationError
from nengo.neurons import NeuronType
from nengo.transforms import Transform

from nengo_dl_core.network.config import configure_settings
from nengo_dl_core.tensor_node import TensorNode


class Layer:
    """Applies TensorFlow functions, Keras layers or neuron types, one after the other.

    Parameters
    ----------
    layer_func : callable or keras.layers.Layer or nengo.neurons.NeuronType
        What is applied: a function from a tensor of shape ``(minibatch_size,
        *shape_in)`` to another tensor, a Keras layer or model, or a neuron type.

    Examples
    --------
    >>> import keras, nengo
    >>> from nengo_dl_core import Layer
    >>> with nengo.Network():
    ...     a = nengo.Ensemble(10, 1)
    ...     b = Layer(keras.layers.Dense(units=10))(a)
    ...     c = Layer(lambda x: x + 1)(b)
    ...     d = Layer(nengo.LIF())(c)
    >>> b.size_out, c.size_out, d.size_out
    (10, 10, 10)
    """

    def __init__(
        self, layer_func: Callable[..., Any] | keras.layers.Layer | NeuronType
    ) -> None:
        self.layer_func = layer_func

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.layer_func!r})"

    def __call__(
        self,
        input: Any,
        transform: Transform | npt.ArrayLike | None = None,
        shape_in: tuple[int, ...] | None = None,
        synapse: Any = None,
        return_conn: bool = False,
        **layer_args: Any,
    ) -> Any:
        """Apply the layer to the output of a Nengo object.

        The connection from that object is not trained, unless it is asked for
        afterwards: ``net.config[conn].trainable = True``.

        Parameters
        ----------
        input : NengoObject
            Provides the input; an object, or a part of one like ``ens[0]``.
        transform : array_like or nengo.transforms.Transform, optional
            Transform of the connection from ``input``.
        shape_in : tuple of int, optional
            Shape in which the layer takes its input; by default a vector.
        synapse : nengo.synapses.Synapse or float, optional
            Synapse of the connection from ``input``.
        return_conn : bool
            Whether the connection is returned too.
        **layer_args
            Passed on to `TensorNode`, or to `nengo.Ensemble` for a neuron type.

        Returns
        -------
        obj : TensorNode or nengo.ensemble.Neurons
            The new part of the network.
        conn : nengo.Connection
            The connection from ``input`` to it, if ``return_conn``.

        Raises
        ------
        nengo.exceptions.ValidationError
            If the input is no Nengo object, or has not as many elements as
            ``shape_in``.
        """
        if not hasattr(input, "size_out"):
            raise ValidationError(
                f"must be a Nengo object, or a part of one, not {input!r}",
                attr="input",
                obj=self,
            )
        size = _size_out(input, transform)
        if shape_in is not None and np.prod(shape_in) != size:
            raise ValidationError(
                f"{shape_in} has {np.prod(shape_in)} elements, but the input from "
                f"{input} has {size}",
                attr="shape_in",
                obj=self,
            )
        if isinstance(self.layer_func, NeuronType):
            args = {"dimensions": 1, "neuron_type": self.layer_func, **layer_args}
            obj = nengo.Ensemble(size, **args).neurons
        else:
            shape = (size,) if shape_in is None else shape_in
            args = {"shape_in": shape, "pass_time": False, **layer_args}
            obj = TensorNode(self.layer_func, **args)
        conn = nengo.Connection(input, obj, synapse=synapse, transform=transform)
        _switch_training_off(conn)
        return (obj, conn) if return_conn else obj


def _size_out(obj: Any, transform: Transform | npt.ArrayLike | None) -> int:
    """Number of elements that come out of a transform of an object's output."""
    if isinstance(transform, Transform):
        return int(transform.size_out)
    if transform is not None and np.ndim(transform) == 2:
        return len(np.asarray(transform))
    return int(obj.size_out)


def _switch_training_off(conn: nengo.Connection) -> None:
    """Mark a connection as one that is not trained."""
    config = nengo.Network.context[0].config
    if "trainable" not in config[nengo.Connection].extra_params:
        configure_settings(trainable=None)
    config[conn].trainable = False
