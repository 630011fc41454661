/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What rtnetlink does not tell: speed and queues by ethtool's ioctl, which any socket of the
 * namespace takes, and the NUMA node by sysfs. There the device is looked up on its bus and not
 * under /sys/class/net, which may show another namespace's interfaces under the same name.
 */
#include "netif_private.h"

#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <pollux/mem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The request begins with the command and is filled in by the kernel. */
static bool ask_ethtool(int fd, const char *name, void *request)
{
	struct ifreq ifr = {.ifr_data = request};

	memcpy(ifr.ifr_name, name, IF_NAMESIZE);
	return ioctl(fd, SIOCETHTOOL, &ifr) == 0;
}

/* The kernel wants to be told how many words of link modes it has, and says so when asked with 0.
 */
static bool ask_settings(int fd, const char *name, struct ethtool_link_settings *settings)
{
	/* It is followed by three maps of so many words. */
	uint32_t request[sizeof(*settings) / sizeof(uint32_t) + 3 * INT8_MAX] = {0};
	struct ethtool_link_settings *asked = (void *)request;
	int words;

	asked->cmd = ETHTOOL_GLINKSETTINGS;
	if (!ask_ethtool(fd, name, request))
		return false;
	words = -asked->link_mode_masks_nwords;
	if (words <= 0)
		return false;
	memset(request, 0, sizeof(request));
	asked->cmd = ETHTOOL_GLINKSETTINGS;
	asked->link_mode_masks_nwords = (int8_t)words;
	if (!ask_ethtool(fd, name, request))
		return false;
	memcpy(settings, asked, sizeof(*settings));
	return true;
}

void plx_netif_ethtool(int fd, struct plx_netif_info *info)
{
	struct ethtool_link_settings settings;
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};

	if (ask_settings(fd, info->name, &settings)) {
		if (settings.speed != (uint32_t)SPEED_UNKNOWN)
			info->speed_mbps = settings.speed;
		info->full_duplex = settings.duplex == DUPLEX_FULL;
		info->autoneg = settings.autoneg == AUTONEG_ENABLE;
	}
	if (ask_ethtool(fd, info->name, &channels)) {
		uint32_t rx = channels.rx_count + channels.combined_count;
		uint32_t tx = channels.tx_count + channels.combined_count;

		if (rx > 0)
			info->nb_rx_queues = rx;
		if (tx > 0)
			info->nb_tx_queues = tx;
	}
}

static bool read_node(const char *path, int *node)
{
	char text[16];
	ssize_t got;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (got <= 0)
		return false;
	text[got] = '\0';
	*node = (int)strtol(text, NULL, 10);
	return true;
}

int plx_netif_device_node(const char *bus, const char *device)
{
	/* A virtio device has no node of its own but hangs on a PCI function that has. */
	static const char *const above[] = {"", "../"};
	char path[256];
	int node, len;

	if (strchr(bus, '/') || strchr(device, '/'))
		return PLX_NODE_ANY;
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(above); i++) {
		len = snprintf(path, sizeof(path), "/sys/bus/%s/devices/%s/%snuma_node", bus,
			       device, above[i]);
		if (len < (int)sizeof(path) && read_node(path, &node))
			return node >= 0 && node < PLX_NODE_MAX ? node : PLX_NODE_ANY;
	}
	return PLX_NODE_ANY;
}
