// CSpawn: what glibc declares for GNU sources alone, and Swift therefore does not see. No logic.

#ifndef LAYERD_CSPAWN_H
#define LAYERD_CSPAWN_H

#include <spawn.h>

// Between fork and exec, closes every descriptor from `from` on, whoever opened it and when.
int cspawn_close_from(posix_spawn_file_actions_t *actions, int from);

#endif
