/* SPDX-License-Identifier: BSD-3-Clause */
/* The igb driver's transmit burst: what the card is told, when mbufs come home, what is refused. */
#include "igb_env.h"

TestSuite(igb_tx, .init = igb_begin, .fini = igb_end, .timeout = 120);

enum { BURST = 32, ALL_OFFLOADS = PLX_PORT_TX_MULTI_SEGS * 2 - 1, CARD_FRAME_MAX = 1 << 17 };

/* ---- The card ---- */

/* A frame as the card read it. */
struct sent {
	uint32_t len, nb_data, nb_contexts;
	uint64_t options; /* of the first data descriptor, above its length */
	uint64_t context[2];
	bool reports;
	uint32_t first, last; /* descriptors */
};

static unsigned char sent_bytes[CARD_FRAME_MAX];
static uint64_t card_contexts[2][2]; /* what the card remembers */

static void card_reset(void)
{
	memset(card_contexts, 0, sizeof(card_contexts));
}

static void card_context(const struct igb_desc *desc, struct sent *sent)
{
	unsigned index = (unsigned)(desc->word[1] >> IGB_TXC_IDX_SHIFT) & 7;

	cr_assert_lt(index, 2u, "context %u", index);
	cr_assert_eq(sent->nb_data, 0, "a context amid a packet");
	card_contexts[index][0] = desc->word[0];
	card_contexts[index][1] = desc->word[1] & ~(UINT64_C(7) << IGB_TXC_IDX_SHIFT);
	sent->nb_contexts++;
}

static void card_data(const struct igb_desc *desc, struct sent *sent)
{
	uint32_t len = (uint16_t)desc->word[1];

	cr_assert_gt(len, 0, "an empty descriptor");
	cr_assert_leq(len, (uint32_t)IGB_TX_DATA_MAX);
	cr_assert_leq(sent->len + len, (uint32_t)CARD_FRAME_MAX);
	cr_assert_eq(desc->word[1] & IGB_TXD_DATA, IGB_TXD_DATA, "%#llx",
		     (unsigned long long)desc->word[1]);
	cr_assert_eq(desc->word[1] & IGB_TXD_DD, 0, "DD is set");
	memcpy(sent_bytes + sent->len, (void *)(uintptr_t)desc->word[0], len);
	if (sent->nb_data++ == 0)
		sent->options = desc->word[1] & ~(uint64_t)0xffff &
				~(IGB_TXD_EOP | IGB_TXD_RS | IGB_TXD_DATA);
	sent->len += len;
}

/* Read the next packet up to the tail; false: there is none. */
static bool card_read(struct igb_txq *q, struct sent *sent)
{
	unsigned index;

	*sent = (struct sent){.first = card_slot};
	if (card_slot == tail_reg)
		return false;
	for (;;) {
		const struct igb_desc *desc = &q->ring[card_slot];
		bool is_end;

		cr_assert_neq(card_slot, tail_reg, "a packet without an end");
		sent->last = card_slot;
		card_slot = card_slot + 1 == q->nb_desc ? 0 : card_slot + 1;
		if ((desc->word[1] >> 20 & 15) == 2) {
			card_context(desc, sent);
			continue;
		}
		card_data(desc, sent);
		is_end = (desc->word[1] & IGB_TXD_EOP) != 0;
		sent->reports = (desc->word[1] & IGB_TXD_RS) != 0;
		cr_assert(is_end || !sent->reports, "a report that is not a packet's last");
		if (is_end)
			break;
	}
	index = (unsigned)(sent->options >> IGB_TXD_IDX_SHIFT) & 7;
	memcpy(sent->context, card_contexts[index & 1], sizeof(sent->context));
	return true;
}

static void card_report(struct igb_txq *q, const struct sent *sent)
{
	if (sent->reports)
		q->ring[sent->last].word[1] |= IGB_TXD_DD;
}

/* Send and report all that there is; returns how many packets. */
static uint32_t card_run(struct igb_txq *q)
{
	struct sent sent;
	uint32_t nb = 0;

	for (; card_read(q, &sent); nb++)
		card_report(q, &sent);
	return nb;
}

static uint32_t payload_of(const struct sent *sent)
{
	return (uint32_t)(sent->options >> IGB_TXD_PAYLEN_SHIFT);
}

static void assert_sent(const struct sent *sent, uint32_t len, unsigned salt)
{
	cr_assert_eq(sent->len, len < 60 ? 60 : len, "%u bytes, want %u", sent->len, len);
	for (uint32_t i = 0; i < sent->len; i++)
		cr_assert_eq(sent_bytes[i], i < len ? byte_of(i, salt) : 0, "byte %u of %u", i,
			     len);
}

static uint32_t give(struct igb_txq *q, struct plx_mbuf **pkts, uint32_t nb)
{
	return q->base.burst(q, pkts, nb);
}

/* It takes one packet; the card reads it. */
static struct sent send_one(struct igb_txq *q, struct plx_mbuf *m)
{
	struct sent sent;

	cr_assert_eq(give(q, &m, 1), 1);
	cr_assert(card_read(q, &sent), "nothing was sent");
	card_report(q, &sent);
	cr_assert_eq(card_slot, tail_reg, "more than one packet");
	return sent;
}

/* ---- Frames as most are ---- */

Test(igb_tx, frames_of_all_lengths)
{
	struct igb_txq *q = txq_new(512, 0, FRAME_MAX);
	uint64_t bytes = 0;
	struct sent sent;

	card_reset();
	for (unsigned len = IGB_FRAME_MIN; len <= FRAME_MAX; len++) {
		sent = send_one(q, packet_new(pool, len, len));
		assert_sent(&sent, len, len);
		cr_assert_eq(payload_of(&sent), sent.len);
		cr_assert_eq(sent.nb_data, 1);
		cr_assert_eq(sent.nb_contexts, 0);
		bytes += len;
	}
	assert_count(q->base.stats.packets, FRAME_MAX - IGB_FRAME_MIN + 1);
	assert_count(q->base.stats.bytes, bytes);
	assert_count(q->base.stats.errors, 0);
	assert_count(q->bounced, 0);
	cr_assert_eq(txq_free(q, card_slot), 0);
}

Test(igb_tx, rings_wrap)
{
	static const uint32_t sizes[] = {32, 40, 64, 96, 512, 1000, 4096};
	struct plx_mbuf *pkts[BURST];

	for (size_t s = 0; s < PLX_ARRAY_SIZE(sizes); s++) {
		struct igb_txq *q = txq_new(sizes[s], 0, FRAME_MAX);
		uint32_t nb_reports = 0, total = 0;

		card_reset();
		for (unsigned step = 1; total < 5 * sizes[s]; total += step, step = step % 13 + 1) {
			for (unsigned i = 0; i < step; i++)
				pkts[i] = packet_new(pool, (uint16_t)(60 + i), i);
			cr_assert_eq(give(q, pkts, step), step);
			for (unsigned i = 0; i < step; i++) {
				struct sent sent;

				cr_assert(card_read(q, &sent));
				assert_sent(&sent, 60 + i, i);
				card_report(q, &sent);
				nb_reports += sent.reports;
			}
			cr_assert_lt(plx_mempool_in_use(pool), q->rs_step + 2 * step,
				     "ring of %u: %u packets are out", sizes[s],
				     plx_mempool_in_use(pool));
		}
		cr_assert_eq(nb_reports, total / q->rs_step, "ring of %u: %u reports of %u packets",
			     sizes[s], nb_reports, total);
		cr_assert_eq(txq_free(q, card_slot), 0);
		cr_assert_eq(plx_mempool_in_use(pool), 0);
	}
}

/* A full ring has one slot empty, and room again once the card reports. */
Test(igb_tx, full)
{
	static const uint32_t sizes[] = {32, 64, 512};

	for (size_t s = 0; s < PLX_ARRAY_SIZE(sizes); s++) {
		struct igb_txq *q = txq_new(sizes[s], 0, FRAME_MAX);
		struct plx_mbuf *pkts[2 * 512];

		card_reset();
		for (uint32_t i = 0; i < 2 * sizes[s]; i++)
			pkts[i] = packet_new(pool, 60, i);
		cr_assert_eq(give(q, pkts, 2 * sizes[s]), sizes[s] - 1);
		cr_assert_eq(give(q, pkts + sizes[s] - 1, 4), 0);
		cr_assert_neq((tail_reg + 1) % sizes[s], 1, "the tail came round");
		/* The packets taken stay the queue's. */
		cr_assert_eq(plx_mempool_in_use(pool), 2 * sizes[s]);
		cr_assert_eq(card_run(q), sizes[s] - 1);
		cr_assert_gt(give(q, pkts + sizes[s] - 1, 4), 0);
		plx_mbuf_free_bulk(pkts + sizes[s] + 3, sizes[s] - 3);
		assert_count(q->base.stats.packets, sizes[s] + 3);
		card_run(q);
		cr_assert_eq(txq_free(q, card_slot), 0);
		cr_assert_eq(plx_mempool_in_use(pool), 0);
	}
}

/* A card that reports nothing: nothing is freed, nothing is lost. */
Test(igb_tx, no_reports)
{
	struct igb_txq *q = txq_new(64, 0, FRAME_MAX);
	struct plx_mbuf *m = packet_new(pool, 60, 0);
	uint32_t nb = 0;

	while (give(q, &m, 1) == 1) {
		m = packet_new(pool, 60, 0);
		nb++;
	}
	cr_assert_eq(nb, 63);
	for (int i = 0; i < 100; i++)
		cr_assert_eq(give(q, &m, 1), 0);
	cr_assert_eq(plx_mempool_in_use(pool), 64);
	plx_mbuf_free(m);
	cr_assert_eq(txq_free(q, 0), 63);
}

/* ---- Runts ---- */

Test(igb_tx, runts_are_padded)
{
	struct igb_txq *q = txq_new(64, ALL_OFFLOADS, FRAME_MAX);
	struct plx_mbuf *m, *keep;
	struct sent sent;

	card_reset();
	for (uint16_t len = IGB_FRAME_MIN; len < 60; len++) {
		m = packet_new(pool, len, len);
		memset(plx_mbuf_mtod(m, char *) + len, 0xee, 80);
		sent = send_one(q, m);
		assert_sent(&sent, len, len);
	}
	assert_count(q->bounced, 0);

	/* What lies behind a shared packet is not ours to write. */
	keep = packet_new(pool, 20, 1);
	memset(plx_mbuf_mtod(keep, char *) + 20, 0xee, 80);
	plx_mbuf_share(keep, 1);
	sent = send_one(q, keep);
	assert_sent(&sent, 20, 1);
	for (int i = 20; i < 100; i++)
		cr_assert_eq(plx_mbuf_mtod(keep, unsigned char *)[i], 0xee, "byte %d", i);
	assert_count(q->bounced, 1);

	/* A clone, and a chain. */
	m = plx_mbuf_clone(keep, pool);
	sent = send_one(q, m);
	assert_sent(&sent, 20, 1);
	m = packet_new(pool, 20, 1);
	cr_assert_eq(plx_mbuf_chain(m, packet_new(pool, 5, 2)), 0);
	sent = send_one(q, m);
	cr_assert_eq(sent.len, 60);
	cr_assert_eq(sent_bytes[20], byte_of(0, 2));
	cr_assert_eq(sent_bytes[25], 0);
	assert_count(q->bounced, 3);
	plx_mbuf_free(keep);
	cr_assert_eq(txq_free(q, card_slot), 0);
}

/* ---- Refused ---- */

static void assert_refused(struct igb_txq *q, struct plx_mbuf *m, const uint64_t *counter)
{
	uint64_t errors = q->base.stats.errors, packets = q->base.stats.packets, before = *counter;
	uint32_t tail = tail_reg;

	cr_assert_eq(give(q, &m, 1), 1);
	assert_count(q->base.stats.errors, errors + 1);
	assert_count(q->base.stats.packets, packets);
	assert_count(*counter, before + 1);
	cr_assert_eq(tail_reg, tail, "something was sent");
}

Test(igb_tx, what_is_no_frame)
{
	struct igb_txq *q = txq_new(64, 0, FRAME_MAX);
	struct plx_mbuf *m;

	for (unsigned len = 0; len < IGB_FRAME_MIN; len++)
		assert_refused(q, packet_new(pool, len, 0), &q->too_short);
	assert_refused(q, packet_new(pool, FRAME_MAX + 1, 0), &q->too_long);
	m = packet_new(pool, 100, 0);
	cr_assert_eq(plx_mbuf_chain(m, packet_new(pool, 100, 0)), 0);
	assert_refused(q, m, &q->chained);
	m = packet_new(pool, 100, 0);
	m->flags |= PLX_MBUF_F_TX_VLAN;
	assert_refused(q, m, &q->bad_offload);
	cr_assert_eq(txq_free(q, 0), 0);
}

/* The card waits for the bytes that are missing: it would hang. */
Test(igb_tx, a_length_that_lies)
{
	static const int lies[] = {-40, -1, 1, 700};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(lies); i++) {
		struct igb_txq *q = txq_new(64, ALL_OFFLOADS, FRAME_MAX);
		struct plx_mbuf *m = packet_new(pool, 100, 0);

		m->flags |= PLX_MBUF_F_TX_VLAN;
		m->pkt_len = (uint32_t)(100 + lies[i]);
		assert_refused(q, m, &q->bad_length);
		m = packet_new(pool, 100, 0);
		cr_assert_eq(plx_mbuf_chain(m, packet_new(pool, 50, 0)), 0);
		m->pkt_len = (uint32_t)(150 + lies[i]);
		assert_refused(q, m, &q->bad_length);
		cr_assert_eq(txq_free(q, 0), 0);
	}
}

/* Refused ones among good ones. */
Test(igb_tx, refused_amid_a_burst)
{
	struct igb_txq *q = txq_new(64, 0, FRAME_MAX);
	struct plx_mbuf *pkts[30];

	card_reset();
	for (unsigned i = 0; i < 30; i++)
		pkts[i] = packet_new(pool, i % 3 ? 100 : 5, i);
	cr_assert_eq(give(q, pkts, 30), 30);
	assert_count(q->base.stats.errors, 10);
	assert_count(q->base.stats.packets, 20);
	assert_count(q->base.stats.bytes, 2000);
	cr_assert_eq(card_run(q), 20);
	cr_assert_eq(txq_free(q, card_slot), 0);
}

/* ---- Chains ---- */

static struct plx_mbuf *chain_of(const uint32_t *lens, unsigned nb, unsigned salt)
{
	struct plx_mbuf *head = NULL;
	uint32_t at = 0;

	for (unsigned i = 0; i < nb; i++) {
		struct plx_mbuf *m = plx_mbuf_alloc(pool);
		unsigned char *data;

		cr_assert_not_null(m);
		data = plx_mbuf_append(m, (uint16_t)lens[i]);
		for (uint32_t j = 0; j < lens[i]; j++)
			data[j] = byte_of(at++, salt);
		if (head)
			cr_assert_eq(plx_mbuf_chain(head, m), 0);
		else
			head = m;
	}
	return head;
}

Test(igb_tx, chains)
{
	static const uint32_t lens[] = {14, 0, 1, 700, 2000, 0, 33};
	struct igb_txq *q = txq_new(64, ALL_OFFLOADS, 9018);
	struct sent sent;

	card_reset();
	for (unsigned round = 0; round < 100; round++) {
		sent = send_one(q, chain_of(lens, 7, round));
		assert_sent(&sent, 2748, round);
		cr_assert_eq(sent.nb_data, 5);
		cr_assert_eq(payload_of(&sent), 2748);
	}
	assert_count(q->bounced, 0);
	cr_assert_lt(plx_mempool_in_use(pool), 8 * 7);
	cr_assert_eq(txq_free(q, card_slot), 0);
}

/* More pieces than a packet may have are made one. */
Test(igb_tx, long_chains)
{
	struct igb_txq *q = txq_new(512, ALL_OFFLOADS, 9018);
	uint32_t lens[200];
	struct sent sent;

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(lens); i++)
		lens[i] = 40;
	card_reset();
	for (unsigned nb = 2; nb <= 200; nb++) {
		sent = send_one(q, chain_of(lens, nb, nb));
		assert_sent(&sent, nb * 40, nb);
		cr_assert_eq(sent.nb_data, nb <= IGB_TX_DATA_DESCS_MAX ? nb : 1, "%u pieces of %u",
			     sent.nb_data, nb);
	}
	cr_assert_eq(txq_free(q, card_slot), 0);
}

/* A packet waits for as many slots as it takes. */
Test(igb_tx, chains_in_a_full_ring)
{
	static const uint32_t lens[] = {60, 60, 60, 60, 60};
	struct igb_txq *q = txq_new(32, ALL_OFFLOADS, 9018);
	struct plx_mbuf *m;
	uint32_t nb = 0, sent = 0;

	card_reset();
	for (unsigned round = 0; round < 200; round++) {
		m = chain_of(lens, 1 + round % 5, round);
		while (give(q, &m, 1) == 0) {
			sent += card_run(q);
			cr_assert_eq(give(q, &m, 0), 0);
		}
		nb++;
	}
	sent += card_run(q);
	cr_assert_eq(sent, nb);
	cr_assert_eq(txq_free(q, card_slot), 0);
}

/* ---- Memory that the card can't reach ---- */

struct own {
	struct plx_mbuf_ext ext;
	unsigned char bytes[1600];
	bool is_free;
};

static void own_free(void *addr, void *arg)
{
	(void)addr;
	((struct own *)arg)->is_free = true;
}

static struct plx_mbuf *packet_own(struct own *own, uint16_t len, unsigned salt)
{
	struct plx_mbuf *m = plx_mbuf_alloc(pool);

	cr_assert_not_null(m);
	own->is_free = false;
	plx_mbuf_ext_init(&own->ext, own->bytes, own_free, own);
	cr_assert_eq(
		plx_mbuf_attach_ext(m, own->bytes, PLX_IOVA_BAD, sizeof(own->bytes), &own->ext), 0);
	cr_assert_not_null(plx_mbuf_append(m, len));
	plx_mbuf_ext_release(&own->ext);
	for (uint32_t i = 0; i < len; i++)
		own->bytes[i] = byte_of(i, salt);
	return m;
}

Test(igb_tx, copies)
{
	static struct own own[IGB_BOUNCES + 1];
	struct igb_txq *q = txq_new(256, ALL_OFFLOADS, FRAME_MAX);
	struct sent sent;

	card_reset();
	for (unsigned round = 0; round < 3 * IGB_BOUNCES; round++) {
		uint16_t len = (uint16_t)(20 + round * 11);

		sent = send_one(q, packet_own(&own[round % IGB_BOUNCES], len, round));
		assert_sent(&sent, len, round);
		cr_assert(sent.reports, "a copy has to be reported soon");
	}
	assert_count(q->bounced, 3 * IGB_BOUNCES);

	/* With all copies under way the queue is full for such packets alone. */
	for (unsigned i = 0; i <= IGB_BOUNCES; i++) {
		struct plx_mbuf *m = packet_own(&own[i], 100, i), *other;
		uint32_t want = i < IGB_BOUNCES;

		cr_assert_eq(give(q, &m, 1), want, "copy %u", i);
		if (want)
			continue;
		other = packet_new(pool, 100, 7);
		cr_assert_eq(give(q, &other, 1), 1);
		for (unsigned n = 0; n < IGB_BOUNCES; n++) {
			cr_assert(card_read(q, &sent));
			assert_sent(&sent, 100, n);
			card_report(q, &sent);
		}
		cr_assert_eq(give(q, &m, 1), 1);
	}
	card_run(q);
	cr_assert_eq(txq_free(q, card_slot), 0);
	for (unsigned i = 0; i <= IGB_BOUNCES; i++)
		cr_assert(own[i].is_free, "the memory of packet %u was not given back", i);
}

/* ---- Offloads ---- */

struct offload_case {
	uint32_t flags;
	uint8_t l2, l4;
	uint16_t l3, mss, len;
	uint64_t context[2]; /* without index */
	uint64_t options;    /* without index and length */
};

#define CTX(l3, l2, vlan) ((uint64_t)(l3) | (uint64_t)(l2) << 9 | (uint64_t)(vlan) << 16)
#define CTX1(bits, l4len, mss)                                                                     \
	(0x20200000ull | (bits) | (uint64_t)(l4len) << 40 | (uint64_t)(mss) << 48)

/* Figures by the data sheet, not by the driver's names. */
static const struct offload_case offload_cases[] = {
	{PLX_MBUF_F_TX_VLAN, 0, 0, 0, 0, 100, {CTX(0, 14, 0x6123), CTX1(0, 0, 0)}, 1u << 30},
	{PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_IP_CSUM,
	 14,
	 0,
	 20,
	 0,
	 100,
	 {CTX(20, 14, 0), CTX1(1u << 10, 0, 0)},
	 1ull << 40},
	{PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_UDP_CSUM,
	 14,
	 0,
	 24,
	 0,
	 100,
	 {CTX(24, 14, 0), CTX1(1u << 10, 8, 0)},
	 1ull << 41},
	{PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_IP_CSUM | PLX_MBUF_F_TX_TCP_CSUM,
	 18,
	 0,
	 20,
	 0,
	 100,
	 {CTX(20, 18, 0), CTX1(1u << 10 | 1u << 11, 20, 0)},
	 3ull << 40},
	{PLX_MBUF_F_TX_IPV6 | PLX_MBUF_F_TX_TCP_CSUM,
	 14,
	 0,
	 40,
	 0,
	 100,
	 {CTX(40, 14, 0), CTX1(1u << 11, 20, 0)},
	 1ull << 41},
	{PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_SCTP_CSUM | PLX_MBUF_F_TX_VLAN,
	 14,
	 0,
	 20,
	 0,
	 100,
	 {CTX(20, 14, 0x6123), CTX1(1u << 10 | 2u << 11, 12, 0)},
	 1ull << 41 | 1u << 30},
	{PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_TCP_SEG,
	 14,
	 32,
	 20,
	 1448,
	 1900,
	 {CTX(20, 14, 0), CTX1(1u << 10 | 1u << 11, 32, 1448)},
	 3ull << 40 | 1ull << 31},
	{PLX_MBUF_F_TX_IPV6 | PLX_MBUF_F_TX_TCP_SEG | PLX_MBUF_F_TX_VLAN,
	 14,
	 20,
	 40,
	 500,
	 1900,
	 {CTX(40, 14, 0x6123), CTX1(1u << 11, 20, 500)},
	 1ull << 41 | 1ull << 31 | 1u << 30},
};

static struct plx_mbuf *packet_offload(const struct offload_case *c)
{
	struct plx_mbuf *m = packet_new(pool, c->len, 1);

	m->flags |= c->flags;
	m->vlan_tci = 0x6123;
	m->tx.l2_len = c->l2;
	m->tx.l3_len = c->l3;
	m->tx.l4_len = c->l4;
	m->tx.tso_segsz = c->mss;
	return m;
}

Test(igb_tx, offloads)
{
	struct igb_txq *q = txq_new(64, ALL_OFFLOADS, FRAME_MAX);

	card_reset();
	for (size_t i = 0; i < PLX_ARRAY_SIZE(offload_cases); i++) {
		const struct offload_case *c = &offload_cases[i];
		uint32_t payload = c->mss ? c->len - c->l2 - c->l3 - c->l4 : c->len;

		for (unsigned again = 0; again < 3; again++) {
			struct sent sent = send_one(q, packet_offload(c));

			assert_sent(&sent, c->len, 1);
			cr_assert_eq(sent.nb_contexts, again == 0, "case %zu", i);
			cr_assert_eq(sent.context[0], c->context[0], "case %zu: %#llx, want %#llx",
				     i, (unsigned long long)sent.context[0],
				     (unsigned long long)c->context[0]);
			cr_assert_eq(sent.context[1], c->context[1], "case %zu: %#llx, want %#llx",
				     i, (unsigned long long)sent.context[1],
				     (unsigned long long)c->context[1]);
			cr_assert_eq(sent.options & ((1ull << 46) - 1) & ~(7ull << 36), c->options,
				     "case %zu: %#llx", i, (unsigned long long)sent.options);
			cr_assert_eq(payload_of(&sent), payload, "case %zu: PAYLEN %u", i,
				     payload_of(&sent));
		}
	}
	cr_assert_eq(txq_free(q, card_slot), 0);
}

/* SCTP's checksum would be of the padding, too; the card pads behind what it computes. */
Test(igb_tx, what_has_a_checksum_is_not_padded)
{
	static const struct offload_case cases[] = {
		{.flags = PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_SCTP_CSUM,
		 .l2 = 14,
		 .l3 = 20,
		 .len = 50},
		{.flags = PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_UDP_CSUM,
		 .l2 = 14,
		 .l3 = 20,
		 .len = 42},
		{.flags = PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_IP_CSUM,
		 .l2 = 14,
		 .l3 = 20,
		 .len = 34},
	};
	struct igb_txq *q = txq_new(64, ALL_OFFLOADS, FRAME_MAX);

	card_reset();
	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		struct sent sent = send_one(q, packet_offload(&cases[i]));

		cr_assert_eq(sent.len, cases[i].len, "case %zu: %u bytes", i, sent.len);
		cr_assert_eq(payload_of(&sent), cases[i].len, "case %zu", i);
	}
	cr_assert_eq(txq_free(q, card_slot), 0);
}

/* Two stay with the card; the one that was not used last makes place. */
Test(igb_tx, contexts_are_kept)
{
	static const struct {
		unsigned which;
		bool is_written;
	} steps[] = {
		{0, true},  {0, false}, {1, true},  {0, false},
		{1, false}, {0, false}, {2, true}, /* for 1 */
		{0, false}, {2, false}, {1, true}, /* for 0 */
		{2, false}, {0, true},	{2, false}, {0, false},
	};
	struct igb_txq *q = txq_new(64, ALL_OFFLOADS, FRAME_MAX);

	card_reset();
	for (size_t i = 0; i < PLX_ARRAY_SIZE(steps); i++) {
		const struct offload_case *c = &offload_cases[steps[i].which];
		struct sent sent = send_one(q, packet_offload(c));

		cr_assert_eq(sent.nb_contexts, steps[i].is_written, "step %zu", i);
		cr_assert_eq(sent.context[0], c->context[0], "step %zu", i);
	}
	/* Those of a queue that was stopped are gone. */
	plx_igb_tx_reclaim(q);
	{
		uint64_t bytes;

		plx_igb_tx_flush(q, card_slot, &bytes);
	}
	tail_reg = 0;
	card_slot = 0;
	memset(q->ring, 0, q->nb_desc * sizeof(*q->ring));
	card_reset();
	cr_assert_eq(send_one(q, packet_offload(&offload_cases[0])).nb_contexts, 1);
	cr_assert_eq(txq_free(q, card_slot), 0);
}

Test(igb_tx, offloads_that_make_no_sense)
{
	static const struct offload_case bad[] = {
		/* no IP version, both, a header checksum that IPv6 has not */
		{.flags = PLX_MBUF_F_TX_TCP_CSUM, .l2 = 14, .l3 = 20, .len = 100},
		{.flags = PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_IPV6 | PLX_MBUF_F_TX_TCP_CSUM,
		 .l2 = 14,
		 .l3 = 20,
		 .len = 100},
		{.flags = PLX_MBUF_F_TX_IPV6 | PLX_MBUF_F_TX_IP_CSUM,
		 .l2 = 14,
		 .l3 = 40,
		 .len = 100},
		/* two kinds of L4 */
		{.flags = PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_TCP_CSUM | PLX_MBUF_F_TX_UDP_CSUM,
		 .l2 = 14,
		 .l3 = 20,
		 .len = 100},
		{.flags = PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_TCP_SEG | PLX_MBUF_F_TX_UDP_CSUM,
		 .l2 = 14,
		 .l3 = 20,
		 .l4 = 20,
		 .mss = 100,
		 .len = 1000},
		/* lengths: too short, behind the packet's end */
		{.flags = PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_IP_CSUM,
		 .l2 = 13,
		 .l3 = 20,
		 .len = 100},
		{.flags = PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_IP_CSUM,
		 .l2 = 14,
		 .l3 = 19,
		 .len = 100},
		{.flags = PLX_MBUF_F_TX_IPV6 | PLX_MBUF_F_TX_UDP_CSUM,
		 .l2 = 14,
		 .l3 = 20,
		 .len = 100},
		{.flags = PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_TCP_CSUM,
		 .l2 = 127,
		 .l3 = 60,
		 .len = 206},
		/* TSO: no MSS, headers short or long, nothing to cut, segments beyond the MTU */
		{.flags = PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_TCP_SEG,
		 .l2 = 14,
		 .l3 = 20,
		 .l4 = 20,
		 .len = 1000},
		{.flags = PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_TCP_SEG,
		 .l2 = 14,
		 .l3 = 20,
		 .l4 = 19,
		 .mss = 100,
		 .len = 1000},
		{.flags = PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_TCP_SEG,
		 .l2 = 14,
		 .l3 = 20,
		 .l4 = 61,
		 .mss = 100,
		 .len = 1000},
		{.flags = PLX_MBUF_F_TX_IPV6 | PLX_MBUF_F_TX_TCP_SEG,
		 .l2 = 14,
		 .l3 = 511,
		 .l4 = 20,
		 .mss = 100,
		 .len = 1000},
		{.flags = PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_TCP_SEG,
		 .l2 = 14,
		 .l3 = 20,
		 .l4 = 20,
		 .mss = 100,
		 .len = 54},
		{.flags = PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_TCP_SEG,
		 .l2 = 14,
		 .l3 = 20,
		 .l4 = 20,
		 .mss = 1465,
		 .len = 2000},
	};
	struct igb_txq *q = txq_new(64, ALL_OFFLOADS, FRAME_MAX), *plain;
	struct plx_mbuf *m;

	for (size_t i = 0; i < PLX_ARRAY_SIZE(bad); i++)
		assert_refused(q, packet_offload(&bad[i]), &q->bad_offload);
	/* The tag is four bytes more. */
	m = packet_new(pool, FRAME_MAX - 3, 0);
	m->flags |= PLX_MBUF_F_TX_VLAN;
	assert_refused(q, m, &q->too_long);
	cr_assert_eq(txq_free(q, 0), 0);

	/* None was asked for at configure. */
	plain = txq_new(64, PLX_PORT_TX_MULTI_SEGS, FRAME_MAX);
	for (size_t i = 0; i < PLX_ARRAY_SIZE(offload_cases); i++)
		assert_refused(plain, packet_offload(&offload_cases[i]), &plain->bad_offload);
	cr_assert_eq(txq_free(plain, 0), 0);
}

/* 64 KB of payload in a chain; pieces of more than 32 KB are cut. */
Test(igb_tx, large_tso)
{
	struct plx_mempool *large = packets_new("large", 4, 65280, 0);
	struct igb_txq *q = txq_new(64, ALL_OFFLOADS, FRAME_MAX);
	struct plx_mbuf *m, *tail;
	struct sent sent;

	card_reset();
	m = packet_new(pool, 54, 1);
	tail = packet_new(large, 65000, 2);
	cr_assert_eq(plx_mbuf_chain(m, tail), 0);
	m->flags |= PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_TCP_SEG;
	m->tx.l2_len = 14;
	m->tx.l3_len = 20;
	m->tx.l4_len = 20;
	m->tx.tso_segsz = 1460;
	sent = send_one(q, m);
	cr_assert_eq(sent.len, 65054);
	cr_assert_eq(sent.nb_data, 3);
	cr_assert_eq(payload_of(&sent), 65000);
	for (uint32_t i = 0; i < 65000; i++)
		cr_assert_eq(sent_bytes[54 + i], byte_of(i, 2), "byte %u", i);
	cr_assert_eq(txq_free(q, card_slot), 0);
	plx_mbuf_pool_destroy(large);
}

/* More than the card takes, and longer than a copy may be. */
Test(igb_tx, tso_in_too_many_pieces)
{
	uint32_t lens[IGB_TX_DATA_DESCS_MAX + 1];
	struct igb_txq *q = txq_new(256, ALL_OFFLOADS, FRAME_MAX);

	for (unsigned over = 0; over < 2; over++) {
		struct plx_mbuf *m;

		card_reset();
		for (unsigned i = 0; i < PLX_ARRAY_SIZE(lens); i++)
			lens[i] = 100;
		m = chain_of(lens, IGB_TX_DATA_DESCS_MAX + over, 1);
		m->flags |= PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_TCP_SEG;
		m->tx.l2_len = 14;
		m->tx.l3_len = 20;
		m->tx.l4_len = 20;
		m->tx.tso_segsz = 1400;
		if (over)
			assert_refused(q, m, &q->in_pieces);
		else
			cr_assert_eq(send_one(q, m).nb_data, IGB_TX_DATA_DESCS_MAX);
	}
	assert_count(q->unmapped, 0);
	cr_assert_eq(txq_free(q, card_slot), 0);
}

/* ---- Stop ---- */

Test(igb_tx, flush)
{
	static const uint32_t lens[] = {60, 60, 60};
	/* Where the card's head is, and how many of 10 packets of 3 descriptors it has not sent. */
	static const uint32_t cases[][2] = {
		{0, 10}, {1, 10}, {2, 10},  {3, 9},   {15, 5},
		{29, 1}, {30, 0}, {31, 10}, {64, 10}, {UINT32_MAX, 10},
	};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		struct igb_txq *q = txq_new(64, ALL_OFFLOADS, FRAME_MAX);
		uint64_t bytes;

		for (unsigned n = 0; n < 10; n++) {
			struct plx_mbuf *m = chain_of(lens, 3, n);

			cr_assert_eq(give(q, &m, 1), 1);
		}
		cr_assert_eq(plx_igb_tx_flush(q, cases[i][0], &bytes), cases[i][1],
			     "with the head at %u", cases[i][0]);
		assert_count(bytes, cases[i][1] * 180);
		cr_assert_eq(plx_mempool_in_use(pool), 0);
		cr_assert_eq(txq_free(q, 0), 0);
	}
}

Test(igb_tx, dead_device)
{
	struct igb_txq *q = txq_new(64, 0, FRAME_MAX);
	struct plx_mbuf *m = packet_new(pool, 60, 0);

	plx_store_relaxed(&q->dead, 1);
	cr_assert_eq(give(q, &m, 1), 0);
	cr_assert_eq(tail_reg, 0);
	plx_mbuf_free(m);
	cr_assert_eq(txq_free(q, 0), 0);
}

/* ---- All of it, in any order ---- */

struct expected {
	uint32_t len;
	unsigned salt;
};

static struct plx_mbuf *random_packet(struct rng *rng, struct expected *want)
{
	struct plx_mbuf *m;
	uint32_t lens[60];
	unsigned nb = rng_below(rng, 4) ? 1 : rng_between(rng, 2, 60);

	want->salt = rng_below(rng, 200);
	want->len = 0;
	for (unsigned i = 0; i < nb; i++) {
		lens[i] = nb == 1 ? rng_between(rng, 14, FRAME_MAX)
				  : rng_between(rng, i ? 0 : 14, FRAME_MAX / nb);
		want->len += lens[i];
	}
	m = chain_of(lens, nb, want->salt);
	if (rng_below(rng, 3) == 0 && want->len <= FRAME_MAX - 4) {
		m->flags |= PLX_MBUF_F_TX_VLAN;
		m->vlan_tci = (uint16_t)rng_below(rng, 4);
	}
	return m;
}

Test(igb_tx, random_packets)
{
	enum { WAITING = 8192 };
	static const uint32_t sizes[] = {32, 72, 512};
	static struct expected waiting[WAITING];
	struct rng rng = rng_start("igb_tx random_packets");

	for (size_t s = 0; s < PLX_ARRAY_SIZE(sizes); s++) {
		struct igb_txq *q = txq_new(sizes[s], ALL_OFFLOADS, FRAME_MAX);
		uint32_t given = 0, seen = 0, reported = 0;
		static struct sent done[WAITING];

		card_reset();
		while (seen < 20000) {
			uint32_t nb = rng_between(&rng, 1, 8), taken;
			struct plx_mbuf *pkts[8];

			for (uint32_t i = 0; i < nb; i++)
				pkts[i] = random_packet(&rng, &waiting[(given + i) % WAITING]);
			taken = give(q, pkts, nb);
			plx_mbuf_free_bulk(pkts + taken, nb - taken);
			given += taken;
			for (nb = rng_below(&rng, 10); nb > 0 && seen < given; nb--, seen++) {
				const struct expected *want = &waiting[seen % WAITING];

				cr_assert(card_read(q, &done[seen % WAITING]));
				assert_sent(&done[seen % WAITING], want->len, want->salt);
			}
			/* The card reports in order, some time later. */
			for (nb = rng_below(&rng, 12); nb > 0 && reported < seen; nb--, reported++)
				card_report(q, &done[reported % WAITING]);
		}
		assert_count(q->base.stats.packets, given);
		assert_count(q->base.stats.errors, 0);
		cr_assert_gt(q->bounced, 0);
		cr_assert_eq(txq_free(q, card_slot), given - seen);
		cr_assert_eq(plx_mempool_in_use(pool), 0);
	}
}
