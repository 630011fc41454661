/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of plx-bench, behind the EAL's: one line for what is wrong. */
#include "bench.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum {
	REPEATS_MAX = 1000,
	STREAMS_MAX = 128,
	MBUFS_MAX = 1 << 24,
};

static const double DURATION_MAX_S = 86400, DELAY_MAX_US = 100, DURATION_MIN_S = 0.01;

const char bench_usage[] =
	"usage: plx-bench [EAL options] -- --pair NAME=A:B [options]\n"
	"       plx-bench compare A.json B.json\n"
	"       plx-bench report A.json [--html FILE] [--csv FILE] [--svg DIR]\n"
	"Measure throughput, loss and latency between two ports that a cable joins, for one pair\n"
	"or for several, side by side: both ends send and receive at once, each by an lcore of "
	"its\n"
	"own; one more lcore leads. Without EAL options for lcores there are as many as it takes,\n"
	"on the CPUs there are.\n"
	"\n"
	"  --pair NAME=A:B         a pair: its name and its ports (repeatable)\n"
	"  --size LIST             bytes of a frame with its FCS, 64 to 9704, or imix (7 of 64, 4 "
	"of\n"
	"                          594, 1 of 1518); 64,128,256,512,1024,1280,1518 if not told\n"
	"  --rate LIST             of each direction: max, packets/s (10000, 10k, 1.5M), 100Mb/s "
	"of\n"
	"                          frames, or 50% of the line, where its speed is not known of\n"
	"                          what went at max; max if not told. At max no latency is told\n"
	"  --latency-load LIST     latency at these percents of the no-loss rate, 0: 1000 "
	"packets/s;\n"
	"                          0,10,50,90 is usual\n"
	"  --search ndr|pdr        search the no-loss rate, or that of 0.5 % loss\n"
	"  --duration SECONDS      of a run, 0.01 to 86400; 1 if not told\n"
	"  --warmup SECONDS        before each, not counted; 0.2 if not told\n"
	"  --repeat N              of each run, 1 to 1000, the pairs by turns; 3 if not told\n"
	"  --burst N               packets at once, 1 to 256; 32 if not told\n"
	"  --delay LIST            microseconds, 0 to 100, that each crossing into a driver costs\n"
	"                          besides: what a mode switch would\n"
	"  --stress N              all of it once more beside N TCP streams over loopback "
	"(iperf3)\n"
	"  --stress-cpus LIST      the CPUs of these: 0-2,5\n"
	"  --isolate               SCHED_FIFO and locked memory; wants a CPU for each lcore\n"
	"  --mbufs N               packets of the pool; as many as it takes if not told\n"
	"\n"
	"  --json FILE             write the report, as doc/bench.md tells\n"
	"  --csv FILE              its runs as a table\n"
	"  --html FILE             a page to read\n"
	"  --svg DIR               the page's graphs\n"
	"  --hgrm DIR              each latency's distribution, for HdrHistogram's plotter\n"
	"  --estimate              tell how long it will take, and end\n"
	"  -q, --quiet             no progress on the terminal\n"
	"  -h, --help              print this and end\n"
	"\n"
	"Exit status: 0 all went well; 1 what was measured is not valid, since packets do not add\n"
	"up, or all else that fails, ports that are not there included; 2 a wrong option or "
	"value;\n"
	"130 a signal ended it.\n";

enum {
	PAIR = 256,
	SIZE,
	RATE,
	LATENCY_LOAD,
	SEARCH,
	DURATION,
	WARMUP,
	REPEAT,
	BURST,
	DELAY,
	STRESS,
	STRESS_CPUS,
	ISOLATE,
	MBUFS,
	JSON,
	CSV,
	HTML,
	SVG,
	HGRM,
	ESTIMATE,
};

static const struct option longs[] = {
	{"pair", required_argument, NULL, PAIR},
	{"size", required_argument, NULL, SIZE},
	{"rate", required_argument, NULL, RATE},
	{"latency-load", required_argument, NULL, LATENCY_LOAD},
	{"search", required_argument, NULL, SEARCH},
	{"duration", required_argument, NULL, DURATION},
	{"warmup", required_argument, NULL, WARMUP},
	{"repeat", required_argument, NULL, REPEAT},
	{"burst", required_argument, NULL, BURST},
	{"delay", required_argument, NULL, DELAY},
	{"stress", required_argument, NULL, STRESS},
	{"stress-cpus", required_argument, NULL, STRESS_CPUS},
	{"isolate", no_argument, NULL, ISOLATE},
	{"mbufs", required_argument, NULL, MBUFS},
	{"json", required_argument, NULL, JSON},
	{"csv", required_argument, NULL, CSV},
	{"html", required_argument, NULL, HTML},
	{"svg", required_argument, NULL, SVG},
	{"hgrm", required_argument, NULL, HGRM},
	{"estimate", no_argument, NULL, ESTIMATE},
	{"quiet", no_argument, NULL, 'q'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

#define wrong(...) bench_fail(OPTIONS_WRONG, __VA_ARGS__)

/* ---- Values ---- */

/* A number without sign, blank or exponent in front of @suffix. */
static bool read_decimal(const char *text, const char *suffix, double min, double max,
			 double *value)
{
	size_t length = strspn(text, "0123456789.");
	char *end;

	if (length == 0 || strcmp(text + length, suffix) != 0)
		return false;
	*value = strtod(text, &end);
	return end == text + length && *value >= min && *value <= max;
}

static int read_seconds(const char *option, const char *text, double min, double *value)
{
	if (read_decimal(text, "", min, DURATION_MAX_S, value))
		return OPTIONS_OK;
	return wrong("%s '%s': want seconds, %g to %.0f", option, text, min, DURATION_MAX_S);
}

static int read_unsigned(const char *option, const char *text, unsigned min, unsigned max,
			 unsigned *value)
{
	double number;

	if (strchr(text, '.') || !read_decimal(text, "", min, max, &number))
		return wrong("%s '%s': want a number, %u to %u", option, text, min, max);
	*value = (unsigned)number;
	return OPTIONS_OK;
}

typedef int (*read_fn)(struct options *opts, const char *item);

/* Each item of a list with commas; @nb: how many there are, of @room at most. */
static int read_list(struct options *opts, const char *option, const char *text, read_fn read,
		     unsigned *nb, unsigned room)
{
	char *copy = strdup(text), *rest = copy, *item;
	int ret = OPTIONS_OK;

	if (!copy)
		return wrong("out of memory");
	*nb = 0;
	while (ret == OPTIONS_OK && (item = strsep(&rest, ",")) != NULL) {
		if (*nb == room)
			ret = wrong("%s '%s': want %u values at most", option, text, room);
		else
			ret = read(opts, item);
	}
	free(copy);
	return ret;
}

/* ---- What to measure ---- */

static bool read_port(const char *text, size_t length, unsigned *port)
{
	char digits[3] = "";

	if (length == 0 || length >= sizeof(digits) || strspn(text, "0123456789") < length)
		return false;
	memcpy(digits, text, length);
	*port = (unsigned)atoi(digits);
	return *port < PLX_PORT_MAX;
}

static int check_pair(const struct options *opts, const struct pair_conf *pair)
{
	if (pair->ports[0] == pair->ports[1])
		return wrong("--pair %s: port %u has no cable to itself: want two ports",
			     pair->name, pair->ports[0]);
	for (unsigned i = 0; i < opts->nb_pairs; i++) {
		const struct pair_conf *other = &opts->pairs[i];

		if (strcmp(pair->name, other->name) == 0)
			return wrong("--pair %s: there are two of that name", pair->name);
		for (unsigned end = 0; end < 4; end++)
			if (pair->ports[end / 2] == other->ports[end % 2])
				return wrong("--pair %s: port %u is in pair %s, too", pair->name,
					     pair->ports[end / 2], other->name);
	}
	return OPTIONS_OK;
}

/* NAME=A:B */
static int read_pair(struct options *opts, const char *text)
{
	struct pair_conf *pair = &opts->pairs[opts->nb_pairs];
	const char *equals = strchr(text, '='), *colon = equals ? strchr(equals, ':') : NULL;
	size_t length = equals ? (size_t)(equals - text) : 0;

	if (opts->nb_pairs == BENCH_PAIRS_MAX)
		return wrong("--pair '%s': want %d pairs at most", text, BENCH_PAIRS_MAX);
	if (!colon || length == 0 || length >= sizeof(pair->name) ||
	    !read_port(equals + 1, (size_t)(colon - equals) - 1, &pair->ports[0]) ||
	    !read_port(colon + 1, strlen(colon + 1), &pair->ports[1]))
		return wrong("--pair '%s': want NAME=A:B, a name of 1 to %zu characters and two "
			     "ports below %d",
			     text, sizeof(pair->name) - 1, PLX_PORT_MAX);
	for (const char *c = text; c < equals; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_-.", *c))
			return wrong("--pair '%s': want letters, digits, _, - and . in the name",
				     text);
	memset(pair->name, 0, sizeof(pair->name));
	memcpy(pair->name, text, length);
	if (check_pair(opts, pair))
		return OPTIONS_WRONG;
	opts->nb_pairs++;
	return OPTIONS_OK;
}

/* The simple imix: 7 of 64, 4 of 594, 1 of 1518, shuffled. */
static const struct mix imix = {
	.text = "imix",
	.nb_frames = 12,
	.frames = {64, 594, 64, 64, 594, 64, 1518, 64, 594, 64, 594, 64},
};

static int read_size(struct options *opts, const char *item)
{
	struct mix *mix = &opts->mixes[opts->nb_mixes];
	unsigned bytes;

	if (strcmp(item, "imix") == 0) {
		*mix = imix;
	} else {
		if (read_unsigned("--size", item, BENCH_FRAME_MIN, BENCH_FRAME_MAX, &bytes))
			return OPTIONS_WRONG;
		*mix = (struct mix){.nb_frames = 1, .frames = {bytes}};
		snprintf(mix->text, sizeof(mix->text), "%u", bytes);
	}
	for (unsigned i = 0; i < opts->nb_mixes; i++)
		if (strcmp(mix->text, opts->mixes[i].text) == 0)
			return wrong("--size: %s is there twice", mix->text);
	opts->nb_mixes++;
	return OPTIONS_OK;
}

/* The one behind the last is counted in; its repeats would be taken for another's. */
static int add_rate(struct options *opts)
{
	for (unsigned i = 0; i < opts->nb_rates; i++)
		if (strcmp(opts->rates[i].text, opts->rates[opts->nb_rates].text) == 0)
			return wrong("--rate: %s is there twice", opts->rates[i].text);
	opts->nb_rates++;
	return OPTIONS_OK;
}

static int read_rate(struct options *opts, const char *item)
{
	static const struct {
		const char *suffix;
		enum rate_unit unit;
		double times, max;
	} forms[] = {
		{"", RATE_PPS, 1, 1e9},	     {"pps", RATE_PPS, 1, 1e9},
		{"k", RATE_PPS, 1e3, 1e6},   {"M", RATE_PPS, 1e6, 1e3},
		{"Mb/s", RATE_MBPS, 1, 1e6}, {"Gb/s", RATE_MBPS, 1e3, 1e3},
		{"%", RATE_PERCENT, 1, 100},
	};
	struct rate *rate = &opts->rates[opts->nb_rates];
	double value;

	if (strlen(item) >= sizeof(rate->text))
		goto bad;
	*rate = (struct rate){.unit = RATE_MAX};
	strcpy(rate->text, item);
	if (strcmp(item, "max") == 0)
		return add_rate(opts);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (!read_decimal(item, forms[i].suffix, 0, forms[i].max, &value) || value <= 0 ||
		    (forms[i].unit == RATE_PPS && value * forms[i].times < 1))
			continue;
		rate->unit = forms[i].unit;
		rate->value = value * forms[i].times;
		if (rate->unit == RATE_PPS)
			snprintf(rate->text, sizeof(rate->text), "%.0fpps", rate->value);
		return add_rate(opts);
	}
bad:
	return wrong("--rate '%s': want max, packets/s (10000, 10k, 1.5M), 100Mb/s, 1Gb/s or "
		     "50%%",
		     item);
}

static int read_load(struct options *opts, const char *item)
{
	if (!read_decimal(item, "", 0, 100, &opts->loads[opts->nb_loads]))
		return wrong("--latency-load '%s': want percents of the no-loss rate, 0 to 100",
			     item);
	for (unsigned i = 0; i < opts->nb_loads; i++)
		if (opts->loads[i] == opts->loads[opts->nb_loads])
			return wrong("--latency-load: %s is there twice", item);
	opts->nb_loads++;
	return OPTIONS_OK;
}

static int read_delay(struct options *opts, const char *item)
{
	if (!read_decimal(item, "", 0, DELAY_MAX_US, &opts->delays_us[opts->nb_delays]))
		return wrong("--delay '%s': want microseconds, 0 to %.0f", item, DELAY_MAX_US);
	for (unsigned i = 0; i < opts->nb_delays; i++)
		if (opts->delays_us[i] == opts->delays_us[opts->nb_delays])
			return wrong("--delay: %s is there twice", item);
	opts->nb_delays++;
	return OPTIONS_OK;
}

static int read_search(struct options *opts, const char *text)
{
	if (strcmp(text, "ndr") == 0)
		opts->search = SEARCH_NDR;
	else if (strcmp(text, "pdr") == 0)
		opts->search = SEARCH_PDR;
	else
		return wrong("--search '%s': want ndr or pdr", text);
	return OPTIONS_OK;
}

/* "0-2,5" */
static int read_cpus(struct options *opts, const char *text)
{
	const char *at = text;

	CPU_ZERO(&opts->stress_cpus);
	for (;;) {
		unsigned first, last;
		int length = 0;

		if (!isdigit((unsigned char)*at) || sscanf(at, "%4u%n", &first, &length) != 1)
			break;
		at += length;
		last = first;
		if (*at == '-') {
			at++;
			if (!isdigit((unsigned char)*at) ||
			    sscanf(at, "%4u%n", &last, &length) != 1)
				break;
			at += length;
		}
		if (last < first || last >= CPU_SETSIZE)
			break;
		for (unsigned cpu = first; cpu <= last; cpu++)
			CPU_SET(cpu, &opts->stress_cpus);
		if (*at == '\0') {
			opts->stress_cpus_text = text;
			return OPTIONS_OK;
		}
		if (*at++ != ',')
			break;
	}
	return wrong("--stress-cpus '%s': want CPUs, as in 0-2,5", text);
}

/* ---- All of them ---- */

static int read_numbers(struct options *opts, int c)
{
	switch (c) {
	case DURATION:
		return read_seconds("--duration", optarg, DURATION_MIN_S, &opts->duration_s);
	case WARMUP:
		return read_seconds("--warmup", optarg, 0, &opts->warmup_s);
	case REPEAT:
		return read_unsigned("--repeat", optarg, 1, REPEATS_MAX, &opts->nb_repeats);
	case BURST:
		return read_unsigned("--burst", optarg, 1, INSTANCE_BURST_MAX, &opts->burst);
	case MBUFS:
		return read_unsigned("--mbufs", optarg, 1, MBUFS_MAX, &opts->nb_mbufs);
	default:
		return read_unsigned("--stress", optarg, 1, STREAMS_MAX, &opts->stress);
	}
}

static int read_option(struct options *opts, int c)
{
	switch (c) {
	case PAIR:
		return read_pair(opts, optarg);
	case SIZE:
		return read_list(opts, "--size", optarg, read_size, &opts->nb_mixes,
				 BENCH_SIZES_MAX);
	case RATE:
		return read_list(opts, "--rate", optarg, read_rate, &opts->nb_rates,
				 BENCH_RATES_MAX);
	case LATENCY_LOAD:
		return read_list(opts, "--latency-load", optarg, read_load, &opts->nb_loads,
				 BENCH_LOADS_MAX);
	case DELAY:
		return read_list(opts, "--delay", optarg, read_delay, &opts->nb_delays,
				 BENCH_DELAYS_MAX);
	case SEARCH:
		return read_search(opts, optarg);
	case STRESS_CPUS:
		return read_cpus(opts, optarg);
	case ISOLATE:
		opts->isolate = true;
		return OPTIONS_OK;
	case ESTIMATE:
		opts->estimate = true;
		return OPTIONS_OK;
	case 'q':
		opts->quiet = true;
		return OPTIONS_OK;
	case JSON:
		opts->json = optarg;
		return OPTIONS_OK;
	case CSV:
		opts->csv = optarg;
		return OPTIONS_OK;
	case HTML:
		opts->html = optarg;
		return OPTIONS_OK;
	case SVG:
		opts->svg = optarg;
		return OPTIONS_OK;
	case HGRM:
		opts->hgrm = optarg;
		return OPTIONS_OK;
	case 'h':
		return OPTIONS_HELP;
	default:
		return read_numbers(opts, c);
	}
}

static int set_defaults(struct options *opts)
{
	static const char sizes[] = "64,128,256,512,1024,1280,1518";

	*opts = (struct options){.duration_s = 1, .warmup_s = 0.2, .nb_repeats = 3, .burst = 32};
	opts->rates[0] = (struct rate){.unit = RATE_MAX, .text = "max"};
	opts->nb_rates = opts->nb_delays = 1;
	return read_list(opts, "--size", sizes, read_size, &opts->nb_mixes, BENCH_SIZES_MAX);
}

static int check(const struct options *opts)
{
	if (opts->nb_pairs == 0)
		return wrong("--pair NAME=A:B is missing: --pair user=0:1 measures between ports 0 "
			     "and 1");
	if (opts->stress_cpus_text && !opts->stress)
		return wrong("--stress-cpus goes with --stress");
	return OPTIONS_OK;
}

int options_parse(struct options *opts, int argc, char **argv)
{
	int c, ret = set_defaults(opts);

	opterr = 0;
	optind = 0;
	while (ret == OPTIONS_OK && (c = getopt_long(argc, argv, ":qh", longs, NULL)) != -1) {
		if (c == ':')
			ret = wrong("%s: want a value behind it, --help lists all",
				    argv[optind - 1]);
		else if (c == '?')
			ret = wrong("'%s': unknown or ambiguous option, or one that takes no "
				    "value; --help lists all",
				    argv[optind - 1]);
		else
			ret = read_option(opts, c);
	}
	if (ret != OPTIONS_OK)
		return ret;
	if (optind < argc)
		return wrong("'%s': want options only, --help lists all", argv[optind]);
	return check(opts);
}
