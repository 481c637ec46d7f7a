"""Can these printed numbers stand together? Arithmetic of consistency, with every assumption listed.

===============  ======================================================================================
module           what is in it
===============  ======================================================================================
`verdict`        `Verdict`, exact ranges
`arithmetic`     interval arithmetic on printed digits
`conversions`    p, df, r, t, F, χ², intervals from one another
`intervals`      an estimate, its interval and its p: differences and ratios, normal and t quantiles
`integers`       GRIM, GRIMMER
`moments`        Samuelson, Bhatia–Davis, pooled against group moments, subsets
`counts`         unprinted group sizes, cluster splits, percentages and their rounding rules
`roc`            AUROC, interval, n; what an AUROC implies for subgroups
`roc_bounds`     bounds on areas of parts, and on tests between areas, from printed areas
`implied`        n from r and p, t and difference from p and n, the rest of a cohort, unknown overlaps
===============  ======================================================================================

A verdict of "not compatible" holds under the assumptions it lists; another definition, exclusion or edition
can dissolve it, and a finding states which were tried.
"""

from compendium.evidence.feasibility.verdict import Verdict

__all__ = ["Verdict"]
