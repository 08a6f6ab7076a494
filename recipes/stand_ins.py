"""Make conda packages of Python and of what pip has installed, where none can be had.

Such a package has only links to the files of a distribution. It requires what the
distribution requires, so that an environment of it has this and nothing else.
"""

from __future__ import annotations

import platform
import sys
import sysconfig
import venv
from importlib.metadata import Distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from tomllib import loads

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rattler_build import assemble_package

# What conda-forge calls distributions that have another name on PyPI.
RENAMED = loads(Path(__file__).with_name("renamed.toml").read_text())
# Where an environment has its packages, below its folder.
SITE = Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
# As pip writes them, but for any environment.
COMMAND = """#!/usr/bin/env python
import sys
from {module} import {attr}
sys.exit({attr}())
"""


def make_stand_ins(channel: Path, names: set[str], environments: list[Path]) -> None:
    """Make conda packages of Python, of distributions and of all that these require.

    Parameters
    ----------
    channel
        The folder of the conda channel that the packages are put into.
    names
        What conda-forge calls the distributions.
    environments
        The folders of the environments that pip has installed them in.

    Raises
    ------
    LookupError
        If a distribution is in none of the environments.
    """
    _stand_in_for_python(channel)
    sites = [str(environment / SITE) for environment in environments]
    installed: dict[str, Distribution] = {
        canonicalize_name(distribution.name): distribution
        for distribution in Distribution.discover(path=sites)
    }
    original = {conda: name for name, conda in RENAMED.items()}
    left = [original.get(name, name) for name in names - {"python"}]
    made = set()
    while left:
        name = left.pop()
        if name in made:
            continue
        if name not in installed:
            raise LookupError(f"{name} is not in {', '.join(sites)}; install it there")
        made.add(name)
        left += _stand_in(channel, name, installed[name])


def _stand_in_for_python(channel: Path) -> None:
    """Make a conda package of the running Python: a virtual environment of it."""
    with TemporaryDirectory() as folder:
        venv.create(folder, symlinks=True)
        _package(channel, "python", platform.python_version(), folder, [])


def _stand_in(channel: Path, name: str, distribution: Distribution) -> list[str]:
    """Make a conda package of an installed distribution; return what it requires.

    pip has chosen versions that agree, so that they need not be required again.
    """
    required: list[str] = []
    for line in distribution.requires or ():
        requirement = Requirement(line)
        if not requirement.marker or requirement.marker.evaluate({"extra": ""}):
            required.append(canonicalize_name(requirement.name))
    with TemporaryDirectory() as folder:
        site = Path(folder, SITE)
        site.mkdir(parents=True)
        for top in {path.parts[0] for path in distribution.files or ()}:
            if top not in ("..", "__pycache__"):  # commands lie above
                target = Path(str(distribution.locate_file(top))).resolve()
                (site / top).symlink_to(target)
        commands = Path(folder, "bin")
        commands.mkdir()
        for entry in distribution.entry_points.select(group="console_scripts"):
            text = COMMAND.format(module=entry.module, attr=entry.attr)
            (commands / entry.name).write_text(text)
            (commands / entry.name).chmod(0o755)
        depends = ["python", *(RENAMED.get(other, other) for other in required)]
        renamed = RENAMED.get(name, name)
        _package(channel, renamed, distribution.version, folder, depends)
    return required


def _package(
    channel: Path, name: str, version: str, folder: str, depends: list[str]
) -> None:
    """Make a conda package of a folder whose files lie as in an environment."""
    assemble_package(
        name=name,
        version=version,
        target_platform="noarch",
        noarch="generic",
        build_string="pypi_0",
        output_dir=channel / "noarch",
        files_dir=folder,
        depends=depends,
        detect_prefix=False,
    )
