// What a fixture is told to break, by its file's name, and what it does to the process in the call that is named there.
#pragma once

#include <dlfcn.h>
#include <fcntl.h>
#include <fenv.h>
#include <locale.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

// The kind -----------------------------------------------------------------------------------------------------------------------

static char kind[64], at_call[32];

static void find_kind(void) {
    if (kind[0] != 0) return;
    Dl_info info;
    const char *name = dladdr((void *)find_kind, &info) ? strrchr(info.dli_fname, '/') : NULL;
    if (name == NULL || sscanf(name, "/libfault-%63[^.@]", kind) != 1) strcpy(kind, "none");
    const char *at = name ? strchr(name, '@') : NULL;
    if (at != NULL) sscanf(at, "@%31[^.]", at_call);
}

static int is(const char *other) { return strcmp(kind, other) == 0; }
static int begins(const char *start) { return strncmp(kind, start, strlen(start)) == 0; }

// What it does to the process --------------------------------------------------------------------------------------------------------

static void on_signal(int number) { (void)number; }

static void *sleep_forever(void *argument) {
    for (;;) sleep(1);
    return argument;
}

static void touch_file(const char *folder) {
    char path[512];
    snprintf(path, sizeof path, "%s/left-behind", folder);
    int file = open(path, O_CREAT | O_WRONLY, 0600);
    if (file >= 0) close(file);
}

/// Changes what the host shares, where the file's name says that this call does.
static void disturb(const char *call) {
    find_kind();
    if (strcmp(call, at_call) != 0) return;
    if (is("rounding")) fesetround(FE_UPWARD);
#if defined(__x86_64__)
    if (is("subnormals")) __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);
#endif
    if (is("traps")) feenableexcept(FE_UNDERFLOW);
    if (is("locale")) setlocale(LC_ALL, "C.UTF-8");
    if (is("umask")) umask(0);
    if (is("directory") && chdir("/") != 0) abort();
    if (is("environment")) setenv("LEFT_BEHIND", "1", 1);
    if (is("limit")) {
        struct rlimit limit;
        getrlimit(RLIMIT_CORE, &limit);
        limit.rlim_max = limit.rlim_cur = 0;
        if (setrlimit(RLIMIT_CORE, &limit) != 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0) abort();
        limit.rlim_cur -= 1;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (is("affinity")) {
        cpu_set_t set;
        sched_getaffinity(0, sizeof set, &set);
        for (int i = CPU_SETSIZE - 1; i > 0; i--)
            if (CPU_ISSET(i, &set)) { CPU_CLR(i, &set); break; }
        sched_setaffinity(0, sizeof set, &set);
    }
    if (is("niceness") && nice(1) == -1) abort();
    if (is("handler")) signal(SIGUSR1, on_signal);
    if (is("mask")) {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR2);
        sigprocmask(SIG_BLOCK, &set, NULL);
    }
    if (is("timer")) {
        struct itimerval timer = {{0, 0}, {1000, 0}};
        setitimer(ITIMER_VIRTUAL, &timer, NULL);
    }
    if (is("descriptor") && open("/dev/null", O_RDONLY) < 0) abort();
    if (is("socket") && socket(AF_UNIX, SOCK_STREAM, 0) < 0) abort();
    if (is("child") || is("daemon")) {
        pid_t child = fork();
        if (child == 0) {
            if (is("daemon") && (setsid(), fork() != 0)) _exit(0);
            execl("/bin/sleep", "sleep", "3", (char *)NULL);
            _exit(1);
        }
        if (is("daemon")) waitpid(child, NULL, 0);
    }
    if (is("thread")) {
        pthread_t thread;
        pthread_create(&thread, NULL, sleep_forever, NULL);
    }
    if (is("file")) touch_file(".");
    if (is("home-file") && getenv("HOME")) touch_file(getenv("HOME"));
    if (is("temporary-file")) touch_file(getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
}

__attribute__((constructor)) static void on_load(void) { disturb("constructor"); }
