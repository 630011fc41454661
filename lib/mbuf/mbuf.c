/* SPDX-License-Identifier: BSD-3-Clause */
/* Packet pools, the slow half of free, check and dump. */
#include <errno.h>
#include <pollux/mem.h>
#include <pthread.h>
#include <stdlib.h>

#include "mbuf_private.h"

enum { ROOM_MIN = 64, ROOM_MAX = 65280, PRIV_MAX = 1024, DUMP_LINE = 16 };

_Static_assert(ROOM_MAX + PLX_MBUF_HEADROOM <= UINT16_MAX, "buf_len holds it");
_Static_assert(sizeof(struct plx_mbuf_attachment) <= PLX_MBUF_HEADROOM, "any buffer holds it");

struct plx_log_module plx_log_mbuf = PLX_LOG_MODULE("mbuf");
struct plx_mempool *plx_mbuf_pools[PLX_MBUF_POOLS_MAX];

static pthread_mutex_t ids_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- Pools ---- */

static int check_conf(const struct plx_mbuf_pool_conf *conf)
{
	const char *name = conf->name ? conf->name : "";

	if (conf->data_room && (conf->data_room < ROOM_MIN || conf->data_room > ROOM_MAX)) {
		LOG_ERR("packet pool '%s': a data room of %u bytes; want %d to %d, or 0 for %d",
			name, conf->data_room, ROOM_MIN, ROOM_MAX, PLX_MBUF_DATA_ROOM);
		return -EINVAL;
	}
	if (conf->priv_bytes > PRIV_MAX) {
		LOG_ERR("packet pool '%s': a private area of %u bytes; want 0 to %d", name,
			conf->priv_bytes, PRIV_MAX);
		return -EINVAL;
	}
	return 0;
}

/* ids_lock is held. */
static void free_ids(const struct plx_mempool *pool)
{
	for (unsigned id = 0; id < PLX_MBUF_POOLS_MAX; id++)
		if (plx_mbuf_pools[id] == pool)
			plx_mbuf_pools[id] = NULL;
}

/* Pools that died with an EAL before this one have left their ids behind: those are free too. */
static int take_id(struct plx_mempool *pool)
{
	int ret = -ENOSPC;

	pthread_mutex_lock(&ids_lock);
	/* The new pool has no id yet: one that names its address is of a pool that lay there. */
	free_ids(pool);
	for (int id = 0; id < PLX_MBUF_POOLS_MAX; id++) {
		if (plx_mbuf_pools[id] && plx_mempool_exists_(plx_mbuf_pools[id]))
			continue;
		plx_mbuf_pools[id] = pool;
		ret = id;
		break;
	}
	pthread_mutex_unlock(&ids_lock);
	return ret;
}

static int setup_pool(struct plx_mempool *pool, void *arg)
{
	const struct plx_mbuf_pool_conf *conf = arg;
	struct plx_mbuf_pool *own = plx_mempool_priv(pool);
	int ret;

	own->data_room = conf->data_room;
	ret = plx_mbuf_track_init(pool);
	if (ret)
		return ret;
	ret = take_id(pool);
	if (ret < 0) {
		LOG_ERR("packet pool '%s': there are %d packet pools already", conf->name,
			PLX_MBUF_POOLS_MAX);
		plx_mem_free(own->track);
		return ret;
	}
	own->id = (uint8_t)ret;
	return 0;
}

static void init_mbuf(struct plx_mempool *pool, void *obj, uint32_t index, void *arg)
{
	const struct plx_mbuf_pool_conf *conf = arg;
	struct plx_mbuf_pool *own = plx_mempool_priv(pool);
	struct plx_mbuf *m = obj;

	(void)index;
	m->priv_bytes = (uint16_t)conf->priv_bytes;
	m->buf_addr = plx_mbuf_own_buffer(m);
	m->buf_iova = plx_mem_virt2iova(m->buf_addr);
	m->buf_len = (uint16_t)(PLX_MBUF_HEADROOM + own->data_room);
	m->pool_id = own->id;
	plx_mbuf_reset_full(m);
}

int plx_mbuf_pool_create(const struct plx_mbuf_pool_conf *conf, struct plx_mempool **pool)
{
	struct plx_mbuf_pool_conf fixed = *conf;
	struct plx_mempool_conf base = {
		.name = conf->name,
		.nb_objs = conf->nb_mbufs,
		.cache_size = conf->cache_size,
		.node = conf->node,
		.priv_bytes = sizeof(struct plx_mbuf_pool),
		.setup = setup_pool,
		.init = init_mbuf,
		.init_arg = &fixed,
	};
	int ret = check_conf(conf);

	if (ret)
		return ret;
	if (fixed.data_room == 0)
		fixed.data_room = PLX_MBUF_DATA_ROOM;
	fixed.priv_bytes = (uint32_t)plx_align_up(conf->priv_bytes, 8);
	base.obj_bytes = (uint32_t)sizeof(struct plx_mbuf) + fixed.priv_bytes + PLX_MBUF_HEADROOM +
			 fixed.data_room;
	return plx_mempool_create(&base, pool);
}

void plx_mbuf_pool_destroy(struct plx_mempool *pool)
{
	struct plx_mbuf_pool *own;
	struct plx_mbuf_track *track;

	if (!pool)
		return;
	own = plx_mempool_priv(pool);
	track = own->track;
	/* The id first: once the memory is free, another pool may have this address. */
	pthread_mutex_lock(&ids_lock);
	if (plx_mbuf_pools[own->id] == pool)
		plx_mbuf_pools[own->id] = NULL;
	pthread_mutex_unlock(&ids_lock);
	plx_mempool_destroy(pool); /* may ask the table who had what is still out */
	plx_mem_free(track);
}

uint32_t plx_mbuf_pool_data_room(const struct plx_mempool *pool)
{
	return ((const struct plx_mbuf_pool *)plx_mempool_priv(pool))->data_room;
}

/* ---- The slow half of free ---- */

/* A segment that was made plain goes home; @code is whose call that was. */
static void go_home(struct plx_mbuf *m, const void *code)
{
	(void)code;
#if PLX_CHECK
	plx_mbuf_track_at(m, PLX_MBUF_FREED, code);
#endif
	plx_mempool_put(plx_mbuf_pools[m->pool_id], m);
}

/* Give up one share of a segment. True: it was the last, and the segment can go home. */
static bool last_share(struct plx_mbuf *m, const void *code)
{
	/* Acquire-release: what each user did to the buffer comes before its next life. */
	if (plx_load_acquire(&m->refcnt) != 1 &&
	    plx_fetch_add_acq_rel(&m->refcnt, (uint16_t)-1) != 1)
		return false;
	if (m->flags & PLX_MBUF_F_ATTACHED)
		plx_mbuf_detach_for(m, code);
	m->next = NULL;
	m->nb_segs = 1;
	plx_store_relaxed(&m->refcnt, 1);
	return true;
}

void plx_mbuf_free_seg_for(struct plx_mbuf *m, const void *code)
{
	if (m && last_share(m, code))
		go_home(m, code);
}

void plx_mbuf_free_for(struct plx_mbuf *m, const void *code)
{
	while (m) {
		struct plx_mbuf *next = m->next;

		plx_mbuf_free_seg_for(m, code);
		m = next;
	}
}

void plx_mbuf_free_seg_slow_(struct plx_mbuf *m)
{
	plx_mbuf_free_seg_for(m, __builtin_return_address(0));
}

void plx_mbuf_free_slow_(struct plx_mbuf *m)
{
	plx_mbuf_free_for(m, __builtin_return_address(0));
}

#if PLX_CHECK
bool plx_mbuf_raw_ok_(const struct plx_mbuf *m)
{
	if (plx_mbuf_is_plain_(m, plx_mbuf_home_word_(m->pool_id)))
		return true;
	plx_log_limited(&plx_log_mbuf, PLX_LOG_ERR,
			"mbuf %p: raw_free of one that is shared, chained or attached; not freed",
			(const void *)m);
	return false;
}
#endif

/* ---- For humans ---- */

static const char *fault_of(const struct plx_mbuf *m)
{
	const struct plx_mempool *pool = plx_mbuf_pools[m->pool_id];

	if (!pool)
		return "its pool is gone";
	if (plx_mempool_index(pool, m) < 0)
		return "it is not one of its pool's";
	if (!m->buf_addr)
		return "it has no buffer";
	if (plx_mbuf_refcnt(m) == 0)
		return "its reference count is 0";
	if ((m->flags & PLX_MBUF_F_ATTACHED) == PLX_MBUF_F_ATTACHED)
		return "it is a clone and external at once";
	if (!(m->flags & PLX_MBUF_F_ATTACHED) && m->buf_addr != plx_mbuf_own_buffer(m))
		return "its buffer is not its own though it is not attached";
	if (m->data_off > m->buf_len)
		return "data_off is beyond the buffer";
	if (m->data_len > m->buf_len - m->data_off)
		return "data_len is beyond the buffer";
	return NULL;
}

static const char *chain_fault_of(const struct plx_mbuf *m)
{
	uint32_t left = m->pkt_len;
	unsigned segs = m->nb_segs;

	for (const struct plx_mbuf *seg = m; seg; seg = seg->next) {
		const char *fault = fault_of(seg);

		if (fault)
			return fault;
		if (segs-- == 0)
			return "there are more segments than nb_segs";
		if (seg->data_len > left)
			return "pkt_len is less than the segments hold";
		left -= seg->data_len;
	}
	if (segs)
		return "there are fewer segments than nb_segs";
	return left ? "pkt_len is more than the segments hold" : NULL;
}

int plx_mbuf_check(const struct plx_mbuf *m, bool is_head, const char **reason)
{
	const char *fault;

	if (!m)
		fault = "it is NULL";
	else
		fault = is_head ? chain_fault_of(m) : fault_of(m);
	if (reason)
		*reason = fault;
	return fault ? -EINVAL : 0;
}

static void dump_hex(const unsigned char *data, uint32_t bytes, FILE *out)
{
	for (uint32_t i = 0; i < bytes; i++)
		fprintf(out, "%s%02x%s", i % DUMP_LINE ? " " : "    ", data[i],
			i % DUMP_LINE == DUMP_LINE - 1 || i == bytes - 1 ? "\n" : "");
}

void plx_mbuf_dump(const struct plx_mbuf *m, uint32_t bytes, FILE *out)
{
	const struct plx_mempool *pool = plx_mbuf_pools[m->pool_id];

	fprintf(out, "mbuf %p of pool '%s': %u bytes in %u segments, port %u, flags %#x\n",
		(const void *)m, pool ? pool->name : "?", m->pkt_len, m->nb_segs, m->port,
		m->flags);
	fprintf(out, "  vlan %u, offload %#llx, timestamp %llu, iova %#llx\n", m->vlan_tci,
		(unsigned long long)m->offload, (unsigned long long)m->timestamp,
		(unsigned long long)m->buf_iova);
	for (unsigned i = 0; m; m = m->next, i++) {
		uint32_t shown = plx_min_u32(bytes, m->data_len);

		fprintf(out, "  segment %u at %p: data at %u + %u of %u, refcnt %u%s%s\n", i,
			(const void *)m, m->data_off, m->data_len, m->buf_len, plx_mbuf_refcnt(m),
			m->flags & PLX_MBUF_F_CLONE ? ", clone" : "",
			m->flags & PLX_MBUF_F_EXTERNAL ? ", external" : "");
		dump_hex(plx_mbuf_data(m), shown, out);
		bytes -= shown;
	}
}

extern inline void plx_mbuf_pass(const struct plx_mbuf *m);
extern inline void plx_mbuf_reset(struct plx_mbuf *m);
extern inline void plx_mbuf_reset_full(struct plx_mbuf *m);
extern inline struct plx_mbuf *plx_mbuf_raw_alloc(struct plx_mempool *pool);
extern inline uint32_t plx_mbuf_raw_alloc_bulk(struct plx_mempool *pool, struct plx_mbuf **pkts,
					       uint32_t n);
extern inline struct plx_mbuf *plx_mbuf_alloc(struct plx_mempool *pool);
extern inline uint32_t plx_mbuf_alloc_bulk(struct plx_mempool *pool, struct plx_mbuf **pkts,
					   uint32_t n);
extern inline uint32_t plx_mbuf_home_word_(uint8_t pool_id);
extern inline bool plx_mbuf_is_plain_(const struct plx_mbuf *m, uint32_t home_word);
extern inline void plx_mbuf_raw_free(struct plx_mbuf *m);
extern inline void plx_mbuf_free(struct plx_mbuf *m);
extern inline void plx_mbuf_free_seg(struct plx_mbuf *m);
extern inline void plx_mbuf_free_bulk(struct plx_mbuf *const *pkts, uint32_t n);
