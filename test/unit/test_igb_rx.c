/* SPDX-License-Identifier: BSD-3-Clause */
/* The igb driver's receive burst: what it makes of each write-back, and of none. */
#include "igb_env.h"

TestSuite(igb_rx, .init = igb_begin, .fini = igb_end, .timeout = 120);

enum { BURST = 32 };

/* Take all that there is; each packet is a frame of byte_of(), salts ascending from @salt. */
static uint32_t take_all(struct igb_rxq *q, unsigned salt, const uint32_t *lens)
{
	struct plx_mbuf *pkts[BURST];
	uint32_t total = 0, nb;

	while ((nb = rx_burst(q, pkts, BURST)) > 0) {
		for (uint32_t i = 0; i < nb; i++) {
			assert_bytes(pkts[i], 0, lens[total + i], salt + total + i);
			cr_assert_eq(pkts[i]->port, 3);
		}
		plx_mbuf_free_bulk(pkts, nb);
		total += nb;
	}
	return total;
}

Test(igb_rx, frames_of_all_lengths)
{
	struct igb_rxq *q = rxq_new(pool, 512, 0, FRAME_MAX);
	uint64_t bytes = 0;

	for (uint32_t len = IGB_FRAME_MIN; len <= FRAME_MAX; len++) {
		card_frame(q, len, len);
		cr_assert_eq(take_all(q, len, &len), 1, "a frame of %u bytes", len);
		bytes += len;
	}
	assert_count(q->base.stats.packets, FRAME_MAX - IGB_FRAME_MIN + 1);
	assert_count(q->base.stats.bytes, bytes);
	assert_count(q->base.stats.errors, 0);
	rxq_free(q);
}

/* Each size goes round some times, in bursts that do not divide it. */
Test(igb_rx, rings_wrap)
{
	static const uint32_t sizes[] = {32, 40, 64, 96, 512, 1000, 4096};
	uint32_t lens[BURST];

	for (uint32_t i = 0; i < BURST; i++)
		lens[i] = 60 + i;
	for (size_t s = 0; s < PLX_ARRAY_SIZE(sizes); s++) {
		struct plx_mempool *own = packets_new("own", sizes[s] + 64, 0, 0);
		struct igb_rxq *q = rxq_new(own, sizes[s], 0, FRAME_MAX);
		unsigned step = 1;

		for (uint32_t seq = 0; seq < 5 * sizes[s]; seq += step, step = step % 17 + 1) {
			for (unsigned i = 0; i < step; i++)
				card_frame(q, lens[i], i);
			cr_assert_eq(take_all(q, 0, lens), step, "ring of %u, frame %u", sizes[s],
				     seq);
			/* Buffers are made up in steps; one slot stays empty. */
			cr_assert_leq(q->nb_free, q->refill_step);
			cr_assert_geq(q->nb_free, 1);
			cr_assert_eq(tail_reg, q->tail);
		}
		rxq_free(q);
		plx_mbuf_pool_destroy(own);
	}
}

/* A doorbell for each refill_step buffers, not for each packet. */
Test(igb_rx, doorbells_are_few)
{
	struct igb_rxq *q = rxq_new(pool, 256, 0, FRAME_MAX);
	uint32_t last = tail_reg, rung = 0, len = 60;

	for (uint32_t i = 0; i < 1024; i++) {
		card_frame(q, len, 7);
		cr_assert_eq(take_all(q, 7, &len), 1);
		rung += tail_reg != last;
		last = tail_reg;
	}
	cr_assert_leq(rung, 1024 / IGB_REFILL_STEP + 1, "%u doorbells", rung);
	rxq_free(q);
}

Test(igb_rx, nothing_there)
{
	struct igb_rxq *q = rxq_new(pool, 64, 0, FRAME_MAX);
	struct plx_mbuf *pkts[BURST];

	for (int i = 0; i < 1000; i++)
		cr_assert_eq(rx_burst(q, pkts, BURST), 0);
	rxq_free(q);
}

/* The caller's table is shorter than what is there. */
Test(igb_rx, takes_no_more_than_asked)
{
	struct igb_rxq *q = rxq_new(pool, 128, 0, FRAME_MAX);
	struct plx_mbuf *pkts[8];

	for (unsigned i = 0; i < 20; i++)
		card_frame(q, 60, i);
	for (unsigned want = 0; want < 20; want += 5) {
		pkts[5] = (void *)1;
		cr_assert_eq(rx_burst(q, pkts, 5), 5);
		cr_assert_eq(pkts[5], (void *)1, "it wrote beyond");
		for (unsigned i = 0; i < 5; i++)
			assert_bytes(pkts[i], 0, 60, want + i);
		plx_mbuf_free_bulk(pkts, 5);
	}
	rxq_free(q);
}

/* ---- What the card says of a frame ---- */

struct meta_case {
	uint64_t word0, status;
	uint32_t flags;
};

Test(igb_rx, flags)
{
	const uint32_t all = PLX_PORT_RX_VLAN_STRIP | PLX_PORT_RX_IP_CSUM | IGB_RX_L4_CSUM |
			     PLX_PORT_RX_RSS_HASH;
	static const struct meta_case cases[] = {
		{0, 0, 0},
		{0x12345678ull << 32 | 1, 0, PLX_MBUF_F_RX_RSS_HASH},
		{9, 0, PLX_MBUF_F_RX_RSS_HASH},
		{0, IGB_RXD_VP, PLX_MBUF_F_RX_VLAN | PLX_MBUF_F_RX_VLAN_STRIPPED},
		{0x10, IGB_RXD_IPCS, PLX_MBUF_F_RX_IP_CSUM_GOOD},
		{0x10, IGB_RXD_IPCS | IGB_RXD_IPE, PLX_MBUF_F_RX_IP_CSUM_BAD},
		{0x110, IGB_RXD_L4CS, PLX_MBUF_F_RX_L4_CSUM_GOOD},
		{0x110, IGB_RXD_L4CS | IGB_RXD_L4E, PLX_MBUF_F_RX_L4_CSUM_BAD},
		{0x210, IGB_RXD_UDPCS, PLX_MBUF_F_RX_L4_CSUM_GOOD},
		{0x210, IGB_RXD_UDPCS | IGB_RXD_L4E, PLX_MBUF_F_RX_L4_CSUM_BAD},
		/* An error of what was not checked says nothing. */
		{0, IGB_RXD_IPE | IGB_RXD_L4E, 0},
		{2, IGB_RXD_VP | IGB_RXD_IPCS | IGB_RXD_L4CS | IGB_RXD_L4E,
		 PLX_MBUF_F_RX_RSS_HASH | PLX_MBUF_F_RX_VLAN | PLX_MBUF_F_RX_VLAN_STRIPPED |
			 PLX_MBUF_F_RX_IP_CSUM_GOOD | PLX_MBUF_F_RX_L4_CSUM_BAD},
	};
	struct igb_rxq *q = rxq_new(pool, 64, all, FRAME_MAX);
	struct igb_rxq *plain;
	struct plx_mbuf *m;

	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		const struct meta_case *c = &cases[i];

		card_write(q, 0, 60, 1, c->word0,
			   c->status | IGB_RXD_DD | IGB_RXD_EOP | 0x0abcull << IGB_RXD_VLAN_SHIFT);
		cr_assert_eq(rx_burst(q, &m, 1), 1);
		cr_assert_eq(m->flags, c->flags, "case %zu: flags %#x, want %#x", i, m->flags,
			     c->flags);
		cr_assert_eq(m->rx.rss_hash, (uint32_t)(c->word0 >> 32), "case %zu", i);
		cr_assert_eq(m->rx.packet_type, c->word0 & 0xfff0, "case %zu", i);
		cr_assert_eq(m->vlan_tci, 0x0abc, "case %zu", i);
		plx_mbuf_free(m);
	}
	rxq_free(q);

	/* Nothing of it was asked for. */
	plain = rxq_new(pool, 64, 0, FRAME_MAX);
	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		card_write(plain, 0, 60, 1, cases[i].word0,
			   cases[i].status | IGB_RXD_DD | IGB_RXD_EOP);
		cr_assert_eq(rx_burst(plain, &m, 1), 1);
		cr_assert_eq(m->flags, 0, "case %zu: flags %#x", i, m->flags);
		plx_mbuf_free(m);
	}
	rxq_free(plain);
}

/* The tag of a frame that was looped back has its bytes swapped on some parts. */
Test(igb_rx, looped_back_vlan)
{
	struct igb_rxq *q = rxq_new(pool, 64, PLX_PORT_RX_VLAN_STRIP, FRAME_MAX);
	const uint64_t end = IGB_RXD_DD | IGB_RXD_EOP | IGB_RXD_VP;
	struct plx_mbuf *pkts[2];

	card_write(q, 0, 60, 1, 0, end | 0x1234ull << IGB_RXD_VLAN_SHIFT);
	card_write(q, 0, 60, 1, 0, end | IGB_RXD_LB | 0x1234ull << IGB_RXD_VLAN_SHIFT);
	cr_assert_eq(rx_burst(q, pkts, 2), 2);
	cr_assert_eq(pkts[0]->vlan_tci, 0x1234);
	cr_assert_eq(pkts[1]->vlan_tci, 0x3412);
	plx_mbuf_free_bulk(pkts, 2);
	rxq_free(q);
}

/* The 82576 finds fault with good SCTP frames of 60 bytes, and of no others. */
Test(igb_rx, sctp_of_60_bytes)
{
	const uint64_t status = IGB_RXD_DD | IGB_RXD_EOP | IGB_RXD_L4CS | IGB_RXD_L4E;
	struct plx_mbuf *pkts[2];
	struct igb_rxq *q;

	hw.mac = &plx_igb_macs[IGB_82576];
	q = rxq_new(pool, 64, IGB_RX_L4_CSUM, FRAME_MAX);
	card_write(q, 0, 60, 1, IGB_RXD_TYPE_SCTP, status);
	card_write(q, 0, 61, 1, IGB_RXD_TYPE_SCTP, status);
	cr_assert_eq(rx_burst(q, pkts, 2), 2);
	cr_assert_eq(pkts[0]->flags, 0, "flags %#x", pkts[0]->flags);
	cr_assert_eq(pkts[1]->flags, PLX_MBUF_F_RX_L4_CSUM_BAD, "flags %#x", pkts[1]->flags);
	plx_mbuf_free_bulk(pkts, 2);
	rxq_free(q);
}

/* ---- Frames over several buffers ---- */

Test(igb_rx, scattered)
{
	struct igb_rxq *q = rxq_new(pool, 128, PLX_PORT_RX_SCATTER, 9018);
	struct plx_mbuf *m;
	uint32_t nb = 0;

	for (uint32_t len = 2000; len <= 9018; len += 37, nb++) {
		card_long_frame(q, len, len, 0);
		cr_assert_eq(rx_burst(q, &m, 1), 1, "a frame of %u bytes", len);
		assert_bytes(m, 0, len, len);
		cr_assert_eq(m->nb_segs, (len + 2047) / 2048);
		plx_mbuf_free(m);
	}
	assert_count(q->base.stats.packets, nb);
	rxq_free(q);
}

/* Its parts come one by one; others follow in the same burst. */
Test(igb_rx, scattered_over_bursts)
{
	struct igb_rxq *q = rxq_new(pool, 64, PLX_PORT_RX_SCATTER | PLX_PORT_RX_IP_CSUM, 9018);
	struct plx_mbuf *pkts[4];

	for (unsigned round = 0; round < 50; round++) {
		card_write(q, 0, 2048, round, 0, IGB_RXD_DD);
		cr_assert_eq(rx_burst(q, pkts, 4), 0);
		card_write(q, 2048, 2048, round, 0, IGB_RXD_DD);
		cr_assert_eq(rx_burst(q, pkts, 4), 0);
		card_write(q, 4096, 100, round, 0, IGB_RXD_DD | IGB_RXD_EOP | IGB_RXD_IPCS);
		card_frame(q, 77, 1);
		card_long_frame(q, 5000, 2, 0);
		card_frame(q, 78, 3);
		cr_assert_eq(rx_burst(q, pkts, 4), 4);
		assert_bytes(pkts[0], 0, 4196, round);
		cr_assert_eq(pkts[0]->flags, PLX_MBUF_F_RX_IP_CSUM_GOOD);
		assert_bytes(pkts[1], 0, 77, 1);
		assert_bytes(pkts[2], 0, 5000, 2);
		assert_bytes(pkts[3], 0, 78, 3);
		plx_mbuf_free_bulk(pkts, 4);
	}
	rxq_free(q);
}

/* The last part held nothing but the FCS; the first one nothing at all. */
Test(igb_rx, empty_parts)
{
	struct igb_rxq *q = rxq_new(pool, 64, PLX_PORT_RX_SCATTER, 9018);
	struct plx_mbuf *m;

	card_write(q, 0, 2048, 1, 0, IGB_RXD_DD);
	card_write(q, 0, 0, 1, 0, IGB_RXD_DD | IGB_RXD_EOP);
	cr_assert_eq(rx_burst(q, &m, 1), 1);
	assert_bytes(m, 0, 2048, 1);
	plx_mbuf_free(m);

	card_write(q, 0, 0, 2, 0, IGB_RXD_DD);
	card_write(q, 0, 2048, 2, 0, IGB_RXD_DD);
	card_write(q, 2048, 70, 2, 0, IGB_RXD_DD | IGB_RXD_EOP);
	cr_assert_eq(rx_burst(q, &m, 1), 1);
	assert_bytes(m, 0, 2118, 2);
	cr_assert_eq(m->nb_segs, 2);
	plx_mbuf_free(m);
	assert_count(q->empty_parts, 2);
	assert_count(q->base.stats.errors, 0);
	rxq_free(q);
}

/* ---- A card in no right mind ---- */

/* One bad frame, then a good one: that one comes, the bad one is in one counter. */
static void bad_frame(struct igb_rxq *q, const uint64_t *counter)
{
	uint64_t errors = q->base.stats.errors, before = *counter;
	uint32_t len = 64;

	card_frame(q, len, 9);
	cr_assert_eq(take_all(q, 9, &len), 1);
	assert_count(q->base.stats.errors, errors + 1);
	assert_count(*counter, before + 1);
}

Test(igb_rx, lengths_beyond_the_buffer)
{
	static const uint32_t lens[] = {2049, 2064, 4096, 9018, 65535};
	struct igb_rxq *q = rxq_new(pool, 64, PLX_PORT_RX_SCATTER, 9018);

	for (size_t i = 0; i < PLX_ARRAY_SIZE(lens); i++) {
		card_write(q, 0, lens[i], 1, 0, IGB_RXD_DD | IGB_RXD_EOP);
		bad_frame(q, &q->bad_length);
		/* In the middle of a frame: all of that goes. */
		card_write(q, 0, 2048, 1, 0, IGB_RXD_DD);
		card_write(q, 0, lens[i], 1, 0, IGB_RXD_DD);
		card_write(q, 0, 60, 1, 0, IGB_RXD_DD | IGB_RXD_EOP);
		bad_frame(q, &q->bad_length);
	}
	rxq_free(q);
}

Test(igb_rx, lengths_below_a_header)
{
	struct igb_rxq *q = rxq_new(pool, 64, 0, FRAME_MAX);

	for (uint32_t len = 0; len < IGB_FRAME_MIN; len++) {
		card_write(q, 0, len, 1, 0, IGB_RXD_DD | IGB_RXD_EOP);
		bad_frame(q, &q->too_short);
	}
	rxq_free(q);
}

Test(igb_rx, longer_than_was_asked_for)
{
	struct igb_rxq *q = rxq_new(pool, 64, 0, FRAME_MAX);
	struct igb_rxq *jumbo;

	card_frame(q, FRAME_MAX + 1, 1);
	bad_frame(q, &q->too_long);
	card_frame(q, 2048, 1);
	bad_frame(q, &q->too_long);
	/* Scattered, and that was not asked for. */
	card_long_frame(q, 2049, 1, 0);
	bad_frame(q, &q->too_long);
	card_long_frame(q, 9000, 1, 0);
	bad_frame(q, &q->too_long);
	rxq_free(q);

	jumbo = rxq_new(pool, 64, PLX_PORT_RX_SCATTER, 9018);
	card_long_frame(jumbo, 9019, 1, 0);
	bad_frame(jumbo, &jumbo->too_long);
	card_long_frame(jumbo, 9018, 9, 0);
	{
		uint32_t len = 9018;

		cr_assert_eq(take_all(jumbo, 9, &len), 1);
	}
	rxq_free(jumbo);
}

Test(igb_rx, error_bit)
{
	struct igb_rxq *q = rxq_new(pool, 64, PLX_PORT_RX_SCATTER | PLX_PORT_RX_IP_CSUM, 9018);

	card_write(q, 0, 100, 1, 0, IGB_RXD_DD | IGB_RXD_EOP | IGB_RXD_RXE);
	bad_frame(q, &q->bad_frame);
	card_long_frame(q, 3000, 1, IGB_RXD_RXE);
	bad_frame(q, &q->bad_frame);
	rxq_free(q);
}

/* EOP never comes: one frame is given up for each frame_max bytes or 255 parts, no mbuf is kept. */
Test(igb_rx, no_end)
{
	static const uint32_t lens[] = {0, 1, 100, 2048};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(lens); i++) {
		struct igb_rxq *q = rxq_new(pool, 128, PLX_PORT_RX_SCATTER, 9018);
		struct plx_mbuf *m;
		uint32_t len = 64;

		for (unsigned n = 0; n < 2000; n++) {
			card_write(q, 0, lens[i], 1, 0, IGB_RXD_DD);
			cr_assert_eq(rx_burst(q, &m, 1), 0);
		}
		assert_count(q->unended + q->too_long, 1);
		assert_count(q->base.stats.errors, 1);
		cr_assert_leq(plx_mempool_in_use(pool), 128, "%u mbufs are held",
			      plx_mempool_in_use(pool));
		/* The end of it, at last; the next frame is a frame again. */
		card_write(q, 0, 60, 1, 0, IGB_RXD_DD | IGB_RXD_EOP);
		card_frame(q, len, 5);
		cr_assert_eq(take_all(q, 5, &len), 1);
		rxq_free(q);
	}
}

/* DD of slots that were not refilled is of their last frame. */
Test(igb_rx, stale_descriptors)
{
	struct plx_mempool *small = packets_new("small", 31, 0, 0);
	struct igb_rxq *q = rxq_new(small, 32, 0, FRAME_MAX);
	struct plx_mbuf *pkts[64];
	uint32_t nb = 0;

	for (int i = 0; i < 20; i++) {
		while (card_has_slot())
			card_frame(q, 60, 1);
		nb += rx_burst(q, pkts + nb, 16);
	}
	cr_assert_eq(nb, 31, "%u packets of 31", nb);
	cr_assert_gt(q->base.stats.nombuf, 0);
	assert_count(q->base.stats.packets, 31);
	/* They come back, and so do the buffers. */
	plx_mbuf_free_bulk(pkts, nb);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(rx_burst(q, pkts, 16), 0);
	for (int i = 0; i < 7; i++)
		card_frame(q, 60, 1);
	cr_assert_eq(rx_burst(q, pkts, 16), 7);
	plx_mbuf_free_bulk(pkts, 7);
	rxq_free(q);
	cr_assert_eq(plx_mempool_in_use(small), 0);
	plx_mbuf_pool_destroy(small);
}

/* Packets go on coming while the pool is empty, as long as the card has buffers. */
Test(igb_rx, pool_runs_dry_and_recovers)
{
	struct plx_mempool *small = packets_new("small", 200, 0, 0);
	struct igb_rxq *q = rxq_new(small, 128, 0, FRAME_MAX);
	struct plx_mbuf *held[256];
	uint32_t nb = 0, sent = 0;

	while (card_has_slot()) {
		card_frame(q, 60, (unsigned)sent++);
		nb += rx_burst(q, held + nb, 8);
	}
	while (nb < sent)
		nb += rx_burst(q, held + nb, 8);
	cr_assert_eq(nb, 200, "%u of 200 mbufs", nb);
	for (uint32_t i = 0; i < nb; i++)
		assert_bytes(held[i], 0, 60, i);
	plx_mbuf_free_bulk(held, nb);
	for (unsigned i = 0; i < 1000; i++) {
		uint32_t len = 60;

		rx_burst(q, held, 0);
		if (!card_has_slot())
			cr_assert_eq(rx_burst(q, held, 1), 0);
		card_frame(q, len, i);
		cr_assert_eq(take_all(q, i, &len), 1);
	}
	rxq_free(q);
	plx_mbuf_pool_destroy(small);
}

/* Any bits whatever, as a card gone mad or an attacker on the bus would write them. */
Test(igb_rx, random_write_backs)
{
	struct rng rng = rng_start("igb_rx random_write_backs");
	static const uint32_t offloads[] = {
		0,
		PLX_PORT_RX_SCATTER,
		PLX_PORT_RX_VLAN_STRIP | PLX_PORT_RX_SCATTER | IGB_RX_L4_CSUM,
		PLX_PORT_RX_TIMESTAMP | PLX_PORT_RX_SCATTER,
	};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(offloads); i++) {
		struct igb_rxq *q = rxq_new(pool, 64, offloads[i], 9018);
		struct plx_mbuf *pkts[BURST];

		for (unsigned round = 0; round < 20000; round++) {
			unsigned burst = rng_between(&rng, 1, 8);
			uint32_t nb;

			while (burst-- > 0 && card_has_slot()) {
				uint64_t r = rng_next(&rng);
				uint32_t len = (uint32_t)(r >> 32) & 0xffff;

				if (r & 0x100000000000)
					len %= q->buf_bytes + 2;
				card_write(q, 0, len, 1, rng_next(&rng),
					   ((uint32_t)r & 0xe0ffffff) | IGB_RXD_DD |
						   r >> IGB_RXD_VLAN_SHIFT << IGB_RXD_VLAN_SHIFT);
			}
			nb = rx_burst(q, pkts, BURST);
			for (uint32_t n = 0; n < nb; n++) {
				assert_good(pkts[n]);
				cr_assert_leq(pkts[n]->pkt_len, 9018u);
				cr_assert_geq(pkts[n]->pkt_len, 14u);
			}
			plx_mbuf_free_bulk(pkts, nb);
		}
		cr_assert_gt(q->base.stats.packets, 100);
		cr_assert_gt(q->base.stats.errors, 100);
		cr_assert_eq(q->base.stats.errors, q->bad_frame + q->bad_length + q->too_long +
							   q->too_short + q->unended);
		rxq_free(q);
	}
}

/* ---- Start, stop ---- */

Test(igb_rx, flush_counts_what_nobody_took)
{
	struct igb_rxq *q = rxq_new(pool, 64, PLX_PORT_RX_SCATTER, 9018);
	struct plx_mbuf *m;

	for (unsigned i = 0; i < 10; i++)
		card_frame(q, 60, i);
	card_long_frame(q, 5000, 1, 0);
	/* One is taken, one is half there. */
	cr_assert_eq(rx_burst(q, &m, 1), 1);
	plx_mbuf_free(m);
	card_write(q, 0, 2048, 1, 0, IGB_RXD_DD);
	cr_assert_eq(plx_igb_rx_flush(q), 10);
	cr_assert_eq(plx_mempool_in_use(pool), 0);
	cr_assert_eq(plx_igb_rx_flush(q), 0);
	rxq_free(q);
}

Test(igb_rx, flush_within_a_frame)
{
	struct igb_rxq *q = rxq_new(pool, 64, PLX_PORT_RX_SCATTER, 9018);
	struct plx_mbuf *m;

	card_write(q, 0, 2048, 1, 0, IGB_RXD_DD);
	cr_assert_eq(rx_burst(q, &m, 1), 0);
	card_write(q, 2048, 100, 1, 0, IGB_RXD_DD | IGB_RXD_EOP);
	card_frame(q, 60, 1);
	cr_assert_eq(plx_igb_rx_flush(q), 2, "the frame that was begun, and one more");
	cr_assert_eq(plx_mempool_in_use(pool), 0);
	rxq_free(q);
}

Test(igb_rx, dead_device)
{
	struct igb_rxq *q = rxq_new(pool, 64, 0, FRAME_MAX);
	struct plx_mbuf *pkts[4];

	card_frame(q, 60, 1);
	plx_store_relaxed(&q->dead, 1);
	cr_assert_eq(rx_burst(q, pkts, 4), 0);
	cr_assert_eq(plx_igb_rx_flush(q), 1);
	rxq_free(q);
}

Test(igb_rx, pools_that_do_not_fit)
{
	struct plx_mempool *tiny = packets_new("tiny", 64, 200, 0);
	struct plx_mempool *odd = packets_new("odd", 64, 1700, 0);
	struct plx_mempool *small = packets_new("small", 64, 700, 0);
	struct igb_rxq q = {.base = {.pool = odd, .nb_desc = 32, .node = PLX_NODE_ANY}};

	port.conf.rx_offloads = 0;
	cr_assert_eq(plx_igb_rxq_open(&port, &q), -EINVAL);
	assert_one_line("port", PLX_LOG_ERR, "1024");
	port.conf.rx_offloads = PLX_PORT_RX_SCATTER;
	log_lines_start();
	q.base.pool = tiny;
	cr_assert_eq(plx_igb_rxq_open(&port, &q), -EINVAL);
	assert_one_line("port", PLX_LOG_ERR, "256");
	q.base.pool = small;
	cr_assert_eq(plx_igb_rxq_open(&port, &q), 0);
	plx_igb_rxq_close(&q);
	plx_mbuf_pool_destroy(tiny);
	plx_mbuf_pool_destroy(odd);
	plx_mbuf_pool_destroy(small);
}
