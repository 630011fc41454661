/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A card's peer: an interface of the kernel at the other end of its cable, of whatever driver. The
 * card is a PCI function that vfio-pci or uio_pci_generic has. What removes it is the kernel, as
 * for an unplug: it waits until the port lets the card go. Of all processes one at a time does
 * that.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netns.h"
#include "peer_kernel.h"

enum {
	PARTNER_MTU = 9216,
	PARTNER_RING = 4096,
	/* What an interface of this kind keeps for sure: half of its ring. */
	SEEN_MAX = PARTNER_RING / 2,
};

struct netdev_peer {
	struct kernel_peer k;
	const struct variant *variant;
	char bdf[16], driver[64];
	bool is_plugged; /* there is a port */
	pid_t remover;
	int lock; /* held from a removal to the end of what undoes it */
};

static struct netdev_peer *of(struct peer *peer)
{
	return (struct netdev_peer *)peer;
}

/* ---- The function in sysfs ---- */

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len = (ssize_t)strlen(text);

	check(fd >= 0, "%s: %s", path, strerror(errno));
	check(write(fd, text, (size_t)len) == len, "%s > %s: %s", text, path, strerror(errno));
	close(fd);
}

static void write_file(struct netdev_peer *n, const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", n->bdf, file);
	write_text(path, text);
}

static bool read_driver(const struct netdev_peer *n, char *name, size_t room)
{
	char path[128], target[256];
	ssize_t len;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", n->bdf);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return false;
	target[len] = '\0';
	snprintf(name, room, "%s", strrchr(target, '/') + 1);
	return true;
}

static struct peer *netdev_create(const struct variant *variant)
{
	struct netdev_peer *n = calloc(1, sizeof(*n));

	check(n, "no memory");
	check(variant->partner && variant->device, "it takes --device and --partner");
	n->variant = variant;
	n->k.fd = -1;
	n->lock = -1;
	n->k.name = variant->partner;
	snprintf(n->bdf, sizeof(n->bdf), "%.*s", (int)strcspn(variant->device, ","),
		 variant->device);
	if (!read_driver(n, n->driver, sizeof(n->driver)))
		skip("%s has no driver: bind it to vfio-pci or uio_pci_generic", n->bdf);
	return &n->k.base;
}

/* All that comes is seen, whatever its address and tag. */
static void netdev_prepare(struct peer *peer)
{
	struct netdev_peer *n = of(peer);
	struct link link = link_get(n->k.name);
	struct packet_mreq promisc = {.mr_type = PACKET_MR_PROMISC};
	const int on = 1;

	check(link.there, "no interface %s", n->k.name);
	if (link.mtu != PARTNER_MTU)
		link_mtu(n->k.name, PARTNER_MTU);
	/* Several would change the order of what is sent by several CPUs. */
	link_one_queue(n->k.name);
	link_rings(n->k.name, PARTNER_RING);
	link_up(n->k.name, true);
	link_offloads_off(n->k.name);
	link_await_running(n->k.name);
	kernel_open(&n->k);
	if (peer->nb_seen_max > SEEN_MAX)
		peer->nb_seen_max = SEEN_MAX;
	/* The kernel's default queue has no lock, nor does it keep the order for sure. */
	check(setsockopt(n->k.fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) == 0,
	      "PACKET_QDISC_BYPASS: %s", strerror(errno));
	promisc.mr_ifindex = (int)link.index;
	check(setsockopt(n->k.fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promisc, sizeof(promisc)) ==
		      0,
	      "promiscuous on %s: %s", n->k.name, strerror(errno));
}

static void netdev_plug(struct peer *peer, unsigned port)
{
	(void)port;
	of(peer)->is_plugged = true;
}

static void netdev_unplug(struct peer *peer)
{
	of(peer)->is_plugged = false;
}

/* The ring is full until the card has sent some. */
static bool netdev_send(struct peer *peer, uint32_t flow, const uint8_t *frame, uint32_t len)
{
	bool is_sent;

	wait_until((is_sent = kernel_send(peer, flow, frame, len)));
	return is_sent;
}

/* Not the interface's own: what it dropped it had no room for, and that is sent again; nor what no
 * protocol of the kernel's was waiting for. */
static uint64_t netdev_lost(struct peer *peer)
{
	return kernel_lost(&of(peer)->k);
}

/* ---- Link ---- */

/* Down at this end is no carrier at the other, but an emulated card's: for that is the command. */
static void netdev_link(struct peer *peer, bool up)
{
	char command[256];
	int status;

	if (!of(peer)->variant->flap) {
		link_up(of(peer)->k.name, up);
		if (up)
			link_await_running(of(peer)->k.name);
		return;
	}
	snprintf(command, sizeof(command), "%s %s", of(peer)->variant->flap, up ? "up" : "down");
	status = system(command);
	check(status == 0, "%s: status %#x", command, (unsigned)status);
}

/* ---- Removal ---- */

/* The kernel waits until nobody has the device open: it is a child without the port's descriptors
 * that is told to remove it, so that killing the suite frees the device. */
static pid_t start_remover(struct netdev_peer *n)
{
	pid_t pid = fork();

	check(pid >= 0, "fork(): %s", strerror(errno));
	if (pid > 0)
		return pid;
	close_range(STDERR_FILENO + 1, ~0U, 0);
	write_file(n, "remove", "1");
	_exit(0);
}

static void await_remover(struct netdev_peer *n)
{
	int status = -1;

	check(waitpid(n->remover, &status, 0) == n->remover && status == 0,
	      "the removal of %s: status %#x", n->bdf, (unsigned)status);
}

static void netdev_remove(struct peer *peer)
{
	struct netdev_peer *n = of(peer);

	n->lock = open("/sys/bus/pci/rescan", O_WRONLY | O_CLOEXEC);
	check(n->lock >= 0 && flock(n->lock, LOCK_EX) == 0, "/sys/bus/pci/rescan: %s",
	      strerror(errno));
	n->remover = start_remover(n);
	if (!n->is_plugged)
		await_remover(n);
}

static void netdev_restore(struct peer *peer)
{
	struct netdev_peer *n = of(peer);
	char path[128], driver[64];

	if (n->is_plugged)
		await_remover(n);
	n->is_plugged = false;
	write_text("/sys/bus/pci/rescan", "1");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", n->bdf);
	wait_until(access(path, F_OK) == 0);
	/* By itself it gets the driver that is loaded for it. */
	if (read_driver(n, driver, sizeof(driver)) && strcmp(driver, n->driver) != 0)
		write_file(n, "driver/unbind", n->bdf);
	write_file(n, "driver_override", n->driver);
	write_text("/sys/bus/pci/drivers_probe", n->bdf);
	check(read_driver(n, driver, sizeof(driver)) && strcmp(driver, n->driver) == 0,
	      "%s does not take %s again", n->driver, n->bdf);
	close(n->lock);
	n->lock = -1;
}

#define NETDEV_OPS                                                                                 \
	.create = netdev_create, .destroy = kernel_destroy, .prepare = netdev_prepare,             \
	.plug = netdev_plug, .unplug = netdev_unplug, .send = netdev_send, .recv = kernel_recv,    \
	.lost = netdev_lost, .link = netdev_link, .remove = netdev_remove,                         \
	.restore = netdev_restore

const struct peer_ops peer_netdev = {
	.name = "interface of the kernel",
	.can = PEER_SENDS | PEER_SEES | PEER_LINK | PEER_REMOVES | PEER_FORGETS,
	NETDEV_OPS,
};

/* QEMU's cable keeps what it has for a card that takes nothing, as when the receiver is off. */
const struct peer_ops peer_emulated = {
	.name = "interface of the kernel, emulated",
	.can = PEER_SENDS | PEER_SEES | PEER_LINK | PEER_REMOVES,
	NETDEV_OPS,
};
