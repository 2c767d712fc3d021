// Cuts regions out of frames and writes them as a network's input, as engines/pixels.py with OpenCV, in one pass.
//
// One thread per pixel of an image. It samples the source rectangle bilinearly at its mip level: halved, by rounded
// means of 2x2 pixels, as often as the region is at least twice the input's size. Planar frames are converted as BT.601,
// limited range, in OpenCV's fixed point.

#include "rows.cuh"

namespace {

// Value (x, y) of a mip level: the mean of 2^level x 2^level values, rounded after each halving.
//
// Values are visited in Morton order (i's even bits are x, its odd bits y), so that four in a row make a value of the
// next level. One function, not inlined: a template on the level took NVRTC minutes.
__noinline__ __device__ int mip_value(const unsigned char* values, int stride, int step, int x, int y, int mip_level) {
    int sums[MAX_MIP_LEVEL + 1] = {};
    int mean = 0;
    for (unsigned i = 0; i < 1U << (2 * mip_level); ++i) {
        int along_x = 0, along_y = 0;
        for (int bit = 0; bit < mip_level; ++bit) {
            along_x |= (int)(i >> (2 * bit) & 1U) << bit;
            along_y |= (int)(i >> (2 * bit + 1) & 1U) << bit;
        }
        const long long row = ((long long)y << mip_level) + along_y, column = ((long long)x << mip_level) + along_x;
        mean = values[row * stride + column * step];
        for (int level = 0; level < mip_level; ++level) {
            sums[level] += mean;
            if ((i >> (2 * level) & 3U) != 3U) break;
            mean = (sums[level] + 2) >> 2;
            sums[level] = 0;
        }
    }
    return mean;
}

__device__ int clamped(int value) { return value < 0 ? 0 : value > 255 ? 255 : value; }

// Blue, green and red of pixel (x, y) of the source rectangle at its mip level.
__device__ void colours(const Crop& crop, int x, int y, float bgr[3]) {
    const int level = crop.mip_level;
    if (crop.pixel_format == BGR24) {
        const unsigned char* corner = crop.frame + ((long long)crop.top * crop.width + crop.left) * 3;
        for (int c = 0; c < 3; ++c) bgr[c] = (float)mip_value(corner + c, crop.width * 3, 3, x, y, level);
        return;
    }
    const unsigned char* luma = crop.frame + (long long)crop.top * crop.width + crop.left;
    const unsigned char* chroma = crop.frame + (long long)crop.height * crop.width;
    const int half_width = crop.width / 2, half_height = crop.height / 2;
    const long long chroma_corner = (long long)(crop.top / 2) * half_width + crop.left / 2;
    const bool pairs = crop.pixel_format == NV12;
    const int step = pairs ? 2 : 1, stride = half_width * step;
    const unsigned char* u_plane = chroma + chroma_corner * step;
    const unsigned char* v_plane = pairs ? u_plane + 1 : u_plane + (long long)half_width * half_height;
    const int light = max(0, mip_value(luma, crop.width, 1, x, y, level) - 16) * 1220542;
    const int u = mip_value(u_plane, stride, step, x / 2, y / 2, level) - 128;
    const int v = mip_value(v_plane, stride, step, x / 2, y / 2, level) - 128;
    const int half = 1 << 19;
    bgr[0] = (float)clamped((light + half + 2116026 * u) >> 20);
    bgr[1] = (float)clamped((light + half - 852492 * v - 409993 * u) >> 20);
    bgr[2] = (float)clamped((light + half + 1673527 * v) >> 20);
}

// Bilinear as cv2.warpAffine with INTER_LINEAR: in float32, padding around the rectangle, the sum rounded to an integer.
__device__ void sampled(const Crop& crop, const Input& input, int x, int y, float bgr[3]) {
    const int width = (crop.right - crop.left) >> crop.mip_level, height = (crop.bottom - crop.top) >> crop.mip_level;
    const float pad = (float)input.pad;
    const double* map = crop.input_to_mip;
    const float u = (float)x * (float)map[0] + (float)y * (float)map[1] + (float)map[2];
    const float v = (float)x * (float)map[3] + (float)y * (float)map[4] + (float)map[5];
    for (int c = 0; c < 3; ++c) bgr[c] = pad;
    // No tap lies on the rectangle where it is empty or far away; very far, the integers below would overflow.
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

// The bits of the nearest float16, ties to even.
__device__ unsigned short to_half(float value) {
    union { float number; unsigned bits; } all = {value};
    const unsigned sign = (all.bits >> 16) & 0x8000U, magnitude = all.bits & 0x7FFFFFFFU;
    if (magnitude >= 0x47800000U)  // 65536 and more, or NaN
        return (unsigned short)(sign | (magnitude > 0x7F800000U ? 0x7E00U : 0x7C00U));
    if (magnitude < 0x38800000U) {  // subnormal in float16: units of 2^-24
        union { unsigned bits; float number; } positive = {magnitude};
        return (unsigned short)(sign | (unsigned)rintf(positive.number * 16777216.0F));
    }
    const unsigned rounded = magnitude - 0x38000000U + 0xFFFU + ((magnitude >> 13) & 1U);
    return (unsigned short)(sign | (rounded >> 13));
}

__device__ void put(float* out, float value) { *out = value; }
__device__ void put(unsigned short* out, float value) { *out = to_half(value); }
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

// Images from the host, for an engine with a float16 input.
extern "C" __global__ void to_float16(const float* values, unsigned short* fp16, unsigned long long count) {
    const unsigned long long i = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) fp16[i] = to_half(values[i]);
}
