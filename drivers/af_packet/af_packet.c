/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The driver's control path.
 *
 * What a user sets explicitly, MTU and address, stays with the interface when the port is detached.
 * Promiscuous mode and further addresses are memberships of a socket: they end with it, whatever
 * ends the process.
 */
#include "af_packet.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <pollux/mem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct afp_port *afp_of(const struct plx_port *port)
{
	return port->priv;
}

static struct afp_rxq *rxq_of(const struct plx_port *port, unsigned queue)
{
	return (struct afp_rxq *)port->rxqs[queue];
}

static struct afp_txq *txq_of(const struct plx_port *port, unsigned queue)
{
	return (struct afp_txq *)port->txqs[queue];
}

static int failed(struct plx_port *port, const char *what, int err)
{
	plx_port_log(port, PLX_LOG_ERR, "%s: can't %s: %s%s", afp_of(port)->options.iface, what,
		     strerror(-err), err == -EPERM ? " (wants CAP_NET_ADMIN: run as root)" : "");
	return err;
}

/* ---- link and MTU ---- */

/* Returns 0 with the bytes of the largest untagged frame that the interface takes now, 0 when it
 * has no link; -ENETDOWN, -ENODEV. */
static int read_limit(const struct afp_port *afp, uint32_t *limit)
{
	struct ethtool_value link = {.cmd = ETHTOOL_GLINK};
	struct ifreq ifr = {.ifr_ifindex = (int)afp->index};

	*limit = 0;
	if (ioctl(afp->fd, SIOCGIFNAME, &ifr) != 0 || ioctl(afp->fd, SIOCGIFFLAGS, &ifr) != 0)
		return -errno;
	if ((ifr.ifr_flags & IFF_UP) == 0)
		return -ENETDOWN;
	/* A link that came up counts when its qdisc is there: before, frames vanish. */
	if ((ifr.ifr_flags & IFF_RUNNING) == 0)
		return 0;
	ifr.ifr_data = (void *)&link;
	if (ioctl(afp->fd, SIOCETHTOOL, &ifr) == 0 && link.data == 0)
		return 0;
	if (ioctl(afp->fd, SIOCGIFMTU, &ifr) != 0)
		return -errno;
	*limit = (uint32_t)ifr.ifr_mtu + ETHER_HDR_LEN;
	return 0;
}

/* Asked for and not taken from a message, which may be older than a change made since. */
static int ask_limit(struct afp_port *afp)
{
	uint32_t limit;
	int err;

	pthread_mutex_lock(&afp->lock);
	err = read_limit(afp, &limit);
	plx_store_relaxed(&afp->limit, limit);
	pthread_mutex_unlock(&afp->lock);
	return err;
}

static void on_change(const struct plx_netif_info *info, void *arg)
{
	struct plx_port *port = arg;
	struct afp_port *afp = afp_of(port);
	struct plx_port_link link = {0};

	ask_limit(afp);
	if (info != NULL)
		link = (struct plx_port_link){
			.up = info->carrier,
			.speed_mbps = info->carrier ? info->speed_mbps : 0,
			.full_duplex = info->full_duplex,
			.autoneg = info->autoneg,
		};
	plx_port_link_set(port, &link);
	if (info == NULL)
		plx_port_event_raise(port, PLX_PORT_EVENT_REMOVED);
}

static uint32_t lesser(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static int mtu_set(struct plx_port *port, uint32_t mtu)
{
	struct afp_port *afp = afp_of(port);
	uint32_t smallest = UINT32_MAX;
	int err;

	if (port->state == PLX_PORT_STARTED) {
		for (unsigned i = 0; i < port->conf.nb_rx_queues; i++)
			smallest = lesser(smallest, rxq_of(port, i)->ring.frame_bytes);
		for (unsigned i = 0; i < port->conf.nb_tx_queues; i++)
			smallest = lesser(smallest, txq_of(port, i)->ring.frame_bytes);
		if (smallest < mtu + AFP_OVERHEAD_BYTES) {
			plx_port_log(port, PLX_LOG_ERR,
				     "MTU %u: its rings have frames of %u bytes: stop it first, or "
				     "attach it with a larger framesz",
				     mtu, smallest);
			return -EBUSY;
		}
	}
	err = plx_netif_set_mtu(afp->index, mtu);
	ask_limit(afp);
	return err == 0 ? 0 : failed(port, "set the MTU", err);
}

/* ---- addresses and filters ---- */

static int mac_set(struct plx_port *port, const struct ether_addr *mac)
{
	int err = plx_netif_set_mac(afp_of(port)->index, mac);

	return err == 0 ? 0 : failed(port, "set its address", err);
}

static int membership(struct plx_port *port, int option, uint16_t type,
		      const struct ether_addr *mac, const char *what)
{
	struct afp_port *afp = afp_of(port);
	struct packet_mreq request = {.mr_ifindex = (int)afp->index, .mr_type = type};

	if (mac != NULL) {
		request.mr_alen = sizeof(*mac);
		memcpy(request.mr_address, mac, sizeof(*mac));
	}
	if (setsockopt(afp->fd, SOL_PACKET, option, &request, sizeof(request)) == 0)
		return 0;
	/* What is gone with the interface was taken out with it. */
	if (option == PACKET_DROP_MEMBERSHIP && errno == EADDRNOTAVAIL)
		return 0;
	return failed(port, what, -errno);
}

static uint16_t mac_type(const struct ether_addr *mac)
{
	return (mac->ether_addr_octet[0] & 1) != 0 ? PACKET_MR_MULTICAST : PACKET_MR_UNICAST;
}

static int mac_add(struct plx_port *port, const struct ether_addr *mac)
{
	return membership(port, PACKET_ADD_MEMBERSHIP, mac_type(mac), mac, "add an address");
}

static int mac_del(struct plx_port *port, const struct ether_addr *mac)
{
	return membership(port, PACKET_DROP_MEMBERSHIP, mac_type(mac), mac, "take back an address");
}

static int promisc_set(struct plx_port *port, bool on)
{
	return membership(port, on ? PACKET_ADD_MEMBERSHIP : PACKET_DROP_MEMBERSHIP,
			  PACKET_MR_PROMISC, NULL, "set promiscuous mode");
}

static int allmulti_set(struct plx_port *port, bool on)
{
	return membership(port, on ? PACKET_ADD_MEMBERSHIP : PACKET_DROP_MEMBERSHIP,
			  PACKET_MR_ALLMULTI, NULL, "set all-multicast mode");
}

/* ---- queues ---- */

static int rxq_setup(struct plx_port *port, struct plx_port_rxq *rxq)
{
	return afp_rx_ring_open(port, rxq->nb_desc, &((struct afp_rxq *)rxq)->ring);
}

static int txq_setup(struct plx_port *port, struct plx_port_txq *txq)
{
	return afp_tx_ring_open(port, txq->nb_desc, &((struct afp_txq *)txq)->ring);
}

/* Reading the kernel's count of frames that found the ring full clears it. */
static void take_drops(struct afp_port *afp, const struct afp_rxq *q)
{
	union tpacket_stats_u stats = {.stats3 = {0}};
	socklen_t bytes = afp->options.version3 ? sizeof(stats.stats3) : sizeof(stats.stats1);

	/* Both versions begin with the same two words. */
	if (getsockopt(q->ring.fd, SOL_PACKET, PACKET_STATISTICS, &stats, &bytes) == 0)
		plx_count(&afp->rx_kernel_drops, stats.stats1.tp_drops);
}

/* The socket that this queue's frames come by is no more; its last drops are kept. */
static void close_rx_ring(struct afp_port *afp, struct afp_rxq *q)
{
	take_drops(afp, q);
	afp_ring_close(afp, &q->ring);
	if (q->in_fanout)
		afp->nb_in_fanout--;
	q->in_fanout = false;
}

static void rxq_release(struct plx_port *port, struct plx_port_rxq *rxq)
{
	close_rx_ring(afp_of(port), (struct afp_rxq *)rxq);
}

static void txq_release(struct plx_port *port, struct plx_port_txq *txq)
{
	afp_ring_close(afp_of(port), &((struct afp_txq *)txq)->ring);
}

/* ---- start and stop ---- */

static uint32_t flush(const struct afp_port *afp, struct afp_rxq *q)
{
	return afp->options.version3 ? afp_rx_flush_v3(q) : afp_rx_flush(q);
}

static void count_flushed(struct afp_rxq *q, uint32_t nb)
{
	plx_count(&q->flushed, nb);
	plx_count(&q->base.stats.missed, nb);
}

/* The MTU may have grown since the ring was made. */
static bool is_too_small(const struct plx_port *port, const struct afp_ring *ring)
{
	return ring->fd < 0 ||
	       ring->frame_bytes < afp_frame_bytes(&afp_of(port)->options, port->mtu);
}

static int prepare_rxq(struct plx_port *port, struct afp_rxq *q)
{
	struct afp_port *afp = afp_of(port);
	int err;

	if (is_too_small(port, &q->ring)) {
		if (q->ring.fd >= 0)
			close_rx_ring(afp, q);
		err = afp_rx_ring_open(port, q->base.nb_desc, &q->ring);
		if (err != 0)
			return err;
		q->head = 0;
	}
	if (port->conf.nb_rx_queues > 1 && !q->in_fanout) {
		err = afp_fanout_join(port, q->ring.fd);
		if (err != 0)
			return err;
		q->in_fanout = true;
	}
	/* What was on its way past the filter when the port was stopped. */
	count_flushed(q, flush(afp, q));
	afp_rx_prepare(port, q);
	q->base.burst = afp->options.version3 ? afp_rx_burst_v3 : afp_rx_burst;
	return 0;
}

static int prepare_txq(struct plx_port *port, struct afp_txq *q)
{
	struct afp_port *afp = afp_of(port);
	int err;

	if (is_too_small(port, &q->ring)) {
		afp_ring_close(afp, &q->ring);
		err = afp_tx_ring_open(port, q->base.nb_desc, &q->ring);
		if (err != 0)
			return err;
		q->head = 0;
	}
	q->multi_segs = (port->conf.tx_offloads & PLX_PORT_TX_MULTI_SEGS) != 0;
	q->room = q->ring.frame_bytes - AFP_TX_DATA_OFF - (uint32_t)sizeof(struct virtio_net_hdr);
	q->limit = &afp->limit;
	q->base.burst = afp_tx_burst;
	return 0;
}

static void stop(struct plx_port *port)
{
	struct afp_port *afp = afp_of(port);

	for (unsigned i = 0; i < port->conf.nb_rx_queues; i++) {
		struct afp_rxq *q = rxq_of(port, i);

		afp_filter_shut(q->ring.fd);
		count_flushed(q, flush(afp, q));
		take_drops(afp, q);
	}
}

static int start(struct plx_port *port)
{
	struct afp_port *afp = afp_of(port);
	int err = ask_limit(afp);

	if (err == -ENETDOWN) {
		plx_port_log(port, PLX_LOG_WARN,
			     "%s is down: nothing passes before: ip link set up dev %s",
			     afp->options.iface, afp->options.iface);
		err = 0;
	}
	if (err != 0)
		return failed(port, "start", err);
	for (unsigned i = 0; i < port->conf.nb_rx_queues && err == 0; i++)
		err = prepare_rxq(port, rxq_of(port, i));
	for (unsigned i = 0; i < port->conf.nb_tx_queues && err == 0; i++)
		err = prepare_txq(port, txq_of(port, i));
	if (err != 0)
		return err;
	for (unsigned i = 0; i < port->conf.nb_rx_queues; i++) {
		err = afp_filter_open(rxq_of(port, i)->ring.fd);
		if (err != 0) {
			failed(port, "open its filter", err);
			stop(port);
			return err;
		}
	}
	return 0;
}

/* ---- what it is ---- */

static void info(struct plx_port *port, struct plx_port_info *info)
{
	const struct afp_port *afp = afp_of(port);
	const struct afp_options *options = &afp->options;
	uint32_t frame_bytes = afp_frame_bytes(options, port->mtu);
	uint32_t step = afp_block_bytes(options, frame_bytes) / frame_bytes;
	uint32_t max_mtu = (options->frame_bytes ? options->frame_bytes : AFP_FRAME_BYTES_MAX) -
			   AFP_OVERHEAD_BYTES;

	if (options->block_bytes != 0 && max_mtu > options->block_bytes - AFP_OVERHEAD_BYTES)
		max_mtu = options->block_bytes - AFP_OVERHEAD_BYTES;
	if (step == 0)
		step = 1;
	info->if_index = afp->index;
	info->can = PLX_PORT_CAN_PROMISC | PLX_PORT_CAN_ALLMULTI | PLX_PORT_CAN_MAC_SET |
		    PLX_PORT_CAN_MAC_ADD | PLX_PORT_CAN_MTU_SET | PLX_PORT_CAN_LINK;
	info->rx_offloads = PLX_PORT_RX_VLAN_STRIP | PLX_PORT_RX_SCATTER | PLX_PORT_RX_TCP_CSUM |
			    PLX_PORT_RX_UDP_CSUM | PLX_PORT_RX_TIMESTAMP;
	info->tx_offloads = PLX_PORT_TX_VLAN_INSERT | PLX_PORT_TX_MULTI_SEGS;
	info->max_rx_queues = options->nb_queues;
	info->max_tx_queues = options->nb_queues;
	info->rx_ring = (struct plx_port_limits){step, AFP_FRAMES_MAX, step};
	info->tx_ring = info->rx_ring;
	info->rx_ring_default = (options->nb_frames + step - 1) / step * step;
	info->tx_ring_default = info->rx_ring_default;
	info->min_mtu = afp->min_mtu;
	info->max_mtu = afp->max_mtu < max_mtu ? afp->max_mtu : max_mtu;
	info->max_frame_bytes = port->mtu + ETHER_HDR_LEN;
	info->max_macs = AFP_MACS_MAX;
}

static void stats_update(struct plx_port *port)
{
	struct afp_port *afp = afp_of(port);

	for (unsigned i = 0; i < port->conf.nb_rx_queues; i++)
		if (port->rxqs[i] != NULL && rxq_of(port, i)->ring.fd >= 0)
			take_drops(afp, rxq_of(port, i));
	plx_store_relaxed(&port->outside.rx.missed, afp->rx_kernel_drops);
}

static void dump_ring(const struct afp_ring *ring, const char *name, unsigned queue, FILE *out)
{
	fprintf(out, "  %s queue %u: socket %d, %u frames of %u bytes in %u blocks of %u\n", name,
		queue, ring->fd, ring->nb_frames, ring->frame_bytes, ring->nb_blocks,
		ring->block_bytes);
}

static void dump(struct plx_port *port, FILE *out)
{
	const struct afp_port *afp = afp_of(port);

	fprintf(out, "  interface %s (%u), TPACKET_V%d, qdisc bypass %s, %u in fanout group %u\n",
		afp->options.iface, afp->index, afp->options.version3 ? 3 : 2,
		afp->options.qdisc_bypass ? "on" : "off", afp->nb_in_fanout, afp->fanout_id);
	fprintf(out, "  largest frame sent: %u bytes%s\n", plx_load_relaxed(&afp->limit),
		plx_load_relaxed(&afp->limit) == 0 ? " (no link)" : "");
	for (unsigned i = 0; i < PLX_PORT_QUEUES_MAX; i++) {
		if (port->rxqs[i] != NULL)
			dump_ring(&rxq_of(port, i)->ring, "receive", i, out);
		if (port->txqs[i] != NULL)
			dump_ring(&txq_of(port, i)->ring, "transmit", i, out);
	}
}

/* ---- life ---- */

static int find_interface(struct plx_port *port, const struct plx_devargs *args,
			  const struct afp_options *options, struct plx_netif_info *found)
{
	char names[256];
	int err;

	err = plx_netif_by_name(options->iface, found);
	if (err == -ENODEV)
		plx_port_log(port, PLX_LOG_ERR,
			     "iface=%s: there is no such interface; there are: %s", options->iface,
			     plx_netif_names(names, sizeof(names)));
	else if (err != 0)
		plx_port_log(port, PLX_LOG_ERR, "iface=%s: %s", options->iface, strerror(-err));
	if (err != 0)
		return err;
	if (found->type != ARPHRD_ETHER && found->type != ARPHRD_LOOPBACK) {
		plx_port_log(port, PLX_LOG_ERR, "iface=%s: it is not Ethernet (type %u)",
			     options->iface, found->type);
		return -EINVAL;
	}
	return afp_options_check(args, options, found->mtu);
}

static int probe(struct plx_port *port, const struct plx_devargs *args)
{
	struct plx_netif_info found;
	struct afp_options options;
	struct afp_port *afp;
	int err;

	err = afp_options_parse(args, &options);
	if (err == 0)
		err = find_interface(port, args, &options, &found);
	if (err != 0)
		return err;
	afp = aligned_alloc(PLX_CACHE_LINE, sizeof(*afp));
	if (afp == NULL) {
		plx_port_log(port, PLX_LOG_ERR, "out of memory");
		return -ENOMEM;
	}
	memset(afp, 0, sizeof(*afp));
	memset(afp->ring_fds, -1, sizeof(afp->ring_fds));
	afp->port = port;
	afp->options = options;
	afp->index = found.index;
	afp->min_mtu = found.min_mtu;
	afp->max_mtu = found.max_mtu;
	pthread_mutex_init(&afp->lock, NULL);
	err = afp_socket(port, &afp->fd);
	if (err != 0)
		goto free_afp;
	port->priv = afp;
	port->mac = found.mac;
	port->mtu = found.mtu;
	port->node = found.node;
	/* What is there now, before anybody asks; then by the watch. */
	on_change(&found, port);
	err = plx_netif_watch_add(afp->index, on_change, port, &afp->watch);
	if (err != 0) {
		failed(port, "watch it", err);
		goto close_fd;
	}
	return 0;

close_fd:
	close(afp->fd);
free_afp:
	port->priv = NULL;
	pthread_mutex_destroy(&afp->lock);
	free(afp);
	return err;
}

static void driver_remove(struct plx_port *port)
{
	struct afp_port *afp = afp_of(port);

	plx_netif_watch_del(afp->watch);
	port->priv = NULL;
	close(afp->fd);
	pthread_mutex_destroy(&afp->lock);
	free(afp);
}

/* Memberships (promiscuous mode) and the kernel's work for the rings end with the last file. */
static void forked(struct plx_port *port)
{
	const struct afp_port *afp = afp_of(port);

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(afp->ring_fds); i++)
		if (afp->ring_fds[i] >= 0)
			close(afp->ring_fds[i]);
	close(afp->fd);
}

static const struct plx_port_counter rxq_counters[] = {
	{"rx_truncated", offsetof(struct afp_rxq, truncated), true},
	{"rx_no_room", offsetof(struct afp_rxq, no_room), true},
	{"rx_flushed", offsetof(struct afp_rxq, flushed), true},
	{"rx_csum_partial", offsetof(struct afp_rxq, csum_partial), false},
	{0},
};

static const struct plx_port_counter txq_counters[] = {
	{"tx_too_short", offsetof(struct afp_txq, too_short), true},
	{"tx_too_long", offsetof(struct afp_txq, too_long), true},
	{"tx_chained", offsetof(struct afp_txq, chained), true},
	{"tx_refused", offsetof(struct afp_txq, refused), true},
	{"tx_cut_short", offsetof(struct afp_txq, cut_short), false},
	{0},
};

static const struct plx_port_counter port_counters[] = {
	{"rx_kernel_drops", offsetof(struct afp_port, rx_kernel_drops), true},
	{0},
};

static const struct plx_port_ops ops = {
	.info = info,
	.rxq_setup = rxq_setup,
	.txq_setup = txq_setup,
	.rxq_release = rxq_release,
	.txq_release = txq_release,
	.start = start,
	.stop = stop,
	.mtu_set = mtu_set,
	.mac_set = mac_set,
	.mac_add = mac_add,
	.mac_del = mac_del,
	.promisc_set = promisc_set,
	.allmulti_set = allmulti_set,
	.stats_update = stats_update,
	.dump = dump,
};

extern const struct plx_port_driver plx_net_af_packet_driver;
const struct plx_port_driver plx_net_af_packet_driver = {
	.name = "net_af_packet",
	.keys = afp_keys,
	.ops = &ops,
	.rxq_bytes = sizeof(struct afp_rxq),
	.txq_bytes = sizeof(struct afp_txq),
	.rxq_counters = rxq_counters,
	.txq_counters = txq_counters,
	.port_counters = port_counters,
	.probe = probe,
	.remove = driver_remove,
	.forked = forked,
};
