# A training trial in R: three times, two arms, dropouts. The numbers of 05_three_times_two_arms.py.
#
#   cd examples && Rscript 05_three_times_two_arms.R [answers.csv]
#
# 24 people in two arms, exercise (EE) and control (CON). Blood at rest (pre), right after one bout
# (post; the control arm rests as long), and at rest after twelve weeks (week12). Five people miss
# the last visit, 2% of the cells failed: lmer uses every row that is there.
# Tested with R 4.2.2, lme4 1.1-31, lmerTest 3.1-3, pbkrtest 0.5.2.
suppressMessages(library(lmerTest)) # its Kenward-Roger is pbkrtest's

trial <- "../tests/reference/trial/"
npx <- as.matrix(read.csv(paste0(trial, "trial_matrix.csv"), row.names = 1, check.names = FALSE))
samples <- read.csv(paste0(trial, "trial_samples.csv"), row.names = "sample_id")
samples <- samples[rownames(npx), ] # by name, never by position

# lmer stops early by default: with these settings it agrees with itself to eight digits
precise <- lmerControl(optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-14, maxeval = 10000))

# ---- the questions, over cell means ---------------------------------------------------------

samples$cell <- factor(paste(samples$arm, samples$timepoint, sep = "."))
change <- function(arm, time) setNames(c(1, -1), paste(arm, c(time, "pre"), sep = "."))
minus <- function(time) c(change("EE", time), -change("CON", time))
questions <- list(
  "CON: post - pre" = change("CON", "post"),
  "CON: week12 - pre" = change("CON", "week12"),
  "EE: post - pre" = change("EE", "post"),
  "EE: week12 - pre" = change("EE", "week12"),
  "EE - CON: post - pre" = minus("post"),
  "EE - CON: week12 - pre" = minus("week12"))

# a question as a row of weights, in the order of the model's columns
weights <- function(question, cells) {
  row <- setNames(numeric(length(cells)), cells)
  row[names(question)] <- question
  row
}

one <- function(feature, model, name, row, variant) {
  test <- contest1D(model, row, ddf = "Kenward-Roger")
  data.frame(variant, feature, contrast = name, estimate = test[["Estimate"]],
             se = test[["Std. Error"]], df = test[["df"]], statistic = test[["t value"]],
             p_value = test[["Pr(>|t|)"]])
}
several <- function(feature, model, name, rows, variant) { # F on nrow(rows) and df
  test <- contestMD(model, rows, ddf = "Kenward-Roger")
  data.frame(variant, feature, contrast = name, estimate = NA, se = NA, df = test[["DenDF"]],
             statistic = test[["F value"]], p_value = test[["Pr(>F)"]])
}

# ---- one mixed model a protein --------------------------------------------------------------

answers <- list()
keep <- function(row) answers[[length(answers) + 1]] <<- row
for (protein in colnames(npx)) {
  samples$y <- npx[, protein]

  # the model of the notebook: a mean for each arm and time, a level for each person
  model <- lmer(y ~ 0 + cell + (1 | subject_id), samples, control = precise)
  cells <- sub("^cell", "", names(fixef(model)))
  for (name in names(questions))
    keep(one(protein, model, name, weights(questions[[name]], cells), "free"))
  both <- rbind(weights(minus("post"), cells), weights(minus("week12"), cells))
  keep(several(protein, model, "arm x time", both, "free"))

  # the trial was randomised: the arms share one baseline mean
  samples$shared <- factor(ifelse(samples$timepoint == "pre", "pre", as.character(samples$cell)))
  model <- lmer(y ~ 0 + shared + (1 | subject_id), samples, control = precise)
  cells <- sub("^shared", "", names(fixef(model)))
  for (time in c("post", "week12")) {
    row <- weights(setNames(c(1, -1), paste(c("EE", "CON"), time, sep = ".")), cells)
    keep(one(protein, model, sprintf("EE - CON: %s - pre", time), row, "constrained"))
  }

  # each question on the rows of its own cells, so that no other time's variance enters
  for (name in names(questions)) {
    own <- droplevels(samples[samples$cell %in% names(questions[[name]]), ])
    model <- suppressMessages(lmer(y ~ 0 + cell + (1 | subject_id), own, control = precise))
    cells <- sub("^cell", "", names(fixef(model)))
    keep(one(protein, model, name, weights(questions[[name]], cells), "own cells"))
  }
}
answers <- do.call(rbind, answers)

# ---- what comes out -------------------------------------------------------------------------

main <- answers[answers$variant == "free", ]
main$p_adj <- ave(main$p_value, main$contrast, FUN = function(p) p.adjust(p, "BH"))
for (name in c("EE - CON: post - pre", "EE - CON: week12 - pre")) {
  found <- main[main$contrast == name & main$p_adj < 0.05, ]
  cat("\n", name, ": ", nrow(found), " proteins with adjusted p below 0.05\n", sep = "")
  print(format(found[order(found$p_value), -1], digits = 4), row.names = FALSE)
}

# the answers that the notebook reads are these
stored <- read.csv(paste0(trial, "trial_lmer.csv"))
both <- merge(main, stored, by = c("feature", "contrast"), suffixes = c("", ".stored"))
stopifnot(nrow(both) == nrow(main), nrow(both) == nrow(stored))
for (column in c("estimate", "se", "df", "statistic", "p_value"))
  stopifnot(isTRUE(all.equal(both[[column]], both[[paste0(column, ".stored")]], tolerance = 1e-6)))
cat("\nequal to trial_lmer.csv\n")

out <- commandArgs(trailingOnly = TRUE)
if (length(out) == 1) write.csv(answers, out, row.names = FALSE, quote = FALSE, na = "")
