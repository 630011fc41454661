/* SPDX-License-Identifier: BSD-3-Clause */
/* Packet pools and their ids, alloc, reset, free, bulks. */
#include "mbuf_env.h"

TestSuite(mbuf, .init = start_pools, .fini = end_pools);

/* ---- Layout: what drivers and other languages build on ---- */

Test(mbuf, one_cache_line)
{
	cr_assert_eq(sizeof(struct plx_mbuf), 64, "%zu", sizeof(struct plx_mbuf));
	cr_assert_eq(_Alignof(struct plx_mbuf), 64, "%zu", _Alignof(struct plx_mbuf));
	cr_assert_eq(offsetof(struct plx_mbuf, buf_addr), 0);
	cr_assert_eq(offsetof(struct plx_mbuf, home_word), 32);
	cr_assert_eq(offsetof(struct plx_mbuf, flags) + 4, 48, "what a burst reads: 16 bytes");
	cr_assert_eq(offsetof(struct plx_mbuf, vlan_tci) + 2 - offsetof(struct plx_mbuf, data_off),
		     16, "what reset writes beside offload");
	cr_assert_eq(offsetof(struct plx_mbuf, refcnt), offsetof(struct plx_mbuf, home_word));
	cr_assert_eq(sizeof(((struct plx_mbuf *)NULL)->rx), 8);
	cr_assert_eq(sizeof(((struct plx_mbuf *)NULL)->tx), 8);
}

Test(mbuf, offload_lengths_do_not_touch_each_other)
{
	struct plx_mbuf m = {.offload = 0};

	m.tx.l2_len = 127;
	m.tx.l4_len = 255;
	cr_assert_eq(m.tx.l3_len, 0);
	m.tx.l3_len = 511;
	m.tx.tso_segsz = 65535;
	cr_assert_eq(m.tx.unused, 0);
	cr_assert_eq(m.tx.l2_len, 127);
	cr_assert_eq(m.tx.l4_len, 255);
	cr_assert_eq(m.offload, (UINT64_C(1) << 40) - 1, "%#llx", (unsigned long long)m.offload);
}

/* ---- Pools ---- */

static const struct {
	struct plx_mbuf_pool_conf conf;
	int ret;
	const char *module;
	const char *words[4];
} refusals[] = {
	{{.nb_mbufs = 1}, -EINVAL, "mempool", {"name"}},
	{{.name = "", .nb_mbufs = 1}, -EINVAL, "mempool", {"name"}},
	{{.name = "123456789012345678901234", .nb_mbufs = 1},
	 -ENAMETOOLONG,
	 "mempool",
	 {"'123456789012345678901234'"}},
	{{.name = "p"}, -EINVAL, "mempool", {"'p'", "0 objects"}},
	{{.name = "p", .nb_mbufs = 9, .cache_size = 10},
	 -EINVAL,
	 "mempool",
	 {"'p'", "10", "0 to 9"}},
	{{.name = "p", .nb_mbufs = 1, .data_room = 63},
	 -EINVAL,
	 "mbuf",
	 {"'p'", "63 bytes", "64 to 65280"}},
	{{.name = "p", .nb_mbufs = 1, .data_room = 65281},
	 -EINVAL,
	 "mbuf",
	 {"'p'", "65281 bytes", "64 to 65280"}},
	{{.name = "p", .nb_mbufs = 1, .priv_bytes = 1025},
	 -EINVAL,
	 "mbuf",
	 {"'p'", "1025 bytes", "0 to 1024"}},
	{{.name = "p", .nb_mbufs = 1, .node = PLX_NODE_MAX}, -EINVAL, "eal", {"node"}},
};

Test(mbuf, each_wrong_field_is_named_in_one_line)
{
	struct plx_mem_stats before = mem_stats();

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(refusals); i++) {
		struct plx_mempool *pool = NULL;
		int ret;

		log_lines_start();
		ret = plx_mbuf_pool_create(&refusals[i].conf, &pool);
		cr_assert_eq(ret, refusals[i].ret, "case %u: %d, want %d", i, ret, refusals[i].ret);
		cr_assert_null(pool);
		assert_one_line(refusals[i].module, PLX_LOG_ERR, refusals[i].words[0],
				refusals[i].words[1], refusals[i].words[2]);
	}
	assert_no_leak(before);
}

Test(mbuf, a_name_that_is_taken)
{
	struct plx_mbuf_pool_conf conf = {.name = "p", .nb_mbufs = 1, .node = PLX_NODE_ANY};
	struct plx_mempool *pool = packets_new("p", 1, 0, 0), *other = NULL;
	int ret = plx_mbuf_pool_create(&conf, &other);

	cr_assert_eq(ret, -EEXIST, "%d", ret);
	cr_assert_null(other);
	plx_mbuf_pool_destroy(pool);
	cr_assert_eq(plx_mbuf_pool_create(&conf, &other), 0);
}

Test(mbuf, without_an_eal_nothing_is_made)
{
	struct plx_mbuf_pool_conf conf = {.name = "p", .nb_mbufs = 1};
	struct plx_mempool *pool = NULL;
	int ret;

	plx_eal_fini();
	log_lines_start();
	ret = plx_mbuf_pool_create(&conf, &pool);
	cr_assert_eq(ret, -ENODEV, "%d", ret);
	assert_one_line("mempool", PLX_LOG_ERR, "'p'", "EAL");
}

static void one_shape(uint32_t nb, uint32_t data_room, uint32_t priv_bytes)
{
	struct plx_mempool *pool = packets_new("shape", nb, data_room, priv_bytes);
	uint32_t room = data_room ? data_room : PLX_MBUF_DATA_ROOM;
	struct plx_mbuf *m;

	cr_assert_eq(plx_mbuf_pool_data_room(pool), room, "%u", plx_mbuf_pool_data_room(pool));
	assert_all_home(pool);
	m = plx_mbuf_alloc(pool);
	cr_assert_not_null(m);
	cr_assert_geq(m->priv_bytes, priv_bytes, "%u", m->priv_bytes);
	cr_assert_eq(plx_mbuf_priv(m), m + 1);
	cr_assert_eq(plx_mbuf_tailroom(m), room, "%u", plx_mbuf_tailroom(m));
	/* All of it is the mbuf's own. */
	memset(plx_mbuf_priv(m), 0xff, priv_bytes);
	cr_assert_not_null(plx_mbuf_prepend(m, PLX_MBUF_HEADROOM));
	cr_assert_not_null(plx_mbuf_append(m, (uint16_t)room));
	memset(plx_mbuf_data(m), 0xff, m->data_len);
	assert_good(m);
	plx_mbuf_free(m);
	assert_all_home(pool);
	assert_no_line();
	plx_mbuf_pool_destroy(pool);
}

Test(mbuf, shapes_of_pools)
{
	struct plx_mem_stats before = mem_stats();

	one_shape(1, 0, 0);
	one_shape(2, 64, 0);
	one_shape(3, 64, 1);
	one_shape(100, 65, 7);
	one_shape(100, 2048, 1024);
	one_shape(33, 65280, 1024);
	assert_no_leak(before);
}

Test(mbuf, the_private_area_stays)
{
	struct plx_mempool *pool = packets_new("p", 1, 0, 100);
	struct plx_mbuf *m = plx_mbuf_alloc(pool);

	cr_assert_not_null(m);
	memset(plx_mbuf_priv(m), 0x5a, 100);
	plx_mbuf_free(m);
	m = plx_mbuf_alloc(pool);
	cr_assert_not_null(m);
	for (int i = 0; i < 100; i++)
		cr_assert_eq(((unsigned char *)plx_mbuf_priv(m))[i], 0x5a, "byte %d", i);
	plx_mbuf_reset_full(m);
	cr_assert_eq(((unsigned char *)plx_mbuf_priv(m))[0], 0x5a);
}

Test(mbuf, memory_that_runs_out_at_each_step_is_undone)
{
	const struct plx_mbuf_pool_conf conf = {
		.name = "starved", .nb_mbufs = 1000, .data_room = 64, .node = PLX_NODE_ANY};
	struct plx_mempool *pool = NULL;
	unsigned nb_refused = 0;
	int ret;

	watch_growth();
	for (size_t bytes = 1024; !pool; bytes += 4096) {
		struct plx_mem_stats before;

		refuse_nth_growth(0);
		leave_memory(bytes);
		before = mem_stats();
		refuse_nth_growth(1);
		ret = plx_mbuf_pool_create(&conf, &pool);
		if (ret == 0)
			continue;
		nb_refused++;
		cr_assert_eq(ret, -ENOMEM, "%zu bytes: %d", bytes, ret);
		assert_no_leak(before);
	}
	cr_assert_gt(nb_refused, 20, "only %u refusals", nb_refused);
	refuse_nth_growth(0);
	log_lines_start();
	assert_all_home(pool);
}

/* ---- Ids ---- */

static struct plx_mempool *numbered(unsigned i, int *ret)
{
	struct plx_mbuf_pool_conf conf = {.nb_mbufs = 1, .data_room = 64, .node = PLX_NODE_ANY};
	struct plx_mempool *pool = NULL;
	char name[16];

	snprintf(name, sizeof(name), "p%u", i);
	conf.name = name;
	*ret = plx_mbuf_pool_create(&conf, &pool);
	return pool;
}

static uint8_t id_of(struct plx_mempool *pool)
{
	return ((struct plx_mbuf *)plx_mempool_obj(pool, 0))->pool_id;
}

Test(mbuf, at_most_256_pools_and_ids_are_used_again)
{
	static struct plx_mempool *pools[PLX_MBUF_POOLS_MAX];
	bool seen[PLX_MBUF_POOLS_MAX] = {false};
	struct plx_mem_stats full;
	struct plx_mempool *plain = pool_new("plain", 1, 1, 0);
	uint8_t freed_id;
	int ret;

	for (unsigned i = 0; i < PLX_MBUF_POOLS_MAX; i++) {
		pools[i] = numbered(i, &ret);
		cr_assert_eq(ret, 0, "pool %u: %d", i, ret);
		cr_assert_not(seen[id_of(pools[i])], "id %u twice", id_of(pools[i]));
		seen[id_of(pools[i])] = true;
	}
	full = mem_stats();
	cr_assert_null(numbered(999, &ret));
	cr_assert_eq(ret, -ENOSPC, "%d", ret);
	assert_one_line("mbuf", PLX_LOG_ERR, "'p999'", "256");
	assert_no_leak(full);
	freed_id = id_of(pools[77]);
	plx_mbuf_pool_destroy(pools[77]);
	cr_assert_null(plx_mbuf_pools[freed_id]);
	pools[77] = numbered(999, &ret);
	cr_assert_eq(ret, 0, "%d", ret);
	cr_assert_eq(id_of(pools[77]), freed_id, "%u, want %u", id_of(pools[77]), freed_id);
	for (unsigned i = 0; i < PLX_MBUF_POOLS_MAX; i++) {
		struct plx_mbuf *m = plx_mbuf_alloc(pools[i]);

		cr_assert_eq(plx_mbuf_pool(m), pools[i]);
		plx_mbuf_free(m);
		assert_all_home(pools[i]);
		plx_mbuf_pool_destroy(pools[i]);
	}
	plx_mempool_destroy(plain);
}

/* The pools of an EAL that ended without them being destroyed leave no ids behind. */
Test(mbuf, ids_of_pools_that_ended_with_their_eal_are_used_again, .timeout = 100)
{
	int ret;

	for (unsigned i = 0; i < PLX_MBUF_POOLS_MAX + 10; i++) {
		struct plx_mempool *pool = numbered(0, &ret);

		cr_assert_eq(ret, 0, "start %u: %d", i, ret);
		cr_assert_eq(plx_mbuf_pools[id_of(pool)], pool);
		plx_eal_fini();
		start_lcores(1);
	}
}

Test(mbuf, destroy_warns_and_null_is_legal)
{
	struct plx_mempool *pool = packets_new("leaky", 20, 0, 0);

	plx_mbuf_pool_destroy(NULL);
	assert_no_line();
	cr_assert_not_null(plx_mbuf_alloc(pool));
	plx_mbuf_pool_destroy(pool);
	assert_line(0, "mempool", PLX_LOG_WARN, "'leaky'", "1 objects out");
}

/* ---- Alloc and reset ---- */

static void assert_empty_(int at, const struct plx_mbuf *m)
{
	cr_assert_eq(m->data_off, PLX_MBUF_HEADROOM, "line %d: data_off %u", at, m->data_off);
	cr_assert_eq(m->data_len, 0, "line %d: data_len %u", at, m->data_len);
	cr_assert_eq(m->pkt_len, 0, "line %d: pkt_len %u", at, m->pkt_len);
	cr_assert_eq(m->flags, 0, "line %d: flags %#x", at, m->flags);
	cr_assert_eq(m->port, PLX_MBUF_PORT_NONE, "line %d: port %u", at, m->port);
	cr_assert_eq(m->vlan_tci, 0, "line %d: vlan_tci %u", at, m->vlan_tci);
	cr_assert_eq(m->offload, 0, "line %d: offload", at);
	cr_assert_eq(m->refcnt, 1, "line %d: refcnt %u", at, m->refcnt);
	cr_assert_eq(m->nb_segs, 1, "line %d: nb_segs %u", at, m->nb_segs);
	cr_assert_null(m->next, "line %d: next", at);
}

#define assert_empty(m) assert_empty_(__LINE__, (m))

/* What the last owner of an mbuf may have left in it. */
static void scribble(struct plx_mbuf *m)
{
	m->data_off = 3;
	m->data_len = 5;
	m->pkt_len = 7;
	m->flags = PLX_MBUF_F_RX_VLAN | PLX_MBUF_F_TX_TCP_SEG;
	m->port = 9;
	m->vlan_tci = 11;
	m->offload = UINT64_MAX;
	m->timestamp = 13;
}

Test(mbuf, alloc_gives_an_empty_packet)
{
	struct plx_mempool *pool = packets_new("p", 40, 0, 0);
	struct plx_mbuf *pkts[40], *m = plx_mbuf_alloc(pool);

	assert_empty(m);
	scribble(m);
	plx_mbuf_free(m);
	cr_assert_eq(plx_mbuf_alloc(pool), m, "the last one freed comes first");
	assert_empty(m);
	cr_assert_eq(m->timestamp, 13, "reset writes it, though it need not");
	plx_mbuf_free(m);
	cr_assert_eq(plx_mbuf_alloc_bulk(pool, pkts, 40), 40);
	for (int i = 0; i < 40; i++) {
		assert_empty(pkts[i]);
		scribble(pkts[i]);
	}
	cr_assert_null(plx_mbuf_alloc(pool));
	cr_assert_null(plx_mbuf_raw_alloc(pool));
	cr_assert_eq(plx_mbuf_alloc_bulk(pool, &m, 1), 0);
	cr_assert_eq(plx_mbuf_raw_alloc_bulk(pool, &m, 1), 0);
	plx_mbuf_free_bulk(pkts, 40);
	assert_all_home(pool);
	cr_assert_eq(plx_mbuf_alloc_bulk(pool, pkts, 0), 0);
	cr_assert_eq(plx_mbuf_alloc_bulk(pool, pkts, 32), 32);
	for (int i = 0; i < 32; i++)
		assert_empty(pkts[i]);
	cr_assert_eq(plx_mbuf_alloc_bulk(pool, pkts, 9), 0, "all or none");
}

Test(mbuf, raw_alloc_leaves_what_was_there)
{
	struct plx_mempool *pool = packets_new("p", 4, 0, 0);
	struct plx_mbuf *pkts[4], *m = plx_mbuf_raw_alloc(pool);

	scribble(m);
	plx_mbuf_raw_free(m);
	cr_assert_eq(plx_mbuf_raw_alloc_bulk(pool, pkts, 4), 4);
	for (int i = 0; i < 4; i++) {
		cr_assert_eq(pkts[i]->refcnt, 1);
		cr_assert_eq(pkts[i]->nb_segs, 1);
		cr_assert_null(pkts[i]->next);
	}
	cr_assert_eq(m->data_off, 3, "%u", m->data_off);
	cr_assert_eq(m->port, 9, "%u", m->port);
	cr_assert_eq(m->offload, UINT64_MAX);
	for (int i = 0; i < 4; i++)
		plx_mbuf_raw_free(pkts[i]);
	assert_all_home(pool);
}

Test(mbuf, reset_and_reset_full)
{
	struct plx_mempool *pool = packets_new("p", 4, 0, 0);
	struct plx_mbuf *m = plx_mbuf_alloc(pool), *next = plx_mbuf_alloc(pool);

	scribble(m);
	m->next = next;
	m->nb_segs = 2;
	plx_mbuf_reset(m);
	cr_assert_eq(m->data_off, PLX_MBUF_HEADROOM);
	cr_assert_eq(m->pkt_len, 0);
	cr_assert_eq(m->flags, 0);
	cr_assert_eq(m->port, PLX_MBUF_PORT_NONE);
	cr_assert_eq(m->next, next, "the segments behind it are left");
	cr_assert_eq(m->nb_segs, 2, "the segments behind it are left");
	cr_assert_eq(m->timestamp, 13);
	scribble(m);
	m->refcnt = 5;
	plx_mbuf_reset_full(m);
	assert_empty(m);
	cr_assert_eq(m->timestamp, 0);
	assert_good(m);
}

/* ---- Free ---- */

Test(mbuf, free_null_is_legal)
{
	plx_mbuf_free(NULL);
	plx_mbuf_free_seg(NULL);
	assert_no_line();
}

enum kind { PLAIN, OTHER_POOL, CHAIN, SHARED, CLONE, NONE, NB_KINDS };

static struct plx_mbuf *make(enum kind kind, struct plx_mempool *pool, struct plx_mempool *other,
			     struct plx_mbuf *original)
{
	struct plx_mbuf *m;

	switch (kind) {
	case PLAIN:
		return packet_new(pool, 10, 0);
	case OTHER_POOL:
		return packet_new(other, 10, 0);
	case CHAIN:
		m = packet_new(pool, 10, 0);
		cr_assert_eq(plx_mbuf_chain(m, packet_new(other, 10, 0)), 0);
		return m;
	case SHARED:
		m = packet_new(pool, 10, 0);
		plx_mbuf_refcnt_add(m, 1);
		return m;
	case CLONE:
		return plx_mbuf_clone(original, other);
	default:
		return NULL;
	}
}

/* Every sequence of five kinds. */
Test(mbuf, free_bulk_of_every_mix)
{
	struct plx_mempool *pool = packets_new("p", 32, 0, 0), *other = packets_new("o", 32, 64, 0);
	struct plx_mbuf *original = packet_new(pool, 10, 1), *pkts[5];
	unsigned nb_mixes = 1;

	for (int i = 0; i < 5; i++)
		nb_mixes *= NB_KINDS;
	for (unsigned mix = 0; mix < nb_mixes; mix++) {
		unsigned nb_shared = 0;

		for (unsigned i = 0, left = mix; i < 5; i++, left /= NB_KINDS) {
			enum kind kind = (enum kind)(left % NB_KINDS);

			pkts[i] = make(kind, pool, other, original);
			nb_shared += kind == SHARED;
		}
		plx_mbuf_free_bulk(pkts, 5);
		cr_assert_eq(plx_mempool_in_use(pool), 1 + nb_shared, "mix %u: %u in use", mix,
			     plx_mempool_in_use(pool));
		cr_assert_eq(plx_mempool_in_use(other), 0, "mix %u: %u in use", mix,
			     plx_mempool_in_use(other));
		for (unsigned i = 0, left = mix; i < 5; i++, left /= NB_KINDS)
			if (left % NB_KINDS == SHARED)
				plx_mbuf_free(pkts[i]);
	}
	cr_assert_eq(plx_mbuf_refcnt(original), 1, "%u", plx_mbuf_refcnt(original));
	plx_mbuf_free_bulk(&original, 1);
	plx_mbuf_free_bulk(pkts, 0);
	assert_all_home(pool);
	assert_all_home(other);
	assert_no_line();
}

Test(mbuf, free_bulk_leaves_the_table_alone)
{
	struct plx_mempool *pool = packets_new("p", 32, 0, 0);
	struct plx_mbuf *pkts[20], *copy[20];

	cr_assert_eq(plx_mbuf_alloc_bulk(pool, pkts, 20), 20);
	memcpy(copy, pkts, sizeof(pkts));
	plx_mbuf_free_bulk(pkts, 20);
	cr_assert_arr_eq(copy, pkts, sizeof(pkts));
	assert_all_home(pool);
}

Test(mbuf, free_seg_gives_back_one)
{
	struct plx_mempool *pool = packets_new("p", 8, 0, 0);
	struct plx_mbuf *first = packet_new(pool, 10, 0), *second = packet_new(pool, 20, 0);

	cr_assert_eq(plx_mbuf_chain(first, second), 0);
	cr_assert_eq(plx_mbuf_chain(first, packet_new(pool, 30, 0)), 0);
	plx_mbuf_free_seg(first);
	assert_pool(pool, 6);
	cr_assert_eq(second->data_len, 20);
	/* The rest, though it does not know how long it is. */
	plx_mbuf_free(second);
	assert_all_home(pool);
}

#if PLX_CHECK

Test(mbuf, raw_free_keeps_out_what_is_not_plain)
{
	struct plx_mempool *pool = packets_new("p", 16, 0, 0);
	struct plx_mbuf *shared = packet_new(pool, 10, 0), *chain = packet_new(pool, 10, 0);
	struct plx_mbuf *copy = plx_mbuf_clone(shared, pool), *pkts[3] = {shared, chain, copy};

	cr_assert_eq(plx_mbuf_chain(chain, packet_new(pool, 10, 0)), 0);
	for (int i = 0; i < 3; i++) {
		log_lines_start();
		plx_mbuf_raw_free(pkts[i]);
		assert_one_line("mbuf", PLX_LOG_ERR, "raw_free", "not freed");
		assert_pool(pool, 12);
	}
	plx_mbuf_free_bulk(pkts, 3);
	assert_all_home(pool);
}

Test(mbuf, freed_twice)
{
	struct plx_mempool *pool = packets_new("p", 8, 0, 0);
	struct plx_mbuf *m = plx_mbuf_alloc(pool), *pkts[2];

	plx_mbuf_free(m);
	plx_mbuf_free(m);
	assert_one_line("mempool", PLX_LOG_ERR, "'p'", "freed twice");
	pkts[0] = pkts[1] = plx_mbuf_alloc(pool);
	log_lines_start();
	plx_mbuf_free_bulk(pkts, 2);
	assert_one_line("mempool", PLX_LOG_ERR, "'p'", "freed twice");
	assert_all_home(pool);
}

#endif
