// SPDX-License-Identifier: GPL-2.0
/*
 * deputy <how> [address]: has the kernel read memory that is not for this program.
 * What it got goes to standard output, or, for those who play a part beside that, what
 * reading attacks/victim/plain said. Ends with status 1 if it could not be tried.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define VICTIM		"/sys/kernel/debug/attacks/victim/"
#define PAGE		4096
#define PKRS_MSR	0x6e1
/* The secret's size. */
#define SECRET		8

static void need(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static void show(const void *got)
{
	need(fwrite(got, SECRET, 1, stdout) == 1, "stdout");
}

/* The page that the owner shares with user space. */
static char *shared_page(void)
{
	int fd = open(VICTIM "pages", O_RDWR);
	char *map;

	need(fd >= 0, VICTIM "pages");
	map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	need(map != MAP_FAILED, "mmap");
	return map;
}

/* What stray accesses of this very thread come to. */
static void plain(char text[16])
{
	int fd = open(VICTIM "plain", O_RDONLY);
	ssize_t got = read(fd, text, 15);

	need(got > 0, VICTIM "plain");
	text[got] = '\0';
	close(fd);
}

static void victim_write(const char *file, const void *what, size_t size)
{
	int fd = open(file, O_WRONLY);

	need(fd >= 0 && write(fd, what, size) == (ssize_t)size, file);
	close(fd);
}

static void on_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	need(!sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity");
}

/* A child that sleeps until it is killed. */
static pid_t sleeper(void)
{
	pid_t pid = fork();

	need(pid >= 0, "fork");
	if (!pid) {
		sleep(60);
		_exit(0);
	}
	return pid;
}

static int user(void)
{
	show(shared_page());
	return 0;
}

static int vm_read_of(pid_t pid, void *address, char *got)
{
	struct iovec to = { got, SECRET }, from = { address, SECRET };

	return process_vm_readv(pid, &to, 1, &from, 1, 0) == SECRET;
}

static int vm_readv(void)
{
	char *page = shared_page(), got[SECRET] = { };
	pid_t pid = sleeper();

	vm_read_of(pid, page, got);
	kill(pid, SIGKILL);
	show(got);
	return 0;
}

static int peek(pid_t pid, void *address, char *got)
{
	long word;

	need(!ptrace(PTRACE_ATTACH, pid, 0, 0), "ptrace");
	waitpid(pid, NULL, 0);
	if (syscall(SYS_ptrace, PTRACE_PEEKDATA, pid, address, &word))
		return 0;
	memcpy(got, &word, SECRET);
	return 1;
}

static int peek_shared(void)
{
	char *page = shared_page(), got[SECRET] = { };
	pid_t pid = sleeper();

	peek(pid, page, got);
	kill(pid, SIGKILL);
	show(got);
	return 0;
}

/* A ring of one entry. */
struct ring {
	int			fd;
	struct io_uring_sqe	*sqe;
	unsigned int		*tail;
	unsigned int		*array;
};

static void ring_make(struct ring *ring)
{
	struct io_uring_params params = { };
	char *map;

	ring->fd = syscall(SYS_io_uring_setup, 1, &params);
	need(ring->fd >= 0, "io_uring_setup");
	map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd,
		   IORING_OFF_SQ_RING);
	ring->sqe = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			 ring->fd, IORING_OFF_SQES);
	need(map != MAP_FAILED && ring->sqe != MAP_FAILED, "mmap of the ring");
	ring->tail = (unsigned int *)(map + params.sq_off.tail);
	ring->array = (unsigned int *)(map + params.sq_off.array);
}

/* Write what is at an address to the beginning of a file, and wait for it. */
static void ring_write(struct ring *ring, int fd, const void *from, size_t size)
{
	*ring->sqe = (struct io_uring_sqe){
		.opcode	= IORING_OP_WRITE,
		.fd	= fd,
		.addr	= (unsigned long)from,
		.len	= size,
	};
	ring->array[0] = 0;
	__atomic_store_n(ring->tail, *ring->tail + 1, __ATOMIC_RELEASE);
	need(syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1,
	     "io_uring_enter");
}

static int temporary_file(void)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);

	need(fd >= 0, "/tmp");
	return fd;
}

/* A disk that the page is to be written to, and memory to have it back in. */
static int disk_open(const char *disk, void **got)
{
	int fd = open(disk, O_RDWR | O_DIRECT);

	need(fd >= 0, disk);
	need(!posix_memalign(got, PAGE, PAGE), "memory");
	return fd;
}

static void disk_show(int fd, void *got)
{
	if (pread(fd, got, PAGE, 0) == PAGE)
		show(got);
}

/* To a disk in memory: the kernel copies the page. */
static int direct(void)
{
	char *page = shared_page();
	void *got;
	int fd = disk_open("/dev/ramdisk", &got);

	if (pwrite(fd, page, PAGE, 0) == PAGE)
		disk_show(fd, got);
	return 0;
}

/* To a disk that fetches it by itself. */
static int dma(void)
{
	char *page = shared_page();
	struct ring ring;
	void *got;
	int fd = disk_open("/dev/vda", &got);

	ring_make(&ring);
	ring_write(&ring, fd, page, PAGE);
	disk_show(fd, got);
	return 0;
}

/* As if it were an address of this program's: every one of them should refuse it. */
static int pointers(void *address)
{
	char got[SECRET] = { };
	int fd = temporary_file();
	struct ring ring;
	pid_t pid = sleeper();

	if (vm_read_of(getpid(), address, got))
		show(got);
	if (peek(pid, address, got))
		show(got);
	kill(pid, SIGKILL);
	ring_make(&ring);
	ring_write(&ring, fd, address, SECRET);
	if (pwrite(fd, address, SECRET, SECRET) == SECRET || pread(fd, got, SECRET, 0) > 0)
		show(got);
	return 0;
}

static int dev_mem(off_t frame)
{
	char got[SECRET] = { };
	int fd = open("/dev/mem", O_RDONLY);
	void *map;

	need(fd >= 0, "/dev/mem");
	if (pread(fd, got, SECRET, frame) == SECRET)
		show(got);
	map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, frame);
	if (map != MAP_FAILED)
		show(map);
	return 0;
}

static int bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static int bpf_map(void)
{
	union bpf_attr attr = {
		.map_type	= BPF_MAP_TYPE_ARRAY,
		.key_size	= sizeof(int),
		.value_size	= SECRET,
		.max_entries	= 1,
	};
	int fd = bpf(BPF_MAP_CREATE, &attr);

	need(fd >= 0, "BPF_MAP_CREATE");
	return fd;
}

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define INSN(c, d, s, o, i) \
	{ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (int)(i) }

/* bpf_probe_read_kernel() into the first of the map, if that can be had. */
static int bpf_program(void *address, int map)
{
	const unsigned long from = (unsigned long)address;
	const struct bpf_insn insns[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_1, 0, 0, -SECRET),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, SECRET),
		INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_3, 0, 0, from),
		INSN(0, 0, 0, 0, from >> 32),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_probe_read_kernel),
		INSN(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_0, 0, 9, 0),
		INSN(BPF_ST | BPF_W | BPF_MEM, BPF_REG_10, 0, -16, 0),
		INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -16),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_3, 0, 0, -SECRET),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_4, 0, 0, BPF_ANY),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_update_elem),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	union bpf_attr attr = {
		.prog_type	= BPF_PROG_TYPE_RAW_TRACEPOINT,
		.insns		= (unsigned long)insns,
		.insn_cnt	= ARRAY_SIZE(insns),
		.license	= (unsigned long)"GPL",
	};
	int fd = bpf(BPF_PROG_LOAD, &attr);

	need(fd >= 0, "BPF_PROG_LOAD");
	return fd;
}

static void bpf_show(int map)
{
	char got[SECRET] = { };
	int key = 0;
	union bpf_attr attr = {
		.map_fd	= map,
		.key	= (unsigned long)&key,
		.value	= (unsigned long)got,
	};

	need(!bpf(BPF_MAP_LOOKUP_ELEM, &attr), "BPF_MAP_LOOKUP_ELEM");
	show(got);
}

/* In a thread that holds nothing. */
static int bpf_outside(void *address)
{
	int map = bpf_map();
	union bpf_attr attr = { .test = { .prog_fd = bpf_program(address, map) } };

	need(!bpf(BPF_PROG_TEST_RUN, &attr), "BPF_PROG_TEST_RUN");
	bpf_show(map);
	return 0;
}

/* At a tracepoint that a thread passes which has the domain open. */
static int bpf_in_scope(void *address)
{
	int map = bpf_map(), fd;
	union bpf_attr attr = {
		.raw_tracepoint = {
			.name		= (unsigned long)"sched_switch",
			.prog_fd	= bpf_program(address, map),
		},
	};

	fd = bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
	need(fd >= 0, "BPF_RAW_TRACEPOINT_OPEN");
	victim_write(VICTIM "sleep", "1", 1);
	close(fd);
	bpf_show(map);
	return 0;
}

/* PKRS of this CPU, by way of /dev/cpu/0/msr. */
static int msr_device(void)
{
	unsigned long open_all = 0;
	char text[16];
	int fd;

	on_cpu(0);
	fd = open("/dev/cpu/0/msr", O_WRONLY);
	need(fd >= 0, "/dev/cpu/0/msr");
	need(pwrite(fd, &open_all, sizeof(open_all), PKRS_MSR) == sizeof(open_all),
	     "/dev/cpu/0/msr");
	plain(text);
	fputs(text, stdout);
	return 0;
}

/* The system call after one that has left the domain open. */
static int next_call(void)
{
	char text[16];

	victim_write(VICTIM "open", "1", 1);
	plain(text);
	fputs(text, stdout);
	return 0;
}

/* Of a thread that has come back to user space like that. */
static int child(void)
{
	int status;
	pid_t pid;

	victim_write(VICTIM "open", "1", 1);
	pid = fork();
	if (!pid) {
		char text[16];

		plain(text);
		fputs(text, stdout);
		exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

/* The owner waits for this page in a scope. */
static void *fill(void *page)
{
	on_cpu(1);
	victim_write(VICTIM "fill", page, SECRET);
	return NULL;
}

static int fault_fd(char *page)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range	= { (unsigned long)page, PAGE },
		.mode	= UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	need(fd >= 0 && !ioctl(fd, UFFDIO_API, &api), "userfaultfd");
	need(!ioctl(fd, UFFDIO_REGISTER, &range), "UFFDIO_REGISTER");
	return fd;
}

static int uffd(void)
{
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	char *source = aligned_alloc(PAGE, PAGE), text[16];
	struct pollfd wait = { .fd = fault_fd(page), .events = POLLIN };
	struct uffdio_copy copy = {
		.dst = (unsigned long)page,
		.src = (unsigned long)source,
		.len = PAGE,
	};
	struct uffd_msg message;
	pthread_t thread;
	int fd = open(VICTIM "secret", O_RDONLY);

	need(fd >= 0 && read(fd, source, SECRET) == SECRET, VICTIM "secret");
	need(!pthread_create(&thread, NULL, fill, page), "pthread_create");
	on_cpu(1);
	need(poll(&wait, 1, 10000) == 1, "nobody waits for the page");
	need(read(wait.fd, &message, sizeof(message)) == sizeof(message), "userfaultfd");
	plain(text);
	need(!ioctl(wait.fd, UFFDIO_COPY, &copy), "UFFDIO_COPY");
	pthread_join(thread, NULL);
	fputs(text, stdout);
	return 0;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	unsigned long address = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (!strcmp(how, "user"))
		return user();
	if (!strcmp(how, "vm_readv"))
		return vm_readv();
	if (!strcmp(how, "ptrace"))
		return peek_shared();
	if (!strcmp(how, "direct"))
		return direct();
	if (!strcmp(how, "dma"))
		return dma();
	if (!strcmp(how, "pointers"))
		return pointers((void *)address);
	if (!strcmp(how, "dev_mem"))
		return dev_mem(address);
	if (!strcmp(how, "bpf_outside"))
		return bpf_outside((void *)address);
	if (!strcmp(how, "bpf_in_scope"))
		return bpf_in_scope((void *)address);
	if (!strcmp(how, "msr_device"))
		return msr_device();
	if (!strcmp(how, "next_call"))
		return next_call();
	if (!strcmp(how, "child"))
		return child();
	if (!strcmp(how, "uffd"))
		return uffd();
	fprintf(stderr, "deputy: there is no '%s'\n", how);
	return 1;
}
