/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Network namespaces and interfaces by rtnetlink, for the process that calls. The namespace is
 * private and dies with its last process. Calls end the process with a reason when they fail.
 */
#ifndef CONFORM_NETNS_H
#define CONFORM_NETNS_H

#include <net/ethernet.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A namespace of the calling process's own, IPv6 off; in a user namespace of its own where it is
 * not root. Returns false with the reason when it may not. */
bool netns_enter(char *why, size_t why_bytes);

struct link {
	bool there, carrier;
	unsigned index;
	unsigned flags;	       /* IFF_UP ... */
	uint32_t mtu, max_mtu; /* max_mtu 0: not told */
	uint32_t promiscuity;
	uint32_t xdp_programs; /* attached, of any mode */
	struct ether_addr mac;
	uint64_t rx_packets, tx_packets, rx_dropped, tx_dropped, rx_errors, tx_errors;
};

struct link link_get(const char *name);
/* How many interfaces the namespace has. */
unsigned links_count(void);

/* A veth pair, both ends with so many queues each way, up, with all offloads off. */
void link_veth_make(const char *name, const char *other, unsigned nb_queues);
void link_delete(const char *name);
void link_up(const char *name, bool up);
/* Until the kernel sends by it: what it is given between carrier and this vanishes. */
void link_await_running(const char *name);
void link_mtu(const char *name, uint32_t mtu);
void link_offloads_off(const char *name);
/* One queue each way, where it can have several. */
void link_one_queue(const char *name);
/* Descriptors to receive, so many at least where it has them. */
void link_rings(const char *name, unsigned nb);
/* How many of its transmit queues are used. */
void link_tx_queues(const char *name, unsigned nb);

#endif
