/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A histogram of nanoseconds with 3 significant digits: exact below 2,048, above that in buckets of
 * less than 1/1024 of the value. What a bucket holds is told by its middle, so no percentile is off
 * by more than 0.05 %; least and greatest are exact.
 *
 * Recording is a few instructions and one cache line: for the data path, by one thread. Reading is
 * for the time after.
 */
#ifndef BENCH_HIST_H
#define BENCH_HIST_H

#include <pollux/compiler.h>
#include <stdint.h>
#include <stdio.h>

enum {
	HIST_FINE_BITS = 11, /* values below 2^11 have a bucket each */
	HIST_HALF = 1 << (HIST_FINE_BITS - 1),
	HIST_MAX_BITS = 38, /* what is longer than 2^38 ns, 275 s, counts as that */
	HIST_BUCKETS = (HIST_MAX_BITS - HIST_FINE_BITS + 2) * HIST_HALF,
};

struct hist {
	uint64_t count;
	uint64_t min, max; /* UINT64_MAX and 0 while there is none */
	uint64_t buckets[HIST_BUCKETS];
};

static inline uint32_t hist_bucket(uint64_t ns)
{
	uint32_t shift =
		63 - (uint32_t)__builtin_clzll(ns | (2 * HIST_HALF - 1)) - (HIST_FINE_BITS - 1);

	return shift * HIST_HALF + (uint32_t)(ns >> shift);
}

static inline void hist_record(struct hist *hist, uint64_t ns)
{
	const uint64_t longest = (UINT64_C(1) << HIST_MAX_BITS) - 1;

	hist->count++;
	if (plx_unlikely(ns < hist->min))
		hist->min = ns;
	if (plx_unlikely(ns > hist->max))
		hist->max = ns;
	hist->buckets[hist_bucket(ns < longest ? ns : longest)]++;
}

/** Empty. */
void hist_reset(struct hist *hist);

/** Add what is in @from. */
void hist_add(struct hist *hist, const struct hist *from);

/** The first and the last value of a bucket. */
uint64_t hist_bucket_low(uint32_t bucket);
uint64_t hist_bucket_high(uint32_t bucket);

/**
 * The value that @share of all, in [0, 1], do not exceed: the smallest recorded one with at least
 * share * count up to it, within 0.05 % of its own; the least and the greatest are exact. 0 of an
 * empty histogram.
 */
uint64_t hist_percentile(const struct hist *hist, double share);

/**
 * How many come after the one that hist_percentile() tells, in order of their values: where they
 * are fewer than 10, the next run may tell another one. Equal values count one by one.
 */
uint64_t hist_beyond(const struct hist *hist, double share);

/**
 * Write it as HdrHistogram's percentile distribution, values in microseconds (.hgrm), one line for
 * each bucket in use. Returns 0, -EIO.
 */
int hist_write_hgrm(const struct hist *hist, FILE *out);

#endif
