/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * struct plx_eal_conf as a value: defaults, copies, contradictions, and what is left to be found
 * out on the machine.
 */
#include "args.h"
#include "topology.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void plx_eal_conf_init(struct plx_eal_conf *conf)
{
	memset(conf, 0, sizeof(*conf));
	conf->main_lcore = PLX_LCORE_MAX;
	conf->iova_mode = PLX_IOVA_AUTO;
	conf->syslog_facility = plx_syslog_facility("daemon");
}

void plx_eal_conf_fini(struct plx_eal_conf *conf)
{
	if (!conf)
		return;
	free(conf->huge_dir);
	free(conf->file_prefix);
	for (unsigned i = 0; i < conf->nb_log_levels; i++)
		free(conf->log_levels[i]);
	for (unsigned i = 0; i < conf->nb_devices; i++)
		free(conf->devices[i].args);
	free(conf->devices);
	plx_eal_conf_init(conf);
}

int plx_eal_conf_set_string(char **field, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

int plx_eal_conf_add_device(struct plx_eal_conf *conf, enum plx_dev_kind kind, const char *args)
{
	struct plx_eal_device *devices;
	char *copy;

	devices = realloc(conf->devices, (conf->nb_devices + 1) * sizeof(*devices));
	if (!devices)
		return -ENOMEM;
	conf->devices = devices;
	copy = strdup(args);
	if (!copy)
		return -ENOMEM;
	devices[conf->nb_devices].kind = kind;
	devices[conf->nb_devices].args = copy;
	conf->nb_devices++;
	return 0;
}

int plx_eal_conf_copy(struct plx_eal_conf *to, const struct plx_eal_conf *from)
{
	*to = *from;
	to->huge_dir = NULL;
	to->file_prefix = NULL;
	to->devices = NULL;
	to->nb_devices = 0;
	to->nb_log_levels = 0;
	memset(to->log_levels, 0, sizeof(to->log_levels));

	if (from->huge_dir && plx_eal_conf_set_string(&to->huge_dir, from->huge_dir))
		goto free_copy;
	if (from->file_prefix && plx_eal_conf_set_string(&to->file_prefix, from->file_prefix))
		goto free_copy;
	for (unsigned i = 0; i < from->nb_log_levels; i++, to->nb_log_levels++)
		if (plx_eal_conf_set_string(&to->log_levels[i], from->log_levels[i]))
			goto free_copy;
	for (unsigned i = 0; i < from->nb_devices; i++)
		if (plx_eal_conf_add_device(to, from->devices[i].kind, from->devices[i].args))
			goto free_copy;
	return 0;

free_copy:
	plx_eal_conf_fini(to);
	return -ENOMEM;
}

static int check_lcores(const struct plx_eal_conf *conf)
{
	unsigned nb_enabled = 0;
	cpu_set_t ids;
	char list[PLX_CPULIST_MAX_BYTES];

	CPU_ZERO(&ids);
	for (unsigned id = 0; id < PLX_LCORE_MAX; id++) {
		if (!conf->lcores[id].enabled)
			continue;
		nb_enabled++;
		CPU_SET(id, &ids);
		if (CPU_COUNT(&conf->lcores[id].cpus) == 0) {
			LOG_ERR("settings: lcore %u has no CPU to run on", id);
			return -EINVAL;
		}
	}
	if (nb_enabled != conf->nb_lcores) {
		LOG_ERR("settings: nb_lcores is %u, but %u lcores are enabled", conf->nb_lcores,
			nb_enabled);
		return -EINVAL;
	}
	if (conf->main_lcore > PLX_LCORE_MAX) {
		LOG_ERR("--main-lcore %u: want 0 to %d", conf->main_lcore, PLX_LCORE_MAX - 1);
		return -EINVAL;
	}
	if (conf->main_lcore < PLX_LCORE_MAX && nb_enabled &&
	    !conf->lcores[conf->main_lcore].enabled) {
		LOG_ERR("--main-lcore %u: not among the lcores, want one of %s", conf->main_lcore,
			plx_cpulist_format(&ids, list, sizeof(list)));
		return -EINVAL;
	}
	if (conf->rt_prio < 0 || conf->rt_prio > 99) {
		LOG_ERR("--rt-prio %d: want 1 to 99, or 0 for none", conf->rt_prio);
		return -EINVAL;
	}
	return 0;
}

static int contradiction(const char *one, const char *other)
{
	LOG_ERR("%s and %s exclude each other: give one of them", one, other);
	return -EINVAL;
}

static int check_memory(const struct plx_eal_conf *conf)
{
	bool by_socket = false;

	for (unsigned node = 0; node < PLX_NODE_MAX; node++)
		by_socket |= conf->socket_mem_mb[node] != 0;
	if (conf->mem_mb && by_socket)
		return contradiction("-m", "--socket-mem");
	if (conf->no_huge && by_socket)
		return contradiction("--no-huge", "--socket-mem");
	if (conf->no_huge && conf->huge_dir)
		return contradiction("--no-huge", "--huge-dir");
	if (conf->no_huge && conf->huge_page_bytes)
		return contradiction("--no-huge", "--huge-page-size");
	if (conf->no_huge && conf->iova_mode == PLX_IOVA_PA)
		return contradiction("--no-huge", "--iova-mode pa");
	if (conf->in_memory && conf->huge_dir)
		return contradiction("--in-memory", "--huge-dir");
	return 0;
}

int plx_eal_conf_check(const struct plx_eal_conf *conf)
{
	bool allow = false;
	bool block = false;
	int ret;

	ret = check_lcores(conf);
	if (!ret)
		ret = check_memory(conf);
	if (ret)
		return ret;
	for (unsigned i = 0; i < conf->nb_devices; i++) {
		allow |= conf->devices[i].kind == PLX_DEV_ALLOW;
		block |= conf->devices[i].kind == PLX_DEV_BLOCK;
	}
	return allow && block ? contradiction("-a (--allow)", "-b (--block)") : 0;
}

/* One lcore for each CPU that this process may use, with the CPU's number. */
static int default_lcores(struct plx_eal_conf *conf)
{
	cpu_set_t cpus;
	unsigned nb_left_out = 0;
	int ret;

	ret = plx_topo_allowed(&cpus);
	if (ret)
		return ret;
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &cpus))
			continue;
		if (cpu >= PLX_LCORE_MAX) {
			nb_left_out++;
			continue;
		}
		conf->lcores[cpu].enabled = true;
		CPU_ZERO(&conf->lcores[cpu].cpus);
		CPU_SET(cpu, &conf->lcores[cpu].cpus);
		conf->nb_lcores++;
	}
	if (conf->nb_lcores == 0) {
		LOG_ERR("this process may only use CPUs above %d: name them with --lcores, as in "
			"--lcores 0@%d",
			PLX_LCORE_MAX - 1, PLX_LCORE_MAX);
		return -EINVAL;
	}
	if (nb_left_out)
		LOG_NOTICE("%u CPUs above %d get no lcore: name them with --lcores, as in "
			   "--lcores 0@%d",
			   nb_left_out, PLX_LCORE_MAX - 1, PLX_LCORE_MAX);
	return 0;
}

int plx_eal_conf_resolve(struct plx_eal_conf *conf)
{
	int ret;

	if (conf->nb_lcores == 0) {
		ret = default_lcores(conf);
		if (ret)
			return ret;
		/* A main lcore that was asked for can only be judged now. */
		ret = check_lcores(conf);
		if (ret)
			return ret;
	}
	for (unsigned id = 0; conf->main_lcore == PLX_LCORE_MAX; id++)
		if (conf->lcores[id].enabled)
			conf->main_lcore = id;
	if (!conf->file_prefix)
		return plx_eal_conf_set_string(&conf->file_prefix, "plx");
	return 0;
}
