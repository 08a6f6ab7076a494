"""Networks of the user's own, on the command line and from Python."""

import sys

import nengo
import pytest
from click.testing import CliRunner

from nengo_dl_benchmarks import compare, plan
from nengo_dl_benchmarks.cli import main

MODULE = """
import nengo

def two(n_neurons=10):
    with nengo.Network(seed=0) as net:
        node = nengo.Node(lambda t: t)
        ensemble = nengo.Ensemble(n_neurons, 1)
        nengo.Connection(node, ensemble)
        net.p = nengo.Probe(ensemble)
    return net

def none():
    return 3

number = 4
"""
QUICK = ["--backend", "reference", "--n_steps", "10", "--reps", "2"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    (tmp_path / "my_networks.py").write_text(MODULE)
    (tmp_path / "broken_networks.py").write_text("import no_such_library\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield lambda *arguments: CliRunner().invoke(main, list(arguments))
    sys.modules.pop("my_networks", None)


@pytest.fixture(scope="module")
def net():
    with nengo.Network(seed=0) as net:
        node = nengo.Node(lambda t: t)
        ensemble = nengo.Ensemble(10, 1)
        nengo.Connection(node, ensemble)
        nengo.Probe(ensemble)
    return net


@pytest.mark.parametrize("before", [["compare"], ["build"]])
def test_own_network_is_compared(run, before):
    after = [] if before == ["compare"] else ["compare"]
    result = run(*before, "--network", "my_networks:two", *after, *QUICK)
    assert result.exit_code == 0, result.output
    assert "my_networks:two(), run of 10 steps" in result.output
    assert " 1x " in result.output


def test_own_network_is_scaled_over_its_argument(run, tmp_path):
    result = run(
        *["scale", "--network", "my_networks:two", "--over", "n_neurons"],
        *["--value", "5", "--value", "20", "--plot", "p.svg", *QUICK],
    )
    assert result.exit_code == 0, result.output
    assert "exponent" in result.output
    assert "my_networks:two()" in (tmp_path / "p.svg").read_text()


def test_own_network_is_planned(run, tmp_path):
    options = ["--planner", "tree_planner", "--picture", "plan.png"]
    result = run("plan", "--network", "my_networks:two", *options)
    assert result.exit_code == 0, result.output
    assert "my_networks:two(): " in result.output
    assert (tmp_path / "plan.png").stat().st_size > 0


def test_own_network_is_profiled(run):
    options = ["--n_steps", "5", "--time-only"]
    result = run("profile", "--network", "my_networks:two", *options)
    assert result.exit_code == 0, result.output
    assert "my_networks:two(): " in result.output


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("two", "'two' is not of the form module:function"),
        ("elsewhere:two", "'elsewhere' cannot be imported"),
        ("broken_networks:two", "No module named 'no_such_library'"),
        ("my_networks:three", "'my_networks' has no function 'three'"),
        ("my_networks:number", "'my_networks' has no function 'number'"),
        ("my_networks:none", "my_networks:none() is no nengo.Network: 3"),
    ],
)
def test_what_is_no_network_is_named(run, given, message):
    result = run("plan", "--network", given)
    assert result.exit_code != 0
    assert message in " ".join(result.output.replace("│", " ").split())


def test_comparison_from_python(net):
    comparison = compare(net, ["reference", "dl"], n_steps=10, reps=2)
    assert [found.error for found in comparison.measurements] == [None, None]
    for found in comparison.measurements:
        assert len(found.warm) == 2
        assert found.peak is None
    assert "network(), run of 10 steps" in str(comparison)
    assert str(comparison).count(" 1x ") == 1
    assert len(comparison.plot().axes) == 1


def test_failure_in_python_is_beside_the_results(net):
    comparison = compare(net, ["reference"], mode="fit", n_steps=5, reps=1)
    assert "reference: NotImplementedError: Simulator has no fit" in str(comparison)


def test_plan_from_python_leaves_the_network_alone(net):
    plans = plan(net, ["tree_planner"])
    assert "tree" in str(plans)
    assert "operators removed" in str(plans)
    assert plans.left < plans.operators
    assert plans.plot().axes
    assert nengo.Network not in net.config.params


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda _: compare(3), TypeError, "nengo.Network is needed, not 3"),
        (lambda _: plan("x"), TypeError, "nengo.Network is needed, not 'x'"),
        (lambda net: compare(net, ["rust"]), LookupError, "no simulator 'rust'"),
        (lambda net: compare(net, "dl"), ValueError, "not 'dl'"),
        (lambda net: compare(net, mode="jump"), ValueError, "mode is 'jump'"),
        (lambda net: compare(net, reps=0), ValueError, "reps must be at least 1"),
        (lambda net: plan(net, ["best"]), ValueError, r"no planner \['best'\]"),
    ],
)
def test_wrong_arguments_are_named(net, call, error, message):
    with pytest.raises(error, match=message):
        call(net)
