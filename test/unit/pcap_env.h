/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of net_pcap share: capture files byte by byte, in any dialect, and ports on them.
 * Files lie in a scratch folder that the test removes.
 */
#ifndef TEST_PCAP_ENV_H
#define TEST_PCAP_ENV_H

#include "mbuf_env.h"

#include <byteswap.h>
#include <dirent.h>
#include <fcntl.h>
#include <pollux/port.h>
#include <pollux/port_ctl.h>
#include <pollux/port_driver.h>
#include <pollux/port_stats.h>
#include <sys/stat.h>
#include <unistd.h>

extern const struct plx_port_driver plx_net_pcap_driver;

static const struct plx_port_driver *const pcap_drivers[] = {&plx_net_pcap_driver, NULL};

static char pcap_dir[] = "/tmp/plx-pcap-XXXXXX";
static struct plx_mempool *pcap_pool;

enum { PCAP_POOL_MBUFS = 256 };

static inline void start_pcap(void)
{
	start_pools();
	cr_assert_not_null(mkdtemp(pcap_dir));
	cr_assert_eq(chdir(pcap_dir), 0);
	cr_assert_eq(plx_port_drivers_set(pcap_drivers), 0);
	note_memory();
	pcap_pool = packets_new("pcap", PCAP_POOL_MBUFS, 0, 0);
	log_lines_start();
}

static inline void end_pcap(void)
{
	struct dirent *entry;
	DIR *dir;

	plx_port_fini();
	end_packets(pcap_pool);
	end_pools();
	dir = opendir(pcap_dir);
	while (dir && (entry = readdir(dir)) != NULL)
		unlink(entry->d_name);
	closedir(dir);
	assert_or_abort(rmdir(pcap_dir) == 0, "%s: %m", pcap_dir);
}

/* ---- Files ---- */

struct dialect {
	const char *name;
	uint32_t magic; /* as this machine writes it */
	bool swapped;
	bool is_nano;
};

static const struct dialect dialect_nano = {"nano", 0xa1b23c4d, false, true};

static inline uint32_t in_order(const struct dialect *dialect, uint32_t v)
{
	return dialect->swapped ? bswap_32(v) : v;
}

static inline void put(int fd, const void *bytes, size_t nb)
{
	cr_assert_eq(write(fd, bytes, nb), (ssize_t)nb);
}

static inline void put_head(int fd, const struct dialect *dialect, uint32_t snaplen, uint32_t type)
{
	uint16_t version[2] = {2, 4};
	uint32_t words[4] = {0, 0, in_order(dialect, snaplen), in_order(dialect, type)};
	uint32_t magic = in_order(dialect, dialect->magic);

	if (dialect->swapped) {
		version[0] = bswap_16(2);
		version[1] = bswap_16(4);
	}
	put(fd, &magic, 4);
	put(fd, version, 4);
	put(fd, words, 16);
}

static inline void put_record_head(int fd, const struct dialect *dialect, uint64_t ns,
				   uint32_t caplen, uint32_t len)
{
	uint32_t part = (uint32_t)(ns % 1000000000);
	uint32_t words[4] = {
		in_order(dialect, (uint32_t)(ns / 1000000000)),
		in_order(dialect, dialect->is_nano ? part : part / 1000),
		in_order(dialect, caplen),
		in_order(dialect, len),
	};

	put(fd, words, sizeof(words));
}

static inline void put_frame(int fd, uint32_t len, unsigned salt)
{
	static unsigned char frame[300000];

	for (uint32_t i = 0; i < len; i++)
		frame[i] = byte_of(i, salt);
	put(fd, frame, len);
}

static inline void put_packet(int fd, const struct dialect *dialect, uint64_t ns, uint32_t len,
			      unsigned salt)
{
	put_record_head(fd, dialect, ns, len, len);
	put_frame(fd, len, salt);
}

static inline int make_file(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	cr_assert_geq(fd, 0, "%s: %s", name, strerror(errno));
	return fd;
}

/* The stamp and the length of packet @i of a file by make_pcap(). */
static inline uint64_t stamp_of(unsigned i)
{
	return UINT64_C(1600000000123456789) + i * UINT64_C(1000001);
}

static inline uint32_t length_of(unsigned i)
{
	return 60 + i * 97 % 1455;
}

/* @nb packets of mixed lengths; packet i has byte_of(.., i). */
static inline void make_pcap(const char *name, unsigned nb)
{
	int fd = make_file(name);

	put_head(fd, &dialect_nano, 262144, 1);
	for (unsigned i = 0; i < nb; i++)
		put_packet(fd, &dialect_nano, stamp_of(i), length_of(i), i);
	close(fd);
}

static inline void make_text(const char *name, const char *text)
{
	int fd = make_file(name);

	put(fd, text, strlen(text));
	close(fd);
}

static inline size_t size_of(const char *name)
{
	struct stat st;

	cr_assert_eq(stat(name, &st), 0, "%s: %s", name, strerror(errno));
	return (size_t)st.st_size;
}

/* The whole of a file; the caller frees it. */
static inline unsigned char *slurp(const char *name, size_t *nb)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	unsigned char *bytes;

	*nb = size_of(name);
	bytes = malloc(*nb + 1);
	cr_assert_eq(read(fd, bytes, *nb), (ssize_t)*nb);
	close(fd);
	return bytes;
}

static inline void assert_same_files(const char *a, const char *b)
{
	size_t nb_a, nb_b;
	unsigned char *bytes_a = slurp(a, &nb_a), *bytes_b = slurp(b, &nb_b);

	cr_assert_eq(nb_a, nb_b, "%s has %zu bytes, %s %zu", a, nb_a, b, nb_b);
	for (size_t i = 0; i < nb_a; i++)
		cr_assert_eq(bytes_a[i], bytes_b[i], "byte %zu: %02x and %02x", i, bytes_a[i],
			     bytes_b[i]);
	free(bytes_a);
	free(bytes_b);
}

/* ---- Ports ---- */

static inline unsigned attach_(int at, const char *device)
{
	unsigned port = 99;
	int ret = plx_port_attach(device, &port);

	cr_assert_eq(ret, 0, "line %d: %s: %d, %s", at, device, ret, log_lines_text(0));
	return port;
}

#define attach(device) attach_(__LINE__, (device))

/* Attach, set up all the queues that the device has, with these offloads, and start. */
static inline unsigned open_port_(int at, const char *device, uint32_t rx_offloads,
				  uint32_t tx_offloads, struct plx_mempool *pool)
{
	unsigned port = attach_(at, device);
	struct plx_port_conf conf = {.rx_offloads = rx_offloads, .tx_offloads = tx_offloads};
	const struct plx_port_rxq_conf rxq = {.pool = pool, .node = PLX_NODE_ANY};
	struct plx_port_info info;

	cr_assert_eq(plx_port_info(port, &info), 0);
	conf.nb_rx_queues = info.max_rx_queues;
	conf.nb_tx_queues = info.max_tx_queues;
	cr_assert_eq(plx_port_configure(port, &conf), 0, "line %d: %s", at, log_lines_text(0));
	for (unsigned i = 0; i < conf.nb_rx_queues; i++)
		cr_assert_eq(plx_port_rxq_setup(port, i, &rxq), 0, "line %d: %s", at,
			     log_lines_text(0));
	for (unsigned i = 0; i < conf.nb_tx_queues; i++)
		cr_assert_eq(plx_port_txq_setup(port, i, NULL), 0, "line %d: %s", at,
			     log_lines_text(0));
	cr_assert_eq(plx_port_start(port), 0, "line %d: %s", at, log_lines_text(0));
	return port;
}

#define open_port(device) open_port_(__LINE__, (device), 0, 0, pcap_pool)

/* Stop and detach. */
static inline void close_port_(int at, unsigned port)
{
	cr_assert_eq(plx_port_stop(port), 0, "line %d", at);
	cr_assert_eq(plx_port_detach(port), 0, "line %d: %s", at, log_lines_text(0));
}

#define close_port(port) close_port_(__LINE__, (port))

static inline struct plx_port_stats stats_of(unsigned port)
{
	struct plx_port_stats stats;

	cr_assert_eq(plx_port_stats(port, &stats), 0);
	return stats;
}

static inline uint64_t xstat(unsigned port, const char *name)
{
	uint64_t value = 0;

	cr_assert_eq(plx_port_xstat(port, name, &value), 0, "no counter '%s'", name);
	return value;
}

#define assert_count(is, want)                                                                     \
	do {                                                                                       \
		unsigned long long is_ = (is), want_ = (want);                                     \
		cr_assert_eq(is_, want_, "%s is %llu, want %llu: %s", #is, is_, want_,             \
			     log_lines_text(0));                                                   \
	} while (0)

static inline bool is_up(unsigned port)
{
	struct plx_port_link link;

	cr_assert_eq(plx_port_link(port, &link), 0);
	return link.up;
}

/* Receive from queue 0 until nothing more comes; returns how many of @room. */
static inline unsigned receive_all(unsigned port, struct plx_mbuf **pkts, unsigned room)
{
	unsigned nb = 0, got;

	do {
		got = plx_port_rx_burst(port, 0, pkts + nb, room - nb < 32 ? room - nb : 32);
		nb += got;
	} while (got > 0 && nb < room);
	return nb;
}

#endif
