/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net_af_xdp: ports on the kernel's AF_XDP sockets, where the packets of the pool are the memory
 * that the kernel receives into and sends from. What XDP can't see, senders must not leave to the
 * card: a VLAN tag or a checksum that is only promised (veth: ethtool -K PEER txvlan off tx off).
 *
 * The program is in the interface from attach to detach and passes what no socket wants on to the
 * kernel. Sockets live from start to stop: only a socket's end makes the kernel give back the mbufs
 * it has.
 */
#include "xdp_private.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	RING_MAX = 4096,
	RX_RING_DEFAULT = 2048, /* what comes while the lcore's CPU is another's, some ms, waits */
	MTU_MIN = 68,
	VLAN_BYTES = 4,
	BUSY_BUDGET_MAX = 65535,
	TX_POOL_CACHE = 32,
};

static const struct plx_devargs_key keys[] = {
	{.name = "iface", .help = "INTERFACE: the kernel's interface to use; needed"},
	{.name = "start_queue", .help = "N: its first queue that is used; 0"},
	{.name = "queue_count", .help = "N: queues that may be used; all from start_queue on"},
	{.name = "mode",
	 .help = "auto|skb|native|zerocopy: how packets come: by generic XDP, by the driver's in "
		 "copy mode, without a copy; auto is the best that works"},
	{.name = "force_copy", .help = "0|1: copy mode where zero-copy would work; 0"},
	{.name = "busy_budget", .help = "N: packets in a busy poll; 0, no busy polling"},
	{.name = "xdp_prog",
	 .help = "FILE: an XDP program with a map xsks_map, for the built-in one"},
	{.name = "shared_umem",
	 .help = "0|1: taken for DPDK's sake: ports on a pool always share it"},
	{.name = NULL},
};

/* ---- What it can do ---- */

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* The longest frame that all pools of the port can take. */
static uint32_t frame_limit(const struct plx_port *port)
{
	const struct plx_xdp_port *xdp = port->priv;
	uint32_t limit = (uint32_t)sysconf(_SC_PAGESIZE) - (uint32_t)sizeof(struct plx_mbuf) -
			 PLX_XDP_HEADROOM;

	for (unsigned i = 0; i < port->conf.nb_rx_queues; i++)
		if (port->rxqs[i])
			limit = least(limit, plx_xdp_pool_frame(port->rxqs[i]->pool));
	if (xdp->tx_pool)
		limit = least(limit, plx_xdp_pool_frame(xdp->tx_pool));
	return limit;
}

static void info(struct plx_port *port, struct plx_port_info *info)
{
	const struct plx_xdp_port *xdp = port->priv;
	const struct plx_port_limits ring = {.min = 1, .max = RING_MAX, .step = 1};
	uint32_t limit = frame_limit(port);

	info->if_index = xdp->if_index;
	info->can = PLX_PORT_CAN_PROMISC | PLX_PORT_CAN_ALLMULTI | PLX_PORT_CAN_MAC_SET |
		    PLX_PORT_CAN_MAC_ADD | PLX_PORT_CAN_MTU_SET | PLX_PORT_CAN_LINK;
	info->tx_offloads = PLX_PORT_TX_MULTI_SEGS;
	info->max_rx_queues = xdp->nb_rx_queues;
	info->max_tx_queues = xdp->nb_tx_queues;
	info->rx_ring = ring;
	info->tx_ring = ring;
	info->rx_ring_default = RX_RING_DEFAULT;
	info->min_mtu = MTU_MIN;
	info->max_mtu = least(xdp->if_max_mtu, limit - ETHER_HDR_LEN);
	info->max_frame_bytes = least(port->mtu + ETHER_HDR_LEN, limit);
	info->max_macs = 1 + PLX_XDP_MACS;
}

void plx_xdp_frames_limit(struct plx_port *port)
{
	uint32_t limit = frame_limit(port);

	for (unsigned i = 0; i < port->conf.nb_tx_queues; i++) {
		struct plx_xdp_txq *txq = plx_xdp_txq(port, i);

		if (!txq)
			continue;
		plx_store_relaxed(&txq->max_frame, least(port->mtu + ETHER_HDR_LEN, limit));
		plx_store_relaxed(&txq->max_tagged,
				  least(port->mtu + ETHER_HDR_LEN + VLAN_BYTES, limit));
	}
}

/* ---- Queues ---- */

static int rxq_setup(struct plx_port *port, struct plx_port_rxq *rxq)
{
	const struct plx_mempool *pool = rxq->pool;
	uint32_t limit = plx_xdp_pool_frame(pool), page = (uint32_t)sysconf(_SC_PAGESIZE);
	uint32_t around = pool->obj_bytes - plx_mbuf_pool_data_room(pool);

	if (limit == 0) {
		plx_port_log(port, PLX_LOG_ERR,
			     "rx queue %u: pool '%s' has a data room of %u bytes; AF_XDP wants %u "
			     "to %u",
			     rxq->queue, pool->name, plx_mbuf_pool_data_room(pool),
			     PLX_XDP_CHUNK_MIN - around, page - around);
		return -EINVAL;
	}
	if (port->mtu + ETHER_HDR_LEN > limit) {
		plx_port_log(
			port, PLX_LOG_ERR,
			"rx queue %u: an mbuf of pool '%s' takes frames of %u bytes; an MTU of "
			"%u wants a data room of %u",
			rxq->queue, pool->name, limit, port->mtu,
			port->mtu + ETHER_HDR_LEN + PLX_XDP_HEADROOM - PLX_MBUF_HEADROOM);
		return -EINVAL;
	}
	if (pool->nb_objs < rxq->nb_desc) {
		plx_port_log(
			port, PLX_LOG_ERR,
			"rx queue %u: pool '%s' has %u packets, and the queue keeps %u of them "
			"for the kernel: want a larger pool or fewer descriptors",
			rxq->queue, pool->name, pool->nb_objs, rxq->nb_desc);
		return -EINVAL;
	}
	return 0;
}

/* ---- Counters ---- */

/* What the sockets of a queue, with the present one, have counted. */
static void update_queue(struct plx_port *port, unsigned index, const struct xdp_statistics *now)
{
	if (index < port->conf.nb_rx_queues) {
		struct plx_xdp_rxq *rxq = plx_xdp_rxq(port, index);

		plx_store_relaxed(&rxq->dropped, rxq->before.rx_dropped + now->rx_dropped);
		plx_store_relaxed(&rxq->ring_full, rxq->before.rx_ring_full + now->rx_ring_full);
		plx_store_relaxed(&rxq->fill_empty, rxq->before.rx_fill_ring_empty_descs +
							    now->rx_fill_ring_empty_descs);
		plx_store_relaxed(&rxq->fill_invalid,
				  rxq->before.rx_invalid_descs + now->rx_invalid_descs);
	}
	if (index < port->conf.nb_tx_queues) {
		struct plx_xdp_txq *txq = plx_xdp_txq(port, index);

		plx_store_relaxed(&txq->invalid,
				  txq->before.tx_invalid_descs + now->tx_invalid_descs);
	}
}

static uint64_t missed_in(const struct xdp_statistics *stats)
{
	return stats->rx_dropped + stats->rx_ring_full;
}

static void stats_update(struct plx_port *port)
{
	struct plx_xdp_port *xdp = port->priv;
	uint64_t missed = xdp->missed_before;

	for (unsigned i = 0; i < PLX_PORT_QUEUES_MAX; i++) {
		struct xdp_statistics now;

		if (!xdp->socks[i].umem)
			continue;
		plx_xdp_sock_stats(&xdp->socks[i], &now);
		update_queue(port, i, &now);
		missed += missed_in(&now);
	}
	port->outside.rx.missed = missed;
}

/* Before a socket opens, which counts from 0: the port layer keeps counters for a new queue. */
static void begin_stats(struct plx_port *port, unsigned index)
{
	if (index < port->conf.nb_rx_queues) {
		struct plx_xdp_rxq *rxq = plx_xdp_rxq(port, index);

		rxq->before = (struct xdp_statistics){
			.rx_dropped = rxq->dropped,
			.rx_ring_full = rxq->ring_full,
			.rx_fill_ring_empty_descs = rxq->fill_empty,
			.rx_invalid_descs = rxq->fill_invalid,
		};
	}
	if (index < port->conf.nb_tx_queues) {
		struct plx_xdp_txq *txq = plx_xdp_txq(port, index);

		txq->before = (struct xdp_statistics){.tx_invalid_descs = txq->invalid};
	}
}

/* Before the socket's counts are gone with it. */
static void keep_stats(struct plx_port *port, unsigned index)
{
	struct plx_xdp_port *xdp = port->priv;
	struct xdp_statistics now;

	plx_xdp_sock_stats(&xdp->socks[index], &now);
	xdp->missed_before += missed_in(&now);
	update_queue(port, index, &now);
}

/* ---- Start and stop ---- */

static unsigned nb_socks(const struct plx_port *port)
{
	return port->conf.nb_rx_queues > port->conf.nb_tx_queues ? port->conf.nb_rx_queues
								 : port->conf.nb_tx_queues;
}

/* A port that only sends has no pool that could be the UMEM: one of its own, to copy into. */
static int make_tx_pool(struct plx_port *port)
{
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);
	uint32_t max_mtu = frame_limit(port) - ETHER_HDR_LEN;
	struct plx_xdp_port *xdp = port->priv;
	char name[PLX_MEMPOOL_NAME_MAX];
	struct plx_mbuf_pool_conf conf = {
		.name = name,
		.cache_size = TX_POOL_CACHE,
		.data_room = port->mtu + ETHER_HDR_LEN + VLAN_BYTES + PLX_XDP_HEADROOM,
		.node = port->node,
	};

	if (port->mtu > max_mtu) {
		plx_port_log(port, PLX_LOG_ERR,
			     "the MTU of %s is %u, and AF_XDP sends frames of an MTU of at most "
			     "%u: ip link set dev %s mtu %u",
			     xdp->iface, port->mtu, max_mtu, xdp->iface, max_mtu);
		return -EINVAL;
	}
	conf.data_room =
		least(conf.data_room, page - (uint32_t)sizeof(struct plx_mbuf) - PLX_MBUF_HEADROOM);
	if (conf.data_room < PLX_MBUF_DATA_ROOM)
		conf.data_room = PLX_MBUF_DATA_ROOM;
	for (unsigned i = 0; i < port->conf.nb_tx_queues; i++)
		conf.nb_mbufs += port->txqs[i]->nb_desc + 2 * TX_POOL_CACHE;
	snprintf(name, sizeof(name), "af_xdp:%u:tx", port->id);
	return plx_mbuf_pool_create(&conf, &xdp->tx_pool);
}

static int choose_tx_pools(struct plx_port *port)
{
	struct plx_xdp_port *xdp = port->priv;
	unsigned nb_rx = port->conf.nb_rx_queues;
	int ret = nb_rx == 0 ? make_tx_pool(port) : 0;

	for (unsigned i = 0; i < port->conf.nb_tx_queues && ret == 0; i++) {
		struct plx_xdp_txq *txq = plx_xdp_txq(port, i);

		txq->multi_segs = (port->conf.tx_offloads & PLX_PORT_TX_MULTI_SEGS) != 0;
		txq->pool = nb_rx == 0 ? xdp->tx_pool : port->rxqs[i < nb_rx ? i : 0]->pool;
	}
	return ret;
}

static int fill(struct plx_port *port, unsigned index)
{
	struct plx_xdp_rxq *rxq = plx_xdp_rxq(port, index);

	plx_xdp_rx_fill(rxq);
	if (rxq->lacking == 0)
		return 0;
	plx_port_log(
		port, PLX_LOG_ERR,
		"rx queue %u: pool '%s' has only %u of the %u packets that the queue keeps for "
		"the kernel: want a larger pool or fewer descriptors",
		index, rxq->base.pool->name, rxq->base.nb_desc - rxq->lacking, rxq->base.nb_desc);
	return -ENOMEM;
}

static void close_all(struct plx_port *port)
{
	struct plx_xdp_port *xdp = port->priv;

	for (unsigned i = 0; i < PLX_PORT_QUEUES_MAX; i++) {
		if (!xdp->socks[i].umem)
			continue;
		keep_stats(port, i);
		plx_xdp_sock_close(port, i);
	}
	plx_mbuf_pool_destroy(xdp->tx_pool);
	xdp->tx_pool = NULL;
}

static int open_all(struct plx_port *port)
{
	const struct plx_xdp_port *xdp = port->priv;
	int ret = 0;

	for (unsigned i = 0; i < nb_socks(port) && ret == 0; i++) {
		begin_stats(port, i);
		ret = plx_xdp_sock_open(port, i);
		if (ret == 0 && i < port->conf.nb_rx_queues)
			ret = fill(port, i);
	}
	/* All have their packets now: let them come. */
	for (unsigned i = 0; i < port->conf.nb_rx_queues && ret == 0; i++)
		ret = plx_xdp_prog_steer(port, xdp->first_queue + i, xdp->socks[i].fd);
	return ret;
}

static int start(struct plx_port *port)
{
	int ret = plx_xdp_netif_up(port);

	if (ret)
		return ret;
	ret = choose_tx_pools(port);
	if (ret)
		return ret;
	ret = open_all(port);
	if (ret) {
		close_all(port);
		return ret;
	}
	plx_xdp_frames_limit(port);
	for (unsigned i = 0; i < port->conf.nb_rx_queues; i++)
		port->rxqs[i]->burst = plx_xdp_rx_burst;
	for (unsigned i = 0; i < port->conf.nb_tx_queues; i++)
		port->txqs[i]->burst = plx_xdp_tx_burst;
	return 0;
}

/* Return when no CPU runs the program any more that it began before: it is RCU's to know. */
static void await_programs(void)
{
	static const struct timespec nap = {.tv_nsec = 1000000};

	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0)
		nanosleep(&nap, NULL);
}

static void stop(struct plx_port *port)
{
	const struct plx_xdp_port *xdp = port->priv;

	for (unsigned i = 0; i < port->conf.nb_rx_queues; i++)
		plx_xdp_prog_unsteer(port, xdp->first_queue + i);
	for (unsigned i = 0; i < port->conf.nb_tx_queues; i++)
		plx_xdp_tx_drain(plx_xdp_txq(port, i));
	if (port->conf.nb_rx_queues > 0)
		await_programs();
	for (unsigned i = 0; i < port->conf.nb_rx_queues; i++) {
		struct plx_xdp_rxq *rxq = plx_xdp_rxq(port, i);
		uint32_t waiting = plx_load_acquire(rxq->rx.producer) - rxq->rx.cached_cons;

		plx_count(&rxq->base.stats.missed, waiting);
	}
	close_all(port);
}

static void dump(struct plx_port *port, FILE *out)
{
	const struct plx_xdp_port *xdp = port->priv;

	fprintf(out,
		"  interface: %s, queues from %u on; %s XDP program%s%s, busy poll budget %u\n",
		xdp->iface, xdp->first_queue, xdp->is_native ? "native" : "generic",
		xdp->prog_path ? " of " : "", xdp->prog_path ? xdp->prog_path : "",
		xdp->busy_budget);
	for (unsigned i = 0; i < PLX_PORT_QUEUES_MAX; i++) {
		const struct plx_xdp_umem *umem = xdp->socks[i].umem;

		if (umem)
			fprintf(out, "  socket %u: %s, UMEM of pool '%s', %zu bytes\n", i,
				umem->zero_copy ? "zero-copy" : "copy mode", umem->pool->name,
				umem->bytes);
	}
}

/* ---- Probe ---- */

static unsigned queues_left(unsigned nb, unsigned first, unsigned most)
{
	nb = nb > first ? nb - first : 0;
	nb = nb < most ? nb : most;
	return nb < PLX_PORT_QUEUES_MAX ? nb : PLX_PORT_QUEUES_MAX;
}

static int choose_queues(struct plx_port *port, const struct plx_devargs *args,
			 const struct plx_netif_info *netif)
{
	struct plx_xdp_port *xdp = port->priv;
	uint32_t first = 0, most = PLX_PORT_QUEUES_MAX;
	int ret;

	plx_xdp_netif_queues(xdp, netif);
	if (xdp->nb_rx_queues == 0)
		xdp->nb_rx_queues = 1;
	if (xdp->nb_tx_queues == 0)
		xdp->nb_tx_queues = 1;
	ret = plx_devargs_u32(args, "start_queue", 0, xdp->nb_rx_queues - 1, &first);
	if (ret == 0)
		ret = plx_devargs_u32(args, "queue_count", 1, xdp->nb_rx_queues - first, &most);
	if (ret)
		return ret;
	xdp->first_queue = first;
	xdp->nb_rx_queues = queues_left(xdp->nb_rx_queues, first, most);
	xdp->nb_tx_queues = queues_left(xdp->nb_tx_queues, first, most);
	return 0;
}

static int choose_mode(struct plx_port *port, const struct plx_devargs *args)
{
	static const char *const words[] = {
		[PLX_XDP_AUTO] = "auto",       [PLX_XDP_SKB] = "skb",
		[PLX_XDP_NATIVE] = "native",   [PLX_XDP_ZEROCOPY] = "zerocopy",
		[PLX_XDP_ZEROCOPY + 1] = NULL,
	};
	struct plx_xdp_port *xdp = port->priv;
	unsigned mode = PLX_XDP_AUTO;
	bool share = true;
	int ret;

	ret = plx_devargs_word(args, "mode", words, &mode);
	if (ret == 0)
		ret = plx_devargs_bool(args, "force_copy", &xdp->force_copy);
	if (ret == 0)
		ret = plx_devargs_u32(args, "busy_budget", 0, BUSY_BUDGET_MAX, &xdp->busy_budget);
	if (ret == 0)
		ret = plx_devargs_bool(args, "shared_umem", &share);
	if (ret)
		return ret;
	xdp->mode = (enum plx_xdp_mode)mode;
	if (xdp->mode == PLX_XDP_ZEROCOPY && xdp->force_copy)
		return plx_devargs_refuse(args, "force_copy", "0 with mode=zerocopy");
	return 0;
}

static int parse(struct plx_port *port, const struct plx_devargs *args)
{
	struct plx_xdp_port *xdp = port->priv;
	const char *iface = plx_devargs_get(args, "iface");
	const char *prog = plx_devargs_get(args, "xdp_prog");
	struct plx_netif_info netif;
	int ret;

	if (!iface || !*iface) {
		plx_port_log(port, PLX_LOG_ERR, "wants iface=INTERFACE");
		return -EINVAL;
	}
	ret = plx_netif_by_name(iface, &netif);
	if (ret) {
		plx_port_log(port, PLX_LOG_ERR, "iface=%s: %s; `ip link` tells which there are",
			     iface, ret == -ENODEV ? "there is no such interface" : strerror(-ret));
		return ret;
	}
	memcpy(xdp->iface, netif.name, sizeof(xdp->iface));
	xdp->if_index = netif.index;
	xdp->if_max_mtu = netif.max_mtu ? netif.max_mtu : UINT16_MAX;
	xdp->old_mtu = port->mtu = netif.mtu;
	xdp->old_mac = port->mac = netif.mac;
	port->node = netif.node;
	ret = choose_queues(port, args, &netif);
	if (ret)
		return ret;
	ret = choose_mode(port, args);
	if (ret || !prog)
		return ret;
	if (!*prog)
		return plx_devargs_refuse(args, "xdp_prog", "a file");
	xdp->prog_path = strdup(prog);
	if (!xdp->prog_path)
		plx_port_log(port, PLX_LOG_ERR, "no memory for a file's name");
	return xdp->prog_path ? 0 : -ENOMEM;
}

static void free_port(struct plx_port *port)
{
	struct plx_xdp_port *xdp = port->priv;

	port->priv = NULL;
	free(xdp->prog_path);
	free(xdp);
}

static int probe(struct plx_port *port, const struct plx_devargs *args)
{
	int ret;

	port->priv = calloc(1, sizeof(struct plx_xdp_port));
	if (!port->priv) {
		plx_port_log(port, PLX_LOG_ERR, "no memory for a port");
		return -ENOMEM;
	}
	ret = parse(port, args);
	if (ret)
		goto free_port;
	ret = plx_xdp_prog_attach(port);
	if (ret)
		goto free_port;
	ret = plx_xdp_netif_open(port);
	if (ret)
		goto detach_prog;
	return 0;

detach_prog:
	plx_xdp_prog_detach(port);
free_port:
	free_port(port);
	return ret;
}

static void remove_port(struct plx_port *port)
{
	plx_xdp_netif_close(port);
	plx_xdp_prog_detach(port);
	free_port(port);
}

/* The sockets would keep their queues from the parent's next ones, the link its program. */
static void forked(struct plx_port *port)
{
	struct plx_xdp_port *xdp = port->priv;

	for (unsigned i = 0; i < PLX_PORT_QUEUES_MAX; i++)
		if (xdp->socks[i].umem)
			plx_xdp_sock_forget(&xdp->socks[i]);
	close(xdp->members_fd);
	plx_xdp_prog_close(xdp);
}

/* ---- The driver ---- */

static const struct plx_port_ops ops = {
	.info = info,
	.rxq_setup = rxq_setup,
	.start = start,
	.stop = stop,
	.mtu_set = plx_xdp_mtu_set,
	.mac_set = plx_xdp_mac_set,
	.mac_add = plx_xdp_mac_add,
	.mac_del = plx_xdp_mac_del,
	.promisc_set = plx_xdp_promisc_set,
	.allmulti_set = plx_xdp_allmulti_set,
	.stats_update = stats_update,
	.dump = dump,
};

/* The kernel's words: the first two are what rx_missed is made of. It does not tell which packets
 * are in tx_invalid: they are in tx_packets, too, so neither in tx_errors nor marked as lost. */
static const struct plx_port_counter rxq_counters[] = {
	{.name = "rx_kernel_dropped", .offset = offsetof(struct plx_xdp_rxq, dropped)},
	{.name = "rx_ring_full", .offset = offsetof(struct plx_xdp_rxq, ring_full)},
	{.name = "rx_fill_empty", .offset = offsetof(struct plx_xdp_rxq, fill_empty)},
	{.name = "rx_fill_invalid", .offset = offsetof(struct plx_xdp_rxq, fill_invalid)},
	{.name = NULL},
};

static const struct plx_port_counter txq_counters[] = {
	{.name = "tx_copied", .offset = offsetof(struct plx_xdp_txq, copied)},
	{.name = "tx_nombuf", .offset = offsetof(struct plx_xdp_txq, nombuf)},
	{.name = "tx_invalid", .offset = offsetof(struct plx_xdp_txq, invalid)},
	{.name = NULL},
};

const struct plx_port_driver plx_net_af_xdp_driver = {
	.name = "net_af_xdp",
	.keys = keys,
	.ops = &ops,
	.rxq_bytes = sizeof(struct plx_xdp_rxq),
	.txq_bytes = sizeof(struct plx_xdp_txq),
	.rxq_counters = rxq_counters,
	.txq_counters = txq_counters,
	.probe = probe,
	.remove = remove_port,
	.forked = forked,
};
