/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The port driver's own: a port, and what makes its queues. The card is in hw.h, the queues and
 * bursts in queue.h.
 */
#ifndef IGB_PRIVATE_H
#define IGB_PRIVATE_H

#include <errno.h>
#include <pollux/intr.h>
#include <pollux/mbuf_data.h>
#include <pollux/pci.h>
#include <pollux/port_driver.h>
#include <pthread.h>

#include "hw.h"
#include "queue.h"

enum {
	IGB_RX_L4_CSUM = PLX_PORT_RX_TCP_CSUM | PLX_PORT_RX_UDP_CSUM | PLX_PORT_RX_SCTP_CSUM,
	/* What the descriptor tells about a packet. */
	IGB_RX_META_OFFLOADS = PLX_PORT_RX_VLAN_STRIP | PLX_PORT_RX_IP_CSUM | IGB_RX_L4_CSUM |
			       PLX_PORT_RX_RSS_HASH | PLX_PORT_RX_TIMESTAMP,
};

/* The device string. */
struct igb_options {
	enum igb_flow_control fc;
	uint32_t advertise; /* enum igb_advertise */
	enum plx_intr_kind intr;
	bool intr_auto; /* the best that there is */
	bool loopback;
	bool drop, drop_auto; /* SRRCTL.DROP_EN */
};

struct igb_port {
	struct igb_hw hw;
	struct plx_port *port;
	struct plx_pci_dev *pci;
	struct igb_options options;

	/* Held for each use of hw, and for all below, by the control path and by callbacks in the
	 * control thread; never while waiting for these to end. Bursts know nothing of it. */
	pthread_mutex_t lock;
	struct igb_rxq *rxqs[IGB_QUEUES_MAX];
	struct igb_txq *txqs[IGB_QUEUES_MAX];
	uint64_t timer;
	uint64_t link_timer; /* without interrupts; 0: none */
	enum plx_intr_kind intr;
	bool running; /* from the end of start to the begin of stop */
	bool failed;  /* does nothing until the next start resets it */
	bool gone;
	struct {
		uint32_t head, report, nb_ticks;
	} tx_seen[IGB_QUEUES_MAX]; /* at the last tick, and for how many it was so */

	struct igb_hw_queue_stats queue_seen[IGB_QUEUES_MAX]; /* is in the queues' counters */

	uint64_t faults; /* counted for xstats: errors of the device as a whole */
	uint64_t tx_hangs;
	uint64_t link_changes;
};

enum {
	IGB_TICK_MS = IGB_STATS_READ_MS,
	IGB_LINK_TICK_MS = 100,
	IGB_TX_HANG_TICKS = 3, /* longer than a second, whenever the ticks come */
};

static inline struct igb_port *igb_of(const struct plx_port *port)
{
	return port->priv;
}

static inline uint32_t igb_frame_max(const struct plx_port *port)
{
	return plx_load_relaxed(&port->mtu) + IGB_FRAME_MIN + PLX_PORT_TAG_BYTES;
}

/* Receive queues that have an interrupt. */
static inline unsigned plx_igb_rx_vectors(const struct igb_port *igb)
{
	const struct plx_port_conf *conf = &igb->port->conf;

	return conf->rx_intr ? conf->nb_rx_queues : 0;
}

/* ---- rx.c ---- */

struct igb_rxq_conf {
	const struct igb_hw *hw;
	uint32_t offloads; /* enum plx_port_rx_offload */
	uint32_t tx_offloads;
	uint32_t frame_max; /* bytes, without FCS */
};

int plx_igb_ring_alloc(const struct plx_port *port, const char *what, unsigned queue,
		       uint32_t nb_desc, int node, const struct plx_memzone **zone);

/* Memory of a queue whose struct is zero but for its base; close: undo it. */
int plx_igb_rxq_open(struct plx_port *port, struct igb_rxq *q);
void plx_igb_rxq_close(struct igb_rxq *q);

/* Fill in what is read-only while started; touches no register. -EINVAL: the pool's buffers are too
 * small for the MTU. */
int plx_igb_rxq_prepare(struct igb_rxq *q, const struct igb_rxq_conf *conf);

/* All queues are prepared: settle the size of buffers below 1 KB. */
void plx_igb_rx_small_buffers(struct igb_hw *hw, struct plx_port *port);

/* Base, length, thresholds; enable. Buffers and tail come after that. */
int plx_igb_rxq_start(struct igb_hw *hw, struct igb_rxq *q, bool drop);

/* ---- tx.c: alike ---- */

int plx_igb_txq_open(struct plx_port *port, struct igb_txq *q);
void plx_igb_txq_close(struct igb_txq *q);
int plx_igb_txq_prepare(const struct plx_port *port, struct igb_txq *q, uint32_t offloads,
			uint32_t frame_max);
int plx_igb_txq_start(struct igb_hw *hw, struct igb_txq *q);

/* Wait until the card has taken all that it was given. */
void plx_igb_tx_drain(struct igb_hw *hw, const struct plx_port *port, uint32_t timeout_us);

/* ---- igb.c ---- */

/* As the device string has it. */
const char *plx_igb_intr_word(enum plx_intr_kind kind);

/* ---- igb_life.c ---- */

int plx_igb_start(struct plx_port *port);
void plx_igb_stop(struct plx_port *port);

/* ---- igb_clock.c ---- */

/* The card's clock runs, from the host's time on if it did not; the lock is held. 0, -ENODEV. */
int plx_igb_clock_run(struct igb_port *igb);

int plx_igb_port_clock_read(struct plx_port *port, uint64_t *ns);
int plx_igb_port_clock_set(struct plx_port *port, uint64_t ns);
int plx_igb_port_clock_step(struct plx_port *port, int64_t ns);
int plx_igb_port_clock_rate(struct plx_port *port, int32_t ppb);

/* ---- igb_watch.c: what the card tells while it runs ---- */

/* Begin and end; without the lock. end: no callback runs when it returns. */
int plx_igb_watch_begin(struct igb_port *igb);
void plx_igb_watch_end(struct igb_port *igb);

/* Enable interrupts, or find that none can be had: then the timer looks more often; -ENOTSUP: a
 * kind that was asked for by name. disable: no handler runs when it returns. Both without the
 * lock. */
int plx_igb_watch_intr_on(struct igb_port *igb);
void plx_igb_watch_intr_off(struct igb_port *igb);

/* hw.on_gone; the lock is held. */
void plx_igb_on_gone(void *arg);

/* Tell the port's link as it is now; the lock is held. */
void plx_igb_link_update(struct igb_port *igb);

/* port->outside and the queues' card_*, from hw->stats; the lock is held. */
void plx_igb_outside_update(struct igb_port *igb);

#endif
