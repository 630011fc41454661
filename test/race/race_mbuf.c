/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets with several users in threads of every kind: clones, references and external buffers are
 * handed around and freed by whoever has them last. Their bytes stay while they have users, and in
 * the end each mbuf came home once and each external buffer had its callback once.
 */
#include "pool_threads.h"

#include <pollux/mbuf.h>
#include <pollux/mbuf_data.h>

enum { NB_POOLS = 2, BYTES_MAX = 60, EXT_BYTES = 64, HELD_MAX = 4 };

static struct plx_mempool *pools[NB_POOLS];
static int64_t nb_external; /* buffers whose callback is to come */

struct external {
	struct plx_mbuf_ext ext;
	unsigned char bytes[EXT_BYTES];
	uint32_t freed;
};

static void on_free(void *addr, void *arg)
{
	struct external *external = arg;

	race_check(addr == external->bytes, "callback with %p, want %p", addr,
		   (void *)external->bytes);
	race_check(external->freed++ == 0, "a second callback for %p", arg);
	plx_fetch_add_relaxed(&nb_external, -1);
	free(external);
}

static bool use_external(struct plx_mbuf *m)
{
	struct external *external = calloc(1, sizeof(*external));

	if (!external)
		return false;
	plx_mbuf_ext_init(&external->ext, external->bytes, on_free, external);
	race_check(plx_mbuf_attach_ext(m, external->bytes, UINT64_MAX, EXT_BYTES, &external->ext) ==
			   0,
		   "attach_ext");
	plx_fetch_add_relaxed(&nb_external, 1);
	plx_mbuf_ext_release(&external->ext);
	return true;
}

/* Byte i of a segment is its first byte + i. */
static struct plx_mbuf *new_segment(struct pool_thread *self)
{
	struct plx_mbuf *m = plx_mbuf_alloc(pools[rng_below(&self->rng, NB_POOLS)]);
	unsigned char first = (unsigned char)rng_next(&self->rng), *data;
	uint16_t len = (uint16_t)rng_between(&self->rng, 1, BYTES_MAX);

	if (!m)
		return NULL;
	race_check(m->refcnt == 1 && !m->next && m->nb_segs == 1 && m->pkt_len == 0,
		   "%p was not home as it has to be", (void *)m);
	if (rng_below(&self->rng, 4) == 0)
		use_external(m);
	data = plx_mbuf_append(m, len);
	race_check(data != NULL, "%u bytes do not fit", len);
	for (uint16_t i = 0; data && i < len; i++)
		data[i] = (unsigned char)(first + i);
	return m;
}

static struct plx_mbuf *new_packet(struct pool_thread *self)
{
	struct plx_mbuf *m = new_segment(self);

	for (uint32_t more = rng_below(&self->rng, 3); m && more > 0; more--) {
		struct plx_mbuf *seg = new_segment(self);

		if (seg)
			race_check(plx_mbuf_chain(m, seg) == 0, "chain");
	}
	return m;
}

static void check_packet(const struct plx_mbuf *m)
{
	const char *reason = NULL;

	race_check(plx_mbuf_check(m, true, &reason) == 0, "%p: %s", (const void *)m, reason);
	for (; m && !race_is_over(); m = m->next) {
		const unsigned char *data = plx_mbuf_data(m);

		for (uint16_t i = 0; i < m->data_len; i++)
			race_check(data[i] == (unsigned char)(data[0] + i),
				   "%p: byte %u changed while it had users", (const void *)m, i);
	}
}

static void to_market(struct plx_mbuf *m)
{
	if (!plx_ring_mp_enqueue(market, m))
		plx_mbuf_free(m);
}

/* One more user each: by a clone, or for a packet of one segment by a reference. */
static void share(struct pool_thread *self, struct plx_mbuf *m)
{
	for (uint32_t users = rng_below(&self->rng, 4); users > 0; users--) {
		if (m->nb_segs == 1 && rng_below(&self->rng, 4) == 0) {
			plx_mbuf_refcnt_add(m, 1);
			to_market(m);
		} else {
			struct plx_mbuf *copy =
				plx_mbuf_clone(m, pools[rng_below(&self->rng, NB_POOLS)]);

			if (copy)
				to_market(copy);
		}
	}
}

static void work(struct pool_thread *self)
{
	for (uint64_t done = 0; done < self->nb_ops && !race_is_over(); done++) {
		struct plx_mbuf *pkts[HELD_MAX];
		uint32_t nb = 0;
		void *obj;

		while (nb < HELD_MAX && plx_ring_mc_dequeue(market, &obj))
			pkts[nb++] = obj;
		if (nb < HELD_MAX && (pkts[nb] = new_packet(self)) != NULL)
			nb++;
		for (uint32_t i = 0; i < nb; i++) {
			check_packet(pkts[i]);
			if (plx_ring_count(market) < MARKET_SLOTS / 2)
				share(self, pkts[i]);
			done += pkts[i]->nb_segs;
		}
		if (nb && rng_below(&self->rng, 2))
			to_market(pkts[--nb]);
		plx_mbuf_free_bulk(pkts, nb);
		if (nb == 0)
			sched_yield();
		pool_thread_turn(self);
	}
}

static void check_home(struct plx_mempool *pool, void *obj, uint32_t index, void *arg)
{
	const struct plx_mbuf *m = obj;

	(void)pool;
	(void)arg;
	race_check(m->refcnt == 1 && !m->next && m->nb_segs == 1 &&
			   !(m->flags & PLX_MBUF_F_ATTACHED) && plx_mbuf_check(m, false, NULL) == 0,
		   "mbuf %u is not as it has to be at home", index);
}

static void race(struct rng *rng, uint32_t nb_mbufs, uint32_t cache_size, uint64_t ops)
{
	struct plx_mbuf_pool_conf conf = {
		.name = "race-0",
		.nb_mbufs = nb_mbufs,
		.cache_size = cache_size,
		.data_room = 64,
		.node = -1,
	};
	void *obj;

	CHECK(plx_mbuf_pool_create(&conf, &pools[0]) == 0, "pool");
	conf.name = "race-1";
	CHECK(plx_mbuf_pool_create(&conf, &pools[1]) == 0, "pool");
	pool_threads_run(rng, work, ops);
	while (plx_ring_mc_dequeue(market, &obj))
		plx_mbuf_free(obj);
	for (unsigned i = 0; i < NB_POOLS; i++) {
		race_check(plx_mempool_in_use(pools[i]) == 0, "pool %u: %u of %u in use", i,
			   plx_mempool_in_use(pools[i]), nb_mbufs);
		race_check(plx_mempool_audit(pools[i]) == 0, "pool %u: audit", i);
		plx_mempool_walk(pools[i], check_home, NULL);
		plx_mbuf_pool_destroy(pools[i]);
	}
	race_check(nb_external == 0, "%lld external buffers without their callback",
		   (long long)nb_external);
	if (race_is_over())
		fprintf(stderr, "%u mbufs, cache %u\n", nb_mbufs, cache_size);
}

/*
 * Two lcores with a share each of every packet. Nothing goes back from the reader to the writer but
 * the reference count: when the writer was the last, it alone orders the reader's last look before
 * the writer's next packet in the same buffer.
 */
static struct plx_ring *one_way;
static uint64_t nb_shares;

static void wait_a_little(struct rng *rng)
{
	for (uint32_t i = rng_below(rng, 200); i > 0; i--)
		plx_pause();
}

static int read_and_free(void *arg)
{
	struct rng *rng = arg;
	unsigned tries = 0;

	for (uint64_t done = 0; done < nb_shares && !race_is_over();) {
		void *m;

		if (!plx_ring_sc_dequeue(one_way, &m)) {
			race_wait(tries++);
			continue;
		}
		tries = 0;
		check_packet(m);
		wait_a_little(rng);
		plx_mbuf_free(m);
		done++;
	}
	return 0;
}

static void write_and_free(struct rng *rng)
{
	unsigned tries = 0;

	for (uint64_t done = 0; done < nb_shares && !race_is_over();) {
		struct plx_mbuf *m = plx_mbuf_alloc(pools[0]);
		unsigned char *data = m ? plx_mbuf_append(m, BYTES_MAX) : NULL;

		if (!m) {
			race_wait(tries++);
			continue;
		}
		tries = 0;
		for (unsigned i = 0; i < BYTES_MAX; i++)
			data[i] = (unsigned char)(done + i);
		plx_mbuf_refcnt_add(m, 1);
		while (!plx_ring_sp_enqueue(one_way, m) && !race_is_over())
			race_wait(tries++);
		wait_a_little(rng);
		plx_mbuf_free(m);
		done++;
	}
}

static void race_for_the_last_share(struct rng *rng, uint64_t ops)
{
	const struct plx_mbuf_pool_conf conf = {
		.name = "shares", .nb_mbufs = 1000, .cache_size = 200, .data_room = 64, .node = -1};
	struct rng readers = {rng_next(rng)};

	nb_shares = ops;
	one_way = ring_on_heap("one-way", 256);
	CHECK(plx_mbuf_pool_create(&conf, &pools[0]) == 0, "pool");
	CHECK(plx_lcore_launch(1, read_and_free, &readers) == 0, "launch");
	write_and_free(rng);
	plx_lcore_wait(1, NULL);
	race_check(plx_mempool_in_use(pools[0]) == 0, "%u in use", plx_mempool_in_use(pools[0]));
	race_check(plx_mempool_audit(pools[0]) == 0, "audit");
	plx_mempool_walk(pools[0], check_home, NULL);
	plx_mbuf_pool_destroy(pools[0]);
	free(one_way);
}

int main(int argc, char **argv)
{
	static const struct {
		uint32_t nb_mbufs, cache_size;
	} races[] = {{2048, 64}, {500, 0}, {60, 5}};
	uint64_t ops = race_ops(argc, argv, 4000000, 100000000);
	struct rng rng = rng_start("race_mbuf");

	start_lcores(NB_LCORES);
	market = ring_on_heap("market", MARKET_SLOTS);
	race_for_the_last_share(&rng, ops / 16);
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(races) && !race_is_over(); i++)
		race(&rng, races[i].nb_mbufs, races[i].cache_size, ops / PLX_ARRAY_SIZE(races));
	free(market);
	plx_eal_fini();
	return race_end();
}
