/* SPDX-License-Identifier: BSD-3-Clause */
/* One question or one change: a netlink socket is opened, used once and closed. */
#include "netif_private.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <pollux/mem.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int plx_netif_open(unsigned groups, struct mnl_socket **nl)
{
	struct timeval timeout = {
		.tv_sec = PLX_NETIF_REPLY_TIMEOUT_MS / 1000,
		.tv_usec = PLX_NETIF_REPLY_TIMEOUT_MS % 1000 * 1000,
	};
	int err;

	*nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (*nl == NULL)
		return -errno;
	if (mnl_socket_bind(*nl, groups, MNL_SOCKET_AUTOPID) != 0 ||
	    setsockopt(mnl_socket_get_fd(*nl), SOL_SOCKET, SO_RCVTIMEO, &timeout,
		       sizeof(timeout)) != 0) {
		err = -errno;
		mnl_socket_close(*nl);
		return err;
	}
	return 0;
}

/* ---- decoding ---- */

static int keep_attribute(const struct nlattr *attr, void *data)
{
	const struct nlattr **attrs = data;

	if (mnl_attr_type_valid(attr, IFLA_MAX) > 0)
		attrs[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

static uint32_t u32_of(const struct nlattr *attr, uint32_t otherwise)
{
	return attr != NULL && mnl_attr_validate(attr, MNL_TYPE_U32) == 0 ? mnl_attr_get_u32(attr)
									  : otherwise;
}

static const char *text_of(const struct nlattr *attr)
{
	return attr != NULL && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0
		       ? mnl_attr_get_str(attr)
		       : NULL;
}

static void decode_counts(const struct nlattr *attr, struct plx_netif_info *info)
{
	struct rtnl_link_stats64 counts;

	/* Newer kernels have more behind it; attributes are aligned to 4 only. */
	if (attr == NULL || mnl_attr_get_payload_len(attr) < offsetof(typeof(counts), multicast))
		return;
	memset(&counts, 0, sizeof(counts));
	memcpy(&counts, mnl_attr_get_payload(attr), offsetof(typeof(counts), multicast));
	info->rx_dropped = counts.rx_dropped;
	info->tx_dropped = counts.tx_dropped;
}

void plx_netif_decode(int fd, const struct nlmsghdr *nlh, struct plx_netif_info *info)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attrs[IFLA_MAX + 1] = {NULL};
	const char *name, *bus, *device;
	bool carrier = true;

	/* Two states are compared as bytes. */
	memset(info, 0, sizeof(*info));
	mnl_attr_parse(nlh, sizeof(*link), keep_attribute, attrs);
	info->index = (unsigned)link->ifi_index;
	info->flags = link->ifi_flags;
	info->type = link->ifi_type;
	name = text_of(attrs[IFLA_IFNAME]);
	if (name != NULL)
		snprintf(info->name, sizeof(info->name), "%s", name);
	if (attrs[IFLA_CARRIER] != NULL && mnl_attr_validate(attrs[IFLA_CARRIER], MNL_TYPE_U8) == 0)
		carrier = mnl_attr_get_u8(attrs[IFLA_CARRIER]) != 0;
	/* A link that came up counts when its qdisc is there: before, frames vanish. */
	info->carrier = (info->flags & IFF_UP) != 0 && (info->flags & IFF_RUNNING) != 0 && carrier;
	info->mtu = u32_of(attrs[IFLA_MTU], 0);
	info->min_mtu = u32_of(attrs[IFLA_MIN_MTU], 0);
	info->max_mtu = u32_of(attrs[IFLA_MAX_MTU], 0);
	if (info->max_mtu == 0)
		info->max_mtu = UINT32_MAX;
	if (attrs[IFLA_ADDRESS] != NULL &&
	    mnl_attr_get_payload_len(attrs[IFLA_ADDRESS]) == sizeof(info->mac))
		memcpy(&info->mac, mnl_attr_get_payload(attrs[IFLA_ADDRESS]), sizeof(info->mac));
	info->nb_rx_queues = u32_of(attrs[IFLA_NUM_RX_QUEUES], 1);
	info->nb_tx_queues = u32_of(attrs[IFLA_NUM_TX_QUEUES], 1);
	bus = text_of(attrs[IFLA_PARENT_DEV_BUS_NAME]);
	device = text_of(attrs[IFLA_PARENT_DEV_NAME]);
	info->node = bus && device ? plx_netif_device_node(bus, device) : PLX_NODE_ANY;
	decode_counts(attrs[IFLA_STATS64], info);
	plx_netif_ethtool(fd, info);
}

/* ---- asking ---- */

static struct nlmsghdr *begin_request(char *buf, uint16_t type, uint32_t seq, unsigned index)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *link;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = seq;
	link = mnl_nlmsg_put_extra_header(nlh, sizeof(*link));
	link->ifi_family = AF_UNSPEC;
	link->ifi_index = (int)index;
	return nlh;
}

static int send_request(struct mnl_socket *nl, const struct nlmsghdr *nlh)
{
	return mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0 ? -errno : 0;
}

int plx_netif_ask(struct mnl_socket *nl, uint32_t seq, unsigned index, const char *name)
{
	char buf[PLX_NETIF_REQUEST_BYTES] PLX_ALIGNED(8);
	struct nlmsghdr *nlh = begin_request(buf, RTM_GETLINK, seq, index);

	if (name != NULL)
		mnl_attr_put_strz(nlh, strlen(name) < IF_NAMESIZE ? IFLA_IFNAME : IFLA_ALT_IFNAME,
				  name);
	return send_request(nl, nlh);
}

/* The one message that answers, in @buf of PLX_NETIF_MSG_BYTES. */
static int take_reply(struct mnl_socket *nl, uint32_t seq, char *buf, struct nlmsghdr **reply)
{
	struct nlmsghdr *nlh;
	ssize_t got;
	int len;

	for (;;) {
		got = mnl_socket_recvfrom(nl, buf, PLX_NETIF_MSG_BYTES);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		len = (int)got;
		nlh = (void *)buf;
		for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
			if (nlh->nlmsg_seq != seq)
				continue;
			*reply = nlh;
			if (nlh->nlmsg_type != NLMSG_ERROR)
				return 0;
			return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(nlh))->error;
		}
	}
}

static int find(unsigned index, const char *name, struct plx_netif_info *info)
{
	char buf[PLX_NETIF_MSG_BYTES] PLX_ALIGNED(8);
	struct nlmsghdr *reply;
	struct mnl_socket *nl;
	int err;

	err = plx_netif_open(0, &nl);
	if (err != 0)
		return err;
	err = plx_netif_ask(nl, 1, index, name);
	if (err == 0)
		err = take_reply(nl, 1, buf, &reply);
	if (err == 0 && reply->nlmsg_type != RTM_NEWLINK)
		err = -EPROTO;
	if (err == 0)
		plx_netif_decode(mnl_socket_get_fd(nl), reply, info);
	mnl_socket_close(nl);
	return err;
}

int plx_netif_by_name(const char *name, struct plx_netif_info *info)
{
	size_t len = strlen(name);

	/* The longest second name that the kernel gives. */
	if (len == 0 || len >= 128)
		return -ENODEV;
	return find(0, name, info);
}

int plx_netif_by_index(unsigned index, struct plx_netif_info *info)
{
	return index == 0 || index > INT32_MAX ? -ENODEV : find(index, NULL, info);
}

const char *plx_netif_names(char *text, size_t bytes)
{
	static const char more[] = " ...";
	struct if_nameindex *all = if_nameindex();
	size_t used = 0;

	text[0] = '\0';
	for (struct if_nameindex *at = all; at != NULL && at->if_index != 0; at++) {
		size_t room = bytes - used;
		int len = snprintf(text + used, room, "%s%s", used > 0 ? " " : "", at->if_name);

		/* The next one and the mark behind it have to fit, or this is the last. */
		if (len < 0 || (size_t)len + sizeof(more) > room) {
			snprintf(text + used, room, "%s", more);
			break;
		}
		used += (size_t)len;
	}
	if (all != NULL)
		if_freenameindex(all);
	return text;
}

/* ---- changing ---- */

static int change(struct nlmsghdr *nlh)
{
	char buf[PLX_NETIF_MSG_BYTES] PLX_ALIGNED(8);
	struct nlmsghdr *reply;
	struct mnl_socket *nl;
	int err;

	err = plx_netif_open(0, &nl);
	if (err != 0)
		return err;
	nlh->nlmsg_flags |= NLM_F_ACK;
	err = send_request(nl, nlh);
	if (err == 0)
		err = take_reply(nl, nlh->nlmsg_seq, buf, &reply);
	mnl_socket_close(nl);
	return err;
}

int plx_netif_set_up(unsigned index, bool up)
{
	char buf[PLX_NETIF_REQUEST_BYTES] PLX_ALIGNED(8);
	struct nlmsghdr *nlh = begin_request(buf, RTM_SETLINK, 1, index);
	struct ifinfomsg *link = mnl_nlmsg_get_payload(nlh);

	link->ifi_change = IFF_UP;
	link->ifi_flags = up ? IFF_UP : 0;
	return change(nlh);
}

int plx_netif_set_mtu(unsigned index, uint32_t mtu)
{
	char buf[PLX_NETIF_REQUEST_BYTES] PLX_ALIGNED(8);
	struct nlmsghdr *nlh = begin_request(buf, RTM_SETLINK, 1, index);

	mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
	return change(nlh);
}

int plx_netif_set_mac(unsigned index, const struct ether_addr *mac)
{
	char buf[PLX_NETIF_REQUEST_BYTES] PLX_ALIGNED(8);
	struct nlmsghdr *nlh = begin_request(buf, RTM_SETLINK, 1, index);

	mnl_attr_put(nlh, IFLA_ADDRESS, sizeof(*mac), mac);
	return change(nlh);
}
