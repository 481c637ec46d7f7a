"""What a person sees while chapters run: bars on a terminal, plain lines elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from compendium.run.execute import Job, Listener, Outcome


class PlainListener(Listener):
    """One line when a chapter starts, with the reason, and one when it ends."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def starts(self, job: Job, why: str) -> None:
        """Say why a chapter runs."""
        self.say(f"{label(job)}: runs because: {why}")

    def ends(self, outcome: Outcome) -> None:
        """Say how a chapter ended."""
        if outcome.state == "failed":
            self.say(f"{label(outcome.job)}: FAILED after {outcome.seconds:.1f} s: {outcome.message}")
        elif outcome.state == "done":
            self.say(f"{label(outcome.job)}: done in {outcome.seconds:.1f} s")

    def say(self, line: str) -> None:
        """Print a line at once."""
        print(line, file=self._stream, flush=True)


class BarListener(PlainListener):
    """A bar per running chapter above which the plain lines scroll by."""

    def __init__(self, stream: TextIO, progress: Any) -> None:
        super().__init__(stream)
        self._progress = progress
        self._tasks: dict[str, Any] = {}

    def starts(self, job: Job, why: str) -> None:
        """Add a bar."""
        super().starts(job, why)
        self._tasks[label(job)] = self._progress.add_task(label(job), total=None)

    def cell(self, job: Job, number: int, count: int) -> None:
        """Move the bar of a chapter."""
        self._progress.update(self._tasks[label(job)], completed=number - 1, total=count)

    def ends(self, outcome: Outcome) -> None:
        """Take the bar away."""
        task = self._tasks.pop(label(outcome.job), None)
        if task is not None:
            self._progress.remove_task(task)
        super().ends(outcome)

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        self._progress.console.print(line, markup=False, highlight=False)


def label(job: Job) -> str:
    """Return how a job is called: its chapter, and its run when it is a named one."""
    return f"{job.chapter.id} [{job.run}]" if job.named else job.chapter.id


@contextmanager
def listener_for(stream: TextIO) -> Iterator[Listener]:
    """Yield a listener that suits the stream: bars on a terminal, lines otherwise."""
    if not stream.isatty():
        yield PlainListener(stream)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=stream), transient=True) as progress:
        yield BarListener(stream, progress)
