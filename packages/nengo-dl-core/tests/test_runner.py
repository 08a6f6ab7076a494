"""The compiled loop: exact steps, one compilation, constant memory, interrupts."""

import os
import subprocess
import sys

import nengo
import numpy as np
import pytest

from nengo_dl_core import Simulator, configure_settings, tuning


@pytest.fixture
def net():
    with nengo.Network(seed=0) as net:
        stimulus = nengo.Node(lambda t: np.sin(t))
        ens = nengo.Ensemble(20, 1)
        nengo.Connection(stimulus, ens)
        net.probe = nengo.Probe(ens, synapse=0.01)
        net.spikes = nengo.Probe(ens.neurons)
    return net


def simulator(net, **options):
    return Simulator(net, progress_bar=False, **options)


@pytest.mark.parametrize("n_steps", [1, 4, 7])
def test_steps_are_exact(net, n_steps):
    with simulator(net, unroll_simulation=5) as sim:
        sim.run_steps(n_steps)
        assert sim.n_steps == n_steps
        assert len(sim.data[net.probe]) == n_steps
        np.testing.assert_allclose(sim.trange(), np.arange(1, n_steps + 1) * 0.001)


def test_runs_of_all_lengths_use_one_compilation(tmp_path):
    """XLA writes one file for each module that it compiles."""
    code = """
import nengo, nengo_dl_core
with nengo.Network(seed=0) as net:
    nengo_dl_core.configure_settings(jit_compile=True)
    ens = nengo.Ensemble(20, 1)
    nengo.Probe(ens, sample_every=0.003)
with nengo_dl_core.Simulator(net, progress_bar=False) as sim:
    for n_steps in (1, 7, 100, 5000):
        sim.run_steps(n_steps)
    assert sim.n_steps == 5108
"""
    environment = {"XLA_FLAGS": f"--xla_dump_to={tmp_path} --xla_dump_hlo_as_text"}
    run_python(code, **environment)
    modules = list(tmp_path.glob("*before_optimizations.txt"))
    assert len(modules) == 1, modules


def test_memory_does_not_grow_with_the_length_of_a_run():
    """Peak memory of ten times as many steps differs by the probe data only."""
    code = """
import resource, sys
import nengo, nengo_dl_core
with nengo.Network(seed=0) as net:
    stimulus = nengo.Node(lambda t: t % 1)
    ens = nengo.Ensemble(20, 1)
    nengo.Connection(stimulus, ens)
    probe = nengo.Probe(ens.neurons)
    nengo.Probe(ens, sample_every=0.01)
with nengo_dl_core.Simulator(net, progress_bar=False) as sim:
    sim.run_steps(20_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    held = sum(sim.data[p].nbytes for p in net.probes)
    sim.reset()
    sim.run_steps(200_000)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    data = sum(sim.data[p].nbytes for p in net.probes)
print((after - before) * 1024, data - held)
"""
    grown, data = map(int, run_python(code).split())
    assert data > 14e6
    assert grown < data + 4e6  # what the allocator keeps from one step to the next


def run_python(code, **environment):
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_long_inputs_and_outputs_are_divided(net, monkeypatch):
    with simulator(net, seed=1) as sim:
        sim.run_steps(100)
        expected = sim.data[net.spikes]
    monkeypatch.setattr(tuning, "MAX_BUFFER_BYTES", 8 * 24 * 7)
    with simulator(net, seed=1) as sim:
        assert sim._runner.executor.max_steps == 7
        sim.run_steps(100)
        np.testing.assert_array_equal(sim.data[net.spikes], expected)


def test_run_without_keeping_the_state(net):
    with simulator(net) as sim:
        sim.run_steps(10)
        sim.run_steps(10, stateful=False)
        assert sim.n_steps == 10
        first = sim.data[net.probe][10:].copy()
        sim.run_steps(10, stateful=False)
        np.testing.assert_array_equal(sim.data[net.probe][20:], first)


def test_run_without_state_leaves_processes_as_they_were():
    with nengo.Network() as net:
        node = nengo.Node(nengo.processes.WhiteNoise())
        probe = nengo.Probe(node)
    with simulator(net, seed=0) as sim:
        sim.run_steps(5, stateful=False)
        sim.run_steps(5)
        np.testing.assert_array_equal(sim.data[probe][:5], sim.data[probe][5:])


def test_interrupt_leaves_a_usable_simulator(net):
    interrupt_at = [1500]

    def stimulus(t):
        if round(t / 0.001) == interrupt_at[0]:
            raise KeyboardInterrupt
        return np.sin(t)

    net.nodes[0].output = stimulus
    with simulator(net, seed=1) as sim:
        with pytest.raises(KeyboardInterrupt):
            sim.run_steps(2500)
        assert sim.n_steps == len(sim.data[net.probe]) == len(sim.trange()) == 0
        interrupt_at[0] = None
        sim.run_steps(2500)
        actual = sim.data[net.probe]
    with simulator(net, seed=1) as sim:
        sim.run_steps(2500)
        np.testing.assert_array_equal(actual, sim.data[net.probe])


def test_sample_every_saves_memory(net):
    with net:
        sampled = nengo.Probe(net.ensembles[0].neurons, sample_every=0.1)
    with simulator(net) as sim:
        sim.run_steps(400)
        np.testing.assert_array_equal(sim.data[sampled], sim.data[net.spikes][99::100])
        np.testing.assert_allclose(sim.trange(sample_every=0.1), [0.1, 0.2, 0.3, 0.4])
        assert sim.probe_data[sampled].length(sim._runner.executor.max_steps) < 20


def test_probe_that_keeps_the_last_value_only(net):
    with net:
        configure_settings(keep_history=True)
        net.config[net.spikes].keep_history = False
    with simulator(net) as sim:
        sim.run_steps(1100)
        assert sim.data[net.spikes].shape == (1, 20)
        assert sim.data[net.probe].shape == (1100, 1)
        sim.run_steps(3)
        assert sim.data[net.spikes].shape == (1, 20)


def test_progress_is_shown_only_where_it_takes_time(net, capsys):
    with Simulator(net) as sim:
        sim.run_steps(10)
        capsys.readouterr()
        sim.run_steps(10)
    assert capsys.readouterr().err == ""
