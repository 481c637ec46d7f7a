"""The page "The audit engine": what it reads, an example, and how often it finds planted errors and cries wolf.

The measurements come from ``data/derived/audit/benchmark.json``, which ``benchmarks/audit/bench.py`` writes; the example is
audited while the page is made.
"""

import json
from typing import Any

from compendium import paths
from compendium.site.audit_engine_tables import (
    figure_found,
    found_series,
    table_by_statement,
    table_conventions,
    table_errors,
    table_example,
    table_kinds,
    table_sound,
    table_where_read,
)
from compendium.site.badges import raw
from compendium.site.errors import SiteError

STORED = ("data", "derived", "audit", "benchmark.json")
KEYS = {
    "recipe",
    "seed",
    "papers",
    "statements",
    "errors",
    "date",
    "versions",
    "first",
    "now",
    "fresh",
    "statcheck",
    "sha256",
}
INTRODUCTION = """# The audit engine

`compendium audit FILE` asks whether the printed statistics of any paper fit together. A printed number admits half
a unit of its last digit on both sides; the engine asks whether any values inside all printed intervals satisfy the
arithmetic that ties them. The outcome is *consistent*, *in tension* (it fits only under a less usual convention,
which is named), or *not compatible*, under assumptions that are listed with it. None of these says how a number
came about.

```
python3 run.py audit --template > paper.yaml
python3 run.py audit paper.yaml -o report.html
```

## What it reads
"""
MEASURED = """## How good is it?

An audit that accuses sound papers is worse than none, so it was measured. {papers} papers were simulated: true data
first, then statistics of every kind above computed from them and printed as journals print, each paper in one house
style (decimals, rounding of ties, form of *p*). {clean} of them are sound and usual. {unusual} are sound but follow
a convention that is easily taken for an error. In the other {dirty}, {errors} single errors were planted, one to a
statement, in known places and sizes.

What a reader wants to know of a sound paper is whether *anything* in it is called into question. So false alarms
are counted **per paper** (a paper has about {each} statements), with Wilson's intervals.

**[statcheck](https://doi.org/10.3758/s13428-015-0664-2)** read the same papers, written out in the form of the
American Psychological Association. It reads *t*, *F*, *r*, χ² and *z* with their *p* from text, and nothing else;
it was never meant for percentages, means, intervals or tables. Its rates are therefore given over what it can read
and over everything. By default it also counts "*p* = .000" as an error of reporting, as its authors explain; the
row "zero allowed" is without that rule.

### Sound papers called into question
"""
FIRST = """
The first measurement ({engine}) showed what needed mending, and stays here for that reason: {first} of {clean}
sound papers were called not compatible with themselves. Ratios with their intervals were read as differences, small
groups as large ones, and a share printed as 1.00 as one percent. The engine was mended on these papers, so another
series, which nobody had looked at, was audited once afterwards ("fresh papers").
"""
CONVENTIONS = """### Sound papers with unusual conventions

Conventions that a reader of the numbers alone cannot know. *In tension* is the wanted answer there, with the
convention named; *consistent* where the engine is told what the paper says (fields `sides`, `tests`, `scale`,
`df`).
"""
FOUND = """### Errors found

*Called into question* counts tensions too. Many planted errors cannot be found by anyone: a sign lost beside a *p*,
a last digit that stays inside what the rounding admits, degrees of freedom that hardly matter to *p*. The first
measurement called nearly every ratio with its interval into question, so it also "found" every error in one.
"""
READ = """### Beside statcheck, where it reads

Only errors in statements that statcheck read as tests, so that both had the same to work on.
"""
LIMITS = """### What this does not show

The papers are simulated: real papers hold other statements, and real errors other than these. The engine was
written by people who also wrote the simulation, and reads fields that a person has typed; statcheck reads text by
itself. A *p* from Fisher's exact test beside a χ², or from a corrected test that nobody mentions, is called not
compatible by both, and rightly so only under the assumptions listed.
"""


def audit_engine_page() -> str:
    """Return the page: kinds and their checks, an example, the measurements."""
    text = [INTRODUCTION, raw(table_kinds()), "## An example\n", raw(table_example())]
    stored = _read()
    return "\n".join([*text, *(_measurements(stored) if stored else ["No measurement is stored here.\n"])])


def _read() -> dict[str, Any]:
    path = paths.root().joinpath(*STORED)
    if not path.is_file():
        return {}
    try:
        stored = json.loads(path.read_text(encoding="utf8"))
    except ValueError as error:
        raise SiteError(f"{path.name}: the stored measurements must be valid JSON. {error}") from None
    if missing := sorted(KEYS - set(stored)):
        raise SiteError(f"{path.name}: the measurements must have all keys. Missing: {', '.join(missing)}.")
    return dict(stored)


def _measurements(stored: dict[str, Any]) -> list[str]:
    sizes, now, first = stored["papers"], stored["now"], stored["first"]
    usual = now["untold"]["false_alarms"]["usual"]
    unusual = sum(v["papers"][1] for k, v in now["untold"]["false_alarms"].items() if k != "usual")
    total = usual["papers"][1] + unusual + sizes["with_errors"]
    words = {
        "papers": total, "clean": usual["papers"][1], "unusual": unusual, "dirty": sizes["with_errors"],
        "errors": stored["errors"], "each": round(stored["statements"] / total), "engine": first["engine"],
        "first": first["untold"]["false_alarms"]["usual"]["papers"][0],
    }  # fmt: skip
    return [
        MEASURED.format(**words), raw(table_sound(stored)), FIRST.format(**words),
        CONVENTIONS, raw(table_conventions(stored)),
        FOUND, raw(figure_found(found_series(stored))), raw(table_errors(stored)), READ, raw(table_where_read(stored)),
        "### By kind of statement\n", raw(table_by_statement(now["untold"])),
        LIMITS, _made(stored),
    ]  # fmt: skip


def _made(stored: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in stored["versions"].items())
    statcheck = stored["statcheck"]["version"]
    return (
        f"Measured on {stored['date']} with seed {stored['seed']}; {versions}, statcheck {statcheck}. Made again by "
        f"`{stored['recipe']}`. statcheck (GPL) is no part of this project: R runs it from "
        "`benchmarks/audit/statcheck.R`. A sample of the papers is written and audited again whenever the tests run.\n"
    )
