"""Decoders that are solved for together are those of Nengo."""

import gc
import sys
import weakref
from typing import ClassVar

import nengo
import numpy as np
import pytest
from nengo import solvers
from nengo.builder import Model
from nengo.cache import DecoderCache, Fingerprint
from nengo.exceptions import BuildError
from nengo.utils import least_squares_solvers as methods

from nengo_dl_optimizer import SharedDecoderBuilder


class Recorded(nengo.LIF):
    """Neurons that keep in mind, but not in memory, which rates were asked for."""

    asked: ClassVar = []

    def rates(self, x, gain, bias):
        rates = super().rates(x, gain, bias)
        self.asked.append(weakref.ref(rates))
        return rates

    @classmethod
    def n_kept(cls):
        return sum(reference() is not None for reference in cls.asked)


Fingerprint.whitelist(Recorded)  # so that the cache of decoders knows it


@pytest.fixture
def neurons():
    Recorded.asked.clear()
    return Recorded()


class InPlace(solvers.Solver):
    """A solver that spoils the activities that it was called with."""

    def __call__(self, A, Y, rng=None):
        A /= A.max()
        return np.dot(A.T, Y), {"rmses": np.zeros(Y.shape[1])}


class Own(methods.LeastSquaresSolver):
    """A method that spoils them, too."""

    def __call__(self, A, Y, sigma, rng=None):
        A /= A.max() + sigma
        return np.dot(A.T, Y), {"rmses": np.zeros(Y.shape[1])}


def build(network, **kwargs):
    model = Model(builder=SharedDecoderBuilder(**kwargs))
    model.build(network)
    return model


def network(solver=None, n_neurons=20, n_eval_points=60, **kwargs):
    """All kinds of connections from two ensembles, in turns."""
    with nengo.Network(seed=3) as net:
        points = np.random.default_rng(0).uniform(-1, 1, (n_eval_points, 2))
        ensembles = [
            nengo.Ensemble(
                n_neurons,
                2,
                eval_points=points * 0.9,
                n_eval_points=n_eval_points,
                **kwargs,
            )
            for _ in range(2)
        ]
        kinds = [
            {},
            {"function": lambda x: [x[0] * x[1], x[1] ** 2, 0.5], "transform": 2},
            {"eval_points": points, "function": points[:, ::-1] ** 2},
            {"eval_points": points.copy(), "scale_eval_points": False},
            {"eval_points": nengo.dists.Uniform(-0.5, 0.5)},
        ]
        if solver is not None:
            kinds = [{**kind, "solver": solver} for kind in kinds]
        for kind in kinds:
            for ensemble in ensembles:
                size = 3 if callable(kind.get("function")) else 2
                nengo.Connection(ensemble, nengo.Node(size_in=size), **kind)
        kind = {} if solver is None else {"solver": type(solver)(weights=True)}
        nengo.Connection(ensembles[0], ensembles[1], transform=1, **kind)
        nengo.Connection(ensembles[0][1], ensembles[1][0], **kinds[0])
        with nengo.Network():
            for ensemble in ensembles:
                nengo.Probe(ensemble, **({} if solver is None else {"solver": solver}))
        nengo.Connection(ensembles[1][0], ensembles[0][0], solver=solvers.NoSolver())
    return net


def assert_same_decoders(network, model, rtol=0.0):
    reference = Model()
    reference.build(network)
    assert list(map(str, model.params)) == list(map(str, reference.params))
    n_compared = 0
    for built, expected in zip(
        model.params.values(), reference.params.values(), strict=True
    ):
        weights = getattr(expected, "weights", None)
        if weights is not None:
            bound = rtol * np.abs(weights).max()
            np.testing.assert_allclose(built.weights, weights, rtol=0, atol=bound)
            assert built.solver_info.keys() == expected.solver_info.keys()
            for key in built.solver_info.keys() - {"time", "info0", "info1s"}:
                value = expected.solver_info[key]
                bound = rtol * np.max(np.abs(value), initial=0)
                np.testing.assert_allclose(
                    built.solver_info[key], value, rtol=0, atol=bound
                )
            n_compared += 1
    assert n_compared > len(network.all_connections)  # probes, too


@pytest.mark.parametrize(
    "solver",
    [
        None,
        solvers.LstsqL2(reg=0.02),
        solvers.LstsqL2(solver=methods.Cholesky(transpose=True)),
        solvers.LstsqL2(solver=methods.SVD()),
        solvers.LstsqL2(solver=methods.Conjgrad()),
        solvers.LstsqL2(solver=Own()),
        solvers.LstsqL2nz(),
        solvers.LstsqL2nz(solver=methods.SVD()),
        solvers.LstsqDrop(),
        solvers.LstsqDrop(solver1=InPlace()),
        solvers.LstsqNoise(),
        solvers.LstsqMultNoise(solver=methods.Conjgrad()),
        InPlace(),
    ],
    ids=repr,
)
def test_decoders_are_those_of_nengo_to_the_bit(solver):
    net = network(solver)
    assert_same_decoders(net, build(net))


@pytest.mark.parametrize("rcond", [0.3, 0.001, 1e-6])
def test_decoders_without_regularization_are_those_of_nengo(rcond):
    net = network(solvers.Lstsq(rcond=rcond))
    assert_same_decoders(net, build(net), rtol=1e-12)


def test_decoders_without_scipy_are_those_of_nengo(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.linalg", None)
    net = network()
    assert_same_decoders(net, build(net))


def test_decoders_of_fewer_points_than_neurons():
    net = network(n_eval_points=15)
    assert_same_decoders(net, build(net))


@pytest.mark.filterwarnings("ignore:Objective did not converge")
@pytest.mark.parametrize(
    "make",
    [
        lambda: solvers.LstsqL2(
            solver=methods.RandomizedSVD(n_components=5, n_oversamples=5)
        ),
        lambda: solvers.LstsqL2(solver=methods.RandomizedSVD()),
        solvers.LstsqL1,
    ],
)
def test_decoders_by_scikit_learn_are_those_of_nengo(make):
    pytest.importorskip("sklearn")
    net = network(make())
    assert_same_decoders(net, build(net))


@pytest.mark.parametrize("make", [solvers.Nnls, solvers.NnlsL2, solvers.NnlsL2nz])
def test_positive_decoders_are_those_of_nengo(make):
    pytest.importorskip("scipy")
    net = network(make(), n_neurons=8)
    assert_same_decoders(net, build(net))


def test_activities_are_computed_once_for_connections_probes_and_points(neurons):
    build(network(neuron_type=neurons))
    # both at their own points, at those of two kinds of connections, which are equal,
    # and at those that are drawn for a single connection
    assert len(neurons.asked) == 2 * 3
    assert neurons.n_kept() == 0


@pytest.mark.parametrize(
    ("solver", "name"),
    [
        (solvers.Lstsq(), "svd"),
        (solvers.LstsqL2(), "cholesky"),
        (solvers.LstsqL2nz(), "cholesky"),
        (solvers.LstsqL2(solver=methods.SVD()), "svd"),
    ],
    ids=repr,
)
def test_factorizations_are_computed_once(monkeypatch, solver, name):
    calls, original = [], getattr(np.linalg, name)

    def counted(*args, **kwargs):
        calls.append(original)
        return original(*args, **kwargs)

    monkeypatch.setattr(np.linalg, name, counted)
    monkeypatch.setitem(sys.modules, "scipy.linalg", None)  # NumPy's is used then
    with nengo.Network() as net:
        ensemble, target = nengo.Ensemble(10, 1), nengo.Node(size_in=1)
        for function in (None, np.sin, np.cos):
            nengo.Connection(ensemble, target, function=function, solver=solver)
    build(net)
    assert len(calls) == 1


def test_activities_are_released_after_the_last_connection(neurons):
    """Two ensembles of the same neurons, the second of which is used for longer."""
    n_kept = []

    def look(x):
        if not n_kept or n_kept[-1] != neurons.n_kept():
            n_kept.append(neurons.n_kept())
        return x

    with nengo.Network() as net:
        a, b, c = (nengo.Ensemble(10, 1, neuron_type=neurons) for _ in range(3))
        target = nengo.Node(size_in=1)
        for ensemble in (a, b, a, b, b, c):
            nengo.Connection(ensemble, target, function=look)
    build(net)
    assert n_kept == [0, 1, 2, 1, 0]


@pytest.mark.parametrize(("max_bytes", "n_rates"), [(0, 8), (70_000, 6), (10**9, 2)])
def test_memory_is_bounded(neurons, max_bytes, n_rates):
    """The activities of an ensemble take 60 kB, so there is place for one."""
    with nengo.Network(seed=0) as net:
        a, b = (nengo.Ensemble(10, 1, neuron_type=neurons) for _ in range(2))
        for ensemble in (a, b, a, b, a, a, b, b):
            nengo.Connection(ensemble, nengo.Node(size_in=1))
    model = build(net, max_bytes=max_bytes)
    assert len(neurons.asked) == n_rates
    reference = Model()
    reference.build(net)
    for connection in net.connections:
        np.testing.assert_array_equal(
            model.params[connection].weights, reference.params[connection].weights
        )


def test_nothing_is_left_of_a_build_that_fails(neurons):

    def broken(x):
        if x != 0:  # which Nengo finds out the size with
            raise ZeroDivisionError

    builder = SharedDecoderBuilder()
    with nengo.Network() as net:
        ensemble = nengo.Ensemble(10, 1, neuron_type=neurons)
        nengo.Connection(ensemble, nengo.Node(size_in=1))
        nengo.Connection(ensemble, nengo.Node(size_in=1), function=broken)
    with pytest.raises(ZeroDivisionError):
        Model(builder=builder).build(net)
    gc.collect()  # the error and what it has seen
    assert neurons.n_kept() == 0
    del net.connections[-1]
    Model(builder=builder).build(net)


@pytest.mark.parametrize("n_connections", [1, 2])
def test_a_function_without_a_value_is_an_error_that_names_the_connection(
    n_connections,
):
    with nengo.Network() as net:
        ensemble = nengo.Ensemble(5, 1)
        for i in range(n_connections):
            nengo.Connection(
                ensemble,
                nengo.Node(size_in=1),
                function=lambda x: x if x == 0 else None,
                label=f"number {i}",
            )
    with pytest.raises(BuildError, match=r"number 0.*function returned None"):
        build(net)


def test_functions_are_called_as_often_as_by_nengo_and_in_its_order():
    calls = []

    def function(x):
        calls.append(x.tobytes())
        return (x[1], x[0])

    with nengo.Network(seed=0) as net:
        for ensemble in [nengo.Ensemble(5, 3, n_eval_points=7) for _ in range(2)] * 2:
            target = nengo.Node(size_in=2)
            nengo.Connection(ensemble[[2, 0]], target, function=function)
    calls.clear()
    model = build(net)
    ours = [*calls]
    calls.clear()
    reference = Model()
    reference.build(net)
    assert ours == calls
    assert len(calls) == 4 * 7
    for connection in net.connections:
        np.testing.assert_array_equal(
            model.params[connection].weights, reference.params[connection].weights
        )


def test_silent_neurons_are_an_error_as_in_nengo():
    with nengo.Network() as net:
        ensemble = nengo.Ensemble(5, 1, gain=np.ones(5), bias=-5 * np.ones(5))
        for _ in range(2):
            nengo.Connection(ensemble, nengo.Node(size_in=1))
    with pytest.raises(BuildError, match="'activities' matrix is all zero"):
        build(net)


@pytest.mark.parametrize("builders", ["nengo first", "shared first", "both shared"])
def test_the_cache_of_decoders_is_the_one_of_nengo(neurons, builders, tmp_path):
    net = network(neuron_type=neurons)
    models = []
    for shared in {
        "nengo first": (False, True),
        "shared first": (True, False),
        "both shared": (True, True),
    }[builders]:
        arguments = {"builder": SharedDecoderBuilder()} if shared else {}
        models.append(
            Model(decoder_cache=DecoderCache(cache_dir=tmp_path), **arguments)
        )
        n_before = len(neurons.asked)
        models[-1].build(net)
    assert len(neurons.asked) == n_before > 0  # the second build found all decoders
    for connection in net.all_connections:
        np.testing.assert_array_equal(*(m.params[connection].weights for m in models))


def test_nengo_simulator_takes_the_model():
    net = network()
    data = []
    for arguments in ({}, {"model": Model(builder=SharedDecoderBuilder())}):
        with nengo.Simulator(
            net, progress_bar=False, optimize=False, **arguments
        ) as sim:
            sim.run_steps(10)
            data.append([sim.data[probe] for probe in net.all_probes])
    np.testing.assert_array_equal(*data)


def test_another_builder_may_be_that_of_the_model():
    model, net = Model(), network()
    SharedDecoderBuilder.build(model, net)
    assert_same_decoders(net, model)
