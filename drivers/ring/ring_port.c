/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net_ring: a cable between two ports of one process, or from a port to itself.
 *
 *	peer=DEVICE	    the net_ring port at the other end, attached before; without it the port
 *			    receives what it sends, until another port names it as its peer
 *	size=SLOTS	    of each queue, rounded up to a power of two; one for both ends. What is
 *			    asked for when a queue is set up does not change it.
 *	avx2=0|1	    0: not the data path for CPUs with AVX2; 1, the default: where it can be
 *	nodeaction=NAME:NODE:CREATE
 *			    as DPDK has it: the NUMA node of the memory. ATTACH, which is for a
 *			    second process there, is refused.
 *
 * The link is up while both ends are started; a port whose link is down takes no packets.
 */
#include <errno.h>
#include <pollux/bits.h>
#include <pollux/mem.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ring_private.h"

/* All net_ring ports, by their `next`; under the port layer's lock. */
static struct ring_port *all_ports;
static pid_t all_pid; /* whose they are: a child of fork() begins with none */

static uint32_t frame_max(uint32_t mtu)
{
	return mtu + ETHER_HDR_LEN + RING_TAG_BYTES;
}

static void info(struct plx_port *port, struct plx_port_info *info)
{
	const struct ring_port *end = port->priv;
	uint32_t slots = end->cable->slots;

	/* Modes and address are notes: all frames come in anyway. */
	info->can = PLX_PORT_CAN_PROMISC | PLX_PORT_CAN_ALLMULTI | PLX_PORT_CAN_MAC_SET |
		    PLX_PORT_CAN_MTU_SET | PLX_PORT_CAN_LINK;
	info->rx_offloads = PLX_PORT_RX_SCATTER;
	info->tx_offloads = PLX_PORT_TX_MULTI_SEGS;
	info->max_rx_queues = PLX_PORT_QUEUES_MAX;
	info->max_tx_queues = PLX_PORT_QUEUES_MAX;
	info->rx_ring_default = slots < info->rx_ring.max ? slots : info->rx_ring.max;
	info->tx_ring_default = slots < info->tx_ring.max ? slots : info->tx_ring.max;
	info->min_mtu = RING_MTU_MIN;
	info->max_mtu = RING_MTU_MAX;
	info->max_frame_bytes = frame_max(port->mtu);
}

static struct ring_limits limits_of(const struct plx_port *port, bool chains)
{
	return (struct ring_limits){
		.frame_max = frame_max(port->mtu),
		.segs_max = chains ? PLX_MBUF_SEGS_MAX : 1,
	};
}

static int start(struct plx_port *port)
{
	const struct ring_path *path = ((struct ring_port *)port->priv)->path;
	bool chains = port->conf.tx_offloads & PLX_PORT_TX_MULTI_SEGS;
	struct ring_limits tx_limits = limits_of(port, chains);

	for (unsigned i = 0; i < port->conf.nb_rx_queues; i++) {
		struct ring_rxq *rxq = (struct ring_rxq *)port->rxqs[i];

		rxq->limits = limits_of(port, port->conf.rx_offloads & PLX_PORT_RX_SCATTER);
		rxq->check = 0;
		rxq->base.burst = path->rx;
	}
	for (unsigned i = 0; i < port->conf.nb_tx_queues; i++) {
		struct ring_txq *txq = (struct ring_txq *)port->txqs[i];

		txq->limits = tx_limits;
		txq->base.burst = path->tx;
	}
	plx_net_ring_limits(port->priv, tx_limits);
	return plx_net_ring_connect(port->priv);
}

static void stop(struct plx_port *port)
{
	plx_net_ring_disconnect(port->priv);
}

static int mtu_set(struct plx_port *port, uint32_t mtu)
{
	struct ring_limits limits = {.frame_max = frame_max(mtu)};

	port->mtu = mtu;
	for (unsigned i = 0; i < port->conf.nb_rx_queues; i++) {
		struct ring_rxq *rxq = (struct ring_rxq *)port->rxqs[i];

		if (rxq)
			plx_store_relaxed(&rxq->limits.frame_max, limits.frame_max);
	}
	plx_net_ring_limits(port->priv, limits);
	for (unsigned i = 0; i < port->conf.nb_tx_queues; i++) {
		struct ring_txq *txq = (struct ring_txq *)port->txqs[i];

		/* Release: pairs with the acquire in read_limits(), and so with the receiver's
		 * look at `check` after the packet has come. */
		if (txq)
			plx_store_release(&txq->limits.frame_max, limits.frame_max);
	}
	return 0;
}

static void stats_update(struct plx_port *port)
{
	const struct ring_port *end = port->priv;

	port->outside.rx.missed = end->missed;
}

static void dump(struct plx_port *port, FILE *out)
{
	const struct ring_port *end = port->priv;
	const struct ring_port *peer = plx_net_ring_peer(end);
	const struct ring_cable *cable = end->cable;

	fprintf(out, "  %s%s, %u slots a queue\n",
		cable->is_loop ? "looped"
		: peer	       ? "cable to "
			       : "cable to nobody",
		peer ? peer->port->name : "", cable->slots);
	for (unsigned i = 0; i < cable->ways[end->end].nb_wires; i++)
		fprintf(out, "  waiting to be received, wire %u: %u\n", i,
			plx_ring_count(cable->ways[end->end].wires[i]->came.ring));
}

static const struct plx_port_ops ring_ops = {
	.info = info,
	.start = start,
	.stop = stop,
	.mtu_set = mtu_set,
	.stats_update = stats_update,
	.dump = dump,
};

/* ---- The device ---- */

static const struct plx_devargs_key keys[] = {
	{"peer", false, "DEVICE: the net_ring port at the other end; without it: looped"},
	{"size", false, "SLOTS: of each queue, rounded up to a power of two; 1024 by default"},
	{"avx2", false, "0|1: 0: not the data path for CPUs with AVX2; 1 by default"},
	{"nodeaction", false, "NAME:NODE:CREATE: the NUMA node of the memory"},
	{NULL, false, NULL},
};

/* NAME:NODE:ACTION; only the node has a use here. */
static int parse_nodeaction(const struct plx_devargs *args, int *node)
{
	const char *value = plx_devargs_get(args, "nodeaction");
	const char *colon = value ? strchr(value, ':') : NULL;
	unsigned long number;
	char *end;

	if (!value)
		return 0;
	if (!colon || colon == value || colon[1] < '0' || colon[1] > '9')
		return plx_devargs_refuse(args, "nodeaction", "NAME:NODE:CREATE");
	number = strtoul(colon + 1, &end, 10);
	if (strcmp(end, ":ATTACH") == 0)
		return plx_devargs_refuse(args, "nodeaction",
					  "NAME:NODE:CREATE; ATTACH is for a second process, "
					  "in one process use peer=DEVICE");
	if (number >= PLX_NODE_MAX || strcmp(end, ":CREATE") != 0)
		return plx_devargs_refuse(args, "nodeaction",
					  "NAME:NODE:CREATE, a node that is there");
	*node = (int)number;
	return 0;
}

static struct ring_port *find_port(const char *name)
{
	struct ring_port *end = all_ports;

	while (end && strcmp(end->port->name, name) != 0)
		end = end->next;
	return end;
}

static int plug_peer(struct ring_port *end, const struct plx_devargs *args, uint32_t slots)
{
	struct ring_port *peer = find_port(plx_devargs_get(args, "peer"));
	int ret;

	if (plx_devargs_get(args, "nodeaction"))
		return plx_devargs_refuse(args, "nodeaction",
					  "with peer=: nothing, the memory is the peer's");
	if (!peer) {
		plx_devargs_refuse(args, "peer", "a net_ring port that was attached before");
		return -ENODEV;
	}
	if (plx_devargs_get(args, "size") && slots != peer->cable->slots)
		return plx_devargs_refuse(args, "size", "with peer=: the peer's size, or nothing");
	ret = plx_net_ring_plug(end, peer);
	if (ret)
		plx_devargs_refuse(args, "peer",
				   "a port without a peer; one that is looped has to be stopped");
	return ret;
}

static const struct ring_path *choose_path(bool avx2)
{
#ifdef __x86_64__
	if (avx2 && __builtin_cpu_supports("avx2"))
		return &plx_net_ring_path_avx2;
#endif
	(void)avx2;
	return &plx_net_ring_path_any;
}

static int probe(struct plx_port *port, const struct plx_devargs *args)
{
	struct ring_port *end = calloc(1, sizeof(*end));
	uint32_t slots = RING_SLOTS_DEFAULT, avx2 = 1;
	int node = PLX_NODE_ANY;
	int ret;

	if (all_pid != getpid()) {
		all_ports = NULL;
		all_pid = getpid();
	}
	if (!end) {
		plx_port_log(port, PLX_LOG_ERR, "no memory for the device");
		return -ENOMEM;
	}
	end->port = port;
	ret = plx_devargs_u32(args, "size", 2, RING_SLOTS_MAX, &slots);
	if (ret == 0)
		ret = plx_devargs_u32(args, "avx2", 0, 1, &avx2);
	if (ret == 0)
		ret = parse_nodeaction(args, &node);
	if (ret)
		goto free_end;
	end->path = choose_path(avx2);
	slots = plx_next_pow2_u32(slots);
	if (plx_devargs_get(args, "peer"))
		ret = plug_peer(end, args, slots);
	else
		ret = plx_net_ring_loop(end, slots, node);
	if (ret)
		goto free_end;

	end->next = all_ports;
	all_ports = end;
	port->priv = end;
	port->mtu = ETHERMTU;
	port->mac = plx_port_mac_made(port, "ring");
	return 0;

free_end:
	free(end);
	return ret;
}

static void remove_device(struct plx_port *port)
{
	struct ring_port *end = port->priv;
	struct ring_port **at = &all_ports;

	while (*at && *at != end)
		at = &(*at)->next;
	if (*at)
		*at = end->next;
	plx_net_ring_unplug(end);
	free(end);
	port->priv = NULL;
}

static const struct plx_port_counter rxq_counters[] = {
	{"rx_too_long", offsetof(struct ring_rxq, too_long), true},
	{"rx_chains_refused", offsetof(struct ring_rxq, chained), true},
	{NULL, 0, false},
};

static const struct plx_port_counter txq_counters[] = {
	{"tx_too_long", offsetof(struct ring_txq, too_long), true},
	{"tx_chains_refused", offsetof(struct ring_txq, chained), true},
	{NULL, 0, false},
};

static const struct plx_port_counter port_counters[] = {
	{"tx_undelivered", offsetof(struct ring_port, undelivered), true},
	{NULL, 0, false},
};

const struct plx_port_driver plx_net_ring_driver = {
	.name = "net_ring",
	.keys = keys,
	.ops = &ring_ops,
	.rxq_bytes = sizeof(struct ring_rxq),
	.txq_bytes = sizeof(struct ring_txq),
	.rxq_counters = rxq_counters,
	.txq_counters = txq_counters,
	.port_counters = port_counters,
	.probe = probe,
	.remove = remove_device,
};
