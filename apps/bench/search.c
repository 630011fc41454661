/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The no-loss rate after RFC 2544, section 26.1: binary search between 0 and what went at max. A
 * trial passes when the sender kept its rate and each direction lost no more than is allowed.
 */
#include <errno.h>
#include <stdlib.h>

#include "segment.h"

static const double RESOLUTION = 0.02, /* of the top */
	KEPT = 0.99,		       /* of the schedule */
	TRIAL_S = 0.5;

static double loss_of(const struct stream *stream)
{
	return stream->sent ? (double)stream->lost / (double)stream->sent : 1;
}

static int try_rate(struct bench *bench, struct pair *pair, const struct mix *mix, double pps,
		    double allowed, json_t *trials, bool *ok)
{
	struct result *result = malloc(sizeof(*result));
	double seconds = bench->opts.duration_s < TRIAL_S ? bench->opts.duration_s : TRIAL_S;
	double loss = 0;
	int ret;

	if (!result)
		return bench_fail(-ENOMEM, "out of memory");
	bench_load(bench, pair, mix, pps, bench->opts.delays_us[0]);
	ret = segment_run(bench, &pair, 1, 0, seconds, result);
	if (ret == 0) {
		for (unsigned i = 0; i < 2; i++)
			if (loss_of(&result->streams[i]) > loss)
				loss = loss_of(&result->streams[i]);
		*ok = !result->wrong && loss <= allowed && result->kept >= KEPT;
		json_array_append_new(
			trials, json_pack("{sf sf sf so sb}", "pps", pps, "loss", loss, "kept",
					  result->kept, "invalid_because",
					  result->wrong ? json_string(result->wrong) : json_null(),
					  "ok", *ok));
	}
	free(result);
	return ret;
}

int search_rate(struct bench *bench, struct pair *pair, const struct mix *mix, double top_pps,
		double allowed, json_t *trials, double *pps)
{
	double low = 0, high = top_pps, rate = top_pps;

	*pps = 0;
	while (rate >= 1) {
		bool ok = false;
		int ret = try_rate(bench, pair, mix, rate, allowed, trials, &ok);

		if (ret)
			return ret;
		if (ok)
			*pps = low = rate;
		else
			high = rate;
		if (high - low <= RESOLUTION * top_pps)
			return 0;
		rate = (low + high) / 2;
	}
	return 0;
}
