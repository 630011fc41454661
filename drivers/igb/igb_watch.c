/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the card does while the port runs, seen from the control thread: interrupts (link, errors),
 * bus events, and a look once a second at what makes no interrupt: the counters before they stick,
 * the clock before it wraps, transmit queues that stand still, a card that somebody else has reset,
 * took off the bus or pulled out.
 *
 * A card that fails is left alone: bursts return 0, the application is told by an event, and the
 * next start resets it.
 */
#include <linux/pci_regs.h>
#include <pollux/ctl.h>
#include <string.h>

#include "igb_private.h"

/* ---- Faults ---- */

static void stop_bursts(struct igb_port *igb)
{
	for (unsigned i = 0; i < IGB_QUEUES_MAX; i++) {
		if (igb->rxqs[i])
			plx_store_relaxed(&igb->rxqs[i]->dead, 1);
		if (igb->txqs[i])
			plx_store_relaxed(&igb->txqs[i]->dead, 1);
	}
}

static void link_down(struct igb_port *igb)
{
	plx_port_link_set(igb->port, &(struct plx_port_link){.autoneg = true});
}

void plx_igb_on_gone(void *arg)
{
	struct igb_port *igb = arg;

	if (igb->gone)
		return;
	igb->gone = true;
	stop_bursts(igb);
	link_down(igb);
	plx_port_event_raise(igb->port, PLX_PORT_EVENT_REMOVED);
}

/* Nobody answers them any more, and INTx is a level that stays. */
static void intr_off(struct igb_port *igb)
{
	uint32_t status = igb_read(&igb->hw, IGB_STATUS);

	if (status != 0 && status != UINT32_MAX)
		plx_igb_intr_off(&igb->hw);
}

static void fail(struct igb_port *igb, const char *why)
{
	if (igb->failed || igb->gone)
		return;
	igb->failed = true;
	intr_off(igb);
	plx_count(&igb->faults, 1);
	stop_bursts(igb);
	link_down(igb);
	plx_port_log(igb->port, PLX_LOG_ERR, "%s: it does nothing until the port is started again",
		     why);
	plx_port_event_raise(igb->port, PLX_PORT_EVENT_ERROR);
}

/* ---- Link ---- */

void plx_igb_link_update(struct igb_port *igb)
{
	struct plx_port_link now = {.autoneg = !igb->options.loopback}, was;
	struct igb_link link;

	if (igb->gone || igb->failed || plx_igb_link_read(&igb->hw, &link) != 0)
		return;
	now.up = link.up;
	if (link.up) {
		now.speed_mbps = link.speed_mbps;
		now.full_duplex = link.full_duplex;
	}
	if (plx_port_link(igb->port->id, &was) == 0 && was.up != now.up)
		plx_count(&igb->link_changes, 1);
	plx_port_link_set(igb->port, &now);
}

/* ---- Interrupts and bus events ---- */

static bool on_interrupt(void *arg)
{
	struct igb_port *igb = arg;
	uint32_t causes = 0;

	pthread_mutex_lock(&igb->lock);
	/* Whatever state it is in: what is not read is signalled again at once. */
	if (!igb->gone)
		causes = plx_igb_intr_causes(&igb->hw);
	if (igb->running && !igb->gone && !igb->failed) {
		if (causes & IGB_CAUSE_RESET)
			fail(igb, "it was reset from outside");
		else if (causes & IGB_CAUSE_FATAL)
			fail(igb, "it reports a fatal error of its own");
		else if (causes & IGB_CAUSE_LINK)
			plx_igb_link_update(igb);
		if (causes & IGB_CAUSE_THERMAL)
			plx_port_log(igb->port, PLX_LOG_WARN,
				     "it is too hot and has slowed down or turned its link off");
	}
	pthread_mutex_unlock(&igb->lock);
	return causes != 0;
}

static void on_bus_event(struct plx_pci_dev *dev, enum plx_pci_event event, void *arg)
{
	struct igb_port *igb = arg;

	(void)dev;
	pthread_mutex_lock(&igb->lock);
	switch (event) {
	case PLX_PCI_EVENT_ERROR:
		fail(igb, "a fatal error of the PCI bus");
		break;
	case PLX_PCI_EVENT_REQUEST:
		plx_port_log(igb->port, PLX_LOG_NOTICE, "the kernel asks for the device back");
		intr_off(igb);
		plx_igb_on_gone(igb);
		break;
	case PLX_PCI_EVENT_REMOVED:
		plx_igb_on_gone(igb);
		break;
	}
	pthread_mutex_unlock(&igb->lock);
}

/* Vectors of this kind; 0: it won't do. Receive queues have theirs with MSI-X only. */
static unsigned nb_vectors(const struct igb_port *igb, enum plx_intr_kind kind)
{
	unsigned there = plx_intr_vectors(igb->pci, kind);
	unsigned nb = IGB_VECTOR_RXQ + plx_igb_rx_vectors(igb);

	if (plx_igb_rx_vectors(igb) == 0)
		return there ? 1 : 0;
	return kind == PLX_INTR_MSIX && there >= nb ? nb : 0;
}

static int enable_intr(struct igb_port *igb)
{
	static const enum plx_intr_kind order[] = {PLX_INTR_MSIX, PLX_INTR_MSI, PLX_INTR_INTX};
	const struct igb_options *options = &igb->options;
	unsigned nb;

	igb->intr = PLX_INTR_NONE;
	for (size_t i = 0; i < PLX_ARRAY_SIZE(order); i++) {
		if (!options->intr_auto && options->intr != order[i])
			continue;
		nb = nb_vectors(igb, order[i]);
		if (nb == 0 || plx_intr_enable(igb->pci, order[i], nb) != 0)
			continue;
		if (plx_intr_handler_set(igb->pci, 0, on_interrupt, igb) == 0) {
			igb->intr = order[i];
			return 0;
		}
		plx_intr_disable(igb->pci);
	}
	if (plx_igb_rx_vectors(igb) > 0) {
		plx_port_log(igb->port, PLX_LOG_ERR,
			     "start: rx_intr wants MSI-X with %u vectors; there are %u",
			     IGB_VECTOR_RXQ + plx_igb_rx_vectors(igb),
			     plx_intr_vectors(igb->pci, PLX_INTR_MSIX));
		return -ENOTSUP;
	}
	if (options->intr_auto || options->intr == PLX_INTR_NONE)
		return 0;
	plx_port_log(igb->port, PLX_LOG_ERR,
		     "start: intr=%s can't be had here; intr=auto takes what there is",
		     plx_igb_intr_word(options->intr));
	return -ENOTSUP;
}

/* ---- Once a second ---- */

/* A queue stands still: it has something to send, or sent it and does not say so, and neither the
 * card nor the driver has come further since the last look. */
static bool is_stuck(struct igb_port *igb, unsigned queue)
{
	const struct igb_txq *q = igb->txqs[queue];
	uint32_t head = igb_read(&igb->hw, IGB_TDH(queue));
	uint32_t tail = igb_read(&igb->hw, IGB_TDT(queue));
	uint32_t report = plx_load_relaxed(&q->report_head);
	bool is_owed = report != plx_load_relaxed(&q->report_tail);

	/* Sent and reported: the queue's thread has not looked yet. */
	if (is_owed && head == tail) {
		uint16_t at = plx_load_relaxed(&q->reports[report % IGB_REPORTS].at);

		is_owed = !(igb_desc_status(&q->ring[at]) & IGB_TXD_DD);
	}
	if ((head == tail && !is_owed) || igb->tx_seen[queue].head != head ||
	    igb->tx_seen[queue].report != report) {
		igb->tx_seen[queue].nb_ticks = 0;
		igb->tx_seen[queue].head = head;
		igb->tx_seen[queue].report = report;
	} else {
		igb->tx_seen[queue].nb_ticks++;
	}
	return igb->tx_seen[queue].nb_ticks >= IGB_TX_HANG_TICKS;
}

static void check_tx(struct igb_port *igb)
{
	uint32_t status = igb_read(&igb->hw, IGB_STATUS);
	bool may_send = (status & IGB_STATUS_LU) != 0 && !(status & IGB_STATUS_TXOFF);

	for (unsigned i = 0; i < igb->port->conf.nb_tx_queues; i++) {
		if (!igb->txqs[i])
			continue;
		if (!may_send) {
			igb->tx_seen[i].nb_ticks = 0;
		} else if (is_stuck(igb, i)) {
			plx_count(&igb->tx_hangs, 1);
			fail(igb, "a transmit queue stands still with the link up");
			return;
		}
	}
}

/* Who else has a hand on the device? */
static void check_settings(struct igb_port *igb)
{
	uint16_t command = PCI_COMMAND_MASTER;

	if (plx_pci_cfg_read16(igb->pci, PCI_COMMAND, &command) == 0 &&
	    !(command & PCI_COMMAND_MASTER))
		fail(igb, "its bus mastering was turned off from outside");
}

static void look(struct igb_port *igb)
{
	uint64_t ns;
	int ret = plx_igb_alive(&igb->hw);

	if (ret == -EIO && igb->running)
		fail(igb, "its registers can't be read: memory decoding is off, or it sleeps");
	if (ret != 0)
		return;
	/* Counters and the clock of one that was reset are nobody's: the next start knows. */
	if (!plx_igb_is_ours(&igb->hw)) {
		plx_igb_stats_resync(&igb->hw);
		if (igb->running)
			fail(igb, "it was reset from outside");
		return;
	}
	plx_igb_stats_update(&igb->hw);
	/* While it is stopped too: the counter wraps. */
	if (igb->hw.ptp.running)
		plx_igb_clock_read(&igb->hw, &ns);
	if (!igb->running)
		return;
	check_settings(igb);
	if (!igb->failed)
		check_tx(igb);
}

static void on_tick(void *arg)
{
	struct igb_port *igb = arg;

	pthread_mutex_lock(&igb->lock);
	if (igb->failed) {
		/* It may be on its way out. */
		plx_igb_alive(&igb->hw);
	} else if (!igb->gone) {
		/* An interrupt may get lost. */
		if (igb->running)
			plx_igb_link_update(igb);
		look(igb);
	}
	pthread_mutex_unlock(&igb->lock);
}

static void on_link_tick(void *arg)
{
	struct igb_port *igb = arg;

	pthread_mutex_lock(&igb->lock);
	if (igb->running)
		plx_igb_link_update(igb);
	pthread_mutex_unlock(&igb->lock);
}

static int timer_add(struct igb_port *igb, unsigned period_ms, plx_ctl_fn fn, uint64_t *id)
{
	const uint64_t period_ns = UINT64_C(1000000) * period_ms;

	return plx_ctl_timer_add(period_ns, period_ns, fn, igb, id);
}

int plx_igb_watch_intr_on(struct igb_port *igb)
{
	int ret = enable_intr(igb);

	if (ret)
		return ret;
	if (igb->intr == PLX_INTR_NONE &&
	    timer_add(igb, IGB_LINK_TICK_MS, on_link_tick, &igb->link_timer) != 0)
		igb->link_timer = 0;
	return 0;
}

void plx_igb_watch_intr_off(struct igb_port *igb)
{
	if (igb->link_timer)
		plx_ctl_timer_del(igb->link_timer);
	igb->link_timer = 0;
	plx_intr_disable(igb->pci);
	igb->intr = PLX_INTR_NONE;
}

int plx_igb_watch_begin(struct igb_port *igb)
{
	int ret = plx_pci_event_set(igb->pci, on_bus_event, igb);

	if (ret == 0)
		ret = timer_add(igb, IGB_TICK_MS, on_tick, &igb->timer);
	if (ret) {
		plx_pci_event_set(igb->pci, NULL, NULL);
		plx_port_log(igb->port, PLX_LOG_ERR, "watch it: %s", strerror(-ret));
	}
	return ret;
}

void plx_igb_watch_end(struct igb_port *igb)
{
	plx_ctl_timer_del(igb->timer);
	plx_pci_event_set(igb->pci, NULL, NULL);
}

/* ---- Counters ---- */

static void add_new(uint64_t *counter, uint64_t now, uint64_t *seen)
{
	plx_count(counter, now - *seen);
	*seen = now;
}

/* What the card counted of each queue, into the queue: its counters outlive it, the card's do not
 * begin with it. */
static void queues_update(struct igb_port *igb)
{
	for (unsigned i = 0; i < igb->hw.mac->nb_queues; i++) {
		const struct igb_hw_queue_stats *now = &igb->hw.stats.queue[i];
		struct igb_hw_queue_stats *seen = &igb->queue_seen[i];
		struct igb_rxq *rxq = igb->rxqs[i];
		struct igb_txq *txq = igb->txqs[i];

		if (rxq) {
			add_new(&rxq->card_packets, now->rx_packets, &seen->rx_packets);
			add_new(&rxq->card_bytes, now->rx_octets, &seen->rx_octets);
			add_new(&rxq->card_multicast, now->rx_multicast, &seen->rx_multicast);
			add_new(&rxq->card_dropped, now->rx_dropped, &seen->rx_dropped);
		}
		if (txq) {
			add_new(&txq->card_packets, now->tx_packets, &seen->tx_packets);
			add_new(&txq->card_bytes, now->tx_octets, &seen->tx_octets);
		}
	}
}

void plx_igb_outside_update(struct igb_port *igb)
{
	const struct igb_hw_stats *stats = &igb->hw.stats;
	uint64_t missed = stats->rx_missed;

	queues_update(igb);
	for (unsigned i = 0; i < igb->hw.mac->nb_queues; i++)
		missed += stats->queue[i].rx_dropped;
	plx_store_relaxed(&igb->port->outside.rx.missed, missed);
	/* Not rx_undersize: an emulator counts short frames there, and pads and delivers them. */
	plx_store_relaxed(&igb->port->outside.rx.errors, stats->rx_crc + stats->rx_align +
								 stats->rx_data_error +
								 stats->rx_oversize);
}
