"""Distributions of initial weights."""

import keras
import nengo
import numpy as np
import pytest
from nengo.exceptions import ValidationError
from scipy import stats

from nengo_dl_core.dists import Glorot, He, TruncatedNormal, VarianceScaling

ALL = [TruncatedNormal(), VarianceScaling(), Glorot(), He()]


@pytest.mark.parametrize("dist", ALL)
def test_shapes_and_generators(dist):
    assert dist.sample(3, rng=np.random.RandomState(0)).shape == (3,)
    samples = dist.sample(3, 5, rng=np.random.RandomState(0))
    assert samples.shape == (3, 5)
    np.testing.assert_array_equal(
        samples, dist.sample(3, 5, rng=np.random.RandomState(0))
    )
    np.random.seed(0)  # noqa: NPY002  (the generator that is used by default)
    np.testing.assert_array_equal(samples, dist.sample(3, 5))


@pytest.mark.parametrize("dist", ALL)
def test_behaves_like_nengos_distributions(dist):
    assert eval(repr(dist)) == dist
    with nengo.Network() as net:
        a, b = nengo.Ensemble(20, 1), nengo.Ensemble(30, 1)
        conn = nengo.Connection(a.neurons, b.neurons, transform=dist)
    with nengo.Simulator(net, progress_bar=False) as sim:
        assert sim.data[conn].weights.shape == (30, 20)


@pytest.mark.parametrize(
    ("mean", "stddev", "limit"),
    [(0, 1, None), (3, 0.5, 0.2), (-1, 2, 3), (0, 1, 0.999), (0, 1, 1e-9), (0, 2, 20)],
)
def test_truncated_normal(mean, stddev, limit):
    dist = TruncatedNormal(mean, stddev, limit)
    samples = dist.sample(20_000, rng=np.random.RandomState(0))
    bound = (2 * stddev if limit is None else limit) / stddev
    expected = stats.truncnorm(-bound, bound, mean, stddev)
    assert np.abs(samples - mean).max() <= bound * stddev * (1 + 1e-6)
    assert stats.kstest(samples, expected.cdf).pvalue > 0.001


@pytest.mark.parametrize("shape", [(200, 300), (400, 100)])
@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_variance_scaling_is_that_of_keras(shape, mode, distribution):
    n_out, n_in = shape
    samples = VarianceScaling(3, mode, distribution).sample(
        n_out, n_in, rng=np.random.RandomState(0)
    )
    keras_name = {"normal": "truncated_normal"}.get(distribution, distribution)
    initializer = keras.initializers.VarianceScaling(3, mode, keras_name, seed=0)
    weights = np.array(initializer((n_in, n_out)))  # Keras has inputs first
    assert stats.ks_2samp(samples.ravel(), weights.ravel()).pvalue > 0.001
    fan = {"fan_in": n_in, "fan_out": n_out, "fan_avg": (n_in + n_out) / 2}[mode]
    np.testing.assert_allclose(samples.var(), 3 / fan, rtol=0.02)


def test_vector_has_one_input():
    rng = np.random.RandomState(0)
    samples = VarianceScaling(mode="fan_in").sample(50_000, rng=rng)
    np.testing.assert_allclose(samples.var(), 1, rtol=0.02)


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_glorot_and_he(distribution):
    for dist, variance in (
        (Glorot(2, distribution), 4 * 2 / (200 + 300)),
        (He(np.sqrt(2), distribution), 2 / 300),
    ):
        samples = dist.sample(200, 300, rng=np.random.RandomState(0))
        np.testing.assert_allclose(samples.var(), variance, rtol=0.02)
    assert Glorot().distribution == "uniform"
    assert He().distribution == "normal"


@pytest.mark.parametrize(
    ("make", "attribute"),
    [
        (lambda: TruncatedNormal(stddev=0), "stddev"),
        (lambda: TruncatedNormal(limit=0), "limit"),
        (lambda: VarianceScaling(scale=-1), "scale"),
        (lambda: VarianceScaling(mode="fan"), "mode"),
        (lambda: VarianceScaling(distribution="beta"), "distribution"),
        (lambda: He(distribution="beta"), "distribution"),
    ],
)
def test_invalid_arguments_are_named(make, attribute):
    with pytest.raises(ValidationError, match=attribute):
        make()
