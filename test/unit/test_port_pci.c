/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports of PCI functions, on a model in the place of one: which driver gets it, its keys, whose the
 * device is; and addresses that are refused before anything is touched.
 */
#include "bus_tree.h"
#include "port_fake.h"
#include "vfio_fake.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

static const struct plx_pci_id ids[] = {PLX_PCI_ID(0x8086, 0x1521), {.vendor = 0}};
static int probe_ret;
static unsigned nb_asked, nb_probed, nb_removed, nb_closed;
static char size_key[16];
static bool was_open;

static int pci_probe(struct plx_port *port, struct plx_pci_dev *dev, const struct plx_devargs *args)
{
	const char *size = plx_devargs_get(args, "size");

	cr_assert_eq(port->pci, dev);
	snprintf(size_key, sizeof(size_key), "%s", size ? size : "");
	nb_asked++;
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

/* One that VFIO has, on a made-up kernel. */
static void make_card(void)
{
	vfio_fake_start();
	plant_bus();
	grow_function("0000:04:00.0", "vfio-pci");
	grow_pci("0000:04:00.0", "device", "0x1521\n");
	grow_link("0000:04:00.0", "iommu_group", "../../../kernel/iommu_groups/4");
	grow("dev/vfio/vfio", "");
	grow("dev/vfio/4", "");
	log_lines_start();
}

Test(port_pci, a_card_that_is_a_port_already)
{
	static const char *const names[] = {"0000:04:00.0", "04:00.0", "04:00.0,size=1"};
	unsigned port = 99, found = 99, other = 99;
	struct plx_port_info info;

	make_card();
	cr_assert_eq(plx_port_attach("04:00.0", &port), 0, "%s", log_lines_text(0));
	for (size_t i = 0; i < PLX_ARRAY_SIZE(names); i++) {
		assert_refused(plx_port_attach(names[i], &other), -EEXIST,
			       "0000:04:00.0: a device of that name is attached");
		cr_expect_eq(nb_asked, 1, "%s: the driver was asked", names[i]);
	}
	cr_expect_eq(other, 99);
	cr_expect_eq((plx_port_count)(), 1);
	cr_expect_eq(plx_port_by_name("0000:04:00.0", &found), 0);
	cr_expect_eq(found, port);
	cr_expect_eq(plx_port_info(port, &info), 0);
	cr_expect_not(fcntl(vfio_fake.dev_fd, F_GETFD) < 0, "it was closed");
	cr_expect_eq(plx_port_detach(port), 0);
	cr_expect_lt(fcntl(vfio_fake.dev_fd, F_GETFD), 0, "it is open");

	probe_ret = -EIO;
	cr_expect_eq(plx_port_attach("04:00.0", NULL), -EIO);
	probe_ret = 0;
	cr_expect_eq(plx_port_attach("04:00.0", NULL), 0, "it was closed: %s", log_lines_text(0));
	fell_tree();
}

/* Open by this process, but no port. */
Test(port_pci, a_card_that_the_program_has)
{
	const struct plx_pci_addr addr = {.bus = 4};

	make_card();
	cr_assert_eq(plx_pci_open(&addr, 0, &dev), 0, "%s", log_lines_text(0));
	cr_expect_eq(plx_port_attach("04:00.0", NULL), -EBUSY);
	assert_one_line("bus", PLX_LOG_ERR, "0000:04:00.0: this process has it open already");
	plx_pci_close(dev);
	fell_tree();
}

enum { RACE_ROUNDS = 200 };

static pthread_barrier_t both;
static unsigned race_port; /* atomic */

static void *attach_it(void *arg)
{
	unsigned *nb_wrong = arg;

	for (int i = 0; i < RACE_ROUNDS; i++) {
		unsigned port = PLX_PORT_NONE;
		int ret;

		pthread_barrier_wait(&both);
		ret = plx_port_attach("04:00.0", &port);
		if (ret == 0)
			plx_store_release(&race_port, port);
		else if (ret != -EEXIST)
			(*nb_wrong)++;
		/* Of the two one is told so. NOLINTNEXTLINE(bugprone-posix-return) */
		if (pthread_barrier_wait(&both) == PTHREAD_BARRIER_SERIAL_THREAD &&
		    plx_port_detach(plx_load_acquire(&race_port)) != 0)
			(*nb_wrong)++;
	}
	return NULL;
}

/* Two threads want it: one gets it, the other is told that it is a port. */
Test(port_pci, two_attach_it)
{
	unsigned wrong[2] = {0};
	pthread_t threads[2];

	make_card();
	pthread_barrier_init(&both, NULL, 2);
	for (size_t i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, attach_it, &wrong[i]), 0);
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	cr_expect_eq(wrong[0] + wrong[1], 0, "%u", wrong[0] + wrong[1]);
	cr_expect_eq(nb_probed, RACE_ROUNDS, "%u", nb_probed);
	fell_tree();
}
