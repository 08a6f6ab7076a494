"""Simplifying, planning and laying out the operators of a model."""

from nengo_dl_optimizer import (
    default_simplifications,
    greedy_planner,
    mergeable,
    noop_order_signals,
    noop_planner,
    order_signals,
    remove_constant_copies,
    remove_identity_muls,
    remove_reset_incs,
    remove_unmodified_resets,
    remove_zero_incs,
    signal_io_dicts,
    transitive_closure_recurse,
    transitive_planner,
    tree_planner,
)

__all__ = [
    "default_simplifications",
    "greedy_planner",
    "mergeable",
    "noop_order_signals",
    "noop_planner",
    "order_signals",
    "remove_constant_copies",
    "remove_identity_muls",
    "remove_reset_incs",
    "remove_unmodified_resets",
    "remove_zero_incs",
    "signal_io_dicts",
    "transitive_closure_recurse",
    "transitive_planner",
    "tree_planner",
]
