/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net_fault's ports and the cable between two of them. A wire is there as long as the cable, so a
 * sender in a burst finds it whoever stops or leaves; `open` goes off before the receiver empties
 * it, and what a burst puts in after that is found at the next start, or by the last that leaves.
 */
#include "fault.h"

#include <errno.h>
#include <pollux/bits.h>
#include <pollux/mem.h>
#include <stdlib.h>
#include <string.h>

enum {
	SLOTS_DEFAULT = 4096,
	SLOTS_MAX = 1 << 20,
	MTU_MIN = 68,
};

/* All net_fault ports, by their `next`; under the port layer's lock. */
static struct fault_port *all_ports;

static uint32_t frame_max(uint32_t mtu)
{
	return mtu + ETHER_HDR_LEN + PLX_PORT_TAG_BYTES;
}

/* ---- The cable ---- */

static void tell_link(const struct fault_cable *cable)
{
	struct plx_port_link link = {.up = true, .full_duplex = true};

	for (unsigned i = 0; i < 2; i++)
		link.up = link.up && cable->ends[i] && cable->ends[i]->started;
	for (unsigned i = 0; i < 2; i++) {
		if (!cable->ends[i])
			continue;
		link.speed_mbps = link.up ? cable->ends[i]->speed_mbps : 0;
		plx_port_link_set(cable->ends[i]->port, &link);
	}
}

static void free_cable(struct fault_cable *cable)
{
	for (unsigned i = 0; i < 2; i++) {
		struct plx_mbuf *m;

		while (cable->ways[i].ring &&
		       plx_ring_sc_dequeue(cable->ways[i].ring, (void **)&m) > 0)
			plx_mbuf_free(m);
		plx_ring_destroy(cable->ways[i].ring);
	}
	plx_mem_free(cable);
}

static int make_cable(struct fault_port *end, uint32_t slots)
{
	struct fault_cable *cable = plx_mem_alloc(sizeof(*cable), 0, PLX_NODE_ANY);
	int ret = cable ? 0 : -ENOMEM;

	for (unsigned i = 0; i < 2 && ret == 0; i++)
		ret = plx_ring_create("fault", slots, PLX_NODE_ANY, &cable->ways[i].ring);
	if (ret) {
		if (cable)
			free_cable(cable);
		return ret;
	}
	cable->ends[0] = end;
	end->cable = cable;
	end->end = 0;
	return 0;
}

static int plug(struct fault_port *end, const struct plx_devargs *args)
{
	const char *name = plx_devargs_get(args, "peer");
	struct fault_port *peer = all_ports;

	while (peer && strcmp(peer->port->name, name) != 0)
		peer = peer->next;
	if (!peer || peer->cable->ends[!peer->end])
		return plx_devargs_refuse(args, "peer", "a net_fault port without a peer");
	peer->cable->ends[!peer->end] = end;
	end->cable = peer->cable;
	end->end = !peer->end;
	return 0;
}

static void unplug(struct fault_port *end)
{
	struct fault_cable *cable = end->cable;

	cable->ends[end->end] = NULL;
	if (!cable->ends[!end->end])
		free_cable(cable);
}

/* ---- Control path ---- */

static void info(struct plx_port *port, struct plx_port_info *info)
{
	info->can = PLX_PORT_CAN_PROMISC | PLX_PORT_CAN_ALLMULTI | PLX_PORT_CAN_MAC_SET |
		    PLX_PORT_CAN_MTU_SET | PLX_PORT_CAN_LINK;
	info->min_mtu = MTU_MIN;
	info->max_mtu = FAULT_MTU_MAX;
	info->max_frame_bytes = frame_max(port->mtu);
}

static void count_missed(struct fault_rxq *rxq)
{
	plx_count(&rxq->base.stats.missed, plx_net_fault_flush(rxq));
}

static int start(struct plx_port *port)
{
	struct fault_port *end = port->priv;
	struct fault_way *in = &end->cable->ways[end->end], *out = &end->cable->ways[!end->end];

	if (port->conf.nb_rx_queues) {
		struct fault_rxq *rxq = (struct fault_rxq *)port->rxqs[0];

		rxq->end = end;
		rxq->ring = in->ring;
		rxq->base.burst = plx_net_fault_rx_burst;
		count_missed(rxq);
	}
	if (port->conf.nb_tx_queues) {
		struct fault_txq *txq = (struct fault_txq *)port->txqs[0];

		txq->ring = out->ring;
		txq->open = &out->open;
		txq->frame_max = frame_max(port->mtu);
		txq->base.burst = plx_net_fault_tx_burst;
	}
	end->started = true;
	if (port->conf.nb_rx_queues)
		/* Release: pairs with the acquire in plx_net_fault_tx_burst(). */
		plx_store_release(&in->open, port->id + 1);
	tell_link(end->cable);
	return 0;
}

static void stop(struct plx_port *port)
{
	struct fault_port *end = port->priv;

	plx_store_release(&end->cable->ways[end->end].open, 0);
	end->started = false;
	tell_link(end->cable);
	if (port->conf.nb_rx_queues)
		count_missed((struct fault_rxq *)port->rxqs[0]);
}

static int mtu_set(struct plx_port *port, uint32_t mtu)
{
	port->mtu = mtu;
	if (port->conf.nb_tx_queues && port->txqs[0])
		plx_store_relaxed(&((struct fault_txq *)port->txqs[0])->frame_max, frame_max(mtu));
	return 0;
}

static void dump(struct plx_port *port, FILE *out)
{
	const struct fault_port *end = port->priv;
	const struct fault_port *peer = end->cable->ends[!end->end];

	fprintf(out, "  cable to %s; %llu packets have come\n", peer ? peer->port->name : "nobody",
		(unsigned long long)plx_load_relaxed(&end->nb_passed));
}

static const struct plx_port_ops fault_ops = {
	.info = info,
	.start = start,
	.stop = stop,
	.mtu_set = mtu_set,
	.dump = dump,
};

/* ---- The device ---- */

#define RULES "FIRST, FIRST+STEP or FIRST+STEPxTIMES: packets that "

static const struct plx_devargs_key keys[] = {
	{"peer", false, "DEVICE: the net_fault port at the other end, attached before"},
	{"size", false, "SLOTS: of each way, rounded up to a power of two; 4096 by default"},
	{"speed", false, "MBPS: what the link says that it is; not known by default"},
	{"tell", false, "FILE: written when the port goes: what was done, as JSON"},
	{"drop", true, RULES "are lost on their way to this port"},
	{"flip", true, RULES "have a wrong bit"},
	{"dup", true, RULES "come twice"},
	{"swap", true, RULES "come after the next one"},
	{"hold", true, RULES "come later, others pass them"},
	{"stall", true, RULES "come later, and all behind them"},
	{"insert", true, RULES "a foreign frame comes before"},
	{"flip-bit", false, "BIT: of the frame; 464 by default, in its byte 58"},
	{"hold-us", false, "MICROSECONDS: 1000 by default"},
	{"stall-us", false, "MICROSECONDS: 1000 by default"},
	{NULL, false, NULL},
};

static int probe(struct plx_port *port, const struct plx_devargs *args)
{
	struct fault_port *end = calloc(1, sizeof(*end));
	const char *tell = plx_devargs_get(args, "tell");
	uint32_t slots = SLOTS_DEFAULT;
	int ret;

	if (!end)
		return -ENOMEM;
	end->port = port;
	ret = plx_devargs_u32(args, "size", 2, SLOTS_MAX, &slots);
	if (ret == 0)
		ret = plx_devargs_u32(args, "speed", 0, 1000000, &end->speed_mbps);
	if (ret == 0)
		ret = plx_net_fault_plan(&end->plan, args);
	if (ret == 0 && tell && !(end->tell = strdup(tell)))
		ret = -ENOMEM;
	if (ret)
		goto free_end;
	ret = plx_devargs_get(args, "peer") ? plug(end, args)
					    : make_cable(end, plx_next_pow2_u32(slots));
	if (ret)
		goto free_end;
	end->next = all_ports;
	all_ports = end;
	port->priv = end;
	port->node = PLX_NODE_ANY;
	port->mtu = ETHERMTU;
	port->mac = plx_port_mac_made(port, "flt");
	return 0;

free_end:
	free(end->tell);
	free(end);
	return ret;
}

/* {"packets": 1000, "drop": 3, ...} */
static void tell_done(const struct fault_port *end)
{
	FILE *out = fopen(end->tell, "we");

	if (!out) {
		plx_port_log(end->port, PLX_LOG_ERR, "tell=%s: %s", end->tell, strerror(errno));
		return;
	}
	fprintf(out, "{\"packets\": %llu", (unsigned long long)end->nb_passed);
	for (unsigned kind = 0; kind <= FAULT_KINDS; kind++)
		fprintf(out, ", \"%s\": %llu", plx_net_fault_name(kind),
			(unsigned long long)end->done[kind]);
	fprintf(out, "}\n");
	fclose(out);
}

static void remove_device(struct plx_port *port)
{
	struct fault_port *end = port->priv, **at = &all_ports;

	while (*at != end)
		at = &(*at)->next;
	*at = end->next;
	unplug(end);
	if (end->tell)
		tell_done(end);
	free(end->tell);
	free(end);
	port->priv = NULL;
}

#define DONE(name, kind)                                                                           \
	{                                                                                          \
		"rx_fault_" name, offsetof(struct fault_port, done) + sizeof(uint64_t) * (kind),   \
			false                                                                      \
	}

static const struct plx_port_counter port_counters[] = {
	{"rx_fault_packets", offsetof(struct fault_port, nb_passed), false},
	DONE("drop", FAULT_DROP),
	DONE("flip", FAULT_FLIP),
	DONE("dup", FAULT_DUP),
	DONE("swap", FAULT_SWAP),
	DONE("hold", FAULT_HOLD),
	DONE("stall", FAULT_STALL),
	DONE("insert", FAULT_INSERT),
	DONE("undone", FAULT_NONE),
	{NULL, 0, false},
};

const struct plx_port_driver plx_net_fault_driver = {
	.name = "net_fault",
	.keys = keys,
	.ops = &fault_ops,
	.rxq_bytes = sizeof(struct fault_rxq),
	.txq_bytes = sizeof(struct fault_txq),
	.port_counters = port_counters,
	.probe = probe,
	.remove = remove_device,
};
