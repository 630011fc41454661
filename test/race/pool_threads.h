/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One function in threads of every kind at once, more of them than CPUs: lcores, threads that
 * register now and then, threads that never do.
 */
#ifndef RACE_POOL_THREADS_H
#define RACE_POOL_THREADS_H

#include "race.h"

#include "eal_start.h"

#include <pollux/lcore.h>
#include <pollux/ring.h>
#include <string.h>

enum { NB_LCORES = 4, NB_REGISTERED = 2, NB_OTHERS = 2, NB_THREADS = 8, MARKET_SLOTS = 64 };

struct pool_thread {
	unsigned id; /* [0, NB_THREADS): lcores, then those that register, then the others */
	struct rng rng;
	void (*work)(struct pool_thread *self);
	uint64_t nb_ops; /* to do */
	unsigned nb_turns;
};

/* Here objects go from one thread to another. */
static struct plx_ring *market;

/* To be called between pieces of work: a thread that registers does so anew now and then. */
static inline void pool_thread_turn(struct pool_thread *self)
{
	if (self->id < NB_LCORES || self->id >= NB_LCORES + NB_REGISTERED || ++self->nb_turns % 128)
		return;
	race_check(plx_lcore_unregister() == 0, "thread %u was not registered", self->id);
	race_check(plx_lcore_register() >= 0, "thread %u can't register", self->id);
}

static void *pool_thread_main(void *arg)
{
	struct pool_thread *self = arg;
	bool registers = self->id < NB_LCORES + NB_REGISTERED;

	if (registers)
		race_check(plx_lcore_register() >= 0, "thread %u can't register", self->id);
	self->work(self);
	if (registers)
		race_check(plx_lcore_unregister() == 0, "thread %u was not registered", self->id);
	return NULL;
}

static int pool_lcore_main(void *arg)
{
	struct pool_thread *self = (struct pool_thread *)arg + plx_lcore_id();

	self->work(self);
	return 0;
}

/* The EAL runs with NB_LCORES; main works as lcore 0. */
static inline void pool_threads_run(struct rng *rng, void (*work)(struct pool_thread *self),
				    uint64_t nb_ops)
{
	struct pool_thread threads[NB_THREADS];
	pthread_t others[NB_THREADS];
	cpu_set_t cpus;

	memset(threads, 0, sizeof(threads));
	for (unsigned i = 0; i < NB_THREADS; i++) {
		threads[i].id = i;
		threads[i].rng.state = rng_next(rng);
		threads[i].work = work;
		threads[i].nb_ops = nb_ops / NB_THREADS;
	}
	for (unsigned i = NB_LCORES; i < NB_THREADS; i++) {
		CHECK(pthread_create(&others[i], NULL, pool_thread_main, &threads[i]) == 0,
		      "thread %u", i);
		/* Else they would all stay on the main lcore's CPU. */
		CHECK(plx_lcore_cpuset(i % NB_LCORES, &cpus) == 0, "cpuset");
		pthread_setaffinity_np(others[i], sizeof(cpus), &cpus);
	}
	CHECK(plx_lcore_launch_all(pool_lcore_main, threads, true) == 0, "launch");
	plx_lcore_wait_all();
	for (unsigned i = NB_LCORES; i < NB_THREADS; i++)
		pthread_join(others[i], NULL);
}

static inline struct plx_ring *ring_on_heap(const char *name, uint32_t size)
{
	struct plx_ring *ring = aligned_alloc(PLX_CACHE_LINE, plx_ring_bytes(size));

	CHECK(ring && plx_ring_init(ring, name, size) == 0, "ring '%s'", name);
	return ring;
}

#endif
