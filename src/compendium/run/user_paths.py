"""Notebooks that leave a machine do not tell its folders."""

import ast
import json
import re

_ROOT = r"(?:/|~|[A-Za-z]:[\\/])"
_PATH_LITERAL = re.compile(rf"""(?:"{_ROOT}(?:[^"\\\n]|\\.)*")|(?:'{_ROOT}(?:[^'\\\n]|\\.)*')""")


def without_user_paths(text: str) -> str:
    """Return a notebook's text (JSON) with the file names of what was handed in instead of their paths.

    Papermill writes the parameters of a run into a cell of the notebook and into its metadata, paths included.
    """
    for cell in json.loads(text)["cells"]:
        if "injected-parameters" not in cell.get("metadata", {}).get("tags", []):
            continue
        for literal in _PATH_LITERAL.findall("".join(cell["source"])):
            path = ast.literal_eval(literal)
            name = json.dumps(re.split(r"[\\/]", path.rstrip("/\\"))[-1], ensure_ascii=False)[1:-1]
            for written in (literal[1:-1], path):
                for ascii_only in (True, False):
                    text = text.replace(json.dumps(written, ensure_ascii=ascii_only)[1:-1], name)
    return text
