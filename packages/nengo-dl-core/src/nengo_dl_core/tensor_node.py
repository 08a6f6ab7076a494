"""TensorFlow functions and Keras layers as Nodes of a Nengo network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NoReturn

import keras
import nengo
import numpy as np
import tensorflow as tf
from nengo.base import NengoObject, Process
from nengo.builder import Model
from nengo.builder.operator import Operator, Reset
from nengo.builder.signal import Signal
from nengo.exceptions import SimulationError, ValidationError
from nengo.params import BoolParam, Default, Parameter, ShapeParam

from nengo_dl_core.deprecation import warn_deprecated
from nengo_dl_core.network.build import NengoBuilder
from nengo_dl_core.network.lookup import get_setting


class TensorNode(nengo.Node):
    """Puts TensorFlow code into a Nengo network.

    The function maps a minibatch of inputs to a minibatch of outputs, and is part of
    every simulation step. If it is a Keras layer, or a Keras model, every simulator has
    weights of its own that start from those of the layer, and that are trained unless
    the layer's ``trainable`` is False. The layer itself is left as it is.

    Parameters
    ----------
    tensor_func : callable
        Takes the simulation time in seconds (a scalar tensor, if ``pass_time``) and the
        input (``(minibatch_size, *shape_in)``, if ``shape_in`` is given), and returns a
        tensor of shape ``(minibatch_size, *shape_out)``. A Keras layer takes both as
        the list ``[time, input]``, as Keras passes several inputs. Random numbers of
        TensorFlow and of Keras layers follow from the seed of the simulator, unless a
        layer has a seed of its own.
    shape_in : tuple of int, optional
        Shape of the input, without the minibatch axis; without it there is no input.
    shape_out : tuple of int, optional
        Shape of the output, without the minibatch axis. By default ``tensor_func`` is
        called to find out, with zeros and a minibatch of one; without input it may
        return a minibatch of any size. If the shape is given, nothing is called before
        a simulator is built, and the weights of a Keras layer are made then.
    pass_time : bool
        Whether the function takes the simulation time, as its first argument.
    label : str, optional
        Name shown in messages.
    size_in, size_out : int, optional
        Deprecated: use ``shape_in=(size_in,)``, ``shape_out=(size_out,)``.

    Raises
    ------
    nengo.exceptions.ValidationError
        If the function cannot be called as described, or does not return a tensor of
        the shape described.

    Examples
    --------
    >>> import nengo, nengo_dl_core, tensorflow as tf
    >>> with nengo.Network() as net:
    ...     stimulus = nengo.Node([0.5, -0.5])
    ...     node = nengo_dl_core.TensorNode(
    ...         lambda t, x: tf.exp(x) + t, shape_in=(2,)
    ...     )
    ...     _ = nengo.Connection(stimulus, node, synapse=None)
    ...     probe = nengo.Probe(node)
    >>> node.shape_out
    (2,)
    """

    tensor_func = Parameter("tensor_func", optional=False)
    shape_in = ShapeParam("shape_in", default=None, low=1, optional=True)
    shape_out = ShapeParam("shape_out", default=None, low=1, optional=True)
    pass_time = BoolParam("pass_time", default=True)

    _param_init_order: ClassVar[list[str]] = [
        "tensor_func",
        "shape_in",
        "shape_out",
        "pass_time",
    ]

    def __init__(
        self,
        tensor_func: Callable[..., Any],
        shape_in: Any = Default,
        shape_out: Any = Default,
        pass_time: Any = Default,
        label: Any = Default,
        *,
        size_in: int | None = None,
        size_out: int | None = None,
    ) -> None:
        # a Node's own attributes follow from these
        NengoObject.__init__(self, label=label, seed=None)
        self.shape_in = _shape("in", shape_in, size_in)
        self.shape_out = _shape("out", shape_out, size_out)
        self.pass_time = pass_time
        if isinstance(tensor_func, type) or not callable(tensor_func):
            hint = ": give an instance of it" * isinstance(tensor_func, type)
            raise ValidationError(
                f"must be a function or a Keras layer, not {tensor_func!r}{hint}",
                attr="tensor_func",
                obj=self,
            )
        self.tensor_func = tensor_func
        if self.shape_out is None:
            self.shape_out = self._called_with_zeros()

    def _called_with_zeros(self) -> tuple[int, ...]:
        """Shape of an item of what the function returns."""
        network = nengo.Network.context[0] if nengo.Network.context else None
        dtype = (
            "float32" if network is None else get_setting(network, "dtype", "float32")
        )
        args = [tf.zeros((), dtype)] if self.pass_time else []
        if self.shape_in is not None:
            args.append(tf.zeros((1, *self.shape_in), dtype))
        shapes = ", ".join(str(tuple(x.shape)) for x in args)
        try:
            output = tf.convert_to_tensor(call_function(self.tensor_func, args))
        except Exception as error:
            hint = " (pass_time=False leaves the time out)" * bool(self.pass_time)
            raise ValidationError(
                f"could not be called with tensors of shape {shapes}, which stand for "
                f"{self._arguments()}, or did not return a tensor{hint}: {error}",
                attr="tensor_func",
                obj=self,
            ) from error
        items = tuple(output.shape[:1])
        if not items or (self.shape_in is not None and items != (1,)):
            raise ValidationError(
                f"returned a tensor of shape {tuple(output.shape)} for a minibatch of "
                "one; the first axis must be that of the minibatch",
                attr="tensor_func",
                obj=self,
            )
        return tuple(output.shape[1:])

    def _arguments(self) -> str:
        """What the function takes, in words."""
        time = ["the time"] if self.pass_time else []
        shape = f"(a minibatch of one, shape_in={self.shape_in})"
        x = [] if self.shape_in is None else [f"an input {shape}"]
        return " and ".join(time + x) or "no arguments"

    @property
    def output(self) -> Process:
        """What stands for the output in a simulator that cannot compute it."""
        return _TensorFlowOnly(str(self))

    @property
    def size_in(self) -> int:
        """Number of elements of the input."""
        return 0 if self.shape_in is None else int(np.prod(self.shape_in))

    @property
    def size_out(self) -> int:
        """Number of elements of the output."""
        return int(np.prod(self.shape_out))


def call_function(
    func: Callable[..., Any], args: Sequence[Any], training: bool | None = None
) -> Any:
    """Call the function of a TensorNode.

    Parameters
    ----------
    func : callable
        A function, which takes arguments; or a Keras layer, which takes a list of them
        if there are several.
    args : list of tf.Tensor or keras.KerasTensor
        The time and the input, or one of them, or nothing.
    training : bool, optional
        Whether a layer is called for training.

    Returns
    -------
    output : object
        What the function returns.
    """
    if not isinstance(func, keras.layers.Layer):
        return func(*args)
    inputs = [list(args)] if len(args) > 1 else args
    return func(*inputs, training=training)


def _shape(end: str, shape: Any, size: int | None) -> Any:
    """A shape, or the one that a deprecated size stands for."""
    if size is None:
        return shape
    if shape is not Default:
        raise ValidationError(f"give shape_{end}, not size_{end}", attr=f"size_{end}")
    warn_deprecated(f"size_{end}", f"shape_{end}=({size},)", stacklevel=5)
    return (size,)


class _TensorFlowOnly(Process):
    """The output of a TensorNode, for simulators that do not run on TensorFlow."""

    def __init__(self, node: str) -> None:
        super().__init__()
        self.node = node

    def make_state(self, *_: Any, **__: Any) -> NoReturn:
        raise SimulationError(
            f"{self.node} contains TensorFlow code, which only the NengoDL simulator "
            "can run: use nengo_dl.Simulator"
        )

    make_step = make_state


class SimTensorNode(Operator):
    """Calls the function of a `TensorNode`.

    Parameters
    ----------
    func : callable
        The function.
    time : nengo.builder.Signal or None
        The simulation time; None if the function does not take it.
    input : nengo.builder.Signal or None
        The input; None if there is none.
    output : nengo.builder.Signal
        The output.
    shape_in : tuple of int or None
        Shape in which the function takes the input; by default that of the signal.
    tag : str, optional
        Name shown in messages.

    Notes
    -----
    1. sets ``[output]``
    2. incs ``[]``
    3. reads ``[time]`` (if given) ``+ [input]`` (if given)
    4. updates ``[]``
    """

    overwrites = (0,)

    def __init__(
        self,
        func: Callable[..., Any],
        time: Signal | None,
        input: Signal | None,
        output: Signal,
        shape_in: tuple[int, ...] | None,
        tag: str | None = None,
    ) -> None:
        super().__init__(tag=tag)
        self.func = func
        self.passes_time = time is not None
        self.shape_in = shape_in
        self.sets = [output]
        self.incs: list[Signal] = []
        self.reads = [sig for sig in (time, input) if sig is not None]
        self.updates: list[Signal] = []

    @property
    def time(self) -> Signal | None:
        """The simulation time, or None."""
        return self.reads[0] if self.passes_time else None

    @property
    def input(self) -> Signal | None:
        """The input, or None."""
        return self.reads[-1] if len(self.reads) > self.passes_time else None

    @property
    def output(self) -> Signal:
        """The output."""
        return self.sets[0]

    def make_step(self, *_: Any) -> NoReturn:
        """Refuse to run in the reference simulator.

        Raises
        ------
        nengo.exceptions.SimulationError
            Always.
        """
        raise SimulationError(
            f"{self} contains TensorFlow code, which only the NengoDL simulator can run"
        )


@NengoBuilder.register(TensorNode)
def build_tensor_node(model: Model, node: TensorNode) -> None:
    """Add the operator of a TensorNode to a model.

    Parameters
    ----------
    model : nengo.builder.Model
        The model to build into.
    node : TensorNode
        The node to build.
    """
    sig_in = None
    if node.shape_in is not None:
        sig_in = Signal(shape=(node.size_in,), name=f"{node}.in")
        model.add_op(Reset(sig_in))
    sig_out = Signal(shape=(node.size_out,), name=f"{node}.out")
    time = model.time if node.pass_time else None
    operator = SimTensorNode(
        node.tensor_func, time, sig_in, sig_out, node.shape_in, tag=str(node)
    )
    model.add_op(operator)
    model.sig[node]["in"] = sig_in
    model.sig[node]["out"] = sig_out
    model.params[node] = None
