/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets against plain vectors of bytes: random calls on some packets that share buffers, from
 * pools that run short. After each call all packets are well formed; who may write does, so a
 * buffer that is shared without saying so shows up in another packet's bytes.
 */
#include "mbuf_env.h"
#include "seed.h"

#include <inttypes.h>

enum { PACKETS = 12, BYTES_MAX = 40000, EXT_MAX = 3000, POOLS = 3 };

struct packet {
	struct plx_mbuf *m; /* NULL: this place is free */
	uint32_t len;
	unsigned char bytes[BYTES_MAX];
};

static struct packet packets[PACKETS];
static struct plx_mempool *pools[POOLS];
static struct rng rng;
static uint64_t seed, nb_steps;
static long nb_external;

#define model_assert(cond, fmt, ...)                                                               \
	cr_assert((cond), "PLX_TEST_SEED=%" PRIu64 " step %" PRIu64 ": " fmt, seed, nb_steps,      \
		  __VA_ARGS__)

static struct plx_mempool *any_pool(void)
{
	return pools[rng_below(&rng, POOLS)];
}

/* Does the packet hold the vector's bytes? */
static void compare(const struct packet *p)
{
	const char *reason = NULL;
	uint32_t at = 0;

	model_assert(plx_mbuf_check(p->m, true, &reason) == 0, "%s", reason);
	model_assert(p->m->pkt_len == p->len, "%u bytes, want %u", p->m->pkt_len, p->len);
	for (const struct plx_mbuf *seg = p->m; seg; seg = seg->next) {
		model_assert(memcmp(plx_mbuf_data(seg), p->bytes + at, seg->data_len) == 0,
			     "packet %d: segment with bytes [%u, +%u)", (int)(p - packets), at,
			     seg->data_len);
		at += seg->data_len;
	}
}

static void random_bytes(unsigned char *to, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		to[i] = (unsigned char)rng_next(&rng);
}

static void do_alloc(struct packet *p)
{
	p->m = plx_mbuf_alloc(any_pool());
	p->len = 0;
}

struct external {
	struct plx_mbuf_ext ext;
	unsigned char buffer[EXT_MAX];
};

static void on_free(void *addr, void *arg)
{
	struct external *external = arg;

	model_assert(addr == external->buffer, "callback with %p", addr);
	nb_external--;
	free(external);
}

static void do_attach_ext(struct packet *p)
{
	uint16_t len = (uint16_t)rng_below(&rng, EXT_MAX + 1);
	struct external *external;
	void *data;

	do_alloc(p);
	if (!p->m)
		return;
	external = malloc(sizeof(*external));
	model_assert(external != NULL, "%s", "no memory");
	plx_mbuf_ext_init(&external->ext, external->buffer, on_free, external);
	model_assert(
		plx_mbuf_attach_ext(p->m, external->buffer, PLX_IOVA_BAD, len, &external->ext) == 0,
		"%s", "attach_ext");
	nb_external++;
	plx_mbuf_ext_release(&external->ext);
	data = plx_mbuf_append(p->m, len);
	model_assert(data == external->buffer, "append gave %p", data);
	random_bytes(p->bytes, len);
	memcpy(data, p->bytes, len);
	p->len = len;
}

static void do_free(struct packet *p)
{
	plx_mbuf_free(p->m);
	p->m = NULL;
}

static void do_append(struct packet *p)
{
	uint16_t len = (uint16_t)rng_below(&rng, rng_below(&rng, 2) ? 100 : 3000);
	struct plx_mbuf *last = plx_mbuf_last(p->m);
	uint16_t room = plx_mbuf_tailroom(last);
	void *data;

	if (p->len + len > BYTES_MAX || plx_mbuf_is_shared(last))
		return;
	data = plx_mbuf_append(p->m, len);
	model_assert((data != NULL) == (len <= room), "append %u of %u: %p", len, room, data);
	if (!data)
		return;
	random_bytes(p->bytes + p->len, len);
	memcpy(data, p->bytes + p->len, len);
	p->len += len;
}

static void do_prepend(struct packet *p)
{
	uint16_t len = (uint16_t)rng_below(&rng, 150), room = plx_mbuf_headroom(p->m);
	void *data;

	if (p->len + len > BYTES_MAX || plx_mbuf_is_shared(p->m))
		return;
	data = plx_mbuf_prepend(p->m, len);
	model_assert((data != NULL) == (len <= room), "prepend %u of %u: %p", len, room, data);
	if (!data)
		return;
	memmove(p->bytes + len, p->bytes, p->len);
	random_bytes(p->bytes, len);
	memcpy(data, p->bytes, len);
	p->len += len;
}

static void do_adj(struct packet *p)
{
	uint16_t len = (uint16_t)rng_below(&rng, 200), first = p->m->data_len;
	void *data = plx_mbuf_adj(p->m, len);

	model_assert((data != NULL) == (len <= first), "adj %u of %u: %p", len, first, data);
	if (!data)
		return;
	p->len -= len;
	memmove(p->bytes, p->bytes + len, p->len);
}

static void do_trim(struct packet *p)
{
	uint16_t len = (uint16_t)rng_below(&rng, 200), last = plx_mbuf_last(p->m)->data_len;
	int ret = plx_mbuf_trim(p->m, len);

	model_assert(ret == (len <= last ? 0 : -EINVAL), "trim %u of %u: %d", len, last, ret);
	if (ret == 0)
		p->len -= len;
}

static void do_chain(struct packet *p, struct packet *other)
{
	unsigned segs = p->m->nb_segs + other->m->nb_segs;
	int ret;

	if (p->len + other->len > BYTES_MAX)
		return;
	ret = plx_mbuf_chain(p->m, other->m);
	model_assert(ret == (segs <= PLX_MBUF_SEGS_MAX ? 0 : -EOVERFLOW), "%u segments: %d", segs,
		     ret);
	if (ret)
		return;
	memcpy(p->bytes + p->len, other->bytes, other->len);
	p->len += other->len;
	other->m = NULL;
}

static void do_clone(const struct packet *p, struct packet *to)
{
	struct plx_mempool *pool = any_pool();
	uint32_t before = plx_mempool_in_use(pool);

	to->m = plx_mbuf_clone(p->m, pool);
	model_assert(to->m || plx_mempool_in_use(pool) == before, "a failed clone kept %u",
		     plx_mempool_in_use(pool) - before);
	if (!to->m)
		return;
	memcpy(to->bytes, p->bytes, p->len);
	to->len = p->len;
}

static void do_copy(const struct packet *p, struct packet *to)
{
	uint32_t off = rng_below(&rng, p->len + 2), len = rng_below(&rng, p->len + 2);
	struct plx_mempool *pool = any_pool();
	uint32_t before = plx_mempool_in_use(pool);

	if (rng_below(&rng, 3) == 0)
		len = UINT32_MAX;
	to->m = plx_mbuf_copy(p->m, pool, off, len);
	model_assert(to->m || plx_mempool_in_use(pool) == before, "a failed copy kept %u",
		     plx_mempool_in_use(pool) - before);
	model_assert(!to->m || off <= p->len, "copy from %u of %u", off, p->len);
	if (!to->m)
		return;
	to->len = plx_min_u32(len, p->len - off);
	memcpy(to->bytes, p->bytes + off, to->len);
}

static void do_linearize(struct packet *p)
{
	int want = 0, ret;

	if (p->m->next && plx_mbuf_is_shared(p->m))
		want = -EBUSY;
	else if (p->m->next && p->len - p->m->data_len > plx_mbuf_tailroom(p->m))
		want = -ENOSPC;
	ret = plx_mbuf_linearize(p->m);
	model_assert(ret == want, "linearize: %d, want %d", ret, want);
	model_assert(ret || plx_mbuf_is_contiguous(p->m), "%u segments", p->m->nb_segs);
}

static void do_read(struct packet *p)
{
	static unsigned char buf[BYTES_MAX];
	uint32_t off = rng_below(&rng, p->len + 2), len = rng_below(&rng, p->len + 2);
	const void *got = plx_mbuf_read(p->m, off, len, buf);

	model_assert((got != NULL) == (off + len <= p->len), "read [%u, +%u) of %u: %p", off, len,
		     p->len, got);
	model_assert(!got || memcmp(got, p->bytes + off, len) == 0, "read [%u, +%u)", off, len);
}

/* Write into each segment that says it may be. */
static void do_write(struct packet *p)
{
	uint32_t at = 0;

	for (struct plx_mbuf *seg = p->m; seg; at += seg->data_len, seg = seg->next) {
		if (plx_mbuf_is_shared(seg) || seg->data_len == 0)
			continue;
		random_bytes(p->bytes + at, seg->data_len);
		memcpy(plx_mbuf_data(seg), p->bytes + at, seg->data_len);
	}
}

static void do_detach(struct packet *p)
{
	bool attached = (p->m->flags & PLX_MBUF_F_ATTACHED) != 0;
	int ret;

	if (p->m->next)
		return;
	ret = plx_mbuf_detach(p->m);
	model_assert(ret == (attached ? 0 : -EINVAL), "detach: %d", ret);
	if (ret == 0)
		p->len = 0;
}

static struct packet *any(bool used)
{
	uint32_t start = rng_below(&rng, PACKETS);

	for (uint32_t i = 0; i < PACKETS; i++) {
		struct packet *p = &packets[(start + i) % PACKETS];

		if ((p->m != NULL) == used)
			return p;
	}
	return NULL;
}

static void on_one(struct packet *p)
{
	static void (*const calls[])(struct packet *) = {
		do_free, do_append,    do_append, do_append, do_prepend, do_adj,
		do_trim, do_linearize, do_read,	  do_write,  do_write,	 do_detach,
	};

	calls[rng_below(&rng, PLX_ARRAY_SIZE(calls))](p);
}

static void one_step(void)
{
	struct packet *p = any(true), *other = any(true), *empty = any(false);
	uint32_t what = rng_below(&rng, 20);

	if (empty && (!p || what < 2))
		do_alloc(empty);
	else if (empty && what < 3)
		do_attach_ext(empty);
	else if (empty && what < 5)
		do_clone(p, empty);
	else if (empty && what < 6)
		do_copy(p, empty);
	else if (what < 8 && p && other != p)
		do_chain(p, other);
	else if (p)
		on_one(p);
	for (int i = 0; i < PACKETS; i++)
		if (packets[i].m)
			compare(&packets[i]);
	nb_steps++;
}

static void free_all(void)
{
	struct plx_mbuf *pkts[PACKETS];

	for (uint32_t i = 0; i < PACKETS; i++)
		pkts[i] = packets[i].m;
	plx_mbuf_free_bulk(pkts, PACKETS);
	for (uint32_t i = 0; i < PACKETS; i++)
		packets[i].m = NULL;
	for (int i = 0; i < POOLS; i++)
		assert_all_home(pools[i]);
	model_assert(nb_external == 0, "%ld external buffers without their callback", nb_external);
}

Test(mbuf_model, random_calls_against_vectors_of_bytes, .init = start_pools, .fini = end_pools,
     .timeout = 300)
{
	unsigned nb_rounds = test_is_long() ? 10000 : 250;

	rng = rng_start("mbuf_model");
	seed = rng.state;
	pools[0] = packets_new("small", 120, 64, 0);
	pools[1] = packets_new("usual", 40, 0, 24);
	pools[2] = packets_new("large", 12, 20000, 0);
	for (unsigned round = 0; round < nb_rounds; round++) {
		for (int i = 0; i < 400; i++)
			one_step();
		free_all();
	}
	assert_no_line();
}
