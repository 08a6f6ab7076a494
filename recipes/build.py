"""Build the conda recipes in this folder, and run their tests on what was built.

``python -m nox -s recipes`` calls this, in the environment that it needs. What is built
goes to ``build/conda``, a conda channel. Without ``--channel`` no other is needed: what
the recipes require is then what pip has installed, made conda packages by
``stand_ins.py`` (on Linux and macOS).
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from graphlib import TopologicalSorter
from pathlib import Path

from rattler_build import Stage0Recipe, ToolConfiguration
from rattler_build.progress import SimpleProgressCallback
from stand_ins import make_stand_ins

RECIPES = Path(__file__).parent
OUTPUT = RECIPES.parent / "build/conda"


def required(recipe: Stage0Recipe) -> set[str]:
    """Return the names of what a recipe requires, to be built and to be run."""
    (variant,) = recipe.render()
    requirements = variant.recipe.requirements
    return {line.split()[0] for line in (*requirements.host, *requirements.run)}


def main() -> None:
    """Build all recipes, each after those that it requires."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--channel",
        action="append",
        default=[],
        help="a conda channel with what the recipes require, such as conda-forge",
    )
    parser.add_argument(
        "--environment",
        action="append",
        type=Path,
        default=[Path(sys.prefix)],
        help="where no channel is given, an environment with what the recipes require",
    )
    arguments = parser.parse_args()

    recipes = {
        path.parent.name: Stage0Recipe.from_file(path)
        for path in RECIPES.glob("*/recipe.yaml")
    }
    needed = {name: required(recipe) for name, recipe in recipes.items()}
    shutil.rmtree(OUTPUT, ignore_errors=True)
    if not arguments.channel:
        make_stand_ins(
            OUTPUT, set().union(*needed.values()) - set(recipes), arguments.environment
        )
        # Packages of a conda channel can have the same names.
        os.environ["RATTLER_CACHE_DIR"] = str(OUTPUT / "cache")
    for name in TopologicalSorter(needed).static_order():
        if name in recipes:
            recipes[name].run_build(
                tool_config=ToolConfiguration(test_strategy="native"),
                output_dir=OUTPUT,
                channels=arguments.channel,
                progress_callback=SimpleProgressCallback(),
            )


if __name__ == "__main__":
    main()
