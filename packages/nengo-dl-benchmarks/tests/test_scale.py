"""Cost against size."""

import pytest
from click.testing import CliRunner

from nengo_dl_benchmarks.cli import main, measuring
from nengo_dl_benchmarks.comparison import Case, Measurement
from nengo_dl_benchmarks.scaling import COSTS, Scaling, curves

QUICK = ["--backend", "reference", "--n_steps", "5", "--reps", "1"]


def scale(*arguments, before=("build", "--benchmark", "feedback")):
    return CliRunner().invoke(main, [*before, "scale", *arguments])


def test_exponent_is_that_of_the_power():
    curve = {value: 0.1 * value**1.5 for value in (1, 3, 10, 30)}
    assert Scaling("n", "build", {"a": curve}).exponent("a") == pytest.approx(1.5)


def test_exponent_at_the_end_is_that_of_the_largest_sizes():
    scaling = Scaling("n", "build", {"a": {100: 8.0, 1: 2.0, 10: 2.0, 50: 2.0}})
    assert scaling.exponent("a", last=2) == pytest.approx(2)


def test_one_size_has_no_exponent():
    assert Scaling("n", "build", {"a": {1: 0.1}}).exponent("a") is None


def test_build_is_divided_into_nengos_and_the_rest():
    case = Case("feedback")
    found = {
        10: [
            Measurement(case, "dl", build=3.0, stages={"Nengo's build": 2.0}),
            Measurement(case, "reference", build=2.5),
        ]
    }
    assert curves(found, "build") == {
        "dl": {10: 3.0},
        "dl, beyond Nengo's own": {10: 1.0},
        "reference": {10: 2.5},
    }


def test_costs_and_exponents_are_shown_and_drawn(tmp_path):
    plot = tmp_path / "plot.svg"
    result = scale(
        *["--over", "n_neurons", "--value", "100", "--value", "10", *QUICK],
        *["--plot", str(plot)],
    )
    assert result.exit_code == 0, result.output
    for cost in COSTS:
        assert f"\n{cost.replace('-', ' ')} " in result.output
    for row in ("10 ", "100 ", "exponent", "at the end"):
        assert result.output.count(f"│ {row}") == len(COSTS)
    assert plot.read_text().startswith("<?xml")


@pytest.mark.parametrize("argument", ["n_steps", "batch_size"])
def test_runs_are_varied_as_networks_are(argument, monkeypatch):
    measured = []

    def measure(case, backends, *_):
        measured.append(case)
        return [Measurement(case, found.label, warm=[1.0]) for found in backends]

    monkeypatch.setattr(measuring, "measure", measure)
    result = scale("--over", argument, "--value", "3", "--value", "4")
    assert result.exit_code == 0, result.output
    assert [getattr(case, argument) for case in measured] == [3, 4]
    assert measured[0].size == measured[1].size


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (lambda: scale("--over", "n", "--value", "1", before=[]), "choose one network"),
        (lambda: scale("--over", "n_neurons", "--value", "1"), "at least two values"),
        (
            lambda: scale("--over", "size", "--value", "1", "--value", "2"),
            "feedback has no argument 'size'; it has n_neurons, neuron_type",
        ),
        (
            lambda: scale(
                "--over", "n_steps", "--value", "1", "--value", "2", "--n_steps", "5"
            ),
            "leave --n_steps out: it is what is varied",
        ),
    ],
)
def test_wrong_arguments_are_named(result, message):
    found = result()
    assert found.exit_code == 2
    assert message in " ".join(found.output.split())
