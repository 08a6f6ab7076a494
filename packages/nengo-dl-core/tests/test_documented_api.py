"""Everything documented for NengoDL 3 is there, under its path and with its arguments.

The names are in documented_api.txt, one a line; callables with their parameters.
"""

import ast
import inspect
from importlib import import_module
from pathlib import Path

import pytest

DOCUMENTED = (Path(__file__).parent / "documented_api.txt").read_text().splitlines()
# the distributions that these names come from
ELSEWHERE = {
    "nengo_dl.Converter": "nengo_dl_converter",
    "nengo_dl.converter": "nengo_dl_converter",
    "nengo_dl.benchmarks": "nengo_dl_benchmarks",
}


def look_up(path):
    """Import the module, and follow the attributes."""
    module, *names = path.split(".")
    found = import_module(module)
    for name in names:
        module = f"{module}.{name}"
        if not hasattr(found, name):
            import_module(module)
        found = getattr(found, name)
    return found


def defaults(signature):
    """Give the documented parameters, and their defaults where they are literals."""
    arguments = ast.parse(f"def f({signature}): pass").body[0].args
    positional = [*arguments.posonlyargs, *arguments.args]
    values = [None] * (len(positional) - len(arguments.defaults)) + arguments.defaults
    pairs = [
        *zip(positional, values, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    return {argument.arg: value for argument, value in pairs}


@pytest.mark.parametrize("line", DOCUMENTED)
def test_is_there(line):
    path, _, signature = line.removesuffix(")").partition("(")
    for prefix, distribution in ELSEWHERE.items():
        if path.startswith(prefix):
            pytest.importorskip(distribution)
    found = look_up(path)
    if not line.endswith(")"):
        return
    actual = inspect.signature(found).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in actual.values())
    documented = defaults(signature)
    named = [name for name in actual if name in documented]
    assert takes_any or set(named) == set(documented)
    assert named == [name for name in documented if name in named], "in another order"
    for name, default in documented.items():
        if default is not None and name in actual:
            value = actual[name].default
            assert repr(value) == ast.unparse(default) or value == _literal(default)


def _literal(node):
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None
