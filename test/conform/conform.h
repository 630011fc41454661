/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The conformance suite: what every port driver has to do, tried on each of them by the same cases.
 *
 * A variant is a driver with its device string and the peer at the other end. Each case runs in a
 * process of its own, in a network namespace of its own where the peer needs one, so that whatever
 * a case does or breaks is gone with it. A case reaches the port by the public API alone and adapts
 * to what plx_port_info says and to what the peer can do, never to the driver's name.
 *
 * Every wait is bounded. A check that fails prints what was seen and what was wanted and ends the
 * process.
 */
#ifndef CONFORM_H
#define CONFORM_H

#include "frames.h"
#include "peer.h"
#include "seed.h"

#include <pollux/mbuf.h>
#include <pollux/mbuf_data.h>
#include <pollux/mem.h>
#include <pollux/port.h>
#include <pollux/port_ctl.h>
#include <pollux/port_stats.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	CONFORM_POOL_MBUFS = 8192,
	CONFORM_WAIT_MS = 5000, /* for anything that has to happen at once */
	TRAFFIC_FRAMES = 192,
	CONFORM_QUIET_MS = 30, /* in which what must not come would have come */
	CONFORM_CASE_S = 150,  /* a case that runs longer has hung */
};

/* ---- Variants ---- */

struct variant {
	const char *name;   /* of the ctest entry, "conform_" in front */
	const char *driver; /* "net_af_xdp" */
	const char *device; /* device string */
	const char *cable;  /* device string of the peer, if that is a port too */
	/* Of peer_netdev, by options: its interface; what takes and gives the link, or NULL. */
	const char *partner, *flap;
	const struct peer_ops *peer;
	bool root;	/* needs root itself, not only in a user namespace of its own */
	bool zero_copy; /* received packets are the sender's, the port's pool is not used */
	bool filters;	/* drops frames to other addresses unless promiscuous */
	bool whole_kb;	/* uses a buffer's whole KB only */
	bool threaded;	/* the card is a thread of its own (peer_model) */
	bool unsafe;	/* a card that no IOMMU confines: physical addresses, hugepages */
	bool slow_link; /* a start waits half a second for it, or more */
	/* QEMU's card: what its ring has no room for, and what is too long, vanishes without being
	 * counted anywhere; and it can't send what lies on two pages that are not neighbours: no
	 * packet of a pool in hugepages does. */
	bool emulated;
	bool endless; /* brings as many packets as are asked for */
	/* Of a veth peer, beyond the port's receive queues: generic XDP takes what the kernel kept
	 * of the sender's queue n + 1 for queue n of the receiver. */
	unsigned more_tx_queues;
	uint32_t min_frame_bytes; /* shorter frames are padded to this on their way */
};

const struct variant *variant_by_name(const char *name);
void variants_print(FILE *out);

/* ---- The world of a case ---- */

struct conform {
	const struct variant *variant;
	struct peer *peer;
	struct plx_mempool *pool;
	unsigned port; /* PLX_PORT_NONE while not attached */
	unsigned nb_rx, nb_tx;
	struct plx_port_info info; /* as of the last port_info() */
	bool huge;		   /* packets in hugepages */
	char device[256];
	unsigned nb_fds; /* open before the world was */
	/* Memory of the EAL that was in use when it had started. */
	size_t nb_blocks, nb_zones;
};

struct conform_case {
	const char *name;
	uint32_t needs; /* enum peer_can */
	void (*run)(struct conform *c);
	bool starts_eal; /* does what world_open() does itself */
};

/* Each file's table ends with a NULL name. */
extern const struct conform_case cases_life[];
extern const struct conform_case cases_limits[];
extern const struct conform_case cases_calls[];
extern const struct conform_case cases_bursts[];
extern const struct conform_case cases_frames[];
extern const struct conform_case cases_chains[];
extern const struct conform_case cases_pool[];
extern const struct conform_case cases_stop[];
extern const struct conform_case cases_counters[];
extern const struct conform_case cases_queues[];
extern const struct conform_case cases_control[];
extern const struct conform_case cases_device[];

/* Namespace, peer. Ends the process with what is missing when they can't be had. */
void world_enter(struct conform *c);
/* EAL, pool. The port is not attached yet. */
void world_open(struct conform *c);
/* Everything that was opened is gone again: port, mbufs, descriptors. */
void world_close(struct conform *c);

/* ---- The port: each of these checks that it worked ---- */

void port_attach(struct conform *c);
/* As plx_port_attach(), unchecked, in the peer's way if it has one. */
int device_attach(struct conform *c, const char *device, unsigned *port);
void port_detach(struct conform *c);
void port_info(struct conform *c);
/* Queues with defaults; multi-segment sending where it is there. */
void port_setup(struct conform *c, unsigned nb_rx, unsigned nb_tx);
void port_setup_conf(struct conform *c, const struct plx_port_conf *conf,
		     const struct plx_port_rxq_conf *rxq, const struct plx_port_txq_conf *txq);
/* Start, and wait for the link and the peer. */
void port_start(struct conform *c);
/* Stop; all mbufs are home. */
void port_stop(struct conform *c);
/* Attach, one queue each way, start; and back. */
void port_up(struct conform *c);
void port_down(struct conform *c);

struct plx_port_stats port_stats(const struct conform *c);
/* came to the port, given to the port: every packet in one counter */
uint64_t stats_came(const struct plx_port_stats *s);
uint64_t stats_given(const struct plx_port_stats *s);

struct plx_mempool *pool_new(const char *name, uint32_t nb_mbufs, uint32_t data_room);
/* All of its mbufs are at home and sound. */
void pool_is_home(struct plx_mempool *pool);

/* ---- Traffic ---- */

/* Makes the packet of a frame; NULL: the pool ran short. */
typedef struct plx_mbuf *(*packet_fn)(struct conform *c, const uint8_t *frame, uint32_t len,
				      uint32_t index);

/* A frame as one segment of the case's pool, or as many as it takes. */
struct plx_mbuf *packet_plain(struct conform *c, const uint8_t *frame, uint32_t len,
			      uint32_t index);
/* The packet's bytes in one piece; returns how many. @bytes: room for FRAME_BYTES_MAX. */
uint32_t packet_bytes(const struct plx_mbuf *m, uint8_t *bytes);
/* A packet that came by the port is as one has to be. */
void packet_is_sound(const struct conform *c, const struct plx_mbuf *m);

/* A stream to the port's own address, or to the peer's, of frames of 60..1514 bytes in turns. */
struct stream stream_to_port(const struct conform *c, uint32_t first_seq, uint32_t nb);
struct stream stream_to_peer(const struct conform *c, uint32_t first_seq, uint32_t nb);

/* The peer sends the stream, @chunk frames at a time; the port takes it by bursts of @burst: each
 * frame once, in order, byte for byte. Without a peer that sends: as many packets, all sound. */
void stream_in(struct conform *c, const struct stream *s, uint32_t chunk, uint32_t burst);
/* The port sends the stream by bursts of @burst; the peer sees each frame as above. Without a peer
 * that sees: they are counted. */
void stream_out(struct conform *c, const struct stream *s, uint32_t burst, packet_fn make);
/* TRAFFIC_FRAMES each way by the first queue: the port works. */
void traffic(struct conform *c, uint32_t first_seq);

/* The steps of these. */

/* The peer sends frames [from, to); returns where it ended because there was no more room. */
uint32_t peer_give(struct conform *c, const struct stream *s, uint32_t from, uint32_t to);
/* The peer has to see frames [from, to) next, in this order. */
void peer_take(struct conform *c, const struct stream *s, uint32_t from, uint32_t to);
/* The port has to receive frames [from, to) next from a queue, in this order. */
void port_take(struct conform *c, unsigned queue, const struct stream *s, uint32_t from,
	       uint32_t to, uint32_t burst);
/* Give packets to a queue, in bursts of @burst, until it has all of them. */
void port_give(struct conform *c, unsigned queue, struct plx_mbuf **pkts, uint32_t nb,
	       uint32_t burst);

/* What has come through of a stream some of which may be lost: frames in ascending order, each
 * sound. */
struct sieve {
	const struct stream *stream;
	uint32_t next; /* the lowest frame that may come */
	uint32_t nb_seen;
	uint64_t bytes;
};

/* One look, at what comes by queue 0 or what the peer sees. Returns the packets of this look. */
uint32_t sieve_port(struct conform *c, struct sieve *sieve);
uint32_t sieve_peer(struct conform *c, struct sieve *sieve);

/* Frames that got lost on the cable so far. */
uint64_t cable_lost(const struct conform *c);
/* Nothing comes for a while, at the port or at the peer. */
void port_is_quiet(struct conform *c);
void peer_is_quiet(struct conform *c);

/* ---- Checks ---- */

/* What the runner shows of a case; in memory shared with it. */
struct report {
	char reason[600];
	char note[200];
};

extern struct report *report;

void fail_at(const char *file, int line, const char *fmt, ...) PLX_PRINTF(3, 4)
	__attribute__((noreturn));
/* Said beside the verdict. */
void note(const char *fmt, ...) PLX_PRINTF(1, 2);
/* The case can't be tried here. Ends the process. */
void skip(const char *fmt, ...) PLX_PRINTF(1, 2) __attribute__((noreturn));
/* The errno's name or text, for messages; "0" for 0 and above. */
const char *errno_text(long ret);

#define check(cond, ...)                                                                           \
	do {                                                                                       \
		if (plx_unlikely(!(cond)))                                                         \
			fail_at(__FILE__, __LINE__, __VA_ARGS__);                                  \
	} while (0)

/* want(value, expected, "what it is, %u", ...) for numbers */
#define want(value, expected, fmt, ...)                                                            \
	do {                                                                                       \
		long long value_ = (long long)(value), expected_ = (long long)(expected);          \
		if (plx_unlikely(value_ != expected_))                                             \
			fail_at(__FILE__, __LINE__, fmt ": %lld, want %lld", ##__VA_ARGS__,        \
				value_, expected_);                                                \
	} while (0)

/* want_ret(plx_port_stop(port), 0): the call in the message */
#define want_ret(call, expected)                                                                   \
	do {                                                                                       \
		long ret_ = (call), ret_expected_ = (expected);                                    \
		if (plx_unlikely(ret_ != ret_expected_))                                           \
			fail_at(__FILE__, __LINE__, "%s: %ld (%s), want %ld (%s)", #call, ret_,    \
				errno_text(ret_), ret_expected_, errno_text(ret_expected_));       \
	} while (0)

/* A call that has to be refused: its code, and one log line. */
#define refused(call, expected)                                                                    \
	do {                                                                                       \
		log_lines_forget();                                                                \
		want_ret(call, expected);                                                          \
		want(log_lines_count(), 1, "log lines of %s", #call);                              \
	} while (0)

/* ---- Time and log lines ---- */

uint64_t now_ms(void);
void sleep_us(unsigned us);

/* Loop until @cond, for CONFORM_WAIT_MS at most; it is false after that if it never came. */
#define wait_until(cond)                                                                           \
	for (uint64_t end_ms_ = now_ms() + CONFORM_WAIT_MS; !(cond) && now_ms() < end_ms_;)        \
	sleep_us(50)

/* Log lines of the library since log_lines_forget(): how many, and whether one holds @part. */
void log_lines_start(void);
void log_lines_forget(void);
unsigned log_lines_count(void);
bool log_lines_have(const char *part);
void log_lines_print(FILE *out);

#endif
