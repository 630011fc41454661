/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program in the interface: it hands the packets of a queue to the socket that stands in the
 * map under the queue's number, and those of other queues to the kernel. A bpf_link holds it there,
 * so that it goes with the last file descriptor, however this process ends.
 */
#include "xdp_private.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int log_libbpf(enum libbpf_print_level level, const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));

/* What the library says is detail: the line about a failure is this driver's. */
static int log_libbpf(enum libbpf_print_level level, const char *fmt, va_list args)
{
	char text[512];
	size_t len;

	(void)level;
	if (!plx_log_enabled(&plx_log_port, PLX_LOG_DEBUG))
		return 0;
	vsnprintf(text, sizeof(text), fmt, args);
	len = strlen(text);
	if (len > 0 && text[len - 1] == '\n')
		text[len - 1] = '\0';
	plx_log(&plx_log_port, PLX_LOG_DEBUG, "%s", text);
	return 0;
}

/* ---- Load ---- */

static int load_own(struct plx_port *port)
{
	struct plx_xdp_port *xdp = port->priv;
	int map_fd = bpf_map_create(BPF_MAP_TYPE_XSKMAP, "plx_xsks", sizeof(uint32_t), sizeof(int),
				    xdp->first_queue + xdp->nb_rx_queues, NULL);
	const struct bpf_insn insns[] = {
		/* r2 = ctx->rx_queue_index */
		{.code = BPF_LDX | BPF_MEM | BPF_W,
		 .dst_reg = BPF_REG_2,
		 .src_reg = BPF_REG_1,
		 .off = offsetof(struct xdp_md, rx_queue_index)},
		/* r1 = map: an immediate of two places */
		{.code = BPF_LD | BPF_DW,
		 .dst_reg = BPF_REG_1,
		 .src_reg = BPF_PSEUDO_MAP_FD,
		 .imm = map_fd},
		{.code = 0},
		/* r3 = what to do when the queue is not in the map */
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = XDP_PASS},
		/* return bpf_redirect_map(r1, r2, r3) */
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect_map},
		{.code = BPF_JMP | BPF_EXIT},
	};

	if (map_fd < 0)
		return -errno;
	xdp->prog_fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "plx_xdp", "Dual BSD/GPL", insns,
				     PLX_ARRAY_SIZE(insns), NULL);
	if (xdp->prog_fd < 0) {
		int ret = -errno;

		close(map_fd);
		return ret;
	}
	xdp->map_fd = map_fd;
	return 0;
}

/* A program of the user's: the first of its file, and the map that it calls xsks_map. */
static int load_file(struct plx_port *port)
{
	struct plx_xdp_port *xdp = port->priv;
	struct bpf_program *prog;
	struct bpf_map *map;
	int ret;

	xdp->object = bpf_object__open_file(xdp->prog_path, NULL);
	if (!xdp->object)
		return -errno;
	prog = bpf_object__next_program(xdp->object, NULL);
	map = bpf_object__find_map_by_name(xdp->object, "xsks_map");
	ret = prog && map ? 0 : -ENOENT;
	if (ret == 0) {
		bpf_program__set_type(prog, BPF_PROG_TYPE_XDP);
		ret = bpf_object__load(xdp->object);
	}
	if (ret) {
		bpf_object__close(xdp->object);
		xdp->object = NULL;
		return ret;
	}
	xdp->prog_fd = bpf_program__fd(prog);
	xdp->map_fd = bpf_map__fd(map);
	return 0;
}

static int load(struct plx_port *port)
{
	const struct plx_xdp_port *xdp = port->priv;
	int ret = xdp->prog_path ? load_file(port) : load_own(port);

	if (ret == -EPERM || ret == -EACCES)
		plx_port_log(port, PLX_LOG_ERR,
			     "no right to load an XDP program: run as root, or with CAP_BPF, "
			     "CAP_NET_ADMIN and CAP_NET_RAW");
	else if (ret && xdp->prog_path)
		plx_port_log(port, PLX_LOG_ERR,
			     "xdp_prog=%s: %s; want an object with one XDP program and an XSKMAP "
			     "named xsks_map (--log-level port:debug tells more)",
			     xdp->prog_path, strerror(-ret));
	else if (ret)
		plx_port_log(port, PLX_LOG_ERR, "can't load the XDP program: %s", strerror(-ret));
	return ret;
}

static void unload(struct plx_xdp_port *xdp)
{
	if (xdp->object) {
		bpf_object__close(xdp->object);
		xdp->object = NULL;
		return;
	}
	close(xdp->prog_fd);
	close(xdp->map_fd);
	xdp->prog_fd = xdp->map_fd = -1;
}

/* ---- Attach ---- */

static int link_in(struct plx_xdp_port *xdp, bool native)
{
	DECLARE_LIBBPF_OPTS(bpf_link_create_opts, opts);

	opts.flags = native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
	xdp->link_fd = bpf_link_create(xdp->prog_fd, (int)xdp->if_index, BPF_XDP, &opts);
	if (xdp->link_fd < 0)
		return -errno;
	xdp->is_native = native;
	return 0;
}

static int attach(struct plx_port *port)
{
	struct plx_xdp_port *xdp = port->priv;
	int ret;

	if (xdp->mode == PLX_XDP_SKB)
		return link_in(xdp, false);
	ret = link_in(xdp, true);
	if (ret == 0 || xdp->mode != PLX_XDP_AUTO || ret == -EBUSY || ret == -EEXIST ||
	    ret == -EPERM)
		return ret;
	plx_port_log(port, PLX_LOG_NOTICE,
		     "the driver of %s does not take an XDP program as things are (%s): using the "
		     "generic way, which is slower",
		     xdp->iface, strerror(-ret));
	return link_in(xdp, false);
}

int plx_xdp_prog_attach(struct plx_port *port)
{
	struct plx_xdp_port *xdp = port->priv;
	int ret;

	libbpf_set_print(log_libbpf);
	ret = load(port);
	if (ret)
		return ret;
	ret = attach(port);
	if (ret == 0)
		return 0;
	if (ret == -EBUSY || ret == -EEXIST)
		plx_port_log(port, PLX_LOG_ERR,
			     "%s has an XDP program already: end the program that put it there, or "
			     "take it off: ip link set dev %s xdp off",
			     xdp->iface, xdp->iface);
	else
		plx_port_log(port, PLX_LOG_ERR,
			     "%s does not take an XDP program by mode=%s: %s; allowed is mode=auto",
			     xdp->iface, xdp->mode == PLX_XDP_SKB ? "skb" : "native or zerocopy",
			     strerror(-ret));
	unload(xdp);
	return ret == -EEXIST ? -EBUSY : ret;
}

void plx_xdp_prog_close(struct plx_xdp_port *xdp)
{
	close(xdp->link_fd);
	xdp->link_fd = -1;
	unload(xdp);
}

void plx_xdp_prog_detach(struct plx_port *port)
{
	struct plx_xdp_port *xdp = port->priv;

	/* A child of fork() may have the file, too. Where the device is gone, the program is. */
	(void)bpf_link_detach(xdp->link_fd);
	plx_xdp_prog_close(xdp);
}

int plx_xdp_prog_steer(struct plx_port *port, unsigned queue, int fd)
{
	struct plx_xdp_port *xdp = port->priv;

	if (bpf_map_update_elem(xdp->map_fd, &queue, &fd, BPF_ANY) == 0)
		return 0;
	plx_port_log(port, PLX_LOG_ERR,
		     "queue %u of %s can't be put into the XDP program's map: %s", queue,
		     xdp->iface, strerror(errno));
	return -errno;
}

void plx_xdp_prog_unsteer(struct plx_port *port, unsigned queue)
{
	struct plx_xdp_port *xdp = port->priv;

	bpf_map_delete_elem(xdp->map_fd, &queue);
}
