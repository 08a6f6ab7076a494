"""What a model is trained with: checked arrays of all samples, and minibatches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import Any

import nengo
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from nengo.exceptions import ValidationError

from nengo_dl_core.network.inputs import NodeInput, evaluate
from nengo_dl_core.program.program import Program
from nengo_dl_core.training.data_arguments import by_object, check_shapes
from nengo_dl_core.values.session import Session
from nengo_dl_core.values.variable_access import tensor_of

Array = npt.NDArray[Any]

# Bytes of samples that are copied one by one to be shuffled. Larger ones are gathered
# by their numbers, for which TensorFlow traces a function in each call.
_MAX_COPIED = 2**26


@dataclass(frozen=True)
class Samples:
    """Arrays by the names of Nodes and Probes, with the samples as first axis.

    Attributes
    ----------
    inputs : dict of {str: ndarray}
        Values of all input Nodes, ``(n_samples, n_steps, size_out)``; and
        ``"n_steps"``, ``(n_samples, 1)``.
    targets : dict of {str: ndarray}
        Targets of Probes, ``(n_samples, n_steps, size_in)``.
    weights : dict of {str: ndarray}
        Weights of the targets, ``(n_samples, 1)`` or ``(n_samples, n_steps)``.
    """

    inputs: dict[str, Array]
    targets: dict[str, Array] = field(default_factory=dict)
    weights: dict[str, Array] = field(default_factory=dict)

    @property
    def _all(self) -> list[dict[str, Array]]:
        return [self.inputs, self.targets, self.weights]

    @property
    def given(self) -> tuple[dict[str, Array], ...]:
        """Inputs, and targets and weights if there are any."""
        return tuple(arrays for arrays in self._all if arrays)

    def tensors(self) -> tuple[dict[str, tf.Tensor], ...]:
        """Return what is `given` as tensors."""
        found: tuple[dict[str, tf.Tensor], ...]
        found = tf.nest.map_structure(tensor_of, self.given)
        return found

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(self.inputs["n_steps"])

    @property
    def n_steps(self) -> int:
        """Number of steps of each."""
        return int(self.inputs["n_steps"][0, 0])

    def split(self, fraction: float) -> tuple[Samples, Samples]:
        """Split the last samples off for validation, as Keras does.

        Parameters
        ----------
        fraction : float
            How many of the samples are split off.

        Returns
        -------
        first, last : Samples
            The samples to train with, and those that are split off.

        Raises
        ------
        nengo.exceptions.ValidationError
            If there would be no samples to train or to validate with.
        """
        n_first = int(self.n_samples * (1 - fraction))
        if not 0 < n_first < self.n_samples:
            raise ValidationError(
                f"of {self.n_samples} samples, {fraction} would leave none to train "
                "with, or none to validate with",
                attr="validation_split",
            )
        first, last = (
            Samples(*({name: x[part] for name, x in xs.items()} for xs in self._all))
            for part in (slice(n_first), slice(n_first, None))
        )
        return first, last

    def with_inputs(self, evaluated: MinibatchInputs) -> Samples:
        """Let some inputs of a single minibatch be evaluated anew.

        Parameters
        ----------
        evaluated : MinibatchInputs
            The input Nodes.

        Returns
        -------
        samples : Samples
            The same samples with other inputs.
        """
        inputs = dict(self.inputs)
        for name, values in zip(evaluated.names, evaluated(), strict=True):
            inputs[name] = values[: self.n_samples].astype(inputs[name].dtype)
        return replace(self, inputs=inputs)

    def minibatches(
        self,
        size: int,
        shuffle_seed: int | None,
        fill: bool,
        evaluated: MinibatchInputs | None = None,
    ) -> tf.data.Dataset:
        """Divide the samples into minibatches.

        Parameters
        ----------
        size : int
            Number of samples in each, but perhaps in the last.
        shuffle_seed : int or None
            Seed for shuffling the samples in every epoch; None leaves their order, and
            so does a single minibatch.
        fill : bool
            Whether the last sample is repeated until the last minibatch is full, so
            that it needs no executable of its own.
        evaluated : MinibatchInputs, optional
            Input Nodes that are evaluated anew for each minibatch, in place of their
            values in `inputs`.

        Returns
        -------
        minibatches : tf.data.Dataset
            Inputs, or tuples of inputs, targets and, if there are any, weights.
        """
        given = self.given
        n_samples, options = self.n_samples, tf.data.Options()
        shard = tf.data.experimental.AutoShardPolicy.DATA
        options.experimental_distribute.auto_shard_policy = shard
        # To optimize such pipelines takes longer than what they do. And nothing is done
        # ahead in another thread, where Nodes would go on after an error.
        options.experimental_optimization.apply_default_optimizations = False
        options.autotune.enabled = False
        rows = np.arange(-(-n_samples // size) * size if fill else n_samples)
        rows = np.minimum(rows, n_samples - 1)
        whole = len(rows) % size == 0
        if evaluated is None and n_samples == size and not tf.distribute.has_strategy():
            only = tf.data.Dataset.from_tensors(_unwrapped(self.tensors()))
            return only.with_options(options)
        if evaluated is None and _n_bytes(given) <= _MAX_COPIED:
            if len(rows) > n_samples:
                given = tf.nest.map_structure(lambda array: array[rows], given)
            samples = tf.data.Dataset.from_tensor_slices(_unwrapped(given))
            if shuffle_seed is not None:
                samples = samples.shuffle(n_samples, seed=shuffle_seed)
            return samples.batch(size, whole).with_options(options)
        data = self.tensors()
        indices = tf.data.Dataset.from_tensor_slices(rows)
        if shuffle_seed is not None:
            indices = indices.shuffle(n_samples, seed=shuffle_seed)

        def gathered(index: tf.Tensor) -> Any:
            batch = tf.nest.map_structure(partial(tf.gather, indices=index), data)
            if evaluated is not None:
                batch = ({**batch[0], **_evaluated(evaluated, batch[0])}, *batch[1:])
            return _unwrapped(batch)

        return indices.batch(size, whole).map(gathered).with_options(options)


def _unwrapped(parts: tuple[Any, ...]) -> Any:
    """Inputs alone, where there are no targets beside them."""
    return parts if len(parts) > 1 else parts[0]


def _n_bytes(arrays: Any) -> int:
    """How much memory arrays take together."""
    return sum(array.nbytes for array in tf.nest.flatten(arrays))


def _evaluated(
    inputs: MinibatchInputs, batch: dict[str, tf.Tensor]
) -> dict[str, tf.Tensor]:
    """Let Python give some inputs of a minibatch, of the shapes that they have."""
    like = [batch[name] for name in inputs.names]

    def evaluate() -> list[Array]:
        return [
            value.astype(x.dtype.name) for value, x in zip(inputs(), like, strict=True)
        ]

    values = tf.numpy_function(evaluate, [], [x.dtype for x in like])
    cut = [value[: tf.shape(x)[0]] for value, x in zip(values, like, strict=True)]
    for value, x in zip(cut, like, strict=True):
        value.set_shape(x.shape)
    return dict(zip(inputs.names, cut, strict=True))


def given_inputs(
    program: Program, x: Any, n_steps: int | None
) -> tuple[dict[nengo.Node, Array], int, int]:
    """Check what is given for input Nodes.

    Parameters
    ----------
    program : Program
        What is simulated.
    x : dict or list or ndarray or None
        See `Simulator.predict`.
    n_steps : int or None
        Number of steps, if ``x`` does not tell.

    Returns
    -------
    arrays : dict of {nengo.Node: ndarray}
        Values, ``(n_samples, n_steps, size_out)``.
    n_samples : int
        Number of samples: that of a minibatch, if nothing is given.
    n_steps : int
        Number of steps of each.

    Raises
    ------
    nengo.exceptions.ValidationError
        If the data does not fit the network, has no samples, or the number of steps is
        not known.
    """
    arrays = by_object(x, program.input_names, "input Node")
    n_samples, n_steps = check_shapes(arrays, program.input_names, None, n_steps)
    if n_samples == 0:
        raise ValidationError("there must be at least one sample", "x")
    if n_steps is None:
        raise ValidationError("say how many steps to run, or give data", "n_steps")
    program.check_steps(n_steps)
    return arrays, program.minibatch_size if n_samples is None else n_samples, n_steps


def inputs_of(session: Session, x: Any, n_steps: int | None) -> Samples:
    """Collect the values of all input Nodes: what is given, and what they define.

    What they define is evaluated from the present state on, which stays as it is.

    Parameters
    ----------
    session : Session
        The simulation.
    x : dict or list or ndarray or None
        See `Simulator.predict`.
    n_steps : int or None
        Number of steps, if ``x`` does not tell.

    Returns
    -------
    samples : Samples
        Inputs alone.

    Raises
    ------
    nengo.exceptions.ValidationError
        If the data does not fit the network, or the number of steps is not known.
    """
    program = session.program
    arrays, n_samples, n_steps = given_inputs(program, x, n_steps)
    defined = [source for source in program.inputs if source.node not in arrays]
    steps = range(session.n_steps + 1, session.n_steps + n_steps + 1)
    before = session.generators.state()
    values = evaluate(
        defined, steps, program.dt, program.minibatch_size, session.generators
    )
    session.generators.restore(before)
    repeats = -(-n_samples // program.minibatch_size)
    for node, value in values.items():
        tiled = np.tile(np.swapaxes(value, 0, 1), (repeats, 1, 1))
        arrays[node] = tiled[:n_samples]
    inputs = {
        program.input_names[node]: np.asarray(array, program.float_type)
        for node, array in arrays.items()
    }
    inputs["n_steps"] = np.full((n_samples, 1), n_steps, np.int32)
    return Samples(inputs)


class MinibatchInputs:
    """Evaluates input Nodes for one minibatch after the other.

    Parameters
    ----------
    session : Session
        The simulation, which is within a transaction.
    sources : list of NodeInput
        What is evaluated.
    n_steps : int
        Number of steps of a minibatch.
    n_replicas : int
        How many minibatches are simulated at once.
    seed : int or None
        Seed of noise for each minibatch, which begins with the present step. None lets
        each minibatch go on where the last one ended.
    """

    def __init__(
        self,
        session: Session,
        sources: Sequence[NodeInput],
        n_steps: int,
        n_replicas: int,
        seed: int | None,
    ) -> None:
        self._session = session
        self._sources = sources
        self._n_steps = n_steps
        self._n_replicas = n_replicas
        self._seed = seed
        self._first = session.n_steps + 1
        self._numbers = count()

    @property
    def names(self) -> list[str]:
        """Names of the Nodes."""
        names = self._session.program.input_names
        return [names[source.node] for source in self._sources]

    def __call__(self) -> list[Array]:
        """Evaluate the Nodes for the next minibatch of each replica.

        Returns
        -------
        values : list of ndarray
            For each Node, ``(n_replicas * minibatch_size, n_steps, size_out)``.
        """
        minibatches = [self._evaluate() for _ in range(self._n_replicas)]
        return [np.concatenate(values) for values in zip(*minibatches, strict=True)]

    def _evaluate(self) -> list[Array]:
        program, generators = self._session.program, self._session.generators
        number, start = next(self._numbers), self._first
        if self._seed is None:
            start += number * self._n_steps
        else:
            generators.begin_inputs(np.random.SeedSequence([self._seed, number]))
        values = evaluate(
            self._sources,
            range(start, start + self._n_steps),
            program.dt,
            program.minibatch_size,
            generators,
        )
        return [np.swapaxes(values[source.node], 0, 1) for source in self._sources]
