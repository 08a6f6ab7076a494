"""Random NIR graphs compute what NIR says they compute.

A test run takes a hundred graphs; more are taken by giving a range of batches of a
hundred, as in ``NENGO_DL_BATCHES=0:10``.
"""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from nengo_dl_converter import from_nir
from nir_executor import run
from nir_graphs import cases
from nir_runs import assert_computes, assert_same, simulated_by_reference

BATCHES = range(*map(int, os.environ.get("NENGO_DL_BATCHES", "0:1").split(":")))
COMPILED = 10


def many(n_examples, batch):
    chosen = settings(
        max_examples=min(n_examples, int(os.environ.get("NENGO_DL_EXAMPLES", "100"))),
        database=None,
        phases=[Phase.generate],  # a smaller graph is seldom worth the time it takes
        suppress_health_check=list(HealthCheck),
    )
    return lambda test: seed(batch)(chosen(test))


@pytest.mark.parametrize("batch", BATCHES)
def test_random_graphs(batch):
    @many(100 - COMPILED, batch)
    @given(cases())
    def check(case):
        graph, inputs, dt, discretization = case
        assert_computes(graph, graph, inputs, dt, discretization, compiled=False)

    check()


@pytest.mark.parametrize("batch", BATCHES)
def test_random_graphs_compiled(batch):
    @many(COMPILED, 10_000 + batch)
    @given(cases())
    def check(case):
        graph, inputs, dt, discretization = case
        assert_computes(graph, graph, inputs, dt, discretization, compiled=True)

    check()


@pytest.mark.parametrize("batch", BATCHES)
def test_random_graphs_in_the_reference_simulator(batch):
    @many(30, 20_000 + batch)
    @given(cases())
    def check(case):
        graph, inputs, dt, discretization = case
        inputs = {name: values[:1] for name, values in inputs.items()}
        expected = run(graph, inputs, dt, discretization)
        imported = from_nir(graph, dt, discretization)
        found = simulated_by_reference(imported, inputs)
        for name, values in expected.items():
            assert_same(found[name], values)
            assert np.isfinite(values).all()

    check()
