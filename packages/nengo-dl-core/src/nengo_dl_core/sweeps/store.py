"""Keeps the results of a sweep in a folder, one file for each variant."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Mapping
from hashlib import sha256
from importlib.metadata import version
from inspect import getsource
from pathlib import Path
from typing import Any

from nengo.exceptions import ValidationError

from nengo_dl_core.engine.executor import Array
from nengo_dl_core.values.files import load_arrays, save_arrays

_PACKAGES = ("nengo", "nengo-dl-core", "tensorflow")


class Store:
    """A folder with the results of one sweep.

    A file is complete as soon as it has its name, so that a sweep may be killed at any
    time, and several may share a folder. Nothing in it is ever unpickled.

    Parameters
    ----------
    folder : str or path
        The folder; it is made if there is none.
    sweep : dict of {str: object}
        What the results depend on besides the variant, see `described`.

    Raises
    ------
    nengo.exceptions.ValidationError
        If the folder has results of another sweep.
    """

    def __init__(
        self, folder: str | os.PathLike[str], sweep: Mapping[str, Any]
    ) -> None:
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "sweep.json"
        if not path.exists():
            beside = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
            beside.write_text(json.dumps(sweep, indent=2))
            beside.replace(path)
        found = json.loads(path.read_text())
        for name, value in sweep.items():
            if found.get(name) != value:
                raise ValidationError(
                    f"{folder} has results of another sweep, of which {name} was "
                    f"{found.get(name)!r} and not {value!r}: give this one a folder of "
                    "its own",
                    attr="store",
                )

    def load(self, key: str) -> dict[str, Array]:
        """Read the results of a variant.

        Parameters
        ----------
        key : str
            Name of the variant.

        Returns
        -------
        results : dict of {str: ndarray}
            What `save` was given.

        Raises
        ------
        nengo.exceptions.ValidationError
            If the file is damaged.
        """
        return load_arrays(self._path(key))

    def save(self, key: str, results: Mapping[str, Array]) -> None:
        """Keep the results of a variant.

        Parameters
        ----------
        key : str
            Name of the variant.
        results : dict of {str: ndarray}
            The results, by the names of the Probes.
        """
        save_arrays(self._path(key), results)

    def has(self, key: str) -> bool:
        """Whether there are results of a variant."""
        return self._path(key).exists()

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.npz"


def described(make: Callable[..., Any], n_steps: int, dt: float) -> dict[str, Any]:
    """Describe what the results of a sweep depend on, besides the variant.

    Parameters
    ----------
    make : callable
        What makes the networks.
    n_steps : int
        Number of steps.
    dt : float
        Length of a step, in seconds.

    Returns
    -------
    sweep : dict of {str: object}
        For `Store`. Of the function its name and its source are known, if it has one;
        not what it calls.
    """
    try:
        source = sha256(getsource(make).encode()).hexdigest()[:16]
    except (OSError, TypeError):  # typed in, or no function
        source = None
    return {
        "make": getattr(make, "__qualname__", type(make).__qualname__),
        "source": source,
        "n_steps": n_steps,
        "dt": dt,
        "versions": {name: version(name) for name in _PACKAGES},
    }
