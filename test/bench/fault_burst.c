/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data path of net_fault. The sender puts packets into the wire; all the rest is done by the
 * receiver, one packet at a time, so that a packet that is late comes when its time has come,
 * whatever the sender does meanwhile. Its time counts from when it came out of the wire.
 */
#include <pollux/bits.h>
#include <pollux/clock.h>
#include <pollux/mbuf_data.h>
#include <string.h>

#include "fault.h"

/* Nothing comes that could pass a packet: so much later it is next all the same. */
enum { PASS_WAIT_NS = 100 * 1000000 };

static void count_fault(struct fault_rxq *rxq, enum fault_kind kind)
{
	plx_count(&rxq->end->done[kind], 1);
}

/* ---- What comes out next ---- */

static void push(struct fault_rxq *rxq, struct plx_mbuf *m)
{
	rxq->ready[rxq->ready_nb++] = m;
}

/* @m passes; who waited for it is next. */
static void pass(struct fault_rxq *rxq, struct plx_mbuf *m)
{
	push(rxq, m);
	rxq->nb_past++;
	if (!rxq->swapped.m)
		return;
	push(rxq, rxq->swapped.m);
	rxq->swapped.m = NULL;
	count_fault(rxq, FAULT_SWAP);
}

static void flip(struct plx_mbuf *m, uint32_t bit)
{
	uint8_t *data = plx_mbuf_data(m);

	bit %= 8u * m->data_len;
	data[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* Ethernet's type for local experiments, of nobody to everybody. */
static void insert(struct fault_rxq *rxq)
{
	static const uint8_t head[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,
				       0,    0,	   0,	 0,    0xfa, 0x88, 0xb5};
	struct plx_mbuf *m = plx_mbuf_alloc(rxq->base.pool);
	uint8_t *data = m ? plx_mbuf_append(m, FAULT_FOREIGN_BYTES) : NULL;

	if (!data) {
		plx_mbuf_free(m);
		count_fault(rxq, FAULT_NONE);
		return;
	}
	memset(data, 0, FAULT_FOREIGN_BYTES);
	memcpy(data, head, sizeof(head));
	m->port = rxq->base.port_id;
	push(rxq, m);
	count_fault(rxq, FAULT_INSERT);
}

static void pass_twice(struct fault_rxq *rxq, struct plx_mbuf *m)
{
	struct plx_mbuf *copy = plx_mbuf_copy(m, rxq->base.pool, 0, m->pkt_len);

	count_fault(rxq, copy ? FAULT_DUP : FAULT_NONE);
	pass(rxq, m);
	if (!copy)
		return;
	copy->port = rxq->base.port_id;
	push(rxq, copy);
}

static void hold(struct fault_rxq *rxq, struct plx_mbuf *m)
{
	if (rxq->held_end - rxq->held_at == FAULT_HELD_MAX) {
		count_fault(rxq, FAULT_NONE);
		pass(rxq, m);
		return;
	}
	rxq->held[rxq->held_end++ % FAULT_HELD_MAX] =
		(struct fault_held){m, rxq->now_ns + rxq->end->plan.hold_ns, rxq->nb_past};
}

/* The first that was held back, if its time has come and another one has passed it. */
static bool let_go(struct fault_rxq *rxq)
{
	const struct fault_held *held = &rxq->held[rxq->held_at % FAULT_HELD_MAX];
	bool is_past = held->nb_past != rxq->nb_past;

	if (rxq->held_at == rxq->held_end ||
	    rxq->now_ns < held->due_ns + (is_past ? 0 : PASS_WAIT_NS))
		return false;
	push(rxq, held->m);
	rxq->held_at++;
	count_fault(rxq, is_past ? FAULT_HOLD : FAULT_NONE);
	return true;
}

/* ---- One packet ---- */

static void treat(struct fault_rxq *rxq, struct plx_mbuf *m)
{
	struct fault_port *end = rxq->end;
	uint64_t n = end->nb_passed;
	enum fault_kind kind = plx_net_fault_of(&end->plan, n);

	plx_count(&end->nb_passed, 1);
	if (plx_net_fault_names(&end->plan.of[FAULT_INSERT], n))
		insert(rxq);
	switch (kind) {
	case FAULT_DROP:
		plx_mbuf_free(m);
		count_fault(rxq, kind);
		return;
	case FAULT_FLIP:
		flip(m, end->plan.flip_bit);
		count_fault(rxq, kind);
		break;
	case FAULT_DUP:
		pass_twice(rxq, m);
		return;
	case FAULT_SWAP:
		if (rxq->swapped.m) /* it is the next of another one, and that is all */
			break;
		rxq->swapped = (struct fault_held){m, rxq->now_ns + PASS_WAIT_NS, 0};
		return;
	case FAULT_HOLD:
		hold(rxq, m);
		return;
	case FAULT_STALL:
		rxq->stalled = (struct fault_held){m, rxq->now_ns + end->plan.stall_ns, 0};
		count_fault(rxq, kind);
		return;
	default:
		break;
	}
	pass(rxq, m);
}

static struct plx_mbuf *next_in(struct fault_rxq *rxq)
{
	if (rxq->in_at == rxq->in_nb) {
		rxq->in_at = 0;
		rxq->in_nb = plx_ring_sc_dequeue_burst(rxq->ring, (void **)rxq->in, FAULT_BATCH);
	}
	return rxq->in_at < rxq->in_nb ? rxq->in[rxq->in_at++] : NULL;
}

/* Nothing is ready: make something so. False: there is nothing to do at this time. */
static bool step(struct fault_rxq *rxq)
{
	struct plx_mbuf *m;

	rxq->ready_at = rxq->ready_nb = 0;
	if (let_go(rxq))
		return true;
	if (rxq->stalled.m) {
		if (rxq->stalled.due_ns > rxq->now_ns)
			return false;
		m = rxq->stalled.m;
		rxq->stalled.m = NULL;
		pass(rxq, m);
		return true;
	}
	m = next_in(rxq);
	if (m) {
		treat(rxq, m);
		return true;
	}
	if (rxq->swapped.m && rxq->swapped.due_ns <= rxq->now_ns) {
		push(rxq, rxq->swapped.m);
		rxq->swapped.m = NULL;
		count_fault(rxq, FAULT_NONE);
		return true;
	}
	return false;
}

/* ---- Bursts ---- */

uint32_t plx_net_fault_rx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	struct fault_rxq *rxq = queue;
	uint64_t bytes = 0;
	uint32_t done = 0;

	rxq->now_ns = plx_clock_now_ns();
	while (done < nb && (rxq->ready_at < rxq->ready_nb || step(rxq))) {
		if (rxq->ready_at == rxq->ready_nb)
			continue;
		pkts[done] = rxq->ready[rxq->ready_at++];
		pkts[done]->port = rxq->base.port_id;
		bytes += pkts[done++]->pkt_len;
	}
	plx_count(&rxq->base.stats.packets, done);
	plx_count(&rxq->base.stats.bytes, bytes);
	return done;
}

uint32_t plx_net_fault_tx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	struct fault_txq *txq = queue;
	const uint32_t frame_max = plx_load_relaxed(&txq->frame_max);
	uint64_t bytes = 0;
	uint32_t sent = 0;

	/* Acquire: pairs with the release in start(). */
	if (plx_load_acquire(txq->open) == 0)
		return 0;
	nb = plx_min_u32(nb, plx_ring_sp_room(txq->ring, nb));
	for (uint32_t i = 0; i < nb; i++) {
		struct plx_mbuf *m = pkts[i];
		uint32_t len = m->pkt_len;

		if (len == 0 || len > frame_max || m->nb_segs > 1) {
			plx_mbuf_free(m);
			continue;
		}
		m->flags &= PLX_MBUF_F_ATTACHED;
		m->offload = 0;
		plx_mbuf_pass(m);
		sent += plx_ring_sp_enqueue(txq->ring, m);
		bytes += len;
	}
	plx_count(&txq->base.stats.errors, nb - sent);
	plx_count(&txq->base.stats.packets, sent);
	plx_count(&txq->base.stats.bytes, bytes);
	return nb;
}

static uint64_t free_held(struct fault_held *held)
{
	uint64_t nb = held->m != NULL;

	plx_mbuf_free(held->m);
	held->m = NULL;
	return nb;
}

uint64_t plx_net_fault_flush(struct fault_rxq *rxq)
{
	uint64_t nb = free_held(&rxq->stalled) + free_held(&rxq->swapped);
	struct plx_mbuf *m;

	for (; rxq->ready_at < rxq->ready_nb; nb++)
		plx_mbuf_free(rxq->ready[rxq->ready_at++]);
	for (; rxq->held_at != rxq->held_end; rxq->held_at++)
		nb += free_held(&rxq->held[rxq->held_at % FAULT_HELD_MAX]);
	for (; (m = next_in(rxq)); nb++)
		plx_mbuf_free(m);
	return nb;
}
