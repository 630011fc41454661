/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports on a veth pair: "pa" is the port's, a packet socket on "pb" is the peer. What the one side
 * sends the other has to get, or it has to be counted.
 */
#include "netns_env.h"
#include "pcap_env.h"
#include "pcap_peer.h"

#include <pollux/clock.h>
#include <pollux/netif.h>
#include <time.h>

TestSuite(pcap_live, .init = start_pair, .fini = end_pair);

static struct plx_mbuf *pkts[PLX_BURST_MAX];

/* Receive for as long as frames come. */
static unsigned receive(unsigned port, unsigned want)
{
	uint64_t end_ns = plx_clock_now_ns() + UINT64_C(2000000000);
	unsigned nb = 0;

	while (nb < want && plx_clock_now_ns() < end_ns)
		nb += plx_port_rx_burst(port, 0, pkts + nb, 32);
	return nb;
}

/* Send @nb frames and take them out of the port, checked. */
static void exchange(unsigned port, unsigned nb)
{
	for (unsigned i = 0; i < nb; i++)
		peer_send(100, i);
	assert_count(receive(port, nb), nb);
	for (unsigned i = 0; i < nb; i++)
		assert_frame(pkts[i], 100, i);
	plx_mbuf_free_bulk(pkts, nb);
	for (unsigned i = 0; i < nb; i++) {
		struct plx_mbuf *m = frame_new(pcap_pool, 200, i);

		assert_count(plx_port_tx_burst(port, 0, &m, 1), 1);
		assert_peer_gets(200, i);
	}
}

static uint64_t wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

Test(pcap_live, frames_of_each_length_both_ways)
{
	unsigned port = open_port("net_pcap0,iface=pa");
	uint64_t begin_ns = wall_ns(), bytes = 0;

	for (unsigned len = 60; len <= 1514; len++) {
		struct plx_mbuf *m;

		peer_send(len, len);
		assert_count(receive(port, 1), 1);
		assert_frame(pkts[0], len, len);
		cr_assert_eq(pkts[0]->port, port);
		cr_assert(pkts[0]->timestamp >= begin_ns && pkts[0]->timestamp <= wall_ns());
		plx_mbuf_free(pkts[0]);

		m = frame_new(pcap_pool, len, len + 7);
		assert_count(plx_port_tx_burst(port, 0, &m, 1), 1);
		assert_peer_gets(len, len + 7);
		bytes += len;
	}
	assert_count(stats_of(port).rx.packets, 1455);
	assert_count(stats_of(port).rx.bytes, bytes);
	assert_count(stats_of(port).tx.packets, 1455);
	assert_count(stats_of(port).tx.bytes, bytes);
	assert_count(stats_of(port).rx.missed, 0);
	assert_peer_silent();
	assert_no_line();
}

Test(pcap_live, bursts)
{
	unsigned port = open_port("net_pcap0,iface=pa");

	for (unsigned burst = 1; burst <= 64; burst++) {
		for (unsigned i = 0; i < burst; i++)
			peer_send(60 + i, i);
		assert_count(receive(port, burst), burst);
		for (unsigned i = 0; i < burst; i++)
			assert_frame(pkts[i], 60 + i, i);
		assert_count(plx_port_tx_burst(port, 0, pkts, burst), burst);
		for (unsigned i = 0; i < burst; i++)
			assert_peer_gets(60 + i, i);
	}
	assert_count(stats_of(port).rx.packets, 64 * 65 / 2);
	assert_count(stats_of(port).tx.packets, 64 * 65 / 2);
}

/* The port sends, the host sends, the peer sends: only the last comes in. Closes the port. */
static void check_peers_alone(unsigned port, int host)
{
	pkts[0] = frame_new(pcap_pool, 100, 1);
	assert_count(plx_port_tx_burst(port, 0, pkts, 1), 1);
	send_frame(host, 100, 2);
	peer_send(100, 3);
	assert_count(receive(port, 1), 1);
	assert_frame(pkts[0], 100, 3);
	plx_mbuf_free(pkts[0]);
	assert_count(plx_port_rx_burst(port, 0, pkts, 32), 0);
	close_port(port);
}

Test(pcap_live, who_sees_what_goes_out)
{
	int host = peer_open("pa");
	unsigned port;

	/* iface= and rx_iface_in=: neither the port's own frames nor the host's. */
	port = open_port("net_pcap0,iface=pa");
	check_peers_alone(port, host);

	port = open_port("net_pcap0,rx_iface_in=pa,tx_iface=pa");
	check_peers_alone(port, host);
	assert_no_line();

	/* rx_iface= sees all, and a warning tells who would forward what he sent. */
	port = open_port("net_pcap0,rx_iface=pa,tx_iface=pa");
	assert_one_line("port", PLX_LOG_WARN, "net_pcap0", "rx_iface_in=pa", "iface=pa");
	pkts[0] = frame_new(pcap_pool, 100, 1);
	assert_count(plx_port_tx_burst(port, 0, pkts, 1), 1);
	send_frame(host, 100, 2);
	peer_send(100, 3);
	assert_count(receive(port, 3), 3);
	for (unsigned i = 0; i < 3; i++)
		assert_frame(pkts[i], 100, i + 1);
	plx_mbuf_free_bulk(pkts, 3);
	close_port(port);
	close(host);
}

/* The kernel's ring overflows: what came and what was lost is what was sent. */
Test(pcap_live, a_full_ring_is_counted)
{
	unsigned port = open_port("net_pcap0,iface=pa,buffer_bytes=65536"), nb = 0, got;
	struct plx_port_stats stats;

	for (unsigned round = 0; round < 5; round++) {
		for (unsigned i = 0; i < 1000; i++)
			peer_send(1000, i);
		stats = stats_of(port);
		do {
			got = plx_port_rx_burst(port, 0, pkts, 32);
			plx_mbuf_free_bulk(pkts, got);
			nb += got;
		} while (got > 0);
	}
	stats = stats_of(port);
	assert_count(stats.rx.packets, nb);
	cr_assert_gt(nb, 100, "%u", nb);
	cr_assert_gt(stats.rx.missed, 1000, "%llu", (unsigned long long)stats.rx.missed);
	assert_count(stats.rx.packets + stats.rx.missed, 5000);
	assert_count(xstat(port, "rx_kernel_drops"), stats.rx.missed);
	cr_assert_eq(plx_port_stats_reset(port), 0);
	assert_count(stats_of(port).rx.missed, 0);
	peer_send(100, 0);
	assert_count(receive(port, 1), 1);
	plx_mbuf_free(pkts[0]);
	assert_count(stats_of(port).rx.packets, 1);
	assert_count(stats_of(port).rx.missed, 0);
}

Test(pcap_live, frames_that_wait_at_a_stop_are_missed)
{
	unsigned port, nb;

	/* What came before the first start came to nobody. */
	port = attach("net_pcap0,iface=pa");
	for (unsigned i = 0; i < 10; i++)
		peer_send(100, i);
	cr_assert_eq(plx_port_setup(port, 1, 1, pcap_pool), 0);
	cr_assert_eq(plx_port_start(port), 0);
	assert_count(plx_port_rx_burst(port, 0, pkts, 32), 0);
	assert_count(stats_of(port).rx.missed, 0);

	for (unsigned i = 0; i < 20; i++)
		peer_send(100, i);
	nb = receive(port, 1);
	for (unsigned i = 0; i < nb; i++)
		assert_frame(pkts[i], 100, i);
	plx_mbuf_free_bulk(pkts, nb);
	for (unsigned i = 0; i < 20; i++)
		peer_send(100, i);
	cr_assert_eq(plx_port_stop(port), 0);
	assert_count(stats_of(port).rx.missed + stats_of(port).rx.packets, 40);
	cr_assert_geq(xstat(port, "rx_flushed"), 20);

	/* Nothing comes to a stopped port. */
	for (unsigned i = 0; i < 15; i++)
		peer_send(100, i);
	cr_assert_eq(plx_port_start(port), 0);
	assert_count(plx_port_rx_burst(port, 0, pkts, 32), 0);
	assert_count(stats_of(port).rx.missed + stats_of(port).rx.packets, 40);
	exchange(port, 20);
	assert_no_line();
}

/* The control thread opens some for a moment: the least of several looks. */
static unsigned nb_files_open(void)
{
	unsigned least = nb_entries("/proc/self/fd");

	for (unsigned i = 0; i < 20; i++) {
		unsigned nb = nb_entries("/proc/self/fd");

		least = nb < least ? nb : least;
		usleep(500);
	}
	return least;
}

Test(pcap_live, starts_and_stops)
{
	unsigned port = open_port("net_pcap0,iface=pa,filter=ether proto 0x88b5");
	uint64_t begin_ns, took_ns;
	unsigned before;

	exchange(port, 5);
	before = nb_files_open();
	begin_ns = plx_clock_now_ns();
	for (unsigned i = 0; i < 1000; i++) {
		cr_assert_eq(plx_port_stop(port), 0);
		cr_assert_eq(plx_port_start(port), 0);
	}
	took_ns = plx_clock_now_ns() - begin_ns;
	fprintf(stderr, "a stop and a start: %llu us\n", (unsigned long long)took_ns / 1000000);
	exchange(port, 5);
	assert_count(nb_files_open(), before);
	close_port(port);
	for (unsigned i = 0; i < 10; i++)
		close_port(open_port("net_pcap0,iface=pa"));
	/* What stays open belongs to lib/netif: its watches' socket. */
	cr_assert_lt(nb_files_open(), before);
	assert_no_line();
}

Test(pcap_live, without_mbufs_frames_wait_in_the_kernel)
{
	struct plx_mempool *pool = packets_new("small", 8, 0, 0);
	unsigned port = open_port_(__LINE__, "net_pcap0,iface=pa", 0, 0, pool);

	assert_count(plx_port_rx_burst(port, 0, pkts, 32), 0);
	assert_count(stats_of(port).rx.nombuf, 0);
	for (unsigned i = 0; i < 20; i++)
		peer_send(100, i);
	assert_count(receive(port, 8), 8);
	cr_assert_gt(stats_of(port).rx.nombuf, 0);
	assert_count(plx_port_rx_burst(port, 0, pkts + 8, 32), 0);
	for (unsigned i = 0; i < 8; i++)
		assert_frame(pkts[i], 100, i);
	plx_mbuf_free_bulk(pkts, 8);
	assert_count(receive(port, 8), 8);
	plx_mbuf_free_bulk(pkts, 8);
	assert_count(receive(port, 4), 4);
	assert_frame(pkts[3], 100, 19);
	plx_mbuf_free_bulk(pkts, 4);
	assert_count(stats_of(port).rx.packets, 20);
	assert_count(stats_of(port).rx.missed, 0);
	close_port(port);
	assert_all_home(pool);
	plx_mbuf_pool_destroy(pool);
}

Test(pcap_live, jumbo_frames_in_chains)
{
	struct plx_mempool *pool = packets_new("chains", 7, 0, 0);
	struct plx_port_info info;
	uint32_t mtu = 0;
	unsigned port;

	sh_ok("ip link set dev pb mtu 9000");
	port = open_port_(__LINE__, "net_pcap0,iface=pa", PLX_PORT_RX_SCATTER,
			  PLX_PORT_TX_MULTI_SEGS, pool);
	cr_assert_eq(plx_port_mtu_set(port, 9000), -EBUSY);
	assert_one_line("port", PLX_LOG_ERR, "net_pcap0", "MTU", "stopped");
	log_lines_start();
	cr_assert_eq(plx_port_stop(port), 0);
	cr_assert_eq(plx_port_mtu_set(port, 9000), 0, "%s", log_lines_text(0));
	cr_assert_eq(plx_port_mtu(port, &mtu), 0);
	cr_assert_eq(mtu, 9000, "%u", mtu);
	cr_assert_eq(plx_port_info(port, &info), 0);
	cr_assert_eq(info.max_frame_bytes, 9014, "%u", info.max_frame_bytes);
	cr_assert_eq(plx_port_start(port), 0);

	/* Five mbufs each: the second one waits, and is not lost. */
	peer_send(9014, 1);
	peer_send(9014, 2);
	peer_send(100, 3);
	assert_count(receive(port, 1), 1);
	assert_frame(pkts[0], 9014, 1);
	assert_count(plx_port_rx_burst(port, 0, pkts + 1, 32), 0);
	cr_assert_gt(stats_of(port).rx.nombuf, 0);
	/* And goes out as it is. */
	assert_count(plx_port_tx_burst(port, 0, pkts, 1), 1);
	assert_peer_gets(9014, 1);
	assert_count(receive(port, 2), 2);
	assert_frame(pkts[0], 9014, 2);
	assert_frame(pkts[1], 100, 3);
	plx_mbuf_free_bulk(pkts, 2);
	assert_count(stats_of(port).rx.packets, 3);
	assert_count(stats_of(port).rx.errors, 0);

	/* One that is held aside at the stop is missed. */
	peer_send(9014, 1);
	peer_send(9014, 2);
	assert_count(receive(port, 1), 1);
	plx_mbuf_free(pkts[0]);
	cr_assert_eq(plx_port_stop(port), 0);
	assert_count(stats_of(port).rx.missed, 1);
	cr_assert_eq(plx_port_start(port), 0);
	peer_send(100, 3);
	assert_count(receive(port, 1), 1);
	assert_frame(pkts[0], 100, 3);
	plx_mbuf_free(pkts[0]);
	close_port(port);
	assert_all_home(pool);
	plx_mbuf_pool_destroy(pool);
	assert_no_line();
}

Test(pcap_live, frames_that_are_too_long)
{
	unsigned port = open_port("net_pcap0,iface=pa");

	/* Out: the kernel refuses them; those behind go. */
	pkts[0] = frame_new(pcap_pool, 1515, 0);
	pkts[1] = frame_new(pcap_pool, 1514, 1);
	pkts[2] = frame_new(pcap_pool, 2000, 2);
	pkts[3] = frame_new(pcap_pool, 60, 3);
	assert_count(plx_port_tx_burst(port, 0, pkts, 4), 4);
	assert_peer_gets(1514, 1);
	assert_peer_gets(60, 3);
	assert_count(xstat(port, "tx_too_long"), 2);
	assert_count(stats_of(port).tx.errors, 2);
	assert_count(stats_of(port).tx.packets, 2);
	assert_count(stats_of(port).tx.bytes, 1574);

	/* In: longer than the ring's slots, since the MTU grew behind the port's back. */
	sh_ok("ip link set dev pb mtu 9000 && ip link set dev pa mtu 9000");
	peer_send(9014, 0);
	peer_send(1522, 1);
	peer_send(1600, 2);
	peer_send(100, 3);
	assert_count(receive(port, 2), 2);
	assert_frame(pkts[0], 1522, 1);
	assert_frame(pkts[1], 100, 3);
	plx_mbuf_free_bulk(pkts, 2);
	assert_count(xstat(port, "rx_truncated"), 2);
	assert_count(stats_of(port).rx.errors, 2);
	/* The next start makes room. */
	cr_assert_eq(plx_port_stop(port), 0);
	for (unsigned i = 0; i < 1000; i++) {
		uint32_t mtu;

		cr_assert_eq(plx_port_mtu(port, &mtu), 0);
		if (mtu == 9000)
			break;
		usleep(1000);
	}
	cr_assert_eq(plx_port_start(port), 0);
	peer_send(2048, 4);
	peer_send(2049, 5);
	assert_count(receive(port, 1), 1);
	assert_frame(pkts[0], 2048, 4);
	plx_mbuf_free(pkts[0]);
	assert_count(plx_port_rx_burst(port, 0, pkts, 32), 0);
	assert_count(xstat(port, "rx_truncated"), 2);
	assert_count(xstat(port, "rx_too_long"), 1);
	assert_no_line();
}

Test(pcap_live, snaplen_and_filter)
{
	unsigned port = open_port("net_pcap0,iface=pa,snaplen=64,filter=greater 90");

	peer_send(80, 0);
	peer_send(100, 1);
	peer_send(1514, 2);
	peer_send(89, 3);
	assert_count(receive(port, 2), 2);
	assert_head(pkts[0], 64, 1);
	assert_head(pkts[1], 64, 2);
	plx_mbuf_free_bulk(pkts, 2);
	assert_count(plx_port_rx_burst(port, 0, pkts, 32), 0);
	assert_count(xstat(port, "rx_cut"), 2);
	assert_count(stats_of(port).rx.errors, 0);
	assert_count(stats_of(port).rx.missed, 0);
	/* It is the same filter after a stop. */
	cr_assert_eq(plx_port_stop(port), 0);
	cr_assert_eq(plx_port_start(port), 0);
	peer_send(80, 0);
	peer_send(100, 1);
	assert_count(receive(port, 1), 1);
	assert_head(pkts[0], 64, 1);
	plx_mbuf_free(pkts[0]);
	assert_count(plx_port_rx_burst(port, 0, pkts, 32), 0);
}

/* The kernel takes the tag out; it has to be back. */
Test(pcap_live, vlan_tags)
{
	unsigned port = open_port("net_pcap0,iface=pa");

	for (unsigned len = 64; len <= 1518; len += 727) {
		peer_send_tagged(len, 5, 0x6123);
		assert_count(receive(port, 1), 1);
		assert_tagged(pkts[0], len, 5, 0x6123);
		assert_count(plx_port_tx_burst(port, 0, pkts, 1), 1);
		assert_peer_gets_tagged(len, 5, 0x6123);
	}
	assert_count(stats_of(port).rx.errors, 0);
}

Test(pcap_live, chains_that_were_not_asked_for)
{
	unsigned port = open_port("net_pcap0,iface=pa");

	pkts[0] = frame_new(pcap_pool, 100, 0);
	cr_assert_eq(plx_mbuf_chain(pkts[0], packet_new(pcap_pool, 10, 0)), 0);
	pkts[1] = frame_new(pcap_pool, 100, 1);
	assert_count(plx_port_tx_burst(port, 0, pkts, 2), 2);
	assert_peer_gets(100, 1);
	assert_peer_silent();
	assert_count(xstat(port, "tx_refused"), 1);
	assert_count(stats_of(port).tx.errors, 1);
	close_port(port);

	port = open_port_(__LINE__, "net_pcap0,iface=pa", 0, PLX_PORT_TX_MULTI_SEGS, pcap_pool);
	pkts[0] = frame_new(pcap_pool, 100, 0);
	cr_assert_eq(plx_mbuf_chain(pkts[0], frame_rest(pcap_pool, 100, 300, 0)), 0);
	cr_assert_eq(plx_mbuf_chain(pkts[0], frame_rest(pcap_pool, 300, 301, 0)), 0);
	assert_count(plx_port_tx_burst(port, 0, pkts, 1), 1);
	assert_peer_gets(301, 0);
}

Test(pcap_live, two_senders_to_one_interface)
{
	unsigned port = open_port("net_pcap0,rx_iface_in=pa,tx_iface=pa,tx_iface=pa");
	struct plx_port_tx_stats stats;

	for (unsigned i = 0; i < 10; i++) {
		struct plx_mbuf *m = frame_new(pcap_pool, 100, i);

		assert_count(plx_port_tx_burst(port, i % 2, &m, 1), 1);
		assert_peer_gets(100, i);
	}
	cr_assert_eq(plx_port_txq_stats(port, 1, &stats), 0);
	assert_count(stats.packets, 5);
	peer_send(100, 3);
	assert_count(receive(port, 1), 1);
	plx_mbuf_free(pkts[0]);
	/* The handles that only send take nothing and lose nothing. */
	assert_count(stats_of(port).rx.missed, 0);
}

Test(pcap_live, lazy)
{
	unsigned port = open_port("net_pcap0,iface=pa,immediate=0");

	exchange(port, 20);
	assert_count(stats_of(port).rx.missed, 0);
	/* Blocks of frames that wait at a stop are missed as well. */
	for (unsigned i = 0; i < 10; i++)
		peer_send(100, i);
	usleep(20000);
	cr_assert_eq(plx_port_stop(port), 0);
	assert_count(stats_of(port).rx.missed, 10);
}
