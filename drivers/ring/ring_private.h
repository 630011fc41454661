/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of net_ring share.
 *
 * A cable has two ends and two ways. A way has a wire, which is a ring with one producer and one
 * consumer, for each transmit queue of its sender; wire q leads to receive queue q modulo the
 * receiver's queues. A looped port is a cable of one end and one way.
 *
 * All of it is written under the port layer's lock, in calls of the control path, but for what is
 * said to be a queue's. The two ends are ports with threads of their own: whoever starts, stops or
 * leaves is quiet, the other end may be in a burst. So wires are made before the other end hears of
 * them and live as long as the cable, and each end empties only wires that lead to itself or whose
 * other end is quiet too.
 */
#ifndef RING_PRIVATE_H
#define RING_PRIVATE_H

#include <net/ethernet.h>
#include <pollux/port_driver.h>
#include <pollux/ring_mem.h>

enum {
	RING_MTU_MIN = 68,
	RING_MTU_MAX = UINT16_MAX - ETHER_HDR_LEN,
	RING_TAG_BYTES = 4, /* a frame may have a VLAN tag beside its payload */
	RING_SLOTS_DEFAULT = 1024,
	RING_SLOTS_MAX = 1 << 20,
	RING_ENDS = 2,
};

/* The packets that a queue lets pass. */
struct ring_limits {
	uint32_t frame_max; /* atomic: the MTU may change at any time */
	uint8_t segs_max;
};

/* A burst of the sender ended here. */
struct ring_end {
	uint64_t index; /* atomic: packets that the sender has sent, this burst included */
	uint64_t bytes; /* atomic: theirs */
};

/* One side of a wire; its thread's own. */
struct ring_side {
	struct plx_ring *ring;
	uint64_t index; /* packets since the wire was made */
	uint64_t bytes; /* theirs */
	uint32_t mask;	/* of ends[] */
};

struct ring_wire {
	struct ring_side sent PLX_CACHE_ALIGNED;
	struct ring_side came PLX_CACHE_ALIGNED;
	struct ring_end ends[] PLX_CACHE_ALIGNED; /* the producer writes */
};

struct ring_way {
	/* Atomic, read by the sender's queues: the receiver's id + 1; 0: it takes no packets. */
	uint32_t open PLX_CACHE_ALIGNED;
	unsigned nb_wires PLX_CACHE_ALIGNED; /* that the sender uses since its last start */
	struct ring_limits widest;	     /* that its sender ever had */
	struct ring_wire *wires[PLX_PORT_QUEUES_MAX]; /* NULL: never used */
};

struct ring_cable {
	struct ring_way ways[RING_ENDS];   /* towards ends[i]; a loop has the first only */
	struct ring_port *ends[RING_ENDS]; /* NULL: nobody */
	bool is_loop;
	uint32_t slots; /* of a wire; a power of two */
	int node;	/* for its memory; PLX_NODE_ANY: the sender's queue knows */
};

/* plx_port.priv */
struct ring_port {
	struct plx_port *port;
	struct ring_cable *cable;
	unsigned end; /* of the cable */
	const struct ring_path *path;
	bool started;
	uint64_t missed;      /* packets that came when there was no queue to count them */
	uint64_t undelivered; /* sent, and nobody was there any more to count them as missed */
	struct ring_port *next;
};

struct ring_rxq {
	struct plx_port_rxq base;
	uint32_t nb_wires PLX_CACHE_ALIGNED; /* atomic; grows while started */
	uint32_t check;			     /* atomic: packets beyond `limits` may come */
	struct ring_limits limits;
	uint32_t next_wire; /* the queue's: where it looks first */
	uint64_t too_long;  /* the queue's */
	uint64_t chained;   /* the queue's */
	struct ring_wire *wires[PLX_PORT_QUEUES_MAX];
};

struct ring_txq {
	struct plx_port_txq base;
	struct ring_wire *wire;
	const uint32_t *open; /* of the way */
	struct ring_limits limits;
	uint64_t too_long; /* the queue's */
	uint64_t chained;  /* the queue's */
};

/* ---- ring_burst.c ---- */

/* The data path in the instructions that any CPU has, and in those of AVX2. */
struct ring_path {
	plx_port_burst_fn rx, tx;
};

extern const struct ring_path plx_net_ring_path_any;
#ifdef __x86_64__
extern const struct ring_path plx_net_ring_path_avx2;
#endif

/* ---- ring_cable.c ---- */

/* Make a looped cable and put @end in. */
int plx_net_ring_loop(struct ring_port *end, uint32_t slots, int node);

/* Put @end into the free place of @peer's cable, which stops being a loop. Returns 0, -EBUSY. */
int plx_net_ring_plug(struct ring_port *end, struct ring_port *peer);

/* Take @end, which is stopped, out; the cable goes with its last end. */
void plx_net_ring_unplug(struct ring_port *end);

/* The other end; NULL: a loop, or nobody. */
struct ring_port *plx_net_ring_peer(const struct ring_port *end);

/* @end starts: make its wires and connect them to its queues and to those of the peer. */
int plx_net_ring_connect(struct ring_port *end);

/* The limits of @end's queues may go up to @limits from now on: both ways look at theirs again. */
void plx_net_ring_limits(struct ring_port *end, struct ring_limits limits);

/* @end stops: what lies in the wires towards it is missed. */
void plx_net_ring_disconnect(struct ring_port *end);

#endif
