/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses, modes, VLAN filter, MTU and RSS: what is kept, what the driver is asked, what is
 * refused.
 */
#include "port_fake.h"

TestSuite(port_ctl, .init = start_ports, .fini = end_ports);

static const struct ether_addr unicast = {{2, 0, 0, 0, 9, 9}};
static const struct ether_addr multicast = {{1, 0, 0x5e, 0, 0, 1}};
static const struct ether_addr zero;

static bool has_mac(unsigned port, const struct ether_addr *want)
{
	struct ether_addr mac;

	cr_assert_eq(plx_port_mac(port, &mac), 0);
	return memcmp(&mac, want, sizeof(mac)) == 0;
}

Test(port_ctl, no_such_port)
{
	struct ether_addr mac;
	struct plx_port_rss rss = {0};
	uint32_t mtu;
	uint64_t ns;

	assert_refused(plx_port_mac(5, &mac), -ENODEV, "no port 5");
	assert_refused(plx_port_mac_set(5, &unicast), -ENODEV, "no port 5");
	assert_refused(plx_port_mac_add(5, &unicast), -ENODEV, "no port 5");
	assert_refused(plx_port_mac_del(5, &unicast), -ENODEV, "no port 5");
	assert_refused(plx_port_promisc_set(5, true), -ENODEV, "no port 5");
	assert_refused(plx_port_promisc(5), -ENODEV, "no port 5");
	assert_refused(plx_port_allmulti_set(5, true), -ENODEV, "no port 5");
	assert_refused(plx_port_allmulti(5), -ENODEV, "no port 5");
	assert_refused(plx_port_vlan_filter(5, 1, true), -ENODEV, "no port 5");
	assert_refused(plx_port_mtu(5, &mtu), -ENODEV, "no port 5");
	assert_refused(plx_port_mtu_set(5, 1500), -ENODEV, "no port 5");
	assert_refused(plx_port_rss(5, &rss), -ENODEV, "no port 5");
	assert_refused(plx_port_rss_set(5, &rss), -ENODEV, "no port 5");
	assert_refused(plx_port_clock_read(5, &ns), -ENODEV, "no port 5");
	assert_refused(plx_port_clock_set(5, 1), -ENODEV, "no port 5");
	assert_refused(plx_port_clock_step(5, 1), -ENODEV, "no port 5");
	assert_refused(plx_port_clock_rate(5, 1), -ENODEV, "no port 5");
	assert_refused(plx_port_rxq_intr_fd(5, 0), -ENODEV, "no port 5");
	assert_refused(plx_port_rxq_intr_arm(5, 0, true), -ENODEV, "no port 5");
}

Test(port_ctl, what_the_driver_can_not)
{
	const struct plx_port_conf sleeps = {.nb_rx_queues = 1, .rx_intr = true};
	struct plx_port_rss rss = {.types = PLX_PORT_RSS_IPV4};
	uint64_t ns;
	unsigned port = attach("net_fake0"), plain = attach("net_plain0");

	fake.can = 0;
	for (unsigned i = 0; i < 2; i++, port = plain) {
		assert_refused(plx_port_mac_set(port, &unicast), -ENOTSUP, "mac_set");
		assert_refused(plx_port_mac_add(port, &unicast), -ENOTSUP, "mac_add");
		assert_refused(plx_port_mac_del(port, &unicast), -ENOTSUP, "mac_del");
		assert_refused(plx_port_promisc_set(port, true), -ENOTSUP, "promisc_set");
		assert_refused(plx_port_allmulti_set(port, true), -ENOTSUP, "allmulti_set");
		assert_refused(plx_port_vlan_filter(port, 1, true), -ENOTSUP, "vlan_filter");
		assert_refused(plx_port_mtu_set(port, 1400), -ENOTSUP, "mtu_set");
		assert_refused(plx_port_rss(port, &rss), -ENOTSUP, "RSS");
		assert_refused(plx_port_rss_set(port, &rss), -ENOTSUP, "RSS");
		assert_refused(plx_port_clock_read(port, &ns), -ENOTSUP, "no clock");
		assert_refused(plx_port_clock_set(port, 1), -ENOTSUP, "no clock");
		assert_refused(plx_port_clock_step(port, 1), -ENOTSUP, "no clock");
		assert_refused(plx_port_clock_rate(port, 1), -ENOTSUP, "no clock");
		assert_refused(plx_port_configure(port, &sleeps), -ENOTSUP, "receive queues");
		cr_assert_eq(plx_port_promisc(port), 0);
		cr_assert_eq(plx_port_allmulti(port), 0);
	}
	for (int op = FAKE_MTU_SET; op < FAKE_OPS; op++)
		cr_assert_eq(fake.calls[op], 0, "call %d", op);
}

static void note_info(struct plx_port *port, struct plx_port_info *info)
{
	(void)port;
	info->can = 0xff;
	info->max_macs = 2;
}

/* Abilities without calls. */
Test(port_ctl, notes)
{
	static struct plx_port_ops ops;
	static struct plx_port_driver driver;
	static const struct plx_port_driver *const list[] = {&driver, NULL};
	struct plx_port_info info;
	uint32_t mtu;
	unsigned port;

	ops = plain_ops;
	ops.info = note_info;
	driver = plain_driver;
	driver.ops = &ops;
	assert_done(plx_port_drivers_set(list));
	port = attach("net_plain0");
	assert_done(plx_port_info(port, &info));
	cr_assert_eq(info.can, 0xff & ~(PLX_PORT_CAN_VLAN_FILTER | PLX_PORT_CAN_RSS), "%#x",
		     info.can);
	assert_done(plx_port_promisc_set(port, true));
	cr_assert_eq(plx_port_promisc(port), 1);
	assert_done(plx_port_allmulti_set(port, true));
	cr_assert_eq(plx_port_allmulti(port), 1);
	assert_done(plx_port_mac_set(port, &unicast));
	cr_assert(has_mac(port, &unicast));
	assert_done(plx_port_mac_add(port, &multicast));
	assert_done(plx_port_mac_del(port, &multicast));
	assert_done(plx_port_mtu_set(port, 700));
	assert_done(plx_port_mtu(port, &mtu));
	cr_assert_eq(mtu, 700, "%u", mtu);
	assert_refused(plx_port_vlan_filter(port, 1, true), -ENOTSUP, "vlan");
}

Test(port_ctl, own_address)
{
	unsigned port = attach("net_fake0");

	assert_refused(plx_port_mac(port, NULL), -EINVAL, "NULL");
	assert_refused(plx_port_mac_set(port, NULL), -EINVAL, "unicast");
	assert_refused(plx_port_mac_set(port, &zero), -EINVAL, "unicast");
	assert_refused(plx_port_mac_set(port, &multicast), -EINVAL, "unicast");
	cr_assert_eq(fake.calls[FAKE_MAC_SET], 0);
	assert_done(plx_port_mac_set(port, &unicast));
	cr_assert(has_mac(port, &unicast));
	fake.fail = FAKE_MAC_SET;
	assert_failed(plx_port_mac_set(port, &(struct ether_addr){{2, 1}}));
	cr_assert(has_mac(port, &unicast));
}

Test(port_ctl, more_addresses)
{
	struct ether_addr mac = {{2, 0, 0, 0, 7, 0}};
	unsigned port = attach("net_fake0");

	assert_refused(plx_port_mac_add(port, NULL), -EINVAL, "address");
	assert_refused(plx_port_mac_add(port, &zero), -EINVAL, "address");
	assert_refused(plx_port_mac_del(port, NULL), -EINVAL, "address");
	assert_refused(plx_port_mac_del(port, &unicast), -ENOENT, "no such");
	assert_refused(plx_port_mac_add(port, &fake.last->mac), -EEXIST, "has this");
	assert_done(plx_port_mac_add(port, &multicast));
	assert_refused(plx_port_mac_add(port, &multicast), -EEXIST, "has this");
	fake.fail = FAKE_MAC_ADD;
	assert_failed(plx_port_mac_add(port, &unicast));
	assert_done(plx_port_mac_add(port, &unicast));
	assert_done(plx_port_mac_add(port, &mac));
	mac.ether_addr_octet[5]++;
	assert_refused(plx_port_mac_add(port, &mac), -ENOSPC, "all 4");
	fake.fail = FAKE_MAC_DEL;
	assert_failed(plx_port_mac_del(port, &multicast));
	assert_done(plx_port_mac_del(port, &multicast));
	assert_refused(plx_port_mac_del(port, &multicast), -ENOENT, "no such");
	assert_done(plx_port_mac_add(port, &mac));
	assert_refused(plx_port_mac_add(port, &unicast), -EEXIST, "has this");
}

/* One that was added does not become the own one and stay among the added ones. */
Test(port_ctl, an_added_address_is_not_set)
{
	unsigned port = attach("net_fake0");

	assert_done(plx_port_mac_add(port, &unicast));
	assert_refused(plx_port_mac_set(port, &unicast), -EEXIST, "take that back first");
	cr_assert_eq(fake.calls[FAKE_MAC_SET], 0);
	cr_assert(!has_mac(port, &unicast));
	assert_done(plx_port_mac_del(port, &unicast));
	assert_done(plx_port_mac_set(port, &unicast));
	cr_assert(has_mac(port, &unicast));
	assert_done(plx_port_mac_set(port, &unicast));
}

Test(port_ctl, modes)
{
	unsigned port = attach("net_fake0");

	assert_done(plx_port_promisc_set(port, false));
	cr_assert_eq(fake.calls[FAKE_PROMISC_SET], 0, "it is off");
	assert_done(plx_port_promisc_set(port, true));
	assert_done(plx_port_promisc_set(port, true));
	cr_assert_eq(fake.calls[FAKE_PROMISC_SET], 1);
	cr_assert_eq(plx_port_promisc(port), 1);
	cr_assert_eq(plx_port_allmulti(port), 0);
	fake.fail = FAKE_ALLMULTI_SET;
	assert_failed(plx_port_allmulti_set(port, true));
	cr_assert_eq(plx_port_allmulti(port), 0);
	assert_done(plx_port_allmulti_set(port, true));
	cr_assert_eq(plx_port_allmulti(port), 1);
	cr_assert_eq(plx_port_setup(port, 1, 1, fake_pool), 0);
	cr_assert_eq(plx_port_close(port), 0);
	cr_assert_eq(plx_port_promisc(port), 1, "lasts until the port is detached");
	assert_done(plx_port_promisc_set(port, false));
	cr_assert_eq(plx_port_promisc(port), 0);
	assert_done(plx_port_detach(port));
	port = attach("net_fake0");
	cr_assert_eq(plx_port_allmulti(port), 0);
}

Test(port_ctl, vlan_filter)
{
	unsigned port = attach("net_fake0");

	assert_refused(plx_port_vlan_filter(port, 4096, true), -EINVAL, "0 to 4095");
	assert_done(plx_port_vlan_filter(port, 4095, true));
	cr_assert_eq(fake.vlan, 4095);
	cr_assert(fake.vlan_on);
	assert_done(plx_port_vlan_filter(port, 4095, true));
	cr_assert_eq(fake.calls[FAKE_VLAN_FILTER], 1);
	fake.fail = FAKE_VLAN_FILTER;
	assert_failed(plx_port_vlan_filter(port, 4095, false));
	assert_done(plx_port_vlan_filter(port, 4095, false));
	cr_assert_eq(fake.calls[FAKE_VLAN_FILTER], 3);
	cr_assert_not(fake.vlan_on);
	assert_done(plx_port_vlan_filter(port, 4095, false));
	cr_assert_eq(fake.calls[FAKE_VLAN_FILTER], 3, "it is out");
	assert_done(plx_port_vlan_filter(port, 4095, true));
	cr_assert_eq(fake.calls[FAKE_VLAN_FILTER], 4);
}

Test(port_ctl, mtu)
{
	unsigned port = setup("net_fake0", 1);
	struct plx_port_info info;
	uint32_t mtu;

	assert_refused(plx_port_mtu(port, NULL), -EINVAL, "NULL");
	assert_refused(plx_port_mtu_set(port, 67), -EINVAL, "68 to 9000");
	assert_refused(plx_port_mtu_set(port, 9001), -EINVAL, "68 to 9000");
	assert_refused(plx_port_mtu_set(port, 2048 - 13), -EINVAL, "data room");
	assert_done(plx_port_mtu_set(port, 2048 - 14));
	assert_done(plx_port_mtu(port, &mtu));
	cr_assert_eq(mtu, 2034, "%u", mtu);
	assert_done(plx_port_info(port, &info));
	cr_assert_eq(info.max_frame_bytes, 2048 + PLX_PORT_TAG_BYTES, "%u", info.max_frame_bytes);
	fake.fail = FAKE_MTU_SET;
	assert_failed(plx_port_mtu_set(port, 1500));
	assert_done(plx_port_mtu(port, &mtu));
	cr_assert_eq(mtu, 2034, "%u", mtu);
	assert_done(plx_port_close(port));
	assert_done(plx_port_mtu_set(port, 9000));
	assert_refused(plx_port_setup(port, 1, 1, fake_pool), -EINVAL, "data room");
}

Test(port_ctl, rss)
{
	struct plx_port_rss want = {.types = PLX_PORT_RSS_IPV6, .key_bytes = FAKE_KEY_BYTES}, is;
	unsigned port = attach("net_fake0");

	assert_refused(plx_port_rss_set(port, &want), -EBUSY, "not configured");
	assert_refused(plx_port_rss(port, &is), -EBUSY, "not configured");
	cr_assert_eq(plx_port_setup(port, 3, 1, fake_pool), 0);
	assert_refused(plx_port_rss_set(port, NULL), -EINVAL, "NULL");
	assert_refused(plx_port_rss(port, NULL), -EINVAL, "NULL");
	want.key[3] = 0x42;
	assert_done(plx_port_rss_set(port, &want));
	assert_done(plx_port_rss(port, &is));
	cr_assert_eq(is.key[3], 0x42);
	cr_assert_eq(is.reta_size, FAKE_RETA);
	cr_assert_eq(is.reta[5], 2, "%u", is.reta[5]);
	cr_assert_eq(fake.last->conf.rss.types, PLX_PORT_RSS_IPV6);
	want.types = PLX_PORT_RSS_IPV4;
	want.reta_size = FAKE_RETA;
	want.reta[FAKE_RETA - 1] = 3;
	assert_refused(plx_port_rss_set(port, &want), -EINVAL, "queue 3");
	want.reta[FAKE_RETA - 1] = 1;
	fake.fail = FAKE_RSS_SET;
	assert_failed(plx_port_rss_set(port, &want));
	cr_assert_eq(fake.last->conf.rss.types, PLX_PORT_RSS_IPV6, "as it was");
	assert_done(plx_port_rss_set(port, &want));
	cr_assert_eq(fake.rss.reta[FAKE_RETA - 1], 1);
}

Test(port_ctl, clock)
{
	unsigned port = attach("net_fake0");
	uint64_t ns = 0;

	assert_refused(plx_port_clock_read(port, NULL), -EINVAL, "NULL");
	assert_done(plx_port_clock_set(port, 5000));
	assert_done(plx_port_clock_step(port, -1));
	assert_done(plx_port_clock_read(port, &ns));
	cr_assert_eq(ns, 4999);
	assert_done(plx_port_clock_rate(port, -PLX_PORT_CLOCK_PPB_MAX));
	cr_assert_eq(fake.ppb, -PLX_PORT_CLOCK_PPB_MAX);
	assert_refused(plx_port_clock_rate(port, PLX_PORT_CLOCK_PPB_MAX + 1), -ERANGE, "want");
	assert_refused(plx_port_clock_rate(port, -PLX_PORT_CLOCK_PPB_MAX - 1), -ERANGE, "want");
	fake.fail = FAKE_CLOCK;
	assert_failed(plx_port_clock_set(port, 5000));
}

Test(port_ctl, interrupts_of_receive_queues)
{
	const struct plx_port_rxq_conf rxq = {.pool = fake_pool, .node = PLX_NODE_ANY};
	struct plx_port_conf conf = {.nb_rx_queues = 2};
	unsigned port = attach("net_fake0");

	assert_done(plx_port_configure(port, &conf));
	assert_refused(plx_port_rxq_intr_fd(port, 0), -ENOTSUP, "without rx_intr");
	conf.rx_intr = true;
	assert_done(plx_port_configure(port, &conf));
	for (unsigned i = 0; i < 2; i++)
		assert_done(plx_port_rxq_setup(port, i, &rxq));
	assert_refused(plx_port_rxq_intr_fd(port, 0), -EBUSY, "not started");
	assert_refused(plx_port_rxq_intr_arm(port, 0, true), -EBUSY, "not started");
	assert_done(plx_port_start(port));
	cr_assert_eq(plx_port_rxq_intr_fd(port, 1), FAKE_INTR_FD + 1);
	assert_refused(plx_port_rxq_intr_fd(port, 2), -EINVAL, "configured are 2");
	assert_done(plx_port_rxq_intr_arm(port, 1, true));
	cr_assert(fake.armed);
	fake.fail = FAKE_INTR;
	assert_failed(plx_port_rxq_intr_arm(port, 1, false));
	plx_port_stop(port);
	assert_refused(plx_port_rxq_intr_arm(port, 0, true), -EBUSY, "not started");
}
