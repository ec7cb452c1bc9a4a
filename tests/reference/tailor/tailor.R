# Oracle of the score x arm interaction: base R's lm, HC3 written out (MacKinnon & White 1985).
# Run: Rscript tailor.R   (in this directory)
set.seed(20)
n <- 75
d <- data.frame(
  subject_id = sprintf("P%03d", sample(n)), arm = sample(rep(c("END", "HIIT", "RES"), length.out = n)),
  age = round(rnorm(n, 50, 9), 1), sex = sample(c("F", "M"), n, TRUE), score = round(rnorm(n, 3, 2), 3)
)
d$change <- round(2 + (d$arm == "HIIT") + 0.05 * d$age + 0.4 * d$score * (d$arm == "RES") +
  rnorm(n, 0, 1 + (d$arm == "RES")), 3)
write.csv(d, "people.csv", row.names = FALSE)

hc3 <- function(fit) {
  x <- model.matrix(fit); b <- solve(crossprod(x)); e <- residuals(fit) / (1 - hatvalues(fit))
  b %*% crossprod(x * e) %*% b
}
ask <- function(fit, weights) {
  v <- hc3(fit); est <- sum(weights * coef(fit)); se <- sqrt(drop(weights %*% v %*% weights))
  df <- fit$df.residual; q <- qt(0.975, df) * se
  c(estimate = est, se = se, df = df, statistic = est / se, p_value = 2 * pt(-abs(est / se), df),
    ci_low = est - q, ci_high = est + q)
}
d$z <- d$score / sd(d$score)
fit3 <- lm(change ~ arm * z + age + sex, d)
two <- subset(d, arm != "HIIT"); two$z <- two$score / sd(two$score)
fit2 <- lm(change ~ arm * z + age + sex, two)
pick <- function(fit, plus, minus = NULL) {
  w <- setNames(rep(0, length(coef(fit))), names(coef(fit))); w[plus] <- 1; w[minus] <- -1; w
}
rows <- list(
  "three|HIIT - END" = ask(fit3, pick(fit3, "armHIIT:z")),
  "three|RES - END" = ask(fit3, pick(fit3, "armRES:z")),
  "three|RES - HIIT" = ask(fit3, pick(fit3, "armRES:z", "armHIIT:z")),
  "two|RES - END" = ask(fit2, pick(fit2, "armRES:z"))
)
k <- c("armHIIT:z", "armRES:z"); b <- coef(fit3)[k]; v <- hc3(fit3)[k, k]
f <- drop(b %*% solve(v) %*% b) / 2
rows[["three|all arms"]] <- c(estimate = NA, se = NA, df = fit3$df.residual, statistic = f,
  p_value = pf(f, 2, fit3$df.residual, lower.tail = FALSE), ci_low = NA, ci_high = NA)
out <- do.call(rbind, rows)
name <- do.call(rbind, strsplit(rownames(out), "|", fixed = TRUE))
write.csv(data.frame(case = name[, 1], contrast = name[, 2], out), "expected.csv", row.names = FALSE)
writeLines(c("name,version", paste0("R,", getRversion())), "versions.txt")
