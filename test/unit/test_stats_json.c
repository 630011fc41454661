/* SPDX-License-Identifier: BSD-3-Clause */
/* A sample as JSON, read back by jansson. */
#include "stats_sample.h"

#include <jansson.h>

TestSuite(stats_json, .fini = drop_all);

static double number_of(const json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);

	cr_assert(json_is_number(value), "%s is no number", name);
	return json_number_value(value);
}

static const char *string_of(const json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);

	cr_assert(json_is_string(value), "%s is no string", name);
	return json_string_value(value);
}

static json_t *parse(const struct plx_stats_sample *sample)
{
	char *text;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	json_error_t error;
	unsigned longest;
	json_t *json;

	stats_print_json(sample, true, out);
	fclose(out);
	keep(text);
	cr_assert_eq(lines_of(text, &longest), 1);
	json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	cr_assert(json, "%s at %d of %s", error.text, error.position, text);
	return json;
}

Test(stats_json, object)
{
	json_t *json = parse(example()), *port, *item, *ports = json_object_get(json, "ports");
	json_t *queues = json_object_get(json, "queues"), *lcores = json_object_get(json, "lcores");

	cr_assert_eq(json_integer_value(json_object_get(json, "time_ns")), 102000000000);
	cr_assert_eq(json_integer_value(json_object_get(json, "unix_ns")), 1700000000123456789);
	cr_assert_eq(json_integer_value(json_object_get(json, "interval_ns")), 2000000000);
	cr_assert(json_is_true(json_object_get(json, "last")));
	cr_assert_eq(json_array_size(ports), 2);
	port = json_array_get(ports, 0);
	cr_assert_str_eq(string_of(port, "name"), "net_\"fake\\0\x01");
	cr_assert_str_eq(string_of(port, "state"), "started");
	cr_assert(json_is_true(json_object_get(port, "link_up")));
	item = json_object_get(port, "rx");
	assert_near(number_of(item, "packets"), 2000000);
	assert_near(number_of(item, "packets_per_s"), 1000000);
	assert_near(number_of(item, "frame_mbps"), 512);
	assert_near(number_of(item, "wire_mbps"), 672);
	assert_near(number_of(item, "lost_per_s"), 15);
	item = json_object_get(json_object_get(port, "drops"), "rx_kernel_drops");
	assert_near(number_of(item, "packets"), 20);
	assert_near(number_of(item, "packets_per_s"), 10);
	cr_assert_str_eq(string_of(json_object_get(json_array_get(ports, 1), "rx"), "mark"), "new");
	cr_assert_eq(json_array_size(queues), 5);
	item = json_array_get(queues, 1);
	assert_near(number_of(item, "port"), 0);
	assert_near(number_of(item, "queue"), 1);
	cr_assert_str_eq(string_of(item, "direction"), "rx");
	assert_near(number_of(item, "packets_per_s"), 250000);
	cr_assert_str_eq(string_of(json_array_get(queues, 4), "direction"), "tx");
	cr_assert_eq(json_array_size(lcores), 2);
	if (PLX_BUSY)
		assert_near(number_of(json_array_get(lcores, 0), "load"), 0.5);
	cr_assert(json_is_null(json_object_get(json_array_get(lcores, 1), "load")));
	json_decref(json);
}

/* Nothing there, and the largest there can be. */
Test(stats_json, ends)
{
	struct stats_reading *now = new_reading();
	struct stats_port_reading *port;
	json_t *json = parse(rates_of(NULL, now));

	cr_assert_eq(json_array_size(json_object_get(json, "ports")), 0);
	cr_assert_eq(json_array_size(json_object_get(json, "queues")), 0);
	json_decref(json);
	for (unsigned i = 0; i < PLX_PORT_MAX; i++) {
		port = add_port(now, i, "net_fake0", 1);
		port->info.nb_rx_queues = port->info.nb_tx_queues = PLX_PORT_QUEUES_MAX;
		port->rx.packets = INT64_MAX; /* what jansson reads */
	}
	json = parse(rates_of(NULL, now));
	cr_assert_eq(json_array_size(json_object_get(json, "queues")),
		     2 * PLX_PORT_MAX * PLX_PORT_QUEUES_MAX);
	json_decref(json);
}
