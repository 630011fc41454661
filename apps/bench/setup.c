/* SPDX-License-Identifier: BSD-3-Clause */
/* Lcores, pool, ports and instances, before anything is measured and after. */
#include "bench.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "segment.h"

enum {
	CACHE_SIZE = 256,
	POOL_MIN = 4096,
	ETH_EXTRA = 18, /* of a frame besides its payload, FCS included */
	LINK_WAIT_MS = 9000,
	CHECK_TRIES = 5,
	QEMU_VENDOR = 0x1af4,
};

static const double CHECK_PPS = 2000, CHECK_S = 0.02;
static const char *const bias_device[] = {"net_ring2000", "net_ring2001,peer=net_ring2000"};

/* ---- Lcores ---- */

static int only_cpu(unsigned id)
{
	cpu_set_t cpus;

	if (plx_lcore_cpuset(id, &cpus) || CPU_COUNT(&cpus) != 1)
		return -1;
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &cpus))
			return (int)cpu;
	return -1;
}

static bool polls_share(const struct bench *bench)
{
	for (unsigned i = 0; i < bench->nb_lcores; i++)
		for (unsigned k = 0; k < i; k++)
			if (lcores_share(bench->lcores[i].id, bench->lcores[k].id))
				return true;
	return false;
}

static int find_lcores(struct bench *bench)
{
	cpu_set_t all, cpus;
	unsigned id, wanted = 2 * bench->nb_pairs;

	CPU_ZERO(&all);
	PLX_LCORE_FOREACH(id)
		if (plx_lcore_cpuset(id, &cpus) == 0)
			CPU_OR(&all, &all, &cpus);
	PLX_LCORE_FOREACH_WORKER(id) {
		if (bench->nb_lcores == wanted)
			break;
		bench->lcores[bench->nb_lcores++] = (struct lcore){.id = id, .cpu = only_cpu(id)};
	}
	if (bench->nb_lcores == 0)
		return bench_fail(
			-EINVAL,
			"there is but the main lcore, which leads: want one lcore more, or "
			"better one for each of %u ports (-l, --lcores)",
			wanted);
	bench->few_cpus = (unsigned)CPU_COUNT(&all) < bench->nb_lcores + 1 || polls_share(bench);
	bench->in_turn = bench->few_cpus || bench->nb_lcores < wanted;
	if (bench->opts.isolate && bench->few_cpus)
		return bench_fail(-EINVAL,
				  "--isolate: want a CPU for each of %u lcores, these have %d, or "
				  "share them: leave it out, or give more",
				  bench->nb_lcores + 1, CPU_COUNT(&all));
	return 0;
}

/* ---- Packets ---- */

double mix_bytes(const struct mix *mix)
{
	double bytes = 0;

	for (unsigned i = 0; i < mix->nb_frames; i++)
		bytes += mix->frames[i];
	return bytes / mix->nb_frames;
}

double pair_ceiling(const struct pair *pair, const struct mix *mix)
{
	return pair->line_mbps * 1e6 / 8 / (mix_bytes(mix) + PACKET_WIRE_EXTRA);
}

static uint32_t frame_max(const struct bench *bench)
{
	uint32_t most = 0;

	for (unsigned i = 0; i < bench->opts.nb_mixes; i++)
		for (unsigned k = 0; k < bench->opts.mixes[i].nb_frames; k++)
			if (bench->opts.mixes[i].frames[k] > most)
				most = bench->opts.mixes[i].frames[k];
	return most;
}

static struct packet_form *form_of(const struct bench *bench, const struct instance *instance,
				   unsigned frame)
{
	return &bench->forms[instance->index * INSTANCE_SIZES_MAX + frame];
}

void bench_load(struct bench *bench, struct pair *pair, const struct mix *mix, double pps,
		double delay_us)
{
	for (unsigned end = 0; end < 2; end++) {
		struct instance *instance = pair->instances[end];
		struct ether_addr src = {0}, dst = {0};

		plx_port_mac(instance->port, &src);
		plx_port_mac(pair->instances[!end]->port, &dst);
		instance->load = (struct instance_load){
			.nb_sizes = mix->nb_frames,
			.pps = pps,
			.burst = bench->opts.burst,
			.delay_cycles = plx_ns_to_cycles((uint64_t)(delay_us * 1000)),
		};
		for (unsigned i = 0; i < mix->nb_frames; i++) {
			struct packet_form *form = form_of(bench, instance, i);

			packet_form_make(form, mix->frames[i] - PACKET_FCS_BYTES, instance->index,
					 dst.ether_addr_octet, src.ether_addr_octet);
			instance->load.forms[i] = form;
		}
	}
}

/* ---- Pool ---- */

static int make_pool(struct bench *bench)
{
	struct plx_mbuf_pool_conf conf = {
		.name = "bench",
		.cache_size = CACHE_SIZE,
		.data_room = frame_max(bench),
		.node = plx_lcore_node(bench->lcores[0].id),
	};
	unsigned need = plx_lcore_count() * 2 * CACHE_SIZE;

	/* The bias has a cable besides. */
	for (unsigned i = 0; i <= bench->nb_pairs; i++)
		for (unsigned end = 0; end < 2; end++) {
			unsigned port = bench->opts.pairs[i < bench->nb_pairs ? i : 0].ports[end];
			struct plx_port_info info;
			int ret = plx_port_info(port, &info);

			if (ret)
				return ret;
			need += info.rx_ring_default + info.tx_ring_default + 2 * bench->opts.burst;
		}
	if (need < POOL_MIN)
		need = POOL_MIN;
	if (bench->opts.nb_mbufs && bench->opts.nb_mbufs < need)
		return bench_fail(
			-EINVAL,
			"--mbufs %u: too few for the rings of %u ports: want %u, or leave it "
			"out",
			bench->opts.nb_mbufs, 2 * bench->nb_pairs, need);
	conf.nb_mbufs = bench->opts.nb_mbufs ? bench->opts.nb_mbufs : need;
	if (conf.data_room < PLX_MBUF_DATA_ROOM)
		conf.data_room = PLX_MBUF_DATA_ROOM;
	else
		conf.data_room = (conf.data_room + 1023) & ~1023u; /* as cards want it */
	return plx_mbuf_pool_create(&conf, &bench->pool);
}

/* ---- Ports ---- */

static int check_ports(const struct bench *bench)
{
	for (unsigned i = 0; i < 2 * bench->nb_pairs; i++) {
		const struct pair_conf *pair = &bench->opts.pairs[i / 2];

		if (!plx_port_is_valid(pair->ports[i % 2]))
			return bench_fail(
				-ENODEV,
				"--pair %s: there is no port %u; ports are made by --vdev "
				"and -a, and there are %u",
				pair->name, pair->ports[i % 2], plx_port_count());
	}
	return 0;
}

static int start_port(const struct bench *bench, unsigned port)
{
	struct plx_port_conf conf = {.nb_rx_queues = 1, .nb_tx_queues = 1};
	struct plx_port_rxq_conf rxq = {.pool = bench->pool, .node = PLX_NODE_ANY};
	struct plx_port_txq_conf txq = {.node = PLX_NODE_ANY};
	const uint32_t payload = frame_max(bench) - ETH_EXTRA;
	struct plx_port_info info;
	uint32_t mtu = 0;
	int ret = plx_port_info(port, &info);

	if (ret == 0)
		ret = plx_port_mtu(port, &mtu);
	if (ret)
		return ret;
	if (payload > mtu) {
		if (payload > info.max_mtu)
			return bench_fail(
				-EINVAL, "--size %u: port %u (%s) takes frames of %u bytes at most",
				frame_max(bench), port, info.name, info.max_mtu + ETH_EXTRA);
		conf.mtu = payload;
	}
	if ((ret = plx_port_configure(port, &conf)) != 0 ||
	    (ret = plx_port_rxq_setup(port, 0, &rxq)) != 0 ||
	    (ret = plx_port_txq_setup(port, 0, &txq)) != 0)
		return ret;
	return plx_port_start(port);
}

enum line { LINE_NONE, LINE_EMULATED, LINE_REAL };

/* What a port's packets go through: nothing but memory, a card that a hypervisor plays (its
 * subsystem vendor is Red Hat's, for QEMU), or a card. Only the last one's speed means
 * something. */
static enum line line_of(const struct plx_port_info *info)
{
	char net[IF_NAMESIZE], path[PATH_MAX];
	unsigned vendor = 0;
	FILE *file;

	if (info->if_index && if_indextoname(info->if_index, net))
		snprintf(path, sizeof(path), "/sys/class/net/%s/device/subsystem_vendor", net);
	else
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/subsystem_vendor",
			 info->name);
	file = fopen(path, "re");
	if (!file)
		return LINE_NONE;
	if (fscanf(file, "%x", &vendor) != 1)
		vendor = 0;
	fclose(file);
	return vendor == QEMU_VENDOR ? LINE_EMULATED : LINE_REAL;
}

static int wait_for_link(struct pair *pair, unsigned end)
{
	const unsigned port = pair->instances[end]->port;
	struct plx_port_link link = {0};
	struct plx_port_info info;
	enum line line;
	int ret = plx_port_link_wait(port, LINK_WAIT_MS, &link);

	if (ret == -ETIMEDOUT)
		bench_complain("--pair %s: port %u has no link: is the cable in, and the other end "
			       "up?",
			       pair->conf->name, port);
	if (ret || (ret = plx_port_info(port, &info)) != 0)
		return ret;
	if (end == 0 || link.speed_mbps < pair->line_mbps)
		pair->line_mbps = link.speed_mbps;
	line = line_of(&info);
	if (line != LINE_REAL)
		pair->line_mbps = 0;
	pair->emulated |= line == LINE_EMULATED;
	pair->path = info.if_index ? "kernel" : line != LINE_NONE ? "user" : "software";
	return 0;
}

/* ---- Instances ---- */

unsigned bench_lcore(const struct bench *bench, unsigned index)
{
	return index % bench->nb_lcores;
}

static int make_instance(struct bench *bench, struct pair *pair, unsigned pair_nb, unsigned end,
			 unsigned port)
{
	const unsigned index = 2 * pair_nb + end;
	struct lcore *lcore = &bench->lcores[bench_lcore(bench, index)];
	struct instance *instance =
		plx_mem_alloc(sizeof(*instance), PLX_CACHE_LINE, plx_lcore_node(lcore->id));

	if (!instance)
		return bench_fail(-ENOMEM, "out of memory");
	memset(instance, 0, sizeof(*instance));
	instance->port = port;
	instance->index = index;
	instance->from = index ^ 1;
	instance->pool = bench->pool;
	pair->instances[end] = instance;
	lcore->instances[lcore->nb_instances++] = instance;
	return 0;
}

/* Those made last go first. */
static void drop_instances(struct bench *bench, struct pair *pair)
{
	for (unsigned end = 0; end < 2; end++) {
		struct instance *instance = pair->instances[end];

		if (!instance)
			continue;
		bench->lcores[bench_lcore(bench, instance->index)].nb_instances--;
		instance_release(instance);
		plx_mem_free(instance);
		pair->instances[end] = NULL;
	}
}

/* ---- Cables ---- */

/* Whether what one end sends comes out of the other. */
static int check_cable(struct bench *bench, struct pair *pair)
{
	struct result *result = malloc(sizeof(*result));
	uint64_t nb[2] = {0};
	int ret = result ? 0 : bench_fail(-ENOMEM, "out of memory");

	for (int i = 0; i < CHECK_TRIES && ret == 0 && (!nb[0] || !nb[1]); i++) {
		bench_load(bench, pair, &bench->opts.mixes[0], CHECK_PPS, 0);
		ret = segment_run(bench, &pair, 1, 0, CHECK_S, result);
		for (unsigned end = 0; end < 2 && ret == 0; end++)
			nb[end] += result->streams[end].received;
	}
	free(result);
	for (unsigned end = 0; end < 2 && ret == 0; end++)
		if (nb[end] == 0)
			ret = bench_fail(
				-ENOLINK,
				"--pair %s: nothing of what port %u sends comes in by port "
				"%u: does a cable join them?",
				pair->conf->name, pair->instances[end]->port,
				pair->instances[!end]->port);
	return ret;
}

static int open_pair(struct bench *bench, unsigned nb)
{
	struct pair *pair = &bench->pairs[nb];
	int ret = 0;

	for (unsigned end = 0; end < 2 && ret == 0; end++)
		if ((ret = make_instance(bench, pair, nb, end, pair->conf->ports[end])) == 0)
			ret = start_port(bench, pair->conf->ports[end]);
	return ret;
}

int bench_open(struct bench *bench)
{
	int ret;

	bench->nb_pairs = bench->opts.nb_pairs;
	for (unsigned i = 0; i < bench->nb_pairs; i++)
		bench->pairs[i].conf = &bench->opts.pairs[i];
	bench->forms = calloc((size_t)(bench->nb_pairs + 1) * 2 * INSTANCE_SIZES_MAX,
			      sizeof(*bench->forms));
	if (!bench->forms)
		return bench_fail(-ENOMEM, "out of memory");
	if ((ret = check_ports(bench)) != 0 || (ret = find_lcores(bench)) != 0 ||
	    (ret = make_pool(bench)) != 0)
		return ret;
	for (unsigned i = 0; i < bench->nb_pairs && ret == 0; i++)
		ret = open_pair(bench, i);
	for (unsigned i = 0; i < 2 * bench->nb_pairs && ret == 0; i++)
		ret = wait_for_link(&bench->pairs[i / 2], i % 2);
	for (unsigned i = 0; i < bench->nb_pairs && ret == 0; i++)
		ret = check_cable(bench, &bench->pairs[i]);
	return ret;
}

void bench_close(struct bench *bench)
{
	for (unsigned i = bench->nb_pairs; i-- > 0;) {
		for (unsigned end = 0; end < 2 && bench->pairs[i].instances[end]; end++)
			plx_port_close(bench->pairs[i].conf->ports[end]);
		drop_instances(bench, &bench->pairs[i]);
	}
	plx_mbuf_pool_destroy(bench->pool);
	free(bench->forms);
	free(bench->spins);
}

/* ---- The cable of the tool's own bias ---- */

static struct pair_conf bias = {.name = "bias"};

int bench_open_bias(struct bench *bench)
{
	int ret = 0;

	bench->pairs[bench->nb_pairs] = (struct pair){.conf = &bias, .path = "software"};
	bias.ports[0] = bias.ports[1] = PLX_PORT_NONE;
	for (unsigned end = 0; end < 2 && ret == 0; end++)
		ret = plx_port_attach(bias_device[end], &bias.ports[end]);
	return ret ? ret : open_pair(bench, bench->nb_pairs);
}

void bench_close_bias(struct bench *bench)
{
	for (unsigned end = 2; end-- > 0;)
		if (bias.ports[end] != PLX_PORT_NONE)
			plx_port_close(bias.ports[end]);
	drop_instances(bench, &bench->pairs[bench->nb_pairs]);
	for (unsigned end = 2; end-- > 0;)
		if (bias.ports[end] != PLX_PORT_NONE)
			plx_port_detach(bias.ports[end]);
}
