/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which hugetlbfs mount IOVA as PA takes by itself, and what a start leaves behind that failed
 * while files of the dead hold pages. Mounts are in a mount namespace of the test's own; a table of
 * its own says in which order.
 */
#include "eal_mem.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static char dirs[2][64];
static int fallocate_err;

/* In place of libc's. */
int fallocate(int fd, int mode, off_t offset, off_t len)
{
	if (fallocate_err) {
		errno = fallocate_err;
		return -1;
	}
	return (int)syscall(SYS_fallocate, fd, mode, offset, len);
}

static void start(void)
{
	catch_log();
	mem_conf_reset(true);
	mem_conf.huge_page_bytes = 0;
	mem_conf.iova_mode = PLX_IOVA_PA;
}

static void stop(void)
{
	plx_mem_fini();
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(dirs); i++)
		if (dirs[i][0])
			umount2(dirs[i], MNT_DETACH);
	if (tree[0])
		tree_drop();
}

TestSuite(mem_mounts, .init = start, .fini = stop);

/* Two mounts with these options, listed in this order; NULL, or what is missing. */
static const char *mount_two(const char *first, const char *second)
{
	const char *options[] = {first, second};
	char link[64], table[256] = "";
	size_t len = 0;

	if (geteuid() != 0)
		return "needs root, to mount hugetlbfs";
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return "needs a mount namespace of its own";
	tree_make();
	for (unsigned i = 0; i < 2; i++) {
		snprintf(dirs[i], sizeof(dirs[i]), "%s/huge%u", tree, i);
		mkdir(dirs[i], 0755);
		if (mount("none", dirs[i], "hugetlbfs", 0, options[i]) != 0)
			return "needs a kernel with hugepages of 2 MB and 1 GB";
		len += (size_t)snprintf(table + len, sizeof(table) - len,
					"none %s hugetlbfs rw,%s 0 0\n", dirs[i], options[i]);
	}
	tree_put("self/mounts", "%s", table);
	snprintf(link, sizeof(link), "%s/self/pagemap", tree);
	if (symlink("/proc/self/pagemap", link) != 0)
		return "symlink";
	plx_mem_proc = tree;
	return NULL;
}

#define NEED_MOUNTS(first, second)                                                                 \
	do {                                                                                       \
		const char *missing = mount_two(first, second);                                    \
		if (missing)                                                                       \
			cr_skip_test("%s", missing);                                               \
	} while (0)

static void init_takes(unsigned dir)
{
	int ret = plx_mem_init(&mem_conf);

	cr_assert_eq(ret, 0, "plx_mem_init: %d: %s", ret, caught.error);
	cr_assert(plx_mem.file.dir, "no mount was taken: %s", caught.last);
	cr_expect_str_eq(plx_mem.file.dir, dirs[dir]);
	cr_expect_eq(caught.nb_lines, 0, "%s", caught.last);
	cr_expect(plx_mem_alloc(3 * MB, 0, PLX_NODE_ANY), "%s", caught.error);
}

Test(mem_mounts, one_whose_pool_has_pages)
{
	NEED_PAGES(2);
	if (free_pages(512 * PAGE_2M) != 0)
		cr_skip_test("needs no free hugepage of 1 GB");
	NEED_MOUNTS("pagesize=1G", "pagesize=2M");
	init_takes(1);
}

Test(mem_mounts, one_whose_size_is_not_used_up)
{
	char path[96];
	int fd;

	NEED_PAGES(4);
	NEED_MOUNTS("pagesize=2M,size=2M", "pagesize=2M");
	snprintf(path, sizeof(path), "%s/other", dirs[0]);
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	cr_assert_eq(fallocate(fd, 0, 0, (off_t)PAGE_2M), 0, "%s: %s", path, strerror(errno));
	init_takes(1);
	close(fd);
}

Test(mem_mounts, none_with_pages_is_a_warning)
{
	NEED_PAGES(2);
	if (free_pages(512 * PAGE_2M) != 0)
		cr_skip_test("needs no free hugepage of 1 GB");
	NEED_MOUNTS("pagesize=1G", "pagesize=1G");
	cr_assert_eq(plx_mem_init(&mem_conf), 0, "%s", caught.error);
	cr_expect(strstr(caught.last, "does not outlive a crash"), "%s", caught.last);
	cr_expect(plx_mem_alloc(3 * MB, 0, PLX_NODE_ANY), "%s", caught.error);
}

static void die_with_pages(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		mem_conf.mem_mb = 8;
		if (plx_mem_init(&mem_conf) == 0)
			kill(getpid(), SIGKILL);
		_exit(1);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status), "the child did not start");
}

Test(mem_mounts, what_is_owed_is_forgotten_when_the_start_fails)
{
	size_t owed = 0;

	NEED_PAGES(8);
	NEED_MOUNTS("pagesize=2M,size=10M", "pagesize=2M");
	mem_conf.huge_dir = dirs[0];
	die_with_pages();
	/* Four of five pages are the dead one's: three are owed when the next option fails. */
	mem_conf.mem_mb = 8;
	mem_conf.socket_mem_mb[PLX_NODE_MAX - 1] = 2;
	cr_assert_eq(plx_mem_init(&mem_conf), -EINVAL);
	cr_expect_eq(caught.nb_lines, 2, "%u lines: %s", caught.nb_lines, caught.last);
	for (unsigned i = 0; i < PLX_NODE_MAX; i++)
		owed += plx_mem.owed_bytes[i];
	cr_expect_eq(owed, 0, "%zu bytes", owed);
	/* So the next start gets what it asks for, and no more. */
	mem_conf.mem_mb = 2;
	mem_conf.socket_mem_mb[PLX_NODE_MAX - 1] = 0;
	cr_assert_eq(plx_mem_init(&mem_conf), 0, "%s", caught.error);
	cr_expect_eq(plx_mem_reap_stale(), 1, "%s", caught.error);
	cr_expect_eq(mem_stats().all.nb_pages, 1, "%zu", mem_stats().all.nb_pages);
}

Test(mem_mounts, a_refused_fallocate_is_named)
{
	NEED_PAGES(2);
	mem_conf.iova_mode = PLX_IOVA_VA;
	cr_assert_eq(plx_mem_init(&mem_conf), 0, "%s", caught.error);
	fallocate_err = EPERM;
	cr_expect_eq(plx_mem_alloc(64, 0, PLX_NODE_ANY), NULL);
	cr_expect(strstr(caught.error, "fallocate: Operation not permitted"), "%s", caught.error);
	cr_expect(strstr(caught.error, "seccomp"), "%s", caught.error);
}
