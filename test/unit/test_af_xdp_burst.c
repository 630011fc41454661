/* SPDX-License-Identifier: BSD-3-Clause */
/* net_af_xdp: what comes in and goes out, and whose memory it lies in. */
#include "af_xdp_env.h"

enum { POOL = 2048 };

/* The largest frame of a pool with the default data room: an MTU of 1,906. */
static void mtu_to_largest(unsigned port)
{
	struct plx_port_info info;

	cr_assert_eq(plx_port_info(port, &info), 0);
	cr_assert_eq(info.max_mtu + ETH_HLEN, PLX_MBUF_HEADROOM + PLX_MBUF_DATA_ROOM - 256,
		     "largest MTU %u", info.max_mtu);
	cr_assert_eq(plx_port_mtu_set(port, info.max_mtu), 0);
	sh_ok("ip link set dev xb mtu %u", info.max_mtu);
	cr_assert_eq(plx_port_info(port, &info), 0);
	cr_assert_eq(info.max_frame_bytes, info.max_mtu + ETH_HLEN);
}

static void receives_all_sizes(const char *device, bool huge_headroom)
{
	const uint16_t priv = huge_headroom ? 512 : 0;
	uint32_t largest = PLX_MBUF_HEADROOM + PLX_MBUF_DATA_ROOM - 256, nb = 0;
	uint64_t bytes = 0;
	struct plx_mempool *pool;
	unsigned port;
	int peer;

	xdp_start(1);
	pool = packets_new("pool", POOL, 0, priv);
	peer = peer_open("xb");
	port = port_up(device, 1, pool);
	mtu_to_largest(port);
	for (uint32_t len = FRAME_MIN; len <= largest; len += len < 128 || len > 1500 ? 1 : 13) {
		struct plx_mbuf *m;

		peer_send(peer, len, nb);
		m = port_take_one(port);
		assert_frame(m, len, nb);
		/* As the descriptor says: behind what the kernel keeps for itself. */
		cr_assert_eq(m->data_off, 256, "data_off %u", m->data_off);
		cr_assert_eq((char *)m->buf_addr, (char *)(m + 1) + priv);
		cr_assert_eq(m->port, port);
		cr_assert_eq(m->flags, 0);
		plx_mbuf_free(m);
		bytes += len;
		nb++;
	}
	assert_xstat(port, "rx_packets", nb);
	assert_xstat(port, "rx_bytes", bytes);
	assert_xstat(port, "rx_missed", 0);
	port_down(port);
	assert_all_home(pool);
	xdp_end();
}

Test(af_xdp_burst, receives_all_sizes_in_native_mode)
{
	receives_all_sizes("net_af_xdp0,iface=xa,mode=native", false);
}

Test(af_xdp_burst, receives_all_sizes_in_skb_mode)
{
	receives_all_sizes("net_af_xdp0,iface=xa,mode=skb", false);
}

Test(af_xdp_burst, receives_behind_a_private_area)
{
	receives_all_sizes("net_af_xdp0,iface=xa,busy_budget=64", true);
}

Test(af_xdp_burst, sends_all_sizes)
{
	struct rig rig;
	uint32_t largest = PLX_MBUF_HEADROOM + PLX_MBUF_DATA_ROOM - 256, nb = 0;
	uint64_t bytes = 0;

	rig_up(POOL, &rig);
	mtu_to_largest(rig.port);
	for (uint32_t len = FRAME_MIN; len <= largest; len += len < 128 || len > 1500 ? 1 : 13) {
		struct plx_mbuf *m = frame_new(rig.pool, len, nb);

		port_send_all(rig.port, &m, 1);
		assert_peer_gets(rig.peer, len, nb);
		bytes += len;
		nb++;
	}
	assert_xstat(rig.port, "tx_packets", nb);
	assert_xstat(rig.port, "tx_bytes", bytes);
	assert_xstat(rig.port, "tx_errors", 0);
	assert_xstat(rig.port, "tx_copied", 0);
	rig_down(&rig);
}

/* Each packet at another place in its buffer. */
Test(af_xdp_burst, sends_from_wherever_the_data_begins)
{
	struct rig rig;

	rig_up(POOL, &rig);
	for (uint32_t off = 0; off <= PLX_MBUF_DATA_ROOM + PLX_MBUF_HEADROOM - 200; off += 97) {
		struct plx_mbuf *m = plx_mbuf_alloc(rig.pool);

		m->data_off = (uint16_t)off;
		frame_make(plx_mbuf_data(m), 200, off);
		m->data_len = 200;
		m->pkt_len = 200;
		port_send_all(rig.port, &m, 1);
		assert_peer_gets(rig.peer, 200, off);
	}
	assert_xstat(rig.port, "tx_copied", 0);
	rig_down(&rig);
}

/* More in a burst than the kernel sends in one call. */
Test(af_xdp_burst, sends_bursts_of_all_sizes)
{
	struct rig rig;
	struct plx_mbuf *pkts[PLX_BURST_MAX];
	uint32_t total = 0;

	rig_up(POOL, &rig);
	for (uint32_t nb = 1; nb <= 256; nb += nb < 40 ? 1 : 27) {
		uint32_t sent;

		for (uint32_t i = 0; i < nb; i++)
			pkts[i] = frame_new(rig.pool, 100, total + i);
		sent = plx_port_tx_burst(rig.port, 0, pkts, nb);
		cr_assert_eq(sent, nb, "%u of %u", sent, nb);
		for (uint32_t i = 0; i < nb; i++)
			assert_peer_gets(rig.peer, 100, total + i);
		total += nb;
	}
	assert_xstat(rig.port, "tx_packets", total);
	assert_xstat(rig.port, "tx_bytes", 100 * total);
	rig_down(&rig);
}

/* ---- Packets that are not as they have to be ---- */

Test(af_xdp_burst, copies_what_lies_in_another_pool)
{
	struct plx_mempool *pool, *foreign;
	unsigned port;
	int peer;

	xdp_start(1);
	pool = packets_new("pool", POOL, 0, 0);
	foreign = packets_new("foreign", 64, 9000, 0);
	peer = peer_open("xb");
	port = port_up("net_af_xdp0,iface=xa", 1, pool);
	for (unsigned i = 0; i < 200; i++) {
		struct plx_mbuf *m = frame_new(i % 2 ? foreign : pool, 60 + i, i);

		port_send_all(port, &m, 1);
		assert_peer_gets(peer, 60 + i, i);
	}
	assert_xstat(port, "tx_copied", 100);
	assert_xstat(port, "tx_q0_copied", 100);
	assert_xstat(port, "tx_packets", 200);
	/* What was copied is free at once. */
	assert_all_home(foreign);
	port_down(port);
	assert_all_home(pool);
	xdp_end();
}

/* A clone shares its buffer: its user may go on reading it, and may free it at any time. */
Test(af_xdp_burst, copies_clones_and_what_has_more_users)
{
	struct rig rig;
	struct plx_mbuf *m, *clone, *pair[2];

	rig_up(POOL, &rig);
	m = frame_new(rig.pool, 300, 5);
	clone = plx_mbuf_clone(m, rig.pool);
	cr_assert_not_null(clone);
	pair[0] = clone;
	pair[1] = m;
	port_send_all(rig.port, pair, 1);
	assert_peer_gets(rig.peer, 300, 5);
	assert_xstat(rig.port, "tx_copied", 1);
	cr_assert_eq(m->refcnt, 1, "the clone is still there");
	assert_good(m);
	/* The original has its buffer for itself again. */
	port_send_all(rig.port, &m, 1);
	assert_peer_gets(rig.peer, 300, 5);
	assert_xstat(rig.port, "tx_copied", 1);
	rig_down(&rig);
}

static struct plx_mbuf *chain_new(struct plx_mempool *pool, uint32_t len, unsigned nb_segs,
				  unsigned salt)
{
	struct plx_mbuf *head = NULL, *whole = frame_new(pool, len, salt);

	for (unsigned i = 0; i < nb_segs; i++) {
		uint32_t from = len * i / nb_segs, to = len * (i + 1) / nb_segs;
		struct plx_mbuf *seg = plx_mbuf_copy(whole, pool, from, to - from);

		if (!head)
			head = seg;
		else
			cr_assert_eq(plx_mbuf_chain(head, seg), 0);
	}
	plx_mbuf_free(whole);
	cr_assert_eq(head->nb_segs, nb_segs);
	return head;
}

Test(af_xdp_burst, flattens_chains)
{
	struct plx_port_conf conf = {
		.nb_rx_queues = 1, .nb_tx_queues = 1, .tx_offloads = PLX_PORT_TX_MULTI_SEGS};
	struct plx_port_rxq_conf rxq = {.nb_desc = NB_DESC, .node = PLX_NODE_ANY};
	struct plx_mempool *pool;
	unsigned port;
	int peer;

	xdp_start(1);
	pool = packets_new("pool", POOL, 0, 0);
	peer = peer_open("xb");
	port = port_new("net_af_xdp0,iface=xa");
	rxq.pool = pool;
	cr_assert_eq(plx_port_configure(port, &conf), 0);
	cr_assert_eq(plx_port_rxq_setup(port, 0, &rxq), 0);
	cr_assert_eq(plx_port_txq_setup(port, 0, NULL), 0);
	cr_assert_eq(plx_port_start(port), 0);
	for (unsigned segs = 2; segs <= 40; segs++) {
		struct plx_mbuf *m = chain_new(pool, 1400 + segs, segs, segs);

		port_send_all(port, &m, 1);
		assert_peer_gets(peer, 1400 + segs, segs);
	}
	assert_xstat(port, "tx_copied", 39);
	port_down(port);
	assert_all_home(pool);
	xdp_end();
}

/* Each is taken, freed and counted; those between them go out. */
Test(af_xdp_burst, counts_what_it_cannot_send)
{
	struct plx_mempool *pool, *large;
	struct plx_mbuf *pkts[7];
	unsigned port;
	int peer;

	xdp_start(1);
	pool = packets_new("pool", POOL, 0, 0);
	large = packets_new("large", 16, 9000, 0);
	peer = peer_open("xb");
	port = port_up("net_af_xdp0,iface=xa", 1, pool);
	pkts[0] = frame_new(pool, 100, 0);
	pkts[1] = frame_new(pool, 1515, 1);   /* over the MTU */
	pkts[2] = frame_new(large, 5000, 2);  /* over a chunk, too */
	pkts[3] = plx_mbuf_alloc(pool);	      /* empty */
	pkts[4] = chain_new(pool, 200, 2, 4); /* not asked for */
	pkts[5] = frame_new(large, 1518, 5);  /* without a tag */
	pkts[6] = frame_new(pool, 1514, 6);
	cr_assert_eq(plx_port_tx_burst(port, 0, pkts, 7), 7);
	assert_peer_gets(peer, 100, 0);
	assert_peer_gets(peer, 1514, 6);
	assert_xstat(port, "tx_errors", 5);
	assert_xstat(port, "tx_packets", 2);
	assert_xstat(port, "tx_bytes", 1614);
	assert_all_home(large);
	port_down(port);
	assert_all_home(pool);
	xdp_end();
}

/* A VLAN tag comes on top of the MTU. */
Test(af_xdp_burst, sends_and_receives_a_tag_more)
{
	struct rig rig;
	unsigned char frame[FRAME_ROOM], got[FRAME_ROOM];
	struct plx_mbuf *m;
	ssize_t len = 0;

	rig_up(POOL, &rig);
	frame_make(frame, 1518, 1);
	memcpy(frame + 12, "\x81\x00\x00\x07\x88\xb5", 6);
	peer_write(rig.peer, frame, 1518);
	m = port_take_one(rig.port);
	cr_assert_eq(m->pkt_len, 1518, "%u", m->pkt_len);
	cr_assert_arr_eq(plx_mbuf_data(m), frame, 1518);
	port_send_all(rig.port, &m, 1);
	for (int i = 0; i < WAIT_MS && len <= 0; i++) {
		struct timespec ms = {.tv_nsec = 1000000};

		len = recv(rig.peer, got, sizeof(got), MSG_DONTWAIT);
		nanosleep(&ms, NULL);
	}
	/* Packet sockets show the tag apart: the frame is 4 bytes shorter. */
	cr_assert_eq(len, 1514, "%zd", len);
	cr_assert_arr_eq(got + 14, frame + 18, 1500);
	assert_xstat(rig.port, "tx_errors", 0);
	rig_down(&rig);
}

/* The interface drops what it can't pass on; the kernel tells, one by one. */
Test(af_xdp_burst, counts_what_the_interface_refuses)
{
	struct rig rig;
	struct plx_mbuf *pkts[100];

	rig_up(POOL, &rig);
	sh_ok("ip link set dev xb down");
	for (unsigned i = 0; i < 100; i++)
		pkts[i] = frame_new(rig.pool, 60 + i, i);
	port_send_all(rig.port, pkts, 100);
	assert_xstat(rig.port, "tx_errors", 100);
	assert_xstat(rig.port, "tx_packets", 0);
	assert_xstat(rig.port, "tx_bytes", 0);
	sh_ok("ip link set dev xb up");
	pkts[0] = frame_new(rig.pool, 60, 1);
	port_send_all(rig.port, pkts, 1);
	assert_peer_gets(rig.peer, 60, 1);
	assert_xstat(rig.port, "tx_packets", 1);
	assert_xstat(rig.port, "tx_bytes", 60);
	rig_down(&rig);
}

/* ---- Ports on one pool ---- */

/* What comes in by one port goes out by the other where it lies. */
Test(af_xdp_burst, forwards_without_a_copy)
{
	struct plx_mempool *pool;
	const struct plx_xdp_txq *txq;
	unsigned in, out;
	int peer_in, peer_out;

	xdp_start(1);
	veth_up("ya", "yb");
	pool = packets_new("pool", POOL, 0, 0);
	peer_in = peer_open("xb");
	peer_out = peer_open("yb");
	in = port_up("net_af_xdp0,iface=xa", 1, pool);
	out = port_up("net_af_xdp1,iface=ya", 1, pool);
	txq = plx_port_tx_paths[out][0].queue;
	cr_assert_eq(xdp_of(in)->socks[0].umem, xdp_of(out)->socks[0].umem, "two UMEMs");
	for (unsigned i = 0; i < 500; i++) {
		uint32_t len = 60 + i, at = txq->tx.cached_prod;
		const struct xdp_desc *desc =
			&((const struct xdp_desc *)txq->tx.ring)[at & txq->tx.mask];
		struct plx_mbuf *m;
		void *data;

		peer_send(peer_in, len, i);
		m = port_take_one(in);
		data = plx_mbuf_data(m);
		port_send_all(out, &m, 1);
		assert_peer_gets(peer_out, len, i);
		cr_assert_eq(txq->area + xsk_umem__add_offset_to_addr(desc->addr), data,
			     "another place was sent from");
		cr_assert_eq(txq->area + xsk_umem__extract_addr(desc->addr), (void *)m);
	}
	assert_xstat(out, "tx_copied", 0);

	/* The memory stays with the kernel while one of them uses it, whichever came first. */
	cr_assert_eq(plx_port_stop(in), 0);
	for (unsigned i = 0; i < 100; i++) {
		struct plx_mbuf *m;

		peer_send(peer_out, 100, i);
		m = port_take_one(out);
		assert_frame(m, 100, i);
		port_send_all(out, &m, 1);
		assert_peer_gets(peer_out, 100, i);
	}
	cr_assert_eq(plx_port_start(in), 0, "%s", log_lines_text(0));
	for (unsigned i = 0; i < 100; i++) {
		struct plx_mbuf *m;

		peer_send(peer_in, 100, i);
		m = port_take_one(in);
		port_send_all(out, &m, 1);
		assert_peer_gets(peer_out, 100, i);
	}
	cr_assert_eq(xdp_of(in)->socks[0].umem, xdp_of(out)->socks[0].umem, "two UMEMs");
	assert_xstat(out, "tx_copied", 0);
	port_down(in);
	port_down(out);
	assert_all_home(pool);
	xdp_end();
}

/* Without receive queues there is no pool to share: what is sent is copied into the port's own. */
Test(af_xdp_burst, sends_without_receiving)
{
	struct plx_mempool *pool;
	unsigned port;
	int peer;

	xdp_start(1);
	pool = packets_new("pool", 64, 0, 0);
	peer = peer_open("xb");
	port = port_new("net_af_xdp0,iface=xa");
	cr_assert_eq(port_setup(port, 0, 1, NULL), 0);
	for (unsigned round = 0; round < 3; round++) {
		cr_assert_eq(plx_port_start(port), 0, "%s", log_lines_text(0));
		for (unsigned i = 0; i < 1000; i++) {
			struct plx_mbuf *m = frame_new(pool, 60 + i % 1400, i);

			port_send_all(port, &m, 1);
			assert_peer_gets(peer, 60 + i % 1400, i);
		}
		cr_assert_eq(plx_port_stop(port), 0);
		assert_all_home(pool);
	}
	assert_xstat(port, "tx_copied", 3000);
	cr_assert_eq(plx_port_detach(port), 0);
	assert_all_home(pool);
	xdp_end();
}

/* A pool that lies on several hugepages: 10,000 packets of 2,240 bytes are 22 MB. */
Test(af_xdp_burst, uses_packets_on_several_hugepages)
{
	enum { LARGE = 10000 };
	static struct plx_eal_conf conf;
	static struct plx_mbuf *held[LARGE];
	struct plx_mempool *pool;
	struct plx_mbuf *m;
	unsigned port;
	int peer;

	netns_start();
	veth_up("xa", "xb");
	lcore_conf(&conf, 1);
	conf.no_huge = false;
	cr_assert_eq(plx_eal_init(&conf), 0);
	log_lines_start();
	cr_assert_eq(plx_port_drivers_set(xdp_drivers), 0);
	pool = packets_new("pool", LARGE, 0, 0);
	cr_assert_geq(pool->page_bytes, 2u << 20, "pages of %zu", pool->page_bytes);
	peer = peer_open("xb");
	port = port_up("net_af_xdp0,iface=xa", 1, pool);
	/* Each packet of the pool goes out once, and comes in again and again. */
	for (uint32_t i = 0; i < LARGE - 512; i++) {
		held[i] = frame_new(pool, 1400, i);
		cr_assert_not_null(held[i]);
	}
	for (uint32_t i = 0; i < LARGE - 512; i++) {
		port_send_all(port, &held[i], 1);
		assert_peer_gets(peer, 1400, i);
	}
	for (uint32_t i = 0; i < LARGE; i++) {
		peer_send(peer, 1400, i);
		m = port_take_one(port);
		assert_frame(m, 1400, i);
		held[i % LARGE] = m;
		if (i >= 5000)
			plx_mbuf_free(held[i - 5000]);
	}
	for (uint32_t i = LARGE - 5000; i < LARGE; i++)
		plx_mbuf_free(held[i]);
	assert_xstat(port, "tx_packets", LARGE - 512);
	assert_xstat(port, "tx_copied", 0);
	assert_xstat(port, "rx_packets", LARGE);
	port_down(port);
	assert_all_home(pool);
	xdp_end();
}

/* The port's own packets are made for the MTU of its start. */
Test(af_xdp_burst, sends_no_more_than_its_own_packets_hold)
{
	struct plx_mempool *pool;
	struct plx_port_info info;
	struct plx_mbuf *m;
	unsigned port;
	int peer;

	xdp_start(1);
	sh_ok("ip link set dev xb mtu 3700");
	pool = packets_new("pool", 64, 3800, 0);
	peer = peer_open("xb");
	port = port_new("net_af_xdp0,iface=xa,mode=skb");
	cr_assert_eq(port_setup(port, 0, 1, NULL), 0);
	cr_assert_eq(plx_port_start(port), 0, "%s", log_lines_text(0));
	cr_assert_eq(plx_port_info(port, &info), 0);
	cr_assert_eq(info.max_mtu, 1906, "%u", info.max_mtu);
	(void)plx_port_mtu_set(port, 3000);
	m = frame_new(pool, 3000, 1);
	port_send_all(port, &m, 1);
	assert_xstat(port, "tx_errors", 1);
	assert_all_home(pool);
	/* Stopped it may grow: the next start makes others. */
	cr_assert_eq(plx_port_stop(port), 0);
	cr_assert_eq(plx_port_mtu_set(port, 3000), 0, "%s", log_lines_text(0));
	cr_assert_eq(plx_port_start(port), 0, "%s", log_lines_text(0));
	m = frame_new(pool, 3000, 2);
	port_send_all(port, &m, 1);
	assert_peer_gets(peer, 3000, 2);
	cr_assert_eq(plx_port_stop(port), 0);
	cr_assert_eq(plx_port_mtu_set(port, 3762), 0, "%s", log_lines_text(0));
	cr_assert_eq(plx_port_start(port), 0, "%s", log_lines_text(0));
	cr_assert_eq(plx_port_stop(port), 0);
	cr_assert_eq(plx_port_detach(port), 0);
	assert_all_home(pool);
	/* A page is all there is for a packet. */
	sh_ok("ip link set dev xa mtu 9000");
	port = port_new("net_af_xdp0,iface=xa,mode=skb");
	cr_assert_eq(port_setup(port, 0, 1, NULL), 0);
	log_lines_start();
	cr_assert_eq(plx_port_start(port), -EINVAL);
	assert_one_line("port", PLX_LOG_ERR, "net_af_xdp0", "9000", "3762");
	cr_assert_eq(plx_port_detach(port), 0);
	xdp_end();
}
