/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Registers of a card that another process drives by VFIO. The kernel gives that process alone the
 * device, and keeps resource0 of sysfs shut meanwhile; but who may debug a process may have its
 * descriptors too (pidfd_getfd(2), Linux 5.6). The mapping lives on without the descriptor, and the
 * device is reset when that process and this program are both done with it.
 */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "card.h"

static int region_of(int fd, unsigned index, struct vfio_region_info *region)
{
	*region = (struct vfio_region_info){.argsz = sizeof(*region), .index = index};
	return ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, region) == 0 ? 0 : -errno;
}

/* A descriptor does not tell its address; where the card's registers lie does. */
static bool is_of_card(const struct card *card, int fd)
{
	const struct plx_pci_bar_info *bar = &card->info.bars[0];
	struct vfio_region_info region;
	uint32_t low, high = 0;
	uint64_t start;

	if (region_of(fd, VFIO_PCI_CONFIG_REGION_INDEX, &region) ||
	    pread(fd, &low, sizeof(low), (off_t)(region.offset + PCI_BASE_ADDRESS_0)) !=
		    (ssize_t)sizeof(low) ||
	    pread(fd, &high, sizeof(high), (off_t)(region.offset + PCI_BASE_ADDRESS_1)) !=
		    (ssize_t)sizeof(high))
		return false;
	start = le32toh(low) & (uint32_t)PCI_BASE_ADDRESS_MEM_MASK;
	if (bar->is_64bit)
		start |= (uint64_t)le32toh(high) << 32;
	return start == bar->start;
}

static int map_region(struct card *card, int fd)
{
	struct vfio_region_info region;
	int ret = region_of(fd, VFIO_PCI_BAR0_REGION_INDEX, &region);

	if (ret)
		return ret;
	card->map = mmap(NULL, region.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			 (off_t)region.offset);
	if (card->map == MAP_FAILED) {
		card->map = NULL;
		return -errno;
	}
	card->map_bytes = region.size;
	card->way = "over the shoulder of that process (VFIO)";
	return 0;
}

static bool is_vfio_device(int dir, const char *name)
{
	static const char device[] = "anon_inode:[vfio-device]";
	char target[64] = "";

	return readlinkat(dir, name, target, sizeof(target) - 1) > 0 && strcmp(target, device) == 0;
}

static int map_one(struct card *card, int pidfd, const char *name)
{
	int fd = (int)syscall(SYS_pidfd_getfd, pidfd, atoi(name), 0);
	int ret = -ENOENT;

	if (fd < 0)
		return -errno;
	if (is_of_card(card, fd))
		ret = map_region(card, fd);
	close(fd);
	return ret;
}

int card_map_fd(struct card *card)
{
	char path[64];
	struct dirent *entry;
	int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)card->pid, 0), ret = -ENOENT;
	DIR *dir;

	if (pidfd < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/%ld/fd", card->pid);
	dir = opendir(path);
	if (!dir)
		ret = -errno;
	while (dir && ret == -ENOENT && (entry = readdir(dir)) != NULL)
		if (is_vfio_device(dirfd(dir), entry->d_name))
			ret = map_one(card, pidfd, entry->d_name);
	if (dir)
		closedir(dir);
	close(pidfd);
	return ret;
}
