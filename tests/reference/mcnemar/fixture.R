# McNemar's exact test: binom.test on the discordant pairs, coin's exact marginal homogeneity test,
# and Newcombe's method 10 written out over the Wilson limits of prop.test.
# Run in this folder: Rscript fixture.R
suppressMessages(library(coin))
options(digits = 17)
set.seed(20270115)
wilson <- function(x, n) suppressWarnings(prop.test(x, n, correct = FALSE))$conf.int[1:2]
interval <- function(a, gained, lost, d) {
  n <- a + gained + lost + d
  p1 <- (a + lost) / n; p2 <- (a + gained) / n
  w1 <- wilson(a + lost, n); w2 <- wilson(a + gained, n)
  bottom <- (a + lost) * (gained + d) * (a + gained) * (lost + d)
  top <- a * d - gained * lost
  if (top > 0) top <- max(top - n / 2, 0)
  phi <- if (bottom > 0) top / sqrt(bottom) else 0
  low <- (p2 - w2[1])^2 + (w1[2] - p1)^2 - 2 * phi * (p2 - w2[1]) * (w1[2] - p1)
  high <- (w2[2] - p2)^2 + (p1 - w1[1])^2 - 2 * phi * (w2[2] - p2) * (p1 - w1[1])
  p2 - p1 + c(-1, 1) * sqrt(c(low, high))
}
tables <- rbind(
  c(1, 7, 1, 12), c(0, 5, 0, 9), c(8, 0, 6, 0), c(3, 4, 4, 3), c(0, 1, 0, 0), c(20, 1, 0, 30),
  c(10, 12, 3, 15), c(2, 9, 1, 0), c(40, 25, 9, 26), c(0, 10, 0, 0), c(5, 0, 1, 40),
  t(rmultinom(25, 30, c(0.3, 0.25, 0.15, 0.3))), t(rmultinom(5, 150, c(0.5, 0.12, 0.08, 0.3))))
colnames(tables) <- c("both", "gained", "lost", "neither")
answers <- t(apply(tables, 1, function(r) {
  m <- r["gained"] + r["lost"]
  # rows before, columns after; filled by column: yes-yes, no-yes (gained), yes-no (lost), no-no
  pairs <- as.table(matrix(r, 2, dimnames = list(before = c("yes", "no"), after = c("yes", "no"))))
  c(p_value = binom.test(r[["gained"]], m, 0.5)$p.value,
    p_coin = as.numeric(pvalue(mh_test(pairs, distribution = "exact"))),
    interval(r[["both"]], r[["gained"]], r[["lost"]], r[["neither"]]))
}))
colnames(answers) <- c("p_value", "p_coin", "ci_low", "ci_high")
write.csv(data.frame(tables, answers), "results.csv", row.names = FALSE)
writeLines(c(R.version.string, paste("coin", packageVersion("coin"))), "versions.txt")
