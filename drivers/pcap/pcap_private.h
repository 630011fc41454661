/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of net_pcap share.
 *
 * A port has streams: the n-th thing to receive from is receive queue n, the n-th to send to is
 * transmit queue n. A stream is a capture file, a handle of libpcap on an interface, or nothing: a
 * port that only receives throws away what it is to send, one that only sends receives nothing.
 *
 * Locks. The control path comes one call at a time, by the port layer. `handles` is for those and
 * the control thread's callbacks, which open a handle when its interface comes up; `link` covers
 * what the link is computed from and is taken inside the other one. Bursts take neither, but for
 * `link` once, at the end of a file.
 */
#ifndef PCAP_PRIVATE_H
#define PCAP_PRIVATE_H

#include <errno.h>
#include <pcap/pcap.h>
#include <pollux/mbuf_data.h>
#include <pollux/mem.h>
#include <pollux/netif.h>
#include <pollux/port_driver.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

enum {
	PCAP_STREAMS_MAX = 16,	 /* each way, as DPDK's */
	PCAP_FRAME_MAX = 262144, /* the largest record that libpcap reads */
	PCAP_MACS_MAX = 64,	 /* of a port, the first included */
	PCAP_SNAPLEN_MIN = 14,	 /* an Ethernet header */
	PCAP_VLAN_ROOM = 8,	 /* two tags, beyond the MTU */
};

enum pcap_kind { PCAP_NONE, PCAP_FILE, PCAP_LIVE };
enum pcap_replay { PCAP_REPLAY_FAST, PCAP_REPLAY_RECORDED, PCAP_REPLAY_RATE };

struct pcap_port;

/* What the device string says of the port as a whole. */
struct pcap_conf {
	bool immediate, promisc, phy_mac, infinite_rx;
	bool stamp_now; /* tx_pcap: the time of writing, not the packet's own */
	uint32_t buffer_bytes;
	uint32_t snaplen; /* 0: whole frames, and those that are cut are dropped */
	enum pcap_replay replay;
	uint64_t rate_pps;
	char *filter; /* NULL: none */
};

/* ---- Capture files ---- */

/* A packet of a file that was read into memory. */
struct pcap_record {
	uint64_t offset;
	struct pcap_pkthdr header;
};

/* Which file a descriptor was opened on. */
struct pcap_file_id {
	dev_t dev;
	ino_t ino;
};

struct pcap_in {
	struct pcap_port *owner;
	const char *path;
	int fd; /* holds the lock; `reader` has a duplicate */
	struct pcap_file_id id;
	pcap_t *reader; /* NULL with infinite_rx, and after a start that failed */
	char *buffer;	/* of the reader's FILE */
	uint64_t nb_read;
	bool eof;

	/* the packet that waits: for its time, or for mbufs */
	const struct pcap_pkthdr *header; /* NULL: none */
	const u_char *data;

	/* pacing */
	uint64_t base_ns;     /* when the replay began; 0: not yet */
	uint64_t nb_replayed; /* since base_ns */
	uint64_t stamp_ns;    /* of the packet that was timed last */
	int64_t at_ns;	      /* when that one is due, after base_ns */
	bool is_timed;	      /* it is the packet at `header` */
	bool told_ahead, told_back;

	/* infinite_rx */
	struct pcap_record *records; /* NULL without it */
	uint64_t nb_records, next_record;
	u_char *bytes;
	uint64_t nb_bytes;
	int64_t pass_pause_ns; /* from the last packet of a pass to the first one */
};

struct pcap_out {
	struct pcap_port *owner;
	const char *path;
	int fd;
	struct pcap_file_id id;
	bool is_regular;
	bool told;    /* that writing fails */
	bool is_torn; /* there is half a burst after `end`, which could not be cut off */
	off_t end;    /* what is complete */
	char *staged;
	size_t nb_staged; /* bytes */
};

/* ---- Interfaces ---- */

/* One for each interface, however many handles are on it. Under `link`. */
struct pcap_iface {
	struct pcap_port *owner;
	struct plx_netif_watch *watch;
	struct ether_addr mac, first_mac;
	bool mac_changed; /* by the port */
	unsigned index;
	uint32_t mtu, min_mtu, max_mtu;
	uint32_t speed_mbps;
	int node;
	bool full_duplex, up, carrier, gone;
	char name[IF_NAMESIZE];
};

/* A handle of libpcap. iface= has one for both ways: the kernel does not show a socket what it
 * sent itself, and the fewer sockets an interface has the less each packet costs. */
struct pcap_live {
	pcap_t *handle; /* atomic; NULL until the interface was up once */
	struct pcap_port *owner;
	struct pcap_iface *iface;
	const char *key;
	bool rx, tx, in_only;
	/* under `handles` */
	bool receiving; /* the filter lets frames in */
	bool was_started;
	uint32_t snaplen; /* it was opened with */
};

struct pcap_stream {
	enum pcap_kind kind;
	char *path; /* of a file */
	struct pcap_in *in;
	struct pcap_out *out;
	struct pcap_live *live;
};

/* ---- A port ---- */

struct pcap_port {
	struct plx_port *port;
	struct pcap_conf conf;
	unsigned nb_rx, nb_tx; /* queues: streams, or as many as the other way has */
	struct pcap_stream rx[PCAP_STREAMS_MAX], tx[PCAP_STREAMS_MAX];

	unsigned nb_ifaces, nb_lives;
	struct pcap_iface ifaces[2 * PCAP_STREAMS_MAX];
	struct pcap_live lives[2 * PCAP_STREAMS_MAX];
	int route_fd; /* rtnetlink, for the interfaces' own drops; -1 */

	/* under `handles` */
	pthread_mutex_t handles;
	bool promisc, allmulti;
	unsigned nb_macs;
	struct ether_addr macs[PCAP_MACS_MAX]; /* the port's own first */
	uint64_t if_base[2 * PCAP_STREAMS_MAX];

	/* under `link` */
	pthread_mutex_t link;
	bool running;
	unsigned nb_files_open; /* inputs that are not at their end */
	bool has_files;

	/* counters: see the table in pcap_port.c */
	uint64_t kernel_drops;
	uint64_t interface_drops;
	uint64_t flushed;
};

struct pcap_rxq {
	struct plx_port_rxq base;
	/* counters */
	uint64_t truncated, damaged, cut, too_long, eof;

	/* read-only while started */
	struct pcap_in *in;
	struct pcap_live *live;
	uint32_t room;	    /* bytes of a first mbuf */
	uint32_t plain_max; /* bytes of a frame that is neither cut nor chained */
	uint32_t snaplen;   /* 0: drop what is cut */
	bool scatter;

	/* of the burst that runs */
	struct plx_mbuf **pkts;
	uint32_t nb_out;
	uint32_t nb_reserved; /* mbufs at pkts, those that went out included */
	uint32_t nb_failures; /* of libpcap, in a row */
	uint64_t bytes;

	/* a frame that libpcap gave and that found too few mbufs */
	bool is_held;
	struct pcap_pkthdr held_header;
	u_char *held;
};

struct pcap_txq {
	struct plx_port_txq base;
	/* counters */
	uint64_t too_long, refused, full, no_sink, write_failed;

	struct pcap_out *out;
	struct pcap_live *live;
	bool multi_segs;
	u_char *scratch; /* PCAP_FRAME_MAX bytes, for chains */
};

/* ---- pcap_args.c ---- */

extern const struct plx_devargs_key plx_pcap_keys[];

/* Read the keys and open the files; interfaces only get their entry in pp->lives. */
int plx_pcap_args(struct pcap_port *pp, const struct plx_devargs *args);
void plx_pcap_streams_close(struct pcap_port *pp);

/* ---- pcap_rx.c: from a frame to an mbuf ---- */

/* What is not a whole frame that fits in one mbuf. As plx_pcap_take(). */
bool plx_pcap_take_odd(struct pcap_rxq *q, const struct pcap_pkthdr *header, const u_char *data);
/* The pool has not all of @nb: what is there. */
uint32_t plx_pcap_reserve_some(struct plx_mempool *pool, struct plx_mbuf **pkts, uint32_t nb);

/* Begin a burst: have up to @nb mbufs at @pkts. */
static inline void plx_pcap_reserve(struct pcap_rxq *q, struct plx_mbuf **pkts, uint32_t nb)
{
	q->pkts = pkts;
	q->nb_out = 0;
	q->bytes = 0;
	if (plx_unlikely(plx_mbuf_raw_alloc_bulk(q->base.pool, pkts, nb) == 0))
		nb = plx_pcap_reserve_some(q->base.pool, pkts, nb);
	q->nb_reserved = nb;
}

/* Give back what plx_pcap_reserve() took too much, and count the burst. */
static inline uint32_t plx_pcap_settle(struct pcap_rxq *q)
{
	plx_mbuf_free_bulk(&q->pkts[q->nb_out], q->nb_reserved - q->nb_out);
	plx_count(&q->base.stats.packets, q->nb_out);
	plx_count(&q->base.stats.bytes, q->bytes);
	return q->nb_out;
}

static inline struct plx_mbuf *plx_pcap_fill(struct pcap_rxq *q, const struct pcap_pkthdr *header,
					     uint32_t len, uint32_t first)
{
	struct plx_mbuf *m = q->pkts[q->nb_out++];

	m->data_off = PLX_MBUF_HEADROOM;
	m->data_len = (uint16_t)first;
	m->pkt_len = len;
	m->flags = PLX_MBUF_F_RX_TIMESTAMP;
	m->port = q->base.port_id;
	m->vlan_tci = 0;
	m->offload = 0;
	/* The handles are set to nanoseconds, whatever the field is called. */
	m->timestamp = (uint64_t)header->ts.tv_sec * 1000000000u + (uint64_t)header->ts.tv_usec;
	q->bytes += len;
	return m;
}

/* Copy a frame into the next of the burst's mbufs, or drop and count it. False: it needs more
 * mbufs than there are, and has to wait. */
static inline bool plx_pcap_take(struct pcap_rxq *q, const struct pcap_pkthdr *header,
				 const u_char *data)
{
	uint32_t len = header->caplen;
	struct plx_mbuf *m;

	if (plx_unlikely(len != header->len || len < PCAP_SNAPLEN_MIN || len > q->plain_max ||
			 q->nb_out == q->nb_reserved))
		return plx_pcap_take_odd(q, header, data);
	m = plx_pcap_fill(q, header, len, len);
	memcpy((char *)m->buf_addr + PLX_MBUF_HEADROOM, data, len);
	return true;
}

/* ---- pcap_file_in.c ---- */

int plx_pcap_in_open(struct pcap_port *pp, const char *path, struct pcap_in **out);
void plx_pcap_in_close(struct pcap_in *in);
/* Back to the first packet. */
int plx_pcap_in_start(struct pcap_in *in);
uint32_t plx_pcap_in_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb);

/* ---- pcap_file_out.c ---- */

int plx_pcap_out_open(struct pcap_port *pp, const char *path, struct pcap_out **out);
void plx_pcap_out_close(struct pcap_out *out);
uint32_t plx_pcap_out_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb);

/* ---- pcap_live.c: handles; `handles` held ---- */

/* Open a handle. Returns 0 (also when the interface is down: later, then), or an error after its
 * line. */
int plx_pcap_live_open(struct pcap_live *live);
void plx_pcap_live_close(struct pcap_live *live);
/* Let frames in from now on. */
int plx_pcap_live_start(struct pcap_live *live);
/* No more frames; those that wait are counted as flushed. */
void plx_pcap_live_stop(struct pcap_live *live);
/* The snaplen that the interface's present MTU asks for. */
uint32_t plx_pcap_live_snaplen(const struct pcap_live *live);
/* Put the filter of the device string on a handle. Returns 0, -EINVAL after a line. */
int plx_pcap_filter(struct pcap_port *pp, pcap_t *handle, const char *what);

/* ---- pcap_live_burst.c ---- */

uint32_t plx_pcap_live_rx(void *queue, struct plx_mbuf **pkts, uint32_t nb);
uint32_t plx_pcap_live_tx(void *queue, struct plx_mbuf **pkts, uint32_t nb);

/* ---- pcap_live_ctl.c: addresses, modes, MTU, drops ---- */

/* All that a fresh handle has to have. */
void plx_pcap_live_join(const struct pcap_live *live, pcap_t *handle);
int plx_pcap_mtu_set(struct plx_port *port, uint32_t mtu);
int plx_pcap_mac_set(struct plx_port *port, const struct ether_addr *mac);
int plx_pcap_mac_add(struct plx_port *port, const struct ether_addr *mac);
int plx_pcap_mac_del(struct plx_port *port, const struct ether_addr *mac);
int plx_pcap_promisc_set(struct plx_port *port, bool on);
int plx_pcap_allmulti_set(struct plx_port *port, bool on);
/* Bring the counts of lost frames up to date. @keep: false forgets what was lost until now. Only
 * interfaces that frames are let in from count. */
void plx_pcap_live_drops(const struct pcap_live *live, pcap_t *handle, bool keep);
void plx_pcap_iface_drops(struct pcap_port *pp, bool keep);

/* ---- pcap_link.c ---- */

/* The entry of an interface, made if it is new. */
int plx_pcap_iface_get(struct pcap_port *pp, const char *key, const char *name,
		       struct pcap_iface **out);
int plx_pcap_watch(struct pcap_port *pp);
void plx_pcap_unwatch(struct pcap_port *pp);
void plx_pcap_link_start(struct pcap_port *pp);
void plx_pcap_link_stop(struct pcap_port *pp);
/* One more input is at its end. */
void plx_pcap_link_eof(struct pcap_port *pp);

#endif
