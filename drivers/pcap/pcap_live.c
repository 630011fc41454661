/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Handles of libpcap on interfaces: made when the device is, or when its interface first comes up,
 * since libpcap makes none on one that is down.
 *
 * The kernel's ring has slots of one size, so snaplen decides how many frames may wait: it is what
 * the MTU asks for, not the 64 KB that libpcap takes where segmentation offloads are on. Longer
 * frames are cut by the kernel and counted as truncated.
 */
#include "pcap_private.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

enum {
	TX_SNAPLEN = 64, /* of a handle that only sends: libpcap makes a ring all the same */
	TX_BUFFER_BYTES = 64 << 10,
	LAZY_MS = 1, /* without immediate mode */
	DRAIN_BURST = 1024,
	DRAIN_SLOT_BYTES = 64, /* less than the smallest frame takes in the ring */
};

uint32_t plx_pcap_live_snaplen(const struct pcap_live *live)
{
	const struct pcap_port *pp = live->owner;

	if (!live->rx)
		return TX_SNAPLEN;
	return pp->conf.snaplen
		       ? pp->conf.snaplen
		       : plx_load_relaxed(&live->iface->mtu) + ETHER_HDR_LEN + PCAP_VLAN_ROOM;
}

/* ---- What went wrong ---- */

static int tell(const struct pcap_live *live, const char *what, const char *why, int error)
{
	plx_port_log(live->owner->port, PLX_LOG_ERR, "%s=%s: %s%s%s", live->key, live->iface->name,
		     what, *why ? ": " : "", why);
	return error;
}

static int tell_permission(const struct pcap_live *live)
{
	char program[256] = "PROGRAM";
	ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);

	if (len > 0)
		program[len] = '\0';
	plx_port_log(live->owner->port, PLX_LOG_ERR,
		     "%s=%s: no permission for packet sockets (CAP_NET_RAW): run it as root, or "
		     "once as root: setcap cap_net_raw+ep %s",
		     live->key, live->iface->name, program);
	return -EPERM;
}

static int tell_activate(const struct pcap_live *live, pcap_t *handle, int status)
{
	const char *why = pcap_geterr(handle);

	if (status == PCAP_ERROR_PERM_DENIED)
		return tell_permission(live);
	if (status == PCAP_ERROR_NO_SUCH_DEVICE)
		return tell(live, "no such interface", why, -ENODEV);
	return tell(live, pcap_statustostr(status), why, -EIO);
}

/* ---- What comes in ---- */

int plx_pcap_filter(struct pcap_port *pp, pcap_t *handle, const char *what)
{
	struct bpf_program program;
	int ret;

	if (!pp->conf.filter)
		return 0;
	if (pcap_compile(handle, &program, pp->conf.filter, 1, PCAP_NETMASK_UNKNOWN)) {
		plx_port_log(pp->port, PLX_LOG_ERR, "filter=%s: %s; see pcap-filter(7)",
			     pp->conf.filter, pcap_geterr(handle));
		return -EINVAL;
	}
	ret = pcap_setfilter(handle, &program);
	pcap_freecode(&program);
	if (ret) {
		plx_port_log(pp->port, PLX_LOG_ERR, "filter=%s: not taken by %s: %s",
			     pp->conf.filter, what, pcap_geterr(handle));
		return -EINVAL;
	}
	return 0;
}

/* Nothing passes from now on. libpcap need not know: what passed before is still its own. */
static int keep_out(pcap_t *handle)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog program = {.len = 1, .filter = &nothing};

	return setsockopt(pcap_fileno(handle), SOL_SOCKET, SO_ATTACH_FILTER, &program,
			  sizeof(program));
}

static void count_frame(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
	(void)header;
	(void)data;
	++*(uint64_t *)(void *)user;
}

/* All that the ring can hold, but not for ever where frames still come in. */
static uint64_t drain(const struct pcap_live *live, pcap_t *handle)
{
	uint64_t max = live->owner->conf.buffer_bytes / DRAIN_SLOT_BYTES + DRAIN_BURST;
	uint64_t nb = 0;

	while (nb < max && pcap_dispatch(handle, DRAIN_BURST, count_frame, (u_char *)&nb) > 0)
		;
	return nb;
}

/* Frames pass from now on. Those that slipped in since the stop are lost; what was there before
 * the first start never came to the port. */
static int let_in(struct pcap_live *live, pcap_t *handle)
{
	struct pcap_port *pp = live->owner;
	uint64_t nb = drain(live, handle);
	int on = 1;

	if (live->was_started)
		plx_count(&pp->flushed, nb);
	plx_pcap_live_drops(live, handle, live->was_started);
	live->was_started = true;
	if (pp->conf.filter)
		return plx_pcap_filter(pp, handle, live->iface->name);
	/* -ENOENT: there is none. */
	if (setsockopt(pcap_fileno(handle), SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof(on)) &&
	    errno != ENOENT)
		return tell(live, "can't take the filter away", strerror(errno), -errno);
	return 0;
}

/* ---- Open ---- */

static int configure(const struct pcap_live *live, pcap_t *handle)
{
	const struct pcap_conf *conf = &live->owner->conf;
	bool rx = live->rx;

	if (pcap_set_snaplen(handle, (int)plx_pcap_live_snaplen(live)) ||
	    pcap_set_buffer_size(handle, rx ? (int)conf->buffer_bytes : TX_BUFFER_BYTES) ||
	    pcap_set_immediate_mode(handle, conf->immediate || !rx) ||
	    pcap_set_timeout(handle, LAZY_MS) ||
	    pcap_set_tstamp_precision(handle, PCAP_TSTAMP_PRECISION_NANO))
		return tell(live, "libpcap refuses a setting", pcap_geterr(handle), -EINVAL);
	return 0;
}

static int set_up(struct pcap_live *live, pcap_t *handle)
{
	int fd = pcap_fileno(handle), type = pcap_datalink(handle), on = 1;
	char why[PCAP_ERRBUF_SIZE] = "";

	if (type != DLT_EN10MB) {
		const char *name = pcap_datalink_val_to_name(type);

		return tell(live, "not an Ethernet interface; its link type is",
			    name ? name : "unknown", -EINVAL);
	}
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) || pcap_setnonblock(handle, 1, why))
		return tell(live, "can't set the socket non-blocking", why, -EIO);
	if (live->in_only) {
		/* By the kernel, before it copies them (4.20 on), else by libpcap afterwards. */
		setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
		if (pcap_setdirection(handle, PCAP_D_IN))
			return tell(live, "can't leave out outgoing frames", pcap_geterr(handle),
				    -EIO);
	}
	return 0;
}

/* Of a handle that does not receive yet. A filter that is wrong is told now all the same. */
static int close_gate(struct pcap_live *live, pcap_t *handle)
{
	int ret = live->rx ? plx_pcap_filter(live->owner, handle, live->iface->name) : 0;

	if (ret == 0 && keep_out(handle))
		ret = tell(live, "can't set a filter", strerror(errno), -errno);
	return ret;
}

int plx_pcap_live_open(struct pcap_live *live)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	pcap_t *handle = pcap_create(live->iface->name, why);
	int ret;

	if (!handle)
		return tell(live, "libpcap makes no handle", why, -EIO);
	ret = configure(live, handle);
	if (ret)
		goto close_handle;
	ret = pcap_activate(handle);
	if (ret == PCAP_ERROR_IFACE_NOT_UP) {
		pcap_close(handle);
		return 0;
	}
	if (ret < 0) {
		ret = tell_activate(live, handle, ret);
		goto close_handle;
	}
	ret = set_up(live, handle);
	if (ret)
		goto close_handle;
	plx_pcap_live_join(live, handle);
	ret = live->receiving ? let_in(live, handle) : close_gate(live, handle);
	if (ret)
		goto close_handle;
	live->snaplen = plx_pcap_live_snaplen(live);
	/* Release: pairs with the acquire in the bursts, which may wait for the handle. */
	plx_store_release(&live->handle, handle);
	return 0;

close_handle:
	pcap_close(handle);
	return ret;
}

void plx_pcap_live_close(struct pcap_live *live)
{
	if (!live->handle)
		return;
	if (live->receiving)
		plx_pcap_live_drops(live, live->handle, true);
	pcap_close(live->handle);
	plx_store_relaxed(&live->handle, NULL);
}

/* ---- Start, stop ---- */

int plx_pcap_live_start(struct pcap_live *live)
{
	if (live->handle && live->snaplen != plx_pcap_live_snaplen(live))
		plx_pcap_live_close(live);
	live->receiving = true;
	return live->handle ? let_in(live, live->handle) : plx_pcap_live_open(live);
}

void plx_pcap_live_stop(struct pcap_live *live)
{
	struct pcap_port *pp = live->owner;

	if (!live->receiving)
		return;
	live->receiving = false;
	if (!live->handle)
		return;
	if (keep_out(live->handle))
		tell(live, "can't set a filter", strerror(errno), 0);
	plx_pcap_live_drops(live, live->handle, true);
	plx_count(&pp->flushed, drain(live, live->handle));
}
