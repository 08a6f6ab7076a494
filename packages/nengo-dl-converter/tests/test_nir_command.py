"""The command nengo-dl-convert."""

import subprocess
import sys

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
    assert "weight=-5.7..1.039 (38x12)" in output
    edges = output.split("\n\n")[1].splitlines()
    assert edges[0] == "input -> fc1"
    assert edges[-1] == "lif2 -> output"
    assert "lif1.w_rec -> lif1.lif  (value of the step before)" in edges


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


def run_on(inputs, *options, outputs="outputs.npz", status=0):
    files = (BRAILLE, inputs, inputs.parent / outputs)
    return command(
        "run",
        *files,
        "--dt",
        1e-4,
        "--discretization",
        "euler",
        *options,
        status=status,
    )


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("other.npy", np.zeros((5, 13)), "got (5, 13)"),
        ("pickled.npy", np.array([{}]), "cannot be read: Object arrays"),
        ("words.npy", np.full((5, 12), "a"), "must be numbers"),
        ("text.npy", "text", "cannot be read"),
        ("text.npz", "text", "cannot be read"),
        ("text.csv", "time,element\n0.1,one\n", "could not convert string 'one'"),
        ("empty.csv", "time,element\n", "holds no events"),
        ("wide.csv", "0,1,2,3\n", "two or three columns, not 4"),
        ("high.csv", "0,12\n", "elements from 0 to 11"),
    ],
)
def test_run_on_inputs_that_do_not_fit(name, content, words, tmp_path):
    if isinstance(content, str):
        (tmp_path / name).write_text(content)
    else:
        np.save(tmp_path / name, content)
    output = run_on(tmp_path / name, status=1)
    assert words in output
    assert "Traceback" not in output


def test_files_that_cannot_be_written(tmp_path):
    np.save(tmp_path / "inputs.npy", np.zeros((2, 12)))
    assert "none/o.npz" in run_on(
        tmp_path / "inputs.npy", outputs="none/o.npz", status=1
    )
    plot = ("--raster", tmp_path / "plot.xyz")
    assert "'xyz'" in run_on(tmp_path / "inputs.npy", *plot, status=1)


def test_steps_after_the_input(tmp_path):
    np.save(tmp_path / "inputs.npy", np.ones((2, 5, 12)))
    assert "(2, 9, 7)" in run_on(tmp_path / "inputs.npy", "--steps", 9)
    assert "(2, 3, 7)" in run_on(tmp_path / "inputs.npy", "--steps", 3)


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


def test_from_keras_on_what_is_no_model(tmp_path):
    (tmp_path / "text.keras").write_text("text")
    output = command("from-keras", tmp_path / "text.keras", tmp_path / "o", status=1)
    assert "text.keras': cannot be read" in output


ANSWERS = """
import sys
from nengo_dl_converter.nir.command import main
main({arguments}, standalone_mode=False)
assert not {{"keras", "tensorflow"}} & {{*sys.modules}}
"""


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["--help"], "run and write NIR graphs"),
        (["--version"], "nengo-dl-convert, version "),
        (["info", str(BRAILLE)], "Affine"),
    ],
)
def test_the_command_line_answers_without_keras(arguments, answer):
    code = ANSWERS.format(arguments=arguments)
    answered = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert not answered.returncode, answered.stderr
    assert answer in answered.stdout


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_functions_in_a_keras_model_do_not_run(suffix, tmp_path):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Lambda(lambda x: x)(inputs))
    path = tmp_path / f"model.{suffix}"
    model.save(path)
    output = command("from-keras", path, tmp_path / "o", status=1)
    assert "arbitrary code execution" in " ".join(output.split())
