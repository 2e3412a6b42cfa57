#include "../../declarations.h"
