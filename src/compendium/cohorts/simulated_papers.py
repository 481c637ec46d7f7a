"""Papers that never were: true data of many kinds of statements, printed as journals print them.

Every statement of a paper is computed from simulated data before it is rounded, so that an error-free paper is coherent by
construction. `compendium.cohorts.simulated_errors` plants errors. Nothing here knows how an audit works.

A paper follows one house style (rounding of ties, decimals, how p is printed) and one set of conventions: "usual", or one
of `UNUSUAL`, each legitimate and each able to look like an error to a reader who is not told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

import numpy as np
from scipy import stats

from compendium.statistics.auc import delong_interval

Values = dict[str, str]
Maker = Callable[["_Author"], tuple[Values, Values]]
UNUSUAL = (
    "truncated percentages",
    "percentages adjusted to 100",
    "SD with denominator n",
    "one-sided tests",
    "p multiplied by the number of tests",
    "fractional df printed as whole",
    "p of a correlation by Fisher's z",
    "Fisher's exact p beside χ²",
    "bootstrap interval beside a t test",
    "logit interval of an AUROC",
    "sphericity-corrected p beside uncorrected df",
)


@dataclass(frozen=True)
class Item:
    """Printed numbers that belong together.

    `values` is what a reader can copy from the page; `hints` what the paper says in words about how they were made (the
    degrees of freedom of an interval, one-sided tests). `error`, `size` (1 to 3) and `field` say what was planted.
    """

    id: str
    kind: str
    values: Mapping[str, str]
    hints: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    size: int = 0
    field: str = ""


@dataclass(frozen=True)
class Style:
    """How a journal prints."""

    ties: str  # "half up", or "float" as programs format binary numbers
    decimals: int  # of means
    percent_decimals: int
    p_style: str  # "three", "two", "digits", "zeros" or "stars"
    leading_zero: bool
    minus: str


@dataclass(frozen=True)
class Paper:
    """A paper: its style, its conventions and its statements in order."""

    id: str
    style: Style
    convention: str
    items: tuple[Item, ...]


class _Author:
    """Random numbers, style and convention while a paper is written."""

    def __init__(self, rng: np.random.Generator, style: Style, convention: str) -> None:
        self.rng, self.style, self.convention = rng, style, convention

    def number(self, value: float, decimals: int) -> str:
        return print_number(value, decimals, self.style.ties, self.style.minus)

    def share(self, value: float, decimals: int) -> str:
        text = self.number(value, decimals)
        return text if self.style.leading_zero else text.replace("0.", ".", 1) if abs(value) < 1 else text

    def percent(self, count: int, total: int) -> str:
        ties = "truncated" if self.convention == "truncated percentages" else self.style.ties
        return print_number(100 * count / total, self.style.percent_decimals, ties)

    def p(self, value: float) -> str:
        if self.convention == "p multiplied by the number of tests":
            value = min(1.0, value * 3)
        return print_p(value, self.style)

    def sd(self, data: np.ndarray) -> float:
        return float(np.std(data, ddof=0 if self.convention == "SD with denominator n" else 1))

    def tests(self) -> Values:
        return {"tests": "3"} if self.convention == "p multiplied by the number of tests" else {}

    def sides(self) -> tuple[int, Values]:
        one = self.convention == "one-sided tests"
        return (1, {"sides": "1"}) if one else (2, {})


def print_number(value: float, decimals: int, ties: str = "float", minus: str = "-") -> str:
    """Print a number with so many decimals; `ties` is "half up", "truncated" or "float" (binary, as programs format).

    Examples
    --------
    >>> print_number(0.125, 2), print_number(0.125, 2, "half up"), print_number(-1.26, 1, "truncated")
    ('0.12', '0.13', '-1.2')
    """
    if ties == "float":
        text = f"{value:.{decimals}f}"
    else:
        rule = ROUND_HALF_UP if ties == "half up" else ROUND_DOWN
        exact = Decimal(f"{value:.12g}")
        text = f"{exact.quantize(Decimal(1).scaleb(-decimals), rounding=rule):f}"
    negative = text.startswith("-") and any(c in "123456789" for c in text)
    return (minus if negative else "") + text.lstrip("-")


def print_p(p: float, style: Style) -> str:
    """Print a p value in a style.

    Examples
    --------
    >>> three = Style("half up", 1, 1, "three", False, "-")
    >>> print_p(0.0364, three), print_p(0.0002, three)
    ('.036', '<.001')
    """
    if style.p_style == "stars":
        text = next((f"<{edge}" for edge in ("0.001", "0.01", "0.05") if p < float(edge)), ">0.05")
    elif style.p_style == "zeros":
        text = print_number(p, 3, style.ties)
    elif style.p_style == "two":
        text = "<0.01" if p < 0.01 else print_number(p, 2, style.ties)
    elif p < 0.001:
        text = "<0.001"
    elif style.p_style == "three":
        text = print_number(p, 3, style.ties)
    else:
        text = print_number(p, 3 if p < 0.1 else 2, style.ties)
    return text if style.leading_zero or text.startswith("1") else text.replace("0.", ".", 1)


def _percentage(a: _Author) -> tuple[Values, Values]:
    total = int(a.rng.integers(15, 400))
    count = int(a.rng.binomial(total, a.rng.uniform(0.05, 0.95)))
    return {"percent": a.percent(count, total), "count": f"{count}", "total": f"{total}"}, {}


def _percentages(a: _Author) -> tuple[Values, Values]:
    total = int(a.rng.integers(15, 300))
    counts = a.rng.multinomial(total, a.rng.dirichlet([3.0] * int(a.rng.integers(3, 5))))
    shown = [a.percent(int(k), total) for k in counts]
    if a.convention == "percentages adjusted to 100":
        shown = _adjusted(counts, total, a.style.percent_decimals)
    return {
        "counts": "; ".join(map(str, counts)),
        "total": f"{total}",
        "percents": "; ".join(shown),
    }, {}


def _adjusted(counts: np.ndarray, total: int, decimals: int) -> list[str]:
    """Percentages by largest remainders: they add to exactly 100."""
    unit = 10**decimals
    exact = 100 * unit * np.asarray(counts) / total
    units = np.floor(exact + 1e-9).astype(int)
    for i in np.argsort(-(exact - units), kind="stable")[: 100 * unit - units.sum()]:
        units[i] += 1
    return [f"{u / unit:.{decimals}f}" for u in units]


def _total(a: _Author) -> tuple[Values, Values]:
    parts = a.rng.integers(1, 120, int(a.rng.integers(2, 6)))
    return {"parts": "; ".join(map(str, parts)), "whole": f"{parts.sum()}"}, {}


def _measurements(rng: np.random.Generator, n: int) -> np.ndarray:
    """Values of one of several shapes and scales."""
    shape, scale = int(rng.integers(4)), 10 ** rng.uniform(0.3, 3.0)
    if shape == 0:
        return scale * (3 + rng.normal(size=n))
    if shape == 1:
        return scale * rng.lognormal(0, rng.uniform(0.3, 1.1), n)
    if shape == 2:
        return scale * rng.uniform(0, 1, n)
    return scale * np.where(rng.uniform(size=n) < 0.15, 5, 1) * (1 + 0.1 * rng.normal(size=n))


def _mean(a: _Author) -> tuple[Values, Values]:
    n = int(a.rng.integers(6, 130))
    if a.rng.uniform() < 0.4:  # whole numbers, such as ratings
        top = int(a.rng.choice([5, 7, 10, 100]))
        data = np.clip(np.round(a.rng.normal(0.55 * top, 0.2 * top, n)), 0, top)
        decimals, ends, extra = 2, 0, {"integers": "yes"}
    else:
        data, extra = _measurements(a.rng, n), {}
        decimals = ends = a.style.decimals
    shown = {"mean": data.mean(), "sd": a.sd(data)}
    values = {k: a.number(float(v), decimals) for k, v in shown.items()}
    values |= {"n": f"{n}", "minimum": a.number(data.min(), ends), "maximum": a.number(data.max(), ends)}
    return values | extra, {}


def _correlation(a: _Author) -> tuple[Values, Values]:
    n, truth = int(a.rng.integers(7, 90)), a.rng.uniform(-0.75, 0.75)
    x, noise = a.rng.normal(size=(2, n))
    r, p = stats.pearsonr(x, truth * x + np.sqrt(1 - truth**2) * noise)
    if a.convention == "p of a correlation by Fisher's z":
        p = 2 * stats.norm.sf(abs(np.arctanh(r)) * np.sqrt(n - 3))
    sides, hints = a.sides()
    values = {"r": a.share(float(r), int(a.rng.choice([2, 2, 3]))), "n": f"{n}", "p": a.p(p * sides / 2)}
    return values, hints | a.tests()


def _sizeless(a: _Author) -> tuple[Values, Values]:
    """A correlation whose n is not printed beside it."""
    values, hints = _correlation(a)
    return {k: v for k, v in values.items() if k != "n"}, hints


def _t(a: _Author) -> tuple[Values, Values]:
    n1, n2 = a.rng.integers(5, 50, 2)
    effect, ratio = a.rng.uniform(0, 1.3), a.rng.uniform(0.4, 2.5)
    equal = bool(a.rng.uniform() < 0.5)
    x, y = a.rng.normal(effect, 1, n1), a.rng.normal(0, 1 if equal else ratio, n2)
    found = stats.ttest_ind(x, y, equal_var=equal)
    sides, hints = a.sides()
    decimals = 0 if equal or a.convention == "fractional df printed as whole" else int(a.rng.choice([1, 2]))
    values = {"t": a.number(float(found.statistic), 2), "df": a.number(float(found.df), decimals)}
    return values | {"p": a.p(float(found.pvalue) * sides / 2)}, hints | a.tests()


def _z(a: _Author) -> tuple[Values, Values]:
    z = float(a.rng.normal(1.5, 1.5))
    sides, hints = a.sides()
    return {"z": a.number(z, 2), "p": a.p(float(sides * stats.norm.sf(abs(z))))}, hints | a.tests()


def _anova(a: _Author) -> tuple[Values, Values]:
    sizes = a.rng.integers(5, 40, int(a.rng.integers(3, 6)))
    centres = a.rng.normal(0, 0.35, len(sizes))
    f, p = stats.f_oneway(*[a.rng.normal(c, 1, n) for c, n in zip(centres, sizes, strict=True)])
    df = len(sizes) - 1, int(sizes.sum() - len(sizes))
    if a.convention == "sphericity-corrected p beside uncorrected df":
        epsilon = a.rng.uniform(0.55, 0.95)
        p = stats.f.sf(f, epsilon * df[0], epsilon * df[1])
    values = {"F": a.number(float(f), 2), "df1": f"{df[0]}", "df2": f"{df[1]}", "p": a.p(float(p))}
    return values, a.tests()


def _chi2(a: _Author) -> tuple[Values, Values]:
    exact = a.convention == "Fisher's exact p beside χ²"
    rows, columns = 2, 2 if exact else int(a.rng.choice([2, 2, 3, 4]))
    totals, base = a.rng.integers(15, 90, rows), a.rng.dirichlet([4.0] * columns)
    table = np.array([a.rng.multinomial(n, a.rng.dirichlet(base * 25)) for n in totals])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return _chi2(a)
    found = stats.chi2_contingency(table, correction=False)
    p = float(stats.fisher_exact(table).pvalue) if exact else float(found.pvalue)
    values = {"chi2": a.number(float(found.statistic), 2), "df": f"{found.dof}", "p": a.p(p)}
    return values, a.tests()


def _difference(a: _Author) -> tuple[Values, Values]:
    """Difference of two means, its interval and p; t quantiles, so that small groups have wider intervals."""
    n1, n2 = a.rng.integers(5, 60, 2)
    x, y = a.rng.normal(a.rng.uniform(0, 1.2), 1, n1) * 10, a.rng.normal(0, 1, n2) * 10
    found = stats.ttest_ind(x, y)
    low, high = found.confidence_interval()
    if a.convention == "bootstrap interval beside a t test":
        draws = a.rng.choice(x, (400, n1)).mean(axis=1) - a.rng.choice(y, (400, n2)).mean(axis=1)
        low, high = np.quantile(draws, [0.025, 0.975])
    shown = {"estimate": x.mean() - y.mean(), "lower": low, "upper": high}
    values = {k: a.number(float(v), a.style.decimals) for k, v in shown.items()}
    return values | {"p": a.p(float(found.pvalue))}, {"df": f"{n1 + n2 - 2}"} | a.tests()


def _ratio(a: _Author) -> tuple[Values, Values]:
    """Odds ratio of a 2 × 2 table with Woolf's interval and Wald's p."""
    cells = a.rng.integers(4, 60, 4)
    log, error = np.log(cells[0] * cells[3] / (cells[1] * cells[2])), np.sqrt((1 / cells).sum())
    shown = {"estimate": log, "lower": log - 1.959964 * error, "upper": log + 1.959964 * error}
    values = {k: a.number(float(np.exp(v)), 2) for k, v in shown.items()}
    return values | {"p": a.p(float(2 * stats.norm.sf(abs(log / error))))}, {"scale": "ratio"} | a.tests()


def _auc(a: _Author) -> tuple[Values, Values]:
    positives, negatives = (int(n) for n in a.rng.integers(8, 150, 2))
    spread = a.rng.uniform(0.5, 2.0)
    high, low = a.rng.normal(a.rng.uniform(0.2, 2.5), spread, positives), a.rng.normal(0, 1, negatives)
    if a.rng.uniform() < 0.3:  # scores on a coarse scale: ties
        high, low = np.round(high), np.round(low)
    labels = np.repeat([1, 0], [positives, negatives])
    scale = "logit" if a.convention == "logit interval of an AUROC" else "plain"
    area = delong_interval(labels, np.concatenate([high, low]), scale=scale)
    found = area.estimate, max(0.0, area.lower), min(1.0, area.upper)
    digits = int(a.rng.choice([2, 3, 3]))
    values = {k: a.share(v, digits) for k, v in zip(("auc", "lower", "upper"), found, strict=True)}
    return values | {"positives": f"{positives}", "negatives": f"{negatives}"}, {}


def _confusion(a: _Author) -> tuple[Values, Values]:
    ill, well = (int(n) for n in a.rng.integers(12, 200, 2))
    tp, tn = (
        int(a.rng.binomial(ill, a.rng.uniform(0.5, 0.98))),
        int(a.rng.binomial(well, a.rng.uniform(0.5, 0.98))),
    )
    fn, fp = ill - tp, well - tn
    cells = {"tp": tp, "fp": fp, "fn": fn, "tn": tn}
    parts = {
        "sensitivity": (tp, ill),
        "specificity": (tn, well),
        "precision": (tp, tp + fp),
        "npv": (tn, tn + fn),
        "accuracy": (tp + tn, ill + well),
        "f1": (2 * tp, 2 * tp + fp + fn),
    }
    chosen = [m for m in parts if m in ("sensitivity", "specificity") or a.rng.uniform() < 0.5]
    as_percent = bool(a.rng.uniform() < 0.6)
    metrics = {
        m: a.percent(*parts[m]) + "%" if as_percent else a.share(parts[m][0] / parts[m][1], 2)
        for m in chosen
        if parts[m][1] and (as_percent or a.convention != "truncated percentages")
    }
    if not metrics:
        metrics = {"sensitivity": a.percent(tp, ill) + "%"}
    return {k: f"{v}" for k, v in cells.items()} | metrics, {}


def _groups(a: _Author) -> tuple[Values, Values]:
    sizes = [int(n) for n in a.rng.integers(6, 60, int(a.rng.integers(2, 4)))]
    scale = 10 ** a.rng.uniform(0.5, 3)
    data = [scale * a.rng.normal(a.rng.uniform(2, 5), 1, n) for n in sizes]
    everything = np.concatenate(data)
    decimals = a.style.decimals
    values = {
        "sizes": "; ".join(map(str, sizes)),
        "means": "; ".join(a.number(float(d.mean()), decimals) for d in data),
        "sds": "; ".join(a.number(a.sd(d), decimals) for d in data),
        "total": f"{len(everything)}",
        "pooled_mean": a.number(float(everything.mean()), decimals),
        "pooled_sd": a.number(a.sd(everything), decimals),
    }
    return values, {}


def _two_means(a: _Author) -> tuple[Values, Values]:
    """Means of two groups whose sizes are not printed."""
    values, _ = _groups(a)
    while values["sizes"].count(";") != 1:
        values, _ = _groups(a)
    return {k: values[k] for k in ("means", "pooled_mean", "total")}, {}


MAKERS: dict[str, tuple[str, Maker]] = {
    "percentage": ("percentage", _percentage),
    "percentages": ("percentages", _percentages),
    "total": ("total", _total),
    "mean": ("mean", _mean),
    "correlation": ("correlation", _correlation),
    "correlation without n": ("correlation", _sizeless),
    "t": ("t", _t),
    "z": ("z", _z),
    "F": ("F", _anova),
    "chi2": ("chi2", _chi2),
    "difference": ("interval", _difference),
    "ratio": ("interval", _ratio),
    "auc": ("auc", _auc),
    "confusion": ("confusion", _confusion),
    "groups": ("groups", _groups),
    "groups without sizes": ("groups", _two_means),
}
"""What a paper is made of: name → kind of statement, and how one is made."""


def make_paper(seed: int, number: int, convention: str = "usual") -> Paper:
    """Write an error-free paper of 16 to 48 statements.

    Parameters
    ----------
    seed, number : of the series and of the paper in it; the same pair gives the same paper.
    convention : "usual" or one of `UNUSUAL`.

    Raises
    ------
    ValueError : unknown convention.

    Examples
    --------
    >>> paper = make_paper(1, 0)
    >>> paper == make_paper(1, 0), {item.error for item in paper.items}
    (True, {''})
    """
    if convention not in ("usual", *UNUSUAL):
        raise ValueError(f'convention is "usual" or one of {", ".join(UNUSUAL)}. Given "{convention}".')
    which = ("usual", *UNUSUAL).index(convention)
    rng = np.random.default_rng([seed, number, which])
    author = _Author(rng, _draw_style(rng), convention)
    items = []
    for name, (kind, maker) in MAKERS.items():
        for i in range(int(rng.integers(1, 4))):
            values, hints = maker(author)
            items.append(Item(f"{name} {i + 1}", kind, values, hints))
    return Paper(f"{convention} {number}", author.style, convention, tuple(items))


def _draw_style(rng: np.random.Generator) -> Style:
    return Style(
        ties=str(rng.choice(["half up", "float"])),
        decimals=int(rng.choice([1, 1, 2])),
        percent_decimals=int(rng.choice([0, 1, 1])),
        p_style=str(
            rng.choice(["three", "two", "digits", "zeros", "stars"], p=[0.45, 0.15, 0.25, 0.05, 0.1])
        ),
        leading_zero=bool(rng.uniform() < 0.5),
        minus=str(rng.choice(["-", "−"])),
    )


def write_apa(paper: Paper) -> list[str]:
    """Write each statement as a sentence; tests in the form of the American Psychological Association."""
    return [_SENTENCES[item.kind](dict(item.values)) for item in paper.items]


def _test(name: str, v: Values) -> str:
    p = v["p"] if v["p"][0] in "<>" else f"= {v['p']}"
    p = f"{p[0]} {p[1:].strip()}"
    return f"{name}, p {p}."


def _correlation_text(v: Values) -> str:
    name = f"r({int(v['n']) - 2})" if "n" in v else "r"
    return "They were related, " + _test(f"{name} = {v['r']}", v)


def _listed(v: Values) -> str:
    return "Table: " + ", ".join(f"{k} {text}" for k, text in v.items()) + "."


_SENTENCES: dict[str, Callable[[Values], str]] = {
    "percentage": lambda v: f"Of {v['total']} patients, {v['count']} ({v['percent']}%) had it.",
    "percentages": _listed,
    "total": _listed,
    "mean": lambda v: (
        f"The mean was {v['mean']} (SD {v['sd']}, range {v['minimum']} to {v['maximum']}, n = {v['n']})."
    ),
    "correlation": _correlation_text,
    "t": lambda v: "The groups differed, " + _test(f"t({v['df']}) = {v['t']}", v),
    "z": lambda v: "The shares differed, " + _test(f"z = {v['z']}", v),
    "F": lambda v: "The groups differed, " + _test(f"F({v['df1']}, {v['df2']}) = {v['F']}", v),
    "chi2": lambda v: "The shares differed, " + _test(f"χ2({v['df']}) = {v['chi2']}", v),
    "interval": lambda v: _test(f"The effect was {v['estimate']} (95% CI {v['lower']} to {v['upper']})", v),
    "auc": lambda v: (
        f"The AUC was {v['auc']} (95% CI {v['lower']} to {v['upper']}; "
        f"{v['positives']} with and {v['negatives']} without)."
    ),
    "confusion": _listed,
    "groups": _listed,
}
