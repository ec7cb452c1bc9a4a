# How long R takes over what tl.differential does: elapsed seconds, as one JSON object on stdout.
#
#   OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 Rscript differential.R MATRIX.csv SAMPLES.csv K
#
# MATRIX: samples x features, the first column the sample ids, empty or NA where missing.
# SAMPLES: sample_id, subject_id, timepoint and, with arms, arm; the first time of the sheet is the
# baseline. The mixed models are fitted to the first K features only (0: none); whoever quotes them
# for all features says that they were scaled up by n_features / K. Reading files is not timed. R is
# called as its users call it, at its own defaults; a first small run loads what loads lazily.
suppressMessages({library(lmerTest); library(pbkrtest); library(limma); library(jsonlite)})
arguments <- commandArgs(trailingOnly = TRUE)
if (length(arguments) != 3) stop("usage: Rscript differential.R MATRIX.csv SAMPLES.csv K")
y <- as.matrix(read.csv(arguments[1], row.names = 1, check.names = FALSE))
samples <- read.csv(arguments[2], colClasses = "character")
times <- unique(samples$timepoint)
samples <- samples[match(rownames(y), samples$sample_id), ]
stopifnot(!anyNA(samples$sample_id))
k <- min(as.integer(arguments[3]), ncol(y))

# one column a baseline mean and one a change, within each arm: what is tested is a coefficient,
# since contrasts.fit is inexact under NA
if (is.null(samples$arm)) samples$arm <- "all"
arms <- unique(samples$arm)
columns <- expand.grid(time = times[-1], arm = arms, stringsAsFactors = FALSE)
start <- sapply(arms, function(a) as.numeric(samples$arm == a))
change <- mapply(function(t, a) as.numeric(samples$arm == a & samples$timepoint == t),
                 columns$time, columns$arm)
change <- change[, colSums(change) > 0, drop = FALSE]
colnames(start) <- paste0("level_", seq_along(arms))
colnames(change) <- paste0("change_", seq_len(ncol(change)))
population <- cbind(start, change)
fixed_block <- cbind(model.matrix(~ 0 + subject_id, samples), change)

fit_lmer <- function(value) {
  data <- data.frame(value = value, subject = samples$subject_id)
  data$x <- population
  suppressMessages(suppressWarnings(lmer(value ~ 0 + x + (1 | subject), data)))
}
contrast <- function(j) as.numeric(seq_len(ncol(population)) == ncol(start) + j)
# what lmerTest's users call: the table of coefficients
satterthwaite <- function(value) coef(summary(fit_lmer(value)))
# the adjusted covariance once a model: contest1D would compute it again for each contrast
kenward_roger <- function(value) {
  model <- fit_lmer(value)
  adjusted <- vcovAdj(model)
  for (j in seq_len(ncol(change))) Lb_ddf(contrast(j), vcov(model), adjusted)
}
summary_kenward_roger <- function(value) coef(summary(fit_lmer(value), ddf = "Kenward-Roger"))
limma_fixed <- function(values) suppressWarnings(eBayes(lmFit(values, fixed_block)))
limma_correlation <- function(values) suppressWarnings({
  correlation <- duplicateCorrelation(values, population, block = samples$subject_id)
  eBayes(lmFit(values, population, block = samples$subject_id,
               correlation = correlation$consensus))
})

elapsed <- function(expression, best_of = 1) {
  expression <- substitute(expression); frame <- parent.frame()
  once <- function(i) { gc(); system.time(eval(expression, frame))[["elapsed"]] }
  min(sapply(seq_len(best_of), once))
}
features_first <- t(y)
complete <- features_first
gaps <- which(is.na(complete), arr.ind = TRUE)
complete[gaps] <- rowMeans(complete, na.rm = TRUE)[gaps[, 1]]

few <- seq_len(min(5, nrow(complete)))
invisible({limma_fixed(features_first[few, ]); limma_correlation(complete[few, ])})
if (k > 0) { satterthwaite(y[, 1]); kenward_roger(y[, 1]) }

first <- seq_len(k)
cat(toJSON(list(
  n_samples = nrow(y), n_features = ncol(y), missing = mean(is.na(y)), k = k,
  lmertest_satterthwaite_k = if (k > 0) elapsed(for (j in first) satterthwaite(y[, j])),
  pbkrtest_kenward_roger_k = if (k > 0) elapsed(for (j in first) kenward_roger(y[, j])),
  lmertest_kenward_roger_k =
    if (k > 0) elapsed(for (j in first) summary_kenward_roger(y[, j])),
  limma_fixed_missing = if (anyNA(y)) elapsed(limma_fixed(features_first), best_of = 2),
  limma_fixed_complete = elapsed(limma_fixed(complete), best_of = 2),
  limma_correlation = elapsed(limma_correlation(features_first)),
  versions = sapply(c("lme4", "lmerTest", "pbkrtest", "limma"),
                    function(p) as.character(packageVersion(p)), simplify = FALSE)
), auto_unbox = TRUE, null = "null", digits = 6, pretty = TRUE), "\n")
