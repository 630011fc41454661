/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One call of libc after the other is made to fail under the memory of the EAL: each failure ends
 * in an error and not in a crash, nothing is left behind, and what was not asked to fail still
 * works.
 *
 * The calls are caught by functions of the same name in this program, which the static library is
 * linked against. Failing the n-th of all caught calls, for n = 1, 2, ... until a run has fewer.
 */
#include "../../lib/eal/mem_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define MB ((size_t)1 << 20)

static unsigned long nb_calls, fail_at;
static const char *failed;
static char last_line[256];
static unsigned nb_errors;

/* Is this the call that fails? */
static bool fails(const char *name)
{
	if (++nb_calls != fail_at)
		return false;
	failed = name;
	return true;
}

void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	if (fails("mmap")) {
		/* As the kernel does it when a mapping fails half-way: what was there is gone. */
		if (flags & MAP_FIXED)
			syscall(SYS_munmap, addr, len);
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return (void *)syscall(SYS_mmap, addr, len, prot, flags, fd, offset);
}

int madvise(void *addr, size_t len, int advice)
{
	if (fails("madvise")) {
		errno = ENOMEM;
		return -1;
	}
	return (int)syscall(SYS_madvise, addr, len, advice);
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
	if (fails("fallocate")) {
		errno = ENOSPC;
		return -1;
	}
	return (int)syscall(SYS_fallocate, fd, mode, offset, len);
}

int memfd_create(const char *name, unsigned flags)
{
	if (fails("memfd_create")) {
		errno = EMFILE;
		return -1;
	}
	return (int)syscall(SYS_memfd_create, name, flags);
}

int open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (fails("open")) {
		errno = EMFILE;
		return -1;
	}
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int sysinfo(struct sysinfo *info)
{
	if (fails("sysinfo")) {
		memset(info, 0xa5, sizeof(*info));
		errno = EPERM;
		return -1;
	}
	return (int)syscall(SYS_sysinfo, info);
}

#if !defined(__SANITIZE_ADDRESS__)
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t nb, size_t size);

void *malloc(size_t size)
{
	if (fails("malloc")) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_malloc(size);
}

void *calloc(size_t nb, size_t size)
{
	if (fails("calloc")) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_calloc(nb, size);
}
#endif

static void sink(void *arg, const char *module, enum plx_log_level level, const char *text)
{
	(void)arg;
	(void)module;
	nb_errors += level == PLX_LOG_ERR;
	snprintf(last_line, sizeof(last_line), "%s", text);
}

static unsigned count_lines(const char *path)
{
	char text[4096];
	unsigned nb = 0;
	ssize_t len;
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);

	while ((len = read(fd, text, sizeof(text))) > 0)
		for (ssize_t i = 0; i < len; i++)
			nb += text[i] == '\n';
	close(fd);
	return nb;
}

/* Descriptors are small numbers: the next one tells whether one was left open. */
static int next_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

static size_t watched;

static int added(void *va, uint64_t iova, size_t len, void *arg)
{
	(void)va;
	(void)iova;
	(void)arg;
	watched += len;
	return 0;
}

static void removed(void *va, uint64_t iova, size_t len, void *arg)
{
	(void)va;
	(void)iova;
	(void)arg;
	watched -= len;
}

static int sound(const char *when)
{
	for (unsigned i = 0; i < plx_mem.nb_heaps; i++) {
		const char *wrong = plx_mem_heap_check(&plx_mem.heaps[i]);

		if (wrong) {
			printf("FAIL %s, call %lu (%s) failed: %s\n", when, fail_at,
			       failed ? failed : "none", wrong);
			return 1;
		}
	}
	return 0;
}

/* All that may fail. Returns failures of the test, not of the calls. */
static int use(const struct plx_eal_conf *conf)
{
	struct plx_mem_watch watch = {.added = added, .removed = removed};
	const struct plx_memzone *mz = NULL;
	char *p[12];
	int bad = 0, err;

	err = plx_mem_init(conf);
	/* A machine that does not say how much memory it has is no reason to fail. */
	if (err && failed && strcmp(failed, "sysinfo") == 0)
		return 1;
	if (err)
		return err < 0 && nb_errors == 1 ? 0 : 1;
	plx_mem_watch_add(&watch);
	plx_memzone_reserve("zone", 3 * MB, PLX_NODE_ANY, 0, 4096, 0, &mz);
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(p); i++) {
		size_t size = i % 4 ? 4096 : MB;

		p[i] = plx_mem_alloc(size, 0, PLX_NODE_ANY);
		for (size_t at = 0; p[i] && at < size; at++)
			bad |= p[i][at] != 0;
		if (p[i])
			memset(p[i], 0x77, size);
	}
	bad |= sound("after taking");
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(p); i += 2)
		plx_mem_free(p[i]);
	bad |= plx_memzone_free(mz);
	for (unsigned i = 1; i < PLX_ARRAY_SIZE(p); i += 2)
		plx_mem_free(p[i]);
	bad |= sound("after giving");
	bad |= plx_mem_watch_del(&watch);
	plx_mem_fini();
	return bad | (watched != 0);
}

/* Let each call fail in its turn; 0, or 1 after a line was printed. */
static int run(const struct plx_eal_conf *conf, const char *name)
{
	unsigned maps, lines;
	int fd;

	/* Twice without a failure: what libc keeps for itself is there then. */
	for (int i = 0; i < 2; i++) {
		fail_at = 0;
		nb_errors = 0;
		if (use(conf) || nb_errors) {
			printf("FAIL %s without any failure: %s\n", name, last_line);
			return 1;
		}
	}
	fd = next_fd();
	maps = count_lines("/proc/self/maps");
	for (fail_at = 1;; fail_at++) {
		nb_calls = 0;
		nb_errors = 0;
		failed = NULL;
		if (use(conf) || nb_errors > 1) {
			printf("FAIL %s, call %lu (%s) failed: %u error lines, the last: %s\n",
			       name, fail_at, failed ? failed : "none", nb_errors, last_line);
			return 1;
		}
		lines = count_lines("/proc/self/maps");
		if (next_fd() != fd || lines > maps) {
			printf("FAIL %s, call %lu (%s) failed: descriptor %d, %d before; %u "
			       "mappings, %u before\n",
			       name, fail_at, failed, next_fd(), fd, lines, maps);
			return 1;
		}
		if (!failed)
			break;
	}
	printf("%s: %lu calls failed in turn\n", name, fail_at - 1);
	fail_at = 0;
	return 0;
}

int main(void)
{
	static char prefix[] = "plx-fault";
	struct plx_eal_conf conf = {.no_huge = true, .file_prefix = prefix, .mem_mb = 2};
	struct plx_hugepage_count count;

	plx_log_set_sink(sink, NULL);
	if (run(&conf, "ordinary pages"))
		return 1;
	conf.mem_mb = 0;
	if (run(&conf, "ordinary pages by need"))
		return 1;
	if (plx_hugepage_count(2 * MB, PLX_NODE_ANY, &count) != 0 || count.free < 8) {
		printf("needs 8 free hugepages of 2 MB for its other half\n");
		return 77;
	}
	conf.no_huge = false;
	conf.huge_page_bytes = 2 * MB;
	if (run(&conf, "hugepages by need"))
		return 1;
	conf.mem_mb = 4;
	if (run(&conf, "hugepages"))
		return 1;
	conf.iova_mode = PLX_IOVA_PA;
	conf.in_memory = true;
	if (geteuid() == 0 && run(&conf, "hugepages, IOVA as PA"))
		return 1;
	return 0;
}
