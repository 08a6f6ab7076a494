"""Random numbers, and the neurons that spike at random."""

import nengo
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from nengo_dl_core.builders.neurons.base import SimNeuronsBuilder
from nengo_dl_core.builders.random_streams import stream_keys, uniform
from nengo_dl_core.network.generators import item_rng
from neuron_steps import make_ops, reference, simulate

RATES = np.array([0.0, 0.5, 40.0, 400.0, 990.0, 1000.0, 2500.0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("jit_compile", [False, True], ids=["plain", "compiled"])
def test_uniform_numbers(dtype, jit_compile):
    keys = tf.constant(stream_keys(np.random.RandomState(0), 3, 100))
    draw = tf.function(
        lambda steps: tf.stack(
            [uniform(keys[..., None], steps, i, dtype) for i in (0, 1)]
        ),
        jit_compile=jit_compile,
    )
    numbers = draw(tf.range(500, dtype=tf.int64)).numpy()
    assert numbers.dtype == dtype
    assert numbers.shape == (2, 3, 100, 500)
    assert stats.kstest(numbers.ravel(), "uniform").pvalue > 0.001
    assert numbers.max() < 1
    # neighbours along every axis (draws, items, neurons, steps) are independent
    for axis in range(4):
        ahead = np.moveaxis(numbers, axis, 0)
        a, b = ahead[1:].ravel(), ahead[:-1].ravel()
        assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(a.size)


def test_streams_do_not_depend_on_what_else_is_simulated():
    rng = np.random.RandomState(7)
    keys = stream_keys(rng, 3, 20)
    assert len(np.unique(keys)) == keys.size
    np.testing.assert_array_equal(keys[:2], stream_keys(rng, 2, 20))
    assert (stream_keys(np.random.RandomState(8), 3, 20) != keys).all()


def test_generators_of_items():
    rng = np.random.RandomState(7)
    numbers = [item_rng(rng, item).rand(3) for item in range(3)]
    np.testing.assert_array_equal(numbers[0], np.random.RandomState(7).rand(3))
    assert len(np.unique(numbers)) == 9
    np.testing.assert_array_equal(rng.rand(3), numbers[0])


def spiking_types(negative):
    base = nengo.Tanh() if negative else nengo.RectifiedLinear()
    return [
        nengo.StochasticSpiking(base, amplitude=0.5),
        nengo.PoissonSpiking(base, amplitude=0.5),
    ]


@pytest.mark.parametrize("negative", [False, True])
@pytest.mark.parametrize("index", [0, 1], ids=["StochasticSpiking", "PoissonSpiking"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_number_of_spikes_is_distributed_as_nengos(index, negative, dtype):
    """Chi-square tests of 28 tables in all, each at a level of 1e-4."""
    ops = make_ops(spiking_types(negative)[index], n_neurons=len(RATES))
    currents = np.tile(RATES * (-1) ** negative, (4000, 1))
    expected = reference(ops, currents)["output"]
    actual = simulate(ops, currents, dtype=dtype)["output"][:, 0]
    height = 0.5 / 0.001
    for ours, theirs in zip(actual.T, expected.T, strict=True):
        counts = [np.rint(values / height) for values in (ours, theirs)]
        np.testing.assert_allclose(counts[0] * height, ours)
        kinds = np.union1d(*counts)
        if len(kinds) == 1:  # silent, or a whole number in every step
            continue
        table = np.array([[(c == kind).sum() for kind in kinds] for c in counts])
        rare = table.sum(axis=0) < 10
        table = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
        table = table[:, table.sum(axis=0) > 0]
        assert stats.chi2_contingency(table).pvalue > 1e-4


@pytest.mark.parametrize("index", [0, 1], ids=["StochasticSpiking", "PoissonSpiking"])
def test_spikes_do_not_depend_on_what_else_is_simulated(index):
    types = [spiking_types(False)[index] for _ in range(2)]
    ops = make_ops(*types, n_neurons=len(RATES))
    currents = np.tile(RATES, (50, 2))
    n = len(RATES)
    merged = simulate(ops, currents, minibatch_size=3)["output"]
    assert len(np.unique(merged[:, :, 2:], axis=1)[0]) == 3  # items differ
    for op, start in zip(ops, (0, n), strict=True):
        part = slice(start, start + n)
        for jit_compile in (False, True):
            alone = simulate([op], currents[:, part], jit_compile=jit_compile)
            np.testing.assert_array_equal(alone["output"][:, 0], merged[:, 0, part])
    # a run in two pieces
    pieces = [
        simulate(ops, currents[:20], minibatch_size=3)["output"],
        simulate(ops, currents[20:], minibatch_size=3, first_step=21)["output"],
    ]
    np.testing.assert_array_equal(np.concatenate(pieces), merged)


def test_signs_are_only_merged_with_equal_ones():
    (positive,) = make_ops(spiking_types(False)[0])
    negative, other = make_ops(spiking_types(True)[0], spiking_types(True)[0])
    assert not SimNeuronsBuilder.mergeable(positive, negative)
    assert SimNeuronsBuilder.mergeable(negative, other)


def test_poisson_numbers_of_diverging_neurons():
    """They neither take forever nor are they all alike."""
    (op,) = make_ops(spiking_types(False)[1], n_neurons=2000)
    rates = np.full(2000, 2e6)  # 2000 spikes in a step
    rates[:4] = np.nan, np.inf, 1e12, -1
    output = simulate([op], rates[None])["output"][0, 0] / 500
    assert not np.isfinite(output[:2]).any()
    np.testing.assert_allclose(output[2:4], [1e9, 0], rtol=1e-3)
    np.testing.assert_array_equal(output[4:], np.rint(output[4:]))
    assert stats.kstest(output[4:], stats.poisson(2000).cdf).pvalue > 1e-4
