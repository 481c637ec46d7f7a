"""The page "Scale": a cohort larger than memory, what it cost here, and what more of it would cost elsewhere.

The page is made from `data/derived/scale/scale.json`, which `benchmarks/scale/bench.py` writes. The extrapolation is
arithmetic on those costs under assumptions that stand beside it.
"""

import json
from dataclasses import dataclass
from typing import Any

from compendium import paths
from compendium.site.badges import escape, raw
from compendium.site.errors import SiteError
from compendium.site.tables import html_table

STORED = ("data", "derived", "scale", "scale.json")
COHORTS = (100, 1_000, 10_000)
WORKERS = (1, 2, 10, 100)
STORAGE_BYTES_PER_SECOND = 1e9
"""Assumed for the extrapolation: what a shared file system reads for all workers together."""
TASK_SECONDS = 0.002
"""Assumed: what a Dask scheduler spends on a block. Its documentation names about a millisecond a task; doubled here."""
GB = 1e9
INTRODUCTION = """# Scale

Maps are made by blocks of slices, so that an image need not fit into memory, and a cohort is a loop over subjects. The same
code runs in one process, in several, or on a Dask cluster (`--cluster`), with the same bytes: what travels is a block, a
range of random walkers or a set of resamples, each with seeds of its own, put together in a fixed order.

"""


@dataclass(frozen=True)
class Costs:
    """What a subject costs, from the benchmark.

    Attributes
    ----------
    subject_s : seconds of one worker for a subject.
    efficiency : of two workers on one machine, 1 when they are twice as fast as one.
    image_bytes : bytes of its images.
    blocks : parts that can be computed at the same time.
    serial : share of a subject's time that more workers do not shorten.
    shared_s : seconds of one process for the subject that was shared out, of another and slower method.
    """

    subject_s: float
    efficiency: float
    image_bytes: float
    blocks: int
    serial: float = 0.0
    shared_s: float = 0.0

    def seconds(self, subjects: int, workers: int) -> float:
        """Return the time of a cohort when subjects are handed out whole, one to a worker at a time.

        The longest of three: the workers' own time, in whole rounds of subjects; the shared storage; the scheduler.

        >>> Costs(10.0, 1.0, 1e9, 16).seconds(10, 2), Costs(10.0, 1.0, 1e9, 16).seconds(1000, 1000)
        (50.0, 1000.0)
        """
        rounds = -(-subjects // workers)
        return max(
            rounds * self.subject_s / (self.efficiency if workers > 1 else 1.0),
            subjects * self.image_bytes / STORAGE_BYTES_PER_SECOND,
            subjects * self.blocks * TASK_SECONDS,
        )

    def shortest(self) -> float:
        """Return the least time of the subject that is shared out, however many workers share it.

        >>> Costs(1.0, 1.0, 1e9, 16, 0.2, 10.0).shortest()
        2.5
        """
        return self.shared_s * (self.serial + (1 - self.serial) / self.blocks)


def read_costs(stored: dict[str, Any]) -> Costs:
    """Take the costs of a subject from what the benchmark stored."""
    scaling, subjects = stored["scaling"], stored["subjects"]
    one, two = scaling["cohort_seconds"]["one worker"], scaling["cohort_seconds"]["two workers"]
    alone, shared = scaling["subject_seconds"]["one process"], scaling["subject_seconds"]["two processes"]
    serial = min(max(2 * shared / alone - 1, 0.0), 1.0)  # Amdahl: shared = alone·(serial + (1 − serial)/2)
    mean = stored["maps"]["seconds"] / subjects
    return Costs(
        mean, min(one / (2 * two), 1.0), stored["image_bytes"] / subjects, scaling["blocks"], serial, alone
    )


def scale_page() -> str:
    """Return the page; without a stored benchmark it says so."""
    path = paths.root().joinpath(*STORED)
    if not path.is_file():
        return f"{INTRODUCTION}No benchmark is stored here.\n"
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return INTRODUCTION + _measured(stored) + _more(stored)
    except (ValueError, LookupError) as error:
        raise SiteError(f"{'/'.join(STORED)} holds what benchmarks/scale/bench.py writes. {error}") from None


def _measured(stored: dict[str, Any]) -> str:
    maps, chapter, scaling = stored["maps"], stored["chapter"], stored["scaling"]
    limit, cohort, times = stored["limit_bytes"], scaling["cohort_seconds"], scaling["subject_seconds"]
    per_second = stored["voxels_fitted"] / maps["cpu_seconds"]
    shape = " × ".join(map(str, stored["shape"]))
    slope = f"{chapter['slope']:.0f} ({chapter['slope_lower']:.0f}–{chapter['slope_upper']:.0f})"
    ratios = {
        name: times["one process"] / seconds for name, seconds in times.items() if name != "one process"
    }
    facts = {
        "Images": f"{stored['subjects']} simulated subjects, {shape}, {stored['image_bytes'] / GB:.2f} GB in all",
        "Limit of every process": f"{limit / GB:.1f} GB of address space (RLIMIT_AS): the images are "
        f"{stored['image_bytes'] / limit:.1f} times as large",
        "Voxels fitted": f"{stored['voxels_fitted']:,}",
        "Maps of the cohort, one core": f"{maps['seconds']:.0f} s; {per_second:,.0f} voxels per second of CPU, "
        "with reading and writing",
        "Largest memory in use": f"{maps['peak_rss_bytes'] / GB:.2f} GB",
        "Planted kurtosis by region comes back to": f"{maps['largest_error_of_k']:.4f}",
        "Chapter on the summary": f"{chapter['seconds']:.0f} s for {chapter['rows']} rows, under the same limit; "
        f"planted slope {chapter['planted_slope']:g}, found {slope}",
        f"{scaling['cohort_subjects']} subjects, one worker and two": f"{cohort['one worker']:.1f} s and "
        f"{cohort['two workers']:.1f} s: {cohort['one worker'] / cohort['two workers']:.2f} times as fast",
        "One subject shared out (posterior maps of cell size)": f"one process {times['one process']:.1f} s; "
        + "; ".join(
            f"{name} {times[name]:.1f} s, {ratio:.2f} times as fast" for name, ratio in ratios.items()
        ),
        "Same bytes in all three": "yes" if scaling["same_bytes"] else "no",
    }
    shown = [[escape(name), escape(value)] for name, value in facts.items()]
    note = f"\n{stored['note']}\n" if stored.get("note") else ""
    return f"## Measured\n{raw(html_table(['What', 'Found'], shown, name='inventory scale'))}\n{note}"


def _more(stored: dict[str, Any]) -> str:
    costs = read_costs(stored)
    rows = []
    for subjects in COHORTS:
        times = [_duration(costs.seconds(subjects, workers)) for workers in WORKERS]
        rows.append([f"{subjects:,}", f"{subjects * costs.image_bytes / 1e12:.2f} TB", *times])
    head = ["Subjects", "Images", *(f"{w} worker{'s' if w > 1 else ''}" for w in WORKERS)]
    text = (
        f"A subject takes {costs.subject_s:.1f} s of a worker, and two workers on one machine keep "
        f"{100 * costs.efficiency:.0f} % of their speed. Subjects are handed out whole. The time is the longest of three: "
        "subjects per worker, in whole rounds, times the time of one at that speed; all images over "
        f"{STORAGE_BYTES_PER_SECOND / GB:g} GB/s, an assumption about shared storage; all blocks times "
        f"{1000 * TASK_SECONDS:g} ms, an assumption about the scheduler. Nothing beyond two workers was measured.\n"
    )
    enough = costs.subject_s / costs.efficiency * STORAGE_BYTES_PER_SECOND / costs.image_bytes
    limits = (
        f"\nWithin the one subject that was shared out, {100 * costs.serial:.0f} % of the time did not become shorter "
        "with a second worker (reading, starting, writing): no number of workers brings it below "
        f"{costs.shortest():.1f} s. Between subjects the storage decides: beyond {enough:.0f} workers more of them do "
        "not help.\n"
    )
    table = raw(html_table(head, rows, name="inventory scale"))
    return f"\n## On paper: more subjects, more workers\n\n{text}{table}\n{limits}"


def _duration(seconds: float) -> str:
    """Return a time in the unit that reads best.

    >>> _duration(42), _duration(500), _duration(40_000), _duration(400_000)
    ('42 s', '8 min', '11.1 h', '4.6 days')
    """
    for size, unit, digits in ((86_400 * 2, "days", 1), (7_200, "h", 1), (120, "min", 0)):
        if seconds >= size:
            return f"{seconds / {'days': 86_400, 'h': 3_600, 'min': 60}[unit]:.{digits}f} {unit}"
    return f"{seconds:.0f} s"
