"""Each conda recipe says what the pyproject.toml of its package says.

The session `recipes` builds them.
"""

import tomllib
from pathlib import Path

import pytest
import yaml

PACKAGES = Path(__file__).parent
RECIPES = PACKAGES.parent / "recipes"
# Distributions that conda-forge has under another name.
RENAMED = tomllib.loads((RECIPES / "renamed.toml").read_text())


@pytest.mark.parametrize(
    "package", [path.parent.name for path in sorted(PACKAGES.glob("*/src"))]
)
def test_recipe(package):
    settings = tomllib.loads((PACKAGES / package / "pyproject.toml").read_text())
    recipe = yaml.safe_load((RECIPES / package / "recipe.yaml").read_text())
    project, run = settings["project"], recipe["requirements"]["run"]

    named = [requirement.split(" ", 1) for requirement in project["dependencies"]]
    expected = [f"{RENAMED.get(name, name)} {bounds}" for name, bounds in named]
    assert run == [f"python {project['requires-python']}", *expected]
    assert recipe["context"]["version"] == project["version"]
    assert recipe["about"]["summary"] == project["description"]
    assert recipe["about"]["license"] == project["license"]
    python = recipe["build"].get("python", {})
    scripts = [f"{name} = {path}" for name, path in project.get("scripts", {}).items()]
    assert python.get("entry_points", []) == scripts
    built_by = settings["build-system"]["requires"]
    assert recipe["requirements"]["host"][2:] == built_by
