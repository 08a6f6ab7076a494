"""``report``: show the results of earlier comparisons as a page."""

from __future__ import annotations

from pathlib import Path

import click

from nengo_dl_benchmarks.cli import options
from nengo_dl_benchmarks.peers_report import peers_page
from nengo_dl_benchmarks.report import page, plot
from nengo_dl_benchmarks.results import Results, write_whole


@click.command()
@click.option(
    "--results",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="JSON file of earlier comparisons, their --output.",
)
@options.html
@click.option(
    "--markdown",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Markdown page for the results; its picture, comparison.svg, is written "
    "beside it.",
)
@click.option(
    "--peers",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Markdown page that compares the first backend with the best of the others.",
)
def report(
    results: Path, html: Path | None, markdown: Path | None, peers: Path | None
) -> None:
    """Show the results of earlier comparisons as a page."""
    if html is None and markdown is None and peers is None:
        raise click.UsageError(
            "say what to write: --html FILE, --markdown FILE or --peers FILE"
        )
    try:
        found = Results(results)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if html is not None:
        write_whole(html, page(found, "html"))
    if markdown is not None:
        write_whole(markdown, page(found, "markdown"))
        plot(found).savefig(markdown.with_name("comparison.svg"))
    if peers is not None:
        write_whole(peers, peers_page(found))
