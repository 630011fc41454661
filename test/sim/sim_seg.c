/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the card does to a packet on its way out: checksums, the VLAN tag, and the segments of one
 * that is longer than a frame.
 */
#include <string.h>

#include "sim_private.h"

enum {
	L4_UDP = 0,
	L4_TCP = 1,
	L4_SCTP = 2,
	TAG_BYTES = 4,
	MAC_MIN = 14,
	MAC_MAX = 127,
	IP_MIN = 20,
	IP_MAX = 511,
	L4_MIN = 8,
	TCP_MIN = 20,
	MSS_MAX = 9216,
	FRAME_MAX = IGB_SIM_FRAME_MAX,
	R_DTXTCPFLGL = 0x359c,
	R_DTXTCPFLGH = 0x35a0,
};

#define CMD_VLE BIT(30)
#define CMD_TSE BIT(31)
#define OL_IXSM BIT(8)
#define OL_TXSM BIT(9)

struct layout {
	uint32_t mac, ip, l4, header; /* lengths */
	uint32_t mss;
	unsigned l4_type;
	bool is_ipv4;
	uint16_t vlan;
};

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)(at[0] << 8 | at[1]);
}

static struct layout layout_of(const uint32_t *ctx)
{
	struct layout l = {
		.mac = ctx[0] >> 9 & 0x7f,
		.ip = ctx[0] & 0x1ff,
		.vlan = (uint16_t)(ctx[0] >> 16),
		.is_ipv4 = ctx[2] & BIT(10),
		.l4_type = ctx[2] >> 11 & 3,
		.l4 = ctx[3] >> 8 & 0xff,
		.mss = ctx[3] >> 16,
	};

	l.header = l.mac + l.ip + l.l4;
	return l;
}

/* ---- Checksums: @len is all of the frame ---- */

static void ip_checksum(uint8_t *bytes, const struct layout *l)
{
	uint8_t *ip = bytes + l->mac;

	put16(ip + 10, 0);
	put16(ip + 10, (uint16_t)~sim_sum16(ip, l->ip, 0));
}

/* The field holds the pseudo-header's sum; @add: what is not in it yet. */
static void l4_checksum(uint8_t *bytes, uint32_t len, const struct layout *l, uint32_t add)
{
	uint8_t *l4 = bytes + l->mac + l->ip;
	uint32_t l4_bytes = len - l->mac - l->ip, sum;

	if (l->l4_type == L4_SCTP) {
		memset(l4 + 8, 0, 4);
		sum = sim_crc32c(l4, l4_bytes);
		memcpy(l4 + 8, &sum, 4);
		return;
	}
	sum = (uint16_t)~sim_sum16(l4, l4_bytes, add);
	if (l->l4_type == L4_UDP && sum == 0)
		sum = 0xffff;
	put16(l4 + (l->l4_type == L4_TCP ? 16 : 6), sum);
}

/* ---- Out ---- */

static void send_frame(struct igb_sim *sim, const struct sim_tx_packet *tx, const uint8_t *bytes,
		       uint32_t len, uint16_t vlan)
{
	uint8_t tagged[FRAME_MAX + TAG_BYTES];
	bool wants_tag = tx->cmd & CMD_VLE;

	if (wants_tag && !sim->conf.qemu && !(reg(sim, R_CTRL) & CTRL_VME)) {
		sim_violation(sim, IGB_SIM_V_CONF, "transmit queue %u: VLE without CTRL.VME",
			      tx->queue);
		wants_tag = false;
	}
	if (!wants_tag || len < 12) {
		sim_tx_frame(sim, tx->queue, bytes, len);
		return;
	}
	memcpy(tagged, bytes, 12);
	put16(tagged + 12, reg(sim, R_VET) & 0xffff);
	put16(tagged + 14, vlan);
	memcpy(tagged + 16, bytes + 12, len - 12);
	sim_tx_frame(sim, tx->queue, tagged, len + TAG_BYTES);
}

/* Segment [@from, @from + @chunk) of the payload. */
static void segment(struct igb_sim *sim, const struct sim_tx_packet *tx, const struct layout *l,
		    uint32_t from, uint32_t chunk)
{
	bool is_first = from == 0, is_last = l->header + from + chunk == tx->len;
	uint32_t len = l->header + chunk, index = from / l->mss, flags;
	uint8_t frame[FRAME_MAX], *ip = frame + l->mac, *l4 = ip + l->ip;

	memcpy(frame, tx->bytes, l->header);
	memcpy(frame + l->header, tx->bytes + l->header + from, chunk);
	if (l->is_ipv4) {
		put16(ip + 2, len - l->mac);
		put16(ip + 4, get16(ip + 4) + index);
	} else {
		put16(ip + 4, len - l->mac - 40);
	}
	if (l->l4_type == L4_TCP) {
		uint32_t seq = get16(l4 + 4) << 16 | get16(l4 + 6);

		put16(l4 + 4, (seq + from) >> 16);
		put16(l4 + 6, seq + from);
		flags = get16(l4 + 12);
		if (!is_first || !is_last)
			flags &= 0xf000 | (is_first  ? reg(sim, R_DTXTCPFLGL) & 0xfff
					   : is_last ? reg(sim, R_DTXTCPFLGH) & 0xfff
						     : reg(sim, R_DTXTCPFLGL) >> 16 & 0xfff);
		put16(l4 + 12, flags);
	} else {
		put16(l4 + 4, len - l->mac - l->ip);
	}
	if (tx->olinfo & OL_IXSM && l->is_ipv4)
		ip_checksum(frame, l);
	l4_checksum(frame, len, l, len - l->mac - l->ip);
	send_frame(sim, tx, frame, len, l->vlan);
}

static bool is_wrong(struct igb_sim *sim, const struct sim_tx_packet *tx, bool is_wrong,
		     const char *what, uint32_t value)
{
	if (is_wrong)
		sim_violation(sim, IGB_SIM_V_DESC, "transmit queue %u: %s %u", tx->queue, what,
			      value);
	return is_wrong;
}

static bool is_tso_wrong(struct igb_sim *sim, const struct sim_tx_packet *tx,
			 const struct layout *l)
{
	uint32_t paylen = tx->olinfo >> 14;
	uint32_t l4_min = l->l4_type == L4_TCP ? TCP_MIN : L4_MIN;

	return is_wrong(sim, tx, l->l4_type == L4_SCTP, "segmentation of L4T", l->l4_type) ||
	       is_wrong(sim, tx, l->l4 < l4_min, "L4LEN", l->l4) ||
	       is_wrong(sim, tx, l->mss == 0 || l->mss > MSS_MAX, "MSS", l->mss) ||
	       is_wrong(sim, tx, l->header > SIM_HEADER_MAX, "headers of", l->header) ||
	       is_wrong(sim, tx, l->header >= tx->len, "nothing behind headers of", l->header) ||
	       is_wrong(sim, tx, paylen != tx->len - l->header, "PAYLEN of segments", paylen) ||
	       is_wrong(sim, tx, !(tx->olinfo & OL_TXSM), "segmentation without TXSM, POPTS",
			tx->olinfo >> 8 & 3) ||
	       is_wrong(sim, tx, l->is_ipv4 && !(tx->olinfo & OL_IXSM),
			"segmentation of IPv4 without IXSM, POPTS", tx->olinfo >> 8 & 3);
}

/* Offsets against the packet. */
static bool are_headers_wrong(struct igb_sim *sim, const struct sim_tx_packet *tx,
			      const struct layout *l)
{
	static const uint8_t l4_bytes[] = {8, 20, 12, 0};
	uint32_t need = l->mac + l->ip + (tx->olinfo & OL_TXSM ? l4_bytes[l->l4_type] : 0);

	return is_wrong(sim, tx, l->mac < MAC_MIN || l->mac > MAC_MAX, "MACLEN", l->mac) ||
	       is_wrong(sim, tx, l->ip < IP_MIN || l->ip > IP_MAX, "IPLEN", l->ip) ||
	       is_wrong(sim, tx, l->l4_type == 3, "L4T", l->l4_type) ||
	       is_wrong(sim, tx, need > tx->len, "headers beyond the packet,", need) ||
	       is_wrong(sim, tx, tx->olinfo & OL_IXSM && !l->is_ipv4,
			"IXSM without TUCMD.IPV4, IPLEN", l->ip);
}

bool sim_seg_send(struct igb_sim *sim, const struct sim_tx_packet *tx)
{
	bool is_tso = tx->cmd & CMD_TSE, has_sums = tx->olinfo & (OL_IXSM | OL_TXSM);
	uint32_t paylen = tx->olinfo >> 14;
	struct layout l = {0};

	if (is_wrong(sim, tx, !tx->ctx && (is_tso || has_sums || tx->cmd & CMD_VLE),
		     "offload without a context, index", tx->olinfo >> 4 & 7))
		return false;
	if (tx->ctx)
		l = layout_of(tx->ctx);
	if ((is_tso || has_sums) && are_headers_wrong(sim, tx, &l))
		return false;
	if (is_tso) {
		if (is_tso_wrong(sim, tx, &l))
			return false;
		for (uint32_t from = 0; l.header + from < tx->len; from += l.mss) {
			uint32_t left = tx->len - l.header - from;

			segment(sim, tx, &l, from, left < l.mss ? left : l.mss);
		}
		sim_count(sim, S_TSCTC, 1);
		return true;
	}
	if (is_wrong(sim, tx, tx->len > FRAME_MAX, "frame of", tx->len) ||
	    (is_wrong(sim, tx, paylen != tx->len, "PAYLEN", paylen) && !sim->conf.qemu))
		return false;
	if (tx->olinfo & OL_IXSM)
		ip_checksum(tx->bytes, &l);
	if (tx->olinfo & OL_TXSM)
		l4_checksum(tx->bytes, tx->len, &l, 0);
	send_frame(sim, tx, tx->bytes, tx->len, l.vlan);
	return true;
}
