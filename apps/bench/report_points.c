/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Points: the runs that differ in nothing but the repeat, as one. Figures are medians with their
 * spread, counts are totals. Runs that are not valid are counted and left out; a point that has no
 * valid run is there without figures.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_doc.h"

struct members {
	const json_t **runs; /* the valid ones */
	double *values;
	size_t nb;
	size_t nb_invalid;
};

static const char *const counts[] = {"sent",	  "received", "lost",	"duplicate",
				     "reordered", "corrupt",  "foreign"};
static const char *const drops[] = {"tx_errors", "tx_dropped", "rx_missed", "rx_errors",
				    "rx_nombuf"};
static const char *const costs[] = {"lcore_ns_per_packet", "kernel_ns_per_packet",
				    "softirq_ns_per_packet"};
static const char *const usages[] = {"user_ns",	     "system_ns", "minor_faults",
				     "major_faults", "voluntary", "involuntary"};
static const char *const rates[] = {"throughput_pps", "throughput_mbps", "wire_mbps"};

/* Of a run's own figure, or of one in its member @group. */
static json_t *spread_over(const struct members *members, const char *group, const char *key)
{
	struct report_spread spread;
	size_t nb = 0;

	for (size_t i = 0; i < members->nb; i++) {
		double value = group ? doc_nested(members->runs[i], group, key)
				     : doc_number(members->runs[i], key);
		if (!isnan(value))
			members->values[nb++] = value;
	}
	spread = spread_of(members->values, nb);
	return spread_json(&spread);
}

static json_t *latency_over(const struct members *members)
{
	json_t *latency = json_object();
	double total = 0;
	int failed = 0;

	for (size_t i = 0; i < members->nb; i++) {
		double count = doc_nested(members->runs[i], "latency_ns", "count");

		total += isnan(count) ? 0 : count;
	}
	failed |= json_object_set_new(latency, "count", count_json(total));
	for (unsigned l = 0; l < REPORT_LATENCIES; l++) {
		struct report_spread spread;
		size_t nb = 0;

		for (size_t i = 0; i < members->nb; i++) {
			double value = run_latency(members->runs[i], l);

			if (!isnan(value))
				members->values[nb++] = value;
		}
		spread = spread_of(members->values, nb);
		failed |=
			json_object_set_new(latency, report_latencies[l].key, spread_json(&spread));
	}
	if (failed) {
		json_decref(latency);
		return NULL;
	}
	return latency;
}

/* The item of an array that has the same two numbers as @like. */
static const json_t *find_like(const json_t *array, const json_t *like, const char *first,
			       const char *second)
{
	size_t i;
	json_t *item;

	json_array_foreach(array, i, item)
	{
		if (doc_number(item, first) == doc_number(like, first) &&
		    doc_number(item, second) == doc_number(like, second))
			return item;
	}
	return NULL;
}

static double or_zero(double value)
{
	return isnan(value) ? 0 : value;
}

/* One direction over all members. */
static json_t *direction_of(const struct members *members, const json_t *like)
{
	json_t *direction = json_object(), *lost = json_object();
	int failed = 0;

	failed |= doc_copy(direction, like, "from_port");
	failed |= doc_copy(direction, like, "to_port");
	for (unsigned k = 0; k < PLX_ARRAY_SIZE(counts) + PLX_ARRAY_SIZE(drops); k++) {
		bool dropped = k >= PLX_ARRAY_SIZE(counts);
		const char *key = dropped ? drops[k - PLX_ARRAY_SIZE(counts)] : counts[k];
		double total = 0;

		for (size_t i = 0; i < members->nb; i++) {
			const json_t *stream =
				find_like(json_object_get(members->runs[i], "streams"), like,
					  "from_port", "to_port");

			total += or_zero(dropped ? doc_nested(stream, "drops", key)
						 : doc_number(stream, key));
		}
		failed |= json_object_set_new(dropped ? lost : direction, key, count_json(total));
	}
	for (unsigned k = 0; k < PLX_ARRAY_SIZE(rates); k++) {
		struct report_spread spread;
		size_t nb = 0;

		for (size_t i = 0; i < members->nb; i++) {
			double value =
				doc_number(find_like(json_object_get(members->runs[i], "streams"),
						     like, "from_port", "to_port"),
					   rates[k]);
			if (!isnan(value))
				members->values[nb++] = value;
		}
		spread = spread_of(members->values, nb);
		failed |= json_object_set_new(direction, rates[k], spread_json(&spread));
	}
	failed |= json_object_set_new(direction, "drops", lost);
	if (failed) {
		json_decref(direction);
		return NULL;
	}
	return direction;
}

/* What an lcore used in all members. */
static json_t *lcore_of(const struct members *members, const json_t *like)
{
	json_t *lcore = json_object();
	int failed = 0;

	failed |= doc_copy(lcore, like, "lcore");
	failed |= doc_copy(lcore, like, "cpu");
	for (unsigned k = 0; k < PLX_ARRAY_SIZE(usages); k++) {
		double total = 0;

		for (size_t i = 0; i < members->nb; i++)
			total += or_zero(
				doc_number(find_like(json_object_get(members->runs[i], "lcores"),
						     like, "lcore", "cpu"),
					   usages[k]));
		failed |= json_object_set_new(lcore, usages[k], count_json(total));
	}
	if (failed) {
		json_decref(lcore);
		return NULL;
	}
	return lcore;
}

/* An array of what @make says of each item of the first member's @key. */
static json_t *each_of(const struct members *members, const char *key,
		       json_t *(*make)(const struct members *members, const json_t *like))
{
	json_t *array = json_array(), *like;
	size_t i;

	if (members->nb == 0)
		return array;
	json_array_foreach(json_object_get(members->runs[0], key), i, like)
	{
		if (json_array_append_new(array, make(members, like))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static int add_counts(json_t *point)
{
	const json_t *directions = json_object_get(point, "directions");
	double sent = 0, lost = 0;
	int failed = 0;
	size_t i;
	json_t *direction;

	for (unsigned k = 0; k < PLX_ARRAY_SIZE(counts); k++) {
		double total = 0;

		json_array_foreach(directions, i, direction) total +=
			doc_number(direction, counts[k]);
		if (strcmp(counts[k], "sent") == 0)
			sent = total;
		if (strcmp(counts[k], "lost") == 0)
			lost = total;
		failed |= json_object_set_new(point, counts[k], count_json(total));
	}
	failed |=
		json_object_set_new(point, "loss", sent > 0 ? json_real(lost / sent) : json_null());
	return failed;
}

static json_t *cost_over(const struct members *members)
{
	json_t *cpu = json_object();
	int failed = 0;

	for (unsigned k = 0; k < PLX_ARRAY_SIZE(costs); k++)
		failed |= json_object_set_new(cpu, costs[k], spread_over(members, "cpu", costs[k]));
	if (failed) {
		json_decref(cpu);
		return NULL;
	}
	return cpu;
}

static json_t *point_of(const json_t *like, const struct members *members)
{
	static const char *const keys[] = {"pair",   "frame",	 "frame_bytes", "load",
					   "stress", "together", "delay_ns",	"ceiling_pps"};
	json_t *point = json_object();
	int failed = 0;

	for (unsigned k = 0; k < PLX_ARRAY_SIZE(keys); k++)
		failed |= doc_copy(point, like, keys[k]);
	failed |= json_object_set_new(point, "offered_pps",
				      spread_over(members, NULL, "offered_pps"));
	failed |= json_object_set_new(point, "repeats", count_json((double)members->nb));
	failed |= json_object_set_new(point, "invalid", count_json((double)members->nb_invalid));
	for (unsigned k = 0; k < PLX_ARRAY_SIZE(rates); k++)
		failed |=
			json_object_set_new(point, rates[k], spread_over(members, NULL, rates[k]));
	failed |= json_object_set_new(point, "ceiling_percent",
				      spread_over(members, NULL, "ceiling_percent"));
	failed |= json_object_set_new(point, "latency_ns", latency_over(members));
	failed |=
		json_object_set_new(point, "directions", each_of(members, "streams", direction_of));
	failed |= add_counts(point);
	failed |= json_object_set_new(point, "cpu", cost_over(members));
	failed |= json_object_set_new(point, "interrupts_per_s",
				      spread_over(members, NULL, "interrupts_per_s"));
	failed |= json_object_set_new(point, "lcores", each_of(members, "lcores", lcore_of));
	if (failed) {
		json_decref(point);
		return NULL;
	}
	return point;
}

static bool is_first(const json_t *runs, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (doc_same(json_array_get(runs, i), json_array_get(runs, index),
			     SAME_ALL | SAME_PAIR))
			return false;
	}
	return true;
}

static void gather(const json_t *runs, size_t first, struct members *members)
{
	const json_t *like = json_array_get(runs, first);

	members->nb = 0;
	members->nb_invalid = 0;
	for (size_t i = first; i < json_array_size(runs); i++) {
		const json_t *run = json_array_get(runs, i);

		if (!doc_same(run, like, SAME_ALL | SAME_PAIR))
			continue;
		if (doc_true(run, "valid"))
			members->runs[members->nb++] = run;
		else
			members->nb_invalid++;
	}
}

json_t *derive_points(const json_t *report)
{
	const json_t *runs = json_object_get(report, "runs");
	size_t nb = json_array_size(runs);
	struct members members = {
		.runs = calloc(nb + 1,
			       sizeof(*members.runs)), /* NOLINT(bugprone-sizeof-expression) */
		.values = calloc(nb + 1, sizeof(*members.values)),
	};
	json_t *points = json_array();

	for (size_t i = 0; members.runs && members.values && points && i < nb; i++) {
		if (!is_first(runs, i))
			continue;
		gather(runs, i, &members);
		if (json_array_append_new(points, point_of(json_array_get(runs, i), &members))) {
			json_decref(points);
			points = NULL;
		}
	}
	if (!members.runs || !members.values) {
		json_decref(points);
		points = NULL;
	}
	free(members.runs);
	free(members.values);
	return points;
}
