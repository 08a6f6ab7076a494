"""What this package uses of Keras and TensorFlow that they do not promise to keep.

Nothing else here touches private names. They hold for the minor versions that
pyproject.toml allows; docs/contributing.md says how to allow another one.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from inspect import getclosurevars
from types import FunctionType
from typing import Any
from weakref import finalize, ref

import keras
import tensorflow as tf
from tensorflow.python.eager import context
from tensorflow.python.framework import ops
from tensorflow.python.profiler import trace

_owned: ContextVar[bool] = ContextVar("owned", default=False)


class OwnerOfGradients:
    """What gradients that TensorFlow has registered live with; see `gradients_of`.

    Attributes
    ----------
    own_gradients : tuple of callable
        The gradients.
    """

    own_gradients: tuple[Callable[..., Any], ...] = ()


@contextmanager
def gradients_of(owner: OwnerOfGradients) -> Iterator[None]:
    """Let gradients that are registered meanwhile live as long as an object.

    `tf.custom_gradient` registers the gradient of each call in a graph under a name of
    its own, for as long as the process lasts, and the gradient knows the graph: all
    that a model was trained with would stay in memory. What other threads register for
    their graphs is left alone. Within another such context it makes no difference: the
    gradients of a model live with it, not with its layers, which other models have too.
    """
    if _owned.get():
        yield
        return
    token, known = _owned.set(True), {*ops.gradient_registry._registry}
    try:
        yield
    finally:
        _owned.reset(token)
        _keep_with(owner, {*ops.gradient_registry._registry} - known)


def _keep_with(owner: OwnerOfGradients, names: Iterable[str]) -> None:
    """Let those of some gradients live with an object that are of the present graph."""
    registry, graph = ops.gradient_registry._registry, tf.compat.v1.get_default_graph()
    for name in names:
        if not name.startswith("CustomGradient-"):
            continue
        gradient = registry[name]["type"]
        if any(graph in _outer_graphs(x.graph) for x in _results(gradient)):
            registry[name]["type"] = _called_later(ref(gradient))
            finalize(owner, registry.pop, name, None).atexit = False
            owner.own_gradients = (*owner.own_gradients, gradient)


def _results(gradient: Any) -> list[tf.Tensor]:
    """List the results, in a graph, of which `tf.custom_gradient` has a gradient."""
    for name in ("tape_grad_fn", "result"):
        is_function = isinstance(gradient, FunctionType)
        gradient = getclosurevars(gradient).nonlocals.get(name) if is_function else None
    return [x for x in tf.nest.flatten(gradient) if tf.is_symbolic_tensor(x)]


def _outer_graphs(graph: Any) -> list[Any]:
    """List a graph, and the graphs around it."""
    outer = getattr(graph, "outer_graph", None)
    return [graph, *(_outer_graphs(outer) if outer is not None else [])]


def _called_later(gradient: ref[Callable[..., Any]]) -> Callable[..., Any]:
    return lambda *arguments: gradient()(*arguments)  # type: ignore[misc]


class PreparedModel(OwnerOfGradients, keras.Model):
    """A Keras model whose losses and metrics are made before its steps are traced.

    TensorFlow traces what makes variables twice. With `tf.distribute`, Keras averages
    the data of all replicas for it, which fails where these are in several processes:
    the first replica's are taken instead.
    """

    def build_measures(self, minibatch: Any) -> None:
        """Make the variables of losses and metrics.

        Parameters
        ----------
        minibatch : tuple
            Inputs, targets and weights of a minibatch, or what describes them.
        """
        raise NotImplementedError

    def train_step(self, data: Any) -> Any:
        """Train with a minibatch; see `keras.Model.train_step`."""
        with gradients_of(self):
            return super().train_step(data)

    def test_step(self, data: Any) -> Any:
        """Evaluate a minibatch; see `keras.Model.test_step`."""
        with gradients_of(self):
            return super().test_step(data)

    def _maybe_symbolic_build(
        self, iterator: Any = None, data_batch: Any = None
    ) -> None:
        if self._distribute_strategy is None:
            if iterator is not None:
                data_batch = iterator.data_adapter.get_tf_dataset().element_spec
            self.build_measures(data_batch)
            return
        if iterator is not None:
            (_, _, batches) = next(iter(iterator))
            local = self.distribute_strategy.experimental_local_results
            data_batch = tf.nest.map_structure(lambda x: local(x)[0], next(batches))
        super()._maybe_symbolic_build(data_batch=data_batch)


def call_without_arguments(function: Any) -> Any:
    """Call a function of TensorFlow, without looking for arguments.

    Parameters
    ----------
    function : tf.types.experimental.ConcreteFunction
        A function whose ``input_signature`` is empty. To call it as usual takes a fifth
        longer than a step of a small network.

    Returns
    -------
    outputs : object
        What it returns.
    """
    return function._call_flat([], function.captured_inputs)


def measures(model: keras.Model) -> list[Any]:
    """The loss and the metrics of a compiled model, each to be built once.

    Parameters
    ----------
    model : keras.Model
        A compiled model.

    Returns
    -------
    measures : list of object
        Those that there are; each has ``built`` and ``build(targets, outputs)``.
    """
    found = (model._compile_loss, model._compile_metrics)
    return [measure for measure in found if measure is not None]


def losses_of_outputs(model: keras.Model) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Iterate over the losses of a model whose loss has been built.

    Parameters
    ----------
    model : keras.Model
        A compiled model with outputs by name.

    Yields
    ------
    name : str
        Name of an output.
    loss : callable
        Gives its loss from targets, outputs and weights of samples.
    """
    for (name,), function, *_ in model._compile_loss._flat_losses:
        yield name, function


def layers_within(layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    """Iterate over a layer and the layers that it is made of.

    Parameters
    ----------
    layer : keras.layers.Layer
        A layer or model.

    Yields
    ------
    part : keras.layers.Layer
        The layer itself, and all layers in it.
    """
    yield from layer._flatten_layers()


def compiler_ir(function: Any, *args: Any, stage: str) -> str:
    """Compile a function with XLA, and return its program.

    Parameters
    ----------
    function : callable
        Made by ``tf.function(..., jit_compile=True)``.
    *args : tf.Tensor or tf.TensorSpec
        Arguments of the function.
    stage : str
        ``"hlo"`` for the program as it is given to the compiler, ``"optimized_hlo"``
        for what becomes of it.

    Returns
    -------
    program : str
        The program.
    """
    # Without a device's name, TensorFlow draws a random number to find one.
    device = tf.zeros(()).device
    with warnings.catch_warnings():  # what it says instead needs a device as well
        warnings.filterwarnings("ignore", "device_name is being deprecated")
        ir = function.experimental_get_compiler_ir(*args)(stage, device_name=device)
    return str(ir)


def is_profiling() -> bool:
    """Whether TensorFlow's profiler is at work.

    Returns
    -------
    is_profiling : bool
        If not, `profiled` is a waste of time.
    """
    enabled = trace.enabled  # a function since TensorFlow 2.21
    return bool(enabled() if callable(enabled) else enabled)


def profiled(name: str) -> AbstractContextManager[object]:
    """Show what happens in a context in TensorFlow's profile.

    Parameters
    ----------
    name : str
        The name it is shown under.

    Returns
    -------
    context : context manager
        The context.
    """
    context: AbstractContextManager[object] = trace.Trace(name)
    return context


def is_initialized() -> bool:
    """Tell whether TensorFlow has been used, so that it has read its environment.

    Returns
    -------
    is_initialized : bool
        Whether this process has TensorFlow's runtime, and not just its modules.
    """
    return context.context()._context_handle is not None
