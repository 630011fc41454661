/* SPDX-License-Identifier: BSD-3-Clause */
/* What plx-bench derives from the runs: points, ratios, verdicts and the paper's sentences. */
#include "bench_tiny.h"

TestSuite(bench_report, .init = tiny_make, .fini = tiny_drop);

/* ---- Points ---- */

static void add_stream(json_t *run, int from, int sent, int lost, int duplicate)
{
	json_array_append_new(
		json_object_get(run, "streams"),
		json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:f, s:{s:i}}",
			  "from_port", from, "to_port", 1 - from, "sent", sent, "received",
			  sent - lost, "lost", lost, "duplicate", duplicate, "reordered", 3,
			  "corrupt", 4, "foreign", 5, "throughput_pps", sent - lost + 0.0,
			  "throughput_mbps", 1.0, "wire_mbps", 2.0, "drops", "rx_missed", lost));
}

Test(bench_report, medians_and_totals)
{
	const double pps[] = {300, 100, 200};
	const json_t *point, *direction;

	for (int i = 0; i < 3; i++) {
		json_t *run = tiny_add("user", i + 1, pps[i]);

		add_stream(run, 0, 1000 * (i + 1), 10, 1);
		add_stream(run, 1, 500, 0, 0);
		json_object_set_new(run, "cpu",
				    json_pack("{s:f, s:n}", "lcore_ns_per_packet", 10.0 * i,
					      "kernel_ns_per_packet"));
	}
	tiny_derive();
	cr_assert_eq(json_array_size(json_object_get(tiny, "points")), 1);
	point = item_of("points", 0);
	assert_number(point, "repeats", 3);
	assert_number(point, "invalid", 0);
	assert_spread(point, "throughput_pps", 200, 100, 300);
	assert_number(point, "sent", 7500);
	assert_number(point, "received", 7470);
	assert_number(point, "lost", 30);
	assert_number(point, "loss", 30 / 7500.0);
	assert_number(point, "duplicate", 3);
	assert_number(point, "reordered", 18);
	assert_number(point, "corrupt", 24);
	assert_number(point, "foreign", 30);
	assert_null(point, "ceiling_percent");
	assert_spread(json_object_get(point, "cpu"), "lcore_ns_per_packet", 10, 0, 20);
	assert_null(json_object_get(point, "cpu"), "kernel_ns_per_packet");
	direction = json_array_get(json_object_get(point, "directions"), 0);
	assert_number(direction, "sent", 6000);
	assert_number(json_object_get(direction, "drops"), "rx_missed", 30);
	assert_spread(direction, "throughput_pps", 1990, 990, 2990);
	cr_assert(doc_true(tiny, "valid"));
}

Test(bench_report, median_of_an_even_number)
{
	tiny_add("user", 1, 100);
	tiny_add("user", 2, 300);
	tiny_derive();
	assert_spread(item_of("points", 0), "throughput_pps", 200, 100, 300);
}

Test(bench_report, each_condition_is_a_point)
{
	tiny_add("user", 1, 100);
	set_true(tiny_add("user", 1, 100), "stress");
	set_true(tiny_add("user", 1, 100), "together");
	json_object_set_new(tiny_add("user", 1, 100), "delay_ns", json_integer(1000));
	json_object_set_new(tiny_add("user", 1, 100), "load", json_string("10%"));
	set_frame(tiny_add("user", 1, 100), "128", 128);
	tiny_add("kernel", 1, 100);
	tiny_add("user", 2, 100);
	tiny_derive();
	cr_assert_eq(json_array_size(json_object_get(tiny, "points")), 7);
	assert_number(item_of("points", 0), "repeats", 2);
}

Test(bench_report, invalid_runs_are_in_no_median)
{
	json_t *run;

	tiny_add("user", 1, 100);
	run = tiny_add("user", 2, 900);
	json_object_set_new(run, "valid", json_false());
	json_object_set_new(set_frame(tiny_add("user", 1, 5), "128", 128), "valid", json_false());
	tiny_derive();
	assert_spread(item_of("points", 0), "throughput_pps", 100, 100, 100);
	assert_number(item_of("points", 0), "repeats", 1);
	assert_number(item_of("points", 0), "invalid", 1);
	assert_null(item_of("points", 1), "throughput_pps");
	assert_number(item_of("points", 1), "repeats", 0);
	cr_assert(json_is_false(json_object_get(tiny, "valid")));
}

Test(bench_report, nothing_measured_is_not_valid)
{
	tiny_derive();
	cr_assert(json_is_false(json_object_get(tiny, "valid")));
	json_array_append_new(json_object_get(tiny, "searches"), json_object());
	tiny_derive();
	cr_assert(json_is_true(json_object_get(tiny, "valid")));
}

/* Ten samples beyond a percentile, or it is not told, whatever the run says. */
Test(bench_report, percentiles_need_samples)
{
	static const struct {
		int count;
		int nb; /* of p50 to p99.99 that are told */
	} cases[] = {{0, 0},	 {1, 0},      {19, 0},	  {20, 1},   {99, 1},
		     {100, 2},	 {999, 2},    {1000, 3},  {9999, 3}, {10000, 4},
		     {99999, 4}, {100000, 5}, {200000, 5}};

	for (size_t c = 0; c < PLX_ARRAY_SIZE(cases); c++) {
		json_t *latency;
		int nb = 0;

		tiny_make();
		latency = json_object_get(tiny_add_latency("user", 1, 100), "latency_ns");
		json_object_set_new(latency, "count", json_integer(cases[c].count));
		json_object_set_new(latency, "p99_99", json_integer(77));
		tiny_derive();
		latency = json_object_get(item_of("points", 0), "latency_ns");
		for (unsigned l = 1; l < REPORT_LATENCIES - 1; l++)
			nb += !json_is_null(json_object_get(latency, report_latencies[l].key));
		cr_assert_eq(nb, cases[c].nb, "%d samples: %d percentiles, want %d", cases[c].count,
			     nb, cases[c].nb);
		cr_assert_eq(json_is_null(json_object_get(latency, "max")), cases[c].count == 0);
	}
}

/* ---- Ratios ---- */

/* Not the ratio of the medians, which would be 4. */
Test(bench_report, ratio_is_of_the_same_repeat)
{
	const double user[] = {10, 20, 30}, kernel[] = {5, 5, 10};
	const json_t *ratio;

	for (int i = 0; i < 3; i++) {
		tiny_add("user", i + 1, user[i]);
		tiny_add("kernel", 3 - i, kernel[2 - i]);
	}
	tiny_derive();
	cr_assert_eq(json_array_size(json_object_get(tiny, "ratios")), 1);
	ratio = item_of("ratios", 0);
	cr_assert_str_eq(doc_string(ratio, "metric"), "throughput_pps");
	cr_assert_str_eq(doc_string(ratio, "of"), "user");
	cr_assert_str_eq(doc_string(ratio, "to"), "kernel");
	cr_assert_str_eq(doc_string(ratio, "against"), "pair");
	assert_number(ratio, "median", 3);
	assert_number(ratio, "min", 2);
	assert_number(ratio, "max", 4);
	assert_number(ratio, "repeats", 3);
}

Test(bench_report, ratio_leaves_out_what_has_no_other)
{
	tiny_add("user", 1, 10);
	tiny_add("user", 2, 10);
	tiny_add("user", 3, 10);
	tiny_add("kernel", 1, 0);
	json_object_set_new(tiny_add("kernel", 2, 1), "valid", json_false());
	tiny_add("kernel", 3, 5);
	tiny_add("kernel", 4, 5);
	json_object_set_new(tiny_add("user", 4, 9999), "valid", json_false());
	tiny_derive();
	cr_assert_eq(json_array_size(json_object_get(tiny, "ratios")), 1);
	assert_number(item_of("ratios", 0), "repeats", 1);
	assert_number(item_of("ratios", 0), "median", 2);
}

Test(bench_report, ratios_alone_and_at_once)
{
	tiny_add("user", 1, 40);
	tiny_add("kernel", 1, 10);
	set_true(tiny_add("user", 1, 30), "together");
	set_true(tiny_add("kernel", 1, 10), "together");
	tiny_derive();
	cr_assert_eq(json_array_size(json_object_get(tiny, "ratios")), 2);
	assert_number(item_of("ratios", 0), "median", 4);
	cr_assert(!doc_true(item_of("ratios", 0), "together"));
	assert_number(item_of("ratios", 1), "median", 3);
	cr_assert(doc_true(item_of("ratios", 1), "together"));
}

Test(bench_report, ratios_of_latency)
{
	const json_t *ratio;

	tiny_add_latency("user", 1, 500);
	tiny_add_latency("kernel", 1, 1000);
	tiny_derive();
	ratio = find_item("ratios", "metric", "latency_p50", NULL, NULL);
	cr_assert(ratio);
	assert_number(ratio, "median", 0.5);
	cr_assert(doc_true(ratio, "same_rate"));
	cr_assert(find_item("ratios", "metric", "latency_p99", NULL, NULL));
	json_object_set_new(json_array_get(json_object_get(tiny, "runs"), 0), "offered_pps",
			    json_real(11000));
	tiny_derive();
	cr_assert(!doc_true(find_item("ratios", "metric", "latency_p50", NULL, NULL), "same_rate"));
}

Test(bench_report, ratio_under_stress)
{
	const json_t *ratio;

	tiny_add("user", 1, 40);
	set_true(tiny_add("user", 1, 10), "stress");
	tiny_derive();
	cr_assert_eq(json_array_size(json_object_get(tiny, "ratios")), 1);
	ratio = item_of("ratios", 0);
	cr_assert_str_eq(doc_string(ratio, "against"), "no stress");
	cr_assert_str_eq(doc_string(ratio, "of"), "user");
	cr_assert_str_eq(doc_string(ratio, "to"), "user");
	assert_number(ratio, "median", 0.25);
}

Test(bench_report, ratios_of_several_pairs)
{
	tiny_add_pair("other", "kernel", "net_af_packet");
	tiny_add("user", 1, 40);
	tiny_add("kernel", 1, 10);
	tiny_add("other", 1, 20);
	tiny_derive();
	cr_assert_eq(json_array_size(json_object_get(tiny, "ratios")), 2);
	assert_number(find_item("ratios", "to", "kernel", NULL, NULL), "median", 4);
	assert_number(find_item("ratios", "to", "other", NULL, NULL), "median", 2);
}

/* Where paths don't tell which is the one to hold against, the first pair is held against all. */
Test(bench_report, ratios_of_like_pairs)
{
	json_array_clear(json_object_get(tiny, "pairs"));
	tiny_add_pair("a", "software", "net_ring");
	tiny_add_pair("b", "software", "net_null");
	tiny_add("a", 1, 30);
	tiny_add("b", 1, 10);
	tiny_derive();
	cr_assert_eq(json_array_size(json_object_get(tiny, "ratios")), 1);
	assert_number(item_of("ratios", 0), "median", 3);
	cr_assert_str_eq(doc_string(item_of("ratios", 0), "of"), "a");
}

Test(bench_report, ratios_of_searches)
{
	static const char *const pairs[] = {"user", "kernel"};
	const json_t *ratio;

	for (int i = 0; i < 2; i++)
		json_array_append_new(json_object_get(tiny, "searches"),
				      json_pack("{s:s, s:s, s:i, s:s, s:b, s:f}", "pair", pairs[i],
						"frame", "64", "frame_bytes", 64, "kind", "ndr",
						"stress", 0, "pps", i ? 100.0 : 350.0));
	tiny_derive();
	cr_assert_eq(json_array_size(json_object_get(tiny, "ratios")), 1);
	ratio = item_of("ratios", 0);
	cr_assert_str_eq(doc_string(ratio, "metric"), "ndr_pps");
	assert_number(ratio, "median", 3.5);
}

/* ---- Verdicts ---- */

static void set_ceiling(json_t *run, double percent)
{
	json_object_set_new(run, "ceiling_pps", json_real(1e6));
	json_object_set_new(run, "ceiling_percent", json_real(percent));
}

static const json_t *verdict_of(const char *id, const char *pair)
{
	const json_t *verdict = find_item("verdicts", "id", id, "pair", pair);

	cr_assert(verdict, "no verdict %s of %s", id, pair);
	return verdict;
}

Test(bench_report, verdict_of_the_ceiling)
{
	static const struct {
		double percent;
		int met;
	} cases[] = {{98, YES}, {97.99, NO}, {100, YES}, {3, NO}};

	for (size_t c = 0; c < PLX_ARRAY_SIZE(cases); c++) {
		tiny_make();
		set_ceiling(tiny_add("user", 1, 1), cases[c].percent);
		tiny_derive();
		assert_answer(verdict_of("pda_98", "user"), "met", cases[c].met);
		assert_number(verdict_of("pda_98", "user"), "value", cases[c].percent);
	}
}

Test(bench_report, verdict_is_of_the_median)
{
	set_ceiling(tiny_add("user", 1, 1), 99);
	set_ceiling(tiny_add("user", 2, 1), 90);
	set_ceiling(tiny_add("user", 3, 1), 98.5);
	tiny_derive();
	assert_answer(verdict_of("pda_98", "user"), "met", YES);
	assert_number(verdict_of("pda_98", "user"), "value", 98.5);
}

Test(bench_report, verdict_without_a_ceiling)
{
	tiny_add("user", 1, 1);
	tiny_derive();
	assert_answer(verdict_of("pda_98", "user"), "met", OPEN);
	cr_assert(strstr(doc_string(verdict_of("pda_98", "user"), "text"),
			 "no ceiling: emulated or unknown"));
	assert_null(verdict_of("pda_98", "user"), "value");
	/* and the kernel's pair was not measured at all */
	assert_answer(verdict_of("pda_98", "kernel"), "met", OPEN);
	assert_null(verdict_of("pda_98", "kernel"), "frame");
}

Test(bench_report, verdict_of_the_survey)
{
	static const struct {
		double user;
		int met;
	} cases[] = {{95, YES}, {94.9, NO}, {400, YES}};

	for (size_t c = 0; c < PLX_ARRAY_SIZE(cases); c++) {
		tiny_make();
		tiny_add("user", 1, cases[c].user);
		tiny_add("kernel", 1, 100);
		tiny_derive();
		assert_answer(verdict_of("survey_5", "user"), "met", cases[c].met);
		assert_number(verdict_of("survey_5", "user"), "value", cases[c].user);
		cr_assert(!find_item("verdicts", "id", "survey_5", "pair", "kernel"));
	}
}

/* A cable in memory is no driver of a card, however fast. */
Test(bench_report, verdict_of_a_software_port)
{
	json_array_clear(json_object_get(tiny, "pairs"));
	tiny_add_pair("ring", "software", "net_ring");
	tiny_add_pair("kernel", "kernel", "net_pcap");
	tiny_add("ring", 1, 1000);
	tiny_add("kernel", 1, 100);
	tiny_derive();
	assert_answer(verdict_of("survey_5", "ring"), "met", OPEN);
	assert_number(item_of("ratios", 0), "median", 10);
	assert_answer(find_item("claims", "id", "four_times", NULL, NULL), "holds", OPEN);
}

/* Under stress or with a delay a pair isn't at its best; at once only where never alone. */
Test(bench_report, verdict_is_of_the_pair_alone)
{
	set_ceiling(set_true(tiny_add("user", 1, 1), "stress"), 10);
	set_ceiling(set_true(tiny_add("user", 1, 1), "together"), 20);
	tiny_derive();
	assert_number(verdict_of("pda_98", "user"), "value", 20);
	set_ceiling(tiny_add("user", 1, 1), 99);
	tiny_derive();
	assert_number(verdict_of("pda_98", "user"), "value", 99);
}

/* ---- The paper's sentences ---- */

static const json_t *claim_of(const char *id)
{
	const json_t *claim = find_item("claims", "id", id, NULL, NULL);

	cr_assert(claim, "no claim %s", id);
	return claim;
}

Test(bench_report, claim_of_four_times)
{
	tiny_add("user", 1, 40);
	tiny_derive();
	assert_answer(claim_of("four_times"), "holds", OPEN);
	tiny_add("kernel", 1, 10);
	tiny_derive();
	assert_answer(claim_of("four_times"), "holds", YES);
	cr_assert(strstr(doc_string(claim_of("four_times"), "measured"), "64: 4.00"));
	/* one size at which it is less is enough */
	set_frame(tiny_add("user", 1, 15), "1518", 1518);
	set_frame(tiny_add("kernel", 1, 10), "1518", 1518);
	tiny_derive();
	assert_answer(claim_of("four_times"), "holds", NO);
	cr_assert(strstr(doc_string(claim_of("four_times"), "measured"), "1518: 1.50"));
}

Test(bench_report, claim_of_lower_latency)
{
	tiny_add_latency("user", 1, 900);
	tiny_derive();
	assert_answer(claim_of("lower_latency"), "holds", OPEN);
	tiny_add_latency("kernel", 1, 1000);
	tiny_derive();
	/* one repeat has no spread */
	assert_answer(claim_of("lower_latency"), "holds", OPEN);
	tiny_add_latency("user", 2, 910);
	tiny_add_latency("kernel", 2, 1000);
	tiny_derive();
	assert_answer(claim_of("lower_latency"), "holds", YES);
	/* a repeat in which it is higher: nobody knows */
	tiny_add_latency("user", 3, 1001);
	tiny_add_latency("kernel", 3, 1000);
	tiny_derive();
	assert_answer(claim_of("lower_latency"), "holds", NO);
}

/* At rates of their own the two can't be compared. */
Test(bench_report, claim_of_latency_wants_the_same_rate)
{
	tiny_add_latency("user", 1, 900);
	json_object_set_new(tiny_add_latency("kernel", 1, 1000), "offered_pps", json_real(2500));
	tiny_derive();
	assert_answer(claim_of("lower_latency"), "holds", OPEN);
}

Test(bench_report, claim_of_stress)
{
	tiny_add("user", 1, 100);
	tiny_add("user", 2, 100);
	tiny_derive();
	assert_answer(claim_of("stress"), "holds", OPEN);
	set_true(tiny_add("user", 1, 96), "stress");
	set_true(tiny_add("user", 2, 97), "stress");
	tiny_derive();
	assert_answer(claim_of("stress"), "holds", YES);
	json_object_set_new(json_array_get(json_object_get(tiny, "runs"), 2), "throughput_pps",
			    json_real(80));
	json_object_set_new(json_array_get(json_object_get(tiny, "runs"), 3), "throughput_pps",
			    json_real(85));
	tiny_derive();
	assert_answer(claim_of("stress"), "holds", NO);
	/* a spread that has 1 in it tells nothing */
	json_object_set_new(json_array_get(json_object_get(tiny, "runs"), 3), "throughput_pps",
			    json_real(101));
	tiny_derive();
	assert_answer(claim_of("stress"), "holds", YES);
}

Test(bench_report, claim_of_real_time)
{
	json_t *options = json_object_get(json_object_get(tiny, "header"), "options");

	tiny_add("user", 1, 100);
	tiny_derive();
	assert_answer(claim_of("real_time"), "holds", OPEN);
	tiny_add_latency("user", 1, 1000);
	tiny_derive();
	assert_answer(claim_of("real_time"), "holds", YES);
	cr_assert(strstr(doc_string(claim_of("real_time"), "measured"), "9.000 us"));
	json_object_set_new(options, "isolate", json_true());
	tiny_derive();
	assert_answer(claim_of("real_time"), "holds", NO);
}

/* ---- Documents that are none ---- */

Test(bench_report, what_is_no_report_is_refused)
{
	static const char *const texts[] = {"[]", "{}", "{\"runs\":[]}",
					    "{\"runs\":1,\"pairs\":2}"};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(texts); i++) {
		json_t *json = json_loads(texts[i], 0, NULL);

		cr_assert_eq(report_derive(json), -EINVAL, "%s", texts[i]);
		json_decref(json);
	}
}

/* Members of a wrong type are as good as none. */
Test(bench_report, members_of_a_wrong_type)
{
	static const char text[] =
		"{\"pairs\":[1,null,{\"name\":[],\"path\":5,\"ports\":{}}],\"header\":[],"
		"\"floors\":{},\"bias\":[3],\"searches\":[\"x\",{}],\"runs\":[7,null,[],\"run\","
		"{\"pair\":null,\"frame\":{},\"latency_ns\":[],\"streams\":[1,{}],\"lcores\":5,"
		"\"valid\":true,\"throughput_pps\":\"fast\",\"repeat\":{}}]}";
	char folder[] = "/tmp/plx-bench-XXXXXX", path[64];
	char *shown;
	size_t bytes;
	FILE *out;

	tiny_drop();
	tiny = json_loads(text, 0, NULL);
	cr_assert(tiny);
	tiny_derive();
	cr_assert(json_is_false(json_object_get(tiny, "valid")));
	out = open_memstream(&shown, &bytes);
	report_print(tiny, out);
	fclose(out);
	free(shown);
	/* a folder of the test's own: what is written replaces what is there */
	cr_assert(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/page", folder);
	cr_assert_eq(report_write_html(tiny, path), 0);
	cr_assert_eq(report_write_csv(tiny, path), 0);
	cr_assert(unlink(path) == 0 && rmdir(folder) == 0);
}

/* ---- Out of memory ---- */

static long allocations_left;

static void *failing_malloc(size_t bytes)
{
	return allocations_left-- > 0 ? malloc(bytes) : NULL;
}

Test(bench_report, out_of_memory_at_each_step)
{
	unsigned nb_failed = 0;
	int ret = -ENOMEM;

	for (int i = 1; i <= 2; i++) {
		add_stream(tiny_add("user", i, 40), 0, 10, 1, 0);
		tiny_add("kernel", i, 10);
		tiny_add_latency("user", i, 10);
		tiny_add_latency("kernel", i, 10);
	}
	/* a line for each */
	cr_assert(freopen("/dev/null", "w", stderr));
	json_set_alloc_funcs(failing_malloc, free);
	for (long nb = 0; ret; nb++) {
		allocations_left = nb;
		ret = report_derive(tiny);
		cr_assert(ret == 0 || ret == -ENOMEM, "with %ld allocations: %d", nb, ret);
		nb_failed += ret != 0;
		cr_assert_lt(nb_failed, 100000);
	}
	json_set_alloc_funcs(malloc, free);
	cr_assert_gt(nb_failed, 100);
	assert_number(find_item("ratios", "metric", "throughput_pps", NULL, NULL), "median", 4);
}
