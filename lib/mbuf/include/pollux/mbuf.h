/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet descriptor: one cache line in front of the packet's own buffer.
 *
 *	| struct plx_mbuf | private area | headroom 128 | data room 2,048 |
 *	  64 bytes          by pool        ^ buf_addr     ^ buf_addr + data_off
 *
 * A packet is one segment or a chain of them by `next`; pkt_len, nb_segs, port, flags, offloads and
 * timestamp count in the first segment only.
 *
 * At home in its pool an mbuf has refcnt 1, next NULL, nb_segs 1, its own buffer, and no
 * PLX_MBUF_F_ATTACHED: so an allocation writes three words and a free checks three.
 *
 * An attached mbuf (a clone, or one with an external buffer) uses another buffer; what it is
 * attached to is written in its own data room, which nobody uses meanwhile.
 *
 * This header: what an mbuf is, alloc and free. <pollux/mbuf_data.h>: data, chains, clones.
 */
#ifndef POLLUX_MBUF_H
#define POLLUX_MBUF_H

#include <pollux/atomic.h>
#include <pollux/compiler.h>
#include <pollux/mempool.h>
#include <stdio.h>

PLX_BEGIN_DECLS

enum {
	PLX_MBUF_HEADROOM = 128,   /* bytes in front of the data of a fresh mbuf */
	PLX_MBUF_DATA_ROOM = 2048, /* bytes behind it, by default */
	PLX_MBUF_SEGS_MAX = 255,   /* segments of a packet */
	PLX_MBUF_POOLS_MAX = 256,  /* packet pools at a time */
	PLX_MBUF_PORT_NONE = 0xffff,
};

/* plx_mbuf.flags. RX: what the port found out. TX: what the port is asked to do. */
enum plx_mbuf_flags {
	PLX_MBUF_F_RX_VLAN = 1 << 0,	      /* the frame has a tag; vlan_tci holds it */
	PLX_MBUF_F_RX_VLAN_STRIPPED = 1 << 1, /* and it was taken out of the data */
	PLX_MBUF_F_RX_RSS_HASH = 1 << 2,      /* rx.rss_hash is valid */
	PLX_MBUF_F_RX_IP_CSUM_GOOD = 1 << 3,
	PLX_MBUF_F_RX_IP_CSUM_BAD = 1 << 4,
	PLX_MBUF_F_RX_L4_CSUM_GOOD = 1 << 5,
	PLX_MBUF_F_RX_L4_CSUM_BAD = 1 << 6,
	PLX_MBUF_F_RX_TIMESTAMP = 1 << 7, /* timestamp is the card's, in ns of its clock */

	PLX_MBUF_F_TX_VLAN = 1 << 16, /* insert vlan_tci */
	PLX_MBUF_F_TX_IPV4 = 1 << 17, /* set with any of the four below */
	PLX_MBUF_F_TX_IPV6 = 1 << 18,
	PLX_MBUF_F_TX_IP_CSUM = 1 << 19, /* IPv4 header checksum */
	PLX_MBUF_F_TX_UDP_CSUM = 1 << 20,
	PLX_MBUF_F_TX_TCP_CSUM = 1 << 21,
	PLX_MBUF_F_TX_SCTP_CSUM = 1 << 22,
	PLX_MBUF_F_TX_TCP_SEG = 1 << 23, /* TSO by tx.tso_segsz */

	PLX_MBUF_F_CLONE = 1 << 29,    /* the buffer is another mbuf's */
	PLX_MBUF_F_EXTERNAL = 1 << 30, /* the buffer is the application's */
	PLX_MBUF_F_ATTACHED = PLX_MBUF_F_CLONE | PLX_MBUF_F_EXTERNAL,
};

/* Owner of each field: who owns the mbuf, unless said otherwise. */
struct plx_mbuf {
	void *buf_addr;	   /* start of the buffer; set by the pool, or by attaching */
	uint64_t buf_iova; /* the same place for a device; PLX_IOVA_BAD: none can reach it */
	struct plx_mbuf *next;
	uint64_t timestamp; /* receive time, see PLX_MBUF_F_RX_TIMESTAMP; for the application */

	/* 16 bytes that a burst asks of each packet: one aligned load has them all */
	union { /* as at home unless chained, cloned or attached */
		struct {
			uint16_t refcnt; /* users of this mbuf's buffer; atomic */
			uint8_t nb_segs; /* [1, PLX_MBUF_SEGS_MAX] */
			uint8_t pool_id; /* its pool in plx_mbuf_pools[]; never changes */
		};
		uint32_t home_word; /* the three at once */
	};
	/* plx_mbuf_reset() writes from here to vlan_tci, and offload: 24 bytes */
	uint16_t data_off; /* from buf_addr to the data  [0, buf_len] */
	uint16_t data_len; /* bytes in this segment      [0, buf_len - data_off] */
	uint32_t pkt_len;  /* bytes in all segments */
	uint32_t flags;	   /* enum plx_mbuf_flags */

	uint16_t port;	     /* the port it came in by, or PLX_MBUF_PORT_NONE */
	uint16_t vlan_tci;   /* CPU byte order */
	uint16_t buf_len;    /* bytes of the buffer */
	uint16_t priv_bytes; /* of the private area; never changes */
	union {
		struct {
			uint32_t rss_hash;
			uint32_t packet_type; /* the driver's classes; 0 unknown */
		} rx;
		struct {
			uint64_t l2_len : 7; /* bytes */
			uint64_t l3_len : 9;
			uint64_t l4_len : 8;
			uint64_t tso_segsz : 16; /* payload bytes a segment */
			uint64_t unused : 24;
		} tx;
		uint64_t offload;
	};
} PLX_CACHE_ALIGNED;

#ifdef __cplusplus
static_assert(sizeof(struct plx_mbuf) == PLX_CACHE_LINE, "an mbuf is one cache line");
#else
_Static_assert(sizeof(struct plx_mbuf) == PLX_CACHE_LINE, "an mbuf is one cache line");
#endif

/* The pool of each pool_id. Written by plx_mbuf_pool_create() and _destroy() only. */
extern PLX_API struct plx_mempool *plx_mbuf_pools[PLX_MBUF_POOLS_MAX];

/* ---- Pools of packets: control path, any thread ---- */

/** What a packet pool should be; zero is the default of each field but the first two. */
struct plx_mbuf_pool_conf {
	const char *name;    /* unique                  [1, PLX_MEMPOOL_NAME_MAX - 1] bytes */
	uint32_t nb_mbufs;   /* packets                 [1, PLX_MEMPOOL_OBJS_MAX] */
	uint32_t cache_size; /* mbufs a lcore           [0, min(PLX_MEMPOOL_CACHE_MAX, nb_mbufs)] */
	uint32_t data_room;  /* bytes behind the headroom; 0: PLX_MBUF_DATA_ROOM
			      *                         [64, 65,280] */
	uint32_t priv_bytes; /* of the application, between descriptor and buffer [0, 1,024] */
	int node;	     /* NUMA node, or PLX_NODE_ANY */
};

/**
 * Make a pool of packets; the pool is a plx_mempool and all its calls work on it.
 *
 * Returns 0, -EINVAL (one line names the field), -EEXIST, -ENAMETOOLONG, -ENODEV (the EAL does not
 *         run), -ENOSPC (PLX_MBUF_POOLS_MAX pools are there), -ENOMEM.
 * Owner   the caller, who gives it to plx_mbuf_pool_destroy() before plx_eal_fini().
 */
PLX_API PLX_MUST_CHECK int plx_mbuf_pool_create(const struct plx_mbuf_pool_conf *conf,
						struct plx_mempool **pool);

/** As plx_mempool_destroy(), and frees the pool's id. NULL is legal. */
PLX_API void plx_mbuf_pool_destroy(struct plx_mempool *pool);

/** Bytes behind the headroom of the pool's mbufs. Any thread. */
PLX_API uint32_t plx_mbuf_pool_data_room(const struct plx_mempool *pool);

/* ---- Owner tracking: checked builds with --mbuf-track ---- */

enum plx_mbuf_event { PLX_MBUF_TOOK, PLX_MBUF_PASSED, PLX_MBUF_FREED, PLX_MBUF_EVENTS };

/* Remember the code that did it, its lcore and when; nothing when the pool has no tracking. */
PLX_API PLX_COLD void plx_mbuf_track_(const struct plx_mbuf *m, enum plx_mbuf_event event);

/**
 * Tell that the packet goes to another owner: a ring, a port, an application. Costs nothing in
 * builds without PLX_CHECK. Drivers and rings of mbufs call it, so that a leak names them.
 */
PLX_INLINE void plx_mbuf_pass(const struct plx_mbuf *m)
{
#if PLX_CHECK
	plx_mbuf_track_(m, PLX_MBUF_PASSED);
#endif
	(void)m;
}

/* ---- Alloc: data path ---- */

/**
 * Make a packet empty: no data, full headroom, no flags, no offloads, no port. Segments behind the
 * first, the timestamp and the private area are left as they are.
 *
 * @m      an mbuf with its own buffer
 * Thread  its owner.
 */
PLX_INLINE void plx_mbuf_reset(struct plx_mbuf *m)
{
	m->data_off = PLX_MBUF_HEADROOM;
	m->data_len = 0;
	m->pkt_len = 0;
	m->flags = 0;
	m->port = PLX_MBUF_PORT_NONE;
	m->vlan_tci = 0;
	m->offload = 0;
}

/** As plx_mbuf_reset(), but also what an mbuf at home has: refcnt 1, one segment. */
PLX_INLINE void plx_mbuf_reset_full(struct plx_mbuf *m)
{
	m->next = NULL;
	m->timestamp = 0;
	plx_store_relaxed(&m->refcnt, 1);
	m->nb_segs = 1;
	plx_mbuf_reset(m);
}

/**
 * Take one mbuf as it lies in its pool, for drivers that write the fields themselves.
 *
 * Returns the mbuf, or NULL when the pool has none. refcnt is 1, next NULL, nb_segs 1; data_off,
 *         lengths, flags, port and offloads are what the last owner left.
 * Owner   the caller.
 * Thread  any; as plx_mempool_get().
 */
PLX_INLINE struct plx_mbuf *plx_mbuf_raw_alloc(struct plx_mempool *pool)
{
	struct plx_mbuf *m = (struct plx_mbuf *)plx_mempool_get(pool);

#if PLX_CHECK
	if (m)
		plx_mbuf_track_(m, PLX_MBUF_TOOK);
#endif
	return m;
}

/** As plx_mbuf_raw_alloc(), @n or none: returns @n or 0. */
PLX_INLINE uint32_t plx_mbuf_raw_alloc_bulk(struct plx_mempool *pool, struct plx_mbuf **pkts,
					    uint32_t n)
{
	n = plx_mempool_get_bulk(pool, (void **)pkts, n);
#if PLX_CHECK
	for (uint32_t i = 0; i < n; i++)
		plx_mbuf_track_(pkts[i], PLX_MBUF_TOOK);
#endif
	return n;
}

/**
 * Take one empty packet.
 *
 * Returns the packet, after plx_mbuf_reset(), or NULL when the pool has none.
 * Owner   the caller.
 * Thread  any; as plx_mempool_get().
 */
PLX_INLINE struct plx_mbuf *plx_mbuf_alloc(struct plx_mempool *pool)
{
	struct plx_mbuf *m = plx_mbuf_raw_alloc(pool);

	if (plx_likely(m != NULL))
		plx_mbuf_reset(m);
	return m;
}

/**
 * Take @n empty packets, or none.
 *
 * @pkts   out: room for @n pointers
 * Returns @n or 0.
 * Owner   the caller.
 * Thread  any; as plx_mempool_get_bulk().
 */
PLX_INLINE uint32_t plx_mbuf_alloc_bulk(struct plx_mempool *pool, struct plx_mbuf **pkts,
					uint32_t n)
{
	n = plx_mbuf_raw_alloc_bulk(pool, pkts, n);
	for (uint32_t i = 0; i < n; i++)
		plx_mbuf_reset(pkts[i]);
	return n;
}

/* ---- Free: data path ---- */

/* The slow half: shared, attached or chained. Frees the whole packet, or one segment. */
PLX_API PLX_COLD void plx_mbuf_free_slow_(struct plx_mbuf *m);
PLX_API PLX_COLD void plx_mbuf_free_seg_slow_(struct plx_mbuf *m);

/* home_word of an mbuf that can go home as it is. */
PLX_INLINE uint32_t plx_mbuf_home_word_(uint8_t pool_id)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return 1u | 1u << 16 | (uint32_t)pool_id << 24;
#else
	return 1u << 16 | 1u << 8 | (uint32_t)pool_id;
#endif
}

/* One segment, one user, own buffer: nothing to undo before it goes home. */
PLX_INLINE bool plx_mbuf_is_plain_(const struct plx_mbuf *m, uint32_t home_word)
{
	/* Acquire: pairs with the release of who gave up its share of the buffer. */
	return plx_load_acquire(&m->home_word) == home_word && m->next == NULL &&
	       !(m->flags & PLX_MBUF_F_ATTACHED);
}

#if PLX_CHECK
/* False, after a log line: it is shared, chained or attached. */
PLX_API bool plx_mbuf_raw_ok_(const struct plx_mbuf *m);
#endif

/**
 * Give an mbuf back as it is: one user, one segment, its own buffer. Checked builds keep another
 * out, and log a line.
 * Thread  any; as plx_mempool_put().
 */
PLX_INLINE void plx_mbuf_raw_free(struct plx_mbuf *m)
{
#if PLX_CHECK
	if (!plx_mbuf_raw_ok_(m))
		return;
	plx_mbuf_track_(m, PLX_MBUF_FREED);
#endif
	plx_mempool_put(plx_mbuf_pools[m->pool_id], m);
}

/**
 * Give a packet back, all its segments. Buffers that others use too stay until those give them up.
 *
 * @m      the first segment, or NULL (legal)
 * Owner   the pools.
 * Thread  any.
 */
PLX_INLINE void plx_mbuf_free(struct plx_mbuf *m)
{
	if (plx_unlikely(m == NULL))
		return;
	if (plx_likely(plx_mbuf_is_plain_(m, plx_mbuf_home_word_(m->pool_id))))
		plx_mbuf_raw_free(m);
	else
		plx_mbuf_free_slow_(m);
}

/** Give one segment back, not those behind it. The chain must not be used through it any more. */
PLX_INLINE void plx_mbuf_free_seg(struct plx_mbuf *m)
{
	plx_mbuf_free_seg_slow_(m);
}

/**
 * Give @n packets back; the fastest when they come from one pool.
 *
 * @pkts   first segments; NULL entries are legal. The table itself is left as it is.
 * @n      packets                      [0, ..)
 * Owner   the pools.
 * Thread  any.
 */
PLX_INLINE void plx_mbuf_free_bulk(struct plx_mbuf *const *pkts, uint32_t n)
{
	while (n > 0) {
		uint32_t run = 0;

		if (plx_likely(pkts[0] != NULL)) {
			uint8_t pool_id = pkts[0]->pool_id;
			uint32_t word = plx_mbuf_home_word_(pool_id);

			while (run < n && plx_likely(pkts[run] != NULL) &&
			       plx_likely(plx_mbuf_is_plain_(pkts[run], word))) {
#if PLX_CHECK
				plx_mbuf_track_(pkts[run], PLX_MBUF_FREED);
#endif
				run++;
			}
			if (plx_likely(run > 0))
				plx_mempool_put_bulk(plx_mbuf_pools[pool_id], (void *const *)pkts,
						     run);
		}
		/* The run ended at NULL, at another pool's packet, or at one that is not plain. */
		if (plx_unlikely(run == 0))
			plx_mbuf_free(pkts[run++]);
		pkts += run;
		n -= run;
	}
}

/* ---- For humans ---- */

/**
 * Check a packet's invariants: pool, buffer, lengths, chain, reference counts.
 *
 * @m       first segment of a packet (@is_head), or any segment
 * @reason  out: NULL, or what is wrong; a constant string. May be NULL.
 * Returns 0, -EINVAL.
 * Thread  its owner.
 */
PLX_API int plx_mbuf_check(const struct plx_mbuf *m, bool is_head, const char **reason);

/**
 * Write all segments' fields, and the first @bytes bytes of data in hex, to @out.
 * Thread  its owner.
 */
PLX_API void plx_mbuf_dump(const struct plx_mbuf *m, uint32_t bytes, FILE *out);

PLX_END_DECLS

#endif
