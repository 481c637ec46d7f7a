# Peer of compendium.statistics.groups and .equivalence: base R and car.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "_write.R"))
suppressPackageStartupMessages(library(car))

a <- c(12.1, 9.8, 15.3, 11.0, 13.7, 10.2, 14.9)
b <- c(8.4, 10.9, 7.7, 9.1, 12.0)
c3 <- c(20.3, 11.8, 35.0)                       # n = 3, wide
paired_first <- c(81, 85.5, 90, 88, 79, 84)
paired_second <- c(82, 84, 91, 87, 80.5, 84)

describe <- function(t) list(statistic = unname(t$statistic), df = unname(t$parameter), p = t$p.value,
                             lower = t$conf.int[1], upper = t$conf.int[2])
values <- c(a, b, c3)
group <- factor(rep(c("a", "b", "c"), c(length(a), length(b), length(c3))))
table <- anova(lm(values ~ group))
welch <- oneway.test(values ~ group)
# TOST from two one-sided t tests, the definition
tost <- function(x, y, low, high, ...) c(t.test(x, y, mu = low, alternative = "greater", ...)$p.value,
                                         t.test(x, y, mu = high, alternative = "less", ...)$p.value)
write_peer(list(
  data = list(a = a, b = b, c = c3, paired_first = paired_first, paired_second = paired_second),
  student = describe(t.test(a, b, var.equal = TRUE)),
  welch = describe(t.test(a, b)),
  welch_small = describe(t.test(b, c3)),
  paired = describe(t.test(paired_first, paired_second, paired = TRUE)),
  greater = t.test(a, b, alternative = "greater")$p.value,
  anova = list(statistic = table$`F value`[1], df = table$Df, p = table$`Pr(>F)`[1]),
  welch_anova = list(statistic = unname(welch$statistic), df = unname(welch$parameter), p = welch$p.value),
  levene_mean = as.list(unlist(leveneTest(values, group, center = mean)[1, c("F value", "Pr(>F)")])),
  levene_median = as.list(unlist(leveneTest(values, group, center = median)[1, c("F value", "Pr(>F)")])),
  tost_welch = tost(a, b, -6, 6),
  tost_pooled = tost(a, b, -6, 6, var.equal = TRUE),
  tost_paired = tost(paired_first, paired_second, -2, 2, paired = TRUE)
), "groups", "car")
