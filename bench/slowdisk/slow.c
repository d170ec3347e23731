/* Preloaded into a server: fsync and fdatasync take BENCH_FSYNC_US microseconds longer. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static void wait_first(void) {
  const char *text = getenv("BENCH_FSYNC_US");
  long us = text ? atol(text) : 0;
  struct timespec wait = {us / 1000000, us % 1000000 * 1000};
  if (us > 0) nanosleep(&wait, 0);
}

int fsync(int file) {
  wait_first();
  return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file);
}

int fdatasync(int file) {
  wait_first();
  return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(file);
}
