# limma's moderated family: data and answers, as CSV. Run in this folder: Rscript fixture.R
# Contrasts are fitted as coefficients of a design written for them: contrasts.fit is inexact
# where values are missing or weighted. The correlations are REML to full convergence (statmod's
# mixedModel2Fit, then the root of the slope beside it): duplicateCorrelation stops after a few
# scoring steps, and its own consensus stands beside it in consensus.csv.
suppressMessages({library(limma); library(edgeR); library(statmod)})
options(digits = 15)
set.seed(20261101)

people <- function(n, times, arms) {
  s <- expand.grid(time = times, subject = sprintf("P%03d", seq_len(n)), stringsAsFactors = FALSE)
  s$arm <- rep(arms, length.out = n)[as.integer(factor(s$subject))]
  s$sample <- paste(s$subject, s$time, sep = "_")
  s$weight <- round(runif(nrow(s), 0.4, 2.5), 2)
  s
}
values <- function(s, n_feature, missing, outliers = integer(0)) {
  n <- length(unique(s$subject))
  mean <- runif(n_feature, 4, 12)
  sigma <- sqrt(exp(-0.2 * (mean - 8)) * 0.3 * 8 / rchisq(n_feature, 8))
  sigma[outliers] <- sigma[outliers] * c(6, 10, 25)[seq_along(outliers)]
  y <- mean + matrix(rnorm(n_feature * n, 0, 0.6), n_feature)[, as.integer(factor(s$subject))] +
    sigma * matrix(rnorm(n_feature * nrow(s)), n_feature)
  y[1:4, s$time == "post"] <- y[1:4, s$time == "post"] + 1
  y[5, ] <- mean[5] + sigma[5] * rnorm(nrow(s))  # no correlation within people
  y <- round(y, 6)
  y[runif(length(y)) < missing] <- NA
  rownames(y) <- sprintf("F%02d", seq_len(n_feature)); colnames(y) <- s$sample
  y
}
# a design whose first coefficients are the rows of l
turn <- function(x, l) {
  rest <- t(MASS::Null(t(l)))
  z <- x %*% solve(rbind(l, rest))
  colnames(z) <- c(rownames(l), paste0("rest", seq_len(nrow(rest))))
  z
}
# slope of the REML deviance in rho, from the spectrum of the block beside the design
slope <- function(y, x, z) {
  q <- qr.Q(qr(x), complete = TRUE)[, -seq_len(qr(x)$rank), drop = FALSE]
  e <- eigen(tcrossprod(crossprod(q, z)), symmetric = TRUE)
  d <- pmax(e$values, 0); u <- drop(crossprod(e$vectors, crossprod(q, y)))^2
  function(rho) {
    theta <- rho / (1 - rho)
    sum(d / (1 + d * theta)) - length(d) * sum(d * u / (1 + d * theta)^2) / sum(u / (1 + d * theta))
  }
}
converged <- function(y, x, block, w = NULL) {
  rho <- sapply(seq_len(nrow(y)), function(i) {
    o <- is.finite(y[i, ]); a <- factor(block[o])
    if (sum(o) <= ncol(x) + 2 || nlevels(a) < 2 || nlevels(a) >= sum(o) - 1) return(NA)
    wi <- if (is.null(w)) rep(1, sum(o)) else if (is.matrix(w)) w[i, o] else w[o]
    z <- model.matrix(~ 0 + a)
    v <- mixedModel2Fit(y[i, o], x[o, , drop = FALSE], z, wi, only.varcomp = TRUE,
                        tol = 1e-16, maxit = 5000)$varcomp
    r <- v[2] / sum(v)
    # statmod's scoring may still stop short: the root nearby
    f <- slope(sqrt(wi) * y[i, o], sqrt(wi) * x[o, , drop = FALSE], z)
    near <- c(r - 0.005, min(r + 0.005, 0.9999))
    if (f(near[1]) < 0 && f(near[2]) > 0) r <- uniroot(f, near, tol = 1e-14)$root
    r
  })
  rho <- pmin(pmax(rho, 1 / (1 - max(table(block))) + 0.01), 0.99)
  tanh(mean(atanh(rho), trim = 0.15, na.rm = TRUE))
}
consensus <- list()
answers <- list()
add <- function(cohort, setting, fit, names, y) {
  for (k in names) answers[[length(answers) + 1]] <<- data.frame(
    cohort, setting, contrast = k, feature = rownames(y), estimate = fit$coefficients[, k],
    se = fit$stdev.unscaled[, k] * sqrt(fit$s2.post), df = fit$df.total,
    statistic = NA, p_value = fit$p.value[, k], rank = 1)
}
# F of the first r coefficients, each feature on its own rows
add_f <- function(cohort, setting, contrast, fit, x, r, y, w = NULL, v = diag(ncol(y))) {
  f <- sapply(seq_len(nrow(y)), function(i) {
    o <- is.finite(y[i, ])
    wi <- if (is.null(w)) rep(1, sum(o)) else if (is.matrix(w)) w[i, o] else w[o]
    root <- chol(diag(1 / sqrt(wi)) %*% v[o, o] %*% diag(1 / sqrt(wi)))
    m <- lm.fit(backsolve(root, x[o, ], transpose = TRUE), backsolve(root, y[i, o], transpose = TRUE))
    seen <- m$qr$pivot[seq_len(m$rank)]
    u <- chol2inv(m$qr$qr, size = m$rank)
    pick <- match(seq_len(r), seen)
    b <- m$coefficients[seq_len(r)]
    sum(b * solve(u[pick, pick], b)) / r / fit$s2.post[i]
  })
  answers[[length(answers) + 1]] <<- data.frame(
    cohort, setting, contrast, feature = rownames(y), estimate = NA, se = NA, df = fit$df.total,
    statistic = f, p_value = pf(f, r, fit$df.total, lower.tail = FALSE), rank = r)
}
moderated <- function(cohort, s, y, settings, two_arms) {
  write.csv(t(y), paste0(cohort, "_matrix.csv")); write.csv(s, paste0(cohort, "_samples.csv"), row.names = FALSE)
  times <- unique(s$time); arms <- unique(s$arm)
  cells <- as.vector(t(outer(arms, times, paste, sep = ".")))
  cell <- factor(paste(s$arm, s$time, sep = "."), levels = cells)
  x <- model.matrix(~ 0 + cell); colnames(x) <- cells
  vec <- function(...) { a <- c(...); v <- setNames(numeric(length(cells)), cells); v[names(a)] <- a; v }
  own <- function(t) { a <- c(1, -1); names(a) <- paste(arms[1], c(t, times[1]), sep = "."); vec(a) }
  other <- function(t) { a <- c(1, -1); names(a) <- paste(arms[2], c(t, times[1]), sep = "."); vec(a) }
  sets <- list(own = do.call(rbind, lapply(times[-1], own)))
  rownames(sets$own) <- paste0("own_", times[-1])
  if (two_arms) {
    sets$versus <- do.call(rbind, lapply(times[-1], function(t) own(t) - other(t)))
    rownames(sets$versus) <- paste0("versus_", times[-1])
  }
  subject <- model.matrix(~ 0 + factor(s$subject))
  for (setting in settings) {
    part <- strsplit(setting, "[.]")[[1]]
    w <- if ("weights" %in% part) s$weight else NULL
    random <- part[1] == "correlation"
    all_sets <- sets
    v <- diag(nrow(s))
    if (random) {
      if (two_arms) {
        level <- c(1, -1); names(level) <- paste(arms[1:2], times[2], sep = ".")
        all_sets$level <- rbind(level = vec(level))
      }
      rho <- converged(y, x, s$subject, w)
      theirs <- suppressWarnings(duplicateCorrelation(y, x, block = s$subject, weights = w))
      consensus[[length(consensus) + 1]] <<- data.frame(
        cohort, setting, converged = rho, limma = theirs$consensus.correlation)
      z <- outer(s$subject, s$subject, "=="); v <- rho * z; diag(v) <- 1
    }
    for (name in names(all_sets)) {
      l <- all_sets[[name]]
      if (random) {
        d <- turn(x, l)
        fit <- lmFit(y, d, weights = w, block = s$subject, correlation = rho)
      } else {
        # changes from the first time in each arm, beside the subjects
        later <- x[, !grepl(paste0("[.]", times[1], "$"), cells), drop = FALSE]
        l <- l[, colnames(later), drop = FALSE]
        within <- if (nrow(l) < ncol(later)) turn(later, l) else {
          z <- later %*% solve(l); colnames(z) <- rownames(l); z }
        d <- cbind(within, subject)[, c(seq_len(ncol(within)), ncol(within) + seq_len(ncol(subject)))]
        fit <- lmFit(y, cbind(subject, within), weights = w)
      }
      fit <- suppressWarnings(eBayes(fit, trend = "trend" %in% part, robust = "robust" %in% part))
      add(cohort, setting, fit, rownames(l), y)
      if (nrow(l) > 1) add_f(cohort, setting, paste0("any_", name), fit, d, nrow(l), y, w, v)
    }
  }
  invisible(x)
}
times <- c("pre", "post", "late")
s <- people(14, times, c("EE", "CON")); y <- values(s, 32, 0.12, 6:8)
moderated("arms", s, y, c("fixed.trend", "fixed.robust", "fixed.trend.robust", "fixed.weights",
  "correlation", "correlation.weights", "correlation.trend.robust.weights"), TRUE)
s <- people(6, times, "EE"); y <- values(s, 32, 0.08, 6)
moderated("tiny", s, y, c("fixed.trend", "fixed.robust", "correlation"), FALSE)
s <- people(100, c("pre", "post"), c("EE", "CON")); y <- values(s, 6, 0.05)
moderated("large", s, y, c("fixed.trend", "fixed.weights", "correlation"), TRUE)

# without NaN limma's own F (topTableF) is exact
s <- people(8, times, "EE"); y <- values(s, 32, 0, 6)
write.csv(t(y), "complete_matrix.csv"); write.csv(s, "complete_samples.csv", row.names = FALSE)
d <- cbind(model.matrix(~ 0 + factor(s$subject)), post = s$time == "post", late = s$time == "late")
fit <- eBayes(lmFit(y, d), trend = TRUE, robust = TRUE)
f <- topTableF(fit[, c("post", "late")], number = Inf, sort.by = "none")
answers[[length(answers) + 1]] <- data.frame(cohort = "complete", setting = "fixed.trend.robust",
  contrast = "any_own", feature = rownames(y), estimate = NA, se = NA, df = fit$df.total,
  statistic = f$F, p_value = f$P.Value, rank = 2)

# voom
s <- people(10, times, c("EE", "CON")); n <- 60
share <- rgamma(n, 0.6); share <- share / sum(share)
size <- 10^runif(nrow(s), 3.6, 4.4)
person <- matrix(exp(rnorm(n * 10, 0, 0.4)), n)[, as.integer(factor(s$subject))]
mu <- share * person * rep(size, each = n)
mu[1:5, s$time == "post" & s$arm == "EE"] <- mu[1:5, s$time == "post" & s$arm == "EE"] * 3
counts <- matrix(rnbinom(n * nrow(s), mu = mu, size = 8), n); counts[n, ] <- 0
rownames(counts) <- sprintf("M%02d", seq_len(n)); colnames(counts) <- s$sample
write.csv(t(counts), "voom_matrix.csv"); write.csv(s, "voom_samples.csv", row.names = FALSE)
norm <- calcNormFactors(DGEList(counts))
odd <- cbind(counts[, 1:4], counts[, 1] * 2, c(5, rep(0, n - 1)))  # proportional; one feature only
factors <- rbind(
  data.frame(case = "voom", column = seq_len(ncol(counts)), factor = norm$samples$norm.factors),
  data.frame(case = "odd", column = seq_len(ncol(odd)),
             factor = suppressWarnings(calcNormFactors(DGEList(odd))$samples$norm.factors)))
write.csv(factors, "tmm.csv", row.names = FALSE)
kept <- norm[rowSums(counts) > 0, , keep.lib.sizes = TRUE]
cells <- paste(s$arm, s$time, sep = "."); x <- model.matrix(~ 0 + factor(cells, levels = unique(cells)))
colnames(x) <- unique(cells)
later <- x[, !grepl("[.]pre$", colnames(x))]
l <- rbind(versus_post = c(1, 0, -1, 0)); colnames(l) <- colnames(later)
d <- cbind(model.matrix(~ 0 + factor(s$subject)), turn(later, l))
v <- voom(kept, d)
write.csv(data.frame(feature = rownames(v)[1:6], v$E[1:6, 1:3], w = v$weights[1:6, 1:3]), "voom_first.csv", row.names = FALSE)
for (robust in c(FALSE, TRUE))
  add("voom", if (robust) "fixed.robust" else "fixed", eBayes(lmFit(v, d), robust = robust), "versus_post", v$E)
l <- rbind(versus_post = c(-1, 1, 0, 1, -1, 0), level = c(0, 1, 0, 0, -1, 0)); colnames(l) <- colnames(x)
for (name in rownames(l)) {
  d <- turn(x, l[name, , drop = FALSE])
  v <- voom(kept, d); rho <- converged(v$E, d, s$subject, v$weights)
  v <- voom(kept, d, block = s$subject, correlation = rho); rho <- converged(v$E, d, s$subject, v$weights)
  add("voom", "correlation", eBayes(lmFit(v, d, block = s$subject, correlation = rho)), name, v$E)
}
consensus[[length(consensus) + 1]] <- data.frame(cohort = "voom", setting = "correlation", converged = rho, limma = NA)
out <- do.call(rbind, answers)
for (k in c("estimate", "se", "df", "statistic", "p_value")) out[[k]] <- signif(out[[k]], 11)
write.csv(out, "answers.csv", row.names = FALSE, quote = FALSE, na = "")
write.csv(do.call(rbind, consensus), "consensus.csv", row.names = FALSE)

# priors: variances, df and levels, with the answer of squeezeVar
inp <- list(); got <- list()
for (case in 1:5) {
  n <- c(60, 60, 25, 60, 4)[case]; d0 <- c(6, 4, 5, Inf, 6)[case]
  df <- if (case %in% c(1, 4)) rep(8, n) else sample(4:12, n, TRUE)
  level <- rnorm(n, 8, 2); var <- exp(-0.5 - 0.2 * (level - 8)) * rchisq(n, df) / df
  if (is.finite(d0)) var <- var / (rchisq(n, d0) / d0)
  if (case < 3) var[1:4] <- var[1:4] * c(30, 100, 1000, 1e5)
  if (case == 2) { df[10] <- 0; var[10] <- NA }
  inp[[case]] <- data.frame(case, variance = var, df, level)
  for (trend in c(FALSE, TRUE)) for (robust in c(FALSE, TRUE)) {
    q <- suppressWarnings(squeezeVar(var, df, covariate = if (trend) level else NULL, robust = robust))
    got[[length(got) + 1]] <- data.frame(case, trend, robust, row = seq_len(n), var_prior = rep_len(q$var.prior, n), df_prior = rep_len(q$df.prior, n))
  }
}
for (k in c("variance", "level")) for (i in 1:5) inp[[i]][[k]] <- signif(inp[[i]][[k]], 15)
got <- do.call(rbind, got); got$var_prior <- signif(got$var_prior, 10); got$df_prior <- signif(got$df_prior, 10)
write.csv(do.call(rbind, inp), "prior_variances.csv", row.names = FALSE, quote = FALSE)
write.csv(got, "prior_answers.csv", row.names = FALSE, quote = FALSE)
writeLines(c(R.version.string, sapply(c("limma", "edgeR", "statmod"), function(p) paste(p, packageVersion(p)))), "versions.txt")
