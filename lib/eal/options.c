/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of options and what each does to the settings. A value of the command line replaces
 * one of the file, and so do options that contradict it (`drops`); within one source a
 * contradiction is refused by plx_eal_conf_check().
 */
#include "args.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	MEM_MAX_MB = 16 << 20,	    /* 16 TB: what a number typed by mistake is told from */
	LOG_PATTERN_MAX_BYTES = 31, /* plx_log_set_level()'s */
};

static int parse_number(struct plx_args *args, const char *value, const char *what, uint64_t min,
			uint64_t max, uint64_t *out)
{
	char *end = NULL;

	*out = 0;
	if (isdigit((unsigned char)*value)) /* what overflows becomes UINT64_MAX */
		*out = strtoull(value, &end, 10);
	if (!end || *end || *out < min || *out > max)
		return plx_args_refuse(args, value, "want %s, %ju to %ju", what, (uintmax_t)min,
				       (uintmax_t)max);
	return 0;
}

static int no_memory(int ret)
{
	if (ret)
		LOG_ERR("reading the settings: out of memory");
	return ret;
}

static int already_given(struct plx_args *args, const char *value)
{
	return plx_args_refuse(args, value,
			       "the lcores were already given; want one of -l, -c and --lcores");
}

#define LCORE_OPTS (OPT_BIT(OPT_LCORE_LIST) | OPT_BIT(OPT_LCORE_MASK) | OPT_BIT(OPT_LCORES))

static int set_lcore_list(struct plx_args *args, const char *value)
{
	if (args->seen & LCORE_OPTS)
		return already_given(args, value);
	return plx_args_lcore_list(args, value);
}

static int set_lcore_mask(struct plx_args *args, const char *value)
{
	if (args->seen & LCORE_OPTS)
		return already_given(args, value);
	return plx_args_lcore_mask(args, value);
}

static int set_lcores(struct plx_args *args, const char *value)
{
	if (args->seen & LCORE_OPTS)
		return already_given(args, value);
	return plx_args_lcore_map(args, value);
}

static int set_main_lcore(struct plx_args *args, const char *value)
{
	uint64_t id;
	int ret = parse_number(args, value, "an lcore id", 0, PLX_LCORE_MAX - 1, &id);

	if (!ret)
		args->conf->main_lcore = (unsigned)id;
	return ret;
}

static int set_rt_prio(struct plx_args *args, const char *value)
{
	uint64_t prio;
	int ret = parse_number(args, value, "a SCHED_FIFO priority", 1, 99, &prio);

	if (!ret)
		args->conf->rt_prio = (int)prio;
	return ret;
}

static int add_device(struct plx_args *args, enum plx_dev_kind kind, const char *value,
		      const char *wanted)
{
	if (!*value)
		return plx_args_refuse(args, value, "want %s", wanted);
	if (args->conf->nb_devices >= PLX_EAL_DEVICES_MAX)
		return plx_args_refuse(args, value, "want at most %d devices", PLX_EAL_DEVICES_MAX);
	return no_memory(plx_eal_conf_add_device(args->conf, kind, value));
}

static int add_allow(struct plx_args *args, const char *value)
{
	return add_device(args, PLX_DEV_ALLOW, value, "a PCI address, as in 0000:01:00.0");
}

static int add_block(struct plx_args *args, const char *value)
{
	return add_device(args, PLX_DEV_BLOCK, value, "a PCI address, as in 0000:01:00.0");
}

static int add_vdev(struct plx_args *args, const char *value)
{
	return add_device(args, PLX_DEV_VDEV, value, "a name and settings, as in net_ring0");
}

static int set_mem(struct plx_args *args, const char *value)
{
	uint64_t mb;
	int ret = parse_number(args, value, "megabytes", 1, MEM_MAX_MB, &mb);

	if (!ret)
		args->conf->mem_mb = (size_t)mb;
	return ret;
}

static int set_socket_mem(struct plx_args *args, const char *value)
{
	static const char wanted[] = "want megabytes for each NUMA node, as in 512,0, not all 0";
	size_t mb[PLX_NODE_MAX] = {0};
	const char *at = value;
	bool any = false;

	for (unsigned node = 0;; node++, at++) {
		unsigned long long number;
		char *end;

		if (node == PLX_NODE_MAX)
			return plx_args_refuse(args, value, "want at most %d NUMA nodes",
					       PLX_NODE_MAX);
		number = strtoull(at, &end, 10);
		if (!isdigit((unsigned char)*at) || (*end && *end != ','))
			return plx_args_refuse(args, value, wanted);
		if (number > MEM_MAX_MB)
			return plx_args_refuse(args, value,
					       "want megabytes, 0 to %d for each "
					       "NUMA node",
					       MEM_MAX_MB);
		mb[node] = (size_t)number;
		any |= number != 0;
		at = end;
		if (!*at)
			break;
	}
	if (!any)
		return plx_args_refuse(args, value, wanted);
	memcpy(args->conf->socket_mem_mb, mb, sizeof(mb));
	return 0;
}

static int set_huge_dir(struct plx_args *args, const char *value)
{
	if (!*value || strlen(value) >= PATH_MAX)
		return plx_args_refuse(args, value,
				       "want the path of a hugetlbfs mount, as in "
				       "/dev/hugepages");
	return no_memory(plx_eal_conf_set_string(&args->conf->huge_dir, value));
}

static int set_huge_page_size(struct plx_args *args, const char *value)
{
	if (strcmp(value, "2M") == 0)
		args->conf->huge_page_bytes = (size_t)2 << 20;
	else if (strcmp(value, "1G") == 0)
		args->conf->huge_page_bytes = (size_t)1 << 30;
	else
		return plx_args_refuse(args, value, "want 2M or 1G");
	return 0;
}

static int set_file_prefix(struct plx_args *args, const char *value)
{
	size_t len = strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789_-.");

	if (len == 0 || value[len] || len >= PLX_EAL_PREFIX_MAX_BYTES || value[0] == '.')
		return plx_args_refuse(args, value,
				       "want 1 to %d letters, digits, '_', '-' or "
				       "'.', no '.' in front",
				       PLX_EAL_PREFIX_MAX_BYTES - 1);
	return no_memory(plx_eal_conf_set_string(&args->conf->file_prefix, value));
}

static int set_iova_mode(struct plx_args *args, const char *value)
{
	if (strcmp(value, "va") == 0)
		args->conf->iova_mode = PLX_IOVA_VA;
	else if (strcmp(value, "pa") == 0)
		args->conf->iova_mode = PLX_IOVA_PA;
	else
		return plx_args_refuse(args, value, "want pa or va");
	return 0;
}

/* The spellings of plx_log_set_level(), which only judges a level when it sets it. */
static bool is_level(const char *name)
{
	for (int level = PLX_LOG_ERR; level <= PLX_LOG_DEBUG; level++)
		if (strcasecmp(name, plx_log_level_name((enum plx_log_level)level)) == 0)
			return true;
	return strcasecmp(name, "err") == 0 || strcasecmp(name, "warn") == 0 ||
	       (name[0] >= '1' && name[0] <= '8' && !name[1]);
}

static int add_log_level(struct plx_args *args, const char *value)
{
	struct plx_eal_conf *conf = args->conf;
	const char *colon = strrchr(value, ':');
	int ret;

	if (!is_level(colon ? colon + 1 : value) || colon == value)
		return plx_args_refuse(args, value,
				       "want LEVEL or MODULE:LEVEL, LEVEL one of "
				       "error, warning, notice, info, debug or 1 to 8");
	if (colon && colon - value > LOG_PATTERN_MAX_BYTES)
		return plx_args_refuse(args, value, "want a module pattern of at most %d bytes",
				       LOG_PATTERN_MAX_BYTES);
	if (conf->nb_log_levels == PLX_EAL_LOG_LEVELS_MAX)
		return plx_args_refuse(args, value, "want at most %d log levels",
				       PLX_EAL_LOG_LEVELS_MAX);
	ret = no_memory(plx_eal_conf_set_string(&conf->log_levels[conf->nb_log_levels], value));
	if (!ret)
		conf->nb_log_levels++;
	return ret;
}

static int set_syslog(struct plx_args *args, const char *value)
{
	int facility = plx_syslog_facility(value ? value : "daemon");

	if (facility < 0)
		return plx_args_refuse(args, value,
				       "want a syslog facility: auth cron daemon ftp "
				       "kern lpr mail news syslog user uucp local0 to local7");
	args->conf->syslog = true;
	args->conf->syslog_facility = facility;
	return 0;
}

static int set_mbuf_track(struct plx_args *args, const char *value)
{
	(void)value;
	if (!PLX_CHECK) {
		LOG_ERR("%s: this build keeps no track of mbufs; build with preset debug",
			args->option);
		return -EINVAL;
	}
	args->conf->mbuf_track = true;
	return 0;
}

/* plx_eal_parse() has read the file before anything else. */
static int skip_config(struct plx_args *args, const char *value)
{
	(void)args;
	(void)value;
	return 0;
}

static int check_proc_type(struct plx_args *args, const char *value)
{
	if (strcmp(value, "primary") == 0)
		return 0;
	return plx_args_refuse(args, value,
			       "each process is a primary of its own here, memory is "
			       "not shared between processes; want primary, or leave it out");
}

static int ignore_channels(struct plx_args *args, const char *value)
{
	uint64_t nb_channels;
	int ret = parse_number(args, value, "memory channels", 1, 1024, &nb_channels);

	if (!ret)
		LOG_NOTICE("-n %ju has no effect here: memory is not laid out by channels",
			   (uintmax_t)nb_channels);
	return ret;
}

#define SWITCH(field) .has_arg = no_argument, .flag_offset = offsetof(struct plx_eal_conf, field)
#define VALUE(what) .has_arg = required_argument, .arg = (what)

const struct plx_eal_option plx_eal_options[OPT_COUNT] = {
	[OPT_LCORE_LIST] = {.letter = 'l',
			    VALUE("LIST"),
			    .apply = set_lcore_list,
			    .drops = LCORE_OPTS | OPT_BIT(OPT_MAIN_LCORE),
			    .help = "CPUs to run on, one lcore each: 0-2,5\n"
				    "(default: all that this process may use)"},
	[OPT_LCORE_MASK] = {.letter = 'c',
			    VALUE("MASK"),
			    .apply = set_lcore_mask,
			    .drops = LCORE_OPTS | OPT_BIT(OPT_MAIN_LCORE),
			    .help = "the same as a hexadecimal mask: 0x27"},
	[OPT_LCORES] = {.name = "lcores",
			VALUE("MAP"),
			.apply = set_lcores,
			.drops = LCORE_OPTS | OPT_BIT(OPT_MAIN_LCORE),
			.help = "lcores on CPUs: 0@0,(1-3)@1 runs three of four on CPU 1"},
	[OPT_MAIN_LCORE] = {.name = "main-lcore",
			    VALUE("ID"),
			    .apply = set_main_lcore,
			    .help = "the lcore of the calling thread (default: the lowest)"},
	[OPT_RT_PRIO] = {.name = "rt-prio",
			 VALUE("N"),
			 .apply = set_rt_prio,
			 .help = "run lcores under SCHED_FIFO with priority 1 to 99"},
	[OPT_ALLOW] = {.name = "allow",
		       .letter = 'a',
		       VALUE("DEVICE"),
		       .apply = add_allow,
		       .help = "use only this PCI device (repeatable): 0000:01:00.0"},
	[OPT_BLOCK] = {.name = "block",
		       .letter = 'b',
		       VALUE("DEVICE"),
		       .apply = add_block,
		       .help = "leave this PCI device alone (repeatable); not with -a"},
	[OPT_VDEV] = {.name = "vdev",
		      VALUE("DEVICE"),
		      .apply = add_vdev,
		      .help = "make a software device (repeatable): net_pcap0,iface=eth0"},
	[OPT_NO_PCI] = {.name = "no-pci", SWITCH(no_pci), .help = "do not look for PCI devices"},
	[OPT_UNSAFE_DMA] = {.name = "allow-unsafe-dma",
			    SWITCH(allow_unsafe_dma),
			    .help = "use PCI devices that no IOMMU confines (UIO): one that is\n"
				    "told a wrong address writes over any memory"},
	[OPT_MEM] = {.key = "mem",
		     .letter = 'm',
		     VALUE("MB"),
		     .apply = set_mem,
		     .drops = OPT_BIT(OPT_SOCKET_MEM),
		     .help = "memory to take at the start (default: by need)"},
	[OPT_SOCKET_MEM] = {.name = "socket-mem",
			    VALUE("MB,MB.."),
			    .apply = set_socket_mem,
			    .drops = OPT_BIT(OPT_MEM) | OPT_BIT(OPT_NO_HUGE),
			    .help = "the same for each NUMA node"},
	[OPT_NO_HUGE] = {.name = "no-huge",
			 SWITCH(no_huge),
			 .drops = OPT_BIT(OPT_SOCKET_MEM) | OPT_BIT(OPT_HUGE_DIR) |
				  OPT_BIT(OPT_HUGE_PAGE_SIZE),
			 .help = "use ordinary pages; enough for software devices"},
	[OPT_IN_MEMORY] = {.name = "in-memory",
			   SWITCH(in_memory),
			   .drops = OPT_BIT(OPT_HUGE_DIR),
			   .help = "no files for hugepages (the default)"},
	[OPT_HUGE_DIR] = {.name = "huge-dir",
			  VALUE("DIR"),
			  .apply = set_huge_dir,
			  .drops = OPT_BIT(OPT_NO_HUGE) | OPT_BIT(OPT_IN_MEMORY),
			  .help = "hugepages from files in this hugetlbfs mount"},
	[OPT_HUGE_PAGE_SIZE] = {.name = "huge-page-size",
				VALUE("SIZE"),
				.apply = set_huge_page_size,
				.drops = OPT_BIT(OPT_NO_HUGE),
				.help = "2M or 1G (default: what the machine has)"},
	[OPT_FILE_PREFIX] = {.name = "file-prefix",
			     VALUE("NAME"),
			     .apply = set_file_prefix,
			     .help = "name of this process's memory and files (default: plx)"},
	[OPT_IOVA_MODE] = {.name = "iova-mode",
			   VALUE("pa|va"),
			   .apply = set_iova_mode,
			   .help = "addresses that devices see (default: by the devices)"},
	[OPT_LOCK_MEMORY] = {.name = "lock-memory",
			     SWITCH(lock_memory),
			     .help = "keep all memory of the process from being paged out; needs\n"
				     "root or ulimit -l unlimited, since address space counts"},
	[OPT_LOG_LEVEL] = {.name = "log-level",
			   VALUE("LEVEL"),
			   .apply = add_log_level,
			   .help = "error, warning, notice, info or debug, for all or, as in\n"
				   "igb:debug, for one module (repeatable)"},
	[OPT_SYSLOG] = {.name = "syslog",
			.has_arg = optional_argument,
			.arg = "FACILITY",
			.apply = set_syslog,
			.help = "log to syslog instead of stderr (default facility: daemon)"},
	[OPT_MBUF_TRACK] = {.name = "mbuf-track",
			    .has_arg = no_argument,
			    .apply = set_mbuf_track,
			    .help = "remember who took and freed each mbuf (checked builds)"},
	[OPT_CONFIG] = {.name = "config",
			VALUE("FILE"),
			.apply = skip_config,
			.command_line_only = true,
			.help = "read settings from section [eal] of an INI file first"},
	[OPT_PROC_TYPE] = {.name = "proc-type",
			   VALUE("TYPE"),
			   .apply = check_proc_type,
			   .help = "primary only: processes do not share memory here"},
	[OPT_CHANNELS] = {.letter = 'n',
			  VALUE("N"),
			  .apply = ignore_channels,
			  .help = "accepted for DPDK's command lines; no effect"},
	[OPT_VERSION] = {.name = "version",
			 .letter = 'v',
			 SWITCH(version),
			 .command_line_only = true,
			 .help = "print the version and exit"},
	[OPT_HELP] = {.name = "help",
		      .letter = 'h',
		      SWITCH(help),
		      .command_line_only = true,
		      .help = "print this and exit"},
};

const struct plx_eal_dpdk_option plx_eal_dpdk_options[DPDK_OPT_COUNT] = {
	{.letter = 'd', .has_arg = required_argument},
	{.letter = 'r', .has_arg = required_argument},
	{.name = "base-virtaddr", .has_arg = required_argument},
	{.name = "create-uio-dev"},
	{.name = "force-max-simd-bitwidth", .has_arg = required_argument},
	{.name = "huge-unlink", .has_arg = optional_argument},
	{.name = "huge-worker-stack", .has_arg = optional_argument},
	{.name = "legacy-mem"},
	{.name = "match-allocations"},
	{.name = "no-hpet"},
	{.name = "no-shconf"},
	{.name = "no-telemetry"},
	{.name = "single-file-segments"},
	{.name = "telemetry"},
	{.name = "vmware-tsc-map"},
};

static void reset_option(struct plx_eal_conf *conf, int opt)
{
	switch (opt) {
	case OPT_LCORE_LIST: /* and the other two with it */
		memset(conf->lcores, 0, sizeof(conf->lcores));
		conf->nb_lcores = 0;
		break;
	case OPT_MAIN_LCORE:
		conf->main_lcore = PLX_LCORE_MAX;
		break;
	case OPT_MEM:
		conf->mem_mb = 0;
		break;
	case OPT_SOCKET_MEM:
		memset(conf->socket_mem_mb, 0, sizeof(conf->socket_mem_mb));
		break;
	case OPT_NO_HUGE:
		conf->no_huge = false;
		break;
	case OPT_IN_MEMORY:
		conf->in_memory = false;
		break;
	case OPT_HUGE_DIR:
		free(conf->huge_dir);
		conf->huge_dir = NULL;
		break;
	case OPT_HUGE_PAGE_SIZE:
		conf->huge_page_bytes = 0;
		break;
	default:
		break;
	}
}

int plx_args_apply(struct plx_args *args, enum plx_eal_opt opt, const char *value)
{
	const struct plx_eal_option *o = &plx_eal_options[opt];
	uint64_t drops = o->drops & ~args->seen;
	int ret = 0;

	for (int other = 0; other < OPT_COUNT; other++)
		if (drops & OPT_BIT(other))
			reset_option(args->conf, other);
	if (o->apply)
		ret = o->apply(args, value);
	else
		*(bool *)((char *)args->conf + o->flag_offset) = true;
	args->seen |= OPT_BIT(opt);
	return ret;
}
