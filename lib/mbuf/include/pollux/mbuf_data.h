/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Working on packets: the data, chains of segments, clones, external buffers.
 *
 * Who writes into a packet's data must be the only user of its buffer: plx_mbuf_is_shared() is
 * false. All calls are for the packet's owner and none takes a lock.
 */
#ifndef POLLUX_MBUF_DATA_H
#define POLLUX_MBUF_DATA_H

#include <errno.h>
#include <pollux/mbuf.h>

PLX_BEGIN_DECLS

/* ---- Where the data is ---- */

/** The first byte of this segment's data. */
PLX_INLINE void *plx_mbuf_data(const struct plx_mbuf *m)
{
	return (char *)m->buf_addr + m->data_off;
}

/* The data as a header of a type: plx_mbuf_mtod(m, struct ether_header *). */
#define plx_mbuf_mtod(m, type) ((type)plx_mbuf_data(m))
#define plx_mbuf_mtod_offset(m, type, bytes) ((type)(void *)((char *)plx_mbuf_data(m) + (bytes)))

/** The address of the first byte for a device. */
PLX_INLINE uint64_t plx_mbuf_iova(const struct plx_mbuf *m)
{
	return m->buf_iova + m->data_off;
}

/** Bytes in front of the data. */
PLX_INLINE uint16_t plx_mbuf_headroom(const struct plx_mbuf *m)
{
	return m->data_off;
}

/** Bytes behind the data, in this segment. */
PLX_INLINE uint16_t plx_mbuf_tailroom(const struct plx_mbuf *m)
{
	return (uint16_t)(m->buf_len - m->data_off - m->data_len);
}

/** The application's area of priv_bytes bytes; its content stays when an mbuf goes home. */
PLX_INLINE void *plx_mbuf_priv(struct plx_mbuf *m)
{
	return m + 1;
}

/** The pool the mbuf goes home to. */
PLX_INLINE struct plx_mempool *plx_mbuf_pool(const struct plx_mbuf *m)
{
	return plx_mbuf_pools[m->pool_id];
}

/** The last segment of a packet. */
PLX_INLINE struct plx_mbuf *plx_mbuf_last(struct plx_mbuf *m)
{
	while (m->next)
		m = m->next;
	return m;
}

/** True when the packet is one segment. */
PLX_INLINE bool plx_mbuf_is_contiguous(const struct plx_mbuf *m)
{
	return m->nb_segs == 1;
}

/* ---- More and less data: at the front of the first, at the end of the last segment ---- */

/**
 * Grow the packet at its front.
 *
 * @len    bytes                        [0, headroom]
 * Returns the new first byte, content undefined; NULL when the headroom is too short (nothing is
 *         changed).
 */
PLX_INLINE void *plx_mbuf_prepend(struct plx_mbuf *m, uint16_t len)
{
	if (plx_unlikely(len > m->data_off))
		return NULL;
	m->data_off = (uint16_t)(m->data_off - len);
	m->data_len = (uint16_t)(m->data_len + len);
	m->pkt_len += len;
	return plx_mbuf_data(m);
}

/**
 * Grow the packet at its end.
 *
 * @len    bytes                        [0, tailroom of the last segment]
 * Returns the first new byte, content undefined; NULL when the tailroom is too short (nothing is
 *         changed).
 */
PLX_INLINE void *plx_mbuf_append(struct plx_mbuf *m, uint16_t len)
{
	struct plx_mbuf *last = plx_mbuf_last(m);
	char *end = (char *)plx_mbuf_data(last) + last->data_len;

	if (plx_unlikely(len > plx_mbuf_tailroom(last)))
		return NULL;
	last->data_len = (uint16_t)(last->data_len + len);
	m->pkt_len += len;
	return end;
}

/**
 * Cut bytes off the packet's front.
 *
 * @len    bytes                        [0, data_len of the first segment]
 * Returns the new first byte; NULL when the first segment is shorter (nothing is changed).
 */
PLX_INLINE void *plx_mbuf_adj(struct plx_mbuf *m, uint16_t len)
{
	if (plx_unlikely(len > m->data_len))
		return NULL;
	m->data_off = (uint16_t)(m->data_off + len);
	m->data_len = (uint16_t)(m->data_len - len);
	m->pkt_len -= len;
	return plx_mbuf_data(m);
}

/**
 * Cut bytes off the packet's end.
 *
 * @len    bytes                        [0, data_len of the last segment]
 * Returns 0, -EINVAL (the last segment is shorter; nothing is changed).
 */
PLX_INLINE int plx_mbuf_trim(struct plx_mbuf *m, uint16_t len)
{
	struct plx_mbuf *last = plx_mbuf_last(m);

	if (plx_unlikely(len > last->data_len))
		return -EINVAL;
	last->data_len = (uint16_t)(last->data_len - len);
	m->pkt_len -= len;
	return 0;
}

/* ---- Chains ---- */

/**
 * Hang packet @tail behind packet @head; @head's offloads and flags count from now on.
 *
 * Returns 0, -EOVERFLOW (over PLX_MBUF_SEGS_MAX segments, or 4 GB; nothing is changed).
 * Owner   @tail belongs to @head.
 */
PLX_API int plx_mbuf_chain(struct plx_mbuf *head, struct plx_mbuf *tail);

/**
 * Copy all data into the first segment, and free the others.
 *
 * Returns 0, -ENOSPC (first segment's tailroom; nothing is changed), -EBUSY (its buffer is shared).
 */
PLX_API int plx_mbuf_linearize(struct plx_mbuf *m);

/**
 * Bytes [@off, @off + @len) of a packet in one piece.
 *
 * @buf    room for @len bytes, used only when the bytes lie in several segments
 * Returns the bytes, in the packet or in @buf; NULL when the packet is shorter.
 */
PLX_API const void *plx_mbuf_read(const struct plx_mbuf *m, uint32_t off, uint32_t len, void *buf);

/**
 * A packet of its own with a copy of bytes [@off, @off + @len), flags and offloads.
 *
 * @pool   where its segments come from, as many as are needed
 * @len    bytes; UINT32_MAX: all from @off on
 * Returns the packet, or NULL: @off is beyond the packet, the pool ran short, too many segments.
 * Owner   the caller.
 */
PLX_API struct plx_mbuf *plx_mbuf_copy(const struct plx_mbuf *m, struct plx_mempool *pool,
				       uint32_t off, uint32_t len);

/* ---- Shared buffers ---- */

/** Users of this segment's mbuf: its owner, clones of it, and what plx_mbuf_refcnt_add() added. */
PLX_INLINE uint16_t plx_mbuf_refcnt(const struct plx_mbuf *m)
{
	return plx_load_acquire(&m->refcnt);
}

/**
 * Add @n owners to this one segment; each of them frees it once, by plx_mbuf_free_seg(). For a
 * packet see plx_mbuf_share(). Users are 65,535 at most.
 *
 * Returns the new count.
 * Thread  any of its owners.
 */
PLX_INLINE uint16_t plx_mbuf_refcnt_add(struct plx_mbuf *m, uint16_t n)
{
	return (uint16_t)(plx_fetch_add_relaxed(&m->refcnt, n) + n);
}

/**
 * Add @n owners to a packet, all its segments; each of them frees it once. The chain, lengths and
 * flags are one for all owners: none changes them.
 *
 * @n      owners to add                [0, 65,535 - those that are there]
 * Thread  any of its owners.
 */
PLX_INLINE void plx_mbuf_share(struct plx_mbuf *m, uint16_t n)
{
	for (; m; m = m->next)
		plx_mbuf_refcnt_add(m, n);
}

/** True when somebody else may be reading this segment's buffer. */
PLX_API bool plx_mbuf_is_shared(const struct plx_mbuf *m);

/**
 * A second packet on the same data: its segments are clones of @m's, without a copy of the data.
 * It has its own lengths, flags and offloads; a header is put in front of it by chaining, or where
 * it has headroom that nobody else uses.
 *
 * @pool   where the descriptors come from; their own buffers lie idle
 * Returns the packet, or NULL when the pool ran short.
 * Owner   the caller. The data goes home when @m and all its clones were freed, in any order and
 *         by any thread.
 */
PLX_API struct plx_mbuf *plx_mbuf_clone(struct plx_mbuf *m, struct plx_mempool *pool);

/**
 * Make one segment, @m, use the buffer of segment @to.
 *
 * @m      own buffer, one user, one segment
 * Returns 0, -EBUSY (@m is shared or attached already).
 */
PLX_API int plx_mbuf_attach(struct plx_mbuf *m, struct plx_mbuf *to);

/** Called when the last user of an external buffer is gone, by whichever thread that is. */
typedef void (*plx_mbuf_ext_fn)(void *addr, void *arg);

/** One external buffer; the application's memory, in use until the callback. */
struct plx_mbuf_ext {
	plx_mbuf_ext_fn free; /* may be NULL */
	void *addr;	      /* for the callback */
	void *arg;
	uint32_t refcnt; /* mbufs attached, and the application until it releases; atomic */
};

/**
 * Prepare for plx_mbuf_attach_ext(). The application has one share of the buffer itself, so that it
 * can attach mbufs to parts of it one after the other; it gives it up by plx_mbuf_ext_release().
 *
 * @addr   what the callback gets
 * Thread  one.
 */
PLX_API void plx_mbuf_ext_init(struct plx_mbuf_ext *ext, void *addr, plx_mbuf_ext_fn free_fn,
			       void *arg);

/**
 * Give up the application's share, after its last plx_mbuf_attach_ext(). The callback comes when no
 * mbuf uses the buffer any more: now, or when the last of them is freed.
 *
 * Thread  one, once.
 */
PLX_API void plx_mbuf_ext_release(struct plx_mbuf_ext *ext);

/**
 * Make @m use a buffer of the application's. It starts empty, with no headroom.
 *
 * @m      own buffer, one user, one segment
 * @addr   the buffer      @iova  for devices, or PLX_IOVA_BAD
 * @len    its bytes                    [0, 65,535]
 * @ext    prepared and not yet released; may serve several mbufs that use parts of one buffer
 * Returns 0, -EBUSY (@m is shared or attached already).
 * Owner   the buffer is the library's until @ext->free is called.
 */
PLX_API int plx_mbuf_attach_ext(struct plx_mbuf *m, void *addr, uint64_t iova, uint16_t len,
				struct plx_mbuf_ext *ext);

/**
 * Give up the clone's or the external buffer and have the own one again, empty.
 *
 * Returns 0, -EINVAL (@m is not attached), -EBUSY (@m has other owners, or
 *         segments behind it).
 */
PLX_API int plx_mbuf_detach(struct plx_mbuf *m);

PLX_END_DECLS

#endif
