"""The command line, as it is typed."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from nengo_dl_benchmarks.cli import main, measuring
from nengo_dl_benchmarks.comparison import Measurement, measure

SMALL = ["--dimensions", 2, "--neurons_per_d", 10]
QUICK = ["--backend", "reference", "--n_steps", 10, "--reps", 2]


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_compare_measures_each_chosen_network():
    result = run(
        *["build", "--benchmark", "integrator", *SMALL, "--neuron_type", "LIFRate"],
        *["build", "--benchmark", "pes", *SMALL],
        *["compare", *QUICK],
    )
    assert result.exit_code == 0, result.output
    for title in (
        "integrator(dimensions=2, neurons_per_d=10, neuron_type=LIFRate), run of 10",
        "pes(dimensions=2, neurons_per_d=10, neuron_type=LIF), run of 10 steps",
    ):
        assert title in result.output
    assert result.output.count(" 1x ") == 2


def test_kwarg_reaches_the_network():
    result = run(
        *["build", "--benchmark", "random_network", *SMALL],
        *["--kwarg", "n_ensembles=3", "--kwarg", "connections_per_ensemble=2"],
        *["compare", *QUICK],
    )
    assert result.exit_code == 0, result.output
    assert "n_ensembles=3, connections_per_ensemble=2" in result.output


def test_modes_and_batch_sizes_are_cases_of_their_own():
    result = run(
        *["build", "--benchmark", "feedback", "compare", *QUICK],
        *["--mode", "run", "--mode", "step", "--batch_size", 1, "--batch_size", 3],
    )
    assert result.exit_code == 0, result.output
    assert "run of 10 steps\n" in result.output
    assert "run of 10 steps, 3 inputs\n" in result.output
    assert "one call of step\n" in result.output
    assert "one call of step, 3 inputs\n" in result.output


def test_failure_is_shown_beside_the_results():
    result = run("build", "--benchmark", "feedback", "compare", *QUICK, "--mode", "fit")
    assert result.exit_code == 0, result.output
    assert "reference: NotImplementedError: Simulator has no fit" in result.output


@pytest.mark.parametrize(
    "command",
    [["compare"], ["scale", "--over", "n_steps", "--value", 1, "--value", 2]],
)
def test_error_is_shown_as_it_is(command, monkeypatch):
    error = "ValueError: [batch, 3] is not [/x]"

    def measure(case, *_):
        return [Measurement(case, "reference", error=error)]

    monkeypatch.setattr(measuring, "measure", measure)
    result = run("build", "--benchmark", "feedback", *command)
    assert result.exit_code == 0, result.output
    assert f"reference: {error}" in result.output


def test_interrupted_comparison_goes_on_where_it_was(tmp_path, monkeypatch):
    arguments = [
        *["build", "--benchmark", "feedback", "build", "--benchmark", "chain"],
        *["compare", *QUICK, "--output", tmp_path / "results.json"],
    ]
    measured = []

    def interrupted_once(case, *others):
        measured.append(case.benchmark)
        if measured == ["feedback", "chain"]:
            raise KeyboardInterrupt
        return measure(case, *others)

    monkeypatch.setattr(measuring, "measure", interrupted_once)
    assert run(*arguments).exit_code == 1
    assert run(*arguments).exit_code == 0
    assert measured == ["feedback", "chain", "chain"]
    stored = json.loads((tmp_path / "results.json").read_text())["measurements"]
    assert [found["case"]["benchmark"] for found in stored] == ["feedback", "chain"]


def test_page_shows_every_case_and_asks_for_nothing_else(tmp_path):
    path = tmp_path / "page.html"
    result = run(
        *["build", "--benchmark", "feedback", "build", "--benchmark", "chain"],
        *["compare", *QUICK, "--html", path],
    )
    assert result.exit_code == 0, result.output
    html = path.read_text()
    assert "<h2>feedback(n_neurons=50, neuron_type=LIF), run of 10 steps</h2>" in html
    assert html.count('class="runs"') == 2
    assert not any(word in html for word in ("http", "src=", "href=", "@import"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", "--benchmark", "nothing"], "'nothing' is not one of"),
        (["build", *SMALL], "give one of --benchmark NAME, --network"),
        (
            ["build", "--benchmark", "pes", "--kwarg", "theta=1"],
            "pes has no argument 'theta'; it has dimensions, neurons_per_d",
        ),
        (
            ["build", "--benchmark", "pes", "--kwarg", "neuron_type=Lif"],
            "there is no neuron type 'Lif'; there are ",
        ),
        (
            ["build", "--benchmark", "pes", "--kwarg", "theta"],
            "'theta' is not of the form key=value",
        ),
        (
            ["build", "--benchmark", "pes", *SMALL, "--kwarg", "dimensions=3"],
            "give dimensions once: --dimensions or --kwarg dimensions=",
        ),
        (["build", "--benchmark", "chain"], "chain(n_ensembles=20, n_neurons=100, "),
        (["build", "--benchmark", "pes", "--dimensions", 0], "0 is not in the range"),
        (["compare", "--backend", "a="], "'a=' is not of the form [LABEL=]NAME"),
        (["compare", "--backend", "dl@/nowhere"], "'/nowhere' is no program"),
        (
            ["compare", "--backend", "a=dl", "--backend", "a=reference"],
            "two simulators have one label: a, a",
        ),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("kwarg", "message"),
    [
        ("connections_per_ensemble=30", "=30 is more than n_ensembles=20"),
        ("n_ensembles=many", "random_network(dimensions=32"),
    ],
)
def test_network_that_cannot_be_built_is_named(kwarg, message):
    result = run("build", "--benchmark", "random_network", "--kwarg", kwarg, "plan")
    assert result.exit_code == 1
    assert result.output.startswith("Error: random_network(")
    assert message in result.output


def test_file_that_holds_something_else_is_left_alone(tmp_path):
    path = tmp_path / "other.json"
    path.write_text("[1, 2]")
    result = run("compare", "--output", path)
    assert result.exit_code == 2
    assert "holds no results of a comparison" in result.output
    assert path.read_text() == "[1, 2]"


def test_help_waits_for_no_large_library():
    code = """
import sys
from nengo_dl_benchmarks.cli import main
main(["build", "--help"], standalone_mode=False)
large = {"keras", "matplotlib", "nengo_dl_core", "sklearn", "tensorflow"}
sys.exit(", ".join(large & {*sys.modules}) or None)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
