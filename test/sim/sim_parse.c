/* SPDX-License-Identifier: BSD-3-Clause */
/* What a frame's headers are, and its checksums: IPv4, TCP, UDP, SCTP, FCS. */
#include <netinet/in.h>
#include <string.h>

#include "sim_private.h"

enum {
	MAC_BYTES = 14,
	TAG_BYTES = 4,
	TYPE_IPV4 = 0x0800,
	TYPE_IPV6 = 0x86dd,
	RXCSUM_IPOFL = BIT(8),
	RXCSUM_TUOFL = BIT(9),
	RXCSUM_CRCOFL = BIT(11),
	RXCSUM_IPPCSE = BIT(12),
	RXCSUM_PCSD = BIT(13),
	RFCTL_IPV6_EX_DIS = BIT(16),
};

static uint16_t be16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* ---- Sums ---- */

uint16_t sim_sum16(const uint8_t *bytes, uint32_t len, uint32_t sum)
{
	uint64_t total = sum;

	for (uint32_t i = 0; i + 1 < len; i += 2)
		total += be16(bytes + i);
	if (len % 2)
		total += (uint32_t)bytes[len - 1] << 8;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)total;
}

static uint32_t crc(const uint8_t *bytes, uint32_t len, uint32_t poly)
{
	uint32_t value = UINT32_MAX;

	for (uint32_t i = 0; i < len; i++) {
		value ^= bytes[i];
		for (unsigned bit = 0; bit < 8; bit++)
			value = value >> 1 ^ (value & 1 ? poly : 0);
	}
	return ~value;
}

uint32_t sim_crc32(const uint8_t *bytes, uint32_t len)
{
	return crc(bytes, len, 0xedb88320);
}

uint32_t sim_crc32c(const uint8_t *bytes, uint32_t len)
{
	return crc(bytes, len, 0x82f63b78);
}

/* ---- Headers ---- */

static void parse_ipv4(const uint8_t *bytes, uint32_t len, struct sim_packet *p)
{
	const uint8_t *ip = bytes + p->l3;
	uint32_t room = len - p->l3, header, total;

	if (room < 20 || ip[0] >> 4 != 4)
		return;
	header = (ip[0] & 15u) * 4;
	total = be16(ip + 2);
	if (header < 20 || header > room || total < header || total > room)
		return;
	p->is_ipv4 = true;
	p->has_ext = header > 20;
	p->l3_len = header;
	p->is_fragment = be16(ip + 6) & 0x3fff;
	p->l4 = ip[9];
	p->l4_bytes = total - header;
}

/* Extension headers are followed unless RFCTL says otherwise; then what is behind is unknown. */
static void parse_ipv6(const struct igb_sim *sim, const uint8_t *bytes, uint32_t len,
		       struct sim_packet *p)
{
	const uint8_t *ip = bytes + p->l3;
	uint32_t room = len - p->l3, end, at = 40;
	uint8_t next;

	if (room < 40 || ip[0] >> 4 != 6)
		return;
	end = 40u + be16(ip + 4);
	if (end > room)
		return;
	p->is_ipv6 = true;
	next = ip[6];
	while (next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
	       next == IPPROTO_FRAGMENT) {
		p->has_ext = true;
		if (next == IPPROTO_FRAGMENT)
			p->is_fragment = true;
		if (reg(sim, R_RFCTL) & RFCTL_IPV6_EX_DIS || p->is_fragment || at + 8 > end) {
			next = 0;
			break;
		}
		next = ip[at];
		at += 8 + ip[at + 1] * 8u;
		if (at > end)
			next = 0;
	}
	p->l3_len = at < end ? at : end;
	p->l4 = next;
	p->l4_bytes = end - p->l3_len;
}

static void check_l4(struct sim_packet *p)
{
	static const struct {
		uint8_t protocol, bytes;
	} known[] = {{IPPROTO_TCP, 20}, {IPPROTO_UDP, 8}, {IPPROTO_SCTP, 12}};

	for (unsigned i = 0; i < 3; i++)
		if (p->l4 == known[i].protocol && p->l4_bytes >= known[i].bytes && !p->is_fragment)
			return;
	p->l4 = 0;
}

void sim_parse(const struct igb_sim *sim, const uint8_t *bytes, uint32_t len, struct sim_packet *p)
{
	uint16_t vet = (uint16_t)reg(sim, R_VET);

	memset(p, 0, sizeof(*p));
	p->l2_len = MAC_BYTES;
	if (len < MAC_BYTES)
		return;
	p->ethertype = be16(bytes + 12);
	while (p->ethertype == vet && p->nb_tags < 2 && len >= p->l2_len + TAG_BYTES) {
		if (p->nb_tags++ == 0)
			p->tag = be16(bytes + 14);
		p->l2_len += TAG_BYTES;
		p->ethertype = be16(bytes + p->l2_len - 2);
	}
	p->l3 = p->l2_len;
	if (p->ethertype == TYPE_IPV4)
		parse_ipv4(bytes, len, p);
	else if (p->ethertype == TYPE_IPV6)
		parse_ipv6(sim, bytes, len, p);
	check_l4(p);
}

/* ---- What the descriptor says of it ---- */

static uint32_t pseudo_sum(const uint8_t *bytes, const struct sim_packet *p)
{
	const uint8_t *ip = bytes + p->l3;
	uint32_t sum = p->l4 + p->l4_bytes;

	if (p->is_ipv4)
		return sim_sum16(ip + 12, 8, sum);
	return sim_sum16(ip + 8, 32, sum);
}

static void l4_status(const struct igb_sim *sim, const uint8_t *bytes, const struct sim_packet *p,
		      uint32_t *status)
{
	const uint8_t *l4 = bytes + p->l3 + p->l3_len;
	bool is_good;

	if (p->l4 == IPPROTO_SCTP) {
		uint8_t copy[IGB_SIM_FRAME_MAX];
		uint32_t sum;

		if (!(reg(sim, R_RXCSUM) & RXCSUM_CRCOFL))
			return;
		memcpy(copy, l4, p->l4_bytes);
		memset(copy + 8, 0, 4);
		sum = sim_crc32c(copy, p->l4_bytes);
		is_good = memcmp(&sum, l4 + 8, 4) == 0;
		/* The 82576's error: a good one of 60 bytes is called bad. */
		if (sim->conf.type == IGB_SIM_82576 && p->l3 + p->l3_len + p->l4_bytes == 60)
			is_good = false;
		*status |= RXS_L4CS | (is_good ? 0 : RXS_L4E);
		return;
	}
	if (!(reg(sim, R_RXCSUM) & RXCSUM_TUOFL))
		return;
	if (p->l4 == IPPROTO_UDP) {
		if (be16(l4 + 6) == 0)
			return; /* has none */
		*status |= RXS_UDPCS;
	}
	is_good = sim_sum16(l4, p->l4_bytes, pseudo_sum(bytes, p)) == 0xffff;
	*status |= RXS_L4CS | (is_good ? 0 : RXS_L4E);
}

void sim_checksums(const struct igb_sim *sim, const uint8_t *bytes, const struct sim_packet *p,
		   uint32_t *type, uint32_t *status)
{
	if (p->is_ipv4)
		*type |= RXT_IPV4 | (p->has_ext ? RXT_IPV4_EXT : 0);
	if (p->is_ipv6)
		*type |= RXT_IPV6 | (p->has_ext ? RXT_IPV6_EXT : 0);
	if (p->l4 == IPPROTO_TCP)
		*type |= RXT_TCP;
	if (p->l4 == IPPROTO_UDP)
		*type |= RXT_UDP;
	if (p->l4 == IPPROTO_SCTP)
		*type |= RXT_SCTP;
	if (p->is_ipv4 && reg(sim, R_RXCSUM) & RXCSUM_IPOFL) {
		*status |= RXS_IPCS;
		if (sim_sum16(bytes + p->l3, p->l3_len, 0) != 0xffff)
			*status |= RXS_IPE;
	}
	if (p->l4)
		l4_status(sim, bytes, p, status);
}
