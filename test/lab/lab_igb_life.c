/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hard life of an igb port, by the public API: lab_igb_life [EAL options] -- WHAT BDF...
 *
 *	try A            start, link, 100 packets in and out, stop
 *	flood A          both ways at full speed, until killed; says "flooding"
 *	flaps N A PORT   the link of A, which is the lab's PORT, goes and comes N times
 *	faults A PORT ROOT B C
 *	                 what may happen to A, which is the lab's PORT, behind the root port ROOT,
 *	                 while frames go round between B and C, which have a cable: each is told
 *	                 within a bounded time, B and C go on, all mbufs come home, and the next
 *	                 start works
 *
 * At the other end of A's cable somebody floods (lab_igb_guard feed). One "ok" a line, with what
 * was seen; the first thing that is wrong ends it with status 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <pollux/pollux.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	MBUFS = 4096,
	BURST = 32,
	FRAME_BYTES = 60,
	WAIT_MS = 15000, /* for anything; on a machine that has better things to do */
	ROUND_FRAMES = 64,
	IGB_DEVCTL = 0xa8, /* of the emulation: its PCIe capability is at A0h */
	IGB_RDBAL0 = 0xc000,
	FAULT_IOVA = 0x400000, /* below all that a process maps */
};

static const char *program_folder;

struct card {
	const char *bdf;
	unsigned port;
	struct plx_mempool *pool;
	unsigned events[3]; /* atomic; by enum plx_port_event */
	uint64_t nb_rx;
};

static void __attribute__((noreturn, format(printf, 3, 4)))
fail_at(const char *function, int line, const char *fmt, ...)
{
	va_list args;

	printf("%s:%d: ", function, line);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	puts("");
	fflush(NULL);
	_exit(1);
}

#define check(cond, ...)                                                                           \
	do {                                                                                       \
		if (!(cond))                                                                       \
			fail_at(__func__, __LINE__, "not " #cond ": " __VA_ARGS__);                \
	} while (0)

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- Cards ---- */

static void on_event(unsigned port, enum plx_port_event event, void *arg)
{
	struct card *card = arg;

	(void)port;
	plx_store_release(&card->events[event], card->events[event] + 1);
}

static unsigned told(const struct card *card, enum plx_port_event event)
{
	return plx_load_acquire(&card->events[event]);
}

static void card_start(struct card *card)
{
	int ret = plx_port_start(card->port);

	check(ret == 0, "%s: start: %s", card->bdf, strerror(-ret));
}

static void card_attach(struct card *card)
{
	int ret = plx_port_attach(card->bdf, &card->port);

	check(ret == 0, "%s: attach: %s", card->bdf, strerror(-ret));
	ret = plx_port_event_add(card->port, on_event, card);
	check(ret == 0, "%s: events: %s", card->bdf, strerror(-ret));
	ret = plx_port_setup(card->port, 1, 1, card->pool);
	check(ret == 0, "%s: queues: %s", card->bdf, strerror(-ret));
}

static void card_open(struct card *card, const char *bdf)
{
	const struct plx_mbuf_pool_conf conf = {
		.name = bdf, .nb_mbufs = MBUFS, .cache_size = 128, .node = PLX_NODE_ANY};
	int ret;

	*card = (struct card){.bdf = bdf};
	ret = plx_mbuf_pool_create(&conf, &card->pool);
	check(ret == 0, "pool: %s", strerror(-ret));
	card_attach(card);
	card_start(card);
}

static void all_home(const struct card *card)
{
	check(plx_mempool_in_use(card->pool) == 0, "%s: %u mbufs are not at home", card->bdf,
	      (unsigned)plx_mempool_in_use(card->pool));
	check(plx_mempool_audit(card->pool) == 0, "%s: the pool is not sound", card->bdf);
}

static void card_stop(struct card *card)
{
	int ret = plx_port_stop(card->port);

	check(ret == 0, "%s: stop: %s", card->bdf, strerror(-ret));
	all_home(card);
}

static void card_detach(struct card *card)
{
	int ret = plx_port_event_del(card->port, on_event, card);

	check(ret == 0, "%s: events: %s", card->bdf, strerror(-ret));
	ret = plx_port_detach(card->port);
	check(ret == 0, "%s: detach: %s", card->bdf, strerror(-ret));
	all_home(card);
}

static void card_close(struct card *card)
{
	card_stop(card);
	card_detach(card);
	plx_mbuf_pool_destroy(card->pool);
}

static bool is_up(const struct card *card)
{
	struct plx_port_link link = {0};

	return plx_port_link(card->port, &link) == 0 && link.up;
}

static uint64_t nb_sent(const struct card *card)
{
	struct plx_port_stats stats;
	int ret = plx_port_stats(card->port, &stats);

	check(ret == 0, "%s: stats: %s", card->bdf, strerror(-ret));
	return stats.tx.packets;
}

/* ---- Traffic ---- */

static void send_some(struct card *card, uint32_t nb)
{
	static const uint8_t header[14] = {2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8, 0x88, 0xb5};
	struct plx_mbuf *pkts[BURST];

	if (plx_mbuf_alloc_bulk(card->pool, pkts, nb) != nb)
		return;
	for (uint32_t i = 0; i < nb; i++) {
		uint8_t *frame = plx_mbuf_append(pkts[i], FRAME_BYTES);

		memset(frame, 0, FRAME_BYTES);
		memcpy(frame, header, sizeof(header));
	}
	plx_port_tx_or_drop(card->port, 0, pkts, nb);
}

static void flood(struct card *card)
{
	struct plx_mbuf *pkts[BURST];
	uint32_t nb = plx_port_rx_burst(card->port, 0, pkts, BURST);

	plx_mbuf_free_bulk(pkts, nb);
	card->nb_rx += nb;
	send_some(card, BURST);
}

/* Whatever comes goes back. */
static void reflect(struct card *card)
{
	struct plx_mbuf *pkts[BURST];
	uint32_t nb = plx_port_rx_burst(card->port, 0, pkts, BURST);

	card->nb_rx += nb;
	plx_port_tx_or_drop(card->port, 0, pkts, nb);
}

static struct card *a, *b, *c; /* b, c: NULL if there are none */
static bool is_gentle;	       /* leaves the CPUs to others */

static void turn_others(void)
{
	if (b) {
		reflect(b);
		reflect(c);
	}
}

static void turn(void)
{
	flood(a);
	if (is_gentle)
		usleep(500);
	turn_others();
}

/* Traffic goes on until it is so; false: not within @ms. */
#define until(cond, ms) until_with(turn, cond, ms)

/* The same while there is no A. */
#define until_others(cond, ms) until_with(turn_others, cond, ms)

#define until_with(once, cond, ms)                                                                 \
	({                                                                                         \
		uint64_t end_ = now_ms() + (ms);                                                   \
		bool is_so_;                                                                       \
                                                                                                   \
		while (!(is_so_ = (cond)) && now_ms() < end_)                                      \
			once();                                                                    \
		is_so_;                                                                            \
	})

/* Link, and packets both ways. */
static void a_works(void)
{
	const bool was_gentle = is_gentle;
	uint64_t sent, received;

	is_gentle = true;
	check(until(is_up(a), WAIT_MS), "%s: no link", a->bdf);
	is_gentle = was_gentle;
	sent = nb_sent(a);
	received = a->nb_rx;
	check(until(a->nb_rx >= received + 100, WAIT_MS), "%s: nothing comes in", a->bdf);
	check(until(nb_sent(a) >= sent + 100, WAIT_MS), "%s: nothing goes out", a->bdf);
}

/* ---- Faults ---- */

static void write_at(const char *bdf, const char *file, const void *bytes, size_t nb, off_t at)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", bdf, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	check(fd >= 0, "%s: %s", path, strerror(errno));
	check(pwrite(fd, bytes, nb, at) == (ssize_t)nb, "%s: %s", path, strerror(errno));
	close(fd);
}

static uint16_t config(const char *bdf, off_t at)
{
	uint16_t value = 0;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	check(fd >= 0 && pread(fd, &value, sizeof(value), at) == sizeof(value), "%s: %s", path,
	      strerror(errno));
	close(fd);
	return value;
}

static void set_config(const char *bdf, off_t at, uint16_t clear, uint16_t set)
{
	uint16_t value = (uint16_t)((config(bdf, at) & ~clear) | set);

	write_at(bdf, "config", &value, sizeof(value), at);
}

static void master_off(void)
{
	set_config(a->bdf, PCI_COMMAND, PCI_COMMAND_MASTER, 0);
}

static void sleeps(void)
{
	enum { PMCSR = 0x44 };

	set_config(a->bdf, PMCSR, 0, 3);
}

static void kernel_resets(void)
{
	write_at(a->bdf, "reset", "1", 1, 0);
}

/* By the function's own bit: nobody puts its header back. */
static void raw_reset(void)
{
	set_config(a->bdf, IGB_DEVCTL, 0, PCI_EXP_DEVCTL_BCR_FLR);
}

/* The receive ring where nothing is mapped, by the window of the card in its I/O ports. */
static void wrong_address(void)
{
	const uint32_t reg = IGB_RDBAL0, high = IGB_RDBAL0 + 4, zero = 0, iova = FAULT_IOVA;

	write_at(a->bdf, "resource2", &high, sizeof(high), 0);
	write_at(a->bdf, "resource2", &zero, sizeof(zero), 4);
	write_at(a->bdf, "resource2", &reg, sizeof(reg), 0);
	write_at(a->bdf, "resource2", &iova, sizeof(iova), 4);
}

static uint64_t gone_round(void)
{
	return b->nb_rx + c->nb_rx;
}

static void others_go_on(const char *what)
{
	uint64_t before = gone_round();

	check(until(gone_round() > before + 1000, WAIT_MS), "%s: the other ports stand still",
	      what);
	check(is_up(b) && is_up(c), "%s: another port's link is down", what);
	check(told(b, PLX_PORT_EVENT_ERROR) + told(c, PLX_PORT_EVENT_ERROR) == 0,
	      "%s: another port has an error", what);
}

/* Stopped, started again. */
static void a_recovers(void)
{
	card_stop(a);
	card_start(a);
	a_works();
}

static void fault(const char *what, void (*inject)(void))
{
	unsigned before = told(a, PLX_PORT_EVENT_ERROR);
	uint64_t start, ms;

	inject();
	start = now_ms();
	check(until(told(a, PLX_PORT_EVENT_ERROR) > before, WAIT_MS), "%s: nobody is told", what);
	ms = now_ms() - start;
	check(!is_up(a), "%s: the link is up", what);
	others_go_on(what);
	check(told(a, PLX_PORT_EVENT_ERROR) == before + 1, "%s: told %u times", what,
	      told(a, PLX_PORT_EVENT_ERROR) - before);
	a_recovers();
	printf("ok %s: told after %u ms\n", what, (unsigned)ms);
}

static void run_shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void run_shell(const char *fmt, ...)
{
	char command[256];
	va_list args;
	int status;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	status = system(command);
	check(status == 0, "%s: status %#x", command, (unsigned)status);
}

/* The kernel's log names A and the address; it says few of all faults, so this may take more. */
static bool is_logged(void)
{
	char command[128];

	snprintf(command, sizeof(command), "dmesg | grep -q 'DMAR:.*%s.*fault addr %#x'",
		 a->bdf + strlen("0000:"), FAULT_IOVA);
	return system(command) == 0;
}

/* No register of the emulation tells. */
static void iommu_fault(void)
{
	wrong_address();
	others_go_on("IOMMU fault");
	check(until(is_logged(), WAIT_MS), "the kernel's log has no fault of %s", a->bdf);
	a_recovers();
	puts("ok IOMMU fault: survived, and in the kernel's log");
}

/* After the kernel has found it once more. */
static void a_comes_again(void)
{
	run_shell("cd /sys/bus/pci/devices/%s && { [ ! -e driver ] || echo %s >driver/unbind; } && "
		  "echo vfio-pci >driver_override",
		  a->bdf, a->bdf);
	run_shell("echo %s >/sys/bus/pci/drivers_probe", a->bdf);
	card_attach(a);
	card_start(a);
	a_works();
}

static bool is_there(const char *bdf)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", bdf);
	return access(path, F_OK) == 0;
}

/* In good order, by the machine: the kernel asks for it and waits, then the slot is empty. Then
 * there is another card in it. */
static void unplugged(const char *port)
{
	unsigned before = told(a, PLX_PORT_EVENT_REMOVED);
	uint64_t start = now_ms(), ms;

	run_shell("%s/lab_ask unplug %s", program_folder, port);
	check(until(told(a, PLX_PORT_EVENT_REMOVED) > before, WAIT_MS), "nobody is told");
	ms = now_ms() - start;
	check(!is_up(a), "the link is up");
	others_go_on("unplugged");
	check(is_there(a->bdf), "the kernel has not waited");
	card_stop(a);
	card_detach(a);
	check(until_others(!is_there(a->bdf), WAIT_MS), "it does not go");
	run_shell("until %s/lab_ask plug %s 2>/dev/null; do sleep 0.1; done", program_folder, port);
	check(until_others(is_there(a->bdf), WAIT_MS), "it does not come");
	a_comes_again();
	printf("ok unplugged and plugged in again: told after %u ms\n", (unsigned)ms);
}

/* Slot Control of the root port: power controller, power indicator. */
static void slot_power(const char *root, bool on)
{
	run_shell("setpci -s %s CAP_EXP+18.w=%s:0700", root, on ? "0100" : "0700");
}

/* Pulled out, as a hand does it: from one moment to the next it is not there. Then it is put in
 * again, and seen by the kernel as another one. */
static void pulled_out(const char *root)
{
	unsigned before = told(a, PLX_PORT_EVENT_REMOVED);
	uint64_t start, ms;

	slot_power(root, false);
	start = now_ms();
	check(until(told(a, PLX_PORT_EVENT_REMOVED) > before, WAIT_MS), "nobody is told");
	ms = now_ms() - start;
	check(!is_up(a), "the link is up");
	others_go_on("pulled out");
	card_stop(a);
	card_detach(a);

	slot_power(root, true);
	run_shell("echo 1 >/sys/bus/pci/devices/%s/remove; echo 1 >/sys/bus/pci/rescan", a->bdf);
	a_comes_again();
	printf("ok pulled out and put in again: told after %u ms\n", (unsigned)ms);
}

static void faults(char **argv)
{
	static struct card others[2];

	b = &others[0];
	c = &others[1];
	card_open(b, argv[2]);
	card_open(c, argv[3]);
	check(plx_port_promisc_set(b->port, true) == 0 && plx_port_promisc_set(c->port, true) == 0,
	      "promiscuous");
	a_works();
	check(until(is_up(b) && is_up(c), WAIT_MS), "no link between the other ports");
	for (unsigned i = 0; i < ROUND_FRAMES / BURST; i++)
		send_some(b, BURST);
	others_go_on("before");
	fault("bus mastering off", master_off);
	fault("reset by the kernel", kernel_resets);
	fault("reset by its own bit", raw_reset);
	fault("asleep", sleeps);
	iommu_fault();
	unplugged(argv[0]);
	pulled_out(argv[1]);
	card_close(b);
	card_close(c);
	b = c = NULL;
}

/* ---- Link ---- */

static void flaps(unsigned nb, const char *port)
{
	uint64_t most = 0;

	is_gentle = true;
	for (unsigned i = 0; i < nb; i++) {
		unsigned before = told(a, PLX_PORT_EVENT_LINK);
		uint64_t start;

		a_works();
		run_shell("%s/lab_ask link %s down", program_folder, port);
		start = now_ms();
		check(until(told(a, PLX_PORT_EVENT_LINK) > before && !is_up(a), WAIT_MS),
		      "flap %u: nobody is told that it went", i);
		if (now_ms() - start > most)
			most = now_ms() - start;
		before = told(a, PLX_PORT_EVENT_LINK);
		run_shell("%s/lab_ask link %s up", program_folder, port);
		check(until(told(a, PLX_PORT_EVENT_LINK) > before && is_up(a), WAIT_MS),
		      "flap %u: nobody is told that it came", i);
	}
	a_works();
	check(told(a, PLX_PORT_EVENT_ERROR) + told(a, PLX_PORT_EVENT_REMOVED) == 0,
	      "the link's changes are taken for faults");
	printf("ok %u link flaps: told after %u ms at most\n", nb, (unsigned)most);
}

/* ---- Which ---- */

static int run(int argc, char **argv)
{
	static struct card card;
	const char *what = argv[0];
	const bool is_flaps = strcmp(what, "flaps") == 0;

	a = &card;
	if (is_flaps && argc == 4) {
		card_open(a, argv[2]);
		flaps((unsigned)atoi(argv[1]), argv[3]);
	} else if (strcmp(what, "try") == 0 && argc == 2) {
		uint64_t start = now_ms();

		card_open(a, argv[1]);
		a_works();
		printf("ok %s: it works after %u ms\n", a->bdf, (unsigned)(now_ms() - start));
	} else if (strcmp(what, "flood") == 0 && argc == 2) {
		card_open(a, argv[1]);
		a_works();
		puts("flooding");
		for (;;)
			turn();
	} else if (strcmp(what, "faults") == 0 && argc == 6) {
		card_open(a, argv[1]);
		faults(argv + 2);
	} else {
		return 2;
	}
	card_close(a);
	return 0;
}

int main(int argc, char **argv)
{
	char folder[256], *slash;
	int first, ret;

	snprintf(folder, sizeof(folder), "%s", argv[0]);
	slash = strrchr(folder, '/');
	if (slash)
		*slash = '\0';
	program_folder = folder;
	setvbuf(stdout, NULL, _IOLBF, 0);
	first = plx_init(argc, argv);
	if (first < 0 || first + 1 >= argc)
		return 2;
	ret = run(argc - first - 1, argv + first + 1);
	plx_fini();
	return ret;
}
