# Elastic-net logistic paths of glmnet on a small simulated data set.
# Run in this folder: Rscript script.R
library(glmnet)
set.seed(7)
n <- 40; p <- 60
x <- matrix(rnorm(n * p), n, p) %*% diag(exp(rnorm(p) / 2)) + 5
y <- rbinom(n, 1, plogis(1.2 * scale(x[, 1]) - scale(x[, 2])))
x <- round(x, 6)
colnames(x) <- paste0("f", seq_len(p))
write.csv(data.frame(y = y, x), "data.csv", row.names = FALSE, quote = FALSE)
for (alpha in c(0.5, 1)) {
  fit <- glmnet(x, y, family = "binomial", alpha = alpha, nlambda = 12,
                lambda.min.ratio = 0.05, thresh = 1e-14, maxit = 1e6)
  out <- cbind(lambda = fit$lambda, intercept = fit$a0, t(as.matrix(fit$beta)))
  out <- format(out, digits = 12, trim = TRUE)
  write.csv(out, sprintf("path_%g.csv", alpha), row.names = FALSE, quote = FALSE)
}
writeLines(c(R.version.string, paste("glmnet", packageVersion("glmnet")),
             "tolerance: 1e-5 on coefficients, 1e-5 relative on intercepts, 1e-6 relative on lambda_max",
             "factors.R: 1e-6 on coefficients and intercepts (relative above 1), 1e-6 relative on lambda_max"),
           "versions.txt")
