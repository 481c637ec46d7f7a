# Peer of compendium.statistics.diagnosis, .confusion and .reads: base R, psych (kappa), car (delta method), sandwich
# (clusters). Where R has no function, the definition is worked out by another road than ours.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "_write.R"))
suppressPackageStartupMessages({library(psych); library(car); library(sandwich)})

counts <- c(tp = 283, fp = 5, fn = 58, tn = 76)
disease <- rep(c(1, 1, 0, 0), c(283, 58, 5, 76))
read <- rep(c(1, 0, 1, 0), c(283, 58, 5, 76))
wald <- function(model, name) {                 # exp of coefficient and Wald limits
  est <- coef(summary(model))[name, 1:2]
  exp(unname(est[1] + c(0, -1, 1) * qnorm(.975) * est[2]))
}
# a likelihood ratio is the relative risk of a positive (negative) read in those with the condition
tight <- glm.control(epsilon = 1e-15, maxit = 100)
relative <- function(y) wald(glm(y ~ disease, family = binomial(link = "log"), start = c(log(mean(y[disease == 0])),
                             log(mean(y[disease == 1]) / mean(y[disease == 0]))), control = tight), "disease")
odds <- wald(glm(read ~ disease, family = binomial, control = tight), "disease")

# Tango: the multinomial likelihood is maximised numerically, the score inverted by uniroot
tango <- function(b, c, n, z = qnorm(.975)) {
  score <- function(d) {
    like <- function(q) b * log(q + d) + c * log(q) + (n - b - c) * log(1 - 2 * q - d)
    q <- optimize(like, c(max(0, -d) + 1e-14, (1 - d) / 2 - 1e-14), maximum = TRUE, tol = 1e-14)$maximum
    (b - c - n * d) / sqrt(n * (2 * q + d - d^2))
  }
  e <- (b - c) / n
  c(uniroot(function(d) score(d) - z, c(-.9999, e - 1e-9), tol = 1e-13)$root,
    uniroot(function(d) score(d) + z, c(e + 1e-9, .9999), tol = 1e-13)$root)
}

first <- c(1, 2, 3, 3, 2, 1, 1, 2, 3, 1, 2, 2, 3, 3, 1, 2, 1, 3, 2, 1)
second <- c(1, 2, 3, 2, 2, 1, 2, 2, 3, 1, 3, 2, 3, 1, 1, 2, 1, 3, 1, 1)
weight <- function(k, p) 1 - abs(outer(1:k, 1:k, "-"))^p / (k - 1)^p
kappa_of <- function(w, which) {
  k <- cohen.kappa(cbind(first, second), w = w)
  # psych's variance of a weighted kappa differs from the delta method by up to .1 %; of the plain kappa it does not
  p <- as.numeric(prop.table(table(first, second))); names(p) <- letters[1:9]
  value <- function(p) { m <- matrix(p, 3); e <- sum(w * outer(rowSums(m), colSums(m))) / sum(m)^2
    (sum(w * m) / sum(m) - e) / (1 - e) }
  slope <- sapply(1:9, function(i) { h <- replace(numeric(9), i, 1e-5); (value(p + h) - value(p - h)) / 2e-5 })
  list(kappa = unname(k$confid[which, "estimate"]), delta = (sum(slope^2 * p) - sum(slope * p)^2) / length(first),
       psych = unname(if (which == 1) k$var.kappa else k$var.weighted))
}

# predictive values at a prevalence: the delta method done numerically by car
at <- function(prev) {
  est <- c(s = 283 / 341, c = 76 / 81)
  v <- diag(est * (1 - est) / c(341, 81))
  logit <- function(expr) {
    d <- deltaMethod(est, expr, vcov. = v, constants = c(p = prev))
    plogis(unname(d[1, "Estimate"] + c(0, -1, 1) * qnorm(.975) * d[1, "SE"]))
  }
  list(ppv = logit("log(s*p/((1-c)*(1-p)))"), npv = logit("log(c*(1-p)/((1-s)*p))"))
}

success <- c(1, 1, 0, 1, 1, 0, 0, 0, 1, 1, 1, 1, 0, 1, 1, 0, 1, 1, 1, 0, 1, 0, 1, 1, 1, 1, 0)
cluster <- rep(1:10, c(1, 2, 3, 4, 2, 5, 1, 3, 4, 2))
clustered <- vcovCL(lm(success ~ 1), cluster = cluster, type = "HC0", cadjust = TRUE)[1, 1]

mid <- function(b, c) sum(dbinom(0:(b + c), b + c, .5) * (abs(0:(b + c) - (b + c) / 2) > abs(b - (b + c) / 2) + 1e-9)) +
  .5 * sum(dbinom(0:(b + c), b + c, .5) * (abs(abs(0:(b + c) - (b + c) / 2) - abs(b - (b + c) / 2)) < 1e-9))
mc <- function(b, c, correct) unname(unlist(mcnemar.test(matrix(c(20, b, c, 30), 2), correct = correct)[c("statistic", "p.value")]))

write_peer(list(
  data = list(counts = as.list(counts), first = first, second = second, success = success, cluster = cluster),
  wilson = lapply(list(c(334, 341), c(0, 12), c(8, 27)), function(x) prop.test(x[1], x[2], correct = FALSE)$conf.int[1:2]),
  clopper = lapply(list(c(334, 341), c(0, 12), c(8, 27)), function(x) binom.test(x[1], x[2])$conf.int[1:2]),
  lr_positive = relative(read), lr_negative = relative(1 - read), odds_ratio = odds,
  exact = lapply(list(c(57, 6), c(2, 1), c(4, 4), c(0, 5)), function(x) binom.test(x[1], sum(x))$p.value),
  mid_p = lapply(list(c(57, 6), c(2, 1), c(4, 4), c(0, 5)), function(x) mid(x[1], x[2])),
  corrected = mc(57, 6, TRUE), uncorrected = mc(57, 6, FALSE), equal = mc(4, 4, TRUE),
  tango = lapply(list(c(57, 6, 341), c(2, 1, 81), c(12, 9, 40), c(1, 7, 21)), function(x) tango(x[1], x[2], x[3])),
  kappa = list(none = kappa_of(diag(3), 1), linear = kappa_of(weight(3, 1), 2), quadratic = kappa_of(weight(3, 2), 2)),
  prevalence = list(low = at(.1), high = at(.8)),
  clustered_se = sqrt(clustered)), "diagnosis", c("psych", "car", "sandwich"))
