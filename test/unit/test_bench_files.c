/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What plx-bench makes of a report: JSON, CSV, page, graphs, tables on a terminal, the comparison
 * of two. With PLX_BENCH_OUT the files of the sample stay in that folder, for bench_report.sh.
 */
#include "bench_sample.h"
#include "bench_tiny.h"

#include <criterion/redirect.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char dir[] = "/tmp/plx-bench-XXXXXX";
static char path[300], other[256];

static void set_up(void)
{
	cr_assert(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/out", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	tiny_make();
}

static unsigned count_files(const char *name)
{
	DIR *folder = opendir(name);
	unsigned nb = 0;

	while (folder && readdir(folder))
		nb++;
	if (folder)
		closedir(folder);
	return nb ? nb - 2 : 0;
}

static void clean_up(void)
{
	char command[300];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	cr_expect_eq(system(command), 0);
	tiny_drop();
}

TestSuite(bench_files, .init = set_up, .fini = clean_up);

static void make_sample(const struct sample *sample)
{
	tiny_drop();
	tiny = sample_report(sample);
	tiny_derive();
}

static unsigned count_of(const char *text, const char *what)
{
	unsigned nb = 0;

	for (; (text = strstr(text, what)) != NULL; text += strlen(what))
		nb++;
	return nb;
}

/* ---- Files ---- */

Test(bench_files, json_is_what_it_was)
{
	json_t *back;
	char *first, *second;

	make_sample(&sample_usual);
	cr_assert_eq(report_write_json(tiny, path), 0);
	back = report_read(path);
	cr_assert(back);
	cr_assert_eq(json_array_size(json_object_get(back, "runs")),
		     json_array_size(json_object_get(tiny, "runs")));
	assert_number(json_array_get(json_object_get(back, "runs"), 0), "throughput_pps",
		      doc_number(item_of("runs", 0), "throughput_pps"));
	cr_assert_eq(report_write_json(back, other), 0);
	first = read_whole(path);
	second = read_whole(other);
	cr_assert(strcmp(first, second) == 0, "written again, it is another file");
	free(first);
	free(second);
	json_decref(back);
}

Test(bench_files, sample_for_the_browser)
{
	const char *out = getenv("PLX_BENCH_OUT");
	struct sample with_ceiling = sample_usual;
	char name[512];

	if (!out)
		out = dir;
	make_sample(&sample_usual);
	snprintf(name, sizeof(name), "%s/sample.json", out);
	cr_assert_eq(report_write_json(tiny, name), 0);
	snprintf(name, sizeof(name), "%s/sample.html", out);
	cr_assert_eq(report_write_html(tiny, name), 0);
	cr_assert_eq(report_write_svgs(tiny, out), 0);
	with_ceiling.emulated = with_ceiling.stress = with_ceiling.delays = false;
	make_sample(&with_ceiling);
	json_object_set_new(json_array_get(json_object_get(tiny, "runs"), 0), "valid",
			    json_false());
	json_object_set_new(json_array_get(json_object_get(tiny, "runs"), 0), "invalid_because",
			    json_string("sent 10, received 8 and lost 1 <b>do not add up</b>"));
	tiny_derive();
	snprintf(name, sizeof(name), "%s/invalid.json", out);
	cr_assert_eq(report_write_json(tiny, name), 0);
	snprintf(name, sizeof(name), "%s/invalid.html", out);
	cr_assert_eq(report_write_html(tiny, name), 0);
	cr_assert_geq(count_files(out), 10);
}

/* A file that can't be written whole isn't there at all, and what was there before stays. */
Test(bench_files, all_or_nothing)
{
	struct rlimit before;
	char *text;
	int ret;

	tiny_add("user", 1, 40);
	tiny_derive();
	cr_redirect_stderr();
	snprintf(other, sizeof(other), "%s/nowhere/out", dir);
	cr_assert_eq(report_write_json(tiny, other), -ENOENT);
	cr_assert_eq(report_write_html(tiny, dir), -EISDIR);
	cr_assert_eq(count_files(dir), 0);
	/* no room: no file of a shell's ulimit -f */
	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE,
			       &(struct rlimit){.rlim_cur = 100, .rlim_max = before.rlim_max}),
		     0);
	ret = report_write_csv(tiny, path);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
	cr_assert_eq(ret, -EFBIG, "%d", ret);
	cr_assert_eq(count_files(dir), 0);
	cr_assert_eq(report_write_json(tiny, path), 0);
	cr_assert_eq(count_files(dir), 1);
	/* through a link to the file that it leads to */
	snprintf(other, sizeof(other), "%s/link", dir);
	cr_assert_eq(symlink("out", other), 0);
	cr_assert_eq(report_write_csv(tiny, other), 0);
	cr_assert_eq(count_files(dir), 2);
	text = read_whole(path);
	cr_assert_eq(strncmp(text, "pair,frame,", 11), 0);
	free(text);
}

/* A pipe, or a device, is written to, and not replaced by a file: this may be root. */
Test(bench_files, pipes_stay_pipes)
{
	struct stat info;
	char text[4096];
	ssize_t bytes;
	int fd;

	tiny_add("user", 1, 40);
	tiny_derive();
	cr_assert_eq(mkfifo(path, 0600), 0);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	cr_assert_eq(report_write_csv(tiny, path), 0);
	bytes = read(fd, text, sizeof(text));
	cr_assert_gt(bytes, 100);
	cr_assert_eq(strncmp(text, "pair,frame,", 11), 0);
	cr_assert(stat(path, &info) == 0 && S_ISFIFO(info.st_mode));
	cr_assert_eq(count_files(dir), 1);
	close(fd);
}

Test(bench_files, svg_folder)
{
	make_sample(&sample_usual);
	cr_assert_eq(report_write_svgs(tiny, path), 0);
	cr_assert_eq(count_files(path), 6);
	cr_assert_eq(report_write_svgs(tiny, path), 0);
	cr_assert_eq(count_files(path), 6);
	cr_redirect_stderr();
	snprintf(other, sizeof(other), "%s/no/where", dir);
	cr_assert_eq(report_write_svgs(tiny, other), -ENOENT);
}

/* Only what was measured has a graph. */
Test(bench_files, svg_of_what_there_is)
{
	tiny_add("user", 1, 40);
	tiny_derive();
	cr_assert_eq(report_write_svgs(tiny, path), 0);
	cr_assert_eq(count_files(path), 1);
	tiny_add_latency("user", 1, 500);
	tiny_derive();
	cr_assert_eq(report_write_svgs(tiny, path), 0);
	cr_assert_eq(count_files(path), 3);
}

/* ---- CSV ---- */

static unsigned count_columns(const char *line)
{
	unsigned nb = 1;
	bool quoted = false;

	for (; *line && (quoted || *line != '\r'); line++) {
		quoted ^= *line == '"';
		nb += *line == ',' && !quoted;
	}
	return nb;
}

Test(bench_files, csv_has_each_run_and_direction)
{
	unsigned nb_lines = 0, nb_sums = 0, nb_columns = 0;
	size_t nb_runs;
	char *text, *line, *rest;

	make_sample(&sample_usual);
	nb_runs = json_array_size(json_object_get(tiny, "runs"));
	cr_assert_eq(report_write_csv(tiny, path), 0);
	text = read_whole(path);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (nb_lines++ == 0)
			nb_columns = count_columns(line);
		cr_assert_eq(count_columns(line), nb_columns, "%u columns, want %u: %s",
			     count_columns(line), nb_columns, line);
		nb_sums += strstr(line, ",sum,") != NULL;
	}
	cr_assert_eq(nb_sums, nb_runs);
	cr_assert_eq(nb_lines, 1 + 3 * nb_runs);
	free(text);
}

Test(bench_files, csv_quotes)
{
	char *text;

	json_object_set_new(tiny_add("user", 1, 40), "pair", json_string("a \"b\", c"));
	tiny_derive();
	cr_assert_eq(report_write_csv(tiny, path), 0);
	text = read_whole(path);
	cr_assert(strstr(text, "\n\"a \"\"b\"\", c\",64,64,max,,1,0,0,0,1,sum,40,"), "%s", text);
	free(text);
}

/* ---- The page ---- */

static char *page(void)
{
	cr_assert_eq(report_write_html(tiny, path), 0);
	return read_whole(path);
}

static const char hostile[] = "</style><script>alert(1)</script>\" onload='x' &amp; \x01..\x7f";

Test(bench_files, page_escapes_all_text)
{
	json_t *header = json_object_get(tiny, "header"), *run;
	char *text;

	json_object_set_new(header, "pollux", json_string(hostile));
	json_object_set_new(header, "time", json_string(hostile));
	json_object_set_new(header, "kernel", json_string(hostile));
	json_object_set_new(header, "labels", json_pack("[s]", hostile));
	json_object_set_new(header, "command", json_pack("[s]", hostile));
	json_object_set_new(header, "machine",
			    json_pack("{s:s, s:s}", "cpu", hostile, hostile, "x"));
	json_array_clear(json_object_get(tiny, "pairs"));
	tiny_add_pair(hostile, "user", hostile);
	tiny_add_pair("kernel", "kernel", "net_pcap");
	run = set_frame(tiny_add(hostile, 1, 40), hostile, 64);
	json_object_set_new(run, "invalid_because", json_string(hostile));
	json_object_set_new(run, "load", json_string(hostile));
	json_object_set_new(set_frame(tiny_add(hostile, 2, 40), hostile, 64), "valid",
			    json_false());
	set_frame(tiny_add(hostile, 1, 40), hostile, 64);
	json_object_set_new(set_frame(tiny_add_latency(hostile, 1, 40), hostile, 64), "load",
			    json_string(hostile));
	tiny_derive();
	text = page();
	cr_assert_eq(count_of(text, "<script"), 0);
	cr_assert_eq(count_of(text, "onload='"), 0);
	cr_assert_eq(count_of(text, "</style>"), 1);
	cr_assert_gt(count_of(text, "&lt;script&gt;alert(1)"), 8);
	cr_assert(!strchr(text, '\x01'));
	free(text);
	cr_assert_eq(report_write_svgs(tiny, other), 0);
	snprintf(path, sizeof(path), "%s/throughput.svg", other);
	text = read_whole(path);
	cr_assert_eq(count_of(text, "<script"), 0);
	free(text);
}

/* The answer before the graphs, these before the tables, then method and machine. */
Test(bench_files, page_begins_with_the_answer)
{
	static const char *const order[] = {
		"<h1>user has 2.33 to 3.84 times the throughput of kernel",
		"class=\"answers\"",
		"<b>emulated</b>",
		"<svg",
		"id=\"verdicts\"",
		"What the paper says",
		"id=\"table-throughput\"",
		"How it was measured",
		"Machine and settings"};
	const char *at;
	char *text;

	make_sample(&sample_usual);
	at = text = page();
	for (size_t i = 0; i < PLX_ARRAY_SIZE(order); i++) {
		at = strstr(at, order[i]);
		cr_assert(at, "%s is missing, or too early", order[i]);
	}
	cr_assert_eq(count_of(text, "<svg"), 6);
	cr_assert_eq(count_of(text, "<svg"), count_of(text, "</svg>"));
	cr_assert_eq(count_of(text, "<desc "), 6);
	cr_assert_eq(count_of(text, "url("), 0);
	cr_assert_eq(count_of(text, "http"),
		     count_of(text, "xmlns=\"http://www.w3.org/2000/svg\""));
	cr_assert(strstr(text, "3.83\xe2\x80\x93"
			       "3.84"));
	cr_assert(!strstr(text, "This report is invalid"));
	free(text);
}

Test(bench_files, page_tells_no_difference_where_there_is_none)
{
	char *text;

	tiny_add("user", 1, 120);
	tiny_add("kernel", 1, 100);
	tiny_add("user", 2, 95);
	tiny_add("kernel", 2, 100);
	tiny_derive();
	text = page();
	cr_assert(strstr(text, "<h1>No difference between user and kernel"), "%.3000s", text);
	free(text);
	json_object_set_new(json_array_get(json_object_get(tiny, "runs"), 2), "throughput_pps",
			    json_real(106));
	tiny_derive();
	text = page();
	cr_assert(strstr(text,
			 "<h1>user has 1.13 times the throughput of kernel with 64-byte frames"));
	free(text);
}

Test(bench_files, page_of_an_invalid_report)
{
	json_t *run = tiny_add("user", 7, 40);
	char *text;

	json_object_set_new(run, "valid", json_false());
	json_object_set_new(run, "invalid_because", json_string("sent 3, received 1"));
	tiny_derive();
	text = page();
	cr_assert(strstr(text, "This report is invalid"));
	cr_assert(strstr(text, "repeat 7: sent 3, received 1"));
	free(text);
}

Test(bench_files, ceiling_is_drawn_where_there_is_one)
{
	struct sample sample = sample_usual;
	char *text;

	make_sample(&sample);
	text = page();
	cr_assert_eq(count_of(text, ">the line&#39;s ceiling<"), 0);
	free(text);
	sample.emulated = false;
	make_sample(&sample);
	text = page();
	cr_assert_eq(count_of(text, ">the line&#39;s ceiling<"), 1);
	free(text);
}

/* ---- The terminal ---- */

static char *printed(void)
{
	char *text;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	report_print(tiny, out);
	fclose(out);
	return text;
}

static void assert_narrow(const char *text)
{
	while (*text) {
		size_t bytes = strcspn(text, "\n");

		cr_assert_leq(bytes, 100, "%zu columns: %.*s", bytes, (int)bytes, text);
		text += bytes + (text[bytes] == '\n');
	}
}

Test(bench_files, tables_are_narrow_and_complete)
{
	static const char *const words[] = {"labels: emulated; shared CPU",
					    "p99.99",
					    "lost %",
					    "emulated",
					    "3.84 (3.83..3.84)",
					    "survey: user, 64-byte frames: 38",
					    "DOES NOT HOLD",
					    "PDA: user: no ceiling: emulated or unknown",
					    "Noise floor",
					    "over a net_ring cable"};
	char *text;

	make_sample(&sample_usual);
	text = printed();
	assert_narrow(text);
	for (size_t i = 0; i < PLX_ARRAY_SIZE(words); i++)
		cr_assert(strstr(text, words[i]), "%s is missing", words[i]);
	cr_assert(!strstr(text, "INVALID"));
	free(text);
}

Test(bench_files, tables_with_long_names_and_large_numbers)
{
	char name[201];
	char *text;

	memset(name, 'n', 200);
	name[200] = '\0';
	tiny_add_pair(name, "kernel", "net_pcap");
	for (int i = 1; i <= 3; i++) {
		json_t *run = tiny_add_latency(name, i, 200000000 + i);

		json_object_set_new(run, "load", json_string(name));
		set_true(set_true(run, "stress"), "together");
		json_object_set_new(run, "throughput_pps", json_real(9.87654321e9 + i * 1e8));
	}
	tiny_derive();
	text = printed();
	assert_narrow(text);
	cr_assert(strstr(text, "10076543 (9976543..10176543)"), "%s", text);
	free(text);
}

/* On the terminal and on the page. */
static void assert_told(const char *line, bool told)
{
	char *texts[] = {printed(), page()};

	for (unsigned i = 0; i < 2; i++) {
		cr_assert_eq(strstr(texts[i], line) != NULL, told, "%s", line);
		free(texts[i]);
	}
}

Test(bench_files, rates_that_were_not_kept_are_told)
{
	json_t *run;

	tiny_add_latency("kernel", 1, 100);
	tiny_derive();
	assert_told("Rates that were not kept", false);
	json_object_set_new(tiny_add_latency("user", 2, 100), "kept", json_real(0.95));
	run = tiny_add("user", 3, 40);
	json_object_set_new(run, "kept", json_real(0.5));
	json_object_set_new(run, "latency_ns", json_pack("{s:i, s:n}", "count", 0, "min"));
	tiny_derive();
	assert_told("Rates that were not kept", true);
	assert_told("repeat 2: 95.0 % of what was due, so", false);
	assert_told("repeat 2: 95.0 % of what was due", true);
	assert_told("repeat 3: 50.0 % of what was due, so no latency is told", true);
	assert_told("repeat 1:", false);
}

Test(bench_files, trials_that_do_not_count_are_told)
{
	json_t *trials = json_pack("[{s:f, s:n}, {s:f, s:s}]", "pps", 1000.0, "invalid_because",
				   "pps", 500.0, "invalid_because", "it does not add up");
	json_t *search = json_pack("{s:s, s:s, s:s, s:o}", "pair", "user", "frame", "64", "kind",
				   "ndr", "trials", trials);

	tiny_add("user", 1, 1000);
	json_array_append_new(json_object_get(tiny, "searches"), search);
	tiny_derive();
	assert_told("user, frame 64, a trial of the ndr search: it does not add up", true);
	json_array_remove(trials, 1);
	tiny_derive();
	assert_told("a trial of the ndr search", false);
}

Test(bench_files, terminal_gets_no_commands)
{
	char *text;

	json_array_clear(json_object_get(tiny, "pairs"));
	tiny_add_pair("\x1b[31mred", "user", "net_igb");
	json_object_set_new(tiny_add("\x1b[31mred", 1, 40), "load", json_string("\x1b]0;x\x07"));
	json_object_set_new(json_object_get(tiny, "header"), "kernel", json_string("\x1b[2J"));
	tiny_derive();
	text = printed();
	cr_assert(!strchr(text, '\x1b') && !strchr(text, '\x07'), "%s", text);
	cr_assert(strstr(text, "?[31mred"));
	free(text);
}

/* ---- Comparing two ---- */

static void write_text(const char *name, const char *text)
{
	FILE *out = fopen(name, "we");

	cr_assert(out && fputs(text, out) >= 0 && fclose(out) == 0);
}

static int compare(const char *a, const char *b)
{
	char *argv[] = {"compare", strdup(a), strdup(b), NULL};
	int status = compare_main(3, argv);

	free(argv[1]);
	free(argv[2]);
	return status;
}

/* What was printed on stdout, to be freed. */
static char *compared(const char *a, const char *b, int want)
{
	static char log[300];
	int saved, status;
	FILE *out;

	snprintf(log, sizeof(log), "%s/log", dir);
	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	out = fopen(log, "we");
	cr_assert(out && dup2(fileno(out), STDOUT_FILENO) >= 0);
	status = compare(a, b);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	fclose(out);
	cr_assert_eq(status, want, "exit status %d, want %d", status, want);
	return read_whole(log);
}

static void write_runs(const char *name, double first, double second)
{
	tiny_make();
	tiny_add("user", 1, first);
	tiny_add("user", 2, second);
	tiny_derive();
	cr_assert_eq(report_write_json(tiny, name), 0);
}

Test(bench_files, compare_tells_what_changed)
{
	static const struct {
		double first, second;
		const char *line; /* of the table */
	} cases[] = {
		{110000, 120000, "1.095 (1.000..1.200)  unclear"},
		{121000, 131000, "1.200 (1.100..1.310)  faster"},
		{50000, 90000, "0.6667 (0.4545..0.9000)  slower"},
	};

	write_runs(path, 100000, 110000);
	for (size_t c = 0; c < PLX_ARRAY_SIZE(cases); c++) {
		char *text;

		write_runs(other, cases[c].first, cases[c].second);
		text = compared(path, other, 0);
		cr_assert(strstr(text, cases[c].line), "want %s: %s", cases[c].line, text);
		cr_assert(strstr(text, "Machine and options are the same."));
		cr_assert(strstr(text, "1 points in both, 0 only in A, 0 only in B"));
		free(text);
	}
}

Test(bench_files, compare_tells_what_differs)
{
	json_t *header;
	char *text;

	write_runs(path, 1000, 1100);
	tiny_make();
	header = json_object_get(tiny, "header");
	json_object_set_new(header, "kernel", json_string("6.12.0"));
	json_object_set_new(header, "machine", json_pack("{s:i}", "nb_cpus", 64));
	json_object_set_new(json_object_get(header, "options"), "isolate", json_true());
	tiny_add("user", 1, 1000);
	tiny_add("kernel", 1, 1000);
	json_object_set_new(tiny_add("kernel", 2, 1000), "valid", json_false());
	tiny_derive();
	report_write_json(tiny, other);
	text = compared(path, other, 0);
	cr_assert(strstr(text, "\nkernel           -      6.12.0\n"), "%s", text);
	cr_assert(strstr(text, "\nmachine nb_cpus  -      64\n"), "%s", text);
	cr_assert(strstr(text, "\noptions isolate  false  true\n"), "%s", text);
	cr_assert(strstr(text, "INVALID: it says so itself"));
	cr_assert(strstr(text, "1 points in both, 0 only in A, 1 only in B"));
	free(text);
}

Test(bench_files, compare_refuses_what_it_cannot_read)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"", "no JSON"},
		{"{\"schema\": \"plx-bench\",\n \"version\": }", "line 2: no JSON"},
		{"[1, 2]", "not a report of plx-bench --json"},
		{"{\"schema\": \"other\", \"version\": 1}", "not a report of plx-bench --json"},
		{"{\"schema\": \"plx-bench\", \"version\": 2, \"runs\": [], \"pairs\": []}",
		 "schema version 2; this program reads version 1"},
		{"{\"schema\": \"plx-bench\", \"version\": 1}", "a report without pairs and runs"},
		{"{\"schema\": \"plx-bench\", \"version\": 1, \"runs\": [], \"pairs\": []}",
		 "have no point in common"},
	};
	char log[300];

	write_runs(path, 1000, 1100);
	snprintf(log, sizeof(log), "%s/errors", dir);
	for (size_t c = 0; c < PLX_ARRAY_SIZE(cases); c++) {
		char *said;

		write_text(other, cases[c].text);
		cr_assert(freopen(log, "w", stderr));
		cr_assert_eq(compare(path, other), 1);
		cr_assert_eq(compare(other, path), 1);
		fflush(stderr);
		said = read_whole(log);
		cr_assert(strstr(said, cases[c].says), "want %s: %s", cases[c].says, said);
		cr_assert_eq(count_of(said, "\n"), 2, "want a line each: %s", said);
		free(said);
	}
	cr_assert_eq(compare(path, "/nonexistent"), 1);
	cr_assert_eq(compare_main(1, (char *[]){"compare", NULL}), 2);
	cr_assert_eq(compare_main(2, (char *[]){"compare", path, NULL}), 2);
	cr_assert_eq(compare_main(2, (char *[]){"compare", "--help", NULL}), 0);
}

/* ---- plx-bench report ---- */

Test(bench_files, report_makes_the_files_again)
{
	char *argv[] = {"report", path, "--html", other, "--quiet", NULL};
	char *first, *second;

	make_sample(&sample_usual);
	report_write_json(tiny, path);
	report_write_html(tiny, other);
	first = read_whole(other);
	cr_assert_eq(unlink(other), 0);
	cr_assert_eq(report_main(5, argv), 0);
	second = read_whole(other);
	cr_assert(strcmp(first, second) == 0, "made again, it is another page");
	free(first);
	free(second);
	cr_redirect_stderr();
	cr_assert_eq(report_main(1, (char *[]){"report", NULL}), 2);
	cr_assert_eq(report_main(3, (char *[]){"report", path, "--bogus", NULL}), 2);
	cr_assert_eq(report_main(3, (char *[]){"report", path, "--html", NULL}), 2);
	cr_assert_eq(report_main(2, (char *[]){"report", "/nonexistent", NULL}), 1);
	json_object_set_new(json_array_get(json_object_get(tiny, "runs"), 0), "valid",
			    json_false());
	report_write_json(tiny, path);
	cr_assert_eq(report_main(3, (char *[]){"report", path, "--quiet", NULL}), 1);
}
