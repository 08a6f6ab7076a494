"""How one type of operator is computed with TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

import keras
import nengo
import numpy as np
import tensorflow as tf
from nengo.builder.operator import Operator
from nengo.exceptions import BuildError

from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.network.generators import Generators
from nengo_dl_core.network.spike_gradients import SpikeGradient

Group = tuple[Operator, ...]


def _forget_error(error: BaseException) -> None:
    """Ignore an error of a Python function, for which TensorFlow raises its own."""


class BuildConfig(NamedTuple):
    """Settings of a simulation that a builder may need.

    Attributes
    ----------
    inference_only : bool
        Whether the model is never trained, so that nothing for training is built.
    lif_smoothing : float or None
        Smoothing of the LIF rate equation in training.
    cpu_only : bool
        The simulation certainly runs on a CPU.
    rng : numpy.random.RandomState
        Generator that a builder may draw constants from; its seed is the simulation's.
    training : bool
        Whether the model is built for training.
    generators : Generators or None
        The random generators of what runs in Python; None outside of a simulation.
    keep_error : callable
        Receives what is raised in calls into Python during a run.
    evaluates_inputs : callable or None
        Tells in every step whether an input Node is to be evaluated, or has a value
        already; None if all of them have.
    spike_gradients : dict of {nengo.builder.neurons.SimNeurons: callable or str}
        The gradients of neurons that spike in training: a surrogate, or ``"rates"``.
        Others are trained through their rates.
    product_dtype : str or None
        ``"bfloat16"`` if products with large weights are computed in it.
    as_trained : bool
        Whether spiking neurons compute as in training (rates, by default) although the
        model is not being trained, as in validation.
    seed : int or None
        Seed of TensorFlow's own random operations; None leaves it to TensorFlow.
    at_once : bool
        Many steps are computed at once, as items of a minibatch. What has fast kernels
        is not compiled.
    compiles_parts : bool
        Whether a builder may compile what many small operations compute.
    contracts : bool
        A compiler makes a single operation of a product and a sum that follows, unless
        the product is rounded before.
    parameters_of_items : bool
        Each item of the minibatch has parameters of its own, and is to be rounded as if
        it were alone.
    many_steps : bool
        Whether it pays to prepare something before the first step.
    compiled : bool
        Whether a step is compiled, so that many operations on the same elements are
        one loop.
    """

    inference_only: bool
    lif_smoothing: float | None
    cpu_only: bool
    rng: np.random.RandomState
    training: bool
    generators: Generators | None = None
    keep_error: Callable[[BaseException], None] = _forget_error
    evaluates_inputs: Callable[[nengo.Node], bool] | None = None
    spike_gradients: Mapping[Operator, SpikeGradient] = MappingProxyType({})
    product_dtype: str | None = None
    as_trained: bool = False
    seed: int | None = None
    at_once: bool = False
    compiles_parts: bool = False
    contracts: bool = True
    parameters_of_items: bool = False
    many_steps: bool = False
    compiled: bool = False


class OpBuilder:
    """Computes a group of operators of one type.

    Parameters
    ----------
    ops : tuple of nengo.builder.Operator
        The operators of the group.
    """

    python_in_loop: bool = False
    """Whether every step calls back into Python, which cannot be compiled."""

    has_fast_kernels: bool = False
    """Whether many steps at once are computed faster without being compiled."""

    takes_parameters_of_items: bool = True
    """Whether items of the minibatch may have parameters of their own."""

    def __init__(self, ops: Sequence[Operator]) -> None:
        self.ops = ops

    @cached_property
    def mode(self) -> str:
        """How `SignalDict.scatter` writes the results: ``"inc"`` or ``"update"``."""
        return "inc" if self.ops[0].incs else "update"

    @property
    def chosen(self) -> OpBuilder:
        """The builder that does the work; another one where a builder only chooses."""
        return self

    @property
    def differentiable(self) -> bool:
        """Whether gradients pass through, so that what comes before is trained."""
        return not self.python_in_loop

    @property
    def layers(self) -> Sequence[keras.layers.Layer]:
        """Keras layers that are called; each simulation has its own copy of weights."""
        return ()

    @property
    def changing_weights(self) -> Sequence[keras.Variable]:
        """Weights of the layers that every step changes, once `build_pre` was called.

        Their values go from step to step in `SignalDict.layer_weights`.
        """
        return ()

    @property
    def generator_ops(self) -> Sequence[Operator]:
        """Operators that draw random numbers in Python; see `Generators`."""
        return ()

    def steps_are_items(self, config: BuildConfig) -> bool:
        """Whether steps are to the operators what items of a minibatch are.

        Many steps are then computed at once where nothing in them waits for a later
        one: `build_step` is called for a minibatch of all items of all steps, and
        neither `SignalDict.step` nor `SignalDict.draw` is known. Signals that the
        operators alone use, and that one step leaves to the next, must stay as they
        are.

        Parameters
        ----------
        config : BuildConfig
            Settings of the simulation.

        Returns
        -------
        steps_are_items : bool
            False unless a builder says otherwise.
        """
        return False

    def has_closed_form(self, config: BuildConfig, minibatch_size: int) -> bool:
        """Whether `build_steps` computes steps that follow one another, and fast.

        It is used where what the operators read is known for many steps. The step's
        number and the time are not. Signals in an operator's ``state`` are known to
        nobody else.

        Parameters
        ----------
        config : BuildConfig
            Settings of the simulation.
        minibatch_size : int
            Number of items in a minibatch.

        Returns
        -------
        has_closed_form : bool
            False unless a builder says otherwise.
        """
        return False

    def is_linear(self, config: BuildConfig) -> bool:
        """Whether what a step writes is linear in what it reads, but for parameters.

        A constant may be added. Operators that wait for each other are then computed
        by powers of a matrix, for many steps at once; `build_step` is called to learn
        what it does to vectors of one. The step's number and the time are not known.

        Parameters
        ----------
        config : BuildConfig
            Settings of the simulation.

        Returns
        -------
        is_linear : bool
            False unless a builder says otherwise. If two of the signals that an
            operator reads depend on the step, it does not count.
        """
        return False

    def build_layers(self, signals: SignalDict) -> None:
        """Build the Keras layers in `layers` that have no weights yet.

        Parameters
        ----------
        signals : SignalDict
            The signals, to which nothing is bound yet.
        """

    def compiles(self, signals: SignalDict) -> bool:
        """Whether XLA can compile the step.

        Parameters
        ----------
        signals : SignalDict
            The signals, to which nothing is bound yet.

        Returns
        -------
        compiles : bool
            True unless the step calls into Python.
        """
        return not self.python_in_loop

    def build_pre(self, signals: SignalDict, config: BuildConfig) -> None:
        """Compute what is the same in every step.

        Parameters
        ----------
        signals : SignalDict
            Environment, in which all parameters are bound.
        config : BuildConfig
            Settings of the simulation.
        """
        self.config = config

    def build_step(self, signals: SignalDict) -> Sequence[tf.Tensor] | None:
        """Compute one step: gather the operators' inputs, scatter their results.

        Parameters
        ----------
        signals : SignalDict
            Environment of the step.

        Returns
        -------
        side_effects : list of tf.Tensor or None
            Tensors that must be computed although nothing reads them.
        """
        raise BuildError(f"{type(self).__name__} does not define build_step")

    def build_steps(self, signals: SignalDict, state: SignalDict | None) -> None:
        """Compute many steps at once: gather all inputs, scatter all results.

        Only called where `steps_are_items` or `has_closed_form`.

        Parameters
        ----------
        signals : SignalDict
            Environment whose minibatch is all items of the first step, then all items
            of the second, and so on. Signals that a step updates get the values after
            each step.
        state : SignalDict or None
            Environment of a single step, with the state before the first one. What has
            a closed form leaves there the state after the last one.
        """
        self.build_step(signals)

    def build_post(self, signals: SignalDict) -> None:
        """Prepare for the first step: called after the build and after every reset.

        Parameters
        ----------
        signals : SignalDict
            Environment of the simulation.
        """

    @staticmethod
    def mergeable(x: Operator, y: Operator) -> bool:
        """Whether two operators can be computed by one builder.

        Shapes, types and dependencies have been compared already.

        Parameters
        ----------
        x : nengo.builder.Operator
            The operator in question.
        y : nengo.builder.Operator
            An operator of the group that it would join.

        Returns
        -------
        mergeable : bool
            False unless a builder says otherwise.
        """
        return False
