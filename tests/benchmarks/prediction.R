# How long glmnet takes over what ml.evaluate does: elapsed seconds, as one JSON object on stdout.
#
#   OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 Rscript prediction.R FOLDER
#
# FOLDER (doubles, column by column): size.bin (people, features, people of the training fold,
# penalties, outer folds), x.bin, y.bin, outer.bin (fold of each person, from 0), inner.bin (people x
# outer folds: inner fold of the training people, from 1), path_x.bin, path_y.bin, penalties.bin.
# Values are complete. Writes path_<thresh>.bin, intercept and coefficients x penalties. Reading is
# not timed. Classes weigh the same in every fold, as in ml.evaluate.
suppressMessages({library(glmnet); library(jsonlite)})
folder <- commandArgs(trailingOnly = TRUE)[1]
get <- function(name, n) readBin(file.path(folder, paste0(name, ".bin")), "double", n)
size <- get("size", 5)
n <- size[1]; p <- size[2]; m <- size[3]; k <- size[4]; folds <- size[5]
x <- matrix(get("x", n * p), n); y <- get("y", n); outer <- get("outer", n)
inner <- matrix(get("inner", n * folds), n)
path_x <- matrix(get("path_x", m * p), m); path_y <- get("path_y", m)
penalties <- get("penalties", k)
best <- function(call, times) min(sapply(seq_len(times), function(i) system.time(call())[["elapsed"]]))

path <- list()
for (thresh in c("1e-7", "1e-8", "1e-9", "1e-10", "1e-11", "1e-12")) {
  call <- function() glmnet(path_x, path_y, family = "binomial", alpha = 0.5, lambda = penalties,
                            thresh = as.numeric(thresh), maxit = 1e7)
  fit <- call()
  stopifnot(length(fit$lambda) == k)
  writeBin(as.vector(rbind(fit$a0, as.matrix(fit$beta))),
           file.path(folder, sprintf("path_%s.bin", thresh)))
  path[[thresh]] <- best(call, 20)
}

nested <- function() for (f in seq_len(folds) - 1) {
  train <- outer != f
  label <- y[train]
  weights <- ifelse(label == 1, 0.5 / sum(label == 1), 0.5 / sum(label == 0))
  fit <- cv.glmnet(x[train, ], label, family = "binomial", alpha = 0.5, weights = weights,
                   nlambda = k, lambda.min.ratio = 0.01, foldid = inner[train, f + 1])
  predict(fit, x[!train, ], s = "lambda.min")
}
cat(toJSON(list(path = path, nested = best(nested, 5), glmnet = as.character(packageVersion("glmnet")),
                R = paste(R.version$major, R.version$minor, sep = ".")), auto_unbox = TRUE, digits = 6))
