# Rank and permutation tests: data and the answers of stats, exactRankTests and coin, as CSV.
# Run in this folder: Rscript fixture.R
suppressMessages({library(exactRankTests); library(coin)})
set.seed(20260102)
options(digits = 17)
n_feature <- 6
data <- list(); results <- list()

keep <- function(case, feature, arm, value)
  data[[length(data) + 1]] <<- data.frame(case, feature, arm, value)
answer <- function(case, feature, test, p_exact = NA, p_coin = NA, walsh = NA) {
  ci <- if (is.null(test$conf.int)) c(NA, NA) else test$conf.int
  results[[length(results) + 1]] <<- data.frame(
    case, feature, statistic = unname(test$statistic), p_value = test$p.value,
    estimate = if (is.null(test$estimate)) NA else unname(test$estimate),
    ci_low = ci[1], ci_high = ci[2], p_exact, p_coin, middle = walsh)
}
quiet <- suppressWarnings

# one group: the people's changes. `middle` is the median of all Walsh averages, written out.
one <- function(case, n, exact, tied) for (f in seq_len(n_feature)) {
  x <- if (tied) round(rnorm(n, 0.8, 2)) else round(rnorm(n, 0.4, 1), 6)
  keep(case, f, 1, x)
  w <- outer(x, x, "+") / 2
  middle <- median(w[!lower.tri(w)])
  if (!exact || !tied) {
    test <- quiet(wilcox.test(x, exact = exact, correct = TRUE, conf.int = TRUE))
    answer(case, f, test, walsh = middle)
  } else {
    test <- quiet(wilcox.exact(x, conf.int = TRUE))
    sign <- wilcoxsign_test(x ~ rep(0, n), distribution = "exact", zero.method = "Wilcoxon")
    answer(case, f, test, test$p.value, as.numeric(pvalue(sign)), middle)
  }
}
for (n in c(4, 5, 6, 8, 12, 25, 49)) one(paste0("one_", n), n, TRUE, FALSE)
for (n in c(60, 110)) one(paste0("one_normal_", n), n, FALSE, FALSE)
for (n in c(6, 9, 15, 30, 45)) one(paste0("one_tied_", n), n, TRUE, TRUE)
for (n in c(90)) one(paste0("one_tied_normal_", n), n, FALSE, TRUE)

two <- function(case, n1, n2, exact, tied) for (f in seq_len(n_feature)) {
  make <- function(n, m) if (tied) round(rnorm(n, m, 2)) else round(rnorm(n, m, 1), 6)
  x <- make(n1, 1); y <- make(n2, 0)
  keep(case, f, rep(1:2, c(n1, n2)), c(x, y))
  middle <- median(outer(x, y, "-"))
  if (!exact || !tied) {
    test <- quiet(wilcox.test(x, y, exact = exact, correct = TRUE, conf.int = TRUE))
    answer(case, f, test, walsh = middle)
  } else {
    test <- quiet(wilcox.exact(x, y, conf.int = TRUE))
    frame <- data.frame(v = c(x, y), g = factor(rep(1:2, c(n1, n2))))
    answer(case, f, test, test$p.value,
           as.numeric(pvalue(wilcox_test(v ~ g, frame, distribution = "exact"))), middle)
  }
}
for (n in list(c(3, 3), c(3, 5), c(7, 4), c(12, 15), c(30, 41)))
  two(paste0("two_", n[1], "_", n[2]), n[1], n[2], TRUE, FALSE)
two("two_normal_55_40", 55, 40, FALSE, FALSE)
for (n in list(c(4, 3), c(8, 6), c(5, 14), c(20, 25)))
  two(paste0("two_tied_", n[1], "_", n[2]), n[1], n[2], TRUE, TRUE)
two("two_tied_normal_40_30", 40, 30, FALSE, TRUE)
write.csv(do.call(rbind, data), "data.csv", row.names = FALSE)
write.csv(do.call(rbind, results), "results.csv", row.names = FALSE)

# Sign flips of the sum of changes, all 2^n; labels of two equal arms, all choose(12, 6), and the
# step-down max-T of coin over the features (a million draws: its joint null is Monte Carlo only).
n <- 12
x <- matrix(round(rnorm(n * n_feature, 0.5, 1) + rnorm(n), 2), n)
x[, 1] <- x[, 1] + 1
group <- factor(rep(1:2, each = n / 2))
x[group == 1, 2] <- x[group == 1, 2] + 4
x[group == 1, 4] <- x[group == 1, 4] + 2.5
flip <- apply(x, 2, function(v)
  perm.test(as.integer(round(100 * v)), paired = FALSE, mu = 0, exact = TRUE)$p.value)
label <- apply(x, 2, function(v)
  as.numeric(pvalue(oneway_test(v ~ g, data.frame(v, g = group), distribution = "exact"))))
frame <- data.frame(x, g = group)
joint <- independence_test(X1 + X2 + X3 + X4 + X5 + X6 ~ g, frame,
                           distribution = approximate(nresample = 1e6))
adjusted <- as.numeric(pvalue(joint, method = "step-down"))
write.csv(data.frame(arm = group, x), "flip_data.csv", row.names = FALSE)
write.csv(data.frame(feature = seq_len(n_feature), flip, label, adjusted), "flip_results.csv",
          row.names = FALSE)
writeLines(c(R.version.string, paste("exactRankTests", packageVersion("exactRankTests")),
             paste("coin", packageVersion("coin"))), "versions.txt")
