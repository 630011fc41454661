/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segments of mapped memory, and those who watch them come and go. A watch hears of a segment when
 * its pages are there and before it is handed out, and again after its last use and before the
 * pages go; what it hears then is the same segment, since an IOMMU can't unmap half of what it
 * mapped.
 */
#include "mem_private.h"

#include <errno.h>
#include <string.h>

/* The segment that starts at @grain; returns its grains. */
static size_t segment_at(const struct plx_mem_heap *heap, size_t grain,
			 struct plx_mem_segment *segment)
{
	size_t nb = 1, end = heap->first_grain + heap->nb_grains;

	while (grain + nb < end && (plx_mem.grains[grain + nb].flags & PLX_MEM_MAPPED) &&
	       !(plx_mem.grains[grain + nb].flags & PLX_MEM_HEAD))
		nb++;
	*segment = (struct plx_mem_segment){
		.addr = (void *)plx_mem_grain_addr(grain),
		.iova = ~plx_mem.grains[grain].not_iova,
		.len_bytes = nb << plx_mem.grain_shift,
		.page_bytes = plx_mem.page_bytes,
		.node = heap->node,
	};
	return nb;
}

int plx_mem_space_walk(plx_mem_segment_fn fn, void *arg)
{
	int ret = 0;

	for (unsigned h = 0; h < plx_mem.nb_heaps; h++) {
		const struct plx_mem_heap *heap = &plx_mem.heaps[h];
		size_t grain = heap->first_grain;

		while (!ret && grain < heap->top_grain) {
			struct plx_mem_segment segment;

			if (!(plx_mem.grains[grain].flags & PLX_MEM_MAPPED)) {
				grain++;
				continue;
			}
			grain += segment_at(heap, grain, &segment);
			ret = fn(&segment, arg);
		}
	}
	return ret;
}

static void tell(const struct plx_mem_watch *watch, const struct plx_mem_segment *s)
{
	if (watch->removed)
		watch->removed(s->addr, s->iova, s->len_bytes, watch->arg);
}

/* All watches from @watch to the one before @stop hear it, the last first. */
static void tell_removed(const struct plx_mem_watch *watch, const struct plx_mem_watch *stop,
			 const struct plx_mem_segment *segment)
{
	if (watch == stop)
		return;
	tell_removed(watch->next, stop, segment);
	tell(watch, segment);
}

/* Tell one segment; those that had been told before a refusal are told that it goes. */
static int tell_added(const struct plx_mem_segment *s)
{
	struct plx_mem_watch *watch;
	int err;

	for (watch = plx_mem.watches; watch; watch = watch->next) {
		err = watch->added(s->addr, s->iova, s->len_bytes, watch->arg);
		if (err) {
			tell_removed(plx_mem.watches, watch, s);
			return err < 0 ? err : -EINVAL;
		}
	}
	return 0;
}

int plx_mem_watch_announce(const struct plx_mem_heap *heap, size_t first, size_t nb)
{
	struct plx_mem_segment segment;

	for (size_t done = 0; done < nb;) {
		size_t grains = segment_at(heap, first + done, &segment);
		int err = tell_added(&segment);

		if (err) {
			plx_mem_watch_withdraw(heap, first, done);
			return err;
		}
		done += grains;
	}
	return 0;
}

void plx_mem_watch_withdraw(const struct plx_mem_heap *heap, size_t first, size_t nb)
{
	struct plx_mem_segment segment;

	for (size_t i = 0; i < nb;) {
		i += segment_at(heap, first + i, &segment);
		tell_removed(plx_mem.watches, NULL, &segment);
	}
}

struct visit {
	struct plx_mem_watch *watch;
	const void *refused; /* the segment at this address, if any */
};

static int visit_added(const struct plx_mem_segment *s, void *arg)
{
	struct visit *visit = arg;
	int err = visit->watch->added(s->addr, s->iova, s->len_bytes, visit->watch->arg);

	if (err)
		visit->refused = s->addr;
	return err > 0 ? -EINVAL : err;
}

static int visit_removed(const struct plx_mem_segment *s, void *arg)
{
	const struct visit *visit = arg;

	if (s->addr == visit->refused)
		return 1;
	tell(visit->watch, s);
	return 0;
}

int plx_mem_watch_add(struct plx_mem_watch *watch)
{
	struct visit visit = {.watch = watch};
	struct plx_mem_watch **end;
	int err = plx_mem_lock("plx_mem_watch_add");

	if (err)
		return err;
	for (end = &plx_mem.watches; *end && *end != watch; end = &(*end)->next)
		;
	if (!watch || !watch->added)
		err = -EINVAL;
	else if (*end)
		err = -EEXIST;
	else
		err = plx_mem_space_walk(visit_added, &visit);
	if (!err) {
		watch->next = NULL;
		*end = watch;
	} else if (visit.refused) {
		plx_mem_space_walk(visit_removed, &visit);
		LOG_INFO("memory at %p can't be mapped for a device: %s", visit.refused,
			 strerror(-err));
	}
	plx_mem_unlock();
	return err;
}

int plx_mem_watch_del(struct plx_mem_watch *watch)
{
	struct visit visit = {.watch = watch};
	struct plx_mem_watch **at;
	int err;

	if (!watch)
		return 0;
	err = plx_mem_lock("plx_mem_watch_del");
	if (err)
		return err;
	for (at = &plx_mem.watches; *at && *at != watch; at = &(*at)->next)
		;
	if (*at) {
		plx_mem_space_walk(visit_removed, &visit);
		*at = watch->next;
		watch->next = NULL;
	} else {
		err = -ENOENT;
	}
	plx_mem_unlock();
	return err;
}

static int all_removed(const struct plx_mem_segment *segment, void *arg)
{
	(void)arg;
	tell_removed(plx_mem.watches, NULL, segment);
	return 0;
}

void plx_mem_watch_fini(void)
{
	plx_mem_space_walk(all_removed, NULL);
	while (plx_mem.watches) {
		struct plx_mem_watch *next = plx_mem.watches->next;

		plx_mem.watches->next = NULL;
		plx_mem.watches = next;
	}
}
