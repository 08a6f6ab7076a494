"""Restructure graphs of Nengo operators into few, large, contiguous operations."""

from .decoders import SharedDecoderBuilder
from .display import display_signal_blocks, draw_signal_blocks
from .execution import (
    ExecutorState,
    KernelMaker,
    Memory,
    NumPyExecutor,
    NumPySimulator,
    Step,
    default_kernels,
    own_steps,
    per_item,
)
from .graph import MergeRule, OperatorGraph, SignalFacts, signal_io_dicts
from .grouping import mergeable
from .layout import Block, Layout, View
from .merging import written_signals
from .operators import (
    ConvSet,
    ConvTransposeSet,
    DotSet,
    ElementwiseSet,
    ResetInc,
    SparseDotSet,
)
from .pipeline import OptimizedGraph, optimize, simplify
from .planners import (
    greedy_planner,
    layered_planner,
    noop_planner,
    transitive_closure_recurse,
    transitive_planner,
    tree_planner,
)
from .protocols import Plan, Planner, Simplification, Sorter
from .python_calls import PythonCall, call_in_turn, turns
from .simplifications import (
    default_simplifications,
    remove_constant_copies,
    remove_copy_chains,
    remove_dead_operators,
    remove_identity_muls,
    remove_reset_incs,
    remove_unmodified_resets,
    remove_zero_incs,
)
from .sorters import (
    hamming_sort,
    noop_order_signals,
    order_signals,
    sort_ops_by_signals,
    sort_signals_by_ops,
)
from .sparsity import sparse_entries
from .summary import Summary

__all__ = [
    "Block",
    "ConvSet",
    "ConvTransposeSet",
    "DotSet",
    "ElementwiseSet",
    "ExecutorState",
    "KernelMaker",
    "Layout",
    "Memory",
    "MergeRule",
    "NumPyExecutor",
    "NumPySimulator",
    "OperatorGraph",
    "OptimizedGraph",
    "Plan",
    "Planner",
    "PythonCall",
    "ResetInc",
    "SharedDecoderBuilder",
    "SignalFacts",
    "Simplification",
    "Sorter",
    "SparseDotSet",
    "Step",
    "Summary",
    "View",
    "call_in_turn",
    "default_kernels",
    "default_simplifications",
    "display_signal_blocks",
    "draw_signal_blocks",
    "greedy_planner",
    "hamming_sort",
    "layered_planner",
    "mergeable",
    "noop_order_signals",
    "noop_planner",
    "optimize",
    "order_signals",
    "own_steps",
    "per_item",
    "remove_constant_copies",
    "remove_copy_chains",
    "remove_dead_operators",
    "remove_identity_muls",
    "remove_reset_incs",
    "remove_unmodified_resets",
    "remove_zero_incs",
    "signal_io_dicts",
    "simplify",
    "sort_ops_by_signals",
    "sort_signals_by_ops",
    "sparse_entries",
    "transitive_closure_recurse",
    "transitive_planner",
    "tree_planner",
    "turns",
    "written_signals",
]
