# SPDX-License-Identifier: BSD-3-Clause
#
# Names each line that is wider than `most` columns, tabs being 8 wide.

{
	column = 0
	for (i = 1; i <= length($0); i++)
		column += substr($0, i, 1) == "\t" ? 8 - column % 8 : 1
	if (column > most) {
		printf "%s:%d: %d columns, %d are allowed\n", FILENAME, FNR, column, most
		nb_wide++
	}
}

END {
	exit nb_wide > 0
}
