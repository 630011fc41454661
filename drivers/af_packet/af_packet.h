/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net_af_packet: ports on an interface of the kernel by packet(7) sockets, whose rings are mapped
 * into the process: one socket for each queue and direction. Frames are copied between ring and
 * mbufs. Receiving makes no system call, sending one for each burst.
 *
 * A receive socket lives, bound, from queue setup to release. While the port is stopped a filter
 * that lets nothing pass is attached to it: unlike unbinding, that does not wait for all CPUs.
 */
#ifndef AF_PACKET_H
#define AF_PACKET_H

#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <pollux/mbuf_data.h>
#include <pollux/netif.h>
#include <pollux/port_driver.h>
#include <pthread.h>

enum {
	AFP_QUEUES_MAX = 16,
	AFP_FRAME_BYTES_MIN = 256,
	AFP_FRAME_BYTES_DEFAULT = 2048,
	AFP_FRAME_BYTES_MAX = 1 << 17,
	AFP_BLOCK_BYTES_MAX = 1 << 22,
	AFP_BLOCK_BYTES_V3 = 1 << 16,
	AFP_FRAMES_MAX = 1 << 15,
	AFP_FRAMES_DEFAULT = 512,
	AFP_MACS_MAX = 64,
	AFP_TAG_BYTES = 4,
	/* What the kernel puts in front of a frame in the ring, two tags, and room to align. */
	AFP_OVERHEAD_BYTES = 128,
	/* Where the kernel looks for a frame to send, without PACKET_TX_HAS_OFF. */
	AFP_TX_DATA_OFF = TPACKET2_HDRLEN - sizeof(struct sockaddr_ll),
	AFP_V3_RETIRE_MS = 1, /* a block that is not full is handed over after that */
};

/* The device string. */
struct afp_options {
	char iface[128];
	uint32_t nb_queues;
	uint32_t block_bytes; /* 0: chosen */
	uint32_t frame_bytes; /* 0: chosen by the MTU */
	uint32_t nb_frames;
	bool qdisc_bypass;
	bool version3;
	uint16_t fanout; /* PACKET_FANOUT_HASH, ... */
};

/* The memory shared with the kernel. */
struct afp_ring {
	int fd;
	uint8_t *at;
	size_t bytes;
	uint32_t frame_bytes;
	uint32_t block_bytes;
	uint32_t nb_frames;
	uint32_t nb_blocks;
};

struct afp_rxq {
	struct plx_port_rxq base;
	/* its thread's; start() and stop() while there is none */
	uint32_t head PLX_CACHE_ALIGNED; /* frame, or block of V3, that is next */
	uint32_t nb_left;		 /* V3: frames left in that block, the next is at */
	const uint8_t *next;
	bool waiting; /* the next frame was counted as one that waits for an mbuf */
	uint64_t truncated, no_room, csum_partial, flushed;
	/* read-only while started */
	uint32_t room;	  /* bytes of an mbuf */
	uint32_t special; /* bits of tp_status that want more than a copy */
	bool strip, scatter, csum, stamp;
	struct afp_ring ring;
	bool in_fanout;
};

struct afp_txq {
	struct plx_port_txq base;
	uint32_t head PLX_CACHE_ALIGNED; /* frame that is written next; the kernel is there too */
	uint64_t too_short, too_long, chained, refused, cut_short;
	/* read-only while started */
	bool multi_segs;
	uint32_t room; /* bytes of a frame in the ring */
	const uint32_t *limit;
	struct afp_ring ring;
};

struct afp_port {
	struct plx_port *port;
	struct afp_options options;
	unsigned index;
	uint32_t min_mtu, max_mtu;
	int fd; /* for memberships and questions: receives nothing, in the right namespace */
	int ring_fds[2 * AFP_QUEUES_MAX]; /* of the queues' sockets; -1: none */
	struct plx_netif_watch *watch;
	uint64_t rx_kernel_drops; /* rings were full; under the port layer's lock */
	unsigned nb_in_fanout;
	uint16_t fanout_id;

	pthread_mutex_t lock; /* from asking for limit to writing it: the newest answer stays */
	/* Bytes of the largest untagged frame that the interface takes; 0: its link is down.
	 * Written by the control thread and the control path, read by transmit threads. */
	uint32_t limit PLX_CACHE_ALIGNED;
};

/* A received frame, of either version of the ring. */
struct afp_frame {
	const uint8_t *data;
	uint32_t len, full_len;
	uint32_t status;
	uint16_t tci, tpid;
	uint32_t sec, nsec;
};

enum afp_rx_end {
	AFP_TAKEN,
	AFP_BAD,  /* counted as an error; the mbuf is unused */
	AFP_WAIT, /* for mbufs: leave it in the ring */
};

/* af_packet_conf.c */
extern const struct plx_devargs_key afp_keys[];
int afp_options_parse(const struct plx_devargs *args, struct afp_options *options);
int afp_options_check(const struct plx_devargs *args, const struct afp_options *options,
		      uint32_t mtu);

/* af_packet_ring.c. Failures are logged. */
uint32_t afp_frame_bytes(const struct afp_options *options, uint32_t mtu);
uint32_t afp_block_bytes(const struct afp_options *options, uint32_t frame_bytes);
int afp_socket(struct plx_port *port, int *fd);
int afp_rx_ring_open(struct plx_port *port, uint32_t nb_frames, struct afp_ring *ring);
int afp_tx_ring_open(struct plx_port *port, uint32_t nb_frames, struct afp_ring *ring);
void afp_ring_close(struct afp_port *afp, struct afp_ring *ring);
int afp_fanout_join(struct plx_port *port, int fd);
int afp_filter_shut(int fd);
int afp_filter_open(int fd);

/* af_packet_rx.c */
void afp_rx_prepare(struct plx_port *port, struct afp_rxq *q);
uint32_t afp_rx_flush(struct afp_rxq *q);
uint32_t afp_rx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb);
enum afp_rx_end afp_rx_special(struct afp_rxq *q, const struct afp_frame *frame,
			       struct plx_mbuf *m);
uint32_t afp_rx_alloc(struct afp_rxq *q, struct plx_mbuf **pkts, uint32_t nb);
void afp_rx_wait(struct afp_rxq *q);

/* af_packet_rx_v3.c */
uint32_t afp_rx_flush_v3(struct afp_rxq *q);
uint32_t afp_rx_burst_v3(void *queue, struct plx_mbuf **pkts, uint32_t nb);

/* af_packet_tx.c */
uint32_t afp_tx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb);

/* Make an empty mbuf's own buffer hold @len bytes of a frame. */
static inline void afp_rx_fill(const struct afp_rxq *q, struct plx_mbuf *m, const uint8_t *data,
			       uint32_t len)
{
	plx_mbuf_reset(m);
	m->port = q->base.port_id;
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	memcpy(plx_mbuf_data(m), data, len);
}

#endif
