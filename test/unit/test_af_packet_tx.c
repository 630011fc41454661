/* SPDX-License-Identifier: BSD-3-Clause */
/* net_af_packet: sending. What was counted as sent is compared with what the peer got. */
#include "afp_env.h"

TestSuite(af_packet_tx, .init = afp_start, .fini = afp_end);

static struct plx_mbuf *packet_of(const uint8_t *bytes, uint32_t len)
{
	struct plx_mbuf *m = plx_mbuf_alloc(env.pool);

	cr_assert_not_null(m);
	memcpy(plx_mbuf_append(m, (uint16_t)len), bytes, len);
	return m;
}

static void send_one_(int at, unsigned port, struct plx_mbuf *m)
{
	uint32_t ret = plx_port_tx_burst(port, 0, &m, 1);

	cr_assert_eq(ret, 1, "line %d: it was not taken", at);
}
#define send_one(port, m) send_one_(__LINE__, (port), (m))

/* The peer's next frame is this one. */
static void assert_peer_(int at, const uint8_t *want, uint32_t len)
{
	static uint8_t frame[70000];
	uint32_t got = peer_recv(frame, sizeof(frame), AFP_SOON_MS);

	cr_assert_eq(got, len, "line %d: the peer got %u bytes, want %u", at, got, len);
	for (uint32_t i = 0; i < len; i++)
		cr_assert_eq(frame[i], want[i], "line %d: byte %u of %u is %#x, want %#x", at, i,
			     len, frame[i], want[i]);
}
#define assert_peer(want, len) assert_peer_(__LINE__, (want), (len))

static void assert_peer_quiet(void)
{
	uint8_t frame[64];
	uint32_t got = peer_recv(frame, sizeof(frame), 20);

	cr_assert_eq(got, 0, "the peer got %u bytes", got);
}

Test(af_packet_tx, frames_of_all_sizes_arrive_as_sent)
{
	static const char *const options[] = {"qdisc_bypass=0", "qdisc_bypass=1", "framecnt=2"};
	static const uint32_t sizes[] = {14, 15, 59, 60, 64, 65, 127, 128, 1000, 1513, 1514};
	uint8_t want[2000];

	for (unsigned o = 0; o < PLX_ARRAY_SIZE(options); o++) {
		unsigned port = port_up("iface=ours,%s", options[o]);
		uint64_t bytes = 0;

		for (unsigned i = 0; i < PLX_ARRAY_SIZE(sizes); i++) {
			frame_fill(want, sizes[i], i);
			send_one(port, packet_of(want, sizes[i]));
			assert_peer(want, sizes[i]);
			bytes += sizes[i];
		}
		assert_xstat(port, "tx_packets", PLX_ARRAY_SIZE(sizes));
		assert_xstat(port, "tx_bytes", bytes);
		assert_xstat(port, "tx_errors", 0);
		plx_port_stop(port);
		plx_port_detach(port);
	}
}

Test(af_packet_tx, bursts_round_the_ring_in_order)
{
	uint8_t want[2000];
	struct plx_mbuf *pkts[64];
	unsigned port = attach("iface=ours,framecnt=64");
	uint32_t number = 0, next = 0;

	setup(port, 1, 0, 0, 0);
	for (unsigned round = 0; round < 100; round++) {
		uint32_t nb = 1 + round % 64, sent;

		for (uint32_t i = 0; i < nb; i++, number++) {
			frame_fill(want, 60 + number % 700, number);
			pkts[i] = packet_of(want, 60 + number % 700);
		}
		sent = plx_port_tx_burst(port, 0, pkts, nb);
		cr_assert_eq(sent, nb, "%u of %u taken", sent, nb);
		for (uint32_t i = 0; i < nb; i++, next++) {
			frame_fill(want, 60 + next % 700, next);
			assert_peer(want, 60 + next % 700);
		}
	}
	assert_xstat(port, "tx_packets", number);
	plx_port_stop(port);
}

static uint32_t put_tag(uint8_t *frame, uint32_t len, uint16_t tpid, uint16_t tci)
{
	const uint16_t tag[2] = {htons(tpid), htons(tci)};

	memmove(frame + 16, frame + 12, len - 12);
	memcpy(frame + 12, tag, sizeof(tag));
	return len + 4;
}

/* What the peer got: the kernel took the tag out of the data and tells it aside. */
static void assert_peer_tagged(const uint8_t *bare, uint32_t len, uint16_t tpid, uint16_t tci)
{
	struct pollfd pollfd = {.fd = env.theirs, .events = POLLIN};
	char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	uint8_t frame[2000];
	struct iovec iov = {frame, sizeof(frame)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	const struct tpacket_auxdata *aux;
	ssize_t got;

	cr_assert_eq(poll(&pollfd, 1, AFP_SOON_MS), 1, "nothing came");
	got = recvmsg(env.theirs, &msg, 0);
	cr_assert_eq(got, len, "%zd bytes, want %u", got, len);
	cr_assert_eq(memcmp(frame, bare, len), 0, "other bytes");
	cr_assert_not_null(CMSG_FIRSTHDR(&msg));
	aux = (const void *)CMSG_DATA(CMSG_FIRSTHDR(&msg));
	cr_assert_neq(aux->tp_status & TP_STATUS_VLAN_VALID, 0, "no tag");
	cr_assert_eq(aux->tp_vlan_tci, tci, "tci %#x, want %#x", aux->tp_vlan_tci, tci);
	cr_assert_eq(aux->tp_vlan_tpid, tpid, "tpid %#x, want %#x", aux->tp_vlan_tpid, tpid);
}

Test(af_packet_tx, a_tag_goes_beyond_the_mtu)
{
	static const uint16_t tpids[] = {ETH_P_8021Q, ETH_P_8021AD};
	uint8_t frame[2000], bare[2000];
	struct plx_mbuf *m;
	unsigned port = attach("iface=ours");
	uint32_t len;

	setup(port, 1, 0, PLX_PORT_TX_VLAN_INSERT, 0);
	for (unsigned i = 0; i < 2; i++) {
		frame_fill(frame, 1514, i);
		memcpy(bare, frame, 1514);
		len = put_tag(frame, 1514, tpids[i], 0x2077);
		send_one(port, packet_of(frame, len));
		assert_peer_tagged(bare, 1514, tpids[i], 0x2077);
	}
	/* By the port. */
	m = packet_of(bare, 1514);
	m->flags |= PLX_MBUF_F_TX_VLAN;
	m->vlan_tci = 0x0123;
	send_one(port, m);
	assert_peer_tagged(bare, 1514, ETH_P_8021Q, 0x0123);
	assert_xstat(port, "tx_bytes", 3 * 1518);

	frame_fill(frame, 1515, 9);
	put_tag(frame, 1515, ETH_P_8021Q, 1);
	send_one(port, packet_of(frame, 1519));
	m = packet_of(bare, 1514);
	plx_mbuf_append(m, 1);
	m->flags |= PLX_MBUF_F_TX_VLAN;
	send_one(port, m);
	assert_xstat(port, "tx_too_long", 2);
	assert_xstat(port, "tx_errors", 2);
	assert_xstat(port, "tx_packets", 3);
	assert_peer_quiet();
	plx_port_stop(port);
}

/* Packets that can't be sent, between others that can. */
Test(af_packet_tx, bad_packets_are_errors_and_hold_up_nothing)
{
	struct plx_mbuf *pkts[7];
	uint8_t want[2000];
	unsigned port = port_up("iface=ours");
	uint32_t sent;

	frame_fill(want, 1600, 1);
	pkts[0] = packet_of(want, 13);
	pkts[1] = packet_of(want, 60);
	pkts[2] = packet_of(want, 1515);
	pkts[3] = packet_of(want, 30);
	plx_mbuf_chain(pkts[3], packet_of(want + 30, 30));
	pkts[4] = packet_of(want, 61);
	pkts[5] = packet_of(want, 0);
	pkts[6] = packet_of(want, 1515);
	sent = plx_port_tx_burst(port, 0, pkts, 7);
	cr_assert_eq(sent, 7, "%u taken", sent);
	assert_peer(want, 60);
	assert_peer(want, 61);
	assert_peer_quiet();
	assert_xstat(port, "tx_packets", 2);
	assert_xstat(port, "tx_bytes", 121);
	assert_xstat(port, "tx_errors", 5);
	assert_xstat(port, "tx_too_short", 2);
	assert_xstat(port, "tx_too_long", 2);
	assert_xstat(port, "tx_chained", 1);
	/* And the ring is as it was. */
	send_one(port, packet_of(want, 62));
	assert_peer(want, 62);
	plx_port_stop(port);
}

static struct plx_mbuf *chain_of(const uint8_t *bytes, uint32_t len, uint32_t piece)
{
	struct plx_mbuf *m = packet_of(bytes, piece < len ? piece : len);

	for (uint32_t off = piece; off < len; off += piece)
		cr_assert_eq(plx_mbuf_chain(m, packet_of(bytes + off,
							 len - off < piece ? len - off : piece)),
			     0);
	return m;
}

Test(af_packet_tx, chains_are_sent_in_one)
{
	static const uint32_t pieces[] = {1, 7, 11, 12, 13, 100, 757, 1513};
	uint8_t want[2000], tagged[2000];
	struct plx_mbuf *m;
	unsigned port = attach("iface=ours");

	setup(port, 1, 0, PLX_PORT_TX_MULTI_SEGS | PLX_PORT_TX_VLAN_INSERT, 0);
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(pieces); i++) {
		uint32_t len = pieces[i] == 1 ? 200 : 1514;

		frame_fill(want, len, i);
		send_one(port, chain_of(want, len, pieces[i]));
		assert_peer(want, len);
		m = chain_of(want, len, pieces[i]);
		m->flags |= PLX_MBUF_F_TX_VLAN;
		m->vlan_tci = 7;
		send_one(port, m);
		assert_peer_tagged(want, len, ETH_P_8021Q, 7);
	}
	/* An empty segment is one too, and a tag may lie in the second. */
	m = packet_of(want, 20);
	plx_mbuf_chain(m, packet_of(want, 0));
	plx_mbuf_chain(m, packet_of(want + 20, 100));
	send_one(port, m);
	assert_peer(want, 120);
	memcpy(tagged, want, 1514);
	put_tag(tagged, 1514, ETH_P_8021Q, 5);
	send_one(port, chain_of(tagged, 1518, 6));
	assert_peer_tagged(want, 1514, ETH_P_8021Q, 5);
	assert_xstat(port, "tx_errors", 0);
	plx_port_stop(port);
}

Test(af_packet_tx, jumbo_frames)
{
	static const uint32_t sizes[] = {1515, 4096, 9014};
	uint8_t want[10000];
	unsigned port;

	sh_ok("ip link set dev ours mtu 9000 && ip link set dev theirs mtu 9000");
	port = attach("iface=ours");
	setup(port, 1, PLX_PORT_RX_SCATTER, PLX_PORT_TX_MULTI_SEGS, 0);
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(sizes); i++) {
		frame_fill(want, sizes[i], i);
		send_one(port, chain_of(want, sizes[i], 2000));
		assert_peer(want, sizes[i]);
	}
	send_one(port, chain_of(want, 9015, 2000));
	assert_xstat(port, "tx_too_long", 1);
	plx_port_stop(port);
}

/* Up to the largest that the interface can be told, beyond what the kernel copies in one piece. */
Test(af_packet_tx, the_largest_frames)
{
	static uint8_t want[65536];
	unsigned port;

	sh_ok("ip link set dev ours mtu 65000 && ip link set dev theirs mtu 65000");
	port = attach("iface=ours,framecnt=8");
	setup(port, 1, PLX_PORT_RX_SCATTER, PLX_PORT_TX_MULTI_SEGS, 0);
	for (uint32_t i = 0; i < 20; i++) {
		frame_fill(want, 65014, i);
		send_one(port, chain_of(want, 65014, 2000));
		assert_peer(want, 65014);
	}
	plx_port_stop(port);
}

/* What the kernel does not take stays the caller's, and is not sent later. */
Test(af_packet_tx, a_full_qdisc_cuts_bursts_short)
{
	uint32_t numbers[400], nb_sent = 0, nb_got = 0;
	struct plx_mbuf *pkts[32];
	uint8_t frame[1000];
	unsigned port = port_up("iface=ours");

	sh_ok("tc qdisc add dev ours root tbf rate 8mbit burst 2000 limit 20000");
	for (uint32_t round = 0, number = 0; round < 10; round++) {
		uint32_t sent;

		for (unsigned i = 0; i < 32; i++) {
			frame_fill(frame, 1000, number + i);
			pkts[i] = packet_of(frame, 1000);
			if (i == 3)
				plx_mbuf_trim(pkts[i], 990); /* never sent, and no matter */
		}
		sent = plx_port_tx_burst(port, 0, pkts, 32);
		for (unsigned i = 0; i < sent; i++)
			if (i != 3)
				numbers[nb_sent++] = number + i;
		plx_mbuf_free_bulk(pkts + sent, 32 - sent);
		number += 32;
		usleep(3000);
	}
	cr_assert_lt(nb_sent, 31 * 10, "all was taken");
	cr_assert_gt(nb_sent, 10, "%u were taken", nb_sent);
	assert_xstat(port, "tx_packets", nb_sent);
	cr_assert_gt(xstat(port, "tx_cut_short"), 0);
	cr_assert_eq(xstat(port, "tx_errors"), xstat(port, "tx_too_short"));
	/* All that were taken arrive, in order, and no others. */
	for (uint32_t number; peer_recv(frame, sizeof(frame), 200) == 1000; nb_got++) {
		memcpy(&number, frame + 14, sizeof(number));
		cr_assert_lt(nb_got, nb_sent, "the peer got more than %u", nb_sent);
		cr_assert_eq(number, numbers[nb_got], "the %u. is %u, want %u", nb_got, number,
			     numbers[nb_got]);
	}
	cr_assert_eq(nb_got, nb_sent, "the peer got %u of %u", nb_got, nb_sent);
	frame_fill(frame, 1000, 12345);
	send_one(port, packet_of(frame, 1000));
	assert_peer(frame, 1000);
	plx_port_stop(port);
}

Test(af_packet_tx, nothing_is_taken_without_a_link)
{
	uint8_t want[60];
	struct plx_mbuf *m;
	struct plx_port_link link;
	unsigned port = port_up("iface=ours");

	frame_fill(want, 60, 1);
	send_one(port, packet_of(want, 60));
	assert_peer(want, 60);
	for (unsigned i = 0; i < 3; i++) {
		sh_ok("ip link set dev %s down", i == 1 ? "ours" : "theirs");
		for (unsigned ms = 0; ms < AFP_SOON_MS; ms++) {
			cr_assert_eq(plx_port_link(port, &link), 0);
			if (!link.up)
				break;
			usleep(1000);
		}
		cr_assert_not(link.up);
		m = packet_of(want, 60);
		cr_assert_eq(plx_port_tx_burst(port, 0, &m, 1), 0, "round %u: it was taken", i);
		cr_assert_eq(plx_port_tx_or_drop(port, 0, &m, 1), 0);
		assert_xstat(port, "tx_dropped", i + 1);
		sh_ok("ip link set dev %s up", i == 1 ? "ours" : "theirs");
		cr_assert_eq(plx_port_link_wait(port, AFP_SOON_MS, NULL), 0);
		/* A socket tells once that it was down. */
		for (unsigned ms = 0; ms < 100; ms++) {
			m = packet_of(want, 60);
			if (plx_port_tx_burst(port, 0, &m, 1) == 1)
				break;
			plx_mbuf_free(m);
			usleep(1000);
		}
		while (peer_recv(want, 60, 20) > 0)
			;
		frame_fill(want, 60, 2 + i);
		send_one(port, packet_of(want, 60));
		assert_peer(want, 60);
	}
	plx_port_stop(port);
}

Test(af_packet_tx, queues_send_side_by_side)
{
	uint8_t want[100];
	unsigned port = attach("iface=ours,qpairs=16");

	setup(port, 16, 0, 0, 0);
	for (unsigned i = 0; i < 64; i++) {
		struct plx_mbuf *m;

		frame_fill(want, 100, i);
		m = packet_of(want, 100);
		cr_assert_eq(plx_port_tx_burst(port, i % 16, &m, 1), 1);
		assert_peer(want, 100);
	}
	assert_xstat(port, "tx_packets", 64);
	assert_xstat(port, "tx_q3_packets", 4);
	plx_port_stop(port);
}
