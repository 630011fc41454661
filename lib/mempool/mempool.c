/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pool's life and its way to the ring. The pool itself lies in a memzone "mp:NAME" and its
 * objects in "mo:NAME": the list of pools is the list of memzones, and ends with the EAL.
 *
 * pools_lock guards that list and the making of caches; the data path takes no lock but the ring's.
 */
#include <errno.h>
#include <pollux/eal.h>
#include <pollux/mem.h>
#include <pollux/ring_mem.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "mempool_private.h"

enum {
	STRIDE_ODD_BYTES = 1024, /* objects from this size on are an odd number of lines apart */
	TAKE_TRIES = 8,		 /* looks at a ring that others hold, some 10 us each */
	DENSE_BELOW = 64,	 /* objects a page, with IOVA = VA: then borders are crossed */
	FILL_BULK = 64,
	YIELDS = 16,
	NAP_FIRST_NS = 50000,
	NAP_MAX_NS = 800000,
};

struct plx_log_module plx_log_mempool = PLX_LOG_MODULE("mempool");

static const uint64_t POOL_MAGIC = 0x6c6f6f70786c7000; /* "\0plxpool" */

static pthread_mutex_t pools_lock = PTHREAD_MUTEX_INITIALIZER;

/* Threads that registered after the first pool was made; they may not be counted as such yet. */
static bool attached[PLX_LCORE_MAX];

/* ---- Checks and sizes ---- */

static int check_conf(const struct plx_mempool_conf *conf)
{
	uint32_t cache_max = PLX_MEMPOOL_CACHE_MAX;

	if (!conf->name || !*conf->name) {
		LOG_ERR("a pool wants a name");
		return -EINVAL;
	}
	if (strlen(conf->name) >= PLX_MEMPOOL_NAME_MAX) {
		LOG_ERR("pool '%s': the name is over %d bytes", conf->name,
			PLX_MEMPOOL_NAME_MAX - 1);
		return -ENAMETOOLONG;
	}
	if (conf->nb_objs < 1 || conf->nb_objs > PLX_MEMPOOL_OBJS_MAX) {
		LOG_ERR("pool '%s': %u objects; want 1 to %d", conf->name, conf->nb_objs,
			PLX_MEMPOOL_OBJS_MAX);
		return -EINVAL;
	}
	if (conf->obj_bytes < 1 || conf->obj_bytes > PLX_MEMPOOL_OBJ_BYTES_MAX) {
		LOG_ERR("pool '%s': objects of %u bytes; want 1 to %d", conf->name, conf->obj_bytes,
			PLX_MEMPOOL_OBJ_BYTES_MAX);
		return -EINVAL;
	}
	if (conf->priv_bytes > PLX_MEMPOOL_PRIV_BYTES_MAX) {
		LOG_ERR("pool '%s': a private area of %zu bytes; want 0 to %d", conf->name,
			conf->priv_bytes, PLX_MEMPOOL_PRIV_BYTES_MAX);
		return -EINVAL;
	}
	if (conf->nb_objs < cache_max)
		cache_max = conf->nb_objs;
	if (conf->cache_size > cache_max) {
		LOG_ERR("pool '%s': a cache of %u objects; want 0 to %u", conf->name,
			conf->cache_size, cache_max);
		return -EINVAL;
	}
	return 0;
}

static uint32_t stride_of(uint32_t obj_bytes)
{
	uint32_t stride = (uint32_t)plx_align_up(obj_bytes, PLX_CACHE_LINE);

	if (stride >= STRIDE_ODD_BYTES && (stride / PLX_CACHE_LINE) % 2 == 0)
		stride += PLX_CACHE_LINE;
	return stride;
}

/* ---- Caches ---- */

_Static_assert(sizeof(struct plx_mempool_cache) <= PLX_CACHE_LINE, "no_cache is one without room");

static struct plx_mempool_cache *no_cache(struct plx_mempool *pool)
{
	return (struct plx_mempool_cache *)(void *)pool->no_cache;
}

static struct plx_mempool_cache *cache_create(const struct plx_mempool *pool, unsigned lcore)
{
	uint32_t cap = pool->cache_size + pool->cache_size / 2;
	size_t bytes = sizeof(struct plx_mempool_cache) + cap * sizeof(void *);
	int node = plx_lcore_node(lcore);
	struct plx_mempool_cache *cache;

	cache = plx_mem_alloc(bytes, PLX_CACHE_LINE, node);
	if (!cache)
		return NULL;
	cache->size = pool->cache_size;
	cache->cap = cap;
	return cache;
}

static int add_cache(struct plx_mempool *pool, unsigned lcore)
{
	struct plx_mempool_cache *cache;

	if (pool->cache_size == 0 || pool->caches[lcore] != no_cache(pool))
		return 0;
	cache = cache_create(pool, lcore);
	if (!cache) {
		LOG_ERR("pool '%s': no memory for the cache of lcore %u", pool->name, lcore);
		return -ENOMEM;
	}
	/* Release: pairs with the acquire of who counts; the owner comes by its registration. */
	plx_store_release(&pool->caches[lcore], cache);
	return 0;
}

static int add_caches(struct plx_mempool *pool)
{
	int ret = 0;

	for (unsigned id = 0; id <= PLX_LCORE_MAX; id++)
		pool->caches[id] = no_cache(pool);
	for (unsigned id = 0; id < PLX_LCORE_MAX && !ret; id++)
		if (plx_lcore_is_enabled(id) || plx_lcore_is_registered(id) || attached[id])
			ret = add_cache(pool, id);
	return ret;
}

static void remove_caches(struct plx_mempool *pool)
{
	for (unsigned id = 0; id < PLX_LCORE_MAX; id++)
		if (pool->caches[id] != no_cache(pool))
			plx_mem_free(pool->caches[id]);
}

/* ---- The list of pools ---- */

struct visit {
	struct plx_mempool **pools;
	size_t nb, room;
};

/* A zone of that name may be somebody else's. */
static bool is_pool(const struct plx_memzone *zone)
{
	const struct plx_mempool *pool = zone->addr;

	return strncmp(zone->name, "mp:", 3) == 0 && zone->len_bytes >= sizeof(*pool) &&
	       pool->magic == POOL_MAGIC && pool->zone == zone;
}

static int collect(const struct plx_memzone *zone, void *arg)
{
	struct visit *visit = arg;

	if (!is_pool(zone))
		return 0;
	if (visit->nb < visit->room)
		visit->pools[visit->nb] = zone->addr;
	visit->nb++;
	return 0;
}

/* All pools, in a table for the caller to free; pools_lock is held, so none comes or goes. */
static int list_pools(struct visit *visit)
{
	*visit = (struct visit){0};
	plx_memzone_walk(collect, visit);
	if (visit->nb == 0)
		return 0;
	visit->pools = calloc(visit->nb, sizeof(struct plx_mempool *));
	if (!visit->pools)
		return -ENOMEM;
	visit->room = visit->nb;
	visit->nb = 0;
	plx_memzone_walk(collect, visit);
	return 0;
}

static void for_each(void (*fn)(struct plx_mempool *pool, void *arg), void *arg, bool unready)
{
	struct visit visit;

	pthread_mutex_lock(&pools_lock);
	if (list_pools(&visit))
		LOG_ERR("no memory to list the pools");
	for (size_t i = 0; visit.pools && i < visit.nb; i++)
		if (unready || plx_load_acquire(&visit.pools[i]->ready))
			fn(visit.pools[i], arg);
	pthread_mutex_unlock(&pools_lock);
	free(visit.pools);
}

void plx_mempool_foreach(void (*fn)(struct plx_mempool *pool, void *arg), void *arg)
{
	for_each(fn, arg, false);
}

struct search {
	const struct plx_mempool *pool;
	bool found;
};

static void compare(struct plx_mempool *pool, void *arg)
{
	struct search *search = arg;

	search->found |= pool == search->pool;
}

bool plx_mempool_exists_(const struct plx_mempool *pool)
{
	struct search search = {.pool = pool};

	for_each(compare, &search, true);
	return search.found;
}

static const struct plx_memzone *zone_of(const char *prefix, const char *name)
{
	char zone_name[PLX_MEMPOOL_NAME_MAX + 4];

	snprintf(zone_name, sizeof(zone_name), "%s:%s", prefix, name);
	return plx_memzone_lookup(zone_name);
}

struct plx_mempool *plx_mempool_lookup(const char *name)
{
	const struct plx_memzone *zone;
	struct plx_mempool *pool = NULL;

	if (!name || strlen(name) >= PLX_MEMPOOL_NAME_MAX)
		return NULL;
	/* Under the lock: the zone is there before the pool in it is made. */
	pthread_mutex_lock(&pools_lock);
	zone = zone_of("mp", name);
	if (zone && is_pool(zone))
		pool = zone->addr;
	/* Acquire: pairs with the release at the end of plx_mempool_create(). */
	if (pool && !plx_load_acquire(&pool->ready))
		pool = NULL;
	pthread_mutex_unlock(&pools_lock);
	return pool;
}

/* ---- Threads that register and go ---- */

static int on_attach(unsigned lcore, void *arg)
{
	struct visit visit;
	int ret;

	(void)arg;
	pthread_mutex_lock(&pools_lock);
	ret = list_pools(&visit);
	for (size_t i = 0; i < visit.nb && !ret; i++)
		ret = add_cache(visit.pools[i], lcore);
	if (!ret)
		attached[lcore] = true;
	pthread_mutex_unlock(&pools_lock);
	free(visit.pools);
	return ret;
}

static void to_ring(struct plx_mempool *pool, void *const *objs, uint32_t n);

/* The cache stays, empty, for the next thread that gets this id: counts may be reading it. */
static void flush_one(struct plx_mempool *pool, void *arg)
{
	struct plx_mempool_cache *cache = pool->caches[*(unsigned *)arg];

	/* Atomic, since it may be the empty cache that threads without one share. */
	if (plx_load_relaxed(&cache->len) == 0)
		return;
	to_ring(pool, cache->objs, cache->len);
	plx_store_relaxed(&cache->len, 0);
}

static void on_detach(unsigned lcore, void *arg)
{
	(void)arg;
	for_each(flush_one, &lcore, true);
	pthread_mutex_lock(&pools_lock);
	attached[lcore] = false;
	pthread_mutex_unlock(&pools_lock);
}

static struct plx_lcore_watch watch = {.attach = on_attach, .detach = on_detach};

/* ---- Life ---- */

static int reserve(const char *prefix, const char *name, size_t bytes, int node, size_t align,
		   size_t bound, const struct plx_memzone **zone)
{
	char zone_name[PLX_MEMPOOL_NAME_MAX + 4];

	snprintf(zone_name, sizeof(zone_name), "%s:%s", prefix, name);
	return plx_memzone_reserve(zone_name, bytes, node, 0, align, bound, zone);
}

/*
 * Objects keep off the borders of pages: by the zone's bound when all of them fit into one page,
 * else by leaving each page's tail free. With IOVA = PA only a page is contiguous for a device;
 * with VA all is, and it saves a device the second translation (an emulated card reads no further
 * than the first); there it is done where it costs at most a 64th of the memory.
 */
static int place_objs(struct plx_mempool *pool, const struct plx_memzone **zone)
{
	const struct plx_memzone *own = pool->zone;
	size_t page = own->page_bytes;
	size_t dense = (size_t)pool->nb_objs * pool->stride_bytes;

	pool->page_bytes = page;
	pool->objs_per_page = pool->nb_objs;
	if (plx_mem_iova_mode() != PLX_IOVA_PA && page / pool->stride_bytes < DENSE_BELOW)
		return reserve("mo", pool->name, dense, pool->node, PLX_CACHE_LINE, 0, zone);
	if (pool->stride_bytes > page) {
		LOG_ERR("pool '%s': objects of %u bytes do not fit into a page of %zu; choose "
			"larger hugepages or IOVA as VA",
			pool->name, pool->stride_bytes, page);
		return -EINVAL;
	}
	if (dense <= page)
		return reserve("mo", pool->name, dense, pool->node, PLX_CACHE_LINE, page, zone);
	pool->objs_per_page = (uint32_t)(page / pool->stride_bytes);
	dense = (pool->nb_objs + pool->objs_per_page - 1) / pool->objs_per_page * page;
	return reserve("mo", pool->name, dense, pool->node, page, 0, zone);
}

void *plx_mempool_obj(const struct plx_mempool *pool, uint32_t index)
{
	size_t page = index / pool->objs_per_page;
	size_t in_page = index % pool->objs_per_page;

	return pool->objs + page * pool->page_bytes + in_page * pool->stride_bytes;
}

int64_t plx_mempool_index(const struct plx_mempool *pool, const void *obj)
{
	uintptr_t offset = (uintptr_t)obj - (uintptr_t)pool->objs;
	uint64_t page = 0, index;

	if (pool->objs_per_page < pool->nb_objs) {
		page = offset / pool->page_bytes;
		offset %= pool->page_bytes;
	}
	index = offset / pool->stride_bytes;
	if (offset % pool->stride_bytes || index >= pool->objs_per_page)
		return -EINVAL;
	index += page * pool->objs_per_page;
	return index < pool->nb_objs ? (int64_t)index : -EINVAL;
}

static void fill(struct plx_mempool *pool, const struct plx_mempool_conf *conf)
{
	void *objs[FILL_BULK];
	uint32_t nb = 0;

	for (uint32_t i = 0; i < pool->nb_objs; i++) {
		objs[nb] = plx_mempool_obj(pool, i);
		if (conf->init)
			conf->init(pool, objs[nb], i, conf->init_arg);
		if (++nb == FILL_BULK) {
			to_ring(pool, objs, nb);
			nb = 0;
		}
	}
	to_ring(pool, objs, nb);
}

/* What lies behind the pool's own struct: priv and, in checked builds, the table `where`. */
static size_t own_bytes(const struct plx_mempool_conf *conf)
{
	size_t bytes = sizeof(struct plx_mempool);

	bytes += plx_align_up(conf->priv_bytes, PLX_CACHE_LINE);
	return PLX_CHECK ? bytes + conf->nb_objs : bytes;
}

static struct plx_mempool *lay_out(const struct plx_memzone *zone,
				   const struct plx_mempool_conf *conf)
{
	struct plx_mempool *pool = zone->addr;
	char *behind = (char *)(pool + 1);

	pool->magic = POOL_MAGIC;
	pool->zone = zone;
	pool->nb_objs = conf->nb_objs;
	pool->obj_bytes = conf->obj_bytes;
	pool->stride_bytes = stride_of(conf->obj_bytes);
	pool->cache_size = conf->cache_size;
	pool->node = conf->node;
	strcpy(pool->name, conf->name);
	if (conf->priv_bytes)
		pool->priv = behind;
	if (PLX_CHECK)
		pool->where = (uint8_t *)behind + plx_align_up(conf->priv_bytes, PLX_CACHE_LINE);
	return pool;
}

static int create_locked(const struct plx_mempool_conf *conf, struct plx_mempool **out)
{
	const struct plx_memzone *own, *objs;
	struct plx_mempool *pool;
	int ret;

	if (zone_of("mp", conf->name)) {
		LOG_ERR("pool '%s': there is one of that name", conf->name);
		return -EEXIST;
	}
	ret = reserve("mp", conf->name, own_bytes(conf), conf->node, PLX_CACHE_LINE, 0, &own);
	if (ret)
		return ret;
	pool = lay_out(own, conf);
	ret = place_objs(pool, &objs);
	if (ret)
		goto free_own;
	pool->objs = objs->addr;
	ret = plx_ring_create(pool->name, plx_max_u32(2, plx_next_pow2_u32(pool->nb_objs)),
			      pool->node, &pool->ring);
	if (ret)
		goto free_objs;
	ret = add_caches(pool);
	if (ret)
		goto free_caches;
	*out = pool;
	return 0;

free_caches:
	remove_caches(pool);
	plx_ring_destroy(pool->ring);
free_objs:
	plx_memzone_free(objs);
free_own:
	plx_memzone_free(own);
	return ret;
}

int plx_mempool_create(const struct plx_mempool_conf *conf, struct plx_mempool **pool)
{
	struct plx_mempool *made;
	int ret = check_conf(conf);

	if (ret)
		return ret;
	/* Before the lock: attach calls come with the lcores' lock held and take ours. */
	ret = plx_lcore_watch_add(&watch);
	if (ret && ret != -EEXIST) {
		LOG_ERR("pool '%s': the EAL does not run", conf->name);
		return ret;
	}
	pthread_mutex_lock(&pools_lock);
	ret = create_locked(conf, &made);
	pthread_mutex_unlock(&pools_lock);
	if (ret)
		return ret;
	/* Not under the lock: the caller's functions may look at other pools. */
	ret = conf->setup ? conf->setup(made, conf->init_arg) : 0;
	if (ret) {
		plx_mempool_destroy(made);
		return ret;
	}
	fill(made, conf);
	/* Release: pairs with the acquire of who looks it up. */
	plx_store_release(&made->ready, 1);
	*pool = made;
	return 0;
}

void plx_mempool_destroy(struct plx_mempool *pool)
{
	uint32_t in_use;

	if (!pool)
		return;
	pthread_mutex_lock(&pools_lock);
	in_use = plx_mempool_in_use(pool);
	if (in_use && pool->ready)
		plx_mempool_tell_out(pool, in_use);
	remove_caches(pool);
	plx_ring_destroy(pool->ring);
	plx_memzone_free(zone_of("mo", pool->name));
	plx_memzone_free(pool->zone);
	pthread_mutex_unlock(&pools_lock);
}

/* ---- The slow half of the data path ---- */

/* Who holds the ring may have a lower priority than we, and then only sleeping lets it run. */
static void give_way(unsigned tries)
{
	struct timespec nap = {.tv_nsec = NAP_FIRST_NS};

	if (tries < YIELDS) {
		sched_yield();
		return;
	}
	for (tries -= YIELDS; tries > 0 && nap.tv_nsec < NAP_MAX_NS; tries--)
		nap.tv_nsec *= 2;
	nanosleep(&nap, NULL);
}

/* The ring is large enough for all objects: 0 means that others hold it, or objects too many. */
static void to_ring(struct plx_mempool *pool, void *const *objs, uint32_t n)
{
	unsigned overfull = 0;

	for (unsigned tries = 0; n > 0; tries++) {
		if (plx_ring_mp_enqueue_bulk(pool->ring, objs, n))
			return;
		overfull = plx_ring_free_count(pool->ring) < n ? overfull + 1 : 0;
		if (overfull == TAKE_TRIES) {
			LOG_ERR("pool '%s': more objects come back than there are; %u dropped. "
				"Something is freed twice: a debug build tells what",
				pool->name, n);
			return;
		}
		give_way(tries);
	}
}

/* Bulk or burst. Bounded: other threads may hold the ring only for TAKE_TRIES rounds of looks. */
static uint32_t from_ring(struct plx_mempool *pool, void **objs, uint32_t n, bool burst)
{
	uint32_t got;

	for (unsigned i = 0; i < TAKE_TRIES; i++) {
		got = burst ? plx_ring_mc_dequeue_burst(pool->ring, objs, n)
			    : plx_ring_mc_dequeue_bulk(pool->ring, objs, n);
		if (got > 0 || plx_ring_count(pool->ring) < (burst ? 1 : n))
			return got;
		sched_yield();
	}
	return 0;
}

uint32_t plx_mempool_get_slow_(struct plx_mempool *pool, void **objs, uint32_t n)
{
	struct plx_mempool_cache *cache = pool->caches[plx_lcore_id()];
	uint32_t len = plx_load_relaxed(&cache->len);

	if (n <= cache->size) {
		len += from_ring(pool, &cache->objs[len], cache->size - len, true);
		if (len < n)
			n = 0;
		memcpy(objs, &cache->objs[len - n], n * sizeof(void *));
		plx_store_relaxed(&cache->len, len - n);
		return n;
	}
	/* More than the cache ever holds: past it, unless it takes both together. */
	if (from_ring(pool, objs, n, false))
		return n;
	if (len == 0 || !from_ring(pool, objs + len, n - len, false))
		return 0;
	memcpy(objs, cache->objs, len * sizeof(void *));
	plx_store_relaxed(&cache->len, 0);
	return n;
}

void plx_mempool_put_slow_(struct plx_mempool *pool, void *const *objs, uint32_t n)
{
	struct plx_mempool_cache *cache = pool->caches[plx_lcore_id()];
	uint32_t len = plx_load_relaxed(&cache->len);
	uint32_t oldest;

	if (n > cache->size) {
		to_ring(pool, objs, n);
		return;
	}
	/* The oldest go, the warm ones stay. */
	oldest = plx_min_u32(len, cache->size);
	to_ring(pool, cache->objs, oldest);
	len -= oldest;
	memmove(cache->objs, &cache->objs[oldest], len * sizeof(void *));
	memcpy(&cache->objs[len], objs, n * sizeof(void *));
	plx_store_relaxed(&cache->len, len + n);
}

extern inline void *plx_mempool_priv(const struct plx_mempool *pool);
extern inline void plx_mempool_copy_wide_(void **to, void *const *from, uint32_t n);
extern inline void plx_mempool_copy_words_(void **to, void *const *from, uint32_t n);
extern inline void plx_mempool_copy_(void **to, void *const *from, uint32_t n, const void *stack);
extern inline uint32_t plx_mempool_get_bulk(struct plx_mempool *pool, void **objs, uint32_t n);
extern inline void *plx_mempool_get(struct plx_mempool *pool);
extern inline void plx_mempool_put_checked_(struct plx_mempool *pool, void *const *objs,
					    uint32_t n);
extern inline void plx_mempool_put_bulk(struct plx_mempool *pool, void *const *objs, uint32_t n);
extern inline void plx_mempool_put(struct plx_mempool *pool, void *obj);
