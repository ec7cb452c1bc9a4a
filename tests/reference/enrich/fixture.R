# limma's tests of sets: data and answers, as CSV. Run in this folder: Rscript fixture.R
# Samples are sorted by person and time; the design is a constant, the persons but the first, then
# the rest with the contrast last: the basis of the residual space, on which fry depends, is ours.
suppressMessages(library(limma))
options(digits = 15)
set.seed(20261125)
n_feature <- 300

simulate <- function(s, shift) {
  mean <- runif(n_feature, 4, 12)
  sigma <- sqrt(0.25 * 6 / rchisq(n_feature, 6) * exp(-0.1 * (mean - 8)))
  loading <- matrix(rnorm(n_feature * 3), n_feature) * 0.4
  loading[1:40, 1] <- loading[1:40, 1] + 0.5  # the first features correlate
  person <- matrix(rnorm(n_feature * 40), n_feature)[, as.integer(factor(s$subject))]
  y <- mean + person + sigma * (loading %*% matrix(rnorm(3 * nrow(s)), 3) +
                                  matrix(rnorm(n_feature * nrow(s)), n_feature))
  y[1:10, ] <- y[1:10, ] + rep(shift, each = 10) * 0.5
  y[11:20, ] <- y[11:20, ] - rep(shift, each = 10) * 0.5
  y <- round(y, 3)
  dimnames(y) <- list(sprintf("F%03d", seq_len(n_feature)), s$sample)
  y
}
grid <- function(n, times, arms) {
  s <- expand.grid(time = times, subject = sprintf("P%02d", seq_len(n)), stringsAsFactors = FALSE)
  s$arm <- rep(arms, length.out = n)[as.integer(factor(s$subject))]
  s$sample <- paste(s$subject, s$time, sep = "_")
  s$lactate <- round(rnorm(nrow(s), 3, 1), 2)
  s$weight <- round(runif(nrow(s), 0.4, 2.5), 2)
  s
}
sets <- list(
  up = 1:10, down = 11:20, half = c(1:5, 101:105), both = 1:20, one = 7, two = c(3, 250),
  correlated = 21:40, none = 60:90, large = c(1:3, 120:220), overlap = c(8:14, 200:206),
  signed = 1:20, flipped = 1:20, weighted = c(1:8, 150:153), one_flipped = 7, mixed = 15:45,
  every_third = seq(2, 299, 3)
)
weights <- lapply(sets, function(i) rep(1, length(i)))
weights$signed <- rep(c(1, -1), each = 10)
weights$flipped <- rep(c(-1, 1), each = 10)
weights$weighted <- round(runif(12, 0.2, 3), 2)
weights$one_flipped <- -2
weights$mixed <- round(rnorm(31), 2)
weights$mixed[weights$mixed == 0] <- 0.5
weights$every_third <- rep(c(1, 0.5, -1.5), 34)[seq_along(sets$every_third)]
write.csv(data.frame(set = rep(names(sets), lengths(sets)), feature = unlist(sets),
                     weight = unlist(weights)), "sets.csv", row.names = FALSE)

cases <- list()
s <- grid(8, c("pre", "post"), "train"); s$cell <- s$time
cases$paired <- list(s = s, y = simulate(s, s$time == "post"), test = s$time == "post", rest = NULL)
s <- grid(12, c("pre", "post", "rec"), c("ctrl", "train"))
s <- s[!s$sample %in% c("P03_pre", "P04_rec", "P09_post", "P09_rec"), ]  # P09 has one sample
s$cell <- paste(s$arm, s$time, sep = ":")
train <- s$arm == "train"
cases$arms <- list(s = s, y = simulate(s, train & s$time == "post"), test = train & s$time == "post",
                   rest = cbind((s$cell == "ctrl:pre") - (s$cell == "train:post"),
                                (s$cell == "ctrl:post") + (s$cell == "train:post"),
                                (s$cell == "train:pre") + (s$cell == "train:post")),
                   usual = cbind(s$time == "post", s$time == "rec", train & s$time == "rec"))
s <- grid(8, c("pre", "post", "rec"), "train"); s$cell <- s$time
cases$covariate <- list(s = s, y = simulate(s, s$time == "post"), test = s$time == "post",
                        rest = cbind(s$time == "rec", s$lactate))
s <- grid(12, "pre", c("ctrl", "train")); s$cell <- s$arm
y <- simulate(s, s$arm == "train")
o <- order(s$arm, colSums(y))  # without persons: by the design, then by the sum of all features
cases$groups <- list(s = s[o, ], y = y[, o], test = s$arm[o] == "train", rest = NULL)
s <- grid(2, c("pre", "post"), "train"); s$cell <- s$time
cases$tiny <- list(s = s, y = simulate(s, s$time == "post"), test = s$time == "post", rest = NULL)

turn <- function(y, name) {
  g <- sets[[name]]
  y[g, ] <- y[g, , drop = FALSE] * sign(weights[[name]])
  y
}
out <- list()
add <- function(case, test, answer) {
  numbers <- sapply(answer, is.numeric)
  answer[numbers] <- lapply(answer[numbers], signif, 11)
  out[[length(out) + 1]] <<- data.frame(case = case, test = test, set = names(sets), answer)
}
frame <- function(n, direction, p, mixed = NA, correlation = NA, up = NA, down = NA) {
  data.frame(n = n, direction = direction, p = p, mixed = mixed, correlation = correlation,
             prop_up = up, prop_down = down)
}
index <- Map(data.frame, sets, weights)
for (case in names(cases)) {
  one <- cases[[case]]
  s <- one$s; y <- one$y
  block <- if (case == "groups") cbind(rep(1, nrow(s))) else model.matrix(~subject, s)
  x <- cbind(block, one$rest, test = one$test)
  write.csv(data.frame(feature = rownames(y), y, check.names = FALSE),
            paste0(case, "_matrix.csv"), row.names = FALSE, quote = FALSE)
  write.csv(s, paste0(case, "_samples.csv"), row.names = FALSE, quote = FALSE)
  camera_by_set <- function(...) do.call(rbind, lapply(names(sets), function(i) {
    a <- camera(turn(y, i), setNames(sets[i], i), x, sort = FALSE, ...)
    frame(a$NGenes, a$Direction, a$PValue, correlation = if (is.null(a$Correlation)) NA else a$Correlation)
  }))
  add(case, "camera", camera_by_set())
  add(case, "camera_0.05", camera_by_set(inter.gene.cor = 0.05))
  add(case, "camera_estimated", camera_by_set(inter.gene.cor = NA))
  add(case, "camera_ranks", camera_by_set(use.ranks = TRUE))
  add(case, "camera_ranks_estimated", camera_by_set(use.ranks = TRUE, inter.gene.cor = NA))
  # turning a row over would turn its mean level over too, on which the trend is: no flips here
  flat <- camera(y, sets, x, sort = FALSE, trend.var = TRUE)
  add(case, "camera_trend", frame(flat$NGenes, flat$Direction, flat$PValue))
  fried <- function(...) {
    a <- fry(y, index, x, sort = "none", ...)
    frame(a$NGenes, a$Direction, a$PValue, a$PValue.Mixed)
  }
  for (kind in c("posterior.sd", "residual.sd", "p2", "none"))
    add(case, paste0("fry_", kind), fried(standardize = kind))
  add(case, "fry_trend", fried(trend.var = TRUE))
  add(case, "fry_robust", fried(robust = TRUE))
  # the same model written as most would: another basis of the same residual space
  if (!is.null(one$usual)) {
    a <- fry(y, index, cbind(block, one$usual, test = one$test), sort = "none")
    add(case, "fry_usual", frame(a$NGenes, a$Direction, a$PValue, a$PValue.Mixed))
  }
  if (case != "tiny") {
    add(case, "fry_weights", fried(weights = s$weight))
    for (kind in c("mean", "floormean", "mean50", "msq")) {
      # msq takes the root of the weights once more in every chunk of 1000 rotations: one chunk
      n_rot <- if (kind == "msq") 999 else 9999
      a <- mroast(y, index, x, set.statistic = kind, nrot = n_rot, sort = "none")
      add(case, paste0("roast_", kind),
          frame(a$NGenes, a$Direction, a$PValue, a$PValue.Mixed, NA, a$PropUp, a$PropDown))
    }
  }
}
# cameraPR on the moderated t of one case
one <- cases$paired
fit <- eBayes(lmFit(one$y, cbind(model.matrix(~subject, one$s), test = one$test)))
t <- fit$t[, "test"]
for (kind in c("pr", "pr_ranks", "pr_0.1")) {
  a <- do.call(rbind, lapply(names(sets), function(i) {
    v <- t; v[sets[[i]]] <- v[sets[[i]]] * sign(weights[[i]])
    a <- cameraPR(v, setNames(sets[i], i), use.ranks = kind == "pr_ranks",
                  inter.gene.cor = if (kind == "pr_0.1") 0.1 else 0.01, sort = FALSE)
    frame(a$NGenes, a$Direction, a$PValue)
  }))
  add("paired", kind, a)
}
write.csv(data.frame(feature = names(t), t = t), "paired_t.csv", row.names = FALSE, quote = FALSE)
write.csv(do.call(rbind, out), "answers.csv", row.names = FALSE, quote = FALSE, na = "")
writeLines(c(R.version.string, paste("limma", packageVersion("limma")),
             paste("statmod", packageVersion("statmod"))), "versions.txt")
