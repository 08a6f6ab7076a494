"""What a simulation should give, whatever has been done with the simulator.

An undisturbed run of the reference simulator tells; where that draws other random
numbers, an undisturbed run of our own.
"""

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import nengo
import numpy as np

from stateful_networks import Subject

N_STEPS = 60  # that a simulation is followed for


@dataclass(frozen=True)
class Reset:
    """A reset that left something as it was, after some steps."""

    n_steps: int
    seed: int | None
    include_trainable: bool
    include_processes: bool


@dataclass(frozen=True)
class Undisturbed:
    """What a simulation gives that nothing interrupts: the oracle.

    Parameters
    ----------
    values : list of ndarray
        What each probe records, ``(n_items, n_rows, size)``.
    places : list of float
        Where the world is before the first step, and after each.
    """

    values: list[Any]
    places: list[float]


@cache
def undisturbed(kind, seed, resets):
    """Run the reference simulator, whose resets are whole: the others are done here."""
    subject = Subject(kind, seed, nengo.Simulator, optimize=False)
    with subject.sim as sim:
        for reset in resets:
            if reset.n_steps:
                sim.run_steps(reset.n_steps)
            kept = {} if reset.include_trainable else learned_values(sim)
            if reset.include_processes:
                sim.reset(reset.seed)
            for signal in sim.signals:
                sim.signals.reset(signal)
            for signal, value in kept.items():
                sim.signals[signal] = value
            sim.clear_probes()
            subject.world.place = 0.0
        places = [subject.world.place]
        for _ in range(N_STEPS + 2):
            sim.step()
            places.append(subject.world.place)
        return Undisturbed([sim.data[x].copy()[None] for x in subject.probes], places)


def learned_values(sim):
    """What learning rules have changed."""
    rules = (conn for conn in sim.model.toplevel.all_connections if conn.learning_rule)
    signals = [sim.model.sig[conn]["weights"] for conn in rules]
    return {signal: sim.signals[signal].copy() for signal in signals}


@cache
def undisturbed_ours(kind, seed, resets, minibatch_size):
    """Run our simulator, where the reference draws other random numbers."""
    with Subject(kind, seed, minibatch_size=minibatch_size or 1).sim as sim:
        for reset in resets:
            if reset.n_steps:
                sim.run_steps(reset.n_steps)
            sim.reset(
                seed=reset.seed,
                include_trainable=reset.include_trainable,
                include_processes=reset.include_processes,
            )
        sim.run_steps(N_STEPS + 2)
        return Undisturbed([sim.data[x].copy() for x in sim.model.probes], [])


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


class Expectation:
    """Knows where a simulation is, and so what it gives and what it has recorded.

    Attributes
    ----------
    kind : Kind
        The network.
    subject : Subject
        The simulator, and what belongs to it.
    place : Place
        Where the simulation is.
    seed : int
        Seed of the simulator.
    recorded : list of list of ndarray
        For each probe the pieces that it should have recorded.
    wrong : bool
        Whether something has gone wrong.
    """

    @property
    def sim(self):
        return self.subject.sim

    @property
    def n_items(self):
        return self.sim.minibatch_size or 1

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
            actual,
            expected,
            rtol=0,
            atol=1e-9 * np.abs(whole).max(),
            err_msg=str(probe),
        )

    def check(self):
        np.testing.assert_equal(self.sim.n_steps, self.place.n_steps)
        np.testing.assert_equal(self.sim.seed, self.seed)
        for probe, parts in zip(self.subject.probes, self.recorded, strict=True):
            actual = self.sim.data[probe]
            if self.sim.minibatch_size is None:
                actual = actual[None]
            expected = np.concatenate(parts, axis=1)
            np.testing.assert_equal(actual.shape, expected.shape, str(probe))
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

    def present(self):
        recorded = [list(parts) for parts in self.recorded]
        return self.subject, self.place, self.seed, recorded

    def return_to(self, present):
        self.subject, self.place, self.seed, self.recorded = present

    def go_on(self):
        """See what there is to see."""
        self.sim.run_steps(2)
        self.expect_recorded(2)
        self.place = self.place.after(2)
        self.check()
