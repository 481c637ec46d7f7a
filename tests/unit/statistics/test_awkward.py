"""Every method on awkward rows: it gives numbers that make sense, or refuses with problem, rule and value; never a warning.

One table of methods, one of awkward inputs, all combinations; then the order of rows, and rows with a missing value, for all.
"""

import dataclasses
import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest

from compendium.statistics import (
    agreement,
    auc,
    clustered,
    combat,
    confusion,
    correlation,
    diagnosis,
    equivalence,
    groups,
    mixed,
    models,
    outliers,
    permutation,
    polynomials,
    posthoc,
    ranks,
    reads,
    reliability,
)

LINE = ((0, 0), (1, 0), (0, 1))


def gap(values, side):
    return values[side].mean() - values[~side].mean()


def product(a, b):
    return float(np.dot(a - a.mean(), b - b.mean()))


def two(function, **options):
    """Two groups of x, by side."""
    return lambda d: function(d.x[d.side == 1], d.x[d.side == 0], **options)


def three(function, **options):
    """Three groups of x, by site."""
    return lambda d: function({name: d.x[d.site == name] for name in ("a", "b", "c")}, **options)


METHODS = {
    "pearson": lambda d: correlation.pearson(d.x, d.y),
    "spearman": lambda d: correlation.spearman(d.x, d.y),
    "spearman of R": lambda d: correlation.spearman(d.x, d.y, p="r"),
    "decompose_correlation": lambda d: correlation.decompose_correlation(d.x, d.y, d.patient),
    "repeated_measures_correlation": lambda d: correlation.repeated_measures_correlation(d.x, d.y, d.patient),
    "compare_dependent_correlations": lambda d: correlation.compare_dependent_correlations(d.x, d.y, d.z),
    "rmse": lambda d: [agreement.rmse(d.x, d.y, v) for v in ("difference", "centred", "calibrated")],
    "concordance": lambda d: agreement.concordance(d.x, d.y),
    "bland_altman": lambda d: agreement.bland_altman(d.x, d.y),
    "bland_altman of repeated pairs": lambda d: agreement.bland_altman(d.x, d.y, d.patient),
    "bland_altman_regression": lambda d: agreement.bland_altman_regression(d.x, d.y),
    "intraclass_correlation": lambda d: reliability.intraclass_correlation(d[["x", "y", "z"]].to_numpy()),
    "icc_oneway": lambda d: reliability.icc_oneway(d.x, d.patient),
    "repeatability": lambda d: reliability.repeatability(d.x + 50, d.patient),
    "rout": lambda d: outliers.rout(d.y, d.x, q=0.01),
    "fit_random_intercept": lambda d: _tests(mixed.fit_random_intercept(d.y, d[["x"]], d.patient)),
    "fit_within_between": lambda d: mixed.fit_within_between(d.y, d.x, d.patient)[1],
    "fit_interaction": lambda d: mixed.fit_interaction(d.y, d.x, d.arm, d.patient)[1],
    "likelihood_ratio_test": lambda d: mixed.likelihood_ratio_test(d.y, d[["x"]], d.patient, drop="x"),
    "one_per_cluster_spearman": lambda d: clustered.one_per_cluster_spearman(d.x, d.y, d.patient).mean,
    "cluster_bootstrap": lambda d: clustered.cluster_bootstrap(np.mean, d.x, cluster=d.patient, n_resamples=40).interval,
    "cluster_bootstrap_correlation": lambda d: clustered.cluster_bootstrap_correlation(
        d.x, d.y, d.patient, n_resamples=60, method="bca").interval,
    "cluster_permutation_test": lambda d: clustered.cluster_permutation_test(
        gap, d.x, group=d.arm, cluster=d.patient, n_resamples=300),
    "clustered_mcnemar": lambda d: clustered.clustered_mcnemar(d.first, d.second, d.patient),
    "t_test": two(groups.t_test),
    "welch_test": two(groups.welch_test),
    "paired_t_test": lambda d: groups.paired_t_test(d.x, d.y),
    "levene_test": three(groups.levene_test, center="mean"),
    "anova": three(groups.anova),
    "welch_anova": three(groups.welch_anova),
    "mann_whitney": two(ranks.mann_whitney, method="exact"),
    "mann_whitney of R": two(ranks.mann_whitney, method="r"),
    "wilcoxon_signed_rank": lambda d: ranks.wilcoxon_signed_rank(d.x, d.y, method="exact", zeros="pratt"),
    "kruskal_wallis": three(ranks.kruskal_wallis),
    "dunn_test": three(posthoc.dunn_test, adjust="holm"),
    "tukey_test": three(posthoc.tukey_test),
    "games_howell_test": three(posthoc.games_howell_test),
    "dunnett_t3_test": three(posthoc.dunnett_t3_test),
    "permute_groups": two(permutation.permute_groups, rule="absolute", resamples=99),
    "permute_signs": lambda d: permutation.permute_signs(d.x, d.y, rule="absolute", resamples=99),
    "permute_pairing": lambda d: permutation.permute_pairing(d.x, d.y, rule="absolute", resamples=99),
    "tost_groups": two(equivalence.tost_groups, low=-1, high=1, variances="welch"),
    "tost_paired": lambda d: equivalence.tost_paired(d.x, d.y, low=-1, high=1),
    "maximum_difference": lambda d: equivalence.maximum_difference(d.x, d.y, margin=1),
    "auroc": lambda d: auc.auroc(d.truth, d.x),
    "delong_interval": lambda d: [auc.delong_interval(d.truth, d.x), auc.delong_interval(d.truth, d.x, scale="logit")],
    "delong_test": lambda d: auc.delong_test(d.truth, d.x, d.y),
    "delong_test_unpaired": lambda d: auc.delong_test_unpaired(d.truth, d.x, d.side, d.y),
    "partial_auc": lambda d: auc.partial_auc(d.truth, d.x, 0.8, 1, corrected=True),
    "best_thresholds": lambda d: auc.best_thresholds(d.truth, d.x),
    "clustered_auc_interval": lambda d: auc.clustered_auc_interval(d.truth, d.x, d.patient),
    "clustered_auc_test": lambda d: auc.clustered_auc_test(d.truth, d.x, d.y, d.patient),
    "diagnostic_metrics": lambda d: confusion.diagnostic_metrics(confusion.confusion_counts(d.truth, d.first)),
    "likelihood_ratio_interval": lambda d: diagnosis.likelihood_ratio_interval(
        confusion.confusion_counts(d.truth, d.first), "positive"),
    "clustered_proportion_interval": lambda d: diagnosis.clustered_proportion_interval(d.first, d.patient),
    "clustered_sensitivity_specificity": lambda d: diagnosis.clustered_sensitivity_specificity(
        d.truth, d.first, d.patient),
    "mcnemar_exact": lambda d: reads.mcnemar_exact(*_discordant(d)),
    "mcnemar_asymptotic": lambda d: reads.mcnemar_asymptotic(*_discordant(d)),
    "cohen_kappa": lambda d: reads.cohen_kappa(d["first"], d.second),
    "regress_z_scores": lambda d: models.regress_z_scores(d.y, {"x": d.x, "z": d.z}),
    "cross_validate_polynomial": lambda d: polynomials.cross_validate_polynomial(
        d.y, d.x, d.z, exponents=LINE, groups=d.patient, folds=4, seed=1).r,
    "combat": lambda d: np.sort(combat.combat(d[["x", "y", "z"]].to_numpy(), d.site).values, axis=0),
    "assess_confounding": lambda d: combat.assess_confounding(d.site, d.side),
}  # fmt: skip


def _tests(fit):
    return [fit.test(name) for name in fit.names]


def _discordant(d):
    complete = d[["first", "second"]].dropna()
    return tuple(int(((complete["first"] == a) & (complete.second == 1 - a)).sum()) for a in (1, 0))


def rows():
    """Forty rows of ten patients, no two equal."""
    rng = np.random.default_rng(11)
    patient = np.repeat([f"p{i}" for i in range(10)], [1, 2, 3, 4, 5, 5, 6, 6, 4, 4])
    level = dict(zip(np.unique(patient), rng.normal(size=10), strict=True))
    x = rng.normal(size=40) + np.array([level[p] for p in patient])
    truth = np.tile([1, 0], 20)
    return pd.DataFrame({
        "x": x, "y": 0.6 * x + rng.normal(size=40), "z": rng.normal(size=40), "truth": truth, "patient": patient,
        "side": rng.permutation(truth), "site": np.tile(list("abcab"), 8), "arm": (patient > "p4").astype(int),
        "first": rng.binomial(1, 0.2 + 0.6 * truth), "second": rng.binomial(1, 0.3 + 0.4 * truth),
    })  # fmt: skip


NUMBERS = ["x", "y", "z"]
AWKWARD = {
    "ties": lambda d: d.assign(**{c: d[c].round() for c in NUMBERS}),
    "three rows": lambda d: d.iloc[[0, 1, 3]],
    "one row": lambda d: d.head(1),
    "no row": lambda d: d.head(0),
    "x constant": lambda d: d.assign(x=2.0),
    "y constant": lambda d: d.assign(y=2.0),
    "all constant": lambda d: d.assign(x=2.0, y=2.0, z=2.0),
    "a constant that binary numbers cannot hold": lambda d: d.assign(x=0.1, y=0.1, z=0.1),
    "pairs equal": lambda d: d.assign(y=d.x, z=d.x, second=d["first"]),
    "y a line of x": lambda d: d.assign(y=3 - 2 * d.x),
    "one cluster": lambda d: d.assign(patient="p0"),
    "clusters of one": lambda d: d.assign(patient=[f"p{i}" for i in range(len(d))], arm=d.side),
    "an empty group": lambda d: d.assign(truth=1, side=1, arm=1, site="a"),
    "a group of one": lambda d: d.assign(
        truth=[1] + 39 * [0], side=[1] + 39 * [0], site=list("ab") + 38 * ["c"], arm=(d.patient == "p0").astype(int)),
    "separation": lambda d: d.assign(
        truth=(d.x > d.x.median()).astype(int), side=(d.x > d.x.median()).astype(int), first=(d.x > d.x.median()).astype(int)),
    "reads never positive": lambda d: d.assign(first=0, second=0),
    "a column missing": lambda d: d.assign(x=np.nan),
    "small units": lambda d: d.assign(**{c: 1e-9 * d[c] for c in NUMBERS}),
    "large offset": lambda d: d.assign(**{c: 1e6 + d[c] for c in NUMBERS}),
}  # fmt: skip


def numbers(result):
    """Every number of a result, in order."""
    if isinstance(result, pd.DataFrame):
        return numbers(result.to_numpy().tolist())
    if dataclasses.is_dataclass(result):
        return [v for field in dataclasses.fields(result) for v in numbers(getattr(result, field.name))]
    if isinstance(result, dict):
        return numbers(list(result.values()))
    if isinstance(result, (list, tuple)):
        return [v for item in result for v in numbers(item)]
    if isinstance(result, np.ndarray):
        return numbers(result.tolist())
    return [float(result)] if isinstance(result, (int, float, np.number, np.bool_)) else []


def assert_sensible(result):
    """p in [0, 1], limits in order and around the estimate, wherever a result has them."""
    if isinstance(result, (list, tuple)):
        for item in result:
            assert_sensible(item)
        return
    p = getattr(result, "p", None)
    if isinstance(p, float):
        assert np.isnan(p) or 0 <= p <= 1
    lower, upper = (getattr(result, name, None) for name in ("lower", "upper"))
    middle = getattr(result, "estimate", getattr(result, "r", None))
    if isinstance(lower, float) and not np.isnan([lower, upper]).any():
        slack = 1e-9 * max(1.0, *(abs(v) for v in (lower, upper) if np.isfinite(v)), 0.0)
        assert lower <= upper + slack
        if middle is not None and np.isfinite(middle) and "bootstrap" not in result.method:
            assert lower - slack <= middle <= upper + slack
    if dataclasses.is_dataclass(result):
        for field in dataclasses.fields(result):
            if dataclasses.is_dataclass(getattr(result, field.name)):
                assert_sensible(getattr(result, field.name))


class Watched:
    """Rows that note which of their columns a method reads."""

    def __init__(self, frame):
        self.frame, self.read = frame, set()

    def __getattr__(self, name):
        self.read.add(name)
        return getattr(self.frame, name)

    def __getitem__(self, names):
        self.read.update([names] if isinstance(names, str) else names)
        return self.frame[names]


@cache
def columns_of(method):
    watched = Watched(rows())
    METHODS[method](watched)
    return sorted(watched.read & set(watched.frame.columns))


@pytest.mark.parametrize("awkward", AWKWARD)
@pytest.mark.parametrize("method", METHODS)
def test_awkward_rows_give_sense_or_a_reason(method, awkward):
    columns = columns_of(method)
    if AWKWARD[awkward](rows())[columns].equals(rows()[columns]):
        return  # the ordinary rows, to this method
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("default", category=UserWarning)  # a warning meant for the reader is allowed
        try:
            result = METHODS[method](AWKWARD[awkward](rows()))
        except ValueError as refusal:
            assert "Given" in str(refusal), str(refusal)
            return
    assert_sensible(result)


@pytest.mark.parametrize("method", METHODS)
def test_ordinary_rows_give_finite_numbers(method):
    result = METHODS[method](rows())
    assert_sensible(result)
    assert numbers(result)
    assert np.isfinite(numbers(result)).mean() > 0.85  # what does not apply to a method is NaN


ORDER_OF_ROWS = {
    "rout": "one flag and one residual per row",
    "maximum_difference": "names the row of the largest one",
}


@pytest.mark.parametrize("method", [m for m in METHODS if m not in ORDER_OF_ROWS])
def test_order_of_rows_changes_nothing(method):
    data = rows()
    shuffled = data.iloc[np.random.default_rng(5).permutation(len(data))].reset_index(drop=True)
    plain, moved = numbers(METHODS[method](data)), numbers(METHODS[method](shuffled))
    assert moved == pytest.approx(plain, rel=1e-8, abs=1e-10, nan_ok=True)


MISSING = {
    "combat": "a missing value stays missing and its row is kept",
    "assess_confounding": "refuses a missing batch",
    "rout": "one flag and one residual per row",
    "mcnemar_exact": "takes counts", "mcnemar_asymptotic": "takes counts",
    "maximum_difference": "names the row of the largest one", "delong_test_unpaired": "two sets of cases, each dropping its own",
}  # fmt: skip


def without_count(result):
    """Numbers of a result but for the number of dropped rows."""
    return numbers(dataclasses.replace(result, dropped=0) if hasattr(result, "dropped") else result)


@pytest.mark.parametrize("method", [m for m in METHODS if m not in MISSING])
def test_a_row_with_a_missing_value_counts_as_left_out(method):
    data = rows()
    holed = data.astype({name: float for name in data.columns if name not in ("patient", "site")})
    holed.loc[7] = [None if holed[name].dtype == object else np.nan for name in holed.columns]
    holed.loc[21, ["x", "first", "site"]] = [np.nan, np.nan, None]
    kept = METHODS[method](data.drop(index=[7, 21]).reset_index(drop=True))
    assert without_count(METHODS[method](holed)) == pytest.approx(
        without_count(kept), rel=1e-9, abs=1e-12, nan_ok=True
    )
