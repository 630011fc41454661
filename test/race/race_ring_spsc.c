/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One producer and one consumer: every value arrives once and in order, what was written before the
 * enqueue is seen after the dequeue, and no call writes past what it returns.
 */
#include "race.h"

#include "unit/ring_calls.h"

enum { BULK_MAX = 48, CELLS = 4096, GUARD = 4 };

/* More cells than a ring has slots: one is not written again before it was read. */
static struct cell {
	uint64_t value;
} cells[CELLS];

struct side {
	struct plx_ring *ring;
	enum way way;
	uint64_t nb;
	struct rng rng;
	bool consumer;
};

static uint32_t pick(struct side *side, uint64_t done)
{
	/* Small ones most of the time: there the two sides meet in every step of each other. */
	uint32_t most = rng_below(&side->rng, 4) ? 3 : BULK_MAX;
	uint64_t left = side->nb - done;
	uint32_t n = is_one(side->way) ? 1 : rng_between(&side->rng, 1, most);

	n = n < side->ring->size ? n : side->ring->size;
	return n < left ? n : (uint32_t)left;
}

static void produce(struct side *side)
{
	void *objs[BULK_MAX];
	uint64_t done = 0;
	unsigned tries = 0;

	while (done < side->nb && !race_is_over()) {
		uint32_t n = pick(side, done), got, sent = 0;

		for (uint32_t i = 0; i < n; i++) {
			struct cell *cell = &cells[(done + i) % CELLS];

			cell->value = done + i;
			objs[i] = cell;
		}
		while (sent < n && !race_is_over()) {
			got = put(side->ring, side->way, objs + sent, n - sent);
			race_check(got <= n - sent, "%u of %u in", got, n - sent);
			sent += got;
			tries = got ? 0 : tries + 1;
			if (got == 0)
				race_wait(tries);
		}
		done += n;
	}
}

static void consume(struct side *side)
{
	void *objs[BULK_MAX + GUARD];
	uint64_t done = 0;
	unsigned tries = 0;

	while (done < side->nb && !race_is_over()) {
		uint32_t n = pick(side, done), count = plx_ring_count(side->ring), got;

		race_check(count <= side->ring->size, "count %u of %u", count, side->ring->size);
		for (uint32_t i = n; i < n + GUARD; i++)
			objs[i] = side;
		got = get(side->ring, side->way, objs, n);
		race_check(got <= n, "%s: %u of %u out", way_names[side->way], got, n);
		if (got > n)
			return;
		for (uint32_t i = n; i < n + GUARD; i++)
			race_check(objs[i] == side, "%s of %u wrote entry %u", way_names[side->way],
				   n, i);
		for (uint32_t i = 0; i < got && !race_is_over(); i++, done++) {
			struct cell *want = &cells[done % CELLS];

			race_check(objs[i] == want, "%s: value %llu: cell %p, want %p",
				   way_names[side->way], (unsigned long long)done, objs[i],
				   (void *)want);
			if (objs[i] == want)
				race_check(want->value == done, "cell holds %llu, want %llu",
					   (unsigned long long)want->value,
					   (unsigned long long)done);
		}
		tries = got ? 0 : tries + 1;
		if (got == 0)
			race_wait(tries);
	}
}

static void *run_side(void *arg)
{
	struct side *side = arg;

	if (side->consumer)
		consume(side);
	else
		produce(side);
	return NULL;
}

static void race(struct rng *rng, uint32_t size, enum way in, enum way out, uint64_t nb)
{
	struct plx_ring *ring = ring_new("race", size);
	struct side sides[2] = {
		{ring, in, nb, {rng_next(rng)}, false},
		{ring, out, nb, {rng_next(rng)}, true},
	};

	race_check(ring != NULL, "no memory");
	if (!ring)
		return;
	/* The indices pass 2^32 on the way. */
	ring_start_at(ring, 0u - (uint32_t)(nb / 2 < 1000000 ? nb / 2 : 1000000));
	race_run(2, run_side, sides, sizeof(sides[0]));
	if (!race_is_over())
		race_check(plx_ring_is_empty(ring), "%u are left", plx_ring_count(ring));
	if (race_is_over())
		fprintf(stderr, "ring of %u, %s -> %s\n", size, way_names[in], way_names[out]);
	free(ring);
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = {2, 64, 1024};
	static const struct {
		enum way in, out;
	} ways[] = {
		{SINGLE_BURST, SINGLE_BURST}, {SINGLE_BULK, SINGLE_BURST},
		{SINGLE_BURST, SINGLE_BULK},  {SINGLE_ONE, SINGLE_ONE},
		{SINGLE_SPAN, SINGLE_SPAN},   {SINGLE_SPAN, SINGLE_BURST},
		{SINGLE_BURST, MULTI_BURST},  {MULTI_SPAN, SINGLE_BURST},
		{SINGLE_ONE, SINGLE_BURST},   {SINGLE_ONE, SINGLE_SPAN},
	};
	unsigned nb_races = PLX_ARRAY_SIZE(sizes) * PLX_ARRAY_SIZE(ways);
	uint64_t ops = race_ops(argc, argv, 20000000, 500000000);
	struct rng rng = rng_start("race_ring_spsc");

	for (unsigned s = 0; s < PLX_ARRAY_SIZE(sizes); s++)
		for (unsigned w = 0; w < PLX_ARRAY_SIZE(ways) && !race_is_over(); w++)
			race(&rng, sizes[s], ways[w].in, ways[w].out,
			     /* A ring of 2 hands over two by two: a hundredth is enough. */
			     ops / nb_races / (sizes[s] == 2 ? 100 : 1));
	return race_end();
}
