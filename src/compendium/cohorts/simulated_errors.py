"""Errors planted in simulated papers: one printed field of one statement changed, in a known way and size.

Sizes run from 1 (small) to 3 (large); what they mean stands in `ERRORS`. Nothing here asks whether an error could be found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise

import numpy as np

from compendium.cohorts.simulated_papers import Item, Paper, make_paper

_NUMBER = re.compile(r"[-−]?\d*\.?\d+%?")
_LAST_UNITS = (1, 2, 5)
_SHARES = (0.0, 0.1, 0.3)
_SIZE_FIELDS = {
    "percentage": ("total",),
    "percentages": ("total",),
    "mean": ("n",),
    "correlation": ("n",),
    "auc": ("positives", "negatives"),
    "groups": ("total", "sizes"),
}
_DF_FIELDS = {"t": ("df",), "F": ("df1", "df2"), "chi2": ("df",)}
_SIGNED_FIELDS = {
    "correlation": ("r",),
    "t": ("t",),
    "z": ("z",),
    "interval": ("estimate", "lower", "upper"),
    "groups": ("means",),
    "mean": ("mean",),
}
_WITH_P = ("correlation", "t", "z", "F", "chi2", "interval")


@dataclass(frozen=True)
class ErrorKind:
    """A kind of error: what it does, what its sizes mean, and the statements that it can befall."""

    about: str
    sizes: tuple[str, ...]
    kinds: tuple[str, ...]
    change: Callable[[Item, int, np.random.Generator, Paper], tuple[str, str] | None]


def _pick(names: tuple[str, ...], item: Item, rng: np.random.Generator) -> str | None:
    held = [name for name in names if name in item.values]
    return str(rng.choice(held)) if held else None


def _replace_one(text: str, rng: np.random.Generator, change: Callable[[str], str | None]) -> str | None:
    """Change one number of a text that lists one or more, separated by semicolons."""
    parts = text.split("; ")
    for i in rng.permutation(len(parts)):
        if _NUMBER.fullmatch(parts[i]) and (new := change(parts[i])) and new != parts[i]:
            return "; ".join([*parts[:i], new, *parts[i + 1 :]])
    return None


def _shift(text: str, units: float, rng: np.random.Generator) -> str | None:
    """Add a number of units of the last printed digit, up or down; what stays positive stays positive."""
    body = text.replace("−", "-").removesuffix("%")
    value = Decimal(body)
    step = Decimal(int(units)).scaleb(int(value.as_tuple().exponent))
    signs = [1, -1] if rng.uniform() < 0.5 else [-1, 1]
    for sign in signs:
        new = value + sign * step
        if new > 0 if value == 0 else new * value > 0:
            return _like(text, f"{new:f}")
    return None


def _like(text: str, new: str) -> str:
    """Write a number in the manner of a text: leading zero, minus sign, percent sign."""
    if text.lstrip("-−").startswith("."):
        new = new.replace("0.", ".", 1)
    return new.replace("-", "−" if "−" in text else "-") + ("%" if text.endswith("%") else "")


def _last_digit(item: Item, size: int, rng: np.random.Generator, paper: Paper) -> tuple[str, str] | None:
    for name in rng.permutation(list(item.values)):
        new = _replace_one(item.values[name], rng, lambda text: _shift(text, _LAST_UNITS[size - 1], rng))
        if new:
            return str(name), new
    return None


def _swap(text: str, size: int) -> str | None:
    """Swap two neighbouring digits: the last pair that differs (size 1), or the first (size 2)."""
    places = [i for i, c in enumerate(text) if c.isdigit()]
    pairs = [(i, j) for i, j in pairwise(places) if text[i] != text[j]]
    pairs = [(i, j) for i, j in pairs if not (text[j] == "0" and i == places[0] and j == i + 1)]
    if not pairs:
        return None
    i, j = pairs[-1] if size == 1 else pairs[0]
    new = list(text)
    new[i], new[j] = new[j], new[i]
    return "".join(new)


def _transposition(item: Item, size: int, rng: np.random.Generator, paper: Paper) -> tuple[str, str] | None:
    for name in rng.permutation([n for n in item.values if n != "integers"]):
        new = _replace_one(item.values[name], rng, lambda text: _swap(text, size))
        if new:
            return str(name), new
    return None


def _sign(item: Item, size: int, rng: np.random.Generator, paper: Paper) -> tuple[str, str] | None:
    name = _pick(_SIGNED_FIELDS[item.kind], item, rng)
    new = _replace_one(item.values[name], rng, _flip) if name else None
    return (name, new) if name and new else None


def _flip(text: str) -> str | None:
    if not re.search("[1-9]", text):
        return None
    return text[1:] if text[0] in "-−" else f"-{text}"


def _wrong_size(item: Item, size: int, rng: np.random.Generator, paper: Paper) -> tuple[str, str] | None:
    return _resize(_SIZE_FIELDS[item.kind], item, size, rng)


def _wrong_df(item: Item, size: int, rng: np.random.Generator, paper: Paper) -> tuple[str, str] | None:
    return _resize(_DF_FIELDS[item.kind], item, size, rng)


def _resize(
    names: tuple[str, ...], item: Item, size: int, rng: np.random.Generator
) -> tuple[str, str] | None:
    """Change a count by 1, by a tenth or by three tenths; each size by at least one more than the one before."""

    def change(text: str) -> str | None:
        value = float(text)
        step = max(size, round(_SHARES[size - 1] * value))
        new = value + (step if rng.uniform() < 0.5 or value - step < 4 else -step)
        return f"{new:.{len(text.partition('.')[2])}f}"

    name = _pick(names, item, rng)
    new = _replace_one(item.values[name], rng, change) if name else None
    return (name, new) if name and new else None


def _half_p(item: Item, size: int, rng: np.random.Generator, paper: Paper) -> tuple[str, str] | None:
    return _scaled_p(item, "0.5")


def _slipped_p(item: Item, size: int, rng: np.random.Generator, paper: Paper) -> tuple[str, str] | None:
    large = _NUMBER.fullmatch(item.values.get("p", "<")) and float(item.values["p"]) >= 0.1
    return _scaled_p(item, "0.1" if large else "10")


def _scaled_p(item: Item, factor: str) -> tuple[str, str] | None:
    """Multiply p and print it with as many digits after the point as before."""
    text = item.values.get("p", "<")
    if not _NUMBER.fullmatch(text):
        return None
    old = Decimal(text)
    new = (old * Decimal(factor)).quantize(Decimal(1).scaleb(int(old.as_tuple().exponent)))
    return ("p", _like(text, f"{new:f}")) if 0 < new < 1 else None


def _other_p(item: Item, size: int, rng: np.random.Generator, paper: Paper) -> tuple[str, str] | None:
    others = {other.values["p"] for other in paper.items if "p" in other.values} - {item.values.get("p")}
    return ("p", str(rng.choice(sorted(others)))) if others and "p" in item.values else None


def _sem(item: Item, size: int, rng: np.random.Generator, paper: Paper) -> tuple[str, str] | None:
    def divide(text: str, n: str) -> str:
        return f"{float(text) / float(n) ** 0.5:.{len(text.partition('.')[2])}f}"

    if item.kind == "mean":
        return (
            ("sd", divide(item.values["sd"], item.values["n"])) if {"sd", "n"} <= set(item.values) else None
        )
    if not {"sds", "sizes"} <= set(item.values):
        return None
    pairs = zip(item.values["sds"].split("; "), item.values["sizes"].split("; "), strict=True)
    return "sds", "; ".join(divide(sd, n) for sd, n in pairs)


def _swapped_metrics(item: Item, size: int, rng: np.random.Generator, paper: Paper) -> tuple[str, str] | None:
    """The value of one metric printed for another."""
    names = [
        n for n in ("sensitivity", "specificity", "precision", "npv", "accuracy", "f1") if n in item.values
    ]
    pairs = [(a, b) for a in names for b in names if item.values[a] != item.values[b]]
    if not pairs:
        return None
    first, second = pairs[int(rng.integers(len(pairs)))]
    return first, item.values[second]


_ALL = ("percentage", "percentages", "total", "mean", "auc", "confusion", "groups", *_WITH_P)
ERRORS: dict[str, ErrorKind] = {
    "last digit": ErrorKind("one number off in its last digit", ("by 1", "by 2", "by 5"), _ALL, _last_digit),
    "transposition": ErrorKind(
        "two neighbouring digits swapped", ("last pair", "first pair"), _ALL, _transposition
    ),
    "sign": ErrorKind("a sign lost or gained", ("",), tuple(_SIGNED_FIELDS), _sign),
    "wrong n": ErrorKind(
        "a sample size changed", ("by 1", "by a tenth", "by three tenths"), tuple(_SIZE_FIELDS), _wrong_size
    ),
    "wrong df": ErrorKind(
        "degrees of freedom changed", ("by 1", "by a tenth", "by three tenths"), tuple(_DF_FIELDS), _wrong_df
    ),
    "one-sided p": ErrorKind("p halved and not said", ("",), ("correlation", "t", "z", "interval"), _half_p),
    "slipped point": ErrorKind("p ten times too large or small", ("",), _WITH_P, _slipped_p),
    "other p": ErrorKind("p of another test of the paper", ("",), _WITH_P, _other_p),
    "SEM for SD": ErrorKind("standard errors printed as SD", ("",), ("mean", "groups"), _sem),
    "other metric": ErrorKind("the value of another metric", ("",), ("confusion",), _swapped_metrics),
}
"""Kinds of errors by name."""


def plant_error(item: Item, error: str, size: int, rng: np.random.Generator, paper: Paper) -> Item | None:
    """Plant an error in a statement; None when it has no field that this error could befall, or nothing would change.

    Raises
    ------
    ValueError : unknown error or size.

    Examples
    --------
    >>> paper = make_paper(1, 0)
    >>> changed = plant_error(paper.items[0], "wrong n", 1, np.random.default_rng(1), paper)
    >>> changed.field, paper.items[0].values["total"], changed.values["total"]
    ('total', '135', '134')
    """
    if error not in ERRORS or not 1 <= size <= len(ERRORS[error].sizes):
        raise ValueError(
            f'errors are {", ".join(ERRORS)}, each with its sizes. Given "{error}", size {size}.'
        )
    if item.kind not in ERRORS[error].kinds:
        return None
    changed = ERRORS[error].change(item, size, rng, paper)
    if changed is None or changed[1] == item.values[changed[0]]:
        return None
    values: Mapping[str, str] = {**item.values, changed[0]: changed[1]}
    return replace(item, values=values, error=error, size=size, field=changed[0])


def error_plan() -> list[tuple[str, int, str]]:
    """All (error, size, kind of statement) that can be planted, in a fixed order."""
    return [
        (name, size, kind)
        for name, error in ERRORS.items()
        for size in range(1, len(error.sizes) + 1)
        for kind in error.kinds
    ]


def make_paper_with_errors(seed: int, number: int, errors: int = 4) -> Paper:
    """Write a paper of usual conventions with up to so many errors, each in another statement.

    Paper by paper the plan of `error_plan` is gone through, so that a series holds every combination about equally often;
    one that cannot befall this paper is left out.

    Examples
    --------
    >>> paper = make_paper_with_errors(1, 0)
    >>> [(item.kind, item.error, item.size) for item in paper.items if item.error][:2]
    [('percentage', 'last digit', 1), ('percentages', 'last digit', 1)]
    """
    plan, paper = error_plan(), make_paper(seed, number)
    rng = np.random.default_rng([seed, number, 999])
    items = list(paper.items)
    for j in range(errors):
        error, size, kind = plan[(number * errors + j) % len(plan)]
        for i in rng.permutation(len(items)):
            if items[i].kind == kind and not items[i].error:
                changed = plant_error(items[i], error, size, rng, paper)
                if changed:
                    items[i] = changed
                    break
    return replace(paper, id=f"with errors {number}", items=tuple(items))
