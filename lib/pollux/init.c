/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plx_init(): arguments -> EAL -> devices. The one place that knows all modules.
 */
#include "drivers.h"

#include <errno.h>
#include <pollux/pollux.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { HELP_COLUMN = 30 };

static struct plx_log_module log_init = PLX_LOG_MODULE("init");

/* For plx_init_exit_status(): what a -ECANCELED was for. */
static bool version_asked;

static pid_t owner_pid; /* who started it */

/* The devices named by -a and --vdev, in their order. */
static int open_devices(const struct plx_eal_conf *conf)
{
	int ret = plx_port_drivers_set(plx_drivers);

	for (unsigned i = 0; ret == 0 && i < conf->nb_devices; i++) {
		const struct plx_eal_device *dev = &conf->devices[i];

		if (dev->kind == PLX_DEV_VDEV) {
			ret = plx_port_attach(dev->args, NULL);
		} else if (dev->kind == PLX_DEV_ALLOW) {
			plx_log(&log_init, PLX_LOG_ERR,
				"-a '%.160s': this build has no driver for PCI devices; software "
				"ports are made by --vdev",
				dev->args);
			ret = -ENODEV;
		}
	}
	return ret;
}

static int start(const struct plx_eal_conf *conf)
{
	int ret = plx_eal_init(conf);

	if (ret)
		return ret;
	owner_pid = getpid();
	ret = open_devices(conf);
	if (ret)
		goto fini_ports;
	/* No card that a dead process left running is still running now. */
	ret = plx_mem_reap_stale();
	if (ret < 0)
		goto fini_ports;
	return 0;

fini_ports:
	plx_port_fini();
	plx_eal_fini();
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

static void print_devices(FILE *out)
{
	fprintf(out, "Devices for --vdev, NAME and a number, then keys: net_null0,KEY=VALUE,...\n");
	for (unsigned i = 0; plx_drivers[i]; i++) {
		const struct plx_devargs_key *key = plx_drivers[i]->keys;

		fprintf(out, "  %s\n", plx_drivers[i]->name);
		for (; key && key->name; key++)
			print_key(key, out);
	}
	if (!plx_drivers[0])
		fprintf(out, "  none: this build has no drivers\n");
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
	plx_eal_fini();
	if (!plx_eal_conf())
		owner_pid = 0;
}
