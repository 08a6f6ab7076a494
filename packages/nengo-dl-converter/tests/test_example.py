"""The examples, in small."""

import runpy
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"

pytest.importorskip("sklearn")
if not EXAMPLES.exists():
    pytest.skip("examples are in the repository alone", allow_module_level=True)


@pytest.fixture
def keras_to_snn(monkeypatch):
    spec = spec_from_file_location("keras_to_snn", EXAMPLES / "keras_to_snn.py")
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


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


def test_both_simulators_compute_what_the_keras_model_does():
    main = runpy.run_path(str(EXAMPLES / "from_keras.py"))["main"]
    in_keras, here, in_nengo, in_spikes = main(n_images=60, epochs=5).values()
    assert here == in_nengo == in_keras > 0.5
    assert in_spikes > in_keras - 0.2
