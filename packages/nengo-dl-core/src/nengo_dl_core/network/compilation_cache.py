"""Keeps what XLA has compiled in a folder, for other processes.

XLA's cache is a setting of the process, which TensorFlow reads from the environment
when it is first used. What was compiled is found again by its operations, and not by
the version that compiled it, nor by the processor that it was compiled for: so each of
these has a folder of its own. Files are written beside and moved, so that processes
that run at the same time can share them.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from nengo.exceptions import ConfigError

_VARIABLE = "TF_XLA_FLAGS"
_FLAGS = re.compile(r'--tf_xla_persistent_cache_(directory|device_types)=("[^"]*"|\S*)')


def use_compilation_cache(folder: str | None) -> None:
    """Let this process keep what it compiles, and use what others have compiled.

    Only what is compiled for CPUs is kept. Processes that this one starts do the same.

    Parameters
    ----------
    folder : str or None
        Where to keep it, in a folder for this version of TensorFlow, processor and
        flags of XLA; None leaves the process as it is.

    Raises
    ------
    nengo.exceptions.ConfigError
        If TensorFlow has been used in this process, and with another folder or none;
        or if the folder cannot be made.
    """
    if folder is None:
        return
    path = Path(folder) / _version()
    wanted = (
        f'--tf_xla_persistent_cache_directory="{path}" '
        "--tf_xla_persistent_cache_device_types=CPU"
    )
    present = os.environ.get(_VARIABLE, "")
    if wanted in present:
        return
    if _tensorflow_is_used():
        raise ConfigError(
            f"compilation_cache: {folder!r} can only be set before TensorFlow is "
            "first used in a process, by a layer, a tensor or a simulator"
        )
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"compilation_cache: cannot make {path} ({error})") from error
    os.environ[_VARIABLE] = f"{_FLAGS.sub('', present).strip()} {wanted}".strip()


def _version() -> str:
    """Name what compiled code depends on, besides on what was compiled."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        lines = []
    features = (line for line in lines if line.startswith(("flags", "Features")))
    machine = [platform.machine(), platform.processor(), next(features, "")]
    machine.append(os.environ.get("XLA_FLAGS", ""))
    digest = sha256("\n".join(machine).encode()).hexdigest()
    return f"tensorflow-{version('tensorflow')}-{digest[:12]}"


def _tensorflow_is_used() -> bool:
    if "tensorflow" not in sys.modules:
        return False
    from nengo_dl_core.private_names import is_initialized

    return is_initialized()
