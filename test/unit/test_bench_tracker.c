/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tracker of plx-bench says of a stream, against a model that remembers every number. */
#include "seed.h"
#include "tracker.h"

#include <criterion/criterion.h>
#include <string.h>

enum { MODEL_MAX = 6 << 20 };

/* Its own arithmetic: how often each number came, and the greatest one before. */
static struct model {
	uint8_t times[MODEL_MAX];
	uint64_t next, received, duplicate, reordered, stale;
} model;

static struct tracker tracker;

static void empty(void)
{
	tracker_reset(&tracker);
	memset(&model, 0, sizeof(model));
}

TestSuite(bench_tracker, .init = empty);

/* Older than that can't be told apart. */
static bool is_stale(uint64_t seq)
{
	return seq + TRACKER_BITS - 64 < model.next;
}

static bool model_note(uint64_t seq)
{
	bool first;

	cr_assert_lt(seq, MODEL_MAX);
	if (is_stale(seq)) {
		model.stale++;
		return false;
	}
	first = model.times[seq] == 0;
	model.times[seq] = 1;
	model.received += first;
	model.duplicate += !first;
	model.reordered += first && seq < model.next;
	if (seq >= model.next)
		model.next = seq + 1;
	return first;
}

static void note(uint64_t seq)
{
	bool want = model_note(seq), got = tracker_note(&tracker, seq);

	cr_assert_eq(got, want, "number %llu: %d, want %d", (unsigned long long)seq, got, want);
}

static void assert_same(const char *what, uint64_t sent)
{
	uint64_t lost = 0;

	for (uint64_t seq = 0; seq < sent; seq++)
		lost += model.times[seq] == 0;
#define SAME(field)                                                                                \
	cr_assert_eq(tracker.field, model.field, "%s: " #field " %llu, want %llu", what,           \
		     (unsigned long long)tracker.field, (unsigned long long)model.field)
	SAME(next);
	SAME(received);
	SAME(duplicate);
	SAME(reordered);
	SAME(stale);
	cr_assert_eq(tracker_lost(&tracker, sent), lost, "%s: lost %llu, want %llu", what,
		     (unsigned long long)tracker_lost(&tracker, sent), (unsigned long long)lost);
	cr_assert_eq(tracker.received + lost, sent, "%s: the totals", what);
}

Test(bench_tracker, all_in_order)
{
	for (uint64_t seq = 0; seq < 3 * TRACKER_BITS + 5; seq++)
		note(seq);
	assert_same("in order", 3 * TRACKER_BITS + 5);
	cr_assert_eq(tracker.reordered, 0);
	cr_assert_eq(tracker_lost(&tracker, 3 * TRACKER_BITS + 5), 0);
	/* The sender says that it sent more. */
	cr_assert_eq(tracker_lost(&tracker, 3 * TRACKER_BITS + 12), 7);
}

Test(bench_tracker, nothing_came)
{
	cr_assert_eq(tracker_lost(&tracker, 0), 0);
	cr_assert_eq(tracker_lost(&tracker, 1234), 1234);
	note(0);
	tracker_reset(&tracker);
	cr_assert_eq(tracker.next, 0);
	cr_assert_eq(tracker_lost(&tracker, 64), 64);
}

/* One of each, so that a mix of errors can't hide one. */
Test(bench_tracker, single_faults)
{
	static const struct {
		const char *name;
		uint64_t seqs[12];
		unsigned nb;
		uint64_t sent, lost, duplicate, reordered;
	} cases[] = {
		{"none", {0, 1, 2, 3}, 4, 4, 0, 0, 0},
		{"the first is lost", {1, 2, 3}, 3, 4, 1, 0, 0},
		{"the last is lost", {0, 1, 2}, 3, 4, 1, 0, 0},
		{"one inside is lost", {0, 1, 3}, 3, 4, 1, 0, 0},
		{"twice, at once", {0, 1, 1, 2}, 4, 3, 0, 1, 0},
		{"twice, later", {0, 1, 2, 3, 1}, 5, 4, 0, 1, 0},
		{"three times", {0, 0, 0}, 3, 1, 0, 2, 0},
		{"swapped", {0, 2, 1, 3}, 4, 4, 0, 0, 1},
		{"the first two swapped", {1, 0, 2}, 3, 3, 0, 0, 1},
		{"backwards", {3, 2, 1, 0}, 4, 4, 0, 0, 3},
		{"late and again", {0, 2, 1, 1}, 4, 3, 0, 1, 1},
		{"at the edge of a word", {62, 64, 63, 65}, 4, 66, 62, 0, 1},
		{"over a word", {0, 200, 64, 127, 128, 200}, 6, 201, 196, 1, 3},
	};

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		empty();
		for (unsigned j = 0; j < cases[i].nb; j++)
			note(cases[i].seqs[j]);
		assert_same(cases[i].name, cases[i].sent);
		cr_assert_eq(tracker_lost(&tracker, cases[i].sent), cases[i].lost, "%s",
			     cases[i].name);
		cr_assert_eq(tracker.duplicate, cases[i].duplicate, "%s", cases[i].name);
		cr_assert_eq(tracker.reordered, cases[i].reordered, "%s", cases[i].name);
	}
}

/*
 * A cable that loses, doubles and holds back. @depth: how many are under way; each step one of
 * them comes, mostly the oldest.
 */
static uint64_t random_stream(struct rng *rng, uint64_t nb, uint32_t depth)
{
	static uint64_t way[8192];
	uint64_t sent = 0;
	uint32_t under_way = 0, at;

	cr_assert_leq(depth, PLX_ARRAY_SIZE(way));
	while (sent < nb || under_way > 0) {
		while (sent < nb && under_way < depth) {
			if (rng_below(rng, 1000) == 0) /* many at once */
				sent += rng_below(rng, 300);
			if (rng_below(rng, 20))
				way[under_way++] = sent;
			sent++;
		}
		if (under_way == 0)
			continue;
		at = rng_below(rng, 30) ? 0 : rng_below(rng, under_way);
		note(way[at]);
		if (rng_below(rng, 50) == 0)
			continue; /* it comes again */
		memmove(&way[at], &way[at + 1], (under_way - at - 1) * sizeof(way[0]));
		under_way--;
	}
	return sent;
}

Test(bench_tracker, random_streams)
{
	struct rng rng = rng_start("bench_tracker");
	static const uint32_t depths[] = {1, 2, 3, 32, 64, 65, 500};

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(depths); i++) {
		char what[32];

		empty();
		snprintf(what, sizeof(what), "%u under way", depths[i]);
		assert_same(what, random_stream(&rng, 200000, depths[i]));
	}
}

/* The window goes round more than once while packets are lost and late. */
Test(bench_tracker, a_long_random_stream)
{
	struct rng rng = rng_start("bench_tracker");

	assert_same("long", random_stream(&rng, 3 * TRACKER_BITS, 100));
	cr_assert_gt(tracker.missed, 0);
	cr_assert_gt(tracker.reordered, 0);
}

/* Jumps around the size of the window, from each place of a word to each, and late ones behind. */
Test(bench_tracker, jumps)
{
	static const int64_t jumps[] = {
		1,
		63,
		64,
		65,
		TRACKER_BITS - 129,
		TRACKER_BITS - 65,
		TRACKER_BITS - 64,
		TRACKER_BITS - 63,
		TRACKER_BITS - 1,
		TRACKER_BITS,
		TRACKER_BITS + 1,
		TRACKER_BITS + 64,
		2 * TRACKER_BITS + 17,
	};
	static const uint64_t starts[] = {0, 1, 62, 63, 64, 1000, TRACKER_BITS - 1, TRACKER_BITS};
	struct rng rng = rng_start("bench_tracker");

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(jumps); i++) {
		for (unsigned j = 0; j < PLX_ARRAY_SIZE(starts); j++) {
			uint64_t to = starts[j] + (uint64_t)jumps[i], late;

			empty();
			for (uint64_t seq = starts[j] > 200 ? starts[j] - 200 : 0; seq <= starts[j];
			     seq++)
				note(seq);
			note(to);
			for (unsigned k = 0; k < 200; k++) {
				late = to > 300 && k % 2 ? to - rng_below(&rng, 300)
							 : rng_below(&rng, (uint32_t)to + 1);
				note(late);
			}
			note(to + 1);
			assert_same("jump", to + 2);
		}
	}
}

/* The oldest number that is told apart, and the one before it. */
Test(bench_tracker, stale)
{
	const uint64_t next = 2 * TRACKER_BITS + 10;

	note(5);
	note(next - 1);
	cr_assert(tracker_note(&tracker, next - (TRACKER_BITS - 64)));
	cr_assert_eq(tracker.stale, 0);
	cr_assert_not(tracker_note(&tracker, next - (TRACKER_BITS - 64) - 1));
	cr_assert_not(tracker_note(&tracker, 5));
	cr_assert_not(tracker_note(&tracker, 6));
	cr_assert_eq(tracker.stale, 3);
	cr_assert_eq(tracker.received, 3);
	cr_assert_eq(tracker.duplicate, 0);
	/* What is stale is lost, too: the run is not valid, but it adds up. */
	cr_assert_eq(tracker.received + tracker_lost(&tracker, next), next);
}

/* Numbers that nobody sent show in the sum. */
Test(bench_tracker, more_than_was_sent)
{
	for (uint64_t seq = 0; seq < 100; seq++)
		note(seq);
	cr_assert_eq(tracker.received + tracker_lost(&tracker, 100), 100);
	note(UINT64_C(1) << 21);
	cr_assert_neq(tracker.received + tracker_lost(&tracker, 100), 100);
	tracker_reset(&tracker);
	/* The greatest that a packet can have: bounded work, and the sum is its own. */
	cr_assert(tracker_note(&tracker, (UINT64_C(1) << 48) - 1));
	cr_assert_eq(tracker_lost(&tracker, UINT64_C(1) << 48), (UINT64_C(1) << 48) - 1);
}
