"""What is computed for many steps at once, compared with a loop and with runs."""

from itertools import pairwise

import numpy as np
import tensorflow as tf

from nengo_dl_core import Simulator


def results(sim, node, x):
    """Probes, their gradients, and the state after them."""
    layer, n_steps = sim.tensor_graph, tf.fill((len(x), 1), x.shape[1])

    @tf.function(autograph=False)
    def compute(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            inputs = {layer.program.input_names[node]: x, "n_steps": n_steps}
            outputs = layer.call(inputs, training=True, stateful=True)
            loss = sum(tf.reduce_sum(tf.sin(y)) for y in outputs.values())
        weights = [weight.value for weight in layer.trainable_variables]
        return list(outputs.values()), tape.gradient(loss, [x, *weights])

    found = tf.nest.flatten(compute(tf.constant(x)))
    return [x.numpy() for x in (*found, *layer.held.states)]


def assert_equals_a_loop(net, x, bounds, loop, check):
    """Compare runs that go on from each other, all gradients, those of weights too.

    In the context `loop` all goes step by step; `check` is told whether it does.
    """
    with Simulator(net, minibatch_size=len(x), progress_bar=False) as sim:
        sim.tensor_graph.jit_compile = False
        for start, stop in pairwise(bounds):
            state = sim.state()
            actual = results(sim, net.node, x[:, start:stop])
            check(by_step=False)
            sim.restore(state)
            with loop():
                expected = results(sim, net.node, x[:, start:stop])
            check(by_step=True)
            for found, wanted in zip(actual, expected, strict=True):
                scale = 1 + np.abs(wanted).max()
                np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-10 * scale)


def assert_trains_as_it_runs(net, divisions, check):
    """Compare what `fit` and `evaluate` compute, compiled, and leave, with runs.

    What each of them adds to `divisions` is checked.
    """
    rng = np.random.default_rng(0)
    x, more = rng.normal(size=(2, 40, 2)), rng.normal(size=(2, 7, 2))
    with Simulator(net, minibatch_size=2, progress_bar=False) as sim:
        sim.compile(optimizer="sgd", loss="mse")
        start = sim.state()
        sim.run_steps(40, data={net.node: x})
        y = {probe: sim.data[probe] for probe in net.probes}
        sim.run_steps(7, data={net.node: more})
        expected = [sim.data[probe][:, 40:] for probe in net.probes]
        for use, options in ((sim.evaluate, {}), (sim.fit, {"shuffle": False})):
            sim.restore(start)
            divisions.clear()
            found = use(x, y, stateful=True, verbose=0, **options)
            assert divisions
            check(divisions[-1])
            loss = found if use == sim.evaluate else found.history
            assert np.max(loss["loss"]) < 1e-20
            assert sim.n_steps == 40
            sim.run_steps(7, data={net.node: more})
            for probe, wanted in zip(net.probes, expected, strict=True):
                np.testing.assert_allclose(
                    sim.data[probe][:, -7:], wanted, rtol=0, atol=1e-10
                )
