/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rings against a plain queue: random calls of all ways, bursts and partial commits, at random
 * indices. One thread.
 */
#include "ring_calls.h"
#include "seed.h"

#include <criterion/criterion.h>
#include <inttypes.h>

enum { RING_MAX = 256, BULK_MAX = RING_MAX + 8 };

/* What the ring has to hold: entries [out, in) of a counter, each mixed to a pointer. */
static struct model {
	struct plx_ring *ring;
	struct rng rng;
	uint64_t seed, nb_steps, in, out;
} model;

static void *entry(uint64_t i)
{
	/* NULL now and then; any of the low 63 bits otherwise. */
	return i % 17 == 0 ? NULL : (void *)(uintptr_t)(i * UINT64_C(0x9e3779b97f4a7c15) >> 1);
}

static uint32_t held(void)
{
	return (uint32_t)(model.in - model.out);
}

#define model_assert(cond, fmt, ...)                                                               \
	cr_assert((cond), "PLX_TEST_SEED=%" PRIu64 " step %" PRIu64 ", ring of %u at %#x: " fmt,   \
		  model.seed, model.nb_steps, model.ring->size, model.ring->tail, __VA_ARGS__)

static uint32_t random_n(void)
{
	return rng_below(&model.rng, 4) ? rng_below(&model.rng, model.ring->size / 2 + 2)
					: rng_below(&model.rng, model.ring->size + 3);
}

static void put_some(void)
{
	enum way way = (enum way)rng_below(&model.rng, NB_WAYS);
	uint32_t n = is_one(way) ? 1 : random_n();
	uint32_t want = want_of(way, model.ring->size - held(), n), got;
	void *objs[BULK_MAX];

	for (uint32_t i = 0; i < n; i++)
		objs[i] = entry(model.in + i);
	got = put(model.ring, way, objs, n);
	model_assert(got == want, "%s of %u in: %u, want %u", way_names[way], n, got, want);
	model.in += got;
}

static void get_some(void)
{
	enum way way = (enum way)rng_below(&model.rng, NB_WAYS);
	uint32_t n = is_one(way) ? 1 : random_n(), want = want_of(way, held(), n), got;
	void *objs[BULK_MAX];

	got = get(model.ring, way, objs, n);
	model_assert(got == want, "%s of %u out: %u, want %u", way_names[way], n, got, want);
	for (uint32_t i = 0; i < got; i++, model.out++)
		model_assert(objs[i] == entry(model.out), "%s, entry %u of %u: %p, want %p",
			     way_names[way], i, n, objs[i], entry(model.out));
}

static void commit_some(bool multi)
{
	uint32_t n = random_n(), want = want_of(SINGLE_BURST, model.ring->size - held(), n), got;
	struct plx_ring_span span = {0};

	got = multi ? plx_ring_mp_reserve(model.ring, n, &span)
		    : plx_ring_sp_reserve(model.ring, n, &span);
	model_assert(got == want, "reserved %u of %u, want %u", got, n, want);
	if (got == 0)
		return;
	n = rng_below(&model.rng, got + 1);
	for (uint32_t i = 0; i < got; i++)
		plx_ring_span_set(&span, i, i < n ? entry(model.in + i) : entry(1));
	if (multi)
		plx_ring_mp_commit(model.ring, n);
	else
		plx_ring_sp_commit(model.ring, n);
	model.in += n;
}

static void advance_some(bool multi)
{
	uint32_t n = random_n(), want = want_of(SINGLE_BURST, held(), n), got;
	struct plx_ring_span span = {0};

	got = multi ? plx_ring_mc_peek(model.ring, n, &span)
		    : plx_ring_sc_peek(model.ring, n, &span);
	model_assert(got == want, "peeked at %u of %u, want %u", got, n, want);
	for (uint32_t i = 0; i < got; i++)
		model_assert(plx_ring_span_get(&span, i) == entry(model.out + i), "entry %u: %p", i,
			     plx_ring_span_get(&span, i));
	if (got == 0)
		return;
	n = rng_below(&model.rng, got + 1);
	if (multi)
		plx_ring_mc_advance(model.ring, n);
	else
		plx_ring_sc_advance(model.ring, n);
	model.out += n;
}

static void one_step(void)
{
	bool multi = rng_below(&model.rng, 2) != 0;

	switch (rng_below(&model.rng, 8)) {
	case 0:
		commit_some(multi);
		break;
	case 1:
		advance_some(multi);
		break;
	case 2:
	case 3:
	case 4:
		put_some();
		break;
	default:
		get_some();
	}
	model.nb_steps++;
	model_assert(plx_ring_count(model.ring) == held(), "count %u, want %u",
		     plx_ring_count(model.ring), held());
	model_assert(plx_ring_free_count(model.ring) == model.ring->size - held(), "free %u",
		     plx_ring_free_count(model.ring));
}

static void run(uint32_t size, uint32_t at, unsigned nb_steps)
{
	model.ring = ring_new("model", size);
	cr_assert_not_null(model.ring);
	if (at)
		ring_start_at(model.ring, at);
	model.in = model.out = 0;
	for (unsigned i = 0; i < nb_steps; i++)
		one_step();
	free(model.ring);
}

Test(ring_model, random_calls_against_a_queue)
{
	unsigned nb_rings = test_is_long() ? 20000 : 400;

	model.rng = rng_start("ring_model");
	model.seed = model.rng.state;
	for (unsigned i = 0; i < nb_rings; i++) {
		uint32_t size = 2u << rng_below(&model.rng, 8);
		uint32_t kind = rng_below(&model.rng, 3);
		uint32_t at = kind == 0 ? 0 : (uint32_t)rng_next(&model.rng);

		/* A third of them is about to pass 2^32. */
		if (kind == 1)
			at = 0u - rng_below(&model.rng, 4 * size);
		run(size, at, 1000);
	}
}
