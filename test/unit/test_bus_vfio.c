/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the VFIO back end refuses before it needs VFIO: the machine that runs this may have none.
 * The rest is test/lab's.
 */
#include "bus_tree.h"
#include "log_lines.h"

#include <errno.h>

#define NAME "0000:01:00.0"

static const struct plx_pci_addr addr = {.bus = 1};
static struct plx_pci_dev *dev;

static void make_device(void)
{
	plant_bus();
	grow_function(NAME, "vfio-pci");
	log_lines_start();
}

TestSuite(bus_vfio, .init = make_device, .fini = fell_tree);

static void refused(unsigned flags, int want, const char *line)
{
	int ret;

	log_lines_start();
	ret = plx_pci_open(&addr, flags, &dev);
	cr_expect_eq(ret, want, "%d, want %d", ret, want);
	cr_expect_eq(log_lines.nb, 1, "%u lines", log_lines.nb);
	cr_expect_eq(log_lines_with(line), 1, "%s", log_lines_text(0));
}

Test(bus_vfio, no_group)
{
	struct plx_pci_info info;

	refused(0, -ENODEV, NAME ": it is behind no IOMMU");
	cr_assert_eq(plx_pci_find(&addr, &info), 0);
	cr_expect_eq(plx_pci_iova_mode(&info), PLX_IOVA_VA);
	cr_expect_not(plx_pci_in_use(&info, NULL, 0));
}

Test(bus_vfio, a_group_that_can_not_be_opened)
{
	grow_link(NAME, "iommu_group", "../../../kernel/iommu_groups/5");
	refused(0, -ENOENT, "vfio/5: No such file or directory: load it with `modprobe vfio-pci`");
	grow("dev/vfio/5", "");
	refused(0, -ENOTTY, NAME ": state of IOMMU group 5");
	if (geteuid() != 0)
		return;
	/* Permissions do not count for root. */
	cr_assert_eq(chmod(tree, 0755), 0);
	cr_assert_eq(setegid(65534), 0);
	cr_assert_eq(seteuid(65534), 0);
	refused(0, -EACCES, "give it to this user: `chown 65534 ");
	seteuid(0);
	setegid(0);
}

Test(bus_vfio, without_an_iommu_only_where_it_is_asked_for)
{
	struct plx_pci_info info;

	grow_link(NAME, "iommu_group", "../../../kernel/iommu_groups/5");
	grow("dev/vfio/noiommu-5", "");
	cr_assert_eq(plx_pci_find(&addr, &info), 0);
	cr_expect_eq(plx_pci_iova_mode(&info), PLX_IOVA_PA);
	refused(0, -EPERM, "accept it with --allow-unsafe-dma");
	refused(PLX_PCI_UNSAFE_DMA, -ENOTTY, NAME ": state of IOMMU group 5");
}

Test(bus_vfio, no_driver)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/driver", tree, NAME);
	cr_assert_eq(unlink(path), 0);
	refused(0, -ENODEV, NAME ": bound to no driver: `scripts/devbind.sh --bind vfio-pci");
	grow_link(NAME, "driver", "../drivers/igb");
	refused(0, -ENODEV, NAME ": the kernel's driver igb has it");
	grow_pci(NAME, "vendor", "");
	refused(0, -ENODEV, NAME ": there is no PCI device of that address");
}
