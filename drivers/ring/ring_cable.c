/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cables of net_ring: who is at the ends, and which queue a wire leads to.
 *
 * A packet that is in a wire was counted as sent. Whoever empties the wire instead of its receiver
 * counts the packets as the receiver's rx_missed; once the receiver is detached the sender's
 * tx_undelivered names them. `open` goes off before that, so only a burst that looked at it just
 * before can still put packets in; they are found the next time an end starts, stops or leaves.
 */
#include <errno.h>
#include <pollux/mem.h>
#include <stdio.h>

#include "ring_wire.h"

enum { DRAIN_BULK = 64 };

static struct ring_way *way_to(const struct ring_port *end)
{
	return &end->cable->ways[end->end];
}

static struct ring_way *way_from(const struct ring_port *end)
{
	return &end->cable->ways[end->cable->is_loop ? end->end : !end->end];
}

struct ring_port *plx_net_ring_peer(const struct ring_port *end)
{
	return end->cable->ends[!end->end];
}

/* ---- Packets that nobody takes ---- */

static void count_missed(struct ring_port *end, unsigned wire, uint64_t nb)
{
	unsigned nb_queues = end->port->conf.nb_rx_queues;
	struct plx_port_rxq *rxq = nb_queues ? end->port->rxqs[wire % nb_queues] : NULL;

	if (rxq)
		plx_count(&rxq->stats.missed, nb);
	else
		end->missed += nb;
}

/* Send home what lies in a wire. Returns how many packets. Thread: as the consumer. */
static uint64_t drain(struct ring_wire *wire)
{
	struct plx_mbuf *pkts[DRAIN_BULK];
	uint64_t total = 0, bytes = 0;
	uint32_t nb;

	while ((nb = take(wire, pkts, DRAIN_BULK, PLX_MBUF_PORT_NONE, &bytes)) > 0) {
		plx_mbuf_free_bulk(pkts, nb);
		total += nb;
	}
	return total;
}

/* Empty the wires to @end, which is stopped; without one @sender counts. */
static void drain_way(struct ring_way *way, struct ring_port *end, struct ring_port *sender)
{
	for (unsigned i = 0; i < PLX_PORT_QUEUES_MAX; i++) {
		uint64_t nb = way->wires[i] ? drain(way->wires[i]) : 0;

		if (nb > 0 && end)
			count_missed(end, i, nb);
		else if (nb > 0 && sender)
			sender->undelivered += nb;
	}
}

/* ---- Limits: a receiver checks packets only if its sender may send what it does not take ---- */

static void widen(struct ring_limits *widest, struct ring_limits limits)
{
	if (widest->frame_max < limits.frame_max)
		widest->frame_max = limits.frame_max;
	if (widest->segs_max < limits.segs_max)
		widest->segs_max = limits.segs_max;
}

/* @end may be polling; it sees this before a packet that was sent after it. */
static void recheck(struct ring_port *end)
{
	const struct ring_limits *widest = &way_to(end)->widest;

	for (unsigned i = 0; i < end->port->conf.nb_rx_queues; i++) {
		struct ring_rxq *rxq = (struct ring_rxq *)end->port->rxqs[i];

		if (rxq && (widest->frame_max > rxq->limits.frame_max ||
			    widest->segs_max > rxq->limits.segs_max))
			plx_store_relaxed(&rxq->check, 1);
	}
}

void plx_net_ring_limits(struct ring_port *end, struct ring_limits limits)
{
	struct ring_port *peer = plx_net_ring_peer(end);

	widen(&way_from(end)->widest, limits);
	recheck(end);
	if (peer)
		recheck(peer);
}

/* ---- Start and stop ---- */

static void tell_link(const struct ring_cable *cable)
{
	unsigned nb_ends = cable->is_loop ? 1 : RING_ENDS;
	struct plx_port_link link = {.up = true, .full_duplex = true};

	for (unsigned i = 0; i < nb_ends; i++)
		link.up = link.up && cable->ends[i] && cable->ends[i]->started;
	for (unsigned i = 0; i < nb_ends; i++)
		if (cable->ends[i])
			plx_port_link_set(cable->ends[i]->port, &link);
}

static int make_wire(const char *name, uint32_t slots, int node, struct ring_wire **out)
{
	struct ring_wire *wire =
		plx_mem_alloc(sizeof(*wire) + slots * sizeof(wire->ends[0]), 0, node);
	int ret;

	if (!wire)
		return -ENOMEM;
	ret = plx_ring_create(name, slots, node, &wire->sent.ring);
	if (ret) {
		plx_mem_free(wire);
		return ret;
	}
	wire->sent.mask = slots - 1;
	wire->came = wire->sent;
	*out = wire;
	return 0;
}

static void destroy_wire(struct ring_wire *wire)
{
	if (!wire)
		return;
	drain(wire);
	plx_ring_destroy(wire->sent.ring);
	plx_mem_free(wire);
}

static int make_wires(struct ring_port *end)
{
	struct ring_cable *cable = end->cable;
	struct ring_way *way = way_from(end);

	for (unsigned i = 0; i < end->port->conf.nb_tx_queues; i++) {
		int node = cable->node != PLX_NODE_ANY ? cable->node : end->port->txqs[i]->node;
		char name[PLX_RING_NAME_MAX];
		int ret;

		if (way->wires[i])
			continue;
		snprintf(name, sizeof(name), "%.16s_tx%u", end->port->name, i);
		ret = make_wire(name, cable->slots, node, &way->wires[i]);
		if (ret)
			return ret;
	}
	return 0;
}

/* @rxq may be polling. */
static void add_wire(struct ring_rxq *rxq, struct ring_wire *wire)
{
	uint32_t nb = rxq->nb_wires;

	for (uint32_t i = 0; i < nb; i++)
		if (rxq->wires[i] == wire)
			return;
	rxq->wires[nb] = wire;
	/* Release: pairs with the acquire in take_from_many(). */
	plx_store_release(&rxq->nb_wires, nb + 1);
}

/* Lead the wires of a way to the receiver's queues. */
static void lead_in(const struct ring_way *way, struct ring_port *end)
{
	unsigned nb_queues = end->port->conf.nb_rx_queues;

	for (unsigned i = 0; nb_queues > 0 && i < way->nb_wires; i++)
		add_wire((struct ring_rxq *)end->port->rxqs[i % nb_queues], way->wires[i]);
}

int plx_net_ring_connect(struct ring_port *end)
{
	struct ring_way *in = way_to(end), *out = way_from(end);
	struct ring_port *peer = plx_net_ring_peer(end);
	int ret = make_wires(end);

	if (ret)
		return ret;
	out->nb_wires = end->port->conf.nb_tx_queues;
	for (unsigned i = 0; i < out->nb_wires; i++) {
		struct ring_txq *txq = (struct ring_txq *)end->port->txqs[i];

		txq->wire = out->wires[i];
		txq->open = &out->open;
	}
	if (peer && peer->started)
		lead_in(out, peer);

	drain_way(in, end, NULL);
	for (unsigned i = 0; i < end->port->conf.nb_rx_queues; i++)
		((struct ring_rxq *)end->port->rxqs[i])->nb_wires = 0;
	lead_in(in, end);
	end->started = true;
	/* Release: pairs with the acquire in tx_burst(). */
	plx_store_release(&in->open, end->port->id + 1);
	tell_link(end->cable);
	return 0;
}

void plx_net_ring_disconnect(struct ring_port *end)
{
	struct ring_way *in = way_to(end), *out = way_from(end);
	struct ring_port *peer = plx_net_ring_peer(end);

	plx_store_release(&in->open, 0);
	end->started = false;
	tell_link(end->cable);
	drain_way(in, end, NULL);
	if (out != in && !(peer && peer->started))
		drain_way(out, peer, end);
}

/* ---- Ends ---- */

int plx_net_ring_loop(struct ring_port *end, uint32_t slots, int node)
{
	struct ring_cable *cable = plx_mem_alloc(sizeof(*cable), 0, node);

	if (!cable)
		return -ENOMEM;
	cable->is_loop = true;
	cable->slots = slots;
	cable->node = node;
	cable->ends[0] = end;
	end->cable = cable;
	end->end = 0;
	end->port->node = node;
	return 0;
}

int plx_net_ring_plug(struct ring_port *end, struct ring_port *peer)
{
	struct ring_cable *cable = peer->cable;

	if (plx_net_ring_peer(peer) || (cable->is_loop && peer->started))
		return -EBUSY;
	cable->is_loop = false;
	cable->ends[!peer->end] = end;
	end->cable = cable;
	end->end = !peer->end;
	end->port->node = cable->node;
	return 0;
}

void plx_net_ring_unplug(struct ring_port *end)
{
	struct ring_cable *cable = end->cable;
	struct ring_port *peer = plx_net_ring_peer(end);

	drain_way(way_to(end), NULL, peer);
	cable->ends[end->end] = NULL;
	if (peer)
		return;
	for (unsigned i = 0; i < RING_ENDS; i++)
		for (unsigned q = 0; q < PLX_PORT_QUEUES_MAX; q++)
			destroy_wire(cable->ways[i].wires[q]);
	plx_mem_free(cable);
}
