/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive and transmit queues: the rings that the card reads, and the tables of mbufs beside them,
 * which it does not.
 *
 * Receive: slots [head, tail) are the card's, nb_free others are empty; one at least is, since the
 * card takes head == tail for "no buffers". Only slots of the card hold an mbuf.
 *
 * Transmit: slots [clean, tail) are the card's or done and not seen to be; room are free, not
 * counting the one that stays empty. A report (RS) is asked for every rs_step descriptors, on the
 * last one of a packet; reports[] tells where, in order. The mbuf of a packet is in the slot of its
 * last descriptor, NULL in those of the others.
 */
#ifndef IGB_QUEUE_H
#define IGB_QUEUE_H

#include <pollux/mbuf.h>
#include <pollux/mem.h>
#include <pollux/port_driver.h>

#include "desc.h"
#include "hw.h"

enum {
	IGB_REFILL_STEP = 32,	  /* buffers given to the card at a time */
	IGB_RS_STEP = 32,	  /* descriptors from one report to the next */
	IGB_POOLS_MIXED = 0xffff, /* packets of several pools, or not as they were made */
	IGB_REPORTS = 256,	  /* power of two; more than IGB_RING_MAX / IGB_RS_STEP */
	IGB_BOUNCES = 32,	  /* packets that can be under way as copies */
	IGB_NB_CONTEXTS = 2,	  /* that the card keeps for a queue */
	IGB_RX_META = 64,	  /* what status and error bits mean, by igb_rx_meta_index() */
};

_Static_assert(IGB_REPORTS > IGB_RING_MAX / IGB_RS_STEP + IGB_BOUNCES, "a report never waits");

struct igb_rxq {
	struct plx_port_rxq base;

	/* its thread's; start() and stop() while there is none */
	uint32_t head PLX_CACHE_ALIGNED;
	uint32_t tail;
	uint32_t nb_free;
	uint32_t in_frame; /* first or skipping */
	uint32_t dead;	   /* anybody's, atomic: the device is gone */
	/* read-only while started */
	struct igb_desc *ring;
	struct plx_mbuf **sw;
	volatile void *tail_reg;
	uint32_t nb_desc;
	uint32_t special;     /* status bits that must be as in DD | EOP for the short way */
	uint32_t refill_step; /* lacking buffers that are worth a doorbell */
	uint64_t len_span;    /* longest frame in one buffer - IGB_FRAME_MIN */
	uint32_t data_off;    /* of a packet; where the card begins to write */
	uint64_t port_meta;   /* of an mbuf: port, no VLAN, and what the pool made it with */
	uint32_t buf_bytes PLX_CACHE_ALIGNED; /* that the card may write */
	uint32_t frame_max;		      /* bytes of the longest frame */
	bool scatter, stamp;
	bool put_tag_back; /* the card strips tags, and that was not asked for: see tx_special.c */
	bool lb_vlan_big_endian, sctp_60_false_error;
	bool skipping;		       /* its thread's: drop what comes up to the frame's end */
	struct plx_mbuf *first, *last; /* its thread's: a frame without its end so far */
	uint32_t nb_parts;	       /* its thread's: descriptors of it */
	const struct igb_hw *hw;       /* for the clock that stamps are of */

	uint64_t bad_frame, bad_length, too_long, too_short, unended, empty_parts, flushed;
	/* the card's own, as last read by the control path */
	uint64_t card_packets, card_bytes, card_multicast, card_dropped;

	uint32_t meta[IGB_RX_META] PLX_CACHE_ALIGNED; /* enum plx_mbuf_flags */
	uint32_t rss_meta[16];			      /* the same by RSS type */

	const struct plx_memzone *zone;
};

struct igb_report {
	uint16_t at;	  /* atomic: the descriptor */
	uint16_t pool_id; /* of all packets since the report before; or IGB_POOLS_MIXED */
};

/* What a context descriptor says, but for its index. */
struct igb_context {
	uint64_t word[2];
};

struct igb_txq {
	struct plx_port_txq base;

	/* its thread's; start() and stop() while there is none */
	uint32_t tail PLX_CACHE_ALIGNED;
	uint32_t room;
	uint32_t run;	    /* slots up to the next report, or the ring's end */
	uint32_t run_whole; /* what run was at first */
	uint32_t until_rs;  /* descriptors up to the next report, when run was that */
	uint32_t clean;
	uint32_t home_word;  /* of packets that go the short way: their pool's */
	uint16_t batch_pool; /* of the packets since the last report, as in struct igb_report */
	uint32_t report_head, report_tail; /* atomic, run free; the control thread looks at them */
	/* read-only while started */
	struct igb_desc *ring;
	struct plx_mbuf **sw;
	volatile void *tail_reg;
	uint32_t nb_desc;
	uint64_t len_span; /* longest frame - IGB_TX_FRAME_MIN */

	uint32_t rs_step PLX_CACHE_ALIGNED;
	uint32_t frame_max;
	uint32_t data_max; /* data descriptors of one packet */
	uint32_t dead;	   /* atomic: the device is gone */
	uint32_t offloads; /* enum plx_mbuf_flags that were asked for at configure */
	bool multi_segs;

	/* its thread's */
	uint8_t context_last; /* of contexts[] */
	struct igb_context contexts[IGB_NB_CONTEXTS];
	uint32_t descs_done;		   /* runs free */
	uint32_t bounce_head, bounce_tail; /* run free */
	uint32_t bounce_ends[IGB_BOUNCES]; /* descs_done when the packet in this slot is */
	uint8_t *bounce;		   /* IGB_BOUNCES of bounce_bytes, NULL: none */
	uint64_t bounce_iova;
	uint32_t bounce_bytes;

	uint64_t too_short, too_long, bad_length, chained, bad_offload, unmapped, in_pieces;
	uint64_t flushed, bounced;
	/* the card's own, as last read by the control path */
	uint64_t card_packets, card_bytes;

	struct igb_report reports[IGB_REPORTS];

	const struct plx_memzone *zone, *bounce_zone;
};

/* ---- rx_burst.c ---- */

/* Packets without any offload, and with all that were asked for. */
uint32_t plx_igb_rx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb);
uint32_t plx_igb_rx_burst_meta(void *queue, struct plx_mbuf **pkts, uint32_t nb);

/* Give the card as many buffers as it takes and the pool has; the doorbell is the caller's. Returns
 * how many. */
uint32_t plx_igb_rx_fill(struct igb_rxq *q);

/* The card does not write any more: all mbufs go home; returns the frames that nobody took. */
uint32_t plx_igb_rx_flush(struct igb_rxq *q);

/* ---- tx_burst.c ---- */

uint32_t plx_igb_tx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb);

/* Free what the card reported as sent. */
void plx_igb_tx_reclaim(struct igb_txq *q);

/* The card does not read any more: packets up to descriptor @head were sent; all go home. Returns
 * how many were not sent; *@bytes is theirs. */
uint32_t plx_igb_tx_flush(struct igb_txq *q, uint32_t head, uint64_t *bytes);

/* Empty, as the card's queue is when it was enabled. */
void plx_igb_tx_reset(struct igb_txq *q);

/* Ask for a report on this descriptor, the last of a packet that is in sw[]. */
void plx_igb_tx_report(struct igb_txq *q, struct igb_desc *last);

/* ---- tx_special.c ---- */

enum igb_tx_end {
	IGB_TX_TAKEN,	/* in the ring */
	IGB_TX_REFUSED, /* counted; the packet went home */
	IGB_TX_FULL,	/* still the caller's */
};

/* Send a packet that is not one frame in one buffer of the pool's without offloads. */
enum igb_tx_end plx_igb_tx_special(struct igb_txq *q, struct plx_mbuf *m);

#endif
