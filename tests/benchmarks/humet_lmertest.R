# Random-intercept REML of every feature with both df corrections: Rscript humet_lmertest.R FOLDER
# reads FOLDER/values.csv (subject, time, then a column a feature) and FOLDER/thetas.csv (feature,
# theta: other variance ratios to judge) and writes FOLDER/answers.csv and FOLDER/versions.txt.
# The first time is the baseline; a feature that lmer refuses, or without baseline, has no row.
# Columns without a suffix are Satterthwaite's, those with _kr Kenward and Roger's. `theta` is
# lme4's variance ratio, `criterion` its REML criterion there, `criterion_other` at the given one.
suppressMessages({library(lmerTest); library(pbkrtest)})
options(digits = 17, warn = 1)
tight <- lmerControl(optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-14, maxeval = 10000),
                     check.conv.singular = "ignore")
folder <- commandArgs(trailingOnly = TRUE)[1]
d <- read.csv(file.path(folder, "values.csv"), check.names = FALSE,
              colClasses = c(subject = "character", time = "character"))
other <- read.csv(file.path(folder, "thetas.csv"), colClasses = c(feature = "character"))
times <- sort(unique(d$time))
d$time <- factor(d$time, times)

one_feature <- function(f) {
  own <- data.frame(subject = d$subject, time = d$time, y = d[[f]])
  own <- droplevels(own[!is.na(own$y), ])
  quiet <- function(...) suppressWarnings(suppressMessages(lmer(...)))
  formula <- y ~ 0 + time + (1 | subject)
  fit <- tryCatch(quiet(formula, own, control = tight), error = function(e) NULL)
  if (is.null(fit) || !times[1] %in% levels(own$time)) return(NULL)
  criterion <- quiet(formula, own, devFunOnly = TRUE)
  columns <- names(fixef(fit))
  change <- function(t)
    as.numeric(columns == paste0("time", t)) - as.numeric(columns == paste0("time", times[1]))
  later <- intersect(times[-1], levels(own$time))
  # pbkrtest's adjusted covariance once for all contrasts: what contest1D takes anew for each
  plain <- vcov(fit)
  adjusted <- vcovAdj(fit)
  row <- function(name, ...) data.frame(feature = f, contrast = name, ...)
  rows <- lapply(later, function(t) {
    L <- change(t)
    sat <- contest1D(fit, L, ddf = "Satterthwaite")
    se_kr <- sqrt(drop(L %*% as.matrix(adjusted) %*% L))
    df_kr <- Lb_ddf(L, plain, adjusted)
    t_kr <- sat[["Estimate"]] / se_kr
    row(paste(t, "-", times[1]), estimate = sat[["Estimate"]], se = sat[["Std. Error"]],
        df = sat[["df"]], statistic = sat[["t value"]], p_value = sat[["Pr(>|t|)"]],
        se_kr = se_kr, df_kr = df_kr, statistic_kr = t_kr, p_kr = 2 * pt(-abs(t_kr), df_kr))
  })
  if (length(later) == length(times) - 1) {
    L <- do.call(rbind, lapply(later, change))
    sat <- contestMD(fit, L, ddf = "Satterthwaite")
    kr <- contestMD(fit, L, ddf = "Kenward-Roger")
    rows <- c(rows, list(row("any change", estimate = NA, se = NA, df = sat$DenDF,
      statistic = sat[["F value"]], p_value = sat[["Pr(>F)"]], se_kr = NA, df_kr = kr$DenDF,
      statistic_kr = kr[["F value"]], p_kr = kr[["Pr(>F)"]])))
  }
  theta <- getME(fit, "theta")
  given <- other$theta[match(f, other$feature)]
  cbind(do.call(rbind, rows), theta = unname(theta)^2, singular = isSingular(fit, tol = 1e-4),
        criterion = criterion(theta),
        criterion_other = if (is.na(given)) NA else criterion(sqrt(given)))
}

rows <- do.call(rbind, lapply(setdiff(names(d), c("subject", "time")), one_feature))
write.csv(rows, file.path(folder, "answers.csv"), row.names = FALSE)
writeLines(c(R.version.string, sapply(c("lme4", "lmerTest", "pbkrtest"),
           function(p) paste(p, packageVersion(p)))), file.path(folder, "versions.txt"))
