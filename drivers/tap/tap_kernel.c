/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's interface: made, given queues, plugged and unplugged. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap_private.h"

static const char tun_path[] = "/dev/net/tun";

static int open_tun(struct plx_port *port)
{
	int fd = open(tun_path, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	fd = -errno;
	if (fd == -ENOENT || fd == -ENODEV || fd == -ENXIO)
		plx_port_log(port, PLX_LOG_ERR,
			     "%s is not there: sudo modprobe tun; a container has to be given it "
			     "(--device=%s)",
			     tun_path, tun_path);
	else if (fd == -EACCES || fd == -EPERM)
		plx_port_log(port, PLX_LOG_ERR,
			     "%s: no permission: run as root, or sudo chmod 666 %s", tun_path,
			     tun_path);
	else
		plx_port_log(port, PLX_LOG_ERR, "%s: %s", tun_path, strerror(-fd));
	return fd;
}

static void tell_refusal(struct plx_port *port, const struct tap_port *tap, int error)
{
	if (error == EPERM)
		plx_port_log(port, PLX_LOG_ERR,
			     "%s: TUNSETIFF of '%s': %s: want CAP_NET_ADMIN; run as root, or sudo "
			     "setcap cap_net_admin+ep PROGRAM",
			     tun_path, tap->iface, strerror(error));
	else if (error == EBUSY && tap->persist)
		plx_port_log(port, PLX_LOG_ERR,
			     "interface '%s' is in use by another process; want another iface=",
			     tap->iface);
	else if (error == EBUSY)
		plx_port_log(port, PLX_LOG_ERR,
			     "the name '%s' is taken; want another iface=, or persist to use a tap "
			     "interface that is there",
			     tap->iface);
	else if (error == EINVAL && tap->persist)
		plx_port_log(port, PLX_LOG_ERR,
			     "interface '%s' can't be used: want one made by ip tuntap add dev %s "
			     "mode tap multi_queue",
			     tap->iface, tap->iface);
	else
		plx_port_log(port, PLX_LOG_ERR, "%s: TUNSETIFF of '%s': %s", tun_path, tap->iface,
			     strerror(error));
}

/* A descriptor that is one queue of the interface. Its name is written back. */
static int open_queue(struct plx_port *port, struct tap_port *tap, bool first)
{
	struct ifreq ifr = {0};
	int fd = open_tun(port);

	if (fd < 0)
		return fd;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", tap->iface);
	ifr.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE;
	if (first && !tap->persist)
		ifr.ifr_flags = (short)(ifr.ifr_flags | IFF_TUN_EXCL);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
		int error = errno;

		tell_refusal(port, tap, error);
		close(fd);
		return -error;
	}
	snprintf(tap->iface, sizeof(tap->iface), "%s", ifr.ifr_name);
	return fd;
}

int plx_net_tap_create(struct plx_port *port, struct tap_port *tap)
{
	int fd = open_queue(port, tap, true);

	if (fd < 0)
		return fd;
	tap->fds[0] = fd;
	tap->nb_fds = 1;
	tap->if_index = if_nametoindex(tap->iface);
	if (tap->if_index > 0)
		return 0;
	fd = -errno;
	plx_port_log(port, PLX_LOG_ERR, "interface '%s': %s", tap->iface, strerror(-fd));
	plx_net_tap_close(tap);
	return fd;
}

void plx_net_tap_close(struct tap_port *tap)
{
	while (tap->nb_fds > 0)
		close(tap->fds[--tap->nb_fds]);
}

int plx_net_tap_find(struct plx_port *port, struct tap_port *tap)
{
	struct ifreq ifr = {0};

	if (ioctl(tap->fds[0], TUNGETIFF, &ifr) < 0) {
		plx_port_log(port, PLX_LOG_ERR, "interface '%s' was deleted; detach the port",
			     tap->iface);
		return -ENODEV;
	}
	snprintf(tap->iface, sizeof(tap->iface), "%s", ifr.ifr_name);
	if (if_nametoindex(tap->iface) == tap->if_index)
		return 0;
	plx_port_log(port, PLX_LOG_ERR, "interface '%s' is in another network namespace",
		     tap->iface);
	return -ENODEV;
}

bool plx_net_tap_is(const struct tap_port *tap, const char *name)
{
	struct ifreq ifr = {0};

	return ioctl(tap->fds[0], TUNGETIFF, &ifr) == 0 &&
	       strncmp(ifr.ifr_name, name, sizeof(ifr.ifr_name)) == 0;
}

int plx_net_tap_resize(struct plx_port *port, struct tap_port *tap, unsigned nb)
{
	while (tap->nb_fds > nb)
		close(tap->fds[--tap->nb_fds]);
	while (tap->nb_fds < nb) {
		int fd = open_queue(port, tap, false);

		if (fd < 0)
			return fd;
		tap->fds[tap->nb_fds++] = fd;
	}
	return 0;
}

int plx_net_tap_carrier(struct plx_port *port, const struct tap_port *tap, bool on)
{
	int carrier = on;
	int ret;

	if (ioctl(tap->fds[0], TUNSETCARRIER, &carrier) == 0)
		return 0;
	ret = -errno;
	plx_port_log(port, PLX_LOG_ERR, "interface '%s': link %s: %s", tap->iface,
		     on ? "up" : "down", strerror(-ret));
	return ret;
}

/* An ioctl(2) on the interface's name. Returns 0 or -errno; @what of the line. */
static int change(struct plx_port *port, const struct tap_port *tap, unsigned long request,
		  struct ifreq *ifr, const char *what)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ret = 0;

	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", tap->iface);
	if (fd < 0 || ioctl(fd, request, ifr) < 0) {
		ret = -errno;
		plx_port_log(port, PLX_LOG_ERR, "interface '%s': %s: %s", tap->iface, what,
			     strerror(-ret));
	}
	if (fd >= 0)
		close(fd);
	return ret;
}

void plx_net_tap_queue_len(struct plx_port *port, const struct tap_port *tap, uint32_t frames)
{
	struct ifreq ifr = {.ifr_qlen = (int)frames};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", tap->iface);
	if (fd < 0 || ioctl(fd, SIOCSIFTXQLEN, &ifr) < 0)
		plx_port_log(port, PLX_LOG_INFO,
			     "interface '%s': its queue stays as long as it is, %u frames were "
			     "wanted: %s",
			     tap->iface, frames, strerror(errno));
	if (fd >= 0)
		close(fd);
}

int plx_net_tap_flag(struct plx_port *port, struct tap_port *tap, unsigned flag, bool on)
{
	struct ifreq ifr = {0};
	int ret = plx_net_tap_find(port, tap);

	if (ret == 0)
		ret = change(port, tap, SIOCGIFFLAGS, &ifr, "flags");
	if (ret)
		return ret;
	ifr.ifr_flags = (short)(on ? ifr.ifr_flags | flag : ifr.ifr_flags & ~flag);
	return change(port, tap, SIOCSIFFLAGS, &ifr, "flags");
}

int plx_net_tap_keep(struct plx_port *port, const struct tap_port *tap)
{
	int ret;

	if (ioctl(tap->fds[0], TUNSETPERSIST, 1) == 0)
		return 0;
	ret = -errno;
	plx_port_log(port, PLX_LOG_ERR, "interface '%s': persist: %s", tap->iface, strerror(-ret));
	return ret;
}

bool plx_net_tap_alive(const struct tap_port *tap)
{
	struct ifreq ifr;

	return ioctl(tap->fds[0], TUNGETIFF, &ifr) == 0;
}
