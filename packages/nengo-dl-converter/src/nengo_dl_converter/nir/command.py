"""The command ``nengo-dl-convert``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nengo
import numpy as np
import numpy.typing as npt
from nengo.exceptions import NengoException

import nengo_dl_core

from ..errors import ConversionError
from .cycles import delayed_edges, in_order
from .errors import NIRError
from .flattening import flatten
from .graph import Node
from .neurons import DISCRETIZATIONS
from .reading import read_graph
from .shapes import infer_shapes

if TYPE_CHECKING:
    from .importing import Imported

# TensorFlow takes seconds to load: only what needs it is to wait.

try:
    import click
except ImportError:
    sys.exit('nengo-dl-convert needs click: pip install "nengo-dl-converter[nir]"')

Arrays = dict[str, npt.NDArray[Any]]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)


class _Commands(click.Group):
    """Shows our errors as messages, without traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except (NIRError, ConversionError, NengoException, OSError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands)
@click.version_option(package_name="nengo-dl-converter", prog_name="nengo-dl-convert")
def main() -> None:
    """Look into, run and write NIR graphs."""


@main.command()
@click.argument("file", type=_FILE)
def info(file: Path) -> None:
    """Show what a .nir FILE holds: nodes with shapes and parameters, and edges."""
    graph = read_graph(file)
    flat = flatten(graph)
    delayed = delayed_edges(flat)
    order = in_order(flat, delayed)
    shapes = infer_shapes(flat, order, delayed)
    rows = [("node", "type", "input", "output", "parameters")]
    for name in order:
        node, shape = flat.nodes[name], shapes[name]
        taken, given = map(_shape, shape)
        rows.append((name, node.kind, taken, given, _parameters(node)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
    click.echo()
    for pre, post in sorted(flat.edges, key=lambda edge: [*map(order.index, edge)]):
        waits = "  (value of the step before)" if (pre, post) in delayed else ""
        click.echo(f"{pre} -> {post}{waits}")
    if graph.metadata:
        click.echo()
    for name, value in graph.metadata.items():
        click.echo(f"{name}: {value}")


def _parameters(node: Node) -> str:
    words = []
    for name, value in node.parameters.items():
        if name == "shape":
            continue
        said = value
        if isinstance(value, np.ndarray):
            low, high = value.min(), value.max()
            said = f"{low:.6g}" if low == high else f"{low:.4g}..{high:.4g}"
        shape = f" ({_shape(value.shape)})" if name == "weight" else ""
        words.append(f"{name}={said}{shape}")
    return ", ".join(words)


def _shape(lengths: tuple[int, ...]) -> str:
    return "x".join(map(str, lengths)) or "1"


@main.command()
@click.argument("file", type=_FILE)
@click.argument("inputs", type=_FILE)
@click.argument("outputs", type=_NEW_FILE)
@click.option("--dt", type=float, required=True, help="Length of a step, in seconds.")
@click.option(
    "--discretization",
    type=click.Choice(DISCRETIZATIONS),
    required=True,
    help="How differential equations become steps.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    help="How many steps to run; inputs are cut off, or zeros follow. By default all.",
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    default="float64",
    show_default=True,
)
@click.option("--raster", type=_NEW_FILE, help="Also plot the outputs' spikes.")
def run(
    file: Path,
    inputs: Path,
    outputs: Path,
    dt: float,
    discretization: str,
    steps: int | None,
    dtype: str,
    raster: Path | None,
) -> None:
    """Run a .nir FILE on INPUTS, and write its OUTPUTS, an .npz file by output names.

    INPUTS are an array in an .npy file, (steps, ...) or (items, steps, ...); arrays by
    the names of the inputs in an .npz file; or events of the only input in a .csv file,
    with the columns time (in seconds), element and, if not 1, value.
    """
    from .importing import from_nir

    imported = from_nir(file, dt, discretization)
    given = _read_inputs(inputs, imported, steps)
    with imported.net:
        nengo_dl_core.configure_settings(dtype=dtype)
    n_items, n_steps, _ = next(iter(given.values())).shape
    with nengo_dl_core.Simulator(
        imported.net, dt=imported.dt, minibatch_size=n_items, progress_bar=False
    ) as sim:
        data = {imported.inputs[name]: values for name, values in given.items()}
        sim.run_steps(n_steps, data=data)
        found = {
            name: np.reshape(
                sim.data[probe], (n_items, n_steps, *imported.shapes[name])
            )
            for name, probe in imported.outputs.items()
        }
    np.savez(outputs, **found)  # type: ignore[arg-type]
    for name, values in found.items():
        click.echo(f"{name}: {values.shape}, sum {values.sum():.6g}")
    if raster is not None:
        _plot(found, dt, raster)


def _read_inputs(path: Path, imported: Imported, steps: int | None) -> Arrays:
    """Read inputs as ``(n_items, n_steps, size)``, by the names of the inputs."""
    only = next(iter(imported.inputs))
    if path.suffix == ".npz" or len(imported.inputs) > 1:
        if path.suffix != ".npz":
            names = ", ".join(imported.inputs)
            raise NIRError(
                f"the graph has the inputs {names}: give an .npz file of them"
            )
        given: Mapping[str, Any] = _loaded(path, _load_arrays)
    elif path.suffix == ".csv":
        given = {only: _read_events(path, imported, only)}
    else:
        given = {only: _loaded(path, np.load)}
    if given.keys() != imported.inputs.keys():
        raise NIRError(
            f"inputs are called {', '.join(imported.inputs)}, not {', '.join(given)}",
            path=str(path),
        )
    return {
        name: _of_length(_in_shape(name, values, imported.shapes[name]), steps)
        for name, values in given.items()
    }


def _loaded(path: Path, load: Callable[[Path], Any]) -> Any:
    """Load what a file holds; no pickled objects or functions are loaded."""
    try:
        return load(path)
    except Exception as error:  # whatever is said of a file of another kind
        raise NIRError(f"cannot be read: {error}", path=str(path)) from error


def _load_arrays(path: Path) -> Arrays:
    with np.load(path) as arrays:
        return dict(arrays)


def _load_events(path: Path) -> npt.NDArray[Any]:
    lines = path.read_text().strip().splitlines()
    if lines and (lines[0][0].isalpha() or lines[0][0] in "#\"'"):
        del lines[0]  # names of the columns
    if not lines:
        raise ValueError("it holds no events")
    return np.loadtxt(lines, delimiter=",", ndmin=2)


def _of_length(values: npt.NDArray[Any], steps: int | None) -> npt.NDArray[Any]:
    """Cut off what is too long, and put zeros after what is too short."""
    missing = max((steps or 0) - values.shape[1], 0)
    return np.pad(values[:, :steps], ((0, 0), (0, missing), (0, 0)))


def _in_shape(name: str, values: Any, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Give an array of one item or several, flat or not, the three axes it needs."""
    size = int(np.prod(shape))
    for inner in (shape, (size,)):
        n_axes = values.ndim - len(inner)
        if values.shape[n_axes:] == inner and n_axes in (1, 2):
            return np.reshape(
                values, (*((1, -1) if n_axes == 1 else values.shape[:2]), size)
            )
    axes = ", ".join(map(str, shape))
    raise NIRError(
        f"expected an array (steps, {axes}) or (items, steps, {axes}), channels first, "
        f"got {values.shape}",
        name,
    )


def _read_events(path: Path, imported: Imported, name: str) -> npt.NDArray[Any]:
    events = _loaded(path, _load_events)
    if events.shape[1] not in (2, 3):
        raise NIRError(
            f"events have two or three columns, not {events.shape[1]}", path=str(path)
        )
    size = int(np.prod(imported.shapes[name]))
    when = np.floor(events[:, 0] / imported.dt + 1e-6).astype(int)
    where = events[:, 1].astype(int)
    if min(when.min(), where.min()) < 0 or where.max() >= size:
        raise NIRError(
            f"events must have times from 0 on, and elements from 0 to {size - 1}",
            path=str(path),
        )
    values = np.zeros((when.max() + 1, size))
    np.add.at(values, (when, where), events[:, 2] if events.shape[1] == 3 else 1.0)
    return values


def _plot(outputs: Arrays, dt: float, path: Path) -> None:
    """Plot the first item's outputs, a line for each element."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise NIRError(
            'a plot needs Matplotlib: pip install "nengo-dl-converter[plot]"'
        ) from error
    figure = Figure(figsize=(8, 1 + 2 * len(outputs)), layout="constrained")
    axes = figure.subplots(len(outputs), squeeze=False)[:, 0]
    for ax, (name, values) in zip(axes, outputs.items(), strict=True):
        first = values[0].reshape(values.shape[1], -1)
        ax.eventplot([dt * np.flatnonzero(column) for column in first.T])
        ax.set(title=name, ylabel="element", xlim=(0, dt * len(first)))
    axes[-1].set_xlabel("time (s)")
    try:
        figure.savefig(path)
    except ValueError as error:  # no known format
        raise NIRError(str(error), path=str(path)) from error


@main.command()
@click.argument("model", type=_FILE)
@click.argument("file", type=_NEW_FILE)
@click.option("--dt", type=float, default=0.001, show_default=True, help="In seconds.")
@click.option(
    "--tau-rc",
    type=float,
    default=0.02,
    show_default=True,
    help="Time constant of the LIF neurons that take the place of relu, in seconds.",
)
@click.option("--scale-firing-rates", type=float, default=1.0, show_default=True)
@click.option("--synapse", type=float, help="Time constant of filters after neurons.")
@click.option(
    "--discretization",
    type=click.Choice(DISCRETIZATIONS),
    default="exact",
    show_default=True,
    help="How the graph will be computed.",
)
@click.option("--float32", is_flag=True, help="Write parameters in float32.")
def from_keras(
    model: Path,
    file: Path,
    dt: float,
    tau_rc: float,
    scale_firing_rates: float,
    synapse: float | None,
    discretization: str,
    float32: bool,
) -> None:
    """Convert the Keras MODEL in a .keras file, and write it as a .nir FILE."""
    import keras
    import nir

    from ..converter import Converter
    from .exporting import to_nir

    spiking = nengo.LIF(
        tau_rc=tau_rc,
        tau_ref=0,
        min_voltage=-np.inf,
        initial_state={"voltage": nengo.dists.Choice([0.0])},
    )
    converter = Converter(
        _loaded(model, keras.saving.load_model),
        allow_fallback=False,
        swap_activations={keras.activations.relu: spiking},
        scale_firing_rates=None if scale_firing_rates == 1 else scale_firing_rates,
        synapse=synapse,
    )
    graph = to_nir(
        converter.net,
        dt=dt,
        discretization=discretization,
        dtype="float32" if float32 else "float64",
    )
    nir.write(file, graph)
    click.echo(f"{file}: {len(graph.nodes)} nodes, {len(graph.edges)} edges")
