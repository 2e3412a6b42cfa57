// Kills a process of zoo at a chosen point: before its DIE_AT-th removal or renaming of a file or folder. Preloaded by the campaign
// (LD_PRELOAD); the program itself knows nothing of it. DIE_IN says which processes count: "worker" or "host". Where DIE_COUNT names a
// file, each process adds the number of each point to it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_long done;

static void point(void) {
    const char *at = getenv("DIE_AT"), *in = getenv("DIE_IN");
    if (at == NULL || in == NULL) return;
    if ((strcmp(in, "worker") == 0) != (getenv("ZOO_WORKER") != NULL)) return;
    long number = atomic_fetch_add(&done, 1) + 1;
    const char *count = getenv("DIE_COUNT");
    FILE *file = count == NULL ? NULL : fopen(count, "a");
    if (file != NULL) {
        fprintf(file, "%ld\n", number);
        fclose(file);
    }
    if (number == atol(at)) kill(getpid(), SIGKILL);
}

#define POINT(name, parameters, ...)                                                                                                  \
    int name parameters {                                                                                                             \
        static int(*next) parameters;                                                                                                 \
        if (next == NULL) next = (int(*) parameters)dlsym(RTLD_NEXT, #name);                                                          \
        point();                                                                                                                      \
        return next(__VA_ARGS__);                                                                                                     \
    }

POINT(unlink, (const char *path), path)
POINT(rmdir, (const char *path), path)
POINT(unlinkat, (int folder, const char *path, int flags), folder, path, flags)
POINT(rename, (const char *from, const char *to), from, to)
POINT(renameat, (int a, const char *from, int b, const char *to), a, from, b, to)
POINT(renameat2, (int a, const char *from, int b, const char *to, unsigned flags), a, from, b, to, flags)
