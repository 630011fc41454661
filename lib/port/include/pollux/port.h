/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports: what packets come in by and go out by, one API for every driver.
 *
 *	attach -> configure -> queue setup -> start -> [rx_burst, tx_burst] -> stop -> detach
 *	            ^------------------------------------------------------------|
 *
 * The control path (all but the bursts) is for any thread: it takes the port layer's lock and may
 * sleep, so it is not for a loop that forwards. The data path is lock-free because each queue has
 * one owner: (port, queue, direction) is called by one thread at a time, and by none while the
 * port is stopped, closed or detached.
 *
 * A wrong argument of the control path is -ENODEV (no such port), -EINVAL (no such queue, value
 * out of range), -EBUSY (wrong state, or somebody else's), -ENOTSUP (this driver can't; see
 * plx_port_info.can and its limits, which say so beforehand); one line is logged.
 *
 * This header: a port's life and its packets. <pollux/port_ctl.h>: link, addresses, filters, MTU,
 * RSS, events. <pollux/port_stats.h>: counters. <pollux/port_driver.h>: for who writes a driver.
 */
#ifndef POLLUX_PORT_H
#define POLLUX_PORT_H

#include <net/ethernet.h>
#include <pollux/atomic.h>
#include <pollux/busy.h>
#include <pollux/compiler.h>
#include <pollux/mbuf.h>
#include <pollux/mem.h>
#include <stdio.h>

PLX_BEGIN_DECLS

enum {
	PLX_PORT_MAX = 32,	  /* port ids are [0, PLX_PORT_MAX) */
	PLX_PORT_QUEUES_MAX = 64, /* of one port, each way */
	PLX_PORT_NAME_MAX = 64,	  /* bytes, with the ending zero */
	PLX_PORT_TAG_BYTES = 4,	  /* of a VLAN tag */
	PLX_PORT_RSS_KEY_MAX = 52,
	PLX_PORT_RETA_MAX = 512, /* entries of the redirection table; a power of two */
	PLX_BURST_MAX = 512,	 /* packets in one call */
};

/* Not a port. */
#define PLX_PORT_NONE ((unsigned)PLX_MBUF_PORT_NONE)

/* ---- What a port can do, and what is asked of it ---- */

enum plx_port_rx_offload {
	PLX_PORT_RX_VLAN_STRIP = 1 << 0,
	PLX_PORT_RX_VLAN_FILTER = 1 << 1,
	PLX_PORT_RX_IP_CSUM = 1 << 2,
	PLX_PORT_RX_TCP_CSUM = 1 << 3,
	PLX_PORT_RX_UDP_CSUM = 1 << 4,
	PLX_PORT_RX_SCTP_CSUM = 1 << 5,
	PLX_PORT_RX_SCATTER = 1 << 6,	/* a frame may come as a chain of mbufs */
	PLX_PORT_RX_RSS_HASH = 1 << 7,	/* the hash into the mbuf */
	PLX_PORT_RX_TIMESTAMP = 1 << 8, /* receive time into the mbuf */
};

enum plx_port_tx_offload {
	PLX_PORT_TX_VLAN_INSERT = 1 << 0,
	PLX_PORT_TX_IP_CSUM = 1 << 1,
	PLX_PORT_TX_TCP_CSUM = 1 << 2,
	PLX_PORT_TX_UDP_CSUM = 1 << 3,
	PLX_PORT_TX_SCTP_CSUM = 1 << 4,
	PLX_PORT_TX_TSO = 1 << 5,
	PLX_PORT_TX_MULTI_SEGS = 1 << 6, /* chained mbufs */
};

/* Headers that RSS hashes. */
enum plx_port_rss_type {
	PLX_PORT_RSS_IPV4 = 1 << 0,
	PLX_PORT_RSS_IPV4_TCP = 1 << 1,
	PLX_PORT_RSS_IPV4_UDP = 1 << 2,
	PLX_PORT_RSS_IPV6 = 1 << 3,
	PLX_PORT_RSS_IPV6_TCP = 1 << 4,
	PLX_PORT_RSS_IPV6_UDP = 1 << 5,
};

/* Calls of the control path that the driver has; the others answer -ENOTSUP. */
enum plx_port_can {
	PLX_PORT_CAN_PROMISC = 1 << 0,
	PLX_PORT_CAN_ALLMULTI = 1 << 1,
	PLX_PORT_CAN_MAC_SET = 1 << 2,
	PLX_PORT_CAN_MAC_ADD = 1 << 3,
	PLX_PORT_CAN_MTU_SET = 1 << 4,
	PLX_PORT_CAN_VLAN_FILTER = 1 << 5,
	PLX_PORT_CAN_RSS = 1 << 6,
	PLX_PORT_CAN_LINK = 1 << 7,    /* tells link changes; else the link is up while started */
	PLX_PORT_CAN_CLOCK = 1 << 8,   /* has a clock of its own: plx_port_clock_read() */
	PLX_PORT_CAN_RX_INTR = 1 << 9, /* can wake who sleeps: conf.rx_intr */
};

enum plx_port_state {
	PLX_PORT_ATTACHED,   /* has its id, nothing configured */
	PLX_PORT_CONFIGURED, /* queues may be set up; also after a stop */
	PLX_PORT_STARTED,
};

struct plx_port_limits {
	uint32_t min, max, step; /* step: a multiple of this; a power of two */
};

/** What a port is and can do; see plx_port_info(). */
struct plx_port_info {
	char name[PLX_PORT_NAME_MAX]; /* of the device: "net_pcap0" */
	const char *driver;	      /* "net_pcap" */
	enum plx_port_state state;
	unsigned nb_rx_queues, nb_tx_queues; /* configured */
	unsigned if_index;		     /* the kernel's interface; 0: none */
	int node;			     /* NUMA node, or PLX_NODE_ANY */

	uint32_t can;		/* enum plx_port_can */
	uint32_t rx_offloads;	/* enum plx_port_rx_offload */
	uint32_t tx_offloads;	/* enum plx_port_tx_offload */
	unsigned max_rx_queues; /* [1, PLX_PORT_QUEUES_MAX] */
	unsigned max_tx_queues;
	struct plx_port_limits rx_ring, tx_ring; /* descriptors of a queue */
	uint32_t rx_ring_default, tx_ring_default;
	uint32_t burst_default;	   /* packets in a burst that suits the driver */
	uint32_t min_mtu, max_mtu; /* payload bytes of a frame, what plx_port_mtu_set() takes */
	uint32_t max_frame_bytes;  /* with Ethernet header and one VLAN tag, without FCS, at the
				    * present MTU and pools; larger ones are counted as
				    * rx_errors, tx_errors. Interfaces of the kernel allow the
				    * tag's 4 bytes to frames that have a tag only */
	unsigned max_macs;	   /* addresses of its own, the first included */
	uint32_t rss_types;	   /* enum plx_port_rss_type */
	unsigned rss_key_bytes;	   /* 0: no RSS */
	unsigned reta_size;	   /* entries; 0: no RSS */
};

/** Receive-side scaling: which queue a flow goes to. */
struct plx_port_rss {
	uint32_t types;	    /* enum plx_port_rss_type; 0: no RSS */
	unsigned key_bytes; /* 0: the driver's own key */
	uint8_t key[PLX_PORT_RSS_KEY_MAX];
	unsigned reta_size;		 /* 0: spread over all queues in turns */
	uint8_t reta[PLX_PORT_RETA_MAX]; /* queue of each entry */
};

/** What plx_port_configure() takes; all zero is not legal: one queue at least. */
struct plx_port_conf {
	unsigned nb_rx_queues; /* [0, max_rx_queues]; 0 with at least one of the other way */
	unsigned nb_tx_queues; /* [0, max_tx_queues] */
	uint32_t mtu;	       /* [min_mtu, max_mtu]; 0: leave it as it is */
	uint32_t rx_offloads;  /* a part of info.rx_offloads */
	uint32_t tx_offloads;  /* a part of info.tx_offloads */
	bool promisc;	       /* true: as plx_port_promisc_set(); false: leave it as it is */
	bool allmulti;
	bool rx_intr;		 /* receive queues can wake a sleeper: plx_port_rxq_intr_arm() */
	struct plx_port_rss rss; /* types 0: none */
};

/** A receive queue; zero but for the pool is the default, on NUMA node 0. */
struct plx_port_rxq_conf {
	struct plx_mempool *pool; /* packets are taken from it; a plx_mbuf_pool */
	uint32_t nb_desc;	  /* info.rx_ring; 0: info.rx_ring_default */
	int node;		  /* for the ring's memory; PLX_NODE_ANY: the port's */
};

/** A transmit queue; zero is the default, on NUMA node 0. */
struct plx_port_txq_conf {
	uint32_t nb_desc; /* info.tx_ring; 0: info.tx_ring_default */
	int node;
};

/* ---- Which ports there are: control path ---- */

/**
 * Make a port of a device string, as --vdev and -a do.
 *
 * @device  "net_pcap0,iface=eth0": the driver's name and a number, then its keys; each driver's
 *          keys are in doc/guide.md. "0000:01:00.0" or "01:00.0": the PCI function, then the keys;
 *          the port is named by the full address
 * @port    out: its id, the lowest that is free; may be NULL
 *
 * Returns 0, -EINVAL (unknown driver or key, bad value; one line names it and what is allowed),
 *         -EEXIST (a device of that name is attached), -ENOSPC (PLX_PORT_MAX ports), -ENODEV (the
 *         EAL does not run, or the thing itself is not there), -ENOMEM, or what a system call said.
 *         A PCI function also as plx_pci_open(): -EBUSY (another process has it, or this one
 *         without a port of it; its IOMMU group is not viable), -EACCES (who may open the group),
 *         -EPERM (unsafe without --allow-unsafe-dma), -ERANGE (memory outside of the IOMMU's
 *         ranges).
 * Owner   the caller, until plx_port_detach(); plx_fini() detaches what is left.
 */
PLX_API PLX_MUST_CHECK int plx_port_attach(const char *device, unsigned *port);

/**
 * Close a port and take its device away; what the driver made (interfaces, files, programs in the
 * kernel) is removed. The id is free again. Callbacks for its events do not run when this returns,
 * but for one that calls this; so the caller must hold no lock that they take.
 *
 * Returns 0, -ENODEV, -EBUSY (it is started: stop it first).
 */
PLX_API int plx_port_detach(unsigned port);

/** Ports attached. Ids need not be without gaps: see PLX_PORT_FOREACH(). Any thread. */
PLX_API unsigned plx_port_count(void);

/** True when @port is attached. Any thread. */
PLX_API bool plx_port_is_valid(unsigned port);

/**
 * The next attached port after @port (PLX_PORT_NONE for the first), of one driver or owner.
 *
 * @driver  "net_ring", or NULL for any
 * @owner   as given to plx_port_own(); "" for ports that nobody owns; NULL for any
 *
 * Returns an id, PLX_PORT_NONE after the last.
 */
PLX_API unsigned plx_port_next(unsigned port, const char *driver, const char *owner);

/* Loop over the ports, ascending; `port` is an unsigned of the caller. */
#define PLX_PORT_FOREACH(port)                                                                     \
	for ((port) = plx_port_next(PLX_PORT_NONE, NULL, NULL); (port) != PLX_PORT_NONE;           \
	     (port) = plx_port_next((port), NULL, NULL))

/** The port of a device's name ("net_pcap0"). Returns 0 with *@port set, -ENODEV (no line). */
PLX_API int plx_port_by_name(const char *name, unsigned *port);

/**
 * Tell that a port belongs to a part of the program, so that others leave it alone: they find it
 * only when they ask for that owner, or for any.
 *
 * @owner  1..PLX_PORT_NAME_MAX-1 bytes; copied
 * Returns 0, -ENODEV, -EINVAL, -EBUSY (it has an owner).
 */
PLX_API int plx_port_own(unsigned port, const char *owner);

/** Give it up. Returns 0, -ENODEV, -EINVAL (no name), -EBUSY (another's). */
PLX_API int plx_port_disown(unsigned port, const char *owner);

/** Describe a port. @info: out. Returns 0, -ENODEV, -EINVAL. */
PLX_API int plx_port_info(unsigned port, struct plx_port_info *info);

/** The NUMA node of a port; PLX_NODE_ANY when it has none, or there is no such port. No line. */
PLX_API int plx_port_node(unsigned port);

/** Write all that is known of a port, for a human. Returns 0, -ENODEV, -EINVAL, -ENOMEM. */
PLX_API int plx_port_dump(unsigned port, FILE *out);

/* ---- Life: control path ---- */

/**
 * Say how many queues a port has and what it shall do. Queues set up before are released.
 *
 * @conf   see there; copied
 * Returns 0, -ENODEV, -EINVAL (a value out of range), -ENOTSUP (an offload or RSS that info does
 *         not offer), -EBUSY (it is started), or the driver's reason.
 */
PLX_API PLX_MUST_CHECK int plx_port_configure(unsigned port, const struct plx_port_conf *conf);

/**
 * Make a receive queue, or make it anew. What was asked for is checked first; from then on the old
 * queue is gone, also when the new one can't be made.
 *
 * @queue  [0, nb_rx_queues of the configuration)
 * @conf   its pool has to outlive the queue; on a port with PLX_PORT_RX_SCATTER off the data room
 *         has to hold a whole frame of the MTU
 * Returns 0, -ENODEV, -EINVAL, -EBUSY (not configured, or started), -ENOMEM, or the driver's
 *         reason.
 */
PLX_API PLX_MUST_CHECK int plx_port_rxq_setup(unsigned port, unsigned queue,
					      const struct plx_port_rxq_conf *conf);

/** As plx_port_rxq_setup(), for sending. @conf may be NULL: all default. */
PLX_API PLX_MUST_CHECK int plx_port_txq_setup(unsigned port, unsigned queue,
					      const struct plx_port_txq_conf *conf);

/**
 * Configure and set up all queues alike, with default sizes: what most programs want.
 *
 * @nb_rx_queues, @nb_tx_queues  as in plx_port_conf
 * @pool                         for all receive queues
 * Returns as the calls that it stands for.
 */
PLX_API PLX_MUST_CHECK int plx_port_setup(unsigned port, unsigned nb_rx_queues,
					  unsigned nb_tx_queues, struct plx_mempool *pool);

/**
 * Start: from the return on packets come in and may be sent. The link may come up later: see
 * plx_port_link_wait().
 *
 * Returns 0, -ENODEV (also when the device is gone for good), -EBUSY (not configured, a queue is
 *         not set up, or it is started), or the driver's reason.
 * Order   what the caller wrote before is seen by a thread that it tells to poll after this.
 */
PLX_API PLX_MUST_CHECK int plx_port_start(unsigned port);

/**
 * Stop: nothing comes in, nothing goes out. Packets that wait in the queues, both ways, go home to
 * their pools; those never sent count as tx_dropped, those received and never taken as rx_missed.
 * Counters stay. No thread is in a burst of this port when this is called, or calls one after.
 *
 * Returns 0 (also when it is stopped already), -ENODEV.
 */
PLX_API int plx_port_stop(unsigned port);

/** Stop, release all queues, forget the configuration; it stays attached. Returns as stop. */
PLX_API int plx_port_close(unsigned port);

/* ---- The data path ---- */

typedef uint32_t (*plx_port_burst_fn)(void *queue, struct plx_mbuf **pkts, uint32_t nb);

/* One direction of one queue: what to call, and with what. Points at a call that does nothing
 * while the port is not started. Atomic: see plx_port_path_burst_(). */
struct plx_port_path {
	plx_port_burst_fn burst;
	void *queue; /* struct plx_port_rxq or plx_port_txq */
};

/* Written by the port layer at start and stop. */
extern PLX_API struct plx_port_path plx_port_rx_paths[PLX_PORT_MAX][PLX_PORT_QUEUES_MAX];
extern PLX_API struct plx_port_path plx_port_tx_paths[PLX_PORT_MAX][PLX_PORT_QUEUES_MAX];

/* Acquire: pairs with the release in open_path() (port_path.c): who sees the queue's call sees the
 * queue, too, and what start() made of it; a poll that comes before finds the call that does
 * nothing. */
PLX_INLINE uint32_t plx_port_path_burst_(const struct plx_port_path *path, struct plx_mbuf **pkts,
					 uint32_t nb)
{
	plx_port_burst_fn burst = plx_load_acquire(&path->burst);

	return burst(plx_load_relaxed(&path->queue), pkts, nb);
}

/* PLX_CHECK builds: false after one limited log line. The second looks at each packet. */
PLX_API bool plx_port_check_rx_(unsigned port, unsigned queue, struct plx_mbuf **pkts, uint32_t nb);
PLX_API bool plx_port_check_tx_(unsigned port, unsigned queue, struct plx_mbuf **pkts, uint32_t nb);

/* Count packets that the caller gives up since the queue took no more, and free them. */
PLX_API PLX_COLD void plx_port_tx_give_up_(unsigned port, unsigned queue, struct plx_mbuf **pkts,
					   uint32_t nb);

/**
 * Take up to @nb received packets from one queue. Never blocks.
 *
 * @port   a started port (of one that is not: returns 0)
 * @queue  receive queue                  [0, nb_rx_queues of the port)
 * @pkts   out: room for @nb pointers; entries [0, ret) are written
 * @nb     packets wanted                 [1, PLX_BURST_MAX]
 *
 * Returns 0..@nb. Fewer than @nb: there are no more at the moment, or the pool is empty (rx_nombuf
 *         grew; the packets wait in the queue).
 * Owner   the caller owns pkts[0, ret).
 * Units   data_len in bytes, without FCS.
 * Thread  only the one bound to (port, queue); takes no lock.
 */
PLX_INLINE uint32_t plx_port_rx_burst(unsigned port, unsigned queue, struct plx_mbuf **pkts,
				      uint32_t nb)
{
#if PLX_CHECK
	if (!plx_port_check_rx_(port, queue, pkts, nb))
		return 0;
#endif
	nb = plx_port_path_burst_(&plx_port_rx_paths[port][queue], pkts, nb);
	plx_busy_note(nb > 0);
#if PLX_CHECK
	for (uint32_t i = 0; i < nb; i++)
		plx_mbuf_pass(pkts[i]);
#endif
	return nb;
}

/**
 * Send packets. Never blocks.
 *
 * @port   a started port (of one that is not: returns 0)
 * @queue  transmit queue                 [0, nb_tx_queues of the port)
 * @pkts   @nb packets; chains only with PLX_PORT_TX_MULTI_SEGS, otherwise the driver counts them as
 *         tx_errors
 * @nb     packets                        [1, PLX_BURST_MAX]
 *
 * Returns 0..@nb: how many the queue took, from the front. Fewer than @nb: it is full.
 * Owner   the port has pkts[0, ret): they are sent, or counted as tx_errors, and go home at some
 *         time after; the caller keeps pkts[ret, nb).
 * Units   data_len in bytes, without FCS; shorter ones than 60 are padded by hardware only.
 * Thread  only the one bound to (port, queue); takes no lock.
 */
PLX_INLINE uint32_t plx_port_tx_burst(unsigned port, unsigned queue, struct plx_mbuf **pkts,
				      uint32_t nb)
{
#if PLX_CHECK
	if (!plx_port_check_tx_(port, queue, pkts, nb))
		return 0;
	for (uint32_t i = 0; i < nb; i++)
		plx_mbuf_pass(pkts[i]);
#endif
	return plx_port_path_burst_(&plx_port_tx_paths[port][queue], pkts, nb);
}

/**
 * Send packets; free those that the queue does not take, and count them as its tx_dropped.
 *
 * Returns how many it took.
 * Owner   the port has all.
 * Thread  as plx_port_tx_burst().
 */
PLX_INLINE uint32_t plx_port_tx_or_drop(unsigned port, unsigned queue, struct plx_mbuf **pkts,
					uint32_t nb)
{
	uint32_t sent = plx_port_tx_burst(port, queue, pkts, nb);

#if PLX_CHECK
	if (!pkts) /* refused, and there are no packets */
		return sent;
#endif
	if (plx_unlikely(sent < nb))
		plx_port_tx_give_up_(port, queue, &pkts[sent], nb - sent);
	return sent;
}

/* ---- Tx buffering: collect packets one by one, send them by the burst ---- */

/** What to do with packets that the queue does not take; owns them. */
typedef void (*plx_port_unsent_fn)(struct plx_mbuf **pkts, uint32_t nb, void *arg);

/* Room for one burst to one queue; its thread's own. */
struct plx_port_tx_buffer {
	uint32_t nb;		   /* packets in it */
	uint32_t size;		   /* flushed when it holds so many   [1, PLX_BURST_MAX] */
	plx_port_unsent_fn unsent; /* NULL: free them, count them as tx_dropped */
	void *arg;
	struct plx_mbuf **pkts;
};

/**
 * Make a tx buffer.
 *
 * @pkts    room for @size pointers, the caller's
 * @size    [1, PLX_BURST_MAX]
 * @unsent  may be NULL: see there
 * Returns 0, -EINVAL.
 */
PLX_API int plx_port_tx_buffer_init(struct plx_port_tx_buffer *buffer, struct plx_mbuf **pkts,
				    uint32_t size, plx_port_unsent_fn unsent, void *arg);

/**
 * Send what the buffer holds. It is empty after that.
 *
 * Returns how many packets the queue took.
 * Thread  the one bound to (port, queue).
 */
PLX_INLINE uint32_t plx_port_tx_flush(unsigned port, unsigned queue,
				      struct plx_port_tx_buffer *buffer)
{
	uint32_t nb = buffer->nb, sent;

	if (nb == 0)
		return 0;
	buffer->nb = 0;
	sent = plx_port_tx_burst(port, queue, buffer->pkts, nb);
	if (plx_likely(sent == nb))
		return sent;
	if (buffer->unsent)
		buffer->unsent(&buffer->pkts[sent], nb - sent, buffer->arg);
	else
		plx_port_tx_give_up_(port, queue, &buffer->pkts[sent], nb - sent);
	return sent;
}

/**
 * Add a packet; the burst goes out when the buffer is full.
 *
 * Returns how many packets the queue took in this call, 0 usually.
 * Owner   the buffer.
 * Thread  the one bound to (port, queue).
 */
PLX_INLINE uint32_t plx_port_tx_buffer(unsigned port, unsigned queue,
				       struct plx_port_tx_buffer *buffer, struct plx_mbuf *pkt)
{
	buffer->pkts[buffer->nb++] = pkt;
	return buffer->nb < buffer->size ? 0 : plx_port_tx_flush(port, queue, buffer);
}

PLX_END_DECLS

#endif
