/* SPDX-License-Identifier: BSD-3-Clause */
/* What a sample looks like to people: numbers, the table, lines. */
#include "stats_sample.h"

#include <math.h>

TestSuite(stats_text, .fini = drop_all);

Test(stats_text, numbers)
{
	static const struct {
		double value;
		unsigned decimals;
		const char *fixed, *grouped;
	} rows[] = {
		{0, 0, "0", "0"},
		{0, 1, "0.0", "0"},
		{-5, 1, "0.0", "0"},
		{0.04, 1, "0.0", "0"},
		{0.05, 1, "0.1", "0"},
		{0.999, 1, "1.0", "1"},
		{999, 3, "999.000", "999"},
		{1000, 0, "1000", "1,000"},
		{1234567.4, 1, "1234567.4", "1,234,567"},
		{12345678901234.0, 6, "12345678901234.000000", "12,345,678,901,234"},
		{1e30, 0, "18446744073709551615", "18,446,744,073,709,551,615"},
		{(double)NAN, 1, "0.0", "0"},
	};

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(rows); i++) {
		cr_assert_str_eq(stats_fixed(rows[i].value, rows[i].decimals).text, rows[i].fixed,
				 "%g: '%s', want '%s'", rows[i].value,
				 stats_fixed(rows[i].value, rows[i].decimals).text, rows[i].fixed);
		cr_assert_str_eq(stats_grouped(rows[i].value).text, rows[i].grouped,
				 "%g: '%s', want '%s'", rows[i].value,
				 stats_grouped(rows[i].value).text, rows[i].grouped);
	}
}

static const char *table(unsigned columns, unsigned rows, unsigned *nb)
{
	struct stats_view view = {
		.title = "forwarder", .since_ns = 90 * SECOND_NS, .columns = columns, .rows = rows};
	char *text;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	*nb = stats_print_table(example(), &view, out);
	fclose(out);
	return keep(text);
}

Test(stats_text, table)
{
	static const char *const want[] = {
		"forwarder, 12.0 s\n",
		"         packets/s frame Mb/s  wire Mb/s     lost/s        packets       lost\n",
		"link up at 1000 Mb/s\n",
		" rx       1,000,000      512.0      672.0         15      2,000,000         30\n",
		" rx q0      750,000      384.0      504.0          0      1,500,000          0\n",
		" rx q1      250,000      128.0      168.0          5        500,000         10\n",
		" tx q0            2        0.0        0.0          0              4          0\n",
		" lost by rx_missed                               15                        30\n",
		" lost by rx_kernel_drops                         10                        20\n",
		"port 4: net_fake4, link down, new\n",
		" rx q0            0        0.0        0.0          0             11          0\n",
		" lost by tx_dropped                               0                         6\n",
		"load of lcores (%)   1:  50.0   3:     ?\n",
	};
	unsigned nb, longest;
	const char *text = table(0, 0, &nb);

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(want); i++)
		cr_assert(strstr(text, want[i]), "no '%s' in:\n%s", want[i], text);
	cr_assert_eq(lines_of(text, &longest), nb);
	cr_assert_leq(longest, 80, "%u columns:\n%s", longest, text);
	cr_assert_eq(nb, 14, "%u lines, want 14:\n%s", nb, text);
}

/* Never wider than the window, never as high: the cursor has a row too. */
Test(stats_text, table_fits_the_window)
{
	for (unsigned columns = 1; columns <= 90; columns++)
		for (unsigned rows = 3; rows <= 17; rows++) {
			unsigned nb, longest;
			const char *text = table(columns, rows, &nb);

			cr_assert_eq(lines_of(text, &longest), nb);
			cr_assert_leq(longest, columns);
			cr_assert_lt(nb, rows, "%u lines in %u rows:\n%s", nb, rows, text);
			if (columns == 90 && rows == 10)
				cr_assert(
					strstr(text, "... and 6 lines more than the window has\n"),
					"%s", text);
			cr_assert_eq(strstr(text, "...") != NULL, rows < 16 && columns > 2,
				     "%u rows, %u columns:\n%s", rows, columns, text);
			drop_all();
		}
}

Test(stats_text, lines)
{
	static const char *const want[] = {
		"12.000 s port 4 net_fake4: link down\n",
		" rx: 1000000 packets/s, 512.0 frame Mb/s, 672.0 wire Mb/s, 15 lost/s, 2000000 "
		"packets, 30 lost\n",
		" rx q1: 250000 packets/s, 128.0 frame Mb/s, 168.0 wire Mb/s, 5 lost/s, 500000 "
		"packets, 10 lost\n",
		" lost by rx_kernel_drops: 10 packets/s, 20 packets\n",
		" 0 lost/s, 11 packets, 0 lost, new\n",
		"12.000 s lcore 1: load 50.0 %\n",
		"12.000 s lcore 3: load ? %\n",
	};
	struct stats_view view = {.since_ns = 90 * SECOND_NS, .title = "not shown"};
	unsigned longest, nb;
	char *text;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	stats_print_lines(example(), &view, out);
	fclose(out);
	keep(text);
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(want); i++)
		cr_assert(strstr(text, want[i]), "no '%s' in:\n%s", want[i], text);
	nb = lines_of(text, &longest);
	cr_assert_eq(nb, 13, "%u lines, want 13:\n%s", nb, text);
	cr_assert(strchr(text, '\033') == NULL, "an escape code in:\n%s", text);
}
