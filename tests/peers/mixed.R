# Peer of compendium.statistics.mixed: lme4 and lmerTest, optimiser tightened beyond its default.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "_write.R"))
suppressPackageStartupMessages({library(lme4); library(lmerTest)})
tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.2, rhoend = 1e-10), calc.derivs = FALSE, check.conv.singular = "ignore")
describe <- function(m) {
  s <- coef(summary(m)); v <- as.data.frame(VarCorr(m))$sdcor
  list(coefficients = unname(s[, 1]), se = unname(s[, 2]), df = unname(s[, "df"]), p = unname(s[, 5]), sigma_cluster = v[1],
       sigma = v[2], log_likelihood = as.numeric(logLik(m)), singular = isSingular(m))
}
# the shape of one cohort: 66 samples of 27 patients, raw units of thousands
set.seed(5)
sizes <- c(rep(1, 7), rep(2, 6), rep(3, 9), rep(4, 5))
patient <- rep(seq_along(sizes), sizes); n <- length(patient)
x <- 1300 + 330 * rnorm(n) + 150 * rnorm(27)[patient]
y <- 1500 + .8 * x + 700 * rnorm(27)[patient] + 1000 * rnorm(n)
group <- as.numeric(patient %% 2 == 0)
within <- x - ave(x, patient); between <- ave(x, patient)
noise <- rnorm(n)                                # no variance between patients: a singular fit
flat <- 5 + noise - ave(noise, patient)
d <- data.frame(x, y, flat, group, within, between, patient)
# bobyqa is asked for more than double precision holds: it stops early and warns
fit <- function(f, REML = TRUE) suppressWarnings(lmer(f, d, REML = REML, control = tight))
full <- fit(y ~ x + (1 | patient), FALSE); null <- fit(y ~ 1 + (1 | patient), FALSE)
ratio <- anova(null, full)
wb <- fit(y ~ within + between + (1 | patient))
gap <- contest1D(wb, c(0, -1, 1))
refused <- function(expr) tryCatch({expr; ""}, error = function(e) conditionMessage(e))
s <- sleepstudy
write_peer(list(
  data = list(x = x, y = y, flat = flat, group = group, patient = patient, reaction = s$Reaction, days = s$Days,
              subject = as.character(s$Subject)),
  sleep_reml = describe(lmer(Reaction ~ Days + (1 | Subject), s, control = tight)),
  sleep_ml = describe(lmer(Reaction ~ Days + (1 | Subject), s, REML = FALSE, control = tight)),
  reml = describe(fit(y ~ x + (1 | patient))), ml = describe(full), mean_only = describe(fit(y ~ 1 + (1 | patient))),
  singular = describe(fit(flat ~ x + (1 | patient))), singular_ml = describe(fit(flat ~ x + (1 | patient), FALSE)),
  likelihood_ratio = list(statistic = ratio$Chisq[2], p = ratio$"Pr(>Chisq)"[2]),
  within_between = describe(wb), contrast = list(estimate = gap$Estimate, se = gap$"Std. Error", df = gap$df, p = gap$"Pr(>|t|)"),
  interaction = describe(fit(y ~ x * group + (1 | patient))),
  interaction_within = describe(fit(y ~ within * group + between * group + (1 | patient))),
  one_cluster = refused(lmer(y ~ x + (1 | g), data.frame(x = x[1:9], y = y[1:9], g = 1))),
  all_clusters = refused(lmer(y ~ x + (1 | g), data.frame(x = x[1:9], y = y[1:9], g = 1:9)))), "mixed", c("lme4", "lmerTest"))
