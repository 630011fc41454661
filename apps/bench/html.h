/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the page share. Private to the report. */
#ifndef BENCH_HTML_H
#define BENCH_HTML_H

#include <jansson.h>
#include <stdio.h>

/** The page's style sheet, but that of the charts. */
extern const char html_style[];

/* html_parts.c: the sections after the graphs, each with its heading, or nothing */
void html_verdicts(const json_t *report, FILE *out);
void html_claims(const json_t *report, FILE *out);
void html_tables(const json_t *report, FILE *out);
void html_method(const json_t *report, FILE *out);
void html_machine(const json_t *report, FILE *out);

#endif
