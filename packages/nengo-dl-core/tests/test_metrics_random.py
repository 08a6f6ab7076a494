"""Of random networks, what is counted of neurons is what the reference records."""

import nengo
import numpy as np
import pytest
from hypothesis import given, reject
from nengo.exceptions import BuildError, SimulationError

from nengo_dl_core import Simulator, configure_settings, measure
from network_strategies import cases, many


@pytest.mark.filterwarnings("ignore::RuntimeWarning:nengo\\.")  # its own NaNs
@given(case=cases(jit_compile=False))
@many(20)
def test_activity_is_that_of_the_reference(case):
    with case.net:
        configure_settings(**case.settings)
        probes = [
            nengo.Probe(ens.neurons)
            for ens in case.net.all_ensembles
            if not isinstance(ens.neuron_type, nengo.Direct)
        ]
    options = {"dt": case.dt, "progress_bar": False}
    n_items, n_steps = case.options["minibatch_size"], sum(case.pieces)
    expected = np.zeros(len(probes), int)
    try:
        with np.errstate(over="raise"):
            for item in range(n_items or 1):
                seed = case.seed + item
                with nengo.Simulator(
                    case.net, seed=seed, optimize=False, **options
                ) as reference:
                    reference.run_steps(n_steps)
                expected += [np.count_nonzero(reference.data[x]) for x in probes]
    except (BuildError, FloatingPointError, SimulationError):
        reject()  # no decoders, or diverging activity
    with case.net:
        case.net.probes.clear()  # what no Probe depends on is measured, too
    with Simulator(case.net, seed=case.seed, **options, **case.options) as sim:
        metrics = measure(sim, n_steps=n_steps)
    assert [neurons.n_active for neurons in metrics.neurons] == expected.tolist()
    for connection in metrics.connections:
        assert 0 <= connection.effective_operations <= connection.dense_operations
