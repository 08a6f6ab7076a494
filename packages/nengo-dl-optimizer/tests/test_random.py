"""Random graphs and networks do after optimization what they did before.

The graphs are the same in each run. ``NENGO_DL_RANDOM_BATCH=1 pytest test_random.py``
tries as many others, and so does each further number. ``NENGO_DL_EXAMPLES`` is the most
that a test tries.
"""

import os
import random
from functools import partial

import nengo
import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from nengo.builder.operator import Operator

import nengo_dl_optimizer
from nengo_dl_optimizer import (
    OperatorGraph,
    default_simplifications,
    greedy_planner,
    layered_planner,
    noop_order_signals,
    noop_planner,
    optimize,
    order_signals,
    transitive_planner,
    tree_planner,
)
from plain_execution import run_groups, run_plainly
from random_graphs import random_graph
from random_networks import random_network

BATCH = int(os.environ.get("NENGO_DL_RANDOM_BATCH", "0"))
N_GRAPHS = 1900
N_NETWORKS = 100
MOST = int(os.environ.get("NENGO_DL_EXAMPLES", "1900"))
N_STEPS = 4

NUMBERS = st.integers(0, 2**32 - 1)
PLANNERS = {
    "greedy": greedy_planner,
    "layered": layered_planner,
    "noop": noop_planner,
    "transitive": transitive_planner,
    "tree": partial(tree_planner, max_depth=2),  # one more takes 16 times as long
}
SORTERS = st.sampled_from([order_signals, noop_order_signals])
SIMPLIFICATIONS = st.one_of(
    st.just(default_simplifications),
    st.lists(st.sampled_from(default_simplifications), unique=True),
)
each_planner = pytest.mark.parametrize("planner", PLANNERS.values(), ids=PLANNERS)


def many(n_examples: int):
    """Run a test for many examples, the same ones each time."""
    chosen = settings(
        max_examples=min(n_examples, MOST),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    return lambda test: seed(BATCH)(chosen(test))


def source_of(number: int) -> random.Random:
    """Return random numbers that differ from batch to batch."""
    return random.Random(f"{BATCH} {number}")


def largest_group(size: int):
    """Return the rule of a backend that cannot make larger groups than that."""
    return lambda op, group: len(group) < size


def has_single_increments(operators) -> bool:
    """Whether no signal is the sum of several increments, whose order could matter."""
    incs = [signal.base for op in operators for signal in op.incs]
    return len(set(incs)) == len(incs)


def assert_same(values, expected, exact):
    """Compare values of probes at each step."""
    for step, (found, wanted) in enumerate(zip(values, expected, strict=True)):
        for probe, (value, reference) in enumerate(zip(found, wanted, strict=True)):
            if exact:
                np.testing.assert_array_equal(value, reference, str((step, probe)))
            else:
                peak = np.abs(np.nan_to_num(reference)).max(initial=1)
                np.testing.assert_allclose(value, reference, 1e-12, 1e-12 * peak)


def assert_equivalent(optimized, expected, probed, exact, given_values=None):
    """Run what was optimized in two ways and compare with what is expected."""
    values = given_values or {}
    current = [optimized.graph.current(signal) for signal in probed]
    plain = run_plainly(optimized.graph, current, N_STEPS, values)
    assert_same(plain, expected, exact)
    # Products of a group are summed up in another order than single ones.
    grouped = run_groups(optimized, probed, N_STEPS, values)
    assert_same(grouped, expected, exact=False)


@each_planner
@many(N_GRAPHS // len(PLANNERS))
@given(
    number=NUMBERS,
    n_operators=st.integers(1, 24),
    sorter=SORTERS,
    simplifications=SIMPLIFICATIONS,
    mergeable=st.sampled_from([None, largest_group(1), largest_group(3)]),
)
def test_random_graphs(
    planner, number, n_operators, sorter, simplifications, mergeable
):
    made = random_graph(source_of(number), n_operators)
    expected = run_plainly(made.operators, made.probed, N_STEPS, made.given)
    graph = OperatorGraph(made.operators, made.facts, mergeable)

    optimized = optimize(
        graph, planner=planner, sorter=sorter, simplifications=simplifications
    )

    exact = has_single_increments(made.operators)
    assert_equivalent(optimized, expected, made.probed, exact, made.given)


@each_planner
@many(N_NETWORKS // len(PLANNERS))
@given(
    number=NUMBERS,
    n_objects=st.integers(1, 8),
    sorter=SORTERS,
    simplifications=SIMPLIFICATIONS,
)
def test_random_networks(planner, number, n_objects, sorter, simplifications):
    model = nengo.builder.Model()
    model.build(random_network(source_of(number).getrandbits(32), n_objects))
    graph = OperatorGraph(model.operators)
    probed = [model.sig[probe]["in"] for probe in model.probes]
    expected = run_plainly(graph, probed, N_STEPS)

    optimized = optimize(
        graph, planner=planner, sorter=sorter, simplifications=simplifications
    )

    exact = has_single_increments(model.operators)
    assert_equivalent(optimized, expected, probed, exact)


@many(N_NETWORKS)
@given(
    number=NUMBERS,
    n_operators=st.integers(1, 24),
    simplification=st.sampled_from(default_simplifications),
)
def test_no_pass_changes_what_it_is_given(number, n_operators, simplification):
    made = random_graph(source_of(number), n_operators)
    before = [_contents(op) for op in made.operators]

    simplification(OperatorGraph(made.operators, made.facts))

    assert [_contents(op) for op in made.operators] == before


def _contents(op: Operator):
    attributes = {
        name: list(value) if isinstance(value, list) else value
        for name, value in vars(op).items()
    }
    values = [
        None if signal.sparse else signal.initial_value.tobytes()
        for signal in op.all_signals
    ]
    return op, attributes, values


def test_all_public_simplifications_are_tried():
    passes = {name for name in nengo_dl_optimizer.__all__ if name.startswith("remove_")}
    assert passes == {function.__name__ for function in default_simplifications}
