"""Writes and reads files of arrays, safely: whole or not at all, never unpickled."""

from __future__ import annotations

import os
import stat
import uuid
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from nengo.exceptions import ValidationError

Array = npt.NDArray[Any]
write_array: Any = np.lib.format.write_array
_SUFFIX = ".npz"


def save_arrays(path: str | os.PathLike[str], arrays: Mapping[str, Array]) -> None:
    """Write arrays to a file, whole or not at all.

    A new file has the rights that the process gives to new files. An old file is
    replaced at once when the new one is complete, and its rights stay; so do symbolic
    links to it.

    Parameters
    ----------
    path : str
        The file, in NumPy's ``npz`` format; ``.npz`` is appended if it is missing.
    arrays : dict of {str: ndarray}
        The arrays by name.
    """
    target = Path(_with_suffix(path)).resolve()
    if target.exists() and not target.is_file():  # a pipe, for example
        with target.open("wb") as file:
            _write(file, arrays)
        return
    beside = target.with_name(f"{target.name}.{uuid.uuid4().hex}")
    try:
        with beside.open("xb") as file:
            _write(file, arrays)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            beside.chmod(stat.S_IMODE(target.stat().st_mode))
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _write(file: IO[bytes], arrays: Mapping[str, Array]) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                write_array(member, np.asarray(array), allow_pickle=False)


def load_arrays(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Read a file of arrays. Nothing is ever unpickled.

    Parameters
    ----------
    path : str
        The file; with ``.npz`` appended, if there is such a file.

    Returns
    -------
    arrays : dict of {str: ndarray}
        The arrays by name, in the order in which they were saved.

    Raises
    ------
    nengo.exceptions.ValidationError
        If the file is damaged, or is no file of numbers.
    FileNotFoundError
        If there is no such file.
    """
    found = _with_suffix(path)
    with open(found if os.path.exists(found) else path, "rb") as file:
        try:
            with np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
        except Exception as error:  # of any kind: it depends on the byte that is wrong
            raise ValidationError(
                f"{path} is damaged, or no file of parameters ({error})", attr="path"
            ) from error
    for name, array in arrays.items():
        if not (np.isrealobj(array) and array.dtype.kind in "biuf"):
            raise ValidationError(
                f"{path} is no file of parameters: {name!r} is of type {array.dtype}",
                attr="path",
            )
    return arrays


def _with_suffix(path: str | os.PathLike[str]) -> str:
    name = os.fspath(path)
    return name if name.endswith(_SUFFIX) else name + _SUFFIX
