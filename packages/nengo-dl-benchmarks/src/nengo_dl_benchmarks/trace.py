"""Read TensorFlow's profiles: which name scope took how long.

A compiled program is traced by its own instructions. The program lies beside the
trace, and each of its instructions says which TensorFlow operation it was made for. An
instruction in which several operations are fused counts for the one that it ends with.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

# By this an event says which compiled program it is part of.
PROGRAM = "program_id"


def time_by_scope(
    logdir: Path, scopes: Sequence[str]
) -> list[tuple[float, float]] | None:
    """Add the durations of operations up by the name scopes that they were built in.

    Parameters
    ----------
    logdir : Path
        Folder of the profiles; the latest one is read.
    scopes : sequence of str
        Names of the scopes, in the order in which they were entered. A name may occur
        several times. The whole sequence may have been gone through several times.

    Returns
    -------
    seconds : list of (float, float) or None
        For each scope the time spent in its operations, and in their gradients; None
        if this version of TensorFlow writes another kind of profile.
    """
    try:
        from tensorflow.compiler.xla.service.hlo_pb2 import HloProto
        from tensorflow.tsl.profiler.protobuf.xplane_pb2 import XSpace
    except ImportError:
        return None
    (*_, latest) = sorted(logdir.rglob("*.xplane.pb"))
    space = XSpace.FromString(latest.read_bytes())
    operations: dict[tuple[int | None, str], str] = {
        (program, instruction): operation
        for program, module in _programs(space, HloProto)
        for instruction, operation in _instructions(module)
    }
    of_name = defaultdict(list)
    for index, name in enumerate(scopes):
        of_name[name].append(index)
    forward, gradient = [0.0] * len(scopes), [0.0] * len(scopes)
    for (program, name), duration in _durations(space).items():
        operation = operations.get((program, name), name)
        scope = _scope(operation, of_name)
        if scope is not None:
            base, number = scope
            indices = of_name[base]
            seconds = gradient if "gradient_tape/" in operation else forward
            seconds[indices[number % len(indices)]] += duration
    return list(zip(forward, gradient, strict=True))


def _scope(operation: str, names: Iterable[str]) -> tuple[str, int] | None:
    """Find the scope of an operation: its name, and how often it occurred before."""
    for part in operation.split("/"):
        base, _, number = part.rpartition("_")
        if part in names:
            return part, 0
        if base in names and number.isdigit():
            return base, int(number)
    return None


def _durations(space: Any) -> Counter[tuple[int | None, str]]:
    """Add up the seconds of all events of a name in a compiled program, or in none.

    Programs give their instructions the same names.
    """
    durations: Counter[tuple[int | None, str]] = Counter()
    for plane in space.planes:
        of_program = {
            key for key, stat in plane.stat_metadata.items() if stat.name == PROGRAM
        }
        for line in plane.lines:
            for event in line.events:
                name = re.sub(":.*", "", plane.event_metadata[event.metadata_id].name)
                programs = (
                    stat.int64_value or stat.uint64_value
                    for stat in event.stats
                    if stat.metadata_id in of_program
                )
                durations[next(programs, None), name] += event.duration_ps * 1e-12
    return durations


def _programs(space: Any, hlo_type: Any) -> Iterator[tuple[int, Any]]:
    """Find the compiled programs, and by which number events refer to them."""
    for plane in space.planes:
        for number, metadata in plane.event_metadata.items():
            for stat in metadata.stats:
                if stat.bytes_value and plane.name == "/host:metadata":
                    yield number, hlo_type.FromString(stat.bytes_value).hlo_module


def _instructions(module: Any) -> Iterator[tuple[str, str]]:
    """Find the operation that each instruction of a program was made for."""
    computations = {found.id: found for found in module.computations}
    for computation in module.computations:
        for instruction in computation.instructions:
            name = instruction.metadata.op_name
            if not name and instruction.opcode == "fusion":
                fused = [
                    inner.metadata.op_name
                    for called in instruction.called_computation_ids
                    for inner in computations[called].instructions
                    if inner.metadata.op_name
                ]
                name = fused[-1] if fused else ""
            if name:
                yield instruction.name, name
