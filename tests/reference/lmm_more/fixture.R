# What lmerTest and pbkrtest answer to joint F tests, moderators, a shared baseline, a time-varying
# covariate and contrasts fitted on their own cells; and limma on complete data.
# Run in this folder: Rscript fixture.R, then python check.py
#
# Of each case: <case>_matrix.csv, <case>_samples.csv, <case>_lmer.csv (moderated: _limma.csv).
# Values have three decimals, so that the files hold exactly what was fitted. Features C.. are
# complete, features M.. have missing cells.
# kind t: estimate, se, df; kind F: statistic on df_num and df. Columns without a suffix are
# Satterthwaite's, those with _kr Kenward and Roger's (there F is the scaled one, which has the p).
suppressMessages({library(lmerTest); library(pbkrtest); library(limma)})
options(digits = 17, warn = 1)
tight <- lmerControl(optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-14, maxeval = 10000),
                     check.conv.singular = "ignore")

# ---- data -------------------------------------------------------------------------------------

# people of one or two arms at several times; `gone` samples are absent rows
cohort <- function(n, arms, times, complete, missing, share, between = 1, spread = 1,
                   gone = character()) {
  s <- expand.grid(time = times, subject = sprintf("P%03d", seq_len(n)), stringsAsFactors = FALSE)
  person <- as.integer(factor(s$subject))
  s$arm <- rep(arms, length.out = n)[person]
  s$sample <- paste(s$subject, s$time, sep = "_")
  s$hours <- round(runif(nrow(s), 2, 12), 1)
  s$age <- sample(22:68, n, replace = TRUE)[person]
  s$sex <- sample(rep(c("F", "M"), length.out = n))[person]
  p <- complete + missing
  level <- matrix(rnorm(n * p, 5, between), n)[person, ]
  sigma <- sqrt(0.2 * 5 / rchisq(p, 5))
  noise <- matrix(rnorm(nrow(s) * p), ncol = p) * rep(spread, length.out = length(times))
  y <- level + t(t(noise) * sigma)
  third <- seq_len(p) %% 3 == 1
  rises <- s$time == times[2] & s$arm != "CON"
  y[rises, third] <- y[rises, third] + 1 + 0.03 * (s$age[rises] - 45) + 0.4 * (s$sex[rises] == "M")
  y[, seq_len(p) %% 4 == 1] <- y[, seq_len(p) %% 4 == 1] + 0.05 * s$hours
  y <- round(y, 3)
  holes <- matrix(runif(length(y)) < share, nrow(s))
  holes[, seq_len(complete)] <- FALSE
  y[holes] <- NA
  dimnames(y) <- list(s$sample, c(sprintf("C%02d", seq_len(complete)),
                                  sprintf("M%02d", seq_len(missing))[seq_len(missing)]))
  kept <- !s$sample %in% gone
  list(y = y[kept, , drop = FALSE], s = s[kept, ])
}

save <- function(case, data) {
  write.csv(data$y, paste0(case, "_matrix.csv"), quote = FALSE)
  write.csv(data$s, paste0(case, "_samples.csv"), row.names = FALSE, quote = FALSE)
}

# ---- contrasts: a list of vectors over cells; a list of several vectors is a joint test ----------

change <- function(time, arm = NULL, baseline = "pre")
  setNames(c(1, -1), if (is.null(arm)) c(time, baseline) else paste(arm, c(time, baseline), sep = "."))

plus <- function(a, b, sign = 1) {
  cells <- union(names(a), names(b))
  get <- function(w) { x <- setNames(numeric(length(cells)), cells); x[names(w)] <- w; x }
  get(a) + sign * get(b)
}

changes <- function(arms, later, joint = TRUE) {
  out <- list()
  if (length(arms) == 1) {
    for (t in later) out[[paste(t, "- pre")]] <- list(change(t))
    if (joint) out[["any change"]] <- lapply(later, change)
    return(out)
  }
  ee_con <- lapply(later, function(t) plus(change(t, "EE"), change(t, "CON"), -1))
  for (a in arms) for (t in later) out[[paste0(a, ": ", t, " - pre")]] <- list(change(t, a))
  for (i in seq_along(later)) out[[paste0("EE - CON: ", later[i], " - pre")]] <- ee_con[i]
  if (joint) {
    for (a in arms) out[[paste0(a, ": any change")]] <- lapply(later, change, arm = a)
    out[["arm x time"]] <- ee_con
  }
  out
}

# ---- answers ------------------------------------------------------------------------------------

# the coefficients of a contrast: means of cells, or (slope = ":age_c") slopes within cells
coefficients_of <- function(fit, rows, slope = "") {
  L <- matrix(0, length(rows), length(fixef(fit)), dimnames = list(NULL, names(fixef(fit))))
  for (i in seq_along(rows)) {
    columns <- paste0("cell", names(rows[[i]]), slope)
    stopifnot(columns %in% colnames(L))
    L[i, columns] <- rows[[i]]
  }
  L
}

answer <- function(fit, L) {
  theta <- getME(fit, "theta")^2
  if (nrow(L) == 1) {
    sat <- contest1D(fit, drop(L), ddf = "Satterthwaite")
    kr <- contest1D(fit, drop(L), ddf = "Kenward-Roger")
    data.frame(kind = "t", theta = theta, estimate = sat[["Estimate"]], df_num = 1,
               se = sat[["Std. Error"]], statistic = sat[["t value"]], df = sat[["df"]],
               p_value = sat[["Pr(>|t|)"]], se_kr = kr[["Std. Error"]],
               statistic_kr = kr[["t value"]], df_kr = kr[["df"]], p_kr = kr[["Pr(>|t|)"]])
  } else {
    sat <- contestMD(fit, L, ddf = "Satterthwaite")
    kr <- contestMD(fit, L, ddf = "Kenward-Roger")
    stopifnot(sat$NumDF == kr$NumDF)
    data.frame(kind = "F", theta = theta, estimate = NA, df_num = sat$NumDF,
               se = NA, statistic = sat[["F value"]], df = sat$DenDF, p_value = sat[["Pr(>F)"]],
               se_kr = NA, statistic_kr = kr[["F value"]], df_kr = kr$DenDF, p_kr = kr[["Pr(>F)"]])
  }
}

lmer_of <- function(formula, d)
  suppressWarnings(suppressMessages(lmer(formula, d, control = tight)))

# every contrast of every feature; `slopes` are asked for besides the means; with `own_cells` each
# contrast has a fit of its own, on the rows of its cells
run <- function(case, data, contrasts, terms = "0 + cell", slopes = c(), own_cells = FALSE) {
  save(case, data)
  formula <- as.formula(paste("y ~", terms, "+ (1 | subject)"))
  rows <- list()
  for (f in colnames(data$y)) {
    all_rows <- cbind(data$s, y = data$y[, f])
    all_rows <- all_rows[!is.na(all_rows$y), ]
    fit <- if (!own_cells) lmer_of(formula, all_rows)
    for (name in names(contrasts)) {
      if (own_cells) {
        cells <- unique(unlist(lapply(contrasts[[name]], names)))
        fit <- lmer_of(formula, droplevels(all_rows[all_rows$cell %in% cells, ]))
      }
      for (slope in c("", slopes)) {
        label <- if (slope == "") name else paste(name, "x", names(slopes)[slopes == slope])
        L <- coefficients_of(fit, contrasts[[name]], slope)
        rows[[length(rows) + 1]] <- cbind(feature = f, contrast = label, answer(fit, L))
      }
    }
  }
  rows <- do.call(rbind, rows)
  write.csv(rows, paste0(case, "_lmer.csv"), row.names = FALSE, quote = FALSE, na = "")
  cat(sprintf("%-14s %4d answers, %2d of %d features singular\n", case, nrow(rows),
              length(unique(rows$feature[rows$theta < 1e-8])), ncol(data$y)))
}

by_time <- function(data) { data$s$cell <- factor(data$s$time); data }
by_arm_and_time <- function(data) { data$s$cell <- factor(paste(data$s$arm, data$s$time, sep = ".")); data }

three <- c("pre", "post", "late"); later <- three[-1]; both <- c("EE", "CON")
set.seed(20260301)

# 1 joint tests: one arm and two, from 6 people to 100, and without variance between people
run("one_n6", by_time(cohort(6, "ALL", three, 6, 8, 0.12)), changes("ALL", later))
run("one_n14", by_time(cohort(14, "ALL", three, 8, 8, 0.12)), changes("ALL", later))
run("arms_n6", by_arm_and_time(cohort(6, both, three, 5, 5, 0.12)), changes(both, later))
data <- cohort(14, both, three, 6, 8, 0.12, gone = c("P003_late", "P008_post"))
run("arms_n14", by_arm_and_time(data), changes(both, later))
run("arms_n100", by_arm_and_time(cohort(100, both, three, 2, 4, 0.12)), changes(both, later))
run("singular", by_arm_and_time(cohort(8, both, three, 6, 8, 0.12, between = 0)), changes(both, later))

# 2 moderators, minus their mean over the people of the sample sheet, one value each. P005 came
# once and P002 has no value of M01: both count
centre <- function(data) {
  person <- !duplicated(data$s$subject)
  data$s$age_c <- data$s$age - mean(data$s$age[person])
  male <- as.numeric(data$s$sex == "M")
  data$s$sexM_c <- male - mean(male[person])
  data
}
data <- cohort(16, both, three, 4, 8, 0.08, gone = c("P005_post", "P005_late", "P011_late"))
data$y[data$s$subject == "P002", "M01"] <- NA
run("age", by_arm_and_time(centre(data)), changes(both, later), "0 + cell + cell:age_c",
    c(age = ":age_c"))
data <- cohort(24, both, c("pre", "post"), 4, 8, 0.08, gone = c("P005_post", "P012_post"))
data$y[data$s$subject == "P002", "M01"] <- NA
run("age_sex", by_arm_and_time(centre(data)), changes(both, "post", joint = FALSE),
    "0 + cell + cell:age_c + cell:sexM_c", c(age = ":age_c", "sex[M]" = ":sexM_c"))

# 3 one baseline for both arms: a mean `pre` that they share, then a mean of each arm
data <- cohort(16, both, three, 6, 8, 0.08)
data$s$cell <- factor(ifelse(data$s$time == "pre", "pre", paste(data$s$arm, data$s$time, sep = ".")))
shared <- list()
for (a in both) for (t in later)
  shared[[paste0(a, ": ", t, " - pre")]] <- list(setNames(c(1, -1), c(paste(a, t, sep = "."), "pre")))
ee_con <- lapply(later, function(t) setNames(c(1, -1), paste(both, t, sep = ".")))
for (i in 1:2) shared[[paste0("EE - CON: ", later[i], " - pre")]] <- ee_con[i]
shared[["arm x time"]] <- ee_con
run("constrained", data, shared)

# 4 a covariate that varies with time
run("covariate_n100", by_arm_and_time(cohort(100, both, three, 2, 4, 0.05)),
    changes(both, later, joint = FALSE), "0 + cell + hours")

# 5 each contrast on the rows of its own cells; `late` varies three times as much
run("own_cells", by_time(cohort(12, "ALL", three, 6, 10, 0.10, spread = c(1, 1, 3))),
    changes("ALL", later, joint = FALSE), own_cells = TRUE)

# 6 complete data and no singular fit: the residual variance and df of the mixed model are those
# of the subject as fixed block, so limma's moderated answers are those of the moderated model
data <- by_time(cohort(12, "ALL", three, 30, 0, 0, between = 1.5))
save("moderated", data)
fits <- lapply(colnames(data$y), function(f) lmer_of(y ~ 0 + cell + (1 | subject), cbind(data$s, y = data$y[, f])))
design <- model.matrix(~ 0 + subject + time, transform(data$s, time = factor(time, three)))
block <- lmFit(t(data$y), design)
stopifnot(sapply(fits, getME, "theta") > 1e-3, block$df.residual == 22,
          abs(block$sigma / sapply(fits, sigma) - 1) < 1e-6)
moderated <- eBayes(block)
rows <- list()
for (time in later) {
  k <- paste0("time", time)
  rows[[time]] <- data.frame(
    feature = colnames(data$y), contrast = paste(time, "- pre"), kind = "t",
    estimate = moderated$coefficients[, k], df_num = 1,
    se = moderated$stdev.unscaled[, k] * sqrt(moderated$s2.post), statistic = moderated$t[, k],
    df = moderated$df.total, p_value = moderated$p.value[, k])
}
top <- topTable(moderated, coef = paste0("time", later), number = Inf, sort.by = "none")
rows$any <- data.frame(
  feature = colnames(data$y), contrast = "any change", kind = "F", estimate = NA, df_num = 2,
  se = NA, statistic = top$F, df = moderated$df.total, p_value = top$P.Value)
rows <- cbind(do.call(rbind, rows), s2 = moderated$sigma^2, df_residual = moderated$df.residual,
              df_prior = moderated$df.prior, s2_prior = moderated$s2.prior)
write.csv(rows, "moderated_limma.csv", row.names = FALSE, quote = FALSE, na = "")

writeLines(c(R.version.string, sapply(c("lme4", "lmerTest", "pbkrtest", "limma"),
           function(p) paste(p, packageVersion(p)))), "versions.txt")
