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
    compute_s : seconds of one core for the voxels of a subject.
    fixed_s : seconds before and after, that more workers do not shorten.
    image_bytes : bytes of its images.
    blocks : parts that can be computed at the same time.
    """

    compute_s: float
    fixed_s: float
    image_bytes: float
    blocks: int

    def seconds(self, subjects: int, workers: int) -> float:
        """Return the time of a cohort when subjects are handed out whole, one to a worker at a time.

        The longest of three: the workers' own time, in whole rounds of subjects; the shared storage; the scheduler.

        >>> Costs(8.0, 2.0, 1e9, 16).seconds(10, 2), Costs(8.0, 2.0, 1e9, 16).seconds(1000, 1000)
        (50.0, 1000.0)
        """
        rounds = -(-subjects // workers)
        return max(
            rounds * (self.compute_s + self.fixed_s),
            subjects * self.image_bytes / STORAGE_BYTES_PER_SECOND,
            subjects * self.blocks * TASK_SECONDS,
        )


def read_costs(stored: dict[str, Any]) -> Costs:
    """Take the costs of a subject from what the benchmark stored."""
    scaling, maps, subjects = stored["scaling"], stored["maps"], stored["subjects"]
    one, two = scaling["seconds"]["one process"], scaling["seconds"]["two processes"]
    mean = maps["seconds"] / subjects
    fixed = min(max(2 * two - one, scaling["startup_seconds"]), mean)  # Amdahl: two = fixed + (one − fixed)/2
    return Costs(mean - fixed, fixed, stored["image_bytes"] / subjects, scaling["blocks"])


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
    limit, times = stored["limit_bytes"], scaling["seconds"]
    per_second = stored["voxels_fitted"] / maps["cpu_seconds"]
    shape = " × ".join(map(str, stored["shape"]))
    slope = f"{chapter['slope']:.0f} ({chapter['slope_lower']:.0f}–{chapter['slope_upper']:.0f})"
    ratio = times["one process"] / times["two processes"]
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
        "One subject: one process, two, a cluster of two": " · ".join(f"{s:.1f} s" for s in times.values())
        + f"; two processes are {ratio:.2f} times as fast as one",
        "Same bytes in all three": "yes" if scaling["same_bytes"] else "no",
    }
    shown = [[escape(name), escape(value)] for name, value in facts.items()]
    return f"## Measured\n{raw(html_table(['What', 'Found'], shown, name='inventory scale'))}\n"


def _more(stored: dict[str, Any]) -> str:
    costs = read_costs(stored)
    rows = []
    for subjects in COHORTS:
        times = [_duration(costs.seconds(subjects, workers)) for workers in WORKERS]
        rows.append([f"{subjects:,}", f"{subjects * costs.image_bytes / 1e12:.2f} TB", *times])
    head = ["Subjects", "Images", *(f"{w} worker{'s' if w > 1 else ''}" for w in WORKERS)]
    text = (
        f"A subject costs {costs.compute_s:.1f} s of a core for its voxels and {costs.fixed_s:.1f} s around them. "
        "Subjects are handed out whole. The time is the longest of three: subjects per worker, in whole rounds, times the "
        "cost of one; "
        f"all images over {STORAGE_BYTES_PER_SECOND / GB:g} GB/s, an assumption about shared storage; all blocks times "
        f"{1000 * TASK_SECONDS:g} ms, an assumption about the scheduler. Nothing beyond two workers was measured.\n"
    )
    alone = costs.compute_s / costs.blocks + costs.fixed_s
    enough = (costs.compute_s + costs.fixed_s) * STORAGE_BYTES_PER_SECOND / costs.image_bytes
    limits = (
        f"\nWithin one subject, {costs.blocks} blocks can be computed at once: no number of workers brings it below "
        f"{alone:.1f} s. With many workers the storage decides: beyond {enough:.0f} workers more of them do not help.\n"
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
