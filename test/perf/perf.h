/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plx-perf: the same loops on two libraries, in turns, in one process on the same CPUs.
 *
 * loops.h holds the loops, written against a few macros; ours.c and peer_dpdk.c each define the
 * macros and include it. A row is `rounds` rounds; a round takes PERF_RUNS runs of ours and as many
 * of the peer's, in alternating order, and the best of each.
 */
#ifndef PERF_H
#define PERF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PERF_ROUNDS = 11,
	PERF_ROUNDS_MAX = 999,
	PERF_RUNS = 3,
	PERF_RING_SIZE = 1024,
	PERF_POOL_OBJS = 8191
};
enum { PERF_CACHE_SIZE = 256, PERF_CHAIN_SEGS = 4, PERF_BURST = 32 };

/* What one thread of a row does. */
enum perf_role { PERF_MAIN, PERF_WORKER };

/* Extra work of one side of a ring, so that the other side waits for it; part of the figure. */
enum perf_bound { PERF_BALANCED, PERF_CONSUMER_BOUND, PERF_PRODUCER_BOUND };

enum perf_kind {
	PERF_RING_SPSC,
	PERF_RING_MPMC,
	PERF_RING_SPSC_TWO,	  /* main consumes, worker produces */
	PERF_RING_MPMC_TWO,	  /* the same by the multi-thread calls */
	PERF_RING_MPMC_CONTENDED, /* both enqueue and dequeue */
	PERF_RING_BURST_SPSC,	  /* bulk in, burst of up to 32 out */
	PERF_RING_BURST_MPMC,
	PERF_RING_BURST_TWO, /* main asks for bursts, worker produces bulks */
	PERF_POOL,
	PERF_POOL_TWO, /* main takes, worker gives back; a ring of the library between them */
	PERF_MBUF,
	PERF_MBUF_CHAIN,
	PERF_KINDS,
};

struct perf_row {
	const char *name;
	enum perf_kind kind;
	unsigned bulk; /* 1, 8, 32, 128; burst rows also 24 */
	enum perf_bound bound;
	uint64_t objects; /* in one run */
};

/* One library. */
struct perf_lib {
	const char *name;
	const char *version;
	/* Called once by the main thread, on its CPU. 0 or a negative number; it has said why. */
	int (*init)(unsigned main_cpu);
	void (*fini)(void);
	/* Called once by the worker thread, before its first run. */
	int (*worker_init)(void);
	/* Empty the rings before a row. */
	void (*prepare)(void);
	/* One run of @objects objects; each thread of the row calls it. */
	void (*run)(const struct perf_row *row, enum perf_role role);
};

extern const struct perf_lib perf_ours;
extern const struct perf_lib perf_peer; /* in plx-perf-dpdk only */

/* The whole program behind main(): @peer is NULL in plx-perf. Returns the exit status. */
int perf_main(int argc, char **argv, const struct perf_lib *peer);

/* Work that takes the same time whoever runs it: a chain of dependent multiplications. */
enum { PERF_WORK_PER_OBJECT = 2 };

static inline void perf_work(unsigned objects)
{
	uint64_t x = objects;

	for (unsigned i = 0; i < objects * PERF_WORK_PER_OBJECT; i++) {
		x *= UINT64_C(6364136223846793005);
		__asm__ volatile("" : "+r"(x));
	}
}

/* ---- report.c ---- */

struct perf_spread {
	double median, min, max;
};

struct perf_result {
	const char *name;
	const char *unit;
	bool has_peer;
	struct perf_spread ours, peer, ratio; /* ratio: peer / ours, above 1 we are ahead */
};

struct perf_spread perf_spread_of(double *values, unsigned nb);
void perf_print_header(const char *peer_version, unsigned rounds, unsigned main_cpu,
		       unsigned worker_cpu);
void perf_print_result(const struct perf_result *result);
/* 0, or -1 after one line. */
int perf_write_json(const char *path, const struct perf_result *results, unsigned nb,
		    const char *peer_name, const char *peer_version, unsigned rounds);

/* ---- startup.c ---- */

void perf_startup_list(void);

/* Time and size of programs started as a user does; adds its rows to results. Returns how many, or
 * -1 after one line. */
int perf_startup(struct perf_result *results, unsigned room, const char *peer, unsigned rounds,
		 unsigned cpu, bool (*wanted)(const char *name));

#endif
