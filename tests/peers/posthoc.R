# Peer of compendium.statistics.posthoc and .multiplicity: base R, rstatix (Dunn, Games-Howell), mvtnorm, and the
# studentized maximum modulus by integrate() for fractional df (no R package offers it).
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "_write.R"))
suppressPackageStartupMessages({library(rstatix); library(mvtnorm)})

groups <- list(a = c(12.1, 9.8, 15.3, 11.0, 13.7, 10.2, 14.9), b = c(8.4, 10.9, 7.7, 9.1, 12.0, 9.1),
               c = c(20.3, 11.8, 35.0), d = c(16.1, 16.0, 15.8, 17.3))
d <- data.frame(v = unlist(groups, use.names = FALSE),
                g = factor(rep(names(groups), lengths(groups))))

smm <- function(q, k, df) {                     # P(max |t| > q), s = chi / sqrt(df)
  f <- function(s) {
    x <- s * sqrt(df)
    density <- exp((df - 1) * log(x) - x^2 / 2 - (df / 2 - 1) * log(2) - lgamma(df / 2)) * sqrt(df)
    -expm1(k * log1p(-2 * pnorm(-q * s))) * density
  }
  integrate(f, 0, 1, rel.tol = 1e-12, subdivisions = 2000)$value +
    integrate(f, 1, Inf, rel.tol = 1e-12, subdivisions = 2000)$value
}
pairs <- combn(names(groups), 2)
t3 <- apply(pairs, 2, function(p) {
  t <- t.test(groups[[p[1]]], groups[[p[2]]])
  smm(abs(unname(t$statistic)), ncol(pairs), unname(t$parameter))
})
tukey <- TukeyHSD(aov(v ~ g, d))$g
gh <- games_howell_test(d, v ~ g, detailed = TRUE)
dunn <- dunn_test(d, v ~ g, p.adjust.method = "bonferroni", detailed = TRUE)
set.seed(1)
quasi_monte_carlo <- GenzBretz(maxpts = 1e6, abseps = 1e-7)
raw <- c(0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205)
methods <- c("bonferroni", "holm", "hochberg", "hommel", "BH", "BY")
write_peer(list(
  data = groups,
  dunn = list(z = dunn$statistic, p = dunn$p, adjusted = dunn$p.adj),
  tukey = list(difference = unname(tukey[, "diff"]), lower = unname(tukey[, "lwr"]), upper = unname(tukey[, "upr"]),
               p = unname(tukey[, "p adj"])),
  games_howell = list(estimate = gh$estimate, lower = gh$conf.low, upper = gh$conf.high, statistic = gh$statistic,
                      df = gh$df),
  games_howell_p = unname(apply(pairs, 2, function(p) {   # rstatix rounds p to three digits: ptukey, unrounded
    t <- t.test(groups[[p[1]]], groups[[p[2]]])
    ptukey(abs(unname(t$statistic)) * sqrt(2), length(groups), unname(t$parameter), lower.tail = FALSE)
  })),
  dunnett_t3 = t3,
  maximum_modulus = list(
    q = c(2.5, 3, 2.9, 6, 40), k = c(3, 6, 3, 10, 3), df = c(8, 12, 7.5, 2.3, 1.4),
    p = mapply(smm, c(2.5, 3, 2.9, 6, 40), c(3, 6, 3, 10, 3), c(8, 12, 7.5, 2.3, 1.4))),
  mvtnorm = list(q = c(2.5, 3), k = c(3, 3), df = c(8, 12), p = c(
    1 - pmvt(rep(-2.5, 3), rep(2.5, 3), df = 8, corr = diag(3), algorithm = quasi_monte_carlo),
    1 - pmvt(rep(-3, 3), rep(3, 3), df = 12, corr = diag(3), algorithm = quasi_monte_carlo))),
  adjust = c(list(raw = raw), setNames(lapply(methods, function(m) p.adjust(raw, m)), methods))
), "posthoc", c("rstatix", "mvtnorm"))
