"""The page "Broken input": what was handed in, and the one line that was said. The tests write its table."""

import json

from compendium import paths
from compendium.site.badges import escape, raw
from compendium.site.errors import SiteError
from compendium.site.tables import html_table

STORED = ("data", "derived", "faults", "faults.json")
INTRODUCTION = """# Broken input

What a person hands in is looked at before anything runs. What cannot be used ends in one line that names the file, the
place, the rule and what was found; the exit code is 2 and nothing is left half-written. The tables below are written by
the tests, which hand in each case and compare: none of their lines is typed.

"""


def faults_page() -> str:
    """Return the page; without a stored table it says so."""
    path = paths.root().joinpath(*STORED)
    if not path.is_file():
        return f"{INTRODUCTION}No table is stored here.\n"
    try:
        faults = json.loads(path.read_text(encoding="utf-8"))["faults"]
        topics = list(dict.fromkeys(fault["topic"] for fault in faults))
        text = [INTRODUCTION, f"{len(faults)} cases in {len(topics)} groups.\n"]
        for topic in topics:
            rows = [
                [escape(f["given"]), f"<code>{escape(f['verb'])}</code>", escape(f["said"])]
                for f in faults
                if f["topic"] == topic
            ]
            text.append(
                f"## {topic}\n{raw(html_table(['Handed in', 'To', 'What came out'], rows, name='inventory faults'))}"
            )
    except (ValueError, LookupError, TypeError) as error:
        raise SiteError(
            f"{'/'.join(STORED)} holds what tests/workflow/test_faults.py writes. {error}"
        ) from None
    return "\n".join(text) + "\n"
