/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading the document without believing it: what is missing or of another type is NAN, "" or
 * false. Private to the report's files.
 */
#ifndef BENCH_REPORT_DOC_H
#define BENCH_REPORT_DOC_H

#include <jansson.h>
#include <pollux/compiler.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "complain.h"

enum {
	REPORT_LATENCIES = 7,
	REPORT_BEYOND_MIN = 10, /* samples that a percentile needs beyond it */
};

/* A sender that kept less of its schedule did not offer the load. */
#define REPORT_KEPT 0.99

/* The figures of a latency, least first. */
struct report_latency {
	const char *key, *name;
	double share; /* of the samples that are not greater */
};
extern const struct report_latency report_latencies[REPORT_LATENCIES];

/* Median, least and greatest of the repeats. */
struct report_spread {
	double median, min, max;
	size_t nb; /* 0: there is none, and the others are NAN */
};

double doc_number(const json_t *object, const char *key);
const char *doc_string(const json_t *object, const char *key);
bool doc_true(const json_t *object, const char *key);
/** The figure @key of object's member @group. */
double doc_nested(const json_t *object, const char *group, const char *key);
/** Give @to the member @key of @from, or null. Returns 0, -1. */
int doc_copy(json_t *to, const json_t *from, const char *key);
/** A count, of at most 2^53. */
json_t *count_json(double count);
/** Is @text one of the strings of an array? */
bool doc_has(const json_t *array, const char *text);

/** Sorts @values. */
struct report_spread spread_of(double *values, size_t nb);
/** {median, min, max}, or null. */
json_t *spread_json(const struct report_spread *spread);
struct report_spread spread_read(const json_t *object, const char *key);

/** A latency of a run in ns; NAN where it is null, or too few samples lie beyond. */
double run_latency(const json_t *run, unsigned latency);

/* What a run or a point is about, without the pair. */
enum {
	SAME_FRAME = 1 << 0,
	SAME_LOAD = 1 << 1,
	SAME_STRESS = 1 << 2,
	SAME_TOGETHER = 1 << 3,
	SAME_DELAY = 1 << 4,
	SAME_PAIR = 1 << 5,
	SAME_CONDITION = SAME_STRESS | SAME_TOGETHER | SAME_DELAY,
	SAME_ALL = SAME_FRAME | SAME_LOAD | SAME_CONDITION,
};
bool doc_same(const json_t *a, const json_t *b, unsigned what);
/** No stress, no other pair at work, no delay. */
bool doc_is_plain(const json_t *point);

const json_t *doc_pair(const json_t *report, const char *name);
bool pair_is(const json_t *pair, const char *path);
bool pair_is_emulated(const json_t *pair);

/**
 * Which pair stands for the user-space path, and which for the kernel's: of the kernel's one by
 * libpcap if there is one. NULL if there is none; either may also be any pair where paths do not
 * tell.
 */
const json_t *report_subject(const json_t *report);
const json_t *report_reference(const json_t *report);
/** Is the ratio of @of to @to one that the report has? */
bool report_compares(const json_t *report, const json_t *of, const json_t *to);

/** The ratio of two pairs in one metric, under the conditions of @point; NULL if there is none. */
const json_t *report_ratio(const json_t *report, const char *metric, const json_t *of,
			   const json_t *to, const json_t *point);

/** Has an earlier one said the same? So do all sizes of which nothing can be told. */
bool verdict_is_repeated(const json_t *verdicts, size_t index);

/**
 * Is this the point that tells a pair's throughput at its frame size: rate "max", no stress, no
 * delay, and alone unless it was never measured alone?
 */
bool report_is_yardstick(const json_t *report, const json_t *point);

/** "64-byte frames", "imix". */
const char *format_frame(char text[48], const json_t *point);

/** Takes one line, without its end. */
typedef void (*remark_put)(const char *line, FILE *out);
/** Runs that were sent slower than their load says. Returns their number; NULL just counts. */
size_t remarks_not_kept(const json_t *report, remark_put put, FILE *out);
/** The same of runs and trials of a search that do not count, and why. */
size_t remarks_invalid(const json_t *report, remark_put put, FILE *out);

/* The parts of report_derive(): new references, or NULL. */
json_t *derive_points(const json_t *report);
json_t *derive_ratios(const json_t *report);
json_t *derive_verdicts(const json_t *report);
json_t *derive_claims(const json_t *report);

/** Write a file by @write, in whole or not at all. */
int report_write_file(const char *path, void (*write)(const void *what, FILE *out),
		      const void *what);

/** How many of the first @most bytes of @text are whole characters of UTF-8. */
int format_cut(const char *text, int most);

/** 4 significant digits, no exponent; "-" for NAN. */
const char *format_number(char text[32], double value);
/** 3 significant digits. */
const char *format_short(char text[32], double value);
/** The same with its spread: "3.912 (3.801..4.022)"; without where there is one repeat. */
const char *format_spread(char text[96], const struct report_spread *spread, double scale);
/** A ratio in 3 significant digits, with its spread. */
const char *format_ratio(char text[96], const json_t *ratio);

#endif
