"""A simulation goes on as if nothing had come between, whatever is done with it.

Hypothesis calls the methods of a simulator in any order. All that is known of the
simulation is how many steps it has really made, and from which beginning; what it
records must be what an undisturbed simulation gives in these steps. A test run tries
100 sequences of calls; this tries another thousand::

    NENGO_DL_BATCHES=1:11 pytest packages/nengo-dl-core/tests/test_state_machine.py
"""

import copy
import os
import pickle
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from nengo.exceptions import ValidationError

from stateful_networks import (
    DT,
    KINDS,
    N_STEPS,
    Reset,
    Subject,
    undisturbed,
    undisturbed_ours,
)

KERAS_STEPS = 3  # of every call through Keras, which traces each number anew
SEQUENCES = {"compiled": 4, "rates": 24, "loop": 24, "spikes": 8}  # in a batch
SEEDS = st.integers(0, 2)
PIECES = st.integers(1, 6)
ERRORS = st.sampled_from([RuntimeError, ValueError, KeyboardInterrupt])
BATCHES = range(*map(int, os.environ.get("NENGO_DL_BATCHES", "0:1").split(":")))


@dataclass(frozen=True)
class Place:
    """Where a simulation is.

    Parameters
    ----------
    beginnings : tuple of (int, tuple of Reset)
        For each item of the minibatch the seed that it began with, and the resets
        since then that left something as it was.
    n_steps : int
        Number of steps since the last reset.
    """

    beginnings: tuple
    n_steps: int = 0

    @classmethod
    def start(cls, n_items, seed):
        return cls(tuple((seed + item, ()) for item in range(n_items)))

    def after(self, n_steps):
        return replace(self, n_steps=self.n_steps + n_steps)

    def reset(self, seed, include_trainable, include_processes):
        """Where a reset leads that leaves something as it was."""
        items = []
        for item, (first, resets) in enumerate(self.beginnings):
            kept = (include_trainable, include_processes)
            items.append((first, (*resets, Reset(self.n_steps, seed + item, *kept))))
        return Place(tuple(items))


class Simulators:
    """Keeps the simulators of sequences that ended well, since tracing takes long."""

    def __init__(self, kind):
        self.kind, self.kept = kind, {}

    def take(self, minibatch_size):
        kept = self.kept.pop(minibatch_size, None)
        return kept or self.make(minibatch_size, 0)

    def make(self, minibatch_size, seed):
        subject = Subject(self.kind, seed, minibatch_size=minibatch_size)
        prepare_training(subject)
        return subject

    def keep(self, subject):
        size = subject.sim.minibatch_size
        if size in self.kept:
            subject.sim.close()
        self.kept.setdefault(size, subject)

    def close(self):
        for subject in self.kept.values():
            subject.sim.close()


def prepare_training(subject):
    """Compile for training that changes no parameter."""
    losses = dict.fromkeys(subject.measured.values(), "mse")
    subject.sim.compile(keras.optimizers.SGD(0.0), loss=losses)


class Sequence(RuleBasedStateMachine):
    """A sequence of calls."""

    simulators: Simulators

    def __init__(self):
        super().__init__()
        self.folder = TemporaryDirectory()
        self.saved = []  # files, where they were written, and by which simulators
        self.wrong = True

    @property
    def kind(self):
        return self.simulators.kind

    @property
    def sim(self):
        return self.subject.sim

    @property
    def n_items(self):
        return self.sim.minibatch_size or 1

    # What is expected.

    def undisturbed(self):
        if self.kind.reference:
            return [undisturbed(self.kind, *item) for item in self.place.beginnings]
        size = self.n_items
        return [undisturbed_ours(self.kind, *self.place.beginnings[0], size)]

    def expected(self, start, n_steps):
        """What each probe should record from a step on, ``(n_items, n_rows, size)``."""
        items = zip(*(found.values for found in self.undisturbed()), strict=True)
        values = []
        for probe, arrays in zip(self.subject.probes, items, strict=True):
            period = 1 if probe.sample_every is None else 2
            rows = slice(start // period, (start + n_steps) // period)
            values.append(np.concatenate(arrays)[:, rows])
        return values

    def expect_recorded(self, n_steps):
        """Expect that the next steps have been recorded."""
        for parts, values in zip(
            self.recorded, self.expected(self.place.n_steps, n_steps), strict=True
        ):
            parts.append(values)

    def expect_nothing_recorded(self):
        self.recorded = [[x] for x in self.expected(0, 0)]

    def assert_equal(self, probe, actual, expected):
        whole = self.undisturbed()[0].values[self.subject.probes.index(probe)]
        np.testing.assert_allclose(
            actual, expected, rtol=0, atol=1e-9 * np.abs(whole).max(), err_msg=str(probe)
        )

    def check(self):
        assert self.sim.n_steps == self.place.n_steps
        assert self.sim.seed == self.seed
        for probe, parts in zip(self.subject.probes, self.recorded, strict=True):
            actual = self.sim.data[probe]
            if self.sim.minibatch_size is None:
                actual = actual[None]
            expected = np.concatenate(parts, axis=1)
            assert actual.shape == expected.shape, probe
            self.assert_equal(probe, actual, expected)

    @contextmanager
    def operation(self, n_steps=0):
        """Do something that may be wrong, and that takes some steps."""
        self.wrong = True
        if self.place.n_steps + n_steps > N_STEPS:
            self.sim.reset()
            self.place = Place.start(self.n_items, self.seed)
            self.expect_nothing_recorded()
        yield
        self.check()
        self.put_world()
        self.wrong = False

    def put_world(self):
        """Put a user's own objects where the simulation is: no one else can."""
        if self.kind.in_world:
            (found,) = self.undisturbed()
            self.subject.world.place = found.places[self.place.n_steps]

    # The calls.

    @initialize(
        size=st.runner().flatmap(lambda x: st.sampled_from(x.kind.minibatch_sizes)),
        seed=SEEDS,
    )
    def begin(self, size, seed):
        self.subject, self.seed = self.simulators.take(size), seed
        self.place = Place.start(self.n_items, seed)
        self.expect_nothing_recorded()
        with self.operation():
            self.sim.reset(seed=seed)
            self.put_world()

    @rule(
        n_steps=PIECES,
        stateful=st.sampled_from([True, True, False]),
        with_data=st.booleans(),
    )
    def run_steps(self, n_steps, stateful, with_data):
        with self.operation(n_steps):
            data = self.subject.data(self.n_items, n_steps) if with_data else None
            self.sim.run_steps(n_steps, data=data, stateful=stateful)
            self.expect_recorded(n_steps)
            if stateful:
                self.place = self.place.after(n_steps)

    @rule()
    def step(self):
        with self.operation(1):
            self.sim.step()
            self.expect_recorded(1)
            self.place = self.place.after(1)

    @rule(n_steps=PIECES)
    def run(self, n_steps):
        with self.operation(n_steps):
            self.sim.run(n_steps * DT)
            self.expect_recorded(n_steps)
            self.place = self.place.after(n_steps)

    @rule(n_minibatches=st.integers(1, 2), stateful=st.booleans())
    def predict(self, n_minibatches, stateful):
        with self.operation(n_minibatches * KERAS_STEPS):
            values = self.sim.predict(self.samples(n_minibatches), stateful=stateful)
            self.compare_outputs(values, n_minibatches, stateful)

    @rule(stateful=st.booleans())
    def predict_without_data(self, stateful):
        with self.operation(KERAS_STEPS):
            values = self.sim.predict(n_steps=KERAS_STEPS, stateful=stateful)
            self.compare_outputs(values, 1, stateful)

    @rule(stateful=st.booleans())
    def predict_on_batch(self, stateful):
        with self.operation(KERAS_STEPS):
            values = self.sim.predict_on_batch(self.samples(1), stateful=stateful)
            self.compare_outputs(values, 1, stateful)

    def samples(self, n_minibatches):
        return self.subject.data(n_minibatches * self.n_items, KERAS_STEPS)

    def compare_outputs(self, values, n_minibatches, stateful):
        """Compare what is computed minibatch by minibatch.

        Where each begins in the present state, noise of those after the first one is
        their own.
        """
        for minibatch in range(n_minibatches if stateful else 1):
            items = slice(minibatch * self.n_items, (minibatch + 1) * self.n_items)
            expected = self.expected(self.place.n_steps, KERAS_STEPS)
            for probe, value in zip(self.subject.probes, expected, strict=True):
                if probe.sample_every is None:
                    self.assert_equal(probe, values[probe][items], value)
            if stateful:
                self.place = self.place.after(KERAS_STEPS)

    @rule()
    def keras_model(self):
        with self.operation():
            self.call_keras_model()

    def call_keras_model(self):
        n_items = self.n_items
        x = {"n_steps": np.full((n_items, 1), KERAS_STEPS, np.int32)}
        for node in self.subject.sources:
            x[self.sim.get_name(node)] = np.ones((n_items, KERAS_STEPS, node.size_out))
        self.sim.keras_model.predict(x, batch_size=n_items, verbose=0)

    @precondition(lambda self: not self.kind.jit_compile)
    @rule(n_minibatches=st.integers(1, 2), stateful=st.booleans())
    def evaluate(self, n_minibatches, stateful):
        stateful = stateful and not self.kind.in_world
        with self.operation(n_minibatches * KERAS_STEPS):
            actual = self.call_evaluate(n_minibatches, stateful)
            expected = self.expected_losses(n_minibatches)
            if stateful or (n_minibatches == 1 and not self.kind.in_world):
                for name, losses in expected.items():
                    loss = np.mean(losses)
                    np.testing.assert_allclose(actual[f"{name}_loss"], loss, rtol=1e-5)
            if stateful:
                self.place = self.place.after(n_minibatches * KERAS_STEPS)

    def call_evaluate(self, n_minibatches, stateful):
        y = self.subject.targets(n_minibatches * self.n_items, KERAS_STEPS)
        return self.sim.evaluate(self.samples(n_minibatches), y, stateful=stateful)

    def expected_losses(self, n_minibatches):
        """The losses of minibatches of which each begins where the last one ended."""
        names = [probe.label for probe in self.subject.probes]
        losses = {name: [] for name in self.subject.measured}
        for minibatch in range(n_minibatches):
            start = self.place.n_steps + minibatch * KERAS_STEPS
            for name, values in zip(
                names, self.expected(start, KERAS_STEPS), strict=True
            ):
                if name in losses:
                    losses[name].append(np.mean(values**2))
        return losses

    @precondition(lambda self: not self.kind.jit_compile)
    @rule(
        n_minibatches=st.integers(1, 2),
        epochs=st.integers(1, 2),
        stateful=st.booleans(),
        validate=st.booleans(),
    )
    def fit(self, n_minibatches, epochs, stateful, validate):
        stateful = stateful and self.kind.trains_as_it_runs and not self.kind.in_world
        n_calls = n_minibatches * epochs
        with self.operation(n_calls * KERAS_STEPS):
            actual = self.call_fit(n_minibatches, epochs, stateful, validate)
            if stateful:
                for name, losses in self.expected_losses(n_calls).items():
                    np.testing.assert_allclose(actual[name], losses, rtol=1e-4)
                self.place = self.place.after(n_calls * KERAS_STEPS)
            else:  # as Keras' own noise, which is a new one in each minibatch
                assert len(np.unique(np.round(actual["noise"], 6))) == n_calls

    def call_fit(self, n_minibatches, epochs, stateful, validate=False):
        """Train; return the losses of each minibatch, of which Keras tells the mean."""
        means = {name: [] for name in self.subject.measured}

        def remember(batch, logs):
            for name, values in means.items():
                before = values[-1][1] if batch else 0
                total = logs[f"{name}_loss"] * (batch + 1)
                values.append((total - before, total))

        n_samples = n_minibatches * self.n_items
        y = self.subject.targets(n_samples, KERAS_STEPS)
        held_out = self.subject.targets(self.n_items, KERAS_STEPS)
        self.sim.fit(
            self.samples(n_minibatches),
            y,
            epochs=epochs,
            stateful=stateful,
            validation_data=(self.samples(1), held_out) if validate else None,
            callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=remember)],
            verbose=0,
        )
        return {name: [loss for loss, _ in x] for name, x in means.items()}

    @rule(
        new_seed=st.none() | SEEDS,
        include_trainable=st.booleans(),
        include_probes=st.booleans(),
        include_processes=st.booleans(),
    )
    def reset(self, new_seed, include_trainable, include_probes, include_processes):
        if not self.kind.stateless_processes:
            include_processes = True
        include_trainable = include_trainable or not self.kind.learns
        with self.operation():
            self.sim.reset(
                new_seed, include_trainable, include_probes, include_processes
            )
            self.seed = self.seed if new_seed is None else new_seed
            if include_trainable and include_processes:
                self.place = Place.start(self.n_items, self.seed)
            else:
                kept = (include_trainable, include_processes)
                self.place = self.place.reset(self.seed, *kept)
            if include_probes:
                self.expect_nothing_recorded()

    @rule()
    def save(self):
        path = Path(self.folder.name) / f"{len(self.saved)}.npz"
        with self.operation():
            self.sim.save_params(path, include_state=True)
            size = self.sim.minibatch_size
            self.saved.append((path, self.place, self.seed, size))

    @precondition(lambda self: self.saved)
    @rule(which=st.integers(0, 100))
    def load(self, which):
        path, place, seed, size = self.saved[which % len(self.saved)]
        same = self.kind.reference or (seed == self.seed)  # of streams of each neuron
        if size == self.sim.minibatch_size and same:
            with self.operation():
                self.sim.load_params(path, include_state=True)
                self.place = place

    @precondition(lambda self: self.saved and not self.kind.jit_compile)
    @rule(which=st.integers(0, 100), seed=SEEDS)
    def load_in_a_new_simulator(self, which, seed):
        path, place, saved_seed, size = self.saved[which % len(self.saved)]
        self.seed = seed if self.kind.reference else saved_seed
        self.wrong = True
        self.simulators.keep(self.subject)
        self.subject = self.simulators.make(size, self.seed)
        self.place = Place.start(self.n_items, self.seed)
        self.expect_nothing_recorded()
        with self.operation():
            self.sim.load_params(path, include_state=True)
            self.place = place

    @precondition(lambda self: self.saved and self.kind.reference)
    @rule(which=st.integers(0, 100), seed=SEEDS)
    def load_for_another_minibatch_size(self, which, seed):
        """One item becomes all of a minibatch; several cannot become one."""
        path, place, _, size = self.saved[which % len(self.saved)]
        other = Sequence()
        other.simulators, other.seed = self.simulators, seed
        n_items = 3 if size in (None, 1) else 1
        other.subject = Subject(self.kind, seed, minibatch_size=n_items)
        other.place = Place.start(n_items, seed)
        other.expect_nothing_recorded()
        if self.kind.in_world:
            return
        with self.operation(), other.sim:
            if n_items == 1:
                with pytest.raises(ValidationError):
                    other.sim.load_params(path, include_state=True)
            else:
                other.sim.load_params(path, include_state=True)
                other.place = replace(place, beginnings=3 * place.beginnings)
            other.run_steps(2, True, False)

    @rule()
    def save_and_load_parameters(self):
        path = Path(self.folder.name) / "parameters.npz"
        with self.operation():
            self.sim.save_params(path)
            self.sim.load_params(path)

    @rule(
        copied=st.sampled_from([copy.copy, copy.deepcopy, "pickle"]),
        go_on=st.sampled_from([False, False, True]),
    )
    def copy(self, copied, go_on):
        """Go on with a copy, and then with the copy or with the original."""
        with self.operation(2):
            original, place = self.subject, self.place
            recorded = [list(parts) for parts in self.recorded]
            if copied == "pickle":
                self.subject = pickle.loads(pickle.dumps(original))
            else:
                self.subject = copied(original)
            if copied is copy.copy:
                self.subject.sim = copy.copy(original.sim)
            self.check()
            self.sim.run_steps(2)
            self.expect_recorded(2)
            self.place = self.place.after(2)
            self.check()
            if go_on:
                original.sim.close()
                prepare_training(self.subject)
            else:
                self.sim.close()
                self.subject, self.place, self.recorded = original, place, recorded

    @precondition(lambda self: self.kind.fails)
    @rule(
        n_steps=PIECES,
        stateful=st.booleans(),
        error=ERRORS,
        step=st.integers(0, 5),
        item=st.integers(0, 2),
    )
    def fail_in_a_run(self, n_steps, stateful, error, step, item):
        """A run ends at a whole step before the error."""
        with self.operation(n_steps):
            step = 1 + step % n_steps
            with self.failing(error, step, item):
                self.sim.run_steps(n_steps, stateful=stateful)
            rows = self.sim.data[self.subject.measured["noise"]].shape[-2]
            done = rows - sum(x.shape[1] for x in self.parts_of("noise"))
            assert 0 <= done < step
            self.expect_recorded(done)
            if stateful:
                self.place = self.place.after(done)

    def parts_of(self, label):
        labels = [probe.label for probe in self.subject.probes]
        return self.recorded[labels.index(label)]

    @precondition(lambda self: self.kind.fails and not self.kind.jit_compile)
    @rule(
        method=st.sampled_from(["predict", "predict_on_batch", "evaluate", "fit"]),
        n_minibatches=st.integers(1, 2),
        stateful=st.booleans(),
        error=ERRORS,
        step=st.integers(0, 5),
        item=st.integers(0, 2),
    )
    def fail_through_keras(self, method, n_minibatches, stateful, error, step, item):
        """Everything is as it was."""
        if method == "predict_on_batch":
            n_minibatches = 1
        stateful = stateful and self.kind.trains_as_it_runs and not self.kind.in_world
        n_steps = KERAS_STEPS * (n_minibatches if stateful else 1)
        with self.operation(n_minibatches * KERAS_STEPS):
            with self.failing(error, 1 + step % n_steps, item):
                if method == "fit":
                    self.call_fit(n_minibatches, 1, stateful)
                elif method == "evaluate":
                    self.call_evaluate(n_minibatches, stateful)
                else:
                    call = getattr(self.sim, method)
                    call(self.samples(n_minibatches), stateful=stateful)

    @precondition(lambda self: self.kind.fails)
    @rule(step=st.integers(1, KERAS_STEPS))
    def fail_in_the_keras_model(self, step):
        """What Keras makes of the error is its own."""
        with self.operation():
            self.subject.fuse.arm(RuntimeError("in Keras"), self.place.n_steps + step)
            with pytest.raises(Exception, match="in Keras"):
                self.call_keras_model()
            self.subject.fuse.disarm()

    @contextmanager
    def failing(self, error, step, item):
        """A call that raises what a Node raises in one of its steps."""
        fuse, raises = self.subject.fuse, error(f"{os.urandom(4).hex()}")
        fuse.arm(raises, self.place.n_steps + step, item % self.n_items)
        with pytest.raises(error, match=str(raises)):
            yield
        fuse.disarm()

    def teardown(self):
        self.folder.cleanup()
        if not self.wrong:
            self.run_steps(2, stateful=True, with_data=False)
            self.simulators.keep(self.subject)


@pytest.mark.filterwarnings("ignore:No gradient passes")
@pytest.mark.filterwarnings("ignore:'Node.size_out' is being overwritten")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("name", KINDS)
def test_equals_an_undisturbed_run(name, batch):
    simulators = Simulators(KINDS[name])

    @seed(batch)
    class Calls(Sequence):
        pass

    Calls.simulators = simulators
    most = int(os.environ.get("NENGO_DL_EXAMPLES", 100))
    run_state_machine_as_test(
        Calls,
        settings=settings(
            max_examples=min(SEQUENCES.get(name, 13), most),
            stateful_step_count=12,
            database=None,
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )
    simulators.close()
