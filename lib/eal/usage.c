/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The help text, made from the table of options.
 */
#include "args.h"

#include <getopt.h>
#include <string.h>

enum { HELP_COLUMN = 30, LINE_COLUMNS = 90 };

static const struct {
	enum plx_eal_opt first;
	const char *title;
} sections[] = {
	{OPT_LCORE_LIST, "lcores"}, {OPT_ALLOW, "devices"},    {OPT_MEM, "memory"},
	{OPT_LOG_LEVEL, "log"},	    {OPT_MBUF_TRACK, "other"},
};

static void print_option(FILE *out, const struct plx_eal_option *o)
{
	char text[80];
	const char *line = o->help;
	int len = 0;

	if (o->letter)
		len += snprintf(text, sizeof(text), "-%c%s", o->letter, o->name ? ", " : "");
	if (o->name)
		len += snprintf(text + len, sizeof(text) - (size_t)len, "--%s", o->name);
	if (o->arg)
		snprintf(text + len, sizeof(text) - (size_t)len,
			 o->has_arg == optional_argument ? "[=%s]" : " %s", o->arg);

	fprintf(out, "  %-*s", HELP_COLUMN - 2, text);
	for (;;) {
		size_t line_len = strcspn(line, "\n");

		fprintf(out, "%.*s\n", (int)line_len, line);
		if (!line[line_len])
			break;
		line += line_len + 1;
		fprintf(out, "%*s", HELP_COLUMN, "");
	}
}

static void print_dpdk_options(FILE *out)
{
	int column = fprintf(out, "  of DPDK, without effect:");

	for (int i = 0; i < DPDK_OPT_COUNT; i++) {
		const struct plx_eal_dpdk_option *o = &plx_eal_dpdk_options[i];
		char text[40];
		int len;

		if (o->name)
			len = snprintf(text, sizeof(text), " --%s", o->name);
		else
			len = snprintf(text, sizeof(text), " -%c", o->letter);
		if (column + len > LINE_COLUMNS)
			column = fprintf(out, "\n   ") - 1;
		column += len;
		fputs(text, out);
	}
	fputc('\n', out);
}

void plx_eal_usage(FILE *out)
{
	size_t section = 0;

	fprintf(out, "EAL options:\n");
	for (int opt = 0; opt < OPT_COUNT; opt++) {
		if (section < PLX_ARRAY_SIZE(sections) &&
		    sections[section].first == (enum plx_eal_opt)opt)
			fprintf(out, " %s\n", sections[section++].title);
		print_option(out, &plx_eal_options[opt]);
	}
	print_dpdk_options(out);
	fprintf(out, "  --                          the application's own options follow\n");
}

const char *plx_version(void)
{
	return PLX_VERSION;
}
