/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line, by getopt_long(3). getopt's state is global: it is reset before use and after,
 * and kept when the caller is amid a command line of its own. getopt's own messages are silenced;
 * each refusal is one line of the log.
 *
 * The line is read twice: once for --config alone, so that what it says about the rest wins over
 * the file, wherever --config stands.
 */
#include "args.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <string.h>

enum {
	LONG_VAL = 256, /* getopt's value of a long option is this plus its enum plx_eal_opt */
	DPDK_VAL = LONG_VAL + OPT_COUNT, /* or this plus its place among plx_eal_dpdk_options */
	SHOWN_MAX_BYTES = 160,
};

int plx_args_refuse(const struct plx_args *args, const char *value, const char *fmt, ...)
{
	char text[512];
	char place[320] = "";
	const char *cut = strlen(value) > SHOWN_MAX_BYTES ? "..." : "";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (args->file)
		snprintf(place, sizeof(place), "%.300s:%d: ", args->file, args->line);
	LOG_ERR("%s%s '%.*s%s': %s", place, args->option, SHOWN_MAX_BYTES, value, cut, text);
	return -EINVAL;
}

/* What getopt_long() takes, made from the table. Zeroed before it is filled. */
struct getopt_tables {
	char letters[2 + (OPT_COUNT + DPDK_OPT_COUNT) * 2 + 1];
	struct option longs[OPT_COUNT + DPDK_OPT_COUNT + 1];
	unsigned nb_letters, nb_longs;
};

static void add_option(struct getopt_tables *tables, const char *name, char letter, int has_arg,
		       int val)
{
	if (letter) {
		tables->letters[tables->nb_letters++] = letter;
		if (has_arg == required_argument)
			tables->letters[tables->nb_letters++] = ':';
	}
	if (name) {
		struct option *one = &tables->longs[tables->nb_longs++];

		one->name = name;
		one->has_arg = has_arg;
		one->val = val;
	}
}

static void fill_tables(struct getopt_tables *tables)
{
	tables->letters[tables->nb_letters++] = '+'; /* stop at the first that is no option */
	tables->letters[tables->nb_letters++] =
		':'; /* tell a missing value from an unknown option */
	for (int opt = 0; opt < OPT_COUNT; opt++) {
		const struct plx_eal_option *o = &plx_eal_options[opt];

		add_option(tables, o->name, o->letter, o->has_arg, LONG_VAL + opt);
	}
	for (int i = 0; i < DPDK_OPT_COUNT; i++) {
		const struct plx_eal_dpdk_option *o = &plx_eal_dpdk_options[i];

		add_option(tables, o->name, o->letter, o->has_arg, DPDK_VAL + i);
	}
}

static bool is_dpdk_option(int c)
{
	if (c >= DPDK_VAL)
		return true;
	for (int i = 0; i < DPDK_OPT_COUNT; i++)
		if (plx_eal_dpdk_options[i].letter == c)
			return true;
	return false;
}

static int opt_of(int c)
{
	if (c >= LONG_VAL)
		return c < DPDK_VAL ? c - LONG_VAL : OPT_COUNT;
	for (int opt = 0; opt < OPT_COUNT; opt++)
		if (plx_eal_options[opt].letter == c)
			return opt;
	return OPT_COUNT;
}

/* The option as the user writes it: "-l", "--lcores". */
static const char *spell(int c, char *room, size_t room_bytes)
{
	if (c >= DPDK_VAL)
		snprintf(room, room_bytes, "--%s", plx_eal_dpdk_options[c - DPDK_VAL].name);
	else if (c >= LONG_VAL)
		snprintf(room, room_bytes, "--%s", plx_eal_options[c - LONG_VAL].name);
	else if (isprint(c))
		snprintf(room, room_bytes, "-%c", c);
	else
		snprintf(room, room_bytes, "-\\x%02x", (unsigned)c & 0xff);
	return room;
}

/* getopt said ':' or '?'; optopt is 0 for a long option that it does not know. */
static int refuse_option(int c, const char *argument)
{
	char name[64];

	if (c == ':')
		LOG_ERR("%s: its value is missing, --help lists the options",
			spell(optopt, name, sizeof(name)));
	else if (optopt >= LONG_VAL)
		LOG_ERR("'%.*s': %s takes no value", SHOWN_MAX_BYTES, argument,
			spell(optopt, name, sizeof(name)));
	else if (optopt)
		LOG_ERR("%s: unknown option, --help lists all; the application's own stand "
			"behind --",
			spell(optopt, name, sizeof(name)));
	else
		LOG_ERR("'%.*s': unknown or ambiguous option, --help lists all; the "
			"application's own stand behind --",
			SHOWN_MAX_BYTES, argument);
	return -EINVAL;
}

/* `--syslog FACILITY`: DPDK's form with a blank, which getopt's optional arguments do not have. */
static const char *value_of(int opt, int argc, char **argv)
{
	if (opt == OPT_SYSLOG && !optarg && optind < argc && plx_syslog_facility(argv[optind]) >= 0)
		return argv[optind++];
	return optarg;
}

/* First reading: the file. What is wrong with the rest is found by the second one. */
static int parse_config_file(struct plx_eal_conf *conf, const struct getopt_tables *tables,
			     int argc, char **argv)
{
	struct plx_args args = {.conf = conf, .option = "--config"};
	const char *path = NULL;
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, tables->letters, tables->longs, NULL)) != -1) {
		int opt = opt_of(c);

		if (opt == OPT_HELP || opt == OPT_VERSION)
			return 0;
		value_of(opt, argc, argv);
		if (opt != OPT_CONFIG)
			continue;
		if (path)
			return plx_args_refuse(&args, optarg,
					       "was already given as '%.100s', "
					       "want one file",
					       path);
		path = optarg;
	}
	return path ? plx_eal_parse_file(conf, path) : 0;
}

static int parse_options(struct plx_eal_conf *conf, const struct getopt_tables *tables, int argc,
			 char **argv)
{
	struct plx_args args = {.conf = conf};
	char name[64];
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, tables->letters, tables->longs, NULL)) != -1) {
		int opt = opt_of(c);
		int ret;

		if (is_dpdk_option(c)) {
			LOG_NOTICE("%s is DPDK's and has no effect here",
				   spell(c, name, sizeof(name)));
			continue;
		}
		if (opt == OPT_COUNT)
			return refuse_option(c, argv[optind - 1]);
		args.option = spell(c, name, sizeof(name));
		ret = plx_args_apply(&args, (enum plx_eal_opt)opt, value_of(opt, argc, argv));
		if (ret)
			return ret;
		if (conf->help || conf->version)
			break;
	}
	return 0;
}

static int parse(struct plx_eal_conf *conf, int argc, char **argv)
{
	struct getopt_tables tables = {0};
	int ret;

	fill_tables(&tables);
	ret = parse_config_file(conf, &tables, argc, argv);
	if (ret)
		return ret;
	ret = parse_options(conf, &tables, argc, argv);
	if (ret)
		return ret;
	if (!conf->help && !conf->version) {
		ret = plx_eal_conf_check(conf);
		if (ret)
			return ret;
	}
	ret = optind;
	argv[ret - 1] = argv[0];
	return ret;
}

int plx_eal_parse(struct plx_eal_conf *conf, int argc, char **argv)
{
	char *const nothing[] = {(char[]){""}, NULL};
	int saved_optind = optind;
	int saved_opterr = opterr;
	int saved_optopt = optopt;
	char *saved_optarg = optarg;
	int ret;

	if (argc < 1 || !argv || !argv[0]) {
		LOG_ERR("no arguments at all: want the program's name at least");
		return -EINVAL;
	}
	conf->help = false;
	conf->version = false;
	opterr = 0;
	ret = parse(conf, argc, argv);

	/* Make getopt forget argv and our '+', then the caller's first call starts it afresh. */
	optind = 0;
	(void)getopt(1, nothing, "");
	optind = saved_optind > 1 ? saved_optind : 0;
	opterr = saved_opterr;
	optopt = saved_optopt;
	optarg = saved_optarg;
	return ret;
}
