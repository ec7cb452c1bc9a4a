# A simulated training trial and what lmerTest with Kenward-Roger says of it.
# 24 people in two arms: exercise (EE) and control (CON). Blood at rest (pre), right after one bout
# (post; the control arm rests as long), and at rest after twelve weeks (week12).
# Run in this folder: Rscript fixture.R
suppressMessages(library(lmerTest))
set.seed(12)

# ---- the cohort -----------------------------------------------------------------------------

samples <- expand.grid(timepoint = c("pre", "post", "week12"), subject_id = sprintf("P%02d", 1:24))
person <- as.integer(samples$subject_id)
samples$arm <- rep(c("EE", "CON"), 12)[person]
samples$age <- sample(24:61, 24)[person]
samples$sex <- rep(c("F", "F", "M", "M"), 6)[person]
rownames(samples) <- paste(samples$subject_id, samples$timepoint, sep = "_")

proteins <- c(
  "ADIPOQ", "ANGPTL4", "APLN", "BDNF", "CCL2", "CHI3L1", "CKM", "CRP", "CSF1", "CST3",
  "CXCL8", "CXCL10", "EPO", "FABP3", "FABP4", "FGF21", "FST", "GDF15", "HGF", "ICAM1",
  "IGF1", "IGFBP1", "IL10", "IL15", "IL18", "IL1RN", "IL6", "LEP", "LIF", "MB",
  "METRNL", "MMP9", "MPO", "MSTN", "PRL", "SERPINE1", "SPARC", "TNF", "VCAM1", "VEGFA")

# planted changes, in log2 units: after the bout and after the training, exercise arm only
bout <- c(IL6 = 1.8, IL1RN = 1.2, IL10 = 0.9, CXCL8 = 0.8, MB = 1.0, CKM = 0.5, FST = 0.6,
          MPO = 0.8, BDNF = 0.5, CCL2 = 0.4)
training <- c(LEP = -0.7, CRP = -0.6, SERPINE1 = -0.4, ADIPOQ = 0.3, METRNL = 0.4)
# the hour between the first two samples passes for both arms
drift <- c(IGFBP1 = -0.6, PRL = 0.4)

level <- matrix(rnorm(24 * 40, mean = 5, sd = 0.8), 24)         # a person's own level
noise <- outer(rep(1, 72), runif(40, 0.25, 0.5)) * rnorm(72 * 40) # one sample's deviation
npx <- level[person, ] + noise
dimnames(npx) <- list(rownames(samples), proteins)
add <- function(rows, effect) npx[rows, names(effect)] <<- sweep(npx[rows, names(effect)], 2, effect, "+")
add(samples$arm == "EE" & samples$timepoint == "post", bout)
add(samples$arm == "EE" & samples$timepoint == "week12", training)
add(samples$timepoint == "post", drift)
npx <- round(npx, 2)

# five people miss the last visit, 2% of the cells failed
npx[runif(length(npx)) < 0.02] <- NA
came <- !rownames(samples) %in% paste0(c("P03", "P06", "P11", "P17", "P20"), "_week12")
npx <- npx[came, ]
samples <- samples[came, ]

write.csv(npx, "trial_matrix.csv", quote = FALSE)
write.csv(cbind(sample_id = rownames(samples), samples), "trial_samples.csv", row.names = FALSE, quote = FALSE)

# ---- the questions, over the six cell means ---------------------------------------------------

samples$cell <- factor(paste(samples$arm, samples$timepoint, sep = "."))
#                           CON: post pre week12  EE: post pre week12   (levels(samples$cell))
questions <- list(
  "CON: post - pre"        = c(  1, -1,  0,            0,  0,  0),
  "CON: week12 - pre"      = c(  0, -1,  1,            0,  0,  0),
  "EE: post - pre"         = c(  0,  0,  0,            1, -1,  0),
  "EE: week12 - pre"       = c(  0,  0,  0,            0, -1,  1),
  "EE - CON: post - pre"   = c( -1,  1,  0,            1, -1,  0),
  "EE - CON: week12 - pre" = c(  0,  1, -1,            0, -1,  1))
arm_by_time <- rbind(questions[["EE - CON: post - pre"]], questions[["EE - CON: week12 - pre"]])

# ---- one mixed model a protein ----------------------------------------------------------------

precise <- lmerControl(optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-14, maxeval = 10000))
answers <- list()
for (protein in proteins) {
  model <- lmer(npx[, protein] ~ 0 + cell + (1 | subject_id), samples, control = precise)
  for (question in names(questions)) {
    test <- contest1D(model, questions[[question]], ddf = "Kenward-Roger")
    answers[[length(answers) + 1]] <- data.frame(
      feature = protein, contrast = question, estimate = test[["Estimate"]],
      se = test[["Std. Error"]], df = test[["df"]], statistic = test[["t value"]],
      p_value = test[["Pr(>|t|)"]])
  }
  test <- contestMD(model, arm_by_time, ddf = "Kenward-Roger") # F on 2 and df
  answers[[length(answers) + 1]] <- data.frame(
    feature = protein, contrast = "arm x time", estimate = NA, se = NA, df = test[["DenDF"]],
    statistic = test[["F value"]], p_value = test[["Pr(>F)"]])
}
write.csv(do.call(rbind, answers), "trial_lmer.csv", row.names = FALSE, quote = FALSE, na = "")
writeLines(c(R.version.string, sapply(c("lme4", "lmerTest", "pbkrtest"),
           function(p) paste(p, packageVersion(p)))), "versions.txt")
