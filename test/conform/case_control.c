/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses and filters: what info offers works, what it does not is refused. */
#include "conform.h"
#include "netns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct ether_addr stranger = {{0x02, 0x11, 0x22, 0x33, 0x44, 0x55}};
static const struct ether_addr group = {{0x01, 0x00, 0x5e, 0x11, 0x22, 0x33}};

/* Frames to an address come, or (@want_none) don't. */
static void frames_to(struct conform *c, const struct ether_addr *mac, uint32_t seq, bool want_none)
{
	struct stream s;

	if (!(c->peer->ops->can & PEER_SENDS))
		return;
	s = stream_to_port(c, seq, 24);
	s.to = *mac;
	if (want_none) {
		want(peer_give(c, &s, 0, s.nb), s.nb, "the peer was to send up to frame");
		port_is_quiet(c);
	} else {
		stream_in(c, &s, 8, 32);
	}
}

/* The kernel's interface is as the port is. */
static void interface_is_promisc(const struct conform *c, bool on, const char *when)
{
	uint32_t count;

	if (!c->peer->port_if[0])
		return;
	count = link_get(c->peer->port_if).promiscuity;
	check((count > 0) == on, "promiscuity of the interface %s: %u", when, count);
}

static void promisc(struct conform *c)
{
	port_up(c);
	if (!(c->info.can & PLX_PORT_CAN_PROMISC)) {
		refused(plx_port_promisc_set(c->port, true), -ENOTSUP);
		want(plx_port_promisc(c->port), 0, "promiscuous after it was refused");
		port_down(c);
		note("none");
		return;
	}
	if (c->variant->filters)
		frames_to(c, &stranger, 1, true);
	want_ret(plx_port_promisc_set(c->port, true), 0);
	want_ret(plx_port_promisc_set(c->port, true), 0);
	want(plx_port_promisc(c->port), 1, "promiscuous");
	interface_is_promisc(c, true, "when switched on");
	frames_to(c, &stranger, 101, false);
	/* It lasts over a stop. */
	port_stop(c);
	port_start(c);
	want(plx_port_promisc(c->port), 1, "promiscuous after a stop and a start");
	interface_is_promisc(c, true, "after a stop and a start");
	frames_to(c, &stranger, 201, false);
	want_ret(plx_port_promisc_set(c->port, false), 0);
	want(plx_port_promisc(c->port), 0, "promiscuous after it was switched off");
	interface_is_promisc(c, false, "when switched off");
	if (c->variant->filters)
		frames_to(c, &stranger, 301, true);
	traffic(c, 1000);
	port_down(c);
}

static void allmulti(struct conform *c)
{
	port_up(c);
	if (!(c->info.can & PLX_PORT_CAN_ALLMULTI)) {
		refused(plx_port_allmulti_set(c->port, true), -ENOTSUP);
		port_down(c);
		note("none");
		return;
	}
	if (c->variant->filters)
		frames_to(c, &group, 1, true);
	want_ret(plx_port_allmulti_set(c->port, true), 0);
	want(plx_port_allmulti(c->port), 1, "all-multicast");
	frames_to(c, &group, 101, false);
	want_ret(plx_port_allmulti_set(c->port, false), 0);
	want(plx_port_allmulti(c->port), 0, "all-multicast after it was switched off");
	traffic(c, 1000);
	port_down(c);
}

/* Asked for by the configuration. */
static void promisc_by_conf(struct conform *c)
{
	struct plx_port_conf conf = {.nb_rx_queues = 1, .nb_tx_queues = 1, .promisc = true};

	port_attach(c);
	if (!(c->info.can & PLX_PORT_CAN_PROMISC)) {
		refused(plx_port_configure(c->port, &conf), -ENOTSUP);
		port_detach(c);
		note("none");
		return;
	}
	port_setup_conf(c, &conf, NULL, NULL);
	port_start(c);
	want(plx_port_promisc(c->port), 1, "promiscuous");
	interface_is_promisc(c, true, "when switched on");
	frames_to(c, &stranger, 1, false);
	port_down(c);
}

static void mac_set(struct conform *c)
{
	const struct ether_addr zero = {{0}};
	struct ether_addr first, now;

	port_up(c);
	want_ret(plx_port_mac(c->port, &first), 0);
	if (!(c->info.can & PLX_PORT_CAN_MAC_SET)) {
		refused(plx_port_mac_set(c->port, &stranger), -ENOTSUP);
		port_down(c);
		note("none");
		return;
	}
	refused(plx_port_mac_set(c->port, &zero), -EINVAL);
	refused(plx_port_mac_set(c->port, &group), -EINVAL);
	refused(plx_port_mac_set(c->port, NULL), -EINVAL);
	want_ret(plx_port_mac(c->port, &now), 0);
	check(memcmp(&now, &first, sizeof(now)) == 0, "a refused address was set");

	want_ret(plx_port_mac_set(c->port, &stranger), 0);
	want_ret(plx_port_mac(c->port, &now), 0);
	check(memcmp(&now, &stranger, sizeof(now)) == 0, "another address than was set");
	traffic(c, 1);
	port_stop(c);
	port_start(c);
	want_ret(plx_port_mac(c->port, &now), 0);
	check(memcmp(&now, &stranger, sizeof(now)) == 0, "another address after a stop");
	traffic(c, 1000);
	want_ret(plx_port_mac_set(c->port, &first), 0);
	traffic(c, 2000);
	port_down(c);
}

static void mac_add(struct conform *c)
{
	struct ether_addr own;
	unsigned nb;

	port_up(c);
	if (!(c->info.can & PLX_PORT_CAN_MAC_ADD)) {
		refused(plx_port_mac_add(c->port, &stranger), -ENOTSUP);
		refused(plx_port_mac_del(c->port, &stranger), -ENOTSUP);
		port_down(c);
		note("none");
		return;
	}
	want_ret(plx_port_mac(c->port, &own), 0);
	refused(plx_port_mac_del(c->port, &stranger), -ENOENT);
	want_ret(plx_port_mac_add(c->port, &stranger), 0);
	refused(plx_port_mac_add(c->port, &stranger), -EEXIST);
	refused(plx_port_mac_add(c->port, &own), -EEXIST);
	frames_to(c, &stranger, 1, false);
	if (c->info.max_macs > 2) {
		want_ret(plx_port_mac_add(c->port, &group), 0);
		frames_to(c, &group, 101, false);
		want_ret(plx_port_mac_del(c->port, &group), 0);
	}
	want_ret(plx_port_mac_del(c->port, &stranger), 0);
	refused(plx_port_mac_del(c->port, &stranger), -ENOENT);
	if (c->variant->filters)
		frames_to(c, &stranger, 201, true);

	/* As many as info says, its own among them. */
	for (nb = 1; nb < c->info.max_macs; nb++) {
		struct ether_addr mac = stranger;

		mac.ether_addr_octet[5] = (uint8_t)nb;
		mac.ether_addr_octet[4] = (uint8_t)(nb >> 8);
		want_ret(plx_port_mac_add(c->port, &mac), 0);
	}
	refused(plx_port_mac_add(c->port, &group), -ENOSPC);
	traffic(c, 1000);
	port_down(c);
	note("%u addresses", nb);
}

static void vlan_filter(struct conform *c)
{
	port_up(c);
	if (!(c->info.can & PLX_PORT_CAN_VLAN_FILTER)) {
		refused(plx_port_vlan_filter(c->port, 1, true), -ENOTSUP);
		note("none");
	} else {
		refused(plx_port_vlan_filter(c->port, 4096, true), -EINVAL);
		want_ret(plx_port_vlan_filter(c->port, 1, true), 0);
		want_ret(plx_port_vlan_filter(c->port, 1, false), 0);
	}
	traffic(c, 1);
	port_down(c);
}

const struct conform_case cases_control[] = {
	{.name = "promisc", .run = promisc},
	{.name = "promisc_by_conf", .run = promisc_by_conf},
	{.name = "allmulti", .run = allmulti},
	{.name = "mac_set", .run = mac_set},
	{.name = "mac_add", .run = mac_add},
	{.name = "vlan_filter", .run = vlan_filter},
	{.name = NULL},
};
