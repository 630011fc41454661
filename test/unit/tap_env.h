/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of net_tap share: a network namespace of the test's own, and the kernel's side of
 * an interface as a packet socket.
 */
#ifndef TEST_TAP_ENV_H
#define TEST_TAP_ENV_H

#include "netns_env.h"
#include "soft_ports.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/ether.h>
#include <pollux/netif.h>
#include <sys/socket.h>

extern const struct plx_port_driver plx_net_tap_driver;

enum { TAP_WAIT_MS = 5000, TAP_TYPE = 0x88b5 /* for experiments: nobody else sends it */ };

static inline void start_tap(void)
{
	netns_start();
	sh_ok("sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
	soft_start(&plx_net_tap_driver);
}

/* Wait for a condition; false: it did not come. */
#define comes(cond)                                                                                \
	({                                                                                         \
		unsigned ms_ = 0;                                                                  \
		while (!(cond) && ms_++ < TAP_WAIT_MS)                                             \
			usleep(1000);                                                              \
		ms_ <= TAP_WAIT_MS;                                                                \
	})

static inline struct plx_netif_info netif_of(unsigned port)
{
	struct plx_netif_info netif;
	struct plx_port_info info;

	done(plx_port_info(port, &info));
	done(plx_netif_by_index(info.if_index, &netif));
	return netif;
}

static inline bool tap_is_up(unsigned port)
{
	struct plx_port_link link;

	done(plx_port_link(port, &link));
	return link.up;
}

static inline void tap_wait_up(unsigned port)
{
	done(plx_port_link_wait(port, TAP_WAIT_MS, NULL));
}

/* A socket on the interface that hears frames of TAP_TYPE. */
static inline int kernel_side(const char *name)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(TAP_TYPE),
		.sll_ifindex = (int)if_nametoindex(name),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(TAP_TYPE));

	cr_assert_geq(fd, 0, "packet socket: %m");
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0, "%s: %m", name);
	return fd;
}

/* A frame of @len bytes: addresses, TAP_TYPE, byte_of(). */
static inline void frame_fill(unsigned char *frame, uint32_t len, unsigned salt)
{
	static const unsigned char source[6] = {2, 0, 0, 0, 0, 7};

	memset(frame, 0xff, 6);
	memcpy(frame + 6, source, sizeof(source));
	frame[12] = TAP_TYPE >> 8;
	frame[13] = TAP_TYPE & 0xff;
	for (uint32_t i = 14; i < len; i++)
		frame[i] = byte_of(i, salt);
}

static inline bool kernel_send(int fd, uint32_t len, unsigned salt)
{
	static unsigned char frame[70000];

	frame_fill(frame, len, salt);
	return send(fd, frame, len, 0) == (ssize_t)len;
}

/* The next packet of TAP_TYPE at the port, or NULL. */
static inline struct plx_mbuf *port_recv(unsigned port, unsigned queue)
{
	struct plx_mbuf *m;

	while (plx_port_rx_burst(port, queue, &m, 1) == 1) {
		const unsigned char *type = plx_mbuf_read(m, 12, 2, (unsigned char[2]){0});

		if (type && (type[0] << 8 | type[1]) == TAP_TYPE)
			return m;
		plx_mbuf_free(m);
	}
	return NULL;
}

static inline void assert_frame_(int at, const struct plx_mbuf *m, uint32_t len, unsigned salt)
{
	static unsigned char want[70000], got[70000];
	const unsigned char *bytes = plx_mbuf_read(m, 0, m->pkt_len, got);

	assert_good(m);
	cr_assert_eq(m->pkt_len, len, "line %d: %u bytes, want %u", at, m->pkt_len, len);
	frame_fill(want, len, salt);
	cr_assert_eq(memcmp(bytes, want, len), 0, "line %d: other bytes", at);
}

#define assert_frame(m, len, salt) assert_frame_(__LINE__, (m), (len), (salt))

/* A packet with such a frame, in segments of @seg bytes at most. */
static inline struct plx_mbuf *frame_packet(uint32_t len, uint32_t seg, unsigned salt)
{
	static unsigned char frame[70000];
	struct plx_mbuf *head = NULL;

	frame_fill(frame, len, salt);
	for (uint32_t at = 0; at < len; at += seg) {
		uint32_t part = len - at < seg ? len - at : seg;
		struct plx_mbuf *m = packet_new(soft_pool, (uint16_t)part, 0);

		memcpy(plx_mbuf_data(m), frame + at, part);
		if (!head)
			head = m;
		else
			cr_assert_eq(plx_mbuf_chain(head, m), 0);
	}
	return head;
}

#endif
