/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames that say themselves what they are: a frame of a stream is made from its number alone, so
 * both ends know each byte of it.
 *
 *	Ethernet [VLAN tag] [IPv4 UDP] | sequence number, magic word | pattern
 *
 * What a short frame has no room for is left out from the end.
 */
#ifndef CONFORM_FRAMES_H
#define CONFORM_FRAMES_H

#include <net/ethernet.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FRAME_BYTES_MAX = 16384,
	FRAME_HEADER_BYTES = 14,
	FRAME_TYPE = 0x88b5, /* IEEE: local experiments */
};

struct stream {
	uint32_t first_seq; /* number of the first frame; streams of a case do not overlap */
	uint32_t nb;
	/* lengths of the frames: min, min + step, ... max, min, ... without VLAN tag */
	uint32_t min_bytes, max_bytes, step_bytes;
	uint32_t pad_bytes; /* shorter frames arrive with zeros up to this */
	bool tagged;
	uint16_t tci;	   /* of the VLAN tag */
	uint32_t nb_flows; /* 0: no IP; else IPv4 and UDP, frames of so many flows in turns */
	struct ether_addr to, from;
};

/* Make frame @i of the stream; returns its length. @frame: room for FRAME_BYTES_MAX. */
uint32_t frame_make(const struct stream *s, uint32_t i, uint8_t *frame);

/* Which frame of the stream this is by its sequence number; UINT32_MAX: none. */
uint32_t frame_index(const struct stream *s, const uint8_t *frame, uint32_t len);

/* True when @frame is frame @i; otherwise @why says what differs. */
bool frame_is(const struct stream *s, uint32_t i, const uint8_t *frame, uint32_t len, char *why,
	      size_t why_bytes);

/* Bytes of frames [from, to). */
uint64_t stream_bytes(const struct stream *s, uint32_t from, uint32_t to);

#endif
