/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What sysfs tells of a UIO device.
 */
#include "bus_private.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The names of the files of a map and of a port region. */
struct region_files {
	const char *folder, *first, *len;
};

static int read_region(unsigned minor, const struct region_files *files, unsigned index,
		       struct plx_uio_map *map)
{
	char path[BUS_PATH_MAX];
	int start = snprintf(path, sizeof(path), "%s/class/uio/uio%u/%s%u/", plx_bus_sys, minor,
			     files->folder, index);
	char *file = path + start;
	size_t room = sizeof(path) - (size_t)start;

	*map = (struct plx_uio_map){0};
	snprintf(file, room, "%s", files->first);
	if (plx_bus_read_u64(path, &map->addr))
		return -ENODEV;
	snprintf(file, room, "%s", files->len);
	if (plx_bus_read_u64(path, &map->len_bytes))
		return -ENODEV;
	snprintf(file, room, "offset");
	plx_bus_read_u64(path, &map->offset_bytes); /* ports have none */
	snprintf(file, room, "name");
	plx_bus_read_text(path, map->name, sizeof(map->name));
	return 0;
}

static unsigned read_regions(unsigned minor, const struct region_files *files,
			     struct plx_uio_map *maps)
{
	unsigned nb = 0;

	while (nb < PLX_UIO_MAPS_MAX && read_region(minor, files, nb, &maps[nb]) == 0)
		nb++;
	return nb;
}

int plx_uio_read(unsigned minor, struct plx_uio_info *info)
{
	static const struct region_files maps = {"maps/map", "addr", "size"},
					 ports = {"portio/port", "start", "size"};
	char path[BUS_PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s/class/uio/uio%u/", plx_bus_sys, minor);
	size_t room = sizeof(path) - (size_t)len;

	*info = (struct plx_uio_info){.minor = minor};
	snprintf(path + len, room, "name");
	if (plx_bus_read_text(path, info->name, sizeof(info->name)) < 0)
		return -ENODEV;
	snprintf(path + len, room, "version");
	plx_bus_read_text(path, info->version, sizeof(info->version));
	snprintf(path + len, room, "event");
	plx_bus_read_u64(path, &info->events);
	info->nb_maps = read_regions(minor, &maps, info->maps);
	info->nb_ports = read_regions(minor, &ports, info->ports);
	return 0;
}

int plx_uio_of_pci(const struct plx_pci_addr *addr, struct plx_uio_info *info)
{
	char path[BUS_PATH_MAX];
	struct dirent *entry;
	int ret = -ENODEV;
	DIR *dir = opendir(plx_pci_sys_path(addr, "uio", path));

	while (dir && ret && (entry = readdir(dir)) != NULL) {
		char *end;
		unsigned long minor;

		if (strncmp(entry->d_name, "uio", 3) != 0)
			continue;
		minor = strtoul(entry->d_name + 3, &end, 10);
		if (end != entry->d_name + 3 && *end == '\0')
			ret = plx_uio_read((unsigned)minor, info);
	}
	if (dir)
		closedir(dir);
	return ret;
}
