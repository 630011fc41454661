/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net_fault: a cable between two ports of one process, like net_ring's, that does to packets what a
 * plan says, and counts what it did. For tests; no program that is installed knows it.
 *
 * The plan of a port is for what is on its way to it. Packets are counted from 0 on, since the port
 * was attached, as they come out of the wire: so it does not matter how they are given or taken.
 * One fault befalls a packet, the first of this order, and `insert` besides:
 *
 *	drop	it does not arrive
 *	flip	one bit of it is wrong
 *	dup	it comes twice
 *	swap	it comes after the next one that passes
 *	hold	it comes so much later, and one other at least has passed it
 *	stall	it comes so much later, and all behind it wait
 *	insert	a frame of nobody comes before it
 */
#ifndef BENCH_FAULT_H
#define BENCH_FAULT_H

#include <pollux/port_driver.h>
#include <pollux/ring_mem.h>

enum {
	FAULT_RULES_MAX = 32,
	FAULT_BATCH = 32,
	FAULT_HELD_MAX = 4096, /* a power of two */
	FAULT_READY_MAX = 8,   /* what one step makes, and more */
	FAULT_FOREIGN_BYTES = 60,
	FAULT_MTU_MAX = 16384,
};

enum fault_kind {
	FAULT_DROP,
	FAULT_FLIP,
	FAULT_DUP,
	FAULT_SWAP,
	FAULT_HOLD,
	FAULT_STALL,
	FAULT_INSERT,
	FAULT_KINDS,
	FAULT_NONE = FAULT_KINDS,
};

/* Packets first, first + step, first + 2 * step, ...: so many. */
struct fault_rule {
	uint64_t first, step, times;
};

struct fault_rules {
	unsigned nb;
	struct fault_rule rule[FAULT_RULES_MAX];
};

struct fault_plan {
	struct fault_rules of[FAULT_KINDS];
	uint32_t flip_bit; /* from the frame's first; in a shorter one, modulo its bits */
	uint64_t hold_ns, stall_ns;
};

/* A way of the cable, towards one end. */
struct fault_way {
	struct plx_ring *ring;
	uint32_t open PLX_CACHE_ALIGNED; /* atomic: the receiver's id + 1; 0: it takes nothing */
};

struct fault_cable {
	struct fault_way ways[2];
	struct fault_port *ends[2]; /* NULL: nobody */
};

/* plx_port.priv */
struct fault_port {
	struct plx_port *port;
	struct fault_cable *cable;
	unsigned end;
	bool started;
	uint32_t speed_mbps;
	char *tell; /* file; NULL: none */
	struct fault_plan plan;
	uint64_t nb_passed;		/* packets of the plan; the queue's while started */
	uint64_t done[FAULT_KINDS + 1]; /* what was done; likewise. [FAULT_NONE]: what could not
					  * be done: no mbuf, no room, no next packet */
	struct fault_port *next;
};

struct fault_held {
	struct plx_mbuf *m;
	uint64_t due_ns;
	uint64_t nb_past; /* of the queue, when it was held back */
};

struct fault_rxq {
	struct plx_port_rxq base;
	struct fault_port *end;
	struct plx_ring *ring;
	uint64_t now_ns;
	unsigned in_at, in_nb; /* taken out of the wire: in[in_at, in_nb) */
	struct plx_mbuf *in[FAULT_BATCH];
	unsigned ready_at, ready_nb; /* ready[ready_at, ready_nb) */
	struct plx_mbuf *ready[FAULT_READY_MAX];
	struct fault_held stalled, swapped; /* m NULL: none */
	uint64_t nb_past;		    /* packets that were not held back */
	uint32_t held_at, held_end;	    /* of held[], modulo its size */
	struct fault_held held[FAULT_HELD_MAX];
};

struct fault_txq {
	struct plx_port_txq base;
	struct plx_ring *ring;
	const uint32_t *open; /* of the way */
	uint32_t frame_max;   /* atomic: the MTU may change at any time */
};

extern const struct plx_port_driver plx_net_fault_driver;

/* ---- fault_plan.c ---- */

/** Read the plan's keys. Returns 0, -EINVAL after one line. */
int plx_net_fault_plan(struct fault_plan *plan, const struct plx_devargs *args);

/** What befalls packet @n, but inserting. */
enum fault_kind plx_net_fault_of(const struct fault_plan *plan, uint64_t n);

/** Whether the rules name packet @n. */
bool plx_net_fault_names(const struct fault_rules *rules, uint64_t n);

/** "drop" and so on; "undone" for FAULT_NONE. */
const char *plx_net_fault_name(enum fault_kind kind);

/* ---- fault_burst.c ---- */

uint32_t plx_net_fault_rx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb);
uint32_t plx_net_fault_tx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb);

/** Free all that waits in the queue and in its wire. Returns how many packets. */
uint64_t plx_net_fault_flush(struct fault_rxq *rxq);

#endif
