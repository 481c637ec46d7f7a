# Writes a list as JSON with the versions of R and of the packages used. Sourced by every script of this folder.
suppressPackageStartupMessages(library(jsonlite))

script_folder <- function() {
  given <- grep("^--file=", commandArgs(FALSE), value = TRUE)
  dirname(normalizePath(sub("^--file=", "", given[1])))
}

write_peer <- function(values, name, packages = character()) {
  versions <- c(list(R = paste(R.version$major, R.version$minor, sep = ".")),
                setNames(lapply(packages, function(p) as.character(packageVersion(p))), packages))
  given <- commandArgs(TRUE)
  path <- if (length(given) > 0) given[1] else file.path(script_folder(), paste0(name, ".json"))
  text <- toJSON(c(list(versions = versions), values), digits = I(17), auto_unbox = TRUE, pretty = TRUE, na = "null")
  writeLines(text, path)
}
