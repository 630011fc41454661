/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net_tap: a network interface of the kernel of which this port is the other end of the cable.
 *
 *	iface=NAME   of the interface; "dtap%d", the default, lets the kernel pick the number
 *	mac=ADDRESS  of it and of the port; "fixed": 00:64:74:61:70 and the device's number
 *	persist	     it may be there already, and it stays
 *
 * The interface is there and up from probe to remove; its carrier is the port's start and stop, so
 * that addresses and routes on it stay. The process's end takes it away, whatever the end is.
 */
#include <errno.h>
#include <netinet/ether.h>
#include <pollux/mbuf.h>
#include <pollux/mem.h>
#include <stdlib.h>
#include <string.h>

#include "tap_private.h"

enum { QUEUE_FRAMES = 512 };

/* ---- Queues ---- */

static void info(struct plx_port *port, struct plx_port_info *info)
{
	const struct tap_port *tap = port->priv;

	info->can = PLX_PORT_CAN_PROMISC | PLX_PORT_CAN_ALLMULTI | PLX_PORT_CAN_MAC_SET |
		    PLX_PORT_CAN_MTU_SET | PLX_PORT_CAN_LINK;
	info->if_index = tap->if_index;
	info->rx_offloads = PLX_PORT_RX_SCATTER;
	info->tx_offloads = PLX_PORT_TX_MULTI_SEGS;
	info->max_rx_queues = TAP_QUEUES_MAX;
	info->max_tx_queues = TAP_QUEUES_MAX;
	info->rx_ring_default = QUEUE_FRAMES;
	info->min_mtu = TAP_MTU_MIN;
	info->max_mtu = TAP_MTU_MAX;
	info->max_frame_bytes = port->mtu + ETHER_HDR_LEN;
}

static int rxq_setup(struct plx_port *port, struct plx_port_rxq *rxq)
{
	(void)port;
	((struct tap_rxq *)rxq)->room = plx_mbuf_pool_data_room(rxq->pool);
	return 0;
}

/* Queues let frames of this MTU pass from now on; they may be polling. */
static int set_limits(struct plx_port *port, uint32_t mtu)
{
	uint32_t frame_max = mtu + ETHER_HDR_LEN;
	bool scatter = port->conf.rx_offloads & PLX_PORT_RX_SCATTER;

	for (unsigned i = 0; scatter && i < port->conf.nb_rx_queues; i++) {
		const struct tap_rxq *rxq = (const struct tap_rxq *)port->rxqs[i];

		if (!rxq || (frame_max + TAP_TAG_BYTES - 1) / rxq->room < PLX_MBUF_SEGS_MAX)
			continue;
		plx_port_log(port, PLX_LOG_ERR,
			     "rx queue %u: an MTU of %u takes over %d mbufs of %u bytes; want a "
			     "smaller MTU or a pool of a larger data_room",
			     i, mtu, PLX_MBUF_SEGS_MAX, rxq->room);
		return -EINVAL;
	}
	for (unsigned i = 0; i < port->conf.nb_rx_queues; i++) {
		struct tap_rxq *rxq = (struct tap_rxq *)port->rxqs[i];
		uint32_t nb_segs = 1;

		if (!rxq)
			continue;
		if (scatter)
			nb_segs += (frame_max + TAP_TAG_BYTES - 1) / rxq->room;
		plx_store_relaxed(&rxq->nb_segs, nb_segs);
		plx_store_relaxed(&rxq->frame_max, frame_max);
	}
	for (unsigned i = 0; i < port->conf.nb_tx_queues; i++) {
		struct tap_txq *txq = (struct tap_txq *)port->txqs[i];

		if (txq)
			plx_store_relaxed(&txq->frame_max, frame_max);
	}
	return 0;
}

/* ---- Start and stop ---- */

static void drain(struct plx_port *port, struct tap_port *tap)
{
	for (unsigned i = 0; i < tap->nb_fds; i++) {
		uint64_t nb = plx_net_tap_drain(tap->fds[i]);

		if (i < port->conf.nb_rx_queues && port->rxqs[i])
			plx_count(&port->rxqs[i]->stats.missed, nb);
		else
			tap->missed += nb;
	}
}

static int start(struct plx_port *port)
{
	struct tap_port *tap = port->priv;
	unsigned nb_rx = port->conf.nb_rx_queues;
	uint32_t frames = 0;
	int ret = plx_net_tap_find(port, tap);

	if (ret == 0)
		ret = set_limits(port, port->mtu);
	if (ret == 0)
		ret = plx_net_tap_resize(port, tap, nb_rx > 0 ? nb_rx : 1);
	for (unsigned i = 0; i < nb_rx; i++)
		if (frames < port->rxqs[i]->nb_desc)
			frames = port->rxqs[i]->nb_desc;
	if (ret)
		return ret;
	if (frames > 0)
		plx_net_tap_queue_len(port, tap, frames);

	for (unsigned i = 0; i < nb_rx; i++) {
		struct tap_rxq *rxq = (struct tap_rxq *)port->rxqs[i];

		rxq->fd = tap->fds[i];
		rxq->base.burst = plx_net_tap_rx_burst;
	}
	for (unsigned i = 0; i < port->conf.nb_tx_queues; i++) {
		struct tap_txq *txq = (struct tap_txq *)port->txqs[i];

		txq->fd = tap->fds[i % tap->nb_fds];
		txq->multi_segs = port->conf.tx_offloads & PLX_PORT_TX_MULTI_SEGS;
		txq->base.burst = plx_net_tap_tx_burst;
	}
	drain(port, tap);
	ret = plx_net_tap_carrier(port, tap, true);
	plx_store_relaxed(&tap->started, ret == 0);
	return ret;
}

static void stop(struct plx_port *port)
{
	struct tap_port *tap = port->priv;

	plx_store_relaxed(&tap->started, 0);
	if (plx_net_tap_alive(tap))
		plx_net_tap_carrier(port, tap, false);
	if (plx_load_relaxed(&tap->moved))
		plx_port_link_set(port, &(struct plx_port_link){.up = false});
	drain(port, tap);
	for (unsigned i = 0; i < port->conf.nb_rx_queues; i++) {
		struct tap_rxq *rxq = (struct tap_rxq *)port->rxqs[i];

		plx_mbuf_free_bulk(rxq->spare, rxq->nb_spare);
		rxq->nb_spare = 0;
	}
}

/* ---- Settings ---- */

static int tell_kernel_said(struct plx_port *port, const char *what, int ret)
{
	const struct tap_port *tap = port->priv;

	if (ret)
		plx_port_log(port, PLX_LOG_ERR, "interface '%s': %s: %s", tap->iface, what,
			     strerror(-ret));
	return ret;
}

static int mtu_set(struct plx_port *port, uint32_t mtu)
{
	const struct tap_port *tap = port->priv;
	int ret = set_limits(port, mtu);

	if (ret)
		return ret;
	ret = tell_kernel_said(port, "MTU", plx_netif_set_mtu(tap->if_index, mtu));
	if (ret)
		set_limits(port, port->mtu);
	else
		port->mtu = mtu;
	return ret;
}

static int mac_set(struct plx_port *port, const struct ether_addr *mac)
{
	const struct tap_port *tap = port->priv;

	return tell_kernel_said(port, "address", plx_netif_set_mac(tap->if_index, mac));
}

/* All frames that the kernel sends come in anyway; what it takes from us is what this is about. */
static int promisc_set(struct plx_port *port, bool on)
{
	return plx_net_tap_flag(port, port->priv, IFF_PROMISC, on);
}

static int allmulti_set(struct plx_port *port, bool on)
{
	return plx_net_tap_flag(port, port->priv, IFF_ALLMULTI, on);
}

/* What the kernel could not queue for us it counts as dropped on its way out. */
static void stats_update(struct plx_port *port)
{
	const struct tap_port *tap = port->priv;
	uint64_t missed = port->outside.rx.missed;
	struct plx_netif_info netif;

	/* Another interface may have its index by now. */
	if (!plx_load_relaxed(&tap->moved) && plx_netif_by_index(tap->if_index, &netif) == 0 &&
	    plx_net_tap_is(tap, netif.name) && netif.tx_dropped >= tap->kernel_drops)
		missed = tap->missed + netif.tx_dropped - tap->kernel_drops;
	if (port->outside.rx.missed < missed)
		port->outside.rx.missed = missed;
}

static void dump(struct plx_port *port, FILE *out)
{
	const struct tap_port *tap = port->priv;

	fprintf(out, "  interface '%s', %u queues%s\n", tap->iface, tap->nb_fds,
		tap->persist ? ", persistent" : "");
}

static const struct plx_port_ops tap_ops = {
	.info = info,
	.rxq_setup = rxq_setup,
	.start = start,
	.stop = stop,
	.mtu_set = mtu_set,
	.mac_set = mac_set,
	.promisc_set = promisc_set,
	.allmulti_set = allmulti_set,
	.stats_update = stats_update,
	.dump = dump,
};

/* ---- The device ---- */

static const struct plx_devargs_key keys[] = {
	{"iface", false, "NAME: of the interface that is made; dtap%d by default"},
	{"mac", false, "fixed|xx:xx:xx:xx:xx:xx: address of the interface and the port"},
	{"persist", false, "0|1: the interface may be there already, and stays"},
	{"remote", false, "refused: there is no mirroring of another interface"},
	{NULL, false, NULL},
};

/* In the control thread. */
static void on_change(const struct plx_netif_info *netif, void *arg)
{
	struct plx_port *port = arg;
	struct tap_port *tap = port->priv;
	struct plx_port_link link = {.up = false};

	if (netif) {
		link.up = netif->carrier;
		link.full_duplex = netif->full_duplex;
		link.speed_mbps = netif->carrier ? netif->speed_mbps : 0;
		plx_port_link_set(port, &link);
	} else if (plx_net_tap_alive(tap)) {
		/* It works in its new network namespace; it was set down on the way. */
		plx_store_relaxed(&tap->moved, 1);
		link.up = plx_load_relaxed(&tap->started);
		plx_port_link_set(port, &link);
		plx_port_log(port, PLX_LOG_NOTICE,
			     "the interface has left this network namespace: no link changes are "
			     "told from now on");
	} else {
		plx_port_link_set(port, &link);
		plx_port_event_raise(port, PLX_PORT_EVENT_REMOVED);
	}
}

static int parse_iface(const struct plx_devargs *args, struct tap_port *tap)
{
	const char *name = plx_devargs_get(args, "iface");

	if (!name)
		name = "dtap%d";
	if (*name == '\0' || strlen(name) >= IF_NAMESIZE || strpbrk(name, "/: \t\n") ||
	    strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return plx_devargs_refuse(
			args, "iface", "a name of 1 to 15 characters without '/', ':' and space");
	strcpy(tap->iface, name);
	return 0;
}

/* *@asked: there is an address in the device string. */
static int parse_mac(const struct plx_port *port, const struct plx_devargs *args,
		     struct ether_addr *mac, bool *asked)
{
	const char *value = plx_devargs_get(args, "mac");

	*asked = value != NULL;
	if (!value)
		return 0;
	/* DPDK's, which is not a locally administered one. */
	*mac = plx_port_mac_made(port, "dtap");
	mac->ether_addr_octet[0] = 0;
	if (strcmp(value, "fixed") == 0)
		return 0;
	if (!ether_aton_r(value, mac) || (mac->ether_addr_octet[0] & 1) ||
	    memcmp(mac, &(struct ether_addr){{0}}, sizeof(*mac)) == 0)
		return plx_devargs_refuse(args, "mac",
					  "fixed, or a unicast address like 02:00:00:00:00:01");
	return 0;
}

/* Address, state and counts of the interface that is there now. */
static int take_interface(struct plx_port *port, struct tap_port *tap, const struct ether_addr *mac)
{
	struct plx_netif_info netif;
	int ret = plx_net_tap_carrier(port, tap, false);

	if (ret)
		return ret;
	if (mac)
		ret = tell_kernel_said(port, "address", plx_netif_set_mac(tap->if_index, mac));
	if (ret == 0)
		ret = tell_kernel_said(port, "up", plx_netif_set_up(tap->if_index, true));
	if (ret == 0)
		ret = tell_kernel_said(port, "state", plx_netif_by_index(tap->if_index, &netif));
	if (ret)
		return ret;
	tap->kernel_drops = netif.tx_dropped;
	port->mac = netif.mac;
	port->mtu = netif.mtu;
	ret = plx_netif_watch_add(tap->if_index, on_change, port, &tap->watch);
	return tell_kernel_said(port, "link state", ret);
}

static int probe(struct plx_port *port, const struct plx_devargs *args)
{
	struct tap_port *tap = calloc(1, sizeof(*tap));
	struct ether_addr mac;
	bool has_mac;
	int ret;

	if (!tap) {
		plx_port_log(port, PLX_LOG_ERR, "no memory for the device");
		return -ENOMEM;
	}
	port->priv = tap;
	port->node = PLX_NODE_ANY;
	ret = parse_iface(args, tap);
	if (ret == 0)
		ret = parse_mac(port, args, &mac, &has_mac);
	if (ret == 0)
		ret = plx_devargs_bool(args, "persist", &tap->persist);
	if (ret == 0 && plx_devargs_get(args, "remote"))
		ret = plx_devargs_refuse(args, "remote",
					 "nothing; net_af_packet0,iface=NAME has the packets of an "
					 "interface");
	if (ret)
		goto free_tap;
	ret = plx_net_tap_create(port, tap);
	if (ret)
		goto free_tap;
	ret = take_interface(port, tap, has_mac ? &mac : NULL);
	if (ret)
		goto close_tap;
	if (tap->persist)
		ret = plx_net_tap_keep(port, tap);
	if (ret)
		goto del_watch;
	return 0;

del_watch:
	plx_netif_watch_del(tap->watch);
close_tap:
	plx_net_tap_close(tap);
free_tap:
	port->priv = NULL;
	free(tap);
	return ret;
}

static void remove_device(struct plx_port *port)
{
	struct tap_port *tap = port->priv;

	plx_netif_watch_del(tap->watch);
	if (tap->persist && plx_net_tap_alive(tap)) {
		if (port->promisc)
			promisc_set(port, false);
		if (port->allmulti)
			allmulti_set(port, false);
	}
	port->priv = NULL;
	plx_net_tap_close(tap);
	free(tap);
}

/* The interface would outlive the parent. */
static void forked(struct plx_port *port)
{
	plx_net_tap_close(port->priv);
}

static const struct plx_port_counter rxq_counters[] = {
	{"rx_too_long", offsetof(struct tap_rxq, too_long), true},
	{NULL, 0, false},
};

static const struct plx_port_counter txq_counters[] = {
	{"tx_too_long", offsetof(struct tap_txq, too_long), true},
	{"tx_chains_refused", offsetof(struct tap_txq, chained), true},
	{"tx_kernel_refused", offsetof(struct tap_txq, refused), true},
	{NULL, 0, false},
};

const struct plx_port_driver plx_net_tap_driver = {
	.name = "net_tap",
	.keys = keys,
	.ops = &tap_ops,
	.rxq_bytes = sizeof(struct tap_rxq),
	.txq_bytes = sizeof(struct tap_txq),
	.rxq_counters = rxq_counters,
	.txq_counters = txq_counters,
	.probe = probe,
	.remove = remove_device,
	.forked = forked,
};
