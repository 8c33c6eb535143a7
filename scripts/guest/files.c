// SPDX-License-Identifier: GPL-2.0
/*
 * Usage: files <quiet|busy> <directory>
 *
 * Writes to each file below it what is nonsense to that file, in every way that there
 * is, and reads each in every way. A write must give an error. In quiet, where nobody
 * else changes anything, all that can be written must read afterwards as before.
 *
 * Prints how much that was.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES	512
#define SIZE	(256 * 1024)
#define HUGE	(1024 * 1024)

struct text {
	const char	*text;
	size_t		len;
	/* For files whose path ends with this alone; "!": for all others. */
	const char	*file;
};

#define T(string, ...)	{ .text = string, .len = sizeof(string) - 1, ##__VA_ARGS__ }

/* What no file takes. */
static const struct text bad[] = {
	T(""), T(" "), T("\n"), T("\n\n\n"), T("\t"), T("\0"), T("\0\0\0\0"),
	T("2"), T("-1"), T("16 deny"), T("0 deny"), T("-1 report"), T("15 report x"),
	T("99999999999999999999 deny"), T("4294967297 report"), T("1 \0report"),
	T("1 deny\0report"), T("default deny\0"), T("deny\0"), T("0\0"), T("1\0 1"),
	T("0x1 report"), T("1 reports"), T("1 repor"), T("1 REPORT"), T("1,report"),
	T("1\treport"), T("1 deny\n1 report"), T("deny\nreport"), T("0\n1"), T("1\n0\n"),
	T("default"), T("default default"), T("default deny deny"), T("defaults report"),
	T(" default report"), T("denyreport"), T("%s%n%x deny"), T("../../etc/passwd"),
	T("\xff\xfe\xfd"), T("\x7f\x45LF\x02\x01\x01"), T("\x01 report"),
	T("00000000000000000000000000000000000000x"),
	T("11111111111111111111111111111111111111111111111111111111111111111111111111"),
	T("1 report                                                                    x"),
	/* What others take. */
	T("1", "/policy"), T("0", "/policy"), T("1 report", "irq_isolation"),
	T("1 report", "/stats"), T("yes", "irq_isolation"), T("Y", "irq_isolation"),
	T("on", "irq_isolation"), T("deny", "pks/policy"), T("report", "pks/policy"),
	T(" 1 report", "pks/policy"), T("1 ", "pks/policy"), T("1  ", "pks/policy"),
};

static char *paths[FILES];
static unsigned int nr_paths, writes, reads, faults;
static int quiet;
static char *huge;

static void complain(const char *path, const char *what, long long got)
{
	printf("%s: %s: %lld (%s)\n", path, what, got, strerror(errno));
	if (faults++ == 20)
		exit(1);
}

static int found(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	if (type == FTW_F && nr_paths < FILES)
		paths[nr_paths++] = strdup(path);
	return 0;
}

static int is_writable(const char *path)
{
	struct stat st;

	return !stat(path, &st) && st.st_mode & 0222;
}

/* Of all files that can be written, one after the other. */
static void state(char *to)
{
	size_t len = 0;
	unsigned int i;
	ssize_t got;
	int fd;

	for (i = 0; quiet && i < nr_paths; i++) {
		fd = is_writable(paths[i]) ? open(paths[i], O_RDONLY) : -1;
		while (fd >= 0 && len < SIZE - 1) {
			got = read(fd, to + len, SIZE - 1 - len);
			if (got <= 0)
				break;
			len += got;
		}
		if (fd >= 0)
			close(fd);
	}
	to[len] = '\0';
}

static void unchanged(const char *path, const char *what)
{
	static char before[SIZE], now[SIZE];

	if (!what) {
		state(before);
		return;
	}
	state(now);
	if (!strcmp(before, now))
		return;
	complain(path, what, 0);
	printf("before:\n%safter:\n%s", before, now);
	exit(1);
}

/* With @file, or none, in mind: is @text nonsense to the file at @path? */
static int applies(const struct text *text, const char *path)
{
	size_t len = strlen(path), end = text->file ? strlen(text->file) : 0;

	return len >= end && (!end || !strcmp(path + len - end, text->file));
}

static void refused(const char *path, const char *what, ssize_t got)
{
	writes++;
	if (got >= 0)
		complain(path, what, got);
}

static void write_one(const char *path, int fd, const char *text, size_t len)
{
	ssize_t got = write(fd, text, len);

	writes++;
	/* Some kernels do not call the file for nothing. */
	if (got > 0 || (!got && len))
		complain(path, text, got);
	unchanged(path, text);
}

static void write_texts(const char *path, int fd)
{
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (applies(&bad[i], path))
			write_one(path, fd, bad[i].text, bad[i].len);
	}
	for (i = 1; i <= HUGE; i *= 2) {
		memset(huge, 'a', i);
		write_one(path, fd, huge, i);
		memset(huge, '\n', i);
		write_one(path, fd, huge, i);
		memset(huge, ' ', i);
		memcpy(huge + i - i / 2, "x", !!i);
		write_one(path, fd, huge, i);
		memset(huge, 0, i);
		write_one(path, fd, huge, i);
	}
}

static void write_strangely(const char *path, int fd)
{
	struct iovec iov[3] = { { "1 rep", 5 }, { "ort", 3 }, { "\n", 1 } };

	refused(path, "partial write", write(fd, "1 rep", 5));
	refused(path, "partial write", write(fd, "ort\n", 4));
	refused(path, "partial writev", writev(fd, iov, 3));
	refused(path, "pwrite behind", pwrite(fd, "1 nonsense", 10, 1 << 20));
	refused(path, "pwrite before", pwrite(fd, "1 nonsense", 10, -5));
	refused(path, "pwrite far behind", pwrite(fd, "x", 1, 0x7fffffffffffffffLL));
	refused(path, "write from NULL", syscall(SYS_write, fd, NULL, 8));
	refused(path, "write from nowhere", syscall(SYS_write, fd, 0x10L, 3));
	refused(path, "write from the kernel", syscall(SYS_write, fd, -4096L, 8));
	refused(path, "write of all", syscall(SYS_write, fd, huge, -1L));
	refused(path, "ioctl", ioctl(fd, FIONREAD + 77, huge));
	if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED)
		complain(path, "mmap", 0);
	unchanged(path, "strange writes");
}

static void write_file(const char *path)
{
	static const int flags[] = { O_WRONLY, O_RDWR, O_WRONLY | O_APPEND,
				     O_WRONLY | O_NONBLOCK };
	unsigned int i;
	int fd;

	for (i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		fd = open(path, flags[i]);
		/* It may have gone meanwhile; what is read-only may be refused here. */
		if (fd < 0)
			continue;
		write_texts(path, fd);
		write_strangely(path, fd);
		close(fd);
	}
	if (!unlink(path))
		complain(path, "unlink", 0);
	if (!truncate(path, 4096) && quiet)
		unchanged(path, "truncate");
}

static void read_by(const char *path, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t got;
	size_t len = 0;

	if (fd < 0)
		return;
	do {
		got = read(fd, huge, size);
		reads++;
		len += got > 0 ? got : 0;
	} while (got > 0 && len < SIZE);
	if (got < 0 && (quiet || errno != EIO))
		complain(path, "read", size);
	close(fd);
}

static void read_strangely(const char *path)
{
	static const long long offsets[] = { 1, 7, 4095, 4096, 65536, 1LL << 32,
					     0x7fffffffffffffffLL };
	int fd = open(path, O_RDONLY);
	unsigned int i;

	if (fd < 0)
		return;
	for (i = 0; i < sizeof(offsets) / sizeof(*offsets); i++) {
		pread(fd, huge, 100, offsets[i]);
		lseek(fd, offsets[i], SEEK_SET);
		read(fd, huge, 3);
		lseek(fd, -offsets[i], SEEK_CUR);
		read(fd, huge, 3);
		lseek(fd, 0, SEEK_END);
		reads += 3;
	}
	if (pread(fd, huge, 8, -1) >= 0)
		complain(path, "pread before", -1);
	lseek(fd, 0, SEEK_SET);
	if (syscall(SYS_read, fd, NULL, 8) > 0 || syscall(SYS_read, fd, -4096L, 8) > 0)
		complain(path, "read to nowhere", 0);
	read(fd, huge, 0);
	close(fd);
}

static void read_file(const char *path)
{
	static const size_t sizes[] = { 1, 3, 64, 4095, 4097, HUGE };
	unsigned int i;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		read_by(path, sizes[i]);
	read_strangely(path);
}

int main(int argc, char **argv)
{
	unsigned int i, writable = 0;

	if (argc != 3)
		errx(1, "usage: files <quiet|busy> <directory>");
	quiet = !strcmp(argv[1], "quiet");
	huge = malloc(HUGE);
	if (!huge || nftw(argv[2], found, 16, FTW_PHYS) || !nr_paths)
		err(1, "%s", argv[2]);
	unchanged(NULL, NULL);
	for (i = 0; i < nr_paths; i++) {
		writable += is_writable(paths[i]);
		read_file(paths[i]);
		write_file(paths[i]);
	}
	printf("%u files, %u of them writable: %u writes, %u reads\n", nr_paths, writable,
	       writes, reads);
	return !!faults;
}
