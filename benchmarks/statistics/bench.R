# Times R on the tasks and data of bench.py. Called by it with the folder of the data, the number of resamples and of draws; prints JSON in milliseconds.
suppressPackageStartupMessages({library(pROC); library(lme4); library(boot); library(jsonlite)})
given <- commandArgs(TRUE)
folder <- given[1]; resamples <- as.integer(given[2]); draws <- as.integer(given[3])
cohort <- read.csv(file.path(folder, "cohort.csv"))
best <- function(f, times) min(sapply(seq_len(times), function(i) system.time(f())[["elapsed"]])) * 1000
per_call <- function(f, inner, times) best(function() for (i in seq_len(inner)) f(), times) / inner

delong <- function(size) {
  d <- read.csv(file.path(folder, sprintf("scores_%s.csv", size)))
  function() ci.auc(roc(d$truth, d$score, levels = c(0, 1), direction = "<", quiet = TRUE, algorithm = 2))
}
members <- split(seq_len(nrow(cohort)), cohort$patient)
statistic <- function(m, i) { rows <- unlist(m[i]); cor(cohort$x[rows], cohort$y[rows], method = "spearman") }
one <- function() replicate(draws, { rows <- vapply(members, function(m) m[sample.int(length(m), 1)], 1L)
  cor(cohort$x[rows], cohort$y[rows], method = "spearman") })
times <- list(
  delong_large = best(delong("large"), 1), delong_small = per_call(delong("small"), 5, 3),
  cluster_bootstrap = best(function() boot(members, statistic, R = resamples), 1), one_per_cluster = best(one, 3),
  random_intercept = per_call(function() lmer(y ~ x + (1 | patient), cohort), 20, 3))
versions <- c(list(R = paste(R.version$major, R.version$minor, sep = ".")),
              sapply(c("pROC", "lme4", "boot"), function(p) as.character(packageVersion(p)), simplify = FALSE))
cat(toJSON(list(times = times, versions = versions), auto_unbox = TRUE, digits = I(8)))
