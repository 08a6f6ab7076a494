"""The command nengo-dl-convert."""

import keras
import nir
import numpy as np
import pytest
from click.testing import CliRunner

from nengo_dl_converter import from_nir
from nengo_dl_converter.nir.command import main
from nir_executor import run
from nir_runs import FILES

BRAILLE = FILES / "braille_noDelay_bias_zero.nir"


def command(*arguments, status=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return result.output


def test_info():
    output = command("info", BRAILLE)
    rows = [line.split() for line in output.splitlines()]
    assert ["fc1", "Affine", "12", "38"] in [row[:4] for row in rows]
    assert "tau_mem=0.001, " in output
    assert "lif1.w_rec -> lif1.lif  (value of the step before)" in output


def test_info_on_what_is_no_graph(tmp_path):
    (tmp_path / "text.nir").write_text("text")
    output = command("info", tmp_path / "text.nir", status=1)
    assert "cannot be read" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("suffix", ["npy", "npz", "csv"])
def test_run(suffix, tmp_path):
    spikes = 1.0 * (np.random.default_rng(0).uniform(size=(50, 12)) < 0.4)
    path = tmp_path / f"inputs.{suffix}"
    if suffix == "npy":
        np.save(path, spikes)
    elif suffix == "npz":
        np.savez(path, input=spikes[None])
    else:
        steps, elements = np.nonzero(spikes)
        events = np.c_[steps * 1e-4, elements]
        np.savetxt(path, events, delimiter=",", header="time,element")
    output = command(
        "run",
        BRAILLE,
        path,
        tmp_path / "outputs.npz",
        "--dt",
        1e-4,
        "--discretization",
        "euler",
        "--steps",
        50,
        "--raster",
        tmp_path / "plot.png",
    )
    assert "output: (1, 50, 7)" in output
    with np.load(tmp_path / "outputs.npz") as outputs:
        found = outputs["output"]
    expected = run(nir.read(BRAILLE), {"input": spikes[None]}, 1e-4, "euler")
    np.testing.assert_array_equal(found, expected["output"])
    assert (tmp_path / "plot.png").stat().st_size > 1000


def test_run_on_inputs_of_another_shape(tmp_path):
    np.save(tmp_path / "inputs.npy", np.zeros((5, 13)))
    output = command(
        "run",
        BRAILLE,
        tmp_path / "inputs.npy",
        tmp_path / "outputs.npz",
        "--dt",
        1e-4,
        "--discretization",
        "euler",
        status=1,
    )
    assert "got (5, 13)" in output


@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_from_keras(tmp_path):
    image = keras.Input((5, 5, 1), name="image")
    x = keras.layers.Conv2D(3, 3, activation="relu")(image)
    x = keras.layers.Dense(2)(keras.layers.Flatten()(x))
    keras.Model(image, x).save(tmp_path / "model.keras")
    command("from-keras", tmp_path / "model.keras", tmp_path / "model.nir")
    imported = from_nir(tmp_path / "model.nir", 1e-3, "exact")
    assert imported.shapes["image"] == (1, 5, 5)
    assert list(imported.outputs) == ["output"]
