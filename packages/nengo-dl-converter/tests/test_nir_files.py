"""Files and graphs that cannot be read, or mean nothing, are refused by name."""

import itertools
import shutil
from collections import Counter

import h5py
import nir
import numpy as np
import pytest

from nengo_dl_converter import NIRError, from_nir
from nir_executor import run
from nir_runs import FILES, simulated_by_reference


@pytest.fixture
def copy(tmp_path):
    """A copy of a published file, to damage."""
    return shutil.copy(FILES / "braille_noDelay_bias_zero.nir", tmp_path / "copy.nir")


def reading(source, dt=1e-4, discretization="euler"):
    with pytest.raises(NIRError) as caught:
        from_nir(source, dt, discretization)
    return caught.value


def test_no_file(tmp_path):
    error = reading(tmp_path / "none.nir")
    assert error.path == str(tmp_path / "none.nir")
    assert error.node is None


@pytest.mark.parametrize("content", [b"", b"no HDF5", None])
def test_damaged_file(copy, content):
    whole = copy.read_bytes()
    copy.write_bytes(whole[: len(whole) // 2] if content is None else content)
    assert reading(copy).path == str(copy)


def test_file_without_graph(tmp_path):
    with h5py.File(tmp_path / "empty.nir", "w") as file:
        file["version"] = "1.0"
    error = reading(tmp_path / "empty.nir")
    assert "no graph" in str(error)
    assert error.path == str(tmp_path / "empty.nir")


def test_edges_that_are_no_pairs(copy):
    with h5py.File(copy, "a") as file:
        del file["node/edges"]
        file["node/edges"] = np.zeros((2, 2))
    error = reading(copy)
    assert "two names of nodes" in str(error)
    assert error.path == str(copy)


def change(path, node, **values):
    with h5py.File(path, "a") as file:
        group = file[f"node/nodes/{node}"]
        for name, value in values.items():
            if name in group:
                del group[name]
            if value is not None:
                group[name] = value


@pytest.mark.parametrize(
    ("node", "values", "words"),
    [
        ("lif2", {"type": "Izhikevich"}, "'Izhikevich' is no known type"),
        ("lif2", {"type": None}, "type is not given"),
        ("lif2", {"type": np.zeros(3)}, "type is not given"),
        ("lif2", {"tau_mem": None}, "tau_mem of CubaLIF is missing"),
        ("lif2", {"extra": 1.0}, "no parameter extra"),
        ("lif2", {"tau_syn": np.zeros(7)}, "tau_syn must be above 0"),
        ("lif2", {"tau_mem": np.full(7, np.nan)}, "tau_mem is not a number"),
        ("lif2", {"r": np.full(7, np.inf)}, "r is infinite"),
        ("lif2", {"r": np.ones(6)}, "different shapes"),
        ("lif2", {"r": "many"}, "r must be numbers"),
        ("fc2", {"weight": np.ones((7, 37))}, "shape (38,) of 'lif1.lif' does not fit"),
        ("fc2", {"weight": np.ones(7)}, "weight must have 2 or more axes"),
        ("fc2", {"bias": np.ones(6)}, "its bias has shape (6,)"),
        ("output", {"shape": np.array([8])}, "shape (7,) of 'lif2' does not fit"),
        ("input", {"shape": np.array([0])}, "lengths above 0"),
    ],
)
def test_nodes_that_are_wrong(copy, node, values, words):
    change(copy, node, **values)
    error = reading(copy)
    assert node in str(error)
    assert words in str(error)


def test_edges_to_no_node(copy):
    with h5py.File(copy, "a") as file:
        edges = file["node/edges"][()].tolist()
        del file["node/edges"]
        file["node/edges"] = [*edges, [b"fc1", b"fc3"], [b"fc4", b"fc1"]]
    assert "'fc3', 'fc4'" in str(reading(copy))


def test_links_to_other_files_are_not_followed(copy, tmp_path):
    with h5py.File(copy, "a") as file:
        del file["node/nodes/fc1/weight"]
        file["node/nodes/fc1/weight"] = h5py.ExternalLink("other.nir", "/weight")
    with h5py.File(tmp_path / "other.nir", "w") as file:
        file["weight"] = np.ones((38, 12))
    assert "link to another place" in str(reading(copy))


def test_missing_reset_is_zero(copy):
    inputs = {"input": np.ones((1, 20, 12))}
    before = simulated_by_reference(from_nir(copy, 1e-4, "euler"), inputs)
    change(copy, "lif2", v_reset=np.zeros(7))
    after = simulated_by_reference(from_nir(copy, 1e-4, "euler"), inputs)
    np.testing.assert_array_equal(before["output"], after["output"])


def chain(*nodes, shape=None):
    """A graph of some nodes between an Input and an Output."""
    names = [f"n{i}" for i in range(len(nodes))]
    shape = shape or next(iter(nodes[0].input_type.values()))
    named = {"in": nir.Input(np.array(shape)), **dict(zip(names, nodes, strict=True))}
    order = [*named, "out"]
    edges = list(itertools.pairwise(order))
    last = nodes[-1].output_type["output"]
    named["out"] = nir.Output(np.array(shape if last is None else last))
    return nir.NIRGraph(named, edges, type_check=False)


def lif(tau=0.01, v_threshold=1.0, v_reset=0.0):
    values = [tau, 1.0, 0.0, v_threshold, v_reset]
    return nir.LIF(*(np.array([value]) for value in values))


@pytest.mark.parametrize("tau", [0.0, -1.0, np.nan])
def test_time_constants_name_their_node(tau):
    assert reading(chain(lif(tau))).node == "n0"


@pytest.mark.parametrize("tau", [1e-4, 0.7e-4, np.inf])
def test_time_constants_of_a_step_and_less(tau):
    graph = chain(lif(tau))
    inputs = {"in": np.random.default_rng(0).normal(0, 2, (1, 50, 1))}
    found = simulated_by_reference(from_nir(graph, 1e-4, "euler"), inputs)
    expected = run(graph, inputs, 1e-4, "euler")
    np.testing.assert_array_equal(found["out"], expected["out"])


def test_reset_above_the_threshold():
    graph = chain(lif(v_threshold=0.5, v_reset=0.6))
    inputs = {"in": np.random.default_rng(0).normal(0, 20, (1, 50, 1))}
    found = simulated_by_reference(from_nir(graph, 1e-3, "euler"), inputs)
    expected = run(graph, inputs, 1e-3, "euler")
    assert found["out"].sum() > 10
    np.testing.assert_array_equal(found["out"], expected["out"])


def test_delays_between_steps_are_refused():
    assert from_nir(chain(nir.Delay(np.array([3.0005e-4]))), 1e-4, "exact")
    error = reading(chain(nir.Delay(np.array([3e-4, 3.002e-4]))))
    assert error.node == "n0"
    assert "3.002 steps" in str(error)


def test_delays_longer_than_the_run():
    graph = chain(nir.Delay(np.array([0.0, 5.0, 100.0])))
    inputs = {"in": np.random.default_rng(0).normal(size=(1, 10, 3))}
    found = simulated_by_reference(from_nir(graph, 1, "exact"), inputs)["out"][0]
    x = inputs["in"][0]
    expected = np.stack([x[:, 0], np.r_[np.zeros(5), x[:5, 1]], np.zeros(10)], axis=1)
    np.testing.assert_array_equal(found, expected)


def convolution(padding=0, stride=1, weight=(1, 2, 3, 3)):
    return nir.Conv2d(None, np.ones(weight), stride, padding, 1, 1, np.zeros(weight[0]))


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (convolution("same", 2), 'padding "same" needs stride 1'),
        (convolution(weight=(1, 3, 3, 3)), "2 channels come in"),
        (convolution(weight=(1, 2, 9, 3)), "nothing is left"),
        (nir.Flatten(None, 1, 3), "axes 1 to 3 are not all among the 3"),
    ],
)
def test_shapes_that_do_not_fit(node, words):
    error = reading(chain(node, shape=(2, 5, 5)))
    assert error.node == "n0"
    assert words in str(error)


def test_shapes_that_nir_infers_wrongly():
    kernel = np.random.default_rng(0).normal(size=(2, 2, 3, 1))
    graph = nir.NIRGraph(
        {
            "in": nir.Input(np.array([2, 5, 6])),
            "conv": nir.Conv2d(None, kernel, 1, 0, 1, 1, np.zeros(2)),
            "out": nir.Output(None),
        },
        [("in", "conv"), ("conv", "out")],
    )
    assert graph.nodes["out"].output_type["output"].tolist() == [2, 3, 4]
    assert from_nir(graph, 1, "exact").shapes["out"] == (2, 3, 6)


@pytest.mark.parametrize("dt", [0, -1e-3, np.nan, np.inf, "1"])
def test_steps_must_have_a_length(dt):
    assert "dt" in str(reading(chain(lif()), dt=dt))


def test_discretization_is_not_guessed():
    assert "exact" in str(reading(chain(lif()), discretization=None))


def test_the_graph_stays_as_it_is():
    graph = chain(convolution(), nir.Flatten(None, 0), shape=(2, 5, 5))
    nodes, edges = dict(graph.nodes), list(graph.edges)
    inferred = [(node.input_type, node.output_type) for node in nodes.values()]
    from_nir(graph, 1, "euler")
    assert (graph.nodes, graph.edges) == (nodes, edges)
    assert [(node.input_type, node.output_type) for node in nodes.values()] == inferred


def nested(names=("input", "lif", "back", "output"), order=1):
    """Neurons that feed back to themselves, in a graph of their own."""
    first, neurons, back, last = names
    nodes = {
        first: nir.Input(np.array([1])),
        neurons: lif(v_threshold=0.1),
        back: nir.Linear(np.array([[-3.0]])),
        last: nir.Output(np.array([1])),
    }
    edges = [(first, neurons), (neurons, back), (back, neurons), (neurons, last)]
    inner = nir.NIRGraph(dict(list(nodes.items())[::order]), edges[::order])
    return chain(inner, lif(v_threshold=0.01), shape=(1,))


@pytest.mark.parametrize("names", [("in", "out", "n0", "n1"), ("a", "b", "c", "d")])
def test_names_and_order_of_nested_graphs_do_not_matter(names):
    inputs = {"in": np.random.default_rng(0).normal(1, 1, (1, 60, 1))}
    expected = simulated_by_reference(from_nir(nested(), 1e-3, "euler"), inputs)
    for order in (1, -1):
        imported = from_nir(nested(names, order), 1e-3, "euler")
        assert imported.delayed == [(f"n0.{names[2]}", f"n0.{names[1]}")]
        found = simulated_by_reference(imported, inputs)
        np.testing.assert_array_equal(found["out"], expected["out"])
    assert expected["out"].any()


def test_inputs_of_a_nested_graph_must_be_known():
    inner = nir.NIRGraph(
        {name: nir.Input(np.array([1])) for name in "ab"}
        | {"c": nir.Output(np.array([1]))},
        [("a", "c"), ("b", "c")],
    )
    graph = nir.NIRGraph(
        {
            "in": nir.Input(np.array([1])),
            "sub": inner,
            "out": nir.Output(np.array([1])),
        },
        [("in", "sub"), ("sub", "out")],
        type_check=False,
    )
    error = reading(graph)
    assert error.node == "sub"
    assert "one Input; it has 2" in str(error)


def test_duplicate_edges_add():
    shape = np.array([2])
    nodes = {
        "in": nir.Input(shape),
        "s": nir.Scale(np.ones(2)),
        "out": nir.Output(shape),
    }
    edges = [("in", "s"), ("in", "s"), ("s", "out"), ("in", "out")]
    imported = from_nir(nir.NIRGraph(nodes, edges, type_check=False), 1, "exact")
    found = simulated_by_reference(imported, {"in": np.ones((1, 1, 2))})
    np.testing.assert_array_equal(found["out"], np.full((1, 1, 2), 3.0))


def test_networks_have_no_functions_in_python():
    imported = from_nir(FILES / "cnn_sinabs.nir", 1, "euler")
    kinds = Counter(type(node.output) for node in imported.net.all_nodes)
    assert kinds.keys() == {type(None), np.ndarray}
