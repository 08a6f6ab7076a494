"""The loop of a simulation, built of the steps of its operators."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import compress
from operator import not_
from typing import TYPE_CHECKING

import tensorflow as tf
from nengo.builder.signal import Signal

from nengo_dl_core.builders.base import Group
from nengo_dl_core.builders.signals import SignalDict
from nengo_dl_core.builders.tensor_signal import TensorSignal
from nengo_dl_core.diagnosis import FiniteCheck
from nengo_dl_core.engine.loop import Afterwards, Output, Step, run_loop
from nengo_dl_core.network.config import get_setting
from nengo_dl_core.program.stages import N_AT_ONCE, Deferral
from nengo_dl_core.progress import ProgressBar

if TYPE_CHECKING:
    from nengo_dl_core.training.tensor_graph import TensorGraph


def simulate(
    graph: TensorGraph,
    n_steps: tf.Tensor,
    inputs: Sequence[tf.Tensor],
    outputs: Sequence[Output],
    *,
    training: bool | None = None,
    as_trained: bool = False,
    maximum: tf.Tensor | None = None,
    defer: bool = False,
    progress: ProgressBar | None = None,
) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    """Continue a simulation, from the present values of its variables.

    Parameters
    ----------
    graph : TensorGraph
        The simulation, whose variables stay as they are.
    n_steps : tf.Tensor
        How many steps to run.
    inputs : list of tf.Tensor
        Values of the input Nodes, ``(n_steps or more, minibatch_size, size_out)``.
    outputs : list of Output
        The buffers of the probes; see `TensorGraph.buffer`.
    training : bool, optional
        Whether the model is trained.
    as_trained : bool
        Whether spiking neurons compute what they are trained by in any case.
    maximum : tf.Tensor, optional
        A bound of ``n_steps``, needed for gradients.
    defer : bool
        Whether the graph's `deferral` is computed apart from the loop.
    progress : ProgressBar, optional
        Shows the progress of the construction.

    Returns
    -------
    values : list of tf.Tensor
        The filled buffers, ``(length, minibatch_size, ...)``.
    states : list of tf.Tensor
        Values for the graph's `states` after the last step.
    """
    memory, current = graph.memory, graph.optimized.graph.current
    deferral = graph.deferral if defer else Deferral()
    # simplifications leave no trace of an input that no probe depends on
    used = [source.signal in graph.optimized.layout for source in graph.node_inputs]
    sources = [source.signal for source in compress(graph.node_inputs, used)]
    is_late = [current(sig).base in deferral.written for sig in graph.probed]
    is_early = list(map(not_, is_late))

    if not tf.executing_eagerly():  # of the graph that is being made, and no other
        tf.compat.v1.set_random_seed(graph.seeds.seed)
    phase = get_setting(graph.model, "learning_phase", training)
    never = get_setting(graph.model, "learning_phase") is False
    config = graph.build_config(bool(phase), as_trained and not never)
    parameters = {
        block: tf.convert_to_tensor(variable) for block, variable in graph.parameters
    }
    memory.bind(graph.signals, parameters)
    graph.op_builder.build_pre(graph.signals, config, progress)
    states = memory.unpacked([tf.convert_to_tensor(x) for x in graph.states])
    make_step = _StepMaker(graph, [memory.whole(block) for block in states])
    groups, afterwards = None, None
    if deferral.groups:
        groups = set(graph.optimized.plan).difference(deferral.groups)
        afterwards = Afterwards(
            N_AT_ONCE,
            [graph.buffer(sig, N_AT_ONCE) for sig in deferral.kept],
            deferral.compute_at_once(memory, parameters, config),
            make_step(
                [*deferral.kept, *deferral.results],
                list(compress(graph.probed, is_late)),
                deferral.by_step,
            ),
            list(compress(outputs, is_late)),
        )
    values, new_states = run_loop(
        make_step(sources, [*compress(graph.probed, is_early), *deferral.kept], groups),
        n_steps,
        graph.step + 1,
        list(compress(inputs, used)),
        list(states.values()),
        list(compress(outputs, is_early)),
        graph.unroll,
        maximum,
        graph.use_loop,
        afterwards,
    )
    early, late = iter(values[: sum(is_early)]), iter(values[sum(is_early) :])
    in_order = [next(late if deferred else early) for deferred in is_late]
    return in_order, memory.packed(new_states)


class _StepMaker:
    """Makes steps of a graph's operators, which have been prepared.

    Parameters
    ----------
    graph : TensorGraph
        The simulation.
    carried : list of TensorSignal
        The state that goes from step to step.
    """

    def __init__(self, graph: TensorGraph, carried: Sequence[TensorSignal]) -> None:
        self._graph = graph
        self._carried = carried
        self._before = dict(graph.signals.bases)
        self._check: FiniteCheck | None = None
        if get_setting(graph.model, "check_finite", False):
            self._check = FiniteCheck(graph.objects, graph.python_errors.append)

    def __call__(
        self,
        sources: Sequence[Signal],
        recorded: Sequence[Signal],
        groups: Collection[Group] | None,
    ) -> Step:
        """Make the step of some groups, or of all.

        Parameters
        ----------
        sources : list of nengo.builder.Signal
            The inputs of the step.
        recorded : list of nengo.builder.Signal
            What it puts out.
        groups : collection of tuple of nengo.builder.Operator, or None
            The groups; None stands for all.

        Returns
        -------
        step : callable
            For `run_loop`.
        """
        signals, carried = self._graph.signals, self._carried
        bound = [*carried, *map(self._graph.memory.tensor_signal, sources)]
        read = list(map(self._graph.memory.tensor_signal, recorded))

        def step(
            number: tf.Tensor, inputs: list[tf.Tensor], states: list[tf.Tensor]
        ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
            signals.bases = dict(self._before)
            signals.step = number
            for sig, value in zip(bound, [*states, *inputs], strict=True):
                signals.scatter(sig, value)
            side_effects = self._graph.op_builder.build_step(
                signals, None, self._check, groups
            )
            with tf.control_dependencies(side_effects):
                values = [_all_items(signals, sig) for sig in read]
            return values, [signals.gather(sig) for sig in carried]

        return step


def _all_items(signals: SignalDict, sig: TensorSignal) -> tf.Tensor:
    """The value of a signal for every item of the minibatch."""
    value = signals.gather(sig)
    if sig.minibatched:
        return value
    return tf.broadcast_to(value, (signals.minibatch_size, *sig.shape))
