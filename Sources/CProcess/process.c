#define _GNU_SOURCE
#include "CProcess.h"

#include <fenv.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>
#if defined(__linux__)
#include <malloc.h>
#include <sys/prctl.h>
#include <ucontext.h>
#endif

zoo_arithmetic zoo_arithmetic_now(void) {
    zoo_arithmetic now = {0, 0, 0, 0};
    now.rounding = (uint64_t)fegetround();
#if defined(__x86_64__)
    uint32_t sse;
    uint16_t x87;
    __asm__ volatile("stmxcsr %0" : "=m"(sse));
    __asm__ volatile("fnstcw %0" : "=m"(x87));
    now.subnormals = sse & 0x8040;          // flush to zero, denormals are zero
    now.traps = ~(uint64_t)sse & 0x1f80;    // a mask bit of 0 is a trap
    now.x87 = x87 & 0x0f3f;
#elif defined(__aarch64__)
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    now.subnormals = control & 0x1080000;
    now.traps = control & 0x9f00;
#endif
    return now;
}

uint64_t zoo_signal_handler(int number) {
    struct sigaction now;
    memset(&now, 0, sizeof now);
    if (sigaction(number, NULL, &now) != 0) return 0;
    return (now.sa_flags & SA_SIGINFO) ? (uint64_t)(uintptr_t)now.sa_sigaction : (uint64_t)(uintptr_t)now.sa_handler;
}

int zoo_signal_is_blocked(int number) {
    sigset_t blocked;
    return pthread_sigmask(SIG_BLOCK, NULL, &blocked) == 0 && sigismember(&blocked, number) == 1;
}

int zoo_limits(int resource, uint64_t *soft, uint64_t *hard) {
    struct rlimit limits;
    if (getrlimit(resource, &limits) != 0) return 0;
    *soft = (uint64_t)limits.rlim_cur;
    *hard = (uint64_t)limits.rlim_max;
    return 1;
}

uint64_t zoo_malloc_bytes(void) {
#if defined(__GLIBC__)
    struct mallinfo2 now = mallinfo2();
    return (uint64_t)now.uordblks + (uint64_t)now.hblkhd;
#else
    return 0;
#endif
}

void zoo_adopt_descendants(void) {
#if defined(__linux__)
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
#endif
}

int zoo_niceness(void) {
    return getpriority(PRIO_PROCESS, 0);
}

int zoo_children_have_ended(void) {
    struct rusage usage;
    return getrusage(RUSAGE_CHILDREN, &usage) == 0 && usage.ru_maxrss > 0;
}

uint64_t zoo_timer(int which) {
    struct itimerval now;
    if (getitimer(which, &now) != 0) return 0;
    return ((uint64_t)now.it_value.tv_sec * 1000000 + (uint64_t)now.it_value.tv_usec) * 1000;
}

static zoo_lent *lent;
static int crash_status, crash_descriptor;
static const char *crash_prefix;

void zoo_lend(zoo_lent *memory) {
    memory->next = lent;
    lent = memory;
}

static void say(const char *text) {
    size_t length = strlen(text);
    while (length > 0) {
        ssize_t written = write(crash_descriptor, text, length);
        if (written <= 0) return;
        text += written;
        length -= (size_t)written;
    }
}

static void say_number(uint64_t number) {
    char digits[24];
    int at = sizeof digits;
    digits[--at] = 0;
    do digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    say(digits + at);
}

/// The kind of access, where the machine tells.
static const char *access_of(void *context) {
#if defined(__linux__) && defined(__x86_64__)
    return ((ucontext_t *)context)->uc_mcontext.gregs[REG_ERR] & 2 ? "wrote" : "read";
#else
    (void)context;
    return "touched";
#endif
}

static void explain(int number, siginfo_t *info, void *context) {
    uint64_t address = (uint64_t)(uintptr_t)info->si_addr;
    zoo_lent *nearest = NULL;
    uint64_t distance = 4096;
    for (zoo_lent *at = lent; at != NULL; at = at->next) {
        uint64_t away = address < at->start ? at->start - address : address < at->end ? 0 : address - at->end + 1;
        if (away < distance) nearest = at, distance = away;
        if (away == 0) break;
    }
    if (nearest == NULL) {
        signal(number, SIG_DFL);
        raise(number);
        return;
    }
    say("\n");
    say(crash_prefix);
    say("{\"touched\":\"it ");
    say(access_of(context));
    if (distance == 0) {
        say(" byte ");
        say_number(address - nearest->start);
        say(" of ");
    } else {
        say(" ");
        say_number(distance);
        say(address < nearest->start ? " bytes before " : " bytes past the end of ");
    }
    say(nearest->name);
    say(", ");
    say_number(nearest->end - nearest->start);
    say(" bytes long");
    if (distance == 0 && nearest->rule != NULL) {
        say(", ");
        say(nearest->rule);
    }
    say("\"}\n");
    _exit(crash_status);
}

void zoo_explain_crashes(int status, int descriptor, const char *prefix) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = explain;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigemptyset(&action.sa_mask);
    crash_status = status;
    crash_descriptor = descriptor;
    crash_prefix = prefix;
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}
