/* SPDX-License-Identifier: BSD-3-Clause */
/* The histogram of plx-bench against exact samples, sorted. */
#include "hist.h"
#include "seed.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>

enum { SAMPLES = 20000 };

static const double shares[] = {0, 1e-6, 0.01, 0.07, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999, 1};

static struct hist hist, other;
static uint64_t samples[SAMPLES];
static unsigned nb_samples;

static void empty(void)
{
	hist_reset(&hist);
	hist_reset(&other);
	nb_samples = 0;
}

TestSuite(bench_hist, .init = empty);

static void record(uint64_t ns)
{
	cr_assert_lt(nb_samples, SAMPLES);
	samples[nb_samples++] = ns;
	hist_record(&hist, ns);
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void sort(void)
{
	qsort(samples, nb_samples, sizeof(samples[0]), ascending);
}

/* Under 0.1 %: half of what 3 digits allow. Whole nanoseconds below 2,048 leave no room at all. */
static bool is_near(uint64_t got, uint64_t want)
{
	double off = fabs((double)got - (double)want);

	return want < 2048 ? got == want : off < 0.0005 * (double)want;
}

static void assert_rank(const char *what, double share, unsigned rank)
{
	uint64_t want = samples[rank - 1], got = hist_percentile(&hist, share);

	cr_assert(is_near(got, want), "%s: %.9f is %llu, want %llu", what, share,
		  (unsigned long long)got, (unsigned long long)want);
}

/* Every percentile that there is, those of the report, and some of no sample's own. */
static void assert_percentiles(const char *what, struct rng *rng)
{
	sort();
	cr_assert_eq(hist.count, nb_samples);
	cr_assert_eq(hist.min, samples[0]);
	cr_assert_eq(hist.max, samples[nb_samples - 1]);
	cr_assert_eq(hist_percentile(&hist, 0), samples[0], "%s: the least", what);
	cr_assert_eq(hist_percentile(&hist, 1), samples[nb_samples - 1], "%s: the greatest", what);
	for (unsigned rank = 1; rank <= nb_samples; rank += 1 + nb_samples / 500)
		assert_rank(what, (double)rank / nb_samples, rank);
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(shares); i++) {
		/* In integers: shares are given in millionths. */
		uint64_t millionths = (uint64_t)llround(shares[i] * 1e6);
		uint64_t rank = (millionths * nb_samples + 999999) / 1000000;

		assert_rank(what, shares[i], rank ? (unsigned)rank : 1);
	}
	for (unsigned i = 0; i < 100; i++) {
		unsigned rank = rng_between(rng, 1, nb_samples);

		assert_rank(what, (rank - 0.5) / nb_samples, rank);
	}
}

static double unit(struct rng *rng)
{
	return ((double)(rng_next(rng) >> 11) + 0.5) / 9007199254740992.0;
}

/* ---- Distributions ---- */

static uint64_t uniform_small(struct rng *rng)
{
	return rng_below(rng, 3000);
}

static uint64_t uniform_large(struct rng *rng)
{
	return rng_next(rng) % 100000000000;
}

static uint64_t exponential(struct rng *rng)
{
	return (uint64_t)(-20000 * log(unit(rng)));
}

/* So heavy that it has no mean; the greatest are cut at 200 s. */
static uint64_t pareto(struct rng *rng)
{
	return (uint64_t)fmin(2e11, 1500 / pow(unit(rng), 1.25));
}

static uint64_t lognormal(struct rng *rng)
{
	double normal = sqrt(-2 * log(unit(rng))) * cos(6.283185307179586 * unit(rng));

	return (uint64_t)exp(10 + 1.5 * normal);
}

/* A machine that stalls: 2 us, and one in a thousand 50 ms. */
static uint64_t stalls(struct rng *rng)
{
	return rng_below(rng, 1000) ? 1900 + rng_below(rng, 200) : 50000000 - rng_below(rng, 9999);
}

static uint64_t two_values(struct rng *rng)
{
	return rng_below(rng, 2) ? 2047 : 2048;
}

static uint64_t one_value(struct rng *rng)
{
	(void)rng;
	return 123456789;
}

/* All magnitudes alike. */
static uint64_t magnitudes(struct rng *rng)
{
	return rng_next(rng) >> rng_between(rng, 64 - HIST_MAX_BITS, 63);
}

static const struct {
	const char *name;
	uint64_t (*next)(struct rng *rng);
} distributions[] = {
	{"uniform, small", uniform_small}, {"uniform, large", uniform_large},
	{"exponential", exponential},	   {"pareto", pareto},
	{"lognormal", lognormal},	   {"stalls", stalls},
	{"two values", two_values},	   {"one value", one_value},
	{"magnitudes", magnitudes},
};

Test(bench_hist, percentiles_are_those_of_the_samples)
{
	static const unsigned sizes[] = {1, 2, 3, 10, 100, 1000, SAMPLES};
	struct rng rng = rng_start("bench_hist");

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(distributions); i++) {
		for (unsigned j = 0; j < PLX_ARRAY_SIZE(sizes); j++) {
			empty();
			while (nb_samples < sizes[j])
				record(distributions[i].next(&rng));
			assert_percentiles(distributions[i].name, &rng);
		}
	}
}

/* What the product of two doubles makes of a rank must not show: 0.07 * 100 > 7. */
Test(bench_hist, every_share_of_every_count)
{
	for (unsigned n = 1; n <= 400; n++) {
		record(n);
		for (unsigned rank = 1; rank <= n; rank++)
			cr_assert_eq(hist_percentile(&hist, (double)rank / n), rank, "%u of %u",
				     rank, n);
	}
}

/* ---- Edges ---- */

Test(bench_hist, an_empty_one_says_zero)
{
	cr_assert_eq(hist_percentile(&hist, 0.5), 0);
	cr_assert_eq(hist_beyond(&hist, 0.5), 0);
	cr_assert_eq(hist.count, 0);
	record(7);
	hist_reset(&hist);
	cr_assert_eq(hist_percentile(&hist, 1), 0);
	cr_assert_eq(hist.min, UINT64_MAX);
	cr_assert_eq(hist.max, 0);
}

/* Buckets follow each other without a gap, and none is wider than 1/1024 of what it holds. */
Test(bench_hist, buckets_are_a_partition)
{
	uint64_t next = 0;

	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		uint64_t low = hist_bucket_low(i), high = hist_bucket_high(i);

		cr_assert_eq(low, next, "bucket %u", i);
		cr_assert_eq(hist_bucket(low), i, "bucket %u", i);
		cr_assert_eq(hist_bucket(high), i, "bucket %u", i);
		cr_assert((high - low + 1) * 1024 <= low || high == low, "bucket %u", i);
		next = high + 1;
	}
	cr_assert_eq(next, UINT64_C(1) << HIST_MAX_BITS, "the last one ends at %llu",
		     (unsigned long long)next);
}

/* Longer than there are buckets: in the last one, and the greatest is still exact. */
Test(bench_hist, too_long_is_the_longest)
{
	static const uint64_t limit = UINT64_C(1) << HIST_MAX_BITS;

	for (unsigned i = 0; i < 4; i++)
		hist_record(&hist, 1000);
	hist_record(&hist, limit - 1);
	cr_assert_eq(hist_percentile(&hist, 1), limit - 1);
	hist_record(&hist, limit);
	hist_record(&hist, UINT64_MAX);
	cr_assert_eq(hist.buckets[HIST_BUCKETS - 1], 3);
	cr_assert_eq(hist_percentile(&hist, 1), UINT64_MAX);
	cr_assert_eq(hist_percentile(&hist, 4.0 / 7), 1000);
	cr_assert(is_near(hist_percentile(&hist, 6.0 / 7), limit), "%llu",
		  (unsigned long long)hist_percentile(&hist, 6.0 / 7));
	cr_assert_eq(hist_beyond(&hist, 0.5), 3);
}

/* As many as stand behind it when all are sorted, be they equal or not. */
Test(bench_hist, beyond_counts_what_comes_after)
{
	struct rng rng = rng_start("bench_hist");

	for (unsigned equal = 0; equal < 2; equal++) {
		empty();
		while (nb_samples < SAMPLES)
			record(equal ? one_value(&rng) : pareto(&rng));
		for (unsigned i = 0; i < PLX_ARRAY_SIZE(shares); i++) {
			uint64_t millionths = (uint64_t)llround(shares[i] * 1e6);
			uint64_t rank = (millionths * nb_samples + 999999) / 1000000;
			uint64_t want = nb_samples - (rank ? rank : 1);
			uint64_t got = hist_beyond(&hist, shares[i]);

			cr_assert_eq(got, want, "%.6f: %llu, want %llu", shares[i],
				     (unsigned long long)got, (unsigned long long)want);
		}
	}
	cr_assert_eq(hist_beyond(&hist, 1), 0);
}

Test(bench_hist, adding_is_recording_both)
{
	static struct hist both;
	struct rng rng = rng_start("bench_hist");

	hist_reset(&both);
	for (unsigned i = 0; i < 2000; i++) {
		uint64_t ns = i % 3 ? exponential(&rng) : pareto(&rng);

		hist_record(&both, ns);
		hist_record(i % 3 ? &hist : &other, ns);
	}
	hist_add(&hist, &other);
	cr_assert_eq(memcmp(&hist, &both, sizeof(hist)), 0, "%llu of %llu",
		     (unsigned long long)hist.count, (unsigned long long)both.count);
	hist_reset(&other);
	hist_add(&hist, &other);
	cr_assert_eq(memcmp(&hist, &both, sizeof(hist)), 0, "an empty one has changed it");
	hist_add(&other, &hist);
	cr_assert_eq(memcmp(&other, &both, sizeof(hist)), 0, "added to an empty one");
}

/* ---- The file ---- */

enum { LINES_MAX = 4096 };

static struct hgrm {
	unsigned nb;
	struct {
		double us, share, beyond; /* beyond: 1 / (1 - share); 0: not there */
		unsigned long long count;
	} line[LINES_MAX];
	double mean, deviation, max;
	unsigned long long total;
	unsigned buckets, sub_buckets;
} hgrm;

/* As HdrHistogram's plotter does: numbers between blanks; '#' begins the summary. */
static void read_hgrm(void)
{
	char *text = NULL, *at, *line, *rest;
	size_t bytes;
	FILE *file = open_memstream(&text, &bytes);
	unsigned nb = 0;

	memset(&hgrm, 0, sizeof(hgrm));
	cr_assert_not_null(file);
	cr_assert_eq(hist_write_hgrm(&hist, file), 0);
	fclose(file);
	cr_assert_str_eq(text + bytes - 2, "]\n");
	for (at = text; (line = strtok_r(at, "\n", &rest)); at = NULL, nb++) {
		int got;

		if (nb == 0) {
			cr_assert_str_eq(line, "       Value     Percentile TotalCount "
					       "1/(1-Percentile)");
		} else if (line[0] != '#') {
			cr_assert_lt(hgrm.nb, LINES_MAX);
			got = sscanf(line, "%lf %lf %llu %lf", &hgrm.line[hgrm.nb].us,
				     &hgrm.line[hgrm.nb].share, &hgrm.line[hgrm.nb].count,
				     &hgrm.line[hgrm.nb].beyond);
			cr_assert_geq(got, 3, "%s", line);
			hgrm.nb++;
		} else if (strncmp(line, "#[Mean", 6) == 0) {
			got = sscanf(line, "#[Mean = %lf, StdDeviation = %lf]", &hgrm.mean,
				     &hgrm.deviation);
			cr_assert_eq(got, 2, "%s", line);
		} else if (strncmp(line, "#[Max", 5) == 0) {
			got = sscanf(line, "#[Max = %lf, Total count = %llu]", &hgrm.max,
				     &hgrm.total);
			cr_assert_eq(got, 2, "%s", line);
		} else {
			got = sscanf(line, "#[Buckets = %u, SubBuckets = %u]", &hgrm.buckets,
				     &hgrm.sub_buckets);
			cr_assert_eq(got, 2, "%s", line);
		}
	}
	free(text);
}

Test(bench_hist, hgrm_holds_the_distribution)
{
	struct rng rng = rng_start("bench_hist");
	double sum = 0, squares = 0, mean;
	unsigned at = 0;

	while (nb_samples < SAMPLES)
		record(stalls(&rng));
	sort();
	read_hgrm();
	cr_assert_gt(hgrm.nb, 100);
	for (unsigned i = 0; i < hgrm.nb; i++) {
		double share = (double)hgrm.line[i].count / SAMPLES;

		cr_assert_gt(hgrm.line[i].count, at, "line %u", i);
		at = (unsigned)hgrm.line[i].count;
		cr_assert_leq(at, SAMPLES);
		cr_assert_float_eq(hgrm.line[i].share, share, 1e-11, "line %u", i);
		/* Three digits behind the point: nanoseconds. */
		cr_assert_float_eq(hgrm.line[i].us, (double)samples[at - 1] / 1e3,
				   0.0005 * hgrm.line[i].us + 0.0006, "line %u: %f us, %llu ns", i,
				   hgrm.line[i].us, (unsigned long long)samples[at - 1]);
		if (i + 1 < hgrm.nb)
			cr_assert_float_eq(hgrm.line[i].beyond, 1 / (1 - share),
					   0.006 + 1e-9 / (1 - share), "line %u", i);
	}
	cr_assert_eq(at, SAMPLES);
	cr_assert_eq(hgrm.line[hgrm.nb - 1].share, 1);
	cr_assert_eq(hgrm.line[hgrm.nb - 1].beyond, 0, "the last line has none");
	cr_assert_float_eq(hgrm.line[hgrm.nb - 1].us, (double)hist.max / 1e3, 0.0006);
	for (unsigned i = 0; i < SAMPLES; i++)
		sum += (double)samples[i] / 1e3;
	mean = sum / SAMPLES;
	for (unsigned i = 0; i < SAMPLES; i++)
		squares += pow((double)samples[i] / 1e3 - mean, 2);
	cr_assert_float_eq(hgrm.mean, mean, mean * 0.0006, "%f, want %f", hgrm.mean, mean);
	cr_assert_float_eq(hgrm.deviation, sqrt(squares / SAMPLES), hgrm.deviation * 0.001);
	cr_assert_float_eq(hgrm.max, (double)hist.max / 1e3, 0.0006);
	cr_assert_eq(hgrm.total, SAMPLES);
	cr_assert_eq(hgrm.sub_buckets, 2048);
	/* As many doublings as reach the longest value. */
	cr_assert_eq(UINT64_C(2048) << (hgrm.buckets - 1), UINT64_C(1) << HIST_MAX_BITS);
}

Test(bench_hist, hgrm_of_nothing_and_of_one)
{
	read_hgrm();
	cr_assert_eq(hgrm.nb, 0);
	cr_assert_eq(hgrm.total, 0);
	cr_assert_eq(hgrm.mean, 0);
	record(4711);
	read_hgrm();
	cr_assert_eq(hgrm.nb, 1);
	cr_assert_eq(hgrm.line[0].us, 4.711);
	cr_assert_eq(hgrm.line[0].share, 1);
	cr_assert_eq(hgrm.mean, 4.711);
	cr_assert_eq(hgrm.deviation, 0);
}

/* A full disk is told. */
Test(bench_hist, hgrm_tells_that_it_can_not_be_written)
{
	FILE *full = fopen("/dev/full", "w");

	if (!full)
		cr_skip_test("/dev/full is missing");
	setvbuf(full, NULL, _IONBF, 0);
	record(1);
	cr_assert_eq(hist_write_hgrm(&hist, full), -EIO);
	fclose(full);
}
