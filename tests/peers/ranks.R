# Peer of compendium.statistics.ranks: base R (wilcox.test, kruskal.test) and coin (exact with ties and zeros).
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "_write.R"))
suppressPackageStartupMessages(library(coin))

x <- c(0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46)
y <- c(1.15, 0.88, 0.90, 0.74, 1.21)
tied_x <- c(1, 2, 2, 3, 5, 5, 6)
tied_y <- c(2, 4, 5, 6, 6, 7)
first <- c(5.1, 7.3, 3.2, 9.8, 6.6, 8.9, 4.0)
second <- c(4.7, 4.1, 5.4, 5.9, 6.1, 2.2, 3.9)
zero_first <- c(5, 7, 3, 9, 6, 8, 4, 5)
zero_second <- c(5, 4, 5, 5, 6, 5, 3, 4)

rank_sum <- function(x, y, ...) {
  t <- suppressWarnings(wilcox.test(x, y, conf.int = TRUE, ...))
  list(statistic = unname(t$statistic), p = t$p.value, estimate = unname(t$estimate), lower = t$conf.int[1],
       upper = t$conf.int[2])
}
coin_p <- function(x, y, ...) {
  d <- data.frame(v = c(x, y), g = factor(rep(c("x", "y"), c(length(x), length(y)))))
  as.numeric(pvalue(wilcox_test(v ~ g, data = d, distribution = "exact", ...)))
}
signed <- function(zero, distribution) {
  d <- data.frame(first = zero_first, second = zero_second)
  as.numeric(pvalue(wilcoxsign_test(first ~ second, data = d, zero.method = zero, distribution = distribution)))
}
three <- list(tied_x, tied_y, c(9, 9, 8, 3))
kw <- kruskal.test(three)
write_peer(list(
  data = list(x = x, y = y, tied_x = tied_x, tied_y = tied_y, first = first, second = second,
              zero_first = zero_first, zero_second = zero_second, third = three[[3]]),
  mann_whitney = list(
    exact = rank_sum(x, y, exact = TRUE), exact_greater = wilcox.test(x, y, alternative = "greater")$p.value,
    normal = rank_sum(x, y, exact = FALSE, correct = FALSE), normal_corrected = rank_sum(x, y, exact = FALSE),
    tied_default = rank_sum(tied_x, tied_y), tied_uncorrected = rank_sum(tied_x, tied_y, correct = FALSE),
    tied_exact = coin_p(tied_x, tied_y), tied_exact_greater = coin_p(tied_x, tied_y, alternative = "greater")),
  wilcoxon = list(
    exact = rank_sum(first, second, paired = TRUE, exact = TRUE),
    normal_corrected = rank_sum(first, second, paired = TRUE, exact = FALSE),
    zeros_default = rank_sum(zero_first, zero_second, paired = TRUE),
    wilcoxon_exact = signed("Wilcoxon", "exact"), pratt_exact = signed("Pratt", "exact"),
    wilcoxon_normal = signed("Wilcoxon", "asymptotic"), pratt_normal = signed("Pratt", "asymptotic")),
  kruskal = list(statistic = unname(kw$statistic), df = unname(kw$parameter), p = kw$p.value)
), "ranks", "coin")
