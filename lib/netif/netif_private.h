/* SPDX-License-Identifier: BSD-3-Clause */
/* What netif.c and watch.c need to talk to rtnetlink. */
#ifndef NETIF_PRIVATE_H
#define NETIF_PRIVATE_H

#include <libmnl/libmnl.h>
#include <pollux/netif.h>

enum {
	PLX_NETIF_MSG_BYTES = 16384, /* of one datagram; without the lists of VFs 2 KB are usual */
	PLX_NETIF_REQUEST_BYTES = 256,	   /* header, interface, one attribute */
	PLX_NETIF_REPLY_TIMEOUT_MS = 2000, /* the kernel answers before send() returns */
};

/* A netlink socket of the calling thread's namespace. @groups: of multicast; 0: none. */
int plx_netif_open(unsigned groups, struct mnl_socket **nl);

/* Ask for the state of one interface, by index, or by name if that is not NULL. */
int plx_netif_ask(struct mnl_socket *nl, uint32_t seq, unsigned index, const char *name);

/* An RTM_NEWLINK. What it lacks is asked for by ioctl on @fd, a socket of the same namespace. */
void plx_netif_decode(int fd, const struct nlmsghdr *nlh, struct plx_netif_info *info);

/* link.c: speed, duplex, queues in use; the node of the device behind it. */
void plx_netif_ethtool(int fd, struct plx_netif_info *info);
int plx_netif_device_node(const char *bus, const char *device);

#endif
