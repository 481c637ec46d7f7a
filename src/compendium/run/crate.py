"""Every run describes itself: an RO-Crate with the files of its chapters, what they were made from, and how.

A crate is one zip: `ro-crate-metadata.json` (RO-Crate 1.3, with the terms of Process Run Crate 0.5) beside the executed
notebooks, results, figures, tables and written files. What was handed in is named with its checksum and stays where it
is. The same results give the same bytes, apart from the times at which the chapters ran.
"""

from __future__ import annotations

import hashlib
import json
import mimetypes
import zipfile
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from compendium import __version__
from compendium.io.practice import ITEMS, Standing, standing_of
from compendium.run.chapters import list_chapters
from compendium.run.schemas import SCHEMAS
from compendium.run.store import PUBLISHED, RunStore
from compendium.run.user_paths import without_user_paths

PROCESS_RUN = "https://w3id.org/ro/wfrun/process/0.5"
COMPLETED = "http://schema.org/CompletedActionStatus"
METADATA = "ro-crate-metadata.json"
_KINDS_OF_GROUPS = {"group"}  # declared as an identifier, but of many rows
_DECLARED = {f.name for schema in SCHEMAS.values() for f in schema.fields if f.type == "id"}
_IDENTIFIERS = _DECLARED - _KINDS_OF_GROUPS
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)
_KINDS = {".ipynb": "application/x-ipynb+json", ".gz": "application/gzip", ".md": "text/markdown"}


def crate_path(run: str = PUBLISHED) -> Path:
    """Return where a run's crate lies."""
    return RunStore(run).folder / f"{run}.crate.zip"


def write_crate(run: str = PUBLISHED) -> Path:
    """Write the crate of a run's finished chapters; an unfinished crate is never left behind."""
    store, target = RunStore(run), crate_path(run)
    content = dict(sorted(_payload(store)))
    graph = describe_run(run, {name: _facts(name, data) for name, data in content.items()})
    text = json.dumps(graph, indent=1, ensure_ascii=False) + "\n"
    scratch = target.with_suffix(".tmp")
    try:
        with zipfile.ZipFile(scratch, "w") as archive:
            for name, data in {METADATA: text.encode(), **content}.items():
                archive.writestr(zipfile.ZipInfo(name, _FIXED_TIME), data, zipfile.ZIP_DEFLATED)
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)
    return target


def _payload(store: RunStore) -> Iterator[tuple[str, bytes]]:
    """Name in the crate and bytes of every file of a finished chapter."""
    for chapter in list_chapters():
        sidecar = store.read_provenance(chapter.id)
        if sidecar is None or store.damage(chapter.id, sidecar):
            continue
        for name in sidecar.get("files", {}):
            data = (store.folder / name).read_bytes()
            if store.run != PUBLISHED and name.endswith(".csv") and holds_identifiers(data):
                continue
            yield name, without_user_paths(data.decode()).encode() if name.endswith(".ipynb") else data
        source = chapter.path.read_bytes()
        if hashlib.sha256(source).hexdigest() == sidecar["fingerprint"]["source"]:
            yield _source_name(chapter.id), source
    if store.statements.is_file():
        yield store.statements.name, store.statements.read_bytes()


def holds_identifiers(data: bytes) -> bool:
    """Tell whether a CSV file has a column of identifiers, as the kinds of tables declare them.

    >>> holds_identifiers(b"patient,imaging_adc"), holds_identifiers(b"group,n")
    (True, False)
    """
    header = data.partition(b"\n")[0].decode("utf-8", "replace").strip().split(",")
    return not _IDENTIFIERS.isdisjoint(name.strip().strip('"').casefold() for name in header)


def _source_name(chapter_id: str) -> str:
    return f"analysis/{chapter_id}.py"


def _facts(name: str, data: bytes) -> dict[str, Any]:
    suffix = Path(name).suffix
    kind = _KINDS.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return {
        "name": Path(name).name,
        "contentSize": str(len(data)),
        "sha256": hashlib.sha256(data).hexdigest(),
        "encodingFormat": kind,
    }


def describe_run(run: str, files: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the metadata of a run as JSON-LD.

    Parameters
    ----------
    run : its name.
    files : name in the crate → properties of every file in it.
    """
    from rocrate.model import ContextEntity
    from rocrate.rocrate import ROCrate

    crate, store = ROCrate(), RunStore(run)
    for name, facts in files.items():
        kind = {"@type": ["File", "SoftwareSourceCode"]} if name.startswith("analysis/") else {}
        crate.add_file(dest_path=name, properties={**kind, **facts})
    software = crate.add(ContextEntity(crate, "#compendium", _software()))
    found = [store.read_provenance(chapter.id) for chapter in list_chapters()]
    sidecars = [sidecar for sidecar in found if sidecar and any(name in files for name in sidecar["files"])]
    standing = standing_of(store.read_statements())
    agent = _add_agent(crate, run, standing)
    actions = [_add_action(crate, sidecar, software, agent) for sidecar in sidecars]
    crate.add(ContextEntity(crate, PROCESS_RUN, _profile()))
    _describe_root(crate, run, sidecars, standing)
    crate.root_dataset["mentions"] = _one_or_many(actions)
    graph = crate.metadata.generate()
    return {
        **graph,
        "@graph": sorted(graph["@graph"], key=lambda e: (e["@id"] not in ("./", METADATA), e["@id"])),
    }


def _software() -> dict[str, Any]:
    return {
        "@type": "SoftwareApplication",
        "name": "The compendium",
        "description": "Five papers on MRI and tissue under the microscope, recomputed; chapters run on new data",
        "softwareVersion": __version__,
    }


def _add_agent(crate: Any, run: str, standing: Standing) -> Any:
    """Add who is behind a run: the developers for the book's own, else whom the person named, or nobody."""
    from rocrate.model import ContextEntity

    name = "The developers of the compendium" if run == PUBLISHED else standing.stated.get("contact")
    return (
        crate.add(ContextEntity(crate, "#agent", {"@type": "Organization", "name": name})) if name else None
    )


def _profile() -> dict[str, Any]:
    return {"@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}


def _add_source(crate: Any, sidecar: Mapping[str, Any], software: Any) -> Any:
    """Describe the notebook that ran: a file of the crate, unless it has changed since."""
    from rocrate.model import ContextEntity

    name = _source_name(sidecar["chapter"])
    facts = {
        "name": name,
        "version": __version__,
        "sha256": sidecar["fingerprint"]["source"],
        "programmingLanguage": crate.add(ContextEntity(crate, "#python", _language(sidecar["python"]))),
        "softwareRequirements": [f"{name} {version}" for name, version in sidecar["packages"].items()],
        "isPartOf": software,
    }
    source = crate.dereference(name)
    if source is None:
        return crate.add(ContextEntity(crate, f"#{name}", {"@type": "SoftwareSourceCode", **facts}))
    for key, value in facts.items():
        source[key] = value
    return source


def _language(version: str) -> dict[str, Any]:
    return {"@type": "ComputerLanguage", "name": "Python", "version": version}


def _add_action(crate: Any, sidecar: Mapping[str, Any], software: Any, agent: Any) -> Any:
    """Add what one execution used and made."""
    from rocrate.model import ContextEntity

    chapter, kind = sidecar["chapter"], ContextEntity
    used = [
        crate.add(kind(crate, f"#{chapter}/input/{name}", _handed_in(name, facts)))
        for name, facts in sidecar["inputs"].items()
    ]
    used += [
        crate.add(kind(crate, f"#{chapter}/parameter/{name}", _parameter(name, value)))
        for name, value in sidecar["parameters"].items()
    ]
    action = {
        "@type": "CreateAction",
        "name": f"Execution of {chapter}",
        "description": sidecar["reason"],
        "agent": agent,
        "instrument": _add_source(crate, sidecar, software),
        "object": used,
        "result": [made for name in sidecar["files"] if (made := crate.dereference(name)) is not None],
        "startTime": sidecar["started"],
        "endTime": _end(sidecar),
        "actionStatus": COMPLETED,
    }
    given = {key: _one_or_many(value) for key, value in action.items() if value}
    return crate.add(kind(crate, f"#{chapter}/run", given))


def _one_or_many(value: Any) -> Any:
    """Return the value of a property as RO-Crate recommends it: no list of one."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _end(sidecar: Mapping[str, Any]) -> str:
    started = datetime.fromisoformat(sidecar["started"])
    return (started + timedelta(seconds=sidecar["seconds"])).isoformat(timespec="seconds")


def _handed_in(name: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Describe an input by name and checksum: it is not part of the crate."""
    return {
        "@type": "CreativeWork",
        "name": str(facts["path"]),
        "description": f"handed in as {name}; not part of this crate",
        "sha256": facts["sha256"],
        "size": f"{facts['bytes']} bytes",
    }


def _parameter(name: str, value: Any) -> dict[str, Any]:
    return {"@type": "PropertyValue", "name": name, "value": str(value)}


def _describe_root(crate: Any, run: str, sidecars: list[dict[str, Any]], standing: Standing) -> None:
    from rocrate.model import ContextEntity

    about = crate.root_dataset
    about["name"] = "The compendium, its own run" if run == PUBLISHED else f"Run {run} of the compendium"
    chapters = ", ".join(s["chapter"] for s in sidecars) or "none"
    missing = ", ".join(standing.missing) or "nothing"
    kept = {entity.id for entity in crate.data_entities}
    left_out = sum(name not in kept for sidecar in sidecars for name in sidecar["files"])
    hidden = f" Tables with identifiers row by row are left out: {left_out}." if left_out else ""
    about["description"] = (
        f"Executed chapters: {chapters}.{hidden} Of what {len(ITEMS)} questions on practice ask, not stated: {missing}."
    )
    if sidecars:
        about["datePublished"] = max(_end(s) for s in sidecars)
    about["conformsTo"] = {"@id": PROCESS_RUN}
    licence = standing.stated.get("licence")
    about["license"] = crate.add(
        ContextEntity(
            crate,
            "#licence",
            {
                "@type": "CreativeWork",
                "name": licence or "not stated",
                "description": licence or "Nobody stated on which terms these results may be used",
            },
        )
    )
    stated = {**standing.stated, **{k: f"not applicable: {v}" for k, v in standing.not_applicable.items()}}
    properties = [
        crate.add(
            ContextEntity(crate, f"#practice/{key}", {**_parameter(key, text), "description": _asks(key)})
        )
        for key, text in stated.items()
    ]
    if properties:
        about["additionalProperty"] = _one_or_many(properties)


def _asks(key: str) -> str:
    return next(f"{item.question} (bischof2024, {item.place})" for item in ITEMS if item.key == key)
