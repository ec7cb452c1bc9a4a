# Oracles of pp.normalize: limma, edgeR and stats::lowess. Run in this folder: Rscript fixture.R
suppressMessages({library(limma); library(edgeR)})
set.seed(11)
keep <- function(x, file) write.csv(signif(x, 15), file, row.names = FALSE, quote = FALSE)

# samples x features; 8 samples, 25 features, ties and holes
p <- 25; n <- 8
x <- matrix(rnorm(n * p, 8, 2), n) + rnorm(n, 0, 0.7)
tied <- round(x)                      # ties within each sample
holes <- x; holes[sample(n * p, 30)] <- NA
both <- round(holes)
keep(x, "matrix.csv"); keep(tied, "tied.csv"); keep(holes, "holes.csv"); keep(both, "both.csv")
for (case in c("matrix", "tied", "holes", "both")) {
  value <- as.matrix(read.csv(paste0(case, ".csv")))
  keep(t(normalizeQuantiles(t(value), ties = TRUE)), paste0(case, "_quantile.csv"))
}
# linear: sample medians to their geometric mean
value <- 2^as.matrix(read.csv("holes.csv")); keep(value, "linear.csv")
keep(t(normalizeMedianValues(t(as.matrix(read.csv("linear.csv"))))), "linear_median.csv")

# drift: two batches, QC at uneven places, one hole in a QC sample; stats::lowess, then approx
order <- c(1:24, 1:24); batch <- rep(c("a", "b"), each = 24)
qc <- c(1, 4, 7, 11, 13, 17, 20, 24); is_qc <- rep(FALSE, 48); is_qc[c(qc, 24 + qc)] <- TRUE
f <- 6
y <- matrix(rnorm(48 * f, 0, ifelse(is_qc, 0.15, 0.8)), 48) + 10 + outer(order, seq(-0.05, 0.05, length = f)) +
  outer(batch == "b", rnorm(f))
y[7, 2] <- NA; y[11, 3] <- y[11, 3] + 3   # a hole and an outlier
y <- signif(y, 15)
drift <- function(v, log) {
  out <- v
  target <- median(v[is_qc], na.rm = TRUE)
  for (b in unique(batch)) {
    on <- is_qc & batch == b & !is.na(v)
    fit <- lowess(order[on], v[on], f = 0.75, iter = 3)
    level <- approx(fit$x, fit$y, xout = order[batch == b], rule = 2)$y
    out[batch == b] <- if (log) v[batch == b] - level + target else v[batch == b] / level * target
  }
  out
}
keep(y, "drift.csv"); keep(apply(y, 2, drift, log = TRUE), "drift_log.csv")
keep(apply(2^y, 2, drift, log = FALSE), "drift_linear.csv")
write.csv(data.frame(order, batch, qc = as.integer(is_qc)), "drift_samples.csv", row.names = FALSE, quote = FALSE)

# log CPM with TMM
counts <- matrix(rnbinom(12 * 60, mu = rep(exp(rnorm(60, 4, 1.5)), each = 12) * exp(rnorm(12, 0, 0.5)), size = 5), 12)
counts[1, 1:6] <- counts[1, 1:6] * 20L
keep(counts, "counts.csv")
d <- calcNormFactors(DGEList(t(counts)), method = "TMM")
keep(cbind(factor = d$samples$norm.factors), "tmm.csv")
keep(t(cpm(d, log = TRUE, prior.count = 2)), "log_cpm.csv")
writeLines(c(R.version.string, sapply(c("limma", "edgeR"), function(p) paste(p, packageVersion(p)))), "versions.txt")
