/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transmit: descriptors of one packet from the ring, its bytes from memory, the frames made of it
 * to the wire or back (loopback), then the write-back.
 */
#include <stdlib.h>
#include <string.h>

#include "sim_private.h"

enum {
	DESC_BYTES = 16,
	TYPE_CONTEXT = 2,
	TYPE_DATA = 3,
	CONTEXTS = 2,
	FRAGMENTS_MAX = 40,
	MIN_BYTES = 60,
	MIN_PADDED = 17, /* what silicon pads */
	MAX_BYTES = 9728,
	UNIT_BYTES = 64, /* of DTXMXPKTSZ */
};

#define DESC_EOP BIT(24)
#define DESC_IFCS BIT(25)
#define DESC_RS BIT(27)
#define DESC_DEXT BIT(29)
#define DESC_TSTAMP BIT(19)

/* ---- One frame out of the MAC ---- */

static void count_sent(struct igb_sim *sim, unsigned queue, const uint8_t *bytes, uint32_t len)
{
	len += SIM_FCS_BYTES;
	sim_count(sim, S_GPTC, 1);
	sim_count(sim, S_TPT, 1);
	sim_count(sim, S_HGPTC, 1);
	sim_count_bytes(sim, S_GOTCL, len);
	sim_count_bytes(sim, S_TOTL, len);
	sim_count_size(sim, S_PTC64, len);
	if (memcmp(bytes, "\xff\xff\xff\xff\xff\xff", 6) == 0)
		sim_count(sim, S_BPTC, 1);
	else if (bytes[0] & 1)
		sim_count(sim, S_MPTC, 1);
	sim->regs[(R_PQGPTC + 0x100 * queue) / 4]++;
	sim->regs[(R_PQGOTC + 0x100 * queue) / 4] += len;
}

static bool is_loopback(const struct igb_sim *sim)
{
	return (reg(sim, R_RCTL) >> 6 & 3) == 1;
}

/* Back to the receiver. The MAC must not ask the PHY for speed and duplex. */
static void loop(struct igb_sim *sim, const uint8_t *bytes, uint32_t len)
{
	const uint32_t forced = CTRL_SLU | CTRL_FRCSPD | CTRL_FRCDPX;
	struct sim_frame *frame;

	if ((reg(sim, R_CTRL) & forced) != forced && !sim->conf.qemu) {
		sim_violation(sim, IGB_SIM_V_CONF,
			      "MAC loopback with CTRL %08x: SLU, FRCSPD, FRCDPX are wanted",
			      reg(sim, R_CTRL));
		return;
	}
	frame = sim_frame_new(bytes, len);
	if (frame) {
		frame->is_looped = true;
		sim_rx_arrive(sim, frame);
	}
}

void sim_tx_frame(struct igb_sim *sim, unsigned queue, const uint8_t *bytes, uint32_t len)
{
	uint32_t units = sim->conf.type == IGB_SIM_82576 ? 0 : reg(sim, R_DTXMXPKTSZ) & 0x1ff;
	uint32_t max = units ? units * UNIT_BYTES : MAX_BYTES;
	uint8_t padded[MIN_BYTES] = {0};

	if (len + SIM_FCS_BYTES > max || len < (sim->conf.qemu ? 14 : MIN_PADDED)) {
		sim_violation(sim, IGB_SIM_V_DESC, "transmit queue %u: frame of %u bytes", queue,
			      len);
		return;
	}
	if (len < MIN_BYTES && !sim->conf.qemu && reg(sim, R_TCTL) & TCTL_PSP) {
		memcpy(padded, bytes, len);
		bytes = padded;
		len = MIN_BYTES;
	}
	if (!is_loopback(sim) && !sim->is_link_up) {
		sim->drops.tx_lost++; /* only the emulation comes here */
		return;
	}
	count_sent(sim, queue, bytes, len);
	if (is_loopback(sim))
		loop(sim, bytes, len);
	else
		sim_wire_send(sim, bytes, len);
}

static void stamp(struct igb_sim *sim)
{
	uint32_t ctl = reg(sim, R_TSYNCTXCTL), low, high;

	if (!(ctl & TSYNC_EN) || ctl & TSYNC_VALID)
		return;
	sim_time_stamp(sim, &low, &high);
	reg_set(sim, R_TXSTMPL, low);
	reg_set(sim, R_TXSTMPH, high);
	reg_bits(sim, R_TSYNCTXCTL, 0, TSYNC_VALID);
	if (sim->conf.type != IGB_SIM_82576) {
		reg_bits(sim, R_TSICR, 0, BIT(1));
		if (reg(sim, R_TSIM) & BIT(1))
			sim_cause(sim, ICR_TS);
	}
}

/* ---- Descriptors ---- */

struct gather {
	struct sim_ring ring;
	unsigned queue;
	uint32_t at; /* of the next descriptor */
	uint32_t nb; /* data descriptors of the packet */
	uint32_t len;
	uint32_t first[4];
};

static void broken(struct igb_sim *sim, struct gather *g, const char *why, uint32_t value)
{
	sim_violation(sim, IGB_SIM_V_DESC, "transmit queue %u, descriptor %u: %s (%#x)", g->queue,
		      g->at, why, value);
	sim->txq[g->queue].is_broken = true;
}

static void done(struct igb_sim *sim, unsigned queue, uint64_t addr, const uint32_t desc[4])
{
	bool is_reporting = desc[2] & DESC_RS;
	uint32_t threshold = reg(sim, q_off(R_TXDCTL, queue)) >> 16 & 0x1f;
	uint32_t dw[4] = {0, 0, 0, 1};

	if (sim->conf.qemu) {
		memcpy(dw, desc, sizeof(dw));
		dw[3] |= 1;
		threshold = 0;
	}
	if (is_reporting || threshold > 0)
		sim_write_back(sim, queue, true, addr, dw, is_reporting);
}

/* A context descriptor is done at once. */
static bool context(struct igb_sim *sim, struct gather *g, const uint32_t desc[4])
{
	struct sim_queue *q = &sim->txq[g->queue];
	unsigned idx = desc[3] >> 4 & 7;

	if (g->nb > 0) {
		broken(sim, g, "context within a packet", desc[2]);
		return false;
	}
	if (idx >= CONTEXTS) {
		broken(sim, g, "context of a number that there is not", idx);
		return false;
	}
	memcpy(q->ctx[idx], desc, DESC_BYTES);
	done(sim, g->queue, g->ring.base + (uint64_t)g->at * DESC_BYTES, desc);
	g->at = (g->at + 1) % g->ring.nb;
	reg_set(sim, q_off(R_TDH, g->queue), g->at);
	return true;
}

static bool data(struct igb_sim *sim, struct gather *g, const uint32_t desc[4])
{
	uint64_t addr = desc[0] | (uint64_t)desc[1] << 32;
	uint32_t len = desc[2] & 0xffff;

	if (g->nb == 0)
		memcpy(g->first, desc, DESC_BYTES);
	if (len == 0 || g->len + len > SIM_TX_BYTES_MAX) {
		broken(sim, g, "length", len);
		return false;
	}
	if (!(desc[2] & DESC_IFCS) && desc[2] & DESC_EOP)
		broken(sim, g, "IFCS is not set", desc[2]);
	if (!sim_dma_read(sim, addr, sim->tx_bytes + g->len, len) && !sim->conf.qemu) {
		sim->txq[g->queue].is_broken = true;
		return false;
	}
	g->len += len;
	g->nb++;
	g->at = (g->at + 1) % g->ring.nb;
	return true;
}

/* All descriptors of a packet. False: there is none, or the queue is broken. */
static bool collect(struct igb_sim *sim, struct gather *g)
{
	while (g->at != g->ring.tail) {
		uint32_t desc[4], type;

		if (!sim_dma_read(sim, g->ring.base + (uint64_t)g->at * DESC_BYTES, desc,
				  sizeof(desc))) {
			sim->txq[g->queue].is_broken = true;
			return false;
		}
		type = desc[2] >> 20 & 15;
		if (!(desc[2] & DESC_DEXT) || (type != TYPE_CONTEXT && type != TYPE_DATA)) {
			broken(sim, g, "type", desc[2]);
			return false;
		}
		if (!(type == TYPE_CONTEXT ? context(sim, g, desc) : data(sim, g, desc)))
			return false;
		if (type == TYPE_DATA && desc[2] & DESC_EOP)
			return true;
	}
	if (g->nb > 0)
		broken(sim, g, "the tail is in the middle of a packet", g->ring.tail);
	return false;
}

static void write_back_all(struct igb_sim *sim, const struct gather *g, uint32_t from)
{
	for (uint32_t at = from, i = 0; i < g->nb; i++, at = (at + 1) % g->ring.nb) {
		uint64_t addr = g->ring.base + (uint64_t)at * DESC_BYTES;
		uint32_t desc[4];

		sim_descriptor_done(sim);
		if (sim_is_gone(sim) || !sim_dma_read(sim, addr, desc, sizeof(desc)))
			return;
		reg_set(sim, q_off(R_TDH, g->queue), (at + 1) % g->ring.nb);
		done(sim, g->queue, addr, desc);
	}
}

static bool send_one(struct igb_sim *sim, unsigned queue)
{
	struct gather g = {.ring = sim_tx_ring(sim, queue), .queue = queue};
	struct sim_queue *q = &sim->txq[queue];
	struct sim_tx_packet tx = {.bytes = sim->tx_bytes, .queue = queue};
	uint32_t from;
	unsigned idx;

	if (g.ring.nb == 0 || g.ring.tail >= g.ring.nb)
		return false;
	g.at = g.ring.head;
	if (!collect(sim, &g))
		return reg(sim, q_off(R_TDH, queue)) != g.ring.head;
	from = (g.at + g.ring.nb - g.nb) % g.ring.nb;
	if (g.nb > FRAGMENTS_MAX)
		sim_violation(sim, IGB_SIM_V_DESC, "transmit queue %u: packet of %u descriptors",
			      queue, g.nb);
	tx.len = g.len;
	tx.cmd = g.first[2];
	tx.olinfo = g.first[3];
	idx = tx.olinfo >> 4 & 7;
	if (idx < CONTEXTS && q->ctx[idx][2])
		tx.ctx = q->ctx[idx];
	if (!sim_seg_send(sim, &tx) && !sim->conf.qemu) {
		q->is_broken = true;
		return false;
	}
	if (tx.cmd & DESC_TSTAMP)
		stamp(sim);
	write_back_all(sim, &g, from);
	return true;
}

static bool may_send(struct igb_sim *sim)
{
	if (!(reg(sim, R_TCTL) & TCTL_EN) || !sim_is_master(sim) || fault(sim, IGB_SIM_F_TX_HANG))
		return false;
	if (is_loopback(sim) || (sim->conf.qemu && !sim->is_link_up))
		return true;
	return sim->is_link_up && sim->pause_ns <= sim->now_ns && sim_wire_has_room(sim);
}

/* The emulation takes descriptors without bus mastering, and forgets them. */
static void lose_all(struct igb_sim *sim)
{
	for (unsigned i = 0; i < sim->part->nb_queues; i++) {
		struct sim_ring ring = sim_tx_ring(sim, i);

		if (sim->txq[i].is_on && ring.head != ring.tail) {
			reg_set(sim, q_off(R_TDH, i), ring.tail);
			sim->drops.tx_lost++;
		}
	}
}

bool sim_tx_one(struct igb_sim *sim)
{
	if (sim->conf.qemu && !(sim->config[4] & 4) && reg(sim, R_TCTL) & TCTL_EN)
		lose_all(sim);
	if (!may_send(sim))
		return false;
	for (unsigned i = 0; i < sim->part->nb_queues; i++) {
		unsigned queue = (sim->next_txq + i) % sim->part->nb_queues;
		struct sim_ring ring = sim_tx_ring(sim, queue);

		if (!sim->txq[queue].is_on || sim->txq[queue].is_broken || ring.head == ring.tail)
			continue;
		sim->next_txq = queue + 1;
		if (send_one(sim, queue))
			return true;
	}
	return false;
}
