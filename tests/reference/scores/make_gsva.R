# ssGSEA and GSVA of a complete, continuous matrix: data, sets and GSVA 1.46's answers as CSV.
# Run in this folder: Rscript make_gsva.R
# All numbers carry 17 digits. No value is tied within a sample or within a feature.
suppressMessages(library(GSVA))
set.seed(20260202)

write17 <- function(m, file) {
  text <- apply(m, 2, function(column) formatC(column, digits = 17, format = "g", width = 1))
  text[is.na(m)] <- ""
  dim(text) <- dim(m)
  lines <- c(paste(c("", colnames(m)), collapse = ","),
             paste(rownames(m), apply(text, 1, paste, collapse = ","), sep = ","))
  writeLines(lines, file)
}
quiet <- function(...) {
  answer <- NULL
  invisible(capture.output(answer <- suppressWarnings(gsva(..., verbose = FALSE))))
  answer
}

# ---- matrix: 150 features x 14 samples, log2-like; the first 20 features follow the sample order
# A value that stands alone by many bandwidths saturates the kernel: such features share one log
# odds up to the last bit, and their order is then noise. Features are redrawn until none does, so
# that no answer below hangs on rounding.
n_feature <- 150; n_sample <- 14
alone <- function(y) {                        # distance of the extremes to their neighbours, in bw
  gap <- diff(sort(y)) / (sd(y) / 4)
  max(gap[1], gap[length(gap)])
}
draw <- function(i) {
  sigma <- sqrt(0.3 * 6 / rchisq(1, 6))
  repeat {
    y <- sigma * rnorm(n_sample)
    if (i <= 20) y <- y + seq(-1, 1, length.out = n_sample)
    if (i > 140) y <- y + rexp(n_sample)                               # skewed, as cytokines are
    if (alone(y) < 5) return(y)
  }
}
level <- rnorm(n_feature, 8, 2)
x <- level + t(sapply(seq_len(n_feature), draw))
rownames(x) <- sprintf("F%03d", seq_len(n_feature))
colnames(x) <- sprintf("S%02d", seq_len(n_sample))
stopifnot(!anyDuplicated(as.vector(x)))
write17(t(x), "matrix.csv")
x <- t(as.matrix(read.csv("matrix.csv", row.names = 1)))               # what a reader will have

# ---- unsigned sets, sizes 2 to 40, overlapping
f <- rownames(x)
sets <- list(
  pair = f[c(3, 77)], triple = f[c(10, 60, 149)], trend5 = f[1:5], trend20 = f[1:20],
  half_trend = f[c(11:20, 31:40)], skewed = f[141:150], middle = sample(f[order(level)[60:95]], 12),
  top = f[order(level, decreasing = TRUE)[1:15]], random25 = sample(f, 25), random40 = sample(f, 40))
members <- data.frame(set = rep(names(sets), lengths(sets)), feature = unlist(sets))
write.csv(members, "sets.csv", row.names = FALSE, quote = FALSE)

# ---- answers: samples in rows, sets in columns
least_gap <- function(x) {
  z <- GSVA:::compute.gene.density(x, seq_len(ncol(x)), rnaseq = FALSE, kernel = TRUE)
  min(diff(apply(z, 2, sort)))
}
runs <- function(x, prefix) {
  stopifnot(least_gap(x) > 1e-8)                                       # no order hangs on rounding
  answers <- list(
    ssgsea            = quiet(x, sets, method = "ssgsea", tau = 0.25, ssgsea.norm = TRUE),
    ssgsea_raw        = quiet(x, sets, method = "ssgsea", tau = 0.25, ssgsea.norm = FALSE),
    ssgsea_tau1_raw   = quiet(x, sets, method = "ssgsea", tau = 1, ssgsea.norm = FALSE),
    gsva              = quiet(x, sets, method = "gsva", kcdf = "Gaussian", tau = 1, mx.diff = TRUE),
    gsva_max          = quiet(x, sets, method = "gsva", kcdf = "Gaussian", tau = 1, mx.diff = FALSE),
    gsva_abs          = quiet(x, sets, method = "gsva", kcdf = "Gaussian", tau = 1, mx.diff = TRUE,
                              abs.ranking = TRUE),
    gsva_tau025       = quiet(x, sets, method = "gsva", kcdf = "Gaussian", tau = 0.25, mx.diff = TRUE))
  for (name in names(answers)) write17(t(answers[[name]]), paste0(prefix, name, ".csv"))
}
runs(x, "")
four <- x[, c(1, 5, 9, 13)]                                            # four samples only
four <- four[apply(four, 1, alone) < 4, ]
write17(t(four), "four_matrix.csv")
sets <- lapply(sets, intersect, rownames(four))
sets <- sets[lengths(sets) > 1]
members <- data.frame(set = rep(names(sets), lengths(sets)), feature = unlist(sets))
write.csv(members, "four_sets.csv", row.names = FALSE, quote = FALSE)
runs(four, "four_")

# ---- the kernel cdf's log odds, before ranking (the first 12 and the last 12 features)
density <- GSVA:::compute.gene.density(x, seq_len(n_sample), rnaseq = FALSE, kernel = TRUE)
dimnames(density) <- dimnames(x)
write17(t(density[c(1:12, 139:150), ]), "log_odds.csv")

# ---- ties, one constant feature, one feature with NA: what GSVA 1.46 does
edge <- x[1:60, 1:8]
edge[c(5, 25, 45), ] <- edge[c(6, 26, 46), ]                           # three pairs tied in each sample
edge[10, ] <- 9                                                        # constant
edge_sets <- list(tied = f[c(5, 6, 25, 26, 30)], constant = f[c(10, 11, 12)], plain = f[31:42])
write17(t(edge), "edge_matrix.csv")
edge_members <- data.frame(set = rep(names(edge_sets), lengths(edge_sets)),
                           feature = unlist(edge_sets))
write.csv(edge_members, "edge_sets.csv", row.names = FALSE, quote = FALSE)
write17(t(quiet(edge, edge_sets, method = "ssgsea", ssgsea.norm = FALSE)), "edge_ssgsea_raw.csv")
write17(t(quiet(edge, edge_sets, method = "gsva", kcdf = "Gaussian")), "edge_gsva.csv")
hole <- x[1:60, 1:8]; hole[2, 3] <- NA; hole[40, c(1, 8)] <- NA
write17(t(hole), "hole_matrix.csv")
write17(t(quiet(hole, edge_sets, method = "gsva", kcdf = "Gaussian")), "hole_gsva.csv")

writeLines(c(R.version.string, paste("GSVA", packageVersion("GSVA")),
             paste("sparseMatrixStats", packageVersion("sparseMatrixStats"))), "versions.txt")
