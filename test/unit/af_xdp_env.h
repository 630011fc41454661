/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of net_af_xdp share: a veth pair in a network namespace of the test's own, a port
 * on its one end and a packet socket on the other.
 */
#ifndef TEST_AF_XDP_ENV_H
#define TEST_AF_XDP_ENV_H

#include "mbuf_env.h"
#include "netns_env.h"
#include "xdp_private.h"

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <pollux/clock.h>
#include <pollux/port.h>
#include <pollux/port_ctl.h>
#include <pollux/port_stats.h>
#include <sys/socket.h>
#include <time.h>

enum {
	WAIT_MS = 5000, /* for what has to come */
	QUIET_MS = 50,	/* for what must not */
	FRAME_MIN = 60,
	FRAME_ROOM = 4096,
	NB_DESC = 512,
	ETHERTYPE_TEST = 0x88b5,
};

extern const struct plx_port_driver plx_net_af_xdp_driver;

static const struct plx_port_driver *const xdp_drivers[] = {&plx_net_af_xdp_driver, NULL};

static inline uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static inline void nap(void)
{
	static const struct timespec t = {.tv_nsec = 50000};

	nanosleep(&t, NULL);
}

/* A namespace with veth pair xa, xb, and the EAL with @nb_lcores. */
static inline void xdp_start(unsigned nb_lcores)
{
	netns_start();
	veth_up("xa", "xb");
	start_lcores(nb_lcores);
	log_lines_start();
	cr_assert_eq(plx_port_drivers_set(xdp_drivers), 0);
}

static inline void xdp_end(void)
{
	plx_port_fini();
	plx_log_set_sink(NULL, NULL);
	plx_eal_fini();
}

static inline unsigned port_new(const char *device)
{
	unsigned port = PLX_PORT_NONE;
	int ret = plx_port_attach(device, &port);

	cr_assert_eq(ret, 0, "%s: %d, %s", device, ret, log_lines_text(0));
	return port;
}

/* As plx_port_setup(), with receive queues of NB_DESC descriptors. */
static inline int port_setup(unsigned port, unsigned nb_rx, unsigned nb_tx,
			     struct plx_mempool *pool)
{
	const struct plx_port_conf conf = {.nb_rx_queues = nb_rx, .nb_tx_queues = nb_tx};
	const struct plx_port_rxq_conf rxq = {
		.pool = pool, .nb_desc = NB_DESC, .node = PLX_NODE_ANY};
	int ret = plx_port_configure(port, &conf);

	for (unsigned i = 0; i < nb_rx && ret == 0; i++)
		ret = plx_port_rxq_setup(port, i, &rxq);
	for (unsigned i = 0; i < nb_tx && ret == 0; i++)
		ret = plx_port_txq_setup(port, i, NULL);
	return ret;
}

/* All from attach to start. */
static inline unsigned port_up(const char *device, unsigned nb_queues, struct plx_mempool *pool)
{
	unsigned port = port_new(device);
	int ret = port_setup(port, nb_queues, nb_queues, pool);

	cr_assert_eq(ret, 0, "setup: %d, %s", ret, log_lines_text(0));
	ret = plx_port_start(port);
	cr_assert_eq(ret, 0, "start: %d, %s", ret, log_lines_text(0));
	return port;
}

static inline void port_down(unsigned port)
{
	cr_assert_eq(plx_port_stop(port), 0);
	cr_assert_eq(plx_port_detach(port), 0);
}

static inline const struct plx_xdp_port *xdp_of(unsigned port)
{
	const struct plx_port_rxq *rxq = plx_port_rx_paths[port][0].queue;

	return rxq->port->priv;
}

static inline uint64_t xstat(unsigned port, const char *name)
{
	uint64_t value = UINT64_MAX;

	cr_assert_eq(plx_port_xstat(port, name, &value), 0, "no counter %s", name);
	return value;
}

#define assert_xstat(port, name, want)                                                             \
	do {                                                                                       \
		uint64_t is_ = xstat((port), (name)), want_ = (uint64_t)(want);                    \
		cr_assert_eq(is_, want_, "%s is %llu, want %llu", (name), (unsigned long long)is_, \
			     (unsigned long long)want_);                                           \
	} while (0)

/* ---- The peer ---- */

static inline int peer_open(const char *iface)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(iface),
	};
	const int on = 1, bytes = 1 << 24;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	cr_assert_geq(fd, 0, "%m");
	cr_assert_eq(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)), 0);
	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)), 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0, "%s: %m", iface);
	return fd;
}

/* A frame of @len bytes that only tests send: byte_of() from behind the header on. */
static inline void frame_make(unsigned char *frame, uint32_t len, unsigned salt)
{
	static const unsigned char head[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5};

	memcpy(frame, head, sizeof(head));
	for (uint32_t i = sizeof(head); i < len; i++)
		frame[i] = byte_of(i, salt);
}

/* Send what is in @frame; a full queue of the kernel's is waited for. */
static inline void peer_write(int fd, const void *frame, uint32_t len)
{
	uint64_t end = now_ms() + WAIT_MS;

	while (send(fd, frame, len, 0) != (ssize_t)len) {
		/* A link that was down is told once, at the next call. */
		cr_assert(errno == ENOBUFS || errno == EAGAIN || errno == ENETDOWN,
			  "send of %u: %m", len);
		cr_assert_lt(now_ms(), end, "the kernel's queue stays full");
		nap();
	}
}

static inline void peer_send(int fd, uint32_t len, unsigned salt)
{
	unsigned char frame[FRAME_ROOM];

	frame_make(frame, len, salt);
	peer_write(fd, frame, len);
}

/* The next frame of a test, others are passed over; 0: none came. */
static inline uint32_t peer_read(int fd, unsigned char *frame, int wait_ms)
{
	uint64_t end = now_ms() + (uint64_t)wait_ms;

	for (;;) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		uint64_t now = now_ms();
		ssize_t len;

		if (now >= end || poll(&ready, 1, (int)(end - now)) != 1)
			return 0;
		len = recv(fd, frame, FRAME_ROOM, MSG_DONTWAIT);
		if (len > ETH_HLEN && frame[12] == ETHERTYPE_TEST >> 8 &&
		    frame[13] == (ETHERTYPE_TEST & 0xff))
			return (uint32_t)len;
	}
}

#define assert_peer_gets(fd, len, salt) assert_peer_gets_(__LINE__, (fd), (len), (salt))

static inline void assert_peer_gets_(int at, int fd, uint32_t len, unsigned salt)
{
	unsigned char frame[FRAME_ROOM], want[FRAME_ROOM];
	uint32_t got = peer_read(fd, frame, WAIT_MS);

	cr_assert_eq(got, len, "line %d: the peer got %u bytes, want %u", at, got, len);
	frame_make(want, len, salt);
	for (uint32_t i = 0; i < len; i++)
		cr_assert_eq(frame[i], want[i], "line %d: byte %u of %u: %u, want %u", at, i, len,
			     frame[i], want[i]);
}

/* A started port on xa with a queue each way, and a peer on xb. */
struct rig {
	struct plx_mempool *pool;
	unsigned port;
	int peer;
};

static inline void rig_up(uint32_t nb_mbufs, struct rig *rig)
{
	xdp_start(1);
	rig->pool = packets_new("pool", nb_mbufs, 0, 0);
	rig->peer = peer_open("xb");
	rig->port = port_up("net_af_xdp0,iface=xa", 1, rig->pool);
}

static inline void rig_down(const struct rig *rig)
{
	port_down(rig->port);
	assert_all_home(rig->pool);
	xdp_end();
}

/* ---- The port's side ---- */

/* Take packets until there are @nb; returns how many came in time. */
static inline uint32_t port_take(unsigned port, unsigned queue, struct plx_mbuf **pkts, uint32_t nb,
				 int wait_ms)
{
	uint64_t end = now_ms() + (uint64_t)wait_ms;
	uint32_t done = 0;

	while (done < nb && now_ms() < end) {
		uint32_t got = plx_port_rx_burst(port, queue, pkts + done,
						 nb - done < 32 ? nb - done : 32);

		done += got;
		if (got == 0)
			nap();
	}
	return done;
}

static inline struct plx_mbuf *port_take_one(unsigned port)
{
	struct plx_mbuf *m = NULL;

	cr_assert_eq(port_take(port, 0, &m, 1, WAIT_MS), 1, "no packet came");
	return m;
}

/* The packet is the frame of frame_make(). */
static inline void assert_frame_(int at, const struct plx_mbuf *m, uint32_t len, unsigned salt)
{
	unsigned char want[FRAME_ROOM];
	const unsigned char *data = plx_mbuf_data(m);
	const char *reason = NULL;

	cr_assert_eq(plx_mbuf_check(m, true, &reason), 0, "line %d: %s", at, reason);
	cr_assert_eq(m->pkt_len, len, "line %d: %u bytes, want %u", at, m->pkt_len, len);
	cr_assert_eq(m->data_len, len, "line %d: data_len %u", at, m->data_len);
	frame_make(want, len, salt);
	for (uint32_t i = 0; i < len; i++)
		cr_assert_eq(data[i], want[i], "line %d: byte %u of %u: %u, want %u", at, i, len,
			     data[i], want[i]);
}

#define assert_frame(m, len, salt) assert_frame_(__LINE__, (m), (len), (salt))

static inline struct plx_mbuf *frame_new(struct plx_mempool *pool, uint32_t len, unsigned salt)
{
	struct plx_mbuf *m = packet_new(pool, (uint16_t)len, 0);

	frame_make(plx_mbuf_data(m), len, salt);
	return m;
}

/* All packets are taken within a while. */
static inline void port_send_all(unsigned port, struct plx_mbuf **pkts, uint32_t nb)
{
	uint64_t end = now_ms() + WAIT_MS;
	uint32_t done = 0;

	while (done < nb) {
		uint32_t want = nb - done < PLX_BURST_MAX ? nb - done : PLX_BURST_MAX;

		done += plx_port_tx_burst(port, 0, pkts + done, want);
		cr_assert_lt(now_ms(), end, "%u of %u packets were taken", done, nb);
	}
}

/* The id of the XDP program of an interface, 0: none. */
static inline uint32_t prog_of(const char *iface)
{
	uint32_t id = 0;

	cr_assert_eq(bpf_xdp_query_id((int)if_nametoindex(iface), 0, &id), 0);
	return id;
}

#endif
