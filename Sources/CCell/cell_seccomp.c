/* SPDX-License-Identifier: Apache-2.0
 * Cell: the system call filter (seccomp(2)), as classic BPF: what a plugin has no business with is EPERM. */
#define _GNU_SOURCE
#include "cell.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCH AUDIT_ARCH_AARCH64
#else
#error "system call numbers of this machine are not known here"
#endif

/* Newer than some headers; from 424 on the numbers are the same everywhere. */
enum {
    NR_io_uring_setup = 425,
    NR_io_uring_enter = 426,
    NR_io_uring_register = 427,
    NR_open_tree = 428,
    NR_move_mount = 429,
    NR_fsopen = 430,
    NR_fsconfig = 431,
    NR_fsmount = 432,
    NR_fspick = 433,
    NR_clone3 = 435,
    NR_pidfd_getfd = 438,
    NR_process_madvise = 440,
    NR_mount_setattr = 442,
    NR_process_mrelease = 448
};

static const int denied[] = {
    /* other processes' memory and descriptors */
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
    NR_pidfd_getfd,
    NR_process_madvise,
    NR_process_mrelease,
    /* the kernel itself */
    SYS_kexec_load,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_syslog,
    SYS_reboot,
    SYS_acct,
    SYS_quotactl,
    SYS_nfsservctl,
    SYS_lookup_dcookie,
    NR_io_uring_setup,
    NR_io_uring_enter,
    NR_io_uring_register,
#ifdef SYS_kexec_file_load
    SYS_kexec_file_load,
#endif
    /* keys */
    SYS_add_key,
    SYS_request_key,
    SYS_keyctl,
    /* mounts, name spaces, swap */
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_setns,
    SYS_unshare,
    SYS_swapon,
    SYS_swapoff,
    SYS_name_to_handle_at,
    SYS_open_by_handle_at,
    NR_open_tree,
    NR_move_mount,
    NR_fsopen,
    NR_fsconfig,
    NR_fsmount,
    NR_fspick,
    NR_mount_setattr,
    /* the machine's clock, name and terminal */
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_adjtimex,
    SYS_clock_adjtime,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_vhangup,
    SYS_personality,
#if defined(__x86_64__)
    SYS_iopl,
    SYS_ioperm,
    SYS_modify_ldt,
    SYS_uselib,
    SYS_ustat,
    SYS_sysfs,
    SYS__sysctl,
    SYS_create_module,
    SYS_get_kernel_syms,
    SYS_query_module,
#endif
};

/* Without JF_CELL_PROCESSES. */
static const int denied_programs[] = {
    SYS_execve, SYS_execveat, SYS_setsid,
#if defined(__x86_64__)
    SYS_fork,   SYS_vfork,
#endif
};

static struct sock_filter program[512];
static unsigned short used;

static void add(unsigned short code, uint8_t yes, uint8_t no, uint32_t value) {
    program[used++] = (struct sock_filter){code, yes, no, value};
}

static void load(uint32_t offset) {
    add(BPF_LD | BPF_W | BPF_ABS, 0, 0, offset);
}

static void load_number(void) {
    load(offsetof(struct seccomp_data, nr));
}

/* The lower half of an argument; the machine is little-endian. */
static void load_argument(uint32_t index) {
    load((uint32_t)offsetof(struct seccomp_data, args) + index * 8);
}

static void answer(uint32_t error) {
    add(BPF_RET | BPF_K, 0, 0, error == 0 ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | error);
}

static void deny(int number) {
    add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)number);
    answer(EPERM);
}

/* With the call's number loaded: EPERM where argument `index` is `value`. Leaves the number loaded. */
static void deny_argument(int number, uint32_t index, uint32_t value) {
    add(BPF_JMP | BPF_JEQ | BPF_K, 0, 4, (uint32_t)number);
    load_argument(index);
    add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, value);
    answer(EPERM);
    load_number();
}

int cell_filter_calls(uint64_t flags) {
    used = 0;
    load(offsetof(struct seccomp_data, arch));
    add(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, OWN_ARCH);
    add(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS);
    load_number();
#if defined(__x86_64__)
    /* The x32 numbers are the same calls again. */
    add(BPF_JMP | BPF_JGE | BPF_K, 0, 1, 0x40000000u);
    answer(ENOSYS);
#endif
    for (size_t i = 0; i < sizeof denied / sizeof denied[0]; i++)
        deny(denied[i]);
    /* Its flags lie in memory, where they cannot be judged; libc goes back to clone. */
    add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, NR_clone3);
    answer(ENOSYS);
    /* No new name spaces; without JF_CELL_PROCESSES nothing but threads. */
    const uint32_t spaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                            CLONE_NEWPID | CLONE_NEWNET;
    bool processes = (flags & JF_CELL_PROCESSES) != 0;
    add(BPF_JMP | BPF_JEQ | BPF_K, 0, processes ? 4 : 5, SYS_clone);
    load_argument(0);
    add(BPF_JMP | BPF_JSET | BPF_K, processes ? 0 : 1, processes ? 1 : 0, spaces);
    if (!processes) add(BPF_JMP | BPF_JSET | BPF_K, 1, 0, CLONE_THREAD);
    answer(EPERM);
    load_number();
    for (size_t i = 0; !processes && i < sizeof denied_programs / sizeof denied_programs[0]; i++)
        deny(denied_programs[i]);
    if ((flags & JF_CELL_NETWORK) == 0) {
        static const uint32_t families[] = {AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_VSOCK, AF_BLUETOOTH};
        for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
            deny_argument(SYS_socket, 0, families[i]);
    }
    /* Typing into the terminal of the gateway. */
    deny_argument(SYS_ioctl, 1, TIOCSTI);
    deny_argument(SYS_ioctl, 1, 0x541c); /* TIOCLINUX */
    /* Its end with the gateway's is not its own to cancel. */
    add(BPF_JMP | BPF_JEQ | BPF_K, 0, 6, SYS_prctl);
    load_argument(0);
    add(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, PR_SET_PDEATHSIG);
    load_argument(1);
    add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
    answer(EPERM);
    load_number();
    answer(0);
    struct sock_fprog filter = {used, program};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0ul, 0ul) != 0) return errno;
    return 0;
}
