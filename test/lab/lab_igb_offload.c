/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lab_igb_offload [EAL options] -- INTERFACE: what the card computes for Pollux on port 0, looked
 * at by the kernel at the other end of the cable, whose port is INTERFACE, and what it says of
 * frames that the kernel's port sent.
 *
 * Sent: frames with checksums and tags left to the card arrive as software makes them, byte for
 * byte; the kernel's counters tell igb_linux.sh that it took them for good, and as many bad ones
 * for bad. A connection of the kernel's TCP takes what TSO cuts.
 * Received: each frame with the flags that it should have.
 */
#include <fcntl.h>
#include <linux/if_packet.h>
#include <poll.h>

#include "lab_igb.h"
#include "lab_igb_frames.h"

enum {
	NB_MBUFS = 4096,
	ROUNDS = 8, /* lengths of each shape */
	POLLUX = 77,
	KERNEL = 1,
	TAG_BYTES = 4,
	VLAN_IN = 100, /* that the filter lets in, and the kernel has an interface of */
	VLAN_OUT = 101,
};

static struct plx_mempool *pool;
static struct lab_ends to_kernel, to_pollux;
static int raw; /* the kernel's port */

/* ---- Sending: the card computes ---- */

static const struct shape sent[] = {
	{.name = "IPv4 UDP", .family = 4, .protocol = IPPROTO_UDP},
	{.name = "IPv4 TCP", .family = 4, .protocol = IPPROTO_TCP},
	{.name = "IPv4 SCTP", .family = 4, .protocol = IPPROTO_SCTP},
	{.name = "IPv6 UDP", .family = 6, .protocol = IPPROTO_UDP},
	{.name = "IPv6 TCP", .family = 6, .protocol = IPPROTO_TCP},
	{.name = "IPv4 options UDP", .family = 4, .protocol = IPPROTO_UDP, .ip_options = 40},
	{.name = "IPv4 UDP in a VLAN", .family = 4, .protocol = IPPROTO_UDP, .subnet = VLAN_IN},
	{.name = "IPv4 TCP in a VLAN", .family = 4, .protocol = IPPROTO_TCP, .subnet = VLAN_IN},
};

static uint32_t l4_flag(uint8_t protocol)
{
	if (protocol == IPPROTO_TCP)
		return PLX_MBUF_F_TX_TCP_CSUM;
	return protocol == IPPROTO_UDP ? PLX_MBUF_F_TX_UDP_CSUM : PLX_MBUF_F_TX_SCTP_CSUM;
}

/* A chain of mbufs of @part bytes at most. */
static struct plx_mbuf *mbufs_of(const uint8_t *data, uint32_t len, uint32_t part)
{
	struct plx_mbuf *head = NULL;

	for (uint32_t at = 0; at < len; at += part) {
		uint32_t nb = plx_min_u32(part, len - at);
		struct plx_mbuf *m = plx_mbuf_alloc(pool);
		void *room = m ? plx_mbuf_append(m, (uint16_t)nb) : NULL;

		if (!room || (head && plx_mbuf_chain(head, m))) {
			plx_mbuf_free(m);
			plx_mbuf_free(head);
			return NULL;
		}
		memcpy(room, data + at, nb);
		if (!head)
			head = m;
	}
	return head;
}

/* The frame with what the card is to compute left out, in pieces of @part bytes. */
static struct plx_mbuf *ask_for_it(const struct frame *f, const struct shape *shape, uint32_t part)
{
	struct frame bare = *f;
	struct plx_mbuf *m;

	if (shape->protocol == IPPROTO_SCTP)
		memset(bare.data + f->sum_at, 0, 4);
	else
		frame_put16(bare.data + f->sum_at,
			    frame_pseudo(f, shape->protocol, f->l4_len + shape->payload));
	if (shape->family == 4)
		frame_put16(bare.data + f->l2_len + 10, 0);
	/* What is missing for a frame is the card's to add. */
	m = mbufs_of(bare.data, bare.bare_len, part);
	if (!m)
		return NULL;
	m->tx.l2_len = f->l2_len & 0x7f;
	m->tx.l3_len = f->l3_len & 0x1ff;
	m->tx.l4_len = f->l4_len & 0xff;
	m->flags |= l4_flag(shape->protocol);
	m->flags |= shape->family == 4 ? PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_IP_CSUM
				       : PLX_MBUF_F_TX_IPV6;
	if (shape->subnet) {
		m->flags |= PLX_MBUF_F_TX_VLAN;
		m->vlan_tci = (uint16_t)(shape->subnet | (shape->seed & 7) << 13);
	}
	return m;
}

/* What the kernel's port got from Pollux' address; 0 after a line. *@tci: the tag, -1: none. */
static uint32_t kernel_gets(uint8_t *data, size_t room, int *tci)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
		struct cmsghdr align;
	} control;
	const uint64_t end = lab_ms() + LAB_PATIENCE_MS;

	while (lab_ms() < end) {
		struct iovec iov = {data, room};
		struct sockaddr_ll from;
		struct msghdr message = {.msg_name = &from,
					 .msg_namelen = sizeof(from),
					 .msg_iov = &iov,
					 .msg_iovlen = 1,
					 .msg_control = &control,
					 .msg_controllen = sizeof(control)};
		struct pollfd waiting = {.fd = raw, .events = POLLIN};
		struct tpacket_auxdata aux;
		ssize_t len = poll(&waiting, 1, 100) > 0 ? recvmsg(raw, &message, 0) : 0;
		const struct cmsghdr *cmsg = len > 0 ? CMSG_FIRSTHDR(&message) : NULL;

		if (!cmsg || from.sll_pkttype == PACKET_OUTGOING ||
		    memcmp(data + ETHER_ADDR_LEN, to_kernel.from, ETHER_ADDR_LEN) != 0)
			continue;
		memcpy(&aux, CMSG_DATA(cmsg), sizeof(aux));
		*tci = aux.tp_status & TP_STATUS_VLAN_VALID ? aux.tp_vlan_tci : -1;
		return (uint32_t)len;
	}
	puts("the kernel's port gets nothing");
	return 0;
}

static int send_shape(const struct shape *shape)
{
	const int tag = shape->subnet ? (int)(shape->subnet | (shape->seed & 7) << 13) : -1;
	uint8_t got[FRAME_ROOM] = {0};
	struct plx_mbuf *m;
	struct frame f;
	uint32_t len;
	int tci = 0;

	frame_make(&f, shape, &to_kernel);
	m = ask_for_it(&f, shape, shape->seed & 1 ? FRAME_ROOM : 1 + f.len / 3);
	want(m, "%s: no mbuf", shape->name);
	want(lab_send(0, 0, &m, 1), "%s", shape->name);
	len = kernel_gets(got, sizeof(got), &tci);
	want(len == f.len, "%s: %u bytes, want %u", shape->name, len, f.len);
	want(tci == tag, "%s: tag %d, want %d", shape->name, tci, tag);
	/* The kernel's SCTP takes the sum out while it checks it, of the bytes that are read here.
	 * Whether it is right, SctpChecksumErrors tells. */
	if (shape->protocol == IPPROTO_SCTP && memcmp(got + f.sum_at, "\0\0\0", 4) == 0)
		memcpy(got + f.sum_at, f.data + f.sum_at, 4);
	for (uint32_t i = 0; i < len; i++)
		want(got[i] == f.data[i], "%s, %u bytes: byte %u is 0x%02x, want 0x%02x",
		     shape->name, len, i, got[i], f.data[i]);
	return 0;
}

/* The same with the pseudo header's sum in it and nobody who adds the rest: the kernel says no. */
static int send_bad(const struct shape *shape)
{
	struct shape bad = *shape;
	struct plx_mbuf *m;
	struct frame f;
	uint8_t got[FRAME_ROOM];
	int tci;

	bad.bad_l4 = true;
	bad.subnet = 0;
	frame_make(&f, &bad, &to_kernel);
	m = mbufs_of(f.data, f.len, FRAME_ROOM);
	want(m && lab_send(0, 0, &m, 1), "%s", shape->name);
	want(kernel_gets(got, sizeof(got), &tci) == f.len, "%s: bad one", shape->name);
	return 0;
}

static int send_all(void)
{
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(sent); i++) {
		struct shape shape = sent[i];

		for (unsigned round = 0; round < ROUNDS; round++) {
			/* From less than a frame has. SCTP's chunks end on 4 bytes. */
			shape.payload = (uint16_t)(4 * (1 + 45 * round));
			if (shape.protocol != IPPROTO_SCTP)
				shape.payload = (uint16_t)(shape.payload + round);
			shape.seed = 1 + i * ROUNDS + round;
			if (send_shape(&shape))
				return 1;
		}
		if (send_bad(&shape))
			return 1;
	}
	printf("sent %zu shapes, %d of each\n", PLX_ARRAY_SIZE(sent), ROUNDS);
	return 0;
}

/* ---- TSO into a connection of the kernel's ---- */

enum {
	TSO_PORT = 7001,
	TSO_ROUNDS = 4,
	TSO_BYTES = 30000, /* of a round: within the window */
	TSO_ROOM = 54 + TSO_BYTES + 20,
	SYN = 2,
	ACK = 16,
};

struct tcp {
	uint8_t family;
	uint32_t seq, ack;
};

static void put32(uint8_t *at, uint32_t value)
{
	frame_put16(at, value >> 16);
	frame_put16(at + 2, value);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* One segment, or more than one by TSO. */
static int tcp_send(struct tcp *tcp, uint8_t bits, const uint8_t *data, uint32_t len)
{
	const struct shape shape = {.family = tcp->family, .protocol = IPPROTO_TCP, .seed = 17};
	static uint8_t bytes[TSO_ROOM];
	struct plx_mbuf *m;
	struct frame f;
	uint32_t headers;
	uint8_t *l4;

	frame_make(&f, &shape, &to_kernel);
	l4 = f.data + f.l2_len + f.l3_len;
	headers = f.l2_len + f.l3_len + f.l4_len;
	frame_put16(l4 + 2, TSO_PORT);
	put32(l4 + 4, tcp->seq);
	put32(l4 + 8, tcp->ack);
	frame_put16(l4 + 12, 0x5000u | bits);
	frame_put16(l4 + 14, 0xffff);
	if (tcp->family == 4)
		frame_put16(f.data + f.l2_len + 2, f.l3_len + f.l4_len + len);
	else
		frame_put16(f.data + f.l2_len + 4, f.l4_len + len);
	if (tcp->family == 4)
		frame_put16(f.data + f.l2_len + 10, 0);
	frame_put16(f.data + f.sum_at, frame_pseudo(&f, IPPROTO_TCP, len ? 0 : f.l4_len));
	memcpy(bytes, f.data, headers);
	if (len)
		memcpy(bytes + headers, data, len);
	m = mbufs_of(bytes, headers + len, 1500);
	want(m, "no mbufs");
	m->tx.l2_len = f.l2_len & 0x7f;
	m->tx.l3_len = f.l3_len & 0x1ff;
	m->tx.l4_len = f.l4_len & 0xff;
	m->tx.tso_segsz = (uint16_t)((tcp->family == 4 ? 1500 : 1500 - 20) - 40);
	m->flags |=
		tcp->family == 4 ? PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_IP_CSUM : PLX_MBUF_F_TX_IPV6;
	m->flags |= len ? PLX_MBUF_F_TX_TCP_SEG : PLX_MBUF_F_TX_TCP_CSUM;
	want(lab_send(0, 0, &m, 1), "TCP");
	tcp->seq += len + (bits & SYN ? 1 : 0);
	return 0;
}

/* The kernel's answer to SYN. */
static int tcp_answer(struct tcp *tcp)
{
	const uint64_t end = lab_ms() + LAB_PATIENCE_MS;
	const uint32_t l3 = tcp->family == 4 ? 20 : 40;

	while (lab_ms() < end) {
		struct plx_mbuf *m;
		const uint8_t *l4;
		bool found;

		if (plx_port_rx_burst(0, 0, &m, 1) == 0)
			continue;
		l4 = (const uint8_t *)plx_mbuf_data(m) + ETHER_HDR_LEN + l3;
		found = m->data_len >= ETHER_HDR_LEN + l3 + 20 && (l4[13] & 0x3f) == (SYN | ACK) &&
			l4[0] << 8 == (TSO_PORT & 0xff00) && get32(l4 + 8) == tcp->seq;
		if (found)
			tcp->ack = get32(l4 + 4) + 1;
		plx_mbuf_free(m);
		if (found)
			return 0;
	}
	want(false, "no answer to SYN of IPv%u", tcp->family);
}

static int read_all(int fd, const uint8_t *data, uint32_t len)
{
	static uint8_t got[TSO_BYTES];

	for (uint32_t at = 0; at < len;) {
		ssize_t part = recv(fd, got + at, len - at, 0);

		want(part > 0, "after %u of %u bytes: %s", at, len, strerror(errno));
		at += (uint32_t)part;
	}
	want(memcmp(got, data, len) == 0, "other bytes");
	return 0;
}

static int tso(uint8_t family, int listener)
{
	static uint8_t data[TSO_BYTES];
	struct tcp tcp = {.family = family, .seq = 1000};
	uint32_t state = 1;
	int fd;

	if (tcp_send(&tcp, SYN, NULL, 0) || tcp_answer(&tcp) || tcp_send(&tcp, ACK, NULL, 0))
		return 1;
	fd = accept(listener, NULL, NULL);
	want(fd >= 0, "IPv%u: %s", family, strerror(errno));
	for (unsigned round = 0; round < TSO_ROUNDS; round++) {
		const uint32_t len = TSO_BYTES - 977 * round;

		for (uint32_t i = 0; i < len; i++)
			data[i] = (uint8_t)frame_random(&state);
		if (tcp_send(&tcp, ACK, data, len) || read_all(fd, data, len))
			return 1;
	}
	close(fd);
	printf("TSO: %u segments over IPv%u\n", TSO_ROUNDS, family);
	return 0;
}

static int tso_all(void)
{
	const struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(TSO_PORT)};
	const struct timeval patience = {.tv_sec = LAB_PATIENCE_MS / 1000};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	want(fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
		     listen(fd, 4) == 0 &&
		     setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0,
	     "%s", strerror(errno));
	return tso(4, fd) || tso(6, fd);
}

/* ---- Receiving: the card tells ---- */

enum {
	IP_GOOD = PLX_MBUF_F_RX_IP_CSUM_GOOD,
	IP_BAD = PLX_MBUF_F_RX_IP_CSUM_BAD,
	L4_GOOD = PLX_MBUF_F_RX_L4_CSUM_GOOD,
	L4_BAD = PLX_MBUF_F_RX_L4_CSUM_BAD,
	TAGGED = PLX_MBUF_F_RX_VLAN | PLX_MBUF_F_RX_VLAN_STRIPPED,
	TOLD = IP_GOOD | IP_BAD | L4_GOOD | L4_BAD | TAGGED,
};

#define UDP4 .family = 4, .protocol = IPPROTO_UDP
#define TCP4 .family = 4, .protocol = IPPROTO_TCP
#define SCTP4 .family = 4, .protocol = IPPROTO_SCTP
#define UDP6 .family = 6, .protocol = IPPROTO_UDP
#define TCP6 .family = 6, .protocol = IPPROTO_TCP

static const struct {
	struct shape shape;
	uint32_t flags;
	uint32_t dont_care;
} received[] = {
	{{.name = "UDP", UDP4}, IP_GOOD | L4_GOOD, 0},
	{{.name = "UDP, bad sum", UDP4, .bad_l4 = true}, IP_GOOD | L4_BAD, 0},
	{{.name = "UDP without a sum", UDP4, .no_sum = true}, IP_GOOD, 0},
	/* The card may or may not look behind a bad header. */
	{{.name = "UDP, bad IP", UDP4, .bad_ip = true}, IP_BAD, L4_GOOD | L4_BAD},
	{{.name = "UDP, options", UDP4, .ip_options = 24}, IP_GOOD | L4_GOOD, 0},
	{{.name = "UDP, a fragment", UDP4, .fragment = true}, IP_GOOD, 0},
	{{.name = "TCP", TCP4}, IP_GOOD | L4_GOOD, 0},
	{{.name = "TCP, bad sum", TCP4, .bad_l4 = true}, IP_GOOD | L4_BAD, 0},
	{{.name = "TCP, bad IP", TCP4, .bad_ip = true}, IP_BAD, L4_GOOD | L4_BAD},
	{{.name = "SCTP", SCTP4}, IP_GOOD | L4_GOOD, 0},
	{{.name = "SCTP, bad sum", SCTP4, .bad_l4 = true}, IP_GOOD | L4_BAD, 0},
	{{.name = "UDP, IPv6", UDP6}, L4_GOOD, 0},
	{{.name = "UDP, IPv6, bad sum", UDP6, .bad_l4 = true}, L4_BAD, 0},
	{{.name = "TCP, IPv6", TCP6}, L4_GOOD, 0},
	{{.name = "TCP, IPv6, bad sum", TCP6, .bad_l4 = true}, L4_BAD, 0},
	{{.name = "no IP"}, 0, 0},
	{{.name = "UDP, tag", UDP4, .nb_tags = 1, .tci = {VLAN_IN}}, IP_GOOD | L4_GOOD | TAGGED, 0},
	{{.name = "TCP, tag, bad sum",
	  TCP4,
	  .bad_l4 = true,
	  .nb_tags = 1,
	  .tci = {VLAN_IN | 0xe000}},
	 IP_GOOD | L4_BAD | TAGGED,
	 0},
	{{.name = "no IP, tag", .nb_tags = 1, .tci = {VLAN_IN | 0x3000}}, TAGGED, 0},
	{{.name = "two tags", .nb_tags = 2, .tci = {VLAN_IN, VLAN_OUT}}, TAGGED, 0},
};

/* The next frame of those that were sent by hand; NULL after @ms. */
static struct plx_mbuf *pollux_gets(unsigned ms)
{
	const uint64_t end = lab_ms() + ms;
	struct plx_mbuf *m;

	do {
		if (plx_port_rx_burst(0, 0, &m, 1) == 0)
			continue;
		/* The kernel's own come from its port's address. */
		if (memcmp((const uint8_t *)plx_mbuf_data(m) + ETHER_ADDR_LEN, to_pollux.from,
			   ETHER_ADDR_LEN) == 0)
			return m;
		plx_mbuf_free(m);
	} while (lab_ms() < end);
	return NULL;
}

static int expect(const struct plx_mbuf *m, const struct shape *shape, const struct frame *f,
		  bool stripped, uint32_t flags, uint32_t dont_care)
{
	const uint8_t *data = plx_mbuf_data(m);
	const uint32_t cut = stripped ? TAG_BYTES : 0, head = 2 * ETHER_ADDR_LEN;

	want(m->pkt_len == f->len - cut && m->nb_segs == 1, "%s: %u bytes in %u, want %u",
	     shape->name, m->pkt_len, m->nb_segs, f->len - cut);
	want(memcmp(data, f->data, head) == 0 &&
		     memcmp(data + head, f->data + head + cut, m->pkt_len - head) == 0,
	     "%s, %u bytes: other bytes", shape->name, f->len);
	want((m->flags & TOLD & ~dont_care) == flags, "%s, %u bytes: flags 0x%x, want 0x%x",
	     shape->name, f->len, m->flags & TOLD, flags);
	want(!stripped || m->vlan_tci == shape->tci[0], "%s: tag 0x%x, want 0x%x", shape->name,
	     m->vlan_tci, shape->tci[0]);
	return 0;
}

/* @told: which flags there can be. */
static int receive_all(uint32_t told)
{
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(received) * ROUNDS; i++) {
		struct shape shape = received[i / ROUNDS].shape;
		const unsigned round = i % ROUNDS;
		struct plx_mbuf *m;
		struct frame f;
		int ret;

		/* 60 bytes, and more. */
		shape.payload = (uint16_t)(shape.protocol == IPPROTO_SCTP ? 20 + 160 * round
									  : 40 + 171 * round);
		shape.seed = 1 + i;
		frame_make(&f, &shape, &to_pollux);
		want(send(raw, f.data, f.len, 0) == (ssize_t)f.len, "%s: %s", shape.name,
		     strerror(errno));
		m = pollux_gets(LAB_PATIENCE_MS);
		want(m, "%s, %u bytes: does not come", shape.name, f.len);
		ret = expect(m, &shape, &f, shape.nb_tags > 0 && (told & TAGGED),
			     received[i / ROUNDS].flags & told, received[i / ROUNDS].dont_care);
		plx_mbuf_free(m);
		if (ret)
			return 1;
	}
	return 0;
}

/* Tags are let in one by one; frames without any always. */
static int filter(void)
{
	static const uint16_t tags[] = {VLAN_OUT, 0, 1, 99, 4095, VLAN_IN + 2048};
	struct shape shape = {.name = "filter", UDP4, .nb_tags = 1, .payload = 40};
	struct plx_mbuf *m;
	struct frame f;

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(tags); i++) {
		bool on = i & 1;

		want(plx_port_vlan_filter(0, tags[i], on) == 0, "%u", tags[i]);
		shape.tci[0] = tags[i];
		frame_make(&f, &shape, &to_pollux);
		want(send(raw, f.data, f.len, 0) == (ssize_t)f.len, "%s", strerror(errno));
		/* In order: when this one is in, the other was looked at. */
		shape.tci[0] = VLAN_IN;
		frame_make(&f, &shape, &to_pollux);
		want(send(raw, f.data, f.len, 0) == (ssize_t)f.len, "%s", strerror(errno));
		m = pollux_gets(LAB_PATIENCE_MS);
		want(m && m->vlan_tci == (on ? tags[i] : VLAN_IN), "tag %u, %s: got %d", tags[i],
		     on ? "let in" : "kept out", m ? m->vlan_tci : -1);
		plx_mbuf_free(m);
		if (!on)
			continue;
		m = pollux_gets(LAB_PATIENCE_MS);
		want(m && m->vlan_tci == VLAN_IN, "tag %u", VLAN_IN);
		plx_mbuf_free(m);
	}
	return 0;
}

/* ---- All of it ---- */

static int set_up(const char *interface)
{
	struct ether_addr own;
	const int on = 1;

	raw = lab_raw_socket(interface);
	want(raw >= 0 && setsockopt(raw, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) == 0, "%s",
	     interface);
	want(lab_address_of(raw, interface, to_kernel.to) == 0, "%s: %s", interface,
	     strerror(errno));
	want(plx_port_mac(0, &own) == 0, "address");
	memcpy(to_kernel.from, &own, sizeof(own));
	memcpy(to_pollux.to, &own, sizeof(own));
	memcpy(to_pollux.from, "\x02\0\0\0\x99\x01", ETHER_ADDR_LEN);
	to_kernel.from_host = to_pollux.to_host = POLLUX;
	to_kernel.to_host = to_pollux.from_host = KERNEL;
	pool = lab_pool("offload", NB_MBUFS);
	want(pool, "no pool");
	return 0;
}

static int check_all(void)
{
	struct plx_port_conf conf = {
		.nb_rx_queues = 1,
		.nb_tx_queues = 1,
		.rx_offloads = PLX_PORT_RX_VLAN_STRIP | PLX_PORT_RX_VLAN_FILTER |
			       PLX_PORT_RX_IP_CSUM | PLX_PORT_RX_TCP_CSUM | PLX_PORT_RX_UDP_CSUM |
			       PLX_PORT_RX_SCTP_CSUM,
		.tx_offloads = PLX_PORT_TX_VLAN_INSERT | PLX_PORT_TX_IP_CSUM |
			       PLX_PORT_TX_TCP_CSUM | PLX_PORT_TX_UDP_CSUM | PLX_PORT_TX_SCTP_CSUM |
			       PLX_PORT_TX_TSO | PLX_PORT_TX_MULTI_SEGS,
	};

	if (lab_start(0, &conf, pool))
		return 1;
	want(plx_port_vlan_filter(0, VLAN_IN, true) == 0, "filter");
	if (send_all() || tso_all() || receive_all(TOLD) || filter())
		return 1;
	plx_port_stop(0);
	/* The card strips tags all the same, since it is to insert some: they have to be put
	 * back. */
	conf.rx_offloads = PLX_PORT_RX_IP_CSUM | PLX_PORT_RX_SCTP_CSUM;
	if (lab_start(0, &conf, pool) || receive_all(TOLD & ~TAGGED))
		return 1;
	plx_port_stop(0);
	conf.rx_offloads = 0;
	conf.tx_offloads = 0;
	return lab_start(0, &conf, pool) || receive_all(0);
}

int main(int argc, char **argv)
{
	int taken = plx_init(argc, argv), ret;

	if (taken < 0)
		return plx_init_exit_status(taken, NULL, stdout);
	if (argc <= taken + 1)
		return 2;
	ret = set_up(argv[taken + 1]) || check_all();
	plx_port_stop(0);
	if (plx_mempool_in_use(pool) > 0 && ret == 0) {
		printf("%u mbufs are not at home\n", plx_mempool_in_use(pool));
		ret = 1;
	}
	if (ret)
		lab_tell(0);
	plx_fini();
	return ret;
}
