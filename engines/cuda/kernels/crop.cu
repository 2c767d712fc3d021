// Cuts regions out of frames and writes them as a network's input: what engines/pixels.py does with OpenCV, in one pass.
//
// A thread makes one pixel of one image: it samples the part of the frame bilinearly, from a picture first halved, by
// rounded means of 2x2 pixels, as often as the region is at least twice the input's size. Colours of planar frames are
// BT.601, limited range, in OpenCV's fixed point.

#include "rows.cuh"

namespace {

// The mean of the block of 2^halvings x 2^halvings values at (x, y) in units of blocks, halved and rounded so many times.
//
// The values are taken in the order in which four make a block of the next level, and so on: i's even bits count along x,
// its odd ones along y. One function, not inlined: a function for each number of halvings took NVRTC minutes.
__noinline__ __device__ int halved(const unsigned char* values, int stride, int step, int x, int y, int halvings) {
    int sums[MOST_HALVINGS + 1] = {};
    int mean = 0;
    for (unsigned i = 0; i < 1U << (2 * halvings); ++i) {
        int along_x = 0, along_y = 0;
        for (int bit = 0; bit < halvings; ++bit) {
            along_x |= (int)(i >> (2 * bit) & 1U) << bit;
            along_y |= (int)(i >> (2 * bit + 1) & 1U) << bit;
        }
        const long long row = ((long long)y << halvings) + along_y, column = ((long long)x << halvings) + along_x;
        mean = values[row * stride + column * step];
        for (int level = 0; level < halvings; ++level) {
            sums[level] += mean;
            if ((i >> (2 * level) & 3U) != 3U) break;
            mean = (sums[level] + 2) >> 2;
            sums[level] = 0;
        }
    }
    return mean;
}

__device__ int clamped(int value) { return value < 0 ? 0 : value > 255 ? 255 : value; }

// Blue, green and red of pixel (x, y) of the halved part.
__device__ void colours(const Crop& crop, int x, int y, float bgr[3]) {
    const int h = crop.halvings;
    if (crop.pixel_format == BGR24) {
        const unsigned char* part = crop.frame + ((long long)crop.top * crop.width + crop.left) * 3;
        for (int c = 0; c < 3; ++c) bgr[c] = (float)halved(part + c, crop.width * 3, 3, x, y, h);
        return;
    }
    const unsigned char* luma = crop.frame + (long long)crop.top * crop.width + crop.left;
    const unsigned char* chroma = crop.frame + (long long)crop.height * crop.width;
    const int half_width = crop.width / 2, half_height = crop.height / 2;
    const long long corner = (long long)(crop.top / 2) * half_width + crop.left / 2;
    const bool pairs = crop.pixel_format == NV12;
    const int step = pairs ? 2 : 1, stride = half_width * step;
    const unsigned char* u_plane = chroma + corner * step;
    const unsigned char* v_plane = pairs ? u_plane + 1 : u_plane + (long long)half_width * half_height;
    const int light = max(0, halved(luma, crop.width, 1, x, y, h) - 16) * 1220542;
    const int u = halved(u_plane, stride, step, x / 2, y / 2, h) - 128;
    const int v = halved(v_plane, stride, step, x / 2, y / 2, h) - 128;
    const int half = 1 << 19;
    bgr[0] = (float)clamped((light + half + 2116026 * u) >> 20);
    bgr[1] = (float)clamped((light + half - 852492 * v - 409993 * u) >> 20);
    bgr[2] = (float)clamped((light + half + 1673527 * v) >> 20);
}

// As cv2.warpAffine does it with INTER_LINEAR: in float32, padding beyond the part, the sum rounded to a whole number.
__device__ void sampled(const Crop& crop, const Input& input, int x, int y, float bgr[3]) {
    const int width = (crop.right - crop.left) >> crop.halvings, height = (crop.bottom - crop.top) >> crop.halvings;
    const float pad = (float)input.pad;
    const float u = (float)x * (float)crop.sample[0] + (float)y * (float)crop.sample[1] + (float)crop.sample[2];
    const float v = (float)x * (float)crop.sample[3] + (float)y * (float)crop.sample[4] + (float)crop.sample[5];
    for (int c = 0; c < 3; ++c) bgr[c] = pad;
    // Where the part is empty, or a whole picture away, no tap lies on it; so far away whole numbers would overflow.
    if (width <= 0 || height <= 0 || !(u > -2.0F && v > -2.0F && u < (float)width + 1.0F && v < (float)height + 1.0F))
        return;
    const int left = (int)floorf(u), top = (int)floorf(v);
    const float along_x = u - (float)left, along_y = v - (float)top;
    float taps[4][3];
    for (int tap = 0; tap < 4; ++tap) {
        const int at_x = left + (tap & 1), at_y = top + (tap >> 1);
        for (int c = 0; c < 3; ++c) taps[tap][c] = pad;
        if (at_x >= 0 && at_y >= 0 && at_x < width && at_y < height) colours(crop, at_x, at_y, taps[tap]);
    }
    for (int c = 0; c < 3; ++c) {
        const float upper = taps[0][c] + along_x * (taps[1][c] - taps[0][c]);
        const float lower = taps[2][c] + along_x * (taps[3][c] - taps[2][c]);
        bgr[c] = rintf(upper + along_y * (lower - upper));
    }
}

// The nearest half, ties to even, as bits.
__device__ unsigned short half_of(float value) {
    union { float number; unsigned bits; } all = {value};
    const unsigned sign = (all.bits >> 16) & 0x8000U, magnitude = all.bits & 0x7FFFFFFFU;
    if (magnitude >= 0x47800000U)  // 65536 and more, or no number
        return (unsigned short)(sign | (magnitude > 0x7F800000U ? 0x7E00U : 0x7C00U));
    if (magnitude < 0x38800000U) {  // below the least normal half, in units of 2^-24
        union { unsigned bits; float number; } positive = {magnitude};
        return (unsigned short)(sign | (unsigned)rintf(positive.number * 16777216.0F));
    }
    const unsigned rounded = magnitude - 0x38000000U + 0xFFFU + ((magnitude >> 13) & 1U);
    return (unsigned short)(sign | (rounded >> 13));
}

__device__ void put(float* out, float value) { *out = value; }
__device__ void put(unsigned short* out, float value) { *out = half_of(value); }
__device__ void put(int* out, float value) { *out = (int)value; }
__device__ void put(unsigned char* out, float value) { *out = (unsigned char)value; }

template <typename T>
__device__ void crop(const Crop* crops, const Input* input, T* out) {
    const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    const Crop& own = crops[blockIdx.z];
    if (!own.shown || x >= input->width || y >= input->height) return;
    float bgr[3];
    sampled(own, *input, x, y, bgr);
    const long long plane = (long long)input->width * input->height, pixel = (long long)y * input->width + x;
    T* image = out + blockIdx.z * plane * 3;
    for (int c = 0; c < 3; ++c) {
        const float value = bgr[input->rgb ? 2 - c : c] * input->scale[c] + input->shift[c];
        put(image + (input->nhwc ? pixel * 3 + c : c * plane + pixel), value);
    }
}

}  // namespace

extern "C" __global__ void crop_float32(const Crop* crops, const Input* input, float* out) { crop(crops, input, out); }
extern "C" __global__ void crop_float16(const Crop* crops, const Input* input, unsigned short* out) {
    crop(crops, input, out);
}
extern "C" __global__ void crop_int32(const Crop* crops, const Input* input, int* out) { crop(crops, input, out); }
extern "C" __global__ void crop_uint8(const Crop* crops, const Input* input, unsigned char* out) {
    crop(crops, input, out);
}

// Images that came from the host, for an engine that takes halves.
extern "C" __global__ void to_float16(const float* values, unsigned short* halves, unsigned long long count) {
    const unsigned long long i = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) halves[i] = half_of(values[i]);
}
