/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of plx-l2fwd: one line for what is wrong, and DPDK's spelling. */
#include "l2fwd.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PERIOD_DEFAULT_S = 10,
	PERIOD_MAX_S = 86400,
	SECONDS_MAX = 365 * 86400,
};

const char l2fwd_usage[] =
	"usage: plx-l2fwd [EAL options] -- -p PORTMASK [options]\n"
	"Forward Ethernet frames between pairs of ports: what comes in by the one goes out by the\n"
	"other, with the destination address 02:00:00:00:00:PORT and the source address of the "
	"port\n"
	"that it goes out by.\n"
	"\n"
	"  -p PORTMASK             ports to use, as a hexadecimal mask: 3 is ports 0 and 1\n"
	"  -q NQ                   ports that one lcore polls, 1 to 32; 1 if not told\n"
	"  -P                      promiscuous: receive frames to all addresses\n"
	"  --portmap=(A,B)(C,D)..  the pairs; a port of the mask that is in none is not used, "
	"(A,A)\n"
	"                          sends back. If not told: the first port of the mask with the\n"
	"                          second, the third with the fourth, a last one with itself\n"
	"  --no-mac-updating       leave the addresses as they are\n"
	"  --mac-updating          write them; the default\n"
	"\n"
	"  -T SECONDS              show statistics every so often, 0 to 86400; 0: never, 10 if "
	"not\n"
	"                          told\n"
	"  --stats-json FILE       write them to FILE too, a JSON object a line; -: to stdout, "
	"and\n"
	"                          all else to stderr\n"
	"\n"
	"  --seconds N             end after N seconds\n"
	"  --packets N             end once N packets were received, give or take a millisecond's\n"
	"  --until-eof             end once each port has delivered the last packet of its "
	"rx_pcap\n"
	"  -h, --help              print this and end\n"
	"\n"
	"SIGINT and SIGTERM end it as well: what was received is sent, then the totals are "
	"printed.\n"
	"Exit status: 0 it ended so; 2 a wrong option or value, also a CPU or a port that is not "
	"there;\n"
	"1 all else that fails.\n";

enum { MAC_UPDATING = 256, NO_MAC_UPDATING, PORTMAP, STATS_JSON, SECONDS, PACKETS, UNTIL_EOF };

static const struct option longs[] = {
	{"mac-updating", no_argument, NULL, MAC_UPDATING},
	{"no-mac-updating", no_argument, NULL, NO_MAC_UPDATING},
	{"portmap", required_argument, NULL, PORTMAP},
	{"stats-json", required_argument, NULL, STATS_JSON},
	{"seconds", required_argument, NULL, SECONDS},
	{"packets", required_argument, NULL, PACKETS},
	{"until-eof", no_argument, NULL, UNTIL_EOF},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

PLX_PRINTF(1, 2) static int wrong(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("plx-l2fwd: ", stderr);
	vfprintf(stderr, fmt, args); /* NOLINT(clang-analyzer-valist.Uninitialized) */
	fputc('\n', stderr);
	va_end(args);
	return OPTIONS_WRONG;
}

/* Digits only: strtoull() would take blanks and signs as well. */
static bool read_number(const char *text, int base, uint64_t min, uint64_t max, uint64_t *value)
{
	char *end;

	if (!(base == 16 ? isxdigit((unsigned char)*text) : isdigit((unsigned char)*text)))
		return false;
	errno = 0;
	*value = strtoull(text, &end, base);
	return errno == 0 && *end == '\0' && *value >= min && *value <= max;
}

static int read_unsigned(const char *option, const char *text, unsigned min, unsigned max,
			 unsigned *value)
{
	uint64_t number;

	if (!read_number(text, 10, min, max, &number))
		return wrong("%s '%s': want a number, %u to %u", option, text, min, max);
	*value = (unsigned)number;
	return OPTIONS_OK;
}

static int read_mask(const char *text, uint32_t *mask)
{
	uint64_t number;

	if (!read_number(text, 16, 1, UINT32_MAX, &number))
		return wrong("-p '%s': want a hexadecimal mask of ports, 1 to ffffffff", text);
	*mask = (uint32_t)number;
	return OPTIONS_OK;
}

/* ---- Who sends to whom ---- */

static int add_pair(struct options *opts, unsigned a, unsigned b, uint32_t *used)
{
	const unsigned pair[] = {a, b};

	for (unsigned i = 0; i < 2; i++) {
		if (pair[i] >= PLX_PORT_MAX || !(opts->ports >> pair[i] & 1))
			return wrong("--portmap: port %u is not in -p %" PRIx32, pair[i],
				     opts->ports);
		if (*used >> pair[i] & 1)
			return wrong("--portmap: port %u is in two pairs", pair[i]);
	}
	*used |= 1u << a | 1u << b;
	opts->peer[a] = b;
	opts->peer[b] = a;
	return OPTIONS_OK;
}

/* "(0,1)(2,3)"; DPDK takes a comma between the pairs too. */
static int map_by_text(struct options *opts, const char *map)
{
	const char *at = map;
	uint32_t used = 0;

	do {
		char a[3], b[3];
		int length = 0;

		if (sscanf(at, "(%2[0-9],%2[0-9])%n", a, b, &length) != 2 || length == 0)
			return wrong("--portmap '%s': want pairs of ports, as in (0,1)(2,3)", map);
		if (add_pair(opts, (unsigned)atoi(a), (unsigned)atoi(b), &used))
			return OPTIONS_WRONG;
		at += length;
		if (*at == ',')
			at++;
	} while (*at);
	opts->ports = used;
	return OPTIONS_OK;
}

static void map_neighbours(struct options *opts)
{
	unsigned waiting = PLX_PORT_NONE;

	for (unsigned port = 0; port < PLX_PORT_MAX; port++) {
		if (!(opts->ports >> port & 1))
			continue;
		opts->peer[port] = waiting == PLX_PORT_NONE ? port : waiting;
		opts->peer[opts->peer[port]] = port;
		waiting = waiting == PLX_PORT_NONE ? port : PLX_PORT_NONE;
	}
}

/* ---- What goes together ---- */

static int check_ports(const struct options *opts)
{
	if (opts->ports == 0)
		return wrong("-p PORTMASK is missing: -p 3 forwards between ports 0 and 1");
	for (unsigned port = 0; port < PLX_PORT_MAX; port++) {
		uint64_t nb_ends;

		if (!(opts->ports >> port & 1))
			continue;
		if (!plx_port_is_valid(port))
			return wrong("-p %" PRIx32 ": there is no port %u, ports are made by "
				     "--vdev and there are %u",
				     opts->ports, port, plx_port_count());
		if (opts->until_eof && plx_port_xstat(port, "rx_eof", &nb_ends))
			return wrong("--until-eof: port %u has no end to tell: want ports of "
				     "net_pcap with rx_pcap=FILE",
				     port);
	}
	return OPTIONS_OK;
}

/* What is there is neither emptied nor, a pipe, opened and closed before its time. */
static bool can_write(const char *path)
{
	struct stat stat_buf;
	int fd;

	if (stat(path, &stat_buf) == 0) {
		errno = EISDIR;
		return !S_ISDIR(stat_buf.st_mode) && access(path, W_OK) == 0;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* Told now, not when the first line is due. */
static int check_json(const struct options *opts)
{
	if (!opts->json_path)
		return OPTIONS_OK;
	if (opts->period_s == 0)
		return wrong("-T 0 turns the statistics off that --stats-json is to write");
	if (opts->json_to_stdout)
		return OPTIONS_OK;
	if (!can_write(opts->json_path))
		return wrong("--stats-json '%s': can't write it: %s", opts->json_path,
			     strerror(errno));
	return OPTIONS_OK;
}

/* ---- All of them ---- */

static int read_option(struct options *opts, int c, const char **map)
{
	switch (c) {
	case 'p':
		return read_mask(optarg, &opts->ports);
	case 'q':
		return read_unsigned("-q", optarg, 1, PLX_PORT_MAX, &opts->ports_per_lcore);
	case 'T':
		return read_unsigned("-T", optarg, 0, PERIOD_MAX_S, &opts->period_s);
	case 'P':
		opts->promisc = true;
		return OPTIONS_OK;
	case MAC_UPDATING:
	case NO_MAC_UPDATING:
		opts->keep_macs = c == NO_MAC_UPDATING;
		return OPTIONS_OK;
	case PORTMAP:
		*map = optarg;
		return OPTIONS_OK;
	case STATS_JSON:
		opts->json_path = optarg;
		opts->json_to_stdout = strcmp(optarg, "-") == 0;
		return OPTIONS_OK;
	case SECONDS:
		return read_unsigned("--seconds", optarg, 1, SECONDS_MAX, &opts->seconds);
	case PACKETS:
		if (read_number(optarg, 10, 1, UINT64_MAX, &opts->nb_packets))
			return OPTIONS_OK;
		return wrong("--packets '%s': want a number, 1 or more", optarg);
	case UNTIL_EOF:
		opts->until_eof = true;
		return OPTIONS_OK;
	default:
		return OPTIONS_HELP;
	}
}

int options_parse(struct options *opts, int argc, char **argv)
{
	const char *map = NULL;
	int c, ret = OPTIONS_OK;

	*opts = (struct options){.ports_per_lcore = 1, .period_s = PERIOD_DEFAULT_S};
	opterr = 0;
	while (ret == OPTIONS_OK && (c = getopt_long(argc, argv, ":p:q:T:Ph", longs, NULL)) != -1) {
		if (c == ':')
			ret = wrong("%s: want a value behind it, --help lists all",
				    argv[optind - 1]);
		else if (c == '?')
			ret = wrong(
				"'%s': unknown or ambiguous option, or one that takes no value; "
				"--help lists all",
				optopt && optopt < 256 ? (char[]){'-', (char)optopt, 0}
						       : argv[optind - 1]);
		else
			ret = read_option(opts, c, &map);
	}
	if (ret != OPTIONS_OK)
		return ret;
	if (optind < argc)
		return wrong("'%s': want options only, --help lists all", argv[optind]);
	if (check_ports(opts))
		return OPTIONS_WRONG;
	if (!map)
		map_neighbours(opts);
	else if (map_by_text(opts, map))
		return OPTIONS_WRONG;
	return check_json(opts);
}
