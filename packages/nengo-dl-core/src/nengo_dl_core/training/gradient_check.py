"""Comparison of gradients with finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import nengo
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from nengo.exceptions import SimulationError

from nengo_dl_core.training.data_arguments import by_object, check_shapes, look_up
from nengo_dl_core.training.tensor_graph import TensorGraph

Array = npt.NDArray[Any]

# Small steps find out about kinks, large ones about what is computed in less precision
# (within a Keras layer, for example). A wrong derivative agrees with none of them.
_STEPS = (1e-6, 1e-4, 1e-2)
_MAX_ELEMENTS = 1000


class _Argument(NamedTuple):
    """What the outputs are differentiated by: an input or a parameter."""

    name: str
    variable: tf.Variable


def check_gradients(
    graph: TensorGraph,
    inputs: Any,
    outputs: Sequence[nengo.Probe],
    atol: float,
    rtol: float,
) -> None:
    """Compare the derivatives of probes with finite differences.

    Both are computed by a copy of the simulation in double precision. The probes are
    differentiated by all inputs and all parameters that are trained. Of an argument
    with more than a thousand elements a thousand are chosen at random.

    Parameters
    ----------
    graph : TensorGraph
        The simulation.
    inputs : dict or list or ndarray or None
        Values of the input Nodes, ``(minibatch_size, n_steps, size_out)``; zeros for
        those that are not given.
    outputs : list of nengo.Probe
        The probes.
    atol, rtol : float
        Absolute error, and error relative to the finite differences, that is allowed.

    Raises
    ------
    nengo.exceptions.ValidationError
        If the inputs do not fit the network, or something given is no probe of it.
    nengo.exceptions.SimulationError
        If a derivative is not finite, or differs by more.
    """
    names, batch_size = graph.input_names, graph.minibatch_size
    probe_names = graph.probe_names
    chosen = [probe_names[look_up(x, probe_names, "Probe", "outputs")] for x in outputs]
    arrays = by_object(inputs, names, "input Node")
    n_steps = check_shapes(arrays, names, batch_size, None)[1] or (
        graph.unroll * (2 if graph.use_loop else 1)
    )
    graph.check_steps(n_steps)
    shape = (batch_size, n_steps)
    values = {
        name: np.array(arrays.get(node, np.zeros((*shape, node.size_out))), float)
        for node, name in names.items()
    }
    _compare(_in_double_precision(graph), values, n_steps, chosen, atol, rtol)


def _in_double_precision(graph: TensorGraph) -> TensorGraph:
    """A copy of a simulation, with its present parameters and state, in float64."""
    copy = TensorGraph(
        graph.model,
        graph.signals.dt,
        graph.unroll,
        graph.minibatch_size,
        graph.device,
        seed=graph.seeds.seed,
        simplify=graph.simplify,
        float_type="float64",
    )
    copy.build()
    copy.set_weights(graph.get_weights())
    copy.step.assign(graph.n_steps)
    return copy


def _compare(
    graph: TensorGraph,
    inputs: dict[str, Array],
    n_steps: int,
    outputs: Sequence[str],
    atol: float,
    rtol: float,
) -> None:
    """Compare the derivatives of a simulation, whose state is not changed."""
    values = {name: tf.Variable(x, dtype=x.dtype) for name, x in inputs.items()}
    numbers = tf.fill((graph.minibatch_size, 1), n_steps)
    arguments = [
        *(_Argument(f"input {name!r}", x) for name, x in values.items()),
        *(_Argument(x.path, x.value) for x in graph.trainable_variables),
    ]

    @tf.function(autograph=False)
    def run() -> tf.Tensor:
        tensors = {name: tf.convert_to_tensor(x) for name, x in values.items()}
        probes = graph.call({**tensors, "n_steps": numbers}, training=True)
        return tf.concat([tf.reshape(probes[name], [-1]) for name in outputs], 0)

    @tf.function(autograph=False)
    def gradient(index: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            value = run()[index]
        return tape.gradient(
            value, [x.variable for x in arguments], unconnected_gradients="zero"
        )

    def simulate() -> Array:
        graph.build_post()
        return np.asarray(run().numpy())

    rng = np.random.RandomState(graph.seeds.seed)
    analytic = [
        [tf.convert_to_tensor(x).numpy().ravel() for x in gradient(tf.constant(i))]
        for i in range(len(simulate()))
    ]
    for argument, rows in zip(arguments, zip(*analytic, strict=True), strict=True):
        chosen = np.arange(rows[0].size)
        if len(chosen) > _MAX_ELEMENTS:
            chosen = rng.choice(chosen, _MAX_ELEMENTS, replace=False)
        for element in chosen:
            _check_column(
                np.array([row[element] for row in rows]),
                partial(_difference, simulate, argument.variable, element),
                f"by element {element} of {argument.name}",
                atol,
                rtol,
            )


def _check_column(
    analytic: Array,
    difference: Callable[[float], Array],
    what: str,
    atol: float,
    rtol: float,
) -> None:
    """Compare derivatives by one number with differences, at one step after another."""
    if not np.isfinite(analytic).all():
        raise SimulationError(f"the gradient {what} is not finite: {analytic}")
    wrong = np.ones(analytic.shape, bool)
    for step in _STEPS:
        numeric = difference(step)
        wrong &= ~(np.abs(analytic - numeric) <= atol + rtol * np.abs(numeric))
        if not wrong.any():
            return
    (first, *_) = np.flatnonzero(wrong)
    raise SimulationError(
        f"the gradient {what} is {analytic[first]} (of value {first} of the probes "
        f"together), but finite differences give {numeric[first]}"
    )


def _difference(
    simulate: Callable[[], Array], variable: tf.Variable, element: int, step: float
) -> Array:
    """Central difference of a simulation by one element of a variable."""
    value = variable.numpy()
    step *= max(1.0, abs(value.flat[element]))
    ends = []
    for sign in (1, -1):
        shifted = value.copy()
        shifted.flat[element] += sign * step
        variable.assign(shifted)
        ends.append((shifted.flat[element], simulate()))
    variable.assign(value)
    (high, after), (low, before) = ends
    return (after - before) / (high - low)
