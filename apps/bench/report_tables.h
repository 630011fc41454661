/* SPDX-License-Identifier: BSD-3-Clause */
/* The report's tables, as the terminal and the page both show them. Private to the report. */
#ifndef BENCH_REPORT_TABLES_H
#define BENCH_REPORT_TABLES_H

#include <jansson.h>

#include "table.h"

/* What a table is for: the terminal has room for less. */
enum table_room {
	ROOM_TERMINAL,
	ROOM_PAGE,
};

/** In the order in which they are read; the caller prints it and calls table_fini(). */
struct report_table {
	const char *id; /* of the page's anchor */
	void (*make)(struct table *table, const json_t *report, enum table_room room);
};
extern const struct report_table report_tables[];
extern const size_t nb_report_tables;

/** "stress", "at once", "10 us": what is special about a run, or "". */
const char *format_condition(char text[64], const json_t *point);

#endif
