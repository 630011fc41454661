/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packets of the benchmark: Ethernet, IPv4 without options, UDP, then 18 bytes that are just
 * what a frame of 64 bytes (60 without FCS) leaves:
 *
 *	0  magic word      4   "PLXB": the packet is one of ours
 *	4  sequence        6   big-endian, of its stream, from 0
 *	10 intended time   8   big-endian, ns of plx_clock_now_ns(): when it was due to be sent
 *
 * A larger frame goes on with a pattern. The stream is the UDP source port; the UDP checksum is
 * computed here and covers all of it (RFC 768, RFC 1071). Addresses are of 198.18.0.0/15, which is
 * set aside for benchmarks (RFC 2544).
 */
#ifndef BENCH_PACKET_H
#define BENCH_PACKET_H

#include <endian.h>
#include <pollux/compiler.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	PACKET_ETH_BYTES = 14,
	PACKET_IP_BYTES = 20,
	PACKET_UDP_BYTES = 8,
	PACKET_HEAD_BYTES = PACKET_ETH_BYTES + PACKET_IP_BYTES + PACKET_UDP_BYTES,
	PACKET_MARK_BYTES = 18,
	PACKET_MIN = PACKET_HEAD_BYTES + PACKET_MARK_BYTES, /* 60: a frame of 64 with its FCS */
	PACKET_MAX = 9700,
	PACKET_FCS_BYTES = 4,
	PACKET_WIRE_EXTRA = 20,	    /* preamble, start, gap between frames */
	PACKET_STREAM_PORT = 49152, /* stream n is source port 49152 + n */
	PACKET_STREAMS_MAX = 1024,
	PACKET_TO_PORT = 9, /* discard */
};

/* Where things are in the frame. */
enum {
	PACKET_AT_ETH_TYPE = 12,
	PACKET_AT_IP = PACKET_ETH_BYTES,
	PACKET_AT_IP_LENGTH = PACKET_AT_IP + 2,
	PACKET_AT_IP_NEXT = PACKET_AT_IP + 9,
	PACKET_AT_IP_SUM = PACKET_AT_IP + 10,
	PACKET_AT_IP_SRC = PACKET_AT_IP + 12,
	PACKET_AT_UDP = PACKET_AT_IP + PACKET_IP_BYTES,
	PACKET_AT_UDP_DST = PACKET_AT_UDP + 2,
	PACKET_AT_UDP_LENGTH = PACKET_AT_UDP + 4,
	PACKET_AT_UDP_SUM = PACKET_AT_UDP + 6,
	PACKET_AT_MARK = PACKET_HEAD_BYTES,
	PACKET_AT_SEQ = PACKET_AT_MARK + 4,
	PACKET_AT_TIME = PACKET_AT_MARK + 10,
	PACKET_IP_VERSION = 0x45, /* 4, and 5 words of header */
	PACKET_IP_UDP = 17,
	PACKET_ETH_IP = 0x0800,
};

#define PACKET_MAGIC UINT32_C(0x504c5842)

/* What stays the same in all packets of one stream and size. */
struct packet_form {
	uint32_t bytes; /* without FCS */
	uint64_t sum;	/* of all that the UDP checksum covers, but sequence and time */
	uint8_t data[PACKET_MAX];
};

enum packet_kind {
	PACKET_OURS,
	PACKET_FOREIGN, /* not of this benchmark */
	PACKET_CORRUPT, /* was one, by its magic word or by addresses and port, and is damaged */
};

struct packet_mark {
	uint32_t stream; /* not below PACKET_STREAMS_MAX: its source port is none of ours */
	uint64_t seq;
	uint64_t intended_ns;
};

/** @bytes in [PACKET_MIN, PACKET_MAX]; @stream below PACKET_STREAMS_MAX. */
void packet_form_make(struct packet_form *form, uint32_t bytes, uint32_t stream,
		      const uint8_t dst[6], const uint8_t src[6]);

/** The sum of packet_add(), in memory order; odd bytes at the end count as followed by zeros. */
uint64_t packet_sum(const uint8_t *data, size_t bytes);

/* Whether a packet that packet_read() does not take was one of ours once. */
bool packet_was_ours(const uint8_t *data, uint32_t bytes);

/* ---- Sums: words of 64 bits come to the same as those of 16, once folded (RFC 1071, 2 B) ---- */

static inline uint16_t packet_load16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline uint32_t packet_load32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline uint64_t packet_load64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline uint64_t packet_add(uint64_t sum, uint64_t word)
{
	sum += word;
	return sum + (sum < word);
}

static inline uint16_t packet_fold(uint64_t sum)
{
	uint32_t half;

	/* Both halves added to each other: the carry of the lower one ends in the upper one. */
	sum += sum << 32 | sum >> 32;
	half = (uint32_t)(sum >> 32);
	half += half << 16 | half >> 16;
	return (uint16_t)(half >> 16);
}

/*
 * Of a few words, those of 32 bits are cheaper: 64 have room for the carries. A packet that is
 * right comes to a multiple of 65,535; not to 0, which only nothing but zeros does.
 */
static inline uint64_t packet_sum32(const uint8_t *data, unsigned nb_words)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < nb_words; i++)
		sum += packet_load32(data + 4 * (size_t)i);
	return sum;
}

static inline bool packet_is_right(uint64_t sum)
{
	return sum % 0xffff == 0;
}

static inline uint64_t packet_ip_sum(const uint8_t *data)
{
	return packet_sum32(data + PACKET_AT_IP, PACKET_IP_BYTES / 4);
}

/* With the pseudo-header of RFC 768: addresses, protocol, length. */
static inline uint64_t packet_udp_sum(const uint8_t *data, uint32_t udp_bytes)
{
	uint64_t sum = packet_sum32(data + PACKET_AT_IP_SRC, 2);

	sum += htobe16(PACKET_IP_UDP);
	sum += packet_load16(data + PACKET_AT_UDP_LENGTH);
	if (plx_unlikely(udp_bytes != PACKET_MIN - PACKET_AT_UDP))
		return packet_add(sum, packet_sum(data + PACKET_AT_UDP, udp_bytes));
	return sum + packet_sum32(data + PACKET_AT_UDP, 6) +
	       packet_load16(data + PACKET_AT_UDP + 24);
}

/* ---- Write and read: data path ---- */

/** Write sequence, below 2^48, time and checksum over a copy of the form's data, at @data. */
static inline void packet_mark_write(uint8_t *data, const struct packet_form *form, uint64_t seq,
				     uint64_t intended_ns)
{
	const uint64_t number = htobe64(seq << 16); /* 6 bytes, then zeros where the time goes */
	const uint64_t time = htobe64(intended_ns);
	uint64_t sum = packet_add(packet_add(form->sum, number), time);
	uint16_t check = (uint16_t)~packet_fold(sum);

	memcpy(data + PACKET_AT_SEQ, &number, sizeof(number));
	memcpy(data + PACKET_AT_TIME, &time, sizeof(time));
	check = check ? check : 0xffff; /* 0 would mean: none */
	memcpy(data + PACKET_AT_UDP_SUM, &check, sizeof(check));
}

/** Write a whole packet of form->bytes. */
static inline void packet_write(uint8_t *data, const struct packet_form *form, uint64_t seq,
				uint64_t intended_ns)
{
	if (plx_likely(form->bytes == PACKET_MIN))
		memcpy(data, form->data, PACKET_MIN); /* a few moves, no call */
	else
		memcpy(data, form->data, form->bytes);
	packet_mark_write(data, form, seq, intended_ns);
}

/* Headers, lengths and both checksums are right. */
static inline bool packet_is_sound(const uint8_t *data, uint32_t bytes)
{
	uint32_t udp_bytes;

	if (bytes < PACKET_MIN ||
	    packet_load16(data + PACKET_AT_ETH_TYPE) != htobe16(PACKET_ETH_IP) ||
	    data[PACKET_AT_IP] != PACKET_IP_VERSION || data[PACKET_AT_IP_NEXT] != PACKET_IP_UDP)
		return false;
	udp_bytes = be16toh(packet_load16(data + PACKET_AT_UDP_LENGTH));
	return udp_bytes >= PACKET_MIN - PACKET_AT_UDP && udp_bytes + PACKET_AT_UDP <= bytes &&
	       be16toh(packet_load16(data + PACKET_AT_IP_LENGTH)) == udp_bytes + PACKET_IP_BYTES &&
	       packet_is_right(packet_ip_sum(data)) &&
	       packet_is_right(packet_udp_sum(data, udp_bytes));
}

/** What came: checks lengths, both checksums, the magic word. @mark is set for PACKET_OURS. */
static inline enum packet_kind packet_read(const uint8_t *data, uint32_t bytes,
					   struct packet_mark *mark)
{
	if (plx_unlikely(!packet_is_sound(data, bytes) ||
			 packet_load32(data + PACKET_AT_MARK) != htobe32(PACKET_MAGIC)))
		return packet_was_ours(data, bytes) ? PACKET_CORRUPT : PACKET_FOREIGN;
	mark->stream = (uint32_t)be16toh(packet_load16(data + PACKET_AT_UDP)) - PACKET_STREAM_PORT;
	mark->seq = be64toh(packet_load64(data + PACKET_AT_SEQ)) >> 16;
	mark->intended_ns = be64toh(packet_load64(data + PACKET_AT_TIME));
	return PACKET_OURS;
}

#endif
