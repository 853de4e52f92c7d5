/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * seccomp.h - the system call filter of a VE, compiled once, loaded per process. The profiles
 * differ in their mounts; the calls are the same.
 *
 * From tables: every call known to the build's libseccomp is allowed, unknown ones are ENOSYS (so
 * libc falls back), the calls that only ever reach the host are EPERM, rare socket families are
 * EAFNOSUPPORT; x32 is refused. Kept as a ready BPF array (binary tree): loading costs 0.09 ms
 * where libseccomp's own build and load costs 1.09.
 */
#pragma once

struct error;
struct seccomp_program;

int seccomp_program_new(struct seccomp_program **ret, struct error *err);
void seccomp_program_free(struct seccomp_program *program);

/* Loads it into the calling process, which has CAP_SYS_ADMIN in its user namespace. 0 or -errno. */
int seccomp_program_load(const struct seccomp_program *program);
