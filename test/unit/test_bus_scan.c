/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which functions there are, by a made-up sysfs: addresses, ids, BARs, drivers, who uses them, and
 * files that lie or are missing.
 */
#include "bus_tree.h"
#include "log_lines.h"

#include <errno.h>
#include <fcntl.h>

TestSuite(bus_scan, .init = plant_bus, .fini = fell_tree);

Test(bus_scan, addresses)
{
	static const struct {
		const char *text, *name; /* NULL: refused */
		const char *rest;
	} cases[] = {
		{"0000:01:00.0", "0000:01:00.0", ""},
		{"01:00.0", "0000:01:00.0", ""},
		{"1:2.3", "0000:01:02.3", ""},
		{"abcd:EF:1f.7", "abcd:ef:1f.7", ""},
		{"10000:e1:00.0", "10000:e1:00.0", ""},
		{"ffffffff:ff:1f.7", "ffffffff:ff:1f.7", ""},
		{"0000:01:00.0,a=b", "0000:01:00.0", ",a=b"},
		{"01:00.01", "0000:01:00.0", "1"},
		{"", NULL, NULL},
		{"eth0", NULL, NULL},
		{"net_null0", NULL, NULL},
		{":01:00.0", NULL, NULL},
		{"0000:01:00", NULL, NULL},
		{"0000:01:00.", NULL, NULL},
		{"0000:01:20.0", NULL, NULL},
		{"0000:01:00.8", NULL, NULL},
		{"0000:100:00.0", NULL, NULL},
		{"100000000:01:00.0", NULL, NULL},
		{"0000:-1:00.0", NULL, NULL},
		{" 01:00.0", NULL, NULL},
	};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		struct plx_pci_addr addr = {.domain = 77};
		char name[PLX_PCI_NAME_MAX];
		const char *rest = NULL;
		int ret = plx_pci_addr_parse(cases[i].text, &addr, &rest);

		cr_expect_eq(ret, cases[i].name ? 0 : -EINVAL, "'%s': %d", cases[i].text, ret);
		if (!cases[i].name) {
			cr_expect_eq(addr.domain, 77, "'%s' was written", cases[i].text);
			continue;
		}
		cr_expect_str_eq(plx_pci_addr_format(&addr, name), cases[i].name, "%s", name);
		cr_expect_str_eq(rest, cases[i].rest, "'%s': '%s'", cases[i].text, rest);
		ret = plx_pci_addr_parse(cases[i].text, &addr, NULL);
		cr_expect_eq(ret == 0, *cases[i].rest == '\0', "'%s': %d", cases[i].text, ret);
	}
	cr_expect_eq(plx_pci_addr_parse(NULL, &(struct plx_pci_addr){0}, NULL), -EINVAL);
}

Test(bus_scan, ids)
{
	static const struct plx_pci_id table[] = {
		PLX_PCI_ID(0x8086, 0x1521),
		{0x8086, 0x10c9, 0x1234, PLX_PCI_ANY, 0},
		{PLX_PCI_ANY, PLX_PCI_ANY, PLX_PCI_ANY, PLX_PCI_ANY, 0x010802},
		{.vendor = 0},
	};
	static const struct {
		struct plx_pci_id id;
		int line; /* -1: none */
	} cases[] = {
		{{0x8086, 0x1521, 1, 2, 0x020000}, 0},
		{{0x8086, 0x10c9, 0x1234, 2, 0x020000}, 1},
		{{0x8086, 0x10c9, 0x1235, 2, 0x020000}, -1},
		{{0x144d, 0xa808, 3, 4, 0x010802}, 2},
		{{0x144d, 0xa808, 3, 4, 0x010801}, -1},
		{{0, 0x1521, 1, 2, 0x020000}, -1},
	};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		const struct plx_pci_id *found = plx_pci_id_match(table, &cases[i].id);

		cr_expect_eq(found, cases[i].line < 0 ? NULL : &table[cases[i].line], "case %zu",
			     i);
	}
	cr_expect_null(plx_pci_id_match(NULL, &cases[0].id));
}

static unsigned nb_seen;
static struct plx_pci_info seen[8];

static int see(const struct plx_pci_info *info, void *arg)
{
	(void)arg;
	cr_assert_lt(nb_seen, PLX_ARRAY_SIZE(seen));
	seen[nb_seen++] = *info;
	return 0;
}

static int stop_at_once(const struct plx_pci_info *info, void *arg)
{
	see(info, arg);
	return 42;
}

Test(bus_scan, a_function_in_full)
{
	struct plx_pci_info *info = seen;

	grow_function("0000:01:00.0", "vfio-pci");
	grow_pci("0000:01:00.0", "numa_node", "1\n");
	grow_link("0000:01:00.0", "iommu_group", "../../../kernel/iommu_groups/17");
	cr_assert_eq(plx_pci_walk(0, see, NULL), 0);
	cr_assert_eq(nb_seen, 1, "%u", nb_seen);
	cr_expect_str_eq(info->name, "0000:01:00.0");
	cr_expect_eq(info->id.vendor, 0x8086);
	cr_expect_eq(info->id.device, 0x10c9);
	cr_expect_eq(info->id.subsystem_vendor, 0x8086);
	cr_expect_eq(info->id.subsystem_device, 0xa03c);
	cr_expect_eq(info->id.class_code, 0x020000);
	cr_expect_eq(info->revision, 1);
	cr_expect_eq(info->node, 1, "%d", info->node);
	cr_expect_eq(info->iommu_group, 17, "%d", info->iommu_group);
	cr_expect_str_eq(info->driver, "vfio-pci");
	cr_expect_eq(info->backend, PLX_PCI_VFIO);
	cr_expect_eq(info->bars[0].kind, PLX_PCI_BAR_MEM);
	cr_expect_eq(info->bars[0].start, 0xfe800000);
	cr_expect_eq(info->bars[0].len_bytes, 128 << 10);
	cr_expect_not(info->bars[0].is_64bit);
	cr_expect_eq(info->bars[2].kind, PLX_PCI_BAR_IO);
	cr_expect_eq(info->bars[2].len_bytes, 32);
	cr_expect_eq(info->bars[3].kind, PLX_PCI_BAR_MEM);
	cr_expect(info->bars[3].is_64bit);
	cr_expect_eq(info->bars[4].kind, PLX_PCI_BAR_NONE);
	cr_expect_eq(info->bars[5].len_bytes, 0, "the ROM is no BAR");
}

Test(bus_scan, order_and_drivers)
{
	static const char *const names[] = {"0000:01:00.0", "0000:01:00.1", "0000:02:00.0",
					    "0001:00:00.0"};
	static const enum plx_pci_backend backends[] = {PLX_PCI_KERNEL, PLX_PCI_UNBOUND,
							PLX_PCI_UIO, PLX_PCI_VFIO};

	grow_function("0001:00:00.0", "mlx5_vfio_pci");
	grow_function("0000:02:00.0", "igb_uio");
	grow_pci("0000:02:00.0", "uio/uio3/name", "igb_uio\n");
	grow_function("0000:01:00.1", NULL);
	grow_function("0000:01:00.0", "igb");
	grow_pci("not-an-address", "vendor", "0x8086\n");
	cr_assert_eq(plx_pci_walk(0, see, NULL), 0);
	cr_assert_eq(nb_seen, 4, "%u", nb_seen);
	for (unsigned i = 0; i < 4; i++) {
		cr_expect_str_eq(seen[i].name, names[i], "%u: %s", i, seen[i].name);
		cr_expect_eq(seen[i].backend, backends[i], "%s: %d", names[i], seen[i].backend);
		cr_expect_eq(seen[i].iommu_group, -1);
		cr_expect_eq(seen[i].node, PLX_NODE_ANY);
	}
	nb_seen = 0;
	cr_assert_eq(plx_pci_walk(PLX_PCI_WALK_USABLE, see, NULL), 0);
	cr_assert_eq(nb_seen, 2, "%u", nb_seen);
	cr_expect_str_eq(seen[0].name, names[2]);
	nb_seen = 0;
	cr_assert_eq(plx_pci_walk(0, stop_at_once, NULL), 42);
	cr_assert_eq(nb_seen, 1);
}

Test(bus_scan, files_that_lie)
{
	static const char *const bad[] = {"",
					  "\n",
					  "-1\n",
					  "0x\n",
					  "nonsense\n",
					  "0x8086 and more\n",
					  "99999999999999999999999\n"};
	struct plx_pci_info info;

	for (size_t i = 0; i < PLX_ARRAY_SIZE(bad); i++) {
		grow_function("0000:01:00.0", NULL);
		grow_pci("0000:01:00.0", "numa_node", bad[i]);
		grow_pci("0000:01:00.0", "resource", bad[i]);
		grow_pci("0000:01:00.0", "class", bad[i]);
		nb_seen = 0;
		cr_assert_eq(plx_pci_walk(0, see, NULL), 0);
		cr_assert_eq(nb_seen, 1);
		cr_expect_eq(seen[0].node, PLX_NODE_ANY, "'%s': %d", bad[i], seen[0].node);
		for (unsigned bar = 0; bar < PLX_PCI_BARS; bar++)
			cr_expect_eq(seen[0].bars[bar].kind, PLX_PCI_BAR_NONE);
	}
	/* last before first, all ones, a line that ends early */
	grow_pci("0000:01:00.0", "resource",
		 "0x2000 0x1000 0x200\n0xffffffffffffffff 0xffffffffffffffff 0x200\n0x1 0x2\n");
	nb_seen = 0;
	plx_pci_walk(0, see, NULL);
	cr_expect_eq(seen[0].bars[0].kind, PLX_PCI_BAR_NONE);
	cr_expect_eq(seen[0].bars[1].len_bytes, 1);
	cr_expect_eq(seen[0].bars[2].kind, PLX_PCI_BAR_NONE);

	grow_pci("0000:01:00.0", "numa_node", "1000\n");
	grow_pci("0000:01:00.0", "vendor", "intel\n");
	nb_seen = 0;
	cr_expect_eq(plx_pci_walk(0, see, NULL), 0);
	cr_expect_eq(nb_seen, 0, "without a vendor it is none");
	cr_expect_eq(plx_pci_find(&(struct plx_pci_addr){.bus = 1}, &info), -ENODEV);
	cr_expect_eq(plx_pci_find(&(struct plx_pci_addr){.bus = 9}, &info), -ENODEV);
}

Test(bus_scan, no_pci_at_all)
{
	cr_assert_eq(plx_pci_walk(0, see, NULL), 0);
	cr_assert_eq(nb_seen, 0);
}

Test(bus_scan, in_use_by_the_kernel)
{
	struct plx_pci_info info;
	char by[32];

	grow_function("0000:01:00.0", "igb");
	grow_pci("0000:01:00.0", "net/eth7/address", "02:00:00:00:00:01\n");
	cr_assert_eq(plx_pci_find(&(struct plx_pci_addr){.bus = 1}, &info), 0);
	cr_expect_not(plx_pci_in_use(&info, by, sizeof(by)), "no flags: %s", by);
	grow("sys/class/net/eth7/flags", "0x1002\n");
	cr_expect_not(plx_pci_in_use(&info, by, sizeof(by)), "down: %s", by);
	grow("sys/class/net/eth7/flags", "0x1003\n");
	cr_expect(plx_pci_in_use(&info, by, sizeof(by)));
	cr_expect_str_eq(by, "eth7 is up", "%s", by);
	cr_expect(plx_pci_in_use(&info, NULL, 0));
}

/* A character device that stands in for /dev/uio0 and is open in this process. */
Test(bus_scan, in_use_by_a_process)
{
	struct plx_pci_info info;
	char path[256], self[32], by[32];
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	grow_function("0000:01:00.0", "uio_pci_generic");
	grow_pci("0000:01:00.0", "uio/uio0/name", "x");
	grow("sys/class/uio/uio0/name", "uio_pci_generic\n");
	grow("dev/x", "");
	snprintf(path, sizeof(path), "%s/dev/uio0", tree);
	cr_assert_eq(symlink("/dev/zero", path), 0);
	cr_assert_eq(plx_pci_find(&(struct plx_pci_addr){.bus = 1}, &info), 0);
	cr_assert_eq(info.backend, PLX_PCI_UIO);
	cr_expect_not(plx_pci_in_use(&info, by, sizeof(by)), "no process: %s", by);
	snprintf(self, sizeof(self), "/proc/%d", (int)getpid());
	snprintf(path, sizeof(path), "%s/proc", tree);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s%s", tree, self);
	cr_assert_eq(symlink(self, path), 0);
	cr_expect(plx_pci_in_use(&info, by, sizeof(by)));
	cr_expect_eq(strncmp(by, "process ", 8), 0, "%s", by);
	close(fd);
	cr_expect_not(plx_pci_in_use(&info, by, sizeof(by)), "%s", by);
}

/* VFIO's groups: who has them open is told, without opening them. */
Test(bus_scan, in_use_by_vfio)
{
	static const char *const files[] = {"dev/vfio/5", "dev/vfio/noiommu-5"};
	struct plx_pci_info info;
	char path[256], self[32], by[32];

	grow_function("0000:01:00.0", "vfio-pci");
	grow_link("0000:01:00.0", "iommu_group", "../../../kernel/iommu_groups/5");
	cr_assert_eq(plx_pci_find(&(struct plx_pci_addr){.bus = 1}, &info), 0);
	snprintf(self, sizeof(self), "/proc/%d", (int)getpid());
	snprintf(path, sizeof(path), "%s/proc", tree);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s%s", tree, self);
	cr_assert_eq(symlink(self, path), 0);
	grow("dev/vfio/x", "");
	for (size_t i = 0; i < PLX_ARRAY_SIZE(files); i++) {
		int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

		snprintf(path, sizeof(path), "%s/%s", tree, files[i]);
		cr_assert_eq(symlink("/dev/zero", path), 0);
		cr_expect(plx_pci_in_use(&info, by, sizeof(by)), "%s", files[i]);
		close(fd);
		cr_expect_not(plx_pci_in_use(&info, by, sizeof(by)), "%s: %s", files[i], by);
		unlink(path);
	}
}

static int no_more(const struct plx_pci_info *info, void *arg)
{
	(void)info;
	(void)arg;
	return 0;
}

Test(bus_scan, unknown_flags)
{
	log_lines_start();
	cr_expect_eq(plx_pci_walk(2, no_more, NULL), -EINVAL);
	assert_one_line("bus", PLX_LOG_ERR, "flags 0x2");
	cr_expect_eq(plx_pci_walk(PLX_PCI_WALK_USABLE, NULL, NULL), -EINVAL);
}

Test(bus_scan, uio)
{
	struct plx_uio_info uio;

	grow("sys/class/uio/uio4/name", "igb_uio\n");
	grow("sys/class/uio/uio4/version", "0.1\n");
	grow("sys/class/uio/uio4/event", "1234\n");
	grow("sys/class/uio/uio4/maps/map0/name", "BAR0\n");
	grow("sys/class/uio/uio4/maps/map0/addr", "0x00000000fe800000\n");
	grow("sys/class/uio/uio4/maps/map0/size", "0x0000000000020000\n");
	grow("sys/class/uio/uio4/maps/map0/offset", "0x10\n");
	grow("sys/class/uio/uio4/maps/map1/addr", "0x1000\n");
	grow("sys/class/uio/uio4/portio/port0/start", "0xc000\n");
	grow("sys/class/uio/uio4/portio/port0/size", "0x20\n");
	cr_assert_eq(plx_uio_read(4, &uio), 0);
	cr_expect_eq(uio.minor, 4);
	cr_expect_str_eq(uio.name, "igb_uio");
	cr_expect_str_eq(uio.version, "0.1");
	cr_expect_eq(uio.events, 1234);
	cr_assert_eq(uio.nb_maps, 1, "%u: the second has no size", uio.nb_maps);
	cr_expect_str_eq(uio.maps[0].name, "BAR0");
	cr_expect_eq(uio.maps[0].addr, 0xfe800000);
	cr_expect_eq(uio.maps[0].len_bytes, 0x20000);
	cr_expect_eq(uio.maps[0].offset_bytes, 0x10);
	cr_assert_eq(uio.nb_ports, 1);
	cr_expect_eq(uio.ports[0].addr, 0xc000);
	cr_expect_eq(uio.ports[0].len_bytes, 0x20);
	cr_expect_eq(plx_uio_read(5, &uio), -ENODEV);
	grow_pci("0000:01:00.0", "uio/uio4/name", "x");
	cr_expect_eq(plx_uio_of_pci(&(struct plx_pci_addr){.bus = 1}, &uio), 0);
	cr_expect_eq(plx_uio_of_pci(&(struct plx_pci_addr){.bus = 2}, &uio), -ENODEV);
}

/* ---- -a and -b ---- */

static struct plx_eal_conf conf;
static struct plx_eal_device devices[8];

static void list(enum plx_dev_kind kind, char *const *args)
{
	plx_eal_conf_init(&conf);
	conf.devices = devices;
	for (; *args; args++)
		devices[conf.nb_devices++] = (struct plx_eal_device){kind, *args};
	log_lines_start();
}

static bool wanted(const char *name, const char **args)
{
	struct plx_pci_addr addr;

	cr_assert_eq(plx_pci_addr_parse(name, &addr, NULL), 0);
	return plx_pci_is_wanted(&conf, &addr, args);
}

Test(bus_scan, lists)
{
	static char full[] = "0000:01:00.0,key=value,other", brief[] = "02:00.1",
		    vdev[] = "net_null0";
	char *allow[] = {full, brief, NULL}, *block[] = {brief, NULL}, *none[] = {vdev, NULL};
	const char *args = NULL;

	list(PLX_DEV_ALLOW, allow);
	cr_assert_eq(plx_pci_lists_check(&conf), 0);
	cr_expect(wanted("0000:01:00.0", &args));
	cr_expect_str_eq(args, "key=value,other");
	cr_expect(wanted("0000:02:00.1", &args));
	cr_expect_str_eq(args, "");
	cr_expect_not(wanted("0000:02:00.0", NULL), "it is not named");
	conf.no_pci = true;
	cr_expect(wanted("0000:02:00.1", NULL), "what is named is wanted");

	list(PLX_DEV_BLOCK, block);
	cr_assert_eq(plx_pci_lists_check(&conf), 0);
	cr_expect(wanted("0000:02:00.0", &args));
	cr_expect_str_eq(args, "");
	cr_expect_not(wanted("0000:02:00.1", NULL));
	conf.no_pci = true;
	cr_expect_not(wanted("0000:02:00.0", NULL));

	list(PLX_DEV_VDEV, none);
	cr_assert_eq(plx_pci_lists_check(&conf), 0);
	cr_expect(wanted("0000:02:00.0", NULL));
	cr_expect_eq(log_lines.nb, 0, "%s", log_lines_text(0));
}

Test(bus_scan, lists_that_are_refused)
{
	static const struct {
		enum plx_dev_kind kind;
		const char *text, *second, *line;
	} cases[] = {
		{PLX_DEV_ALLOW, "eth0", NULL, "-a 'eth0': want a PCI address, as in 0000:01:00.0"},
		{PLX_DEV_ALLOW, "01:00.0;x=1", NULL, "-a '01:00.0;x=1': want a PCI address"},
		{PLX_DEV_BLOCK, "01:00", NULL,
		 "-b '01:00': want a PCI address, as in 0000:01:00.0"},
		{PLX_DEV_BLOCK, "01:00.0,x=1", NULL, "takes no keys"},
		{PLX_DEV_ALLOW, "01:00.0", "0000:01:00.0,x=1", "stands more than once"},
	};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		char first[32], second[32],
			*args[] = {first, cases[i].second ? second : NULL, NULL};

		snprintf(first, sizeof(first), "%s", cases[i].text);
		snprintf(second, sizeof(second), "%s", cases[i].second ? cases[i].second : "");
		list(cases[i].kind, args);
		cr_expect_eq(plx_pci_lists_check(&conf), -EINVAL, "%s", cases[i].text);
		cr_expect_eq(log_lines.nb, 1, "%s: %u lines", cases[i].text, log_lines.nb);
		cr_expect_eq(log_lines_with(cases[i].line), 1, "%s", log_lines_text(0));
	}
}
