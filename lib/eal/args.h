/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading settings: one table of options serves the command line, the file and the help text. An
 * option is applied through a struct plx_args, which says where the value came from, so that each
 * refusal names its place.
 */
#ifndef EAL_ARGS_H
#define EAL_ARGS_H

#include "eal_private.h"

/* The order is the one of the help text. */
enum plx_eal_opt {
	OPT_LCORE_LIST,
	OPT_LCORE_MASK,
	OPT_LCORES,
	OPT_MAIN_LCORE,
	OPT_RT_PRIO,
	OPT_ALLOW,
	OPT_BLOCK,
	OPT_VDEV,
	OPT_NO_PCI,
	OPT_UNSAFE_DMA,
	OPT_MEM,
	OPT_SOCKET_MEM,
	OPT_NO_HUGE,
	OPT_IN_MEMORY,
	OPT_HUGE_DIR,
	OPT_HUGE_PAGE_SIZE,
	OPT_FILE_PREFIX,
	OPT_IOVA_MODE,
	OPT_LOCK_MEMORY,
	OPT_LOG_LEVEL,
	OPT_SYSLOG,
	OPT_MBUF_TRACK,
	OPT_CONFIG,
	OPT_PROC_TYPE,
	OPT_CHANNELS,
	OPT_VERSION,
	OPT_HELP,
	OPT_COUNT,
};

/* Where the option being read stands. */
struct plx_args {
	struct plx_eal_conf *conf;
	const char *file;   /* NULL: the command line */
	int line;	    /* in the file */
	const char *option; /* as the user writes it there: "-l", "--lcores", "lcores" */
	uint64_t seen;	    /* bit of each enum plx_eal_opt that this source gave */
};

struct plx_eal_option {
	const char *name; /* long option and key; NULL: only a letter */
	const char *key;  /* key in a file where name is NULL; NULL: not in a file */
	char letter;	  /* short option; 0: none */
	uint8_t has_arg;  /* as struct option has it */
	bool command_line_only;
	const char *arg;  /* the argument's name in the help text */
	const char *help; /* lines parted by '\n' */
	/* Options that this one replaces when an earlier source gave them. */
	uint64_t drops;
	/* 0 or -errno after one line. NULL: a switch, the bool at flag_offset in the settings. */
	int (*apply)(struct plx_args *args, const char *value);
	size_t flag_offset;
};

/* An option of DPDK that has no counterpart: taken with one notice line. */
struct plx_eal_dpdk_option {
	const char *name; /* NULL: only a letter */
	char letter;
	uint8_t has_arg;
};

#define OPT_BIT(opt) (UINT64_C(1) << (opt))

/* options.c */
extern const struct plx_eal_option plx_eal_options[OPT_COUNT];
enum { DPDK_OPT_COUNT = 15 };
extern const struct plx_eal_dpdk_option plx_eal_dpdk_options[DPDK_OPT_COUNT];
int plx_args_apply(struct plx_args *args, enum plx_eal_opt opt, const char *value);

/* args.c: log "OPTION 'VALUE': TEXT" with the file's place before it; returns -EINVAL. */
int plx_args_refuse(const struct plx_args *args, const char *value, const char *fmt, ...)
	PLX_PRINTF(3, 4);

/*
 * lcore_args.c: the lcore lists. Each fills conf->lcores, which is empty before, and
 * conf->nb_lcores.
 */
int plx_args_lcore_list(struct plx_args *args, const char *value);
int plx_args_lcore_mask(struct plx_args *args, const char *value);
int plx_args_lcore_map(struct plx_args *args, const char *value);

/* syslog.c: LOG_DAEMON for "daemon" and so on, or -ENOENT. */
int plx_syslog_facility(const char *name);

/* conf.c */
int plx_eal_conf_add_device(struct plx_eal_conf *conf, enum plx_dev_kind kind, const char *args);
int plx_eal_conf_set_string(char **field, const char *value);

#endif
