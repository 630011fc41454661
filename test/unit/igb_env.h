/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Queues of the igb driver on memory, and a card that the test plays by hand: it reads and writes
 * descriptors where the tail register, a word of memory here, lets it.
 */
#ifndef TEST_IGB_ENV_H
#define TEST_IGB_ENV_H

#include "igb_private.h"
#include "mbuf_env.h"
#include "seed.h"

enum { IGB_MBUFS = 2048, FRAME_MAX = 1518 };

static struct plx_mempool *pool;
static struct plx_port port;
static struct igb_hw hw;
static uint32_t tail_reg; /* what the driver wrote last */

#define assert_count(got, want)                                                                    \
	do {                                                                                       \
		unsigned long long got_ = (got), want_ = (want);                                   \
		cr_assert_eq(got_, want_, "line %d: %s is %llu, want %llu", __LINE__, #got, got_,  \
			     want_);                                                               \
	} while (0)

static inline void igb_begin(void)
{
	start_pools();
	pool = packets_new("igb", IGB_MBUFS, 0, 0);
	port = (struct plx_port){.id = 3, .mtu = 1500};
	snprintf(port.name, sizeof(port.name), "igb test");
	hw.mac = &plx_igb_macs[IGB_I350];
	log_lines_start();
}

static inline void igb_end(void)
{
	if (plx_mempool_in_use(pool) != 0 || plx_mempool_audit(pool) != 0) {
		fprintf(stderr, "%u packets are not at home, %s\n", plx_mempool_in_use(pool),
			log_lines_text(0));
		abort();
	}
	plx_mbuf_pool_destroy(pool);
	end_pools();
}

/* ---- Receive ---- */

static uint32_t card_slot; /* that the card fills next */

static inline struct igb_rxq *rxq_new(struct plx_mempool *from, uint32_t nb_desc, uint32_t offloads,
				      uint32_t frame_max)
{
	const struct igb_rxq_conf conf = {.hw = &hw, .offloads = offloads, .frame_max = frame_max};
	struct igb_rxq *q = plx_mem_alloc(sizeof(*q), 0, PLX_NODE_ANY);
	int ret;

	cr_assert_not_null(q);
	port.conf.rx_offloads = offloads;
	q->base.pool = from;
	q->base.port = &port;
	q->base.port_id = 3;
	q->base.nb_desc = nb_desc;
	q->base.node = PLX_NODE_ANY;
	ret = plx_igb_rxq_open(&port, q);
	cr_assert_eq(ret, 0, "plx_igb_rxq_open: %d, %s", ret, log_lines_text(0));
	cr_assert_eq(plx_igb_rxq_prepare(q, &conf), 0, "%s", log_lines_text(0));
	q->tail_reg = &tail_reg;
	plx_igb_rx_fill(q);
	tail_reg = q->tail;
	card_slot = 0;
	return q;
}

static inline void rxq_free(struct igb_rxq *q)
{
	plx_igb_rx_flush(q);
	plx_igb_rxq_close(q);
	plx_mem_free(q);
}

static inline uint32_t rx_burst(struct igb_rxq *q, struct plx_mbuf **pkts, uint32_t nb)
{
	return q->base.burst(q, pkts, nb);
}

static inline bool card_has_slot(void)
{
	return card_slot != tail_reg;
}

/* Bytes that are in no frame: the card writes this much of what it says it wrote. */
static inline void card_fill(const struct igb_rxq *q, uint32_t at, uint32_t from, uint32_t len,
			     unsigned salt)
{
	unsigned char *to = (void *)(uintptr_t)q->ring[at].word[0];

	for (uint32_t i = 0; i < len && i < q->buf_bytes; i++)
		to[i] = byte_of(from + i, salt);
}

/* The next descriptor, written back as it is told, after @len bytes of a frame from @from on. */
static inline void card_write(struct igb_rxq *q, uint32_t from, uint32_t len, unsigned salt,
			      uint64_t word0, uint64_t status)
{
	cr_assert(card_has_slot(), "the card has no buffer: slot %u", card_slot);
	cr_assert_eq(q->ring[card_slot].word[1] & IGB_RXD_DD, 0, "slot %u has DD", card_slot);
	card_fill(q, card_slot, from, len, salt);
	q->ring[card_slot].word[0] = word0;
	q->ring[card_slot].word[1] = (uint64_t)len << IGB_RXD_LEN_SHIFT | status;
	card_slot = card_slot + 1 == q->nb_desc ? 0 : card_slot + 1;
}

static inline void card_frame(struct igb_rxq *q, uint32_t len, unsigned salt)
{
	card_write(q, 0, len, salt, 0, IGB_RXD_DD | IGB_RXD_EOP);
}

/* A frame over as many buffers as it takes; the last status is @status. */
static inline void card_long_frame(struct igb_rxq *q, uint32_t len, unsigned salt, uint64_t status)
{
	uint32_t from = 0;

	for (; len - from > q->buf_bytes; from += q->buf_bytes)
		card_write(q, from, q->buf_bytes, salt, 0, IGB_RXD_DD);
	card_write(q, from, len - from, salt, 0, IGB_RXD_DD | IGB_RXD_EOP | status);
}

/* ---- Transmit ---- */

static inline struct igb_txq *txq_new(uint32_t nb_desc, uint32_t offloads, uint32_t frame_max)
{
	struct igb_txq *q = plx_mem_alloc(sizeof(*q), 0, PLX_NODE_ANY);
	int ret;

	cr_assert_not_null(q);
	q->base.port = &port;
	q->base.nb_desc = nb_desc;
	q->base.node = PLX_NODE_ANY;
	ret = plx_igb_txq_open(&port, q);
	cr_assert_eq(ret, 0, "plx_igb_txq_open: %d, %s", ret, log_lines_text(0));
	ret = plx_igb_txq_prepare(&port, q, offloads, frame_max);
	cr_assert_eq(ret, 0, "plx_igb_txq_prepare: %d, %s", ret, log_lines_text(0));
	q->tail_reg = &tail_reg;
	tail_reg = 0;
	card_slot = 0;
	return q;
}

/* @head: how far the card came. Returns how many packets were not sent. */
static inline uint32_t txq_free(struct igb_txq *q, uint32_t head)
{
	uint64_t bytes;
	uint32_t unsent = plx_igb_tx_flush(q, head, &bytes);

	plx_igb_txq_close(q);
	plx_mem_free(q);
	return unsent;
}

#endif
