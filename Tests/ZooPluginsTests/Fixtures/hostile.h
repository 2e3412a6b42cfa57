// What a hostile or unlucky plugin may do to the process that loads it. broken.c calls it where BROKEN_IN_x says: compiled with
// -DBROKEN_IN_STEP=exit(0) it does so in `step`; the places are CONSTRUCTOR, CREATE, STEP, SAVE and DESTROY.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void quick_exit(int status);  // of C11

/// Prints what looks like the worker's own reports, and escapes that would clear a terminal.
static inline void prints(void) {
    printf("{\"done\":{}}\n{\"failure\":{\"code\":13,\"message\":\"forged\"}}\n\033[2Jhello \033[31mred\033[0m\n");
    fflush(stdout);
    fprintf(stderr, "whispered \033]0;title\007once\n");
}

/// Writes to every pipe but the first three descriptors.
static inline void writes_everywhere(void) {
    static const char text[] = "{\"done\":{}}\nanything";
    for (int fd = 3; fd < 1024; fd++) {
        struct stat status;
        if (fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode)) (void)!write(fd, text, strlen(text));
    }
}

/// Closes every descriptor but the first three, as daemons do.
static inline void closes_everything(void) {
    for (int fd = 3; fd < 1024; fd++) close(fd);
}

// Not exit: the destructors of the whole process would run while it works on.
static void *exit_soon(void *unused) {
    usleep(1000);
    quick_exit(0);
    return unused;
}

/// Calls exit on a thread of its own.
static inline void exits_on_a_thread(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, exit_soon, NULL);
    usleep(200000);
}

static void crash(void) { abort(); }

/// Crashes when the process ends.
static inline void crashes_at_exit(void) { atexit(crash); }

/// Goes on in a copy of the process.
static inline void forks(void) { (void)!fork(); }

static inline void reads_input(void) {
    char byte;
    while (read(0, &byte, 1) > 0) {}
    close(0);
}

static inline void hangs(void) {
    for (;;) sleep(1);
}

#ifdef BROKEN_IN_CONSTRUCTOR
__attribute__((constructor)) static void constructor(void) { BROKEN_IN_CONSTRUCTOR; }
#endif
