# Random-intercept REML with both df corrections, on the data of ../limma and a singular set.
# Run in this folder: Rscript fixture.R
suppressMessages({library(lmerTest); library(pbkrtest)})
options(digits = 17)
tight <- lmerControl(optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-14, maxeval = 10000),
                     check.conv.singular = "ignore")

contrasts_of <- function(arms, times) {
  out <- list()
  for (a in arms) for (t in times[-1])
    out[[if (length(arms) > 1) paste0(a, ": ", t, " - ", times[1]) else paste(t, "-", times[1])]] <-
      setNames(c(1, -1), paste(a, c(t, times[1]), sep = "."))
  if (length(arms) > 1) for (t in times[-1])
    out[[paste0(arms[2], " - ", arms[1], ": ", t, " - ", times[1])]] <-
      setNames(c(1, -1, -1, 1), c(paste(arms[2], c(t, times[1]), sep = "."),
                                  paste(arms[1], c(t, times[1]), sep = ".")))
  if (length(arms) > 1) out[["level"]] <- setNames(c(1, -1), paste(arms[2:1], times[2], sep = "."))
  out
}

run <- function(case, folder = "../limma", covariate = FALSE) {
  y <- read.csv(file.path(folder, paste0(case, "_matrix.csv")), row.names = 1, check.names = FALSE)
  s <- read.csv(file.path(folder, paste0(case, "_samples.csv")))
  s <- s[match(rownames(y), s$sample), ]
  times <- intersect(c("pre", "post", "late"), unique(s$time))
  arms <- sort(unique(s$arm))
  s$cell <- factor(paste(s$arm, s$time, sep = "."))
  rows <- list()
  for (f in colnames(y)) {
    d <- cbind(s, y = y[[f]])
    d <- d[!is.na(d$y), ]
    formula <- if (covariate) y ~ 0 + cell + hours + (1 | subject) else y ~ 0 + cell + (1 | subject)
    fit <- suppressWarnings(suppressMessages(lmer(formula, d, control = tight)))
    theta <- getME(fit, "theta")^2
    for (name in names(contrasts_of(arms, times))) {
      w <- contrasts_of(arms, times)[[name]]
      L <- setNames(rep(0, length(fixef(fit))), names(fixef(fit)))
      L[paste0("cell", names(w))] <- w
      sat <- contest1D(fit, L, ddf = "Satterthwaite")
      kr <- contest1D(fit, L, ddf = "Kenward-Roger")
      rows[[length(rows) + 1]] <- data.frame(
        feature = f, contrast = name, theta = theta, estimate = sat[["Estimate"]],
        se = sat[["Std. Error"]], df = sat[["df"]], p_value = sat[["Pr(>|t|)"]],
        se_kr = kr[["Std. Error"]], df_kr = kr[["df"]], p_kr = kr[["Pr(>|t|)"]])
    }
  }
  write.csv(do.call(rbind, rows), paste0(case, "_lmer.csv"), row.names = FALSE)
}

# no variance between people beyond noise: half of the fits are singular
set.seed(7)
n <- 8
s <- expand.grid(time = c("pre", "post", "late"), subject = sprintf("P%d", 1:n), stringsAsFactors = FALSE)
s$arm <- "ALL"; s$sample <- paste(s$subject, s$time, sep = "_")
y <- matrix(rnorm(nrow(s) * 30), ncol = 30)
y[sample(length(y), 60)] <- NA
rownames(y) <- s$sample; colnames(y) <- sprintf("F%02d", 1:30)
write.csv(y, "singular_matrix.csv"); write.csv(s, "singular_samples.csv", row.names = FALSE)

for (case in c("balanced", "missing", "arms", "tiny")) run(case)
run("covariate", covariate = TRUE)
run("singular", ".")
writeLines(c(R.version.string, sapply(c("lme4", "lmerTest", "pbkrtest"),
           function(p) paste(p, packageVersion(p)))), "versions.txt")
