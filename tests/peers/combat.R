# Peer of compendium.statistics.combat: sva. `converged` runs sva with its own iteration carried on to 1e-13, because its
# default stops at 1e-4 and its signed quotient never looks at features with a negative shift.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "_write.R"))
suppressPackageStartupMessages(library(sva))

set.seed(7)
features <- 8
batch <- rep(c("a", "b", "c"), c(7, 6, 5))
group <- as.numeric((seq_along(batch) %% 2) == 0)
dat <- matrix(rnorm(features * length(batch)), features) * rep(1:features, length(batch)) + 10 * (1:features)
dat[, batch == "b"] <- dat[, batch == "b"] * 1.5 + 3
dat[, batch == "c"] <- dat[, batch == "c"] * 0.7 - 2
dat <- dat + outer(1:features, group)
constant <- dat
constant[2, batch == "a"] <- 5
lone <- dat[, c(1:13, 14)]
run <- function(...) suppressMessages(ComBat(...))
default <- run(dat, batch)
original <- sva:::it.sol
patched <- original
formals(patched)$conv <- 1e-13
assignInNamespace("it.sol", patched, "sva")
rows <- function(m) unname(lapply(seq_len(ncol(m)), function(j) unname(m[, j])))
sink(tempfile())                                # sva prints about constant features
made <- list(
  default = rows(default),
  converged = rows(run(dat, batch)),
  covariate = rows(run(dat, batch, mod = model.matrix(~group))),
  reference = rows(run(dat, batch, ref.batch = "b")),
  reference_covariate = rows(run(dat, batch, mod = model.matrix(~group), ref.batch = "a")),
  mean_only = rows(run(dat, batch, mean.only = TRUE)),
  constant = rows(run(constant, batch)),
  lone = rows(run(lone, batch[1:14])))
sink()
write_peer(c(list(data = list(values = rows(dat), constant = rows(constant), lone = rows(lone), batch = batch,
                              group = group)), made), "combat", "sva")
