/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports, continued: link, addresses, filters, MTU, RSS, events. All of it is control path: any
 * thread, takes the port layer's lock, may sleep. What each call returns for a wrong argument is
 * said in <pollux/port.h>; -ENOTSUP: info.can lacks it.
 *
 * Addresses, filters and modes may be set in each state from attached on and last until the port is
 * detached.
 */
#ifndef POLLUX_PORT_CTL_H
#define POLLUX_PORT_CTL_H

#include <pollux/port.h>

PLX_BEGIN_DECLS

/* ---- Link ---- */

struct plx_port_link {
	uint32_t speed_mbps; /* 0: not known, or down */
	bool up;
	bool full_duplex;
	bool autoneg;
};

/** The link as it is known now; asks nobody, takes no lock. Returns 0, -ENODEV, -EINVAL. */
PLX_API int plx_port_link(unsigned port, struct plx_port_link *link);

/**
 * Sleep until the link is up.
 *
 * @timeout_ms  0: look only
 * @link        out, also on -ETIMEDOUT; may be NULL
 * Returns 0, -ETIMEDOUT, -ENODEV (also when it is detached meanwhile), -EBUSY (not started),
 *         -EINTR (plx_stop_request() meanwhile).
 */
PLX_API int plx_port_link_wait(unsigned port, unsigned timeout_ms, struct plx_port_link *link);

/* ---- Events ---- */

enum plx_port_event {
	PLX_PORT_EVENT_LINK,	/* up, down or another speed: see plx_port_link() */
	PLX_PORT_EVENT_REMOVED, /* the device is gone for good; detach the port */
	PLX_PORT_EVENT_ERROR,	/* the device is in an error and does nothing till the next start */
};

/** Runs in the control thread; may use all of the control path. */
typedef void (*plx_port_event_fn)(unsigned port, enum plx_port_event event, void *arg);

/**
 * Call @fn for each event of a port. Two events of a kind in quick succession may be told as one;
 * what plx_port_link() says in the callback is the newest state.
 *
 * Returns 0, -ENODEV, -EINVAL (@fn is NULL), -EEXIST (same @fn and @arg), -ENOMEM.
 */
PLX_API int plx_port_event_add(unsigned port, plx_port_event_fn fn, void *arg);

/**
 * When this returns @fn does not run, and will not (from a callback: this is the last run). The
 * caller must hold no lock that @fn takes.
 *
 * Returns 0, -ENODEV, -ENOENT.
 */
PLX_API int plx_port_event_del(unsigned port, plx_port_event_fn fn, void *arg);

/* ---- Addresses ---- */

/** The port's own address. Returns 0, -ENODEV, -EINVAL. */
PLX_API int plx_port_mac(unsigned port, struct ether_addr *mac);

/**
 * Change the port's own address.
 *
 * @mac    unicast and not zero
 * Returns 0, -ENODEV, -EINVAL, -ENOTSUP, -EEXIST (plx_port_mac_add() added it: plx_port_mac_del()
 *         takes that back first), or the driver's reason.
 */
PLX_API int plx_port_mac_set(unsigned port, const struct ether_addr *mac);

/** Receive frames to one more address, unicast or multicast. -EEXIST, -ENOSPC (max_macs). */
PLX_API int plx_port_mac_add(unsigned port, const struct ether_addr *mac);

/** Undo plx_port_mac_add(). -ENOENT. */
PLX_API int plx_port_mac_del(unsigned port, const struct ether_addr *mac);

/* ---- Filters ---- */

/** Receive all frames, whatever their address. Off after attach. Drivers without a filter of their
 *  own (null, ring, files) receive all anyway: PLX_PORT_CAN_PROMISC is set and this is a note. */
PLX_API int plx_port_promisc_set(unsigned port, bool on);

/** Returns 1 or 0, -ENODEV. */
PLX_API int plx_port_promisc(unsigned port);

/** Receive all multicast frames. */
PLX_API int plx_port_allmulti_set(unsigned port, bool on);

/** Returns 1 or 0, -ENODEV. */
PLX_API int plx_port_allmulti(unsigned port);

/** With PLX_PORT_RX_VLAN_FILTER on: let frames of one VLAN in, or no more. @vlan [0, 4095] */
PLX_API int plx_port_vlan_filter(unsigned port, unsigned vlan, bool on);

/* ---- Sleeping until a packet comes ---- */

/*
 * An lcore that finds its queue empty for long may sleep until the card has a packet, in place of
 * polling; with conf.rx_intr, where info.can has PLX_PORT_CAN_RX_INTR. In this order nothing is
 * slept over:
 *
 *	plx_port_rxq_intr_arm(port, queue, true);
 *	nb = plx_port_rx_burst(port, queue, pkts, 32);
 *	if (nb == 0) {
 *		poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, timeout_ms);
 *		read(fd, &nb_fired, 8);
 *	}
 *	plx_port_rxq_intr_arm(port, queue, false);
 *
 * A wake-up says that a look is worth it, not that there is a packet.
 */

/**
 * The eventfd that a receive queue's interrupt writes to: 8 bytes, nonblocking. It is the port's,
 * not to be closed, and there from plx_port_start() to plx_port_stop().
 *
 * Returns the descriptor, -ENODEV, -EINVAL (no such queue), -EBUSY (not started), -ENOTSUP
 *         (without conf.rx_intr).
 */
PLX_API int plx_port_rxq_intr_fd(unsigned port, unsigned queue);

/**
 * Let the next packet of a queue write to that descriptor, or not any more. Arm it again after each
 * wake-up.
 *
 * Returns 0, or as plx_port_rxq_intr_fd(); -EIO (the device does not answer).
 */
PLX_API int plx_port_rxq_intr_arm(unsigned port, unsigned queue, bool on);

/* ---- The card's clock (IEEE 1588) ---- */

/*
 * What stamps received packets (PLX_PORT_RX_TIMESTAMP), where info.can has PLX_PORT_CAN_CLOCK. In
 * nanoseconds; begins as CLOCK_REALTIME and goes on through start and stop. These calls run it if
 * nothing did before.
 *
 * Each returns 0, -ENODEV, -ENOTSUP, -EINVAL (NULL), -EIO (the device does not answer).
 */

enum { PLX_PORT_CLOCK_PPB_MAX = 62499999 };

PLX_API int plx_port_clock_read(unsigned port, uint64_t *ns);
PLX_API int plx_port_clock_set(unsigned port, uint64_t ns);

/** Forward by @ns, or back. */
PLX_API int plx_port_clock_step(unsigned port, int64_t ns);

/** Run faster, or slower, than the crystal. @ppb within PLX_PORT_CLOCK_PPB_MAX; else -ERANGE. */
PLX_API int plx_port_clock_rate(unsigned port, int32_t ppb);

/* ---- MTU, RSS ---- */

/** Payload bytes of the largest frame, Ethernet header and FCS not counted. -ENODEV, -EINVAL. */
PLX_API int plx_port_mtu(unsigned port, uint32_t *mtu);

/** @mtu [min_mtu, max_mtu]. -EBUSY: this driver changes it only while the port is stopped. */
PLX_API int plx_port_mtu_set(unsigned port, uint32_t mtu);

/** The RSS in use: key and table filled in. -ENOTSUP: none. */
PLX_API int plx_port_rss(unsigned port, struct plx_port_rss *rss);

/** Change RSS of a configured or started port. */
PLX_API int plx_port_rss_set(unsigned port, const struct plx_port_rss *rss);

PLX_END_DECLS

#endif
