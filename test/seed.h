/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random numbers for tests. The seed is printed; PLX_TEST_SEED in the environment repeats a run.
 */
#ifndef TEST_SEED_H
#define TEST_SEED_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct rng {
	uint64_t state;
};

/* splitmix64 */
static inline uint64_t rng_next(struct rng *rng)
{
	uint64_t z = rng->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* [0, n) */
static inline uint32_t rng_below(struct rng *rng, uint32_t n)
{
	return (uint32_t)(((rng_next(rng) >> 32) * n) >> 32);
}

/* [from, to] */
static inline uint32_t rng_between(struct rng *rng, uint32_t from, uint32_t to)
{
	return from + rng_below(rng, to - from + 1);
}

static inline struct rng rng_start(const char *what)
{
	const char *env = getenv("PLX_TEST_SEED");
	struct timespec now;
	struct rng rng;

	clock_gettime(CLOCK_REALTIME, &now);
	rng.state = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	rng.state ^= (uint64_t)getpid() << 48;
	if (env)
		rng.state = strtoull(env, NULL, 0);
	fprintf(stderr, "%s: PLX_TEST_SEED=%llu\n", what, (unsigned long long)rng.state);
	return rng;
}

/* scripts/test.sh --long: counts that take minutes instead of seconds. */
static inline int test_is_long(void)
{
	const char *env = getenv("PLX_TEST_LONG");

	return env && *env && *env != '0';
}

#endif
