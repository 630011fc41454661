/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PCI functions in user space: find them in sysfs, open one that is bound to vfio-pci (safe: an
 * IOMMU confines it) or to uio_pci_generic (unsafe: asked for by a flag), reach its registers and
 * its configuration space. <pollux/dma.h> lets it reach memory, <pollux/intr.h> lets it interrupt.
 *
 * A driver sees no difference between the back ends, but for what plx_pci_backend() and
 * plx_intr_vectors() tell. Nothing here is about network cards.
 *
 * The EAL need not run: without it there is no EAL memory to be mapped, and callbacks (events,
 * interrupt handlers, plx_pci_watch_add()) answer -ENODEV, since they run in its control thread.
 * If it does, it is started before the first device is opened and ended after the last is closed.
 *
 * Calls for one device come from one thread at a time, unless said otherwise; those for different
 * devices from any. A failure is one log line that says what mends it.
 *
 * fork(): BARs are not mapped in a child, and plx_pci_forked() closes what it inherited; as long as
 * a child lives that has not called it, a VFIO device is not reset when its parent dies, and a UIO
 * device stays locked. plx_pci_close() is the opener's: in a child it does nothing but say so.
 */
#ifndef POLLUX_PCI_H
#define POLLUX_PCI_H

#include <pollux/compiler.h>
#include <pollux/eal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

PLX_BEGIN_DECLS

struct plx_pci_dev; /* a function that is open */

/* ---- Addresses and ids ---- */

struct plx_pci_addr {
	uint32_t domain;
	uint8_t bus, dev, fn; /* [0, 255], [0, 31], [0, 7] */
};

enum {
	PLX_PCI_NAME_MAX =
		20, /* bytes of "0000:01:00.0", with the NUL; a domain has up to 8 digits */
	PLX_PCI_BARS = 6,
	PLX_PCI_DRIVER_MAX = 32,
	PLX_PCI_CFG_BYTES = 256,
	PLX_PCI_CFG_EXT_BYTES = 4096, /* of PCI Express */
};

/**
 * Read "0000:01:00.0" or "01:00.0".
 *
 * @rest  out: what follows the address, in @text; NULL: nothing may follow
 * Returns 0, -EINVAL (without a line). Any thread.
 */
PLX_API int plx_pci_addr_parse(const char *text, struct plx_pci_addr *addr, const char **rest);

/** Write "0000:01:00.0". Returns @name. Any thread. */
PLX_API char *plx_pci_addr_format(const struct plx_pci_addr *addr, char name[PLX_PCI_NAME_MAX]);

/** As strcmp(): by domain, bus, device, function. Any thread. */
PLX_API int plx_pci_addr_compare(const struct plx_pci_addr *a, const struct plx_pci_addr *b);

#define PLX_PCI_ANY 0xffff /* in a table of ids */

/* What a function is, or a line of a driver's table, which ends with a vendor of 0. */
struct plx_pci_id {
	uint16_t vendor, device;
	uint16_t subsystem_vendor, subsystem_device; /* PLX_PCI_ANY in a table: any */
	uint32_t class_code; /* 24 bits: class, subclass, interface; 0 in a table: any */
};

/* A line of a table: any subsystem, any class. */
#define PLX_PCI_ID(vendor, device)                                                                 \
	{                                                                                          \
		(vendor), (device), PLX_PCI_ANY, PLX_PCI_ANY, 0                                    \
	}

/** The first line of @table that fits @id, or NULL. Any thread. */
PLX_API const struct plx_pci_id *plx_pci_id_match(const struct plx_pci_id *table,
						  const struct plx_pci_id *id);

/* ---- What is there ---- */

enum plx_pci_bar_kind {
	PLX_PCI_BAR_NONE, /* not there, or the upper half of a 64-bit one */
	PLX_PCI_BAR_MEM,
	PLX_PCI_BAR_IO, /* ports: plx_pci_io_read() */
};

struct plx_pci_bar_info {
	enum plx_pci_bar_kind kind;
	bool is_64bit, is_prefetchable;
	uint64_t start; /* as the kernel has assigned it */
	uint64_t len_bytes;
};

/* What drives it now. */
enum plx_pci_backend {
	PLX_PCI_UNBOUND, /* nothing */
	PLX_PCI_KERNEL,	 /* a driver of the kernel */
	PLX_PCI_VFIO,	 /* vfio-pci, or a driver made of it */
	PLX_PCI_UIO,	 /* a UIO driver: uio_pci_generic, igb_uio */
	PLX_PCI_STANDIN, /* of a test: a model instead of a device */
};

struct plx_pci_info {
	struct plx_pci_addr addr;
	char name[PLX_PCI_NAME_MAX]; /* "0000:01:00.0" */
	struct plx_pci_id id;
	uint8_t revision;
	int node;	 /* NUMA node; PLX_NODE_ANY (-1) when the machine does not tell */
	int iommu_group; /* -1: none */
	enum plx_pci_backend backend;
	char driver[PLX_PCI_DRIVER_MAX]; /* of the kernel, "": none */
	struct plx_pci_bar_info bars[PLX_PCI_BARS];
};

enum plx_pci_walk_flags {
	PLX_PCI_WALK_USABLE = 1u << 0, /* only what is bound to VFIO or UIO */
};

/**
 * Call @fn for each function of the machine, ascending addresses, until it returns non-zero. A
 * function that vanishes meanwhile is left out.
 *
 * @flags  of enum plx_pci_walk_flags, or 0
 * Returns 0, what @fn returned, -EINVAL (other flags, no @fn), -ENOMEM, or why sysfs can't be read;
 *         0 also on a machine without PCI.
 * Thread  any.
 */
typedef int (*plx_pci_walk_fn)(const struct plx_pci_info *info, void *arg);
PLX_API int plx_pci_walk(unsigned flags, plx_pci_walk_fn fn, void *arg);

/** Look one up. Returns 0, -ENODEV (without a line). Any thread. */
PLX_API int plx_pci_find(const struct plx_pci_addr *addr, struct plx_pci_info *info);

/**
 * Is somebody using it? With a driver of the kernel: it has an interface that is up, a disk that is
 * mounted is not looked for. With VFIO or UIO: a process has it open, as far as this user may know:
 * those of other users are for root to see, those of another pid namespace for nobody.
 *
 * @by     out: "eth0 is up", "process 1234"; may be NULL
 * Thread  any. Makes some system calls for each process of the machine with VFIO and UIO.
 */
PLX_API bool plx_pci_in_use(const struct plx_pci_info *info, char *by, size_t by_bytes);

/* ---- -a and -b ---- */

/**
 * Check the addresses of -a and -b of the settings: they can be read, none stands twice.
 *
 * Returns 0, -EINVAL after a line. Any thread.
 */
PLX_API int plx_pci_lists_check(const struct plx_eal_conf *conf);

/**
 * Is a function to be used? With -a: only those named; with -b: all but those named; with --no-pci
 * none, unless -a names it.
 *
 * @args   out: what stands behind the address of -a, "key=value,..."; "" when nothing does. May be
 *         NULL.
 * Returns true. Any thread.
 */
PLX_API bool plx_pci_is_wanted(const struct plx_eal_conf *conf, const struct plx_pci_addr *addr,
			       const char **args);

/* ---- Open and close ---- */

enum plx_pci_open_flags {
	/* UIO and VFIO without an IOMMU as well: the device may write anywhere in memory. */
	PLX_PCI_UNSAFE_DMA = 1u << 0,
};

/**
 * Open a function by what it is bound to. It is powered (D0), its bus mastering is off, no
 * interrupt is enabled. With VFIO it was reset; with UIO it is as the last user left it.
 *
 * Memory of the EAL, what is there and what comes, is mapped for it until it is closed.
 *
 * With UIO the file `config` is locked (flock), which keeps a second process of Pollux out; not one
 * that sees another mount of sysfs, as in a container with a network namespace of its own.
 *
 * @flags  of enum plx_pci_open_flags, or 0
 *
 * Returns 0.
 * Errors  -EINVAL (other flags; UIO while the EAL has IOVA as VA), -ENODEV (not there, does not
 *         answer, or bound to no driver of these), -EBUSY (in use; a group that is not
 *         viable: the line names the device that spoils it), -EACCES (who may open the group),
 *         -EPERM (unsafe and not asked for), -ENOMEM (RLIMIT_MEMLOCK), -ERANGE (memory lies outside
 *         of the IOMMU's ranges), or what a system call said.
 * Thread  any.
 */
PLX_API int plx_pci_open(const struct plx_pci_addr *addr, unsigned flags, struct plx_pci_dev **dev);

/**
 * Close: interrupts and bus mastering off, BARs and memory unmapped, VFIO resets the function. The
 * driver has stopped the device's DMA and taken back what it gave to plx_dma_map(). Not from a
 * callback of that device. NULL is legal.
 */
PLX_API void plx_pci_close(struct plx_pci_dev *dev);

/**
 * How addresses of memory look to a function: PLX_IOVA_VA with an IOMMU, PLX_IOVA_PA without (UIO),
 * PLX_IOVA_AUTO when it is bound to neither. For who starts the EAL without plx_init(), which
 * chooses by all functions that will be used.
 */
PLX_API enum plx_iova_mode plx_pci_iova_mode(const struct plx_pci_info *info);

/**
 * Take bus mastering from all functions that are bound to UIO and that no process has open: what a
 * process that died left them writing to is not written to any more. plx_init() does it. What -b
 * names is left alone, and with --no-pci what -a does not name.
 *
 * A process has one open that holds its lock (see plx_pci_open()), or that /proc shows with its
 * /dev/uioN; so not from a container that sees neither: use --no-pci there, or -b.
 *
 * Returns true; false after a line when one is left running: plx_mem_reap_stale(), which removes
 *         what it may be writing to, is not to be called then.
 * Thread  any.
 */
PLX_API bool plx_pci_quiet_stale(void);

/** In a child of fork(): close what the parent had open, without touching the devices. */
PLX_API void plx_pci_forked(void);

/** What it was when it was opened. Valid until it is closed; any thread. */
PLX_API const struct plx_pci_info *plx_pci_info(const struct plx_pci_dev *dev);

/** PLX_PCI_VFIO, PLX_PCI_UIO or PLX_PCI_STANDIN; any thread. */
PLX_API enum plx_pci_backend plx_pci_backend(const struct plx_pci_dev *dev);

/* ---- Configuration space ---- */

/**
 * Read or write, in the CPU's byte order.
 *
 * @offset  a multiple of the size, within [0, 4096); beyond 255 only PCI Express has something
 * Returns 0, -EINVAL, -EIO (there is nothing; the device is gone; no line, since drivers ask for
 *         things that need not be there). @value of a failed read is all ones.
 */
PLX_API int plx_pci_cfg_read8(struct plx_pci_dev *dev, unsigned offset, uint8_t *value);
PLX_API int plx_pci_cfg_read16(struct plx_pci_dev *dev, unsigned offset, uint16_t *value);
PLX_API int plx_pci_cfg_read32(struct plx_pci_dev *dev, unsigned offset, uint32_t *value);
PLX_API int plx_pci_cfg_write8(struct plx_pci_dev *dev, unsigned offset, uint8_t value);
PLX_API int plx_pci_cfg_write16(struct plx_pci_dev *dev, unsigned offset, uint16_t value);
PLX_API int plx_pci_cfg_write32(struct plx_pci_dev *dev, unsigned offset, uint32_t value);

/** Read some bytes as they stand. Returns the bytes read, less than @len at the end; -EIO. */
PLX_API int plx_pci_cfg_read(struct plx_pci_dev *dev, unsigned offset, void *buf, size_t len);

/**
 * Find a capability: @id of <linux/pci_regs.h>, PCI_CAP_ID_MSIX say; the first of that id.
 *
 * @offset  out: where it begins in configuration space
 * Returns 0, -ENOENT, -EIO. A list that is broken (a loop, an end outside) ends where it breaks.
 */
PLX_API int plx_pci_cap_find(struct plx_pci_dev *dev, uint8_t id, unsigned *offset);

/** The same for extended capabilities of PCI Express, PCI_EXT_CAP_ID_ERR say. */
PLX_API int plx_pci_ext_cap_find(struct plx_pci_dev *dev, uint16_t id, unsigned *offset);

/* A capability: of the first list (id 8 bits, offset below 256) or of the extended one. */
struct plx_pci_cap {
	uint16_t id;
	uint8_t version; /* of an extended one; else 0 */
	bool is_extended;
	uint16_t offset;
};

/**
 * Take the lists of capabilities out of configuration space; for bytes of any origin.
 *
 * @cfg    from offset 0    @len  up to 4096; below 64: none
 * @caps   out: @room entries at most
 * Returns how many there are, which may be more than @room. Any thread.
 */
PLX_API unsigned plx_pci_caps_parse(const uint8_t *cfg, size_t len, struct plx_pci_cap *caps,
				    unsigned room);

/* ---- Registers ---- */

struct plx_pci_bar {
	void *addr;
	size_t len_bytes;
};

/**
 * Map a memory BAR, uncached; for plx_mmio_read32() and its sisters. It is mapped once: a second
 * call gives the same. Unmapped by plx_pci_close().
 *
 * When the device is pulled out, or its memory decoding is off, an access raises SIGBUS; with
 * plx_sigbus_guard_on() (<pollux/sigbus.h>; plx_init() calls it) it reads all ones instead,
 * from then on, until plx_pci_reset() or plx_pci_bar_map() finds the device back. What is written
 * meanwhile is read back, as from memory: who polls for a bit that he has set himself asks
 * plx_pci_is_gone(), or a register that nobody writes.
 *
 * Parts that VFIO does not let be mapped (the table of MSI-X on kernels before 4.16) raise SIGSEGV,
 * which no guard takes.
 *
 * @bar   [0, PLX_PCI_BARS)
 *
 * Returns 0.
 * Errors  -EINVAL, -ENOENT (no such BAR), -EOPNOTSUPP (a port BAR; memory that VFIO does not let
 *         map), -ENOSPC (PLX_SIGBUS_RANGES_MAX are mapped in this process), -ERANGE (VFIO tells of
 *         parts beyond its end), or mmap's.
 */
PLX_API int plx_pci_bar_map(struct plx_pci_dev *dev, unsigned bar, struct plx_pci_bar *out);

/**
 * Read or write a port BAR, by the VFIO region or the resource file: a system call each.
 *
 * @offset  a multiple of @bytes within the BAR     @bytes  1, 2 or 4
 * Returns 0, -EINVAL, -ENOENT, -EOPNOTSUPP (no port BAR), -EIO (all ones).
 */
PLX_API int plx_pci_io_read(struct plx_pci_dev *dev, unsigned bar, unsigned offset, unsigned bytes,
			    uint32_t *value);
PLX_API int plx_pci_io_write(struct plx_pci_dev *dev, unsigned bar, unsigned offset, unsigned bytes,
			     uint32_t value);

/* ---- Control ---- */

/** Let the device begin transfers (DMA, MSI), or not. Returns 0, -EIO. */
PLX_API int plx_pci_bus_master(struct plx_pci_dev *dev, bool on);

/**
 * Reset the function (FLR, or what the kernel finds to do instead). The kernel restores
 * configuration space, but for bus mastering, which is off then. BARs stay mapped, interrupts stay
 * enabled; all registers of the device are as after power-on.
 *
 * Returns 0, -EOPNOTSUPP (it can't be reset alone), -EIO, -ENODEV (gone). Takes 100 ms and more.
 */
PLX_API int plx_pci_reset(struct plx_pci_dev *dev);

/**
 * Is it still there? For who read all ones (or, of an emulator, zero) from a register. By its class
 * and revision, since vfio-pci answers for the ids of a device that is gone. True for ever once a
 * removal was seen.
 *
 * Thread  any. A system call.
 */
PLX_API bool plx_pci_is_gone(struct plx_pci_dev *dev);

/* ---- Events: in the control thread ---- */

enum plx_pci_event {
	PLX_PCI_EVENT_ERROR,   /* a fatal bus error (AER): quiesce, reset */
	PLX_PCI_EVENT_REQUEST, /* the kernel wants it back, for removal or unbind: close it soon */
	PLX_PCI_EVENT_REMOVED, /* it is gone */
};

typedef void (*plx_pci_event_fn)(struct plx_pci_dev *dev, enum plx_pci_event event, void *arg);

/**
 * Who is told what happens to a device; NULL: nobody. One at a time. When this returns the callback
 * of before does not run and will not run, unless it is the caller. A request is told once.
 *
 * Returns 0, -ENODEV (no EAL).
 * Thread  as all calls for this device, and from within the callback.
 */
PLX_API int plx_pci_event_set(struct plx_pci_dev *dev, plx_pci_event_fn fn, void *arg);

enum plx_pci_change {
	PLX_PCI_CHANGE_ADDED,
	PLX_PCI_CHANGE_REMOVED,
	PLX_PCI_CHANGE_BOUND, /* to a driver, any */
	PLX_PCI_CHANGE_UNBOUND,
};

typedef void (*plx_pci_watch_fn)(const struct plx_pci_addr *addr, enum plx_pci_change change,
				 void *arg);

struct plx_pci_watch {
	plx_pci_watch_fn fn;
	void *arg;
	struct plx_pci_watch *next; /* the library's while it watches */
};

/**
 * Hear of functions that come and go, by the kernel's uevents.
 *
 * @watch  the caller's memory, valid until plx_pci_watch_del()
 *
 * Returns 0, -EINVAL, -EEXIST, -ENODEV (no EAL), or why there is no socket for uevents.
 * Thread  any, but not from a watch's callback.
 */
PLX_API int plx_pci_watch_add(struct plx_pci_watch *watch);

/** When this returns the callback does not run and will not run. Returns 0, -ENOENT. */
PLX_API int plx_pci_watch_del(struct plx_pci_watch *watch);

PLX_END_DECLS

#endif
