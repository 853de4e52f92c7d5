/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * device.h - the device allow-list of a VE: a BPF_PROG_TYPE_CGROUP_DEVICE program on its v2 cgroup.
 *
 * This is the wall (property P14); nodev mounts and the missing mknod are only defaults. Hand-made
 * instructions, no compiler and no libbpf: the program is made at load time, nine instructions for
 * each row (type, majors, minor, access) of one table.
 */
#pragma once

struct error;

/* Loads the program: null zero full random urandom tty console ptmx, pts (136..143:*), and fuse.
 * Returns a program descriptor the caller owns; EPERM and ENOSYS become ERROR_UNSUPPORTED. */
int device_program_load(struct error *err);

/* Attaches to the cgroup directory open at cgroup_fd (BPF_F_ALLOW_MULTI). */
int device_program_attach(int program_fd, int cgroup_fd, struct error *err);
