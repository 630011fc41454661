/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A table of text: cells are added from left to right and row by row, then it is printed on a
 * terminal or as HTML. Columns in which no cell says anything are left out. Running out of memory
 * is remembered, and printing then says so in place of the table.
 */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include <pollux/compiler.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
	TABLE_COLUMNS_MAX = 16,
	TABLE_WIDTH_MAX = 100,
};

struct table {
	const char *title;
	const char *note; /* below it, or NULL */
	size_t nb_columns;
	const char *const
		*heads; /* the first character: '<' to the left, '>' numbers to the right */
	char **cells;	/* nb_cells of them, row by row */
	size_t nb_cells, room;
	bool failed;
};

/** @heads and @title must outlive the table. */
void table_init(struct table *table, const char *title, const char *const *heads, size_t nb);
void table_fini(struct table *table);

PLX_PRINTF(2, 3) void table_cell(struct table *table, const char *fmt, ...);
size_t table_rows(const struct table *table);
const char *table_at(const struct table *table, size_t row, size_t column);
bool table_has_column(const struct table *table, size_t column);

/** At most TABLE_WIDTH_MAX columns: text that is too long for that is cut, numbers are not. */
void table_print(const struct table *table, FILE *out);

#endif
