/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive: a frame that arrives is counted and filtered, waits in the packet buffer, and goes to
 * the descriptors of its queue. A frame that finds no descriptors blocks all behind it, unless its
 * queue may drop.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim_private.h"

enum {
	HEADER_BYTES = 14,
	MIN_BYTES = 60,	  /* without FCS */
	MAX_BYTES = 9728, /* with it */
	TAG_BYTES = 4,
	STAMP_BYTES = 16,
	BUFFER_KB = 1024,
	DESC_ADVANCED = 1,
	TYPE_PTP = 0x88f7,
	STAMP_ALL = 4,
	RXCSUM_PCSD = BIT(13),
	RXPBS_STAMPS = BIT(31),
	STRCRC = BIT(31),
};

/* ---- From the wire into the packet buffer ---- */

uint32_t sim_rx_buffer_bytes(const struct igb_sim *sim)
{
	static const uint16_t codes[] = {36, 72, 144, 1, 2, 4, 8, 16, 35, 70, 140};
	uint32_t value = reg(sim, R_RXPBS);

	if (sim->conf.type == IGB_SIM_82576)
		return (value & 0x7f) * BUFFER_KB;
	if (sim->conf.type >= IGB_SIM_I210)
		return (value & 0x3f) * BUFFER_KB;
	return codes[(value & 15) <= 10 ? value & 15 : 0] * UINT32_C(1024);
}

/* Damaged frames: each in one counter. Returns whether it is damaged. */
static bool count_errors(struct igb_sim *sim, const struct sim_frame *frame, bool is_oversized)
{
	uint32_t wire = frame->wire;

	if (wire & IGB_SIM_WIRE_CRC) {
		if (frame->len < MIN_BYTES)
			sim_count(sim, S_RFC, 1);
		else if (is_oversized)
			sim_count(sim, S_RJC, 1);
		sim_count(sim, S_CRCERRS, 1);
	}
	if (wire & IGB_SIM_WIRE_SYMBOL) {
		sim_count(sim, S_SYMERRS, 1);
		sim_count(sim, S_RXERRC, 1);
	}
	if (wire & IGB_SIM_WIRE_ALIGN)
		sim_count(sim, S_ALGNERRC, 1);
	if (wire & IGB_SIM_WIRE_LENGTH)
		sim_count(sim, S_RLEC, 1);
	return wire != 0;
}

/* Lengths and damage. Returns whether it may go on. */
static bool is_legal(struct igb_sim *sim, struct sim_frame *frame, const struct sim_packet *packet)
{
	bool is_oversized =
		sim_is_oversized(sim, frame, packet) || frame->len + SIM_FCS_BYTES > MAX_BYTES;
	bool is_bad_ok = reg(sim, R_RCTL) & RCTL_SBP;

	if (count_errors(sim, frame, is_oversized))
		return is_bad_ok && !is_oversized && frame->len >= HEADER_BYTES;
	if (frame->len < MIN_BYTES) {
		sim_count(sim, S_RUC, 1);
		return sim->conf.qemu;
	}
	if (is_oversized) {
		if (!sim->conf.qemu)
			sim_count(sim, S_ROC, 1);
		return false;
	}
	return true;
}

static void count_good(struct igb_sim *sim, const struct sim_frame *frame)
{
	uint32_t len = frame->len + SIM_FCS_BYTES;

	sim_count(sim, S_GPRC, 1);
	sim_count_bytes(sim, S_GORCL, len);
	sim_count_size(sim, S_PRC64, len);
	if (memcmp(frame->bytes, "\xff\xff\xff\xff\xff\xff", 6) == 0)
		sim_count(sim, S_BPRC, 1);
	else if (frame->bytes[0] & 1)
		sim_count(sim, S_MPRC, 1);
}

static bool is_taken(struct igb_sim *sim, struct sim_frame *frame)
{
	struct sim_packet packet;

	if (!(reg(sim, R_RCTL) & RCTL_EN)) {
		sim->drops.rx_disabled++;
		return false;
	}
	sim_count(sim, S_TPR, 1);
	sim_count_bytes(sim, S_TORL, frame->len + SIM_FCS_BYTES);
	sim_parse(sim, frame->bytes, frame->len, &packet);
	if (!is_legal(sim, frame, &packet) || sim_pause_frame(sim, frame))
		return false;
	if (!sim_filter(sim, frame, &packet)) {
		sim->drops.rx_filtered++;
		return false;
	}
	if (sim->buffer.bytes + frame->len + SIM_FCS_BYTES > sim_rx_buffer_bytes(sim)) {
		if (!sim->conf.qemu)
			sim_count(sim, S_MPC, 1);
		sim_cause(sim, ICR_RXO);
		return false;
	}
	if (frame->wire == 0)
		count_good(sim, frame);
	return true;
}

void sim_rx_arrive(struct igb_sim *sim, struct sim_frame *frame)
{
	/* frame->bytes has room for this. */
	if (sim->conf.qemu && frame->len < MIN_BYTES) {
		memset(frame->bytes + frame->len, 0, MIN_BYTES - frame->len);
		sim_count(sim, S_RUC, 1);
		frame->len = MIN_BYTES;
	}
	if (is_taken(sim, frame))
		sim_fifo_put(&sim->buffer, frame);
	else
		free(frame);
}

/* ---- From the packet buffer to memory ---- */

/* A frame on its way into descriptors. */
struct delivery {
	unsigned queue;
	uint32_t buf_bytes; /* of each descriptor */
	uint32_t nb_desc;
	uint32_t len;
	uint32_t stamp[2]; /* with RXS_TS: for the register */
	uint32_t dw[4];	   /* of the last descriptor's write-back, without its length */
	uint8_t bytes[STAMP_BYTES + IGB_SIM_FRAME_MAX + SIM_FCS_BYTES];
};

static void check_conf(struct igb_sim *sim, unsigned queue)
{
	uint32_t srrctl = reg(sim, q_off(R_SRRCTL, queue));
	bool keeps_crc = !(reg(sim, R_RCTL) & RCTL_SECRC);

	if ((srrctl >> 25 & 7) != DESC_ADVANCED)
		sim_violation(sim, IGB_SIM_V_CONF,
			      "SRRCTL(%u) %08x: the model has advanced "
			      "one-buffer descriptors only",
			      queue, srrctl);
	if (srrctl & SRRCTL_TIMESTAMP &&
	    (!sim->part->has_rx_stamp ||
	     (sim->part->clock == SIM_CLOCK_SEC && !(reg(sim, R_RXPBS) & RXPBS_STAMPS))))
		sim_violation(sim, IGB_SIM_V_CONF,
			      "SRRCTL(%u).TIMESTAMP: the %s has no room for it", queue,
			      sim->part->name);
	if (sim->part->has_dvmolr && !sim->conf.qemu &&
	    keeps_crc == !!(reg(sim, q_off(R_DVMOLR, queue)) & STRCRC))
		sim_violation(sim, IGB_SIM_V_CONF, "DVMOLR(%u).STRCRC and RCTL.SECRC differ",
			      queue);
	if (sim->conf.type == IGB_SIM_82576 && (reg(sim, q_off(R_RXDCTL, queue)) >> 16 & 0x1f) > 1)
		sim_violation(sim, IGB_SIM_V_CONF, "RXDCTL(%u).WTHRESH: 1 at most on the 82576",
			      queue);
}

static uint32_t buffer_bytes(const struct igb_sim *sim, unsigned queue)
{
	uint32_t kb = reg(sim, q_off(R_SRRCTL, queue)) & 0x7f;

	return kb ? kb * BUFFER_KB : UINT32_C(2048) >> (reg(sim, R_RCTL) >> 16 & 3);
}

/* Ethertype filters. Returns a queue, or @queue. */
static unsigned ethertype_filter(const struct igb_sim *sim, uint16_t ethertype, uint32_t *type,
				 bool *is_1588, unsigned queue)
{
	for (unsigned i = 0; i < 8; i++) {
		uint32_t etqf = reg(sim, R_ETQF + 4 * i);

		if (!(etqf & BIT(26)) || (etqf & 0xffff) != ethertype)
			continue;
		*type = RXT_ETQF | i << 4;
		*is_1588 = etqf & BIT(30);
		return etqf & BIT(31) ? etqf >> 16 & 7 : queue;
	}
	return queue;
}

/* The stamp register takes one at a time; the stamp in the buffer comes with every frame. */
static void stamp(const struct igb_sim *sim, struct delivery *d, bool is_1588)
{
	uint32_t ctl = reg(sim, R_TSYNCRXCTL), low, high;
	bool is_all = (ctl >> 1 & 7) == STAMP_ALL;
	uint8_t *at = d->bytes;

	if (!(ctl & TSYNC_EN) || !(is_1588 || is_all))
		return;
	sim_time_stamp(sim, &low, &high);
	if (is_all && sim->part->has_rx_stamp && !sim->conf.qemu &&
	    reg(sim, q_off(R_SRRCTL, d->queue)) & SRRCTL_TIMESTAMP) {
		memset(at, 0, STAMP_BYTES);
		memcpy(at + 8, &low, 4);
		memcpy(at + 12, &high, 4);
		d->len = STAMP_BYTES;
		d->dw[2] |= RXS_TSIP;
	} else if (!(ctl & TSYNC_VALID)) {
		d->stamp[0] = low;
		d->stamp[1] = high;
		d->dw[2] |= RXS_TS;
	}
}

static void strip_tag(struct igb_sim *sim, struct delivery *d, const struct sim_frame *frame,
		      const struct sim_packet *packet)
{
	uint32_t skip = 0, tag = packet->tag;

	if (packet->nb_tags && reg(sim, R_CTRL) & CTRL_VME) {
		skip = TAG_BYTES;
		if (frame->is_looped && sim->part->lb_vlan_big_endian)
			tag = (tag >> 8 | tag << 8) & 0xffff;
		d->dw[2] |= RXS_VP;
		d->dw[3] = tag << 16;
	}
	memcpy(d->bytes + d->len, frame->bytes, 12);
	memcpy(d->bytes + d->len + 12, frame->bytes + 12 + skip, frame->len - 12 - skip);
	d->len += frame->len - skip;
	if (!(reg(sim, R_RCTL) & RCTL_SECRC)) {
		uint32_t fcs = sim->conf.qemu ? 0 : sim_crc32(frame->bytes, frame->len);

		memcpy(d->bytes + d->len, &fcs, SIM_FCS_BYTES);
		d->len += SIM_FCS_BYTES;
	}
}

/* Everything but the descriptors. */
static void prepare(struct igb_sim *sim, const struct sim_frame *frame, struct delivery *d)
{
	bool is_damaged = frame->wire, is_1588 = false;
	struct sim_packet packet;
	struct sim_rss rss;
	uint32_t type = 0;

	d->len = 0;
	memset(d->dw, 0, sizeof(d->dw));
	sim_parse(sim, frame->bytes, frame->len, &packet);
	rss = sim_rss(sim, frame->bytes, &packet);
	d->queue = rss.queue;
	if (!is_damaged)
		sim_checksums(sim, frame->bytes, &packet, &type, &d->dw[2]);
	d->queue = ethertype_filter(sim, packet.ethertype, &type, &is_1588, d->queue);
	if (d->queue >= sim->part->nb_queues) {
		sim_violation(sim, IGB_SIM_V_CONF, "RETA leads to queue %u, the %s has %u",
			      d->queue, sim->part->name, sim->part->nb_queues);
		d->queue = 0;
	}
	stamp(sim, d, is_1588);
	strip_tag(sim, d, frame, &packet);
	d->dw[0] = type;
	if (reg(sim, R_RXCSUM) & RXCSUM_PCSD) {
		d->dw[0] |= rss.type;
		d->dw[1] = rss.hash;
	} else if (packet.is_ipv4) {
		uint32_t from = reg(sim, R_RXCSUM) & 0xff;
		uint32_t sum = from < frame->len
				       ? sim_sum16(frame->bytes + from, frame->len - from, 0)
				       : 0;

		d->dw[1] = sum << 16 | (uint32_t)(frame->bytes[packet.l3 + 4] << 8 |
						  frame->bytes[packet.l3 + 5]);
	}
	if (frame->bytes[0] & 1 && frame->bytes[0] != 0xff)
		d->dw[2] |= RXS_PIF;
	if (frame->is_looped)
		d->dw[2] |= RXS_LB;
	if (is_damaged)
		d->dw[2] |= RXS_RXE;
	d->buf_bytes = buffer_bytes(sim, d->queue);
	d->nb_desc = (d->len + d->buf_bytes - 1) / d->buf_bytes;
}

/* The next descriptor: its buffer, checked. */
static bool fetch(struct igb_sim *sim, uint64_t at, const struct delivery *d, uint64_t *addr)
{
	uint64_t desc[2];

	if (!sim_dma_read(sim, at, desc, sizeof(desc)))
		return false;
	if (desc[1] & 1)
		sim_violation(sim, IGB_SIM_V_DESC, "receive descriptor at %#llx: DD is set",
			      (unsigned long long)at);
	if (!sim_is_mapped(sim, desc[0], d->buf_bytes))
		sim_violation(sim, IGB_SIM_V_DMA, "receive buffer of %u bytes at %#llx",
			      d->buf_bytes, (unsigned long long)desc[0]);
	*addr = desc[0];
	return true;
}

/* Descriptor @i of the frame. */
static void put(struct igb_sim *sim, const struct delivery *d, uint32_t i, uint64_t at)
{
	uint32_t from = i * d->buf_bytes, len = d->len - from;
	bool is_last = i == d->nb_desc - 1;
	uint32_t dw[4] = {0, 0, RXS_DD, 0};
	uint64_t addr;

	len = len < d->buf_bytes ? len : d->buf_bytes;
	if (fetch(sim, at, d, &addr))
		(void)sim_dma_write(sim, addr, d->bytes + from, len);
	if (is_last) {
		memcpy(dw, d->dw, sizeof(dw));
		dw[2] |= RXS_DD | (fault(sim, IGB_SIM_F_RX_NO_EOP) ? 0 : RXS_EOP);
	}
	dw[2] |= fault(sim, IGB_SIM_F_RX_STATUS);
	dw[3] |= (len | fault(sim, IGB_SIM_F_RX_LENGTH)) & 0xffff;
	sim_write_back(sim, d->queue, false, at, dw, is_last);
}

static void deliver(struct igb_sim *sim, const struct delivery *d)
{
	uint32_t threshold = (reg(sim, q_off(R_SRRCTL, d->queue)) >> 20 & 0x1f) * 16;
	struct sim_ring ring = sim_rx_ring(sim, d->queue);

	check_conf(sim, d->queue);
	if (d->dw[2] & RXS_TS) {
		reg_set(sim, R_RXSTMPL, d->stamp[0]);
		reg_set(sim, R_RXSTMPH, d->stamp[1]);
		reg_bits(sim, R_TSYNCRXCTL, 0, TSYNC_VALID);
	}
	for (uint32_t i = 0; i < d->nb_desc; i++) {
		uint64_t at = ring.base + (uint64_t)ring.head * 16;

		sim_descriptor_done(sim);
		if (sim_is_gone(sim))
			return;
		ring.head = (ring.head + 1) % ring.nb;
		reg_set(sim, q_off(R_RDH, d->queue), ring.head);
		put(sim, d, i, at);
	}
	sim->regs[(R_PQGPRC + 0x100 * d->queue) / 4]++;
	sim->regs[(R_PQGORC + 0x100 * d->queue) / 4] += d->len + SIM_FCS_BYTES;
	sim_count(sim, S_RPTHC, 1);
	if ((ring.tail + ring.nb - ring.head) % ring.nb < threshold)
		sim_cause(sim, ICR_RXDMT0);
}

static uint32_t room(const struct igb_sim *sim, unsigned queue)
{
	struct sim_ring ring = sim_rx_ring(sim, queue);

	if (!sim->rxq[queue].is_on || ring.nb == 0 || ring.tail >= ring.nb)
		return 0;
	return (ring.tail + ring.nb - ring.head) % ring.nb;
}

/* No descriptors for it: may it be dropped? */
static bool is_dropped(struct igb_sim *sim, struct sim_frame *frame, const struct delivery *d)
{
	uint32_t q = d->queue;
	bool others = false;

	if (sim->conf.qemu) {
		for (unsigned i = 0; i < sim->part->nb_queues; i++)
			others |= room(sim, i) > 0;
		if (others)
			sim_cause(sim, ICR_RXO);
		return others;
	}
	if (reg(sim, q_off(R_SRRCTL, q)) & BIT(31) || d->nb_desc >= sim_rx_ring(sim, q).nb) {
		sim->regs[q_off(R_RQDPC, q) / 4]++;
		sim->regs[(R_PQMPRC + 0x100 * q) / 4]++;
		return true;
	}
	if (!frame->is_waiting)
		sim_count(sim, S_RNBC, 1);
	frame->is_waiting = true;
	return false;
}

bool sim_rx_one(struct igb_sim *sim)
{
	struct sim_frame *frame = sim->buffer.first;
	struct delivery d = {0};

	if (!frame || !(reg(sim, R_RCTL) & RCTL_EN) || !sim_is_master(sim))
		return false;
	prepare(sim, frame, &d);
	if (!sim->rxq[d.queue].is_on) {
		sim->drops.rx_disabled++;
	} else if (room(sim, d.queue) < d.nb_desc) {
		if (!is_dropped(sim, frame, &d))
			return false;
	} else {
		deliver(sim, &d);
	}
	free(sim_fifo_get(&sim->buffer));
	return true;
}

int igb_sim_rx_write_back(struct igb_sim *sim, unsigned queue, const uint32_t dwords[4])
{
	struct sim_ring ring;
	int ret = -EAGAIN;

	sim_enter(sim);
	if (queue < sim->part->nb_queues && room(sim, queue) > 0 && !sim_is_gone(sim)) {
		ring = sim_rx_ring(sim, queue);
		reg_set(sim, q_off(R_RDH, queue), (ring.head + 1) % ring.nb);
		sim_write_back(sim, queue, false, ring.base + (uint64_t)ring.head * 16, dwords,
			       true);
		ret = 0;
	}
	sim_leave(sim);
	return ret;
}
