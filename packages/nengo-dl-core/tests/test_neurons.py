"""Neuron types give, step by step, what Nengo's step functions give."""

import nengo
import numpy as np
import pytest
import tensorflow as tf

from nengo_dl_core.builders.numerics import hide_one
from nengo_dl_core.neurons import LeakyReLU, SoftLIFRate, SpikingLeakyReLU
from nengo_dl_core.private_names import compiler_ir
from neuron_steps import Stepper, make_ops, reference, simulate

# Ranges of the input current, and neuron types that differ in their parameters.
# Those in EXACT compute with sums and products alone, the others with functions in
# which NumPy and TensorFlow differ in the last place.
EXACT = {
    "RectifiedLinear": (
        (-100, 300),
        [nengo.RectifiedLinear(), nengo.RectifiedLinear(amplitude=0.3)],
    ),
    "SpikingRectifiedLinear": (
        (-500, 2500),
        [nengo.SpikingRectifiedLinear(), nengo.SpikingRectifiedLinear(amplitude=0.3)],
    ),
    "LeakyReLU": ((-100, 300), [LeakyReLU(), LeakyReLU(0.1, amplitude=0.7)]),
    "SpikingLeakyReLU": (
        (-3000, 1500),
        [SpikingLeakyReLU(), SpikingLeakyReLU(0.1, amplitude=0.7)],
    ),
    "RegularSpiking": (
        (-500, 2500),
        [
            nengo.RegularSpiking(nengo.Tanh()),
            nengo.RegularSpiking(nengo.LIFRate(), amplitude=0.3),
        ],
    ),
    "Izhikevich": (
        (-40, 60),
        [
            nengo.Izhikevich(),
            nengo.Izhikevich(reset_voltage=-50, reset_recovery=2),
            nengo.Izhikevich(tau_recovery=0.1, coupling=0.26),
        ],
    ),
}
ROUNDED = {
    "Sigmoid": ((-8, 8), [nengo.Sigmoid(), nengo.Sigmoid(tau_ref=0.003)]),
    "Tanh": ((-8, 8), [nengo.Tanh(), nengo.Tanh(tau_ref=0.003)]),
    "LIFRate": (
        (-1, 8),
        [nengo.LIFRate(), nengo.LIFRate(tau_rc=0.03, tau_ref=0.001, amplitude=0.3)],
    ),
    "SoftLIFRate": (
        (-1, 8),
        [SoftLIFRate(sigma=0.02), SoftLIFRate(sigma=0.5, tau_ref=0.001, amplitude=0.3)],
    ),
    "AdaptiveLIFRate": (
        (-1, 8),
        [nengo.AdaptiveLIFRate(), nengo.AdaptiveLIFRate(tau_n=0.1, inc_n=0.03)],
    ),
    "LIF": (
        (-1, 8),
        [
            nengo.LIF(),
            nengo.LIF(tau_rc=0.03, tau_ref=0.001, amplitude=0.3),
            nengo.LIF(min_voltage=-np.inf),
        ],
    ),
    "LIF with a short time constant": (
        (-1, 8),
        [nengo.LIF(tau_rc=0.0005), nengo.LIF(tau_rc=0.004, tau_ref=0)],
    ),
    "LIF from above the threshold": (
        (-1, 8),
        [nengo.LIF(initial_state={"voltage": nengo.dists.Uniform(0, 3)})],
    ),
    "AdaptiveLIF": (
        (-1, 8),
        [nengo.AdaptiveLIF(), nengo.AdaptiveLIF(tau_n=0.1, inc_n=0.03, amplitude=2)],
    ),
}


def make_currents(low, high, n_neurons, n_steps=1000):
    """Currents that change slowly, and now and then jump."""
    rng = np.random.RandomState(0)
    levels = rng.uniform(low, high, size=(n_steps // 100, n_neurons)).repeat(100, 0)
    return levels + rng.normal(scale=(high - low) / 100, size=(n_steps, n_neurons))


@pytest.mark.parametrize("jit_compile", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("name", [*EXACT, *ROUNDED])
def test_step_equals_nengos(name, jit_compile):
    (low, high), neuron_types = {**EXACT, **ROUNDED}[name]
    ops = make_ops(*neuron_types)
    currents = make_currents(low, high, sum(op.J.size for op in ops))
    expected = reference(ops, currents)
    actual = simulate(ops, currents, jit_compile=jit_compile, minibatch_size=2)
    assert list(actual) == list(expected)
    for key, values in expected.items():
        atol = 0 if name in EXACT else 1e-11 * np.abs(values).max()
        for item in range(2):
            np.testing.assert_allclose(
                actual[key][:, item], values, rtol=0, atol=atol, err_msg=key
            )
    assert (expected["output"] != 0).mean() > 0.01


@pytest.mark.parametrize("tau_ref", [0, 0.002])
def test_a_step_of_lif_is_one_thread(tau_ref):
    """With more operations XLA divides it; see `nengo_dl_core.builders.numerics`."""

    @tf.function(jit_compile=True, autograph=False)
    def run(currents):
        stepper = Stepper(
            make_ops(nengo.LIF(tau_ref=tau_ref), n_neurons=4000), "float32"
        )

        def body(i, J, _, voltage, refractory_time):
            hide_one(i)
            return i + 1, J, *stepper.step(i, J, (voltage, refractory_time))

        start = (tf.constant(0, tf.int64), currents, currents, *stepper.initial[2:])
        return tf.while_loop(lambda i, *_: i < 10, body, start)[2]

    currents = np.random.default_rng(0).uniform(0, 5, (1, 4000)).astype("float32")
    assert np.any(run(currents) > 0)
    program = compiler_ir(run, tf.constant(currents), stage="optimized_hlo")
    assert "f32[1,4000]" in program
    assert "outer_dimension_partitions" not in program


@pytest.mark.parametrize("jit_compile", [False, True], ids=["plain", "compiled"])
def test_lif_that_spikes_while_it_decays(jit_compile):
    """It has passed the threshold after the step, if its decay is thought to go on."""
    above = {"voltage": nengo.dists.Uniform(1.2, 3)}
    ops = make_ops(nengo.LIF(initial_state=above))
    currents = np.linspace(-1, 0.9, ops[0].J.size)[np.newaxis].repeat(5, 0)
    expected = reference(ops, currents)
    assert (expected["output"] > 0).any(axis=0).mean() > 0.5
    actual = simulate(ops, currents, jit_compile=jit_compile)
    np.testing.assert_allclose(
        actual["refractory_time"][:, 0], expected["refractory_time"], rtol=1e-11
    )


@pytest.mark.parametrize("name", ["SpikingRectifiedLinear", "LIF", "Izhikevich"])
def test_single_precision(name):
    """Until rounding moves a spike, the output is that of double precision."""
    (low, high), neuron_types = {**EXACT, **ROUNDED}[name]
    ops = make_ops(*neuron_types)
    currents = make_currents(low, high, sum(op.J.size for op in ops), n_steps=200)
    expected = reference(ops, currents)["output"]
    actual = simulate(ops, currents, dtype="float32")["output"]
    assert actual.dtype == np.float32
    same = np.isclose(actual[:, 0], expected, rtol=1e-6).all(axis=0)
    assert same.mean() > 0.7
    np.testing.assert_allclose(
        actual[:, 0].sum(axis=0), expected.sum(axis=0), atol=2 * expected.max()
    )


@pytest.mark.parametrize("jit_compile", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize(
    "neuron_type",
    [
        nengo.SpikingRectifiedLinear(initial_state={"voltage": [0]}),
        nengo.RegularSpiking(nengo.RectifiedLinear(), initial_state={"voltage": [0]}),
        SpikingLeakyReLU(initial_state={"voltage": [0]}),
    ],
    ids=lambda neuron_type: type(neuron_type).__name__,
)
def test_rates_that_divide_the_step(neuron_type, jit_compile):
    """From zero the voltage reaches the threshold exactly, or misses it by one bit."""
    rates = 1000 / np.arange(1, 101)
    voltage = {"voltage": np.zeros(len(rates))}
    neuron_type = type(neuron_type)(
        *([neuron_type.base_type] if hasattr(neuron_type, "base_type") else []),
        initial_state=voltage,
    )
    ops = make_ops(neuron_type, n_neurons=len(rates))
    currents = np.tile(rates, (1000, 1))
    expected = reference(ops, currents)
    actual = simulate(ops, currents, jit_compile=jit_compile)
    for key, values in expected.items():
        np.testing.assert_array_equal(actual[key][:, 0], values, key)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize("tau_rc", [0.005, 0.01, 0.017, 0.02, 0.03])
def test_lif_rates_that_divide_the_step(tau_rc, jit_compile):
    """LIF neurons whose firing period is a whole number of steps spike in time, too."""
    rates = np.arange(5, 500, 5, dtype=float)
    neuron_type = nengo.LIF(tau_rc, initial_state={"voltage": np.zeros(len(rates))})
    gain, bias = neuron_type.gain_bias(rates, np.zeros_like(rates))
    ops = make_ops(neuron_type, n_neurons=len(rates))
    currents = np.tile(gain + bias, (1000, 1))
    expected = reference(ops, currents)["output"]
    actual = simulate(ops, currents, jit_compile=jit_compile)["output"]
    np.testing.assert_array_equal(actual[:, 0], expected)
