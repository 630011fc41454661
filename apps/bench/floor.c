/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The noise floor: what a loop that only reads the clock misses. Each gap is the machine's, not the
 * program's: interrupts, other processes, the hypervisor. The lcores of one pair spin at once, as
 * they do when it is measured.
 */
#include <errno.h>
#include <stdlib.h>

#include "bench.h"

enum {
	US = 1000,
};

struct spin {
	const struct lcore *lcore;
	uint64_t ns;   /* to spin */
	uint64_t took; /* ns */
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
	spin->took = plx_cycles_to_ns(now - start);
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

/* Two at a time where CPUs are few: those that are measured together. */
json_t *floor_measure(struct bench *bench, double seconds)
{
	const unsigned at_once = bench->in_turn ? 2 : bench->nb_lcores;
	struct spin *spins = calloc(bench->nb_lcores, sizeof(*spins));
	json_t *out = json_array();

	for (unsigned i = 0; i < bench->nb_lcores && spins; i++) {
		spins[i].lcore = &bench->lcores[i];
		spins[i].ns = (uint64_t)(seconds * 1e9);
		hist_reset(&spins[i].gaps);
	}
	for (unsigned first = 0; first < bench->nb_lcores && spins; first += at_once) {
		for (unsigned i = first; i < first + at_once && i < bench->nb_lcores; i++)
			plx_lcore_launch(bench->lcores[i].id, spin, &spins[i]);
		for (unsigned i = first; i < first + at_once && i < bench->nb_lcores; i++)
			plx_lcore_wait(bench->lcores[i].id, NULL);
	}
	for (unsigned i = 0; i < bench->nb_lcores && spins && out; i++)
		json_array_append_new(out, floor_of(&spins[i]));
	free(spins);
	return out;
}
