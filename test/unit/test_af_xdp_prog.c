/* SPDX-License-Identifier: BSD-3-Clause */
/* net_af_xdp: an XDP program of the user's in the place of the built-in one. */
#include "af_xdp_env.h"

enum { POOL = 2048 };

/* Packets whose last address byte is odd are the port's, others the kernel's. */
static const char program[] =
	"struct xdp_md { unsigned data, data_end, data_meta, ifindex, queue; };\n"
	"static long (*redirect)(void *map, unsigned key, unsigned long flags) = (void *)51;\n"
	"struct {\n"
	"	int (*type)[17];\n" /* BPF_MAP_TYPE_XSKMAP */
	"	int (*max_entries)[64];\n"
	"	int *key;\n"
	"	int *value;\n"
	"} MAP __attribute__((section(\".maps\"), used));\n"
	"__attribute__((section(\"xdp\"), used)) int odd(struct xdp_md *ctx)\n"
	"{\n"
	"	unsigned char *data = (void *)(long)ctx->data;\n"
	"	if (data + 14 > (unsigned char *)(long)ctx->data_end || !(data[5] & 1))\n"
	"		return 2;\n"
	"	return redirect(&MAP, ctx->queue, 2);\n"
	"}\n";

/* Compile it, with the map under this name. */
static void build(const char *map, const char *file)
{
	char command[300];
	FILE *out;

	if (system("command -v clang >/dev/null 2>&1") != 0)
		cr_skip_test("clang is missing (scripts/setup.sh --dev)");
	snprintf(command, sizeof(command), "clang -O2 -g -target bpf -DMAP=%s -x c -c -o %s -", map,
		 file);
	out = popen(command, "w");
	cr_assert_not_null(out);
	fputs(program, out);
	cr_assert_eq(pclose(out), 0, "clang failed");
}

static void temp_file(char *path)
{
	int fd = mkstemps(path, 2);

	cr_assert_geq(fd, 0, "%s: %m", path);
	close(fd);
}

Test(af_xdp_prog, takes_what_its_program_gives_it)
{
	char path[] = "/tmp/plx-xdp-XXXXXX.o", device[100];
	unsigned char frame[FRAME_ROOM];
	struct plx_mempool *pool;
	int peer, kernel;
	unsigned port;

	temp_file(path);
	build("xsks_map", path);
	xdp_start(1);
	pool = packets_new("pool", POOL, 0, 0);
	peer = peer_open("xb");
	kernel = peer_open("xa");
	snprintf(device, sizeof(device), "net_af_xdp0,iface=xa,xdp_prog=%s", path);
	port = port_up(device, 1, pool);
	unlink(path);
	for (unsigned i = 0; i < 20; i++) {
		frame_make(frame, 100, i);
		frame[5] = (unsigned char)i;
		peer_write(peer, frame, 100);
		if (i % 2) {
			struct plx_mbuf *m = port_take_one(port);

			cr_assert_arr_eq(plx_mbuf_data(m), frame, 100);
			plx_mbuf_free(m);
		} else {
			cr_assert_eq(peer_read(kernel, frame, WAIT_MS), 100, "frame %u", i);
			cr_assert_eq(frame[5], i);
		}
	}
	assert_xstat(port, "rx_packets", 10);
	port_down(port);
	assert_all_home(pool);
	cr_assert_eq(prog_of("xa"), 0, "the program stayed");
	xdp_end();
}

Test(af_xdp_prog, tells_what_a_program_lacks)
{
	char path[] = "/tmp/plx-xdp-XXXXXX.o", device[100];
	unsigned port, fds;
	FILE *out;

	temp_file(path);
	build("other_map", path);
	xdp_start(1);
	fds = nb_entries("/proc/self/fd");
	snprintf(device, sizeof(device), "net_af_xdp0,iface=xa,xdp_prog=%s", path);
	log_lines_start();
	cr_assert_eq(plx_port_attach(device, &port), -ENOENT);
	assert_one_line("port", PLX_LOG_ERR, "net_af_xdp0", path, "xsks_map");
	/* No object at all. */
	out = fopen(path, "w");
	cr_assert_not_null(out);
	fputs("nothing", out);
	fclose(out);
	log_lines_start();
	cr_assert_lt(plx_port_attach(device, &port), 0);
	assert_one_line("port", PLX_LOG_ERR, "net_af_xdp0", path, "xsks_map");
	unlink(path);
	cr_assert_eq(prog_of("xa"), 0, "a program stayed");
	cr_assert_leq(nb_entries("/proc/self/fd"), fds + 1); /* the control thread's */
	xdp_end();
}
