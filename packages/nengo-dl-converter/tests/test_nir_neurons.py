"""NIR's neurons as neuron types of Nengo."""

import nengo
import nir
import numpy as np
import pytest
import tensorflow as tf
from nengo.exceptions import SimulationError

import nengo_dl_core
from nengo_dl_converter import from_nir
from nir_runs import simulated, simulated_by_reference


def twins():
    """A graph with two populations whose parameters are the same."""
    shape = np.array([2])
    nodes = {"in": nir.Input(shape)}
    edges = []
    for name in "ab":
        nodes[name] = nir.IF(r=np.array([1.0, 2.0]), v_threshold=np.ones(2))
        nodes[f"{name}.out"] = nir.Output(shape)
        edges += [("in", name), (name, f"{name}.out")]
    return nir.NIRGraph(nodes, edges)


def test_nengo_does_not_confuse_populations_that_are_alike():
    inputs = {"in": np.full((1, 10, 2), 0.3)}
    found = simulated_by_reference(from_nir(twins(), 1, "euler"), inputs)
    expected = np.zeros((1, 10, 2))
    expected[:, 3::4, 0] = 1  # 0.3, 0.6, 0.9, 1.2
    expected[:, 1::2, 1] = 1  # 0.6, 1.2
    for values in found.values():
        np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("simulator", [nengo.Simulator, nengo_dl_core.Simulator])
def test_steps_of_another_length_are_refused(simulator):
    imported = from_nir(twins(), 1e-4, "euler")
    with pytest.raises(SimulationError, match=r"steps of 0\.0001 s"):
        with simulator(imported.net, dt=1e-3, progress_bar=False) as sim:
            sim.run_steps(1)


def test_voltage_that_approaches_the_threshold_never_passes_it():
    graph = nir.NIRGraph.from_list(
        nir.LIF(*np.array([[0.01], [1.0], [0.0], [1.0], [0.0]]))
    )
    imported = from_nir(graph, 1e-3, "exact")
    values = simulated(imported, {"input": np.ones((1, 1000, 1))}, ["lif"])
    assert 1 - 1e-14 < values["lif.voltage"].max() <= 1
    assert not values["output"].any()


@pytest.mark.parametrize("discretization", ["exact", "euler"])
def test_leak_that_is_not_zero_starts_at_zero(discretization):
    graph = nir.NIRGraph.from_list(nir.LI(*np.array([[0.01], [1.0], [0.5]])))
    imported = from_nir(graph, 1e-3, discretization)
    found = simulated_by_reference(imported, {"input": np.zeros((1, 3, 1))})
    k = 0.1 if discretization == "euler" else 1 - np.exp(-0.1)
    expected = 0.5 * (1 - (1 - k) ** np.arange(1, 4))
    np.testing.assert_allclose(found["output"][0, :, 0], expected, rtol=1e-12)


@pytest.mark.parametrize("gradient", [None, "rates", "fast_sigmoid", "triangle"])
@pytest.mark.parametrize("kind", ["IF", "LIF", "CubaLIF"])
def test_weights_before_neurons_have_a_gradient(kind, gradient):
    leak = {"tau_mem": 0.01, "tau_syn": 0.005, "tau": 0.01, "v_leak": 0.0, "w_in": 1.0}
    names = {"IF": [], "LIF": ["tau", "v_leak"]}.get(
        kind, ["tau_mem", "tau_syn", "v_leak", "w_in"]
    )
    neurons = getattr(nir, kind)(
        r=np.array([50.0 if kind == "IF" else 1.0] * 3),
        v_threshold=np.array([0.2, 0.4, np.inf]),
        **{name: np.full(3, leak[name]) for name in names},
    )
    weight = np.array([[0.5], [1.0], [0.8]])
    graph = nir.NIRGraph.from_list(nir.Linear(weight), neurons)
    imported = from_nir(graph, 1e-3, "euler")
    with imported.net:
        nengo_dl_core.configure_settings(spike_gradient=gradient, dtype="float64")
    with nengo_dl_core.Simulator(imported.net, dt=1e-3, progress_bar=False) as sim:
        connection = imported.net.record["linear",].weights["weight"]
        sim.compile(optimizer="sgd", loss="mse")
        x, y = np.ones((1, 20, 1)), np.ones((1, 20, 3))
        sim.fit(
            {imported.inputs["input"]: x}, {imported.outputs["output"]: y}, verbose=0
        )
        changed = np.asarray(sim.data[connection].weights) - weight
    assert (changed[:2] > 0).all()
    assert changed[2] == 0


@pytest.mark.parametrize("by", ["network", "ensemble", "type"])
def test_surrogate_by_hand(by):
    """Until the first spike the voltage is the sum of what was put in."""
    weight, n_steps = 0.3, 5
    neurons = nir.IF(np.array([50.0]), np.array([1.0]), np.array([-1.0]))
    graph = nir.NIRGraph.from_list(nir.Linear(np.array([[weight]])), neurons)
    imported = from_nir(graph, 1e-2, "euler")
    net = imported.net

    def derivative(x):
        return 1 / (1 + x**2)

    with net:
        nengo_dl_core.configure_settings(dtype="float64")
        (ens,) = (
            x for x in net.all_ensembles if "Fire" in type(x.neuron_type).__name__
        )
        if by == "network":
            nengo_dl_core.configure_settings(spike_gradient=derivative)
        elif by == "ensemble":
            net.config[ens].spike_gradient = derivative
        else:
            types = {type(ens.neuron_type): derivative}
            nengo_dl_core.configure_settings(spike_gradient=types)
    with nengo_dl_core.Simulator(net, dt=1e-2, progress_bar=False) as sim:
        layer = sim.tensor_graph
        name = sim.program.input_names[imported.inputs["input"]]
        x = tf.ones((1, n_steps, 1), tf.float64)
        with tf.GradientTape() as tape:
            tape.watch(x)
            inputs = {name: x, "n_steps": [[n_steps]]}
            (outputs,) = layer.call(inputs, training=True).values()
            loss = outputs[0, -1, 0]
        gradient = tape.gradient(loss, x)
    assert not outputs.numpy().any()
    scale = 50 * 1e-2 * weight
    expected = derivative((n_steps * scale - 1) / 2) * scale / 2
    np.testing.assert_allclose(gradient, np.full((1, n_steps, 1), expected))
