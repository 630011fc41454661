/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The JSON file: whole lines or none, as far as the file can be kept so. What fails is told once
 * and tried again with the next sample: a disk may have room again. A pipe whose reader is slow or
 * gone costs samples, never the program: it is opened non-blocking, and SIGPIPE is held off.
 */
#include "stats_private.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int stats_file_open(struct stats_file *file, const char *path)
{
	struct stat stat;

	*file = (struct stats_file){.path = path, .fd = -1};
	if (!path)
		return 0;
	if (strcmp(path, "-") == 0) {
		file->fd = STDOUT_FILENO;
		return 0;
	}
	file->fd = open(path,
			O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
			0666);
	if (file->fd < 0) {
		int err = errno;

		LOG_ERR("JSON file '%.200s': %s", path,
			err == ENXIO ? "nobody reads this pipe" : strerror(err));
		return -err;
	}
	file->is_own = true;
	file->is_regular = fstat(file->fd, &stat) == 0 && S_ISREG(stat.st_mode);
	return 0;
}

void stats_file_close(struct stats_file *file)
{
	if (file->is_own)
		close(file->fd);
	file->fd = -1;
}

/* Returns how much was written; errno tells of the rest. */
static size_t write_all(int fd, const char *text, size_t bytes)
{
	size_t done = 0;
	ssize_t ret;

	while (done < bytes) {
		ret = write(fd, &text[done], bytes - done);
		if (ret > 0)
			done += (size_t)ret;
		else if (ret == 0 || errno != EINTR)
			break;
	}
	return done;
}

/* Of stdout the reader's end is the program's end, as everywhere; of a file of ours it is not. */
static size_t write_own(int fd, const char *text, size_t bytes)
{
	const struct timespec at_once = {0};
	sigset_t pipe, before, pending;
	bool was_pending;
	size_t done;
	int err;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigpending(&pending);
	was_pending = sigismember(&pending, SIGPIPE) == 1;
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	done = write_all(fd, text, bytes);
	err = errno;
	if (done < bytes && err == EPIPE && !was_pending)
		sigtimedwait(&pipe, NULL, &at_once);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = err;
	return done;
}

/* What was begun is taken back where that can be done; else the next line starts on its own. */
static void undo(struct stats_file *file, size_t done)
{
	off_t end;

	if (done == 0)
		return;
	end = file->is_regular ? lseek(file->fd, 0, SEEK_END) : -1;
	if (end < (off_t)done || ftruncate(file->fd, end - (off_t)done) != 0)
		file->torn = true;
}

void stats_file_write(struct stats_file *file, const char *text, size_t bytes)
{
	size_t done = 0;

	if (file->fd < 0)
		return;
	if (!file->is_own) {
		done = write_all(file->fd, text, bytes);
	} else if (!file->torn || write_own(file->fd, "\n", 1) == 1) {
		file->torn = false;
		done = write_own(file->fd, text, bytes);
	}
	if (done == bytes)
		return;
	if (!file->complained)
		LOG_WARN("JSON file '%.200s': %s; samples are missing from it", file->path,
			 errno == EAGAIN ? "its reader is too slow" : strerror(errno));
	file->complained = true;
	undo(file, done);
}
