/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the lab's programs on igb ports share: a pool and ports that are set up alike, sending
 * without loss, counters by name, and raw sockets of the kernel's port at the other end of the
 * cable.
 */
#ifndef LAB_IGB_H
#define LAB_IGB_H

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pollux/pollux.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab_pci.h"

enum {
	LAB_BURST = 32,
	LAB_FRAME_MIN = 60,
	LAB_PATIENCE_MS = 20000, /* an emulated machine on a busy one */
};

#define LAB_XSTATS_MAX 256

static inline uint64_t lab_ms(void)
{
	return plx_clock_raw_ns() / 1000000;
}

static inline struct plx_mempool *lab_pool(const char *name, uint32_t nb)
{
	const struct plx_mbuf_pool_conf conf = {.name = name, .nb_mbufs = nb, .cache_size = 256};
	struct plx_mempool *pool = NULL;

	return plx_mbuf_pool_create(&conf, &pool) ? NULL : pool;
}

/* Queues of the default size; started, with a link. */
static inline int lab_start(unsigned port, const struct plx_port_conf *conf,
			    struct plx_mempool *pool)
{
	const struct plx_port_rxq_conf rxq = {.pool = pool};

	want(plx_port_configure(port, conf) == 0, "port %u", port);
	for (unsigned q = 0; q < conf->nb_rx_queues; q++)
		want(plx_port_rxq_setup(port, q, &rxq) == 0, "port %u queue %u", port, q);
	for (unsigned q = 0; q < conf->nb_tx_queues; q++)
		want(plx_port_txq_setup(port, q, NULL) == 0, "port %u queue %u", port, q);
	want(plx_port_start(port) == 0, "port %u", port);
	want(plx_port_link_wait(port, LAB_PATIENCE_MS, NULL) == 0, "port %u has no link", port);
	return 0;
}

/* All of them, however long the other end takes; false when somebody has asked to stop. */
static inline bool lab_send(unsigned port, unsigned queue, struct plx_mbuf **pkts, uint32_t nb)
{
	uint32_t sent = 0;

	while (sent < nb) {
		sent += plx_port_tx_burst(port, queue, pkts + sent, nb - sent);
		if (sent < nb && plx_stop_requested()) {
			plx_mbuf_free_bulk(pkts + sent, nb - sent);
			return false;
		}
	}
	return true;
}

static inline uint64_t lab_counter(unsigned port, const char *name)
{
	uint64_t value = 0;

	if (plx_port_xstat(port, name, &value))
		printf("port %u has no counter %s\n", port, name);
	return value;
}

/* A line each: "port 0 rx_packets 42 good", or "drop" for one of lost packets; zeros are left
 * out. */
static inline void lab_tell(unsigned port)
{
	static struct plx_port_xstat xstats[LAB_XSTATS_MAX];
	int nb = plx_port_xstats(port, xstats, LAB_XSTATS_MAX);

	for (int i = 0; i < nb && i < LAB_XSTATS_MAX; i++)
		if (xstats[i].value > 0)
			printf("port %u %s %" PRIu64 " %s\n", port, xstats[i].name, xstats[i].value,
			       xstats[i].is_drop ? "drop" : "good");
}

/* A raw socket on an interface of the kernel, -1 after a line. */
static inline int lab_raw_socket(const char *interface)
{
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(interface),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	printf("%s: %s\n", interface, strerror(errno));
	close(fd);
	return -1;
}

static inline int lab_address_of(int fd, const char *interface, uint8_t *mac)
{
	struct ifreq request = {0};
	int ret;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	ret = ioctl(fd, SIOCGIFHWADDR, &request);
	memcpy(mac, request.ifr_hwaddr.sa_data, ETHER_ADDR_LEN);
	return ret;
}

#endif
