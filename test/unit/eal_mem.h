/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of memory share: settings, hugepages counted, bytes looked at.
 */
#ifndef TEST_EAL_MEM_H
#define TEST_EAL_MEM_H

#include "eal_log.h"
#include "mem_private.h"
#include "seed.h"
#include "topology.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <pollux/bits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define PLX_TEST_ASAN
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define PLX_TEST_ASAN
#endif

#define MB ((size_t)1 << 20)
#define PAGE_2M (2 * MB)

static struct plx_eal_conf mem_conf;
static char mem_prefix[] = "plx-test";

static inline void mem_conf_reset(bool huge)
{
	memset(&mem_conf, 0, sizeof(mem_conf));
	mem_conf.no_huge = !huge;
	mem_conf.huge_page_bytes = huge ? PAGE_2M : 0;
	mem_conf.file_prefix = mem_prefix;
}

static inline long free_pages(size_t bytes)
{
	struct plx_hugepage_count count;

	return plx_hugepage_count(bytes, PLX_NODE_ANY, &count) ? -1 : (long)count.free;
}

/* Call first in a test that takes @nb hugepages of 2 MB. */
#define NEED_PAGES(nb)                                                                             \
	do {                                                                                       \
		if (free_pages(PAGE_2M) < (nb))                                                    \
			cr_skip_test("needs %d free hugepages of 2 MB, %ld are free: "             \
				     "hugeadm --pool-pages-min 2MB:%d",                            \
				     (nb), free_pages(PAGE_2M), (nb));                             \
	} while (0)

static inline void start_mem(bool huge)
{
	int ret;

	mem_conf_reset(huge);
	ret = plx_mem_init(&mem_conf);
	cr_assert_eq(ret, 0, "plx_mem_init: %d: %s", ret, caught.error);
}

static inline struct plx_mem_stats mem_stats(void)
{
	struct plx_mem_stats stats;
	int ret = plx_mem_stats(&stats);

	cr_assert_eq(ret, 0, "plx_mem_stats: %d", ret);
	return stats;
}

static inline bool all_bytes(const void *addr, size_t len, unsigned char value)
{
	const unsigned char *p = addr;

	return len == 0 || (p[0] == value && memcmp(p, p + 1, len - 1) == 0);
}

/* The heaps are sound and their pages are those of the table. */
static inline void check_heaps(void)
{
	for (unsigned i = 0; i < plx_mem.nb_heaps; i++) {
		const char *wrong = plx_mem_heap_check(&plx_mem.heaps[i]);

		cr_assert(wrong == NULL, "heap %u: %s", i, wrong);
	}
}

static inline unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned nb = 0;

	while (readdir(dir))
		nb++;
	closedir(dir);
	return nb;
}

static inline unsigned count_maps(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned nb = 0;
	int c;

	while ((c = fgetc(maps)) != EOF)
		nb += c == '\n';
	fclose(maps);
	return nb;
}

/* A tree that stands in for proc or sysfs. */
static char tree[32];

static inline void tree_make(void)
{
	snprintf(tree, sizeof(tree), "/tmp/plx-test-XXXXXX");
	cr_assert(mkdtemp(tree), "%s: %s", tree, strerror(errno));
}

/* A file of the tree with this text, and the directories above it. */
PLX_PRINTF(2, 3) static inline void tree_put(const char *path, const char *fmt, ...)
{
	char full[512];
	va_list args;
	FILE *file;

	snprintf(full, sizeof(full), "%s/%s", tree, path);
	for (char *at = strchr(full + strlen(tree) + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		mkdir(full, 0755);
		*at = '/';
	}
	file = fopen(full, "we");
	cr_assert(file, "%s: %s", full, strerror(errno));
	va_start(args, fmt);
	vfprintf(file, fmt, args);
	va_end(args);
	fclose(file);
}

static inline int tree_remove_one(const char *path, const struct stat *st, int type,
				  struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void tree_drop(void)
{
	nftw(tree, tree_remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

#endif
