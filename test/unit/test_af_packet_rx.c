/* SPDX-License-Identifier: BSD-3-Clause */
/* net_af_packet: receiving, by both versions of the ring. */
#include "afp_env.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

static const char *const versions[] = {"version=2", "version=3"};

TestSuite(af_packet_rx, .init = afp_start, .fini = afp_end);

Test(af_packet_rx, frames_of_all_sizes_come_as_sent)
{
	static const uint32_t sizes[] = {14, 15, 59, 60, 64, 65, 127, 128, 1000, 1513, 1514};
	uint8_t want[2000];

	for (unsigned v = 0; v < 2; v++) {
		unsigned port = port_up("iface=ours,%s", versions[v]);
		uint64_t bytes = 0;

		for (unsigned i = 0; i < PLX_ARRAY_SIZE(sizes); i++) {
			struct plx_mbuf *m;

			peer_send(sizes[i], i);
			frame_fill(want, sizes[i], i);
			m = receive_one(port);
			assert_frame(m, want, sizes[i]);
			cr_assert_eq(m->port, port, "port %u", m->port);
			cr_assert_eq(m->flags, 0, "flags %#x", m->flags);
			plx_mbuf_free(m);
			bytes += sizes[i];
		}
		assert_xstat(port, "rx_packets", PLX_ARRAY_SIZE(sizes));
		assert_xstat(port, "rx_bytes", bytes);
		cr_assert_eq(plx_port_stop(port), 0);
		cr_assert_eq(plx_port_detach(port), 0);
	}
}

Test(af_packet_rx, round_the_ring_in_order)
{
	struct plx_mbuf *pkts[64];
	uint8_t want[2000];

	for (unsigned v = 0; v < 2; v++) {
		unsigned port = attach("iface=ours,%s", versions[v]);
		uint32_t number = 0, next = 0;

		setup(port, 1, 0, 0, 64);
		for (unsigned round = 0; round < 50; round++) {
			uint32_t nb = 1 + round % 60, got;

			for (uint32_t i = 0; i < nb; i++, number++)
				peer_send(60 + number % 500, number);
			got = poll_rx(port, 0, pkts, nb, AFP_SOON_MS);
			cr_assert_eq(got, nb, "%u of %u came", got, nb);
			for (uint32_t i = 0; i < got; i++, next++) {
				frame_fill(want, 60 + next % 500, next);
				assert_frame(pkts[i], want, 60 + next % 500);
			}
			plx_mbuf_free_bulk(pkts, got);
		}
		plx_port_stop(port);
		plx_port_detach(port);
	}
}

/* More than the ring holds: each frame is received or counted as missed. */
Test(af_packet_rx, loss_is_counted_exactly)
{
	struct plx_mbuf *pkts[2048];

	for (unsigned v = 0; v < 2; v++) {
		unsigned port = attach("iface=ours,%s", versions[v]);
		uint64_t received = 0, missed;

		setup(port, 1, 0, 0, 64);
		for (uint32_t i = 0; i < 3000; i++) {
			peer_send(1000, i);
			if (i == 1000) {
				uint32_t got = poll_rx(port, 0, pkts, 2000, 20);

				plx_mbuf_free_bulk(pkts, got);
				received += got;
			}
		}
		for (uint32_t got = 1; got > 0; received += got) {
			got = poll_rx(port, 0, pkts, 2000, 20);
			plx_mbuf_free_bulk(pkts, got);
		}
		missed = xstat(port, "rx_missed");
		assert_xstat(port, "rx_packets", received);
		assert_xstat(port, "rx_kernel_drops", missed);
		cr_assert_gt(missed, 0);
		cr_assert_eq(received + missed, 3000, "%s: %lu received, %lu missed", versions[v],
			     received, missed);
		plx_port_stop(port);
		assert_xstat(port, "rx_missed", missed);
		plx_port_detach(port);
	}
}

/* What lies in the ring at the stop is missed, what comes while it is stopped is nobody's, and none
 * of it is there after the next start. Counters go on. */
Test(af_packet_rx, nothing_stale_after_a_stop)
{
	struct plx_mbuf *m;
	uint8_t want[60];

	for (unsigned v = 0; v < 2; v++) {
		unsigned port = port_up("iface=ours,%s", versions[v]);
		uint64_t missed = 0;

		for (unsigned round = 0; round < 5; round++) {
			for (unsigned i = 0; i < 7; i++)
				peer_send(60, i);
			cr_assert_eq(plx_port_stop(port), 0);
			missed += 7;
			assert_xstat(port, "rx_missed", missed);
			assert_xstat(port, "rx_flushed", missed);
			for (unsigned i = 0; i < 5; i++)
				peer_send(60, 100 + i);
			if (v == 1)
				usleep(20000);
			cr_assert_eq(plx_port_start(port), 0);
			peer_send(60, 1000 + round);
			frame_fill(want, 60, 1000 + round);
			m = receive_one(port);
			assert_frame(m, want, 60);
			plx_mbuf_free(m);
			assert_xstat(port, "rx_missed", missed);
		}
		assert_xstat(port, "rx_packets", 5);
		plx_port_stop(port);
		plx_port_detach(port);
	}
}

static uint32_t tagged(uint8_t *frame, uint32_t len, uint16_t tpid, uint16_t tci, uint32_t number)
{
	const uint16_t tag[2] = {htons(tpid), htons(tci)};

	frame_fill(frame, len, number);
	memmove(frame + 16, frame + 12, len - 12);
	memcpy(frame + 12, tag, sizeof(tag));
	return len + 4;
}

Test(af_packet_rx, tags_are_put_back)
{
	static const uint16_t tpids[] = {ETH_P_8021Q, ETH_P_8021AD};
	static const uint32_t sizes[] = {60, 1514};
	uint8_t frame[2000];
	struct plx_mbuf *m;
	uint32_t len;

	for (unsigned v = 0; v < 2; v++) {
		unsigned port = port_up("iface=ours,%s", versions[v]);

		for (unsigned i = 0; i < 4; i++) {
			/* A raw socket takes the tag over its MTU for 802.1Q only. */
			len = tagged(frame, sizes[i / 2] - (i == 3 ? 4 : 0), tpids[i % 2], 0x6123,
				     i);
			send_bytes(frame, len);
			m = receive_one(port);
			assert_frame(m, frame, len);
			cr_assert_eq(m->flags, PLX_MBUF_F_RX_VLAN, "flags %#x", m->flags);
			cr_assert_eq(m->vlan_tci, 0x6123, "tci %#x", m->vlan_tci);
			cr_assert_eq(m->port, port, "port %u", m->port);
			plx_mbuf_free(m);
		}
		plx_port_stop(port);
		plx_port_detach(port);
	}
}

Test(af_packet_rx, tags_are_stripped_when_asked)
{
	uint8_t frame[2000], bare[2000];
	struct plx_mbuf *m;
	uint32_t len;

	for (unsigned v = 0; v < 2; v++) {
		unsigned port = attach("iface=ours,%s", versions[v]);

		setup(port, 1, PLX_PORT_RX_VLAN_STRIP, 0, 0);
		len = tagged(frame, 100, ETH_P_8021Q, 0x0fff, 1);
		send_bytes(frame, len);
		frame_fill(bare, 100, 1);
		m = receive_one(port);
		assert_frame(m, bare, 100);
		cr_assert_eq(m->flags, PLX_MBUF_F_RX_VLAN | PLX_MBUF_F_RX_VLAN_STRIPPED,
			     "flags %#x", m->flags);
		cr_assert_eq(m->vlan_tci, 0x0fff, "tci %#x", m->vlan_tci);
		plx_mbuf_free(m);
		/* The inner of two stays. */
		len = tagged(frame, 100, ETH_P_8021Q, 5, 2);
		memcpy(bare, frame, len);
		memmove(frame + 16, frame + 12, len - 12);
		memcpy(frame + 12, (const uint8_t[]){0x88, 0xa8, 0, 9}, 4);
		send_bytes(frame, len + 4);
		m = receive_one(port);
		assert_frame(m, bare, len);
		cr_assert_eq(m->vlan_tci, 9, "tci %u", m->vlan_tci);
		plx_mbuf_free(m);
		plx_port_stop(port);
		plx_port_detach(port);
	}
}

static void raise_mtu(uint32_t mtu)
{
	sh_ok("ip link set dev ours mtu %u && ip link set dev theirs mtu %u", mtu, mtu);
}

/* The interface's MTU was raised behind the port's back. */
Test(af_packet_rx, frames_cut_off_are_errors)
{
	uint8_t want[2000];
	struct plx_mbuf *m;
	unsigned port = port_up("iface=ours");

	raise_mtu(9000);
	peer_send(9014, 1);
	peer_send(3000, 2);
	peer_send(60, 3);
	frame_fill(want, 60, 3);
	m = receive_one(port);
	assert_frame(m, want, 60);
	plx_mbuf_free(m);
	assert_xstat(port, "rx_errors", 2);
	assert_xstat(port, "rx_truncated", 2);
	assert_xstat(port, "rx_packets", 1);
	plx_port_stop(port);
}

Test(af_packet_rx, jumbo_frames_come_in_chains)
{
	uint8_t want[10000];

	raise_mtu(9000);
	for (unsigned v = 0; v < 2; v++) {
		static const uint32_t sizes[] = {2048, 2049, 4096, 4097, 9014};
		unsigned port = attach("iface=ours,%s", versions[v]);
		struct plx_mbuf *m;

		setup(port, 1, PLX_PORT_RX_SCATTER, 0, 0);
		for (unsigned i = 0; i < PLX_ARRAY_SIZE(sizes); i++) {
			peer_send(sizes[i], i);
			frame_fill(want, sizes[i], i);
			m = receive_one(port);
			assert_frame(m, want, sizes[i]);
			cr_assert_eq(m->nb_segs, (sizes[i] + 2047) / 2048, "%u segments",
				     m->nb_segs);
			plx_mbuf_free(m);
		}
		/* The tag counts as well. */
		send_bytes(want, tagged(want, 2046, ETH_P_8021Q, 3, 9));
		m = receive_one(port);
		assert_frame(m, want, 2050);
		cr_assert_eq(m->nb_segs, 2);
		plx_mbuf_free(m);
		plx_port_stop(port);
		plx_port_detach(port);
	}
}

Test(af_packet_rx, what_the_mbuf_does_not_hold_is_an_error)
{
	struct plx_mempool *small;
	struct plx_mbuf *m;
	uint8_t want[600];
	struct plx_port_conf conf = {.nb_rx_queues = 1, .mtu = 500};
	struct plx_port_rxq_conf rxq = {.node = PLX_NODE_ANY};
	unsigned port = attach("iface=ours");

	small = packets_new("small", 64, 514, 0);
	rxq.pool = small;
	cr_assert_eq(plx_port_configure(port, &conf), 0, "%s", log_lines_text(0));
	cr_assert_eq(plx_port_rxq_setup(port, 0, &rxq), 0, "%s", log_lines_text(0));
	cr_assert_eq(plx_port_start(port), 0);
	raise_mtu(1500);
	peer_send(515, 1);
	peer_send(514, 2);
	frame_fill(want, 514, 2);
	m = receive_one(port);
	assert_frame(m, want, 514);
	plx_mbuf_free(m);
	assert_xstat(port, "rx_no_room", 1);
	assert_xstat(port, "rx_errors", 1);
	plx_port_stop(port);
	plx_port_detach(port);
	assert_all_home(small);
	plx_mbuf_pool_destroy(small);
}

Test(af_packet_rx, an_empty_pool_makes_frames_wait)
{
	struct plx_mbuf *hoard[2048], *pkts[32];
	uint8_t want[60];

	for (unsigned v = 0; v < 2; v++) {
		unsigned port = port_up("iface=ours,%s", versions[v]);
		uint32_t nb, got;

		for (nb = 0; nb < 2048 && (hoard[nb] = plx_mbuf_alloc(env.pool)) != NULL; nb++)
			;
		for (uint32_t i = 0; i < 20; i++)
			peer_send(60, i);
		got = poll_rx(port, 0, pkts, 32, 30);
		cr_assert_eq(got, 0, "%u came", got);
		/* Polled hundreds of times, and counted once. */
		assert_xstat(port, "rx_nombuf", 1);
		plx_mbuf_free_bulk(hoard, 5);
		got = poll_rx(port, 0, pkts, 32, 30);
		cr_assert_eq(got, 5, "%u came", got);
		assert_xstat(port, "rx_nombuf", 2);
		plx_mbuf_free_bulk(pkts, got);
		plx_mbuf_free_bulk(hoard + 5, nb - 5);
		got = poll_rx(port, 0, pkts, 15, AFP_SOON_MS);
		cr_assert_eq(got, 15, "%u came", got);
		for (uint32_t i = 0; i < got; i++) {
			frame_fill(want, 60, 5 + i);
			assert_frame(pkts[i], want, 60);
		}
		plx_mbuf_free_bulk(pkts, got);
		assert_xstat(port, "rx_packets", 20);
		assert_xstat(port, "rx_missed", 0);
		plx_port_stop(port);
		plx_port_detach(port);
	}
}

/* A chain for which there are not enough mbufs waits as a whole. */
Test(af_packet_rx, a_chain_waits_for_all_its_mbufs)
{
	struct plx_mbuf *hoard[2048], *m;
	uint8_t want[10000];
	uint32_t nb;
	unsigned port;

	raise_mtu(9000);
	port = attach("iface=ours");
	setup(port, 1, PLX_PORT_RX_SCATTER, 0, 0);
	for (nb = 0; nb < 2048 && (hoard[nb] = plx_mbuf_alloc(env.pool)) != NULL; nb++)
		;
	plx_mbuf_free_bulk(hoard, 3);
	peer_send(9000, 4);
	cr_assert_eq(poll_rx(port, 0, &m, 1, 20), 0);
	assert_xstat(port, "rx_nombuf", 1);
	plx_mbuf_free_bulk(hoard + 3, nb - 3);
	m = receive_one(port);
	frame_fill(want, 9000, 4);
	assert_frame(m, want, 9000);
	plx_mbuf_free(m);
	plx_port_stop(port);
}

/* A sender that leaves the checksum to its interface. */
Test(af_packet_rx, partial_checksums_are_counted)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
	struct plx_mbuf *m;
	unsigned port;
	int fd;

	sh_ok("ip addr add 10.9.0.1/24 dev theirs && "
	      "ip neigh add 10.9.0.2 lladdr 02:00:00:00:00:01 dev theirs");
	port = port_up("iface=ours");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	inet_pton(AF_INET, "10.9.0.2", &to.sin_addr);
	cr_assert_eq(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1, "%m");
	m = receive_one(port);
	cr_assert_eq(m->pkt_len, 14 + 20 + 8 + 1, "%u bytes", m->pkt_len);
	plx_mbuf_free(m);
	assert_xstat(port, "rx_csum_partial", 1);
	sh_ok("ethtool -K theirs tx off >/dev/null");
	cr_assert_eq(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1, "%m");
	plx_mbuf_free(receive_one(port));
	assert_xstat(port, "rx_csum_partial", 1);
	assert_xstat(port, "rx_packets", 2);
	close(fd);
	plx_port_stop(port);
}

Test(af_packet_rx, what_this_machine_sends_itself_does_not_come)
{
	struct plx_mbuf *m = NULL;
	uint8_t frame[60];
	int other;

	for (unsigned queues = 1; queues <= 2; queues++) {
		unsigned port = attach("iface=ours,qpairs=%u", queues);

		setup(port, queues, 0, 0, 0);
		other = raw_socket("ours");
		frame_fill(frame, 60, 7);
		cr_assert_eq(send(other, frame, 60, 0), 60);
		close(other);
		m = plx_mbuf_alloc(env.pool);
		memcpy(plx_mbuf_append(m, 60), frame, 60);
		cr_assert_eq(plx_port_tx_burst(port, 0, &m, 1), 1);
		for (unsigned i = 0; i < queues; i++)
			cr_assert_eq(poll_rx(port, i, &m, 1, 30), 0, "%u queues: it came", queues);
		assert_xstat(port, "rx_packets", 0);
		plx_port_stop(port);
		plx_port_detach(port);
	}
}

Test(af_packet_rx, times_are_told_when_asked)
{
	struct timespec before, now;
	struct plx_mbuf *m;
	uint64_t from, to;

	for (unsigned v = 0; v < 2; v++) {
		unsigned port = attach("iface=ours,%s", versions[v]);

		setup(port, 1, PLX_PORT_RX_TIMESTAMP, 0, 0);
		clock_gettime(CLOCK_REALTIME, &before);
		peer_send(60, 1);
		m = receive_one(port);
		clock_gettime(CLOCK_REALTIME, &now);
		from = (uint64_t)before.tv_sec * 1000000000 + (uint64_t)before.tv_nsec;
		to = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
		cr_assert_eq(m->flags, PLX_MBUF_F_RX_TIMESTAMP, "flags %#x", m->flags);
		cr_assert(m->timestamp >= from && m->timestamp <= to, "%lu not in [%lu, %lu]",
			  m->timestamp, from, to);
		plx_mbuf_free(m);
		plx_port_stop(port);
		plx_port_detach(port);
	}
}

static void send_udp(uint16_t from_port)
{
	struct {
		struct ether_header eth;
		struct iphdr ip;
		struct udphdr udp;
	} __attribute__((packed)) frame = {0};

	frame_fill((uint8_t *)&frame, sizeof(frame.eth), 0);
	frame.eth.ether_type = htons(ETHERTYPE_IP);
	frame.ip = (struct iphdr){.version = 4,
				  .ihl = 5,
				  .ttl = 9,
				  .protocol = IPPROTO_UDP,
				  .tot_len = htons(28),
				  .saddr = htonl(0x0a000001),
				  .daddr = htonl(0x0a000002)};
	frame.udp.source = htons(from_port);
	frame.udp.dest = htons(9);
	frame.udp.len = htons(8);
	send_bytes(&frame, sizeof(frame));
}

/* Each frame comes once, a flow always to one queue, flows to all of them. Also after a stop, and
 * when a queue was made anew. */
Test(af_packet_rx, queues_share_by_flow)
{
	enum { FLOWS = 64, QUEUES = 3 };

	for (unsigned v = 0; v < 2; v++) {
		struct plx_port_rxq_conf rxq = {.pool = env.pool, .node = PLX_NODE_ANY};
		unsigned port = attach("iface=ours,qpairs=4,%s", versions[v]);

		setup(port, QUEUES, 0, 0, 0);
		for (unsigned round = 0; round < 3; round++) {
			unsigned queue_of[FLOWS], nb[QUEUES] = {0}, total = 0;
			struct plx_mbuf *pkts[3 * FLOWS];

			memset(queue_of, 0xff, sizeof(queue_of));
			for (unsigned i = 0; i < 3 * FLOWS; i++)
				send_udp((uint16_t)(1000 + i % FLOWS));
			for (unsigned q = 0; q < QUEUES; q++) {
				nb[q] = poll_rx(port, q, pkts, 3 * FLOWS, 30);
				total += nb[q];
				for (unsigned i = 0; i < nb[q]; i++) {
					uint16_t from = ntohs(
						*plx_mbuf_mtod_offset(pkts[i], uint16_t *, 34));
					unsigned *queue = &queue_of[from - 1000];

					cr_assert(*queue == q || *queue == ~0u,
						  "flow %u came by queues %u and %u", from, *queue,
						  q);
					*queue = q;
				}
				plx_mbuf_free_bulk(pkts, nb[q]);
			}
			cr_assert_eq(total, 3 * FLOWS, "round %u: %u came", round, total);
			for (unsigned q = 0; q < QUEUES; q++)
				cr_assert_gt(nb[q], 0, "queue %u had nothing", q);
			plx_port_stop(port);
			if (round == 1)
				cr_assert_eq(plx_port_rxq_setup(port, 1, &rxq), 0);
			cr_assert_eq(plx_port_start(port), 0, "%s", log_lines_text(0));
		}
		plx_port_stop(port);
		plx_port_detach(port);
	}
}
