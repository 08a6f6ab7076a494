"""The way in: the operators of a plain Nengo model, run by Nengo's simulator."""

import re
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"

if not EXAMPLES.exists():
    pytest.skip("examples are in the repository alone", allow_module_level=True)


def test_nengos_simulator_runs_fewer_operators_to_the_same_result(capsys):
    example = runpy.run_path(str(EXAMPLES / "reuse.py"))
    example["main"](["--dimensions", "4", "--neurons", "10", "--steps", "50"])
    output = capsys.readouterr().out
    before, after = map(int, re.findall(r"operators +(\d+) +(\d+)", output)[0])
    assert after < 0.8 * before
    assert float(output.split()[-1]) < 1e-12
