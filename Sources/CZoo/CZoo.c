// The contract is headers only; this file gives the package manager something to compile, and compiles them as C.
#include "zoo/zoo.h"
