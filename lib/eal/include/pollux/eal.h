/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The EAL's settings and its life: arguments or a file become a struct plx_eal_conf, that is given
 * to plx_eal_init(), and plx_eal_fini() takes everything back. Most programs call plx_init() of
 * <pollux/pollux.h>, which does these steps and opens the devices.
 *
 * Settings are plain data: a program may also fill the struct by hand. Devices stay uninterpreted
 * strings here; the bus reads them.
 *
 * fork(): a child has no EAL. The threads and the memory are its parent's; of Pollux it may log,
 * read settings, and call plx_eal_fini(), which forgets all that is the parent's and leaves the
 * parent alone. Then plx_eal_init() works in the child. A child that only calls exec(3) need not
 * care. Not to be forked amid plx_eal_init() or plx_eal_fini() of another thread, nor amid attach
 * or detach of a port.
 */
#ifndef POLLUX_EAL_H
#define POLLUX_EAL_H

#include <pollux/compiler.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

PLX_BEGIN_DECLS

enum plx_iova_mode {
	PLX_IOVA_AUTO, /* only in settings: the bus and the privileges decide */
	PLX_IOVA_VA,   /* a device sees virtual addresses (VFIO with an IOMMU, no device at all) */
	PLX_IOVA_PA,   /* a device sees physical addresses (UIO, no IOMMU) */
};

enum plx_dev_kind {
	PLX_DEV_ALLOW, /* -a, --allow: probe this PCI function; with one, only those named */
	PLX_DEV_BLOCK, /* -b, --block: leave this PCI function alone */
	PLX_DEV_VDEV,  /* --vdev: make this software device */
};

struct plx_eal_device {
	enum plx_dev_kind kind;
	char *args; /* as given: "0000:01:00.0,key=value", "net_ring0" */
};

struct plx_eal_lcore {
	bool enabled;
	cpu_set_t cpus; /* the thread may run on these; CPU ids are [0, CPU_SETSIZE) */
};

enum {
	PLX_EAL_LOG_LEVELS_MAX = 32,
	PLX_EAL_DEVICES_MAX = 256,
	PLX_EAL_PREFIX_MAX_BYTES = 32, /* with the NUL */
};

/*
 * All settings. plx_eal_conf_init() gives the defaults named here; strings belong to the struct
 * (malloc) and are freed by plx_eal_conf_fini().
 */
struct plx_eal_conf {
	/* lcores */
	struct plx_eal_lcore lcores[PLX_LCORE_MAX];
	unsigned nb_lcores;  /* enabled ones; 0: one for each CPU this process may use */
	unsigned main_lcore; /* PLX_LCORE_MAX: the lowest enabled */
	int rt_prio;	     /* SCHED_FIFO priority of all lcores [1, 99]; 0: as the caller */

	/* memory */
	bool no_huge;	/* ordinary pages; for tests and software ports */
	bool in_memory; /* asked for by name; memfd is what is used unless huge_dir is set */
	size_t mem_mb;	/* taken at init; 0: by need */
	size_t socket_mem_mb[PLX_NODE_MAX]; /* the same for each NUMA node; not with mem_mb */
	size_t huge_page_bytes;		    /* 2 MB or 1 GB; 0: what the machine has */
	char *huge_dir;			    /* hugetlbfs mount for files; NULL: memfd */
	char *file_prefix;	      /* names files and memory of this process; NULL: "plx" */
	enum plx_iova_mode iova_mode; /* PLX_IOVA_AUTO */
	bool lock_memory; /* mlockall(): nothing of the process is ever paged out; its whole
			   * address space counts against RLIMIT_MEMLOCK */

	/* devices, in the order given */
	bool no_pci;	       /* do not scan the PCI bus */
	bool allow_unsafe_dma; /* open PCI devices without an IOMMU (UIO) */
	unsigned nb_devices;
	struct plx_eal_device *devices;

	/* log */
	bool syslog;	     /* lines go to syslog(3) instead of stderr */
	int syslog_facility; /* LOG_DAEMON */
	unsigned nb_log_levels;
	char *log_levels[PLX_EAL_LOG_LEVELS_MAX]; /* each as plx_log_set_level() takes it */

	/* checked builds (PLX_CHECK) */
	bool mbuf_track; /* each mbuf remembers who took, passed on and freed it last */

	/* what was asked instead of a run; plx_eal_init() ignores them */
	bool help;
	bool version;
};

/**
 * Set every field to its default. Nothing is allocated until something is parsed.
 *
 * @conf   caller's memory, any content
 *
 * Thread  any; one thread at a time for one @conf.
 */
PLX_API void plx_eal_conf_init(struct plx_eal_conf *conf);

/** Free the strings and set the defaults again. NULL is legal. */
PLX_API void plx_eal_conf_fini(struct plx_eal_conf *conf);

/**
 * Copy settings with their strings.
 *
 * @to     caller's memory, any content; to be freed by plx_eal_conf_fini()
 *
 * Returns 0, -ENOMEM (then @to holds the defaults and owns nothing).
 */
PLX_API int plx_eal_conf_copy(struct plx_eal_conf *to, const struct plx_eal_conf *from);

/**
 * Read a command line, DPDK's spelling. Stops after "--" or before the first argument that is no
 * option. A --config FILE in it is read first, wherever it stands: the command line wins over the
 * file; devices and log levels of both add up.
 *
 * @conf   initialised; changed in part when the call fails
 * @argc   arguments, the program's name included   [1, ..)
 * @argv   as main() got it. argv[ret - 1] is overwritten with argv[0], so that `argc - (ret - 1)`,
 *         `argv + (ret - 1)` are a command line of their own for the application. To read the same
 *         command line twice, give a copy of the array of pointers.
 *
 * Returns the index of the application's first argument, [1, argc]; conf->help or conf->version is
 *         set when asked for, and then nothing behind that option was looked at.
 * Errors  -EINVAL (one line was logged: option, value, what is allowed), -ENOMEM, or those of
 *         plx_eal_parse_file().
 * Thread  any, but no other thread may use getopt(3) meanwhile. Leaves getopt reset, so that the
 *         application's first call starts at its first argument (optind is 0, or what it was when
 *         the application was amid a command line of its own; optarg, opterr and optopt as they
 *         were).
 */
PLX_API int plx_eal_parse(struct plx_eal_conf *conf, int argc, char **argv);

/**
 * Read an INI file: section [eal], keys named like the long options without dashes ("lcores",
 * "vdev"; "mem" for -m), switches as yes or no. Keys that may repeat on the command line may
 * repeat here. Other sections are the application's and are skipped. Lines of up to 198 bytes.
 *
 * @conf   initialised; changed in part when the call fails
 *
 * Returns 0.
 * Errors  -EINVAL (one line was logged: file, line number, key, value, what is allowed), -ENOMEM,
 *         or the reason why the file can't be read, -ENOENT, -EACCES, -EISDIR ...
 * Thread  any.
 */
PLX_API int plx_eal_parse_file(struct plx_eal_conf *conf, const char *path);

/**
 * Start the EAL: log, clock, lcores, memory, control thread, workers. The calling thread becomes
 * the main lcore and is pinned to that lcore's CPUs; all else of it stays as it was. Workers are
 * scheduled as the caller is, or under SCHED_FIFO with rt_prio; then no two lcores may have the
 * same CPU as their only one. No signal handler is installed or, on failure, removed.
 *
 * @conf   copied; the caller may free it at once
 *
 * Returns 0.
 * Errors  -EALREADY (it runs), -EINVAL (settings that contradict each other, a CPU that is not
 *         there or not allowed), -ENOMEM (too few hugepages), -EPERM (real-time priority, locked
 *         memory), or what a system call said. One line was logged, everything was undone.
 * Thread  any thread that is no lcore; one call at a time in a process.
 */
PLX_API int plx_eal_init(const struct plx_eal_conf *conf);

/**
 * Stop the EAL and give everything back: workers join, memory is unmapped, the calling thread gets
 * the affinity and scheduling back that it had before plx_eal_init(), log levels that the settings
 * changed are as before it. After that plx_eal_init() may be called again. Does nothing when the
 * EAL does not run. With lock_memory all memory is unlocked, what the application had locked by
 * mlock(2) or mlockall(2) as well.
 *
 * Workers must have returned from what was launched on them, or be about to: this call waits.
 * All memory of the EAL, pools and rings in it included, is gone afterwards.
 *
 * In a child of fork() it joins nothing and waits for nothing: it closes the descriptors that the
 * child inherited, frees its copy of the tables, and puts signal handlers, log levels, and of an
 * lcore the affinity and scheduling back.
 *
 * Thread  the main lcore; another thread gets one error line and nothing happens. In a child of
 *         fork() its one thread, whatever it was in the parent.
 */
PLX_API void plx_eal_fini(void);

/**
 * The settings the EAL runs with: lcores and main lcore resolved, strings its own copy.
 *
 * Returns NULL when the EAL does not run.
 * Owner   the EAL; valid until plx_eal_fini().
 * Thread  any.
 */
PLX_API const struct plx_eal_conf *plx_eal_conf(void);

/** What plx_eal_init() took, entry to return, in nanoseconds; 0 when the EAL does not run. */
PLX_API uint64_t plx_eal_init_ns(void);

/** Print the options to @out, an application's --help prints its own around it. */
PLX_API void plx_eal_usage(FILE *out);

/** "MAJOR.MINOR.PATCH" of the library that runs (PLX_VERSION is that of the headers). */
PLX_API const char *plx_version(void);

PLX_END_DECLS

#endif
