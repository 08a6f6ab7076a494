"""The activation functions of Keras, in whichever form a model has them.

Keras has the same function in `keras.activations`, in `keras.ops` and as a layer, such
as `keras.layers.ELU`; TensorFlow has it in `tf.nn`. And a functional model has a call
of it as an operation.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import nengo
import tensorflow as tf
from nengo.neurons import NeuronType

import nengo_dl_core

from .keras_graph import operation_type


@dataclass(frozen=True)
class ClippedReLU:
    r"""A rectified line with a maximum, as the difference of two rectified lines.

    .. math:: f(x) = \max(x, 0) - \max(x - m, 0) - s \max(-x, 0)

    Parameters
    ----------
    max_value : float
        The maximum, :math:`m`.
    negative_slope : float
        Slope for inputs below zero, :math:`s`.
    rectifier : NeuronType or callable or None
        What computes the rectified lines.
    """

    max_value: float
    negative_slope: float = 0.0
    rectifier: Any = keras.activations.relu


@dataclass(frozen=True)
class WithArguments:
    """An activation function with other arguments than its default ones.

    Parameters
    ----------
    function : callable
        The function, from `keras.activations`.
    arguments : tuple of (str, object)
        Names and values of its arguments after the first.
    """

    function: Callable[..., Any]
    arguments: tuple[tuple[str, Any], ...]

    @property
    def __name__(self) -> str:
        arguments = ", ".join(f"{name}={value}" for name, value in self.arguments)
        return f"{self.function.__name__}({arguments})"

    def __call__(self, x: Any) -> Any:
        """Compute the function."""
        return self.function(x, **dict(self.arguments))


Activation: TypeAlias = Callable[..., Any] | NeuronType | ClippedReLU | None

# Those of Keras that have one output for each input.
_FUNCTIONS = {
    name: getattr(keras.activations, name)
    for name in (
        "celu",
        "elu",
        "exponential",
        "gelu",
        "hard_shrink",
        "hard_sigmoid",
        "hard_silu",
        "hard_tanh",
        "leaky_relu",
        "linear",
        "log_sigmoid",
        "log_softmax",
        "mish",
        "relu",
        "relu6",
        "selu",
        "sigmoid",
        "silu",
        "soft_shrink",
        "softmax",
        "softplus",
        "softsign",
        "sparse_plus",
        "sparse_sigmoid",
        "sparsemax",
        "squareplus",
        "tanh",
        "tanh_shrink",
        "threshold",
    )
}

# Functions that compute the same, and are other objects.
_SAME: Mapping[Any, Any] = {
    **{
        getattr(library, name): function
        for library in (keras.ops, tf.nn)
        for name, function in _FUNCTIONS.items()
        if hasattr(library, name)
    },
    keras.ops.gelu: WithArguments(keras.activations.gelu, (("approximate", True),)),
    tf.identity: keras.activations.linear,
}

# The types of layers, and of operations in functional models.
OPERATIONS: Mapping[type[keras.Operation], Callable[..., Any]] = {
    **{
        operation_type(getattr(keras.ops, name)): function
        for name, function in _FUNCTIONS.items()
        if hasattr(keras.ops, name) and name != "threshold"
    },
    operation_type(keras.ops.threshold, 0.0, 0.0): keras.activations.threshold,
    operation_type(keras.activations.exponential): keras.activations.exponential,
    operation_type(keras.activations.relu): keras.activations.relu,
}
_LAYERS: Mapping[type[keras.Operation], Callable[..., Any]] = {
    keras.layers.ELU: keras.activations.elu,
    keras.layers.LeakyReLU: keras.activations.leaky_relu,
    keras.layers.ReLU: keras.activations.relu,
    keras.layers.Softmax: keras.activations.softmax,
}
_TYPES = {**OPERATIONS, **_LAYERS}


def canonical(activation: Any) -> Any:
    """Return an activation in the one form that is looked up.

    Parameters
    ----------
    activation : object
        A function, a layer, an operation of a functional model, or a neuron type.

    Returns
    -------
    activation : object
        The function of `keras.activations` that computes it, `WithArguments` if they
        are not the default ones; or ``activation`` itself, if it is none of Keras'.
    """
    function = _TYPES.get(type(activation))
    if function is None:
        return _SAME.get(activation, activation)
    arguments = {}
    for name, parameter in list(inspect.signature(function).parameters.items())[1:]:
        value = getattr(activation, name, parameter.default)
        if value != parameter.default:
            arguments[name] = value
    if set(arguments) == {"negative_slope"}:  # ReLU with a slope
        function = keras.activations.leaky_relu
    return WithArguments(function, tuple(arguments.items())) if arguments else function


def activation_of(layer: Any) -> Any:
    """Return the activation function that a layer or operation applies, or None."""
    if type(layer) in _TYPES:
        return canonical(layer)
    return canonical(getattr(layer, "activation", None))


# With tau_ref=1 the neuron types are the functions themselves, with a peak of 1.
_NATIVE: Mapping[Activation, NeuronType | ClippedReLU | None] = {
    keras.activations.leaky_relu: nengo_dl_core.LeakyReLU(negative_slope=0.2),
    keras.activations.linear: None,
    keras.activations.relu: nengo.RectifiedLinear(),
    keras.activations.relu6: ClippedReLU(6.0),
    keras.activations.sigmoid: nengo.Sigmoid(tau_ref=1),
    keras.activations.tanh: nengo.Tanh(tau_ref=1),
}


def native(activation: Activation) -> Activation:
    """Return the neuron type that computes an activation, in canonical form.

    Returns
    -------
    activation : NeuronType or ClippedReLU or callable or None
        The neuron type; None is linear; ``activation`` itself if there is none.
    """
    if isinstance(activation, WithArguments):
        arguments = dict(activation.arguments)
        if activation.function is keras.activations.leaky_relu:
            return nengo_dl_core.LeakyReLU(**arguments)
        if activation.function is keras.activations.relu and not arguments.get(
            "threshold"
        ):
            return ClippedReLU(**arguments)
        return activation
    return _NATIVE.get(activation, activation)
