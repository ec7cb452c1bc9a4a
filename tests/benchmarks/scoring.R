# Seconds of R GSVA: Rscript scoring.R FOLDER (called by scoring.py)
suppressMessages(library(GSVA))
folder <- commandArgs(TRUE)[1]
values <- t(as.matrix(read.csv(file.path(folder, "matrix.csv"), row.names = 1, check.names = FALSE)))
lines <- strsplit(readLines(file.path(folder, "sets.tsv")), "\t")
sets <- lapply(lines, function(x) x[-1]); names(sets) <- sapply(lines, function(x) x[1])
best <- function(method) {
  seconds <- sapply(1:3, function(i) {
    start <- proc.time()[["elapsed"]]
    scores <<- gsva(values, sets, method = method, verbose = FALSE, parallel.sz = 1)
    proc.time()[["elapsed"]] - start
  })
  write.csv(format(t(scores), digits = 17, trim = TRUE), file.path(folder, paste0("r_", method, ".csv")), quote = FALSE)
  min(seconds)
}
invisible(capture.output(found <- c(ssgsea = best("ssgsea"), gsva = best("gsva"))))
write.csv(data.frame(method = names(found), seconds = found, version = as.character(packageVersion("GSVA"))),
          file.path(folder, "r.csv"), row.names = FALSE)
