# Time courses: natural splines in minutes, random intercept by REML, Kenward-Roger.
# Run in this folder: Rscript fixture.R
suppressMessages({library(lmerTest); library(pbkrtest); library(nlme); library(splines)})
options(digits = 17)
tight <- lmerControl(optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-14, maxeval = 10000),
                     check.conv.singular = "ignore")

x <- c(seq(-40, 300, length.out = 35), -15, 10, 30, 120, 240)
write.csv(cbind(x = x, as.data.frame(unclass(ns(x, knots = c(10, 30, 120),
          Boundary.knots = c(-15, 240))))), "ns.csv", row.names = FALSE)

# two arms, six times, own minutes around the planned ones, visits and cells missing
set.seed(11)
n <- 14; f <- 12
plan <- c(pre = -15, p0 = 0, p10 = 10, p30 = 30, p60 = 60, p180 = 180)
s <- expand.grid(time = names(plan), subject = sprintf("P%02d", 1:n), stringsAsFactors = FALSE)
s$arm <- ifelse(as.integer(substr(s$subject, 2, 3)) <= 8, "EE", "CON")
s$minutes <- plan[s$time] + ifelse(s$time %in% c("pre", "p0"), 0, round(runif(nrow(s), -2, 2), 1))
s$sample <- paste(s$subject, s$time, sep = "_")
s$hours <- round(rnorm(nrow(s), 8, 1.5), 2)
m <- plan[s$time]
shape <- ifelse(s$arm == "EE", 1.5, .3) * ifelse(m < 0, 0, (m + 15) / 30 * exp(1 - (m + 15) / 30))
y <- sapply(1:f, function(k) 5 + shape * k / f + rep(rnorm(n, 0, 1), each = 6) + rnorm(nrow(s), 0, .4))
y[sample(length(y), 80)] <- NA
y <- round(y, 6)
drop <- s$sample %in% c("P03_p60", "P05_p180", "P11_pre")
s <- s[!drop, ]; y <- y[!drop, ]
rownames(y) <- s$sample; colnames(y) <- sprintf("F%02d", 1:f)
write.csv(y, "matrix.csv"); write.csv(s, "samples.csv", row.names = FALSE)

# knots: quantiles of the planned (median) times; the boundary is baseline and the last one
nominal <- sort(c(-15, tapply(s$minutes, s$time, median)[names(plan)[-1]]))
writeLines(format(nominal, digits = 17), "nominal.txt")
run <- function(df, covariate) {
  inner <- if (df > 1) quantile(nominal, seq_len(df - 1) / df, names = FALSE) else NULL
  B <- ns(s$minutes, knots = inner, Boundary.knots = range(nominal))
  at <- predict(B, nominal[-1]) - predict(B, rep(nominal[1], length(nominal) - 1))
  B <- unclass(B); colnames(B) <- paste0("b", seq_len(df))
  rows <- list()
  for (name in colnames(y)) {
    d <- data.frame(s, B, y = y[, name]); d <- d[!is.na(d$y), ]
    basis <- paste0("arm:b", seq_len(df))
    form <- as.formula(paste("y ~ 0 + arm +", paste(basis, collapse = " + "),
                             if (covariate) "+ hours" else "", "+ (1 | subject)"))
    fit <- suppressMessages(lmer(form, d, control = tight))
    second <- lme(update(form, . ~ . - (1 | subject)), random = ~ 1 | subject, data = d,
                  method = "REML", control = lmeControl(msTol = 1e-12, opt = "optim", reltol = 1e-14))
    stopifnot(max(abs(fixef(second)[names(fixef(fit))] - fixef(fit))) < 1e-4)
    p <- length(fixef(fit)); zero <- setNames(rep(0, p), names(fixef(fit)))
    L <- list()
    for (a in c("CON", "EE")) for (i in seq_len(nrow(at))) {
      l <- zero; l[paste0("arm", a, ":b", seq_len(df))] <- at[i, ]
      L[[paste(a, i)]] <- l
    }
    for (i in seq_len(nrow(at))) L[[paste("EE-CON", i)]] <- L[[paste("EE", i)]] - L[[paste("CON", i)]]
    for (key in names(L)) {
      kr <- contest1D(fit, L[[key]], ddf = "Kenward-Roger")
      rows[[length(rows) + 1]] <- data.frame(df_spline = df, covariate = covariate, feature = name,
        arm = sub(" .*", "", key), number = as.integer(sub(".* ", "", key)),
        estimate = kr[["Estimate"]], se = kr[["Std. Error"]], df = kr[["df"]], statistic = kr[["t value"]],
        p_value = kr[["Pr(>|t|)"]])
    }
    # any change: the arm's spline coefficients together
    joint <- function(a) {l <- diag(p); dimnames(l) <- list(NULL, names(zero)); l[grep(paste0("^arm", a, ":b"), names(zero)), ]}
    minus <- joint("EE") - joint("CON")
    for (a in c("CON", "EE", "EE-CON")) {
      l <- if (a == "EE-CON") minus else joint(a)
      kr <- contestMD(fit, matrix(l, ncol = p), ddf = "Kenward-Roger")
      rows[[length(rows) + 1]] <- data.frame(df_spline = df, covariate = covariate, feature = name, arm = a,
        number = 0L, estimate = NA, se = NA, df = kr[["DenDF"]], statistic = kr[["F value"]],
        p_value = kr[["Pr(>F)"]])
    }
  }
  do.call(rbind, rows)
}
out <- rbind(run(3, FALSE), run(3, TRUE), run(5, FALSE), run(1, FALSE))
write.csv(out, gzfile("course.csv.gz"), row.names = FALSE)
writeLines(c(R.version.string, sapply(c("lme4", "lmerTest", "pbkrtest", "nlme"),
           function(p) paste(p, packageVersion(p)))), "versions.txt")
