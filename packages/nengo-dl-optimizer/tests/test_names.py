"""NengoDL's documented functions are there, with the documented parameters."""

from inspect import signature

import pytest

import nengo_dl_optimizer

DOCUMENTED = {
    "mergeable": "(op, chosen_ops)",
    "greedy_planner": "(operators)",
    "tree_planner": "(op_list, max_depth=3)",
    "transitive_planner": "(op_list)",
    "transitive_closure_recurse": (
        "(dg, ops, trans, builder_type, builder_types, cache)"
    ),
    "noop_planner": "(operators)",
    "order_signals": "(plan, n_passes=10)",
    "hamming_sort": "(blocks)",
    "sort_ops_by_signals": "(sorted_io, sigs, sig_idxs, new_plan, blocks, op_sigs)",
    "sort_signals_by_ops": "(sorted_io, sigs, sig_idxs, new_plan, blocks, op_sigs)",
    "noop_order_signals": "(plan, **_)",
    "remove_unmodified_resets": "(operators)",
    "remove_zero_incs": "(operators)",
    "remove_reset_incs": "(operators)",
    "remove_constant_copies": "(operators)",
    "remove_identity_muls": "(operators)",
    "signal_io_dicts": "(operators)",
    "display_signal_blocks": "(operators, all_signals)",
}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_documented_functions(name):
    assert name in nengo_dl_optimizer.__all__
    found = signature(getattr(nengo_dl_optimizer, name))
    bare = [
        parameter.replace(annotation=parameter.empty)
        for parameter in found.parameters.values()
    ]
    text = str(found.replace(parameters=bare, return_annotation=found.empty))
    assert text == DOCUMENTED[name]


def test_all_names_exist_and_are_sorted():
    names = nengo_dl_optimizer.__all__
    assert all(hasattr(nengo_dl_optimizer, name) for name in names)
    assert names == sorted(set(names))
