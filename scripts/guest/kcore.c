// SPDX-License-Identifier: GPL-2.0
/*
 * kcore <address> <bytes>: kernel memory as /proc/kcore has it, to standard output.
 * Ends with status 1 if it is not in there or reading it is an error.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static long offset_of(int fd, const Elf64_Ehdr *header, unsigned long address)
{
	Elf64_Phdr segment;
	int i;

	for (i = 0; i < header->e_phnum; i++) {
		if (pread(fd, &segment, sizeof(segment),
			  header->e_phoff + i * sizeof(segment)) != sizeof(segment))
			return -1;
		if (segment.p_type == PT_LOAD && address >= segment.p_vaddr &&
		    address - segment.p_vaddr < segment.p_memsz)
			return segment.p_offset + (address - segment.p_vaddr);
	}
	return -1;
}

int main(int argc, char **argv)
{
	unsigned long bytes = argc > 2 ? strtoul(argv[2], NULL, 0) : 0;
	int fd = open("/proc/kcore", O_RDONLY);
	char *memory = malloc(bytes);
	Elf64_Ehdr header;
	long offset;

	if (!bytes || !memory || pread(fd, &header, sizeof(header), 0) != sizeof(header))
		return 1;
	offset = offset_of(fd, &header, strtoul(argv[1], NULL, 0));
	if (offset < 0) {
		fprintf(stderr, "%s is not in /proc/kcore\n", argv[1]);
		return 1;
	}
	if (pread(fd, memory, bytes, offset) != (ssize_t)bytes) {
		perror("/proc/kcore");
		return 1;
	}
	return fwrite(memory, bytes, 1, stdout) != 1;
}
