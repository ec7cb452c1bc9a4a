# Within-site AUC by pROC: DeLong's variances of each site, put together by the number of pairs.
# Run as: Rscript fixture.R   (pROC 1.18.0, R 4.2)
suppressMessages(library(pROC))
set.seed(7)
site <- rep(c("a", "b", "c", "d"), c(30, 22, 14, 5))
n <- length(site)
label <- rbinom(n, 1, c(a = 0.2, b = 0.5, c = 0.75, d = 0)[site])
label[1:2] <- 1:0
shift <- c(a = 2, b = 0, c = -2, d = 1)[site]
first <- round(rnorm(n) + 0.9 * label + shift, 1)  # one digit: there are ties
second <- round(0.5 * first + rnorm(n) + shift, 1)
people <- data.frame(site, label, first, second)
write.csv(people, "people.csv", row.names = FALSE)
rows <- list()
for (s in c("a", "b", "c")) {
  own <- people[people$site == s, ]
  r1 <- roc(own$label, own$first, direction = "<", levels = 0:1, quiet = TRUE)
  r2 <- roc(own$label, own$second, direction = "<", levels = 0:1, quiet = TRUE)
  rows[[s]] <- data.frame(
    site = s, n1 = sum(own$label == 1), n0 = sum(own$label == 0),
    auc_first = as.numeric(auc(r1)), auc_second = as.numeric(auc(r2)),
    var_first = var(r1, method = "delong"), var_second = var(r2, method = "delong"),
    cov = cov(r1, r2, method = "delong"))
}
out <- do.call(rbind, rows)
w <- out$n1 * out$n0 / sum(out$n1 * out$n0)
whole <- data.frame(
  site = "within", n1 = sum(out$n1), n0 = sum(out$n0),
  auc_first = sum(w * out$auc_first), auc_second = sum(w * out$auc_second),
  var_first = sum(w^2 * out$var_first), var_second = sum(w^2 * out$var_second),
  cov = sum(w^2 * out$cov))
out <- rbind(out, whole)
out[-1] <- lapply(out[-1], function(x) format(x, digits = 15, trim = TRUE))
write.csv(out, "expected.csv", row.names = FALSE, quote = FALSE)
writeLines(c(R.version.string, paste("pROC", packageVersion("pROC"))), "versions.txt")
