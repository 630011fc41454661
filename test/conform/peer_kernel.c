/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Peers that are an interface of the kernel, driven by a raw packet socket: the other end of a veth
 * pair, or the kernel's side of a tap interface. A card's is in peer_netdev.c.
 */
#include "peer_kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "netns.h"

static const char veth_port[] = "plxport", veth_peer[] = "plxpeer";

enum {
	VETH_QUEUES = 4,
	PEER_MTU = 2000, /* more than the port's, so that frames too long for it can be sent */
	RCVBUF_BYTES = 64 << 20,
	/* What a small frame takes of the receive buffer; the kernel counts whole allocations. */
	FRAME_ROOM_BYTES = 4096,
};

static struct kernel_peer *of(struct peer *peer)
{
	return (struct kernel_peer *)peer;
}

struct peer *kernel_create(const struct variant *variant)
{
	struct kernel_peer *k = calloc(1, sizeof(*k));

	check(k, "no memory");
	k->more_tx_queues = variant->more_tx_queues;
	k->fd = -1;
	return &k->base;
}

void kernel_close(struct kernel_peer *k)
{
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
}

void kernel_destroy(struct peer *peer)
{
	kernel_close(of(peer));
	free(peer);
}

static void set_option(int fd, int level, int option, int value)
{
	check(setsockopt(fd, level, option, &value, sizeof(value)) == 0, "socket option %d: %s",
	      option, strerror(errno));
}

void kernel_open(struct kernel_peer *k)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	struct link link = link_get(k->name);
	int bytes = RCVBUF_BYTES;
	socklen_t len = sizeof(bytes);

	check(link.there, "no interface %s", k->name);
	k->base.mac = link.mac;
	/* Without a protocol it hears nothing before it is bound. */
	k->fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	check(k->fd >= 0, "packet socket: %s", strerror(errno));
	if (setsockopt(k->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
		set_option(k->fd, SOL_SOCKET, SO_RCVBUF, bytes);
	check(getsockopt(k->fd, SOL_SOCKET, SO_RCVBUF, &bytes, &len) == 0, "SO_RCVBUF: %s",
	      strerror(errno));
	k->base.nb_seen_max = (uint32_t)bytes / FRAME_ROOM_BYTES;
	set_option(k->fd, SOL_PACKET, PACKET_AUXDATA, 1);
	set_option(k->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
	address.sll_ifindex = (int)link.index;
	check(bind(k->fd, (const struct sockaddr *)&address, sizeof(address)) == 0,
	      "bind to %s: %s", k->name, strerror(errno));
}

/* The interface is going up or down at this moment, or is not up: nothing passes. */
static bool is_down(int error)
{
	return error == ENETDOWN || error == ENXIO || error == ENODEV;
}

bool kernel_send(struct peer *peer, uint32_t flow, const uint8_t *frame, uint32_t len)
{
	struct kernel_peer *k = of(peer);
	ssize_t sent;

	(void)flow;
	wait_until((sent = send(k->fd, frame, len, 0)) >= 0 || !is_down(errno));
	if (sent < 0 && (errno == ENOBUFS || errno == EAGAIN || errno == EMSGSIZE))
		return false;
	check(sent == (ssize_t)len, "peer sends %u bytes: %s", len, strerror(errno));
	return true;
}

/* The kernel took the tag out of the frame: put it back. */
static uint32_t insert_tag(uint8_t *frame, uint32_t len, const struct tpacket_auxdata *aux)
{
	uint16_t type = aux->tp_status & TP_STATUS_VLAN_TPID_VALID ? aux->tp_vlan_tpid : 0x8100;
	uint16_t tag[2] = {htons(type), htons(aux->tp_vlan_tci)};

	memmove(frame + 16, frame + 12, len - 12);
	memcpy(frame + 12, tag, sizeof(tag));
	return len + 4;
}

uint32_t kernel_recv(struct peer *peer, uint8_t *frame, uint32_t room)
{
	struct kernel_peer *k = of(peer);
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	} control;
	struct iovec iov = {.iov_base = frame, .iov_len = room - 4};
	struct sockaddr_ll from;
	struct msghdr msg = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	const struct cmsghdr *c;
	uint32_t len;
	ssize_t got = recvmsg(k->fd, &msg, MSG_TRUNC);

	if (got < 0) {
		check(errno == EAGAIN || is_down(errno), "peer receives: %s", strerror(errno));
		return PEER_NONE;
	}
	check(got <= (ssize_t)iov.iov_len, "the peer saw a frame of %zd bytes", got);
	len = (uint32_t)got;
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_type == PACKET_AUXDATA) {
		struct tpacket_auxdata aux;

		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if (aux.tp_status & TP_STATUS_VLAN_VALID)
			len = insert_tag(frame, len, &aux);
	}
	return len;
}

uint64_t kernel_lost(struct kernel_peer *k)
{
	struct tpacket_stats stats = {0};
	socklen_t len = sizeof(stats);

	if (k->fd >= 0 && getsockopt(k->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) == 0)
		k->socket_lost += stats.tp_drops;
	return k->socket_lost;
}

/* ---- veth ---- */

static void veth_prepare(struct peer *peer)
{
	struct kernel_peer *k = of(peer);

	k->name = veth_peer;
	snprintf(peer->port_if, sizeof(peer->port_if), "%s", veth_port);
	link_veth_make(veth_port, veth_peer, VETH_QUEUES);
	link_await_running(veth_peer);
	link_mtu(veth_peer, PEER_MTU);
	kernel_open(k);
}

/* Down at this end is no carrier at the other. */
static void veth_link(struct peer *peer, bool up)
{
	link_up(of(peer)->name, up);
	if (up)
		link_await_running(of(peer)->name);
}

static uint64_t veth_lost(struct peer *peer)
{
	struct kernel_peer *k = of(peer);
	struct link link = link_get(k->name);

	return kernel_lost(k) + k->link_lost + link.tx_dropped;
}

static void veth_remove(struct peer *peer)
{
	of(peer)->link_lost += link_get(of(peer)->name).tx_dropped;
	kernel_close(of(peer));
	link_delete(veth_peer);
}

static uint32_t veth_mtu(struct peer *peer, uint32_t mtu)
{
	struct link link = link_get(of(peer)->name);

	/* An XDP program at the port's end limits what may be sent to it. */
	if (link.max_mtu && mtu > link.max_mtu)
		mtu = link.max_mtu;
	if (mtu > link.mtu)
		link_mtu(of(peer)->name, mtu);
	return mtu;
}

/* Frames come by those queues that the port has. */
static void veth_ready(struct peer *peer, unsigned nb_rx_queues)
{
	unsigned nb = (nb_rx_queues ? nb_rx_queues : 1) + of(peer)->more_tx_queues;

	link_tx_queues(of(peer)->name, nb < VETH_QUEUES ? nb : VETH_QUEUES);
}

const struct peer_ops peer_veth = {
	.name = "veth",
	.can = PEER_SENDS | PEER_SEES | PEER_LINK | PEER_REMOVES | PEER_SPREADS | PEER_KERNEL |
	       PEER_FORGETS,
	.create = kernel_create,
	.destroy = kernel_destroy,
	.prepare = veth_prepare,
	.send = kernel_send,
	.recv = kernel_recv,
	.lost = veth_lost,
	.link = veth_link,
	.remove = veth_remove,
	.restore = veth_prepare,
	.mtu = veth_mtu,
	.ready = veth_ready,
};

/* ---- tap ---- */

static void tap_plug(struct peer *peer, unsigned port)
{
	struct kernel_peer *k = of(peer);
	struct plx_port_info info;
	static char name[IF_NAMESIZE];

	want_ret(plx_port_info(port, &info), 0);
	check(info.if_index != 0, "a tap port without if_index");
	check(if_indextoname(info.if_index, name), "interface %u: %s", info.if_index,
	      strerror(errno));
	k->name = name;
	snprintf(peer->port_if, sizeof(peer->port_if), "%s", name);
	link_offloads_off(name);
	kernel_open(k);
}

static void tap_ready(struct peer *peer, unsigned nb_rx_queues)
{
	(void)nb_rx_queues;
	link_up(of(peer)->name, true);
	link_await_running(of(peer)->name);
}

static void tap_unplug(struct peer *peer)
{
	kernel_lost(of(peer));
	kernel_close(of(peer));
	peer->port_if[0] = '\0';
}

static uint64_t tap_lost(struct peer *peer)
{
	return kernel_lost(of(peer));
}

static void tap_link(struct peer *peer, bool up)
{
	link_up(of(peer)->name, up);
}

static void tap_remove(struct peer *peer)
{
	tap_unplug(peer);
	link_delete(of(peer)->name);
}

const struct peer_ops peer_tap = {
	.name = "tap",
	.can = PEER_SENDS | PEER_SEES | PEER_LINK | PEER_REMOVES | PEER_SPREADS | PEER_KERNEL |
	       PEER_FORGETS,
	.create = kernel_create,
	.destroy = kernel_destroy,
	.plug = tap_plug,
	.unplug = tap_unplug,
	.ready = tap_ready,
	.send = kernel_send,
	.recv = kernel_recv,
	.lost = tap_lost,
	.link = tap_link,
	.remove = tap_remove,
};
