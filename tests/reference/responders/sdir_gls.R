# REML of change ~ arm + baseline + sex with a residual variance for each arm: nlme::gls.
# Run in this folder: Rscript sdir_gls.R
library(nlme)
set.seed(4)
people <- list(); answers <- list()
for (case in 1:3) {
  n <- c(20, 12, 60)[case]; m <- c(15, 12, 40)[case]
  pre <- rnorm(n + m, 45, 6); arm <- rep(c(1, 0), c(n, m)); sex <- rbinom(n + m, 1, .5)
  change <- 3 * arm - 0.1 * (pre - 45) + sex + rnorm(n + m, 0, ifelse(arm == 1, c(3, 1.2, 4)[case], 2))
  d <- data.frame(case = case, pre = pre, arm = arm, sex = sex, change = change)
  fit <- gls(change ~ arm + pre + sex, weights = varIdent(form = ~ 1 | arm), data = d,
             method = "REML", control = glsControl(tolerance = 1e-12, msTol = 1e-14))
  s <- fit$sigma * c(1, coef(fit$modelStruct$varStruct, unconstrained = FALSE))
  answers[[case]] <- data.frame(case = case, sd_treated = s[1], sd_control = s[2])  # arm 1 comes first
  people[[case]] <- d
}
write.csv(do.call(rbind, people), "sdir_gls_people.csv", row.names = FALSE)
write.csv(format(do.call(rbind, answers), digits = 15), "sdir_gls.csv", row.names = FALSE)
writeLines(c(R.version.string, paste("nlme", packageVersion("nlme"))), "versions.txt")
