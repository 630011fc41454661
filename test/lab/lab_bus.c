/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lib/bus on the lab's igb, without the driver: lab_bus [EAL options] -- BDF CHECK...
 * Each check prints "ok CHECK" or what is wrong; the exit status says whether all passed. Run by
 * bus.sh in the lab. Registers: the I210 and 82576 data sheets' "Programming Interface".
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/pci_regs.h>
#include <pollux/pollux.h>
#include <pollux/sigbus.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab_pci.h"

enum {
	CTRL = 0x0000,
	STATUS = 0x0008,
	ICR = 0x00c0,
	ICS = 0x00c8,
	IMS = 0x00d0,
	IMC = 0x00d8,
	GPIE = 0x1514,
	EICS = 0x1520,
	EIMS = 0x1524,
	EIMC = 0x1528,
	EIAC = 0x152c,
	EICR = 0x1580,
	RA5 = 0x5428, /* RAL of entry 5: plain storage */
	IOADDR = 0,
	IODATA = 4,
	ICR_LSC = 1 << 2,
	GPIE_MSIX = 1 << 4,
	BAR_IO = 2,
};

#define SECOND_NS UINT64_C(1000000000)

static struct plx_pci_dev *dev;
static unsigned open_flags; /* of plx_pci_open() */
static volatile char *bar;

static uint32_t reg(unsigned offset)
{
	return plx_mmio_read32(bar + offset);
}

static void set(unsigned offset, uint32_t value)
{
	plx_mmio_write32(bar + offset, value);
}

/* ---- Checks ---- */

static int info(void)
{
	const struct plx_pci_info *about = plx_pci_info(dev);
	struct plx_dma_range ranges[8];
	unsigned nb = plx_dma_ranges(dev, ranges, 8);

	want(about->id.vendor == 0x8086 && about->id.device == 0x10c9, "%04x:%04x",
	     about->id.vendor, about->id.device);
	want(about->bars[0].kind == PLX_PCI_BAR_MEM && about->bars[0].len_bytes == 128 << 10,
	     "%" PRIu64 " bytes", about->bars[0].len_bytes);
	want(about->bars[BAR_IO].kind == PLX_PCI_BAR_IO && about->bars[BAR_IO].len_bytes == 32,
	     "%" PRIu64 " ports", about->bars[BAR_IO].len_bytes);
	for (unsigned i = 0; i < nb && i < 8; i++) {
		printf("range %#" PRIx64 " to %#" PRIx64 "\n", ranges[i].first, ranges[i].last);
		want(ranges[i].first > 0xfeefffff || ranges[i].last < 0xfee00000,
		     "the interrupt window is reserved");
	}
	want((nb > 0) == (plx_pci_backend(dev) == PLX_PCI_VFIO), "%u ranges", nb);
	return 0;
}

static int caps(void)
{
	static const struct {
		unsigned id, offset;
		bool is_extended;
	} known[] = {{PCI_CAP_ID_PM, 0x40, false},	{PCI_CAP_ID_MSI, 0x50, false},
		     {PCI_CAP_ID_MSIX, 0x70, false},	{PCI_CAP_ID_EXP, 0xa0, false},
		     {PCI_EXT_CAP_ID_ERR, 0x100, true}, {PCI_EXT_CAP_ID_ARI, 0x150, true}};
	unsigned at;

	for (size_t i = 0; i < PLX_ARRAY_SIZE(known); i++) {
		int ret = known[i].is_extended
				  ? plx_pci_ext_cap_find(dev, (uint16_t)known[i].id, &at)
				  : plx_pci_cap_find(dev, (uint8_t)known[i].id, &at);

		want(ret == 0, "capability %#x: %d", known[i].id, ret);
		want(at == known[i].offset, "capability %#x at %#x", known[i].id, at);
	}
	want(plx_pci_cap_find(dev, PCI_CAP_ID_AGP, &at) == -ENOENT, "a card with AGP");
	return 0;
}

static int registers(void)
{
	uint32_t status = reg(STATUS), by_port = 0, value = 0;

	want(status != 0 && status != UINT32_MAX, "STATUS %#x", status);
	want(plx_pci_io_write(dev, BAR_IO, IOADDR, 4, STATUS) == 0, "IOADDR");
	want(plx_pci_io_read(dev, BAR_IO, IODATA, 4, &by_port) == 0, "IODATA");
	want(by_port == status, "%#x by ports, %#x by memory", by_port, status);
	set(RA5, 0x12345678);
	plx_pci_io_write(dev, BAR_IO, IOADDR, 4, RA5);
	plx_pci_io_read(dev, BAR_IO, IODATA, 4, &value);
	want(value == 0x12345678, "%#x", value);
	plx_pci_io_write(dev, BAR_IO, IODATA, 4, 0x9abcdef0);
	want(reg(RA5) == 0x9abcdef0, "%#x", reg(RA5));
	want(plx_pci_io_read(dev, BAR_IO, 32, 4, &value) == -EINVAL, "beyond the BAR");
	want(plx_pci_io_read(dev, 0, 0, 4, &value) == -EOPNOTSUPP, "no ports");
	return 0;
}

static int reset(void)
{
	uint16_t command;

	set(RA5, 0x55aa55aa);
	want(plx_pci_bus_master(dev, true) == 0, "bus master");
	plx_pci_cfg_read16(dev, PCI_COMMAND, &command);
	want(command & PCI_COMMAND_MASTER, "command %#x", command);
	want(plx_pci_reset(dev) == 0, "reset");
	plx_pci_cfg_read16(dev, PCI_COMMAND, &command);
	want(!(command & PCI_COMMAND_MASTER), "command %#x", command);
	want(command & PCI_COMMAND_MEMORY, "command %#x", command);
	want(reg(RA5) == 0, "%#x survived the reset", reg(RA5));
	want(reg(STATUS) != 0 && reg(STATUS) != UINT32_MAX, "STATUS %#x", reg(STATUS));
	return 0;
}

static unsigned nb_handled; /* atomic */

static bool on_vector(void *arg)
{
	(void)arg;
	plx_fetch_add_acq_rel(&nb_handled, 1);
	return true;
}

static bool wait_handled(unsigned nb)
{
	for (int i = 0; i < 2000 && plx_load_acquire(&nb_handled) < nb; i++)
		usleep(1000);
	return plx_load_acquire(&nb_handled) >= nb;
}

static int msix(void)
{
	struct plx_intr_stats stats;
	int got;

	want(plx_intr_vectors(dev, PLX_INTR_MSIX) == 10, "%u vectors",
	     plx_intr_vectors(dev, PLX_INTR_MSIX));
	want(plx_intr_enable(dev, PLX_INTR_MSIX, 11) == -EINVAL, "more than there are");
	want(plx_intr_enable(dev, PLX_INTR_MSIX, 3) == 0, "enable");
	want(plx_intr_enable(dev, PLX_INTR_MSI, 1) == -EBUSY, "twice");
	plx_pci_bus_master(dev, true);
	set(GPIE, GPIE_MSIX);
	set(EIAC, 7);
	set(EIMS, 7);
	want(plx_intr_wait(dev, 1, 0) == 0, "before its cause");
	set(EICS, 1 << 1);
	got = plx_intr_wait(dev, 1, SECOND_NS);
	want(got == 1, "%d", got);
	want(plx_intr_wait(dev, 0, 0) == 0 && plx_intr_wait(dev, 2, 0) == 0, "other vectors");

	want(plx_intr_handler_set(dev, 2, on_vector, NULL) == 0, "handler");
	want(plx_intr_handler_set(dev, 2, on_vector, NULL) == -EEXIST, "twice");
	want(plx_intr_wait(dev, 2, 0) == -EINVAL, "it has a handler");
	set(EICS, 1 << 2);
	want(wait_handled(1), "the handler was not called");
	want(plx_intr_trigger(dev, 2) == 0, "trigger");
	want(wait_handled(2), "the handler was not called");
	plx_intr_stats(dev, 2, &stats);
	want(stats.interrupts == 2 && stats.spurious == 0, "%" PRIu64 ", %" PRIu64 " spurious",
	     stats.interrupts, stats.spurious);
	plx_intr_disable(dev);
	want(plx_intr_fd(dev, 1) == -EINVAL, "after disable");
	set(EIMC, UINT32_MAX);
	return 0;
}

/* LSC by ICS, taken away by the read of ICR. */
static int one_shot(enum plx_intr_kind kind)
{
	struct plx_intr_stats stats;
	int got;

	set(GPIE, 0);
	set(IMC, UINT32_MAX);
	reg(ICR);
	want(plx_intr_enable(dev, kind, 1) == 0, "enable");
	plx_pci_bus_master(dev, true);
	set(IMS, ICR_LSC);
	for (int i = 0; i < 3; i++) {
		want(plx_intr_wait(dev, 0, SECOND_NS / 20) == 0, "round %d: without a cause", i);
		set(ICS, ICR_LSC);
		got = plx_intr_wait(dev, 0, SECOND_NS);
		want(got == 1, "round %d: %d", i, got);
		want(reg(ICR) & ICR_LSC, "round %d: no cause", i);
		want(plx_intr_rearm(dev) == 0, "rearm");
	}
	/* A level that stays: it comes again with the rearm, and is not ours the second time. */
	if (kind == PLX_INTR_INTX) {
		set(ICS, ICR_LSC);
		want(plx_intr_wait(dev, 0, SECOND_NS) == 1, "level");
		plx_intr_rearm(dev);
		want(plx_intr_wait(dev, 0, SECOND_NS) == 1, "level, again");
		plx_intr_spurious(dev, 0);
		reg(ICR);
		plx_intr_rearm(dev);
		want(plx_intr_wait(dev, 0, SECOND_NS / 20) == 0, "after the cause is gone");
		plx_intr_stats(dev, 0, &stats);
		want(stats.interrupts == 5 && stats.spurious == 1,
		     "%" PRIu64 ", %" PRIu64 " spurious", stats.interrupts, stats.spurious);
	}
	set(IMC, UINT32_MAX);
	plx_intr_disable(dev);
	return 0;
}

static int msi(void)
{
	return one_shot(PLX_INTR_MSI);
}

static int intx(void)
{
	return one_shot(PLX_INTR_INTX);
}

/* Memory decoding off: as a device that was pulled out. */
static int sigbus(void)
{
	struct plx_pci_bar again;
	uint16_t command;

	want(plx_sigbus_guard_on() == 0, "guard");
	plx_pci_cfg_read16(dev, PCI_COMMAND, &command);
	plx_pci_cfg_write16(dev, PCI_COMMAND, command & (uint16_t)~PCI_COMMAND_MEMORY);
	want(reg(STATUS) == UINT32_MAX, "%#x", reg(STATUS));
	want(!plx_pci_is_gone(dev), "its id can be read");
	plx_pci_cfg_write16(dev, PCI_COMMAND, command);
	want(reg(STATUS) == UINT32_MAX, "all ones stay until it is mapped again");
	want(plx_pci_bar_map(dev, 0, &again) == 0 && again.addr == bar, "again");
	want(reg(STATUS) != UINT32_MAX && reg(STATUS) != 0, "%#x", reg(STATUS));
	plx_sigbus_guard_off();
	return 0;
}

/* Any memory: mapped where it is, below a mask, twice; and refused for UIO. */
static int dma(void)
{
	static char page[3 * 4096] PLX_ALIGNED(4096);
	struct iovec list[] = {{page + 100, 50}, {page + 200, 5000}, {page, 0}};
	struct plx_dma_map map, maps[4];
	void *own = plx_mem_alloc(4096, 4096, PLX_NODE_ANY);

	want(plx_dma_map(dev, own, 4096, PLX_DMA_BOTH, &map) == 0, "EAL memory");
	want(map.iova == plx_mem_virt2iova(own) && map.base_bytes == 0, "%#" PRIx64, map.iova);
	plx_dma_unmap(dev, &map);
	plx_mem_free(own);
	if (plx_pci_backend(dev) == PLX_PCI_UIO) {
		want(plx_dma_map(dev, page, 4096, PLX_DMA_BOTH, &map) == -EFAULT, "static memory");
		return 0;
	}
	want(plx_dma_map(dev, page + 16, 4096, PLX_DMA_TO_DEVICE, &map) == 0, "static memory");
	want((map.iova & 4095) == 16 && map.base_bytes == 8192, "%#" PRIx64, map.iova);
	want(plx_dma_map_sg(dev, list, 3, PLX_DMA_FROM_DEVICE, maps, 4) == 2, "list");
	want(maps[0].iova != maps[1].iova, "one page, two maps");
	plx_dma_unmap_sg(dev, maps, 2);
	want(plx_dma_map_sg(dev, list, 3, PLX_DMA_BOTH, maps, 1) == -E2BIG, "too small");
	plx_dma_unmap(dev, &map);
	want(plx_dma_mask_set(dev, (1 << 28) - 1) == 0, "mask");
	want(plx_dma_map(dev, page, 4096, PLX_DMA_BOTH, &map) == 0, "below the mask");
	want(map.iova < 1 << 28, "%#" PRIx64, map.iova);
	plx_dma_unmap(dev, &map);
	want(plx_dma_alloc(dev, 10000, 0, &map) == 0, "alloc");
	want(map.iova + 10000 <= 1 << 28, "%#" PRIx64, map.iova);
	plx_dma_free(dev, &map);
	plx_dma_mask_set(dev, UINT64_MAX);
	return 0;
}

/* Descriptors that belong to a device: its own, its group's, its configuration space. */
static unsigned nb_of_devices(void)
{
	unsigned nb = 0;

	for (int fd = 3; fd < 1024; fd++) {
		char path[32], target[128];
		ssize_t len;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		len = readlink(path, target, sizeof(target) - 1);
		if (len <= 0)
			continue;
		target[len] = '\0';
		nb += strstr(target, "vfio") || strstr(target, "/dev/uio") ||
		      strncmp(target, "/sys/", 5) == 0;
	}
	return nb;
}

/* Returns 0 as an exit status. */
static int forked_child(int vector_fd, int done_fd, int end_fd)
{
	FILE *log = tmpfile();
	char line[300] = "";
	int saved = dup(STDERR_FILENO);

	want(log && saved >= 0 && dup2(fileno(log), STDERR_FILENO) >= 0, "a file for the log");
	plx_pci_close(dev);
	dup2(saved, STDERR_FILENO);
	rewind(log);
	want(fgets(line, sizeof(line), log) && strstr(line, "it is the parent's"), "it says '%s'",
	     line);
	want(!fgets(line, sizeof(line), log), "a second line: %s", line);
	want(nb_of_devices() > 0, "nothing is inherited");
	want(fcntl(vector_fd, F_GETFD) >= 0, "no vector is inherited");
	plx_pci_forked();
	want(nb_of_devices() == 0, "%u are left", nb_of_devices());
	want(fcntl(vector_fd, F_GETFD) < 0, "the vector's is left");
	plx_fini();
	want(write(done_fd, "", 1) == 1, "no parent");
	/* Alive while the parent opens it again. */
	want(read(end_fd, line, 1) == 1, "no parent");
	return 0;
}

/* A child gives up what it inherited; the device stays the parent's, who can close it and open it
 * again while the child lives. */
static int forked(void)
{
	const bool is_vfio = plx_pci_backend(dev) == PLX_PCI_VFIO;
	struct plx_pci_addr addr = plx_pci_info(dev)->addr;
	struct plx_pci_bar again;
	int done[2], end[2], vector_fd, status = -1;
	char byte;
	pid_t pid;

	want(pipe(done) == 0 && pipe(end) == 0, "pipes");
	want(plx_intr_enable(dev, is_vfio ? PLX_INTR_MSIX : PLX_INTR_INTX, 1) == 0, "vector");
	vector_fd = plx_intr_fd(dev, 0);
	want(vector_fd >= 0, "%d", vector_fd);
	pid = fork();
	if (pid == 0)
		_exit(forked_child(vector_fd, done[1], end[0]) + fflush(stdout));
	close(done[1]);
	close(end[0]);
	want(read(done[0], &byte, 1) == 1, "the child has failed");
	want(reg(STATUS) != 0 && reg(STATUS) != UINT32_MAX, "%#x", reg(STATUS));
	plx_pci_close(dev);
	want(plx_pci_open(&addr, open_flags, &dev) == 0, "open, while the child lives");
	want(plx_pci_bar_map(dev, 0, &again) == 0, "map");
	bar = again.addr;
	want(reg(STATUS) != 0 && reg(STATUS) != UINT32_MAX, "%#x", reg(STATUS));
	want(write(end[1], "", 1) == 1, "the child has died");
	want(waitpid(pid, &status, 0) == pid && status == 0, "%#x", status);
	close(done[0]);
	close(end[1]);
	return 0;
}

static unsigned events[3], changes[4]; /* atomic */

static void on_event(struct plx_pci_dev *of, enum plx_pci_event event, void *arg)
{
	(void)of;
	(void)arg;
	plx_fetch_add_acq_rel(&events[event], 1);
}

static void on_change(const struct plx_pci_addr *addr, enum plx_pci_change change, void *arg)
{
	if (plx_pci_addr_compare(addr, arg) == 0)
		plx_fetch_add_acq_rel(&changes[change], 1);
}

static bool wait_for(unsigned *count)
{
	for (int i = 0; i < 10000 && plx_load_acquire(count) == 0; i++)
		usleep(1000);
	return plx_load_acquire(count) > 0;
}

static int write_sys(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	int ret;

	if (!file)
		return -errno;
	ret = fputs(text, file) >= 0 ? 0 : -EIO;
	return fclose(file) == 0 ? ret : -errno;
}

/* Taken out by sysfs, as a hot unplug does; closed on request; found again by a rescan. The last
 * check: the device is another one then. */
static int unplug(void)
{
	struct plx_pci_addr addr = plx_pci_info(dev)->addr;
	struct plx_pci_watch watch = {.fn = on_change, .arg = &addr};
	struct plx_pci_info found;
	char command[100];
	pid_t pid;

	snprintf(command, sizeof(command), "echo 1 >/sys/bus/pci/devices/%s/remove",
		 plx_pci_info(dev)->name);
	want(plx_pci_event_set(dev, on_event, NULL) == 0, "events");
	want(plx_pci_watch_add(&watch) == 0, "watch");
	want(plx_pci_watch_add(&watch) == -EEXIST, "twice");
	pid = fork();
	if (pid == 0) {
		/* Without our descriptors: with VFIO it waits until they are closed. */
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	if (plx_pci_backend(dev) == PLX_PCI_VFIO) {
		want(wait_for(&events[PLX_PCI_EVENT_REQUEST]), "no request");
	} else {
		want(wait_for(&events[PLX_PCI_EVENT_REMOVED]), "no removal");
		want(plx_pci_is_gone(dev), "it is gone");
	}
	plx_pci_close(dev);
	dev = NULL;
	waitpid(pid, NULL, 0);
	want(wait_for(&changes[PLX_PCI_CHANGE_REMOVED]), "no uevent");
	want(plx_pci_find(&addr, &found) == -ENODEV, "it is there");
	want(write_sys("/sys/bus/pci/rescan", "1") == 0, "rescan");
	want(wait_for(&changes[PLX_PCI_CHANGE_ADDED]), "no uevent");
	want(plx_pci_find(&addr, &found) == 0, "it is not there");
	want(plx_pci_watch_del(&watch) == 0, "watch");
	want(plx_pci_watch_del(&watch) == -ENOENT, "watch, again");
	return 0;
}

/* Sleeps until it is killed, with everything on. */
static int hold(void)
{
	set(RA5, 0xdead);
	plx_pci_bus_master(dev, true);
	printf("holding\n");
	fflush(stdout);
	pause();
	return 0;
}

static const struct {
	const char *name;
	int (*run)(void);
} checks[] = {{"info", info}, {"caps", caps},	  {"registers", registers}, {"reset", reset},
	      {"msix", msix}, {"msi", msi},	  {"intx", intx},	    {"sigbus", sigbus},
	      {"dma", dma},   {"forked", forked}, {"unplug", unplug},	    {"hold", hold}};

static int run(const char *name)
{
	for (size_t i = 0; i < PLX_ARRAY_SIZE(checks); i++) {
		if (strcmp(checks[i].name, name) == 0) {
			int ret = checks[i].run();

			if (ret == 0)
				printf("ok %s\n", name);
			return ret;
		}
	}
	printf("no check '%s'\n", name);
	return 1;
}

int main(int argc, char **argv)
{
	struct plx_eal_conf conf;
	struct plx_pci_addr addr;
	struct plx_pci_bar mapped = {0};
	int first = lab_start_eal(&conf, argc, argv, &addr), bad = 0;

	if (first < 0)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	open_flags = conf.allow_unsafe_dma ? PLX_PCI_UNSAFE_DMA : 0;
	if (plx_pci_open(&addr, open_flags, &dev)) {
		bad = 3;
		goto fini;
	}
	if (plx_pci_bar_map(dev, 0, &mapped)) {
		bad = 4;
		goto fini;
	}
	bar = mapped.addr;
	for (int i = first + 1; i < argc && bad == 0; i++)
		bad = run(argv[i]);

fini:
	plx_pci_close(dev);
	plx_eal_fini();
	plx_eal_conf_fini(&conf);
	return bad;
}
