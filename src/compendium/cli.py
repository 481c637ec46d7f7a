"""The door: `compendium VERB …`, also reachable as `python3 run.py VERB …`.

Exit codes: 0 done; 1 a chapter failed or a check did not hold; 2 the request or an input cannot be served.
"""

import json
import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from compendium import __version__, cli_data
from compendium.cli_maps import maps, words_of

app = typer.Typer(
    name="compendium",
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help=(
        "Five papers on MRI and tissue under the microscope, recomputed.\n\n"
        "**Read**: `compendium all` executes every chapter, checks it and builds the site.\n\n"
        "**Re-run on your data**: `compendium list` shows chapters and the inputs they take; "
        "`compendium list stadlbauer2025/01 --template examinations` writes an empty documented table; "
        "`compendium run stadlbauer2025/01 -i examinations=mine.csv --name my-cohort` renders your own page.\n\n"
        "**Check**: `compendium check` compares every number with the printed one and with its stored reference.\n\n"
        "A chapter is named by its id or any unambiguous prefix (`stadlbauer2025/01`). "
        "Exit codes: 0 done; 1 a chapter failed or a check did not hold; 2 the request or an input cannot be served."
    ),
)

app.add_typer(maps, name="maps")

Chapters = Annotated[
    list[str] | None, typer.Argument(help="Chapters by id or prefix, or a study; none means all.")
]
USAGE_ERROR: Any = typer.BadParameter.__mro__[1]
"""Every error of reading the command line; typer exports only this descendant."""
CORES = os.cpu_count() or 1
Workers = Annotated[int, typer.Option("-j", "--jobs", min=1, help="Chapters executed at the same time.")]


def _guard(command: Callable[..., None]) -> Callable[..., None]:
    """Turn errors of the user's making into one line and exit code 2."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:
        from compendium.io.tables import TableError
        from compendium.io.yaml_lines import StructureError
        from compendium.run.chapters import RequestError
        from compendium.site.errors import SiteError

        try:
            command(*args, **kwargs)
        except (RequestError, StructureError, TableError) as error:
            _stop(error, 2)
        except SiteError as error:
            _stop(error, 1)
        except BrokenPipeError:
            os._exit(0)
        except OSError as error:  # a full disk, a folder that cannot be written
            _stop(words_of(error), 2)

    return guarded


def _stop(error: Exception | str, code: int) -> None:
    print("error: " + " ".join(str(error).split()), file=sys.stderr)
    raise typer.Exit(code)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"compendium {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(2)


@app.command("all")
@_guard
def everything(jobs: Workers = CORES) -> None:
    """Execute what is stale, check everything, build the site; print where it is.

    The site is built even when a check fails; the exit code then is 1.
    """
    from compendium.run.store import build_lock

    with build_lock():
        failed = _execute_chapters([], jobs)
        report = _report_text([])
        index = _build_book(report)
    print(f"\nThe book: {index}")
    raise typer.Exit(1 if failed or report.problems else 0)


@app.command("list")
@_guard
def list_(
    chapter: Annotated[str | None, typer.Argument(help="A chapter by id or prefix; none lists all.")] = None,
    template: Annotated[
        str | None, typer.Option(help="Write an empty documented file for this input.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Where the template goes; .csv or .xlsx.")
    ] = None,
    format: Annotated[str, typer.Option(help="text or json.")] = "text",
) -> None:
    """Show chapters with their parameters and inputs, or write an empty input file.

    Examples:

    - `compendium list`
    - `compendium list stadlbauer2025/01`
    - `compendium list stadlbauer2025/01 --template examinations -o mine.csv`
    - `compendium list nocera2025/02 --template samples -o mine.xlsx`
    - `compendium list --template about`
    """
    from compendium.run.chapters import find_chapters

    _check_format(format)
    chapters = find_chapters([chapter] if chapter else [])
    if template:
        _write_template(chapters, template, output)
    elif format == "json":
        print(json.dumps({"chapters": [c.as_dict() for c in chapters]}, indent=1, ensure_ascii=False))
    else:
        for found in chapters:
            _print_chapter(found, detailed=chapter is not None)


def _check_format(format: str) -> None:
    if format not in ("text", "json"):
        _stop(f'A format is text or json. Given "{format}".', 2)


def _write_template(chapters: list[Any], name: str, output: Path | None) -> None:
    from compendium.io import practice
    from compendium.run import inputs

    if name == "about":
        target = practice.write_template(output or Path("about.yaml"))
        print(f"{target}: fill it in, then run a chapter with --about {target}")
        return

    others = [c.inputs[name].kind for c in chapters if name in c.inputs and c.inputs[name].kind != "table"]
    if others:
        about = inputs.FILE_KINDS[others[0]].about
        _stop(f'"{name}" is no table and has no template. It is {about}.', 2)
    declared = [c.inputs[name] for c in chapters if name in c.inputs and c.inputs[name].kind == "table"]
    if not declared:
        known = sorted({i for c in chapters for i in c.inputs}) or ["none"]
        _stop(f'No such input: "{name}". There are: {", ".join(known)}.', 2)
    target = output or Path(f"{name}.csv")
    if target.exists():
        _stop(f"{target} exists already; name another file with -o.", 2)
    if target.suffix.lower() not in (".csv", ".xlsx"):
        _stop(f'A template is a .csv or .xlsx file. Given "{target.name}".', 2)
    inputs.write_template(declared[0].schema, target)
    print(f"{target}: fill it in, then run the chapter with -i {name}={target} --name YOUR-RUN")


def _print_chapter(chapter: Any, detailed: bool) -> None:
    print(f"{chapter.id}  {chapter.title}")
    wide = max(
        [len(f"{p.name}={p.default}") for p in chapter.parameters.values()]
        + [len(i) + 5 for i in chapter.inputs]
    )
    for p in chapter.parameters.values():
        words = ", ".join(filter(None, [p.help, p.range_text]))
        print(f"    -p {f'{p.name}={p.default}':<{wide}}  {p.type:<6} {words}")
    for i in chapter.inputs.values():
        print(f"    -i {f'{i.name}=PATH':<{wide}}  {i.kind:<6} {'required' if i.required else 'optional'}")
        if detailed:
            from compendium.run import inputs

            about = inputs.describe(i.schema) if i.kind == "table" else inputs.FILE_KINDS[i.kind].about
            print("\n".join(f"         {line}" for line in about.splitlines()))


@app.command()
@_guard
def run(
    chapters: Chapters = None,
    parameter: Annotated[
        list[str] | None, typer.Option("-p", help="NAME=VALUE; needs one chapter and a --name.")
    ] = None,
    input: Annotated[
        list[str] | None, typer.Option("-i", help="INPUT=PATH; needs one chapter and a --name.")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option("-c", help="INPUT.COLUMN=NAME IN THE FILE: which column is which.")
    ] = None,
    unit: Annotated[
        list[str] | None,
        typer.Option(help="INPUT.COLUMN=UNIT of the values in the file, or form of its dates."),
    ] = None,
    read: Annotated[
        list[str] | None,
        typer.Option(help="INPUT.OPTION=VALUE: sheet, header, hidden, decimal, missing, instrument, event."),
    ] = None,
    columns: Annotated[
        Path | None, typer.Option(help="YAML file with all of these, or the run that used them before.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of a run on your data; it renders into build/my-site.")
    ] = None,
    about: Annotated[
        Path | None,
        typer.Option(
            help="YAML file on the data: modality, units, contact …; `list --template about` writes one."
        ),
    ] = None,
    jobs: Workers = CORES,
    cluster: Annotated[str | None, typer.Option(help="Dask scheduler, tcp://… or a scheduler file.")] = None,
    time_limit: Annotated[float, typer.Option(min=1, help="Seconds a chapter may take.")] = 600.0,
) -> None:
    """Execute chapters whose result is missing or out of date, and say why each one runs.

    With -p or -i the run needs a --name: it is kept apart from the book and gets a page of its own in build/my-site.

    Examples:

    - `compendium run`
    - `compendium run stadlbauer2025/01`
    - `compendium run stadlbauer2025/01 -p prevalence=0.3 --name low-prevalence`
    - `compendium run stadlbauer2025/01 -i examinations=mine.csv --name my-cohort`
    - `compendium run nocera2025/02 -i samples=mine.xlsx -c samples.histology="H&E count"
      --unit samples.imaging_adc=um2/ms --read samples.sheet=Biopsies --name my-cohort`
    """
    from compendium.run.store import build_lock

    names = chapters or []
    if (parameter or input) and (len(names) != 1 or not name):
        _stop("-p and -i need exactly one chapter and a --name for the run.", 2)
    if about and not name:
        _stop("--about describes the data of a run: it needs a --name.", 2)
    if (column or unit or read or columns) and not input:
        _stop("-c, --unit, --read and --columns say how a table is read that is handed in with -i.", 2)
    if name:
        said = (column or [], unit or [], read or [], columns)
        _run_named(names, parameter or [], input or [], said, name, about, cluster, time_limit)
        return
    with build_lock():
        failed = _execute_chapters(names, jobs, cluster, time_limit)
    raise typer.Exit(1 if failed else 0)


def _execute_chapters(
    names: list[str], jobs: int, cluster: str | None = None, time_limit: float = 600.0
) -> bool:
    from compendium.evidence.claims import load_studies
    from compendium.run.chapters import find_chapters
    from compendium.run.execute import Job, execute
    from compendium.run.progress import listener_for

    todo = [Job(chapter) for chapter in find_chapters(names)]
    with listener_for(sys.stderr) as listener:
        outcomes = execute(todo, load_studies(), jobs, listener, time_limit, cluster)
    counts = {state: sum(o.state == state for o in outcomes) for state in ("done", "fresh", "failed")}
    print(f"chapters: {counts['done']} executed, {counts['fresh']} up to date, {counts['failed']} failed")
    return counts["failed"] > 0


def _run_named(
    names: list[str],
    parameters: list[str],
    inputs: list[str],
    said: tuple[list[str], list[str], list[str], Path | None],
    run_name: str,
    about: Path | None,
    cluster: str | None,
    time_limit: float,
) -> None:
    from compendium.evidence.claims import load_studies
    from compendium.io.practice import read_statements
    from compendium.run.chapters import find_chapter, read_inputs, read_parameters
    from compendium.run.execute import Job, execute
    from compendium.run.inputs import check_input
    from compendium.run.progress import listener_for
    from compendium.run.readings import request_readings, stored_readings
    from compendium.run.store import RunStore, build_lock, check_run_name

    check_run_name(run_name)
    statements = read_statements(about) if about else None
    if len(names) != 1:
        _stop("A named run is of exactly one chapter.", 2)
    chapter = find_chapter(names[0])
    values, paths = read_parameters(chapter, parameters), read_inputs(chapter, inputs)
    missing = [i.name for i in chapter.inputs.values() if i.required and i.name not in paths]
    if missing:
        _stop(f"{chapter.id} needs the input {missing[0]}: -i {missing[0]}=PATH.", 2)
    columns, units, options, file = said
    readings = request_readings(chapter, columns, units, options, file and stored_readings(file, chapter.id))
    for name in sorted(set(readings) - set(paths)):
        _stop(f"How {name} is read was said, but it was not handed in: -i {name}=PATH.", 2)
    for name, path in paths.items():
        declared = chapter.inputs[name]
        for note in check_input(path, declared.kind, declared.schema, readings.get(name), name):
            print(f"{path.name}: {note}", file=sys.stderr)
    job = Job(chapter, run_name, values, paths, readings)
    with build_lock():
        if statements is not None:
            RunStore(run_name).state(statements)
        with listener_for(sys.stderr) as listener:
            (outcome,) = execute([job], load_studies(), 1, listener, time_limit, cluster)
        if outcome.state == "failed":
            raise typer.Exit(1)
        _print_sanity(job)
        index = _build_my_site()
    page = next(index.parent.rglob(f"{run_name}/**/{chapter.path.stem}.html"), index)
    print(f"Your page: {page}\nAll your runs: {index}")


def _print_sanity(job: Any) -> None:
    from compendium.run.store import RunStore

    results = (RunStore(job.run).read_results(job.chapter.id) or {})["results"]
    empty = [name for name, entry in results.items() if entry["value"] is None]
    more = f": {', '.join(empty[:4])}{' …' if len(empty) > 4 else ''}" if empty else ""
    print(f"{job.chapter.id}: {len(results)} results, {len(empty)} not estimable{more}")


app.command("compare")(_guard(cli_data.compare))
app.command("protocol")(_guard(cli_data.protocol))


@app.command()
@_guard
def check(
    chapters: Chapters = None, format: Annotated[str, typer.Option(help="text or json.")] = "text"
) -> None:
    """Compare claims with results, and results with their stored references; exit 1 when anything does not hold.

    Examples:

    - `compendium check`
    - `compendium check stadlbauer2025 --format json`
    """
    _check_format(format)
    report = _report_json(chapters or []) if format == "json" else _report_text(chapters or [])
    raise typer.Exit(1 if report.problems else 0)


def _selected(names: list[str]) -> set[str] | None:
    from compendium.run.chapters import find_chapters

    return {c.id for c in find_chapters(names)} if names else None


def _report_json(names: list[str]) -> Any:
    from compendium.run.report import build_report

    report = build_report(_selected(names))
    print(json.dumps(report.as_dict(), indent=1, ensure_ascii=False, allow_nan=False))
    return report


def _report_text(names: list[str]) -> Any:
    from compendium.run.report import build_report

    report = build_report(_selected(names))
    for problem in report.problems:
        print(f"{problem['status']}: {problem['id']}: {problem['message']}")
    t = report.totals
    scored = ", ".join(f"{t[s]} {s}" for s in ("reproduced", "consistent", "tension", "inconsistent"))
    print(
        f"claims: {t['claims']} ({scored}; {t['not testable']} not testable, {t['not scored']} not scored); "
        f"{t['setting claims']} settings; {t['findings']} findings; {t['references']} references; {t['problems']} problems"
    )
    return report


@app.command()
@_guard
def book(
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve the site on this machine after building it.")
    ] = False,
    port: Annotated[int, typer.Option(help="Port for --serve; 0 takes a free one.")] = 8000,
    pdf: Annotated[bool, typer.Option("--pdf", help="Make one PDF of the book (needs Chromium).")] = False,
) -> None:
    """Build the site from the chapters' results; it works offline.

    Examples:

    - `compendium book`
    - `compendium book --serve`
    - `compendium book --pdf`
    """
    from compendium.run.report import build_report
    from compendium.run.store import build_lock, named_runs

    with build_lock():
        report = build_report()
        index = _build_book(report, pdf)
        mine = _build_my_site() if named_runs() else None
    print(f"The book: {index}")
    if pdf:
        print(f"As PDF: {index.with_name('compendium.pdf')}")
    if mine:
        print(f"Your runs: {mine}")
    if serve:
        from compendium.site.serve import serve as serve_site

        serve_site(port)


def _build_book(report: Any, pdf: bool = False) -> Path:
    from compendium.site.build import build_site

    return build_site(report=report.as_dict(), pdf=pdf)


def _build_my_site() -> Path:
    from compendium.site.build import build_site

    return build_site(named=True)


@app.command()
@_guard
def fetch(
    datasets: Annotated[
        list[str] | None, typer.Argument(help="Data sets of data/manifest.yaml; none means all.")
    ] = None,
) -> None:
    """Download data sets by the manifest and verify their sha256 before anything uses them.

    Data sets that cannot be downloaded are listed with how to get them.

    Examples:

    - `compendium fetch`
    """
    from compendium.io.fetch import FetchError
    from compendium.io.fetch import fetch as fetch_datasets

    try:
        outcomes = fetch_datasets(datasets or None)
    except FetchError as error:
        _stop(error, 2)
    for outcome in outcomes:
        if outcome.ok:
            print(outcome.message)
        else:
            print(f"error: {outcome.message}", file=sys.stderr)
    raise typer.Exit(0 if all(outcome.ok for outcome in outcomes) else 1)


@app.command()
@_guard
def accept(
    name: Annotated[
        str, typer.Argument(help="A chapter, or a study, whose present numbers become the reference.")
    ],
) -> None:
    """Show what changed in a chapter's numbers and its study's statuses, and store them as reference.

    Tolerances and their reasons are kept. A study's name accepts all its chapters. When every chapter of the book has
    been executed, the table in README.md is written too. What published data in build/data change is stored beside what
    holds without them, and does not reach README.md.

    Examples:

    - `compendium accept stadlbauer2025/01`
    - `compendium accept grussu2025`
    """
    from compendium.evidence.claims import load_studies
    from compendium.run.chapters import find_chapter, list_chapters
    from compendium.run.report import accept as store
    from compendium.run.report import build_report, gather
    from compendium.site.readme import refresh_readme

    if name in load_studies():
        study, chapters = name, [c for c in list_chapters() if c.study == name]
    else:
        chapters = [find_chapter(name)]
        study = chapters[0].study
    differences, written = store(study, chapters)
    if all(found.results is not None for found in gather().values()):
        report = build_report()
        if not report.with_published_data:
            refresh_readme(report)
    print(
        "\n".join([*differences, *[f"wrote {path}" for path in written]])
        if differences
        else "nothing changed"
    )


@app.command()
@_guard
def audit(
    file: Annotated[Path | None, typer.Argument(help="Printed statistics as YAML or CSV.")] = None,
    format: Annotated[str, typer.Option(help="text or json.")] = "text",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the report page here.")] = None,
    template: Annotated[bool, typer.Option("--template", help="Print a documented example file.")] = False,
) -> None:
    """Ask whether printed statistics of any paper fit together: consistent, in tension, or not compatible.

    Every outcome lists its assumptions; exit 1 when anything is not compatible.

    Examples:

    - `compendium audit --template > paper.yaml`
    - `compendium audit paper.yaml -o report.html`
    - `compendium audit paper.csv --format json`
    """
    from compendium.evidence import audit as engine
    from compendium.evidence.audit_file import read_statements, template_text

    _check_format(format)
    if template:
        print(template_text(), end="")
        return
    if file is None:
        _stop("audit needs a file; --template prints an example.", 2)
        return
    title, statements = read_statements(file)
    try:
        outcomes = engine.audit(statements)
    except ValueError as error:
        _stop(f"{file.name}: {error}", 2)
        return
    if output:
        from compendium.run.store import write_atomically
        from compendium.site.audit_page import audit_page

        write_atomically(output.resolve(), audit_page(title, outcomes))
    rows = [engine.as_row(outcome) for outcome in outcomes]
    if format == "json":
        print(json.dumps({"title": title, "outcomes": rows}, indent=1, ensure_ascii=False))
    else:
        for row in rows:
            extra = f" [{row['convention']}]" if row["convention"] else ""
            print(f"{row['status']}: {row['id']}: {row['check']}{extra}: {row['detail']}")
    raise typer.Exit(1 if any(o.status == "not compatible" for o in outcomes) else 0)


def main() -> None:
    """Run the command line; a request that cannot be read ends with one line and exit code 2."""
    from compendium.run.processes import spare_bytecode

    spare_bytecode()
    try:
        code = app(prog_name="compendium", standalone_mode=False)
    except USAGE_ERROR as error:
        where = error.ctx.command_path if error.ctx else "compendium"
        print(f"error: {' '.join(error.format_message().split())} ({where} --help explains)", file=sys.stderr)
        sys.exit(2)
    except (typer.Abort, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)
