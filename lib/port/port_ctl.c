/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses, filters, modes and the MTU. The port layer keeps what was set; the driver does it. An
 * ability without a call of the driver is a note that is kept and no more.
 */
#include "port_private.h"

#include <stdlib.h>

/* Returns 0, -ENOTSUP after a line. Lock held. */
static int check_can(struct plx_port *port, uint32_t can, const char *call,
		     struct plx_port_info *info)
{
	plx_port_fill_info(port, info);
	if ((info->can & can) != 0)
		return 0;
	plx_port_log(port, PLX_LOG_ERR, "%s: its driver can't", call);
	return -ENOTSUP;
}

/* ---- Addresses ---- */

int plx_port_mac(unsigned id, struct ether_addr *mac)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_mac");

	if (!port)
		return -ENODEV;
	if (mac)
		*mac = port->mac;
	else
		plx_port_log(port, PLX_LOG_ERR, "plx_port_mac: mac is NULL");
	plx_port_leave();
	return mac ? 0 : -EINVAL;
}

static bool is_zero(const struct ether_addr *mac)
{
	static const struct ether_addr zero;

	return memcmp(mac, &zero, sizeof(zero)) == 0;
}

static bool is_multicast(const struct ether_addr *mac)
{
	return (mac->ether_addr_octet[0] & 1) != 0;
}

static bool is_same(const struct ether_addr *a, const struct ether_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* Its place among the added ones, or their number. */
static unsigned find_mac(const struct plx_port_private *inner, const struct ether_addr *mac)
{
	unsigned i = 0;

	while (i < inner->nb_macs && !is_same(&inner->macs[i], mac))
		i++;
	return i;
}

static int mac_set(struct plx_port *port, const struct ether_addr *mac)
{
	int (*set)(struct plx_port *, const struct ether_addr *) = port->driver->ops->mac_set;
	struct plx_port_info info;
	int ret = check_can(port, PLX_PORT_CAN_MAC_SET, "plx_port_mac_set", &info);

	if (ret)
		return ret;
	if (!mac || is_zero(mac) || is_multicast(mac)) {
		plx_port_log(port, PLX_LOG_ERR,
			     "plx_port_mac_set: want a unicast address that is not zero");
		return -EINVAL;
	}
	if (find_mac(port->inner, mac) < port->inner->nb_macs) {
		plx_port_log(port, PLX_LOG_ERR,
			     "plx_port_mac_set: plx_port_mac_add() gave it this address: take that "
			     "back first");
		return -EEXIST;
	}
	ret = set ? set(port, mac) : 0;
	if (ret == 0)
		port->mac = *mac;
	return ret;
}

int plx_port_mac_set(unsigned id, const struct ether_addr *mac)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_mac_set");
	int ret;

	if (!port)
		return -ENODEV;
	ret = mac_set(port, mac);
	plx_port_leave();
	return ret;
}

static int mac_add(struct plx_port *port, const struct ether_addr *mac)
{
	int (*add)(struct plx_port *, const struct ether_addr *) = port->driver->ops->mac_add;
	struct plx_port_private *inner = port->inner;
	struct plx_port_info info;
	struct ether_addr *macs;
	int ret = check_can(port, PLX_PORT_CAN_MAC_ADD, "plx_port_mac_add", &info);

	if (ret)
		return ret;
	if (!mac || is_zero(mac)) {
		plx_port_log(port, PLX_LOG_ERR, "plx_port_mac_add: want an address, not zero");
		return -EINVAL;
	}
	if (is_same(mac, &port->mac) || find_mac(inner, mac) < inner->nb_macs) {
		plx_port_log(port, PLX_LOG_ERR, "plx_port_mac_add: it has this address");
		return -EEXIST;
	}
	if (inner->nb_macs + 1 >= info.max_macs) {
		plx_port_log(port, PLX_LOG_ERR, "plx_port_mac_add: all %u addresses are taken",
			     info.max_macs);
		return -ENOSPC;
	}
	macs = realloc(inner->macs, (inner->nb_macs + 1) * sizeof(*macs));
	if (!macs) {
		plx_port_log(port, PLX_LOG_ERR, "plx_port_mac_add: out of memory");
		return -ENOMEM;
	}
	inner->macs = macs;
	ret = add ? add(port, mac) : 0;
	if (ret == 0)
		macs[inner->nb_macs++] = *mac;
	return ret;
}

int plx_port_mac_add(unsigned id, const struct ether_addr *mac)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_mac_add");
	int ret;

	if (!port)
		return -ENODEV;
	ret = mac_add(port, mac);
	plx_port_leave();
	return ret;
}

static int mac_del(struct plx_port *port, const struct ether_addr *mac)
{
	int (*del)(struct plx_port *, const struct ether_addr *) = port->driver->ops->mac_del;
	struct plx_port_private *inner = port->inner;
	struct plx_port_info info;
	unsigned i;
	int ret = check_can(port, PLX_PORT_CAN_MAC_ADD, "plx_port_mac_del", &info);

	if (ret)
		return ret;
	i = mac ? find_mac(inner, mac) : inner->nb_macs;
	if (i == inner->nb_macs) {
		plx_port_log(port, PLX_LOG_ERR, "plx_port_mac_del: no such address was added");
		return mac ? -ENOENT : -EINVAL;
	}
	ret = del ? del(port, mac) : 0;
	if (ret == 0)
		inner->macs[i] = inner->macs[--inner->nb_macs];
	return ret;
}

int plx_port_mac_del(unsigned id, const struct ether_addr *mac)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_mac_del");
	int ret;

	if (!port)
		return -ENODEV;
	ret = mac_del(port, mac);
	plx_port_leave();
	return ret;
}

/* ---- Modes ---- */

enum mode { PROMISC, ALLMULTI };

static bool *mode_of(struct plx_port *port, enum mode mode)
{
	return mode == PROMISC ? &port->promisc : &port->allmulti;
}

static int mode_set(unsigned id, enum mode mode, bool on, const char *call)
{
	struct plx_port *port = plx_port_enter(id, call);
	struct plx_port_info info;
	int (*set)(struct plx_port *, bool);
	int ret;

	if (!port)
		return -ENODEV;
	set = mode == PROMISC ? port->driver->ops->promisc_set : port->driver->ops->allmulti_set;
	ret = check_can(port, mode == PROMISC ? PLX_PORT_CAN_PROMISC : PLX_PORT_CAN_ALLMULTI, call,
			&info);
	if (ret == 0 && *mode_of(port, mode) != on && set)
		ret = set(port, on);
	if (ret == 0)
		*mode_of(port, mode) = on;
	plx_port_leave();
	return ret;
}

static int mode_get(unsigned id, enum mode mode, const char *call)
{
	struct plx_port *port = plx_port_enter(id, call);
	bool on;

	if (!port)
		return -ENODEV;
	on = *mode_of(port, mode);
	plx_port_leave();
	return on;
}

int plx_port_promisc_set(unsigned port, bool on)
{
	return mode_set(port, PROMISC, on, "plx_port_promisc_set");
}

int plx_port_promisc(unsigned port)
{
	return mode_get(port, PROMISC, "plx_port_promisc");
}

int plx_port_allmulti_set(unsigned port, bool on)
{
	return mode_set(port, ALLMULTI, on, "plx_port_allmulti_set");
}

int plx_port_allmulti(unsigned port)
{
	return mode_get(port, ALLMULTI, "plx_port_allmulti");
}

/* ---- VLAN filter, MTU ---- */

static int vlan_filter(struct plx_port *port, unsigned vlan, bool on)
{
	struct plx_port_info info;
	uint64_t *word, bit;
	int ret = check_can(port, PLX_PORT_CAN_VLAN_FILTER, "plx_port_vlan_filter", &info);

	if (ret)
		return ret;
	if (vlan >= PLX_PORT_VLANS) {
		plx_port_log(port, PLX_LOG_ERR, "plx_port_vlan_filter: VLAN %u: want 0 to %d", vlan,
			     PLX_PORT_VLANS - 1);
		return -EINVAL;
	}
	word = &port->inner->vlans[vlan / 64];
	bit = UINT64_C(1) << vlan % 64;
	if (((*word & bit) != 0) == on)
		return 0;
	ret = port->driver->ops->vlan_filter(port, vlan, on);
	if (ret == 0)
		*word ^= bit;
	return ret;
}

int plx_port_vlan_filter(unsigned id, unsigned vlan, bool on)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_vlan_filter");
	int ret;

	if (!port)
		return -ENODEV;
	ret = vlan_filter(port, vlan, on);
	plx_port_leave();
	return ret;
}

int plx_port_mtu(unsigned id, uint32_t *mtu)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_mtu");

	if (!port)
		return -ENODEV;
	if (mtu)
		*mtu = plx_load_relaxed(&port->mtu);
	else
		plx_port_log(port, PLX_LOG_ERR, "plx_port_mtu: mtu is NULL");
	plx_port_leave();
	return mtu ? 0 : -EINVAL;
}

/* Without PLX_PORT_RX_SCATTER a frame has to fit into each pool in use. */
static int check_pools(const struct plx_port *port, uint32_t mtu)
{
	for (unsigned i = 0; i < port->conf.nb_rx_queues; i++) {
		const struct plx_port_rxq *rxq = port->rxqs[i];

		if (!rxq || (port->conf.rx_offloads & PLX_PORT_RX_SCATTER) != 0 ||
		    plx_mbuf_pool_data_room(rxq->pool) >= mtu + ETHER_HDR_LEN)
			continue;
		plx_port_log(port, PLX_LOG_ERR,
			     "plx_port_mtu_set: %u: the data room of receive queue %u's pool, %u "
			     "bytes, does not hold such a frame",
			     mtu, i, plx_mbuf_pool_data_room(rxq->pool));
		return -EINVAL;
	}
	return 0;
}

static int mtu_set(struct plx_port *port, uint32_t mtu)
{
	int (*set)(struct plx_port *, uint32_t) = port->driver->ops->mtu_set;
	struct plx_port_info info;
	int ret = check_can(port, PLX_PORT_CAN_MTU_SET, "plx_port_mtu_set", &info);

	if (ret)
		return ret;
	if (mtu < info.min_mtu || mtu > info.max_mtu) {
		plx_port_log(port, PLX_LOG_ERR, "plx_port_mtu_set: %u: want %u to %u", mtu,
			     info.min_mtu, info.max_mtu);
		return -EINVAL;
	}
	ret = check_pools(port, mtu);
	if (ret == 0 && mtu != plx_load_relaxed(&port->mtu) && set)
		ret = set(port, mtu);
	if (ret)
		return ret;
	plx_store_relaxed(&port->mtu, mtu);
	if (port->state != PLX_PORT_ATTACHED)
		port->conf.mtu = mtu;
	return 0;
}

int plx_port_mtu_set(unsigned id, uint32_t mtu)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_mtu_set");
	int ret;

	if (!port)
		return -ENODEV;
	ret = mtu_set(port, mtu);
	plx_port_leave();
	return ret;
}
