"""Settings of networks that are parts of others."""

import nengo
import numpy as np
import pytest
from nengo.exceptions import ConfigError

from nengo_dl_core import Simulator, configure_settings, get_setting
from nengo_dl_optimizer import noop_order_signals
from reference import reference_data


def test_settings_of_the_simulation_are_refused_in_a_part():
    with nengo.Network() as net:
        configure_settings(stateful=False)
        with nengo.Network(label="part") as part:
            message = r'"part"> sets dtype, sorter.*configure_settings\(dtype='
            message += r"'float64', sorter=noop_order_signals\)"
            with pytest.raises(ConfigError, match=message):
                configure_settings(
                    dtype="float64", sorter=noop_order_signals, keep_history=False
                )
            configure_settings(stateful=False)  # as the network around says, too
            probe = nengo.Probe(nengo.Node([0]))
    assert get_setting(net, "dtype") is get_setting(part, "dtype") is None
    assert get_setting(net, "keep_history", obj=probe) is None


def test_networks_bring_settings_into_a_larger_one():
    with nengo.Network() as part:
        configure_settings(dtype="float64", keep_history=False)
        ens = nengo.Ensemble(10, 1, seed=0)
        probe = nengo.Probe(ens)
    with nengo.Network(seed=0) as net:
        net.add(part)
        other = nengo.Probe(ens)
    with pytest.raises(ConfigError, match=r"settings\(dtype='float64'\)$"):
        Simulator(net, progress_bar=False)
    for dtype in ("float64", "float32"):
        with net:
            configure_settings(dtype=dtype)
        expected = reference_data(net, [5])[other]
        with Simulator(net, progress_bar=False) as sim:
            sim.run_steps(5)
            assert sim.data[other].dtype == dtype
            np.testing.assert_allclose(sim.data[other], expected, atol=1e-5)
            np.testing.assert_array_equal(sim.data[probe], sim.data[other][-1:])


@pytest.mark.usefixtures("executor")
def test_history_of_probes():
    with nengo.Network() as net:
        node = nengo.Node(lambda t: t)
        probes = [nengo.Probe(node)]
        with nengo.Network() as part:
            configure_settings(keep_history=False)
            probes += [nengo.Probe(node) for _ in range(2)]
            part.config[probes[2]].keep_history = True
            with nengo.Network():
                probes.append(nengo.Probe(node))
    kept = [3, 1, 3, 1]
    with Simulator(net, progress_bar=False) as sim:
        sim.run_steps(3)
        assert [len(sim.data[probe]) for probe in probes] == kept
        values = sim.predict(n_steps=3)
        assert [values[probe].shape[1] for probe in probes] == kept
