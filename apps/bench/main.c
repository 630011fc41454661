/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plx-bench: two ports that a cable joins send each other packets that carry a magic word, a number
 * and the time they were meant to leave; what comes of them is reported, for a user-space driver
 * and the kernel's path side by side.
 */
#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "report.h"

enum { EXIT_INTERRUPTED = 130 };

static struct bench bench;

/* Told now, not when all is measured. A file is written beside its name, and then renamed. */
static int check_file(const char *option, const char *path)
{
	char *copy = path ? strdup(path) : NULL;
	struct stat about;
	int ret = 0;

	if (copy && access(dirname(copy), W_OK | X_OK))
		ret = -errno;
	if (copy && ret == 0 && stat(path, &about) == 0 && S_ISDIR(about.st_mode))
		ret = -EISDIR;
	if (ret)
		bench_complain("%s %s: can't write it: %s", option, path, strerror(-ret));
	free(copy);
	return ret;
}

static int check_dir(const char *option, const char *path)
{
	int ret = 0;

	if (path && ((mkdir(path, 0777) && errno != EEXIST) || access(path, W_OK | X_OK)))
		ret = -errno;
	if (ret)
		bench_complain("%s %s: can't write there: %s", option, path, strerror(-ret));
	return ret;
}

static int check_places(const struct options *opts)
{
	int ret = check_file("--json", opts->json);

	if (ret == 0)
		ret = check_file("--csv", opts->csv);
	if (ret == 0)
		ret = check_file("--html", opts->html);
	if (ret == 0)
		ret = check_dir("--svg", opts->svg);
	return ret ? ret : check_dir("--hgrm", opts->hgrm);
}

static int write_files(const json_t *report)
{
	const struct options *opts = &bench.opts;
	int ret = 0;

	if (opts->json)
		ret = report_write_json(report, opts->json);
	if (opts->csv && ret == 0)
		ret = report_write_csv(report, opts->csv);
	if (opts->html && ret == 0)
		ret = report_write_html(report, opts->html);
	if (opts->svg && ret == 0)
		ret = report_write_svgs(report, opts->svg);
	return ret;
}

/* Whoever reads it may have gone: the files are there. */
static int print(const json_t *report)
{
	signal(SIGPIPE, SIG_IGN);
	report_print(report, stdout);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return bench_fail(-EIO, "can't write the tables: %s", strerror(errno));
}

static void tell_estimate(void)
{
	const unsigned seconds = (unsigned)plan_seconds(&bench) + 1, minutes = (seconds + 30) / 60;

	fprintf(stderr, "plx-bench: %u pair%s, %u size%s: about ", bench.opts.nb_pairs,
		bench.opts.nb_pairs > 1 ? "s" : "", bench.opts.nb_mixes,
		bench.opts.nb_mixes > 1 ? "s" : "");
	if (seconds < 100)
		fprintf(stderr, "%u s\n", seconds);
	else if (minutes < 100)
		fprintf(stderr, "%u min\n", minutes);
	else
		fprintf(stderr, "%u h %u min\n", minutes / 60, minutes % 60);
}

static int measure(int argc, char **argv)
{
	json_t *header;
	int ret;

	bench.report = json_pack("{ss si}", "schema", "plx-bench", "version", 1);
	header = header_make(&bench, argc, argv);
	if (!bench.report || !header) {
		json_decref(header);
		return bench_fail(-ENOMEM, "out of memory");
	}
	json_object_set_new(bench.report, "header", header);
	json_object_set_new(bench.report, "pairs", header_pairs(&bench));
	header_steal_percent();
	live_start(plan_seconds(&bench), bench.opts.quiet);
	ret = plan_run(&bench);
	live_stop();
	json_object_set_new(header, "steal_percent", json_real(header_steal_percent()));
	return ret ? ret : report_derive(bench.report);
}

/* Returns the exit status. */
static int run(int argc, char **argv)
{
	int ret = plx_stop_on_signals(), status = 1;

	if (ret == 0 && (ret = bench_open(&bench)) == 0)
		ret = check_places(&bench.opts);
	if (ret == 0 && !bench.opts.quiet)
		tell_estimate();
	if (ret == 0)
		ret = measure(argc, argv);
	if (ret == 0)
		ret = write_files(bench.report);
	if (ret == 0)
		ret = print(bench.report);
	if (ret == 0 && json_is_true(json_object_get(bench.report, "valid")))
		status = 0;
	if (ret && plx_stop_requested()) {
		bench_complain(bench.opts.hgrm
				       ? "interrupted: no report is written; --hgrm has what was "
					 "measured by then"
				       : "interrupted: nothing is written");
		status = EXIT_INTERRUPTED;
	}
	bench_close(&bench);
	json_decref(bench.report);
	return status;
}

/* Where the program's own arguments begin: at "--", which becomes their argv[0]. */
static int find_own(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--") == 0)
			return i;
	return argc;
}

static int start(int argc, char **argv)
{
	const int own = find_own(argc, argv);
	char **args = NULL;
	int ret, nb;

	if (own == argc) /* --help, --version, or nothing to do */
		ret = plx_init(argc, argv);
	else if ((ret = options_parse(&bench.opts, argc - own, &argv[own])) == OPTIONS_HELP)
		ret = -ECANCELED;
	else if (ret == OPTIONS_WRONG)
		return OPTIONS_WRONG;
	if (ret < 0)
		return plx_init_exit_status(ret, bench_usage, stdout);
	if (own == argc) {
		plx_fini();
		return bench_fail(OPTIONS_WRONG,
				  "--pair is missing: plx-bench [EAL options] -- --pair NAME=A:B");
	}
	if (bench.opts.estimate) {
		tell_estimate();
		return 0;
	}
	nb = lcores_arguments(&bench.opts, own, argv, &args);
	if (nb < 0)
		return nb == -OPTIONS_WRONG ? OPTIONS_WRONG : 1;
	ret = plx_init(nb, args);
	if (ret < 0)
		ret = plx_init_exit_status(ret, bench_usage, stdout);
	else
		ret = run(argc, argv);
	plx_fini();
	free(args);
	return ret;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "compare") == 0)
		return compare_main(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "report") == 0)
		return report_main(argc - 1, argv + 1);
	return start(argc, argv);
}
