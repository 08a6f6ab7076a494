"""The simulator's interface, and its answers to wrong input."""

import gc

import nengo
import numpy as np
import pytest
from nengo.builder.operator import Copy, TimeUpdate
from nengo.builder.signal import Signal
from nengo.exceptions import (
    ConfigError,
    ReadonlyError,
    SimulationError,
    SimulatorClosed,
    ValidationError,
)

from nengo_dl_core import Simulator, configure_settings


@pytest.fixture
def net():
    with nengo.Network(seed=0) as net:
        net.a = nengo.Node([0.5], label="a")
        net.b = nengo.Node([0.1, 0.2])
        net.ens = nengo.Ensemble(20, 1)
        net.conn = nengo.Connection(net.a, net.ens, transform=[[0.5]])
        net.probe = nengo.Probe(net.ens, synapse=0.01)
        net.p_b = nengo.Probe(net.b, label="p")
    return net


@pytest.fixture
def sim(net):
    with Simulator(net, progress_bar=False) as sim:
        yield sim


class TestState:
    def test_beginning(self, net, sim):
        assert (sim.n_steps, sim.time, sim.dt, sim.seed) == (0, 0, 0.001, net.seed + 1)
        assert sim.data[net.probe].shape == (0, 1)

    def test_run_rounds_to_steps(self, sim):
        sim.run(0.0026)
        assert sim.n_steps == 3
        assert sim.time == 0.003

    def test_run_of_no_steps_warns(self, sim):
        with pytest.warns(UserWarning, match="half a step"):
            sim.run(0.0001)
        assert sim.n_steps == 0

    def test_step(self, net, sim):
        for _ in range(3):
            sim.step()
        assert sim.data[net.probe].shape == (3, 1)

    def test_reset_repeats_the_simulation(self, net, sim):
        sim.run_steps(50)
        first = sim.data[net.probe].copy()
        sim.reset()
        assert sim.n_steps == 0
        assert len(sim.data[net.probe]) == 0
        sim.run_steps(50)
        np.testing.assert_array_equal(sim.data[net.probe], first)

    def test_reset_with_seed_changes_the_default(self):
        with nengo.Network() as net:
            noise = nengo.Node(nengo.processes.WhiteNoise())
            probe = nengo.Probe(noise)
        with Simulator(net, seed=0, progress_bar=False) as sim:
            data = []
            for seed in (None, 1, None, 0):
                sim.reset(seed=seed)
                sim.run_steps(5)
                data.append(sim.data[probe].copy())
            assert sim.seed == 0
        np.testing.assert_array_equal(data[1], data[2])
        np.testing.assert_array_equal(data[0], data[3])
        assert not np.array_equal(data[0], data[1])

    def test_reset_keeps_what_it_is_told_to_keep(self, net, sim):
        sim.run_steps(5)
        block, variable = sim.tensor_graph.parameters[0]
        variable.assign(variable * 2)
        changed = variable.numpy()
        sim.reset(include_trainable=False, include_probes=False)
        np.testing.assert_array_equal(variable, changed)
        assert len(sim.data[net.probe]) == 5
        sim.reset()
        np.testing.assert_array_equal(2 * variable.numpy(), changed)
        assert block.shape == changed.shape

    def test_reset_can_leave_processes_running(self):
        with nengo.Network() as net:
            node = nengo.Node(nengo.processes.WhiteNoise())
            probe = nengo.Probe(node)
        with Simulator(net, seed=0, progress_bar=False) as sim:
            sim.run_steps(10)
            expected = sim.data[probe][5:].copy()
            sim.reset()
            sim.run_steps(5)
            sim.reset(include_processes=False)
            sim.run_steps(5)
            np.testing.assert_array_equal(sim.data[probe], expected)

    @pytest.mark.parametrize("name", ["seed", "dt"])
    def test_what_is_read_only(self, sim, name):
        with pytest.raises(ReadonlyError):
            setattr(sim, name, 1)


class TestData:
    def test_forms_of_input(self, net, sim):
        rng = np.random.default_rng(0)
        a, b = rng.normal(size=(1, 5, 1)), rng.normal(size=(1, 5, 2))
        for data in ({net.a: a, net.b: b}, {"a": a, "node": b}, [a, b]):
            sim.reset()
            sim.run_steps(5, data=data)
            np.testing.assert_allclose(sim.data[net.p_b], b[0], rtol=1e-6)
        sim.reset()
        sim.run_steps(5, data=a)
        np.testing.assert_allclose(sim.data[net.p_b], [[0.1, 0.2]] * 5, rtol=1e-6)

    def test_minibatch_axis(self, net):
        with Simulator(net, minibatch_size=2, progress_bar=False) as sim:
            sim.run_steps(5)
            assert sim.data[net.p_b].shape == (2, 5, 2)

    def test_probe_values_are_read_only(self, net, sim):
        sim.run_steps(1)
        with pytest.raises(ValueError, match="read-only"):
            sim.data[net.probe][:] = 0

    def test_parameters(self, net, sim):
        with nengo.Simulator(net, progress_bar=False) as reference:
            for obj in (net.ens, net.conn):
                for name, expected in reference.data[obj]._asdict().items():
                    np.testing.assert_array_equal(
                        getattr(sim.data[obj], name), expected, err_msg=name
                    )

    def test_parameters_are_live(self, net, sim):
        before = sim.data[net.ens].bias
        for _, variable in sim.tensor_graph.parameters:
            variable.assign(variable + 1)
        np.testing.assert_allclose(sim.data[net.ens].bias, before + 1, rtol=1e-6)
        (encoders,) = sim.data.get_params((net.ens, "encoders"))
        np.testing.assert_array_equal(encoders, sim.data[net.ens].scaled_encoders)

    def test_all_objects_that_were_built(self, net):
        with net:
            direct = nengo.Ensemble(1, 2, neuron_type=nengo.Direct())
            nothing = nengo.Connection(net.b, direct, transform=None)
        with Simulator(net, progress_bar=False) as sim:
            assert {net.ens, net.conn, direct, nothing} <= set(sim.data)
            assert len(sim.data) == len(list(sim.data))
            assert sim.data[direct] is sim.model.params[direct]
            assert sim.data[nothing] is sim.model.params[nothing]

    def test_unknown_object(self, sim):
        with nengo.Network():
            other = nengo.Ensemble(5, 1)
        with pytest.raises(ValidationError, match="not in the simulated network"):
            sim.data[other]

    def test_names(self, net, sim):
        assert sim.get_name(net.a) == "a"
        assert sim.get_name(net.b) == "node"
        assert sim.get_name(net.p_b) == "p"
        with pytest.raises(ValidationError, match="no input Node or Probe"):
            sim.get_name(net.ens)


class TestPredict:
    def test_equals_run(self, net, sim):
        predicted = sim.predict(n_steps=20)
        assert sim.n_steps == 0
        sim.run_steps(20)
        np.testing.assert_allclose(
            predicted[net.probe][0], sim.data[net.probe], atol=1e-6
        )

    def test_the_keras_model_counts_the_steps_of_its_inputs(self, net):
        x = {"a": np.ones((2, 4, 1)), "node": np.zeros((2, 4, 2))}
        with Simulator(net, minibatch_size=2, progress_bar=False) as sim:
            expected = sim.predict(x)
            actual = sim.keras_model(x)
        np.testing.assert_allclose(actual["p"], expected[net.p_b])
        np.testing.assert_allclose(actual["probe"], expected[net.probe])

    def test_any_number_of_samples(self, net):
        b = np.random.default_rng(0).normal(size=(7, 4, 2))
        with Simulator(net, minibatch_size=3, progress_bar=False) as sim:
            predicted = sim.predict({net.b: b})
        np.testing.assert_allclose(predicted[net.p_b], b, rtol=1e-6)
        assert predicted[net.probe].shape == (7, 4, 1)

    def test_state_is_kept_on_request(self):
        with nengo.Network() as net:
            node = nengo.Node([1.0])
            probe = nengo.Probe(node, synapse=0.1)
        with Simulator(net, progress_bar=False) as sim:
            sim.run_steps(10)
            expected = sim.data[probe]
            sim.reset()
            first = sim.predict(n_steps=5, stateful=True)[probe][0]
            assert sim.n_steps == 5
            second = sim.predict(n_steps=5, stateful=False)[probe][0]
            again = sim.predict(n_steps=5, stateful=False)[probe][0]
        np.testing.assert_allclose(np.concatenate([first, second]), expected, rtol=1e-6)
        np.testing.assert_array_equal(second, again)

    def test_double_precision_stays(self, net):
        with net:
            configure_settings(dtype="float64")
        b = np.random.default_rng(0).normal(size=(1, 4, 2))
        with Simulator(net, progress_bar=False) as sim:
            predicted = sim.predict({net.b: b})
        assert predicted[net.p_b].dtype == np.float64
        np.testing.assert_array_equal(predicted[net.p_b], b)

    def test_unknown_number_of_steps(self, sim):
        with pytest.raises(ValidationError, match="how many steps"):
            sim.predict()


class TestErrors:
    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("unroll_simulation", 0),
            ("unroll_simulation", 1.5),
            ("minibatch_size", 0),
            ("minibatch_size", "3"),
        ],
    )
    def test_impossible_arguments(self, net, option, value):
        with pytest.raises(ValidationError, match=f"{option}.*positive integer"):
            Simulator(net, **{option: value})

    def test_no_network(self):
        with pytest.raises(ValidationError, match="network or a built model"):
            Simulator(None)

    def test_wrong_shape(self, net, sim):
        for shape in [(1, 4, 1), (2, 5, 1), (1, 5, 2), (5, 1)]:
            with pytest.raises(ValidationError, match=r"'a' have shape.*\(1, 5, 1\)"):
                sim.run_steps(5, data={net.a: np.zeros(shape)})
        assert sim.n_steps == 0

    def test_unknown_node(self, net, sim):
        with nengo.Network():
            other = nengo.Node([0])
        for key in (other, "nobody", net.probe):
            with pytest.raises(ValidationError, match="is no input Node"):
                sim.run_steps(5, data={key: np.zeros((1, 5, 1))})

    def test_too_many_arrays(self, sim):
        with pytest.raises(ValidationError, match="3 arrays were given"):
            sim.run_steps(5, data=[np.zeros((1, 5, 1))] * 3)

    def test_values_that_are_no_numbers(self, net, sim):
        with pytest.raises(ValidationError, match="must be numbers"):
            sim.run_steps(1, data={net.a: np.array([[["x"]]])})

    @pytest.mark.parametrize("n_steps", [0, -1, 2.5])
    def test_impossible_number_of_steps(self, sim, n_steps):
        with pytest.raises(ValidationError, match="n_steps"):
            sim.run_steps(n_steps)

    def test_negative_time(self, sim):
        with pytest.raises(ValidationError, match="positive"):
            sim.run(-1)

    def test_use_after_close(self, net):
        with Simulator(net, progress_bar=False) as sim:
            sim.run_steps(5)
        for method in (lambda: sim.run_steps(1), sim.step, sim.reset, sim.predict):
            with pytest.raises(SimulatorClosed):
                method()
        with pytest.raises(SimulatorClosed), sim:
            pass
        assert sim.data[net.probe].shape == (5, 1)
        assert sim.n_steps == 5
        sim.close()

    def test_forgotten_close_warns(self, net):
        def forget():
            Simulator(net, progress_bar=False)
            gc.collect()

        with pytest.warns(ResourceWarning, match="deallocated while open"):
            forget()

    @pytest.mark.parametrize(
        ("result", "message"),
        [
            (None, "returned None"),
            (np.nan, "non-finite"),
            ([1.0, np.inf], "non-finite"),
            ([1.0, 2.0, 3.0], "returned 3 values, expected 2"),
            ("text", "invalid type str"),
        ],
    )
    @pytest.mark.parametrize("size_in", [0, 1])
    def test_bad_results_of_functions(self, result, message, size_in):
        def bad_function(t, *_):
            return result if t > 0.0035 else [1.0, 2.0]

        with nengo.Network() as net:
            node = nengo.Node(bad_function, size_in=size_in, size_out=2, label="bad")
            nengo.Probe(node)
        with Simulator(net, progress_bar=False) as sim:
            sim.run_steps(3)
            with pytest.raises(
                SimulationError, match=f"'bad'.*bad_function.*{message}"
            ):
                sim.run_steps(3)
            assert sim.n_steps == 3

    def test_errors_in_functions_are_raised_as_they_are(self):
        def broken(t, x):
            raise ZeroDivisionError("by the user")

        with nengo.Network() as net:
            nengo.Node(broken, size_in=1, size_out=1)
        with (
            Simulator(net, progress_bar=False) as sim,
            pytest.raises(ZeroDivisionError, match="by the user"),
        ):
            sim.run_steps(1)

    def test_unknown_setting(self, net):
        with net, pytest.raises(ConfigError, match="'planer' is no setting"):
            configure_settings(planer=None)


def test_device(net):
    with Simulator(net, device="/cpu:0", progress_bar=False) as sim:
        sim.run_steps(3)
        assert "CPU:0" in sim.tensor_graph.states[0].value.device


def test_unknown_device(net):
    with pytest.raises(ValidationError, match=r"there is no '/gpu:7', only .*CPU:0"):
        Simulator(net, device="/gpu:7", progress_bar=False)


def test_prebuilt_model(net):
    model = nengo.builder.Model(dt=0.002)
    model.build(net)
    with Simulator(None, model=model, progress_bar=False) as sim:
        sim.run_steps(10)
        assert sim.time == pytest.approx(0.02)
        actual = sim.data[net.probe]
    with nengo.Simulator(net, dt=0.002, progress_bar=False) as reference:
        reference.run_steps(10)
        np.testing.assert_allclose(actual, reference.data[net.probe], atol=1e-5)


def test_operators_without_network():
    results = []
    for kind in (nengo.Simulator, Simulator):
        model = nengo.builder.Model()
        one, total = Signal(np.ones(2), name="one"), Signal(np.zeros(2), name="total")
        model.add_op(Copy(one, total, inc=True))
        with kind(None, model=model, progress_bar=False) as sim:
            sim.run_steps(7)
            results.append(np.ravel(sim.signals[total]))
            assert [type(op) for op in sim.step_order].count(TimeUpdate) == 1
    np.testing.assert_array_equal(*results)


def test_keras_model_has_the_parameters(sim):
    assert sim.keras_model.trainable_weights
    assert all(w.dtype == "float32" for w in sim.keras_model.weights)
    names = {"a", "node", "n_steps"}
    assert {tensor.name for tensor in sim.keras_model.inputs} == names
