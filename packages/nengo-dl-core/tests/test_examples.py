"""The examples run, here with little to learn from."""

import runpy
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_learned_delays():
    accuracy = runpy.run_path(str(EXAMPLES / "learned_delays.py"))["accuracy"]
    without, learned = (
        accuracy(kind, epochs=6, n_samples=1000) for kind in ("none", "learned")
    )
    assert learned > without + 0.03
