/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the machine says of itself: how much ordinary memory can be had, which pages there are, and
 * what is done and said where proc, sysfs or a system call is not to be had. proc and sysfs are
 * trees of the test's own.
 */
#include "eal_mem.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>

static bool no_sysinfo;
static int refused_advice = -1;

/* In place of libc's: refused, with whatever was in the memory before. */
int sysinfo(struct sysinfo *info)
{
	if (no_sysinfo) {
		memset(info, 0xff, sizeof(*info));
		errno = EPERM;
		return -1;
	}
	return (int)syscall(SYS_sysinfo, info);
}

int madvise(void *addr, size_t len, int advice)
{
	if (advice == refused_advice) {
		errno = EPERM;
		return -1;
	}
	return (int)syscall(SYS_madvise, addr, len, advice);
}

static void start(void)
{
	catch_log();
	mem_conf_reset(false);
	tree_make();
	plx_mem_proc = plx_topo_sysfs = tree;
}

static void stop(void)
{
	plx_mem_fini();
	tree_drop();
}

TestSuite(mem_limits, .init = start, .fini = stop);

static void put_meminfo(unsigned long available_mb)
{
	tree_put("meminfo",
		 "MemTotal:       24683664 kB\nMemFree:        99999999 kB\n"
		 "MemAvailable:   %lu kB\nBuffers:          123456 kB\n",
		 available_mb << 10);
}

static void init_ok(void)
{
	int ret = plx_mem_init(&mem_conf);

	cr_assert_eq(ret, 0, "plx_mem_init: %d: %s", ret, caught.error);
}

static void init_lacks(size_t mb, const char *have, const char *limit)
{
	char want[64];
	int ret;

	catch_log();
	mem_conf.mem_mb = mb;
	ret = plx_mem_init(&mem_conf);
	cr_expect_eq(ret, -ENOMEM, "%d", ret);
	cr_expect_eq(caught.nb_lines, 1, "%u lines", caught.nb_lines);
	snprintf(want, sizeof(want), "-m %zu: %zu MB of ordinary pages wanted", mb, mb);
	cr_expect(strstr(caught.error, want), "\"%s\" is not in: %s", want, caught.error);
	cr_expect(strstr(caught.error, have), "\"%s\" is not in: %s", have, caught.error);
	cr_expect(strstr(caught.error, limit), "\"%s\" is not in: %s", limit, caught.error);
}

Test(mem_limits, more_ordinary_memory_than_is_available)
{
	put_meminfo(10);
	init_lacks(12, "10 MB can be had", "MemAvailable of /proc/meminfo");
	mem_conf.mem_mb = 10;
	init_ok();
	/* By need, too (10 MB of it are there already); the program goes on with what it has. */
	catch_log();
	errno = 0;
	cr_expect_eq(plx_mem_alloc(32 * MB, 0, PLX_NODE_ANY), NULL);
	cr_expect_eq(errno, ENOMEM, "%d", errno);
	cr_expect(strstr(caught.error, "10 MB can be had"), "%s", caught.error);
	cr_expect(plx_mem_alloc(9 * MB, 0, PLX_NODE_ANY), "%s", caught.error);
	check_heaps();
}

Test(mem_limits, a_cgroup_of_version_2)
{
	put_meminfo(100000);
	tree_put("self/cgroup", "0::/pods/one\n");
	tree_put("fs/cgroup/pods/one/memory.max", "max\n");
	tree_put("fs/cgroup/pods/one/memory.current", "%lu\n", 30 * MB);
	init_ok();
	plx_mem_fini();
	/* The parent's limit counts; cache of files gives way. */
	tree_put("fs/cgroup/pods/memory.max", "%lu\n", 64 * MB);
	tree_put("fs/cgroup/pods/memory.current", "%lu\n", 60 * MB);
	tree_put("fs/cgroup/pods/memory.stat",
		 "anon 4711\nfile 99999999\ninactive_file %lu\nactive_file %lu\nshmem 1\n", 10 * MB,
		 6 * MB);
	init_lacks(22, "20 MB can be had", "/fs/cgroup/pods/memory.max is 64 MB");
	mem_conf.mem_mb = 20;
	init_ok();
	plx_mem_fini();
	/* Over its limit, as after a change: nothing, and no huge number. */
	tree_put("fs/cgroup/pods/one/memory.max", "%lu\n", 29 * MB);
	init_lacks(2, " 0 MB can be had", "/fs/cgroup/pods/one/memory.max is 29 MB");
}

Test(mem_limits, a_cgroup_of_version_1_seen_from_a_container)
{
	/* The path is the host's; what is mounted is the container's own. */
	tree_put("self/cgroup", "10:hugetlb:/\n4:cpu,memory:/docker/1234abcd\n0::/\n");
	tree_put("fs/cgroup/memory/memory.limit_in_bytes", "%lu\n", 40 * MB);
	tree_put("fs/cgroup/memory/memory.usage_in_bytes", "%lu\n", 36 * MB);
	tree_put("fs/cgroup/memory/memory.stat",
		 "cache 1\ninactive_file 1\ntotal_cache 5\ntotal_inactive_file %lu\n"
		 "total_active_file %lu\n",
		 2 * MB, 2 * MB);
	init_lacks(10, "8 MB can be had", "/fs/cgroup/memory/memory.limit_in_bytes is 40 MB");
	tree_put("fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
	init_ok();
}

Test(mem_limits, nobody_tells)
{
	mem_conf.mem_mb = 4;
	init_ok();
	cr_expect_eq(caught.nb_lines, 0, "%s", caught.last);
}

Test(mem_limits, sysinfo_is_refused)
{
	no_sysinfo = true;
	init_ok();
	cr_expect_geq(plx_mem.len_bytes, (size_t)1 << 30, "%zu", plx_mem.len_bytes);
	cr_expect_leq(plx_mem.len_bytes, (size_t)1 << 40, "%zu", plx_mem.len_bytes);
	cr_expect(plx_mem_alloc(MB, 0, PLX_NODE_ANY), "%s", caught.error);
}

Test(mem_limits, a_refused_call_is_named)
{
	init_ok();
	refused_advice = 23; /* MADV_POPULATE_WRITE */
	cr_expect_eq(plx_mem_alloc(64, 0, PLX_NODE_ANY), NULL);
	cr_expect(strstr(caught.error, "madvise(MADV_POPULATE_WRITE): Operation not permitted"),
		  "%s", caught.error);
	refused_advice = MADV_DONTFORK;
	cr_expect_eq(plx_mem_alloc(64, 0, PLX_NODE_ANY), NULL);
	cr_expect(strstr(caught.error, "madvise(MADV_DONTFORK): Operation not permitted"), "%s",
		  caught.error);
	cr_expect(strstr(caught.error, "seccomp"), "%s", caught.error);
	refused_advice = -1;
	cr_expect(plx_mem_alloc(64, 0, PLX_NODE_ANY), "%s", caught.error);
}

/* Hugepages */

static void put_pool(unsigned mb, unsigned total, unsigned nb_free, unsigned more)
{
	char path[128];
	int len = snprintf(path, sizeof(path), "kernel/mm/hugepages/hugepages-%ukB/", mb << 10);

	snprintf(path + len, sizeof(path) - (size_t)len, "nr_hugepages");
	tree_put(path, "%u\n", total);
	snprintf(path + len, sizeof(path) - (size_t)len, "free_hugepages");
	tree_put(path, "%u\n", nb_free);
	snprintf(path + len, sizeof(path) - (size_t)len, "resv_hugepages");
	tree_put(path, "0\n");
	snprintf(path + len, sizeof(path) - (size_t)len, "nr_overcommit_hugepages");
	tree_put(path, "%u\n", more + 3);
	snprintf(path + len, sizeof(path) - (size_t)len, "surplus_hugepages");
	tree_put(path, "3\n");
}

Test(mem_limits, the_size_of_which_pages_can_be_had)
{
	static const struct {
		unsigned small[3], big[3]; /* total, free, overcommit */
		size_t want;
	} cases[] = {
		{{9, 9, 0}, {2, 2, 0}, PAGE_2M},       {{0, 0, 0}, {2, 2, 0}, 512 * PAGE_2M},
		{{9, 0, 0}, {2, 2, 0}, 512 * PAGE_2M}, {{9, 0, 5}, {2, 0, 0}, PAGE_2M},
		{{9, 0, 0}, {0, 0, 1}, 512 * PAGE_2M}, {{0, 0, 0}, {2, 0, 0}, 512 * PAGE_2M},
		{{9, 0, 0}, {2, 0, 0}, PAGE_2M},       {{0, 0, 0}, {0, 0, 0}, PAGE_2M},
	};

	mem_conf_reset(true);
	mem_conf.huge_page_bytes = 0;
	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		size_t got;

		put_pool(2, cases[i].small[0], cases[i].small[1], cases[i].small[2]);
		put_pool(1024, cases[i].big[0], cases[i].big[1], cases[i].big[2]);
		got = plx_hugepage_pick(&mem_conf);
		cr_expect_eq(got, cases[i].want, "case %zu: %zu", i, got);
	}
	mem_conf.huge_page_bytes = 3 * MB;
	cr_expect_eq(plx_hugepage_pick(&mem_conf), 0);
	cr_expect(strstr(caught.error, "this kernel has no such size"), "%s", caught.error);
}

Test(mem_limits, sysfs_without_hugepages)
{
	tree_put("kernel/mm/other", "\n");
	mem_conf_reset(true);
	mem_conf.huge_page_bytes = 0;
	cr_expect_eq(plx_mem_init(&mem_conf), -EINVAL);
	cr_expect(strstr(caught.error, "this kernel has no hugepages"), "%s", caught.error);
}

Test(mem_limits, sysfs_is_not_mounted)
{
	int fd = memfd_create("try", MFD_CLOEXEC | MFD_HUGETLB);
	size_t most = (size_t)100 << 30;

	if (fd < 0)
		cr_skip_test("needs a kernel with hugepages");
	close(fd);
	mem_conf_reset(true);
	mem_conf.huge_page_bytes = 0;
	init_ok();
	cr_expect_eq(plx_mem.page_bytes, PAGE_2M, "%zu", plx_mem.page_bytes);
	/* 100 GB of them are not free: what is said of their number is no false zero. */
	if (plx_mem.len_bytes < most)
		most = plx_mem.len_bytes;
	cr_expect_eq(plx_mem_alloc(most, 0, PLX_NODE_ANY), NULL);
	cr_expect(strstr(caught.error, "sysfs is not mounted"), "%s", caught.error);
	cr_expect(!strstr(caught.error, "0 free of 0"), "%s", caught.error);
}

Test(mem_limits, proc_is_not_mounted)
{
	mem_conf_reset(true);
	mem_conf.iova_mode = PLX_IOVA_PA;
	cr_expect_eq(plx_mem_init(&mem_conf), -ENOENT);
	cr_expect(strstr(caught.error, "mount -t proc"), "%s", caught.error);
	cr_expect_eq(caught.nb_lines, 1, "%u lines", caught.nb_lines);
}
