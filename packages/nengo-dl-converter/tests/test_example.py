"""The examples, in small."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"

pytest.importorskip("sklearn")
if not EXAMPLES.exists():
    pytest.skip("examples are in the repository alone", allow_module_level=True)


def imported(name, monkeypatch):
    """Import an example, until the end of the test."""
    spec = spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def keras_to_snn(monkeypatch):
    return imported("keras_to_snn", monkeypatch)


@pytest.fixture
def few_steps(keras_to_snn, monkeypatch):
    return imported("few_steps", monkeypatch)


def test_high_rates_make_spikes_accurate(keras_to_snn, monkeypatch, tmp_path):
    monkeypatch.setattr(keras_to_snn, "SCALES", (10,))
    monkeypatch.setattr(keras_to_snn, "TARGET_RATES", (1000,))
    keras_to_snn.main(["--images", "400", "--epochs", "5", "--output", str(tmp_path)])
    assert (tmp_path / "keras_to_snn.png").stat().st_size > 0
    _, *rows = (tmp_path / "keras_to_snn.txt").read_text().splitlines()
    percent = {row[:48].strip(): row[48:].split() for row in rows}
    assert len(percent) == 6
    *_, accuracy, in_keras, _, _ = percent["synapse, scales from data, 1000 Hz"]
    assert float(accuracy) > float(in_keras) - 10
    assert float(percent["as it is"][3]) < float(in_keras) - 30


def test_few_steps_are_enough(few_steps, monkeypatch, tmp_path):
    monkeypatch.setattr(few_steps, "STEPS", (4,))
    monkeypatch.setattr(few_steps, "LEVELS", (4,))
    arguments = ["--images", "400", "--epochs", "16", "--output", str(tmp_path)]
    scaled, calibrated, trained = few_steps.main(arguments)
    assert (tmp_path / "few_steps.png").stat().st_size > 0
    _, *rows = (tmp_path / "few_steps.txt").read_text().splitlines()
    assert len(rows) == 4
    assert scaled.n_steps == (4, 30)
    assert calibrated.accuracy[0] > calibrated.in_keras - 0.1
    for few in (calibrated, trained):
        assert few.n_steps == (4,)
        assert few.accuracy[0] > scaled.accuracy[0] + 0.2
        assert few.operations[0] < scaled.operations[1]
