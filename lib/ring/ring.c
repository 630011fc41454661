/* SPDX-License-Identifier: BSD-3-Clause */
/* The ring's life and dump, and one exported copy of each inline call. */
#include <errno.h>
#include <pollux/log.h>
#include <pollux/ring.h>
#include <string.h>

#if PLX_RING_LANES > 1
#include <emmintrin.h>
#endif

static struct plx_log_module log_ring = PLX_LOG_MODULE("ring");

_Static_assert(offsetof(struct plx_ring, prod) % (2 * PLX_CACHE_LINE) == 0, "pairs of lines");
_Static_assert(offsetof(struct plx_ring, cons) - offsetof(struct plx_ring, prod) ==
		       2 * PLX_CACHE_LINE,
	       "producer and consumer: a line each, a guard line between");
_Static_assert(offsetof(struct plx_ring, tail) - offsetof(struct plx_ring, cons) ==
		       2 * PLX_CACHE_LINE,
	       "the published tail: a line of its own");
_Static_assert(offsetof(struct plx_ring, slots) == sizeof(struct plx_ring), "slots follow");
_Static_assert(sizeof(void *) == sizeof(uint64_t), "a slot holds a pointer and its lap's mark");

/* ---- Life ---- */

static bool size_ok(uint32_t size)
{
	return plx_is_pow2(size) && size >= 2 && size <= PLX_RING_SIZE_MAX;
}

size_t plx_ring_bytes(uint32_t size)
{
	size_t bytes = sizeof(struct plx_ring) + (size_t)size * sizeof(uint64_t);

	return size_ok(size) ? plx_align_up(bytes, PLX_CACHE_LINE) : 0;
}

int plx_ring_init(struct plx_ring *ring, const char *name, uint32_t size)
{
	if (!ring || !name || !*name || (uintptr_t)ring % PLX_CACHE_LINE) {
		plx_log(&log_ring, PLX_LOG_ERR,
			"a ring wants a name, and memory that is aligned to %d bytes",
			PLX_CACHE_LINE);
		return -EINVAL;
	}
	if (strlen(name) >= PLX_RING_NAME_MAX) {
		plx_log(&log_ring, PLX_LOG_ERR, "ring '%s': the name is over %d bytes", name,
			PLX_RING_NAME_MAX - 1);
		return -ENAMETOOLONG;
	}
	if (!size_ok(size)) {
		plx_log(&log_ring, PLX_LOG_ERR,
			"ring '%s': %u slots; want a power of two from 2 to %u", name, size,
			(unsigned)PLX_RING_SIZE_MAX);
		return -EINVAL;
	}
	memset(ring, 0, sizeof(*ring));
	strcpy(ring->name, name);
	ring->size = size;
	ring->mask = size - 1;
	plx_ring_reset(ring);
	return 0;
}

void plx_ring_reset(struct plx_ring *ring)
{
	memset(&ring->prod, 0, sizeof(ring->prod));
	memset(&ring->cons, 0, sizeof(ring->cons));
	ring->prod.limit = ring->size;
	ring->tail = 0;
	memset(ring->slots, 0, (size_t)ring->size * sizeof(ring->slots[0]));
}

/* ---- The other halves of the data path ---- */

uint64_t plx_ring_hold_slow_(uint64_t *side)
{
	uint64_t index = PLX_RING_HELD;

	for (unsigned i = 0; i < PLX_RING_RETRIES && index == PLX_RING_HELD; i++) {
		plx_pause();
		if (plx_load_relaxed(side) != PLX_RING_HELD)
			index = plx_exchange_acquire(side, PLX_RING_HELD);
	}
	return index;
}

uint32_t plx_ring_count_slow_(const struct plx_ring *ring, uint32_t tail)
{
	uint32_t filled = 0, open = ring->size + 1;

	/* Entries [0, filled) are there, from `open` on none is. */
	while (open - filled > 1) {
		uint32_t middle = filled + (open - filled) / 2;

		if (plx_ring_filled_(ring, tail + middle - 1))
			filled = middle;
		else
			open = middle;
	}
	return filled;
}

uint32_t plx_ring_enqueue_rest_(struct plx_ring *ring, void *const *objs, uint32_t n, bool burst,
				uint32_t head)
{
	uint32_t to_end = ring->size - (head & ring->mask);
	uint32_t room = plx_ring_room_(ring, head, n);

	if (room < n)
		n = burst ? room : 0;
	to_end = plx_min_u32(to_end, n);
	plx_ring_fill_(&ring->slots[head & ring->mask], objs, to_end,
		       plx_ring_mark_(head, ring->size));
	plx_ring_fill_(&ring->slots[0], objs + to_end, n - to_end,
		       plx_ring_mark_(head + to_end, ring->size));
	plx_ring_let_go_(&ring->prod.head, head + n);
	return n;
}

uint32_t plx_ring_ready_(const struct plx_ring *ring, uint32_t tail, uint32_t n)
{
	uint32_t ready = 0;

	n = plx_min_u32(n, ring->size);
	if (n > 0 && plx_ring_filled_(ring, tail + n - 1))
		return n;
	while (ready < n && plx_ring_filled_(ring, tail + ready))
		ready++;
	return ready;
}

/*
 * Copy eight entries, filled or not; returns how many of them are. The marks come as bits of a
 * word, so that there is no branch an entry.
 */
static uint32_t empty_eight(const uint64_t *slots, void **objs, uint64_t mark)
{
	uint32_t filled = 0;
#if PLX_RING_LANES > 1
	const __m128i marks = _mm_set1_epi64x((int64_t)mark);
	const __m128i bits = _mm_set1_epi64x(INT64_MAX);
	unsigned open = 1 << 8; /* bit i: entry i is not filled; one past the last */

	for (int i = 0; i < 4; i++) {
		__m128i pair = _mm_loadu_si128((const __m128i *)slots + i);
		__m128i differ = _mm_xor_si128(pair, marks);

		_mm_storeu_si128((__m128i *)objs + i, _mm_and_si128(pair, bits));
		open |= (unsigned)_mm_movemask_pd(_mm_castsi128_pd(differ)) << 2 * i;
	}
	/* Acquire: pairs with the release in plx_ring_fill_(). */
	__asm__ volatile("" ::: "memory");
	if (open != 1 << 8)
		return (uint32_t)__builtin_ctz(open);
	filled = 8;
#else
	for (; filled < 8; filled++) {
		uint64_t slot = plx_load_acquire(&slots[filled]);

		if ((slot & PLX_RING_MARK) != mark)
			break;
		objs[filled] = (void *)(uintptr_t)(slot & ~PLX_RING_MARK);
	}
#endif
	return filled;
}

/*
 * Copy until the first slot that is not filled. Each eight is asked by its first slot: what
 * branches can tell, the next call need not wait for.
 */
uint32_t plx_ring_dequeue_some_(struct plx_ring *ring, void **objs, uint32_t n, uint32_t tail)
{
	uint32_t size = ring->size, at = tail & ring->mask, got = 0;

	n = plx_min_u32(n, size);
	while (got < n && plx_ring_filled_(ring, tail + got)) {
		uint32_t left = plx_min_u32(n - got, size - at);

		if (left >= 8) {
			uint32_t filled = empty_eight(&ring->slots[at], objs + got,
						      plx_ring_mark_(tail + got, size));

			got += filled;
			if (filled < 8)
				break;
			at = (at + 8) & ring->mask;
		} else {
			objs[got++] = (void *)(uintptr_t)(ring->slots[at] & ~PLX_RING_MARK);
			at = (at + 1) & ring->mask;
		}
	}
	if (got == 0)
		plx_ring_let_go_(&ring->cons.tail, tail);
	else
		plx_ring_retire_(ring, tail + got);
	return got;
}

uint32_t plx_ring_dequeue_rest_(struct plx_ring *ring, void **objs, uint32_t n, uint32_t tail)
{
	uint32_t to_end = ring->size - (tail & ring->mask);

	if (n > ring->size || !plx_ring_filled_(ring, tail + n - 1)) {
		plx_ring_let_go_(&ring->cons.tail, tail);
		return 0;
	}
	to_end = plx_min_u32(to_end, n);
	plx_ring_empty_(objs, &ring->slots[tail & ring->mask], to_end);
	plx_ring_empty_(objs + to_end, &ring->slots[0], n - to_end);
	plx_ring_retire_(ring, tail + n);
	return n;
}

void plx_ring_dump(const struct plx_ring *ring, FILE *out)
{
	uint64_t head = plx_load_relaxed(&ring->prod.head);
	uint64_t tail = plx_load_relaxed(&ring->cons.tail);

	fprintf(out, "ring '%s' at %p: size %u, count %u, free %u\n", ring->name,
		(const void *)ring, ring->size, plx_ring_count(ring), plx_ring_free_count(ring));
	if (head == PLX_RING_HELD)
		fprintf(out, "  producers: held, limit %u\n", plx_load_relaxed(&ring->prod.limit));
	else
		fprintf(out, "  producers: head %u, limit %u\n", (uint32_t)head,
			plx_load_relaxed(&ring->prod.limit));
	fprintf(out, "  consumers: tail %u%s\n", plx_load_relaxed(&ring->tail),
		tail == PLX_RING_HELD ? ", held" : "");
}

void plx_ring_complain_(const struct plx_ring *ring, const char *what)
{
	plx_log_limited(&log_ring, PLX_LOG_ERR, "ring '%s': %s", ring ? ring->name : "?", what);
}

extern inline uint32_t plx_ring_size(const struct plx_ring *ring);
extern inline uint32_t plx_ring_count(const struct plx_ring *ring);
extern inline uint32_t plx_ring_free_count(const struct plx_ring *ring);
extern inline bool plx_ring_is_empty(const struct plx_ring *ring);
extern inline bool plx_ring_is_full(const struct plx_ring *ring);
extern inline uint64_t plx_ring_mark_(uint32_t index, uint32_t size);
extern inline uint64_t plx_ring_hold_(struct plx_ring *ring, uint64_t *side, bool multi);
extern inline void plx_ring_let_go_(uint64_t *side, uint32_t index);
extern inline uint32_t plx_ring_room_(struct plx_ring *ring, uint32_t head, uint32_t n);
extern inline uint64_t plx_ring_guess_(const uint64_t *side, bool multi);
extern inline uint32_t plx_ring_claim_(const struct plx_ring *ring, uint32_t *nb, uint32_t n);
#if PLX_RING_LANES > 1
extern inline void plx_ring_fill_eight_(uint64_t *slots, void *const *objs, uint64_t mark);
extern inline void plx_ring_empty_eight_(void **objs, const uint64_t *slots);
#endif
extern inline void plx_ring_fill_(uint64_t *slots, void *const *objs, uint32_t n, uint64_t mark);
extern inline void plx_ring_empty_(void **objs, const uint64_t *slots, uint32_t n);
extern inline bool plx_ring_filled_(const struct plx_ring *ring, uint32_t index);
extern inline void plx_ring_retire_(struct plx_ring *ring, uint32_t tail);
extern inline bool plx_ring_objs_ok_(const struct plx_ring *ring, void *const *objs, uint32_t n);
extern inline uint32_t plx_ring_enqueue_(struct plx_ring *ring, void *const *objs, uint32_t n,
					 bool burst, bool multi);
extern inline uint32_t plx_ring_dequeue_(struct plx_ring *ring, void **objs, uint32_t n, bool burst,
					 bool multi);
extern inline uint32_t plx_ring_reserve_(struct plx_ring *ring, uint32_t n,
					 struct plx_ring_span *span, bool multi);
extern inline void plx_ring_commit_(struct plx_ring *ring, uint32_t n);
extern inline uint32_t plx_ring_peek_(struct plx_ring *ring, uint32_t n, struct plx_ring_span *span,
				      bool multi);
extern inline void plx_ring_advance_(struct plx_ring *ring, uint32_t n);

extern inline uint32_t plx_ring_sp_room(struct plx_ring *ring, uint32_t n);
extern inline uint32_t plx_ring_sp_enqueue_bulk(struct plx_ring *ring, void *const *objs,
						uint32_t n);
extern inline uint32_t plx_ring_sp_enqueue_burst(struct plx_ring *ring, void *const *objs,
						 uint32_t n);
extern inline uint32_t plx_ring_sp_enqueue(struct plx_ring *ring, void *obj);
extern inline uint32_t plx_ring_mp_enqueue_bulk(struct plx_ring *ring, void *const *objs,
						uint32_t n);
extern inline uint32_t plx_ring_mp_enqueue_burst(struct plx_ring *ring, void *const *objs,
						 uint32_t n);
extern inline uint32_t plx_ring_mp_enqueue(struct plx_ring *ring, void *obj);
extern inline uint32_t plx_ring_sc_dequeue_bulk(struct plx_ring *ring, void **objs, uint32_t n);
extern inline uint32_t plx_ring_sc_dequeue_burst(struct plx_ring *ring, void **objs, uint32_t n);
extern inline uint32_t plx_ring_sc_dequeue(struct plx_ring *ring, void **obj);
extern inline uint32_t plx_ring_mc_dequeue_bulk(struct plx_ring *ring, void **objs, uint32_t n);
extern inline uint32_t plx_ring_mc_dequeue_burst(struct plx_ring *ring, void **objs, uint32_t n);
extern inline uint32_t plx_ring_mc_dequeue(struct plx_ring *ring, void **obj);
extern inline void *plx_ring_span_get(const struct plx_ring_span *span, uint32_t i);
extern inline void plx_ring_span_set(const struct plx_ring_span *span, uint32_t i, void *obj);
extern inline uint32_t plx_ring_sp_reserve(struct plx_ring *ring, uint32_t n,
					   struct plx_ring_span *span);
extern inline uint32_t plx_ring_mp_reserve(struct plx_ring *ring, uint32_t n,
					   struct plx_ring_span *span);
extern inline void plx_ring_sp_commit(struct plx_ring *ring, uint32_t n);
extern inline void plx_ring_mp_commit(struct plx_ring *ring, uint32_t n);
extern inline uint32_t plx_ring_sc_peek(struct plx_ring *ring, uint32_t n,
					struct plx_ring_span *span);
extern inline uint32_t plx_ring_mc_peek(struct plx_ring *ring, uint32_t n,
					struct plx_ring_span *span);
extern inline void plx_ring_sc_advance(struct plx_ring *ring, uint32_t n);
extern inline void plx_ring_mc_advance(struct plx_ring *ring, uint32_t n);
