/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the bus share:
 *
 *   addr.c       addresses, ids, the lists of -a and -b
 *   sysfs.c      small files
 *   scan.c       which functions there are
 *   pci.c        open, close, BARs, control: the checks, then the back end's call
 *   cfg.c        configuration space, capabilities
 *   event.c      errors, requests, removal of an open device
 *   uevent.c     functions that come and go
 *   dma.c        the calls for memory; iova_space.c: which addresses are taken
 *   intr.c       interrupts
 *   vfio.c       back end: groups, devices; vfio_container.c: containers, memory; vfio_intr.c
 *   uio.c        back end; uio_info.c: what sysfs tells of a UIO device
 *   standin.c    back end of tests: a model in the place of a device
 *
 * A back end is a struct plx_pci_ops. pci.c and its sisters check arguments and keep what is
 * common, so that a driver can't tell the back ends apart.
 */
#ifndef BUS_PRIVATE_H
#define BUS_PRIVATE_H

#include <linux/pci_regs.h>
#include <pollux/atomic.h>
#include <pollux/ctl.h>
#include <pollux/dma.h>
#include <pollux/intr.h>
#include <pollux/log.h>
#include <pollux/mem.h>
#include <pollux/pci.h>
#include <pollux/uio.h>
#include <sys/types.h>

extern struct plx_log_module plx_log_bus;

#define LOG_ERR(...) plx_log(&plx_log_bus, PLX_LOG_ERR, __VA_ARGS__)
#define LOG_WARN(...) plx_log(&plx_log_bus, PLX_LOG_WARN, __VA_ARGS__)
#define LOG_NOTICE(...) plx_log(&plx_log_bus, PLX_LOG_NOTICE, __VA_ARGS__)
#define LOG_INFO(...) plx_log(&plx_log_bus, PLX_LOG_INFO, __VA_ARGS__)
#define LOG_DEBUG(...) plx_log(&plx_log_bus, PLX_LOG_DEBUG, __VA_ARGS__)

/* Lines about a device begin with its address. */
#define dev_log(dev, level, fmt, ...)                                                              \
	plx_log(&plx_log_bus, level, "%s: " fmt, (dev)->info.name, ##__VA_ARGS__)

enum { BUS_PATH_MAX = 256 };

/* Where things are; tests put a tree of their own here. */
extern const char *plx_bus_sys;	 /* "/sys" */
extern const char *plx_bus_dev;	 /* "/dev" */
extern const char *plx_bus_proc; /* "/proc" */

/* ---- The device ---- */

enum { EVENTS = 3 }; /* of enum plx_pci_event */

struct plx_pci_event_slot {
	struct plx_pci_dev *dev;
	int fd; /* an eventfd; -1: not watched */
	bool told;
};

struct plx_pci_intr {
	enum plx_intr_kind kind;
	unsigned nb;
	size_t count_bytes;
	struct plx_pci_vector {
		int fd;
		plx_intr_fn fn;
		void *arg;
		struct plx_pci_dev *dev;
		struct plx_intr_stats stats; /* atomic */
	} vectors[PLX_INTR_VECTORS_MAX];
};

struct plx_pci_dev {
	const struct plx_pci_ops *ops;
	void *priv;	  /* the back end's */
	const void *what; /* while it opens: of the stand-in */
	struct plx_pci_info info;
	pid_t pid;		  /* who opened it */
	uint64_t folder;	  /* plx_pci_folder() */
	struct plx_pci_dev *next; /* of those that are open; under plx_pci_lock */
	struct plx_pci_mapped {
		struct plx_pci_bar bar;
		bool is_guarded; /* a range of plx_sigbus_range_add() */
		bool is_lost;	 /* atomic: all ones are in the place of some of it */
	} bars[PLX_PCI_BARS];
	uint32_t header[16]; /* of configuration space, as it was when it was opened */
	uint64_t dma_mask;   /* atomic */
	bool is_gone;	     /* atomic */
	struct plx_pci_intr intr;
	bool has_uevents; /* it holds them */
	plx_pci_event_fn event_fn;
	void *event_arg;
	struct plx_pci_event_slot events[EVENTS];
};

/* What plx_dma_map() wants of a back end. */
struct plx_dma_want {
	void *addr;
	size_t len_bytes;
	unsigned dir;
	uint64_t limit; /* the highest IOVA: the mask */
	bool streaming; /* it may share pages with what is mapped */
};

/*
 * A back end. Arguments were checked; a call logs its own failures, but for cfg_read, cfg_write and
 * io. Calls that may be NULL say so.
 */
struct plx_pci_ops {
	enum plx_pci_backend backend;
	/* dev->info is there. On failure nothing is left. */
	int (*open)(struct plx_pci_dev *dev, unsigned flags);
	/* Interrupts, events and BARs are gone already. */
	void (*close)(struct plx_pci_dev *dev);
	/* In a child of fork(): free what is the process's. */
	void (*forked)(struct plx_pci_dev *dev);

	/* Bytes done, or -errno. */
	ssize_t (*cfg_read)(struct plx_pci_dev *dev, unsigned offset, void *buf, size_t len);
	ssize_t (*cfg_write)(struct plx_pci_dev *dev, unsigned offset, const void *buf, size_t len);
	/* Map a memory BAR; with @at not NULL again at that address, where what is mapped stays
	 * until it is replaced (MAP_FIXED). */
	int (*bar_map)(struct plx_pci_dev *dev, unsigned bar, void *at, struct plx_pci_bar *out);
	/* Little-endian bytes of a port BAR. Bytes done, or -errno. */
	ssize_t (*io)(struct plx_pci_dev *dev, unsigned bar, unsigned offset, void *buf,
		      unsigned bytes, bool is_write);
	int (*reset)(struct plx_pci_dev *dev);
	/* NULL: by its class in configuration space alone. */
	bool (*is_gone)(struct plx_pci_dev *dev);

	unsigned (*intr_vectors)(struct plx_pci_dev *dev, enum plx_intr_kind kind);
	/* The back end's own descriptor, whose counter has count_bytes; NULL: intr.c makes an
	 * eventfd for each vector. */
	int (*intr_fd)(struct plx_pci_dev *dev, size_t *count_bytes);
	/* dev->intr.vectors[0, nb).fd are there. */
	int (*intr_enable)(struct plx_pci_dev *dev, enum plx_intr_kind kind, unsigned nb);
	void (*intr_disable)(struct plx_pci_dev *dev);
	int (*intr_rearm)(struct plx_pci_dev *dev);		       /* INTx only */
	int (*intr_trigger)(struct plx_pci_dev *dev, unsigned vector); /* may be NULL */

	/* dev->events[].fd are to be signalled, or not any more. May be NULL. */
	int (*events)(struct plx_pci_dev *dev, bool on);

	/* Memory that plx_mem_virt2iova() does not answer for. @base_iova, @base_bytes: what was
	 * mapped. Any thread. */
	int (*dma_map)(struct plx_pci_dev *dev, const struct plx_dma_want *want,
		       struct plx_dma_map *map);
	void (*dma_unmap)(struct plx_pci_dev *dev, const struct plx_dma_map *map);
	unsigned (*dma_ranges)(const struct plx_pci_dev *dev, struct plx_dma_range *ranges,
			       unsigned room);
};

extern const struct plx_pci_ops plx_vfio_ops;
extern const struct plx_pci_ops plx_uio_ops;
extern const struct plx_pci_ops plx_standin_ops;

/* pci.c: guards the list of open devices. Taken before any lock of a back end. */
void plx_pci_lock(void);
void plx_pci_unlock(void);
/* The open device of that address, or NULL; lock held. */
struct plx_pci_dev *plx_pci_opened(const struct plx_pci_addr *addr);
/* Put a device of a back end on the list. */
int plx_pci_open_as(const struct plx_pci_ops *ops, const struct plx_pci_info *info,
		    const void *what, unsigned flags, struct plx_pci_dev **out);

/* event.c: signal one; any thread. */
void plx_pci_event_signal(struct plx_pci_dev *dev, enum plx_pci_event event);
void plx_pci_event_forked(struct plx_pci_dev *dev);

/* uevent.c: the socket is there while it is held. -ENODEV: no EAL. */
int plx_uevent_hold(void);
void plx_uevent_release(void);
void plx_uevent_forked(void);
/* A message, its last byte 0. False: not about a PCI function. */
bool plx_uevent_parse(const char *text, size_t len, struct plx_pci_addr *addr,
		      enum plx_pci_change *change);

/* What a message says, in the control thread. */
void plx_uevent_tell(const struct plx_pci_addr *addr, enum plx_pci_change change);

/* intr.c */
void plx_intr_forked(struct plx_pci_dev *dev);

/* eal/sigbus.c: in a child of fork() its lock is free, and no handler runs. */
void plx_sigbus_forked(void);

/* ---- The stand-in: a model in the place of a device ---- */

/*
 * What the model is. Its BARs are the model's memory (or addresses of its plx_mmio_hook), IOVA is
 * VA and nothing is mapped, vectors are eventfds that plx_pci_standin_interrupt() signals.
 */
struct plx_pci_standin {
	const char *name; /* "0000:00:01.0": as plx_pci_addr_parse() takes it */
	struct plx_pci_id id;
	uint8_t revision;
	struct plx_pci_bar bars[PLX_PCI_BARS]; /* without an address: ports; of no bytes: none */
	unsigned nb_msix, nb_msi;	       /* vectors */
	bool has_intx;
	/* Each may be NULL: configuration space is then a type 0 header of the ids, that keeps what
	 * is written; ports answer -EIO; a reset does nothing; INTx needs no rearm. */
	ssize_t (*cfg_read)(void *arg, unsigned offset, void *buf, size_t len);
	ssize_t (*cfg_write)(void *arg, unsigned offset, const void *buf, size_t len);
	ssize_t (*io)(void *arg, unsigned bar, unsigned offset, void *buf, unsigned bytes,
		      bool is_write);
	int (*reset)(void *arg);
	int (*intr_rearm)(void *arg);
	void (*closed)(void *arg); /* at the end of plx_pci_close() */
	void *arg;
};

/** Open a device that is a model. @is is copied. plx_pci_close() closes it. */
int plx_pci_standin_open(const struct plx_pci_standin *is, struct plx_pci_dev **dev);

/** The model asks for an interrupt. Nothing happens while the vector is not enabled. Any thread. */
void plx_pci_standin_interrupt(struct plx_pci_dev *dev, unsigned vector);

/** The model tells an event; PLX_PCI_EVENT_REMOVED: plx_pci_is_gone() from now on. Any thread. */
void plx_pci_standin_event(struct plx_pci_dev *dev, enum plx_pci_event event);

/* ---- sysfs.c ---- */

/* Read a small file, cut at the first newline. Returns bytes, or -errno. */
ssize_t plx_bus_read_text(const char *path, char *text, size_t room);
/* A number of any base in a file. Returns 0, -errno, -EINVAL. */
int plx_bus_read_u64(const char *path, uint64_t *value);
/* The last part of what a link points at. Returns 0, -errno. */
int plx_bus_read_link(const char *path, char *name, size_t room);

/* addr.c: -b names it, or --no-pci says so: it is not even to be looked at. */
bool plx_pci_is_blocked(const struct plx_eal_conf *conf, const struct plx_pci_addr *addr);

/* scan.c: "<sys>/bus/pci/devices/0000:01:00.0/<file>". Returns @path. */
const char *plx_pci_sys_path(const struct plx_pci_addr *addr, const char *file,
			     char path[BUS_PATH_MAX]);
/* Which folder of sysfs that is: another one when a function came again. 0: none. */
uint64_t plx_pci_folder(const struct plx_pci_addr *addr);

/* ---- iova_space.c: which addresses are taken ---- */

struct plx_iova_span {
	uint64_t first, last;
};

struct plx_iova_space {
	struct plx_dma_range *ranges; /* allowed, ascending; 0: all */
	unsigned nb_ranges;
	struct plx_iova_span *taken; /* ascending */
	struct plx_iova_span kept;   /* for what names its place; empty if 0 to 0 */
	size_t nb_taken, room;
};

void plx_iova_space_fini(struct plx_iova_space *space);
/* All of [first, last] within one range? */
bool plx_iova_space_allows(const struct plx_iova_space *space, uint64_t first, uint64_t last);
/* Take exactly these. Returns 0, -ERANGE (not within a range), -EEXIST, -ENOMEM. */
int plx_iova_space_take(struct plx_iova_space *space, uint64_t first, uint64_t len);
/* Take the highest place at or below @limit that touches nothing of what is kept; if there is none,
 * the highest one within it. Returns 0, -ENOSPC, -ENOMEM. */
int plx_iova_space_find(struct plx_iova_space *space, uint64_t len, uint64_t align, uint64_t limit,
			uint64_t *first);
/* Give back what was taken at @first. Returns 0, -ENOENT. */
int plx_iova_space_give(struct plx_iova_space *space, uint64_t first);

#endif
