# Peer of compendium.statistics.clustered: enumeration of all draws, boot (BCa levels), coin (exact permutation).
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "_write.R"))
suppressPackageStartupMessages({library(boot); library(coin)})
set.seed(11)
cluster <- rep(1:6, c(2, 1, 3, 2, 1, 3)); n <- length(cluster)
x <- rnorm(n); y <- x + rnorm(n); xt <- round(x); yt <- round(y)
draws <- as.matrix(expand.grid(split(seq_len(n), cluster)))
mean_rho <- function(x, y) mean(apply(draws, 1, function(i) suppressWarnings(cor(x[i], y[i], method = "spearman"))), na.rm = TRUE)

# BCa: boot's levels from its own replicates of a mean of clusters of one
z <- rexp(15)
b <- boot(z, function(d, i) mean(d[i]), R = 999)
bca <- boot.ci(b, type = "bca", L = empinf(b, type = "jack"))$bca

equal <- rep(1:8, each = 2); group <- rep(c(0, 1), each = 8); v <- rnorm(16) + group
means <- tapply(v, equal, mean); label <- factor(tapply(group, equal, mean))
exact <- as.numeric(pvalue(oneway_test(means ~ label, distribution = "exact")))
exact_greater <- as.numeric(pvalue(oneway_test(means ~ factor(label, levels = c("1", "0")), distribution = "exact", alternative = "greater")))

# clustered McNemar: Obuchowski as a ratio estimator of two proportions at their pooled value
first <- c(1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 0, 1, 1, 1, 1, 0, 1, 0, 1, 1)
second <- c(0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 1, 1)
pairs <- rep(1:8, c(2, 3, 1, 4, 2, 3, 3, 2))
k <- length(unique(pairs)); total <- length(first); pooled <- (mean(first) + mean(second)) / 2
r1 <- tapply(first - pooled, pairs, sum); r2 <- tapply(second - pooled, pairs, sum)
variance <- k / (k - 1) / total^2 * (sum(r1^2) + sum(r2^2) - 2 * sum(r1 * r2))
obuchowski <- (mean(first) - mean(second))^2 / variance
w <- tapply(first - second, pairs, mean)
durkalski <- sum(w)^2 / sum(w^2)
# design effect: the variance of a mean from the whole covariance matrix, against that of independent samples
sizes <- c(1, 4, 2, 3, 3, 1)
of_mean <- function(icc) { same <- outer(rep(1:6, sizes), rep(1:6, sizes), "==")
  mean(ifelse(same, icc, 0) + diag(1 - icc, sum(sizes))) * sum(sizes) }
write_peer(list(
  data = list(cluster = cluster, x = x, y = y, xt = xt, yt = yt, v = v, equal = equal, group = group, first = first, sizes = sizes,
              second = second, pairs = pairs, z = z, replicates = as.numeric(b$t)),
  design_effect = sapply(c(-.1, 0, .3, 1), of_mean),
  mean_rho = mean_rho(x, y), mean_rho_tied = mean_rho(xt, yt),
  bca_levels = bca[2:3] / 1000, exact = exact, exact_greater = exact_greater,
  obuchowski = list(statistic = obuchowski, p = pchisq(obuchowski, 1, lower.tail = FALSE)),
  durkalski = list(statistic = durkalski, p = pchisq(durkalski, 1, lower.tail = FALSE))), "clustered", c("boot", "coin"))
