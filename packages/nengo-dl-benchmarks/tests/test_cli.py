"""The command line, as it is typed."""

import pytest
from click.testing import CliRunner

from nengo_dl_benchmarks.cli import main


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


SMALL = ["--dimensions", 2, "--neurons_per_d", 10]


def test_compare_times_each_chosen_network():
    result = run(
        *["build", "--benchmark", "integrator", *SMALL, "--neuron_type", "LIFRate"],
        *["build", "--benchmark", "pes", *SMALL],
        *["compare", "--backend", "reference", "--n_steps", 10, "--reps", 2],
    )
    assert result.exit_code == 0, result.output
    assert "integrator(dimensions=2, neurons_per_d=10, neuron_type=LIFRate())" in (
        result.output
    )
    assert "pes(dimensions=2, neurons_per_d=10, neuron_type=LIF())" in result.output
    assert result.output.count("reference") == 2
    assert result.output.count("1.00x") == 2


def test_kwarg_reaches_the_network():
    result = run(
        *["build", "--benchmark", "random_network", *SMALL],
        *["--kwarg", "n_ensembles=3", "--kwarg", "connections_per_ensemble=2"],
        *["compare", "--backend", "reference", "--n_steps", 1, "--reps", 1],
    )
    assert result.exit_code == 0, result.output
    assert "n_ensembles=3" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare"], "choose a network first"),
        (["build", "--benchmark", "nothing"], "'nothing' is not one of"),
        (["build", *SMALL], "Missing option '--benchmark'"),
        (
            ["build", "--benchmark", "pes", "--kwarg", "theta=1"],
            "pes has no argument 'theta'; it has dimensions, neurons_per_d",
        ),
        (
            ["build", "--benchmark", "pes", "--kwarg", "theta"],
            "'theta' is not of the form key=value",
        ),
        (["build", "--benchmark", "pes", "--dimensions", 0], "0 is not in the range"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
