# Peer of compendium.statistics.interval_censored: survival::survfit on interval2 data (Turnbull's estimate).
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "_write.R"))
suppressPackageStartupMessages(library(survival))

lower <- c(0, 0, 30, 45, 60, 80, 0, 90, 20, 100, 50, 10)
upper <- c(41, 67, 95, 120, 110, NA, 55, 150, NA, 224, 50, 35)
left <- ifelse(lower == 0, NA, lower)
fit <- survfit(Surv(left, upper, type = "interval2") ~ 1)
curve <- summary(fit, times = c(35, 50, 95, 110, 150))
write_peer(list(lower = lower, upper = upper, times = curve$time, survival = curve$surv), "intervals", "survival")
