# Moderated t with the subject as fixed block: data and limma's answer, both as CSV.
# Run in this folder: Rscript fixture.R
# Contrasts are fitted as coefficients of a design written for them: contrasts.fit is inexact
# where values are missing and the subject is a block.
suppressMessages(library(limma))
set.seed(20260101)

make <- function(name, n_subject, times, arms, share_missing, covariate = FALSE, n_feature = 60) {
  arm <- rep(arms, length.out = n_subject)
  samples <- expand.grid(time = times, subject = sprintf("P%02d", seq_len(n_subject)),
                         stringsAsFactors = FALSE)
  samples$arm <- arm[as.integer(factor(samples$subject))]
  samples$sample <- paste(samples$subject, samples$time, sep = "_")
  samples$hours <- round(runif(nrow(samples), 2, 12), 1)
  level <- matrix(rnorm(n_feature * n_subject, 5, 1), n_feature)
  sigma <- sqrt(0.2 * 5 / rchisq(n_feature, 5))
  y <- level[, as.integer(factor(samples$subject))] +
    sigma * matrix(rnorm(n_feature * nrow(samples)), n_feature)
  y[1:10, samples$time == times[2]] <- y[1:10, samples$time == times[2]] + 1
  y <- y + 0.05 * matrix(samples$hours, n_feature, nrow(samples), byrow = TRUE)
  if (share_missing > 0) y[runif(length(y)) < share_missing] <- NA
  rownames(y) <- sprintf("F%02d", seq_len(n_feature)); colnames(y) <- samples$sample
  write.csv(t(y), paste0(name, "_matrix.csv"))
  write.csv(samples, paste0(name, "_samples.csv"), row.names = FALSE)

  dummy <- function(a, t) as.numeric((is.na(a) | samples$arm == a) & samples$time == t)
  subject <- model.matrix(~ 0 + factor(samples$subject))
  extra <- if (covariate) cbind(hours = samples$hours) else NULL
  rows <- list()
  run <- function(columns) {
    design <- cbind(subject, do.call(cbind, columns), extra)
    fit <- suppressWarnings(eBayes(lmFit(y, design)))
    for (coefficient in names(columns)) {
      rows[[length(rows) + 1]] <<- data.frame(
        feature = rownames(y), contrast = coefficient,
        estimate = fit$coefficients[, coefficient],
        se = fit$stdev.unscaled[, coefficient] * sqrt(fit$s2.post),
        df = fit$df.total, statistic = fit$t[, coefficient], p_value = fit$p.value[, coefficient],
        df_prior = fit$df.prior, s2_prior = fit$s2.prior)
    }
  }
  later <- times[-1]
  if (length(arms) == 1) {
    columns <- lapply(later, function(t) dummy(NA, t)); names(columns) <- paste(later, "-", times[1])
    run(columns)
  } else {
    columns <- list()
    for (a in arms) for (t in later) columns[[paste0(a, ": ", t, " - ", times[1])]] <- dummy(a, t)
    run(columns)
    columns <- lapply(later, function(t) dummy(NA, t)); names(columns) <- paste("shared", later)
    for (t in later) columns[[paste0(arms[1], " - ", arms[2], ": ", t, " - ", times[1])]] <- dummy(arms[1], t)
    run(columns)
  }
  write.csv(subset(do.call(rbind, rows), !grepl("^shared", contrast)),
            paste0(name, "_limma.csv"), row.names = FALSE)
}

options(digits = 17)
make("balanced", 12, c("pre", "post"), "ALL", 0)
make("missing", 14, c("pre", "post"), "ALL", 0.15)
make("arms", 16, c("pre", "post", "late"), c("EE", "CON"), 0.10)
make("covariate", 12, c("pre", "post", "late"), "ALL", 0.05, covariate = TRUE)
make("tiny", 6, c("pre", "post"), "ALL", 0.08)
writeLines(c(R.version.string, paste("limma", packageVersion("limma"))), "versions.txt")
