"""The benchmark networks that have TensorFlow in them."""

import keras
import nengo
import numpy as np
import pytest

from nengo_dl_benchmarks import lmu, mnist, spaun
from nengo_dl_benchmarks.networks.lmu import ORDER, UNITS, memory_matrices
from nengo_dl_core import Simulator, configure_settings

N_STEPS = 20


def n_trainable(net):
    with Simulator(net, progress_bar=False) as sim:
        return sum(np.prod(w.shape) for w in sim.keras_model.trainable_weights)


def by_equations(x, e_x, e_h, e_m, W_x, W_h, W_m, W_out):
    """Run a Legendre memory unit; return the readout after each element."""
    A, B = memory_matrices(N_STEPS)
    h, m = np.zeros(UNITS), np.zeros(ORDER)
    outputs = []
    for value in x:
        u = e_x @ value + e_h @ h + e_m @ m
        m = A @ m + B @ u
        h = np.tanh(W_x @ value + W_h @ h + W_m @ m)
        outputs.append(W_out @ h)
    return np.array(outputs)


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(N_STEPS, 1))


def test_memory_holds_a_window_of_its_input():
    theta = 100
    A, B = memory_matrices(theta)
    signal = np.sin(np.linspace(0, 6, 400))
    memory, end_of_window = np.zeros((ORDER, 1)), []
    for u in signal:
        memory = A @ memory + B * u
        end_of_window.append(memory.sum())  # each Legendre polynomial is 1 at its end
    np.testing.assert_allclose(
        end_of_window[2 * theta :], signal[theta:-theta], atol=0.02
    )


@pytest.mark.parametrize("native_nengo", [True, False])
def test_lmu_has_the_parameters_of_the_paper(native_nengo):
    assert n_trainable(lmu(1000, 1, native_nengo=native_nengo)) == 102_017


def test_lmu_of_nengo_objects_follows_the_equations(x):
    net = lmu(N_STEPS, 1, native_nengo=True)
    with net:
        configure_settings(dtype="float64")
    with Simulator(net, progress_bar=False) as sim:
        sim.run_steps(N_STEPS, data={net.nodes[0]: x[None]})
    weights = [
        sim.data[conn].weights
        for conn in net.connections
        if net.config[conn].trainable is not False
    ]
    e_x, e_h, e_m, W_x, W_h, W_m, W_out = weights
    np.testing.assert_allclose(
        sim.data[net.probes[0]],
        by_equations(x, e_x, e_h, e_m, W_x, W_h, W_m, W_out),
        atol=1e-10,
    )


def test_lmu_of_tensors_follows_the_equations(x):
    keras.utils.set_random_seed(0)
    net = lmu(N_STEPS, 1, dtype="float64")
    with net:
        configure_settings(dtype="float64")
    with Simulator(net, progress_bar=False) as sim:
        sim.run_steps(1, data={net.nodes[0]: x.reshape(1, 1, N_STEPS)})
        weights = [weight.numpy().T for weight in net.nodes[1].tensor_func.weights]
    np.testing.assert_allclose(
        sim.data[net.probes[0]][-1], by_equations(x, *weights)[-1], atol=1e-10
    )


def test_mnist_is_the_same_in_one_node_and_in_several():
    assert n_trainable(mnist()) == n_trainable(mnist(use_tensor_layer=False))
    assert sum(isinstance(obj, nengo.Node) for obj in mnist().nodes) == 6


def test_spaun_says_what_to_install():
    with pytest.raises(ImportError, match=r"pip install git\+https://.*spaun2.0.git"):
        spaun(512)
