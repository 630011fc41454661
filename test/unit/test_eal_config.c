/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Settings from a file: the same values and refusals as on the command line, with the file's line
 * number; the command line wins; the samples of config/ are good.
 */
#include "eal_log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pollux/eal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

static struct plx_eal_conf conf;
/* A file without a name: .fini is not run after a skip or a failed assertion. */
static int file_fd;
static char path[32];

static void start(void)
{
	file_fd = memfd_create("plx-test-config", MFD_CLOEXEC);
	cr_assert_geq(file_fd, 0, "memfd_create: %s", strerror(errno));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file_fd);
	plx_eal_conf_init(&conf);
}

static void end(void)
{
	close(file_fd);
	plx_eal_conf_fini(&conf);
}

static void write_bytes(const char *bytes, size_t len)
{
	FILE *f = fopen(path, "w");

	cr_assert(f && fwrite(bytes, 1, len, f) == len, "can't write %s", path);
	fclose(f);
	catch_log();
}

static int parse_text(const char *text)
{
	plx_eal_conf_fini(&conf);
	write_bytes(text, strlen(text));
	return plx_eal_parse_file(&conf, path);
}

/* The file by --config, then up to four more arguments. */
static int parse_both(const char *text, const char *const args[4])
{
	char store[4][64];
	char *argv[8] = {(char[]){"prog"}};
	int argc = 1;

	plx_eal_conf_fini(&conf);
	write_bytes(text, strlen(text));
	for (int i = 0; i < 4 && args[i]; i++)
		argv[argc++] = strcpy(store[i], args[i]);
	/* Last, to show that its place does not count. */
	argv[argc++] = (char[]){"--config"};
	argv[argc++] = path;
	return plx_eal_parse(&conf, argc, argv);
}

TestSuite(eal_config, .init = start, .fini = end);

Test(eal_config, every_key_sets_its_field)
{
	int ret = parse_text("; comment\n"
			     "# comment\n"
			     "[app]\n"
			     "lcores = none of our business\n"
			     "[eal]\n"
			     "lcores=0@0,(1-3)@1\n"
			     "main-lcore = 2 ; behind a blank, a comment\n"
			     "rt-prio: 7\n"
			     "\n"
			     "  vdev = net_ring0\n"
			     "\tvdev = net_pcap0,rx_pcap=a,tx_pcap=b\n"
			     "allow = 0000:01:00.0\r\n"
			     "mem = 64\n"
			     "no-pci = yes\n"
			     "in-memory = off\n"
			     "lock-memory = TRUE\n"
			     "file-prefix = x1\n"
			     "iova-mode = va\n"
			     "huge-page-size = 2M\n"
			     "log-level = info\n"
			     "log-level = igb:debug\n"
			     "syslog = local7");

	cr_assert_eq(ret, 0, "%d, %s", ret, caught.last);
	cr_assert_eq(caught.nb_lines, 0, "%s", caught.last);
	cr_assert_eq(conf.nb_lcores, 4, "%u", conf.nb_lcores);
	cr_assert_eq(conf.main_lcore, 2, "%u", conf.main_lcore);
	cr_assert_eq(conf.rt_prio, 7, "%d", conf.rt_prio);
	cr_assert_eq(conf.nb_devices, 3, "%u", conf.nb_devices);
	cr_assert_str_eq(conf.devices[0].args, "net_ring0");
	cr_assert_str_eq(conf.devices[1].args, "net_pcap0,rx_pcap=a,tx_pcap=b");
	cr_assert_str_eq(conf.devices[2].args, "0000:01:00.0");
	cr_assert_eq(conf.devices[2].kind, PLX_DEV_ALLOW, "%d", conf.devices[2].kind);
	cr_assert_eq(conf.mem_mb, 64, "%zu", conf.mem_mb);
	cr_assert(conf.no_pci);
	cr_assert_not(conf.in_memory);
	cr_assert(conf.lock_memory);
	cr_assert_str_eq(conf.file_prefix, "x1");
	cr_assert_eq(conf.iova_mode, PLX_IOVA_VA, "%d", conf.iova_mode);
	cr_assert_eq(conf.huge_page_bytes, (size_t)2 << 20, "%zu", conf.huge_page_bytes);
	cr_assert_eq(conf.nb_log_levels, 2, "%u", conf.nb_log_levels);
	cr_assert(conf.syslog);
	cr_assert_eq(conf.syslog_facility, LOG_LOCAL7, "%d", conf.syslog_facility);
}

Test(eal_config, syslog_is_a_switch_too)
{
	int ret = parse_text("[eal]\nsyslog = yes\n");

	cr_assert_eq(ret, 0, "%d, %s", ret, caught.last);
	cr_assert(conf.syslog);
	cr_assert_eq(conf.syslog_facility, LOG_DAEMON, "%d", conf.syslog_facility);
	ret = parse_text("[eal]\nsyslog = no\n");
	cr_assert_eq(ret, 0, "%d, %s", ret, caught.last);
	cr_assert_not(conf.syslog);
}

Test(eal_config, each_wrong_line_is_named)
{
	static const struct {
		const char *text;
		const char *line; /* behind the path */
	} cases[] = {
		{"[eal]\nmain-lcore = 200\n", ":2: main-lcore '200': want an lcore id, 0 to 127"},
		{"[eal]\n\n; x\n\nlcores = 0-\n",
		 ":5: lcores '0-': at its end: want an lcore id, 0 to 127"},
		{"[eal]\nlcores = 0\nlcores = 1\n",
		 ":3: lcores '1': the lcores were already given; want one of -l, -c and --lcores"},
		{"[eal]\nmem = lots\n", ":2: mem 'lots': want megabytes, 1 to 16777216"},
		{"[eal]\nno-huge = perhaps\n", ":2: no-huge 'perhaps': want yes or no"},
		{"[eal]\nno-huge =\n", ":2: no-huge '': want yes or no"},
		{"[eal]\nvdev =\n", ":2: vdev '': want a name and settings, as in net_ring0"},
		{"[eal]\nlcore = 1\n", ":2: lcore '1': unknown key; want one named like a long "
				       "option of --help, or mem"},
		{"[eal]\nconfig = x.ini\n", ":2: config 'x.ini': unknown key; want one named like "
					    "a long option of --help, or mem"},
		{"[eal]\nhelp = yes\n", ":2: help 'yes': unknown key; want one named like a long "
					"option of --help, or mem"},
		{"[eal]\nl = 0\n",
		 ":2: l '0': unknown key; want one named like a long option of --help, or mem"},
		{"no-huge = yes\n", ":1: a key stands before any section; want [eal] first"},
		{"[eal]\nno-huge\n", ":2: want KEY = VALUE, [SECTION] or a comment after ';'"},
		{"[eal\nno-huge = yes\n", ":1: the section has no ']'"},
		{"[eal]\nsyslog = pigeon\n",
		 ":2: syslog 'pigeon': want a syslog facility: auth cron daemon ftp kern lpr mail "
		 "news syslog user uucp local0 to local7"},
		/* One line, though more is wrong. */
		{"[eal]\nmem = 0\nmem = x\nnonsense\n",
		 ":2: mem '0': want megabytes, 1 to 16777216"},
	};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		char want[512];
		int ret = parse_text(cases[i].text);

		snprintf(want, sizeof(want), "%s%s", path, cases[i].line);
		cr_expect_eq(ret, -EINVAL, "case %zu, %s: %d", i, cases[i].line, ret);
		cr_expect_eq(caught.nb_lines, 1, "case %zu: %u lines", i, caught.nb_lines);
		cr_expect_str_eq(caught.error, want, "case %zu: got\n%s\nwant\n%s", i, caught.error,
				 want);
	}
}

Test(eal_config, long_lines_and_nul_bytes_are_refused)
{
	char text[400] = "[eal]\nvdev = ";
	char want[512];
	size_t start_len = strlen(text);
	int ret;

	/* A line of 198 bytes is read, one of 199 is not. */
	memset(text + start_len, 'x', 198 - strlen("vdev = "));
	strcat(text, "\n");
	ret = parse_text(text);
	cr_assert_eq(ret, 0, "%d, %s", ret, caught.last);
	cr_assert_eq(strlen(conf.devices[0].args), 191, "%zu", strlen(conf.devices[0].args));

	text[strlen(text) - 1] = 'y';
	strcat(text, "\n");
	snprintf(want, sizeof(want), "%s:2: the line is over 198 bytes or holds a NUL byte", path);
	ret = parse_text(text);
	cr_assert_eq(ret, -EINVAL, "%d", ret);
	cr_assert_str_eq(caught.error, want);
	cr_assert_eq(caught.nb_lines, 1, "%u", caught.nb_lines);

	plx_eal_conf_fini(&conf);
	write_bytes("[eal]\nmem = 1\0\n[eal]\n", 21);
	ret = plx_eal_parse_file(&conf, path);
	cr_assert_eq(ret, -EINVAL, "%d", ret);
	cr_assert_str_eq(caught.error, want);
}

Test(eal_config, files_that_cannot_be_read)
{
	int ret;

	catch_log();
	ret = plx_eal_parse_file(&conf, "/nonexistent/x.ini");
	cr_assert_eq(ret, -ENOENT, "%d", ret);
	cr_assert_str_eq(caught.error, "--config '/nonexistent/x.ini': can't read the file: No "
				       "such file or directory");
	ret = plx_eal_parse_file(&conf, "/");
	cr_assert_eq(ret, -EISDIR, "%d", ret);
	ret = plx_eal_parse_file(&conf, "");
	cr_assert_eq(ret, -ENOENT, "%d", ret);
	cr_assert_eq(caught.nb_lines, 3, "%u lines for 3 failures", caught.nb_lines);
}

Test(eal_config, an_unreadable_file)
{
	int ret;

	/* Root reads a file of any mode, so it becomes an ordinary user; the file stays root's. */
	cr_assert_eq(chmod(path, 0), 0, "%s", strerror(errno));
	if (geteuid() == 0)
		cr_assert_eq(seteuid(65534), 0, "%s", strerror(errno));
	catch_log();
	ret = plx_eal_parse_file(&conf, path);
	/* Back again, and traceable: a leak checker looks at the process in the end. */
	if (getuid() == 0 && (seteuid(0) != 0 || prctl(PR_SET_DUMPABLE, 1) != 0))
		cr_assert_fail("%s", strerror(errno));
	cr_assert_eq(ret, -EACCES, "%d", ret);
}

Test(eal_config, a_file_without_our_section_gets_a_warning)
{
	int ret = parse_text("[EAL]\nmem = 1\n");

	cr_assert_eq(ret, 0, "%d", ret);
	cr_assert_eq(caught.nb_errors, 0, "%s", caught.error);
	cr_assert_eq(caught.nb_lines, 1, "%u", caught.nb_lines);
	cr_assert_eq(conf.mem_mb, 0, "%zu", conf.mem_mb);
	ret = parse_text("");
	cr_assert_eq(ret, 0, "%d", ret);
	cr_assert_eq(caught.nb_lines, 1, "%u", caught.nb_lines);
}

Test(eal_config, the_command_line_wins)
{
	int ret = parse_both("[eal]\nlcores=0-2\nmain-lcore=2\nmem=64\nfile-prefix=file\n"
			     "vdev=net_ring0\n",
			     (const char *[]){"-l", "3", "-m5", "--vdev=net_null0"});

	cr_assert_gt(ret, 0, "%d, %s", ret, caught.last);
	cr_assert_eq(conf.nb_lcores, 1, "%u", conf.nb_lcores);
	cr_assert(conf.lcores[3].enabled);
	cr_assert_not(conf.lcores[0].enabled);
	cr_assert_eq(conf.main_lcore, PLX_LCORE_MAX, "the file's went with its lcores: %u",
		     conf.main_lcore);
	cr_assert_eq(conf.mem_mb, 5, "%zu", conf.mem_mb);
	cr_assert_str_eq(conf.file_prefix, "file");
	cr_assert_eq(conf.nb_devices, 2, "devices add up: %u", conf.nb_devices);
	cr_assert_str_eq(conf.devices[1].args, "net_null0");
}

/* What would contradict it in the file is dropped. */
Test(eal_config, the_command_line_replaces_contradictions)
{
	static const struct {
		const char *text;
		const char *args[4];
	} cases[] = {
		{"[eal]\nhuge-dir=/mnt\nhuge-page-size=2M\nsocket-mem=1\n", {"--no-huge"}},
		{"[eal]\nhuge-dir=/mnt\n", {"--in-memory"}},
		{"[eal]\nno-huge=yes\n", {"--huge-dir=/mnt"}},
		{"[eal]\nin-memory=yes\n", {"--huge-dir=/mnt"}},
		{"[eal]\nno-huge=yes\n", {"--huge-page-size=1G"}},
		{"[eal]\nno-huge=yes\nmem=1\n", {"--socket-mem=1"}},
		{"[eal]\nsocket-mem=1\n", {"-m1"}},
		{"[eal]\nlcores=0-3\nmain-lcore=3\n", {"-c1"}},
		{"[eal]\nlcores=0\nmain-lcore=0\n", {"--main-lcore=5", "--lcores=5"}},
	};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		int ret = parse_both(cases[i].text, cases[i].args);

		cr_expect_gt(ret, 0, "case %zu: %d, %s", i, ret, caught.last);
	}
}

Test(eal_config, contradictions_of_one_source_stay_refused)
{
	int ret = parse_both("[eal]\nhuge-dir=/mnt\nno-huge=yes\n", (const char *[4]){NULL});

	cr_assert_eq(ret, -EINVAL, "%d", ret);
	cr_assert_str_eq(caught.error,
			 "--no-huge and --huge-dir exclude each other: give one of them");
	ret = parse_both("[eal]\nallow=01:00.0\n", (const char *[4]){"-b01:00.1"});
	cr_assert_eq(ret, -EINVAL, "%d", ret);
	cr_assert_eq(caught.nb_lines, 1, "%u", caught.nb_lines);
	ret = parse_both("[eal]\nlcores=0,1\n", (const char *[4]){"--main-lcore=2"});
	cr_assert_eq(ret, -EINVAL, "%d", ret);
	cr_assert_str_eq(caught.error, "--main-lcore 2: not among the lcores, want one of 0-1");
}

Test(eal_config, a_bad_file_fails_the_command_line)
{
	char want[128];
	int ret = parse_both("[eal]\nmem=x\n", (const char *[4]){"-l", "0"});

	snprintf(want, sizeof(want), "%s:2: mem 'x': want megabytes, 1 to 16777216", path);
	cr_assert_eq(ret, -EINVAL, "%d", ret);
	cr_assert_str_eq(caught.error, want);
	cr_assert_eq(caught.nb_lines, 1, "%u", caught.nb_lines);
	catch_log();
	ret = plx_eal_parse(&conf, 3,
			    (char *[]){(char[]){"prog"}, (char[]){"--config"},
				       (char[]){"/nonexistent/x.ini"}, NULL});
	cr_assert_eq(ret, -ENOENT, "%d", ret);
	cr_assert_eq(caught.nb_lines, 1, "%u", caught.nb_lines);
}

Test(eal_config, the_samples_are_good)
{
	static const struct {
		const char *name;
		unsigned nb_lcores;
		unsigned nb_devices;
	} samples[] = {{"hello.ini", 1, 0}, {"software-ports.ini", 2, 2}, {"realtime.ini", 5, 0}};
	const char *source_dir = getenv("PLX_SOURCE_DIR");

	if (!source_dir)
		cr_skip_test("needs PLX_SOURCE_DIR: the folder of the source tree");
	for (size_t i = 0; i < PLX_ARRAY_SIZE(samples); i++) {
		char sample[512];
		char *argv[] = {(char[]){"prog"}, (char[]){"--config"}, sample, NULL};
		int ret;

		snprintf(sample, sizeof(sample), "%s/config/%s", source_dir, samples[i].name);
		plx_eal_conf_fini(&conf);
		catch_log();
		ret = plx_eal_parse(&conf, 3, argv);
		cr_expect_eq(ret, 3, "%s: %d, %s", samples[i].name, ret, caught.last);
		cr_expect_eq(caught.nb_lines, 0, "%s: %s", samples[i].name, caught.last);
		cr_expect_eq(conf.nb_lcores, samples[i].nb_lcores, "%s: %u lcores", samples[i].name,
			     conf.nb_lcores);
		cr_expect_eq(conf.nb_devices, samples[i].nb_devices, "%s: %u devices",
			     samples[i].name, conf.nb_devices);
	}
}
