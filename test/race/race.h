/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the race programs share. Each takes its number of operations as its argument; without one
 * it is some million, and 10^8 and more with PLX_TEST_LONG in the environment (test.sh --long).
 */
#ifndef TEST_RACE_H
#define TEST_RACE_H

#include "seed.h"

#include <pollux/atomic.h>
#include <pollux/compiler.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { RACE_PASS = 0, RACE_FAIL = 1, RACE_SKIP = 77 };

/* ThreadSanitizer makes each access some ten times slower. */
static inline uint64_t race_ops(int argc, char **argv, uint64_t usual, uint64_t of_long)
{
	uint64_t ops = test_is_long() ? of_long : usual;

	if (argc > 1)
		return strtoull(argv[1], NULL, 0);
#ifdef PLX_TSAN
	ops /= 16;
#endif
	return ops;
}

/* Set once: the threads go on to their ends and the program fails. */
static bool race_failed;

#define race_check(cond, ...)                                                                      \
	do {                                                                                       \
		if (plx_unlikely(!(cond)) &&                                                       \
		    !__atomic_exchange_n(&race_failed, true, __ATOMIC_RELAXED)) {                  \
			fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                            \
			fprintf(stderr, __VA_ARGS__);                                              \
			fputc('\n', stderr);                                                       \
		}                                                                                  \
	} while (0)

static inline bool race_is_over(void)
{
	return plx_load_relaxed(&race_failed);
}

/* Nothing to do: @tries is how often in a row. Spins first, so that the sides meet closely. */
static inline void race_wait(unsigned tries)
{
	if (tries % 16 == 15)
		sched_yield();
	else
		plx_pause();
}

/* Thread @i to the i-th CPU that is allowed, round and round. */
static inline void race_pin(pthread_t thread, unsigned i)
{
	cpu_set_t allowed, one;
	unsigned left;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return;
	left = i % (unsigned)CPU_COUNT(&allowed);
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed) || left-- > 0)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		pthread_setaffinity_np(thread, sizeof(one), &one);
		return;
	}
}

/* Run @fn(@args + i * @size) in @nb threads at once, spread over the CPUs. */
static inline void race_run(unsigned nb, void *(*fn)(void *), void *args, size_t size)
{
	pthread_t threads[64];
	unsigned nb_made = 0;

	for (; nb_made < nb && nb_made < PLX_ARRAY_SIZE(threads); nb_made++) {
		if (pthread_create(&threads[nb_made], NULL, fn, (char *)args + nb_made * size))
			break;
		race_pin(threads[nb_made], nb_made);
	}
	race_check(nb_made == nb, "%u threads of %u", nb_made, nb);
	for (unsigned i = 0; i < nb_made; i++)
		pthread_join(threads[i], NULL);
}

static inline int race_end(void)
{
	return race_failed ? RACE_FAIL : RACE_PASS;
}

#endif
