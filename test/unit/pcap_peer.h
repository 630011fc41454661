/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The other end of a port's cable: a packet socket, and frames that both ends know: addresses, an
 * Ethernet type of nobody's, and byte_of() from there on.
 */
#ifndef TEST_PCAP_PEER_H
#define TEST_PCAP_PEER_H

#include "pcap_env.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

enum { FRAME_MAX = 65536, FRAME_TYPE = 0x88b5 };

static int peer;

static inline int peer_open(const char *name)
{
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(name),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), on = 1;

	cr_assert_geq(fd, 0, "%s", strerror(errno));
	cr_assert_eq(setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)), 0);
	cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0, "%s",
		     strerror(errno));
	return fd;
}

/* Byte @i of the frame @salt. */
static inline unsigned char frame_byte(uint32_t i, unsigned salt)
{
	static const unsigned char head[] = {
		2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, FRAME_TYPE >> 8, FRAME_TYPE & 0xff};

	return i < sizeof(head) ? head[i] : byte_of(i, salt);
}

static inline void send_frame(int fd, uint32_t len, unsigned salt)
{
	static unsigned char frame[FRAME_MAX];

	for (uint32_t i = 0; i < len; i++)
		frame[i] = frame_byte(i, salt);
	cr_assert_eq(send(fd, frame, len, 0), (ssize_t)len, "%u bytes: %s", len, strerror(errno));
}

#define peer_send(len, salt) send_frame(peer, (len), (salt))

/* Bytes [@from, @to) of a frame in one mbuf. */
static inline struct plx_mbuf *frame_rest(struct plx_mempool *pool, uint32_t from, uint32_t to,
					  unsigned salt)
{
	struct plx_mbuf *m = plx_mbuf_alloc(pool);
	unsigned char *data;

	cr_assert_not_null(m);
	data = plx_mbuf_append(m, (uint16_t)(to - from));
	cr_assert_not_null(data);
	for (uint32_t i = from; i < to; i++)
		*data++ = frame_byte(i, salt);
	return m;
}

static inline struct plx_mbuf *frame_new(struct plx_mempool *pool, uint32_t len, unsigned salt)
{
	return frame_rest(pool, 0, len, salt);
}

/* The mbuf holds the first @len bytes of a frame. */
static inline void assert_head_(int at, const struct plx_mbuf *m, uint32_t len, unsigned salt)
{
	const char *reason = NULL;
	uint32_t i = 0;

	cr_assert_eq(plx_mbuf_check(m, true, &reason), 0, "line %d: %s", at, reason);
	cr_assert_eq(m->pkt_len, len, "line %d: %u bytes, want %u", at, m->pkt_len, len);
	for (; m; m = m->next) {
		const unsigned char *data = plx_mbuf_data(m);

		for (uint32_t k = 0; k < m->data_len; k++, i++)
			cr_assert_eq(data[k], frame_byte(i, salt), "line %d: byte %u: %u, want %u",
				     at, i, data[k], frame_byte(i, salt));
	}
}

#define assert_head(m, len, salt) assert_head_(__LINE__, (m), (len), (salt))
#define assert_frame(m, len, salt) assert_head_(__LINE__, (m), (len), (salt))

/* Take one frame off the peer's socket that came in, into @frame. Returns its length; -1: none
 * came. @tci: its VLAN tag, which the kernel takes out; 0: none. */
static inline ssize_t peer_take(unsigned char *frame, int timeout_ms, unsigned *tci)
{
	struct pollfd waits = {.fd = peer, .events = POLLIN};
	struct sockaddr_ll from;
	char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct iovec vec = {frame, FRAME_MAX};
	struct msghdr message;
	const struct cmsghdr *head;
	ssize_t len;

	do {
		if (poll(&waits, 1, timeout_ms) != 1)
			return -1;
		message = (struct msghdr){.msg_name = &from,
					  .msg_namelen = sizeof(from),
					  .msg_iov = &vec,
					  .msg_iovlen = 1,
					  .msg_control = control,
					  .msg_controllen = sizeof(control)};
		len = recvmsg(peer, &message, 0);
		cr_assert_gt(len, 0);
	} while (from.sll_pkttype == PACKET_OUTGOING);
	*tci = 0;
	head = CMSG_FIRSTHDR(&message);
	if (head && head->cmsg_type == PACKET_AUXDATA) {
		const struct tpacket_auxdata *aux = (const void *)CMSG_DATA(head);

		if (aux->tp_status & TP_STATUS_VLAN_VALID)
			*tci = aux->tp_vlan_tci;
	}
	return len;
}

static inline void assert_peer_gets_(int at, uint32_t len, unsigned salt)
{
	static unsigned char frame[FRAME_MAX];
	unsigned tci;
	ssize_t got = peer_take(frame, 2000, &tci);

	cr_assert_eq(got, (ssize_t)len, "line %d: the peer got %zd bytes, want %u", at, got, len);
	for (uint32_t i = 0; i < len; i++)
		cr_assert_eq(frame[i], frame_byte(i, salt), "line %d: byte %u", at, i);
	cr_assert_eq(tci, 0, "line %d: a tag", at);
}

#define assert_peer_gets(len, salt) assert_peer_gets_(__LINE__, (len), (salt))

static inline void assert_peer_silent_(int at)
{
	static unsigned char frame[FRAME_MAX];
	unsigned tci;
	ssize_t got = peer_take(frame, 0, &tci);

	cr_assert_eq(got, -1, "line %d: the peer got %zd bytes more", at, got);
}

#define assert_peer_silent() assert_peer_silent_(__LINE__)

/* ---- Frames with a VLAN tag: @len is with it ---- */

static inline unsigned char tagged_byte(uint32_t i, unsigned salt, unsigned tci)
{
	const unsigned char tag[4] = {0x81, 0x00, (unsigned char)(tci >> 8), (unsigned char)tci};

	if (i < 12)
		return frame_byte(i, salt);
	return i < 16 ? tag[i - 12] : frame_byte(i - 4, salt);
}

static inline void peer_send_tagged(uint32_t len, unsigned salt, unsigned tci)
{
	unsigned char frame[2048];

	for (uint32_t i = 0; i < len; i++)
		frame[i] = tagged_byte(i, salt, tci);
	cr_assert_eq(send(peer, frame, len, 0), (ssize_t)len, "%u bytes: %s", len, strerror(errno));
}

static inline void assert_tagged_(int at, const struct plx_mbuf *m, uint32_t len, unsigned salt,
				  unsigned tci)
{
	const unsigned char *data = plx_mbuf_data(m);

	cr_assert_eq(m->pkt_len, len, "line %d: %u bytes, want %u", at, m->pkt_len, len);
	cr_assert_eq(m->nb_segs, 1, "line %d", at);
	for (uint32_t i = 0; i < len; i++)
		cr_assert_eq(data[i], tagged_byte(i, salt, tci), "line %d: byte %u", at, i);
}

#define assert_tagged(m, len, salt, tci) assert_tagged_(__LINE__, (m), (len), (salt), (tci))

static inline void assert_peer_gets_tagged_(int at, uint32_t len, unsigned salt, unsigned tci)
{
	static unsigned char frame[FRAME_MAX];
	unsigned got_tci;
	ssize_t got = peer_take(frame, 2000, &got_tci);

	cr_assert_eq(got, (ssize_t)len - 4, "line %d: the peer got %zd bytes and a tag", at, got);
	cr_assert_eq(got_tci, tci, "line %d: tag %#x, want %#x", at, got_tci, tci);
	for (uint32_t i = 0; i < len - 4; i++)
		cr_assert_eq(frame[i], frame_byte(i, salt), "line %d: byte %u", at, i);
}

#define assert_peer_gets_tagged(len, salt, tci)                                                    \
	assert_peer_gets_tagged_(__LINE__, (len), (salt), (tci))

/* "pa" is for the port, and the peer is on "pb". */
static inline void start_pair(void)
{
	netns_start();
	veth_up("pa", "pb");
	start_pcap();
	peer = peer_open("pb");
}

static inline void end_pair(void)
{
	end_pcap();
	close(peer);
}

#endif
