/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hugepage sizes and counts, as sysfs tells them, and the line for whoever does not get enough.
 */
#include "mem_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define POOLS "/sys/kernel/mm/hugepages"
#define NODE_POOL "/sys/devices/system/node/node%d/hugepages/hugepages-%zukB"

enum { PATH_BYTES = 128, LINE_BYTES = 320, MB_SHIFT = 20 };

static int read_number(const char *dir, const char *name, unsigned long *value)
{
	char path[PATH_BYTES + 32], text[32];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return -EIO;
	text[len] = '\0';
	*value = strtoul(text, NULL, 10);
	return 0;
}

int plx_hugepage_count(size_t page_bytes, int node, struct plx_hugepage_count *count)
{
	char dir[PATH_BYTES];
	unsigned long promised = 0;
	int err;

	if (node == PLX_NODE_ANY)
		snprintf(dir, sizeof(dir), POOLS "/hugepages-%zukB", page_bytes >> 10);
	else
		snprintf(dir, sizeof(dir), NODE_POOL, node, page_bytes >> 10);
	err = read_number(dir, "nr_hugepages", &count->total);
	if (!err)
		err = read_number(dir, "free_hugepages", &count->free);
	if (err)
		return err;
	/* Only the machine as a whole knows what is promised to mappings that have not touched. */
	if (node == PLX_NODE_ANY && read_number(dir, "resv_hugepages", &promised) == 0)
		count->free -= promised < count->free ? promised : count->free;
	return 0;
}

const char *plx_hugepage_name(size_t bytes, char name[PLX_MEM_NAME_BYTES])
{
	if (bytes >> 30 && !(bytes & ((1u << 30) - 1)))
		snprintf(name, PLX_MEM_NAME_BYTES, "%zu GB", bytes >> 30);
	else if (bytes >> 20 && !(bytes & ((1u << 20) - 1)))
		snprintf(name, PLX_MEM_NAME_BYTES, "%zu MB", bytes >> 20);
	else
		snprintf(name, PLX_MEM_NAME_BYTES, "%zu kB", bytes >> 10);
	return name;
}

/* "2 MB, 1 GB": what the kernel can do. */
static void list_sizes(char *text, size_t room)
{
	DIR *dir = opendir(POOLS);
	struct dirent *entry;
	char name[PLX_MEM_NAME_BYTES];
	size_t len = 0, kb;

	snprintf(text, room, "none");
	while (dir && (entry = readdir(dir)) != NULL && len < room) {
		if (sscanf(entry->d_name, "hugepages-%zukB", &kb) != 1)
			continue;
		len += (size_t)snprintf(text + len, room - len, "%s%s", len ? ", " : "",
					plx_hugepage_name(kb << 10, name));
	}
	if (dir)
		closedir(dir);
}

size_t plx_hugepage_pick(const struct plx_eal_conf *conf)
{
	static const size_t sizes[] = {(size_t)2 << MB_SHIFT, (size_t)1 << 30};
	struct plx_hugepage_count count;
	char name[PLX_MEM_NAME_BYTES], list[LINE_BYTES];
	size_t first = 0;

	if (conf->huge_page_bytes) {
		if (plx_hugepage_count(conf->huge_page_bytes, PLX_NODE_ANY, &count) == 0)
			return conf->huge_page_bytes;
		list_sizes(list, sizeof(list));
		LOG_ERR("hugepages of %s: this kernel has no such size; allowed: %s",
			plx_hugepage_name(conf->huge_page_bytes, name), list);
		return 0;
	}
	for (size_t i = 0; i < PLX_ARRAY_SIZE(sizes); i++) {
		if (plx_hugepage_count(sizes[i], PLX_NODE_ANY, &count) != 0)
			continue;
		if (count.total > 0)
			return sizes[i];
		if (!first)
			first = sizes[i];
	}
	/* No page of either is reserved: the message about that comes when one is wanted. */
	if (!first)
		LOG_ERR("this kernel has no hugepages of 2 MB or 1 GB: run with --no-huge");
	return first;
}

/* The command that makes @total pages of that size; setup.sh and hugeadm know no nodes. */
static void mend(char *text, size_t room, size_t page_bytes, int node, unsigned long total)
{
	size_t mb = page_bytes >> MB_SHIFT;

	if (node != PLX_NODE_ANY)
		snprintf(text, room, "`echo %lu > " NODE_POOL "/nr_hugepages`", total, node,
			 page_bytes >> 10);
	else if (mb >= 1024)
		snprintf(text, room, "`hugeadm --pool-pages-min %zuGB:%lu`", mb >> 10, total);
	else if (mb == 2)
		snprintf(text, room,
			 "`scripts/setup.sh --hugepages %lu` or `hugeadm --pool-pages-min "
			 "2MB:%lu`",
			 total, total);
	else
		snprintf(text, room, "`hugeadm --pool-pages-min %zuMB:%lu`", mb, total);
}

static void log_pages(const char *what, const struct plx_mem_lack *lack)
{
	char name[PLX_MEM_NAME_BYTES], how[LINE_BYTES], where[32] = "";
	struct plx_hugepage_count count = {0};
	size_t room = plx_mem_file_room(&plx_mem.file);
	size_t stale = plx_mem_file_stale_pages(&plx_mem.file, plx_mem.conf->file_prefix);
	int node = plx_mem.nb_heaps > 1 ? lack->node : PLX_NODE_ANY;

	plx_hugepage_name(plx_mem.page_bytes, name);
	if (plx_hugepage_count(plx_mem.page_bytes, node, &count) != 0) {
		node = PLX_NODE_ANY;
		plx_hugepage_count(plx_mem.page_bytes, node, &count);
	}
	if (node != PLX_NODE_ANY)
		snprintf(where, sizeof(where), " of NUMA node %d", node);
	if (stale) {
		LOG_ERR("%s: %zu hugepages of %s%s wanted, %lu free of %lu; %zu are held by a run "
			"of this --file-prefix that died, until its devices are stopped",
			what, lack->nb_grains, name, where, count.free, count.total, stale);
		return;
	}
	if (room < lack->nb_grains) {
		LOG_ERR("%s: %zu hugepages of %s wanted, %zu left of the size= that %s is mounted "
			"with",
			what, lack->nb_grains, name, room, plx_mem.file.dir);
		return;
	}
	if (count.free >= lack->nb_grains) {
		LOG_ERR("%s: %zu hugepages of %s%s wanted and %lu are free, but the kernel says "
			"\"%s\": look for a limit (hugetlb cgroup, ulimit)",
			what, lack->nb_grains, name, where, count.free, strerror(-lack->err));
		return;
	}
	mend(how, sizeof(how), plx_mem.page_bytes, node,
	     count.total - count.free + lack->nb_grains);
	LOG_ERR("%s: %zu hugepages of %s%s wanted, %lu free of %lu: reserve more with %s, or run "
		"with --no-huge",
		what, lack->nb_grains, name, where, count.free, count.total, how);
}

/* EAGAIN is how mmap() says that locked memory is limited. */
static void log_other(const char *what, const struct plx_mem_lack *lack)
{
	struct rlimit limit = {0};

	if (lack->err == -EAGAIN && getrlimit(RLIMIT_MEMLOCK, &limit) == 0)
		LOG_ERR("%s: all memory is to be locked, and the limit is %llu kB: raise `ulimit "
			"-l`",
			what, (unsigned long long)limit.rlim_cur >> 10);
	else if (lack->err == -EFBIG && getrlimit(RLIMIT_FSIZE, &limit) == 0)
		LOG_ERR("%s: files are limited to %llu kB: raise `ulimit -f`", what,
			(unsigned long long)limit.rlim_cur >> 10);
	else if (lack->err == -ENOMEM)
		LOG_ERR("%s: memory can't be mapped: %s; look at `ulimit -v`, "
			"vm.overcommit_memory, vm.max_map_count",
			what, strerror(-lack->err));
	else
		LOG_ERR("%s: memory can't be mapped: %s", what, strerror(-lack->err));
}

void plx_mem_log_lack(const char *what, const struct plx_mem_lack *lack)
{
	char name[PLX_MEM_NAME_BYTES];

	switch (lack->why) {
	case PLX_MEM_LACK_PAGES:
		log_pages(what, lack);
		return;
	case PLX_MEM_LACK_SPACE:
		LOG_ERR("%s: the addresses reserved for NUMA node %d are used up (%s)", what,
			lack->node,
			plx_hugepage_name(plx_mem.heaps[0].nb_grains << plx_mem.grain_shift, name));
		return;
	case PLX_MEM_LACK_CONTIG:
		LOG_ERR("%s: no %zu hugepages of %s that are neighbours in physical memory: use "
			"larger pages, or IOVA as VA",
			what, lack->nb_grains, plx_hugepage_name(plx_mem.page_bytes, name));
		return;
	case PLX_MEM_LACK_ACCESS:
		LOG_ERR("%s: physical addresses can't be read from /proc/self/pagemap: %s", what,
			strerror(-lack->err));
		return;
	case PLX_MEM_LACK_WATCHER:
		LOG_ERR("%s: new memory can't be mapped for a device: %s", what,
			strerror(-lack->err));
		return;
	case PLX_MEM_LACK_OTHER:
		log_other(what, lack);
		return;
	}
}
