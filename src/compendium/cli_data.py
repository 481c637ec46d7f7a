"""Verbs about what people bring and what came of it: `compendium protocol` and `compendium compare`."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from compendium.run.chapters import RequestError


def protocol(
    folder: Annotated[Path, typer.Argument(help="Folder of DICOM files; only headers are read.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Write the protocol here, for -i protocol=… and maps."),
    ] = None,
    series: Annotated[
        list[int] | None,
        typer.Option(help="Number of a series, in the order of the images; by default all with b."),
    ] = None,
    delta: Annotated[
        str | None, typer.Option(help="Gradient duration δ in ms: one, or 50:3.9,900:15 by b.")
    ] = None,
    separation: Annotated[str | None, typer.Option(help="Gradient separation Δ in ms, likewise.")] = None,
    method: Annotated[Path | None, typer.Option(help="Bruker's file method, which holds both.")] = None,
    te: Annotated[
        float | None, typer.Option(min=1, max=1000, help="Echo time in ms, where headers lack it.")
    ] = None,
) -> None:
    """Say what DICOM headers hold of a scan and what a person must supply; write the diffusion protocol.

    δ and Δ are in no header. The protocol is written once they are given.

    Examples:

    - `compendium protocol dicom/`
    - `compendium protocol dicom/ --series 5 --delta 15.2 --separation 34.7 -o protocol.txt`
    """
    from compendium.io.dicom import read_bruker_timings, read_series
    from compendium.io.dicom_protocol import describe_series, scheme_text

    found, notes = read_series(folder)
    for line in [*notes, *(line for one in found for line in describe_series(one))]:
        print(line)
    if output is None:
        return
    timings = [f"{v:g}" for v in read_bruker_timings(method)] if method else [delta, separation]
    if None in timings:
        raise RequestError(
            "A protocol needs --delta and --separation (ms), or Bruker's --method; no header holds them."
        )
    known = {one.number: one for one in found}
    wanted = series or [one.number for one in found if one.is_diffusion and not one.derived]
    unknown = [number for number in wanted if number not in known]
    if unknown or not wanted:
        raise RequestError(
            f"A protocol is of series with b-values. Given {unknown[0] if unknown else 'none'}."
        )
    text = scheme_text(folder, [known[number] for number in wanted], str(timings[0]), str(timings[1]), te)
    try:
        with output.open("x", encoding="utf-8") as handle:
            handle.write(text)
    except OSError as error:
        raise RequestError(
            f"{output} cannot be written ({error.strerror}); name another file with -o."
        ) from None
    print(f"{output}: {len(text.splitlines()[1].split())} measurements")


def compare(
    runs: Annotated[list[str], typer.Argument(help="Two or more runs; published is the book's own.")],
    chapter: Annotated[
        str | None, typer.Option(help="A chapter by id or prefix; by default the one they share.")
    ] = None,
    format: Annotated[str, typer.Option(help="text or json.")] = "text",
) -> None:
    """Lay the numbers of two or more runs of a chapter beside each other.

    Runs of the same chapter stand on one page of build/my-site too, with figures, inputs and parameters. Nothing is
    tested: runs may share patients.

    Examples:

    - `compendium compare my-cohort their-cohort`
    - `compendium compare my-cohort low-prevalence published --chapter stadlbauer2025/01 --format json`
    """
    from compendium.run.chapters import find_chapter
    from compendium.run.compare import chapters_in_common, read_run

    if format not in ("text", "json"):
        raise RequestError(f'A format is text or json. Given "{format}".')
    if len(set(runs)) != len(runs) or len(runs) < 2:
        raise RequestError(f"Two or more different runs are compared. Given {', '.join(runs)}.")
    common = chapters_in_common(runs)
    wanted = find_chapter(chapter).id if chapter else None
    if wanted is None and len(common) != 1:
        known = ", ".join(common) or "none"
        raise RequestError(f"--chapter says which chapter is compared. They share: {known}.")
    _print_comparison([read_run(run, wanted or common[0]) for run in runs], wanted or common[0], format)


def _print_comparison(found: list[Any], chapter: str, format: str) -> None:
    from compendium.run.compare import as_dict, as_lines
    from compendium.run.store import PUBLISHED, build_lock
    from compendium.site.build import build_site

    if format == "json":
        print(json.dumps(as_dict(found, chapter), indent=1, ensure_ascii=False, allow_nan=False))
        return
    print("\n".join(as_lines(found, chapter)))
    if sum(one.run != PUBLISHED for one in found) > 1:
        with build_lock():
            page = build_site(named=True).parent / "compare" / f"{chapter}.html"
        print(f"Their page: {page}")
