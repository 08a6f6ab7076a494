"""Compare simulators on benchmark networks, each in a process of its own.

Absolute times move with a machine's other work. So the simulators that are compared
take turns, run by run; what counts is the ratio of their medians, and the spread is
kept with it. Before a short run are others that do not count.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from signal import Signals
from statistics import median
from subprocess import PIPE, Popen
from tempfile import TemporaryFile
from time import perf_counter
from typing import Any

from nengo_dl_benchmarks import worker

MODES = [*worker.MODES, "build"]
SHORT_RUN = 1.0
"""Seconds of a run that needs others before it."""
WAKING = 0.5
"""Seconds of these."""


@dataclass(frozen=True)
class Backend:
    """A simulator, or another framework, in an environment.

    Parameters
    ----------
    name : str
        Its name in the group ``nengo.backends``, or in `nengo_dl_benchmarks.peers`.
    python : str
        Interpreter of the environment.
    label : str
        What to call it in results.
    """

    name: str
    python: str
    label: str

    @classmethod
    def parse(cls, text: str) -> Backend:
        """Read ``[LABEL=]NAME[@PYTHON]``.

        Parameters
        ----------
        text : str
            For example ``dl``, or ``release=dl@/opt/release/bin/python``.

        Returns
        -------
        backend : Backend
            The simulator; without ``PYTHON`` that of the running interpreter.

        Raises
        ------
        ValueError
            If the text has no name, or there is no such interpreter.

        Examples
        --------
        >>> Backend.parse("ours=dl").label
        'ours'
        """
        label, _, rest = text.rpartition("=")
        name, _, python = rest.partition("@")
        if not name:
            raise ValueError(f"{text!r} is not of the form [LABEL=]NAME[@PYTHON]")
        if python and not os.access(python, os.X_OK):
            raise ValueError(f"{python!r} is no program that can be run")
        return cls(name, python or sys.executable, label or rest)


@dataclass(frozen=True)
class Case:
    """What the simulators are compared on.

    Parameters
    ----------
    benchmark : str
        Name of the network.
    size : dict
        Arguments of its function, with the neuron type by name.
    mode : str
        ``"run"``, ``"predict"``, ``"fit"`` (an epoch of four minibatches), ``"train"``
        (`fit` of one minibatch; in other frameworks a forward and a backward pass),
        ``"step"`` (one call of ``Simulator.step``) or ``"build"``.
    batch_size : int
        Number of inputs. A simulator without minibatches runs them one by one.
    n_steps : int
        Number of steps of a run.
    """

    benchmark: str
    size: dict[str, Any] = field(default_factory=dict)
    mode: str = "run"
    batch_size: int = 1
    n_steps: int = 1000


@dataclass(frozen=True)
class Measurement:
    """What one simulator took for a case.

    Parameters
    ----------
    case : Case
        What was done.
    backend : str
        Label of the simulator.
    build : float or None
        Seconds to make the simulator.
    first : float or None
        Seconds of the first run, in which a simulator may compile.
    warm : list of float
        Seconds of each run after it.
    idle, peak : int or None
        Most memory that the process has held before the build, and in all, in bytes.
    stages : dict of str to float
        Seconds of the parts of the build and the first run, if the simulator tells.
    bound : float or None
        Seconds that a run would take at the speed of this machine's memory and
        arithmetic (`nengo_dl_benchmarks.bound`).
    versions : dict of str to str
        Versions of what took part.
    error : str or None
        Why the measurement is not complete.
    """

    case: Case
    backend: str
    build: float | None = None
    first: float | None = None
    warm: list[float] = field(default_factory=list)
    idle: int | None = None
    peak: int | None = None
    stages: dict[str, float] = field(default_factory=dict)
    bound: float | None = None
    versions: dict[str, str] = field(default_factory=dict)
    error: str | None = None

    @property
    def typical(self) -> float | None:
        """Median of the warm runs, in seconds."""
        return median(self.warm) if self.warm else None

    @property
    def memory(self) -> int | None:
        """Memory that building and running took, in bytes."""
        return None if self.peak is None or self.idle is None else self.peak - self.idle

    @property
    def added(self) -> float | None:
        """Seconds that the build took beyond Nengo's own."""
        own = self.stages.get("Nengo's build")
        return None if self.build is None or own is None else self.build - own

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Measurement:
        """Undo `dataclasses.asdict`.

        Parameters
        ----------
        values : dict
            What it has returned for a measurement.

        Returns
        -------
        measurement : Measurement
            The measurement.
        """
        return cls(**{**values, "case": Case(**values["case"])})


class Worker:
    """A process that measures one simulator on one case, stage by stage.

    What fails in it is kept, and it then does nothing more.

    Parameters
    ----------
    backend : Backend
        The simulator.
    case : Case
        What it does.
    """

    def __init__(self, backend: Backend, case: Case) -> None:
        self.backend = backend
        self.case = case
        self._seconds: list[float] = []
        self._rest: dict[str, Any] = {}
        self._log = TemporaryFile("w+")  # noqa: SIM115 - closed by __exit__
        job = {**asdict(case), "backend": backend.name}
        self._process = Popen(
            [backend.python, worker.__file__, json.dumps(job)],
            stdin=PIPE,
            stdout=PIPE,
            stderr=self._log,
            text=True,
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()

    def wait(self) -> None:
        """Wait until the process has imported all that it needs."""
        self._read()

    def stage(self) -> None:
        """Do the next stage: the build, the first run, or a warm run."""
        self._ask(last=False)

    def wake(self) -> None:
        """Do runs that do not count, if runs are short.

        While others have their turn the threads of a process go to sleep. The system
        may let those that it wakes share a processor for a tenth of a second.
        """
        n_counted = len(self._seconds)
        if not n_counted or self._seconds[-1] >= SHORT_RUN:
            return
        end = perf_counter() + WAKING
        while "error" not in self._rest and perf_counter() < end:
            self.stage()
        del self._seconds[n_counted:]

    def finish(self) -> Measurement:
        """Let the process end.

        Returns
        -------
        measurement : Measurement
            What it has found.
        """
        self._ask(last=True)
        taken = iter(self._seconds)
        return Measurement(
            self.case,
            self.backend.label,
            build=next(taken, None),
            first=next(taken, None),
            warm=list(taken),
            **self._rest,
        )

    def _ask(self, last: bool) -> None:
        """Send a line, or end the input, and note the answer."""
        if "error" in self._rest:
            return
        stdin = self._process.stdin
        assert stdin is not None
        with suppress(BrokenPipeError):  # it has ended; that it did not answer counts
            stdin.write("" if last else "next\n")
            stdin.close() if last else stdin.flush()
        self._read()

    def _read(self) -> None:
        """Note an answer."""
        stdout = self._process.stdout
        assert stdout is not None
        line = stdout.readline()
        answer: dict[str, Any] = (
            json.loads(line) if line else {"error": self._last_words()}
        )
        if "seconds" in answer:
            self._seconds.append(answer["seconds"])
        elif "ready" not in answer:
            self._rest = answer

    def _last_words(self) -> str:
        """Say how the process ended, if it did so without an answer."""
        code = self._process.wait()
        if code < 0:  # and could say nothing about it
            return f"ended by {Signals(-code).name}"
        self._log.seek(0)
        lines = self._log.read().strip().splitlines()
        return f"exit status {code}: {lines[-1] if lines else 'nothing was said'}"


def measure(
    case: Case,
    backends: Sequence[Backend],
    repetitions: int = 5,
    report: Callable[[str], None] = lambda _: None,
) -> list[Measurement]:
    """Measure simulators on a case, in turn.

    Parameters
    ----------
    case : Case
        What they do.
    backends : sequence of Backend
        The simulators.
    repetitions : int
        Number of warm runs of each.
    report : callable
        Is told what is done next.

    Returns
    -------
    measurements : list of Measurement
        One for each simulator.
    """
    with ExitStack() as stack:
        report("imports")
        workers = [stack.enter_context(Worker(backend, case)) for backend in backends]
        for worker in workers:
            worker.wait()
        for worker in workers:
            report(f"{worker.backend.label}: build and first run")
            worker.stage()
            worker.stage()
        for repetition in range(1, repetitions + 1):
            for worker in workers:
                report(f"{worker.backend.label}: run {repetition} of {repetitions}")
                worker.wake()
                worker.stage()
        return [worker.finish() for worker in workers]
