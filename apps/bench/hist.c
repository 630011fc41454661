/* SPDX-License-Identifier: BSD-3-Clause */
#include "hist.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <string.h>

void hist_reset(struct hist *hist)
{
	memset(hist, 0, sizeof(*hist));
	hist->min = UINT64_MAX;
}

void hist_add(struct hist *hist, const struct hist *from)
{
	hist->count += from->count;
	if (from->min < hist->min)
		hist->min = from->min;
	if (from->max > hist->max)
		hist->max = from->max;
	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		hist->buckets[i] += from->buckets[i];
}

static uint32_t shift_of(uint32_t bucket)
{
	return bucket < 2 * HIST_HALF ? 0 : bucket / HIST_HALF - 1;
}

uint64_t hist_bucket_low(uint32_t bucket)
{
	uint32_t shift = shift_of(bucket);

	return (uint64_t)(bucket - shift * HIST_HALF) << shift;
}

uint64_t hist_bucket_high(uint32_t bucket)
{
	return hist_bucket_low(bucket) + (UINT64_C(1) << shift_of(bucket)) - 1;
}

/* The middle of a bucket, within what was recorded at all. */
static uint64_t value_of(const struct hist *hist, uint32_t bucket)
{
	uint64_t low = hist_bucket_low(bucket), high = hist_bucket_high(bucket);
	uint64_t middle = low + (high - low) / 2;

	if (middle < hist->min)
		return hist->min;
	return middle < hist->max ? middle : hist->max;
}

/* How many are at or below the value of @share, [1, count]. 0.07 of 100 are 7, though the product
 * of the two doubles is a little more than that. */
static uint64_t rank_of(const struct hist *hist, double share)
{
	double rank = ceil(share * (double)hist->count * (1 - 2 * DBL_EPSILON));

	if (!(rank > 1))
		return 1;
	return rank < (double)hist->count ? (uint64_t)rank : hist->count;
}

/* Which bucket the one of @rank is in. */
static uint32_t find(const struct hist *hist, uint64_t rank)
{
	uint64_t seen = 0;

	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		seen += hist->buckets[i];
		if (seen >= rank)
			return i;
	}
	return HIST_BUCKETS - 1;
}

uint64_t hist_percentile(const struct hist *hist, double share)
{
	uint64_t rank = rank_of(hist, share);

	if (hist->count == 0)
		return 0;
	if (rank == 1)
		return hist->min;
	if (rank == hist->count)
		return hist->max;
	return value_of(hist, find(hist, rank));
}

uint64_t hist_beyond(const struct hist *hist, double share)
{
	return hist->count ? hist->count - rank_of(hist, share) : 0;
}

/* One line for each bucket that holds something. */
static void write_lines(const struct hist *hist, FILE *out, double *mean, double *deviation)
{
	double sum = 0, squares = 0, n = (double)hist->count;
	uint64_t seen = 0;

	for (uint32_t i = 0; i < HIST_BUCKETS && seen < hist->count; i++) {
		double us, nb = (double)hist->buckets[i], share;

		if (hist->buckets[i] == 0)
			continue;
		seen += hist->buckets[i];
		us = (double)(seen < hist->count ? value_of(hist, i) : hist->max) / 1e3;
		share = (double)seen / n;
		sum += us * nb;
		squares += us * us * nb;
		fprintf(out, "%12.3f %14.12f %10llu", us, share, (unsigned long long)seen);
		if (seen < hist->count)
			fprintf(out, " %14.2f", n / (n - (double)seen));
		fputc('\n', out);
	}
	*mean = n > 0 ? sum / n : 0;
	*deviation = n > 0 ? sqrt(fmax(0, squares / n - *mean * *mean)) : 0;
}

int hist_write_hgrm(const struct hist *hist, FILE *out)
{
	double mean, deviation;

	fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
		"1/(1-Percentile)");
	write_lines(hist, out, &mean, &deviation);
	fprintf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", mean, deviation);
	fprintf(out, "#[Max     = %12.3f, Total count    = %12llu]\n", (double)hist->max / 1e3,
		(unsigned long long)hist->count);
	fprintf(out, "#[Buckets = %12d, SubBuckets     = %12d]\n",
		HIST_MAX_BITS - HIST_FINE_BITS + 1, 2 * HIST_HALF);
	return ferror(out) ? -EIO : 0;
}
