/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Physical addresses, from /proc/self/pagemap: eight bytes for each page of addresses, with the
 * page frame's number in the low 55 bits. The kernel shows zeros to who has no CAP_SYS_ADMIN.
 *
 * They hold as long as the kernel does not move the page. It does not move hugepages by itself;
 * an administrator can make it (memory hot-unplug, migratepages), which is one reason more to
 * prefer an IOMMU.
 */
#include "mem_private.h"

#include <errno.h>
#include <fcntl.h>
#include <pollux/bits.h>
#include <string.h>
#include <unistd.h>

#define PAGE_PRESENT PLX_BIT64(63)
#define PAGE_FRAME (PLX_BIT64(55) - 1)

int plx_iova_read(uintptr_t addr, size_t nb, size_t step, uint64_t *iovas)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char path[256];
	int err = 0, fd;

	snprintf(path, sizeof(path), "%s/self/pagemap", plx_mem_proc);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < nb && !err; i++, addr += step) {
		uint64_t entry;
		ssize_t got =
			pread(fd, &entry, sizeof(entry), (off_t)(addr / page * sizeof(entry)));

		if (got != sizeof(entry))
			err = got < 0 ? -errno : -EIO;
		else if (!(entry & PAGE_PRESENT))
			err = -EFAULT;
		else if (!(entry & PAGE_FRAME))
			err = -EPERM;
		else
			iovas[i] = (entry & PAGE_FRAME) * page + (addr & (page - 1));
	}
	close(fd);
	return err;
}

int plx_iova_check(void)
{
	volatile char here = 0;
	uint64_t iova;
	int err = plx_iova_read((uintptr_t)&here, 1, 1, &iova);

	/* A process that changed its user may not even open the file. */
	if (err == -EACCES)
		err = -EPERM;
	if (err == -ENOENT)
		LOG_ERR("IOVA as PA: there is no %s/self/pagemap: mount proc (`mount -t proc proc "
			"%s`), or use --iova-mode va",
			plx_mem_proc, plx_mem_proc);
	else if (err)
		LOG_ERR("IOVA as PA: physical addresses can't be read from %s/self/pagemap (%s): "
			"run as root or with CAP_SYS_ADMIN, or use --iova-mode va",
			plx_mem_proc, strerror(-err));
	return err;
}
