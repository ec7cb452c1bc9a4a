# Oracle of pp.combat: sva::ComBat. Run in this folder: Rscript fixture.R
# converged: the same function, its iteration stopped at 1e-13 in place of 1e-4
suppressMessages({library(sva)})
keep <- function(x, file) write.csv(signif(x, 15), file, row.names = FALSE, quote = FALSE)
run <- function(...) suppressMessages(ComBat(...))
set.seed(4)
n <- 30; p <- 40
batch <- rep(c("p1", "p2", "p3"), c(8, 12, 10))
time <- rep(c("pre", "post"), 15); time[c(2, 4)] <- "pre"
age <- round(rnorm(n, 45, 9))
x <- matrix(rnorm(n * p), n) + rep(rnorm(p, 6, 2), each = n) + outer(time == "post", rnorm(p, 0.4, 0.3))
for (b in unique(batch)) {
  rows <- batch == b
  x[rows, ] <- sweep(sweep(x[rows, ], 2, sqrt(1 / rgamma(p, 6, 5)), "*"), 2, rnorm(p, 0.3, 0.6), "+")
}
x <- signif(x, 15)
holes <- x; holes[sample(n * p, 60)] <- NA
keep(x, "matrix.csv"); keep(holes, "holes.csv")
write.csv(data.frame(batch, time, age), "samples.csv", row.names = FALSE, quote = FALSE)
mod <- model.matrix(~ factor(time, c("pre", "post")) + age)

cases <- list(
  plain = list(), covariates = list(mod = mod), mean_only = list(mod = mod, mean.only = TRUE),
  nonparametric = list(mod = mod, par.prior = FALSE),
  nonparametric_mean = list(mod = mod, par.prior = FALSE, mean.only = TRUE),
  reference = list(mod = mod, ref.batch = "p2"))
for (name in names(cases)) keep(t(do.call(run, c(list(t(x), batch), cases[[name]]))), paste0(name, "_stock.csv"))
tight <- sva:::it.sol; formals(tight)$conv <- 1e-13
assignInNamespace("it.sol", tight, "sva")
for (name in c("plain", "covariates", "reference"))
  keep(t(do.call(run, c(list(t(x), batch), cases[[name]]))), paste0(name, ".csv"))
keep(t(run(t(holes), batch, mod)), "holes_answer.csv")
keep(t(run(t(holes), batch, mod, mean.only = TRUE)), "holes_mean_only.csv")
writeLines(c(R.version.string, sapply(c("sva"), function(p) paste(p, packageVersion(p)))), "versions.txt")
