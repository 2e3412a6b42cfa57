// What broken.c needs with -DBROKEN_UNDEFINED_SYMBOL, in a library of its own.
__attribute__((visibility("default"))) void nobody_defines_this(void);
void nobody_defines_this(void) {}
