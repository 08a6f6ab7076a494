"""Settings, and what they make trainable."""

import nengo
import numpy as np
import pytest
import tensorflow as tf
from nengo.exceptions import ConfigError, NetworkContextError, ValidationError

from nengo_dl_core import Simulator, configure_settings, get_setting
from nengo_dl_core.network.trainability import mark_signals
from nengo_dl_optimizer import noop_order_signals, noop_planner
from reference import assert_same, reference_data, simulated_data


class TestConfigureSettings:
    def test_settings_add_up(self):
        with nengo.Network() as net:
            configure_settings(inference_only=True)
            with nengo.Network():
                configure_settings(lif_smoothing=0.1)
        assert get_setting(net, "inference_only") is True
        assert get_setting(net, "lif_smoothing") == 0.1
        assert get_setting(net, "planner") is None
        assert get_setting(net, "planner", "default") == "default"

    def test_setting_of_a_built_model(self):
        with nengo.Network() as net:
            configure_settings(stateful=False)
        model = nengo.builder.Model()
        assert get_setting(model, "stateful", "default") == "default"
        model.build(net)
        assert get_setting(model, "stateful", "default") is False

    def test_setting_of_an_object(self):
        with nengo.Network() as net:
            configure_settings(keep_history=True)
            a, b = (nengo.Probe(nengo.Node([0])) for _ in range(2))
            net.config[b].keep_history = False
        assert get_setting(net, "keep_history", obj=a) is True
        assert get_setting(net, "keep_history", obj=b) is False

    @pytest.mark.parametrize("dtype", ["float64", tf.float64, np.float64])
    def test_dtype(self, dtype):
        with nengo.Network() as net:
            configure_settings(dtype=dtype)
        assert get_setting(net, "dtype") == "float64"

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("trainable", "yes"),
            ("keep_history", None),
            ("planner", "greedy"),
            ("sorter", 1),
            ("simplifications", ["remove"]),
            ("inference_only", 1),
            ("lif_smoothing", -1),
            ("dtype", "int32"),
            ("stateful", "no"),
            ("use_loop", 0),
            ("learning_phase", "train"),
            ("jit_compile", "never"),
        ],
    )
    def test_impossible_value(self, name, value):
        with nengo.Network() as net:
            with pytest.raises(ValidationError, match=f"{name}.*must be"):
                configure_settings(**{name: value})
        assert get_setting(net, name) is None

    def test_nothing_is_set_if_one_setting_is_wrong(self):
        with nengo.Network() as net:
            with pytest.raises(ConfigError, match="'nonsense' is no setting"):
                configure_settings(stateful=False, nonsense=1)
        assert get_setting(net, "stateful") is None

    def test_outside_of_a_network(self):
        with pytest.raises(NetworkContextError, match="within a network"):
            configure_settings(stateful=False)


class Trainable:
    """A network, and which of its signals are marked as trainable."""

    def __init__(self):
        with nengo.Network() as self.net:
            self.node = nengo.Node([0])
            self.ens = nengo.Ensemble(5, 1)
            self.direct = nengo.Ensemble(5, 1, neuron_type=nengo.Direct())
            self.conn = nengo.Connection(self.node, self.ens, transform=2)
            with nengo.Network() as self.subnet:
                self.sub_ens = nengo.Ensemble(5, 1)
                self.sub_conn = nengo.Connection(self.sub_ens, self.ens)
            nengo.Probe(self.ens)

    def marks(self):
        model = nengo.builder.Model()
        model.build(self.net)
        marks = mark_signals(model)
        signals = {
            "encoders": model.sig[self.ens]["encoders"],
            "bias": model.sig[self.ens.neurons]["bias"],
            "weights": model.sig[self.conn]["weights"],
            "sub_encoders": model.sig[self.sub_ens]["encoders"],
            "sub_weights": model.sig[self.sub_conn]["weights"],
        }
        assert len(marks) == len(signals) + 1  # and the bias in the subnetwork
        return {name: marks[signal] for name, signal in signals.items()}


class TestTrainable:
    everything = dict.fromkeys(
        ["encoders", "bias", "weights", "sub_encoders", "sub_weights"], True
    )

    def test_default(self):
        assert Trainable().marks() == self.everything

    def test_nothing(self):
        network = Trainable()
        with network.net:
            configure_settings(trainable=False)
        assert network.marks() == dict.fromkeys(self.everything, False)

    def test_type_and_instance(self):
        network = Trainable()
        with network.net:
            configure_settings(trainable=None)
        config = network.net.config
        config[nengo.Ensemble].trainable = False
        config[network.ens].trainable = True
        config[network.conn].trainable = False
        expected = self.everything | {"weights": False, "sub_encoders": False}
        assert network.marks() == expected

    def test_biases_on_their_own(self):
        network = Trainable()
        with network.net:
            configure_settings(trainable=None)
        network.net.config[network.ens.neurons].trainable = False
        assert network.marks() == self.everything | {"bias": False}

    def test_subnetwork(self):
        network = Trainable()
        with network.net:
            configure_settings(trainable=None)
        config = network.net.config
        config[network.subnet].trainable = False
        expected = self.everything | {"sub_encoders": False, "sub_weights": False}
        assert network.marks() == expected
        config[network.sub_ens].trainable = True
        assert network.marks() == expected | {"sub_encoders": True}

    def test_config_of_a_subnetwork_has_no_effect(self):
        network = Trainable()
        subnet = network.subnet
        subnet.config.configures(nengo.Ensemble)
        subnet.config[nengo.Ensemble].set_param(
            "trainable", nengo.params.BoolParam("x")
        )
        with pytest.raises(ConfigError, match="config of the top-level network"):
            network.marks()

    def test_learning_rules_own_what_they_modify(self):
        with nengo.Network() as net:
            a, b = nengo.Ensemble(5, 1), nengo.Ensemble(5, 1)
            pes = nengo.Connection(a, b, learning_rule_type=nengo.PES())
            nengo.Connection(b, pes.learning_rule)
            voja = nengo.Connection(b, a, learning_rule_type=nengo.Voja())
        model = nengo.builder.Model()
        model.build(net)
        marks = mark_signals(model)
        assert marks[model.sig[pes]["weights"]] is None
        assert marks[model.sig[a]["encoders"]] is None
        assert marks[model.sig[voja]["weights"]] is True

    def test_weights_of_the_keras_model(self):
        network = Trainable()
        with network.net:
            configure_settings(trainable=None)
            network.net.config[nengo.Ensemble].trainable = False
        with Simulator(network.net, progress_bar=False) as sim:
            trained = {
                signal.name
                for block, variable in sim.tensor_graph.parameters
                for signal in block.signals
                if variable.trainable
            }
        assert trained
        assert all("weights" in name for name in trained)


def decaying(**settings):
    with nengo.Network(seed=0) as net:
        configure_settings(**settings)
        node = nengo.Node([1.0])
        ens = nengo.Ensemble(10, 1)
        nengo.Connection(node, ens)
        net.probe = nengo.Probe(node, synapse=0.1)
    return net


class TestEffects:
    def test_without_loop(self):
        with Simulator(decaying(), progress_bar=False) as sim:
            sim.run_steps(5)
            expected = sim.data[sim.model.toplevel.probe]
        net = decaying(use_loop=False)
        with Simulator(net, unroll_simulation=5, progress_bar=False) as sim:
            for method in (sim.run_steps, lambda n: sim.predict(n_steps=n)):
                with pytest.raises(ValidationError, match="unroll_simulation, 5"):
                    method(4)
            sim.run_steps(5)
            np.testing.assert_allclose(sim.data[net.probe], expected, rtol=1e-6)
            predicted = sim.predict(n_steps=5)[net.probe][0]
            sim.run_steps(5)
            np.testing.assert_allclose(predicted, sim.data[net.probe][5:], rtol=1e-6)

    def test_precision(self, monkeypatch):
        def precision(**settings):
            net = decaying(**settings)
            with Simulator(net, progress_bar=False) as sim:
                sim.run_steps(5)
                np.testing.assert_allclose(
                    sim.data[net.probe][:2, 0], [0, 0.01], atol=1e-4
                )
                return sim.data[net.probe].dtype

        assert precision() == np.float32
        assert precision(dtype="float16") == np.float16
        monkeypatch.setitem(nengo.rc["precision"], "bits", "16")
        assert precision() == np.float16
        assert precision(dtype="float64") == np.float64

    def test_not_stateful(self):
        net = decaying(stateful=False)
        with Simulator(net, progress_bar=False) as sim:
            for _ in range(2):
                sim.run_steps(3)
                sim.predict(n_steps=2, stateful=True)
            assert sim.n_steps == 0
            first, second = np.split(sim.data[net.probe], 2)
            np.testing.assert_array_equal(first, second)

    def test_session_config(self):
        before = tf.config.get_soft_device_placement()
        try:
            options = {"allow_soft_placement": not before}
            with Simulator(decaying(session_config=options), progress_bar=False):
                assert tf.config.get_soft_device_placement() is not before
        finally:
            tf.config.set_soft_device_placement(before)

    def test_session_config_that_comes_too_late(self):
        tf.zeros(1)
        net = decaying(session_config={"inter_op_parallelism_threads": 77})
        with pytest.raises(ConfigError, match="before TensorFlow is first used"):
            Simulator(net, progress_bar=False)

    def test_session_config_that_is_no_more(self):
        with (
            nengo.Network(),
            pytest.raises(ConfigError, match="'log_device_placement'"),
        ):
            configure_settings(session_config={"log_device_placement": True})


def test_functions_of_a_user_optimize_the_graph():
    called = []

    def planner(operators):
        called.append("planner")
        return noop_planner(operators)

    def sorter(plan):
        called.append("sorter")
        signals, plan = noop_order_signals(plan)
        return signals[::-1], plan

    def simplification(operators):
        called.append("simplification")
        return list(operators)

    with nengo.Network(seed=0) as net:
        ens = nengo.Ensemble(10, 2)
        nengo.Connection(nengo.Node([0.5, 1.0]), ens)
        nengo.Probe(ens, synapse=0.01)
    expected = reference_data(net, [20])
    with net:
        configure_settings(
            dtype="float64",
            planner=planner,
            sorter=sorter,
            simplifications=[simplification],
        )
    with Simulator(net, progress_bar=False) as sim:
        assert {len(group) for group in sim.program.optimized.plan} == {1}
    assert called == ["simplification", "planner", "sorter"]
    assert_same(simulated_data(net, [20]), expected)
