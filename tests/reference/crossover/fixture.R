# Crossover trials on person-level values: lm and t.test; lmerTest on complete data.
# Run in this folder: Rscript fixture.R
suppressMessages({library(lmerTest); library(pbkrtest)})
options(digits = 17)
tight <- lmerControl(optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-14, maxeval = 10000),
                     check.conv.singular = "ignore")
set.seed(5)
n <- 13; f <- 10
s <- expand.grid(time = c("pre", "post", "late"), period = 1:2, subject = sprintf("P%02d", 1:n),
                 stringsAsFactors = FALSE)
first <- as.integer(substr(s$subject, 2, 3)) <= 8   # ecc first: 8 people, con first: 5
s$condition <- ifelse((s$period == 1) == first, "ecc", "con")
s$sequence <- ifelse(first, "ecc-con", "con-ecc")
s$sample <- paste(s$subject, s$condition, s$time, sep = "_")
person <- as.integer(factor(s$subject)); visit <- as.integer(factor(paste(s$subject, s$condition)))
y <- sapply(1:f, function(k) 8 + rnorm(n)[person] + rnorm(2 * n, 0, .3)[visit] +
  rnorm(n, 0, .4)[person] * (s$time != "pre") +
  .8 * (s$condition == "ecc" & s$time != "pre") * k / f + .3 * (s$period == 2 & s$time == "post") +
  rnorm(nrow(s), 0, .35))
y <- round(y, 6)
y[s$subject == "P02", 1:4] <- ifelse(row(y)[s$subject == "P02", 1:4] %% 4 == 0, NA, y[s$subject == "P02", 1:4])
y[cbind(sample(nrow(y), 24, TRUE), sample(6, 24, TRUE))] <- NA   # features 7-10 stay complete
colnames(y) <- sprintf("F%02d", 1:f); rownames(y) <- s$sample
write.csv(y, "matrix.csv"); write.csv(s, "samples.csv", row.names = FALSE)

rows <- list()
add <- function(feature, contrast, analysis, estimate, se, df, statistic, p_value, n)
  rows[[length(rows) + 1]] <<- data.frame(feature, contrast, analysis, estimate, se, df, statistic, p_value, n)
change <- function(d, condition, time) {
  v <- function(t) {r <- d[d$condition == condition & d$time == t, ]; setNames(r$y, r$subject)[unique(s$subject)]}
  v(time) - v("pre")
}
for (name in colnames(y)) for (time in c("post", "late")) {
  d <- data.frame(s, y = y[, name])
  treated <- change(d, "ecc", time); other <- change(d, "con", time)
  seq <- setNames(s$sequence, s$subject)[unique(s$subject)]
  dif <- treated - other
  t1 <- t.test(dif)
  add(name, "ecc - con", "paired", t1$estimate, t1$stderr, t1$parameter, t1$statistic, t1$p.value, sum(!is.na(dif)))
  # period differences, first minus second; half their difference between sequences
  pd <- ifelse(seq == "ecc-con", dif, -dif)
  t2 <- t.test(pd[seq == "ecc-con"], pd[seq == "con-ecc"], var.equal = TRUE)
  add(name, "ecc - con", "period", diff(rev(t2$estimate)) / 2, t2$stderr / 2, t2$parameter, t2$statistic, t2$p.value,
      sum(!is.na(dif)))
  # the period effect: signs of the difference exchanged in one sequence
  t3 <- t.test(dif[seq == "con-ecc"], dif[seq == "ecc-con"], var.equal = TRUE)
  add(name, "period 2 - 1", "period", diff(rev(t3$estimate)) / 2, t3$stderr / 2, t3$parameter, t3$statistic, t3$p.value,
      sum(!is.na(dif)))
  total <- treated + other
  t4 <- t.test(total[seq == "ecc-con"], total[seq == "con-ecc"], var.equal = TRUE)
  add(name, "carry-over", "period", diff(rev(t4$estimate)), t4$stderr, t4$parameter, t4$statistic, t4$p.value,
      sum(!is.na(total)))
  if (!anyNA(d$y)) {
    # on all samples of the two times: random person, visit and person's own change
    e <- d[d$time %in% c("pre", time), ]
    e$later <- as.integer(e$time == time); e$ecc <- as.integer(e$condition == "ecc"); e$second <- e$period - 1L
    fit <- suppressMessages(lmer(y ~ later * (ecc + second) + (1 | subject) + (1 | subject:period) +
                                 (1 | subject:later), e, control = tight))
    # on the changes: random person
    g <- data.frame(subject = rep(names(dif), 2), y = c(treated, other), ecc = rep(1:0, each = n))
    g$second <- as.integer(ifelse(seq[g$subject] == "ecc-con", g$ecc == 0, g$ecc == 1))
    small <- suppressMessages(lmer(y ~ ecc + second + (1 | subject), g, control = tight))
    for (m in list(list("lmer", fit, "later:ecc"), list("lmer_change", small, "ecc"))) {
      L <- as.numeric(names(fixef(m[[2]])) == m[[3]])
      kr <- contest1D(m[[2]], L, ddf = "Kenward-Roger")
      singular <- min(as.data.frame(VarCorr(m[[2]]))$vcov) < 1e-6
      add(name, "ecc - con", if (singular) paste0(m[[1]], "_singular") else m[[1]], kr[["Estimate"]],
          kr[["Std. Error"]], kr[["df"]], kr[["t value"]], kr[["Pr(>|t|)"]], n)
    }
  }
  for (i in seq_along(rows)) if (is.null(rows[[i]]$time)) rows[[i]]$time <- time
}
# three conditions in three periods (Williams): the difference regressed on the periods' differences
orders <- list(c("a","b","c"), c("b","c","a"), c("c","a","b"), c("c","b","a"), c("a","c","b"), c("b","a","c"))
w <- do.call(rbind, lapply(1:12, function(i) data.frame(subject = sprintf("W%02d", i), period = 1:3,
       condition = orders[[(i - 1) %% 6 + 1]])))
w <- merge(w, data.frame(time = c("pre", "post")))
w <- w[!(w$subject == "W05" & w$condition == "b"), ]
w$y <- round(6 + rnorm(12)[as.integer(factor(w$subject))] + .5 * (w$time == "post") * (w$condition == "c") +
  .2 * w$period * (w$time == "post") + rnorm(nrow(w), 0, .3), 6)
w$sample <- paste(w$subject, w$condition, w$time, sep = "_")
write.csv(w, "williams.csv", row.names = FALSE)
three <- list()
for (k in c("b", "c")) {
  v <- function(c, t, what) {r <- w[w$condition == c & w$time == t, ]; setNames(r[[what]], r$subject)[unique(w$subject)]}
  dif <- v(k, "post", "y") - v(k, "pre", "y") - v("a", "post", "y") + v("a", "pre", "y")
  pk <- v(k, "pre", "period"); pa <- v("a", "pre", "period")
  m <- summary(lm(dif ~ I((pk == 2) - (pa == 2)) + I((pk == 3) - (pa == 3))))
  three[[k]] <- data.frame(contrast = paste0(k, " - a", c("", ", period 2 - 1", ", period 3 - 1"), ": post - pre"),
                           m$coefficients, df = m$df[2], n = sum(!is.na(dif)), check.names = FALSE)
}
three <- do.call(rbind, three); names(three)[2:5] <- c("estimate", "se", "statistic", "p_value")
write.csv(three, "williams_lm.csv", row.names = FALSE)
write.csv(do.call(rbind, rows), "crossover.csv", row.names = FALSE)
writeLines(c(R.version.string, sapply(c("stats", "lme4", "lmerTest", "pbkrtest"),
           function(p) paste(p, packageVersion(p)))), "versions.txt")
