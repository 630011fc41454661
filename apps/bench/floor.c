/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The noise floor: what a loop that only reads the clock misses. Each gap is the machine's, not the
 * program's: interrupts, other processes, the hypervisor. The lcores of one pair spin at once, as
 * they do when it is measured: before the first run, beside the stress, and after the last run.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum {
	US = 1000,
};

struct spin {
	const struct lcore *lcore;
	uint64_t ns;   /* to spin */
	uint64_t took; /* ns, in all */
	uint64_t lost; /* in gaps of a microsecond or more */
	uint64_t over_1us, over_10us, over_100us;
	struct hist gaps;
};

static int spin(void *arg)
{
	struct spin *spin = arg;
	const uint64_t start = plx_cycles_ordered(), end = start + plx_ns_to_cycles(spin->ns);
	uint64_t last = start, now;

	do {
		uint64_t gap;

		now = plx_cycles();
		gap = now > last ? plx_cycles_to_ns(now - last) : 0;
		last = now;
		hist_record(&spin->gaps, gap);
		if (plx_unlikely(gap >= US)) {
			spin->lost += gap;
			spin->over_1us++;
			spin->over_10us += gap >= 10 * US;
			spin->over_100us += gap >= 100 * US;
		}
	} while (now < end);
	spin->took += plx_cycles_to_ns(now - start);
	return 0;
}

static json_t *floor_of(const struct spin *spin)
{
	return json_pack("{si si sf sI sI sI sI sI sf}", "lcore", (int)spin->lcore->id, "cpu",
			 spin->lcore->cpu, "seconds", (double)spin->took / 1e9, "max_ns",
			 (json_int_t)spin->gaps.max, "p99_9_ns",
			 (json_int_t)hist_percentile(&spin->gaps, 0.999), "over_1us",
			 (json_int_t)spin->over_1us, "over_10us", (json_int_t)spin->over_10us,
			 "over_100us", (json_int_t)spin->over_100us, "lost_percent",
			 100.0 * (double)spin->lost / (double)spin->took);
}

static int make_spins(struct bench *bench)
{
	if (bench->spins)
		return 0;
	bench->spins = calloc(bench->nb_lcores, sizeof(*bench->spins));
	if (!bench->spins)
		return bench_fail(-ENOMEM, "out of memory");
	for (unsigned i = 0; i < bench->nb_lcores; i++) {
		bench->spins[i].lcore = &bench->lcores[i];
		hist_reset(&bench->spins[i].gaps);
	}
	return 0;
}

/* Two at a time where CPUs are few: those that are measured together. */
int floor_spin(struct bench *bench, double seconds)
{
	const unsigned at_once = bench->in_turn ? 2 : bench->nb_lcores;
	int ret = make_spins(bench);

	for (unsigned first = 0; first < bench->nb_lcores && ret == 0; first += at_once) {
		const unsigned end =
			first + at_once < bench->nb_lcores ? first + at_once : bench->nb_lcores;

		for (unsigned i = first; i < end && ret == 0; i++) {
			bench->spins[i].ns = (uint64_t)(seconds * 1e9);
			ret = plx_lcore_launch(bench->lcores[i].id, spin, &bench->spins[i]);
		}
		for (unsigned i = first; i < end; i++)
			plx_lcore_wait(bench->lcores[i].id, NULL);
		if (ret)
			bench_complain("an lcore does not start: %s", strerror(-ret));
	}
	return ret;
}

int floor_report(struct bench *bench)
{
	json_t *floors = json_array();

	for (unsigned i = 0; i < bench->nb_lcores; i++)
		json_array_append_new(floors, floor_of(&bench->spins[i]));
	if (json_array_size(floors) == bench->nb_lcores &&
	    json_object_set_new(bench->report, "floors", floors) == 0)
		return 0;
	return bench_fail(-ENOMEM, "out of memory");
}
