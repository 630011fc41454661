/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hugepage sizes and counts, as sysfs tells them; ordinary memory that can still be had, by the
 * machine's word and that of the memory cgroups; and the line for whoever does not get enough.
 */
#include "mem_private.h"
#include "topology.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define POOLS "/kernel/mm/hugepages" /* below sysfs */
#define NODE_DIR "/devices/system/node/node%d"

enum {
	PATH_BYTES = PLX_MEM_LIMIT_BYTES,
	LINE_BYTES = 320,
	TEXT_BYTES = 8192, /* more than any file here has: one of cgroups has some lines */
	MB_SHIFT = 20
};

const char *plx_mem_proc = "/proc";

/* Returns 0, -errno; proc gives a long text in several pieces. */
static int read_text(const char *dir, const char *name, char *text, size_t room)
{
	char path[PATH_BYTES + 32];
	size_t len = 0;
	ssize_t got = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (len < room - 1 && (got = read(fd, text + len, room - 1 - len)) > 0)
		len += (size_t)got;
	close(fd);
	text[len] = '\0';
	return len ? 0 : -EIO;
}

static int read_number(const char *dir, const char *name, unsigned long *value)
{
	char text[32] = "";
	int err = read_text(dir, name, text, sizeof(text));

	/* "max" is none. */
	if (!err && !isdigit((unsigned char)text[0]))
		err = -EINVAL;
	if (!err)
		*value = strtoul(text, NULL, 10);
	return err;
}

int plx_hugepage_count(size_t page_bytes, int node, struct plx_hugepage_count *count)
{
	char dir[PATH_BYTES];
	unsigned long promised = 0, most = 0, made = 0;
	int err;

	if (node == PLX_NODE_ANY)
		snprintf(dir, sizeof(dir), "%s" POOLS "/hugepages-%zukB", plx_topo_sysfs,
			 page_bytes >> 10);
	else
		snprintf(dir, sizeof(dir), "%s" NODE_DIR "/hugepages/hugepages-%zukB",
			 plx_topo_sysfs, node, page_bytes >> 10);
	count->more = 0;
	err = read_number(dir, "nr_hugepages", &count->total);
	if (!err)
		err = read_number(dir, "free_hugepages", &count->free);
	if (err)
		return err;
	/* Only the machine as a whole knows what is promised to mappings that have not touched. */
	if (node == PLX_NODE_ANY && read_number(dir, "resv_hugepages", &promised) == 0)
		count->free -= promised < count->free ? promised : count->free;
	if (node == PLX_NODE_ANY && read_number(dir, "nr_overcommit_hugepages", &most) == 0 &&
	    read_number(dir, "surplus_hugepages", &made) == 0 && made < most)
		count->more = most - made;
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
	char path[PATH_BYTES], name[PLX_MEM_NAME_BYTES];
	struct dirent *entry;
	size_t len = 0, kb;
	DIR *dir;

	snprintf(path, sizeof(path), "%s" POOLS, plx_topo_sysfs);
	dir = opendir(path);
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

static bool no_sysfs(void)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof(path), "%s/kernel", plx_topo_sysfs);
	return access(path, F_OK) != 0;
}

/* How gladly that size is taken: pages that are free, can be made, are there at all; 0: no size. */
static int rank(size_t page_bytes)
{
	struct plx_hugepage_count count;

	if (plx_hugepage_count(page_bytes, PLX_NODE_ANY, &count) != 0)
		return 0;
	return count.free ? 4 : count.more ? 3 : count.total ? 2 : 1;
}

size_t plx_hugepage_pick(const struct plx_eal_conf *conf)
{
	static const size_t sizes[] = {(size_t)2 << MB_SHIFT, (size_t)1 << 30};
	char name[PLX_MEM_NAME_BYTES], list[LINE_BYTES];
	size_t size = conf->huge_page_bytes;
	int best = 0;

	if (no_sysfs()) {
		LOG_INFO("hugepages can't be counted: sysfs is not mounted on %s", plx_topo_sysfs);
		return size ? size : sizes[0];
	}
	if (size) {
		if (rank(size) > 0)
			return size;
		list_sizes(list, sizeof(list));
		LOG_ERR("hugepages of %s: this kernel has no such size; allowed: %s",
			plx_hugepage_name(size, name), list);
		return 0;
	}
	for (size_t i = 0; i < PLX_ARRAY_SIZE(sizes); i++) {
		if (rank(sizes[i]) <= best)
			continue;
		best = rank(sizes[i]);
		size = sizes[i];
	}
	/* No page of either may be there: the message about that comes when one is wanted. */
	if (!size)
		LOG_ERR("this kernel has no hugepages of 2 MB or 1 GB: run with --no-huge");
	return size;
}

/* Ordinary memory */

struct room {
	size_t bytes;
	char *limit; /* PLX_MEM_LIMIT_BYTES */
};

static bool lower(struct room *room, size_t bytes)
{
	bool is_less = bytes < room->bytes;

	if (is_less)
		room->bytes = bytes;
	return is_less;
}

/* The sum of the numbers behind @keys; false when none of them is there. */
static bool sum_of(const char *text, const char *const *keys, size_t *sum)
{
	bool found = false;

	for (*sum = 0; *keys; keys++) {
		const char *at = strstr(text, *keys);

		if (!at)
			continue;
		*sum += strtoul(at + strlen(*keys), NULL, 10);
		found = true;
	}
	return found;
}

static void look_at_machine(int node, struct room *room)
{
	static const char *const available[] = {"\nMemAvailable:", NULL};
	static const char *const of_node[] = {
		" MemFree:", " Active(file):", " Inactive(file):", " SReclaimable:", NULL};
	char text[TEXT_BYTES], dir[PATH_BYTES];
	size_t kb;

	if (read_text(plx_mem_proc, "meminfo", text, sizeof(text)) == 0 &&
	    sum_of(text, available, &kb) && lower(room, kb << 10))
		snprintf(room->limit, PLX_MEM_LIMIT_BYTES, "MemAvailable of /proc/meminfo");
	if (plx_mem.nb_heaps < 2)
		return;
	snprintf(dir, sizeof(dir), "%s" NODE_DIR, plx_topo_sysfs, node);
	if (read_text(dir, "meminfo", text, sizeof(text)) == 0 && sum_of(text, of_node, &kb) &&
	    lower(room, kb << 10))
		snprintf(room->limit, PLX_MEM_LIMIT_BYTES, "the memory of NUMA node %d", node);
}

struct cgroup_names {
	const char *mount, *limit, *usage;
	const char *cache[3]; /* part of the usage that gives way */
};

static void look_at_cgroup(const struct cgroup_names *names, const char *dir, struct room *room)
{
	unsigned long limit, usage;
	char text[TEXT_BYTES];
	size_t cache = 0;

	if (read_number(dir, names->limit, &limit) != 0 ||
	    read_number(dir, names->usage, &usage) != 0)
		return;
	if (read_text(dir, "memory.stat", text, sizeof(text)) == 0)
		sum_of(text, names->cache, &cache);
	usage -= cache < usage ? cache : usage;
	if (lower(room, usage < limit ? limit - usage : 0))
		snprintf(room->limit, PLX_MEM_LIMIT_BYTES, "%s/%s is %lu MB", dir, names->limit,
			 limit >> MB_SHIFT);
}

/* A cgroup's parents have limits, too. In a container the path may be the host's: then only the
 * mount itself is there, and is the container's. */
static void look_at_cgroups(const struct cgroup_names *names, const char *path, struct room *room)
{
	char dir[PATH_BYTES * 2], *slash;
	size_t top = (size_t)snprintf(dir, sizeof(dir), "%s%s", plx_topo_sysfs, names->mount);

	snprintf(dir + top, sizeof(dir) - top, "%s", strcmp(path, "/") != 0 ? path : "");
	for (;;) {
		look_at_cgroup(names, dir, room);
		slash = strrchr(dir, '/');
		if (!slash || slash < dir + top)
			return;
		*slash = '\0';
	}
}

size_t plx_mem_ram_room(int node, char limit[PLX_MEM_LIMIT_BYTES])
{
	static const struct cgroup_names v1 = {
		"/fs/cgroup/memory",
		"memory.limit_in_bytes",
		"memory.usage_in_bytes",
		{"\ntotal_inactive_file ", "\ntotal_active_file ", NULL},
	};
	static const struct cgroup_names v2 = {
		"/fs/cgroup",
		"memory.max",
		"memory.current",
		{"\ninactive_file ", "\nactive_file ", NULL},
	};
	struct room room = {SIZE_MAX, limit};
	char text[TEXT_BYTES], *line, *save;

	limit[0] = '\0';
	look_at_machine(node, &room);
	/* Lines of "<id>:<controllers>:<path>"; version 2 names no controllers. */
	if (read_text(plx_mem_proc, "self/cgroup", text, sizeof(text)) != 0)
		text[0] = '\0';
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *first = strchr(line, ':'), *second = first ? strchr(first + 1, ':') : NULL;

		if (!second)
			continue;
		*second = '\0';
		if (second == first + 1)
			look_at_cgroups(&v2, second + 1, &room);
		else if (strstr(first, "memory"))
			look_at_cgroups(&v1, second + 1, &room);
	}
	return room.bytes;
}

/* What to say */

/* The command that makes @total pages of that size; setup.sh and hugeadm know no nodes. */
static void mend(char *text, size_t room, size_t page_bytes, int node, unsigned long total)
{
	size_t mb = page_bytes >> MB_SHIFT;

	if (node != PLX_NODE_ANY)
		snprintf(text, room,
			 "`echo %lu > /sys" NODE_DIR "/hugepages/hugepages-%zukB/nr_hugepages`",
			 total, node, page_bytes >> 10);
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
	if (plx_hugepage_count(plx_mem.page_bytes, node, &count) != 0)
		node = PLX_NODE_ANY;
	if (node == PLX_NODE_ANY && plx_hugepage_count(plx_mem.page_bytes, node, &count) != 0) {
		LOG_ERR("%s: %zu hugepages of %s wanted, and the kernel says \"%s\"; how many "
			"there "
			"are can't be told: %s: reserve some, or run with --no-huge",
			what, lack->nb_grains, name, strerror(-lack->err),
			no_sysfs() ? "sysfs is not mounted" : "sysfs has no such size");
		return;
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
	else if (lack->call &&
		 (lack->err == -EPERM || lack->err == -EACCES || lack->err == -ENOSYS))
		LOG_ERR("%s: memory can't be mapped: %s: %s; where a container or a seccomp filter "
			"refuses that system call, allow it",
			what, lack->call, strerror(-lack->err));
	else
		LOG_ERR("%s: memory can't be mapped: %s%s%s", what, lack->call ? lack->call : "",
			lack->call ? ": " : "", strerror(-lack->err));
}

void plx_mem_log_lack(const char *what, const struct plx_mem_lack *lack)
{
	char name[PLX_MEM_NAME_BYTES];

	switch (lack->why) {
	case PLX_MEM_LACK_PAGES:
		log_pages(what, lack);
		return;
	case PLX_MEM_LACK_RAM:
		LOG_ERR("%s: %zu MB of ordinary pages wanted, %zu MB can be had (%s): ask for "
			"less, "
			"free memory or raise that limit",
			what, (lack->nb_grains << plx_mem.grain_shift) >> MB_SHIFT,
			lack->room_bytes >> MB_SHIFT, lack->limit);
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
		/* The watcher told why. */
		LOG_INFO("%s: new memory can't be mapped for a device: %s", what,
			 strerror(-lack->err));
		return;
	case PLX_MEM_LACK_OTHER:
		log_other(what, lack);
		return;
	}
}
