"""What differs between two executions of the same chapter and says nothing: taken out of the notebook."""

import re
from typing import Any

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]{6,}\b")
_KEPT_METADATA = ("kernelspec", "compendium")


def normalise(notebook: Any) -> Any:
    """Return the executed notebook without times, ids, memory addresses and chunk borders of streams.

    Cell ids become their position, so that two executions, in whatever order, give the same bytes.
    """
    notebook.metadata = type(notebook.metadata)(
        {key: notebook.metadata[key] for key in _KEPT_METADATA if key in notebook.metadata},
        language_info={
            "name": "python",
            "file_extension": ".py",
            "mimetype": "text/x-python",
            "pygments_lexer": "ipython3",
        },
    )
    for index, cell in enumerate(notebook.cells):
        cell.id = f"cell-{index:03d}"
        for key in ("papermill", "execution", "lines_to_next_cell", "lines_to_end_of_cell_marker"):
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs = _merge_streams(cell.outputs)
            for output in cell.outputs:
                output.pop("transient", None)
                _strip_addresses(output)
    return notebook


def _merge_streams(outputs: list[Any]) -> list[Any]:
    merged: list[Any] = []
    for output in outputs:
        last = merged[-1] if merged else None
        if output.output_type == "stream" and last is not None and last.get("name") == output.name:
            last.text += output.text
        else:
            merged.append(output)
    return merged


def _strip_addresses(output: Any) -> None:
    if output.output_type == "stream":
        output.text = _ADDRESS.sub("", output.text)
    data = output.get("data", {})
    for kind in ("text/plain", "text/html"):
        if isinstance(data.get(kind), str):
            data[kind] = _ADDRESS.sub("", data[kind])
