/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Making and releasing queues. The lock is held in all but the two public calls.
 */
#include "port_private.h"

static void release(struct plx_port *port, enum plx_port_dir dir, unsigned queue)
{
	void *old = plx_port_queue(port, dir, queue);

	if (!old)
		return;
	if (dir == PLX_PORT_RX)
		plx_store_release(&port->rxqs[queue], NULL);
	else
		plx_store_release(&port->txqs[queue], NULL);
	plx_port_unpinned(port->id);
	/* Who found the queue has counted what it had to count. */
	plx_port_counts_keep(port, dir, queue, old);
	if (dir == PLX_PORT_RX && port->driver->ops->rxq_release)
		port->driver->ops->rxq_release(port, old);
	if (dir == PLX_PORT_TX && port->driver->ops->txq_release)
		port->driver->ops->txq_release(port, old);
	plx_mem_free(old);
}

void plx_port_release_queues(struct plx_port *port)
{
	for (unsigned queue = 0; queue < PLX_PORT_QUEUES_MAX; queue++) {
		release(port, PLX_PORT_RX, queue);
		release(port, PLX_PORT_TX, queue);
	}
}

static int check_setup(const struct plx_port *port, enum plx_port_dir dir, unsigned queue)
{
	const char *name = dir == PLX_PORT_RX ? "receive" : "transmit";
	unsigned nb = dir == PLX_PORT_RX ? port->conf.nb_rx_queues : port->conf.nb_tx_queues;

	if (port->state != PLX_PORT_CONFIGURED) {
		plx_port_log(port, PLX_LOG_ERR, "%s queue %u: the port is %s", name, queue,
			     port->state == PLX_PORT_STARTED ? "started: stop it first"
							     : "not configured");
		return -EBUSY;
	}
	if (queue < nb)
		return 0;
	plx_port_log(port, PLX_LOG_ERR, "%s queue %u: configured are %u", name, queue, nb);
	return -EINVAL;
}

/* Fills in what is left to default. */
static int check_ring(const struct plx_port *port, const char *queue_name,
		      const struct plx_port_limits *limits, uint32_t nb_default, uint32_t *nb_desc,
		      int *node)
{
	if (*nb_desc == 0)
		*nb_desc = nb_default;
	if (*nb_desc < limits->min || *nb_desc > limits->max ||
	    (limits->step > 1 && *nb_desc % limits->step)) {
		plx_port_log(port, PLX_LOG_ERR,
			     "%s queue: %u descriptors: want %u to %u, a multiple of %u",
			     queue_name, *nb_desc, limits->min, limits->max, limits->step);
		return -EINVAL;
	}
	if (*node < PLX_NODE_ANY || *node >= PLX_NODE_MAX) {
		plx_port_log(port, PLX_LOG_ERR, "%s queue: NUMA node %d: want -1 (any) to %d",
			     queue_name, *node, PLX_NODE_MAX - 1);
		return -EINVAL;
	}
	if (*node == PLX_NODE_ANY)
		*node = port->node;
	return 0;
}

static bool is_mbuf_pool(const struct plx_mempool *pool)
{
	for (unsigned i = 0; pool && i < PLX_MBUF_POOLS_MAX; i++)
		if (plx_load_acquire(&plx_mbuf_pools[i]) == pool)
			return true;
	return false;
}

static int check_pool(const struct plx_port *port, const struct plx_mempool *pool)
{
	uint32_t frame = plx_load_relaxed(&port->mtu) + ETHER_HDR_LEN;

	if (!is_mbuf_pool(pool)) {
		plx_port_log(port, PLX_LOG_ERR,
			     "receive queue: its pool is none of plx_mbuf_pool_create()");
		return -EINVAL;
	}
	if ((port->conf.rx_offloads & PLX_PORT_RX_SCATTER) != 0 ||
	    plx_mbuf_pool_data_room(pool) >= frame)
		return 0;
	plx_port_log(port, PLX_LOG_ERR,
		     "receive queue: its pool's data room of %u bytes does not hold a frame of %u: "
		     "want a larger one, a smaller MTU, or PLX_PORT_RX_SCATTER",
		     plx_mbuf_pool_data_room(pool), frame);
	return -EINVAL;
}

/* The struct of a queue, zero beyond the base and its counters; NULL with errno, after a line. */
static struct plx_port_rxq *make_rxq(struct plx_port *port, unsigned queue,
				     const struct plx_port_rxq_conf *conf)
{
	size_t bytes =
		port->driver->rxq_bytes ? port->driver->rxq_bytes : sizeof(struct plx_port_rxq);
	struct plx_port_rxq *rxq = plx_mem_alloc(bytes, 0, conf->node);

	if (!rxq)
		return NULL;
	rxq->pool = conf->pool;
	rxq->port = port;
	rxq->port_id = (uint16_t)port->id;
	rxq->queue = (uint16_t)queue;
	rxq->nb_desc = conf->nb_desc;
	rxq->node = conf->node;
	plx_port_counts_put(port, PLX_PORT_RX, queue, rxq);
	return rxq;
}

static struct plx_port_txq *make_txq(struct plx_port *port, unsigned queue,
				     const struct plx_port_txq_conf *conf)
{
	size_t bytes =
		port->driver->txq_bytes ? port->driver->txq_bytes : sizeof(struct plx_port_txq);
	struct plx_port_txq *txq = plx_mem_alloc(bytes, 0, conf->node);

	if (!txq)
		return NULL;
	txq->port = port;
	txq->port_id = (uint16_t)port->id;
	txq->queue = (uint16_t)queue;
	txq->nb_desc = conf->nb_desc;
	txq->node = conf->node;
	plx_port_counts_put(port, PLX_PORT_TX, queue, txq);
	return txq;
}

static int rxq_setup(struct plx_port *port, unsigned queue, const struct plx_port_rxq_conf *want)
{
	int (*setup)(struct plx_port *, struct plx_port_rxq *) = port->driver->ops->rxq_setup;
	struct plx_port_rxq_conf conf;
	struct plx_port_info info;
	struct plx_port_rxq *rxq;
	int ret = check_setup(port, PLX_PORT_RX, queue);

	if (ret)
		return ret;
	if (!want) {
		plx_port_log(port, PLX_LOG_ERR, "receive queue %u: conf is NULL", queue);
		return -EINVAL;
	}
	conf = *want;
	plx_port_fill_info(port, &info);
	ret = check_ring(port, "receive", &info.rx_ring, info.rx_ring_default, &conf.nb_desc,
			 &conf.node);
	if (ret)
		return ret;
	ret = check_pool(port, conf.pool);
	if (ret)
		return ret;
	release(port, PLX_PORT_RX, queue);
	rxq = make_rxq(port, queue, &conf);
	if (!rxq)
		return -errno;
	ret = setup ? setup(port, rxq) : 0;
	if (ret) {
		plx_mem_free(rxq);
		return ret;
	}
	plx_store_release(&port->rxqs[queue], rxq);
	return 0;
}

int plx_port_rxq_setup(unsigned id, unsigned queue, const struct plx_port_rxq_conf *conf)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_rxq_setup");
	int ret;

	if (!port)
		return -ENODEV;
	ret = rxq_setup(port, queue, conf);
	plx_port_leave();
	return ret;
}

static int txq_setup(struct plx_port *port, unsigned queue, const struct plx_port_txq_conf *want)
{
	int (*setup)(struct plx_port *, struct plx_port_txq *) = port->driver->ops->txq_setup;
	struct plx_port_txq_conf conf = {.node = PLX_NODE_ANY};
	struct plx_port_info info;
	struct plx_port_txq *txq;
	int ret = check_setup(port, PLX_PORT_TX, queue);

	if (ret)
		return ret;
	if (want)
		conf = *want;
	plx_port_fill_info(port, &info);
	ret = check_ring(port, "transmit", &info.tx_ring, info.tx_ring_default, &conf.nb_desc,
			 &conf.node);
	if (ret)
		return ret;
	release(port, PLX_PORT_TX, queue);
	txq = make_txq(port, queue, &conf);
	if (!txq)
		return -errno;
	ret = setup ? setup(port, txq) : 0;
	if (ret) {
		plx_mem_free(txq);
		return ret;
	}
	plx_store_release(&port->txqs[queue], txq);
	return 0;
}

int plx_port_txq_setup(unsigned id, unsigned queue, const struct plx_port_txq_conf *conf)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_txq_setup");
	int ret;

	if (!port)
		return -ENODEV;
	ret = txq_setup(port, queue, conf);
	plx_port_leave();
	return ret;
}
