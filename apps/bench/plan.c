/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is measured, in which order: everything without stress, then with it; each delay, each size,
 * each rate, and of each run the repeats, in which the pairs take turns, so that what the machine
 * does meanwhile meets all of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "segment.h"

static const double FLOOR_S = 0.3, BIAS_S = 0.5, BIAS_PPS = 10000, UNLOADED_PPS = 1000,
		    RUN_EXTRA_S = 0.15, /* to start, to drain */
	SEARCH_S = 5, PDR_LOSS = 0.005, TOP_S = 0.3;

/* One place in that order. */
struct point {
	const struct mix *mix;
	double delay_us;
	bool stress;
};

/* What a pair took at max in one direction, packets/s; 0: not known yet. */
struct top {
	double sent, received;
};

struct plan {
	struct bench *bench;
	struct pair *pairs[BENCH_PAIRS_MAX];
	struct result *results; /* one for each pair */
	struct hist *merged;	/* likewise: over the repeats */
	struct top tops[BENCH_PAIRS_MAX];
	json_t *runs, *searches;
};

static bool wants_ndr(const struct options *opts)
{
	bool wanted = opts->search == SEARCH_NDR;

	for (unsigned i = 0; i < opts->nb_loads; i++)
		wanted |= opts->loads[i] > 0;
	return wanted;
}

/* ---- How long ---- */

static bool lcores_enough(const struct bench *bench)
{
	cpu_set_t cpus;

	if (bench->nb_lcores)
		return !bench->in_turn;
	return sched_getaffinity(0, sizeof(cpus), &cpus) == 0 &&
	       (unsigned)CPU_COUNT(&cpus) > 2 * bench->opts.nb_pairs;
}

double plan_seconds(const struct bench *bench)
{
	const struct options *opts = &bench->opts;
	const double run = opts->duration_s + opts->warmup_s + RUN_EXTRA_S;
	const unsigned together = opts->nb_pairs > 1 && lcores_enough(bench);
	const unsigned searches =
		(opts->search == SEARCH_PDR ? 1u : 0) + (wants_ndr(opts) ? 1u : 0);
	const double pass =
		opts->nb_mixes *
		(opts->nb_delays * opts->nb_rates * opts->nb_repeats * (opts->nb_pairs + together) *
			 run +
		 opts->nb_pairs * (searches * SEARCH_S + opts->nb_loads * opts->nb_repeats * run));

	return pass * (opts->stress ? 2 : 1) + opts->nb_mixes * BIAS_S +
	       opts->nb_pairs * (opts->stress ? 3 : 2) * FLOOR_S;
}

/* ---- One run ---- */

static int append(json_t *array, json_t *item)
{
	if (item && json_array_append_new(array, item) == 0)
		return 0;
	return bench_fail(-ENOMEM, "out of memory");
}

/* Of the pairs first .. first + nb - 1 at once; run->pair and ->pps are set here. */
static int run_pairs(struct plan *plan, struct run *run, const double *pps, unsigned first,
		     unsigned nb)
{
	struct bench *bench = plan->bench;
	int ret;

	for (unsigned i = first; i < first + nb; i++)
		bench_load(bench, plan->pairs[i], run->mix, pps[i], run->delay_us);
	run->pair = plan->pairs[first];
	live_run(run, bench->opts.nb_repeats);
	ret = segment_run(bench, &plan->pairs[first], nb, bench->opts.warmup_s,
			  bench->opts.duration_s, plan->results);
	for (unsigned i = 0; i < nb && ret == 0; i++) {
		run->pair = plan->pairs[first + i];
		run->pps = pps[first + i];
		ret = append(plan->runs, record_run(run, &plan->results[i]));
		hist_add(&plan->merged[first + i], &plan->results[i].latency);
	}
	return ret;
}

/* ---- .hgrm ---- */

static void name_hgrm(const struct run *run, char *name, size_t room)
{
	char load[24];

	snprintf(load, sizeof(load), "%s", run->load);
	for (char *c = load; *c; c++)
		if (*c == '/' || *c == ' ' || *c == '%')
			*c = '_';
	snprintf(name, room, "%s-%s-%s-%gus%s%s.hgrm", run->pair->conf->name, run->mix->text, load,
		 run->delay_us, run->together ? "-together" : "", run->stress ? "-stress" : "");
}

static int write_hgrm(const struct plan *plan, const struct run *run, const struct hist *hist)
{
	const char *dir = plan->bench->opts.hgrm;
	char name[128], path[4096];
	FILE *out;
	int ret;

	if (!dir || run->pps <= 0 || hist->count == 0)
		return 0;
	name_hgrm(run, name, sizeof(name));
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	out = fopen(path, "we");
	ret = out ? hist_write_hgrm(hist, out) : -errno;
	if (out && fclose(out) && ret == 0)
		ret = -errno;
	if (ret)
		bench_complain("--hgrm %s: can't write it: %s", path, strerror(-ret));
	return ret;
}

/* ---- All repeats of one load ---- */

/* @pps  of each pair, one direction; below 0: it is left out */
static int repeat(struct plan *plan, const struct point *point, const char *load, const double *pps,
		  bool together)
{
	const struct bench *bench = plan->bench;
	struct run run = {
		.mix = point->mix,
		.load = load,
		.stress = point->stress,
		.together = together,
		.delay_us = point->delay_us,
	};
	int ret = 0;

	for (unsigned i = 0; i < bench->nb_pairs; i++)
		hist_reset(&plan->merged[i]);
	for (run.repeat = 1; run.repeat <= bench->opts.nb_repeats && ret == 0; run.repeat++) {
		if (together)
			ret = run_pairs(plan, &run, pps, 0, bench->nb_pairs);
		for (unsigned i = 0; i < bench->nb_pairs && !together && ret == 0; i++)
			ret = pps[i] < 0 ? 0 : run_pairs(plan, &run, pps, i, 1);
	}
	for (unsigned i = 0; i < bench->nb_pairs && ret == 0; i++) {
		run.pair = plan->pairs[i];
		run.pps = pps[i];
		ret = write_hgrm(plan, &run, &plan->merged[i]);
	}
	return ret;
}

/* ---- Rates that refer to what the pair can ---- */

static int find_top(struct plan *plan, const struct mix *mix, unsigned i)
{
	struct bench *bench = plan->bench;
	const struct stream *s = plan->results[0].streams;
	int ret;

	if (plan->tops[i].sent > 0)
		return 0;
	bench_load(bench, plan->pairs[i], mix, 0, 0);
	ret = segment_run(bench, &plan->pairs[i], 1, TOP_S, TOP_S, plan->results);
	if (ret == 0) {
		plan->tops[i].sent = s[0].sent_pps > s[1].sent_pps ? s[0].sent_pps : s[1].sent_pps;
		plan->tops[i].received = (s[0].pps + s[1].pps) / 2;
	}
	return ret;
}

static int pps_of(struct plan *plan, const struct rate *rate, const struct mix *mix, double *pps)
{
	int ret = 0;

	for (unsigned i = 0; i < plan->bench->nb_pairs && ret == 0; i++) {
		const double ceiling = pair_ceiling(plan->pairs[i], mix);

		switch (rate->unit) {
		case RATE_MAX:
			pps[i] = 0;
			break;
		case RATE_PPS:
			pps[i] = rate->value;
			break;
		case RATE_MBPS:
			pps[i] = rate->value * 1e6 / 8 / mix_bytes(mix);
			break;
		case RATE_PERCENT:
			ret = ceiling > 0 ? 0 : find_top(plan, mix, i);
			pps[i] = rate->value / 100 *
				 (ceiling > 0 ? ceiling : plan->tops[i].received);
			break;
		}
		if (rate->unit != RATE_MAX && pps[i] < 1)
			pps[i] = 1;
	}
	return ret;
}

static int run_rates(struct plan *plan, const struct point *point)
{
	const struct bench *bench = plan->bench;
	double pps[BENCH_PAIRS_MAX];
	int ret = 0;

	for (unsigned i = 0; i < bench->opts.nb_rates && ret == 0; i++) {
		const struct rate *rate = &bench->opts.rates[i];

		ret = pps_of(plan, rate, point->mix, pps);
		if (ret == 0)
			ret = repeat(plan, point, rate->text, pps, false);
		if (ret == 0 && bench->nb_pairs > 1 && !bench->in_turn)
			ret = repeat(plan, point, rate->text, pps, true);
	}
	return ret;
}

/* ---- The no-loss rate, and latency below it ---- */

static int search(struct plan *plan, const struct point *point, enum search_kind kind, double *pps)
{
	struct bench *bench = plan->bench;
	const double allowed = kind == SEARCH_PDR ? PDR_LOSS : 0;
	int ret = 0;

	for (unsigned i = 0; i < bench->nb_pairs && ret == 0; i++) {
		const double ceiling = pair_ceiling(plan->pairs[i], point->mix);
		struct run run = {.pair = plan->pairs[i],
				  .mix = point->mix,
				  .load = kind == SEARCH_PDR ? "PDR" : "NDR",
				  .repeat = 1,
				  .stress = point->stress};
		json_t *trials = json_array();

		live_run(&run, 1);
		ret = ceiling > 0 ? 0 : find_top(plan, point->mix, i);
		if (ret == 0)
			ret = search_rate(bench, plan->pairs[i], point->mix,
					  ceiling > 0 ? ceiling : plan->tops[i].sent, allowed,
					  trials, &pps[i]);
		if (ret == 0)
			ret = append(
				plan->searches,
				json_pack("{ss ss sf ss sb sf sf sf sf sO}", "pair",
					  plan->pairs[i]->conf->name, "frame", point->mix->text,
					  "frame_bytes", mix_bytes(point->mix), "kind",
					  kind == SEARCH_PDR ? "pdr" : "ndr", "stress",
					  point->stress, "delay_ns", point->delay_us * 1000, "pps",
					  pps[i], "mbps", pps[i] * mix_bytes(point->mix) * 8 / 1e6,
					  "loss_allowed", allowed, "trials", trials));
		json_decref(trials);
	}
	return ret;
}

static int run_loads(struct plan *plan, const struct point *point, const double *no_loss)
{
	const struct bench *bench = plan->bench;
	double pps[BENCH_PAIRS_MAX];
	char text[24];
	int ret = 0;

	for (unsigned k = 0; k < bench->opts.nb_loads && ret == 0; k++) {
		const double load = bench->opts.loads[k];

		/* A pair that loses at any rate has no part of a no-loss rate. */
		for (unsigned i = 0; i < bench->nb_pairs; i++) {
			pps[i] = load > 0 ? no_loss[i] * load / 100 : UNLOADED_PPS;
			if (pps[i] < 1)
				pps[i] = -1;
		}
		if (load > 0)
			snprintf(text, sizeof(text), "%g%% NDR", load);
		else
			snprintf(text, sizeof(text), "unloaded");
		ret = repeat(plan, point, text, pps, false);
	}
	return ret;
}

static int search_and_load(struct plan *plan, const struct point *point)
{
	const struct options *opts = &plan->bench->opts;
	double no_loss[BENCH_PAIRS_MAX] = {0}, pps[BENCH_PAIRS_MAX];
	int ret = 0;

	if (opts->search == SEARCH_PDR)
		ret = search(plan, point, SEARCH_PDR, pps);
	if (ret == 0 && wants_ndr(opts))
		ret = search(plan, point, SEARCH_NDR, no_loss);
	return ret ? ret : run_loads(plan, point, no_loss);
}

/* ---- All of it ---- */

static int run_point(struct plan *plan, const struct point *point, bool first_delay)
{
	int ret;

	memset(plan->tops, 0, sizeof(plan->tops));
	ret = run_rates(plan, point);
	return ret || !first_delay ? ret : search_and_load(plan, point);
}

static int run_pass(struct plan *plan, bool stress)
{
	const struct options *opts = &plan->bench->opts;
	int ret = 0;

	for (unsigned d = 0; d < opts->nb_delays && ret == 0; d++)
		for (unsigned m = 0; m < opts->nb_mixes && ret == 0; m++)
			ret = run_point(plan,
					&(struct point){.mix = &opts->mixes[m],
							.delay_us = opts->delays_us[d],
							.stress = stress},
					d == 0);
	return ret;
}

static int begin_stress(const struct options *opts)
{
	cpu_set_t cpus = opts->stress_cpus;

	for (unsigned cpu = 0; cpu < CPU_SETSIZE && !opts->stress_cpus_text; cpu++)
		CPU_SET(cpu, &cpus);
	return stress_start(opts->stress, &cpus);
}

/* What it lacks is told before all else is measured. */
static int try_stress(const struct options *opts)
{
	int ret = begin_stress(opts);

	return ret ? ret : stress_stop();
}

static int run_stressed(struct plan *plan)
{
	int ret = begin_stress(&plan->bench->opts), end;

	if (ret)
		return ret;
	ret = run_pass(plan, true);
	if (ret == 0)
		ret = floor_spin(plan->bench, FLOOR_S);
	end = stress_stop();
	return ret ? ret : end;
}

/* What the tool itself adds: two ends on a cable that is memory. */
static int run_bias(struct plan *plan, json_t *bias)
{
	struct bench *bench = plan->bench;
	struct pair *pair = &bench->pairs[bench->nb_pairs];
	const double seconds = bench->opts.duration_s < BIAS_S ? bench->opts.duration_s : BIAS_S;
	int ret = bench_open_bias(bench);

	for (unsigned m = 0; m < bench->opts.nb_mixes && ret == 0; m++) {
		const struct mix *mix = &bench->opts.mixes[m];

		bench_load(bench, pair, mix, BIAS_PPS, 0);
		ret = segment_run(bench, &pair, 1, 0, seconds, plan->results);
		if (ret == 0 && plan->results[0].wrong)
			ret = bench_fail(-EIO, "the cable of the bias: %s", plan->results[0].wrong);
		if (ret == 0)
			ret = append(bias,
				     json_pack("{ss sf so so}", "frame", mix->text, "frame_bytes",
					       mix_bytes(mix), "load",
					       json_sprintf("%.0fpps", BIAS_PPS), "latency_ns",
					       record_latency(&plan->results[0].latency, true)));
	}
	bench_close_bias(bench);
	return ret;
}

static int make_plan(struct bench *bench, struct plan *plan)
{
	*plan = (struct plan){
		.bench = bench,
		.results = calloc(bench->nb_pairs, sizeof(*plan->results)),
		.merged = calloc(bench->nb_pairs, sizeof(*plan->merged)),
		.runs = json_array(),
		.searches = json_array(),
	};
	for (unsigned i = 0; i < bench->nb_pairs; i++)
		plan->pairs[i] = &bench->pairs[i];
	if (plan->results && plan->merged && plan->runs && plan->searches &&
	    json_object_set(bench->report, "runs", plan->runs) == 0 &&
	    json_object_set(bench->report, "searches", plan->searches) == 0)
		return 0;
	return bench_fail(-ENOMEM, "out of memory");
}

int plan_run(struct bench *bench)
{
	json_t *bias = json_array();
	struct plan plan;
	int ret = make_plan(bench, &plan);

	json_object_set_new(bench->report, "bias", bias);
	if (ret == 0)
		ret = floor_spin(bench, FLOOR_S);
	if (ret == 0 && bench->opts.stress)
		ret = try_stress(&bench->opts);
	if (ret == 0)
		ret = run_bias(&plan, bias);
	if (ret == 0)
		ret = run_pass(&plan, false);
	if (ret == 0 && bench->opts.stress)
		ret = run_stressed(&plan);
	if (ret == 0)
		ret = floor_spin(bench, FLOOR_S);
	if (ret == 0)
		ret = floor_report(bench);
	free(plan.results);
	free(plan.merged);
	json_decref(plan.runs);
	json_decref(plan.searches);
	return ret;
}
