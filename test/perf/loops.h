/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loops that are measured. Before this is included, these are defined, with `bulk` a constant
 * at each use:
 *
 *   SP_ENQ SC_DEQ MP_ENQ MC_DEQ (objs, bulk)    non-zero when all went
 *   SC_BURST MC_BURST (objs, most)              how many came
 *   POOL_GET POOL_PUT (objs, bulk)              POOL_GET non-zero when all came
 *   MBUF_ALLOC() MBUF_FREE(m) MBUF_ALLOC_BULK(table, bulk) MBUF_FREE_BULK(table, bulk)
 *   MBUF_CHAIN(head, m)                         m behind head
 *   PAUSE()
 *
 * The table `perf_loops` at the end is indexed by kind and bulk.
 */
#include "perf.h"

#define BURST_MAX 128

typedef void (*perf_loop)(const struct perf_row *row, enum perf_role role);

/* The compiler must believe that somebody looks at the objects, without anybody looking. */
#define USE(p) __asm__ volatile("" : : "r"(p) : "memory")

static void *some_objs[BURST_MAX];

#define DEFINE_LOOPS(bulk)                                                                         \
	static void ring_spsc_##bulk(const struct perf_row *row, enum perf_role role)              \
	{                                                                                          \
		void *objs[BURST_MAX];                                                             \
                                                                                                   \
		(void)role;                                                                        \
		for (uint64_t i = 0; i < row->objects; i += (bulk)) {                              \
			while (!SP_ENQ(some_objs, bulk))                                           \
				PAUSE();                                                           \
			while (!SC_DEQ(objs, bulk))                                                \
				PAUSE();                                                           \
			USE(objs);                                                                 \
		}                                                                                  \
	}                                                                                          \
	static void ring_mpmc_##bulk(const struct perf_row *row, enum perf_role role)              \
	{                                                                                          \
		void *objs[BURST_MAX];                                                             \
                                                                                                   \
		(void)role;                                                                        \
		for (uint64_t i = 0; i < row->objects; i += (bulk)) {                              \
			while (!MP_ENQ(some_objs, bulk))                                           \
				PAUSE();                                                           \
			while (!MC_DEQ(objs, bulk))                                                \
				PAUSE();                                                           \
			USE(objs);                                                                 \
		}                                                                                  \
	}                                                                                          \
	static void ring_spsc_two_##bulk(const struct perf_row *row, enum perf_role role)          \
	{                                                                                          \
		bool consumer_works = row->bound == PERF_CONSUMER_BOUND;                           \
		bool producer_works = row->bound == PERF_PRODUCER_BOUND;                           \
		void *objs[BURST_MAX];                                                             \
                                                                                                   \
		if (role == PERF_MAIN) {                                                           \
			for (uint64_t i = 0; i < row->objects; i += (bulk)) {                      \
				while (!SC_DEQ(objs, bulk))                                        \
					PAUSE();                                                   \
				USE(objs);                                                         \
				if (consumer_works)                                                \
					perf_work(bulk);                                           \
			}                                                                          \
		} else {                                                                           \
			for (uint64_t i = 0; i < row->objects; i += (bulk)) {                      \
				if (producer_works)                                                \
					perf_work(bulk);                                           \
				while (!SP_ENQ(some_objs, bulk))                                   \
					PAUSE();                                                   \
			}                                                                          \
		}                                                                                  \
	}                                                                                          \
	static void ring_mpmc_two_##bulk(const struct perf_row *row, enum perf_role role)          \
	{                                                                                          \
		void *objs[BURST_MAX];                                                             \
                                                                                                   \
		if (role == PERF_MAIN) {                                                           \
			for (uint64_t i = 0; i < row->objects; i += (bulk)) {                      \
				while (!MC_DEQ(objs, bulk))                                        \
					PAUSE();                                                   \
				USE(objs);                                                         \
			}                                                                          \
		} else {                                                                           \
			for (uint64_t i = 0; i < row->objects; i += (bulk))                        \
				while (!MP_ENQ(some_objs, bulk))                                   \
					PAUSE();                                                   \
		}                                                                                  \
	}                                                                                          \
	static void ring_mpmc_contended_##bulk(const struct perf_row *row, enum perf_role role)    \
	{                                                                                          \
		void *objs[BURST_MAX];                                                             \
                                                                                                   \
		(void)role;                                                                        \
		for (uint64_t i = 0; i < row->objects / 2; i += (bulk)) {                          \
			while (!MP_ENQ(some_objs, bulk))                                           \
				PAUSE();                                                           \
			while (!MC_DEQ(objs, bulk))                                                \
				PAUSE();                                                           \
			USE(objs);                                                                 \
		}                                                                                  \
	}                                                                                          \
	static void pool_##bulk(const struct perf_row *row, enum perf_role role)                   \
	{                                                                                          \
		void *objs[BURST_MAX];                                                             \
                                                                                                   \
		(void)role;                                                                        \
		for (uint64_t i = 0; i < row->objects; i += (bulk)) {                              \
			while (!POOL_GET(objs, bulk))                                              \
				PAUSE();                                                           \
			USE(objs);                                                                 \
			POOL_PUT(objs, bulk);                                                      \
		}                                                                                  \
	}                                                                                          \
	static void pool_two_##bulk(const struct perf_row *row, enum perf_role role)               \
	{                                                                                          \
		void *objs[BURST_MAX];                                                             \
                                                                                                   \
		if (role == PERF_MAIN) {                                                           \
			for (uint64_t i = 0; i < row->objects; i += (bulk)) {                      \
				while (!POOL_GET(objs, bulk))                                      \
					PAUSE();                                                   \
				while (!SP_ENQ(objs, bulk))                                        \
					PAUSE();                                                   \
			}                                                                          \
		} else {                                                                           \
			for (uint64_t i = 0; i < row->objects; i += (bulk)) {                      \
				while (!SC_DEQ(objs, bulk))                                        \
					PAUSE();                                                   \
				POOL_PUT(objs, bulk);                                              \
			}                                                                          \
		}                                                                                  \
	}                                                                                          \
	static void mbuf_##bulk(const struct perf_row *row, enum perf_role role)                   \
	{                                                                                          \
		MBUF *table[BURST_MAX];                                                            \
                                                                                                   \
		(void)role;                                                                        \
		for (uint64_t i = 0; i < row->objects; i += (bulk)) {                              \
			if ((bulk) == 1) {                                                         \
				while (!(table[0] = MBUF_ALLOC()))                                 \
					PAUSE();                                                   \
				USE(table);                                                        \
				MBUF_FREE(table[0]);                                               \
			} else {                                                                   \
				while (!MBUF_ALLOC_BULK(table, bulk))                              \
					PAUSE();                                                   \
				USE(table);                                                        \
				MBUF_FREE_BULK(table, bulk);                                       \
			}                                                                          \
		}                                                                                  \
	}

DEFINE_LOOPS(1)
DEFINE_LOOPS(8)
DEFINE_LOOPS(32)
DEFINE_LOOPS(128)

/* A packet of PERF_CHAIN_SEGS segments made, and freed as one. */
static void mbuf_chain(const struct perf_row *row, enum perf_role role)
{
	(void)role;
	for (uint64_t i = 0; i < row->objects; i += PERF_CHAIN_SEGS) {
		MBUF *head;

		while (!(head = MBUF_ALLOC()))
			PAUSE();
		for (unsigned seg = 1; seg < PERF_CHAIN_SEGS; seg++) {
			MBUF *m;

			while (!(m = MBUF_ALLOC()))
				PAUSE();
			MBUF_CHAIN(head, m);
		}
		USE(head);
		MBUF_FREE(head);
	}
}

/* What a forwarding loop does: asks for more than there often is. */
static void ring_burst_spsc(const struct perf_row *row, enum perf_role role)
{
	void *objs[BURST_MAX];

	(void)role;
	for (uint64_t i = 0; i < row->objects; i += row->bulk) {
		while (!SP_ENQ(some_objs, row->bulk))
			PAUSE();
		for (uint64_t got = 0; got < row->bulk;)
			got += SC_BURST(objs, PERF_BURST);
		USE(objs);
	}
}

static void ring_burst_mpmc(const struct perf_row *row, enum perf_role role)
{
	void *objs[BURST_MAX];

	(void)role;
	for (uint64_t i = 0; i < row->objects; i += row->bulk) {
		while (!MP_ENQ(some_objs, row->bulk))
			PAUSE();
		for (uint64_t got = 0; got < row->bulk;)
			got += MC_BURST(objs, PERF_BURST);
		USE(objs);
	}
}

static void ring_burst_two(const struct perf_row *row, enum perf_role role)
{
	void *objs[BURST_MAX];

	if (role == PERF_MAIN) {
		for (uint64_t i = 0, got; i < row->objects; i += got) {
			got = SC_BURST(objs, PERF_BURST);
			if (got == 0)
				PAUSE();
			USE(objs);
		}
	} else {
		for (uint64_t i = 0; i < row->objects; i += row->bulk)
			while (!SP_ENQ(some_objs, row->bulk))
				PAUSE();
	}
}

#define SAME_LOOP(name)                                                                            \
	{                                                                                          \
		name, name, name, name                                                             \
	}
#define LOOPS_OF(name)                                                                             \
	{                                                                                          \
		name##_1, name##_8, name##_32, name##_128                                          \
	}

static const perf_loop perf_loops[PERF_KINDS][4] = {
	[PERF_RING_SPSC] = LOOPS_OF(ring_spsc),
	[PERF_RING_MPMC] = LOOPS_OF(ring_mpmc),
	[PERF_RING_SPSC_TWO] = LOOPS_OF(ring_spsc_two),
	[PERF_RING_MPMC_TWO] = LOOPS_OF(ring_mpmc_two),
	[PERF_RING_MPMC_CONTENDED] = LOOPS_OF(ring_mpmc_contended),
	[PERF_RING_BURST_SPSC] = SAME_LOOP(ring_burst_spsc),
	[PERF_RING_BURST_MPMC] = SAME_LOOP(ring_burst_mpmc),
	[PERF_RING_BURST_TWO] = SAME_LOOP(ring_burst_two),
	[PERF_POOL] = LOOPS_OF(pool),
	[PERF_POOL_TWO] = LOOPS_OF(pool_two),
	[PERF_MBUF] = LOOPS_OF(mbuf),
	[PERF_MBUF_CHAIN] = SAME_LOOP(mbuf_chain),
};

static void run(const struct perf_row *row, enum perf_role role)
{
	unsigned at = row->bulk == 1 ? 0 : row->bulk == 8 ? 1 : row->bulk == 32 ? 2 : 3;

	perf_loops[row->kind][at](row, role);
}
