/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data path's tables and what its inline calls do not need at each burst: the calls that do
 * nothing, the checks of PLX_CHECK builds, packets that are given up.
 *
 * A path is written while nobody is in its burst. At start the queue goes first and the call after
 * it, so that a poll that comes too early still finds the call that does nothing. A poll while the
 * port stops has no such cover: it may have found the queue's call before.
 */
#include "port_private.h"

struct plx_port_path plx_port_rx_paths[PLX_PORT_MAX][PLX_PORT_QUEUES_MAX];
struct plx_port_path plx_port_tx_paths[PLX_PORT_MAX][PLX_PORT_QUEUES_MAX];

extern inline uint32_t plx_port_path_burst_(const struct plx_port_path *path,
					    struct plx_mbuf **pkts, uint32_t nb);
extern inline uint32_t plx_port_rx_burst(unsigned port, unsigned queue, struct plx_mbuf **pkts,
					 uint32_t nb);
extern inline uint32_t plx_port_tx_burst(unsigned port, unsigned queue, struct plx_mbuf **pkts,
					 uint32_t nb);
extern inline uint32_t plx_port_tx_or_drop(unsigned port, unsigned queue, struct plx_mbuf **pkts,
					   uint32_t nb);
extern inline uint32_t plx_port_tx_flush(unsigned port, unsigned queue,
					 struct plx_port_tx_buffer *buffer);
extern inline uint32_t plx_port_tx_buffer(unsigned port, unsigned queue,
					  struct plx_port_tx_buffer *buffer, struct plx_mbuf *pkt);

static uint32_t no_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	(void)queue;
	(void)pkts;
	(void)nb;
	return 0;
}

static void open_path(struct plx_port_path *path, plx_port_burst_fn burst, void *queue)
{
	plx_store_relaxed(&path->queue, queue);
	/* Release: pairs with the acquire in plx_port_path_burst_(). */
	plx_store_release(&path->burst, burst);
}

static void close_path(struct plx_port_path *path)
{
	plx_store_release(&path->burst, no_burst);
	plx_store_relaxed(&path->queue, NULL);
}

static void close_row(unsigned id)
{
	for (unsigned queue = 0; queue < PLX_PORT_QUEUES_MAX; queue++) {
		close_path(&plx_port_rx_paths[id][queue]);
		close_path(&plx_port_tx_paths[id][queue]);
	}
}

void plx_port_paths_init(void)
{
	if (plx_port_rx_paths[0][0].burst)
		return;
	for (unsigned id = PLX_PORT_MAX; id-- > 0;)
		close_row(id);
}

void plx_port_paths_close(const struct plx_port *port)
{
	close_row(port->id);
}

void plx_port_paths_open(const struct plx_port *port)
{
	for (unsigned i = 0; i < port->conf.nb_rx_queues; i++)
		open_path(&plx_port_rx_paths[port->id][i], port->rxqs[i]->burst, port->rxqs[i]);
	for (unsigned i = 0; i < port->conf.nb_tx_queues; i++)
		open_path(&plx_port_tx_paths[port->id][i], port->txqs[i]->burst, port->txqs[i]);
}

/* ---- Checked builds ---- */

static const char *find_fault(unsigned id, enum plx_port_dir dir, unsigned queue,
			      struct plx_mbuf **pkts, uint32_t nb)
{
	const struct plx_port *port;

	if (!plx_port_is_valid(id))
		return "no such port";
	port = plx_port_slot(id);
	if (plx_load_acquire(&port->state) != PLX_PORT_STARTED)
		return "the port is not started";
	if (queue >= (dir == PLX_PORT_RX ? port->conf.nb_rx_queues : port->conf.nb_tx_queues))
		return "no such queue";
	if (!pkts)
		return "no table of packets";
	if (nb < 1 || nb > PLX_BURST_MAX)
		return "the burst is not in [1, PLX_BURST_MAX]";
	return NULL;
}

bool plx_port_check_rx_(unsigned port, unsigned queue, struct plx_mbuf **pkts, uint32_t nb)
{
	const char *fault = find_fault(port, PLX_PORT_RX, queue, pkts, nb);

	if (plx_likely(!fault))
		return true;
	plx_log_limited(&plx_log_port, PLX_LOG_ERR,
			"plx_port_rx_burst(port %u, queue %u, %u packets): %s", port, queue, nb,
			fault);
	return false;
}

bool plx_port_check_tx_(unsigned port, unsigned queue, struct plx_mbuf **pkts, uint32_t nb)
{
	const char *fault = find_fault(port, PLX_PORT_TX, queue, pkts, nb);

	for (uint32_t i = 0; !fault && i < nb; i++) {
		if (!pkts[i])
			fault = "a packet is NULL";
		else
			plx_mbuf_check(pkts[i], true, &fault);
	}
	if (plx_likely(!fault))
		return true;
	plx_log_limited(&plx_log_port, PLX_LOG_ERR,
			"plx_port_tx_burst(port %u, queue %u, %u packets): %s", port, queue, nb,
			fault);
	return false;
}

/* ---- Packets that no queue took ---- */

/* Of a port that does not run, and may be configured or detached meanwhile. */
static void count_pinned(unsigned id, unsigned queue, uint32_t nb)
{
	struct plx_port_txq *txq;

	plx_port_pin(id);
	txq = plx_port_is_valid(id) && queue < PLX_PORT_QUEUES_MAX
		      ? plx_port_queue(plx_port_slot(id), PLX_PORT_TX, queue)
		      : NULL;
	if (txq)
		plx_count(&txq->stats.dropped, nb);
	else
		plx_fetch_add_relaxed(&plx_port_privates[id].stray, nb);
	plx_port_unpin(id);
}

void plx_port_tx_give_up_(unsigned id, unsigned queue, struct plx_mbuf **pkts, uint32_t nb)
{
	struct plx_port_txq *txq = NULL;

	/* While it is started the queue is this thread's own, as in a burst: no pin, whose word
	 * all threads of the port would write. */
	if (id < PLX_PORT_MAX && queue < PLX_PORT_QUEUES_MAX)
		txq = plx_load_relaxed(&plx_port_tx_paths[id][queue].queue);
	if (txq)
		plx_count(&txq->stats.dropped, nb);
	else if (id < PLX_PORT_MAX)
		count_pinned(id, queue, nb);
	plx_mbuf_free_bulk(pkts, nb);
}

int plx_port_tx_buffer_init(struct plx_port_tx_buffer *buffer, struct plx_mbuf **pkts,
			    uint32_t size, plx_port_unsent_fn unsent, void *arg)
{
	if (!buffer || !pkts || size < 1 || size > PLX_BURST_MAX) {
		plx_log(&plx_log_port, PLX_LOG_ERR,
			"plx_port_tx_buffer_init: want a buffer, a table and a size from 1 to %d, "
			"not %u",
			PLX_BURST_MAX, size);
		return -EINVAL;
	}
	*buffer = (struct plx_port_tx_buffer){
		.size = size, .unsent = unsent, .arg = arg, .pkts = pkts};
	return 0;
}
