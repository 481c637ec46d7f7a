# Peer of compendium.statistics.correlation: base R, psych (independent r's, within and between), lm (repeated measures).
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "_write.R"))
suppressPackageStartupMessages(library(psych))
set.seed(3)
n <- 34
x <- rnorm(n); y <- .5 * x + rnorm(n); z <- -.4 * y + rnorm(n)
short <- list(a = c(2.1, 3.4, 1.2, 5.5, 4.8, 0.3, 7.7), b = c(1.9, 2.2, 2.4, 6.1, 3.3, 1.1, 5.0))
nine <- list(a = c(3, 1, 4, 15, 9, 2, 6, 5, 35), b = c(2, 7, 18, 28, 1, 8, 45, 9, 4))
ties <- list(a = c(1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 8, 9), b = c(2, 1, 3, 3, 5, 4, 4, 8, 6, 6, 9, 9))
pear <- function(a, b) { t <- cor.test(a, b); list(r = unname(t$estimate), p = t$p.value, ci = t$conf.int[1:2]) }
spear <- function(a, b, exact) { t <- suppressWarnings(cor.test(a, b, method = "spearman", exact = exact))
  list(r = unname(t$estimate), p = t$p.value) }
# untied ranks for the p that cor.test chooses itself: exact, Edgeworth series (10 to 1290), t (ties, or more pairs)
series <- lapply(c(10, 11, 15, 34, 100, 1290, 1291), function(n) {
  i <- seq_len(n); a <- (i * 7919) %% 10007; b <- 5000 * (a * (-1)^n + 2 * ceiling(sqrt(n)) * ((i * i * 31) %% 4001)) + i
  list(n = n, p = cor.test(a, b, method = "spearman")$p.value) })
rho <- cor(x, y, method = "spearman")
limits <- function(v) tanh(atanh(rho) + c(-1, 1) * qnorm(.975) * sqrt(v / (n - 3)))
three <- cor.test(c(1, 2, 4), c(2, 1, 5))
cluster <- rep(1:9, c(1, 4, 3, 5, 2, 6, 3, 4, 6))
u <- rnorm(9)
cx <- rnorm(n) + u[cluster]; cy <- .6 * (cx - u[cluster]) - u[cluster] + .5 * rnorm(n)
parts <- statsBy(data.frame(g = cluster, x = cx, y = cy), "g")
full <- lm(cy ~ factor(cluster) + cx); without <- lm(cy ~ factor(cluster))
ss <- c(deviance(without) - deviance(full), deviance(full))
write_peer(list(
  data = list(x = x, y = y, z = z, short = short, nine = nine, ties = ties, cluster = cluster, cx = cx, cy = cy),
  pearson = pear(x, y), three = list(r = unname(three$estimate), p = three$p.value, has_interval = !is.null(three$conf.int)),
  spearman_t = spear(x, y, FALSE), exact_short = spear(short$a, short$b, TRUE), exact_nine = spear(nine$a, nine$b, TRUE),
  tied_t = spear(ties$a, ties$b, FALSE), series = series,
  tied_default = suppressWarnings(cor.test(ties$a, ties$b, method = "spearman"))$p.value,
  intervals = list("bonett-wright" = limits(1 + rho^2 / 2), fieller = limits(1.06), fisher = limits(1)),
  fisher = { t <- r.test(34, .41, -.12, n2 = 32); list(z = t$z, p = t$p) },
  within = parts$rwg[1, 2], between = parts$rbg[1, 2],
  repeated = list(r = sign(coef(full)["cx"]) * sqrt(ss[1] / sum(ss)), df = full$df.residual, p = anova(without, full)$"Pr(>F)"[2])),
  "correlation", "psych")
