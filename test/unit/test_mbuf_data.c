/* SPDX-License-Identifier: BSD-3-Clause */
/* The data of packets: room at both ends, chains, linearize, read, copy. */
#include "mbuf_env.h"

TestSuite(mbuf_data, .init = start_pools, .fini = end_pools);

/* ---- Room ---- */

Test(mbuf_data, where_the_data_is)
{
	struct plx_mempool *pool = packets_new("p", 4, 0, 16);
	struct plx_mbuf *m = plx_mbuf_alloc(pool);

	cr_assert_eq(plx_mbuf_data(m), (char *)m->buf_addr + 128);
	cr_assert_eq(plx_mbuf_headroom(m), 128, "%u", plx_mbuf_headroom(m));
	cr_assert_eq(plx_mbuf_tailroom(m), 2048, "%u", plx_mbuf_tailroom(m));
	cr_assert_eq(plx_mbuf_iova(m), plx_mem_virt2iova(plx_mbuf_data(m)));
	cr_assert_eq(plx_mbuf_mtod(m, char *), (char *)plx_mbuf_data(m));
	cr_assert_eq(plx_mbuf_mtod_offset(m, char *, 14), (char *)plx_mbuf_data(m) + 14);
	cr_assert_eq(plx_mbuf_last(m), m);
	cr_assert(plx_mbuf_is_contiguous(m));
	plx_mbuf_free(m);
}

Test(mbuf_data, append_up_to_the_last_byte)
{
	struct plx_mempool *pool = packets_new("p", 4, 100, 0);
	struct plx_mbuf *m = plx_mbuf_alloc(pool), before;
	char *first = plx_mbuf_append(m, 60), *second;

	cr_assert_eq(first, plx_mbuf_data(m));
	second = plx_mbuf_append(m, 40);
	cr_assert_eq(second, first + 60);
	cr_assert_eq(plx_mbuf_tailroom(m), 0, "%u", plx_mbuf_tailroom(m));
	cr_assert_eq(m->pkt_len, 100, "%u", m->pkt_len);
	cr_assert_eq(m->data_len, 100, "%u", m->data_len);
	before = *m;
	cr_assert_null(plx_mbuf_append(m, 1));
	cr_assert_null(plx_mbuf_append(m, 65535));
	cr_assert_eq(plx_mbuf_append(m, 0), first + 100);
	cr_assert_eq(memcmp(&before, m, sizeof(before)), 0, "something was changed");
	assert_good(m);
}

Test(mbuf_data, prepend_up_to_the_first_byte)
{
	struct plx_mempool *pool = packets_new("p", 4, 100, 0);
	struct plx_mbuf *m = packet_new(pool, 10, 0), before;
	char *data = plx_mbuf_data(m);

	cr_assert_eq(plx_mbuf_prepend(m, 28), data - 28);
	cr_assert_eq(plx_mbuf_headroom(m), 100, "%u", plx_mbuf_headroom(m));
	cr_assert_eq(plx_mbuf_prepend(m, 100), m->buf_addr);
	cr_assert_eq(m->pkt_len, 138, "%u", m->pkt_len);
	cr_assert_eq(m->data_len, 138, "%u", m->data_len);
	before = *m;
	cr_assert_null(plx_mbuf_prepend(m, 1));
	cr_assert_null(plx_mbuf_prepend(m, 65535));
	cr_assert_eq(plx_mbuf_prepend(m, 0), m->buf_addr);
	cr_assert_eq(memcmp(&before, m, sizeof(before)), 0, "something was changed");
	assert_good(m);
}

Test(mbuf_data, adj_and_trim)
{
	struct plx_mempool *pool = packets_new("p", 4, 100, 0);
	struct plx_mbuf *m = packet_new(pool, 50, 0), before;
	char *data = plx_mbuf_data(m);

	cr_assert_eq(plx_mbuf_adj(m, 14), data + 14);
	assert_bytes(m, 14, 36, 0);
	cr_assert_eq(plx_mbuf_trim(m, 6), 0);
	assert_bytes(m, 14, 30, 0);
	before = *m;
	cr_assert_null(plx_mbuf_adj(m, 31));
	cr_assert_eq(plx_mbuf_trim(m, 31), -EINVAL);
	cr_assert_eq(plx_mbuf_adj(m, 0), data + 14);
	cr_assert_eq(plx_mbuf_trim(m, 0), 0);
	cr_assert_eq(memcmp(&before, m, sizeof(before)), 0, "something was changed");
	cr_assert_eq(plx_mbuf_trim(m, 10), 0);
	cr_assert_eq(plx_mbuf_adj(m, 20), data + 34);
	cr_assert_eq(m->pkt_len, 0, "%u", m->pkt_len);
	cr_assert_eq(m->data_len, 0, "%u", m->data_len);
	assert_good(m);
}

/* Append and trim are for the end of the last segment, prepend and adj for the first's front. */
Test(mbuf_data, both_ends_of_a_chain)
{
	struct plx_mempool *pool = packets_new("p", 8, 64, 0);
	struct plx_mbuf *m = packet_new(pool, 40, 0), *last = packet_new(pool, 20, byte_of(40, 0));

	cr_assert_eq(plx_mbuf_chain(m, last), 0);
	cr_assert_eq(plx_mbuf_last(m), last);
	cr_assert_not(plx_mbuf_is_contiguous(m));
	cr_assert_eq(plx_mbuf_append(m, 4), (char *)plx_mbuf_data(last) + 20);
	cr_assert_eq(last->data_len, 24, "%u", last->data_len);
	cr_assert_eq(m->data_len, 40, "%u", m->data_len);
	cr_assert_eq(m->pkt_len, 64, "%u", m->pkt_len);
	cr_assert_null(plx_mbuf_append(m, 41));
	cr_assert_eq(plx_mbuf_trim(m, 25), -EINVAL, "longer than the last segment");
	cr_assert_eq(plx_mbuf_trim(m, 4), 0);
	assert_bytes(m, 0, 60, 0);
	cr_assert_null(plx_mbuf_adj(m, 41), "longer than the first segment");
	cr_assert_not_null(plx_mbuf_adj(m, 40));
	assert_bytes(m, 40, 20, 0);
	cr_assert_not_null(plx_mbuf_prepend(m, 168));
	cr_assert_eq(m->pkt_len, 188, "%u", m->pkt_len);
	assert_good(m);
	plx_mbuf_free(m);
	assert_all_home(pool);
}

/* ---- Chains ---- */

Test(mbuf_data, chains_of_up_to_255_segments)
{
	struct plx_mempool *pool = packets_new("p", 300, 64, 0);
	struct plx_mbuf *m = packet_new(pool, 1, 0), *more;
	struct plx_mbuf before_head, before_tail;

	for (uint32_t i = 1; i < PLX_MBUF_SEGS_MAX; i++) {
		cr_assert_eq(plx_mbuf_chain(m, packet_new(pool, 1, byte_of(i, 0))), 0, "segment %u",
			     i);
		cr_assert_eq(m->nb_segs, i + 1, "%u, want %u", m->nb_segs, i + 1);
	}
	assert_bytes(m, 0, 255, 0);
	more = packet_new(pool, 1, 0);
	before_head = *m;
	before_tail = *more;
	cr_assert_eq(plx_mbuf_chain(m, more), -EOVERFLOW);
	cr_assert_eq(plx_mbuf_chain(more, m), -EOVERFLOW);
	cr_assert_eq(memcmp(&before_head, m, sizeof(*m)), 0, "the head was changed");
	cr_assert_eq(memcmp(&before_tail, more, sizeof(*m)), 0, "the tail was changed");
	assert_good(m);
	plx_mbuf_free(more);
	cr_assert_eq(plx_mempool_in_use(pool), 255);
	plx_mbuf_free(m);
	assert_all_home(pool);
}

Test(mbuf_data, a_chain_of_two_chains)
{
	struct plx_mempool *pool = packets_new("p", 16, 64, 0);
	struct plx_mbuf *pkts[4];

	for (uint32_t i = 0; i < 4; i++)
		pkts[i] = packet_new(pool, 10, byte_of(10 * i, 0));
	cr_assert_eq(plx_mbuf_chain(pkts[0], pkts[1]), 0);
	cr_assert_eq(plx_mbuf_chain(pkts[2], pkts[3]), 0);
	pkts[2]->port = 5;
	pkts[0]->port = 4;
	cr_assert_eq(plx_mbuf_chain(pkts[0], pkts[2]), 0);
	cr_assert_eq(pkts[0]->nb_segs, 4, "%u", pkts[0]->nb_segs);
	cr_assert_eq(pkts[0]->port, 4, "%u", pkts[0]->port);
	assert_bytes(pkts[0], 0, 40, 0);
	/* A later segment that is freed alone can go home as it is. */
	cr_assert_eq(pkts[2]->nb_segs, 1, "%u", pkts[2]->nb_segs);
	plx_mbuf_free(pkts[0]);
	assert_all_home(pool);
}

Test(mbuf_data, a_chain_of_more_than_4_gb_is_refused)
{
	struct plx_mempool *pool = packets_new("p", 4, 64, 0);
	struct plx_mbuf *m = packet_new(pool, 1, 0), *tail = packet_new(pool, 10, 0);

	m->pkt_len = UINT32_MAX - 9;
	cr_assert_eq(plx_mbuf_chain(m, tail), -EOVERFLOW);
	cr_assert_null(m->next);
	m->pkt_len = UINT32_MAX - 10;
	cr_assert_eq(plx_mbuf_chain(m, tail), 0);
	cr_assert_eq(m->pkt_len, UINT32_MAX, "%u", m->pkt_len);
}

/* Segments of these lengths, one run of bytes. */
static struct plx_mbuf *chain_of(struct plx_mempool *pool, const uint16_t *lens, unsigned nb)
{
	struct plx_mbuf *m = NULL;
	uint32_t at = 0;

	for (unsigned i = 0; i < nb; i++) {
		struct plx_mbuf *seg = packet_new(pool, lens[i], 0);
		unsigned char *data = plx_mbuf_data(seg);

		for (uint32_t j = 0; j < lens[i]; j++)
			data[j] = byte_of(at + j, 0);
		at += lens[i];
		if (m)
			cr_assert_eq(plx_mbuf_chain(m, seg), 0);
		else
			m = seg;
	}
	assert_bytes(m, 0, at, 0);
	return m;
}

static const uint16_t lens[] = {10, 0, 1, 30, 0, 7, 0};

Test(mbuf_data, linearize)
{
	struct plx_mempool *pool = packets_new("p", 40, 64, 0);
	struct plx_mbuf *m = chain_of(pool, lens, 7);

	cr_assert_eq(plx_mbuf_linearize(m), 0);
	cr_assert(plx_mbuf_is_contiguous(m));
	cr_assert_null(m->next);
	cr_assert_eq(m->data_len, 48, "%u", m->data_len);
	assert_bytes(m, 0, 48, 0);
	cr_assert_eq(plx_mempool_in_use(pool), 1, "%u", plx_mempool_in_use(pool));
	cr_assert_eq(plx_mbuf_linearize(m), 0, "one segment");
	plx_mbuf_free(m);
	assert_all_home(pool);
}

Test(mbuf_data, linearize_refusals_change_nothing)
{
	struct plx_mempool *pool = packets_new("p", 40, 64, 0);
	static const uint16_t exact[] = {32, 32}, over[] = {32, 33};
	struct plx_mbuf *m = chain_of(pool, exact, 2), *copy;

	cr_assert_eq(plx_mbuf_linearize(m), 0, "to the last byte");
	plx_mbuf_free(m);
	m = chain_of(pool, over, 2);
	cr_assert_eq(plx_mbuf_linearize(m), -ENOSPC);
	cr_assert_eq(m->nb_segs, 2);
	assert_bytes(m, 0, 65, 0);
	plx_mbuf_free(m);
	m = chain_of(pool, exact, 2);
	copy = plx_mbuf_clone(m, pool);
	cr_assert_eq(plx_mbuf_linearize(m), -EBUSY);
	cr_assert_eq(plx_mbuf_linearize(copy), -EBUSY);
	assert_bytes(m, 0, 64, 0);
	assert_bytes(copy, 0, 64, 0);
	plx_mbuf_free(copy);
	cr_assert_eq(plx_mbuf_linearize(m), 0, "not shared any more");
	assert_bytes(m, 0, 64, 0);
	plx_mbuf_free(m);
	assert_all_home(pool);
}

/* ---- Read ---- */

Test(mbuf_data, read_every_piece)
{
	struct plx_mempool *pool = packets_new("p", 40, 64, 0);
	struct plx_mbuf *m = chain_of(pool, lens, 7);
	unsigned char buf[64];

	for (uint32_t off = 0; off <= 50; off++) {
		for (uint32_t len = 0; len <= 50; len++) {
			const unsigned char *got = plx_mbuf_read(m, off, len, buf);

			cr_assert_eq(got != NULL, off + len <= 48, "[%u, +%u)", off, len);
			for (uint32_t i = 0; got && i < len; i++)
				cr_assert_eq(got[i], byte_of(off + i, 0), "[%u, +%u) byte %u: %u",
					     off, len, i, got[i]);
		}
	}
	cr_assert_null(plx_mbuf_read(m, 1, UINT32_MAX, buf));
	cr_assert_null(plx_mbuf_read(m, UINT32_MAX, 1, buf));
}

Test(mbuf_data, read_in_one_segment_copies_nothing)
{
	struct plx_mempool *pool = packets_new("p", 40, 64, 0);
	struct plx_mbuf *m = chain_of(pool, lens, 7), *fourth = m->next->next->next;
	unsigned char buf[64];

	memset(buf, 0xee, sizeof(buf));
	cr_assert_eq(plx_mbuf_read(m, 0, 10, buf), plx_mbuf_data(m));
	cr_assert_eq(plx_mbuf_read(m, 11, 30, buf), plx_mbuf_data(fourth));
	cr_assert_eq(plx_mbuf_read(m, 12, 5, NULL), (char *)plx_mbuf_data(fourth) + 1);
	for (unsigned i = 0; i < sizeof(buf); i++)
		cr_assert_eq(buf[i], 0xee, "byte %u", i);
	cr_assert_eq(plx_mbuf_read(m, 9, 3, buf), buf);
	cr_assert_eq(buf[3], 0xee, "more than asked for");
}

/* ---- Copy ---- */

static void check_copy(struct plx_mbuf *m, struct plx_mempool *to, uint32_t off, uint32_t len)
{
	uint32_t want = len < m->pkt_len - off ? len : m->pkt_len - off;
	struct plx_mbuf *copy = plx_mbuf_copy(m, to, off, len);

	cr_assert_not_null(copy, "[%u, +%u)", off, len);
	assert_bytes(copy, off, want, 0);
	for (struct plx_mbuf *seg = copy; seg; seg = seg->next) {
		cr_assert_eq(plx_mbuf_pool(seg), to);
		cr_assert_not(plx_mbuf_is_shared(seg));
		cr_assert(seg->data_len > 0 || copy->nb_segs == 1, "an empty segment");
	}
	plx_mbuf_free(copy);
}

Test(mbuf_data, copy_every_piece)
{
	struct plx_mempool *pool = packets_new("p", 40, 64, 0),
			   *small = packets_new("s", 40, 64, 0);
	static const uint16_t longer[] = {60, 0, 64, 1, 64, 33};
	struct plx_mbuf *m = chain_of(pool, longer, 6);

	for (uint32_t off = 0; off <= 222; off++) {
		for (uint32_t len = 0; len <= 222; len += 13)
			check_copy(m, small, off, len);
		check_copy(m, small, off, UINT32_MAX);
	}
	cr_assert_null(plx_mbuf_copy(m, small, 223, 1));
	cr_assert_null(plx_mbuf_copy(m, small, UINT32_MAX, UINT32_MAX));
	assert_bytes(m, 0, 222, 0);
	plx_mbuf_free(m);
	assert_all_home(pool);
	assert_all_home(small);
}

Test(mbuf_data, copy_takes_offloads_along_but_not_the_attachment)
{
	struct plx_mempool *pool = packets_new("p", 8, 0, 0);
	struct plx_mbuf *m = packet_new(pool, 10, 0), *shared, *copy;

	m->flags = PLX_MBUF_F_RX_VLAN | PLX_MBUF_F_TX_IPV4;
	m->port = 7;
	m->vlan_tci = 99;
	m->timestamp = 12345;
	m->rx.rss_hash = 0xabcdef;
	m->rx.packet_type = 17;
	shared = plx_mbuf_clone(m, pool);
	copy = plx_mbuf_copy(shared, pool, 0, UINT32_MAX);
	cr_assert_eq(copy->flags, PLX_MBUF_F_RX_VLAN | PLX_MBUF_F_TX_IPV4, "%#x", copy->flags);
	cr_assert_eq(copy->port, 7, "%u", copy->port);
	cr_assert_eq(copy->vlan_tci, 99, "%u", copy->vlan_tci);
	cr_assert_eq(copy->timestamp, 12345);
	cr_assert_eq(copy->offload, m->offload);
	((char *)plx_mbuf_data(copy))[0] ^= 1;
	assert_bytes(m, 0, 10, 0);
	plx_mbuf_free(m);
	plx_mbuf_free(shared);
	plx_mbuf_free(copy);
	assert_all_home(pool);
}

Test(mbuf_data, copy_without_room_gives_all_back)
{
	struct plx_mempool *pool = packets_new("p", 300, 64, 0), *few = packets_new("f", 5, 64, 0);
	struct plx_mempool *many = packets_new("m", 300, 64, 0),
			   *big = packets_new("b", 2, 20000, 0);
	struct plx_mbuf *m = packet_new(big, 64 * 5, 0), *copy;

	copy = plx_mbuf_copy(m, few, 0, UINT32_MAX);
	assert_bytes(copy, 0, 320, 0);
	cr_assert_eq(copy->nb_segs, 5);
	cr_assert_null(plx_mbuf_copy(m, few, 0, 1), "the pool is empty");
	plx_mbuf_free(copy);
	cr_assert_not_null(plx_mbuf_append(m, 1));
	cr_assert_null(plx_mbuf_copy(m, few, 0, UINT32_MAX), "321 bytes in 5 segments");
	assert_all_home(few);
	plx_mbuf_free(m);
	m = packet_new(big, 64 * PLX_MBUF_SEGS_MAX, 0);
	copy = plx_mbuf_copy(m, many, 0, UINT32_MAX);
	cr_assert_eq(copy->nb_segs, PLX_MBUF_SEGS_MAX, "%u", copy->nb_segs);
	assert_bytes(copy, 0, 64 * PLX_MBUF_SEGS_MAX, 0);
	plx_mbuf_free(copy);
	cr_assert_not_null(plx_mbuf_append(m, 1));
	cr_assert_null(plx_mbuf_copy(m, many, 0, UINT32_MAX), "256 segments");
	assert_all_home(many);
	assert_all_home(pool);
}
