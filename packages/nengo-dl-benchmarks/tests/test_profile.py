"""Profiles, in all and by groups of operators."""

import nengo
import pytest
from click.testing import CliRunner

from nengo_dl_benchmarks import integrator, pes, python_node, run_profile
from nengo_dl_benchmarks.cli import main
from nengo_dl_benchmarks.profiling import describe, profile
from nengo_dl_benchmarks.trace import PROGRAM, time_by_scope


def test_time_alone_leaves_no_profile(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = integrator(1, 10, nengo.LIF())
    assert run_profile(net, n_steps=10, do_profile=False, minibatch_size=2) > 0
    assert list(tmp_path.iterdir()) == []


def test_a_network_without_inputs_is_trained_for_the_steps_given():
    with nengo.Network(seed=0) as net:
        nengo.Probe(nengo.Ensemble(10, 1), synapse=0.01)
    options = {"train": True, "do_profile": False, "minibatch_size": 2}
    assert run_profile(net, n_steps=10, **options) > 0


def test_profile_is_written_for_tensorboard(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_profile(integrator(1, 10, nengo.LIF()), n_steps=10)
    assert len(list(tmp_path.glob("profiles/plugins/profile/*/*.xplane.pb"))) == 1


def test_time_is_divided_among_groups(tmp_path):
    net = integrator(2, 1000, nengo.LIF())
    found = profile(net, n_steps=300, logdir=tmp_path)
    total = sum(group.seconds for group in found.groups)
    assert 0 < total < 2 * found.seconds
    neurons = next(g for g in found.groups if g.operators == "SimNeurons")
    assert neurons.number == 1
    assert neurons.example == "memory"
    assert 0 < neurons.seconds < total
    assert neurons.gradient == 0


def test_gradients_are_seen_in_training(tmp_path):
    net = integrator(2, 500, nengo.LIF())
    found = profile(net, train=True, n_steps=50, logdir=tmp_path)
    assert sum(group.forward for group in found.groups) > 0
    assert sum(group.gradient for group in found.groups) > 0
    assert sum(group.seconds for group in found.groups) < 2 * found.profiled


def test_programs_may_give_instructions_the_same_names(tmp_path):
    from tensorflow.compiler.xla.service.hlo_pb2 import HloProto
    from tensorflow.tsl.profiler.protobuf.xplane_pb2 import XSpace

    space = XSpace()
    programs = space.planes.add(name="/host:metadata")
    events = space.planes.add(name="/host:CPU")
    events.stat_metadata[1].name = PROGRAM
    events.event_metadata[1].name = "fusion"
    line = events.lines.add()
    operations = {3: "forward/Copy/add", 4: "forward/gradient_tape/Copy/mul"}
    for number, operation in operations.items():
        program = HloProto()
        instruction = program.hlo_module.computations.add().instructions.add()
        instruction.name, instruction.metadata.op_name = "fusion", operation
        stat = programs.event_metadata[number].stats.add()
        stat.bytes_value = program.SerializeToString()
        event = line.events.add(metadata_id=1, duration_ps=number * 10**12)
        event.stats.add(metadata_id=1, uint64_value=number)
    (tmp_path / "host.xplane.pb").write_bytes(space.SerializeToString())
    assert time_by_scope(tmp_path, ["Copy"]) == [(3, 4)]


def test_objects_are_named_as_a_modeller_does():
    net = pes(2, 20, nengo.LIF())
    learned = next(conn for conn in net.connections if conn.learning_rule)
    assert describe(learned) == "sender to receiver"
    assert describe(learned.learning_rule) == "PES() of sender to receiver"
    assert describe(net.probes[0]) == "probe of receiver"
    assert describe(net.ensembles[0].neurons) == "sender"


def test_python_function_is_seen_in_a_model_that_is_not_compiled(tmp_path):
    found = profile(python_node(20, nengo.LIF()), n_steps=50, logdir=tmp_path)
    (function,) = [g for g in found.groups if g.operators == "PythonCall"]
    assert function.seconds > 0


def test_command_shows_groups_and_where_the_profile_is(tmp_path):
    result = CliRunner().invoke(
        main,
        [
            *["build", "--benchmark", "integrator", "--dimensions", "2"],
            *["profile", "--n_steps", "50", "--logdir", str(tmp_path)],
            *["--batch_size", "2", "--unroll", "2", "--device", "/cpu:0"],
        ],
    )
    assert result.exit_code == 0, result.output
    assert "integrator(dimensions=2, neurons_per_d=32, neuron_type=LIF): " in (
        result.output
    )
    assert "│ SimNeurons " in result.output
    assert "tensorboard --logdir" in result.output
    assert (tmp_path / "integrator").is_dir()


def test_time_only_shows_nothing_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ["build", "--benchmark", "feedback", "profile", "--time-only"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert len(result.output.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["profile"], "choose a network: build"),
        (["profile", "--n_steps", "0"], "0 is not in the range"),
        (
            [
                *["build", "--benchmark", "feedback", "profile"],
                *["--time-only", "--logdir", "here"],
            ],
            "leave --logdir out: --time-only writes no profile",
        ),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


def test_device_that_is_not_there_is_named():
    arguments = ["build", "--benchmark", "feedback", "profile", "--device", "/gpu:9"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert "device: there is no '/gpu:9'" in result.output
