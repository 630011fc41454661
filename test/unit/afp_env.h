/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A net_af_packet port on one end of a veth pair, "ours", and a raw socket on the other, "theirs",
 * in a network namespace of the test's own.
 */
#ifndef TEST_AFP_ENV_H
#define TEST_AFP_ENV_H

#include "mbuf_env.h"
#include "netns_env.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <poll.h>
#include <pollux/port.h>
#include <pollux/port_ctl.h>
#include <pollux/port_driver.h>
#include <pollux/port_stats.h>
#include <sys/socket.h>
#include <unistd.h>

enum { AFP_SOON_MS = 5000, AFP_ETHERTYPE = 0x88b5 };

extern const struct plx_port_driver plx_net_af_packet_driver;

static struct afp_env {
	struct plx_mempool *pool;
	int theirs;
	unsigned fds; /* before anything was attached */
} env;

static inline int raw_socket(const char *iface)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), one = 1, bytes = 64 << 20;

	cr_assert_geq(fd, 0, "raw socket: %m");
	address.sll_ifindex = (int)if_nametoindex(iface);
	cr_assert_eq(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)), 0);
	cr_assert_eq(setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0, "bind: %m");
	return fd;
}

static inline void afp_start_with(uint32_t nb_mbufs, uint32_t data_room)
{
	static const struct plx_port_driver *const drivers[] = {&plx_net_af_packet_driver, NULL};

	netns_start();
	start_pools();
	cr_assert_eq(plx_port_drivers_set(drivers), 0);
	veth_up("ours", "theirs");
	note_memory();
	env.pool = packets_new("packets", nb_mbufs, data_room, 0);
	env.theirs = raw_socket("theirs");
	env.fds = nb_entries("/proc/self/fd");
}

static inline void afp_start(void)
{
	afp_start_with(2048, 0);
}

/* Nothing is left behind. */
static inline void afp_end(void)
{
	plx_port_fini();
	assert_or_abort(nb_entries("/proc/self/fd") == env.fds, "%u descriptors, were %u",
			nb_entries("/proc/self/fd"), env.fds);
	end_packets(env.pool);
	end_pools();
}

#define attach(...) attach_(__LINE__, __VA_ARGS__)

__attribute__((format(printf, 2, 3))) static inline unsigned attach_(int at, const char *fmt, ...)
{
	char device[256] = "net_af_packet0,";
	unsigned port = PLX_PORT_NONE;
	va_list args;
	int ret;

	va_start(args, fmt);
	vsnprintf(device + strlen(device), sizeof(device) - strlen(device), fmt, args);
	va_end(args);
	ret = plx_port_attach(device, &port);
	cr_assert_eq(ret, 0, "line %d: attach %s: %d, %s", at, device, ret, log_lines_text(0));
	return port;
}

static inline void setup(unsigned port, unsigned nb_queues, uint32_t rx_offloads,
			 uint32_t tx_offloads, uint32_t nb_desc)
{
	const struct plx_port_conf conf = {
		.nb_rx_queues = nb_queues,
		.nb_tx_queues = nb_queues,
		.rx_offloads = rx_offloads,
		.tx_offloads = tx_offloads,
	};
	const struct plx_port_rxq_conf rxq = {
		.pool = env.pool, .nb_desc = nb_desc, .node = PLX_NODE_ANY};
	int ret = plx_port_configure(port, &conf);

	cr_assert_eq(ret, 0, "configure: %d, %s", ret, log_lines_text(0));
	for (unsigned i = 0; i < nb_queues; i++) {
		ret = plx_port_rxq_setup(port, i, &rxq);
		cr_assert_eq(ret, 0, "receive queue %u: %d, %s", i, ret, log_lines_text(0));
		ret = plx_port_txq_setup(port, i, NULL);
		cr_assert_eq(ret, 0, "transmit queue %u: %d, %s", i, ret, log_lines_text(0));
	}
	ret = plx_port_start(port);
	cr_assert_eq(ret, 0, "start: %d, %s", ret, log_lines_text(0));
}

/* A port with one queue each way, started. */
#define port_up(...)                                                                               \
	({                                                                                         \
		unsigned port_ = attach(__VA_ARGS__);                                              \
		setup(port_, 1, 0, 0, 0);                                                          \
		port_;                                                                             \
	})

/* A frame with known bytes behind its header; its number is in the first four of them. */
static inline void frame_fill(uint8_t *frame, uint32_t len, uint32_t number)
{
	static const uint8_t header[] = {0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x88, 0xb5};

	for (uint32_t i = 0; i < len; i++)
		frame[i] = i < sizeof(header) ? header[i] : byte_of(i, number);
	if (len >= sizeof(header) + sizeof(number))
		memcpy(frame + sizeof(header), &number, sizeof(number));
}

static inline void send_bytes(const void *frame, uint32_t len)
{
	ssize_t ret = send(env.theirs, frame, len, 0);

	cr_assert_eq(ret, (ssize_t)len, "send %u bytes: %zd: %m", len, ret);
}

/* The peer sends a frame. */
static inline void peer_send(uint32_t len, uint32_t number)
{
	uint8_t frame[10000];

	frame_fill(frame, len, number);
	send_bytes(frame, len);
}

/* The next frame that the peer got; 0 when none comes within @ms. */
static inline uint32_t peer_recv(uint8_t *frame, uint32_t room, unsigned ms)
{
	struct pollfd pollfd = {.fd = env.theirs, .events = POLLIN};
	ssize_t got;

	if (poll(&pollfd, 1, (int)ms) <= 0)
		return 0;
	got = recv(env.theirs, frame, room, MSG_DONTWAIT | MSG_TRUNC);
	/* Told once, when the interface was down. */
	if (got < 0 && errno == ENETDOWN)
		return peer_recv(frame, room, ms);
	return got < 0 ? 0 : (uint32_t)got;
}

/* Poll until @want packets came, or for @ms. */
static inline uint32_t poll_rx(unsigned port, unsigned queue, struct plx_mbuf **pkts, uint32_t want,
			       unsigned ms)
{
	uint32_t nb = 0;

	for (unsigned i = 0; nb < want && i < ms * 10; i++) {
		uint32_t got =
			plx_port_rx_burst(port, queue, pkts + nb, want - nb < 32 ? want - nb : 32);

		nb += got;
		if (got == 0)
			usleep(100);
	}
	return nb;
}

static inline void assert_frame_(int at, struct plx_mbuf *m, const uint8_t *want, uint32_t len)
{
	uint8_t buf[70000];
	const uint8_t *data;
	const char *reason = NULL;

	cr_assert_eq(plx_mbuf_check(m, true, &reason), 0, "line %d: %s", at, reason);
	cr_assert_eq(m->pkt_len, len, "line %d: %u bytes, want %u", at, m->pkt_len, len);
	data = plx_mbuf_read(m, 0, len, buf);
	for (uint32_t i = 0; i < len; i++)
		cr_assert_eq(data[i], want[i], "line %d: byte %u of %u is %#x, want %#x", at, i,
			     len, data[i], want[i]);
}
#define assert_frame(m, want, len) assert_frame_(__LINE__, (m), (want), (len))

/* Exactly one packet comes, with these bytes; the caller's. */
#define receive_one(port)                                                                          \
	({                                                                                         \
		struct plx_mbuf *one_ = NULL;                                                      \
		cr_assert_eq(poll_rx((port), 0, &one_, 1, AFP_SOON_MS), 1, "no packet came");      \
		one_;                                                                              \
	})

static inline uint64_t xstat_(int at, unsigned port, const char *name)
{
	uint64_t value = 0;
	int ret = plx_port_xstat(port, name, &value);

	cr_assert_eq(ret, 0, "line %d: %s: %d", at, name, ret);
	return value;
}
#define xstat(port, name) xstat_(__LINE__, (port), (name))
#define assert_xstat(port, name, want)                                                             \
	cr_assert_eq(xstat((port), (name)), (want), "%s is %lu, want %lu", (name),                 \
		     xstat((port), (name)), (uint64_t)(want))

#endif
