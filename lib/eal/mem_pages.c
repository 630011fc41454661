/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pages come to grains and go. A grain's page of the file has the grain's index, so that the whole
 * memory is one mapping of one file. With IOVA as PA the pages of one growth are put in the order
 * of their physical addresses instead: neighbours in one are neighbours in the other where
 * possible.
 *
 * Lack of pages must be an error and never a SIGBUS: fallocate() makes them and says when there are
 * no more, and only then are they mapped and touched. For ordinary pages it must not be the OOM
 * killer: what can be had is asked first. Hugepages are never paged out, so only ordinary ones are
 * locked.
 */
#include "mem_private.h"

#include <errno.h>
#include <fcntl.h>
#include <pollux/atomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static size_t file_page(size_t grain)
{
	return grain + (size_t)(ssize_t)plx_mem.grains[grain].page_shift;
}

/* How many grains from @grain on, at most @nb, lie one after the other in the file. */
static size_t file_run(size_t grain, size_t nb)
{
	size_t run = 1;

	while (run < nb && file_page(grain + run) == file_page(grain) + run)
		run++;
	return run;
}

static off_t file_offset(size_t grain)
{
	return (off_t)(file_page(grain) << plx_mem.grain_shift);
}

/*
 * Can't fail: where the kernel has no room for one more mapping, the pages go all the same. Also
 * mends the reservation after a MAP_FIXED that failed half-way and left a hole; no other mmap() has
 * come in between, the kernel gives nobody low addresses unasked.
 */
void plx_mem_pages_unmap(size_t first, size_t nb)
{
	uintptr_t addr = plx_mem_grain_addr(first);
	size_t len = nb << plx_mem.grain_shift;

	for (size_t i = first; i < first + nb; i++) {
		plx_store_relaxed(&plx_mem.grains[i].not_iova, 0);
		plx_mem.grains[i].flags = 0;
	}
	if (mmap((void *)addr, len, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		madvise((void *)addr, len, MADV_DONTNEED);
	else
		madvise((void *)addr, len, MADV_DONTDUMP);
	for (size_t i = 0, run; plx_mem.file.fd >= 0 && i < nb; i += run) {
		run = file_run(first + i, nb - i);
		fallocate(plx_mem.file.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			  file_offset(first + i), (off_t)(run << plx_mem.grain_shift));
	}
}

/* Growing a file past RLIMIT_FSIZE is a signal, so it is looked at first. */
static int check_file_size(off_t end)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
			       (rlim_t)end > limit.rlim_cur
		       ? -EFBIG
		       : 0;
}

/*
 * Could all these pages be had now? What fallocate() takes before it fails would be missing to
 * others meanwhile, and is zeroed for nothing.
 */
static int check_pages(size_t nb)
{
	int size = __builtin_ctzl(plx_mem.page_bytes) << MAP_HUGE_SHIFT;
	size_t len = nb << plx_mem.grain_shift;
	void *addr =
		mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | size, -1, 0);

	if (addr == MAP_FAILED)
		return -errno;
	munmap(addr, len);
	return 0;
}

/* Allocate the pages of the file, without which a touch would be a SIGBUS. */
static int allocate(size_t first, size_t nb, struct plx_mem_lack *lack)
{
	int err = check_pages(nb);

	for (size_t i = 0, run; i < nb && !err; i += run) {
		off_t offset = file_offset(first + i), len;

		run = file_run(first + i, nb - i);
		len = (off_t)(run << plx_mem.grain_shift);
		err = check_file_size(offset + len);
		while (!err && fallocate(plx_mem.file.fd, 0, offset, len) != 0) {
			err = errno == EINTR ? 0 : -errno;
			lack->call = "fallocate";
		}
	}
	if (err == -ENOSPC || err == -ENOMEM)
		lack->why = PLX_MEM_LACK_PAGES;
	return err;
}

/* Make page tables, so that no access is a fault. The pages themselves are there, or are made. */
static int populate(uintptr_t addr, size_t len)
{
	int err;

	do {
		err = madvise((void *)addr, len, MADV_POPULATE_WRITE) == 0 ? 0 : -errno;
	} while (err == -EINTR || err == -EAGAIN);
	if (err != -EINVAL)
		return err;
	/* Kernels before 5.14. */
	for (size_t i = 0; i < len; i += plx_mem.page_bytes)
		*(volatile char *)(addr + i) = 0;
	return 0;
}

static void lock_pages(uintptr_t addr, size_t len)
{
	struct rlimit limit = {0};

	if (mlock((void *)addr, len) == 0 || !plx_mem.lock_memory || plx_mem.warned_lock)
		return;
	getrlimit(RLIMIT_MEMLOCK, &limit);
	LOG_WARN("memory on ordinary pages can't be locked: %s; the limit is %llu kB, raise "
		 "`ulimit -l`",
		 strerror(errno), (unsigned long long)limit.rlim_cur >> 10);
	plx_mem.warned_lock = true;
}

static int check_ram(int node, size_t len, struct plx_mem_lack *lack)
{
	lack->room_bytes = plx_mem_ram_room(node, lack->limit);
	if (len <= lack->room_bytes)
		return 0;
	lack->why = PLX_MEM_LACK_RAM;
	return -ENOMEM;
}

static int map_fixed(size_t first, size_t nb)
{
	int prot = PROT_READ | PROT_WRITE;

	for (size_t i = 0, run; i < nb; i += run) {
		uintptr_t addr = plx_mem_grain_addr(first + i);
		bool file = plx_mem.file.fd >= 0;
		size_t len;

		run = file ? file_run(first + i, nb - i) : nb;
		len = run << plx_mem.grain_shift;
		if (mmap((void *)addr, len, prot,
			 MAP_FIXED | (file ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS),
			 plx_mem.file.fd, file ? file_offset(first + i) : 0) == MAP_FAILED)
			return -errno;
	}
	return 0;
}

int plx_mem_pages_map(int node, size_t first, size_t nb, struct plx_mem_lack *lack)
{
	uintptr_t addr = plx_mem_grain_addr(first);
	size_t len = nb << plx_mem.grain_shift;
	struct plx_mem_policy policy;
	int err = plx_mem.file.fd < 0 ? check_ram(node, len, lack) : 0;

	if (err)
		return err;
	plx_mem_numa_enter(node, &policy);
	if (plx_mem.file.fd >= 0)
		err = allocate(first, nb, lack);
	if (!err) {
		lack->call = "mmap";
		err = map_fixed(first, nb);
	}
	/* Where the kernel has large pages at hand, ordinary memory is there seven times sooner. */
	if (!err && plx_mem.file.fd < 0)
		madvise((void *)addr, len, MADV_HUGEPAGE);
	if (!err) {
		lack->call = "madvise(MADV_POPULATE_WRITE)";
		err = populate(addr, len);
	}
	plx_mem_numa_leave(&policy);
	/* A child of fork() with a copy of it would make the next write here go to a new page that
	 * no device knows. */
	if (!err && madvise((void *)addr, len, MADV_DONTFORK) != 0) {
		lack->call = "madvise(MADV_DONTFORK)";
		err = -errno;
	}
	if (err)
		return err;
	lack->call = NULL;
	if (plx_mem.file.fd < 0)
		lock_pages(addr, len);
	plx_mem_numa_verify(node, addr, len, plx_mem.page_bytes);
	return 0;
}

struct phys_page {
	uint64_t iova;
	size_t page;
};

static int by_iova(const void *a, const void *b)
{
	const struct phys_page *x = a, *y = b;

	return x->iova < y->iova ? -1 : x->iova > y->iova;
}

int plx_mem_pages_sort(size_t first, size_t nb, uint64_t *iovas)
{
	uintptr_t addr = plx_mem_grain_addr(first);
	struct phys_page *pages;
	bool sorted = true;
	int err;

	err = plx_iova_read(addr, nb, plx_mem_grain_bytes(), iovas);
	for (size_t i = 1; i < nb; i++)
		sorted = sorted && iovas[i - 1] < iovas[i];
	if (err || sorted)
		return err;
	pages = malloc(nb * sizeof(*pages));
	if (!pages)
		return -ENOMEM;
	for (size_t i = 0; i < nb; i++)
		pages[i] = (struct phys_page){iovas[i], file_page(first + i)};
	qsort(pages, nb, sizeof(*pages), by_iova);
	for (size_t i = 0; i < nb; i++)
		plx_mem.grains[first + i].page_shift =
			(int32_t)((ssize_t)pages[i].page - (ssize_t)(first + i));
	free(pages);
	err = map_fixed(first, nb);
	if (!err)
		err = populate(addr, nb << plx_mem.grain_shift);
	if (!err && madvise((void *)addr, nb << plx_mem.grain_shift, MADV_DONTFORK) != 0)
		err = -errno;
	return err ? err : plx_iova_read(addr, nb, plx_mem_grain_bytes(), iovas);
}
