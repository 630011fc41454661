/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of net_tap share.
 *
 * A descriptor is one queue of the interface. The first is there from probe to remove and keeps the
 * interface alive; start opens one for each further receive queue. Transmit queues share them: the
 * kernel spreads what it sends over all descriptors, so none may be there that nobody reads.
 */
#ifndef TAP_PRIVATE_H
#define TAP_PRIVATE_H

#include <net/if.h>
#include <pollux/netif.h>
#include <pollux/port_driver.h>
#include <sys/uio.h>

enum {
	TAP_QUEUES_MAX = 16,
	TAP_MTU_MIN = 68,
	TAP_MTU_MAX = 65521, /* the kernel's */
	TAP_TAG_BYTES = 4,   /* a frame with a VLAN tag may be longer by this */
};

/* plx_port.priv */
struct tap_port {
	char iface[IF_NAMESIZE];
	unsigned if_index;
	bool persist;
	unsigned nb_fds;
	int fds[TAP_QUEUES_MAX];
	struct plx_netif_watch *watch;
	uint32_t started; /* atomic */
	uint32_t moved;	  /* atomic: it is in another network namespace, where nobody watches it */
	uint64_t kernel_drops; /* before the port was made */
	uint64_t missed;       /* frames thrown away when there was no queue to count them */
};

struct tap_rxq {
	struct plx_port_rxq base;
	int fd PLX_CACHE_ALIGNED;
	uint32_t frame_max; /* atomic: the MTU may change at any time; a tag not counted */
	uint32_t nb_segs;   /* atomic: mbufs that the largest frame takes */
	uint32_t room;	    /* bytes of data in an mbuf */
	unsigned nb_spare;  /* the queue's: spare[0, nb_spare) wait for the next frame */
	uint64_t too_long;  /* the queue's */
	struct plx_mbuf *spare[PLX_MBUF_SEGS_MAX];
	struct iovec iov[PLX_MBUF_SEGS_MAX + 1]; /* where spare[i] is filled */
	uint8_t beyond;				 /* filled by a frame that does not fit */
};

struct tap_txq {
	struct plx_port_txq base;
	int fd PLX_CACHE_ALIGNED;
	uint32_t frame_max; /* atomic */
	bool multi_segs;
	uint64_t too_long; /* the queue's */
	uint64_t chained;  /* the queue's */
	uint64_t refused;  /* the queue's */
};

/* ---- tap_burst.c ---- */

uint32_t plx_net_tap_rx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb);
uint32_t plx_net_tap_tx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb);

/* Throw away what waits in the kernel. Returns how many frames. */
uint64_t plx_net_tap_drain(int fd);

/* ---- tap_kernel.c: what is done with the kernel's interface; a failure is logged ---- */

/* Make the interface @tap->iface ("dtap%d": the kernel picks the number), or with persist take one
 * that is there; it goes with the descriptors. Sets iface, if_index and the first descriptor. */
int plx_net_tap_create(struct plx_port *port, struct tap_port *tap);

/* Find the interface's name, which may have been changed. -ENODEV: it is gone. */
int plx_net_tap_find(struct plx_port *port, struct tap_port *tap);

/* Whether it is the interface of this name. */
bool plx_net_tap_is(const struct tap_port *tap, const char *name);

/* Close all descriptors; the interface goes with the last unless it is persistent. */
void plx_net_tap_close(struct tap_port *tap);

/* Have @nb descriptors. */
int plx_net_tap_resize(struct plx_port *port, struct tap_port *tap, unsigned nb);

/* The kernel's end of the cable. */
int plx_net_tap_carrier(struct plx_port *port, const struct tap_port *tap, bool on);

/* How many frames wait for each descriptor. Root of a user namespace may not say: then it stays. */
void plx_net_tap_queue_len(struct plx_port *port, const struct tap_port *tap, uint32_t frames);

/* IFF_PROMISC, IFF_ALLMULTI. */
int plx_net_tap_flag(struct plx_port *port, struct tap_port *tap, unsigned flag, bool on);

/* Let the interface outlive the descriptors. */
int plx_net_tap_keep(struct plx_port *port, const struct tap_port *tap);

/* False: it was deleted. (True also when it went to another network namespace.) */
bool plx_net_tap_alive(const struct tap_port *tap);

#endif
