/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Offloads of a port, each part's driver against the card of the model: what the card makes of what
 * the driver asked for is what was to be sent, and what the card found out is in the mbuf.
 */
#include "igb_port_env.h"

enum { L2 = 14, IP = 20, TCP = 20, UDP = 8, HEADERS = L2 + IP + TCP };

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)(at[0] << 8 | at[1]);
}

static uint32_t sum_up(const uint8_t *bytes, uint32_t len, uint32_t sum)
{
	for (uint32_t i = 0; i < len; i++) {
		sum += (uint32_t)bytes[i] << (i % 2 ? 0 : 8);
		sum = sum > 0xffff ? sum - 0xffff : sum;
	}
	return sum;
}

/* IPv4 with TCP (6) or UDP (17); checksums are right. Returns the length. */
static uint32_t ipv4(uint8_t *f, uint8_t protocol, uint32_t flow, uint32_t payload)
{
	uint32_t l4 = protocol == 6 ? TCP : UDP, total = IP + l4 + payload, sum;
	uint8_t *ip = f + L2, *t = ip + IP;

	memset(f, 0, L2 + total);
	memcpy(f, env.mac, 6);
	memcpy(f + 6, "\x02\0\0\0\0\x99\x08\0\x45", 9);
	put16(ip + 2, total);
	ip[8] = 64;
	ip[9] = protocol;
	put16(ip + 12, 0x0a00);
	put16(ip + 14, flow);
	put16(ip + 16, 0x0a01);
	put16(ip + 18, flow * 13 % 251);
	put16(ip + 10, ~sum_up(ip, IP, 0));
	put16(t, 1000 + flow);
	put16(t + 2, 80);
	if (protocol == 6)
		t[12] = 0x50;
	else
		put16(t + 4, l4 + payload);
	for (uint32_t i = 0; i < payload; i++)
		t[l4 + i] = byte_of(i, flow);
	sum = sum_up(ip + 12, 8, protocol + l4 + payload);
	put16(t + (protocol == 6 ? 16 : 6), ~sum_up(t, l4 + payload, sum));
	return L2 + total;
}

static void up_as(const struct igb_sim_conf *card, struct plx_port_conf conf)
{
	struct plx_port_info info;

	env_attach(card, "");
	done(plx_port_info(env.port, &info));
	conf.nb_rx_queues = conf.nb_rx_queues ? conf.nb_rx_queues : 1;
	conf.nb_tx_queues = 1;
	conf.rx_offloads &= info.rx_offloads;
	conf.tx_offloads &= info.tx_offloads;
	env_setup(&conf);
	env_start();
}

static void up(enum igb_sim_type type, struct plx_port_conf conf)
{
	const struct igb_sim_conf card = env_conf(type);

	up_as(&card, conf);
}

static struct plx_mbuf *packet_of(const uint8_t *bytes, uint32_t len)
{
	struct plx_mbuf *head = NULL;

	for (uint32_t at = 0; at < len;) {
		uint32_t piece = len - at < 2000 ? len - at : 2000;
		struct plx_mbuf *m = plx_mbuf_alloc(soft_pool);

		cr_assert_not_null(m);
		memcpy(plx_mbuf_append(m, (uint16_t)piece), bytes + at, piece);
		if (head)
			cr_assert_eq(plx_mbuf_chain(head, m), 0);
		else
			head = m;
		at += piece;
	}
	return head;
}

static void send_one(struct plx_mbuf *m)
{
	cr_assert_eq(plx_port_tx_burst(env.port, 0, &m, 1), 1);
}

static uint32_t take(uint8_t *frame)
{
	int len = igb_sim_take(env.sim, frame, ENV_FRAME_MAX);

	cr_assert_neq(len, IGB_SIM_NONE, "nothing was sent: %s; tx_errors %llu",
		      igb_sim_violation_text(env.sim, 0),
		      (unsigned long long)soft_stats(env.port).tx.errors);
	return (uint32_t)len;
}

static struct plx_mbuf *receive(void)
{
	struct plx_mbuf *m = NULL;

	for (unsigned q = 0; q < PLX_PORT_QUEUES_MAX && !m; q++)
		if (plx_port_rxq_stats(env.port, q, &(struct plx_port_rx_stats){0}) == 0 &&
		    plx_port_rx_burst(env.port, q, &m, 1) == 0)
			m = NULL;
	cr_assert_not_null(m, "nothing came: %s", igb_sim_violation_text(env.sim, 0));
	return m;
}

/* The pseudo-header's sum is the application's to put in, as with DPDK. */
Test(igb_offload, checksums_are_put_in)
{
	static const uint8_t protocols[] = {6, 17};
	static uint8_t want[ENV_FRAME_MAX], frame[ENV_FRAME_MAX], asked[ENV_FRAME_MAX];

	for (unsigned type = 0; type < IGB_SIM_NB_TYPES; type++) {
		up(type, (struct plx_port_conf){.tx_offloads = PLX_PORT_TX_IP_CSUM |
							       PLX_PORT_TX_TCP_CSUM |
							       PLX_PORT_TX_UDP_CSUM});
		for (unsigned i = 0; i < 40; i++) {
			uint8_t protocol = protocols[i % 2];
			uint32_t l4 = protocol == 6 ? TCP : UDP, payload = 20 + i * 31;
			uint32_t len = ipv4(want, protocol, i, payload);
			struct plx_mbuf *m;

			memcpy(asked, want, len);
			put16(asked + L2 + 10, 0);
			put16(asked + L2 + IP + (protocol == 6 ? 16 : 6),
			      sum_up(want + L2 + 12, 8, protocol + l4 + payload));
			m = packet_of(asked, len);
			m->flags |=
				PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_IP_CSUM |
				(protocol == 6 ? PLX_MBUF_F_TX_TCP_CSUM : PLX_MBUF_F_TX_UDP_CSUM);
			m->tx.l2_len = L2;
			m->tx.l3_len = IP;
			m->tx.l4_len = l4 & 0xff;
			send_one(m);
			cr_assert_eq(take(frame), len);
			cr_assert_arr_eq(frame, want, len, "part %u, packet %u", type, i);
		}
		env_clean();
		env_end();
	}
}

Test(igb_offload, tso_brings_all_bytes_in_segments)
{
	enum { PAYLOAD = 9000, MSS = 1400 };
	static uint8_t frame[ENV_FRAME_MAX], asked[ENV_FRAME_MAX];

	for (unsigned type = 0; type < IGB_SIM_NB_TYPES; type++) {
		uint32_t at = 0;
		struct plx_mbuf *m;

		up(type, (struct plx_port_conf){
				 .tx_offloads = PLX_PORT_TX_TSO | PLX_PORT_TX_TCP_CSUM |
						PLX_PORT_TX_IP_CSUM | PLX_PORT_TX_MULTI_SEGS});
		ipv4(asked, 6, 7, PAYLOAD);
		put16(asked + L2 + 10, 0);
		put16(asked + L2 + IP + 16, sum_up(asked + L2 + 12, 8, 6));
		m = packet_of(asked, HEADERS + PAYLOAD);
		m->flags |= PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_IP_CSUM | PLX_MBUF_F_TX_TCP_CSUM |
			    PLX_MBUF_F_TX_TCP_SEG;
		m->tx.l2_len = L2;
		m->tx.l3_len = IP;
		m->tx.l4_len = TCP;
		m->tx.tso_segsz = MSS;
		send_one(m);
		while (at < PAYLOAD) {
			uint32_t n = PAYLOAD - at < MSS ? PAYLOAD - at : MSS, len = take(frame);
			uint32_t sum;

			cr_assert_eq(len, HEADERS + n, "part %u at %u: %u", type, at, len);
			cr_assert_arr_eq(frame + HEADERS, asked + HEADERS + at, n);
			cr_assert_eq(get16(frame + L2 + 2), IP + TCP + n);
			cr_assert_eq(get16(frame + L2 + IP + 6), at, "sequence number");
			cr_assert_eq(sum_up(frame + L2, IP, 0), 0xffff);
			sum = sum_up(frame + L2 + 12, 8, 6 + TCP + n);
			cr_assert_eq(sum_up(frame + L2 + IP, TCP + n, sum), 0xffff);
			at += n;
		}
		env_clean();
		env_end();
	}
}

/* Less than a frame has at least: the card pads it, and its lengths stay what they are. */
Test(igb_offload, tso_of_next_to_nothing)
{
	static uint8_t frame[ENV_FRAME_MAX], asked[ENV_FRAME_MAX];

	for (unsigned type = 0; type < IGB_SIM_NB_TYPES; type++) {
		up(type, (struct plx_port_conf){.tx_offloads = PLX_PORT_TX_TSO});
		for (unsigned payload = 1; payload < 10; payload++) {
			uint32_t len = ipv4(asked, 6, 7, payload), sum;
			struct plx_mbuf *m;

			put16(asked + L2 + 10, 0);
			put16(asked + L2 + IP + 16, sum_up(asked + L2 + 12, 8, 6));
			m = packet_of(asked, len);
			m->flags |= PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_TCP_SEG;
			m->tx.l2_len = L2;
			m->tx.l3_len = IP;
			m->tx.l4_len = TCP;
			m->tx.tso_segsz = 1460;
			send_one(m);
			cr_assert_eq(take(frame), len < 60 ? 60 : len, "part %u, payload %u", type,
				     payload);
			cr_assert_arr_eq(frame + HEADERS, asked + HEADERS, payload);
			cr_assert_eq(get16(frame + L2 + 2), IP + TCP + payload);
			sum = sum_up(frame + L2 + 12, 8, 6 + TCP + payload);
			cr_assert_eq(sum_up(frame + L2 + IP, TCP + payload, sum), 0xffff);
			for (uint32_t i = len; i < 60; i++)
				cr_assert_eq(frame[i], 0, "byte %u", i);
		}
		env_clean();
		env_end();
	}
}

Test(igb_offload, vlan_tags_go_in_and_come_out)
{
	static uint8_t plain[ENV_FRAME_MAX], frame[ENV_FRAME_MAX];

	for (unsigned type = 0; type < IGB_SIM_NB_TYPES; type++) {
		struct plx_mbuf *m;
		uint32_t len;

		up(type, (struct plx_port_conf){.rx_offloads = PLX_PORT_RX_VLAN_STRIP,
						.tx_offloads = PLX_PORT_TX_VLAN_INSERT});
		len = ipv4(plain, 17, 1, 200);
		for (unsigned i = 0; i < 20; i++) {
			m = packet_of(plain, len);
			m->flags |= PLX_MBUF_F_TX_VLAN;
			m->vlan_tci = (uint16_t)(0x6000 + i / 2);
			send_one(m);
			cr_assert_eq(take(frame), len + 4, "part %u", type);
			cr_assert_eq(get16(frame + 12), 0x8100);
			cr_assert_eq(get16(frame + 14), 0x6000 + i / 2);
			cr_assert_arr_eq(frame + 16, plain + 12, len - 12);
			done(igb_sim_inject(env.sim, frame, len + 4, 0));
			m = receive();
			cr_assert_eq(m->vlan_tci, 0x6000 + i / 2);
			cr_assert(m->flags & PLX_MBUF_F_RX_VLAN_STRIPPED);
			cr_assert_eq(m->pkt_len, len);
			cr_assert_arr_eq(plx_mbuf_data(m), plain, len);
			plx_mbuf_free(m);
		}
		env_clean();
		env_end();
	}
}

Test(igb_offload, checksums_are_looked_at)
{
	static uint8_t frame[ENV_FRAME_MAX];
	static const struct {
		uint32_t at; /* damaged byte, 0: none */
		uint32_t flags;
	} cases[] = {
		{0, PLX_MBUF_F_RX_IP_CSUM_GOOD | PLX_MBUF_F_RX_L4_CSUM_GOOD},
		{L2 + 8, PLX_MBUF_F_RX_IP_CSUM_BAD | PLX_MBUF_F_RX_L4_CSUM_GOOD},
		{L2 + IP + TCP + 3, PLX_MBUF_F_RX_IP_CSUM_GOOD | PLX_MBUF_F_RX_L4_CSUM_BAD},
	};
	const uint32_t all = PLX_MBUF_F_RX_IP_CSUM_GOOD | PLX_MBUF_F_RX_IP_CSUM_BAD |
			     PLX_MBUF_F_RX_L4_CSUM_GOOD | PLX_MBUF_F_RX_L4_CSUM_BAD;

	for (unsigned type = 0; type < IGB_SIM_NB_TYPES; type++) {
		up(type, (struct plx_port_conf){.rx_offloads = PLX_PORT_RX_IP_CSUM |
							       PLX_PORT_RX_TCP_CSUM |
							       PLX_PORT_RX_UDP_CSUM});
		for (unsigned i = 0; i < 3; i++) {
			struct plx_mbuf *m;
			uint32_t len = ipv4(frame, 6, i, 100);

			if (cases[i].at)
				frame[cases[i].at] ^= 1;
			done(igb_sim_inject(env.sim, frame, len, 0));
			m = receive();
			cr_assert_eq(m->flags & all, cases[i].flags, "part %u, case %u: %#x", type,
				     i, m->flags);
			plx_mbuf_free(m);
		}
		env_clean();
		env_end();
	}
}

/* Bit by bit. */
static uint32_t toeplitz(const uint8_t *key, const uint8_t *input, unsigned nb_bytes)
{
	uint32_t hash = 0;

	for (unsigned bit = 0; bit < 8 * nb_bytes; bit++) {
		if (!(input[bit / 8] >> (7 - bit % 8) & 1))
			continue;
		for (unsigned k = 0; k < 32; k++)
			if (key[(bit + k) / 8] >> (7 - (bit + k) % 8) & 1)
				hash ^= UINT32_C(1) << (31 - k);
	}
	return hash;
}

/* A key of its own, and a third of the table for queue 1. */
static struct plx_port_conf with_rss(uint32_t types)
{
	struct plx_port_conf conf = {.rx_offloads = PLX_PORT_RX_RSS_HASH, .nb_rx_queues = 2};

	conf.rss.types = types;
	conf.rss.key_bytes = 40;
	for (unsigned i = 0; i < 40; i++)
		conf.rss.key[i] = byte_of(i, 91);
	conf.rss.reta_size = 128;
	for (unsigned i = 0; i < 128; i++)
		conf.rss.reta[i] = (uint8_t)(i % 3 == 0);
	return conf;
}

/* The queue is the one of the table, by a Toeplitz hash made here. */
Test(igb_offload, rss_spreads_as_the_table_says)
{
	static uint8_t frame[ENV_FRAME_MAX];

	for (unsigned type = 0; type < IGB_SIM_NB_TYPES; type++) {
		const struct plx_port_conf conf =
			with_rss(PLX_PORT_RSS_IPV4 | PLX_PORT_RSS_IPV4_TCP | PLX_PORT_RSS_IPV4_UDP);
		unsigned seen[2] = {0};

		up(type, conf);
		for (unsigned i = 0; i < 60; i++) {
			uint32_t len = ipv4(frame, i % 2 ? 6 : 17, i * 3, 60);
			/* addresses and ports lie side by side */
			uint32_t hash = toeplitz(conf.rss.key, frame + L2 + 12, 12);
			struct plx_mbuf *m = NULL;
			unsigned queue;

			queue = conf.rss.reta[hash % 128];
			done(igb_sim_inject(env.sim, frame, len, 0));
			cr_assert_eq(plx_port_rx_burst(env.port, queue, &m, 1), 1,
				     "part %u, flow %u: not by queue %u", type, i, queue);
			cr_assert_eq(m->rx.rss_hash, hash, "%08x, want %08x", m->rx.rss_hash, hash);
			cr_assert(m->flags & PLX_MBUF_F_RX_RSS_HASH);
			plx_mbuf_free(m);
			seen[queue]++;
		}
		cr_assert(seen[0] && seen[1]);
		env_clean();
		env_end();
	}
}

enum { IP6 = 40, NO_NEXT_HEADER = 59 };

/* IPv6 with a header's room behind it. Returns the length. */
static uint32_t ipv6(uint8_t *f, uint8_t protocol, uint32_t flow)
{
	uint8_t *ip = f + L2, *l4 = ip + IP6;

	memset(f, 0, L2 + IP6 + TCP);
	memcpy(f, env.mac, 6);
	memcpy(f + 6, "\x02\0\0\0\0\x99\x86\xdd\x60", 9);
	put16(ip + 4, TCP);
	ip[6] = protocol;
	ip[7] = 64;
	for (unsigned i = 0; i < 32; i++)
		ip[8 + i] = byte_of(i, flow);
	put16(l4, 1000 + flow);
	put16(l4 + 2, 80);
	if (protocol == 6)
		l4[12] = 0x50;
	else
		put16(l4 + 4, TCP);
	return L2 + IP6 + TCP;
}

/* One frame of a flow: by the queue and with the hash of @nb_bytes of its addresses and ports,
 * which lie side by side; 0: by queue 0, without. */
static void check_ipv6(const struct plx_port_conf *conf, uint8_t protocol, uint32_t flow,
		       unsigned nb_bytes)
{
	static uint8_t frame[ENV_FRAME_MAX];
	uint32_t len = ipv6(frame, protocol, flow);
	uint32_t hash = toeplitz(conf->rss.key, frame + L2 + 8, nb_bytes);
	unsigned queue = nb_bytes ? conf->rss.reta[hash % 128] : 0;
	struct plx_mbuf *m = NULL;

	done(igb_sim_inject(env.sim, frame, len, 0));
	cr_assert_eq(plx_port_rx_burst(env.port, queue, &m, 1), 1,
		     "types %#x, protocol %u, flow %u: not by queue %u", conf->rss.types, protocol,
		     flow, queue);
	cr_assert_eq((m->flags & PLX_MBUF_F_RX_RSS_HASH) != 0, nb_bytes != 0,
		     "types %#x, protocol %u", conf->rss.types, protocol);
	cr_assert(!nb_bytes || m->rx.rss_hash == hash, "%08x, want %08x", m->rx.rss_hash, hash);
	plx_mbuf_free(m);
}

/* With ports or without them, as the types say; what is of no type has no hash. Of each part, and
 * of the 82576 as it is emulated. */
Test(igb_offload, rss_of_ipv6)
{
	static const struct {
		uint32_t types;
		unsigned tcp, udp, other; /* bytes that are hashed */
	} cases[] = {
		{PLX_PORT_RSS_IPV6 | PLX_PORT_RSS_IPV6_TCP | PLX_PORT_RSS_IPV6_UDP, 36, 36, 32},
		{PLX_PORT_RSS_IPV6_TCP, 36, 0, 0},
		{PLX_PORT_RSS_IPV6_UDP, 0, 36, 0},
		{PLX_PORT_RSS_IPV6, 32, 32, 32},
	};

	for (unsigned n = 0; n < (IGB_SIM_NB_TYPES + 1) * PLX_ARRAY_SIZE(cases); n++) {
		const unsigned c = n % PLX_ARRAY_SIZE(cases), part = n / PLX_ARRAY_SIZE(cases);
		const struct plx_port_conf conf = with_rss(cases[c].types);
		struct igb_sim_conf card = env_conf(part % IGB_SIM_NB_TYPES);

		card.qemu = part == IGB_SIM_NB_TYPES;
		up_as(&card, conf);
		for (unsigned i = 0; i < 10; i++) {
			check_ipv6(&conf, 6, i, cases[c].tcp);
			check_ipv6(&conf, 17, i, cases[c].udp);
			check_ipv6(&conf, NO_NEXT_HEADER, i, cases[c].other);
		}
		env_clean();
		env_end();
	}
}

/* Later frames have later stamps, as far apart as the clock says. */
Test(igb_offload, receive_stamps)
{
	for (unsigned type = 0; type < IGB_SIM_NB_TYPES; type++) {
		uint64_t last = 0;

		if (type == IGB_SIM_82576)
			continue; /* has none */
		up(type, (struct plx_port_conf){.rx_offloads = PLX_PORT_RX_TIMESTAMP});
		for (unsigned i = 0; i < 10; i++) {
			struct plx_mbuf *m;

			env_inject(200, i);
			m = receive();
			cr_assert(m->flags & PLX_MBUF_F_RX_TIMESTAMP, "part %u", type);
			cr_assert_eq(m->pkt_len, 200);
			if (i > 0)
				cr_assert(m->timestamp - last >= 5000000 &&
						  m->timestamp - last < UINT64_C(5000000000),
					  "part %u: %llu after %llu", type,
					  (unsigned long long)m->timestamp,
					  (unsigned long long)last);
			last = m->timestamp;
			plx_mbuf_free(m);
			igb_sim_advance(env.sim, 5000000);
		}
		env_clean();
		env_end();
	}
}

Test(igb_offload, vlan_filter)
{
	static uint8_t frame[ENV_FRAME_MAX];

	for (unsigned type = 0; type < IGB_SIM_NB_TYPES; type++) {
		struct plx_mbuf *m = NULL;
		uint32_t len;

		up(type, (struct plx_port_conf){.rx_offloads = PLX_PORT_RX_VLAN_FILTER});
		len = ipv4(frame, 17, 1, 200);
		memmove(frame + 16, frame + 12, len - 12);
		memcpy(frame + 12, "\x81\0\0\x64", 4);
		done(igb_sim_inject(env.sim, frame, len + 4, 0));
		cr_assert_eq(plx_port_rx_burst(env.port, 0, &m, 1), 0, "part %u", type);
		done(plx_port_vlan_filter(env.port, 100, true));
		done(igb_sim_inject(env.sim, frame, len + 4, 0));
		plx_mbuf_free(receive());
		done(plx_port_vlan_filter(env.port, 100, false));
		done(igb_sim_inject(env.sim, frame, len + 4, 0));
		cr_assert_eq(plx_port_rx_burst(env.port, 0, &m, 1), 0, "part %u", type);
		env_clean();
		env_end();
	}
}

/* The largest MTU of the pool's room: full frames fit into a buffer, with a tag and a stamp; one
 * byte more is refused. */
static void mtu_limit(enum igb_sim_type type, uint32_t offloads, uint32_t beside)
{
	const struct igb_sim_conf card = env_conf(type);
	uint32_t room;
	struct plx_port_conf conf = {.nb_rx_queues = 1, .nb_tx_queues = 1, .rx_offloads = offloads};
	const struct plx_port_rxq_conf rxq = {
		.pool = soft_pool, .nb_desc = ENV_RING, .node = PLX_NODE_ANY};
	static uint8_t frame[ENV_FRAME_MAX];

	env_attach(&card, "");
	room = plx_mbuf_pool_data_room(soft_pool) / 1024 * 1024;
	conf.mtu = room - L2 - beside + 1;
	done(plx_port_configure(env.port, &conf));
	cr_assert_eq(plx_port_rxq_setup(env.port, 0, &rxq), -EINVAL, "an MTU of %u", conf.mtu);
	conf.mtu--;
	env_setup(&conf);
	env_start();
	for (unsigned i = 0; i < 10; i++) {
		struct plx_mbuf *m;
		uint32_t len = conf.mtu + L2 + 4;

		env_frame(frame, len, i);
		memcpy(frame + 12, "\x81\0\0\x64", 4);
		done(igb_sim_inject(env.sim, frame, len, 0));
		cr_assert_eq(plx_port_rx_burst(env.port, 0, &m, 1), 1, "MTU %u: %llu errors",
			     conf.mtu, (unsigned long long)soft_stats(env.port).rx.errors);
		cr_assert_eq(m->pkt_len, len);
		cr_assert_arr_eq(plx_mbuf_data(m), frame, len);
		plx_mbuf_free(m);
	}
	env_clean();
	env_end();
}

Test(igb_offload, the_largest_mtu_of_a_buffer)
{
	mtu_limit(IGB_SIM_82576, 0, 4);
	mtu_limit(IGB_SIM_I350, PLX_PORT_RX_TIMESTAMP, 4 + 16);
	mtu_limit(IGB_SIM_I210, PLX_PORT_RX_TIMESTAMP, 4 + 16);
}
