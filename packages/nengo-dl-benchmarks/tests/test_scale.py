"""Cost against size."""

import pytest
from click.testing import CliRunner

from nengo_dl_benchmarks.cli import main
from nengo_dl_benchmarks.scaling import Scaling

QUICK = ["--backend", "reference", "--n_steps", "5", "--reps", "1"]


def scale(*arguments, before=("build", "--benchmark", "feedback")):
    return CliRunner().invoke(main, [*before, "scale", *arguments])


def test_exponent_is_that_of_the_power():
    durations = {value: 0.1 * value**1.5 for value in (1, 3, 10, 30)}
    assert Scaling("n", {"a": durations}).exponent("a") == pytest.approx(1.5)


def test_one_size_has_no_exponent():
    assert Scaling("n", {"a": {1: 0.1}}).exponent("a") is None


def test_durations_and_exponent_are_shown_and_drawn(tmp_path):
    plot = tmp_path / "plot.svg"
    result = scale(
        *["--over", "n_neurons", "--value", "10", "--value", "100", *QUICK],
        *["--plot", str(plot)],
    )
    assert result.exit_code == 0, result.output
    for row in ("10 ", "100 ", "exponent"):
        assert f"│ {row}" in result.output
    assert plot.read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (lambda: scale("--over", "n", "--value", "1", before=[]), "choose one network"),
        (lambda: scale("--over", "n_neurons", "--value", "1"), "at least two values"),
        (
            lambda: scale("--over", "size", "--value", "1", "--value", "2"),
            "feedback has no argument 'size'; it has n_neurons, neuron_type",
        ),
    ],
)
def test_wrong_arguments_are_named(result, message):
    found = result()
    assert found.exit_code == 2
    assert message in " ".join(found.output.split())
