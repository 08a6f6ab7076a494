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

from nengo_dl_core.program.program import make_program
from nengo_dl_core.training.data_arguments import by_object, check_shapes, look_up
from nengo_dl_core.training.simulation_layer import SimulationLayer
from nengo_dl_core.values.session import Session

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
    layer: SimulationLayer,
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
    layer : SimulationLayer
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
    program = layer.program
    names, batch_size = program.input_names, program.minibatch_size
    probe_names = program.probe_names
    chosen = [probe_names[look_up(x, probe_names, "Probe", "outputs")] for x in outputs]
    arrays = by_object(inputs, names, "input Node")
    n_steps = check_shapes(arrays, names, batch_size, None)[1] or (
        program.unroll * (2 if program.use_loop else 1)
    )
    program.check_steps(n_steps)
    shape = (batch_size, n_steps)
    values = {
        name: np.array(arrays.get(node, np.zeros((*shape, node.size_out))), float)
        for node, name in names.items()
    }
    _compare(_in_double_precision(layer), values, n_steps, chosen, atol, rtol)


def _in_double_precision(layer: SimulationLayer) -> SimulationLayer:
    """A copy of a simulation, with its present parameters and state, in float64."""
    program, session = layer.program, layer.session
    copied = make_program(
        program.model,
        unroll=program.unroll,
        minibatch_size=program.minibatch_size,
        device=program.device,
        simplify=program.simplified,
        float_type="float64",
    )
    copy = SimulationLayer(copied)
    copy.build()
    copy.session = Session(copied, copy.held, session.seeds.seed, {})
    copy.set_weights(layer.get_weights())
    copy.step.assign(session.n_steps)
    return copy


def _compare(
    layer: SimulationLayer,
    inputs: dict[str, Array],
    n_steps: int,
    outputs: Sequence[str],
    atol: float,
    rtol: float,
) -> None:
    """Compare the derivatives of a simulation, whose state is not changed."""
    values = {name: tf.Variable(x, dtype=x.dtype) for name, x in inputs.items()}
    numbers = tf.fill((layer.program.minibatch_size, 1), n_steps)
    arguments = [
        *(_Argument(f"input {name!r}", x) for name, x in values.items()),
        *(_Argument(x.path, x.value) for x in layer.trainable_variables),
    ]

    @tf.function(autograph=False)
    def run() -> tf.Tensor:
        tensors = {name: tf.convert_to_tensor(x) for name, x in values.items()}
        probes = layer.call({**tensors, "n_steps": numbers}, training=True)
        return tf.concat([tf.reshape(probes[name], [-1]) for name in outputs], 0)

    @tf.function(autograph=False)
    def gradient(index: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            value = run()[index]
        return tape.gradient(
            value, [x.variable for x in arguments], unconnected_gradients="zero"
        )

    def simulate() -> Array:
        layer.session.generators.begin(layer.session.seeds)
        return np.asarray(run().numpy())

    rng = np.random.RandomState(layer.session.seeds.seed)
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
