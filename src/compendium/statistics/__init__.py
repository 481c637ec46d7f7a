"""Statistics with named conventions, one module per topic.

==========================  ==================================================================================
module                      what is in it
==========================  ==================================================================================
`results`                   `Interval`, `TestResult`, `Correlation`: what the functions return
`correlation`               Pearson and Spearman; `spearman_null` (exact p, Edgeworth series),
                            `correlation_comparison` (Fisher, Meng), `correlation_within` (within and between
                            clusters, repeated measures), `grouped_correlation` (each group, common, pooled),
                            `printed_correlations` (what a printed r implies), `correlation_formulas`
`agreement`                 RMSE, concordance, Bland–Altman; `reliability` (ICC, test–retest)
`outliers`                  ROUT, off unless asked for
`clustered`                 design effect, clustered McNemar; `cluster_bootstrap`, `cluster_permutation`,
                            `one_per_cluster`
`mixed`                     random-intercept model, within–between model, interaction; `profiled_likelihood`
`groups`                    t, Welch, analysis of variance, Levene; `posthoc` (Dunn, Tukey, Games–Howell,
                            Dunnett T3), `permutation`, `equivalence`, `multiplicity`
`ranks`                     Mann–Whitney, Wilcoxon, Kruskal–Wallis; `rank_distributions`
`diagnosis`                 intervals of proportions and ratios, predictive values; `confusion` (2 × 2 metrics),
                            `reads` (McNemar, kappa, reading rules), `paired_study` (several readings of the
                            same cases), `subgroups` (groups that a reading makes)
`auc`                       AUROC, DeLong, Hanley–McNeil, clustered AUROC; `auc_unpaired`, `placements`, `roc`
                            (curve, partial area, thresholds), `thresholds` (how firm a threshold is)
`interval_censored`         times known to lie between two visits; `detection_times` (lead times, doubling)
`models`                    regression on z-scores, information criteria; `polynomials` (grouped
                            cross-validation), `combat` (harmonisation, batch against group),
                            `harmonisation` (which variant made a table)
`design`                    power and precision of studies to come; `sample_size`
==========================  ==================================================================================

Missing values follow one rule (`compendium.base.validation`): incomplete rows are dropped and counted. What each
method was compared with, and how closely it agrees, is on the page "Statistics" of the book.
"""
