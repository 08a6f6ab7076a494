"""Where time goes in daily use; run on request, with ``nox -s benchmark``."""

import nengo
import numpy as np
import pytest

from nengo_dl_benchmarks.planning import PLANNERS, SORTERS, operator_graph, try_plan
from nengo_dl_benchmarks.suite import BENCHMARKS
from nengo_dl_core import Simulator, configure_settings
from nengo_dl_optimizer import default_simplifications, simplify

SMALL = {
    "basal_ganglia": BENCHMARKS["basal_ganglia"].at(dimensions=8, neurons_per_d=50),
    "cconv": BENCHMARKS["cconv"].at(dimensions=16, neurons_per_d=50),
    "feedback": BENCHMARKS["feedback"],
    "integrator": BENCHMARKS["integrator"].at(dimensions=16),
}


@pytest.fixture(params=SMALL)
def net(request):
    net = SMALL[request.param].build()
    with net:
        configure_settings(jit_compile=True)  # from the first step on
    return net


@pytest.fixture
def graph(net):
    return operator_graph(net)


def bench_reference(benchmark, net):
    with nengo.Simulator(net, progress_bar=False) as sim:
        benchmark(sim.run_steps, 1000)


@pytest.mark.parametrize("minibatch_size", [1, 16])
def bench_run(benchmark, net, minibatch_size):
    with Simulator(net, minibatch_size=minibatch_size, progress_bar=False) as sim:
        sim.run_steps(1000)
        benchmark(sim.run_steps, 1000)


def bench_step(benchmark, net):
    with Simulator(net, progress_bar=False) as sim:
        sim.step()
        benchmark(sim.step)


def bench_first_steps(benchmark, net):
    """Runs that are too short to wait for a compiler."""
    with net:
        configure_settings(jit_compile="auto")
    with Simulator(net, progress_bar=False) as sim:
        benchmark.pedantic(sim.run_steps, (100,), rounds=5)


def bench_predict(benchmark, net):
    with Simulator(net, minibatch_size=16, progress_bar=False) as sim:
        sim.predict(n_steps=100)
        benchmark(sim.predict, n_steps=100)


def bench_build_and_first_step(benchmark, net):
    def build():
        with Simulator(net, progress_bar=False) as sim:
            sim.step()

    benchmark.pedantic(build, rounds=3)


def bench_simplify(benchmark, graph):
    benchmark(simplify, graph, default_simplifications)


@pytest.mark.parametrize("planner", PLANNERS)
@pytest.mark.parametrize("sorter", SORTERS)
def bench_plan(benchmark, graph, planner, sorter):
    simplified = simplify(graph, default_simplifications)
    benchmark.pedantic(try_plan, (simplified, planner, sorter), rounds=3)


def bench_probe_data(benchmark, net):
    with Simulator(net, progress_bar=False) as sim:
        sim.run_steps(5000)
        values = benchmark(lambda: sim.data[net.probes[0]])
    assert len(values) == 5000
    assert np.isfinite(values).all()
