/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of net_af_xdp share.
 *
 * An mbuf is a chunk of the UMEM: the kernel gets its address for the place of the descriptor
 * (struct plx_mbuf) and keeps off that and the private area by the UMEM's headroom:
 *
 *	| plx_mbuf, private area | 256 bytes of the kernel's | frame            |
 *	^ chunk                  ^ buf_addr                  ^ buf_addr + data_off
 *
 * While the kernel has an mbuf its `next` points at the queue that gave it: nothing else does, so
 * after the socket's end all that the kernel still had are found by a walk over the pool, whatever
 * order it used them in.
 */
#ifndef XDP_PRIVATE_H
#define XDP_PRIVATE_H

#include <pollux/log.h>
#include <pollux/mbuf_data.h>
#include <pollux/mem.h>
#include <pollux/netif.h>
#include <pollux/port_driver.h>
#include <xdp/xsk.h>

enum {
	PLX_XDP_HEADROOM = 256, /* XDP_PACKET_HEADROOM of the kernel */
	PLX_XDP_CHUNK_MIN = 2048,
	PLX_XDP_BULK = 64, /* mbufs that go home, or come, at a time */
	PLX_XDP_MACS = 64,
};

/* Ways into the interface, best last. */
enum plx_xdp_mode { PLX_XDP_AUTO, PLX_XDP_SKB, PLX_XDP_NATIVE, PLX_XDP_ZEROCOPY };

/* Memory that the kernel knows: that of a pool. It lives as long as a socket on it. */
struct plx_xdp_umem {
	struct plx_xdp_umem *next;
	struct plx_mempool *pool;
	bool zero_copy;
	char *area;
	size_t bytes;
	uint32_t chunk_bytes;
	uint32_t headroom; /* from the chunk to buf_addr */
	struct plx_xdp_sock *socks;
};

/* A piece of memory shared with the kernel. */
struct plx_xdp_map {
	void *addr;
	size_t bytes;
};

enum { PLX_XDP_MAP_RX, PLX_XDP_MAP_TX, PLX_XDP_MAP_FILL, PLX_XDP_MAP_COMP, PLX_XDP_MAPS };

/* One queue of the interface, both ways. */
struct plx_xdp_sock {
	struct plx_xdp_sock *next; /* on the same UMEM */
	struct plx_xdp_umem *umem; /* NULL: not open */
	int fd;
	bool is_native; /* program of the driver's; zero-copy may be tried */
	struct plx_xdp_map maps[PLX_XDP_MAPS];
	struct xsk_ring_prod spare_fill; /* of a socket that does not receive */
	struct xsk_ring_cons spare_comp; /* of one that does not send */
};

struct plx_xdp_rxq {
	struct plx_port_rxq base;
	struct xsk_ring_cons rx;
	struct xsk_ring_prod fill;
	char *area;
	uint32_t headroom;
	uint32_t lacking; /* mbufs that the kernel has less than nb_desc */
	int fd;
	bool busy_poll;
	uint64_t page_bytes;	/* zero-copy: no chunk may lie across this; 0: no matter */
	struct plx_mbuf *aside; /* those that do, by `next` */
	/* written by stats_update(), under the port layer's lock */
	uint64_t dropped, ring_full, fill_empty, fill_invalid;
	struct xdp_statistics before; /* what these were when the socket was opened */
};

struct plx_xdp_txq {
	struct plx_port_txq base;
	struct xsk_ring_prod tx;
	struct xsk_ring_cons comp;
	char *area;
	struct plx_mempool *pool; /* that of the UMEM */
	uint32_t home_word;
	uint32_t max_frame;   /* bytes; changes with the MTU, as the next */
	uint32_t max_tagged;  /* of a frame with a VLAN tag */
	uint32_t outstanding; /* given to the kernel and not back yet */
	uint32_t counted;     /* place in `tx` up to which packets are in the counters */
	uint32_t taken;	      /* place in `tx` up to which the kernel took them */
	int fd;
	bool zero_copy;
	bool multi_segs;
	uint64_t page_bytes;	/* as in plx_xdp_rxq */
	struct plx_mbuf *aside; /* met when a copy was made */
	uint64_t copied, nombuf;
	/* as in plx_xdp_rxq */
	uint64_t invalid;
	struct xdp_statistics before;
};

struct plx_xdp_port {
	char iface[IF_NAMESIZE];
	unsigned if_index;
	uint32_t if_max_mtu;
	unsigned first_queue;		     /* of the interface */
	unsigned nb_rx_queues, nb_tx_queues; /* that this port may use */
	enum plx_xdp_mode mode;		     /* asked for */
	bool force_copy;
	uint32_t busy_budget; /* 0: no busy polling */
	char *prog_path;      /* NULL: the built-in one */

	bool is_native;
	int map_fd, prog_fd, link_fd;
	struct bpf_object *object; /* of prog_path */
	int members_fd;		   /* a packet socket that keeps addresses and modes */
	struct plx_netif_watch *watch;
	uint32_t old_mtu;
	struct ether_addr old_mac;
	struct plx_mempool *tx_pool; /* while a port that only sends is started */
	uint64_t missed_before;	     /* by sockets that are closed */
	struct plx_xdp_sock socks[PLX_PORT_QUEUES_MAX];
};

static inline struct plx_xdp_rxq *plx_xdp_rxq(const struct plx_port *port, unsigned queue)
{
	return (struct plx_xdp_rxq *)(void *)port->rxqs[queue];
}

static inline struct plx_xdp_txq *plx_xdp_txq(const struct plx_port *port, unsigned queue)
{
	return (struct plx_xdp_txq *)(void *)port->txqs[queue];
}

/* True when bytes [@addr, @addr + @len) do not lie in one page. @page_bytes: a power of two */
static inline bool plx_xdp_crosses(uint64_t page_bytes, const void *addr, uint64_t len)
{
	return ((uintptr_t)addr & (page_bytes - 1)) + len > page_bytes;
}

/* ---- xdp.c ---- */

/* Tell the tx queues how long a frame may be. */
void plx_xdp_frames_limit(struct plx_port *port);

/* ---- xdp_sock.c ---- */

/* The longest frame that an mbuf of @pool can take from the kernel; 0: the pool does not do. */
uint32_t plx_xdp_pool_frame(const struct plx_mempool *pool);

/* ---- xdp_prog.c: the program in the interface ---- */

/* Load and attach by a link, which ends with this process. Logs. */
int plx_xdp_prog_attach(struct plx_port *port);
void plx_xdp_prog_detach(struct plx_port *port);
/* Only close its files: it stays if somebody else has them. */
void plx_xdp_prog_close(struct plx_xdp_port *xdp);
/* Packets of a queue (of the interface) go to the socket from now on; without: to the kernel. */
int plx_xdp_prog_steer(struct plx_port *port, unsigned queue, int fd);
void plx_xdp_prog_unsteer(struct plx_port *port, unsigned queue);

/* ---- xdp_netif.c: link, addresses, modes, MTU ---- */

/* Set nb_rx_queues and nb_tx_queues: what it has now, which may be fewer than were made. */
void plx_xdp_netif_queues(struct plx_xdp_port *xdp, const struct plx_netif_info *netif);
int plx_xdp_netif_open(struct plx_port *port);
void plx_xdp_netif_close(struct plx_port *port);
int plx_xdp_netif_up(struct plx_port *port);
int plx_xdp_mtu_set(struct plx_port *port, uint32_t mtu);
int plx_xdp_mac_set(struct plx_port *port, const struct ether_addr *mac);
int plx_xdp_mac_add(struct plx_port *port, const struct ether_addr *mac);
int plx_xdp_mac_del(struct plx_port *port, const struct ether_addr *mac);
int plx_xdp_promisc_set(struct plx_port *port, bool on);
int plx_xdp_allmulti_set(struct plx_port *port, bool on);

/* Make the socket of queue @index of the port, bound, with no mbuf in it. Logs. */
int plx_xdp_sock_open(struct plx_port *port, unsigned index);
/* The kernel lets go of all memory, then mbufs it had go home. What steers to it is gone. */
void plx_xdp_sock_close(struct plx_port *port, unsigned index);
/* Let go of an open socket and its rings, and of nothing else. */
void plx_xdp_sock_forget(struct plx_xdp_sock *sock);
/* Counts of the kernel since the socket was opened. */
void plx_xdp_sock_stats(const struct plx_xdp_sock *sock, struct xdp_statistics *stats);

/* ---- xdp_rx.c, xdp_tx.c ---- */

uint32_t plx_xdp_rx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb);
/* Give the kernel the mbufs it lacks, as many as the pool has. */
void plx_xdp_rx_fill(struct plx_xdp_rxq *rxq);
uint32_t plx_xdp_tx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb);
/* Have the kernel send what waits, and take back what it has sent, for a bounded time. */
void plx_xdp_tx_drain(struct plx_xdp_txq *txq);

#endif
