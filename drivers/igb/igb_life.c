/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Start and stop. Data sheets: "Receive Initialization", "Transmit Initialization" (I210 4.5.9,
 * 4.5.10): queues are enabled before their tails are written, since a tail is ignored before.
 *
 * Stop lets the card send what it has, as long as it goes on doing so; then nothing of it touches
 * memory any more, and all mbufs go home.
 */
#include <string.h>

#include "igb_private.h"

enum {
	FCS_BYTES = 4,
	DRAIN_US = 100000, /* a ring of 512 frames of 1,514 bytes takes 6 ms at 1 Gb/s */
};

/* ---- Start ---- */

/* After a fault, and when somebody else had a hand on it. */
static int revive(struct igb_port *igb)
{
	int ret = plx_igb_alive(&igb->hw);

	/* Deaf: what a reset of the whole function wiped is put back by another one. */
	if (ret == -EIO) {
		ret = plx_pci_reset(igb->pci);
		if (ret)
			return ret;
	}
	return ret ? ret : plx_igb_reset(&igb->hw);
}

static int set_units(struct igb_port *igb)
{
	const struct plx_port *port = igb->port;
	const uint32_t rx = port->conf.rx_offloads;
	const struct igb_rx_conf conf = {
		.max_frame_bytes = igb_frame_max(port) + FCS_BYTES,
		.ip_csum = (rx & PLX_PORT_RX_IP_CSUM) != 0,
		.l4_csum = (rx & IGB_RX_L4_CSUM) != 0,
		/* One switch for both ways: CTRL.VME. */
		.vlan_strip = (rx & PLX_PORT_RX_VLAN_STRIP) != 0 ||
			      (port->conf.tx_offloads & PLX_PORT_TX_VLAN_INSERT) != 0,
		.hash = (rx & PLX_PORT_RX_RSS_HASH) != 0,
		.loopback = igb->options.loopback,
		.stamps = (rx & PLX_PORT_RX_TIMESTAMP) != 0,
	};
	int ret = plx_igb_rx_setup(&igb->hw, &conf);

	if (ret == 0)
		ret = plx_igb_tx_setup(&igb->hw);
	if (ret == 0)
		ret = plx_igb_rss_set(&igb->hw, &port->conf.rss);
	if (ret)
		return ret;
	plx_igb_vlan_filter(&igb->hw, (rx & PLX_PORT_RX_VLAN_FILTER) != 0);
	return conf.stamps ? plx_igb_clock_run(igb) : 0;
}

static int prepare_queues(struct igb_port *igb)
{
	struct plx_port *port = igb->port;
	const struct igb_rxq_conf conf = {
		.hw = &igb->hw,
		.offloads = port->conf.rx_offloads,
		.tx_offloads = port->conf.tx_offloads,
		.frame_max = igb_frame_max(port),
	};
	int ret = 0;

	for (unsigned i = 0; i < port->conf.nb_rx_queues && ret == 0; i++)
		ret = plx_igb_rxq_prepare(igb->rxqs[i], &conf);
	for (unsigned i = 0; i < port->conf.nb_tx_queues && ret == 0; i++)
		ret = plx_igb_txq_prepare(port, igb->txqs[i], port->conf.tx_offloads,
					  conf.frame_max);
	return ret;
}

/* With several queues, one that nobody empties must not hold up the others. */
static bool wants_drop(const struct igb_port *igb)
{
	bool may_pause = igb->options.fc == IGB_FC_FULL || igb->options.fc == IGB_FC_TX_PAUSE;

	if (!igb->options.drop_auto)
		return igb->options.drop;
	return igb->port->conf.nb_rx_queues > 1 && !may_pause;
}

static int start_queues(struct igb_port *igb)
{
	const struct plx_port_conf *conf = &igb->port->conf;
	struct igb_hw *hw = &igb->hw;
	int ret = 0;

	plx_igb_rx_small_buffers(hw, igb->port);
	for (unsigned i = 0; i < conf->nb_rx_queues && ret == 0; i++)
		ret = plx_igb_rxq_start(hw, igb->rxqs[i], wants_drop(igb));
	if (ret == 0 && conf->nb_rx_queues > 0)
		plx_igb_rx_enable(hw, true);
	for (unsigned i = 0; i < conf->nb_rx_queues && ret == 0; i++) {
		struct igb_rxq *q = igb->rxqs[i];

		plx_igb_rx_fill(q);
		plx_mmio_write32(q->tail_reg, q->tail);
	}
	for (unsigned i = 0; i < conf->nb_tx_queues && ret == 0; i++)
		ret = plx_igb_txq_start(hw, igb->txqs[i]);
	if (ret == 0 && conf->nb_tx_queues > 0)
		plx_igb_tx_enable(hw, true);
	return ret;
}

static void flush_queues(struct igb_port *igb)
{
	for (unsigned i = 0; i < igb->port->conf.nb_rx_queues; i++) {
		struct igb_rxq *q = igb->rxqs[i];
		uint32_t nb = plx_igb_rx_flush(q);

		plx_count(&q->flushed, nb);
		plx_count(&q->base.stats.missed, nb);
	}
}

static int start_card(struct igb_port *igb)
{
	static const enum igb_intr_mode modes[] = {
		[PLX_INTR_NONE] = IGB_INTR_NONE,
		[PLX_INTR_INTX] = IGB_INTR_INTX,
		[PLX_INTR_MSI] = IGB_INTR_MSI,
		[PLX_INTR_MSIX] = IGB_INTR_MSIX,
	};
	int ret = 0;

	/* Somebody may have reset it while nobody looked. */
	if (igb->failed || plx_igb_alive(&igb->hw) == -EIO || !plx_igb_is_ours(&igb->hw))
		ret = revive(igb);
	if (ret == 0)
		ret = plx_pci_bus_master(igb->pci, true);
	if (ret == 0)
		ret = set_units(igb);
	if (ret == 0)
		ret = plx_igb_intr_setup(&igb->hw, modes[igb->intr], plx_igb_rx_vectors(igb));
	if (ret == 0)
		ret = start_queues(igb);
	if (ret == 0)
		ret = plx_igb_link_start(&igb->hw, igb->options.advertise, igb->options.fc);
	if (ret)
		return ret;
	if (igb->intr != PLX_INTR_NONE)
		plx_igb_intr_other(&igb->hw, true);
	igb->failed = false;
	igb->running = true;
	for (unsigned i = 0; i < IGB_QUEUES_MAX; i++)
		igb->tx_seen[i].nb_ticks = 0;
	plx_igb_link_update(igb);
	return 0;
}

/* Nothing of the device touches memory after this. */
static void quiet(struct igb_port *igb)
{
	if (!igb->gone && plx_igb_down(&igb->hw) != 0)
		igb->failed = true;
	else if (!igb->gone)
		plx_igb_link_stop(&igb->hw);
	/* One that the kernel asks for is there until it is closed. */
	if (!plx_pci_is_gone(igb->pci))
		plx_pci_bus_master(igb->pci, false);
}

int plx_igb_start(struct plx_port *port)
{
	struct igb_port *igb = igb_of(port);
	int ret = plx_igb_watch_intr_on(igb);

	if (ret)
		return ret;
	pthread_mutex_lock(&igb->lock);
	ret = igb->gone ? -ENODEV : prepare_queues(igb);
	if (ret)
		goto unlock;
	ret = start_card(igb);
	if (ret) {
		quiet(igb);
		flush_queues(igb);
	}

unlock:
	pthread_mutex_unlock(&igb->lock);
	if (ret) {
		plx_igb_watch_intr_off(igb);
		plx_port_log(port, PLX_LOG_ERR, "start: %s", strerror(-ret));
	}
	return ret;
}

/* ---- Stop ---- */

/* How far the card came with each queue; a card that is gone came nowhere. */
static void stop_units(struct igb_port *igb, uint32_t *heads)
{
	const struct plx_port_conf *conf = &igb->port->conf;
	struct igb_hw *hw = &igb->hw;
	bool is_there = !igb->gone && plx_igb_alive(hw) == 0;

	for (unsigned i = 0; i < conf->nb_tx_queues; i++)
		heads[i] = UINT32_MAX;
	if (!is_there)
		return;
	plx_igb_intr_other(hw, false);
	plx_igb_rx_enable(hw, false);
	if (!igb->failed && (igb_read(hw, IGB_STATUS) & IGB_STATUS_LU))
		plx_igb_tx_drain(hw, igb->port, DRAIN_US);
	plx_igb_tx_enable(hw, false);
	for (unsigned i = 0; i < conf->nb_tx_queues; i++)
		heads[i] = igb_read(hw, IGB_TDH(i));
	if (plx_igb_is_ours(hw))
		plx_igb_stats_update(hw);
}

/* What was counted as sent when the card got it, and was not. Nobody is in a burst. */
static void count_unsent(struct igb_txq *q, uint32_t nb, uint64_t bytes)
{
	struct plx_port_tx_stats *stats = &q->base.stats;

	plx_store_relaxed(&stats->packets, stats->packets - nb);
	plx_store_relaxed(&stats->bytes, stats->bytes - bytes);
	plx_count(&stats->dropped, nb);
	plx_count(&q->flushed, nb);
}

void plx_igb_stop(struct plx_port *port)
{
	struct igb_port *igb = igb_of(port);
	uint32_t heads[IGB_QUEUES_MAX] = {0};

	pthread_mutex_lock(&igb->lock);
	igb->running = false;
	pthread_mutex_unlock(&igb->lock);
	/* Before bus mastering, which interrupts need. */
	plx_igb_watch_intr_off(igb);
	pthread_mutex_lock(&igb->lock);
	stop_units(igb, heads);
	quiet(igb);
	flush_queues(igb);
	for (unsigned i = 0; i < port->conf.nb_tx_queues; i++) {
		uint64_t bytes;
		uint32_t nb = plx_igb_tx_flush(igb->txqs[i], heads[i], &bytes);

		if (nb > 0)
			count_unsent(igb->txqs[i], nb, bytes);
	}
	pthread_mutex_unlock(&igb->lock);
	plx_port_link_set(port, &(struct plx_port_link){.autoneg = true});
}
