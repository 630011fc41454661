/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets: rings, filters, fanout groups. */
#include "af_packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* Newer than some libc's headers; the kernel refuses what it does not know. */
#ifndef PACKET_FANOUT_FLAG_IGNORE_OUTGOING
#define PACKET_FANOUT_FLAG_IGNORE_OUTGOING 0x4000
#endif

static struct afp_port *afp_of(const struct plx_port *port)
{
	return port->priv;
}

/* ---- geometry ---- */

uint32_t afp_frame_bytes(const struct afp_options *options, uint32_t mtu)
{
	uint32_t bytes = AFP_FRAME_BYTES_DEFAULT;

	if (options->frame_bytes != 0)
		return options->frame_bytes;
	while (bytes < mtu + AFP_OVERHEAD_BYTES && bytes < AFP_FRAME_BYTES_MAX)
		bytes *= 2;
	return bytes;
}

uint32_t afp_block_bytes(const struct afp_options *options, uint32_t frame_bytes)
{
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);

	if (options->block_bytes != 0)
		return options->block_bytes;
	return frame_bytes > page ? frame_bytes : page;
}

static void choose_sizes(const struct plx_port *port, uint32_t nb_frames, struct afp_ring *ring)
{
	const struct afp_options *options = &afp_of(port)->options;

	ring->frame_bytes = afp_frame_bytes(options, port->mtu);
	ring->block_bytes = afp_block_bytes(options, ring->frame_bytes);
	ring->nb_frames = nb_frames;
	ring->bytes = (size_t)nb_frames * ring->frame_bytes;
	ring->nb_blocks = (uint32_t)(ring->bytes / ring->block_bytes);
}

/* Larger blocks, since each waits to be full. Two at least: one is filled while one is read. */
static void choose_sizes_v3(const struct plx_port *port, uint32_t nb_frames, struct afp_ring *ring)
{
	choose_sizes(port, nb_frames, ring);
	if (afp_of(port)->options.block_bytes == 0 && ring->block_bytes < AFP_BLOCK_BYTES_V3)
		ring->block_bytes = AFP_BLOCK_BYTES_V3;
	ring->nb_blocks = (uint32_t)(ring->bytes / ring->block_bytes);
	if (ring->nb_blocks < 2)
		ring->nb_blocks = 2;
	ring->bytes = (size_t)ring->nb_blocks * ring->block_bytes;
	ring->nb_frames = (uint32_t)(ring->bytes / ring->frame_bytes);
}

/* ---- sockets ---- */

int afp_socket(struct plx_port *port, int *fd)
{
	int err;

	/* Protocol 0: receives nothing until it is bound to one. */
	*fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (*fd >= 0)
		return 0;
	err = -errno;
	plx_port_log(port, PLX_LOG_ERR, "can't open a packet socket: %s%s", strerror(-err),
		     err == -EPERM ? " (wants CAP_NET_RAW: run as root, or give the program the "
				     "capability by setcap cap_net_raw+ep)"
				   : "");
	return err;
}

static int set(int fd, int option, const void *value, socklen_t bytes)
{
	return setsockopt(fd, SOL_PACKET, option, value, bytes) == 0 ? 0 : -errno;
}

static int set_int(int fd, int option, int value)
{
	return set(fd, option, &value, sizeof(value));
}

static int bind_socket(const struct plx_port *port, int fd, uint16_t protocol)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = (int)afp_of(port)->index,
	};

	return bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : -errno;
}

static int map_ring(struct afp_ring *ring)
{
	ring->at = mmap(NULL, ring->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			ring->fd, 0);
	if (ring->at == MAP_FAILED)
		return -errno;
	/* A mapping keeps its socket. */
	(void)madvise(ring->at, ring->bytes, MADV_DONTFORK);
	return 0;
}

/* For a child of fork(), which has no queues to look at. */
static void note_fd(struct afp_port *afp, int from, int to)
{
	unsigned i = 0;

	while (i < PLX_ARRAY_SIZE(afp->ring_fds) && afp->ring_fds[i] != from)
		i++;
	if (i < PLX_ARRAY_SIZE(afp->ring_fds))
		afp->ring_fds[i] = to;
}

static int fail(struct plx_port *port, struct afp_ring *ring, const char *what, int err)
{
	plx_port_log(port, PLX_LOG_ERR, "%s: %s: %s%s", afp_of(port)->options.iface, what,
		     strerror(-err),
		     err == -ENOMEM ? " (fewer or smaller frames: framecnt, framesz)" : "");
	close(ring->fd);
	ring->fd = -1;
	return err;
}

/* ---- receive ---- */

static int set_filter(int fd, const struct sock_filter *code, unsigned short nb)
{
	/* The kernel only reads it. */
	struct sock_fprog program = {.len = nb, .filter = (struct sock_filter *)(uintptr_t)code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0
		       ? 0
		       : -errno;
}

int afp_filter_shut(int fd)
{
	static const struct sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};

	return set_filter(fd, nothing, PLX_ARRAY_SIZE(nothing));
}

/* All but what this machine sends itself: the rest of what PACKET_IGNORE_OUTGOING leaves, on
 * kernels where it does nothing for sockets in a fanout group. */
int afp_filter_open(int fd)
{
	static const struct sock_filter incoming[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	int value = 0;
	socklen_t bytes = sizeof(value);

	if (getsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &value, &bytes) != 0 || value == 0)
		return set_filter(fd, incoming, PLX_ARRAY_SIZE(incoming));
	return setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &value, sizeof(value)) == 0 ||
			       errno == ENOENT
		       ? 0
		       : -errno;
}

static int set_rx_ring(const struct plx_port *port, struct afp_ring *ring)
{
	struct tpacket_req3 request = {
		.tp_block_size = ring->block_bytes,
		.tp_block_nr = ring->nb_blocks,
		.tp_frame_size = ring->frame_bytes,
		.tp_frame_nr = ring->nb_frames,
		.tp_retire_blk_tov = AFP_V3_RETIRE_MS,
	};
	bool is_v3 = afp_of(port)->options.version3;
	int err;

	err = set_int(ring->fd, PACKET_VERSION, is_v3 ? TPACKET_V3 : TPACKET_V2);
	if (err == 0)
		err = set(ring->fd, PACKET_RX_RING, &request,
			  is_v3 ? sizeof(request) : sizeof(struct tpacket_req));
	return err;
}

int afp_rx_ring_open(struct plx_port *port, uint32_t nb_frames, struct afp_ring *ring)
{
	int err;

	err = afp_socket(port, &ring->fd);
	if (err != 0)
		return err;
	if (afp_of(port)->options.version3)
		choose_sizes_v3(port, nb_frames, ring);
	else
		choose_sizes(port, nb_frames, ring);
	err = set_rx_ring(port, ring);
	if (err != 0)
		return fail(port, ring, "can't make a receive ring", err);
	err = map_ring(ring);
	if (err != 0)
		return fail(port, ring, "can't map the receive ring", err);
	/* May be missing: afp_filter_open() sees to it. */
	set_int(ring->fd, PACKET_IGNORE_OUTGOING, 1);
	err = afp_filter_shut(ring->fd);
	if (err == 0)
		err = bind_socket(port, ring->fd, ETH_P_ALL);
	if (err == 0) {
		note_fd(afp_of(port), -1, ring->fd);
		return 0;
	}
	munmap(ring->at, ring->bytes);
	return fail(port, ring, "can't bind a receive socket", err);
}

/* The first socket gets the group a number that is not in use, the others join it. */
int afp_fanout_join(struct plx_port *port, int fd)
{
	struct afp_port *afp = afp_of(port);
	uint32_t mode = (uint32_t)afp->options.fanout << 16;
	uint32_t group = afp->fanout_id, value = 0;
	socklen_t bytes = sizeof(value);
	int err;

	if (afp->nb_in_fanout == 0) {
		group = 0;
		mode |= (uint32_t)PACKET_FANOUT_FLAG_UNIQUEID << 16;
	}
	err = set_int(fd, PACKET_FANOUT,
		      (int)(group | mode | (uint32_t)PACKET_FANOUT_FLAG_IGNORE_OUTGOING << 16));
	if (err == -EINVAL) {
		set_int(fd, PACKET_IGNORE_OUTGOING, 0);
		err = set_int(fd, PACKET_FANOUT, (int)(group | mode));
	}
	if (err == 0 && getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &value, &bytes) != 0)
		err = -errno;
	if (err != 0) {
		plx_port_log(port, PLX_LOG_ERR,
			     "%s: its %u receive queues can't share it (PACKET_FANOUT): %s%s",
			     afp->options.iface, port->conf.nb_rx_queues, strerror(-err),
			     plx_load_relaxed(&afp->limit) == 0 ? " (set it up: ip link set up dev "
								  "INTERFACE)"
								: "");
		return err;
	}
	afp->fanout_id = (uint16_t)value;
	afp->nb_in_fanout++;
	return 0;
}

/* ---- transmit ---- */

int afp_tx_ring_open(struct plx_port *port, uint32_t nb_frames, struct afp_ring *ring)
{
	struct tpacket_req request;
	int send_bytes, err;

	err = afp_socket(port, &ring->fd);
	if (err != 0)
		return err;
	choose_sizes(port, nb_frames, ring);
	request = (struct tpacket_req){
		.tp_block_size = ring->block_bytes,
		.tp_block_nr = ring->nb_blocks,
		.tp_frame_size = ring->frame_bytes,
		.tp_frame_nr = ring->nb_frames,
	};
	/* The header lets the kernel copy a frame in one go: see af_packet_tx.c. */
	err = set_int(ring->fd, PACKET_VERSION, TPACKET_V2);
	if (err == 0)
		err = set_int(ring->fd, PACKET_VNET_HDR, 1);
	if (err == 0 && afp_of(port)->options.qdisc_bypass)
		err = set_int(ring->fd, PACKET_QDISC_BYPASS, 1);
	if (err == 0)
		err = set(ring->fd, PACKET_TX_RING, &request, sizeof(request));
	if (err != 0)
		return fail(port, ring, "can't make a transmit ring", err);
	err = map_ring(ring);
	if (err != 0)
		return fail(port, ring, "can't map the transmit ring", err);
	/* Frames on their way count against it, with what the kernel adds to each; the ring is what
	 * should limit them. Refused without CAP_NET_ADMIN: then bursts may be cut short. */
	send_bytes = (int)(ring->bytes < INT32_MAX / 4 ? ring->bytes * 2 : INT32_MAX / 2);
	if (setsockopt(ring->fd, SOL_SOCKET, SO_SNDBUFFORCE, &send_bytes, sizeof(send_bytes)) != 0)
		setsockopt(ring->fd, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof(send_bytes));
	err = bind_socket(port, ring->fd, 0);
	if (err == 0) {
		note_fd(afp_of(port), -1, ring->fd);
		return 0;
	}
	munmap(ring->at, ring->bytes);
	return fail(port, ring, "can't bind a transmit socket", err);
}

void afp_ring_close(struct afp_port *afp, struct afp_ring *ring)
{
	if (ring->fd < 0)
		return;
	note_fd(afp, ring->fd, -1);
	munmap(ring->at, ring->bytes);
	close(ring->fd);
	ring->fd = -1;
}
