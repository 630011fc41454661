/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an interface does for the port: addresses and modes are memberships of the packet socket,
 * so that they end with it, however the process ends. And the frames that were lost before libpcap
 * could have them.
 */
#include "pcap_private.h"

#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- Addresses and modes ---- */

static bool same_mac(const struct ether_addr *a, const struct ether_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* @mac: NULL for a mode. Returns 0, -errno. */
static int member(const struct pcap_live *live, pcap_t *handle, int type,
		  const struct ether_addr *mac, bool on)
{
	struct packet_mreq request = {
		.mr_ifindex = (int)live->iface->index,
		.mr_type = (unsigned short)type,
	};

	if (mac) {
		request.mr_alen = ETHER_ADDR_LEN;
		memcpy(request.mr_address, mac, ETHER_ADDR_LEN);
	}
	if (setsockopt(pcap_fileno(handle), SOL_PACKET,
		       on ? PACKET_ADD_MEMBERSHIP : PACKET_DROP_MEMBERSHIP, &request,
		       sizeof(request)))
		return -errno;
	return 0;
}

static int mac_type(const struct ether_addr *mac)
{
	return mac->ether_addr_octet[0] & 1 ? PACKET_MR_MULTICAST : PACKET_MR_UNICAST;
}

/* On all handles that receive; those that were changed are changed back at a failure. */
static int member_all(struct pcap_port *pp, int type, const struct ether_addr *mac, bool on)
{
	for (unsigned i = 0; i < pp->nb_lives; i++) {
		const struct pcap_live *live = &pp->lives[i];
		int ret;

		if (!live->rx || !live->handle || live->iface->gone)
			continue;
		ret = member(live, live->handle, type, mac, on);
		if (ret == 0)
			continue;
		while (on && i-- > 0)
			if (pp->lives[i].rx && pp->lives[i].handle)
				member(&pp->lives[i], pp->lives[i].handle, type, mac, false);
		return ret;
	}
	return 0;
}

/* The port's own address, where it is not the interface's and all frames do not come anyway. An
 * interface that can't filter becomes promiscuous by it. */
static bool needs_own(const struct pcap_port *pp)
{
	return !pp->conf.promisc && !pp->conf.phy_mac;
}

void plx_pcap_live_join(const struct pcap_live *live, pcap_t *handle)
{
	const struct pcap_port *pp = live->owner;

	if (!live->rx)
		return;
	if (pp->conf.promisc)
		member(live, handle, PACKET_MR_PROMISC, NULL, true);
	if (pp->promisc)
		member(live, handle, PACKET_MR_PROMISC, NULL, true);
	if (pp->allmulti)
		member(live, handle, PACKET_MR_ALLMULTI, NULL, true);
	for (unsigned i = needs_own(pp) ? 0 : 1; i < pp->nb_macs; i++)
		member(live, handle, mac_type(&pp->macs[i]), &pp->macs[i], true);
}

static int tell(const struct pcap_port *pp, const char *what, int error)
{
	if (error)
		plx_port_log(pp->port, PLX_LOG_ERR, "can't %s: %s", what, strerror(-error));
	return error;
}

static int mode_set(struct plx_port *port, int type, bool *mode, bool on, const char *what)
{
	struct pcap_port *pp = port->priv;
	int ret = 0;

	pthread_mutex_lock(&pp->handles);
	if (*mode != on)
		ret = member_all(pp, type, NULL, on);
	if (ret == 0)
		*mode = on;
	pthread_mutex_unlock(&pp->handles);
	return tell(pp, what, ret);
}

int plx_pcap_promisc_set(struct plx_port *port, bool on)
{
	struct pcap_port *pp = port->priv;

	return mode_set(port, PACKET_MR_PROMISC, &pp->promisc, on, "change promiscuous mode");
}

int plx_pcap_allmulti_set(struct plx_port *port, bool on)
{
	struct pcap_port *pp = port->priv;

	return mode_set(port, PACKET_MR_ALLMULTI, &pp->allmulti, on, "change all-multicast mode");
}

int plx_pcap_mac_add(struct plx_port *port, const struct ether_addr *mac)
{
	struct pcap_port *pp = port->priv;
	int ret = -ENOSPC;

	pthread_mutex_lock(&pp->handles);
	if (pp->nb_macs < PCAP_MACS_MAX)
		ret = member_all(pp, mac_type(mac), mac, true);
	if (ret == 0)
		pp->macs[pp->nb_macs++] = *mac;
	pthread_mutex_unlock(&pp->handles);
	return tell(pp, "add an address", ret);
}

int plx_pcap_mac_del(struct plx_port *port, const struct ether_addr *mac)
{
	struct pcap_port *pp = port->priv;
	int ret = -ENOENT;

	pthread_mutex_lock(&pp->handles);
	for (unsigned i = 1; i < pp->nb_macs; i++)
		if (same_mac(&pp->macs[i], mac)) {
			ret = member_all(pp, mac_type(mac), mac, false);
			pp->macs[i] = pp->macs[--pp->nb_macs];
			break;
		}
	pthread_mutex_unlock(&pp->handles);
	return tell(pp, "take an address away", ret);
}

/* With phy_mac it is the interface's address; else the port's own, received beside that. */
int plx_pcap_mac_set(struct plx_port *port, const struct ether_addr *mac)
{
	struct pcap_port *pp = port->priv;
	int ret = 0;

	for (unsigned i = 0; i < pp->nb_ifaces && pp->conf.phy_mac && ret == 0; i++) {
		ret = plx_netif_set_mac(pp->ifaces[i].index, mac);
		pp->ifaces[i].mac_changed |= ret == 0;
	}
	if (ret == -EBUSY)
		plx_port_log(port, PLX_LOG_ERR,
			     "%s takes a new address only while it is down: ip link set %s down",
			     pp->ifaces[0].name, pp->ifaces[0].name);
	if (ret)
		return ret == -EBUSY ? ret : tell(pp, "change the interface's address", ret);
	pthread_mutex_lock(&pp->handles);
	if (needs_own(pp)) {
		ret = member_all(pp, mac_type(mac), mac, true);
		if (ret == 0)
			member_all(pp, mac_type(&pp->macs[0]), &pp->macs[0], false);
	}
	if (ret == 0)
		pp->macs[0] = *mac;
	pthread_mutex_unlock(&pp->handles);
	return tell(pp, "receive by the new address", ret);
}

/* ---- MTU ---- */

/* Under `link`, so that the control thread does not ask between the kernel's MTU and ours. */
static int set_mtus(struct pcap_port *pp, uint32_t mtu)
{
	for (unsigned i = 0; i < pp->nb_ifaces; i++) {
		struct pcap_iface *iface = &pp->ifaces[i];
		int ret = plx_netif_set_mtu(iface->index, mtu);

		if (ret) {
			plx_port_log(pp->port, PLX_LOG_ERR, "can't set an MTU of %u on %s: %s", mtu,
				     iface->name, strerror(-ret));
			return ret;
		}
		plx_store_relaxed(&iface->mtu, mtu);
	}
	plx_store_relaxed(&pp->port->mtu, mtu);
	return 0;
}

/* The rings are made for one MTU, so handles are made anew at the next start. */
int plx_pcap_mtu_set(struct plx_port *port, uint32_t mtu)
{
	struct pcap_port *pp = port->priv;
	int ret;

	if (pp->nb_ifaces == 0)
		return -ENOTSUP;
	if (port->state == PLX_PORT_STARTED) {
		plx_port_log(port, PLX_LOG_ERR, "the MTU changes only while the port is stopped");
		return -EBUSY;
	}
	pthread_mutex_lock(&pp->link);
	ret = set_mtus(pp, mtu);
	pthread_mutex_unlock(&pp->link);
	return ret;
}

/* ---- What is lost before libpcap has it ---- */

/*
 * As pcap_stats(), which keeps its sums in the handle that another thread receives by; the kernel
 * starts again from zero at each look, so that 32 bits do not wrap.
 */
void plx_pcap_live_drops(const struct pcap_live *live, pcap_t *handle, bool keep)
{
	struct tpacket_stats_v3 stats = {0};
	socklen_t len = sizeof(stats);

	if (!handle || !live->rx)
		return;
	if (getsockopt(pcap_fileno(handle), SOL_PACKET, PACKET_STATISTICS, &stats, &len))
		return;
	if (keep)
		plx_store_relaxed(&live->owner->kernel_drops,
				  live->owner->kernel_drops + stats.tp_drops);
}

struct stats_request {
	struct nlmsghdr head;
	struct if_stats_msg body;
};

/* The interface's own: its card had no room for them. What ps_ifdrop is, by rtnetlink, since sysfs
 * shows the interfaces of another network namespace at times. False: not known. */
static bool read_iface_drops(int fd, unsigned index, uint64_t *drops)
{
	struct stats_request request = {
		.head.nlmsg_len = sizeof(request),
		.head.nlmsg_type = RTM_GETSTATS,
		.head.nlmsg_flags = NLM_F_REQUEST,
		.body.ifindex = index,
		.body.filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64),
	};
	char reply[1024] PLX_ALIGNED(8);
	const struct nlmsghdr *head = (const struct nlmsghdr *)reply;
	const struct rtattr *attr;
	struct rtnl_link_stats64 stats;
	ssize_t len;

	if (send(fd, &request, sizeof(request), 0) != sizeof(request))
		return false;
	len = recv(fd, reply, sizeof(reply), MSG_DONTWAIT);
	if (len < (ssize_t)NLMSG_LENGTH(sizeof(struct if_stats_msg) + sizeof(*attr)) ||
	    head->nlmsg_type != RTM_NEWSTATS)
		return false;
	attr = (const struct rtattr *)(reply + NLMSG_LENGTH(sizeof(struct if_stats_msg)));
	if (attr->rta_type != IFLA_STATS_LINK_64 ||
	    attr->rta_len < RTA_LENGTH(offsetof(struct rtnl_link_stats64, rx_compressed)) ||
	    (const char *)attr + attr->rta_len > reply + len)
		return false;
	memset(&stats, 0, sizeof(stats));
	memcpy(&stats, (const char *)attr + RTA_LENGTH(0),
	       plx_min_size(sizeof(stats), attr->rta_len - RTA_LENGTH(0)));
	*drops = stats.rx_missed_errors + stats.rx_fifo_errors;
	return true;
}

static bool receives(const struct pcap_port *pp, const struct pcap_iface *iface)
{
	for (unsigned i = 0; i < pp->nb_lives; i++)
		if (pp->lives[i].iface == iface && pp->lives[i].rx && pp->lives[i].receiving)
			return true;
	return false;
}

void plx_pcap_iface_drops(struct pcap_port *pp, bool keep)
{
	if (pp->nb_ifaces > 0 && pp->route_fd < 0)
		pp->route_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	for (unsigned i = 0; i < pp->nb_ifaces; i++) {
		uint64_t drops;

		if (!read_iface_drops(pp->route_fd, pp->ifaces[i].index, &drops))
			continue;
		if (keep && drops > pp->if_base[i] && receives(pp, &pp->ifaces[i]))
			plx_store_relaxed(&pp->interface_drops,
					  pp->interface_drops + drops - pp->if_base[i]);
		pp->if_base[i] = drops;
	}
}
