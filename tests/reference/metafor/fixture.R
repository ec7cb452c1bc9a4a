# Random-effects meta-analysis by metafor, feature by feature, each on the cohorts it has.
# Run in this folder: Rscript fixture.R
suppressMessages(library(metafor))
options(digits = 17)
set.seed(11)
n <- 48; k <- 8
tau <- rep(c(0, 0.1, 0.4, 1.5), length.out = n)
present <- rep(c(2, 3, 5, 8), each = n / 4)
rows <- list()
for (f in 1:n) for (j in sort(sample(k, present[f]))) {
  se <- exp(runif(1, log(0.08), log(0.9)))
  rows[[length(rows) + 1]] <- data.frame(
    feature = sprintf("F%02d", f), cohort = paste0("C", j),
    estimate = rnorm(1, 0.5 * (f %% 3), sqrt(tau[f]^2 + se^2)), se = se)
}
effects <- do.call(rbind, rows)
write.csv(effects, "effects.csv", row.names = FALSE)
effects <- read.csv("effects.csv")   # the very numbers that the tests read

# far tighter than metafor's defaults, so that the two searches can be compared
control <- list(REML = list(threshold = 1e-14, maxiter = 10000, stepadj = 0.5),
                PM = list(tol = 1e-14, maxiter = 10000, tau2.max = 1000), DL = list(), EE = list())
heterogeneity <- list(); tests <- list()
for (f in unique(effects$feature)) {
  d <- effects[effects$feature == f, ]
  for (method in names(control)) {
    for (test in c("z", "knha", "adhoc")) {
      fit <- suppressWarnings(rma(estimate, sei = se, data = d, method = method, test = test,
                                  control = control[[method]]))
      p <- predict(fit)
      pi <- if (method == "EE") c(NA, NA) else c(p$pi.lb, p$pi.ub)
      tests[[length(tests) + 1]] <- data.frame(
        feature = f, method = method, test = test, estimate = fit$beta[1], se = fit$se,
        statistic = fit$zval, p_value = fit$pval, ci_low = fit$ci.lb, ci_high = fit$ci.ub,
        pi_low = pi[1], pi_high = pi[2])
    }
    heterogeneity[[length(heterogeneity) + 1]] <- data.frame(
      feature = f, method = method, tau2 = fit$tau2, i2 = fit$I2, h2 = fit$H2, q = fit$QE,
      q_p = fit$QEp, k = fit$k)
  }
}
write.csv(do.call(rbind, tests), "tests.csv", row.names = FALSE)
write.csv(do.call(rbind, heterogeneity), "heterogeneity.csv", row.names = FALSE)
writeLines(c(R.version.string, paste("metafor", packageVersion("metafor"))), "versions.txt")
