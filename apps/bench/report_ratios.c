/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ratios: repeat r of the one to repeat r of the other, since they alternate in time, then the
 * median of these with its spread. `against` says what differs between the two: "pair", or
 * "no stress" where a pair under stress is held against itself without.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_doc.h"

enum { NO_POINT = -1 };

/* The one and the other: points, and the document that has their runs. */
struct match {
	const json_t *report;
	const json_t *of, *to;
	int of_index, to_index; /* of these points */
	const char *against;
	double *values; /* room for a ratio of each run */
	int *points;	/* the index of each run's point, NO_POINT of a run that is not valid */
};

enum metric {
	METRIC_THROUGHPUT,
	METRIC_P50,
	METRIC_P99,
	NB_METRICS,
};

static const char *const metrics[NB_METRICS] = {"throughput_pps", "latency_p50", "latency_p99"};

static double value_of(const json_t *run, enum metric metric)
{
	switch (metric) {
	case METRIC_P50:
		return run_latency(run, 1);
	case METRIC_P99:
		return run_latency(run, 3);
	default:
		return doc_number(run, "throughput_pps");
	}
}

/* The run of the other point with that repeat. */
static const json_t *other_run(const struct match *match, double repeat)
{
	size_t i;
	json_t *run;

	json_array_foreach(json_object_get(match->report, "runs"), i, run)
	{
		if (match->points[i] == match->to_index && doc_number(run, "repeat") == repeat)
			return run;
	}
	return NULL;
}

static struct report_spread ratio_of(const struct match *match, enum metric metric)
{
	size_t nb = 0, i;
	json_t *run;

	json_array_foreach(json_object_get(match->report, "runs"), i, run)
	{
		double above, below;

		if (match->points[i] != match->of_index)
			continue;
		above = value_of(run, metric);
		below = value_of(other_run(match, doc_number(run, "repeat")), metric);
		if (!isnan(above) && below > 0)
			match->values[nb++] = above / below;
	}
	return spread_of(match->values, nb);
}

/* Both as fast as they can, or both asked for the same, but for rounding. */
static bool is_same_rate(const json_t *of, const json_t *to)
{
	struct report_spread a = spread_read(of, "offered_pps");
	struct report_spread b = spread_read(to, "offered_pps");

	if (a.nb == 0 || b.nb == 0)
		return a.nb == b.nb;
	return fabs(a.median - b.median) <= 0.01 * b.median;
}

static int append(json_t *ratios, const json_t *like, const char *of, const char *to,
		  const char *metric, const char *against, bool same_rate,
		  const struct report_spread *spread)
{
	static const char *const keys[] = {"frame",  "frame_bytes", "load",
					   "stress", "together",    "delay_ns"};
	json_t *ratio = json_object();
	int failed = 0;

	failed |= json_object_set_new(ratio, "metric", json_string(metric));
	failed |= json_object_set_new(ratio, "of", json_string(of));
	failed |= json_object_set_new(ratio, "to", json_string(to));
	failed |= json_object_set_new(ratio, "against", json_string(against));
	for (unsigned k = 0; k < PLX_ARRAY_SIZE(keys); k++)
		failed |= doc_copy(ratio, like, keys[k]);
	failed |= json_object_set_new(ratio, "same_rate", json_boolean(same_rate));
	failed |= json_object_set_new(ratio, "median", json_real(spread->median));
	failed |= json_object_set_new(ratio, "min", json_real(spread->min));
	failed |= json_object_set_new(ratio, "max", json_real(spread->max));
	failed |= json_object_set_new(ratio, "repeats", json_integer((json_int_t)spread->nb));
	if (failed) {
		json_decref(ratio);
		return -1;
	}
	return json_array_append_new(ratios, ratio);
}

static int append_all(json_t *ratios, const struct match *match)
{
	for (enum metric metric = 0; metric < NB_METRICS; metric++) {
		struct report_spread spread = ratio_of(match, metric);

		if (spread.nb > 0 &&
		    append(ratios, match->of, doc_string(match->of, "pair"),
			   doc_string(match->to, "pair"), metrics[metric], match->against,
			   is_same_rate(match->of, match->to), &spread))
			return -1;
	}
	return 0;
}

/* All ratios that have the point @match->of above. */
static int ratios_of_point(json_t *ratios, struct match *match)
{
	const json_t *report = match->report;
	const json_t *pair = doc_pair(report, doc_string(match->of, "pair"));
	size_t i;
	json_t *point;

	json_array_foreach(json_object_get(report, "points"), i, point)
	{
		const json_t *other = doc_pair(report, doc_string(point, "pair"));

		match->to = point;
		match->to_index = (int)i;
		match->against = "pair";
		if (pair && other && report_compares(report, pair, other) &&
		    doc_same(point, match->of, SAME_ALL) && append_all(ratios, match))
			return -1;
		match->against = "no stress";
		if (doc_true(match->of, "stress") && !doc_true(point, "stress") &&
		    doc_same(point, match->of, SAME_PAIR | (SAME_ALL & ~SAME_STRESS)) &&
		    append_all(ratios, match))
			return -1;
	}
	return 0;
}

/* Searches are done once: their ratio has no spread. */
static int ratios_of_search(json_t *ratios, const json_t *report, const json_t *search)
{
	static const char *const kinds[] = {"ndr", "pdr"};
	static const char *const names[] = {"ndr_pps", "pdr_pps"};
	const json_t *pair = doc_pair(report, doc_string(search, "pair"));
	bool is_pdr = strcmp(doc_string(search, "kind"), kinds[1]) == 0;
	size_t i;
	json_t *to;

	json_array_foreach(json_object_get(report, "searches"), i, to)
	{
		const json_t *other = doc_pair(report, doc_string(to, "pair"));
		double ratio = doc_number(search, "pps") / doc_number(to, "pps");
		struct report_spread spread = {ratio, ratio, ratio, 1};

		if (!pair || !other || !report_compares(report, pair, other) || !isfinite(ratio) ||
		    !doc_same(search, to, SAME_FRAME | SAME_STRESS) ||
		    strcmp(doc_string(search, "kind"), doc_string(to, "kind")) != 0)
			continue;
		if (append(ratios, search, doc_string(search, "pair"), doc_string(to, "pair"),
			   names[is_pdr], "pair", false, &spread))
			return -1;
	}
	return 0;
}

static void find_points(const json_t *report, int *points)
{
	const json_t *all = json_object_get(report, "points");
	size_t i;
	json_t *run;

	json_array_foreach(json_object_get(report, "runs"), i, run)
	{
		points[i] = NO_POINT;
		for (size_t p = 0; doc_true(run, "valid") && p < json_array_size(all); p++) {
			if (doc_same(run, json_array_get(all, p), SAME_ALL | SAME_PAIR)) {
				points[i] = (int)p;
				break;
			}
		}
	}
}

static int add_all(json_t *ratios, struct match *match)
{
	const json_t *report = match->report;
	size_t i;
	json_t *item;

	find_points(report, match->points);
	json_array_foreach(json_object_get(report, "points"), i, item)
	{
		match->of = item;
		match->of_index = (int)i;
		if (ratios_of_point(ratios, match))
			return -1;
	}
	json_array_foreach(json_object_get(report, "searches"), i, item)
	{
		if (ratios_of_search(ratios, report, item))
			return -1;
	}
	return 0;
}

json_t *derive_ratios(const json_t *report)
{
	size_t nb = json_array_size(json_object_get(report, "runs"));
	struct match match = {
		.report = report,
		.values = calloc(nb + 1, sizeof(*match.values)),
		.points = calloc(nb + 1, sizeof(*match.points)),
	};
	json_t *ratios = json_array();

	if (!match.values || !match.points || add_all(ratios, &match)) {
		json_decref(ratios);
		ratios = NULL;
	}
	free(match.values);
	free(match.points);
	return ratios;
}
