/* SPDX-License-Identifier: BSD-3-Clause */
/* Namespaces and interfaces for the suite. */
#include "netns.h"

#include "conform.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- The namespace ---- */

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len = (ssize_t)strlen(text), done;

	if (fd < 0)
		return false;
	done = write(fd, text, (size_t)len);
	close(fd);
	return done == len;
}

/* Become root of a user namespace: then the network namespace is ours to change. */
static bool unshare_as_user(void)
{
	char uids[64], gids[64];

	snprintf(uids, sizeof(uids), "0 %u 1", (unsigned)geteuid());
	snprintf(gids, sizeof(gids), "0 %u 1", (unsigned)getegid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return false;
	return write_file("/proc/self/setgroups", "deny") &&
	       write_file("/proc/self/uid_map", uids) && write_file("/proc/self/gid_map", gids);
}

bool netns_enter(char *why, size_t why_bytes)
{
	if (unshare(CLONE_NEWNET) != 0 && (errno != EPERM || !unshare_as_user())) {
		snprintf(why, why_bytes, "no network namespace of its own: %s; run it as root",
			 strerror(errno));
		return false;
	}
	/* No router solicitation is to be counted. Without IPv6 there are no such files. */
	write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	return true;
}

/* ---- rtnetlink ---- */

struct request {
	struct nlmsghdr head;
	struct ifinfomsg info;
	char attributes[1024];
};

static void request_init(struct request *r, uint16_t type, uint16_t flags)
{
	memset(r, 0, sizeof(*r));
	r->head.nlmsg_len = NLMSG_LENGTH(sizeof(r->info));
	r->head.nlmsg_type = type;
	r->head.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	r->info.ifi_family = AF_UNSPEC;
}

static struct rtattr *put(struct request *r, uint16_t type, const void *data, size_t bytes)
{
	struct rtattr *a = (struct rtattr *)(void *)((char *)r + NLMSG_ALIGN(r->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(bytes);
	if (bytes > 0)
		memcpy(RTA_DATA(a), data, bytes);
	r->head.nlmsg_len = (uint32_t)(NLMSG_ALIGN(r->head.nlmsg_len) + RTA_ALIGN(a->rta_len));
	return a;
}

static void put_end(struct request *r, struct rtattr *nest)
{
	nest->rta_len = (uint16_t)((char *)r + r->head.nlmsg_len - (char *)nest);
}

/* Send the request and read one answer; returns the kernel's error, or 0 with it in @answer. */
static int talk(struct request *r, char *answer, size_t room)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct nlmsghdr *head = (struct nlmsghdr *)(void *)answer;
	ssize_t bytes;

	check(fd >= 0, "netlink socket: %s", strerror(errno));
	check(send(fd, r, r->head.nlmsg_len, 0) == (ssize_t)r->head.nlmsg_len,
	      "netlink request: %s", strerror(errno));
	bytes = recv(fd, answer, room, MSG_TRUNC);
	check(bytes >= (ssize_t)sizeof(*head) && (size_t)bytes <= room, "netlink answer: %zd",
	      bytes);
	close(fd);
	if (head->nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)NLMSG_DATA(head))->error;
	return 0;
}

static int order(struct request *r)
{
	char answer[8192] __attribute__((aligned(NLMSG_ALIGNTO)));

	r->head.nlmsg_flags |= NLM_F_ACK;
	return talk(r, answer, sizeof(answer));
}

static void read_xdp(struct rtattr *nest, struct link *link)
{
	int left = (int)RTA_PAYLOAD(nest);

	for (struct rtattr *a = RTA_DATA(nest); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_XDP_ATTACHED)
			link->xdp_programs = *(const uint8_t *)RTA_DATA(a);
}

static void read_stats(struct rtattr *a, struct link *link)
{
	struct rtnl_link_stats64 stats = {0};
	size_t bytes = RTA_PAYLOAD(a);

	memcpy(&stats, RTA_DATA(a), bytes < sizeof(stats) ? bytes : sizeof(stats));
	link->rx_packets = stats.rx_packets;
	link->tx_packets = stats.tx_packets;
	link->rx_dropped = stats.rx_dropped;
	link->tx_dropped = stats.tx_dropped;
	link->rx_errors = stats.rx_errors;
	link->tx_errors = stats.tx_errors;
}

struct link link_get(const char *name)
{
	char answer[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *head = (struct nlmsghdr *)(void *)answer;
	struct ifinfomsg *info = NLMSG_DATA(head);
	struct link link = {0};
	struct request r;
	int left, ret;

	request_init(&r, RTM_GETLINK, 0);
	put(&r, IFLA_IFNAME, name, strlen(name) + 1);
	ret = talk(&r, answer, sizeof(answer));
	if (ret == -ENODEV)
		return link;
	want(ret, 0, "interface %s", name);
	link.there = true;
	link.index = (unsigned)info->ifi_index;
	link.flags = info->ifi_flags;
	left = (int)IFLA_PAYLOAD(head);
	for (struct rtattr *a = IFLA_RTA(info); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		switch (a->rta_type & NLA_TYPE_MASK) {
		case IFLA_MTU:
			memcpy(&link.mtu, RTA_DATA(a), sizeof(link.mtu));
			break;
		case IFLA_CARRIER:
			link.carrier = *(const uint8_t *)RTA_DATA(a);
			break;
		case IFLA_MAX_MTU:
			memcpy(&link.max_mtu, RTA_DATA(a), sizeof(link.max_mtu));
			break;
		case IFLA_PROMISCUITY:
			memcpy(&link.promiscuity, RTA_DATA(a), sizeof(link.promiscuity));
			break;
		case IFLA_ADDRESS:
			memcpy(&link.mac, RTA_DATA(a), sizeof(link.mac));
			break;
		case IFLA_XDP:
			read_xdp(a, &link);
			break;
		case IFLA_STATS64:
			read_stats(a, &link);
			break;
		default:
			break;
		}
	}
	return link;
}

unsigned links_count(void)
{
	struct if_nameindex *all = if_nameindex();
	unsigned nb = 0;

	check(all, "if_nameindex: %s", strerror(errno));
	while (all[nb].if_index)
		nb++;
	if_freenameindex(all);
	return nb;
}

void link_delete(const char *name)
{
	struct request r;
	int ret;

	request_init(&r, RTM_DELLINK, 0);
	put(&r, IFLA_IFNAME, name, strlen(name) + 1);
	ret = order(&r);
	check(ret == 0, "delete %s: %s", name, errno_text(ret));
}

void link_up(const char *name, bool up)
{
	struct request r;
	int ret;

	request_init(&r, RTM_NEWLINK, 0);
	r.info.ifi_flags = up ? IFF_UP : 0;
	r.info.ifi_change = IFF_UP;
	put(&r, IFLA_IFNAME, name, strlen(name) + 1);
	ret = order(&r);
	check(ret == 0, "set %s %s: %s", name, up ? "up" : "down", errno_text(ret));
}

void link_await_running(const char *name)
{
	struct link link;

	wait_until((link = link_get(name), link.flags & IFF_RUNNING && link.carrier));
	check(link.flags & IFF_RUNNING && link.carrier, "%s does not run after %u ms: flags %#x",
	      name, CONFORM_WAIT_MS, link.flags);
}

void link_mtu(const char *name, uint32_t mtu)
{
	struct request r;
	int ret;

	request_init(&r, RTM_NEWLINK, 0);
	put(&r, IFLA_IFNAME, name, strlen(name) + 1);
	put(&r, IFLA_MTU, &mtu, sizeof(mtu));
	ret = order(&r);
	check(ret == 0, "set MTU %u of %s: %s", mtu, name, errno_text(ret));
}

static void put_end_of_veth(struct request *r, const char *name, uint32_t nb_queues)
{
	put(r, IFLA_IFNAME, name, strlen(name) + 1);
	put(r, IFLA_NUM_RX_QUEUES, &nb_queues, sizeof(nb_queues));
	put(r, IFLA_NUM_TX_QUEUES, &nb_queues, sizeof(nb_queues));
}

void link_veth_make(const char *name, const char *other, unsigned nb_queues)
{
	struct rtattr *info, *data, *peer;
	struct ifinfomsg other_info = {0};
	struct request r;
	int ret;

	request_init(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	put_end_of_veth(&r, name, nb_queues);
	info = put(&r, IFLA_LINKINFO, NULL, 0);
	put(&r, IFLA_INFO_KIND, "veth", 4);
	data = put(&r, IFLA_INFO_DATA, NULL, 0);
	peer = put(&r, VETH_INFO_PEER, &other_info, sizeof(other_info));
	put_end_of_veth(&r, other, nb_queues);
	put_end(&r, peer);
	put_end(&r, data);
	put_end(&r, info);
	ret = order(&r);
	check(ret == 0, "make veth pair %s, %s: %s", name, other, errno_text(ret));
	link_offloads_off(name);
	link_offloads_off(other);
	link_up(name, true);
	link_up(other, true);
}

/* Returns 0 or -errno. */
static int ethtool(const char *name, void *command)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret = 0;
	struct ifreq request = {0};

	check(fd >= 0, "socket: %s", strerror(errno));
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	request.ifr_data = command;
	if (ioctl(fd, SIOCETHTOOL, &request) != 0)
		ret = -errno;
	close(fd);
	return ret;
}

void link_tx_queues(const char *name, unsigned nb)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	int ret = ethtool(name, &channels);

	check(ret == 0, "queues of %s: %s", name, errno_text(ret));
	if (channels.tx_count == nb)
		return;
	channels.cmd = ETHTOOL_SCHANNELS;
	channels.tx_count = nb;
	ret = ethtool(name, &channels);
	check(ret == 0, "%s with %u tx queues: %s", name, nb, errno_text(ret));
}

void link_one_queue(const char *name)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	int ret = ethtool(name, &channels);

	if (ret == 0 && channels.combined_count > 1) {
		channels.cmd = ETHTOOL_SCHANNELS;
		channels.combined_count = 1;
		ret = ethtool(name, &channels);
	}
	check(ret == 0 || ret == -EOPNOTSUPP, "%s with one queue: %s", name, errno_text(ret));
}

void link_rings(const char *name, unsigned nb)
{
	struct ethtool_ringparam rings = {.cmd = ETHTOOL_GRINGPARAM};
	int ret = ethtool(name, &rings);

	if (ret == -EOPNOTSUPP)
		return;
	check(ret == 0, "rings of %s: %s", name, errno_text(ret));
	nb = nb < rings.rx_max_pending ? nb : rings.rx_max_pending;
	if (rings.rx_pending >= nb)
		return;
	rings.cmd = ETHTOOL_SRINGPARAM;
	rings.rx_pending = nb;
	ret = ethtool(name, &rings);
	check(ret == 0, "%s with a receive ring of %u: %s", name, nb, errno_text(ret));
}

void link_offloads_off(const char *name)
{
	static const uint32_t offloads[] = {ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO,
					    ETHTOOL_SGRO};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(offloads); i++) {
		struct ethtool_value value = {.cmd = offloads[i], .data = 0};
		int ret = ethtool(name, &value);

		check(ret == 0 || ret == -EOPNOTSUPP, "offload %#x of %s off: %s", offloads[i],
		      name, errno_text(ret));
	}
}
