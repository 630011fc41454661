/* SPDX-License-Identifier: BSD-3-Clause */
/* net_tap: frames between port and kernel, byte for byte, and what becomes of the others. */
#include "tap_env.h"

TestSuite(tap_packets, .init = start_tap, .fini = soft_end);

static unsigned port;
static int fd;

static void up(unsigned nb_queues, bool offloads, uint32_t mtu)
{
	port = soft_attach("net_tap0");
	soft_setup(port, nb_queues, nb_queues, offloads, mtu);
	done(plx_port_start(port));
	tap_wait_up(port);
	fd = kernel_side("dtap0");
}

static struct plx_mbuf *recv_wait(void)
{
	struct plx_mbuf *m = NULL;

	cr_assert(comes((m = port_recv(port, 0)) != NULL), "nothing came");
	return m;
}

Test(tap_packets, from_the_kernel)
{
	static const uint32_t lens[] = {14, 15, 60, 64, 1000, 1513, 1514};

	up(1, false, 0);
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(lens); i++) {
		struct plx_mbuf *m;

		cr_assert(kernel_send(fd, lens[i], i), "%u bytes: %m", lens[i]);
		m = recv_wait();
		assert_frame(m, lens[i], i);
		assert_count(m->port, port);
		assert_count(m->nb_segs, 1);
		assert_count(m->flags, 0);
		plx_mbuf_free(m);
	}
	assert_count(soft_stats(port).rx.errors, 0);
	/* The one at hand for the next frame. */
	cr_assert_null(port_recv(port, 0));
	assert_count(plx_mempool_in_use(soft_pool), 1);
}

Test(tap_packets, to_the_kernel)
{
	static const uint32_t lens[] = {14, 60, 61, 1514};
	static unsigned char got[2000], want[2000];

	up(1, false, 0);
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(lens); i++) {
		struct plx_mbuf *m = frame_packet(lens[i], 2000, i);
		ssize_t len = -1;

		assert_count(plx_port_tx_burst(port, 0, &m, 1), 1);
		cr_assert(comes((len = recv(fd, got, sizeof(got), 0)) >= 0), "%u bytes", lens[i]);
		cr_assert_eq(len, (ssize_t)lens[i], "%zd bytes, want %u", len, lens[i]);
		frame_fill(want, lens[i], i);
		cr_assert_eq(memcmp(got, want, lens[i]), 0, "other bytes");
	}
	assert_count(soft_stats(port).tx.packets, 4);
	assert_count(soft_stats(port).tx.bytes, 14 + 60 + 61 + 1514);
	assert_count(plx_mempool_in_use(soft_pool) <= 1, 1);
}

Test(tap_packets, chains_to_the_kernel)
{
	static const uint32_t segs[] = {2000, 700, 14, 13, 1};
	static unsigned char got[10000], want[10000];

	up(1, true, 9000);
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(segs); i++) {
		/* Not over 255 segments. */
		uint32_t bytes = segs[i] < 100 ? segs[i] * 255 : 9014;
		struct plx_mbuf *m = frame_packet(bytes, segs[i], i);
		ssize_t len = -1;

		assert_count(plx_port_tx_burst(port, 0, &m, 1), 1);
		cr_assert(comes((len = recv(fd, got, sizeof(got), 0)) >= 0));
		cr_assert_eq(len, (ssize_t)bytes, "%zd bytes, want %u", len, bytes);
		frame_fill(want, bytes, i);
		cr_assert_eq(memcmp(got, want, bytes), 0, "segments of %u: other bytes", segs[i]);
	}
	assert_count(soft_stats(port).tx.errors, 0);
}

/* Each of them is refused and counted, those around it go. */
Test(tap_packets, not_sent)
{
	static unsigned char got[2000];
	struct plx_mbuf *pkts[5];
	unsigned nb = 0;

	up(1, false, 1000);
	pkts[0] = frame_packet(60, 2000, 0);
	pkts[1] = frame_packet(1015, 2000, 0); /* over the MTU */
	pkts[2] = frame_packet(60, 30, 0);     /* a chain on a port without them */
	pkts[3] = frame_packet(13, 2000, 0);   /* no Ethernet header */
	pkts[4] = frame_packet(1014, 2000, 0);
	assert_count(plx_port_tx_burst(port, 0, pkts, 5), 5);
	assert_count(soft_stats(port).tx.packets, 2);
	assert_count(soft_stats(port).tx.bytes, 1074);
	assert_count(soft_stats(port).tx.errors, 3);
	assert_count(soft_xstat(port, "tx_too_long"), 1);
	assert_count(soft_xstat(port, "tx_chains_refused"), 1);
	assert_count(soft_xstat(port, "tx_kernel_refused"), 1);
	cr_assert(comes((nb += recv(fd, got, sizeof(got), 0) > 0) == 2));

	sh_ok("ip link set dev dtap0 down");
	pkts[0] = frame_packet(60, 2000, 0);
	assert_count(plx_port_tx_burst(port, 0, pkts, 1), 1);
	assert_count(soft_stats(port).tx.errors, 4);
}

/* The tag of a VLAN does not count against the MTU; what is no tag does. */
Test(tap_packets, vlan_tags)
{
	static const unsigned char types[3][2] = {{0x81, 0}, {0x88, 0xa8}, {0x08, 0}};
	struct plx_mbuf *m;

	up(1, false, 1500);
	for (unsigned type = 0; type < PLX_ARRAY_SIZE(types); type++) {
		unsigned char *data;

		m = frame_packet(1518, 2000, 0);
		data = plx_mbuf_data(m);
		memcpy(data + 12, types[type], sizeof(types[type]));
		assert_count(plx_port_tx_burst(port, 0, &m, 1), 1);
		assert_count(soft_stats(port).tx.packets, type == 0 ? 1 : 2);
		assert_count(soft_stats(port).tx.errors, type == 2);
	}
	m = frame_packet(1519, 2000, 0);
	memcpy((char *)plx_mbuf_data(m) + 12, "\x81\0", 2);
	assert_count(plx_port_tx_burst(port, 0, &m, 1), 1);
	assert_count(soft_xstat(port, "tx_too_long"), 2);
}

Test(tap_packets, scattered)
{
	static const uint32_t lens[] = {60, 2047, 2048, 2049, 4096, 9014, 60, 6000};

	up(1, true, 9000);
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(lens); i++) {
		struct plx_mbuf *m;

		cr_assert(kernel_send(fd, lens[i], i), "%u bytes: %m", lens[i]);
		m = recv_wait();
		assert_frame(m, lens[i], i);
		assert_count(m->nb_segs, (lens[i] + 2047) / 2048);
		plx_mbuf_free(m);
	}
	assert_count(soft_stats(port).rx.errors, 0);
	/* Those at hand for the largest frame with a tag and a byte more. */
	cr_assert_null(port_recv(port, 0));
	assert_count(plx_mempool_in_use(soft_pool), 5);
}

/* The MTU of a port that runs grows: more segments are taken from the next burst on. */
Test(tap_packets, the_mtu_grows)
{
	struct plx_mbuf *m;

	up(1, true, 1500);
	cr_assert(kernel_send(fd, 1514, 1));
	m = recv_wait();
	assert_frame(m, 1514, 1);
	plx_mbuf_free(m);
	cr_assert_null(port_recv(port, 0));
	assert_count(plx_mempool_in_use(soft_pool), 1);
	done(plx_port_mtu_set(port, 9000));
	cr_assert(kernel_send(fd, 9014, 2), "%m");
	m = recv_wait();
	assert_frame(m, 9014, 2);
	plx_mbuf_free(m);
	done(plx_port_mtu_set(port, 1500));
	cr_assert(kernel_send(fd, 1514, 3));
	m = recv_wait();
	assert_frame(m, 1514, 3);
	plx_mbuf_free(m);
}

/* Somebody else makes the interface's MTU larger than the port's. */
Test(tap_packets, too_long_to_receive)
{
	struct plx_mbuf *m;

	up(1, false, 1500);
	sh_ok("ip link set dev dtap0 mtu 9000");
	cr_assert(kernel_send(fd, 1515, 0), "%m");
	cr_assert(kernel_send(fd, 9014, 0), "%m");
	cr_assert(kernel_send(fd, 2048, 0), "%m");
	cr_assert(kernel_send(fd, 1514, 7), "%m");
	m = recv_wait();
	assert_frame(m, 1514, 7);
	plx_mbuf_free(m);
	assert_count(soft_stats(port).rx.errors, 3);
	assert_count(soft_xstat(port, "rx_too_long"), 3);
}

/* The room is just that of the largest frame: one that is cut off must not pass as whole. */
Test(tap_packets, too_long_for_a_tight_room)
{
	struct plx_mempool *tight = packets_new("tight", 16, 1514, 0), *first = soft_pool;
	struct plx_mbuf *m;

	soft_pool = tight;
	up(1, false, 1500);
	soft_pool = first;
	sh_ok("ip link set dev dtap0 mtu 9000");
	cr_assert(kernel_send(fd, 1515, 0), "%m");
	cr_assert(kernel_send(fd, 1514, 3), "%m");
	m = recv_wait();
	assert_frame(m, 1514, 3);
	plx_mbuf_free(m);
	assert_count(soft_xstat(port, "rx_too_long"), 1);
	done(plx_port_stop(port));
	done(plx_port_detach(port));
	assert_all_home(tight);
	plx_mbuf_pool_destroy(tight);
}

Test(tap_packets, without_mbufs)
{
	struct plx_mbuf *held[SOFT_MBUFS], *m;
	uint32_t nb = 0;

	up(1, false, 0);
	while (nb < SOFT_MBUFS && (held[nb] = plx_mbuf_alloc(soft_pool)) != NULL)
		nb++;
	cr_assert(kernel_send(fd, 100, 5));
	cr_assert(comes((m = port_recv(port, 0)) != NULL || soft_stats(port).rx.nombuf > 0));
	/* The one that it keeps at hand may take the first; the next one waits in the kernel. */
	if (m)
		plx_mbuf_free(m);
	plx_mbuf_free_bulk(held, nb);
	cr_assert(kernel_send(fd, 200, 6));
	m = recv_wait();
	if (m->pkt_len == 100) {
		plx_mbuf_free(m);
		m = recv_wait();
	}
	assert_frame(m, 200, 6);
	plx_mbuf_free(m);
}

/* What waits at a stop is missed, and what the kernel had no room for as well. */
Test(tap_packets, missed)
{
	struct plx_port_conf conf = {.nb_rx_queues = 1, .nb_tx_queues = 1};
	struct plx_port_rxq_conf rxq = {
		.pool = soft_pool,
		.nb_desc = 32,
		.node = PLX_NODE_ANY,
	};
	uint64_t before;

	port = soft_attach("net_tap0");
	done(plx_port_configure(port, &conf));
	done(plx_port_rxq_setup(port, 0, &rxq));
	done(plx_port_txq_setup(port, 0, NULL));
	done(plx_port_start(port));
	tap_wait_up(port);
	fd = kernel_side("dtap0");
	while (port_recv(port, 0) != NULL)
		;
	before = soft_stats(port).rx.missed;
	for (unsigned i = 0; i < 50; i++)
		kernel_send(fd, 60, i);
	cr_assert(comes(soft_stats(port).rx.missed - before == 50 - 32), "%llu missed",
		  (unsigned long long)(soft_stats(port).rx.missed - before));
	done(plx_port_stop(port));
	assert_count(soft_stats(port).rx.missed - before, 50);
	assert_count(plx_mempool_in_use(soft_pool), 0);
}

/* More transmit than receive queues share descriptors; the kernel sends to those that are read. */
Test(tap_packets, unlike_queues)
{
	static unsigned char got[2000];
	unsigned nb_seen = 0, nb_got = 0;

	port = soft_attach("net_tap0");
	soft_setup(port, 2, 5, false, 0);
	done(plx_port_start(port));
	tap_wait_up(port);
	fd = kernel_side("dtap0");
	for (unsigned q = 0; q < 5; q++) {
		struct plx_mbuf *m = frame_packet(60 + q, 2000, q);

		assert_count(plx_port_tx_burst(port, q, &m, 1), 1);
	}
	cr_assert(comes((nb_seen += recv(fd, got, sizeof(got), 0) > 0) == 5), "%u seen", nb_seen);
	for (unsigned i = 0; i < 40; i++)
		cr_assert(kernel_send(fd, 100, i));
	for (unsigned ms = 0; nb_got < 40 && ms < TAP_WAIT_MS; ms++) {
		for (unsigned q = 0; q < 2; q++) {
			struct plx_mbuf *m = port_recv(port, q);

			nb_got += m != NULL;
			plx_mbuf_free(m);
		}
	}
	cr_assert_eq(nb_got, 40, "%u came", nb_got);
}

/* The kernel answers a flow by the queue on which it came. */
Test(tap_packets, flows_come_back_by_their_queue)
{
	/* UDP, from 10.0.0.1:1000 to 10.0.0.2:2000, and the answer */
	static const unsigned char there[42] = {
		2, 0, 0,  0,  0, 1, 2,	0, 0, 0, 0,  2, 8, 0, 0x45, 0,	  0, 28,   0, 0,
		0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 3,    0xe8, 7, 0xd0, 0, 8};
	static const unsigned char back[42] = {
		2, 0, 0,  0,  0, 2, 2,	0, 0, 0, 0,  1, 8, 0, 0x45, 0,	  0, 28,   0, 0,
		0, 0, 64, 17, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1, 7,    0xd0, 3, 0xe8, 0, 8};
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP)};

	port = soft_attach("net_tap0");
	soft_setup(port, 4, 4, false, 0);
	done(plx_port_start(port));
	tap_wait_up(port);
	fd = kernel_side("dtap0");
	address.sll_ifindex = (int)if_nametoindex("dtap0");
	for (unsigned q = 0; q < 4; q++) {
		struct plx_mbuf *m = packet_new(soft_pool, sizeof(there), 0);

		memcpy(plx_mbuf_data(m), there, sizeof(there));
		assert_count(plx_port_tx_burst(port, q, &m, 1), 1);
		cr_assert_eq(sendto(fd, back, sizeof(back), 0, (struct sockaddr *)&address,
				    sizeof(address)),
			     (ssize_t)sizeof(back), "%m");
		cr_assert(comes(plx_port_rx_burst(port, q, &m, 1) == 1), "not by queue %u", q);
		cr_assert_eq(memcmp(plx_mbuf_data(m), back, sizeof(back)), 0);
		plx_mbuf_free(m);
	}
}

Test(tap_packets, only_sending)
{
	struct plx_mbuf *m;

	port = soft_attach("net_tap0");
	soft_setup(port, 0, 2, false, 0);
	done(plx_port_start(port));
	tap_wait_up(port);
	m = frame_packet(60, 2000, 0);
	assert_count(plx_port_tx_burst(port, 1, &m, 1), 1);
	assert_count(soft_stats(port).tx.packets, 1);
}
