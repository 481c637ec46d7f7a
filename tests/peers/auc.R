# Peer of compendium.statistics.auc and .roc: pROC on its own data (aSAH) and on tied scores. Directions are fixed ("<").
# Clustered areas: Obuchowski's sums written out case by case.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "_write.R"))
suppressPackageStartupMessages(library(pROC))
data(aSAH)
truth <- as.numeric(aSAH$outcome == "Poor")
s100b <- aSAH$s100b; ndka <- aSAH$ndka
tied_truth <- c(0, 0, 0, 1, 1, 0, 1, 1, 0, 1, 0, 1, 1, 0)
tied <- c(1, 2, 2, 2, 3, 3, 3, 4, 1, 4, 2, 2, 4, 4)
make <- function(y, x, d = "<") roc(y, x, levels = c(0, 1), direction = d, quiet = TRUE)
one <- function(r) list(auc = as.numeric(auc(r)), variance = var(r), ci = as.numeric(ci(r))[c(1, 3)])
apart <- function(a, b) { t <- roc.test(a, b, method = "delong", paired = FALSE)
  list(d = unname(t$statistic), df = unname(t$parameter), p = t$p.value) }
compare <- function(a, b) { t <- roc.test(a, b, method = "delong", paired = TRUE)
  list(z = unname(t$statistic), p = t$p.value) }
a <- make(truth, s100b); b <- make(truth, ndka)
part <- function(r, low, high, focus, correct) as.numeric(auc(r, partial.auc = c(high, low), partial.auc.focus = focus,
                                                              partial.auc.correct = correct))
best <- function(r, how) as.list(coords(r, "best", best.method = how, transpose = FALSE, ret = c("threshold", "sensitivity", "specificity")))

cluster <- rep(1:38, length.out = length(truth))            # three cases per patient, both classes in most
clustered <- function(y, x, cl, x2 = NULL) {                # with a second score: of the difference of the areas
  pos <- which(y == 1); neg <- which(y == 0)
  psi <- function(u, v) (u > v) + .5 * (u == v)
  v10 <- sapply(pos, function(i) mean(psi(x[i], x[neg]))); v01 <- sapply(neg, function(j) mean(psi(x[pos], x[j])))
  if (!is.null(x2)) {
    v10 <- v10 - sapply(pos, function(i) mean(psi(x2[i], x2[neg])))
    v01 <- v01 - sapply(neg, function(j) mean(psi(x2[pos], x2[j])))
  }
  theta <- mean(v10); m <- length(pos); n <- length(neg); ids <- unique(cl)
  i10 <- length(unique(cl[pos])); i01 <- length(unique(cl[neg])); s10 <- s01 <- s11 <- 0
  for (id in ids) {
    d10 <- sum(v10[cl[pos] == id]) - sum(cl[pos] == id) * theta
    d01 <- sum(v01[cl[neg] == id]) - sum(cl[neg] == id) * theta
    s10 <- s10 + d10^2; s01 <- s01 + d01^2; s11 <- s11 + d10 * d01
  }
  s10 <- s10 * i10 / ((i10 - 1) * m); s01 <- s01 * i01 / ((i01 - 1) * n); s11 <- s11 * length(ids) / (length(ids) - 1)
  list(auc = theta, variance = s10 / m + s01 / n + 2 * s11 / (m * n))
}
hm <- function(a, m, n) { q1 <- a / (2 - a); q2 <- 2 * a^2 / (1 + a)
  sqrt((a * (1 - a) + (m - 1) * (q1 - a^2) + (n - 1) * (q2 - a^2)) / (m * n)) }
write_peer(list(
  data = list(truth = truth, s100b = s100b, ndka = ndka, tied_truth = tied_truth, tied = tied, cluster = cluster),
  s100b = one(a), ndka = one(b), tied = one(make(tied_truth, tied)), lower = one(make(truth, s100b, ">")),
  unpaired = apart(make(truth[1:60], s100b[1:60]), make(truth[61:113], ndka[61:113])),
  paired = compare(a, b), identical = compare(a, a),
  partial = list(spec = part(a, .8, 1, "specificity", FALSE), spec_correct = part(a, .8, 1, "specificity", TRUE) ,
                 sens = part(a, .75, .95, "sensitivity", FALSE), sens_correct = part(a, .75, .95, "sensitivity", TRUE)),
  youden = best(a, "youden"), closest = best(a, "closest.topleft"), youden_tied = best(make(tied_truth, tied), "youden"),
  thresholds = make(tied_truth, tied)$thresholds[2:4],
  clustered = clustered(truth, s100b, cluster), clustered_ndka = clustered(truth, ndka, cluster),
  clustered_difference = clustered(truth, s100b, cluster, ndka),
  hanley = list(a = hm(.893, 51, 58), b = hm(.987, 341, 81))), "auc", "pROC")
