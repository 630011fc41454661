/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames with all their checksums, as software computes them: RFC 1071 of IPv4, TCP, UDP; RFC 9260
 * appendix A (CRC32c) of SCTP. From the Pollux port to the kernel's, or back.
 */
#ifndef LAB_IGB_FRAMES_H
#define LAB_IGB_FRAMES_H

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	FRAME_ROOM = 2048,
	PORT_CLOSED = 9999, /* nobody listens there */
	IP_FRAGMENT = 0x2000,
};

struct shape {
	const char *name;
	uint8_t family;	    /* 4, 6; 0: no IP at all */
	uint8_t protocol;   /* IPPROTO_TCP, _UDP, _SCTP */
	uint8_t nb_tags;    /* in the data */
	uint8_t ip_options; /* bytes, a multiple of 4 */
	bool fragment, no_sum, bad_ip, bad_l4;
	uint16_t subnet;  /* 0: 10.9.0.0/24, fd09::/64; else the tag's: 10.9.N.0/24 */
	uint16_t payload; /* bytes behind the L4 header */
	uint16_t tci[2];
	uint32_t seed;
};

struct frame {
	uint32_t len, l2_len, l3_len, l4_len;
	uint32_t bare_len; /* len without the padding up to 60 */
	uint32_t sum_at;   /* of the L4 checksum */
	uint8_t data[FRAME_ROOM];
};

struct lab_ends {
	uint8_t from[ETHER_ADDR_LEN], to[ETHER_ADDR_LEN];
	uint8_t from_host, to_host; /* last byte of the IP addresses */
};

static inline uint32_t frame_sum(const uint8_t *data, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? data[i] : (uint32_t)data[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static inline void frame_put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline uint32_t frame_crc32c(const uint8_t *data, size_t len)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

/* Of the pseudo header; @len 0 for TSO, where each segment has its own. */
static inline uint32_t frame_pseudo(const struct frame *f, uint8_t protocol, uint32_t len)
{
	const uint8_t *ip = f->data + f->l2_len;
	const bool v6 = ip[0] >> 4 == 6;

	return frame_sum(ip + (v6 ? 8 : 12), v6 ? 32 : 8, protocol + len);
}

static inline uint32_t frame_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static inline uint32_t frame_l4_bytes(uint8_t protocol)
{
	return protocol == IPPROTO_TCP ? 20 : protocol == IPPROTO_UDP ? 8 : 12;
}

static inline void frame_ip4(struct frame *f, const struct shape *shape,
			     const struct lab_ends *ends, uint32_t l4_len)
{
	uint8_t *ip = f->data + f->l2_len;
	const uint8_t addresses[] = {10, 9, (uint8_t)shape->subnet, ends->from_host,
				     10, 9, (uint8_t)shape->subnet, ends->to_host};

	f->l3_len = 20u + shape->ip_options;
	ip[0] = (uint8_t)(0x40 | f->l3_len / 4);
	frame_put16(ip + 2, f->l3_len + l4_len);
	frame_put16(ip + 4, shape->seed);
	frame_put16(ip + 6, shape->fragment ? IP_FRAGMENT : 0);
	ip[8] = 64;
	ip[9] = shape->protocol;
	memcpy(ip + 12, addresses, sizeof(addresses));
	memset(ip + 20, 1, shape->ip_options); /* no operation */
	frame_put16(ip + 10, ~frame_sum(ip, f->l3_len, 0) ^ shape->bad_ip);
}

static inline void frame_ip6(struct frame *f, const struct shape *shape,
			     const struct lab_ends *ends, uint32_t l4_len)
{
	uint8_t *ip = f->data + f->l2_len;

	f->l3_len = 40;
	ip[0] = 0x60;
	frame_put16(ip + 4, l4_len);
	ip[6] = shape->protocol;
	ip[7] = 64;
	ip[8] = ip[24] = 0xfd;
	ip[9] = ip[25] = 0x09;
	ip[23] = ends->from_host;
	ip[39] = ends->to_host;
}

static inline void frame_l4(struct frame *f, const struct shape *shape, uint32_t len)
{
	uint8_t *l4 = f->data + f->l2_len + f->l3_len;
	uint32_t sum;

	frame_put16(l4, 1024 + shape->seed % 50000);
	frame_put16(l4 + 2, PORT_CLOSED);
	if (shape->protocol == IPPROTO_SCTP) {
		/* What is behind the header is one chunk: SHUTDOWN ACK has no data, DATA has. */
		l4[12] = len - 12 < 16 ? 8 : 0;
		l4[13] = 3;
		frame_put16(l4 + 14, len - 12);
		f->sum_at = f->l2_len + f->l3_len + 8;
		memset(l4 + 8, 0, 4);
		sum = frame_crc32c(l4, len) ^ shape->bad_l4;
		for (unsigned i = 0; i < 4; i++)
			l4[8 + i] = (uint8_t)(sum >> 8 * i);
		return;
	}
	if (shape->protocol == IPPROTO_UDP) {
		frame_put16(l4 + 4, len);
		f->sum_at = f->l2_len + f->l3_len + 6;
	} else {
		frame_put16(l4 + 12, 0x5010); /* ACK */
		f->sum_at = f->l2_len + f->l3_len + 16;
	}
	frame_put16(f->data + f->sum_at, 0);
	sum = ~frame_sum(l4, len, frame_pseudo(f, shape->protocol, len)) & 0xffff;
	if (sum == 0 && shape->protocol == IPPROTO_UDP)
		sum = 0xffff;
	frame_put16(f->data + f->sum_at, shape->no_sum ? 0 : sum ^ (shape->bad_l4 ? 0x0100 : 0));
}

/* Not shorter than a frame may be: what is behind the packet is zero. */
static inline void frame_make(struct frame *f, const struct shape *shape,
			      const struct lab_ends *ends)
{
	uint32_t state = shape->seed * 2654435761u | 1, l4_len;
	uint8_t *type;

	memset(f, 0, sizeof(*f));
	memcpy(f->data, ends->to, ETHER_ADDR_LEN);
	memcpy(f->data + ETHER_ADDR_LEN, ends->from, ETHER_ADDR_LEN);
	type = f->data + 2 * ETHER_ADDR_LEN;
	for (unsigned i = 0; i < shape->nb_tags; i++, type += 4) {
		frame_put16(type, ETHERTYPE_VLAN);
		frame_put16(type + 2, shape->tci[i]);
	}
	f->l2_len = (uint32_t)(type + 2 - f->data);
	f->l4_len = frame_l4_bytes(shape->protocol);
	l4_len = f->l4_len + shape->payload;
	frame_put16(type, shape->family == 4 ? 0x0800 : shape->family == 6 ? 0x86dd : 0x88b5);
	if (shape->family == 4)
		frame_ip4(f, shape, ends, l4_len);
	else if (shape->family == 6)
		frame_ip6(f, shape, ends, l4_len);
	f->len = f->l2_len + f->l3_len + l4_len;
	for (uint32_t i = f->l2_len + f->l3_len; i < f->len; i++)
		f->data[i] = (uint8_t)frame_random(&state);
	if (shape->family)
		frame_l4(f, shape, l4_len);
	f->bare_len = f->len;
	if (f->len < 60)
		f->len = 60;
}

#endif
