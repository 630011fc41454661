/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pools of objects of one size in hugepage memory, with a cache for each lcore.
 *
 * An object at home lies in the pool's ring or in the cache of one lcore. The cache is a stack that
 * only its lcore touches, so taking and giving back is a copy of pointers without a lock; objects
 * cross to the ring, and to other lcores, some hundred at a time. What was given back last is taken
 * first, while it is warm.
 *
 * A thread that is no lcore goes to the ring directly, which costs an atomic operation a call.
 * Threads that the application registers (plx_lcore_register()) get caches when they do.
 */
#ifndef POLLUX_MEMPOOL_H
#define POLLUX_MEMPOOL_H

#include <pollux/atomic.h>
#include <pollux/compiler.h>
#include <pollux/lcore.h>
#include <pollux/ring.h>
#include <stdio.h>
#include <string.h>

PLX_BEGIN_DECLS

enum {
	PLX_MEMPOOL_NAME_MAX = 24,	      /* bytes, with the ending zero */
	PLX_MEMPOOL_CACHE_MAX = 4096,	      /* objects in an lcore's cache */
	PLX_MEMPOOL_OBJS_MAX = 1 << 28,	      /* objects in a pool */
	PLX_MEMPOOL_OBJ_BYTES_MAX = 1 << 24,  /* bytes of an object */
	PLX_MEMPOOL_PRIV_BYTES_MAX = 1 << 24, /* bytes of the owner's area */
};

struct plx_mempool;

/** Called for one object; see plx_mempool_conf.init and plx_mempool_walk(). */
typedef void (*plx_mempool_obj_fn)(struct plx_mempool *pool, void *obj, uint32_t index, void *arg);

/** Tell in @text (@bytes long) who had an object last; used in the lines of checked builds. */
typedef void (*plx_mempool_tell_fn)(struct plx_mempool *pool, uint32_t index, char *text,
				    size_t bytes);

/** Called once for a new pool, before its objects are made; anything but 0 refuses it. */
typedef int (*plx_mempool_setup_fn)(struct plx_mempool *pool, void *arg);

/**
 * What a pool should be; zero is the default of each field but the first three. That is NUMA node 0
 * for `node`: say PLX_NODE_ANY where it does not matter.
 *
 * Each lcore that gives objects back may keep 1.5 * cache_size of them, which others can't have:
 * where objects are taken by one lcore and given back by another, nb_objs has to be larger than
 * what is under way by that much for each of the latter.
 */
struct plx_mempool_conf {
	const char *name;    /* unique              [1, PLX_MEMPOOL_NAME_MAX - 1] bytes */
	uint32_t nb_objs;    /*                     [1, PLX_MEMPOOL_OBJS_MAX] */
	uint32_t obj_bytes;  /*                     [1, PLX_MEMPOOL_OBJ_BYTES_MAX] */
	uint32_t cache_size; /* objects a lcore     [0, min(PLX_MEMPOOL_CACHE_MAX, nb_objs)] */
	int node;	     /* NUMA node, or PLX_NODE_ANY */
	size_t priv_bytes;   /* for plx_mempool_priv() [0, PLX_MEMPOOL_PRIV_BYTES_MAX] */
	plx_mempool_setup_fn setup; /* may be NULL */
	plx_mempool_obj_fn init;    /* called once for each object, which is zeroed; may be NULL */
	void *init_arg;		    /* for both */
};

/* One lcore's stack of objects; touched by that lcore only. */
struct plx_mempool_cache {
	uint32_t len;			/* objects in it; written by the owner, read by counts */
	uint32_t cap;			/* give back past this and some move to the ring */
	uint32_t size;			/* filled up to this from the ring */
	void *objs[] PLX_CACHE_ALIGNED; /* cap */
};

/* Read-only once made, but for what caches[] and ring point at. */
struct plx_mempool {
	/* By lcore id. The last entry is for threads that are no lcore: it leads to no_cache, which
	 * is always empty and always full, as does the entry of an id that has no thread. */
	struct plx_mempool_cache *caches[PLX_LCORE_MAX + 1];
	char no_cache[PLX_CACHE_LINE] PLX_CACHE_ALIGNED;
	struct plx_ring *ring;
	char *objs;
	uint32_t nb_objs;
	uint32_t obj_bytes;	/* asked for */
	uint32_t stride_bytes;	/* from one object to the next */
	uint32_t objs_per_page; /* between page borders; nb_objs when borders do not matter */
	size_t page_bytes;
	uint32_t cache_size;
	int node;
	char name[PLX_MEMPOOL_NAME_MAX];
	void *priv;
	uint8_t *where; /* checked builds: PLX_MEMPOOL_HOME or _OUT, by index */
	plx_mempool_tell_fn tell;
	const struct plx_memzone *zone;
	uint64_t magic; /* tells the pool's zone from others' */
	uint32_t ready; /* 1 once all objects are at home; till then nobody finds it by name */
};

/* ---- Life: control path, any thread, takes a lock ---- */

/**
 * Make a pool with all objects at home.
 *
 * Objects start on cache lines. Those of 1 KB and more are an odd number of lines apart, so that
 * their first lines spread over all sets of the cache. With IOVA = PA none crosses a page border;
 * with VA neither, where 64 or more fit into a page.
 *
 * @conf   see there; not kept
 * @pool   out: the pool
 * Returns 0, -EINVAL (one line names the field), -EEXIST (name), -ENAMETOOLONG, -ENODEV (the EAL
 *         does not run), -ENOMEM (the memory module's line says what is missing).
 * Owner   the caller, who gives it to plx_mempool_destroy() before plx_eal_fini().
 */
PLX_API PLX_MUST_CHECK int plx_mempool_create(const struct plx_mempool_conf *conf,
					      struct plx_mempool **pool);

/**
 * Give the pool's memory back. Objects that are still out become invalid; a warning counts them.
 * NULL is legal. No thread uses the pool any more.
 */
PLX_API void plx_mempool_destroy(struct plx_mempool *pool);

/** The pool of that name, or NULL. Stays valid until its owner destroys it. */
PLX_API struct plx_mempool *plx_mempool_lookup(const char *name);

/** Call @fn for each pool. @fn must not create, destroy or look up pools. */
PLX_API void plx_mempool_foreach(void (*fn)(struct plx_mempool *pool, void *arg), void *arg);

/* True while @pool is a pool, ready or not; it may point anywhere. */
PLX_API bool plx_mempool_exists_(const struct plx_mempool *pool);

/* ---- State: any thread ---- */

/**
 * Objects at home, in the ring and in all caches. Exact while nobody uses the pool; otherwise off
 * by what is being moved at the moment.
 *
 * Returns [0, nb_objs].
 */
PLX_API uint32_t plx_mempool_avail(const struct plx_mempool *pool);

/** nb_objs - plx_mempool_avail(): exact on the same condition. */
PLX_API uint32_t plx_mempool_in_use(const struct plx_mempool *pool);

/** priv_bytes of memory for the pool's owner, zeroed at create; NULL when none were asked for. */
PLX_INLINE void *plx_mempool_priv(const struct plx_mempool *pool)
{
	return pool->priv;
}

/** Object @index of the pool, at home or out. @index in [0, nb_objs). */
PLX_API void *plx_mempool_obj(const struct plx_mempool *pool, uint32_t index);

/** The index of @obj [0, nb_objs), or -EINVAL when @obj is not the start of one of its objects. */
PLX_API int64_t plx_mempool_index(const struct plx_mempool *pool, const void *obj);

/** Call @fn for each object of the pool, at home or out, by ascending index. */
PLX_API void plx_mempool_walk(struct plx_mempool *pool, plx_mempool_obj_fn fn, void *arg);

/**
 * Check the whole pool: each object at home is the pool's own and is there once, and (checked
 * builds) is marked as being there. The pool has to be quiet.
 *
 * Returns 0, -ENOMEM, or -EUCLEAN after one line for each of the first 10 faults.
 */
PLX_API PLX_MUST_CHECK int plx_mempool_audit(struct plx_mempool *pool);

/** Write layout and counts, by cache, to @out for a human. A snapshot. */
PLX_API void plx_mempool_dump(const struct plx_mempool *pool, FILE *out);

/* ---- The slow half of the data path ---- */

PLX_API PLX_COLD uint32_t plx_mempool_get_slow_(struct plx_mempool *pool, void **objs, uint32_t n);
PLX_API PLX_COLD void plx_mempool_put_slow_(struct plx_mempool *pool, void *const *objs,
					    uint32_t n);

/* PLX_CHECK builds: mark objects as taken or as given back; what is not legal is logged. */
PLX_API void plx_mempool_check_get_(struct plx_mempool *pool, void *const *objs, uint32_t n);
PLX_API bool plx_mempool_check_put_(struct plx_mempool *pool, void *obj);

/* ---- The data path ---- */

/* Pointers from one table to another, a line at a time in wide moves. */
PLX_INLINE void plx_mempool_copy_wide_(void **to, void *const *from, uint32_t n)
{
	for (; n >= 8; n -= 8, to += 8, from += 8)
		memcpy(to, from, 8 * sizeof(void *));
	if (n & 4) {
		memcpy(to, from, 4 * sizeof(void *));
		to += 4;
		from += 4;
	}
	if (n & 2) {
		memcpy(to, from, 2 * sizeof(void *));
		to += 2;
		from += 2;
	}
	if (n & 1)
		*to = *from;
}

/* The same word by word; the relaxed stores keep the compiler from making wide moves of them. */
PLX_INLINE void plx_mempool_copy_words_(void **to, void *const *from, uint32_t n)
{
	for (; n >= 8; n -= 8, to += 8, from += 8) {
		void *a = from[0], *b = from[1], *c = from[2], *d = from[3];
		void *e = from[4], *f = from[5], *g = from[6], *h = from[7];

		plx_store_relaxed(&to[0], a);
		plx_store_relaxed(&to[1], b);
		plx_store_relaxed(&to[2], c);
		plx_store_relaxed(&to[3], d);
		plx_store_relaxed(&to[4], e);
		plx_store_relaxed(&to[5], f);
		plx_store_relaxed(&to[6], g);
		plx_store_relaxed(&to[7], h);
	}
	for (; n > 0; n--)
		plx_store_relaxed(to++, *from++);
}

/*
 * Pointers between a cache and the caller's table. Few go word by word: what was just put is
 * forwarded to the get that follows sooner than in wide moves. Many go in wide moves, of which
 * there are the fewer to store, and which must not lie across a line's end in the cache: @stack
 * is the place there.
 */
PLX_INLINE void plx_mempool_copy_(void **to, void *const *from, uint32_t n, const void *stack)
{
	if (n < 16) {
		plx_mempool_copy_words_(to, from, n);
	} else if (plx_likely((uintptr_t)stack % 16 == 0)) {
		plx_mempool_copy_wide_(to, from, n);
	} else {
		to[0] = from[0];
		plx_mempool_copy_wide_(to + 1, from + 1, n - 1);
	}
}

/**
 * Take objects out of the pool.
 *
 * @objs   out: room for @n pointers; all are written, or none
 * @n      objects wanted               [0, nb_objs]
 * Returns @n, or 0: there are not so many in the ring and the caller's own cache (those in other
 *         lcores' caches can't be had), or other threads held the ring for long.
 * Owner   the caller, until plx_mempool_put*(). Objects come as they were given back.
 * Thread  any, not from a signal handler; an lcore takes no lock while its cache holds.
 */
PLX_INLINE uint32_t plx_mempool_get_bulk(struct plx_mempool *pool, void **objs, uint32_t n)
{
	struct plx_mempool_cache *cache = pool->caches[plx_lcore_id()];
	/* Atomic for the threads that share the empty cache: n = 0 writes its 0 again. */
	uint32_t len = plx_load_relaxed(&cache->len);

	if (plx_likely(len >= n)) {
		len -= n;
		plx_mempool_copy_(objs, &cache->objs[len], n, &cache->objs[len]);
		plx_store_relaxed(&cache->len, len);
	} else {
		n = plx_mempool_get_slow_(pool, objs, n);
	}
#if PLX_CHECK
	plx_mempool_check_get_(pool, objs, n);
#endif
	return n;
}

/** As plx_mempool_get_bulk(), one object; NULL when there is none. */
PLX_INLINE void *plx_mempool_get(struct plx_mempool *pool)
{
	void *obj = NULL;

	plx_mempool_get_bulk(pool, &obj, 1);
	return obj;
}

/* As plx_mempool_put_bulk(), for objects that were checked. */
PLX_INLINE void plx_mempool_put_checked_(struct plx_mempool *pool, void *const *objs, uint32_t n)
{
	struct plx_mempool_cache *cache = pool->caches[plx_lcore_id()];
	uint32_t len = plx_load_relaxed(&cache->len);

	if (plx_likely(len + n <= cache->cap)) {
		plx_mempool_copy_(&cache->objs[len], objs, n, &cache->objs[len]);
		plx_store_relaxed(&cache->len, len + n);
	} else {
		plx_mempool_put_slow_(pool, objs, n);
	}
}

/**
 * Give objects back. Never fails.
 *
 * @objs   @n objects of this pool, each of them out
 * @n      objects                      [0, nb_objs]
 * Owner   the pool. Checked builds keep a foreign object, or one that is at home already, out of
 *         it and log a line; others trust the caller.
 * Thread  any, not only the one that took them; not from a signal handler. An lcore takes no lock
 *         while its cache has room; a full cache, and a thread without one, wait until they get the
 *         ring, and sleep when who holds it does not run.
 */
PLX_INLINE void plx_mempool_put_bulk(struct plx_mempool *pool, void *const *objs, uint32_t n)
{
#if PLX_CHECK
	for (uint32_t i = 0; i < n; i++)
		if (plx_mempool_check_put_(pool, objs[i]))
			plx_mempool_put_checked_(pool, &objs[i], 1);
#else
	plx_mempool_put_checked_(pool, objs, n);
#endif
}

/** As plx_mempool_put_bulk(), one object. */
PLX_INLINE void plx_mempool_put(struct plx_mempool *pool, void *obj)
{
	plx_mempool_put_bulk(pool, &obj, 1);
}

PLX_END_DECLS

#endif
