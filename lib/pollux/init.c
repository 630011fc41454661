/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plx_init(): arguments -> EAL -> devices. The one place that knows all modules.
 */
#include "drivers.h"

#include <errno.h>
#include <pollux/pollux.h>
#include <pollux/sigbus.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HELP_COLUMN = 30 };

static struct plx_log_module log_init = PLX_LOG_MODULE("init");

/* For plx_init_exit_status(): what a -ECANCELED was for. */
static bool version_asked;

static pid_t owner_pid; /* who started it */

/* ---- PCI: which functions, and what they need of the memory ---- */

struct found {
	struct plx_pci_addr addr;
	char device[PLX_PCI_NAME_MAX]; /* for plx_port_attach(), unless it is named */
	const char *named;	       /* by -a, as given; NULL: found by the scan */
};

struct found_list {
	const struct plx_eal_conf *conf;
	struct found *items;
	size_t nb, room;
};

static int add_found(struct found_list *list, const struct found *item)
{
	if (list->nb == list->room) {
		size_t room = list->room ? 2 * list->room : 16;
		struct found *more = reallocarray(list->items, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		list->items = more;
		list->room = room;
	}
	list->items[list->nb++] = *item;
	return 0;
}

/* Without a driver for it here it is not ours to judge. */
static int on_function(const struct plx_pci_info *info, void *arg)
{
	struct found_list *list = arg;
	struct found item = {.addr = info->addr};

	if (!plx_port_pci_driver(&info->id) || !plx_pci_is_wanted(list->conf, &info->addr, NULL))
		return 0;
	if (plx_pci_iova_mode(info) == PLX_IOVA_PA && !list->conf->allow_unsafe_dma) {
		plx_log(&log_init, PLX_LOG_WARN,
			"%s is left alone: no IOMMU confines it (%s), and it could overwrite any "
			"memory; --allow-unsafe-dma accepts that",
			info->name, info->driver);
		return 0;
	}
	memcpy(item.device, info->name, sizeof(item.device));
	return add_found(list, &item);
}

static int by_addr(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return plx_pci_addr_compare(&x->addr, &y->addr);
}

/* The functions to be ports, ascending addresses. */
static int find_functions(const struct plx_eal_conf *conf, struct found_list *list)
{
	bool any_named = false;
	int ret = plx_pci_lists_check(conf);

	list->conf = conf;
	for (unsigned i = 0; ret == 0 && i < conf->nb_devices; i++) {
		struct found item = {.named = conf->devices[i].args};
		const char *rest;

		if (conf->devices[i].kind != PLX_DEV_ALLOW)
			continue;
		any_named = true;
		plx_pci_addr_parse(item.named, &item.addr, &rest);
		ret = add_found(list, &item);
	}
	if (ret == 0 && !any_named && !conf->no_pci)
		ret = plx_pci_walk(PLX_PCI_WALK_USABLE, on_function, list);
	if (ret == 0 && list->nb)
		qsort(list->items, list->nb, sizeof(*list->items), by_addr);
	if (ret == -ENOMEM)
		plx_log(&log_init, PLX_LOG_ERR, "listing the PCI devices: out of memory");
	return ret;
}

/* Physical addresses if one of them can have no others. What can't be opened at all is judged when
 * it is opened. */
static int choose_iova(struct plx_eal_conf *conf, const struct found_list *list)
{
	struct plx_pci_info info;

	for (size_t i = 0; i < list->nb && conf->iova_mode == PLX_IOVA_AUTO; i++) {
		if (plx_pci_find(&list->items[i].addr, &info) || !conf->allow_unsafe_dma ||
		    plx_pci_iova_mode(&info) != PLX_IOVA_PA)
			continue;
		if (conf->no_huge) {
			plx_log(&log_init, PLX_LOG_ERR,
				"%s: without an IOMMU it needs hugepages: leave --no-huge out, or "
				"bind it to vfio-pci",
				info.name);
			return -EINVAL;
		}
		conf->iova_mode = PLX_IOVA_PA;
		plx_log(&log_init, PLX_LOG_INFO, "IOVA as PA, for %s (%s)", info.name, info.driver);
	}
	return 0;
}

/* ---- Devices ---- */

/* What was named must be had; what was only found may be in use by somebody else. */
static int open_functions(const struct found_list *list)
{
	int ret = 0;

	/* Whoever pulls a card out must not end the process: its registers read all ones then. */
	if (list->nb > 0 && plx_sigbus_guard_on())
		plx_log(&log_init, PLX_LOG_WARN,
			"no guard against SIGBUS: a card that is pulled out may end the process");
	for (size_t i = 0; i < list->nb && ret == 0; i++) {
		const struct found *item = &list->items[i];

		ret = plx_port_attach(item->named ? item->named : item->device, NULL);
		if (!item->named)
			ret = 0;
	}
	return ret;
}

/* PCI functions by address, then what --vdev names in its order: ids are as DPDK gives them. */
static int open_devices(const struct plx_eal_conf *conf, const struct found_list *list)
{
	int ret = open_functions(list);

	for (unsigned i = 0; ret == 0 && i < conf->nb_devices; i++)
		if (conf->devices[i].kind == PLX_DEV_VDEV)
			ret = plx_port_attach(conf->devices[i].args, NULL);
	return ret;
}

static int start_eal(struct plx_eal_conf *conf, const struct found_list *list)
{
	int ret = plx_eal_init(conf);

	if (ret)
		return ret;
	owner_pid = getpid();
	ret = open_devices(conf, list);
	if (ret)
		goto fini_ports;
	/* Memory that a card of a dead process may write to stays as it is. */
	if (plx_pci_quiet_stale())
		ret = plx_mem_reap_stale();
	if (ret < 0)
		goto fini_ports;
	return 0;

fini_ports:
	plx_port_fini();
	plx_eal_fini();
	return ret;
}

/* Bus scan -> IOVA mode -> memory -> probe. */
static int start(struct plx_eal_conf *conf)
{
	struct found_list list = {0};
	int ret;

	if (plx_eal_conf())
		return plx_eal_init(conf); /* it runs: the line is the EAL's */
	ret = plx_port_drivers_set(plx_drivers);
	if (ret == 0)
		ret = find_functions(conf, &list);
	if (ret == 0)
		ret = choose_iova(conf, &list);
	if (ret == 0)
		ret = start_eal(conf, &list);
	free(list.items);
	return ret;
}

int plx_init(int argc, char **argv)
{
	struct plx_eal_conf conf;
	int first_app_arg;
	int ret;

	plx_eal_conf_init(&conf);
	first_app_arg = plx_eal_parse(&conf, argc, argv);
	ret = first_app_arg;
	if (ret < 0)
		goto free_conf;
	version_asked = conf.version;
	ret = conf.help || conf.version ? -ECANCELED : start(&conf);
	if (ret == 0)
		ret = first_app_arg - 1;

free_conf:
	plx_eal_conf_fini(&conf);
	return ret;
}

/* " size=BYTES", then what it is for: @help is "BYTES: what it is for". */
static void print_key(const struct plx_devargs_key *key, FILE *out)
{
	const char *colon = strstr(key->help, ": ");
	int len = colon ? (int)(colon - key->help) : 0;
	int column = fprintf(out, "    %s%s%.*s", key->name, len ? "=" : "", len, key->help);

	fprintf(out, "%*s%s\n", column < HELP_COLUMN - 1 ? HELP_COLUMN - column : 1, "",
		colon ? colon + 2 : key->help);
}

static void print_driver(const struct plx_port_driver *driver, FILE *out)
{
	const struct plx_devargs_key *key = driver->keys;

	fprintf(out, "  %s\n", driver->name);
	for (; key && key->name; key++)
		print_key(key, out);
}

static void print_devices(FILE *out)
{
	bool any_pci = false;

	fprintf(out, "Devices for --vdev, NAME and a number, then keys: net_null0,KEY=VALUE,...\n");
	for (unsigned i = 0; plx_drivers[i]; i++) {
		if (plx_drivers[i]->probe)
			print_driver(plx_drivers[i], out);
		any_pci |= plx_drivers[i]->pci_ids != NULL;
	}
	if (!plx_drivers[0])
		fprintf(out, "  none: this build has no drivers\n");
	if (any_pci)
		fprintf(out, "Devices for -a, an ADDRESS, then keys: 0000:01:00.0,KEY=VALUE,...\n");
	for (unsigned i = 0; plx_drivers[i]; i++)
		if (plx_drivers[i]->pci_ids)
			print_driver(plx_drivers[i], out);
}

int plx_init_exit_status(int ret, const char *usage, FILE *out)
{
	if (ret != -ECANCELED)
		return ret == -EINVAL ? 2 : 1;
	if (version_asked) {
		fprintf(out, "pollux %s\n", plx_version());
		return 0;
	}
	if (usage)
		fprintf(out, "%s\n", usage);
	plx_eal_usage(out);
	print_devices(out);
	return 0;
}

void plx_fini(void)
{
	bool is_forked = owner_pid && owner_pid != getpid();
	bool is_main = plx_eal_conf() && plx_lcore_id() == plx_lcore_main();

	/* A child of fork() has lcores in its tables, but none of their threads. From another
	 * thread than the main lcore plx_eal_fini() says so and does nothing, and so do we. */
	if (is_main && !is_forked)
		plx_lcore_quiesce();
	if (is_main || is_forked || !plx_eal_conf())
		plx_port_fini();
	if (is_forked)
		plx_pci_forked();
	plx_eal_fini();
	if (!plx_eal_conf())
		owner_pid = 0;
}
