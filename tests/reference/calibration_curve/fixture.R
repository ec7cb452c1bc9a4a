# loess of outcome on predicted probability, exact (surface = "direct") and R's default, which
# interpolates between the vertices of a tree of cells; and the ICI, E50, E90, Emax of both.
# Run in this folder: Rscript fixture.R
options(digits = 17)
set.seed(20270119)
clf <- jsonlite::fromJSON("../../kernels/performance_vectors.json")$data$clf60
cases <- list(
  clin = data.frame(y = clf$y, p = clf$p_clin),
  omics = data.frame(y = clf$y, p = clf$p_omics))
p <- plogis(rnorm(150, -0.5, 1.3))
cases$large <- data.frame(y = rbinom(150, 1, p), p = round(p, 6))
cases$small <- data.frame(y = c(0, 0, 1, 0, 1, 0, 1, 1, 0, 1, 1),
                          p = c(.08, .13, .2, .31, .37, .44, .52, .61, .66, .79, .93))
p <- round(plogis(rnorm(80, 0, 1)), 1) # ties: eleven distinct values
cases$ties <- data.frame(y = rbinom(80, 1, p), p = p)
measures <- function(y, p, curve) {
  gap <- abs(curve - p)
  c(mean(gap), median(gap), quantile(gap, 0.9), max(gap))
}
data <- curves <- summary <- NULL
for (case in names(cases)) {
  d <- cases[[case]]
  data <- rbind(data, data.frame(case, d))
  for (span in c(0.5, 0.75, 1)) {
    if (case == "ties" && span == 0.5) next # singular windows: R takes a pseudoinverse
    exact <- loess(y ~ p, d, span = span, control = loess.control(surface = "direct"))
    default <- loess(y ~ p, d, span = span)
    at <- seq(min(d$p), max(d$p), length.out = 12)
    curves <- rbind(curves, data.frame(case, span, at, exact = predict(exact, data.frame(p = at)),
                                       default = predict(default, data.frame(p = at))))
    for (s in c("exact", "default")) {
      m <- measures(d$y, d$p, fitted(get(s)))
      summary <- rbind(summary, data.frame(case, span, surface = s, ici = m[1], e50 = m[2],
                                           e90 = m[3], emax = m[4]))
    }
  }
}
write.csv(data, "data.csv", row.names = FALSE)
write.csv(curves, "curves.csv", row.names = FALSE)
write.csv(summary, "summary.csv", row.names = FALSE)
writeLines(c(R.version.string, paste("jsonlite", packageVersion("jsonlite"))), "versions.txt")
