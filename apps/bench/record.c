/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>

#include "segment.h"

enum { BEYOND_MIN = 10 }; /* samples beyond a percentile, or it is not told */

/* A sender that kept less of its schedule was not charged for what it never sent. */
static const double KEPT_LEAST = 0.9;

static json_t *number_or_null(double value)
{
	return value < 0 || isnan(value) ? json_null() : json_real(value);
}

static json_t *count(uint64_t value)
{
	return json_integer((json_int_t)value);
}

json_t *record_latency(const struct hist *hist, bool stated)
{
	static const struct {
		const char *name;
		double share;
	} percentiles[] = {
		{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99_9", 0.999}, {"p99_99", 0.9999},
	};
	const bool any = stated && hist->count > 0;
	json_t *out = json_object();

	json_object_set_new(out, "count", count(stated ? hist->count : 0));
	json_object_set_new(out, "min", any ? count(hist->min) : json_null());
	for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++) {
		const double share = percentiles[i].share;
		const bool told = any && hist_beyond(hist, share) >= BEYOND_MIN;

		json_object_set_new(out, percentiles[i].name,
				    told ? count(hist_percentile(hist, share)) : json_null());
	}
	json_object_set_new(out, "max", any ? count(hist->max) : json_null());
	return out;
}

static json_t *streams_of(const struct result *result)
{
	json_t *out = json_array();

	for (unsigned i = 0; i < 2; i++) {
		const struct stream *s = &result->streams[i];

		json_array_append_new(
			out, json_pack("{si si sI sI sI sI sI sI sI sf sf sf s{sI sI sI sI sI}}",
				       "from_port", (int)s->from_port, "to_port", (int)s->to_port,
				       "sent", (json_int_t)s->sent, "received",
				       (json_int_t)s->received, "lost", (json_int_t)s->lost,
				       "duplicate", (json_int_t)s->duplicate, "reordered",
				       (json_int_t)s->reordered, "corrupt", (json_int_t)s->corrupt,
				       "foreign", (json_int_t)s->foreign, "throughput_pps", s->pps,
				       "throughput_mbps", s->mbps, "wire_mbps", s->wire_mbps,
				       "drops", "tx_errors", (json_int_t)s->drops.tx_errors,
				       "tx_dropped", (json_int_t)s->drops.tx_dropped, "rx_missed",
				       (json_int_t)s->drops.rx_missed, "rx_errors",
				       (json_int_t)s->drops.rx_errors, "rx_nombuf",
				       (json_int_t)s->drops.rx_nombuf));
	}
	return out;
}

static json_t *lcores_of(const struct result *result)
{
	json_t *out = json_array();

	for (unsigned i = 0; i < result->nb_lcores; i++) {
		const struct usage *u = &result->lcores[i].usage;

		json_array_append_new(out, json_pack("{si si sI sI sI sI sI sI}", "lcore",
						     (int)result->lcores[i].id, "cpu",
						     result->lcores[i].cpu, "user_ns",
						     (json_int_t)u->user_ns, "system_ns",
						     (json_int_t)u->system_ns, "minor_faults",
						     (json_int_t)u->minor_faults, "major_faults",
						     (json_int_t)u->major_faults, "voluntary",
						     (json_int_t)u->voluntary, "involuntary",
						     (json_int_t)u->involuntary));
	}
	return out;
}

/* Softirqs and interrupts are the machine's: of one pair only when it ran, and nothing besides. */
static json_t *cpu_of(const struct run *run, const struct result *result)
{
	const double packets = (result->streams[0].pps + result->streams[1].pps) * result->seconds;
	const bool own = !run->together && !run->stress && result->softirq_ns >= 0;
	double user = 0, system = 0;

	for (unsigned i = 0; i < result->nb_lcores; i++) {
		user += (double)result->lcores[i].usage.user_ns;
		system += (double)result->lcores[i].usage.system_ns;
	}
	return json_pack("{so so so}", "lcore_ns_per_packet",
			 number_or_null(packets > 0 ? user / packets : -1), "kernel_ns_per_packet",
			 number_or_null(packets > 0 ? system / packets : -1),
			 "softirq_ns_per_packet",
			 number_or_null(packets > 0 && own ? result->softirq_ns / packets : -1));
}

json_t *record_run(const struct run *run, const struct result *result)
{
	const struct stream *s = result->streams;
	const double pps = s[0].pps + s[1].pps;
	const double ceiling = 2 * pair_ceiling(run->pair, run->mix);
	const double interrupts = run->together || run->stress || result->interrupts < 0
					  ? -1
					  : result->interrupts / result->seconds;
	json_t *out = json_pack(
		"{ss ss sf ss so si sb sb sf sf sb so sf sf sf}", "pair", run->pair->conf->name,
		"frame", run->mix->text, "frame_bytes", mix_bytes(run->mix), "load", run->load,
		"offered_pps", number_or_null(run->pps > 0 ? run->pps : -1), "repeat",
		(int)run->repeat, "stress", run->stress, "together", run->together, "delay_ns",
		run->delay_us * 1000, "seconds", result->seconds, "valid", result->wrong == NULL,
		"invalid_because", result->wrong ? json_string(result->wrong) : json_null(),
		"throughput_pps", pps, "throughput_mbps", s[0].mbps + s[1].mbps, "wire_mbps",
		s[0].wire_mbps + s[1].wire_mbps);

	if (!out)
		return NULL;
	json_object_set_new(out, "ceiling_pps", number_or_null(ceiling > 0 ? ceiling : -1));
	json_object_set_new(out, "ceiling_percent",
			    number_or_null(ceiling > 0 ? 100 * pps / ceiling : -1));
	json_object_set_new(
		out, "latency_ns",
		record_latency(&result->latency, run->pps > 0 && result->kept >= KEPT_LEAST));
	json_object_set_new(out, "kept", json_real(result->kept));
	json_object_set_new(out, "streams", streams_of(result));
	json_object_set_new(out, "lcores", lcores_of(result));
	json_object_set_new(out, "cpu", cpu_of(run, result));
	json_object_set_new(out, "interrupts_per_s", number_or_null(interrupts));
	return out;
}
