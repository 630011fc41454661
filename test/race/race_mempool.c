/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads of every kind take objects, hand them to each other and give them back: no object has two
 * owners, what one owner wrote the next one sees, and in the end all are home and the counts exact.
 */
#include "pool_threads.h"

#include <pollux/mempool.h>

enum { HELD_MAX = 96, BULK_MAX = 40 };

/* An object's content. `owner` is checked atomically, the rest is the owner's alone. */
struct object {
	uint32_t owner; /* 0 at home, else the thread's id + 1 */
	uint32_t filler;
	uint64_t value, inverse;
};

static struct plx_mempool *pool;

struct held {
	void *objs[HELD_MAX];
	uint32_t nb;
};

static void change_owner(void *obj, uint32_t from, uint32_t to)
{
	struct object *object = obj;
	uint32_t was = plx_exchange_acq_rel(&object->owner, to);

	race_check(was == from, "object %p: owner %u, want %u", obj, was, from);
}

static void check_content(const void *obj)
{
	const struct object *object = obj;

	race_check(object->value == ~object->inverse, "object %p was written by another", obj);
}

static void take(struct pool_thread *self, struct held *held)
{
	uint32_t n = rng_between(&self->rng, 1, BULK_MAX), got;

	n = n < HELD_MAX - held->nb ? n : HELD_MAX - held->nb;
	got = plx_mempool_get_bulk(pool, &held->objs[held->nb], n);
	race_check(got == n || got == 0, "%u of %u taken", got, n);
	for (uint32_t i = 0; i < got; i++) {
		struct object *object = held->objs[held->nb++];

		change_owner(object, 0, self->id + 1);
		check_content(object);
		object->value = rng_next(&self->rng);
		object->inverse = ~object->value;
	}
	if (got == 0)
		sched_yield();
}

static void give(struct pool_thread *self, struct held *held, uint32_t n)
{
	n = n < held->nb ? n : held->nb;
	held->nb -= n;
	for (uint32_t i = 0; i < n; i++) {
		check_content(held->objs[held->nb + i]);
		change_owner(held->objs[held->nb + i], self->id + 1, 0);
	}
	plx_mempool_put_bulk(pool, &held->objs[held->nb], n);
}

static void trade(struct pool_thread *self, struct held *held)
{
	void *obj;

	if (held->nb && rng_below(&self->rng, 2)) {
		obj = held->objs[held->nb - 1];
		change_owner(obj, self->id + 1, NB_THREADS + 1);
		if (plx_ring_mp_enqueue(market, obj))
			held->nb--;
		else
			change_owner(obj, NB_THREADS + 1, self->id + 1);
	} else if (held->nb < HELD_MAX && plx_ring_mc_dequeue(market, &obj)) {
		change_owner(obj, NB_THREADS + 1, self->id + 1);
		check_content(obj);
		held->objs[held->nb++] = obj;
	}
}

static void work(struct pool_thread *self)
{
	struct held held = {.nb = 0};

	for (uint64_t done = 0; done < self->nb_ops && !race_is_over();) {
		uint32_t before = held.nb;

		switch (rng_below(&self->rng, 5)) {
		case 0:
		case 1:
			take(self, &held);
			break;
		case 2:
		case 3:
			give(self, &held, rng_between(&self->rng, 1, BULK_MAX));
			break;
		default:
			trade(self, &held);
		}
		done += 1 + (held.nb > before ? held.nb - before : before - held.nb);
		pool_thread_turn(self);
	}
	give(self, &held, HELD_MAX);
	race_check(plx_mempool_avail(pool) <= pool->nb_objs, "%u at home", plx_mempool_avail(pool));
}

static void race(struct rng *rng, uint32_t nb_objs, uint32_t cache_size, uint64_t ops)
{
	const struct plx_mempool_conf conf = {
		.name = "race",
		.nb_objs = nb_objs,
		.obj_bytes = sizeof(struct object),
		.cache_size = cache_size,
		.node = -1,
	};
	void *obj;

	CHECK(plx_mempool_create(&conf, &pool) == 0, "pool");
	for (uint32_t i = 0; i < nb_objs; i++) {
		struct object *object = plx_mempool_obj(pool, i);

		object->inverse = ~object->value;
	}
	pool_threads_run(rng, work, ops);
	while (plx_ring_mc_dequeue(market, &obj)) {
		change_owner(obj, NB_THREADS + 1, 0);
		plx_mempool_put(pool, obj);
	}
	race_check(plx_mempool_avail(pool) == nb_objs, "%u of %u at home", plx_mempool_avail(pool),
		   nb_objs);
	race_check(plx_mempool_in_use(pool) == 0, "%u in use", plx_mempool_in_use(pool));
	race_check(plx_mempool_audit(pool) == 0, "audit");
	for (uint32_t i = 0; i < nb_objs; i++)
		race_check(((struct object *)plx_mempool_obj(pool, i))->owner == 0, "object %u", i);
	if (race_is_over())
		fprintf(stderr, "%u objects, cache %u\n", nb_objs, cache_size);
	plx_mempool_destroy(pool);
}

int main(int argc, char **argv)
{
	static const struct {
		uint32_t nb_objs, cache_size;
	} pools[] = {{4096, 64}, {2000, 0}, {100, 16}, {300, 37}, {16384, 512}};
	uint64_t ops = race_ops(argc, argv, 15000000, 120000000);
	struct rng rng = rng_start("race_mempool");

	start_lcores(NB_LCORES);
	market = ring_on_heap("market", MARKET_SLOTS);
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(pools) && !race_is_over(); i++)
		race(&rng, pools[i].nb_objs, pools[i].cache_size, ops / PLX_ARRAY_SIZE(pools));
	free(market);
	plx_eal_fini();
	return race_end();
}
