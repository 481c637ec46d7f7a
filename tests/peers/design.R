# Peer of compendium.statistics.design and .sample_size: pwr, pROC, base R.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "_write.R"))
suppressPackageStartupMessages({library(pwr); library(pROC)})

mcnemar_power <- function(n, gain, loss, alpha = 0.05) {   # every table of n pairs, exact binomial test of each
  total <- 0
  for (b in 0:n) for (c in 0:(n - b)) {
    if (b + c > 0 && binom.test(b, b + c)$p.value <= alpha * (1 + 1e-9))
      total <- total + dmultinom(c(b, c, n - b - c), prob = c(gain, loss, 1 - gain - loss))
  }
  total
}
roc <- function(auc, kappa, power, alpha, sides) power.roc.test(
  auc = auc, kappa = kappa, power = power, sig.level = alpha,
  alternative = if (sides == 1) "one.sided" else "two.sided")$ncases
r <- c(0.41, 0.3, 0.7, 0.5)
n <- c(34, 66, 10, 27)
write_peer(list(
  correlation = list(r = r, n = n, power = mapply(function(r, n) pwr.r.test(n = n, r = r)$power, r, n),
                     greater = mapply(function(r, n) pwr.r.test(n = n, r = r, alternative = "greater")$power, r, n)),
  correlation_size = list(r = c(0.41, 0.3), n = sapply(c(0.41, 0.3), function(r) pwr.r.test(r = r, power = 0.8)$n)),
  difference = list(d = c(0.8, 0.5), n1 = c(13, 30), n2 = c(14, 20), power = c(
    pwr.t2n.test(n1 = 13, n2 = 14, d = 0.8)$power, pwr.t2n.test(n1 = 30, n2 = 20, d = 0.5)$power)),
  auc = list(auc = c(0.8, 0.7, 0.65), kappa = c(1, 2, 0.5), power = c(0.9, 0.8, 0.8), alpha = c(0.05, 0.025, 0.05),
             sides = c(1, 1, 2),
             cases = c(roc(0.8, 1, 0.9, 0.05, 1), roc(0.7, 2, 0.8, 0.025, 1), roc(0.65, 0.5, 0.8, 0.05, 2))),
  paired_reads = list(n = c(30, 50), gain = c(0.3, 0.25), loss = c(0.1, 0.05),
                      power = c(mcnemar_power(30, 0.3, 0.1), mcnemar_power(50, 0.25, 0.05)))
), "design", c("pwr", "pROC"))
