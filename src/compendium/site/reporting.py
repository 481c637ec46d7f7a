"""The methods paragraph of a chapter: what it estimates and how, with the versions that ran, for a manuscript.

What the chapter's author declares (`methods` in the notebook's header) stands beside what the run recorded: parameters,
inputs, versions. Guidelines are named by the items that the paragraph answers; whether a study follows them is for the
study to say.
"""

from typing import Any

from compendium import __version__
from compendium.site.badges import escape, inline_markdown
from compendium.site.content import ChapterEntry

DECLARED = {
    "estimand": "What is estimated",
    "unit": "Unit of analysis",
    "analysis": "Analysis",
    "missing": "Missing values",
    "reporting": "Answers, of reporting guidelines",
}
"""What a chapter declares, in the order in which it is read."""
CITED_PACKAGES = ("numpy", "scipy", "pandas", "statsmodels", "scikit-learn", "simpleitk")


def methods_block(chapter: ChapterEntry) -> str:
    """Return the folded paragraph as HTML; empty for a chapter that declares nothing."""
    declared = chapter.provenance.get("methods") or {}
    if not declared:
        return ""
    sentences = [
        f"<strong>{heading}.</strong> {inline_markdown(_sentence(declared[key]))}"
        for key, heading in DECLARED.items()
        if declared.get(key)
    ]
    sentences[-1:-1] = [
        f"<strong>Data.</strong> {_data(chapter)}",
        f"<strong>Settings.</strong> {_settings(chapter)}",
    ]
    sentences.append(f"<strong>Software.</strong> {_software(chapter)}")
    text = " ".join(sentences)
    return f'<details class="methods"><summary>Methods paragraph, for a manuscript</summary><p>{text}</p></details>'


def _sentence(text: str) -> str:
    text = " ".join(str(text).split())
    return text if text.endswith(".") else f"{text}."


def _data(chapter: ChapterEntry) -> str:
    inputs = chapter.provenance.get("inputs", {})
    if not inputs:
        return "The numbers that the paper prints; nothing was handed in."
    listed = [
        f"{escape(name)}: {escape(str(facts['path']))} (sha256 {escape(facts['sha256'][:12])}…)"
        for name, facts in inputs.items()
    ]
    return f"Handed in: {'; '.join(listed)}."


def _settings(chapter: ChapterEntry) -> str:
    changed: dict[str, Any] = chapter.provenance.get("changed") or {}
    values = chapter.provenance.get("parameters", {})
    listed = ", ".join(
        f"{escape(name)} = {escape(str(value))}" for name, value in values.items() if value != ""
    )
    if not listed:
        return "None."
    if not changed:
        return f"All at their defaults: {listed}."
    return f"{listed}; not at the default: {', '.join(escape(name) for name in changed)}."


def _software(chapter: ChapterEntry) -> str:
    provenance = chapter.provenance
    versions = provenance.get("packages", {})
    named = [f"{name} {escape(versions[name])}" for name in CITED_PACKAGES if name in versions]
    source = str(provenance.get("fingerprint", {}).get("source", ""))[:12]
    return (
        f"The compendium {__version__}, chapter {escape(chapter.id)} (sha256 {escape(source)}…), "
        f"Python {escape(str(provenance.get('python', '')))}, {', '.join(named)}."
    )
