"""Statistics with named conventions, one module per topic.

==========================  ==================================================================================
module                      what is in it
==========================  ==================================================================================
`results`                   `Interval`, `TestResult`, `Correlation`: what the functions return
`diagnosis`                 2 × 2 metrics (`confusion`), intervals, predictive values, two reads (`reads`)
`auc`                       AUROC, DeLong, Hanley–McNeil, clustered AUC, the curve and its thresholds (`roc`)
`clustered`                 design effect, clustered McNemar, bootstrap and permutation of clusters
                            (`cluster_bootstrap`, `cluster_permutation`), `one_per_cluster`
`mixed`                     random-intercept model, within–between model, interaction (`profiled_likelihood`)
`correlation`               Pearson, Spearman; `correlation_comparison` (Fisher, Meng); `correlation_within`
`agreement`                 RMSE, concordance, Bland–Altman; ICC and test–retest (`reliability`)
`outliers`                  ROUT, off unless asked for
`groups`, `ranks`,          comparisons of groups: means, ranks, post-hoc tests, permutation, equivalence,
`posthoc`, `permutation`,   adjustment of p values
`equivalence`,
`multiplicity`
`models`, `polynomials`,    regression, polynomials by grouped cross-validation, harmonisation
`combat`
`design`, `sample_size`     power, precision and sample size of studies to come
==========================  ==================================================================================

Missing values follow one rule (`compendium.base.validation`): incomplete rows are dropped and counted.
"""
