"""Chooses what runs a simulation: TensorFlow's loop, compiled or not, or NumPy.

What calls Python in every step cannot be compiled, and a call from TensorFlow's loop
into Python takes as long as the reference simulator takes for a whole step of a small
network: NumPy runs it.

Everything else can be compiled. That takes as long as many steps in NumPy, so the first
steps are NumPy's, until all that have been asked for would have taken as long there as
compilation. Whoever stops before has not waited for a compiler; whoever goes on has
waited for twice as long as necessary at most, if estimates hold. No rule does better
that does not know how many steps will follow (A. R. Karlin, M. S. Manasse, L. Rudolph,
D. D. Sleator, "Competitive snoopy caching", Algorithmica 3, 1988). Estimates are made
from the plan: the choice depends on the network and on the numbers of steps that were
asked for, and on nothing else.
"""

from __future__ import annotations

import logging
import warnings
from math import inf

from nengo.builder import learning_rules
from nengo.builder.neurons import SimNeurons
from nengo.builder.operator import (
    Copy,
    DotInc,
    ElementwiseInc,
    Reset,
    SparseDotInc,
    TimeUpdate,
)
from nengo.builder.probe import SimProbe
from nengo.builder.signal import Signal
from nengo.builder.transforms import ConvInc, ConvTransposeInc

from nengo_dl_core import tuning
from nengo_dl_core.builders.base import OpBuilder
from nengo_dl_core.builders.linear_filter import LinearFilterBuilder
from nengo_dl_core.builders.lowpass import LowpassBuilder
from nengo_dl_core.builders.neurons.generic import GenericNeuronBuilder
from nengo_dl_core.builders.neurons.rates_to_spikes import RandomSpikingBuilder
from nengo_dl_core.builders.node_input import SimInputBuilder
from nengo_dl_core.builders.outer_product import OuterInc
from nengo_dl_core.builders.process import GenericProcessBuilder
from nengo_dl_core.builders.pyfunc import SimPyFuncBuilder
from nengo_dl_core.engine.step import build_config
from nengo_dl_core.program.program import Program
from nengo_dl_core.program.time_axis import Stage, divide
from nengo_dl_core.values.session import Session
from nengo_dl_optimizer import (
    ConvSet,
    ConvTransposeSet,
    DotSet,
    ElementwiseSet,
    ResetInc,
    SparseDotSet,
)

_log = logging.getLogger(__name__)

_CONVOLUTIONS = {ConvInc, ConvSet, ConvTransposeInc, ConvTransposeSet}
# Operators for which the optimizer's kernels do what our builders do.
_OPERATORS = {
    *(Copy, Reset, ResetInc, DotInc, DotSet, ElementwiseInc, ElementwiseSet),
    *(SparseDotInc, SparseDotSet),
    *_CONVOLUTIONS,
    *(SimNeurons, SimProbe, TimeUpdate),
    *(learning_rules.SimPES, learning_rules.SimBCM, learning_rules.SimOja),
    *(learning_rules.SimVoja, learning_rules.SimRLS, OuterInc),
}
# Builders whose operators run by the `Kernels` of a simulation.
_BUILDERS = (
    GenericNeuronBuilder,
    GenericProcessBuilder,
    LinearFilterBuilder,
    LowpassBuilder,
    SimInputBuilder,
    SimPyFuncBuilder,
)


def compiles(program: Program) -> bool:
    """Decide whether TensorFlow's loops are compiled; warn if they were to be.

    Parameters
    ----------
    program : Program
        What is simulated.

    Returns
    -------
    jit_compile : bool
        False where the network says so, where Python is called in every step, or where
        XLA cannot compile an operator.
    """
    setting = program.setting("jit_compile", "auto")
    if not setting or program.setting("check_finite", False):
        return False
    obstacles = program.not_compilable()
    if obstacles:
        message = f"The simulation cannot be compiled: {', '.join(obstacles)}"
        if setting == "auto":
            _log.info(message)
        else:
            warnings.warn(message, UserWarning, stacklevel=3)
    return not obstacles


def steps_in_numpy(program: Program, jit_compile: bool) -> float:
    """Decide how many steps NumPy runs, before TensorFlow does.

    Parameters
    ----------
    program : Program
        What is simulated.
    jit_compile : bool
        Whether TensorFlow's loop is compiled.

    Returns
    -------
    n_steps : float
        As long as no more steps than these have been asked for in all, NumPy runs them.
        It is infinite for what calls Python in every step, and 0 where an operator can
        only run in TensorFlow, where a setting says so, and on devices on which nobody
        has measured.
    """
    if not _can_run_in_numpy(program):
        return 0
    if not jit_compile:
        return inf if program.calls_python else 0
    if program.setting("jit_compile", "auto") != "auto" or not program.cpu_only:
        return 0
    return compilation_seconds(program) / step_seconds(program)


def stages_of_runs(program: Program) -> list[Stage]:
    """Divide a run: what large decoders of Probes do is computed apart."""
    sources = [source.signal for source in program.inputs]
    return program.deferral.stages(program.optimized.plan, sources, _probed(program))


def stages_of_predictions(session: Session) -> list[Stage]:
    """Divide a prediction: what later steps do not wait for is computed apart.

    Parameters
    ----------
    session : Session
        The simulation.

    Returns
    -------
    stages : list of Stage
        None at all if everything goes step by step.
    """
    program = session.program
    return divide(
        program.optimized.plan,
        program.optimized.graph,
        build_config(session, False),
        _probed(program),
        program.minibatch_size,
        min_weights=tuning.MIN_PREDICTED_WEIGHTS,
        closed_forms=False,
    )


def _probed(program: Program) -> list[Signal]:
    graph = program.optimized.graph
    return [graph.current(sig).base for sig in program.probed]


def compilation_seconds(program: Program) -> float:
    """Estimate how long it takes to trace and to compile the loop.

    Parameters
    ----------
    program : Program
        What is simulated.

    Returns
    -------
    seconds : float
        By the number of groups of the plan.
    """
    n_groups = len(program.optimized.plan)
    return tuning.LOOP_SECONDS + tuning.GROUP_SECONDS * n_groups


def step_seconds(program: Program) -> float:
    """Estimate how long a step takes in NumPy.

    Parameters
    ----------
    program : Program
        What is simulated.

    Returns
    -------
    seconds : float
        By groups and by sizes of signals, for all items of the minibatch.
    """
    plan = program.optimized.plan
    # of padded products NumPy computes those together that are of one shape
    n_groups, n_products = len(plan), 0
    for group in plan:
        if type(group[0]) in (DotInc, DotSet):
            n_shapes = len({op.A.shape for op in group})
            n_groups += n_shapes - 1
            n_products += len(group) if n_shapes > 1 else 0
    n_neurons = sum(isinstance(group[0], SimNeurons) for group in plan)
    ops = [op for group in plan for op in group]
    n_weights = sum(sig.size for op in ops for sig in op.reads if sig.ndim > 1)
    n_elements = sum(sig.size for op in ops for sig in op.all_signals) - n_weights
    n_items = program.minibatch_size
    n_beyond = max(0, n_items * n_elements - tuning.CACHED_ELEMENTS)
    return (
        tuning.NUMPY_STEP_SECONDS
        + tuning.NUMPY_NEURONS_SECONDS * n_neurons
        + tuning.NUMPY_UNCACHED_SECONDS * n_beyond
        + n_items
        * (
            tuning.NUMPY_GROUP_SECONDS * n_groups
            + tuning.NUMPY_PRODUCT_SECONDS * n_products
            + tuning.NUMPY_WEIGHT_SECONDS * n_weights
            + tuning.NUMPY_ELEMENT_SECONDS * n_elements
        )
    )


def _can_run_in_numpy(program: Program) -> bool:
    """Whether NumPy knows all operators, and no setting is for TensorFlow alone."""
    return (
        program.float_type != "float16"
        and program.product_dtype is None
        and program.use_loop
        and not program.memory.formats
        and not program.setting("check_finite", False)
        and not program.setting("learning_phase", False)
        and all(map(_is_in_numpy, program.builder.op_builds.values()))
    )


def _is_in_numpy(build: OpBuilder) -> bool:
    """Whether the operators of a builder can run in NumPy."""
    chosen = build.chosen
    if type(chosen) in _BUILDERS:
        return True
    (kind,) = {type(op) for op in build.ops}
    if kind in _CONVOLUTIONS and any(op.conv.dimensions > 2 for op in build.ops):
        return False  # for which Nengo has no function
    ours = type(chosen).__module__.startswith("nengo_dl_core.")
    return kind in _OPERATORS and ours and not isinstance(chosen, RandomSpikingBuilder)
