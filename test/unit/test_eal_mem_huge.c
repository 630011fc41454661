/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory on hugepages: memfd and hugetlbfs files, what is said when pages lack, death by SIGKILL,
 * physical addresses, pages of 1 GB. At most 40 pages of 2 MB are taken at a time; hugetlbfs is
 * mounted in a mount namespace of the test's own.
 */
#include "eal_mem.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE_1G ((size_t)1 << 30)

static char dir[] = "/mnt"; /* other processes go on seeing what is there */

static bool kernel_refuses;

/* In place of libc's: a limit of a cgroup is met. */
int fallocate(int fd, int mode, off_t offset, off_t len)
{
	if (kernel_refuses && !(mode & FALLOC_FL_PUNCH_HOLE)) {
		errno = ENOSPC;
		return -1;
	}
	return (int)syscall(SYS_fallocate, fd, mode, offset, len);
}

static void start(void)
{
	catch_log();
	mem_conf_reset(true);
}

static void stop(void)
{
	plx_mem_fini();
}

TestSuite(mem_huge, .init = start, .fini = stop);

static void init_ok(void)
{
	int ret = plx_mem_init(&mem_conf);

	cr_assert_eq(ret, 0, "plx_mem_init: %d: %s", ret, caught.error);
}

/* hugetlbfs on a directory of our own; @options as of mount(8). */
static const char *mount_dir(const char *options)
{
	if (geteuid() != 0)
		return "needs root, to mount hugetlbfs";
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", dir, "hugetlbfs", 0, options) != 0)
		return "hugetlbfs can't be mounted in a namespace of its own";
	mem_conf.huge_dir = dir;
	return NULL;
}

#define NEED_DIR(options)                                                                          \
	do {                                                                                       \
		const char *missing = mount_dir(options);                                          \
		if (missing)                                                                       \
			cr_skip_test("%s", missing);                                               \
	} while (0)

static unsigned count_files(void)
{
	DIR *d = opendir(dir);
	unsigned nb = 0;
	struct dirent *entry;

	while ((entry = readdir(d)))
		nb += entry->d_name[0] != '.';
	closedir(d);
	return nb;
}

/* A process with this memory, stopped while it holds @bytes; -1 when it can't start. */
static pid_t spawn_holder(size_t bytes)
{
	int ready[2];
	char byte;
	pid_t pid;

	cr_assert_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		char *p;

		if (plx_mem_init(&mem_conf) != 0)
			_exit(1);
		p = plx_mem_alloc(bytes, 0, PLX_NODE_ANY);
		if (!p)
			_exit(2);
		memset(p, 0x5a, bytes);
		if (write(ready[1], "r", 1) != 1)
			_exit(3);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1) {
		waitpid(pid, NULL, 0);
		pid = -1;
	}
	close(ready[0]);
	return pid;
}

static void kill_holder(pid_t pid)
{
	kill(pid, SIGKILL);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

Test(mem_huge, by_need_and_back)
{
	struct plx_mem_stats stats;
	long before = free_pages(PAGE_2M);
	char *p, *q;

	NEED_PAGES(8);
	init_ok();
	cr_assert_eq(free_pages(PAGE_2M), before, "init took pages");
	p = plx_mem_alloc(5 * MB, 0, PLX_NODE_ANY);
	cr_assert(p, "%s", caught.error);
	cr_assert_eq(free_pages(PAGE_2M), before - 3, "%ld", free_pages(PAGE_2M));
	stats = mem_stats();
	cr_expect_eq(stats.huge, true);
	cr_expect_eq(stats.page_bytes, PAGE_2M, "%zu", stats.page_bytes);
	cr_expect_eq(stats.all.nb_pages, 3, "%zu", stats.all.nb_pages);
	cr_expect(all_bytes(p, 5 * MB, 0), "not zero");
	memset(p, 1, 5 * MB);
	q = plx_mem_alloc(3 * MB, PAGE_2M, PLX_NODE_ANY);
	cr_expect_eq((uintptr_t)q % PAGE_2M, 0, "%p", q);
	plx_mem_free(p);
	cr_expect_eq(free_pages(PAGE_2M), before - 2, "%ld", free_pages(PAGE_2M));
	plx_mem_free(q);
	cr_expect_eq(free_pages(PAGE_2M), before, "%ld", free_pages(PAGE_2M));
	p = plx_mem_alloc(5 * MB, 0, PLX_NODE_ANY);
	cr_expect(all_bytes(p, 5 * MB, 0), "a page that came back is not zero");
	plx_mem_fini();
	cr_expect_eq(free_pages(PAGE_2M), before, "%ld", free_pages(PAGE_2M));
	cr_expect_eq(caught.nb_lines, 0, "%s", caught.last);
}

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

Test(mem_huge, m_is_touched_and_kept)
{
	long before = free_pages(PAGE_2M), count;
	char *p;

	NEED_PAGES(16);
	mem_conf.mem_mb = 31;
	init_ok();
	cr_assert_eq(free_pages(PAGE_2M), before - 16, "%ld", free_pages(PAGE_2M));
	p = plx_mem_alloc(32 * MB, 0, PLX_NODE_ANY);
	cr_assert(p, "%s", caught.error);
	faults();
	count = faults();
	for (size_t i = 0; i < 32 * MB; i += PAGE_2M)
		*(volatile char *)(p + i) = 1;
	count = faults() - count;
#ifndef PLX_TEST_ASAN /* which touches pages of its own for these */
	cr_expect_eq(count, 0, "%ld page faults", count);
#endif
	plx_mem_free(p);
	cr_expect_eq(free_pages(PAGE_2M), before - 16, "%ld", free_pages(PAGE_2M));
	cr_expect(all_bytes(p, 32 * MB, 0), "not zeroed");
	plx_mem_fini();
	cr_expect_eq(free_pages(PAGE_2M), before, "%ld", free_pages(PAGE_2M));
}

Test(mem_huge, too_few_pages)
{
	struct plx_hugepage_count count;
	char want[64], have[64], need[64];

	NEED_PAGES(1);
	init_ok();
	cr_assert_eq(plx_hugepage_count(PAGE_2M, PLX_NODE_ANY, &count), 0);
	catch_log();
	errno = 0;
	cr_expect_eq(plx_mem_alloc((count.total + 64) * PAGE_2M, 0, PLX_NODE_ANY), NULL);
	cr_expect_eq(errno, ENOMEM, "%d", errno);
	cr_expect_eq(caught.nb_lines, 1, "%u lines", caught.nb_lines);
	snprintf(want, sizeof(want), "%lu hugepages of 2 MB wanted", count.total + 64);
	snprintf(have, sizeof(have), "free of %lu", count.total);
	cr_expect(strstr(caught.error, want), "%s", caught.error);
	cr_expect(strstr(caught.error, have), "%s", caught.error);
	snprintf(need, sizeof(need), "setup.sh --hugepages %lu`",
		 2 * count.total - count.free + 64);
	cr_expect(strstr(caught.error, need), "%s: no \"%s\"", caught.error, need);
	snprintf(need, sizeof(need), "hugeadm --pool-pages-min 2MB:%lu`",
		 2 * count.total - count.free + 64);
	cr_expect(strstr(caught.error, need), "%s: no \"%s\"", caught.error, need);
	cr_expect_eq(mem_stats().all.total_bytes, 0, "%zu", mem_stats().all.total_bytes);
}

Test(mem_huge, pages_that_are_free_and_refused)
{
	NEED_PAGES(4);
	init_ok();
	kernel_refuses = true;
	cr_expect_eq(plx_mem_alloc(3 * MB, 0, PLX_NODE_ANY), NULL);
	cr_expect_eq(errno, ENOMEM, "%d", errno);
	cr_expect(strstr(caught.error, "look for a limit (hugetlb cgroup"), "%s", caught.error);
	cr_expect_eq(caught.nb_lines, 1, "%u lines", caught.nb_lines);
	kernel_refuses = false;
	cr_expect(plx_mem_alloc(3 * MB, 0, PLX_NODE_ANY), "%s", caught.error);
}

Test(mem_huge, a_page_size_that_is_not_there)
{
	mem_conf.huge_page_bytes = 3 * MB;
	cr_expect_eq(plx_mem_init(&mem_conf), -EINVAL);
	cr_expect(strstr(caught.error, "hugepages of 3 MB") && strstr(caught.error, "allowed: "),
		  "%s", caught.error);
}

Test(mem_huge, a_limit_of_file_size_is_no_signal)
{
	struct rlimit limit = {.rlim_cur = MB, .rlim_max = MB};

	NEED_PAGES(1);
	init_ok();
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_expect_eq(plx_mem_alloc(64, 0, PLX_NODE_ANY), NULL);
	cr_expect(strstr(caught.error, "ulimit -f"), "%s", caught.error);
}

Test(mem_huge, kill_leaves_no_page_of_a_memfd)
{
	long before = free_pages(PAGE_2M);
	pid_t pid;

	NEED_PAGES(12);
	mem_conf.mem_mb = 16;
	pid = spawn_holder(4 * MB);
	cr_assert_gt(pid, 0, "the child did not start");
	cr_expect_eq(free_pages(PAGE_2M), before - 8, "%ld", free_pages(PAGE_2M));
	kill_holder(pid);
	cr_expect_eq(free_pages(PAGE_2M), before, "%ld", free_pages(PAGE_2M));
	init_ok();
}

static int as_nobody(void)
{
	struct rlimit none = {0};
	char *p;

	setrlimit(RLIMIT_MEMLOCK, &none);
	if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
		return 77;
	if (plx_mem_init(&mem_conf) != 0)
		return 1;
	p = plx_mem_alloc(3 * MB, 0, PLX_NODE_ANY);
	if (!p || !all_bytes(p, 3 * MB, 0))
		return 2;
	plx_mem_fini();
	/* Once without the right to open pagemap, once without the right to see frames in it. */
	mem_conf.iova_mode = PLX_IOVA_PA;
	if (plx_mem_init(&mem_conf) != -EPERM || prctl(PR_SET_DUMPABLE, 1))
		return 5;
	catch_log();
	if (plx_mem_init(&mem_conf) != -EPERM || !strstr(caught.error, "CAP_SYS_ADMIN"))
		return 3;
	return caught.nb_lines == 1 ? 0 : 4;
}

Test(mem_huge, an_ordinary_user)
{
	int status;
	pid_t pid;

	NEED_PAGES(2);
	if (geteuid() != 0)
		cr_skip_test("needs root, to become another user");
	pid = fork();
	if (pid == 0)
		_exit(as_nobody());
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "exit %d, signal %d", WEXITSTATUS(status), WTERMSIG(status));
}

/* Files on hugetlbfs */

Test(mem_huge, dir_files_come_and_go)
{
	char path[64];
	struct stat st;

	NEED_PAGES(4);
	NEED_DIR("pagesize=2M");
	mem_conf.huge_page_bytes = 0;
	init_ok();
	snprintf(path, sizeof(path), "%s/plx-test-map-0", dir);
	cr_assert_eq(stat(path, &st), 0, "%s is not there", path);
	cr_expect_eq(st.st_mode & 0777, 0600, "%o", st.st_mode);
	cr_assert(plx_mem_alloc(3 * MB, 0, PLX_NODE_ANY), "%s", caught.error);
	plx_mem_fini();
	cr_expect_eq(count_files(), 0, "%u files left", count_files());
}

Test(mem_huge, dir_refusals)
{
	char none[] = "/nonexistent/dir", tmp[] = "/tmp";

	mem_conf.huge_dir = none;
	cr_expect_eq(plx_mem_init(&mem_conf), -ENOENT);
	mem_conf.huge_dir = tmp;
	cr_expect_eq(plx_mem_init(&mem_conf), -EINVAL);
	cr_expect(strstr(caught.error, "mount -t hugetlbfs"), "%s", caught.error);
	cr_expect_eq(caught.nb_lines, 2, "%u lines", caught.nb_lines);
	mem_conf.huge_dir = NULL;
	NEED_DIR("pagesize=2M");
	mem_conf.huge_page_bytes = PAGE_1G;
	catch_log();
	cr_expect_eq(plx_mem_init(&mem_conf), -EINVAL);
	cr_expect(strstr(caught.error, "2 MB") && strstr(caught.error, "1 GB"), "%s", caught.error);
	mem_conf.huge_page_bytes = 0;
	cr_assert_eq(mount("none", dir, "hugetlbfs", MS_REMOUNT | MS_RDONLY, "pagesize=2M"), 0);
	catch_log();
	cr_expect_eq(plx_mem_init(&mem_conf), -EROFS);
	cr_expect_eq(caught.nb_lines, 1, "%u lines", caught.nb_lines);
}

Test(mem_huge, the_size_of_a_mount_is_a_limit)
{
	NEED_PAGES(4);
	NEED_DIR("pagesize=2M,size=4M");
	init_ok();
	cr_expect_eq(plx_mem_alloc(6 * MB, 0, PLX_NODE_ANY), NULL);
	cr_expect(strstr(caught.error, "2 left of the size="), "%s", caught.error);
	cr_expect(plx_mem_alloc(4 * MB, 0, PLX_NODE_ANY), "%s", caught.error);
}

Test(mem_huge, the_next_start_removes_files_of_the_dead)
{
	long before = free_pages(PAGE_2M);
	pid_t dead, alive;

	NEED_PAGES(12);
	NEED_DIR("pagesize=2M");
	alive = spawn_holder(2 * MB);
	dead = spawn_holder(6 * MB);
	cr_assert(alive > 0 && dead > 0, "the children did not start");
	cr_expect_eq(count_files(), 2, "%u files", count_files());
	kill_holder(dead);
	cr_expect_eq(free_pages(PAGE_2M), before - 4, "%ld", free_pages(PAGE_2M));
	init_ok();
	/* One of the living, one of our own. */
	cr_expect_eq(count_files(), 2, "%u files", count_files());
	cr_expect_eq(free_pages(PAGE_2M), before - 1, "%ld", free_pages(PAGE_2M));
	cr_expect_eq(plx_mem_reap_stale(), 0, "a living process lost its file");
	kill_holder(alive);
	cr_expect_eq(plx_mem_reap_stale(), 1);
	cr_expect_eq(free_pages(PAGE_2M), before, "%ld", free_pages(PAGE_2M));
}

Test(mem_huge, files_of_others_are_left_alone)
{
	static const char *const names[] = {"plx-test-map-",   "plx-test-map-x",
					    "plx-test-map-1x", "plx-map-0",
					    "rtemap_0",	       "plx-test-map-0-pa-"};
	char path[128];

	NEED_PAGES(1);
	NEED_DIR("pagesize=2M");
	for (size_t i = 0; i < PLX_ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		close(open(path, O_CREAT | O_RDWR, 0600));
	}
	init_ok();
	cr_expect_eq(plx_mem_reap_stale(), 0);
	plx_mem_fini();
	cr_expect_eq(count_files(), PLX_ARRAY_SIZE(names), "%u files", count_files());
}

/* Physical addresses */

static uint64_t pagemap(const void *addr)
{
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY);

	if (pread(fd, &entry, 8, (off_t)((uintptr_t)addr / 4096 * 8)) != 8)
		entry = 0;
	close(fd);
	return (entry & (((uint64_t)1 << 55) - 1)) * 4096 + (uintptr_t)addr % 4096;
}

static int check_segment(const struct plx_mem_segment *segment, void *arg)
{
	for (size_t i = 0; i < segment->len_bytes; i += PAGE_2M) {
		const char *at = (const char *)segment->addr + i;

		cr_expect_eq(pagemap(at), segment->iova + i, "%p", at);
		cr_expect_eq(plx_mem_virt2iova(at), segment->iova + i, "%p", at);
	}
	++*(unsigned *)arg;
	return 0;
}

Test(mem_huge, physical_addresses)
{
	const struct plx_memzone *mz, *small;
	unsigned nb = 0;
	char *p;

	NEED_PAGES(24);
	NEED_DIR("pagesize=2M");
	mem_conf.iova_mode = PLX_IOVA_PA;
	mem_conf.mem_mb = 16;
	init_ok();
	cr_expect_eq(plx_mem_iova_mode(), PLX_IOVA_PA);
	for (uintptr_t at = plx_mem.base + PAGE_2M; at < plx_mem.base + 16 * MB; at += PAGE_2M)
		cr_expect_lt(pagemap((void *)(at - PAGE_2M)), pagemap((void *)at),
			     "pages of one growth are not in physical order at 0x%lx", at);
	p = plx_mem_alloc(11 * MB, 0, PLX_NODE_ANY);
	cr_assert(p && plx_mem_alloc(11 * MB, 0, PLX_NODE_ANY), "%s", caught.error);
	cr_expect_eq(plx_mem_virt2iova(p + 12345), pagemap(p + 12345));
	/* Mapped anew in another order, pages are still whole, zero and our own. */
	cr_expect(all_bytes(p, 11 * MB, 0), "not zero");
	for (size_t i = 0; i < 11 * MB; i += 4096)
		*(size_t *)(p + i) = i;
	for (size_t i = 0; i < 11 * MB; i += 4096)
		cr_assert_eq(*(size_t *)(p + i), i, "page %zu is mapped twice", i / 4096);
	cr_assert_eq(plx_mem_walk(check_segment, &nb), 0);
	cr_expect_geq(nb, 1);
	for (int i = 0; i < 8; i++) {
		char name[16];

		snprintf(name, sizeof(name), "z%d", i);
		cr_assert_eq(plx_memzone_reserve(name, MB + MB / 2, PLX_NODE_ANY,
						 PLX_MEMZONE_IOVA_CONTIG, 4096, PAGE_2M, &small),
			     0, "%s", caught.error);
		cr_expect_eq(small->iova, pagemap(small->addr));
		cr_expect_eq(small->iova / PAGE_2M, (small->iova + small->len_bytes - 1) / PAGE_2M);
	}
	plx_mem_free(p);
	cr_assert_eq(plx_memzone_reserve("wide", 9 * MB, PLX_NODE_ANY, 0, 0, 0, &mz), 0, "%s",
		     caught.error);
	check_heaps();
}

Test(mem_huge, a_run_of_neighbours_in_physical_memory)
{
	const struct plx_memzone *mz;
	int ret;

	NEED_PAGES(40);
	NEED_DIR("pagesize=2M,size=80M");
	mem_conf.iova_mode = PLX_IOVA_PA;
	init_ok();
	ret = plx_memzone_reserve("run", 2 * PAGE_2M, PLX_NODE_ANY, PLX_MEMZONE_IOVA_CONTIG, 0, 0,
				  &mz);
	if (ret == -ENOMEM)
		cr_skip_test("needs two free hugepages that are neighbours: %s", caught.error);
	cr_assert_eq(ret, 0, "%s", caught.error);
	for (size_t i = 0; i < mz->len_bytes; i += 4096)
		cr_assert_eq(pagemap((char *)mz->addr + i), mz->iova + i, "at %zu", i);
	/* Pages that were taken for the search only are back. */
	cr_expect_leq(mem_stats().all.nb_pages, 3, "%zu pages", mem_stats().all.nb_pages);
	check_heaps();
	/* A run as long as this is not to be had; nothing is kept of the search. */
	catch_log();
	ret = plx_memzone_reserve("no", 18 * PAGE_2M, PLX_NODE_ANY, PLX_MEMZONE_IOVA_CONTIG, 0, 0,
				  &mz);
	if (ret == 0)
		cr_skip_test("needs memory where 18 neighbours are not free");
	cr_expect_eq(ret, -ENOMEM, "%d", ret);
	cr_expect(strstr(caught.error, "neighbours in physical memory"), "%s", caught.error);
	cr_expect_eq(caught.nb_lines, 1, "%u lines", caught.nb_lines);
	cr_expect_leq(mem_stats().all.nb_pages, 3, "%zu pages", mem_stats().all.nb_pages);
	check_heaps();
}

static int refuse(void *va, uint64_t iova, size_t len, void *arg)
{
	(void)va;
	(void)iova;
	(void)len;
	(void)arg;
	return -EBUSY;
}

Test(mem_huge, a_growth_undone_gives_its_pages_back)
{
	static struct plx_mem_watch watch = {.added = refuse};
	long before = free_pages(PAGE_2M);

	NEED_PAGES(4);
	init_ok();
	cr_assert_eq(plx_mem_watch_add(&watch), 0);
	errno = 0;
	cr_expect_eq(plx_mem_alloc(5 * MB, 0, PLX_NODE_ANY), NULL);
	cr_expect_eq(errno, EBUSY, "%d", errno);
	cr_expect_eq(free_pages(PAGE_2M), before, "%ld", free_pages(PAGE_2M));
	cr_expect_eq(plx_mem_virt2iova((void *)plx_mem.base), PLX_IOVA_BAD);
}

Test(mem_huge, physical_memory_outlives_its_owner_until_the_cards_stop)
{
	long before = free_pages(PAGE_2M);
	pid_t pid;

	NEED_PAGES(12);
	NEED_DIR("pagesize=2M,size=20M");
	mem_conf.iova_mode = PLX_IOVA_PA;
	mem_conf.mem_mb = 16;
	pid = spawn_holder(2 * MB);
	cr_assert_gt(pid, 0, "the child did not start");
	kill_holder(pid);
	cr_expect_eq(free_pages(PAGE_2M), before - 8, "%ld", free_pages(PAGE_2M));
	/* 8 of the mount's 10 pages are the dead one's: 2 come now, 6 when the cards are still. */
	init_ok();
	cr_expect_eq(mem_stats().all.nb_pages, 2, "%zu", mem_stats().all.nb_pages);
	cr_expect_eq(plx_mem_alloc(6 * MB, 0, PLX_NODE_ANY), NULL);
	cr_expect(strstr(caught.error, "8 are held by a run"), "%s", caught.error);
	cr_expect_eq(plx_mem_reap_stale(), 1, "%s", caught.error);
	cr_expect_eq(mem_stats().all.nb_pages, 8, "%zu", mem_stats().all.nb_pages);
	cr_expect_eq(mem_stats().all.biggest_free_bytes, 16 * MB);
	cr_expect_eq(free_pages(PAGE_2M), before - 8, "%ld", free_pages(PAGE_2M));
	check_heaps();
	plx_mem_fini();
	cr_expect_eq(free_pages(PAGE_2M), before, "%ld", free_pages(PAGE_2M));
	cr_expect_eq(count_files(), 0, "%u files", count_files());
}

Test(mem_huge, physical_without_a_mount_warns)
{
	NEED_PAGES(1);
	if (geteuid() != 0)
		cr_skip_test("needs root, to read physical addresses");
	mem_conf.iova_mode = PLX_IOVA_PA;
	mem_conf.in_memory = true;
	init_ok();
	cr_expect(strstr(caught.last, "does not outlive a crash"), "%s", caught.last);
	cr_expect(plx_mem_alloc(64, 0, PLX_NODE_ANY), "%s", caught.error);
}

Test(mem_huge, physical_finds_a_mount)
{
	NEED_PAGES(1);
	NEED_DIR("pagesize=2M");
	mem_conf.huge_dir = NULL;
	mem_conf.iova_mode = PLX_IOVA_PA;
	init_ok();
	cr_expect_eq(caught.nb_lines, 0, "%s", caught.last);
	cr_expect(strstr(plx_mem.file.path, "plx-test-map-0-pa"), "%s", plx_mem.file.path);
}

Test(mem_huge, a_thousand_lives)
{
	long before = free_pages(PAGE_2M);
	unsigned fds = 0, maps = 0;

	NEED_PAGES(2);
	for (unsigned i = 0; i < 1000; i++) {
		mem_conf.mem_mb = i % 4 ? 0 : 2;
		init_ok();
		if (i % 8 == 0)
			cr_assert(plx_mem_alloc(64, 0, PLX_NODE_ANY), "%s", caught.error);
		plx_mem_fini();
		if (i == 0) {
			fds = count_fds();
			maps = count_maps();
		}
	}
	cr_expect_eq(count_fds(), fds, "%u descriptors, %u before", count_fds(), fds);
	cr_expect_leq(count_maps(), maps, "%u mappings, %u before", count_maps(), maps);
	cr_expect_eq(free_pages(PAGE_2M), before, "%ld", free_pages(PAGE_2M));
}

/* Pages of 1 GB: one is reserved where it can be, and put back. */

#define POOL_1G "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages"

static void write_pool(unsigned long nb)
{
	FILE *file = fopen(POOL_1G, "we");

	if (file) {
		fprintf(file, "%lu\n", nb);
		fclose(file);
	}
}

Test(mem_huge, pages_of_1_gb)
{
	struct plx_hugepage_count count = {0};
	const struct plx_memzone *mz;
	unsigned long total;
	int ret;

	if (plx_hugepage_count(PAGE_1G, PLX_NODE_ANY, &count) != 0)
		cr_skip_test("needs a CPU with pages of 1 GB");
	total = count.total;
	if (count.free == 0)
		write_pool(total + 1);
	plx_hugepage_count(PAGE_1G, PLX_NODE_ANY, &count);
	if (count.free == 0)
		cr_skip_test("needs one free hugepage of 1 GB, and none could be made: "
			     "hugeadm --pool-pages-min 1GB:1");
	mem_conf.huge_page_bytes = PAGE_1G;
	ret = plx_mem_init(&mem_conf);
	if (!ret)
		ret = plx_memzone_reserve("big", 300 * MB, PLX_NODE_ANY, 0, 0, 0, &mz);
	if (!ret) {
		cr_expect_eq(mz->page_bytes, PAGE_1G, "%zu", mz->page_bytes);
		cr_expect_eq((uintptr_t)mz->addr % PAGE_1G, 0, "%p", mz->addr);
		cr_expect_eq(mem_stats().all.nb_pages, 1, "%zu", mem_stats().all.nb_pages);
		*(volatile char *)mz->addr = 1;
		cr_expect_eq(plx_mem_alloc(PAGE_1G + 64, 0, PLX_NODE_ANY), NULL);
		cr_expect(strstr(caught.error, "hugeadm --pool-pages-min 1GB:"), "%s",
			  caught.error);
	}
	plx_mem_fini();
	write_pool(total);
	cr_assert_eq(ret, 0, "%d: %s", ret, caught.error);
}
