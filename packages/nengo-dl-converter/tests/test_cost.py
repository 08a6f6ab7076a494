import keras
import nengo
import numpy as np
import pytest
from keras import layers

from keras_oracle import randomize
from nengo_dl_converter import DEVICES, Converter, Cost, Device
from nengo_dl_core import ConnectionMetrics, NetworkMetrics, NeuronMetrics

EVENTS = Device(per_synapse=2.0, per_neuron=3.0, event_driven=True, source="")
STEPS = Device(per_synapse=2.0, per_neuron=3.0, event_driven=False, source="")


def test_energy_of_operations():
    weights = ConnectionMetrics("weights", 100, 0, False, 1000, 60, 20)
    neurons = NeuronMetrics("neurons", "LIF", 10, 100, 30, 0)
    cost = Cost(NetworkMetrics(2, 5, 0, 0, (weights,), (neurons,), ()))
    assert cost.of_network(EVENTS) == 40 * 2 + 10 * 5 * 3
    assert cost.of_network(STEPS) == 100 * 5 * 2 + 10 * 5 * 3
    assert cost.of_keras_model(STEPS) == 100 * 2 + 10 * 3
    assert cost.of_keras_model(EVENTS) is None


def test_weights_are_counted_as_often_as_they_are_used():
    model = randomize(
        keras.Sequential(
            [
                keras.Input((6, 6, 2)),
                layers.Conv2D(4, 3, activation="relu"),
                layers.Flatten(),
                layers.Dense(10),
            ]
        )
    )
    cost = Converter(model).cost()
    assert cost.weights_used == 4 * 4 * 3 * 3 * 2 * 4 + 4 * 4 * 4 * 10
    assert cost.n_neurons == 4 * 4 * 4


def test_pooling_and_normalization_use_no_more_weights_than_elements():
    x = keras.Input((4, 4, 3))
    model = keras.Model(x, layers.BatchNormalization()(layers.AveragePooling2D(2)(x)))
    assert Converter(model, inference_only=True).cost().weights_used == 4 * 4 * 3


def test_products_with_what_nodes_compute_are_counted():
    x = keras.Input((3,))
    model = keras.Model(x, layers.Dense(5)(layers.Multiply()([x, x])))
    converter = Converter(model, allow_fallback=False, inference_only=True)
    assert converter.cost().weights_used == 3 * 5


def test_synaptic_operations_are_those_of_spikes():
    x = keras.Input((4,))
    first, second = layers.Dense(4, "relu"), layers.Dense(10)
    model = keras.Model(x, second(first(x)))
    first.set_weights([np.diag([100.0, 50.0, 0.0, -10.0]), np.zeros(4)])
    start = {"voltage": nengo.dists.Choice([0])}
    spiking = nengo.SpikingRectifiedLinear(initial_state=start)
    converter = Converter(model, swap_activations={keras.activations.relu: spiking})
    cost = converter.cost([np.ones((1, 4))], n_steps=1000)
    spikes = 100 + 50
    assert cost.synaptic_operations == pytest.approx(3 * 1000 + spikes * 10, rel=0.01)


def test_cost_prints_all_devices():
    x = keras.Input((3,))
    text = str(Converter(keras.Model(x, layers.Dense(2, "relu")(x))).cost())
    assert all(name in text for name in DEVICES)
    assert all(device.source for device in DEVICES.values())
