/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables of text, and how they look on a terminal. */
#include "table.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
	CUT_MIN = 4, /* what is left at least of a column that is cut */
	GAP = 2,
};

void table_init(struct table *table, const char *title, const char *const *heads, size_t nb)
{
	*table = (struct table){.title = title, .heads = heads, .nb_columns = nb};
}

void table_fini(struct table *table)
{
	for (size_t i = 0; i < table->nb_cells; i++)
		free(table->cells[i]);
	free(table->cells);
}

void table_cell(struct table *table, const char *fmt, ...)
{
	va_list args;
	char *text;

	if (table->nb_cells == table->room) {
		size_t room = table->room ? 2 * table->room : 64;
		char **cells = reallocarray(table->cells, room, sizeof(*cells));

		if (!cells) {
			table->failed = true;
			return;
		}
		table->cells = cells;
		table->room = room;
	}
	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0) { /* NOLINT(clang-analyzer-valist.Uninitialized) */
		table->failed = true;
		text = NULL;
	}
	va_end(args);
	table->cells[table->nb_cells++] = text;
}

size_t table_rows(const struct table *table)
{
	return table->nb_cells / table->nb_columns;
}

const char *table_at(const struct table *table, size_t row, size_t column)
{
	const char *text = table->cells[row * table->nb_columns + column];

	return text ? text : "";
}

bool table_has_column(const struct table *table, size_t column)
{
	for (size_t row = 0; row < table_rows(table); row++) {
		const char *text = table_at(table, row, column);

		if (*text && strcmp(text, "-") != 0)
			return true;
	}
	return false;
}

static bool is_left(const struct table *table, size_t column)
{
	return table->heads[column][0] == '<';
}

/* Characters, of UTF-8. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void choose_widths(const struct table *table, size_t widths[TABLE_COLUMNS_MAX])
{
	size_t total = 0;

	for (size_t column = 0; column < table->nb_columns; column++) {
		widths[column] = 0;
		if (!table_has_column(table, column))
			continue;
		widths[column] = width_of(table->heads[column] + 1);
		for (size_t row = 0; row < table_rows(table); row++) {
			size_t width = width_of(table_at(table, row, column));

			if (width > widths[column])
				widths[column] = width;
		}
		total += widths[column] + (total ? GAP : 0);
	}
	while (total > TABLE_WIDTH_MAX) {
		size_t widest = 0, most = CUT_MIN;

		for (size_t column = 0; column < table->nb_columns; column++) {
			if (is_left(table, column) && widths[column] > most) {
				widest = column;
				most = widths[column];
			}
		}
		if (most == CUT_MIN)
			return;
		widths[widest]--;
		total--;
	}
}

/* What comes from a file may hold anything: nothing of it is to reach the terminal as a command. */
static void put_cut(const char *text, size_t width, FILE *out)
{
	size_t nb = width_of(text), left = nb > width ? width - 1 : nb;

	for (; *text; text++) {
		bool begins = ((unsigned char)*text & 0xc0) != 0x80;

		if (begins && left-- == 0)
			break;
		fputc(iscntrl((unsigned char)*text) ? '?' : *text, out);
	}
	if (nb > width)
		fputc('~', out);
}

static void put_row(const struct table *table, const size_t *widths, size_t row, bool head,
		    FILE *out)
{
	size_t owed = 0; /* blanks, which a line does not end in */

	for (size_t column = 0; column < table->nb_columns; column++) {
		const char *text = head ? table->heads[column] + 1 : table_at(table, row, column);
		size_t width = widths[column], pad;

		if (width == 0)
			continue;
		pad = width_of(text) < width ? width - width_of(text) : 0;
		if (!is_left(table, column))
			owed += pad;
		if (*text) {
			fprintf(out, "%*s", (int)owed, "");
			owed = 0;
			put_cut(text, width, out);
		}
		owed += GAP + (is_left(table, column) ? pad : 0);
	}
	fputc('\n', out);
}

void table_print(const struct table *table, FILE *out)
{
	size_t widths[TABLE_COLUMNS_MAX];

	if (table_rows(table) == 0 && !table->failed)
		return;
	fprintf(out, "\n%s\n", table->title);
	if (table->failed) {
		fputs("(out of memory)\n", out);
		return;
	}
	choose_widths(table, widths);
	put_row(table, widths, 0, true, out);
	for (size_t row = 0; row < table_rows(table); row++)
		put_row(table, widths, row, false, out);
	if (table->note)
		fprintf(out, "%s\n", table->note);
}
