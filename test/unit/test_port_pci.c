/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports of PCI functions, on a model in the place of one: which driver gets it, its keys, whose the
 * device is; and addresses that are refused before anything is touched.
 */
#include "bus_tree.h"
#include "port_fake.h"

#include <errno.h>

static const struct plx_pci_id ids[] = {PLX_PCI_ID(0x8086, 0x1521), {.vendor = 0}};
static int probe_ret;
static unsigned nb_probed, nb_removed, nb_closed;
static char size_key[16];
static bool was_open;

static int pci_probe(struct plx_port *port, struct plx_pci_dev *dev, const struct plx_devargs *args)
{
	const char *size = plx_devargs_get(args, "size");

	cr_assert_eq(port->pci, dev);
	snprintf(size_key, sizeof(size_key), "%s", size ? size : "");
	if (probe_ret == 0)
		nb_probed++;
	return probe_ret;
}

static void pci_remove(struct plx_port *port)
{
	was_open = port->pci && nb_closed == 0;
	nb_removed++;
}

static const struct plx_port_driver pci_driver = {
	.name = "net_card",
	.keys = fake_keys,
	.ops = &plain_ops,
	.rxq_bytes = sizeof(struct fake_rxq),
	.txq_bytes = sizeof(struct fake_txq),
	.remove = pci_remove,
	.pci_ids = ids,
	.pci_probe = pci_probe,
};

static const struct plx_port_driver *const drivers[] = {&fake_driver, &pci_driver, NULL};
static struct plx_pci_dev *dev;

static void on_closed(void *arg)
{
	(void)arg;
	nb_closed++;
}

static void open_card(uint16_t device)
{
	const struct plx_pci_standin is = {.name = "0000:03:00.0",
					   .id = {0x8086, device, 0, 0, 0x020000},
					   .closed = on_closed};

	nb_closed = 0;
	cr_assert_eq(plx_pci_standin_open(&is, &dev), 0, "%s", log_lines_text(0));
}

static void start(void)
{
	start_ports();
	cr_assert_eq(plx_port_drivers_set(drivers), 0);
	log_lines_start();
}

TestSuite(port_pci, .init = start, .fini = end_ports);

Test(port_pci, a_card_is_a_port)
{
	struct plx_port_info info;
	unsigned port, found;

	open_card(0x1521);
	cr_assert_eq(plx_port_attach_pci(dev, "size=77", &port), 0, "%s", log_lines_text(0));
	cr_expect_eq(nb_probed, 1);
	cr_expect_str_eq(size_key, "77");
	cr_expect_eq(plx_port_by_name("0000:03:00.0", &found), 0);
	cr_expect_eq(found, port);
	cr_expect_eq(plx_port_info(port, &info), 0);
	cr_expect_str_eq(info.driver, "net_card");
	cr_expect_eq(info.node, PLX_NODE_ANY);
	cr_expect_eq(plx_port_attach_pci(dev, "", NULL), -EEXIST);
	cr_expect_eq(nb_closed, 0);
	cr_expect_eq(plx_port_detach(port), 0);
	cr_expect_eq(nb_removed, 1);
	cr_expect(was_open, "the driver removes what is open");
	cr_expect_eq(nb_closed, 1, "the port closes it");
	open_card(0x1521);
	cr_assert_eq(plx_port_attach_pci(dev, NULL, NULL), 0, "again");
	cr_expect_str_eq(size_key, "");
	plx_port_fini();
	cr_expect_eq(nb_closed, 1);
}

Test(port_pci, what_is_refused_stays_the_callers)
{
	unsigned port = 99;

	open_card(0x1521);
	cr_expect_eq(plx_port_attach_pci(dev, "colour=red", &port), -EINVAL);
	cr_expect_eq(log_lines_with("0000:03:00.0: unknown key 'colour'"), 1);
	probe_ret = -EIO;
	cr_expect_eq(plx_port_attach_pci(dev, "", &port), -EIO);
	probe_ret = 0;
	cr_expect_eq((plx_port_count)(), 0);
	cr_expect_eq(nb_closed, 0);
	plx_pci_close(dev);
	open_card(0x1522);
	cr_expect_eq(plx_port_attach_pci(dev, "", &port), -ENODEV);
	cr_expect_eq(log_lines_with("no driver for PCI device 8086:1522"), 1);
	cr_expect_eq(port, 99);
	plx_pci_close(dev);
}

Test(port_pci, names)
{
	static char nowhere[] = "/nonexistent";

	plx_bus_sys = nowhere;
	cr_expect_eq(plx_port_attach("0000:99:00.0,size=1", NULL), -ENODEV);
	cr_expect_eq(log_lines_with("there is no PCI device of that address"), 1);
	cr_expect_eq(plx_port_attach("net_card0", NULL), -EINVAL);
	cr_expect_eq(log_lines_with("net_card0: no such device; want a driver's name and a "
				    "number, as net_fake0"),
		     1, "%s", log_lines_text(1));
	cr_expect_eq(log_lines.nb, 2, "%u", log_lines.nb);
	cr_expect_eq(plx_port_pci_driver(&ids[0]), &pci_driver);
	cr_expect_null(plx_port_pci_driver(&(struct plx_pci_id){.vendor = 0x8086}));
}

/* All of sysfs is made up: the function is there, and has a driver of the kernel. */
Test(port_pci, a_card_of_the_kernel)
{
	plant_bus();
	grow_function("0000:04:00.0", "igb");
	grow_pci("0000:04:00.0", "device", "0x1521\n");
	cr_expect_eq(plx_port_attach("04:00.0,colour=red", NULL), -EINVAL);
	cr_expect_eq(log_lines_with("unknown key 'colour'"), 1, "%s", log_lines_text(0));
	cr_expect_eq(plx_port_attach("04:00.0,size=1", NULL), -ENODEV);
	cr_expect_eq(log_lines_with("0000:04:00.0: the kernel's driver igb has it: "
				    "`scripts/devbind.sh --bind vfio-pci 0000:04:00.0`"),
		     1, "%s", log_lines_text(1));
	cr_expect_eq(nb_probed, 0);
	fell_tree();
}
