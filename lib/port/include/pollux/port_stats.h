/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counters of ports. Each is written by one thread and only grows; a reader may be late, never
 * torn. Reading takes the port layer's lock, which no burst takes. A reset remembers the values and
 * subtracts them from then on.
 *
 * Every packet is in exactly one of these:
 *
 *	came to the port  = rx_packets + rx_missed + rx_errors
 *	given to the port = tx_packets + tx_errors + tx_dropped
 *
 * (those under way in a queue at the moment aside). rx_nombuf is no loss: it counts packets that
 * had to wait because the pool was empty; those that find the queue full meanwhile are rx_missed.
 * Extended statistics name the causes: they are parts of these sums, not additions to them, and
 * `is_drop` marks those that count lost packets.
 */
#ifndef POLLUX_PORT_STATS_H
#define POLLUX_PORT_STATS_H

#include <pollux/port.h>

PLX_BEGIN_DECLS

struct plx_port_rx_stats {
	uint64_t packets;
	uint64_t bytes;	 /* data_len, without FCS */
	uint64_t missed; /* lost before the queue: it was full. The kernel's drops, the card's */
	uint64_t errors; /* came damaged, too long, or cut off */
	uint64_t nombuf; /* told to wait for want of an mbuf: one at least for a burst in want */
};

struct plx_port_tx_stats {
	uint64_t packets;
	uint64_t bytes;
	uint64_t errors;  /* taken and not sent: the device or the kernel refused the packet */
	uint64_t dropped; /* given up: not taken (plx_port_tx_or_drop(), a tx buffer), or stopped */
};

struct plx_port_stats {
	struct plx_port_rx_stats rx;
	struct plx_port_tx_stats tx;
};

enum { PLX_PORT_XSTAT_NAME_MAX = 48 };

struct plx_port_xstat {
	char name[PLX_PORT_XSTAT_NAME_MAX]; /* "rx_packets", "rx_q0_bytes", "rx_kernel_drops" */
	uint64_t value;
	bool is_drop; /* counts lost packets */
};

/** All queues together, and what counts for the port as a whole. Returns 0, -ENODEV, -EINVAL. */
PLX_API int plx_port_stats(unsigned port, struct plx_port_stats *stats);

/** One queue; takes no lock. Returns 0, -ENODEV, -EINVAL (no such queue, or not set up). */
PLX_API int plx_port_rxq_stats(unsigned port, unsigned queue, struct plx_port_rx_stats *stats);
PLX_API int plx_port_txq_stats(unsigned port, unsigned queue, struct plx_port_tx_stats *stats);

/**
 * All counters by name: the sums, those of each queue, the driver's own.
 *
 * @xstats  out: room for @room; may be NULL with @room 0
 * Returns how many there are (only the first @room are written), -ENODEV.
 */
PLX_API int plx_port_xstats(unsigned port, struct plx_port_xstat *xstats, unsigned room);

/** One of them. Returns 0, -ENODEV, -ENOENT (no line). */
PLX_API int plx_port_xstat(unsigned port, const char *name, uint64_t *value);

/** All counters of a port start again from 0. Returns 0, -ENODEV. */
PLX_API int plx_port_stats_reset(unsigned port);

PLX_END_DECLS

#endif
