/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device string: "net_pcap0,rx_pcap=in.pcap,tx_iface=eth0". Streams become queues in the order
 * in which they stand. DPDK's keys mean what they mean there, but for iface=, which brings only
 * frames that come in, since who forwards must not see what the host itself sends.
 */
#include "pcap_private.h"

#include <limits.h>
#include <stdlib.h>

enum {
	BUFFER_DEFAULT = 4 << 20,
	BUFFER_MIN = 64 << 10,
	BUFFER_MAX = 1 << 30,
};

const struct plx_devargs_key plx_pcap_keys[] = {
	{"iface", false, "INTERFACE: receive from it what comes in, and send to it"},
	{"rx_iface", true, "INTERFACE: receive what comes in and what goes out by it"},
	{"rx_iface_in", true, "INTERFACE: receive what comes in"},
	{"tx_iface", true, "INTERFACE: send to it"},
	{"rx_pcap", true,
	 "FILE: receive what a pcap or pcapng file holds; the link goes down at "
	 "its end"},
	{"tx_pcap", true, "FILE: write what is sent into a pcap file, made anew"},
	{"phy_mac", false,
	 "0|1: the port's address is the interface's, not 02:70:63:61:70:NUMBER; "
	 "default 0, and 1 with promisc=0"},
	{"promisc", false,
	 "0|1: the interface is promiscuous while the port is there, default 1; "
	 "with 0 as plx_port_promisc_set() says"},
	{"immediate", false,
	 "0|1: a frame can be had at once, default 1; with 0 after 1 ms, or "
	 "when a block of them is full"},
	{"buffer_bytes", false, "BYTES: the kernel's room for frames that wait, default 4194304"},
	{"snaplen", false, "BYTES: take no more of a frame than this, and let cut frames through"},
	{"filter", false, "EXPRESSION: receive only what matches; see pcap-filter(7)"},
	{"infinite_rx", false, "0|1: the packets of rx_pcap come again and again"},
	{"replay", false,
	 "fast|recorded: packets of rx_pcap come as fast as they are polled, the "
	 "default, or as far apart as they were recorded"},
	{"rate_pps", false, "NUMBER: so many packets of each rx_pcap a second"},
	{"tx_stamp", false,
	 "packet|now: tx_pcap has the packets' own times where they have one, "
	 "the default, or the time of sending"},
	{NULL, false, NULL},
};

static int read_conf(struct pcap_conf *conf, const struct plx_devargs *args)
{
	static const char *const replays[] = {"fast", "recorded", NULL};
	static const char *const stamps[] = {"packet", "now", NULL};
	unsigned replay = PCAP_REPLAY_FAST, stamp = 0;
	const char *filter = plx_devargs_get(args, "filter");

	conf->immediate = conf->promisc = true;
	conf->buffer_bytes = BUFFER_DEFAULT;
	if (plx_devargs_bool(args, "immediate", &conf->immediate) ||
	    plx_devargs_bool(args, "promisc", &conf->promisc) ||
	    plx_devargs_bool(args, "infinite_rx", &conf->infinite_rx) ||
	    plx_devargs_u32(args, "buffer_bytes", BUFFER_MIN, BUFFER_MAX, &conf->buffer_bytes) ||
	    plx_devargs_u32(args, "snaplen", PCAP_SNAPLEN_MIN, PCAP_FRAME_MAX, &conf->snaplen) ||
	    plx_devargs_u64(args, "rate_pps", 1, 1000000000, &conf->rate_pps) ||
	    plx_devargs_word(args, "replay", replays, &replay) ||
	    plx_devargs_word(args, "tx_stamp", stamps, &stamp))
		return -EINVAL;
	/* Who is not promiscuous receives by the interface's address. */
	conf->phy_mac = !conf->promisc;
	if (plx_devargs_bool(args, "phy_mac", &conf->phy_mac))
		return -EINVAL;
	if (conf->rate_pps && plx_devargs_get(args, "replay"))
		return plx_devargs_refuse(args, "replay", "either this or rate_pps");
	conf->replay = conf->rate_pps ? PCAP_REPLAY_RATE : (enum pcap_replay)replay;
	conf->stamp_now = stamp == 1;
	if (filter && *filter == '\0')
		return plx_devargs_refuse(args, "filter", "an expression of pcap-filter(7)");
	if (filter) {
		conf->filter = strdup(filter);
		if (!conf->filter)
			return -ENOMEM;
	}
	return 0;
}

/* ---- Streams ---- */

/* The name of a key that lasts longer than the device string. */
static const char *lasting(const char *key)
{
	const struct plx_devargs_key *known = plx_pcap_keys;

	while (strcmp(known->name, key) != 0)
		known++;
	return known->name;
}

static int add_live(struct pcap_port *pp, const char *key, const char *name, struct pcap_live **out)
{
	struct pcap_live *live = &pp->lives[pp->nb_lives];
	int ret = plx_pcap_iface_get(pp, key, name, &live->iface);

	if (ret)
		return ret;
	live->owner = pp;
	live->key = lasting(key);
	live->in_only = strcmp(key, "rx_iface") != 0;
	pp->nb_lives++;
	*out = live;
	return 0;
}

static struct pcap_stream *next_rx(struct pcap_port *pp)
{
	return pp->nb_rx < PCAP_STREAMS_MAX ? &pp->rx[pp->nb_rx++] : NULL;
}

static struct pcap_stream *next_tx(struct pcap_port *pp)
{
	return pp->nb_tx < PCAP_STREAMS_MAX ? &pp->tx[pp->nb_tx++] : NULL;
}

static int too_many(struct pcap_port *pp, const char *key)
{
	plx_port_log(pp->port, PLX_LOG_ERR, "%s: more than %d streams one way", key,
		     PCAP_STREAMS_MAX);
	return -EINVAL;
}

static int add_iface(struct pcap_port *pp, const char *key, const char *name)
{
	bool is_rx = strncmp(key, "rx_", 3) == 0, is_tx = strncmp(key, "tx_", 3) == 0;
	struct pcap_stream *rx = is_tx ? NULL : next_rx(pp);
	struct pcap_stream *tx = is_rx ? NULL : next_tx(pp);
	struct pcap_live *live;
	int ret;

	if ((!rx && !is_tx) || (!tx && !is_rx))
		return too_many(pp, key);
	ret = add_live(pp, key, name, &live);
	if (ret)
		return ret;
	live->rx = rx != NULL;
	live->tx = tx != NULL;
	if (rx)
		*rx = (struct pcap_stream){.kind = PCAP_LIVE, .live = live};
	if (tx)
		*tx = (struct pcap_stream){.kind = PCAP_LIVE, .live = live};
	return 0;
}

static int add_file(struct pcap_port *pp, const char *key, const char *path)
{
	struct pcap_stream *stream = strcmp(key, "rx_pcap") == 0 ? next_rx(pp) : next_tx(pp);

	if (!stream)
		return too_many(pp, key);
	stream->path = strdup(path);
	if (!stream->path)
		return -ENOMEM;
	stream->kind = PCAP_FILE;
	return 0;
}

static int add_streams(struct pcap_port *pp, const struct plx_devargs *args)
{
	for (unsigned i = 0; i < args->nb_pairs; i++) {
		const char *key = args->pairs[i].key, *value = args->pairs[i].value;
		int ret = 0;

		if (strcmp(key, "iface") == 0 && args->nb_pairs > 1) {
			for (unsigned k = 0; k < args->nb_pairs; k++)
				if (strstr(args->pairs[k].key, "x_iface") ||
				    strstr(args->pairs[k].key, "x_pcap"))
					return plx_devargs_refuse(args, "iface",
								  "no other stream beside it");
		}
		if (strcmp(key, "rx_pcap") == 0 || strcmp(key, "tx_pcap") == 0)
			ret = *value ? add_file(pp, key, value)
				     : plx_devargs_refuse(args, key, "the name of a file");
		else if (strcmp(key, "iface") == 0 || strstr(key, "x_iface"))
			ret = *value ? add_iface(pp, key, value)
				     : plx_devargs_refuse(args, key, "the name of an interface");
		if (ret)
			return ret;
	}
	return 0;
}

/* Whoever receives both ways on an interface that the port sends to forwards its own output. */
static void warn_of_echo(const struct pcap_port *pp)
{
	for (unsigned i = 0; i < pp->nb_rx; i++)
		for (unsigned k = 0; k < pp->nb_tx; k++) {
			const struct pcap_live *rx = pp->rx[i].live, *tx = pp->tx[k].live;

			if (!rx || !tx || rx->in_only || rx->iface != tx->iface)
				continue;
			plx_port_log(pp->port, PLX_LOG_WARN,
				     "rx_iface=%s also receives what tx_iface=%s sends; to forward "
				     "use iface=%s, or rx_iface_in=%s",
				     rx->iface->name, rx->iface->name, rx->iface->name,
				     rx->iface->name);
			return;
		}
}

/* Outputs come last, since they are emptied. */
static int open_files(struct pcap_port *pp)
{
	int ret = 0;

	for (unsigned i = 0; i < pp->nb_rx && ret == 0; i++)
		if (pp->rx[i].kind == PCAP_FILE)
			ret = plx_pcap_in_open(pp, pp->rx[i].path, &pp->rx[i].in);
	for (unsigned i = 0; i < pp->nb_tx && ret == 0; i++)
		if (pp->tx[i].kind == PCAP_FILE)
			ret = plx_pcap_out_open(pp, pp->tx[i].path, &pp->tx[i].out);
	return ret;
}

int plx_pcap_args(struct pcap_port *pp, const struct plx_devargs *args)
{
	int ret = read_conf(&pp->conf, args);

	if (ret == 0)
		ret = add_streams(pp, args);
	if (ret)
		return ret;
	if (pp->nb_rx + pp->nb_tx == 0) {
		plx_port_log(pp->port, PLX_LOG_ERR,
			     "nothing to receive from or to send to: want iface=, or any of "
			     "rx_iface=, rx_iface_in=, tx_iface=, rx_pcap=, tx_pcap=");
		return -EINVAL;
	}
	if (pp->nb_ifaces == 0 && plx_devargs_get(args, "phy_mac"))
		return plx_devargs_refuse(args, "phy_mac", "an interface with it");
	if (pp->conf.infinite_rx && !plx_devargs_get(args, "rx_pcap"))
		return plx_devargs_refuse(args, "infinite_rx", "a rx_pcap= with it");
	/* As in DPDK: the way that nothing is said of has as many queues as the other one. */
	if (pp->nb_rx == 0)
		pp->nb_rx = pp->nb_tx;
	if (pp->nb_tx == 0)
		pp->nb_tx = pp->nb_rx;
	warn_of_echo(pp);
	for (unsigned i = 0; i < pp->nb_lives && ret == 0; i++)
		ret = plx_pcap_live_open(&pp->lives[i]);
	return ret ? ret : open_files(pp);
}

void plx_pcap_streams_close(struct pcap_port *pp)
{
	for (unsigned i = 0; i < pp->nb_lives; i++)
		plx_pcap_live_close(&pp->lives[i]);
	for (unsigned i = 0; i < PCAP_STREAMS_MAX; i++) {
		plx_pcap_in_close(pp->rx[i].in);
		plx_pcap_out_close(pp->tx[i].out);
		free(pp->rx[i].path);
		free(pp->tx[i].path);
	}
	free(pp->conf.filter);
}
