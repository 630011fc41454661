/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the port layer share.
 *
 * Two locks. plx_port_enter()'s covers the control path, calls of drivers included. port_event.c's
 * covers the callbacks, is taken inside the first one, never the other way round, and never held
 * in a call of a driver or a callback.
 *
 * Ports are slots that are never freed, so that what takes no lock (link, a queue's counters) can
 * look at one at any time. What hangs on a slot (queues, the words of `counts`) is taken away only
 * after those who pinned it have left: see plx_port_pin().
 */
#ifndef PORT_PRIVATE_H
#define PORT_PRIVATE_H

#include <errno.h>
#include <pollux/atomic.h>
#include <pollux/log.h>
#include <pollux/mem.h>
#include <pollux/port_driver.h>
#include <string.h>

enum plx_port_dir { PLX_PORT_RX, PLX_PORT_TX, PLX_PORT_DIRS };

enum {
	PLX_PORT_RX_STATS = sizeof(struct plx_port_rx_stats) / sizeof(uint64_t),
	PLX_PORT_TX_STATS = sizeof(struct plx_port_tx_stats) / sizeof(uint64_t),
	PLX_PORT_VLANS = 4096,
};

/*
 * Counters of one direction. Each queue has a row of `nb` words: the standard ones, then those of
 * the driver's table. A queue that is made anew goes on where the one before it ended.
 */
struct plx_port_counts {
	const struct plx_port_counter *table; /* never NULL */
	unsigned nb_standard, nb;
	uint64_t *kept; /* what queues that are released had counted */
	uint64_t *base; /* the values at the last reset */
};

struct plx_port_private {
	/* atomic, and looked at by who takes no lock, also between two ports of one id */
	uint32_t pins;
	uint32_t link_seq; /* futex: changes with the link, the state, the end */
	uint32_t pending; /* events to be told: bits of enum plx_port_event, then plx_port_life() */
	uint64_t link;	  /* see port_event.c */
	uint64_t stray;	  /* packets given up for a queue that is not there */

	bool can_link;
	bool removed;		 /* atomic: PLX_PORT_EVENT_REMOVED was raised */
	struct ether_addr *macs; /* added ones */
	unsigned nb_macs;
	uint64_t vlans[PLX_PORT_VLANS / 64];
	struct plx_port_counts counts[PLX_PORT_DIRS];
	const struct plx_port_counter *port_table; /* never NULL */
	unsigned nb_port_counters;
	uint64_t *port_base;
	uint64_t *words; /* all that the pointers above point at */
	struct plx_port_stats outside_base;
	uint64_t stray_base;
};

extern struct plx_port_private plx_port_privates[PLX_PORT_MAX];

enum { PLX_PORT_EVENT_BITS = 3 };

/* Which port of its id it is, counted. */
static inline uint32_t plx_port_life(unsigned id)
{
	return plx_load_acquire(&plx_port_privates[id].pending) >> PLX_PORT_EVENT_BITS;
}

/* ---- port.c ---- */

/* The port, with the lock held; NULL, without it, after a line that names @call. */
struct plx_port *plx_port_enter(unsigned id, const char *call);
void plx_port_leave(void);

/* The slot of an id in [0, PLX_PORT_MAX), whether it is attached or not. */
struct plx_port *plx_port_slot(unsigned id);

/* The line about a port that is not there. Returns -ENODEV. */
int plx_port_none(unsigned id, const char *call);

/* plx_port_info() with the lock held. */
void plx_port_fill_info(struct plx_port *port, struct plx_port_info *info);

/*
 * Keep the queues and counters of a port, if there is one, where they are; for who does not hold
 * the lock, and looks only then whether it is there. Never waits.
 */
static inline void plx_port_pin(unsigned id)
{
	/* Acquire: pairs with the release in plx_port_unpinned(): who pins after that finds what it
	 * looked for gone. */
	plx_fetch_add_acq_rel(&plx_port_privates[id].pins, 1);
}

static inline void plx_port_unpin(unsigned id)
{
	plx_fetch_add_acq_rel(&plx_port_privates[id].pins, (uint32_t)-1);
}

/* Wait until all that was pinned before is let go. The caller made it unreachable already. */
void plx_port_unpinned(unsigned id);

/* ---- port_conf.c, port_queue.c: lock held ---- */

void plx_port_stop_locked(struct plx_port *port);
void plx_port_close_locked(struct plx_port *port);
void plx_port_release_queues(struct plx_port *port);

/* The queue, or NULL. */
static inline void *plx_port_queue(const struct plx_port *port, enum plx_port_dir dir,
				   unsigned queue)
{
	return dir == PLX_PORT_RX ? (void *)plx_load_acquire(&port->rxqs[queue])
				  : (void *)plx_load_acquire(&port->txqs[queue]);
}

/* ---- port_path.c ---- */

/* Have all bursts of a port, or of all ports, do nothing. */
void plx_port_paths_init(void);
void plx_port_paths_close(const struct plx_port *port);
/* From now on they are those of the queues. */
void plx_port_paths_open(const struct plx_port *port);

/* ---- port_event.c ---- */

/* Open: lock held. Close: not held, no port is there. */
int plx_port_events_open(void);
void plx_port_events_close(void);
void plx_port_events_forked(void);
/* Have the link up or down, for drivers that do not tell. */
void plx_port_link_follow(struct plx_port *port, bool up);
/* Wake those who wait for the link, so that they look again. */
void plx_port_link_wake(struct plx_port *port);
/* Drop the callbacks of a port; lock held. Returns what plx_port_events_wait() wants. */
uint64_t plx_port_events_drop(const struct plx_port *port);
/* Wait for the end of a callback; no lock held. */
void plx_port_events_wait(uint64_t serial);
unsigned plx_port_events_count(unsigned id);

/* ---- port_rss.c ---- */

/* Check against @info and @nb_queues, fill in the table. Returns 0, -EINVAL, -ENOTSUP. */
int plx_port_rss_resolve(const struct plx_port *port, const struct plx_port_info *info,
			 unsigned nb_queues, struct plx_port_rss *rss);

/* ---- port_stats.c: lock held but for the first two ---- */

int plx_port_counts_create(struct plx_port *port);
void plx_port_counts_destroy(struct plx_port *port);
/* When nobody can find the queue any more; after one was made. */
void plx_port_counts_keep(struct plx_port *port, enum plx_port_dir dir, unsigned queue, void *old);
void plx_port_counts_put(struct plx_port *port, enum plx_port_dir dir, unsigned queue, void *made);
void plx_port_read_stats(struct plx_port *port, struct plx_port_stats *stats);
unsigned plx_port_read_xstats(struct plx_port *port, struct plx_port_xstat *xstats, unsigned room);

#endif
