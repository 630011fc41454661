/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net_null: frames from nowhere, as many as are asked for, and nowhere to send them to. The ceiling
 * of what an application can do, and a port for programs that have none.
 *
 *	size=BYTES  of each frame that comes in; their content is what lay in the mbuf
 *	copy        copy each frame, in and out, as a driver does that has buffers of its own;
 *		    frames that come in are zeros then
 *	no-rx       nothing comes in
 *
 * It receives into mbufs that the pool's cache has just been given back and touches nothing but
 * their descriptors, one cache line each.
 */
#include <errno.h>
#include <net/ethernet.h>
#include <pollux/mbuf_data.h>
#include <pollux/mem.h>
#include <pollux/port_driver.h>
#include <stdlib.h>
#include <string.h>

enum {
	SIZE_DEFAULT = 64,
	TAG_BYTES = 4,		/* a frame may have a VLAN tag beside its payload */
	SIZE_MAX_BYTES = 65280, /* of the largest data room */
	MTU_MIN = 68,
	MTU_MAX = UINT16_MAX - ETHER_HDR_LEN,
	FRAME_MAX = MTU_MAX + ETHER_HDR_LEN + TAG_BYTES,
};

struct null_port {
	uint32_t size;
	bool copy;
	bool no_rx;
};

/* What a packet that comes in has in its descriptor, from data_off to vlan_tci: one store. */
struct fresh {
	uint16_t data_off, data_len;
	uint32_t pkt_len;
	uint32_t flags;
	uint16_t port, vlan_tci;
};

_Static_assert(offsetof(struct plx_mbuf, pkt_len) - offsetof(struct plx_mbuf, data_off) ==
		       offsetof(struct fresh, pkt_len),
	       "struct fresh is a part of struct plx_mbuf");
_Static_assert(offsetof(struct plx_mbuf, port) - offsetof(struct plx_mbuf, data_off) ==
		       offsetof(struct fresh, port),
	       "struct fresh is a part of struct plx_mbuf");
_Static_assert(sizeof(struct fresh) == 16, "struct fresh is one vector register");

struct null_rxq {
	struct plx_port_rxq base;
	struct fresh fresh;
	uint8_t *frame; /* copy: what each packet holds */
};

struct null_txq {
	struct plx_port_txq base;
	uint32_t frame_max;
	uint8_t segs_max;
	uint64_t too_long; /* the queue's */
	uint64_t chained;  /* the queue's */
	uint8_t *room;	   /* copy: FRAME_MAX bytes, where frames end */
};

/* ---- Receive ---- */

/* The pool has not all of @nb: take what is there. */
static PLX_COLD uint32_t take_some(struct null_rxq *rxq, struct plx_mbuf **pkts, uint32_t nb)
{
	uint32_t done = 0;

	for (uint32_t step = nb / 2; step > 0; step /= 2)
		while (nb - done >= step &&
		       plx_mbuf_raw_alloc_bulk(rxq->base.pool, pkts + done, step) > 0)
			done += step;
	plx_count(&rxq->base.stats.nombuf, nb - done);
	return done;
}

static inline __attribute__((always_inline)) uint32_t
receive(struct null_rxq *rxq, struct plx_mbuf **pkts, uint32_t nb, bool copy)
{
	const struct fresh fresh = rxq->fresh;

	if (plx_unlikely(plx_mbuf_raw_alloc_bulk(rxq->base.pool, pkts, nb) == 0))
		nb = take_some(rxq, pkts, nb);
	for (uint32_t i = 0; i < nb; i++) {
		struct plx_mbuf *m = pkts[i];

		memcpy(&m->data_off, &fresh, sizeof(fresh));
		m->offload = 0;
		if (copy)
			memcpy((char *)m->buf_addr + PLX_MBUF_HEADROOM, rxq->frame, fresh.data_len);
	}
	plx_count(&rxq->base.stats.packets, nb);
	plx_count(&rxq->base.stats.bytes, (uint64_t)nb * fresh.pkt_len);
	return nb;
}

static uint32_t rx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	return receive(queue, pkts, nb, false);
}

static uint32_t rx_burst_copy(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	return receive(queue, pkts, nb, true);
}

static uint32_t rx_burst_none(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	(void)queue;
	(void)pkts;
	(void)nb;
	return 0;
}

/* ---- Send ---- */

static void copy_out(uint8_t *room, const struct plx_mbuf *m)
{
	for (; m; m = m->next) {
		memcpy(room, plx_mbuf_data(m), m->data_len);
		room += m->data_len;
	}
}

/* Packets of which one may be refused. */
static PLX_COLD void send_checked(struct null_txq *txq, struct plx_mbuf **pkts, uint32_t nb)
{
	uint32_t frame_max = plx_load_relaxed(&txq->frame_max);
	uint32_t too_long = 0, chained = 0;
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < nb; i++) {
		if (pkts[i]->pkt_len > frame_max) {
			too_long++;
		} else if (pkts[i]->nb_segs > txq->segs_max) {
			chained++;
		} else {
			bytes += pkts[i]->pkt_len;
			if (txq->room)
				copy_out(txq->room, pkts[i]);
		}
	}
	plx_mbuf_free_bulk(pkts, nb);
	plx_count(&txq->too_long, too_long);
	plx_count(&txq->chained, chained);
	plx_count(&txq->base.stats.errors, too_long + chained);
	plx_count(&txq->base.stats.packets, nb - too_long - chained);
	plx_count(&txq->base.stats.bytes, bytes);
}

static uint32_t tx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	struct null_txq *txq = queue;
	uint32_t frame_max = plx_load_relaxed(&txq->frame_max);
	uint8_t segs_max = txq->segs_max;
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < nb; i++) {
		if (plx_unlikely(pkts[i]->pkt_len > frame_max || pkts[i]->nb_segs > segs_max)) {
			send_checked(txq, pkts, nb);
			return nb;
		}
		bytes += pkts[i]->pkt_len;
	}
	plx_mbuf_free_bulk(pkts, nb);
	plx_count(&txq->base.stats.packets, nb);
	plx_count(&txq->base.stats.bytes, bytes);
	return nb;
}

static uint32_t tx_burst_copy(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	send_checked(queue, pkts, nb);
	return nb;
}

/* ---- Control path ---- */

static uint32_t frame_max(uint32_t mtu)
{
	return mtu + ETHER_HDR_LEN + TAG_BYTES;
}

static void info(struct plx_port *port, struct plx_port_info *info)
{
	const struct null_port *null = port->priv;
	uint32_t own_mtu = null->size > ETHER_HDR_LEN ? null->size - ETHER_HDR_LEN : 0;

	/* All but the MTU are notes: all frames come in anyway. */
	info->can = PLX_PORT_CAN_PROMISC | PLX_PORT_CAN_ALLMULTI | PLX_PORT_CAN_MAC_SET |
		    PLX_PORT_CAN_MTU_SET;
	info->tx_offloads = PLX_PORT_TX_MULTI_SEGS;
	info->max_rx_queues = PLX_PORT_QUEUES_MAX;
	info->max_tx_queues = PLX_PORT_QUEUES_MAX;
	/* The frames that it makes itself have to fit. */
	info->min_mtu = own_mtu > MTU_MIN ? own_mtu : MTU_MIN;
	info->max_mtu = MTU_MAX;
	info->max_frame_bytes = frame_max(port->mtu);
}

static int rxq_setup(struct plx_port *port, struct plx_port_rxq *base)
{
	const struct null_port *null = port->priv;
	struct null_rxq *rxq = (struct null_rxq *)base;

	/* The pool's mbufs hold a frame of the MTU, and so one of null->size. */
	rxq->fresh = (struct fresh){
		.data_off = PLX_MBUF_HEADROOM,
		.data_len = (uint16_t)null->size,
		.pkt_len = null->size,
		.port = (uint16_t)port->id,
	};
	if (!null->copy)
		return 0;
	rxq->frame = plx_mem_alloc(null->size, 0, base->node);
	return rxq->frame ? 0 : -ENOMEM;
}

static int txq_setup(struct plx_port *port, struct plx_port_txq *base)
{
	const struct null_port *null = port->priv;
	struct null_txq *txq = (struct null_txq *)base;

	if (!null->copy)
		return 0;
	txq->room = plx_mem_alloc(FRAME_MAX, 0, base->node);
	return txq->room ? 0 : -ENOMEM;
}

static void rxq_release(struct plx_port *port, struct plx_port_rxq *rxq)
{
	(void)port;
	plx_mem_free(((struct null_rxq *)rxq)->frame);
}

static void txq_release(struct plx_port *port, struct plx_port_txq *txq)
{
	(void)port;
	plx_mem_free(((struct null_txq *)txq)->room);
}

static int start(struct plx_port *port)
{
	const struct null_port *null = port->priv;

	for (unsigned i = 0; i < port->conf.nb_rx_queues; i++) {
		struct plx_port_rxq *rxq = port->rxqs[i];

		rxq->burst = rx_burst;
		if (null->no_rx)
			rxq->burst = rx_burst_none;
		else if (null->copy)
			rxq->burst = rx_burst_copy;
	}
	for (unsigned i = 0; i < port->conf.nb_tx_queues; i++) {
		struct null_txq *txq = (struct null_txq *)port->txqs[i];

		txq->frame_max = frame_max(port->mtu);
		txq->segs_max = 1;
		if (port->conf.tx_offloads & PLX_PORT_TX_MULTI_SEGS)
			txq->segs_max = PLX_MBUF_SEGS_MAX;
		txq->base.burst = null->copy ? tx_burst_copy : tx_burst;
	}
	return 0;
}

/* Nothing waits in a queue. */
static void stop(struct plx_port *port)
{
	(void)port;
}

static int mtu_set(struct plx_port *port, uint32_t mtu)
{
	port->mtu = mtu;
	for (unsigned i = 0; i < port->conf.nb_tx_queues; i++) {
		struct null_txq *txq = (struct null_txq *)port->txqs[i];

		if (txq)
			plx_store_relaxed(&txq->frame_max, frame_max(mtu));
	}
	return 0;
}

static void dump(struct plx_port *port, FILE *out)
{
	const struct null_port *null = port->priv;

	fprintf(out, "  frames of %u bytes%s%s\n", null->size, null->copy ? ", copied" : "",
		null->no_rx ? ", nothing comes in" : "");
}

static const struct plx_port_ops null_ops = {
	.info = info,
	.rxq_setup = rxq_setup,
	.txq_setup = txq_setup,
	.rxq_release = rxq_release,
	.txq_release = txq_release,
	.start = start,
	.stop = stop,
	.mtu_set = mtu_set,
	.dump = dump,
};

/* ---- The device ---- */

static const struct plx_devargs_key keys[] = {
	{"size", false, "BYTES: of each frame that comes in [1, 65280]; 64 by default"},
	{"copy", false, "0|1: copy the frames, in and out"},
	{"no-rx", false, "0|1: nothing comes in"},
	{NULL, false, NULL},
};

static int probe(struct plx_port *port, const struct plx_devargs *args)
{
	struct null_port *null = calloc(1, sizeof(*null));
	int ret;

	if (!null) {
		plx_port_log(port, PLX_LOG_ERR, "no memory for the device");
		return -ENOMEM;
	}
	null->size = SIZE_DEFAULT;
	ret = plx_devargs_u32(args, "size", 1, SIZE_MAX_BYTES, &null->size);
	if (ret == 0)
		ret = plx_devargs_bool(args, "copy", &null->copy);
	if (ret == 0)
		ret = plx_devargs_bool(args, "no-rx", &null->no_rx);
	if (ret)
		goto free_null;

	port->priv = null;
	port->node = PLX_NODE_ANY;
	port->mtu = ETHERMTU;
	if (null->size > ETHERMTU + ETHER_HDR_LEN)
		port->mtu = null->size - ETHER_HDR_LEN;
	port->mac = plx_port_mac_made(port, "null");
	return 0;

free_null:
	free(null);
	return ret;
}

static void remove_device(struct plx_port *port)
{
	free(port->priv);
	port->priv = NULL;
}

static const struct plx_port_counter txq_counters[] = {
	{"tx_too_long", offsetof(struct null_txq, too_long), true},
	{"tx_chains_refused", offsetof(struct null_txq, chained), true},
	{NULL, 0, false},
};

const struct plx_port_driver plx_net_null_driver = {
	.name = "net_null",
	.keys = keys,
	.ops = &null_ops,
	.rxq_bytes = sizeof(struct null_rxq),
	.txq_bytes = sizeof(struct null_txq),
	.txq_counters = txq_counters,
	.probe = probe,
	.remove = remove_device,
};
