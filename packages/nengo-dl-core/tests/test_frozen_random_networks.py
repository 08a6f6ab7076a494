"""Random networks with changed parameters run in Nengo after freezing, the same."""

import nengo
import numpy as np
from hypothesis import given, reject
from nengo.exceptions import BuildError, SimulationError

from nengo_dl_core import Simulator, configure_settings
from network_strategies import many, networks, tried
from reference import recorded

N_STEPS = 15


def test_random_networks():
    compared = []

    @many(25)
    @given(networks(python=True))
    def check(net):
        with net:
            configure_settings(dtype="float64", jit_compile=False, trainable=True)
        try:
            sim = Simulator(net, seed=0, progress_bar=False)
        except BuildError:  # no decoders
            reject()
        rng = np.random.default_rng(0)
        options = {"seed": 0, "progress_bar": False, "optimize": False}
        with sim:
            for variable in sim.tensor_graph.trainable_variables:
                value = variable.numpy()
                variable.assign(value * rng.uniform(0.9, 1.1, size=value.shape))
            sim.freeze_params(net)
            try:
                with np.errstate(all="ignore"):
                    expected = recorded(nengo.Simulator(net, **options), N_STEPS)
            except (BuildError, SimulationError):  # Nengo cannot build it; it diverges
                reject()
            actual = recorded(sim, N_STEPS)
        for probe, values in expected.items():
            if not np.isfinite(values).all():
                reject()
            scale = 1e-7 * np.abs(values).max(initial=1e-6)
            np.testing.assert_allclose(
                actual[probe], values, rtol=0, atol=scale, err_msg=str(probe)
            )
        compared.append(net)

    check()
    assert len(compared) >= 0.6 * tried(25)
