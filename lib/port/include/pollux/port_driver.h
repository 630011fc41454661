/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For who writes a driver. An application needs none of this.
 *
 * The port layer checks arguments and states before it calls a driver, holds its one lock meanwhile
 * (so calls of the control path never meet) and keeps what was configured. A driver may leave out
 * what it can't do. A call answers -ENOTSUP unless info.can says that the driver has it; an ability
 * without its call is a note that the port layer keeps and no more (promiscuous mode of a port that
 * receives all anyway), but for VLAN filter and RSS, which need theirs.
 *
 *	probe or pci_probe ->
 *		[configure -> queue setups -> start -> (bursts) -> stop -> releases]* -> remove
 *
 * A driver of software devices has probe(), one of PCI functions pci_ids and pci_probe(); one
 * driver may have both.
 *
 * Callbacks in the control thread (link, interrupts) must not call the control path of ports: they
 * use plx_port_link_set() and plx_port_event_raise(), which take no lock of the port layer. So a
 * driver may wait for its callbacks to end (plx_ctl_fd_del(), plx_netif_watch_del()) in any of its
 * calls, but never by plx_ctl_sync(): that waits for callbacks of the application too, which may
 * wait for the lock.
 *
 * A failure is logged once, by the driver, which knows the path and the device.
 *
 * The port layer makes the queues' structs: a driver says how large its own are (rxq_bytes) and
 * has what hangs on one (descriptors in a memzone, a socket, a map) made and undone by its setup
 * and release.
 */
#ifndef POLLUX_PORT_DRIVER_H
#define POLLUX_PORT_DRIVER_H

#include <pollux/devargs.h>
#include <pollux/log.h>
#include <pollux/pci.h>
#include <pollux/port.h>
#include <pollux/port_ctl.h>
#include <pollux/port_stats.h>

PLX_BEGIN_DECLS

struct plx_port;

/* A named counter of a driver: a uint64_t at an offset. A table of them ends with a NULL name. */
struct plx_port_counter {
	const char *name; /* "rx_truncated": of a queue it appears as "rx_q0_truncated" as well;
			   * 32 bytes at most behind the rx_ or tx_ */
	uint32_t offset;  /* in the driver's queue struct, or in the struct that priv points at */
	bool is_drop;
};

/*
 * First member of a driver's receive queue. The port layer fills all in before rxq_setup(), but for
 * `burst`, which is start()'s; the stats, and the counters of the driver's table, go on where the
 * queue of that number was when it was last released. The counters are its thread's:
 * plx_store_relaxed() on them, or plx_count() below; readers take no lock.
 */
struct plx_port_rxq {
	struct plx_port_rx_stats stats PLX_CACHE_ALIGNED;
	/* read-only while started */
	plx_port_burst_fn burst PLX_CACHE_ALIGNED; /* the driver's, by the end of start() */
	struct plx_mempool *pool;
	struct plx_port *port;
	uint16_t port_id; /* for plx_mbuf.port */
	uint16_t queue;
	uint32_t nb_desc;
	int node;
};

/* First member of a driver's transmit queue. */
struct plx_port_txq {
	struct plx_port_tx_stats stats PLX_CACHE_ALIGNED;
	plx_port_burst_fn burst PLX_CACHE_ALIGNED;
	struct plx_port *port;
	uint16_t port_id;
	uint16_t queue;
	uint32_t nb_desc;
	int node;
};

/* Add to a counter that this thread alone writes. Who wants the function of this name, how many
 * ports there are, and includes this header calls it as plx_port_count(). */
#define plx_count(counter, n) plx_store_relaxed((counter), *(counter) + (n))

/* NULL is legal but for start and stop. */
struct plx_port_ops {
	/* Fill in what the driver knows: limits, abilities, max_*, if_index. The rest (name, state,
	 * configured queues, node) is there already, and so are defaults: rings of [1, 32768], 512
	 * by default, one queue each way, bursts of 32, an MTU of [68, 1500], max_frame_bytes of
	 * MTU + 18, one MAC address. Called in any state. Never fails. */
	void (*info)(struct plx_port *port, struct plx_port_info *info);

	/* port->conf is new and within info. */
	int (*configure)(struct plx_port *port);
	/* Check what was asked for (the pool, nb_desc: none is zero any more) and make what hangs
	 * on the queue. Its struct is zero beyond the base and the counters of its table, and
	 * nobody else sees it yet. On failure nothing is left behind; the port layer frees the
	 * struct. */
	int (*rxq_setup)(struct plx_port *port, struct plx_port_rxq *rxq);
	int (*txq_setup)(struct plx_port *port, struct plx_port_txq *txq);
	/* Undo the setup; the port layer frees the struct after it. The port is stopped, and NULL
	 * in port->rxqs. What happens here is not counted any more. */
	void (*rxq_release)(struct plx_port *port, struct plx_port_rxq *rxq);
	void (*txq_release)(struct plx_port *port, struct plx_port_txq *txq);

	/* All queues are there: port->rxqs[0, nb), port->txqs[0, nb). Sets their burst. */
	int (*start)(struct plx_port *port);
	/* Nobody is in a burst any more. Packets in the queues go home, counted: see
	 * plx_port_stop(). */
	void (*stop)(struct plx_port *port);

	int (*mtu_set)(struct plx_port *port, uint32_t mtu);
	int (*mac_set)(struct plx_port *port, const struct ether_addr *mac);
	int (*mac_add)(struct plx_port *port, const struct ether_addr *mac);
	int (*mac_del)(struct plx_port *port, const struct ether_addr *mac);
	int (*promisc_set)(struct plx_port *port, bool on);
	int (*allmulti_set)(struct plx_port *port, bool on);
	int (*vlan_filter)(struct plx_port *port, unsigned vlan, bool on);
	/* The port is started, with conf.rx_intr; @queue is one of its. */
	int (*rxq_intr_fd)(struct plx_port *port, unsigned queue);
	int (*rxq_intr_arm)(struct plx_port *port, unsigned queue, bool on);
	int (*clock_read)(struct plx_port *port, uint64_t *ns);
	int (*clock_set)(struct plx_port *port, uint64_t ns);
	int (*clock_step)(struct plx_port *port, int64_t ns);
	int (*clock_rate)(struct plx_port *port, int32_t ppb);
	int (*rss)(struct plx_port *port, struct plx_port_rss *rss);
	int (*rss_set)(struct plx_port *port, const struct plx_port_rss *rss);

	/* Bring port->outside up to date: counters that something else keeps (the kernel, the
	 * card). May be called a thousand times a second. */
	void (*stats_update)(struct plx_port *port);
	/* Lines of the driver's own for plx_port_dump(). */
	void (*dump)(struct plx_port *port, FILE *out);
};

struct plx_port_driver {
	/* "net_pcap": its devices are net_pcap0, net_pcap1, ...; those of PCI are named by address,
	 * "0000:01:00.0" */
	const char *name;
	const struct plx_devargs_key *keys; /* ends with a NULL name */
	const struct plx_port_ops *ops;
	/* Of its queues' structs, which begin with plx_port_rxq and plx_port_txq; 0: they are no
	 * more than that. They are in plx_mem_alloc()'s memory, on the queue's node. */
	size_t rxq_bytes, txq_bytes;
	const struct plx_port_counter *rxq_counters; /* each may be NULL */
	const struct plx_port_counter *txq_counters;
	const struct plx_port_counter *port_counters; /* in *port->priv; written by anyone */

	/* Take hold of the device. Sets port->priv, mac, mtu, node, and the link by
	 * plx_port_link_set(). @args has only keys of the table; values are the driver's to check.
	 * On failure nothing is left behind. */
	int (*probe)(struct plx_port *port, const struct plx_devargs *args);
	/* The port is closed: queues are released. Undo probe. Clears port->priv before it closes
	 * or frees what hangs on it, but after callbacks that look there have ended. */
	void (*remove)(struct plx_port *port);
	/* In a child of fork() that calls plx_fini(): close the descriptors of the parent's port,
	 * which would keep alive what is to end with the parent (an interface, a program in the
	 * kernel). Nothing that the parent has may change: no shutdown, no flush, no unlock. Memory
	 * of the EAL, and so the queues' structs, is not there. The child has closed nothing and
	 * opened nothing before (see plx_fini()), so that numbers are what they were; but to put a
	 * descriptor in the place of another one takes a look whether it is still that one. Not
	 * called where priv is NULL. NULL: it has no descriptors. */
	void (*forked)(struct plx_port *port);

	const struct plx_pci_id *pci_ids; /* ends with a vendor of 0 */
	/* As probe(), for a function of pci_ids. port->pci is open, and stays so until after
	 * remove(); port->node is the function's. */
	int (*pci_probe)(struct plx_port *port, struct plx_pci_dev *dev,
			 const struct plx_devargs *args);
};

/* A port, as its driver sees it. */
struct plx_port {
	/* the port layer's; a driver reads them */
	unsigned id;
	enum plx_port_state state;
	char name[PLX_PORT_NAME_MAX];
	char owner[PLX_PORT_NAME_MAX];
	const struct plx_port_driver *driver;
	struct plx_port_conf conf; /* as configured; mtu resolved */
	bool promisc, allmulti;
	struct plx_port_rxq *rxqs[PLX_PORT_QUEUES_MAX]; /* NULL: not set up */
	struct plx_port_txq *txqs[PLX_PORT_QUEUES_MAX];
	struct plx_pci_dev *pci; /* NULL: a software device */

	/* the driver's */
	void *priv;
	int node;	       /* PLX_NODE_ANY when the device has none */
	uint32_t mtu;	       /* as it is now; atomic: also written in the control thread */
	struct ether_addr mac; /* the port layer changes it after a mac_set() */
	struct plx_port_stats outside; /* written in stats_update() only; never goes back */

	/* the port layer's alone */
	struct plx_port_private *inner;
};

/**
 * The drivers that there are, for plx_port_attach(). plx_init() gives it lib/pollux/drivers.c's
 * list; a program that starts the EAL itself, or brings a driver of its own, calls this.
 *
 * @drivers  ends with NULL; stays in use. NULL: none
 * Returns 0, -EBUSY (ports are attached), -EINVAL (a queue's struct is smaller than its base, or a
 *         counter not in it). In a child of fork() it forgets the parent's ports first, as
 *         plx_fini() does.
 */
PLX_API int plx_port_drivers_set(const struct plx_port_driver *const *drivers);

/** The list. Never NULL. */
PLX_API const struct plx_port_driver *const *plx_port_drivers(void);

/** The driver of the list that has a PCI function of this id in its table, or NULL. */
PLX_API const struct plx_port_driver *plx_port_pci_driver(const struct plx_pci_id *id);

/**
 * Make a port of a PCI function that is open already, by the driver that has its id. (By address,
 * plx_port_attach() opens it.)
 *
 * @args   "key=value,..."; "" or NULL: none
 * @port   out: its id; may be NULL
 *
 * Returns 0; then @dev is the port's, and closed when the port is detached.
 * Errors  as plx_port_attach(); then @dev is the caller's as before.
 */
PLX_API int plx_port_attach_pci(struct plx_pci_dev *dev, const char *args, unsigned *port);

/** Stop and detach all ports; plx_fini() does, before the EAL ends. */
PLX_API void plx_port_fini(void);

/**
 * An address for the device of a driver without one of its own: locally administered, the first
 * four of @letters (zeros for those that are missing), the number in the device's name; 65,536
 * devices have one each.
 */
PLX_API struct ether_addr plx_port_mac_made(const struct plx_port *port, const char *letters);

/** Make a new link state known; an event if it differs. Any thread, takes no lock of ports. */
PLX_API void plx_port_link_set(struct plx_port *port, const struct plx_port_link *link);

/** Have the event's callbacks called in the control thread, soon. Any thread, as above. */
PLX_API void plx_port_event_raise(struct plx_port *port, enum plx_port_event event);

/* The module of log lines about a port; they begin with the device's name. */
extern PLX_API struct plx_log_module plx_log_port;

#define plx_port_log(port, level, fmt, ...)                                                        \
	plx_log(&plx_log_port, level, "%s: " fmt, (port)->name, ##__VA_ARGS__)

PLX_END_DECLS

#endif
