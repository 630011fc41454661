/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plx_init() and PCI, on a made-up sysfs with cards of the I350's family: which are taken, which
 * are left alone, what is told, and the IOVA mode that follows.
 */
#include "bus_tree.h"
#include "drivers.h"
#include "log_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <pollux/pollux.h>
#include <pollux/sigbus.h>
#include <signal.h>

enum { ARGS_MAX = 12 };

#define VFIO "0000:01:00.0"
#define UIO "0000:02:00.0"
#define KERNEL "0000:03:00.0"

static const struct plx_pci_id card = {0x8086, 0x10c9, 0x8086, 0xa03c, 0x020000};

/* A VFIO one whose group nobody can open, a UIO one without its /dev/uio0, one of the kernel. */
static void make_cards(void)
{
	plant_bus();
	grow_function(VFIO, "vfio-pci");
	grow_link(VFIO, "iommu_group", "../../../kernel/iommu_groups/5");
	grow_function(UIO, "uio_pci_generic");
	grow_pci(UIO, "uio/uio0/name", "x");
	grow_function(KERNEL, "igb");
	grow("dev/vfio/x", "");
}

static void fell_cards(void)
{
	plx_fini();
	fell_tree();
}

static int init(const char *const *args)
{
	static char store[ARGS_MAX][64];
	static char *argv[ARGS_MAX + 1];
	int argc = 3;

	plx_port_drivers_set(plx_drivers);
	if (!plx_port_pci_driver(&card))
		cr_skip_test("needs the driver net_igb: -DPLX_DRIVERS");
	strcpy(store[0], "prog");
	strcpy(store[1], "--lcores=0@0");
	strcpy(store[2], "--no-huge");
	for (; args[argc - 3]; argc++)
		strcpy(store[argc], args[argc - 3]);
	for (int i = 0; i < argc; i++)
		argv[i] = store[i];
	argv[argc] = NULL;
	log_lines_start();
	return plx_init(argc, argv);
}

TestSuite(pollux_pci, .init = make_cards, .fini = fell_cards);

Test(pollux_pci, what_is_found_need_not_be_had)
{
	int ret = init((const char *[]){NULL});

	cr_assert_geq(ret, 0, "%d, %s", ret, log_lines_text(0));
	cr_expect_eq(log_lines.nb, 2, "%u", log_lines.nb);
	cr_expect_eq(log_lines_with(UIO " is left alone: no IOMMU confines it (uio_pci_generic)"),
		     1, "%s", log_lines_text(0));
	cr_expect_eq(log_lines_with(VFIO ": can't open"), 1, "%s", log_lines_text(1));
	cr_expect_eq(log_lines_with(KERNEL), 0, "it is the kernel's");
	cr_expect_eq(plx_port_count(), 0);
	cr_expect_eq(plx_mem_iova_mode(), PLX_IOVA_VA);
}

static void (*sigbus_handler(void))(int)
{
	struct sigaction now;

	cr_assert_eq(sigaction(SIGBUS, NULL, &now), 0);
	return now.sa_handler;
}

/* A card that is pulled out must not end an application that never heard of it. */
Test(pollux_pci, the_guard_is_on_with_cards)
{
	void (*const before)(int) = sigbus_handler();

	cr_assert_geq(init((const char *[]){"--no-pci", NULL}), 0);
	cr_assert_eq(sigbus_handler(), before, "without a card it is nobody's business");
	plx_fini();
	cr_assert_geq(init((const char *[]){NULL}), 0);
	cr_assert_neq(sigbus_handler(), before);
	plx_sigbus_guard_off();
	cr_assert_eq(sigbus_handler(), before);
}

Test(pollux_pci, what_is_blocked_or_not_looked_for)
{
	int ret = init((const char *[]){"-b", VFIO, "-b", UIO, NULL});

	cr_assert_geq(ret, 0, "%d, %s", ret, log_lines_text(0));
	cr_expect_eq(log_lines.nb, 0, "%s", log_lines_text(0));
	plx_fini();
	ret = init((const char *[]){"--no-pci", NULL});
	cr_assert_geq(ret, 0, "%d, %s", ret, log_lines_text(0));
	cr_expect_eq(log_lines.nb, 0, "%s", log_lines_text(0));
}

/* A card of UIO that nobody has open, and that runs. */
static uint8_t command(const uint8_t *value)
{
	char path[256];
	uint8_t now = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/" UIO "/config", tree);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	cr_assert_geq(fd, 0);
	if (value)
		cr_assert_eq(pwrite(fd, value, 1, PCI_COMMAND), 1);
	cr_assert_eq(pread(fd, &now, 1, PCI_COMMAND), 1);
	close(fd);
	return now;
}

Test(pollux_pci, what_was_left_running)
{
	static const struct {
		const char *args[3];
		bool is_stopped;
	} cases[] = {
		{{NULL}, true},
		{{"-b", VFIO}, true},
		{{"-b", UIO}, false},
		{{"--no-pci"}, false},
	};
	const uint8_t runs = PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY;

	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		const char *line = cases[i].is_stopped ? UIO ": a process that ended left it "
							     "running: bus mastering is off"
						       : "says to leave it alone";
		int ret;

		command(&runs);
		ret = init((const char *[]){cases[i].args[0], cases[i].args[1], NULL});
		cr_assert_geq(ret, 0, "case %zu: %d, %s", i, ret, log_lines_text(0));
		cr_expect_eq(log_lines_with(line), 1, "case %zu", i);
		cr_expect_eq(command(NULL), cases[i].is_stopped ? PCI_COMMAND_MEMORY : runs,
			     "case %zu: %#x", i, command(NULL));
		plx_fini();
	}
}

Test(pollux_pci, what_is_named_must_be_had)
{
	static const struct {
		const char *device;
		int ret;
		const char *line;
	} cases[] = {
		{VFIO, -ENOENT, VFIO ": can't open"},
		{UIO, -EPERM, "--allow-unsafe-dma"},
		{KERNEL, -ENODEV, KERNEL ": the kernel's driver igb has it"},
		{"0000:04:00.0", -ENODEV, "0000:04:00.0: there is no PCI device"},
		{VFIO ",nonsense=1", -EINVAL, "unknown key 'nonsense'"},
		{"eth0", -EINVAL, "-a 'eth0': want a PCI address"},
	};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		int ret = init((const char *[]){"-a", cases[i].device, NULL});

		cr_expect_eq(ret, cases[i].ret, "%s: %d", cases[i].device, ret);
		cr_expect_eq(log_lines.nb, 1, "%s: %u lines", cases[i].device, log_lines.nb);
		cr_expect_eq(log_lines_with(cases[i].line), 1, "%s", log_lines_text(0));
		cr_expect_null(plx_eal_conf(), "it was stopped again");
	}
}

Test(pollux_pci, physical_addresses_for_who_needs_them)
{
	int ret = init((const char *[]){"--allow-unsafe-dma", "-a", UIO, NULL});

	cr_expect_eq(ret, -EINVAL, "%d", ret);
	cr_expect_eq(log_lines.nb, 1, "%u", log_lines.nb);
	cr_expect_eq(log_lines_with(UIO ": without an IOMMU it needs hugepages"), 1, "%s",
		     log_lines_text(0));
	/* Told otherwise: the memory comes, the device refuses it. */
	ret = init((const char *[]){"--allow-unsafe-dma", "--iova-mode=va", "-a", UIO, NULL});
	cr_expect_eq(ret, -EINVAL, "%d", ret);
	cr_expect_eq(log_lines_with("use --iova-mode pa"), 1, "%s", log_lines_text(0));
}
