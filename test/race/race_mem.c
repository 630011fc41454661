/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two threads take and free blocks and zones while a third asks for addresses and a watch hears of
 * growth: under TSan the locks are watched, without it each block's bytes tell of overlaps. Then
 * threads go on calling while the EAL ends and starts again.
 */
#include "eal_start.h"

#include <errno.h>
#include <pollux/atomic.h>
#include <pollux/eal.h>
#include <pollux/log.h>
#include <pollux/mem.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 2, HELD = 32 };

static unsigned long iterations = 20000;
static int stop, nb_wrong;
static char *seen[THREADS]; /* a block of each thread, for the one who asks */

static void *taker(void *arg)
{
	unsigned self = (unsigned)(uintptr_t)arg, state = self * 77 + 1;
	char *held[HELD] = {NULL};
	size_t len[HELD];
	char name[16];

	for (unsigned long i = 0; i < iterations; i++) {
		unsigned slot = (state = state * 1664525u + 1013904223u) >> 16 & (HELD - 1);
		const struct plx_memzone *mz;

		if (held[slot]) {
			for (size_t at = 0; at < len[slot]; at += 61)
				if (held[slot][at] != (char)(self + 1))
					plx_fetch_add_relaxed(&nb_wrong, 1);
			plx_store_relaxed(&seen[self], NULL);
			plx_mem_free(held[slot]);
			held[slot] = NULL;
		} else {
			len[slot] = 1 + (state >> 8) % (i % 64 ? 5000 : 500000);
			held[slot] = plx_mem_alloc(len[slot], 0, PLX_NODE_ANY);
			if (!held[slot]) {
				plx_fetch_add_relaxed(&nb_wrong, 1);
				continue;
			}
			memset(held[slot], (int)self + 1, len[slot]);
			plx_store_relaxed(&seen[self], held[slot]);
		}
		if (i % 16)
			continue;
		snprintf(name, sizeof(name), "zone-%u", self);
		if (plx_memzone_reserve(name, 700, PLX_NODE_ANY, 0, 0, 0, &mz) != 0 ||
		    plx_memzone_lookup(name) != mz || plx_memzone_free(mz) != 0)
			plx_fetch_add_relaxed(&nb_wrong, 1);
	}
	for (unsigned slot = 0; slot < HELD; slot++)
		plx_mem_free(held[slot]);
	return NULL;
}

static void *asker(void *arg)
{
	(void)arg;
	while (!plx_load_relaxed(&stop)) {
		for (unsigned i = 0; i < THREADS; i++) {
			char *p = plx_load_relaxed(&seen[i]);
			uint64_t iova = plx_mem_virt2iova(p);

			/* It may have been freed meanwhile, its pages given back. */
			if (iova != PLX_IOVA_BAD && iova != (uintptr_t)p)
				plx_fetch_add_relaxed(&nb_wrong, 1);
		}
	}
	return NULL;
}

static size_t watched;

static int added(void *va, uint64_t iova, size_t len, void *arg)
{
	(void)va;
	(void)iova;
	(void)arg;
	watched += len;
	return 0;
}

static void removed(void *va, uint64_t iova, size_t len, void *arg)
{
	(void)va;
	(void)iova;
	(void)arg;
	watched -= len;
}

/* Whatever comes back, it must be one of the promised answers. */
static void *caller(void *arg)
{
	unsigned self = (unsigned)(uintptr_t)arg;
	struct plx_mem_stats stats;
	const struct plx_memzone *mz;
	char name[16];

	snprintf(name, sizeof(name), "zone-%u", self);
	while (!plx_load_relaxed(&stop)) {
		char *p = plx_mem_alloc(4096, 0, PLX_NODE_ANY);
		int ret;

		if (!p && errno != ENODEV)
			plx_fetch_add_relaxed(&nb_wrong, 1);
		plx_mem_free(p);
		ret = plx_memzone_reserve(name, 700, PLX_NODE_ANY, 0, 0, 0, &mz);
		if (ret != 0 && ret != -ENODEV && ret != -EEXIST)
			plx_fetch_add_relaxed(&nb_wrong, 1);
		ret = plx_mem_stats(&stats);
		if (ret != 0 && ret != -ENODEV)
			plx_fetch_add_relaxed(&nb_wrong, 1);
		plx_mem_iova_mode();
	}
	return NULL;
}

static void drop_line(void *arg, const char *module, enum plx_log_level level, const char *text)
{
	(void)arg;
	(void)module;
	(void)level;
	(void)text;
}

/* The EAL is the main lcore's alone here: lives are short. */
static void live_again(pthread_attr_t *attr, unsigned long lives)
{
	pthread_t callers[THREADS];

	stop = 0;
	plx_log_set_sink(drop_line, NULL);
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&callers[i], attr, caller, (void *)i);
	for (unsigned long i = 0; i < lives; i++) {
		start_lcores(1);
		sched_yield();
		plx_eal_fini();
	}
	plx_store_relaxed(&stop, 1);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(callers[i], NULL);
}

int main(int argc, char **argv)
{
	struct plx_mem_watch watch = {.added = added, .removed = removed};
	pthread_t takers[THREADS], ask;
	struct plx_mem_stats stats;
	pthread_attr_t attr;
	cpu_set_t cpus;
	struct plx_eal_conf conf;

	if (argc > 1)
		iterations = strtoul(argv[1], NULL, 0);
	/* The main lcore is pinned: threads that it makes run on all CPUs by their attribute. */
	pthread_getaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(cpus), &cpus);
	plx_eal_conf_init(&conf);
	conf.no_huge = true;
	if (plx_eal_init(&conf) != 0 || plx_mem_watch_add(&watch) != 0)
		return 1;
	pthread_create(&ask, &attr, asker, NULL);
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&takers[i], &attr, taker, (void *)i);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(takers[i], NULL);
	plx_store_relaxed(&stop, 1);
	pthread_join(ask, NULL);
	if (plx_mem_stats(&stats) != 0 || stats.all.total_bytes != 0 || watched != 0) {
		printf("FAIL %zu bytes are left, %zu of them watched\n", stats.all.total_bytes,
		       watched);
		nb_wrong++;
	}
	plx_eal_fini();
	live_again(&attr, iterations / 50);
	pthread_attr_destroy(&attr);
	printf("%lu rounds in each of %d threads, %d wrong\n", iterations, THREADS, nb_wrong);
	return nb_wrong != 0;
}
