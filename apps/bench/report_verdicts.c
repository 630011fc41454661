/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The verdicts, on medians at rate "max", for each pair and frame size:
 *
 *	pda_98    the throughput is at least 98 % of the line's ceiling
 *	survey_5  a user-space driver costs at most 5 % of the kernel driver's throughput
 *
 * Where there is nothing to hold it against, met is null and the text says why, in the same words
 * for all sizes.
 */
#include <math.h>
#include <string.h>

#include "report_doc.h"

static const double PDA_BAR = 98;    /* percent of the ceiling */
static const double SURVEY_BAR = 95; /* percent of the kernel driver's throughput */

struct verdict {
	const char *id;
	const char *pair;
	const char *to;	     /* the kernel's pair, or NULL */
	const json_t *point; /* NULL: none at rate max */
	struct report_spread percent;
	double bar;
	const char *of_what;
	const char *why_not; /* without a figure */
};

static json_t *text_of(const struct verdict *verdict, bool met)
{
	char frame[48] = "", spread[96];

	if (verdict->point)
		format_frame(frame, verdict->point);
	if (verdict->percent.nb == 0)
		return json_sprintf("%s: %s", verdict->pair, verdict->why_not);
	return json_sprintf("%s, %s: %s %% of %s%s%s, at least %g %% wanted: %s", verdict->pair,
			    frame, format_spread(spread, &verdict->percent, 1), verdict->of_what,
			    verdict->to ? " " : "", verdict->to ? verdict->to : "", verdict->bar,
			    met ? "met" : "not met");
}

static int append(json_t *verdicts, const struct verdict *verdict)
{
	json_t *json = json_object();
	bool known = verdict->percent.nb > 0,
	     met = known && verdict->percent.median >= verdict->bar;
	int failed = 0;

	failed |= json_object_set_new(json, "id", json_string(verdict->id));
	failed |= json_object_set_new(json, "pair", json_string(verdict->pair));
	failed |= json_object_set_new(json, "to",
				      verdict->to ? json_string(verdict->to) : json_null());
	failed |= doc_copy(json, verdict->point, "frame");
	failed |= doc_copy(json, verdict->point, "frame_bytes");
	failed |= json_object_set_new(json, "text", text_of(verdict, met));
	failed |= json_object_set_new(json, "value",
				      known ? json_real(verdict->percent.median) : json_null());
	failed |= json_object_set_new(json, "bar", json_real(verdict->bar));
	failed |= json_object_set_new(json, "met", known ? json_boolean(met) : json_null());
	if (failed) {
		json_decref(json);
		return -1;
	}
	return json_array_append_new(verdicts, json);
}

static int append_pda(json_t *verdicts, const json_t *pair, const json_t *point)
{
	return append(verdicts, &(struct verdict){
					.id = "pda_98",
					.pair = doc_string(pair, "name"),
					.point = point,
					.percent = spread_read(point, "ceiling_percent"),
					.bar = PDA_BAR,
					.of_what = "the line's ceiling",
					.why_not = point ? "no ceiling: emulated or unknown"
							 : "not measured at rate max",
				});
}

/* Every comparison of the pair with one of the kernel's, at one size. */
static int append_survey(json_t *verdicts, const json_t *report, const json_t *pair,
			 const json_t *point)
{
	size_t i;
	json_t *to;

	json_array_foreach(json_object_get(report, "pairs"), i, to)
	{
		struct verdict verdict = {
			.id = "survey_5",
			.pair = doc_string(pair, "name"),
			.to = doc_string(to, "name"),
			.point = point,
			.percent = {NAN, NAN, NAN, 0},
			.bar = SURVEY_BAR,
			.of_what = "the throughput of",
			.why_not = "not measured beside the kernel's path at rate max",
		};
		const json_t *ratio;

		if (!pair_is(to, "kernel") || !report_compares(report, pair, to))
			continue;
		ratio = report_ratio(report, "throughput_pps", pair, to, point);
		if (!pair_is(pair, "user")) {
			verdict.why_not = "a software port, no driver of a card";
		} else if (ratio) {
			verdict.percent = (struct report_spread){100 * doc_number(ratio, "median"),
								 100 * doc_number(ratio, "min"),
								 100 * doc_number(ratio, "max"), 1};
		}
		if (append(verdicts, &verdict))
			return -1;
	}
	return 0;
}

static int append_pair(json_t *verdicts, const json_t *report, const json_t *pair)
{
	unsigned nb = 0;
	size_t i;
	json_t *point;

	json_array_foreach(json_object_get(report, "points"), i, point)
	{
		if (strcmp(doc_string(point, "pair"), doc_string(pair, "name")) != 0 ||
		    !report_is_yardstick(report, point))
			continue;
		nb++;
		if (append_pda(verdicts, pair, point) ||
		    append_survey(verdicts, report, pair, point))
			return -1;
	}
	if (nb == 0)
		return append_pda(verdicts, pair, NULL) ||
		       append_survey(verdicts, report, pair, NULL);
	return 0;
}

bool verdict_is_repeated(const json_t *verdicts, size_t index)
{
	const json_t *verdict = json_array_get(verdicts, index);

	for (size_t i = 0; i < index; i++) {
		const json_t *other = json_array_get(verdicts, i);

		if (strcmp(doc_string(other, "id"), doc_string(verdict, "id")) == 0 &&
		    strcmp(doc_string(other, "text"), doc_string(verdict, "text")) == 0)
			return true;
	}
	return false;
}

json_t *derive_verdicts(const json_t *report)
{
	json_t *verdicts = json_array(), *pair;
	size_t i;

	json_array_foreach(json_object_get(report, "pairs"), i, pair)
	{
		if (append_pair(verdicts, report, pair)) {
			json_decref(verdicts);
			return NULL;
		}
	}
	return verdicts;
}
