# Peer of compendium.statistics.models and .polynomials: lm, AIC, BIC.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "_write.R"))
suppressPackageStartupMessages(library(car))

i <- 1:25
size <- 12 + 6 * sin(i * 1.7) + 0.1 * i
fraction <- 0.5 + 0.2 * cos(i * 0.9) + 0.004 * size
map <- 10 + 0.4 * size + 3 * fraction + 1.5 * sin(i * 4.1)
z <- data.frame(scale(cbind(map, size, fraction)))
fit <- lm(map ~ size + fraction, z)
s <- summary(fit)$coefficients
ci <- confint(fit)
# leave-groups-out predictions of a quadratic in two variables, groups of five rows, one group a fold
group <- rep(1:5, each = 5)
predicted <- numeric(25)
for (k in 1:5) {
  train <- group != k
  m <- lm(map ~ size + fraction + I(size^2) + I(size * fraction) + I(fraction^2),
          data.frame(map, size, fraction)[train, ])
  predicted[!train] <- predict(m, data.frame(size, fraction)[!train, ])
}
write_peer(list(
  data = list(map = map, size = size, fraction = fraction, group = group),
  regression = list(beta = unname(s[-1, 1]), standard_error = unname(s[-1, 2]), t = unname(s[-1, 3]),
                    p = unname(s[-1, 4]), lower = unname(ci[-1, 1]), upper = unname(ci[-1, 2]),
                    r_squared = summary(fit)$r.squared, aic = AIC(fit), bic = BIC(fit),
                    log_likelihood = as.numeric(logLik(fit)), vif = unname(vif(fit))),
  cross_validation = list(predicted = predicted, r = cor(predicted, map))
), "models", "car")
