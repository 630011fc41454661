/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The four sentences of "User-Space Device Drivers in Linux: A First Look" against what was
 * measured here. A sentence holds where it holds at every point measured; a difference counts where
 * the whole spread lies on one side. What was not measured, or not with a card, neither holds nor
 * fails.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_doc.h"

enum holds {
	HOLDS_NOT,
	HOLDS,
	HOLDS_UNKNOWN,
};

static const double FOUR_LEAST = 3.5;	 /* rounds to four */
static const double EFFECT_LEAST = 0.05; /* smaller ones are not visible */

/* The two that are compared, and what is said of them. */
struct subject {
	const json_t *report;
	const json_t *pair, *kernel; /* NULL: there is none */
	FILE *out;
};

static const char *name_of(const json_t *pair)
{
	return doc_string(pair, "name");
}

/* Says why the ratio of the two tells nothing of drivers, if so. */
static bool is_beside_the_point(const struct subject *subject)
{
	if (!subject->pair || !subject->kernel) {
		fputs("not measured: there is only one pair", subject->out);
		return true;
	}
	if (!pair_is(subject->pair, "user") || !pair_is(subject->kernel, "kernel")) {
		fprintf(subject->out,
			"not measured: it takes a card that is driven from user space, and the "
			"kernel's path; these are %s and %s",
			name_of(subject->pair), name_of(subject->kernel));
		return true;
	}
	return false;
}

static void say_ratio(const struct subject *subject, const json_t *ratio)
{
	char text[96];

	fprintf(subject->out, "%s: %s%s", doc_string(ratio, "frame"), format_ratio(text, ratio),
		doc_true(ratio, "together") ? " (both at once)" : "");
}

static void say_limits(const struct subject *subject)
{
	const json_t *header = json_object_get(subject->report, "header");

	if (pair_is_emulated(subject->pair))
		fputs("; on an emulated card", subject->out);
	if (doc_has(json_object_get(header, "labels"), "oversubscribed, ratios indicative"))
		fputs("; indicative only, with fewer CPUs than lcores", subject->out);
}

static enum holds four_times(const struct subject *subject)
{
	unsigned nb = 0, nb_held = 0;
	size_t i;
	json_t *point;

	if (is_beside_the_point(subject))
		return HOLDS_UNKNOWN;
	fprintf(subject->out, "throughput of %s over %s by frame size, ", name_of(subject->pair),
		name_of(subject->kernel));
	json_array_foreach(json_object_get(subject->report, "points"), i, point)
	{
		const json_t *ratio = report_ratio(subject->report, "throughput_pps", subject->pair,
						   subject->kernel, point);

		if (strcmp(doc_string(point, "pair"), name_of(subject->pair)) != 0 ||
		    !report_is_yardstick(subject->report, point) || !ratio)
			continue;
		if (nb++)
			fputs(", ", subject->out);
		say_ratio(subject, ratio);
		nb_held += doc_number(ratio, "median") >= FOUR_LEAST;
	}
	if (nb == 0) {
		fputs("not measured at rate max", subject->out);
		return HOLDS_UNKNOWN;
	}
	fprintf(subject->out, "; %g or more at %u of %u", FOUR_LEAST, nb_held, nb);
	say_limits(subject);
	return nb_held == nb ? HOLDS : HOLDS_NOT;
}

/* The ratios of p50 at stated loads, both pairs asked for the same. */
static bool is_latency_ratio(const struct subject *subject, const json_t *ratio)
{
	return strcmp(doc_string(ratio, "metric"), "latency_p50") == 0 &&
	       strcmp(doc_string(ratio, "against"), "pair") == 0 &&
	       strcmp(doc_string(ratio, "of"), name_of(subject->pair)) == 0 &&
	       strcmp(doc_string(ratio, "to"), name_of(subject->kernel)) == 0 &&
	       doc_true(ratio, "same_rate") && doc_is_plain(ratio);
}

static enum holds lower_latency(const struct subject *subject)
{
	unsigned nb = 0, nb_lower = 0, nb_higher = 0;
	double least = INFINITY, greatest = 0;
	char low[32], high[32];
	size_t i;
	json_t *ratio;

	if (is_beside_the_point(subject))
		return HOLDS_UNKNOWN;
	json_array_foreach(json_object_get(subject->report, "ratios"), i, ratio)
	{
		double median = doc_number(ratio, "median");

		if (!is_latency_ratio(subject, ratio) || doc_number(ratio, "repeats") < 2)
			continue;
		nb++;
		nb_lower += doc_number(ratio, "max") < 1;
		nb_higher += doc_number(ratio, "min") > 1;
		least = fmin(least, median);
		greatest = fmax(greatest, median);
	}
	if (nb == 0) {
		fputs("not measured: no load that both pairs were given alike, more than once",
		      subject->out);
		return HOLDS_UNKNOWN;
	}
	fprintf(subject->out,
		"median latency of %s over %s: %s to %s; lower at %u of %u points, higher at %u",
		name_of(subject->pair), name_of(subject->kernel), format_number(low, least),
		format_number(high, greatest), nb_lower, nb, nb_higher);
	say_limits(subject);
	return nb_lower == nb ? HOLDS : HOLDS_NOT;
}

static bool is_visible(const json_t *ratio)
{
	double median = doc_number(ratio, "median");

	return (doc_number(ratio, "max") < 1 || doc_number(ratio, "min") > 1) &&
	       fabs(median - 1) > EFFECT_LEAST;
}

/* What stress does to one metric of the pair: how far, and at how many points it shows. */
struct effect {
	unsigned nb, nb_visible;
	double least, greatest;
};

static struct effect effect_on(const struct subject *subject, const char *metric, bool at_max)
{
	struct effect effect = {.least = INFINITY};
	size_t i;
	json_t *ratio;

	json_array_foreach(json_object_get(subject->report, "ratios"), i, ratio)
	{
		double median = doc_number(ratio, "median");

		if (strcmp(doc_string(ratio, "against"), "no stress") != 0 ||
		    strcmp(doc_string(ratio, "metric"), metric) != 0 ||
		    strcmp(doc_string(ratio, "of"), name_of(subject->pair)) != 0 ||
		    (strcmp(doc_string(ratio, "load"), "max") == 0) != at_max ||
		    !doc_true(ratio, "same_rate") || doc_number(ratio, "repeats") < 2)
			continue;
		effect.nb++;
		effect.nb_visible += is_visible(ratio);
		effect.least = fmin(effect.least, median);
		effect.greatest = fmax(effect.greatest, median);
	}
	return effect;
}

static enum holds stress_unseen(const struct subject *subject)
{
	static const struct {
		const char *metric, *name;
		bool at_max;
	} metrics[] = {{"throughput_pps", "throughput at rate max", true},
		       {"throughput_pps", "throughput at stated loads", false},
		       {"latency_p50", "latency p50", false},
		       {"latency_p99", "latency p99", false}};
	const json_t *header = json_object_get(subject->report, "header");
	unsigned nb = 0, nb_visible = 0;

	for (unsigned m = 0; m < PLX_ARRAY_SIZE(metrics); m++) {
		struct effect effect = effect_on(subject, metrics[m].metric, metrics[m].at_max);
		char least[32], greatest[32];

		if (effect.nb == 0)
			continue;
		if (nb == 0)
			fprintf(subject->out,
				"%s with %.0f streams over without: ", name_of(subject->pair),
				doc_nested(header, "options", "stress_streams"));
		fprintf(subject->out, "%s%s %s to %s, visible at %u of %u points", nb ? "; " : "",
			metrics[m].name, format_number(least, effect.least),
			format_number(greatest, effect.greatest), effect.nb_visible, effect.nb);
		nb += effect.nb;
		nb_visible += effect.nb_visible;
	}
	if (nb == 0) {
		fputs("not measured: no pass under stress, or each run but once", subject->out);
		return HOLDS_UNKNOWN;
	}
	say_limits(subject);
	return nb_visible == 0 ? HOLDS : HOLDS_NOT;
}

/* The greatest of @key in an array of objects. */
static double greatest_of(const json_t *array, const char *group, const char *key)
{
	double greatest = NAN;
	size_t i;
	json_t *item;

	json_array_foreach(array, i, item) greatest =
		fmax(greatest, group ? doc_nested(item, group, key) : doc_number(item, key));
	return greatest;
}

static enum holds real_time(const struct subject *subject)
{
	const json_t *header = json_object_get(subject->report, "header");
	const json_t *options = json_object_get(header, "options");
	const json_t *floors = json_object_get(subject->report, "floors");
	const double gap = greatest_of(floors, NULL, "max_ns");
	const double seconds = greatest_of(floors, NULL, "seconds");
	double worst = NAN;
	char text[32];
	size_t i;
	json_t *run;

	json_array_foreach(json_object_get(subject->report, "runs"), i, run)
	{
		if (strcmp(doc_string(run, "pair"), name_of(subject->pair)) == 0 &&
		    doc_true(run, "valid"))
			worst = fmax(worst, run_latency(run, REPORT_LATENCIES - 1));
	}
	if (isnan(worst)) {
		fputs("not measured: no latency at a stated load", subject->out);
		return HOLDS_UNKNOWN;
	}
	fprintf(subject->out, "worst latency of %s %s us", name_of(subject->pair),
		format_number(text, worst / 1e3));
	if (!isnan(gap))
		fprintf(subject->out,
			", worst gap of the machine itself in %.1f s of spinning %s us", seconds,
			format_number(text, gap / 1e3));
	if (!doc_true(options, "isolate")) {
		fputs("; without real-time scheduling (--isolate), so it stays unverified",
		      subject->out);
		return HOLDS;
	}
	fputs("; under SCHED_FIFO with locked memory, so it is measured here", subject->out);
	return HOLDS_NOT;
}

static const struct {
	const char *id, *claim;
	enum holds (*check)(const struct subject *subject);
} claims[] = {
	{"four_times",
	 "The user-space driver has about four times the throughput of the kernel's path.",
	 four_times},
	{"lower_latency", "Its latency is slightly lower.", lower_latency},
	{"stress", "A stress load of four TCP streams over loopback has no visible effect.",
	 stress_unseen},
	{"real_time", "Its real-time behaviour is not verified.", real_time},
};

static json_t *derive_claim(const json_t *report, size_t index)
{
	struct subject subject = {
		.report = report,
		.pair = report_subject(report),
		.kernel = report_reference(report),
	};
	char *text = NULL;
	size_t bytes;
	enum holds holds;
	json_t *claim;

	subject.out = open_memstream(&text, &bytes);
	if (!subject.out)
		return NULL;
	holds = claims[index].check(&subject);
	if (fclose(subject.out)) {
		free(text);
		return NULL;
	}
	claim = json_pack("{s:s, s:s, s:s, s:o}", "id", claims[index].id, "claim",
			  claims[index].claim, "measured", text, "holds",
			  holds == HOLDS_UNKNOWN ? json_null() : json_boolean(holds == HOLDS));
	free(text);
	return claim;
}

json_t *derive_claims(const json_t *report)
{
	json_t *array = json_array();

	for (size_t i = 0; i < PLX_ARRAY_SIZE(claims); i++) {
		if (json_array_append_new(array, derive_claim(report, i))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}
