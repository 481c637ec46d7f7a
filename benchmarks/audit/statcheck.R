# What statcheck (Nuijten et al. 2016; Debian's r-cran-statcheck, GPL: an oracle, never a dependency) finds in a table of texts.
#
#   Rscript benchmarks/audit/statcheck.R texts.csv found.csv
#
# texts.csv has the columns paper and text. found.csv: a row per test that was read, with what was read, whether its p does not
# fit under the package's defaults (error), and whether it does not when "p = .000" is not held against it (error_zero_allowed).
arguments <- commandArgs(trailingOnly = TRUE)
suppressPackageStartupMessages(library(statcheck))
given <- read.csv(arguments[1], colClasses = "character", encoding = "UTF-8")
texts <- given$text
names(texts) <- given$paper
found <- statcheck(texts, messages = FALSE)
lenient <- statcheck(texts, messages = FALSE, pZeroError = FALSE)
stopifnot(identical(found$raw, lenient$raw))
found <- data.frame(
  paper = as.character(found$source), type = as.character(found$test_type), raw = found$raw,
  error = as.integer(found$error), error_zero_allowed = as.integer(lenient$error)
)
write.csv(found, arguments[2], row.names = FALSE, fileEncoding = "UTF-8")
cat(as.character(packageVersion("statcheck")), R.version$major, R.version$minor, "\n")
