// libpng's simplified interface (png.h, 1.6 and later), which reports errors by its result and never jumps.
#include <png.h>
#include <string.h>

/// Encodes 8-bit grey pixels, row by row. `*bytes` holds the room at `memory` on entry (NULL to ask) and the need on return.
/// Gives 0, or the length of the message put into `message`.
static inline int zoo_png_write(void *memory, size_t *bytes, const unsigned char *grey, unsigned width, unsigned height,
                                char message[64]) {
    png_image image;
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    image.width = width;
    image.height = height;
    image.format = PNG_FORMAT_GRAY;
    png_alloc_size_t need = *bytes;
    int ok = png_image_write_to_memory(&image, memory, &need, 0, grey, (png_int_32)width, NULL);
    *bytes = need;
    memcpy(message, image.message, sizeof image.message);
    png_image_free(&image);
    return ok ? 0 : (int)strlen(message);
}
