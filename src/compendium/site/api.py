"""The API reference, read from the source files without importing them."""

import ast
import inspect
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path

from compendium.site.badges import escape, page_link, raw

SECTIONS = re.compile(r"^([A-Z][A-Za-z ]+)\n-{3,}\s*$", re.MULTILINE)
ITEM_SECTIONS = {"Parameters", "Returns", "Raises", "Yields", "Attributes", "Other Parameters"}
ANCHOR = re.compile(r'class="api-member" id="([^"]+)"')
LITERAL = re.compile(r"`{1,2}([^`]+)`{1,2}")


def api_pages(source: Path, callers: Mapping[str, list[tuple[str, str]]] | None = None) -> dict[str, str]:
    """Return the pages of the reference: `api` and one `api/<package>` for every package below `source`.

    Parameters
    ----------
    source : folder of the package (src/compendium).
    callers : pages and titles of the chapters that import from a module, by its name without the package's.
    """
    groups: dict[str, list[str]] = {}
    first_lines: dict[str, str] = {}
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        if any(part.startswith("_") and part != "__init__" for part in parts):
            continue
        group = parts[0] if len(parts) > 1 else "compendium"
        tree = ast.parse(path.read_text(encoding="utf8"), str(path))
        if parts[-1] == "__init__":
            first_lines[group] = (ast.get_docstring(tree) or "").split("\n")[0]
            continue
        section = _module(".".join(("compendium", *parts)), tree, (callers or {}).get(".".join(parts), []))
        if section:
            groups.setdefault(group, []).append(section)
    pages = {
        f"api/{group}": f"# {_title(group)}\n\n{first_lines.get(group, '')}\n\n" + "\n".join(groups[group])
        for group in sorted(groups)
    }
    listed = "\n".join(
        f"- [{_title(group)}](api/{group}.md): {first_lines.get(group, '')}" for group in sorted(groups)
    )
    opening = (
        "# The package\n\nThe functions that the chapters call, read from their source. "
        "What is below `statistics` takes numbers and arrays, opens no files and draws nothing.\n"
    )
    return {"api": f"{opening}\n{listed}\n", **pages}


def _title(group: str) -> str:
    return group if group == "compendium" else f"compendium.{group}"


def documented_names(pages: Mapping[str, str]) -> frozenset[str]:
    """Return the dotted names that the pages of the reference have anchors for."""
    return frozenset(name for text in pages.values() for name in ANCHOR.findall(text))


def _module(name: str, tree: ast.Module, callers: list[tuple[str, str]]) -> str:
    members = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]
    if not members:
        return ""
    body = [_docstring(ast.get_docstring(tree) or "")]
    if callers:
        links = ", ".join(page_link(page, escape(title), 1) for page, title in callers)
        body.append(f'<p class="api-callers">Called in the chapters {links}.</p>')
    body += [_member(name, node) for node in members]
    listed = raw(f'<div class="api">{"".join(body)}</div>')
    return f"## {name.split('.', 1)[1]}\n{listed}"


def _member(module: str, node: ast.FunctionDef | ast.ClassDef) -> str:
    if isinstance(node, ast.ClassDef):
        fields = [
            n for n in node.body if isinstance(n, ast.AnnAssign) and not ast.unparse(n.target).startswith("_")
        ]
        signature = f"class {node.name}" + (
            f"({', '.join(ast.unparse(n) for n in fields)})" if fields else ""
        )
        methods = [n for n in node.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]
    else:
        signature, methods = _signature(node), []
    anchor = escape(f"{module}.{node.name}")
    inner = "".join(f'<div class="api-method">{_described(_signature(m), m)}</div>' for m in methods)
    return f'<div class="api-member" id="{anchor}">{_described(signature, node)}{inner}</div>'


def _described(signature: str, node: ast.FunctionDef | ast.ClassDef) -> str:
    code = f'<p class="api-signature"><code>{escape(signature)}</code></p>'
    return code + _docstring(ast.get_docstring(node) or "")


def _signature(node: ast.FunctionDef) -> str:
    returns = f" → {ast.unparse(node.returns)}" if node.returns else ""
    return f"{node.name}({ast.unparse(node.args)}){returns}"


def _docstring(text: str) -> str:
    pieces = SECTIONS.split(inspect.cleandoc(text))
    body = _prose(pieces[0])
    for title, content in zip(pieces[1::2], pieces[2::2], strict=True):
        render = _items if title in ITEM_SECTIONS else _prose
        body += f'<p class="api-section">{escape(title)}</p>{render(content)}'
    return body


def _prose(text: str) -> str:
    blocks: list[str] = []
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        if block.lstrip().startswith(">>>") or (block.startswith("    ") and blocks):
            blocks.append(f'<pre tabindex="0">{escape(textwrap.dedent(block))}</pre>')
        elif block.strip():
            blocks.append(f"<p>{_inline(block)}</p>")
    return "".join(blocks)


def _items(text: str) -> str:
    rows, lines = [], textwrap.dedent(text).strip("\n").split("\n")
    for line in lines:
        if line and not line[0].isspace():
            name, _, meaning = line.partition(" : ")
            rows.append([name, meaning])
        elif rows and line.strip():
            rows[-1][1] += f" {line.strip()}"
    listed = "".join(
        f"<dt><code>{escape(name)}</code></dt><dd>{_inline(meaning)}</dd>"
        for name, meaning in rows
        if meaning
    )
    plain = "".join(f"<p>{_inline(name)}</p>" for name, meaning in rows if not meaning)
    return plain + (f"<dl>{listed}</dl>" if listed else "")


def _inline(text: str) -> str:
    return LITERAL.sub(r"<code>\1</code>", escape(" ".join(text.split())))
