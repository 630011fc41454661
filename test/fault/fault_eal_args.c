/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading and copying settings while the n-th allocation or open fails, for n = 1, 2, ...: each
 * time an error and nothing left behind, or the right settings.
 *
 * The calls are caught by functions of the same name in this program, which the static library is
 * linked against.
 */
#include <errno.h>
#include <fcntl.h>
#include <pollux/eal.h>
#include <pollux/log.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned long nb_calls, fail_at;
static unsigned nb_errors;
static long nb_held; /* allocations that were not freed yet */

/* Is this the call that fails? */
static bool fails(void)
{
	return ++nb_calls == fail_at;
}

int open(const char *file, int oflag, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, oflag);
	mode = oflag & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (fails()) {
		errno = EMFILE;
		return -1;
	}
	return (int)syscall(SYS_openat, AT_FDCWD, file, oflag, mode);
}

#if !defined(__SANITIZE_ADDRESS__)
void *__libc_malloc(size_t size);
void *__libc_realloc(void *ptr, size_t size);
void __libc_free(void *ptr);

void *malloc(size_t size)
{
	if (fails()) {
		errno = ENOMEM;
		return NULL;
	}
	nb_held++;
	return __libc_malloc(size);
}

void *realloc(void *ptr, size_t size)
{
	if (fails()) {
		errno = ENOMEM;
		return NULL;
	}
	nb_held += !ptr;
	return __libc_realloc(ptr, size);
}

void free(void *ptr)
{
	nb_held -= ptr != NULL;
	__libc_free(ptr);
}
#endif

static void sink(void *arg, const char *module, enum plx_log_level level, const char *text)
{
	(void)arg;
	(void)module;
	(void)text;
	nb_errors += level == PLX_LOG_ERR;
}

/* Everything that allocates, then a copy of it all. 0 or -errno. */
static int read_and_copy(const char *path)
{
	char file[64];
	char *argv[] = {(char[]){"prog"},
			(char[]){"--config"},
			file,
			(char[]){"--vdev=net_ring0"},
			(char[]){"--vdev=net_ring1"},
			(char[]){"--file-prefix=one"},
			(char[]){"--file-prefix=two"},
			(char[]){"--log-level=info"},
			NULL};
	struct plx_eal_conf conf;
	struct plx_eal_conf copy;
	int ret;

	snprintf(file, sizeof(file), "%s", path);
	plx_eal_conf_init(&conf);
	ret = plx_eal_parse(&conf, 8, argv);
	if (ret < 0)
		goto free_conf;
	ret = plx_eal_conf_copy(&copy, &conf);
	if (ret)
		goto free_conf;
	if (copy.nb_devices != 3 || strcmp(copy.devices[2].args, "net_ring1") != 0 ||
	    strcmp(copy.file_prefix, "two") != 0 || strcmp(copy.huge_dir, "/mnt") != 0 ||
	    copy.nb_log_levels != 2 || strcmp(copy.log_levels[1], "info") != 0)
		ret = -EBADMSG;
	plx_eal_conf_fini(&copy);

free_conf:
	plx_eal_conf_fini(&conf);
	return ret;
}

/* One run with call `n` failing; false when the test is done or went wrong (*status). */
static bool run(const char *path, unsigned long n, int *status)
{
	long held = nb_held;
	int first_free = dup(0);
	int ret;

	close(first_free);
	nb_calls = 0;
	nb_errors = 0;
	fail_at = n;
	ret = read_and_copy(path);
	fail_at = 0;
	if (nb_held != held) {
		printf("call %lu: %ld allocations were left\n", n, nb_held - held);
		*status = 1;
	}
	if (dup(0) != first_free) {
		printf("call %lu: a descriptor was left\n", n);
		*status = 1;
	}
	close(first_free);
	if (nb_calls < n) {
		if (ret != 0) {
			printf("nothing failed, and the settings came out wrong: %d\n", ret);
			*status = 1;
		}
		return false;
	}
	/* 0: stdio reads on without its buffer. A copy that fails logs nothing, a reading does. */
	if ((ret != 0 && ret != -ENOMEM && ret != -EMFILE) || nb_errors > 1) {
		printf("call %lu: %d, %u error lines\n", n, ret, nb_errors);
		*status = 1;
	}
	return *status == 0;
}

int main(void)
{
	static const char text[] = "[eal]\nvdev=net_null0\nhuge-dir=/mnt\nlog-level=eal:info\n";
	char path[] = "/tmp/plx-fault-XXXXXX";
	int fd = mkstemp(path);
	unsigned long n = 1;
	int status = 0;

	if (fd < 0 || write(fd, text, sizeof(text) - 1) < 0) {
		perror("a file for the settings");
		return 1;
	}
	close(fd);
	plx_log_set_sink(sink, NULL);
	while (run(path, n, &status))
		n++;
	unlink(path);
	printf("%lu calls made to fail\n", n - 1);
	if (n < 2) {
		printf("no call was caught\n");
		status = 1;
	}
	return status;
}
