/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pools on hugepages: no object crosses a page border, each is contiguous for a device. Needs
 * hugepages of 2 MB, and root for physical addresses.
 */
#include "pool_env.h"

#include <unistd.h>

enum { PAGE = 2 << 20 };

static void end(void)
{
	plx_log_set_sink(NULL, NULL);
	plx_eal_fini();
}

TestSuite(mempool_pages, .fini = end);

static long free_hugepages(void)
{
	FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "re");
	long nb = 0;

	if (f && fscanf(f, "%ld", &nb) != 1)
		nb = 0;
	if (f)
		fclose(f);
	return nb;
}

static void start_with(enum plx_iova_mode mode, long pages)
{
	static struct plx_eal_conf conf;
	int ret;

	if (mode == PLX_IOVA_PA && geteuid() != 0)
		cr_skip_test("needs root: physical addresses");
	if (free_hugepages() < pages)
		cr_skip_test("needs %ld free hugepages of 2 MB, %ld are free: "
			     "hugeadm --pool-pages-min 2MB:%ld",
			     pages, free_hugepages(), pages);
	lcore_conf(&conf, 1);
	conf.no_huge = false;
	conf.huge_page_bytes = PAGE;
	conf.iova_mode = mode;
	log_lines_start();
	ret = plx_eal_init(&conf);
	if (ret == -EPERM)
		cr_skip_test("needs CAP_SYS_ADMIN: physical addresses");
	cr_assert_eq(ret, 0, "%d, %s", ret, log_lines_text(0));
	log_lines_start();
}

static void check_object(struct plx_mempool *pool, void *obj, uint32_t index, void *arg)
{
	uintptr_t first = (uintptr_t)obj, last = first + pool->obj_bytes - 1;
	uint64_t iova = plx_mem_virt2iova(obj);

	(void)arg;
	cr_assert_eq(first / PAGE, last / PAGE, "object %u at %p crosses a page border", index,
		     obj);
	cr_assert_neq(iova, PLX_IOVA_BAD);
	cr_assert_eq(plx_mem_virt2iova((void *)last), iova + pool->obj_bytes - 1,
		     "object %u is not contiguous", index);
	cr_assert_eq(plx_mempool_obj(pool, index), obj);
	cr_assert_eq(plx_mempool_index(pool, obj), index, "%lld, want %u",
		     (long long)plx_mempool_index(pool, obj), index);
	memset(obj, (int)index, pool->obj_bytes);
}

static void check_content(struct plx_mempool *pool, void *obj, uint32_t index, void *arg)
{
	const unsigned char *bytes = obj;

	(void)arg;
	for (uint32_t i = 0; i < pool->obj_bytes; i += 61)
		cr_assert_eq(bytes[i], (unsigned char)index, "object %u was written by another",
			     index);
}

static void one_shape(uint32_t nb_objs, uint32_t obj_bytes)
{
	struct plx_mempool *pool = pool_new("pages", nb_objs, obj_bytes, 0);
	void **objs = calloc(nb_objs, sizeof(void *));

	plx_mempool_walk(pool, check_object, NULL);
	plx_mempool_walk(pool, check_content, NULL);
	cr_assert_eq(get_all(pool, objs), nb_objs);
	plx_mempool_put_bulk(pool, objs, nb_objs);
	assert_pool(pool, nb_objs);
	plx_mempool_destroy(pool);
	free(objs);
}

Test(mempool_pages, no_object_crosses_a_border)
{
	start_with(PLX_IOVA_PA, 16);
	one_shape(1, 64);
	one_shape(800, 2368);  /* one page, not two halves */
	one_shape(1771, 2368); /* more than a page */
	one_shape(5, 700000);
	one_shape(4, PAGE - 128);
	one_shape(3, 1 << 20);
	one_shape(1 << 17, 64);
}

/* Where that costs little. */
Test(mempool_pages, small_objects_keep_off_borders_with_virtual_addresses_too)
{
	start_with(PLX_IOVA_VA, 16);
	one_shape(1, 64);
	one_shape(800, 2368);
	one_shape(1771, 2368);
	one_shape(1 << 17, 64);
}

Test(mempool_pages, an_object_larger_than_a_page_is_refused)
{
	struct plx_mempool_conf conf = {
		.name = "large", .nb_objs = 1, .obj_bytes = PAGE + 1, .node = PLX_NODE_ANY};
	struct plx_mempool *pool = NULL;
	struct plx_mem_stats before;
	int ret;

	start_with(PLX_IOVA_PA, 8);
	before = mem_stats();
	ret = plx_mempool_create(&conf, &pool);
	cr_assert_eq(ret, -EINVAL, "%d", ret);
	assert_one_line("mempool", PLX_LOG_ERR, "'large'", "page of 2097152");
	cr_assert_null(pool);
	assert_no_leak(before);
}
