/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes and recognises the frames of the streams. */
#include "frames.h"

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>

static const uint32_t frame_magic = 0x504c5821; /* "PLX!" */

enum {
	TAG_BYTES = 4,
	IP_BYTES = 20,
	UDP_BYTES = 8,
	ID_BYTES = 8, /* sequence number, magic word */
	TYPE_VLAN = 0x8100,
	TYPE_IP = 0x0800,
};

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t sum16(const uint8_t *at, uint32_t bytes, uint32_t sum)
{
	for (uint32_t i = 0; i < bytes; i++)
		sum += i % 2 ? at[i] : (uint32_t)at[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* One address and port pair a flow; the checksums are right, for cards that look at them. */
static void put_ip_udp(const struct stream *s, uint32_t i, uint8_t *ip, uint32_t ip_bytes)
{
	uint32_t flow = i % s->nb_flows;
	uint8_t *udp = ip + IP_BYTES;
	uint32_t udp_bytes = ip_bytes - IP_BYTES, sum;

	memset(ip, 0, IP_BYTES);
	ip[0] = 0x45;
	put16(ip + 2, ip_bytes);
	ip[8] = 64;
	ip[9] = IPPROTO_UDP;
	put32(ip + 12, 0xc6120001 + flow); /* 198.18.0.0/15: benchmarks */
	put32(ip + 16, 0xc6130001 + flow * 7 % 251);
	put16(ip + 10, ~sum16(ip, IP_BYTES, 0) & 0xffff);

	put16(udp, 1024 + flow * 31);
	put16(udp + 2, 9);
	put16(udp + 4, udp_bytes);
	put16(udp + 6, 0);
	sum = sum16(ip + 12, 8, IPPROTO_UDP + udp_bytes);
	sum = ~sum16(udp, udp_bytes, sum) & 0xffff;
	put16(udp + 6, sum ? sum : 0xffff);
}

static uint32_t header_bytes(const struct stream *s)
{
	return FRAME_HEADER_BYTES + (s->tagged ? TAG_BYTES : 0u) +
	       (s->nb_flows ? IP_BYTES + UDP_BYTES : 0u);
}

static uint32_t frame_bytes(const struct stream *s, uint32_t i)
{
	uint32_t nb_lengths = (s->max_bytes - s->min_bytes) / s->step_bytes + 1;

	return s->min_bytes + i % nb_lengths * s->step_bytes + (s->tagged ? TAG_BYTES : 0u);
}

uint32_t frame_make(const struct stream *s, uint32_t i, uint8_t *frame)
{
	uint32_t len = frame_bytes(s, i), seq = s->first_seq + i, header = header_bytes(s);
	uint32_t type = s->nb_flows ? TYPE_IP : FRAME_TYPE;
	uint8_t *at = frame + 2 * ETHER_ADDR_LEN;
	uint8_t salt = (uint8_t)((seq * 0x9e3779b1u) >> 24);

	memcpy(frame, &s->to, ETHER_ADDR_LEN);
	memcpy(frame + ETHER_ADDR_LEN, &s->from, ETHER_ADDR_LEN);
	if (s->tagged) {
		put16(at, TYPE_VLAN);
		put16(at + 2, s->tci);
		at += TAG_BYTES;
	}
	put16(at, type);
	/* Written whole, then cut: a short frame is the beginning of a longer one. */
	put32(frame + header, seq);
	put32(frame + header + 4, frame_magic);
	for (uint32_t j = header + ID_BYTES; j < len; j++)
		frame[j] = (uint8_t)(salt + j * 7 + (j >> 8) * 3);
	if (s->nb_flows)
		put_ip_udp(s, i, at + 2, len - (uint32_t)(at + 2 - frame));
	return len;
}

uint32_t frame_index(const struct stream *s, const uint8_t *frame, uint32_t len)
{
	uint32_t header = header_bytes(s), index;

	if (len < header + ID_BYTES || get32(frame + header + 4) != frame_magic)
		return UINT32_MAX;
	index = get32(frame + header) - s->first_seq;
	return index < s->nb ? index : UINT32_MAX;
}

bool frame_is(const struct stream *s, uint32_t i, const uint8_t *frame, uint32_t len, char *why,
	      size_t why_bytes)
{
	static __thread uint8_t expected[FRAME_BYTES_MAX];
	uint32_t bytes = frame_make(s, i, expected), got = frame_index(s, frame, len);

	if (got != UINT32_MAX && got != i) {
		snprintf(why, why_bytes, "frame %u of the stream came, want frame %u", got, i);
		return false;
	}
	while (bytes < s->pad_bytes)
		expected[bytes++] = 0;
	if (len != bytes) {
		snprintf(why, why_bytes, "frame %u has %u bytes, want %u", i, len, bytes);
		return false;
	}
	for (uint32_t j = 0; j < len; j++) {
		if (frame[j] != expected[j]) {
			snprintf(why, why_bytes, "frame %u, byte %u of %u: %#x, want %#x", i, j,
				 len, frame[j], expected[j]);
			return false;
		}
	}
	return true;
}

uint64_t stream_bytes(const struct stream *s, uint32_t from, uint32_t to)
{
	uint64_t sum = 0;

	for (uint32_t i = from; i < to; i++) {
		uint32_t bytes = frame_bytes(s, i);

		sum += bytes < s->pad_bytes ? s->pad_bytes : bytes;
	}
	return sum;
}
