"""Results that are kept in a file, and shown as pages."""

import sys
from io import StringIO

import pytest
from click.testing import CliRunner
from rich.console import Console

from nengo_dl_benchmarks.cli import main
from nengo_dl_benchmarks.comparison import Case, Measurement
from nengo_dl_benchmarks.report import cells, ratio, table
from nengo_dl_benchmarks.results import Results

CASE = Case("feedback", {"n_neurons": 50})
OURS = Measurement(
    CASE,
    "ours",
    build=0.3,
    first=1.0,
    warm=[0.001, 0.003, 0.002],
    idle=2**27,
    peak=2**28,
    stages={"Nengo's build": 0.25},
    bound=0.0005,
    versions={"nengo": "4.1.0"},
)
OTHER = Measurement(CASE, "other", 0.2, 0.05, [0.01, 0.06, 0.02], peak=2**26)
FAILED = Measurement(CASE, "failed", error="it does not work")


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A file of results."""
    path = tmp_path / "results.json"
    command = ["compare", "--backend=b=dl@/home/me/bin/python", f"--output={path}"]
    monkeypatch.setattr(sys, "argv", ["/home/me/bin/nengo-dl-benchmarks", *command])
    results = Results(path)
    results.begin()
    results.put([OURS, OTHER, FAILED])
    return path


def report(*arguments):
    return CliRunner().invoke(main, ["report", *map(str, arguments)])


def test_ratio_is_that_of_the_medians_with_its_range():
    assert str(ratio(OTHER, OURS)) == "10x (10–20)"
    assert ratio(FAILED, OURS) is None


def test_cells_tell_everything():
    assert cells(OURS, [OURS, OTHER]) == (
        *("ours", "300 ms (50.0 ms)", "1.00 s", "2.00 ms", "1x", "4x", "256 MiB"),
    )
    assert cells(FAILED, [OURS, FAILED])[1:] == ("–",) * 6


def test_table_fits_a_terminal():
    slower = Measurement(CASE, "reference", 0.2, 0.05, [0.00123, 0.00317], peak=2**26)
    measurements = [OURS, slower, FAILED]
    console = Console(width=80, file=StringIO())
    console.print(table(measurements))
    shown = console.file.getvalue()
    for found in measurements:
        for cell in cells(found, measurements):
            assert cell in shown


def test_results_and_commands_are_read_again_without_folders(path):
    results = Results(path)
    assert results.measurements == [OURS, OTHER, FAILED]
    assert results.commands == [
        "nengo-dl-benchmarks compare --backend=b=dl@/path/to/python "
        "--output=results.json"
    ]


def test_results_of_another_machine_are_not_mixed_in(path):
    path.write_text(path.read_text().replace('"processor": "', '"processor": "Other '))
    with pytest.raises(ValueError, match="choose another file"):
        Results(path).begin()


def test_pages_are_made_of_the_file_alone(path, tmp_path):
    html, markdown = tmp_path / "page.html", tmp_path / "page.md"
    result = report("--results", path, "--html", html, "--markdown", markdown)
    assert result.exit_code == 0, result.output
    for page in (html.read_text(), markdown.read_text()):
        for words in ("10x (10–20)", "300 ms (50.0 ms)", "failed: it does not work"):
            assert words in page
        assert "/home/me" not in page
    summary = (
        "| feedback(n_neurons=50), run of 1000 steps | 2.00 ms | 10x (10–20) | – |"
    )
    assert summary in markdown.read_text()
    assert (tmp_path / "comparison.svg").read_text().startswith("<?xml")


def test_page_has_to_be_named(path):
    result = report("--results", path)
    assert result.exit_code == 2
    assert "say what to write" in result.output
