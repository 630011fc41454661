/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plx-bench compare A.json B.json: what B has of A, point by point. Their repeats did not take
 * turns, so a ratio's spread is the widest that the repeats of both allow: least of B over greatest
 * of A to greatest of B over least of A. Only where all of that lies on one side of 1 is a
 * difference told.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "report_doc.h"
#include "report_tables.h"

enum {
	EXIT_COMPARED = 0,
	EXIT_NOT_COMPARED =
		1, /* a file is not what it should be, or they have no point in common */
	EXIT_USAGE = 2,
};

static const char usage[] = "usage: plx-bench compare A.json B.json\n"
			    "Hold report B against report A, point by point: the ratio of B to A "
			    "with its spread. Says\n"
			    "where machine or options differ.\n"
			    "Exit status: 0 compared; 1 a file cannot be read, or they have no "
			    "point in common; 2 wrong\n"
			    "usage.\n";

/* ---- What the two were made on, and how ---- */

/* "-" where there is nothing. To be freed. */
static char *text_of(const json_t *value)
{
	if (!value || json_is_null(value))
		return strdup("-");
	if (json_is_string(value))
		return strdup(json_string_value(value));
	return json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9));
}

static void add_difference(struct table *table, const char *what, const json_t *a, const json_t *b)
{
	char *left, *right;

	if (json_equal(a, b) || (!a && !b))
		return;
	left = text_of(a);
	right = text_of(b);
	table_cell(table, "%s", what);
	table_cell(table, "%s", left ? left : "?");
	table_cell(table, "%s", right ? right : "?");
	free(left);
	free(right);
}

/* Each member of a group of the header that either of the two has. */
static void add_differences(struct table *table, const char *group, const json_t *a,
			    const json_t *b)
{
	json_t *both = json_object(), *value;
	const char *key;

	json_object_update(both, json_object_get(a, group));
	json_object_update(both, json_object_get(b, group));
	json_object_foreach(both, key, value)
	{
		char what[128];

		snprintf(what, sizeof(what), "%s %.*s", group, format_cut(key, 80), key);
		add_difference(table, what, json_object_get(json_object_get(a, group), key),
			       json_object_get(json_object_get(b, group), key));
	}
	json_decref(both);
}

static void add_pair_differences(struct table *table, const json_t *a, const json_t *b)
{
	size_t i;
	json_t *pair;

	json_array_foreach(json_object_get(a, "pairs"), i, pair)
	{
		const char *name = doc_string(pair, "name");
		const json_t *other = doc_pair(b, name);
		const json_t *port = json_array_get(json_object_get(pair, "ports"), 0);
		char what[128];

		if (!other)
			continue;
		snprintf(what, sizeof(what), "driver of %.*s", format_cut(name, 80), name);
		add_difference(table, what, json_object_get(port, "driver"),
			       json_object_get(json_array_get(json_object_get(other, "ports"), 0),
					       "driver"));
	}
}

static void print_differences(const json_t *a, const json_t *b)
{
	static const char *const heads[] = {"<what", "<A", "<B"};
	static const char *const keys[] = {"pollux", "kernel", "compiler", "iommu", "labels"};
	const json_t *of_a = json_object_get(a, "header"), *of_b = json_object_get(b, "header");
	struct table table;

	table_init(&table, "The two differ in", heads, PLX_ARRAY_SIZE(heads));
	for (unsigned k = 0; k < PLX_ARRAY_SIZE(keys); k++)
		add_difference(&table, keys[k], json_object_get(of_a, keys[k]),
			       json_object_get(of_b, keys[k]));
	add_differences(&table, "machine", of_a, of_b);
	add_differences(&table, "options", of_a, of_b);
	add_pair_differences(&table, a, b);
	table_print(&table, stdout);
	if (table_rows(&table) == 0 && !table.failed)
		printf("\nMachine and options are the same.\n");
	table_fini(&table);
}

/* ---- Points ---- */

static struct report_spread ratio_of(struct report_spread a, struct report_spread b)
{
	if (a.nb == 0 || b.nb == 0 || !(a.min > 0))
		return (struct report_spread){NAN, NAN, NAN, 0};
	return (struct report_spread){b.median / a.median, b.min / a.max, b.max / a.min, 1};
}

static const double SAME = 0.05; /* the whole spread is within */

static const char *word_for(const struct report_spread *ratio, double nb_repeats, const char *more,
			    const char *less)
{
	if (ratio->nb == 0)
		return "";
	if (nb_repeats < 2)
		return "one repeat";
	if (ratio->min > 1 - SAME && ratio->max < 1 + SAME)
		return "same";
	return ratio->min > 1 ? more : ratio->max < 1 ? less : "unclear";
}

static const json_t *point_like(const json_t *report, const json_t *like)
{
	size_t i;
	json_t *point;

	json_array_foreach(json_object_get(report, "points"), i, point)
	{
		if (doc_same(point, like, SAME_ALL | SAME_PAIR))
			return point;
	}
	return NULL;
}

static void put_median(struct table *table, struct report_spread spread, double scale)
{
	char text[32];

	table_cell(table, "%s", format_number(text, spread.median * scale));
}

static void put_point(struct table *table, const json_t *a, const json_t *b, const char *key)
{
	bool is_latency = strcmp(key, "throughput_pps") != 0;
	struct report_spread left =
		spread_read(is_latency ? json_object_get(a, "latency_ns") : a, key);
	struct report_spread right =
		spread_read(is_latency ? json_object_get(b, "latency_ns") : b, key);
	struct report_spread ratio = ratio_of(left, right);
	const double nb_repeats = fmin(doc_number(a, "repeats"), doc_number(b, "repeats"));
	char condition[64], text[96];

	if (ratio.nb == 0)
		return;
	table_cell(table, "%s", doc_string(a, "pair"));
	table_cell(table, "%s", doc_string(a, "frame"));
	table_cell(table, "%s", doc_string(a, "load"));
	table_cell(table, "%s", format_condition(condition, a));
	put_median(table, left, 1e-3);
	put_median(table, right, 1e-3);
	table_cell(table, "%s", format_spread(text, &ratio, 1));
	table_cell(table, "%s",
		   is_latency ? word_for(&ratio, nb_repeats, "longer", "shorter")
			      : word_for(&ratio, nb_repeats, "faster", "slower"));
}

static void print_points(const json_t *a, const json_t *b, const char *title, const char *key)
{
	static const char *const heads[] = {"<pair", ">frame", "<load",	 "<with",
					    ">A",    ">B",     ">B / A", "<B is"};
	struct table table;
	size_t i;
	json_t *point;

	table_init(&table, title, heads, PLX_ARRAY_SIZE(heads));
	json_array_foreach(json_object_get(a, "points"), i, point)
	{
		const json_t *other = point_like(b, point);

		if (other)
			put_point(&table, point, other, key);
	}
	table_print(&table, stdout);
	table_fini(&table);
}

/* How many points of @a are in @b, too. */
static size_t count_common(const json_t *a, const json_t *b)
{
	size_t nb = 0, i;
	json_t *point;

	json_array_foreach(json_object_get(a, "points"), i, point) nb +=
		point_like(b, point) != NULL;
	return nb;
}

static void print_about(char letter, const char *path, const json_t *report)
{
	const json_t *header = json_object_get(report, "header");

	/* names come from the command line, times from a file that may hold anything */
	printf("%c: %s, made ", letter, path);
	for (const char *text = doc_string(header, "time"); *text; text++)
		putchar((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
	printf("%s\n", doc_true(report, "valid") ? "" : "; INVALID: it says so itself");
}

static int compare(const char *path_a, const json_t *a, const char *path_b, const json_t *b)
{
	size_t nb = count_common(a, b), only_a, only_b;

	if (nb == 0)
		return bench_fail(EXIT_NOT_COMPARED, "%s and %s have no point in common", path_a,
				  path_b);
	print_about('A', path_a, a);
	print_about('B', path_b, b);
	print_differences(a, b);
	print_points(a, b, "Throughput in kpps, both directions in sum", "throughput_pps");
	print_points(a, b, "Latency p50 in us", "p50");
	print_points(a, b, "Latency p99 in us", "p99");
	only_a = json_array_size(json_object_get(a, "points")) - nb;
	only_b = json_array_size(json_object_get(b, "points")) - nb;
	printf("\n%zu points in both, %zu only in A, %zu only in B\n", nb, only_a, only_b);
	return EXIT_COMPARED;
}

int compare_main(int argc, char **argv)
{
	json_t *a, *b = NULL;
	int status = EXIT_NOT_COMPARED;

	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		fputs(usage, stdout);
		return EXIT_COMPARED;
	}
	if (argc != 3)
		return bench_fail(EXIT_USAGE,
				  "compare: want two files: plx-bench compare A.json B.json");
	a = report_read(argv[1]);
	if (a)
		b = report_read(argv[2]);
	/* made anew, so that the runs alone decide */
	if (a && b && report_derive(a) == 0 && report_derive(b) == 0)
		status = compare(argv[1], a, argv[2], b);
	json_decref(a);
	json_decref(b);
	if (fflush(stdout) || ferror(stdout))
		return bench_fail(EXIT_NOT_COMPARED, "stdout: cannot be written: %s",
				  strerror(errno));
	return status;
}
