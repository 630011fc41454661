/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which functions there are, by sysfs. A function may vanish at any moment: what can't be read any
 * more is left out.
 */
#include "vfio_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESOURCE_IO 0x100U
#define RESOURCE_MEM 0x200U
#define RESOURCE_PREFETCH 0x2000U
#define RESOURCE_64BIT 0x100000U

const char *plx_pci_sys_path(const struct plx_pci_addr *addr, const char *file,
			     char path[BUS_PATH_MAX])
{
	char name[PLX_PCI_NAME_MAX];

	snprintf(path, BUS_PATH_MAX, "%s/bus/pci/devices/%s/%s", plx_bus_sys,
		 plx_pci_addr_format(addr, name), file);
	return path;
}

uint64_t plx_pci_folder(const struct plx_pci_addr *addr)
{
	char path[BUS_PATH_MAX];
	struct stat st;

	return stat(plx_pci_sys_path(addr, "", path), &st) == 0 ? st.st_ino : 0;
}

static int read_number(const struct plx_pci_addr *addr, const char *file, uint64_t *value)
{
	char path[BUS_PATH_MAX];

	*value = 0;
	return plx_bus_read_u64(plx_pci_sys_path(addr, file, path), value);
}

/* Vendor and device must be there; the rest may be missing on odd functions. */
static int read_ids(struct plx_pci_info *info)
{
	uint64_t value;

	if (read_number(&info->addr, "vendor", &value))
		return -ENODEV;
	info->id.vendor = (uint16_t)value;
	if (read_number(&info->addr, "device", &value))
		return -ENODEV;
	info->id.device = (uint16_t)value;
	read_number(&info->addr, "subsystem_vendor", &value);
	info->id.subsystem_vendor = (uint16_t)value;
	read_number(&info->addr, "subsystem_device", &value);
	info->id.subsystem_device = (uint16_t)value;
	read_number(&info->addr, "class", &value);
	info->id.class_code = (uint32_t)value & 0xffffff;
	read_number(&info->addr, "revision", &value);
	info->revision = (uint8_t)value;
	return 0;
}

/* "-1" where the machine does not tell. */
static int read_node(const struct plx_pci_addr *addr)
{
	uint64_t node;

	if (read_number(addr, "numa_node", &node) || node >= PLX_NODE_MAX)
		return PLX_NODE_ANY;
	return (int)node;
}

static int read_group(const struct plx_pci_addr *addr)
{
	char path[BUS_PATH_MAX], name[16], *end;
	long group;

	if (plx_bus_read_link(plx_pci_sys_path(addr, "iommu_group", path), name, sizeof(name)))
		return -1;
	group = strtol(name, &end, 10);
	return end != name && *end == '\0' && group >= 0 ? (int)group : -1;
}

/* A driver made of vfio-pci (mlx5_vfio_pci, ...) has its files in vfio-dev, or says so by name. */
static bool is_vfio(const struct plx_pci_info *info)
{
	char path[BUS_PATH_MAX];
	const char *part = strstr(info->driver, "vfio");

	return strcmp(info->driver, "vfio-pci") == 0 || part != NULL ||
	       access(plx_pci_sys_path(&info->addr, "vfio-dev", path), F_OK) == 0;
}

static void read_driver(struct plx_pci_info *info)
{
	char path[BUS_PATH_MAX];

	if (plx_bus_read_link(plx_pci_sys_path(&info->addr, "driver", path), info->driver,
			      sizeof(info->driver)))
		info->backend = PLX_PCI_UNBOUND;
	else if (is_vfio(info))
		info->backend = PLX_PCI_VFIO;
	else if (access(plx_pci_sys_path(&info->addr, "uio", path), F_OK) == 0)
		info->backend = PLX_PCI_UIO;
	else
		info->backend = PLX_PCI_KERNEL;
}

static void read_bar(const char *line, struct plx_pci_bar_info *bar)
{
	unsigned long long start, last, flags;

	if (sscanf(line, "%llx %llx %llx", &start, &last, &flags) != 3 || last < start ||
	    (last == 0 && start == 0))
		return;
	bar->kind = flags & RESOURCE_IO	   ? PLX_PCI_BAR_IO
		    : flags & RESOURCE_MEM ? PLX_PCI_BAR_MEM
					   : PLX_PCI_BAR_NONE;
	bar->is_64bit = (flags & RESOURCE_64BIT) != 0;
	bar->is_prefetchable = (flags & RESOURCE_PREFETCH) != 0;
	bar->start = start;
	bar->len_bytes = last - start + 1;
}

static void read_bars(struct plx_pci_info *info)
{
	char path[BUS_PATH_MAX], line[128];
	FILE *file = fopen(plx_pci_sys_path(&info->addr, "resource", path), "re");

	if (!file)
		return;
	for (unsigned i = 0; i < PLX_PCI_BARS && fgets(line, sizeof(line), file); i++)
		read_bar(line, &info->bars[i]);
	fclose(file);
}

/* The driver first: most functions of a machine are the kernel's. */
static int read_function(const struct plx_pci_addr *addr, unsigned flags, struct plx_pci_info *info)
{
	*info = (struct plx_pci_info){.addr = *addr};
	plx_pci_addr_format(addr, info->name);
	read_driver(info);
	if ((flags & PLX_PCI_WALK_USABLE) && info->backend != PLX_PCI_VFIO &&
	    info->backend != PLX_PCI_UIO)
		return -ENODEV;
	if (read_ids(info))
		return -ENODEV;
	info->node = read_node(addr);
	info->iommu_group = read_group(addr);
	read_bars(info);
	return 0;
}

static int by_addr(const void *a, const void *b)
{
	return plx_pci_addr_compare(a, b);
}

/* All addresses, sorted. Returns their number, or -errno. */
static ssize_t list_addrs(struct plx_pci_addr **out)
{
	struct plx_pci_addr *addrs = NULL, *more;
	char path[BUS_PATH_MAX];
	struct dirent *entry;
	size_t nb = 0, room = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/bus/pci/devices", plx_bus_sys);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir)) != NULL) {
		if (nb == room) {
			room = room ? 2 * room : 64;
			more = reallocarray(addrs, room, sizeof(*addrs));
			if (!more)
				goto no_memory;
			addrs = more;
		}
		if (plx_pci_addr_parse(entry->d_name, &addrs[nb], NULL) == 0)
			nb++;
	}
	closedir(dir);
	if (nb)
		qsort(addrs, nb, sizeof(*addrs), by_addr);
	*out = addrs;
	return (ssize_t)nb;

no_memory:
	closedir(dir);
	free(addrs);
	return -ENOMEM;
}

int plx_pci_walk(unsigned flags, plx_pci_walk_fn fn, void *arg)
{
	struct plx_pci_addr *addrs = NULL;
	struct plx_pci_info info;
	ssize_t nb;
	int ret = 0;

	if (flags & ~(unsigned)PLX_PCI_WALK_USABLE || !fn) {
		LOG_ERR("listing the PCI devices: flags %#x: want PLX_PCI_WALK_USABLE or 0, and a "
			"callback",
			flags);
		return -EINVAL;
	}
	nb = list_addrs(&addrs);
	if (nb < 0) {
		LOG_ERR("listing the PCI devices: %s", strerror((int)-nb));
		return (int)nb;
	}
	for (ssize_t i = 0; addrs && i < nb && ret == 0; i++)
		if (read_function(&addrs[i], flags, &info) == 0)
			ret = fn(&info, arg);
	free(addrs);
	return ret;
}

int plx_pci_find(const struct plx_pci_addr *addr, struct plx_pci_info *info)
{
	return read_function(addr, 0, info);
}

/* ---- In use? ---- */

static bool is_up(const char *interface)
{
	char path[BUS_PATH_MAX];
	uint64_t flags;

	snprintf(path, sizeof(path), "%s/class/net/%.32s/flags", plx_bus_sys, interface);
	return plx_bus_read_u64(path, &flags) == 0 && (flags & IFF_UP) != 0;
}

/* A network interface of it that is up. */
static bool has_interface_up(const struct plx_pci_addr *addr, char *by, size_t by_bytes)
{
	char path[BUS_PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *dir = opendir(plx_pci_sys_path(addr, "net", path));

	while (dir && !found && (entry = readdir(dir)) != NULL) {
		found = entry->d_name[0] != '.' && is_up(entry->d_name);
		if (found)
			snprintf(by, by_bytes, "%.32s is up", entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* Does a process have that device file open? */
static bool process_has(const char *pid, dev_t device)
{
	char path[BUS_PATH_MAX];
	struct dirent *entry;
	struct stat st;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%.16s/fd", plx_bus_proc, pid);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir)) != NULL)
		found = fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && S_ISCHR(st.st_mode) &&
			st.st_rdev == device;
	if (dir)
		closedir(dir);
	return found;
}

static bool any_process_has(const char *file, char *by, size_t by_bytes)
{
	struct dirent *entry;
	struct stat st;
	bool found = false;
	DIR *dir;

	if (stat(file, &st) != 0 || !S_ISCHR(st.st_mode))
		return false;
	dir = opendir(plx_bus_proc);
	while (dir && !found && (entry = readdir(dir)) != NULL) {
		found = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
			process_has(entry->d_name, st.st_rdev);
		if (found)
			snprintf(by, by_bytes, "process %.16s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* Not by opening it: the kernel lets a group be open once, and somebody else may want it now. */
static bool is_group_open(int group, char *by, size_t by_bytes)
{
	char path[BUS_PATH_MAX];

	snprintf(path, sizeof(path), "%s/vfio/%s%d", plx_bus_dev,
		 plx_vfio_is_noiommu(group) ? "noiommu-" : "", group);
	return any_process_has(path, by, by_bytes);
}

bool plx_pci_in_use(const struct plx_pci_info *info, char *by, size_t by_bytes)
{
	struct plx_uio_info uio;
	char path[BUS_PATH_MAX], unused[64];

	if (!by || by_bytes == 0) {
		by = unused;
		by_bytes = sizeof(unused);
	}
	by[0] = '\0';
	switch (info->backend) {
	case PLX_PCI_KERNEL:
		return has_interface_up(&info->addr, by, by_bytes);
	case PLX_PCI_VFIO:
		return is_group_open(info->iommu_group, by, by_bytes);
	case PLX_PCI_UIO:
		if (plx_uio_of_pci(&info->addr, &uio))
			return false;
		snprintf(path, sizeof(path), "%s/uio%u", plx_bus_dev, uio.minor);
		return any_process_has(path, by, by_bytes);
	default:
		return false;
	}
}
