"""Registration of builders, and operators that users add."""

from typing import ClassVar

import nengo
import numpy as np
import pytest
import tensorflow as tf
from nengo.builder.operator import Copy, Operator, Reset
from nengo.exceptions import BuildError

from nengo_dl_core import Simulator
from nengo_dl_core.builders.base import OpBuilder
from nengo_dl_core.builders.builder import Builder
from nengo_dl_core.network.build import NengoBuilder, NengoModel


class Square(Operator):
    """``y = x ** 2``, which Nengo has no operator for."""

    def __init__(self, x, y):
        super().__init__(tag=None)
        self.sets, self.incs, self.reads, self.updates = [y], [], [x], []

    @property
    def x(self):
        return self.reads[0]

    @property
    def y(self):
        return self.sets[0]

    def make_step(self, signals, dt, rng):
        x, y = signals[self.x], signals[self.y]

        def step():
            y[...] = x**2

        return step


class SquareBuilder(OpBuilder):
    def build_pre(self, signals, config):
        super().build_pre(signals, config)
        self.x = signals.combine([op.x for op in self.ops])
        self.y = signals.combine([op.y for op in self.ops])

    def build_step(self, signals):
        signals.scatter(self.y, signals.gather(self.x) ** 2)

    @staticmethod
    def mergeable(x, y):
        return True


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setattr(Builder, "builders", dict(Builder.builders))
    Builder.register(Square)(SquareBuilder)


def squaring_model(n_ops=1):
    """A model in which operators of our own replace those of a connection."""
    with nengo.Network() as net:
        sources = [nengo.Node([0.5, -2.0]) for _ in range(n_ops)]
        targets = [nengo.Node(size_in=2) for _ in range(n_ops)]
        probes = [nengo.Probe(target) for target in targets]
    model = NengoModel(dt=0.001)
    model.build(net)
    written = [model.sig[target]["out"] for target in targets]
    model.operators[:] = [
        op
        for op in model.operators
        if not (isinstance(op, Reset) and op.dst in written)
    ]
    for source, signal in zip(sources, written, strict=True):
        model.add_op(Square(model.sig[source]["out"], signal))
    return model, probes


@pytest.mark.usefixtures("registered")
def test_operator_of_a_user():
    model, probes = squaring_model(n_ops=3)
    with Simulator(None, model=model, progress_bar=False) as sim:
        sim.run_steps(3)
        for probe in probes:
            np.testing.assert_array_equal(sim.data[probe], [[0.25, 4.0]] * 3)
        plan = sim.program.optimized.plan
    assert [len(group) for group in plan if isinstance(group[0], Square)] == [3]


def test_builder_of_a_user_draws_by_the_seed_of_the_simulation(registered):
    class Scaled(SquareBuilder):
        def build_pre(self, signals, config):
            super().build_pre(signals, config)
            self.scale = tf.constant(config.rng.uniform(1, 2), signals.dtype)

        def build_step(self, signals):
            signals.scatter(self.y, self.scale * signals.gather(self.x))

    Builder.register(Square)(Scaled)
    values = []
    for seed in (1, 1, 2):
        model, (probe,) = squaring_model()
        with Simulator(None, model=model, seed=seed, progress_bar=False) as sim:
            sim.run_steps(1)
            values.append(sim.data[probe][0, 0])
    assert values[0] == values[1] != values[2]


def test_operator_without_builder():
    model, _ = squaring_model()
    with pytest.raises(BuildError, match=r"No builder.*Square.*Builder\.register"):
        Simulator(None, model=model, progress_bar=False)


def test_only_builders_can_be_registered():
    with pytest.raises(TypeError, match="must be a subclass of OpBuilder"):
        Builder.register(Square)(object)


def test_builder_defaults():
    op = Square(*(nengo.builder.signal.Signal(np.zeros(1)) for _ in range(2)))
    builder = OpBuilder((op,))
    assert not builder.mergeable(op, op)
    assert not builder.python_in_loop
    with pytest.raises(BuildError, match="does not define build_step"):
        builder.build_step(None)


def test_build_functions_registered_with_ours_leave_nengo_alone():
    class Thing:
        pass

    NengoBuilder.register(Thing)(lambda model, thing: "built")
    try:
        model = NengoModel(builder=NengoBuilder())
        assert model.build(Thing()) == "built"
        with pytest.raises(BuildError, match="Cannot build"):
            nengo.builder.Model().build(Thing())
    finally:
        del NengoBuilder.builders[Thing]


def test_activities_are_computed_once_for_all_connections_of_an_ensemble():
    class Counted(nengo.LIF):
        calls: ClassVar = []

        def rates(self, x, gain, bias):
            self.calls.append(x.shape)
            return super().rates(x, gain, bias)

    with nengo.Network() as net:
        ensemble = nengo.Ensemble(10, 1, n_eval_points=20, neuron_type=Counted())
        for function in (None, np.sin):
            nengo.Connection(ensemble, nengo.Node(size_in=1), function=function)
        nengo.Probe(ensemble)
    with Simulator(net, progress_bar=False):
        assert Counted.calls == [(20, 10)]


@pytest.mark.parametrize("fail_fast", [True, False])
def test_fail_fast(fail_fast):
    class Broken(Copy):
        def make_step(self, signals, dt, rng):
            raise ZeroDivisionError

    signals = [nengo.builder.signal.Signal(np.zeros(1)) for _ in range(2)]
    model = NengoModel(fail_fast=fail_fast)
    if fail_fast:
        with pytest.raises(ZeroDivisionError):
            model.add_op(Broken(*signals))
    else:
        model.add_op(Broken(*signals))
    assert isinstance(model.operators[-1], Broken)
