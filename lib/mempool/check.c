/* SPDX-License-Identifier: BSD-3-Clause */
/* Counts, walk, audit and dump, and the double-free check of checked builds. */
#include <errno.h>
#include <stdlib.h>

#include "mempool_private.h"

enum { FAULTS_TOLD = 10, PLX_MEMPOOL_TELL_BYTES = 400 };

/* ---- Counts ---- */

uint32_t plx_mempool_avail(const struct plx_mempool *pool)
{
	uint64_t avail = plx_ring_count(pool->ring);

	for (unsigned id = 0; id < PLX_LCORE_MAX; id++)
		avail += plx_load_relaxed(&plx_load_acquire(&pool->caches[id])->len);
	return avail > pool->nb_objs ? pool->nb_objs : (uint32_t)avail;
}

uint32_t plx_mempool_in_use(const struct plx_mempool *pool)
{
	return pool->nb_objs - plx_mempool_avail(pool);
}

void plx_mempool_walk(struct plx_mempool *pool, plx_mempool_obj_fn fn, void *arg)
{
	for (uint32_t i = 0; i < pool->nb_objs; i++)
		fn(pool, plx_mempool_obj(pool, i), i, arg);
}

/* ---- Audit ---- */

struct audit {
	struct plx_mempool *pool;
	uint8_t *seen;
	unsigned faults;
};

static void fault(struct audit *audit, const void *obj, const char *what)
{
	if (audit->faults++ < FAULTS_TOLD)
		LOG_ERR("pool '%s': object %p %s", audit->pool->name, obj, what);
}

static void audit_one(struct audit *audit, const void *obj)
{
	int64_t index = plx_mempool_index(audit->pool, obj);

	if (index < 0) {
		fault(audit, obj, "at home is not the pool's own");
		return;
	}
	if (audit->seen[index])
		fault(audit, obj, "is at home twice");
	audit->seen[index] = 1;
	if (audit->pool->where && plx_load_relaxed(&audit->pool->where[index]) != PLX_MEMPOOL_HOME)
		fault(audit, obj, "is at home but marked as out");
}

static void audit_ring(struct audit *audit)
{
	struct plx_ring *ring = audit->pool->ring;
	struct plx_ring_span span;
	uint32_t nb = plx_ring_mc_peek(ring, ring->size, &span);

	if (nb == 0)
		return;
	for (uint32_t i = 0; i < nb; i++)
		audit_one(audit, plx_ring_span_get(&span, i));
	plx_ring_mc_advance(ring, 0);
}

static void audit_caches(struct audit *audit)
{
	const struct plx_mempool *pool = audit->pool;

	for (unsigned id = 0; id < PLX_LCORE_MAX; id++) {
		const struct plx_mempool_cache *cache = pool->caches[id];

		if (cache->len > cache->cap) {
			fault(audit, cache, "is a cache with an impossible length");
			continue;
		}
		for (uint32_t i = 0; i < cache->len; i++)
			audit_one(audit, cache->objs[i]);
	}
}

int plx_mempool_audit(struct plx_mempool *pool)
{
	struct audit audit = {.pool = pool};

	audit.seen = calloc(pool->nb_objs, 1);
	if (!audit.seen)
		return -ENOMEM;
	audit_ring(&audit);
	audit_caches(&audit);
	for (uint32_t i = 0; pool->where && i < pool->nb_objs; i++)
		if (!audit.seen[i] && plx_load_relaxed(&pool->where[i]) == PLX_MEMPOOL_HOME)
			fault(&audit, plx_mempool_obj(pool, i), "is marked as at home but is not");
	free(audit.seen);
	return audit.faults ? -EUCLEAN : 0;
}

void plx_mempool_dump(const struct plx_mempool *pool, FILE *out)
{
	uint32_t avail = plx_mempool_avail(pool);

	fprintf(out, "pool '%s' at %p: %u objects of %u bytes, %u apart, from %p, node %d\n",
		pool->name, (const void *)pool, pool->nb_objs, pool->obj_bytes, pool->stride_bytes,
		(const void *)pool->objs, pool->node);
	fprintf(out, "  available %u, in use %u, in the ring %u, cache size %u\n", avail,
		pool->nb_objs - avail, plx_ring_count(pool->ring), pool->cache_size);
	for (unsigned id = 0; id < PLX_LCORE_MAX; id++) {
		const struct plx_mempool_cache *cache = plx_load_acquire(&pool->caches[id]);

		if (cache->size)
			fprintf(out, "  cache of lcore %u: %u\n", id,
				plx_load_relaxed(&cache->len));
	}
}

/* ---- Checked builds ---- */

void plx_mempool_tell_out(struct plx_mempool *pool, uint32_t in_use)
{
	unsigned told = 0;

	plx_log(&plx_log_mempool, PLX_LOG_WARN, "pool '%s': destroyed with %u objects out",
		pool->name, in_use);
	for (uint32_t i = 0; pool->where && i < pool->nb_objs && told < FAULTS_TOLD; i++) {
		char who[PLX_MEMPOOL_TELL_BYTES] = "";

		if (plx_load_relaxed(&pool->where[i]) == PLX_MEMPOOL_HOME)
			continue;
		if (pool->tell)
			pool->tell(pool, i, who, sizeof(who));
		plx_log(&plx_log_mempool, PLX_LOG_WARN, "pool '%s': object %p is out%s%s",
			pool->name, plx_mempool_obj(pool, i), *who ? ": " : "", who);
		told++;
	}
}

static void complain(struct plx_mempool *pool, const void *obj, int64_t index, const char *what)
{
	char who[PLX_MEMPOOL_TELL_BYTES] = "";

	if (index >= 0 && pool->tell)
		pool->tell(pool, (uint32_t)index, who, sizeof(who));
	plx_log_limited(&plx_log_mempool, PLX_LOG_ERR, "pool '%s': object %p %s%s%s", pool->name,
			obj, what, *who ? ": " : "", who);
}

void plx_mempool_check_get_(struct plx_mempool *pool, void *const *objs, uint32_t n)
{
	for (uint32_t i = 0; pool->where && i < n; i++) {
		int64_t index = plx_mempool_index(pool, objs[i]);

		if (index < 0)
			complain(pool, objs[i], index, "was handed out but is not the pool's own");
		else if (plx_exchange_acq_rel(&pool->where[index], PLX_MEMPOOL_OUT) ==
			 PLX_MEMPOOL_OUT)
			complain(pool, objs[i], index, "was handed out twice");
	}
}

bool plx_mempool_check_put_(struct plx_mempool *pool, void *obj)
{
	int64_t index;

	if (!pool->where)
		return true;
	index = plx_mempool_index(pool, obj);
	if (index < 0) {
		complain(pool, obj, index, "is given to a pool that it is not from");
		return false;
	}
	if (plx_exchange_acq_rel(&pool->where[index], PLX_MEMPOOL_HOME) == PLX_MEMPOOL_HOME) {
		complain(pool, obj, index, "is freed twice");
		return false;
	}
	return true;
}
