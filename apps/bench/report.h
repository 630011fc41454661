/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the JSON document of a benchmark to what people read. The engine fills in header, pairs,
 * floors, bias, runs and searches; report_derive() adds what follows from them; the others only
 * read. doc/bench.schema.json is the document's schema, version 1.
 *
 * Set-up thread only: all of them allocate. Each returns 0, or a negative errno after one line on
 * stderr that says what is wrong. A file is written beside its name and then renamed: it is there
 * in whole or not at all.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <jansson.h>
#include <stdio.h>

/**
 * Add points, ratios, verdicts, claims and valid to @report, in place of those that are there.
 * Runs that are not valid count in no median.
 */
int report_derive(json_t *report);

/** The whole document. */
int report_write_json(const json_t *report, const char *path);

/** A line for each run and direction, and one for the sum of its directions; RFC 4180. */
int report_write_csv(const json_t *report, const char *path);

/** One page that needs no other file, no script and no network. */
int report_write_html(const json_t *report, const char *path);

/** The page's graphs as files of @dir, which is made if it is not there: throughput.svg and so
 * on. */
int report_write_svgs(const json_t *report, const char *dir);

/** The tables, in at most 100 columns. */
void report_print(const json_t *report, FILE *out);

/**
 * Read a document of this schema's version. NULL after a line on stderr when it cannot be read or
 * is none. The caller releases it by json_decref().
 */
json_t *report_read(const char *path);

/** plx-bench compare A.json B.json: argv[0] is "compare". Returns the exit status. */
int compare_main(int argc, char **argv);

/** plx-bench report IN.json [--html FILE] ...: a document made into files again; as above. */
int report_main(int argc, char **argv);

#endif
