/*
 * The peer of the benchmark: the same loops in C. It reads lines "row count"
 * and answers each with the nanoseconds that all of them took, or with "error"
 * and what failed. The rows, the guest's code and the order of the calls are
 * those of the Go side. A few calls before those that count bring back what
 * the other side has pushed out of the caches.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define RAM_SIZE 0x10000
#define CODE 0x1000
#define DEVICE_GPA 0x10000 /* the first address after RAM */

/* out 0x10, al; jmp -4 */
static const unsigned char port_code[] = {0xe6, 0x10, 0xeb, 0xfc};
/* mov [0], al with DS at DEVICE_GPA; jmp -5 */
static const unsigned char mmio_code[] = {0xa2, 0x00, 0x00, 0xeb, 0xfb};
/* out 0x10, ax; in al, 0x10; mov [0], ax; mov al, [0]; jmp -12 */
static const unsigned char decode_code[] = {0xe7, 0x10, 0xe4, 0x10, 0xa3, 0x00, 0x00, 0xa0, 0x00, 0x00, 0xeb, 0xf4};
static const unsigned char halt_code[] = {0xf4};

struct guest {
	int vm, vcpu;
	struct kvm_run *run;
	unsigned char *ram;
};

static int system_fd, run_size;

static void fail(const char *what)
{
	printf("error %s: %s\n", what, strerror(errno));
	exit(1);
}

static long long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void create(struct guest *g, const unsigned char *code, size_t size)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs = {.rip = CODE, .rflags = 2};
	struct kvm_userspace_memory_region slot = {.memory_size = RAM_SIZE};

	g->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (g->ram == MAP_FAILED)
		fail("mmap of RAM");
	memcpy(g->ram + CODE, code, size);
	if ((g->vm = ioctl(system_fd, KVM_CREATE_VM, 0)) < 0)
		fail("KVM_CREATE_VM");
	slot.userspace_addr = (unsigned long)g->ram;
	if (ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &slot) < 0)
		fail("KVM_SET_USER_MEMORY_REGION");
	if ((g->vcpu = ioctl(g->vm, KVM_CREATE_VCPU, 0)) < 0)
		fail("KVM_CREATE_VCPU");
	g->run = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, g->vcpu, 0);
	if (g->run == MAP_FAILED)
		fail("mmap of kvm_run");
	if (ioctl(g->vcpu, KVM_GET_SREGS, &sregs) < 0)
		fail("KVM_GET_SREGS");
	sregs.cs.base = sregs.cs.selector = 0;
	sregs.ds.base = DEVICE_GPA;
	sregs.ds.selector = DEVICE_GPA >> 4;
	if (ioctl(g->vcpu, KVM_SET_SREGS, &sregs) < 0)
		fail("KVM_SET_SREGS");
	if (ioctl(g->vcpu, KVM_SET_REGS, &regs) < 0)
		fail("KVM_SET_REGS");
}

static void destroy(struct guest *g)
{
	munmap(g->run, run_size);
	close(g->vcpu);
	close(g->vm);
	munmap(g->ram, RAM_SIZE);
}

static void run(struct guest *g)
{
	while (ioctl(g->vcpu, KVM_RUN, 0) < 0)
		if (errno != EINTR)
			fail("KVM_RUN");
}

static void run_until(struct guest *g, unsigned reason)
{
	run(g);
	if (g->run->exit_reason == reason)
		return;
	printf("error exit reason %u, want %u\n", g->run->exit_reason, reason);
	exit(1);
}

static struct guest port_guest, mmio_guest, decode_guest, idle_guest;

static volatile unsigned long sink;

static long long port_io(long n)
{
	long long t = now();
	for (; n; n--) {
		run_until(&port_guest, KVM_EXIT_IO);
		struct kvm_run *r = port_guest.run;
		sink += r->io.port + *((unsigned char *)r + r->io.data_offset);
	}
	return now() - t;
}

static long long mmio(long n)
{
	long long t = now();
	for (; n; n--) {
		run_until(&mmio_guest, KVM_EXIT_MMIO);
		sink += mmio_guest.run->mmio.phys_addr + mmio_guest.run->mmio.data[0];
	}
	return now() - t;
}

/* The number that the guest writes. */
static unsigned long number(const unsigned char *data, unsigned long size)
{
	uint16_t two;
	uint32_t four;
	uint64_t eight;

	switch (size) {
	case 1:
		return *data;
	case 2:
		memcpy(&two, data, sizeof(two));
		return two;
	case 4:
		memcpy(&four, data, sizeof(four));
		return four;
	case 8:
		memcpy(&eight, data, sizeof(eight));
		return eight;
	}
	return 0;
}

/* Gives the guest what it reads. */
static void answer(unsigned char *data, unsigned long size, unsigned long value)
{
	memcpy(data, &value, size < sizeof(value) ? size : sizeof(value));
}

static unsigned long read_io(struct kvm_run *r)
{
	unsigned char *data = (unsigned char *)r + r->io.data_offset;
	unsigned long size = (unsigned long)r->io.size * r->io.count;

	if (r->io.direction == KVM_EXIT_IO_IN) {
		answer(data, size, sink);
		return r->io.port + size;
	}
	return 1 + r->io.port + size + number(data, size);
}

static unsigned long read_mmio(struct kvm_run *r)
{
	if (!r->mmio.is_write) {
		answer(r->mmio.data, r->mmio.len, sink);
		return r->mmio.phys_addr + r->mmio.len;
	}
	return 1 + r->mmio.phys_addr + r->mmio.len + number(r->mmio.data, r->mmio.len);
}

/* Exits of both kinds in both directions, with all that KVM says of them. */
static long long decode(long n)
{
	long long t = now();
	for (; n; n--) {
		struct kvm_run *r = decode_guest.run;
		run(&decode_guest);
		switch (r->exit_reason) {
		case KVM_EXIT_IO:
			sink += read_io(r);
			break;
		case KVM_EXIT_MMIO:
			sink += read_mmio(r);
			break;
		default:
			printf("error exit reason %u, want port I/O or MMIO\n", r->exit_reason);
			exit(1);
		}
	}
	return now() - t;
}

static long long immediate(long n)
{
	long long t;
	idle_guest.run->immediate_exit = 1;
	t = now();
	for (; n; n--)
		if (ioctl(idle_guest.vcpu, KVM_RUN, 0) == 0 || errno != EINTR)
			fail("KVM_RUN with immediate_exit");
	return now() - t;
}

static long long get_regs(long n)
{
	struct kvm_regs regs;
	long long t = now();
	for (; n; n--) {
		if (ioctl(idle_guest.vcpu, KVM_GET_REGS, &regs) < 0)
			fail("KVM_GET_REGS");
		sink += regs.rip;
	}
	return now() - t;
}

static long long check_extension(long n)
{
	long long t = now();
	for (; n; n--)
		if (ioctl(system_fd, KVM_CHECK_EXTENSION, KVM_CAP_USER_MEMORY) <= 0)
			fail("KVM_CHECK_EXTENSION");
	return now() - t;
}

static long long vm_cycle(long n)
{
	long long t = now();
	for (; n; n--) {
		struct guest g;
		create(&g, halt_code, sizeof(halt_code));
		run_until(&g, KVM_EXIT_HLT);
		destroy(&g);
	}
	return now() - t;
}

static const struct {
	const char *name;
	long long (*loop)(long n);
} rows[] = {
	{"port-io", port_io},   {"mmio", mmio},
	{"decode", decode},
	{"immediate", immediate}, {"get-regs", get_regs},
	{"check-extension", check_extension}, {"vm-cycle", vm_cycle},
};

/* The processor to stay on, so that both sides measure on the same one. */
static void pin(const char *cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(atoi(cpu), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void *idle(void *unused)
{
	for (;;)
		pause();
	return unused;
}

/* Usage: peer [processor [threads beside the one that measures]] */
int main(int argc, char **argv)
{
	char name[64];
	long count, threads;
	pthread_t thread;

	for (threads = argc > 2 ? atol(argv[2]) : 0; threads > 0; threads--)
		if ((errno = pthread_create(&thread, NULL, idle, NULL)))
			fail("pthread_create");
	if (argc > 1)
		pin(argv[1]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if ((system_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC)) < 0)
		fail("open /dev/kvm");
	if ((run_size = ioctl(system_fd, KVM_GET_VCPU_MMAP_SIZE, 0)) < 0)
		fail("KVM_GET_VCPU_MMAP_SIZE");
	create(&port_guest, port_code, sizeof(port_code));
	create(&mmio_guest, mmio_code, sizeof(mmio_code));
	create(&decode_guest, decode_code, sizeof(decode_code));
	create(&idle_guest, halt_code, sizeof(halt_code));
	while (scanf("%63s %ld", name, &count) == 2) {
		size_t i;
		for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			if (!strcmp(name, rows[i].name))
				break;
		if (i == sizeof(rows) / sizeof(rows[0]))
			printf("error no row %s\n", name);
		else {
			rows[i].loop(count / 4 + 1);
			printf("%lld\n", rows[i].loop(count));
		}
	}
	return 0;
}
