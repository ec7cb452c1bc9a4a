# Elastic-net paths of glmnet with penalty factors, both families, p > n and p < n.
# Run in this folder: Rscript factors.R
#
# glmnet rescales penalty.factor to sum to the number of features; ours uses them as given. Both
# minimise the same once lambda is divided by mean(penalty.factor): the CSVs hold our lambda.
# A factor of 0 is glmnet's way to leave a feature outside the penalty; here none is.
# Gaussian: glmnet divides y by its standard deviation s (divisor n) and turns lambda and the
# coefficients back, so that its ridge part is ours divided by s: y comes here with s = 1.
library(glmnet)
set.seed(11)
sizes <- list(wide = c(30, 60), tall = c(60, 12))
for (name in names(sizes)) {
  n <- sizes[[name]][1]; p <- sizes[[name]][2]
  x <- matrix(rnorm(n * p), n, p) %*% diag(exp(rnorm(p) / 2)) + 5
  x <- round(x, 5)
  eta <- 1.2 * scale(x[, 1]) - scale(x[, 2]) + 0.7 * scale(x[, 3])
  y <- rbinom(n, 1, plogis(eta))
  z <- as.vector(eta) + rnorm(n)
  z <- round((z - mean(z)) / sqrt(mean((z - mean(z))^2)), 14)
  f <- round(exp(rnorm(p)), 4)
  colnames(x) <- paste0("f", seq_len(p))
  write.csv(data.frame(y = y, z = format(z, digits = 15), x), paste0("factors_", name, ".csv"),
            row.names = FALSE, quote = FALSE)
  rows <- list()
  for (family in c("binomial", "gaussian")) for (alpha in c(0.5, 1)) {
    fit <- glmnet(x, if (family == "binomial") y else z, family = family, alpha = alpha,
                  penalty.factor = f, nlambda = 8, lambda.min.ratio = 0.1,
                  thresh = 1e-20, maxit = 1e8)
    stopifnot(length(fit$lambda) == 8, fit$jerr == 0)
    rows[[length(rows) + 1]] <- data.frame(
      family = family, alpha = alpha, lambda = fit$lambda / mean(f), intercept = fit$a0,
      t(as.matrix(fit$beta)))
  }
  out <- do.call(rbind, rows)
  out[-(1:2)] <- lapply(out[-(1:2)], function(v) format(v, digits = 12, trim = TRUE))
  write.csv(out, paste0("factors_", name, "_path.csv"), row.names = FALSE, quote = FALSE)
  write.csv(data.frame(factor = f), paste0("factors_", name, "_f.csv"),
            row.names = FALSE, quote = FALSE)
}
