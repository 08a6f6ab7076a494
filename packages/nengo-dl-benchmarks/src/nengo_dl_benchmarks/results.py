"""Measurements in a file, so that an interrupted comparison can go on."""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from nengo_dl_benchmarks.comparison import Backend, Case, Measurement


class Results:
    """Measurements, and the circumstances that they were made in.

    Parameters
    ----------
    path : Path, optional
        JSON file in which they are kept. What it has already is read.

    Attributes
    ----------
    measurements : list of Measurement
        What has been measured, in the order of the cases.
    circumstances : dict of str to str
        When and on what machine.
    commands : list of str
        The commands, without names of folders.

    Raises
    ------
    ValueError
        If the file holds something else.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.measurements: list[Measurement] = []
        self.circumstances: dict[str, str] = {}
        self.commands: list[str] = []
        if path is not None and path.exists():
            try:
                stored = json.loads(path.read_text())
                self.measurements = [
                    Measurement.from_dict(values) for values in stored["measurements"]
                ]
                self.circumstances = stored["circumstances"]
                self.commands = stored["commands"]
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{path} holds no results of a comparison") from error

    def begin(self) -> None:
        """Prepare to measure, on this machine and now.

        Raises
        ------
        ValueError
            If the results that there are come from another machine.
        """
        now = circumstances()
        processor = self.circumstances.get("processor", now["processor"])
        if processor != now["processor"]:
            raise ValueError(
                f"{self.path} was measured on {processor}, this is "
                f"{now['processor']}: choose another file"
            )
        self.circumstances = now
        if (words := command()) not in self.commands:
            self.commands.append(words)

    def lack(self, case: Case, backends: Sequence[Backend]) -> bool:
        """Tell whether simulators are still to be measured on a case.

        Parameters
        ----------
        case : Case
            The case.
        backends : sequence of Backend
            The simulators.
        """
        measured = {found.backend for found in self.of(case)}
        return not measured >= {backend.label for backend in backends}

    @property
    def cases(self) -> list[Case]:
        """The cases, each once."""
        cases: list[Case] = []
        for measurement in self.measurements:
            if measurement.case not in cases:
                cases.append(measurement.case)
        return cases

    @property
    def versions(self) -> dict[str, dict[str, str]]:
        """Versions of what took part, by the backend that has measured with them."""
        return {x.backend: x.versions for x in self.measurements if x.versions}

    def of(self, case: Case) -> list[Measurement]:
        """Return the measurements of a case.

        Parameters
        ----------
        case : Case
            The case.

        Returns
        -------
        measurements : list of Measurement
            One for each simulator; empty if the case has not been measured.
        """
        return [found for found in self.measurements if found.case == case]

    def put(self, measurements: Sequence[Measurement]) -> None:
        """Add measurements, in place of those of the same case, and write the file.

        Parameters
        ----------
        measurements : sequence of Measurement
            All of one case.
        """
        case = measurements[0].case
        others = [found for found in self.measurements if found.case != case]
        self.measurements = [*others, *measurements]
        if self.path is not None:
            write_whole(self.path, json.dumps(self.as_dict(), indent=2))

    def as_dict(self) -> dict[str, Any]:
        """Return everything in the form in which it is written.

        Returns
        -------
        values : dict
            Nothing but what JSON has.
        """
        return {
            "circumstances": self.circumstances,
            "commands": self.commands,
            "measurements": [asdict(found) for found in self.measurements],
        }


def write_whole(path: Path, text: str) -> None:
    """Write a file completely, or leave it as it was.

    Parameters
    ----------
    path : Path
        The file.
    text : str
        Its content.
    """
    beside = path.with_name(path.name + ".part")
    beside.write_text(text)
    os.replace(beside, path)


def circumstances() -> dict[str, str]:
    """Return when and on what machine this runs."""
    return {
        "date": datetime.now().astimezone().isoformat(timespec="minutes"),
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "system": f"{platform.system()}, {platform.machine()}",
    }


def command() -> str:
    """Return the command line; where its files lie is nobody's business."""
    words = [
        re.sub("@.*", "@/path/to/python", word)
        if "@" in word
        else re.sub("(^|=)/.*/", r"\1", word)
        for word in sys.argv
    ]
    return shlex.join(words)


def _processor() -> str:
    """Return the processor's name; Linux has it where Python does not look."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
