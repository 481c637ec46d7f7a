# Peer of compendium.statistics.agreement and .reliability: psych (ICC), base R.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "_write.R"))
suppressPackageStartupMessages(library(psych))
# Shrout and Fleiss (1979), table 2; Bland and Altman (1986), table 1 (first readings)
shrout <- rbind(c(9, 2, 5, 8), c(6, 1, 3, 2), c(8, 4, 6, 8), c(7, 1, 2, 6), c(10, 5, 6, 9), c(6, 2, 4, 7))
wright <- c(494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427)
mini <- c(512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451)
set.seed(2)
noise <- matrix(rnorm(30), 10)
noise <- noise - .8 * rowMeans(noise)             # an ICC below zero must stay below zero
icc <- function(m) { r <- ICC(m, lmer = FALSE)$results
  lapply(seq_len(6), function(i) c(r$ICC[i], r$"lower bound"[i], r$"upper bound"[i])) }
bias <- t.test(mini - wright)
subject <- rep(1:7, c(2, 3, 2, 4, 1, 3, 2))
value <- 50 + 10 * rnorm(7)[subject] + 2 * rnorm(17)
other <- value + 1 + 3 * rnorm(7)[subject] + 2 * rnorm(17)
table <- anova(lm(value ~ factor(subject)))
size <- table(subject); n0 <- (17 - sum(size^2) / 17) / 6
ratio <- table$"F value"[1]
from_f <- function(f) (f - 1) / (f + n0 - 1)
gap <- other - value
nested <- anova(lm(gap ~ factor(subject)))
between <- (nested$"Mean Sq"[1] - nested$"Mean Sq"[2]) / n0
within <- sigma(lm(value ~ factor(subject)))
line <- lm(I(mini - wright) ~ I((mini + wright) / 2)); spread <- lm(abs(resid(line)) ~ I((mini + wright) / 2))
s12 <- mean((wright - mean(wright)) * (mini - mean(mini)))
pop <- function(v) mean((v - mean(v))^2)
# concordance as 1 - expected squared difference / the same under independence, over all pairs
independent <- mean(outer(wright, mini, "-")^2)
write_peer(list(
  data = list(shrout = shrout, noise = noise, wright = wright, mini = mini, subject = subject, value = value, other = other),
  icc = icc(shrout), icc_noise = icc(noise),
  bias = list(estimate = unname(bias$estimate), ci = bias$conf.int[1:2], sd = sd(mini - wright)),
  regression = list(line = unname(coef(line)), spread = unname(coef(spread))),
  nested = list(sd = sqrt(max(between, 0) + nested$"Mean Sq"[2]), within = sqrt(nested$"Mean Sq"[2])),
  oneway = c(from_f(ratio), from_f(ratio / qf(.975, 6, 10)), from_f(ratio * qf(.975, 10, 6))),
  within = within, within_ci = within * sqrt(10 / qchisq(c(.975, .025), 10)), log_cv = exp(sigma(lm(log(value) ~ factor(subject)))) - 1,
  concordance = 1 - mean((wright - mini)^2) / independent,
  rmse = c(sqrt(mean((mini - wright)^2)), sqrt(pop(mini - wright)), sqrt(mean(resid(lm(wright ~ mini))^2)), sigma(lm(wright ~ mini)))),
  "agreement", "psych")
