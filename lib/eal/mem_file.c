/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the hugepages are pages of. A memfd dies with its process. A file on a hugetlbfs mount is
 * named <prefix>-map-<N>, or <prefix>-map-<N>-pa when devices know its physical addresses, and is
 * locked by flock(2) as long as its owner, or a child that the owner forked, lives.
 *
 * The rule for files of dead owners: with IOVA as VA the kernel took the memory from the device
 * when the owner died, so the next start with the same prefix removes them. With IOVA as PA a card
 * that nobody has stopped goes on writing into them, so they must stay allocated until the cards
 * are stopped: plx_mem_reap_stale() removes them. Either way the N of a file is free for anyone.
 */
#include "mem_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <mntent.h>
#include <pollux/bits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x8u
#endif

enum { FILES_MAX = 10000, STAT_BLOCK_BYTES = 512 };

/* "<prefix>-map-<digits>" with or without "-pa"? */
static bool name_is_ours(const char *name, const char *prefix, bool *pa)
{
	size_t len = strlen(prefix), digits;

	if (strncmp(name, prefix, len) != 0 || strncmp(name + len, "-map-", 5) != 0)
		return false;
	name += len + 5;
	digits = strspn(name, "0123456789");
	*pa = strcmp(name + digits, "-pa") == 0;
	return digits > 0 && (*pa || name[digits] == '\0');
}

/* Open and lock @name when its owner is dead; -1 otherwise. */
static int claim(int dir, const char *name, struct stat *st)
{
	struct stat now;
	int fd = openat(dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -1;
	/* A start that reaps at the same time may have removed it between open and lock. */
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, st) == 0 &&
	    fstatat(dir, name, &now, AT_SYMLINK_NOFOLLOW) == 0 && now.st_ino == st->st_ino &&
	    now.st_dev == st->st_dev)
		return fd;
	close(fd);
	return -1;
}

/* Visit files of dead owners: count their pages, and remove them when @remove says so. */
static int visit_stale(const char *path, const char *prefix, bool remove, bool pa, off_t *bytes)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int nb = 0;

	while (dir && (entry = readdir(dir)) != NULL) {
		struct stat st;
		bool is_pa;
		int fd;

		if (!name_is_ours(entry->d_name, prefix, &is_pa))
			continue;
		fd = claim(dirfd(dir), entry->d_name, &st);
		if (fd < 0)
			continue;
		*bytes += (off_t)st.st_blocks * STAT_BLOCK_BYTES;
		if (remove && (pa || !is_pa) && unlinkat(dirfd(dir), entry->d_name, 0) == 0) {
			LOG_INFO("removed %s/%s of a process that died", path, entry->d_name);
			nb++;
		}
		close(fd);
	}
	if (dir)
		closedir(dir);
	return nb;
}

size_t plx_mem_file_stale_pages(const struct plx_mem_file *file, const char *prefix)
{
	off_t bytes = 0;

	if (file->dir)
		visit_stale(file->dir, prefix, false, false, &bytes);
	return file->dir ? (size_t)bytes / file->page_bytes : 0;
}

/* The page size of the mount, or 0 when it is none of hugetlbfs. */
static size_t mount_page_bytes(const char *dir)
{
	struct statfs fs;

	return statfs(dir, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC ? (size_t)fs.f_bsize : 0;
}

/* Pages that its size= still allows. */
static size_t mount_room(const char *dir)
{
	struct statfs fs;

	/* hugetlbfs says 0 or -1 blocks when it has no limit. */
	if (statfs(dir, &fs) != 0 || fs.f_blocks == 0 || (long)fs.f_blocks < 0)
		return SIZE_MAX;
	return fs.f_bfree;
}

/*
 * Call @fn for each hugetlbfs mount until it returns true; the directory is in static memory of
 * getmntent(), all callers hold the lock of the memory.
 */
static void each_mount(bool (*fn)(const char *dir, void *arg), void *arg)
{
	struct mntent *mount;
	bool done = false;
	char path[256];
	FILE *mounts;

	snprintf(path, sizeof(path), "%s/self/mounts", plx_mem_proc);
	mounts = setmntent(path, "re");
	while (mounts && !done && (mount = getmntent(mounts)) != NULL)
		if (strcmp(mount->mnt_type, "hugetlbfs") == 0)
			done = fn(mount->mnt_dir, arg);
	if (mounts)
		endmntent(mounts);
}

struct search {
	size_t want; /* page size, 0: any */
	bool room;   /* pages are to be had there now */
	char *dir;   /* NULL: none found */
};

static bool is_usable(const char *dir, void *arg)
{
	struct search *search = arg;
	struct plx_hugepage_count count = {0};
	size_t bytes = mount_page_bytes(dir);

	if (!bytes || (search->want && bytes != search->want) || access(dir, W_OK | X_OK) != 0)
		return false;
	if (search->room &&
	    (mount_room(dir) == 0 || plx_hugepage_count(bytes, PLX_NODE_ANY, &count) != 0 ||
	     count.free + count.more == 0))
		return false;
	search->dir = strdup(dir);
	return true;
}

/*
 * A mount for IOVA as PA: one of the wanted size with pages to be had, else of any size (the size
 * is the user's choice, when there is one), else one where they are missing: that is told later.
 */
static char *find_mount(const struct plx_eal_conf *conf, size_t page_bytes)
{
	struct search tries[] = {
		{.want = page_bytes, .room = true},
		{.want = conf->huge_page_bytes, .room = true},
		{.want = page_bytes},
	};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(tries); i++) {
		each_mount(is_usable, &tries[i]);
		if (tries[i].dir)
			return tries[i].dir;
	}
	return NULL;
}

struct reaper {
	const char *prefix;
	int nb;
};

static bool reap_mount(const char *dir, void *arg)
{
	struct reaper *reaper = arg;
	off_t bytes = 0;

	reaper->nb += visit_stale(dir, reaper->prefix, true, true, &bytes);
	return false;
}

int plx_mem_file_reap(const struct plx_mem_file *file, const char *prefix, bool pa)
{
	struct reaper reaper = {.prefix = prefix};
	off_t bytes = 0;

	if (file->dir)
		reaper.nb = visit_stale(file->dir, prefix, true, pa, &bytes);
	/* The dead one may have used another mount, found by itself. */
	if (pa)
		each_mount(reap_mount, &reaper);
	return reaper.nb;
}

size_t plx_mem_file_room(const struct plx_mem_file *file)
{
	return file->dir ? mount_room(file->dir) : SIZE_MAX;
}

static int check_dir(const struct plx_eal_conf *conf, struct plx_mem_file *file)
{
	char name[2][PLX_MEM_NAME_BYTES];

	if (access(file->dir, F_OK) != 0) {
		int err = -errno;

		LOG_ERR("--huge-dir %s: %s", file->dir, strerror(-err));
		return err;
	}
	file->page_bytes = mount_page_bytes(file->dir);
	if (!file->page_bytes) {
		LOG_ERR("--huge-dir %s is not on a hugetlbfs mount: `mount -t hugetlbfs none %s`, "
			"or leave --huge-dir out",
			file->dir, file->dir);
		return -EINVAL;
	}
	if (conf->huge_page_bytes && conf->huge_page_bytes != file->page_bytes) {
		LOG_ERR("--huge-dir %s has pages of %s and not the %s that were asked for",
			file->dir, plx_hugepage_name(file->page_bytes, name[0]),
			plx_hugepage_name(conf->huge_page_bytes, name[1]));
		return -EINVAL;
	}
	return 0;
}

/* Create and lock the file of the lowest free number. */
static int create_file(const char *prefix, bool pa, struct plx_mem_file *file)
{
	int err = -EEXIST;

	for (unsigned i = 0; i < FILES_MAX && err == -EEXIST; i++) {
		struct stat st;

		if (asprintf(&file->path, "%s/%s-map-%u%s", file->dir, prefix, i, pa ? "-pa" : "") <
		    0) {
			file->path = NULL;
			err = -ENOMEM;
			break;
		}
		file->fd = open(file->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (file->fd >= 0) {
			/* Another start may take the new file for a dead one's before it is
			 * locked: then that one has it and removes it. */
			if (flock(file->fd, LOCK_EX | LOCK_NB) == 0 && fstat(file->fd, &st) == 0 &&
			    st.st_nlink > 0)
				return 0;
			close(file->fd);
			file->fd = -1;
		} else {
			err = -errno;
		}
		if (err != -EEXIST)
			LOG_ERR("--huge-dir: %s can't be created: %s", file->path, strerror(-err));
		free(file->path);
		file->path = NULL;
	}
	if (err == -EEXIST)
		LOG_ERR("--huge-dir %s: there are %d files %s-map-* already", file->dir, FILES_MAX,
			prefix);
	return err;
}

static int open_memfd(const char *prefix, struct plx_mem_file *file)
{
	unsigned size = (unsigned)__builtin_ctzl(file->page_bytes) << MFD_HUGE_SHIFT;
	char name[PLX_EAL_PREFIX_MAX_BYTES + 8], pages[PLX_MEM_NAME_BYTES];
	int err;

	snprintf(name, sizeof(name), "%s-map", prefix);
	/* Kernels from 6.3 on want to hear whether code is to run from it; older ones don't. */
	file->fd = memfd_create(name, MFD_CLOEXEC | MFD_HUGETLB | MFD_NOEXEC_SEAL | size);
	if (file->fd < 0 && errno == EINVAL)
		file->fd = memfd_create(name, MFD_CLOEXEC | MFD_HUGETLB | size);
	if (file->fd >= 0)
		return 0;
	err = -errno;
	if (err == -EMFILE || err == -ENFILE)
		LOG_ERR("memory file for hugepages of %s can't be made: %s; raise %s",
			plx_hugepage_name(file->page_bytes, pages), strerror(-err),
			err == -EMFILE ? "`ulimit -n`" : "fs.file-max");
	else
		LOG_ERR("memory file for hugepages of %s can't be made: memfd_create: %s; a "
			"hugetlbfs mount may do (--huge-dir), or --no-huge",
			plx_hugepage_name(file->page_bytes, pages), strerror(-err));
	return err;
}

int plx_mem_file_open(const struct plx_eal_conf *conf, enum plx_iova_mode mode,
		      struct plx_mem_file *file)
{
	bool pa = mode == PLX_IOVA_PA;
	int err;

	*file = (struct plx_mem_file){.fd = -1, .page_bytes = (size_t)sysconf(_SC_PAGESIZE)};
	if (conf->no_huge)
		return 0;
	if (conf->huge_dir) {
		file->dir = strdup(conf->huge_dir);
		if (!file->dir) {
			LOG_ERR("--huge-dir %s: no memory for its name", conf->huge_dir);
			return -ENOMEM;
		}
	} else {
		file->page_bytes = plx_hugepage_pick(conf);
		if (!file->page_bytes)
			return -EINVAL;
		if (pa && !conf->in_memory)
			file->dir = find_mount(conf, file->page_bytes);
	}

	if (file->dir) {
		err = check_dir(conf, file);
		if (err)
			goto dir;
		plx_mem_file_reap(file, conf->file_prefix, false);
		err = create_file(conf->file_prefix, pa, file);
		if (err)
			goto dir;
		return 0;
	}
	if (pa)
		LOG_WARN("IOVA as PA on memory that does not outlive a crash: a card that is not "
			 "stopped then writes into pages of others; give --huge-dir a hugetlbfs "
			 "mount");
	return open_memfd(conf->file_prefix, file);

dir:
	free(file->dir);
	file->dir = NULL;
	return err;
}

void plx_mem_file_close(struct plx_mem_file *file, bool remove)
{
	/* Removed while it is still locked, so that no other start claims it in between. */
	if (file->path && remove && unlink(file->path) != 0)
		LOG_WARN("%s can't be removed: %s", file->path, strerror(errno));
	if (file->fd >= 0)
		close(file->fd);
	free(file->path);
	free(file->dir);
	*file = (struct plx_mem_file){.fd = -1};
}
