/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net_pcap: libpcap's way to interfaces of the kernel, and capture files. The kernel path that
 * other drivers are compared with, so it does what libpcap allows: frames are copied once, out of
 * the ring that the kernel fills, and can be had at once (immediate mode).
 *
 * Beyond libpcap's own calls only options of its socket are set: the kernel is told not to copy
 * outgoing frames into the ring, and its count of drops is read without libpcap, whose
 * pcap_stats() is not made for another thread than the one that receives.
 *
 * Handles live from attach to detach, since the kernel takes some 10 ms to make a ring and 20 to
 * end it. In between a filter that lets nothing through is what stops a port.
 */
#include "pcap_private.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	MTU_MIN = 68,
	MTU_DEFAULT = 1500, /* of files */
	FILE_MTU_MAX = PCAP_FRAME_MAX - ETHER_HDR_LEN,
};

/* ---- What it can ---- */

static bool is_live(const struct pcap_port *pp)
{
	return pp->nb_lives > 0;
}

static void info(struct plx_port *port, struct plx_port_info *info)
{
	const struct pcap_port *pp = port->priv;
	uint32_t longest =
		is_live(pp) ? plx_load_relaxed(&port->mtu) + ETHER_HDR_LEN : PCAP_FRAME_MAX;

	info->can = PLX_PORT_CAN_PROMISC | PLX_PORT_CAN_ALLMULTI | PLX_PORT_CAN_MAC_SET |
		    PLX_PORT_CAN_MAC_ADD | PLX_PORT_CAN_LINK;
	info->rx_offloads = PLX_PORT_RX_SCATTER | PLX_PORT_RX_TIMESTAMP;
	info->tx_offloads = PLX_PORT_TX_MULTI_SEGS;
	info->max_rx_queues = pp->nb_rx;
	info->max_tx_queues = pp->nb_tx;
	info->max_macs = PCAP_MACS_MAX;
	info->min_mtu = MTU_MIN;
	info->max_mtu = FILE_MTU_MAX;
	for (unsigned i = 0; i < pp->nb_ifaces; i++) {
		const struct pcap_iface *iface = &pp->ifaces[i];
		uint32_t max_mtu = plx_load_relaxed(&iface->max_mtu);

		info->can |= PLX_PORT_CAN_MTU_SET;
		info->min_mtu = plx_max_u32(info->min_mtu, plx_load_relaxed(&iface->min_mtu));
		if (max_mtu)
			info->max_mtu = plx_min_u32(info->max_mtu, max_mtu);
	}
	if (is_live(pp))
		info->if_index = pp->ifaces[0].index;
	for (unsigned i = 0; i < port->conf.nb_rx_queues; i++)
		if (port->rxqs[i] && !(port->conf.rx_offloads & PLX_PORT_RX_SCATTER))
			longest =
				plx_min_u32(longest, plx_mbuf_pool_data_room(port->rxqs[i]->pool));
	info->max_frame_bytes = longest;
}

static void dump(struct plx_port *port, FILE *out)
{
	const struct pcap_port *pp = port->priv;

	for (unsigned i = 0; i < pp->nb_rx; i++) {
		const struct pcap_stream *rx = &pp->rx[i];

		if (rx->kind == PCAP_FILE)
			fprintf(out, "  rx queue %u: %s, %s\n", i, rx->path,
				plx_load_relaxed(&rx->in->eof) ? "at its end" : "not at its end");
		else if (rx->kind == PCAP_LIVE)
			fprintf(out, "  rx queue %u: %s %s, frames of up to %u bytes%s\n", i,
				rx->live->iface->name, rx->live->in_only ? "in" : "in and out",
				rx->live->snaplen,
				plx_load_relaxed(&rx->live->handle) ? ""
								    : ", not open: it is down");
		else
			fprintf(out, "  rx queue %u: nothing\n", i);
	}
	for (unsigned i = 0; i < pp->nb_tx; i++) {
		const struct pcap_stream *tx = &pp->tx[i];

		if (tx->kind == PCAP_FILE)
			fprintf(out, "  tx queue %u: %s\n", i, tx->path);
		else if (tx->kind == PCAP_LIVE)
			fprintf(out, "  tx queue %u: %s\n", i, tx->live->iface->name);
		else
			fprintf(out, "  tx queue %u: thrown away\n", i);
	}
	if (pp->conf.filter)
		fprintf(out, "  filter: %s\n", pp->conf.filter);
}

/* ---- Queues ---- */

static int no_memory(const struct plx_port *port)
{
	plx_port_log(port, PLX_LOG_ERR, "no memory");
	return -ENOMEM;
}

static int rxq_setup(struct plx_port *port, struct plx_port_rxq *rxq)
{
	const struct pcap_port *pp = port->priv;
	const struct pcap_stream *stream = &pp->rx[rxq->queue];
	struct pcap_rxq *q = (struct pcap_rxq *)rxq;

	q->in = stream->in;
	q->live = stream->live;
	q->snaplen = pp->conf.snaplen;
	q->room = plx_mbuf_pool_data_room(rxq->pool);
	q->plain_max = q->snaplen ? plx_min_u32(q->room, q->snaplen) : q->room;
	q->scatter = port->conf.rx_offloads & PLX_PORT_RX_SCATTER;
	if (!q->live || !q->scatter)
		return 0;
	/* Only what is used of it takes memory. */
	q->held = malloc(PCAP_FRAME_MAX);
	return q->held ? 0 : no_memory(port);
}

static int txq_setup(struct plx_port *port, struct plx_port_txq *txq)
{
	const struct pcap_port *pp = port->priv;
	const struct pcap_stream *stream = &pp->tx[txq->queue];
	struct pcap_txq *q = (struct pcap_txq *)txq;

	q->out = stream->out;
	q->live = stream->live;
	q->multi_segs = port->conf.tx_offloads & PLX_PORT_TX_MULTI_SEGS;
	if (!q->live || !q->multi_segs)
		return 0;
	q->scratch = malloc(PCAP_FRAME_MAX);
	return q->scratch ? 0 : no_memory(port);
}

static void rxq_release(struct plx_port *port, struct plx_port_rxq *rxq)
{
	(void)port;
	free(((struct pcap_rxq *)rxq)->held);
}

static void txq_release(struct plx_port *port, struct plx_port_txq *txq)
{
	(void)port;
	free(((struct pcap_txq *)txq)->scratch);
}

/* ---- Start, stop ---- */

static uint32_t rx_nothing(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	(void)queue;
	(void)pkts;
	(void)nb;
	return 0;
}

/* Taken, as DPDK's port does, so that a forwarder goes on; but not counted as sent. */
static uint32_t tx_nowhere(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	struct pcap_txq *q = queue;

	plx_mbuf_free_bulk(pkts, nb);
	plx_count(&q->base.stats.errors, nb);
	plx_count(&q->no_sink, nb);
	return nb;
}

static int start_rx(struct pcap_port *pp, struct pcap_rxq *q)
{
	q->is_held = false;
	q->nb_failures = 0;
	if (q->in) {
		q->base.burst = plx_pcap_in_burst;
		return plx_pcap_in_start(q->in);
	}
	if (q->live) {
		q->base.burst = plx_pcap_live_rx;
		return plx_pcap_live_start(q->live);
	}
	q->base.burst = rx_nothing;
	plx_count(&q->eof, 1); /* from the start */
	(void)pp;
	return 0;
}

static void stop(struct plx_port *port)
{
	struct pcap_port *pp = port->priv;

	plx_pcap_link_stop(pp);
	pthread_mutex_lock(&pp->handles);
	plx_pcap_iface_drops(pp, true);
	for (unsigned i = 0; i < port->conf.nb_rx_queues; i++) {
		struct pcap_rxq *q = (struct pcap_rxq *)port->rxqs[i];

		if (!q->live)
			continue;
		plx_pcap_live_stop(q->live);
		if (q->is_held)
			plx_count(&pp->flushed, 1);
		q->is_held = false;
	}
	pthread_mutex_unlock(&pp->handles);
}

static int start(struct plx_port *port)
{
	struct pcap_port *pp = port->priv;
	int ret = 0;

	pthread_mutex_lock(&pp->handles);
	plx_pcap_iface_drops(pp, false);
	for (unsigned i = 0; i < port->conf.nb_tx_queues; i++) {
		struct pcap_txq *q = (struct pcap_txq *)port->txqs[i];

		q->base.burst = tx_nowhere;
		if (q->out)
			q->base.burst = plx_pcap_out_burst;
		else if (q->live)
			q->base.burst = plx_pcap_live_tx;
	}
	for (unsigned i = 0; i < port->conf.nb_rx_queues && ret == 0; i++)
		ret = start_rx(pp, (struct pcap_rxq *)port->rxqs[i]);
	for (unsigned i = 0; i < pp->nb_lives && ret; i++)
		plx_pcap_live_stop(&pp->lives[i]);
	pthread_mutex_unlock(&pp->handles);
	if (ret == 0)
		plx_pcap_link_start(pp);
	return ret;
}

static void stats_update(struct plx_port *port)
{
	struct pcap_port *pp = port->priv;

	pthread_mutex_lock(&pp->handles);
	for (unsigned i = 0; i < pp->nb_lives; i++)
		if (pp->lives[i].receiving)
			plx_pcap_live_drops(&pp->lives[i], pp->lives[i].handle, true);
	/* What is lost while it is stopped never came to the port. */
	plx_pcap_iface_drops(pp, port->state == PLX_PORT_STARTED);
	port->outside.rx.missed = pp->kernel_drops + pp->interface_drops + pp->flushed;
	pthread_mutex_unlock(&pp->handles);
}

/* ---- The device ---- */

static void adopt_interface(struct plx_port *port, const struct pcap_port *pp)
{
	plx_store_relaxed(&port->mtu, MTU_DEFAULT);
	for (unsigned i = 0; i < pp->nb_ifaces; i++)
		port->mtu = i ? plx_min_u32(port->mtu, pp->ifaces[i].mtu) : pp->ifaces[i].mtu;
	port->node = is_live(pp) ? pp->ifaces[0].node : PLX_NODE_ANY;
	if (pp->conf.phy_mac && is_live(pp))
		port->mac = pp->ifaces[0].mac;
}

static void free_port(struct pcap_port *pp)
{
	plx_pcap_streams_close(pp);
	if (pp->route_fd >= 0)
		close(pp->route_fd);
	pthread_mutex_destroy(&pp->link);
	pthread_mutex_destroy(&pp->handles);
	free(pp);
}

static int probe(struct plx_port *port, const struct plx_devargs *args)
{
	struct pcap_port *pp = calloc(1, sizeof(*pp));
	int ret;

	if (!pp)
		return no_memory(port);
	pp->port = port;
	pp->route_fd = -1;
	pthread_mutex_init(&pp->handles, NULL);
	pthread_mutex_init(&pp->link, NULL);
	/* DPDK's. */
	port->mac = plx_port_mac_made(port, "pcap");
	pp->macs[0] = port->mac;
	pp->nb_macs = 1;
	ret = plx_pcap_args(pp, args);
	if (ret == -ENOMEM)
		no_memory(port);
	if (ret)
		goto free_port;
	adopt_interface(port, pp);
	pp->macs[0] = port->mac;
	port->priv = pp;
	ret = plx_pcap_watch(pp);
	if (ret)
		goto free_port;
	return 0;

free_port:
	port->priv = NULL;
	free_port(pp);
	return ret;
}

/* An address that was given to an interface goes back; it may be gone. */
static void restore_macs(const struct pcap_port *pp)
{
	for (unsigned i = 0; i < pp->nb_ifaces; i++) {
		const struct pcap_iface *iface = &pp->ifaces[i];

		if (!iface->gone && iface->mac_changed)
			plx_netif_set_mac(iface->index, &iface->first_mac);
	}
}

static void remove_port(struct plx_port *port)
{
	struct pcap_port *pp = port->priv;

	plx_pcap_unwatch(pp);
	restore_macs(pp);
	port->priv = NULL;
	free_port(pp);
}

/* A number that the child closed, or uses for something else, is left alone. */
static void replace(int fd, const struct pcap_file_id *id, int by)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && st.st_dev == id->dev && st.st_ino == id->ino)
		dup3(by, fd, O_CLOEXEC);
}

/* The files' locks end with the last descriptor. In its place comes one of nothing: libc may touch
 * it at exit(), where the offset would be the parent's. Handles of libpcap stay: to close one ends
 * the parent's ring. */
static void forked(struct plx_port *port)
{
	struct pcap_port *pp = port->priv;
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (unsigned i = 0; i < PCAP_STREAMS_MAX && nothing >= 0; i++) {
		const struct pcap_in *in = pp->rx[i].in;
		const struct pcap_out *out = pp->tx[i].out;

		if (in)
			replace(in->fd, &in->id, nothing);
		if (in && in->reader)
			replace(fileno(pcap_file(in->reader)), &in->id, nothing);
		if (out)
			replace(out->fd, &out->id, nothing);
	}
	if (nothing >= 0)
		close(nothing);
}

static const struct plx_port_ops ops = {
	.info = info,
	.rxq_setup = rxq_setup,
	.txq_setup = txq_setup,
	.rxq_release = rxq_release,
	.txq_release = txq_release,
	.start = start,
	.stop = stop,
	.mtu_set = plx_pcap_mtu_set,
	.mac_set = plx_pcap_mac_set,
	.mac_add = plx_pcap_mac_add,
	.mac_del = plx_pcap_mac_del,
	.promisc_set = plx_pcap_promisc_set,
	.allmulti_set = plx_pcap_allmulti_set,
	.stats_update = stats_update,
	.dump = dump,
};

static const struct plx_port_counter rxq_counters[] = {
	{"rx_truncated", offsetof(struct pcap_rxq, truncated), true},
	{"rx_too_long", offsetof(struct pcap_rxq, too_long), true},
	{"rx_damaged", offsetof(struct pcap_rxq, damaged), true},
	{"rx_cut", offsetof(struct pcap_rxq, cut), false},
	{"rx_eof", offsetof(struct pcap_rxq, eof), false},
	{NULL, 0, false},
};

static const struct plx_port_counter txq_counters[] = {
	{"tx_too_long", offsetof(struct pcap_txq, too_long), true},
	{"tx_refused", offsetof(struct pcap_txq, refused), true},
	{"tx_write_failed", offsetof(struct pcap_txq, write_failed), true},
	{"tx_no_sink", offsetof(struct pcap_txq, no_sink), true},
	{"tx_full", offsetof(struct pcap_txq, full), false},
	{NULL, 0, false},
};

static const struct plx_port_counter port_counters[] = {
	{"rx_kernel_drops", offsetof(struct pcap_port, kernel_drops), true},
	{"rx_interface_drops", offsetof(struct pcap_port, interface_drops), true},
	{"rx_flushed", offsetof(struct pcap_port, flushed), true},
	{NULL, 0, false},
};

const struct plx_port_driver plx_net_pcap_driver = {
	.name = "net_pcap",
	.keys = plx_pcap_keys,
	.ops = &ops,
	.rxq_bytes = sizeof(struct pcap_rxq),
	.txq_bytes = sizeof(struct pcap_txq),
	.rxq_counters = rxq_counters,
	.txq_counters = txq_counters,
	.port_counters = port_counters,
	.probe = probe,
	.remove = remove_port,
	.forked = forked,
};
