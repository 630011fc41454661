/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * --mbuf-track of checked builds: who took, passed on and freed each mbuf last, in a side table, so
 * that the mbuf's layout stays as it is. The pool's complaints (freed twice, still out) ask it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pollux/clock.h>
#include <pollux/eal.h>
#include <pollux/mem.h>

#include "mbuf_private.h"

static struct plx_mbuf_track *table_of(const struct plx_mempool *pool)
{
	return ((const struct plx_mbuf_pool *)plx_mempool_priv(pool))->track;
}

void plx_mbuf_track_(const struct plx_mbuf *m, enum plx_mbuf_event event)
{
	plx_mbuf_track_at(m, event, __builtin_return_address(0));
}

void plx_mbuf_track_at(const struct plx_mbuf *m, enum plx_mbuf_event event, const void *code)
{
	const struct plx_mempool *pool = plx_mbuf_pools[m->pool_id];
	struct plx_mbuf_track *track = pool ? table_of(pool) : NULL;
	int64_t index;

	if (!track)
		return;
	index = plx_mempool_index(pool, m);
	/* The first free is what counts: a second one is told with the place of the first. */
	if (index < 0 ||
	    (event == PLX_MBUF_FREED && pool->where && plx_load_relaxed(&pool->where[index]) == 0))
		return;
	track += index;
	if (event == PLX_MBUF_TOOK)
		*track = (struct plx_mbuf_track){0};
	track->code[event] = code;
	track->cycles[event] = plx_cycles();
	track->lcore[event] = (uint16_t)plx_lcore_id();
}

/* "taken by lcore 1 at plx-hello+0x1234 (main), 17 us ago" */
static size_t tell_event(const struct plx_mbuf_track *track, enum plx_mbuf_event event, char *text,
			 size_t bytes)
{
	static const char *const verbs[] = {"taken", "passed on", "freed"};
	uint64_t age_us = plx_cycles_to_ns(plx_cycles() - track->cycles[event]) / 1000;
	const char *file = "?";
	uintptr_t offset = (uintptr_t)track->code[event];
	char lcore[24] = "a thread";
	Dl_info info;
	int len;

	if (!track->code[event])
		return 0;
	if (dladdr(track->code[event], &info) && info.dli_fname) {
		const char *slash = strrchr(info.dli_fname, '/');

		file = slash ? slash + 1 : info.dli_fname;
		offset -= (uintptr_t)info.dli_fbase;
	} else {
		info.dli_sname = NULL;
	}
	if (track->lcore[event] < PLX_LCORE_MAX)
		snprintf(lcore, sizeof(lcore), "lcore %u", track->lcore[event]);
	len = snprintf(text, bytes, "%s by %s at %s+%#lx (%s) %llu us ago; ", verbs[event], lcore,
		       file, (unsigned long)offset, info.dli_sname ? info.dli_sname : "?",
		       (unsigned long long)age_us);
	return len < 0 ? 0 : plx_min_size((size_t)len, bytes - 1);
}

static void tell(struct plx_mempool *pool, uint32_t index, char *text, size_t bytes)
{
	const struct plx_mbuf_track *track = &table_of(pool)[index];
	size_t len = 0;

	text[0] = '\0';
	for (int event = 0; event < PLX_MBUF_EVENTS; event++)
		len += tell_event(track, (enum plx_mbuf_event)event, text + len, bytes - len);
	if (len >= 2)
		text[len - 2] = '\0';
}

int plx_mbuf_track_init(struct plx_mempool *pool)
{
	struct plx_mbuf_pool *own;

	if (!PLX_CHECK || !plx_eal_conf()->mbuf_track)
		return 0;
	own = plx_mempool_priv(pool);
	own->track = plx_mem_alloc(pool->nb_objs * sizeof(struct plx_mbuf_track), 0, pool->node);
	if (!own->track) {
		LOG_ERR("packet pool '%s': no memory to track %u mbufs", pool->name, pool->nb_objs);
		return -ENOMEM;
	}
	pool->tell = tell;
	return 0;
}
