/* SPDX-License-Identifier: BSD-3-Clause */
/* Chains, copies, clones and external buffers. */
#include <errno.h>
#include <pollux/mem.h>

#include "mbuf_private.h"

/* ---- Chains ---- */

int plx_mbuf_chain(struct plx_mbuf *head, struct plx_mbuf *tail)
{
	if (head->nb_segs + tail->nb_segs > PLX_MBUF_SEGS_MAX ||
	    tail->pkt_len > UINT32_MAX - head->pkt_len)
		return -EOVERFLOW;
	plx_mbuf_last(head)->next = tail;
	head->nb_segs = (uint8_t)(head->nb_segs + tail->nb_segs);
	head->pkt_len += tail->pkt_len;
	/* A later segment's own counts have no meaning; like this it can go home as it is. */
	tail->nb_segs = 1;
	tail->pkt_len = tail->data_len;
	return 0;
}

int plx_mbuf_linearize(struct plx_mbuf *m)
{
	struct plx_mbuf *rest = m->next;
	char *end = (char *)plx_mbuf_data(m) + m->data_len;

	if (!rest)
		return 0;
	if (plx_mbuf_is_shared(m))
		return -EBUSY;
	if (m->pkt_len - m->data_len > plx_mbuf_tailroom(m))
		return -ENOSPC;
	for (struct plx_mbuf *seg = rest; seg; seg = seg->next) {
		memcpy(end, plx_mbuf_data(seg), seg->data_len);
		end += seg->data_len;
	}
	m->data_len = (uint16_t)m->pkt_len;
	m->next = NULL;
	m->nb_segs = 1;
	plx_mbuf_free_for(rest, __builtin_return_address(0));
	return 0;
}

const void *plx_mbuf_read(const struct plx_mbuf *m, uint32_t off, uint32_t len, void *buf)
{
	char *to = buf;

	if (off > m->pkt_len || len > m->pkt_len - off)
		return NULL;
	while (off > m->data_len || (off == m->data_len && m->next)) {
		off -= m->data_len;
		m = m->next;
	}
	if (len <= m->data_len - off)
		return (const char *)plx_mbuf_data(m) + off;
	while (len > 0 && m) {
		uint32_t part = plx_min_u32(len, m->data_len - off);

		memcpy(to, (const char *)plx_mbuf_data(m) + off, part);
		to += part;
		len -= part;
		off = 0;
		m = m->next;
	}
	return buf;
}

static void copy_meta(struct plx_mbuf *to, const struct plx_mbuf *from)
{
	to->timestamp = from->timestamp;
	to->flags = from->flags & ~(uint32_t)PLX_MBUF_F_ATTACHED;
	to->port = from->port;
	to->vlan_tci = from->vlan_tci;
	to->offload = from->offload;
}

/* As plx_mbuf_alloc(), on behalf of the code that called us. */
static struct plx_mbuf *alloc_for(struct plx_mempool *pool, const void *code)
{
	struct plx_mbuf *m = plx_mempool_get(pool);

	if (!m)
		return NULL;
	(void)code;
#if PLX_CHECK
	plx_mbuf_track_at(m, PLX_MBUF_TOOK, code);
#endif
	plx_mbuf_reset(m);
	return m;
}

/* An empty segment at the packet's end; NULL when there is none, or the packet can't have more. */
static struct plx_mbuf *add_segment(struct plx_mbuf *head, struct plx_mbuf *last,
				    struct plx_mempool *pool, const void *code)
{
	struct plx_mbuf *seg;

	if (head && head->nb_segs == PLX_MBUF_SEGS_MAX)
		return NULL;
	seg = alloc_for(pool, code);
	if (seg && head) {
		last->next = seg;
		head->nb_segs++;
	}
	return seg;
}

struct plx_mbuf *plx_mbuf_copy(const struct plx_mbuf *m, struct plx_mempool *pool, uint32_t off,
			       uint32_t len)
{
	const void *code = __builtin_return_address(0);
	struct plx_mbuf *head, *last;

	if (off > m->pkt_len)
		return NULL;
	len = plx_min_u32(len, m->pkt_len - off);
	head = last = alloc_for(pool, code);
	if (!head)
		return NULL;
	copy_meta(head, m);
	for (; len > 0; m = m->next) {
		uint32_t left = m->data_len > off ? m->data_len - off : 0;
		const char *from = (const char *)plx_mbuf_data(m) + off;

		off -= plx_min_u32(off, m->data_len);
		left = plx_min_u32(left, len);
		while (left > 0) {
			uint32_t part = plx_min_u32(left, plx_mbuf_tailroom(last));

			if (part == 0) {
				last = add_segment(head, last, pool, code);
				if (!last) {
					plx_mbuf_free_for(head, code);
					return NULL;
				}
				continue;
			}
			memcpy((char *)plx_mbuf_data(last) + last->data_len, from, part);
			last->data_len = (uint16_t)(last->data_len + part);
			head->pkt_len += part;
			from += part;
			left -= part;
			len -= part;
		}
	}
	return head;
}

/* ---- Shared buffers ---- */

bool plx_mbuf_is_shared(const struct plx_mbuf *m)
{
	if (plx_mbuf_refcnt(m) > 1)
		return true;
	if (m->flags & PLX_MBUF_F_EXTERNAL)
		return plx_load_acquire(&plx_mbuf_attachment(m)->ext->refcnt) > 1;
	/* A clone whose original was freed since is the only user, but for those who clone it. */
	if (m->flags & PLX_MBUF_F_CLONE)
		return plx_mbuf_refcnt(plx_mbuf_attachment(m)->direct) > 1;
	return false;
}

/* Let @m use a buffer; its own one then holds what it is attached to. */
static int switch_buffer(struct plx_mbuf *m, const struct plx_mbuf_attachment *to, void *addr,
			 uint64_t iova, uint16_t len)
{
	struct plx_mbuf_attachment *own = plx_mbuf_attachment(m);

	if (plx_mbuf_refcnt(m) != 1 || m->flags & PLX_MBUF_F_ATTACHED || m->next)
		return -EBUSY;
	*own = *to;
	own->own_iova = m->buf_iova;
	own->own_len = m->buf_len;
	m->buf_addr = addr;
	m->buf_iova = iova;
	m->buf_len = len;
	return 0;
}

int plx_mbuf_attach(struct plx_mbuf *m, struct plx_mbuf *to)
{
	struct plx_mbuf_attachment what = {0};
	uint32_t kind = PLX_MBUF_F_CLONE;
	int ret;

	if (to->flags & PLX_MBUF_F_EXTERNAL) {
		kind = PLX_MBUF_F_EXTERNAL;
		what.ext = plx_mbuf_attachment(to)->ext;
	} else if (to->flags & PLX_MBUF_F_CLONE) {
		what.direct = plx_mbuf_attachment(to)->direct;
	} else {
		what.direct = to;
	}
	ret = switch_buffer(m, &what, to->buf_addr, to->buf_iova, to->buf_len);
	if (ret)
		return ret;
	/* Relaxed: who holds a share may add one; giving up is what orders. */
	if (what.ext)
		plx_fetch_add_relaxed(&what.ext->refcnt, 1);
	else
		plx_fetch_add_relaxed(&what.direct->refcnt, 1);
	copy_meta(m, to);
	m->flags |= kind;
	m->data_off = to->data_off;
	m->data_len = to->data_len;
	m->pkt_len = to->data_len;
	return 0;
}

struct plx_mbuf *plx_mbuf_clone(struct plx_mbuf *m, struct plx_mempool *pool)
{
	const void *code = __builtin_return_address(0);
	struct plx_mbuf *head = NULL, *last = NULL;
	uint32_t pkt_len = m->pkt_len;

	for (; m; m = m->next) {
		struct plx_mbuf *seg = alloc_for(pool, code);

		if (!seg) {
			plx_mbuf_free_for(head, code);
			return NULL;
		}
		/* A fresh mbuf is plain: attaching can't be refused. */
		plx_mbuf_attach(seg, m);
		if (head) {
			last->next = seg;
			head->nb_segs++;
		} else {
			head = seg;
		}
		last = seg;
	}
	head->pkt_len = pkt_len;
	return head;
}

void plx_mbuf_ext_init(struct plx_mbuf_ext *ext, void *addr, plx_mbuf_ext_fn free_fn, void *arg)
{
	*ext = (struct plx_mbuf_ext){.free = free_fn, .addr = addr, .arg = arg, .refcnt = 1};
}

void plx_mbuf_ext_release(struct plx_mbuf_ext *ext)
{
	/* Acquire-release: what each user did to the buffer comes before the callback. */
	if (plx_fetch_add_acq_rel(&ext->refcnt, (uint32_t)-1) == 1 && ext->free)
		ext->free(ext->addr, ext->arg);
}

int plx_mbuf_attach_ext(struct plx_mbuf *m, void *addr, uint64_t iova, uint16_t len,
			struct plx_mbuf_ext *ext)
{
	struct plx_mbuf_attachment what = {.ext = ext};
	int ret = switch_buffer(m, &what, addr, iova, len);

	if (ret)
		return ret;
	plx_fetch_add_relaxed(&ext->refcnt, 1);
	m->flags |= PLX_MBUF_F_EXTERNAL;
	m->data_off = 0;
	m->data_len = 0;
	m->pkt_len = 0;
	return 0;
}

void plx_mbuf_detach_for(struct plx_mbuf *m, const void *code)
{
	const struct plx_mbuf_attachment what = *plx_mbuf_attachment(m);
	uint32_t kind = m->flags & PLX_MBUF_F_ATTACHED;

	m->buf_addr = plx_mbuf_own_buffer(m);
	m->buf_iova = what.own_iova;
	m->buf_len = what.own_len;
	plx_mbuf_reset(m);
	if (kind == PLX_MBUF_F_CLONE)
		plx_mbuf_free_seg_for(what.direct, code);
	else
		plx_mbuf_ext_release(what.ext);
}

int plx_mbuf_detach(struct plx_mbuf *m)
{
	if (!(m->flags & PLX_MBUF_F_ATTACHED))
		return -EINVAL;
	if (plx_mbuf_refcnt(m) != 1 || m->next)
		return -EBUSY;
	plx_mbuf_detach_for(m, __builtin_return_address(0));
	return 0;
}

extern inline void *plx_mbuf_data(const struct plx_mbuf *m);
extern inline uint64_t plx_mbuf_iova(const struct plx_mbuf *m);
extern inline uint16_t plx_mbuf_headroom(const struct plx_mbuf *m);
extern inline uint16_t plx_mbuf_tailroom(const struct plx_mbuf *m);
extern inline void *plx_mbuf_priv(struct plx_mbuf *m);
extern inline struct plx_mempool *plx_mbuf_pool(const struct plx_mbuf *m);
extern inline struct plx_mbuf *plx_mbuf_last(struct plx_mbuf *m);
extern inline bool plx_mbuf_is_contiguous(const struct plx_mbuf *m);
extern inline void *plx_mbuf_prepend(struct plx_mbuf *m, uint16_t len);
extern inline void *plx_mbuf_append(struct plx_mbuf *m, uint16_t len);
extern inline void *plx_mbuf_adj(struct plx_mbuf *m, uint16_t len);
extern inline int plx_mbuf_trim(struct plx_mbuf *m, uint16_t len);
extern inline uint16_t plx_mbuf_refcnt(const struct plx_mbuf *m);
extern inline uint16_t plx_mbuf_refcnt_add(struct plx_mbuf *m, uint16_t n);
extern inline void plx_mbuf_share(struct plx_mbuf *m, uint16_t n);
