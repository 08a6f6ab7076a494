"""Build of `nengo_dl_core.TensorNode`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf
from nengo.builder.operator import Operator
from nengo.exceptions import ValidationError

from nengo_dl_core.builders.base import BuildConfig, OpBuilder
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.compiled import compiles_float16
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.private_names import compiler_ir
from nengo_dl_core.tensor_node import SimTensorNode, call_function

# TensorFlow's random operations, which do not heed their seeds where XLA compiles them.
_SEEDED = (
    "Multinomial",
    "ParameterizedTruncatedNormal",
    "RandomGamma",
    "RandomPoissonV2",
    "RandomShuffle",
    "RandomStandardNormal",
    "RandomUniform",
    "RandomUniformInt",
    "TruncatedNormal",
)

# Layers that may be anything, or may change weights that are frozen.
_NO_MAPS = keras.layers.Lambda, keras.layers.Wrapper


@Builder.register(SimTensorNode)
class SimTensorNodeBuilder(OpBuilder):
    """Call the function of a TensorNode.

    A Keras layer is called as a function of its weights, so that no more than the
    layer's arithmetic is part of a step. Weights that a layer changes when it is called
    (statistics of a normalisation, seeds of a dropout) go from step to step.

    Parameters
    ----------
    ops : tuple of SimTensorNode
        A single operator.
    """

    def __init__(self, ops: Sequence[Operator]) -> None:
        super().__init__(ops)
        (self.op,) = ops

    @property
    def layers(self) -> Sequence[keras.layers.Layer]:
        """The Keras layer, if the function is one; see `OpBuilder.layers`."""
        return (self.op.func,) if isinstance(self.op.func, keras.layers.Layer) else ()

    def steps_are_items(self, config: BuildConfig) -> bool:
        """Whether it is a layer of Keras's own that knows no other items or steps.

        Such a layer changes none of its weights. See `OpBuilder.steps_are_items`.
        """
        layers = list(self.layers)
        while composed := [x for x in layers if isinstance(x, keras.Model)]:
            layers = [x for x in layers if x not in composed]
            layers += [x for model in composed for x in model.layers]
        return bool(layers) and not self.op.passes_time and all(map(_is_map, layers))

    def compiles(self, signals: SignalDict) -> bool:
        """Whether XLA can compile the function; see `OpBuilder.compiles`."""
        specs = [
            tf.TensorSpec(signals[sig].full_shape, signals[sig].dtype)
            for sig in self.op.reads
        ]

        def call(*values: tf.Tensor) -> tf.Tensor:
            return call_function(self.op.func, self._arguments(values), training=False)

        function = tf.function(call, jit_compile=True, autograph=False)
        try:
            compiler_ir(function, *specs, stage="hlo")
            graph = function.get_concrete_function(*specs).graph.as_graph_def()
        except Exception:  # of any kind: it will show when the loop is traced
            return False
        nodes = [*graph.node, *(x for f in graph.library.function for x in f.node_def)]
        half = tf.float16.as_datatype_enum
        uses_half = any(value.type == half for x in nodes for value in x.attr.values())
        seeded = any(node.op in _SEEDED for node in nodes)
        return not seeded and (not uses_half or compiles_float16())

    def build_layers(self, signals: SignalDict) -> None:
        """Let the layer make its weights; see `OpBuilder.build_layers`.

        It is called with symbols, so that nothing is computed and no weight changes.
        """
        for layer in self.layers:
            if layer.built:
                continue
            symbols = [
                keras.KerasTensor(signals[sig].full_shape, signals[sig].dtype)
                for sig in self.op.reads
            ]
            if self.op.input is not None and self.op.shape_in is not None:
                shape = (signals.minibatch_size, *self.op.shape_in)
                symbols[-1] = keras.KerasTensor(shape, symbols[-1].dtype)
            try:
                call_function(layer, symbols, training=False)
            except Exception as error:
                raise ValidationError(
                    f"{self.op.tag}: the layer could not be called with tensors of "
                    f"shape {', '.join(str(x.shape) for x in symbols)} (the time, if "
                    f"pass_time, and the minibatch): {error}",
                    attr="tensor_func",
                ) from error

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Read the weights; see `OpBuilder.build_pre`."""
        super().build_pre(signals, config)
        self.reads = [signals[sig] for sig in self.op.reads]
        self.output = signals[self.op.output]
        self.changed: list[keras.Variable] = []
        if self.layers:
            self.changed = self._find_changed_weights()

    @property
    def changing_weights(self) -> Sequence[keras.Variable]:
        """Statistics and seeds that the layer changes; see `OpBuilder`."""
        return self.changed

    def _find_changed_weights(self) -> list[keras.Variable]:
        """Call the layer in a graph of its own, to see what it changes."""
        (layer,) = self.layers
        with tf.Graph().as_default():
            values = [tf.zeros(sig.full_shape, sig.dtype) for sig in self.reads]
            weights = {
                id(weight): tf.zeros(weight.shape, weight.dtype)
                for weight in layer.variables
            }
            scope = self._call_layer(weights, self._arguments(values))[1]
        if self.config.training and scope.losses:
            warnings.warn(
                f"{layer.name!r} in {self.op.tag} adds losses of its own "
                "(activity_regularizer or add_loss), which training leaves out: give "
                "what it is about a Probe, and the Probe a loss",
                UserWarning,
                stacklevel=2,
            )
        return [
            weight
            for weight in layer.non_trainable_variables
            if scope.get_current_value(weight) is not weights[id(weight)]
        ]

    def build_step(self, signals: SignalDict) -> None:
        """Call the function; see `OpBuilder.build_step`."""
        args = self._arguments([signals.gather(sig) for sig in self.reads])
        try:
            if self.layers:
                value = self._call_own_layer(signals, args)
            else:
                value = self.op.func(*args)
        except Exception as error:
            error.add_note(f"in the function of {self.op.tag}")
            self.config.keep_error(error)
            raise
        value = tf.cast(value, self.output.dtype)
        signals.scatter(self.output, self._checked(value, signals.minibatch_size))

    def _arguments(self, values: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Give the values that are read the shapes that the function takes."""
        if self.op.input is None or self.op.shape_in is None:
            return list(values)
        *time, x = values
        return [*time, tf.reshape(x, (-1, *self.op.shape_in))]

    def _call_own_layer(self, signals: SignalDict, args: Sequence[tf.Tensor]) -> Any:
        """Call the layer with the simulation's own weights, and keep what changes."""
        weights = signals.layer_weights
        value, scope = self._call_layer(weights, args)
        changed = {id(x): scope.get_current_value(x) for x in self.changed}
        signals.layer_weights = {**weights, **changed}
        return value

    def _call_layer(
        self, weights: Mapping[int, tf.Tensor], args: Sequence[tf.Tensor]
    ) -> tuple[Any, keras.StatelessScope]:
        """Call the layer as a function of its weights."""
        (layer,) = self.layers
        values = [(weight, weights[id(weight)]) for weight in layer.variables]
        with keras.StatelessScope(values, collect_losses=True) as scope:
            value = call_function(layer, args, self.config.training)
        return value, scope

    def _checked(self, value: tf.Tensor, minibatch_size: int) -> tf.Tensor:
        """Check the shape of the output, as far as it is known."""
        size, shape = self.op.output.size, value.shape
        if not shape.is_fully_defined():
            return tf.reshape(value, self.output.full_shape)
        n_items = shape[0] if shape.rank else 0
        if n_items not in (1, minibatch_size) or shape.num_elements() != n_items * size:
            error = ValidationError(
                f"the function of {self.op.tag} returned a tensor of shape "
                f"{tuple(shape)}, expected {minibatch_size} items (the minibatch) of "
                f"{size} elements",
                attr="tensor_func",
            )
            self.config.keep_error(error)
            raise error
        return value


def _is_map(layer: keras.layers.Layer) -> bool:
    """Whether a layer is known to treat each item by itself, and to change nothing."""
    own = type(layer).__module__.startswith("keras.")
    if not own or isinstance(layer, _NO_MAPS) or getattr(layer, "stateful", False):
        return False
    kept = layer.non_trainable_variables
    if not layer.trainable:  # all of its weights are among these, but for seeds
        kept = [x for x in kept if not x.dtype.startswith("float")]
    return not kept
