/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UMEM and sockets. The rings are worked with libxdp's <xdp/xsk.h>; the sockets are made here,
 * since libxdp keeps the first one on a UMEM open as long as the UMEM, and ports that share a pool
 * are stopped one by one. The kernel keeps a UMEM as long as any socket is on it: each newcomer
 * names one that is.
 *
 * The end: once a socket is closed nothing more is received into its memory, but what it sends may
 * still be read, so the sender waits before; in zero-copy mode the card lets go a while after the
 * close, and only then may the queue be bound again: that is what is tried until it works.
 */
#include "xdp_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	BIND_TRIES = 1000, /* at BIND_NAP_NS each: 2 s */
	BIND_NAP_NS = 2000000,
	SKB_BYTES = 4096, /* of the socket's send buffer for each packet under way */
	BUSY_POLL_US = 20,
};

#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#endif
#ifndef SO_BUSY_POLL_BUDGET
#define SO_BUSY_POLL_BUDGET 70
#endif

static struct plx_xdp_umem *umems; /* under the port layer's lock, as all of this */
static pid_t umems_pid;		   /* whose they are: a child of fork() has no such sockets */

uint32_t plx_xdp_pool_frame(const struct plx_mempool *pool)
{
	uint32_t chunk = pool->obj_bytes;
	const struct plx_mbuf *m = plx_mempool_obj(pool, 0);

	if (chunk < PLX_XDP_CHUNK_MIN || chunk > (uint32_t)sysconf(_SC_PAGESIZE) ||
	    m->buf_len <= PLX_XDP_HEADROOM + ETHER_HDR_LEN)
		return 0;
	return m->buf_len - PLX_XDP_HEADROOM;
}

/* ---- UMEM ---- */

static struct plx_xdp_umem *umem_find(const struct plx_mempool *pool, bool zero_copy)
{
	struct plx_xdp_umem *umem = umems;

	while (umem && (umem->pool != pool || umem->zero_copy != zero_copy))
		umem = umem->next;
	return umem;
}

static struct plx_xdp_umem *umem_create(struct plx_mempool *pool, bool zero_copy)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = (uintptr_t)plx_mempool_obj(pool, 0) & ~(page - 1);
	const struct plx_mbuf *m = plx_mempool_obj(pool, 0);
	uintptr_t end = (uintptr_t)plx_mempool_obj(pool, pool->nb_objs - 1) + pool->obj_bytes;
	struct plx_xdp_umem *umem = calloc(1, sizeof(*umem));

	if (!umem)
		return NULL;
	*umem = (struct plx_xdp_umem){
		.next = umems,
		.pool = pool,
		.zero_copy = zero_copy,
		.area = (char *)start,
		.bytes = end - start,
		.chunk_bytes = pool->obj_bytes,
		.headroom = (uint32_t)sizeof(*m) + m->priv_bytes,
	};
	umems = umem;
	return umem;
}

/* One that no socket is on. */
static void umem_destroy(struct plx_xdp_umem *umem)
{
	struct plx_xdp_umem **at = &umems;

	while (*at && *at != umem)
		at = &(*at)->next;
	if (*at)
		*at = umem->next;
	free(umem);
}

static int umem_register(const struct plx_xdp_umem *umem, int fd)
{
	struct xdp_umem_reg reg = {
		.addr = (uintptr_t)umem->area,
		.len = umem->bytes,
		.chunk_size = umem->chunk_bytes,
		.headroom = umem->headroom,
		.flags = XDP_UMEM_UNALIGNED_CHUNK_FLAG,
	};

	return setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &reg, sizeof(reg)) ? -errno : 0;
}

/* ---- Rings ---- */

static uint32_t ring_size(uint32_t nb_desc)
{
	uint32_t size = 1;

	while (size < nb_desc)
		size *= 2;
	return size;
}

static int map_ring(struct plx_xdp_sock *sock, unsigned which, uint32_t size)
{
	static const struct {
		int option;
		size_t entry_bytes;
		uint64_t pgoff;
	} kinds[PLX_XDP_MAPS] = {
		[PLX_XDP_MAP_RX] = {XDP_RX_RING, sizeof(struct xdp_desc), XDP_PGOFF_RX_RING},
		[PLX_XDP_MAP_TX] = {XDP_TX_RING, sizeof(struct xdp_desc), XDP_PGOFF_TX_RING},
		[PLX_XDP_MAP_FILL] = {XDP_UMEM_FILL_RING, sizeof(uint64_t),
				      (uint64_t)XDP_UMEM_PGOFF_FILL_RING},
		[PLX_XDP_MAP_COMP] = {XDP_UMEM_COMPLETION_RING, sizeof(uint64_t),
				      (uint64_t)XDP_UMEM_PGOFF_COMPLETION_RING},
	};
	struct xdp_mmap_offsets offsets;
	const struct xdp_ring_offset *all[PLX_XDP_MAPS] = {&offsets.rx, &offsets.tx, &offsets.fr,
							   &offsets.cr};
	struct plx_xdp_map *map = &sock->maps[which];
	socklen_t len = sizeof(offsets);
	void *addr;

	if (setsockopt(sock->fd, SOL_XDP, kinds[which].option, &size, sizeof(size)) ||
	    getsockopt(sock->fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &len))
		return -errno;
	map->bytes = all[which]->desc + size * kinds[which].entry_bytes;
	addr = mmap(NULL, map->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, sock->fd,
		    (off_t)kinds[which].pgoff);
	if (addr == MAP_FAILED)
		return -errno;
	map->addr = addr;
	return 0;
}

/* A ring as it was made: empty. The two kinds of rings are one struct. */
#define ring_init(to, map, offset, nb, free_places)                                                \
	do {                                                                                       \
		char *base_ = (map)->addr;                                                         \
		(to)->mask = (nb)-1;                                                               \
		(to)->size = (nb);                                                                 \
		(to)->producer = (uint32_t *)(void *)(base_ + (offset)->producer);                 \
		(to)->consumer = (uint32_t *)(void *)(base_ + (offset)->consumer);                 \
		(to)->flags = (uint32_t *)(void *)(base_ + (offset)->flags);                       \
		(to)->ring = base_ + (offset)->desc;                                               \
		(to)->cached_prod = 0;                                                             \
		(to)->cached_cons = (free_places);                                                 \
	} while (0)

struct rings {
	struct xsk_ring_cons *rx; /* NULL: does not receive */
	struct xsk_ring_prod *fill;
	uint32_t rx_size;
	struct xsk_ring_prod *tx; /* NULL: does not send */
	struct xsk_ring_cons *comp;
	uint32_t tx_size;
};

static int map_rings(struct plx_xdp_sock *sock, const struct rings *rings)
{
	struct xdp_mmap_offsets offsets;
	socklen_t len = sizeof(offsets);
	int ret;

	ret = map_ring(sock, PLX_XDP_MAP_FILL, rings->rx_size);
	if (ret == 0)
		ret = map_ring(sock, PLX_XDP_MAP_COMP, rings->tx_size);
	if (ret == 0 && rings->rx)
		ret = map_ring(sock, PLX_XDP_MAP_RX, rings->rx_size);
	if (ret == 0 && rings->tx)
		ret = map_ring(sock, PLX_XDP_MAP_TX, rings->tx_size);
	if (ret)
		return ret;
	if (getsockopt(sock->fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &len))
		return -errno;
	ring_init(rings->fill, &sock->maps[PLX_XDP_MAP_FILL], &offsets.fr, rings->rx_size,
		  rings->rx_size);
	ring_init(rings->comp, &sock->maps[PLX_XDP_MAP_COMP], &offsets.cr, rings->tx_size, 0);
	if (rings->rx)
		ring_init(rings->rx, &sock->maps[PLX_XDP_MAP_RX], &offsets.rx, rings->rx_size, 0);
	if (rings->tx)
		ring_init(rings->tx, &sock->maps[PLX_XDP_MAP_TX], &offsets.tx, rings->tx_size,
			  rings->tx_size);
	return 0;
}

void plx_xdp_sock_forget(struct plx_xdp_sock *sock)
{
	/* The kernel's socket ends with the last mapping. */
	for (unsigned i = 0; i < PLX_XDP_MAPS; i++) {
		if (sock->maps[i].addr)
			munmap(sock->maps[i].addr, sock->maps[i].bytes);
		sock->maps[i].addr = NULL;
	}
	close(sock->fd);
	sock->fd = -1;
}

/* ---- Open ---- */

static int bind_once(const struct plx_xdp_port *xdp, const struct plx_xdp_sock *sock,
		     const struct plx_xdp_umem *umem, unsigned queue)
{
	struct sockaddr_xdp addr = {
		.sxdp_family = AF_XDP,
		.sxdp_ifindex = xdp->if_index,
		.sxdp_queue_id = queue,
	};

	if (umem->socks) {
		addr.sxdp_flags = XDP_SHARED_UMEM;
		addr.sxdp_shared_umem_fd = (uint32_t)umem->socks->fd;
	} else {
		addr.sxdp_flags = XDP_USE_NEED_WAKEUP | (umem->zero_copy ? XDP_ZEROCOPY : XDP_COPY);
	}
	return bind(sock->fd, (struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
}

/* The kernel frees a queue a while after its last socket was closed. */
static int bind_queue(const struct plx_xdp_port *xdp, const struct plx_xdp_sock *sock,
		      const struct plx_xdp_umem *umem, unsigned queue)
{
	static const struct timespec nap = {.tv_nsec = BIND_NAP_NS};
	int ret = bind_once(xdp, sock, umem, queue);

	for (int i = 0; i < BIND_TRIES && ret == -EBUSY; i++) {
		nanosleep(&nap, NULL);
		ret = bind_once(xdp, sock, umem, queue);
	}
	return ret;
}

static int set_busy_poll(const struct plx_xdp_port *xdp, const struct plx_xdp_sock *sock)
{
	const int on = 1, us = BUSY_POLL_US, budget = (int)xdp->busy_budget;

	if (budget == 0)
		return 0;
	if (setsockopt(sock->fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, &on, sizeof(on)) ||
	    setsockopt(sock->fd, SOL_SOCKET, SO_BUSY_POLL, &us, sizeof(us)) ||
	    setsockopt(sock->fd, SOL_SOCKET, SO_BUSY_POLL_BUDGET, &budget, sizeof(budget)))
		return -errno;
	return 0;
}

static int open_on(const struct plx_xdp_port *xdp, struct plx_xdp_sock *sock,
		   struct plx_mempool *pool, bool zero_copy, unsigned queue,
		   const struct rings *rings)
{
	int send_bytes = (int)(rings->tx_size * SKB_BYTES), ret;
	struct plx_xdp_umem *umem;

	if (umems_pid != getpid()) {
		umems = NULL;
		umems_pid = getpid();
	}
	umem = umem_find(pool, zero_copy);
	if (!umem)
		umem = umem_create(pool, zero_copy);
	if (!umem)
		return -ENOMEM;
	sock->fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (sock->fd < 0) {
		ret = -errno;
		goto drop_umem;
	}
	/* Fewer would do, so a refusal is no matter. */
	(void)setsockopt(sock->fd, SOL_SOCKET, SO_SNDBUFFORCE, &send_bytes, sizeof(send_bytes));
	ret = umem->socks ? 0 : umem_register(umem, sock->fd);
	if (ret == 0)
		ret = map_rings(sock, rings);
	if (ret == 0)
		ret = bind_queue(xdp, sock, umem, queue);
	if (ret == 0)
		ret = set_busy_poll(xdp, sock);
	if (ret)
		goto close_fd;
	sock->umem = umem;
	sock->next = umem->socks;
	umem->socks = sock;
	return 0;

close_fd:
	plx_xdp_sock_forget(sock);
drop_umem:
	if (!umem->socks)
		umem_destroy(umem);
	return ret;
}

static int log_failure(const struct plx_port *port, const struct plx_mempool *pool, unsigned queue,
		       int ret)
{
	const struct plx_xdp_port *xdp = port->priv;

	if (ret == -EBUSY)
		plx_port_log(port, PLX_LOG_ERR, "queue %u of %s is another AF_XDP socket's", queue,
			     xdp->iface);
	else if (ret == -EPERM)
		plx_port_log(port, PLX_LOG_ERR,
			     "no right to open an AF_XDP socket: run as root, or with CAP_NET_RAW");
	else if (ret == -ENOBUFS)
		plx_port_log(port, PLX_LOG_ERR,
			     "pool '%s' is more memory than this process may lock: ulimit -l "
			     "unlimited, or CAP_IPC_LOCK",
			     pool->name);
	else if (ret == -EAFNOSUPPORT)
		plx_port_log(port, PLX_LOG_ERR, "this kernel has no AF_XDP (CONFIG_XDP_SOCKETS)");
	else if (xdp->mode == PLX_XDP_ZEROCOPY)
		plx_port_log(port, PLX_LOG_ERR,
			     "queue %u of %s: zero-copy with pool '%s': %s; it wants a driver that "
			     "does it and a pool on hugepages, else mode=auto",
			     queue, xdp->iface, pool->name, strerror(-ret));
	else
		plx_port_log(port, PLX_LOG_ERR, "queue %u of %s: AF_XDP socket: %s", queue,
			     xdp->iface, strerror(-ret));
	return ret;
}

static void describe(struct plx_port *port, unsigned index, struct rings *rings,
		     struct plx_mempool **pool)
{
	struct plx_xdp_port *xdp = port->priv;
	struct plx_xdp_sock *sock = &xdp->socks[index];
	struct plx_xdp_rxq *rxq = index < port->conf.nb_rx_queues ? plx_xdp_rxq(port, index) : NULL;
	struct plx_xdp_txq *txq = index < port->conf.nb_tx_queues ? plx_xdp_txq(port, index) : NULL;

	*pool = rxq ? rxq->base.pool : plx_xdp_txq(port, index)->pool;
	*rings = (struct rings){
		.rx = rxq ? &rxq->rx : NULL,
		.fill = rxq ? &rxq->fill : &sock->spare_fill,
		.rx_size = rxq ? ring_size(rxq->base.nb_desc) : 1,
		.tx = txq ? &txq->tx : NULL,
		.comp = txq ? &txq->comp : &sock->spare_comp,
		.tx_size = txq ? ring_size(txq->base.nb_desc) : 1,
	};
}

/* What the bursts need to know. */
static void tell_queues(struct plx_port *port, unsigned index)
{
	const struct plx_xdp_port *xdp = port->priv;
	const struct plx_xdp_sock *sock = &xdp->socks[index];
	const struct plx_xdp_umem *umem = sock->umem;
	uint64_t page_bytes = umem->zero_copy ? umem->pool->page_bytes : 0;

	if (index < port->conf.nb_rx_queues) {
		struct plx_xdp_rxq *rxq = plx_xdp_rxq(port, index);

		rxq->area = umem->area;
		rxq->headroom = umem->headroom;
		rxq->fd = sock->fd;
		rxq->busy_poll = xdp->busy_budget > 0;
		rxq->page_bytes = page_bytes;
		rxq->lacking = rxq->base.nb_desc;
	}
	if (index < port->conf.nb_tx_queues) {
		struct plx_xdp_txq *txq = plx_xdp_txq(port, index);
		const struct plx_mbuf *m = plx_mempool_obj(umem->pool, 0);

		txq->area = umem->area;
		txq->home_word = plx_mbuf_home_word_(m->pool_id);
		txq->fd = sock->fd;
		txq->zero_copy = umem->zero_copy;
		txq->page_bytes = page_bytes;
		txq->outstanding = 0;
		txq->counted = txq->taken = txq->tx.cached_prod;
	}
}

int plx_xdp_sock_open(struct plx_port *port, unsigned index)
{
	struct plx_xdp_port *xdp = port->priv;
	struct plx_xdp_sock *sock = &xdp->socks[index];
	unsigned queue = xdp->first_queue + index;
	struct plx_mempool *pool = NULL;
	struct rings rings;
	int ret = -EOPNOTSUPP;

	describe(port, index, &rings, &pool);
	/* On ordinary pages most chunks would lie across a border. */
	if (xdp->is_native && !xdp->force_copy && xdp->mode != PLX_XDP_NATIVE &&
	    pool->page_bytes > (size_t)sysconf(_SC_PAGESIZE))
		ret = open_on(xdp, sock, pool, true, queue, &rings);
	if (ret && ret != -EBUSY && xdp->mode != PLX_XDP_ZEROCOPY)
		ret = open_on(xdp, sock, pool, false, queue, &rings);
	if (ret)
		return log_failure(port, pool, queue, ret);
	tell_queues(port, index);
	plx_port_log(port, PLX_LOG_INFO, "queue %u of %s: %s XDP, %s", queue, xdp->iface,
		     xdp->is_native ? "native" : "generic",
		     sock->umem->zero_copy ? "zero-copy" : "copy mode");
	return 0;
}

void plx_xdp_sock_stats(const struct plx_xdp_sock *sock, struct xdp_statistics *stats)
{
	socklen_t len = sizeof(*stats);

	*stats = (struct xdp_statistics){0};
	if (getsockopt(sock->fd, SOL_XDP, XDP_STATISTICS, stats, &len))
		*stats = (struct xdp_statistics){0};
}

/* ---- Close ---- */

struct owners {
	const void *rxq, *txq;
};

static void bring_home(struct plx_mempool *pool, void *obj, uint32_t index, void *arg)
{
	const struct owners *owners = arg;
	struct plx_mbuf *m = obj;
	/* Others use their mbufs meanwhile, but none has this in `next`. */
	const void *owner = plx_load_relaxed(&m->next);

	(void)pool;
	(void)index;
	if (!owner || (owner != owners->rxq && owner != owners->txq))
		return;
	m->next = NULL;
	plx_mbuf_raw_free(m);
}

static void free_aside(struct plx_mbuf **aside)
{
	while (*aside) {
		struct plx_mbuf *m = *aside;

		*aside = m->next;
		m->next = NULL;
		plx_mbuf_raw_free(m);
	}
}

/*
 * Wait until the card is done with the memory of a closed zero-copy socket: until then its queue
 * can't be bound, so try with a page of no importance.
 */
static int await_release(const struct plx_xdp_port *xdp, unsigned queue)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct plx_xdp_umem umem = {
		.bytes = page,
		.chunk_bytes = (uint32_t)page,
	};
	struct plx_xdp_sock sock = {.fd = -1};
	struct xsk_ring_cons rx;
	const struct rings rings = {.rx = &rx,
				    .fill = &sock.spare_fill,
				    .rx_size = 1,
				    .comp = &sock.spare_comp,
				    .tx_size = 1};
	int ret;

	umem.area = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (umem.area == MAP_FAILED)
		return -errno;
	sock.fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	ret = sock.fd < 0 ? -errno : umem_register(&umem, sock.fd);
	if (ret == 0)
		ret = map_rings(&sock, &rings);
	if (ret == 0)
		ret = bind_queue(xdp, &sock, &umem, queue);
	if (sock.fd >= 0)
		plx_xdp_sock_forget(&sock);
	munmap(umem.area, page);
	/* A queue that is not there any more is nobody's either. */
	return ret == -ENODEV || ret == -EINVAL ? 0 : ret;
}

void plx_xdp_sock_close(struct plx_port *port, unsigned index)
{
	struct plx_xdp_port *xdp = port->priv;
	struct plx_xdp_sock *sock = &xdp->socks[index];
	struct plx_xdp_umem *umem = sock->umem;
	struct plx_xdp_sock **at = &umem->socks;
	struct owners owners = {0};
	int ret;

	plx_xdp_sock_forget(sock);
	while (*at != sock)
		at = &(*at)->next;
	*at = sock->next;
	sock->umem = NULL;
	ret = umem->zero_copy ? await_release(xdp, xdp->first_queue + index) : 0;
	if (ret)
		plx_port_log(port, PLX_LOG_ERR,
			     "queue %u of %s is not given up by its card: packets of pool '%s' are "
			     "lost to it",
			     xdp->first_queue + index, xdp->iface, umem->pool->name);

	if (index < port->conf.nb_rx_queues) {
		owners.rxq = port->rxqs[index];
		free_aside(&plx_xdp_rxq(port, index)->aside);
	}
	if (index < port->conf.nb_tx_queues) {
		owners.txq = port->txqs[index];
		free_aside(&plx_xdp_txq(port, index)->aside);
	}
	if (ret == 0)
		plx_mempool_walk(umem->pool, bring_home, &owners);
	if (!umem->socks)
		umem_destroy(umem);
}
