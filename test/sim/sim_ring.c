/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory and rings: what DMA may reach, the registers of queues, write-back of descriptors in
 * batches (WTHRESH) or by the vector's timer (EITR).
 */
#include <errno.h>
#include <string.h>

#include "sim_private.h"

enum {
	CHANGE_NS = 10000, /* until ENABLE takes effect */
	DESC_BYTES = 16,
	DESC_STEP = 8,
	RING_MAX = 32768,
	OFF_BAL = 0x00,
	OFF_BAH = 0x04,
	OFF_LEN = 0x08,
	OFF_HEAD = 0x10,
	OFF_TAIL = 0x18,
	OFF_CTL = 0x28,
};

/* ---- Memory ---- */

/* The first range that ends at or after @addr. */
static unsigned find(const struct igb_sim *sim, uint64_t addr)
{
	unsigned low = 0, high = sim->nb_ranges;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (sim->ranges[mid].last < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool sim_is_mapped(const struct igb_sim *sim, uint64_t addr, uint64_t len)
{
	uint64_t last = addr + len - 1;

	if (len == 0 || last < addr)
		return len == 0;
	for (unsigned i = find(sim, addr); i < sim->nb_ranges && sim->ranges[i].first <= addr;
	     i++) {
		if (sim->ranges[i].last >= last)
			return true;
		addr = sim->ranges[i].last + 1;
	}
	return false;
}

int igb_sim_dma_map(struct igb_sim *sim, void *addr, size_t len_bytes)
{
	uint64_t first = (uintptr_t)addr, last = first + len_bytes - 1;
	int ret = 0;
	unsigned at;

	if (!addr || len_bytes == 0 || last < first)
		return -EINVAL;
	sim_enter(sim);
	at = find(sim, first);
	if (at < sim->nb_ranges && sim->ranges[at].first <= last) {
		ret = -EEXIST;
	} else if (sim->nb_ranges == SIM_RANGES_MAX) {
		ret = -ENOMEM;
	} else {
		memmove(&sim->ranges[at + 1], &sim->ranges[at],
			(sim->nb_ranges - at) * sizeof(sim->ranges[0]));
		sim->ranges[at].first = first;
		sim->ranges[at].last = last;
		sim->nb_ranges++;
	}
	sim_leave(sim);
	return ret;
}

static void check_unmap(struct igb_sim *sim, uint64_t first, uint64_t last)
{
	for (unsigned i = 0; i < 2 * sim->part->nb_queues; i++) {
		unsigned q = i / 2;
		bool is_tx = i % 2;
		struct sim_ring ring = is_tx ? sim_tx_ring(sim, q) : sim_rx_ring(sim, q);
		bool is_on = is_tx ? sim->txq[q].is_on : sim->rxq[q].is_on;

		if (is_on && ring.nb && ring.base <= last &&
		    ring.base + ring.nb * DESC_BYTES > first && !sim_is_gone(sim))
			sim_violation(sim, IGB_SIM_V_DMA,
				      "%s queue %u is on while its ring is unmapped",
				      is_tx ? "transmit" : "receive", q);
	}
}

int igb_sim_dma_unmap(struct igb_sim *sim, void *addr, size_t len_bytes)
{
	uint64_t first = (uintptr_t)addr;
	int ret = -ENOENT;
	unsigned at;

	sim_enter(sim);
	at = find(sim, first);
	if (at < sim->nb_ranges && sim->ranges[at].first == first &&
	    sim->ranges[at].last == first + len_bytes - 1) {
		check_unmap(sim, first, first + len_bytes - 1);
		sim->nb_ranges--;
		memmove(&sim->ranges[at], &sim->ranges[at + 1],
			(sim->nb_ranges - at) * sizeof(sim->ranges[0]));
		ret = 0;
	}
	sim_leave(sim);
	return ret;
}

void sim_dma_fault(struct igb_sim *sim)
{
	sim->config[7] |= 0x20;	   /* received master abort */
	sim->config[0xaa] |= 0x08; /* unsupported request */
	if (!sim->conf.qemu)
		sim_cause(sim, ICR_FER);
}

bool sim_dma_read(struct igb_sim *sim, uint64_t addr, void *bytes, size_t len)
{
	if (sim_is_mapped(sim, addr, len)) {
		memcpy(bytes, (const void *)(uintptr_t)addr, len);
		return true;
	}
	sim_violation(sim, IGB_SIM_V_DMA, "read of %zu bytes at %#llx", len,
		      (unsigned long long)addr);
	memset(bytes, 0, len);
	sim_dma_fault(sim);
	return false;
}

bool sim_dma_write(struct igb_sim *sim, uint64_t addr, const void *bytes, size_t len)
{
	if (sim_is_mapped(sim, addr, len)) {
		memcpy((void *)(uintptr_t)addr, bytes, len);
		return true;
	}
	sim_violation(sim, IGB_SIM_V_DMA, "write of %zu bytes at %#llx", len,
		      (unsigned long long)addr);
	sim_dma_fault(sim);
	return false;
}

/* ---- Rings ---- */

static struct sim_ring ring_at(const struct igb_sim *sim, uint32_t at)
{
	struct sim_ring ring = {
		.base = reg(sim, at + OFF_BAL) | (uint64_t)reg(sim, at + OFF_BAH) << 32,
		.nb = reg(sim, at + OFF_LEN) / DESC_BYTES,
		.head = reg(sim, at + OFF_HEAD),
		.tail = reg(sim, at + OFF_TAIL),
	};

	return ring;
}

struct sim_ring sim_rx_ring(const struct igb_sim *sim, unsigned queue)
{
	return ring_at(sim, q_off(R_RDBAL, queue));
}

struct sim_ring sim_tx_ring(const struct igb_sim *sim, unsigned queue)
{
	return ring_at(sim, q_off(R_TDBAL, queue));
}

static void turn_on(struct igb_sim *sim, struct sim_queue *q, uint32_t at, const char *what)
{
	struct sim_ring ring = ring_at(sim, at);

	if (ring.nb == 0 || ring.nb % DESC_STEP || ring.nb > RING_MAX)
		sim_violation(sim, IGB_SIM_V_RING, "%s (%05x) turned on with %u descriptors", what,
			      at, ring.nb);
	else if (!sim_is_mapped(sim, ring.base, (uint64_t)ring.nb * DESC_BYTES))
		sim_violation(sim, IGB_SIM_V_DMA, "%s (%05x) turned on, its ring is not mapped",
			      what, at);
	q->is_on = true;
	q->is_broken = false;
	reg_bits(sim, at + OFF_CTL, 0, QUEUE_ENABLE);
}

static void rx_change(struct igb_sim *sim, unsigned queue)
{
	struct sim_queue *q = &sim->rxq[queue];
	uint32_t at = q_off(R_RDBAL, queue);

	q->change_ns = SIM_NEVER;
	if (q->is_wanted) {
		turn_on(sim, q, at, "receive queue");
		sim_kick(sim);
		return;
	}
	sim_flush(sim, queue, false);
	q->is_on = false;
	reg_bits(sim, at + OFF_CTL, QUEUE_ENABLE, 0);
}

static void tx_change(struct igb_sim *sim, unsigned queue)
{
	struct sim_queue *q = &sim->txq[queue];
	uint32_t at = q_off(R_TDBAL, queue);
	struct sim_ring ring = sim_tx_ring(sim, queue);

	if (q->is_wanted) {
		q->change_ns = SIM_NEVER;
		memset(q->ctx, 0, sizeof(q->ctx));
		if (!q->is_on) {
			reg_set(sim, at + OFF_HEAD, 0);
			reg_set(sim, at + OFF_TAIL, 0);
		}
		turn_on(sim, q, at, "transmit queue");
		return;
	}
	/* It goes off when what it was given is sent. */
	if (ring.head != ring.tail && !q->is_broken) {
		q->change_ns = sim->now_ns + CHANGE_NS;
		return;
	}
	q->change_ns = SIM_NEVER;
	sim_flush(sim, queue, true);
	q->is_on = false;
	reg_bits(sim, at + OFF_CTL, QUEUE_ENABLE, 0);
}

static void control_write(struct igb_sim *sim, struct sim_queue *q, uint32_t offset, uint32_t value,
			  void (*change)(struct igb_sim *sim, unsigned queue), unsigned queue,
			  bool is_tx)
{
	reg_set(sim, offset,
		(value & ~(QUEUE_ENABLE | QUEUE_SWFLSH)) | (q->is_on ? QUEUE_ENABLE : 0));
	if (value & QUEUE_SWFLSH)
		sim_flush(sim, queue, is_tx);
	q->is_wanted = value & QUEUE_ENABLE;
	if (q->is_wanted == q->is_on) {
		q->change_ns = SIM_NEVER;
		return;
	}
	if (fault(sim, IGB_SIM_F_QUEUE_STUCK))
		return;
	q->change_ns = sim->now_ns + (sim->conf.qemu ? 0 : CHANGE_NS);
	if (sim->conf.qemu)
		change(sim, queue);
}

static void tail_write(struct igb_sim *sim, struct sim_queue *q, uint32_t at, uint32_t value,
		       const char *what)
{
	struct sim_ring ring = ring_at(sim, at);
	uint32_t had, added;

	if (!q->is_on) {
		if (value)
			sim_violation(sim, IGB_SIM_V_TAIL, "%s (%05x): tail %u while it is off",
				      what, at, value);
		if (!sim->conf.qemu)
			return;
	}
	if (ring.nb == 0 && value == 0) {
		reg_set(sim, at + OFF_TAIL, 0);
		return;
	}
	if (value >= ring.nb) {
		sim_violation(sim, IGB_SIM_V_TAIL, "%s (%05x): tail %u of a ring of %u", what, at,
			      value, ring.nb);
		return;
	}
	if (q->is_on) {
		had = (ring.tail + ring.nb - ring.head) % ring.nb;
		added = (value + ring.nb - ring.tail) % ring.nb;
		if (had + added >= ring.nb)
			sim_violation(sim, IGB_SIM_V_TAIL,
				      "%s (%05x): tail goes from %u to %u past the head %u of %u",
				      what, at, ring.tail, value, ring.head, ring.nb);
	}
	reg_set(sim, at + OFF_TAIL, value);
	q->is_broken = false;
	sim_kick(sim);
}

static void queue_write(struct igb_sim *sim, struct sim_queue *q, uint32_t offset, uint32_t value,
			bool is_tx, unsigned queue)
{
	const char *what = is_tx ? "transmit queue" : "receive queue";
	uint32_t low = offset % QUEUE_STRIDE, at = offset - low;

	switch (low) {
	case OFF_CTL:
		control_write(sim, q, offset, value, is_tx ? tx_change : rx_change, queue, is_tx);
		return;
	case OFF_TAIL:
		tail_write(sim, q, at, value, what);
		return;
	default:
		break;
	}
	/* The emulation's are on after a reset. */
	if (q->is_on && value != reg(sim, offset) && (q->is_wanted || !sim->conf.qemu))
		sim_violation(sim, IGB_SIM_V_RING, "%s: %05x written while it is on", what, offset);
	reg_set(sim, offset, value);
}

void sim_rxq_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value)
{
	queue_write(sim, &sim->rxq[i], offset, value, false, i);
}

void sim_txq_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value)
{
	queue_write(sim, &sim->txq[i], offset, value, true, i);
}

void sim_rctl_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value)
{
	(void)i;
	reg_set(sim, offset, value);
	sim_kick(sim);
}

uint32_t sim_rqdpc_read(struct igb_sim *sim, uint32_t offset, unsigned i)
{
	uint32_t value = reg(sim, offset);

	(void)i;
	reg_set(sim, offset, 0);
	return value;
}

/* ---- Write-back ---- */

/* In two halves, as a driver may see it; what else the card wrote is seen by who sees DD. */
static void store(uint64_t addr, const uint32_t dw[4])
{
	uint64_t *at = (void *)(uintptr_t)addr;

	__atomic_store_n(&at[0], dw[0] | (uint64_t)dw[1] << 32, __ATOMIC_RELAXED);
	__atomic_store_n(&at[1], dw[2] | (uint64_t)dw[3] << 32, __ATOMIC_RELEASE);
}

static void head_write_back(struct igb_sim *sim, unsigned queue)
{
	uint32_t low = reg(sim, q_off(R_TDWBAL, queue));
	uint64_t addr = (low & ~3u) | (uint64_t)reg(sim, q_off(R_TDWBAH, queue)) << 32;

	if (sim_is_mapped(sim, addr, 4))
		__atomic_store_n((uint32_t *)(uintptr_t)addr, reg(sim, q_off(R_TDH, queue)),
				 __ATOMIC_RELEASE);
	else
		sim_violation(sim, IGB_SIM_V_DMA, "head write-back to %#llx",
			      (unsigned long long)addr);
}

void sim_flush(struct igb_sim *sim, unsigned queue, bool is_tx)
{
	struct sim_queue *q = is_tx ? &sim->txq[queue] : &sim->rxq[queue];
	bool is_silent = fault(sim, is_tx ? IGB_SIM_F_TX_NO_DD : IGB_SIM_F_RX_NO_DD);

	q->flush_ns = SIM_NEVER;
	if (q->nb_pending == 0)
		return;
	if (!is_silent && is_tx && reg(sim, q_off(R_TDWBAL, queue)) & 1)
		head_write_back(sim, queue);
	else
		for (unsigned i = 0; i < q->nb_pending && !is_silent; i++)
			store(q->pending[i].addr, q->pending[i].dw);
	q->nb_pending = 0;
	if (q->has_cause && !is_silent)
		sim_cause_queue(sim, queue, is_tx);
	q->has_cause = false;
}

void sim_write_back(struct igb_sim *sim, unsigned queue, bool is_tx, uint64_t addr,
		    const uint32_t dw[4], bool cause)
{
	struct sim_queue *q = is_tx ? &sim->txq[queue] : &sim->rxq[queue];
	uint32_t threshold = reg(sim, q_off(is_tx ? R_TXDCTL : R_RXDCTL, queue)) >> 16 & 0x1f;
	uint64_t interval = sim_intr_interval_ns(sim, queue, is_tx);

	if (!sim_is_mapped(sim, addr, DESC_BYTES)) {
		sim_violation(sim, IGB_SIM_V_DMA, "write-back of a descriptor at %#llx",
			      (unsigned long long)addr);
		sim_dma_fault(sim);
		return;
	}
	q->pending[q->nb_pending].addr = addr;
	memcpy(q->pending[q->nb_pending++].dw, dw, DESC_BYTES);
	q->has_cause |= cause;
	if (threshold <= 1 || interval == 0 || sim->conf.qemu || q->nb_pending >= threshold ||
	    q->nb_pending == SIM_PENDING_MAX)
		sim_flush(sim, queue, is_tx);
	else if (q->flush_ns == SIM_NEVER)
		q->flush_ns = sim->now_ns + interval;
}

/* ---- Time ---- */

void sim_ring_tick(struct igb_sim *sim)
{
	for (unsigned i = 0; i < sim->part->nb_queues; i++) {
		if (sim->now_ns >= sim->rxq[i].change_ns)
			rx_change(sim, i);
		if (sim->now_ns >= sim->txq[i].change_ns)
			tx_change(sim, i);
		if (sim->now_ns >= sim->rxq[i].flush_ns)
			sim_flush(sim, i, false);
		if (sim->now_ns >= sim->txq[i].flush_ns)
			sim_flush(sim, i, true);
	}
}

uint64_t sim_ring_next_ns(const struct igb_sim *sim)
{
	uint64_t next = SIM_NEVER;

	for (unsigned i = 0; i < sim->part->nb_queues; i++) {
		const uint64_t times[] = {sim->rxq[i].change_ns, sim->txq[i].change_ns,
					  sim->rxq[i].flush_ns, sim->txq[i].flush_ns};

		for (unsigned k = 0; k < 4; k++)
			next = times[k] < next ? times[k] : next;
	}
	return next;
}
