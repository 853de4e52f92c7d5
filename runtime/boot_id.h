/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * boot_id.h - a VE's own answer to "which boot is this".
 */
#pragma once

struct error;

/* Binds a new random id over the kernel's, in the VE's procfs; run_fd is its mounted /run. */
int boot_id_attach(int root_fd, int run_fd, struct error *err);
