"""A simulation goes on as if nothing had come between, whatever is done with it.

Hypothesis calls the methods of a simulator in any order. All that is known of the
simulation is how many steps it has really made, and from which beginning; what it
records must be what an undisturbed simulation gives in these steps. A test run tries
some hundred sequences of calls. This tries another thousand, and makes what fails
shorter::

    NENGO_DL_BATCHES=1:11 NENGO_DL_SHRINK=1 pytest .../test_state_machine.py
"""

import copy
import os
import pickle
from dataclasses import replace
from math import inf
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

from nengo_dl_core import tuning
from stateful_networks import DT, KINDS, Simulators, Subject, prepare_training
from undisturbed_runs import Expectation, Place

KERAS_STEPS = 3  # of every call through Keras, which traces each number anew
SEQUENCES = {"compiled": 4, "numpy": 6, "rates": 24, "loop": 24, "spikes": 8}
SEEDS = st.integers(0, 2)
PIECES = st.integers(1, 6)
BATCHES = range(*map(int, os.environ.get("NENGO_DL_BATCHES", "0:1").split(":")))

# It takes minutes to make a sequence shorter.
PHASES = [Phase.generate, *[Phase.shrink] * ("NENGO_DL_SHRINK" in os.environ)]


class Sequence(Expectation, RuleBasedStateMachine):
    """A sequence of calls."""

    simulators: Simulators

    @property
    def kind(self):
        return self.simulators.kind

    def __init__(self):
        super().__init__()
        self.folder = TemporaryDirectory()
        self.saved = []  # files, where they were written, and by which simulators
        self.wrong = True

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
    @rule(which=st.integers(0, 100), new_seed=SEEDS, other_size=st.booleans())
    def load_in_a_new_simulator(self, which, new_seed, other_size):
        """One item becomes all of a minibatch; several cannot become one."""
        path, place, seed, size = self.saved[which % len(self.saved)]
        if self.kind.reference:
            seed = new_seed
            if other_size and 3 in self.kind.minibatch_sizes:
                size = 1 if size == 3 else 3
        n_items, n_saved = size or 1, len(place.beginnings)
        with self.operation():
            present = self.present()
            self.subject = Subject(self.kind, seed, minibatch_size=size)
            self.place, self.seed = Place.start(n_items, seed), seed
            self.expect_nothing_recorded()
            if n_items < n_saved:
                with pytest.raises(ValidationError):
                    self.sim.load_params(path, include_state=True)
            else:
                self.sim.load_params(path, include_state=True)
                beginnings = n_items // n_saved * place.beginnings
                self.place = replace(place, beginnings=beginnings)
            self.put_world()
            self.go_on()
            self.sim.close()
            self.return_to(present)

    @rule()
    def save_and_load_parameters(self):
        path = Path(self.folder.name) / "parameters.npz"
        with self.operation():
            self.sim.save_params(path)
            self.sim.load_params(path)

    @rule(
        copied=st.sampled_from([copy.copy, copy.deepcopy, "pickle"]),
        stays=st.sampled_from([False, False, False, False, True]),
    )
    def copy(self, copied, stays):
        """Go on with a copy; then with the copy still, or with the original."""
        with self.operation(2):
            present, original = self.present(), self.subject
            if copied == "pickle":
                self.subject = pickle.loads(pickle.dumps(original))
            else:
                self.subject = copied(original)
            if copied is copy.copy:
                self.subject.sim = copy.copy(original.sim)
            self.check()
            self.go_on()
            if stays:
                original.sim.close()
                prepare_training(self.subject)
            else:
                self.sim.close()
                self.return_to(present)

    @precondition(lambda self: self.kind.fails)
    @rule(
        method=st.sampled_from(
            ["run_steps", "predict", "predict_on_batch", "evaluate", "fit"]
        ),
        n_minibatches=st.integers(1, 2),
        stateful=st.booleans(),
        error=st.sampled_from([RuntimeError, ValueError, KeyboardInterrupt]),
        step=st.integers(0, 5),
        item=st.integers(0, 2),
    )
    def fail(self, method, n_minibatches, stateful, error, step, item):
        """A Node raises an error: it comes through, and everything is as it was."""
        if method in ("fit", "evaluate"):
            stateful = stateful and self.kind.trains_as_it_runs
        if not stateful or method == "predict_on_batch":
            n_minibatches = 1
        n_steps = n_minibatches * KERAS_STEPS
        fuse, message = self.subject.fuse, f"error {os.urandom(4).hex()}"
        with self.operation(n_steps):
            fuse.arm(
                error(message),
                self.place.n_steps + 1 + step % n_steps,
                item % self.n_items,
            )
            with pytest.raises(error, match=message):
                self.call(method, n_minibatches, stateful)
            fuse.disarm()

    @precondition(lambda self: self.kind.fails)
    @rule(step=st.integers(1, KERAS_STEPS))
    def fail_in_the_keras_model(self, step):
        """What Keras makes of the error is its own."""
        with self.operation():
            self.subject.fuse.arm(RuntimeError("in Keras"), self.place.n_steps + step)
            with pytest.raises(Exception, match="in Keras"):
                self.call_keras_model()
            self.subject.fuse.disarm()

    def call(self, method, n_minibatches, stateful):
        """Let a method simulate some minibatches."""
        if method == "run_steps":
            self.sim.run_steps(n_minibatches * KERAS_STEPS, stateful=stateful)
        elif method == "fit":
            self.call_fit(n_minibatches, 1, stateful)
        elif method == "evaluate":
            self.call_evaluate(n_minibatches, stateful)
        else:
            simulate = getattr(self.sim, method)
            simulate(self.samples(n_minibatches), stateful=stateful)

    def teardown(self):
        self.folder.cleanup()
        if not self.wrong:
            self.run_steps(2, stateful=True, with_data=False)
            self.simulators.keep(self.subject)


@pytest.mark.filterwarnings("ignore:No gradient passes")
@pytest.mark.filterwarnings("ignore:.*has recorded nothing")
@pytest.mark.filterwarnings("ignore:'Node.size_out' is being overwritten")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("name", KINDS)
def test_equals_an_undisturbed_run(name, batch, monkeypatch):
    monkeypatch.setattr(tuning, "LOOP_SECONDS", inf)  # for "auto"
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
            phases=PHASES,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )
    simulators.close()
