"""Run the demonstrations, show progress and print what came out."""

from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from demo import digits, tutorial

OUTPUT = Path("demo-output")


class Tasks(Progress):
    """A list of tasks, each of which ends when the next one begins."""

    def __init__(self) -> None:
        super().__init__(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
        )

    def begin(self, description: str) -> None:
        """End the present task and begin another.

        Parameters
        ----------
        description : str
            What is done now.
        """
        self.end()
        self.add_task(description, total=1)

    def end(self) -> None:
        """End the present task."""
        if self.task_ids:
            self.update(self.task_ids[-1], completed=1)


def main() -> None:
    """Run the demonstrations one after the other."""
    OUTPUT.mkdir(exist_ok=True)
    table = Table("", "result", show_header=False)
    with Tasks() as tasks:
        for demonstration in (tutorial, digits):
            table.add_section()
            for name, value in demonstration.run(OUTPUT, tasks.begin):
                table.add_row(name, value)
        tasks.end()
    console = Console()
    console.print(table)
    plots = ", ".join(str(path) for path in sorted(OUTPUT.glob("*.png")))
    console.print(f"Plots: {plots}")


if __name__ == "__main__":
    main()
