"""The example that makes a Keras model spike, in small."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[1] / "examples" / "keras_to_snn.py"

pytest.importorskip("sklearn")
if not EXAMPLE.exists():
    pytest.skip("examples are in the repository alone", allow_module_level=True)


@pytest.fixture
def example(monkeypatch):
    spec = spec_from_file_location("keras_to_snn", EXAMPLE)
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_high_rates_make_a_spiking_network_accurate(example, monkeypatch, tmp_path):
    monkeypatch.setattr(example, "SCALES", (10,))
    monkeypatch.setattr(example, "TARGET_RATES", (1000,))
    example.main(["--images", "400", "--epochs", "5", "--output", str(tmp_path)])
    assert (tmp_path / "keras_to_snn.png").stat().st_size > 0
    _, *rows = (tmp_path / "keras_to_snn.txt").read_text().splitlines()
    percent = {row[:48].strip(): row[48:].split() for row in rows}
    assert len(percent) == 6
    *_, accuracy, in_keras, _, _ = percent["synapse, scales from data, 1000 Hz"]
    assert float(accuracy) > float(in_keras) - 10
    assert float(percent["as it is"][3]) < float(in_keras) - 30
