/* SPDX-License-Identifier: BSD-3-Clause */
/* What peers that are an interface of the kernel share: a raw packet socket on it. */
#ifndef CONFORM_PEER_KERNEL_H
#define CONFORM_PEER_KERNEL_H

#include "conform.h"

struct kernel_peer {
	struct peer base;
	int fd;
	unsigned more_tx_queues;
	const char *name;     /* of the interface that the socket is on */
	uint64_t socket_lost; /* frames for which the socket had no room */
	uint64_t link_lost;   /* of interfaces that are gone */
};

struct peer *kernel_create(const struct variant *variant);
void kernel_destroy(struct peer *peer);

/* The socket, on the interface k->name; close: what it lost is counted before. */
void kernel_open(struct kernel_peer *k);
void kernel_close(struct kernel_peer *k);

/* As in struct peer_ops. */
bool kernel_send(struct peer *peer, uint32_t flow, const uint8_t *frame, uint32_t len);
uint32_t kernel_recv(struct peer *peer, uint8_t *frame, uint32_t room);
uint64_t kernel_lost(struct kernel_peer *k);

#endif
