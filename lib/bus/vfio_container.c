/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VFIO's containers and groups: who may open them, whether they are viable, which container a group
 * joins.
 */
#include "vfio_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static struct plx_vfio_container *containers;
static struct plx_vfio_group *groups;

/* ---- Groups that are not viable ---- */

/* Drivers beside which the kernel lets a group be used. */
static bool is_harmless(const char *driver)
{
	return strstr(driver, "vfio") != NULL || strcmp(driver, "pci-stub") == 0 ||
	       strcmp(driver, "pcieport") == 0;
}

/* "0000:01:00.1 (igb), 0000:01:00.2 (igb)" */
static void list_spoilers(int group, char *list, size_t room)
{
	char path[BUS_PATH_MAX], driver[PLX_PCI_DRIVER_MAX];
	struct dirent *entry;
	size_t len = 0;
	DIR *dir;

	list[0] = '\0';
	snprintf(path, sizeof(path), "%s/kernel/iommu_groups/%d/devices", plx_bus_sys, group);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)) != NULL && len < room) {
		snprintf(path, sizeof(path), "%s/kernel/iommu_groups/%d/devices/%.40s/driver",
			 plx_bus_sys, group, entry->d_name);
		if (entry->d_name[0] == '.' ||
		    plx_bus_read_link(path, driver, sizeof(driver)) != 0 || is_harmless(driver))
			continue;
		len += (size_t)snprintf(list + len, room - len, "%s%.40s (%s)", len ? ", " : "",
					entry->d_name, driver);
	}
	if (dir)
		closedir(dir);
}

static int refuse_group(const struct plx_pci_info *info)
{
	char list[300];

	list_spoilers(info->iommu_group, list, sizeof(list));
	LOG_ERR("%s: its IOMMU group %d is not viable, since a driver of the kernel has %s: bind "
		"all of the group to vfio-pci, or use a slot with a group of its own",
		info->name, info->iommu_group, *list ? list : "another device of it");
	return -EBUSY;
}

/* ---- Open a group ---- */

bool plx_vfio_is_noiommu(int group)
{
	char path[BUS_PATH_MAX];

	snprintf(path, sizeof(path), "%s/vfio/noiommu-%d", plx_bus_dev, group);
	return access(path, F_OK) == 0;
}

static int tell_open(const struct plx_pci_info *info, const char *path, int err)
{
	char by[64] = "";
	bool is_known = err == EBUSY && plx_pci_in_use(info, by, sizeof(by));

	if (err == EPERM)
		LOG_ERR("%s: %s: %s: VFIO without an IOMMU is for root (CAP_SYS_RAWIO)", info->name,
			path, strerror(err));
	else if (err == EACCES)
		LOG_ERR("%s: %s: %s: run as its owner or root, or give it to this user: `chown %u "
			"%s`",
			info->name, path, strerror(err), (unsigned)geteuid(), path);
	else if (err == EBUSY)
		LOG_ERR("%s: IOMMU group %d is in use (%s)", info->name, info->iommu_group,
			is_known ? by : "another process");
	else
		LOG_ERR("%s: can't open %s: %s%s", info->name, path, strerror(err),
			err == ENOENT || err == ENODEV ? ": load it with `modprobe vfio-pci`" : "");
	return -err;
}

static int open_file(const struct plx_pci_info *info, const char *name, int *fd)
{
	char path[BUS_PATH_MAX];

	snprintf(path, sizeof(path), "%s/vfio/%s", plx_bus_dev, name);
	*fd = open(path, O_RDWR | O_CLOEXEC);
	return *fd < 0 ? tell_open(info, path, errno) : 0;
}

static int check_viable(const struct plx_pci_info *info, int fd)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};

	if (ioctl(fd, VFIO_GROUP_GET_STATUS, &status) != 0) {
		int err = errno;

		LOG_ERR("%s: state of IOMMU group %d: %s", info->name, info->iommu_group,
			strerror(err));
		return -err;
	}
	return status.flags & VFIO_GROUP_FLAGS_VIABLE ? 0 : refuse_group(info);
}

static int check_safety(const struct plx_pci_info *info, unsigned flags,
			const struct plx_vfio_group *group)
{
	if (group->has_iommu || (flags & PLX_PCI_UNSAFE_DMA))
		return 0;
	LOG_ERR("%s: VFIO without an IOMMU lets the device write over any memory: turn the IOMMU "
		"on, or accept it with --allow-unsafe-dma",
		info->name);
	return -EPERM;
}

static int open_group(const struct plx_pci_info *info, unsigned flags, struct plx_vfio_group *group)
{
	char name[32];
	int ret;

	group->number = info->iommu_group;
	group->has_iommu = !plx_vfio_is_noiommu(group->number);
	ret = check_safety(info, flags, group);
	if (ret)
		return ret;
	snprintf(name, sizeof(name), "%s%d", group->has_iommu ? "" : "noiommu-", group->number);
	ret = open_file(info, name, &group->fd);
	if (ret)
		return ret;
	ret = check_viable(info, group->fd);
	if (ret)
		close(group->fd);
	return ret;
}

/* ---- Containers ---- */

static int open_container(const struct plx_pci_info *info, bool has_iommu,
			  struct plx_vfio_container **out)
{
	struct plx_vfio_container *container = calloc(1, sizeof(*container));
	int ret = -ENOMEM;

	if (!container) {
		LOG_ERR("%s: out of memory", info->name);
		return ret;
	}
	container->has_iommu = has_iommu;
	pthread_mutex_init(&container->lock, NULL);
	ret = open_file(info, "vfio", &container->fd);
	if (ret)
		goto free_container;
	if (ioctl(container->fd, VFIO_GET_API_VERSION) != VFIO_API_VERSION) {
		LOG_ERR("%s: the kernel's VFIO has another interface, want version %d", info->name,
			VFIO_API_VERSION);
		ret = -EPROTO;
		goto close_container;
	}
	*out = container;
	return 0;

close_container:
	close(container->fd);
free_container:
	pthread_mutex_destroy(&container->lock);
	free(container);
	return ret;
}

static void free_container(struct plx_vfio_container *container)
{
	plx_iova_space_fini(&container->space);
	pthread_mutex_destroy(&container->lock);
	close(container->fd);
	free(container);
}

static int set_iommu(struct plx_vfio_container *container)
{
	static const int types[] = {VFIO_TYPE1v2_IOMMU, VFIO_TYPE1_IOMMU};

	if (!container->has_iommu)
		return ioctl(container->fd, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU) == 0 ? 0 : -errno;
	for (size_t i = 0; i < PLX_ARRAY_SIZE(types); i++)
		if (ioctl(container->fd, VFIO_CHECK_EXTENSION, types[i]) == 1)
			return ioctl(container->fd, VFIO_SET_IOMMU, types[i]) == 0 ? 0 : -errno;
	return -ENODEV;
}

/* A container of its own, for the first group, and for one whose IOMMU can't join another's. */
static int join_new(const struct plx_pci_info *info, struct plx_vfio_group *group)
{
	struct plx_vfio_container *container = NULL;
	int ret = open_container(info, group->has_iommu, &container);

	if (ret)
		return ret;
	if (ioctl(group->fd, VFIO_GROUP_SET_CONTAINER, &container->fd) != 0) {
		ret = -errno;
		LOG_ERR("%s: IOMMU group %d can't be used: %s%s", info->name, group->number,
			strerror(-ret),
			ret == -EPERM && !group->has_iommu
				? ": VFIO without an IOMMU is for root (CAP_SYS_RAWIO)"
				: "");
		goto free_container;
	}
	ret = set_iommu(container);
	if (ret) {
		LOG_ERR("%s: the IOMMU can't be had: %s%s", info->name, strerror(-ret),
			ret == -ENODEV ? ": load it with `modprobe vfio_iommu_type1`"
			: ret == -EPERM
				? ": without interrupt remapping it is unsafe, the kernel log says"
				: "");
		goto leave;
	}
	ret = plx_vfio_read_ranges(container, PLX_LOG_ERR);
	if (ret == 0)
		ret = plx_vfio_watch_memory(container);
	if (ret)
		goto leave;
	container->next = containers;
	containers = container;
	group->container = container;
	container->nb_groups = 1;
	return 0;

leave:
	ioctl(group->fd, VFIO_GROUP_UNSET_CONTAINER);
free_container:
	free_container(container);
	return ret;
}

static bool join(struct plx_vfio_group *group, struct plx_vfio_container *container)
{
	if (container->has_iommu != group->has_iommu ||
	    ioctl(group->fd, VFIO_GROUP_SET_CONTAINER, &container->fd) != 0)
		return false;
	/* Its reserved ranges narrow the container's; the kernel refuses if they hold memory. */
	if (plx_vfio_read_ranges(container, PLX_LOG_INFO) != 0) {
		ioctl(group->fd, VFIO_GROUP_UNSET_CONTAINER);
		return false;
	}
	group->container = container;
	container->nb_groups++;
	return true;
}

static int join_any(const struct plx_pci_info *info, struct plx_vfio_group *group)
{
	struct plx_vfio_container *container;

	for (container = containers; container; container = container->next)
		if (join(group, container))
			return 0;
	return join_new(info, group);
}

static void leave(struct plx_vfio_group *group)
{
	struct plx_vfio_container *container = group->container, **at = &containers;

	/* Memory first: the last group takes the domain with it. */
	if (--container->nb_groups == 0)
		plx_vfio_unwatch_memory(container);
	ioctl(group->fd, VFIO_GROUP_UNSET_CONTAINER);
	if (container->nb_groups > 0) {
		/* Without its reserved ranges there may be more again. */
		plx_vfio_read_ranges(container, PLX_LOG_INFO);
		return;
	}
	while (*at != container)
		at = &(*at)->next;
	*at = container->next;
	free_container(container);
}

int plx_vfio_group_get(const struct plx_pci_info *info, unsigned flags, struct plx_vfio_group **out)
{
	struct plx_vfio_group *group = groups;
	int ret;

	if (info->iommu_group < 0) {
		LOG_ERR("%s: it is behind no IOMMU: turn it on (intel_iommu=on, amd_iommu=on, the "
			"firmware's VT-d), or use UIO with --allow-unsafe-dma",
			info->name);
		return -ENODEV;
	}
	while (group && group->number != info->iommu_group)
		group = group->next;
	if (group) {
		ret = check_safety(info, flags, group);
		if (ret)
			return ret;
		group->nb_devs++;
		*out = group;
		return 0;
	}
	group = calloc(1, sizeof(*group));
	if (!group) {
		LOG_ERR("%s: out of memory", info->name);
		return -ENOMEM;
	}
	ret = open_group(info, flags, group);
	if (ret)
		goto free_group;
	ret = join_any(info, group);
	if (ret)
		goto close_group;
	group->nb_devs = 1;
	group->next = groups;
	groups = group;
	*out = group;
	return 0;

close_group:
	close(group->fd);
free_group:
	free(group);
	return ret;
}

void plx_vfio_group_put(struct plx_vfio_group *group)
{
	struct plx_vfio_group **at = &groups;

	if (--group->nb_devs > 0)
		return;
	while (*at != group)
		at = &(*at)->next;
	*at = group->next;
	leave(group);
	close(group->fd);
	free(group);
}

/* The watch is the parent's EAL's, and gone with it. */
void plx_vfio_forked(void)
{
	struct plx_vfio_container *container;
	struct plx_vfio_group *group;

	while ((group = groups) != NULL) {
		groups = group->next;
		close(group->fd);
		free(group);
	}
	while ((container = containers) != NULL) {
		containers = container->next;
		plx_iova_space_fini(&container->space);
		close(container->fd);
		free(container);
	}
}
