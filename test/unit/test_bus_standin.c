/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is common to all back ends, on a model in the place of a device: configuration space, ports,
 * power, reset, interrupts, events, memory; and what each call refuses.
 */
#include "bus_tree.h"
#include "log_lines.h"

#include <errno.h>
#include <poll.h>
#include <pollux/eal.h>
#include <sys/socket.h>

enum { REGS_BYTES = 4096 };

static struct plx_pci_standin is;
static struct plx_pci_dev *dev;
static char regs[REGS_BYTES];
static uint8_t cfg[PLX_PCI_CFG_EXT_BYTES];
static uint32_t port_value;
static unsigned nb_resets, nb_rearms, nb_closed;
static int cfg_fails; /* -errno */

static ssize_t model_cfg_read(void *arg, unsigned offset, void *buf, size_t len)
{
	(void)arg;
	if (cfg_fails)
		return cfg_fails;
	memcpy(buf, cfg + offset, len);
	return (ssize_t)len;
}

static ssize_t model_cfg_write(void *arg, unsigned offset, const void *buf, size_t len)
{
	(void)arg;
	memcpy(cfg + offset, buf, len);
	return (ssize_t)len;
}

static ssize_t model_io(void *arg, unsigned bar, unsigned offset, void *buf, unsigned bytes,
			bool is_write)
{
	(void)arg;
	cr_expect_eq(bar, 2);
	if (is_write)
		memcpy((char *)&port_value + offset, buf, bytes);
	else
		memcpy(buf, (char *)&port_value + offset, bytes);
	return (ssize_t)bytes;
}

static int model_reset(void *arg)
{
	(void)arg;
	nb_resets++;
	return 0;
}

static int model_rearm(void *arg)
{
	(void)arg;
	nb_rearms++;
	return 0;
}

static void model_closed(void *arg)
{
	(void)arg;
	nb_closed++;
}

static void open_model(void)
{
	is = (struct plx_pci_standin){
		.name = "0000:03:00.0",
		.id = {0x8086, 0x1521, 0x8086, 1, 0x020000},
		.bars[0] = {regs, sizeof(regs)},
		.bars[2] = {NULL, 4},
		.nb_msix = 5,
		.nb_msi = 1,
		.has_intx = true,
		.cfg_read = model_cfg_read,
		.cfg_write = model_cfg_write,
		.io = model_io,
		.reset = model_reset,
		.intr_rearm = model_rearm,
		.closed = model_closed,
	};
	log_lines_start();
	cr_assert_eq(plx_pci_standin_open(&is, &dev), 0, "%s", log_lines_text(0));
}

static void close_model(void)
{
	plx_pci_close(dev);
	plx_eal_fini();
}

TestSuite(bus_standin, .init = open_model, .fini = close_model);

Test(bus_standin, what_it_is)
{
	const struct plx_pci_info *info = plx_pci_info(dev);
	struct plx_pci_dev *second = NULL;
	struct plx_pci_bar bar;

	cr_expect_str_eq(info->name, "0000:03:00.0");
	cr_expect_eq(info->id.device, 0x1521);
	cr_expect_eq(plx_pci_backend(dev), PLX_PCI_STANDIN);
	cr_expect_eq(plx_pci_iova_mode(info), PLX_IOVA_VA);
	cr_expect_eq(plx_pci_bar_map(dev, 0, &bar), 0);
	cr_expect_eq(bar.addr, (void *)regs);
	cr_expect_eq(bar.len_bytes, sizeof(regs));
	cr_expect_eq(plx_pci_bar_map(dev, 1, &bar), -ENOENT);
	cr_expect_eq(plx_pci_bar_map(dev, 2, &bar), -EOPNOTSUPP);
	cr_expect_eq(plx_pci_bar_map(dev, 6, &bar), -EINVAL);
	cr_expect_eq(plx_pci_standin_open(&is, &second), -EBUSY);
	cr_expect_eq(log_lines_with("this process has it open already"), 1);
	plx_pci_close(dev);
	cr_expect_eq(nb_closed, 1);
	cr_expect_eq(plx_pci_standin_open(&is, &dev), 0, "again");
	plx_pci_close(NULL);
}

Test(bus_standin, configuration_space)
{
	uint8_t byte;
	uint16_t word;
	uint32_t dword;

	cfg[0x80] = 0x11;
	cfg[0x81] = 0x22;
	cfg[0x82] = 0x33;
	cfg[0x83] = 0x44;
	cr_expect_eq(plx_pci_cfg_read8(dev, 0x83, &byte), 0);
	cr_expect_eq(byte, 0x44);
	cr_expect_eq(plx_pci_cfg_read16(dev, 0x82, &word), 0);
	cr_expect_eq(word, 0x4433);
	cr_expect_eq(plx_pci_cfg_read32(dev, 0x80, &dword), 0);
	cr_expect_eq(dword, 0x44332211);
	cr_expect_eq(plx_pci_cfg_write16(dev, 0x80, 0xabcd), 0);
	cr_expect_eq(cfg[0x80], 0xcd);
	cr_expect_eq(plx_pci_cfg_write32(dev, 0x84, 0x01020304), 0);
	cr_expect_eq(cfg[0x87], 1);
	cr_expect_eq(plx_pci_cfg_write8(dev, 0xfff, 9), 0);
	cr_expect_eq(cfg[0xfff], 9);
	cr_expect_eq(plx_pci_cfg_read32(dev, 0x81, &dword), -EINVAL);
	cr_expect_eq(dword, UINT32_MAX);
	cr_expect_eq(plx_pci_cfg_read16(dev, 4096, &word), -EINVAL);
	cr_expect_eq(plx_pci_cfg_write16(dev, 0x81, 1), -EINVAL);
	cr_expect_eq(plx_pci_cfg_read(dev, 4000, cfg, 4096), 96, "as far as it goes");
	cfg_fails = -EIO;
	cr_expect_eq(plx_pci_cfg_read16(dev, 0, &word), -EIO);
	cr_expect_eq(word, 0xffff);
	cr_expect(plx_pci_is_gone(dev));
	cfg_fails = 0;
	cr_expect_not(plx_pci_is_gone(dev));
}

Test(bus_standin, capabilities)
{
	unsigned at;

	cfg[PCI_STATUS] = PCI_STATUS_CAP_LIST;
	cfg[PCI_CAPABILITY_LIST] = 0x40;
	cfg[0x40] = PCI_CAP_ID_EXP;
	cfg[0x100] = PCI_EXT_CAP_ID_ERR;
	cfg[0x102] = 1;
	cr_expect_eq(plx_pci_cap_find(dev, PCI_CAP_ID_EXP, &at), 0);
	cr_expect_eq(at, 0x40);
	cr_expect_eq(plx_pci_cap_find(dev, PCI_CAP_ID_MSIX, &at), -ENOENT);
	cr_expect_eq(plx_pci_ext_cap_find(dev, PCI_EXT_CAP_ID_ERR, &at), 0);
	cr_expect_eq(at, 0x100);
	cr_expect_eq(plx_pci_ext_cap_find(dev, PCI_CAP_ID_EXP, &at), -ENOENT, "another list");
	cfg_fails = -EIO;
	cr_expect_eq(plx_pci_cap_find(dev, PCI_CAP_ID_EXP, &at), -EIO);
	cfg_fails = 0;
}

Test(bus_standin, ports)
{
	uint32_t value;

	cr_expect_eq(plx_pci_io_write(dev, 2, 0, 4, 0x11223344), 0);
	cr_expect_eq(port_value, 0x11223344);
	cr_expect_eq(plx_pci_io_read(dev, 2, 2, 2, &value), 0);
	cr_expect_eq(value, 0x1122);
	cr_expect_eq(plx_pci_io_read(dev, 2, 3, 1, &value), 0);
	cr_expect_eq(value, 0x11);
	cr_expect_eq(plx_pci_io_read(dev, 2, 1, 2, &value), -EINVAL);
	cr_expect_eq(value, UINT32_MAX);
	cr_expect_eq(plx_pci_io_read(dev, 2, 4, 4, &value), -EINVAL);
	cr_expect_eq(plx_pci_io_read(dev, 2, UINT32_MAX - 3, 4, &value), -EINVAL, "around");
	cr_expect_eq(plx_pci_io_write(dev, 2, UINT32_MAX, 1, 0), -EINVAL, "around");
	cr_expect_eq(plx_pci_io_read(dev, 2, 0, 3, &value), -EINVAL);
	cr_expect_eq(plx_pci_io_read(dev, 0, 0, 4, &value), -EOPNOTSUPP);
	cr_expect_eq(plx_pci_io_write(dev, 1, 0, 4, 0), -ENOENT);
}

/* Left running and asleep by somebody: it is quiet and awake when it is open. */
Test(bus_standin, bus_mastering_and_power)
{
	plx_pci_close(dev);
	cfg[PCI_COMMAND] = PCI_COMMAND_MASTER;
	cfg[PCI_STATUS] = PCI_STATUS_CAP_LIST;
	cfg[PCI_CAPABILITY_LIST] = 0x40;
	cfg[0x40] = PCI_CAP_ID_PM;
	cfg[0x40 + PCI_PM_CTRL] = 3;
	cr_assert_eq(plx_pci_standin_open(&is, &dev), 0, "%s", log_lines_text(0));
	cr_expect_eq(cfg[PCI_COMMAND], PCI_COMMAND_MEMORY | PCI_COMMAND_IO, "%#x",
		     cfg[PCI_COMMAND]);
	cr_expect_eq(cfg[0x40 + PCI_PM_CTRL], 0);
	cr_expect_eq(plx_pci_bus_master(dev, true), 0);
	cr_expect(cfg[PCI_COMMAND] & PCI_COMMAND_MASTER);
	cr_expect_eq(plx_pci_reset(dev), 0);
	cr_expect_eq(nb_resets, 1);
	cr_expect_not(cfg[PCI_COMMAND] & PCI_COMMAND_MASTER);
	plx_pci_bus_master(dev, true);
	plx_pci_close(dev);
	cr_expect_not(cfg[PCI_COMMAND] & PCI_COMMAND_MASTER, "it is on after close");
	cr_assert_eq(plx_pci_standin_open(&is, &dev), 0);
}

/* What D3hot does to a function: it wakes with its header lost. */
static ssize_t forgetful_cfg_write(void *arg, unsigned offset, const void *buf, size_t len)
{
	if (offset == 0x40 + PCI_PM_CTRL && (cfg[offset] & PCI_PM_CTRL_STATE_MASK))
		memset(cfg + PCI_BASE_ADDRESS_0, 0, 24);
	return model_cfg_write(arg, offset, buf, len);
}

/* Whichever of its BARs it has. */
Test(bus_standin, what_sleep_has_lost)
{
	uint32_t bar3 = 0xfe840000, now;

	plx_pci_close(dev);
	is.cfg_write = forgetful_cfg_write;
	memcpy(cfg + PCI_BASE_ADDRESS_3, &bar3, sizeof(bar3));
	cfg[PCI_STATUS] = PCI_STATUS_CAP_LIST;
	cfg[PCI_CAPABILITY_LIST] = 0x40;
	cfg[0x40] = PCI_CAP_ID_PM;
	cfg[0x40 + PCI_PM_CTRL] = 3;
	cr_assert_eq(plx_pci_standin_open(&is, &dev), 0, "%s", log_lines_text(0));
	memcpy(&now, cfg + PCI_BASE_ADDRESS_3, sizeof(now));
	cr_expect_eq(now, bar3, "%#x", now);
}

Test(bus_standin, one_that_does_not_answer)
{
	plx_pci_close(dev);
	log_lines_start();
	memset(cfg + PCI_COMMAND, 0xff, sizeof(cfg) - PCI_COMMAND);
	cr_expect_eq(plx_pci_standin_open(&is, &dev), -ENODEV);
	assert_one_line("bus", PLX_LOG_ERR, "0000:03:00.0: it does not answer");
	cr_expect_eq(nb_closed, 2, "%u", nb_closed);
	memset(cfg, 0, sizeof(cfg));
	cr_assert_eq(plx_pci_standin_open(&is, &dev), 0);
}

/* Messages come late: one may be about what was there before. */
Test(bus_standin, removal_of_what_was_there_before)
{
	const struct plx_pci_addr addr = plx_pci_info(dev)->addr;
	char path[256], away[256];

	cr_expect_not(plx_pci_is_gone(dev));
	plx_uevent_tell(&addr, PLX_PCI_CHANGE_REMOVED);
	cr_expect(plx_pci_is_gone(dev), "it has no folder in sysfs");
	plx_pci_close(dev);

	plant_bus();
	grow_function("0000:03:00.0", NULL);
	cr_assert_eq(plx_pci_standin_open(&is, &dev), 0);
	plx_uevent_tell(&addr, PLX_PCI_CHANGE_REMOVED);
	cr_expect_not(plx_pci_is_gone(dev), "its folder is there");
	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/0000:03:00.0", tree);
	snprintf(away, sizeof(away), "%s/away", tree);
	cr_assert_eq(rename(path, away), 0);
	grow_function("0000:03:00.0", NULL);
	plx_uevent_tell(&addr, PLX_PCI_CHANGE_REMOVED);
	cr_expect(plx_pci_is_gone(dev), "that is the folder of another");
	fell_tree();
}

static unsigned nb_calls; /* atomic */
static bool is_mine;	  /* atomic */

static bool on_interrupt(void *arg)
{
	cr_expect_eq(arg, &is);
	cr_expect(plx_ctl_is_self());
	plx_fetch_add_acq_rel(&nb_calls, 1);
	return plx_load_acquire(&is_mine);
}

Test(bus_standin, interrupts_that_are_waited_for)
{
	struct plx_intr_stats stats;
	struct pollfd pfd = {.events = POLLIN};

	cr_expect_eq(plx_intr_vectors(dev, PLX_INTR_MSIX), 5);
	cr_expect_eq(plx_intr_vectors(dev, PLX_INTR_MSI), 1);
	cr_expect_eq(plx_intr_vectors(dev, PLX_INTR_NONE), 0);
	cr_expect_eq(plx_intr_enable(dev, PLX_INTR_MSIX, 6), -EINVAL);
	cr_expect_eq(plx_intr_enable(dev, PLX_INTR_MSIX, 0), -EINVAL);
	cr_expect_eq(plx_intr_enable(dev, PLX_INTR_NONE, 1), -EOPNOTSUPP);
	cr_expect_eq(plx_intr_rearm(dev), -EINVAL);
	cr_assert_eq(plx_intr_enable(dev, PLX_INTR_MSIX, 3), 0);
	cr_expect_eq(plx_intr_kind(dev), PLX_INTR_MSIX);
	cr_expect_eq(plx_intr_enable(dev, PLX_INTR_INTX, 1), -EBUSY);
	cr_expect_eq(plx_intr_wait(dev, 1, 0), 0);
	plx_pci_standin_interrupt(dev, 1);
	plx_pci_standin_interrupt(dev, 1);
	plx_pci_standin_interrupt(dev, 4); /* not enabled */
	pfd.fd = plx_intr_fd(dev, 1);
	cr_expect_eq(poll(&pfd, 1, 0), 1);
	cr_expect_eq(plx_intr_wait(dev, 1, UINT64_MAX), 2);
	cr_expect_eq(poll(&pfd, 1, 0), 0);
	cr_expect_eq(plx_intr_wait(dev, 0, 1000000), 0);
	cr_expect_eq(plx_intr_wait(dev, 3, 0), -EINVAL);
	cr_expect_eq(plx_intr_trigger(dev, 0), 0);
	cr_expect_eq(plx_intr_wait(dev, 0, 0), 1);
	plx_intr_spurious(dev, 0);
	cr_expect_eq(plx_intr_stats(dev, 0, &stats), 0);
	cr_expect_eq(stats.interrupts, 1);
	cr_expect_eq(stats.spurious, 1);
	cr_expect_eq(plx_intr_stats(dev, 3, &stats), -EINVAL);
	cr_expect_eq(plx_intr_handler_set(dev, 0, on_interrupt, &is), -ENODEV, "no EAL");
	plx_intr_disable(dev);
	cr_expect_eq(plx_intr_fd(dev, 1), -EINVAL);
	cr_expect_eq(plx_intr_wait(dev, 0, 0), -EINVAL);
	plx_intr_disable(dev);
	cr_expect_eq(nb_rearms, 0);
}

static bool wait_until(const unsigned *count, unsigned nb)
{
	for (int i = 0; i < 5000 && plx_load_acquire(count) < nb; i++)
		usleep(1000);
	return plx_load_acquire(count) == nb;
}

Test(bus_standin, handlers)
{
	struct plx_intr_stats stats;

	plx_pci_close(dev);
	start_bus_eal();
	cr_assert_eq(plx_pci_standin_open(&is, &dev), 0);
	cr_assert_eq(plx_intr_enable(dev, PLX_INTR_INTX, 1), 0);
	cr_assert_eq(plx_intr_handler_set(dev, 0, on_interrupt, &is), 0);
	cr_expect_eq(plx_intr_handler_set(dev, 0, on_interrupt, &is), -EEXIST);
	cr_expect_eq(plx_intr_wait(dev, 0, 0), -EINVAL, "it has a handler");
	plx_store_release(&is_mine, true);
	plx_pci_standin_interrupt(dev, 0);
	cr_assert(wait_until(&nb_calls, 1), "%u", nb_calls);
	plx_store_release(&is_mine, false);
	plx_pci_standin_interrupt(dev, 0);
	cr_assert(wait_until(&nb_calls, 2), "%u", nb_calls);
	plx_ctl_sync();
	cr_expect_eq(nb_rearms, 2, "%u", nb_rearms);
	plx_intr_stats(dev, 0, &stats);
	cr_expect_eq(stats.interrupts, 2);
	cr_expect_eq(stats.spurious, 1);
	cr_expect_eq(plx_intr_handler_set(dev, 0, NULL, NULL), 0);
	plx_pci_standin_interrupt(dev, 0);
	cr_expect_eq(plx_intr_wait(dev, 0, UINT64_MAX), 1, "waited for again");
	plx_intr_handler_set(dev, 0, on_interrupt, &is);
	plx_pci_close(dev);
	dev = NULL;
	cr_expect_eq(plx_load_acquire(&nb_calls), 2);
}

static unsigned nb_events[3]; /* atomic */

static void on_event(struct plx_pci_dev *of, enum plx_pci_event event, void *arg)
{
	cr_expect_eq(of, dev);
	cr_expect_eq(arg, &is);
	plx_fetch_add_acq_rel(&nb_events[event], 1);
}

Test(bus_standin, events)
{
	cr_expect_eq(plx_pci_event_set(dev, on_event, &is), -ENODEV, "no EAL");
	plx_pci_close(dev);
	start_bus_eal();
	cr_assert_eq(plx_pci_standin_open(&is, &dev), 0);
	cr_assert_eq(plx_pci_event_set(dev, on_event, &is), 0, "%s", log_lines_text(0));
	plx_pci_standin_event(dev, PLX_PCI_EVENT_ERROR);
	cr_expect(wait_until(&nb_events[PLX_PCI_EVENT_ERROR], 1));
	plx_pci_standin_event(dev, PLX_PCI_EVENT_ERROR);
	cr_expect(wait_until(&nb_events[PLX_PCI_EVENT_ERROR], 2), "errors come again");
	plx_pci_standin_event(dev, PLX_PCI_EVENT_REQUEST);
	cr_expect(wait_until(&nb_events[PLX_PCI_EVENT_REQUEST], 1));
	plx_pci_standin_event(dev, PLX_PCI_EVENT_REQUEST);
	cr_expect_not(plx_pci_is_gone(dev));
	plx_pci_standin_event(dev, PLX_PCI_EVENT_REMOVED);
	cr_expect(wait_until(&nb_events[PLX_PCI_EVENT_REMOVED], 1));
	cr_expect(wait_until(&nb_events[PLX_PCI_EVENT_REQUEST], 1), "a request is told once");
	cr_expect(plx_pci_is_gone(dev));
	cr_expect_eq(plx_pci_reset(dev), -ENODEV);
	cr_expect_eq(plx_pci_event_set(dev, NULL, NULL), 0);
	plx_pci_standin_event(dev, PLX_PCI_EVENT_ERROR);
	plx_ctl_sync();
	cr_expect_eq(nb_events[PLX_PCI_EVENT_ERROR], 2);
}

static void watch_nothing(const struct plx_pci_addr *addr, enum plx_pci_change change, void *arg)
{
	(void)addr;
	(void)change;
	(void)arg;
}

Test(bus_standin, watches)
{
	struct plx_pci_watch watch = {.fn = watch_nothing}, none = {0};

	cr_expect_eq(plx_pci_watch_add(&watch), -ENODEV, "no EAL");
	start_bus_eal();
	cr_expect_eq(plx_pci_watch_add(&none), -EINVAL);
	for (int i = 0; i < 100; i++) {
		cr_assert_eq(plx_pci_watch_add(&watch), 0);
		cr_assert_eq(plx_pci_watch_add(&watch), -EEXIST);
		cr_assert_eq(plx_pci_watch_del(&watch), 0);
		cr_assert_eq(plx_pci_watch_del(&watch), -ENOENT);
	}
}

static unsigned nb_sockets(void)
{
	unsigned nb = 0;

	for (int fd = 0; fd < 256; fd++) {
		struct sockaddr_storage at;
		socklen_t len = sizeof(at);

		nb += getsockname(fd, (struct sockaddr *)&at, &len) == 0 &&
		      at.ss_family == AF_NETLINK && plx_ctl_fd_del(fd) == 0;
	}
	return nb;
}

/* The EAL ends and starts again: who watches from then on hears. */
Test(bus_standin, a_watch_that_was_left)
{
	struct plx_pci_watch left = {.fn = watch_nothing}, later = {.fn = watch_nothing};

	start_bus_eal();
	cr_assert_eq(plx_pci_watch_add(&left), 0);
	plx_eal_fini();
	start_bus_eal();
	cr_assert_eq(plx_pci_watch_add(&later), 0);
	cr_expect_eq(nb_sockets(), 1, "the control thread waits for no uevents");
	cr_expect_eq(plx_pci_watch_del(&later), 0);
	cr_expect_eq(plx_pci_watch_del(&left), 0);
}

Test(bus_standin, memory)
{
	char here[100];
	struct iovec list[] = {{here, 10}, {NULL, 0}, {here + 50, 20}};
	struct plx_dma_map map, maps[2];
	void *own;

	cr_expect_eq(plx_dma_map(dev, here, sizeof(here), PLX_DMA_BOTH, &map), 0);
	cr_expect_eq(map.iova, (uintptr_t)here);
	plx_dma_unmap(dev, &map);
	plx_dma_unmap(dev, &map);
	cr_expect_eq(plx_dma_map(dev, NULL, 1, PLX_DMA_BOTH, &map), -EINVAL);
	cr_expect_eq(plx_dma_map(dev, here, 0, PLX_DMA_BOTH, &map), -EINVAL);
	cr_expect_eq(plx_dma_map(dev, here, 1, 0, &map), -EINVAL);
	cr_expect_eq(plx_dma_map(dev, here, 1, 4, &map), -EINVAL);
	cr_expect_eq(plx_dma_map_sg(dev, list, 3, PLX_DMA_TO_DEVICE, maps, 2), 2);
	cr_expect_eq(maps[1].iova, (uintptr_t)here + 50);
	plx_dma_unmap_sg(dev, maps, 2);
	cr_expect_eq(plx_dma_map_sg(dev, list, 3, PLX_DMA_TO_DEVICE, maps, 1), -E2BIG);

	cr_expect_eq(plx_dma_mask(dev), UINT64_MAX);
	cr_expect_eq(plx_dma_mask_set(dev, 0xfffffff), 0);
	cr_expect_eq(plx_dma_mask_set(dev, 0xfff0fff), -EINVAL);
	cr_expect_eq(plx_dma_mask_set(dev, 0xff), -EINVAL);
	cr_expect_eq(plx_dma_mask(dev), 0xfffffff);
	cr_expect_not(plx_dma_reaches(dev, 0xfffffff, 2));
	cr_expect(plx_dma_reaches(dev, 0xfffffff, 1));
	cr_expect_not(plx_dma_reaches(dev, UINT64_MAX, 2), "around");
	cr_expect_eq(plx_dma_map(dev, here, 1, PLX_DMA_BOTH, &map), -ENOSPC);
	cr_expect_eq(map.iova, 0);

	plx_dma_mask_set(dev, UINT64_MAX);
	cr_expect_eq(plx_dma_alloc(dev, 100, 0, &map), -ENODEV, "no EAL");
	start_bus_eal();
	own = plx_mem_alloc(5000000, 0, PLX_NODE_ANY);
	cr_assert_not_null(own);
	cr_expect_eq(plx_dma_map(dev, own, 5000000, PLX_DMA_BOTH, &map), 0);
	cr_expect_eq(map.iova, plx_mem_virt2iova(own));
	cr_expect_eq(map.len_bytes, 5000000);
	plx_dma_unmap(dev, &map);
	plx_mem_free(own);
	for (int i = 0; i < 100; i++) {
		cr_assert_eq(plx_dma_alloc(dev, 10000, 256, &map), 0);
		cr_assert_eq(map.iova % 256, 0);
		cr_assert_eq(map.iova, plx_mem_virt2iova(map.addr));
		plx_dma_free(dev, &map);
		plx_dma_free(dev, &map);
	}
	plx_dma_mask_set(dev, 0xfffffff);
	cr_expect_eq(plx_dma_alloc(dev, 100, 0, &map), -ENOSPC);
}
