/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The interface under the port. Addresses and modes are memberships of a packet socket: the kernel
 * drops them with it, however this process ends. What has no such keeper, MAC address and MTU, is
 * put back when the port is detached.
 */
#include "xdp_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Control thread. */
static void on_change(const struct plx_netif_info *info, void *arg)
{
	struct plx_port *port = arg;
	struct plx_port_link link = {0};

	if (info)
		link = (struct plx_port_link){
			.speed_mbps = info->carrier ? info->speed_mbps : 0,
			.up = info->carrier,
			.full_duplex = info->full_duplex,
		};
	plx_port_link_set(port, &link);
	if (!info)
		plx_port_event_raise(port, PLX_PORT_EVENT_REMOVED);
}

void plx_xdp_netif_queues(struct plx_xdp_port *xdp, const struct plx_netif_info *netif)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq req = {.ifr_data = (void *)&channels};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	xdp->nb_rx_queues = netif->nb_rx_queues;
	xdp->nb_tx_queues = netif->nb_tx_queues;
	memcpy(req.ifr_name, xdp->iface, sizeof(req.ifr_name));
	if (fd >= 0 && ioctl(fd, SIOCETHTOOL, &req) == 0) {
		xdp->nb_rx_queues = channels.rx_count + channels.combined_count;
		xdp->nb_tx_queues = channels.tx_count + channels.combined_count;
	}
	if (fd >= 0)
		close(fd);
}

int plx_xdp_netif_open(struct plx_port *port)
{
	struct plx_xdp_port *xdp = port->priv;
	const struct plx_port_link down = {0};
	int ret;

	plx_port_link_set(port, &down);
	xdp->members_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (xdp->members_fd < 0) {
		ret = -errno;
		plx_port_log(port, PLX_LOG_ERR,
			     "packet socket: %s; run as root, or with CAP_NET_RAW", strerror(-ret));
		return ret;
	}
	ret = plx_netif_watch_add(xdp->if_index, on_change, port, &xdp->watch);
	if (ret) {
		plx_port_log(port, PLX_LOG_ERR, "can't watch %s: %s", xdp->iface, strerror(-ret));
		close(xdp->members_fd);
		xdp->members_fd = -1;
	}
	return ret;
}

void plx_xdp_netif_close(struct plx_port *port)
{
	struct plx_xdp_port *xdp = port->priv;

	plx_netif_watch_del(xdp->watch);
	close(xdp->members_fd);
	xdp->members_fd = -1;
	/* The interface may be gone; then there is nothing to put back. */
	if (memcmp(&port->mac, &xdp->old_mac, sizeof(port->mac)) != 0)
		(void)plx_netif_set_mac(xdp->if_index, &xdp->old_mac);
	if (port->mtu != xdp->old_mtu)
		(void)plx_netif_set_mtu(xdp->if_index, xdp->old_mtu);
}

int plx_xdp_netif_up(struct plx_port *port)
{
	const struct plx_xdp_port *xdp = port->priv;
	int ret = plx_netif_set_up(xdp->if_index, true);

	if (ret)
		plx_port_log(port, PLX_LOG_ERR, "can't set %s up: %s", xdp->iface, strerror(-ret));
	return ret;
}

int plx_xdp_mtu_set(struct plx_port *port, uint32_t mtu)
{
	const struct plx_xdp_port *xdp = port->priv;
	int ret = plx_netif_set_mtu(xdp->if_index, mtu);

	if (ret) {
		plx_port_log(port, PLX_LOG_ERR, "%s does not take an MTU of %u: %s", xdp->iface,
			     mtu, strerror(-ret));
		return ret;
	}
	port->mtu = mtu;
	plx_xdp_frames_limit(port);
	return 0;
}

int plx_xdp_mac_set(struct plx_port *port, const struct ether_addr *mac)
{
	const struct plx_xdp_port *xdp = port->priv;
	int ret = plx_netif_set_mac(xdp->if_index, mac);

	if (ret)
		plx_port_log(port, PLX_LOG_ERR, "%s does not take another address: %s", xdp->iface,
			     strerror(-ret));
	return ret;
}

/* ---- Memberships ---- */

static int change_member(struct plx_port *port, bool add, uint16_t type,
			 const struct ether_addr *mac)
{
	const struct plx_xdp_port *xdp = port->priv;
	struct packet_mreq req = {.mr_ifindex = (int)xdp->if_index, .mr_type = type};
	int ret;

	if (mac) {
		req.mr_alen = ETH_ALEN;
		memcpy(req.mr_address, mac, ETH_ALEN);
	}
	if (setsockopt(xdp->members_fd, SOL_PACKET,
		       add ? PACKET_ADD_MEMBERSHIP : PACKET_DROP_MEMBERSHIP, &req,
		       sizeof(req)) == 0)
		return 0;
	/* What is gone with the interface was taken out with it. */
	if (!add && errno == EADDRNOTAVAIL)
		return 0;
	ret = -errno;
	plx_port_log(port, PLX_LOG_ERR, "%s: receive mode or address: %s", xdp->iface,
		     strerror(-ret));
	return ret;
}

static uint16_t member_type(const struct ether_addr *mac)
{
	return mac->ether_addr_octet[0] & 1 ? PACKET_MR_MULTICAST : PACKET_MR_UNICAST;
}

int plx_xdp_mac_add(struct plx_port *port, const struct ether_addr *mac)
{
	return change_member(port, true, member_type(mac), mac);
}

int plx_xdp_mac_del(struct plx_port *port, const struct ether_addr *mac)
{
	return change_member(port, false, member_type(mac), mac);
}

/* The kernel counts memberships: a second one of a kind would want a second end. */
int plx_xdp_promisc_set(struct plx_port *port, bool on)
{
	return on == port->promisc ? 0 : change_member(port, on, PACKET_MR_PROMISC, NULL);
}

int plx_xdp_allmulti_set(struct plx_port *port, bool on)
{
	return on == port->allmulti ? 0 : change_member(port, on, PACKET_MR_ALLMULTI, NULL);
}
