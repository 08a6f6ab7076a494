"""A sweep computes, to the bit, what a simulator computes for each variant alone."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from itertools import pairwise

import joblib
import keras
import nengo
import numpy as np
import pytest
from hypothesis import given, reject
from nengo.cache import NoDecoderCache
from nengo.exceptions import BuildError, ValidationError
from nengo.processes import WhiteNoise

from nengo_dl_core import Delay, Simulator, TensorNode, configure_settings, sweep
from nengo_dl_core.engine.tensorflow_loop import TensorFlowLoop
from nengo_dl_core.network.build import empty_model
from nengo_dl_core.network.thread_pools import one_thread
from nengo_dl_core.program.program import make_program
from nengo_dl_core.sweeps import executable, store
from nengo_dl_core.sweeps import sweep as module
from nengo_dl_core.sweeps.executable import Executable
from nengo_dl_core.sweeps.fingerprint import fingerprint
from network_strategies import many, networks

SEEDS = [{"seed": seed} for seed in range(3)]


@contextmanager
def network(seed, **settings):
    settings = {"dtype": "float64", "jit_compile": True, **settings}
    with nengo.Network(seed=seed) as net:
        configure_settings(**settings)
        yield net


def learning(seed, gain, jit_compile=True):
    """With an input, noise, neurons in two dimensions, and online learning."""
    with network(seed, jit_compile=jit_compile) as net:
        stimulus = nengo.Node(lambda t: gain * np.sin(20 * t))
        noise = nengo.Node(WhiteNoise(), size_out=1)
        pre = nengo.Ensemble(12, 1, noise=None)
        post = nengo.Ensemble(9, 2, neuron_type=nengo.AdaptiveLIF())
        error = nengo.Node(size_in=2)
        nengo.Connection(stimulus, pre, transform=gain)
        nengo.Connection(noise, pre)
        learned = nengo.Connection(
            pre, post, function=lambda x: [x[0], -x[0]], learning_rule_type=nengo.PES()
        )
        nengo.Connection(post, error)
        nengo.Connection(error, learned.learning_rule)
        nengo.Probe(post, synapse=0.02, label="decoded")
        nengo.Probe(post.neurons, sample_every=0.005)
        nengo.Probe(learned, "weights", sample_every=0.02)
    return net


def alone(net, time):
    """What the Probes of a network record, in their order."""
    with one_thread(), Simulator(net, progress_bar=False) as sim:
        sim.run(time)
        return [sim.data[probe] for probe in net.all_probes]


def assert_equal(results, expected):
    assert len(results) == len(expected)
    for result, values in zip(results, expected, strict=True):
        for one, other in zip(result.values(), values, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.fixture
def compiled(monkeypatch):
    """The programs for which there has been an executable."""
    programs = []

    class Counted(Executable):
        def __init__(self, program):
            programs.append(program)
            super().__init__(program)

    monkeypatch.setattr(module, "Executable", Counted)
    return programs


def pair():
    """Two ensembles whose neurons can be quantized."""
    kind, one = nengo.LIF(tau_ref=0), nengo.dists.Choice([1])
    return [
        nengo.Ensemble(9, 1, neuron_type=kind, gain=one, bias=one) for _ in range(2)
    ]


class TestEquality:
    def test_seeds_and_a_parameter(self, compiled):
        variants = [{"seed": s, "gain": g} for s in (0, 1) for g in (0.3, 0.9)]
        results = sweep(learning, variants, 1.03)  # longer than a buffer
        assert len(compiled) == 1
        assert list(results[0]) == ["decoded", "probe", "probe_1"]
        shapes = [x.shape for x in results[0].values()]
        assert shapes == [(1030, 2), (206, 9), (51, 2, 12)]
        for index in (1, 2):
            expected = alone(learning(**variants[index]), 1.03)
            assert_equal([results[index]], [expected])
        for one, other in pairwise(results):
            assert all(not np.array_equal(one[name], other[name]) for name in one)

    def test_what_is_in_the_code_is_compiled_for_each(self, compiled):
        def filtered(tau, seed):
            with network(seed) as net:
                stimulus = nengo.Node(lambda t: np.sin(50 * t + seed))
                nengo.Probe(stimulus, synapse=tau)
            return net

        variants = [{"tau": t, "seed": s} for s in (0, 1) for t in (0.01, 0.05)]
        results = sweep(filtered, variants, 0.05)
        assert len(compiled) == 2
        assert_equal(results, [alone(filtered(**x), 0.05) for x in variants])

    def test_random_neurons_are_compiled_for_each_seed(self, compiled):
        def make(seed, value=0.5):
            with network(seed) as net:
                kind = nengo.PoissonSpiking(nengo.LIFRate())
                ens = nengo.Ensemble(4, 1, neuron_type=kind)
                nengo.Connection(nengo.Node([value]), ens)
                nengo.Probe(ens.neurons)
            return net

        variants = [{"seed": 0}, {"seed": 1}, {"seed": 0, "value": -0.5}]
        results = sweep(make, variants, 0.05)
        assert len(compiled) == 2
        assert_equal(results[1:], [alone(make(**x), 0.05) for x in variants[1:]])

    def test_numbers_of_few_bits_are_in_the_code(self, compiled):
        def make(bits):
            with network(0, quantization=bits) as net:
                pre, post = pair()
                weights = np.random.RandomState(0).normal(0, 0.3, (9, 9))
                nengo.Connection(
                    pre.neurons, post.neurons, transform=weights, synapse=None
                )
                nengo.Probe(post.neurons, "voltage")
            return net

        variants = [{"bits": bits} for bits in (4, 8)]
        results = sweep(make, variants, 0.05)
        assert len(compiled) == 2
        assert_equal(results, [alone(make(**x), 0.05) for x in variants])

    def test_settings_of_probes(self):
        def last_value(seed):
            with network(seed) as net:
                ens = nengo.Ensemble(10, 1)
                nengo.Probe(ens)
                configure_settings(keep_history=False)
            return net

        results = sweep(last_value, SEEDS, 0.01)
        assert [x["probe"].shape for x in results] == [(1, 1)] * 3
        assert_equal(results[2:], [alone(last_value(seed=2), 0.01)])


class TestSideBySide:
    """Several variants on the axis of the minibatch."""

    def test_the_minibatch_is_not_full(self, compiled):
        variants = [{"seed": s, "gain": g} for s in (0, 1) for g in (0.3, 0.9)]
        results = sweep(learning, variants[:3], 0.43, minibatch_size=4)
        assert [program.minibatch_size for program in compiled] == [4]
        expected = [alone(learning(**x), 0.43) for x in variants[:3]]
        assert_equal(results, expected)

    def test_networks_of_two_kinds(self, compiled):
        variants = [{"seed": s, "size": n} for s in (0, 1) for n in (7, 10)]
        results = sweep(ensemble, variants, 0.05, minibatch_size=3)
        kinds = [(x.model.toplevel.n_neurons, x.minibatch_size) for x in compiled]
        assert kinds == [(7, 3), (10, 1)]
        assert_equal(results, [alone(ensemble(**x), 0.05) for x in variants])

    def test_an_input_is_asked_once_in_a_step(self):
        """Also where its variant fills the minibatch up."""

        def make(seed):
            rng = np.random.RandomState(seed)
            with network(seed) as net:
                nengo.Probe(nengo.Node(lambda t: rng.uniform()), label="noise")
                nengo.Probe(nengo.Ensemble(5, 1))
            return net

        results = sweep(make, SEEDS[:2], 1.1, minibatch_size=5)
        for variant, result in zip(SEEDS, results[:2], strict=False):
            # The first value is what Nengo asks a Node for to learn its size
            numbers = np.random.RandomState(variant["seed"]).uniform(size=1101)
            np.testing.assert_array_equal(result["noise"][:, 0], numbers[1:])

    @pytest.mark.parametrize(
        ("settings", "transform", "synapse"),
        [
            ({}, nengo.transforms.Sparse((9, 9), indices=[(0, 8), (8, 0)]), None),
            ({}, nengo.transforms.Convolution(1, (3, 3, 1), padding="same"), None),
            ({}, 1.0, Delay(np.full(9, 3.0), max_steps=5)),
            ({"dtype": "float32", "product_dtype": "bfloat16"}, 0.01, None),
            ({"quantization": 4}, 0.3, None),
        ],
        ids=["sparse", "convolution", "learned delay", "bfloat16", "few bits"],
    )
    def test_not_all_can_be(self, compiled, settings, transform, synapse):
        """Those run one after the other, as random neurons do."""

        def make(seed, random):
            if random:
                kind = nengo.PoissonSpiking(nengo.LIFRate())
                with network(seed) as net:
                    nengo.Probe(nengo.Ensemble(9, 1, neuron_type=kind).neurons)
                return net
            weights = transform
            if isinstance(transform, float) and synapse is None:
                weights = np.random.RandomState(seed).normal(0, transform, (9, 9))
            with network(seed, **settings) as net:
                pre, post = pair()
                nengo.Connection(
                    pre.neurons, post.neurons, transform=weights, synapse=synapse
                )
                nengo.Probe(post.neurons, "voltage")
            return net

        variants = [{"seed": s, "random": r} for s in (0, 1) for r in (True, False)]
        results = sweep(make, variants, 0.05, minibatch_size=4)
        assert {program.minibatch_size for program in compiled} == {1}
        assert_equal(results, [alone(make(**x), 0.05) for x in variants])

    def test_store(self, tmp_path, expected):
        sweep(ensemble, SEEDS[1:2], 0.01, store=tmp_path)
        results = sweep(ensemble, SEEDS, 0.01, store=tmp_path, minibatch_size=2)
        assert len(list(tmp_path.glob("*.npz"))) == 3
        assert_equal(results, expected)

    def test_random_networks(self):
        compared = []

        @many(3)
        @given(networks(python=False))
        def check(net):
            with net:
                configure_settings(dtype="float64", jit_compile=True)
            models = []
            try:
                for _ in range(3):
                    models.append(built(net))
                    net.seed += 1
            except BuildError:  # no decoders
                reject()
            programs = [
                make_program(model, minibatch_size=3, parameters_of_items=True)
                for model in models
            ]
            keys = {fingerprint(program) for program in programs}
            if len(keys) > 1 or None in keys:
                return
            results = Executable(programs[0]).run(programs, range(3), 60)
            one = Executable(make_program(models[0]))
            for seed, (model, values) in enumerate(zip(models, results, strict=True)):
                (expected,) = one.run([make_program(model)], [seed], 60)
                for value, other in zip(values, expected, strict=True):
                    # But for last bits, since products and sums may be fused
                    np.testing.assert_allclose(value, other, rtol=1e-9, atol=1e-12)
            compared.append(net)

        check()
        assert compared


class TestWithoutOneExecutable:
    """What only a simulator can run is run by one, for each variant."""

    def same(self, make, compiled):
        results = sweep(make, SEEDS[:2], 0.01)
        assert not compiled
        assert_equal(results, [alone(make(**x), 0.01) for x in SEEDS[:2]])
        assert not np.array_equal(*(x["probe"] for x in results))

    def test_python(self, compiled):
        def make(seed):
            with network(seed, jit_compile="auto") as net:
                ens = nengo.Ensemble(10, 1)
                node = nengo.Node(lambda t, x: x**2, size_in=1)
                nengo.Connection(ens, node)
                nengo.Probe(node)
            return net

        self.same(make, compiled)

    def test_layers(self, compiled):
        def make(seed):
            with network(seed, jit_compile=False) as net:
                stimulus = nengo.Node([0.5, seed])
                layer = keras.layers.Dense(2, kernel_initializer="ones")
                node = TensorNode(layer, shape_in=(2,), pass_time=False)
                nengo.Connection(stimulus, node, synapse=None)
                nengo.Probe(node)
            return net

        self.same(make, compiled)


def ensemble(seed, size=10):
    with network(seed) as net:
        nengo.Probe(nengo.Ensemble(size, 1), label="a/b")
    return net


@pytest.fixture(scope="module")
def expected():
    """What the ensembles of all seeds give alone."""
    return [alone(ensemble(**x), 0.01) for x in SEEDS]


class TestStore:
    @pytest.fixture
    def made(self, monkeypatch):
        """The seeds of the networks that have been made; the one of -1 interrupts."""
        seeds = []

        def make(seed):
            if seed < 0:
                raise KeyboardInterrupt
            seeds.append(seed)
            return ensemble(seed)

        return seeds, make

    def test_only_what_is_missing_is_computed(self, tmp_path, made, expected):
        seeds, make = made
        folder = tmp_path / "new" / "store"
        with pytest.raises(KeyboardInterrupt):
            sweep(make, [*SEEDS[:2], {"seed": -1}], 0.01, store=folder)
        assert seeds == [0, 1]
        results = sweep(make, SEEDS, 0.01, store=folder)
        assert seeds == [0, 1, 2]
        assert_equal(results, expected)
        assert sweep(make, SEEDS[::-1], 0.01, store=folder)[2].keys() == {"a_b"}
        assert seeds == [0, 1, 2]

    def test_killed(self, tmp_path, expected):
        command = [sys.executable, __file__, tmp_path]
        killed = subprocess.run(command, check=False)
        assert killed.returncode == -signal.SIGKILL
        kept = {path: path.stat().st_ino for path in tmp_path.glob("*.npz")}
        assert len(kept) == 2
        results = sweep(until_killed, SEEDS, 0.01, store=tmp_path)
        assert len(list(tmp_path.glob("*.npz"))) == 3
        assert kept == {path: path.stat().st_ino for path in kept}
        assert_equal(results, expected)

    @pytest.mark.parametrize(
        ("name", "change"),
        [
            ("n_steps", {"time": 0.02}),
            ("dt", {"time": 0.02, "dt": 0.002}),
            ("make", {"make": learning}),
            ("source", {"make": eval("lambda: 0", {})}),
        ],
    )
    def test_of_another_sweep(self, tmp_path, name, change):
        arguments = {"make": lambda seed: ensemble(seed), "variants": [], "time": 0.01}
        sweep(**arguments, store=tmp_path)
        if name == "source":
            change["make"].__qualname__ = arguments["make"].__qualname__
        with pytest.raises(ValidationError, match=f"another sweep, of which {name} "):
            sweep(**{**arguments, **change}, store=tmp_path)

    def test_of_another_version(self, tmp_path, monkeypatch):
        sweep(ensemble, [], 0.01, store=tmp_path)
        monkeypatch.setattr(store, "version", lambda name: f"1.0 of {name}")
        with pytest.raises(ValidationError, match="versions"):
            sweep(ensemble, [], 0.01, store=tmp_path)

    def test_damaged(self, tmp_path):
        sweep(ensemble, SEEDS[:1], 0.01, store=tmp_path)
        (path,) = tmp_path.glob("*.npz")
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(ValidationError, match=f"{path.name}.* is damaged"):
            sweep(ensemble, SEEDS[:1], 0.01, store=tmp_path)


class TestBackends:
    def test_threads(self, expected):
        with joblib.parallel_config("threading", n_jobs=2):
            assert_equal(sweep(ensemble, SEEDS, 0.01), expected)

    def test_dask(self, expected):
        distributed = pytest.importorskip("dask.distributed")
        with (
            distributed.LocalCluster(
                n_workers=1,
                threads_per_worker=2,
                processes=False,
                dashboard_address=None,
            ) as cluster,
            distributed.Client(cluster),
            joblib.parallel_config("dask"),
        ):
            assert_equal(sweep(ensemble, SEEDS, 0.01), expected)


class TestMistakes:
    def test_no_seed(self):
        with pytest.raises(ValidationError, match="has no seed") as caught:
            sweep(lambda size: ensemble(None, size), [{"size": 3}], 0.01)
        assert caught.value.__notes__ == ["in the variant {'size': 3} of a sweep"]

    def test_no_network(self):
        with pytest.raises(
            ValidationError, match=r"must return a nengo\.Network, not 0"
        ):
            sweep(lambda seed: seed, SEEDS, 0.01)

    def test_no_dictionary(self):
        with pytest.raises(ValidationError, match=r"is a dictionary .* not 0"):
            sweep(ensemble, range(3), 0.01)

    def test_no_item(self):
        with pytest.raises(ValidationError, match="minibatch_size: must be a positive"):
            sweep(ensemble, SEEDS, 0.01, minibatch_size=0)

    def test_in_a_step_of_one_of_several(self):
        def make(seed):
            with network(seed) as net:
                nengo.Probe(nengo.Node(lambda t: t and 1 / seed))
            return net

        with pytest.raises(ZeroDivisionError) as caught:
            sweep(make, [{"seed": 1}, {"seed": 0}], 0.01, minibatch_size=2)
        assert caught.value.__notes__[-1:] == [
            "in the variant {'seed': 1} or {'seed': 0} of a sweep"
        ]

    def test_one_variant_of_several(self):
        with pytest.raises(ValidationError, match="has no seed") as caught:
            sweep(ensemble, [*SEEDS, {"seed": None}], 0.01, minibatch_size=4)
        assert caught.value.__notes__ == ["in the variant {'seed': None} of a sweep"]

    @pytest.mark.parametrize("time", [0, -1, 0.0001, np.nan])
    def test_no_time(self, time):
        with pytest.raises(ValidationError, match=r"at least a step of 0\.001 s"):
            sweep(ensemble, SEEDS, time)

    def test_no_joblib(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "joblib", None)
        with pytest.raises(ModuleNotFoundError, match=r"nengo-dl-core\[sweep\]"):
            sweep(ensemble, SEEDS, 0.01)


class TestFingerprint:
    """Equal exactly where values alone differ."""

    @staticmethod
    def make(
        seed=0,
        size=5,
        neurons=None,
        transform=0.5,
        tau=0.1,
        value=0.3,
        sparse=(0, 1),
        every=None,
        **settings,
    ):
        with network(seed, **settings) as net:
            stimulus = nengo.Node([value])
            ens = nengo.Ensemble(size, 1, neuron_type=neurons or nengo.LIF())
            nengo.Connection(stimulus, ens, transform=transform, synapse=tau)
            matrix = nengo.transforms.Sparse((5, 5), indices=[sparse])
            nengo.Connection(ens.neurons[:5], ens.neurons[:5], transform=matrix)
            nengo.Probe(ens, sample_every=every)
        return fingerprint(make_program(built(net)))

    @pytest.mark.parametrize(
        "change",
        [
            {"seed": 1},
            {"transform": 0.7},
            {"value": -1.0},
        ],
    )
    def test_values(self, change):
        assert self.make() == self.make(**change)

    @pytest.mark.parametrize(
        "change",
        [
            {"size": 6},
            {"neurons": nengo.LIFRate()},
            {"neurons": nengo.LIF(tau_rc=0.03)},
            {"tau": 0.2},
            {"tau": None},
            {"sparse": (1, 0)},
            {"every": 0.002},
            {"dtype": "float32"},
            {"keep_history": False},
            {"learning_phase": True},
        ],
    )
    def test_code(self, change):
        assert None is not self.make() != self.make(**change) is not None

    def test_values_on_which_the_code_depends(self):
        random = nengo.LIF(initial_state={"voltage": nengo.dists.Uniform(0, 1.2)})
        found = {self.make(seed=seed, neurons=random) for seed in range(8)}
        assert len(found) == 2  # some neuron is above the threshold, or none

    def test_surrogates_where_they_are_computed_with(self):
        kinds = ("fast_sigmoid", "rates")
        for learning_phase, n_found in ((True, 2), (None, 1)):
            found = {
                self.make(learning_phase=learning_phase, spike_gradient=kind)
                for kind in kinds
            }
            assert len(found) == n_found

    def test_items_without_parameters_of_their_own(self):
        model = built(ensemble(0))
        assert fingerprint(make_program(model, minibatch_size=2)) is None

    def test_not_compiled(self):
        assert self.make(jit_compile=False) is None

    def test_random_networks(self, monkeypatch):
        """What one network is compiled for runs it with other seeds."""
        compared = []
        monkeypatch.setattr(
            executable,
            "TensorFlowLoop",
            lambda session, _, *rest: TensorFlowLoop(session, False, *rest),
        )

        @many(6)
        @given(networks(python=False))
        def check(net):
            with net:
                configure_settings(dtype="float64")
            try:
                one = make_program(built(net))
                net.seed += 1
                two = make_program(built(net))
            except BuildError:  # no decoders
                reject()
            if fingerprint(one) != fingerprint(two) or fingerprint(one) is None:
                return
            (values,) = Executable(one).run([two], [3], 20)
            with net:
                configure_settings(jit_compile=False)
            with one_thread(), Simulator(net, seed=3, progress_bar=False) as sim:
                sim.run_steps(20)
                for probe, value in zip(net.all_probes, values, strict=True):
                    np.testing.assert_array_equal(value, sim.data[probe])
            compared.append(net)

        check()
        assert len(compared) >= 2


def built(net):
    with one_thread():
        model = empty_model(net, 0.001, NoDecoderCache())
        model.build(net)
    return model


def until_killed(seed):
    """Make the networks of a sweep whose process is killed at the last of them."""
    if __name__ == "__main__" and seed == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return ensemble(seed)


if __name__ == "__main__":
    sweep(until_killed, SEEDS, 0.01, store=sys.argv[1])
