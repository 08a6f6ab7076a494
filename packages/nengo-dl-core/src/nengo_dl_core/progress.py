"""Progress bars for building and running, drawn by tqdm."""

from __future__ import annotations

from threading import Event, Thread
from types import TracebackType
from typing import Any

from nengo.utils import progress as nengo_progress
from tqdm.auto import tqdm


class ProgressBar:
    """Shows how far a task has come.

    It is a context manager, and appears only once the task has taken half a second, so
    that short tasks leave the terminal alone.

    Parameters
    ----------
    present : str
        The task while it goes on, for example ``"Simulating"``.
    past : str, optional
        The task when it is done, for example ``"Simulation"``; by default ``present``.
    max_value : int or None
        Number of steps of the task; None if it is not known.
    **kwargs
        Passed on to `tqdm.tqdm`.
    """

    def __init__(
        self,
        present: str = "",
        past: str | None = None,
        max_value: int | None = 1,
        **kwargs: Any,
    ) -> None:
        self.present = present
        self.past = present if past is None else past
        self.max_value = max_value
        self._options = {"delay": 0.5, "leave": False, "dynamic_ncols": True, **kwargs}
        self._bar: Any = None

    def __enter__(self) -> ProgressBar:
        self._bar = tqdm(total=self.max_value, desc=self.present, **self._options)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._bar.set_description(f"{self.past} finished", refresh=False)
        self._bar.close()
        self._bar = None

    @property
    def max_steps(self) -> int | None:
        """Number of steps; the name by which Nengo's build knows `max_value`."""
        return self.max_value

    @max_steps.setter
    def max_steps(self, n_steps: int | None) -> None:
        self.max_value = n_steps
        if self._bar is not None:
            self._bar.total = n_steps
            self._bar.refresh()

    def step(self, n_steps: int = 1) -> None:
        """Advance the bar.

        Parameters
        ----------
        n_steps : int
            Number of steps that have been done.
        """
        if self._bar is not None:
            self._bar.update(n_steps)

    def sub(self, msg: str | None = None, **kwargs: Any) -> ProgressBar:
        """Make a bar for a part of the task.

        Parameters
        ----------
        msg : str, optional
            What the part does; shown behind the task's name.
        **kwargs
            Passed on to `SubProgressBar`.

        Returns
        -------
        bar : SubProgressBar
            The new bar.
        """
        present = self.present if msg is None else f"{self.present}: {msg}"
        return SubProgressBar(present, **kwargs)

    def part(self, name: str) -> ProgressBar:
        """Make a bar for a part of the task of which only its duration is known.

        Parameters
        ----------
        name : str
            What the part does; shown behind the task's name.

        Returns
        -------
        bar : SubProgressBar
            The new bar, which counts seconds.
        """
        return self.sub(name, max_value=None, bar_format="{desc} [{elapsed}]")


class SubProgressBar(ProgressBar):
    """Progress of a part of a task, shown below the task's own bar.

    It appears when the part has taken a second, also if nobody advances it, and counts
    the seconds from then on.

    Parameters
    ----------
    present, past, max_value, **kwargs
        As for `ProgressBar`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        options = {"delay": 1.0, "mininterval": 0.1, "miniters": 0}
        super().__init__(*args, **{**options, **kwargs})
        self._done = Event()
        self._clock = Thread(target=self._count_seconds, daemon=True)

    def __enter__(self) -> SubProgressBar:
        super().__enter__()
        self._clock.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self._done.set()
        self._clock.join()
        super().__exit__(*error)

    def _count_seconds(self) -> None:
        wait = self._options["delay"]
        while not self._done.wait(wait):
            self._bar.update(0)
            wait = 0.5


class NullProgressBar(ProgressBar):
    """A progress bar that shows nothing.

    Parameters
    ----------
    present, past, max_value, **kwargs
        As for `ProgressBar`.
    """

    def __enter__(self) -> NullProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to close."""

    def sub(self, msg: str | None = None, **kwargs: Any) -> NullProgressBar:
        """Make a bar for a part of the task, which shows nothing either.

        Parameters
        ----------
        msg : str, optional
            What the part does.
        **kwargs
            Ignored.

        Returns
        -------
        bar : NullProgressBar
            The new bar.
        """
        return NullProgressBar()

    def part(self, name: str) -> NullProgressBar:
        """Make a bar for a part of the task, which shows nothing either."""
        return NullProgressBar()


class NengoProgressBar(ProgressBar):
    """Shows progress on one of Nengo's own progress bars.

    Parameters
    ----------
    bar : nengo.utils.progress.ProgressBar
        The bar, updated ten times a second by a thread.
    present, past, max_value
        As for `ProgressBar`.
    """

    def __init__(
        self,
        bar: nengo_progress.ProgressBar,
        present: str = "",
        past: str | None = None,
        max_value: int | None = 1,
    ) -> None:
        super().__init__(present, past, max_value)
        total = nengo_progress.Progress(self.present, self.past, max_value)
        self._tracker = nengo_progress.ProgressTracker(bar, total)

    def __enter__(self) -> NengoProgressBar:
        self._tracker.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._tracker.__exit__(*error)

    def step(self, n_steps: int = 1) -> None:
        """Advance the bar; see `ProgressBar.step`."""
        self._tracker.total_progress.step(n_steps)

    def sub(self, msg: str | None = None, **kwargs: Any) -> nengo_progress.Progress:
        """Show a part of the task in place of the whole, until it is done.

        Parameters
        ----------
        msg : str, optional
            What the part does.
        **kwargs
            Ignored.

        Returns
        -------
        progress : nengo.utils.progress.Progress
            Counts the steps of the part.
        """
        return self._tracker.next_stage(self.present if msg is None else msg)

    def part(self, name: str) -> ProgressBar:
        """Show nothing new: Nengo's bars count the parts of a task as its steps."""
        return NullProgressBar()


def shown_progress(
    show: bool | nengo_progress.ProgressBar,
    present: str,
    past: str,
    max_value: int | None,
) -> ProgressBar:
    """Make a progress bar as a user asks for it.

    Parameters
    ----------
    show : bool or nengo.utils.progress.ProgressBar
        Whether to show a bar; or one of Nengo's, which is to be used.
    present, past, max_value
        As for `ProgressBar`.

    Returns
    -------
    bar : ProgressBar
        The bar.
    """
    if isinstance(show, nengo_progress.ProgressBar):
        return NengoProgressBar(show, present, past, max_value)
    return (ProgressBar if show else NullProgressBar)(present, past, max_value)
