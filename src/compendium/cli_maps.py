"""`compendium maps METHOD -o DIR …`: voxel-wise maps from NIfTI images, by blocks, here or on a cluster.

A run that was killed continues where it stopped when the same command is given again; maps do not depend on the number
of processes or the size of blocks.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

maps = typer.Typer(
    help=(
        "Voxel-wise maps from NIfTI images: cell size, kurtosis, perfusion, cellularity.\n\n"
        "Maps come with a sidecar each and a page for quality control. Images larger than memory are read by blocks; "
        "a killed run continues when the same command is given again.\n\n"
        "Examples:\n\n"
        "- `compendium maps cell-size --dwi dwi.nii --protocol protocol.txt --mask mask.nii -o out/`\n"
        "- `compendium maps perfusion --ge ge.nii --se se.nii --te-ge 22 --te-se 33 --tr 1.74 -o out/`"
    ),
    no_args_is_help=False,
)
Out = Annotated[Path, typer.Option("-o", "--out", help="Folder of the maps; made if it does not exist.")]
Image = Annotated[Path, typer.Option(help="NIfTI image.")]
MaybeImage = Annotated[Path | None, typer.Option(help="NIfTI image.")]
Jobs = Annotated[int, typer.Option("-j", "--jobs", min=1, help="Processes.")]
Cluster = Annotated[str | None, typer.Option(help="Dask scheduler, tcp://… or a scheduler file.")]
Slices = Annotated[
    int, typer.Option(min=1, help="Slices per block: less memory, more files; the maps stay the same.")
]
CORES = os.cpu_count() or 1
FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


def _guard(command: Callable[..., None]) -> Callable[..., None]:
    """Turn what a user can mend into one line and exit code 2."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except (ValueError, OSError) as error:
            print("error: " + " ".join(words_of(error).split()), file=sys.stderr)
            raise typer.Exit(2) from None

    return guarded


def words_of(error: ValueError | OSError) -> str:
    """Return an error of this project as it is, one of the system with its file first."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    if error.errno in FULL:
        what = error.filename or "what is written"
        return (
            f"{what}: must find room on the disk; then give the same command again. Given: {error.strerror}."
        )
    rule = (
        "must be a folder that can be made"
        if isinstance(error, FileExistsError)
        else "must be readable and writable as asked"
    )
    return f"{error.filename or 'a file'}: {rule}. Given: {error.strerror}."


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Yield a function that shows how many blocks are done: a bar on a terminal, a line per tenth elsewhere."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("blocks"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("blocks", total=None)
            yield lambda done, count: bar.update(task, completed=done, total=count)
        return
    said = [-1]

    def tell(done: int, count: int) -> None:
        tenth = 10 * done // max(count, 1)
        if tenth > said[0]:
            said[0] = tenth
            print(f"block {done} of {count}", file=sys.stderr, flush=True)

    yield tell


def _print_paths(paths: list[Path]) -> None:
    for path in paths:
        print(path)


@maps.callback(invoke_without_command=True)
def _methods(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(2)


@maps.command("cell-size")
@_guard
def cell_size(
    dwi: Image,
    protocol: Annotated[
        Path, typer.Option(help="Scheme: 3 × M text, .bval with .gdur/.gsep, or FSL files with JSON.")
    ],
    out: Out,
    mask: MaybeImage = None,
    noise: Annotated[
        Path | None, typer.Option(help="Noise standard deviation; gives scores and the posterior.")
    ] = None,
    s0ref: Annotated[Path | None, typer.Option(help="Reference S0, for F of Diff-in.")] = None,
    model: Annotated[str, typer.Option(help="diff-in, diff-in-ex, diff-in-exTD, …")] = "diff-in",
    high_b: Annotated[bool, typer.Option("--high-b", help="Only the published high b-values.")] = False,
    posterior: Annotated[
        bool, typer.Option("--posterior", help="Also posterior mean, SD and interval.")
    ] = False,
    prefit: Annotated[bool, typer.Option("--prefit", help="Two-pool pre-fit; relaxation removed.")] = False,
    published: Annotated[
        bool, typer.Option("--published", help="The public fitter's small pull and S0 bound.")
    ] = False,
    preset: Annotated[str, typer.Option(help="Parameter bounds: invivo or exvivo.")] = "invivo",
    te: Annotated[
        float | None, typer.Option(help="Echo time in ms where the protocol file has none.")
    ] = None,
    jobs: Jobs = CORES,
    slices: Slices = 4,
    cluster: Cluster = None,
) -> None:
    """Fit a model of restricted diffusion in spheres to every voxel."""
    from compendium.maps.cell_size import run_cell_size

    with _progress() as tell:
        written = run_cell_size(
            dwi, protocol, out, mask=mask, noise=noise, s0ref=s0ref, model=model, high_b=high_b,
            posterior=posterior, prefit=prefit, published=published, preset=preset, te_ms=te, jobs=jobs,
            slices=slices, cluster=cluster, progress=tell,
        )  # fmt: skip
    _print_paths(list(written.values()))


@maps.command()
@_guard
def kurtosis(
    dwi: Image,
    protocol: Annotated[Path, typer.Option(help="A .bval is enough.")],
    out: Out,
    mask: MaybeImage = None,
    noise: MaybeImage = None,
    b_min: Annotated[float | None, typer.Option(help="Only b-values strictly above this, s/mm².")] = None,
    te: Annotated[float | None, typer.Option(help="Only measurements at this echo time, ms.")] = None,
    jobs: Jobs = CORES,
    slices: Slices = 4,
    cluster: Cluster = None,
) -> None:
    """Fit apparent diffusion and kurtosis to every voxel."""
    from compendium.maps.kurtosis import run_kurtosis

    with _progress() as tell:
        written = run_kurtosis(
            dwi, protocol, out, mask=mask, noise=noise, b_min=b_min, te_ms=te, jobs=jobs, slices=slices,
            cluster=cluster, progress=tell,
        )  # fmt: skip
    _print_paths(list(written.values()))


@maps.command()
@_guard
def perfusion(
    ge: Annotated[list[Path], typer.Option(help="Gradient-echo series; repeat for several echoes.")],
    se: Annotated[list[Path], typer.Option(help="Spin-echo series.")],
    te_ge: Annotated[list[float], typer.Option(help="Echo time of the gradient echo, ms; one per series.")],
    te_se: Annotated[list[float], typer.Option(help="Echo time of the spin echo, ms.")],
    tr: Annotated[float, typer.Option(help="Repetition time, s.")],
    out: Out,
    mask: MaybeImage = None,
    aif_ge: Annotated[
        Path | None, typer.Option(help="Mask of arterial voxels; wins over the search.")
    ] = None,
    aif_se: Annotated[Path | None, typer.Option(help="The same for the spin echo.")] = None,
    white_matter: Annotated[
        Path | None, typer.Option(help="Normal-appearing white matter: adds relative maps.")
    ] = None,
    regions: Annotated[Path | None, typer.Option(help="Label image: adds a table by region.")] = None,
    one_injection: Annotated[
        bool, typer.Option("--one-injection", help="Combined sequence: no alignment.")
    ] = False,
    leakage: Annotated[str, typer.Option(help="none, unidirectional or bidirectional.")] = "unidirectional",
    jobs: Jobs = CORES,
    cluster: Cluster = None,
) -> None:
    """Compute blood volumes, flow, transit times and the microvascular type indicator from two series."""
    from compendium.maps.perfusion import run_perfusion

    run = run_perfusion(
        list(ge), list(se), list(te_ge), list(te_se), tr, out, mask=mask, aif_ge=aif_ge, aif_se=aif_se,
        white_matter=white_matter, regions=regions, one_injection=one_injection, jobs=jobs, cluster=cluster,
        leakage=leakage,
    )  # fmt: skip
    _print_paths(sorted(p for p in run.output.iterdir() if p.is_file()))


@maps.command()
@_guard
def cellularity(
    t1: Annotated[str, typer.Option(help="Path of the T1 images with {subject} for the subject's name.")],
    t1ce: Annotated[str, typer.Option(help="The same for T1 with contrast agent.")],
    flair: Annotated[str, typer.Option(help="The same for FLAIR.")],
    adc: Annotated[str, typer.Option(help="The same for ADC.")],
    mask: Annotated[str, typer.Option(help="The same for brain masks.")],
    rois: Annotated[
        Path, typer.Option(help="Table of regions with histology (compendium list --template rois).")
    ],
    out: Out,
    subject: Annotated[list[str] | None, typer.Option(help="Further subjects to map; repeat.")] = None,
    normalisation: Annotated[str, typer.Option(help="images, none or map.")] = "images",
    trees: Annotated[int, typer.Option(min=1, help="Trees of the forest.")] = 100,
    seed: Annotated[int, typer.Option(help="Seed of the forest.")] = 1,
    jobs: Jobs = CORES,
    slices: Slices = 4,
    cluster: Cluster = None,
) -> None:
    """Train on your own regions with histology, report the error on subjects left out, and map cell density."""
    from compendium.maps.cellularity import run_cellularity
    from compendium.run.inputs import validate

    table = validate(rois, "rois")
    with _progress() as tell:
        run = run_cellularity(
            t1, t1ce, flair, adc, mask, table, out, subjects=subject or [], normalisation=normalisation,
            trees=trees, seed=seed, jobs=jobs, slices=slices, cluster=cluster, progress=tell,
        )  # fmt: skip
    for note in run.notes:
        print(note, file=sys.stderr)
    _print_paths([*run.maps.values(), run.page])
