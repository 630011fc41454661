/* SPDX-License-Identifier: BSD-3-Clause */
/* net_af_xdp: several queues of an interface, and those that are the kernel's. */
#include "af_xdp_env.h"

enum { POOL = 2048 };

/* An UDP frame of a flow of its own, so that the kernel chooses a queue by it. */
static void send_flow(int peer, unsigned flow)
{
	unsigned char frame[60] = {
		2,    0, 0, 0,	0, 1, 2, 0, 0,	0,  0, 2, 0x08, 0x00, /* IPv4 */
		0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0, 10,	0,    0, 1, 10, 0, 0, 2,
	};

	frame[34] = (unsigned char)(flow >> 8);
	frame[35] = (unsigned char)flow;
	frame[37] = 53;
	frame[39] = 26;
	peer_write(peer, frame, sizeof(frame));
}

/* veth pair qa, qb with two queues each way. */
static void veth_queues(void)
{
	sh_ok("ip link add name qa numrxqueues 4 numtxqueues 4 type veth "
	      "peer name qb numrxqueues 4 numtxqueues 4");
	sh_ok("ethtool -L qa rx 2 tx 2 && ethtool -L qb rx 2 tx 2");
	sh_ok("sysctl -qw net.ipv6.conf.qa.disable_ipv6=1 net.ipv6.conf.qb.disable_ipv6=1");
	sh_ok("ip link set dev qa up && ip link set dev qb up");
}

enum { FLOWS = 400 };

static uint32_t drain(unsigned port, unsigned queue)
{
	struct plx_mbuf *pkts[FLOWS];
	uint32_t nb = port_take(port, queue, pkts, FLOWS, QUIET_MS);

	plx_mbuf_free_bulk(pkts, nb);
	return nb;
}

Test(af_xdp_life, receives_and_sends_on_two_queues)
{
	struct plx_mempool *pool;
	struct plx_port_info info;
	uint32_t nb[2] = {0};
	unsigned port;
	int peer;

	xdp_start(1);
	veth_queues();
	pool = packets_new("pool", POOL, 0, 0);
	peer = peer_open("qb");
	port = port_new("net_af_xdp0,iface=qa");
	cr_assert_eq(plx_port_info(port, &info), 0);
	cr_assert_eq(info.max_rx_queues, 2, "%u", info.max_rx_queues);
	cr_assert_eq(info.max_tx_queues, 2, "%u", info.max_tx_queues);
	cr_assert_eq(port_setup(port, 2, 2, pool), 0);
	cr_assert_eq(plx_port_start(port), 0, "%s", log_lines_text(0));
	cr_assert_eq(xdp_of(port)->socks[0].umem, xdp_of(port)->socks[1].umem);
	for (unsigned i = 0; i < FLOWS; i += 50) {
		for (unsigned j = 0; j < 50; j++)
			send_flow(peer, i + j);
		nb[0] += drain(port, 0);
		nb[1] += drain(port, 1);
	}
	cr_assert_eq(nb[0] + nb[1], FLOWS, "%u and %u", nb[0], nb[1]);
	cr_assert(nb[0] > FLOWS / 10 && nb[1] > FLOWS / 10, "%u and %u", nb[0], nb[1]);
	assert_xstat(port, "rx_q0_packets", nb[0]);
	assert_xstat(port, "rx_q1_packets", nb[1]);
	assert_xstat(port, "rx_packets", FLOWS);
	for (unsigned i = 0; i < 200; i++) {
		struct plx_mbuf *m = frame_new(pool, 100, i);

		cr_assert_eq(plx_port_tx_burst(port, i % 2, &m, 1), 1);
		assert_peer_gets(peer, 100, i);
	}
	assert_xstat(port, "tx_q0_packets", 100);
	assert_xstat(port, "tx_q1_packets", 100);
	port_down(port);
	assert_all_home(pool);
	xdp_end();
}

Test(af_xdp_life, takes_the_second_queue_and_leaves_the_first_to_the_kernel)
{
	struct plx_mempool *pool;
	struct plx_port_info info;
	uint32_t nb = 0, others = 0;
	unsigned char frame[FRAME_ROOM];
	unsigned port;
	int peer, kernel;

	xdp_start(1);
	veth_queues();
	pool = packets_new("pool", POOL, 0, 0);
	peer = peer_open("qb");
	kernel = peer_open("qa");
	port = port_up("net_af_xdp0,iface=qa,start_queue=1,queue_count=1", 1, pool);
	cr_assert_eq(plx_port_info(port, &info), 0);
	cr_assert_eq(info.max_rx_queues, 1, "%u", info.max_rx_queues);
	for (unsigned i = 0; i < FLOWS; i += 50) {
		for (unsigned j = 0; j < 50; j++)
			send_flow(peer, i + j);
		nb += drain(port, 0);
	}
	while (recv(kernel, frame, sizeof(frame), MSG_DONTWAIT) > 0)
		others += frame[12] == 0x08 && frame[13] == 0;
	cr_assert_eq(nb + others, FLOWS, "%u and %u", nb, others);
	cr_assert(nb > FLOWS / 10 && others > FLOWS / 10, "%u and %u", nb, others);
	port_down(port);
	assert_all_home(pool);
	xdp_end();
}

/* Queues of one port on two pools have a UMEM each. */
Test(af_xdp_life, has_a_pool_for_each_queue)
{
	struct plx_port_conf conf = {.nb_rx_queues = 2, .nb_tx_queues = 2};
	struct plx_mempool *pools[2];
	unsigned port;
	int peer;

	xdp_start(1);
	veth_queues();
	pools[0] = packets_new("pool0", POOL, 0, 0);
	pools[1] = packets_new("pool1", POOL, 2500, 64);
	peer = peer_open("qb");
	port = port_new("net_af_xdp0,iface=qa");
	cr_assert_eq(plx_port_configure(port, &conf), 0);
	for (unsigned i = 0; i < 2; i++) {
		struct plx_port_rxq_conf rxq = {
			.pool = pools[i], .nb_desc = NB_DESC, .node = PLX_NODE_ANY};

		cr_assert_eq(plx_port_rxq_setup(port, i, &rxq), 0);
		cr_assert_eq(plx_port_txq_setup(port, i, NULL), 0);
	}
	cr_assert_eq(plx_port_start(port), 0, "%s", log_lines_text(0));
	for (unsigned i = 0; i < 100; i++) {
		for (unsigned queue = 0; queue < 2; queue++) {
			struct plx_mbuf *m = frame_new(pools[queue], 100, i);

			cr_assert_eq(plx_port_tx_burst(port, queue, &m, 1), 1);
			assert_peer_gets(peer, 100, i);
		}
	}
	assert_xstat(port, "tx_copied", 0);
	for (unsigned i = 0; i < FLOWS; i += 50) {
		for (unsigned j = 0; j < 50; j++)
			send_flow(peer, i + j);
		for (unsigned queue = 0; queue < 2; queue++) {
			struct plx_mbuf *pkts[50];
			uint32_t nb = port_take(port, queue, pkts, 50, QUIET_MS);

			for (uint32_t k = 0; k < nb; k++)
				cr_assert_eq(plx_mbuf_pool(pkts[k]), pools[queue]);
			plx_mbuf_free_bulk(pkts, nb);
		}
	}
	assert_xstat(port, "rx_packets", FLOWS);
	port_down(port);
	assert_all_home(pools[0]);
	assert_all_home(pools[1]);
	xdp_end();
}
