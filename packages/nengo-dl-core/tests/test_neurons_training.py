"""In training, spiking neurons have the output and the gradient of rate neurons."""

import nengo
import numpy as np
import pytest
import tensorflow as tf
from nengo.exceptions import BuildError

from at_once import results
from nengo_dl_core import Simulator, configure_settings, tuning
from nengo_dl_core.builders.compiled import compiles_float16
from nengo_dl_core.builders.neurons import base
from nengo_dl_core.builders.neurons.base import SimNeuronsBuilder, TFNeuronBuilder
from nengo_dl_core.neurons import LeakyReLU, SoftLIFRate, SpikingLeakyReLU
from neuron_steps import Stepper, make_ops, simulate

# neuron type, the one whose output it has in training, and where that has a kink
LIF = {"tau_rc": 0.03, "tau_ref": 0.001, "amplitude": 0.3}
TYPES = {
    "RectifiedLinear": (nengo.RectifiedLinear(amplitude=0.3), None, 0),
    "Sigmoid": (nengo.Sigmoid(), None, None),
    "Tanh": (nengo.Tanh(), None, None),
    "LIFRate": (nengo.LIFRate(**LIF), None, 1),
    "SoftLIFRate": (SoftLIFRate(sigma=0.02, **LIF), None, None),
    "AdaptiveLIFRate": (nengo.AdaptiveLIFRate(**LIF), None, 1),
    "LeakyReLU": (LeakyReLU(0.1, amplitude=0.7), None, 0),
    "SpikingRectifiedLinear": (
        nengo.SpikingRectifiedLinear(amplitude=0.3),
        nengo.RectifiedLinear(amplitude=0.3),
        0,
    ),
    "SpikingLeakyReLU": (
        SpikingLeakyReLU(0.1, amplitude=0.7),
        LeakyReLU(0.1, amplitude=0.7),
        0,
    ),
    "LIF": (nengo.LIF(**LIF), nengo.LIFRate(**LIF), 1),
    "AdaptiveLIF": (nengo.AdaptiveLIF(**LIF), nengo.LIFRate(**LIF), 1),
    "RegularSpiking": (
        nengo.RegularSpiking(nengo.RectifiedLinear(), amplitude=0.3),
        nengo.RegularSpiking(nengo.RectifiedLinear(), amplitude=0.3),
        None,
    ),
    "StochasticSpiking": (
        nengo.StochasticSpiking(nengo.RectifiedLinear(), amplitude=0.3),
        None,
        None,
    ),
    "PoissonSpiking": (
        nengo.PoissonSpiking(nengo.RectifiedLinear(), amplitude=0.3),
        None,
        None,
    ),
}
CURRENTS = np.array([-800.0, -50, -1, 0, 1e-9, 0.5, 0.999, 1, 1 + 1e-9, 1.001, 2, 90])


def output_and_gradient(neuron_type, currents, jit_compile=True, **options):
    """Output of one step in training, and its derivative by each neuron's current."""
    ops = make_ops(neuron_type, n_neurons=len(currents))

    def compute(currents):
        stepper = Stepper(ops, currents.dtype.name, training=True, **options)
        number = tf.constant(1, tf.int64)
        with tf.GradientTape() as tape:
            tape.watch(currents)
            output, *_ = stepper.step(number, currents, stepper.initial[2:])
        return output[0], tape.gradient(output, currents)

    function = tf.function(compute, jit_compile=jit_compile, autograph=False)
    return [value.numpy() for value in function(tf.constant(currents))]


@pytest.mark.parametrize("name", TYPES)
def test_output_is_that_of_the_rate_neurons(name):
    neuron_type, rate_type, _ = TYPES[name]
    output, _ = output_and_gradient(neuron_type, CURRENTS)
    if isinstance(neuron_type, nengo.neurons.RatesToSpikesNeuronType):
        expected = 0.3 * CURRENTS  # what comes in is a rate
    else:
        expected = np.zeros_like(CURRENTS)
        state = {"adaptation": 0 * CURRENTS} if name == "AdaptiveLIFRate" else {}
        with np.errstate(over="ignore"):  # in the exponential of a sigmoid
            (rate_type or neuron_type).step(0.001, CURRENTS, expected, **state)
    np.testing.assert_allclose(output, expected, rtol=1e-12)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("name", TYPES)
def test_gradient(name, jit_compile):
    neuron_type, _, kink = TYPES[name]
    _, gradient = output_and_gradient(neuron_type, CURRENTS, jit_compile)
    assert np.isfinite(gradient).all()
    step = 1e-7 * np.maximum(1, np.abs(CURRENTS))
    ahead, behind = (
        output_and_gradient(neuron_type, currents, jit_compile=False)[0]
        for currents in (CURRENTS + step, CURRENTS - step)
    )
    numeric = (ahead - behind) / (2 * step)
    smooth = np.ones(len(CURRENTS), bool)
    if kink is not None:
        smooth = np.abs(CURRENTS - kink) > 1e-4
    np.testing.assert_allclose(gradient[smooth], numeric[smooth], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("sigma", [0.02, 1.0])
@pytest.mark.parametrize("neuron_type", [nengo.LIF(**LIF), nengo.AdaptiveLIF(**LIF)])
def test_lif_smoothing(neuron_type, sigma):
    actual = output_and_gradient(neuron_type, CURRENTS, lif_smoothing=sigma)
    expected = output_and_gradient(SoftLIFRate(sigma=sigma, **LIF), CURRENTS)
    np.testing.assert_allclose(actual, expected, rtol=1e-12)
    assert (actual[1][1:] > 0).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sigma", [1e-3, 0.02, 1.0])
def test_soft_lif_is_finite_everywhere(sigma, dtype):
    currents = np.array([-1e30, -1e4, -1, 0, 1, 1.001, 2, 1e4, 1e30], dtype)
    for value in output_and_gradient(SoftLIFRate(sigma=sigma), currents):
        assert np.isfinite(value).all()


def test_gradient_of_lif_rates_in_half_precision():
    currents = np.array([1.5, 10, 300, 2000], np.float16)
    _, gradient = output_and_gradient(nengo.LIFRate(), currents, compiles_float16())
    _, expected = output_and_gradient(nengo.LIFRate(), currents.astype(float))
    np.testing.assert_allclose(gradient, expected, rtol=1e-2)


@pytest.mark.parametrize("neurons", [nengo.LIFRate, nengo.LIF, SoftLIFRate])
def test_rates_at_once_compiled_on_their_own(neurons, monkeypatch):
    compiled = []

    def recorded(function, x, differentiated):
        compiled.append(x)
        return original(function, x, differentiated)

    original = base.compiled
    monkeypatch.setattr(base, "compiled", recorded)
    x = np.random.default_rng(0).normal(size=(2, 5, 3))
    found = []
    for least in (1, 2**30):
        monkeypatch.setattr(tuning, "MIN_NEURONS_COMPILED", least)
        with nengo.Network(seed=0) as net:
            configure_settings(dtype="float64", trainable=True)
            net.node = nengo.Node([0.0] * 3)
            layer = net.node
            for _ in range(2):
                ens = nengo.Ensemble(20, 3, neuron_type=neurons(amplitude=0.01))
                nengo.Connection(layer, ens, synapse=None)
                layer = ens
            nengo.Probe(layer)
        with Simulator(net, minibatch_size=2, progress_bar=False) as sim:
            found.append(results(sim, net.node, x))
        assert len(compiled) == 2
    for actual, expected in zip(*found, strict=True):
        scale = np.abs(expected).max(initial=1e-6)
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-10 * scale)
    assert np.abs(found[0][0]).max() > 0.1


def test_adaptation_lowers_the_rate():
    state = {"voltage": [0] * 3, "refractory_time": [0] * 3, "adaptation": [0, 0.5, 1]}
    adaptive = nengo.AdaptiveLIF(**LIF, initial_state=state)
    output, _ = output_and_gradient(adaptive, np.full(3, 2.0))
    expected, _ = output_and_gradient(nengo.LIF(**LIF), 2 - np.array([0, 0.5, 1]))
    np.testing.assert_allclose(output, expected, rtol=1e-12)


def test_state_is_held():
    ops = make_ops(nengo.LIF())
    results = simulate(ops, np.full((3, 7), 5.0), training=True)
    for name, sig in ops[0].state.items():
        np.testing.assert_array_equal(results[name], [[sig.initial_value]] * 3)


def test_inference_only():
    ops = make_ops(nengo.LIF())
    currents = np.full((30, 7), 5.0)
    expected = simulate(ops, currents)
    actual = simulate(ops, currents, training=True, inference_only=True)
    np.testing.assert_array_equal(actual["output"], expected["output"])


def test_missing_or_wrong_step_is_named(monkeypatch):
    class MyType(nengo.neurons.NeuronType):
        state = {"voltage": nengo.dists.Choice([0])}  # noqa: RUF012

    class NoStep(TFNeuronBuilder):
        pass

    class NoTraining(TFNeuronBuilder):
        spiking = True

    class NoState(TFNeuronBuilder):
        def step(self, J, dt, voltage):
            return J

    table = SimNeuronsBuilder.TF_NEURON_IMPL
    for builder, training, message in (
        (NoStep, False, "NoStep does not define step"),
        (NoTraining, True, "NoTraining is spiking but does not define training_step"),
        (
            NoState,
            False,
            "NoState.step returned 1 tensors, expected 2: output, voltage",
        ),
    ):
        monkeypatch.setitem(table, MyType, builder)
        with pytest.raises(BuildError, match=message):
            simulate(make_ops(MyType()), np.zeros((1, 7)), training=training)
