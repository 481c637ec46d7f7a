# Peer of compendium.statistics.outliers: ROUT coded again by another road (Prism, where it was published, is closed).
# The merit function of Lorentzian scatter is minimised by optim and Newton steps with the robust spread held, instead of by weights, and the
# step of the false discovery rate is p.adjust of the outer points.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "_write.R"))

spread <- function(r, k, type) unname(quantile(abs(r), .6827, type = type)) * length(r) / (length(r) - k)
rout <- function(y, x = NULL, q = .01, type = 7) {
  design <- cbind(rep(1, length(y)), x); k <- ncol(design); n <- length(y)
  b <- unname(coef(lm.fit(design, y))); s <- spread(y - design %*% b, k, type)
  for (i in 1:200) {
    merit <- function(b) sum(log1p(((y - design %*% b) / s)^2))
    slope <- function(b) { r <- as.numeric(y - design %*% b); -2 * colSums(design * r / (s^2 + r^2)) }
    bend <- function(b) { r <- as.numeric(y - design %*% b); 2 * crossprod(design * ((s^2 - r^2) / (s^2 + r^2)^2), design) }
    b <- optim(b, merit, slope, method = "BFGS", control = list(reltol = 1e-16, maxit = 2000))$par
    for (j in 1:5) b <- b - as.numeric(solve(bend(b), slope(b)))      # Newton: to the last digits
    after <- spread(y - design %*% b, k, type)
    if (abs(after - s) < 1e-13 * s) break
    s <- after
  }
  ratio <- abs(as.numeric(y - design %*% b)) / s
  outer <- order(ratio)[max(floor(.7 * n), 1):n]
  flagged <- outer[p.adjust(2 * pt(-ratio[outer], n - k), "BH", n = n) < q]
  list(coefficients = as.list(b), rsdr = s, outlier = as.list(sort(flagged) - 1))
}
set.seed(20)
x <- seq(0, 14.5, .5)
line <- 2 - .7 * x + rnorm(30); line[c(4, 11, 25)] <- line[c(4, 11, 25)] + c(7, -9, 12)
heavy <- rt(40, 1.5)
wide <- 50 + 10 * rnorm(17)
write_peer(list(
  data = list(x = x, line = line, heavy = heavy, wide = wide),
  line = rout(line, x), line_strict = rout(line, x, q = .0001), heavy = rout(heavy), heavy_loose = rout(heavy, q = .1),
  wide = rout(wide), weibull = rout(wide, type = 6), hazen = rout(wide, type = 5), median_unbiased = rout(wide, type = 8)),
  "outliers")
