/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Many producers and consumers, more threads than CPUs among them: every value comes out exactly
 * once, each consumer sees the values of one producer in that producer's order, and what was
 * written before the enqueue is seen after the dequeue.
 */
#include "race.h"

#include "unit/ring_calls.h"

enum { BULK_MAX = 24, THREADS_MAX = 8, PRODUCER_SHIFT = 40 };

static struct race {
	struct plx_ring *ring;
	unsigned nb_producers, nb_consumers;
	uint64_t nb_each;  /* values of one producer */
	uint64_t nb_out;   /* so far, over all consumers */
	uint64_t *seen;	   /* one bit a value: producer * nb_each + number */
	uint32_t *content; /* written before the enqueue, by value */
} race;

struct thread {
	unsigned id; /* producers first */
	struct rng rng;
};

/* A side with one thread may use the single-thread calls, but not both kinds at once. */
static enum way any_way(struct rng *rng, bool alone)
{
	return (enum way)(alone ? rng_below(rng, MULTI_BULK)
				: MULTI_BULK + rng_below(rng, NB_WAYS - MULTI_BULK));
}

static void *value_of(unsigned producer, uint64_t number)
{
	return (void *)(uintptr_t)((uint64_t)producer << PRODUCER_SHIFT | number);
}

static void produce(struct thread *self)
{
	bool alone = race.nb_producers == 1;
	void *objs[BULK_MAX];
	uint64_t done = 0;
	unsigned tries = 0;

	while (done < race.nb_each && !race_is_over()) {
		enum way way = any_way(&self->rng, alone);
		uint64_t left = race.nb_each - done;
		uint32_t n = is_one(way) ? 1 : rng_between(&self->rng, 1, BULK_MAX), got;

		n = n < left ? n : (uint32_t)left;
		for (uint32_t i = 0; i < n; i++) {
			objs[i] = value_of(self->id, done + i);
			race.content[self->id * race.nb_each + done + i] =
				(uint32_t)(done + i) ^ 77;
		}
		got = put(race.ring, way, objs, n);
		race_check(got <= n, "%s: %u of %u in", way_names[way], got, n);
		done += got;
		tries = got ? 0 : tries + 1;
		if (got == 0)
			race_wait(tries);
	}
}

static void check_value(const struct thread *self, void *obj, uint64_t *next)
{
	uint64_t value = (uint64_t)(uintptr_t)obj,
		 number = value & ((UINT64_C(1) << PRODUCER_SHIFT) - 1);
	unsigned producer = (unsigned)(value >> PRODUCER_SHIFT);
	uint64_t at = producer * race.nb_each + number, bit = UINT64_C(1) << at % 64;

	race_check(producer < race.nb_producers && number < race.nb_each, "%p was never put in",
		   obj);
	if (race_is_over())
		return;
	race_check(!(plx_fetch_or_relaxed(&race.seen[at / 64], bit) & bit),
		   "value %llu of producer %u came out twice", (unsigned long long)number,
		   producer);
	race_check(number >= next[producer], "consumer %u: value %llu of producer %u behind %llu",
		   self->id, (unsigned long long)number, producer,
		   (unsigned long long)next[producer]);
	next[producer] = number + 1;
	race_check(race.content[at] == ((uint32_t)number ^ 77), "content of %llu is not seen",
		   (unsigned long long)number);
}

static void consume(struct thread *self)
{
	uint64_t nb_all = race.nb_each * race.nb_producers, next[THREADS_MAX] = {0};
	bool alone = race.nb_consumers == 1;
	void *objs[BULK_MAX];
	unsigned tries = 0;

	while (plx_load_relaxed(&race.nb_out) < nb_all && !race_is_over()) {
		enum way way = any_way(&self->rng, alone);
		uint32_t n = is_one(way) ? 1 : rng_between(&self->rng, 1, BULK_MAX);
		uint32_t got = get(race.ring, way, objs, n), count = plx_ring_count(race.ring);

		race_check(got <= n, "%s: %u of %u out", way_names[way], got, n);
		if (got > n)
			return;
		race_check(count <= race.ring->size, "count %u of %u", count, race.ring->size);
		for (uint32_t i = 0; i < got && !race_is_over(); i++)
			check_value(self, objs[i], next);
		tries = got ? 0 : tries + 1;
		if (got)
			plx_fetch_add_relaxed(&race.nb_out, got);
		else
			race_wait(tries);
	}
}

static void *run_thread(void *arg)
{
	struct thread *self = arg;

	if (self->id < race.nb_producers)
		produce(self);
	else
		consume(self);
	return NULL;
}

static void one_race(struct rng *rng, uint32_t size, unsigned nb_producers, unsigned nb_consumers,
		     uint64_t ops)
{
	struct thread threads[THREADS_MAX];
	uint64_t nb_all;

	race.nb_producers = nb_producers;
	race.nb_consumers = nb_consumers;
	race.nb_each = ops / nb_producers;
	race.nb_out = 0;
	nb_all = race.nb_each * nb_producers;
	race.ring = ring_new("race", size);
	race.seen = calloc(nb_all / 64 + 1, sizeof(*race.seen));
	race.content = calloc(nb_all + 1, sizeof(*race.content));
	race_check(race.ring && race.seen && race.content, "no memory");
	for (unsigned i = 0; i < THREADS_MAX; i++)
		threads[i] = (struct thread){i, {rng_next(rng)}};
	if (!race_is_over()) {
		ring_start_at(race.ring, 0u - (uint32_t)(nb_all / 2 % 1000000));
		race_run(nb_producers + nb_consumers, run_thread, threads, sizeof(threads[0]));
	}
	for (uint64_t i = 0; i < nb_all && !race_is_over(); i++)
		race_check(race.seen[i / 64] >> i % 64 & 1, "value %llu of producer %llu is lost",
			   (unsigned long long)(i % race.nb_each),
			   (unsigned long long)(i / race.nb_each));
	if (!race_is_over())
		race_check(plx_ring_is_empty(race.ring), "%u are left", plx_ring_count(race.ring));
	if (race_is_over())
		fprintf(stderr, "ring of %u, %u producers, %u consumers\n", size, nb_producers,
			nb_consumers);
	free(race.ring);
	free(race.seen);
	free(race.content);
}

int main(int argc, char **argv)
{
	static const struct {
		uint32_t size;
		unsigned nb_producers, nb_consumers;
	} races[] = {
		{1024, 1, 1}, {64, 2, 2},  {1024, 4, 4}, {32, 4, 4},
		{256, 1, 7},  {256, 7, 1}, {1024, 1, 2}, {1024, 2, 1},
	};
	uint64_t ops = race_ops(argc, argv, 12000000, 120000000);
	struct rng rng = rng_start("race_ring_mpmc");

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(races) && !race_is_over(); i++)
		one_race(&rng, races[i].size, races[i].nb_producers, races[i].nb_consumers,
			 ops / PLX_ARRAY_SIZE(races));
	return race_end();
}
