# Slopes of an outcome on features: data, and the answers of lm and limma, all as CSV.
# Run in this folder: Rscript fixture.R
# limma answers the reversed regression feature ~ outcome + adjust, whose t is the same; its
# residual variances are what is moderated.
suppressMessages(library(limma))
set.seed(20260201)
options(digits = 17)

make <- function(name, n, share_missing, n_feature = 40) {
  people <- data.frame(subject = sprintf("P%02d", seq_len(n)))
  people$arm <- rep(c("EE", "CON"), length.out = n)
  people$sex <- sample(c("F", "M"), n, replace = TRUE)
  people$age <- round(rnorm(n, 45, 12))
  people$vo2_pre <- round(rnorm(n, 40 - 0.2 * (people$age - 45), 6), 1)
  sigma <- sqrt(0.3 * 5 / rchisq(n_feature, 5))
  x <- 6 + sigma * matrix(rnorm(n_feature * n), n_feature) +
    outer(rnorm(n_feature, 0, 0.02), people$vo2_pre - 40)
  noise <- ifelse(people$arm == "EE", 3, 1.5) * rnorm(n)
  people$change <- round(3 * (people$arm == "EE") - 0.15 * (people$vo2_pre - 40) + noise +
    2 * colMeans(x[1:3, ] - 6), 2)
  if (share_missing > 0) x[runif(length(x)) < share_missing] <- NA
  rownames(x) <- sprintf("F%02d", seq_len(n_feature)); colnames(x) <- people$subject
  write.csv(t(x), paste0(name, "_matrix.csv"))
  write.csv(people, paste0(name, "_people.csv"), row.names = FALSE)

  rows <- list()
  add <- function(model, contrast, feature, estimate, se, df)
    rows[[length(rows) + 1]] <<- data.frame(
      model = model, contrast = contrast, feature = feature, estimate = estimate, se = se, df = df,
      statistic = estimate / se, p_value = 2 * pt(-abs(estimate / se), df))
  slope <- function(fit, weights) {
    b <- coef(fit)[names(weights)]; v <- vcov(fit)[names(weights), names(weights)]
    c(sum(weights * b), sqrt(drop(weights %*% v %*% weights)), df.residual(fit))
  }
  one <- list()
  for (f in rownames(x)) {
    d <- cbind(people, x = x[f, ])
    # one group of people
    s <- slope(lm(change ~ x + vo2_pre + age + sex + arm, d), c(x = 1))
    add("one", "all", f, s[1], s[2], s[3])
    # each arm by itself, Welch's difference
    arm <- list()
    for (a in c("EE", "CON")) {
      arm[[a]] <- s <- slope(lm(change ~ x + vo2_pre + age + sex, d[d$arm == a, ]), c(x = 1))
      add("arm", a, f, s[1], s[2], s[3])
    }
    v <- c(arm$EE[2], arm$CON[2])^2
    add("arm", "EE - CON", f, arm$EE[1] - arm$CON[1], sqrt(sum(v)),
        sum(v)^2 / sum(v^2 / c(arm$EE[3], arm$CON[3])))
    # one regression of both arms
    fit <- lm(change ~ 0 + arm + arm:x + vo2_pre + age + sex, d)
    for (a in c("EE", "CON")) {
      s <- slope(fit, setNames(1, paste0("arm", a, ":x"))); add("pooled", a, f, s[1], s[2], s[3])
    }
    s <- slope(fit, c("armEE:x" = 1, "armCON:x" = -1)); add("pooled", "EE - CON", f, s[1], s[2], s[3])
  }
  moderated <- function(contrast, use, formula) {
    fit <- eBayes(lmFit(x[, use], model.matrix(formula, people[use, ])))
    rows[[length(rows) + 1]] <<- data.frame(
      model = "moderated", contrast = contrast, feature = rownames(x), estimate = NA, se = NA,
      df = fit$df.total, statistic = fit$t[, "change"], p_value = fit$p.value[, "change"])
  }
  moderated("all", rep(TRUE, n), ~ change + vo2_pre + age + sex + arm)
  for (a in c("EE", "CON")) moderated(a, people$arm == a, ~ change + vo2_pre + age + sex)
  write.csv(do.call(rbind, rows), paste0(name, "_answers.csv"), row.names = FALSE)
}

make("complete", 40, 0)
make("missing", 44, 0.12)
make("small", 18, 0.06, n_feature = 30)
writeLines(c(R.version.string, paste("limma", packageVersion("limma"))), "versions.txt")
