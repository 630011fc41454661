/* SPDX-License-Identifier: BSD-3-Clause */
/* Pools: making and destroying them, every refusal, names, indices, walk, dump. */
#include "pool_env.h"

#include <pollux/eal.h>
#include <pollux/ring_mem.h>

TestSuite(mempool, .init = start_pools, .fini = end_pools);

/* ---- Refusals ---- */

static const struct {
	struct plx_mempool_conf conf;
	int ret;
	const char *module;
	const char *words[4];
} refusals[] = {
	{{.nb_objs = 1, .obj_bytes = 1}, -EINVAL, "mempool", {"name"}},
	{{.name = "", .nb_objs = 1, .obj_bytes = 1}, -EINVAL, "mempool", {"name"}},
	{{.name = "123456789012345678901234", .nb_objs = 1, .obj_bytes = 1},
	 -ENAMETOOLONG,
	 "mempool",
	 {"'123456789012345678901234'", "23 bytes"}},
	{{.name = "p", .obj_bytes = 1}, -EINVAL, "mempool", {"'p'", "0 objects", "1 to 268435456"}},
	{{.name = "p", .nb_objs = PLX_MEMPOOL_OBJS_MAX + 1, .obj_bytes = 1},
	 -EINVAL,
	 "mempool",
	 {"'p'", "268435457 objects", "1 to 268435456"}},
	{{.name = "p", .nb_objs = 1}, -EINVAL, "mempool", {"'p'", "0 bytes", "1 to 16777216"}},
	{{.name = "p", .nb_objs = 1, .obj_bytes = PLX_MEMPOOL_OBJ_BYTES_MAX + 1},
	 -EINVAL,
	 "mempool",
	 {"'p'", "16777217 bytes", "1 to 16777216"}},
	{{.name = "p", .nb_objs = 100, .obj_bytes = 1, .cache_size = 101},
	 -EINVAL,
	 "mempool",
	 {"'p'", "cache of 101", "0 to 100"}},
	{{.name = "p", .nb_objs = 9999, .obj_bytes = 1, .cache_size = PLX_MEMPOOL_CACHE_MAX + 1},
	 -EINVAL,
	 "mempool",
	 {"'p'", "cache of 4097", "0 to 4096"}},
	{{.name = "p", .nb_objs = 1, .obj_bytes = 1, .priv_bytes = PLX_MEMPOOL_PRIV_BYTES_MAX + 1},
	 -EINVAL,
	 "mempool",
	 {"'p'", "16777217 bytes", "0 to 16777216"}},
	{{.name = "p", .nb_objs = 1, .obj_bytes = 1, .priv_bytes = SIZE_MAX},
	 -EINVAL,
	 "mempool",
	 {"'p'", "18446744073709551615 bytes"}},
	{{.name = "p", .nb_objs = 1, .obj_bytes = 1, .node = PLX_NODE_MAX},
	 -EINVAL,
	 "eal",
	 {"node"}},
	{{.name = "p", .nb_objs = 1, .obj_bytes = 1, .node = -2}, -EINVAL, "eal", {"node"}},
};

Test(mempool, each_wrong_field_is_named_in_one_line)
{
	struct plx_mem_stats before = mem_stats();

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(refusals); i++) {
		struct plx_mempool *pool = (void *)&before;
		int ret;

		log_lines_start();
		ret = plx_mempool_create(&refusals[i].conf, &pool);
		cr_assert_eq(ret, refusals[i].ret, "case %u: %d, want %d", i, ret, refusals[i].ret);
		cr_assert_eq(pool, (void *)&before, "case %u: the out-pointer was written", i);
		assert_one_line(refusals[i].module, PLX_LOG_ERR, refusals[i].words[0],
				refusals[i].words[1], refusals[i].words[2]);
	}
	assert_no_leak(before);
}

Test(mempool, names_are_unique_and_free_again)
{
	struct plx_mempool *pool = pool_new("12345678901234567890123", 1, 1, 0);
	struct plx_mempool_conf conf = {
		.name = "12345678901234567890123", .nb_objs = 1, .obj_bytes = 1};
	struct plx_mempool *other = NULL;
	int ret = plx_mempool_create(&conf, &other);

	cr_assert_eq(ret, -EEXIST, "%d", ret);
	assert_one_line("mempool", PLX_LOG_ERR, "'12345678901234567890123'");
	cr_assert_null(other);
	plx_mempool_destroy(pool);
	cr_assert_eq(plx_mempool_create(&conf, &other), 0);
	plx_mempool_destroy(other);
}

Test(mempool, without_an_eal_nothing_is_made)
{
	struct plx_mempool_conf conf = {.name = "p", .nb_objs = 1, .obj_bytes = 1};
	struct plx_mempool *pool = NULL;
	int ret;

	plx_eal_fini();
	log_lines_start();
	ret = plx_mempool_create(&conf, &pool);
	cr_assert_eq(ret, -ENODEV, "%d", ret);
	assert_one_line("mempool", PLX_LOG_ERR, "'p'", "EAL");
	cr_assert_null(plx_mempool_lookup("p"));
}

/* ---- Life ---- */

struct init_seen {
	uint32_t nb;
	bool wrong;
};

static void on_init(struct plx_mempool *pool, void *obj, uint32_t index, void *arg)
{
	struct init_seen *seen = arg;
	const unsigned char *bytes = obj;

	seen->wrong |= index != seen->nb++ || obj != plx_mempool_obj(pool, index);
	for (uint32_t i = 0; i < pool->obj_bytes; i++)
		seen->wrong |= bytes[i] != 0;
	memset(obj, (int)index, pool->obj_bytes);
}

/* ---- Setup: before the objects are made ---- */

struct setup_seen {
	int ret;
	unsigned nb;
	bool objects_were_there;
};

static int on_setup(struct plx_mempool *pool, void *arg)
{
	struct setup_seen *seen = arg;

	seen->nb++;
	seen->objects_were_there = plx_mempool_get(pool) != NULL;
	memset(plx_mempool_priv(pool), 0x5a, 16);
	return seen->ret;
}

static void init_after_setup(struct plx_mempool *pool, void *obj, uint32_t index, void *arg)
{
	(void)obj;
	(void)index;
	(void)arg;
	cr_assert_eq(*(unsigned char *)plx_mempool_priv(pool), 0x5a, "init came before setup");
}

Test(mempool, setup_comes_first_and_can_refuse)
{
	struct setup_seen seen = {.ret = -EDOM};
	const struct plx_mempool_conf conf = {
		.name = "setup",
		.nb_objs = 10,
		.obj_bytes = 64,
		.cache_size = 4,
		.node = PLX_NODE_ANY,
		.priv_bytes = 16,
		.setup = on_setup,
		.init = init_after_setup,
		.init_arg = &seen,
	};
	struct plx_mem_stats before = mem_stats();
	struct plx_mempool *pool = NULL;
	int ret = plx_mempool_create(&conf, &pool);

	cr_assert_eq(ret, -EDOM, "%d", ret);
	cr_assert_eq(seen.nb, 1, "%u", seen.nb);
	cr_assert_null(pool);
	assert_no_line();
	assert_no_leak(before);
	seen.ret = 0;
	cr_assert_eq(plx_mempool_create(&conf, &pool), 0);
	cr_assert_eq(seen.nb, 2, "%u", seen.nb);
	cr_assert_not(seen.objects_were_there);
	assert_pool(pool, 10);
}

static void one_shape(uint32_t nb_objs, uint32_t obj_bytes, uint32_t cache_size, size_t priv_bytes)
{
	struct init_seen seen = {0, false};
	struct plx_mempool_conf conf = {
		.name = "shape",
		.nb_objs = nb_objs,
		.obj_bytes = obj_bytes,
		.cache_size = cache_size,
		.node = PLX_NODE_ANY,
		.priv_bytes = priv_bytes,
		.init = on_init,
		.init_arg = &seen,
	};
	void **objs = calloc(nb_objs, sizeof(void *));
	struct plx_mempool *pool;
	int ret = plx_mempool_create(&conf, &pool);

	cr_assert_eq(ret, 0, "%u x %u: %d, %s", nb_objs, obj_bytes, ret, log_lines_text(0));
	cr_assert_eq(seen.nb, nb_objs, "init was called %u times, want %u", seen.nb, nb_objs);
	cr_assert_not(seen.wrong);
	assert_pool(pool, nb_objs);
	if (priv_bytes == 0) {
		cr_assert_null(plx_mempool_priv(pool));
	} else {
		unsigned char *priv = plx_mempool_priv(pool);

		for (size_t i = 0; i < priv_bytes; i++)
			cr_assert_eq(priv[i], 0, "byte %zu of the private area", i);
		memset(priv, 0xff, priv_bytes);
	}
	cr_assert_eq(get_all(pool, objs), nb_objs);
	for (uint32_t i = 0; i < nb_objs; i++) {
		int64_t index = plx_mempool_index(pool, objs[i]);
		const unsigned char *bytes = objs[i];

		cr_assert_eq((uintptr_t)objs[i] % PLX_CACHE_LINE, 0, "object at %p", objs[i]);
		cr_assert(index >= 0 && index < nb_objs, "index %lld", (long long)index);
		cr_assert(bytes[0] == (unsigned char)index &&
				  bytes[obj_bytes - 1] == (unsigned char)index,
			  "object %lld was written by another", (long long)index);
		memset(objs[i], 0xff, obj_bytes);
	}
	assert_pool(pool, 0);
	plx_mempool_put_bulk(pool, objs, nb_objs);
	assert_pool(pool, nb_objs);
	assert_no_line();
	plx_mempool_destroy(pool);
	assert_no_line();
	free(objs);
}

Test(mempool, shapes)
{
	struct plx_mem_stats before = mem_stats();

	one_shape(1, 1, 0, 0);
	one_shape(1, 1, 1, 1);
	one_shape(2, 64, 2, 64);
	one_shape(3, 65, 1, 3);
	one_shape(100, 2368, 32, 100);
	one_shape(1023, 8, 512, 0);
	one_shape(1024, 24, 1024, 0);
	one_shape(1025, 128, 17, 4096);
	one_shape(5, 3 << 20, 2, 0);
	one_shape(1, PLX_MEMPOOL_OBJ_BYTES_MAX, 0, 0);
	assert_no_leak(before);
}

Test(mempool, a_stride_of_1_kb_and_more_is_an_odd_number_of_lines)
{
	static const uint32_t sizes[] = {1,    64,   65,   960,	 961,  1024,
					 1025, 1088, 1089, 2048, 2240, 9000};

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(sizes); i++) {
		struct plx_mempool *pool = pool_new("stride", 4, sizes[i], 0);
		size_t lines = (size_t)((char *)plx_mempool_obj(pool, 1) -
					(char *)plx_mempool_obj(pool, 0)) /
			       PLX_CACHE_LINE;
		size_t least = (sizes[i] + PLX_CACHE_LINE - 1) / PLX_CACHE_LINE;

		cr_assert(lines == least || (lines == least + 1 && sizes[i] > 960),
			  "%u bytes: %zu lines apart", sizes[i], lines);
		cr_assert(sizes[i] <= 960 || lines % 2 == 1, "%u bytes: %zu lines apart", sizes[i],
			  lines);
		plx_mempool_destroy(pool);
	}
}

Test(mempool, a_thousand_times)
{
	struct plx_mem_stats before = mem_stats();

	for (int i = 0; i < 1000; i++) {
		struct plx_mempool *pool = pool_new("again", 64, 64, 8);
		void *obj = plx_mempool_get(pool);

		cr_assert_not_null(obj);
		plx_mempool_put(pool, obj);
		plx_mempool_destroy(pool);
	}
	assert_no_line();
	assert_no_leak(before);
}

/* From no free memory to enough of it in small steps: each piece in turn is the one too many. */
Test(mempool, memory_that_runs_out_at_each_step_is_undone)
{
	const struct plx_mempool_conf conf = {
		.name = "starved",
		.nb_objs = 1 << 12,
		.obj_bytes = 24,
		.cache_size = PLX_MEMPOOL_CACHE_MAX,
		.priv_bytes = 40 << 10,
		.node = PLX_NODE_ANY,
	};
	struct plx_mempool *pool = NULL;
	unsigned nb_refused = 0;
	int ret;

	watch_growth();
	for (size_t bytes = 4096; !pool; bytes += 16 << 10) {
		struct plx_mem_stats before;

		refuse_nth_growth(0);
		leave_memory(bytes);
		before = mem_stats();
		refuse_nth_growth(1);
		log_lines_start();
		ret = plx_mempool_create(&conf, &pool);
		if (ret == 0)
			continue;
		nb_refused++;
		cr_assert_eq(ret, -ENOMEM, "%zu bytes: %d", bytes, ret);
		cr_assert_geq(log_lines.nb, 1, "%zu bytes: no line", bytes);
		cr_assert_null(plx_mempool_lookup("starved"), "%zu bytes", bytes);
		assert_no_leak(before);
	}
	cr_assert_gt(nb_refused, 20, "only %u refusals", nb_refused);
	refuse_nth_growth(0);
	assert_pool(pool, conf.nb_objs);
}

Test(mempool, destroy_warns_of_what_is_out)
{
	struct plx_mempool *pool = pool_new("leaky", 40, 64, 8);

	for (int i = 0; i < 13; i++)
		cr_assert_not_null(plx_mempool_get(pool));
	cr_assert_eq(plx_mempool_in_use(pool), 13, "%u", plx_mempool_in_use(pool));
	plx_mempool_destroy(pool);
	assert_line(0, "mempool", PLX_LOG_WARN, "'leaky'", "destroyed with 13 objects out");
#if PLX_CHECK
	cr_assert_eq(log_lines.nb, 11, "%u lines", log_lines.nb);
	for (unsigned i = 1; i < 11; i++)
		assert_line(i, "mempool", PLX_LOG_WARN, "'leaky'", "is out");
#else
	cr_assert_eq(log_lines.nb, 1, "%u lines", log_lines.nb);
#endif
	cr_assert_null(plx_mempool_lookup("leaky"));
}

Test(mempool, destroy_null_is_legal)
{
	plx_mempool_destroy(NULL);
	assert_no_line();
}

/* ---- Lookup and the list ---- */

static void count_pool(struct plx_mempool *pool, void *arg)
{
	unsigned *bits = arg;

	cr_assert_eq(strncmp(pool->name, "pool-", 5), 0, "%s", pool->name);
	*bits ^= 1u << atoi(pool->name + 5);
}

static unsigned listed(void)
{
	unsigned bits = 0;

	plx_mempool_foreach(count_pool, &bits);
	return bits;
}

Test(mempool, lookup_and_foreach)
{
	struct plx_mempool *pools[4];
	const struct plx_memzone *zone;
	char name[] = "pool-0";

	cr_assert_null(plx_mempool_lookup("pool-0"));
	cr_assert_eq(listed(), 0);
	cr_assert_eq(plx_memzone_reserve("no-pool", 64, PLX_NODE_ANY, 0, 0, 0, &zone), 0);
	for (int i = 0; i < 4; i++) {
		name[5] = (char)('0' + i);
		pools[i] = pool_new(name, 1, 1, 0);
	}
	cr_assert_eq(listed(), 0xf, "%#x", listed());
	for (int i = 0; i < 4; i++) {
		name[5] = (char)('0' + i);
		cr_assert_eq(plx_mempool_lookup(name), pools[i], "%s", name);
	}
	cr_assert_null(plx_mempool_lookup("pool-4"));
	cr_assert_null(plx_mempool_lookup("pool-"));
	cr_assert_null(plx_mempool_lookup(""));
	cr_assert_null(plx_mempool_lookup(NULL));
	cr_assert_null(plx_mempool_lookup("a-name-that-no-pool-could-have-since-it-is-too-long"));
	plx_mempool_destroy(pools[1]);
	cr_assert_eq(listed(), 0xd, "%#x", listed());
	cr_assert_null(plx_mempool_lookup("pool-1"));
}

/* A zone of the application's whose name looks like a pool's. */
Test(mempool, a_zone_is_not_taken_for_a_pool)
{
	struct plx_mempool_conf conf = {.name = "fake", .nb_objs = 1, .obj_bytes = 1, .node = -1};
	const struct plx_memzone *zone, *large;
	struct plx_mempool *pool = NULL;

	cr_assert_eq(plx_memzone_reserve("mp:fake", 64, PLX_NODE_ANY, 0, 0, 0, &zone), 0);
	cr_assert_eq(plx_memzone_reserve("mp:large", 1 << 16, PLX_NODE_ANY, 0, 0, 0, &large), 0);
	memset(large->addr, 0x5a, 1 << 16);
	cr_assert_null(plx_mempool_lookup("fake"));
	cr_assert_null(plx_mempool_lookup("large"));
	cr_assert_eq(listed(), 0);
	cr_assert_eq(plx_mempool_create(&conf, &pool), -EEXIST);
	pool_new("pool-3", 1, 1, 0);
	cr_assert_eq(listed(), 8, "%#x", listed());
}

/* A pool is found only once it is made, by whoever waits for it. */
static void *wait_for_pools(void *arg)
{
	char name[] = "pool-0";

	for (int i = 0; i < 8; i++) {
		struct plx_mempool *pool;
		void *obj;

		name[5] = (char)('0' + i);
		while (!(pool = plx_mempool_lookup(name)))
			sched_yield();
		obj = plx_mempool_get(pool);
		*(bool *)arg |= !obj;
		if (obj)
			plx_mempool_put(pool, obj);
	}
	return NULL;
}

Test(mempool, lookup_finds_no_pool_that_is_not_finished, .timeout = 60)
{
	char name[] = "pool-0";
	bool wrong = false;
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, wait_for_pools, &wrong), 0);
	for (int i = 0; i < 8; i++) {
		name[5] = (char)('0' + i);
		pool_new(name, 1 << 14, 64, 0);
	}
	pthread_join(thread, NULL);
	cr_assert_not(wrong, "a pool without its objects");
}

Test(mempool, pools_end_with_the_eal)
{
	pool_new("left", 8, 64, 2);
	plx_eal_fini();
	start_lcores(2);
	cr_assert_null(plx_mempool_lookup("left"));
	cr_assert_eq(listed(), 0);
	assert_pool(pool_new("left", 8, 64, 2), 8);
}

/* ---- Indices ---- */

Test(mempool, index_and_obj)
{
	struct plx_mempool *pool = pool_new("index", 100, 100, 0);
	char *first = plx_mempool_obj(pool, 0), *last = plx_mempool_obj(pool, 99);
	long long index;

	for (uint32_t i = 0; i < 100; i++) {
		char *obj = plx_mempool_obj(pool, i);

		index = plx_mempool_index(pool, obj);
		cr_assert_eq(index, i, "%lld, want %u", index, i);
		for (int off = 1; off < 128; off++) {
			index = plx_mempool_index(pool, obj + off);
			cr_assert_eq(index, -EINVAL, "%u + %d bytes: %lld", i, off, index);
		}
	}
	cr_assert_eq(plx_mempool_index(pool, first - 128), -EINVAL);
	cr_assert_eq(plx_mempool_index(pool, last + 128), -EINVAL);
	cr_assert_eq(plx_mempool_index(pool, NULL), -EINVAL);
	cr_assert_eq(plx_mempool_index(pool, &index), -EINVAL);
	cr_assert_eq(plx_mempool_index(pool, (void *)UINTPTR_MAX), -EINVAL);
}

/* The layout of IOVA = PA, where each page's tail is left free; it needs no such memory here. */
Test(mempool, index_and_obj_where_pages_have_borders)
{
	char *base = (char *)(uintptr_t)0x100000000;
	struct plx_mempool pool = {
		.objs = base,
		.nb_objs = 11,
		.obj_bytes = 1000,
		.stride_bytes = 1088,
		.objs_per_page = 3,
		.page_bytes = 4096,
	};

	for (uint32_t i = 0; i < 11; i++) {
		char *obj = plx_mempool_obj(&pool, i);

		cr_assert_eq(obj, base + i / 3 * 4096 + i % 3 * 1088, "%u at %p", i, (void *)obj);
		cr_assert_eq(plx_mempool_index(&pool, obj), i, "%u", i);
	}
	cr_assert_eq(plx_mempool_index(&pool, base + 3 * 1088), -EINVAL, "in the tail of a page");
	cr_assert_eq(plx_mempool_index(&pool, base + 3 * 4096 + 2 * 1088), -EINVAL, "number 11");
	cr_assert_eq(plx_mempool_index(&pool, base + 4 * 4096), -EINVAL, "the page behind");
	cr_assert_eq(plx_mempool_index(&pool, base - 4096), -EINVAL, "the page before");
	cr_assert_eq(plx_mempool_index(&pool, base + 64), -EINVAL);
}

static void on_walk(struct plx_mempool *pool, void *obj, uint32_t index, void *arg)
{
	uint32_t *next = arg;

	cr_assert_eq(index, *next, "%u, want %u", index, *next);
	cr_assert_eq(obj, plx_mempool_obj(pool, index));
	++*next;
}

Test(mempool, walk_sees_all_objects_in_order)
{
	struct plx_mempool *pool = pool_new("walk", 37, 8, 4);
	uint32_t next = 0;

	cr_assert_not_null(plx_mempool_get(pool));
	plx_mempool_walk(pool, on_walk, &next);
	cr_assert_eq(next, 37, "%u", next);
}

Test(mempool, dump)
{
	struct plx_mempool *pool = pool_new("shown", 100, 200, 16);
	char *text = NULL, want[100];
	uint32_t nb;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	cr_assert_not_null(plx_mempool_get(pool));
	nb = pool->caches[0]->len;
	cr_assert_gt(nb, 0);
	plx_mempool_dump(pool, out);
	fclose(out);
	cr_assert(strstr(text, "pool 'shown'"), "%s", text);
	cr_assert(strstr(text, "100 objects of 200 bytes, 256 apart"), "%s", text);
	snprintf(want, sizeof(want), "available 99, in use 1, in the ring %u, cache size 16\n",
		 99 - nb);
	cr_assert(strstr(text, want), "%s", text);
	snprintf(want, sizeof(want), "cache of lcore 0: %u\n", nb);
	cr_assert(strstr(text, want), "%s", text);
	cr_assert(strstr(text, "cache of lcore 1: 0\n"), "%s", text);
	free(text);
}

/* ---- Rings on the EAL's memory ---- */

Test(mempool, ring_create)
{
	struct plx_mem_stats before = mem_stats();
	struct plx_ring *ring = NULL;
	void *obj = NULL;

	for (uint32_t size = 2; size <= 1u << 20; size *= 8) {
		cr_assert_eq(plx_ring_create("cable", size, PLX_NODE_ANY, &ring), 0);
		cr_assert_eq(plx_ring_size(ring), size);
		cr_assert_str_eq(ring->name, "cable");
		cr_assert_eq(plx_ring_mp_enqueue(ring, ring), 1);
		cr_assert_eq(plx_ring_mc_dequeue(ring, &obj), 1);
		cr_assert_eq(obj, ring);
		plx_ring_destroy(ring);
	}
	plx_ring_destroy(NULL);
	assert_no_line();
	assert_no_leak(before);
}

Test(mempool, ring_create_refusals)
{
	struct plx_mem_stats before = mem_stats();
	struct plx_ring *ring = NULL;

	cr_assert_eq(plx_ring_create("r", 3, PLX_NODE_ANY, &ring), -EINVAL);
	assert_one_line("ring", PLX_LOG_ERR, "'r'", "3 slots", "power of two");
	log_lines_start();
	cr_assert_eq(plx_ring_create(NULL, 8, PLX_NODE_ANY, &ring), -EINVAL);
	assert_one_line("ring", PLX_LOG_ERR, "name");
	log_lines_start();
	cr_assert_eq(plx_ring_create("12345678901234567890123456789012", 8, PLX_NODE_ANY, &ring),
		     -ENAMETOOLONG);
	assert_one_line("ring", PLX_LOG_ERR, "31 bytes");
	cr_assert_eq(plx_ring_create("r", 8, PLX_NODE_MAX, &ring), -EINVAL);
	watch_growth();
	refuse_nth_growth(1);
	log_lines_start();
	cr_assert_eq(plx_ring_create("large", 1 << 20, PLX_NODE_ANY, &ring), -ENOMEM);
	cr_assert_eq(log_lines_with("'large'"), 1, "%s", log_lines_text(0));
	cr_assert_null(ring);
	assert_no_leak(before);
	plx_eal_fini();
	cr_assert_eq(plx_ring_create("r", 8, PLX_NODE_ANY, &ring), -ENODEV);
}
