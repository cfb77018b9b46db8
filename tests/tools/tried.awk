# Prints the rows of what tests tried and found as a table of three columns, as wide as they need.
BEGIN { name[0] = "what"; tried[0] = "tried"; found[0] = "found"; rows = 0 }
{ rows++; name[rows] = $1; tried[rows] = $2; found[rows] = $3 }
END {
  for (row = 0; row <= rows; row++) {
    if (length(name[row]) > wide) wide = length(name[row])
    if (length(tried[row]) > wider) wider = length(tried[row])
  }
  for (row = 0; row <= rows; row++) printf "%-" wide "s  %-" wider "s  %s\n", name[row], tried[row], found[row]
}
