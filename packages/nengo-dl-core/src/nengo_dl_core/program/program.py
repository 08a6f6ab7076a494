"""The plan of a simulation, as a value that all executors share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import nengo
import numpy as np
import tensorflow as tf
from nengo.builder import Model
from nengo.builder.operator import Operator
from nengo.builder.signal import Signal
from nengo.exceptions import ConfigError, ValidationError

from nengo_dl_core.argument_checks import check_device, check_positive_integer
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.builders.compiled import compiles_float16
from nengo_dl_core.network.compilation_cache import use_compilation_cache
from nengo_dl_core.network.config import check_subnetworks
from nengo_dl_core.network.gains import gain_signals
from nengo_dl_core.network.inputs import NodeInput, evaluated_in_turn, split_inputs
from nengo_dl_core.network.lookup import get_setting
from nengo_dl_core.network.names import unique_names
from nengo_dl_core.network.owners import Owners
from nengo_dl_core.network.quantization import number_formats, quantized_objects
from nengo_dl_core.network.session_config import apply_session_config
from nengo_dl_core.network.signal_facts import signal_facts
from nengo_dl_core.network.spike_gradients import SpikeGradient, spike_gradients
from nengo_dl_core.network.trainability import mark_signals
from nengo_dl_core.passes import default_simplifications, factor_changes
from nengo_dl_core.program.memory import Memory
from nengo_dl_core.program.merging import among_equals
from nengo_dl_core.program.padding import padded_products
from nengo_dl_core.program.stages import Deferral, deferrable
from nengo_dl_optimizer import (
    OperatorGraph,
    OptimizedGraph,
    layered_planner,
    optimize,
    order_signals,
)


@dataclass(frozen=True, eq=False)
class Program:
    """A plan of a model's operators, and all that executors have to know about it.

    It has no variables and no state, and never changes.

    Attributes
    ----------
    model : nengo.builder.Model
        The built model.
    optimized : nengo_dl_optimizer.OptimizedGraph
        Operator groups in execution order, and the layout of their signals.
    memory : Memory
        Where the signals lie.
    inputs : list of NodeInput
        The Nodes whose output is given to the simulation.
    deferral : Deferral
        The groups that may be computed apart from the loop.
    float_type : str
        Floating point type of the simulation.
    unroll : int
        How many steps are built into one round of the simulation loop.
    device : str or None
        TensorFlow device to compute on; None leaves it to TensorFlow.
    simplified : bool
        Whether the operators were simplified.
    parameters_of_items : bool
        Whether each item of the minibatch has parameters of its own.
    """

    model: Model
    optimized: OptimizedGraph
    memory: Memory
    inputs: Sequence[NodeInput]
    deferral: Deferral
    float_type: str
    unroll: int
    device: str | None
    simplified: bool
    parameters_of_items: bool = False

    @property
    def dt(self) -> float:
        """Length of a step, in seconds."""
        return float(self.model.dt)

    @cached_property
    def minibatch_size(self) -> int:
        """Number of inputs that are simulated at once."""
        return self.memory.minibatch_size

    @property
    def probes(self) -> Sequence[nengo.Probe]:
        """The Probes of the model."""
        return self.model.probes

    @cached_property
    def input_names(self) -> Mapping[nengo.Node, str]:
        """Names of the input Nodes for Keras."""
        return unique_names([source.node for source in self.inputs], "node")

    @cached_property
    def probe_names(self) -> Mapping[nengo.Probe, str]:
        """Names of the Probes for Keras."""
        return unique_names(self.probes, "probe")

    @cached_property
    def probed(self) -> Sequence[Signal]:
        """What each Probe records."""
        return [self.model.sig[probe]["in"] for probe in self.probes]

    @cached_property
    def learned(self) -> Sequence[Signal]:
        """Weights that online learning rules change."""
        marks = mark_signals(self.model)
        return [sig for sig, trainable in marks.items() if trainable is None]

    @cached_property
    def owners(self) -> Owners:
        """Names the objects that operators work for."""
        return Owners(self.model, self.optimized.graph)

    @cached_property
    def spike_gradients(self) -> Mapping[Operator, SpikeGradient]:
        """How the neurons of each operator are trained, if they spike in training."""
        return spike_gradients(self.model, self.optimized.graph)

    @property
    def product_dtype(self) -> str | None:
        """Type of products with large weights, if not that of the simulation."""
        in_single = self.float_type == "float32"
        return self.setting("product_dtype") if in_single else None

    @cached_property
    def stateful(self) -> bool:
        """Whether a run goes on from the end of the last one (a setting)."""
        return bool(self.setting("stateful", True))

    @cached_property
    def use_loop(self) -> bool:
        """Whether steps run in a loop; if not, there are exactly `unroll` of them."""
        return bool(self.setting("use_loop", True))

    def setting(self, name: str, default: Any = None, obj: Any = None) -> Any:
        """Look a setting of the network up; see `get_setting`."""
        return get_setting(self.model, name, default, obj)

    def keeps_history(self, probe: nengo.Probe) -> bool:
        """Whether a Probe keeps the values of all steps, or of the last one only."""
        return bool(self.setting("keep_history", True, probe))

    @cached_property
    def builder(self) -> Builder:
        """Builders to ask about the groups. To build, an executor makes its own."""
        return Builder(self.optimized.plan)

    @cached_property
    def calls_python(self) -> bool:
        """Whether Python is called in every step."""
        return self.builder.python_in_loop

    def evaluates_ahead(self, source: NodeInput) -> bool:
        """Whether an input Node can be evaluated before the steps that read it."""
        return source.constant or not self.calls_python

    @cached_property
    def cpu_only(self) -> bool:
        """Whether the simulation certainly runs on a CPU."""
        if self.device is None:
            return not tf.config.get_visible_devices("GPU")
        return "cpu" in self.device.lower()

    def not_compilable(self) -> list[str]:
        """Name what keeps the simulation from being compiled.

        Returns
        -------
        words : list of str
            An object and its type of operator for each operator that calls Python in
            every step, or that XLA cannot compile; and float16, if that is so for all.
        """
        operators = self.builder.not_compilable(self.memory.environment())
        words = [self.owners.describe(op) for op in operators]
        if self.float_type == "float16" and not compiles_float16():
            words.append("float16, for which this processor has no instructions")
        return words

    def python_objects(self) -> list[str]:
        """Name what calls into Python in every step.

        Returns
        -------
        words : list of str
            An object and its type of operator for each such operator.
        """
        return [self.owners.describe(op) for op in self.builder.in_python()]

    def check_steps(self, n_steps: int) -> None:
        """Check that a number of steps can be run.

        Parameters
        ----------
        n_steps : int
            Number of steps.

        Raises
        ------
        nengo.exceptions.ValidationError
            If it is no positive integer, or not the only one that can be run.
        """
        check_positive_integer("n_steps", n_steps)
        if not self.use_loop and n_steps != self.unroll:
            raise ValidationError(
                f"must be unroll_simulation, {self.unroll}, since the network sets "
                f"use_loop=False; it is {n_steps}",
                attr="n_steps",
            )


def make_program(
    model: Model,
    *,
    unroll: int = 1,
    minibatch_size: int = 1,
    device: str | None = None,
    simplify: bool = True,
    float_type: str | None = None,
    parameters_of_items: bool = False,
) -> Program:
    """Plan a model, as its network's settings say.

    Parameters
    ----------
    model : nengo.builder.Model
        Built model.
    unroll : int
        How many steps are built into one round of the simulation loop.
    minibatch_size : int
        Number of inputs that are simulated at once.
    device : str, optional
        TensorFlow device to compute on; None leaves it to TensorFlow.
    simplify : bool
        Whether the graph of operators is simplified.
    float_type : str, optional
        Floating point type; by default the one that is configured.
    parameters_of_items : bool
        Whether each item of the minibatch has parameters of its own.

    Returns
    -------
    program : Program
        The plan, and where its signals lie.

    Raises
    ------
    nengo.exceptions.ValidationError
        If there is no such device.
    nengo.exceptions.ConfigError
        If a subnetwork has settings that the simulation has not, products are to be
        in bfloat16 although the simulation is not in float32, or something is quantized
        although the simulation is not in float64.
    """
    if model.toplevel is not None:
        check_subnetworks(model.toplevel)
    use_compilation_cache(get_setting(model, "compilation_cache"))
    apply_session_config(get_setting(model, "session_config", {}))
    check_device(device)
    # Nengo's own setting is 64 bits unless somebody wants fewer
    few_bits = nengo.rc.float_dtype == np.float16
    quantized = [obj for obj, _ in quantized_objects(model.toplevel)]
    default = "float64" if quantized else "float16" if few_bits else "float32"
    dtype = get_setting(model, "dtype", default)
    if quantized and dtype != "float64":
        raise ConfigError(
            f"{quantized[0]} is quantized, which needs a simulation in float64, where "
            f'sums of integers are exact; this one is in dtype="{dtype}": leave it out'
        )
    if get_setting(model, "product_dtype") and dtype != "float32":
        raise ConfigError(
            'product_dtype="bfloat16" needs a simulation in dtype="float32", and this '
            f'one is in dtype="{dtype}": leave one of the two out'
        )
    float_type = float_type or dtype
    inputs, operators = split_inputs(model, model.operators)
    in_python = _calls_python(operators)
    external = {source.signal for source in inputs}
    if in_python:
        external = {source.signal for source in inputs if source.constant}
        operators = evaluated_in_turn(model, inputs)
    marks = mark_signals(model)
    learned = {sig for sig, trainable in marks.items() if trainable is None}
    gains = {sig for pairs in gain_signals(model).values() for sig, _ in pairs}
    optimized = optimize(
        OperatorGraph(
            operators,
            facts=signal_facts(
                operators, external, marks, gains | learned, parameters_of_items
            ),
            mergeable=Builder.mergeable,
            dt=model.dt,
        ),
        planner=among_equals(
            get_setting(model, "planner") or layered_planner,
            padded_products,
            lambda graph: dict.fromkeys(deferrable(graph, minibatch_size), True),
            lambda graph: spike_gradients(model, graph),
        ),
        sorter=get_setting(model, "sorter") or order_signals,
        simplifications=_simplifications(model, in_python) if simplify else (),
    )
    return Program(
        model,
        optimized,
        Memory(optimized, float_type, minibatch_size, model.dt, number_formats(model)),
        list(inputs),
        Deferral.of(optimized.plan, optimized.graph, minibatch_size),
        float_type,
        unroll,
        device,
        simplify,
        parameters_of_items,
    )


def _calls_python(operators: Sequence[Operator]) -> bool:
    """Whether an operator calls Python in every step."""
    return any(Builder.builder_type(op)((op,)).python_in_loop for op in operators)


def _simplifications(model: Model, in_python: bool) -> Sequence[Any]:
    """Return the simplifications that are configured, or else the default ones."""
    chosen = get_setting(model, "simplifications")
    if chosen is not None:
        return chosen
    # What runs in NumPy runs by Nengo's own learning rules
    return [
        x for x in default_simplifications if not (in_python and x is factor_changes)
    ]
