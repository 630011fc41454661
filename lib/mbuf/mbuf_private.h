/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef POLLUX_MBUF_PRIVATE_H
#define POLLUX_MBUF_PRIVATE_H

#include <pollux/log.h>
#include <pollux/mbuf_data.h>

extern struct plx_log_module plx_log_mbuf;

#define LOG_ERR(...) plx_log(&plx_log_mbuf, PLX_LOG_ERR, __VA_ARGS__)

/* Who did what to one mbuf last. */
struct plx_mbuf_track {
	const void *code[PLX_MBUF_EVENTS]; /* behind the call; NULL: never */
	uint64_t cycles[PLX_MBUF_EVENTS];
	uint16_t lcore[PLX_MBUF_EVENTS];
};

/* The private area of a packet pool. */
struct plx_mbuf_pool {
	uint32_t data_room;
	uint8_t id;
	struct plx_mbuf_track *track; /* by index; NULL: not asked for */
};

/* What an attached mbuf is attached to, at the start of its own, idle buffer. */
struct plx_mbuf_attachment {
	struct plx_mbuf *direct;  /* PLX_MBUF_F_CLONE: whose buffer it is */
	struct plx_mbuf_ext *ext; /* PLX_MBUF_F_EXTERNAL */
	uint64_t own_iova;
	uint16_t own_len;
};

static inline void *plx_mbuf_own_buffer(const struct plx_mbuf *m)
{
	return (char *)(uintptr_t)(m + 1) + m->priv_bytes;
}

static inline struct plx_mbuf_attachment *plx_mbuf_attachment(const struct plx_mbuf *m)
{
	return plx_mbuf_own_buffer(m);
}

/* The slow halves; @code is where the caller of the public call goes on, for the tracking. */
void plx_mbuf_free_for(struct plx_mbuf *m, const void *code);
void plx_mbuf_free_seg_for(struct plx_mbuf *m, const void *code);
void plx_mbuf_detach_for(struct plx_mbuf *m, const void *code);
void plx_mbuf_track_at(const struct plx_mbuf *m, enum plx_mbuf_event event, const void *code);

/* 0, or -ENOMEM. The table is plx_mem_alloc()'s. */
int plx_mbuf_track_init(struct plx_mempool *pool);

#endif
