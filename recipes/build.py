"""Build the conda recipes, those first that others require, and run their tests.

    python recipes/build.py [CHANNEL] [--output FOLDER]

Requirements come from a channel, such as conda-forge. Where none can be reached, they
are stand-ins: packages with nothing but the name and the version of what the present
environment has installed, and a Python that finds all of that. Recipes are then solved,
built and tested as they are, but not with what conda-forge has.
"""

from __future__ import annotations

import argparse
import platform
import sys
import sysconfig
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from venv import EnvBuilder

from rattler_build import Stage0Recipe, ToolConfiguration, assemble_package

HERE = Path(__file__).parent
# Each requires some of those before it.
PACKAGES = ("optimizer", "core", "converter", "benchmarks")
# Distributions that conda-forge has under another name.
RENAMED = {"matplotlib-base": "matplotlib"}


def read_recipe(package: str) -> Stage0Recipe:
    """Read the recipe of a package."""
    return Stage0Recipe.from_file(HERE / f"nengo-dl-{package}" / "recipe.yaml")


def required() -> set[str]:
    """Name what the recipes require of others."""
    found = set()
    for package in PACKAGES:
        requirements = read_recipe(package).to_dict()["requirements"]
        for requirement in (*requirements["host"], *requirements["run"]):
            found.add(requirement.split()[0])
    return {name for name in found if not name.startswith("nengo-dl-")}


def make_stand_ins(channel: Path) -> None:
    """Fill a channel with packages for what the recipes require."""
    with TemporaryDirectory() as folder:
        prefix, nothing = Path(folder, "prefix"), Path(folder, "nothing")
        nothing.mkdir()
        EnvBuilder().create(prefix)
        path = Path(sysconfig.get_path("purelib", vars={"base": str(prefix)}))
        installed = sysconfig.get_path("purelib")
        (path / "installed.pth").write_text(f"{installed}\n")
        for name in required():
            is_python = name == "python"
            number = version(RENAMED.get(name, name)) if not is_python else None
            assemble_package(
                name,
                number or platform.python_version(),
                target_platform="linux-64",
                build_string="stand_in",
                output_dir=channel / "linux-64",
                files_dir=prefix if is_python else nothing,
            )


def main(channel: str | None, output: Path) -> None:
    """Build all recipes into a folder, which is a channel itself."""
    output.mkdir(parents=True, exist_ok=True)
    if channel is None:
        make_stand_ins(output)
    for package in PACKAGES:
        results = read_recipe(package).run_build(
            tool_config=ToolConfiguration(test_strategy="native"),
            output_dir=output,
            channels=[channel] if channel else [output.resolve().as_uri()],
        )
        for result in results:
            print(f"built and tested: {', '.join(map(str, result.packages))}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("channel", nargs="?")
    parser.add_argument("--output", type=Path, default=HERE.parent / "dist" / "conda")
    arguments = parser.parse_args()
    sys.exit(main(arguments.channel, arguments.output))
