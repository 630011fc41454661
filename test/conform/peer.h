/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The other end of the cable: what can send frames into the port, and tells exactly which frames
 * came out of it.
 *
 * Calls that a peer has not are NULL, and the ability is not in `can`. A peer that fails in what it
 * says it can ends the case.
 */
#ifndef CONFORM_PEER_H
#define CONFORM_PEER_H

#include <net/ethernet.h>
#include <stdbool.h>
#include <stdint.h>

enum peer_can {
	PEER_SENDS = 1 << 0,   /* send() */
	PEER_SEES = 1 << 1,    /* recv() */
	PEER_LINK = 1 << 2,    /* link() */
	PEER_REMOVES = 1 << 3, /* remove() */
	PEER_SPREADS = 1 << 4, /* frames of several flows come by several queues */
	PEER_FILLS = 1 << 5,   /* while it takes nothing, the port's queues get full */
	PEER_KERNEL = 1 << 6,  /* the port lies on an interface of a namespace of the test */
	PEER_FORGETS = 1 << 7, /* what it sends to a port that is stopped is lost */
};

/* No frame, as a length. */
#define PEER_NONE UINT32_MAX

struct variant;
struct peer;

struct peer_ops {
	const char *name;
	uint32_t can; /* enum peer_can */
	struct peer *(*create)(const struct variant *variant);
	void (*destroy)(struct peer *peer);

	/* Attach the port, as plx_port_attach() does. May be NULL: that does. */
	int (*attach)(struct peer *peer, const char *device, unsigned *port);

	/* Before the EAL is there: namespace and interfaces. May be NULL. */
	void (*prepare)(struct peer *peer);
	/* The port was attached; is about to be detached. May be NULL. */
	void (*plug)(struct peer *peer, unsigned port);
	void (*unplug)(struct peer *peer);
	/* The port was started with so many receive queues. May be NULL. */
	void (*ready)(struct peer *peer, unsigned nb_rx_queues);

	/* Send a frame of a flow. False: there is no room at the moment. */
	bool (*send)(struct peer *peer, uint32_t flow, const uint8_t *frame, uint32_t len);
	/* The next frame that came out of the port. Returns its length, PEER_NONE: there is none
	 * at the moment. */
	uint32_t (*recv)(struct peer *peer, uint8_t *frame, uint32_t room);
	/* Frames that were sent or were to be seen, and got lost on the cable. May be NULL: none
	 * ever is. */
	uint64_t (*lost)(struct peer *peer);

	void (*link)(struct peer *peer, bool up);
	/* Take away the device that the port lies on; make it anew. */
	void (*remove)(struct peer *peer);
	void (*restore)(struct peer *peer);
	/* Let frames of this MTU through; returns the largest that it can, if that is less. May be
	 * NULL: it lets all through. */
	uint32_t (*mtu)(struct peer *peer, uint32_t mtu);
};

struct peer {
	const struct peer_ops *ops;
	struct ether_addr mac;
	uint32_t nb_seen_max; /* frames that recv() keeps while it is not called */
	char port_if[16];     /* the interface that the port lies on; "": none */
};

extern const struct peer_ops peer_none;	    /* nobody: what goes out vanishes */
extern const struct peer_ops peer_cable;    /* a port of the library, polled by the test */
extern const struct peer_ops peer_veth;	    /* the other end of a veth pair, by a packet socket */
extern const struct peer_ops peer_tap;	    /* the kernel's side of a tap interface, likewise */
extern const struct peer_ops peer_netdev;   /* an interface at the other end of a card's cable */
extern const struct peer_ops peer_emulated; /* the same, in QEMU */
#ifdef CONFORM_ON_MODEL
extern const struct peer_ops peer_model; /* the link partner of a card of test/sim */
#endif

#endif
