/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading the document, and medians with their spread. */
#include "report_doc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct report_latency report_latencies[REPORT_LATENCIES] = {
	{"min", "min", 0},    {"p50", "p50", 0.5},	 {"p90", "p90", 0.9},
	{"p99", "p99", 0.99}, {"p99_9", "p99.9", 0.999}, {"p99_99", "p99.99", 0.9999},
	{"max", "max", 1},
};

double doc_number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

const char *doc_string(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

bool doc_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

double doc_nested(const json_t *object, const char *group, const char *key)
{
	return doc_number(json_object_get(object, group), key);
}

int doc_copy(json_t *to, const json_t *from, const char *key)
{
	json_t *value = json_object_get(from, key);

	return json_object_set(to, key, value ? value : json_null());
}

json_t *count_json(double count)
{
	const double most = 9007199254740992;

	return json_integer(count > 0 ? (json_int_t)fmin(count, most) : 0);
}

bool doc_has(const json_t *array, const char *text)
{
	size_t i;
	json_t *item;

	json_array_foreach(array, i, item)
	{
		if (json_is_string(item) && strcmp(json_string_value(item), text) == 0)
			return true;
	}
	return false;
}

static int ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

struct report_spread spread_of(double *values, size_t nb)
{
	if (nb == 0)
		return (struct report_spread){NAN, NAN, NAN, 0};
	qsort(values, nb, sizeof(*values), ascending);
	return (struct report_spread){
		.median = (values[(nb - 1) / 2] + values[nb / 2]) / 2,
		.min = values[0],
		.max = values[nb - 1],
		.nb = nb,
	};
}

json_t *spread_json(const struct report_spread *spread)
{
	if (spread->nb == 0)
		return json_null();
	return json_pack("{s:f, s:f, s:f}", "median", spread->median, "min", spread->min, "max",
			 spread->max);
}

struct report_spread spread_read(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	struct report_spread spread = {doc_number(value, "median"), doc_number(value, "min"),
				       doc_number(value, "max"), 0};

	spread.nb = !isnan(spread.median) && !isnan(spread.min) && !isnan(spread.max);
	return spread;
}

double run_latency(const json_t *run, unsigned latency)
{
	double share = report_latencies[latency].share;
	double count = doc_nested(run, "latency_ns", "count");

	if (isnan(count) || count < 1)
		return NAN;
	/* a millionth, for what binary fractions leave of 0.1 % */
	if (share > 0 && share < 1 && count * (1 - share) < REPORT_BEYOND_MIN - 1e-6)
		return NAN;
	return doc_nested(run, "latency_ns", report_latencies[latency].key);
}

static bool same_number(const json_t *a, const json_t *b, const char *key)
{
	double x = doc_number(a, key), y = doc_number(b, key);

	return isnan(x) || isnan(y) ? isnan(x) && isnan(y) : x == y;
}

static bool same_string(const json_t *a, const json_t *b, const char *key)
{
	return strcmp(doc_string(a, key), doc_string(b, key)) == 0;
}

bool doc_same(const json_t *a, const json_t *b, unsigned what)
{
	return (!(what & SAME_PAIR) || same_string(a, b, "pair")) &&
	       (!(what & SAME_FRAME) || same_string(a, b, "frame")) &&
	       (!(what & SAME_LOAD) || same_string(a, b, "load")) &&
	       (!(what & SAME_STRESS) || doc_true(a, "stress") == doc_true(b, "stress")) &&
	       (!(what & SAME_TOGETHER) || doc_true(a, "together") == doc_true(b, "together")) &&
	       (!(what & SAME_DELAY) || same_number(a, b, "delay_ns"));
}

bool doc_is_plain(const json_t *point)
{
	return !doc_true(point, "stress") && !doc_true(point, "together") &&
	       !(doc_number(point, "delay_ns") > 0);
}

/* ---- Pairs ---- */

const json_t *doc_pair(const json_t *report, const char *name)
{
	size_t i;
	json_t *pair;

	json_array_foreach(json_object_get(report, "pairs"), i, pair)
	{
		if (strcmp(doc_string(pair, "name"), name) == 0)
			return pair;
	}
	return NULL;
}

bool pair_is(const json_t *pair, const char *path)
{
	return strcmp(doc_string(pair, "path"), path) == 0;
}

bool pair_is_emulated(const json_t *pair)
{
	size_t i;
	json_t *port;

	json_array_foreach(json_object_get(pair, "ports"), i, port)
	{
		if (doc_true(port, "emulated"))
			return true;
	}
	return false;
}

static bool has_driver(const json_t *pair, const char *driver)
{
	const json_t *port = json_array_get(json_object_get(pair, "ports"), 0);

	return strcmp(doc_string(port, "driver"), driver) == 0;
}

/* The first pair that is, or is not, of the kernel; with @driver one that has it. */
static const json_t *find_pair(const json_t *report, bool kernel, const char *path,
			       const char *driver)
{
	size_t i;
	json_t *pair;

	json_array_foreach(json_object_get(report, "pairs"), i, pair)
	{
		if (pair_is(pair, "kernel") == kernel && (!path || pair_is(pair, path)) &&
		    (!driver || has_driver(pair, driver)))
			return pair;
	}
	return NULL;
}

static bool paths_tell(const json_t *report)
{
	return find_pair(report, true, NULL, NULL) && find_pair(report, false, NULL, NULL);
}

const json_t *report_subject(const json_t *report)
{
	const json_t *pair = find_pair(report, false, "user", NULL);

	if (!paths_tell(report))
		return json_array_get(json_object_get(report, "pairs"), 0);
	return pair ? pair : find_pair(report, false, NULL, NULL);
}

const json_t *report_reference(const json_t *report)
{
	const json_t *pair = find_pair(report, true, NULL, "net_pcap");

	if (!paths_tell(report))
		return json_array_get(json_object_get(report, "pairs"), 1);
	return pair ? pair : find_pair(report, true, NULL, NULL);
}

bool report_compares(const json_t *report, const json_t *of, const json_t *to)
{
	if (paths_tell(report))
		return !pair_is(of, "kernel") && pair_is(to, "kernel");
	return of == report_subject(report) && to != of;
}

const json_t *report_ratio(const json_t *report, const char *metric, const json_t *of,
			   const json_t *to, const json_t *point)
{
	size_t i;
	json_t *ratio;

	json_array_foreach(json_object_get(report, "ratios"), i, ratio)
	{
		if (strcmp(doc_string(ratio, "metric"), metric) == 0 &&
		    strcmp(doc_string(ratio, "against"), "pair") == 0 &&
		    strcmp(doc_string(ratio, "of"), doc_string(of, "name")) == 0 &&
		    strcmp(doc_string(ratio, "to"), doc_string(to, "name")) == 0 &&
		    doc_same(ratio, point, SAME_ALL))
			return ratio;
	}
	return NULL;
}

bool report_is_yardstick(const json_t *report, const json_t *point)
{
	size_t i;
	json_t *other;

	if (strcmp(doc_string(point, "load"), "max") != 0 || doc_true(point, "stress") ||
	    doc_number(point, "delay_ns") > 0 || !(doc_number(point, "repeats") > 0))
		return false;
	if (!doc_true(point, "together"))
		return true;
	json_array_foreach(json_object_get(report, "points"), i, other)
	{
		if (doc_is_plain(other) && doc_number(other, "repeats") > 0 &&
		    doc_same(other, point, SAME_PAIR | SAME_FRAME | SAME_LOAD))
			return false;
	}
	return true;
}

/* ---- Numbers as text ---- */

int format_cut(const char *text, int most)
{
	int bytes = (int)strnlen(text, (size_t)most + 1);

	if (bytes <= most)
		return bytes;
	while (most > 0 && ((unsigned char)text[most] & 0xc0) == 0x80)
		most--;
	return most;
}

const char *format_frame(char text[48], const json_t *point)
{
	const char *frame = doc_string(point, "frame");

	if (*frame && strspn(frame, "0123456789") == strlen(frame))
		snprintf(text, 48, "%.*s-byte frames", format_cut(frame, 24), frame);
	else
		snprintf(text, 48, "%.*s", format_cut(frame, 40), frame);
	return text;
}

/* @digits significant ones; what is below 0.0001 is not told apart. */
static const char *format_digits(char text[32], double value, int digits)
{
	double size = fabs(value);
	int after = digits - 1; /* the point */

	if (!isfinite(value) || size >= 1e15) {
		snprintf(text, 32, "-");
		return text;
	}
	for (double limit = 10 - 0.5 / pow(10, digits - 2); size >= limit && after > 0; limit *= 10)
		after--;
	if (size > 0 && size < 1 - 0.5 / pow(10, digits))
		after = size < 0.1 ? digits + 1 : digits;
	snprintf(text, 32, "%.*f", size == 0 ? 0 : after, value);
	return text;
}

const char *format_number(char text[32], double value)
{
	return format_digits(text, value, 4);
}

const char *format_short(char text[32], double value)
{
	return format_digits(text, value, 3);
}

static const char *format_three(char text[96], const struct report_spread *spread, double scale,
				int digits)
{
	char median[32], min[32], max[32];

	format_digits(median, spread->median * scale, digits);
	if (spread->nb == 0 || spread->min == spread->max)
		snprintf(text, 96, "%s", median);
	else
		snprintf(text, 96, "%s (%s..%s)", median,
			 format_digits(min, spread->min * scale, digits),
			 format_digits(max, spread->max * scale, digits));
	return text;
}

const char *format_spread(char text[96], const struct report_spread *spread, double scale)
{
	return format_three(text, spread, scale, 4);
}

const char *format_ratio(char text[96], const json_t *ratio)
{
	struct report_spread spread = {doc_number(ratio, "median"), doc_number(ratio, "min"),
				       doc_number(ratio, "max"), ratio != NULL};

	return format_three(text, &spread, 1, 3);
}
