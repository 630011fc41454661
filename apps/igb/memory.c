/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory of the process that drives a card, by the addresses that the card sees: behind an IOMMU
 * they are that process's own (IOVA = VA); without one they are physical, and the process's page
 * map tells which of its pages lies there. All by /proc, read-only.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "card.h"

enum { PAGE_BYTES = 4096, PAGES_AT_ONCE = 4096 };

#define PAGEMAP_PRESENT (UINT64_C(1) << 63)
#define PAGEMAP_PFN ((UINT64_C(1) << 55) - 1)

static int open_proc(long pid, const char *file)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/%s", pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Look for a page frame in [@start, @end). Returns its address, or 0. */
static uint64_t find_frame(int pagemap, uint64_t start, uint64_t end, uint64_t frame)
{
	static uint64_t entries[PAGES_AT_ONCE];

	for (uint64_t at = start; at < end; at += (uint64_t)PAGES_AT_ONCE * PAGE_BYTES) {
		uint64_t nb = plx_min_u64((end - at) / PAGE_BYTES, PAGES_AT_ONCE);
		ssize_t got = pread(pagemap, entries, nb * sizeof(entries[0]),
				    (off_t)(at / PAGE_BYTES * sizeof(entries[0])));

		for (ssize_t i = 0; i < got / (ssize_t)sizeof(entries[0]); i++)
			if ((entries[i] & PAGEMAP_PRESENT) && (entries[i] & PAGEMAP_PFN) == frame)
				return at + (uint64_t)i * PAGE_BYTES;
	}
	return 0;
}

/* Where in the process a physical page is. Returns 0, -errno. */
static int page_of(long pid, uint64_t frame, uint64_t *addr)
{
	char path[64], line[512];
	int pagemap = open_proc(pid, "pagemap");
	FILE *maps;

	if (pagemap < 0)
		return pagemap;
	snprintf(path, sizeof(path), "/proc/%ld/maps", pid);
	maps = fopen(path, "re");
	*addr = 0;
	while (maps && *addr == 0 && fgets(line, sizeof(line), maps)) {
		uint64_t start, end;
		char rights[8];

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &start, &end, rights) == 3 &&
		    strncmp(rights, "rw", 2) == 0)
			*addr = find_frame(pagemap, start, end, frame);
	}
	if (maps)
		fclose(maps);
	close(pagemap);
	return *addr ? 0 : -ENOENT;
}

static int read_va(int mem, uint64_t addr, void *to, size_t len)
{
	ssize_t got = pread(mem, to, len, (off_t)addr);

	if (got == (ssize_t)len)
		return 0;
	return got < 0 ? -errno : -EIO;
}

static int read_pa(long pid, int mem, uint64_t addr, char *to, size_t len)
{
	while (len > 0) {
		size_t skip = addr % PAGE_BYTES, part = PAGE_BYTES - skip;
		uint64_t page;
		int ret = page_of(pid, addr / PAGE_BYTES, &page);

		if (part > len)
			part = len;
		if (ret == 0)
			ret = read_va(mem, page + skip, to, part);
		if (ret)
			return ret;
		addr += part;
		to += part;
		len -= part;
	}
	return 0;
}

int memory_read(const struct card *card, uint64_t iova, void *to, size_t len, const char **why)
{
	bool is_physical = plx_pci_iova_mode(&card->info) == PLX_IOVA_PA;
	int mem, ret;

	if (card->info.backend == PLX_PCI_KERNEL) {
		*why = "they are in the kernel's memory";
		return -EPERM;
	}
	if (card->pid == 0) {
		*why = card->user[0] ? "the process that drives the card is not known to you"
				     : "nobody drives the card, their memory is gone";
		return -ESRCH;
	}
	mem = open_proc(card->pid, "mem");
	if (mem < 0) {
		*why = "they are in another process's memory, which is for root, or for who may "
		       "debug it";
		return mem;
	}
	ret = is_physical ? read_pa(card->pid, mem, iova, to, len) : read_va(mem, iova, to, len);
	close(mem);
	if (ret)
		*why = "the process that drives the card has no memory at that address";
	return ret;
}
