/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interfaces by name, and the port's link: up while it is started, all its interfaces have a
 * carrier, and there is a file that is not at its end or an interface to receive from. So a port
 * that replays files goes down when it has given all: an application then knows that there is no
 * more to come. Sending goes on.
 */
#include "pcap_private.h"

#include <net/if.h>
#include <stdio.h>

/* ---- Interfaces ---- */

/* One line with those that there are. */
static int refuse_name(struct pcap_port *pp, const char *key, const char *name)
{
	struct if_nameindex *list = if_nameindex();
	char names[600] = "";
	size_t len = 0;

	for (unsigned i = 0; list && list[i].if_index && len < sizeof(names); i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", i ? ", " : "",
					list[i].if_name);
	if (list)
		if_freenameindex(list);
	plx_port_log(pp->port, PLX_LOG_ERR, "%s=%.60s: no such interface; there are: %s", key, name,
		     *names ? names : "none");
	return -ENODEV;
}

/* Under `link`. */
static void adopt(struct pcap_iface *iface, const struct plx_netif_info *info)
{
	iface->mac = info->mac;
	plx_store_relaxed(&iface->min_mtu, info->min_mtu);
	plx_store_relaxed(&iface->max_mtu, info->max_mtu);
	iface->speed_mbps = info->speed_mbps;
	iface->full_duplex = info->full_duplex;
	iface->up = info->flags & IFF_UP;
	iface->carrier = info->carrier;
	iface->node = info->node;
}

int plx_pcap_iface_get(struct pcap_port *pp, const char *key, const char *name,
		       struct pcap_iface **out)
{
	struct pcap_iface *iface = &pp->ifaces[pp->nb_ifaces];
	struct plx_netif_info info;
	int ret;

	ret = plx_netif_by_name(name, &info);
	if (ret == -ENODEV)
		return refuse_name(pp, key, name);
	if (ret) {
		plx_port_log(pp->port, PLX_LOG_ERR, "%s=%s: %s", key, name, strerror(-ret));
		return ret;
	}
	/* By its number: it may have further names. */
	for (unsigned i = 0; i < pp->nb_ifaces; i++)
		if (pp->ifaces[i].index == info.index) {
			*out = &pp->ifaces[i];
			return 0;
		}
	iface->owner = pp;
	iface->index = info.index;
	iface->first_mac = info.mac;
	snprintf(iface->name, sizeof(iface->name), "%s", info.name);
	iface->mtu = info.mtu;
	adopt(iface, &info);
	pp->nb_ifaces++;
	*out = iface;
	return 0;
}

/* ---- The link; `link` held ---- */

static void update(struct pcap_port *pp)
{
	struct plx_port_link link = {.up = pp->running, .full_duplex = true};

	if (pp->has_files && pp->nb_files_open == 0)
		link.up = false;
	for (unsigned i = 0; i < pp->nb_ifaces; i++) {
		const struct pcap_iface *iface = &pp->ifaces[i];

		link.up = link.up && iface->carrier && !iface->gone;
		link.full_duplex = link.full_duplex && iface->full_duplex;
		if (i == 0)
			link.speed_mbps = iface->speed_mbps;
	}
	if (!link.up)
		link.speed_mbps = 0;
	plx_port_link_set(pp->port, &link);
}

void plx_pcap_link_start(struct pcap_port *pp)
{
	const struct plx_port *port = pp->port;
	bool has_live = false;

	pthread_mutex_lock(&pp->link);
	pp->nb_files_open = 0;
	for (unsigned i = 0; i < port->conf.nb_rx_queues; i++) {
		pp->nb_files_open += pp->rx[i].kind == PCAP_FILE;
		has_live |= pp->rx[i].kind == PCAP_LIVE;
	}
	pp->has_files = pp->nb_files_open > 0 && !has_live;
	pp->running = true;
	update(pp);
	pthread_mutex_unlock(&pp->link);
}

void plx_pcap_link_stop(struct pcap_port *pp)
{
	pthread_mutex_lock(&pp->link);
	pp->running = false;
	update(pp);
	pthread_mutex_unlock(&pp->link);
}

void plx_pcap_link_eof(struct pcap_port *pp)
{
	pthread_mutex_lock(&pp->link);
	pp->nb_files_open--;
	update(pp);
	pthread_mutex_unlock(&pp->link);
}

/* ---- Watch ---- */

static void open_late(struct pcap_port *pp, const struct pcap_iface *iface)
{
	pthread_mutex_lock(&pp->handles);
	for (unsigned i = 0; i < pp->nb_lives; i++)
		if (pp->lives[i].iface == iface && !pp->lives[i].handle)
			plx_pcap_live_open(&pp->lives[i]);
	pthread_mutex_unlock(&pp->handles);
}

/* Another MTU is asked for anew: what a watch tells may be older than what mtu_set() has done. */
static void follow_mtu(struct pcap_port *pp, struct pcap_iface *iface, uint32_t told)
{
	struct plx_netif_info now;
	uint32_t mtu = UINT32_MAX;

	if (told != iface->mtu && plx_netif_by_index(iface->index, &now) == 0)
		plx_store_relaxed(&iface->mtu, now.mtu);
	for (unsigned i = 0; i < pp->nb_ifaces; i++)
		mtu = plx_min_u32(mtu, pp->ifaces[i].mtu);
	plx_store_relaxed(&pp->port->mtu, mtu);
}

/* In the control thread. */
static void changed(const struct plx_netif_info *info, void *arg)
{
	struct pcap_iface *iface = arg;
	struct pcap_port *pp = iface->owner;

	/* Before the link is up: who waits for it may send at once. */
	if (info && (info->flags & IFF_UP))
		open_late(pp, iface);
	pthread_mutex_lock(&pp->link);
	if (info) {
		adopt(iface, info);
		follow_mtu(pp, iface, info->mtu);
	} else {
		plx_store_relaxed(&iface->gone, true);
	}
	update(pp);
	pthread_mutex_unlock(&pp->link);
	if (!info) {
		plx_port_log(pp->port, PLX_LOG_WARN, "interface %s is gone", iface->name);
		plx_port_event_raise(pp->port, PLX_PORT_EVENT_REMOVED);
	}
}

int plx_pcap_watch(struct pcap_port *pp)
{
	pthread_mutex_lock(&pp->link);
	update(pp);
	pthread_mutex_unlock(&pp->link);
	for (unsigned i = 0; i < pp->nb_ifaces; i++) {
		struct pcap_iface *iface = &pp->ifaces[i];
		int ret = plx_netif_watch_add(iface->index, changed, iface, &iface->watch);

		if (ret) {
			plx_port_log(pp->port, PLX_LOG_ERR, "can't watch interface %s: %s",
				     iface->name, strerror(-ret));
			plx_pcap_unwatch(pp);
			return ret;
		}
	}
	return 0;
}

void plx_pcap_unwatch(struct pcap_port *pp)
{
	for (unsigned i = 0; i < pp->nb_ifaces; i++) {
		plx_netif_watch_del(pp->ifaces[i].watch);
		pp->ifaces[i].watch = NULL;
	}
}
