/* SPDX-License-Identifier: BSD-3-Clause */
/* Rings: making one, every way in and out at every offset, past 2^32, spans, state. */
#include "log_lines.h"
#include "ring_calls.h"

#include <errno.h>

#define ENTRY(i) ((void *)(uintptr_t)(0x7fff00000000 + (uint64_t)(i)*8))

static void start(void)
{
	log_lines_start();
}

TestSuite(ring, .init = start);

/* ---- Life ---- */

Test(ring, bytes)
{
	static const uint32_t bad[] = {0, 1, 3, 5, 6, 7, 12, 1000, (1u << 30) + 1, 1u << 31, ~0u};

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(bad); i++)
		cr_assert_eq(plx_ring_bytes(bad[i]), 0, "%u slots: %zu", bad[i],
			     plx_ring_bytes(bad[i]));
	for (uint32_t size = 2; size <= PLX_RING_SIZE_MAX; size *= 2) {
		size_t bytes = plx_ring_bytes(size);

		cr_assert_geq(bytes, sizeof(struct plx_ring) + 8 * (size_t)size, "%u slots: %zu",
			      size, bytes);
		cr_assert_lt(bytes, sizeof(struct plx_ring) + 8 * (size_t)size + PLX_CACHE_LINE);
		cr_assert_eq(bytes % PLX_CACHE_LINE, 0, "%u slots: %zu", size, bytes);
	}
}

Test(ring, init_takes_every_power_of_two_and_long_names)
{
	for (uint32_t size = 2; size <= 1u << 16; size *= 2) {
		struct plx_ring *ring = ring_new("1234567890123456789012345678901", size);

		cr_assert_not_null(ring, "%u slots", size);
		cr_assert_eq(plx_ring_size(ring), size, "%u", plx_ring_size(ring));
		cr_assert_eq(plx_ring_count(ring), 0, "%u", plx_ring_count(ring));
		cr_assert_eq(plx_ring_free_count(ring), size, "%u", plx_ring_free_count(ring));
		cr_assert(plx_ring_is_empty(ring));
		cr_assert_not(plx_ring_is_full(ring));
		cr_assert_str_eq(ring->name, "1234567890123456789012345678901");
		free(ring);
	}
	assert_no_line();
}

Test(ring, init_writes_nothing_behind_its_bytes)
{
	size_t bytes = plx_ring_bytes(8);
	unsigned char *mem = aligned_alloc(PLX_CACHE_LINE, bytes + PLX_CACHE_LINE);

	memset(mem, 0xa5, bytes + PLX_CACHE_LINE);
	cr_assert_eq(plx_ring_init((void *)mem, "r", 8), 0);
	for (unsigned i = 0; i < PLX_CACHE_LINE; i++)
		cr_assert_eq(mem[bytes + i], 0xa5, "byte %u behind", i);
	free(mem);
}

static _Alignas(PLX_CACHE_LINE) char memory[2048];

static const struct {
	char *mem;
	const char *name;
	uint32_t size;
	int ret;
	const char *words[3];
} refusals[] = {
	{NULL, "r", 8, -EINVAL, {"name", "aligned to 64"}},
	{memory + 8, "r", 8, -EINVAL, {"name", "aligned to 64"}},
	{memory, NULL, 8, -EINVAL, {"name"}},
	{memory, "", 8, -EINVAL, {"name"}},
	{memory,
	 "12345678901234567890123456789012",
	 8,
	 -ENAMETOOLONG,
	 {"'12345678901234567890123456789012'", "31 bytes"}},
	{memory, "r0", 0, -EINVAL, {"'r0'", "0 slots", "2 to 1073741824"}},
	{memory, "r1", 1, -EINVAL, {"'r1'", "1 slots", "power of two"}},
	{memory, "r6", 6, -EINVAL, {"'r6'", "6 slots", "power of two"}},
	{memory, "big", 1u << 31, -EINVAL, {"'big'", "2147483648", "1073741824"}},
};

Test(ring, init_refusals)
{
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(refusals); i++) {
		int ret;

		log_lines_start();
		ret = plx_ring_init((void *)refusals[i].mem, refusals[i].name, refusals[i].size);
		cr_assert_eq(ret, refusals[i].ret, "case %u: %d, want %d", i, ret, refusals[i].ret);
		assert_one_line("ring", PLX_LOG_ERR, refusals[i].words[0], refusals[i].words[1],
				refusals[i].words[2]);
	}
}

Test(ring, layout_keeps_the_sides_apart)
{
	cr_assert_eq(sizeof(struct plx_ring) % (2 * PLX_CACHE_LINE), 0, "%zu",
		     sizeof(struct plx_ring));
	cr_assert_geq(offsetof(struct plx_ring, cons) - offsetof(struct plx_ring, prod),
		      2 * PLX_CACHE_LINE);
	cr_assert_geq(offsetof(struct plx_ring, tail) - offsetof(struct plx_ring, cons),
		      2 * PLX_CACHE_LINE);
	cr_assert_geq(offsetof(struct plx_ring, slots) - offsetof(struct plx_ring, tail),
		      2 * PLX_CACHE_LINE);
}

/* ---- Every way in and out ---- */

enum { SIZE_MAX_TESTED = 16 };

/* Fill @n of a ring that is empty and stands at @at, look, and take them out again. */
static void in_and_out(struct plx_ring *ring, enum way in, enum way out, uint32_t at, uint32_t n)
{
	void *objs[SIZE_MAX_TESTED + 2], *got[SIZE_MAX_TESTED + 2];
	uint32_t size = ring->size, want_in, want_out, ret;

	ring_start_at(ring, at);
	for (uint32_t i = 0; i < SIZE_MAX_TESTED + 2; i++) {
		objs[i] = i == 1 ? NULL : ENTRY(at + i);
		got[i] = (void *)&got;
	}
	want_in = want_of(in, size, n);
	ret = put(ring, in, objs, n);
	cr_assert_eq(ret, want_in, "size %u at %#x, %s %u: in %u, want %u", size, at, way_names[in],
		     n, ret, want_in);
	cr_assert_eq(plx_ring_count(ring), want_in, "size %u at %#x: %u", size, at,
		     plx_ring_count(ring));
	cr_assert_eq(plx_ring_free_count(ring), size - want_in);
	cr_assert_eq(plx_ring_is_empty(ring), want_in == 0);
	cr_assert_eq(plx_ring_is_full(ring), want_in == size);
	want_out = want_of(out, want_in, n);
	ret = get(ring, out, got, n);
	cr_assert_eq(ret, want_out, "size %u at %#x, %s %u: out %u, want %u", size, at,
		     way_names[out], n, ret, want_out);
	for (uint32_t i = 0; i < ret; i++)
		cr_assert_eq(got[i], objs[i],
			     "size %u at %#x, %s -> %s, entry %u of %u: %p, want %p", size, at,
			     way_names[in], way_names[out], i, n, got[i], objs[i]);
	for (uint32_t i = n; i < SIZE_MAX_TESTED + 2; i++)
		cr_assert_eq(got[i], (void *)&got, "entry %u was written, %u asked for", i, n);
	cr_assert_eq(plx_ring_count(ring), want_in - want_out);
}

static void all_ways_at(struct plx_ring *ring, uint32_t at)
{
	for (int in = 0; in < NB_WAYS; in++) {
		for (int out = 0; out < NB_WAYS; out++) {
			uint32_t max = is_one(in) || is_one(out) ? 1 : ring->size + 2;
			uint32_t min = max == 1 ? 1 : 0;

			for (uint32_t n = min; n <= max; n++)
				in_and_out(ring, (enum way)in, (enum way)out, at, n);
		}
	}
}

Test(ring, every_way_at_every_offset)
{
	for (uint32_t size = 2; size <= SIZE_MAX_TESTED; size *= 2) {
		struct plx_ring *ring = ring_new("r", size);

		for (uint32_t at = 0; at <= 2 * size; at++)
			all_ways_at(ring, at);
		free(ring);
	}
	assert_no_line();
}

Test(ring, every_way_where_the_indices_pass_2_to_32)
{
	for (uint32_t size = 2; size <= SIZE_MAX_TESTED; size *= 2) {
		struct plx_ring *ring = ring_new("r", size);

		for (uint32_t before = 0; before <= size + 1; before++)
			all_ways_at(ring, 0u - before);
		free(ring);
	}
	assert_no_line();
}

/* What the tests above start from is what a ring is that was run there. */
Test(ring, a_ring_set_to_an_index_is_as_one_that_ran_there)
{
	for (uint32_t size = 2; size <= 8; size *= 2) {
		struct plx_ring *set = ring_new("r", size), *ran = ring_new("r", size);
		void *obj = NULL;

		for (uint32_t at = 0; at < 40; at++) {
			if (at >= size) {
				ring_start_at(set, at);
				ran->prod.limit = at + size; /* looked at by need only */
				ran->prod.reserved = ran->cons.peeked = 0;
				cr_assert_eq(memcmp(set, ran, plx_ring_bytes(size)), 0,
					     "size %u at %u", size, at);
			}
			cr_assert_eq(plx_ring_sp_enqueue(ran, NULL), 1);
			cr_assert_eq(plx_ring_sc_dequeue(ran, &obj), 1);
			cr_assert_null(obj);
		}
		free(set);
		free(ran);
	}
}

Test(ring, runs_past_2_to_32_while_nearly_full)
{
	struct plx_ring *ring = ring_new("r", 8);
	uint64_t nb_in = 0, nb_out = 0;
	void *obj;

	ring_start_at(ring, 0u - 100);
	while (nb_out < 300) {
		while (plx_ring_sp_enqueue(ring, ENTRY(nb_in)) == 1)
			nb_in++;
		cr_assert_eq(nb_in - nb_out, 8, "%llu", (unsigned long long)(nb_in - nb_out));
		cr_assert(plx_ring_is_full(ring));
		for (int i = 0; i < 3; i++, nb_out++) {
			cr_assert_eq(plx_ring_sc_dequeue(ring, &obj), 1);
			cr_assert_eq(obj, ENTRY(nb_out), "%p, want %p", obj, ENTRY(nb_out));
		}
		cr_assert_eq(plx_ring_count(ring), 5, "%u", plx_ring_count(ring));
	}
	cr_assert_lt(ring->tail, 1000, "%u: not past 2^32", ring->tail);
	free(ring);
}

Test(ring, full_and_empty)
{
	for (int way = 0; way < NB_WAYS; way++) {
		struct plx_ring *ring = ring_new("r", 4);
		void *objs[] = {ENTRY(1), ENTRY(2), ENTRY(3), ENTRY(4)};
		void *got[4] = {NULL};

		cr_assert_eq(get(ring, (enum way)way, got, 1), 0, "%s", way_names[way]);
		cr_assert_eq(plx_ring_sp_enqueue_bulk(ring, objs, 4), 4);
		cr_assert_eq(put(ring, (enum way)way, objs, 1), 0, "%s", way_names[way]);
		cr_assert_eq(plx_ring_sc_dequeue_bulk(ring, got, 4), 4);
		for (int i = 0; i < 4; i++)
			cr_assert_eq(got[i], objs[i]);
		free(ring);
	}
}

/* Any pointer with bit 63 clear, the others' highest bit included. */
Test(ring, room_is_looked_up_when_it_is_short)
{
	struct plx_ring *ring = ring_new("r", 8);
	void *objs[8] = {0};

	cr_assert_not_null(ring);
	cr_assert_eq(plx_ring_sp_room(ring, 8), 8);
	cr_assert_eq(plx_ring_sp_enqueue_bulk(ring, objs, 6), 6);
	cr_assert_eq(plx_ring_sp_room(ring, 3), 2, "%u", plx_ring_sp_room(ring, 3));
	cr_assert_eq(plx_ring_sc_dequeue_bulk(ring, objs, 4), 4);
	cr_assert_eq(plx_ring_sp_room(ring, 2), 2, "known to be enough: %u",
		     plx_ring_sp_room(ring, 2));
	cr_assert_eq(plx_ring_sp_room(ring, 3), 6, "%u", plx_ring_sp_room(ring, 3));
	cr_assert_eq(plx_ring_sp_enqueue_burst(ring, objs, 8), 6);
	cr_assert_eq(plx_ring_sp_room(ring, 1), 0, "%u", plx_ring_sp_room(ring, 1));
	cr_assert_eq(plx_ring_sp_room(ring, 0), 0);
	free(ring);
}

Test(ring, entries_keep_all_their_bits)
{
	static const uint64_t bits[] = {0,
					1,
					8,
					UINT64_C(0x7fffffffffffffff),
					UINT64_C(0x4000000000000000),
					UINT64_C(0x00007fffffffffff)};
	struct plx_ring *ring = ring_new("r", 2);

	for (int way = 0; way < NB_WAYS; way++) {
		for (unsigned i = 0; i < 3 * PLX_ARRAY_SIZE(bits); i++) {
			void *obj = (void *)(uintptr_t)bits[i % PLX_ARRAY_SIZE(bits)], *got = &got;

			cr_assert_eq(put(ring, (enum way)way, &obj, 1), 1);
			cr_assert_eq(get(ring, (enum way)way, &got, 1), 1);
			cr_assert_eq(got, obj, "%s: %p, want %p", way_names[way], got, obj);
		}
	}
	free(ring);
}

/* ---- Without a copy ---- */

static void reserve_and_commit(struct plx_ring *ring, bool multi, uint32_t n, uint32_t commit,
			       uint64_t *next)
{
	struct plx_ring_span span = {0};
	uint32_t count = plx_ring_count(ring), want = want_of(SINGLE_BURST, ring->size - count, n);
	uint32_t got;

	got = multi ? plx_ring_mp_reserve(ring, n, &span) : plx_ring_sp_reserve(ring, n, &span);
	cr_assert_eq(got, want, "reserved %u, want %u", got, want);
	if (got == 0)
		return;
	cr_assert_eq(span.nb, got);
	for (uint32_t i = 0; i < got; i++)
		plx_ring_span_set(&span, i, ENTRY(*next + i));
	cr_assert_eq(plx_ring_count(ring), count, "seen before the commit");
	commit = commit < got ? commit : got;
	if (multi)
		plx_ring_mp_commit(ring, commit);
	else
		plx_ring_sp_commit(ring, commit);
	*next += commit;
	cr_assert_eq(plx_ring_count(ring), count + commit, "%u, want %u", plx_ring_count(ring),
		     count + commit);
}

static void peek_and_advance(struct plx_ring *ring, bool multi, uint32_t n, uint32_t advance,
			     uint64_t *next)
{
	struct plx_ring_span span = {0};
	uint32_t count = plx_ring_count(ring), want = want_of(SINGLE_BURST, count, n), got;

	got = multi ? plx_ring_mc_peek(ring, n, &span) : plx_ring_sc_peek(ring, n, &span);
	cr_assert_eq(got, want, "peeked at %u, want %u", got, want);
	if (got == 0)
		return;
	for (uint32_t i = 0; i < got; i++)
		cr_assert_eq(plx_ring_span_get(&span, i), ENTRY(*next + i), "entry %u: %p, want %p",
			     i, plx_ring_span_get(&span, i), ENTRY(*next + i));
	cr_assert_eq(plx_ring_count(ring), count, "gone before the advance");
	advance = advance < got ? advance : got;
	if (multi)
		plx_ring_mc_advance(ring, advance);
	else
		plx_ring_sc_advance(ring, advance);
	*next += advance;
	cr_assert_eq(plx_ring_count(ring), count - advance, "%u, want %u", plx_ring_count(ring),
		     count - advance);
}

static void partial_spans(uint32_t at, bool multi)
{
	struct plx_ring *ring = ring_new("r", 8);
	uint64_t in = 0, out = 0;

	ring_start_at(ring, at);
	for (uint32_t reserve = 1; reserve <= 9; reserve++) {
		for (uint32_t commit = 0; commit <= reserve; commit++) {
			reserve_and_commit(ring, multi, reserve, commit, &in);
			peek_and_advance(ring, multi, reserve, 0, &out);
			peek_and_advance(ring, multi, commit + 1, commit, &out);
			reserve_and_commit(ring, multi, 3, 1, &in);
			peek_and_advance(ring, multi, 9, 9, &out);
			cr_assert_eq(in, out);
		}
	}
	free(ring);
}

Test(ring, partial_commits_and_advances)
{
	for (uint32_t at = 0; at < 16; at++) {
		partial_spans(at, false);
		partial_spans(at, true);
		partial_spans(0u - at, true);
	}
}

Test(ring, a_commit_of_nothing_leaves_no_trace)
{
	for (int multi = 0; multi <= 1; multi++) {
		struct plx_ring *ring = ring_new("r", 4);
		struct plx_ring_span span = {0};
		void *obj = NULL;

		for (int lap = 0; lap < 20; lap++) {
			if (multi) {
				cr_assert_eq(plx_ring_mp_reserve(ring, 4, &span), 4);
			} else {
				cr_assert_eq(plx_ring_sp_reserve(ring, 4, &span), 4);
			}
			for (uint32_t i = 0; i < 4; i++)
				plx_ring_span_set(&span, i, ENTRY(99));
			if (multi)
				plx_ring_mp_commit(ring, 0);
			else
				plx_ring_sp_commit(ring, 0);
			cr_assert(plx_ring_is_empty(ring));
			cr_assert_eq(plx_ring_sc_dequeue(ring, &obj), 0);
			cr_assert_eq(plx_ring_mp_enqueue(ring, ENTRY(lap)), 1);
			cr_assert_eq(plx_ring_mc_dequeue(ring, &obj), 1);
			cr_assert_eq(obj, ENTRY(lap), "%p, want %p", obj, ENTRY(lap));
		}
		free(ring);
	}
	assert_no_line();
}

Test(ring, nothing_to_commit_after_a_reserve_of_nothing)
{
	struct plx_ring *ring = ring_new("r", 2);
	struct plx_ring_span span = {0};
	void *obj;

	cr_assert_eq(plx_ring_mc_peek(ring, 2, &span), 0);
	cr_assert_eq(plx_ring_sc_peek(ring, 2, &span), 0);
	cr_assert_eq(plx_ring_mp_reserve(ring, 0, &span), 0);
	cr_assert_eq(plx_ring_mp_enqueue(ring, ENTRY(1)), 1, "the side is held");
	cr_assert_eq(plx_ring_mp_enqueue(ring, ENTRY(2)), 1);
	cr_assert_eq(plx_ring_mp_reserve(ring, 2, &span), 0);
	cr_assert_eq(plx_ring_sp_reserve(ring, 2, &span), 0);
	cr_assert_eq(plx_ring_mc_dequeue(ring, &obj), 1, "the side is held");
	cr_assert_eq(obj, ENTRY(1));
	cr_assert_eq(plx_ring_mp_enqueue(ring, ENTRY(3)), 1, "the side is held");
	assert_no_line();
	free(ring);
}

/* ---- State ---- */

/*
 * A producer was preempted when its entries were in the slots but head not yet published, and a
 * consumer has taken them: the ring is empty, not full.
 */
Test(ring, count_with_a_consumer_ahead_of_the_published_head)
{
	static const uint32_t at[] = {8, 0, 1u << 31, (1u << 31) + 2, 0u - 1};
	struct plx_ring *ring = ring_new("r", 4);

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(at); i++) {
		ring_start_at(ring, at[i]);
		ring->cons.tail = ring->tail = at[i] + 3;
		cr_assert_eq(plx_ring_count(ring), 0, "at %#x: %u", at[i], plx_ring_count(ring));
		cr_assert_eq(plx_ring_free_count(ring), 4);
		cr_assert(plx_ring_is_empty(ring));
		cr_assert_not(plx_ring_is_full(ring));
	}
	/* The reader was preempted between its two looks: entries that came and went meanwhile. */
	ring_start_at(ring, 100);
	ring->prod.head += 6;
	cr_assert_eq(plx_ring_count(ring), 4, "%u", plx_ring_count(ring));
	cr_assert_eq(plx_ring_free_count(ring), 0);
	free(ring);
}

Test(ring, dump_tells_indices_and_holders)
{
	struct plx_ring *ring = ring_new("cable", 8);
	struct plx_ring_span span = {0};
	char *text = NULL, want[256];
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	void *obj;

	for (int i = 0; i < 5; i++)
		cr_assert_eq(plx_ring_mp_enqueue(ring, ENTRY(i)), 1);
	cr_assert_eq(plx_ring_mc_dequeue(ring, &obj), 1);
	plx_ring_dump(ring, out);
	cr_assert_eq(plx_ring_mp_reserve(ring, 1, &span), 1);
	cr_assert_eq(plx_ring_mc_peek(ring, 1, &span), 1);
	plx_ring_dump(ring, out);
	fclose(out);
	snprintf(want, sizeof(want), "ring 'cable' at %p: size 8, count 4, free 4\n", (void *)ring);
	cr_assert_eq(strncmp(text, want, strlen(want)), 0, "%s", text);
	cr_assert(strstr(text, "producers: head 5, limit 8\n"), "%s", text);
	cr_assert(strstr(text, "consumers: tail 1\n"), "%s", text);
	cr_assert(strstr(text, "producers: held, limit 8\n"), "%s", text);
	cr_assert(strstr(text, "tail 1, held\n"), "%s", text);
	free(text);
	free(ring);
}
