/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plx_init(): arguments -> EAL -> devices. The one place that knows all modules.
 */
#include <errno.h>
#include <pollux/pollux.h>
#include <stdbool.h>

static struct plx_log_module log_init = PLX_LOG_MODULE("init");

/* For plx_init_exit_status(): what a -ECANCELED was for. */
static bool version_asked;

/* The devices named by -a and --vdev. This build has no drivers: each of them is refused. */
static int open_devices(const struct plx_eal_conf *conf)
{
	for (unsigned i = 0; i < conf->nb_devices; i++) {
		const struct plx_eal_device *dev = &conf->devices[i];

		if (dev->kind == PLX_DEV_BLOCK)
			continue;
		plx_log(&log_init, PLX_LOG_ERR, "%s '%.160s': this build has no drivers",
			dev->kind == PLX_DEV_VDEV ? "--vdev" : "-a", dev->args);
		return -ENODEV;
	}
	return 0;
}

static int start(const struct plx_eal_conf *conf)
{
	int ret = plx_eal_init(conf);

	if (ret)
		return ret;
	ret = open_devices(conf);
	if (ret)
		goto fini_eal;
	/* No card that a dead process left running is still running now. */
	ret = plx_mem_reap_stale();
	if (ret < 0)
		goto fini_eal;
	return 0;

fini_eal:
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
	return 0;
}

void plx_fini(void)
{
	plx_eal_fini();
}
