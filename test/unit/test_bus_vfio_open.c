/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The VFIO back end on a made-up kernel: what works, what each refusal of the kernel's leaves
 * behind (nothing but one line), vectors that are not to be had, cards that are lost.
 */
#include "bus_tree.h"
#include "log_lines.h"
#include "vfio_fake.h"

#include <fcntl.h>
#include <pollux/eal.h>
#include <pollux/mmio.h>
#include <pollux/sigbus.h>
#include <pthread.h>
#include <sys/wait.h>

enum { STEPS_MAX = 60 };

static const struct plx_pci_addr addr = {.bus = 1}, other_addr = {.bus = 2};
static struct plx_pci_dev *dev;

static void make_function(const char *name, int group)
{
	char target[64], file[32];

	grow_function(name, "vfio-pci");
	snprintf(target, sizeof(target), "../../../kernel/iommu_groups/%d", group);
	grow_link(name, "iommu_group", target);
	snprintf(file, sizeof(file), "dev/vfio/%d", group);
	grow(file, "");
}

static void make_devices(void)
{
	plant_bus();
	make_function("0000:01:00.0", 1);
	make_function("0000:02:00.0", 2);
	grow("dev/vfio/vfio", "");
	vfio_fake_start();
	log_lines_start();
}

static void fell_devices(void)
{
	plx_pci_close(dev);
	plx_eal_fini();
	fell_tree();
}

TestSuite(bus_vfio_open, .init = make_devices, .fini = fell_devices);

static void open_device(void)
{
	cr_assert_eq(plx_pci_open(&addr, 0, &dev), 0, "%s", log_lines_text(0));
}

static unsigned nb_errors(void)
{
	unsigned nb = 0;

	for (unsigned i = 0; i < log_lines.nb && i < LOG_LINES_MAX; i++)
		nb += log_lines.line[i].level == PLX_LOG_ERR;
	return nb;
}

/* ---- What works ---- */

Test(bus_vfio_open, registers_without_the_eal)
{
	unsigned fds = nb_own_fds();
	struct plx_pci_bar bar;
	uint16_t word;

	open_device();
	cr_expect_eq(log_lines.nb, 0, "%s", log_lines_text(0));
	cr_expect_eq(plx_pci_backend(dev), PLX_PCI_VFIO);
	cr_assert_eq(plx_pci_bar_map(dev, 0, &bar), 0, "%s", log_lines_text(0));
	cr_expect_eq(bar.len_bytes, VFIO_FAKE_BAR_BYTES);
	plx_mmio_write32((char *)bar.addr + 12, 0x11223344);
	cr_expect_eq(plx_mmio_read32((char *)bar.addr + 12), 0x11223344);
	cr_expect_eq(plx_pci_cfg_read16(dev, PCI_VENDOR_ID, &word), 0);
	cr_expect_eq(word, 0x8086);
	cr_expect_eq(plx_pci_bus_master(dev, true), 0);
	plx_pci_cfg_read16(dev, PCI_COMMAND, &word);
	cr_expect_eq(word, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY, "%#x", word);
	cr_expect_eq(plx_pci_reset(dev), 0);
	cr_expect_eq(plx_intr_enable(dev, PLX_INTR_MSIX, 4), 0, "%s", log_lines_text(0));
	plx_pci_close(dev);
	dev = NULL;
	cr_expect_eq(nb_own_fds(), fds, "%u, want %u", nb_own_fds(), fds);
	cr_expect_eq(vfio_fake.nb_groups, 0);
	cr_expect_eq(log_lines.nb, 0, "%s", log_lines_text(0));
}

Test(bus_vfio_open, memory)
{
	static char here[2 * VFIO_FAKE_PAGE_BYTES];
	struct plx_dma_map map, again;
	unsigned nb_eal;

	start_bus_eal();
	cr_assert_not_null(plx_mem_alloc(5 << 20, 0, PLX_NODE_ANY));
	open_device();
	nb_eal = vfio_fake.nb_maps;
	cr_expect_gt(nb_eal, 0, "the EAL's memory");
	cr_assert_eq(plx_dma_map(dev, here, sizeof(here), PLX_DMA_BOTH, &map), 0);
	cr_expect_eq(vfio_fake.nb_maps, nb_eal + 1);
	plx_dma_unmap(dev, &map);
	cr_expect_eq(vfio_fake.nb_maps, nb_eal);

	/* What the kernel does not take back is not given to somebody else. */
	cr_assert_eq(plx_dma_map(dev, here, sizeof(here), PLX_DMA_BOTH, &map), 0);
	again = map;
	vfio_fake.refuse = VFIO_IOMMU_UNMAP_DMA;
	vfio_fake.fail_errno = EINVAL;
	plx_dma_unmap(dev, &again);
	vfio_fake.refuse = 0;
	cr_expect_eq(log_lines_with("can't be unmapped: Invalid argument"), 1, "%s",
		     log_lines_text(0));
	cr_expect_eq(plx_dma_map(dev, here, sizeof(here), PLX_DMA_BOTH, &again), 0, "%s",
		     log_lines_text(1));
	cr_expect_neq(again.base_iova, map.base_iova, "it is still mapped there");
	plx_dma_unmap(dev, &again);
	plx_pci_close(dev);
	dev = NULL;
	cr_expect_eq(vfio_fake.nb_maps, 1, "%u: only what was left", vfio_fake.nb_maps);
}

/* The ranges of the device, and where a page for it is put, at or below @limit. */
static void assert_place(unsigned nb_ranges, uint64_t limit, uint64_t want)
{
	static char here[VFIO_FAKE_PAGE_BYTES] __attribute__((aligned(VFIO_FAKE_PAGE_BYTES)));
	struct plx_dma_range ranges[8];
	struct plx_dma_map map;

	cr_expect_eq(plx_dma_ranges(dev, ranges, PLX_ARRAY_SIZE(ranges)), nb_ranges);
	cr_assert_eq(plx_dma_mask_set(dev, limit), 0);
	cr_assert_eq(plx_dma_map(dev, here, sizeof(here), PLX_DMA_BOTH, &map), 0, "%s",
		     log_lines_text(0));
	cr_expect_eq(map.iova, want, "%#jx, want %#jx", (uintmax_t)map.iova, (uintmax_t)want);
	plx_dma_unmap(dev, &map);
	cr_assert_eq(plx_dma_mask_set(dev, UINT64_MAX), 0);
}

/* A device that has addresses of its own takes them from all of the container, while it is open. */
Test(bus_vfio_open, ranges_that_come_and_go)
{
	struct plx_pci_dev *other;

	vfio_fake.reserved = (struct vfio_iova_range){0x180000000, 0x1ffffffff};
	open_device();
	for (int i = 0; i < 3; i++) {
		assert_place(2, 0x1ffffffff, 0x1fffff000);
		cr_assert_eq(plx_pci_open(&other_addr, 0, &other), 0, "%s", log_lines_text(0));
		cr_assert_eq(vfio_fake.nb_groups, 2);
		assert_place(3, 0x1ffffffff, 0x17ffff000);
		plx_pci_close(other);
	}
	assert_place(2, 0x1ffffffff, 0x1fffff000);
	/* Whichever goes. */
	cr_assert_eq(plx_pci_open(&other_addr, 0, &other), 0);
	plx_pci_close(dev);
	dev = other;
	assert_place(2, 0x1ffffffff, 0x1fffff000);
}

/* Memory of a narrow device is not put where the EAL's memory will grow. */
Test(bus_vfio_open, places_beside_the_memory_to_come)
{
	uint64_t first, last;

	start_bus_eal();
	cr_assert_not_null(plx_mem_alloc(5 << 20, 0, PLX_NODE_ANY));
	cr_assert_eq(plx_mem_span(&first, &last), 0);
	cr_assert_geq(first, 0x100000000, "%#jx", (uintmax_t)first);
	open_device();
	if (first <= 0x1fffff000 && last >= 0x1ffffffff)
		assert_place(2, 0x1ffffffff, first - VFIO_FAKE_PAGE_BYTES);
	for (unsigned bits = 33; bits < 48; bits++) {
		static char here[VFIO_FAKE_PAGE_BYTES];
		struct plx_dma_map map;

		cr_assert_eq(plx_dma_mask_set(dev, (UINT64_C(1) << bits) - 1), 0);
		cr_assert_eq(plx_dma_map(dev, here, 1, PLX_DMA_BOTH, &map), 0, "%s",
			     log_lines_text(0));
		cr_expect(map.base_iova + map.base_bytes <= first || map.base_iova > last,
			  "%u bits: %#jx is within %#jx to %#jx", bits, (uintmax_t)map.base_iova,
			  (uintmax_t)first, (uintmax_t)last);
		plx_dma_unmap(dev, &map);
	}
}

/* ---- What is refused ---- */

/* The n-th call fails: nothing is left, and one line tells; or there is another way. */
static bool fail_at(int step)
{
	unsigned fds = nb_own_fds(), maps = vfio_fake.nb_maps, groups = vfio_fake.nb_groups;
	int ret;

	log_lines_start();
	vfio_fake.nb_calls = 0;
	vfio_fake.failed = 0;
	vfio_fake.fail_errno = EIO;
	vfio_fake.fail_at = step;
	ret = plx_pci_open(&addr, 0, &dev);
	vfio_fake.fail_at = -1;
	cr_expect_eq(nb_errors(), ret ? 1 : 0, "step %d, request %lu: %d, %u lines: %s / %s", step,
		     (vfio_fake.failed & 0xff) - VFIO_BASE, ret, nb_errors(), log_lines_text(0),
		     log_lines_text(1));
	if (ret == 0)
		plx_pci_close(dev);
	dev = NULL;
	cr_expect_eq(nb_own_fds(), fds, "step %d: %u descriptors, want %u", step, nb_own_fds(),
		     fds);
	cr_expect_eq(vfio_fake.nb_maps, maps, "step %d: %u maps, want %u", step, vfio_fake.nb_maps,
		     maps);
	cr_expect_eq(vfio_fake.nb_groups, groups, "step %d: %u groups, want %u", step,
		     vfio_fake.nb_groups, groups);
	return vfio_fake.failed != 0;
}

Test(bus_vfio_open, each_step_can_fail)
{
	struct plx_pci_dev *other = NULL;
	int step = 0;

	start_bus_eal();
	cr_assert_not_null(plx_mem_alloc(5 << 20, 0, PLX_NODE_ANY));
	while (fail_at(step))
		cr_assert_lt(++step, STEPS_MAX);
	cr_expect_gt(step, 15, "%d steps", step);
	/* The second device joins the container of the first. */
	cr_assert_eq(plx_pci_open(&other_addr, 0, &other), 0, "%s", log_lines_text(0));
	for (step = 0; fail_at(step);)
		cr_assert_lt(++step, STEPS_MAX);
	cr_expect_gt(step, 10, "%d steps", step);
	plx_pci_close(other);
	cr_expect_eq(vfio_fake.nb_maps, 0);
}

Test(bus_vfio_open, fewer_vectors_than_asked_for)
{
	open_device();
	vfio_fake.irqs_left = 1;
	cr_expect_eq(plx_intr_enable(dev, PLX_INTR_MSIX, 3), -ENOSPC);
	assert_one_line("bus", PLX_LOG_ERR, "3 interrupt vectors can't be had",
			"the machine has 1 left");
	cr_expect_eq(plx_intr_kind(dev), PLX_INTR_NONE);
	cr_expect_eq(plx_intr_enable(dev, PLX_INTR_MSIX, 1), 0);
}

Test(bus_vfio_open, unknown_flags)
{
	struct plx_pci_info info;

	cr_expect_eq(plx_pci_open(&addr, 2, &dev), -EINVAL);
	assert_one_line("bus", PLX_LOG_ERR, "flags 0x2");
	cr_expect_eq(vfio_fake.nb_calls, 0);
	cr_expect_eq(plx_pci_find(&addr, &info), 0);
}

/* A second device of a group that is open is as unsafe as the first. */
Test(bus_vfio_open, without_an_iommu)
{
	struct plx_pci_dev *second = NULL;

	make_function("0000:02:00.0", 1);
	grow("dev/vfio/noiommu-1", "");
	cr_assert_eq(plx_pci_open(&addr, PLX_PCI_UNSAFE_DMA, &dev), 0, "%s", log_lines_text(0));
	log_lines_start();
	cr_expect_eq(plx_pci_open(&other_addr, 0, &second), -EPERM);
	assert_one_line("bus", PLX_LOG_ERR, "accept it with --allow-unsafe-dma");
	plx_pci_close(dev);
	vfio_fake.refuse = VFIO_GROUP_SET_CONTAINER;
	vfio_fake.fail_errno = EPERM;
	log_lines_start();
	cr_expect_eq(plx_pci_open(&addr, PLX_PCI_UNSAFE_DMA, &dev), -EPERM);
	assert_one_line("bus", PLX_LOG_ERR, "is for root (CAP_SYS_RAWIO)");
	dev = NULL;
}

/* Pages beyond the BAR are other memory of the process. */
Test(bus_vfio_open, areas_beyond_the_end)
{
	static const struct vfio_region_sparse_mmap_area wrong[] = {
		{VFIO_FAKE_BAR_BYTES, VFIO_FAKE_PAGE_BYTES},
		{0, VFIO_FAKE_BAR_BYTES + VFIO_FAKE_PAGE_BYTES},
		{UINT64_MAX - VFIO_FAKE_PAGE_BYTES + 1, 2 * VFIO_FAKE_PAGE_BYTES},
	};
	struct plx_pci_bar bar;

	open_device();
	for (size_t i = 0; i < PLX_ARRAY_SIZE(wrong); i++) {
		vfio_fake.nb_areas = 1;
		vfio_fake.areas[0] = wrong[i];
		log_lines_start();
		cr_expect_eq(plx_pci_bar_map(dev, 0, &bar), -ERANGE, "area %zu", i);
		cr_expect_eq(nb_errors(), 1, "area %zu: %s", i, log_lines_text(0));
	}
}

static void make_neighbour(const char *name, const char *driver)
{
	char file[128], path[256];

	snprintf(file, sizeof(file), "sys/kernel/iommu_groups/1/devices/%s/vendor", name);
	grow(file, "0x8086\n");
	snprintf(path, sizeof(path), "%s/sys/kernel/iommu_groups/1/devices/%s/driver", tree, name);
	if (driver)
		cr_assert_eq(symlink(driver, path), 0, "%s", path);
}

Test(bus_vfio_open, a_group_that_is_not_viable)
{
	unsigned fds = nb_own_fds();

	make_neighbour("0000:01:00.0", "../drivers/vfio-pci");
	make_neighbour("0000:00:1c.0", "../drivers/pcieport");
	make_neighbour("0000:01:00.2", NULL);
	make_neighbour("0000:01:00.1", "../drivers/igb");
	vfio_fake.is_spoiled = true;
	cr_expect_eq(plx_pci_open(&addr, 0, &dev), -EBUSY);
	assert_one_line("bus", PLX_LOG_ERR, "its IOMMU group 1 is not viable",
			"has 0000:01:00.1 (igb): bind");
	cr_expect_eq(nb_own_fds(), fds);
}

/* ---- What the kernel tells ---- */

static unsigned nb_told[3]; /* by enum plx_pci_event; atomic */

static void on_event(struct plx_pci_dev *of, enum plx_pci_event event, void *arg)
{
	(void)of;
	(void)arg;
	plx_fetch_add_acq_rel(&nb_told[event], 1);
}

/* The kernel signals; how often the event has been told when the control thread had its turn. */
static unsigned told_by(unsigned which, enum plx_pci_event event)
{
	const uint64_t one = 1;

	cr_assert_eq(write(vfio_fake.event_fds[which], &one, sizeof(one)), sizeof(one));
	cr_assert_eq(plx_ctl_sync(), 0);
	cr_assert_eq(plx_ctl_sync(), 0);
	return plx_load_acquire(&nb_told[event]);
}

Test(bus_vfio_open, errors_and_requests)
{
	start_bus_eal();
	open_device();
	cr_assert_eq(plx_pci_event_set(dev, on_event, NULL), 0, "%s", log_lines_text(0));
	cr_expect_eq(told_by(0, PLX_PCI_EVENT_ERROR), 1);
	cr_expect_eq(told_by(0, PLX_PCI_EVENT_ERROR), 2, "each error is one");
	cr_expect_eq(told_by(1, PLX_PCI_EVENT_REQUEST), 1);
	cr_expect_eq(told_by(1, PLX_PCI_EVENT_REQUEST), 1, "the kernel asks again and again");
	cr_expect_eq(plx_load_acquire(&nb_told[PLX_PCI_EVENT_REMOVED]), 0);
	cr_assert_eq(plx_pci_event_set(dev, NULL, NULL), 0);
	cr_expect_eq(vfio_fake.event_fds[0], -1, "errors go to a descriptor that is closed");
	cr_expect_eq(vfio_fake.event_fds[1], -1);
}

/* ---- Cards that are lost ---- */

/* vfio-pci answers for the ids, whether there is a card or not. */
static void make_dead(uint8_t *cfg)
{
	memset(cfg + PCI_COMMAND, 0xff, VFIO_FAKE_CFG_BYTES - PCI_COMMAND);
}

Test(bus_vfio_open, a_card_that_is_gone)
{
	uint8_t cfg[VFIO_FAKE_CFG_BYTES];
	unsigned fds = nb_own_fds();

	open_device();
	cr_expect_not(plx_pci_is_gone(dev));
	memcpy(cfg, vfio_fake.cfg, sizeof(cfg));
	make_dead(cfg);
	cr_assert_eq(pwrite(vfio_fake.dev_fd, cfg, sizeof(cfg), 0), sizeof(cfg));
	cr_expect(plx_pci_is_gone(dev));
	cr_expect_eq(plx_pci_reset(dev), -ENODEV);
	plx_pci_close(dev);
	dev = NULL;

	make_dead(vfio_fake.cfg);
	log_lines_start();
	cr_expect_eq(plx_pci_open(&addr, 0, &dev), -ENODEV);
	assert_one_line("bus", PLX_LOG_ERR, "0000:01:00.0", "all ones");
	cr_expect_eq(nb_own_fds(), fds);
}

static volatile char *page;
static unsigned nb_wrong; /* atomic */
static bool is_over;	  /* atomic */

static void *read_on(void *arg)
{
	(void)arg;
	while (!plx_load_acquire(&is_over)) {
		uint32_t value = plx_mmio_read32(page);

		if (value != UINT32_MAX && value != 7)
			plx_fetch_add_relaxed(&nb_wrong, 1);
	}
	return NULL;
}

/* A thread reads while the card is lost and found: it sees ones or the card. */
Test(bus_vfio_open, a_bar_that_is_mapped_again)
{
	uint32_t seven = 7;
	struct plx_pci_bar bar;
	pthread_t reader;

	vfio_fake.nb_areas = VFIO_FAKE_BAR_BYTES / VFIO_FAKE_PAGE_BYTES;
	for (unsigned i = 0; i < vfio_fake.nb_areas; i++)
		vfio_fake.areas[i] = (struct vfio_region_sparse_mmap_area){i * VFIO_FAKE_PAGE_BYTES,
									   VFIO_FAKE_PAGE_BYTES};
	open_device();
	cr_assert_eq(plx_sigbus_guard_on(), 0);
	cr_assert_eq(plx_pci_bar_map(dev, 0, &bar), 0);
	page = (char *)bar.addr + VFIO_FAKE_BAR_BYTES - VFIO_FAKE_PAGE_BYTES;
	plx_mmio_write32(page, 7);
	cr_assert_eq(pthread_create(&reader, NULL, read_on, NULL), 0);
	for (int i = 0; i < 300; i++) {
		/* The file comes back as zeros: it must not be seen before it is mapped. */
		vfio_fake_bar(false);
		cr_assert_eq(plx_mmio_read32(page), UINT32_MAX, "round %d", i);
		vfio_fake_bar(true);
		cr_assert_eq(pwrite(vfio_fake.dev_fd, &seven, sizeof(seven),
				    VFIO_FAKE_BAR_AT + VFIO_FAKE_BAR_BYTES - VFIO_FAKE_PAGE_BYTES),
			     sizeof(seven));
		cr_assert_eq(plx_pci_bar_map(dev, 0, &bar), 0);
		cr_assert_eq(plx_mmio_read32(page), 7, "round %d", i);
	}
	plx_store_release(&is_over, true);
	pthread_join(reader, NULL);
	cr_expect_eq(nb_wrong, 0, "%u", nb_wrong);
	plx_pci_close(dev);
	dev = NULL;
	plx_sigbus_guard_off();
}

/* ---- fork() ---- */

Test(bus_vfio_open, a_child_has_nothing)
{
	unsigned fds = nb_own_fds();
	struct plx_pci_bar bar;
	int status = -1;
	pid_t pid;

	open_device();
	cr_assert_eq(plx_pci_bar_map(dev, 0, &bar), 0);
	cr_assert_eq(plx_intr_enable(dev, PLX_INTR_MSIX, 4), 0);
	cr_assert_gt(nb_own_fds(), fds);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		log_lines_start();
		plx_pci_close(dev);
		if (log_lines_with("plx_pci_forked() closes") != 1)
			_exit(2);
		plx_pci_forked();
		_exit(nb_own_fds() == fds ? 0 : 3);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0, "%#x", status);
	cr_expect_eq(plx_pci_reset(dev), 0, "it is the parent's as before");
}
