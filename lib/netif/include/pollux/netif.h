/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Network interfaces of the kernel: what ports that lie on one need to know and to change.
 * State comes by rtnetlink; changes are told in the control thread.
 *
 * All calls but the watch's callback: any thread, may make system calls, for the network namespace
 * of the calling thread; a watch stays with the one in which it was added. A failure is told by the
 * return value, not logged: the caller knows the device.
 */
#ifndef POLLUX_NETIF_H
#define POLLUX_NETIF_H

#include <net/ethernet.h>
#include <net/if.h>
#include <pollux/compiler.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

PLX_BEGIN_DECLS

struct plx_netif_info {
	unsigned index;
	char name[IF_NAMESIZE];
	unsigned flags;			/* IFF_UP, IFF_RUNNING, IFF_PROMISC ... of <net/if.h> */
	bool carrier;			/* administratively up and with a link: packets pass */
	uint32_t mtu, min_mtu, max_mtu; /* max_mtu UINT32_MAX: no limit is told */
	struct ether_addr mac;
	uint16_t type;	     /* ARPHRD_ETHER, ... of <net/if_arp.h> */
	uint32_t speed_mbps; /* 0: not known */
	bool full_duplex, autoneg;
	/* in use now; those made, where the interface does not tell how many it uses */
	unsigned nb_rx_queues, nb_tx_queues;
	int node;			 /* PLX_NODE_ANY: none, or not known */
	uint64_t rx_dropped, tx_dropped; /* the kernel's own counts, this far */
};

/** Describe an interface. Returns 0, -ENODEV, or what a system call said. */
PLX_API int plx_netif_by_name(const char *name, struct plx_netif_info *info);
PLX_API int plx_netif_by_index(unsigned index, struct plx_netif_info *info);

/**
 * The interfaces that there are, "lo eth0 veth1", for a line that says what is allowed instead.
 *
 * @text   out, ends with " ..." when not all have room
 * @bytes  [1, ..)
 * Returns @text.
 */
PLX_API const char *plx_netif_names(char *text, size_t bytes);

/** Change it. Return 0, or what the kernel said: -EPERM, -ENODEV, -EINVAL, -ENOTSUP, -EBUSY. */
PLX_API int plx_netif_set_up(unsigned index, bool up);
PLX_API int plx_netif_set_mtu(unsigned index, uint32_t mtu);
PLX_API int plx_netif_set_mac(unsigned index, const struct ether_addr *mac);

struct plx_netif_watch;

/** Runs in the control thread. @info: the new state; NULL: the interface is gone for good, deleted
 *  or moved to another namespace: the last call, whatever gets its index later. */
typedef void (*plx_netif_watch_fn)(const struct plx_netif_info *info, void *arg);

/**
 * Call @fn for each change of what plx_netif_info tells, its counts aside, and once, soon, for the
 * state there is now. Changes in quick succession may be told as one: the newest state.
 *
 * @watch  out; written before @fn is called
 * Returns 0, -ENODEV (no such interface, or the EAL does not run), -EINVAL, -ENOMEM, or what a
 *         system call said.
 * Owner   the caller, until plx_netif_watch_del(), also when the interface is gone or the EAL has
 *         ended. One that outlives the EAL is told nothing until the next one runs and has a watch
 *         added.
 */
PLX_API int plx_netif_watch_add(unsigned index, plx_netif_watch_fn fn, void *arg,
				struct plx_netif_watch **watch);

/** When this returns @fn does not run and will not; called from @fn itself it is the last run. NULL
 *  is legal. The caller holds no lock that @fn takes. */
PLX_API void plx_netif_watch_del(struct plx_netif_watch *watch);

PLX_END_DECLS

#endif
