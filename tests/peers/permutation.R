# Peer of compendium.statistics.permutation: coin and exactRankTests (exact permutation tests of scores).
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "_write.R"))
suppressPackageStartupMessages({library(coin); library(exactRankTests)})

a <- c(3, 5, 8, 13, 21, 2)
b <- c(1, 1, 2, 4, 7)
d <- data.frame(v = c(a, b), g = factor(rep(c("a", "b"), c(length(a), length(b)))))
first <- c(5, 7, 3, 9, 6, 8, 4)
second <- c(4, 4, 5, 5, 6, 5, 3)
x <- c(2.1, 3.4, 1.2, 5.6, 4.4, 3.9)
y <- c(1.0, 2.2, 1.9, 6.5, 3.0, 5.1)
p <- function(t) as.numeric(pvalue(t))
all_orders <- function(v) if (length(v) <= 1) list(v) else
  do.call(c, lapply(seq_along(v), function(i) lapply(all_orders(v[-i]), function(w) c(v[i], w))))
null <- sapply(all_orders(y), function(w) cor(x, w))
null_rank <- sapply(all_orders(rank(y)), function(w) cor(rank(x), w))
write_peer(list(
  data = list(a = a, b = b, first = first, second = second, x = x, y = y),
  groups_absolute = p(oneway_test(v ~ g, data = d, distribution = "exact")),
  groups_greater = p(oneway_test(v ~ g, data = d, distribution = "exact", alternative = "greater")),
  groups_perm = perm.test(a, b, exact = TRUE)$p.value,
  signs_absolute = perm.test(first, second, paired = TRUE, exact = TRUE)$p.value,
  pairing_absolute = mean(abs(null) >= abs(cor(x, y)) - 1e-12),
  pairing_doubled = min(1, 2 * min(mean(null >= cor(x, y) - 1e-12), mean(null <= cor(x, y) + 1e-12))),
  spearman_absolute = mean(abs(null_rank) >= abs(cor(rank(x), rank(y))) - 1e-12)
), "permutation", c("coin", "exactRankTests"))
