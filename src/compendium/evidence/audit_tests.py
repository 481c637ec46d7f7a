"""Audit checks of tests: p from r, t, z, F and χ², and from an estimate with its interval."""

from collections.abc import Callable
from math import atanh, inf, sqrt
from typing import Any

from compendium.evidence.audit_reading import Outcome, Reader, information
from compendium.evidence.feasibility import conversions, intervals
from compendium.evidence.feasibility.verdict import Verdict, as_floats, judge

LARGEST_N = 5000
"""Unprinted sample sizes are looked for up to here."""
ORDINARY_DF = 4
"""A t quantile with fewer degrees of freedom (three values a group) is named where it is needed."""
Fit = tuple[str, Callable[[], Verdict]]


def printed_p(read: Reader, times: int | None = None) -> tuple[float, float]:
    """The p that a single test has, as a range: the printed one divided by the number of tests it was multiplied by."""
    times = times or (read.whole("tests") if "tests" in read else 1)
    if times < 1:
        raise read.error("tests", f"p is multiplied by 1 or more. Given {times}.")
    low, high = as_floats(read.interval("p"))
    return low / times, inf if times > 1 and high >= 1 else high / times


def first_fit(read: Reader, tries: list[Fit]) -> Outcome:
    """The outcome of the first convention that fits; only the first, unnamed one is consistent."""
    verdicts = []
    for convention, attempt in tries:
        verdict = attempt()
        if verdict.compatible:
            return read.outcome(verdict, convention=convention)
        verdicts.append(verdict)
    return read.outcome(verdicts[0])


def _one_convention(kind: str, statistic: Any, df: Any, p: Any, sides: int) -> Verdict:
    """Printed p against the p of a statistic with so many sides."""
    implied = conversions.p_range(kind, statistic, df, sides=sides)
    assumed = ["the statistic has its textbook null distribution", "no correction for several tests"]
    assumed += [f"{'two' if sides == 2 else 'one'}-sided p"] if kind in ("t", "z", "r") else []
    assumed += ["p by the t approximation, n pairs independent"] if kind == "r" else []
    return judge(f"p from {kind}", implied, as_floats(p), tuple(assumed))


def _check_test(read: Reader, kind: str, statistic: Any, df: Any, more: list[Fit]) -> Outcome:
    """p from a statistic, under ordinary conventions first."""
    p = printed_p(read)
    told = read.whole("sides") if "sides" in read else 2
    if told not in (1, 2):
        raise read.error("sides", f"A test has 1 or 2 sides. Given {told}.")

    def checked(p: tuple[float, float], sides: int = told) -> Verdict:
        return _one_convention(kind, statistic, df, p, sides)

    tries: list[Fit] = [("", lambda: checked(p))]
    if kind not in ("F", "chi2"):
        tries += [("one-sided p" if told == 2 else "two-sided p", lambda: checked(p, 3 - told))]
    outcome = first_fit(read, tries + more)
    if outcome.status != "not compatible" or "tests" in read:
        return outcome
    return outcome.with_detail(_multiple(lambda times: checked(printed_p(read, times)).compatible))


def _multiple(fits_with: Callable[[int], bool]) -> str:
    """Say by what number of tests p would have to be multiplied, if there is one up to twenty."""
    fits = [times for times in range(2, 21) if fits_with(times)]
    return f"would fit if p was multiplied by {fits[0]} (field tests)" if fits else ""


def check_correlation(read: Reader) -> list[Outcome]:
    """r, n and p; without n, the sizes that fit."""
    r = read.interval("r")
    if float(min(abs(v) for v in as_floats(r))) > 1:
        assumed = ("a correlation lies between −1 and 1",)
        note = f"given {read.text('r')}"
        return [read.outcome(Verdict(False, "correlation", None, as_floats(r), (), False, assumed, note))]
    if "p" not in read:
        low, high = conversions.p_range("r", r, read.whole("n")) if "n" in read else (0.0, 1.0)
        return [information(read, "p from r", f"two-sided p between {low:.3g} and {high:.3g}", (low, high))]
    if "n" not in read:
        sides = read.whole("sides") if "sides" in read else 2
        sizes = range(3, LARGEST_N)
        return [read.outcome(conversions.sizes_for_p("r", r, printed_p(read), sizes, sides=sides))]
    n = read.whole("n")
    fisher = ("p by Fisher's z", lambda: _fisher(r, n, printed_p(read)))
    return [_check_test(read, "r", r, n, [fisher] if n > 3 else [])]


def _fisher(r: Any, n: int, p: Any) -> Verdict:
    ends = [atanh(min(max(v, -1 + 1e-12), 1 - 1e-12)) * sqrt(n - 3) for v in as_floats(r)]
    implied = conversions.p_range("z", (min(ends), max(ends)))
    return judge("p from r", implied, p, ("p from Fisher's z with standard error 1/√(n − 3)", "two-sided p"))


def check_t(read: Reader) -> list[Outcome]:
    """t, df and p; whole df may have been rounded from Welch's."""
    t, text = read.interval("t"), read.text("df")
    if "." in text:
        return [_check_test(read, "t", t, read.interval("df"), [])]
    df, p = read.whole("df"), printed_p(read)
    near = (max(0.5, df - 0.5), df + 0.5)
    rounded = ("degrees of freedom rounded from a fraction", lambda: _one_convention("t", t, near, p, 2))
    return [_check_test(read, "t", t, df, [rounded])]


def check_z(read: Reader) -> list[Outcome]:
    """z and p."""
    return [_check_test(read, "z", read.interval("z"), None, [])]


def check_f(read: Reader) -> list[Outcome]:
    """F, both df and p; p may be corrected for sphericity beside uncorrected df."""
    f, df, p = read.interval("F"), (read.interval("df1"), read.interval("df2")), printed_p(read)
    if "." not in read.text("df1") + read.text("df2"):
        df = (read.whole("df1"), read.whole("df2"))  # type: ignore[assignment]
    first = as_floats(df[0])[0]
    more: list[Fit] = [("p corrected for sphericity", lambda: _spherical(f, df, p))] if first >= 2 else []
    return [_check_test(read, "F", f, df, more)]


def _spherical(f: Any, df: tuple[Any, Any], p: Any) -> Verdict:
    """p between no correction and the lower bound of ε, 1/df1."""
    first, second = (sum(as_floats(v)) / 2 for v in df)
    steps = [1 / first + (1 - 1 / first) * i / 24 for i in range(25)]
    ranges = [conversions.p_range("F", f, (e * first, e * second)) for e in steps]
    implied = min(low for low, _ in ranges), max(high for _, high in ranges)
    return judge("p from F", implied, p, ("printed df are uncorrected", f"ε between {1 / first:.3g} and 1"))


def check_chi2(read: Reader) -> list[Outcome]:
    """χ², df and p."""
    return [_check_test(read, "chi2", read.interval("chi2"), read.whole("df"), [])]


def check_interval(read: Reader) -> list[Outcome]:
    """Estimate inside and in the middle of its interval; then p from both."""
    numbers = [read.interval(name) for name in ("estimate", "lower", "upper")]
    found = [check_inside(read, *numbers)]
    if found[0].status != "consistent":
        return found
    if "scale" in read and read.text("scale") not in intervals.SCALES:
        raise read.error(
            "scale", f'scale is one of {", ".join(intervals.SCALES)}. Given "{read.text("scale")}".'
        )
    scales = (read.text("scale"),) if "scale" in read else intervals.SCALES
    middle = intervals.check_centred(*numbers, scales=scales)
    if not middle.compatible:
        kept = Verdict(**{**vars(middle), "compatible": True})
        return [*found, read.outcome(kept, convention="not a Wald interval (bootstrap, profile or exact)")]
    found.append(read.outcome(middle))
    return found + ([_interval_p(read, numbers, scales)] if "p" in read else [])


def _interval_p(read: Reader, numbers: list[Any], scales: tuple[str, ...]) -> Outcome:
    told = "df" in read
    df = None if not told else inf if read.text("df") in ("inf", "∞") else read.interval("df").centre
    confidence = read.interval("confidence").centre / 100 if "confidence" in read else 0.95
    estimate, lower, upper = numbers

    def check(times: int | None = None) -> Verdict:
        p = printed_p(read, times)
        return intervals.check_centred_p(
            estimate, lower, upper, p, scales=scales, df=df, confidence=confidence
        )

    def ordinary(verdict: Verdict) -> bool:
        return verdict.compatible and (told or max(v for _, v in verdict.solutions) >= ORDINARY_DF)

    verdict = check()
    few = verdict.compatible and not ordinary(verdict)
    convention = f"t quantile with {verdict.solutions[0][1]:g} degrees of freedom" if few else ""
    outcome = read.outcome(verdict, convention=convention)
    if outcome.status != "not compatible" or "tests" in read:
        return outcome
    return outcome.with_detail(
        _multiple(lambda times: check(times).compatible if told else _normal(check(times)))
    )


def _normal(verdict: Verdict) -> bool:
    return any(df == inf for _, df in verdict.solutions)


def check_inside(read: Reader, estimate: Any, lower: Any, upper: Any) -> Outcome:
    """An estimate inside its interval, whose limits run upwards."""
    inside = lower.lower <= estimate.upper and estimate.lower <= upper.upper and lower.lower <= upper.upper
    assumed = ("the interval belongs to the estimate",)
    note = f"{estimate.text} and {lower.text} to {upper.text}"
    return read.outcome(Verdict(inside, "estimate inside its interval", None, None, (), False, assumed, note))
