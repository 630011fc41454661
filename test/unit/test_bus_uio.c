/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The UIO back end on made-up files: `config`, `resource0` and `resource2` are ordinary ones, a
 * pipe with a name is /dev/uio0.
 */
#include "bus_tree.h"
#include "log_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <pollux/mmio.h>
#include <pollux/sigbus.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define NAME "0000:01:00.0"

enum { CFG_BYTES = 256, BAR_BYTES = 128 << 10 };

static const struct plx_pci_addr addr = {.bus = 1};
static struct plx_pci_dev *dev;
static int pipe_fd;

static const char *path_of(const char *file)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/%s", tree, NAME, file);
	return path;
}

static void make_file(const char *file, size_t bytes)
{
	int fd = open(path_of(file), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	cr_assert_geq(fd, 0, "%s", path_of(file));
	cr_assert_eq(ftruncate(fd, (off_t)bytes), 0);
	close(fd);
}

static void poke(const char *file, unsigned offset, const void *buf, size_t len)
{
	int fd = open(path_of(file), O_RDWR | O_CLOEXEC);

	cr_assert_eq(pwrite(fd, buf, len, (off_t)offset), (ssize_t)len);
	close(fd);
}

static unsigned peek16(const char *file, unsigned offset)
{
	int fd = open(path_of(file), O_RDONLY | O_CLOEXEC);
	uint16_t value = 0;

	cr_assert_eq(pread(fd, &value, sizeof(value), (off_t)offset), sizeof(value));
	close(fd);
	return value;
}

static void make_device(void)
{
	static const uint16_t master = PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY;
	char path[256];

	plant_bus();
	grow_function(NAME, "uio_pci_generic");
	grow_pci(NAME, "uio/uio0/name", "x");
	grow_pci(NAME, "irq", "11\n");
	grow_pci(NAME, "reset", "");
	grow("sys/class/uio/uio0/name", "uio_pci_generic\n");
	make_file("config", CFG_BYTES);
	make_file("resource0", BAR_BYTES);
	make_file("resource2", 32);
	poke("config", PCI_VENDOR_ID, "\x86\x80\xc9\x10", 4);
	poke("config", PCI_COMMAND, &master, sizeof(master));
	poke("config", PCI_INTERRUPT_PIN, "\1", 1);
	grow("dev/x", "");
	snprintf(path, sizeof(path), "%s/dev/uio0", tree);
	cr_assert_eq(mkfifo(path, 0600), 0);
	pipe_fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	cr_assert_geq(pipe_fd, 0);
	log_lines_start();
}

static void open_device(void)
{
	cr_assert_eq(plx_pci_open(&addr, PLX_PCI_UNSAFE_DMA, &dev), 0, "%s", log_lines_text(0));
}

static void fell_device(void)
{
	plx_pci_close(dev);
	close(pipe_fd);
	fell_tree();
}

TestSuite(bus_uio, .init = make_device, .fini = fell_device);

Test(bus_uio, only_where_it_is_asked_for)
{
	cr_expect_eq(plx_pci_open(&addr, 0, &dev), -EPERM);
	cr_expect_eq(log_lines.nb, 1, "%u", log_lines.nb);
	cr_expect_eq(log_lines_with("--allow-unsafe-dma"), 1, "%s", log_lines_text(0));
	cr_expect(peek16("config", PCI_COMMAND) & PCI_COMMAND_MASTER, "it was touched");
	open_device();
	cr_expect_eq(log_lines.nb, 2, "%u", log_lines.nb);
	cr_expect_eq(log_lines_with(NAME ": no IOMMU confines it (uio_pci_generic)"), 1, "%s",
		     log_lines_text(1));
	cr_expect_eq(plx_pci_backend(dev), PLX_PCI_UIO);
	cr_expect_eq(plx_pci_iova_mode(plx_pci_info(dev)), PLX_IOVA_PA);
	cr_expect_not(peek16("config", PCI_COMMAND) & PCI_COMMAND_MASTER, "left running");
}

Test(bus_uio, registers_and_ports)
{
	struct plx_pci_bar bar;
	uint32_t value;
	uint16_t word;

	open_device();
	poke("resource0", 8, "\x44\x33\x22\x11", 4);
	cr_assert_eq(plx_pci_bar_map(dev, 0, &bar), 0, "%s", log_lines_text(1));
	cr_expect_eq(bar.len_bytes, BAR_BYTES);
	cr_expect_eq(plx_mmio_read32((char *)bar.addr + 8), 0x11223344);
	plx_mmio_write32((char *)bar.addr + 12, 0x55667788);
	cr_expect_eq(peek16("resource0", 12), 0x7788);
	poke("resource2", 4, "\1\2\3\4", 4);
	cr_expect_eq(plx_pci_io_read(dev, 2, 4, 4, &value), 0);
	cr_expect_eq(value, 0x04030201);
	cr_expect_eq(plx_pci_io_write(dev, 2, 6, 2, 0xabcd), 0);
	cr_expect_eq(peek16("resource2", 6), 0xabcd);
	cr_expect_eq(plx_pci_cfg_read16(dev, PCI_VENDOR_ID, &word), 0);
	cr_expect_eq(word, 0x8086);
	cr_expect_eq(plx_pci_cfg_read16(dev, 0x100, &word), -EIO, "beyond its end");
	cr_expect_eq(word, 0xffff);
	cr_expect_eq(plx_pci_bus_master(dev, true), 0);
	cr_expect(peek16("config", PCI_COMMAND) & PCI_COMMAND_MASTER);
	cr_expect_eq(plx_pci_reset(dev), 0);
	cr_expect_eq(peek16("config", PCI_COMMAND) & PCI_COMMAND_MASTER, 0);
	make_file("reset", 2);
	cr_expect_eq(peek16("reset", 0), '1', "%#x", peek16("reset", 0));
	unlink(path_of("reset"));
	cr_expect_eq(plx_pci_reset(dev), -EOPNOTSUPP);
	/* As vfio-pci has it: the ids are there, whatever became of the card. */
	poke("config", PCI_CLASS_REVISION, "\xff\xff\xff\xff", 4);
	cr_expect(plx_pci_is_gone(dev));
	poke("config", PCI_CLASS_REVISION, "\1\0\0\2", 4);
	cr_expect_not(plx_pci_is_gone(dev));
}

Test(bus_uio, a_card_that_does_not_answer)
{
	char ones[CFG_BYTES];

	memset(ones, 0xff, sizeof(ones));
	poke("config", 0, ones, sizeof(ones));
	cr_expect_eq(plx_pci_open(&addr, PLX_PCI_UNSAFE_DMA, &dev), -ENODEV);
	cr_expect_eq(log_lines_with(NAME ": it does not answer"), 1, "%s", log_lines_text(0));
	poke("config", PCI_CLASS_REVISION, "\1\0\0\2", 4);
}

Test(bus_uio, a_bar_that_can_not_be_mapped)
{
	struct plx_pci_bar bar;

	open_device();
	unlink(path_of("resource0"));
	cr_expect_eq(plx_pci_bar_map(dev, 0, &bar), -ENOENT);
	cr_expect_eq(log_lines_with("BAR 0: resource0 can't be mapped"), 1);
}

/* A file that is cut short does what a device does that is pulled out. */
Test(bus_uio, a_device_that_is_pulled_out)
{
	struct plx_pci_bar bar, again;

	open_device();
	poke("resource0", 8, "\x44\x33\x22\x11", 4);
	cr_assert_eq(plx_pci_bar_map(dev, 0, &bar), 0);
	cr_assert_eq(plx_sigbus_guard_on(), 0);
	cr_assert_eq(truncate(path_of("resource0"), 0), 0);
	cr_expect_eq(plx_mmio_read32((char *)bar.addr + 8), UINT32_MAX);
	plx_mmio_write32((char *)bar.addr + 8, 0x1234);
	cr_expect_eq(plx_mmio_read32((char *)bar.addr + 8), 0x1234, "until it is written");
	cr_expect_eq(plx_mmio_read32((char *)bar.addr + 4), UINT32_MAX);
	cr_expect_eq(plx_mmio_read32((char *)bar.addr + BAR_BYTES - 4), UINT32_MAX);
	poke("config", PCI_CLASS_REVISION, "\xff\xff\xff\xff", 4);
	cr_expect_eq(plx_pci_bar_map(dev, 0, &again), 0);
	cr_expect_eq(plx_mmio_read32((char *)bar.addr + 12), UINT32_MAX, "still away");
	cr_expect_eq(plx_pci_reset(dev), -ENODEV);

	poke("config", PCI_CLASS_REVISION, "\1\0\0\2", 4);
	make_file("resource0", BAR_BYTES);
	poke("resource0", 8, "\1\0\0\0", 4);
	cr_expect_eq(plx_pci_reset(dev), 0);
	cr_expect_eq(plx_mmio_read32((char *)bar.addr + 8), 1, "it is back");
	cr_assert_eq(truncate(path_of("resource0"), 0), 0);
	cr_expect_eq(plx_mmio_read32((char *)bar.addr + 8), UINT32_MAX, "a second time");
	plx_pci_close(dev);
	plx_sigbus_guard_off();
	dev = NULL;
}

static struct plx_pci_bar shared;
static pthread_barrier_t all_there;

/* Pages of its own: the first access to each is a loss. Returns how often it was not all ones. */
static void *read_lost(void *arg)
{
	size_t first = (uintptr_t)arg * 4096;
	uintptr_t nb_wrong = 0;

	pthread_barrier_wait(&all_there);
	for (size_t at = first; at < BAR_BYTES; at += 4096)
		for (unsigned i = 0; i < 50; i++)
			nb_wrong += plx_mmio_read32((char *)shared.addr + at) != UINT32_MAX;
	return (void *)nb_wrong;
}

/* Threads that meet the loss at once: none sees anything but ones. */
Test(bus_uio, threads_at_a_device_that_is_pulled_out)
{
	pthread_t threads[3];
	uintptr_t nb_wrong = 0;

	cr_assert_eq(plx_sigbus_guard_on(), 0);
	pthread_barrier_init(&all_there, NULL, PLX_ARRAY_SIZE(threads));
	for (int round = 0; round < 60; round++) {
		open_device();
		cr_assert_eq(plx_pci_bar_map(dev, 0, &shared), 0);
		cr_assert_eq(truncate(path_of("resource0"), 0), 0);
		for (uintptr_t i = 0; i < PLX_ARRAY_SIZE(threads); i++)
			cr_assert_eq(pthread_create(&threads[i], NULL, read_lost, (void *)i), 0);
		for (size_t i = 0; i < PLX_ARRAY_SIZE(threads); i++) {
			void *wrong;

			pthread_join(threads[i], &wrong);
			nb_wrong += (uintptr_t)wrong;
		}
		plx_pci_close(dev);
		dev = NULL;
		make_file("resource0", BAR_BYTES);
	}
	cr_expect_eq(nb_wrong, 0, "%ju", (uintmax_t)nb_wrong);
	plx_sigbus_guard_off();
}

/* Memory of all of a large BAR is not taken for a page of it that is read. */
Test(bus_uio, a_page_is_replaced_not_the_bar)
{
	struct plx_pci_bar bar;
	uint8_t here[BAR_BYTES / 4096];
	unsigned nb = 0;

	open_device();
	cr_assert_eq(plx_pci_bar_map(dev, 0, &bar), 0);
	cr_assert_eq(plx_sigbus_guard_on(), 0);
	cr_assert_eq(truncate(path_of("resource0"), 0), 0);
	cr_expect_eq(plx_mmio_read32((char *)bar.addr + 8192), UINT32_MAX);
	cr_assert_eq(mincore(bar.addr, BAR_BYTES, here), 0);
	for (size_t i = 0; i < sizeof(here); i++)
		nb += here[i] & 1;
	cr_expect_eq(nb, 1, "%u pages", nb);
	plx_sigbus_guard_off();
}

Test(bus_uio, interrupts)
{
	static const uint32_t counts[] = {7, 8};
	struct plx_intr_stats stats;

	open_device();
	cr_expect_eq(plx_intr_vectors(dev, PLX_INTR_MSIX), 0);
	cr_expect_eq(plx_intr_vectors(dev, PLX_INTR_INTX), 1);
	cr_expect_eq(plx_intr_enable(dev, PLX_INTR_MSI, 1), -EOPNOTSUPP);
	cr_assert_eq(write(pipe_fd, counts, 4), 4, "one from before");
	cr_assert_eq(plx_intr_enable(dev, PLX_INTR_INTX, 1), 0, "%s", log_lines_text(1));
	cr_expect_eq(plx_intr_count_bytes(dev), 4);
	cr_expect_eq(plx_intr_wait(dev, 0, 0), 0, "what was before it was enabled");
	poke("config", PCI_COMMAND + 1, "\4", 1); /* the kernel's handler masks */
	cr_assert_eq(write(pipe_fd, counts + 1, 4), 4);
	cr_expect_eq(plx_intr_wait(dev, 0, 1000000000), 1);
	cr_expect(peek16("config", PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE);
	cr_expect_eq(plx_intr_rearm(dev), 0);
	cr_expect_not(peek16("config", PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE);
	cr_expect_eq(plx_intr_trigger(dev, 0), -EOPNOTSUPP);
	plx_intr_stats(dev, 0, &stats);
	cr_expect_eq(stats.interrupts, 1);
	plx_intr_disable(dev);
	cr_expect(peek16("config", PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE);
	grow_pci(NAME, "irq", "0\n");
	cr_expect_eq(plx_intr_vectors(dev, PLX_INTR_INTX), 0, "no line of the machine");
}

Test(bus_uio, one_process_at_a_time)
{
	struct plx_pci_dev *second = NULL;
	int status = -1;
	pid_t pid;

	open_device();
	cr_expect_eq(plx_pci_open(&addr, PLX_PCI_UNSAFE_DMA, &second), -EBUSY);
	pid = fork();
	if (pid == 0) {
		plx_pci_forked();
		_exit(plx_pci_open(&addr, PLX_PCI_UNSAFE_DMA, &second) == -EBUSY ? 0 : 1);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0, "%#x", status);
}

/* Its lock goes with the last descriptor, be it a child's. */
Test(bus_uio, a_child_keeps_nothing)
{
	unsigned fds = nb_own_fds();
	struct plx_pci_bar bar;
	uint32_t value;
	int ends[2], status = -1;
	pid_t pid;
	char c;

	open_device();
	cr_assert_eq(plx_pci_bar_map(dev, 0, &bar), 0);
	cr_assert_eq(plx_pci_io_read(dev, 2, 0, 4, &value), 0);
	cr_assert_eq(plx_intr_enable(dev, PLX_INTR_INTX, 1), 0);
	cr_assert_gt(nb_own_fds(), fds);
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		log_lines_start();
		plx_pci_close(dev);
		if (log_lines_with("plx_pci_forked() closes") != 1)
			_exit(2);
		plx_pci_forked();
		if (nb_own_fds() != fds + 2)
			_exit(3);
		c = 0;
		_exit(write(ends[1], &c, 1) == 1 && sleep(30) == 0 ? 4 : 5);
	}
	close(ends[1]);
	if (read(ends[0], &c, 1) == 1) {
		plx_pci_close(dev);
		dev = NULL;
		cr_expect_eq(plx_pci_open(&addr, PLX_PCI_UNSAFE_DMA, &dev), 0,
			     "while the child lives: %s", log_lines_text(0));
		kill(pid, SIGKILL);
		cr_assert_eq(waitpid(pid, &status, 0), pid);
	} else {
		waitpid(pid, &status, 0);
		cr_assert_fail("the child: %#x", status);
	}
	close(ends[0]);
}

Test(bus_uio, memory_of_others_is_refused)
{
	struct plx_dma_map map = {.base_bytes = 1};
	char here[16];

	open_device();
	cr_expect_eq(plx_dma_map(dev, here, sizeof(here), PLX_DMA_BOTH, &map), -EFAULT);
	cr_expect_eq(map.base_bytes, 0);
	cr_expect_eq(log_lines_with("can't be used without an IOMMU"), 1);
	cr_expect_eq(plx_dma_ranges(dev, NULL, 0), 0);
}

/* Its owner has not opened /dev/uio0 yet, or is in another pid namespace: its lock tells. */
Test(bus_uio, cards_that_run)
{
	static char prog[] = "prog", lcores[] = "--lcores=0@0", no_huge[] = "--no-huge", b[] = "-b",
		    name[] = NAME;
	char *args[] = {prog, lcores, no_huge, b, name, NULL};
	int fd = open(path_of("config"), O_RDWR | O_CLOEXEC);
	struct plx_eal_conf conf;

	cr_assert_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	cr_expect(plx_pci_quiet_stale());
	cr_expect(peek16("config", PCI_COMMAND) & PCI_COMMAND_MASTER, "of another process");
	close(fd);
	open_device();
	plx_pci_bus_master(dev, true);
	log_lines_start();
	cr_expect(plx_pci_quiet_stale());
	cr_expect(peek16("config", PCI_COMMAND) & PCI_COMMAND_MASTER, "of this process");
	cr_expect_eq(log_lines.nb, 0, "%s", log_lines_text(0));
	plx_pci_close(dev);
	dev = NULL;

	poke("config", PCI_COMMAND, "\6", 1);
	plx_eal_conf_init(&conf);
	cr_assert_eq(plx_eal_parse(&conf, PLX_ARRAY_SIZE(args) - 1, args), 5);
	cr_assert_eq(plx_eal_init(&conf), 0, "%s", log_lines_text(0));
	plx_eal_conf_fini(&conf);
	cr_expect_not(plx_pci_quiet_stale());
	cr_expect(peek16("config", PCI_COMMAND) & PCI_COMMAND_MASTER, "blocked");
	cr_expect_eq(log_lines_with("leave it alone"), 1, "%s", log_lines_text(0));
	plx_eal_fini();
}

/* The kernel may mask INTx at any moment, in the other byte. */
Test(bus_uio, cards_that_were_left_running)
{
	poke("config", PCI_COMMAND + 1, "\4", 1);
	cr_expect(plx_pci_quiet_stale());
	cr_expect(peek16("config", PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE);
	cr_expect_not(peek16("config", PCI_COMMAND) & PCI_COMMAND_MASTER);
	cr_expect_eq(log_lines_with(NAME ": a process that ended left it running"), 1, "%s",
		     log_lines_text(0));
	plx_pci_quiet_stale();
	cr_expect_eq(log_lines.nb, 1, "it is quiet already");
}

Test(bus_uio, each_step_of_open_can_fail)
{
	static const char *const files[] = {"config", "uio"};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(files); i++) {
		char here[256], there[272];

		snprintf(here, sizeof(here), "%s", path_of(files[i]));
		snprintf(there, sizeof(there), "%s.away", here);
		cr_assert_eq(rename(here, there), 0, "%s", here);
		log_lines_start();
		cr_expect_neq(plx_pci_open(&addr, PLX_PCI_UNSAFE_DMA, &dev), 0, "without %s",
			      files[i]);
		cr_expect_eq(log_lines.nb, 1, "without %s: %u lines", files[i], log_lines.nb);
		cr_assert_eq(rename(there, here), 0, "%s", here);
	}
	open_device();
}
